/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rows.h"

/*
 * row_tenants - tenants and endpoints of files, over those that are stored
 */

struct text {
	char buf[512];
	size_t len;
};

static void put(struct text *t, const char *key, const char *was, const char *is)
{
	int n;

	if (strcmp(was, is) == 0 || t->len + 1 >= sizeof(t->buf))
		return;
	n = snprintf(t->buf + t->len, sizeof(t->buf) - t->len, "%s%s %s -> %s", t->len ? ", " : "",
		     key, was, is);
	t->len += n > 0 ? (size_t)n : 0;
	if (t->len >= sizeof(t->buf))
		t->len = sizeof(t->buf) - 1;
}

static const char *list_text(const struct nsn_tenant *t, bool owners, char buf[256])
{
	size_t len = 0;

	(void)snprintf(buf, 256, "none");
	for (size_t i = 0; i < (owners ? t->n_owners : t->n_labels) && len < 255; i++) {
		const char *comma = i ? "," : "";
		int n = owners ? snprintf(buf + len, 256 - len, "%s%s", comma, t->owners[i].name)
			       : snprintf(buf + len, 256 - len, "%s%s=%s", comma, t->labels[i].key,
					  t->labels[i].value);

		len += n > 0 ? (size_t)n : 0;
	}
	return buf;
}

static const char *prefix_text(const struct nsn_prefix *p, char buf[NSN_PREFIX_STRLEN])
{
	if (p->ip.family)
		return nsn_prefix_str(p, buf);
	(void)snprintf(buf, NSN_PREFIX_STRLEN, "none");
	return buf;
}

/* "mtu 1500 -> 9000, inside allow -> deny"; nothing when no setting differs. */
static void settings_text(struct text *t, const struct nsn_tenant *was, const struct nsn_tenant *is)
{
	char a[256], b[256];

	static_assert(sizeof(a) >= NSN_DNS_STRLEN, "both fit");
	put(t, "subnet", prefix_text(&was->subnet, a), prefix_text(&is->subnet, b));
	put(t, "subnet6", prefix_text(&was->subnet6, a), prefix_text(&is->subnet6, b));
	(void)snprintf(a, sizeof(a), "%u", was->mtu);
	(void)snprintf(b, sizeof(b), "%u", is->mtu);
	put(t, "mtu", a, b);
	put(t, "inside", was->inside_deny ? "deny" : "allow", is->inside_deny ? "deny" : "allow");
	put(t, "rate", nsn_rate_str(was->rate, a), nsn_rate_str(is->rate, b));
	put(t, "new-flows", nsn_flows_str(was->new_flows, a), nsn_flows_str(is->new_flows, b));
	put(t, "open-flows", nsn_flows_str(was->open_flows, a), nsn_flows_str(is->open_flows, b));
	put(t, "dns", nsn_dns_str(&was->dns, a), nsn_dns_str(&is->dns, b));
	put(t, "labels", list_text(was, false, a), list_text(is, false, b));
	put(t, "owners", list_text(was, true, a), list_text(is, true, b));
}

static const char *address_text(const struct nsn_endpoint *e, char buf[2 * NSN_IP_STRLEN])
{
	char six[NSN_IP_STRLEN] = "";
	char four[NSN_IP_STRLEN] = "auto";

	if (e->ip.family)
		(void)nsn_ip_str(&e->ip, four);
	if (e->ip6.family)
		(void)nsn_ip_str(&e->ip6, six);
	(void)snprintf(buf, 2 * NSN_IP_STRLEN, "%s%s%s", four, *six ? " " : "", six);
	return buf;
}

static int tell_endpoint(struct nsn_rows *rows, const struct nsn_tenant *t,
			 const struct nsn_endpoint *was, const struct nsn_endpoint *is)
{
	char a[2 * NSN_IP_STRLEN], b[2 * NSN_IP_STRLEN];
	const struct nsn_endpoint *e = is ? is : was;
	struct text text = {0};
	const char *name;

	if (!e)
		return 0;
	name = nsn_arena_printf(&rows->mem, "%s/%s", t->name, e->name);
	if (!name)
		return -ENOMEM;
	if (!was || !is)
		return nsn_rows_tell(rows, is ? "+" : "-", "endpoint", name, address_text(e, a),
				     NULL, &t->origin);
	put(&text, "address", address_text(was, a), address_text(is, b));
	put(&text, "address", was->fixed ? "fixed" : "automatic",
	    is->fixed ? "fixed" : "automatic");
	put(&text, "rate", nsn_rate_str(was->rate, a), nsn_rate_str(is->rate, b));
	return text.len ? nsn_rows_tell(rows, "~", "endpoint", name, text.buf, NULL, &t->origin)
			: 0;
}

static void note_tenant(struct nsn_rows *rows, const char *name, enum nsnet_outcome outcome)
{
	rows->tenants[rows->n_tenants++] = (struct nsn_row_tenant){name, outcome};
}

static int new_tenant(struct nsn_rows *rows, const struct nsn_tenant *from, struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
	char buf[NSN_PREFIX_STRLEN];
	int r = nsn_tenant_copy(&t, from, err);

	if (r == 0)
		r = nsn_choose_subnets(rows->n, &t, err);
	if (r == 0)
		r = nsn_tenant_allocate(&t, err);
	if (r < 0)
		return r;
	t.created = rows->before->intent.now;
	nsn_rows_sign(rows, &t.origin);
	for (size_t i = 0; i < t.n_endpoints; i++)
		t.endpoints[i].declared |= !rows->set->whole;
	r = nsn_store_tenant_insert(rows->n->store, &t, err);
	if (r < 0)
		return r;
	if (nsn_rows_tell(rows, "+", "tenant", t.name, prefix_text(&t.subnet, buf), NULL,
			  &t.origin) < 0)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < t.n_endpoints; i++)
		if (tell_endpoint(rows, &t, NULL, &t.endpoints[i]) < 0)
			return nsn_err_nomem(err);
	note_tenant(rows, from->name, NSNET_CREATED);
	return 0;
}

/* An automatic address is given out anew; a fixed one that does not fit is found then. */
static void set_prefix(struct nsn_tenant *t, bool six, const struct nsn_prefix *want, bool said)
{
	struct nsn_prefix *have = six ? &t->subnet6 : &t->subnet;

	/* `auto`: what there is will do. */
	if (!want->ip.family && (want->len || (!six && !said)) && have->ip.family)
		return;
	if (nsn_prefix_cmp(have, want) == 0)
		return;
	*have = *want;
	*(six ? &t->gateway6 : &t->gateway) = (struct nsn_ip){0};
	for (size_t i = 0; i < t->n_endpoints; i++) {
		struct nsn_endpoint *e = &t->endpoints[i];

		if (six && !want->ip.family && !want->len)
			e->fixed6 = false;
		if (!(six ? e->fixed6 : e->fixed))
			*(six ? &e->ip6 : &e->ip) = (struct nsn_ip){0};
	}
}

/* @whole: also an address that was given out, and whether a file brought it. */
static void set_endpoint(struct nsn_endpoint *e, const struct nsn_endpoint *want, bool whole)
{
	if (want->fixed || whole)
		e->ip = want->ip;
	if (want->fixed6 || whole)
		e->ip6 = want->ip6;
	e->fixed = want->fixed;
	e->fixed6 = want->fixed6;
	e->rate = want->rate;
	e->declared = want->declared || !whole;
}

static int set_lists(struct nsn_tenant *t, const struct nsn_tenant *want, struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant copy = {0};
	int r = nsn_tenant_copy(&copy, want, err);

	if (r < 0)
		return r;
	free(t->labels);
	free(t->owners);
	t->labels = NSN_TAKE_PTR(copy.labels);
	t->owners = NSN_TAKE_PTR(copy.owners);
	t->n_labels = copy.n_labels;
	t->n_owners = copy.n_owners;
	return 0;
}

/* The endpoints that came with the files and are in them no more. */
static int drop_endpoints(struct nsn_rows *rows, struct nsn_tenant *t,
			  const struct nsn_tenant *want, struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = t->n_endpoints; r == 0 && i > 0; i--) {
		struct nsn_endpoint *e = &t->endpoints[i - 1];

		if (nsn_tenant_endpoint(want, e->name) || (!e->declared && !rows->set->whole))
			continue;
		r = tell_endpoint(rows, t, e, NULL) < 0 ? nsn_err_nomem(err) : 0;
		if (r < 0 || !rows->prune)
			continue;
		rows->gone[rows->n_gone].tenant = want->name;
		rows->gone[rows->n_gone].name = nsn_arena_strdup(&rows->mem, e->name);
		if (!rows->gone[rows->n_gone++].name)
			return nsn_err_nomem(err);
		r = nsn_store_endpoint_delete(rows->n->store, t->id, e->id, err);
		nsn_tenant_endpoint_del(t, i - 1);
	}
	return r;
}

static int set_endpoints(struct nsn_tenant *t, const struct nsn_tenant *want, bool whole,
			 struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < want->n_endpoints; i++) {
		struct nsn_endpoint *e = nsn_tenant_endpoint(t, want->endpoints[i].name);

		if (!e) {
			r = nsn_tenant_endpoint_add(t, &want->endpoints[i], err);
			e = nsn_tenant_endpoint(t, want->endpoints[i].name);
		}
		if (r == 0)
			set_endpoint(e, &want->endpoints[i], whole);
	}
	return r;
}

/* What a file does not say has its default; `auto` is whatever there is. */
static int merge(struct nsn_rows *rows, struct nsn_tenant *t, const struct nsn_tenant *want,
		 struct nsnet_err *err)
{
	const bool whole = rows->set->whole;
	int r = drop_endpoints(rows, t, want, err);

	if (r == 0)
		r = set_lists(t, want, err);
	t->mtu = want->mtu;
	t->rate = want->rate;
	t->new_flows = want->new_flows;
	t->open_flows = want->open_flows;
	t->inside_deny = want->inside_deny;
	t->dns = want->dns;
	if (r == 0)
		r = set_endpoints(t, want, whole, err);
	if (r < 0)
		return r;
	set_prefix(t, false, &want->subnet, want->given & NSN_GIVEN_SUBNET);
	set_prefix(t, true, &want->subnet6, want->given & NSN_GIVEN_SUBNET6);
	/* A new prefix has taken away what was given out. */
	for (size_t i = 0; whole && i < want->n_endpoints; i++)
		set_endpoint(nsn_tenant_endpoint(t, want->endpoints[i].name), &want->endpoints[i],
			     whole);
	r = nsn_choose_subnets(rows->n, t, err);
	return r == 0 ? nsn_tenant_allocate(t, err) : r;
}

static int store_changes(struct nsn_rows *rows, struct nsn_tenant *t, struct nsnet_err *err)
{
	int r = nsn_store_tenant_update(rows->n->store, t, err);

	for (size_t i = 0; r == 0 && i < t->n_endpoints; i++)
		if (t->endpoints[i].id == 0)
			r = nsn_store_endpoint_insert(rows->n->store, t->id, &t->endpoints[i], err);
	return r;
}

static int tell_changes(struct nsn_rows *rows, const struct nsn_tenant *was,
			const struct nsn_tenant *is, bool *changed)
{
	struct text text = {0};
	int r = 0;

	settings_text(&text, was, is);
	*changed = text.len > 0;
	if (text.len)
		r = nsn_rows_tell(rows, "~", "tenant", is->name, text.buf, NULL, &is->origin);
	else if (strcmp(was->origin.set, is->origin.set) != 0)
		r = nsn_rows_adopt(rows, "tenant", is->name, &is->origin);
	for (size_t i = 0; r == 0 && i < is->n_endpoints; i++) {
		const struct nsn_endpoint *e = &is->endpoints[i], *old;
		char buf[160];

		old = nsn_tenant_endpoint(was, e->name);
		*changed |= !old || !nsn_endpoint_same(old, e, buf, sizeof(buf)) ||
			    nsn_ip_cmp(&old->ip, &e->ip) != 0 ||
			    nsn_ip_cmp(&old->ip6, &e->ip6) != 0;
		r = tell_endpoint(rows, is, old, e);
	}
	return r;
}

static int old_tenant(struct nsn_rows *rows, const struct nsn_tenant *have,
		      const struct nsn_tenant *want, struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
	const size_t gone = rows->n_gone;
	bool changed = false;
	int r = nsn_rows_check_owner(rows, &have->origin, &want->origin, "tenant", have->name, err);

	if (r == 0)
		r = nsn_tenant_copy(&t, have, err);
	if (r == 0)
		r = merge(rows, &t, want, err);
	if (r < 0)
		return r;
	t.origin = want->origin;
	nsn_rows_sign(rows, &t.origin);
	if (tell_changes(rows, have, &t, &changed) < 0)
		return nsn_err_nomem(err);
	if (changed || nsn_rows_moved(&have->origin, &t.origin))
		r = store_changes(rows, &t, err);
	changed |= rows->n_gone > gone;
	note_tenant(rows, want->name, changed ? NSNET_CHANGED : NSNET_UNCHANGED);
	return r;
}

static int by_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct nsn_tenant *)element)->name);
}

static const struct nsn_tenant *stored_tenant(const struct nsn_rows *rows, const char *name)
{
	const struct nsn_tenant_list *list = &rows->before->tenants;

	return list->n ? bsearch(name, list->tenants, list->n, sizeof(*list->tenants), by_name)
		       : NULL;
}

static int text_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of those that are in files, sorted. NULL: no memory. */
static const char **names_in_files(struct nsn_rows *rows)
{
	const size_t n = rows->set->n_tenants;
	const char **names = nsn_arena_alloc(&rows->mem, (n + 1) * sizeof(*names));

	for (size_t i = 0; names && i < n; i++)
		names[i] = rows->set->tenants[i].name;
	if (names)
		qsort(names, n, sizeof(*names), text_cmp);
	return names;
}

int nsn_rows_tenants(struct nsn_rows *rows, struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < rows->set->n_tenants; i++) {
		const struct nsn_tenant *t = &rows->set->tenants[i];
		const struct nsn_tenant *have = stored_tenant(rows, t->name);

		r = have ? old_tenant(rows, have, t, err) : new_tenant(rows, t, err);
		r = nsn_rows_at(&t->origin, r, err);
	}
	return r;
}

static bool goes(const struct nsn_rows *rows, const char **names, const struct nsn_tenant *t)
{
	const char *name = t->name;

	return nsn_rows_own(rows, t->origin.set) &&
	       !bsearch(&name, names, rows->set->n_tenants, sizeof(*names), text_cmp);
}

/* Whoever goes asks nobody any more, who may go as well. */
static int stop_asking(struct nsn_rows *rows, const char **names, struct nsnet_err *err)
{
	const struct nsn_tenant_list *list = &rows->before->tenants;
	int r = 0;

	for (size_t i = 0; r == 0 && rows->prune && i < list->n; i++) {
		struct nsn_tenant t = list->tenants[i]; /* borrowed */

		if (t.dns.kind == NSN_DNS_UNSET || !goes(rows, names, &t))
			continue;
		t.dns = (struct nsn_dns){.kind = NSN_DNS_NONE};
		r = nsn_store_tenant_update(rows->n->store, &t, err);
		if (r == 0)
			r = nsn_rows_implied(rows, t.name, true, err);
	}
	return r;
}

/* After the rules, which may name them. */
int nsn_rows_drop_tenants(struct nsn_rows *rows, struct nsnet_err *err)
{
	const struct nsn_tenant_list *list = &rows->before->tenants;
	const char **names = names_in_files(rows);
	char buf[NSN_PREFIX_STRLEN];
	int r = names ? stop_asking(rows, names, err) : nsn_err_nomem(err);

	for (size_t i = 0; r == 0 && i < list->n; i++) {
		const struct nsn_tenant *t = &list->tenants[i];

		if (!goes(rows, names, t))
			continue;
		if (nsn_rows_tell(rows, "-", "tenant", t->name, prefix_text(&t->subnet, buf), NULL,
				  &t->origin) < 0)
			return nsn_err_nomem(err);
		if (!rows->prune)
			continue;
		rows->pruned_with_endpoints += t->n_endpoints > 0;
		note_tenant(rows, t->name, NSNET_REMOVED);
		r = nsn_check_named(rows->n, t, 0, err);
		if (r == 0 && rows->trial)
			r = nsn_forget_cables(rows->n, t, err);
		if (r == 0 && rows->trial)
			r = nsn_store_tenant_delete(rows->n->store, t->id, err);
	}
	return r;
}
