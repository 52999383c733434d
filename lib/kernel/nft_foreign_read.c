/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the chains of all tables, and where in them packets are lost. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "../base/cleanup.h"
#include "../nl/nl.h"
#include "nft_foreign.h"
#include "nft_parts.h"

NSN_NFT_CLEANUP(struct nftnl_table, nftnl_table_free)
NSN_NFT_CLEANUP(struct nftnl_chain, nftnl_chain_free)
NSN_NFT_CLEANUP(struct nftnl_rule, nftnl_rule_free)

/* Of xt_comment. */
#define XT_COMMENT 256
/* Deeper than the kernel lets chains call each other. */
#define DEEPEST 20

struct reading {
	struct nsn_foreign *f;
	struct nsn_foreign_chain *last; /* the one that the last rule was of */
};

void nsn_foreign_clear(struct nsn_foreign *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->chains[i].rules);
	free(f->chains);
	nsn_arena_free(&f->mem);
	*f = (struct nsn_foreign){0};
}

/* One more at the end of a list whose room doubles. */
static void *room(void *list, size_t n, size_t size)
{
	if (n & (n - 1))
		return list;
	return reallocarray(list, n ? 2 * n : 1, size);
}

/* ---- one rule ------------------------------------------------------------------------ */

struct parsing {
	struct nsn_arena *mem;
	struct nsn_foreign_rule *rule;
	uint32_t name; /* NFT_META_*IFNAME in the register, until it is compared */
	bool xt, nomem;
};

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static void parse_verdict(struct parsing *p, const struct nftnl_expr *e)
{
	static const struct {
		int code;
		enum nsn_foreign_verdict verdict;
	} codes[] = {
		{NF_ACCEPT, NSN_FOREIGN_ACCEPT},  {NF_DROP, NSN_FOREIGN_DROP},
		{NFT_JUMP, NSN_FOREIGN_JUMP},	  {NFT_GOTO, NSN_FOREIGN_GOTO},
		{NFT_RETURN, NSN_FOREIGN_RETURN},
	};
	int code = (int)nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT);

	if (nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT)
		return;
	for (size_t i = 0; i < NSN_COUNT(codes); i++)
		if (codes[i].code == code)
			p->rule->verdict = codes[i].verdict;
	if (nftnl_expr_is_set(e, NFTNL_EXPR_IMM_CHAIN)) {
		p->rule->to = nsn_arena_strdup(p->mem, nftnl_expr_get_str(e, NFTNL_EXPR_IMM_CHAIN));
		p->nomem |= !p->rule->to;
	}
}

/* `iifname "nsn*"` is the first three bytes of the name. */
static void parse_cmp(struct parsing *p, const struct nftnl_expr *e)
{
	uint32_t len = 0;
	const void *data = nftnl_expr_get(e, NFTNL_EXPR_CMP_DATA, &len);

	if (p->name && data && len == 3 && memcmp(data, "nsn", 3) == 0 &&
	    nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP) == NFT_CMP_EQ &&
	    p->rule->way == NSN_FOREIGN_ANY)
		p->rule->way = p->name == NFT_META_IIFNAME ? NSN_FOREIGN_IN : NSN_FOREIGN_OUT;
	else
		p->rule->more = true;
	p->name = 0;
}

static void parse_meta(struct parsing *p, const struct nftnl_expr *e)
{
	uint32_t key = nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY);

	if (nftnl_expr_is_set(e, NFTNL_EXPR_META_SREG))
		return;
	if (p->name || (key != NFT_META_IIFNAME && key != NFT_META_OIFNAME))
		p->rule->more = true;
	else
		p->name = key;
}

static void parse_match(struct parsing *p, const struct nftnl_expr *e)
{
	char text[XT_COMMENT + 1];
	uint32_t len = 0;
	const char *info;

	p->xt = true;
	if (!is(nftnl_expr_get_str(e, NFTNL_EXPR_MT_NAME), "comment")) {
		p->rule->more = true;
		return;
	}
	info = nftnl_expr_get(e, NFTNL_EXPR_MT_INFO, &len);
	if (!info)
		return;
	len = len < XT_COMMENT ? len : XT_COMMENT;
	memcpy(text, info, len);
	text[len] = '\0';
	p->rule->comment = nsn_arena_strdup(p->mem, text);
	p->nomem |= !p->rule->comment;
}

static int each_expr(struct nftnl_expr *e, void *arg)
{
	static const char *const quiet[] = {"counter", "log", "last", "objref"};
	struct parsing *p = arg;
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);

	for (size_t i = 0; i < NSN_COUNT(quiet); i++)
		if (is(name, quiet[i]))
			return 0;
	if (is(name, "immediate")) {
		parse_verdict(p, e);
	} else if (is(name, "meta")) {
		parse_meta(p, e);
	} else if (is(name, "cmp")) {
		parse_cmp(p, e);
	} else if (is(name, "match")) {
		parse_match(p, e);
	} else if (is(name, "target")) {
		p->xt = true;
		if (is(nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME), "REJECT"))
			p->rule->verdict = NSN_FOREIGN_DROP;
	} else if (is(name, "reject")) {
		p->rule->verdict = NSN_FOREIGN_DROP;
	} else {
		p->rule->more = true;
	}
	return 0;
}

static int each_udata(const struct nftnl_udata *attr, void *arg)
{
	struct parsing *p = arg;
	uint8_t len = nftnl_udata_len(attr);
	const char *text = nftnl_udata_get(attr);

	if (nftnl_udata_type(attr) != NFTNL_UDATA_RULE_COMMENT || len == 0 || text[len - 1])
		return 0;
	p->rule->comment = nsn_arena_strdup(p->mem, text);
	p->nomem |= !p->rule->comment;
	return 0;
}

/* 0 or -ENOMEM */
static int parse_rule(struct reading *r, struct nsn_foreign_chain *c, const struct nftnl_rule *rule)
{
	struct nsn_foreign_rule *more = room(c->rules, c->n_rules, sizeof(*more));
	struct parsing p = {.mem = &r->f->mem};
	const void *udata;
	uint32_t len;

	if (!more)
		return -ENOMEM;
	c->rules = more;
	p.rule = &more[c->n_rules++];
	*p.rule = (struct nsn_foreign_rule){.handle = nftnl_rule_get_u64(rule, NFTNL_RULE_HANDLE),
					    .comment = ""};
	(void)nftnl_expr_foreach((struct nftnl_rule *)(uintptr_t)rule, each_expr, &p);
	/* Loaded and not compared, as for a map. */
	p.rule->more |= p.name != 0;
	udata = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &len);
	if (udata)
		(void)nftnl_udata_parse(udata, len, each_udata, &p);
	c->xt |= p.xt;
	return p.nomem ? -ENOMEM : 0;
}

/* ---- dumps --------------------------------------------------------------------------- */

static bool same_table(const struct nsn_foreign_chain *c, uint32_t family, const char *table)
{
	return c->family == family && is(c->table, table);
}

static int unreadable(const char *what, struct nsnet_err *err)
{
	return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable nft %s", what);
}

static int each_chain(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	NSN_AUTO(nftnl_chain_freep) struct nftnl_chain *in = nftnl_chain_alloc();
	struct nsn_foreign *f = ((struct reading *)arg)->f;
	struct nsn_foreign_chain *more = room(f->chains, f->n, sizeof(*more)), *c;

	if (!in || !more) {
		f->chains = more ? more : f->chains;
		return nsn_err_nomem(err);
	}
	f->chains = more;
	if (nftnl_chain_nlmsg_parse(msg, in) < 0)
		return unreadable("chain", err);
	c = &more[f->n];
	*c = (struct nsn_foreign_chain){
		.family = (uint8_t)nftnl_chain_get_u32(in, NFTNL_CHAIN_FAMILY),
		.table = nsn_arena_strdup(&f->mem, nftnl_chain_get_str(in, NFTNL_CHAIN_TABLE)),
		.name = nsn_arena_strdup(&f->mem, nftnl_chain_get_str(in, NFTNL_CHAIN_NAME)),
		.type = "",
	};
	if (nftnl_chain_is_set(in, NFTNL_CHAIN_HOOKNUM)) {
		c->type = nsn_arena_strdup(&f->mem, nftnl_chain_get_str(in, NFTNL_CHAIN_TYPE));
		c->hook = nftnl_chain_get_u32(in, NFTNL_CHAIN_HOOKNUM);
		c->priority = nftnl_chain_get_s32(in, NFTNL_CHAIN_PRIO);
		c->drops = nftnl_chain_get_u32(in, NFTNL_CHAIN_POLICY) == NF_DROP;
	}
	if (!c->table || !c->name || !c->type)
		return nsn_err_nomem(err);
	f->n++;
	return 0;
}

static void again_chains(void *arg)
{
	nsn_foreign_clear(((struct reading *)arg)->f);
}

static int each_table(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	NSN_AUTO(nftnl_table_freep) struct nftnl_table *in = nftnl_table_alloc();
	struct nsn_foreign *f = ((struct reading *)arg)->f;

	if (!in)
		return nsn_err_nomem(err);
	if (nftnl_table_nlmsg_parse(msg, in) < 0)
		return unreadable("table", err);
	for (size_t i = 0; i < f->n; i++)
		if (same_table(&f->chains[i], nftnl_table_get_u32(in, NFTNL_TABLE_FAMILY),
			       nftnl_table_get_str(in, NFTNL_TABLE_NAME)))
			f->chains[i].dormant =
				nftnl_table_get_u32(in, NFTNL_TABLE_FLAGS) & NFT_TABLE_F_DORMANT;
	return 0;
}

static void again_tables(void *arg)
{
	(void)arg;
}

static int each_rule(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	NSN_AUTO(nftnl_rule_freep) struct nftnl_rule *in = nftnl_rule_alloc();
	struct reading *r = arg;
	struct nsn_foreign_chain *c = r->last;
	const char *table, *name;
	uint32_t family;

	if (!in)
		return nsn_err_nomem(err);
	if (nftnl_rule_nlmsg_parse(msg, in) < 0)
		return unreadable("rule", err);
	family = nftnl_rule_get_u32(in, NFTNL_RULE_FAMILY);
	table = nftnl_rule_get_str(in, NFTNL_RULE_TABLE);
	name = nftnl_rule_get_str(in, NFTNL_RULE_CHAIN);
	if (!c || !same_table(c, family, table) || !is(c->name, name)) {
		c = NULL;
		for (size_t i = 0; !c && i < r->f->n; i++)
			if (same_table(&r->f->chains[i], family, table) &&
			    is(r->f->chains[i].name, name))
				c = &r->f->chains[i];
	}
	r->last = c;
	/* Of a chain that was made meanwhile. */
	if (!c)
		return 0;
	return parse_rule(r, c, in) < 0 ? nsn_err_nomem(err) : 0;
}

static void again_rules(void *arg)
{
	struct reading *r = arg;

	for (size_t i = 0; i < r->f->n; i++) {
		free(r->f->chains[i].rules);
		r->f->chains[i].rules = NULL;
		r->f->chains[i].n_rules = 0;
	}
	r->last = NULL;
}

static int dump(struct nsn_nl *nl, struct reading *r, uint16_t type,
		int (*each)(const struct nlmsghdr *, void *, struct nsnet_err *),
		void (*again)(void *), const char *what, struct nsnet_err *err)
{
	const struct nsn_nl_sink sink = {.each = each, .restart = again, .arg = r};
	char buf[64] __attribute__((aligned(8))) = {0};
	int n;

	n = nsn_nl_dump(nl, nftnl_nlmsg_build_hdr(buf, type, NFPROTO_UNSPEC, 0, 0), &sink, err);
	return n < 0 ? nsn_err_wrap(err, n, "list nft %s", what) : 0;
}

/* What one rule has, the tables of all its neighbours have: see nsn_foreign_chain.xt. */
static void spread_xt(struct nsn_foreign *f)
{
	for (size_t i = 0; i < f->n; i++)
		for (size_t k = 0; f->chains[i].xt && k < f->n; k++)
			if (same_table(&f->chains[k], f->chains[i].family, f->chains[i].table))
				f->chains[k].xt = true;
}

int nsn_foreign_read(struct nsn_nl *nl, struct nsn_foreign *ret, struct nsnet_err *err)
{
	struct reading r = {.f = ret};
	int n;

	n = dump(nl, &r, NFT_MSG_GETCHAIN, each_chain, again_chains, "chains", err);
	if (n == 0)
		n = dump(nl, &r, NFT_MSG_GETTABLE, each_table, again_tables, "tables", err);
	if (n == 0)
		n = dump(nl, &r, NFT_MSG_GETRULE, each_rule, again_rules, "rules", err);
	if (n < 0)
		nsn_foreign_clear(ret);
	spread_xt(ret);
	return n;
}

/* ---- where packets are lost ------------------------------------------------------------ */

const struct nsn_foreign_chain *nsn_foreign_find(const struct nsn_foreign *f,
						 const struct nsn_foreign_chain *beside,
						 const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (same_table(&f->chains[i], beside->family, beside->table) &&
		    is(f->chains[i].name, name))
			return &f->chains[i];
	return NULL;
}

struct walk {
	const struct nsn_foreign *f;
	enum nsn_foreign_way way;
	const char *name; /* or: which chain it comes to */
};

enum come { COMES_ON, COMES_THROUGH, COMES_LOST, COMES_THERE, COMES_BACK };

static enum come walk(const struct walk *w, const struct nsn_foreign_chain *c, int depth);

static enum come walk_rule(const struct walk *w, const struct nsn_foreign_chain *c,
			   const struct nsn_foreign_rule *rule, int depth)
{
	const struct nsn_foreign_chain *to;
	enum come r;

	if (rule->way != NSN_FOREIGN_ANY && rule->way != w->way)
		return COMES_ON;
	/* Of what goes out of an uplink there is more than one kind, and a rule for each. */
	if (rule->more && !(rule->way == NSN_FOREIGN_OUT && rule->verdict == NSN_FOREIGN_ACCEPT))
		return COMES_ON;
	switch (rule->verdict) {
	case NSN_FOREIGN_NONE:
		return COMES_ON;
	case NSN_FOREIGN_ACCEPT:
		return COMES_THROUGH;
	case NSN_FOREIGN_DROP:
		return COMES_LOST;
	case NSN_FOREIGN_RETURN:
		return COMES_BACK;
	case NSN_FOREIGN_JUMP:
	case NSN_FOREIGN_GOTO:
		to = rule->to ? nsn_foreign_find(w->f, c, rule->to) : NULL;
		r = to ? walk(w, to, depth + 1) : COMES_ON;
		return r == COMES_ON && rule->verdict == NSN_FOREIGN_GOTO ? COMES_BACK : r;
	}
	return COMES_ON;
}

/* Only what happens to each packet of this way: conditions are not looked into. */
static enum come walk(const struct walk *w, const struct nsn_foreign_chain *c, int depth)
{
	enum come r;

	if (w->name && is(c->name, w->name))
		return COMES_THERE;
	if (depth > DEEPEST)
		return COMES_ON;
	for (size_t i = 0; i < c->n_rules; i++) {
		r = walk_rule(w, c, &c->rules[i], depth);
		if (r == COMES_BACK)
			return COMES_ON;
		if (r != COMES_ON)
			return r;
	}
	return COMES_ON;
}

bool nsn_foreign_loses(const struct nsn_foreign *f, const struct nsn_foreign_chain *base,
		       enum nsn_foreign_way way)
{
	const struct walk w = {.f = f, .way = way};
	enum come r = base->dormant ? COMES_THROUGH : walk(&w, base, 0);

	return r == COMES_LOST || (r == COMES_ON && base->drops);
}

bool nsn_foreign_leads_to(const struct nsn_foreign *f, const struct nsn_foreign_chain *base,
			  const char *name)
{
	const struct walk w = {.f = f, .name = name};

	return walk(&w, base, 0) == COMES_THERE;
}
