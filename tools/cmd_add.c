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

/* Its labels, or `tenants`, can be peers of rules that were there before it. */
static const char *isolation(struct ctx *ctx, const struct nsnet_tenant *t,
			     char buf[CHANGE_COUNT_SIZE])
{
	NSN_AUTO(nsnet_rules_freep) struct nsnet_rules *rules = NULL;
	size_t n = 0;

	if (CMD_WAIT(ctx, nsnet_rule_list(ctx->n, 0, &rules, NULL)) == 0)
		n = reach_count(rules, t);
	return n > 0 ? change_count(n, "rule", "rules", buf) : "isolated (0 rules)";
}

/* In the words of the library: ": SUBNET, gateway A, isolated (0 rules)". */
static char *describe(struct ctx *ctx, const char *name)
{
	NSN_AUTO(nsnet_tenant_freep) struct nsnet_tenant *t = NULL;
	char count[CHANGE_COUNT_SIZE];
	const char *subnet6;
	char *text;

	/* Not worth a failure: the tenant is there. */
	if (CMD_WAIT(ctx, nsnet_tenant_get(ctx->n, name, 0, &t, NULL)) < 0)
		return NULL;
	subnet6 = nsnet_tenant_subnet6(t);
	if (asprintf(&text, ": %s, gateway %s,%s%s%s %s", nsnet_tenant_subnet(t),
		     nsnet_tenant_gateway(t), *subnet6 ? " " : "", subnet6, *subnet6 ? "," : "",
		     isolation(ctx, t, count)) < 0)
		return NULL;
	return text;
}

static int tell(struct ctx *ctx, struct report *report, const struct nsnet_tenant_def *def,
		const struct nsnet_change *c, size_t item, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *tail = NULL;
	const struct out *o = &ctx->opts.out;

	if (!o->quiet && !out_is_document(o) && nsnet_change_outcome(c, item) == NSNET_CREATED) {
		/* A tenant that is not made yet cannot be asked for its gateway. */
		if (!ctx->opts.dry_run)
			tail = describe(ctx, def->name);
		else if (asprintf(&tail, ": %s", def->subnet ? def->subnet : "auto") < 0)
			tail = NULL;
	}
	return report_add(report, c, item, tail, err);
}

/* ---- carrying out -------------------------------------------------------- */

static const char *def_name(const void *data, size_t i)
{
	return ((const struct add *)data)->defs[i].name;
}

static int add_one(struct ctx *ctx, struct report *report, void *data, size_t i,
		   struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	const struct add *add = data;
	int r = CMD_WAIT(ctx, nsnet_tenants_add(ctx->n, &add->defs[i], 1, add->flags, &c, err));

	for (size_t item = 0; r == 0 && item < nsnet_change_items(c); item++)
		r = tell(ctx, report, &add->defs[i], c, item, err);
	return r;
}

/* All at once, so that each is checked together with those before it. */
static int dry_run(struct ctx *ctx, struct report *report, const struct add *add, size_t n,
		   struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	unsigned int flags = add->flags | NSNET_DRY_RUN;
	int r = CMD_WAIT(ctx, nsnet_tenants_add(ctx->n, add->defs, n, flags, &c, err));

	if (!ctx->opts.dry_run)
		return r;
	for (size_t i = 0; r == 0 && i < nsnet_change_items(c); i++)
		r = tell(ctx, report, &add->defs[i < n ? i : n - 1], c, i, err);
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
		.one = add_one,
	};
	int r = report_init(&report, &ctx->opts.out, "Change", ctx->opts.dry_run, err);

	if (r < 0)
		return r;
	/* One by one, for progress and so that it can be stopped; but one that is refused
	 * must be found before the first is made. */
	if (n > 1 || (n > 0 && ctx->opts.dry_run)) {
		r = dry_run(ctx, &report, &add, n, err);
		if (r < 0 || ctx->opts.dry_run)
			return r;
	}
	return work_run(ctx, &report, &work, err);
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
			o->open_flows || o->labels.n || o->owners.n))
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
