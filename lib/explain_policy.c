/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain: what policy says of the packet, and the way as stations */
#include <linux/netfilter.h>
#include <string.h>

#include "base/cleanup.h"
#include "explain.h"

/* ---- policy ---------------------------------------------------------------------- */

static bool in_range(const struct nsn_range *r, nsn_u128 v)
{
	return r->first <= v && v <= r->last;
}

static bool in_box(const struct nsn_explaining *x, const struct nsn_box *b)
{
	const struct nsn_service *s = &x->service;

	return b->family == x->family && in_range(&b->src, nsn_walker_ip(&x->from_ip)) &&
	       in_range(&b->dst, nsn_walker_ip(&x->to_ip)) && b->proto_first <= s->proto &&
	       s->proto <= b->proto_last && b->port_first <= s->port && s->port <= b->port_last;
}

static const struct nsn_box *first_of(const struct nsn_explaining *x, const struct nsn_box *list,
				      size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (in_box(x, &list[i]))
			return &list[i];
	return NULL;
}

int nsn_explain_ask(struct nsn_explaining *x, struct nsnet_err *err)
{
	NSN_AUTO(nsn_boxes_clear) struct nsn_boxes b = {0};
	const struct nsn_box *allow, *deny, *kept;
	const struct nsn_tenant *own = x->from ? x->from : x->to;
	int r = x->from && x->to ? nsn_asked_pair(x->w.asked, x->from_tenant, x->to_tenant, &b, err)
				 : nsn_asked_beyond(x->w.asked, &x->w.beyond,
						    x->from ? x->from_tenant : x->to_tenant,
						    x->where, x->from != NULL, &b, err);

	if (r < 0)
		return r;
	allow = first_of(x, b.allow, b.n_allow);
	deny = first_of(x, b.deny, b.n_deny);
	kept = first_of(x, b.kept, b.n_kept);
	x->said.allowed = kept || ((allow || b.all) && !deny);
	if (allow)
		x->said.allow = allow->policy;
	if (kept)
		x->said.kept = kept->kept;
	/* Of two reasons the stronger one: a quarantine. */
	for (size_t i = 0; i < b.n_deny; i++)
		if (b.deny[i].kept && in_box(x, &b.deny[i]))
			x->said.quarantine = b.deny[i].kept;
	if (deny)
		x->said.deny = deny->policy;
	if (!x->from || !x->to) {
		x->said.apart = own->id && nsn_topo_apart(&x->w.topo, own->id, 0);
		return 0;
	}
	x->said.apart = x->from_tenant != x->to_tenant && x->from->id && x->to->id &&
			nsn_topo_apart(&x->w.topo, x->from->id, x->to->id);
	return 0;
}

/* ---- hops ------------------------------------------------------------------------ */

static const char *hop_kind(enum nsn_passed_kind k)
{
	switch (k) {
	case NSN_PASSED_IN:
		return "in";
	case NSN_PASSED_RULES:
		return "rules";
	case NSN_PASSED_CT:
		return "ct";
	case NSN_PASSED_NAT:
		return "nat";
	case NSN_PASSED_ROUTE:
		return "route";
	case NSN_PASSED_SWITCH:
		return "switch";
	case NSN_PASSED_OUT:
		return "out";
	case NSN_PASSED_LOCAL:
		return "local";
	case NSN_PASSED_STOP:
		break;
	}
	return "stop";
}

static const char *verdict_word(enum nsn_vcode v)
{
	switch (v) {
	case NSN_V_ACCEPT:
		return "accept";
	case NSN_V_DROP:
		return "drop";
	case NSN_V_JUMP:
		return "jump";
	case NSN_V_GOTO:
		return "goto";
	case NSN_V_RETURN:
		return "return";
	case NSN_V_QUEUE:
		return "queue";
	case NSN_V_NONE:
	case NSN_V_CONTINUE:
	case NSN_V_BREAK:
	case NSN_V_STRANGE:
		break;
	}
	return "continue";
}

const char *nsn_explain_family(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_ARP:
		return "arp";
	case NFPROTO_NETDEV:
		return "netdev";
	case NFPROTO_BRIDGE:
		return "bridge";
	default:
		return "?";
	}
}

/* "inet nsnet admit handle 41 'comment': accept by 'billing-app'" */
static const char *rule_text(struct nsn_arena *mem, const struct nsn_hit *h)
{
	const bool comment = h->rule && h->rule->comment && *h->rule->comment;
	const bool elem = h->elem && h->elem->comment && *h->elem->comment;
	const char *place = nsn_arena_printf(mem, "%s %s %s", nsn_explain_family(h->table->family),
					     h->table->name, h->chain->name);

	if (!place)
		return NULL;
	if (!h->rule)
		return nsn_arena_printf(mem, "%s, the chain's policy: %s", place,
					verdict_word(h->verdict));
	return nsn_arena_printf(mem, "%s handle %llu%s%s%s: %s%s%s%s", place,
				(unsigned long long)h->rule->handle, comment ? " '" : "",
				comment ? h->rule->comment : "", comment ? "'" : "",
				verdict_word(h->verdict), elem ? " by '" : "",
				elem ? h->elem->comment : "", elem ? "'" : "");
}

static int add_rules(struct nsn_arena *mem, struct nsnet_hop *to, const struct nsn_passed *p,
		     struct nsnet_err *err)
{
	const char **rules = nsn_arena_alloc(mem, (p->n_hits + 1) * sizeof(*rules));

	if (!rules)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < p->n_hits; i++) {
		/* Who counts or sets a mark decides nothing. */
		if (strcmp(verdict_word(p->hits[i].verdict), "continue") == 0)
			continue;
		rules[to->n_rules] = rule_text(mem, &p->hits[i]);
		if (!rules[to->n_rules++])
			return nsn_err_nomem(err);
	}
	to->rules = rules;
	return 0;
}

static const char *hop_text(const struct nsn_explaining *x, const struct nsn_passed *p)
{
	struct nsn_arena *mem = &x->e->mem;
	const struct nsn_vns *ns = &x->w.given.snap.ns[p->ns];
	const struct nsn_vlink *l = p->link ? nsn_vns_link(ns, p->link) : NULL;
	const char *to = "", *by = p->kind == NSN_PASSED_IN ? " from " : " to ";

	if (p->kind == NSN_PASSED_RULES)
		return nsn_arena_printf(mem, "%s%s%s", p->hook ? p->hook : "", *p->text ? ": " : "",
					p->text);
	if (*p->text || !l)
		return nsn_arena_strdup(mem, p->text);
	if (l->peer_ns < x->w.given.snap.n_ns)
		to = x->w.given.snap.ns[l->peer_ns].name;
	return nsn_arena_printf(mem, "by %s%s%s", l->name, *to ? by : "", to);
}

int nsn_explain_hops(struct nsn_explaining *x, struct nsnet_err *err)
{
	struct nsn_arena *mem = &x->e->mem;
	struct nsnet_hop *hops = nsn_arena_alloc(mem, (x->passage.n + 1) * sizeof(*hops));

	if (!hops)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < x->passage.n; i++) {
		const struct nsn_passed *p = &x->passage.list[i];
		struct nsnet_hop *h = &hops[i];
		int r;

		h->kind = hop_kind(p->kind);
		h->where = nsn_arena_strdup(mem, x->w.given.snap.ns[p->ns].name);
		h->text = hop_text(x, p);
		if (!h->where || !h->text)
			return nsn_err_nomem(err);
		r = add_rules(mem, h, p, err);
		if (r < 0)
			return r;
	}
	x->e->pub.hops = hops;
	x->e->pub.n_hops = x->passage.n;
	return 0;
}

const struct nsn_hit *nsn_explain_stop(const struct nsn_explaining *x)
{
	for (size_t i = x->passage.n; i-- > 0;) {
		const struct nsn_passed *p = &x->passage.list[i];

		if (p->kind == NSN_PASSED_STOP)
			continue;
		if (p->kind != NSN_PASSED_RULES || p->n_hits == 0 ||
		    p->hits[p->n_hits - 1].verdict != NSN_V_DROP)
			return NULL;
		return &p->hits[p->n_hits - 1];
	}
	return NULL;
}
