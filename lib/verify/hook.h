/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_HOOK_H
#define NSN_VERIFY_HOOK_H

/*
 * hook - what the base chains of one namespace do to a set of packets. Pure.
 *
 * Bytecode is run on sets: each expression parts a set into what goes on and what does
 * not, registers hold bits of fields (see NSN_BIT). Expressions are
 *	exact	 immediate, cmp, range, bitwise, shift, byteorder, payload, meta, lookup,
 *		 fib type, rt nexthop, ct state/mark/direction/status, marks that are set, verdicts
 *	unknown	 limit, quota, numgen, hash, socket, time, sets that packets fill: both
 *		 outcomes are taken, and what they load is any value
 *	poison	 queue, tproxy, synproxy, dup, fwd, flow offload, stores into a packet that are
 *		 not understood, whatever has no name here: the packets go to `poison`
 * An accept ends a base chain, not the hook: the next one by priority sees the packet. A
 * drop is final. Chains of equal priority are run as dumped: in which order they were
 * registered nobody says.
 */
#include "snap.h"
#include "space.h"

struct nsn_hooks; /* the chains of one namespace, sorted, sets indexed */

/* What a rule did to a packet that was looked at alone. */
struct nsn_hit {
	const struct nsn_vtable *table;
	const struct nsn_vchain *chain;
	const struct nsn_vrule *rule; /* NULL: the chain's policy */
	enum nsn_vcode verdict;	      /* ACCEPT, DROP, JUMP, GOTO, RETURN, CONTINUE (it matched) */
	const struct nsn_velem *elem; /* the element of a map or set that decided, or NULL */
};

struct nsn_trace {
	struct nsn_hit *hits; /* malloc()ed */
	size_t n, max;
};

struct nsn_poison {
	nsn_set_t set;
	const char *why; /* "queue", "flow offload", "expression 'foo'" */
	struct nsn_hit at;
};

/* A translation that a rule of type nat asks for. */
struct nsn_natted {
	nsn_set_t set;
	bool source; /* else of the destination */
	bool has_addr, has_port,
		masq; /* masq: the address of the device it leaves by; redir is
			 dst with has_addr false: the address of the one it came by */
	/* Of which one is taken: which is not known. A rule that translates the port alone has
	 * the addresses that its packets have (their bounds): each keeps its own. */
	struct nsn_range addr, port;
	bool prefix; /* NF_NAT_RANGE_NETMAP: unknown within addr */
	struct nsn_hit at;
};

/* What came of it. Lists live as long as sets (in the space's memory: nsn_space_alloc()). */
struct nsn_hooked {
	nsn_set_t go;	  /* goes on */
	nsn_set_t reject; /* of what was dropped, what was answered by an error */
	struct nsn_poison *poison;
	size_t n_poison;
	struct nsn_natted *nat;
	size_t n_nat;
};

int nsn_hooks_new(struct nsn_hooks **ret, const struct nsn_vns *ns, struct nsn_space *s);
void nsn_hooks_free(struct nsn_hooks *h); /* NULL is fine */

/* Whether some rule makes the kernel track connections of this family (nf_ct_netns_get()). */
bool nsn_hooks_track(const struct nsn_hooks *h, uint8_t family);
/* Whether any chain is there at all: who has none need not be asked. */
bool nsn_hooks_any(const struct nsn_hooks *h, uint8_t family, uint32_t hook);
/* Whether any rule of the namespace reads or writes a field: marks that nobody reads... */
bool nsn_hooks_use(const struct nsn_hooks *h, enum nsn_field f);

/*
 * For `rt nexthop`: the neighbour that the packets of the next runs go to, as a route says it;
 * NULL: it is not known. A hop without an address: whom they are for.
 */
void nsn_hooks_hop(struct nsn_hooks *h, const struct nsn_vhop *hop);

/*
 * nsn_hook_run() - The filter and route chains of a hook, by priority
 * @family: NFPROTO_IPV4 or IPV6 (chains of that family and inet), BRIDGE, NETDEV (@dev), ARP
 * @hook:   NF_INET_*, NF_BR_*, NF_NETDEV_INGRESS, EGRESS
 * @dev:    NETDEV, and inet ingress: the device's name; else NULL
 * @first, @last: chains with first <= priority <= last only
 * @trace:  NULL, or where the rules that matched are noted: only with one packet
 *
 * IIF and OIF are 0 where there is no device. A device that the namespace does not have is
 * poison, if any rule asks for devices. Of IPv4, what has addresses wider than 32 bits is
 * left out: there is no such packet. `reject` is what any chain of the hook answered.
 */
void nsn_hook_run(struct nsn_hooks *h, uint8_t family, uint32_t hook, const char *dev,
		  int32_t first, int32_t last, nsn_set_t in, struct nsn_hooked *ret,
		  struct nsn_trace *trace);
/* The nat chains of a hook, for packets that open a connection: `go` is what none translates. */
void nsn_hook_nat(struct nsn_hooks *h, uint8_t family, uint32_t hook, nsn_set_t in,
		  struct nsn_hooked *ret, struct nsn_trace *trace);

void nsn_trace_clear(struct nsn_trace *t);

#endif
