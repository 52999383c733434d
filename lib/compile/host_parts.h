/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_COMPILE_HOST_PARTS_H
#define NSN_COMPILE_HOST_PARTS_H

/*
 * host_parts - what the files of host share. Private to these.
 *
 *	host.c		the whole of it; ends of uplinks; whose an object is
 *	host_rules.c	chains: always the same ones, whoever the tenants are
 *	host_sets.c	sets and maps, and what all share of what is in them
 *	host_tenant.c	what is in them of one tenant
 *	host_open.c	what policies open, as the host's table has it
 *	host_settings.c	forwarding
 *
 * All that make objects return 0, -ENOMEM or -E2BIG.
 */
#include "host.h"

#define NSN_UPLINKS "nsn" /* what names of uplinks begin with */

/* Sets; each but those of two families is there twice, as "..4" and "..6". */
#define SET_FROM	  "nsnet_from"		/* uplink, source: who comes by it */
#define SET_QUOTED	  "nsnet_quoted"	/* the same: who was sent what an error quotes */
#define SET_FAR		  "nsnet_far"		/* uplink, the host's address on it */
#define SET_HOST	  "nsnet_host"		/* the host's addresses */
#define SET_SERVICE	  "nsnet_service"	/* uplink, protocol, port: what `to: host` opens */
#define SET_PING	  "nsnet_ping"		/* uplink: echo requests to the host */
#define SET_NETWORK	  "nsnet_network"	/* uplink, destination: networks in policies */
#define SET_INTERNET	  "nsnet_internet"	/* uplink: the internet */
#define SET_LINKED	  "nsnet_linked"	/* source, destination: networks on links */
#define SET_EGRESS	  "nsnet_egress"	/* link, gateway: where the internet is */
#define SET_EGRESS_LINK	  "nsnet_egress_link"	/* link: the same, without a gateway */
#define SET_GUARD	  "nsnet_guard"		/* link: forwards because of us */
#define SET_GUARD_FAMILY  "nsnet_guard_family"	/* family: all links do */
#define MAP_PUBLISHED	  "nsnet_published"	/* address, protocol, port: address, port */
#define MAP_PUBLISHED_ALL "nsnet_published_all" /* protocol, port: the same */
#define MAP_OWN		  "nsnet_own"		/* what the host itself may open */
#define MAP_OWN_ALL	  "nsnet_own_all"

/* A name and its family's digit. */
#define SET_OF(name, six) ((six) ? name "6" : name "4")

/* What policies open for one tenant, in one family, for any of its endpoints. */
struct nsn_host_port {
	uint8_t proto, proto_last;
	uint16_t port, port_last;
};

struct nsn_host_open {
	bool ping; /* the host */
	bool internet;
	struct nsn_host_port *services; /* of the host; disjoint */
	size_t n_services;
	struct nsn_range *networks; /* disjoint, in order */
	size_t n_networks;
};

/* The gateway tells endpoints apart: here is what one of them may. Free with _clear(). */
int nsn_host_open(struct nsn_host_open *ret, const struct nsn_host_wanted *w,
		  const struct nsn_host_tenant *t, uint8_t family);
void nsn_host_open_clear(struct nsn_host_open *o);

/* Whether a policy publishes an endpoint of the tenant now. */
bool nsn_host_publishes(const struct nsn_host_wanted *w, const struct nsn_policy *p,
			const struct nsn_tenant *t);
/* To whom: to the host itself; to others. */
void nsn_host_publishes_to(const struct nsn_policy *p, bool *host, bool *others);
/* Whether the tenant publishes on an IPv4 loopback address. */
bool nsn_host_on_loopback(const struct nsn_host_wanted *w, const struct nsn_tenant *t);

/* What leaves the machine: what has to be forwarded. Of all tenants. */
struct nsn_host_ways {
	bool internet[2];	    /* by family, IPv4 first */
	struct nsn_range *networks; /* disjoint, in order; those of IPv4 first */
	size_t n;
};
int nsn_host_ways(struct nsn_host_ways *ret, const struct nsn_host_wanted *w);
void nsn_host_ways_clear(struct nsn_host_ways *ways);
/* Whether anything is routed over the tenant's uplink. */
bool nsn_host_routes(const struct nsn_host_wanted *w, const struct nsn_tenant *t);

/* Puts ranges in order and joins those that meet. Returns how many are left. */
size_t nsn_host_merge(struct nsn_range *list, size_t n);

/* A default route, or one half of it, as tunnels have. */
bool nsn_host_is_default(const struct nsn_host_route *r);
/* The host has IPv6, and so has the tenant. */
bool nsn_host_six(const struct nsn_host_wanted *w, const struct nsn_tenant *t);

int nsn_host_table(struct nsn_state *s, const struct nsn_transit *transit,
		   const struct nsn_owner *owner);
int nsn_host_sets(struct nsn_state *s);

/* An element. Of a set without ranges `end` does not count; @data_len 0: it is no map. */
struct nsn_host_elem {
	const char *set;
	uint8_t key[40], end[40];
	uint32_t len;
	uint8_t data[20];
	uint32_t data_len;
	const char *comment;
};
/* One more field of the key, padded to four bytes. */
void nsn_host_field(struct nsn_host_elem *e, const void *first, const void *last, uint32_t len);
void nsn_host_field_name(struct nsn_host_elem *e, const char *name);
void nsn_host_field_range(struct nsn_host_elem *e, const struct nsn_range *r);
void nsn_host_field_ip(struct nsn_host_elem *e, const struct nsn_ip *ip);
int nsn_host_put(struct nsn_state *s, const struct nsn_host_elem *e);
int nsn_host_put_name(struct nsn_state *s, const char *set, const char *name);
int nsn_host_put_name_ip(struct nsn_state *s, const char *set, const char *name,
			 const struct nsn_ip *ip);

/* Elements that all share; those of one tenant. */
int nsn_host_shared(struct nsn_state *s, const struct nsn_host_wanted *w,
		    const struct nsn_host_ways *ways);
int nsn_host_elements(struct nsn_state *s, const struct nsn_host_wanted *w,
		      const struct nsn_host_tenant *t);
/* The link that an element of our table is about; 0: none. */
uint64_t nsn_host_element_of(const struct nsn_elem *e, const struct nsn_host_tenant *tenants,
			     size_t n_tenants);
/* The number in "nsn9"; 0: it is no such name. */
uint64_t nsn_host_link_number(const char *name);

/* Whether the link forwards, and we made it so: between links of the host it shall not. */
bool nsn_host_guards(const struct nsn_host_wanted *w, const struct nsn_host_ways *ways,
		     const struct nsn_host_link *l, uint8_t family);
/* Whether we made all links forward IPv6, also those that are not there yet. */
bool nsn_host_guards_all6(const struct nsn_host_wanted *w, const struct nsn_host_ways *ways);
/* Whether a link can be told to forward IPv6 (kernel 6.17). */
bool nsn_host_has_force6(const struct nsn_hostview *v);
int nsn_host_settings(struct nsn_state *s, const struct nsn_host_wanted *w,
		      const struct nsn_host_ways *ways, enum nsn_host_state state);

#endif
