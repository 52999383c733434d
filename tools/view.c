/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tenants and endpoints as documents: exact numbers, null for what there is not. */
#include "view.h"

#include <string.h>

#include "reach.h"
#include "view_quarantine.h"

const char *view_state(enum nsnet_state state)
{
	switch (state) {
	case NSNET_STATE_OK:
		return "ok";
	case NSNET_STATE_DRIFT:
		return "drift";
	case NSNET_STATE_ABSENT:
		return "absent";
	case NSNET_STATE_UP:
		return "up";
	case NSNET_STATE_PARTIAL:
		return "partial";
	}
	return "unknown";
}

const char *view_state_text(enum nsnet_state state, bool quarantined)
{
	switch (state) {
	case NSNET_STATE_OK:
		return quarantined ? "QUARANTINE" : "ok";
	case NSNET_STATE_DRIFT:
		return quarantined ? "QUARANTINE,DRIFT" : "DRIFT";
	case NSNET_STATE_ABSENT:
		return quarantined ? "QUARANTINE,absent" : "absent";
	case NSNET_STATE_UP:
		return quarantined ? "QUARANTINE,up" : "up";
	case NSNET_STATE_PARTIAL:
		return quarantined ? "QUARANTINE,PARTIAL" : "PARTIAL";
	}
	return "unknown";
}

const char *view_state_plain(enum nsnet_state state, bool quarantined)
{
	switch (state) {
	case NSNET_STATE_OK:
		return quarantined ? "quarantine" : "ok";
	case NSNET_STATE_DRIFT:
		return quarantined ? "quarantine,drift" : "drift";
	case NSNET_STATE_ABSENT:
		return quarantined ? "quarantine,absent" : "absent";
	case NSNET_STATE_UP:
		return quarantined ? "quarantine,up" : "up";
	case NSNET_STATE_PARTIAL:
		return quarantined ? "quarantine,partial" : "partial";
	}
	return "unknown";
}

static json_t *flows_json(uint32_t flows)
{
	return flows ? json_integer(flows) : json_null();
}

static json_t *rate_json(const char *rate)
{
	return out_json_text_or_null(rate && strcmp(rate, "none") == 0 ? NULL : rate);
}

/* What nobody has counted is null. */
static json_t *counted(const struct nsnet_tenant *t, uint64_t n)
{
	return nsnet_tenant_observed(t) ? json_integer((json_int_t)n) : json_null();
}

/* ---- endpoints ----------------------------------------------------------- */

static json_t *endpoint_json(const struct view_endpoint *e)
{
	const struct nsnet_tenant *t = e->t;
	size_t i = e->i;

	return json_pack("{s:o, s:o, s:o, s:b, s:b, s:o, s:I, s:s, s:b, s:o, s:o, s:o, s:o, s:o}",
			 "name", out_json_text(nsnet_endpoint_name(t, i)), "address",
			 out_json_text(nsnet_endpoint_address(t, i)), "address6",
			 out_json_text_or_null(nsnet_endpoint_address6(t, i)), "fixed",
			 nsnet_endpoint_fixed(t, i), "fixed6", nsnet_endpoint_fixed6(t, i), "rate",
			 rate_json(nsnet_endpoint_rate(t, i)), "rate_bits",
			 (json_int_t)nsnet_endpoint_rate_bits(t, i), "state",
			 view_state(nsnet_endpoint_state(t, i)), "quarantined",
			 quarantine_has_endpoint(e->quarantines, t, i), "netns",
			 out_json_text(nsnet_endpoint_netns(t, i)), "port",
			 out_json_text(nsnet_endpoint_port(t, i)), "mac",
			 out_json_text(nsnet_endpoint_mac(t, i)), "rx_bytes",
			 counted(t, nsnet_endpoint_rx_bytes(t, i)), "tx_bytes",
			 counted(t, nsnet_endpoint_tx_bytes(t, i)));
}

json_t *view_endpoint_json(const void *item)
{
	const struct view_endpoint *e = item;
	json_t *doc = json_pack("{s:o}", "tenant", out_json_text(nsnet_tenant_name(e->t)));

	if (!doc || json_object_update_new(doc, endpoint_json(e)) < 0) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}

static json_t *endpoints_json(const struct view_tenant *v)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < nsnet_tenant_endpoints(v->t); i++) {
		const struct view_endpoint e = {v->t, i, v->quarantines};

		if (json_array_append_new(list, endpoint_json(&e)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* ---- tenants ------------------------------------------------------------- */

static json_t *labels_json(const struct nsnet_tenant *t)
{
	json_t *labels = json_object();

	for (size_t i = 0; labels && i < nsnet_tenant_labels(t); i++) {
		if (json_object_set_new(labels, nsnet_tenant_label_key(t, i),
					out_json_text(nsnet_tenant_label_value(t, i))) < 0) {
			json_decref(labels);
			return NULL;
		}
	}
	return labels;
}

static json_t *owners_json(const struct nsnet_tenant *t)
{
	json_t *owners = json_array();

	for (size_t i = 0; owners && i < nsnet_tenant_owners(t); i++) {
		if (json_array_append_new(owners, out_json_text(nsnet_tenant_owner(t, i))) < 0) {
			json_decref(owners);
			return NULL;
		}
	}
	return owners;
}

static json_t *drops_json(const struct nsnet_tenant *t)
{
	json_t *drops = nsnet_tenant_observed(t) ? json_object() : json_null();

	for (size_t i = 0; drops && i < nsnet_tenant_drops(t); i++) {
		json_int_t packets = (json_int_t)nsnet_tenant_drop_packets(t, i);

		if (json_object_set_new(drops, nsnet_tenant_drop_reason(t, i),
					json_integer(packets)) < 0) {
			json_decref(drops);
			return NULL;
		}
	}
	return drops;
}

json_t *view_dns_json(const char *dns)
{
	NSN_AUTO(nsn_freep) char *text = strdup(dns);
	char *rest = text && strcmp(text, "none") != 0 ? text : NULL;
	json_t *list = text ? json_array() : NULL;

	while (list && rest)
		if (json_array_append_new(list, out_json_text(strsep(&rest, ","))) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *settings_json(const struct nsnet_tenant *t)
{
	return json_pack(
		"{s:o, s:o, s:s, s:I, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "subnet6",
		out_json_text_or_null(nsnet_tenant_subnet6(t)), "gateway6",
		out_json_text_or_null(nsnet_tenant_gateway6(t)), "inside", nsnet_tenant_inside(t),
		"mtu", (json_int_t)nsnet_tenant_mtu(t), "rate", rate_json(nsnet_tenant_rate(t)),
		"rate_bits", (json_int_t)nsnet_tenant_rate_bits(t), "new_flows",
		flows_json(nsnet_tenant_new_flows(t)), "open_flows",
		flows_json(nsnet_tenant_open_flows(t)), "dns", view_dns_json(nsnet_tenant_dns(t)),
		"labels", labels_json(t), "owners", owners_json(t));
}

static json_t *cables_json(const struct nsnet_tenant *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < nsnet_tenant_cables(t); i++)
		if (json_array_append_new(list, out_json_text(nsnet_tenant_cable(t, i))) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *origin_json(const struct nsnet_tenant *t)
{
	char at[OUT_TIME_SIZE];
	struct nsnet_origin o;

	nsnet_tenant_origin(t, &o);
	return json_pack("{s:o, s:o, s:I, s:I, s:o}", "set", out_json_text(o.set), "file",
			 out_json_text(o.file), "line", (json_int_t)o.line, "uid",
			 (json_int_t)o.uid, "at",
			 o.at ? json_string(out_time(o.at, at)) : json_null());
}

json_t *view_tenant_one_json(const void *item)
{
	const struct view_tenant *v = item;
	json_t *doc = view_tenant_json(item);

	if (!doc || json_object_set_new(doc, "cables", cables_json(v->t)) < 0 ||
	    json_object_set_new(doc, "uplink", json_string(nsnet_tenant_uplink(v->t))) < 0 ||
	    json_object_set_new(doc, "origin", origin_json(v->t)) < 0) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}

json_t *view_tenant_json(const void *item)
{
	const struct view_tenant *v = item;
	const struct nsnet_tenant *t = v->t;
	char created[OUT_TIME_SIZE];
	json_t *doc = json_pack(
		"{s:o, s:I, s:o, s:o, s:I, s:I, s:s, s:b, s:s, s:I, s:o, s:o, s:o, s:o}", "name",
		out_json_text(nsnet_tenant_name(t)), "id", (json_int_t)nsnet_tenant_id(t), "subnet",
		out_json_text(nsnet_tenant_subnet(t)), "gateway",
		out_json_text(nsnet_tenant_gateway(t)), "capacity",
		(json_int_t)nsnet_tenant_capacity(t), "used", (json_int_t)nsnet_tenant_used(t),
		"state", view_state(nsnet_tenant_state(t)), "quarantined",
		quarantine_has_tenant(v->quarantines, t), "created",
		out_time(nsnet_tenant_created(t), created), "rules",
		(json_int_t)reach_count(v->rules, t), "rx_bytes",
		counted(t, nsnet_tenant_rx_bytes(t)), "tx_bytes",
		counted(t, nsnet_tenant_tx_bytes(t)), "dropped_packets",
		counted(t, nsnet_tenant_dropped(t)), "drops", drops_json(t));

	if (!doc || json_object_update_new(doc, settings_json(t)) < 0 ||
	    json_object_set_new(doc, "may_reach", reach_json(v->rules, t, REACH_OUT)) < 0 ||
	    json_object_set_new(doc, "reached_by", reach_json(v->rules, t, REACH_IN)) < 0 ||
	    json_object_set_new(doc, "quarantines", quarantine_json(v->quarantines, t)) < 0 ||
	    json_object_set_new(doc, "endpoints", endpoints_json(v)) < 0) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}
