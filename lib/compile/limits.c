/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"
#include "admit.h"
#include "udata.h"

/*
 * How many connections an endpoint opens across the border: a second, and at once.
 *
 *	limit       what does not open a connection of an endpoint of ours: to the judge;
 *	            the endpoint's rate, both families together; else drop
 *	limit_open  a share of what it may have open; else drop
 *
 * Only what a policy lets through and what belongs to no connection yet is counted
 * here, in the gateway of who opens it: a connection has a mark from its first packet
 * on, also between two generations. What is denied leaves nothing behind, here or
 * elsewhere. An endpoint is its MAC address, which the bridge has looked at.
 *
 * The kernel counts open connections in a list, and looks each of them up whenever one
 * is added. So the limit is dealt out to shares of SHARE connections, each with a list
 * of its own, and connections to shares by turns: by ports or addresses they would
 * come uneven, and who opens them could choose. All shares together are never more
 * than the limit, and one may be full earlier: up to half of the limit
 * nothing is refused, at 70 % of it one of a thousand, at 90 % four of a hundred, and
 * trying again is another share. A share without connections goes within a second or two; it has no
 * time of its own, for then whoever keeps connections longer could begin anew.
 *
 * The kernel also puts into the list what it then does not let through, and before 6.19
 * takes no more than eight such a jiffy out again. Without a pause a flood would make the
 * list of a full share longer and longer, and keep it full when all that is in it is over.
 *
 * What counts matches what is within the limit: a set that is full matches nothing, and
 * drops. Sets do not change with the limits, for what they count would be lost.
 *
 * Tests: tests/kernel/test_limits.c
 */
#define CHAIN_OPENS "nsnet_limit_open"
#define SET_NEW	    "nsnet_new"
#define SET_OPEN    "nsnet_open"
#define SET_FULL    "nsnet_full"
#define DROP_NEW    "nsnet_drop_new"
#define DROP_OPEN   "nsnet_drop_open"

/*
 * Measured, one more connection of the last of 32,000 (best and median of 20 times 1,000):
 * in one list 132 and 198 us, in shares of 128 52 and 79 us, of 32 15 and 28 us, of 16 8
 * and 10 us, without a limit 2 and 3 us. Smaller shares are full earlier, and there are
 * more elements of them.
 */
enum { SHARE = 32 };

/* nft's numbers of types, as in pins.c. */
enum { T_ETHER = 9, T_MARK = 19 };

static void limit_chain(struct nsn_rules *r, const struct nsn_scope *s)
{
	struct nsn_rule *to = nsn_rule_begin(r, "limited where it comes from");

	nsn_rule_link_is_not(r, to, NFT_META_IIFNAME, NSN_BRIDGE);
	nsn_rule_goto(r, to, CHAIN_JUDGE);
	to = nsn_rule_begin(r, "a policy forbids it");
	nsn_rule_load_mark(r, to, false);
	nsn_rule_mark_bits(r, to, NSN_MARK_ROUTE, 0);
	nsn_rule_mark_is(r, to, NFT_CMP_EQ, 0);
	nsn_rule_goto(r, to, CHAIN_JUDGE);
	to = nsn_rule_begin(r, "not a new connection");
	nsn_rule_load_mark(r, to, true);
	nsn_rule_mark_is(r, to, NFT_CMP_NEQ, 0);
	nsn_rule_goto(r, to, CHAIN_JUDGE);
	to = nsn_rule_begin(r, s->t->new_flows ? "new ones of an endpoint" : "");
	if (s->t->new_flows)
		nsn_rule_within_rate(r, to, SET_NEW, s->t->new_flows);
	nsn_rule_goto(r, to, CHAIN_OPENS);
}

static void opens_chain(struct nsn_rules *r, const struct nsn_scope *s)
{
	const uint32_t limit = s->t->open_flows, shares = limit > SHARE ? limit / SHARE : 1;
	struct nsn_rule *to = nsn_rule_begin(r, "");

	if (limit == 0) {
		nsn_rule_goto(r, to, CHAIN_JUDGE);
		return;
	}
	nsn_rule_take_share(r, to, shares);
	to = nsn_rule_begin(r, "was full a moment ago");
	nsn_rule_remembers_share(r, to, SET_FULL);
	nsn_rule_drop(r, to, DROP_OPEN);
	to = nsn_rule_begin(r, "open ones of an endpoint");
	nsn_rule_within_count(r, to, SET_OPEN, limit / shares);
	/* The share was a note in the connection's mark: to the judge it still has none. */
	nsn_rule_load_mark(r, to, true);
	nsn_rule_mark_bits(r, to, 0, 0);
	nsn_rule_set_mark(r, to, true);
	nsn_rule_goto(r, to, CHAIN_JUDGE);
	nsn_rule_remember_share(r, nsn_rule_begin(r, ""), SET_FULL);
}

static const struct nsn_chain_def chains[] = {
	{CHAIN_LIMIT, DROP_NEW, 0, 0, 0, limit_chain, NSN_WHEN_OPEN, ""},
	{CHAIN_OPENS, DROP_OPEN, 0, 0, 0, opens_chain, NSN_WHEN_OPEN, ""},
};

/*
 * What an endpoint has in SET_NEW is forgotten when it has opened nothing for so long
 * (ms); its bucket is full again after a second.
 */
enum { FORGET = 10000 };

/* How long (ms) a share that was full is not asked again. */
enum { PAUSE = 100 };

static const struct nsn_set sets[] = {
	/* Those whose endpoints are gone stay for a while, so twice as many as there can be. */
	{.name = SET_NEW,
	 .flags = NFT_SET_EVAL | NFT_SET_TIMEOUT,
	 .key_type = T_ETHER,
	 .key_len = 6,
	 .size = 2048,
	 .timeout = FORGET,
	 .udata = udata_network,
	 .udata_len = sizeof(udata_network)},
	{.name = SET_OPEN,
	 .flags = NFT_SET_EVAL,
	 .key_type = T_ETHER << 6 | T_MARK,
	 .key_len = 12,
	 .size = NSN_NFT_SIZE_USUAL,
	 .udata = udata_concat,
	 .udata_len = sizeof(udata_concat)},
	{.name = SET_FULL,
	 .flags = NFT_SET_EVAL | NFT_SET_TIMEOUT,
	 .key_type = T_ETHER << 6 | T_MARK,
	 .key_len = 12,
	 .size = NSN_NFT_SIZE_USUAL,
	 .timeout = PAUSE,
	 .udata = udata_concat,
	 .udata_len = sizeof(udata_concat)},
};

int nsn_compile_limits(struct nsn_state *s, struct nsn_place at, const struct nsn_scope *scope,
		       enum nsn_want want)
{
	size_t i;

	for (i = 0; i < NSN_COUNT(sets); i++) {
		struct nsn_object *o = nsn_state_add(s, NSN_OBJ_SET, at, "");

		if (!o)
			return -ENOMEM;
		o->u.set = sets[i];
		o->u.set.family = NFPROTO_INET;
		o->u.set.table = NSN_TABLE_NAME;
	}
	return nsn_compile_chains(s, at, NFPROTO_INET, chains, NSN_COUNT(chains), scope, want);
}
