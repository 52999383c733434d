/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One tenant, or one endpoint, in full for people. */
#include <inttypes.h>
#include <string.h>

#include "change.h"
#include "reach.h"
#include "view.h"
#include "view_quarantine.h"

static void field(FILE *to, const char *name)
{
	fprintf(to, "  %-10s  ", name);
}

static void state(const struct out *o, enum nsnet_state state, bool quarantined)
{
	bool red = (state != NSNET_STATE_OK || quarantined) && out_colored(o, o->to);

	field(o->to, "state");
	fprintf(o->to, "%s%s%s\n", red ? "\033[31m" : "", view_state_text(state, quarantined),
		red ? "\033[0m" : "");
}

/* ---- a tenant ------------------------------------------------------------ */

static size_t longest(const struct nsnet_tenant *t,
		      const char *(*text)(const struct nsnet_tenant *t, size_t i))
{
	size_t width = 0;

	for (size_t i = 0; i < nsnet_tenant_endpoints(t); i++) {
		size_t len = strlen(text(t, i));

		width = len > width ? len : width;
	}
	return width;
}

static void endpoint_line(FILE *to, const struct view_tenant *v, size_t i, const int width[4])
{
	const struct nsnet_tenant *t = v->t;
	bool quarantined = quarantine_has_endpoint(v->quarantines, t, i);

	fprintf(to, "%-*s  %-*s  ", width[0], nsnet_endpoint_name(t, i), width[1],
		nsnet_endpoint_address(t, i));
	if (width[2] > 0)
		fprintf(to, "%-*s  ", width[2], nsnet_endpoint_address6(t, i));
	fprintf(to, "%-*s  port %s", width[3], nsnet_endpoint_netns(t, i),
		nsnet_endpoint_port(t, i));
	if (strcmp(nsnet_endpoint_rate(t, i), "none") != 0)
		fprintf(to, "  rate %s", nsnet_endpoint_rate(t, i));
	if (nsnet_endpoint_state(t, i) != NSNET_STATE_OK || quarantined)
		fprintf(to, "  %s", view_state_text(nsnet_endpoint_state(t, i), quarantined));
	fputc('\n', to);
}

static void endpoints(FILE *to, const struct view_tenant *v)
{
	const struct nsnet_tenant *t = v->t;
	const int width[] = {
		(int)longest(t, nsnet_endpoint_name),
		(int)longest(t, nsnet_endpoint_address),
		(int)longest(t, nsnet_endpoint_address6),
		(int)longest(t, nsnet_endpoint_netns),
	};

	for (size_t i = 0; i < nsnet_tenant_endpoints(t); i++) {
		field(to, i ? "" : "endpoints");
		endpoint_line(to, v, i, width);
	}
	if (nsnet_tenant_endpoints(t) == 0) {
		field(to, "endpoints");
		fputs("none\n", to);
	}
}

static void labels(FILE *to, const struct nsnet_tenant *t)
{
	field(to, "labels");
	for (size_t i = 0; i < nsnet_tenant_labels(t); i++)
		fprintf(to, "%s%s=%s", i ? " " : "", nsnet_tenant_label_key(t, i),
			nsnet_tenant_label_value(t, i));
	fputs(nsnet_tenant_labels(t) ? "\n" : "none\n", to);
}

static void owners(FILE *to, const struct nsnet_tenant *t)
{
	field(to, "owners");
	for (size_t i = 0; i < nsnet_tenant_owners(t); i++)
		fprintf(to, "%s%s", i ? " " : "", nsnet_tenant_owner(t, i));
	fputs(nsnet_tenant_owners(t) ? "\n" : "none\n", to);
}

static void dns(FILE *to, const struct nsnet_tenant *t)
{
	field(to, "dns");
	for (const char *c = nsnet_tenant_dns(t); *c; c++)
		fputs(*c == ',' ? ", " : (char[]){*c, '\0'}, to);
	fputc('\n', to);
}

/* "3 packets", and by reason when asked for: "3 packets: arp 1, source 2". */
static void dropped(const struct out *o, const struct nsnet_tenant *t)
{
	char count[CHANGE_COUNT_SIZE];
	bool more = o->verbose || o->format == OUT_WIDE;
	const char *between = ": ";

	field(o->to, "dropped");
	fputs(change_count(nsnet_tenant_dropped(t), "packet", "packets", count), o->to);
	for (size_t i = 0; more && i < nsnet_tenant_drops(t); i++) {
		if (nsnet_tenant_drop_packets(t, i) == 0)
			continue;
		fprintf(o->to, "%s%s %" PRIu64, between, nsnet_tenant_drop_reason(t, i),
			nsnet_tenant_drop_packets(t, i));
		between = ", ";
	}
	fputc('\n', o->to);
}

/* "4000 new a second, 32768 open": of each endpoint, across the border. */
static void flows(FILE *to, const struct nsnet_tenant *t)
{
	const uint32_t fresh = nsnet_tenant_new_flows(t), open = nsnet_tenant_open_flows(t);

	field(to, "flows");
	if (fresh)
		fprintf(to, "%" PRIu32 " new a second", fresh);
	if (fresh && open)
		fputs(", ", to);
	if (open)
		fprintf(to, "%" PRIu32 " open", open);
	fputs(fresh || open ? " (each endpoint)\n" : "no limit\n", to);
}

/* The two lines about addresses, with what belongs to each at the right. */
static int addresses(FILE *to, const struct nsnet_tenant *t, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *subnet = NULL;
	NSN_AUTO(nsn_freep) char *gateway = NULL;
	const char *subnet6 = nsnet_tenant_subnet6(t);
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

	field(to, "subnet");
	if (*subnet6)
		fprintf(to, "%-*s   ipv6 %s, gateway %s\n", width, subnet, subnet6,
			nsnet_tenant_gateway6(t));
	else
		fprintf(to, "%-*s   ipv6 off, dropped\n", width, subnet);
	field(to, "gateway");
	fprintf(to, "%-*s   cables ", width, gateway);
	for (size_t i = 0; i < nsnet_tenant_cables(t); i++)
		fprintf(to, "%s%s", i ? ", " : "", nsnet_tenant_cable(t, i));
	fprintf(to, "%s   uplink %s\n", nsnet_tenant_cables(t) ? "" : "none",
		*nsnet_tenant_uplink(t) ? nsnet_tenant_uplink(t) : "no");
	return 0;
}

/* Where it is written, and who did it. */
static void origin(FILE *to, const struct nsnet_tenant *t)
{
	char at[OUT_TIME_SIZE];
	struct nsnet_origin o;

	nsnet_tenant_origin(t, &o);
	if (!o.at)
		return;
	field(to, "origin");
	if (*o.file) {
		fprintf(to, "set %s, ", o.set);
		out_safe(to, o.file);
		fprintf(to, ":%" PRIu32 ", applied", o.line);
	} else {
		fputs("a command,", to);
	}
	fprintf(to, " %s by uid %" PRIu32 "\n", out_time(o.at, at), o.uid);
}

/* One line for each rule. */
static void reach(FILE *to, const struct view_tenant *v, enum reach_way way)
{
	const char *name = way == REACH_OUT ? "may reach" : "reached by";
	size_t i = 0;
	bool any = false;

	field(to, name);
	for (;;) {
		NSN_AUTO(nsn_freep) char *text = reach_next(v->rules, v->t, way, &i);

		if (!text)
			break;
		if (any)
			field(to, "");
		out_safe(to, text);
		fputc('\n', to);
		any = true;
	}
	if (!any)
		fputs("nothing (0 rules)\n", to);
}

/* Why, since when and by whom; what is kept; @i SIZE_MAX: of the tenant. */
static void quarantines(FILE *to, const struct nsnet_quarantines *list,
			const struct nsnet_tenant *t, size_t i)
{
	const char *name = "quarantine";
	struct nsnet_quarantined q;
	size_t at = 0;

	for (;; name = "") {
		NSN_AUTO(nsn_freep) char *text = quarantine_next(list, t, i, &at, &q);

		if (!text)
			return;
		field(to, name);
		out_safe(to, text);
		fputc('\n', to);
		for (size_t k = 0; k < q.n_keep; k++) {
			field(to, "");
			fputs("keeps ", to);
			out_safe(to, q.keep[k]);
			fputc('\n', to);
		}
	}
}

int view_tenant_text(const struct out *o, const struct view_tenant *v, struct nsnet_err *err)
{
	const struct nsnet_tenant *t = v->t;
	char created[OUT_TIME_SIZE];
	FILE *to = o->to;
	int r;

	fprintf(to, "%s\n", nsnet_tenant_name(t));
	r = addresses(to, t, err);
	if (r < 0)
		return r;
	field(to, "inside");
	fprintf(to, "%s\n", nsnet_tenant_inside(t));
	field(to, "mtu");
	fprintf(to, "%" PRIu32 "\n", nsnet_tenant_mtu(t));
	field(to, "rate");
	fprintf(to, "%s\n", nsnet_tenant_rate(t));
	flows(to, t);
	labels(to, t);
	owners(to, t);
	dns(to, t);
	endpoints(to, v);
	reach(to, v, REACH_OUT);
	reach(to, v, REACH_IN);
	dropped(o, t);
	quarantines(to, v->quarantines, t, SIZE_MAX);
	state(o, nsnet_tenant_state(t), quarantine_has_tenant(v->quarantines, t));
	field(to, "created");
	fprintf(to, "%s\n", out_time(nsnet_tenant_created(t), created));
	origin(to, t);
	return 0;
}

/* ---- an endpoint --------------------------------------------------------- */

static void address(FILE *to, const char *name, const char *text, bool fixed)
{
	field(to, name);
	fprintf(to, "%s (%s)\n", text, fixed ? "fixed" : "automatic");
}

void view_endpoint_text(const struct out *o, const struct view_endpoint *e)
{
	const struct nsnet_tenant *t = e->t;
	char rx[OUT_BYTES_SIZE], tx[OUT_BYTES_SIZE];
	FILE *to = o->to;
	size_t i = e->i;

	fprintf(to, "%s/%s\n", nsnet_tenant_name(t), nsnet_endpoint_name(t, i));
	address(to, "address", nsnet_endpoint_address(t, i), nsnet_endpoint_fixed(t, i));
	if (*nsnet_endpoint_address6(t, i)) {
		address(to, "address6", nsnet_endpoint_address6(t, i), nsnet_endpoint_fixed6(t, i));
	} else {
		field(to, "address6");
		fputs("none\n", to);
	}
	field(to, "gateway");
	fprintf(to, "%s%s%s\n", nsnet_tenant_gateway(t), *nsnet_tenant_gateway6(t) ? " " : "",
		nsnet_tenant_gateway6(t));
	field(to, "netns");
	fprintf(to, "%s\n", nsnet_endpoint_netns(t, i));
	field(to, "port");
	fprintf(to, "%s on br0   mac %s\n", nsnet_endpoint_port(t, i), nsnet_endpoint_mac(t, i));
	field(to, "rate");
	fprintf(to, "%s\n", nsnet_endpoint_rate(t, i));
	field(to, "traffic");
	fprintf(to, "rx %s   tx %s\n", out_bytes(nsnet_endpoint_rx_bytes(t, i), rx),
		out_bytes(nsnet_endpoint_tx_bytes(t, i), tx));
	quarantines(to, e->quarantines, t, i);
	state(o, nsnet_endpoint_state(t, i), quarantine_has_endpoint(e->quarantines, t, i));
}
