/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of policies: what is read, what several files say together, the warnings. What is refused,
 * word by word, is in policies/reject.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/policy/language.h"
#include "../../lib/policy/policy.h"

NSN_CLEANUP(struct nsnet_policies, nsnet_policies_free)

/* 2026-11-22, so that nothing here depends on the day. */
#define NOW INT64_C(1795305600)

#define TENANTS                                                                                    \
	"tenants:\n"                                                                               \
	"  aa: { subnet: 10.1.0.0/24, endpoints: { app: auto, db: auto } }\n"                      \
	"  bb: { subnet: 10.2.0.0/24, labels: { tier: gold } }\n"

struct file {
	const char *name, *text, *set;
};

/* Copies that end where they end, so that the sanitizers see who reads on. */
static struct nsnet_policies *read_files(const struct file *files, size_t n)
{
	struct nsnet_policy_text texts[4] = {0};
	struct nsnet_policies *p = NULL;
	struct nsnet_err err = {0};

	assert_true(n <= NSN_COUNT(texts));
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(files[i].text);
		char *copy = malloc(len + 1);

		assert_non_null(copy);
		memcpy(copy, files[i].text, len);
		texts[i] = (struct nsnet_policy_text){files[i].name, copy, len, files[i].set};
	}
	if (nsnet_policies_parse(&p, texts, n, NULL, NOW, &err) < 0)
		fail_msg("%s", err.msg);
	/* What is told does not point into the texts. */
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)texts[i].text);
	return p;
}

/* All that is told, one a line: "a.yaml:1:2-4 error CODE: text | hint" */
static char *told(const struct nsnet_policies *p)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	for (size_t i = 0; i < nsnet_policies_diags(p); i++) {
		struct nsnet_diag d;

		nsnet_policies_diag(p, i, &d);
		(void)fprintf(f, "%s:%u:%u-%u %s %s: %s%s%s\n", d.file, d.line, d.col, d.end_col,
			      d.severity == NSNET_ERROR ? "error" : "warning",
			      nsnet_code_name(d.id), d.text, *d.hint ? " | " : "", d.hint);
	}
	assert_int_equal(fclose(f), 0);
	return text;
}

static void assert_told(const struct file *files, size_t n, const char *want)
{
	NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = read_files(files, n);
	NSN_AUTO(nsn_freep) char *got = told(p);

	assert_string_equal(got, want);
	assert_int_equal(nsnet_policies_files(p), n);
}
#define TOLD(want, ...)                                                                            \
	assert_told((const struct file[]){__VA_ARGS__},                                            \
		    sizeof((const struct file[]){__VA_ARGS__}) / sizeof(struct file), want)

/* ---- what is read -------------------------------------------------------------------- */

static void put_all(FILE *f, const char *key, const char *const *list, size_t n)
{
	(void)fprintf(f, " %s=", key);
	for (size_t i = 0; i < n; i++)
		(void)fprintf(f, "%s%s", i ? "," : "", list[i]);
}

static char *dump(const struct nsnet_policies *p)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	for (size_t i = 0; i < nsnet_policies_count(p); i++) {
		struct nsnet_policy r;

		nsnet_policies_get(p, i, &r);
		(void)fprintf(f, "%s %s", r.name, r.action);
		put_all(f, "ports", r.ports, r.n_ports);
		put_all(f, "from", r.from, r.n_from);
		put_all(f, "to", r.to, r.n_to);
		(void)fprintf(f, " because='%s' owner='%s' expires=%lld log=%s mode=%s %s %s:%u\n",
			      r.because, r.owner, (long long)r.expires, r.log, r.mode, r.set,
			      r.file, r.line);
	}
	assert_int_equal(fclose(f), 0);
	return text;
}

static void a_rule_has_what_was_written_into_it(void **state)
{
	static const char want[] =
		"r1 allow ports=tcp/443,udp,icmp/echo,tcp/80-90 from=aa/app,label:tier=gold "
		"to=bb because='why' owner='me' expires=4086460800 log=all mode=enforce shop "
		"a.yaml:7\n"
		"r2 deny ports=any from=any to=192.168.0.0/16,fd00::/8,host,internet because='' "
		"owner='' expires=0 log=none mode=audit shop a.yaml:9\n";
	const struct file file = {
		"a.yaml",
		"nsnet: 1\nname: shop\n" TENANTS "rules:\n"
		/* line 7 is the first rule's, whatever is before its keys */
		"- {name: r1, allow: [tcp/443, udp, icmp/echo, tcp/80-90], from: [aa/app, "
		"'label:tier=gold'],\n"
		"   to: bb, because: why, owner: me, expires: 2099-06-30, log: all}\n"
		"- name: r2\n  deny: any\n  from: any\n  mode: audit\n"
		"  to:\n  - 192.168.0.0/16\n  - \"fd00::/8\"\n  - host\n  - internet\n",
		"x"};
	NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = read_files(&file, 1);
	NSN_AUTO(nsn_freep) char *errors = told(p), *got = dump(p);

	(void)state;
	assert_string_equal(errors, "");
	assert_string_equal(got, want);
}

static void what_is_wrong_is_left_out_and_the_rest_is_read(void **state)
{
	const struct file file = {"a.yaml",
				  "nsnet: 1\n" TENANTS "rules:\n"
				  "- {name: r1, deny: any, from: aa, to: bb}\n"
				  "- {name: r2, deny: any, from: aa}\n"
				  "- {name: r3, deny: tcp/0, from: aa, to: bb}\n"
				  "- {name: r4, allow: any, from: aa, to: bb}\n"
				  "- {name: r5, deny: any, from: bb, to: aa}\n",
				  "x"};
	NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = read_files(&file, 1);
	struct nsnet_policy r;

	(void)state;
	assert_int_equal(nsnet_policies_errors(p), 3);
	assert_int_equal(nsnet_policies_count(p), 2);
	nsnet_policies_get(p, 1, &r);
	assert_string_equal(r.name, "r5");
}

/* ---- several files -------------------------------------------------------------------- */

static void files_know_each_other(void **state)
{
	(void)state;
	TOLD("", {"a.yaml", "nsnet: 1\nrules: [{name: r1, deny: any, from: aa/app, to: bb}]", "s"},
	     {"b.yaml", "nsnet: 1\n" TENANTS, "s"});
	TOLD("b.yaml:3:3-5 error BAD_FILE: tenant 'aa' is there twice, first in a.yaml:3 | choose "
	     "another name, or leave one of them out\n"
	     "b.yaml:4:16-18 error BAD_RULE: rule 'r1' is there twice, first in a.yaml:5 | choose "
	     "another name, or leave one of them out\n",
	     {"a.yaml", "nsnet: 1\n" TENANTS "rules: [{name: r1, deny: any, from: aa, to: bb}]",
	      "s"},
	     {"b.yaml",
	      "nsnet: 1\ntenants:\n  aa: {subnet: auto}\nrules: [{name: r1, deny: tcp, from: bb, "
	      "to: aa}]",
	      "t"});
	/* Also when there is much wrong with the other file. */
	TOLD("b.yaml:3:3-5 error BAD_FILE: 'aa' has no subnet | write subnet: auto\n"
	     "b.yaml:3:8-9 error UNKNOWN_KEY: unknown key 'x' in a tenant | a tenant has: "
	     "subnet, subnet6, inside, mtu, rate, new-flows, open-flows, labels, owners, "
	     "endpoints, dns\n",
	     {"a.yaml", "nsnet: 1\nrules: [{name: r1, deny: any, from: aa, to: any}]", "s"},
	     {"b.yaml", "nsnet: 1\ntenants:\n  aa: {x: 2}", "s"});
}

static void a_set_has_one_name(void **state)
{
	static const struct {
		const char *path, *name;
	} table[] = {
		{"policies/10-web.yaml", "web"},
		{"policies/", "policies"},
		{"/etc/nsnet/Shop Rules.d", "shop-rules"},
		{"a.b.json", "a-b"},
		{".yaml", "yaml"},
		{"-", "policy"},
		{"", "policy"},
		{"/", "policy"},
		{"1", "policy"},
		{"p", "policy"},
		{"\xc3\xbc\xc3\xbc", "policy"},
		{"an-awfully-long-name-of-a-folder-with-policies.yaml",
		 "an-awfully-long-name-of-a-folder"},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		char name[NSN_NAME_MAX + 1];

		nsn_set_name(name, table[i].path);
		assert_string_equal(name, table[i].name);
	}
	TOLD("b.yaml:2:7-11 error BAD_FILE: the set of files is called 'shop' in a.yaml:2 | files "
	     "of one folder are one set: leave one of the names out\n",
	     {"a.yaml", "nsnet: 1\nname: shop\n", "d"}, {"b.yaml", "nsnet: 1\nname: shed\n", "d"},
	     {"c.yaml", "nsnet: 1\nname: shed\n", "e"}, {"d.yaml", "nsnet: 1\n", "d"});
}

/* ---- warnings -------------------------------------------------------------------------- */

static const char *codes(const char *rules)
{
	static char list[256];
	NSN_AUTO(nsn_freep) char *text = NULL;
	NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = NULL;
	struct file file = {"a.yaml", NULL, "x"};
	size_t n = 0;

	assert_true(asprintf(&text, "nsnet: 1\n" TENANTS "rules:\n%s", rules) > 0);
	file.text = text;
	p = read_files(&file, 1);
	if (nsnet_policies_errors(p)) {
		NSN_AUTO(nsn_freep) char *errors = told(p);

		fail_msg("%s\n%s", rules, errors);
	}
	list[0] = '\0';
	for (size_t i = 0; i < nsnet_policies_diags(p); i++) {
		struct nsnet_diag d;

		nsnet_policies_diag(p, i, &d);
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%u:%s ", d.line - 5,
				      nsnet_code_name(d.id));
	}
	return list;
}

#define RULE(name, rest) "- {name: " name ", " rest "}\n"
#define WHY		 ", because: x"

static void warnings_are_for_what_deserves_them(void **state)
{
	static const struct {
		const char *rules, *codes;
	} table[] = {
		/* Broad: everything, from or to all, for ever. */
		{RULE("r1", "allow: any, from: tenants, to: bb" WHY), "1:BROAD_RULE "},
		{RULE("r1", "allow: any, from: aa, to: any" WHY), "1:BROAD_RULE "},
		{RULE("r1", "allow: [tcp/1, any], from: [aa, any], to: bb" WHY), "1:BROAD_RULE "},
		{RULE("r1", "allow: any, from: tenants, to: bb, expires: 2099-01-01" WHY), ""},
		{RULE("r1", "allow: tcp, from: tenants, to: bb" WHY), ""},
		{RULE("r1", "allow: any, from: aa, to: bb" WHY), ""},
		{RULE("r1", "deny: any, from: tenants, to: any"), ""},
		/* Over: at that second. NOW is 2026-11-22. */
		{RULE("r1", "deny: any, from: aa, to: bb, expires: 2026-11-22"), "1:EXPIRED "},
		{RULE("r1", "deny: any, from: aa, to: bb, expires: '2026-11-22T00:00:01Z'"), ""},
		/* Shadowed: all of it, by one that lasts as long. */
		{RULE("r1", "deny: any, from: aa, to: bb")
			 RULE("r2", "deny: any, from: aa, to: bb"),
		 "2:SHADOWED "},
		{RULE("r1", "deny: tcp/1, from: aa/app, to: bb")
			 RULE("r2", "deny: tcp, from: aa, to: [bb, aa]"),
		 "1:SHADOWED "},
		{RULE("r1", "deny: tcp/5-9, from: [aa/app, aa/db], to: bb/default")
			 RULE("r2", "deny: [tcp/1-8, tcp/1-9], from: tenants, to: bb"),
		 "1:SHADOWED "},
		{RULE("r1", "deny: tcp/5-9, from: aa, to: bb")
			 RULE("r2", "deny: tcp/5-8, from: aa, to: bb"),
		 "2:SHADOWED "},
		{RULE("r1", "deny: tcp/1, from: aa, to: bb")
			 RULE("r2", "deny: udp/1, from: aa, to: bb"),
		 ""},
		{RULE("r1", "deny: icmp/echo, from: aa, to: bb")
			 RULE("r2", "deny: icmp, from: aa, to: bb"),
		 "1:SHADOWED "},
		{RULE("r1", "deny: tcp/1, from: aa, to: bb") RULE("r2", "deny: tcp/1, from: bb, "
									"to: aa"),
		 ""},
		{RULE("r1", "deny: any, from: aa, to: 10.1.2.0/24")
			 RULE("r2", "deny: any, from: aa, to: 10.0.0.0/8"),
		 "1:SHADOWED "},
		{RULE("r1", "deny: any, from: aa, to: 11.1.2.0/24")
			 RULE("r2", "deny: any, from: aa, to: 10.0.0.0/8"),
		 ""},
		{RULE("r1", "deny: any, from: aa, to: 'a00::1'")
			 RULE("r2", "deny: any, from: aa, to: 10.0.0.0/8"),
		 ""},
		/* A label covers whom it covers today, and that may change. */
		{RULE("r1", "deny: any, from: aa, to: bb")
			 RULE("r2", "deny: any, from: aa, to: 'label:tier=gold'"),
		 ""},
		/* A deny stands above an allow, and not the other way. */
		{RULE("r1", "allow: tcp/1, from: aa, to: bb" WHY)
			 RULE("r2", "deny: tcp, from: aa, to: bb"),
		 "1:SHADOWED "},
		{RULE("r1", "deny: tcp/1, from: aa, to: bb")
			 RULE("r2", "allow: tcp, from: aa, to: bb" WHY),
		 ""},
		/* Who only counts, ends sooner, has ended or logs less shadows nobody. */
		{RULE("r1", "allow: tcp/1, from: aa, to: bb" WHY)
			 RULE("r2", "deny: tcp, from: aa, to: bb, mode: audit"),
		 ""},
		{RULE("r1", "deny: tcp/1, from: aa, to: bb")
			 RULE("r2", "deny: tcp, from: aa, to: bb, expires: 2099-01-01"),
		 ""},
		{RULE("r1", "deny: tcp/1, from: aa, to: bb, expires: 2098-01-01")
			 RULE("r2", "deny: tcp, from: aa, to: bb, expires: 2099-01-01"),
		 "1:SHADOWED "},
		{RULE("r1", "deny: tcp/1, from: aa, to: bb")
			 RULE("r2", "deny: tcp, from: aa, to: bb, expires: 2000-01-01"),
		 "2:EXPIRED "},
		{RULE("r1", "deny: tcp/1, from: aa, to: bb, log: new")
			 RULE("r2", "deny: tcp, from: aa, to: bb"),
		 ""},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++)
		if (strcmp(codes(table[i].rules), table[i].codes) != 0)
			fail_msg("'%s', not '%s' of\n%s", codes(table[i].rules), table[i].codes,
				 table[i].rules);
}

/* They come last, and fill what errors left. */
static void warnings_take_no_errors_place(void **state)
{
	NSN_AUTO(nsn_freep) char *text = NULL;
	NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = NULL;
	struct file file = {"a.yaml", NULL, "x"};
	size_t size, errors = 0;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	(void)fputs("nsnet: 1\n" TENANTS "rules:\n", f);
	for (int i = 0; i < 15; i++)
		(void)fprintf(f,
			      "- {name: a%d, deny: tcp/%d, from: aa, to: bb, expires: "
			      "2000-01-01}\n",
			      i, i + 1);
	for (int i = 0; i < 15; i++)
		(void)fprintf(f, "- {name: b%d, deny: tcp/0, from: aa, to: bb}\n", i);
	assert_int_equal(fclose(f), 0);
	file.text = text;
	p = read_files(&file, 1);
	assert_int_equal(nsnet_policies_errors(p), 15);
	assert_int_equal(nsnet_policies_warnings(p), 15);
	assert_int_equal(nsnet_policies_diags(p), NSN_DIAGS_MAX);
	for (size_t i = 0; i < nsnet_policies_diags(p); i++) {
		struct nsnet_diag d;

		nsnet_policies_diag(p, i, &d);
		errors += d.severity == NSNET_ERROR ? 1 : 0;
	}
	assert_int_equal(errors, 15);
}

/* ---- places ------------------------------------------------------------------------------ */

static void assert_source(const char *text, uint32_t col, uint32_t source_col, const char *source)
{
	const struct file file = {"a.yaml", text, "x"};
	NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = read_files(&file, 1);
	struct nsnet_diag d;

	assert_true(nsnet_policies_diags(p) > 0);
	nsnet_policies_diag(p, 0, &d);
	assert_int_equal(d.col, col);
	assert_int_equal(d.source_col, source_col);
	assert_string_equal(d.source, source);
}

static void a_line_is_shown_as_it_is_but_for_what_steers_a_terminal(void **state)
{
	char text[1000] = "nsnet: 1\n#", want[200];

	(void)state;
	assert_source("nsnet: 1\r\nx: \xc3\xbc # y\r\n", 1, 1, "x: \xc3\xbc # y");
	assert_source("\xef\xbb\xbfx: 1", 1, 1, "x: 1");
	assert_source("nsnet: 1\n\xc3\xbc: \xe2\x80\xaey\n", 4, 1, "\xc3\xbc: ?y");
	assert_source("nsnet: 1\n\x1b[2J\xff\n", 1, 1, "?[2J?");
	assert_source("", 1, 1, "");
	/* Of a long line what is around the place: 40 characters before it. */
	memset(text + strlen("nsnet: 1\n#"), 'x', 600);
	text[500] = '\x1b';
	memset(text + 501, 'y', 300);
	memset(want, 'x', 40);
	want[40] = '?';
	memset(want + 41, 'y', 119);
	want[160] = '\0';
	assert_source(text, 500 - 9 + 1, 500 - 9 + 1 - 40, want);
}

static void a_peer_is_pointed_at_inside_of_its_flow(void **state)
{
	(void)state;
	TOLD("a.yaml:6:10-16 error UNKNOWN_PEER: there is no tenant 'nobody' | tenants of other "
	     "files are known when all are given together\n"
	     "a.yaml:7:22-27 error UNKNOWN_PEER: tenant 'bb' has no endpoint 'x1'\n"
	     "a.yaml:8:17-20 error UNKNOWN_PEER: there is no tenant 'bbc' | did you mean bb?\n"
	     "a.yaml:9:10-23 error UNKNOWN_PEER: there is no tenant 'ab' | did you mean aa?\n",
	     {"a.yaml",
	      "nsnet: 1\n" TENANTS "expect:\n"
	      "  - can: nobody -> bb\n"
	      "  - cannot: aa/db -> bb/x1\n"
	      "  - can: \"aa -> bbc\"\n"
	      "  - can: \"a\\x62 -> bb\"\n",
	      "x"});
}

/* ---- sizes --------------------------------------------------------------------------------- */

static void ten_thousand_rules_are_checked_in_seconds(void **state)
{
	NSN_AUTO(nsn_freep) char *text = NULL;
	NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = NULL;
	struct file file = {"a.yaml", NULL, "x"};
	struct timespec a, b;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	(void)fputs("nsnet: 1\n" TENANTS "rules:\n", f);
	for (int i = 0; i < 10000; i++)
		(void)fprintf(f, "- {name: r%d, deny: tcp/%d, from: aa/app, to: bb}\n", i, i + 1);
	assert_int_equal(fclose(f), 0);
	file.text = text;
	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	p = read_files(&file, 1);
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	assert_int_equal(nsnet_policies_errors(p) + nsnet_policies_warnings(p), 0);
	assert_int_equal(nsnet_policies_count(p), 10000);
	print_message("10000 rules: %.3f s\n",
		      (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
	assert_true(b.tv_sec - a.tv_sec < 60);
}

static void more_rules_than_there_may_be_are_refused(void **state)
{
	NSN_AUTO(nsn_freep) char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	(void)fputs("nsnet: 1\nexpect: [", f);
	for (int i = 0; i <= NSN_POLICIES_MAX; i++)
		(void)fputs("{},", f);
	(void)fputs("]\n", f);
	assert_int_equal(fclose(f), 0);
	{
		const struct file file = {"a.yaml", text, "x"};
		NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = read_files(&file, 1);
		struct nsnet_diag d;

		assert_int_equal(nsnet_policies_errors(p), NSN_POLICIES_MAX + 2);
		nsnet_policies_diag(p, 0, &d);
		assert_string_equal(
			d.text, "with these there are more than 65536 in all 'expect' together");
		assert_int_equal(nsnet_policies_expects(p), 0);
	}
}

static void nothing_is_fine(void **state)
{
	NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = NULL;

	(void)state;
	nsnet_policies_free(NULL);
	assert_int_equal(nsnet_policies_parse(&p, NULL, 0, NULL, NOW, NULL), 0);
	assert_int_equal(nsnet_policies_files(p) + nsnet_policies_count(p) +
				 nsnet_policies_errors(p) + nsnet_policies_expects(p),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_has_what_was_written_into_it),
		cmocka_unit_test(what_is_wrong_is_left_out_and_the_rest_is_read),
		cmocka_unit_test(files_know_each_other),
		cmocka_unit_test(a_set_has_one_name),
		cmocka_unit_test(warnings_are_for_what_deserves_them),
		cmocka_unit_test(warnings_take_no_errors_place),
		cmocka_unit_test(a_line_is_shown_as_it_is_but_for_what_steers_a_terminal),
		cmocka_unit_test(a_peer_is_pointed_at_inside_of_its_flow),
		cmocka_unit_test(ten_thousand_rules_are_checked_in_seconds),
		cmocka_unit_test(more_rules_than_there_may_be_are_refused),
		cmocka_unit_test(nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
