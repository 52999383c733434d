/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_READ_SHAPE_H
#define NSN_VERIFY_READ_SHAPE_H

/*
 * read_shape - which attributes each expression has, and what they fill. Private to
 * read_expr.c, which takes what fits and calls the rest NSN_X_OTHER.
 */
#include <stddef.h>
#include <stdint.h>

#include "rules.h"

struct nlattr;

/* How an attribute is taken. */
enum nsn_how {
	NSN_TAKE_SKIP = 1, /* of no matter for what passes: a rate, a counter's value */
	NSN_TAKE_U32,	   /* a number into a uint32_t */
	NSN_TAKE_U8,	   /* the same into a uint8_t; more than it holds: not known */
	NSN_TAKE_REG,	   /* a register into a uint8_t, as a word */
	NSN_TAKE_BYTES,	   /* a length, at most 64, into a uint8_t */
	NSN_TAKE_DATA,	   /* NFTA_DATA_VALUE into data and len, or NFTA_DATA_VERDICT */
	NSN_TAKE_MASK,	   /* NFTA_DATA_VALUE into data, of length len */
	NSN_TAKE_DATA2,	   /* the same into data2 */
	NSN_TAKE_SHIFT,	   /* NFTA_DATA_VALUE: a number in host order, into shift */
	NSN_TAKE_NAME,	   /* text */
	NSN_TAKE_ONE,	   /* an expression, into inner */
	NSN_TAKE_LIST,	   /* NFTA_LIST_ELEMs, into inner */
};

#define NSN_MUST   0x100 /* without it the expression is not known */
#define NSN_SETS_D 0x200 /* sets dreg_set */
#define NSN_SETS_S 0x400 /* sets sreg_set */

struct nsn_field {
	uint8_t attr;
	uint16_t how; /* enum nsn_how, and flags */
	uint16_t at;  /* offset in struct nsn_vexpr */
};

#define NSN_FIELDS 12

struct nsn_shape {
	const char *name;
	enum nsn_xkind kind;
	struct nsn_field fields[NSN_FIELDS]; /* up to one without `how` */
};

/* The shape of the expression with this NFTA_EXPR_NAME, or NULL. */
const struct nsn_shape *nsn_shape_of(const struct nlattr *name);

#endif
