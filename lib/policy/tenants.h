/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_POLICY_TENANTS_H
#define NSN_POLICY_TENANTS_H

/*
 * tenants - a file of tenants alone as definitions. Pure.
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

#define NSN_FORMAT_VERSION "1"

/* Whether a file is of a version that can be read; if not, @diags has it. */
bool nsn_version_ok(const struct nsn_node *root, struct nsn_diags *diags);

/* What is in a tenant; endpoints hang from there. */
extern const struct nsn_schema nsn_schema_tenant;

/* One tenant in a map that was checked; @name is the file's. 0 or -ENOMEM. */
int nsn_tenant_read(struct nsnet_tenant_def *def, struct nsn_arena *mem, const struct nsn_node *map,
		    const char *name);

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
