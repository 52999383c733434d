/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allow, deny, revoke: one rule, at once */
#include <string.h>
#include <time.h>

#include "addrule.h"
#include "view_rule.h"
#include "words.h"
#include "work.h"

#define RULE_OPTIONS(because_)                                                                     \
	{"because", 0, "TEXT", because_, 0, offsetof(struct opts, because), opt_set_text},         \
		{"name",      0,                                                                   \
		 "NAME",      "of the rule; else it is made of the words",                         \
		 0,	      offsetof(struct opts, name),                                         \
		 opt_set_text},                                                                    \
		{"expires",   0,                                                                   \
		 "TIME",      "when it ends: 2027-06-30, or 2027-06-30T12:00:00Z",                 \
		 0,	      offsetof(struct opts, expires),                                      \
		 opt_set_text},                                                                    \
		{"owner",     0, "TEXT", "who answers for it", 0, offsetof(struct opts, owner),    \
		 opt_set_text},                                                                    \
		{"log",                                                                            \
		 0,                                                                                \
		 "HOW",                                                                            \
		 "new: connections; all: every packet; else none",                                 \
		 0,                                                                                \
		 offsetof(struct opts, log),                                                       \
		 opt_set_text,                                                                     \
		 "none new all"},                                                                  \
	{                                                                                          \
		"must-create", 0, NULL, "an identical rule is an error, too", 0,                   \
			offsetof(struct opts, must_create), opt_set_true                           \
	}

const struct opt allow_options[] = {
	RULE_OPTIONS("why, or the ticket that says so; needed"),
	{0},
};

const struct opt deny_options[] = {
	RULE_OPTIONS("why, or the ticket that says so"),
	{0},
};

const struct opt publish_options[] = {
	{"from", 0, "PEER", "internet (the default), a network, or host; may be given many times",
	 0, offsetof(struct opts, from), opt_set_many},
	RULE_OPTIONS("why, or the ticket that says so; needed"),
	{0},
};

const struct opt revoke_options[] = {
	{"if-exists", 0, NULL, "a rule that does not exist is no error", 0,
	 offsetof(struct opts, if_exists), opt_set_true},
	{0},
};

/* ", 2 gateways changed" */
static void gateways(FILE *f, const struct nsnet_change *c, bool dry_run)
{
	char count[CHANGE_COUNT_SIZE];

	fprintf(f, ", %s %s", change_count(change_gateways(c), "gateway", "gateways", count),
		dry_run ? "would change" : "changed");
}

/* ---- its name ------------------------------------------------------------ */

void rule_name_add(char name[RULE_NAME_SIZE], const char *text)
{
	size_t len = strlen(name);

	for (; *text && len + 1 < RULE_NAME_SIZE; text++) {
		char c = *text;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
			c = '-';
		if (c != '-' || (len > 0 && name[len - 1] != '-'))
			name[len++] = c;
	}
	name[len] = '\0';
}

void rule_name_end(char name[RULE_NAME_SIZE])
{
	const size_t len = strlen(name);

	if (len > 0 && name[len - 1] == '-')
		name[len - 1] = '\0';
}

/*
 * "customer1-to-customer2-tcp-5432". The same words make the same name, so that
 * they can be said again; deny is part of it: an allow of the same is another rule.
 */
static void name_make(char name[RULE_NAME_SIZE], const struct ctx *ctx, bool deny)
{
	const char first = ctx->argv[0][0];

	name[0] = '\0';
	if (deny)
		rule_name_add(name, "deny-");
	else if (first >= '0' && first <= '9')
		rule_name_add(name, "from-");
	rule_name_add(name, ctx->argv[0]);
	rule_name_add(name, "-to-");
	rule_name_add(name, ctx->argv[1]);
	rule_name_add(name, "-");
	rule_name_add(name, ctx->argv[2]);
	rule_name_end(name);
}

/* ---- allow, deny --------------------------------------------------------- */

struct typed {
	struct words from, to, ports;
};

static void typed_clear(struct typed *t)
{
	words_clear(&t->from);
	words_clear(&t->to);
	words_clear(&t->ports);
}

static int type(struct typed *t, char *const *argv, struct nsnet_err *err)
{
	int r = words_split(&t->from, argv[0], err);

	if (r == 0)
		r = words_split(&t->to, argv[1], err);
	return r < 0 ? r : words_split(&t->ports, argv[2], err);
}

/* Whether it was there before: what changes no gateway may be new all the same. */
static int was_there(struct ctx *ctx, const char *name, bool *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_rules_freep) struct nsnet_rules *rules = NULL;
	int r = CMD_WAIT(ctx, nsnet_rule_list(ctx->n, 0, &rules, err));

	*ret = false;
	for (size_t i = 0; r == 0 && !*ret && i < nsnet_rules_count(rules); i++) {
		struct nsnet_rule rule;

		nsnet_rules_get(rules, i, &rule);
		*ret = strcmp(rule.name, name) == 0;
	}
	return r;
}

static char *sentence(const struct ctx *ctx, const struct nsnet_rule_def *def, const char *words,
		      bool there, const struct nsnet_change *c)
{
	bool dry_run = ctx->opts.dry_run;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fprintf(f, "rule %s %s", def->name,
		there	  ? "unchanged"
		: dry_run ? "would be created"
			  : "created");
	if (!there)
		fprintf(f, ": %s", words);
	if (!there || change_gateways(c) > 0)
		gateways(f, c, dry_run);
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

/*
 * Times were checked by the library, and are written so that they sort: a date
 * alone is the midnight with which it begins, and sorts before all of its day.
 */
static bool is_over(const struct nsnet_rule_def *def)
{
	char now[OUT_TIME_SIZE];

	return def->expires && strcmp(def->expires, out_time((int64_t)time(NULL), now)) <= 0;
}

static int tell(struct ctx *ctx, const struct nsnet_rule_def *def, const char *words,
		const char *note, bool there, const struct nsnet_change *c, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *text = sentence(ctx, def, words, there, c);
	NSN_AUTO(report_clear) struct report report = {0};
	const struct report_subject subject = {
		.key = "rule",
		.name = def->name,
		.outcome = there ? NSNET_UNCHANGED : NSNET_CREATED,
		.sentence = text,
		.note = is_over(def) ? "the rule has ended: it does nothing" : note,
	};
	int r;

	if (!text)
		return nsn_err_nomem(err);
	r = report_init(&report, &ctx->opts.out, "Change", ctx->opts.dry_run, err);
	if (r == 0)
		r = report_borders(&report, &subject, c, err);
	return r < 0 ? r : report_end(&report, NULL, err);
}

/* What helps in words of this command line. */
static int hint(const struct ctx *ctx, const struct nsnet_rule_def *def, int r,
		struct nsnet_err *err)
{
	const struct opts *o = &ctx->opts;

	if (err->id == NSNET_E_BAD_RULE && !def->deny && (!o->because || !*o->because))
		return nsn_err_hint(err, r, "say why: --because CHG-1042");
	if (err->id == NSNET_E_RULE_DIFFERS && !o->name)
		return nsn_err_hint(err, r, "nsnet policy show %s; --name gives this one another",
				    def->name);
	if (err->id == NSNET_E_RULE_DIFFERS)
		return nsn_err_hint(err, r, "nsnet policy show %s", def->name);
	return r;
}

int add_rule(struct ctx *ctx, const struct nsnet_rule_def *def, const char *words, const char *note,
	     struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	const struct opts *o = &ctx->opts;
	const unsigned int flags =
		(o->dry_run ? NSNET_DRY_RUN : 0) | (o->must_create ? NSNET_MUST_CREATE : 0);
	bool there;
	int r = was_there(ctx, def->name, &there, err);

	if (r < 0)
		return r;
	interrupt_defer();
	r = CMD_WAIT(ctx, nsnet_rule_add(ctx->n, def, flags, &c, err));
	return r < 0 ? hint(ctx, def, r, err) : tell(ctx, def, words, note, there, c, err);
}

/* An endpoint is reached from outside by what is published. */
static int hint_publish(const struct ctx *ctx, const struct nsnet_rule_def *def, int r,
			struct nsnet_err *err)
{
	const char *port = def->n_ports == 1 ? strchr(def->ports[0], '/') : NULL;

	if (err->id != NSNET_E_BAD_PUBLISH)
		return r;
	return nsn_err_hint(err, r, "nsnet publish %s %s%s --because CHG-1042", ctx->argv[1],
			    strcmp(ctx->argv[0], "host") == 0 ? "127.0.0.1:" : "",
			    port ? port + 1 : "8080");
}

int cmd_allow(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(typed_clear) struct typed typed = {0};
	NSN_AUTO(nsn_freep) char *words = NULL;
	const struct opts *o = &ctx->opts;
	struct nsnet_rule_def def = {
		.deny = strcmp(ctx->cmd->verb, "deny") == 0,
		.because = o->because,
		.owner = o->owner,
		.expires = o->expires,
		.log = o->log,
	};
	char name[RULE_NAME_SIZE];
	int r = type(&typed, ctx->argv, err);

	if (r < 0)
		return r;
	name_make(name, ctx, def.deny);
	def.name = o->name ? o->name : name;
	def.from = typed.from.at;
	def.n_from = typed.from.n;
	def.to = typed.to.at;
	def.n_to = typed.to.n;
	def.ports = typed.ports.at;
	def.n_ports = typed.ports.n;
	if (asprintf(&words, "%s %s %s -> %s", ctx->cmd->verb, ctx->argv[2], ctx->argv[0],
		     ctx->argv[1]) < 0) {
		words = NULL;
		return nsn_err_nomem(err);
	}
	r = add_rule(ctx, &def, words, NULL, err);
	return r < 0 ? hint_publish(ctx, &def, r, err) : r;
}

/* ---- revoke -------------------------------------------------------------- */

struct revoked {
	const char **names; /* NULL: it is not there */
	size_t n;
};

static void revoked_clear(struct revoked *w)
{
	free(w->names);
}

static int report_absent(struct report *report, const char *name, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *text = NULL;
	struct report_subject subject = {"rule", name, NSNET_UNCHANGED, NULL, NULL};

	if (asprintf(&text, "rule %s unchanged: it does not exist", name) < 0) {
		text = NULL;
		return nsn_err_nomem(err);
	}
	subject.sentence = text;
	return report_borders(report, &subject, NULL, err);
}

static int take_back(struct ctx *ctx, const char *name, bool dry_run, struct report *report,
		     struct nsnet_change **ret, struct nsnet_err *err)
{
	struct nsnet_err why = {0};
	int r = CMD_WAIT(ctx, nsnet_rule_del(ctx->n, name, dry_run ? NSNET_DRY_RUN : 0, ret, &why));

	if (r == 0)
		return 1;
	if (why.id == NSNET_E_NO_RULE && ctx->opts.if_exists)
		return report_absent(report, name, err);
	if (why.id == NSNET_E_NO_RULE && !why.hint[0])
		(void)nsn_err_hint(&why, r, "nsnet policy list");
	*err = why;
	return r;
}

static const char *revoked_name(const void *data, size_t i)
{
	return ((const struct revoked *)data)->names[i];
}

static int revoke_one(struct ctx *ctx, struct report *report, void *data, size_t i,
		      struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_freep) char *text = NULL;
	const char *name = revoked_name(data, i);
	bool dry_run = ctx->opts.dry_run;
	struct report_subject subject = {"rule", name, NSNET_REMOVED, NULL, NULL};
	size_t size;
	FILE *f;
	int r = take_back(ctx, name, dry_run, report, &c, err);

	if (r <= 0)
		return r;
	f = open_memstream(&text, &size);
	if (!f)
		return nsn_err_nomem(err);
	fprintf(f, "rule %s %srevoked", name, dry_run ? "would be " : "");
	gateways(f, c, dry_run);
	if (fclose(f) != 0)
		return nsn_err_nomem(err);
	subject.sentence = text;
	return report_borders(report, &subject, c, err);
}

/* All are looked for before the first is revoked; each is revoked once. */
static int find_all(struct ctx *ctx, struct revoked *w, struct report *report,
		    struct nsnet_err *err)
{
	w->names = calloc((size_t)ctx->argc, sizeof(*w->names));
	if (!w->names)
		return nsn_err_nomem(err);
	for (int i = 0; i < ctx->argc; i++) {
		NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
		bool known = false;
		int r = 1;

		for (int k = 0; k < i && !known; k++)
			known = strcmp(ctx->argv[k], ctx->argv[i]) == 0;
		if (known)
			continue;
		if (ctx->argc > 1)
			r = take_back(ctx, ctx->argv[i], true, report, &c, err);
		if (r < 0)
			return r;
		if (r > 0)
			w->names[w->n++] = ctx->argv[i];
	}
	return 0;
}

int cmd_revoke(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(revoked_clear) struct revoked what = {0};
	NSN_AUTO(report_clear) struct report report = {0};
	struct work work = {
		.what = "rules",
		.data = &what,
		.name = revoked_name,
		.one = revoke_one,
	};
	int r = report_init(&report, &ctx->opts.out, "Change", ctx->opts.dry_run, err);

	if (r == 0)
		r = find_all(ctx, &what, &report, err);
	work.total = what.n;
	return r < 0 ? r : work_run(ctx, &report, &work, err);
}
