// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text as a file of tenants: nothing crashes, what is refused says where and why, and what is
 * read has all its members.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/nsnet.h"
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
	if (r < 0) {
		must(r == -EINVAL && err.id == NSNET_E_BAD_FILE && !defs);
		must(strncmp(err.msg, err.where, strlen(err.where)) == 0 && err.where[0]);
		return 0;
	}
	list = nsnet_defs_list(defs, &n);
	for (size_t i = 0; i < n; i++)
		check_def(&list[i]);
	nsnet_defs_free(defs);
	return 0;
}
