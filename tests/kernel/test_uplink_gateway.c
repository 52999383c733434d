/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/errqueue.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/base/text.h"
#include "../../lib/compile/border.h"
#include "../../lib/compile/compile.h"
#include "../../lib/kernel/fibrule.h"
#include "../../lib/kernel/neigh.h"
#include "../../lib/kernel/nft.h"
#include "../../lib/kernel/route.h"
#include "../../lib/nl/nl.h"
#include "../lib/lab.h"
#include "../lib/site.h"
#include "../lib/world.h"

/*
 * The gateway's half of an uplink, with real packets: a tenant that the library has made, and
 * in its gateway what is compiled for one with an uplink, put there object by object. The
 * other end is in a namespace of the test's, which has the addresses of the host, of its LAN
 * and of some of the internet; behind it is one more, over a link with a small MTU.
 */
#define NEAR4 "100.64.0.7"
#define FAR4  "100.64.0.6"
#define NEAR6 "fd64::7"
#define FAR6  "fd64::6"
#define NET4  "8.8.8.8"
#define NET6  "2a00:1450::8"
#define BACK4 "9.9.9.9" /* behind the small MTU */
#define BACK6 "2620:fe::9"
#define LAN4  "192.168.7.7"
#define LAN6  "fd99::7"
#define HOST4 "192.168.7.1"
#define HOST6 "fd99::1"
#define META4 "169.254.169.254"

enum { LINK = 77, SLOT = 3, WEB = 1, SHOP = 9, PRIVATE = 10, GAME = 11 };
#define UP_NAME "nsn77"

static struct site site;
static int outside = -1, behind = -1;
static struct nsn_tenant tenant;
static struct nsn_border border;
static struct nsn_state wanted;
static struct nsnet_err err;

#define OK(call) lab_ok((call), &err, #call, __FILE__, __LINE__)
NSN_CLEANUP(struct nsn_nl, nsn_nl_close)
NSN_CLEANUP(struct nsn_nft_txn, nsn_nft_free)

static const struct nsnet_tenant_def def = {
	.name = SITE_TENANT, .subnet = SITE_SUBNET, .subnet6 = SITE_SUBNET6};
static const struct nsn_owner owner = {
	.store = "0123456789abcdef0123456789abcdef", .group = 77, .pin_dir = LAB_GW};

/* ---- what is wanted ------------------------------------------------------------------ */

enum { POLICIES = 4 };
static struct nsn_policy policies[POLICIES];
static struct nsn_peer peers[POLICIES][2];
static struct nsn_ports ports[POLICIES][2];
static struct nsn_prefix links[2];
static struct nsn_ip hosts[2];

static void policy(size_t i, uint32_t number, const char *from, const char *to, const char *one,
		   const char *other)
{
	struct nsn_policy *p = &policies[i];

	*p = (struct nsn_policy){.number = number,
				 .from = &peers[i][0],
				 .n_from = 1,
				 .to = &peers[i][1],
				 .n_to = 1,
				 .ports = ports[i],
				 .n_ports = other ? 2 : 1};
	(void)snprintf(p->name, sizeof(p->name), "rule%u", number);
	OK(nsn_peer_parse(&peers[i][0], from, &err));
	OK(nsn_peer_parse(&peers[i][1], to, &err));
	OK(nsn_ports_parse(&ports[i][0], one, &err));
	if (other)
		OK(nsn_ports_parse(&ports[i][1], other, &err));
}

static void make_tenant(void)
{
	uint64_t link = 0;

	tenant = (struct nsn_tenant){0};
	OK(nsn_tenant_parse(&tenant, &def, &err));
	OK(nsn_tenant_allocate(&tenant, &err));
	tenant.id = 1;
	tenant.endpoints[0].id = 1;
	assert_int_equal(nsn_u64_parse(&link, site.port + 3, NSN_LINK_MAX), 0);
	tenant.endpoints[0].link = link;
}

static void compile(uint32_t generation)
{
	static struct nsn_intent intent;
	static const struct nsn_uplink uplink = {.link = LINK, .tenant = 1, .slot = SLOT};
	struct nsn_transit transit;

	policy(0, WEB, SITE_TENANT, "internet", "udp/53", "icmp/echo");
	policy(1, SHOP, "internet", SITE_TENANT "/default", "tcp/443", NULL);
	policies[1].publish.port = 8443;
	policy(2, PRIVATE, "host", SITE_TENANT "/default", "udp/5000", NULL);
	policy(3, GAME, "internet", SITE_TENANT "/default", "udp/6000", NULL);
	policies[3].publish.port = 6000;
	policies[2].publish = (struct nsn_publish){.port = 5000, .ip = {AF_INET, {127, 0, 0, 1}}};
	assert_int_equal(nsn_prefix_parse(&links[0], "192.168.7.0/24"), 0);
	assert_int_equal(nsn_prefix_parse(&links[1], "fd99::/64"), 0);
	assert_int_equal(nsn_ip_parse(&hosts[0], HOST4), 0);
	assert_int_equal(nsn_ip_parse(&hosts[1], HOST6), 0);
	assert_int_equal(nsn_prefix_parse(&transit.ip, "100.64.0.0/16"), 0);
	assert_int_equal(nsn_prefix_parse(&transit.ip6, "fd64::/64"), 0);
	intent = (struct nsn_intent){.tenants = &tenant,
				     .n_tenants = 1,
				     .policies = policies,
				     .n_policies = POLICIES,
				     .now = 1,
				     .links = links,
				     .n_links = 2,
				     .host = hosts,
				     .n_host = 2};
	nsn_border_clear(&border);
	nsn_state_clear(&wanted);
	OK(nsn_border_make(&border, &intent, NULL, 0, &uplink, &transit, &tenant, generation,
			   &err));
	OK(nsn_compile(&tenant, &border, &owner, NSN_WANT_BUILT, &wanted, &err));
}

/* ---- into the kernel ------------------------------------------------------------------ */

static bool is_inet(const struct nsn_object *o)
{
	uint8_t family = 0;

	if (o->at.role != NSN_GATEWAY)
		return false;
	if (o->kind == NSN_OBJ_TABLE)
		return o->u.table.family == NFPROTO_INET;
	return nsn_object_table(o, &family) && family == NFPROTO_INET;
}

static void put_rules(void)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	NSN_AUTO(nsn_nft_freep) struct nsn_nft_txn *t = NULL;

	RUN_STATUS(0, "nft", "delete", "table", "inet", "nsnet");
	OK(nsn_nl_open(&nl, NETLINK_NETFILTER, &err));
	OK(nsn_nft_begin(&t, &err));
	for (size_t i = 0; i < wanted.n; i++)
		if (is_inet(&wanted.objects[i]))
			OK(nsn_nft_add(t, &wanted.objects[i], &err));
	OK(nsn_nft_commit(t, nl, &err));
}

/* Only what is not so: to write `all` is to write those of every link. */
static void put_setting(const struct nsn_sysctl *s)
{
	const size_t len = strlen(s->value);
	char path[160], now[64] = "";
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/sys/%s", s->path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && s->optional)
		return;
	assert_true(fd >= 0);
	assert_true(read(fd, now, sizeof(now) - 1) > 0);
	if (strncmp(now, s->value, len) != 0 || now[len] != '\n')
		assert_int_equal(pwrite(fd, s->value, len, 0), (ssize_t)len);
	(void)close(fd);
}

/* In the order of kinds, as the engine does it. */
static void put_rest(void)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;

	OK(nsn_nl_open(&nl, NETLINK_ROUTE, &err));
	for (size_t i = 0; i < wanted.n; i++) {
		const struct nsn_object *o = &wanted.objects[i];

		if (o->at.role != NSN_GATEWAY)
			continue;
		if (o->kind == NSN_OBJ_SYSCTL || o->kind == NSN_OBJ_CONF)
			put_setting(&o->u.sysctl);
		else if (o->kind == NSN_OBJ_NEIGH && strcmp(o->link, UP_NAME) == 0)
			OK(nsn_neigh_add(nl, o, &err));
		else if (o->kind == NSN_OBJ_UP && strcmp(o->link, UP_NAME) == 0)
			RUN_STATUS(0, "ip", "link", "set", UP_NAME, "up");
		else if (o->kind == NSN_OBJ_ROUTE)
			OK(nsn_route_add(nl, o, &err));
		else if (o->kind == NSN_OBJ_RULE)
			OK(nsn_fibrule_add(nl, o, &err));
	}
}

static const struct nsn_object *link_at(enum nsn_role role, char mac[NSN_MAC_STRLEN])
{
	const struct nsn_object *o =
		nsn_state_link(&wanted, (struct nsn_place){.role = role}, UP_NAME);

	assert_non_null(o);
	(void)nsn_mac_str(&o->u.dev.mac, mac);
	return o;
}

/* Both ends as they are wanted, and what the host has on its own. */
static void make_link(void)
{
	char near[NSN_MAC_STRLEN], far[NSN_MAC_STRLEN];
	const struct nsn_object *o = link_at(NSN_GATEWAY, near);

	assert_true(o->u.dev.peer_at.role == NSN_HOST && !o->u.dev.far);
	o = link_at(NSN_HOST, far);
	assert_true(o->u.dev.peer_at.role == NSN_GATEWAY && o->u.dev.far);
	assert_string_not_equal(near, far);
	free(lab_sh("ip link add " UP_NAME " address %s mtu 65535 netns outside type veth "
		    "peer name " UP_NAME " address %s mtu 65535 netns /run/nsnet/gw/*-1",
		    far, near));
	free(lab_sh(
		"ip netns exec outside sh -ec '"
		"sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1;"
		"ip link set lo up; ip link set " UP_NAME " up;"
		"for a in " FAR4 " " FAR6 "; do"
		"  ip address add $a dev " UP_NAME " $(case $a in *:*) echo nodad;; esac); done;"
		"for a in " NET4 " " NET6 " " LAN4 " " LAN6 " " HOST4 " " HOST6 " " META4 "; do"
		"  ip address add $a dev lo; done;"
		"for a in " NEAR4 " " NEAR6 "; do"
		"  ip neigh add $a lladdr %s dev " UP_NAME " nud permanent; done;"
		"ip route add " NEAR4 " dev " UP_NAME "; ip route add " NEAR6 " dev " UP_NAME "'",
		near));
	free(lab_sh("ip link add b0 netns outside mtu 1300 type veth peer name b0 mtu 1300 "
		    "netns behind;"
		    "ip netns exec outside sh -ec 'ip link set b0 up; ip address add 7.7.7.1/24 "
		    "dev b0; ip address add 2a00:7::1/64 dev b0 nodad;"
		    "ip route add " BACK4 " via 7.7.7.2; ip route add " BACK6 " via 2a00:7::2';"
		    "ip netns exec behind sh -ec 'ip link set lo up; ip link set b0 up;"
		    "ip address add 7.7.7.2/24 dev b0; ip address add 2a00:7::2/64 dev b0 nodad;"
		    "ip address add " BACK4 " dev lo; ip address add " BACK6 " dev lo;"
		    "ip route add default via 7.7.7.1; ip route add default via 2a00:7::1'"));
}

static void build(void)
{
	world_need();
	assert_true(site_build_def(&site, &def));
	free(lab_sh("ip netns add outside; ip netns add behind"));
	outside = site_open_ns("/run/netns/outside");
	behind = site_open_ns("/run/netns/behind");
	make_tenant();
	compile(5);
	make_link();
	site_go(site.gateway);
	put_rules();
	put_rest();
	site_go(site.home);
	site_wait_for_port(&site);
}

static void end(void)
{
	nsn_border_clear(&border);
	nsn_state_clear(&wanted);
	nsn_tenant_clear(&tenant);
	site_close(&outside);
	site_close(&behind);
	site_drop(&site);
}

/* ---- sockets ------------------------------------------------------------------------- */

struct place {
	struct sockaddr_storage at;
	socklen_t len;
};

static struct place place(const char *ip, uint16_t port)
{
	struct place p = {.len = sizeof(struct sockaddr_in)};
	struct sockaddr_in *four = (struct sockaddr_in *)&p.at;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&p.at;

	if (inet_pton(AF_INET, ip, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		return p;
	}
	p = (struct place){.len = sizeof(struct sockaddr_in6)};
	assert_int_equal(inet_pton(AF_INET6, ip, &six->sin6_addr), 1);
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	return p;
}

static const char *text_of(const struct place *p, char buf[INET6_ADDRSTRLEN])
{
	const void *bytes =
		p->at.ss_family == AF_INET
			? (const void *)&((const struct sockaddr_in *)&p->at)->sin_addr
			: (const void *)&((const struct sockaddr_in6 *)&p->at)->sin6_addr;

	return inet_ntop(p->at.ss_family, bytes, buf, INET6_ADDRSTRLEN);
}

static int sock(int ns, int type, const char *ip, uint16_t port)
{
	const struct place p = place(ip, port);
	const int on = 1;
	int fd;

	site_go(ns);
	fd = socket(p.at.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	site_go(site.home);
	assert_true(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (const struct sockaddr *)&p.at, p.len), 0);
	return fd;
}

static void say(int fd, const char *ip, uint16_t port)
{
	const struct place p = place(ip, port);

	/* No route, or told before that nobody is there: as good as lost on the way. */
	(void)sendto(fd, "x", 1, 0, (const struct sockaddr *)&p.at, p.len);
}

static bool ready(int fd, short what, int ms)
{
	struct pollfd p = {.fd = fd, .events = what};

	return poll(&p, 1, ms) == 1 && (p.revents & what);
}

/* What came: from @from, NULL: nothing may. *@port: from which. */
static void hears(int fd, const char *from, uint16_t *port, const char *why, int line)
{
	struct place p = {.len = sizeof(p.at)};
	char buf[16], text[INET6_ADDRSTRLEN];

	if (!ready(fd, POLLIN, from ? 3000 : 120)) {
		if (from)
			fail_msg("line %d, %s: nothing from %s", line, why, from);
		return;
	}
	assert_true(recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&p.at, &p.len) >= 0);
	if (!from || strcmp(text_of(&p, text), from) != 0)
		fail_msg("line %d, %s: something from %s", line, why, text_of(&p, text));
	if (port)
		*port = ntohs(((const struct sockaddr_in *)&p.at)->sin_port);
}
#define HEARS(fd, from, port, why) hears((fd), (from), (port), (why), __LINE__)

static const char *workload(bool six)
{
	return six ? SITE_WORKLOAD6 : SITE_WORKLOAD;
}

/* ---- out ------------------------------------------------------------------------------ */

static void what_is_allowed_leaves_under_the_transit_address(void **state)
{
	static const char *const internet[] = {NET4, NET6}, *const near[] = {NEAR4, NEAR6};

	(void)state;
	build();
	for (size_t i = 0; i < 2; i++) {
		int own = sock(site.workload, SOCK_DGRAM, workload(i), 6000);
		int dns = sock(outside, SOCK_DGRAM, internet[i], 53);
		int other = sock(outside, SOCK_DGRAM, internet[i], 54);
		uint16_t port = 0;

		say(own, internet[i], 54);
		say(own, internet[i], 53);
		HEARS(dns, near[i], &port, "allowed");
		say(dns, near[i], port);
		HEARS(own, internet[i], NULL, "the answer");
		HEARS(other, NULL, NULL, "another port");
		free(lab_sh("ip netns exec " SITE_TENANT " ping -c 1 -W 3 %s", internet[i]));
		/* Nobody calls back. */
		say(other, near[i], port);
		say(other, workload(i), 6000);
		say(dns, near[i], (uint16_t)(port + 1));
		HEARS(own, NULL, NULL, "nobody asked");
		(void)close(own);
		(void)close(dns);
		(void)close(other);
	}
	end();
}

static void what_is_not_the_internet_is_not_reached(void **state)
{
	static const char *const others[] = {LAN4, LAN6, HOST4, HOST6, META4, FAR4, FAR6};

	(void)state;
	build();
	for (size_t i = 0; i < NSN_COUNT(others); i++) {
		const bool six = strchr(others[i], ':');
		int own = sock(site.workload, SOCK_DGRAM, workload(six), 6000);
		int there = sock(outside, SOCK_DGRAM, others[i], 53);
		int internet = sock(outside, SOCK_DGRAM, six ? NET6 : NET4, 53);

		say(own, others[i], 53);
		HEARS(there, NULL, NULL, others[i]);
		/* It is the rules that are in its way: somebody else is reached. */
		say(own, six ? NET6 : NET4, 53);
		HEARS(internet, six ? NEAR6 : NEAR4, NULL, "the internet");
		(void)close(own);
		(void)close(there);
		(void)close(internet);
		assert_int_not_equal(lab_sh_status("ip netns exec " SITE_TENANT
						   " ping -c 1 -W 0.3 %s",
						   others[i]),
				     0);
	}
	end();
}

/* After a change the first packet may be an answer: it is looked up with the endpoint's address. */
static void an_answer_is_known_in_the_next_generation(void **state)
{
	static const char *const internet[] = {NET4, NET6}, *const near[] = {NEAR4, NEAR6};

	(void)state;
	build();
	for (size_t i = 0; i < 2; i++) {
		int own = sock(site.workload, SOCK_DGRAM, workload(i), 6000);
		int dns = sock(outside, SOCK_DGRAM, internet[i], 53);
		uint16_t port = 0;

		say(own, internet[i], 53);
		HEARS(dns, near[i], &port, "allowed");
		compile(6 + (uint32_t)i);
		site_go(site.gateway);
		put_rules();
		site_go(site.home);
		say(dns, near[i], port);
		HEARS(own, internet[i], NULL, "the answer");
		(void)close(own);
		(void)close(dns);
	}
	end();
}

/* The same where the endpoint answers, and where its kernel says that nobody is there. */
static void what_was_called_answers_in_the_next_generation(void **state)
{
	static const char *const internet[] = {NET4, NET6}, *const near[] = {NEAR4, NEAR6};

	(void)state;
	build();
	for (size_t i = 0; i < 2; i++) {
		const struct place to = place(near[i], GAME);
		int own = sock(site.workload, SOCK_DGRAM, workload(i), 6000), fault = 0;
		int client = sock(outside, SOCK_DGRAM, internet[i], 7000);
		socklen_t len = sizeof(fault);

		say(client, near[i], GAME);
		HEARS(own, internet[i], NULL, "published");
		compile(6 + (uint32_t)i);
		site_go(site.gateway);
		put_rules();
		site_go(site.home);
		say(own, internet[i], 7000);
		HEARS(client, near[i], NULL, "the answer");
		(void)close(own);
		assert_int_equal(connect(client, (const struct sockaddr *)&to.at, to.len), 0);
		assert_int_equal(send(client, "x", 1, 0), 1);
		assert_true(ready(client, POLLERR, 3000));
		assert_int_equal(getsockopt(client, SOL_SOCKET, SO_ERROR, &fault, &len), 0);
		assert_int_equal(fault, ECONNREFUSED);
		(void)close(client);
	}
	end();
}

static void a_small_mtu_on_the_way_is_told(void **state)
{
	static const char *const far[] = {BACK4, BACK6};

	(void)state;
	build();
	for (size_t i = 0; i < 2; i++) {
		const struct place to = place(far[i], 53);
		const int how = IP_PMTUDISC_DO; /* IPV6_PMTUDISC_DO is the same */
		int own = sock(site.workload, SOCK_DGRAM, workload(i), 6000), mtu = 0, fault = 0;
		int there = sock(behind, SOCK_DGRAM, far[i], 53);
		socklen_t len = sizeof(mtu);
		char big[1400] = "";
		bool told = false;

		assert_int_equal(connect(own, (const struct sockaddr *)&to.at, to.len), 0);
		assert_int_equal(setsockopt(own, i ? IPPROTO_IPV6 : IPPROTO_IP,
					    i ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &how,
					    sizeof(how)),
				 0);
		/* New links lose packets: asked until it is told, at most 4 s. */
		for (int k = 0; k < 8 && !told; k++) {
			(void)send(own, big, sizeof(big), 0);
			told = ready(own, POLLERR, 500);
		}
		assert_true(told);
		len = sizeof(fault);
		assert_int_equal(getsockopt(own, SOL_SOCKET, SO_ERROR, &fault, &len), 0);
		assert_int_equal(fault, EMSGSIZE);
		assert_int_equal(getsockopt(own, i ? IPPROTO_IPV6 : IPPROTO_IP,
					    i ? IPV6_MTU : IP_MTU, &mtu, &len),
				 0);
		assert_int_equal(mtu, 1300);
		assert_int_equal(send(own, big, 1000, 0), 1000);
		assert_true(ready(there, POLLIN, 3000));
		(void)close(own);
		(void)close(there);
	}
	end();
}

/* Who said that something is too large. */
static void offender(int fd, bool six, char text[INET6_ADDRSTRLEN])
{
	char control[512], data[2048];
	struct iovec part = {data, sizeof(data)};
	struct msghdr msg = {.msg_iov = &part,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct sock_extended_err *e;
	struct cmsghdr *c;
	struct place by;

	assert_true(ready(fd, POLLERR, 3000));
	assert_true(recvmsg(fd, &msg, MSG_ERRQUEUE) >= 0);
	c = CMSG_FIRSTHDR(&msg);
	if (!c) {
		fail_msg("nothing says who");
		return;
	}
	e = (struct sock_extended_err *)CMSG_DATA(c);
	assert_int_equal(e->ee_errno, EMSGSIZE);
	assert_int_equal(e->ee_info, 1500);
	memcpy(&by.at, SO_EE_OFFENDER(e),
	       six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
	assert_non_null(text_of(&by, text));
}

/* What the gateway itself says to somebody outside has the address that he knows. */
static void the_tenants_mtu_is_told_to_who_calls(void **state)
{
	static const char *const internet[] = {NET4, NET6}, *const near[] = {NEAR4, NEAR6};

	(void)state;
	build();
	for (size_t i = 0; i < 2; i++) {
		const struct place to = place(near[i], GAME);
		const int how = IP_PMTUDISC_DO, on = 1;
		int own = sock(site.workload, SOCK_DGRAM, workload(i), 6000);
		int client = sock(outside, SOCK_DGRAM, internet[i], 7000);
		char big[2000] = "", text[INET6_ADDRSTRLEN];

		assert_int_equal(connect(client, (const struct sockaddr *)&to.at, to.len), 0);
		assert_int_equal(setsockopt(client, i ? IPPROTO_IPV6 : IPPROTO_IP,
					    i ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &how,
					    sizeof(how)),
				 0);
		assert_int_equal(setsockopt(client, i ? IPPROTO_IPV6 : IPPROTO_IP,
					    i ? IPV6_RECVERR : IP_RECVERR, &on, sizeof(on)),
				 0);
		assert_int_equal(send(client, big, sizeof(big), 0), (ssize_t)sizeof(big));
		offender(client, i, text);
		assert_string_equal(text, near[i]);
		assert_int_equal(send(client, big, 1400, 0), 1400);
		HEARS(own, internet[i], NULL, "a smaller one");
		(void)close(own);
		(void)close(client);
	}
	end();
}

/* ---- in ------------------------------------------------------------------------------- */

/* Whether a connection from @from to @to gets through to @listener; its peer is @from then. */
static bool connects(int listener, const char *from, const char *to, uint16_t port, int ms)
{
	int fd = sock(outside, SOCK_STREAM, from, 0), got;
	const struct place p = place(to, port);
	struct place peer = {.len = sizeof(peer.at)};
	char text[INET6_ADDRSTRLEN], buf[4];
	bool ret;

	(void)connect(fd, (const struct sockaddr *)&p.at, p.len);
	ret = ready(listener, POLLIN, ms);
	if (ret) {
		got = accept4(listener, (struct sockaddr *)&peer.at, &peer.len, SOCK_CLOEXEC);
		assert_true(got >= 0);
		assert_string_equal(text_of(&peer, text), from);
		assert_int_equal(write(got, "hi", 2), 2);
		assert_true(ready(fd, POLLIN, 3000));
		assert_int_equal(read(fd, buf, sizeof(buf)), 2);
		(void)close(got);
	}
	(void)close(fd);
	return ret;
}

static void what_is_published_is_reached_and_sees_its_client(void **state)
{
	static const char *const internet[] = {NET4, NET6}, *const near[] = {NEAR4, NEAR6};
	static const char *const lan[] = {LAN4, LAN6};

	(void)state;
	build();
	for (size_t i = 0; i < 2; i++) {
		int listener = sock(site.workload, SOCK_STREAM, workload(i), 443);
		int udp = sock(site.workload, SOCK_DGRAM, workload(i), 443);
		int from = sock(outside, SOCK_DGRAM, internet[i], 7000);

		assert_int_equal(listen(listener, 8), 0);
		assert_true(connects(listener, internet[i], near[i], SHOP, 3000));
		/* Who is not the internet; ports that nobody published; another protocol. */
		assert_false(connects(listener, lan[i], near[i], SHOP, 120));
		assert_false(connects(listener, internet[i], near[i], 443, 120));
		assert_false(connects(listener, internet[i], near[i], 8443, 120));
		assert_false(connects(listener, internet[i], near[i], SHOP + 3, 120));
		say(from, near[i], SHOP);
		HEARS(udp, NULL, NULL, "UDP");
		(void)close(listener);
		(void)close(udp);
		(void)close(from);
	}
	end();
}

/* On loopback: for the host, which calls from its end of the uplink or from an address of it. */
static void what_is_published_on_loopback_is_for_the_host(void **state)
{
	static const char *const may[] = {FAR4, HOST4}, *const may_not[] = {NET4, LAN4};

	(void)state;
	build();
	for (size_t i = 0; i < 2; i++) {
		int own = sock(site.workload, SOCK_DGRAM, workload(false), 5000);
		int host = sock(outside, SOCK_DGRAM, may[i], 7000);
		int other = sock(outside, SOCK_DGRAM, may_not[i], 7000);

		say(other, NEAR4, PRIVATE);
		HEARS(own, NULL, NULL, may_not[i]);
		say(host, NEAR4, PRIVATE);
		HEARS(own, may[i], NULL, "the host");
		say(own, may[i], 7000);
		HEARS(host, NEAR4, NULL, "the answer");
		(void)close(own);
		(void)close(host);
		(void)close(other);
	}
	end();
}

/* Nothing of it is an address of the gateway, and those that are do not answer. */
static void the_gateway_itself_is_not_reached(void **state)
{
	static const char *const own[] = {NEAR4, NEAR6, SITE_GATEWAY, SITE_GATEWAY6, SITE_WORKLOAD};

	(void)state;
	build();
	free(lab_sh("ip netns exec outside sh -ec 'ip route add " SITE_SUBNET " via " NEAR4
		    " dev " UP_NAME "; ip route add " SITE_SUBNET6 " via " NEAR6 " dev " UP_NAME
		    "'"));
	for (size_t i = 0; i < NSN_COUNT(own); i++)
		for (size_t k = 0; k < 2; k++) {
			const bool six = strchr(own[i], ':');
			const char *from = k ? (six ? HOST6 : HOST4) : (six ? NET6 : NET4);

			assert_int_not_equal(
				lab_sh_status("ip netns exec outside ping -c 1 -W 0.3 -I %s %s",
					      from, own[i]),
				0);
		}
	end();
}

/* ---- the rules ------------------------------------------------------------------------- */

/*
 * Of a key with a port from any header nft 1.0.6 thinks that its bytes are to be turned, when
 * it reads a map of marks: those two chains, which a cable has as well, come back otherwise.
 */
static bool is_turned(const struct nsn_object *o)
{
	return o->kind == NSN_OBJ_CHAIN && (strcmp(o->u.chain.name, "nsnet_open") == 0 ||
					    strcmp(o->u.chain.name, "nsnet_answer") == 0);
}

static void are_as_wanted(const char *when, bool read_back)
{
	const struct nsn_place gateway = {.role = NSN_GATEWAY};
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_state have = {0};
	size_t n = 0;

	OK(nsn_nl_open(&nl, NETLINK_NETFILTER, &err));
	OK(nsn_nft_dump(nl, "nsnet", &have, gateway, &err));
	nsn_state_sort(&have);
	for (size_t i = 0; i < wanted.n; i++) {
		const struct nsn_object *o = &wanted.objects[i], *twin;

		if (!is_inet(o) || (read_back && is_turned(o)))
			continue;
		twin = nsn_state_find(&have, o);
		if (!twin || !nsn_object_same(o, twin))
			fail_msg("%s: %s", when, nsn_object_str(o, &wanted.arena));
		n++;
	}
	assert_true(n > 80);
	nsn_state_clear(&have);
}

static void nft_reads_back_what_it_lists(void **state)
{
	char *text;

	(void)state;
	build();
	site_go(site.gateway);
	are_as_wanted("as it was put there", false);
	free(lab_sh("nft list table inet nsnet >/run/rules; nft delete table inet nsnet"));
	RUN_STATUS(0, "nft", "-f", "/run/rules");
	are_as_wanted("read back", true);
	text = lab_sh("cat /run/rules");
	LAB_HAS(text, "dnat ip to ip daddr . meta l4proto . th dport map @nsnet_publish4");
	LAB_HAS(text, NEAR4 " . tcp . 9 comment \"rule9\" : " SITE_WORKLOAD " . 443");
	LAB_HAS(text, "\"" UP_NAME "\" : " NEAR4);
	free(text);
	site_go(site.home);
	end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_allowed_leaves_under_the_transit_address),
		cmocka_unit_test(what_is_not_the_internet_is_not_reached),
		cmocka_unit_test(an_answer_is_known_in_the_next_generation),
		cmocka_unit_test(what_was_called_answers_in_the_next_generation),
		cmocka_unit_test(a_small_mtu_on_the_way_is_told),
		cmocka_unit_test(the_tenants_mtu_is_told_to_who_calls),
		cmocka_unit_test(what_is_published_is_reached_and_sees_its_client),
		cmocka_unit_test(what_is_published_on_loopback_is_for_the_host),
		cmocka_unit_test(the_gateway_itself_is_not_reached),
		cmocka_unit_test(nft_reads_back_what_it_lists),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, world_setup, NULL);
}
