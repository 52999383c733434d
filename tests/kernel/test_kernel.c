/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/kernel/addr.h"
#include "../../lib/kernel/link.h"
#include "../../lib/kernel/neigh.h"
#include "../../lib/kernel/route.h"
#include "../../lib/nl/msg.h"
#include "../../lib/nl/socket.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * kernel - addresses, neighbours and routes, one object at a time, with
 * iproute2 as the witness. Each test has a world with `eth0`, one end of a veth.
 */

/* @call fills `err`. */
#define OK(call)                                                                                   \
	do {                                                                                       \
		struct nsnet_err err = {0};                                                        \
		lab_ok((call), &err, #call, __FILE__, __LINE__);                                   \
	} while (0)

static const struct nsn_place here = {.role = NSN_ENDPOINT, .id = 1};

static void sh(const char *command)
{
	RUN_STATUS(0, "sh", "-ec", command);
}

/* Whether @part is in what the command prints. */
static void says(bool yes, const char *command, const char *part)
{
	char *out = lab_sh("%s", command);

	if ((strstr(out, part) != NULL) != yes)
		fail_msg("`%s`: '%s' should%s be in '%s'", command, part, yes ? "" : " not", out);
	free(out);
}

static struct nsn_nl *start(void)
{
	struct nsn_nl *nl = NULL;

	world_need();
	sh("ip link add eth0 address 02:00:00:00:00:01 type veth peer name far;"
	   "ip link set eth0 up; ip link set far up");
	OK(nsn_nl_open(&nl, NETLINK_ROUTE, &err));
	return nl;
}

static void look(struct nsn_nl *nl, struct nsn_state *s)
{
	nsn_state_clear(s);
	OK(nsn_link_dump(nl, s, here, &err));
	OK(nsn_addr_dump(nl, s, here, &err));
	OK(nsn_neigh_dump(nl, s, here, true, &err));
	OK(nsn_route_dump(nl, s, here, &err));
	nsn_state_sort(s);
}

/* What there is with the key of @like, as the dumps read it; kind NSN_OBJ_KINDS: nothing. */
static struct nsn_object find(struct nsn_nl *nl, const struct nsn_object *like)
{
	struct nsn_object found = {.kind = NSN_OBJ_KINDS};
	const struct nsn_object *o;
	struct nsn_state s = {0};

	look(nl, &s);
	o = nsn_state_find(&s, like);
	if (o) {
		found = *o;
		assert_string_equal(o->link, like->link);
		found.link = like->link; /* the other goes with the arena */
	}
	nsn_state_clear(&s);
	return found;
}

static bool is_there(struct nsn_nl *nl, const struct nsn_object *o)
{
	struct nsn_object found = find(nl, o);

	return found.kind == o->kind && nsn_object_same(o, &found);
}

static size_t count(struct nsn_nl *nl, enum nsn_kind kind)
{
	struct nsn_state s = {0};
	size_t i, n = 0;

	look(nl, &s);
	for (i = 0; i < s.n; i++)
		n += s.objects[i].kind == kind;
	nsn_state_clear(&s);
	return n;
}

/* ---- addresses ----------------------------------------------------------------------- */

static struct nsn_object addr(const char *prefix)
{
	struct nsn_object o = {.kind = NSN_OBJ_ADDR, .at = here, .link = "eth0"};

	assert_int_equal(nsn_prefix_parse(&o.u.addr.prefix, prefix), 0);
	o.u.addr.protocol = NSN_RTPROT;
	return o;
}

static const char *const some_addrs[] = {"10.10.1.2/32", "10.10.2.2/24", "fd00:1::2/128",
					 "fd00:2::2/64"};

struct raw {
	const struct nsn_ip *ip;
	int proto; /* -1: not found, 0: without */
};

static int each_raw(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	struct nlattr *ip, *proto;
	struct raw *raw = arg;

	(void)err;
	ip = nlmsg_find_attr(nsn_msg_mutable(msg), sizeof(struct ifaddrmsg), IFA_ADDRESS);
	proto = nlmsg_find_attr(nsn_msg_mutable(msg), sizeof(struct ifaddrmsg), IFA_PROTO);
	if (ip && memcmp(nla_data(ip), raw->ip->bytes, (size_t)nla_len(ip)) == 0)
		raw->proto = proto ? nla_get_u8(proto) : 0;
	return 0;
}

/* iproute2 does not print it before 6.3: the attribute itself. */
static int kernels_proto(struct nsn_nl *nl, const struct nsn_object *o)
{
	const struct ifaddrmsg ifa = {.ifa_family = o->u.addr.prefix.ip.family};
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = nsn_msg_new(RTM_GETADDR, 0, &ifa, sizeof(ifa));
	struct raw raw = {.ip = &o->u.addr.prefix.ip, .proto = -1};
	const struct nsn_nl_sink sink = {.each = each_raw, .arg = &raw};

	assert_non_null(msg);
	OK(nsn_nl_dump(nl, nlmsg_hdr(msg), &sink, &err));
	return raw.proto;
}

static void an_address_carries_our_mark_and_gives_it_back(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	size_t i;

	(void)state;
	nl = start();
	for (i = 0; i < NSN_COUNT(some_addrs); i++) {
		struct nsn_object o = addr(some_addrs[i]);

		OK(nsn_addr_add(nl, &o, &err));
		assert_int_equal(kernels_proto(nl, &o), NSN_RTPROT);
		assert_int_equal(find(nl, &o).u.addr.protocol, NSN_RTPROT);
		says(true, "ip -o addr show dev eth0", some_addrs[i]);
	}
}

static void an_address_without_our_mark_gets_it_when_added_again(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	size_t i, n;

	(void)state;
	nl = start();
	sh("for a in 10.10.1.2/32 10.10.2.2/24; do ip addr add $a dev eth0; done;"
	   "for a in fd00:1::2/128 fd00:2::2/64; do ip addr add $a dev eth0 nodad; done");
	n = count(nl, NSN_OBJ_ADDR);
	for (i = 0; i < NSN_COUNT(some_addrs); i++) {
		struct nsn_object o = addr(some_addrs[i]);

		assert_int_equal(find(nl, &o).u.addr.protocol, 0);
		OK(nsn_addr_add(nl, &o, &err));
		assert_int_equal(kernels_proto(nl, &o), NSN_RTPROT);
		/* And it can be taken back. */
		o.u.addr.protocol = 0;
		OK(nsn_addr_add(nl, &o, &err));
		assert_int_equal(kernels_proto(nl, &o), 0);
	}
	assert_int_equal(count(nl, NSN_OBJ_ADDR), n);
}

static void an_address_that_is_gone_is_gone(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	size_t i;

	(void)state;
	nl = start();
	for (i = 0; i < NSN_COUNT(some_addrs); i++) {
		struct nsn_object o = addr(some_addrs[i]);

		OK(nsn_addr_add(nl, &o, &err));
		OK(nsn_addr_del(nl, &o, &err));
		says(false, "ip -o addr show dev eth0", some_addrs[i]);
		OK(nsn_addr_del(nl, &o, &err));
		o.link = "nolink";
		OK(nsn_addr_del(nl, &o, &err));
	}
}

static void an_ipv6_address_is_usable_at_once_and_for_ever(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_object o, down;

	(void)state;
	nl = start();
	o = addr("fd00:1::2/128");
	OK(nsn_addr_add(nl, &o, &err));
	says(true, "ip -o addr show dev eth0 to fd00:1::2", "nodad");
	says(false, "ip -o addr show dev eth0 to fd00:1::2", "tentative");
	says(true, "ip -o addr show dev eth0 to fd00:1::2",
	     "valid_lft forever preferred_lft forever");
	/* Also one that waited for the link: links get addresses first and come up then. */
	sh("ip link set eth0 down");
	down = addr("fd00:2::2/128");
	OK(nsn_addr_add(nl, &down, &err));
	sh("ip link set eth0 up");
	says(true, "ip -o addr show dev eth0 to fd00:2::2", "nodad");
	says(false, "ip -o addr show dev eth0 to fd00:2::2", "tentative");
	/* And one that somebody else has given an end. */
	sh("ip addr replace fd00:2::2/128 dev eth0 valid_lft 100 preferred_lft 50");
	OK(nsn_addr_add(nl, &down, &err));
	says(true, "ip -o addr show dev eth0 to fd00:2::2",
	     "valid_lft forever preferred_lft forever");
}

static void an_ipv6_address_with_another_length_makes_way(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_object o, v4;

	(void)state;
	nl = start();
	sh("ip addr add fd00:1::2/64 dev eth0 nodad; ip addr add 10.10.1.2/24 dev eth0");
	o = addr("fd00:1::2/128");
	OK(nsn_addr_add(nl, &o, &err));
	OK(nsn_addr_add(nl, &o, &err));
	assert_true(is_there(nl, &o));
	says(false, "ip -o addr show dev eth0", "fd00:1::2/64");
	/* IPv4 has room for both. */
	v4 = addr("10.10.1.2/32");
	OK(nsn_addr_add(nl, &v4, &err));
	says(true, "ip -o addr show dev eth0", "10.10.1.2/24");
	/* The same address on another link is another one, whichever is found first. */
	sh("ip addr add fd00:1::3/64 dev eth0 nodad; ip addr add fd00:1::3/128 dev far nodad;"
	   "ip addr add fd00:1::4/128 dev far nodad; ip addr add fd00:1::4/64 dev eth0 nodad");
	o = addr("fd00:1::3/128");
	OK(nsn_addr_add(nl, &o, &err));
	assert_true(is_there(nl, &o));
	o = addr("fd00:1::4/128");
	OK(nsn_addr_add(nl, &o, &err));
	assert_true(is_there(nl, &o));
	says(true, "ip -o addr show dev far", "fd00:1::4/128");
}

static bool has_failed(void *unused)
{
	(void)unused;
	return lab_sh_status("ip addr show dev eth0 | grep -q dadfailed") == 0;
}

/* Somebody gave it in the usual way, and somebody else answered for it. */
static void an_ipv6_address_that_failed_is_none_and_is_made_anew(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_object o;

	(void)state;
	nl = start();
	sh("ip netns add r; ip link set far netns r; ip -n r link set far up;"
	   "ip -n r addr add fd00:1::2/64 dev far nodad; ip addr add fd00:1::2/128 dev eth0");
	assert_true(poll_until(has_failed, NULL, 30000));
	o = addr("fd00:1::2/128");
	assert_false(is_there(nl, &o));
	OK(nsn_addr_add(nl, &o, &err));
	assert_true(is_there(nl, &o));
	says(false, "ip -o addr show dev eth0 to fd00:1::2", "tentative");
	says(false, "ip -o addr show dev eth0 to fd00:1::2", "dadfailed");
}

static void the_kernels_own_addresses_are_read_and_are_not_ours(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_object ll, loop, found;

	(void)state;
	nl = start();
	ll = addr("fe80::ff:fe00:1/64");
	found = find(nl, &ll);
	assert_int_equal(found.kind, NSN_OBJ_ADDR);
	assert_int_not_equal(found.u.addr.protocol, NSN_RTPROT);
	assert_int_equal(found.u.addr.peer.family, 0);
	loop = addr("::1/128");
	loop.link = "lo";
	found = find(nl, &loop);
	assert_int_equal(found.kind, NSN_OBJ_ADDR);
	assert_int_not_equal(found.u.addr.protocol, NSN_RTPROT);
	/* Ours leave them alone. */
	ll = addr("fd00:1::2/128");
	OK(nsn_addr_add(nl, &ll, &err));
	OK(nsn_addr_del(nl, &ll, &err));
	says(true, "ip -o addr show dev eth0", "fe80::ff:fe00:1/64");
}

/* ---- neighbours ------------------------------------------------------------------------ */

static struct nsn_object neigh(const char *ip, uint8_t last)
{
	struct nsn_object o = {.kind = NSN_OBJ_NEIGH, .at = here, .link = "eth0"};

	assert_int_equal(nsn_ip_parse(&o.u.neigh.ip, ip), 0);
	o.u.neigh.mac = (struct nsn_mac){{2, 0, 0, 0, 0, last}};
	o.u.neigh.protocol = NSN_RTPROT;
	return o;
}

static const char *const some_neighs[] = {"10.10.1.1", "fd00:1::1"};

static void a_neighbour_carries_our_mark_and_gives_it_back(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	size_t i;

	(void)state;
	nl = start();
	for (i = 0; i < NSN_COUNT(some_neighs); i++) {
		struct nsn_object o = neigh(some_neighs[i], 7), other = neigh(some_neighs[i], 8);
		char *out;

		OK(nsn_neigh_add(nl, &o, &err));
		OK(nsn_neigh_add(nl, &o, &err));
		assert_true(is_there(nl, &o));
		assert_int_equal(find(nl, &o).u.neigh.protocol, NSN_RTPROT);
		out = lab_sh("ip -j neigh show %s dev eth0", some_neighs[i]);
		LAB_HAS(out, "\"lladdr\":\"02:00:00:00:00:07\",\"state\":[\"PERMANENT\"],"
			     "\"protocol\":\"78\"");
		free(out);
		OK(nsn_neigh_add(nl, &other, &err));
		assert_false(is_there(nl, &o));
		assert_true(is_there(nl, &other));
		OK(nsn_neigh_del(nl, &o, &err));
		assert_int_equal(find(nl, &o).kind, NSN_OBJ_KINDS);
		OK(nsn_neigh_del(nl, &o, &err));
		says(false, "ip neigh show nud permanent", some_neighs[i]);
	}
}

static void a_neighbour_without_our_mark_gets_it_when_added_again(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	size_t i;

	(void)state;
	nl = start();
	sh("for n in 10.10.1.1 fd00:1::1; do"
	   " ip neigh add $n lladdr 02:00:00:00:00:07 dev eth0 nud permanent; done");
	for (i = 0; i < NSN_COUNT(some_neighs); i++) {
		struct nsn_object o = neigh(some_neighs[i], 7);

		assert_int_equal(find(nl, &o).u.neigh.protocol, 0);
		OK(nsn_neigh_add(nl, &o, &err));
		assert_int_equal(find(nl, &o).u.neigh.protocol, NSN_RTPROT);
	}
}

static void a_forwarding_entry_comes_and_goes(void **state)
{
	struct nsn_object o = {.kind = NSN_OBJ_FDB, .at = here, .link = "eth0"};
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;

	(void)state;
	nl = start();
	sh("ip link add br0 type bridge; ip link set eth0 master br0");
	o.u.fdb = (struct nsn_mac){{2, 0, 0, 0, 0, 9}};
	OK(nsn_neigh_add(nl, &o, &err));
	OK(nsn_neigh_add(nl, &o, &err));
	assert_true(is_there(nl, &o));
	says(true, "bridge fdb show dev eth0", "02:00:00:00:00:09 master br0 static");
	OK(nsn_neigh_del(nl, &o, &err));
	OK(nsn_neigh_del(nl, &o, &err));
	assert_false(is_there(nl, &o));
}

/* ---- routes ---------------------------------------------------------------------------- */

static struct nsn_object route(const char *dst, const char *via)
{
	struct nsn_object o = {.kind = NSN_OBJ_ROUTE, .at = here, .link = "eth0"};

	assert_int_equal(nsn_prefix_parse(&o.u.route.dst, dst), 0);
	if (via)
		assert_int_equal(nsn_ip_parse(&o.u.route.via, via), 0);
	o.u.route.protocol = NSN_RTPROT;
	return o;
}

static const struct {
	const char *family, *addr, *gateway, *gateway_dst, *all;
} fams[] = {
	{"-4", "10.10.1.2/32", "10.10.1.1", "10.10.1.1/32", "0.0.0.0/0"},
	{"-6", "fd00:1::2/128", "fd00:1::1", "fd00:1::1/128", "::/0"},
};

static char *ip_routes(const char *family)
{
	return lab_sh("ip -j %s route show proto 78 |"
		      " sed -E 's/,\"(metric|pref|flags)\":[^,}]*//g'",
		      family);
}

/* The default goes via an address that only the route on the link makes reachable. */
static void a_default_route_over_a_route_on_the_link(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	size_t i, n;

	(void)state;
	nl = start();
	for (i = 0; i < NSN_COUNT(fams); i++) {
		struct nsn_object a = addr(fams[i].addr), all = route(fams[i].all, fams[i].gateway);
		struct nsn_object on_link = route(fams[i].gateway_dst, NULL);
		struct nsnet_err refused = {0};
		char *out, *want;

		OK(nsn_addr_add(nl, &a, &err));
		assert_true(nsn_route_add(nl, &all, &refused) < 0);
		for (n = 0; n < 2; n++) {
			OK(nsn_route_add(nl, &on_link, &err));
			OK(nsn_route_add(nl, &all, &err));
		}
		assert_true(is_there(nl, &on_link));
		assert_true(is_there(nl, &all));
		out = ip_routes(fams[i].family);
		assert_true(asprintf(&want,
				     "{\"dst\":\"default\",\"gateway\":\"%s\",\"dev\":\"eth0\"",
				     fams[i].gateway) > 0);
		LAB_HAS(out, want);
		free(want);
		assert_true(asprintf(&want, "{\"dst\":\"%s\",\"dev\":\"eth0\"", fams[i].gateway) >
			    0);
		LAB_HAS(out, want);
		free(want);
		free(out);
	}
	/* Both families, and adding again made no second one. */
	assert_int_equal(count(nl, NSN_OBJ_ROUTE), 4);
}

static void a_route_that_is_gone_is_gone(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	size_t i, n;

	(void)state;
	nl = start();
	for (i = 0; i < NSN_COUNT(fams); i++) {
		struct nsn_object all = route(fams[i].all, fams[i].gateway);
		struct nsn_object on_link = route(fams[i].gateway_dst, NULL);
		char *out;

		OK(nsn_route_add(nl, &on_link, &err));
		OK(nsn_route_add(nl, &all, &err));
		for (n = 0; n < 2; n++) {
			OK(nsn_route_del(nl, &all, &err));
			assert_false(is_there(nl, &all));
			assert_int_equal(is_there(nl, &on_link), n == 0);
			OK(nsn_route_del(nl, &on_link, &err));
		}
		out = ip_routes(fams[i].family);
		assert_string_equal(out, "[]");
		free(out);
		on_link.link = "nolink";
		OK(nsn_route_del(nl, &on_link, &err));
	}
}

static void what_is_in_a_routes_place_is_replaced(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	size_t i;

	(void)state;
	nl = start();
	sh("ip route add 10.10.1.1/32 dev far proto static;"
	   "ip -6 route add fd00:1::1/128 dev far proto static;"
	   "ip route add blackhole default proto static;"
	   "ip -6 route add blackhole default proto static metric 1024");
	for (i = 0; i < NSN_COUNT(fams); i++) {
		struct nsn_object all = route(fams[i].all, fams[i].gateway);
		struct nsn_object on_link = route(fams[i].gateway_dst, NULL);

		OK(nsn_route_add(nl, &on_link, &err));
		assert_true(is_there(nl, &on_link));
		OK(nsn_route_add(nl, &all, &err));
		assert_true(is_there(nl, &all));
	}
	assert_int_equal(count(nl, NSN_OBJ_ROUTE), 4);
}

static void default_routes_of_both_families_are_two(void **state)
{
	struct nsn_object a, b;

	(void)state;
	a = route("0.0.0.0/0", "10.10.1.1");
	b = route("::/0", "fd00:1::1");
	assert_int_not_equal(nsn_object_cmp(&a, &b), 0);
	assert_true(nsn_object_cmp(&a, &b) == -nsn_object_cmp(&b, &a));
}

static void what_the_kernel_keeps_for_itself_is_no_route(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;

	(void)state;
	nl = start();
	sh("ip addr add 10.10.1.2/24 dev eth0; ip addr add fd00:1::2/64 dev eth0 nodad");
	assert_int_equal(count(nl, NSN_OBJ_ROUTE), 0);
	/* These can be in the main table, and with our number: what they are decides. */
	sh("ip route add local 10.77.0.1/32 dev lo table main proto 78;"
	   "ip route add broadcast 10.77.0.255 dev eth0 table main proto 78;"
	   "ip route add multicast 239.0.0.0/8 dev eth0 table main proto 78;"
	   "ip -6 route add local fd00:77::1/128 dev lo table main proto 78;"
	   "ip -6 route add anycast fd00:77::2/128 dev lo table main proto 78;"
	   "ip -6 route add multicast ff05::/16 dev eth0 table main proto 78");
	assert_int_equal(count(nl, NSN_OBJ_ROUTE), 0);
	sh("ip -6 route add fd00:88::/64 dev eth0 table 88;"
	   "ip route add 10.88.0.0/16 dev eth0 table 88");
	assert_int_equal(count(nl, NSN_OBJ_ROUTE), 0);
}

static void others_routes_have_their_protocol(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_object o;

	(void)state;
	nl = start();
	sh("ip -6 route add default via fe80::1 dev eth0 proto ra;"
	   "ip route add default dev eth0 proto dhcp scope link");
	o = route("::/0", "fe80::1");
	assert_int_equal(find(nl, &o).u.route.protocol, RTPROT_RA);
	assert_false(is_there(nl, &o)); /* the same but for the protocol */
	o = route("0.0.0.0/0", NULL);
	assert_int_equal(find(nl, &o).u.route.protocol, 16);
}

/*
 * A copy that the kernel made of a route, for one address behind a narrow link. Those are listed
 * when they are asked for, and to a socket that does not check strictly.
 */
static void a_copy_with_a_smaller_mtu_is_no_route(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	int strict = 0;

	(void)state;
	nl = start();
	sh("mkdir -p /run/netns; ip netns add r; ip link set far netns r;"
	   "ip addr add 10.10.1.2/24 dev eth0; ip addr add fd00:1::2/64 dev eth0 nodad;"
	   "ip -n r link set lo up; ip -n r link set far up;"
	   "ip -n r link add n0 mtu 1280 type veth peer name n1;"
	   "ip -n r link set n0 up; ip -n r link set n1 up;"
	   "ip -n r addr add 10.10.1.1/24 dev far; ip -n r addr add fd00:1::1/64 dev far nodad;"
	   "ip -n r addr add 10.10.9.1/24 dev n0; ip -n r addr add fd00:9::1/64 dev n0 nodad;"
	   "ip netns exec r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1;"
	   "ip -n r neigh add 10.10.9.2 lladdr 02:00:00:00:00:99 dev n0;"
	   "ip -n r neigh add fd00:9::2 lladdr 02:00:00:00:00:99 dev n0;"
	   "ip route add 10.10.9.0/24 via 10.10.1.1; ip -6 route add fd00:9::/64 via fd00:1::1");
	sh("ping -M do -c1 -W1 -s 1400 10.10.9.2 || :; ping -6 -M do -c1 -W1 -s 1400 fd00:9::2 || "
	   ":");
	/* They are there. */
	says(true, "ip route get 10.10.9.2", "mtu 1280");
	says(true, "ip -6 route show cache", "fd00:9::2");
	assert_int_equal(count(nl, NSN_OBJ_ROUTE), 2);
	assert_int_equal(
		setsockopt(nl->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &strict, sizeof(strict)),
		0);
	assert_int_equal(count(nl, NSN_OBJ_ROUTE), 2);
}

static void a_route_with_many_hops_or_none_is_like_none_of_ours(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	static const char *const dst[] = {"10.55.0.0/16", "fd00:55::/64", "10.66.0.0/16",
					  "fd00:66::/64"};
	size_t i;

	(void)state;
	nl = start();
	sh("ip addr add 10.10.1.2/24 dev eth0; ip addr add fd00:1::2/64 dev eth0 nodad;"
	   "ip route add 10.55.0.0/16 proto 78"
	   " nexthop via 10.10.1.1 dev eth0 nexthop via 10.10.1.3 dev eth0;"
	   "ip -6 route add fd00:55::/64 proto 78"
	   " nexthop via fd00:1::1 dev eth0 nexthop via fd00:1::3 dev eth0;"
	   "ip route add blackhole 10.66.0.0/16 proto 78;"
	   "ip -6 route add blackhole fd00:66::/64 proto 78");
	assert_int_equal(count(nl, NSN_OBJ_ROUTE), 4);
	for (i = 0; i < NSN_COUNT(dst); i++) {
		struct nsn_object o = route(dst[i], NULL), found;

		o.link = "";
		found = find(nl, &o);
		assert_int_equal(found.kind, NSN_OBJ_ROUTE);
		assert_int_equal(found.u.route.via.family, 0);
		/* As it was read it can be removed. */
		OK(nsn_route_del(nl, &found, &err));
		assert_int_equal(count(nl, NSN_OBJ_ROUTE), 3 - i);
	}
}

static void a_gateway_of_the_other_family_is_one(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsnet_err refused = {0};
	struct nsn_object o, found;

	(void)state;
	nl = start();
	sh("ip -4 route add default via inet6 fe80::1 dev eth0 proto 78");
	o = route("0.0.0.0/0", NULL);
	found = find(nl, &o);
	assert_int_equal(found.u.route.via.family, AF_INET6);
	assert_false(nsn_object_same(&o, &found));
	assert_int_equal(nsn_route_add(nl, &found, &refused), -EAFNOSUPPORT);
	OK(nsn_route_del(nl, &found, &err));
	assert_int_equal(count(nl, NSN_OBJ_ROUTE), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(an_address_carries_our_mark_and_gives_it_back),
		TEST(an_address_without_our_mark_gets_it_when_added_again),
		TEST(an_address_that_is_gone_is_gone),
		TEST(an_ipv6_address_is_usable_at_once_and_for_ever),
		TEST(an_ipv6_address_with_another_length_makes_way),
		TEST(an_ipv6_address_that_failed_is_none_and_is_made_anew),
		TEST(the_kernels_own_addresses_are_read_and_are_not_ours),
		TEST(a_neighbour_carries_our_mark_and_gives_it_back),
		TEST(a_neighbour_without_our_mark_gets_it_when_added_again),
		TEST(a_forwarding_entry_comes_and_goes),
		TEST(a_default_route_over_a_route_on_the_link),
		TEST(a_route_that_is_gone_is_gone),
		TEST(what_is_in_a_routes_place_is_replaced),
		TEST(default_routes_of_both_families_are_two),
		TEST(what_the_kernel_keeps_for_itself_is_no_route),
		TEST(others_routes_have_their_protocol),
		TEST(a_copy_with_a_smaller_mtu_is_no_route),
		TEST(a_route_with_many_hops_or_none_is_like_none_of_ours),
		TEST(a_gateway_of_the_other_family_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
