// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text as a file of tenants, and as one of policies: nothing crashes, what is refused says
 * where and why, and what is read has all its members. What is a file of tenants is one of
 * policies, too.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/nsnet.h"
#include "../../lib/model/policy.h"
#include "../../lib/policy/tenants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must not go away with -DNDEBUG. */
static void must(int ok)
{
	if (!ok)
		abort();
}

static void must_be_text(const char *s)
{
	must(s && strlen(s) < NSN_TREE_SIZE_MAX);
}

static void check_span(const struct nsn_span *at)
{
	must(at->line >= 1 && at->col >= 1 && at->end_line >= at->line);
	must(at->end_line > at->line || at->end_col >= at->col);
}

static size_t check_node(const struct nsn_node *node, size_t depth)
{
	size_t n = 0;

	check_span(&node->at);
	must(depth <= NSN_TREE_DEPTH_MAX || node->kind == NSN_NODE_WORD ||
	     node->kind == NSN_NODE_BAD);
	if (node->kind == NSN_NODE_WORD)
		must_be_text(node->text);
	if (node->key) {
		must(node->key->kind == NSN_NODE_WORD && node->key->text[0] != '\0');
		check_span(&node->key->at);
	}
	for (const struct nsn_node *m = node->first; m; m = m->next) {
		if (node->kind == NSN_NODE_MAP)
			must(m->key != NULL);
		check_node(m, depth + 1);
		n++;
	}
	must(n == node->n);
	return n;
}

/* The same error, with all that were found. */
static void check_diags(const char *text, size_t size)
{
	const struct nsnet_tenant_def *defs = NULL;
	const struct nsn_node *root = NULL;
	struct nsn_arena mem = {0};
	struct nsn_diags d;
	size_t n = 0;
	int r;

	nsn_diags_init(&d, "f");
	r = nsn_tree_parse(&root, &mem, text, size, &d);
	must((r == 0) == (root != NULL));
	if (r == 0) {
		check_node(root, 1);
		r = nsn_tenants_read(&defs, &n, &mem, root, &d);
	}
	must((r == -EINVAL) == (d.total > 0) && d.n <= d.total && d.n <= NSN_DIAGS_MAX);
	for (size_t i = 0; i < d.n; i++) {
		check_span(&d.list[i].at);
		must(d.list[i].text[0] != '\0');
		must(i == 0 || d.list[i - 1].at.line < d.list[i].at.line ||
		     (d.list[i - 1].at.line == d.list[i].at.line &&
		      d.list[i - 1].at.col <= d.list[i].at.col));
	}
	nsn_arena_free(&mem);
}

static void check_def(const struct nsnet_tenant_def *def)
{
	must_be_text(def->name);
	must_be_text(def->subnet);
	must(strncmp(def->where, "f:", 2) == 0);
	for (size_t i = 0; i < def->n_labels; i++)
		must(strchr(def->labels[i], '=') != NULL);
	for (size_t i = 0; i < def->n_owners; i++)
		must_be_text(def->owners[i]);
	must((def->endpoints != NULL) == (def->n_endpoints > 0));
	for (size_t i = 0; i < def->n_endpoints; i++)
		must_be_text(def->endpoints[i].name);
}

/* ---- policies -------------------------------------------------------------------------- */

static void check_told(const struct nsnet_policies *p)
{
	const size_t n = nsnet_policies_diags(p);
	size_t errors = 0;

	must(n <= nsnet_policies_errors(p) + nsnet_policies_warnings(p));
	for (size_t i = 0; i < n; i++) {
		struct nsnet_diag d;

		nsnet_policies_diag(p, i, &d);
		must(d.line >= 1 && d.col >= 1 && d.end_line >= d.line);
		must(d.text[0] != '\0' && strcmp(d.file, "f") == 0 && d.id != NSNET_E_NONE);
		must(d.source_col >= 1 && d.source_col <= d.col && strlen(d.source) <= 4 * 200);
		must(!strpbrk(d.source, "\x1b\n\r"));
		errors += d.severity == NSNET_ERROR ? 1 : 0;
	}
	must((errors > 0) == (nsnet_policies_errors(p) > 0));
}

/* What is handed out as text is what the parsers take. */
static void check_policy(const struct nsnet_policy *r)
{
	struct nsn_peer peer;
	struct nsn_ports ports;

	must(nsn_name_ok(r->name) && nsn_name_ok(r->set) && r->n_from && r->n_to && r->n_ports);
	for (size_t i = 0; i < r->n_from; i++)
		must(nsn_peer_parse(&peer, r->from[i], NULL) == 0);
	for (size_t i = 0; i < r->n_to; i++)
		must(nsn_peer_parse(&peer, r->to[i], NULL) == 0);
	for (size_t i = 0; i < r->n_ports; i++)
		must(nsn_ports_parse(&ports, r->ports[i], NULL) == 0);
	must(strlen(r->because) <= NSN_TEXT_MAX && r->line >= 1);
}

static void check_policies(const char *text, size_t size, bool tenants)
{
	const struct nsnet_policy_text file = {"f", text, size, "d"};
	struct nsnet_policies *p = NULL;
	struct nsnet_err err = {0};

	must(nsnet_policies_parse(&p, &file, 1, NULL, 1800000000, &err) == 0);
	check_told(p);
	for (size_t i = 0; i < nsnet_policies_count(p); i++) {
		struct nsnet_policy r;

		nsnet_policies_get(p, i, &r);
		check_policy(&r);
	}
	for (size_t i = 0; i < nsnet_policies_expects(p); i++) {
		struct nsnet_expect e;
		int r = nsnet_policies_ask(p, i, &e, &err);

		must(r == 0 || (r == -EINVAL && err.id == NSNET_E_UNKNOWN_PEER));
		must(r == 0 || nsnet_policies_errors(p) > 0);
		must(r < 0 || (strstr(e.flow, " -> ") && e.reason[0]));
	}
	/* Of a shape that is fine there, what is left to refuse is values. */
	for (size_t i = 0; tenants && i < nsnet_policies_diags(p); i++) {
		struct nsnet_diag d;

		nsnet_policies_diag(p, i, &d);
		must(d.id != NSNET_E_BAD_FILE && d.id != NSNET_E_UNKNOWN_KEY);
	}
	nsnet_policies_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct nsnet_tenant_def *list;
	struct nsnet_defs *defs = NULL;
	struct nsnet_err err = {0};
	size_t n = 0;
	int r;

	r = nsnet_defs_parse(&defs, "f", (const char *)data, size, &err);
	must(err.code == r);
	check_diags((const char *)data, size);
	check_policies((const char *)data, size, r == 0);
	if (r < 0) {
		must(r == -EINVAL && !defs);
		must(err.id == NSNET_E_BAD_FILE || err.id == NSNET_E_UNKNOWN_KEY);
		must(strncmp(err.msg, err.where, strlen(err.where)) == 0 && err.where[0]);
		return 0;
	}
	list = nsnet_defs_list(defs, &n);
	for (size_t i = 0; i < n; i++)
		check_def(&list[i]);
	nsnet_defs_free(defs);
	return 0;
}
