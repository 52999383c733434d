/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int nsn_u64_parse(uint64_t *ret, const char *text, uint64_t max)
{
	uint64_t n = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	if (text[strspn(text, "0123456789")])
		return -EINVAL;
	for (; *text; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (n > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		n = n * 10 + digit;
	}
	if (n > max)
		return -ERANGE;
	*ret = n;
	return 0;
}

/* One byte as it is shown, 1 or 4 characters. */
static size_t show_byte(unsigned char c, char out[5])
{
	if (c >= 0x20 && c < 0x7f && c != '\'' && c != '\\') {
		out[0] = (char)c;
		return 1;
	}
	(void)snprintf(out, 5, "\\x%02x", c);
	return 4;
}

const char *nsn_text_show(const char *text, char *buf, size_t size)
{
	size_t n = 0, fits = 0; /* fits: the last place where "..." can go */
	char one[5];

	for (; *text; text++) {
		size_t len = show_byte((unsigned char)*text, one);

		if (n + 4 <= size)
			fits = n;
		if (n + len >= size) {
			memcpy(buf + fits, "...", 4);
			return buf;
		}
		memcpy(buf + n, one, len);
		n += len;
	}
	buf[n] = '\0';
	return buf;
}

/* ---- arena ---------------------------------------------------------------- */

/* Whoever takes much gets it in few pieces: the blocks grow. */
#define BLOCK_SIZE 8192
#define BLOCK_MOST 262144

struct nsn_arena_block {
	struct nsn_arena_block *next;
	size_t used, size;
	max_align_t data[];
};

static size_t aligned(size_t size)
{
	const size_t unit = sizeof(max_align_t);

	return (size + unit - 1) / unit * unit;
}

/*
 * A piece that does not fit gets a block of its own behind the first one when
 * it is big, so that the rest of the first block is not lost.
 */
static struct nsn_arena_block *block_add(struct nsn_arena *a, size_t size)
{
	const size_t last = a->block ? a->block->size + sizeof(struct nsn_arena_block) : 0;
	const size_t block = last < BLOCK_SIZE / 2   ? BLOCK_SIZE
			     : last > BLOCK_MOST / 2 ? BLOCK_MOST
						     : last * 2;
	const size_t room = block - sizeof(struct nsn_arena_block);
	struct nsn_arena_block *b;

	b = calloc(1, sizeof(*b) + (size > room ? size : room));
	if (!b)
		return NULL;
	b->size = size > room ? size : room;
	if (a->block && size > room / 4) {
		b->next = a->block->next;
		a->block->next = b;
	} else {
		b->next = a->block;
		a->block = b;
	}
	return b;
}

void *nsn_arena_alloc(struct nsn_arena *a, size_t size)
{
	struct nsn_arena_block *b = a->block;
	void *piece;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = aligned(size ? size : 1);
	if (!b || b->size - b->used < size)
		b = block_add(a, size);
	if (!b)
		return NULL;
	piece = (char *)b->data + b->used;
	b->used += size;
	return piece;
}

void *nsn_arena_memdup(struct nsn_arena *a, const void *p, size_t size)
{
	void *copy = nsn_arena_alloc(a, size);

	if (copy && size)
		memcpy(copy, p, size);
	return copy;
}

char *nsn_arena_strdup(struct nsn_arena *a, const char *s)
{
	return nsn_arena_memdup(a, s, strlen(s) + 1);
}

char *nsn_arena_printf(struct nsn_arena *a, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;

	text = nsn_arena_alloc(a, (size_t)n + 1);
	if (!text)
		return NULL;
	va_start(ap, fmt);
	(void)vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

void nsn_arena_free(struct nsn_arena *a)
{
	while (a->block) {
		struct nsn_arena_block *next = a->block->next;

		free(a->block);
		a->block = next;
	}
}

void nsn_arena_join(struct nsn_arena *a, struct nsn_arena *from)
{
	struct nsn_arena_block *last = from->block;

	if (!last)
		return;
	while (last->next)
		last = last->next;
	last->next = a->block;
	a->block = from->block;
	from->block = NULL;
}

/* ---- distance --------------------------------------------------------------- */

#define DISTANCE_MAX 63

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t nsn_text_distance(const char *a, const char *b)
{
	size_t rows[3][DISTANCE_MAX + 1]; /* a swap looks back two rows */
	size_t la = strnlen(a, DISTANCE_MAX + 1), lb = strnlen(b, DISTANCE_MAX + 1);

	if (la > DISTANCE_MAX || lb > DISTANCE_MAX)
		return SIZE_MAX;

	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]),
				       1 + least(above[j], row[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], above2[j - 2] + 1);
		}
	}
	return rows[la % 3][lb];
}
