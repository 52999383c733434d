/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_CMD_H
#define NSNET_TOOLS_CMD_H

/*
 * cmd - a command is a row
 *
 * One row makes dispatch, the check of arguments, options, aliases, `help`,
 * the manual page and completion. To add a command: write its function, add
 * its row, and a field in struct opts for each new option.
 */
#include <stdbool.h>
#include <stdio.h>

#include "../lib/base/err.h"
#include "opt.h"
#include "out.h"

enum {
	CMD_OPENS = 1 << 0,   /* works on the state folder: ctx->n is open, --timeout counts */
	CMD_CHANGES = 1 << 1, /* has --dry-run */
	CMD_TABLE = 1 << 2, /* a list: has --columns, --no-header, csv; the row names the columns */
	CMD_NAMES = 1 << 3, /* has -o name */
	CMD_ALONE = 1 << 4, /* what the noun alone means */
	CMD_TAIL = 1 << 5,  /* after min_args arguments comes somebody else's command line */
	CMD_HIDDEN = 1 << 6,	   /* for scripts of ours, not for people */
	CMD_RUNS = 1 << 7,	   /* its status is another command's: its own failures are 125 */
	CMD_UNTIL_SIGNAL = 1 << 8, /* SIGINT and SIGTERM end it with status 0, whenever they come */
	CMD_CELLS = 1 << 9,	   /* a table without columns of its own: has csv and markdown */
	CMD_DRAWS = 1 << 10,	   /* has -o dot and -o mermaid */
	CMD_REPORTS = 1 << 11,	   /* has -o markdown, of files */
};

struct ctx;

struct cmd {
	const char *noun;	/* NULL: the verb stands alone */
	const char *verb;	/* what is shown */
	const char *aliases;	/* "rm remove": accepted, too; NULL: none */
	const char *args;	/* as shown to the user: "NAME SUBNET" */
	int min_args, max_args; /* -1: any number */
	unsigned int flags;
	const struct opt *options;	  /* its own; NULL: none */
	const struct out_column *columns; /* of its table; NULL: none */
	const char *help;		  /* one line */
	const char *more;		  /* paragraphs, or NULL */
	const char *examples;		  /* one a line; the first is the hint of an arity error */
	/* What its arguments are, for completion: words of `operands` in complete.c; the last
	 * one is for all that follow, too. NULL: nothing known. */
	const char *operands;
	/* What the words alone show to be wrong; NULL: nothing more. 0, or -EINVAL (USAGE). */
	int (*check)(const struct ctx *ctx, struct nsnet_err *err);
	/* Return: the exit status, or a negative errno with @err filled. */
	int (*run)(struct ctx *ctx, struct nsnet_err *err);
};

/* Ended by a row without verb. */
extern const struct cmd cmd_table[];

/* What a command gets. */
struct ctx {
	const struct cmd *cmd;
	const char *noun; /* set without cmd: `nsnet tenant --help` */
	struct opts opts;
	struct nsnet *n; /* open when the row says CMD_OPENS, unless there is --snapshot */
	const struct nsnet_tenants
		*known; /* whom files may name besides; NULL: those of this host */
	FILE *in;
	int n_words; /* all there were */
	char *const *words;
	int argc; /* its arguments, without options; argv[argc] is NULL */
	char **argv;
};

/*
 * Fills an empty @ctx from the words behind the program's name. Whatever it
 * returns, cmd_clear() gives back what @ctx holds, and ctx->opts.out says how
 * an error is to be printed.
 *
 * Return: 0, or -EINVAL (USAGE)
 */
int cmd_parse(struct ctx *ctx, int argc, char *const *argv, struct nsnet_err *err);
void cmd_clear(struct ctx *ctx);

/* Parses, runs, prints what failed. Return: the exit status. */
int cmd_main(int argc, char *const *argv, FILE *in, FILE *to, FILE *msgs);

/*
 * Wraps every call into the library that may wait for the lock. The timer runs
 * only there: a prompt or a slow reader of our output is not to be interrupted.
 */
#define CMD_WAIT(ctx, call)                                                                        \
	({                                                                                         \
		int waited_;                                                                       \
                                                                                                   \
		cmd_timeout((ctx)->opts.timeout_ms);                                               \
		waited_ = (call);                                                                  \
		cmd_timeout_off();                                                                 \
		waited_;                                                                           \
	})
void cmd_timeout(uint64_t ms);
void cmd_timeout_off(void);

/* Opens the state folder as the environment says. */
int cmd_open(struct ctx *ctx, struct nsnet_err *err);
/* Where that is. */
const char *cmd_state_dir(void);

/* Whether @word is the verb of @cmd or one of its aliases. */
bool cmd_is_verb(const struct cmd *cmd, const char *word);
/* The row of a noun (may be NULL) and a verb or alias, or NULL. */
const struct cmd *cmd_find(const char *noun, const char *verb);
bool cmd_is_noun(const char *word);
/* "tenant add" */
#define CMD_TITLE_SIZE 64
const char *cmd_title(const struct cmd *cmd, char buf[CMD_TITLE_SIZE]);

/* ---- the commands -------------------------------------------------------- */

extern const struct opt tenant_add_options[], tenant_del_options[];
extern const struct out_column tenant_columns[];
int check_tenant_add(const struct ctx *ctx, struct nsnet_err *err);
int check_tenant_del(const struct ctx *ctx, struct nsnet_err *err);
int cmd_tenant_add(struct ctx *ctx, struct nsnet_err *err);
int cmd_tenant_list(struct ctx *ctx, struct nsnet_err *err);
int cmd_tenant_show(struct ctx *ctx, struct nsnet_err *err);
int cmd_tenant_set(struct ctx *ctx, struct nsnet_err *err);
/* Of tenants and of endpoints, by the noun of the row. */
int cmd_del(struct ctx *ctx, struct nsnet_err *err);
int cmd_export(struct ctx *ctx, struct nsnet_err *err);

extern const struct opt endpoint_add_options[], endpoint_del_options[];
extern const struct out_column endpoint_columns[];
int cmd_endpoint_add(struct ctx *ctx, struct nsnet_err *err);
int cmd_endpoint_list(struct ctx *ctx, struct nsnet_err *err);
int cmd_endpoint_show(struct ctx *ctx, struct nsnet_err *err);

extern const struct opt allow_options[], deny_options[], publish_options[], revoke_options[];
/* Also deny: by the verb of the row. */
int cmd_allow(struct ctx *ctx, struct nsnet_err *err);
int cmd_publish(struct ctx *ctx, struct nsnet_err *err);
int cmd_revoke(struct ctx *ctx, struct nsnet_err *err);
extern const struct opt quarantine_options[];
extern const struct out_column quarantine_columns[];
int check_tenant_quarantine(const struct ctx *ctx, struct nsnet_err *err);
int cmd_tenant_quarantine(struct ctx *ctx, struct nsnet_err *err);
int cmd_tenant_release(struct ctx *ctx, struct nsnet_err *err);

/* Of stored rules; those of files have policy_columns, which are some of them. */
extern const struct out_column rule_columns[], policy_columns[];
extern const struct opt policy_list_options[];
extern const struct opt tenant_list_options[];
int check_policy_check(const struct ctx *ctx, struct nsnet_err *err);
int cmd_policy_check(struct ctx *ctx, struct nsnet_err *err);
int cmd_policy_test(struct ctx *ctx, struct nsnet_err *err);
int cmd_policy_list(struct ctx *ctx, struct nsnet_err *err);
int cmd_policy_show(struct ctx *ctx, struct nsnet_err *err);
/* Of the two above, what is stored; and whether a rule ends in so many seconds (0: all do). */
int rules_list(struct ctx *ctx, struct nsnet_err *err);
int rules_show(struct ctx *ctx, struct nsnet_err *err);
bool rule_ends_within(int64_t expires, uint64_t within);
/*
 * The files, in which nothing is wrong; none: standard input. @paths has the texts and
 * has to outlive *@ret. 0, or the first error that is in them.
 */
struct paths;
int policies_good(struct ctx *ctx, int argc, char *const *argv, struct paths *paths,
		  struct nsnet_policies **ret, struct nsnet_err *err);
int cmd_policy_schema(struct ctx *ctx, struct nsnet_err *err);
int cmd_policy_manual(struct ctx *ctx, struct nsnet_err *err);

extern const struct opt plan_options[], diff_options[], apply_options[];
int check_plan(const struct ctx *ctx, struct nsnet_err *err);
int check_apply(const struct ctx *ctx, struct nsnet_err *err);
/* plan: of files when there are any, else of what is stored. */
int cmd_plan(struct ctx *ctx, struct nsnet_err *err);
int cmd_diff(struct ctx *ctx, struct nsnet_err *err);
int cmd_apply(struct ctx *ctx, struct nsnet_err *err);
/* What differs, what opens and closes, what was done besides; of a rollback, too. */
struct nsnet_applied;
void apply_details(const struct out *o, const struct nsnet_applied *a, bool dry_run);
extern const struct opt rollback_options[];
extern const struct out_column generation_columns[]; /* of a struct nsnet_generation */
int check_rollback(const struct ctx *ctx, struct nsnet_err *err);
int cmd_rollback(struct ctx *ctx, struct nsnet_err *err);
int cmd_confirm(struct ctx *ctx, struct nsnet_err *err);
/* until.c: waits for what waits, and takes it back. */
int cmd_settle(struct ctx *ctx, struct nsnet_err *err);
/* `plan` without files; and the status of --exit-code when there is something to do. */
int plan_stored(struct ctx *ctx, struct nsnet_err *err);
enum { PLAN_HAS_STEPS = 10 };
int cmd_repair(struct ctx *ctx, struct nsnet_err *err);
int cmd_gc(struct ctx *ctx, struct nsnet_err *err);
int cmd_status(struct ctx *ctx, struct nsnet_err *err);

extern const struct opt monitor_options[];
int check_monitor(const struct ctx *ctx, struct nsnet_err *err);
int cmd_monitor(struct ctx *ctx, struct nsnet_err *err);

int check_id(const struct ctx *ctx, struct nsnet_err *err);
int check_whose_uid(const struct ctx *ctx, struct nsnet_err *err);
int cmd_id(struct ctx *ctx, struct nsnet_err *err);
int cmd_whose_uid(struct ctx *ctx, struct nsnet_err *err);
extern const struct opt exceptions_options[];
extern const struct out_column exception_columns[];
int cmd_exceptions(struct ctx *ctx, struct nsnet_err *err);
extern const struct opt doctor_options[];
int check_doctor(const struct ctx *ctx, struct nsnet_err *err);
int cmd_doctor(struct ctx *ctx, struct nsnet_err *err);
extern const struct opt self_check_options[];
extern const struct out_column self_check_columns[];
int check_self_check(const struct ctx *ctx, struct nsnet_err *err);
int cmd_self_check(struct ctx *ctx, struct nsnet_err *err);

extern const struct opt verify_options[], explain_options[], who_can_options[];
extern const struct opt matrix_options[], graph_options[], snapshot_options[];
extern const struct out_column opener_columns[]; /* of a struct nsnet_opener */
int check_verify(const struct ctx *ctx, struct nsnet_err *err);
int cmd_verify(struct ctx *ctx, struct nsnet_err *err);
int cmd_explain(struct ctx *ctx, struct nsnet_err *err);
int check_explain(const struct ctx *ctx, struct nsnet_err *err);
extern const struct opt trace_options[];
int cmd_trace(struct ctx *ctx, struct nsnet_err *err);
int cmd_who_can(struct ctx *ctx, struct nsnet_err *err);
int cmd_matrix(struct ctx *ctx, struct nsnet_err *err);
int cmd_graph(struct ctx *ctx, struct nsnet_err *err);
int cmd_snapshot(struct ctx *ctx, struct nsnet_err *err);

extern const struct opt enter_options[];
int check_enter(const struct ctx *ctx, struct nsnet_err *err);
int cmd_enter(struct ctx *ctx, struct nsnet_err *err);

extern const struct opt run_options[];
int check_run(const struct ctx *ctx, struct nsnet_err *err);
int cmd_run(struct ctx *ctx, struct nsnet_err *err);

int cmd_help(struct ctx *ctx, struct nsnet_err *err);
int cmd_version(struct ctx *ctx, struct nsnet_err *err);

int check_completion(const struct ctx *ctx, struct nsnet_err *err);
int cmd_completion(struct ctx *ctx, struct nsnet_err *err);
int cmd_complete(struct ctx *ctx, struct nsnet_err *err);

/* ---- help texts ---------------------------------------------------------- */

void help_overview(FILE *to);
void help_noun(FILE *to, const char *noun);
void help_command(FILE *to, const struct cmd *cmd);
/* The topics, by place; NULL at the end. */
const char *help_topic(size_t i);
/* Prints the help that `ctx->opts.help` asks for. */
int help_asked(struct ctx *ctx, struct nsnet_err *err);

#endif
