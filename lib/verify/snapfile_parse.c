// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A snapshot out of JSON that somebody else may have written.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../base/cleanup.h"
#include "snapfile.h"
#include "snapform.h"

#define SIZE_MOST (256UL << 20)
/* Structs in structs: the deepest that readers make is 9. */
#define DEPTH_MOST 16
/* Bytes of memory for one of text: a struct of which little is said is much bigger than its text.
 */
#define GROWTH 16

static void json_put(json_t *j)
{
	json_decref(j);
}
NSN_CLEANUP(json_t, json_put)

struct in {
	struct nsn_arena *mem;
	size_t budget; /* bytes that may still be allocated */
	size_t n_ns;
	unsigned int depth;
	bool any_hash; /* of the file: it is not compared */
	char path[256];
	size_t path_len;
	struct nsnet_err *err;
};

NSN_PRINTF(2, 3) static int bad(struct in *in, const char *fmt, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return nsn_err(in->err, -EINVAL, NSNET_E_BAD_SNAPSHOT, "no snapshot: %s: %s",
		       in->path_len ? in->path : ".", what);
}

/* ---- where we are ------------------------------------------------------------------------ */

NSN_PRINTF(2, 3) static size_t push(struct in *in, const char *fmt, ...)
{
	const size_t before = in->path_len, room = sizeof(in->path) - before;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(in->path + before, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		in->path_len += (size_t)n < room ? (size_t)n : room - 1;
	return before;
}

static void pop(struct in *in, size_t before)
{
	in->path_len = before;
	in->path[before] = '\0';
}

static void *room_for(struct in *in, size_t n, size_t size)
{
	if (n > in->budget / size)
		return NULL;
	in->budget -= n * size;
	return nsn_arena_alloc(in->mem, n * size);
}

/* ---- values ------------------------------------------------------------------------------ */

static int take_text(struct in *in, const char **ret, const json_t *j, bool lines)
{
	size_t len = json_string_length(j);
	char *copy;

	if (!json_is_string(j))
		return bad(in, "is no text");
	if (!nsn_form_text_ok(json_string_value(j), len, lines))
		return bad(in, "has control characters");
	copy = room_for(in, len + 1, 1);
	if (!copy)
		return nsn_err_nomem(in->err);
	memcpy(copy, json_string_value(j), len);
	*ret = copy;
	return 0;
}

static int take_uint(struct in *in, uint64_t *ret, const json_t *j, uint64_t max)
{
	if (json_is_integer(j) && json_integer_value(j) >= 0)
		*ret = (uint64_t)json_integer_value(j);
	else if (!json_is_string(j) || nsn_u64_parse(ret, json_string_value(j), UINT64_MAX) < 0 ||
		 *ret <= INT64_MAX)
		return bad(in, "is no number, or below 0");
	return *ret > max ? bad(in, "is above %llu", (unsigned long long)max) : 0;
}

static int take_number(struct in *in, const struct nsn_member *m, void *to, const json_t *j)
{
	const unsigned int bits = (unsigned int)m->size * 8;
	uint64_t n = 0, most = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
	int64_t i = json_integer_value(j);
	int r = 0;

	if (m->kind == NSN_FK_BOOL) {
		if (!json_is_boolean(j))
			return bad(in, "is neither true nor false");
		n = json_is_true(j);
	} else if (m->kind == NSN_FK_INT) {
		if (!json_is_integer(j) || i < -(int64_t)(most / 2) - 1 || i > (int64_t)(most / 2))
			return bad(in, "is no number of %u bits", bits);
		n = (uint64_t)i;
	} else if (m->kind == NSN_FK_NS) {
		r = take_uint(in, &n, j, most);
		if (r == 0 && n >= in->n_ns)
			return bad(in, "is no namespace of this snapshot");
	} else {
		r = take_uint(in, &n, j, m->max < most ? m->max : most);
	}
	if (r < 0)
		return r;
	if (m->size == 1)
		*(uint8_t *)to = (uint8_t)n;
	else if (m->size == 2)
		*(uint16_t *)to = (uint16_t)n;
	else if (m->size == 4)
		*(uint32_t *)to = (uint32_t)n;
	else
		*(uint64_t *)to = n;
	return 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two digits a byte; -EINVAL without a message. */
static int hex_bytes(uint8_t *to, size_t len, const char *s)
{
	for (size_t i = 0; i < len; i++) {
		if (digit(s[0]) < 0 || digit(s[1]) < 0)
			return -EINVAL;
		to[i] = (uint8_t)(digit(s[0]) << 4 | digit(s[1]));
		s += 2;
	}
	return 0;
}

static int take_bytes(struct in *in, uint8_t *to, size_t least, size_t most, const json_t *j)
{
	size_t len = json_string_length(j);

	if (!json_is_string(j) || len % 2 || len / 2 < least || len / 2 > most)
		return bad(in, "is no text of %zu to %zu hexadecimal digits", 2 * least, 2 * most);
	return hex_bytes(to, len / 2, json_string_value(j)) < 0
		       ? bad(in, "has other characters than 0-9 and a-f")
		       : 0;
}

/* A key or what it is mapped to, as long as the set says. */
static int take_key(struct in *in, const uint8_t **ret, size_t len, const json_t *j)
{
	uint8_t *to;

	if (len == 0)
		return bad(in, "there is no such part in this set");
	to = room_for(in, len, 1);
	if (!to)
		return nsn_err_nomem(in->err);
	*ret = to;
	return take_bytes(in, to, len, len, j);
}

static int take_address(struct in *in, const struct nsn_member *m, void *to, const json_t *j)
{
	const char *s = json_string_value(j);
	struct nsn_mac *mac = to;

	if (!s)
		return bad(in, "is no text");
	if (m->kind == NSN_FK_IP)
		return nsn_ip_parse(to, s) < 0 ? bad(in, "is no address") : 0;
	if (m->kind == NSN_FK_PREFIX)
		return nsn_prefix_parse(to, s) < 0 ? bad(in, "is no address and length") : 0;
	if (strlen(s) != NSN_MAC_STRLEN - 1)
		return bad(in, "is no MAC address");
	for (size_t i = 0; i < sizeof(mac->bytes); i++)
		if (hex_bytes(&mac->bytes[i], 1, s + 3 * i) < 0 ||
		    (i < sizeof(mac->bytes) - 1 && s[3 * i + 2] != ':'))
			return bad(in, "is no MAC address");
	return 0;
}

static int take_chars(struct in *in, char *to, size_t size, const json_t *j)
{
	size_t len = json_string_length(j);

	if (!json_is_string(j) || len >= size ||
	    !nsn_form_text_ok(json_string_value(j), len, false))
		return bad(in, "is no text of at most %zu characters", size - 1);
	memcpy(to, json_string_value(j), len);
	return 0;
}

/* ---- structs ----------------------------------------------------------------------------- */

static int take_form(struct in *in, const struct nsn_form *f, struct nsn_form_in len, void *p,
		     const json_t *j);

static int take_list(struct in *in, const struct nsn_member *m, const struct nsn_form_in *len,
		     void *p, const json_t *j)
{
	const size_t size = m->kind == NSN_FK_LIST ? m->sub->size : sizeof(char *);
	const size_t n = json_array_size(j);
	char *items;
	int r = 0;

	if (!json_is_array(j))
		return bad(in, "is no list");
	if (n == 0)
		return 0;
	items = room_for(in, n, size);
	if (!items)
		return nsn_err_nomem(in->err);
	*(char **)((char *)p + m->at) = items;
	*(size_t *)((char *)p + m->count) = n;
	for (size_t i = 0; i < n && r == 0; i++) {
		size_t before = push(in, "[%zu]", i);

		if (m->kind == NSN_FK_LIST)
			r = take_form(in, m->sub, *len, items + i * size, json_array_get(j, i));
		else
			r = take_text(in, (const char **)(void *)(items + i * size),
				      json_array_get(j, i), false);
		pop(in, before);
	}
	return r;
}

static int take_member(struct in *in, const struct nsn_member *m, const struct nsn_form_in *len,
		       void *p, const json_t *j)
{
	void *to = (char *)p + m->at;

	switch (m->kind) {
	case NSN_FK_BOOL:
	case NSN_FK_UINT:
	case NSN_FK_ENUM:
	case NSN_FK_NS:
	case NSN_FK_INT:
		return take_number(in, m, to, j);
	case NSN_FK_TEXT:
	case NSN_FK_OPT:
		return take_text(in, to, j, strcmp(m->key, "policy") == 0);
	case NSN_FK_CHARS:
		return take_chars(in, to, m->size, j);
	case NSN_FK_IP:
	case NSN_FK_PREFIX:
	case NSN_FK_MAC:
		return take_address(in, m, to, j);
	case NSN_FK_BYTES:
		return take_bytes(in, to, 0, m->size, j);
	case NSN_FK_KEY:
		return take_key(in, to, len->key_len, j);
	case NSN_FK_MAPPED:
		return take_key(in, to, len->data_len, j);
	case NSN_FK_STRUCT:
		return take_form(in, m->sub, *len, to, j);
	case NSN_FK_LIST:
	case NSN_FK_STRINGS:
		return take_list(in, m, len, p, j);
	case NSN_FK_END:
		break;
	}
	return 0;
}

/* What a member is that is not in the file. */
static void take_none(const struct nsn_member *m, void *p)
{
	void *to = (char *)p + m->at;

	if (m->kind == NSN_FK_NS)
		*(size_t *)to = NSN_NOWHERE;
	else if (m->kind == NSN_FK_TEXT)
		*(const char **)to = "";
	else if (m->kind == NSN_FK_STRUCT)
		for (const struct nsn_member *s = m->sub->members; s->kind != NSN_FK_END; s++)
			take_none(s, to);
}

static int unknown_key(struct in *in, const struct nsn_form *f, const json_t *j)
{
	const struct nsn_member *m;
	char show[NSN_SHOW_SIZE];
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)j, key, value)
	{
		for (m = f->members; m->kind != NSN_FK_END && strcmp(m->key, key) != 0; m++)
			;
		if (m->kind == NSN_FK_END)
			return bad(in, "'%s' is not known here",
				   nsn_text_show(key, show, sizeof(show)));
	}
	return 0;
}

static int take_form(struct in *in, const struct nsn_form *f, struct nsn_form_in len, void *p,
		     const json_t *j)
{
	const char *why = NULL;
	size_t seen = 0;
	int r = 0;

	if (!json_is_object(j))
		return bad(in, "is no object");
	if (++in->depth > DEPTH_MOST)
		return bad(in, "is nested too deep");
	for (const struct nsn_member *m = f->members; r == 0 && m->kind != NSN_FK_END; m++) {
		const json_t *value = json_object_get(j, m->key);
		size_t before;

		if (!value) {
			take_none(m, p);
			continue;
		}
		seen++;
		nsn_form_enter(&len, f, p);
		before = push(in, in->path_len ? ".%s" : "%s", m->key);
		r = take_member(in, m, &len, p, value);
		pop(in, before);
	}
	in->depth--;
	if (r == 0 && seen != json_object_size(j))
		r = unknown_key(in, f, j);
	if (r == 0)
		why = nsn_form_odd(f, &len, p);
	return why ? bad(in, "%s", why) : r;
}

/* ---- the file ---------------------------------------------------------------------------- */

/* Takes a key out of the object, which must have it. */
static json_t *head(json_t *root, const char *key)
{
	json_t *j = json_object_get(root, key);

	if (j) {
		json_incref(j);
		(void)json_object_del(root, key);
	}
	return j;
}

static int head_text(struct in *in, json_t *root, const char *key, const char *want, char *ret)
{
	NSN_AUTO(json_putp) json_t *j = head(root, key);

	if (!json_is_string(j) || (want && strcmp(json_string_value(j), want) != 0))
		return bad(in, "'%s' is not %s", key, want ? want : "a text");
	if (ret && json_string_length(j) != 64)
		return bad(in, "'%s' is no SHA-256", key);
	if (ret)
		memcpy(ret, json_string_value(j), 65);
	return 0;
}

static int head_number(struct in *in, json_t *root, const char *key, int64_t most, int64_t *ret)
{
	NSN_AUTO(json_putp) json_t *j = head(root, key);

	if (!json_is_integer(j) || json_integer_value(j) < 0 || json_integer_value(j) > most)
		return bad(in, "'%s' is no number of 0 to %lld", key, (long long)most);
	*ret = json_integer_value(j);
	return 0;
}

static int take_file(struct in *in, struct nsn_snap *ret, json_t *root)
{
	const struct nsn_form_in len = {0};
	int64_t at = 0, tries = 0, took = 0;
	char hash[65] = "";
	int r;

	if (!json_is_object(root))
		return bad(in, "is no object");
	r = head_text(in, root, "apiVersion", NSN_SNAP_API, NULL);
	if (r == 0)
		r = head_text(in, root, "kind", NSN_SNAP_KIND, NULL);
	if (r == 0)
		r = head_text(in, root, "hash", NULL, hash);
	if (r == 0)
		r = head_number(in, root, "at", INT64_MAX, &at);
	if (r == 0)
		r = head_number(in, root, "tries", UINT32_MAX, &tries);
	if (r == 0)
		r = head_number(in, root, "took_us", UINT32_MAX, &took);
	if (r < 0)
		return r;
	in->n_ns = json_array_size(json_object_get(root, "namespaces"));
	r = take_form(in, &nsn_form_snap, len, ret, root);
	if (r < 0)
		return r;
	ret->at = at;
	ret->tries = (unsigned int)tries;
	ret->took_us = (unsigned int)took;
	r = nsn_snap_seal(ret, in->err);
	if (r < 0)
		return r;
	return strcmp(ret->hash, hash) != 0
		       ? bad(in, "its hash is not that of its contents: it was changed")
		       : 0;
}

static int parse(struct nsn_snap *ret, const char *text, size_t len, bool any_hash,
		 struct nsnet_err *err)
{
	struct nsn_snap snap = {0};
	struct in in = {.mem = &snap.mem,
			.err = err,
			.budget = (len + 65536) * GROWTH,
			.any_hash = any_hash};
	NSN_AUTO(json_putp) json_t *root = NULL;
	json_error_t why;
	int r;

	if (len > SIZE_MOST)
		return bad(&in, "is longer than %lu MiB", SIZE_MOST >> 20);
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!root)
		return json_error_code(&why) == json_error_out_of_memory
			       ? nsn_err_nomem(err)
			       : bad(&in, "line %d: %s", why.line, why.text);
	r = take_file(&in, &snap, root);
	if (r < 0) {
		nsn_arena_free(&snap.mem);
		return r;
	}
	*ret = snap;
	return 0;
}

int nsn_snap_parse(struct nsn_snap *ret, const char *text, size_t len, struct nsnet_err *err)
{
	return parse(ret, text, len, false, err);
}

int nsn_snap_parse_unsealed(struct nsn_snap *ret, const char *text, size_t len,
			    struct nsnet_err *err)
{
	return parse(ret, text, len, true, err);
}
