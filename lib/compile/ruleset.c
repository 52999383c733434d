/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"
#include "admit.h"
#include "parts.h"
#include "rule.h"

/*
 * The gateway's inet table: what reaches the gateway itself, and what it would
 * route. Everything is dropped but what is named; drops are counted by reason.
 * The bridge's table (bridge.c) comes before it.
 *
 *	prerouting  from br0, source in the tenant's subnets: go on; else source
 *	input       ping to the gateway's own addresses, and who has them: accept;
 *	            else input
 *	forward     nothing; forward
 *	output      the answers: accept; else output
 *
 * There is no conntrack expression: the first one in a namespace switches
 * connection tracking on, which costs 0.4 to 1 ms per commit, and there is no
 * connection to track in a gateway without a way out.
 *
 * Tests: tests/kernel/test_topology.c sends a packet that fails for each rule.
 */

static void family_is(struct nsn_rules *r, struct nsn_rule *to, uint8_t family)
{
	nsn_rule_meta_is(r, to, NFT_META_NFPROTO, family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
}

static void icmp_is(struct nsn_rules *r, struct nsn_rule *to, uint8_t family, uint8_t type)
{
	nsn_rule_meta_is(r, to, NFT_META_L4PROTO,
			 family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	nsn_rule_byte(r, to, NFT_PAYLOAD_TRANSPORT_HEADER, 0, NFT_CMP_EQ, type);
}

static void own_sources(struct nsn_rules *r, const struct nsn_prefix *subnet)
{
	struct nsn_rule *to = nsn_rule_begin(r, "tenant's own addresses only");

	nsn_rule_link_is(r, to, NFT_META_IIFNAME, NSN_BRIDGE);
	family_is(r, to, subnet->ip.family);
	nsn_rule_address_in(r, to, true, subnet);
	nsn_rule_accept(r, to);
}

/* From a cable or the uplink: anything but the tenant's own. Whose it may be is for the chains of
 * admit.c. */
static void other_sources(struct nsn_rules *r, const struct nsn_prefix *subnet)
{
	struct nsn_rule *to = nsn_rule_begin(r, "no own addresses from others");

	nsn_rule_link_is_not(r, to, NFT_META_IIFNAME, NSN_BRIDGE);
	family_is(r, to, subnet->ip.family);
	nsn_rule_address_not_in(r, to, true, subnet);
	nsn_rule_accept(r, to);
}

static void prerouting(struct nsn_rules *r, const struct nsn_scope *s)
{
	bool six = nsn_compile_ipv6(s->t);

	own_sources(r, &s->t->subnet);
	if (six)
		own_sources(r, &s->t->subnet6);
	if (!s->border || (s->border->n_far == 0 && s->border->up.link == 0))
		return;
	other_sources(r, &s->t->subnet);
	if (six)
		other_sources(r, &s->t->subnet6);
}

static void echo(struct nsn_rules *r, const struct nsn_ip *gateway, bool in)
{
	struct nsn_rule *to = nsn_rule_begin(r, in ? "ping the gateway" : "answer a ping");
	bool six = gateway->family == AF_INET6;

	nsn_rule_link_is(r, to, in ? NFT_META_IIFNAME : NFT_META_OIFNAME, NSN_BRIDGE);
	family_is(r, to, gateway->family);
	nsn_rule_address_is(r, to, !in, gateway);
	icmp_is(r, to, gateway->family,
		in ? (six ? ICMP6_ECHO_REQUEST : ICMP_ECHO)
		   : (six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY));
	nsn_rule_accept(r, to);
}

/*
 * ARP does not pass these chains, its counterpart does. Who asks has been
 * looked at by the bridge's table; the gateway never asks, it knows all its
 * endpoints by permanent entries.
 */
static void discovery(struct nsn_rules *r, const struct nsn_ip *gateway, bool in)
{
	struct nsn_rule *to =
		nsn_rule_begin(r, in ? "who has the gateway's address?" : "say who has it");

	nsn_rule_link_is(r, to, in ? NFT_META_IIFNAME : NFT_META_OIFNAME, NSN_BRIDGE);
	family_is(r, to, AF_INET6);
	if (!in)
		nsn_rule_address_is(r, to, true, gateway);
	icmp_is(r, to, AF_INET6, in ? ND_NEIGHBOR_SOLICIT : ND_NEIGHBOR_ADVERT);
	nsn_rule_byte(r, to, NFT_PAYLOAD_NETWORK_HEADER, NSN_IP6_HOPLIMIT, NFT_CMP_EQ, 255);
	nsn_rule_accept(r, to);
}

static void local(struct nsn_rules *r, const struct nsn_tenant *t, bool in)
{
	echo(r, &t->gateway, in);
	if (!nsn_compile_ipv6(t))
		return;
	echo(r, &t->gateway6, in);
	discovery(r, &t->gateway6, in);
}

static void input(struct nsn_rules *r, const struct nsn_scope *s)
{
	local(r, s->t, true);
}

static void output(struct nsn_rules *r, const struct nsn_scope *s)
{
	local(r, s->t, false);
	if (s->border)
		nsn_admit_errors(r, s);
}

static void forward(struct nsn_rules *r, const struct nsn_scope *s)
{
	if (s->border)
		nsn_admit_forward(r);
}

static const struct nsn_chain_def chains[] = {
	/* Before the routing decision, at the priority that nft calls "raw". */
	{"prerouting", "nsnet_drop_source", NF_INET_PRE_ROUTING, -300, NF_DROP, prerouting,
	 NSN_ALWAYS, NULL},
	{"input", "nsnet_drop_input", NF_INET_LOCAL_IN, 0, NF_DROP, input, NSN_ALWAYS, NULL},
	{"forward", "nsnet_drop_forward", NF_INET_FORWARD, 0, NF_DROP, forward, NSN_ALWAYS, NULL},
	{"output", "nsnet_drop_output", NF_INET_LOCAL_OUT, 0, NF_DROP, output, NSN_ALWAYS, NULL},
	/*
	 * A tenant is cut by two more chains before all others: nothing comes in, nothing
	 * goes out. Taking the accepting rules away would do the same, but then the next
	 * close() of a netfilter socket waits 10 ms for the kernel to free them.
	 */
	{"cut_in", NULL, NF_INET_PRE_ROUTING, -500, NF_DROP, NULL, NSN_WHEN_CUT, NULL},
	{"cut_out", NULL, NF_INET_LOCAL_OUT, -500, NF_DROP, NULL, NSN_WHEN_CUT, NULL},
};

int nsn_compile_chains(struct nsn_state *s, struct nsn_place at, uint8_t family,
		       const struct nsn_chain_def *list, size_t n, const struct nsn_scope *scope,
		       enum nsn_want want)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < n; i++) {
		if (!nsn_compile_has_chain(&list[i], scope, want))
			continue;
		if (list[i].counter)
			r = nsn_compile_counter(s, at, family, list[i].counter);
		if (r == 0)
			r = nsn_compile_chain(s, at, family, &list[i], scope);
	}
	return r;
}

int nsn_compile_ruleset(struct nsn_state *s, struct nsn_place at, const struct nsn_scope *scope,
			const char *mark, enum nsn_want want)
{
	int r = nsn_compile_table(s, at, NFPROTO_INET, mark);

	if (r == 0)
		r = nsn_compile_chains(s, at, NFPROTO_INET, chains, NSN_COUNT(chains), scope, want);
	if (r == 0 && scope->border)
		r = nsn_compile_admit(s, at, scope, want);
	return r;
}
