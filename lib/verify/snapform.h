/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_SNAPFORM_H
#define NSN_VERIFY_SNAPFORM_H

/*
 * snapform - the structs of a snapshot, described: one table for sorting, hashing, writing
 * and parsing. Private to snapfile*.c.
 *
 * A member that is 0, NULL or "" is left out, of the file and of the hash. The order of the
 * members is the order in which things are compared, so what tells them apart comes first.
 */
#include <stddef.h>
#include <stdint.h>

#include "snap.h"

#define NSN_SNAP_API  "nsnet/v1"
#define NSN_SNAP_KIND "Snapshot"

enum nsn_form_kind {
	NSN_FK_END,
	NSN_FK_BOOL,
	NSN_FK_UINT,  /* of `size` bytes, at most `max` */
	NSN_FK_INT,   /* of `size` bytes */
	NSN_FK_ENUM,  /* at most `max` */
	NSN_FK_NS,    /* size_t: a namespace, or NSN_NOWHERE */
	NSN_FK_TEXT,  /* const char *; none is "" */
	NSN_FK_OPT,   /* the same; none is NULL */
	NSN_FK_CHARS, /* char[size] */
	NSN_FK_IP,
	NSN_FK_PREFIX,
	NSN_FK_MAC,
	NSN_FK_BYTES,	/* uint8_t[size], without the zeros at its end */
	NSN_FK_KEY,	/* const uint8_t *, of the set's key_len */
	NSN_FK_MAPPED,	/* const uint8_t *, of the set's data_len */
	NSN_FK_STRUCT,	/* of form `sub` */
	NSN_FK_LIST,	/* a pointer to structs of form `sub`, `count` of them */
	NSN_FK_STRINGS, /* const char **, `count` of them */
};

struct nsn_form;

struct nsn_member {
	const char *key;
	enum nsn_form_kind kind;
	size_t at, size;
	uint64_t max;
	size_t count; /* offset of the size_t */
	const struct nsn_form *sub;
	bool sort; /* the list has no order of its own */
};

struct nsn_form {
	size_t size;
	const struct nsn_member *members;	  /* up to NSN_FK_END */
	int (*cmp)(const void *a, const void *b); /* before the members, or NULL */
};

extern const struct nsn_form nsn_form_snap, nsn_form_ns, nsn_form_set, nsn_form_elem, nsn_form_expr,
	nsn_form_verdict;

/* How long keys and data are, where the walk is. */
struct nsn_form_in {
	size_t key_len, data_len;
};

/* To be called with each struct before its members: takes the lengths of a set. */
void nsn_form_enter(struct nsn_form_in *in, const struct nsn_form *f, const void *p);

/* Numbers of 1, 2, 4 or 8 bytes. */
uint64_t nsn_form_uint(const void *p, size_t size);
int64_t nsn_form_int(const void *p, size_t size);
/* How many of the bytes there are up to the last that is not 0. */
size_t nsn_form_used(const uint8_t *p, size_t size);
/* UTF-8 without control characters; but for ends of lines and tabs, with @lines. */
bool nsn_form_text_ok(const char *s, size_t len, bool lines);
/* What is wrong with a struct whose members are fine each by itself, or NULL. */
const char *nsn_form_odd(const struct nsn_form *f, const struct nsn_form_in *in, const void *p);

static inline size_t nsn_form_count(const struct nsn_member *m, const void *p)
{
	return *(const size_t *)((const char *)p + m->count);
}

/* The items of a list: an array of structs, or of const char *. */
static inline const char *nsn_form_items(const struct nsn_member *m, const void *p)
{
	return *(const char *const *)((const char *)p + m->at);
}

#endif
