/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_NFTRACE_TABLE_H
#define NSN_KERNEL_NFTRACE_TABLE_H

/*
 * nftrace_table - the tables that ask for traces. Of nftrace.c only.
 */
#include "nftrace.h"

struct nsn_nl;

/* As nsn_nftrace_open(); they live as long as @nl. */
int nsn_nftrace_tables(struct nsn_nl *nl, const char *name, const struct nsn_nftrace_flow *flow,
		       struct nsnet_err *err);

#endif
