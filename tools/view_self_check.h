/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_VIEW_SELF_CHECK_H
#define NSNET_TOOLS_VIEW_SELF_CHECK_H

/*
 * view_self_check - what self-check has found: as rows, in full, as a document
 *
 * The columns are in cmd.h. They are of a struct self_check_row.
 */
#include "../lib/base/cleanup.h"
#include "../lib/nsnet.h"
#include "out.h"

NSN_CLEANUP(struct nsnet_self_check, nsnet_self_check_free)

/* A namespace of somebody, or somebody who should not be there. */
struct self_check_row {
	const struct nsnet_checked *who;
	const struct nsnet_finding *finding;
	const struct nsnet_stranger *stranger; /* then the others are NULL */
};

/* With what was done on each side. */
void view_self_check_text(const struct out *o, const struct nsnet_self_check *c);
/* In a sentence. */
void view_self_check_sum(const struct out *o, const struct nsnet_self_check *c);
int view_self_check_document(const struct out *o, const struct nsnet_self_check *c,
			     struct nsnet_err *err);

#endif
