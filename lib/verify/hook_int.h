/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_HOOK_INT_H
#define NSN_VERIFY_HOOK_INT_H

/*
 * hook_int - what the files of hook share; nobody else includes it
 *
 * A rule is run on a path: a set of packets and what their registers hold. Each expression
 * narrows the path to what goes on, and puts aside (nsn_left()) what breaks. An expression
 * with several outcomes runs the rest of the rule for each (nsn_rule_from()) and says that
 * nothing is left to do. What broke, wherever, and what came to the end of the rule is one
 * set again for the next rule, and registers are unknown there: nft always loads before it
 * uses, so nothing is lost, and a chain is walked once.
 *
 * What is unknown lets packets go both ways. No possibility is ever left out, but for:
 *	headers that are cut off inside what every receiver needs (the fixed header of TCP,
 *	UDP, UDP-Lite, SCTP, DCCP, ICMP; IPv4 and IPv6 headers that ip_rcv() refuses): loads
 *	of those are taken to succeed, because such a packet is of no use to anybody.
 */
#include "../base/cleanup.h"
#include "hook.h"

/* ---- registers: one word of description for each byte ---- */

enum nsn_rb_kind {
	NSN_RB_ANY, /* 0: what memset() leaves */
	NSN_RB_CONST,
	NSN_RB_FIELD, /* 8 neighbouring bits of a field: b is the least */
	NSN_RB_DOM,   /* a byte of what a device (or state) is: a is the domain, b the byte */
	NSN_RB_BITS,  /* see `bits` */
};
#define NSN_RB(kind, a, b) ((uint32_t)(kind) << 24 | (uint32_t)(a) << 8 | (uint32_t)(b))
#define NSN_RB_KIND(d)	   ((enum nsn_rb_kind)((d) >> 24))
#define NSN_RB_A(d)	   ((d) >> 8 & 0xffff)
#define NSN_RB_B(d)	   ((d)&0xff)

/* A bit of a domain, beside those of space.h; bit 0 is the most significant of byte 0. */
#define NSN_BIT_DOM(dom, n) (UINT32_C(0x40000) | (uint32_t)(dom) << 8 | (uint32_t)(n))
#define NSN_BIT_IS_DOM(b)   (((b)&UINT32_C(0x40000)) != 0)
#define NSN_BIT_DOM_OF(b)   ((enum nsn_dom)((b) >> 8 & 0xff))

#define NSN_REG_BYTES (NSN_REGS * 4)

struct nsn_regs {
	uint32_t b[NSN_REG_BYTES];
	uint32_t *bits; /* 8 for each byte, the most significant first; NULL until used */
};

/* ---- what follows from one field by a table: names of devices, states ---- */

enum nsn_dom {
	NSN_DOM_IIFNAME,
	NSN_DOM_OIFNAME,
	NSN_DOM_IIFTYPE,
	NSN_DOM_OIFTYPE,
	NSN_DOM_IIFGROUP,
	NSN_DOM_OIFGROUP,
	NSN_DOM_IIFKIND,
	NSN_DOM_OIFKIND,
	NSN_DOM_IBRNAME,
	NSN_DOM_OBRNAME,
	NSN_DOM_CTSTATE,
	NSN_DOMS
};

struct nsn_dom_entry {
	uint32_t value; /* of the field */
	bool none;	/* loading it breaks */
	uint8_t bytes[16];
	nsn_u128 num; /* the same as a number */
};

struct nsn_domain {
	enum nsn_field field;
	struct nsn_dom_entry *e; /* by num */
	uint32_t *by_value;	 /* which of e[], in the order of value */
	struct nsn_range *none;	 /* values for which loading breaks */
	size_t n, n_none;
};

/* ---- chains, prepared ---- */

struct nsn_hset;
struct nsn_hchain;

struct nsn_hexpr {
	const struct nsn_vexpr *x;
	struct nsn_hchain *chain; /* of a jump */
	struct nsn_hset *set;
};

struct nsn_hrule {
	const struct nsn_vrule *rule;
	struct nsn_hchain *chain;
	struct nsn_hexpr *exprs;
	size_t n;
};

struct nsn_hchain {
	const struct nsn_vtable *table;
	const struct nsn_vchain *chain;
	struct nsn_hrule *rules;
	size_t n;
};

struct nsn_htable {
	const struct nsn_vtable *table;
	struct nsn_hchain *chains; /* as in the table */
	struct nsn_hset *sets;
};

struct nsn_velems; /* indexed elements */

struct nsn_hset {
	const struct nsn_vset *set;
	struct nsn_htable *table;
	bool ready;
	bool points; /* no intervals, no fields told: they are cut as the registers are */
	struct nsn_hset *other;		/* the same, cut otherwise */
	bool filled;			/* by packets: whatever its flags say */
	bool odd;			/* keys that are not understood: anything may be in it */
	uint8_t n, len[16], off[16];	/* fields of the key, their place in it */
	size_t n_elems;			/* without catch-alls */
	const struct nsn_velem **elems; /* by group */
	uint32_t *group;		/* of each: same data or verdict, same number */
	struct nsn_range *at; /* n of each element: what the key's field may be, as a number */
	const struct nsn_velem *rest; /* catch-all */
};

struct nsn_out {
	nsn_set_t set;
	enum nsn_vcode code;
	struct nsn_hchain *chain;
	const struct nsn_hrule *rule;
	const struct nsn_velem *elem;
};

struct nsn_pile { /* a stack of sets */
	nsn_set_t *v;
	size_t n, max;
};

struct nsn_seen_bounds {
	nsn_set_t set;
	uint32_t have;
	struct nsn_range range[NSN_FIELDS];
};
#define NSN_BOUNDS 8

struct nsn_hooks {
	const struct nsn_vns *ns;
	struct nsn_space *s;
	struct nsn_arena mem;
	struct nsn_htable *tables;
	size_t n_tables;
	struct nsn_hchain **base; /* base chains, by priority, then as dumped */
	size_t n_base;
	struct nsn_domain dom[NSN_DOMS];
	struct nsn_range *known; /* indexes of devices, and 0; ascending */
	size_t n_known;
	struct nsn_range *bare; /* devices whose frames have no Ethernet header */
	size_t n_bare;
	uint32_t uses;		    /* bit of each field */
	const struct nsn_vhop *hop; /* nsn_hooks_hop() */
	bool track4, track6, track_bridge;
	/* Memory of a run: kept, so that it is not lost when the space jumps out. */
	struct nsn_pile left, back, done, rejected, same; /* same: translated to what it was */
	struct nsn_out *out;
	size_t n_out, max_out;
	struct nsn_poison *poison;
	size_t n_poison, max_poison;
	struct nsn_natted *nat;
	size_t n_nat, max_nat;
	struct nsn_seen_bounds bounds[NSN_BOUNDS];
};

/* ---- a run ---- */

struct nsn_run {
	struct nsn_hooks *h;
	struct nsn_space *s;
	uint8_t family;	 /* of the hook */
	uint8_t nfproto; /* what `meta nfproto` says */
	uint32_t hook;
	uint16_t l3;	  /* NSN_L3_*: what every packet is, or NSN_L3_MIXED */
	bool nat;	  /* a chain of type nat */
	int32_t priority; /* of the base chain */
	struct nsn_trace *trace;
};

/* What the network header is. */
enum nsn_l3 {
	NSN_L3_MIXED = 0,
	NSN_L3_IP = 0x0800,
	NSN_L3_IP6 = 0x86dd,
	NSN_L3_ARP = 0x0806,
	NSN_L3_OTHER = 1
};

struct nsn_path {
	nsn_set_t set;
	enum nsn_l3 l3;
	struct nsn_regs *regs;
	const struct nsn_velem *elem; /* the last that was looked up */
};

/* hook_rule.c: the rest of a rule; one that handles an expression says whether the path goes on. */
void nsn_rule_from(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p);
/* The same with a path of its own, of the same registers. */
void nsn_rule_branch(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
		     const struct nsn_path *p, nsn_set_t set, enum nsn_l3 l3);
void nsn_rule_verdict(struct nsn_run *r, const struct nsn_hrule *rule, struct nsn_path *p,
		      enum nsn_vcode code, struct nsn_hchain *to);
void nsn_rule_poison(struct nsn_run *r, const struct nsn_hrule *rule, nsn_set_t set,
		     const char *why);
void nsn_rule_reject(struct nsn_run *r, const struct nsn_hrule *rule, struct nsn_path *p);
/* What comes out of a base chain's end; what was accepted or dropped is in h->done, rejected. */
nsn_set_t nsn_chain_run(struct nsn_run *r, struct nsn_hchain *c, nsn_set_t in, unsigned int depth);
void nsn_trace_hit(struct nsn_run *r, const struct nsn_hrule *rule, struct nsn_hchain *c,
		   enum nsn_vcode code, const struct nsn_velem *e);
void nsn_left(struct nsn_run *r, nsn_set_t set);
void nsn_pile_add(struct nsn_run *r, struct nsn_pile *p, nsn_set_t set);
/* All above @from as one, and taken off. */
nsn_set_t nsn_pile_take(struct nsn_run *r, struct nsn_pile *p, size_t from);

/* hook_regs.c */
void nsn_regs_const(struct nsn_regs *g, size_t at, const uint8_t *data, size_t len);
void nsn_regs_any(struct nsn_regs *g, size_t at, size_t len);
void nsn_regs_pad(struct nsn_regs *g, size_t at, size_t len); /* zero up to the end of the word */
/* A number of @len bytes in the host's order, made of the low bits of a field. */
void nsn_regs_host(struct nsn_regs *g, size_t at, size_t len, enum nsn_field f);
void nsn_regs_bits(struct nsn_run *r, struct nsn_regs *g, size_t at, const uint32_t bits[8]);
void nsn_regs_get(const struct nsn_regs *g, size_t at, uint32_t bits[8]);
void nsn_regs_bitwise(struct nsn_run *r, struct nsn_regs *g, const struct nsn_vexpr *x);
void nsn_regs_shift(struct nsn_run *r, struct nsn_regs *g, const struct nsn_vexpr *x);
void nsn_regs_byteorder(struct nsn_run *r, struct nsn_regs *g, const struct nsn_vexpr *x);
struct nsn_regs *nsn_regs_copy(struct nsn_run *r, const struct nsn_regs *g, struct nsn_regs *to);
/* The bits as field bits, for nsn_assign(): false if there are some of a domain. */
bool nsn_regs_plain(const struct nsn_regs *g, size_t at, size_t len, uint32_t *bits);

/* hook_cmp.c */
const struct nsn_range *nsn_run_bounds(struct nsn_run *r, nsn_set_t set, enum nsn_field f);
void nsn_part(struct nsn_run *r, nsn_set_t set, enum nsn_field f, const struct nsn_range *ranges,
	      size_t n, nsn_set_t *yes, nsn_set_t *no);
void nsn_part_one(struct nsn_run *r, nsn_set_t set, enum nsn_field f, nsn_u128 first, nsn_u128 last,
		  nsn_set_t *yes, nsn_set_t *no);
/* Whether the number in @len bytes of registers is in first..last. */
void nsn_match(struct nsn_run *r, const struct nsn_path *p, nsn_set_t set, size_t at, size_t len,
	       const uint8_t *first, const uint8_t *last, nsn_set_t *yes, nsn_set_t *no);
bool nsn_eval_cmp(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p);
bool nsn_eval_range(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p);

/* hook_load.c, hook_meta.c */
bool nsn_eval_payload(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
		      struct nsn_path *p);
bool nsn_eval_payload_set(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
			  struct nsn_path *p);
bool nsn_eval_meta(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p);
bool nsn_eval_meta_set(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
		       struct nsn_path *p);
bool nsn_eval_ct(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p);
bool nsn_eval_ct_set(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p);
bool nsn_eval_notrack(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
		      struct nsn_path *p);
/* Leaves @p all of one kind of network header; false: every kind went its own way from @i. */
bool nsn_part_l3(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p);

/* Whether packets of this hook have a device of this kind (IIF, OIF) at all. */
bool nsn_has_device(const struct nsn_run *r, enum nsn_field f);

/* hook_set.c */
bool nsn_eval_lookup(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p);
bool nsn_eval_objref(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p);

/* hook_index.c */
int nsn_hooks_prepare(struct nsn_hooks *h);
struct nsn_hchain *nsn_htable_chain(const struct nsn_htable *t, const char *name);
/* Devices (or states) for which the first @len bytes are in first..last: n, in @ret. */
void nsn_ranges_sort(struct nsn_range *v, size_t n);
size_t nsn_domain_find(const struct nsn_domain *d, const uint8_t *first, const uint8_t *last,
		       size_t len, size_t *at);
nsn_u128 nsn_bytes_number(const uint8_t *bytes, size_t len);

/* hook_elems.c */
void nsn_hset_ready(struct nsn_hooks *h, struct nsn_hset *set);
/* The set, with its key cut into fields as registers from byte @at on hold them. */
struct nsn_hset *nsn_hset_cut(struct nsn_hooks *h, struct nsn_hset *set, const struct nsn_regs *g,
			      size_t at);
/* Whether an element that matches may yet break, or be gone. */
bool nsn_elem_uncertain(const struct nsn_velem *e);

/* hook_route.c */
bool nsn_eval_fib(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p);
bool nsn_eval_rt(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p);
/* Whether it matches is not known: both. What it loads is any value. */
bool nsn_eval_unknown(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
		      struct nsn_path *p);

/* hook_nat.c */
bool nsn_eval_nat(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p);

#endif
