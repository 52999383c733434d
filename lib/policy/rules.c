/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules - maps as members of the model. What was refused is told already and left
 * out: also what is no word, or no node at all any more (an alias).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"

/* The word of a key, "" when there is none. */
static const char *word(const struct nsn_node *map, const char *key)
{
	const struct nsn_node *m = nsn_node_get(map, key);

	return m && m->kind == NSN_NODE_WORD ? m->text : "";
}

static void copy(char *to, size_t size, const char *text)
{
	(void)snprintf(to, size, "%s", text);
}

/* Of a long path the end tells more. */
static void copy_path(char *to, size_t size, const char *path)
{
	size_t len = strlen(path);

	copy(to, size, len < size ? path : path + len - size + 1);
}

static int64_t time_of(const char *text)
{
	int64_t time = 0;

	if (*text)
		(void)nsn_time_parse(&time, text, NULL);
	return time;
}

void nsn_origin_of(struct nsn_origin *ret, const struct nsn_span *at,
		   const struct nsn_policy_file *file)
{
	copy(ret->set, sizeof(ret->set), file->set);
	copy_path(ret->file, sizeof(ret->file), file->name);
	copy(ret->sha256, sizeof(ret->sha256), file->sha256);
	ret->line = at->line;
}

/* ---- lists ---------------------------------------------------------------------------- */

/* The words of a word or a list, each parsed into an array with items of @size. */
static int read_some(void *ret, size_t *n, size_t size, const struct nsn_node *some,
		     int (*parse)(void *item, const char *text))
{
	const struct nsn_node *m = some;
	char *items;

	if (some && some->kind == NSN_NODE_LIST)
		m = some->first;
	if (!m)
		return 0;
	items = calloc(some->kind == NSN_NODE_LIST ? some->n : 1, size);
	if (!items)
		return -ENOMEM;
	memcpy(ret, &items, sizeof(items));
	for (; m; m = some->kind == NSN_NODE_LIST ? m->next : NULL)
		if (m->kind == NSN_NODE_WORD && parse(items + *n * size, m->text) == 0)
			++*n;
	return 0;
}

static int parse_peer(void *item, const char *text)
{
	return nsn_peer_parse(item, text, NULL);
}

static int parse_ports(void *item, const char *text)
{
	return nsn_ports_parse(item, text, NULL);
}

static int parse_flow(void *item, const char *text)
{
	return nsn_flow_parse(item, text, NULL);
}

/* ---- members of the model --------------------------------------------------------------- */

int nsn_policy_from_map(struct nsn_policy *ret, const struct nsn_node *map,
			const struct nsn_policy_file *file)
{
	const char *log = word(map, "log");
	int r;

	copy(ret->name, sizeof(ret->name), word(map, "name"));
	ret->deny = nsn_node_get(map, "deny") != NULL;
	ret->audit = strcmp(word(map, "mode"), "audit") == 0;
	ret->log = strcmp(log, "all") == 0   ? NSN_LOG_ALL
		   : strcmp(log, "new") == 0 ? NSN_LOG_NEW
					     : NSN_LOG_NONE;
	copy(ret->because, sizeof(ret->because), word(map, "because"));
	copy(ret->owner, sizeof(ret->owner), word(map, "owner"));
	ret->expires = time_of(word(map, "expires"));
	if (*word(map, "publish"))
		(void)nsn_publish_parse(&ret->publish, word(map, "publish"), NULL);
	nsn_origin_of(&ret->origin, &map->at, file);
	r = read_some(&ret->from, &ret->n_from, sizeof(*ret->from), nsn_node_get(map, "from"),
		      parse_peer);
	if (r == 0)
		r = read_some(&ret->to, &ret->n_to, sizeof(*ret->to), nsn_node_get(map, "to"),
			      parse_peer);
	if (r == 0)
		r = read_some(&ret->ports, &ret->n_ports, sizeof(*ret->ports),
			      nsn_node_get(map, ret->deny ? "deny" : "allow"), parse_ports);
	return r;
}

int nsn_quarantine_from_map(struct nsn_quarantine *ret, const struct nsn_node *map,
			    const struct nsn_policy_file *file)
{
	(void)nsn_peer_parse(&ret->who, word(map, "who"), NULL);
	ret->since = time_of(word(map, "since"));
	copy(ret->because, sizeof(ret->because), word(map, "because"));
	nsn_origin_of(&ret->origin, &map->at, file);
	return read_some(&ret->keep, &ret->n_keep, sizeof(*ret->keep), nsn_node_get(map, "keep"),
			 parse_flow);
}

int nsn_expect_from_map(struct nsn_expect *ret, const struct nsn_node *map,
			const struct nsn_policy_file *file)
{
	ret->can = nsn_node_get(map, "can") != NULL;
	(void)nsn_flow_parse(&ret->flow, word(map, ret->can ? "can" : "cannot"), NULL);
	ret->line = map->at.line;
	copy_path(ret->file, sizeof(ret->file), file->name);
	return 0;
}
