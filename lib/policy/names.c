/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"

#define NAME_SIZE (2 * NSN_NAME_MAX + 2)

void nsn_names_clear(struct nsn_names *names)
{
	nsn_arena_free(&names->mem);
	free(names->list);
	*names = (struct nsn_names){0};
}

/* ---- which there are ---------------------------------------------------------------- */

static int add(struct nsn_names *names, const char *tenant, const char *endpoint)
{
	const char *name = tenant;

	if (names->n == names->room) {
		size_t room = names->room ? 2 * names->room : 64;
		const char **list = reallocarray(names->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		names->list = list;
		names->room = room;
	}
	if (endpoint)
		name = nsn_arena_printf(&names->mem, "%s/%s", tenant, endpoint);
	if (!name)
		return -ENOMEM;
	names->list[names->n++] = name;
	return 0;
}

int nsn_names_add_tenant(struct nsn_names *names, const struct nsn_tenant *t)
{
	int r = add(names, t->name, NULL);

	for (size_t i = 0; r == 0 && i < t->n_endpoints; i++)
		r = add(names, t->name, t->endpoints[i].name);
	return r;
}

static int add_member(struct nsn_names *names, const struct nsn_node *tenant)
{
	const char *name = tenant->key->text;
	const struct nsn_node *endpoints = NULL;
	int r = add(names, name, NULL);

	if (tenant->kind == NSN_NODE_MAP)
		endpoints = nsn_node_get(tenant, "endpoints");
	if (r == 0 && !endpoints)
		return add(names, name, NSN_DEFAULT_ENDPOINT);
	if (r < 0 || !endpoints || endpoints->kind != NSN_NODE_MAP)
		return r;
	for (const struct nsn_node *e = endpoints->first; r == 0 && e; e = e->next)
		r = add(names, name, e->key->text);
	return r;
}

int nsn_names_add_map(struct nsn_names *names, const struct nsn_node *tenants)
{
	int r = 0;

	if (!tenants || tenants->kind != NSN_NODE_MAP)
		return 0;
	for (const struct nsn_node *t = tenants->first; r == 0 && t; t = t->next)
		r = add_member(names, t);
	return r;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void nsn_names_sort(struct nsn_names *names)
{
	if (names->n > 1)
		qsort(names->list, names->n, sizeof(*names->list), by_text);
}

/* ---- who is meant ------------------------------------------------------------------- */

static bool is_there(const struct nsn_names *names, const char *name)
{
	return names->n &&
	       bsearch(&name, names->list, names->n, sizeof(*names->list), by_text) != NULL;
}

/* The nearest tenant, or endpoint of @prefix ("customer1/"), or NULL. */
static const char *nearest(const struct nsn_names *names, const char *name, const char *prefix)
{
	const char *part = name + strlen(prefix), *near = NULL;
	size_t len = strlen(part), least = len < 6 ? 2 : len / 3 + 1;

	for (size_t i = 0; i < names->n; i++) {
		const char *candidate = names->list[i];
		size_t distance;

		if (strncmp(candidate, prefix, strlen(prefix)) != 0)
			continue;
		candidate += strlen(prefix);
		distance = strchr(candidate, '/') ? SIZE_MAX : nsn_text_distance(part, candidate);
		if (distance < least && distance < len) {
			least = distance;
			near = names->list[i];
		}
	}
	return near;
}

/*
 * Where in a word a peer stands: the word itself where that cannot be said, as of
 * one with escapes in it.
 */
static struct nsn_span place(const struct nsn_node *word, const char *peer, bool last)
{
	const char *found = last ? strrchr(word->text, '>') : word->text;
	const size_t quotes = word->quoted ? 2 : 0;
	struct nsn_span at = word->at;

	found = found ? strstr(found, peer) : NULL;
	if (!found || at.line != at.end_line || at.end_col - at.col != strlen(word->text) + quotes)
		return at;
	at.col += (uint32_t)(found - word->text) + (quotes ? 1 : 0);
	at.end_col = at.col + (uint32_t)strlen(peer);
	return at;
}

static void check(const struct nsn_names *names, const struct nsn_node *word,
		  const struct nsn_peer *peer, bool last, struct nsn_diags *diags)
{
	char name[NSN_PEER_STRLEN], prefix[NSN_NAME_MAX + 2] = "";
	struct nsn_diag *diag;
	struct nsn_span at;
	const char *near;

	if (peer->kind != NSN_PEER_TENANT && peer->kind != NSN_PEER_ENDPOINT)
		return;
	(void)nsn_peer_str(peer, name);
	if (is_there(names, name))
		return;
	at = place(word, name, last);
	if (is_there(names, peer->tenant)) {
		(void)snprintf(prefix, sizeof(prefix), "%s/", peer->tenant);
		diag = nsn_diag_add(diags, &at, "tenant '%s' has no endpoint '%s'", peer->tenant,
				    peer->endpoint);
	} else {
		(void)snprintf(name, sizeof(name), "%s", peer->tenant);
		diag = nsn_diag_add(diags, &at, "there is no tenant '%s'", peer->tenant);
	}
	(void)nsn_diag_code(diag, NSNET_E_UNKNOWN_PEER);
	near = diag ? nearest(names, name, prefix) : NULL;
	if (near && peer->kind == NSN_PEER_ENDPOINT && !prefix[0])
		nsn_diag_hint(diag, "did you mean %s/%s?", near, peer->endpoint);
	else if (near)
		nsn_diag_hint(diag, "did you mean %s?", near);
	else if (!prefix[0])
		nsn_diag_hint(diag, "tenants of other files are known when all are given together");
}

void nsn_names_check(const struct nsn_names *names, const struct nsn_node *word,
		     const struct nsn_type *type, struct nsn_diags *diags)
{
	struct nsn_peer peers[2];
	size_t n = type->peers(word->text, peers);

	for (size_t i = 0; i < n; i++)
		check(names, word, &peers[i], i > 0, diags);
}
