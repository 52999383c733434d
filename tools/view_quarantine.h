/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_VIEW_QUARANTINE_H
#define NSNET_TOOLS_VIEW_QUARANTINE_H

/*
 * view_quarantine - quarantines as rows, as documents, and what of them is about a
 * tenant
 *
 * The columns are in cmd.h.
 */
#include "../lib/base/cleanup.h"
#include "out.h"

NSN_CLEANUP(struct nsnet_quarantines, nsnet_quarantines_free)

/* Of a struct nsnet_quarantined. */
json_t *view_quarantine_json(const void *quarantine);

/* Whether all of the tenant, or all of the endpoint, is in one; @list may be NULL. */
bool quarantine_has_tenant(const struct nsnet_quarantines *list, const struct nsnet_tenant *t);
bool quarantine_has_endpoint(const struct nsnet_quarantines *list, const struct nsnet_tenant *t,
			     size_t i);

/* Those about the tenant or a part of it, as a list. */
json_t *quarantine_json(const struct nsnet_quarantines *list, const struct nsnet_tenant *t);

/*
 * For people, the next from place *@at on that is about the tenant (@i SIZE_MAX: or about a
 * part of it) or about its endpoint: "label:env=prod since TIME by root: INC-7", to be freed.
 * *@ret is the quarantine. NULL: no more.
 */
char *quarantine_next(const struct nsnet_quarantines *list, const struct nsnet_tenant *t, size_t i,
		      size_t *at, struct nsnet_quarantined *ret);

#endif
