/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_READ_H
#define NSN_VERIFY_READ_H

/*
 * read - a snapshot of this machine, over netlink and /proc
 *
 * Found are: the host's namespace; every namespace that any process or thread is in, that any
 * is mounted of (in the mount namespace of the caller and of every process that can be looked
 * at), that a descriptor of any process refers to, and those the caller names. One that only
 * a socket keeps is not found: links into it are `peer_lost`.
 *
 * Of those that are read in full the generation of the rules is asked before and after, and a
 * socket in each hears of changes of the rest; what changed meanwhile is read again,
 * at most NSN_READ_TRIES times (-EBUSY, then). Of those that are not read in full
 * the links are what they were at one moment of the reading. Whether a link has a carrier
 * its other half decides, so it is not in the flags, and a port without one forwards.
 *
 * What bounds the time: about 1 ms of processor time for a tenant with one endpoint, shared by
 * two threads; and for each gateway that has connections one walk through all buckets of the
 * machine's table (11 ms with 262144 of them), that is 11 s for a thousand such gateways.
 *
 * Not seen are: tables of ebtables of the old kind, and programs of BPF_PROG_TYPE_NETFILTER, as
 * the kernel lists neither by namespace; routes of multicast. Of settings that are changed
 * by root while they are read the kernel tells only of forwarding, rp_filter and proxies.
 *
 * Threads of its own go into the namespaces; the caller's stays where it is. The limit of
 * descriptors of the process is raised for the time of the reading: one is held for each
 * namespace that is read in full.
 */
#include "snap.h"

struct nsn_home;
struct nsnet_err;

#define NSN_READ_TRIES 5

/* A namespace that is known to be somebody's: pins of gateways and endpoints. */
struct nsn_known {
	const char *path; /* of the pin */
	const char *name; /* "customer1/db", "gateway of customer1" */
	uint64_t tenant, endpoint;
	bool gateway;
	bool must; /* it is wanted: when it is not there, `unsure` says so */
};

struct nsn_read {
	struct nsn_home *home;
	const struct nsn_known *known;
	size_t n_known;
	const int32_t *workloads; /* pids that our spawner recorded */
	size_t n_workloads;
	const char *policy; /* what `nsnet export` says; copied */
	/* One tenant's part, for a quick look after a change: only these namespaces (by pin) are
	 * read in full and all else is links. NULL: all. */
	const bool *only;
};

int nsn_snap_read(struct nsn_snap *ret, const struct nsn_read *how, struct nsnet_err *err);

/* ---- parts; of this folder only ------------------------------------------------------ */

struct nsn_nl;
/* read_link.c, read_route.c, read_nft.c, read_ct.c: one namespace's; @nl is a socket in it. */
int nsn_read_links(struct nsn_nl *route, struct nsn_arena *mem, struct nsn_vns *ns,
		   struct nsnet_err *err);
int nsn_read_routes(struct nsn_nl *route, struct nsn_arena *mem, struct nsn_vns *ns,
		    struct nsnet_err *err); /* addresses, routes, rules, neighbours, FDB */
int nsn_read_nft(struct nsn_nl *nft, struct nsn_arena *mem, struct nsn_vns *ns,
		 struct nsnet_err *err);
int nsn_read_nft_generation(struct nsn_nl *nft, uint32_t *ret, struct nsnet_err *err);
int nsn_read_ct(struct nsn_nl *nft, struct nsn_arena *mem, struct nsn_vns *ns,
		struct nsnet_err *err);

#endif
