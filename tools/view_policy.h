/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_VIEW_POLICY_H
#define NSNET_TOOLS_VIEW_POLICY_H

/*
 * view_policy - rules as rows, as documents and in full; what is wrong with files
 *
 * The columns of rules are in cmd.h.
 */
#include "out.h"

/* Of a struct nsnet_policy. */
json_t *view_policy_json(const void *policy);
void view_policy_text(const struct out *o, const struct nsnet_policy *policy);

/* One that is wrong: with its line, and carets below what it is about. */
json_t *view_diag_json(const struct nsnet_diag *d);
void view_diag_text(const struct out *o, FILE *to, const struct nsnet_diag *d);

/* One that was expected. */
json_t *view_expect_json(const struct nsnet_expect *e);
void view_expect_text(const struct out *o, const struct nsnet_expect *e);

#endif
