// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The nftables ruleset of one namespace: tables, chains, rules, objects, flowtables. A dump
 * of each kind gives all families at once.
 */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "../base/cleanup.h"
#include "../nl/nl.h"
#include "read.h"
#include "read_compat.h"
#include "read_parts.h"

#define BIT(n) (1U << (n))
/* Newer than the headers: the beginning of the names of devices. */
#define DEVICE_PREFIX 2
#define TABLE_PERSIST 4

static uint8_t family_of(const struct nlmsghdr *msg)
{
	return ((const struct nfgenmsg *)mnl_nlmsg_get_payload(msg))->nfgen_family;
}

/* Something of a table that is not known: what crosses the namespace cannot be judged. */
static int strange(struct nsn_nft_read *r, const struct nsn_vtable *t, const char *kind,
		   const char *name, struct nsnet_err *err)
{
	return nsn_strange(
		r->mem, r->ns,
		nsn_arena_printf(r->mem, "nft %s %s %s, of an unknown kind", kind, t->name, name),
		err);
}

/* ---- tables ----------------------------------------------------------------------------- */

/* Names are compared as they are kept. */
static bool named(const char *name, const struct nlattr *a)
{
	char seen[NSN_AT_NAME];

	return nsn_at_is(a, name) ||
	       (strchr(name, '\\') && strcmp(nsn_at_show(seen, a), name) == 0);
}

struct nsn_vtable *nsn_nft_table(struct nsn_nft_read *r, uint8_t family, const struct nlattr *name)
{
	if (r->table && r->table->family == family && named(r->table->name, name))
		return r->table;
	for (size_t i = 0; i < r->ns->n_tables; i++) {
		struct nsn_vtable *t = &r->ns->tables[i];

		if (t->family == family && named(t->name, name)) {
			r->table = t;
			r->chain = NULL;
			return t;
		}
	}
	return NULL;
}

static int each_table(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	struct nsn_nft_read *r = arg;
	struct nsn_vtable *t = NSN_GROW(r->mem, r->ns->tables, r->ns->n_tables);
	struct nsn_at at;

	if (!t)
		return nsn_err_nomem(err);
	nsn_at_msg(&at, msg,
		   BIT(NFTA_TABLE_NAME) | BIT(NFTA_TABLE_FLAGS) | BIT(NFTA_TABLE_USE) |
			   BIT(NFTA_TABLE_HANDLE) | BIT(NFTA_TABLE_PAD) | BIT(NFTA_TABLE_USERDATA) |
			   BIT(NFTA_TABLE_OWNER));
	t->family = family_of(msg);
	t->name = nsn_at_str(r->mem, at.a[NFTA_TABLE_NAME]);
	t->comment = nsn_at_comment(r->mem, at.a[NFTA_TABLE_USERDATA], NFTNL_UDATA_TABLE_COMMENT);
	if (!t->name || !t->comment)
		return nsn_err_nomem(err);
	t->flags = (uint32_t)nsn_at_num(at.a[NFTA_TABLE_FLAGS]);
	if (at.more ||
	    (t->flags & ~(uint32_t)(NFT_TABLE_F_DORMANT | NFT_TABLE_F_OWNER | TABLE_PERSIST)))
		return strange(r, t, "table", "", err);
	return 0;
}

static void again_tables(void *arg)
{
	struct nsn_nft_read *r = arg;

	r->ns->tables = NULL;
	r->ns->n_tables = 0;
	r->table = NULL;
}

/* ---- chains ----------------------------------------------------------------------------- */

/* One device; 1: with a name that is not exact. */
static int add_dev(struct nsn_arena *mem, struct nsn_vchain *c, const struct nlattr *a)
{
	bool prefix = mnl_attr_get_type(a) == DEVICE_PREFIX;
	const char *name = nsn_at_str(mem, a);
	const char **dev = NSN_GROW(mem, c->devs, c->n_devs);

	if (name && prefix)
		name = nsn_arena_printf(mem, "%s*", name);
	if (!name || !dev)
		return -ENOMEM;
	*dev = name;
	return prefix || strchr(name, '*') || strchr(name, '\\');
}

/* 1: something about it is not known. */
static int read_hook(struct nsn_arena *mem, struct nsn_vchain *c, const struct nlattr *hook)
{
	const struct nlattr *dev;
	struct nsn_at at;
	int r = 0, odd;

	nsn_at_nest(&at, hook,
		    BIT(NFTA_HOOK_HOOKNUM) | BIT(NFTA_HOOK_PRIORITY) | BIT(NFTA_HOOK_DEV) |
			    BIT(NFTA_HOOK_DEVS));
	odd = at.more || !at.a[NFTA_HOOK_HOOKNUM] || !at.a[NFTA_HOOK_PRIORITY];
	c->hook = (uint32_t)nsn_at_num(at.a[NFTA_HOOK_HOOKNUM]);
	c->priority = (int32_t)(uint32_t)nsn_at_num(at.a[NFTA_HOOK_PRIORITY]);
	/* Where there is one, it is given both ways. */
	if (at.a[NFTA_HOOK_DEVS]) {
		NSN_AT_EACH(dev, at.a[NFTA_HOOK_DEVS])
		{
			r = add_dev(mem, c, dev);
			if (r < 0)
				return r;
			odd |= r;
		}
	} else if (at.a[NFTA_HOOK_DEV]) {
		r = add_dev(mem, c, at.a[NFTA_HOOK_DEV]);
	}
	return r < 0 ? r : odd | r;
}

static int each_chain(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	struct nsn_nft_read *r = arg;
	struct nsn_vchain *c;
	struct nsn_vtable *t;
	struct nsn_at at;
	uint32_t flags;
	int odd;

	nsn_at_msg(&at, msg,
		   BIT(NFTA_CHAIN_TABLE) | BIT(NFTA_CHAIN_HANDLE) | BIT(NFTA_CHAIN_NAME) |
			   BIT(NFTA_CHAIN_HOOK) | BIT(NFTA_CHAIN_POLICY) | BIT(NFTA_CHAIN_USE) |
			   BIT(NFTA_CHAIN_TYPE) | BIT(NFTA_CHAIN_COUNTERS) | BIT(NFTA_CHAIN_PAD) |
			   BIT(NFTA_CHAIN_FLAGS) | BIT(NFTA_CHAIN_ID) | BIT(NFTA_CHAIN_USERDATA));
	t = nsn_nft_table(r, family_of(msg), at.a[NFTA_CHAIN_TABLE]);
	if (!t)
		return 0;
	c = NSN_GROW(r->mem, t->chains, t->n_chains);
	if (!c)
		return nsn_err_nomem(err);
	c->name = nsn_at_str(r->mem, at.a[NFTA_CHAIN_NAME]);
	c->type = nsn_at_str(r->mem, at.a[NFTA_CHAIN_TYPE]);
	if (!c->name || !c->type)
		return nsn_err_nomem(err);
	c->handle = nsn_at_num(at.a[NFTA_CHAIN_HANDLE]);
	c->hook = NSN_NO_HOOK;
	c->policy_drop = at.a[NFTA_CHAIN_POLICY] && nsn_at_num(at.a[NFTA_CHAIN_POLICY]) == NF_DROP;
	flags = (uint32_t)nsn_at_num(at.a[NFTA_CHAIN_FLAGS]);
	odd = at.a[NFTA_CHAIN_HOOK] ? read_hook(r->mem, c, at.a[NFTA_CHAIN_HOOK]) : 0;
	if (odd < 0)
		return nsn_err_nomem(err);
	/* A chain of the device itself (hw offload) runs where nobody can look. */
	if (odd || at.more || (flags & ~(uint32_t)(NFT_CHAIN_BASE | NFT_CHAIN_BINDING)) ||
	    nsn_at_num(at.a[NFTA_CHAIN_POLICY]) > NF_ACCEPT)
		return strange(r, t, "chain", c->name, err);
	return 0;
}

static void again_chains(void *arg)
{
	struct nsn_nft_read *r = arg;

	for (size_t i = 0; i < r->ns->n_tables; i++) {
		r->ns->tables[i].chains = NULL;
		r->ns->tables[i].n_chains = 0;
	}
	r->chain = NULL;
}

/* ---- rules ------------------------------------------------------------------------------ */

/* Rules come chain by chain. */
static struct nsn_vchain *chain_of(struct nsn_nft_read *r, struct nsn_vtable *t,
				   const struct nlattr *name)
{
	if (r->chain && named(r->chain->name, name))
		return r->chain;
	for (size_t i = 0; i < t->n_chains; i++)
		if (named(t->chains[i].name, name))
			return r->chain = &t->chains[i];
	return NULL;
}

/* A set that a rule writes to is one that packets make elements of, whatever its flags say. */
static void mark_dynamic(struct nsn_vtable *t, const struct nsn_vrule *rule)
{
	for (size_t i = 0; i < rule->n_exprs; i++)
		for (size_t j = 0; rule->exprs[i].kind == NSN_X_DYNSET && j < t->n_sets; j++)
			if (strcmp(t->sets[j].name, rule->exprs[i].set) == 0)
				t->sets[j].dynamic = true;
}

static int each_rule(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	struct nsn_nft_read *r = arg;
	struct nsn_vchain *c;
	struct nsn_vtable *t;
	struct nsn_vrule *rule;
	struct nsn_at at;

	nsn_at_msg(&at, msg,
		   BIT(NFTA_RULE_TABLE) | BIT(NFTA_RULE_CHAIN) | BIT(NFTA_RULE_HANDLE) |
			   BIT(NFTA_RULE_EXPRESSIONS) | BIT(NFTA_RULE_COMPAT) |
			   BIT(NFTA_RULE_POSITION) | BIT(NFTA_RULE_USERDATA) | BIT(NFTA_RULE_PAD) |
			   BIT(NFTA_RULE_ID) | BIT(NFTA_RULE_POSITION_ID) |
			   BIT(NFTA_RULE_CHAIN_ID));
	t = nsn_nft_table(r, family_of(msg), at.a[NFTA_RULE_TABLE]);
	c = t ? chain_of(r, t, at.a[NFTA_RULE_CHAIN]) : NULL;
	if (!c)
		return 0;
	rule = NSN_GROW(r->mem, c->rules, c->n_rules);
	if (!rule)
		return nsn_err_nomem(err);
	rule->handle = nsn_at_num(at.a[NFTA_RULE_HANDLE]);
	rule->comment = nsn_at_comment(r->mem, at.a[NFTA_RULE_USERDATA], NFTNL_UDATA_RULE_COMMENT);
	if (!rule->comment || nsn_read_rule_exprs(r->mem, t->family, &rule->exprs, &rule->n_exprs,
						  at.a[NFTA_RULE_EXPRESSIONS]) < 0)
		return nsn_err_nomem(err);
	mark_dynamic(t, rule);
	return at.more ? strange(r, t, "rule in chain", c->name, err) : 0;
}

static void again_rules(void *arg)
{
	struct nsn_nft_read *r = arg;

	for (size_t i = 0; i < r->ns->n_tables; i++)
		for (size_t j = 0; j < r->ns->tables[i].n_chains; j++) {
			r->ns->tables[i].chains[j].rules = NULL;
			r->ns->tables[i].chains[j].n_rules = 0;
		}
}

/* ---- objects and flowtables ------------------------------------------------------------- */

static int each_object(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	struct nsn_nft_read *r = arg;
	struct nsn_vobject *o;
	struct nsn_vtable *t;
	struct nsn_at at, data;

	nsn_at_msg(&at, msg,
		   BIT(NFTA_OBJ_TABLE) | BIT(NFTA_OBJ_NAME) | BIT(NFTA_OBJ_TYPE) |
			   BIT(NFTA_OBJ_DATA) | BIT(NFTA_OBJ_USE) | BIT(NFTA_OBJ_HANDLE) |
			   BIT(NFTA_OBJ_PAD) | BIT(NFTA_OBJ_USERDATA));
	t = nsn_nft_table(r, family_of(msg), at.a[NFTA_OBJ_TABLE]);
	if (!t)
		return 0;
	o = NSN_GROW(r->mem, t->objects, t->n_objects);
	if (!o)
		return nsn_err_nomem(err);
	o->name = nsn_at_str(r->mem, at.a[NFTA_OBJ_NAME]);
	if (!o->name)
		return nsn_err_nomem(err);
	o->type = (uint32_t)nsn_at_num(at.a[NFTA_OBJ_TYPE]);
	nsn_at_nest(&data, at.a[NFTA_OBJ_DATA], UINT32_MAX);
	if (o->type == NFT_OBJECT_LIMIT)
		o->flags = nsn_at_num(data.a[NFTA_LIMIT_FLAGS]) & NFT_LIMIT_F_INV ? 1 : 0;
	else if (o->type == NFT_OBJECT_QUOTA)
		o->flags = nsn_at_num(data.a[NFTA_QUOTA_FLAGS]) & NFT_QUOTA_F_INV ? 1 : 0;
	return at.more ? strange(r, t, "object", o->name, err) : 0;
}

static void again_objects(void *arg)
{
	struct nsn_nft_read *r = arg;

	for (size_t i = 0; i < r->ns->n_tables; i++) {
		r->ns->tables[i].objects = NULL;
		r->ns->tables[i].n_objects = 0;
	}
}

/* What was once put into one passes by the rules, and stays there when the rules change. */
static int each_flowtable(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	struct nsn_nft_read *r = arg;
	struct nsn_vtable *t;
	const char **name;
	struct nsn_at at;

	nsn_at_msg(&at, msg, BIT(NFTA_FLOWTABLE_TABLE) | BIT(NFTA_FLOWTABLE_NAME));
	t = nsn_nft_table(r, family_of(msg), at.a[NFTA_FLOWTABLE_TABLE]);
	if (!t)
		return 0;
	name = NSN_GROW(r->mem, t->flowtables, t->n_flowtables);
	if (!name)
		return nsn_err_nomem(err);
	*name = nsn_at_str(r->mem, at.a[NFTA_FLOWTABLE_NAME]);
	if (!*name)
		return nsn_err_nomem(err);
	return nsn_strange(r->mem, r->ns, nsn_arena_printf(r->mem, "flowtable %s", *name), err);
}

static void again_flowtables(void *arg)
{
	struct nsn_nft_read *r = arg;

	for (size_t i = 0; i < r->ns->n_tables; i++) {
		r->ns->tables[i].flowtables = NULL;
		r->ns->tables[i].n_flowtables = 0;
	}
}

/* ---- all of it -------------------------------------------------------------------------- */

static struct nlmsghdr *request(char *buf, uint16_t type)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *head;

	msg->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	*head = (struct nfgenmsg){.nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0};
	return msg;
}

static const struct kind {
	uint16_t type;
	int (*each)(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err);
	void (*again)(void *arg);
	const char *what;
} kinds[] = {
	{NFT_MSG_GETTABLE, each_table, again_tables, "tables"},
	{NFT_MSG_GETSET, nsn_nft_each_set, nsn_nft_again_sets, "sets"},
	{NFT_MSG_GETCHAIN, each_chain, again_chains, "chains"},
	{NFT_MSG_GETRULE, each_rule, again_rules, "rules"},
	{NFT_MSG_GETOBJ, each_object, again_objects, "objects"},
	{NFT_MSG_GETFLOWTABLE, each_flowtable, again_flowtables, "flowtables"},
};

int nsn_read_nft(struct nsn_nl *nft, struct nsn_arena *mem, struct nsn_vns *ns,
		 struct nsnet_err *err)
{
	struct nsn_nft_read read = {.nl = nft, .mem = mem, .ns = ns};
	int r;

	ns->tables = NULL;
	ns->n_tables = 0;
	for (size_t i = 0; i < NSN_COUNT(kinds); i++) {
		const struct kind *k = &kinds[i];
		const struct nsn_nl_sink sink = {
			.each = k->each, .restart = k->again, .arg = &read};
		char buf[64] __attribute__((aligned(8)));

		r = nsn_nl_dump(nft, request(buf, k->type), &sink, err);
		/* No nf_tables in this kernel, so no rules. */
		if (r == -EINVAL && k->type == NFT_MSG_GETTABLE)
			return 0;
		/* Flowtables are a module of their own in old kernels. */
		if (r == -EOPNOTSUPP && k->type == NFT_MSG_GETFLOWTABLE)
			continue;
		if (r < 0)
			return nsn_err_wrap(err, r, "list nft %s", k->what);
		if (ns->n_tables == 0)
			return 0;
	}
	return nsn_nft_elems(&read, err);
}

static int each_gen(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	struct nsn_at at;

	nsn_at_msg(&at, msg, UINT32_MAX);
	if (!at.a[NFTA_GEN_ID])
		return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable nft generation");
	*(uint32_t *)arg = (uint32_t)nsn_at_num(at.a[NFTA_GEN_ID]);
	return 0;
}

int nsn_read_nft_generation(struct nsn_nl *nft, uint32_t *ret, struct nsnet_err *err)
{
	const struct nsn_nl_sink sink = {.each = each_gen, .arg = ret};
	char buf[64] __attribute__((aligned(8)));
	int r;

	*ret = 0;
	r = nsn_nl_get(nft, request(buf, NFT_MSG_GETGEN), &sink, err);
	if (r == -EINVAL)
		return 0; /* no nf_tables */
	return r < 0 ? nsn_err_wrap(err, r, "read the nft generation") : 0;
}
