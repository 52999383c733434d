/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "anyhost_in.h"
#include "words.h"

/*
 * anyhost_say - what is reached and should not be: the packet, its way, and a rule against it
 */

#define OTHERS_TOLD 16
#define DOORS_TOLD  32

static const struct nsn_anynet *net(const struct nsn_anyask *r, size_t i)
{
	return &r->p->how->host->nets[i];
}

static const char *ip_word(const struct nsn_anyask *r)
{
	return r->family == AF_INET ? "ip" : "ip6";
}

static const char *proto_word(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "sctp";
}

/* ---- the packet --------------------------------------------------------------------------------
 */

/* The part with this value, if there is one: a packet that people know when they see it. */
static nsn_set_t prefer(struct nsn_space *s, nsn_set_t set, enum nsn_field f, nsn_u128 value)
{
	nsn_set_t some = nsn_and(s, set, nsn_is(s, f, value));

	return nsn_empty(some) ? set : some;
}

/*
 * An address that somebody there may have: the second of its first network, or the third. In
 * @f of packets. NULL: there is none.
 */
static nsn_set_t member(const struct nsn_anyask *r, nsn_set_t set, enum nsn_field f, size_t of)
{
	const struct nsn_anynet *x = net(r, of);

	for (size_t i = 0; i < x->n_own; i++) {
		nsn_u128 at = nsn_anyhost_number(&x->own[i].ip) + 2;
		nsn_set_t some;

		if (x->own[i].ip.family != r->family || x->own[i].len == 0 ||
		    (r->family == AF_INET6 && x->own[i].ip.bytes[0] == 0xfe))
			continue;
		for (size_t k = 0; k < x->n_gateways; k++)
			if (nsn_anyhost_number(&x->gateways[k]) == at)
				at++;
		some = nsn_and(&r->p->space, set, nsn_is(&r->p->space, f, at));
		if (!nsn_empty(some))
			return some;
	}
	return NULL;
}

/* From a member, sent as it is or translated on the way. */
static nsn_set_t from_member(const struct nsn_anyask *r, nsn_set_t set)
{
	struct nsn_space *s = &r->p->space;
	const nsn_set_t plain = nsn_and(s, set, nsn_is(s, NSN_F_FIRST, 0));
	const nsn_set_t natted = nsn_and(s, set, nsn_masked(s, NSN_F_FIRST, 1, 1));
	nsn_set_t some = member(r, plain, NSN_F_SRC, r->a);

	if (!some)
		some = member(r, natted, NSN_F_OSRC, r->a);
	if (some)
		return some;
	return nsn_empty(plain) ? set : plain;
}

static nsn_set_t to_member(const struct nsn_anyask *r, nsn_set_t set, size_t of)
{
	return member(r, set, NSN_F_DST, of) ?: set;
}

static nsn_set_t usual(const struct nsn_anyask *r, nsn_set_t set)
{
	return prefer(&r->p->space, set, NSN_F_CTSTATE, NSN_CT_NEW);
}

/* A host of nobody's: RFC 5737, RFC 3849. */
static nsn_u128 stranger(uint8_t family)
{
	return family == AF_INET ? UINT32_C(0xc633644d)
				 : (nsn_u128)UINT64_C(0x20010db800000bad) << 64 | 0x4d;
}

static nsn_u128 far_away(uint8_t family)
{
	return family == AF_INET ? UINT32_C(0x09090909)
				 : (nsn_u128)UINT64_C(0x262000fe00000000) << 64 | 0xfe;
}

/* ---- the finding -------------------------------------------------------------------------------
 */

static void must(const struct nsn_anyask *r, int bad)
{
	nsn_anyhost_must(r->p, bad);
}

static bool has_rule(const struct nsn_finding *x)
{
	for (size_t i = 0; i < x->n_evidence; i++)
		if (strstr(x->evidence[i], " chain ") ||
		    strstr(x->evidence[i], "could not be told"))
			return true;
	return false;
}

/* Where nobody tracks connections every packet is "invalid": a word too much. */
static void without_state(const struct nsn_anyask *r, struct nsn_finding *x,
			  const struct nsn_anyhit *how)
{
	static const char word[] = " (invalid)";
	struct nsn_space *s = &r->p->space;

	if (!nsn_empty(nsn_sub(s, how->at->set, nsn_is(s, NSN_F_CTSTATE, NSN_CT_INVALID))))
		return;
	for (size_t i = 0; i < x->n_evidence && i < 2; i++) {
		char *line = nsn_arena_strdup(&r->p->report->findings.mem, x->evidence[i]);
		const size_t len = line ? strlen(line) : 0;

		must(r, line ? 0 : -1);
		if (len > strlen(word) && strcmp(line + len - strlen(word), word) == 0)
			line[len - strlen(word)] = '\0';
		x->evidence[i] = line;
	}
}

/*
 * A frame to the device itself is the better example. Where only one to a group of bridges' own
 * gets through, that is worth a word, and it is not readdressed.
 */
static void to_group(const struct nsn_anyask *r, struct nsn_finding *x, struct nsn_arrival *at,
		     nsn_set_t *set)
{
	struct nsn_space *s = &r->p->space;
	const nsn_u128 bridges = (nsn_u128)UINT64_C(0x0180c2000002);
	const nsn_set_t plain = nsn_and(s, *set, nsn_masked(s, NSN_F_L2DST, NSN_ANYHOST_GROUP, 0));
	nsn_set_t own;

	if (!nsn_empty(plain)) {
		*set = plain;
		return;
	}
	own = nsn_and(s, *set, nsn_is(s, NSN_F_L2DST, bridges));
	if (nsn_empty(own))
		return;
	*set = own;
	at->switched = true;
	must(r,
	     nsn_finding_show(&r->p->report->findings, x,
			      "in a frame to 01:80:c2:00:00:02, which a bridge hands up as of the "
			      "port, not as its own: rules with the bridge's name do not see it"));
}

static struct nsn_finding *say(const struct nsn_anyask *r, enum nsn_finding_kind kind, size_t to,
			       const struct nsn_anyhit *how, nsn_set_t set)
{
	struct nsn_finding *x = nsn_say(r->p, kind, r->a, to);
	struct nsn_findings *f = &r->p->report->findings;
	struct nsn_arrival at = *how->at;

	x->where = "host";
	to_group(r, x, &at, &set);
	nsn_witness(r->p, x, r->a, &at, set);
	without_state(r, x, how);
	if (!has_rule(x))
		must(r, nsn_finding_show(f, x, "no rule on its way stops it"));
	x->hint = "";
	return x;
}

/*
 * The network's device, and its doors: out of a frame to a group of bridges' own
 * (01:80:c2:00:00:0x) a packet comes in by the port itself. NULL: too many, or with names that
 * would not stand there.
 */
static const char *devices(const struct nsn_anyask *r)
{
	const struct nsn_anynet *x = net(r, r->a);
	const struct nsn_vns *host = &r->p->snap->ns[r->p->host];
	struct nsn_arena *mem = &r->p->report->findings.mem;
	const char *list = nsn_arena_printf(mem, "\"%s\"", x->name);

	if (!nsn_words_plain(x->name) || x->n_links > DOORS_TOLD)
		return NULL;
	for (size_t i = 0; list && i < x->n_links; i++) {
		const struct nsn_vlink *l = nsn_vns_link(host, x->links[i]);

		if (!l || !nsn_words_plain(l->name))
			return NULL;
		if (l->index != x->dev)
			list = nsn_arena_printf(mem, "%s, \"%s\"", list, l->name);
	}
	must(r, list ? 0 : -1);
	return list;
}

/* A table of its own, as a line for a shell; nothing when a name would not stand there. */
static void hint(const struct nsn_anyask *r, struct nsn_finding *x, const char *hook,
		 const char *rule)
{
	const char *from = devices(r);

	if (from && rule)
		must(r, nsn_finding_hint(&r->p->report->findings, x,
					 "nft 'table inet apart { chain %s { type filter hook %s "
					 "priority -10; iifname { %s } %s drop; }; }'",
					 hook, hook, from, rule));
}

/* ---- T1: other networks ------------------------------------------------------------------------
 */

/* Those besides the one that was shown. */
static void show_others(const struct nsn_anyask *r, struct nsn_finding *x,
			const struct nsn_anyhit *to, size_t first, const struct nsn_ip *const *ip)
{
	struct nsn_findings *f = &r->p->report->findings;
	char text[NSN_IP_STRLEN] = "";
	size_t more = 0;

	for (size_t b = first + 1; b < r->p->how->host->n; b++) {
		if (!to[b].at || b == r->a || ++more > OTHERS_TOLD)
			continue;
		if (ip)
			(void)nsn_ip_str(ip[b], text);
		must(r, nsn_finding_show(f, x, "so does one to %s%s%s", net(r, b)->name,
					 ip ? "'s address " : "", text));
	}
	if (more > OTHERS_TOLD)
		must(r, nsn_finding_show(f, x, "and to %zu networks more", more - OTHERS_TOLD));
}

static size_t first_of(const struct nsn_anyask *r, const struct nsn_anyhit *to)
{
	size_t b = 0;

	while (b < r->p->how->host->n && (!to[b].at || b == r->a))
		b++;
	return b;
}

/* Each network that is reached is a pair that is not apart, told or not. */
static void say_pairs(const struct nsn_anyask *r, enum nsn_finding_kind kind,
		      const struct nsn_anyhit *to)
{
	for (size_t b = 0; b < r->p->how->host->n; b++)
		if (to[b].at && b != r->a)
			nsn_say_pair(r->p, r->a, b, kind);
}

void nsn_anyhost_say_others(struct nsn_anyask *r, enum nsn_finding_kind kind,
			    const struct nsn_anyhit *to)
{
	const size_t b = first_of(r, to);
	struct nsn_finding *x;
	char rule[64];
	nsn_set_t set;

	if (b == r->p->how->host->n)
		return;
	set = usual(r, to[b].set);
	set = to_member(r, from_member(r, set), b);
	x = say(r, kind, b, &to[b], set);
	must(r, nsn_finding_say(&r->p->report->findings, x, "%s -> %s: a packet gets through",
				net(r, r->a)->name, net(r, b)->name));
	show_others(r, x, to, b, NULL);
	(void)snprintf(rule, sizeof(rule), "oifname \"%s\"", net(r, b)->name);
	hint(r, x, "forward", nsn_words_plain(net(r, b)->name) ? rule : NULL);
	say_pairs(r, kind, to);
}

/* ---- T4
 * ------------------------------------------------------------------------------------------
 */

void nsn_anyhost_say_gateways(struct nsn_anyask *r, const struct nsn_anyhit *to,
			      const struct nsn_ip *const *ip)
{
	const size_t b = first_of(r, to);
	char rule[NSN_IP_STRLEN + 32], text[NSN_IP_STRLEN];
	struct nsn_finding *x;

	if (b == r->p->how->host->n)
		return;
	x = say(r, NSN_FIND_REACHES_HOST, b, &to[b], from_member(r, usual(r, to[b].set)));
	must(r, nsn_finding_say(&r->p->report->findings, x,
				"%s -> %s: a packet gets to its gateway address %s",
				net(r, r->a)->name, net(r, b)->name, nsn_ip_str(ip[b], text)));
	show_others(r, x, to, b, ip);
	(void)snprintf(rule, sizeof(rule), "%s daddr %s", ip_word(r), text);
	hint(r, x, "input", rule);
	say_pairs(r, NSN_FIND_REACHES_HOST, to);
}

void nsn_anyhost_say_listeners(struct nsn_anyask *r, const struct nsn_anyhit *to)
{
	const struct nsn_anyhost *h = r->p->how->host;
	struct nsn_findings *f = &r->p->report->findings;
	char who[NSN_LISTENER_STRLEN], rule[64];
	const struct nsn_listener *l;
	struct nsn_finding *x;
	size_t i = 0, n = 0;
	nsn_set_t set;

	while (i < h->n_listeners && !to[i].at)
		i++;
	if (i == h->n_listeners)
		return;
	l = &h->listeners[i];
	set = from_member(r, usual(r, to[i].set));
	if (h->nets[r->a].n_gateways > 0 && h->nets[r->a].gateways[0].family == r->family)
		set = prefer(&r->p->space, set, NSN_F_DST,
			     nsn_anyhost_number(&h->nets[r->a].gateways[0]));
	x = say(r, NSN_FIND_REACHES_HOST, SIZE_MAX, &to[i], set);
	for (size_t k = i; k < h->n_listeners; k++) {
		if (!to[k].at || ++n > OTHERS_TOLD)
			continue;
		must(r, nsn_finding_show(f, x, "%s/%u: %s", proto_word(h->listeners[k].proto),
					 h->listeners[k].port,
					 nsn_listener_str(&h->listeners[k], who)));
	}
	if (n > OTHERS_TOLD)
		must(r, nsn_finding_show(f, x, "and %zu more", n - OTHERS_TOLD));
	must(r, nsn_finding_say(f, x, "%s -> host: a packet gets to a program of the host: %s",
				net(r, r->a)->name, nsn_listener_str(l, who)));
	x->pid = l->pid;
	(void)snprintf(rule, sizeof(rule), "%s dport %u", proto_word(l->proto), l->port);
	hint(r, x, "input", rule);
	nsn_say_pair(r->p, r->a, NSN_SIDE_HOST(h->n), NSN_FIND_REACHES_HOST);
}

/* ---- T3
 * ------------------------------------------------------------------------------------------
 */

/* Addresses that may be sent from; none (DHCP, DAD) and those of the link stay there. NULL: many.
 */
static const char *own_list(const struct nsn_anyask *r)
{
	struct nsn_arena *mem = &r->p->report->findings.mem;
	const struct nsn_anynet *x = net(r, r->a);
	const char *list = r->family == AF_INET ? "0.0.0.0" : "::, fe80::/10";
	char text[NSN_PREFIX_STRLEN];

	for (size_t i = 0; list && i < x->n_own; i++) {
		bool told = x->own[i].ip.family != r->family ||
			    (r->family == AF_INET6 && x->own[i].ip.bytes[0] == 0xfe);

		for (size_t k = 0; k < i; k++)
			told |= nsn_prefix_overlap(&x->own[k], &x->own[i]);
		if (!told)
			list = nsn_arena_printf(mem, "%s, %s", list,
						nsn_prefix_str(&x->own[i], text));
	}
	must(r, list ? 0 : -1);
	return x->n_own > DOORS_TOLD ? NULL : list;
}

void nsn_anyhost_say_forged(struct nsn_anyask *r, const struct nsn_anyhit *out)
{
	struct nsn_findings *f = &r->p->report->findings;
	struct nsn_space *s = &r->p->space;
	struct nsn_finding *x;
	const char *from, *own;
	nsn_set_t set;

	if (!out->at)
		return;
	set = prefer(s, usual(r, out->set), NSN_F_SRC, stranger(r->family));
	set = prefer(s, set, NSN_F_DST, far_away(r->family));
	x = say(r, NSN_FIND_SPOOFED_EGRESS, SIZE_MAX, out, set);
	must(r, nsn_finding_say(f, x,
				"%s: a packet leaves the machine with a source that is not its own",
				net(r, r->a)->name));
	nsn_say_pair(r->p, r->a, NSN_SIDE_INTERNET(r->p->how->host->n), NSN_FIND_SPOOFED_EGRESS);
	from = devices(r);
	own = own_list(r);
	if (from && own)
		must(r,
		     nsn_finding_hint(f, x,
				      "nft 'table inet apart { chain prerouting { type filter "
				      "hook prerouting priority -300; iifname { %s } %s saddr != { "
				      "%s } drop; }; }'",
				      from, ip_word(r), own));
}

/* ---- what cannot be told ------------------------------------------------------------------------
 */

/* The same is in a network's way again and again. */
static bool was_said(const struct nsn_anyask *r, enum nsn_finding_kind kind, const char *what)
{
	const struct nsn_findings *f = &r->p->report->findings;

	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].kind == kind && strcmp(f->list[i].what, what) == 0)
			return true;
	return false;
}

void nsn_anyhost_say_blind(struct nsn_anyask *r, const struct nsn_arrival *at)
{
	struct nsn_findings *f = &r->p->report->findings;
	char what[256], hit[256];
	struct nsn_finding *x;

	nsn_say_pair(r->p, r->a, SIZE_MAX, NSN_FIND_UNMODELLED);
	nsn_say_theorem(r->p, NSN_FIND_UNMODELLED);
	/* It may be anywhere. */
	for (unsigned int t = 3; t <= 4; t++)
		if (r->p->report->theorems[t].outcome < NSN_INCONCLUSIVE)
			r->p->report->theorems[t].outcome = NSN_INCONCLUSIVE;
	(void)snprintf(what, sizeof(what), "%.32s: %.200s", net(r, r->a)->name,
		       at->why ? at->why : "unknown");
	if (was_said(r, NSN_FIND_UNMODELLED, what))
		return;
	x = nsn_say(r->p, NSN_FIND_UNMODELLED, r->a, SIZE_MAX);
	x->where = "host";
	must(r, nsn_finding_say(f, x, "%s", what));
	if (at->at.chain && at->at.table)
		must(r, nsn_finding_show(f, x, "%s", nsn_hit_str(&at->at, hit, sizeof(hit))));
}

void nsn_anyhost_say_loop(struct nsn_anyask *r, const struct nsn_arrival *at)
{
	const struct nsn_anyhit how = {at, at->set};
	struct nsn_finding *x = say(r, NSN_FIND_FORWARDING_LOOP, SIZE_MAX, &how, at->set);

	must(r, nsn_finding_say(&r->p->report->findings, x,
				"%s: a packet comes back to where it was, until its TTL ends",
				net(r, r->a)->name));
	nsn_say_pair(r->p, r->a, SIZE_MAX, NSN_FIND_FORWARDING_LOOP);
}
