/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The columns of `tenant list` and `endpoint list`. */
#include <inttypes.h>
#include <string.h>

#include "cmd.h"
#include "reach.h"
#include "view.h"
#include "view_quarantine.h"

static char *number(uint64_t n)
{
	char *text;

	return asprintf(&text, "%" PRIu64, n) < 0 ? NULL : text;
}

static char *bytes(uint64_t n)
{
	char buf[OUT_BYTES_SIZE];

	return strdup(out_bytes(n, buf));
}

/* An empty cell would shift the ones behind it for who splits at white space. */
static char *or_dash(const char *text)
{
	return strdup(*text ? text : "-");
}

static const char *state_color(enum nsnet_state state, bool quarantined)
{
	switch (state) {
	case NSNET_STATE_OK:
		return quarantined ? "magenta" : NULL;
	case NSNET_STATE_DRIFT:
		return "red";
	case NSNET_STATE_ABSENT:
		return "yellow";
	case NSNET_STATE_UP:
		return quarantined ? "magenta" : NULL;
	case NSNET_STATE_PARTIAL:
		return "red";
	}
	return NULL;
}

/* ---- tenants ------------------------------------------------------------- */

static const struct nsnet_tenant *tenant(const void *item)
{
	return ((const struct view_tenant *)item)->t;
}

static char *cell_name(const void *t)
{
	return strdup(nsnet_tenant_name(tenant(t)));
}

static char *cell_id(const void *t)
{
	return number(nsnet_tenant_id(tenant(t)));
}

static char *cell_subnet(const void *t)
{
	return strdup(nsnet_tenant_subnet(tenant(t)));
}

static char *cell_subnet6(const void *t)
{
	return or_dash(nsnet_tenant_subnet6(tenant(t)));
}

static char *plain_subnet6(const void *t)
{
	return strdup(nsnet_tenant_subnet6(tenant(t)));
}

static char *cell_gateway(const void *t)
{
	return strdup(nsnet_tenant_gateway(tenant(t)));
}

static char *cell_endpoints(const void *t)
{
	return number(nsnet_tenant_endpoints(tenant(t)));
}

static char *cell_rules(const void *item)
{
	const struct view_tenant *v = item;

	return number(reach_count(v->rules, v->t));
}

static bool quarantined(const void *item)
{
	const struct view_tenant *v = item;

	return quarantine_has_tenant(v->quarantines, v->t);
}

static char *cell_state(const void *t)
{
	return strdup(view_state_text(nsnet_tenant_state(tenant(t)), quarantined(t)));
}

static char *plain_state(const void *t)
{
	return strdup(view_state_plain(nsnet_tenant_state(tenant(t)), quarantined(t)));
}

static const char *tenant_color(const void *t)
{
	return state_color(nsnet_tenant_state(tenant(t)), quarantined(t));
}

/* What nobody has counted is not 0. */
static bool is_counted(const void *t)
{
	return nsnet_tenant_observed(tenant(t));
}

static char *cell_rx(const void *t)
{
	return is_counted(t) ? bytes(nsnet_tenant_rx_bytes(tenant(t))) : strdup("-");
}

static char *plain_rx(const void *t)
{
	return is_counted(t) ? number(nsnet_tenant_rx_bytes(tenant(t))) : strdup("");
}

static char *cell_tx(const void *t)
{
	return is_counted(t) ? bytes(nsnet_tenant_tx_bytes(tenant(t))) : strdup("-");
}

static char *plain_tx(const void *t)
{
	return is_counted(t) ? number(nsnet_tenant_tx_bytes(tenant(t))) : strdup("");
}

static char *cell_dropped(const void *t)
{
	return is_counted(t) ? number(nsnet_tenant_dropped(tenant(t))) : strdup("-");
}

static char *plain_dropped(const void *t)
{
	return is_counted(t) ? number(nsnet_tenant_dropped(tenant(t))) : strdup("");
}

static char *cell_inside(const void *t)
{
	return strdup(nsnet_tenant_inside(tenant(t)));
}

static char *cell_mtu(const void *t)
{
	return number(nsnet_tenant_mtu(tenant(t)));
}

static char *cell_rate(const void *t)
{
	return strdup(nsnet_tenant_rate(tenant(t)));
}

/* "env=prod,team=web" */
static char *plain_labels(const void *t)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (size_t i = 0; i < nsnet_tenant_labels(tenant(t)); i++)
		fprintf(f, "%s%s=%s", i ? "," : "", nsnet_tenant_label_key(tenant(t), i),
			nsnet_tenant_label_value(tenant(t), i));
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

static char *cell_labels(const void *t)
{
	return nsnet_tenant_labels(tenant(t)) > 0 ? plain_labels(t) : strdup("-");
}

static char *cell_created(const void *t)
{
	char buf[OUT_TIME_SIZE];

	return strdup(out_time(nsnet_tenant_created(tenant(t)), buf));
}

const struct out_column tenant_columns[] = {
	{"NAME", 0, cell_name},
	{"ID", OUT_RIGHT | OUT_ONLY_WIDE, cell_id},
	{"SUBNET", 0, cell_subnet},
	{"SUBNET6", OUT_ONLY_WIDE, cell_subnet6, .plain = plain_subnet6},
	{"GATEWAY", OUT_ONLY_WIDE, cell_gateway},
	{"ENDPOINTS", OUT_RIGHT, cell_endpoints},
	{"RULES", OUT_RIGHT, cell_rules},
	{"STATE", 0, cell_state, tenant_color, plain_state},
	{"RX", OUT_RIGHT | OUT_ONLY_WIDE, cell_rx, .plain = plain_rx},
	{"TX", OUT_RIGHT | OUT_ONLY_WIDE, cell_tx, .plain = plain_tx},
	{"DROPPED", OUT_RIGHT | OUT_ONLY_WIDE, cell_dropped, .plain = plain_dropped},
	{"INSIDE", OUT_ONLY_WIDE, cell_inside},
	{"MTU", OUT_RIGHT | OUT_ONLY_WIDE, cell_mtu},
	{"RATE", OUT_RIGHT | OUT_ONLY_WIDE, cell_rate},
	{"LABELS", OUT_ONLY_WIDE, cell_labels, .plain = plain_labels},
	{"CREATED", OUT_ONLY_WIDE, cell_created},
	{0},
};

/* ---- endpoints ----------------------------------------------------------- */

static char *cell_endpoint(const void *item)
{
	const struct view_endpoint *e = item;
	char *text;

	return asprintf(&text, "%s/%s", nsnet_tenant_name(e->t), nsnet_endpoint_name(e->t, e->i)) <
			       0
		       ? NULL
		       : text;
}

static char *cell_address(const void *item)
{
	const struct view_endpoint *e = item;

	return strdup(nsnet_endpoint_address(e->t, e->i));
}

static char *cell_address6(const void *item)
{
	const struct view_endpoint *e = item;

	return or_dash(nsnet_endpoint_address6(e->t, e->i));
}

static char *plain_address6(const void *item)
{
	const struct view_endpoint *e = item;

	return strdup(nsnet_endpoint_address6(e->t, e->i));
}

static char *cell_endpoint_rate(const void *item)
{
	const struct view_endpoint *e = item;

	return strdup(nsnet_endpoint_rate(e->t, e->i));
}

static bool endpoint_quarantined(const struct view_endpoint *e)
{
	return quarantine_has_endpoint(e->quarantines, e->t, e->i);
}

static char *cell_endpoint_state(const void *item)
{
	const struct view_endpoint *e = item;

	return strdup(view_state_text(nsnet_endpoint_state(e->t, e->i), endpoint_quarantined(e)));
}

static char *plain_endpoint_state(const void *item)
{
	const struct view_endpoint *e = item;

	return strdup(view_state_plain(nsnet_endpoint_state(e->t, e->i), endpoint_quarantined(e)));
}

static const char *endpoint_color(const void *item)
{
	const struct view_endpoint *e = item;

	return state_color(nsnet_endpoint_state(e->t, e->i), endpoint_quarantined(e));
}

static char *cell_netns(const void *item)
{
	const struct view_endpoint *e = item;

	return strdup(nsnet_endpoint_netns(e->t, e->i));
}

static char *cell_port(const void *item)
{
	const struct view_endpoint *e = item;

	return strdup(nsnet_endpoint_port(e->t, e->i));
}

static char *cell_mac(const void *item)
{
	const struct view_endpoint *e = item;

	return strdup(nsnet_endpoint_mac(e->t, e->i));
}

static char *cell_endpoint_rx(const void *item)
{
	const struct view_endpoint *e = item;

	return bytes(nsnet_endpoint_rx_bytes(e->t, e->i));
}

static char *plain_endpoint_rx(const void *item)
{
	const struct view_endpoint *e = item;

	return number(nsnet_endpoint_rx_bytes(e->t, e->i));
}

static char *cell_endpoint_tx(const void *item)
{
	const struct view_endpoint *e = item;

	return bytes(nsnet_endpoint_tx_bytes(e->t, e->i));
}

static char *plain_endpoint_tx(const void *item)
{
	const struct view_endpoint *e = item;

	return number(nsnet_endpoint_tx_bytes(e->t, e->i));
}

const struct out_column endpoint_columns[] = {
	{"ENDPOINT", 0, cell_endpoint},
	{"ADDRESS", 0, cell_address},
	{"ADDRESS6", 0, cell_address6, .plain = plain_address6},
	{"RATE", OUT_RIGHT, cell_endpoint_rate},
	{"STATE", 0, cell_endpoint_state, endpoint_color, plain_endpoint_state},
	{"NETNS", 0, cell_netns},
	{"PORT", OUT_ONLY_WIDE, cell_port},
	{"MAC", OUT_ONLY_WIDE, cell_mac},
	{"RX", OUT_RIGHT, cell_endpoint_rx, .plain = plain_endpoint_rx},
	{"TX", OUT_RIGHT, cell_endpoint_tx, .plain = plain_endpoint_tx},
	{0},
};
