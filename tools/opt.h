/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_OPT_H
#define NSNET_TOOLS_OPT_H

/*
 * opt - options by table
 *
 * `--name value`, `--name=value`, `-x value`, `-xvalue`, switches bundled as
 * `-jn`. No abbreviations: a script that uses one breaks when a longer
 * neighbour is added. An option is given once, unless its setter collects.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../lib/base/err.h"
#include "out.h"

struct opt;

/* The values of an option that may be given many times, in order. */
struct opt_many {
	const char **values;
	size_t n;
};

/* All options of all commands; a command reads those of its row. */
struct opts {
	struct out out;
	bool dry_run, yes, help, version;
	uint64_t timeout_ms;

	bool must_create;		    /* add */
	bool if_exists;			    /* del */
	bool check;			    /* tenant list */
	bool all;			    /* tenant del */
	bool active;			    /* exceptions */
	bool exit_code;			    /* plan, apply */
	const char *fix, *unfix;	    /* doctor */
	struct opt_many files;		    /* plan, diff, apply */
	bool prune;			    /* plan, diff, apply */
	uint64_t prune_tenants;		    /* apply, rollback */
	uint64_t confirm_ms;		    /* apply */
	bool detach;			    /* apply */
	bool list;			    /* rollback */
	bool gateway;			    /* enter */
	const char *file;		    /* tenant add */
	const char *subnet6, *inside, *mtu; /* tenant add */
	const char *rate;		    /* tenant add, endpoint add */
	const char *new_flows, *open_flows; /* tenant add */
	const char *dns;		    /* tenant add */
	const char *ip, *ip6;		    /* endpoint add */
	struct opt_many labels, owners;	    /* tenant add */
	bool with_rules;		    /* tenant del */
	const char *because;		    /* allow, deny, tenant quarantine */
	const char *name, *owner;	    /* allow, deny */
	const char *expires, *log;	    /* allow, deny */
	struct opt_many keep;		    /* tenant quarantine */
	struct opt_many from;		    /* publish */
	uint64_t expiring_s;		    /* policy list; 0: all */
	uint64_t for_ms, count;		    /* monitor; 0: without end */
	const char *workload;		    /* self-check */
	const char *snapshot;		    /* verify, explain, who-can, matrix, graph, plan */
	uint64_t seconds;		    /* verify, matrix; 0: the usual ones */
	bool model;			    /* verify */
	bool probe, canaries, aggressive;   /* verify, explain */
	bool ipv6;			    /* explain, trace */
	bool any_host;			    /* verify */
	bool force;			    /* snapshot */
	bool self_test;			    /* verify */
	/* run */
	const char *user, *map_user, *rootfs, *scratch, *cwd, *hostname, *seccomp;
	const char *until, *status_fd;
	struct opt_many volumes, etc, env, fds, caps, shares;
	bool time_ns, dangerous;

	const struct opt *format_by; /* what chose the format, or NULL */
	uint64_t seen[2];	     /* by table (global, own) and row */
};

struct opt {
	const char *name; /* without dashes */
	char letter;	  /* 0: none */
	const char *arg;  /* the value as shown to the user; NULL: a switch */
	const char *help;
	/* Means something only for commands with one of these flags; 0: for all. */
	unsigned int only;
	size_t offset; /* of the field in struct opts, for the setters that need one */
	/* @typed is the option as written, for messages. */
	int (*set)(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		   struct nsnet_err *err);
	/*
	 * What a value can be: words, or @file, @columns, @label. Choices are checked
	 * by it, and completion offers it. NULL: anything.
	 */
	const char *values;
};

/* Setters */
int opt_set_true(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		 struct nsnet_err *err);
int opt_set_text(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		 struct nsnet_err *err);
/* Takes any number of values. */
int opt_set_many(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		 struct nsnet_err *err);
int opt_set_duration(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		     struct nsnet_err *err);
/* A number, at least 1. */
int opt_set_number(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		   struct nsnet_err *err);
/* Seconds, at least one: 90m, 12h, 14d, 4w. */
int opt_set_span(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		 struct nsnet_err *err);
int opt_set_color(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		  struct nsnet_err *err);
int opt_set_progress(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		     struct nsnet_err *err);
int opt_set_format(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		   struct nsnet_err *err);

/* Gives back what the options hold. */
void opts_clear(struct opts *o);

/* The options that every command has; ended by a row without name. */
extern const struct opt opt_global[];

/* Strict: digits and one of ms, s, m, h. 0, or -EINVAL. */
int opt_duration_parse(uint64_t *ret_ms, const char *text);
/* "table, wide, ...", for messages. */
#define OPT_FORMATS "table, wide, json, yaml, csv, name, markdown, dot, mermaid"
/* 0, or -EINVAL. */
int opt_format_parse(enum out_format *ret, const char *text);

/* The row of a long or a short option, or NULL. */
const struct opt *opt_find(const struct opt *table, const char *name, size_t len);
const struct opt *opt_find_letter(const struct opt *table, char letter);

/* Whether @word is an option: a dash and something behind it. */
bool opt_is(const char *word);

/**
 * opt_take() - Take the option at words[0]
 * @o:     Where the values go
 * @own:   The command's own options, or NULL while it is not known
 * @n:     Number of words
 * @words: The option, its value, what follows
 * @err:   Filled on failure
 *
 * Return: how many words it took, or -ENOENT (USAGE: no such option), -EINVAL
 * (USAGE: given twice, no value, bad value)
 */
int opt_take(struct opts *o, const struct opt *own, int n, char *const *words,
	     struct nsnet_err *err);

/* The rows of a table as aligned lines for a help text. */
void opt_help(FILE *to, const struct opt *table);

#endif
