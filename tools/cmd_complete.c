/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * completion: a script for the shell, and `__complete`, which it asks
 *
 * `nsnet __complete -- WORD...` prints what can stand for the last word, one a
 * line; the one word "@file" means that it is a file. It never fails and never
 * says anything else: it runs while somebody is typing.
 */
#include <string.h>

#include "cmd.h"
#include "ref.h"
#include "view.h"
#include "view_quarantine.h"
#include "view_rule.h"

/* Nobody waits longer for a name. */
#define NAMES_MS 500

struct state {
	struct ctx *ctx;
	const struct cmd *cmd;
	const char *noun;
	const struct opt *waiting; /* an option whose value is the next word */
	int operands;		   /* before the last word */
	const char *topic;	   /* the first of them */
	bool ended;		   /* behind "--" */
	const char *word;	   /* to be completed */
	const char *prefix;	   /* printed before it: "--output=" */
	int prefix_len;
};

static FILE *to(const struct state *s)
{
	return s->ctx->opts.out.to;
}

/* Prints a candidate, when it begins like the word. */
static void offer(const struct state *s, const char *text, const char *suffix)
{
	if (strncmp(text, s->word, strlen(s->word)) == 0)
		fprintf(to(s), "%.*s%s%s\n", s->prefix_len, s->prefix, text, suffix);
}

static void offer_words(const struct state *s, const char *words)
{
	while (*words) {
		size_t len = strcspn(words, " ");
		NSN_AUTO(nsn_freep) char *word = strndup(words, len);

		if (word)
			offer(s, word, "");
		words += len + (words[len] == ' ');
	}
}

/* ---- names --------------------------------------------------------------- */

/* Without the right to look, or without a state folder, there are no names: none is made. */
static bool open_store(struct ctx *ctx)
{
	ctx->opts.timeout_ms = NAMES_MS;
	return access(cmd_state_dir(), R_OK | X_OK) == 0 && (ctx->n || cmd_open(ctx, NULL) == 0);
}

static struct nsnet_tenants *names(const struct state *s)
{
	struct nsnet_tenants *list = NULL;
	struct ctx *ctx = s->ctx;

	if (!open_store(ctx))
		return NULL;
	if (CMD_WAIT(ctx, nsnet_tenant_list(ctx->n, 0, &list, NULL)) < 0)
		return NULL;
	return list;
}

static void offer_tenants(const struct state *s, const char *suffix)
{
	NSN_AUTO(nsnet_tenants_freep) struct nsnet_tenants *list = names(s);

	for (size_t i = 0; list && i < nsnet_tenants_count(list); i++)
		offer(s, nsnet_tenant_name(nsnet_tenants_at(list, i)), suffix);
}

static void offer_endpoints(const struct state *s)
{
	NSN_AUTO(nsnet_tenants_freep) struct nsnet_tenants *list = names(s);

	for (size_t k = 0; list && k < nsnet_tenants_count(list); k++) {
		const struct nsnet_tenant *t = nsnet_tenants_at(list, k);

		for (size_t i = 0; i < nsnet_tenant_endpoints(t); i++) {
			NSN_AUTO(nsn_freep) char *name = NULL;

			if (asprintf(&name, "%s/%s", nsnet_tenant_name(t),
				     nsnet_endpoint_name(t, i)) < 0)
				name = NULL;
			else
				offer(s, name, "");
		}
	}
}

static void offer_rules(const struct state *s)
{
	NSN_AUTO(nsnet_rules_freep) struct nsnet_rules *rules = NULL;
	struct ctx *ctx = s->ctx;

	if (!open_store(ctx) || CMD_WAIT(ctx, nsnet_rule_list(ctx->n, 0, &rules, NULL)) < 0)
		return;
	for (size_t i = 0; i < nsnet_rules_count(rules); i++) {
		struct nsnet_rule rule;

		nsnet_rules_get(rules, i, &rule);
		offer(s, rule.name, "");
	}
}

static void offer_quarantined(const struct state *s)
{
	NSN_AUTO(nsnet_quarantines_freep) struct nsnet_quarantines *list = NULL;
	struct ctx *ctx = s->ctx;

	if (!open_store(ctx) || CMD_WAIT(ctx, nsnet_quarantine_list(ctx->n, &list, NULL)) < 0)
		return;
	for (size_t i = 0; i < nsnet_quarantines_count(list); i++) {
		struct nsnet_quarantined q;

		nsnet_quarantines_get(list, i, &q);
		offer(s, q.who, "");
	}
}

/* Each label once, whoever carries it. */
static void offer_labels(const struct state *s)
{
	NSN_AUTO(nsnet_tenants_freep) struct nsnet_tenants *list = names(s);
	NSN_AUTO(out_json_unref) json_t *seen = json_object();

	for (size_t k = 0; list && k < nsnet_tenants_count(list); k++) {
		const struct nsnet_tenant *t = nsnet_tenants_at(list, k);

		for (size_t i = 0; i < nsnet_tenant_labels(t); i++) {
			NSN_AUTO(nsn_freep) char *text = NULL;

			if (asprintf(&text, "label:%s=%s", nsnet_tenant_label_key(t, i),
				     nsnet_tenant_label_value(t, i)) < 0)
				text = NULL;
			else if (!json_object_get(seen, text) &&
				 json_object_set_new(seen, text, json_true()) == 0)
				offer(s, text, "");
		}
	}
}

/* ---- words of ours ------------------------------------------------------- */

static void offer_settings(const struct state *s)
{
	static const char *const keys[] = {"subnet",	 "subnet6", "mtu",   "rate",   "new-flows",
					   "open-flows", "inside",  "label", "owners", "dns"};
	static const char *const values[] = {
		"subnet=auto",	   "subnet6=auto", "subnet6=none", "rate=none",	  "new-flows=none",
		"open-flows=none", "inside=allow", "inside=deny",  "owners=none", "dns=none"};

	if (!strchr(s->word, '=')) {
		for (size_t i = 0; i < NSN_COUNT(keys); i++)
			offer(s, keys[i], "=");
		return;
	}
	for (size_t i = 0; i < NSN_COUNT(values); i++)
		offer(s, values[i], "");
}

/* The words that a command line can begin with, or those behind a noun. */
static void offer_commands(const struct state *s, const char *noun)
{
	const char *last = "";

	for (const struct cmd *c = cmd_table; c->verb; c++) {
		const char *word = c->noun && !noun ? c->noun : c->verb;

		if (c->flags & CMD_HIDDEN || (noun && (!c->noun || strcmp(c->noun, noun) != 0)) ||
		    strcmp(word, last) == 0)
			continue;
		last = word;
		offer(s, word, "");
	}
}

static void offer_topics(const struct state *s)
{
	for (size_t i = 0; help_topic(i); i++)
		offer(s, help_topic(i), "");
	for (int id = NSNET_E_NONE + 1; id < NSNET_E_COUNT; id++)
		offer(s, nsnet_code_name((enum nsnet_code)id), "");
}

static void offer_options(const struct state *s)
{
	const struct opt *const tables[] = {s->cmd ? s->cmd->options : NULL, opt_global};

	for (size_t i = 0; i < NSN_COUNT(tables); i++) {
		for (const struct opt *t = tables[i]; t && t->name; t++) {
			NSN_AUTO(nsn_freep) char *name = NULL;

			if (s->cmd && t->only && !(s->cmd->flags & t->only))
				continue;
			if (asprintf(&name, "--%s", t->name) < 0)
				name = NULL;
			else
				offer(s, name, "");
		}
	}
}

/* A list with commas: @words offers what can be behind the last one. */
static void offer_list(struct state *s, void (*words)(const struct state *s))
{
	const char *comma = strrchr(s->word, ',');
	NSN_AUTO(nsn_freep) char *before = NULL;

	if (comma) {
		if (asprintf(&before, "%.*s%.*s", s->prefix_len, s->prefix,
			     (int)(comma + 1 - s->word), s->word) < 0) {
			before = NULL;
			return;
		}
		s->word = comma + 1;
		s->prefix = before;
		s->prefix_len = (int)strlen(before);
	}
	words(s);
	s->prefix_len = 0;
}

static void offer_columns(const struct state *s)
{
	for (const struct out_column *c = s->cmd ? s->cmd->columns : NULL; c && c->name; c++)
		offer(s, c->name, "");
}

static void offer_who(const struct state *s)
{
	offer_tenants(s, "");
	offer_endpoints(s);
	offer_labels(s);
}

static void offer_peers(const struct state *s)
{
	offer_who(s);
	offer(s, "tenants", "");
}

static void offer_ports(const struct state *s)
{
	offer_words(s, "any tcp tcp/ udp udp/ sctp icmp icmp/echo");
}

static void offer_values(struct state *s, const char *values)
{
	if (!values)
		return;
	if (strcmp(values, "@file") == 0)
		fputs("@file\n", to(s));
	else if (strcmp(values, "@columns") == 0)
		offer_list(s, offer_columns);
	else if (values[0] != '@')
		offer_words(s, values);
}

/* ---- where the last word stands ------------------------------------------ */

static void take_option(struct state *s, const char *word)
{
	const struct opt *own = s->cmd ? s->cmd->options : NULL, *t;

	if (strncmp(word, "--", 2) == 0) {
		size_t len = strcspn(word + 2, "=");

		t = opt_find(own, word + 2, len);
		if (!t)
			t = opt_find(opt_global, word + 2, len);
		if (t && t->arg && !word[2 + len])
			s->waiting = t;
		return;
	}
	for (const char *p = word + 1; *p; p++) {
		t = opt_find_letter(own, *p);
		if (!t)
			t = opt_find_letter(opt_global, *p);
		if (t && t->arg) {
			/* What follows in the same word is its value. */
			s->waiting = p[1] ? NULL : t;
			return;
		}
	}
}

static void take_word(struct state *s, const char *word)
{
	if (s->waiting) {
		s->waiting = NULL;
	} else if (!s->ended && strcmp(word, "--") == 0) {
		s->ended = true;
	} else if (!s->ended && opt_is(word)) {
		take_option(s, word);
	} else if (!s->cmd && !s->noun) {
		s->cmd = cmd_find(NULL, word);
		s->noun = s->cmd ? NULL : word;
	} else if (!s->cmd) {
		s->cmd = cmd_find(s->noun, word);
	} else {
		if (s->operands++ == 0)
			s->topic = word;
		if (s->cmd->flags & CMD_TAIL && s->operands > s->cmd->min_args)
			s->ended = true;
	}
}

/* `--output=js`: the value of an option in the same word. */
static bool value_in_word(struct state *s)
{
	const char *equals = strchr(s->word, '=');
	const struct opt *t = NULL;
	size_t len;

	if (strncmp(s->word, "--", 2) != 0 || !equals)
		return false;
	len = (size_t)(equals - s->word);
	if (s->cmd)
		t = opt_find(s->cmd->options, s->word + 2, len - 2);
	if (!t)
		t = opt_find(opt_global, s->word + 2, len - 2);
	s->prefix = s->word;
	s->prefix_len = (int)len + 1;
	s->word = equals + 1;
	offer_values(s, t ? t->values : NULL);
	return true;
}

static bool is(const char *kind, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(kind, name, len) == 0;
}

/* What the operand at this place is: see `operands` in cmd.h. */
static void offer_operand(struct state *s)
{
	const char *kind = s->cmd->operands;
	size_t len;

	if (!kind || (s->cmd->max_args >= 0 && s->operands >= s->cmd->max_args))
		return;
	for (int i = 0; i < s->operands && kind[strcspn(kind, " ")]; i++)
		kind += strcspn(kind, " ") + 1;
	len = strcspn(kind, " ");

	if (is(kind, len, "tenant")) {
		offer_tenants(s, "");
	} else if (is(kind, len, "endpoint")) {
		offer_endpoints(s);
	} else if (is(kind, len, "tenant/")) {
		offer_tenants(s, "/");
	} else if (is(kind, len, "either")) {
		offer_tenants(s, "");
		offer_endpoints(s);
	} else if (is(kind, len, "who")) {
		offer_who(s);
	} else if (is(kind, len, "peer")) {
		offer_list(s, offer_peers);
	} else if (is(kind, len, "ports")) {
		offer_list(s, offer_ports);
	} else if (is(kind, len, "quarantined")) {
		offer_quarantined(s);
	} else if (is(kind, len, "rule")) {
		offer_rules(s);
	} else if (is(kind, len, "setting")) {
		offer_settings(s);
	} else if (is(kind, len, "subnet")) {
		offer(s, "auto", "");
	} else if (is(kind, len, "topic")) {
		/* Behind a noun its verbs. */
		offer_commands(s, s->operands > 0 ? s->topic : NULL);
		if (s->operands == 0)
			offer_topics(s);
	} else if (is(kind, len, "shell")) {
		offer(s, "bash", "");
	} else if (is(kind, len, "file")) {
		fputs("@file\n", to(s));
	}
}

int cmd_complete(struct ctx *ctx, struct nsnet_err *err)
{
	struct state s = {.ctx = ctx, .prefix = "", .word = ""};

	(void)err;
	for (int i = 0; i + 1 < ctx->argc; i++)
		take_word(&s, ctx->argv[i]);
	if (ctx->argc > 0)
		s.word = ctx->argv[ctx->argc - 1];

	if (s.waiting)
		offer_values(&s, s.waiting->values);
	else if (!s.ended && value_in_word(&s))
		return 0;
	else if (!s.ended && s.word[0] == '-')
		offer_options(&s);
	else if (s.cmd)
		offer_operand(&s);
	else
		offer_commands(&s, s.noun);
	return 0;
}

/* ---- the script ---------------------------------------------------------- */

/*
 * bash breaks words at '=' and ':', too (COMP_WORDBREAKS), and replaces only what
 * is behind them: the words are put together again, and what it keeps is taken
 * off the candidates.
 */
static const char bash_script[] =
	"# nsnet(8) completion for bash. Made by `nsnet completion bash`.\n"
	"_nsnet() {\n"
	"\tlocal words=() i word cur line breaks\n"
	"\n"
	"\tCOMPREPLY=()\n"
	"\tfor ((i = 1; i <= COMP_CWORD; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tif ((${#words[@]} > 0)) && [[ $word == [=:] ||\n"
	"\t\t\t(${COMP_WORDS[i - 1]} == [=:] && ${words[-1]} == *[=:]) ]]; then\n"
	"\t\t\twords[-1]+=$word\n"
	"\t\telse\n"
	"\t\t\twords+=(\"$word\")\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tcur=${words[-1]}\n"
	"\tbreaks=${COMP_WORDBREAKS//[^=:]/}\n"
	"\tbreaks=${breaks:-' '}\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tif [[ $line == @file ]]; then\n"
	"\t\t\twhile IFS= read -r line; do\n"
	"\t\t\t\tCOMPREPLY+=(\"$line\")\n"
	"\t\t\tdone < <(compgen -f -- \"${cur##*=}\")\n"
	"\t\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\t\treturn 0\n"
	"\t\tfi\n"
	"\t\tline=${line#\"${cur%\"${cur##*[$breaks]}\"}\"}\n"
	"\t\tCOMPREPLY+=(\"$line\")\n"
	"\tdone < <(\"${COMP_WORDS[0]}\" __complete -- \"${words[@]}\" 2>/dev/null)\n"
	"\tif [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/] ]]; then\n"
	"\t\tcompopt -o nospace 2>/dev/null\n"
	"\tfi\n"
	"\treturn 0\n"
	"}\n"
	"complete -F _nsnet nsnet\n";

int check_completion(const struct ctx *ctx, struct nsnet_err *err)
{
	if (strcmp(ctx->argv[0], "bash") == 0)
		return 0;
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "there is no completion for '%s'", ctx->argv[0]);
	return nsn_err_hint(err, -EINVAL, "nsnet completion bash");
}

int cmd_completion(struct ctx *ctx, struct nsnet_err *err)
{
	(void)err;
	fputs(bash_script, ctx->opts.out.to);
	return 0;
}
