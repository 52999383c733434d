/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON Schemas and what the built command prints: each is what the other says. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli.h"

/* Debian's, which has the package; another one may come first in PATH. */
#define PYTHON "/usr/bin/python3"

enum { NO_JSONSCHEMA = 77 };

static void need_jsonschema(void)
{
	NSN_AUTO(run_done) struct run r = {0};
	const char *must = getenv("NSNET_TESTS_MUST_RUN");

	world_need();
	RUN(&r, PYTHON, "-c", "import jsonschema");
	if (r.status == 0)
		return;
	if (must && strcmp(must, "1") == 0)
		fail_msg("NSNET_TESTS_MUST_RUN=1, but " PYTHON " has no jsonschema: %s", r.err);
	print_message("SKIP: " PYTHON " has no jsonschema\n");
	skip();
}

static void validate(struct run *r, const char *kind, const char *document)
{
	NSN_AUTO(nsn_freep) char *script = source_path("tests/cli/validate.py");
	NSN_AUTO(nsn_freep) char *schemas = source_path("tools/schema");

	run_input(r, 120000, document,
		  (const char *const[]){PYTHON, "-W", "ignore", script, schemas, kind, NULL});
}

static void assert_valid(const char *kind, const char *document)
{
	NSN_AUTO(run_done) struct run r = {0};

	validate(&r, kind, document);
	if (r.status != 0)
		fail_msg("%s%sin\n%s", r.out, r.err, document);
}

/* What it prints is a document of this kind, and names it. */
#define PRINTS(kind_, ...)                                                                         \
	do {                                                                                       \
		NSN_AUTO(run_done) struct run prints_ = {0};                                       \
		NSN_AUTO(json_unref) json_t *doc_ = NULL;                                          \
                                                                                                   \
		NSNET(&prints_, "-j", __VA_ARGS__);                                                \
		assert_status(&prints_, 0);                                                        \
		doc_ = parse(prints_.out);                                                         \
		if (strcmp(kind_, "Tenants") != 0)                                                 \
			assert_string_equal(text_of(doc_, "kind"), kind_);                         \
		assert_valid(kind_, prints_.out);                                                  \
	} while (0)

/* In the world's own /run. */
#define FILE_OF_POLICIES "/run/web.yaml"
static const char write_file[] =
	"cat >$1 <<-'END'\n"
	"nsnet: 1\n"
	"tenants:\n"
	"  customer1: { subnet: 10.10.1.0/24, endpoints: { app: auto, db: 10.10.1.9 } }\n"
	"  customer2: { subnet: auto }\n"
	"rules:\n"
	"  - { name: web, allow: [tcp/80, icmp], from: customer1/app, to: customer2, because: x }\n"
	"quarantine:\n"
	"  - { who: customer1/db, because: x }\n"
	"expect:\n"
	"  - can: customer1/app -> customer2 tcp/80\n"
	"END\n";

/* Gone with the world, or by themselves. */
static const char in_background[] =
	"ip netns exec customer1 setpriv --reuid 65533 --regid 65533 --clear-groups sleep 5 "
	"</dev/null >/dev/null 2>&1 &"
	"$1 run customer1 --share ipc=host --because x -- sleep 5 </dev/null >/dev/null 2>&1 &"
	"sleep 1";

static void every_answer_is_as_its_schema_says(void **state)
{
	NSN_AUTO(nsn_freep) char *examples = source_path("policies");

	(void)state;
	need_jsonschema();
	PRINTS("TenantList", "tenant", "list");
	PRINTS("EndpointList", "endpoint", "list");
	PRINTS("Plan", "plan");
	PRINTS("Tenants", "export");
	PRINTS("Change", "tenant", "del", "--all", "-y");
	PRINTS("Change", "-n", "tenant", "add", "customer1", "10.10.1.0/24");
	PRINTS("Change", "tenant", "add", "customer1", "10.10.1.0/24", "--label", "env=prod");
	PRINTS("Change", "tenant", "add", "customer1", "10.10.1.0/24");
	PRINTS("Change", "tenant", "add", "customer2", "10.10.1.0/24", "--subnet6", "fd00::/64",
	       "--inside", "deny", "--mtu", "1400", "--rate", "10mbit", "--new-flows", "none",
	       "--open-flows", "100", "--owner", "root", "--label", "a=b");
	PRINTS("Change", "endpoint", "add", "customer2/db", "--ip", "10.10.1.10", "--ip6",
	       "fd00::10", "--rate", "64kbit");
	PRINTS("Change", "endpoint", "add", "customer2/worker");
	PRINTS("TenantList", "tenant", "list");
	PRINTS("Tenant", "tenant", "show", "customer1");
	PRINTS("Tenant", "tenant", "show", "customer2");
	PRINTS("EndpointList", "endpoint", "list");
	PRINTS("EndpointList", "endpoint", "list", "customer2");
	PRINTS("Endpoint", "endpoint", "show", "customer2/db");
	PRINTS("Endpoint", "endpoint", "show", "customer1/default");
	PRINTS("SelfCheck", "self-check");
	/* Somebody who can do nothing, and a workload with less isolation: fine, and told. */
	RUN_STATUS(0, "sh", "-c", in_background, "sh", nsnet_bin());
	PRINTS("SelfCheck", "self-check", "customer1");
	PRINTS("Tenants", "export");
	PRINTS("Tenants", "tenant", "export", "customer2");
	PRINTS("RuleList", "policy", "list");
	PRINTS("Id", "id", "customer1", "1000");
	PRINTS("Change", "tenant", "add", "shared", "10.10.3.0/24");
	PRINTS("Change", "tenant", "set", "customer1", "dns=shared/default");
	PRINTS("Tenant", "tenant", "show", "customer1");
	PRINTS("Tenants", "export");
	PRINTS("Change", "tenant", "set", "customer1", "dns=none");
	PRINTS("Change", "-n", "allow", "customer1", "shared", "tcp/1", "--because", "x");
	PRINTS("Change", "allow", "customer1,label:a=b", "shared/default", "tcp/1,udp", "--because",
	       "x", "--name", "one", "--expires", "2099-01-01", "--owner", "o", "--log", "all");
	PRINTS("Change", "allow", "customer1,label:a=b", "shared/default", "tcp/1,udp", "--because",
	       "x", "--name", "one", "--expires", "2099-01-01", "--owner", "o", "--log", "all");
	PRINTS("Change", "deny", "customer1", "shared", "icmp");
	PRINTS("RuleList", "policy", "list");
	PRINTS("RuleList", "policy", "list", "--expiring", "1h");
	PRINTS("Rule", "policy", "show", "one");
	PRINTS("Rule", "policy", "show", "deny-customer1-to-shared-icmp");
	PRINTS("TenantList", "tenant", "list");
	PRINTS("Tenant", "tenant", "show", "shared");
	PRINTS("QuarantineList", "tenant", "quarantine");
	PRINTS("Change", "tenant", "quarantine", "shared", "--because", "x");
	PRINTS("Change", "tenant", "quarantine", "customer2/db", "--because", "x", "--keep",
	       "customer2/db -> shared tcp/1");
	PRINTS("Change", "tenant", "quarantine", "label:a=b", "--because", "x");
	PRINTS("QuarantineList", "tenant", "quarantine");
	PRINTS("TenantList", "tenant", "list");
	PRINTS("Tenant", "tenant", "show", "customer2");
	PRINTS("Endpoint", "endpoint", "show", "customer2/db");
	PRINTS("EndpointList", "endpoint", "list");
	PRINTS("Tenants", "export");
	PRINTS("Change", "tenant", "release", "label:a=b");
	PRINTS("Change", "tenant", "release", "customer2/db");
	PRINTS("Change", "tenant", "release", "shared");
	PRINTS("Change", "revoke", "--if-exists", "none", "one");
	PRINTS("Change", "tenant", "del", "shared", "--with-rules");
	PRINTS("Change", "tenant", "set", "customer1", "mtu=1300", "subnet6=auto", "label=x=y");
	RUN_STATUS(0, "ip", "-n", "customer1", "addr", "flush", "dev", "eth0");
	PRINTS("Plan", "plan");
	PRINTS("Tenant", "tenant", "show", "customer1");
	PRINTS("Change", "repair");
	PRINTS("Change", "gc");
	PRINTS("Change", "gc", "-y");
	PRINTS("Status", "status");
	PRINTS("Doctor", "doctor");
	RUN_STATUS(0, "iptables", "-P", "FORWARD", "DROP");
	PRINTS("Doctor", "doctor");
	PRINTS("DoctorFix", "doctor", "--fix", "D105", "-n");
	PRINTS("DoctorFix", "doctor", "--fix", "D105", "-y");
	PRINTS("Doctor", "doctor");
	PRINTS("DoctorFix", "doctor", "--unfix", "D105", "-y");
	PRINTS("DoctorFix", "doctor", "--unfix", "D105", "-y");
	PRINTS("Change", "endpoint", "del", "customer2/db");
	PRINTS("Change", "tenant", "del", "--if-exists", "ghost");
	PRINTS("Change", "tenant", "del", "-y", "customer1", "customer2");
	PRINTS("PolicyCheck", "policy", "check", examples);
	PRINTS("PolicyList", "policy", "list", examples);
	PRINTS("Policy", "policy", "show", "no-metadata", examples);
	PRINTS("Policy", "policy", "show", "billing-app-to-ledger-db", examples);
	PRINTS("PolicyTest", "policy", "test", examples);
	PRINTS("ExceptionList", "exceptions");
	PRINTS("Help", "policy", "manual");
	RUN_STATUS(0, "sh", "-c", write_file, "sh", FILE_OF_POLICIES);
	PRINTS("Apply", "plan", "-f", FILE_OF_POLICIES);
	PRINTS("Apply", "apply", "-n", "-f", FILE_OF_POLICIES);
	PRINTS("Apply", "apply", "-f", FILE_OF_POLICIES);
	PRINTS("Apply", "apply", "-f", FILE_OF_POLICIES);
	PRINTS("Apply", "diff", "-f", FILE_OF_POLICIES);
	PRINTS("GenerationList", "rollback", "--list");
	PRINTS("Apply", "rollback", "-n");
	RUN_STATUS(0, "sed", "-i", "s/tcp.80/tcp\\/81/", FILE_OF_POLICIES);
	PRINTS("Apply", "apply", "-f", FILE_OF_POLICIES, "--confirm", "60s", "-d");
	PRINTS("Status", "status");
	PRINTS("GenerationList", "rollback", "--list");
	PRINTS("Confirmed", "confirm");
	PRINTS("Apply", "rollback");
	RUN_STATUS(0, "sh", "-c", "echo 'nsnet: 1' >" FILE_OF_POLICIES);
	PRINTS("Apply", "plan", "-f", FILE_OF_POLICIES, "--prune");
	PRINTS("Apply", "apply", "-f", FILE_OF_POLICIES);
	PRINTS("Apply", "apply", "-f", FILE_OF_POLICIES, "--prune", "--prune-tenants", "2");
	PRINTS("Version", "version");
	PRINTS("Help", "help");
	PRINTS("Help", "help", "exit");
}

/* Whatever it found: on a machine where not all may be looked at that is INCONCLUSIVE. */
static void assert_proves(const char *kind, const char *const argv[])
{
	NSN_AUTO(run_done) struct run r = {0};
	NSN_AUTO(json_unref) json_t *doc = NULL;

	run_cmd(&r, 120000, argv);
	if (r.status != 0 && r.status != 1 && r.status != 3)
		assert_status(&r, 0);
	doc = parse(r.out);
	assert_string_equal(text_of(doc, "kind"), kind);
	assert_valid(kind, r.out);
}
#define PROVES(kind, ...)                                                                          \
	assert_proves(kind, (const char *const[]){nsnet_bin(), "-j", __VA_ARGS__, NULL})

static void what_is_proved_is_as_its_schema_says(void **state)
{
	(void)state;
	need_jsonschema();
	PROVES("Proof", "verify");
	PROVES("SelfTest", "verify", "--self-test");
	PROVES("Matrix", "matrix");
	PROVES("Graph", "graph");
	NSNET_STATUS(0, "tenant", "add", "customer1", "10.10.1.0/24");
	NSNET_STATUS(0, "tenant", "add", "customer2", "10.10.2.0/24");
	NSNET_STATUS(0, "tenant", "add", "customer3", "10.10.3.0/24");
	NSNET_STATUS(0, "allow", "customer1", "customer2", "tcp/1", "--because", "x");
	PROVES("Proof", "verify", "customer1", "customer2", "customer3", "customer1");
	PROVES("Explained", "explain", "customer1", "customer2", "tcp/1");
	PROVES("Explained", "explain", "customer1", "customer3");
	PROVES("Explained", "explain", "-6", "customer1", "customer3");
	PROVES("Explained", "explain", "--probe", "customer1", "customer2", "tcp/1");
	PROVES("Explained", "explain", "--probe", "customer1", "internet");
	PROVES("Traced", "trace", "customer1", "customer2", "tcp/1");
	PROVES("Traced", "trace", "customer1", "customer3");
	PROVES("Traced", "trace", "-6", "customer1", "customer3");
	PROVES("Openers", "who-can", "customer2");
	PROVES("Openers", "who-can", "customer3/default", "tcp/1");
	RUN_STATUS(0, "ip", "-n", "customer1", "link", "add", "x0", "type", "veth", "peer", "name",
		   "x1", "netns", "customer3");
	RUN_STATUS(0, "ip", "-n", "customer1", "link", "add", "y0", "type", "vxlan", "id", "1",
		   "dstport", "4789");
	PROVES("Proof", "verify");
	PROVES("Openers", "who-can", "customer3");
	PROVES("Matrix", "matrix");
	PROVES("Graph", "graph");
}

/* Each line of it is a document. */
static void what_is_logged_is_as_its_schema_says(void **state)
{
	/* Until it has heard the first one. */
	static const char script[] =
		"\"$1\" monitor -j --count 1 & p=$!; "
		"while kill -0 $p 2>/dev/null; do "
		"ip netns exec customer1 sh -c \"$2\" >/dev/null 2>&1; done; wait $p";
	static const char *const calls[] = {"ping -c 1 -W 1 10.10.2.2",
					    "bash -c \"echo >/dev/tcp/10.10.2.2/22\""};

	(void)state;
	need_jsonschema();
	NSNET_STATUS(0, "tenant", "add", "customer1", "10.10.1.0/24");
	NSNET_STATUS(0, "tenant", "add", "customer2", "10.10.2.0/24");
	NSNET_STATUS(0, "allow", "customer1", "customer2", "any", "--because", "x", "--log", "all");
	for (size_t i = 0; i < NSN_COUNT(calls); i++) {
		NSN_AUTO(run_done) struct run r = {0};

		RUN(&r, "sh", "-c", script, "sh", nsnet_bin(), calls[i]);
		assert_status(&r, 0);
		assert_has(r.out, "\"kind\":\"Logged\"");
		assert_valid("Logged", r.out);
	}
}

static void every_error_is_as_its_schema_says(void **state)
{
	static const char *const lines[][6] = {
		{"frobnicate"},
		{"tenant", "show", "ghost"},
		{"tenant", "add", "A", "10.0.0.0/24"},
		{"tenant", "add", "-f", "/run/bad.yaml"},
		{"tenant", "add", "-f", "/run/none.yaml"},
		{"endpoint", "show", "x"},
		{"allow", "a1", "b1", "tcp/1"},
		{"allow", "a1", "b1", "tcp/x", "--because", "x"},
		{"revoke", "none"},
	};

	(void)state;
	need_jsonschema();
	RUN_STATUS(0, "sh", "-c", "printf 'nsnet: 1\\ntenents: {}\\n' >/run/bad.yaml");
	for (size_t i = 0; i < NSN_COUNT(lines); i++) {
		NSN_AUTO(run_done) struct run r = {0};
		const char *argv[9] = {nsnet_bin(), "-j"};

		memcpy(argv + 2, lines[i], sizeof(lines[i]));
		run_cmd(&r, 120000, argv);
		assert_true(r.status > 1);
		assert_valid("Error", r.err);
	}
}

/* A schema that takes everything would pass, too. */
static void what_a_schema_does_not_say_is_refused(void **state)
{
	static const struct {
		const char *kind, *document, *part;
	} table[] = {
		{"Version",
		 "{\"nsnet\":1,\"kind\":\"Version\",\"items\":[{\"version\":\"0.1.0\"}]}", NULL},
		{"Version",
		 "{\"nsnet\":1,\"kind\":\"Version\",\"items\":[{\"version\":\"0.1.0\",\"x\":1}]}",
		 "'x' was unexpected"},
		{"Version", "{\"nsnet\":1,\"kind\":\"Version\",\"items\":[{}]}", "is a required"},
		{"Version",
		 "{\"nsnet\":2,\"kind\":\"Version\",\"items\":[{\"version\":\"0.1.0\"}]}",
		 "1 was expected"},
		{"TenantList",
		 "{\"nsnet\":1,\"kind\":\"TenantList\",\"items\":[{\"name\":\"a1\"}]}",
		 "is a required"},
		{"Plan",
		 "{\"nsnet\":1,\"kind\":\"Plan\",\"changed\":false,\"dry_run\":true,\"add\":0,"
		 "\"change\":0,\"remove\":0,\"items\":[{}]}",
		 "is a required"},
		{"Tenants", "{\"nsnet\":1,\"tenants\":{\"c1\":{\"subnet\":\"auto\",\"mtv\":1}}}",
		 "'mtv' was unexpected"},
		{"Tenants", "{\"nsnet\":1,\"tenants\":{\"C1\":{\"subnet\":\"auto\"}}}",
		 "does not match"},
		{"PolicyTest",
		 "{\"nsnet\":1,\"kind\":\"PolicyTest\",\"hold\":0,\"total\":1,\"items\":[{}]}",
		 "is a required"},
		{"PolicyCheck",
		 "{\"nsnet\":1,\"kind\":\"PolicyCheck\",\"errors\":0,\"warnings\":0,\"files\":0,"
		 "\"items\":[]}",
		 "less than the minimum"},
		{"RuleList", "{\"nsnet\":1,\"kind\":\"RuleList\",\"items\":[{\"name\":\"a1\"}]}",
		 "is a required"},
		{"Apply",
		 "{\"nsnet\":1,\"kind\":\"Apply\",\"changed\":false,\"dry_run\":true,\"add\":0,"
		 "\"change\":0,\"remove\":0,\"kept\":0,\"kernel_checked\":0,\"differences\":[{}],"
		 "\"effects\":[],\"expects\":[],\"items\":[]}",
		 "is a required"},
		{"Rule", "{\"nsnet\":1,\"kind\":\"Rule\",\"items\":[]}", "[]"},
		{"QuarantineList",
		 "{\"nsnet\":1,\"kind\":\"QuarantineList\",\"items\":[{\"who\":\"a1\"}]}",
		 "is a required"},
		{"Tenants",
		 "{\"nsnet\":1,\"tenants\":{},\"rules\":[{\"name\":\"aa\",\"from\":\"a1\",\"to\":"
		 "\"b1\"}]}",
		 "is not valid under any"},
		{"ExceptionList", "{\"nsnet\":1,\"kind\":\"ExceptionList\",\"items\":[{\"id\":1}]}",
		 "is a required"},
		{"Id", "{\"nsnet\":1,\"kind\":\"Id\",\"items\":[]}", "[]"},
		{"Logged", "{\"nsnet\":1,\"kind\":\"Logged\",\"items\":[]}",
		 "'items' was unexpected"},
		{"Proof", "{\"nsnet\":1,\"kind\":\"Proof\",\"verdict\":\"note\",\"items\":[]}",
		 "is not one of"},
		{"Explained", "{\"nsnet\":1,\"kind\":\"Explained\",\"hash\":\"\",\"items\":[]}",
		 "[]"},
		{"Openers", "{\"nsnet\":1,\"kind\":\"Openers\",\"items\":[]}", "is a required"},
		{"Matrix", "{\"nsnet\":1,\"kind\":\"Matrix\",\"items\":[{}]}", "is a required"},
		{"Graph", "{\"nsnet\":1,\"kind\":\"Graph\",\"hash\":\"x\",\"items\":[]}",
		 "does not match"},
		{"Error", "{\"error\":{\"code\":\"IO\"}}", "is a required"},
	};

	(void)state;
	need_jsonschema();
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		NSN_AUTO(run_done) struct run r = {0};

		validate(&r, table[i].kind, table[i].document);
		assert_status(&r, table[i].part ? 1 : 0);
		if (table[i].part)
			assert_has(r.out, table[i].part);
	}
}

/* Those above are all there are. */
static void every_schema_is_tested(void **state)
{
	static const char known[] =
		" Apply Change Confirmed Doctor DoctorFix Endpoint EndpointList Error "
		"ExceptionList "
		"Explained GenerationList Graph Help Id "
		"Logged Matrix Openers Plan Proof "
		"Policy PolicyCheck "
		"PolicyList PolicyTest QuarantineList Rule RuleList SelfCheck SelfTest Status "
		"Tenant "
		"TenantList "
		"Tenants "
		"Traced "
		"Version ";
	NSN_AUTO(nsn_freep) char *pattern = source_path("tools/schema/*.json");
	glob_t files;

	(void)state;
	assert_int_equal(glob(pattern, 0, NULL, &files), 0);
	assert_int_equal(files.gl_pathc, 34);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		const char *name = strrchr(files.gl_pathv[i], '/') + 1;
		char word[64];

		(void)snprintf(word, sizeof(word), " %.*s ", (int)strcspn(name, "."), name);
		assert_has(known, word);
	}
	globfree(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_answer_is_as_its_schema_says, begin),
		cmocka_unit_test_setup(what_is_proved_is_as_its_schema_says, begin),
		cmocka_unit_test_setup(what_is_logged_is_as_its_schema_says, begin),
		cmocka_unit_test_setup(every_error_is_as_its_schema_says, begin),
		cmocka_unit_test_setup(what_a_schema_does_not_say_is_refused, begin),
		cmocka_unit_test(every_schema_is_tested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
