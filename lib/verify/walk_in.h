/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_WALK_IN_H
#define NSN_VERIFY_WALK_IN_H

/*
 * walk_in - what the files of the walk share; of walk*.c only
 *
 * Memory: what is kept from walk to walk is in the arena of the walk and is complete
 * before anything points to it, as every operation on sets may jump away. All else is
 * in the space's memory.
 */
#include "../base/cleanup.h"
#include "walk.h"

#define NSN_W_HOPS 64	 /* namespaces on one way */
#define NSN_W_JOBS 65536 /* sets pushed in one walk */

struct nsn_wlink {
	const struct nsn_vlink *l;
	struct nsn_wns *peer; /* veth: a namespace that is walked through, or NULL */
	size_t to;	      /* veth: where its other half lives, or NSN_NOWHERE */
	bool stacked;	      /* another device sits on top of it: vlan, macvlan, ... */
	uint64_t run;	      /* of which walk `seen` and `job` are */
	nsn_set_t seen;	      /* what was already pushed in by it */
	struct nsn_wjob *job; /* waits to be pushed in by it */
	/* Of a bridge, by family: packets to whom somebody behind a port can say to be. */
	struct nsn_kept *answered[2];
};

/* One prefix of a routing table, and all routes that have it. */
struct nsn_wnode {
	struct nsn_range r;
	uint8_t len;
	bool hard; /* one of the routes always matches: no shorter prefix is looked at */
	const struct nsn_vroute *const *routes;
	size_t n;
	const struct nsn_wnode *up; /* the next shorter prefix around it */
	size_t spans;		    /* how many pieces of the table are its own */
};

struct nsn_wspan {
	struct nsn_range r;
	const struct nsn_wnode *node; /* NULL: no route */
};

struct nsn_wtable {
	struct nsn_wtable *next;
	uint32_t id;
	uint8_t family;
	struct nsn_wspan *spans; /* ascending, disjoint, without gaps */
	size_t n;
};

/* Connections: those whose first packet is in `orig`. All sets are over the tuple and CTMARK. */
struct nsn_wentry {
	struct nsn_kept *orig, *reply; /* as either direction enters */
	struct nsn_kept *rel[2];       /* errors, by their direction */
	struct nsn_range osrc, odst, rsrc, rdst;
	uint8_t nat;		     /* as CTNAT */
	struct nsn_range nsrc, ndst; /* what source and destination become */
	struct nsn_range nport;	     /* of the destination */
	bool has_port;
};

struct nsn_wct {
	struct nsn_wentry *list;
	size_t n, max;
	bool helper; /* entries may expect others: of any kind */
};

struct nsn_wns {
	const struct nsn_vns *ns;
	size_t at; /* index in the snapshot */
	bool full;
	struct nsn_hooks *hooks;
	struct nsn_wlink *links; /* by index */
	size_t n_links;
	/* What follows is made when the namespace is first walked through. */
	bool ready;
	const struct nsn_vneigh **neighs; /* by link, address */
	size_t n_neighs;
	const struct nsn_vfdb **fdb; /* by master, MAC; without those of devices' own lists */
	size_t n_fdb;
	struct nsn_wtable *tables;
	struct nsn_wct *ct[2];
};

struct nsn_walk {
	const struct nsn_snap *snap;
	struct nsn_space *s;
	struct nsn_arena mem;
	struct nsn_wns *ns; /* as in the snapshot */
	uint64_t runs;
	bool openers; /* packets of connections are not followed */
};

/* The way up to here: namespaces that were left. */
struct nsn_wpath {
	const struct nsn_wpath *up;
	struct nsn_wns *n;
	uint32_t in, out;
	nsn_set_t set; /* as it came in */
	bool routed;   /* on the way so far */
	size_t depth;
};

struct nsn_wjob {
	struct nsn_wjob *next;
	struct nsn_wns *n;
	struct nsn_wlink *in;
	nsn_set_t set;
	const struct nsn_wpath *path;
};

struct nsn_wrun {
	struct nsn_walk *w;
	struct nsn_space *s;
	uint64_t id;
	uint8_t family;
	struct nsn_arrivals *ret;
	size_t max;
	struct nsn_wjob *first, *last;
	size_t jobs;
	struct nsn_passage *one; /* one packet is followed, and told about */
	const struct nsn_packet *packet;
};

/* One namespace being passed. */
struct nsn_wat {
	struct nsn_wrun *r;
	struct nsn_space *s;
	struct nsn_wns *n;
	const struct nsn_wlink *in; /* NULL: entries are looked for, from any link */
	const struct nsn_wpath *path;
	nsn_set_t set; /* as it came in */
	uint8_t family;
	bool entries;		    /* see walk_ct.c: what cannot be modelled passes */
	const struct nsn_vhop *hop; /* to whom it is sent, when that is known */
};

/* A set on its way, and the connection whose addresses it shall get, if any. */
struct nsn_wflow {
	struct nsn_wflow *next;
	nsn_set_t set;
	const struct nsn_wentry *nat;
	bool reply, related;
	struct nsn_wentry asked; /* NEW: what nat rules asked for */
};

enum nsn_wout_kind { NSN_WOUT_LOCAL, NSN_WOUT_HOP };

struct nsn_wout {
	struct nsn_wout *next;
	enum nsn_wout_kind kind;
	const struct nsn_vfib *rule;
	const struct nsn_vroute *route; /* NULL: multicast and the like */
	const struct nsn_vhop *hop;
	nsn_set_t set;
};

/* ---- walk.c: preparing, arrivals, the worklist ----------------------------------------- */

nsn_u128 nsn_w_ip(const struct nsn_ip *ip);
nsn_u128 nsn_w_mac(const struct nsn_mac *mac);
void nsn_w_prefix(const struct nsn_prefix *p, struct nsn_range *ret);
/* Of @set where (field & mask) == value: quick where few values are left. */
nsn_set_t nsn_w_masked(struct nsn_space *s, nsn_set_t set, enum nsn_field f, uint32_t mask,
		       uint32_t value);
/* Memory that stays; jumps when there is none. */
void *nsn_w_alloc(struct nsn_walk *w, size_t size);
struct nsn_wlink *nsn_w_link(const struct nsn_wns *n, uint32_t index);
/*
 * Whether the link is the host's and what leaves by it leaves all that is walked through: hardware,
 * what sits on it, a namespace that is not trusted, a process.
 */
bool nsn_w_is_outer(const struct nsn_wns *n, const struct nsn_wlink *l);
void nsn_w_ready(struct nsn_walk *w, struct nsn_wns *n);
void nsn_w_arrive(struct nsn_wat *at, enum nsn_arrival_kind kind, const struct nsn_wlink *out,
		  nsn_set_t set, bool routed, const char *why, const struct nsn_hit *hit);
void nsn_w_blind(struct nsn_wat *at, nsn_set_t set, const char *why);
const char *nsn_w_printf(struct nsn_space *s, const char *fmt, ...) NSN_PRINTF(2, 3);
/* Runs the chains of a hook; poison becomes a blind arrival. */
nsn_set_t nsn_w_hook(struct nsn_wat *at, uint8_t family, uint32_t hook, const char *dev,
		     int32_t first, int32_t last, nsn_set_t set);
/* Leaves by @out: over a veth into the next namespace, or arrives. */
void nsn_w_leave(struct nsn_wat *at, const struct nsn_wlink *out, nsn_set_t set, bool routed);
/* A frame that came in by the link of @at; @admitted: stops before switching and routes. */
nsn_set_t nsn_w_enter(struct nsn_wat *at, nsn_set_t set, bool admitted);
/* Netfilter's number of an address family. */
uint8_t nsn_w_nfproto(uint8_t family);
int nsn_w_run(struct nsn_wrun *r);
nsn_set_t nsn_w_frames(struct nsn_space *s, uint8_t family);
nsn_set_t nsn_w_fresh(struct nsn_space *s, nsn_set_t set, const struct nsn_wlink *in);

/* ---- walk_bridge.c ---------------------------------------------------------------------- */

nsn_set_t nsn_w_bridge_in(struct nsn_wat *at, nsn_set_t set, bool admitted);
/* Of the host, and all behind its ports are outsiders: what IP's chains see of it is known. */
bool nsn_w_bridges_others(const struct nsn_wns *n, const struct nsn_wlink *br);
/* What the machine itself sends through a bridge: L2DST decides. */
nsn_set_t nsn_w_answered(struct nsn_wat *at, struct nsn_wlink *br);
void nsn_w_bridge_out(struct nsn_wat *at, const struct nsn_wlink *br, nsn_set_t set);

/* ---- walk_local.c: IP ------------------------------------------------------------------- */

/* What comes up to IP by @dev; with the frame's destination not looked at yet if @check. */
/* What the machine's own sockets send, whatever it is. */
void nsn_w_sent(struct nsn_wat *at, nsn_set_t set);
nsn_set_t nsn_w_ip_in(struct nsn_wat *at, const struct nsn_wlink *dev, nsn_set_t set, bool check,
		      bool admitted);

/* ---- walk_route.c ----------------------------------------------------------------------- */

struct nsn_wout *nsn_w_route(struct nsn_wat *at, nsn_set_t set);

/* ---- walk_neigh.c ----------------------------------------------------------------------- */

/* To the neighbour on the link of the hop, and out. */
void nsn_w_neigh(struct nsn_wat *at, const struct nsn_wout *out, nsn_set_t set);

/* ---- walk_ct.c: states, translation ----------------------------------------------------- */

/* In which states what comes in may be; those without translation are in the first flows. */
struct nsn_wflow *nsn_w_track(struct nsn_wat *at, nsn_set_t set);
/*
 * Translation of a flow at a hook: PRE_ROUTING and LOCAL_OUT (destination), LOCAL_IN and
 * POST_ROUTING (source). @dev: by which it came or goes, NULL: any. New flows are put behind @f.
 */
void nsn_w_translate(struct nsn_wat *at, struct nsn_wflow *f, uint32_t hook,
		     const struct nsn_wlink *dev);

/* ---- walk_tuple.c: what conntrack keeps of a packet --------------------------------------- */

/* What may open a connection, what is an error about one. */
nsn_set_t nsn_w_opening(struct nsn_space *s, nsn_set_t set, uint8_t family);
nsn_set_t nsn_w_errors(struct nsn_space *s, uint8_t family);
/* Over the tuple and CTMARK only. */
nsn_set_t nsn_w_tuples(struct nsn_space *s, nsn_set_t set, uint8_t family);
/* Tuples of the other direction. @back: of replies those of what they answer. */
nsn_set_t nsn_w_turned(struct nsn_space *s, nsn_set_t tuples, uint8_t family, bool back);
nsn_set_t nsn_w_live(struct nsn_space *s, const struct nsn_vtuple *t, uint32_t mark);

/* ---- walk_entry.c ------------------------------------------------------------------------ */

/* Entries being looked for. */
struct nsn_wmade {
	struct nsn_wat at;
	struct nsn_wct *ct;
	size_t natted;
};

const struct nsn_wct *nsn_w_entries(struct nsn_wat *at);
/* Whether a helper of conntrack may let others through than rules say. */
bool nsn_w_helpers(const struct nsn_vns *ns);
void nsn_w_add(struct nsn_wmade *m, nsn_set_t orig, nsn_set_t reply, const struct nsn_wentry *nat);
/* Without translation, the answer is the tuple turned round: in pieces by destination. */
void nsn_w_add_plain(struct nsn_wmade *m, nsn_set_t orig, unsigned int depth);
nsn_set_t nsn_w_made_hook(struct nsn_wmade *m, uint32_t which, int32_t first, int32_t last,
			  nsn_set_t set);
/* Any packet, by any device. */
nsn_set_t nsn_w_any_packet(struct nsn_wmade *m);

/* ---- walk_mark.c ------------------------------------------------------------------------- */

void nsn_w_marks(struct nsn_wmade *m);

/* ---- walk_one.c ------------------------------------------------------------------------- */

/* Nothing when no packet is followed. */
void nsn_w_tell(struct nsn_wat *at, enum nsn_passed_kind kind, uint32_t link, const char *fmt, ...)
	NSN_PRINTF(4, 5);
void nsn_w_tell_hits(struct nsn_wat *at, const char *hook, struct nsn_trace *t, bool dropped);
/* When one packet is followed: a rule may drop it and may let it go on (`limit`): unsure. */
void nsn_w_doubt(struct nsn_wat *at, const struct nsn_trace *t, nsn_set_t go);
/* When one packet is followed: one of the set. */
nsn_set_t nsn_w_one_of(struct nsn_wat *at, nsn_set_t set);
/* The same of fields that nobody looks at: not unsure. */
nsn_set_t nsn_w_narrow(struct nsn_wat *at, nsn_set_t set);
/* With less TTL: of sets any, they all end somewhere. */
nsn_set_t nsn_w_older(struct nsn_wat *at, nsn_set_t set);

#endif
