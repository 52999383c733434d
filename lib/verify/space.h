/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_SPACE_H
#define NSN_VERIFY_SPACE_H

/*
 * space - sets of packets, exactly. Pure.
 *
 * A packet is a value for each field below; a set of packets is what a proof pushes
 * through hooks and routes. What nobody constrained costs nothing.
 *
 * Sets are values: immutable, made in a space, and gone when the space is released to
 * a mark that was taken before. Inside, a set is a short list of disjoint products (for
 * each constrained field a list of ranges), which is what real rulesets give, and where
 * that gets long, or bits are looked at that are no range, a binary decision diagram
 * (bdd.h). Both are exact; nobody outside sees which it is.
 *
 * Nothing here fails by a return value: who runs out of the budget (nodes, steps, time)
 * jumps to space->out, with space->why set. Set it up with sigsetjmp(..., 0) before. The
 * space can be used on after that, once it was released to a mark from before.
 * (libbdd draws from rand(): who wants numbers of chance that can be had again, draws
 * from another.)
 */
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 nsn_u128;

/* In the order of the diagram's variables, most significant bit first. */
enum nsn_field {
	NSN_F_IIF,     /* 32: index of the device it came in by, in the namespace it is in */
	NSN_F_OIF,     /* 32: to go out by */
	NSN_F_TAG,     /* 2: VLAN tag on the frame: 0 none, 1 priority (vid 0), 2 another */
	NSN_F_ETYPE,   /* 16: EtherType, behind the tag */
	NSN_F_L2SRC,   /* 48 */
	NSN_F_L2DST,   /* 48 */
	NSN_F_SRC,     /* 128: IPv4 in the low 32 bits. Of ARP the sender's address */
	NSN_F_DST,     /* 128. Of ARP the target's */
	NSN_F_PROTO,   /* 8: of the transport, behind IPv6 extension headers */
	NSN_F_SPORT,   /* 16: bytes 0-1 of the transport header; ICMP: type << 8 | code; ARP: opcode
			*/
	NSN_F_DPORT,   /* 16: bytes 2-3. Of ICMP a checksum: any */
	NSN_F_FLAGS,   /* 8: byte 13 of a TCP header */
	NSN_F_FRAG,    /* 1: a fragment that is not the first: no transport header */
	NSN_F_TTL,     /* 8: TTL, hop limit */
	NSN_F_NEXT,    /* 8: IPv6: the next header field of the fixed header */
	NSN_F_CTSTATE, /* 3: enum nsn_ctstate */
	NSN_F_CTDIR,   /* 1: 0 original, 1 reply */
	NSN_F_CTNAT,   /* 2: bit 0 source, bit 1 destination is translated (IPS_SRC_NAT, DST_NAT) */
	NSN_F_CTMARK,  /* 32 */
	NSN_F_MARK,    /* 32 */
	NSN_F_OSRC,    /* 128: the source that it was sent with, where FIRST bit 0 is set */
	NSN_F_ODST,    /* 128: the destination that it was sent to, where FIRST bit 1 is set */
	NSN_F_ODPORT,  /* 16: its port */
	NSN_F_ARPS,    /* 48: ARP: the sender's MAC inside; ND: what the option says */
	NSN_F_ND,      /* 128: ND: the target address (bytes 8-23 of the ICMPv6 message) */
	NSN_F_QDST,    /* 128: ICMP errors: the destination of the packet that they quote */
	NSN_F_FIRST,   /* 3: bit 0 source, bit 1 destination was translated on the way, here or in a
			  namespace before; bit 2: it was an answer, and was translated back */
	NSN_FIELDS
};

enum nsn_ctstate { /* values of NSN_F_CTSTATE */
		   NSN_CT_INVALID,
		   NSN_CT_ESTABLISHED,
		   NSN_CT_RELATED,
		   NSN_CT_NEW,
		   NSN_CT_UNTRACKED,
		   NSN_CT_STATES
};

unsigned int nsn_field_bits(enum nsn_field f);
const char *nsn_field_name(enum nsn_field f); /* "src", "ct mark" */

struct nsn_range {
	nsn_u128 first, last; /* both included */
};

struct nsn_pset; /* a set of packets */
typedef const struct nsn_pset *nsn_set_t;

struct nsn_space {
	sigjmp_buf out;
	const char *why; /* "nodes", "steps", "time", "memory" */
	/* The budget; 0: no limit. Set before use. */
	uint64_t max_steps;
	uint64_t deadline_ns; /* CLOCK_MONOTONIC */
	uint64_t steps;	      /* used up */
	struct nsn_space_data *data;
};

/*
 * One space at a time in a process (libbdd has one table). @nodes: the most that the
 * diagram may have (each some 20 bytes, made as needed). 0 or -ENOMEM, -EBUSY.
 */
int nsn_space_open(struct nsn_space *s, size_t nodes);
void nsn_space_close(struct nsn_space *s);

typedef size_t nsn_mark_t;
nsn_mark_t nsn_space_mark(struct nsn_space *s);
/* Frees all that was made since; to be called at the place of setjmp, too. */
void nsn_space_release(struct nsn_space *s, nsn_mark_t mark);

/* ---- making ------------------------------------------------------------------------ */

nsn_set_t nsn_all(struct nsn_space *s);
nsn_set_t nsn_none(struct nsn_space *s);
nsn_set_t nsn_is(struct nsn_space *s, enum nsn_field f, nsn_u128 value);
nsn_set_t nsn_between(struct nsn_space *s, enum nsn_field f, nsn_u128 first, nsn_u128 last);
/* @ranges in any order, overlapping or not. */
nsn_set_t nsn_in(struct nsn_space *s, enum nsn_field f, const struct nsn_range *ranges, size_t n);
/* (field & mask) == value */
nsn_set_t nsn_masked(struct nsn_space *s, enum nsn_field f, nsn_u128 mask, nsn_u128 value);

/* ---- combining --------------------------------------------------------------------- */

nsn_set_t nsn_and(struct nsn_space *s, nsn_set_t a, nsn_set_t b);
nsn_set_t nsn_or(struct nsn_space *s, nsn_set_t a, nsn_set_t b);
nsn_set_t nsn_sub(struct nsn_space *s, nsn_set_t a, nsn_set_t b); /* a without b */
nsn_set_t nsn_or_many(struct nsn_space *s, const nsn_set_t *sets, size_t n);
bool nsn_empty(nsn_set_t a); /* exact */
bool nsn_within(struct nsn_space *s, nsn_set_t inner, nsn_set_t outer);

/* ---- changing what a packet has ------------------------------------------------------ */

/* Any value of @f, all else as it was (the projection). */
nsn_set_t nsn_forget(struct nsn_space *s, nsn_set_t a, enum nsn_field f);
/* The same of many at once: 1 << f of each. */
nsn_set_t nsn_forget_all(struct nsn_space *s, nsn_set_t a, uint32_t fields);
/* @f becomes @value. */
nsn_set_t nsn_put(struct nsn_space *s, nsn_set_t a, enum nsn_field f, nsn_u128 value);
/* @f becomes any of first..last. */
nsn_set_t nsn_put_between(struct nsn_space *s, nsn_set_t a, enum nsn_field f, nsn_u128 first,
			  nsn_u128 last);
/* @to takes the value of @from (of as many bits), and @from may be anything afterwards. */
nsn_set_t nsn_move(struct nsn_space *s, nsn_set_t a, enum nsn_field to, enum nsn_field from);
nsn_set_t nsn_swap(struct nsn_space *s, nsn_set_t a, enum nsn_field f, enum nsn_field g);

/*
 * Each bit of a field anew, from the packet as it was: NSN_BIT_0, NSN_BIT_1,
 * NSN_BIT_ANY (unknown: both), or NSN_BIT(field, n) (bit n, 0 the least) of any field,
 * negated with NSN_BIT_NOT. @bits[i] is for bit i of @f.
 */
#define NSN_BIT_0	    UINT32_C(0)
#define NSN_BIT_1	    UINT32_C(1)
#define NSN_BIT_ANY	    UINT32_C(2)
#define NSN_BIT(f, n)	    (UINT32_C(0x10000) | (uint32_t)(f) << 8 | (uint32_t)(n))
#define NSN_BIT_NOT	    UINT32_C(0x20000)
#define NSN_BIT_IS_FIELD(b) (((b)&UINT32_C(0x10000)) != 0)
#define NSN_BIT_FIELD(b)    ((enum nsn_field)((b) >> 8 & 0xff))
#define NSN_BIT_NR(b)	    ((b)&0xff)
nsn_set_t nsn_assign(struct nsn_space *s, nsn_set_t a, enum nsn_field f, const uint32_t *bits);

/*
 * Comparing bits: those packets of @a for which the number made of @n bits (bits[0] is
 * the most significant) is first <= number <= last, as bytes in network order (n / 8
 * rounded up; a first byte that is not full is in the low bits). With NSN_BIT_ANY in it
 * the answer is not known: @yes gets those for which it can be so, @no those for which
 * it can be otherwise (they overlap then; else they part @a). Either may be NULL.
 */
void nsn_compare(struct nsn_space *s, nsn_set_t a, const uint32_t *bits, size_t n,
		 const uint8_t *first, const uint8_t *last, nsn_set_t *yes, nsn_set_t *no);

/* ---- looking ------------------------------------------------------------------------ */

/* The least and the greatest value that @f has in @a, which is not empty. */
void nsn_bounds(struct nsn_space *s, nsn_set_t a, enum nsn_field f, struct nsn_range *ret);
/*
 * All values of @f in @a as ranges, ascending, which live as long as sets do. More than
 * @max: the bounds as one (a superset). Returns how many; 0 only for the empty set.
 */
size_t nsn_values(struct nsn_space *s, nsn_set_t a, enum nsn_field f, size_t max,
		  const struct nsn_range **ret);
/* Whether @a says nothing of @f: every value is as good. */
bool nsn_free_of(struct nsn_space *s, nsn_set_t a, enum nsn_field f);

struct nsn_packet {
	nsn_u128 v[NSN_FIELDS];
};
/* One packet of @a, which is not empty; where possible with @like's values. @like may be NULL. */
void nsn_pick(struct nsn_space *s, nsn_set_t a, const struct nsn_packet *like,
	      struct nsn_packet *ret);
/* The set of that packet alone, in all fields. */
nsn_set_t nsn_only(struct nsn_space *s, const struct nsn_packet *p);
bool nsn_has(struct nsn_space *s, nsn_set_t a, const struct nsn_packet *p);
/* Memory that lives as sets do; zeroed. Never NULL: jumps. */
void *nsn_space_alloc(struct nsn_space *s, size_t size);
/* Gives up, as the space itself does. */
_Noreturn void nsn_space_stop(struct nsn_space *s, const char *why);
/*
 * Out of the way of nsn_space_release(): a copy that lives until the space is closed or the
 * returned handle is dropped.
 */
struct nsn_kept;
struct nsn_kept *nsn_space_keep(struct nsn_space *s, nsn_set_t a);
nsn_set_t nsn_kept_set(struct nsn_space *s, const struct nsn_kept *k); /* lives as sets made now */
void nsn_kept_drop(struct nsn_space *s, struct nsn_kept *k);	       /* NULL is fine */
/* For tests and messages: how many products (0: a diagram), how many nodes in use. */
size_t nsn_products(nsn_set_t a);
size_t nsn_nodes(const struct nsn_space *s);
/* For tests: what is made from now on is a diagram. */
void nsn_space_prefer_diagrams(struct nsn_space *s, bool on);

#endif
