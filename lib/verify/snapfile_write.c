// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A snapshot as JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "snapfile.h"
#include "snapform.h"

struct out {
	char *text;
	size_t len, room;
	bool full;	 /* no memory */
	const char *bad; /* the member whose text cannot be saved */
};

static void put(struct out *out, const char *p, size_t len)
{
	if (out->full)
		return;
	if (len >= out->room - out->len) {
		size_t room = (out->room + len + 1) * 2;
		char *text = realloc(out->text, room);

		if (!text) {
			out->full = true;
			return;
		}
		out->text = text;
		out->room = room;
	}
	memcpy(out->text + out->len, p, len);
	out->len += len;
	out->text[out->len] = '\0';
}

static void put_str(struct out *out, const char *s)
{
	put(out, s, strlen(s));
}

static void put_quoted(struct out *out, const char *s, size_t len)
{
	char code[8];

	put(out, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		size_t plain = i;

		while (plain < len && (unsigned char)s[plain] >= 0x20 && s[plain] != '"' &&
		       s[plain] != '\\')
			plain++;
		put(out, s + i, plain - i);
		i = plain;
		if (i >= len)
			break;
		(void)snprintf(code, sizeof(code), (unsigned char)s[i] >= 0x20 ? "\\%c" : "\\u%04x",
			       s[i]);
		put_str(out, code);
	}
	put(out, "\"", 1);
}

static void put_hex(struct out *out, const uint8_t *p, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	char two[2];

	put(out, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		two[0] = hex[p[i] >> 4];
		two[1] = hex[p[i] & 0xf];
		put(out, two, 2);
	}
	put(out, "\"", 1);
}

/* Readers of JSON have 63 bits and a sign; what is bigger is text. */
static void put_uint(struct out *out, uint64_t n)
{
	char buf[32];

	(void)snprintf(buf, sizeof(buf), n > INT64_MAX ? "\"%" PRIu64 "\"" : "%" PRIu64, n);
	put_str(out, buf);
}

static void put_int(struct out *out, int64_t n)
{
	char buf[32];

	(void)snprintf(buf, sizeof(buf), "%" PRId64, n);
	put_str(out, buf);
}

/* The key of a member, after a comma if it is not the first of its struct. */
static void put_key(struct out *out, const char *key)
{
	if (out->len && out->text[out->len - 1] != '{')
		put(out, ",", 1);
	put_quoted(out, key, strlen(key));
	put(out, ":", 1);
}

static void put_text(struct out *out, const char *key, const char *s, size_t len)
{
	if (len == 0)
		return;
	if (!nsn_form_text_ok(s, len, strcmp(key, "policy") == 0))
		out->bad = key;
	put_key(out, key);
	put_quoted(out, s, len);
}

static void put_form(struct out *out, const struct nsn_form *f, struct nsn_form_in in,
		     const void *p);

static void put_struct(struct out *out, const struct nsn_member *m, const struct nsn_form_in *in,
		       const void *p)
{
	size_t before = out->len, begun;

	put_key(out, m->key);
	put(out, "{", 1);
	begun = out->len;
	put_form(out, m->sub, *in, (const char *)p + m->at);
	if (out->len == begun && !out->full) {
		out->len = before; /* all of it is 0 */
		out->text[before] = '\0';
		return;
	}
	put(out, "}", 1);
}

static void put_list(struct out *out, const struct nsn_member *m, const struct nsn_form_in *in,
		     const void *p)
{
	const char *items = nsn_form_items(m, p);
	size_t n = nsn_form_count(m, p);

	if (n == 0)
		return;
	put_key(out, m->key);
	put(out, "[", 1);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			put(out, ",", 1);
		if (m->kind == NSN_FK_LIST) {
			put(out, "{", 1);
			put_form(out, m->sub, *in, items + i * m->sub->size);
			put(out, "}", 1);
		} else {
			const char *s = ((const char *const *)(const void *)items)[i];

			if (!nsn_form_text_ok(s, strlen(s), false))
				out->bad = m->key;
			put_quoted(out, s, strlen(s));
		}
	}
	put(out, "]", 1);
}

static void put_number(struct out *out, const struct nsn_member *m, const void *a)
{
	uint64_t n = nsn_form_uint(a, m->size);
	int64_t i = nsn_form_int(a, m->size);

	if (m->kind == NSN_FK_NS ? n == NSN_NOWHERE : n == 0)
		return;
	put_key(out, m->key);
	if (m->kind == NSN_FK_BOOL)
		put_str(out, "true");
	else if (m->kind == NSN_FK_INT)
		put_int(out, i);
	else
		put_uint(out, n);
}

static void put_address(struct out *out, const struct nsn_member *m, const void *a)
{
	static const struct nsn_mac none;
	const struct nsn_ip *ip = a;
	char buf[NSN_PREFIX_STRLEN];

	if (m->kind == NSN_FK_MAC ? nsn_mac_cmp(a, &none) == 0 : ip->family == 0)
		return;
	if (m->kind == NSN_FK_MAC)
		(void)nsn_mac_str(a, buf);
	else if (m->kind == NSN_FK_IP)
		(void)nsn_ip_str(ip, buf);
	else
		(void)nsn_prefix_str(a, buf);
	put_text(out, m->key, buf, strlen(buf));
}

static void put_bytes(struct out *out, const char *key, const uint8_t *p, size_t len)
{
	if (!p || len == 0)
		return;
	put_key(out, key);
	put_hex(out, p, len);
}

static void put_member(struct out *out, const struct nsn_member *m, const struct nsn_form_in *in,
		       const void *p)
{
	const void *a = (const char *)p + m->at;
	const char *text;

	switch (m->kind) {
	case NSN_FK_BOOL:
	case NSN_FK_UINT:
	case NSN_FK_ENUM:
	case NSN_FK_NS:
	case NSN_FK_INT:
		put_number(out, m, a);
		return;
	case NSN_FK_TEXT:
	case NSN_FK_OPT:
		text = *(const char *const *)a;
		put_text(out, m->key, text, text ? strlen(text) : 0);
		return;
	case NSN_FK_CHARS:
		put_text(out, m->key, a, strnlen(a, m->size));
		return;
	case NSN_FK_IP:
	case NSN_FK_PREFIX:
	case NSN_FK_MAC:
		put_address(out, m, a);
		return;
	case NSN_FK_BYTES:
		put_bytes(out, m->key, a, nsn_form_used(a, m->size));
		return;
	case NSN_FK_KEY:
	case NSN_FK_MAPPED:
		put_bytes(out, m->key, *(const uint8_t *const *)a,
			  m->kind == NSN_FK_KEY ? in->key_len : in->data_len);
		return;
	case NSN_FK_STRUCT:
		put_struct(out, m, in, p);
		return;
	case NSN_FK_LIST:
	case NSN_FK_STRINGS:
		put_list(out, m, in, p);
		return;
	case NSN_FK_END:
		return;
	}
}

static void put_form(struct out *out, const struct nsn_form *f, struct nsn_form_in in,
		     const void *p)
{
	nsn_form_enter(&in, f, p);
	for (const struct nsn_member *m = f->members; m->kind != NSN_FK_END; m++)
		put_member(out, m, &in, p);
}

int nsn_snap_text(const struct nsn_snap *s, char **ret, size_t *len, struct nsnet_err *err)
{
	const struct nsn_form_in in = {0};
	struct out out = {.text = NULL};

	put_str(&out, "{\"apiVersion\":\"" NSN_SNAP_API "\",\"kind\":\"" NSN_SNAP_KIND "\"");
	put_text(&out, "hash", s->hash, strlen(s->hash));
	put_key(&out, "at");
	put_int(&out, s->at);
	put_key(&out, "tries");
	put_uint(&out, s->tries);
	put_key(&out, "took_us");
	put_uint(&out, s->took_us);
	put_form(&out, &nsn_form_snap, in, s);
	put_str(&out, "}\n");
	if (out.full || out.bad) {
		free(out.text);
		return out.full ? nsn_err_nomem(err)
				: nsn_err(err, -EINVAL, NSNET_E_BAD_SNAPSHOT,
					  "a snapshot's '%s' is no printable UTF-8", out.bad);
	}
	*ret = out.text;
	*len = out.len;
	return 0;
}
