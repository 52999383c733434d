/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_EXPORT_H
#define NSNET_TOOLS_EXPORT_H

/*
 * export - stored rules and quarantines as a file of policies has them
 *
 * Only what is not the default is written.
 */
#include <jansson.h>

#include "view_quarantine.h"
#include "view_rule.h"

/* The lists of `rules:` and `quarantine:`; NULL: no memory. */
json_t *export_rules(const struct nsnet_rules *rules);
json_t *export_quarantines(const struct nsnet_quarantines *quarantines);

#endif
