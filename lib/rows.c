/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "model/effect.h"

void nsn_rows_clear(struct nsn_rows *rows)
{
	nsn_arena_free(&rows->mem);
}

/* ---- who owns what ------------------------------------------------------------------- */

bool nsn_rows_own(const struct nsn_rows *rows, const char *set)
{
	for (size_t i = 0; *set && i < rows->set->n_files; i++)
		if (strcmp(rows->set->files[i].set, set) == 0)
			return true;
	return rows->set->whole;
}

int nsn_rows_at(const struct nsn_origin *o, int r, struct nsnet_err *err)
{
	if (r >= 0)
		return r;
	(void)nsn_err_wrap(err, r, "%s:%u", o->file, o->line);
	return nsn_err_where(err, r, "%s:%u", o->file, o->line);
}

/* Two sets that both have it would take it from each other for ever. */
int nsn_rows_check_owner(const struct nsn_rows *rows, const struct nsn_origin *have,
			 const struct nsn_origin *want, const char *what, const char *name,
			 struct nsnet_err *err)
{
	if (!have->set[0] || strcmp(have->set, want->set) == 0 || rows->set->whole)
		return 0;
	(void)nsn_err(err, -EEXIST, NSNET_E_OTHER_SET,
		      "%s '%s' is of the set '%s' (%s:%u), and here of '%s'", what, name, have->set,
		      have->file, have->line, want->set);
	return nsn_err_hint(err, -EEXIST, "write `name: %s` into these files, if they are the same",
			    have->set);
}

bool nsn_rows_moved(const struct nsn_origin *have, const struct nsn_origin *want)
{
	return strcmp(have->set, want->set) != 0 || strcmp(have->file, want->file) != 0 ||
	       have->line != want->line || strcmp(have->sha256, want->sha256) != 0;
}

void nsn_rows_sign(const struct nsn_rows *rows, struct nsn_origin *o)
{
	if (rows->set->whole)
		return;
	o->uid = getuid();
	o->at = rows->before->intent.now;
}

/* ---- differences ------------------------------------------------------------------------ */

int nsn_rows_tell(struct nsn_rows *rows, const char *op, const char *kind, const char *name,
		  const char *text, const char *was, const struct nsn_origin *o)
{
	const struct nsnet_difference d = {
		.op = op,
		.kind = kind,
		.name = name,
		.text = text,
		.was = was,
		.file = o->file,
		.line = o->line,
		.kept = *op == '-' && !rows->prune,
	};

	return rows->out ? nsn_applied_add(rows->out, &d) : 0;
}

int nsn_rows_adopt(struct nsn_rows *rows, const char *kind, const char *name,
		   const struct nsn_origin *o)
{
	const char *text = *o->set ? nsn_arena_printf(&rows->mem, "now of the set %s", o->set)
				   : "now of no set";

	return text ? nsn_rows_tell(rows, "~", kind, name, text, NULL, o) : -ENOMEM;
}

/* ---- rules ------------------------------------------------------------------------------------
 */

static const char *rule_text(struct nsn_rows *rows, const struct nsn_policy *p)
{
	char *text = NULL, peer[NSN_PEER_STRLEN], ports[NSN_PORTS_STRLEN];
	char publish[NSN_PUBLISH_STRLEN];
	const char *copy = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	(void)fputs(p->deny ? "deny " : "allow ", to);
	for (size_t i = 0; i < p->n_ports; i++)
		(void)fprintf(to, "%s%s", i ? "," : "", nsn_ports_str(&p->ports[i], ports));
	(void)fputs("  ", to);
	for (size_t i = 0; i < p->n_from; i++)
		(void)fprintf(to, "%s%s", i ? "," : "", nsn_peer_str(&p->from[i], peer));
	(void)fputs(" -> ", to);
	for (size_t i = 0; i < p->n_to; i++)
		(void)fprintf(to, "%s%s", i ? "," : "", nsn_peer_str(&p->to[i], peer));
	if (p->publish.port)
		(void)fprintf(to, ", published as %s", nsn_publish_str(&p->publish, publish));
	if (fclose(to) == 0)
		copy = nsn_arena_strdup(&rows->mem, text);
	free(text);
	return copy;
}

static int tell_rule(struct nsn_rows *rows, const char *op, const struct nsn_policy *p,
		     const char *was)
{
	const char *text = rule_text(rows, p);

	return text ? nsn_rows_tell(rows, op, "rule", p->name, text, was, &p->origin) : -ENOMEM;
}

/* The rule as it was; of one that reads the same what else differs. */
static const char *rule_was(struct nsn_rows *rows, const struct nsn_policy *have,
			    const struct nsn_policy *want, const char *difference)
{
	const char *was = rule_text(rows, have), *is = rule_text(rows, want);

	return was && is && strcmp(was, is) != 0 ? was : difference;
}

static int policy_by_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct nsn_policy *)element)->name);
}

static int tenant_by_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct nsn_tenant *)element)->name);
}

static const struct nsn_policy *stored_rule(const struct nsn_rows *rows, const char *name)
{
	const struct nsn_policy_list *list = &rows->before->policies;

	return list->n ? bsearch(name, list->policies, list->n, sizeof(*list->policies),
				 policy_by_name)
		       : NULL;
}

/* Programs of the host are looked for once, where a rule publishes something new. */
static int check_place(const struct nsn_rows *rows, const struct nsn_policy *p,
		       struct nsnet_err *err)
{
	return rows->trial && p ? nsn_publish_check_listeners(rows->n, p, err) : 0;
}

static int old_rule(struct nsn_rows *rows, const struct nsn_policy *have,
		    const struct nsn_policy *want, struct nsn_policy *signed_,
		    struct nsnet_err *err)
{
	char difference[160];
	int r = nsn_rows_check_owner(rows, &have->origin, &want->origin, "rule", have->name, err);

	if (r == 0 && have->implied) {
		(void)nsn_refuse_implied(have, err);
		r = nsn_err_hint(err, -EBUSY, "give the rule of the file another name");
	}
	if (r < 0)
		return r;
	if (nsn_policy_same(have, want, difference, sizeof(difference))) {
		if (strcmp(have->origin.set, want->origin.set) != 0 &&
		    nsn_rows_adopt(rows, "rule", want->name, &want->origin) < 0)
			return nsn_err_nomem(err);
		return nsn_rows_moved(&have->origin, &want->origin)
			       ? nsn_store_policy_update(rows->n->store, signed_, err)
			       : 0;
	}
	if (tell_rule(rows, "~", want, rule_was(rows, have, want, difference)) < 0)
		return nsn_err_nomem(err);
	r = check_place(rows, nsn_publish_same(&have->publish, &want->publish) ? NULL : want, err);
	if (r < 0)
		return r;
	rows->rules[rows->n_rules++] = have;
	rows->rules[rows->n_rules++] = want;
	return nsn_store_policy_update(rows->n->store, signed_, err);
}

static int write_rule(struct nsn_rows *rows, const struct nsn_policy *want, struct nsnet_err *err)
{
	const struct nsn_policy *have = stored_rule(rows, want->name);
	struct nsn_policy signed_ = *want; /* what it points to stays with @want */
	int r;

	nsn_rows_sign(rows, &signed_.origin);
	r = nsn_store_implied_yield(rows->n->store, want->name, err);
	if (r < 0)
		return r;
	if (have && have->implied)
		rows->rules[rows->n_rules++] = have;
	else if (have)
		return old_rule(rows, have, want, &signed_, err);
	if (tell_rule(rows, "+", want, NULL) < 0)
		return nsn_err_nomem(err);
	r = check_place(rows, want, err);
	if (r < 0)
		return r;
	rows->rules[rows->n_rules++] = want;
	return nsn_store_policy_insert(rows->n->store, &signed_, err);
}

static int text_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int drop_rules(struct nsn_rows *rows, struct nsnet_err *err)
{
	const struct nsn_policy_list *list = &rows->before->policies;
	const size_t n = rows->set->n_policies;
	const char **names = nsn_arena_alloc(&rows->mem, (n + 1) * sizeof(*names));
	int r = 0;

	if (!names)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < n; i++)
		names[i] = rows->set->policies[i].name;
	qsort(names, n, sizeof(*names), text_cmp);
	for (size_t i = 0; r == 0 && i < list->n; i++) {
		const struct nsn_policy *p = &list->policies[i];
		const char *name = p->name;

		/* What follows from `dns` goes with it. */
		if (p->implied || !nsn_rows_own(rows, p->origin.set) ||
		    (n > 0 && bsearch(&name, names, n, sizeof(*names), text_cmp)))
			continue;
		if (tell_rule(rows, "-", p, NULL) < 0)
			return nsn_err_nomem(err);
		if (!rows->prune)
			continue;
		rows->rules[rows->n_rules++] = p;
		r = nsn_store_policy_delete(rows->n->store, p->name, err);
	}
	return r;
}

/* ---- rules that follow from `dns` -------------------------------------------------------- */

static const struct nsn_policy *implied_before(const struct nsn_rows *rows, const char *tenant)
{
	const struct nsn_policy_list *list = &rows->before->policies;

	for (size_t i = 0; i < list->n; i++)
		if (list->policies[i].implied && list->policies[i].n_from == 1 &&
		    strcmp(list->policies[i].from[0].tenant, tenant) == 0)
			return &list->policies[i];
	return NULL;
}

/* It goes with what said so, whether or not others are pruned. */
static int tell_gone(struct nsn_rows *rows, const struct nsn_policy *was)
{
	const char *text = rule_text(rows, was);
	const struct nsnet_difference d = {
		.op = "-",
		.kind = "rule",
		.name = was->name,
		.text = text,
		.file = was->origin.file,
		.line = was->origin.line,
	};

	if (!text)
		return -ENOMEM;
	return rows->out ? nsn_applied_add(rows->out, &d) : 0;
}

/* The rows are written, with those of the tenants; it is to be seen like other rules. */
static int tell_implied(struct nsn_rows *rows, const struct nsn_policy *was,
			const struct nsn_policy *is)
{
	char difference[160];

	if (!is)
		return was ? tell_gone(rows, was) : 0;
	if (!was)
		return tell_rule(rows, "+", is, NULL);
	if (strcmp(was->name, is->name) != 0)
		return tell_rule(rows, "~", is, was->name);
	if (nsn_policy_same(was, is, difference, sizeof(difference)))
		return 0;
	return tell_rule(rows, "~", is, rule_was(rows, was, is, difference));
}

int nsn_rows_implied(struct nsn_rows *rows, const char *tenant, bool asked, struct nsnet_err *err)
{
	NSN_AUTO(nsn_policy_list_clear) struct nsn_policy_list now = {0};
	int r = nsn_store_policy_list_implied(rows->n->store, tenant, &now, err);

	if (r == 0 && tell_implied(rows, asked ? implied_before(rows, tenant) : NULL,
				   now.n > 0 ? &now.policies[0] : NULL) < 0)
		return nsn_err_nomem(err);
	return r;
}

/* Who answers has to be there, now that all tenants are. */
static int follow_dns(struct nsn_rows *rows, struct nsnet_err *err)
{
	const struct nsn_tenant_list *before = &rows->before->tenants;
	int r = 0;

	for (size_t i = 0; r == 0 && i < rows->set->n_tenants; i++) {
		const struct nsn_tenant *t = &rows->set->tenants[i], *have;
		NSN_AUTO(nsn_tenant_clear) struct nsn_tenant now = {0};

		have = before->n ? bsearch(t->name, before->tenants, before->n, sizeof(*have),
					   tenant_by_name)
				 : NULL;
		if (t->dns.kind == NSN_DNS_UNSET && (!have || have->dns.kind == NSN_DNS_UNSET))
			continue;
		r = nsn_store_tenant_get(rows->n->store, t->name, &now, err);
		if (r == 0)
			r = nsn_rows_at(&t->origin, nsn_dns_find(rows->n, &now, &now.dns, err),
					err);
		if (r == 0)
			r = nsn_rows_implied(rows, t->name, have && have->dns.kind != NSN_DNS_UNSET,
					     err);
	}
	for (size_t i = 0; r == 0 && i < rows->n_gone; i++)
		r = nsn_check_unasked(rows->n, rows->gone[i].tenant, rows->gone[i].name, err);
	return r;
}

/* Those that go first: a number is free then, and a name as well. */
static int write_rules(struct nsn_rows *rows, struct nsnet_err *err)
{
	int r = drop_rules(rows, err);

	for (size_t i = 0; r == 0 && i < rows->set->n_policies; i++) {
		const struct nsn_policy *p = &rows->set->policies[i];

		r = nsn_rows_at(&p->origin, write_rule(rows, p, err), err);
	}
	return r;
}

/* ---- quarantine -------------------------------------------------------------------------------
 */

static const struct nsn_quarantine *quarantine_of(const struct nsn_quarantine *list, size_t n,
						  const struct nsn_peer *who)
{
	for (size_t i = 0; i < n; i++)
		if (nsn_peer_same(&list[i].who, who))
			return &list[i];
	return NULL;
}

static bool same_flow(const struct nsn_flow *a, const struct nsn_flow *b)
{
	return nsn_peer_same(&a->from, &b->from) && nsn_peer_same(&a->to, &b->to) &&
	       nsn_ports_same(&a->ports, &b->ports);
}

static bool same_quarantine(const struct nsn_quarantine *have, const struct nsn_quarantine *want)
{
	bool same = strcmp(have->because, want->because) == 0 && have->n_keep == want->n_keep &&
		    (!want->since || have->since == want->since);

	for (size_t i = 0; same && i < want->n_keep; i++)
		same = same_flow(&have->keep[i], &want->keep[i]);
	return same;
}

static int write_quarantine(struct nsn_rows *rows, const struct nsn_quarantine *want,
			    struct nsnet_err *err)
{
	const struct nsn_quarantine_list *list = &rows->before->quarantines;
	const struct nsn_quarantine *have = quarantine_of(list->quarantines, list->n, &want->who);
	struct nsn_quarantine q = *want;
	char who[NSN_PEER_STRLEN];
	bool same = have && same_quarantine(have, want);
	int r = 0;

	(void)nsn_peer_str(&want->who, who);
	nsn_rows_sign(rows, &q.origin);
	if (!q.since)
		q.since = have ? have->since : rows->before->intent.now;
	if (have)
		r = nsn_rows_check_owner(rows, &have->origin, &want->origin, "quarantine", who,
					 err);
	if (r < 0)
		return r;
	if (same && !nsn_rows_moved(&have->origin, &want->origin))
		return 0;
	if (same && strcmp(have->origin.set, want->origin.set) != 0)
		r = nsn_rows_adopt(rows, "quarantine", who, &want->origin);
	else if (!same)
		r = nsn_rows_tell(rows, have ? "~" : "+", "quarantine", who, want->because,
				  have ? have->because : NULL, &want->origin);
	if (r < 0)
		return nsn_err_nomem(err);
	if (!same)
		rows->cut[rows->n_cut++] = &want->who;
	return nsn_store_quarantine_put(rows->n->store, &q, err);
}

static int write_quarantines(struct nsn_rows *rows, struct nsnet_err *err)
{
	const struct nsn_quarantine_list *list = &rows->before->quarantines;
	const struct nsn_policy_set *set = rows->set;
	char who[NSN_PEER_STRLEN];
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->n_quarantines; i++)
		r = nsn_rows_at(&set->quarantines[i].origin,
				write_quarantine(rows, &set->quarantines[i], err), err);
	for (size_t i = 0; r == 0 && i < list->n; i++) {
		const struct nsn_quarantine *q = &list->quarantines[i];

		if (!nsn_rows_own(rows, q->origin.set) ||
		    quarantine_of(set->quarantines, set->n_quarantines, &q->who))
			continue;
		if (nsn_rows_tell(rows, "-", "quarantine", nsn_peer_str(&q->who, who), q->because,
				  NULL, &q->origin) < 0)
			return nsn_err_nomem(err);
		if (!rows->prune)
			continue;
		rows->cut[rows->n_cut++] = &q->who;
		r = nsn_store_quarantine_delete(rows->n->store, &q->who, err);
	}
	return r;
}

/* ---- all of it ----------------------------------------------------------------------------------
 */

static int make_room(struct nsn_rows *rows)
{
	const struct nsn_wanted *b = rows->before;
	const struct nsn_policy_set *s = rows->set;
	size_t endpoints = 1;

	for (size_t i = 0; i < b->tenants.n; i++)
		endpoints += b->tenants.tenants[i].n_endpoints;
	rows->rules = nsn_arena_alloc(&rows->mem, (b->policies.n + 2 * s->n_policies + 1) *
							  sizeof(*rows->rules));
	rows->cut = nsn_arena_alloc(&rows->mem,
				    (b->quarantines.n + s->n_quarantines + 1) * sizeof(*rows->cut));
	rows->tenants = nsn_arena_alloc(&rows->mem,
					(b->tenants.n + s->n_tenants + 1) * sizeof(*rows->tenants));
	rows->gone = nsn_arena_alloc(&rows->mem, endpoints * sizeof(*rows->gone));
	return rows->rules && rows->cut && rows->tenants && rows->gone ? 0 : -ENOMEM;
}

static int row_cmp(const void *a, const void *b)
{
	const struct nsn_row_tenant *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int index_tenants(struct nsn_rows *rows)
{
	rows->by_name = nsn_arena_alloc(&rows->mem, (rows->n_tenants + 1) * sizeof(void *));
	if (!rows->by_name)
		return -ENOMEM;
	for (size_t i = 0; i < rows->n_tenants; i++)
		rows->by_name[i] = &rows->tenants[i];
	qsort(rows->by_name, rows->n_tenants, sizeof(void *), row_cmp);
	return 0;
}

static int row_by_name(const void *key, const void *element)
{
	const struct nsn_row_tenant *const *row = element;

	return strcmp(key, (*row)->name);
}

size_t nsn_rows_tenant(const struct nsn_rows *rows, const char *name)
{
	const struct nsn_row_tenant **row =
		bsearch(name, rows->by_name, rows->n_tenants, sizeof(void *), row_by_name);

	return row ? (size_t)(*row - rows->tenants) : SIZE_MAX;
}

int nsn_rows_write(struct nsn_rows *rows, struct nsnet_err *err)
{
	int r = make_room(rows) < 0 ? nsn_err_nomem(err) : 0;

	if (r == 0)
		r = nsn_rows_tenants(rows, err);
	if (r == 0)
		r = write_rules(rows, err);
	if (r == 0)
		r = follow_dns(rows, err);
	if (r == 0)
		r = write_quarantines(rows, err);
	if (r == 0)
		r = nsn_rows_drop_tenants(rows, err);
	return r == 0 && index_tenants(rows) < 0 ? nsn_err_nomem(err) : r;
}
