// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <jansson.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/verify/snapfile.h"
#include "../../lib/verify/snapform.h"
#include "../lib/world.h"

/*
 * snapfile - a snapshot in which every member has a value goes to text and back, and no
 * change of any of them goes unnoticed
 */

static struct nsnet_err err;

static void clear(struct nsn_snap *s)
{
	nsn_arena_free(&s->mem);
	memset(s, 0, sizeof(*s));
}

/* ---- a snapshot with everything in it ---------------------------------------------------- */

struct maker {
	struct nsn_arena *mem;
	uint32_t seed;
	unsigned int deep; /* expressions in expressions */
	size_t n_ns;
};

static uint32_t next(struct maker *k)
{
	k->seed = k->seed * 1664525 + 1013904223;
	return k->seed >> 8;
}

static void fill(struct maker *k, const struct nsn_form *f, void *p);

static void fill_number(struct maker *k, const struct nsn_member *m, void *to)
{
	uint64_t most = m->size == 8 ? UINT64_MAX : (UINT64_C(1) << m->size * 8) - 1;
	uint64_t n = 1 + next(k);

	if (m->kind == NSN_FK_BOOL)
		n = 1;
	else if (m->kind == NSN_FK_NS)
		n = next(k) % k->n_ns;
	else if (m->kind == NSN_FK_INT)
		n = next(k) % 2 ? (uint64_t)-1 : 2;
	else if (m->max < most)
		n = 1 + n % m->max;
	else
		n = next(k) % 4 == 0 ? most : 1 + n % most; /* the largest, too */
	memcpy(to, &n, m->size);
}

static void fill_address(struct maker *k, const struct nsn_member *m, void *to)
{
	struct nsn_prefix p = {.ip.family = next(k) % 2 ? AF_INET : AF_INET6};
	size_t len = p.ip.family == AF_INET ? 4 : 16;

	for (size_t i = 0; i < len; i++)
		p.ip.bytes[i] = (uint8_t)(1 + next(k) % 255);
	p.len = (uint8_t)(next(k) % (8 * len + 1));
	if (m->kind == NSN_FK_MAC)
		memcpy(to, p.ip.bytes, 6 < len ? 6 : len);
	else
		memcpy(to, &p, m->size);
}

static char *fill_text(struct maker *k, const struct nsn_member *m)
{
	return nsn_arena_printf(k->mem, "%s \"%u\" \\ \xc3\xa4\xe2\x82\xac%s", m->key, next(k),
				strcmp(m->key, "policy") == 0 ? "\n\tx" : "");
}

static void fill_list(struct maker *k, const struct nsn_member *m, void *p)
{
	const bool inner = m->sub == &nsn_form_expr;
	size_t size = m->kind == NSN_FK_LIST ? m->sub->size : sizeof(char *);
	size_t n = m->max ? m->max : 3;
	char *items;

	if (inner && k->deep >= 2)
		return;
	if (strcmp(m->key, "namespaces") == 0)
		n = k->n_ns;
	items = nsn_arena_alloc(k->mem, n * size);
	assert_non_null(items);
	*(char **)((char *)p + m->at) = items;
	*(size_t *)((char *)p + m->count) = n;
	k->deep += inner;
	for (size_t i = 0; i < n; i++) {
		if (m->kind == NSN_FK_LIST)
			fill(k, m->sub, items + i * size);
		else
			((char **)(void *)items)[i] = fill_text(k, m);
	}
	k->deep -= inner;
}

static void fill_member(struct maker *k, const struct nsn_member *m, void *p)
{
	void *to = (char *)p + m->at;

	switch (m->kind) {
	case NSN_FK_BOOL:
	case NSN_FK_UINT:
	case NSN_FK_ENUM:
	case NSN_FK_NS:
	case NSN_FK_INT:
		fill_number(k, m, to);
		return;
	case NSN_FK_TEXT:
	case NSN_FK_OPT:
		*(char **)to = fill_text(k, m);
		return;
	case NSN_FK_CHARS:
		(void)snprintf(to, m->size, "%s-%u", m->key, next(k));
		return;
	case NSN_FK_IP:
	case NSN_FK_PREFIX:
	case NSN_FK_MAC:
		fill_address(k, m, to);
		return;
	case NSN_FK_BYTES:
		memset(to, 4, 4);
		return;
	case NSN_FK_KEY:
	case NSN_FK_MAPPED: {
		uint8_t *bytes = nsn_arena_alloc(k->mem, 8);

		for (size_t i = 0; i < 8; i++)
			bytes[i] = (uint8_t)next(k);
		*(uint8_t **)to = bytes;
		return;
	}
	case NSN_FK_STRUCT:
		fill(k, m->sub, to);
		return;
	case NSN_FK_LIST:
	case NSN_FK_STRINGS:
		fill_list(k, m, p);
		return;
	case NSN_FK_END:
		break;
	}
}

/* What has to fit together. */
static void settle(struct maker *k, const struct nsn_form *f, void *p)
{
	struct nsn_vverdict *v = p;
	struct nsn_vexpr *x = p;
	struct nsn_velem *e = p;
	struct nsn_vset *s = p;

	if (f == &nsn_form_verdict && v->code != NSN_V_JUMP && v->code != NSN_V_GOTO)
		v->chain = NULL;
	if (f == &nsn_form_expr) {
		x->len = 4;
		x->dreg = x->sreg = x->sreg2 = x->sreg3 = x->sreg4 = 7;
		x->shift = 4;
		if (x->kind == NSN_X_IMMEDIATE)
			x->dreg = 0;
		if (x->kind == NSN_X_OBJREF)
			x->object = NULL;
	}
	if (f == &nsn_form_set) {
		s->n_fields = 1;
		s->fields[0] = 8;
		memset(s->fields + 1, 0, sizeof(s->fields) - 1);
	}
	if (f == &nsn_form_elem) {
		e->catch_all = next(k) % 4 == 0;
		if (e->catch_all)
			e->key = e->key_end = NULL;
		else if (memcmp(e->key, e->key_end, 8) > 0)
			e->key_end = NULL;
	}
}

static void fill(struct maker *k, const struct nsn_form *f, void *p)
{
	struct nsn_vset *s = p;

	for (const struct nsn_member *m = f->members; m->kind != NSN_FK_END; m++) {
		fill_member(k, m, p);
		if (f == &nsn_form_set)
			s->key_len = s->data_len = 8;
	}
	settle(k, f, p);
}

static void make(struct nsn_snap *s, uint32_t seed)
{
	struct maker k = {.mem = &s->mem, .seed = seed, .n_ns = 3};

	fill(&k, &nsn_form_snap, s);
	s->at = 1800000000;
	s->tries = 2;
	s->took_us = 12345;
	assert_int_equal(nsn_snap_seal(s, &err), 0);
}

/* ---- there and back ---------------------------------------------------------------------- */

static char *text_of(const struct nsn_snap *s)
{
	char *text = NULL;
	size_t len = 0;

	if (nsn_snap_text(s, &text, &len, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(strlen(text), len);
	assert_int_equal(text[len - 1], '\n');
	return text;
}

static void test_round_trip(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 30; seed++) {
		struct nsn_snap a = {0}, b = {0};
		char *one, *two;

		make(&a, seed);
		one = text_of(&a);
		if (nsn_snap_parse(&b, one, strlen(one), &err) < 0)
			fail_msg("%s", err.msg);
		two = text_of(&b);
		assert_string_equal(one, two);
		assert_string_equal(a.hash, b.hash);
		assert_int_equal(b.at, a.at);
		assert_int_equal(b.tries, a.tries);
		assert_int_equal(b.took_us, a.took_us);
		free(one);
		free(two);
		clear(&a);
		clear(&b);
	}
}

/* Nothing but what is said to be left out is left out: every byte of each struct is a member's. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
#define CAN_SEE_PADDING
#endif
#endif

#ifdef CAN_SEE_PADDING
static const struct nsn_form *form_at(const struct nsn_form *f, const char *key)
{
	for (const struct nsn_member *m = f->members; m->kind != NSN_FK_END; m++) {
		if (m->sub && strcmp(m->key, key) == 0)
			return m->sub;
		if (m->sub && m->sub != f) {
			const struct nsn_form *found = form_at(m->sub, key);

			if (found)
				return found;
		}
	}
	return NULL;
}

/* How many bytes of @bytes, which are 0 where there is padding, no member takes. */
static size_t uncovered(const struct nsn_form *f, uint8_t *bytes, size_t size)
{
	size_t n = 0;

	assert_int_equal(f->size, size);
	for (const struct nsn_member *m = f->members; m->kind != NSN_FK_END; m++) {
		memset(bytes + m->at, 0, m->size);
		if (m->kind == NSN_FK_LIST || m->kind == NSN_FK_STRINGS)
			memset(bytes + m->count, 0, sizeof(size_t));
	}
	for (size_t i = 0; i < size; i++)
		n += bytes[i] != 0;
	return n;
}

#define COVERED(key, type, but)                                                                    \
	do {                                                                                       \
		struct type x;                                                                     \
		const struct nsn_form *f =                                                         \
			(key) ? form_at(&nsn_form_snap, (key)) : &nsn_form_snap;                   \
                                                                                                   \
		memset(&x, 0xff, sizeof(x));                                                       \
		__builtin_clear_padding(&x);                                                       \
		assert_non_null(f);                                                                \
		if (uncovered(f, (uint8_t *)&x, sizeof(x)) != (but))                               \
			fail_msg("a member of struct %s is not in its form", #type);               \
	} while (0)

static void test_every_member(void **state)
{
	const struct nsn_snap *s = NULL;

	(void)state;
	COVERED(NULL, nsn_snap,
		sizeof(s->mem) + sizeof(s->at) + sizeof(s->tries) + sizeof(s->took_us) +
			sizeof(s->hash));
	COVERED("namespaces", nsn_vns, sizeof(void *));
	COVERED("links", nsn_vlink, 0);
	COVERED("conf", nsn_vconf, 0);
	COVERED("port", nsn_vport, 0);
	COVERED("addrs", nsn_vaddr, 0);
	COVERED("routes", nsn_vroute, 0);
	COVERED("hops", nsn_vhop, 0);
	COVERED("fibs", nsn_vfib, 0);
	COVERED("neighs", nsn_vneigh, 0);
	COVERED("fdb", nsn_vfdb, 0);
	COVERED("cts", nsn_vct, 0);
	COVERED("orig", nsn_vtuple, 0);
	COVERED("procs", nsn_vproc, 0);
	COVERED("held", nsn_vheld, 0);
	COVERED("sysctls", nsn_vsysctl, 0);
	COVERED("tables", nsn_vtable, 0);
	COVERED("chains", nsn_vchain, 0);
	COVERED("rules", nsn_vrule, 0);
	COVERED("exprs", nsn_vexpr, 0);
	COVERED("verdict", nsn_vverdict, 0);
	COVERED("sets", nsn_vset, sizeof(void *));
	COVERED("elems", nsn_velem, 0);
	COVERED("objects", nsn_vobject, 0);
}
#else
static void test_every_member(void **state)
{
	(void)state;
	skip();
}
#endif

/* ---- order ------------------------------------------------------------------------------- */

static void reverse(char *items, size_t n, size_t size)
{
	char one[1024];

	assert_true(size <= sizeof(one));
	for (size_t i = 0; i < n / 2; i++) {
		memcpy(one, items + i * size, size);
		memcpy(items + i * size, items + (n - 1 - i) * size, size);
		memcpy(items + (n - 1 - i) * size, one, size);
	}
}

/* What has no order may come in any; what has one may not. */
static void test_order(void **state)
{
	struct nsn_snap s = {0};
	struct nsn_vchain *c;
	char hash[65];

	(void)state;
	make(&s, 7);
	memcpy(hash, s.hash, sizeof(hash));
	for (size_t i = 0; i < s.n_ns; i++) {
		struct nsn_vns *ns = &s.ns[i];

		reverse((char *)ns->links, ns->n_links, sizeof(*ns->links));
		reverse((char *)ns->routes, ns->n_routes, sizeof(*ns->routes));
		reverse((char *)ns->procs, ns->n_procs, sizeof(*ns->procs));
		reverse((char *)ns->cts, ns->n_cts, sizeof(*ns->cts));
		reverse((char *)ns->strange, ns->n_strange, sizeof(*ns->strange));
		reverse((char *)ns->tables, ns->n_tables, sizeof(*ns->tables));
		reverse((char *)ns->tables[0].sets, ns->tables[0].n_sets, sizeof(struct nsn_vset));
		reverse((char *)ns->tables[0].sets[0].elems, ns->tables[0].sets[0].n_elems,
			sizeof(struct nsn_velem));
	}
	assert_int_equal(nsn_snap_seal(&s, &err), 0);
	assert_string_equal(s.hash, hash);
	c = &s.ns[0].tables[0].chains[0];
	reverse((char *)c->rules, c->n_rules, sizeof(*c->rules));
	assert_int_equal(nsn_snap_seal(&s, &err), 0);
	assert_string_not_equal(s.hash, hash);
	clear(&s);
}

/* Namespaces are put in order, and those that refer to one still do. */
static void test_places(void **state)
{
	struct nsn_vlink links[2] = {{.index = 1, .peer_ns = 2},
				     {.index = 2, .peer_ns = NSN_NOWHERE}};
	struct nsn_vheld held = {.home = 0};
	struct nsn_vns ns[3] = {
		{.kind = NSN_VNS_FOREIGN, .inode = 9, .links = links, .n_links = 2},
		{.kind = NSN_VNS_GATEWAY, .tenant = 4, .inode = 8, .held = &held, .n_held = 1},
		{.kind = NSN_VNS_HOST, .inode = 7}};
	struct nsn_snap s = {.ns = ns, .n_ns = 3};

	(void)state;
	assert_int_equal(nsn_snap_seal(&s, &err), 0);
	assert_int_equal(ns[0].inode, 7);
	assert_int_equal(ns[1].inode, 8);
	assert_int_equal(ns[2].inode, 9);
	assert_int_equal(ns[2].links[0].peer_ns, 0);
	assert_true(ns[2].links[1].peer_ns == NSN_NOWHERE);
	assert_int_equal(ns[1].held[0].home, 2);
}

/* When and how long it was read is not what was read. */
static void test_not_hashed(void **state)
{
	struct nsn_snap s = {0};
	char hash[65];

	(void)state;
	make(&s, 8);
	memcpy(hash, s.hash, sizeof(hash));
	s.at++;
	s.tries++;
	s.took_us++;
	s.ns[0].aside = &s;
	assert_int_equal(nsn_snap_seal(&s, &err), 0);
	assert_string_equal(s.hash, hash);
	clear(&s);
}

/* ---- changed files ----------------------------------------------------------------------- */

static void must_refuse(const char *text, size_t len, const char *what)
{
	struct nsn_snap s = {0};
	int r;

	err = (struct nsnet_err){0};
	r = nsn_snap_parse(&s, text, len, &err);
	if (r != -EINVAL || err.id != NSNET_E_BAD_SNAPSHOT || !err.msg[0])
		fail_msg("%s: %d %s", what, r, err.msg);
	assert_null(s.mem.block);
}

static void refuse_root(json_t *root, const char *what)
{
	char *text = json_dumps(root, JSON_COMPACT);

	must_refuse(text, strlen(text), what);
	free(text);
}

/* Another value of the same type, but for what is one of two. */
static json_t *other(const json_t *j)
{
	const char *s = json_string_value(j);
	char *copy;
	json_t *ret;

	/* Not always the last byte. */
	if (json_is_integer(j) && json_integer_value(j) > 0x1ff)
		return json_integer(json_integer_value(j) ^ 0x100);
	if (json_is_integer(j))
		return json_integer(json_integer_value(j) + (json_integer_value(j) < 5 ? 1 : -1));
	if (json_is_boolean(j))
		return json_boolean(!json_is_true(j));
	copy = strdup(s);
	copy[0] = copy[0] == '1' ? '2' : '1';
	ret = json_string(copy);
	free(copy);
	return ret;
}

static size_t tamper(json_t *root, json_t *at, const char *path);

static size_t tamper_value(json_t *root, json_t *at, const char *key, json_t *value,
			   const char *path)
{
	if (json_is_object(value) || json_is_array(value)) {
		size_t n = tamper(root, value, path);

		json_incref(value);
		json_object_del(at, key);
		refuse_root(root, path);
		json_object_set_new(at, key, value);
		return n;
	}
	/* These are not what is proved. */
	if (at == root &&
	    (strcmp(key, "at") == 0 || strcmp(key, "tries") == 0 || strcmp(key, "took_us") == 0))
		return 0;
	json_incref(value);
	json_object_set_new(at, key, other(value));
	refuse_root(root, path);
	json_object_set_new(at, key, json_null());
	refuse_root(root, path);
	json_object_set_new(at, key, json_object());
	refuse_root(root, path);
	json_object_del(at, key);
	refuse_root(root, path);
	json_object_set_new(at, key, value);
	return 1;
}

/* Changes each value alone; how many there were. */
static size_t tamper(json_t *root, json_t *at, const char *path)
{
	const char **keys;
	const char *key;
	char here[512];
	json_t *value;
	size_t n = 0, i = 0;

	if (json_is_array(at)) {
		json_array_foreach(at, i, value)
		{
			(void)snprintf(here, sizeof(here), "%s[%zu]", path, i);
			if (json_is_object(value))
				n += tamper(root, value, here);
		}
		return n;
	}
	keys = calloc(json_object_size(at) + 1, sizeof(*keys));
	json_object_foreach(at, key, value) keys[i++] = strdup(key);
	for (i = 0; keys[i]; i++) {
		(void)snprintf(here, sizeof(here), "%s.%s", path, keys[i]);
		/* Sampled where each takes long; lists and objects are gone into all the same. */
		if (test_quick() && (n + i) % 8 && !json_is_object(json_object_get(at, keys[i])) &&
		    !json_is_array(json_object_get(at, keys[i])))
			n++;
		else
			n += tamper_value(root, at, keys[i], json_object_get(at, keys[i]), here);
		free((void *)(uintptr_t)keys[i]);
	}
	free(keys);
	json_object_set_new(at, "unknown", json_integer(1));
	refuse_root(root, path);
	json_object_del(at, "unknown");
	return n;
}

/* Leaves one item in each list. */
static void cut(const struct nsn_form *f, void *p)
{
	for (const struct nsn_member *m = f->members; m->kind != NSN_FK_END; m++) {
		if (m->kind == NSN_FK_STRUCT)
			cut(m->sub, (char *)p + m->at);
		if ((m->kind != NSN_FK_LIST && m->kind != NSN_FK_STRINGS) || !nsn_form_count(m, p))
			continue;
		*(size_t *)((char *)p + m->count) = 1;
		if (m->kind == NSN_FK_LIST)
			cut(m->sub, *(char **)((char *)p + m->at));
	}
}

/* Every member is there, and few of each. */
static void make_small(struct nsn_snap *s)
{
	make(s, 3);
	for (size_t i = 0; i < s->n_ns; i++)
		cut(&nsn_form_ns, &s->ns[i]);
	s->n_ns = 2;
	for (size_t i = 0; i < s->n_ns; i++)
		s->ns[i].links[0].peer_ns = s->ns[i].held[0].home = i;
	s->ns[0].n_tables = 0;
	assert_int_equal(nsn_snap_seal(s, &err), 0);
}

static void test_tampered(void **state)
{
	struct nsn_snap s = {0}, back = {0};
	json_t *root;
	char *text;

	(void)state;
	make_small(&s);
	text = text_of(&s);
	root = json_loads(text, 0, NULL);
	assert_non_null(root);
	assert_true(tamper(root, root, "") > 200);
	/* And it was not refused for something else all the time. */
	free(text);
	text = json_dumps(root, 0);
	if (nsn_snap_parse(&back, text, strlen(text), &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(back.hash, s.hash);
	free(text);
	json_decref(root);
	clear(&s);
	clear(&back);
}

/* ---- with a hash that is right ----------------------------------------------------------- */

/*
 * A file whose author has computed the hash anew. The first has nothing wrong but the hash, so
 * its message is of the hash; the others are refused before that.
 */
#define DOC(rest)                                                                                  \
	"{\"apiVersion\":\"nsnet/v1\",\"kind\":\"Snapshot\",\"hash\":\"0000000000000000000000000"  \
	"000000000000000000000000000000000000000\",\"at\":1,\"tries\":1,\"took_us\":1" rest "}"
#define NSDOC(rest) DOC(",\"namespaces\":[{" rest "}]")
#define TABLE(rest) NSDOC("\"tables\":[{\"family\":1,\"name\":\"t\"," rest "}]")
#define EXPR(rest)  TABLE("\"chains\":[{\"rules\":[{\"exprs\":[{" rest "}]}]}]")
#define SET(rest)   TABLE("\"sets\":[{\"name\":\"s\"," rest "}]")
#define ELEM(rest)  SET("\"key_len\":4,\"data_len\":2,\"elems\":[{" rest "}]")

static const struct {
	const char *text, *said;
} wrong[] = {
	{DOC(""), "its hash"},
	{NSDOC("\"kind\":1"), "its hash"},
	{EXPR("\"kind\":1,\"sreg\":4,\"len\":4"), "its hash"},
	{ELEM("\"key\":\"01020304\",\"key_end\":\"01020305\",\"data\":\"0001\""), "its hash"},
	{"", "line"},
	{"{", "line"},
	{"[]", "no object"},
	{"{}", "apiVersion"},
	{"{\"apiVersion\":\"nsnet/v2\"}", "apiVersion"},
	{"{\"apiVersion\":\"nsnet/v1\",\"kind\":\"Tenants\"}", "kind"},
	{DOC(",\"at\":2"), "line"},
	{DOC(",\"namespaces\":{}"), "namespaces: is no list"},
	{DOC(",\"namespaces\":[1]"), "namespaces[0]: is no object"},
	{DOC(",\"boot\":\"1234567890123456789012345678901234567890\""), "boot: is no text"},
	{DOC(",\"unsure\":[\"a\\u001b[2J\"]"), "unsure[0]: has control"},
	{DOC(",\"unsure\":[\"a\\nb\"]"), "unsure[0]: has control"},
	{DOC(",\"unsure\":[1]"), "unsure[0]: is no text"},
	{DOC(",\"more\":1"), "'more' is not known"},
	{NSDOC("\"kind\":4"), "kind: is above 3"},
	{NSDOC("\"kind\":-1"), "kind: is no number"},
	{NSDOC("\"kind\":1.0"), "kind: is no number"},
	{NSDOC("\"inode\":\"5\""), "inode: is no number"},
	{NSDOC("\"inode\":\"18446744073709551616\""), "inode: is no number"},
	{NSDOC("\"full\":1"), "full: is neither"},
	{NSDOC("\"aside\":1"), "'aside' is not known"},
	{NSDOC("\"links\":[{\"peer_ns\":1}]"), "links[0].peer_ns: is no namespace"},
	{NSDOC("\"held\":[{\"home\":7}]"), "held[0].home: is no namespace"},
	{NSDOC("\"links\":[{\"mac\":\"02:00:00:00:00:0g\"}]"), "mac: is no MAC"},
	{NSDOC("\"links\":[{\"mac\":\"02-00-00-00-00-00\"}]"), "mac: is no MAC"},
	{NSDOC("\"links\":[{\"conf\":{\"accept_ra\":128}}]"), "conf.accept_ra: is no number of 8"},
	{NSDOC("\"links\":[{\"type\":65536}]"), "type: is above 65535"},
	{NSDOC("\"routes\":[{\"dst\":\"10.0.0.0\"}]"), "dst: is no address and length"},
	{NSDOC("\"routes\":[{\"dst\":\"10.0.0.0/33\"}]"), "dst: is no address and length"},
	{NSDOC("\"addrs\":[{\"peer\":\"10.0.0.256\"}]"), "peer: is no address"},
	{EXPR("\"kind\":42"), "kind: is above 41"},
	{EXPR("\"kind\":1,\"sreg\":20,\"len\":4"), "sreg: is above 19"},
	{EXPR("\"kind\":1,\"sreg\":3,\"len\":4"), "no such register"},
	{EXPR("\"kind\":1,\"sreg\":19,\"len\":5"), "no such register"},
	{EXPR("\"kind\":1,\"len\":4"), "a register is missing"},
	{EXPR("\"kind\":1,\"sreg\":4"), "a length is missing"},
	{EXPR("\"kind\":1,\"sreg\":4,\"len\":65"), "len: is above 64"},
	{EXPR("\"kind\":1,\"sreg\":4,\"len\":1,\"data\":\"0101\""), "more data"},
	{EXPR("\"kind\":1,\"sreg\":4,\"len\":1,\"data\":\"1\""), "data: is no text of"},
	{EXPR("\"kind\":1,\"sreg\":4,\"len\":1,\"data\":\"0G\""), "data: has other"},
	{EXPR("\"kind\":1,\"sreg\":4,\"len\":1,\"op\":6"), "op: is above 5"},
	{EXPR("\"kind\":0,\"dreg\":0"), "register 0 is for verdicts"},
	{EXPR("\"verdict\":{\"code\":5}"), "verdict: a verdict has a chain"},
	{EXPR("\"verdict\":{\"code\":2,\"chain\":\"c\"}"), "verdict: a verdict has a chain"},
	{EXPR("\"kind\":13,\"sreg\":4"), "a set is missing"},
	{EXPR("\"kind\":29"), "an object is named"},
	{EXPR("\"kind\":4,\"sreg\":4,\"dreg\":4,\"len\":4,\"shift\":32"), "a shift is"},
	{EXPR("\"kind\":5,\"sreg\":4,\"dreg\":4,\"len\":4,\"shift\":3"), "a size is"},
	{SET("\"key_len\":65"), "key_len: is above 64"},
	{SET("\"flags\":1"), "a key's length"},
	{SET("\"key_len\":8,\"n_fields\":17"), "n_fields: is above 16"},
	{SET("\"key_len\":8,\"n_fields\":1,\"fields\":\"04\""), "its fields are not as long"},
	{SET("\"key_len\":4,\"n_fields\":1,\"fields\":\"0404\""), "its fields are not as long"},
	{SET("\"key_len\":4,\"n_fields\":2,\"fields\":\"04\""), "a field's length"},
	{SET("\"key_len\":4,\"flags\":132"), "its fields are missing"},
	{ELEM("\"expires\":true"), "an element has a key"},
	{ELEM("\"key\":\"01020304\",\"catch_all\":true"), "an element has a key"},
	{ELEM("\"key\":\"010203\""), "key: is no text of"},
	{ELEM("\"key\":\"01020304\",\"key_end\":\"01020303\""), "a range ends"},
	{ELEM("\"key\":\"01020304\",\"data\":\"010203\""), "data: is no text of"},
};

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSN_COUNT(wrong); i++) {
		must_refuse(wrong[i].text, strlen(wrong[i].text), wrong[i].text);
		if (!strstr(err.msg, wrong[i].said))
			fail_msg("%s\n  said: %s\n  not: %s", wrong[i].text, err.msg,
				 wrong[i].said);
	}
}

/* Cut anywhere; expressions in expressions without end; little text for much memory. */
static void test_malformed(void **state)
{
	struct nsn_snap s = {0};
	char *text, *deep;
	size_t len;

	(void)state;
	make_small(&s);
	text = text_of(&s);
	len = strlen(text);
	for (size_t n = 0; n + 2 < len; n += 1 + n / 50)
		must_refuse(text, n, "cut");
	free(text);
	clear(&s);
	deep = strdup("");
	for (int i = 0; i < 40; i++) {
		char *more = NULL;

		assert_true(asprintf(&more, "\"inner\":[{%s}]", deep) > 0);
		free(deep);
		deep = more;
	}
	assert_true(
		asprintf(&text,
			 DOC(",\"namespaces\":[{\"tables\":[{\"chains\":[{\"rules\":[{\"exprs\":["
			     "{%s}]}]}]}]}]"),
			 deep) > 0);
	must_refuse(text, strlen(text), "deep");
	assert_non_null(strstr(err.msg, "nested too deep"));
	free(text);
	free(deep);
}

/* What cannot be read back is not written. */
static void test_unprintable(void **state)
{
	static const char *const texts[] = {"a\x1b",	    "\xff",	"\xc3",
					    "\xed\xa0\x80", "\xc2\x9b", "\n"};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(texts); i++) {
		struct nsn_vns ns = {.name = texts[i]};
		struct nsn_snap s = {.ns = &ns, .n_ns = 1};
		char *text = NULL;
		size_t len = 0;

		assert_int_equal(nsn_snap_seal(&s, &err), 0);
		assert_int_equal(nsn_snap_text(&s, &text, &len, &err), -EINVAL);
		assert_int_equal(err.id, NSNET_E_BAD_SNAPSHOT);
		assert_null(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_every_member),
		cmocka_unit_test(test_order),	   cmocka_unit_test(test_places),
		cmocka_unit_test(test_not_hashed), cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_wrong),	   cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_unprintable)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
