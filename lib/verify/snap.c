/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "snap.h"

#include <net/if_arp.h>
#include <string.h>

void nsn_snap_clear(struct nsn_snap *s)
{
	nsn_arena_free(&s->mem);
	*s = (struct nsn_snap){0};
}

const struct nsn_vlink *nsn_vns_link(const struct nsn_vns *ns, uint32_t index)
{
	size_t i;

	for (i = 0; i < ns->n_links; i++)
		if (ns->links[i].index == index)
			return &ns->links[i];
	return NULL;
}

const struct nsn_vlink *nsn_vns_link_named(const struct nsn_vns *ns, const char *name)
{
	size_t i;

	for (i = 0; i < ns->n_links; i++)
		if (strcmp(ns->links[i].name, name) == 0)
			return &ns->links[i];
	return NULL;
}

size_t nsn_snap_find(const struct nsn_snap *s, uint64_t inode)
{
	size_t i;

	for (i = 0; i < s->n_ns; i++)
		if (s->ns[i].inode == inode)
			return i;
	return NSN_NOWHERE;
}

bool nsn_vns_needs_neighs(const struct nsn_vns *ns)
{
	size_t i;

	for (i = 0; i < ns->n_links; i++) {
		const struct nsn_vlink *l = &ns->links[i];
		const bool port = strcmp(l->port_kind, "bridge") == 0 && l->port.isolated != 1;
		const bool own = strcmp(l->kind, "bridge") == 0 || strcmp(l->kind, "dummy") == 0 ||
				 l->type == ARPHRD_LOOPBACK;

		if (!port && !own)
			return true;
	}
	return ns->kind == NSN_VNS_HOST;
}
