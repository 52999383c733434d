/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_LINT_H
#define NSN_VERIFY_LINT_H

/*
 * lint - parts of nsn_lint() (topo.h). Of lint only.
 */
#include "topo.h"

/* What the gateway's bridge is called. */
#define NSN_LINT_BRIDGE "br0"

/* lint_port.c, lint_conf.c: of a gateway, @ns an index. 0 or -ENOMEM. */
int nsn_lint_ports(const struct nsn_topo *t, struct nsn_findings *f, size_t ns);
int nsn_lint_settings(const struct nsn_topo *t, struct nsn_findings *f, size_t ns);

#endif
