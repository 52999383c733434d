/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_REF_H
#define NSNET_TOOLS_REF_H

/*
 * ref - TENANT and TENANT/ENDPOINT as the user writes them
 *
 * Only the shape is looked at: what is a name, and whether there is one, is for
 * the library to say.
 */
#include "../lib/base/err.h"

struct ref {
	const char *word; /* as typed */
	char *tenant;
	char *endpoint; /* NULL: the tenant alone */
};

enum ref_kind {
	REF_TENANT,   /* no slash is looked for */
	REF_ENDPOINT, /* TENANT/ENDPOINT */
	REF_NEW,      /* the same, of one that is not there yet */
	REF_EITHER,
};

/* Return: 0, or -EINVAL (USAGE) */
int ref_parse(struct ref *ret, const char *word, enum ref_kind kind, struct nsnet_err *err);
void ref_clear(struct ref *ref);

#endif
