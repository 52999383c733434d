/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "trace_parts.h"

/*
 * trace_lines - what was seen, in words: which rule, by whose policy
 */

/* What our tables are called, and in them the policies' maps and counters. */
#define OUR_TABLE "nsnet"
#define FLOWS	  "nsnet_flow" /* of either family: flow to mark */
#define ECHOES	  "nsnet_echo"
#define USES	  "nsnet_use" /* mark to counter */
#define COUNTER	  "nsnet_rule_"
#define MARK_LOW  UINT32_C(0x3ffff) /* without the generation */

/* ---- rules and policies ------------------------------------------------------------ */

static const struct nsn_vtable *find_table(const struct nsn_vns *ns, uint8_t family,
					   const char *name)
{
	for (size_t i = 0; i < ns->n_tables; i++)
		if (ns->tables[i].family == family && strcmp(ns->tables[i].name, name) == 0)
			return &ns->tables[i];
	return NULL;
}

static const struct nsn_vrule *find_rule(const struct nsn_vtable *table, const char *chain,
					 uint64_t handle)
{
	for (size_t i = 0; table && i < table->n_chains; i++) {
		const struct nsn_vchain *c = &table->chains[i];

		for (size_t k = 0; strcmp(c->name, chain) == 0 && k < c->n_rules; k++)
			if (c->rules[k].handle == handle)
				return &c->rules[k];
	}
	return NULL;
}

/*
 * The kernel does not tell which element of a map was the one. In our own table what matters
 * is in the packet's mark by then, and by the mark packets are counted for each policy.
 */
static const char *policy_of(const struct nsn_vtable *table, uint32_t mark)
{
	const size_t prefix = strlen(COUNTER);
	uint32_t key;

	mark &= MARK_LOW;
	for (size_t i = 0; i < table->n_sets; i++) {
		const struct nsn_vset *s = &table->sets[i];

		if (strcmp(s->name, USES) != 0 || s->key_len != sizeof(key))
			continue;
		for (size_t k = 0; k < s->n_elems; k++) {
			if (!s->elems[k].key || !s->elems[k].object)
				continue;
			memcpy(&key, s->elems[k].key, sizeof(key));
			if (key == mark && strncmp(s->elems[k].object, COUNTER, prefix) == 0)
				return s->elems[k].object + prefix;
		}
	}
	return "";
}

/* Whether the rule decides, or finds in a map, what policies say. */
static bool is_about_policy(const struct nsn_nftrace_event *e, const struct nsn_vrule *rule)
{
	if (!rule || e->kind != NSN_NFTRACE_RULE)
		return false;
	for (size_t i = 0; i < rule->n_exprs; i++)
		if (rule->exprs[i].set &&
		    (strncmp(rule->exprs[i].set, FLOWS, strlen(FLOWS)) == 0 ||
		     strncmp(rule->exprs[i].set, ECHOES, strlen(ECHOES)) == 0))
			return true;
	return e->verdict == NF_ACCEPT || e->verdict == NF_DROP;
}

/* ---- words ---------------------------------------------------------------------------- */

static const char *verdict_text(struct nsn_arena *mem, const struct nsn_nftrace_event *e)
{
	switch (e->verdict) {
	case NF_ACCEPT:
		return "accept";
	case NF_DROP:
		return "drop";
	case NF_QUEUE:
		return "queue";
	case NF_STOLEN:
		return "stolen";
	case NFT_JUMP:
		return nsn_arena_printf(mem, "jump %s", e->to);
	case NFT_GOTO:
		return nsn_arena_printf(mem, "goto %s", e->to);
	case NFT_RETURN:
		return "return";
	default:
		return "continue";
	}
}

static const char *kind_text(enum nsn_nftrace_kind k)
{
	switch (k) {
	case NSN_NFTRACE_RULE:
		return "rule";
	case NSN_NFTRACE_RETURN:
		return "return";
	case NSN_NFTRACE_BEGIN:
	case NSN_NFTRACE_POLICY:
		break;
	}
	return "policy";
}

static const char *link_text(const struct nsn_vns *ns, uint32_t index)
{
	const struct nsn_vlink *l = index ? nsn_vns_link(ns, index) : NULL;

	return l ? l->name : "";
}

/*
 * Whose words they are. What policies do not allow and has a mark all the same has it from
 * somebody else: no policy is named then that does not forbid it.
 */
static const char *whose(const struct nsn_tracing *t, const struct nsn_nftrace_event *e,
			 const struct nsn_vtable *table, const struct nsn_vrule *rule)
{
	const struct nsnet_explained *x = &t->x.e->pub;
	const char *policy;

	if (!table || e->family != NFPROTO_INET || strcmp(e->table, OUR_TABLE) != 0 || !e->mark ||
	    !is_about_policy(e, rule))
		return "";
	policy = policy_of(table, e->mark);
	return x->intended || strcmp(policy, x->policy) == 0 ? policy : "";
}

static int make_line(struct nsn_tracing *t, struct nsnet *n, const struct nsn_traced_event *at,
		     struct nsnet_trace_line *l, struct nsnet_err *err)
{
	struct nsn_arena *mem = &t->out->mem;
	const struct nsn_vns *ns = &t->x.w.given.snap.ns[at->ns];
	const struct nsn_nftrace_event *e = &at->e;
	const struct nsn_vtable *table = find_table(ns, e->family, e->table);
	const struct nsn_vrule *rule = find_rule(table, e->chain, e->handle);

	*l = (struct nsnet_trace_line){
		.where = nsn_arena_strdup(mem, ns->name),
		.kind = kind_text(e->kind),
		.table = nsn_arena_printf(mem, "%s %s", nsn_explain_family(e->family), e->table),
		.chain = e->chain,
		.handle = e->handle,
		.comment = nsn_arena_strdup(mem, rule && rule->comment ? rule->comment : ""),
		.verdict = verdict_text(mem, e),
		.policy = nsn_arena_strdup(mem, whose(t, e, table, rule)),
		.policy_at = "",
		.in = nsn_arena_strdup(mem, link_text(ns, e->in)),
		.out = nsn_arena_strdup(mem, link_text(ns, e->out)),
	};
	if (!l->where || !l->table || !l->comment || !l->verdict || !l->policy || !l->in || !l->out)
		return nsn_err_nomem(err);
	/* Of one packet few policies are told, and mostly one. */
	if (*l->policy && strcmp(l->policy, t->x.e->pub.policy) == 0)
		l->policy_at = t->x.e->pub.policy_at;
	else if (*l->policy)
		return nsn_explain_place(&t->x, n, l->policy, &l->policy_at, err);
	return 0;
}

/*
 * Whether another packet comes into the namespace: what comes up from a bridge has been seen
 * on one of its ports already. (The kernel's own number of a packet is another one then.)
 */
static bool begins(const struct nsn_tracing *t, const struct nsn_traced_event *at)
{
	const struct nsn_vlink *l = nsn_vns_link(&t->x.w.given.snap.ns[at->ns], at->e.in);

	return at->e.kind == NSN_NFTRACE_BEGIN &&
	       (at->e.family == NFPROTO_BRIDGE || !l || strcmp(l->kind, "bridge") != 0);
}

static int make_lines(struct nsn_tracing *t, struct nsnet *n, struct nsnet_err *err)
{
	struct nsnet_traced *pub = &t->out->pub;
	struct nsnet_trace_line *lines =
		nsn_arena_alloc(&t->out->mem, (t->n_events + 1) * sizeof(*lines));
	size_t packet = 0;
	int r = 0;

	if (!lines)
		return nsn_err_nomem(err);
	pub->lines = lines;
	for (size_t i = 0; r == 0 && i < t->n_events; i++) {
		const struct nsn_traced_event *at = &t->events[i];

		if (i > 0 && at->ns != at[-1].ns)
			packet = 0;
		packet += begins(t, at);
		if (at->e.kind == NSN_NFTRACE_BEGIN)
			continue;
		r = make_line(t, n, at, &lines[pub->n_lines], err);
		lines[pub->n_lines++].packet = packet ? packet : 1;
	}
	return r;
}

static bool is_last(const struct nsnet_trace_line *l, const char *verdict, const char *kind)
{
	return strcmp(l->kind, kind) == 0 && strcmp(l->verdict, verdict) == 0;
}

/*
 * A packet that was delivered was accepted last, and another one dropped: a rule dropped it,
 * or nobody that nftables knows of. That nothing in a chain was against it says little.
 */
static size_t find_last(const struct nsnet_traced *t, enum nsn_wire_end end)
{
	size_t dropped = SIZE_MAX, rule = SIZE_MAX, policy = SIZE_MAX;

	for (size_t i = 0; i < t->n_lines; i++) {
		const struct nsnet_trace_line *l = &t->lines[i];

		if (is_last(l, "drop", "rule") || is_last(l, "drop", "policy"))
			dropped = i;
		else if (is_last(l, "accept", "rule"))
			rule = i;
		else if (is_last(l, "accept", "policy"))
			policy = i;
	}
	if (end != NSN_WIRE_DELIVERED && dropped != SIZE_MAX)
		return dropped;
	return rule != SIZE_MAX ? rule : policy;
}

/* ---- the packet --------------------------------------------------------------------- */

static const char *address(struct nsn_arena *mem, const struct nsn_ip *ip, uint16_t port)
{
	char buf[NSN_IP_STRLEN];

	(void)nsn_ip_str(ip, buf);
	if (!port)
		return nsn_arena_strdup(mem, buf);
	return nsn_arena_printf(mem, ip->family == AF_INET6 ? "[%s]:%u" : "%s:%u", buf, port);
}

static const char *packet_text(struct nsn_tracing *t)
{
	const struct nsn_wire_probe *p = &t->probe;
	const char *from = address(&t->out->mem, &p->src, p->sport),
		   *to = address(&t->out->mem, &p->dst, p->dport), *what = "INIT";

	if (p->kind == NSN_WIRE_TCP_SYN)
		what = "SYN";
	else if (p->kind == NSN_WIRE_UDP)
		what = "datagram";
	else if (p->kind == NSN_WIRE_ICMP)
		what = "echo request";
	return from && to ? nsn_arena_printf(&t->out->mem, "%s %s > %s", what, from, to) : NULL;
}

const char *nsn_tracing_compare(const struct nsn_tracing *t)
{
	const struct nsn_explaining *x = &t->x;
	const struct nsn_wire_probe *p = &t->probe;
	size_t said = NSN_NOWHERE, seen = NSN_NOWHERE;

	if (p->end == NSN_WIRE_UNTESTED || x->e->pub.certainty != NSNET_PROVED)
		return "unknown";
	if (x->e->pub.allowed)
		said = x->to_ns;
	else if (x->passage.arrived)
		said = x->passage.to;
	if (p->end == NSN_WIRE_DELIVERED)
		seen = p->seen_at < t->n_places ? t->ns[p->seen_at] : t->ns[NSN_TRACE_TO];
	return said == seen ? "agrees" : "contradicts";
}

int nsn_tracing_tell(struct nsn_tracing *t, struct nsnet *n, const struct nsnet_traced **ret,
		     struct nsnet_err *err)
{
	struct nsnet_traced *pub = &t->out->pub;
	const struct nsn_wire_probe *p = &t->probe;
	int r = make_lines(t, n, err);

	if (r < 0)
		return r;
	pub->last = t->lost ? SIZE_MAX : find_last(pub, p->end);
	pub->end = nsn_wire_end_name(p->end);
	pub->why = "";
	if (p->end == NSN_WIRE_UNTESTED)
		pub->why = nsn_arena_strdup(&t->out->mem, t->refused ? t->refused : p->why);
	pub->seen_at = p->end == NSN_WIRE_DELIVERED && p->seen_at < t->n_places
			       ? nsn_arena_strdup(&t->out->mem, t->places[p->seen_at].name)
			       : "";
	pub->packet = t->refused ? "" : packet_text(t);
	pub->agrees = nsn_tracing_compare(t);
	pub->untraced = t->lost ? "there was more than could be read" : t->untraced;
	if (!pub->why || !pub->seen_at || !pub->packet)
		return nsn_err_nomem(err);
	pub->explained = &NSN_TAKE_PTR(t->x.e)->pub;
	*ret = &NSN_TAKE_PTR(t->out)->pub;
	return 0;
}
