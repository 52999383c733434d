/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_ANYHOST_H
#define NSN_ANYHOST_H

/*
 * anyhost - a machine as it is, without nsnet's store: the snapshot, its networks, who lives in
 * them, and what they share
 *
 * Nothing is written, and no folder of nsnet's is needed.
 */
#include "proof.h"
#include "verify/anyhost.h"

struct nsn_hostside {
	struct nsn_anyhost any;
	struct nsn_arena mem;
	struct nsn_listener *listeners; /* malloc()ed */
	struct nsnet_host_shared *shared;
	size_t n_shared;
};

/* Fills @g: snapshot, intent (a tenant for each network), g->host. -EPERM, -EBUSY, -ENOMEM */
int nsn_anyhost_open(struct nsn_given *g, struct nsnet_err *err);
void nsn_anyhost_close(struct nsn_hostside *h); /* NULL is fine */
/* Networks and what is shared; words of theorems, which are about networks then. */
int nsn_anyhost_tell(const struct nsn_given *g, struct nsn_arena *mem, struct nsnet_proof *pub);

/* ---- anyhost_who.c ---- */

/* Names the namespaces of the snapshot by who lives in them. 0 or -ENOMEM */
int nsn_anyhost_name(struct nsn_hostside *h, struct nsn_snap *snap, int proc);
/* By each namespace of any kind, who of containers and the host shares it: h->shared. */
int nsn_anyhost_share(struct nsn_hostside *h, const struct nsn_snap *snap, int proc);

#endif
