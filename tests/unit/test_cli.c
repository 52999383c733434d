/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line without a kernel: which row, which options, which words for what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/base/cleanup.h"
#include "../../tools/cmd.h"
#include "../../tools/near.h"
#include "../../tools/ref.h"

#define MAX_WORDS 16

/* Splits at single spaces; "" is no word. */
struct line {
	char text[256];
	char *words[MAX_WORDS];
	int n;
};

static void split(struct line *line, const char *text)
{
	*line = (struct line){0};
	assert_true(strlen(text) < sizeof(line->text));
	(void)snprintf(line->text, sizeof(line->text), "%s", text);
	for (char *p = strtok(line->text, " "); p; p = strtok(NULL, " ")) {
		assert_true(line->n < MAX_WORDS);
		line->words[line->n++] = p;
	}
}

/* The command that a line is taken for, as "VERB: ARG ARG"; or "error: MSG | HINT". */
static const char *parsed(const char *text)
{
	static char buf[1024];
	NSN_AUTO(cmd_clear) struct ctx ctx = {0};
	struct nsnet_err err = {0};
	char title[CMD_TITLE_SIZE];
	struct line line;
	size_t used;
	int r;

	split(&line, text);
	r = cmd_parse(&ctx, line.n, line.words, &err);
	if (r < 0) {
		assert_int_equal(r, -EINVAL);
		assert_int_equal(err.code, -EINVAL);
		assert_int_equal(err.id, NSNET_E_USAGE);
		assert_int_equal(nsnet_code_exit(err.id), 2);
		(void)snprintf(buf, sizeof(buf), "error: %s | %s", err.msg, err.hint);
		return buf;
	}
	if (!ctx.cmd)
		return ctx.opts.help ? "help" : ctx.opts.version ? "version" : "overview";
	used = (size_t)snprintf(buf, sizeof(buf), "%s:", cmd_title(ctx.cmd, title));
	for (int i = 0; i < ctx.argc; i++)
		used += (size_t)snprintf(buf + used, sizeof(buf) - used, " %s", ctx.argv[i]);
	assert_null(ctx.argv[ctx.argc]);
	return buf;
}

struct want {
	const char *line, *result;
};

static void check(const struct want *table, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *got = parsed(table[i].line);

		if (strcmp(got, table[i].result) != 0)
			fail_msg("'%s' gave\n  %s\nnot\n  %s", table[i].line, got, table[i].result);
	}
}

static int no_environment(void **state)
{
	(void)state;
	(void)unsetenv("NSNET_OUTPUT");
	(void)unsetenv("NO_COLOR");
	return 0;
}

/* ---- which command ------------------------------------------------------- */

static void a_line_finds_its_row_by_noun_verb_and_alias(void **state)
{
	static const struct want table[] = {
		{"tenant add c1 10.0.0.0/24", "tenant add: c1 10.0.0.0/24"},
		{"tenant create c1 10.0.0.0/24", "tenant add: c1 10.0.0.0/24"},
		{"tenant list", "tenant list:"},
		{"tenant ls", "tenant list:"},
		{"tenant show c1", "tenant show: c1"},
		{"tenant inspect c1", "tenant show: c1"},
		{"tenant get c1", "tenant show: c1"},
		{"tenant del c1 c2 c3", "tenant del: c1 c2 c3"},
		{"tenant rm c1", "tenant del: c1"},
		{"tenant remove c1", "tenant del: c1"},
		{"tenant delete c1", "tenant del: c1"},
		{"plan", "plan:"},
		{"plan c1", "plan: c1"},
		{"tenant set c1 mtu=1400 label=a=b", "tenant set: c1 mtu=1400 label=a=b"},
		{"tenant del --all", "tenant del:"},
		{"tenant add -f x.yaml", "tenant add:"},
		{"tenant export", "tenant export:"},
		{"export c1 c2", "export: c1 c2"},
		{"endpoint add c1/db", "endpoint add: c1/db"},
		{"endpoint create c1/db", "endpoint add: c1/db"},
		{"endpoint ls c1", "endpoint list: c1"},
		{"endpoint inspect c1/db", "endpoint show: c1/db"},
		{"endpoint rm c1/db c1/app", "endpoint del: c1/db c1/app"},
		{"verify", "verify:"},
		{"verify c1 c2 c3 c4", "verify: c1 c2 c3 c4"},
		{"explain -6q c1/app c2 tcp/1 --snapshot -", "explain: c1/app c2 tcp/1"},
		{"graph -o dot", "graph:"},
		{"matrix -o markdown", "matrix:"},
		{"enter c1/db ls", "enter: c1/db ls"},
		{"completion bash", "completion: bash"},
		{"help tenant add", "help: tenant add"},
		{"version", "version:"},
	};

	(void)state;
	check(table, NSN_COUNT(table));
}

static void a_noun_alone_lists(void **state)
{
	static const struct want table[] = {
		{"tenant", "tenant list:"},
		{"tenant -j", "tenant list:"},
		{"-j tenant --no-header", "tenant list:"},
		{"endpoint", "endpoint list:"},
		{"endpoint -o wide", "endpoint list:"},
	};

	(void)state;
	check(table, NSN_COUNT(table));
}

static void global_options_go_before_and_after_every_word(void **state)
{
	static const char *const lines[] = {
		"-n tenant add c1 10.0.0.0/24", "tenant -n add c1 10.0.0.0/24",
		"tenant add -n c1 10.0.0.0/24", "tenant add c1 --dry-run 10.0.0.0/24",
		"tenant add c1 10.0.0.0/24 -n",
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(lines); i++) {
		NSN_AUTO(cmd_clear) struct ctx ctx = {0};
		struct line line;

		split(&line, lines[i]);
		assert_int_equal(cmd_parse(&ctx, line.n, line.words, NULL), 0);
		assert_string_equal(ctx.cmd->verb, "add");
		assert_int_equal(ctx.argc, 2);
		assert_true(ctx.opts.dry_run);
	}
}

static void two_dashes_end_the_options(void **state)
{
	static const struct want table[] = {
		{"tenant show -- -j", "tenant show: -j"},
		{"tenant del -- --if-exists", "tenant del: --if-exists"},
		{"-- tenant show c1", "tenant show: c1"},
		{"tenant show -- --", "tenant show: --"},
		/* A dash alone is a word. */
		{"tenant show -", "tenant show: -"},
	};

	(void)state;
	check(table, NSN_COUNT(table));
}

static void options_behind_the_command_of_enter_are_not_ours(void **state)
{
	static const struct want table[] = {
		{"enter c1 ls -l -j", "enter: c1 ls -l -j"},
		{"enter c1 -- ls -l --gateway", "enter: c1 ls -l --gateway"},
		{"enter --gateway c1 -- ls", "enter: c1 ls"},
		{"enter c1 --gateway ls -n", "enter: c1 ls -n"},
		{"enter c1 sh -- x", "enter: c1 sh -- x"},
		{"enter c1 -- -- x", "enter: c1 -- x"},
		{"enter -- c1 ls -l", "enter: c1 ls -l"},
		{"enter c1", "enter: c1"},
	};

	(void)state;
	check(table, NSN_COUNT(table));
}

static void abbreviations_are_refused_and_completed_in_the_hint(void **state)
{
	static const struct want table[] = {
		{"ten", "error: unknown command 'ten' | did you mean: nsnet tenant"},
		{"tenant li",
		 "error: unknown command 'tenant li' | did you mean: nsnet tenant list"},
		{"tenant list --no-head",
		 "error: unknown option '--no-head' | did you mean --no-header?"},
		{"tenant add --must c1 10.0.0.0/24",
		 "error: unknown option '--must' | did you mean --must-create?"},
	};

	(void)state;
	check(table, NSN_COUNT(table));
}

static void a_mistyped_command_is_told_the_nearest(void **state)
{
	static const struct want table[] = {
		{"tenatn", "error: unknown command 'tenatn' | did you mean: nsnet tenant"},
		{"pln", "error: unknown command 'pln' | did you mean: nsnet plan"},
		{"tenant lsit",
		 "error: unknown command 'tenant lsit' | did you mean: nsnet tenant list"},
		{"list", "error: unknown command 'list' | did you mean: nsnet tenant list"},
		{"rm c1", "error: unknown command 'rm' | did you mean: nsnet tenant del"},
		{"frobnicate", "error: unknown command 'frobnicate' | nsnet help"},
		{"tenant frobnicate",
		 "error: unknown command 'tenant frobnicate' | nsnet help tenant"},
	};

	(void)state;
	check(table, NSN_COUNT(table));
}

static void without_words_there_is_no_command(void **state)
{
	static const struct want table[] = {
		{"", "overview"},
		{"--help", "help"},
		{"tenant --help", "help"},
		{"--version", "version"},
		{"-v", "error: no command is given | nsnet help"},
	};

	(void)state;
	check(table, NSN_COUNT(table));
}

/* ---- options ------------------------------------------------------------- */

static void options_are_taken_in_all_their_forms(void **state)
{
	static const char *const lines[] = {
		"tenant list --output wide --columns NAME,RX --no-header --timeout 5s -v --color "
		"never",
		"tenant list --output=wide --columns=NAME,RX --no-header --timeout=5000ms "
		"--verbose "
		"--color=never",
		"tenant list -o wide --columns NAME,RX --no-header --timeout 5s -v --color never",
		"tenant list -vowide --columns NAME,RX --no-header --timeout 5s --color never",
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(lines); i++) {
		NSN_AUTO(cmd_clear) struct ctx ctx = {0};
		struct line line;

		split(&line, lines[i]);
		assert_int_equal(cmd_parse(&ctx, line.n, line.words, NULL), 0);
		assert_int_equal(ctx.opts.out.format, OUT_WIDE);
		assert_string_equal(ctx.opts.out.columns, "NAME,RX");
		assert_true(ctx.opts.out.no_header);
		assert_true(ctx.opts.out.verbose);
		assert_int_equal(ctx.opts.timeout_ms, 5000);
		assert_int_equal(ctx.opts.out.color, OUT_COLOR_NEVER);
		assert_false(ctx.opts.out.quiet);
		assert_false(ctx.opts.dry_run);
	}
}

static void an_option_of_its_own_belongs_to_one_command(void **state)
{
	NSN_AUTO(cmd_clear) struct ctx ctx = {0};
	struct line line;

	(void)state;
	split(&line, "tenant del c1 --if-exists");
	assert_int_equal(cmd_parse(&ctx, line.n, line.words, NULL), 0);
	assert_true(ctx.opts.if_exists);
	assert_false(ctx.opts.must_create);
}

static void some_options_are_given_many_times_in_order(void **state)
{
	NSN_AUTO(cmd_clear) struct ctx ctx = {0};
	struct line line;

	(void)state;
	split(&line, "tenant add c1 auto --label a=1 --owner x --label=b=2 --label a=1");
	assert_int_equal(cmd_parse(&ctx, line.n, line.words, NULL), 0);
	assert_int_equal(ctx.opts.labels.n, 3);
	assert_string_equal(ctx.opts.labels.values[0], "a=1");
	assert_string_equal(ctx.opts.labels.values[1], "b=2");
	assert_string_equal(ctx.opts.labels.values[2], "a=1");
	assert_int_equal(ctx.opts.owners.n, 1);
	assert_string_equal(ctx.opts.owners.values[0], "x");
}

static void progress_is_chosen_by_name(void **state)
{
	static const struct {
		const char *line;
		enum out_progress progress;
	} table[] = {
		{"repair", OUT_PROGRESS_AUTO},
		{"repair --progress auto", OUT_PROGRESS_AUTO},
		{"--progress=plain repair", OUT_PROGRESS_PLAIN},
		{"repair --progress never", OUT_PROGRESS_NEVER},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		NSN_AUTO(cmd_clear) struct ctx ctx = {0};
		struct line line;

		split(&line, table[i].line);
		assert_int_equal(cmd_parse(&ctx, line.n, line.words, NULL), 0);
		assert_int_equal(ctx.opts.out.progress, table[i].progress);
	}
}

static void words_that_contradict_each_other_are_refused(void **state)
{
	static const struct want table[] = {
		{"tenant add -f x.yaml c1",
		 "error: 'tenant add' takes NAME SUBNET or --file, not both | nsnet tenant add "
		 "customer1 10.10.1.0/24"},
		{"tenant add -f x.yaml --label a=b",
		 "error: with --file the settings of a tenant are in the file | nsnet tenant add "
		 "customer1 10.10.1.0/24"},
		{"tenant del --all c1", "error: 'tenant del' takes names or --all, not both | "
					"nsnet tenant del customer1"},
		{"enter --gateway c1/db", "error: --gateway is the tenant's: 'c1/db' is an "
					  "endpoint | nsnet enter --gateway c1"},
		{"completion fish",
		 "error: there is no completion for 'fish' | nsnet completion bash"},
	};

	(void)state;
	check(table, NSN_COUNT(table));
}

static void an_endpoint_is_written_with_one_slash(void **state)
{
	static const struct {
		const char *word;
		enum ref_kind kind;
		const char *tenant, *endpoint, *hint;
	} table[] = {
		{"c1", REF_TENANT, "c1", NULL, NULL},
		/* No tenant is called so; the library says it. */
		{"c1/db", REF_TENANT, "c1/db", NULL, NULL},
		{"c1/db", REF_ENDPOINT, "c1", "db", NULL},
		{"c1/db", REF_EITHER, "c1", "db", NULL},
		{"c1", REF_EITHER, "c1", NULL, NULL},
		{"c1", REF_ENDPOINT, NULL, NULL, "nsnet endpoint list c1"},
		{"c1", REF_NEW, NULL, NULL, "nsnet endpoint add c1/db"},
		{"/", REF_EITHER, NULL, NULL, "write it like customer1/db"},
		{"/db", REF_ENDPOINT, NULL, NULL, "write it like customer1/db"},
		{"c1/", REF_EITHER, NULL, NULL, "write it like customer1/db"},
		{"c1/db/x", REF_ENDPOINT, NULL, NULL, "write it like customer1/db"},
		{"c1//db", REF_NEW, NULL, NULL, "write it like customer1/db"},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		NSN_AUTO(ref_clear) struct ref ref = {0};
		struct nsnet_err err = {0};
		int r = ref_parse(&ref, table[i].word, table[i].kind, &err);

		if (table[i].hint) {
			assert_int_equal(r, -EINVAL);
			assert_int_equal(err.id, NSNET_E_USAGE);
			assert_string_equal(err.hint, table[i].hint);
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(ref.tenant, table[i].tenant);
		if (table[i].endpoint)
			assert_string_equal(ref.endpoint, table[i].endpoint);
		else
			assert_null(ref.endpoint);
	}
}

static void without_timeout_it_is_thirty_seconds(void **state)
{
	NSN_AUTO(cmd_clear) struct ctx ctx = {0};
	struct line line;

	(void)state;
	split(&line, "status");
	assert_int_equal(cmd_parse(&ctx, line.n, line.words, NULL), 0);
	assert_int_equal(ctx.opts.timeout_ms, 30000);
}

static void wrong_options_are_named_with_what_would_be_right(void **state)
{
	static const struct want table[] = {
		{"--jsn plan", "error: unknown option '--jsn' | did you mean --json?"},
		{"-json plan", "error: unknown option '-json' | did you mean --json?"},
		{"plan -x", "error: unknown option '-x' | "},
		{"plan --frobnicate=3", "error: unknown option '--frobnicate' | "},
		{"plan -j -j", "error: option '-j' is given twice | give --json once"},
		{"plan -j --json", "error: option '--json' is given twice | give --json once"},
		{"tenant add c1 1 --must-create --must-create",
		 "error: option '--must-create' is given twice | give --must-create once"},
		{"plan -o", "error: option '-o' needs a value | --output FORMAT"},
		{"plan --timeout", "error: option '--timeout' needs a value | --timeout DURATION"},
		{"plan --yes=1", "error: option '--yes' takes no value | --yes"},
		{"plan -o jsno",
		 "error: option '-o': 'jsno' is not one of table, wide, json, yaml, csv, name, "
		 "markdown, dot, mermaid | "
		 "-o json"},
		{"plan --progress fast", "error: option '--progress': 'fast' is not one of auto, "
					 "plain, never | --progress never"},
		{"plan --color red", "error: option '--color': 'red' is not one of auto, always, "
				     "never | --color never"},
		{"plan -j -o table", "error: options '--json' and '--output' ask for different "
				     "output | give one of them"},
		{"plan --timeout 30", "error: option '--timeout': '30' is not a duration of at "
				      "most 24h | --timeout 500ms, "
				      "--timeout 30s, --timeout 5m"},
	};

	(void)state;
	check(table, NSN_COUNT(table));
}

static void a_misplaced_option_is_told_its_place(void **state)
{
	static const struct want table[] = {
		{"tenant list --must-create", "error: 'tenant list' has no option '--must-create' "
					      "| nsnet tenant add --must-create"},
		{"--gateway enter c1", "error: option '--gateway' must come after the command it "
				       "belongs to | nsnet enter --gateway"},
		{"tenant --if-exists del c1",
		 "error: option '--if-exists' must come after the command it belongs to | nsnet "
		 "tenant del --if-exists"},
	};

	(void)state;
	check(table, NSN_COUNT(table));
}

static void an_option_that_would_do_nothing_is_refused(void **state)
{
	static const struct want table[] = {
		{"enter -n c1 -- reboot",
		 "error: option '--dry-run' means nothing for 'enter' | nsnet help enter"},
		{"tenant list -n", "error: option '--dry-run' means nothing for 'tenant list' | "
				   "nsnet help tenant list"},
		{"status --columns A",
		 "error: option '--columns' means nothing for 'status' | nsnet help status"},
		{"plan --no-header",
		 "error: option '--no-header' means nothing for 'plan' | nsnet help plan"},
		{"status -o name", "error: 'status' has no names to print | nsnet status -o json"},
		{"status -o csv",
		 "error: 'status' is not a list: csv is for lists | nsnet status -o json"},
		{"tenant list -o csv", "tenant list:"},
	};

	(void)state;
	check(table, NSN_COUNT(table));
}

static void columns_are_checked_before_anything_is_done(void **state)
{
	static const struct want table[] = {
		{"tenant list --columns name,State,RX", "tenant list:"},
		{"tenant list --columns NAME,nmae",
		 "error: 'nmae' is not a column of this list | did you mean --columns NAME?"},
		{"tenant list --columns NAME,",
		 "error: '' is not a column of this list | --columns "
		 "NAME,ID,SUBNET,SUBNET6,GATEWAY,ENDPOINTS,RULES,STATE,RX,"
		 "TX,DROPPED,INSIDE,MTU,RATE,LABELS,CREATED"},
	};

	(void)state;
	check(table, NSN_COUNT(table));
}

static void durations_have_a_unit_and_a_limit(void **state)
{
	static const char *const bad[] = {"",
					  "5",
					  "s",
					  "-5s",
					  "5 s",
					  "5S",
					  "1d",
					  "25h",
					  "05s",
					  "86401s",
					  "1.5s",
					  "5ss",
					  "99999999999999999999s"};
	uint64_t ms;

	(void)state;
	assert_int_equal(opt_duration_parse(&ms, "250ms"), 0);
	assert_int_equal(ms, 250);
	assert_int_equal(opt_duration_parse(&ms, "0s"), 0);
	assert_int_equal(ms, 0);
	assert_int_equal(opt_duration_parse(&ms, "5m"), 0);
	assert_int_equal(ms, 300000);
	assert_int_equal(opt_duration_parse(&ms, "24h"), 0);
	assert_int_equal(ms, 86400000);
	for (size_t i = 0; i < NSN_COUNT(bad); i++)
		if (opt_duration_parse(&ms, bad[i]) != -EINVAL)
			fail_msg("'%s' was taken as a duration", bad[i]);
}

/* ---- arity --------------------------------------------------------------- */

static void the_missing_argument_is_named(void **state)
{
	static const struct want table[] = {
		{"tenant add",
		 "error: 'tenant add' needs NAME SUBNET: NAME is missing | nsnet tenant "
		 "add customer1 10.10.1.0/24"},
		{"tenant add c1",
		 "error: 'tenant add' needs NAME SUBNET: SUBNET is missing | nsnet "
		 "tenant add customer1 10.10.1.0/24"},
		{"tenant del",
		 "error: 'tenant del' needs NAME...: NAME is missing | nsnet tenant del "
		 "customer1"},
		{"enter", "error: 'enter' needs TENANT[/ENDPOINT] [--] [CMD...]: TENANT is missing "
			  "| nsnet enter "
			  "customer1 -- ip addr"},
	};

	(void)state;
	check(table, NSN_COUNT(table));
}

static void the_argument_too_many_is_named(void **state)
{
	static const struct want table[] = {
		{"tenant add c1 10.0.0.0/24 x",
		 "error: 'tenant add' takes NAME SUBNET|auto: 'x' is too "
		 "much | nsnet tenant add customer1 10.10.1.0/24"},
		{"endpoint list x y",
		 "error: 'endpoint list' takes [TENANT]: 'y' is too much | nsnet endpoint list"},
		{"tenant list x",
		 "error: 'tenant list' takes no arguments: 'x' is too much | nsnet "
		 "tenant list"},
		{"verify c1 c2 c3",
		 "error: 'verify' takes pairs: 'c3' has no TO | nsnet verify customer1 customer2"},
		{"verify --seconds 86401",
		 "error: a proof takes at most 86400 seconds | --seconds 600"},
		{"verify -o dot",
		 "error: 'verify' cannot be printed as that | nsnet verify -o json"},
		{"graph -o csv",
		 "error: 'graph' is not a list: csv is for lists | nsnet graph -o json"},
		{"graph -o markdown",
		 "error: 'graph' cannot be printed as that | nsnet graph -o json"},
		{"explain c1", "error: 'explain' needs FROM TO [PORT]: TO is missing | "
			       "nsnet explain customer1/app customer2/db tcp/5432"},
		{"plan a b", "error: 'plan' takes [TENANT]: 'b' is too much | nsnet plan"},
	};

	(void)state;
	check(table, NSN_COUNT(table));
}

/* ---- environment --------------------------------------------------------- */

static void nsnet_output_is_used_where_it_fits(void **state)
{
	struct {
		const char *value, *line;
		enum out_format format;
	} table[] = {
		{"json", "plan", OUT_JSON},	   {"json", "plan -o table", OUT_TABLE},
		{"name", "tenant list", OUT_NAME}, {"name", "status", OUT_TABLE},
		{"wide", "version", OUT_WIDE},	   {"", "plan", OUT_TABLE},
		{"csv", "endpoint", OUT_CSV},	   {"csv", "plan", OUT_TABLE},
		{"yaml", "plan", OUT_YAML},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		NSN_AUTO(cmd_clear) struct ctx ctx = {0};
		struct line line;

		split(&line, table[i].line);
		assert_int_equal(setenv("NSNET_OUTPUT", table[i].value, 1), 0);
		assert_int_equal(cmd_parse(&ctx, line.n, line.words, NULL), 0);
		assert_int_equal(ctx.opts.out.format, table[i].format);
	}
	assert_int_equal(setenv("NSNET_OUTPUT", "xml", 1), 0);
	assert_string_equal(parsed("plan"), "error: NSNET_OUTPUT is 'xml', not one of table, wide, "
					    "json, yaml, csv, name, markdown, dot, mermaid | unset "
					    "NSNET_OUTPUT");
}

static void an_error_is_json_wherever_json_was_asked_for(void **state)
{
	static const char *const lines[] = {"-j frobnicate",
					    "frobnicate -j",
					    "tenant x --json",
					    "frobnicate --output json",
					    "frobnicate --output=json",
					    "plan --bad -ojson"};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(lines); i++) {
		NSN_AUTO(cmd_clear) struct ctx ctx = {0};
		struct nsnet_err err = {0};
		struct line line;

		split(&line, lines[i]);
		assert_int_equal(cmd_parse(&ctx, line.n, line.words, &err), -EINVAL);
		assert_int_equal(ctx.opts.out.format, OUT_JSON);
	}
}

static void an_error_is_yaml_where_yaml_was_asked_for(void **state)
{
	static const char *const lines[] = {"-o yaml frobnicate", "frobnicate --output=yaml",
					    "frobnicate -oyaml"};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(lines); i++) {
		NSN_AUTO(cmd_clear) struct ctx ctx = {0};
		struct nsnet_err err = {0};
		struct line line;

		split(&line, lines[i]);
		assert_int_equal(cmd_parse(&ctx, line.n, line.words, &err), -EINVAL);
		assert_int_equal(ctx.opts.out.format, OUT_YAML);
	}
}

static void json_behind_two_dashes_is_not_asked_for(void **state)
{
	NSN_AUTO(cmd_clear) struct ctx ctx = {0};
	struct nsnet_err err = {0};
	struct line line;

	(void)state;
	split(&line, "entre c1 -- ls -j");
	assert_int_equal(cmd_parse(&ctx, line.n, line.words, &err), -EINVAL);
	assert_int_equal(ctx.opts.out.format, OUT_TABLE);
}

/* ---- the table ----------------------------------------------------------- */

static void every_row_is_complete_and_has_a_help_text(void **state)
{
	(void)state;
	for (const struct cmd *c = cmd_table; c->verb; c++) {
		NSN_AUTO(nsn_freep) char *text = NULL;
		char title[CMD_TITLE_SIZE], start[CMD_TITLE_SIZE + 16];
		size_t size;
		FILE *f = open_memstream(&text, &size);

		assert_non_null(f);
		help_command(f, c);
		assert_int_equal(fclose(f), 0);
		(void)snprintf(start, sizeof(start), "Usage: nsnet %s", cmd_title(c, title));
		assert_int_equal(strncmp(text, start, strlen(start)), 0);
		assert_non_null(strstr(text, c->args));
		assert_non_null(strstr(text, "--timeout"));
		for (const struct opt *o = c->options; o && o->name; o++)
			assert_non_null(strstr(text, o->help));
		assert_non_null(c->run);
		assert_true(*c->help >= 'a' && *c->help <= 'z');
		assert_int_equal(!!(c->flags & CMD_TABLE), !!c->columns);
		assert_true(c->max_args < 0 || c->max_args >= c->min_args);
	}
}

static void every_example_is_a_line_that_is_understood(void **state)
{
	(void)state;
	for (const struct cmd *c = cmd_table; c->verb; c++) {
		char title[CMD_TITLE_SIZE];

		assert_non_null(c->examples);
		for (const char *p = c->examples; *p;) {
			size_t len = strcspn(p, "\n");
			char example[128];
			const char *got;

			(void)snprintf(example, sizeof(example), "%.*s", (int)len, p);
			assert_int_equal(strncmp(example, "nsnet ", 6), 0);
			got = parsed(example + 6);
			(void)cmd_title(c, title);
			if (strncmp(got, title, strlen(title)) != 0)
				fail_msg("example '%s' gave %s", example, got);
			p += len + (p[len] == '\n');
		}
	}
}

static void no_two_rows_and_no_two_options_share_a_name(void **state)
{
	(void)state;
	for (const struct cmd *c = cmd_table; c->verb; c++) {
		assert_ptr_equal(cmd_find(c->noun, c->verb), c);
		for (const struct opt *o = c->options; o && o->name; o++) {
			assert_null(opt_find(opt_global, o->name, strlen(o->name)));
			assert_ptr_equal(opt_find(c->options, o->name, strlen(o->name)), o);
		}
		if (!c->noun)
			assert_false(cmd_is_noun(c->verb));
	}
}

static void the_overview_names_every_command_and_option(void **state)
{
	NSN_AUTO(nsn_freep) char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	help_overview(f);
	assert_int_equal(fclose(f), 0);
	for (const struct cmd *c = cmd_table; c->verb; c++)
		assert_int_equal(!!strstr(text, c->help), !(c->flags & CMD_HIDDEN));
	for (const struct opt *o = opt_global; o->name; o++)
		assert_non_null(strstr(text, o->help));
}

static void near_words_are_near_and_others_are_not(void **state)
{
	struct near near = {0};

	(void)state;
	near_try(&near, "stauts", "plan");
	assert_null(near.word);
	near_try(&near, "stauts", "status");
	assert_string_equal(near.word, "status");

	/* Of one letter everything short is one step away. */
	near = (struct near){0};
	near_try(&near, "x", "y");
	near_try(&near, "", "y");
	assert_null(near.word);

	/* The nearest of several, wherever it stands. */
	near_try(&near, "repiar", "replay");
	near_try(&near, "repiar", "repair");
	near_try(&near, "repiar", "replay");
	assert_string_equal(near.word, "repair");
}

/* ---- running without a state folder -------------------------------------- */

struct answer {
	int status;
	char *out, *err;
};

static void answer_clear(struct answer *a)
{
	free(a->out);
	free(a->err);
}

static void run_line(struct answer *a, const char *text)
{
	size_t out_size, err_size;
	FILE *out, *err;
	struct line line;

	split(&line, text);
	out = open_memstream(&a->out, &out_size);
	err = open_memstream(&a->err, &err_size);
	assert_non_null(out);
	assert_non_null(err);
	a->status = cmd_main(line.n, line.words, stdin, out, err);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(fclose(err), 0);
}

/* Without a state folder there are no names, and none is made. */
static void completion_offers_what_can_stand_there(void **state)
{
	static const struct want table[] = {
		{"__complete -- te", "tenant\n"},
		{"__complete -- tenant s", "show\nset\n"},
		{"__complete -- -j tenant d", "del\n"},
		{"__complete -- -o wide tenant d", "del\n"},
		{"__complete -- tenant add c1 auto --insi", "--inside\n"},
		{"__complete -- tenant add --inside a", "allow\n"},
		{"__complete -- tenant add --inside=d", "--inside=deny\n"},
		{"__complete -- tenant add --file x", "@file\n"},
		{"__complete -- tenant add -f x", "@file\n"},
		{"__complete -- tenant add c1 au", "auto\n"},
		{"__complete -- tenant add au", ""},
		{"__complete -- tenant list -o j", "json\n"},
		{"__complete -- tenant list -vo j", "json\n"},
		{"__complete -- tenant list -ojson --no-h", "--no-header\n"},
		{"__complete -- tenant list --columns NAME,MT", "NAME,MTU\n"},
		{"__complete -- endpoint list --columns=MA", "--columns=MAC\n"},
		{"__complete -- tenant set c1 mt", "mtu=\n"},
		{"__complete -- tenant set c1 mtu=1400 inside=d", "inside=deny\n"},
		{"__complete -- tenant show c", ""},
		{"__complete -- help BAD_N", "BAD_NAME\n"},
		{"__complete -- help exi", "exit\n"},
		{"__complete -- help endpoint sh", "show\n"},
		{"__complete -- policy te", "test\n"},
		{"__complete -- policy check x", "@file\n"},
		{"__complete -- policy show a-rule x", "@file\n"},
		{"__complete -- policy list --columns NAME,OW x", "@file\n"},
		{"__complete -- completion b", "bash\n"},
		{"__complete -- completion bash b", ""},
		/* A misplaced option, a wrong word: silence. */
		{"__complete -- frobnicate x", ""},
		{"__complete -- --frobnicate tenant li", "list\n"},
		/* Behind two dashes, and behind the command of enter, nothing is an option. */
		{"__complete -- tenant show -- --js", ""},
		{"__complete -- enter c1 ls --js", "@file\n"},
		{"__complete -- __comp", ""},
		{"__complete",
		 "tenant\nendpoint\nallow\ndeny\npublish\nrevoke\npolicy\nexport\nplan\ndiff\napply"
		 "\nconfirm\nrollback\nrepair\ngc\ndoctor\nstatus\nmonitor\nid\nwhose-"
		 "uid\nexceptions"
		 "\nself-check\nverify\n"
		 "explain\ntrace\nwho-can\nmatrix\ngraph\nsnapshot\nenter\nrun"
		 "\nhelp\ncompletion\nversion\n"},
	};

	(void)state;
	assert_int_equal(setenv("NSNET_STATE_DIR", "/nonexistent/nsnet", 1), 0);
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		NSN_AUTO(answer_clear) struct answer a = {0};

		run_line(&a, table[i].line);
		if (a.status != 0 || *a.err || strcmp(a.out, table[i].result) != 0)
			fail_msg("'%s': status %d, %s%s", table[i].line, a.status, a.out, a.err);
	}
	assert_int_equal(unsetenv("NSNET_STATE_DIR"), 0);
}

static void no_words_print_the_usage_as_an_error(void **state)
{
	NSN_AUTO(answer_clear) struct answer a = {0};

	(void)state;
	run_line(&a, "");
	assert_int_equal(a.status, 2);
	assert_string_equal(a.out, "");
	assert_int_equal(strncmp(a.err, "Usage: nsnet", 12), 0);
}

static void help_is_an_answer_and_finds_commands_topics_and_codes(void **state)
{
	static const struct want table[] = {
		{"help", "Usage: nsnet [OPTION...] COMMAND"},
		{"--help", "Usage: nsnet [OPTION...] COMMAND"},
		{"help tenant", "Usage: nsnet tenant COMMAND"},
		{"tenant -h", "Usage: nsnet tenant COMMAND"},
		{"help tenant create", "Usage: nsnet tenant add [--file FILE] [--subnet6 PREFIX] "},
		{"tenant add --help", "Usage: nsnet tenant add [--file FILE] [--subnet6 PREFIX] "},
		{"help plan", "Usage: nsnet plan [--file PATH]... [--prune] [--exit-code] "
			      "[--snapshot FILE] [TENANT]"},
		{"help exit", "Exit statuses:"},
		{"help codes", "Error codes"},
		{"help output", "The answer goes to standard output"},
		{"help environment", "Environment:"},
		{"help TENANT_DIFFERS", "TENANT_DIFFERS (exit status 5)\n\nA tenant of this name"},
		{"--version", "nsnet "},
		{"version", "nsnet "},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		NSN_AUTO(answer_clear) struct answer a = {0};

		run_line(&a, table[i].line);
		if (a.status != 0 || *a.err ||
		    strncmp(a.out, table[i].result, strlen(table[i].result)) != 0)
			fail_msg("'%s': status %d, %s%s", table[i].line, a.status, a.out, a.err);
	}
}

static void every_code_has_an_exit_status_and_a_help_text(void **state)
{
	(void)state;
	for (int id = NSNET_E_NONE + 1; id < NSNET_E_COUNT; id++) {
		NSN_AUTO(answer_clear) struct answer a = {0};
		const char *name = nsnet_code_name((enum nsnet_code)id);
		char line[80];

		(void)snprintf(line, sizeof(line), "help %s", name);
		run_line(&a, line);
		assert_int_equal(a.status, 0);
		assert_non_null(strstr(a.out, nsnet_code_help((enum nsnet_code)id)));
		/* 1 is for what the answer is no to. */
		assert_true((nsnet_code_exit((enum nsnet_code)id) == 1) ==
			    (id == NSNET_E_EXPECTATION));
	}
}

static void the_exit_statuses_are_those_that_scripts_rely_on(void **state)
{
	(void)state;
	assert_int_equal(nsnet_code_exit(NSNET_E_USAGE), 2);
	assert_int_equal(nsnet_code_exit(NSNET_E_BAD_NAME), 2);
	assert_int_equal(nsnet_code_exit(NSNET_E_KERNEL), 3);
	assert_int_equal(nsnet_code_exit(NSNET_E_WRONG_NETNS), 3);
	assert_int_equal(nsnet_code_exit(NSNET_E_NO_TENANT), 4);
	assert_int_equal(nsnet_code_exit(NSNET_E_TENANT_DIFFERS), 5);
	assert_int_equal(nsnet_code_exit(NSNET_E_NEEDS_YES), 5);
	assert_int_equal(nsnet_code_exit(NSNET_E_NOT_PERMITTED), 6);
	assert_int_equal(nsnet_code_exit(NSNET_E_TIMED_OUT), 8);
	assert_int_equal(nsnet_code_exit(NSNET_E_CANNOT_RUN), 126);
	assert_int_equal(nsnet_code_exit(NSNET_E_NO_COMMAND), 127);
}

static void help_about_nothing_known_is_an_error_with_the_nearest(void **state)
{
	static const struct want table[] = {
		{"help BAD_NAM", "error: there is no help about 'BAD_NAM'   [USAGE]\n"
				 " hint: did you mean: nsnet help BAD_NAME\n"},
		{"help exti", "error: there is no help about 'exti'   [USAGE]\n"
			      " hint: did you mean: nsnet help exit\n"},
		{"help tenant frob", "error: there is no command 'tenant frob'   [USAGE]\n"
				     " hint: nsnet help tenant\n"},
		{"help a b", "error: there is no command 'a b'   [USAGE]\n hint: nsnet help\n"},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		NSN_AUTO(answer_clear) struct answer a = {0};

		run_line(&a, table[i].line);
		assert_int_equal(a.status, 2);
		assert_string_equal(a.out, "");
		assert_string_equal(a.err, table[i].result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_finds_its_row_by_noun_verb_and_alias),
		cmocka_unit_test(a_noun_alone_lists),
		cmocka_unit_test(global_options_go_before_and_after_every_word),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(options_behind_the_command_of_enter_are_not_ours),
		cmocka_unit_test(abbreviations_are_refused_and_completed_in_the_hint),
		cmocka_unit_test(a_mistyped_command_is_told_the_nearest),
		cmocka_unit_test(without_words_there_is_no_command),
		cmocka_unit_test(options_are_taken_in_all_their_forms),
		cmocka_unit_test(an_option_of_its_own_belongs_to_one_command),
		cmocka_unit_test(some_options_are_given_many_times_in_order),
		cmocka_unit_test(progress_is_chosen_by_name),
		cmocka_unit_test(words_that_contradict_each_other_are_refused),
		cmocka_unit_test(an_endpoint_is_written_with_one_slash),
		cmocka_unit_test(without_timeout_it_is_thirty_seconds),
		cmocka_unit_test(wrong_options_are_named_with_what_would_be_right),
		cmocka_unit_test(a_misplaced_option_is_told_its_place),
		cmocka_unit_test(an_option_that_would_do_nothing_is_refused),
		cmocka_unit_test(columns_are_checked_before_anything_is_done),
		cmocka_unit_test(durations_have_a_unit_and_a_limit),
		cmocka_unit_test(the_missing_argument_is_named),
		cmocka_unit_test(the_argument_too_many_is_named),
		cmocka_unit_test_setup_teardown(nsnet_output_is_used_where_it_fits, no_environment,
						no_environment),
		cmocka_unit_test(an_error_is_json_wherever_json_was_asked_for),
		cmocka_unit_test(an_error_is_yaml_where_yaml_was_asked_for),
		cmocka_unit_test(json_behind_two_dashes_is_not_asked_for),
		cmocka_unit_test(every_row_is_complete_and_has_a_help_text),
		cmocka_unit_test(every_example_is_a_line_that_is_understood),
		cmocka_unit_test(no_two_rows_and_no_two_options_share_a_name),
		cmocka_unit_test(the_overview_names_every_command_and_option),
		cmocka_unit_test(near_words_are_near_and_others_are_not),
		cmocka_unit_test(completion_offers_what_can_stand_there),
		cmocka_unit_test(no_words_print_the_usage_as_an_error),
		cmocka_unit_test(help_is_an_answer_and_finds_commands_topics_and_codes),
		cmocka_unit_test(every_code_has_an_exit_status_and_a_help_text),
		cmocka_unit_test(the_exit_statuses_are_those_that_scripts_rely_on),
		cmocka_unit_test(help_about_nothing_known_is_an_error_with_the_nearest),
	};

	return cmocka_run_group_tests(tests, no_environment, NULL);
}
