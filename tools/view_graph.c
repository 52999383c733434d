/* SPDX-License-Identifier: GPL-2.0-or-later */
/* graph: namespaces and links, for people, for dot and mermaid, and as a document */
#include <string.h>

#include "change.h"
#include "view_proof.h"

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Somebody else's namespaces that nothing leads to are not drawn. */
static bool drawn(const struct nsnet_graph *g, size_t node)
{
	if (!is(g->nodes[node].kind, "foreign"))
		return true;
	for (size_t i = 0; i < g->n_links; i++)
		if (g->links[i].a == node || g->links[i].b == node)
			return true;
	return false;
}

/* The host has links that lead out of it, and so do others: that is theirs. */
static bool wrong(const struct nsnet_graph *g, const struct nsnet_link *l)
{
	return is(l->kind, "stray") ||
	       (is(l->kind, "loose") && l->a < g->n_nodes && *g->nodes[l->a].tenant);
}

/* ---- text ------------------------------------------------------------------------ */

static void end_of_link(const struct out *o, const struct nsnet_graph *g, size_t node,
			const char *link)
{
	out_safe(o->to, node < g->n_nodes ? g->nodes[node].name : "?");
	if (*link) {
		fputc(' ', o->to);
		out_safe(o->to, link);
	}
}

static void text(const struct out *o, const struct nsnet_graph *g)
{
	char hash[VIEW_HASH_SIZE], a[CHANGE_COUNT_SIZE], b[CHANGE_COUNT_SIZE];

	for (size_t i = 0; i < g->n_links; i++) {
		const struct nsnet_link *l = &g->links[i];

		fprintf(o->to, "%-8s",
			wrong(g, l) ? (is(l->kind, "stray") ? "STRAY" : "LOOSE") : l->kind);
		end_of_link(o, g, l->a, l->a_name);
		fputs(" -- ", o->to);
		end_of_link(o, g, l->b, l->b_name);
		if (*l->text) {
			fputs("  ", o->to);
			out_safe(o->to, l->text);
		}
		fputc('\n', o->to);
	}
	if (o->quiet)
		return;
	fprintf(o->to, "%s, %s; state %s\n", change_count(g->n_nodes, "namespace", "namespaces", a),
		change_count(g->n_links, "link", "links", b), view_hash(g->hash, hash));
}

/* ---- dot, mermaid ---------------------------------------------------------------- */

/* In a quoted string of either: whatever could end it, or begin markup, is left out. */
static void quoted(FILE *to, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		fputc(c < 0x20 || c >= 0x7f || strchr("\"\\<>|{}`#;&", c) ? '?' : c, to);
	}
}

static void dot_node(FILE *to, const struct nsnet_graph *g, size_t i)
{
	const struct nsnet_node *n = &g->nodes[i];

	fprintf(to, "\tn%zu [label=\"", i);
	quoted(to, n->name);
	fprintf(to, "\", shape=%s%s];\n",
		is(n->kind, "gateway")	  ? "hexagon"
		: is(n->kind, "workload") ? "box"
		: is(n->kind, "host")	  ? "house"
					  : "ellipse",
		is(n->kind, "foreign") ? ", style=dashed" : "");
}

static void dot_link(FILE *to, const struct nsnet_graph *g, size_t i)
{
	const struct nsnet_link *l = &g->links[i];

	if (l->b >= g->n_nodes)
		fprintf(to, "\tl%zu [label=\"?\", shape=diamond, color=red];\n\tn%zu -- l%zu", i,
			l->a, i);
	else
		fprintf(to, "\tn%zu -- n%zu", l->a, l->b);
	fprintf(to, " [label=\"");
	quoted(to, *l->text ? l->text : l->a_name);
	fprintf(to, "\"%s];\n",
		wrong(g, l)		 ? ", color=red, penwidth=2"
		: is(l->kind, "port")	 ? ""
		: is(l->kind, "outside") ? ", style=dotted"
					 : ", penwidth=2");
}

static void dot(FILE *to, const struct nsnet_graph *g)
{
	fputs("graph nsnet {\n\trankdir=LR;\n\tlabel=\"state ", to);
	quoted(to, g->hash);
	fputs("\";\n", to);
	for (size_t i = 0; i < g->n_nodes; i++)
		if (drawn(g, i))
			dot_node(to, g, i);
	for (size_t i = 0; i < g->n_links; i++)
		dot_link(to, g, i);
	fputs("}\n", to);
}

static void mermaid_node(FILE *to, const struct nsnet_graph *g, size_t i)
{
	const struct nsnet_node *n = &g->nodes[i];
	const char *open = "(", *close = ")";

	if (is(n->kind, "gateway")) {
		open = "{{";
		close = "}}";
	} else if (is(n->kind, "workload")) {
		open = "[";
		close = "]";
	}
	fprintf(to, "  n%zu%s\"", i, open);
	quoted(to, n->name);
	fprintf(to, "\"%s\n", close);
}

static void mermaid_link(FILE *to, const struct nsnet_graph *g, size_t i)
{
	const struct nsnet_link *l = &g->links[i];
	const char *label = *l->text ? l->text : l->a_name;

	if (l->b >= g->n_nodes)
		fprintf(to, "  l%zu{\"?\"}\n", i);
	fprintf(to, "  n%zu %s", l->a, wrong(g, l) ? "-.-" : "---");
	if (*label) {
		fputs("|\"", to);
		quoted(to, label);
		fputs("\"|", to);
	}
	if (l->b >= g->n_nodes)
		fprintf(to, " l%zu\n", i);
	else
		fprintf(to, " n%zu\n", l->b);
}

static void mermaid(FILE *to, const struct nsnet_graph *g)
{
	fputs("graph LR\n", to);
	for (size_t i = 0; i < g->n_nodes; i++)
		if (drawn(g, i))
			mermaid_node(to, g, i);
	for (size_t i = 0; i < g->n_links; i++)
		mermaid_link(to, g, i);
}

/* ---- document -------------------------------------------------------------------- */

static json_t *link_json(const struct nsnet_graph *g, const struct nsnet_link *l)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:s, s:o}", "a", (json_int_t)l->a, "b",
			 l->b < g->n_nodes ? json_integer((json_int_t)l->b) : json_null(), "a_name",
			 out_json_text_or_null(l->a_name), "b_name",
			 out_json_text_or_null(l->b_name), "kind", l->kind, "text",
			 out_json_text_or_null(l->text));
}

static int document(const struct out *o, const struct nsnet_graph *g, struct nsnet_err *err)
{
	NSN_AUTO(out_json_unref) json_t *nodes = json_array();
	NSN_AUTO(out_json_unref) json_t *links = json_array();

	for (size_t i = 0; i < g->n_nodes; i++) {
		const struct nsnet_node *n = &g->nodes[i];

		if (json_array_append_new(nodes, json_pack("{s:o, s:s, s:o}", "name",
							   out_json_text(n->name), "kind", n->kind,
							   "tenant",
							   out_json_text_or_null(n->tenant))) < 0)
			return nsn_err_nomem(err);
	}
	for (size_t i = 0; i < g->n_links; i++)
		if (json_array_append_new(links, link_json(g, &g->links[i])) < 0)
			return nsn_err_nomem(err);
	return out_document(o, "Graph",
			    json_pack("{s:o, s:O}", "hash", out_json_text(g->hash), "nodes", nodes),
			    json_incref(links), err);
}

int view_graph(const struct out *o, const struct nsnet_graph *g, struct nsnet_err *err)
{
	if (out_is_document(o))
		return document(o, g, err);
	if (o->format == OUT_DOT)
		dot(o->to, g);
	else if (o->format == OUT_MERMAID)
		mermaid(o->to, g);
	else
		text(o, g);
	return 0;
}
