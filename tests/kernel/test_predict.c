/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/ctx.h"
#include "../../lib/predict_parts.h"
#include "../../lib/verify/read.h"
#include "../../lib/verify/snapfile.h"
#include "../lib/border.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * A predicted snapshot and the one that is read when the change has been made are the same,
 * but for what only the kernel chooses: numbers of links, of namespaces and of rules, the
 * first generation of a gateway.
 */

#define KNOWN_MAX 32

static struct nsnet_err err;
#define OK(call) lab_ok((call), &err, #call, __FILE__, __LINE__)

/* ---- reading -------------------------------------------------------------------------------- */

static void read_now(struct nsnet *n, struct nsn_snap *ret)
{
	struct nsn_wanted all = {0};
	struct nsn_known known[KNOWN_MAX];
	struct nsn_read how = {.home = &n->home, .known = known, .policy = ""};
	struct nsn_arena mem = {0};

	OK(nsn_wanted_load(n, true, &all, &err));
	for (size_t i = 0; i < all.tenants.n; i++) {
		const struct nsn_tenant *t = &all.tenants.tenants[i];
		char pin[NSN_PIN_SIZE], name[NSN_NETNS_NAME_SIZE];

		OK(nsn_compile_gateway_pin(&n->owner, t->id, pin, &err));
		known[how.n_known++] =
			(struct nsn_known){.path = nsn_arena_strdup(&mem, pin),
					   .name = nsn_arena_printf(&mem, "gateway of %s", t->name),
					   .tenant = t->id,
					   .gateway = true,
					   .must = true};
		for (size_t e = 0; e < t->n_endpoints; e++)
			known[how.n_known++] = (struct nsn_known){
				.path = nsn_arena_printf(
					&mem, "%s/%s", NSN_NETNS_DIR,
					nsn_endpoint_netns_name(t, &t->endpoints[e], name)),
				.name = nsn_arena_printf(&mem, "%s/%s", t->name,
							 t->endpoints[e].name),
				.tenant = t->id,
				.endpoint = t->endpoints[e].id,
				.must = true};
		assert_true(how.n_known + 4 < KNOWN_MAX);
	}
	OK(nsn_snap_read(ret, &how, &err));
	nsn_arena_free(&mem);
	nsn_wanted_clear(&all);
}

/* ---- what only the kernel chooses --------------------------------------------------------------
 */

/* A number that its name gives to every link. */
static uint32_t by_name(const struct nsn_vns *ns, uint32_t index)
{
	const struct nsn_vlink *l = nsn_vns_link(ns, index);
	uint32_t n = 7;

	for (const char *c = l ? l->name : ""; *c; c++)
		n = n * 31 + (uint32_t)*c;
	return l ? n % 1000000 + 1 : 0;
}

static void plain_rules(struct nsn_vchain *c, uint32_t generation)
{
	for (size_t i = 0; i < c->n_rules; i++) {
		c->rules[i].handle = 0;
		for (size_t k = 0; k < c->rules[i].n_exprs; k++) {
			struct nsn_vexpr *x = &c->rules[i].exprs[k];
			uint8_t *const places[] = {x->data, x->data2};

			for (size_t p = 0; generation && x->len == 4 && p < 2; p++) {
				uint32_t v;

				memcpy(&v, places[p], sizeof(v));
				if (v >> 18 == generation)
					memset(places[p], 0xee, sizeof(v));
			}
		}
	}
}

static void plain_tables(struct nsn_vns *ns)
{
	const uint32_t generation = nsn_guess_generation(ns);

	ns->nft_generation = 0;
	for (size_t i = 0; i < ns->n_tables; i++)
		for (size_t k = 0; k < ns->tables[i].n_chains; k++) {
			ns->tables[i].chains[k].handle = 0;
			plain_rules(&ns->tables[i].chains[k], generation);
		}
}

/* Groups that a link listens to: no frame is forwarded by these. */
static void plain_fdb(struct nsn_vns *ns)
{
	size_t n = 0;

	for (size_t i = 0; i < ns->n_fdb; i++)
		if (!ns->fdb[i].self)
			ns->fdb[n++] = ns->fdb[i];
	ns->n_fdb = n;
}

static void plain_links(const struct nsn_snap *s, struct nsn_vns *ns)
{
	for (size_t i = 0; i < ns->n_routes; i++)
		for (size_t k = 0; k < ns->routes[i].n_hops; k++) {
			struct nsn_vhop *h = (struct nsn_vhop *)(uintptr_t)&ns->routes[i].hops[k];

			h->link = by_name(ns, h->link);
		}
	for (size_t i = 0; i < ns->n_addrs; i++)
		ns->addrs[i].link = by_name(ns, ns->addrs[i].link);
	for (size_t i = 0; i < ns->n_neighs; i++)
		ns->neighs[i].link = by_name(ns, ns->neighs[i].link);
	for (size_t i = 0; i < ns->n_fdb; i++) {
		ns->fdb[i].link = by_name(ns, ns->fdb[i].link);
		ns->fdb[i].master = by_name(ns, ns->fdb[i].master);
	}
	for (size_t i = 0; i < ns->n_links; i++) {
		struct nsn_vlink *l = &ns->links[i];

		l->master = by_name(ns, l->master);
		if (l->peer_ns != NSN_NOWHERE)
			l->peer_index = by_name(&s->ns[l->peer_ns], l->peer_index);
		l->peer_nsid = -1;
	}
}

/* In two rounds, because links are looked for by their numbers. */
static void plain(struct nsn_snap *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_ns; i++) {
		plain_fdb(&s->ns[i]);
		plain_tables(&s->ns[i]);
		plain_links(s, &s->ns[i]);
	}
	for (size_t i = 0; i < s->n_ns; i++) {
		struct nsn_vns *ns = &s->ns[i];

		for (size_t k = 0; k < ns->n_links; k++) {
			const struct nsn_vlink *l = &ns->links[k];
			uint32_t v = 7;

			for (const char *c = l->name; *c; c++)
				v = v * 31 + (uint32_t)*c;
			ns->links[k].index = v % 1000000 + 1;
			/* Nobody proves anything from these. */
			if (ns->kind == NSN_VNS_WORKLOAD)
				ns->links[k].conf = (struct nsn_vconf){0};
		}
		ns->inode = i + 1;
		ns->n_procs = ns->n_held = ns->n_cts = 0;
		n += ns->kind == NSN_VNS_FOREIGN;
	}
	s->at = 0;
	s->tries = s->took_us = 0;
	s->n_unsure = 0;
	/* Tests of others run beside this one. */
	assert_true(n <= s->n_ns);
}

/* One gateway, or workload, alone, as text. */
static char *text_of(const struct nsn_snap *s, const struct nsn_vns *ns)
{
	struct nsn_snap one = *s;
	struct nsn_vns copy = *ns;
	size_t len;
	char *text;

	for (size_t i = 0; i < copy.n_links; i++)
		copy.links[i].peer_ns = copy.links[i].peer_ns == NSN_NOWHERE ? NSN_NOWHERE : 0;
	copy.inode = 1;
	one.ns = &copy;
	one.n_ns = 1;
	OK(nsn_snap_seal(&one, &err));
	one.hash[0] = '\0';
	OK(nsn_snap_text(&one, &text, &len, &err));
	return text;
}

static char *lines(const char *text)
{
	char *ret = malloc(2 * strlen(text) + 1), *to = ret;

	assert_non_null(ret);
	for (; *text; text++) {
		if (*text == '{')
			*to++ = '\n';
		*to++ = *text;
	}
	*to = '\0';
	return ret;
}

static const struct nsn_vns *find(const struct nsn_snap *s, const struct nsn_vns *like)
{
	for (size_t i = 0; i < s->n_ns; i++)
		if (s->ns[i].kind == like->kind && s->ns[i].tenant == like->tenant &&
		    s->ns[i].endpoint == like->endpoint)
			return &s->ns[i];
	return NULL;
}

/* Where two texts part: a few lines of each. */
static void show(const char *name, const char *what, const char *have, const char *want)
{
	char *a = lines(have), *b = lines(want);
	FILE *f = fopen("/run/a", "w"), *g = fopen("/run/b", "w");
	char *diff;

	assert_true(f && g);
	(void)fputs(a, f);
	(void)fputs(b, g);
	(void)fclose(f);
	(void)fclose(g);
	diff = lab_sh("diff -U0 /run/a /run/b | head -60; true");
	print_error("%s, after %s: predicted -, read +\n%s\n", name, what, diff);
	free(diff);
	free(a);
	free(b);
}

/* It is left when the real one is: a run may revoke twice, and leave two. */
static void same_generations(const struct nsn_snap *now, const struct nsn_snap *guess,
			     const struct nsn_snap *after)
{
	for (size_t i = 0; i < now->n_ns; i++) {
		const struct nsn_vns *ns = &now->ns[i];
		const uint32_t had = nsn_guess_generation(ns);

		if (ns->kind != NSN_VNS_GATEWAY || !find(after, ns) || !had ||
		    !nsn_guess_generation(find(after, ns)))
			continue;
		assert_int_equal(nsn_guess_generation(find(guess, ns)) == had,
				 nsn_guess_generation(find(after, ns)) == had);
	}
}

static size_t compare(const struct nsn_snap *guess, const struct nsn_snap *after, const char *what)
{
	size_t bad = 0, n = 0;

	for (size_t i = 0; i < after->n_ns; i++) {
		const struct nsn_vns *ns = &after->ns[i], *g;
		char *a, *b;

		if (ns->kind == NSN_VNS_FOREIGN)
			continue;
		n += ns->kind != NSN_VNS_HOST;
		g = find(guess, ns);
		if (!g) {
			print_error("%s is not predicted, after %s\n", ns->name, what);
			bad++;
			continue;
		}
		a = text_of(guess, g);
		b = text_of(after, ns);
		if (strcmp(a, b) != 0) {
			show(ns->name, what, a, b);
			bad++;
		}
		free(a);
		free(b);
	}
	for (size_t i = 0; i < guess->n_ns; i++)
		n -= guess->ns[i].kind == NSN_VNS_GATEWAY || guess->ns[i].kind == NSN_VNS_WORKLOAD;
	assert_int_equal(n, 0);
	return bad;
}

/* ---- changes
 * -------------------------------------------------------------------------------------- */

static const char *const changes[] = {
	"tenant add aa 10.1.0.0/24",
	"tenant add bb 10.2.0.0/24 --subnet6 fd00:2::/64",
	"endpoint add aa/two",
	"allow aa bb tcp/80 --because x",
	"tenant add cc 10.3.0.0/24 --subnet6 fd00:3::/64",
	"allow cc/default bb icmp/echo,udp/1-99 --because x",
	"deny bb aa/two any",
	"allow bb cc any --because x --log new",
	"tenant set aa subnet6=fd00:1::/64",
	"tenant set aa mtu=1400 rate=10mbit",
	"tenant set bb inside=deny",
	"endpoint add bb/two",
	"allow bb/default bb/two tcp/22",
	"tenant quarantine aa/two --because x",
	"tenant quarantine cc --because x --keep \"bb -> cc tcp/22\"",
	/* Two clients with the same addresses: each is translated. */
	"tenant add dd 10.3.0.0/24",
	"allow dd bb tcp/443 --because x",
	"tenant set cc subnet6=fd00:33::/48",
	"tenant set cc subnet6=none",
	"tenant set cc mtu=1000",
	"revoke aa-to-bb-tcp-80",
	"tenant release cc",
	"revoke deny-bb-to-aa-two-any",
	"endpoint del aa/two --yes",
	"tenant set bb subnet6=none inside=allow",
	"tenant set bb subnet=10.22.0.0/16",
	"tenant del cc --yes --with-rules",
	"tenant del aa --yes --with-rules",
};

static size_t change(struct nsnet *n, const char *what)
{
	NSN_AUTO(nsn_snap_clear) struct nsn_snap now = {0};
	NSN_AUTO(nsn_snap_clear) struct nsn_snap after = {0};
	NSN_AUTO(nsn_wanted_clear) struct nsn_wanted all = {0};
	NSN_AUTO(nsn_prediction_clear) struct nsn_prediction p = {0};
	struct nsn_snap guess = {0};
	size_t bad;

	read_now(n, &now);
	free(lab_sh("%s %s", nsnet_bin(), what));
	OK(nsn_wanted_load(n, true, &all, &err));
	OK(nsn_prediction_make(&p, &now, &all, &n->owner, &err));
	assert_true(p.host_known);
	OK(nsn_predict(&guess, &now, p.list, p.n, &p.host, "", &err));
	OK(nsn_snap_seal(&guess, &err));
	read_now(n, &after);
	same_generations(&now, &guess, &after);
	plain(&guess);
	plain(&after);
	bad = compare(&guess, &after, what);
	nsn_snap_clear(&guess);
	return bad;
}

static void changes_are_foreseen(void **state)
{
	struct nsnet *n;
	size_t bad = 0;

	(void)state;
	world_need();
	n = lab_open();
	for (size_t i = 0; i < NSN_COUNT(changes); i++)
		bad += change(n, changes[i]);
	NSNET_STATUS(0, "-q", "tenant", "del", "-y", "--with-rules", "--all");
	nsnet_close(n);
	assert_int_equal(bad, 0);
}

/*
 * What is somebody else's in a gateway stays, and what somebody else made of ours is put
 * right.
 */
static void what_is_not_ours_stays(void **state)
{
	struct nsnet *n;
	const char *gw;

	(void)state;
	world_need();
	n = lab_open();
	for (size_t i = 0; i < 4; i++)
		free(lab_sh("%s -q %s", nsnet_bin(), changes[i]));
	gw = lab_gateway(n, "bb");
	free(lab_sh("nsenter --net=%s sh -ec '"
		    "nft add table ip other; nft add chain ip other c;"
		    "ip link add odd0 type veth peer odd1; ip addr add 10.99.0.1/24 dev odd0;"
		    "ip link set odd0 up; ip route add 10.98.0.0/24 dev odd0;"
		    "ip rule add pref 50 to 10.98.0.0/24 lookup main'",
		    gw));
	assert_int_equal(change(n, "allow bb aa tcp/81 --because x"), 0);
	assert_int_equal(change(n, "tenant set bb inside=deny"), 0);
	free(lab_sh(
		"nsenter --net=%s sh -ec '"
		"nft add rule inet nsnet forward counter; ip rule del pref 300;"
		"ip neigh flush dev br0 nud permanent; ip link set br0 address 02:00:00:00:99:99;"
		"ip addr add 10.77.0.1/24 dev br0; ip link set lo up;"
		"bridge link set dev nsn2 isolated off learning on'",
		gw));
	assert_int_equal(change(n, "repair"), 0);
	NSNET_STATUS(0, "-q", "tenant", "del", "-y", "--with-rules", "--all");
	nsnet_close(n);
}

/* ---- files
 * ------------------------------------------------------------------------------------------ */

static const char *const files[] = {
	"nsnet: 1\ntenants:\n  aa:\n    subnet: 10.1.0.0/24\n    labels: { tier: gold }\n"
	"    endpoints: { one: auto, two: auto }\n"
	"  bb:\n    subnet: 10.2.0.0/24\n    subnet6: fd00:2::/64\n    inside: deny\n"
	"rules:\n  - { name: r1, allow: tcp/80, from: aa/one, to: bb, because: x }\n"
	"  - { name: r2, deny: any, from: tenants, to: aa/two }\n",

	"nsnet: 1\ntenants:\n  aa:\n    subnet: 10.1.0.0/24\n    subnet6: fd00:1::/64\n"
	"    endpoints: { one: auto }\n"
	"  cc:\n    subnet: 10.3.0.0/24\n    subnet6: fd00:3::/64\n    endpoints: { app: auto }\n"
	"rules:\n  - { name: r3, allow: [icmp, udp/1-99], from: cc, to: aa, because: x }\n"
	"quarantine:\n  - { who: cc/app, because: x, keep: [aa -> cc/app tcp/22] }\n",
};

static size_t apply_one(struct nsnet *n, const char *text)
{
	const char *const paths[] = {"/run/files.yaml"};
	NSN_AUTO(nsn_foreseen_clear) struct nsn_foreseen f = {0};
	NSN_AUTO(nsn_snap_clear) struct nsn_snap now = {0};
	NSN_AUTO(nsn_snap_clear) struct nsn_snap after = {0};
	const struct nsnet_policy_text from = {
		.file = paths[0], .text = text, .len = strlen(text), .set = paths[0]};
	struct nsnet_policies *p = NULL;
	FILE *out = fopen(paths[0], "w");
	size_t bad;

	assert_non_null(out);
	(void)fputs(text, out);
	(void)fclose(out);
	read_now(n, &now);
	OK(nsnet_policies_parse(&p, &from, 1, NULL, time(NULL), &err));
	assert_int_equal(nsnet_policies_errors(p), 0);
	OK(nsn_store_lock(n->store, &err));
	OK(nsn_foresee(&f, n, nsn_policies_set(p), true, &now, &err));
	nsn_store_unlock(n->store);
	free(lab_sh("%s -q apply --yes --prune --prune-tenants 1 -f %s || %s -q apply --yes "
		    "--prune -f %s",
		    nsnet_bin(), paths[0], nsnet_bin(), paths[0]));
	OK(nsn_snap_seal(&f.snap, &err));
	read_now(n, &after);
	same_generations(&now, &f.snap, &after);
	plain(&f.snap);
	plain(&after);
	bad = compare(&f.snap, &after, text);
	nsnet_policies_free(p);
	return bad;
}

static void files_are_foreseen(void **state)
{
	struct nsnet *n;
	size_t bad = 0;

	(void)state;
	world_need();
	n = lab_open();
	for (size_t i = 0; i < NSN_COUNT(files); i++)
		bad += apply_one(n, files[i]);
	bad += apply_one(n, files[0]);
	NSNET_STATUS(0, "-q", "tenant", "del", "-y", "--with-rules", "--all");
	nsnet_close(n);
	assert_int_equal(bad, 0);
}

/* With a host that leads out: its links, addresses, routes and settings, and the table. */
#define TWO                                                                                        \
	"nsnet: 1\ntenants:\n  aa:\n    subnet: 10.1.0.0/24\n    subnet6: fd00:1::/64\n"           \
	"    endpoints: { default: auto }\n"                                                       \
	"  bb:\n    subnet: 10.2.0.0/24\n    endpoints: { default: auto }\n"
static const char *const beyond[] = {
	TWO,
	TWO "rules:\n  - { name: r1, allow: tcp/443, from: aa, to: internet, because: x }\n",
	TWO "rules:\n  - { name: r1, allow: tcp/443, from: aa, to: internet, because: x }\n"
	    "  - { name: r2, allow: [tcp/22, icmp/echo], from: bb, to: host, because: x }\n"
	    "  - { name: r3, allow: tcp/25, from: bb, to: 192.168.50.0/24, because: x }\n",
	TWO "rules:\n  - { name: r2, allow: [tcp/22, icmp/echo], from: bb, to: host, because: x }\n"
	    "  - { name: r4, allow: tcp/443, from: internet, to: aa/default, publish: "
	    "\"192.0.2.10:8443\", because: x }\n"
	    "  - { name: r5, allow: tcp/80, from: internet, to: bb/default, publish: \"80\", "
	    "because: x }\n"
	    "  - { name: r6, allow: tcp/90, from: host, to: aa/default, publish: "
	    "\"127.0.0.1:9000\", because: x }\n"
	    "  - { name: r7, allow: tcp/1, from: aa, to: bb, because: x }\n",
	TWO "rules:\n  - { name: r7, allow: tcp/1, from: aa, to: bb, because: x }\n"
	    "  - { name: r3, allow: tcp/25, from: bb, to: 192.168.50.0/24, because: x }\n",
	TWO,
};

static void what_leads_out_is_foreseen(void **state)
{
	static const char *const forwarding[] = {"make none", "make all"};
	struct nsnet *n;
	size_t bad = 0;

	(void)state;
	world_need();
	for (size_t k = 0; k < NSN_COUNT(forwarding); k++) {
		border_sh(forwarding[k]);
		n = lab_open();
		for (size_t i = 0; i < NSN_COUNT(beyond); i++)
			bad += apply_one(n, beyond[i]);
		NSNET_STATUS(0, "-q", "tenant", "del", "-y", "--with-rules", "--all");
		nsnet_close(n);
		border_sh("drop");
	}
	assert_int_equal(bad, 0);
}

/* ---- away from the machine
 * -------------------------------------------------------------------------- */

/* How much there is of everything, for the numbers in it are others. */
static char *extent(const struct nsn_vns *ns)
{
	struct nsn_arena mem = {0};
	char *text = nsn_arena_printf(&mem,
				      "%s: %zu links %zu addresses %zu routes %zu rules %zu "
				      "neighbours",
				      ns->name, ns->n_links, ns->n_addrs, ns->n_routes, ns->n_fibs,
				      ns->n_neighs),
	     *ret;

	for (size_t i = 0; i < ns->n_tables; i++) {
		const struct nsn_vtable *t = &ns->tables[i];

		for (size_t k = 0; k < t->n_chains; k++)
			text = nsn_arena_printf(&mem, "%s\n%s %zu", text, t->chains[k].name,
						t->chains[k].n_rules);
		for (size_t k = 0; k < t->n_sets; k++)
			text = nsn_arena_printf(&mem, "%s\n%s %zu", text, t->sets[k].name,
						t->sets[k].n_elems);
	}
	ret = strdup(text);
	assert_non_null(ret);
	nsn_arena_free(&mem);
	return ret;
}

static void same_extent(const struct nsn_snap *have, const struct nsn_snap *want)
{
	size_t n = 0;

	for (size_t i = 0; i < want->n_ns; i++)
		for (size_t k = 0; want->ns[i].kind == NSN_VNS_GATEWAY && k < have->n_ns; k++) {
			char *a, *b;

			if (strcmp(have->ns[k].name, want->ns[i].name) != 0)
				continue;
			a = extent(&have->ns[k]);
			b = extent(&want->ns[i]);
			assert_string_equal(a, b);
			free(a);
			free(b);
			n++;
		}
	assert_int_equal(n, 2);
}

static void files_are_foreseen_elsewhere(void **state)
{
	const struct nsnet_policy_text from = {
		.file = "/run/x", .text = files[1], .len = strlen(files[1]), .set = "/run/x"};
	struct nsnet_policies *p = NULL;
	struct nsn_wanted all = {0};
	struct nsn_snap now = {0}, after = {0};
	struct nsn_apart a = {0};
	char dir[sizeof(a.dir)];
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	assert_int_equal(apply_one(n, files[0]), 0);
	read_now(n, &now);
	OK(nsn_wanted_load(n, true, &all, &err));
	OK(nsnet_policies_parse(&p, &from, 1, NULL, time(NULL), &err));
	OK(nsn_apart_open(&a, &now, &all.intent, nsn_policies_set(p), true, &err));
	OK(nsn_snap_seal(&a.was, &err));
	OK(nsn_snap_seal(&a.will.snap, &err));
	same_extent(&a.was, &now);
	assert_int_equal(apply_one(n, files[1]), 0);
	read_now(n, &after);
	same_extent(&a.will.snap, &after);
	(void)snprintf(dir, sizeof(dir), "%s", a.dir);
	assert_int_equal(access(dir, F_OK), 0);
	nsn_apart_close(&a);
	assert_int_equal(access(dir, F_OK), -1);
	nsnet_policies_free(p);
	nsn_snap_clear(&now);
	nsn_snap_clear(&after);
	nsn_wanted_clear(&all);
	NSNET_STATUS(0, "-q", "tenant", "del", "-y", "--with-rules", "--all");
	nsnet_close(n);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(changes_are_foreseen, world_setup),
		cmocka_unit_test_setup(files_are_foreseen, world_setup),
		cmocka_unit_test_setup(files_are_foreseen_elsewhere, world_setup),
		cmocka_unit_test_setup(what_is_not_ours_stays, world_setup),
		cmocka_unit_test_setup(what_leads_out_is_foreseen, world_setup),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
