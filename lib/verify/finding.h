/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_FINDING_H
#define NSN_VERIFY_FINDING_H

/*
 * finding - what a proof has to say besides "proved". Pure.
 *
 * One table: the kind, the verdict that it is the reason for, the theorem, what it means
 * and what usually mends it. The public header has the same kinds by name.
 */
#include "../base/err.h"
#include "../base/text.h"
#include "snap.h"

enum nsn_outcome { /* the worst counts */
		   NSN_PROVED,
		   NSN_NOTE, /* worth knowing, changes no verdict */
		   NSN_INCONCLUSIVE,
		   NSN_VIOLATION,
};

/* X(KIND, verdict, theorem, what it means) */
#define NSN_FINDINGS(X)                                                                            \
	X(UNEXPECTED_ALLOW, NSN_VIOLATION, 1, "A packet that no policy allows gets through.")      \
	X(STALE_FLOW, NSN_VIOLATION, 2,                                                            \
	  "A connection that lives in conntrack is passed on, and no policy allows it.")           \
	X(SPOOFABLE, NSN_VIOLATION, 3,                                                             \
	  "A port lets through a source address that is not its own.")                             \
	X(SPOOFED_EGRESS, NSN_VIOLATION, 3,                                                        \
	  "A packet leaves the machine with a source that is not the host's own.")                 \
	X(REACHES_HOST, NSN_VIOLATION, 4,                                                          \
	  "A packet gets to a socket of the host, or of a gateway, and no policy allows it.")      \
	X(REACHES_OUTSIDE, NSN_VIOLATION, 4,                                                       \
	  "A tenant's packet gets out to where no policy allows it.")                              \
	X(PORT_TO_PORT, NSN_VIOLATION, 5, "A frame of one port gets to a port that it must not.")  \
	X(FORWARDING_LOOP, NSN_VIOLATION, 6, "A packet comes back to where it was.")               \
	X(STRONG_ADVERSARY, NSN_VIOLATION, 8,                                                      \
	  "A process in the tenant's network can do more than a proof may assume of a tenant.")    \
	X(STRAY_LINK, NSN_VIOLATION, 5, "A link that nobody wants joins what must be apart.")      \
	X(HELD_BY_ANOTHER, NSN_VIOLATION, 8,                                                       \
	  "A process of one tenant holds a descriptor of another's namespace or socket.")          \
	X(WIRE_DELIVERED, NSN_VIOLATION, 0,                                                        \
	  "A packet that was sent has arrived where no policy allows it.")                         \
	X(UNTESTED, NSN_INCONCLUSIVE, 0, "What was sent does not tell whether it can arrive.")     \
	X(LOOSE_LINK, NSN_INCONCLUSIVE, 5, "A link's other half cannot be found.")                 \
	X(UNMODELLED, NSN_INCONCLUSIVE, 1, "Something on the way cannot be modelled.")             \
	X(UNREADABLE, NSN_INCONCLUSIVE, 0, "A namespace or process could not be looked at.")       \
	X(BUDGET, NSN_INCONCLUSIVE, 0, "The proof was given up: too large, or too slow.")          \
	X(STALE, NSN_INCONCLUSIVE, 0, "The kernel's state kept changing while it was read.")       \
	X(NOT_BUILT, NSN_INCONCLUSIVE, 0, "What the tenant has in the kernel is not all there.")   \
	X(PORT_UNPINNED, NSN_NOTE, 3, "A port without rules for its source addresses.")            \
	X(PORT_FLAGS, NSN_NOTE, 5, "A bridge port without the flags that keep ports apart.")       \
	X(SETTING, NSN_NOTE, 4, "A setting of the kernel is not as isolation wants it.")           \
	X(HELD, NSN_NOTE, 8, "A process outside holds a descriptor of a tenant's namespace.")      \
	X(ENTERED, NSN_NOTE, 8, "An operator's own process is in a tenant's network.")             \
	X(DENIED_TOO_MUCH, NSN_NOTE, 1, "What a policy allows does not get through.")              \
	X(UNOWNED_LINK, NSN_NOTE, 5, "A link that is not nsnet's, in a namespace that is.")        \
	X(LEAVES, NSN_NOTE, 4, "A network of containers gets out of the machine.")                 \
	X(TWO_NETWORKS, NSN_NOTE, 5,                                                               \
	  "A namespace is in two networks: whoever is root in it can join them.")                  \
	X(PAST_HOST, NSN_NOTE, 5, "Namespaces are joined with each other past the host.")

enum nsn_finding_kind {
#define NSN_FINDING_ENUM(kind, verdict, theorem, text) NSN_FIND_##kind,
	NSN_FINDINGS(NSN_FINDING_ENUM)
#undef NSN_FINDING_ENUM
		NSN_FINDING_KINDS
};

const char *nsn_finding_name(enum nsn_finding_kind k); /* "STRAY_LINK" */
enum nsn_outcome nsn_finding_outcome(enum nsn_finding_kind k);
unsigned int nsn_finding_theorem(enum nsn_finding_kind k); /* 0: of none alone */
const char *nsn_finding_meaning(enum nsn_finding_kind k);

/*
 * The packet that a finding is about as its sender would send it, so that it can be sent
 * (lib/wire): what a proof calls possible is to be seen, or not.
 */
struct nsn_shot {
	bool has;
	size_t ns;	/* the namespace that it gets into first, an index of the snapshot */
	uint32_t in;	/* the link there that it comes in by */
	size_t to;	/* where it arrives; NSN_NOWHERE: beyond the machine */
	bool local;	/* delivered to the sockets of `to` */
	uint16_t etype; /* 0x0800, 0x86dd, or what a frame has */
	struct nsn_mac to_mac;
	struct nsn_ip src, dst; /* family 0: no packet of IP */
	uint8_t proto, tcp_flags;
	uint16_t sport, dport; /* ICMP: type << 8 | code, and nothing */
	uint8_t state;	       /* enum nsn_ctstate: what conntrack must call it */
};

struct nsn_finding {
	enum nsn_finding_kind kind;
	uint64_t from, to;     /* tenants it is about; 0: none, the host, the outside */
	const char *where;     /* the namespace, in words: "gateway of customer1" */
	const char *what;      /* one sentence, values in it */
	const char *hint;      /* what would close it: something to paste, or "" */
	const char **evidence; /* lines: the packet, the way, the rule */
	size_t n_evidence;
	int32_t pid; /* of the process, 0: none */
	struct nsn_shot shot;
};

struct nsn_findings {
	struct nsn_arena mem; /* all strings are copied into it */
	struct nsn_finding *list;
	size_t n, max;
};

/* Appends one; strings by printf. The finding stays until the next is added. NULL: no memory. */
struct nsn_finding *nsn_findings_add(struct nsn_findings *f, enum nsn_finding_kind kind,
				     uint64_t from, uint64_t to);
int nsn_finding_say(struct nsn_findings *f, struct nsn_finding *x, const char *fmt, ...)
	NSN_PRINTF(3, 4); /* `what`; 0 or -ENOMEM */
int nsn_finding_hint(struct nsn_findings *f, struct nsn_finding *x, const char *fmt, ...)
	NSN_PRINTF(3, 4);
int nsn_finding_show(struct nsn_findings *f, struct nsn_finding *x, const char *fmt, ...)
	NSN_PRINTF(3, 4); /* one more line of evidence */
void nsn_findings_clear(struct nsn_findings *f);

#endif
