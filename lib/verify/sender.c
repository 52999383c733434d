/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proving.h"
#include "walk_in.h"

/*
 * sender - one tenant's packets, and where they arrive
 */

/* Enough to see what is wrong; the rest is the same again. */
#define FINDINGS_OF_A_PAIR 3

struct sender {
	struct nsn_proving *p;
	size_t a;
	uint8_t family;
	struct nsn_allowed may; /* of the tenant that is looked at */
	bool may_known;
	bool inside;   /* within the tenant anybody may open anything to anybody */
	nsn_set_t got; /* by it, of what is allowed: addresses, protocol, ports */
	size_t said;
};

/* ---- where its frames come in ---------------------------------------------------------- */

static int by_door(const void *a, const void *b)
{
	const struct nsn_door *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? -1 : 1;
	return x->link < y->link ? -1 : x->link > y->link;
}

static void add_doors(struct nsn_proving *p, size_t ns, struct nsn_door *list, size_t *n)
{
	const struct nsn_vns *v = &p->snap->ns[ns];

	for (size_t i = 0; i < v->n_links; i++) {
		const struct nsn_vlink *l = &v->links[i];

		if (l->peer_ns >= p->snap->n_ns || !l->peer_index || !p->snap->ns[l->peer_ns].full)
			continue;
		if (list)
			list[*n] = (struct nsn_door){l->peer_ns, l->peer_index, ns};
		(*n)++;
	}
}

/* Through all untrusted namespaces that are joined with one of its own. */
static void each_room(struct nsn_proving *p, size_t a, struct nsn_door *list, size_t *n)
{
	*n = 0;
	for (size_t i = p->first[a]; i < p->first[a + 1]; i++) {
		const size_t own = p->workloads[i], group = p->out.group[own];
		size_t at = own;

		/* Rings: out.next leads through a group and back. */
		do {
			add_doors(p, at, list, n);
			at = p->out.next[at];
		} while (at != own && group != NSN_NOWHERE);
	}
}

struct nsn_door *nsn_find_doors(struct nsn_proving *p, struct nsn_space *s, size_t a, size_t *n)
{
	struct nsn_door *list;
	size_t kept = 0;

	each_room(p, a, NULL, n);
	list = nsn_space_alloc(s, (*n + 1) * sizeof(*list));
	each_room(p, a, list, n);
	if (*n > 1)
		qsort(list, *n, sizeof(*list), by_door);
	for (size_t i = 0; i < *n; i++)
		if (i == 0 || by_door(&list[i], &list[i - 1]) != 0)
			list[kept++] = list[i];
	*n = kept;
	return list;
}

/* ---- what arrives ---------------------------------------------------------------------- */

static size_t tenant_of(const struct nsn_proving *p, size_t ns)
{
	return ns < p->snap->n_ns ? p->out.tenant[ns] : SIZE_MAX;
}

static const struct nsn_endpoint *endpoint_of(const struct nsn_proving *p, size_t ns)
{
	const size_t t = tenant_of(p, ns);

	if (t == SIZE_MAX)
		return NULL;
	for (size_t i = 0; i < p->intent->tenants[t].n_endpoints; i++)
		if (p->intent->tenants[t].endpoints[i].id == p->snap->ns[ns].endpoint)
			return &p->intent->tenants[t].endpoints[i];
	return NULL;
}

static const char *called(const struct nsn_proving *p, size_t ns)
{
	return ns < p->snap->n_ns ? p->snap->ns[ns].name : "beyond this machine";
}

/* A finding about what arrives; its place is where it arrives. */
static void accuse(struct sender *se, enum nsn_finding_kind kind, size_t b,
		   const struct nsn_arrival *at, nsn_set_t set, const char *says)
{
	struct nsn_proving *p = se->p;
	struct nsn_finding *x;
	const size_t place = at->kind == NSN_ARRIVES ? at->to : at->ns;
	/* What was never an answer is the better example. */
	const nsn_set_t plain = nsn_and(&p->space, set, nsn_masked(&p->space, NSN_F_FIRST, 4, 0));

	if (!nsn_empty(plain))
		set = plain;
	nsn_say_pair(p, se->a, b == se->a ? SIZE_MAX : b, kind);
	nsn_say_theorem(p, kind);
	if (se->said++ >= FINDINGS_OF_A_PAIR)
		return;
	x = nsn_say(p, kind, se->a, b);
	x->where = nsn_arena_strdup(&p->report->findings.mem, called(p, place));
	if (!x->where || nsn_finding_say(&p->report->findings, x, "%s -> %s: %s",
					 nsn_tenant_called(p, se->a), called(p, place), says) < 0) {
		p->no_memory = true;
		nsn_space_stop(&p->space, "memory");
	}
	nsn_witness(p, x, se->a, at, set);
}

/* Only what a policy speaks of: who, to whom, which port. */
static nsn_set_t flows_of(struct nsn_space *s, nsn_set_t a)
{
	const uint32_t kept = 1U << NSN_F_SRC | 1U << NSN_F_DST | 1U << NSN_F_PROTO |
			      1U << NSN_F_SPORT | 1U << NSN_F_DPORT;

	return nsn_forget_all(s, a, ~kept);
}

static void note_got(struct sender *se, const struct nsn_arrival *at)
{
	struct nsn_space *s = &se->p->space;
	nsn_set_t fresh = nsn_and(s, at->set, nsn_is(s, NSN_F_CTSTATE, NSN_CT_NEW));
	nsn_set_t translated = nsn_and(s, fresh, nsn_masked(s, NSN_F_FIRST, 1, 1));

	if (!nsn_empty(translated))
		fresh = nsn_or(s, nsn_sub(s, fresh, translated),
			       nsn_move(s, translated, NSN_F_SRC, NSN_F_OSRC));
	se->got = nsn_or(s, se->got, flows_of(s, fresh));
}

static void know_allowed(struct sender *se, size_t b)
{
	if (se->may_known && se->may.b == b && se->may.family == se->family)
		return;
	nsn_allow(se->p, se->a, b, se->family, &se->may);
	se->may_known = true;
}

bool nsn_may_all(struct nsn_proving *p, size_t a, size_t from_ns, size_t to_ns)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	const struct nsn_endpoint *from = endpoint_of(p, from_ns), *to = endpoint_of(p, to_ns);
	struct nsn_space *s = &p->space;
	struct nsn_boxes boxes = {0};
	bool all = true;

	if (!from || !to)
		return false;
	for (size_t i = 0; all && i < sizeof(families); i++) {
		nsn_set_t pair = nsn_and(s, nsn_own_addresses(s, from, families[i], NSN_F_SRC),
					 nsn_own_addresses(s, to, families[i], NSN_F_DST));

		if (nsn_asked_pair(p->asked, a, a, &boxes, p->err) < 0) {
			p->no_memory = true;
			nsn_space_stop(s, "memory");
		}
		if (!boxes.all)
			all = nsn_within(s, pair, nsn_asked_set(s, &boxes, families[i]));
		nsn_boxes_clear(&boxes);
	}
	return all;
}

static void judge_endpoint(struct sender *se, size_t b, const struct nsn_arrival *at)
{
	struct nsn_proving *p = se->p;
	struct nsn_space *s = &p->space;
	const struct nsn_endpoint *e = endpoint_of(p, at->to);
	const bool inside = b == se->a;
	struct nsn_excess over;
	nsn_set_t home, self;

	know_allowed(se, b);
	if (se->may.all)
		return;
	home = e ? nsn_own_addresses(s, e, se->family, NSN_F_DST) : nsn_none(s);
	nsn_judge_flow(p, &se->may, at->set, home, &over);
	if (inside && e) {
		/* What it sends to itself by way of the gateway. */
		self = nsn_and(s, home, nsn_own_addresses(s, e, se->family, NSN_F_SRC));
		over.fresh = nsn_sub(s, over.fresh, self);
		over.flow = nsn_sub(s, over.flow, self);
	}
	/* A connection that cannot be opened is worth a word of its own. */
	if (!nsn_empty(over.flow) && !inside) {
		nsn_say_pair(p, se->a, b, NSN_FIND_STALE_FLOW);
		nsn_say_theorem(p, NSN_FIND_STALE_FLOW);
	}
	if (!nsn_empty(over.fresh))
		accuse(se, inside ? NSN_FIND_PORT_TO_PORT : NSN_FIND_UNEXPECTED_ALLOW, b, at,
		       over.fresh, "a packet that no policy allows gets through");
	else if (!nsn_empty(over.flow))
		accuse(se, NSN_FIND_STALE_FLOW, b, at, over.flow,
		       "packets of a connection that no policy allows get through");
	if (!inside)
		note_got(se, at);
}

static bool all_inside(struct nsn_proving *p, size_t a)
{
	struct nsn_boxes boxes = {0};
	bool all;

	if (nsn_asked_pair(p->asked, a, a, &boxes, p->err) < 0) {
		p->no_memory = true;
		nsn_space_stop(&p->space, "memory");
	}
	all = boxes.all;
	nsn_boxes_clear(&boxes);
	return all;
}

/* @door: by which it came in; of a tenant where anybody may all, by any. */
static void judge_arrival(struct sender *se, size_t b, const struct nsn_arrival *at, size_t door)
{
	struct nsn_proving *p = se->p;

	if (b != SIZE_MAX) {
		if (b == se->a && (se->inside || nsn_may_all(p, se->a, door, at->to)))
			return;
		if (se->family)
			judge_endpoint(se, b, at);
		else if (b != se->a)
			accuse(se, NSN_FIND_PORT_TO_PORT, b, at, at->set,
			       "a frame that is no packet gets through");
		else
			accuse(se, NSN_FIND_PORT_TO_PORT, b, at, at->set,
			       "a frame of one endpoint gets to another, and `inside: deny` is "
			       "wanted, or a quarantine");
		return;
	}
	accuse(se, NSN_FIND_REACHES_OUTSIDE, SIZE_MAX, at, at->set,
	       at->to < p->snap->n_ns ? "a packet gets to a namespace that is no tenant's"
				      : "a packet leaves the machine");
}

/*
 * What leaves by a link of the host, or gets to the host's sockets: by policy, or not at all.
 * @fresh: only where something is opened that may not be; that is told first.
 */
static void judge_beyond(struct sender *se, size_t side, const struct nsn_arrival *at, bool fresh)
{
	struct nsn_proving *p = se->p;
	struct nsn_space *s = &p->space;
	const bool host = side == NSN_SIDE_HOST(p->intent->n_tenants);
	struct nsn_excess over;
	nsn_set_t spoofed, opens;

	know_allowed(se, side);
	nsn_judge_out(p, &se->may, at->set, &over);
	opens = nsn_and(s, over.fresh, nsn_is(s, NSN_F_CTSTATE, NSN_CT_NEW));
	if (fresh == nsn_empty(opens))
		return;
	if (fresh)
		over.fresh = opens;
	if (!nsn_empty(over.fresh))
		accuse(se, host ? NSN_FIND_REACHES_HOST : NSN_FIND_REACHES_OUTSIDE, side, at,
		       over.fresh,
		       host ? "a packet gets to the host itself, and no policy allows it"
			    : "a packet gets out to where no policy allows it");
	else if (!nsn_empty(over.flow))
		accuse(se, NSN_FIND_STALE_FLOW, side, at, over.flow,
		       "packets of a connection that no policy allows get through");
	spoofed = host ? nsn_none(s) : nsn_sub(s, at->set, nsn_host_sources(p, se->family));
	if (!nsn_empty(spoofed))
		accuse(se, NSN_FIND_SPOOFED_EGRESS, side, at, spoofed,
		       "a packet leaves the machine with a source that is not the host's own");
	note_got(se, at);
}

/* Nobody listens there, but that is no reason to let anything in. */
static void judge_own_gateway(struct sender *se, const struct nsn_arrival *at)
{
	struct nsn_space *s = &se->p->space;
	const nsn_set_t over = nsn_sub(s, at->set, nsn_gateway_answers(s, se->family));

	if (!nsn_empty(over))
		accuse(se, NSN_FIND_REACHES_HOST, se->a, at, over,
		       "a packet gets to the tenant's gateway itself");
}

static void judge_other(struct sender *se, const struct nsn_arrival *at)
{
	struct nsn_proving *p = se->p;
	const size_t owner = tenant_of(p, at->ns);
	struct nsn_finding *x;

	if (at->kind == NSN_ARRIVES_LOCAL) {
		/* What is not about tenants is not asked about. */
		if (nsn_is_beyond(p, se->a) && owner == SIZE_MAX)
			return;
		if (owner == se->a && !nsn_is_beyond(p, se->a) && at->ns == p->gateway[se->a])
			judge_own_gateway(se, at);
		else
			accuse(se, NSN_FIND_REACHES_HOST, owner, at, at->set,
			       owner == SIZE_MAX ? "a packet gets to the host itself"
						 : "a packet gets to another's gateway itself");
		return;
	}
	if (at->kind == NSN_ARRIVES_AGAIN) {
		accuse(se, NSN_FIND_FORWARDING_LOOP, SIZE_MAX, at, at->set,
		       "a packet comes back to where it was, until its TTL ends");
		return;
	}
	nsn_say_pair(p, se->a, SIZE_MAX, NSN_FIND_UNMODELLED);
	nsn_say_theorem(p, NSN_FIND_UNMODELLED);
	if (se->said++ >= FINDINGS_OF_A_PAIR)
		return;
	x = nsn_say(p, NSN_FIND_UNMODELLED, se->a, SIZE_MAX);
	x->where = nsn_arena_strdup(&p->report->findings.mem, called(p, at->ns));
	if (nsn_finding_say(&p->report->findings, x, "%s: %s", called(p, at->ns),
			    at->why ? at->why : "unknown") < 0 ||
	    (at->at.chain &&
	     nsn_finding_show(&p->report->findings, x, "table %s chain %s handle %llu",
			      at->at.table ? at->at.table->name : "?", at->at.chain->name,
			      at->at.rule ? (unsigned long long)at->at.rule->handle : 0ULL) < 0)) {
		p->no_memory = true;
		nsn_space_stop(&p->space, "memory");
	}
}

/* ---- what should have arrived ------------------------------------------------------------ */

static nsn_set_t any_of(struct nsn_space *s, const struct nsn_tenant *t, uint8_t family,
			enum nsn_field f)
{
	nsn_set_t *list = nsn_space_alloc(s, (t->n_endpoints + 1) * sizeof(nsn_set_t));

	for (size_t i = 0; i < t->n_endpoints; i++)
		list[i] = nsn_own_addresses(s, &t->endpoints[i], family, f);
	return t->n_endpoints ? nsn_or_many(s, list, t->n_endpoints) : nsn_none(s);
}

/*
 * Protocols of which a first packet says all: what else `any` allows may have no connection. From
 * a client's port: who answers for DHCP or routers (67, 547) is stopped on purpose.
 */
static nsn_set_t usual(struct nsn_space *s, uint8_t family)
{
	nsn_set_t echo = nsn_is(s, NSN_F_PROTO, family == AF_INET ? 1 : 58);
	nsn_set_t ports = nsn_or(s, nsn_is(s, NSN_F_PROTO, 6), nsn_is(s, NSN_F_PROTO, 17));

	echo = nsn_and(s, echo, nsn_is(s, NSN_F_SPORT, (family == AF_INET ? 8 : 128) << 8));
	return nsn_or(s, echo, nsn_and(s, ports, nsn_between(s, NSN_F_SPORT, 1024, UINT16_MAX)));
}

/* What the host takes for itself: its addresses; broadcast and anycast of its links. */
static nsn_set_t taken(struct sender *se, const struct nsn_vns *host)
{
	struct nsn_space *s = &se->p->space;
	nsn_set_t ret = nsn_none(s);

	for (size_t i = 0; i < host->n_addrs; i++) {
		const struct nsn_prefix *net = &host->addrs[i].net;
		struct nsn_range all;

		if (net->ip.family != se->family)
			continue;
		ret = nsn_or(s, ret, nsn_is(s, NSN_F_DST, nsn_w_ip(&net->ip)));
		nsn_w_prefix(net, &all);
		ret = nsn_or(s, ret, nsn_is(s, NSN_F_DST, all.first));
		if (se->family == AF_INET)
			ret = nsn_or(s, ret, nsn_is(s, NSN_F_DST, all.last));
	}
	return ret;
}

/* Of what is beyond: not where the host has no way itself, nor at addresses of uplinks. */
static nsn_set_t reachable(struct sender *se, size_t b)
{
	struct nsn_proving *p = se->p;
	const struct nsn_vns *host = p->host == NSN_NOWHERE ? NULL : &p->snap->ns[p->host];
	nsn_set_t set = nsn_host_sources(p, se->family);

	if (b == NSN_SIDE_HOST(p->intent->n_tenants))
		return nsn_move(&p->space, set, NSN_F_DST, NSN_F_SRC);
	for (size_t i = 0; host && i < host->n_routes; i++)
		if (host->routes[i].dst.ip.family == se->family && host->routes[i].dst.len == 0 &&
		    host->routes[i].n_hops > 0)
			return nsn_sub(&p->space, nsn_all(&p->space), taken(se, host));
	return nsn_none(&p->space);
}

static void look_for_missing(struct sender *se, size_t b)
{
	struct nsn_proving *p = se->p;
	struct nsn_space *s = &p->space;
	struct nsn_packet first;
	char text[NSN_PACKET_STRLEN];
	nsn_set_t want;

	if (!se->family || nsn_is_beyond(p, se->a))
		return;
	know_allowed(se, b);
	want = nsn_and(s, se->may.open, usual(s, se->family));
	want = nsn_and(s, want, any_of(s, &p->intent->tenants[se->a], se->family, NSN_F_SRC));
	want = nsn_and(s, want,
		       nsn_is_beyond(p, b)
			       ? reachable(se, b)
			       : any_of(s, &p->intent->tenants[b], se->family, NSN_F_DST));
	want = nsn_sub(s, want, se->got);
	if (nsn_empty(want))
		return;
	nsn_pick(s, want, NULL, &first);
	first.v[NSN_F_ETYPE] = se->family == AF_INET ? 0x0800 : 0x86dd;
	first.v[NSN_F_CTSTATE] = NSN_CT_NEW;
	if (nsn_finding_say(&p->report->findings, nsn_say(p, NSN_FIND_DENIED_TOO_MUCH, se->a, b),
			    "%s -> %s: a policy allows %s, and it does not get through",
			    nsn_tenant_called(p, se->a), nsn_tenant_called(p, b),
			    nsn_packet_str(&first, text)) < 0) {
		p->no_memory = true;
		nsn_space_stop(s, "memory");
	}
}

/* ---- all of it ----------------------------------------------------------------------------- */

struct landed {
	size_t b; /* SIZE_MAX: no tenant's workload */
	const struct nsn_arrival *at;
	size_t door; /* the namespace that it came from, NSN_NOWHERE: one of several */
};

static int by_tenant(const void *a, const void *b)
{
	const struct landed *x = a, *y = b;

	if (x->b != y->b)
		return x->b < y->b ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static void end_tenant(struct sender *se, size_t b)
{
	if (b != SIZE_MAX && b != se->a) {
		nsn_pair_row(se->p, se->a, b);
		look_for_missing(se, b);
	}
	se->got = nsn_none(&se->p->space);
	se->said = 0;
}

/* All of one side beyond, when the first of them is met. */
static void judge_group(struct sender *se, const struct landed *list, size_t n, size_t first)
{
	if (first > 0 && list[first - 1].b == list[first].b)
		return;
	for (int fresh = 1; fresh >= 0; fresh--)
		for (size_t i = first; i < n && list[i].b == list[first].b; i++)
			judge_beyond(se, list[i].b, list[i].at, fresh);
}

/* Who gets nothing at all there, and should. */
static void end_beyond(struct sender *se, const struct landed *list, size_t n)
{
	const struct nsn_proving *p = se->p;

	if (nsn_is_beyond(p, se->a) || !p->border[se->a])
		return;
	for (size_t side = NSN_SIDE_INTERNET(p->intent->n_tenants); nsn_is_beyond(p, side);
	     side++) {
		bool there = false;

		for (size_t i = 0; i < n; i++)
			there |= list[i].b == side;
		if (!there)
			end_tenant(se, side);
	}
}

static void judge_all(struct sender *se, struct landed *list, size_t n)
{
	const size_t *asked = se->p->asked_of + se->p->asked_first[se->a];
	const size_t n_asked = se->p->asked_first[se->a + 1] - se->p->asked_first[se->a];
	size_t k = 0;

	se->got = nsn_none(&se->p->space);
	if (n > 1)
		qsort(list, n, sizeof(*list), by_tenant);
	for (size_t i = 0; i < n; i++) {
		const size_t b = list[i].b;

		/* Those that should get something and get nothing at all. */
		for (; k < n_asked && asked[k] < b; k++)
			end_tenant(se, asked[k]);
		if (nsn_is_beyond(se->p, b))
			judge_group(se, list, n, i);
		else if (list[i].at->kind == NSN_ARRIVES)
			judge_arrival(se, b, list[i].at, list[i].door);
		else
			judge_other(se, list[i].at);
		if (i + 1 == n || list[i + 1].b != b) {
			end_tenant(se, b);
			k += k < n_asked && asked[k] == b;
		}
	}
	for (; k < n_asked; k++)
		end_tenant(se, asked[k]);
	end_beyond(se, list, n);
}

/* Where it arrived, for who judges: a tenant, the outside, the host; else SIZE_MAX. */
static size_t landed_at(const struct sender *se, const struct nsn_arrival *at)
{
	const struct nsn_proving *p = se->p;
	const size_t t = at->kind == NSN_ARRIVES ? tenant_of(p, at->to) : SIZE_MAX;

	if (t != SIZE_MAX || at->ns != p->host || !se->family || nsn_is_beyond(p, se->a))
		return t;
	if (at->kind == NSN_ARRIVES)
		return NSN_SIDE_INTERNET(p->intent->n_tenants);
	return at->kind == NSN_ARRIVES_LOCAL ? NSN_SIDE_HOST(p->intent->n_tenants) : t;
}

static void prove_family(struct sender *se, const struct nsn_door *doors, size_t n)
{
	struct nsn_proving *p = se->p;
	struct nsn_space *s = &p->space;
	uint32_t *links = nsn_space_alloc(s, (n + 1) * sizeof(*links));
	struct nsn_arrivals *found = nsn_space_alloc(s, (n + 1) * sizeof(*found));
	struct landed *list;
	size_t *from = nsn_space_alloc(s, (n + 1) * sizeof(*from));
	size_t walks = 0, all = 0, at = 0;

	for (size_t i = 0, end; i < n; i = end) {
		/* Where endpoints are kept apart, it matters which of them sends. */
		for (end = i; end < n && doors[end].ns == doors[i].ns && (end == i || se->inside);
		     end++)
			links[end - i] = doors[end].link;
		from[walks] = end - i == 1 ? doors[i].from : NSN_NOWHERE;
		nsn_walk_from(p->walk, doors[i].ns, links, end - i, se->family, &found[walks]);
		all += found[walks++].n;
	}
	list = nsn_space_alloc(s, (all + 1) * sizeof(*list));
	for (size_t w = 0; w < walks; w++)
		for (size_t i = 0; i < found[w].n; i++) {
			const struct nsn_arrival *a = &found[w].list[i];

			list[at++] = (struct landed){landed_at(se, a), a, from[w]};
		}
	judge_all(se, list, all);
}

void nsn_prove_sender(struct nsn_proving *p, size_t a)
{
	static const uint8_t families[] = {AF_INET, AF_INET6, 0};
	struct sender se = {.p = p, .a = a};
	size_t n;
	const struct nsn_door *doors = nsn_find_doors(p, &p->space, a, &n);

	se.inside = all_inside(p, a);
	for (size_t i = 0; i < sizeof(families); i++) {
		se.family = families[i];
		prove_family(&se, doors, n);
	}
}

/* ---- from beyond --------------------------------------------------------------------------- */

static void judge_beyond_all(struct sender *se, const struct nsn_arrivals *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct nsn_arrival *at = &all->list[i];
		const size_t b = landed_at(se, at);

		se->got = nsn_none(&se->p->space);
		if (i > 0 && b != landed_at(se, at - 1))
			se->said = 0;
		if (at->kind != NSN_ARRIVES)
			judge_other(se, at);
		else if (b != SIZE_MAX)
			judge_arrival(se, b, at, NSN_NOWHERE);
	}
	se->said = 0;
}

void nsn_prove_beyond(struct nsn_proving *p, size_t side)
{
	static const uint8_t families[] = {AF_INET, AF_INET6, 0};
	const bool host = side == NSN_SIDE_HOST(p->intent->n_tenants);
	uint32_t *links =
		nsn_space_alloc(&p->space, (p->snap->ns[p->host].n_links + 1) * sizeof(*links));
	const size_t n = nsn_walk_outer(p->walk, p->host, links);
	struct sender se = {.p = p, .a = side};

	for (size_t i = 0; i < sizeof(families); i++) {
		struct nsn_arrivals all = {0};

		se.family = families[i];
		if (!host)
			nsn_walk_from(p->walk, p->host, links, n, se.family, &all);
		else if (se.family)
			nsn_walk_sent(p->walk, p->host, se.family, &all);
		judge_beyond_all(&se, &all);
	}
}
