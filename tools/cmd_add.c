/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tenant add: one from the command line, or many from a file */
#include <string.h>

#include "cmd.h"
#include "file.h"
#include "reach.h"
#include "view.h"
#include "work.h"

NSN_CLEANUP(struct nsnet_defs, nsnet_defs_free)

/* More than a thousand tenants with all that they can have. */
#define FILE_MAX ((size_t)1024 * 1024)
/* Others wait for the lock meanwhile, some 0.1 s. */
#define AT_A_TIME 32

const struct opt tenant_add_options[] = {
	{"file", 'f', "FILE", "the tenants of this file (- is standard input)", 0,
	 offsetof(struct opts, file), opt_set_text, "@file"},
	{"subnet6", 0, "PREFIX", "IPv6 too: a prefix, or auto", 0, offsetof(struct opts, subnet6),
	 opt_set_text, "auto none"},
	{"inside", 0, "HOW", "may its endpoints talk to each other: allow or deny", 0,
	 offsetof(struct opts, inside), opt_set_text, "allow deny"},
	{"label", 0, "KEY=VALUE", "a label; may be given many times", 0,
	 offsetof(struct opts, labels), opt_set_many},
	{"mtu", 0, "BYTES", "of all its links (1500)", 0, offsetof(struct opts, mtu), opt_set_text},
	{"rate", 0, "RATE", "of all endpoints together, each way: 100mbit", 0,
	 offsetof(struct opts, rate), opt_set_text},
	{"new-flows", 0, "N", "connections an endpoint may open in a second (4000)", 0,
	 offsetof(struct opts, new_flows), opt_set_text, "none"},
	{"open-flows", 0, "N", "connections an endpoint may have open (32768)", 0,
	 offsetof(struct opts, open_flows), opt_set_text, "none"},
	{"dns", 0, "WHO", "who answers for names: A,B or TENANT/ENDPOINT, or none (none)", 0,
	 offsetof(struct opts, dns), opt_set_text, "none"},
	{"owner", 0, "USER", "a user whose it is; may be given many times", 0,
	 offsetof(struct opts, owners), opt_set_many, "@user"},
	{"must-create", 0, NULL, "an identical tenant is an error, too", 0,
	 offsetof(struct opts, must_create), opt_set_true},
	{0},
};

struct add {
	const struct nsnet_tenant_def *defs;
	unsigned int flags;
};

/* ---- what was made ------------------------------------------------------- */

/*
 * In the words of the library: ": SUBNET, gateway A, isolated (0 rules)". Its labels,
 * or `tenants`, can be peers of rules that were there before it.
 */
static char *describe(struct ctx *ctx, const struct nsnet_rules *rules, const char *name)
{
	NSN_AUTO(nsnet_tenant_freep) struct nsnet_tenant *t = NULL;
	char count[CHANGE_COUNT_SIZE];
	const char *subnet6;
	size_t n;
	char *text;

	/* Not worth a failure: the tenant is there. */
	if (CMD_WAIT(ctx, nsnet_tenant_get(ctx->n, name, 0, &t, NULL)) < 0)
		return NULL;
	subnet6 = nsnet_tenant_subnet6(t);
	n = rules ? reach_count(rules, t) : 0;
	/* When nobody knows whether it is isolated, nothing is said. */
	if (asprintf(&text, ": %s, gateway %s%s%s%s%s", nsnet_tenant_subnet(t),
		     nsnet_tenant_gateway(t), *subnet6 ? ", " : "", subnet6, rules ? ", " : "",
		     !rules  ? ""
		     : n > 0 ? change_count(n, "rule", "rules", count)
			     : "isolated (0 rules)") < 0)
		return NULL;
	return text;
}

static int tell(struct ctx *ctx, struct report *report, const struct nsnet_rules *rules,
		const struct nsnet_tenant_def *def, const struct nsnet_change *c, size_t item,
		struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *tail = NULL;
	const struct out *o = &ctx->opts.out;

	if (!o->quiet && !out_is_document(o) && nsnet_change_outcome(c, item) == NSNET_CREATED) {
		/* A tenant that is not made yet cannot be asked for its gateway. */
		if (!ctx->opts.dry_run)
			tail = describe(ctx, rules, def->name);
		else if (asprintf(&tail, ": %s", def->subnet ? def->subnet : "auto") < 0)
			tail = NULL;
	}
	return report_add(report, c, item, tail, err);
}

/* The items of @c are about the @n of @defs, in their order; there may be fewer. */
static int tell_all(struct ctx *ctx, struct report *report, const struct nsnet_tenant_def *defs,
		    size_t n, const struct nsnet_change *c, size_t *told, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_rules_freep) struct nsnet_rules *rules = NULL;
	const struct out *o = &ctx->opts.out;
	int r = 0;

	if (!c)
		return 0;
	/* As they are now, for all of them. */
	if (!o->quiet && !out_is_document(o) && !ctx->opts.dry_run)
		(void)CMD_WAIT(ctx, nsnet_rule_list(ctx->n, 0, &rules, NULL));
	for (; r == 0 && *told < n && *told < nsnet_change_items(c); ++*told)
		r = tell(ctx, report, rules, &defs[*told], c, *told, err);
	return r;
}

/* ---- carrying out -------------------------------------------------------- */

static const char *def_name(const void *data, size_t i)
{
	return ((const struct add *)data)->defs[i].name;
}

static int add_some(struct ctx *ctx, struct report *report, void *data, size_t first, size_t n,
		    size_t *done, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	const struct add *add = data;
	const struct nsnet_tenant_def *defs = &add->defs[first];
	struct nsnet_err why = {0};
	int r = CMD_WAIT(ctx, nsnet_tenants_add(ctx->n, defs, n, add->flags, &c, &why));
	int told = tell_all(ctx, report, defs, n, c, done, err);

	if (r < 0)
		*err = why;
	return r < 0 ? r : told;
}

/* All at once, so that each is checked together with those before it. */
static int dry_run(struct ctx *ctx, struct report *report, const struct add *add, size_t n,
		   struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	unsigned int flags = add->flags | NSNET_DRY_RUN;
	size_t told = 0;
	int r = CMD_WAIT(ctx, nsnet_tenants_add(ctx->n, add->defs, n, flags, &c, err));

	if (r == 0)
		r = tell_all(ctx, report, add->defs, n, c, &told, err);
	return r < 0 ? r : report_end(report, NULL, err);
}

static int add_all(struct ctx *ctx, const struct nsnet_tenant_def *defs, size_t n,
		   struct nsnet_err *err)
{
	NSN_AUTO(report_clear) struct report report = {0};
	struct add add = {
		.defs = defs,
		.flags = ctx->opts.must_create ? NSNET_MUST_CREATE : 0,
	};
	const struct work work = {
		.what = "tenants",
		.total = n,
		.data = &add,
		.name = def_name,
		.at_a_time = AT_A_TIME,
		.some = add_some,
	};
	int r = report_init(&report, &ctx->opts.out, "Change", ctx->opts.dry_run, err);

	if (r < 0)
		return r;
	if (ctx->opts.dry_run)
		return n > 0 ? dry_run(ctx, &report, &add, n, err)
			     : work_run(ctx, &report, &work, err);
	/* Some at a time, for progress and so that it can be stopped; but one that is refused
	 * must be found before the first is made. */
	if (n > 1)
		r = CMD_WAIT(ctx, nsnet_tenants_add(ctx->n, defs, n, add.flags | NSNET_CHECK_ONLY,
						    NULL, err));
	return r < 0 ? r : work_run(ctx, &report, &work, err);
}

/* ---- where the definitions come from ------------------------------------- */

static int usage(const char *what, struct nsnet_err *err)
{
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "%s", what);
	return nsn_err_hint(err, -EINVAL, "nsnet tenant add customer1 10.10.1.0/24");
}

int check_tenant_add(const struct ctx *ctx, struct nsnet_err *err)
{
	const struct opts *o = &ctx->opts;

	if (!o->file && ctx->argc < 2)
		return usage(ctx->argc ? "'tenant add' needs NAME SUBNET: SUBNET is missing"
				       : "'tenant add' needs NAME SUBNET: NAME is missing",
			     err);
	if (o->file && ctx->argc > 0)
		return usage("'tenant add' takes NAME SUBNET or --file, not both", err);
	if (o->file && (o->subnet6 || o->inside || o->mtu || o->rate || o->new_flows ||
			o->open_flows || o->dns || o->labels.n || o->owners.n))
		return usage("with --file the settings of a tenant are in the file", err);
	return 0;
}

static int from_file(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_defs_freep) struct nsnet_defs *defs = NULL;
	NSN_AUTO(nsn_freep) char *text = NULL;
	struct opts *o = &ctx->opts;
	const struct nsnet_tenant_def *list;
	size_t len = 0, n = 0;
	int r;

	o->out.file = strcmp(o->file, "-") == 0 ? "standard input" : o->file;
	r = file_read(&text, &len, o->file, ctx->in, FILE_MAX, err);
	if (r == 0)
		r = nsnet_defs_parse(&defs, o->out.file, text, len, err);
	if (r < 0)
		return r;
	list = nsnet_defs_list(defs, &n);
	if (n == 0 && !o->out.quiet && !out_is_document(&o->out))
		fputs("nothing to add: the file has no tenants\n", o->out.to);
	return add_all(ctx, list, n, err);
}

int cmd_tenant_add(struct ctx *ctx, struct nsnet_err *err)
{
	const struct opts *o = &ctx->opts;
	struct nsnet_tenant_def def = {
		.subnet6 = o->subnet6,
		.inside = o->inside,
		.mtu = o->mtu,
		.rate = o->rate,
		.new_flows = o->new_flows,
		.open_flows = o->open_flows,
		.dns = o->dns,
		.labels = o->labels.values,
		.n_labels = o->labels.n,
		.owners = o->owners.values,
		.n_owners = o->owners.n,
	};

	if (o->file)
		return from_file(ctx, err);
	def.name = ctx->argv[0];
	def.subnet = ctx->argv[1];
	return add_all(ctx, &def, 1, err);
}
