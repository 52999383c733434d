/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_COMPILE_HOST_H
#define NSN_COMPILE_HOST_H

/*
 * host - what nsnet has in the host's own namespace. Pure.
 *
 *	gateway of customer1             host
 *	  nsn9 100.127.0.3 ------------- nsn9 100.127.0.2    table inet nsnet    eth0, eth1
 *
 * Nothing, while no tenant has an uplink. Else one table of family inet, with sets and maps
 * by uplink, so that no rule and no chain is added by another tenant; an address, a
 * neighbour and a route for each uplink; and forwarding of those links that need it.
 *
 * The gateways decide who may open what (border.h). The host's table is the second line
 * for that, and the first for what concerns the host: that nobody reaches it by an uplink
 * but where `to: host` says so, that nothing new is forwarded between its own links, and
 * that what leaves has the host's own address.
 */
#include "border.h"
#include "compile.h"
#include "hostview.h"

/* One tenant with an uplink. */
struct nsn_host_tenant {
	const struct nsn_tenant *t;
	struct nsn_up up;
};

struct nsn_host_wanted {
	const struct nsn_intent *intent;
	const struct nsn_hostview *view;
	struct nsn_transit transit;
	const struct nsn_host_tenant *tenants; /* those that have an uplink, by its link */
	size_t n_tenants;
	const struct nsn_host_setting *old; /* what was stored before it was changed, by path */
	size_t n_old;
};

/* What the sets of links begin with from which nothing new may be forwarded. */
#define NSN_HOST_GUARD "nsnet_guard"

enum nsn_host_state {
	NSN_HOST_OPEN,	  /* as it shall be. With no tenant: nothing at all */
	NSN_HOST_CLOSING, /* no uplinks, settings as they were, but the table still there */
};

/*
 * nsn_compile_host() - The wanted objects at the place NSN_HOST (id 0)
 * @only: NULL: all of them. Else those of this tenant, and what all share
 *
 * Also the NSN_OBJ_NETNS of the place. Ends of uplinks are links with `far` set: the
 * gateway's request makes them. Sorted.
 *
 * Return: 0, -ENOMEM, -E2BIG
 */
int nsn_compile_host(const struct nsn_host_wanted *w, enum nsn_host_state state,
		     const struct nsn_host_tenant *only, const struct nsn_owner *owner,
		     struct nsn_state *ret, struct nsnet_err *err);

/*
 * Which settings have to be changed for what is wanted, with their values now (of
 * @w->view): those that are not in @w->old yet. To be stored before they are changed.
 * free() *@ret. 0 or -ENOMEM
 */
int nsn_compile_host_settings(const struct nsn_host_wanted *w, struct nsn_host_setting **ret,
			      size_t *n, struct nsnet_err *err);

/*
 * Whose an observed object at NSN_HOST is: an element of our table, or what hangs on the end
 * of an uplink. Returns the number of the uplink's link; 0: it is shared by all, or nobody's.
 * @transit: To tell it by the address it leads to.
 */
uint64_t nsn_host_uplink_of(const struct nsn_object *o, const struct nsn_transit *transit,
			    const struct nsn_host_tenant *tenants, size_t n_tenants);

/* The mark of the host's table: which store. */
const char *nsn_compile_host_mark(const struct nsn_owner *owner, char buf[NSN_MARK_SIZE]);
bool nsn_compile_host_mark_read(const struct nsn_owner *owner, const char *comment);

#endif
