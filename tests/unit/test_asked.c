/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the policies allow, as boxes and as sets: the semantics as tables, and random small
 * worlds in which it must say of every endpoint, family and port what nsn_intent_ask() says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../../lib/verify/asked.h"
#include "intent_world.h"

/* ---- packets -------------------------------------------------------------------------- */

/* What a packet is but for who sends it to whom. */
struct kind {
	uint8_t proto; /* ICMP: 1, in IPv6 it becomes 58 */
	uint16_t port; /* ICMP: the code */
	bool echo;
};

/* Addresses for a world from words: 10.TENANT.0.0/24, fd00:TENANT::/64 where @six. */
static void number_world(struct world *w, unsigned int six)
{
	for (size_t t = 0; t < w->intent.n_tenants; t++) {
		struct nsn_tenant *tenant = &w->tenants[t];
		const struct nsn_ip net = {AF_INET, {10, (uint8_t)(t + 1)}};
		const struct nsn_ip net6 = {AF_INET6, {0xfd, 0, 0, (uint8_t)(t + 1)}};

		tenant->subnet = (struct nsn_prefix){net, 24};
		if (six >> t & 1)
			tenant->subnet6 = (struct nsn_prefix){net6, 64};
		for (size_t e = 0; e < tenant->n_endpoints; e++) {
			tenant->endpoints[e].ip = nsn_ip_add(&net, e + 2);
			if (six >> t & 1)
				tenant->endpoints[e].ip6 = nsn_ip_add(&net6, e + 2);
		}
	}
}

static nsn_u128 value(const struct nsn_ip *ip)
{
	nsn_u128 v = 0;

	for (size_t i = 0; i < (ip->family == AF_INET ? 4 : 16); i++)
		v = v << 8 | ip->bytes[i];
	return v;
}

/* False: one of the two has no such address. */
static bool packet(struct nsn_packet *ret, const struct nsn_endpoint *from,
		   const struct nsn_endpoint *to, const struct kind *k, uint8_t family)
{
	const bool six = family == AF_INET6;
	const struct nsn_ip *src = six ? &from->ip6 : &from->ip, *dst = six ? &to->ip6 : &to->ip;

	memset(ret, 0, sizeof(*ret));
	ret->v[NSN_F_SRC] = value(src);
	ret->v[NSN_F_DST] = value(dst);
	ret->v[NSN_F_PROTO] = k->proto == IPPROTO_ICMP && six ? IPPROTO_ICMPV6 : k->proto;
	ret->v[NSN_F_SPORT] = 40000;
	ret->v[NSN_F_DPORT] = k->port;
	if (k->proto == IPPROTO_ICMP) {
		ret->v[NSN_F_SPORT] = (nsn_u128)(k->echo ? (six ? 128 : 8) : 13) << 8 | k->port;
		ret->v[NSN_F_DPORT] = 0x1234; /* a checksum */
	}
	return src->family == family && dst->family == family;
}

static bool boxed(const struct nsn_box *b, size_t n, const struct nsn_packet *p, uint8_t family)
{
	const nsn_u128 proto = p->v[NSN_F_PROTO];
	const bool icmp = proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
	const nsn_u128 port = p->v[icmp ? NSN_F_SPORT : NSN_F_DPORT];

	for (size_t i = 0; i < n; i++)
		if (b[i].family == family && b[i].src.first <= p->v[NSN_F_SRC] &&
		    p->v[NSN_F_SRC] <= b[i].src.last && b[i].dst.first <= p->v[NSN_F_DST] &&
		    p->v[NSN_F_DST] <= b[i].dst.last && b[i].proto_first <= proto &&
		    proto <= b[i].proto_last && b[i].port_first <= port && port <= b[i].port_last)
			return true;
	return false;
}

static bool may(const struct nsn_boxes *b, const struct nsn_packet *p, uint8_t family)
{
	return boxed(b->kept, b->n_kept, p, family) ||
	       (boxed(b->allow, b->n_allow, p, family) && !boxed(b->deny, b->n_deny, p, family));
}

static struct nsn_asked *ask(const struct world *w)
{
	struct nsnet_err err = {0};
	struct nsn_asked *a = NULL;

	if (nsn_asked_new(&a, &w->intent, &err) < 0)
		fail_msg("%s", err.msg);
	return a;
}

static struct nsn_boxes pair(const struct nsn_asked *a, size_t from, size_t to)
{
	struct nsnet_err err = {0};
	struct nsn_boxes b;

	if (nsn_asked_pair(a, from, to, &b, &err) < 0)
		fail_msg("%s", err.msg);
	return b;
}

/* ---- each sentence ---------------------------------------------------------------------- */

static void find(const struct world *w, const struct nsn_peer *p, size_t *tenant, size_t *endpoint)
{
	*tenant = *endpoint = SIZE_MAX;
	for (size_t t = 0; t < w->intent.n_tenants; t++)
		for (size_t e = 0; e < w->tenants[t].n_endpoints; e++)
			if (strcmp(w->tenants[t].name, p->tenant) == 0 &&
			    strcmp(w->tenants[t].endpoints[e].name, p->endpoint) == 0) {
				*tenant = t;
				*endpoint = e;
			}
	assert_int_not_equal(*tenant, SIZE_MAX);
}

/* "aa/one -> bb/two tcp/80"; other, ping, icmp (not echo) instead of a port, too. */
static void expect_of(const struct world *w, const char *text, bool want, uint8_t family)
{
	char from[64], to[64], what[32];
	struct kind k = {.proto = IPPROTO_TCP};
	struct nsn_peer f, t;
	struct nsn_packet p;
	struct nsn_asked *a;
	struct nsn_boxes b;
	size_t ft, fe, tt, te;
	char port[8] = "0";

	assert_true(sscanf(text, "%63s -> %63s %31[a-z]/%7[0-9]", from, to, what, port) >= 3);
	k.port = (uint16_t)strtoul(port, NULL, 10);
	if (strcmp(what, "udp") == 0)
		k.proto = IPPROTO_UDP;
	else if (strcmp(what, "sctp") == 0)
		k.proto = IPPROTO_SCTP;
	else if (strcmp(what, "other") == 0)
		k.proto = IPPROTO_GRE;
	else if (strcmp(what, "tcp") != 0)
		k = (struct kind){IPPROTO_ICMP, k.port, strcmp(what, "ping") == 0};
	f = peer(from);
	t = peer(to);
	find(w, &f, &ft, &fe);
	find(w, &t, &tt, &te);
	a = ask(w);
	b = pair(a, ft, tt);
	assert_true(packet(&p, &w->tenants[ft].endpoints[fe], &w->tenants[tt].endpoints[te], &k,
			   family));
	if (may(&b, &p, family) != want)
		fail_msg("%s (IPv%d): %s", text, family == AF_INET ? 4 : 6, want ? "no" : "yes");
	if (want && !nsn_asked_joined(a, ft, tt))
		fail_msg("%s: not joined", text);
	nsn_boxes_clear(&b);
	nsn_asked_free(a);
}

/* S7: in either family alike. */
static void yes(const struct world *w, const char *text)
{
	expect_of(w, text, true, AF_INET);
	expect_of(w, text, true, AF_INET6);
}

static void no(const struct world *w, const char *text)
{
	expect_of(w, text, false, AF_INET);
	expect_of(w, text, false, AF_INET6);
}

/* Three tenants with three endpoints each, both families. */
static void start(struct world *w)
{
	begin(w);
	tenant(w, "aa", "one two three");
	tenant(w, "bb", "one two three");
	tenant(w, "cc", "one two three");
	number_world(w, 7);
}

static int never(size_t from, size_t to, void *arg, struct nsnet_err *err)
{
	(void)arg;
	(void)err;
	fail_msg("%zu and %zu are joined", from, to);
	return 0;
}

static void s1_what_nobody_allows_is_denied(void **state)
{
	struct nsn_asked *a;
	struct world w;

	(void)state;
	start(&w);
	rule(&w, "deny any aa -> bb");
	rule(&w, "allow any internet,host,10.2.0.0/16,fd00::/8 -> bb");
	rule(&w, "allow any aa -> internet,host,10.0.0.0/8,fd00::/8");
	no(&w, "aa/one -> bb/one tcp/80");
	no(&w, "bb/one -> aa/one other");
	a = ask(&w);
	assert_false(nsn_asked_joined(a, 0, 1));
	assert_true(nsn_asked_joined(a, 1, 1));
	assert_int_equal(nsn_asked_each(a, never, NULL, NULL), 0);
	nsn_asked_free(a);
	end(&w);
}

static void s2_a_rule_is_for_those_who_open(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	rule(&w, "allow tcp/80 aa/one -> bb");
	yes(&w, "aa/one -> bb/three tcp/80");
	no(&w, "aa/one -> bb/three tcp/81");
	no(&w, "aa/one -> bb/three udp/80");
	no(&w, "aa/two -> bb/three tcp/80");
	no(&w, "bb/three -> aa/one tcp/80");
	end(&w);
}

static void s3_order_never_matters(void **state)
{
	static const char *const rules[][2] = {
		{"allow any aa -> bb", "deny tcp/22 tenants -> any"},
		{"deny tcp/22 tenants -> any", "allow any aa -> bb"},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world w;

		start(&w);
		rule(&w, rules[i][0]);
		rule(&w, rules[i][1]);
		no(&w, "aa/one -> bb/one tcp/22");
		yes(&w, "aa/one -> bb/one tcp/21");
		yes(&w, "aa/one -> bb/one tcp/23");
		yes(&w, "aa/one -> bb/one other");
		keep(quarantine(&w, "bb/two"), "aa -> bb tcp/22");
		no(&w, "aa/one -> bb/one tcp/22");
		yes(&w, "aa/one -> bb/two tcp/22");
		no(&w, "aa/one -> bb/two tcp/21");
		end(&w);
	}
}

static void s5_a_list_is_or_and_a_slash_narrows(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	label(&w.tenants[1], "gold");
	rule(&w, "allow tcp/80,udp/53 aa/two,label:tier=gold -> cc,host");
	yes(&w, "bb/one -> cc/one udp/53");
	yes(&w, "aa/two -> cc/one tcp/80");
	no(&w, "aa/one -> cc/one tcp/80");
	no(&w, "aa/two -> bb/one tcp/80");
	no(&w, "bb/one -> cc/one sctp/80");
	end(&w);
}

static void s7_who_has_no_address_of_a_family_reaches_nobody_with_it(void **state)
{
	struct nsn_asked *a;
	struct nsn_boxes b;
	struct world w;

	(void)state;
	start(&w);
	w.tenants[1].subnet6 = (struct nsn_prefix){0};
	rule(&w, "allow any aa -> bb,cc");
	a = ask(&w);
	b = pair(a, 0, 1);
	assert_int_equal(b.n_allow, 1);
	assert_int_equal(b.allow[0].family, AF_INET);
	assert_ptr_equal(b.allow[0].policy, &w.policies[0]);
	nsn_boxes_clear(&b);
	b = pair(a, 0, 2);
	assert_int_equal(b.n_allow, 2);
	nsn_boxes_clear(&b);
	nsn_asked_free(a);
	end(&w);
}

static void s8_a_tenant_talks_to_itself_unless_inside_is_deny(void **state)
{
	struct nsn_asked *a;
	struct nsn_boxes b;
	struct world w;

	(void)state;
	start(&w);
	w.tenants[1].inside_deny = true;
	rule(&w, "deny any aa -> aa");
	rule(&w, "allow tcp/80 bb/one -> bb");
	rule(&w, "deny tcp/80 bb -> bb/three");
	yes(&w, "aa/one -> aa/two tcp/1"); /* a gateway cannot deny it */
	yes(&w, "bb/one -> bb/two tcp/80");
	no(&w, "bb/two -> bb/one tcp/80");
	no(&w, "bb/one -> bb/three tcp/80");
	no(&w, "bb/one -> bb/two tcp/81");
	a = ask(&w);
	b = pair(a, 0, 0);
	assert_true(b.all);
	nsn_boxes_clear(&b);
	b = pair(a, 1, 1);
	assert_false(b.all);
	nsn_boxes_clear(&b);
	nsn_asked_free(a);
	end(&w);
}

static void s11_s12_what_audits_or_has_expired_does_nothing(void **state)
{
	struct nsn_policy *p;
	struct world w;

	(void)state;
	start(&w);
	p = rule(&w, "allow any aa -> bb");
	p->expires = NOW + 1;
	yes(&w, "aa/one -> bb/one tcp/1");
	p->expires = NOW;
	no(&w, "aa/one -> bb/one tcp/1");
	p->expires = 0;
	p->audit = true;
	no(&w, "aa/one -> bb/one tcp/1");
	p->audit = false;
	p = rule(&w, "deny any aa -> bb");
	no(&w, "aa/one -> bb/one tcp/1");
	p->audit = true;
	yes(&w, "aa/one -> bb/one tcp/1");
	end(&w);
}

static void ports_are_as_they_are_written(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	rule(&w, "allow icmp/echo,tcp/10-12 aa -> bb");
	rule(&w, "allow icmp,sctp aa -> cc");
	rule(&w, "deny icmp/echo aa/two -> cc");
	yes(&w, "aa/one -> bb/one ping");
	yes(&w, "aa/one -> bb/one ping/9");
	no(&w, "aa/one -> bb/one icmp");
	no(&w, "aa/one -> bb/one other");
	no(&w, "aa/one -> bb/one tcp/9");
	yes(&w, "aa/one -> bb/one tcp/10");
	yes(&w, "aa/one -> bb/one tcp/12");
	no(&w, "aa/one -> bb/one tcp/13");
	yes(&w, "aa/one -> cc/one ping");
	yes(&w, "aa/one -> cc/one icmp");
	yes(&w, "aa/one -> cc/one sctp/65535");
	no(&w, "aa/one -> cc/one other");
	no(&w, "aa/two -> cc/one ping");
	yes(&w, "aa/two -> cc/one icmp");
	end(&w);
}

static void a_quarantine_closes_a_border(void **state)
{
	struct nsn_quarantine *q;
	struct world w;

	(void)state;
	start(&w);
	rule(&w, "allow any any -> any");
	rule(&w, "deny tcp/22 bb -> aa");
	q = quarantine(&w, "aa");
	keep(q, "bb -> aa/one tcp/20-29");
	no(&w, "cc/one -> aa/one tcp/22");
	no(&w, "aa/one -> cc/one tcp/22");
	yes(&w, "cc/one -> bb/one tcp/22");
	yes(&w, "aa/one -> aa/two tcp/22");
	yes(&w, "bb/one -> aa/one tcp/22");
	no(&w, "bb/one -> aa/two tcp/22");
	no(&w, "bb/one -> aa/one tcp/30");
	no(&w, "aa/one -> bb/one tcp/22");
	q = quarantine(&w, "bb");
	no(&w, "bb/one -> aa/one tcp/22");
	keep(q, "bb/two -> aa tcp/22");
	yes(&w, "bb/two -> aa/one tcp/22");
	no(&w, "bb/one -> aa/one tcp/22");
	no(&w, "bb/two -> aa/one tcp/23");
	no(&w, "bb/two -> aa/two tcp/22");
	end(&w);
}

static void a_quarantine_of_an_endpoint_is_for_its_neighbours_too(void **state)
{
	struct nsn_quarantine *q;
	struct world w;

	(void)state;
	start(&w);
	label(&w.tenants[1], "bad");
	label(&w.tenants[2], "bad");
	rule(&w, "allow any tenants -> tenants");
	q = quarantine(&w, "aa/two");
	keep(q, "tenants -> aa/two tcp/22");
	no(&w, "aa/two -> aa/three tcp/1");
	no(&w, "aa/one -> aa/two tcp/22"); /* the bridge keeps nothing */
	yes(&w, "aa/one -> aa/three tcp/1");
	yes(&w, "aa/one -> bb/one tcp/1");
	yes(&w, "bb/one -> aa/two tcp/22");
	no(&w, "bb/one -> aa/two tcp/23");
	w.tenants[0].inside_deny = true;
	yes(&w, "aa/one -> aa/two tcp/22");
	no(&w, "aa/two -> aa/one tcp/22");
	yes(&w, "aa/one -> aa/three tcp/1");
	quarantine(&w, "label:tier=bad");
	no(&w, "bb/one -> cc/one tcp/1");
	yes(&w, "bb/one -> bb/two tcp/1");
	no(&w, "bb/one -> aa/two tcp/22");
	end(&w);
}

/* What is kept joins two that no policy joins. */
static int note_pair(size_t from, size_t to, void *arg, struct nsnet_err *err)
{
	unsigned int *seen = arg;

	(void)err;
	assert_int_not_equal(from, to);
	assert_false(*seen >> (from * 8 + to) & 1); /* each once */
	*seen |= 1U << (from * 8 + to);
	return 0;
}

static void what_is_kept_joins(void **state)
{
	unsigned int seen = 0;
	struct nsn_asked *a;
	struct world w;

	(void)state;
	start(&w);
	label(&w.tenants[2], "x");
	keep(quarantine(&w, "aa"), "bb -> aa tcp/22");
	rule(&w, "allow tcp/1 aa,aa/one,tenants -> label:tier=x,cc");
	yes(&w, "bb/one -> aa/one tcp/22");
	a = ask(&w);
	assert_int_equal(nsn_asked_each(a, note_pair, &seen, NULL), 0);
	assert_int_equal(seen, 1U << 8 | 1U << 2 | 1U << 10);
	nsn_asked_free(a);
	end(&w);
}

/* ---- against the other one --------------------------------------------------------------- */

static size_t kinds(struct kind *ret)
{
	static const uint8_t with[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	size_t n = 0;

	for (size_t i = 0; i < 3; i++) {
		for (uint16_t port = 0; port <= 10; port++)
			ret[n++] = (struct kind){with[i], port, false};
		ret[n++] = (struct kind){with[i], 65535, false};
	}
	ret[n++] = (struct kind){IPPROTO_ICMP, 0, true};
	ret[n++] = (struct kind){IPPROTO_ICMP, 0, false};
	ret[n++] = (struct kind){IPPROTO_GRE, 0, false};
	return n;
}

/* Whether all of the flow may be opened (@can), or some of it. */
static bool intent_says(const struct world *w, size_t ft, size_t fe, size_t tt, size_t te,
			struct nsn_ports ports, bool can)
{
	struct nsn_flow f = {.ports = ports};
	struct nsn_answer a;

	f.from.kind = f.to.kind = NSN_PEER_ENDPOINT;
	memcpy(f.from.tenant, w->tenants[ft].name, sizeof(f.from.tenant));
	memcpy(f.to.tenant, w->tenants[tt].name, sizeof(f.to.tenant));
	memcpy(f.from.endpoint, w->tenants[ft].endpoints[fe].name, sizeof(f.from.endpoint));
	memcpy(f.to.endpoint, w->tenants[tt].endpoints[te].name, sizeof(f.to.endpoint));
	assert_int_equal(nsn_intent_ask(&a, &w->intent, &f, can, NULL), 0);
	return a.verdict == NSN_ALLOWED;
}

static struct nsn_ports as_ports(const struct kind *k)
{
	struct nsn_ports p = {NSN_PROTO_ECHO, 0, 0};

	if (k->proto == IPPROTO_TCP || k->proto == IPPROTO_UDP || k->proto == IPPROTO_SCTP)
		p = (struct nsn_ports){k->proto == IPPROTO_TCP	 ? NSN_PROTO_TCP
				       : k->proto == IPPROTO_UDP ? NSN_PROTO_UDP
								 : NSN_PROTO_SCTP,
				       k->port, k->port};
	return p;
}

struct seen {
	bool each[64], joined[64];
	size_t yes, no;
};

/* One endpoint and another, in one family, at all ports. */
static void compare(const struct world *w, const struct nsn_boxes *b, const size_t at[4],
		    uint8_t family, struct seen *seen)
{
	const struct nsn_ports icmp = {NSN_PROTO_ICMP, 0, 0}, any = {NSN_PROTO_ANY, 0, 0};
	bool all = true, some = false, all_icmp = true, some_icmp = false;
	struct kind list[64];
	const size_t n = kinds(list);

	for (size_t i = 0; i < n; i++) {
		const bool ping = list[i].proto == IPPROTO_ICMP;
		struct nsn_packet p;
		bool got;

		if (!packet(&p, &w->tenants[at[0]].endpoints[at[1]],
			    &w->tenants[at[2]].endpoints[at[3]], &list[i], family))
			return;
		got = may(b, &p, family);
		*(got ? &seen->yes : &seen->no) += 1;
		all &= got;
		some |= got;
		all_icmp &= !ping || got;
		some_icmp |= ping && got;
		/* Flows cannot name these alone. */
		if (list[i].proto == IPPROTO_GRE || (ping ? !list[i].echo : list[i].port == 0))
			continue;
		if (got != intent_says(w, at[0], at[1], at[2], at[3], as_ports(&list[i]), true))
			fail_msg("%s/%s -> %s/%s, protocol %d, port %d: not %s",
				 w->tenants[at[0]].name, w->tenants[at[0]].endpoints[at[1]].name,
				 w->tenants[at[2]].name, w->tenants[at[2]].endpoints[at[3]].name,
				 list[i].proto, list[i].port, got ? "yes" : "no");
	}
	assert_int_equal(all, intent_says(w, at[0], at[1], at[2], at[3], any, true));
	assert_int_equal(some, intent_says(w, at[0], at[1], at[2], at[3], any, false));
	assert_int_equal(all_icmp, intent_says(w, at[0], at[1], at[2], at[3], icmp, true));
	assert_int_equal(some_icmp, intent_says(w, at[0], at[1], at[2], at[3], icmp, false));
	if (some && at[0] != at[2])
		assert_true(seen->each[at[0] * 8 + at[2]]);
}

static int note_seen(size_t from, size_t to, void *arg, struct nsnet_err *err)
{
	struct seen *seen = arg;

	(void)err;
	assert_false(seen->each[from * 8 + to]);
	seen->each[from * 8 + to] = true;
	return 0;
}

static void compare_world(const struct world *w, struct seen *seen)
{
	struct nsn_asked *a = ask(w);

	memset(seen->each, 0, sizeof(seen->each));
	assert_int_equal(nsn_asked_each(a, note_seen, seen, NULL), 0);
	for (size_t ft = 0; ft < w->intent.n_tenants; ft++)
		for (size_t tt = 0; tt < w->intent.n_tenants; tt++) {
			struct nsn_boxes b = pair(a, ft, tt);

			assert_int_equal(nsn_asked_joined(a, ft, tt),
					 ft == tt || seen->each[ft * 8 + tt]);
			for (size_t fe = 0; fe < w->tenants[ft].n_endpoints; fe++)
				for (size_t te = 0; te < w->tenants[tt].n_endpoints; te++) {
					const size_t at[] = {ft, fe, tt, te};

					if (ft == tt && fe == te)
						continue; /* it reaches itself */
					compare(w, &b, at, AF_INET, seen);
					compare(w, &b, at, AF_INET6, seen);
				}
			nsn_boxes_clear(&b);
		}
	nsn_asked_free(a);
}

static long cases(long usual)
{
	if (getenv("NSNET_TEST_QUICK") || getenv("TEST_WRAPPER"))
		return usual / 20;
	return getenv("NSNET_TEST_FULL") ? usual * 20 : usual;
}

static void both_ways_of_asking_agree(void **state)
{
	struct seen seen = {0};

	(void)state;
	srandom(7);
	for (long i = cases(2000); i > 0; i--) {
		struct world w;

		random_world(&w);
		number_world(&w, (unsigned int)random() % 8);
		compare_world(&w, &seen);
		end(&w);
	}
	assert_true(seen.yes * 10 > seen.no && seen.no * 10 > seen.yes);
}

/* ---- as sets ------------------------------------------------------------------------------ */

/* The set has the same packets as the boxes it is made of. */
static void compare_sets(struct nsn_space *s, const struct world *w, const struct nsn_boxes *b,
			 size_t ft, size_t tt, uint8_t family)
{
	const nsn_set_t set = nsn_asked_set(s, b, family);
	struct kind list[64];
	const size_t n = kinds(list);

	for (size_t fe = 0; fe < w->tenants[ft].n_endpoints; fe++)
		for (size_t te = 0; te < w->tenants[tt].n_endpoints; te++)
			for (size_t i = 0; i < n; i++) {
				struct nsn_packet p;

				if (packet(&p, &w->tenants[ft].endpoints[fe],
					   &w->tenants[tt].endpoints[te], &list[i], family))
					assert_int_equal(nsn_has(s, set, &p), may(b, &p, family));
			}
	assert_true(nsn_free_of(s, set, NSN_F_IIF) && nsn_free_of(s, set, NSN_F_CTMARK));
}

static void sets_are_as_the_boxes(void **state)
{
	struct nsn_space s = {0};

	(void)state;
	assert_int_equal(nsn_space_open(&s, 1000000), 0);
	if (sigsetjmp(s.out, 0))
		fail_msg("out of %s", s.why);
	srandom(9);
	for (long i = cases(100); i > 0; i--) {
		const nsn_mark_t mark = nsn_space_mark(&s);
		struct nsn_asked *a;
		struct world w;

		random_world(&w);
		number_world(&w, (unsigned int)random() % 8);
		a = ask(&w);
		for (size_t at = 0; at < 9; at++) {
			struct nsn_boxes b = pair(a, at / 3, at % 3);

			compare_sets(&s, &w, &b, at / 3, at % 3, AF_INET);
			compare_sets(&s, &w, &b, at / 3, at % 3, AF_INET6);
			nsn_boxes_clear(&b);
		}
		nsn_asked_free(a);
		end(&w);
		nsn_space_release(&s, mark);
	}
	nsn_space_close(&s);
}

/* ---- a large one -------------------------------------------------------------------------- */

#define TENANTS	 1000
#define POLICIES 5000

struct work {
	const struct nsn_asked *a;
	size_t pairs, boxes;
};

static int take_pair(size_t from, size_t to, void *arg, struct nsnet_err *err)
{
	struct work *work = arg;
	struct nsn_boxes b;
	int r = nsn_asked_pair(work->a, from, to, &b, err);

	assert_int_equal(r, 0);
	assert_int_not_equal(b.n_allow, 0);
	work->pairs++;
	work->boxes += b.n_allow + b.n_deny;
	nsn_boxes_clear(&b);
	return 0;
}

static void a_large_site_costs_what_is_said_of_each_pair(void **state)
{
	struct nsn_tenant *tenants = calloc(TENANTS, sizeof(*tenants));
	struct nsn_policy *policies = calloc(POLICIES, sizeof(*policies));
	struct nsn_endpoint one = {.name = "one"};
	struct nsn_peer *peers = calloc(2 * (size_t)POLICIES, sizeof(*peers));
	struct nsn_ports ports = {NSN_PROTO_TCP, 443, 443};
	const struct nsn_intent in = {.tenants = tenants,
				      .n_tenants = TENANTS,
				      .policies = policies,
				      .n_policies = POLICIES};
	struct work work = {0};
	struct nsn_asked *a;

	(void)state;
	assert_true(tenants && policies && peers);
	for (size_t t = 0; t < TENANTS; t++) {
		const struct nsn_ip ip = {AF_INET, {10, (uint8_t)(t >> 8), (uint8_t)t}};

		(void)snprintf(tenants[t].name, NSN_NAME_MAX + 1, "t%zu", t);
		tenants[t].subnet = (struct nsn_prefix){ip, 24};
		tenants[t].endpoints = &one;
		tenants[t].n_endpoints = 1;
	}
	for (size_t i = 0; i < POLICIES; i++) {
		struct nsn_peer *p = &peers[2 * i];

		p[0].kind = p[1].kind = NSN_PEER_TENANT;
		(void)snprintf(p[0].tenant, sizeof(p[0].tenant), "t%zu", i % TENANTS);
		(void)snprintf(p[1].tenant, sizeof(p[1].tenant), "t%zu",
			       (i * 7 + i / TENANTS + 1) % TENANTS);
		policies[i] = (struct nsn_policy){.from = p,
						  .to = p + 1,
						  .ports = &ports,
						  .n_from = 1,
						  .n_to = 1,
						  .n_ports = 1};
	}
	peers[1].kind = NSN_PEER_TENANTS; /* one to all, and one denied to all */
	peers[2].kind = NSN_PEER_TENANTS;
	policies[2].deny = true;
	assert_int_equal(nsn_asked_new(&a, &in, NULL), 0);
	work.a = a;
	assert_int_equal(nsn_asked_each(a, take_pair, &work, NULL), 0);
	print_message("%zu pairs, %zu boxes\n", work.pairs, work.boxes);
	assert_in_range(work.pairs, 5000, 7000);
	nsn_asked_free(a);
	free(peers);
	free(policies);
	free(tenants);
}

/* ---- beyond all tenants ------------------------------------------------------------------ */

static struct nsn_ip address(const char *text)
{
	struct nsn_ip ip = {0};

	assert_int_equal(nsn_ip_parse(&ip, text), 0);
	return ip;
}

/* Two links, an uplink; a network of global addresses on the second, and one by a route alone. */
static struct nsn_beyond around(void)
{
	struct nsn_vlink links[] = {{.index = 2, .name = "eth0", .kind = ""},
				    {.index = 3, .name = "eth1", .kind = ""},
				    {.index = 4, .name = "nsn5", .kind = "veth"}};
	struct nsn_vaddr addrs[] = {{.link = 2, .net = {address("198.51.100.2"), 24}},
				    {.link = 3, .net = {address("9.9.8.1"), 24}},
				    {.link = 2, .net = {address("2001:db8::2"), 64}},
				    {.link = 4, .net = {address("100.127.0.2"), 32}}};
	struct nsn_vhop on_link = {.link = 3}, via = {.link = 2, .via = address("198.51.100.1")};
	struct nsn_vroute routes[] = {
		{.dst = {address("5.5.5.0"), 24}, .table = 254, .type = RTN_UNICAST},
		{.dst = {address("6.6.6.0"), 24}, .table = 254, .type = RTN_UNICAST},
		{.dst = {address("0.0.0.0"), 0}, .table = 254, .type = RTN_UNICAST}};
	struct nsn_vns host = {.links = links,
			       .n_links = NSN_COUNT(links),
			       .addrs = addrs,
			       .n_addrs = NSN_COUNT(addrs),
			       .routes = routes,
			       .n_routes = NSN_COUNT(routes)};
	struct nsn_beyond b;

	for (size_t i = 0; i < NSN_COUNT(routes); i++) {
		routes[i].hops = i == 0 ? &on_link : &via;
		routes[i].n_hops = 1;
	}
	assert_int_equal(nsn_beyond_make(&b, &host, NULL), 0);
	return b;
}

/* IANA's registries, written down once more; and what is on links. */
static void the_internet_is_what_is_global_and_on_no_link(void **state)
{
	static const char *const in[] = {"1.1.1.1",	   "6.6.6.6",	  "9.9.9.9",
					 "100.63.255.255", "100.128.0.0", "192.0.0.9",
					 "198.20.0.0",	   "2600::1",	  "64:ff9b::101:101"};
	static const char *const out[] = {
		"0.0.0.1",    "10.1.1.1",	 "100.64.0.1",	"127.0.0.1",   "169.254.169.254",
		"172.31.0.1", "192.0.0.8",	 "192.0.2.1",	"192.168.1.1", "198.18.0.1",
		"198.19.0.1", "198.51.100.1",	 "203.0.113.1", "224.0.0.1",   "240.0.0.1",
		"5.5.5.5",    "255.255.255.255", "9.9.8.7",	"::1",	       "fd00::1",
		"fe80::1",    "ff02::1",	 "2001:db8::1", "2002::1",     "2001:0:1::1"};
	struct nsn_beyond b = around();

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(in) + NSN_COUNT(out); i++) {
		const char *text = i < NSN_COUNT(in) ? in[i] : out[i - NSN_COUNT(in)];
		const struct nsn_ip ip = address(text);
		const size_t f = ip.family == AF_INET6;
		bool found = false;

		for (size_t k = 0; k < b.n_internet[f]; k++)
			found |= b.internet[f][k].first <= value(&ip) &&
				 value(&ip) <= b.internet[f][k].last;
		if (found != (i < NSN_COUNT(in)))
			fail_msg("%s", text);
	}
	assert_int_equal(b.n_host[0], 2);
	assert_int_equal(b.n_host[1], 1);
	nsn_beyond_clear(&b);
}

struct beyond_case {
	enum nsn_where where;
	bool out;
	const char *who, *there; /* an endpoint of aa; an address */
	uint8_t proto;
	uint16_t port;
	bool want;
};

#define OUTSIDE NSN_WHERE_OUTSIDE
#define HOST	NSN_WHERE_HOST

static const struct beyond_case beyond_cases[] = {
	{OUTSIDE, true, "one", "8.8.8.8", 6, 443, true},
	{OUTSIDE, true, "one", "8.8.8.8", 6, 80, false},
	{OUTSIDE, true, "one", "9.9.8.8", 6, 443, false},
	{OUTSIDE, true, "one", "1.2.3.4", 6, 443, false},
	{OUTSIDE, true, "two", "8.8.8.8", 6, 443, false},
	{OUTSIDE, true, "two", "10.9.9.9", 17, 53, true},
	{OUTSIDE, true, "two", "11.9.9.9", 17, 53, false},
	{HOST, true, "one", "198.51.100.2", 6, 22, true},
	{HOST, true, "two", "198.51.100.2", 6, 22, false},
	{HOST, true, "two", "10.9.9.9", 17, 53, false},
	{OUTSIDE, true, "one", "198.51.100.2", 6, 22, false},
	/* In: what is published. */
	{OUTSIDE, false, "two", "8.8.8.8", 6, 80, true},
	{OUTSIDE, false, "two", "8.8.8.8", 6, 81, false},
	{OUTSIDE, false, "two", "192.168.1.1", 6, 80, false},
	{OUTSIDE, false, "one", "8.8.8.8", 6, 80, false},
	{OUTSIDE, false, "one", "8.8.8.8", 6, 8, false},
	{HOST, false, "one", "127.0.0.1", 6, 8, true},
	{HOST, false, "two", "198.51.100.2", 6, 80, true},
	{HOST, false, "two", "198.51.100.2", 6, 81, false},
	/* In quarantine: what is kept. */
	{OUTSIDE, true, "three", "8.8.8.8", 6, 443, false},
	{OUTSIDE, true, "three", "7.7.7.7", 6, 443, true},
	{OUTSIDE, false, "three", "8.8.8.8", 6, 443, false},
};

static void what_is_said_of_the_outside(void **state)
{
	struct nsn_beyond beyond = around();
	struct nsn_policy *p;
	struct nsn_asked *a;
	struct world w;

	(void)state;
	start(&w);
	(void)rule(&w, "allow tcp/443 aa/one,aa/three -> internet");
	(void)rule(&w, "deny any aa -> 1.2.3.0/24");
	(void)rule(&w, "allow tcp/22 aa/one -> host");
	(void)rule(&w, "allow udp/53 aa -> 10.0.0.0/8");
	(void)rule(&w, "allow tcp/81 internet -> aa/two");
	p = rule(&w, "allow tcp/80 internet -> aa/two");
	p->publish.port = 8080;
	p = rule(&w, "allow tcp/8 internet -> aa/one");
	p->publish = (struct nsn_publish){8000, address("127.0.0.1")};
	p = rule(&w, "allow tcp/443 internet -> aa/three");
	p->publish.port = 443;
	keep(quarantine(&w, "aa/three"), "aa/three -> 7.7.7.7 tcp/443");
	a = ask(&w);
	for (size_t i = 0; i < NSN_COUNT(beyond_cases); i++) {
		const struct beyond_case *c = &beyond_cases[i];
		const struct nsn_endpoint *e = nsn_tenant_endpoint(&w.tenants[0], c->who);
		const struct nsn_endpoint there = {.ip = address(c->there)};
		const struct kind k = {c->proto, c->port, false};
		struct nsn_boxes b;
		struct nsn_packet pk;

		assert_int_equal(nsn_asked_beyond(a, &beyond, 0, c->where, c->out, &b, NULL), 0);
		assert_true(packet(&pk, c->out ? e : &there, c->out ? &there : e, &k, AF_INET));
		if (may(&b, &pk, AF_INET) != c->want)
			fail_msg("case %zu: %s %s", i, c->who, c->there);
		nsn_boxes_clear(&b);
	}
	nsn_asked_free(a);
	nsn_beyond_clear(&beyond);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(s1_what_nobody_allows_is_denied),
		cmocka_unit_test(s2_a_rule_is_for_those_who_open),
		cmocka_unit_test(s3_order_never_matters),
		cmocka_unit_test(s5_a_list_is_or_and_a_slash_narrows),
		cmocka_unit_test(s7_who_has_no_address_of_a_family_reaches_nobody_with_it),
		cmocka_unit_test(s8_a_tenant_talks_to_itself_unless_inside_is_deny),
		cmocka_unit_test(s11_s12_what_audits_or_has_expired_does_nothing),
		cmocka_unit_test(ports_are_as_they_are_written),
		cmocka_unit_test(a_quarantine_closes_a_border),
		cmocka_unit_test(a_quarantine_of_an_endpoint_is_for_its_neighbours_too),
		cmocka_unit_test(what_is_kept_joins),
		cmocka_unit_test(both_ways_of_asking_agree),
		cmocka_unit_test(sets_are_as_the_boxes),
		cmocka_unit_test(a_large_site_costs_what_is_said_of_each_pair),
		cmocka_unit_test(the_internet_is_what_is_global_and_on_no_link),
		cmocka_unit_test(what_is_said_of_the_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
