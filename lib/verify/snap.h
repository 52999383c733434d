/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_SNAP_H
#define NSN_VERIFY_SNAP_H

/*
 * snap - the kernel's state as the prover sees it, as plain data. Pure.
 *
 * A snapshot holds every network namespace of the machine, and of the trusted ones
 * (the host's, the gateways) all that decides where a packet goes. It is read afresh
 * (read.h) or loaded from a file (snapfile.h); the proof uses nothing else. It is not
 * lib/object: that has the expressions that we write, this has all that anybody may
 * have written, and shares no code with what makes rules.
 *
 * Everything lives in one arena. Lists are in a canonical order (snapfile.h), so one
 * state has one hash. Numbers are in host order unless said; keys, data and addresses
 * are bytes in network order.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/ip.h"
#include "../base/text.h"
#include "rules.h"

#define NSN_NOWHERE SIZE_MAX /* no namespace of the snapshot */

enum nsn_vns_kind {
	NSN_VNS_HOST,	  /* the one that nsnet works in */
	NSN_VNS_GATEWAY,  /* of a tenant: trusted, read in full */
	NSN_VNS_WORKLOAD, /* of a tenant's endpoint: only links and processes count */
	NSN_VNS_FOREIGN,  /* somebody else's: links and processes */
};

/* Settings of one link, or of `all` and `default`; -1: the kernel does not say. */
struct nsn_vconf {
	int8_t forwarding4, forwarding6, force_forwarding6, rp_filter, arp_ignore, arp_filter,
		proxy_arp, proxy_ndp, accept_local, route_localnet, accept_source_route4,
		accept_source_route6, send_redirects, accept_redirects4, accept_redirects6,
		accept_ra, disable_ipv6;
};

/* What a bridge port has; 1, 0, or -1 where the kernel does not say. */
struct nsn_vport {
	int8_t isolated, learning, flood, mcast_flood, bcast_flood, hairpin, locked, neigh_suppress,
		proxy_arp, proxy_arp_wifi, guard, root_block;
	uint8_t state; /* BR_STATE_*: 3 forwards */
};

struct nsn_vlink {
	uint32_t index;
	const char *name;
	const char *kind;      /* IFLA_INFO_KIND ("veth", "bridge", "vxlan"), "" for none */
	const char *port_kind; /* IFLA_INFO_SLAVE_KIND: "bridge", "bond", ...; "" */
	const char *alias;     /* IFLA_IFALIAS or "" */
	struct nsn_mac mac;
	uint32_t flags; /* IFF_* */
	uint16_t type;	/* ARPHRD_* */
	uint32_t mtu, group;
	uint32_t master;     /* index of the bridge, bond, vrf it is in; 0: none */
	uint32_t peer_index; /* IFLA_LINK; 0: none */
	int32_t peer_nsid;   /* IFLA_LINK_NETNSID; -1: same namespace (or no peer) */
	/* Where its other half lives: index into ns[]. NSN_NOWHERE: there is none, or it was not
	 * found among the namespaces of the machine (`peer_lost`). */
	size_t peer_ns;
	bool peer_lost;
	bool vlan_filtering; /* of a bridge */
	bool stp;	     /* of a bridge */
	bool nf_call;	     /* of a bridge: any of nf_call_{ip,ip6,arp}tables */
	bool xdp;	     /* a program is attached (any mode) */
	bool tc; /* a filter or action is attached: clsact, ingress, or an egress classifier */
	const char *qdisc;  /* "noqueue", ... */
	const char *detail; /* for people, and to find the other half: "vxlan id 42 remote
			       192.0.2.1", "tun of pid 812"; "" */
	struct nsn_vconf conf;
	struct nsn_vport port; /* when port_kind is "bridge" */
};

struct nsn_vaddr {
	uint32_t link;
	struct nsn_prefix net; /* with host bits: the address and its length */
	struct nsn_ip peer;    /* IFA_ADDRESS where it differs from IFA_LOCAL; family 0: none */
	uint8_t proto;
};

/* One way of a route. */
struct nsn_vhop {
	uint32_t link;	   /* RTA_OIF; 0: none */
	struct nsn_ip via; /* family 0: on the link */
};

struct nsn_vroute {
	struct nsn_prefix dst; /* family always set; length 0: default */
	struct nsn_prefix src; /* IPv6 subtrees; length 0: any */
	uint32_t table;
	uint8_t type; /* RTN_UNICAST, RTN_LOCAL, RTN_BLACKHOLE, ... */
	uint8_t tos, scope, proto;
	uint32_t metric;
	const struct nsn_vhop *hops; /* more than one: any of them may be taken */
	size_t n_hops;
	bool odd; /* has something that the prover does not know: encapsulation, nexthop objects */
};

/* A policy routing rule ("ip rule"). */
struct nsn_vfib {
	uint8_t family;
	uint32_t priority;
	struct nsn_prefix src, dst; /* length 0: any */
	const char *iif, *oif;	    /* names, "": any */
	uint32_t mark, mask;	    /* mask 0: any */
	uint8_t action;		    /* FR_ACT_TO_TBL, FR_ACT_BLACKHOLE, ... */
	uint32_t table, target;	    /* target: of FR_ACT_GOTO */
	int32_t suppress;	    /* suppress_prefixlength, -1: none */
	bool invert;		    /* FIB_RULE_INVERT */
	bool odd; /* tos, ports, l3mdev, uid range, protocol, suppress_ifgroup: not known */
};

struct nsn_vneigh {
	uint32_t link;
	struct nsn_ip ip;
	struct nsn_mac mac;
	uint16_t state; /* NUD_*; only those with NUD_PERMANENT and proxies are kept */
	bool proxy;
};

struct nsn_vfdb {
	uint32_t link; /* the port */
	uint32_t master;
	struct nsn_mac mac;
	uint16_t vlan; /* 0: none */
	uint16_t state;
	bool self; /* NTF_SELF: the device's own list, not the bridge's */
};

/* One direction of a connection, as the kernel has it. */
struct nsn_vtuple {
	struct nsn_ip src, dst;
	uint8_t proto;
	uint16_t sport, dport; /* ICMP: type << 8 | code, and id */
};

struct nsn_vct {
	struct nsn_vtuple orig, reply;
	uint32_t mark, status; /* IPS_* */
	uint16_t zone;
	bool helper; /* has a conntrack helper: may expect others */
};

/* A process that lives in a namespace, or holds something of it. */
struct nsn_vproc {
	int32_t pid;
	uint32_t uid;	  /* effective, in the initial user namespace */
	bool host_user;	  /* is in the initial user namespace (or the reader's own) */
	uint64_t caps;	  /* CapEff | CapPrm; with CapBnd? no: what it can use now */
	const char *name; /* comm, control characters replaced */
	const char *unit; /* systemd unit or container out of its control group; "" */
	uint64_t start;	  /* start time in ticks since boot: with the pid, who it is */
	bool workload;	  /* a workload that nsnet's spawner started and recorded */
};

/* A descriptor of a namespace, or a socket of it, held by a process that lives elsewhere. */
struct nsn_vheld {
	struct nsn_vproc proc;
	size_t home;	  /* the namespace that the process lives in */
	bool socket;	  /* else a descriptor of the namespace */
	bool unix_socket; /* an AF_UNIX one: carries no packets of the network */
	const char *what; /* "net:[4026532000]", "socket:[88123] udp" */
};

struct nsn_vsysctl {
	const char *path, *value; /* "net/ipv4/ip_forward", "0" */
};

struct nsn_vns {
	enum nsn_vns_kind kind;
	uint64_t inode; /* of nsfs: what `lsns` and /proc/PID/ns/net show */
	const char
		*name; /* "customer1/db", "gateway of customer1", "host", a pin's path, "net:[1]" */
	const char *path;	   /* a way to it: a pin, or /proc/PID/ns/net */
	uint64_t tenant, endpoint; /* numbers of the store; 0: none */
	bool full;		   /* all of it was read; else links and processes only */
	bool unreadable;	   /* it could not be entered: nothing is known (`why`) */
	const char *why;
	struct nsn_vlink *links;
	size_t n_links;
	struct nsn_vproc *procs;
	size_t n_procs;
	struct nsn_vheld *held;
	size_t n_held;
	/* ---- full only ---- */
	struct nsn_vconf conf_all, conf_default;
	struct nsn_vsysctl *sysctls; /* what is no link's, by path */
	size_t n_sysctls;
	struct nsn_vaddr *addrs;
	size_t n_addrs;
	struct nsn_vroute *routes; /* by table, family, length falling, address, metric */
	size_t n_routes;
	struct nsn_vfib *fibs; /* by family, priority */
	size_t n_fibs;
	struct nsn_vneigh *neighs; /* read where nsn_vns_needs_neighs() */
	size_t n_neighs;
	struct nsn_vfdb *fdb;
	size_t n_fdb;
	struct nsn_vtable *tables; /* nftables */
	size_t n_tables;
	struct nsn_vct *cts;
	size_t n_cts;
	uint32_t nft_generation;
	/* What hooks in besides nftables, as names: "ip_tables", "ipvs", "bpf", "flowtable ft",
	 * "ebtables". Whatever is here makes what crosses the namespace INCONCLUSIVE. */
	const char **strange;
	size_t n_strange;
	void *aside; /* of whoever proves: never saved, never compared */
};

struct nsn_snap {
	struct nsn_arena mem;
	struct nsn_vns *ns; /* host first, then by kind, tenant, endpoint, inode */
	size_t n_ns;
	char boot[40];	     /* /proc/sys/kernel/random/boot_id */
	char release[72];    /* uname -r */
	int64_t at;	     /* seconds since 1970 */
	const char *policy;  /* what is wanted, as `nsnet export` prints it */
	const char **unsure; /* what could not be seen at all ("pid 7: Permission denied") */
	size_t n_unsure;
	unsigned int tries;   /* how often it was read until nothing changed meanwhile */
	unsigned int took_us; /* the last reading */
	char hash[65];	      /* sha256 of all above but `at`, `tries`, `took_us`; in hex */
};

void nsn_snap_clear(struct nsn_snap *s); /* frees; ready for use again */

/* The link with this index, or NULL. */
const struct nsn_vlink *nsn_vns_link(const struct nsn_vns *ns, uint32_t index);
const struct nsn_vlink *nsn_vns_link_named(const struct nsn_vns *ns, const char *name);
/*
 * Whether neighbours that somebody wrote narrow down where packets go: in the host's namespace,
 * and where any link leads further than to the ports of a bridge that reach each other by it
 * alone. Elsewhere they are left out, as if whoever answers got the packet.
 */
bool nsn_vns_needs_neighs(const struct nsn_vns *ns);
/* The index of the namespace with this inode, or NSN_NOWHERE. */
size_t nsn_snap_find(const struct nsn_snap *s, uint64_t inode);

#endif
