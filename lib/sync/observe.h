/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SYNC_OBSERVE_H
#define NSN_SYNC_OBSERVE_H

/*
 * observe - what the files that read namespaces share. Private to lib/sync.
 */
#include "site.h"

/*
 * Reads the sysctls that @wanted has of the place; the thread is inside afterwards.
 * @first, @n_links: what of @ret was read of links, sorted
 */
int nsn_observe_sysctls(const struct nsn_site *site, const struct nsn_space *space,
			const struct nsn_state *wanted, size_t first, size_t n_links,
			struct nsn_state *ret, struct nsnet_err *err);

/* What of the host's namespace is ours. */
int nsn_observe_host(struct nsn_site *site, const struct nsn_space *space,
		     const struct nsn_state *wanted, const struct nsn_owner *owner,
		     struct nsn_state *ret, struct nsnet_err *err);

#endif
