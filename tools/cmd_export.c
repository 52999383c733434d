/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export: what is wanted as a file of policies, or tenants as `tenant add -f` reads them */
#include <string.h>

#include "cmd.h"
#include "export.h"
#include "view.h"

static bool is(const char *text, const char *value)
{
	return strcmp(text, value) == 0;
}

/* Sets a text unless it is the default. Return: 0 or -1, like jansson. */
static int set_text(json_t *to, const char *key, const char *value, const char *usual)
{
	return is(value, usual) ? 0 : json_object_set_new(to, key, out_json_text(value));
}

/* ---- endpoints ----------------------------------------------------------- */

/*
 * An address that was chosen is written; one that was given out is not, so that
 * the file can be applied elsewhere and in another subnet.
 */
static json_t *endpoint_json(const struct nsnet_tenant *t, size_t i)
{
	const char *ip = nsnet_endpoint_fixed(t, i) ? nsnet_endpoint_address(t, i) : "auto";
	const char *ip6 = nsnet_endpoint_fixed6(t, i) ? nsnet_endpoint_address6(t, i) : "auto";
	const char *rate = nsnet_endpoint_rate(t, i);
	json_t *map;

	if (is(ip6, "auto") && is(rate, "none"))
		return out_json_text(ip);
	map = json_pack("{s:o}", "ip", out_json_text(ip));
	if (!map || set_text(map, "ip6", ip6, "auto") < 0 ||
	    set_text(map, "rate", rate, "none") < 0) {
		json_decref(map);
		return NULL;
	}
	return map;
}

/* What a tenant has of which nothing was said. */
static bool only_default(const struct nsnet_tenant *t)
{
	return nsnet_tenant_endpoints(t) == 1 && is(nsnet_endpoint_name(t, 0), "default") &&
	       !nsnet_endpoint_fixed(t, 0) && !nsnet_endpoint_fixed6(t, 0) &&
	       is(nsnet_endpoint_rate(t, 0), "none");
}

static int set_endpoints(json_t *to, const struct nsnet_tenant *t)
{
	NSN_AUTO(out_json_unref) json_t *map = NULL;

	if (only_default(t) || nsnet_tenant_endpoints(t) == 0)
		return 0;
	map = json_object();
	for (size_t i = 0; i < nsnet_tenant_endpoints(t); i++)
		if (json_object_set_new(map, nsnet_endpoint_name(t, i), endpoint_json(t, i)) < 0)
			return -1;
	return json_object_set(to, "endpoints", map);
}

/* ---- tenants ------------------------------------------------------------- */

static int set_labels(json_t *to, const struct nsnet_tenant *t)
{
	NSN_AUTO(out_json_unref) json_t *map = json_object();

	for (size_t i = 0; i < nsnet_tenant_labels(t); i++)
		if (json_object_set_new(map, nsnet_tenant_label_key(t, i),
					out_json_text(nsnet_tenant_label_value(t, i))) < 0)
			return -1;
	return nsnet_tenant_labels(t) ? json_object_set(to, "labels", map) : 0;
}

static int set_owners(json_t *to, const struct nsnet_tenant *t)
{
	NSN_AUTO(out_json_unref) json_t *list = json_array();

	for (size_t i = 0; i < nsnet_tenant_owners(t); i++)
		if (json_array_append_new(list, out_json_text(nsnet_tenant_owner(t, i))) < 0)
			return -1;
	return nsnet_tenant_owners(t) ? json_object_set(to, "owners", list) : 0;
}

/* A word, or the list of which it is made. */
static int set_dns(json_t *to, const struct nsnet_tenant *t)
{
	json_t *list = view_dns_json(nsnet_tenant_dns(t));

	if (list && json_array_size(list) == 0) {
		json_decref(list);
		return 0;
	}
	if (list && json_array_size(list) == 1) {
		json_decref(list);
		list = out_json_text(nsnet_tenant_dns(t));
	}
	return json_object_set_new(to, "dns", list);
}

/* Unless it is as where nothing is said. */
static int set_flows(json_t *to, const char *key, uint32_t flows, uint32_t unsaid)
{
	if (flows == unsaid)
		return 0;
	return json_object_set_new(to, key, flows ? json_integer(flows) : json_string("none"));
}

static json_t *tenant_json(const struct nsnet_tenant *t)
{
	json_t *to = json_pack("{s:o}", "subnet", out_json_text(nsnet_tenant_subnet(t)));
	int r = to ? 0 : -1;

	if (r == 0)
		r = set_text(to, "subnet6", nsnet_tenant_subnet6(t), "");
	if (r == 0)
		r = set_text(to, "inside", nsnet_tenant_inside(t), "allow");
	if (r == 0 && nsnet_tenant_mtu(t) != 1500)
		r = json_object_set_new(to, "mtu", json_integer(nsnet_tenant_mtu(t)));
	if (r == 0)
		r = set_text(to, "rate", nsnet_tenant_rate(t), "none");
	if (r == 0)
		r = set_flows(to, "new-flows", nsnet_tenant_new_flows(t), 4000);
	if (r == 0)
		r = set_flows(to, "open-flows", nsnet_tenant_open_flows(t), 32768);
	if (r == 0)
		r = set_dns(to, t);
	if (r == 0)
		r = set_labels(to, t);
	if (r == 0)
		r = set_owners(to, t);
	if (r == 0)
		r = set_endpoints(to, t);
	if (r == 0)
		return to;
	json_decref(to);
	return NULL;
}

static int add_tenant(const struct out *o, json_t *tenants, const struct nsnet_tenant *t)
{
	NSN_AUTO(nsn_freep) char *note = NULL;

	/* A file has no words for it. */
	if (nsnet_tenant_endpoints(t) == 0) {
		if (asprintf(&note,
			     "%s has no endpoints: who reads the file makes the one called default",
			     nsnet_tenant_name(t)) < 0)
			note = NULL;
		else
			out_note(o, note);
	}
	return json_object_set_new(tenants, nsnet_tenant_name(t), tenant_json(t));
}

static int export_named(struct ctx *ctx, json_t *tenants, struct nsnet_err *err)
{
	for (int i = 0; i < ctx->argc; i++) {
		NSN_AUTO(nsnet_tenant_freep) struct nsnet_tenant *t = NULL;
		int r = CMD_WAIT(ctx, nsnet_tenant_get(ctx->n, ctx->argv[i], 0, &t, err));

		if (r < 0)
			return r;
		if (add_tenant(&ctx->opts.out, tenants, t) < 0)
			return nsn_err_nomem(err);
	}
	return 0;
}

static int export_all(struct ctx *ctx, json_t *tenants, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_tenants_freep) struct nsnet_tenants *list = NULL;
	int r = CMD_WAIT(ctx, nsnet_tenant_list(ctx->n, 0, &list, err));

	if (r < 0)
		return r;
	for (size_t i = 0; i < nsnet_tenants_count(list); i++) {
		const struct nsnet_tenant *t = nsnet_tenants_at(list, i);

		if (add_tenant(&ctx->opts.out, tenants, t) < 0)
			return nsn_err_nomem(err);
	}
	return 0;
}

/* Only when there are any: a file of tenants alone is for `tenant add -f`, too. */
static int set_list(json_t *doc, const char *key, json_t *list)
{
	if (list && json_array_size(list) == 0) {
		json_decref(list);
		return 0;
	}
	return json_object_set_new(doc, key, list);
}

static int export_policies(struct ctx *ctx, json_t *doc, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_rules_freep) struct nsnet_rules *rules = NULL;
	NSN_AUTO(nsnet_quarantines_freep) struct nsnet_quarantines *quarantines = NULL;
	int r = CMD_WAIT(ctx, nsnet_rule_list(ctx->n, 0, &rules, err));

	if (r == 0)
		r = CMD_WAIT(ctx, nsnet_quarantine_list(ctx->n, &quarantines, err));
	if (r < 0)
		return r;
	if (set_list(doc, "rules", export_rules(rules)) < 0 ||
	    set_list(doc, "quarantine", export_quarantines(quarantines)) < 0)
		return nsn_err_nomem(err);
	return 0;
}

int cmd_export(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(out_json_unref) json_t *doc = NULL;
	json_t *tenants = json_object();
	/* People read YAML, too; only -j asks for the other. */
	struct out o = ctx->opts.out;
	int r;

	doc = json_pack("{s:i, s:o}", "nsnet", 1, "tenants", tenants);
	if (!doc)
		return nsn_err_nomem(err);
	r = ctx->argc > 0 ? export_named(ctx, tenants, err) : export_all(ctx, tenants, err);
	/* `tenant export` is about tenants alone. */
	if (r == 0 && ctx->argc == 0 && !ctx->cmd->noun)
		r = export_policies(ctx, doc, err);
	if (r < 0)
		return r;
	if (o.format != OUT_JSON)
		o.format = OUT_YAML;
	return out_dump(&o, o.to, doc) < 0 ? nsn_err_nomem(err) : 0;
}
