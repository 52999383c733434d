// SPDX-License-Identifier: GPL-2.0-or-later
#include "gen.h"

#include <string.h>

const uint16_t scene_ports[N_PORTS] = {22, 53, 80, 443, 1000, 40000};

uint32_t rnd(struct rnd *r, uint32_t below)
{
	/* splitmix64 */
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ (z >> 31)) % below);
}

bool chance(struct rnd *r, uint32_t percent)
{
	return rnd(r, 100) < percent;
}

const char *scene_address(int i, bool ipv6)
{
	static const char *const four[N_ADDRESSES] = {"10.7.0.2", "10.7.0.3",  "10.7.1.2",
						      "10.7.1.3", "10.7.2.2",  "10.7.3.2",
						      "10.7.0.1", "172.16.5.9"};
	static const char *const six[N_ADDRESSES] = {"fd07:0::2", "fd07:0::3", "fd07:1::2",
						     "fd07:1::3", "fd07:2::2", "fd07:3::2",
						     "fd07:0::1", "fd99::9"};

	return ipv6 ? six[i] : four[i];
}

/* Which part of the machine a chain is in: what can be looked at depends on it. */
enum place { AT_NETDEV, AT_BRIDGE, AT_PRE_RAW, AT_PRE, AT_FORWARD, AT_POST, AT_INPUT, AT_NAT };

struct gen {
	struct rnd *r;
	const struct scene *scene;
	FILE *to;
	enum place at;
	bool ipv6;  /* rules of this chain speak of IPv6 addresses */
	bool track; /* connections are known here */
	int chains; /* that can be jumped to, numbered */
	bool four;  /* the transport was spoken of in this rule: nft takes one protocol only */
};

static const char *address(struct gen *g)
{
	return scene_address((int)rnd(g->r, N_ADDRESSES), g->ipv6);
}

static const char *network(struct gen *g)
{
	static const char *const four[] = {"10.7.0.0/24", "10.7.0.0/16", "10.7.2.0/23",
					   "10.7.0.2/31", "10.7.1.2-10.7.3.9"};
	static const char *const six[] = {"fd07:0::/32", "fd07::/16", "fd07:2::/31",
					  "fd07:0::2/127", "fd07:1::2-fd07:3::9"};

	return g->ipv6 ? six[rnd(g->r, 5)] : four[rnd(g->r, 5)];
}

static unsigned int port(struct gen *g)
{
	return scene_ports[rnd(g->r, N_PORTS)];
}

static const char *link_name(struct gen *g)
{
	static const char *const router[] = {"e0", "e1", "e2", "e3"};
	static const char *const bridge[] = {"p0", "p1", "p2", "p3"};
	static const char *const routed[] = {"br0", "c0", "br0", "lo"};

	if (g->scene->shape == SHAPE_ROUTER)
		return router[rnd(g->r, 4)];
	if (g->at == AT_BRIDGE || g->at == AT_NETDEV)
		return bridge[rnd(g->r, g->scene->shape == SHAPE_CABLE ? 2 : 4)];
	return routed[rnd(g->r, 4)];
}

static const char *no(struct gen *g)
{
	return chance(g->r, 25) ? "!= " : "";
}

static const char *ip(const struct gen *g)
{
	return g->ipv6 ? "ip6" : "ip";
}

static void match_address(struct gen *g)
{
	const char *side = chance(g->r, 50) ? "saddr" : "daddr";

	switch (rnd(g->r, 4)) {
	case 0:
		fprintf(g->to, "%s %s %s%s ", ip(g), side, no(g), address(g));
		break;
	case 1:
		fprintf(g->to, "%s %s %s%s ", ip(g), side, no(g), network(g));
		break;
	case 2:
		fprintf(g->to, "%s %s %s{ %s, %s } ", ip(g), side, no(g),
			scene_address((int)rnd(g->r, 4), g->ipv6),
			scene_address(4 + (int)rnd(g->r, 4), g->ipv6));
		break;
	default:
		fprintf(g->to, "%s %s %s@nets%s ", ip(g), side, no(g), g->ipv6 ? "6" : "4");
	}
}

static void match_port(struct gen *g)
{
	static const char *const protos[] = {"tcp", "udp", "th"};
	const char *proto = protos[rnd(g->r, 3)], *side = chance(g->r, 80) ? "dport" : "sport";

	if (g->four) {
		match_address(g);
		return;
	}
	g->four = true;
	if (*proto == 't' && proto[1] == 'h')
		fprintf(g->to, "meta l4proto { tcp, udp } ");
	switch (rnd(g->r, 5)) {
	case 0:
		fprintf(g->to, "%s %s %s%u ", proto, side, no(g), port(g));
		break;
	case 1:
		fprintf(g->to, "%s %s %s50-%u ", proto, side, no(g), 60 + rnd(g->r, 1000));
		break;
	case 2:
		fprintf(g->to, "%s %s %s{ 22, 53-79, %u } ", proto, side, no(g),
			chance(g->r, 50) ? 443U : 40000U);
		break;
	case 3:
		fprintf(g->to, "%s %s %s %u ", proto, side, chance(g->r, 50) ? "<" : ">=", port(g));
		break;
	default:
		fprintf(g->to, "%s %s @ports ", proto, side);
	}
}

static void match_concat(struct gen *g)
{
	const char *six = g->ipv6 ? "6" : "4";
	const uint32_t which = g->four ? 2 : rnd(g->r, 5);

	if (which == 4 && (g->at == AT_BRIDGE || g->at == AT_NETDEV || g->at == AT_PRE)) {
		fprintf(g->to, "iifname . ether saddr . %s saddr %s@pins%s ", ip(g), no(g), six);
		return;
	}
	g->four = g->four || which != 2;
	switch (which) {
	case 0:
		fprintf(g->to, "%s saddr . %s daddr . meta l4proto . th dport %s@flows%s ", ip(g),
			ip(g), no(g), six);
		break;
	case 1:
		fprintf(g->to, "%s saddr . tcp dport %s@pairs%s ", ip(g), no(g), six);
		break;
	case 2:
		fprintf(g->to, "iifname . %s saddr %s@where%s ", ip(g), no(g), six);
		break;
	default:
		fprintf(g->to, "%s daddr . meta l4proto %s{ %s . tcp, %s . udp } ", ip(g), no(g),
			scene_address((int)rnd(g->r, 4), g->ipv6),
			scene_address(4 + (int)rnd(g->r, 4), g->ipv6));
	}
}

static void match_mark(struct gen *g)
{
	switch (rnd(g->r, 3)) {
	case 0:
		fprintf(g->to, "meta mark %s%u ", no(g), rnd(g->r, 4));
		break;
	case 1:
		fprintf(g->to, "meta mark & 0x%x == 0x%x ", 3U, rnd(g->r, 4));
		break;
	default:
		fprintf(g->to, "meta mark %s{ 1, 3 } ", no(g));
	}
}

static void match_ct(struct gen *g)
{
	static const char *const states[] = {"new",	"established", "new,established",
					     "invalid", "related",     "established,related"};

	switch (rnd(g->r, 4)) {
	case 0:
		fprintf(g->to, "ct state %s ", states[rnd(g->r, 6)]);
		break;
	case 1:
		fprintf(g->to, "ct direction %s ", chance(g->r, 70) ? "original" : "reply");
		break;
	case 2:
		fprintf(g->to, "ct mark %s%u ", no(g), rnd(g->r, 3));
		break;
	default:
		fprintf(g->to, "ct state != { invalid, untracked } ");
	}
}

static void match_link(struct gen *g)
{
	const bool out = g->at == AT_FORWARD && chance(g->r, 50);

	if (g->at == AT_POST)
		fprintf(g->to, "oifname %s\"%s\" ", no(g), link_name(g));
	else if (chance(g->r, 30))
		fprintf(g->to, "%s %s{ \"%s\", \"zz9\" } ", out ? "oifname" : "iifname", no(g),
			link_name(g));
	else
		fprintf(g->to, "%s %s\"%s\" ", out ? "oifname" : "iifname", no(g), link_name(g));
}

static void match_frame(struct gen *g)
{
	switch (rnd(g->r, 4)) {
	case 0:
		fprintf(g->to, "ether saddr %s02:00:00:00:00:0%u ", no(g), rnd(g->r, 4));
		break;
	case 1:
		fprintf(g->to, "ether daddr %s0%u:00:00:00:00:00 ", no(g), rnd(g->r, 3));
		break;
	case 2:
		fprintf(g->to, "ether daddr & 01:00:00:00:00:00 == 0%u:00:00:00:00:00 ",
			rnd(g->r, 2));
		break;
	default:
		fprintf(g->to, "ether type %s ", g->ipv6 ? "ip6" : "ip");
	}
}

static void match_other(struct gen *g)
{
	const uint32_t which = g->four ? 3 + rnd(g->r, 4) : rnd(g->r, 7);

	g->four = g->four || which < 3;
	switch (which) {
	case 0:
		fprintf(g->to, "meta l4proto %s%s ", no(g), chance(g->r, 50) ? "tcp" : "udp");
		break;
	case 1:
		fprintf(g->to, "%s type %secho-request ", g->ipv6 ? "icmpv6" : "icmp", no(g));
		break;
	case 2:
		fprintf(g->to, "tcp flags & (syn | ack) == %s ", chance(g->r, 50) ? "syn" : "ack");
		break;
	case 3:
		fprintf(g->to, "%s %s ", g->ipv6 ? "ip6 hoplimit" : "ip ttl",
			chance(g->r, 50) ? "> 32" : "{ 1-10, 64 }");
		break;
	case 4:
		fprintf(g->to, "meta nfproto %s ", g->ipv6 ? "ipv6" : "ipv4");
		break;
	case 5:
		if (g->ipv6)
			fprintf(g->to, "ip6 saddr & ::3 == ::%u ", rnd(g->r, 4));
		else
			fprintf(g->to, "ip saddr & 0.0.0.3 == 0.0.0.%u ", rnd(g->r, 4));
		break;
	default:
		fprintf(g->to, "fib daddr type %s%s ", no(g),
			chance(g->r, 50) ? "local" : "unicast");
	}
}

static void unknown(struct gen *g)
{
	switch (rnd(g->r, 3)) {
	case 0:
		fprintf(g->to, "limit rate %s100/second ", chance(g->r, 50) ? "over " : "");
		break;
	case 1:
		fprintf(g->to, "numgen inc mod 2 %u ", rnd(g->r, 2));
		break;
	default:
		fprintf(g->to, "quota %s1 mbytes ", chance(g->r, 50) ? "over " : "until ");
	}
}

static bool routed(const struct gen *g)
{
	return g->at != AT_NETDEV && g->at != AT_BRIDGE;
}

static void match(struct gen *g)
{
	switch (rnd(g->r, 10)) {
	case 0:
	case 1:
		match_address(g);
		break;
	case 2:
	case 3:
		match_port(g);
		break;
	case 4:
		match_concat(g);
		break;
	case 5:
		match_mark(g);
		break;
	case 6:
		if (g->track)
			match_ct(g);
		else
			match_link(g);
		break;
	case 7:
		match_link(g);
		break;
	case 8:
		if (g->at == AT_BRIDGE || g->at == AT_NETDEV || g->at == AT_PRE)
			match_frame(g);
		else
			match_address(g);
		break;
	default:
		if (g->at == AT_NETDEV || g->at == AT_BRIDGE)
			match_frame(g);
		else
			match_other(g);
	}
}

static void act(struct gen *g)
{
	const char *six = g->ipv6 ? "6" : "4";

	switch (rnd(g->r, 9)) {
	case 0:
		fprintf(g->to, "meta mark set %u ", rnd(g->r, 4));
		break;
	case 1:
		fprintf(g->to, "meta mark set meta mark | 0x%x ", 1 + rnd(g->r, 2));
		break;
	case 2:
		fprintf(g->to, "meta mark set %s daddr map @marks%s ", ip(g), six);
		break;
	case 3:
		if (g->track)
			fprintf(g->to, "ct mark set %u ", rnd(g->r, 3));
		break;
	case 4:
		if (g->track)
			fprintf(g->to, "meta mark set ct mark & 0x1 ");
		break;
	case 5:
		fprintf(g->to, "counter ");
		break;
	case 6:
		if (routed(g))
			fprintf(g->to, "log group 9 ");
		break;
	default:
		if (chance(g->r, 80))
			unknown(g);
	}
}

static void verdict(struct gen *g)
{
	const uint32_t which = rnd(g->r, 100);

	if (g->at == AT_PRE_RAW && chance(g->r, 15))
		fprintf(g->to, "notrack");
	else if (which < 30)
		fprintf(g->to, "drop");
	else if (which < 55)
		fprintf(g->to, "accept");
	else if (which < 70 && g->chains > 0)
		fprintf(g->to, "%s c%u", chance(g->r, 60) ? "jump" : "goto",
			rnd(g->r, (uint32_t)g->chains));
	else if (which < 78 && g->chains > 0 && !g->four)
		fprintf(g->to,
			"meta l4proto tcp tcp dport vmap { 22 : drop, 53-90 : jump c%u, %s : "
			"accept }",
			rnd(g->r, (uint32_t)g->chains), "443");
	else if (which < 84)
		fprintf(g->to, "meta mark vmap { 0 : %s, 2 : drop }",
			chance(g->r, 50) ? "continue" : "accept");
	else if (which < 88)
		fprintf(g->to, "return");
	else if (which < 92 && g->at == AT_FORWARD)
		fprintf(g->to, "reject");
	else
		fprintf(g->to, "%s",
			g->at == AT_PRE_RAW && chance(g->r, 60) ? "notrack" : "counter");
}

static void rule(struct gen *g)
{
	const uint32_t n = 1 + rnd(g->r, 2);

	g->ipv6 = chance(g->r, 40);
	g->four = false;
	fprintf(g->to, "\t\t");
	for (uint32_t i = 0; i < n; i++)
		match(g);
	if (chance(g->r, 35))
		act(g);
	verdict(g);
	fprintf(g->to, "\n");
}

static void rules(struct gen *g, uint32_t most)
{
	for (uint32_t n = 1 + rnd(g->r, most); n > 0; n--)
		rule(g);
}

static void sets(struct gen *g)
{
	static const char head[] =
		"\tset nets4 { type ipv4_addr; flags interval; elements = { 10.7.0.2-10.7.0.3, "
		"10.7.2.0/24, 172.16.0.0/12 } }\n"
		"\tset nets6 { type ipv6_addr; flags interval; elements = { fd07:0::2-fd07:0::3, "
		"fd07:2::/32, fd99::/16 } }\n"
		"\tset ports { type inet_service; flags interval; elements = { 22, 80-443 } }\n"
		"\tset flows4 { type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags "
		"interval; elements = { 10.7.0.0/24 . 10.7.0.0/16 . tcp . 22-80, 10.7.0.2 . "
		"10.7.1.0/24 . udp . 53, 10.7.1.0/24 . 10.7.0.3 . tcp . 443 } }\n"
		"\tset flows6 { type ipv6_addr . ipv6_addr . inet_proto . inet_service; flags "
		"interval; elements = { fd07:0::/32 . fd07::/16 . tcp . 22-80, fd07:0::2 . "
		"fd07:1::/32 . udp . 53 } }\n"
		"\tset pairs4 { type ipv4_addr . inet_service; elements = { 10.7.0.2 . 22, "
		"10.7.1.2 "
		". 80 } }\n"
		"\tset pairs6 { type ipv6_addr . inet_service; elements = { fd07:0::2 . 22, "
		"fd07:1::2 . 80 } }\n"
		"\tmap marks4 { type ipv4_addr : mark; flags interval; elements = { 10.7.1.0/24 : "
		"1, "
		"10.7.0.3 : 2, 10.7.3.2 : 3 } }\n"
		"\tmap marks6 { type ipv6_addr : mark; flags interval; elements = { fd07:1::/32 : "
		"1, "
		"fd07:0::3 : 2 } }\n";
	const char *link = link_name(g);

	fputs(head, g->to);
	fprintf(g->to,
		"\tset where4 { type ifname . ipv4_addr; flags interval; elements = { \"%s\" . "
		"10.7.0.0/24, \"e9\" . 10.7.1.2, \"c9\" . 10.7.0.0/16 } }\n",
		link);
	fprintf(g->to,
		"\tset pins4 { type ifname . ether_addr . ipv4_addr; elements = { "
		"\"%s\" . 02:00:00:00:00:00 . 10.7.0.2, \"%s\" . 02:00:00:00:00:01 . 10.7.0.3, "
		"\"br0\" . 02:00:00:00:00:02 . 10.7.0.4 } }\n"
		"\tset pins6 { type ifname . ether_addr . ipv6_addr; elements = { "
		"\"%s\" . 02:00:00:00:00:00 . fd07::2, \"%s\" . 02:00:00:00:00:01 . fd07::3 } }\n",
		link, link_name(g), link, link_name(g));
	fprintf(g->to,
		"\tset where6 { type ifname . ipv6_addr; flags interval; elements = { \"%s\" . "
		"fd07:0::/32, \"e9\" . fd07:1::2 } }\n",
		link);
}

static void chain(struct gen *g, const char *name, const char *type, const char *hook, int priority)
{
	fprintf(g->to, "\tchain %s {\n\t\ttype %s hook %s priority %d; policy %s;\n", name, type,
		hook, priority, chance(g->r, 75) ? "accept" : "drop");
	rules(g, 4);
	fprintf(g->to, "\t}\n");
}

/* Chains that others jump to; each only to those before it, so there is no circle. */
static void small_chains(struct gen *g)
{
	const int n = (int)rnd(g->r, 4);

	for (g->chains = 0; g->chains < n; g->chains++) {
		fprintf(g->to, "\tchain c%d {\n", g->chains);
		rules(g, 3);
		fprintf(g->to, "\t}\n");
	}
}

static void nat_chains(struct gen *g)
{
	g->at = AT_NAT;
	if (chance(g->r, 50)) {
		fprintf(g->to,
			"\tchain dnats {\n\t\ttype nat hook prerouting priority -100;\n\t\t");
		g->ipv6 = false;
		match_address(g);
		fprintf(g->to, "tcp dport %u dnat ip to %s\n\t}\n", port(g),
			scene_address((int)rnd(g->r, 6), false));
	}
	if (chance(g->r, 75)) {
		fprintf(g->to,
			"\tchain snats {\n\t\ttype nat hook postrouting priority 100;\n\t\t");
		g->ipv6 = false;
		match_address(g);
		fprintf(g->to, "meta l4proto { tcp, udp } %s\n\t}\n",
			chance(g->r, 70) ? "masquerade" : "snat ip to 10.7.9.9");
	}
}

/* Connections remember by what they were let through, as ours do. */
static void generations(struct gen *g)
{
	fprintf(g->to,
		"\tchain generations {\n\t\ttype filter hook forward priority -50; policy accept;\n"
		"\t\tct state new meta mark %u ct mark set %u\n"
		"\t\tct state established ct mark %s%u %s\n"
		"\t\tct state established ct direction reply ct mark != %u drop\n\t}\n",
		rnd(g->r, 2), 1 + rnd(g->r, 2), no(g), rnd(g->r, 3),
		chance(g->r, 50) ? "ct mark set 2" : "drop", rnd(g->r, 3));
}

static void inet_table(struct gen *g)
{
	static const int before[] = {-310, -150, -10}, after[] = {-5, 0, 20};

	fprintf(g->to, "table inet fuzz {\n");
	g->at = AT_FORWARD;
	g->track = chance(g->r, 60);
	sets(g);
	small_chains(g);
	if (chance(g->r, 40)) {
		const bool track = g->track;

		g->at = AT_PRE_RAW;
		g->track = false;
		chain(g, "raw", "filter", "prerouting", before[0]);
		g->track = track;
	}
	g->at = AT_PRE;
	if (chance(g->r, 60))
		chain(g, "pre", "filter", "prerouting", before[1 + rnd(g->r, 2)]);
	g->at = AT_FORWARD;
	chain(g, "cross", "filter", "forward", after[rnd(g->r, 3)]);
	if (g->track && chance(g->r, 25))
		generations(g);
	if (chance(g->r, 45))
		chain(g, "cross2", "filter", "forward", 50);
	g->at = AT_POST;
	if (chance(g->r, 30))
		chain(g, "post", "filter", "postrouting", 0);
	if (g->track && chance(g->r, 75))
		nat_chains(g);
	fprintf(g->to, "}\n");
}

static void bridge_table(struct gen *g)
{
	fprintf(g->to, "table bridge fuzz {\n");
	g->at = AT_BRIDGE;
	g->track = false;
	sets(g);
	small_chains(g);
	if (chance(g->r, 70))
		chain(g, "pre", "filter", "prerouting", -300);
	if (chance(g->r, 70))
		chain(g, "cross", "filter", "forward", -200);
	if (chance(g->r, 30))
		chain(g, "post", "filter", "postrouting", 0);
	fprintf(g->to, "}\n");
}

static void netdev_table(struct gen *g)
{
	const char *link;

	fprintf(g->to, "table netdev fuzz {\n");
	g->at = AT_NETDEV;
	g->track = false;
	sets(g);
	small_chains(g);
	link = link_name(g);
	fprintf(g->to,
		"\tchain in {\n\t\ttype filter hook ingress device \"%s\" priority 0; policy "
		"accept;\n",
		link);
	rules(g, 4);
	fprintf(g->to, "\t}\n}\n");
}

void gen_rules(struct rnd *r, const struct scene *s, FILE *to)
{
	struct gen g = {.r = r, .scene = s, .to = to};

	if (s->shape != SHAPE_BRIDGE || chance(r, 60))
		inet_table(&g);
	if (s->shape != SHAPE_ROUTER && chance(r, 70))
		bridge_table(&g);
	if (chance(r, 30))
		netdev_table(&g);
}
