/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "elem.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"

/* An interval of one key is that key: nft writes both ends, whoever makes it need not. */
static const uint8_t *end_of(const struct nsn_elem *e)
{
	return e->key_end ? e->key_end : e->key;
}

int nsn_elem_cmp(const struct nsn_object *a, const struct nsn_object *b)
{
	const struct nsn_elem *x = &a->u.elem, *y = &b->u.elem;
	int c = (int)x->family - (int)y->family;

	if (c == 0)
		c = strcmp(x->table, y->table);
	if (c == 0)
		c = strcmp(x->set, y->set);
	if (c == 0 && x->key_len != y->key_len)
		c = x->key_len < y->key_len ? -1 : 1;
	if (c == 0)
		c = memcmp(x->key, y->key, x->key_len);
	return c ? c : memcmp(end_of(x), end_of(y), x->key_len);
}

static const char *chain_of(const struct nsn_elem *e)
{
	return e->chain ? e->chain : "";
}

static const char *comment_of(const struct nsn_elem *e)
{
	return e->comment ? e->comment : "";
}

bool nsn_elem_same(const struct nsn_object *a, const struct nsn_object *b)
{
	const struct nsn_elem *x = &a->u.elem, *y = &b->u.elem;

	return !x->odd && !y->odd && strcmp(comment_of(x), comment_of(y)) == 0 &&
	       strcmp(x->object, y->object) == 0 && x->has_verdict == y->has_verdict &&
	       x->verdict == y->verdict && strcmp(chain_of(x), chain_of(y)) == 0 &&
	       x->data_len == y->data_len &&
	       (x->data_len == 0 || memcmp(x->data, y->data, x->data_len) == 0);
}

/* ---- in words -------------------------------------------------------------------- */

/* nft's numbers of types (nftables' include/datatype.h), six bits of a key's type each. */
enum {
	TYPE_BITS = 6,
	TYPE_IP = 7,
	TYPE_IP6 = 8,
	TYPE_ETHER = 9,
	TYPE_PROTO = 12,
	TYPE_PORT = 13,
	TYPE_MARK = 19,
	TYPE_IFINDEX = 20,
	TYPE_CT_DIR = 27,
	TYPE_IFNAME = 41,
};

/* Bytes of a field of this type, before padding; 0: it has none of its own. */
static uint32_t type_len(uint32_t type)
{
	switch (type) {
	case TYPE_PROTO:
	case TYPE_CT_DIR:
		return 1;
	case TYPE_PORT:
		return 2;
	case TYPE_IP:
	case TYPE_MARK:
	case TYPE_IFINDEX:
		return 4;
	case TYPE_ETHER:
		return 6;
	case TYPE_IP6:
	case TYPE_IFNAME:
		return 16;
	default:
		return 0;
	}
}

enum { FIELD_TEXT = 2 * NFT_DATA_VALUE_MAXLEN + 3 };

static const char *hex_text(const uint8_t *bytes, uint32_t len, char buf[FIELD_TEXT])
{
	uint32_t i;

	(void)snprintf(buf, FIELD_TEXT, "0x");
	for (i = 0; i < len && i < NFT_DATA_VALUE_MAXLEN; i++)
		(void)snprintf(buf + 2 + (size_t)2 * i, 3, "%02x", bytes[i]);
	return buf;
}

static const char *field_text(uint32_t type, const uint8_t *bytes, uint32_t len,
			      char buf[FIELD_TEXT])
{
	struct nsn_ip ip = {.family = type == TYPE_IP ? AF_INET : AF_INET6};
	struct nsn_mac mac;
	uint32_t n;

	if (type == TYPE_IP || type == TYPE_IP6) {
		memcpy(ip.bytes, bytes, len);
		return nsn_ip_str(&ip, buf);
	}
	if (type == TYPE_ETHER) {
		memcpy(&mac, bytes, sizeof(mac));
		return nsn_mac_str(&mac, buf);
	}
	if (type == TYPE_IFNAME)
		(void)snprintf(buf, FIELD_TEXT, "%.16s", (const char *)bytes);
	else if (type == TYPE_PORT)
		(void)snprintf(buf, FIELD_TEXT, "%d", bytes[0] << 8 | bytes[1]);
	else if (len == 1)
		(void)snprintf(buf, FIELD_TEXT, "%u", bytes[0]);
	else if (type == TYPE_IFINDEX || type == TYPE_MARK) {
		memcpy(&n, bytes, sizeof(n));
		(void)snprintf(buf, FIELD_TEXT, type == TYPE_MARK ? "0x%x" : "%u", n);
	} else
		return hex_text(bytes, len, buf);
	return buf;
}

/*
 * The types of the fields, the last one first. Return: how many; 0 when their
 * lengths do not make up the key. One may have no length of its own (a number of a
 * `typeof`): what is left.
 */
static size_t split(const struct nsn_elem *e, uint32_t types[NSN_NFT_FIELDS],
		    uint32_t lens[NSN_NFT_FIELDS])
{
	const uint32_t mask = (1U << TYPE_BITS) - 1;
	uint32_t left = e->key_type, sum = 0;
	size_t i, n, open = NSN_NFT_FIELDS;

	for (n = 0; left; n++, left >>= TYPE_BITS) {
		types[n] = left & mask;
		lens[n] = type_len(types[n]);
		if (lens[n] == 0 && open != NSN_NFT_FIELDS)
			return 0;
		if (lens[n] == 0)
			open = n;
		sum += (lens[n] + 3) & ~3U;
	}
	/* A single field is not padded. */
	if (n == 1 && lens[0])
		return lens[0] == e->key_len ? 1 : 0;
	if (open != NSN_NFT_FIELDS && sum < e->key_len) {
		lens[open] = e->key_len - sum;
		sum = e->key_len;
	}
	for (i = 0; i < n; i++)
		if (lens[i] == 0)
			return 0;
	return sum == e->key_len ? n : 0;
}

static const char *typed_text(const struct nsn_elem *e, const uint32_t *types, const uint32_t *lens,
			      size_t n, struct nsn_arena *m)
{
	char low[FIELD_TEXT], high[FIELD_TEXT];
	const char *text = "";
	uint32_t at = 0;

	for (; text && n > 0; n--) {
		const uint8_t *from = e->key + at, *to = end_of(e) + at;
		uint32_t type = types[n - 1], len = lens[n - 1];
		bool one = memcmp(from, to, len) == 0;

		text = nsn_arena_printf(m, "%s%s%s%s%s", text, text[0] ? " . " : "",
					field_text(type, from, len, low), one ? "" : "-",
					one ? "" : field_text(type, to, len, high));
		at += (len + 3) & ~3U;
	}
	return text;
}

/*
 * Without a type: those of ours are a link's name padded to IFNAMSIZ, a MAC
 * address padded to eight bytes, an address; or less of it. Any other in hex.
 */
static const char *guessed_text(const struct nsn_elem *e, struct nsn_arena *m)
{
	enum { NAME = 16, MAC = 8 };
	static const uint32_t types[] = {TYPE_IP, TYPE_ETHER, TYPE_IFNAME};
	static const uint32_t six_types[] = {TYPE_IP6, TYPE_ETHER, TYPE_IFNAME};
	static const uint32_t lens[] = {4, 6, 16}, six_lens[] = {16, 6, 16};
	char low[FIELD_TEXT], high[FIELD_TEXT];
	bool six = e->key_len == NAME + MAC + 16;

	if (e->key_len == NAME && !e->key_end)
		return nsn_arena_printf(m, "%.16s", (const char *)e->key);
	if (six || e->key_len == NAME + MAC + 4)
		return typed_text(e, six ? six_types : types, six ? six_lens : lens, 3, m);
	return nsn_arena_printf(m, "%s%s%s", hex_text(e->key, e->key_len, low),
				e->key_end ? "-" : "",
				e->key_end ? hex_text(e->key_end, e->key_len, high) : "");
}

static const char *key_text(const struct nsn_elem *e, struct nsn_arena *m)
{
	uint32_t types[NSN_NFT_FIELDS], lens[NSN_NFT_FIELDS];
	size_t n = split(e, types, lens);

	return n ? typed_text(e, types, lens, n, m) : guessed_text(e, m);
}

static const char *verdict_name(int32_t verdict)
{
	switch (verdict) {
	case NF_ACCEPT:
		return "accept";
	case NF_DROP:
		return "drop";
	case NFT_JUMP:
		return "jump ";
	case NFT_GOTO:
		return "goto ";
	case NFT_RETURN:
		return "return";
	case NFT_CONTINUE:
		return "continue";
	default:
		return "?";
	}
}

char *nsn_elem_str(const struct nsn_object *o, struct nsn_arena *m)
{
	const struct nsn_elem *e = &o->u.elem;
	const char *key = key_text(e, m), *to = e->object, *more = "";
	char data[FIELD_TEXT];

	if (!key)
		return NULL;
	if (e->has_verdict) {
		to = verdict_name(e->verdict);
		more = chain_of(e);
	} else if (e->data_len) {
		to = hex_text(e->data, e->data_len, data);
	}
	return nsn_arena_printf(m, "%s %s %s { %s%s%s%s }%s%s", nsn_family_name(e->family),
				e->table, e->set, key, to[0] ? " : " : "", to, more,
				e->comment ? " " : "", comment_of(e));
}
