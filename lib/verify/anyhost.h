/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_ANYHOST_H
#define NSN_VERIFY_ANYHOST_H

/*
 * anyhost - a machine that nsnet does not manage: what its networks of containers can reach
 *
 * Nobody wrote down what is wanted, so this is asked of every such machine: that its networks are
 * apart. A network is what is behind one device of the host's: a bridge with the namespaces (or
 * virtual machines) at its ports, or a veth with one. Only the host's own namespace is trusted and
 * walked through; whoever is behind a device may send any frame. Of each network it is asked
 *
 * T1 whether a new packet gets to another network
 * T2 whether a connection lives between two that can open none (packets of connections are not
 *    followed: with much translation they would be most of the work)
 * T3 whether a source that is not the network's own leaves the machine untranslated
 * T4 whether a packet gets to another network's gateway address, or to a program of the host that
 *    listens on more than the network's own gateway address
 * T5 whether namespaces of two networks are joined past the host
 * T8 whether somebody in it can do more than a container should
 *
 * That packets get out to where the host's routes lead is what containers are for: a note.
 * Unlike the walk, which lets more through than the kernel does, T3 takes rp_filter=1 into
 * account where routing is plain: else every machine would be accused.
 */
#include "../kernel/listen.h"
#include "prove.h"

struct nsn_anynet {
	const char *name;      /* of the host's device: "docker0" */
	uint32_t dev;	       /* its index */
	const uint32_t *links; /* of the host, by which frames come in */
	size_t n_links;
	const struct nsn_prefix *own; /* what the host's routes and addresses have behind it */
	size_t n_own;
	const struct nsn_ip *gateways; /* the host's addresses on it, but for those of the link */
	size_t n_gateways;
	const size_t *members; /* namespaces; a virtual machine has none */
	size_t n_members;
};

struct nsn_anyhost {
	struct nsn_arena mem;
	const struct nsn_anynet *nets; /* in the order of the host's devices */
	size_t n;
	/* Programs of the host's namespace, for who has asked (kernel/listen.h). */
	const struct nsn_listener *listeners;
	size_t n_listeners;
};

/*
 * The networks of a snapshot; its namespaces become WORKLOADs of them: tenant i + 1 is network i.
 * Strings and lists are in @ret's arena. 0 or -ENOMEM; no host's namespace: none are found.
 */
int nsn_anyhost_find(struct nsn_anyhost *ret, struct nsn_snap *snap, struct nsnet_err *err);
void nsn_anyhost_clear(struct nsn_anyhost *h);
/* Whether a default route leads out by the link: it is the outside, whatever is behind it. */
bool nsn_anyhost_is_outside(const struct nsn_vns *host, uint32_t link);

#endif
