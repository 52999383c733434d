/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matrix: whom each tenant can open what to, as a table, a list, markdown and a document */
#include <string.h>

#include "change.h"
#include "view_proof.h"

/* More are not shown when nothing is to be said of them. */
#define ALL_SHOWN 16

struct grid {
	const struct nsnet_proof_pair **at; /* n * n; NULL: apart, or not known */
	size_t n, n_tenants;		    /* what is no tenant comes last */
	/* What is not listed is proved. Not so when the proof did not come to it. */
	bool rest_proved;
	bool *shown;
	size_t n_shown;
};

static void grid_clear(struct grid *g)
{
	free(g->at);
	free(g->shown);
}

/* No tenant may be called so. */
static int rank(const char *name)
{
	return strcmp(name, "internet") == 0 ? 1 : strcmp(name, "host") == 0 ? 2 : 0;
}

int view_name_cmp(const char *a, const char *b)
{
	return rank(a) != rank(b) ? rank(a) - rank(b) : strcmp(a, b);
}

static size_t place(const struct view_matrix *m, const char *name)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = view_name_cmp(m->names[mid], name);

		if (c == 0)
			return mid;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return SIZE_MAX;
}

/* Something that could not be seen may be anybody's way to anybody. */
static bool anything_open(const struct nsnet_proof *p)
{
	for (size_t i = 0; i < p->n_findings; i++) {
		const struct nsnet_proof_finding *f = &p->findings[i];

		if (f->verdict != NSNET_PROVED && f->verdict != NSNET_NOTED && !*f->from && !*f->to)
			return true;
	}
	return false;
}

static enum view_sign sign_at(const struct grid *g, size_t from, size_t to)
{
	const struct nsnet_proof_pair *p = g->at[from * g->n + to];

	/* Between the internet and the host nsnet does not stand. */
	if (from == to || (from >= g->n_tenants && to >= g->n_tenants))
		return VIEW_SELF;
	if (!p)
		return g->rest_proved ? VIEW_APART : VIEW_UNKNOWN;
	if (p->verdict == NSNET_VIOLATION)
		return VIEW_VIOLATION;
	if (p->verdict != NSNET_PROVED || (!p->joined && !g->rest_proved))
		return VIEW_UNKNOWN;
	return *p->allows ? VIEW_ALLOWED : VIEW_APART;
}

static void choose_shown(struct grid *g)
{
	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; k < g->n && !g->shown[i]; k++)
			g->shown[i] =
				g->n <= ALL_SHOWN || (i != k && (sign_at(g, i, k) != VIEW_APART ||
								 sign_at(g, k, i) != VIEW_APART));
	for (size_t i = 0; i < g->n; i++)
		g->n_shown += g->shown[i];
}

static int grid_make(struct grid *g, const struct view_matrix *m, struct nsnet_err *err)
{
	const struct nsnet_proof *p = m->proof;
	size_t listed = 0;

	g->n = m->n;
	while (g->n_tenants < m->n && rank(m->names[g->n_tenants]) == 0)
		g->n_tenants++;
	g->at = calloc(m->n * m->n + 1, sizeof(*g->at));
	g->shown = calloc(m->n + 1, sizeof(*g->shown));
	if (!g->at || !g->shown)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < p->n_listed; i++) {
		size_t a = place(m, p->pairs[i].from), b = place(m, p->pairs[i].to);

		if (a == SIZE_MAX || b == SIZE_MAX || a == b)
			continue;
		listed += a < g->n_tenants && b < g->n_tenants && !g->at[a * g->n + b];
		g->at[a * g->n + b] = &p->pairs[i];
	}
	g->rest_proved =
		g->n_tenants * (g->n_tenants - (g->n_tenants > 0)) - listed <= p->n_apart &&
		!anything_open(p);
	choose_shown(g);
	return 0;
}

/* What stands behind the sign. */
static const char *words_at(const struct grid *g, size_t from, size_t to, bool wide)
{
	const struct nsnet_proof_pair *p = g->at[from * g->n + to];

	switch (sign_at(g, from, to)) {
	case VIEW_ALLOWED:
		return p->allows;
	case VIEW_VIOLATION:
	case VIEW_UNKNOWN:
		return wide && p ? p->reason : "";
	case VIEW_APART:
	case VIEW_NOTE:
	case VIEW_SELF:
		break;
	}
	return "";
}

/* ---- as a table ------------------------------------------------------------------ */

/* A sign is one column wide, whatever its bytes. */
static size_t cell_width(const struct grid *g, size_t from, size_t to, bool wide)
{
	size_t words = strlen(words_at(g, from, to, wide));

	return words ? 2 + words : 1;
}

static size_t column_width(const struct view_matrix *m, const struct grid *g, size_t to, bool wide)
{
	size_t width = strlen(m->names[to]);

	for (size_t i = 0; i < g->n; i++)
		if (g->shown[i] && cell_width(g, i, to, wide) > width)
			width = cell_width(g, i, to, wide);
	return width;
}

static void cell(const struct out *o, const struct grid *g, size_t from, size_t to, bool wide)
{
	const char *words = words_at(g, from, to, wide);

	fputs(view_sign(sign_at(g, from, to)), o->to);
	if (*words) {
		fputc(' ', o->to);
		out_safe(o->to, words);
	}
}

static void pad(FILE *to, size_t used, size_t width)
{
	fprintf(to, "%*s", used < width ? (int)(width - used) : 0, "");
}

static int table(const struct out *o, const struct view_matrix *m, const struct grid *g, bool wide,
		 struct nsnet_err *err)
{
	static const char corner[] = "FROM \\ TO";
	NSN_AUTO(nsn_freep) size_t *widths = calloc(g->n + 1, sizeof(*widths));
	size_t names = strlen(corner);

	if (!widths)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < g->n; i++) {
		widths[i] = g->shown[i] ? column_width(m, g, i, wide) : 0;
		if (g->shown[i] && strlen(m->names[i]) > names)
			names = strlen(m->names[i]);
	}
	if (!o->no_header) {
		fputs(corner, o->to);
		pad(o->to, strlen(corner), names);
		for (size_t k = 0, before = 0; k < g->n; k++) {
			if (!g->shown[k])
				continue;
			pad(o->to, 0, before + 2);
			fputs(m->names[k], o->to);
			before = widths[k] - strlen(m->names[k]);
		}
		fputc('\n', o->to);
	}
	for (size_t i = 0; i < g->n; i++) {
		if (!g->shown[i])
			continue;
		fputs(m->names[i], o->to);
		pad(o->to, strlen(m->names[i]), names);
		for (size_t k = 0, before = 0; k < g->n; k++) {
			if (!g->shown[k])
				continue;
			pad(o->to, 0, before + 2);
			cell(o, g, i, k, wide);
			before = widths[k] - cell_width(g, i, k, wide);
		}
		fputc('\n', o->to);
	}
	return 0;
}

static void markdown(const struct out *o, const struct view_matrix *m, const struct grid *g)
{
	fputs("| FROM \\\\ TO |", o->to);
	for (size_t k = 0; k < g->n; k++)
		if (g->shown[k])
			fprintf(o->to, " %s |", m->names[k]);
	fputs("\n|---|", o->to);
	for (size_t k = 0; k < g->n_shown; k++)
		fputs("---|", o->to);
	fputc('\n', o->to);
	for (size_t i = 0; i < g->n; i++) {
		if (!g->shown[i])
			continue;
		fprintf(o->to, "| **%s** |", m->names[i]);
		for (size_t k = 0; k < g->n; k++) {
			if (!g->shown[k])
				continue;
			fputc(' ', o->to);
			cell(o, g, i, k, true);
			fputs(" |", o->to);
		}
		fputc('\n', o->to);
	}
	fputc('\n', o->to);
}

static void legend(const struct out *o, const struct grid *g, const struct nsnet_proof *p)
{
	char hash[VIEW_HASH_SIZE], n[CHANGE_COUNT_SIZE];

	if (o->quiet)
		return;
	if (g->n_shown < g->n)
		fprintf(o->to, "%s more: all their pairs are %s\n",
			change_count(g->n - g->n_shown, "tenant", "tenants", n),
			view_sign(VIEW_APART));
	fprintf(o->to,
		"%s these may be opened, nothing else gets through   %s proved: nothing gets "
		"through   %s VIOLATION   %s not proved\n",
		view_sign(VIEW_ALLOWED), view_sign(VIEW_APART), view_sign(VIEW_VIOLATION),
		view_sign(VIEW_UNKNOWN));
	fprintf(o->to, "%s by the state %s", nsnet_proved_name(p->verdict),
		view_hash(p->hash, hash));
	fputs(p->verdict == NSNET_PROVED ? "\n" : "; `nsnet verify` says more\n", o->to);
}

/* ---- as lists -------------------------------------------------------------------- */

static const char *cell_word(enum view_sign s)
{
	switch (s) {
	case VIEW_ALLOWED:
		return "allowed";
	case VIEW_APART:
		return "nothing";
	case VIEW_VIOLATION:
		return "violation";
	case VIEW_UNKNOWN:
	case VIEW_NOTE:
	case VIEW_SELF:
		break;
	}
	return "inconclusive";
}

/* Of many tenants only what is not "nothing". */
static bool cell_listed(const struct grid *g, size_t from, size_t to)
{
	return sign_at(g, from, to) != VIEW_SELF &&
	       (g->n <= ALL_SHOWN || sign_at(g, from, to) != VIEW_APART);
}

static const char *reason_at(const struct grid *g, size_t from, size_t to)
{
	const struct nsnet_proof_pair *p = g->at[from * g->n + to];

	return p && p->verdict != NSNET_PROVED ? p->reason : "";
}

static const char *allows_at(const struct grid *g, size_t from, size_t to)
{
	const struct nsnet_proof_pair *p = g->at[from * g->n + to];

	return p ? p->allows : "";
}

/* What policies and findings are called has no comma and no quote. */
static void csv(const struct out *o, const struct view_matrix *m, const struct grid *g)
{
	if (!o->no_header)
		fputs("FROM,TO,CELL,ALLOWS,REASON\n", o->to);
	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; k < g->n; k++)
			if (cell_listed(g, i, k))
				fprintf(o->to, "%s,%s,%s,%s,%s\n", m->names[i], m->names[k],
					cell_word(sign_at(g, i, k)), allows_at(g, i, k),
					reason_at(g, i, k));
}

static json_t *cell_json(const struct view_matrix *m, const struct grid *g, size_t i, size_t k)
{
	const struct nsnet_proof_pair *p = g->at[i * g->n + k];

	return json_pack("{s:o, s:o, s:s, s:b, s:o, s:o}", "from", out_json_text(m->names[i]), "to",
			 out_json_text(m->names[k]), "cell", cell_word(sign_at(g, i, k)), "joined",
			 p ? (int)p->joined : 0, "allows",
			 out_json_text_or_null(allows_at(g, i, k)), "reason",
			 out_json_text_or_null(reason_at(g, i, k)));
}

static int document(const struct out *o, const struct view_matrix *m, const struct grid *g,
		    struct nsnet_err *err)
{
	NSN_AUTO(out_json_unref) json_t *items = json_array();
	size_t nothing = 0;

	for (size_t i = 0; i < g->n; i++) {
		for (size_t k = 0; k < g->n; k++) {
			nothing += sign_at(g, i, k) == VIEW_APART;
			if (cell_listed(g, i, k) &&
			    json_array_append_new(items, cell_json(m, g, i, k)) < 0)
				return nsn_err_nomem(err);
		}
	}
	return out_document(
		o, "Matrix",
		json_pack("{s:s, s:o, s:o, s:I}", "verdict", view_proved_word(m->proof->verdict),
			  "hash", out_json_text(m->proof->hash), "tenants",
			  out_json_texts(m->names, m->n), "nothing", (json_int_t)nothing),
		json_incref(items), err);
}

int view_matrix(const struct out *o, const struct view_matrix *m, struct nsnet_err *err)
{
	NSN_AUTO(grid_clear) struct grid g = {0};
	int r = grid_make(&g, m, err);

	if (r < 0)
		return r;
	if (out_is_document(o))
		return document(o, m, &g, err);
	if (o->format == OUT_CSV) {
		csv(o, m, &g);
		return 0;
	}
	if (o->format == OUT_MARKDOWN)
		markdown(o, m, &g);
	else
		r = table(o, m, &g, o->format == OUT_WIDE, err);
	if (r == 0)
		legend(o, &g, m->proof);
	return r;
}
