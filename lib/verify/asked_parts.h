/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_ASKED_PARTS_H
#define NSN_VERIFY_ASKED_PARTS_H

/*
 * asked_parts - what is said, by whom it is about, and one pair. Of asked*.c only.
 */
#include "asked.h"

/*
 * What a peer names is one key: a tenant's number, behind these the labels that any
 * sentence names, and last all tenants. A tenant has its own key, those of its labels and
 * the last; so what is about a tenant is found under few keys.
 */
struct nsn_asked_who {
	size_t key;
	size_t endpoint; /* SIZE_MAX: all of the tenant's */
};

struct nsn_asked_side {
	struct nsn_asked_who *who; /* who is no tenant is left out */
	size_t n;
};

/* A policy in force, or a flow that a quarantine keeps. */
struct nsn_said {
	const struct nsn_policy *policy;
	const struct nsn_quarantine *kept;
	const struct nsn_flow *flow; /* that is kept */
	struct nsn_asked_side from, to;
	const struct nsn_ports *ports;
	size_t n_ports;
};

/* A quarantine's kept flows are said[first .. first + n_keep - 1]. */
struct nsn_closed {
	struct nsn_asked_who who;
	size_t first, n_keep;
	const struct nsn_quarantine *quarantine;
};

struct nsn_list {
	size_t *v;
	size_t n;
};

struct nsn_asked {
	const struct nsn_intent *in;
	size_t *by_name; /* tenants, sorted by name */
	const struct nsn_label **labels;
	size_t n_labels, n_keys, every;
	struct nsn_list *keys; /* of each tenant */
	struct nsn_said *said;
	size_t n_said;
	struct nsn_closed *closed;
	size_t n_closed;
	struct nsn_list *from, *to; /* of each key: sentences that name it */
	struct nsn_list *border;    /* of each key: quarantines that name it */
	struct nsn_list *carry;	    /* of each key: the tenants that have it */
};

/* Room for one more; it doubles whenever @n is a power of two, so nobody has to remember it. */
int nsn_asked_grow(void **list, size_t n, size_t size, struct nsnet_err *err);
bool nsn_asked_has_key(const struct nsn_asked *a, size_t tenant, size_t key);
/* Whether it names that endpoint. SIZE_MAX: one of the tenant that nobody names alone. */
bool nsn_asked_names(const struct nsn_asked *a, const struct nsn_asked_who *w, size_t tenant,
		     size_t endpoint);
/* The first of a side that names some of the tenant, or NULL. */
const struct nsn_asked_who *nsn_asked_first(const struct nsn_asked *a,
					    const struct nsn_asked_side *s, size_t tenant);

/* ---- one pair ---------------------------------------------------------------------------- */

#define NSN_FAMILIES 2
extern const uint8_t nsn_families[NSN_FAMILIES];

/* One pair of tenants that is looked at. */
struct nsn_pair {
	const struct nsn_asked *a;
	size_t from, to;
	struct nsn_boxes *ret;
	struct nsnet_err *err;
};

int nsn_pair_add(struct nsn_pair *p, struct nsn_box **list, size_t *n, const struct nsn_box *box);
/* All addresses of a tenant, or of one endpoint of it. False: none of that family. */
bool nsn_pair_span(const struct nsn_tenant *t, size_t endpoint, uint8_t family,
		   struct nsn_range *ret);
/* All there is between the two. False: nothing of that family. */
bool nsn_pair_whole(const struct nsn_pair *p, uint8_t family, struct nsn_box *ret);
/* What of @b is in @by too. False: nothing. */
bool nsn_box_narrow(struct nsn_box *b, const struct nsn_box *by);
/* What of @within the sentence speaks of, as boxes: every peer, every port, is one more. */
int nsn_pair_said(struct nsn_pair *p, const struct nsn_said *s, const struct nsn_box *within,
		  struct nsn_box **list, size_t *n);
/* What @p says of protocol and ports, of the box's family. */
void nsn_box_ports(struct nsn_box *b, const struct nsn_ports *p);

/* A part of a tenant that quarantines treat alike. */
struct nsn_asked_part {
	size_t endpoint; /* in quarantine by its name; SIZE_MAX: what is between these */
	struct nsn_range span;
};
/* asked_closed.c: malloc()ed, ascending. */
int nsn_asked_cut(const struct nsn_asked *a, const struct nsn_list *closed, size_t tenant,
		  uint8_t family, struct nsn_asked_part **ret, size_t *n, struct nsnet_err *err);
/* asked_closed.c: what quarantines take away, and what they keep. */
int nsn_pair_close(struct nsn_pair *p, bool inside);

#endif
