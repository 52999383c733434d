/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "change.h"
#include "cmd.h"

NSN_CLEANUP(struct nsnet_tenant, nsnet_tenant_free)
NSN_CLEANUP(struct nsnet_tenants, nsnet_tenants_free)

const struct opt tenant_add_options[] = {
	{"must-create", 0, NULL, "an identical tenant is an error, too", 0,
	 offsetof(struct opts, must_create), opt_set_true},
	{0},
};

const struct opt tenant_del_options[] = {
	{"if-exists", 0, NULL, "a tenant that does not exist is no error", 0,
	 offsetof(struct opts, if_exists), opt_set_true},
	{0},
};

/* ---- add ----------------------------------------------------------------- */

/* What was made, in the words of the library: ": SUBNET, gateway A, isolated (0 rules)". */
static char *describe(struct ctx *ctx, const char *name)
{
	NSN_AUTO(nsnet_tenant_freep) struct nsnet_tenant *t = NULL;
	char *text;

	/* Not worth a failure: the tenant is there. */
	if (CMD_WAIT(ctx, nsnet_tenant_get(ctx->n, name, 0, &t, NULL)) < 0)
		return NULL;
	if (asprintf(&text, ": %s, gateway %s, isolated (0 rules)", nsnet_tenant_subnet(t),
		     nsnet_tenant_gateway(t)) < 0)
		return NULL;
	return text;
}

int cmd_tenant_add(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(report_clear) struct report report = {0};
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_freep) char *tail = NULL;
	const struct opts *o = &ctx->opts;
	unsigned int flags = 0;
	int r;

	if (o->dry_run)
		flags |= NSNET_DRY_RUN;
	if (o->must_create)
		flags |= NSNET_MUST_CREATE;
	r = report_init(&report, &o->out, "Change", o->dry_run, err);
	if (r < 0)
		return r;
	r = CMD_WAIT(ctx, nsnet_tenant_add(ctx->n, ctx->argv[0], ctx->argv[1], flags, &c, err));
	if (r < 0)
		return r;

	/* A tenant that is not made yet cannot be asked for its gateway. */
	if (o->dry_run) {
		if (asprintf(&tail, ": %s", ctx->argv[1]) < 0)
			tail = NULL;
	} else if (o->out.format != OUT_JSON && !o->out.quiet) {
		tail = describe(ctx, ctx->argv[0]);
	}
	for (size_t i = 0; i < nsnet_change_items(c); i++) {
		r = report_add(&report, c, i, tail, err);
		if (r < 0)
			return r;
	}
	return report_end(&report, NULL, err);
}

/* ---- list ---------------------------------------------------------------- */

static const char *state_json(enum nsnet_state state)
{
	switch (state) {
	case NSNET_STATE_OK:
		return "ok";
	case NSNET_STATE_DRIFT:
		return "drift";
	case NSNET_STATE_ABSENT:
		return "absent";
	}
	return "unknown";
}

static const char *state_text(enum nsnet_state state)
{
	/* In capitals, so that it is seen without colour. */
	return state == NSNET_STATE_DRIFT ? "DRIFT" : state_json(state);
}

static char *cell_name(const void *t)
{
	return strdup(nsnet_tenant_name(t));
}

static char *cell_subnet(const void *t)
{
	return strdup(nsnet_tenant_subnet(t));
}

static char *cell_gateway(const void *t)
{
	return strdup(nsnet_tenant_gateway(t));
}

static char *cell_number(uint64_t n)
{
	char *text;

	return asprintf(&text, "%" PRIu64, n) < 0 ? NULL : text;
}

static char *cell_endpoints(const void *t)
{
	return cell_number(nsnet_tenant_endpoints(t));
}

/* There are no rules in this version: what the kernel has is the default drop. */
static char *cell_rules(const void *t)
{
	(void)t;
	return cell_number(0);
}

static char *cell_state(const void *t)
{
	return strdup(state_text(nsnet_tenant_state(t)));
}

static char *cell_rx(const void *t)
{
	char buf[OUT_BYTES_SIZE];

	return strdup(out_bytes(nsnet_tenant_rx_bytes(t), buf));
}

static char *cell_tx(const void *t)
{
	char buf[OUT_BYTES_SIZE];

	return strdup(out_bytes(nsnet_tenant_tx_bytes(t), buf));
}

static char *cell_dropped(const void *t)
{
	return cell_number(nsnet_tenant_dropped(t));
}

static char *cell_created(const void *t)
{
	char buf[OUT_TIME_SIZE];

	return strdup(out_time(nsnet_tenant_created(t), buf));
}

static char *cell_id(const void *t)
{
	return cell_number(nsnet_tenant_id(t));
}

static const char *state_color(const void *t)
{
	switch (nsnet_tenant_state(t)) {
	case NSNET_STATE_OK:
		return NULL;
	case NSNET_STATE_DRIFT:
		return "red";
	case NSNET_STATE_ABSENT:
		return "yellow";
	}
	return NULL;
}

const struct out_column tenant_columns[] = {
	{"NAME", 0, cell_name, NULL},
	{"ID", OUT_RIGHT | OUT_ONLY_WIDE, cell_id, NULL},
	{"SUBNET", 0, cell_subnet, NULL},
	{"GATEWAY", OUT_ONLY_WIDE, cell_gateway, NULL},
	{"ENDPOINTS", OUT_RIGHT, cell_endpoints, NULL},
	{"RULES", OUT_RIGHT, cell_rules, NULL},
	{"STATE", 0, cell_state, state_color},
	{"RX", OUT_RIGHT, cell_rx, NULL},
	{"TX", OUT_RIGHT, cell_tx, NULL},
	{"DROPPED", OUT_RIGHT | OUT_ONLY_WIDE, cell_dropped, NULL},
	{"CREATED", OUT_ONLY_WIDE, cell_created, NULL},
	{0},
};

static json_t *endpoints_json(const struct nsnet_tenant *t)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < nsnet_tenant_endpoints(t); i++) {
		json_t *e = json_pack("{s:o, s:o, s:o, s:o}", "name",
				      out_json_text(nsnet_endpoint_name(t, i)), "address",
				      out_json_text(nsnet_endpoint_address(t, i)), "netns",
				      out_json_text(nsnet_endpoint_netns(t, i)), "port",
				      out_json_text(nsnet_endpoint_port(t, i)));

		if (json_array_append_new(list, e) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *tenant_json(const void *item)
{
	const struct nsnet_tenant *t = item;
	char created[OUT_TIME_SIZE];

	return json_pack(
		"{s:o, s:I, s:o, s:o, s:I, s:I, s:s, s:s, s:i, s:I, s:I, s:I, s:o}", "name",
		out_json_text(nsnet_tenant_name(t)), "id", (json_int_t)nsnet_tenant_id(t), "subnet",
		out_json_text(nsnet_tenant_subnet(t)), "gateway",
		out_json_text(nsnet_tenant_gateway(t)), "capacity",
		(json_int_t)nsnet_tenant_capacity(t), "used", (json_int_t)nsnet_tenant_used(t),
		"state", state_json(nsnet_tenant_state(t)), "created",
		out_time(nsnet_tenant_created(t), created), "rules", 0, "rx_bytes",
		(json_int_t)nsnet_tenant_rx_bytes(t), "tx_bytes",
		(json_int_t)nsnet_tenant_tx_bytes(t), "dropped_packets",
		(json_int_t)nsnet_tenant_dropped(t), "endpoints", endpoints_json(t));
}

static const void *tenant_at(const void *data, size_t i)
{
	return nsnet_tenants_at(data, i);
}

static const char *tenant_name(const void *item)
{
	return nsnet_tenant_name(item);
}

int cmd_tenant_list(struct ctx *ctx, struct nsnet_err *err)
{
	static const struct out_list list = {
		.kind = "TenantList",
		.columns = tenant_columns,
		.at = tenant_at,
		.name = tenant_name,
		.json = tenant_json,
	};
	NSN_AUTO(nsnet_tenants_freep) struct nsnet_tenants *tenants = NULL;
	/* Names alone need no look into the kernel. */
	unsigned int flags = ctx->opts.out.format == OUT_NAME ? 0 : NSNET_OBSERVE;
	int r = CMD_WAIT(ctx, nsnet_tenant_list(ctx->n, flags, &tenants, err));

	if (r < 0)
		return r;
	return out_list(&ctx->opts.out, &list, tenants, nsnet_tenants_count(tenants), err);
}

/* ---- show ---------------------------------------------------------------- */

static void show_endpoints(FILE *to, const struct nsnet_tenant *t)
{
	size_t name = 0, address = 0, netns = 0;

	for (size_t i = 0; i < nsnet_tenant_endpoints(t); i++) {
		size_t a = strlen(nsnet_endpoint_name(t, i));
		size_t b = strlen(nsnet_endpoint_address(t, i));
		size_t c = strlen(nsnet_endpoint_netns(t, i));

		name = a > name ? a : name;
		address = b > address ? b : address;
		netns = c > netns ? c : netns;
	}
	for (size_t i = 0; i < nsnet_tenant_endpoints(t); i++)
		fprintf(to, "  %-10s  %-*s  %-*s  %-*s  port %s\n", i ? "" : "endpoints", (int)name,
			nsnet_endpoint_name(t, i), (int)address, nsnet_endpoint_address(t, i),
			(int)netns, nsnet_endpoint_netns(t, i), nsnet_endpoint_port(t, i));
	if (nsnet_tenant_endpoints(t) == 0)
		fprintf(to, "  %-10s  none\n", "endpoints");
}

static int show_text(const struct out *o, const struct nsnet_tenant *t, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *subnet = NULL;
	NSN_AUTO(nsn_freep) char *gateway = NULL;
	char created[OUT_TIME_SIZE], count[CHANGE_COUNT_SIZE];
	bool red = nsnet_tenant_state(t) != NSNET_STATE_OK && out_colored(o, o->to);
	int a, b, width;

	a = asprintf(&subnet, "%s (%" PRIu64 " addresses, %" PRIu64 " used)",
		     nsnet_tenant_subnet(t), nsnet_tenant_capacity(t), nsnet_tenant_used(t));
	if (a < 0) {
		subnet = NULL;
		return nsn_err_nomem(err);
	}
	b = asprintf(&gateway, "%s on br0", nsnet_tenant_gateway(t));
	if (b < 0) {
		gateway = NULL;
		return nsn_err_nomem(err);
	}
	width = a > b ? a : b;

	fprintf(o->to, "%s\n", nsnet_tenant_name(t));
	fprintf(o->to, "  %-10s  %-*s   ipv6 off, dropped\n", "subnet", width, subnet);
	fprintf(o->to, "  %-10s  %-*s   cables none   uplink no\n", "gateway", width, gateway);
	show_endpoints(o->to, t);
	fprintf(o->to, "  %-10s  nothing (0 rules)\n", "may reach");
	fprintf(o->to, "  %-10s  nothing (0 rules)\n", "reached by");
	fprintf(o->to, "  %-10s  %s\n", "dropped",
		change_count(nsnet_tenant_dropped(t), "packet", "packets", count));
	fprintf(o->to, "  %-10s  %s%s%s\n", "state", red ? "\033[31m" : "",
		state_text(nsnet_tenant_state(t)), red ? "\033[0m" : "");
	fprintf(o->to, "  %-10s  %s\n", "created", out_time(nsnet_tenant_created(t), created));
	return 0;
}

int cmd_tenant_show(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_tenant_freep) struct nsnet_tenant *t = NULL;
	const struct out *o = &ctx->opts.out;
	int r = CMD_WAIT(ctx, nsnet_tenant_get(ctx->n, ctx->argv[0], NSNET_OBSERVE, &t, err));

	if (r < 0)
		return r;
	switch (o->format) {
	case OUT_JSON:
		return out_document(o, "Tenant", NULL, json_pack("[o]", tenant_json(t)), err);
	case OUT_NAME:
		fprintf(o->to, "%s\n", nsnet_tenant_name(t));
		return 0;
	case OUT_TABLE:
	case OUT_WIDE:
		break;
	}
	return show_text(o, t, err);
}

/* ---- del ----------------------------------------------------------------- */

/* Each name once: `del a a` means a. Return: how many are left. */
static int unique(char **names, int n)
{
	int kept = 0;

	for (int i = 0; i < n; i++) {
		bool known = false;

		for (int k = 0; k < kept && !known; k++)
			known = strcmp(names[k], names[i]) == 0;
		if (!known)
			names[kept++] = names[i];
	}
	names[kept] = NULL;
	return kept;
}

/*
 * All are looked for before the first is deleted. Under --if-exists those that
 * are not there are reported, and their places in @names become NULL.
 * Return: how many are there, or a negative errno.
 */
static int find_all(struct ctx *ctx, char **names, int n, struct report *report,
		    struct nsnet_err *err)
{
	int found = 0;

	for (int i = 0; i < n; i++) {
		NSN_AUTO(nsnet_tenant_freep) struct nsnet_tenant *t = NULL;
		struct nsnet_err why = {0};
		int r = CMD_WAIT(ctx, nsnet_tenant_get(ctx->n, names[i], 0, &t, &why));

		if (r == 0) {
			found++;
			continue;
		}
		if (why.id != NSNET_E_NO_TENANT || !ctx->opts.if_exists) {
			*err = why;
			return r;
		}
		r = report_unchanged(report, names[i], "it does not exist", err);
		if (r < 0)
			return r;
		names[i] = NULL;
	}
	return found;
}

static bool answered_yes(struct ctx *ctx, char *const *names, int n, int found)
{
	NSN_AUTO(nsn_freep) char *line = NULL;
	FILE *msgs = ctx->opts.out.msgs;
	size_t size = 0;

	fprintf(msgs, "delete %d tenants:", found);
	for (int i = 0; i < n; i++) {
		if (names[i]) {
			fputc(' ', msgs);
			out_safe(msgs, names[i]);
		}
	}
	fputs("? [y/N] ", msgs);
	(void)fflush(msgs);
	if (getline(&line, &size, ctx->in) < 0)
		return false;
	return strcmp(line, "y\n") == 0 || strcmp(line, "yes\n") == 0;
}

static int confirm(struct ctx *ctx, char *const *names, int n, int found, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *list = NULL;
	FILE *f;
	size_t size;

	if (found < 2 || ctx->opts.yes || ctx->opts.dry_run)
		return 0;
	if (isatty(fileno(ctx->in)) && isatty(fileno(ctx->opts.out.msgs))) {
		if (answered_yes(ctx, names, n, found))
			return 0;
		return nsn_err(err, -ECANCELED, NSNET_E_NEEDS_YES, "nothing was deleted");
	}

	f = open_memstream(&list, &size);
	if (!f)
		return nsn_err_nomem(err);
	for (int i = 0; i < n; i++)
		if (names[i])
			fprintf(f, " %s", names[i]);
	if (fclose(f) != 0)
		return nsn_err_nomem(err);
	(void)nsn_err(err, -ECANCELED, NSNET_E_NEEDS_YES,
		      "%d tenants would be deleted, and there is no terminal to ask on", found);
	return nsn_err_hint(err, -ECANCELED, "nsnet tenant del -y%s", list);
}

static int del_one(struct ctx *ctx, const char *name, struct report *report, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	struct nsnet_err why = {0};
	int r = CMD_WAIT(ctx, nsnet_tenant_del(ctx->n, name, ctx->opts.dry_run ? NSNET_DRY_RUN : 0,
					       &c, &why));

	if (r < 0 && why.id == NSNET_E_NO_TENANT && ctx->opts.if_exists)
		return report_unchanged(report, name, "it does not exist", err);
	if (r < 0) {
		*err = why;
		return r;
	}
	for (size_t i = 0; i < nsnet_change_items(c); i++) {
		r = report_add(report, c, i, NULL, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cmd_tenant_del(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(report_clear) struct report report = {0};
	char **names = ctx->argv;
	int n = unique(names, ctx->argc), r;

	r = report_init(&report, &ctx->opts.out, "Change", ctx->opts.dry_run, err);
	if (r < 0)
		return r;
	if (n > 1) {
		r = find_all(ctx, names, n, &report, err);
		if (r < 0)
			return r;
		r = confirm(ctx, names, n, r, err);
		if (r < 0)
			return r;
	}
	for (int i = 0; i < n; i++) {
		if (!names[i])
			continue;
		r = del_one(ctx, names[i], &report, err);
		if (r < 0) {
			/* What was deleted before must be told, too. */
			if (report.changed)
				(void)report_end(&report, NULL, NULL);
			return r;
		}
	}
	return report_end(&report, NULL, err);
}
