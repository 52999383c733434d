/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_POLICY_DIAG_H
#define NSN_POLICY_DIAG_H

/*
 * diag - what is wrong with a file, and where
 *
 * Whoever reads a file goes on after an error where that makes sense, so that
 * the author gets all of them at once. A struct nsnet_err has one line: it gets
 * the first, and how many there are.
 */
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"

/*
 * A place in a text, 1-based, in characters (not bytes). The end is exclusive:
 * `end_col - col` carets go under something that ends in the line in which it
 * begins.
 */
struct nsn_span {
	uint32_t line, col, end_line, end_col;
};

struct nsn_diag {
	struct nsn_span at;
	enum nsnet_severity severity;
	enum nsnet_code id;
	char text[256];
	char hint[256]; /* what can be written instead, or "" */
};

#define NSN_DIAGS_MAX 20

/* Those that come first in the file, in order. No memory is needed: adding cannot fail. */
struct nsn_diags {
	char file[96]; /* for messages: the end of a long path */
	struct nsn_diag list[NSN_DIAGS_MAX];
	size_t n;	 /* in the list */
	size_t total;	 /* errors found */
	size_t warnings; /* found */
};

/* @file: the name of the text for messages; NULL is "input". */
void nsn_diags_init(struct nsn_diags *d, const char *file);

/*
 * Adds one, BAD_FILE. It is found at its place, so the pointer is good until the
 * next is added; NULL: there are NSN_DIAGS_MAX before it.
 */
struct nsn_diag *nsn_diag_add(struct nsn_diags *d, const struct nsn_span *at, const char *fmt, ...)
	NSN_PRINTF(3, 4);

/* The same of an error that somebody else found: its code, its message, its hint. */
struct nsn_diag *nsn_diag_err(struct nsn_diags *d, const struct nsn_span *at,
			      const struct nsnet_err *err);

/* A warning; it takes no error's place in a full list. */
struct nsn_diag *nsn_diag_warn(struct nsn_diags *d, const struct nsn_span *at, enum nsnet_code id,
			       const char *fmt, ...) NSN_PRINTF(4, 5);

/* Another reason than BAD_FILE. Returns @diag; NULL is fine, like a NULL err. */
struct nsn_diag *nsn_diag_code(struct nsn_diag *diag, enum nsnet_code id);
void nsn_diag_hint(struct nsn_diag *diag, const char *fmt, ...) NSN_PRINTF(2, 3);

/*
 * The first error as an error: "FILE:LINE:COL: text (and 3 more)", with where
 * "FILE:LINE:COL" and its hint. Return: 0 when there is none, else -EINVAL
 */
int nsn_diags_err(const struct nsn_diags *d, struct nsnet_err *err);

#endif
