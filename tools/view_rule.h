/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_VIEW_RULE_H
#define NSNET_TOOLS_VIEW_RULE_H

/*
 * view_rule - stored rules as rows, as documents, and one in full
 *
 * The columns are in cmd.h. Rules of files are in view_policy.h.
 */
#include "../lib/base/cleanup.h"
#include "out.h"

NSN_CLEANUP(struct nsnet_rules, nsnet_rules_free)

/* Of a struct nsnet_rule. */
json_t *view_rule_json(const void *rule);
void view_rule_text(const struct out *o, const struct nsnet_rule *rule);

#endif
