// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What holds between the members of what the kernel made, and must hold in a file, too.
 */
#include <string.h>

#include <linux/netfilter/nf_tables.h>

#include "snapform.h"

uint64_t nsn_form_uint(const void *p, size_t size)
{
	if (size == 1)
		return *(const uint8_t *)p;
	if (size == 2)
		return *(const uint16_t *)p;
	if (size == 4)
		return *(const uint32_t *)p;
	return *(const uint64_t *)p;
}

int64_t nsn_form_int(const void *p, size_t size)
{
	if (size == 1)
		return *(const int8_t *)p;
	if (size == 2)
		return *(const int16_t *)p;
	if (size == 4)
		return *(const int32_t *)p;
	return *(const int64_t *)p;
}

size_t nsn_form_used(const uint8_t *p, size_t size)
{
	while (size > 0 && !p[size - 1])
		size--;
	return size;
}

/* ---- text -------------------------------------------------------------------------------- */

/* The bytes of one character of UTF-8 (RFC 3629), or 0. */
static size_t utf8_len(const uint8_t *s, size_t left)
{
	uint32_t c = s[0];
	size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : 4;

	if (n == 1)
		return 1;
	if (c < 0xc2 || c > 0xf4 || n > left)
		return 0;
	c &= 0x7fU >> n;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if ((n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
	    (n == 4 && (c < 0x10000 || c > 0x10ffff)))
		return 0;
	return c < 0xa0 ? 0 : n; /* U+0080 to U+009F control terminals */
}

bool nsn_form_text_ok(const char *s, size_t len, bool lines)
{
	const uint8_t *p = (const uint8_t *)s;
	size_t n;

	for (size_t i = 0; i < len; i += n) {
		if ((p[i] < 0x20 || p[i] == 0x7f) && !(lines && (p[i] == '\n' || p[i] == '\t')))
			return false;
		n = utf8_len(p + i, len - i);
		if (n == 0)
			return false;
	}
	return true;
}

/* ---- rules ------------------------------------------------------------------------------- */

/* Words 1 to 3 are inside of the verdict's register. */
static bool reg_ok(uint8_t reg, size_t len)
{
	return reg == 0 || (reg >= 4 && reg + (len + 3) / 4 <= NSN_REGS);
}

static const char *odd_verdict(const struct nsn_vverdict *v)
{
	bool jumps = v->code == NSN_V_JUMP || v->code == NSN_V_GOTO;

	return jumps == (v->chain != NULL) ? NULL
					   : "a verdict has a chain to go to, or none is needed";
}

/* Those that write to a register whatever else they do, and those that read one. */
static bool must_write(const struct nsn_vexpr *x)
{
	switch ((int)x->kind) {
	case NSN_X_BITWISE:
	case NSN_X_SHIFT:
	case NSN_X_BYTEORDER:
	case NSN_X_PAYLOAD:
	case NSN_X_META:
	case NSN_X_CT:
	case NSN_X_FIB:
	case NSN_X_RT:
	case NSN_X_NUMGEN:
	case NSN_X_HASH:
	case NSN_X_SOCKET:
	case NSN_X_OSF:
	case NSN_X_XFRM:
	case NSN_X_TUNNEL:
		return true;
	default:
		return false;
	}
}

static bool must_read(const struct nsn_vexpr *x)
{
	switch ((int)x->kind) {
	case NSN_X_CMP:
	case NSN_X_RANGE:
	case NSN_X_BITWISE:
	case NSN_X_SHIFT:
	case NSN_X_BYTEORDER:
	case NSN_X_PAYLOAD_SET:
	case NSN_X_META_SET:
	case NSN_X_CT_SET:
	case NSN_X_LOOKUP:
	case NSN_X_DYNSET:
	case NSN_X_FWD:
		return true;
	default:
		return false;
	}
}

static bool must_have_length(const struct nsn_vexpr *x)
{
	switch ((int)x->kind) {
	case NSN_X_CMP:
	case NSN_X_RANGE:
	case NSN_X_BITWISE:
	case NSN_X_SHIFT:
	case NSN_X_BYTEORDER:
	case NSN_X_PAYLOAD:
	case NSN_X_PAYLOAD_SET:
		return true;
	default:
		return x->kind == NSN_X_IMMEDIATE && x->dreg != 0;
	}
}

static const char *odd_expr(const struct nsn_vexpr *x)
{
	if (!reg_ok(x->dreg, x->len) || !reg_ok(x->sreg, x->len) || !reg_ok(x->sreg2, 0) ||
	    !reg_ok(x->sreg3, 0) || !reg_ok(x->sreg4, 0))
		return "there is no such register";
	if ((must_write(x) && x->dreg == 0) || (must_read(x) && x->sreg == 0))
		return "a register is missing";
	if (must_have_length(x) && x->len == 0)
		return "a length is missing";
	if (nsn_form_used(x->data, 64) > x->len || nsn_form_used(x->data2, 64) > x->len)
		return "there is more data than its length";
	if (x->kind == NSN_X_SHIFT && x->shift > 31)
		return "a shift is of 31 bits at most";
	if (x->kind == NSN_X_BYTEORDER && x->shift != 2 && x->shift != 4 && x->shift != 8)
		return "a size is 2, 4 or 8";
	if (x->kind == NSN_X_IMMEDIATE && (x->dreg == 0) != (x->verdict.code != NSN_V_NONE))
		return "a verdict is for register 0, and register 0 is for verdicts";
	if ((x->kind == NSN_X_LOOKUP || x->kind == NSN_X_DYNSET) && !x->set)
		return "a set is missing";
	if (x->kind == NSN_X_OBJREF && !x->set == !x->object)
		return "an object is named, or a set of objects";
	return NULL;
}

static const char *odd_set(const struct nsn_vset *s)
{
	size_t len = 0;

	if (s->key_len == 0)
		return "a key's length is missing";
	for (size_t i = 0; i < s->n_fields; i++) {
		if (s->fields[i] == 0)
			return "a field's length is missing";
		len += (s->fields[i] + 3U) / 4 * 4;
	}
	if (s->n_fields < nsn_form_used(s->fields, sizeof(s->fields)) ||
	    (s->n_fields && len != s->key_len))
		return "its fields are not as long as its key";
	if (s->n_fields == 0 && (s->flags & NFT_SET_INTERVAL) && (s->flags & NFT_SET_CONCAT))
		return "its fields are missing";
	return NULL;
}

static const char *odd_elem(const struct nsn_velem *e, size_t key_len)
{
	if (e->catch_all == (e->key != NULL) || (e->key_end && !e->key))
		return "an element has a key, or is for all else";
	if (e->key_end && memcmp(e->key, e->key_end, key_len) > 0)
		return "a range ends before it begins";
	return NULL;
}

const char *nsn_form_odd(const struct nsn_form *f, const struct nsn_form_in *in, const void *p)
{
	if (f == &nsn_form_verdict)
		return odd_verdict(p);
	if (f == &nsn_form_expr)
		return odd_expr(p);
	if (f == &nsn_form_set)
		return odd_set(p);
	if (f == &nsn_form_elem)
		return odd_elem(p, in->key_len);
	return NULL;
}
