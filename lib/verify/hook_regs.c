/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What registers hold, byte by byte, and the arithmetic of nft_bitwise and nft_byteorder. */
#include <string.h>

#include "hook_int.h"

#define HOST_LITTLE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

void nsn_regs_const(struct nsn_regs *g, size_t at, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len && at + i < NSN_REG_BYTES; i++)
		g->b[at + i] = NSN_RB(NSN_RB_CONST, 0, data[i]);
	nsn_regs_pad(g, at, len);
}

void nsn_regs_any(struct nsn_regs *g, size_t at, size_t len)
{
	for (size_t i = 0; i < len && at + i < NSN_REG_BYTES; i++)
		g->b[at + i] = NSN_RB(NSN_RB_ANY, 0, 0);
	nsn_regs_pad(g, at, len);
}

void nsn_regs_pad(struct nsn_regs *g, size_t at, size_t len)
{
	for (size_t i = at + len; i % 4 && i < NSN_REG_BYTES; i++)
		g->b[i] = NSN_RB(NSN_RB_CONST, 0, 0);
}

void nsn_regs_host(struct nsn_regs *g, size_t at, size_t len, enum nsn_field f)
{
	for (size_t i = 0; i < len && at + i < NSN_REG_BYTES; i++)
		g->b[at + i] = NSN_RB(NSN_RB_FIELD, f, HOST_LITTLE ? i * 8 : (len - 1 - i) * 8);
	nsn_regs_pad(g, at, len);
}

/* All eight the neighbouring bits of one field, or all constant: so they are kept plain. */
static bool simple(const uint32_t bits[8], uint32_t *ret)
{
	uint32_t value = 0;

	if (bits[7] == NSN_BIT_ANY) {
		for (int k = 0; k < 7; k++)
			if (bits[k] != NSN_BIT_ANY)
				return false;
		*ret = NSN_RB(NSN_RB_ANY, 0, 0);
		return true;
	}
	if (NSN_BIT_IS_FIELD(bits[7]) && !(bits[7] & NSN_BIT_NOT)) {
		for (uint32_t k = 0; k < 7; k++)
			if (bits[k] != bits[7] + 7 - k)
				return false;
		*ret = NSN_RB(NSN_RB_FIELD, NSN_BIT_FIELD(bits[7]), NSN_BIT_NR(bits[7]));
		return true;
	}
	for (int k = 0; k < 8; k++) {
		if (bits[k] > NSN_BIT_1)
			return false;
		value = value << 1 | bits[k];
	}
	*ret = NSN_RB(NSN_RB_CONST, 0, value);
	return true;
}

void nsn_regs_bits(struct nsn_run *r, struct nsn_regs *g, size_t at, const uint32_t bits[8])
{
	if (at >= NSN_REG_BYTES || simple(bits, &g->b[at]))
		return;
	if (!g->bits)
		g->bits = nsn_space_alloc(r->s, sizeof(*g->bits) * 8 * NSN_REG_BYTES);
	memcpy(g->bits + at * 8, bits, 8 * sizeof(*bits));
	g->b[at] = NSN_RB(NSN_RB_BITS, 0, 0);
}

void nsn_regs_get(const struct nsn_regs *g, size_t at, uint32_t bits[8])
{
	uint32_t d = at < NSN_REG_BYTES ? g->b[at] : NSN_RB(NSN_RB_ANY, 0, 0);

	for (uint32_t k = 0; k < 8; k++) {
		switch (NSN_RB_KIND(d)) {
		case NSN_RB_CONST:
			bits[k] = NSN_RB_B(d) >> (7 - k) & 1 ? NSN_BIT_1 : NSN_BIT_0;
			break;
		case NSN_RB_FIELD:
			bits[k] = NSN_BIT(NSN_RB_A(d), NSN_RB_B(d) + 7 - k);
			break;
		case NSN_RB_DOM:
			bits[k] = NSN_BIT_DOM(NSN_RB_A(d), NSN_RB_B(d) * 8 + k);
			break;
		case NSN_RB_BITS:
			bits[k] = g->bits[at * 8 + k];
			break;
		case NSN_RB_ANY:
		default:
			bits[k] = NSN_BIT_ANY;
		}
	}
}

static uint32_t negated(uint32_t bit)
{
	if (bit == NSN_BIT_ANY)
		return bit;
	return bit <= NSN_BIT_1 ? bit ^ NSN_BIT_1 : bit ^ NSN_BIT_NOT;
}

void nsn_regs_bitwise(struct nsn_run *r, struct nsn_regs *g, const struct nsn_vexpr *x)
{
	size_t len = ((size_t)x->len + 3) / 4 * 4;

	for (size_t i = 0; i < len && i < sizeof(x->data); i++) {
		size_t from = (size_t)x->sreg * 4 + i, to = (size_t)x->dreg * 4 + i;
		uint32_t bits[8];

		if (from >= NSN_REG_BYTES || to >= NSN_REG_BYTES)
			return;
		if (x->data[i] == 0xff && x->data2[i] == 0 &&
		    NSN_RB_KIND(g->b[from]) != NSN_RB_BITS) {
			g->b[to] = g->b[from];
			continue;
		}
		nsn_regs_get(g, from, bits);
		for (int k = 0; k < 8; k++) {
			if (!(x->data[i] >> (7 - k) & 1))
				bits[k] = NSN_BIT_0;
			if (x->data2[i] >> (7 - k) & 1)
				bits[k] = negated(bits[k]);
		}
		nsn_regs_bits(r, g, to, bits);
	}
}

/* The byte of a word that has bits 8 * n and up of its number. */
static size_t host_byte(size_t n)
{
	return HOST_LITTLE ? n : 3 - n;
}

/* As the kernel does it: words in the host's order, the first of them the most significant. */
void nsn_regs_shift(struct nsn_run *r, struct nsn_regs *g, const struct nsn_vexpr *x)
{
	size_t words = ((size_t)x->len + 3) / 4, from = (size_t)x->sreg * 4,
	       to = (size_t)x->dreg * 4, n = words * 32;
	uint32_t flat[NSN_REG_BYTES * 8] = {0}, bits[8];

	if (x->shift >= 32 || from + words * 4 > NSN_REG_BYTES || to + words * 4 > NSN_REG_BYTES) {
		nsn_regs_any(g, to, x->len);
		return;
	}
	for (size_t w = 0; w < words; w++)
		for (size_t b = 0; b < 4; b++) {
			nsn_regs_get(g, from + w * 4 + host_byte(3 - b), bits);
			memcpy(flat + w * 32 + b * 8, bits, sizeof(bits));
		}
	for (size_t w = 0; w < words; w++)
		for (size_t b = 0; b < 4; b++) {
			for (size_t k = 0; k < 8; k++) {
				size_t to_bit = w * 32 + b * 8 + k;

				if (x->left)
					bits[k] = to_bit + x->shift < n ? flat[to_bit + x->shift]
									: NSN_BIT_0;
				else
					bits[k] = to_bit >= x->shift ? flat[to_bit - x->shift]
								     : NSN_BIT_0;
			}
			nsn_regs_bits(r, g, to + w * 4 + host_byte(3 - b), bits);
		}
}

/*
 * Whole numbers only: what is left over is not touched. nft asks for such of a protocol, one
 * byte as a number of two, in a key with ports.
 */
void nsn_regs_byteorder(struct nsn_run *r, struct nsn_regs *g, const struct nsn_vexpr *x)
{
	size_t size = x->shift, from = (size_t)x->sreg * 4, to = (size_t)x->dreg * 4, whole;
	struct nsn_regs old;

	if ((size != 2 && size != 4 && size != 8) || from + x->len > NSN_REG_BYTES ||
	    to + x->len > NSN_REG_BYTES || (x->len % size && from != to)) {
		nsn_regs_any(g, to, x->len);
		return;
	}
	whole = x->len - x->len % size;
	(void)nsn_regs_copy(r, g, &old);
	for (size_t i = 0; i < whole; i++) {
		uint32_t bits[8];
		size_t of = HOST_LITTLE ? i / size * size + size - 1 - i % size : i;

		nsn_regs_get(&old, from + of, bits);
		if (NSN_RB_KIND(old.b[from + of]) == NSN_RB_BITS)
			nsn_regs_bits(r, g, to + i, bits);
		else
			g->b[to + i] = old.b[from + of];
	}
}

struct nsn_regs *nsn_regs_copy(struct nsn_run *r, const struct nsn_regs *g, struct nsn_regs *to)
{
	memcpy(to->b, g->b, sizeof(to->b));
	to->bits = NULL;
	if (g->bits) {
		to->bits = nsn_space_alloc(r->s, sizeof(*g->bits) * 8 * NSN_REG_BYTES);
		memcpy(to->bits, g->bits, sizeof(*g->bits) * 8 * NSN_REG_BYTES);
	}
	return to;
}

bool nsn_regs_plain(const struct nsn_regs *g, size_t at, size_t len, uint32_t *bits)
{
	for (size_t i = 0; i < len; i++) {
		nsn_regs_get(g, at + i, bits + i * 8);
		for (int k = 0; k < 8; k++)
			if (NSN_BIT_IS_DOM(bits[i * 8 + (size_t)k]))
				return false;
	}
	return true;
}
