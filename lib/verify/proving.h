/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_PROVING_H
#define NSN_VERIFY_PROVING_H

/*
 * proving - what the files of the prover share; of this folder only
 *
 * prove.c    all tenants; findings of links and processes
 * who.c      which namespace is whose, who is apart
 * sender.c   one tenant's packets, and where they arrive
 * judge.c    what arrives against what policy allows
 * beyond.c   what leaves the machine, what comes in, and the host itself
 * witness.c  one packet of a set, its way, and the rule that let it through
 * gateway.c  what a tenant's own gateway takes in
 * ports.c    T3: what a port admits
 * report.c   pairs, theorems, findings
 * parts.c    tenants in parts, each in a process (parts.h)
 */
#include "asked.h"
#include "prove.h"
#include "walk.h"

/* What untrusted namespaces are joined with each other by links of their own. */
struct nsn_outside {
	size_t *group;	/* by namespace: the first of its group; NSN_NOWHERE for trusted ones */
	size_t *next;	/* by namespace: the next of its group, in a ring */
	size_t *tenant; /* by namespace: index in the intent, or SIZE_MAX */
};

struct nsn_proving {
	const struct nsn_snap *snap;
	const struct nsn_intent *intent;
	const struct nsn_prove_how *how;
	struct nsn_report *report;
	struct nsn_topo topo;
	struct nsn_asked *asked;
	struct nsn_beyond beyond;
	size_t host;  /* its namespace, or NSN_NOWHERE */
	bool *border; /* by tenant: links join it with the host */
	bool any_border;
	struct nsn_outside out;
	struct nsn_space space;
	struct nsn_walk *walk;
	size_t *gateway;	  /* by tenant: its namespace, or NSN_NOWHERE */
	size_t *workloads;	  /* namespaces of workloads, by tenant */
	size_t *first;		  /* by tenant, and one more: where its own begin there */
	size_t *asked_of;	  /* to whom policies let a tenant open something, ascending */
	size_t *asked_first;	  /* by tenant, and one more: where these begin */
	bool *alone;		  /* by tenant: no link leads to anybody else, nor to the host */
	size_t n_joined;	  /* ordered pairs between which some link leads */
	bool *wanted;		  /* by tenant: packets of it are asked about */
	enum nsn_outcome *sender; /* by tenant: the worst that was said of all its packets */
	enum nsn_finding_kind *sender_kind;
	enum nsn_finding_kind unlisted_kind; /* why report->unlisted is what it is */
	struct nsnet_err *err;
	bool no_memory;
};

/* ---- who.c --------------------------------------------------------------------------- */

/* Of @p: snap, intent, how, err. Sets need no space yet. */
int nsn_prepare(struct nsn_proving *p);
void nsn_proving_clear(struct nsn_proving *p); /* all but the space */

/* ---- report.c ------------------------------------------------------------------------ */

/* Says it of a pair; the worst stays. `to` SIZE_MAX: of all pairs of that sender. */
void nsn_say_pair(struct nsn_proving *p, size_t from, size_t to, enum nsn_finding_kind kind);
/* The pair's row, made when it is not there. */
struct nsn_proved_pair *nsn_pair_row(struct nsn_proving *p, size_t from, size_t to);
/* A finding about two tenants (indexes, SIZE_MAX: none); counts for its theorem. */
struct nsn_finding *nsn_say(struct nsn_proving *p, enum nsn_finding_kind kind, size_t from,
			    size_t to);
/* That such a finding breaks its theorem; one that is of none alone breaks all. */
void nsn_say_theorem(struct nsn_proving *p, enum nsn_finding_kind kind);
void nsn_checked(struct nsn_proving *p, unsigned int theorem, size_t n);
const char *nsn_tenant_called(const struct nsn_proving *p, size_t tenant);

/* ---- sender.c -------------------------------------------------------------------------- */

/*
 * Where frames of tenant @a come in: links of trusted namespaces, sorted, each once; also
 * those of whoever it is joined with outside of them. In the memory of @s.
 */
struct nsn_door {
	size_t ns;
	uint32_t link;
	size_t from; /* the namespace behind it */
};
struct nsn_door *nsn_find_doors(struct nsn_proving *p, struct nsn_space *s, size_t a, size_t *n);
/* All that tenant @a can send. Jumps out of the space when the budget ends. */
void nsn_prove_sender(struct nsn_proving *p, size_t a);
/*
 * Whether one endpoint of tenant @a may open everything to another, in both families: then frames
 * of any kind may pass. By their namespaces; false for one that is no endpoint's.
 */
bool nsn_may_all(struct nsn_proving *p, size_t a, size_t from_ns, size_t to_ns);

/* ---- judge.c --------------------------------------------------------------------------- */

/* What policy lets @a open to @b, and what of @b's answers comes back, as sets that arrive. */
struct nsn_allowed {
	size_t b;
	uint8_t family;
	bool all;	  /* within a tenant: everything */
	nsn_set_t open;	  /* original direction: SRC in a, DST in b */
	nsn_set_t answer; /* reply direction of what b may open: SRC in a, DST in b */
	nsn_set_t about;  /* DST of errors that belong to something allowed */
};
/* Either, not both, may be NSN_SIDE_*. */
void nsn_allow(struct nsn_proving *p, size_t a, size_t b, uint8_t family, struct nsn_allowed *ret);

/* What of an arrival at an endpoint of @b is not allowed. */
struct nsn_excess {
	nsn_set_t fresh; /* new, invalid, untracked */
	nsn_set_t flow;	 /* of a connection */
};
void nsn_judge_flow(struct nsn_proving *p, const struct nsn_allowed *may, nsn_set_t arrived,
		    nsn_set_t at_home, struct nsn_excess *ret);
/* The same of an arrival that is at no endpoint: outside, at the host. */
void nsn_judge_out(struct nsn_proving *p, const struct nsn_allowed *may, nsn_set_t arrived,
		   struct nsn_excess *ret);
/* Packets whose destination is the endpoint's own address (of @family). */
nsn_set_t nsn_own_addresses(struct nsn_space *s, const struct nsn_endpoint *e, uint8_t family,
			    enum nsn_field f);

/* ---- beyond.c --------------------------------------------------------------------------- */

bool nsn_is_beyond(const struct nsn_proving *p, size_t side);
/* What policy lets @a and @b open to each other, one of which is NSN_SIDE_*. */
int nsn_beyond_boxes(struct nsn_proving *p, size_t from, size_t to, struct nsn_boxes *ret);
/* As nsn_allow(), where one is NSN_SIDE_*. */
void nsn_allow_beyond(struct nsn_proving *p, size_t a, size_t b, uint8_t family,
		      struct nsn_allowed *ret);
/* Those of answers to what may be opened. */
nsn_set_t nsn_answers_to(struct nsn_space *s, nsn_set_t open, uint8_t family);
/* Sources that may leave the machine: the host's own. */
nsn_set_t nsn_host_sources(struct nsn_proving *p, uint8_t family);
/* What outsiders and the host itself send to tenants. Jumps as nsn_prove_sender(). */
void nsn_prove_beyond(struct nsn_proving *p, size_t side);

/* ---- gateway.c --------------------------------------------------------------------------- */

/* What a tenant's own gateway may take in. */
nsn_set_t nsn_gateway_answers(struct nsn_space *s, uint8_t family);
/*
 * Whether its rules for what it takes in may let through more than that: asked of who is joined
 * with nobody, and so is not walked otherwise.
 */
bool nsn_gateway_takes(struct nsn_proving *p, size_t a);

/* ---- witness.c ------------------------------------------------------------------------- */

/* Adds to @x: a realistic packet of @set, its way, the rule, and what would close it. */
void nsn_witness(struct nsn_proving *p, struct nsn_finding *x, size_t a,
		 const struct nsn_arrival *at, nsn_set_t set);
/* "10.1.0.2 -> 10.2.0.3 tcp/22" */
#define NSN_PACKET_STRLEN 160
const char *nsn_packet_str(const struct nsn_packet *p, char buf[NSN_PACKET_STRLEN]);

/* "inet nsnet chain admit handle 41 'comment': accept" */
const char *nsn_hit_str(const struct nsn_hit *h, char *buf, size_t size);

/* ---- ports.c ---------------------------------------------------------------------------- */

/* T3: no port of the tenant admits a source that is not its endpoint's. */
void nsn_prove_ports(struct nsn_proving *p, size_t a);

#endif
