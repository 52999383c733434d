/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain and who-can, as text and as documents */
#include <string.h>

#include "change.h"
#include "cmd.h"
#include "view_proof.h"

/* ---- explain --------------------------------------------------------------------- */

static const char *answer(const struct nsnet_explained *e)
{
	if (e->certainty != NSNET_PROVED)
		return "UNKNOWN";
	return e->allowed ? "ALLOWED" : "BLOCKED";
}

static const char *answer_color(const struct nsnet_explained *e)
{
	/* What policy and kernel say alike is fine, whatever it is. */
	if (e->certainty != NSNET_PROVED)
		return "\033[1;33m";
	return e->allowed == e->intended ? "\033[1;32m" : "\033[1;31m";
}

void view_explained_side(const struct out *o, const char *who, const char *ip)
{
	out_safe(o->to, who);
	if (*ip && strcmp(ip, who) != 0) {
		fputc(' ', o->to);
		out_safe(o->to, ip);
	}
}

void view_explained_label(const struct out *o, const char *label, const char *text,
			  const char *more)
{
	if (!*text)
		return;
	fprintf(o->to, " %-13s", label);
	out_safe(o->to, text);
	if (*more) {
		fputs("  ", o->to);
		out_safe(o->to, more);
	}
	fputc('\n', o->to);
}

static void hop(const struct out *o, const struct nsnet_hop *h, size_t number, int width)
{
	fprintf(o->to, "%3zu %-7s ", number, h->kind);
	out_safe(o->to, h->where);
	fprintf(o->to, "%*s  ", width - (int)strlen(h->where), "");
	out_safe(o->to, h->text);
	fputc('\n', o->to);
	for (size_t i = 0; i < h->n_rules; i++) {
		fprintf(o->to, "%*s", width + 14, "");
		out_safe(o->to, h->rules[i]);
		fputc('\n', o->to);
	}
}

void view_explained_text(const struct out *o, const struct nsnet_explained *e)
{
	bool colored = out_colored(o, o->to);
	char hash[VIEW_HASH_SIZE];
	int width = 0;

	if (o->quiet)
		return;
	view_explained_side(o, e->from, e->from_ip);
	fputs(" -> ", o->to);
	view_explained_side(o, e->to, e->to_ip);
	fprintf(o->to, " %s  %s%s%s  [%s]\n\n", e->ports, colored ? answer_color(e) : "", answer(e),
		colored ? "\033[0m" : "", e->reason);
	for (size_t i = 0; i < e->n_hops; i++)
		if ((int)strlen(e->hops[i].where) > width)
			width = (int)strlen(e->hops[i].where);
	for (size_t i = 0; i < e->n_hops; i++)
		hop(o, &e->hops[i], i + 1, width);
	if (e->n_hops)
		fputc('\n', o->to);
	view_explained_label(o, "why", e->says, "");
	view_explained_label(o, "policy", e->policy, e->policy_at);
	view_explained_label(o, e->allowed ? "look at" : "to change it", e->hint, "");
	view_explained_label(o, "state", view_hash(e->hash, hash), "");
}

static json_t *hop_json(const struct nsnet_hop *h)
{
	return json_pack("{s:s, s:o, s:o, s:o}", "kind", h->kind, "where", out_json_text(h->where),
			 "text", out_json_text(h->text), "rules",
			 out_json_texts(h->rules, h->n_rules));
}

/* NULL: no memory. */
json_t *view_explained_json(const struct nsnet_explained *e)
{
	NSN_AUTO(out_json_unref) json_t *hops = json_array();

	for (size_t i = 0; i < e->n_hops; i++)
		if (json_array_append_new(hops, hop_json(&e->hops[i])) < 0)
			return NULL;
	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:b, s:b, s:s, s:o, s:o, s:s, s:o, s:o, s:O}",
			 "from", out_json_text(e->from), "to", out_json_text(e->to), "from_ip",
			 out_json_text_or_null(e->from_ip), "to_ip",
			 out_json_text_or_null(e->to_ip), "ports", e->ports, "allowed",
			 (int)e->allowed, "intended", (int)e->intended, "certainty",
			 view_proved_word(e->certainty), "policy", out_json_text_or_null(e->policy),
			 "policy_at", out_json_text_or_null(e->policy_at), "reason", e->reason,
			 "says", out_json_text(e->says), "hint", out_json_text_or_null(e->hint),
			 "hops", hops);
}

int view_explained_document(const struct out *o, const struct nsnet_explained *e,
			    struct nsnet_err *err)
{
	return out_document(o, "Explained", json_pack("{s:o}", "hash", out_json_text(e->hash)),
			    json_pack("[o]", view_explained_json(e)), err);
}

/* ---- who-can --------------------------------------------------------------------- */

static const struct nsnet_opener *row(const void *item)
{
	return item;
}

static char *cell_from(const void *item)
{
	return strdup(row(item)->from);
}

static char *cell_ports(const void *item)
{
	return strdup(row(item)->ports);
}

static char *cell_intended(const void *item)
{
	return strdup(row(item)->intended ? "yes" : "NO");
}

static char *plain_intended(const void *item)
{
	return strdup(row(item)->intended ? "yes" : "no");
}

static const char *intended_color(const void *item)
{
	return row(item)->intended ? NULL : "red";
}

static char *cell_policy(const void *item)
{
	return strdup(*row(item)->policy ? row(item)->policy : "-");
}

static char *plain_policy(const void *item)
{
	return strdup(row(item)->policy);
}

const struct out_column opener_columns[] = {
	{"FROM", 0, cell_from},
	{"PORTS", 0, cell_ports},
	{"INTENDED", 0, cell_intended, intended_color, plain_intended},
	{"POLICY", 0, cell_policy, .plain = plain_policy},
	{0},
};

void view_openers_sum(const struct out *o, const struct nsnet_openers *all)
{
	char hash[VIEW_HASH_SIZE], n[CHANGE_COUNT_SIZE];
	size_t bad = 0;

	for (size_t i = 0; i < all->n; i++)
		bad += !all->list[i].intended;
	out_safe(o->to, all->to);
	if (all->n == 0 && all->certainty != NSNET_PROVED)
		fputs(": nothing was found", o->to);
	else if (all->n == 0)
		fputs(": nobody of another tenant can open anything", o->to);
	else
		fprintf(o->to, ": %s", change_count(all->n, "source", "sources", n));
	if (bad)
		fprintf(o->to, ", %zu that no policy allows", bad);
	if (all->certainty != NSNET_PROVED)
		fputs("; INCONCLUSIVE, there may be more", o->to);
	fprintf(o->to, "; by the state %s\n", view_hash(all->hash, hash));
}

json_t *view_opener_json(const void *item)
{
	const struct nsnet_opener *p = item;

	return json_pack("{s:o, s:o, s:o, s:b}", "from", out_json_text(p->from), "ports",
			 out_json_text(p->ports), "policy", out_json_text_or_null(p->policy),
			 "intended", (int)p->intended);
}

int view_openers_document(const struct out *o, const struct nsnet_openers *all,
			  struct nsnet_err *err)
{
	NSN_AUTO(out_json_unref) json_t *items = json_array();

	for (size_t i = 0; i < all->n; i++)
		if (json_array_append_new(items, view_opener_json(&all->list[i])) < 0)
			return nsn_err_nomem(err);
	return out_document(o, "Openers",
			    json_pack("{s:o, s:o, s:s}", "to", out_json_text(all->to), "hash",
				      out_json_text(all->hash), "certainty",
				      view_proved_word(all->certainty)),
			    json_incref(items), err);
}
