/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_POLICY_TENANTS_H
#define NSN_POLICY_TENANTS_H

/*
 * tenants - a file of tenants as definitions. Pure.
 *
 *	nsnet: 1                         # the version of the format
 *	tenants:
 *	  customer1:
 *	    subnet: 10.10.1.0/24         # the rest may be left out
 *	    subnet6: fd00:10:1::/64
 *	    inside: deny
 *	    mtu: 1400
 *	    rate: 100mbit
 *	    labels: { pci: cde, tier: gold }
 *	    owners: [alice, bob]
 *	    endpoints:
 *	      app: 10.10.1.10            # an address, or auto, or more:
 *	      db: { ip: 10.10.1.20, ip6: "fd00:10:1::20", rate: 10mbit }
 *
 * Values are taken as they are written; nsn_tenant_parse() of the model looks at
 * them when they are applied.
 */
#include "schema.h"

/* The file as a whole; tenants and endpoints hang from there. */
const struct nsn_schema *nsn_tenants_schema(void);

/*
 * nsn_tenants_read() - The definitions in a tree
 *
 * They point into @mem and into the tree. `labels: {}` and `owners: []` give a
 * pointer that is not NULL, and no members: that is said, unlike what is left out.
 *
 * Return: 0; -EINVAL: @diags has got something, or had it before, and there are
 * no definitions; -ENOMEM
 */
int nsn_tenants_read(const struct nsnet_tenant_def **ret, size_t *count, struct nsn_arena *mem,
		     const struct nsn_node *root, struct nsn_diags *diags);

#endif
