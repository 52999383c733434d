/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What verify, matrix, explain, who-can and graph print, of proofs that were made by hand. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../lib/base/cleanup.h"
#include "../../tools/cmd.h"
#include "../../tools/view_proof.h"
#include "../lib/world.h"

#define HASH "3f2a91c0b1d2e3f4a5b6c7d8e9f00112233445566778899aabbccddeeff00112"

/* ---- two streams that are kept --------------------------------------------------- */

struct page {
	struct out out;
	char *to;
	size_t size;
};

static void page_clear(struct page *p)
{
	if (p->out.to)
		(void)fclose(p->out.to);
	free(p->to);
}

static const char *page_text(struct page *p)
{
	assert_int_equal(fflush(p->out.to), 0);
	return p->to;
}

#define PAGE(name, ...)                                                                            \
	NSN_AUTO(page_clear) struct page name = {.out = {__VA_ARGS__}};                            \
	name.out.to = open_memstream(&name.to, &name.size);                                        \
	assert_non_null(name.out.to)

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in\n%s", part, text);
}

static void lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in\n%s", part, text);
}

static void run_done(struct run *r)
{
	run_free(r);
}

/* As tests/cli/test_schema.c does it; without the package only that it is JSON. */
static void valid(const char *kind, const char *document)
{
	NSN_AUTO(run_done) struct run r = {0};
	NSN_AUTO(nsn_freep) char *script = NULL, *schemas = NULL;
	const char *src = getenv("NSNET_SRC");
	json_t *doc = json_loads(document, JSON_REJECT_DUPLICATES, NULL);

	if (!doc)
		fail_msg("no JSON: %s", document);
	assert_string_equal(json_string_value(json_object_get(doc, "kind")), kind);
	json_decref(doc);
	if (!src || asprintf(&script, "%s/tests/cli/validate.py", src) < 0 ||
	    asprintf(&schemas, "%s/tools/schema", src) < 0)
		return;
	run_input(&r, 120000, document,
		  (const char *const[]){"/usr/bin/python3", "-W", "ignore", script, schemas, kind,
					NULL});
	if (r.status != 0 && r.status != 77)
		fail_msg("%s%sin\n%s", r.out, r.err, document);
}

/* ---- a proof --------------------------------------------------------------------- */

static const struct nsnet_proof_pair pairs[] = {
	{"a1", "b2", NSNET_PROVED, true, "tcp/5432 udp/53", ""},
	{"b2", "a1", NSNET_PROVED, true, "", ""},
	{"a1", "c3", NSNET_VIOLATION, true, "", "UNEXPECTED_ALLOW"},
	{"b2", "c3", NSNET_INCONCLUSIVE, true, "tcp/1", "UNMODELLED"},
};
static const char *const evidence[] = {"tcp 10.1.1.2 -> 10.1.3.2", "by rule \033[31m'x'"};
static const struct nsnet_proof_finding findings[] = {
	{"SETTING", NSNET_NOTED, 4, "", "", "gateway of a1", "a setting", "", NULL, 0, 0},
	{"UNMODELLED", NSNET_INCONCLUSIVE, 1, "b2", "c3", "gateway of c3", "queue", "", NULL, 0, 0},
	{"UNEXPECTED_ALLOW", NSNET_VIOLATION, 1, "a1", "c3", "", "it gets through",
	 "nsnet explain a1 c3 tcp/22", evidence, 2, 0},
	{"STRONG_ADVERSARY", NSNET_VIOLATION, 8, "c3", "", "c3", "a process", "kill 7", NULL, 0, 7},
};
static const struct nsnet_theorem theorems[] = {
	{1, "nothing outside policy", NSNET_VIOLATION, 4, "pairs"},
	{3, "no spoofed source", NSNET_PROVED, 3, "ports"},
};
static const char *const not_covered[] = {"timing channels"};

static struct nsnet_proof bad_proof(void)
{
	return (struct nsnet_proof){
		.verdict = NSNET_VIOLATION,
		.hash = HASH,
		.release = "6.12",
		.boot = "b",
		.at = 1700000000,
		.n_tenants = 3,
		.n_endpoints = 3,
		.n_namespaces = 7,
		.n_foreign = 1,
		.n_links = 9,
		.n_rules = 200,
		.n_pairs = 6,
		.n_apart = 2,
		.n_joined = 4,
		.n_violations = 2,
		.n_inconclusive = 1,
		.pairs = pairs,
		.n_listed = 4,
		.theorems = theorems,
		.n_theorems = 2,
		.findings = findings,
		.n_findings = 4,
		.not_covered = not_covered,
		.n_not_covered = 1,
		.read_us = 18000,
		.prove_us = 4200,
	};
}

static struct nsnet_proof good_proof(void)
{
	struct nsnet_proof p = bad_proof();

	p.verdict = NSNET_PROVED;
	p.n_violations = p.n_inconclusive = 0;
	p.n_listed = 2;
	p.n_apart = 4;
	p.n_joined = 2;
	p.n_theorems = 0;
	p.n_findings = 1; /* the note */
	return p;
}

static void a_violation_comes_first_and_has_its_evidence(void **state)
{
	const struct nsnet_proof p = bad_proof();
	const char *text, *violation, *unknown, *note;

	(void)state;
	PAGE(page, .color = OUT_COLOR_NEVER);
	view_proof_text(&page.out, &p, false);
	text = page_text(&page);
	has(text, "verify  3 tenants, 3 endpoints, 7 namespaces (1 of others), 9 links, 200 rules\n"
		  "state   3f2a91c0b1d2 of 2023-11-14T22:13:20Z, read in 18 ms, looked through in "
		  "4.2 ms\n"
		  "pairs   6: 2 apart (no path exists), 4 joined\n");
	has(text, "\n ✕ UNEXPECTED_ALLOW  a1 -> c3\n     it gets through\n"
		  "       tcp 10.1.1.2 -> 10.1.3.2\n       by rule \\x1b[31m'x'\n"
		  "     hint: nsnet explain a1 c3 tcp/22\n");
	has(text, "\n ✕ STRONG_ADVERSARY  c3  (c3)\n     a process\n     hint: kill 7\n");
	violation = strstr(text, "STRONG_ADVERSARY");
	unknown = strstr(text, "\n ? UNMODELLED  b2 -> c3  (gateway of c3)\n");
	note = strstr(text, "\n · SETTING  (gateway of a1)\n");
	assert_true(violation && unknown && note && violation < unknown && unknown < note);
	has(text, "\n T1 VIOLATION  nothing outside policy (4 pairs)\n");
	lacks(text, "T3");
	lacks(text, "timing");
	has(text, "\nVIOLATION  2 violations, 1 inconclusive, by the state 3f2a91c0b1d2\n");
}

static void with_v_all_is_told(void **state)
{
	const struct nsnet_proof p = bad_proof();
	const char *text;

	(void)state;
	PAGE(page, .color = OUT_COLOR_NEVER, .verbose = true);
	view_proof_text(&page.out, &p, false);
	text = page_text(&page);
	has(text, " T3 PROVED  no spoofed source (3 ports)\n");
	has(text, " PROVED   a1 -> b2: nothing but tcp/5432 udp/53\n");
	has(text, " PROVED   b2 -> a1: joined, and nothing can be opened\n");
	has(text, " VIOLATION   a1 -> c3: UNEXPECTED_ALLOW\n");
	has(text, "not covered, never counted as passed:\n     timing channels\n");
}

static void what_is_proved_says_by_what(void **state)
{
	const struct nsnet_proof_pair apart = {"a1", "c3", NSNET_PROVED, false, "", ""};
	struct nsnet_proof p = good_proof();

	(void)state;
	{
		PAGE(page, .color = OUT_COLOR_NEVER, .quiet = true);
		view_proof_text(&page.out, &p, false);
		assert_string_equal(page_text(&page),
				    "PROVED  no packet outside policy can be delivered, by the "
				    "state 3f2a91c0b1d2 (no path: 4 pairs; within policy: 2 "
				    "pairs)\n");
	}
	p.pairs = &apart;
	p.n_listed = 1;
	{
		PAGE(page, .color = OUT_COLOR_NEVER);
		view_proof_text(&page.out, &p, true);
		has(page_text(&page), " PROVED   a1 -> c3: by absence, no path exists\n");
		has(page_text(&page), "can be delivered between those named, by the state");
	}
}

/* Whatever is no verdict of ours is not proved, and never green. */
static void only_proved_is_proved(void **state)
{
	static const enum nsnet_proved verdicts[] = {NSNET_INCONCLUSIVE, NSNET_VIOLATION,
						     NSNET_NOTED, (enum nsnet_proved)77};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(verdicts); i++) {
		struct nsnet_proof p = good_proof();
		PAGE(page, .color = OUT_COLOR_ALWAYS, .quiet = true);

		p.verdict = verdicts[i];
		view_proof_text(&page.out, &p, false);
		lacks(page_text(&page), "PROVED");
		lacks(page_text(&page), "\033[1;32m");
	}
}

static void a_proof_is_a_document(void **state)
{
	const struct nsnet_proof bad = bad_proof(), good = good_proof();

	(void)state;
	PAGE(page, .format = OUT_JSON);
	assert_int_equal(view_proof_document(&page.out, &bad, NULL), 0);
	valid("Proof", page_text(&page));
	has(page_text(&page), "\"verdict\": \"violation\"");
	{
		PAGE(other, .format = OUT_JSON);
		assert_int_equal(view_proof_document(&other.out, &good, NULL), 0);
		valid("Proof", page_text(&other));
	}
}

/* ---- matrix ---------------------------------------------------------------------- */

static const char *const three[] = {"a1", "b2", "c3"};

static void a_matrix_has_a_cell_for_each_pair(void **state)
{
	const struct nsnet_proof p = bad_proof();
	const struct view_matrix m = {&p, three, 3};

	(void)state;
	{
		PAGE(page, .color = OUT_COLOR_NEVER);
		assert_int_equal(view_matrix(&page.out, &m, NULL), 0);
		has(page_text(&page), "FROM \\ TO  a1  b2                 c3\n"
				      "a1         –   ● tcp/5432 udp/53  ✕\n"
				      "b2         ○   –                  ?\n"
				      "c3         ○   ○                  –\n");
		has(page_text(&page), "VIOLATION by the state 3f2a91c0b1d2; `nsnet verify`");
	}
	{
		PAGE(page, .format = OUT_WIDE);
		assert_int_equal(view_matrix(&page.out, &m, NULL), 0);
		has(page_text(&page), "✕ UNEXPECTED_ALLOW\n");
	}
	{
		PAGE(page, .format = OUT_MARKDOWN);
		assert_int_equal(view_matrix(&page.out, &m, NULL), 0);
		has(page_text(&page), "| FROM \\\\ TO | a1 | b2 | c3 |\n|---|---|---|---|\n"
				      "| **a1** | – | ● tcp/5432 udp/53 | ✕ UNEXPECTED_ALLOW |\n");
	}
	{
		PAGE(page, .format = OUT_CSV);
		assert_int_equal(view_matrix(&page.out, &m, NULL), 0);
		assert_string_equal(page_text(&page), "FROM,TO,CELL,ALLOWS,REASON\n"
						      "a1,b2,allowed,tcp/5432 udp/53,\n"
						      "a1,c3,violation,,UNEXPECTED_ALLOW\n"
						      "b2,a1,nothing,,\n"
						      "b2,c3,inconclusive,tcp/1,UNMODELLED\n"
						      "c3,a1,nothing,,\n"
						      "c3,b2,nothing,,\n");
	}
	{
		PAGE(page, .format = OUT_JSON);
		assert_int_equal(view_matrix(&page.out, &m, NULL), 0);
		valid("Matrix", page_text(&page));
	}
}

/* A proof that ended early lists nobody: that is not "proved". */
static void what_was_not_looked_at_is_no_proof(void **state)
{
	static const struct nsnet_proof_finding everywhere = {
		"UNREADABLE", NSNET_INCONCLUSIVE, 0, "", "", "", "x", "", NULL, 0, 0};
	struct nsnet_proof p = bad_proof();
	const struct view_matrix m = {&p, three, 3};

	(void)state;
	p.n_listed = 0;
	p.n_apart = 0;
	{
		PAGE(page, .color = OUT_COLOR_NEVER);
		assert_int_equal(view_matrix(&page.out, &m, NULL), 0);
		has(page_text(&page), "a1         –   ?   ?\n");
	}
	p.n_apart = 6;
	p.n_findings = 0;
	{
		PAGE(page, .color = OUT_COLOR_NEVER);
		assert_int_equal(view_matrix(&page.out, &m, NULL), 0);
		has(page_text(&page), "a1         –   ○   ○\n");
	}
	p.findings = &everywhere;
	p.n_findings = 1;
	{
		PAGE(page, .color = OUT_COLOR_NEVER);
		assert_int_equal(view_matrix(&page.out, &m, NULL), 0);
		has(page_text(&page), "a1         –   ?   ?\n");
	}
}

static void of_many_tenants_only_those_that_matter(void **state)
{
	static const char *const many[] = {"a1",  "b2",	 "c3",	"t04", "t05", "t06",
					   "t07", "t08", "t09", "t10", "t11", "t12",
					   "t13", "t14", "t15", "t16", "t17"};
	struct nsnet_proof p = bad_proof();
	const struct view_matrix m = {&p, many, NSN_COUNT(many)};

	(void)state;
	p.n_apart = 17 * 16 - 4;
	{
		PAGE(page, .color = OUT_COLOR_NEVER);
		assert_int_equal(view_matrix(&page.out, &m, NULL), 0);
		has(page_text(&page), "14 tenants more: all their pairs are ○\n");
		lacks(page_text(&page), "t04");
	}
	{
		PAGE(page, .format = OUT_JSON);
		assert_int_equal(view_matrix(&page.out, &m, NULL), 0);
		valid("Matrix", page_text(&page));
		has(page_text(&page), "\"nothing\": 269,");
		has(page_text(&page), "\"t17\"");
	}
}

/* ---- explain, who-can ------------------------------------------------------------ */

static void a_way_is_told_hop_by_hop(void **state)
{
	static const char *const rules[] = {"inet nsnet admit handle 41 'x': drop"};
	static const struct nsnet_hop hops[] = {
		{"in", "gateway of a1", "by nsn3", NULL, 0},
		{"rules", "gateway of a1", "inet forward", rules, 1},
		{"stop", "b", "dropped", NULL, 0},
	};
	struct nsnet_explained e = {
		.from = "a1/app",
		.to = "b2/db",
		.from_ip = "10.1.1.2",
		.to_ip = "10.1.2.2",
		.ports = "tcp/22",
		.certainty = NSNET_PROVED,
		.policy = "",
		.policy_at = "",
		.reason = "NO_ALLOW_RULE",
		.says = "no policy allows it",
		.hint = "nsnet allow a1/app b2/db tcp/22 --because \"...\"",
		.hash = HASH,
		.hops = hops,
		.n_hops = 3,
	};

	(void)state;
	{
		PAGE(page, .color = OUT_COLOR_NEVER);
		view_explained_text(&page.out, &e);
		assert_string_equal(
			page_text(&page),
			"a1/app 10.1.1.2 -> b2/db 10.1.2.2 tcp/22  BLOCKED  [NO_ALLOW_RULE]\n\n"
			"  1 in      gateway of a1  by nsn3\n"
			"  2 rules   gateway of a1  inet forward\n"
			"                           inet nsnet admit handle 41 'x': drop\n"
			"  3 stop    b              dropped\n\n"
			" why          no policy allows it\n"
			" to change it nsnet allow a1/app b2/db tcp/22 --because \"...\"\n"
			" state        3f2a91c0b1d2\n");
	}
	{
		PAGE(page, .format = OUT_JSON);
		assert_int_equal(view_explained_document(&page.out, &e, NULL), 0);
		valid("Explained", page_text(&page));
	}
	e.certainty = NSNET_INCONCLUSIVE;
	e.allowed = true;
	{
		PAGE(page, .color = OUT_COLOR_NEVER);
		view_explained_text(&page.out, &e);
		has(page_text(&page), "tcp/22  UNKNOWN  [");
		lacks(page_text(&page), "ALLOWED");
	}
}

static void a_packet_is_told_rule_by_rule(void **state)
{
	static const struct nsnet_trace_line lines[] = {
		{"gateway of a1", 1, "rule", "inet nsnet", "admit", 50, "", "goto nsnet_open", "",
		 "", "nsn3", ""},
		{"gateway of a1", 1, "return", "inet nsnet", "nsnet_open", 0, "", "continue", "",
		 "", "", ""},
		{"gateway of b2", 1, "rule", "inet nsnet", "forward", 5, "counted", "accept",
		 "ledger", "30.yaml:3", "nsn5", "br0"},
		{"gateway of b2", 2, "policy", "ip x\x1b", "f", 0, "", "accept", "", "", "", ""},
	};
	const struct nsnet_explained e = {
		.from = "a1/app",
		.to = "b2/db",
		.from_ip = "10.1.1.2",
		.to_ip = "10.1.2.2",
		.ports = "tcp/22",
		.certainty = NSNET_PROVED,
		.policy = "",
		.policy_at = "",
		.reason = "NO_ALLOW_RULE",
		.says = "no policy allows it",
		.hint = "",
		.hash = HASH,
	};
	struct nsnet_traced t = {
		.explained = &e,
		.end = "delivered",
		.why = "",
		.seen_at = "b2/db",
		.packet = "SYN 10.1.1.2:40000 > 10.1.2.2:22",
		.agrees = "contradicts",
		.untraced = "",
		.sent_us = 1700000000123456,
		.lines = lines,
		.n_lines = NSN_COUNT(lines),
		.last = 2,
	};

	(void)state;
	{
		PAGE(page, .color = OUT_COLOR_NEVER);
		view_traced_text(&page.out, &t);
		assert_string_equal(
			page_text(&page),
			"a1/app 10.1.1.2 -> b2/db 10.1.2.2 tcp/22  DELIVERED\n\n"
			"gateway of a1\n"
			"  inet nsnet admit      50  goto nsnet_open\n"
			"gateway of b2\n"
			"  inet nsnet forward     5  accept           counted, by ledger "
			"(30.yaml:3)\n"
			"gateway of b2, packet 2\n"
			"  ip x\\x1b f                -  accept           the chain's policy\n\n"
			" why          no policy allows it\n"
			" probe        SYN 10.1.1.2:40000 > 10.1.2.2:22 sent "
			"2023-11-14T22:13:20.123Z: delivered to b2/db\n"
			" last rule    inet nsnet forward handle 5, in gateway of b2: accept, by "
			"ledger "
			"(30.yaml:3)\n"
			" model        it does not arrive: the wire contradicts the model\n");
	}
	{
		PAGE(page, .format = OUT_JSON);
		assert_int_equal(view_traced_document(&page.out, &t, NULL), 0);
		valid("Traced", page_text(&page));
	}
	{
		PAGE(page, .format = OUT_JSON);
		assert_int_equal(view_probe_document(&page.out, &t, NULL), 0);
		valid("Explained", page_text(&page));
		has(page_text(&page), "\"agrees\": \"contradicts\"");
	}
	t.end = "untested";
	t.why = "bob: its link is down";
	t.seen_at = t.packet = "";
	t.agrees = "unknown";
	t.untraced = "rules could not be watched";
	t.sent_us = 0;
	t.n_lines = 0;
	t.last = SIZE_MAX;
	{
		PAGE(page, .color = OUT_COLOR_NEVER);
		view_traced_text(&page.out, &t);
		assert_string_equal(
			page_text(&page),
			"a1/app 10.1.1.2 -> b2/db 10.1.2.2 tcp/22  UNTESTED\n\n"
			" why          no policy allows it\n"
			" probe        untested: bob: its link is down\n"
			" rules        rules could not be watched\n"
			" model        it does not arrive: the two cannot be compared\n");
	}
	{
		PAGE(page, .format = OUT_JSON);
		assert_int_equal(view_traced_document(&page.out, &t, NULL), 0);
		valid("Traced", page_text(&page));
	}
}

static void who_can_says_what_nobody_wanted(void **state)
{
	static const struct nsnet_opener list[] = {{"a1", "tcp/5432", "ledger", true},
						   {"c3/x", "any", "", false}};
	struct nsnet_openers all = {"b2/db", HASH, NSNET_PROVED, list, 2};

	(void)state;
	{
		PAGE(page, .color = OUT_COLOR_NEVER);
		view_openers_sum(&page.out, &all);
		assert_string_equal(page_text(&page),
				    "b2/db: 2 sources, 1 that no policy allows; by the state "
				    "3f2a91c0b1d2\n");
	}
	all.n = 0;
	all.certainty = NSNET_INCONCLUSIVE;
	{
		PAGE(page, .color = OUT_COLOR_NEVER);
		view_openers_sum(&page.out, &all);
		has(page_text(&page), "INCONCLUSIVE, there may be more");
		lacks(page_text(&page), "nobody");
	}
	all.n = 2;
	{
		PAGE(page, .format = OUT_JSON);
		assert_int_equal(view_openers_document(&page.out, &all, NULL), 0);
		valid("Openers", page_text(&page));
	}
}

/* ---- graph ----------------------------------------------------------------------- */

static void names_cannot_leave_a_drawing(void **state)
{
	static const struct nsnet_node nodes[] = {{"host", "host", ""},
						  {"gateway of a1", "gateway", "a1"},
						  {"a1/app", "workload", "a1"},
						  {"evil\"]; x", "foreign", ""},
						  {"alone", "foreign", ""}};
	static const struct nsnet_link links[] = {
		{1, 2, "nsn1", "eth0", "port", ""},
		{1, 3, "x\n0", "x1", "stray", ""},
		{1, SIZE_MAX, "vx0", "", "loose", "vxlan 'vx0': leads out"},
	};
	const struct nsnet_graph g = {HASH, nodes, 5, links, 3};

	(void)state;
	{
		PAGE(page, .color = OUT_COLOR_NEVER);
		assert_int_equal(view_graph(&page.out, &g, NULL), 0);
		assert_string_equal(page_text(&page),
				    "port    gateway of a1 nsn1 -- a1/app eth0\n"
				    "STRAY   gateway of a1 x\\x0a0 -- evil\"]; x x1\n"
				    "LOOSE   gateway of a1 vx0 -- ?  vxlan 'vx0': leads out\n"
				    "5 namespaces, 3 links; state 3f2a91c0b1d2\n");
	}
	{
		PAGE(page, .format = OUT_DOT);
		assert_int_equal(view_graph(&page.out, &g, NULL), 0);
		has(page_text(&page), "\tn3 [label=\"evil?]? x\", shape=ellipse, style=dashed];\n");
		has(page_text(&page), "\tn1 -- n3 [label=\"x?0\", color=red, penwidth=2];\n");
		has(page_text(&page), "\tn1 -- l2 [label=\"vxlan 'vx0': leads out\", color=red");
		lacks(page_text(&page), "alone");
	}
	{
		PAGE(page, .format = OUT_MERMAID);
		assert_int_equal(view_graph(&page.out, &g, NULL), 0);
		has(page_text(&page), "  n1{{\"gateway of a1\"}}\n  n2[\"a1/app\"]\n");
		has(page_text(&page), "  n1 -.-|\"x?0\"| n3\n");
	}
	{
		PAGE(page, .format = OUT_JSON);
		assert_int_equal(view_graph(&page.out, &g, NULL), 0);
		valid("Graph", page_text(&page));
	}
}

/* Without Unicode the signs are of ASCII. */
static void signs_fit_the_locale(void **state)
{
	const struct nsnet_proof p = bad_proof();
	const struct view_matrix m = {&p, three, 3};

	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C"));
	{
		PAGE(page, .color = OUT_COLOR_NEVER);
		assert_int_equal(view_matrix(&page.out, &m, NULL), 0);
		has(page_text(&page), "a1         -   * tcp/5432 udp/53  X\n");
	}
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_violation_comes_first_and_has_its_evidence),
		cmocka_unit_test(with_v_all_is_told),
		cmocka_unit_test(what_is_proved_says_by_what),
		cmocka_unit_test(only_proved_is_proved),
		cmocka_unit_test(a_proof_is_a_document),
		cmocka_unit_test(a_matrix_has_a_cell_for_each_pair),
		cmocka_unit_test(what_was_not_looked_at_is_no_proof),
		cmocka_unit_test(of_many_tenants_only_those_that_matter),
		cmocka_unit_test(a_way_is_told_hop_by_hop),
		cmocka_unit_test(a_packet_is_told_rule_by_rule),
		cmocka_unit_test(who_can_says_what_nobody_wanted),
		cmocka_unit_test(names_cannot_leave_a_drawing),
		cmocka_unit_test(signs_fit_the_locale),
	};

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
