/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tenant - what the model says to the tenants of a file
 *
 * The model refuses a definition with its first error, and has no places. So each
 * word is given to it in a definition that has nothing else in it, and only
 * what is left in the end, how they fit together, as a whole.
 */
#include <errno.h>
#include <string.h>

#include "../base/cleanup.h"
#include "language.h"
#include "policy.h"
#include "tenants.h"

struct check {
	struct nsn_arena *mem;
	struct nsn_diags *diags;
	const char *tenant; /* its name, or another that is fine */
};

static void clearp(struct nsn_tenant *t)
{
	nsn_tenant_clear(t);
}

static int refuse(const struct check *c, const struct nsn_node *node, const struct nsnet_err *err)
{
	if (err->id == NSNET_E_NO_MEMORY)
		return -ENOMEM;
	(void)nsn_diag_err(c->diags, &node->at, err);
	return 0;
}

/* A definition with one thing in it. */
static int try(const struct check *c, struct nsnet_tenant_def *def, const struct nsn_node *node)
{
	NSN_AUTO(clearp) struct nsn_tenant t = {0};
	struct nsnet_err err = {0};

	def->name = c->tenant;
	if (nsn_tenant_parse(&t, def, &err) == 0)
		return 0;
	return refuse(c, node, &err);
}

static int try_labels(const struct check *c, const struct nsn_node *map)
{
	int r = 0;

	for (const struct nsn_node *m = map->first; r == 0 && m; m = m->next) {
		const char *label = nsn_arena_printf(c->mem, "%s=%s", m->key->text, m->text);
		struct nsnet_tenant_def def = {.labels = &label, .n_labels = 1};

		r = label ? try(c, &def, m->key) : -ENOMEM;
	}
	return r;
}

static int try_owners(const struct check *c, const struct nsn_node *list)
{
	int r = 0;

	for (const struct nsn_node *m = list->first; r == 0 && m; m = m->next) {
		struct nsnet_tenant_def def = {.owners = &m->text, .n_owners = 1};

		r = try(c, &def, m);
	}
	return r;
}

/* Each for itself; how many there may be, and that none is there twice, is for the whole. */
static int try_dns(const struct check *c, const struct nsn_node *some)
{
	const bool list = some->kind == NSN_NODE_LIST;
	int r = 0;

	for (const struct nsn_node *m = list ? some->first : some; r == 0 && m;
	     m = list ? m->next : NULL) {
		struct nsnet_tenant_def def = {.dns = m->text};

		r = try(c, &def, m);
	}
	return r;
}

static int try_endpoint(const struct check *c, const struct nsn_node *e, const char *key,
			const struct nsn_node *at)
{
	struct nsnet_endpoint_def def = {.name = e->key->text};
	struct nsnet_err err = {0};
	struct nsn_endpoint ret;

	if (strcmp(key, "ip") == 0)
		def.ip = at->text;
	else if (strcmp(key, "ip6") == 0)
		def.ip6 = at->text;
	else if (strcmp(key, "rate") == 0)
		def.rate = at->text;
	return nsn_endpoint_parse(&ret, c->tenant, &def, &err) == 0 ? 0 : refuse(c, at, &err);
}

static int try_endpoints(const struct check *c, const struct nsn_node *map)
{
	int r = 0;

	for (const struct nsn_node *e = map->first; r == 0 && e; e = e->next) {
		size_t before = c->diags->total;

		r = try_endpoint(c, e, "", e->key);
		if (c->diags->total > before)
			continue;
		if (e->kind == NSN_NODE_WORD)
			r = try_endpoint(c, e, "ip", e);
		for (const struct nsn_node *m = e->first; r == 0 && m; m = m->next)
			r = try_endpoint(c, e, m->key->text, m);
	}
	return r;
}

static bool all_words(const struct nsn_node *of)
{
	for (const struct nsn_node *m = of->first; m; m = m->next)
		if (m->kind != NSN_NODE_WORD)
			return false;
	return true;
}

/*
 * What has another shape was told with the shape of all: also a key that is there
 * twice, whose second value nobody else has looked at.
 */
static bool has_shape(const struct nsn_key *key, const struct nsn_node *m)
{
	if (!key)
		return false;
	switch (key->shape) {
	case NSN_SHAPE_WORD:
		return m->kind == NSN_NODE_WORD;
	case NSN_SHAPE_WORDS:
		return m->kind == NSN_NODE_LIST && all_words(m);
	case NSN_SHAPE_SOME:
		return m->kind == NSN_NODE_WORD || (m->kind == NSN_NODE_LIST && all_words(m));
	case NSN_SHAPE_NAMES:
		break;
	case NSN_SHAPE_MAPS:
	case NSN_SHAPE_LATER:
	case NSN_SHAPE_POLICY:
		return false;
	}
	if (m->kind != NSN_NODE_MAP || !key->of)
		return m->kind == NSN_NODE_MAP && all_words(m);
	for (const struct nsn_node *e = m->first; e; e = e->next)
		if (e->kind != NSN_NODE_WORD && (e->kind != NSN_NODE_MAP || !all_words(e)))
			return false;
	return true;
}

static int try_member(const struct check *c, const struct nsn_node *m)
{
	const struct nsn_key *key = nsn_schema_key(&nsn_schema_tenant, m->key->text);
	struct nsnet_tenant_def def = {0};

	if (strcmp(key->name, "labels") == 0)
		return try_labels(c, m);
	if (strcmp(key->name, "owners") == 0)
		return try_owners(c, m);
	if (strcmp(key->name, "dns") == 0)
		return try_dns(c, m);
	if (strcmp(key->name, "endpoints") == 0)
		return try_endpoints(c, m);
	memcpy((char *)&def + key->member, &m->text, sizeof(m->text));
	return try(c, &def, m);
}

/* Whether all of it fits together. An `auto` subnet is not chosen yet: there is nothing to give
 * out.
 */
static int fit(struct nsn_tenant *ret, const struct nsnet_tenant_def *def, struct nsnet_err *err)
{
	NSN_AUTO(clearp) struct nsn_tenant t = {0}, copy = {0};
	int r = nsn_tenant_parse(&t, def, err);

	if (r == 0)
		r = nsn_dns_check(&t, err);
	if (r == 0 && t.subnet.ip.family && (t.subnet6.ip.family || t.subnet6.len == 0)) {
		r = nsn_tenant_copy(&copy, &t, err);
		if (r == 0)
			r = nsn_tenant_allocate(&copy, err);
	}
	if (r < 0)
		return r;
	*ret = t;
	t = (struct nsn_tenant){0};
	return 0;
}

/*
 * The endpoint with which it does not fit any more, or the tenant when it is about
 * no endpoint. Who fits with all before them is found by halving.
 */
static const struct nsn_node *culprit(const struct nsnet_tenant_def *def,
				      const struct nsn_node *map)
{
	const struct nsn_node *endpoints = nsn_node_get(map, "endpoints"), *e;
	size_t good = 0, bad = def->n_endpoints;

	if (!endpoints || bad == 0)
		return map->key;
	while (bad - good > 1) {
		NSN_AUTO(clearp) struct nsn_tenant t = {0};
		struct nsnet_tenant_def part = *def;

		part.n_endpoints = good + (bad - good) / 2;
		if (fit(&t, &part, NULL) == 0)
			good = part.n_endpoints;
		else
			bad = part.n_endpoints;
	}
	e = endpoints->first;
	for (size_t i = 0; i + 1 < bad; i++)
		e = e->next;
	return e->kind == NSN_NODE_WORD ? e : e->key;
}

static int try_whole(struct nsn_tenant *ret, const struct check *c,
		     const struct nsnet_tenant_def *def, const struct nsn_node *map)
{
	const struct nsn_node *dns = nsn_node_get(map, "dns");
	struct nsnet_tenant_def alone = *def;
	struct nsn_tenant t = {0};
	struct nsnet_err err = {0};

	if (fit(ret, def, &err) == 0)
		return 0;
	alone.endpoints = NULL;
	alone.n_endpoints = 0;
	if (fit(&t, &alone, NULL) < 0)
		return refuse(c, dns && err.id == NSNET_E_BAD_DNS ? dns : map->key, &err) < 0
			       ? -ENOMEM
			       : -EINVAL;
	nsn_tenant_clear(&t);
	return refuse(c, culprit(def, map), &err) < 0 ? -ENOMEM : -EINVAL;
}

int nsn_tenant_check(struct nsn_tenant *ret, struct nsnet_tenant_def *def, struct nsn_arena *mem,
		     const struct nsn_node *map, struct nsn_policy_file *file)
{
	const size_t before = file->diags->total;
	struct check c = {.mem = mem, .diags = file->diags, .tenant = map->key->text};
	bool shaped = true;
	int r = 0;

	/* It was told with the names of all. */
	if (nsn_tenant_name_check(c.tenant, NULL) < 0)
		c.tenant = "customer1";
	for (const struct nsn_node *m = map->first; m; m = m->next)
		shaped &= has_shape(nsn_schema_key(&nsn_schema_tenant, m->key->text), m);
	if (!shaped)
		return -EINVAL;
	for (const struct nsn_node *m = map->first; r == 0 && m; m = m->next)
		r = try_member(&c, m);
	if (r == 0)
		r = nsn_tenant_read(def, mem, map, file->name);
	if (r < 0)
		return r;
	if (file->diags->total > before || c.tenant != map->key->text)
		return -EINVAL;
	return try_whole(ret, &c, def, map);
}
