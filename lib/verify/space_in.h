/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_SPACE_IN_H
#define NSN_VERIFY_SPACE_IN_H

/*
 * space_in - inside of space: memory (space_mem.c), diagrams (space_diagram.c), products
 * (space_product.c). Of space*.c only.
 */
#include "bdd.h"
#include "space.h"

enum {
	NSN_ALIGN = 16,
	NSN_SPARE_BITS = 128, /* variables of no field, for assignments */
	NSN_MAX_VARS = 2048,
	NSN_NO_FIELD = NSN_FIELDS, /* the spare ones' */
};

/* Ascending, disjoint, not adjacent; never none, and never all values of the field. */
struct nsn_ranges {
	size_t n;
	struct nsn_range r[];
};

/* The packets with each constrained field in its ranges. */
struct nsn_product {
	uint32_t fields;	       /* 1 << f: constrained */
	const struct nsn_ranges *by[]; /* of those, in the fields' order */
};

struct nsn_pset {
	bool diagram;
	nsn_bdd_t bdd;
	size_t n; /* products, disjoint by pairs */
	const struct nsn_product *const *p;
};

struct nsn_chunk {
	size_t base, size; /* where it begins, counted through all chunks */
	char *mem;
};

/* A diagram that is held until the space is released to before @at. */
struct nsn_held {
	struct nsn_held *prev;
	size_t at;
	nsn_bdd_t bdd;
};

struct nsn_kept {
	struct nsn_kept *next, *prev;
	struct nsn_pset set;
	void *mem;
};

struct nsn_space_data {
	struct nsn_chunk *chunks;
	size_t n_chunks, chunk; /* the one that is being filled */
	char *mem;		/* its */
	size_t used, room;	/* of that */
	uint64_t looked;	/* at steps, when the time was last looked at */
	struct nsn_held *held;
	struct nsn_kept *kept;
	size_t nodes; /* the most */
	bool diagrams_only;
	/* Of diagrams; made when the first is. */
	bool open;
	uint16_t var[NSN_FIELDS + 1][128]; /* of bit n */
	uint8_t field_of[NSN_MAX_VARS], bit_of[NSN_MAX_VARS];
	unsigned int vars;
	struct nsn_bdd_pairs *pairs; /* of the last renaming */
	nsn_bdd_t cube[NSN_FIELDS + 1], others[NSN_FIELDS];
};

/* ---- space_mem.c ---- */
void *nsn_space_more(struct nsn_space *s, size_t size); /* where the chunk is full */
void nsn_space_step(struct nsn_space *s, uint64_t steps);
void nsn_space_look(struct nsn_space *s); /* at the time */
nsn_bdd_t nsn_hold(struct nsn_space *s, nsn_bdd_t b);
/* Lets all go that is held since @before, but one. */
void nsn_hold_only(struct nsn_space *s, struct nsn_held *before, nsn_bdd_t keep);
nsn_u128 nsn_field_max(enum nsn_field f);

/* ---- space_ranges.c: lists; one that is as before is the same, not a copy ---- */
const struct nsn_ranges *nsn_ranges_one(struct nsn_space *s, nsn_u128 first, nsn_u128 last);
/* NULL: none. */
const struct nsn_ranges *nsn_ranges_and(struct nsn_space *s, const struct nsn_ranges *a,
					const struct nsn_ranges *b);
const struct nsn_ranges *nsn_ranges_sub(struct nsn_space *s, const struct nsn_ranges *a,
					const struct nsn_ranges *b);
/* All others of the field; NULL: none. */
const struct nsn_ranges *nsn_ranges_not(struct nsn_space *s, enum nsn_field f,
					const struct nsn_ranges *a);
const struct nsn_ranges *nsn_ranges_or(struct nsn_space *s, const struct nsn_ranges *a,
				       const struct nsn_ranges *b);
/* Sorts and joins what is given, in place; returns how many are left. */
size_t nsn_ranges_tidy(struct nsn_range *r, size_t n);
const struct nsn_ranges *nsn_ranges_copy(struct nsn_space *s, const struct nsn_range *r, size_t n);
bool nsn_ranges_within(const struct nsn_ranges *a, const struct nsn_ranges *b);
bool nsn_ranges_meet(const struct nsn_ranges *a, const struct nsn_ranges *b);
bool nsn_ranges_same(const struct nsn_ranges *a, const struct nsn_ranges *b);
bool nsn_ranges_has(const struct nsn_ranges *a, nsn_u128 value);

/* ---- space_product.c ---- */
enum {
	NSN_CAP = 256,	     /* products that a list made by sub and or may have */
	NSN_CAP_LONG = 4096, /* one that is made by what cannot grow quickly */
};
struct nsn_vec {
	const struct nsn_product **v;
	size_t n, max;
};
void nsn_vec_add(struct nsn_space *s, struct nsn_vec *v, const struct nsn_product *p);
nsn_set_t nsn_vec_set(struct nsn_space *s, const struct nsn_vec *v);
/* NULL: all values. */
const struct nsn_ranges *nsn_product_by(const struct nsn_product *p, enum nsn_field f);
/* @f is in @by, NULL: any value. */
const struct nsn_product *nsn_product_with(struct nsn_space *s, const struct nsn_product *p,
					   enum nsn_field f, const struct nsn_ranges *by);
/* NULL: none. */
const struct nsn_product *nsn_product_and(struct nsn_space *s, const struct nsn_product *a,
					  const struct nsn_product *b);
/* Appends a without b, disjoint, to @ret. */
void nsn_product_sub(struct nsn_space *s, const struct nsn_product *a, const struct nsn_product *b,
		     struct nsn_vec *ret);
/* Appends what of @p is in none of @v, joined with those where one field differs. */
void nsn_vec_or(struct nsn_space *s, struct nsn_vec *v, const struct nsn_product *p);
/* The same where it is known to be disjoint. */
void nsn_vec_join(struct nsn_space *s, struct nsn_vec *v, const struct nsn_product *p);
/* NULL: that list would be too long. */
nsn_set_t nsn_products_and(struct nsn_space *s, nsn_set_t a, nsn_set_t b);
nsn_set_t nsn_products_or(struct nsn_space *s, nsn_set_t a, nsn_set_t b);
nsn_set_t nsn_products_sub(struct nsn_space *s, nsn_set_t a, nsn_set_t b);
nsn_set_t nsn_products_put(struct nsn_space *s, nsn_set_t a, enum nsn_field f,
			   const struct nsn_ranges *by);
nsn_set_t nsn_products_forget(struct nsn_space *s, nsn_set_t a, uint32_t fields);
nsn_set_t nsn_products_move(struct nsn_space *s, nsn_set_t a, enum nsn_field to,
			    enum nsn_field from);
nsn_set_t nsn_products_swap(struct nsn_space *s, nsn_set_t a, enum nsn_field f, enum nsn_field g);
const struct nsn_ranges *nsn_products_values(struct nsn_space *s, nsn_set_t a, enum nsn_field f);
bool nsn_products_has(nsn_set_t a, const struct nsn_packet *p);

/* ---- space_join.c ---- */
/* Joins all that differ in one field only; they may overlap before and afterwards. */
void nsn_vec_group(struct nsn_space *s, struct nsn_vec *v);

/* ---- space_bits.c ---- */
/* The values with those bits; NULL: too many ranges. */
const struct nsn_ranges *nsn_ranges_masked(struct nsn_space *s, enum nsn_field f, nsn_u128 mask,
					   nsn_u128 value);
/* NULL, false: not to be said by products. */
nsn_set_t nsn_products_assign(struct nsn_space *s, nsn_set_t a, enum nsn_field f,
			      const uint32_t *bits);
bool nsn_products_compare(struct nsn_space *s, nsn_set_t a, const uint32_t *bits, size_t n,
			  const uint8_t *first, const uint8_t *last, nsn_set_t *yes, nsn_set_t *no);

/* ---- space_diagram.c: all results are held ---- */
void nsn_dg_open(struct nsn_space *s);
void nsn_dg_close(struct nsn_space *s);
nsn_bdd_t nsn_dg_and(struct nsn_space *s, nsn_bdd_t a, nsn_bdd_t b);
nsn_bdd_t nsn_dg_or(struct nsn_space *s, nsn_bdd_t a, nsn_bdd_t b);
nsn_bdd_t nsn_dg_sub(struct nsn_space *s, nsn_bdd_t a, nsn_bdd_t b);
nsn_bdd_t nsn_dg_range(struct nsn_space *s, enum nsn_field f, const struct nsn_range *r);
nsn_bdd_t nsn_dg_masked(struct nsn_space *s, enum nsn_field f, nsn_u128 mask, nsn_u128 value);
nsn_bdd_t nsn_dg_forget(struct nsn_space *s, nsn_bdd_t a, enum nsn_field f);
nsn_bdd_t nsn_dg_move(struct nsn_space *s, nsn_bdd_t a, enum nsn_field to, enum nsn_field from);
nsn_bdd_t nsn_dg_swap(struct nsn_space *s, nsn_bdd_t a, enum nsn_field f, enum nsn_field g);
nsn_bdd_t nsn_dg_assign(struct nsn_space *s, nsn_bdd_t a, enum nsn_field f, const uint32_t *bits);
/* Not yet and-ed with a set: what can be in first..last, what can be outside. */
nsn_bdd_t nsn_dg_inside(struct nsn_space *s, const uint32_t *bits, size_t n, const uint8_t *first,
			const uint8_t *last);
nsn_bdd_t nsn_dg_outside(struct nsn_space *s, const uint32_t *bits, size_t n, const uint8_t *first,
			 const uint8_t *last);
/* How many ranges @f has in @a; the first @max are written. */
size_t nsn_dg_values(struct nsn_space *s, nsn_bdd_t a, enum nsn_field f, size_t max,
		     struct nsn_range *ret, struct nsn_range *bounds);
bool nsn_dg_free_of(struct nsn_space *s, nsn_bdd_t a, enum nsn_field f);
/* Of products that may overlap. */
nsn_bdd_t nsn_dg_of_products(struct nsn_space *s, const struct nsn_product *const *p, size_t n);
nsn_bdd_t nsn_dg_of(struct nsn_space *s, nsn_set_t a);
bool nsn_dg_has(const struct nsn_space *s, nsn_bdd_t a, const struct nsn_packet *p);

/* Memory as sets have it, not zeroed. */
static inline void *nsn_space_raw(struct nsn_space *s, size_t size)
{
	struct nsn_space_data *d = s->data;
	void *p;

	size = (size + NSN_ALIGN - 1) & ~(size_t)(NSN_ALIGN - 1);
	if (size > d->room - d->used)
		return nsn_space_more(s, size);
	p = d->mem + d->used;
	d->used += size;
	return p;
}

/* Bit @i of a number as bytes in network order, @n bits in all; 0 is the most significant. */
static inline bool nsn_number_bit(const uint8_t *number, size_t n, size_t i)
{
	const size_t at = (8 - n % 8) % 8 + i; /* a first byte that is not full: its low bits */

	return (number[at / 8] >> (7 - at % 8) & 1) != 0;
}

#endif
