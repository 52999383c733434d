/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_COMPILE_COMPILE_H
#define NSN_COMPILE_COMPILE_H

/*
 * compile - what a tenant is to the kernel: objects as plain data. Pure.
 *
 *	workload namespace, /run/netns/TENANT      gateway namespace
 *	  eth0 10.10.1.2/24 ------------------- port nsnN - br0 10.10.1.1/24
 *	  default via 10.10.1.1                  table bridge nsnet: who may send what
 *	                                         table inet nsnet: drop
 *
 * The gateway has no other link: no rule isolates the tenant, the absence of a
 * path does. Everything else here is the second line, for the day on which
 * somebody adds one.
 */
#include "../model/tenant.h"
#include "../object/object.h"

#define NSN_BRIDGE	  "br0"
#define NSN_ENDPOINT_LINK "eth0"
#define NSN_TABLE_NAME	  "nsnet"
#define NSN_NETNS_DIR	  "/run/netns"
#define NSN_NETNS_ETC	  "/etc/netns"
/*
 * Counters of policies: this before the policy's name; and the two of quarantines. Only
 * elements of a map lead to them, so they come and go while the others go on counting.
 */
#define NSN_RULE_COUNTER       "nsnet_rule_"
#define NSN_KEPT_COUNTER       "nsnet_kept"
#define NSN_QUARANTINE_COUNTER "nsnet_drop_quarantine"
/* "nsn" and a link number of at most 12 digits. */
#define NSN_PORT_NAME_SIZE 16

/* Whose objects they are. */
struct nsn_owner {
	const char *store;   /* the store's id, 32 hex digits */
	uint32_t group;	     /* the same for links */
	const char *pin_dir; /* where gateways are pinned */
};

enum nsn_want {
	NSN_WANT_BUILT, /* the working network */
	NSN_WANT_CUT, /* the same, but nothing gets through: two chains drop all, ports are down */
};

/*
 * nsn_compile() - The wanted objects of one tenant
 * @t:     With all ids
 * @border: What crosses its border, and who is in quarantine; NULL: nothing, nobody
 * @owner: Marks
 * @want:  Which state of it
 * @ret:   Empty before; sorted after
 *
 * Return: 0, -ENOMEM, -ERANGE (an id does not fit into a MAC address)
 */
struct nsn_border;
int nsn_compile(const struct nsn_tenant *t, const struct nsn_border *border,
		const struct nsn_owner *owner, enum nsn_want want, struct nsn_state *ret,
		struct nsnet_err *err);

/*
 * An endpoint that is closed for its neighbours in @observed is so in @wanted, too: what opens
 * it is for later. 0, -ENOMEM
 */
int nsn_compile_stay_cut(struct nsn_state *wanted, const struct nsn_state *observed);

/* The comment on the gateway's table: says which store, which tenant. At most 120 bytes. */
#define NSN_MARK_SIZE 128
const char *nsn_compile_mark(const struct nsn_owner *owner, uint64_t tenant, const char *name,
			     char buf[NSN_MARK_SIZE]);
/* Whether a table's comment is a mark of this store; *@tenant is the id in it. */
bool nsn_compile_mark_read(const struct nsn_owner *owner, const char *comment, uint64_t *tenant);

/* PIN_DIR/STORE-ID: the start of the store's id keeps two stores apart. */
#define NSN_PIN_SIZE 512
int nsn_compile_gateway_pin(const struct nsn_owner *owner, uint64_t tenant, char buf[NSN_PIN_SIZE],
			    struct nsnet_err *err);
struct nsn_mac nsn_compile_endpoint_mac(const struct nsn_endpoint *e);
const char *nsn_compile_port(const struct nsn_endpoint *e, char buf[NSN_PORT_NAME_SIZE]);

#endif
