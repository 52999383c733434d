/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "opt.h"

#include <string.h>

#include "../lib/base/cleanup.h"
#include "../lib/base/text.h"
#include "cmd.h"
#include "near.h"

const struct opt opt_global[] = {
	{"json", 'j', NULL, "print JSON, the same as -o json", 0, 0, opt_set_format},
	{"output", 'o', "FORMAT", "table, wide, json, yaml, csv (lists), or name (names only)", 0,
	 0, opt_set_format, "table wide json yaml csv name markdown dot mermaid"},
	{"columns", 0, "A,B", "the columns of a table, and their order", CMD_TABLE,
	 offsetof(struct opts, out.columns), opt_set_text, "@columns"},
	{"no-header", 0, NULL, "a list without the line of column names", CMD_TABLE,
	 offsetof(struct opts, out.no_header), opt_set_true},
	{"quiet", 'q', NULL, "no sentences about what was done, no notes", 0,
	 offsetof(struct opts, out.quiet), opt_set_true},
	{"verbose", 'v', NULL, "print the steps, too", 0, offsetof(struct opts, out.verbose),
	 opt_set_true},
	{"dry-run", 'n', NULL, "say what would be done, do nothing", CMD_CHANGES,
	 offsetof(struct opts, dry_run), opt_set_true},
	{"yes", 'y', NULL, "do not ask", 0, offsetof(struct opts, yes), opt_set_true},
	{"color", 0, "WHEN", "auto, always, or never", 0, 0, opt_set_color, "auto always never"},
	{"progress", 0, "HOW", "of long work: auto (on a terminal), plain (lines), or never", 0, 0,
	 opt_set_progress, "auto plain never"},
	{"timeout", 0, "DURATION",
	 "how long to wait for another nsnet that holds the state folder (30s)", 0,
	 offsetof(struct opts, timeout_ms), opt_set_duration},
	{"help", 'h', NULL, "print help for the command", 0, offsetof(struct opts, help),
	 opt_set_true},
	{"version", 0, NULL, "print the version", 0, offsetof(struct opts, version), opt_set_true},
	{0},
};

/* ---- values -------------------------------------------------------------- */

static void *field(struct opts *o, const struct opt *opt)
{
	return (char *)o + opt->offset;
}

int opt_set_true(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		 struct nsnet_err *err)
{
	(void)typed;
	(void)value;
	(void)err;
	*(bool *)field(o, opt) = true;
	return 0;
}

int opt_set_text(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		 struct nsnet_err *err)
{
	(void)typed;
	(void)err;
	*(const char **)field(o, opt) = value;
	return 0;
}

int opt_duration_parse(uint64_t *ret_ms, const char *text)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	size_t digits = strspn(text, "0123456789");
	char number[16];
	uint64_t n;

	if (digits >= sizeof(number))
		return -EINVAL;
	memcpy(number, text, digits);
	number[digits] = '\0';
	for (size_t i = 0; i < NSN_COUNT(units); i++) {
		if (strcmp(text + digits, units[i].name) != 0)
			continue;
		/* A day is more than anybody waits for a lock. */
		if (nsn_u64_parse(&n, number, UINT64_C(86400000) / units[i].ms) < 0)
			return -EINVAL;
		*ret_ms = n * units[i].ms;
		return 0;
	}
	return -EINVAL;
}

int opt_set_duration(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		     struct nsnet_err *err)
{
	if (opt_duration_parse(field(o, opt), value) == 0)
		return 0;
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE,
		      "option '%s': '%s' is not a duration of at most 24h", typed, value);
	return nsn_err_hint(err, -EINVAL, "--%s 500ms, --%s 30s, --%s 5m", opt->name, opt->name,
			    opt->name);
}

int opt_set_number(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		   struct nsnet_err *err)
{
	uint64_t n;

	if (nsn_u64_parse(&n, value, UINT64_C(1000000000000)) == 0 && n > 0) {
		*(uint64_t *)field(o, opt) = n;
		return 0;
	}
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "option '%s': '%s' is not a number from 1 on",
		      typed, value);
	return nsn_err_hint(err, -EINVAL, "--%s 10", opt->name);
}

int opt_set_span(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		 struct nsnet_err *err)
{
	static const struct {
		const char *name;
		uint64_t s;
	} units[] = {{"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
	/* A hundred years: what is added to now stays a time. */
	const uint64_t max = UINT64_C(36500) * 86400;
	size_t digits = strspn(value, "0123456789");
	char number[16] = "";
	uint64_t n;

	if (digits < sizeof(number))
		memcpy(number, value, digits);
	for (size_t i = 0; i < NSN_COUNT(units); i++) {
		if (strcmp(value + digits, units[i].name) != 0 ||
		    nsn_u64_parse(&n, number, max / units[i].s) < 0 || n == 0)
			continue;
		*(uint64_t *)field(o, opt) = n * units[i].s;
		return 0;
	}
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE,
		      "option '%s': '%s' is not a time from now: a number and m, h, d or w", typed,
		      value);
	return nsn_err_hint(err, -EINVAL, "--%s 14d", opt->name);
}

int opt_set_many(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		 struct nsnet_err *err)
{
	struct opt_many *many = field(o, opt);
	const char **more = reallocarray(many->values, many->n + 1, sizeof(*more));

	(void)typed;
	if (!more)
		return nsn_err_nomem(err);
	more[many->n++] = value;
	many->values = more;
	return 0;
}

void opts_clear(struct opts *o)
{
	struct opt_many *const all[] = {&o->labels, &o->owners,	 &o->keep,  &o->from,
					&o->files,  &o->volumes, &o->etc,   &o->env,
					&o->fds,    &o->caps,	 &o->shares};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		free(all[i]->values);
		*all[i] = (struct opt_many){0};
	}
}

/* Which of @names the value is. Return: its place, or -EINVAL. */
static int choose(const char *const *names, size_t n, const struct opt *opt, const char *typed,
		  const char *value, struct nsnet_err *err)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(value, names[i]) == 0)
			return (int)i;
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "option '%s': '%s' is not one of %s, %s, %s",
		      typed, value, names[0], names[1], names[2]);
	return nsn_err_hint(err, -EINVAL, "--%s never", opt->name);
}

int opt_set_color(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		  struct nsnet_err *err)
{
	static const char *const names[] = {
		[OUT_COLOR_AUTO] = "auto",
		[OUT_COLOR_ALWAYS] = "always",
		[OUT_COLOR_NEVER] = "never",
	};
	int i = choose(names, NSN_COUNT(names), opt, typed, value, err);

	if (i < 0)
		return i;
	o->out.color = (enum out_color)i;
	return 0;
}

int opt_set_progress(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		     struct nsnet_err *err)
{
	static const char *const names[] = {
		[OUT_PROGRESS_AUTO] = "auto",
		[OUT_PROGRESS_PLAIN] = "plain",
		[OUT_PROGRESS_NEVER] = "never",
	};
	int i = choose(names, NSN_COUNT(names), opt, typed, value, err);

	if (i < 0)
		return i;
	o->out.progress = (enum out_progress)i;
	return 0;
}

static const char *const format_names[] = {
	[OUT_TABLE] = "table",	     [OUT_WIDE] = "wide", [OUT_JSON] = "json",
	[OUT_YAML] = "yaml",	     [OUT_CSV] = "csv",	  [OUT_NAME] = "name",
	[OUT_MARKDOWN] = "markdown", [OUT_DOT] = "dot",	  [OUT_MERMAID] = "mermaid",
};

int opt_format_parse(enum out_format *ret, const char *text)
{
	for (size_t i = 0; i < NSN_COUNT(format_names); i++) {
		if (strcmp(text, format_names[i]) == 0) {
			*ret = (enum out_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Both --json and --output; only the latter has a value. */
int opt_set_format(struct opts *o, const struct opt *opt, const char *typed, const char *value,
		   struct nsnet_err *err)
{
	enum out_format format = OUT_JSON;
	struct near near = {0};

	if (opt->arg && opt_format_parse(&format, value) < 0) {
		for (size_t i = 0; i < NSN_COUNT(format_names); i++)
			near_try(&near, value, format_names[i]);
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE,
			      "option '%s': '%s' is not one of " OPT_FORMATS, typed, value);
		return nsn_err_hint(err, -EINVAL, "-o %s", near.word ? near.word : "json");
	}
	if (o->format_by && o->out.format != format) {
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE,
			      "options '--%s' and '--%s' ask for different output",
			      o->format_by->name, opt->name);
		return nsn_err_hint(err, -EINVAL, "give one of them");
	}
	o->out.format = format;
	o->format_by = opt;
	return 0;
}

/* ---- words --------------------------------------------------------------- */

bool opt_is(const char *word)
{
	return word[0] == '-' && word[1];
}

const struct opt *opt_find(const struct opt *table, const char *name, size_t len)
{
	for (; table && table->name; table++)
		if (strlen(table->name) == len && memcmp(table->name, name, len) == 0)
			return table;
	return NULL;
}

const struct opt *opt_find_letter(const struct opt *table, char letter)
{
	for (; table && table->name; table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

/* @own is NULL for a global option: it tells in which table the row is. */
static int set(struct opts *o, const struct opt *own, const struct opt *opt, const char *typed,
	       const char *value, struct nsnet_err *err)
{
	uint64_t bit = UINT64_C(1) << (opt - (own ? own : opt_global));
	uint64_t *seen = &o->seen[own ? 1 : 0];

	if (*seen & bit && opt->set != opt_set_many) {
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "option '%s' is given twice", typed);
		return nsn_err_hint(err, -EINVAL, "give --%s once", opt->name);
	}
	*seen |= bit;
	return opt->set(o, opt, typed, value, err);
}

static int no_value(const struct opt *opt, const char *typed, struct nsnet_err *err)
{
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "option '%s' needs a value", typed);
	return nsn_err_hint(err, -EINVAL, "--%s %s", opt->name, opt->arg);
}

static int unknown(const struct opt *own, const char *typed, const char *name,
		   struct nsnet_err *err)
{
	struct near near = {0};

	(void)nsn_err(err, -ENOENT, NSNET_E_USAGE, "unknown option '%s'", typed);
	for (const struct opt *t = opt_global; name && t->name; t++)
		near_try(&near, name, t->name);
	for (const struct opt *t = own; name && t && t->name; t++)
		near_try(&near, name, t->name);
	if (!near.word)
		return -ENOENT;
	return nsn_err_hint(err, -ENOENT, "did you mean --%s?", near.word);
}

static int take_long(struct opts *o, const struct opt *own, int n, char *const *words,
		     struct nsnet_err *err)
{
	const char *name = words[0] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	NSN_AUTO(nsn_freep) char *typed = strndup(words[0], len + 2);
	const struct opt *table = own, *opt = opt_find(own, name, len);
	int r;

	if (!typed)
		return nsn_err_nomem(err);
	if (!opt) {
		table = NULL;
		opt = opt_find(opt_global, name, len);
	}
	if (!opt)
		return unknown(own, typed, typed + 2, err);
	if (!opt->arg && equals) {
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "option '%s' takes no value", typed);
		return nsn_err_hint(err, -EINVAL, "%s", typed);
	}
	if (opt->arg && !equals && n < 2)
		return no_value(opt, typed, err);

	r = set(o, table, opt, typed, equals ? equals + 1 : n > 1 ? words[1] : NULL, err);
	return r < 0 ? r : opt->arg && !equals ? 2 : 1;
}

static int take_short(struct opts *o, const struct opt *own, int n, char *const *words,
		      struct nsnet_err *err)
{
	for (const char *p = words[0] + 1; *p; p++) {
		const struct opt *table = own, *opt = opt_find_letter(own, *p);
		char typed[] = {'-', *p, '\0'};
		int r;

		if (!opt) {
			table = NULL;
			opt = opt_find_letter(opt_global, *p);
		}
		if (!opt)
			/* -json: one dash is missing, or an unknown letter in a bundle. */
			return words[0][2] ? unknown(own, words[0], words[0] + 1, err)
					   : unknown(own, typed, NULL, err);
		if (opt->arg && !p[1] && n < 2)
			return no_value(opt, typed, err);
		r = set(o, table, opt, typed, p[1] ? p + 1 : n > 1 ? words[1] : NULL, err);
		if (r < 0)
			return r;
		if (opt->arg)
			return p[1] ? 1 : 2;
	}
	return 1;
}

int opt_take(struct opts *o, const struct opt *own, int n, char *const *words,
	     struct nsnet_err *err)
{
	return words[0][1] == '-' ? take_long(o, own, n, words, err)
				  : take_short(o, own, n, words, err);
}

void opt_help(FILE *to, const struct opt *table)
{
	for (; table->name; table++) {
		int used;

		if (table->letter)
			used = fprintf(to, "  -%c, --%s", table->letter, table->name);
		else
			used = fprintf(to, "      --%s", table->name);
		if (table->arg)
			used += fprintf(to, " %s", table->arg);
		fprintf(to, "%*s  %s\n", used < 26 ? 26 - used : 0, "", table->help);
	}
}
