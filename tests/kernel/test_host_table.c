// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <linux/if_ether.h>
#include <linux/netlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/compile/host.h"
#include "../../lib/kernel/nft.h"
#include "../../lib/nl/nl.h"
#include "../lib/lab.h"
#include "../lib/packet.h"
#include "../lib/world.h"

/*
 * host_table - the host's table, loaded into a world that is the host of these:
 *
 *	wan 192.0.2.1 ----- eth0 192.0.2.10 \	       / nsn9  ----- gw9, of `red`
 *	  behind it 9.9.9.9		     the world
 *	lan 10.20.0.2 ----- eth1 10.20.0.1  /	       \ nsn10 ----- gw10, of `blue`
 *
 * The gateways are made by hand and let everything through, so that nothing but the host's
 * table decides. Packets are python3's and ping's.
 */

static struct nsnet_err err;

#define OK(call) lab_ok((call), &err, #call, __FILE__, __LINE__)

NSN_CLEANUP(struct nsn_nl, nsn_nl_close)

static void txn_freep(struct nsn_nft_txn **t)
{
	nsn_nft_free(*t);
}

/* ---- what is wanted ------------------------------------------------------------------------ */

static const struct nsn_owner owner = {
	.store = "0123456789abcdef0123456789abcdef", .group = 7, .pin_dir = "/run/nsnet/gw"};

static struct nsn_endpoint apps[2] = {{.id = 1, .link = 1, .name = "app"},
				      {.id = 2, .link = 2, .name = "app"}};
static struct nsn_tenant tenants[2] = {
	{.id = 1, .name = "red", .endpoints = &apps[0], .n_endpoints = 1},
	{.id = 2, .name = "blue", .endpoints = &apps[1], .n_endpoints = 1}};

enum { POLICIES = 10 };
static struct nsn_policy policies[POLICIES];
static struct nsn_peer callers[POLICIES][2], called[POLICIES][1];
static struct nsn_ports ports[POLICIES][1];

static struct nsn_ip links_host[8];
static struct nsn_hostview view;
static struct nsn_intent intent;
static struct nsn_host_tenant uplinks[2];
static struct nsn_host_wanted wanted;

static struct nsn_ip ip(const char *text)
{
	struct nsn_ip ret;

	assert_int_equal(nsn_ip_parse(&ret, text), 0);
	return ret;
}

static struct nsn_prefix net(const char *text)
{
	struct nsn_prefix ret;

	assert_int_equal(nsn_prefix_parse(&ret, text), 0);
	return ret;
}

/* "8080", "127.0.0.1 8080" */
static struct nsn_publish published(const char *text)
{
	struct nsn_publish ret = {0};
	const char *port = strchr(text, ' ');
	char address[64] = "";

	ret.port = (uint16_t)strtoul(port ? port : text, NULL, 10);
	if (port) {
		memcpy(address, text, (size_t)(port - text));
		ret.ip = ip(address);
	}
	return ret;
}

/* "red -> internet any", "internet,host -> red/app tcp/80" */
static void policy(size_t i, const char *sentence, const char *publish)
{
	struct nsn_policy *p = &policies[i];
	char text[128], *second;
	struct nsn_flow flow;

	(void)snprintf(text, sizeof(text), "%s", sentence);
	*p = (struct nsn_policy){.id = i + 1, .number = (uint32_t)i + 1};
	(void)snprintf(p->name, sizeof(p->name), "policy-%zu", i + 1);
	second = strchr(text, ',');
	if (second) {
		char *end = strchr(second, ' ');

		*end = '\0';
		OK(nsn_peer_parse(&callers[i][1], second + 1, &err));
		*end = ' ';
		memmove(second, end, strlen(end) + 1);
		p->n_from = 1;
	}
	OK(nsn_flow_parse(&flow, text, &err));
	callers[i][0] = flow.from;
	called[i][0] = flow.to;
	ports[i][0] = flow.ports;
	p->from = callers[i];
	p->to = called[i];
	p->ports = ports[i];
	p->n_from++;
	p->n_to = p->n_ports = 1;
	if (publish)
		p->publish = published(publish);
}

static void make_wanted(void)
{
	static struct nsn_host_link links[] = {{.name = "eth0", .force6 = 0, .accept_ra = 1},
					       {.name = "eth1", .force6 = 0, .accept_ra = 1}};
	static struct nsn_prefix nets[4];
	static struct nsn_host_route routes[6];
	const struct nsn_transit transit = {net("100.127.0.0/16"), net("fd78:6e73:6e65::/64")};
	size_t i;

	for (i = 0; i < 2; i++) {
		tenants[i].subnet = net(i ? "10.10.2.0/24" : "10.10.1.0/24");
		tenants[i].subnet6 = net(i ? "fd00:2::/64" : "fd00:1::/64");
		apps[i].ip = nsn_ip_add(&tenants[i].subnet.ip, 2);
		apps[i].ip6 = nsn_ip_add(&tenants[i].subnet6.ip, 2);
		uplinks[i] = (struct nsn_host_tenant){
			&tenants[i],
			{.link = 9 + i,
			 .near4 = nsn_transit_ip(&transit.ip, (uint32_t)i + 1, false),
			 .far4 = nsn_transit_ip(&transit.ip, (uint32_t)i + 1, true),
			 .near6 = nsn_transit_ip(&transit.ip6, (uint32_t)i + 1, false),
			 .far6 = nsn_transit_ip(&transit.ip6, (uint32_t)i + 1, true)}};
	}
	policy(0, "red -> internet", NULL);
	policy(1, "red -> host tcp/22", NULL);
	policy(2, "blue -> 10.20.0.0/24", NULL);
	policy(3, "blue -> host icmp/echo", NULL);
	policy(4, "internet,host -> red/app tcp/80", "8080");
	policy(5, "host -> red/app tcp/80", "127.0.0.1 8081");
	policy(6, "internet,host -> blue/app udp/53", "192.0.2.10 5353");
	policy(7, "host -> red/app tcp/80", "::1 8081");
	policy(8, "blue -> 2001:db8:20::/64 tcp/7000", NULL);
	policy(9, "internet,host -> red/app udp/54", "5454");
	links_host[0] = ip("192.0.2.10");
	links_host[1] = ip("10.20.0.1");
	links_host[2] = ip("2001:db8:1::10");
	links_host[3] = ip("2001:db8:20::1");
	nets[0] = net("192.0.2.0/24");
	nets[1] = net("10.20.0.0/24");
	nets[2] = net("2001:db8:1::/64");
	nets[3] = net("2001:db8:20::/64");
	for (i = 0; i < 4; i++) {
		routes[i].dst = nets[i];
		(void)snprintf(routes[i].link, sizeof(routes[i].link), "eth%zu", i % 2);
	}
	routes[4] = (struct nsn_host_route){net("0.0.0.0/0"), ip("192.0.2.1"), "eth0"};
	routes[5] = (struct nsn_host_route){net("::/0"), ip("2001:db8:1::1"), "eth0"};
	view = (struct nsn_hostview){.links = links,
				     .n_links = 2,
				     .addrs = links_host,
				     .n_addrs = 4,
				     .nets = nets,
				     .n_nets = 4,
				     .routes = routes,
				     .n_routes = 6};
	intent = (struct nsn_intent){.tenants = tenants,
				     .n_tenants = 2,
				     .policies = policies,
				     .n_policies = POLICIES,
				     .now = 1000,
				     .links = nets,
				     .n_links = 4,
				     .host = links_host,
				     .n_host = 4};
	wanted = (struct nsn_host_wanted){.intent = &intent,
					  .view = &view,
					  .transit = transit,
					  .tenants = uplinks,
					  .n_tenants = 2};
}

/* ---- putting it there ------------------------------------------------------------------------ */

static void sh(const char *command)
{
	RUN_STATUS(0, "sh", "-ec", command);
}

static bool is_nft(const struct nsn_object *o)
{
	uint8_t family;

	return o->kind == NSN_OBJ_TABLE || nsn_object_table(o, &family);
}

static void write_setting(const struct nsn_sysctl *set)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/sys/%s", set->path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, set->value, strlen(set->value)) < 0)
		fail_msg("%s = %s: %m", path, set->value);
	(void)close(fd);
}

static void put_link_thing(const struct nsn_object *o)
{
	char a[NSN_PREFIX_STRLEN], m[NSN_MAC_STRLEN], line[256] = ":";

	if (o->kind == NSN_OBJ_LINK)
		(void)snprintf(line, sizeof(line), "ip link set %s address %s", o->link,
			       nsn_mac_str(&o->u.dev.mac, m));
	if (o->kind == NSN_OBJ_ADDR)
		(void)snprintf(line, sizeof(line), "ip addr replace %s dev %s nodad",
			       nsn_prefix_str(&o->u.addr.prefix, a), o->link);
	if (o->kind == NSN_OBJ_NEIGH)
		(void)snprintf(
			line, sizeof(line), "ip neigh replace %s lladdr %s dev %s nud permanent",
			nsn_ip_str(&o->u.neigh.ip, a), nsn_mac_str(&o->u.neigh.mac, m), o->link);
	if (o->kind == NSN_OBJ_UP)
		(void)snprintf(line, sizeof(line), "ip link set %s up", o->link);
	if (o->kind == NSN_OBJ_ROUTE)
		(void)snprintf(line, sizeof(line), "ip route replace %s dev %s proto 78",
			       nsn_prefix_str(&o->u.route.dst, a), o->link);
	sh(line);
}

static void put(const struct nsn_state *s)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	NSN_AUTO(txn_freep) struct nsn_nft_txn *t = NULL;

	OK(nsn_nl_open(&nl, NETLINK_NETFILTER, &err));
	OK(nsn_nft_begin(&t, &err));
	for (size_t i = 0; i < s->n; i++)
		if (is_nft(&s->objects[i]))
			OK(nsn_nft_add(t, &s->objects[i], &err));
	OK(nsn_nft_commit(t, nl, &err));
	for (size_t i = 0; i < s->n; i++) {
		const struct nsn_object *o = &s->objects[i];

		if (o->kind == NSN_OBJ_SYSCTL || o->kind == NSN_OBJ_CONF)
			write_setting(&o->u.sysctl);
		else if (!is_nft(o) && o->kind != NSN_OBJ_NETNS)
			put_link_thing(o);
	}
}

static void compile(struct nsn_state *s, enum nsn_host_state state)
{
	nsn_state_clear(s);
	OK(nsn_compile_host(&wanted, state, NULL, &owner, s, &err));
}

/* The table as it is wanted now, in place of the one that is there. */
static void load(void)
{
	struct nsn_state s = {0};

	sh("nft list tables | grep -q 'inet nsnet' && nft delete table inet nsnet || :");
	compile(&s, NSN_HOST_OPEN);
	put(&s);
	nsn_state_clear(&s);
}

/* ---- the world --------------------------------------------------------------------------------
 */

static const char topology[] =
	"for n in wan lan gw9 gw10; do ip netns add $n; ip -n $n link set lo up; done\n"
	"wire() { ip link add $1 type veth peer name $3 netns $2; ip link set $1 up\n"
	" ip -n $2 link set $3 up; }\n"
	"wire eth0 wan w0; wire eth1 lan l0\n"
	"ip addr add 192.0.2.10/24 dev eth0; ip addr add 10.20.0.1/24 dev eth1\n"
	"ip addr add 2001:db8:1::10/64 dev eth0 nodad\n"
	"ip addr add 2001:db8:20::1/64 dev eth1 nodad\n"
	"ip route add default via 192.0.2.1; ip -6 route add default via 2001:db8:1::1\n"
	"ip -n wan addr add 192.0.2.1/24 dev w0; ip -n wan addr add 9.9.9.9/32 dev lo\n"
	"ip -n wan addr add 2001:db8:1::1/64 dev w0 nodad\n"
	"ip -n wan addr add 2620:fe::9/128 dev lo nodad\n"
	"ip -n wan route add 10.20.0.0/24 via 192.0.2.10\n"
	"ip -n wan route add 100.127.0.0/16 via 192.0.2.10\n"
	"ip -n wan -6 route add 2001:db8:20::/64 via 2001:db8:1::10\n"
	"ip -n lan addr add 10.20.0.2/24 dev l0\n"
	"ip -n lan addr add 2001:db8:20::2/64 dev l0 nodad\n"
	"ip -n lan route add default via 10.20.0.1\n"
	"ip -n lan -6 route add default via 2001:db8:20::1\n"
	"sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0\n"
	"for i in 9 10; do ip link add nsn$i type veth peer name nsn$i netns gw$i; done\n";

/* The gateway's end: it has the transit addresses, and all goes there. */
static void make_gateway(const struct nsn_up *up)
{
	char near4[NSN_IP_STRLEN], far4[NSN_IP_STRLEN], near6[NSN_IP_STRLEN], far6[NSN_IP_STRLEN];

	free(lab_sh("set -e; g='-n gw%d'; l=nsn%d\n"
		    "ip $g link set $l address 16:00:00:00:00:%02x; ip $g link set $l up\n"
		    "ip $g addr add %s/32 dev $l; ip $g addr add %s/128 dev $l nodad\n"
		    "ip $g route add default via %s dev $l onlink\n"
		    "ip $g -6 route add default via %s dev $l onlink\n"
		    "for a in %s %s; do ip $g neigh replace $a lladdr 1a:00:00:00:00:%02x"
		    " dev $l nud permanent; done\n",
		    (int)up->link, (int)up->link, (int)up->link, nsn_ip_str(&up->near4, near4),
		    nsn_ip_str(&up->near6, near6), nsn_ip_str(&up->far4, far4),
		    nsn_ip_str(&up->far6, far6), far4, far6, (int)up->link));
}

static pid_t servers[8];
static size_t n_servers;

#define SCRIPT "$NSNET_SRC/tests/kernel/host_table.py"

/* @netns: NULL: the host. @places: as the script wants them. */
static void serve(const char *netns, const char *tag, const char *places)
{
	char command[512], line[16] = "";
	int out[2];
	pid_t pid;

	(void)snprintf(command, sizeof(command),
		       "exec %s%s python3 " SCRIPT " serve %s %s </dev/null 2>/dev/null",
		       netns ? "ip netns exec " : "", netns ? netns : "", tag, places);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(out[1], 1);
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	servers[n_servers++] = pid;
	(void)close(out[1]);
	/* Python writes the end of the line by itself. */
	for (size_t n = 0; !strchr(line, '\n') && n < sizeof(line) - 1; n++)
		assert_int_equal(read(out[0], line + n, 1), 1);
	assert_string_equal(line, "ready\n");
	(void)close(out[0]);
}

static int build(void **state)
{
	(void)world_setup(state);
	if (geteuid() != 0)
		return 0;
	make_wanted();
	sh(topology);
	make_gateway(&uplinks[0].up);
	make_gateway(&uplinks[1].up);
	/* With the address that was asked. */
	serve("wan", "wan", "80 7000 9.9.9.9:53 '[2620:fe::9]:53'");
	serve("lan", "lan", "80 7000");
	/* Ports of policies, by which the host calls them. */
	serve("gw9", "red", "5 6 8 80");
	serve("gw10", "blue", "7 80");
	serve(NULL, "host", "22 23 8080");
	load();
	return 0;
}

static int end(void **state)
{
	(void)state;
	while (n_servers > 0) {
		(void)kill(servers[--n_servers], SIGKILL);
		(void)end_status(servers[n_servers], "a server");
	}
	return 0;
}

/* ---- asking -----------------------------------------------------------------------------------
 */

/* @want: what the answer is; "-": there is none. @netns: "": the host. */
#define ASK(netns, what, want) ask(netns, what, want, __LINE__)
static void ask(const char *netns, const char *what, const char *want, int line)
{
	char *got = lab_sh("%s%s python3 " SCRIPT " ask %d %s", netns[0] ? "ip netns exec " : "",
			   netns, strcmp(want, "-") != 0, what);

	if (strcmp(got, want) != 0) {
		free(lab_sh("nft list counters table inet nsnet >&2; :"));
		fail_msg("line %d: from %s, %s: '%s', not '%s'", line, netns, what, got, want);
	}
	free(got);
}

static bool pings(const char *netns, const char *to)
{
	return lab_sh_status("ip netns exec %s ping -c1 -W1 %s >/dev/null 2>&1", netns, to) == 0;
}

static unsigned long packets(const char *counter)
{
	char *text =
		lab_sh("nft list counter inet nsnet %s | sed -n 's/.*packets \\([0-9]*\\).*/\\1/p'",
		       counter);
	const unsigned long n = strtoul(text, NULL, 10);

	free(text);
	return n;
}

/* ---- tests: what is in the table
 * ------------------------------------------------------------------ */

static void look(struct nsn_state *s)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;

	OK(nsn_nl_open(&nl, NETLINK_NETFILTER, &err));
	nsn_state_clear(s);
	OK(nsn_nft_dump(nl, NSN_TABLE_NAME, s, (struct nsn_place){.role = NSN_HOST}, &err));
	nsn_state_sort(s);
}

/* All that is wanted is there as it is wanted, and no more. */
static void is_as_wanted(const char *when)
{
	struct nsn_state have = {0}, want = {0};
	size_t n = 0;

	look(&have);
	compile(&want, NSN_HOST_OPEN);
	for (size_t i = 0; i < want.n; i++) {
		const struct nsn_object *o = &want.objects[i], *twin;

		if (!is_nft(o))
			continue;
		n++;
		twin = nsn_state_find(&have, o);
		if (!twin || !nsn_object_same(o, twin))
			fail_msg("%s: %s %s%s", when, nsn_kind_name(o->kind),
				 nsn_object_str(o, &want.arena),
				 twin ? " is different" : " is missing");
	}
	assert_int_equal(have.n, n);
	nsn_state_clear(&have);
	nsn_state_clear(&want);
}

static void the_kernel_has_what_was_compiled(void **state)
{
	(void)state;
	world_need();
	load();
	is_as_wanted("loaded");
}

static void nft_prints_it_and_reads_it_back(void **state)
{
	(void)state;
	world_need();
	load();
	sh("nft list table inet nsnet >/run/saved; nft delete table inet nsnet; nft -f /run/saved");
	is_as_wanted("read back by nft");
}

static void nothing_of_others_is_touched(void **state)
{
	char *before, *after;

	(void)state;
	world_need();
	before = lab_sh("nft add table inet other; nft add chain inet other c; nft list ruleset |"
			" sed '/^table inet nsnet/,/^}/d'");
	load();
	after = lab_sh("nft list ruleset | sed '/^table inet nsnet/,/^}/d'");
	assert_string_equal(before, after);
	free(before);
	free(after);
	sh("nft delete table inet other");
}

/* ---- tests: out ---------------------------------------------------------------------------------
 */

static void the_internet_is_behind_the_default_gateway(void **state)
{
	(void)state;
	world_need();
	load();
	ASK("gw9", "tcp 9.9.9.9 80", "wan of 192.0.2.10");
	ASK("gw9", "udp 9.9.9.9 53", "wan of 192.0.2.10");
	ASK("gw9", "tcp 2620:fe::9 80", "wan of 2001:db8:1::10");
	assert_true(pings("gw9", "9.9.9.9"));
	/* Without a rule for the internet. */
	ASK("gw10", "tcp 9.9.9.9 80", "-");
	ASK("gw10", "tcp 2620:fe::9 80", "-");
	assert_true(packets("nsnet_drop_forward") > 0);
}

static void what_is_on_a_link_is_not_the_internet(void **state)
{
	(void)state;
	world_need();
	load();
	ASK("gw9", "tcp 10.20.0.2 80", "-");
	ASK("gw9", "tcp 2001:db8:20::2 80", "-");
	/* The gateway itself is on the link. */
	ASK("gw9", "tcp 192.0.2.1 80", "-");
	ASK("gw9", "tcp 2001:db8:1::1 80", "-");
	/* By the policy that names it. */
	ASK("gw10", "tcp 10.20.0.2 80", "lan of 10.20.0.1");
	ASK("gw10", "tcp 2001:db8:20::2 7000", "lan of 2001:db8:20::1");
	ASK("gw10", "tcp 192.0.2.1 80", "-");
}

static void a_network_that_appears_later_is_not_the_internet(void **state)
{
	(void)state;
	world_need();
	load();
	sh("ip addr add 8.8.8.1/24 dev eth1; ip -n lan addr add 8.8.8.8/24 dev l0;"
	   "ip addr add 2620:8::1/64 dev eth1 nodad; ip -n lan addr add 2620:8::8/64 dev l0 nodad;"
	   "ip addr add 7.7.7.1/24 dev eth0; ip -n wan addr add 7.7.7.7/24 dev w0");
	ASK("", "tcp 8.8.8.8 80", "lan of 8.8.8.1");
	ASK("gw9", "tcp 8.8.8.8 80", "-");
	ASK("gw9", "tcp 2620:8::8 80", "-");
	ASK("gw9", "tcp 7.7.7.7 80", "-");
	ASK("gw9", "tcp 9.9.9.9 80", "wan of 192.0.2.10");
	sh("ip addr del 8.8.8.1/24 dev eth1; ip -n lan addr del 8.8.8.8/24 dev l0;"
	   "ip addr del 2620:8::1/64 dev eth1; ip -n lan addr del 2620:8::8/64 dev l0;"
	   "ip addr del 7.7.7.1/24 dev eth0; ip -n wan addr del 7.7.7.7/24 dev w0");
}

static void sources_are_those_behind_the_uplink(void **state)
{
	unsigned long before;

	(void)state;
	world_need();
	load();
	before = packets("nsnet_drop_source");
	sh("ip -n gw9 addr add 100.127.0.5/32 dev nsn9; ip -n gw9 addr add 10.10.1.2/32 dev nsn9;"
	   "ip -n gw9 addr add fd78:6e73:6e65::5/128 dev nsn9 nodad;"
	   "ip -n gw9 addr add 203.0.113.9/32 dev nsn9");
	ASK("gw9", "udp 9.9.9.9 53 100.127.0.5", "-"); /* blue's */
	ASK("gw9", "udp 9.9.9.9 53 10.10.1.2", "-");
	ASK("gw9", "udp 9.9.9.9 53 203.0.113.9", "-");
	ASK("gw9", "udp 2620:fe::9 53 fd78:6e73:6e65::5", "-");
	assert_true(packets("nsnet_drop_source") >= before + 4);
	sh("for a in 100.127.0.5 10.10.1.2 203.0.113.9; do ip -n gw9 addr del $a/32 dev nsn9; done;"
	   "ip -n gw9 addr del fd78:6e73:6e65::5/128 dev nsn9");
}

static void from_uplink_to_uplink_goes_nothing(void **state)
{
	(void)state;
	world_need();
	load();
	ASK("gw9", "tcp 100.127.0.5 80", "-");
	ASK("gw10", "tcp 100.127.0.3 80", "-");
	ASK("gw9", "tcp fd78:6e73:6e65::5 80", "-");
	/* Nor from elsewhere, nor with such an address. */
	ASK("wan", "tcp 100.127.0.3 80", "-");
	ASK("lan", "tcp 100.127.0.3 80", "-");
	assert_true(packets("nsnet_drop_transit") > 0);
	/* The host itself only opens what is published. */
	ASK("", "tcp 100.127.0.3 80", "-");
	ASK("", "tcp 100.127.0.3 5", "-");
	assert_true(packets("nsnet_drop_output") > 0);
}

/* ---- tests: the host
 * ------------------------------------------------------------------------------- */

static void the_host_is_reached_where_a_policy_says_so(void **state)
{
	static const char *const addresses[] = {"192.0.2.10",	  "10.20.0.1",
						"100.127.0.2",	  "2001:db8:1::10",
						"2001:db8:20::1", "fd78:6e73:6e65::2"};

	(void)state;
	world_need();
	load();
	for (size_t i = 0; i < NSN_COUNT(addresses); i++) {
		const bool six = strchr(addresses[i], ':');
		char what[64], want[64];

		(void)snprintf(what, sizeof(what), "tcp %s 22", addresses[i]);
		(void)snprintf(want, sizeof(want), "host of %s",
			       six ? "fd78:6e73:6e65::3" : "100.127.0.3");
		ASK("gw9", what, want);
		ASK("gw10", i == 2 ? "tcp 100.127.0.4 22" : what, "-");
		(void)snprintf(what, sizeof(what), "tcp %s 23", addresses[i]);
		ASK("gw9", what, "-");
		(void)snprintf(what, sizeof(what), "udp %s 22", addresses[i]);
		ASK("gw9", what, "-");
		assert_false(pings("gw9", addresses[i]));
	}
	assert_true(pings("gw10", "192.0.2.10"));
	assert_true(pings("gw10", "100.127.0.4"));
	assert_true(pings("gw10", "2001:db8:1::10"));
	/* The host's address on another's uplink, and one that is not in the view. */
	ASK("gw9", "tcp 100.127.0.4 22", "-");
	sh("ip addr add 192.0.2.77/24 dev eth0");
	ASK("gw9", "tcp 192.0.2.77 22", "-");
	sh("ip addr del 192.0.2.77/24 dev eth0");
}

static int tap_in(const char *netns, const char *link)
{
	const int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	const int ns = open(netns, O_RDONLY | O_CLOEXEC);
	int tap;

	assert_int_equal(setns(ns, CLONE_NEWNET), 0);
	tap = tap_open(link);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	(void)close(ns);
	(void)close(home);
	return tap;
}

/* The gateway's end sends it, as its kernel would not. */
static void send_from_gw9(const struct frame *f)
{
	const int tap = tap_in("/run/netns/gw9", "nsn9");

	tap_send(tap, f);
	(void)close(tap);
}

#define HOST_MAC "1a:00:00:00:00:09"
#define GW_MAC	 "16:00:00:00:00:09"

static void loopback_is_the_hosts_own(void **state)
{
	struct frame f = {0};
	unsigned long before;
	int raw;

	(void)state;
	world_need();
	load();
	stay_on_one_processor();
	raw = raw_open(AF_INET, IPPROTO_UDP);
	/* To where it would be delivered, as a control. */
	frame_eth(&f, HOST_MAC, GW_MAC, ETH_P_IP);
	frame_ipv4(&f, "100.127.0.3", "127.0.0.1", IPPROTO_UDP, NULL, 0);
	frame_udp(&f, 22, 22);
	frame_finish(&f);
	sh("sysctl -n net.ipv4.conf.nsn9.route_localnet | grep -qx 1");
	before = packets("nsnet_drop_source");
	send_from_gw9(&f);
	assert_int_equal(count_marked(raw), 0);
	assert_int_equal(packets("nsnet_drop_source"), before + 1);
	sh("nft flush ruleset");
	send_from_gw9(&f);
	assert_int_equal(count_marked(raw), 1);
	(void)close(raw);
	load();
}

/* An error that quotes a packet to @to. */
static void send_error(const char *to)
{
	struct frame f = {0};
	uint8_t quoted[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 64, IPPROTO_UDP};
	const struct nsn_ip a = ip("192.0.2.10"), b = ip(to);

	memcpy(quoted + 12, a.bytes, 4);
	memcpy(quoted + 16, b.bytes, 4);
	quoted[21] = 22;
	quoted[23] = 9;
	frame_eth(&f, HOST_MAC, GW_MAC, ETH_P_IP);
	frame_ipv4(&f, "100.127.0.3", "192.0.2.10", IPPROTO_ICMP, NULL, 0);
	frame_icmp(&f, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
	frame_bytes(&f, quoted, sizeof(quoted));
	frame_finish(&f);
	send_from_gw9(&f);
}

static void errors_are_about_what_was_sent_there(void **state)
{
	unsigned long source, input;

	(void)state;
	world_need();
	load();
	source = packets("nsnet_drop_source");
	input = packets("nsnet_drop_input");
	send_error("100.127.0.5");
	assert_int_equal(packets("nsnet_drop_source"), source + 1);
	/* Nothing was sent: but it is asked about only behind that. */
	send_error("100.127.0.3");
	assert_int_equal(packets("nsnet_drop_source"), source + 1);
	assert_int_equal(packets("nsnet_drop_input"), input + 1);
}

/* ---- tests: what is published
 * -------------------------------------------------------------------------- */

static void what_is_published_is_reached_by_its_number(void **state)
{
	(void)state;
	world_need();
	load();
	/* The client's address is seen; the port is the policy's number. */
	ASK("wan", "tcp 192.0.2.10 8080", "red of 192.0.2.1");
	ASK("wan", "tcp 192.0.2.10 8080 9.9.9.9", "red of 9.9.9.9");
	ASK("wan", "tcp 2001:db8:1::10 8080", "red of 2001:db8:1::1");
	ASK("wan", "udp 192.0.2.10 5353", "blue of 192.0.2.1");
	ASK("wan", "tcp 192.0.2.10 5353", "-");
	/* On every address of the host, and on no other. */
	ASK("wan", "tcp 10.20.0.1 8080", "red of 192.0.2.1");
	ASK("wan", "udp 10.20.0.1 5353", "-");
	/* Not for tenants, who reach what is the host's own: nothing. */
	ASK("gw9", "tcp 192.0.2.10 8080", "-");
	ASK("gw10", "tcp 192.0.2.10 8080", "-");
}

static void what_is_forwarded_past_the_host_is_not_taken(void **state)
{
	(void)state;
	world_need();
	load();
	sh("ip -n lan addr add 10.20.0.3/24 dev l0; sysctl -qw net.ipv4.conf.eth1.forwarding=1");
	ASK("lan", "tcp 9.9.9.9 8080", "-");
	sh("ip -n lan addr del 10.20.0.3/24 dev l0; sysctl -qw net.ipv4.conf.eth1.forwarding=0");
	load();
}

static void the_host_opens_what_is_published_to_it(void **state)
{
	(void)state;
	world_need();
	load();
	ASK("", "tcp 127.0.0.1 8081", "red of 100.127.0.2");
	ASK("", "tcp 192.0.2.10 8080", "red of 192.0.2.10");
	ASK("", "udp 192.0.2.10 5353", "blue of 192.0.2.10");
	ASK("", "tcp 2001:db8:1::10 8080", "red of 2001:db8:1::10");
	/* Every address is no loopback's: there is the host's own. Of IPv6 none is published. */
	ASK("", "tcp 127.0.0.1 8080", "host of 127.0.0.1");
	ASK("", "tcp ::1 8080", "host of ::1");
	ASK("", "tcp ::1 8081", "-");
	/* For nobody else, whatever he sends there. */
	ASK("wan", "tcp 192.0.2.10 8081", "-");
}

/* A datagram from outside, framed to the host. */
static void send_from_wan(int tap, const char *mac, const char *to, uint16_t port)
{
	struct frame f = {0};

	frame_eth(&f, mac, "02:00:00:00:00:99", ETH_P_IP);
	frame_ipv4(&f, "192.0.2.1", to, IPPROTO_UDP, NULL, 0);
	frame_udp(&f, port, port);
	frame_finish(&f);
	tap_send(tap, &f);
}

static void nobody_else_reaches_what_is_published_on_loopback(void **state)
{
	int seen, tap;
	char *mac;

	(void)state;
	world_need();
	load();
	stay_on_one_processor();
	mac = lab_sh("cat /sys/class/net/eth0/address");
	seen = tap_in("/run/netns/gw9", "nsn9");
	tap = tap_in("/run/netns/wan", "w0");
	send_from_wan(tap, mac, "127.0.0.1", 5454);
	send_from_wan(tap, mac, "127.0.0.1", 8081);
	assert_int_equal(count_marked(seen), 0);
	send_from_wan(tap, mac, "192.0.2.10", 5454);
	assert_int_equal(count_marked(seen), 1);
	(void)close(tap);
	(void)close(seen);
	free(mac);
}

/* ---- tests: forwarding
 * ----------------------------------------------------------------------------------- */

static void only_uplinks_gain_by_forwarding(void **state)
{
	unsigned long before;

	(void)state;
	world_need();
	load();
	before = packets("nsnet_drop_guard");
	/* eth0 forwards now: from wan to lan nothing does, what lan sends is not forwarded at all.
	 */
	sh("sysctl -n net.ipv4.conf.eth0.forwarding | grep -qx 1");
	ASK("wan", "udp 10.20.0.2 80", "-");
	ASK("wan", "udp 2001:db8:20::2 80", "-");
	assert_true(packets("nsnet_drop_guard") >= before + 2);
	/* Without the guard it would. */
	sh("nft flush chain inet nsnet forward; sysctl -qw net.ipv4.conf.eth1.forwarding=1");
	ASK("wan", "udp 10.20.0.2 80", "lan of 192.0.2.1");
	sh("sysctl -qw net.ipv4.conf.eth1.forwarding=0");
	load();
}

static void a_link_that_forwarded_before_goes_on(void **state)
{
	static struct nsn_host_link links[2];

	(void)state;
	world_need();
	memcpy(links, view.links, sizeof(links));
	links[0].forwarding4 = links[1].forwarding4 = 1;
	view.links = links;
	load();
	sh("sysctl -qw net.ipv4.conf.eth0.forwarding=1 net.ipv4.conf.eth1.forwarding=1");
	ASK("wan", "udp 10.20.0.2 80", "lan of 192.0.2.1");
	make_wanted();
	load();
}

/* Before Linux 6.17: all links become routers, and nothing but uplinks gains by that. */
static void where_only_all_can_forward_ipv6(void **state)
{
	static struct nsn_host_link links[2];
	struct nsn_host_setting *old = NULL;
	struct nsn_state s = {0};
	size_t n;

	(void)state;
	world_need();
	sh("for l in eth0 eth1 nsn9 nsn10; do"
	   " echo 0 >/proc/sys/net/ipv6/conf/$l/force_forwarding || :; done; "
	   "sysctl -qw net.ipv6.conf.all.forwarding=0 net.ipv6.conf.eth0.accept_ra=1"
	   " net.ipv6.conf.eth1.accept_ra=1");
	memcpy(links, view.links, sizeof(links));
	links[0].force6 = links[1].force6 = -1;
	view.links = links;
	OK(nsn_compile_host_settings(&wanted, &old, &n, &err));
	load();
	sh("sysctl -n net.ipv6.conf.all.forwarding net.ipv6.conf.eth0.accept_ra | tr '\\n' ' ' |"
	   " grep -qx '1 2 '");
	ASK("gw9", "tcp 2620:fe::9 80", "wan of 2001:db8:1::10");
	ASK("wan", "udp 2001:db8:20::2 80", "-");
	ASK("lan", "udp 2620:fe::9 53", "-");
	assert_true(packets("nsnet_drop_guard") >= 2);
	/* And back. */
	wanted.old = old;
	wanted.n_old = n;
	sh("nft delete table inet nsnet");
	compile(&s, NSN_HOST_CLOSING);
	put(&s);
	nsn_state_clear(&s);
	sh("sysctl -n net.ipv6.conf.all.forwarding net.ipv6.conf.eth0.forwarding"
	   " net.ipv6.conf.eth0.accept_ra net.ipv6.conf.eth1.accept_ra"
	   " net.ipv4.conf.eth0.forwarding | tr '\\n' ' ' | grep -qx '0 0 1 1 0 '");
	free(old);
	make_wanted();
	load();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_has_what_was_compiled),
		cmocka_unit_test(nft_prints_it_and_reads_it_back),
		cmocka_unit_test(nothing_of_others_is_touched),
		cmocka_unit_test(the_internet_is_behind_the_default_gateway),
		cmocka_unit_test(what_is_on_a_link_is_not_the_internet),
		cmocka_unit_test(a_network_that_appears_later_is_not_the_internet),
		cmocka_unit_test(sources_are_those_behind_the_uplink),
		cmocka_unit_test(from_uplink_to_uplink_goes_nothing),
		cmocka_unit_test(the_host_is_reached_where_a_policy_says_so),
		cmocka_unit_test(loopback_is_the_hosts_own),
		cmocka_unit_test(errors_are_about_what_was_sent_there),
		cmocka_unit_test(what_is_published_is_reached_by_its_number),
		cmocka_unit_test(what_is_forwarded_past_the_host_is_not_taken),
		cmocka_unit_test(the_host_opens_what_is_published_to_it),
		cmocka_unit_test(nobody_else_reaches_what_is_published_on_loopback),
		cmocka_unit_test(only_uplinks_gain_by_forwarding),
		cmocka_unit_test(a_link_that_forwarded_before_goes_on),
		cmocka_unit_test(where_only_all_can_forward_ipv6),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, build, end);
}
