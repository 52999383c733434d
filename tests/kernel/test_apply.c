/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files against what is stored and what the kernel has: what they say is made, what they
 * do not may stay, what they expect has to hold, and what cannot be is not begun.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/lab.h"
#include "../lib/peers.h"
#include "../lib/world.h"

static struct peers peers;

/* ---- files ------------------------------------------------------------------------------ */

struct file {
	const char *name, *set, *text;
};

/* nsnet_apply() of these; @ret and @err as there. */
static int apply_files(struct nsnet *n, const struct file *files, size_t n_files,
		       unsigned int flags, size_t prune_tenants, struct nsnet_applied **ret,
		       struct nsnet_err *err)
{
	struct nsnet_policy_text texts[4] = {{0}};
	struct nsnet_tenants *known = NULL;
	struct nsnet_policies *p = NULL;
	struct nsnet_diag d = {0};
	int r;

	assert_true(n_files <= 4);
	for (size_t i = 0; i < n_files; i++)
		texts[i] = (struct nsnet_policy_text){.file = files[i].name,
						      .text = files[i].text,
						      .len = strlen(files[i].text),
						      .set = files[i].set};
	LAB_OK(nsnet_tenant_list(n, 0, &known, NULL));
	LAB_OK(nsnet_policies_parse(&p, texts, n_files, known, (int64_t)time(NULL), NULL));
	if (nsnet_policies_errors(p) > 0) {
		nsnet_policies_diag(p, 0, &d);
		fail_msg("%s:%u: %s", d.file, d.line, d.text);
	}
	*ret = NULL;
	r = nsnet_apply(n, p, flags, prune_tenants, ret, err);
	nsnet_policies_free(p);
	nsnet_tenants_free(known);
	return r;
}

/* "+ rule web, - tenant customer2 kept" */
static char *differences(const struct nsnet_applied *a)
{
	struct nsnet_difference d;
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	for (size_t i = 0; i < nsnet_applied_differences(a); i++) {
		nsnet_applied_difference(a, i, &d);
		(void)fprintf(to, "%s%s %s %s%s", i ? ", " : "", d.op, d.kind, d.name,
			      d.kept ? " kept" : "");
	}
	assert_int_equal(fclose(to), 0);
	return text;
}

static size_t steps(const struct nsnet_applied *a)
{
	const struct nsnet_change *c = nsnet_applied_change(a);
	size_t n = 0;

	for (size_t i = 0; i < nsnet_change_items(c); i++)
		n += nsnet_change_steps(c, i);
	return n;
}

#define APPLY(n, flags, want, ...)                                                                 \
	apply_ok((n), (flags), 0, (want), (const struct file[]){__VA_ARGS__},                      \
		 sizeof((const struct file[]){__VA_ARGS__}) / sizeof(struct file), __LINE__)
#define REFUSED(n, flags, number, r, id, ...)                                                      \
	apply_refused((n), (flags), (number), (r), (id), (const struct file[]){__VA_ARGS__},       \
		      sizeof((const struct file[]){__VA_ARGS__}) / sizeof(struct file), __LINE__)

/* It does what it says, and then there is nothing to do, neither for repair nor for itself. */
static void apply_ok(struct nsnet *n, unsigned int flags, size_t number, const char *want,
		     const struct file *files, size_t n_files, int line)
{
	struct nsnet_applied *a = NULL;
	struct nsnet_err err = {0};
	char *text;

	lab_ok(apply_files(n, files, n_files, flags, number, &a, &err), &err, "apply", __FILE__,
	       line);
	text = differences(a);
	if (strcmp(text, want) != 0) {
		print_error("%s:%d: %s\n", __FILE__, line, text);
		_fail(__FILE__, line);
	}
	free(text);
	nsnet_applied_free(a);
	if (flags & NSNET_DRY_RUN)
		return;
	rule_nothing_to_do(n, "apply", __FILE__, line);
	lab_ok(apply_files(n, files, n_files, flags, 0, &a, &err), &err, "again", __FILE__, line);
	for (size_t i = 0; i < nsnet_applied_differences(a); i++) {
		struct nsnet_difference d;

		nsnet_applied_difference(a, i, &d);
		if (!d.kept)
			fail_msg("line %d: again: %s %s %s", line, d.op, d.kind, d.name);
	}
	assert_int_equal(nsnet_applied_effects(a), 0);
	assert_int_equal(steps(a), 0);
	nsnet_applied_free(a);
}

/* The whole of this world, and the store. */
static char *everything(void)
{
	char *world = lab_snapshot(), *rows = lab_rows(LAB_STATE), *both = NULL;

	assert_true(asprintf(&both, "%s\n%s", world, rows) > 0);
	free(world);
	free(rows);
	return both;
}

/* And then nothing at all has changed. */
static void apply_refused(struct nsnet *n, unsigned int flags, size_t number, int r,
			  enum nsnet_code id, const struct file *files, size_t n_files, int line)
{
	char *before = everything(), *after;
	struct nsnet_applied *a = NULL;
	struct nsnet_err err = {0};
	int got = apply_files(n, files, n_files, flags, number, &a, &err);

	if (got != r || err.id != id)
		fail_msg("line %d: %d %s: %s", line, got, nsnet_code_name(err.id), err.msg);
	assert_true(err.msg[0]);
	nsnet_applied_free(a);
	after = everything();
	assert_string_equal(after, before);
	free(before);
	free(after);
	rule_nothing_to_do(n, "a refusal", __FILE__, line);
}

/* ---- three tenants -------------------------------------------------------------------------- */

#define TENANTS                                                                                    \
	"nsnet: 1\n"                                                                               \
	"tenants:\n"                                                                               \
	"  customer1:\n"                                                                           \
	"    subnet: 10.10.1.0/24\n"                                                               \
	"    subnet6: fd00:10:1::/64\n"                                                            \
	"    endpoints:\n"                                                                         \
	"      app: { ip: 10.10.1.10, ip6: \"fd00:10:1::10\" }\n"                                  \
	"      worker: { ip: 10.10.1.11, ip6: \"fd00:10:1::11\" }\n"                               \
	"  customer2:\n"                                                                           \
	"    subnet: 10.10.2.0/24\n"                                                               \
	"    subnet6: fd00:10:2::/64\n"                                                            \
	"    labels: { scrape: \"yes\" }\n"                                                        \
	"    endpoints:\n"                                                                         \
	"      db: { ip: 10.10.2.10, ip6: \"fd00:10:2::10\" }\n"                                   \
	"      web: { ip: 10.10.2.11, ip6: \"fd00:10:2::11\" }\n"

#define SHARED_TENANT                                                                              \
	"  shared:\n"                                                                              \
	"    subnet: 10.10.250.0/24\n"                                                             \
	"    subnet6: fd00:10:250::/64\n"                                                          \
	"    endpoints:\n"                                                                         \
	"      dns: { ip: 10.10.250.53, ip6: \"fd00:10:250::53\" }\n"

#define RULE(name, ports, from, to)                                                                \
	"  - { name: " name ", allow: " ports ", from: " from ", to: " to ", because: t }\n"

#define ALL_NEW                                                                                    \
	"+ tenant customer1, + endpoint customer1/app, + endpoint customer1/worker, "              \
	"+ tenant customer2, + endpoint customer2/db, + endpoint customer2/web, "                  \
	"+ tenant shared, + endpoint shared/dns"

static const struct file two_rules = {
	"rules.yaml", "web",
	TENANTS SHARED_TENANT "rules:\n" RULE("db", "tcp/5432", "customer1/app", "customer2/db")
		RULE("dns", "[udp/53, tcp/53]", "tenants", "shared/dns")};

static struct nsnet *built(const struct file *file, const char *want)
{
	struct nsnet *n;

	world_need();
	n = lab_open();
	apply_ok(n, 0, 0, want, file, 1, __LINE__);
	peers_start(&peers);
	for (size_t i = 0; i < PEERS_TENANTS; i++)
		peers_serve(&peers, &peers_tenants[i]);
	return n;
}

/* ---- what files say is made ------------------------------------------------------------------ */

static void what_files_say_is_made_at_once(void **state)
{
	struct nsnet *n;

	(void)state;
	n = built(&two_rules, ALL_NEW ", + rule db, + rule dns");
	PROBE(&peers, "+ " APP " " DB " tcp/5432; - " APP " " DB " tcp/80; - " WORK " " DB
		      " tcp/5432; + " WORK " " DNS " tcp/53; + " WEB " " DNS " tcp/53; - " DB
		      " " APP " tcp/5432");
	peers_end_clean(&peers, n);
}

/* What is still allowed lives on, what is not is cut, whichever kind of line has changed. */
static void a_change_of_files_cuts_and_opens(void **state)
{
	struct nsnet *n;

	(void)state;
	n = built(&two_rules, ALL_NEW ", + rule db, + rule dns");
	OPEN(&peers, "a " APP " 10.10.2.10 tcp/5432");
	OPEN(&peers, "b " APP " 10.10.250.53 tcp/53");
	APPLY(n, NSNET_PRUNE, "~ rule dns, + rule web, + quarantine customer2/db",
	      {"rules.yaml", "web",
	       TENANTS SHARED_TENANT
	       "rules:\n" RULE("db", "tcp/5432", "customer1/app", "customer2/db")
		       RULE("dns", "[udp/53, tcp/53, tcp/80]", "tenants", "shared/dns")
			       RULE("web", "tcp/443", "customer1",
				    "customer2/web") "quarantine:\n  - { who: customer2/db, "
						     "because: INC-1 }\n"});
	TALK(&peers, "- a; + b");
	PROBE(&peers, "- " WEB " " DB ":4 tcp/80,icmp; - " DB " " WEB ":4 tcp/80,icmp");
	PROBE(&peers,
	      "- " APP " " DB " tcp/5432; + " APP " " DNS " tcp/80; + " WORK " " WEB " tcp/443");
	/* The rules of a file that is gone go with it, but only when it is said. */
	APPLY(n, 0,
	      "- rule db kept, - rule dns kept, - rule web kept, - quarantine customer2/db kept",
	      {"tenants.yaml", "web", TENANTS SHARED_TENANT});
	TALK(&peers, "+ b");
	APPLY(n, NSNET_PRUNE, "- rule db, - rule dns, - rule web, - quarantine customer2/db",
	      {"tenants.yaml", "web", TENANTS SHARED_TENANT});
	TALK(&peers, "- b");
	PROBE(&peers, "- " APP " " DB " tcp/5432; - " APP " " DNS " tcp/53; - " WORK " " WEB
		      " tcp/443; + " APP " " WORK " tcp/80; + " WEB " " DB ":4 tcp/80");
	peers_end_clean(&peers, n);
}

/* ---- the examples that can be built ---------------------------------------------------------- */

static const struct nsnet_endpoint_def of_shared[] = {{.name = "dns", .ip = "10.10.250.53"}},
				       of_clinic[] = {{.name = "app", .ip = "10.10.20.10"}},
				       of_archive[] = {{.name = "app", .ip = "10.10.21.10"}},
				       of_billing[] = {{.name = "app", .ip = "10.10.30.10"},
						       {.name = "worker", .ip = "10.10.30.11"}},
				       of_ledger[] = {{.name = "db", .ip = "10.10.31.10"}},
				       of_forensics[] = {{.name = "desk", .ip = "10.10.91.10"}};
#define EXAMPLE(tenant, net)                                                                       \
	{                                                                                          \
		.name = #tenant, .subnet = (net), .endpoints = of_##tenant,                        \
		.n_endpoints = sizeof(of_##tenant) / sizeof(of_##tenant[0])                        \
	}
static const struct nsnet_tenant_def of_examples[] = {
	EXAMPLE(shared, "10.10.250.0/24"), EXAMPLE(clinic, "10.10.20.0/24"),
	EXAMPLE(archive, "10.10.21.0/24"), EXAMPLE(billing, "10.10.30.0/24"),
	EXAMPLE(ledger, "10.10.31.0/24"),  EXAMPLE(forensics, "10.10.91.0/24"),
};

static void the_examples_do_what_they_say(void **state)
{
	static const char *const names[] = {"00-isolated", "20-shared-services", "30-peering",
					    "90-quarantine"};
	struct file files[4];
	struct nsnet_applied *a = NULL;
	struct nsnet_err err = {0};
	struct nsnet *n;
	char *texts[4];

	(void)state;
	world_need();
	n = lab_open();
	for (size_t i = 0; i < 4; i++) {
		texts[i] = lab_sh("cat %s/policies/%s.yaml", getenv("NSNET_SRC"), names[i]);
		files[i] = (struct file){names[i], names[i], texts[i]};
	}
	LAB_OK(apply_files(n, files, 4, 0, 0, &a, &err));
	assert_true(nsnet_applied_expects(a) >= 15);
	nsnet_applied_free(a);
	NOTHING_TO_DO(n, "the examples");
	peers_start(&peers);
	for (size_t i = 0; i < sizeof(of_examples) / sizeof(of_examples[0]); i++)
		peers_serve(&peers, &of_examples[i]);
	PROBE(&peers, "+ billing.app ledger.db tcp/5432; - billing.worker ledger.db tcp/5432;"
		      "- ledger.db billing.app tcp/5432; - billing.app ledger.db tcp/80;"
		      "+ clinic.app shared.dns udp/53,tcp/53; + archive.app shared.dns udp/53;"
		      "- clinic.app archive.app tcp/80; - archive.app clinic.app tcp/80;"
		      "- shared.dns clinic.app tcp/80; - customer3 forensics.desk tcp/443;"
		      "- customer3 shared.dns udp/53");
	for (size_t i = 0; i < 4; i++)
		free(texts[i]);
	LAB_OK(nsnet_release(n, "customer3", 0, NULL, NULL));
	peers_end_clean(&peers, n);
}

/* ---- what they expect -------------------------------------------------------------------------
 */

static void what_is_expected_has_to_hold(void **state)
{
	static const char bad[] = TENANTS SHARED_TENANT "rules:\n" RULE(
		"db", "tcp/5432", "customer1",
		"customer2/db") "expect:\n"
				"  - can: customer1/app -> customer2/db tcp/5432\n"
				"  - cannot: customer1/worker -> customer2/db tcp/5432\n";
	struct nsnet_applied *a = NULL;
	struct nsnet_err err = {0};
	struct nsnet_expect e;
	struct nsnet *n;

	(void)state;
	n = built(&two_rules, ALL_NEW ", + rule db, + rule dns");
	REFUSED(n, 0, 0, -EPERM, NSNET_E_EXPECTATION, {"rules.yaml", "web", bad});
	/* A dry run says which, and what the rest would be. */
	LAB_OK(apply_files(n, &(struct file){"rules.yaml", "web", bad}, 1, NSNET_DRY_RUN, 0, &a,
			   &err));
	assert_int_equal(nsnet_applied_expects(a), 2);
	nsnet_applied_expect(a, 0, &e);
	assert_true(e.holds);
	nsnet_applied_expect(a, 1, &e);
	assert_false(e.holds);
	assert_int_equal(e.line, 25);
	nsnet_applied_free(a);
	/* Rules of other sets, and those that were typed, count as well. */
	ALLOW(n, "typed", "customer1/worker", "customer2/db", "tcp/5432");
	REFUSED(n, 0, 0, -EPERM, NSNET_E_EXPECTATION,
		{"other.yaml", "other",
		 "nsnet: 1\nexpect:\n  - cannot: customer1/worker -> customer2/db tcp/5432\n"});
	APPLY(n, 0, "",
	      {"other.yaml", "other",
	       "nsnet: 1\nexpect:\n  - can: customer1/worker -> customer2/db tcp/5432\n"});
	peers_end_clean(&peers, n);
}

/* ---- a dry run ----------------------------------------------------------------------------------
 */

static void a_dry_run_changes_nothing(void **state)
{
	char *before, *after;
	struct nsnet *n;

	(void)state;
	n = built(&two_rules, ALL_NEW ", + rule db, + rule dns");
	before = everything();
	APPLY(n, NSNET_DRY_RUN | NSNET_PRUNE,
	      "- endpoint customer1/worker, ~ tenant customer1, ~ endpoint customer1/app, "
	      "+ tenant fresh, "
	      "+ endpoint fresh/default, - rule dns, ~ rule db, - tenant customer2, - tenant "
	      "shared",
	      {"rules.yaml", "web",
	       "nsnet: 1\ntenants:\n  customer1:\n    subnet: 10.10.7.0/24\n    mtu: 1400\n"
	       "    endpoints: { app: 10.10.7.10 }\n"
	       "  fresh: { subnet: auto }\n"
	       "rules:\n" RULE("db", "tcp/22", "customer1", "fresh")});
	after = everything();
	assert_string_equal(after, before);
	free(before);
	free(after);
	NOTHING_TO_DO(n, "a dry run");
	peers_end_clean(&peers, n);
}

/* ---- sets
 * ------------------------------------------------------------------------------------------ */

static void a_set_changes_only_what_is_its_own(void **state)
{
	static const char theirs[] =
		"nsnet: 1\nrules:\n" RULE("web", "tcp/443", "customer1", "shared");
	struct nsnet *n;

	(void)state;
	n = built(&two_rules, ALL_NEW ", + rule db, + rule dns");
	APPLY(n, NSNET_PRUNE, "+ rule web", {"theirs.yaml", "theirs", theirs});
	ALLOW(n, "typed", "customer1/app", "customer2/web", "tcp/80");
	/* What the other set, or nobody, owns is not missed. */
	APPLY(n, NSNET_PRUNE, "", two_rules);
	APPLY(n, NSNET_PRUNE, "- rule web", {"theirs.yaml", "theirs", "nsnet: 1\n"});
	REFUSED(n, 0, 0, -EEXIST, NSNET_E_OTHER_SET,
		{"theirs.yaml", "theirs",
		 "nsnet: 1\nrules:\n" RULE("db", "tcp/22", "customer1", "shared")});
	REFUSED(n, 0, 0, -EEXIST, NSNET_E_OTHER_SET,
		{"theirs.yaml", "theirs",
		 "nsnet: 1\ntenants:\n  shared: { subnet: 10.10.250.0/24 }\n"});
	PROBE(&peers,
	      "+ " APP " " DB " tcp/5432; + " APP " " WEB " tcp/80; - " APP " " DNS " tcp/443");
	/* What was typed is taken over by the first file that has it, and then it is that set's. */
	APPLY(n, 0, "~ rule typed",
	      {"theirs.yaml", "theirs",
	       "nsnet: 1\nrules:\n" RULE("typed", "tcp/80", "customer1/app", "customer2/web")});
	APPLY(n, NSNET_PRUNE, "- rule typed", {"theirs.yaml", "theirs", "nsnet: 1\n"});
	PROBE(&peers, "+ " APP " " DB " tcp/5432; - " APP " " WEB " tcp/80");
	peers_end_clean(&peers, n);
}

static void tenants_with_endpoints_go_by_number(void **state)
{
	const struct file one = {"rules.yaml", "web", TENANTS};
	struct nsnet *n;

	(void)state;
	n = built(&two_rules, ALL_NEW ", + rule db, + rule dns");
	REFUSED(n, NSNET_PRUNE, 0, -EBUSY, NSNET_E_PRUNE_TENANTS, one);
	REFUSED(n, NSNET_PRUNE, 2, -EBUSY, NSNET_E_PRUNE_TENANTS, one);
	/* A rule that was typed would name nobody. */
	ALLOW(n, "typed", "customer1/app", "shared", "tcp/80");
	REFUSED(n, NSNET_PRUNE, 1, -EBUSY, NSNET_E_TENANT_NAMED, one);
	REVOKE(n, "typed");
	apply_ok(n, NSNET_PRUNE, 1, "- rule db, - rule dns, - tenant shared", &one, 1, __LINE__);
	assert_int_equal(lab_count(n), 2);
	/* An endpoint of the files goes, one that was typed stays. */
	LAB_OK(nsnet_endpoint_add(n, "customer1", &(struct nsnet_endpoint_def){.name = "mine"}, 0,
				  NULL, NULL));
	APPLY(n, NSNET_PRUNE,
	      "- endpoint customer1/worker, ~ tenant customer1, ~ endpoint customer1/app, "
	      "~ endpoint customer1/mine, - endpoint customer2/web, ~ tenant customer2, "
	      "~ endpoint customer2/db",
	      {"rules.yaml", "web",
	       "nsnet: 1\ntenants:\n"
	       "  customer1: { subnet: 10.10.1.0/24, endpoints: { app: 10.10.1.10 } }\n"
	       "  customer2: { subnet: 10.10.2.0/24, endpoints: { db: 10.10.2.10 } }\n"});
	free(lab_sh("test -e /run/netns/customer1.mine && ! test -e /run/netns/customer1.worker"));
	peers_stop(&peers);
	lab_del(n, "customer1");
	lab_del(n, "customer2");
	lab_nothing_left(n);
	nsnet_close(n);
}

/* ---- what cannot be
 * ---------------------------------------------------------------------------------- */

static void what_cannot_be_is_not_begun(void **state)
{
	static const char *const from = "host", *const to = "customer1/app",
				 *const ports = "tcp/443";
	static const struct nsnet_rule_def in = {.name = "in",
						 .from = &from,
						 .n_from = 1,
						 .to = &to,
						 .n_to = 1,
						 .ports = &ports,
						 .n_ports = 1,
						 .because = "t",
						 .publish = "127.0.0.1:80"};
	struct nsnet *n;

	(void)state;
	n = built(&two_rules, ALL_NEW ", + rule db, + rule dns");
	/* Of a command's; two in files are told when these are read. */
	LAB_OK(nsnet_rule_add(n, &in, 0, NULL, NULL));
	REFUSED(n, 0, 0, -EEXIST, NSNET_E_PUBLISH_CONFLICT,
		{"a.yaml", "other",
		 "nsnet: 1\nrules:\n" RULE("in-too", "tcp/80", "host",
					   "customer2/db, publish: 80")});
	LAB_OK(nsnet_rule_del(n, "in", 0, NULL, NULL));
	REFUSED(n, 0, 0, -EEXIST, NSNET_E_SUBNET_OVERLAP,
		{"a.yaml", "other",
		 "nsnet: 1\ntenants:\n  fresh: { subnet: 10.10.1.0/25 }\n"
		 "rules:\n" RULE("in", "tcp/443", "fresh", "customer1")});
	/* Between neighbours that the bridge switches nothing can be kept. */
	REFUSED(n, 0, 0, -EINVAL, NSNET_E_BAD_RULE,
		{"a.yaml", "other",
		 "nsnet: 1\nquarantine:\n  - { who: customer1/app, because: t, "
		 "keep: [customer1/worker -> customer1/app tcp/22] }\n"});
	/* Somebody else's file is where a namespace would be pinned. */
	free(lab_sh("ip netns add fresh"));
	REFUSED(n, 0, 0, -EEXIST, NSNET_E_PIN_FOREIGN,
		{"a.yaml", "other",
		 "nsnet: 1\ntenants:\n  aaa: { subnet: auto }\n  fresh: { subnet: auto }\n"
		 "rules:\n" RULE("in", "tcp/443", "aaa", "customer1")});
	free(lab_sh("ip netns del fresh"));
	peers_end_clean(&peers, n);
}

/* ---- where it came from
 * -------------------------------------------------------------------------------- */

static void it_is_known_where_a_rule_was_written(void **state)
{
	struct nsnet_rules *rules = NULL;
	struct nsnet_rule rule;
	char *sum, *rows;
	struct nsnet *n;

	(void)state;
	n = built(&two_rules, ALL_NEW ", + rule db, + rule dns");
	LAB_OK(nsnet_rule_list(n, 0, &rules, NULL));
	assert_int_equal(nsnet_rules_count(rules), 2);
	nsnet_rules_get(rules, 1, &rule);
	assert_string_equal(rule.name, "dns");
	assert_string_equal(rule.set, "web");
	assert_string_equal(rule.file, "rules.yaml");
	assert_int_equal(rule.line, 23);
	nsnet_rules_free(rules);
	/* The sum of the file is that of sha256sum(1). */
	sum = lab_sh("printf '%%s' '%s' | sha256sum | cut -c1-64", two_rules.text);
	rows = lab_rows(LAB_STATE);
	LAB_HAS(rows, sum);
	free(rows);
	free(sum);
	peers_end_clean(&peers, n);
}

static int stop(void **state)
{
	(void)state;
	peers_stop(&peers);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, stop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(what_files_say_is_made_at_once),
		T(a_change_of_files_cuts_and_opens),
		T(the_examples_do_what_they_say),
		T(what_is_expected_has_to_hold),
		T(a_dry_run_changes_nothing),
		T(a_set_changes_only_what_is_its_own),
		T(tenants_with_endpoints_go_by_number),
		T(what_cannot_be_is_not_begun),
		T(it_is_known_where_a_rule_was_written),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
