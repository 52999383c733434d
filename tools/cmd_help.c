/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "../lib/base/cleanup.h"
#include "cmd.h"
#include "near.h"

/* ---- commands ------------------------------------------------------------ */

static void usage(FILE *to, const struct cmd *cmd)
{
	char title[CMD_TITLE_SIZE];

	fprintf(to, "nsnet %s", cmd_title(cmd, title));
	for (const struct opt *t = cmd->options; t && t->name; t++)
		fprintf(to, t->arg ? " [--%s %s]%s" : " [--%s]", t->name, t->arg,
			t->set == opt_set_many ? "..." : "");
	fprintf(to, "%s%s", *cmd->args ? " " : "", cmd->args);
}

static void command_lines(FILE *to, const char *noun)
{
	for (const struct cmd *c = cmd_table; c->verb; c++) {
		char title[CMD_TITLE_SIZE];
		int used;

		if (c->flags & CMD_HIDDEN || (noun && (!c->noun || strcmp(c->noun, noun) != 0)))
			continue;
		used = fprintf(to, "  %s %s", cmd_title(c, title), c->args);
		fprintf(to, "%*s  %s\n", used < 40 ? 40 - used : 0, "", c->help);
	}
}

void help_overview(FILE *to)
{
	fputs("Usage: nsnet [OPTION...] COMMAND [ARGUMENT...]\n"
	      "\n"
	      "Tenant networks that are isolated because there is no path.\n"
	      "\n"
	      "Commands:\n",
	      to);
	command_lines(to, NULL);
	fputs("\nOptions, before or after the command:\n", to);
	opt_help(to, opt_global);
	fputs("\n`nsnet help COMMAND` explains a command, `nsnet help exit` the exit statuses.\n",
	      to);
}

void help_noun(FILE *to, const char *noun)
{
	fprintf(to, "Usage: nsnet %s COMMAND [ARGUMENT...]\n\nCommands:\n", noun);
	command_lines(to, noun);
	for (const struct cmd *c = cmd_table; c->verb; c++)
		if (c->noun && strcmp(c->noun, noun) == 0 && c->flags & CMD_ALONE)
			fprintf(to, "\n`nsnet %s` alone is `nsnet %s %s`.\n", noun, noun, c->verb);
}

void help_command(FILE *to, const struct cmd *cmd)
{
	fputs("Usage: ", to);
	usage(to, cmd);
	fprintf(to, "\n\n%c%s.\n", cmd->help[0] >= 'a' ? cmd->help[0] - 'a' + 'A' : cmd->help[0],
		cmd->help + 1);
	if (cmd->more)
		fprintf(to, "\n%s\n", cmd->more);
	if (cmd->aliases)
		fprintf(to, "\nAlso: %s\n", cmd->aliases);
	fputs("\nExamples:\n", to);
	for (const char *p = cmd->examples; *p;) {
		size_t len = strcspn(p, "\n");

		fprintf(to, "  %.*s\n", (int)len, p);
		p += len + (p[len] == '\n');
	}
	if (cmd->columns) {
		fputs("\nColumns:", to);
		for (const struct out_column *c = cmd->columns; c->name; c++)
			fprintf(to, " %s%s", c->name, c->flags & OUT_ONLY_WIDE ? "*" : "");
		fputs("   (*: with -o wide or when asked for)\n", to);
	}
	if (cmd->options) {
		fputs("\nOptions:\n", to);
		opt_help(to, cmd->options);
	}
	fputs("\nOptions of all commands:\n", to);
	opt_help(to, opt_global);
}

/* ---- topics -------------------------------------------------------------- */

static void topic_exit(FILE *to)
{
	fputs("Exit statuses:\n"
	      "    0  done, or nothing to do; the answer is yes\n"
	      "    1  the answer is no\n"
	      "    2  the command line or its values were not understood\n"
	      "    3  it could not be done or found out; nothing changed or it was undone\n"
	      "    4  not found\n"
	      "    5  conflict: exists with other settings, is in use, or was not confirmed\n"
	      "    6  not permitted\n"
	      "    8  timed out\n"
	      "   10  `plan --exit-code`: there is something to do\n"
	      "  125  `run`: nsnet failed, in whatever way\n"
	      "  126  `enter`, `run`: the command cannot be started\n"
	      "  127  the same: the command is not found; else its own status\n"
	      "  130  stopped by SIGINT (143: SIGTERM): the tenant or endpoint at hand was\n"
	      "       finished, the next one not begun; what was not done is told.\n"
	      "       Another signal, half a second later or more, ends it at once\n",
	      to);
}

static void topic_codes(FILE *to)
{
	fputs("Error codes, and the exit status of each:\n", to);
	for (int id = NSNET_E_NONE + 1; id < NSNET_E_COUNT; id++)
		fprintf(to, "  %3d  %s\n", nsnet_code_exit((enum nsnet_code)id),
			nsnet_code_name((enum nsnet_code)id));
	fputs("\n`nsnet help CODE` explains one.\n", to);
}

static void topic_output(FILE *to)
{
	fputs("The answer goes to standard output; notes and errors go to standard error.\n"
	      "\n"
	      "With -j the answer is one JSON document, "
	      "{\"nsnet\":1,\"kind\":...,\"items\":[...]}:\n"
	      "numbers are numbers, bytes are integers, times are RFC 3339 in UTC. Fields are\n"
	      "only ever added; a JSON Schema of each kind is in PREFIX/share/nsnet/schema. An\n"
	      "error is one document, {\"error\":{\"code\":...}}, on standard error. Commands "
	      "that\n"
	      "change something have \"changed\": true or false; with --dry-run it says whether\n"
	      "they would. -o yaml is the same document as YAML.\n"
	      "\n"
	      "-o wide shows more columns, -o csv is for lists (RFC 4180, lines end in a newline;\n"
	      "bytes are exact), -o name only names, one a line. --columns chooses columns and\n"
	      "their order; `nsnet help tenant list` names them. No line is ever cut to the width\n"
	      "of the terminal.\n"
	      "-o markdown is for `matrix`, -o dot and -o mermaid are for `graph`.\n"
	      "\n"
	      "Of long work a terminal shows how far it is, on standard error, after half a\n"
	      "second. --progress plain prints a line every ten seconds instead, also elsewhere.\n",
	      to);
}

static void topic_environment(FILE *to)
{
	fputs("Environment:\n"
	      "  NSNET_STATE_DIR  where the wanted state lives (" NSNET_DEFAULT_STATE_DIR ")\n"
	      "  NSNET_RUN_DIR    where gateways are pinned (" NSNET_DEFAULT_RUN_DIR ")\n"
	      "  NSNET_POOL       where automatic subnets come from (" NSNET_POOL ")\n"
	      "  NSNET_TRANSIT    a /16 for the addresses of cables; read before the first is "
	      "made\n"
	      "  NSNET_OUTPUT     the output format when -j and -o are not given\n"
	      "  NO_COLOR         when not empty: no colour\n"
	      "  SHELL            what `nsnet enter TENANT` runs\n",
	      to);
}

static const struct topic {
	const char *name;
	void (*print)(FILE *to);
} topics[] = {
	{"exit", topic_exit},
	{"codes", topic_codes},
	{"output", topic_output},
	{"environment", topic_environment},
};

const char *help_topic(size_t i)
{
	return i < NSN_COUNT(topics) ? topics[i].name : NULL;
}

/* ---- help ---------------------------------------------------------------- */

/* What `nsnet help WORD...` is about; the first that is set. */
struct about {
	const struct cmd *cmd;
	const struct topic *topic;
	enum nsnet_code code;
	const char *noun;
};

static int unknown_topic(const char *word, struct nsnet_err *err)
{
	struct near near = {0};

	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "there is no help about '%s'", word);
	for (const struct cmd *c = cmd_table; c->verb; c++)
		if (!(c->flags & CMD_HIDDEN))
			near_try(&near, word, c->noun ? c->noun : c->verb);
	for (size_t i = 0; i < NSN_COUNT(topics); i++)
		near_try(&near, word, topics[i].name);
	for (int id = NSNET_E_NONE + 1; id < NSNET_E_COUNT; id++)
		near_try(&near, word, nsnet_code_name((enum nsnet_code)id));
	if (near.word)
		return nsn_err_hint(err, -EINVAL, "did you mean: nsnet help %s", near.word);
	return nsn_err_hint(err, -EINVAL, "nsnet help");
}

static int find_about(struct about *ret, int argc, char **argv, struct nsnet_err *err)
{
	*ret = (struct about){0};
	if (argc == 0)
		return 0;
	if (argc == 2) {
		ret->cmd = cmd_find(argv[0], argv[1]);
		if (ret->cmd)
			return 0;
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "there is no command '%s %s'", argv[0],
			      argv[1]);
		return nsn_err_hint(err, -EINVAL,
				    cmd_is_noun(argv[0]) ? "nsnet help %s" : "nsnet help", argv[0]);
	}
	ret->cmd = cmd_find(NULL, argv[0]);
	for (size_t i = 0; i < NSN_COUNT(topics); i++)
		if (strcmp(topics[i].name, argv[0]) == 0)
			ret->topic = &topics[i];
	ret->code = nsnet_code_find(argv[0]);
	if (cmd_is_noun(argv[0]))
		ret->noun = argv[0];
	if (ret->cmd || ret->topic || ret->code != NSNET_E_NONE || ret->noun)
		return 0;
	return unknown_topic(argv[0], err);
}

static void print_about(FILE *to, const struct about *about)
{
	if (about->cmd)
		help_command(to, about->cmd);
	else if (about->topic)
		about->topic->print(to);
	else if (about->code != NSNET_E_NONE)
		fprintf(to, "%s (exit status %d)\n\n%s\n", nsnet_code_name(about->code),
			nsnet_code_exit(about->code), nsnet_code_help(about->code));
	else if (about->noun)
		help_noun(to, about->noun);
	else
		help_overview(to);
}

static int print_help(const struct out *o, const struct about *about, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *text = NULL;
	FILE *f;
	size_t size;

	if (!out_is_document(o)) {
		print_about(o->to, about);
		return 0;
	}
	f = open_memstream(&text, &size);
	if (!f)
		return nsn_err_nomem(err);
	print_about(f, about);
	if (fclose(f) != 0)
		return nsn_err_nomem(err);
	return out_document(o, "Help", NULL, json_pack("[{s:s}]", "text", text), err);
}

int help_asked(struct ctx *ctx, struct nsnet_err *err)
{
	struct about about = {.cmd = ctx->cmd, .noun = ctx->noun};

	return print_help(&ctx->opts.out, &about, err);
}

int cmd_help(struct ctx *ctx, struct nsnet_err *err)
{
	struct about about;
	int r = find_about(&about, ctx->argc, ctx->argv, err);

	return r < 0 ? r : print_help(&ctx->opts.out, &about, err);
}

int cmd_version(struct ctx *ctx, struct nsnet_err *err)
{
	const struct out *o = &ctx->opts.out;

	if (out_is_document(o))
		return out_document(o, "Version", NULL,
				    json_pack("[{s:s}]", "version", nsnet_version()), err);
	fprintf(o->to, "nsnet %s\n", nsnet_version());
	return 0;
}
