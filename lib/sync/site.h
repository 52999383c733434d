/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SYNC_SITE_H
#define NSN_SYNC_SITE_H

/*
 * site - one tenant's namespaces in the running kernel, and how they are read
 * and changed
 *
 * A site is made from the wanted objects: it has one space for each wanted
 * namespace, whether that exists or not. Spaces are held by descriptors, so a
 * namespace that is being built is seen although nothing names it yet.
 */
#include "../kernel/netns.h"
#include "../plan/plan.h"

struct nsn_space {
	struct nsn_place at;
	const char *pin;      /* where it is, or is to be, pinned; the site's */
	struct nsn_netns *ns; /* NULL: does not exist */
	uint64_t cookie;      /* known to be ours by this cookie; 0: not known */
	bool pinned;	      /* `pin` holds `ns` */
	bool taken;	      /* `pin` holds something that is not ours */
	int32_t nsid;	      /* under which the gateway knows it; -1: under none */
	bool leftover;	      /* `pin` is an empty file, as a crash before the mount leaves it */
			      /*
			       * NSN_FAR: another tenant's gateway, only held so that a cable can be made into it
			       * and seen to lead there. It is ours by its cookie, or not at all.
			       * NSN_HOST in a tenant's site: the same, for the end of its uplink.
			       */
};

struct nsn_site {
	struct nsn_home *home; /* borrowed */
	uint64_t tenant;       /* 0: it is the host's own namespace, with what we have in it */
	struct nsn_space *spaces;
	size_t n;
	struct nsn_arena arena;
};

/*
 * One space for each NSN_OBJ_NETNS of @known: what is wanted and, where one of
 * them is to go, that too; and one for each gateway to which a cable of @known
 * leads. Clear it in any case.
 */
int nsn_site_init(struct nsn_site *site, struct nsn_home *home, const struct nsn_owner *owner,
		  uint64_t tenant, const struct nsn_state *known, struct nsnet_err *err);
/* Closes all descriptors: what is not pinned and has no process inside is gone. */
void nsn_site_clear(struct nsn_site *site);
struct nsn_space *nsn_site_space(const struct nsn_site *site, struct nsn_place at);

/* Fills @err with the conflict: something that is not ours is where we would pin. -EEXIST. */
int nsn_space_is_taken(const struct nsn_space *space, struct nsnet_err *err);

/*
 * Opens what is pinned. A namespace with another cookie than the one known is
 * not ours (`taken`); where none is known the mark inside decides, which
 * nsn_site_observe() reads.
 */
int nsn_site_open(struct nsn_site *site, struct nsnet_err *err);

/*
 * nsn_site_observe() - What the kernel has, as objects
 * @site:   Opened
 * @wanted: Which sysctls to read (all others are none of ours)
 * @known:  As for nsn_site_init(): which files to read, and the marks of links
 * @owner:  To know our marks
 * @ret:    Empty before; sorted after
 *
 * Spaces without a known cookie and without our mark are closed and `taken`. Of the
 * host's namespace there is only what is ours: by its mark, its group, its protocol.
 */
int nsn_site_observe(struct nsn_site *site, const struct nsn_state *wanted,
		     const struct nsn_state *known, const struct nsn_owner *owner,
		     struct nsn_state *ret, struct nsnet_err *err);

/*
 * nsn_site_apply() - Carry out steps [@from, @to) of a plan
 * @wanted: What the plan was made for; NULL when everything goes
 * @done:   How many steps of the plan have taken effect, also on failure
 *
 * Each step is idempotent. After NSNET_E_UNSURE observe and plan again; after
 * any other failure nsn_site_undo() takes back what was done.
 */
int nsn_site_apply(struct nsn_site *site, const struct nsn_state *wanted,
		   const struct nsn_plan *plan, size_t from, size_t to, size_t *done,
		   struct nsnet_err *err);

/*
 * nsn_site_check() - Would the kernel take the nft part of a plan?
 * @scratch: A namespace with nothing in it; NULL: made when one is needed. The caller's
 * @checked: The objects that it has looked at are added
 *
 * Sends each transaction without its end, so that nothing takes effect. Other steps
 * are not looked at: the kernel has no way to only try them.
 */
int nsn_site_check(struct nsn_site *site, const struct nsn_plan *plan, struct nsn_netns **scratch,
		   size_t *checked, struct nsnet_err *err);

/* Takes back steps [0, @done), last first. Goes on after a failure; returns the first. */
int nsn_site_undo(struct nsn_site *site, const struct nsn_state *wanted,
		  const struct nsn_plan *plan, size_t done, struct nsnet_err *err);

/* The first step that makes a file or a pin (they are the last ones), or the number of steps. */
size_t nsn_plan_first_name(const struct nsn_plan *plan);

#endif
