/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "../lib/base/cleanup.h"
#include "near.h"
#include "progress.h"

#define DEFAULT_TIMEOUT_MS 30000

/* ---- finding a row ------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool cmd_is_verb(const struct cmd *cmd, const char *word)
{
	size_t len = strlen(word);

	if (strcmp(cmd->verb, word) == 0)
		return true;
	for (const char *p = cmd->aliases; p && *p;) {
		size_t n = strcspn(p, " ");

		if (n == len && memcmp(p, word, n) == 0)
			return true;
		p += n + (p[n] == ' ');
	}
	return false;
}

const struct cmd *cmd_find(const char *noun, const char *verb)
{
	for (const struct cmd *c = cmd_table; c->verb; c++)
		if (same(c->noun, noun) && cmd_is_verb(c, verb))
			return c;
	return NULL;
}

bool cmd_is_noun(const char *word)
{
	for (const struct cmd *c = cmd_table; c->verb; c++)
		if (c->noun && strcmp(c->noun, word) == 0)
			return true;
	return false;
}

const char *cmd_title(const struct cmd *cmd, char buf[CMD_TITLE_SIZE])
{
	(void)snprintf(buf, CMD_TITLE_SIZE, "%s%s%s", cmd->noun ? cmd->noun : "",
		       cmd->noun ? " " : "", cmd->verb);
	return buf;
}

/* ---- what was meant? ----------------------------------------------------- */

static int unknown_command(const char *word, struct nsnet_err *err)
{
	char title[CMD_TITLE_SIZE];
	struct near near = {0};

	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "unknown command '%s'", word);
	/* `nsnet list`: the noun is missing. */
	for (const struct cmd *c = cmd_table; c->verb; c++)
		if (c->noun && cmd_is_verb(c, word))
			return nsn_err_hint(err, -EINVAL, "did you mean: nsnet %s",
					    cmd_title(c, title));
	for (const struct cmd *c = cmd_table; c->verb; c++)
		if (!(c->flags & CMD_HIDDEN))
			near_try(&near, word, c->noun ? c->noun : c->verb);
	if (near.word)
		return nsn_err_hint(err, -EINVAL, "did you mean: nsnet %s", near.word);
	return nsn_err_hint(err, -EINVAL, "nsnet help");
}

static int unknown_verb(const char *noun, const char *word, struct nsnet_err *err)
{
	struct near near = {0};

	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "unknown command '%s %s'", noun, word);
	for (const struct cmd *c = cmd_table; c->verb; c++)
		if (same(c->noun, noun))
			near_try(&near, word, c->verb);
	if (near.word)
		return nsn_err_hint(err, -EINVAL, "did you mean: nsnet %s %s", noun, near.word);
	return nsn_err_hint(err, -EINVAL, "nsnet help %s", noun);
}

/* An option that some other command has, or that this one gets too early. */
static int misplaced_option(const struct cmd *cmd, const char *noun, const char *word,
			    struct nsnet_err *err)
{
	size_t len = strcspn(word, "=");
	char title[CMD_TITLE_SIZE], other[CMD_TITLE_SIZE];

	if (strncmp(word, "--", 2) != 0)
		return 0;
	for (const struct cmd *c = cmd_table; c->verb; c++) {
		if (c == cmd || (noun && !same(c->noun, noun)) ||
		    !opt_find(c->options, word + 2, len - 2))
			continue;
		if (cmd)
			(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "'%s' has no option '%.*s'",
				      cmd_title(cmd, title), (int)len, word);
		else
			(void)nsn_err(err, -EINVAL, NSNET_E_USAGE,
				      "option '%.*s' must come after the command it belongs to",
				      (int)len, word);
		return nsn_err_hint(err, -EINVAL, "nsnet %s %.*s", cmd_title(c, other), (int)len,
				    word);
	}
	return 0;
}

/* ---- parsing ------------------------------------------------------------- */

/* markdown is for matrices and plans, dot and mermaid are for graphs. */
static bool drawing_fits(const struct cmd *cmd, enum out_format format)
{
	if (format == OUT_MARKDOWN)
		return cmd && cmd->flags & (CMD_CELLS | CMD_REPORTS);
	if (format == OUT_DOT || format == OUT_MERMAID)
		return cmd && cmd->flags & CMD_DRAWS;
	return true;
}

/* Options that say nothing for this command: a -n that is ignored would be a trap. */
static int check_options_fit(const struct ctx *ctx, struct nsnet_err *err)
{
	const struct cmd *cmd = ctx->cmd;
	const struct opts *o = &ctx->opts;
	char title[CMD_TITLE_SIZE];

	for (const struct opt *t = opt_global; t->name; t++) {
		if (!(o->seen[0] & UINT64_C(1) << (t - opt_global)) || !t->only ||
		    cmd->flags & t->only)
			continue;
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "option '--%s' means nothing for '%s'",
			      t->name, cmd_title(cmd, title));
		return nsn_err_hint(err, -EINVAL, "nsnet help %s", title);
	}
	if (o->format_by && o->out.format == OUT_NAME && !(cmd->flags & CMD_NAMES)) {
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "'%s' has no names to print",
			      cmd_title(cmd, title));
		return nsn_err_hint(err, -EINVAL, "nsnet %s -o json", title);
	}
	if (o->format_by && o->out.format == OUT_CSV && !(cmd->flags & (CMD_TABLE | CMD_CELLS))) {
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "'%s' is not a list: csv is for lists",
			      cmd_title(cmd, title));
		return nsn_err_hint(err, -EINVAL, "nsnet %s -o json", title);
	}
	if (o->format_by && !drawing_fits(cmd, o->out.format)) {
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "'%s' cannot be printed as that",
			      cmd_title(cmd, title));
		return nsn_err_hint(err, -EINVAL, "nsnet %s -o json", title);
	}
	if (o->out.columns)
		return out_columns_check(cmd->columns, o->out.columns, err);
	return 0;
}

static const char *nth_word(const char *words, int n)
{
	for (; n > 0; n--) {
		words += strcspn(words, " ");
		words += strspn(words, " ");
	}
	return words;
}

static int check_arity(const struct ctx *ctx, struct nsnet_err *err)
{
	const struct cmd *cmd = ctx->cmd;
	char title[CMD_TITLE_SIZE];

	(void)cmd_title(cmd, title);
	if (ctx->argc < cmd->min_args) {
		const char *missing = nth_word(cmd->args, ctx->argc);

		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "'%s' needs %s: %.*s is missing", title,
			      cmd->args, (int)strcspn(missing, " .["), missing);
	} else if (cmd->max_args >= 0 && ctx->argc > cmd->max_args) {
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "'%s' takes %s: '%s' is too much", title,
			      *cmd->args ? cmd->args : "no arguments", ctx->argv[cmd->max_args]);
	} else {
		return 0;
	}
	return nsn_err_hint(err, -EINVAL, "%.*s", (int)strcspn(cmd->examples, "\n"), cmd->examples);
}

static int take_word(struct ctx *ctx, char *word, bool *options_ended, struct nsnet_err *err)
{
	if (!ctx->cmd && !ctx->noun) {
		ctx->cmd = cmd_find(NULL, word);
		if (!ctx->cmd && cmd_is_noun(word))
			ctx->noun = word;
		return ctx->cmd || ctx->noun ? 0 : unknown_command(word, err);
	}
	if (!ctx->cmd) {
		ctx->cmd = cmd_find(ctx->noun, word);
		return ctx->cmd ? 0 : unknown_verb(ctx->noun, word, err);
	}
	/* `enter T ls -l`: -l is for ls. */
	if (ctx->cmd->flags & CMD_TAIL && ctx->argc == ctx->cmd->min_args)
		*options_ended = true;
	ctx->argv[ctx->argc++] = word;
	return 0;
}

static int take_words(struct ctx *ctx, int argc, char *const *argv, struct nsnet_err *err)
{
	bool ended = false;
	int r;

	for (int i = 0; i < argc; i++) {
		if (!ended && strcmp(argv[i], "--") == 0) {
			ended = true;
			continue;
		}
		if (ended || !opt_is(argv[i])) {
			r = take_word(ctx, argv[i], &ended, err);
			if (r < 0)
				return r;
			continue;
		}
		r = opt_take(&ctx->opts, ctx->cmd ? ctx->cmd->options : NULL, argc - i, argv + i,
			     err);
		if (r == -ENOENT) {
			(void)misplaced_option(ctx->cmd, ctx->cmd ? NULL : ctx->noun, argv[i], err);
			err->code = -EINVAL;
			return -EINVAL;
		}
		if (r < 0)
			return r;
		i += r - 1;
	}
	return 0;
}

/* The format that a word asks for, with what follows it; or "". */
static const char *format_of(const char *word, const char *next)
{
	if (strcmp(word, "-j") == 0 || strcmp(word, "--json") == 0)
		return "json";
	if (strcmp(word, "-o") == 0 || strcmp(word, "--output") == 0)
		return next;
	if (strncmp(word, "--output=", 9) == 0)
		return word + 9;
	return strncmp(word, "-o", 2) == 0 ? word + 2 : "";
}

/* After a word that was not understood: is a document asked for further on? */
static bool document_wanted(struct ctx *ctx, int argc, char *const *argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *name = format_of(argv[i], i + 1 < argc ? argv[i + 1] : "");
		enum out_format format;

		if (opt_format_parse(&format, name) == 0 &&
		    (format == OUT_JSON || format == OUT_YAML)) {
			ctx->opts.out.format = format;
			return true;
		}
	}
	return false;
}

/* NSNET_OUTPUT is a taste, not an order: where it does not fit it is let be. */
static int take_environment(struct ctx *ctx, struct nsnet_err *err)
{
	const char *value = getenv("NSNET_OUTPUT");
	enum out_format format;

	if (ctx->opts.format_by || !value || !*value)
		return 0;
	if (opt_format_parse(&format, value) < 0) {
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE,
			      "NSNET_OUTPUT is '%s', not one of " OPT_FORMATS, value);
		return nsn_err_hint(err, -EINVAL, "unset NSNET_OUTPUT");
	}
	if (format == OUT_NAME && !(ctx->cmd && ctx->cmd->flags & CMD_NAMES))
		return 0;
	if (format == OUT_CSV && !(ctx->cmd && ctx->cmd->flags & (CMD_TABLE | CMD_CELLS)))
		return 0;
	if (!drawing_fits(ctx->cmd, format))
		return 0;
	ctx->opts.out.format = format;
	return 0;
}

static int finish(struct ctx *ctx, int argc, struct nsnet_err *err)
{
	bool answered = ctx->opts.help || ctx->opts.version;
	int r;

	for (const struct cmd *c = cmd_table; ctx->noun && !ctx->cmd && !answered && c->verb; c++)
		if (same(c->noun, ctx->noun) && c->flags & CMD_ALONE)
			ctx->cmd = c;
	r = take_environment(ctx, err);
	if (r < 0 || answered)
		return r;
	if (!ctx->cmd && argc == 0)
		return 0; /* the overview */
	if (!ctx->cmd) {
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "no command is given");
		return nsn_err_hint(err, -EINVAL, "nsnet help");
	}
	r = check_options_fit(ctx, err);
	if (r == 0)
		r = check_arity(ctx, err);
	return r < 0 || !ctx->cmd->check ? r : ctx->cmd->check(ctx, err);
}

int cmd_parse(struct ctx *ctx, int argc, char *const *argv, struct nsnet_err *err)
{
	int r;

	ctx->opts.timeout_ms = DEFAULT_TIMEOUT_MS;
	ctx->argv = calloc((size_t)argc + 1, sizeof(*ctx->argv));
	if (!ctx->argv)
		return nsn_err_nomem(err);

	r = take_words(ctx, argc, argv, err);
	if (r == 0)
		return finish(ctx, argc, err);
	if (!document_wanted(ctx, argc, argv))
		(void)take_environment(ctx, NULL);
	return r;
}

void cmd_clear(struct ctx *ctx)
{
	nsnet_close(ctx->n);
	free(ctx->argv);
	opts_clear(&ctx->opts);
	ctx->n = NULL;
	ctx->argv = NULL;
}

/* ---- running ------------------------------------------------------------- */

static void on_alarm(int sig)
{
	(void)sig;
}

/*
 * A signal whose handler does not restart system calls ends the wait for the
 * lock. It comes again and again, because the first one may come just before
 * the wait begins. What else is interrupted by it goes on by itself.
 */
void cmd_timeout(uint64_t ms)
{
	struct sigaction action = {.sa_handler = on_alarm};
	struct itimerval timer = {
		.it_interval = {.tv_usec = 100000},
		.it_value = {.tv_sec = (time_t)(ms / 1000),
			     .tv_usec = (suseconds_t)(ms % 1000 * 1000)},
	};

	/* Zero would mean "never". */
	if (ms == 0)
		timer.it_value.tv_usec = 1;
	(void)sigaction(SIGALRM, &action, NULL);
	(void)setitimer(ITIMER_REAL, &timer, NULL);
	/* A signal that came before found no timer to end. */
	if (ms > 0 && interrupt_seen())
		cmd_timeout(0);
}

void cmd_timeout_off(void)
{
	struct itimerval off = {0};

	(void)setitimer(ITIMER_REAL, &off, NULL);
}

static const char *folder(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value ? value : NULL;
}

const char *cmd_state_dir(void)
{
	const char *dir = folder("NSNET_STATE_DIR");

	return dir ? dir : NSNET_DEFAULT_STATE_DIR;
}

int cmd_open(struct ctx *ctx, struct nsnet_err *err)
{
	return CMD_WAIT(ctx, nsnet_open(&ctx->n, cmd_state_dir(), folder("NSNET_RUN_DIR"), err));
}

/* Once: the next command finds it whole. */
static void tell_mended(const struct ctx *ctx)
{
	unsigned int n = ctx->n ? nsnet_mended(ctx->n) : 0;

	if (n > 0)
		fprintf(ctx->opts.out.msgs,
			"note: %u damaged page%s of the store %s mended from the second copy; "
			"nothing "
			"is lost, but look at the disk\n",
			n, n == 1 ? "" : "s", n == 1 ? "was" : "were");
}

/* As it was typed: it is kept with what it changes. */
static int say_words(const struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return nsn_err_nomem(err);
	for (int i = 0; i < ctx->n_words; i++)
		fprintf(f, strpbrk(ctx->words[i], " \t") ? "%s\"%s\"" : "%s%s", i ? " " : "",
			ctx->words[i]);
	return fclose(f) == 0 ? nsnet_say(ctx->n, text, err) : nsn_err_nomem(err);
}

static int run(struct ctx *ctx, struct nsnet_err *err)
{
	const bool until_signal = ctx->cmd->flags & CMD_UNTIL_SIGNAL;
	bool opened;
	int r = 0;

	/* A signal that comes while it is still opening is no other one. */
	if (until_signal)
		interrupt_defer();
	/* Who looks at what was saved needs neither privilege nor a state folder. */
	if (ctx->cmd->flags & CMD_OPENS && !ctx->opts.snapshot)
		r = cmd_open(ctx, err);
	if (r == 0 && ctx->n && ctx->cmd->flags & CMD_CHANGES)
		r = say_words(ctx, err);
	opened = r == 0;
	if (opened)
		r = ctx->cmd->run(ctx, err);
	/* Who waited for the lock when it came is told that it took too long. */
	if (until_signal && interrupt_seen() && r < 0 && err->id == NSNET_E_TIMED_OUT)
		r = 0;
	if (opened)
		tell_mended(ctx);
	return r;
}

/* What is said about the signal that came meanwhile. Return: the exit status. */
static int interrupted(const struct out *o, int r, const struct nsnet_err *err)
{
	/* Its own failure; but who waited for the lock was only told that it took too long. */
	if (r < 0 && (err->id != NSNET_E_TIMED_OUT || out_is_document(o)))
		(void)out_error(o, err);
	else if (r < 0)
		fputs("interrupted: nothing was done\n", o->msgs);
	return 128 + interrupt_seen();
}

int cmd_main(int argc, char *const *argv, FILE *in, FILE *to, FILE *msgs)
{
	NSN_AUTO(cmd_clear)
	struct ctx ctx = {
		.in = in, .n_words = argc, .words = argv, .opts.out = {.to = to, .msgs = msgs}};
	struct nsnet_err err = {0};
	int r = cmd_parse(&ctx, argc, argv, &err);

	if (ctx.cmd && ctx.cmd->flags & CMD_RUNS)
		ctx.opts.out.failed = 125;
	if (r < 0)
		return out_error(&ctx.opts.out, &err);
	if (ctx.opts.version)
		r = cmd_version(&ctx, &err);
	else if (ctx.opts.help)
		r = help_asked(&ctx, &err);
	else if (ctx.cmd)
		r = run(&ctx, &err);
	else {
		help_overview(msgs);
		return nsnet_code_exit(NSNET_E_USAGE);
	}
	if (interrupt_seen() && r <= 0 && !(ctx.cmd && ctx.cmd->flags & CMD_UNTIL_SIGNAL))
		return interrupted(&ctx.opts.out, r, &err);
	if (r >= 0)
		return r;
	if (err.id == NSNET_E_NO_TENANT && !err.hint[0])
		(void)nsn_err_hint(&err, err.code, "nsnet tenant list");
	return out_error(&ctx.opts.out, &err);
}
