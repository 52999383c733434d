// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random rulesets in the real kernel, and packets sent through them: what arrives must be in
 * what the prover says can arrive, and where it says for sure that a packet arrives, it does.
 *
 *	fuzz [--seed N] [--sets N] [--packets N] [--least N] [--stop] [--verbose]
 *	     [--cases DIR] [--save DIR]
 *
 * A mismatch is shown with the seed that makes it again; exit status 1. 3: the bench itself does
 *not work.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/kernel/conntrack.h"
#include "../../lib/kernel/netns.h"
#include "../../lib/verify/read.h"
#include "../../lib/verify/walk.h"
#include "../lib/packet.h"
#include "../lib/world.h"
#include "case.h"
#include "place.h"

#define RULESETS_PER_PLACE 4
#define RECENT		   4096

struct totals {
	unsigned long rulesets, refused, packets, verdicts, arrive, stop, unknown, unsound,
		imprecise, loose, liar, answers, given_up;
	unsigned long used[NSN_X_KINDS];
};

struct fuzz {
	struct rnd rnd;
	uint64_t seed; /* of the site that is tried */
	int ruleset;
	unsigned int packets;
	bool verbose;
	const char *save; /* where mismatches are written to, as cases */
	struct place place;
	char *rules[2];
	struct nsn_home home;
	struct nsn_netns *gateway[2];
	struct nsn_snap snap;
	struct nsn_space space;
	struct nsn_walk *walk;
	struct nsn_arrivals can[PLACE_WORKLOADS][3]; /* IPv4, IPv6, other frames */
	size_t workload_ns[PLACE_WORKLOADS], gateway_ns[2];
	struct sent recent[RECENT];
	uint32_t nonce;
	struct totals t;
};

static const char *const kinds[NSN_X_KINDS] = {
	"immediate",   "cmp",	 "range",    "bitwise",	 "shift",     "byteorder",    "payload",
	"payload set", "exthdr", "meta",     "meta set", "ct",	      "ct set",	      "lookup",
	"dynset",      "fib",	 "rt",	     "numgen",	 "hash",      "socket",	      "osf",
	"xfrm",	       "tunnel", "limit",    "quota",	 "connlimit", "last",	      "counter",
	"log",	       "objref", "nat",	     "masq",	 "redir",     "reject",	      "notrack",
	"queue",       "tproxy", "synproxy", "dup",	 "fwd",	      "flow offload", "other"};

/* What the rulesets are made of: each must have been met often enough. */
static const enum nsn_xkind wanted[] = {
	NSN_X_IMMEDIATE, NSN_X_CMP,	 NSN_X_RANGE, NSN_X_BITWISE, NSN_X_PAYLOAD,
	NSN_X_META,	 NSN_X_META_SET, NSN_X_CT,    NSN_X_CT_SET,  NSN_X_LOOKUP,
	NSN_X_FIB,	 NSN_X_LIMIT,	 NSN_X_QUOTA, NSN_X_NUMGEN,  NSN_X_COUNTER,
	NSN_X_LOG,	 NSN_X_NAT,	 NSN_X_MASQ,  NSN_X_REJECT,  NSN_X_NOTRACK};

static void fail(const struct nsnet_err *err, const char *what)
{
	fprintf(stderr, "fuzz: %s: %s\n", what, err->msg);
	exit(3);
}

/* ---- a ruleset in the kernel, and read again --------------------------------------------- */

static char *make_rules(struct fuzz *f, int gateway)
{
	const struct scene scene = {.shape = f->place.shape, .gateway = gateway};
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	fputs("flush ruleset\n", to);
	gen_rules(&f->rnd, &scene, to);
	(void)fclose(to);
	return text;
}

static void load(struct fuzz *f)
{
	for (int g = 0; g < f->place.gateways; g++)
		for (int tries = 0;; tries++) {
			free(f->rules[g]);
			f->rules[g] = make_rules(f, g);
			if (place_load(&f->place, g, f->rules[g]) == 0)
				break;
			f->t.refused++;
			if (tries == 50)
				fail(&(struct nsnet_err){.msg = "nft refuses everything"}, "rules");
		}
}

static void read_site(struct fuzz *f)
{
	struct nsn_known known[2 + PLACE_WORKLOADS];
	char paths[2 + PLACE_WORKLOADS][32], names[2 + PLACE_WORKLOADS][16];
	struct nsn_read how = {.home = &f->home, .known = known, .policy = ""};
	struct nsnet_err err = {0};

	for (int i = 0; i < f->place.gateways + PLACE_WORKLOADS; i++) {
		const bool gw = i < f->place.gateways;
		const int nr = gw ? i : i - f->place.gateways;

		(void)snprintf(names[i], sizeof(names[i]), "%c%d", gw ? 'g' : 'w', nr);
		(void)snprintf(paths[i], sizeof(paths[i]), "/run/netns/%s", names[i]);
		known[i] = (struct nsn_known){.path = paths[i],
					      .name = names[i],
					      .tenant = gw ? 1U + (unsigned)nr : 10U + (unsigned)nr,
					      .endpoint = gw ? 0 : 1,
					      .gateway = gw,
					      .must = true};
		how.n_known++;
	}
	if (nsn_snap_read(&f->snap, &how, &err) < 0)
		fail(&err, "reading");
	for (size_t i = 0; i < f->snap.n_ns; i++) {
		const struct nsn_vns *ns = &f->snap.ns[i];

		if (ns->kind == NSN_VNS_GATEWAY)
			f->gateway_ns[ns->tenant - 1] = i;
		else if (ns->kind == NSN_VNS_WORKLOAD)
			f->workload_ns[ns->tenant - 10] = i;
	}
}

static void count_exprs(struct fuzz *f, const struct nsn_vrule *r)
{
	for (size_t i = 0; i < r->n_exprs; i++)
		f->t.used[r->exprs[i].kind]++;
}

static void count_rules(struct fuzz *f)
{
	for (int g = 0; g < f->place.gateways; g++) {
		const struct nsn_vns *ns = &f->snap.ns[f->gateway_ns[g]];

		for (size_t t = 0; t < ns->n_tables; t++)
			for (size_t c = 0; c < ns->tables[t].n_chains; c++)
				for (size_t k = 0; k < ns->tables[t].chains[c].n_rules; k++)
					count_exprs(f, &ns->tables[t].chains[c].rules[k]);
	}
}

static uint32_t link_of(const struct fuzz *f, int w)
{
	const struct nsn_vns *ns = &f->snap.ns[f->gateway_ns[place_gateway_of(&f->place, w)]];

	return nsn_vns_link_named(ns, place_link_of(&f->place, w))->index;
}

static bool prove(struct fuzz *f)
{
	struct timespec now;

	if (nsn_space_open(&f->space, 5000000) < 0)
		fail(&(struct nsnet_err){.msg = "no memory"}, "space");
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	f->space.deadline_ns = ((uint64_t)now.tv_sec + 20) * 1000000000U;
	if (sigsetjmp(f->space.out, 0) != 0) {
		f->t.given_up++;
		return false;
	}
	if (nsn_walk_new(&f->walk, &f->snap, &f->space) < 0)
		fail(&(struct nsnet_err){.msg = "no memory"}, "walk");
	for (int w = 0; w < PLACE_WORKLOADS; w++)
		for (int k = 0; k < 3; k++) {
			static const uint8_t families[] = {AF_INET, AF_INET6, 0};
			const uint32_t link = link_of(f, w);

			nsn_walk_from(f->walk, f->gateway_ns[place_gateway_of(&f->place, w)], &link,
				      1, families[k], &f->can[w][k]);
		}
	f->space.deadline_ns = 0;
	return true;
}

/* ---- what the prover says of a packet ------------------------------------------------------- */

static nsn_u128 number(const uint8_t *bytes, size_t n)
{
	nsn_u128 v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | bytes[i];
	return v;
}

static unsigned int etype(const struct sent *p)
{
	return p->arp ? 0x0806 : p->ipv6 ? 0x86dd : 0x0800;
}

static void as_packet(const struct fuzz *f, const struct sent *p, struct nsn_packet *ret)
{
	const size_t len = p->ipv6 ? 16 : 4;

	*ret = (struct nsn_packet){0};
	ret->v[NSN_F_IIF] = link_of(f, p->from);
	ret->v[NSN_F_TAG] = p->tag;
	ret->v[NSN_F_ETYPE] = etype(p);
	ret->v[NSN_F_L2SRC] = number(p->l2src, 6);
	ret->v[NSN_F_L2DST] = number(p->l2dst, 6);
	ret->v[NSN_F_SRC] = number(p->src, len);
	ret->v[NSN_F_DST] = number(p->dst, len);
	ret->v[NSN_F_PROTO] = ret->v[NSN_F_NEXT] = p->proto;
	if (p->ipv6 && p->fragment)
		ret->v[NSN_F_NEXT] = 44;
	if (p->arp)
		ret->v[NSN_F_ARPS] = number(p->l2src, 6);
	ret->v[NSN_F_FRAG] = p->fragment;
	ret->v[NSN_F_SPORT] = p->sport;
	ret->v[NSN_F_DPORT] = p->dport;
	ret->v[NSN_F_FLAGS] = p->flags;
	ret->v[NSN_F_TTL] = p->ttl;
	ret->v[NSN_F_CTSTATE] = NSN_CT_NEW;
}

/* All packets that look like this one on the wire. */
static nsn_set_t alike(struct fuzz *f, const struct sent *p)
{
	struct nsn_space *s = &f->space;
	const size_t len = p->ipv6 ? 16 : 4;
	nsn_set_t a = nsn_is(s, NSN_F_ETYPE, etype(p));

	a = nsn_and(s, a, nsn_is(s, NSN_F_TAG, p->tag));
	a = nsn_and(s, a, nsn_is(s, NSN_F_SRC, number(p->src, len)));
	a = nsn_and(s, a, nsn_is(s, NSN_F_DST, number(p->dst, len)));
	a = nsn_and(s, a, nsn_is(s, NSN_F_L2DST, number(p->l2dst, 6)));
	a = nsn_and(s, a, nsn_is(s, NSN_F_FRAG, p->fragment));
	if (p->arp)
		return nsn_and(s, a, nsn_is(s, NSN_F_SPORT, p->sport));
	a = nsn_and(s, a, nsn_is(s, NSN_F_PROTO, p->proto));
	a = nsn_and(s, a, nsn_is(s, NSN_F_TTL, p->ttl));
	if (p->fragment)
		return a;
	a = nsn_and(s, a, nsn_is(s, NSN_F_SPORT, p->sport));
	if (p->proto == 6)
		a = nsn_and(s, a, nsn_is(s, NSN_F_FLAGS, p->flags));
	if (p->proto != 1 && p->proto != 58)
		a = nsn_and(s, a, nsn_is(s, NSN_F_DPORT, p->dport));
	return a;
}

/* 1: it can arrive there; 0: it cannot; -1: not known, something was not modelled. */
static int can_arrive(struct fuzz *f, int from, int at, const struct sent *as)
{
	const struct nsn_arrivals *can = &f->can[from][as->arp ? 2 : as->ipv6];
	int ret = 0;

	for (size_t i = 0; i < can->n && ret != 1; i++) {
		const struct nsn_arrival *a = &can->list[i];

		if (a->kind == NSN_ARRIVES_BLIND && ret == 0)
			ret = -1;
		if (a->kind == NSN_ARRIVES && a->to == f->workload_ns[at] &&
		    !nsn_empty(nsn_and(&f->space, a->set, alike(f, as))))
			ret = 1;
	}
	return ret;
}

/* ---- comparing --------------------------------------------------------------------------- */

static void show_way(struct fuzz *f, const struct sent *p)
{
	struct nsn_packet one;
	struct nsn_passage way = {0};

	as_packet(f, p, &one);
	nsn_walk_one(f->walk, f->gateway_ns[place_gateway_of(&f->place, p->from)],
		     link_of(f, p->from), &one, &way);
	for (size_t i = 0; i < way.n; i++) {
		printf("    %s: %s %s\n", f->snap.ns[way.list[i].ns].name,
		       way.list[i].hook ? way.list[i].hook : "", way.list[i].text);
		for (size_t k = 0; k < way.list[i].n_hits; k++)
			printf("      %s handle %llu verdict %d\n", way.list[i].hits[k].chain->name,
			       way.list[i].hits[k].rule
				       ? (unsigned long long)way.list[i].hits[k].rule->handle
				       : 0ULL,
			       (int)way.list[i].hits[k].verdict);
	}
	printf("    arrived %d unsure %d\n", way.arrived, way.unsure);
	nsn_passage_clear(&way);
}

static void mismatch(struct fuzz *f, const char *kind, const struct sent *p, const struct sent *as,
		     int at)
{
	printf("MISMATCH %s: seed %llu ruleset %d, at w%d: ", kind, (unsigned long long)f->seed,
	       f->ruleset, at);
	place_print(&f->place, stdout);
	packet_print(p, stdout);
	if (as)
		packet_print(as, stdout);
	show_way(f, p);
	if (f->save)
		case_write(f->save, &f->place, p, f->rules);
	for (int g = 0; g < f->place.gateways && f->verbose; g++)
		printf("--- g%d\n%s", g, f->rules[g]);
	(void)fflush(stdout);
}

/* Reads all that has arrived; true when @nonce was seen at @at. Notes at how many it was. */
static bool collect(struct fuzz *f, uint32_t nonce, int at, struct sent *as, unsigned int *places)
{
	struct seen seen;
	bool found = false;

	while (packet_seen(&f->place, &seen)) {
		const struct sent *p = &f->recent[seen.nonce % RECENT];
		const nsn_mark_t mark = nsn_space_mark(&f->space);

		/* The gateway's own answer to a ping has our words in it. */
		if (p->nonce != seen.nonce || (!p->fragment && (p->proto == 1 || p->proto == 58) &&
					       p->sport != seen.as.sport))
			continue;
		if (can_arrive(f, p->from, seen.at, &seen.as) == 0) {
			f->t.unsound++;
			mismatch(f, "UNSOUND", p, &seen.as, seen.at);
		}
		nsn_space_release(&f->space, mark);
		if (seen.nonce != nonce)
			continue;
		*places |= 1U << seen.at;
		if (at < 0 || seen.at == at) {
			found = true;
			*as = seen.as;
			as->from = seen.at;
		}
	}
	return found;
}

static void forget_connections(struct fuzz *f)
{
	for (int g = 0; g < f->place.gateways; g++)
		(void)nsn_conntrack_flush(nsn_netns_nft(f->gateway[g]), 0, 0, NULL);
}

static void emit(struct fuzz *f, struct sent *p)
{
	p->nonce = ++f->nonce;
	f->recent[p->nonce % RECENT] = *p;
	packet_send(&f->place, p);
}

static void nap(void)
{
	const struct timespec t = {.tv_nsec = 2000000};

	(void)nanosleep(&t, NULL);
}

/* Sends it as the first of its connection until it was seen there, at most three times. */
static bool arrives(struct fuzz *f, struct sent *p, int at, struct sent *as, unsigned int *places)
{
	for (int tries = 0; tries < 3; tries++) {
		forget_connections(f);
		emit(f, p);
		for (int wait = 0; wait < (tries + 1) * 10; wait++) {
			if (collect(f, p->nonce, at, as, places))
				return true;
			if (at < 0)
				return false;
			nap();
		}
	}
	return false;
}

/* Answers to it, and the packet once more: now of a connection that is known. */
static void converse(struct fuzz *f, const struct sent *p, const struct sent *as)
{
	struct sent back, again = *p, ignored;
	unsigned int places = 0;

	packet_answer(&back, as, as->from, &f->place);
	emit(f, &back);
	(void)collect(f, back.nonce, -1, &ignored, &places);
	emit(f, &again);
	(void)collect(f, again.nonce, -1, &ignored, &places);
	f->t.answers += 2;
}

/* It may arrive at many, of which the way tells one: only what comes is judged. */
static bool flooded(const struct sent *p)
{
	return (p->l2dst[0] & 1) || p->l2dst[5] == 9;
}

static void judge(struct fuzz *f, const struct sent *p, const struct nsn_passage *way,
		  unsigned int places)
{
	for (int w = 0; w < PLACE_WORKLOADS; w++) {
		const bool there = places >> w & 1;
		const bool says = way->arrived && way->to == f->workload_ns[w];

		f->t.verdicts++;
		if (way->unsure || flooded(p)) {
			f->t.unknown++;
		} else if (there && !says) {
			f->t.liar++;
			mismatch(f, "STOPPED, says the way", p, NULL, w);
		} else if (says && !there) {
			f->t.imprecise++;
			mismatch(f, "IMPRECISE", p, NULL, w);
		} else if (there) {
			f->t.arrive++;
		} else {
			f->t.stop++;
		}
	}
}

/* @wanted_packet, or any. */
static void try_packet(struct fuzz *f, const struct sent *wanted_packet)
{
	const nsn_mark_t mark = nsn_space_mark(&f->space);
	struct nsn_passage way = {0};
	struct nsn_packet one;
	struct sent p, as;
	unsigned int places = 0;
	int expect = -1;

	if (wanted_packet)
		p = *wanted_packet;
	else
		packet_random(&f->rnd, &f->place, &p);
	as_packet(f, &p, &one);
	nsn_walk_one(f->walk, f->gateway_ns[place_gateway_of(&f->place, p.from)],
		     link_of(f, p.from), &one, &way);
	for (int w = 0; w < PLACE_WORKLOADS; w++)
		if (way.arrived && !way.unsure && !flooded(&p) && way.to == f->workload_ns[w])
			expect = w;
	nsn_space_release(&f->space, mark);
	f->t.packets++;
	if (arrives(f, &p, expect, &as, &places) && chance(&f->rnd, 50))
		converse(f, &p, &as);
	judge(f, &p, &way, places);
	nsn_passage_clear(&way);
}

/* ---- all of it ---------------------------------------------------------------------------- */

static void open_gateways(struct fuzz *f)
{
	struct nsnet_err err = {0};

	for (int g = 0; g < f->place.gateways; g++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "/run/netns/g%d", g);
		if (nsn_netns_open(&f->gateway[g], &f->home, open(path, O_RDONLY | O_CLOEXEC), true,
				   &err) < 0)
			fail(&err, path);
	}
}

/* What is loaded, with these packets and as many others. */
static void try_ruleset(struct fuzz *f, const struct sent *packets, int n)
{
	forget_connections(f);
	read_site(f);
	count_rules(f);
	f->t.rulesets++;
	if (prove(f)) {
		for (int i = 0; i < n; i++)
			try_packet(f, &packets[i]);
		for (unsigned int i = 0; i < f->packets; i++)
			try_packet(f, NULL);
	}
	nsn_walk_free(f->walk);
	f->walk = NULL;
	nsn_space_close(&f->space);
	nsn_snap_clear(&f->snap);
	memset(f->recent, 0, sizeof(f->recent));
}

static void leave_site(struct fuzz *f)
{
	for (int g = 0; g < f->place.gateways; g++) {
		nsn_netns_close(f->gateway[g]);
		free(f->rules[g]);
		f->rules[g] = NULL;
	}
	place_drop(&f->place);
}

static void try_site(struct fuzz *f, int rulesets)
{
	f->rnd.state = f->seed;
	place_random(&f->place, &f->rnd);
	place_make(&f->place);
	open_gateways(f);
	for (f->ruleset = 0; f->ruleset < rulesets; f->ruleset++) {
		load(f);
		try_ruleset(f, NULL, 0);
	}
	leave_site(f);
}

static void try_case(struct fuzz *f, const char *path)
{
	const unsigned long before = f->t.unsound + f->t.imprecise + f->t.liar;
	struct kase k;

	case_read(&k, path);
	f->rnd.state = f->seed = 0;
	f->place = k.place;
	place_make(&f->place);
	open_gateways(f);
	for (int g = 0; g < f->place.gateways; g++) {
		f->rules[g] = k.rules[g];
		must(f->rules[g] && place_load(&f->place, g, f->rules[g]) == 0, path);
	}
	try_ruleset(f, k.packets, k.n);
	leave_site(f);
	if (f->t.unsound + f->t.imprecise + f->t.liar > before)
		printf("^ case %s\n", path);
}

static void try_cases(struct fuzz *f, const char *dir)
{
	char pattern[512];
	glob_t found = {0};

	(void)snprintf(pattern, sizeof(pattern), "%s/*.nft", dir);
	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			try_case(f, found.gl_pathv[i]);
	printf("cases %zu\n", found.gl_pathc);
	globfree(&found);
}

static int sum_up(const struct fuzz *f, unsigned long least)
{
	const struct totals *t = &f->t;
	int bad = t->unsound + t->imprecise + t->liar > 0;

	printf("rulesets %lu (nft refused %lu), packets %lu, verdicts %lu: arrives %lu, stopped "
	       "%lu, "
	       "unknown %lu; answers %lu; given up %lu\n",
	       t->rulesets, t->refused, t->packets, t->verdicts, t->arrive, t->stop, t->unknown,
	       t->answers, t->given_up);
	printf("unsound %lu, imprecise %lu, way wrong %lu\n", t->unsound, t->imprecise, t->liar);
	printf("expressions:");
	for (int k = 0; k < NSN_X_KINDS; k++)
		if (t->used[k])
			printf(" %s %lu", kinds[k], t->used[k]);
	printf("\n");
	for (size_t i = 0; i < NSN_COUNT(wanted); i++)
		if (t->used[wanted[i]] < least) {
			printf("too few of '%s': %lu of %lu\n", kinds[wanted[i]],
			       t->used[wanted[i]], least);
			bad = 1;
		}
	/* Rules that let nothing through, or all, compare nothing. */
	if (t->verdicts && (t->arrive * 20 < t->packets || t->stop * 20 < t->packets)) {
		printf("too few packets arrive, or are stopped\n");
		bad = 1;
	}
	return bad;
}

struct asked {
	unsigned long sets, least;
	uint64_t seed;
	const char *cases;
	bool stop; /* at the first site with a mismatch */
};

static bool arguments(struct fuzz *f, struct asked *a, char **argv)
{
	for (; *argv; argv++) {
		const char *v = argv[1];

		if (strcmp(*argv, "--verbose") == 0) {
			f->verbose = true;
			continue;
		}
		if (strcmp(*argv, "--stop") == 0) {
			a->stop = true;
			continue;
		}
		if (v && strcmp(*argv, "--seed") == 0) {
			a->seed = strtoull(v, NULL, 10);
		} else if (v && strcmp(*argv, "--sets") == 0) {
			a->sets = strtoul(v, NULL, 10);
		} else if (v && strcmp(*argv, "--packets") == 0) {
			f->packets = (unsigned int)strtoul(v, NULL, 10);
		} else if (v && strcmp(*argv, "--least") == 0) {
			a->least = strtoul(v, NULL, 10);
		} else if (v && strcmp(*argv, "--cases") == 0) {
			a->cases = v;
		} else if (v && strcmp(*argv, "--save") == 0) {
			f->save = v;
		} else {
			fprintf(stderr, "fuzz: what is '%s'?\n", *argv);
			return false;
		}
		argv++;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct fuzz *f = calloc(1, sizeof(*f));
	struct asked a = {.sets = 40, .seed = 1};
	struct nsnet_err err = {0};
	int bad;

	(void)argc;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	f->packets = 80;
	if (!arguments(f, &a, argv + 1))
		return 2;
	if (world_enter() < 0) {
		fprintf(stderr, "fuzz: needs root\n");
		return 3;
	}
	stay_on_one_processor();
	if (nsn_home_open(&f->home, &err) < 0)
		fail(&err, "home");
	if (a.cases)
		try_cases(f, a.cases);
	for (unsigned long done = 0; done < a.sets; done += RULESETS_PER_PLACE) {
		f->seed = a.seed + done / RULESETS_PER_PLACE;
		try_site(f, a.sets - done < RULESETS_PER_PLACE ? (int)(a.sets - done)
							       : RULESETS_PER_PLACE);
		if (a.stop && f->t.unsound + f->t.imprecise + f->t.liar)
			break;
	}
	bad = sum_up(f, a.least);
	nsn_home_close(&f->home);
	free(f);
	return bad;
}
