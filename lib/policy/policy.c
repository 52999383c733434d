/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sha256.h>

#include "../base/cleanup.h"
#include "language.h"
#include "names.h"
#include "tenants.h"

void nsn_policy_set_clear(struct nsn_policy_set *s)
{
	for (size_t i = 0; i < s->n_tenants; i++)
		nsn_tenant_clear(&s->tenants[i]);
	for (size_t i = 0; i < s->n_policies; i++)
		nsn_policy_clear(&s->policies[i]);
	for (size_t i = 0; i < s->n_quarantines; i++)
		nsn_quarantine_clear(&s->quarantines[i]);
	nsn_arena_free(&s->mem);
	*s = (struct nsn_policy_set){0};
}

/* ---- sets of files ---------------------------------------------------------------------- */

void nsn_set_name(char ret[NSN_NAME_MAX + 1], const char *path)
{
	size_t len = strlen(path), n = 0;
	const char *base, *dot;

	while (len > 1 && path[len - 1] == '/')
		len--;
	base = memrchr(path, '/', len);
	base = base ? base + 1 : path;
	len -= (size_t)(base - path);
	dot = memrchr(base, '.', len);
	if (dot && dot > base)
		len = (size_t)(dot - base);
	for (size_t i = 0; i < len && n < NSN_NAME_MAX; i++) {
		char c = base[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (n > 0 && c >= '0' && c <= '9'))
			ret[n++] = c;
		else if (n > 0 && ret[n - 1] != '-')
			ret[n++] = '-';
	}
	while (n > 0 && ret[n - 1] == '-')
		n--;
	ret[n] = '\0';
	if (!nsn_name_ok(ret))
		memcpy(ret, "policy", sizeof("policy"));
}

/* The name that a file says, or NULL. */
static const struct nsn_node *name_of(const struct nsn_policy_file *file)
{
	const struct nsn_node *name;

	name = file->root && file->root->kind == NSN_NODE_MAP ? nsn_node_get(file->root, "name")
							      : NULL;
	return name && name->kind == NSN_NODE_WORD && nsn_name_ok(name->text) ? name : NULL;
}

/* Files of one group have one name. */
static void name_sets(struct nsn_policy_set *s)
{
	for (size_t i = 0; i < s->n_files; i++) {
		struct nsn_policy_file *file = &s->files[i];
		const struct nsn_node *mine = name_of(file), *name = NULL;
		const struct nsn_policy_file *other = file;

		for (size_t k = 0; !name && k < s->n_files; k++) {
			other = &s->files[k];
			if (strcmp(other->group, file->group) == 0)
				name = name_of(other);
		}
		if (!name)
			nsn_set_name(file->set, file->group);
		else
			memcpy(file->set, name->text, strlen(name->text) + 1);
		if (mine && name && strcmp(mine->text, name->text) != 0)
			nsn_diag_hint(nsn_diag_add(file->diags, &mine->at,
						   "the set of files is called '%s' in %s:%u",
						   name->text, other->name, name->at.line),
				      "files of one folder are one set: leave one of the names "
				      "out");
	}
}

/* ---- trees ------------------------------------------------------------------------------ */

static int read_tree(struct nsn_policy_set *s, struct nsn_policy_file *file,
		     const struct nsnet_policy_text *text)
{
	int r;

	*file = (struct nsn_policy_file){
		.name = nsn_arena_strdup(&s->mem, text->file),
		.text = text->text,
		.len = text->len,
		.group = text->set ? text->set : text->file,
		.diags = nsn_arena_alloc(&s->mem, sizeof(*file->diags)),
	};
	if (!file->name || !file->diags)
		return -ENOMEM;
	(void)SHA256Data((const uint8_t *)text->text, text->len, file->sha256);
	nsn_diags_init(file->diags, text->file);
	r = nsn_tree_parse(&file->root, &s->mem, text->text, text->len, file->diags);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || !nsn_version_ok(file->root, file->diags))
		file->root = NULL;
	if (file->root)
		nsn_schema_check(&nsn_schema_file, file->root, file->diags);
	return 0;
}

/* The list or map of that name in a file, or NULL. */
static const struct nsn_node *part(const struct nsn_policy_file *file, const char *key,
				   enum nsn_node_kind kind)
{
	const struct nsn_node *node = NULL;

	if (file->root && file->root->kind == NSN_NODE_MAP)
		node = nsn_node_get(file->root, key);
	return node && node->kind == kind ? node : NULL;
}

/* ---- names ------------------------------------------------------------------------------- */

struct words {
	const struct nsn_names *names;
	struct nsn_diags *diags;
};

static void on_peers(void *data, const struct nsn_node *word, const struct nsn_type *type)
{
	const struct words *w = data;

	nsn_names_check(w->names, word, type, w->diags);
}

static int check_words(struct nsn_policy_set *s, const struct nsn_tenant *known, size_t n_known)
{
	NSN_AUTO(nsn_names_clear) struct nsn_names names = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_known; i++)
		r = nsn_names_add_tenant(&names, &known[i]);
	for (size_t i = 0; r == 0 && i < s->n_files; i++)
		r = nsn_names_add_map(&names, part(&s->files[i], "tenants", NSN_NODE_MAP));
	if (r < 0)
		return r;
	nsn_names_sort(&names);
	for (size_t i = 0; i < s->n_files; i++) {
		struct words w = {&names, s->files[i].diags};

		if (s->files[i].root)
			nsn_schema_values(&nsn_schema_file, s->files[i].root, w.diags, on_peers,
					  &w);
	}
	return 0;
}

/* Where a name is given to something. */
struct mention {
	const struct nsn_node *word;
	struct nsn_policy_file *file;
};

static int by_name(const void *a, const void *b)
{
	const struct mention *x = a, *y = b;
	int order = strcmp(x->word->text, y->word->text);

	if (order != 0)
		return order;
	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return x->word->at.line < y->word->at.line ? -1 : x->word->at.line > y->word->at.line;
}

static void refuse_twice(struct mention *all, size_t n, const char *what, enum nsnet_code id)
{
	char shown[NSN_SHOW_SIZE];
	size_t first = 0;

	if (n > 1)
		qsort(all, n, sizeof(*all), by_name);
	for (size_t i = 1; i < n; i++) {
		const struct nsn_node *word = all[first].word;
		struct nsn_diag *diag;

		if (strcmp(all[i].word->text, word->text) != 0) {
			first = i;
			continue;
		}
		diag = nsn_diag_add(all[i].file->diags, &all[i].word->at,
				    "%s '%s' is there twice, first in %s:%u", what,
				    nsn_text_show(word->text, shown, sizeof(shown)),
				    all[first].file->name, word->at.line);
		(void)nsn_diag_code(diag, id);
		nsn_diag_hint(diag, "choose another name, or leave one of them out");
	}
}

static size_t count(const struct nsn_policy_set *s, const char *key, enum nsn_node_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_files; i++) {
		const struct nsn_node *node = part(&s->files[i], key, kind);

		n += node ? node->n : 0;
	}
	return n;
}

static int check_twice(struct nsn_policy_set *s)
{
	const size_t most = count(s, "tenants", NSN_NODE_MAP) + count(s, "rules", NSN_NODE_LIST);
	NSN_AUTO(nsn_freep) struct mention *all = calloc(most + 1, sizeof(*all));
	const struct nsn_node *list;
	size_t n = 0;

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_files; i++) {
		list = part(&s->files[i], "tenants", NSN_NODE_MAP);
		/* In one map it was told of the tree, and the second is bad. */
		for (const struct nsn_node *m = list ? list->first : NULL; m; m = m->next)
			if (m->kind != NSN_NODE_BAD)
				all[n++] = (struct mention){m->key, &s->files[i]};
	}
	refuse_twice(all, n, "tenant", NSNET_E_BAD_FILE);
	n = 0;
	for (size_t i = 0; i < s->n_files; i++) {
		list = part(&s->files[i], "rules", NSN_NODE_LIST);
		for (const struct nsn_node *m = list ? list->first : NULL; m; m = m->next) {
			const struct nsn_node *name =
				m->kind == NSN_NODE_MAP ? nsn_node_get(m, "name") : NULL;

			if (name && name->kind == NSN_NODE_WORD && !nsn_node_empty(name))
				all[n++] = (struct mention){name, &s->files[i]};
		}
	}
	refuse_twice(all, n, "rule", NSNET_E_BAD_RULE);
	return 0;
}

/* ---- the model --------------------------------------------------------------------------- */

/* Whether nothing was told about this map alone; who it names does not count. */
static bool fine(const struct nsn_schema *schema, const struct nsn_node *map)
{
	struct nsn_diags diags;

	if (map->kind != NSN_NODE_MAP)
		return false;
	nsn_diags_init(&diags, NULL);
	nsn_schema_check(schema, map, &diags);
	nsn_schema_values(schema, map, &diags, NULL, NULL);
	return diags.total == 0;
}

static int read_tenants(struct nsn_policy_set *s, struct nsn_policy_file *file)
{
	const struct nsn_node *map = part(file, "tenants", NSN_NODE_MAP);
	int r = 0;

	for (const struct nsn_node *m = map ? map->first : NULL; r == 0 && m; m = m->next) {
		struct nsn_diags diags;

		if (m->kind != NSN_NODE_MAP)
			continue;
		nsn_diags_init(&diags, NULL);
		nsn_schema_check(&nsn_schema_tenant, m, &diags);
		if (diags.total)
			continue;
		r = nsn_tenant_check(&s->tenants[s->n_tenants], &s->defs[s->n_tenants], &s->mem, m,
				     file);
		if (r == 0)
			nsn_origin_of(&s->tenants[s->n_tenants++].origin, &m->key->at, file);
		r = r == -EINVAL ? 0 : r;
	}
	return r;
}

/* In the list that is about what the model says. */
static const struct nsn_span *fault_place(const struct nsn_node *map, enum nsnet_code id)
{
	const struct nsn_node *at = NULL;

	if (id == NSNET_E_BAD_PUBLISH || id == NSNET_E_PUBLISH_CONFLICT)
		at = nsn_node_get(map, "publish") ?: nsn_node_get(map, "from");
	if (!at)
		at = nsn_node_get(map, "name");
	return at ? &at->at : nsn_map_place(map);
}

/* Those of other files and of commands are looked at when the files are applied. */
static int check_published(struct nsn_policy_set *s, int64_t now)
{
	NSN_AUTO(nsn_freep) struct nsn_publish_pair *pairs = NULL;
	size_t n = 0;
	int r = nsn_publish_pairs(&pairs, &n, s->policies, s->n_policies, now);

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct nsn_policy_place *at = &s->places[pairs[i].other - s->policies];
		struct nsnet_err err = {0};

		(void)nsn_publish_refuse(pairs[i].other, pairs[i].one, &err);
		(void)nsn_err_hint(&err, -EEXIST, "choose another address or port");
		(void)nsn_diag_err(at->file->diags, fault_place(at->map, err.id), &err);
	}
	return r;
}

static int read_rules(struct nsn_policy_set *s, struct nsn_policy_file *file)
{
	const struct nsn_node *list = part(file, "rules", NSN_NODE_LIST);
	int r = 0;

	for (const struct nsn_node *m = list ? list->first : NULL; r == 0 && m; m = m->next) {
		struct nsn_policy *p = &s->policies[s->n_policies];
		struct nsnet_err err = {0};

		if (!fine(&nsn_schema_rule, m))
			continue;
		r = nsn_policy_from_map(p, m, file);
		if (r == 0 && nsn_policy_check(p, &err) < 0) {
			(void)nsn_diag_err(file->diags, fault_place(m, err.id), &err);
			nsn_policy_clear(p);
			continue;
		}
		/* Also what is half read: it is cleared with the others. */
		s->places[s->n_policies++] = (struct nsn_policy_place){m, file};
	}
	return r;
}

static int read_rest(struct nsn_policy_set *s, struct nsn_policy_file *file)
{
	const struct nsn_node *list = part(file, "quarantine", NSN_NODE_LIST);
	int r = 0;

	for (const struct nsn_node *m = list ? list->first : NULL; r == 0 && m; m = m->next)
		if (fine(&nsn_schema_quarantine, m))
			r = nsn_quarantine_from_map(&s->quarantines[s->n_quarantines++], m, file);
	list = part(file, "expect", NSN_NODE_LIST);
	for (const struct nsn_node *m = list ? list->first : NULL; r == 0 && m; m = m->next)
		if (fine(&nsn_schema_expect, m))
			r = nsn_expect_from_map(&s->expects[s->n_expects++], m, file);
	return r;
}

/* One of each for all that there is, and nothing more to grow. */
static int make_room(struct nsn_policy_set *s)
{
	const size_t tenants = count(s, "tenants", NSN_NODE_MAP);
	const size_t rules = count(s, "rules", NSN_NODE_LIST);
	const size_t cut = count(s, "quarantine", NSN_NODE_LIST);
	const size_t expects = count(s, "expect", NSN_NODE_LIST);

	s->defs = nsn_arena_alloc(&s->mem, (tenants + 1) * sizeof(*s->defs));
	s->tenants = nsn_arena_alloc(&s->mem, (tenants + 1) * sizeof(*s->tenants));
	s->policies = nsn_arena_alloc(&s->mem, (rules + 1) * sizeof(*s->policies));
	s->places = nsn_arena_alloc(&s->mem, (rules + 1) * sizeof(*s->places));
	s->quarantines = nsn_arena_alloc(&s->mem, (cut + 1) * sizeof(*s->quarantines));
	s->expects = nsn_arena_alloc(&s->mem, (expects + 1) * sizeof(*s->expects));
	return s->defs && s->tenants && s->policies && s->places && s->quarantines && s->expects
		       ? 0
		       : -ENOMEM;
}

/* So much is no mistake of one rule, and reading it would take gigabytes. */
static bool too_many(struct nsn_policy_set *s)
{
	static const char *const lists[] = {"rules", "quarantine", "expect"};
	const struct nsn_node *list = NULL;

	for (size_t i = 0; i < NSN_COUNT(lists); i++) {
		size_t n = 0;

		for (size_t k = 0; k < s->n_files; k++) {
			list = part(&s->files[k], lists[i], NSN_NODE_LIST);
			n += list ? list->n : 0;
			if (n <= NSN_POLICIES_MAX)
				continue;
			nsn_diag_add(s->files[k].diags, &list->key->at,
				     "with these there are more than %d in all '%s' together",
				     NSN_POLICIES_MAX, lists[i]);
			return true;
		}
	}
	return false;
}

static int read_model(struct nsn_policy_set *s)
{
	int r = too_many(s) ? 0 : make_room(s);

	if (!s->policies)
		return r;
	for (size_t i = 0; r == 0 && i < s->n_files; i++) {
		r = read_tenants(s, &s->files[i]);
		if (r == 0)
			r = read_rules(s, &s->files[i]);
		if (r == 0)
			r = read_rest(s, &s->files[i]);
	}
	return r;
}

int nsn_policy_set_read(struct nsn_policy_set *s, const struct nsnet_policy_text *texts, size_t n,
			const struct nsn_tenant *known, size_t n_known, int64_t now)
{
	int r = 0;

	s->files = nsn_arena_alloc(&s->mem, (n + 1) * sizeof(*s->files));
	if (!s->files)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = read_tree(s, &s->files[i], &texts[i]);
		if (r == 0)
			s->n_files++;
	}
	if (r == 0) {
		name_sets(s);
		r = check_words(s, known, n_known);
	}
	if (r == 0)
		r = check_twice(s);
	if (r == 0)
		r = read_model(s);
	if (r == 0)
		r = check_published(s, now);
	if (r == 0)
		r = nsn_policy_advise(s, now);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s->n_files; i++) {
		s->errors += s->files[i].diags->total;
		s->warnings += s->files[i].diags->warnings;
	}
	return 0;
}
