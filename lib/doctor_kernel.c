/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * D001: what nsnet needs of the kernel. Each thing is tried in a namespace that nobody sees:
 * links are made, rules only checked (nsn_nft_check()). The list is closed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/cleanup.h"
#include "doctor.h"
#include "kernel/link.h"
#include "kernel/netns.h"
#include "kernel/nft.h"

NSN_CLEANUP(struct nsn_netns, nsn_netns_close)
NSN_CLEANUP(struct nsn_nft_txn, nsn_nft_free)

#define TABLE	"nsnet-doctor"
#define MEMBERS "members"

/* A rule of one expression, or an object, that needs a part of the kernel. */
struct need {
	const char *name; /* as the kernel's configuration has it */
	enum nsn_kind kind;
	uint8_t family;
	const char *type; /* of the chain; NULL: filter, at the hook forward */
	struct nsn_expr expr;
	uint32_t set_flags; /* of a set beside it; 0: none */
};

static const struct need needs[] = {
	{"NF_TABLES_INET", .kind = NSN_OBJ_TABLE, .family = NFPROTO_INET},
	{"NF_TABLES_BRIDGE", .kind = NSN_OBJ_CHAIN, .family = NFPROTO_BRIDGE,
	 .expr = {.kind = NSN_EXPR_META, .key = NFT_META_IIFNAME, .reg = NFT_REG_1}},
	{"NFT_CT", .kind = NSN_OBJ_CHAIN, .family = NFPROTO_INET,
	 .expr = {.kind = NSN_EXPR_CT, .key = NFT_CT_STATE, .reg = NFT_REG_1}},
	{"NF_CONNTRACK_MARK", .kind = NSN_OBJ_CHAIN, .family = NFPROTO_INET,
	 .expr = {.kind = NSN_EXPR_CT, .key = NFT_CT_MARK, .reg = NFT_REG_1}},
	{"NFT_FIB_INET", .kind = NSN_OBJ_CHAIN, .family = NFPROTO_INET,
	 .expr = {.kind = NSN_EXPR_FIB,
		  .key = NFT_FIB_RESULT_ADDRTYPE,
		  .reg = NFT_REG_1,
		  .flags = NFTA_FIB_F_DADDR}},
	{"NFT_LOG", .kind = NSN_OBJ_CHAIN, .family = NFPROTO_INET,
	 .expr = {.kind = NSN_EXPR_LOG, .key = 1, .name = "x"}},
	{"NFT_NUMGEN", .kind = NSN_OBJ_CHAIN, .family = NFPROTO_INET,
	 .expr = {.kind = NSN_EXPR_NUMGEN,
		  .key = NFT_NG_INCREMENTAL,
		  .reg = NFT_REG_1,
		  .limit = {.rate = 2}}},
	{"NFT_NAT", .kind = NSN_OBJ_CHAIN, .family = NFPROTO_INET, .type = "nat",
	 .expr = {.kind = NSN_EXPR_NAT, .key = NFT_NAT_SNAT, .reg = NFT_REG_1, .len = 4}},
	{"NFT_LIMIT", .kind = NSN_OBJ_LIMIT, .family = NFPROTO_INET},
	{"NFT_CONNLIMIT", .kind = NSN_OBJ_CHAIN, .family = NFPROTO_INET,
	 .expr = {.kind = NSN_EXPR_DYNSET_CONNLIMIT,
		  .key = NFT_DYNSET_OP_ADD,
		  .reg = NFT_REG_1,
		  .limit = {.rate = 9},
		  .name = MEMBERS},
	 .set_flags = NFT_SET_EVAL},
	{"sets of ranges of several fields (kernel 5.6)", .kind = NSN_OBJ_SET,
	 .family = NFPROTO_INET, .set_flags = NFT_SET_CONCAT | NFT_SET_INTERVAL},
};

/* ---- rules --------------------------------------------------------------------------- */

static int add(struct nsn_nft_txn *t, enum nsn_kind kind, const struct nsn_object *like,
	       struct nsnet_err *err)
{
	struct nsn_object o = *like;

	o.kind = kind;
	o.link = "";
	return nsn_nft_add(t, &o, err);
}

static int add_table(struct nsn_nft_txn *t, const struct need *need, struct nsnet_err *err)
{
	return add(t, NSN_OBJ_TABLE,
		   &(const struct nsn_object){
			   .u.table = {.family = need->family, .name = TABLE, .comment = ""}},
		   err);
}

static int add_limit(struct nsn_nft_txn *t, const struct need *need, struct nsnet_err *err)
{
	return add(t, NSN_OBJ_LIMIT,
		   &(const struct nsn_object){.u.limit = {.family = need->family,
							  .table = TABLE,
							  .name = "rate",
							  .rate = 1000,
							  .unit = 1,
							  .burst = 1000,
							  .type = NFT_LIMIT_PKT_BYTES,
							  .flags = NFT_LIMIT_F_INV}},
		   err);
}

static int add_set(struct nsn_nft_txn *t, const struct need *need, struct nsnet_err *err)
{
	struct nsn_object o = {.u.set = {.family = need->family,
					 .table = TABLE,
					 .name = MEMBERS,
					 .flags = need->set_flags,
					 .key_len = 4}};

	if (need->set_flags & NFT_SET_EVAL)
		o.u.set.size = 16;
	if (need->set_flags & NFT_SET_CONCAT) {
		o.u.set.key_len = 8;
		o.u.set.fields[0] = o.u.set.fields[1] = 4;
		o.u.set.n_fields = 2;
	}
	return add(t, NSN_OBJ_SET, &o, err);
}

/* What reads the register has something in it first. */
static int add_chain(struct nsn_nft_txn *t, const struct need *need, struct nsnet_err *err)
{
	struct nsn_rule rule = {.n = 2};
	struct nsn_object o = {
		.u.chain = {.family = need->family,
			    .table = TABLE,
			    .name = "x",
			    .type = need->type ? need->type : "filter",
			    .hook = need->type ? NF_INET_POST_ROUTING : NF_INET_FORWARD,
			    .priority = need->type ? 100 : 0,
			    .policy = NF_ACCEPT,
			    .rules = &rule,
			    .n_rules = 1}};

	rule.exprs[0] = (struct nsn_expr){.kind = NSN_EXPR_IMMEDIATE, .reg = NFT_REG_1, .len = 4};
	rule.exprs[1] = need->expr;
	return add(t, NSN_OBJ_CHAIN, &o, err);
}

static int try_rule(struct nsn_netns *ns, const struct need *need, struct nsnet_err *err)
{
	NSN_AUTO(nsn_nft_freep) struct nsn_nft_txn *t = NULL;
	int r = nsn_nft_begin(&t, err);

	if (r == 0)
		r = add_table(t, need, err);
	if (r == 0 && need->set_flags)
		r = add_set(t, need, err);
	if (r == 0 && need->kind == NSN_OBJ_LIMIT)
		r = add_limit(t, need, err);
	if (r == 0 && need->kind == NSN_OBJ_CHAIN)
		r = add_chain(t, need, err);
	return r < 0 ? r : nsn_nft_check(t, nsn_netns_nft(ns), err);
}

/* ---- links ---------------------------------------------------------------------------- */

static int try_bridge(struct nsn_netns *ns, struct nsnet_err *err)
{
	const struct nsn_object o = {.kind = NSN_OBJ_LINK,
				     .link = "br0",
				     .u.dev = {.type = NSN_LINK_BRIDGE,
					       .type_name = "bridge",
					       .mac = {{0x02, [5] = 1}},
					       .mtu = 1500,
					       .master = ""}};

	return nsn_link_add(nsn_netns_route(ns), &o, NULL, -1, err);
}

static int try_veth(struct nsn_netns *ns, struct nsnet_err *err)
{
	struct nsn_object o = {.kind = NSN_OBJ_LINK,
			       .link = "a",
			       .u.dev = {.type = NSN_LINK_VETH,
					 .type_name = "veth",
					 .mac = {{0x02, [5] = 2}},
					 .mtu = 1500,
					 .master = "",
					 .peer = "b"}};
	struct nsn_object far = o;

	far.link = "b";
	far.u.dev.mac.bytes[5] = 3;
	far.u.dev.peer = "a";
	return nsn_link_add(nsn_netns_route(ns), &o, &far, nsn_netns_fd(ns), err);
}

/* ---- all ------------------------------------------------------------------------------- */

/* Adds a name to those that are missing; *@missing NULL: no memory. */
static void miss(struct nsn_exam *x, const char **missing, const char *name,
		 const struct nsnet_err *why)
{
	if (*missing)
		*missing = nsn_arena_printf(&x->d->mem, "%s%s%s (%s)", *missing,
					    **missing ? ", " : "", name, why->msg);
}

static const char *all_missing(struct nsn_exam *x, struct nsn_netns *ns)
{
	const char *missing = "";
	struct nsnet_err why;

	for (size_t i = 0; i < NSN_COUNT(needs); i++)
		if (try_rule(ns, &needs[i], &why) < 0)
			miss(x, &missing, needs[i].name, &why);
	if (try_bridge(ns, &why) < 0)
		miss(x, &missing, "BRIDGE", &why);
	if (try_veth(ns, &why) < 0)
		miss(x, &missing, "VETH", &why);
	return missing;
}

int nsn_doctor_kernel(struct nsn_exam *x, struct nsnet_err *err)
{
	NSN_AUTO(nsn_netns_closep) struct nsn_netns *ns = NULL;
	struct nsnet_err why = {0};
	struct utsname un = {0};
	const char *missing;

	(void)uname(&un);
	if (nsn_netns_create(&ns, &x->n->home, true, &why) < 0)
		return nsn_doctor_say(x, "D001", NSNET_FAILING, why.hint, err,
				      "kernel %s: no network namespace can be made: %s", un.release,
				      why.msg);
	missing = all_missing(x, ns);
	if (!missing)
		return nsn_err_nomem(err);
	if (*missing)
		return nsn_doctor_say(x, "D001", NSNET_FAILING,
				      "use a kernel that has them, or load their modules", err,
				      "kernel %s lacks: %s", un.release, missing);
	return nsn_doctor_say(x, "D001", NSNET_HEALTHY, "", err,
			      "kernel %s: nf_tables, conntrack, bridge, veth, and all else that "
			      "nsnet uses",
			      un.release);
}
