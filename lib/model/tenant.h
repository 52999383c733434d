/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_MODEL_TENANT_H
#define NSN_MODEL_TENANT_H

/*
 * tenant - what a user wants, checked and normalised. Pure.
 *
 * A tenant is an isolation domain: a name, one IPv4 subnet and, if wanted, one
 * IPv6 prefix. An endpoint is one attachment to its network. Numbers come from
 * the store and are never given twice: everything in the kernel is named after
 * them, because the kernel lets go of a deleted link only tens of milliseconds
 * later.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/ip.h"

#define NSN_NAME_MAX 32
/* MAC addresses carry an id in five bytes. */
#define NSN_ID_MAX ((UINT64_C(1) << 40) - 1)
/* A port is called "nsn" and its number: 15 characters, all that a link can have. */
#define NSN_LINK_MAX UINT64_C(999999999999)
/* The endpoint that is pinned under the tenant's own name. */
#define NSN_DEFAULT_ENDPOINT "default"

/* A bridge has 1,023 ports (BR_MAX_PORTS, net/bridge/br_private.h: 10 bits, 0 is no port). */
#define NSN_ENDPOINTS_MAX 1023
#define NSN_MTU_DEFAULT	  1500
#define NSN_MTU_MIN	  576
/* IPv6 does not work below (RFC 8200). */
#define NSN_MTU_MIN6 1280
#define NSN_MTU_MAX  65535
#define NSN_RATE_MIN UINT64_C(8000) /* bits a second */
/* The kernel takes no limit above 18.4 GB/s (nft_limit_init() would overflow). */
#define NSN_RATE_MAX UINT64_C(100000000000) /* 100 gbit */

/*
 * What each endpoint may open across its tenant's border: connections a second, and how
 * many are open at once. Without more words these, for a border that nobody has looked
 * at has to hold, too; 32,768 are more than a Linux client has ports for.
 */
#define NSN_NEW_FLOWS_DEFAULT  4000
#define NSN_NEW_FLOWS_MAX      1000000
#define NSN_OPEN_FLOWS_DEFAULT 32768
/* As many as the connections that one gateway has room for on most machines. */
#define NSN_OPEN_FLOWS_MAX 262144

/* Where something was written; not compared. All strings may be "". */
struct nsn_origin {
	char set[NSN_NAME_MAX + 1]; /* the set of files that it came with; "": by a command */
	char file[256];
	uint32_t line;
	char sha256[65]; /* of the file, in hex */
	uint32_t uid;	 /* who did it */
	int64_t at;	 /* seconds since 1970 */
};

struct nsn_endpoint {
	uint64_t id;   /* 0: not stored yet */
	uint64_t link; /* number of its port, a new one each time the port is made */
	bool fresh;    /* inserted in the open transaction */
	char name[NSN_NAME_MAX + 1];
	struct nsn_ip ip;  /* family 0: still to be allocated */
	struct nsn_ip ip6; /* the same; always 0 in a tenant without IPv6 */
	bool fixed;	   /* `ip` was chosen by the user: a new subnet does not move it */
	bool fixed6;
	bool declared; /* it came with a file, whose set may take it away again */
	uint64_t rate; /* bits a second, each way; 0: no limit */
};

#define NSN_LABEL_MAX  63
#define NSN_LABELS_MAX 32
struct nsn_label {
	char key[NSN_LABEL_MAX + 1];
	char value[NSN_LABEL_MAX + 1];
};

/* A user of this machine, as useradd(8) would take the name. */
#define NSN_OWNER_MAX  32
#define NSN_OWNERS_MAX 32
struct nsn_user {
	char name[NSN_OWNER_MAX + 1];
};

/* Who answers the tenant's questions for names. */
enum nsn_dns_kind {
	NSN_DNS_UNSET,	  /* not said: resolv.conf has nothing in it, as before there was `dns` */
	NSN_DNS_NONE,	  /* said: nobody */
	NSN_DNS_SERVERS,  /* addresses */
	NSN_DNS_ENDPOINT, /* an endpoint, of this or another tenant */
};
/* resolv.conf(5) has no more (MAXNS). */
#define NSN_DNS_MAX 3
struct nsn_dns {
	enum nsn_dns_kind kind;
	/*
	 * Of an endpoint: the addresses that it had when the tenant was read from the store, or
	 * nsn_dns_resolve() was called; they are no part of what is said.
	 */
	struct nsn_ip servers[NSN_DNS_MAX];
	size_t n;
	char tenant[NSN_NAME_MAX + 1], endpoint[NSN_NAME_MAX + 1];
};

/* What a definition says; what it does not say is not compared by nsn_tenant_same(). */
enum {
	NSN_GIVEN_SUBNET = 1 << 0, /* not `auto` */
	NSN_GIVEN_SUBNET6 = 1 << 1,
	NSN_GIVEN_MTU = 1 << 2,
	NSN_GIVEN_RATE = 1 << 3,
	NSN_GIVEN_INSIDE = 1 << 4,
	NSN_GIVEN_LABELS = 1 << 5,
	NSN_GIVEN_OWNERS = 1 << 6,
	NSN_GIVEN_ENDPOINTS = 1 << 7,
	NSN_GIVEN_NEW_FLOWS = 1 << 8,
	NSN_GIVEN_OPEN_FLOWS = 1 << 9,
	NSN_GIVEN_DNS = 1 << 10,
};

struct nsn_tenant {
	uint64_t id; /* 0: not stored yet */
	char name[NSN_NAME_MAX + 1];
	struct nsn_prefix
		subnet;	       /* family 0 with a length: `auto` of that length, not chosen yet */
	struct nsn_ip gateway; /* family 0: to be allocated */
	struct nsn_prefix subnet6; /* family 0 and length 0: IPv6 is off; with a length: as above */
	struct nsn_ip gateway6;
	uint32_t mtu;
	bool inside_deny;    /* endpoints may not talk to each other */
	uint64_t rate;	     /* bits a second for all endpoints together, each way; 0: no limit */
	uint32_t new_flows;  /* of each endpoint, a second; 0: no limit */
	uint32_t open_flows; /* of each endpoint, at once; 0: no limit */
	struct nsn_dns dns;
	struct nsn_label *labels; /* by key */
	size_t n_labels;
	struct nsn_user *owners; /* by name */
	size_t n_owners;
	int64_t created;		/* seconds since 1970 */
	struct nsn_endpoint *endpoints; /* in the order in which they were made */
	size_t n_endpoints;
	struct nsn_origin origin;
	unsigned int given; /* NSN_GIVEN_*; all of it in a tenant from the store */
};

/* Leaves @t empty; NULL is fine. Does not free @t itself. */
void nsn_tenant_clear(struct nsn_tenant *t);

/*
 * Return: 0, or -EINVAL with BAD_NAME, the rule that was broken and, where
 * there is one, the nearest good name as the hint
 */
int nsn_tenant_name_check(const char *name, struct nsnet_err *err);

/* The shape alone, ^[a-z][a-z0-9-]{0,30}[a-z0-9]$: reserved words (`default`) pass. */
bool nsn_name_ok(const char *name);

/*
 * Return: 0, or -EINVAL with BAD_SUBNET and what is wrong; host bits get the
 * corrected form as the hint
 */
int nsn_subnet_parse(struct nsn_prefix *ret, const char *text, struct nsnet_err *err);

/* The same for IPv6: /48 to /126, global or unique local unicast. */
int nsn_subnet6_parse(struct nsn_prefix *ret, const char *text, struct nsnet_err *err);

/* What a label and the name of an owner may be, as BAD_LABEL and useradd(8) say. */
bool nsn_label_ok(const char *key, const char *value);
bool nsn_owner_ok(const char *name);

/*
 * nsn_tenant_parse() - A definition as a tenant
 *
 * `auto` subnets and addresses stay open (family 0). Without endpoints in the
 * definition there is one, `default`. Ids are 0. Clear it with
 * nsn_tenant_clear(). A list that is there and empty was said, but for that of
 * endpoints. The error's `where` is the definition's.
 *
 * Return: 0, or -EINVAL with BAD_NAME, BAD_SUBNET, BAD_ADDRESS, BAD_RATE,
 * BAD_LABEL, BAD_DNS or BAD_SETTING; -EEXIST (ENDPOINT_EXISTS: a name is there twice),
 * -EOVERFLOW (TOO_MANY)
 */
int nsn_tenant_parse(struct nsn_tenant *ret, const struct nsnet_tenant_def *def,
		     struct nsnet_err *err);

/* The same for one endpoint. @tenant is for the messages ("customer1/db"). */
int nsn_endpoint_parse(struct nsn_endpoint *ret, const char *tenant,
		       const struct nsnet_endpoint_def *def, struct nsnet_err *err);

/* A tenant of that name and subnet with the endpoint `default`, addresses allocated. */
int nsn_tenant_init(struct nsn_tenant *ret, const char *name, const char *subnet,
		    struct nsnet_err *err);

/* The endpoint of that name, or NULL. */
struct nsn_endpoint *nsn_tenant_endpoint(const struct nsn_tenant *t, const char *name);
/* Appends one. 0, or -EOVERFLOW (TOO_MANY: 1,023 ports), -EEXIST (ENDPOINT_EXISTS), -ENOMEM. */
int nsn_tenant_endpoint_add(struct nsn_tenant *t, const struct nsn_endpoint *e,
			    struct nsnet_err *err);
/* Takes the endpoint at @index out. */
void nsn_tenant_endpoint_del(struct nsn_tenant *t, size_t index);

/*
 * nsn_tenant_allocate() - Give addresses to whom has none
 *
 * The gateway gets the first of each subnet; then fixed addresses are checked
 * (inside, not the network's, broadcast's or gateway's, nobody has two), then
 * the automatic ones are given out, lowest free first. IPv6 has no broadcast
 * address; its first (the subnet-router anycast address) is not given out.
 * A tenant without IPv6 has none of its addresses afterwards. All or nothing.
 *
 * Return: 0, or -EINVAL (BAD_ADDRESS, BAD_DNS), -EEXIST (ADDRESS_TAKEN), -ENOSPC
 * (POOL_FULL: names the subnet, how many it has, and the next larger as hint),
 * -EOVERFLOW (TOO_MANY)
 */
int nsn_tenant_allocate(struct nsn_tenant *t, struct nsnet_err *err);

/*
 * nsn_tenant_apply() - Apply one setting to a copy of a stored tenant
 * @key:   subnet, subnet6, mtu, rate, new-flows, open-flows, inside, label, owners, dns
 * @value: As in a definition. `none` (subnet6, rate, new-flows, open-flows, owners, dns)
 *         takes it away; label is K=V, or `K=` to take it away
 *
 * A new subnet moves the gateway and the automatic addresses; fixed ones stay
 * when they can be used in it, else all of those that cannot are named and it is
 * refused. Addresses are left open for nsn_tenant_allocate(), and a subnet of
 * `auto` for the store. Without IPv6 nobody has a fixed address of it any more.
 * On failure @t is as it was.
 *
 * Return: 0, or -EINVAL (BAD_SETTING with a did-you-mean, or as for the
 * definition), -EBUSY (ADDRESS_FIXED)
 */
int nsn_tenant_apply(struct nsn_tenant *t, const char *key, const char *value,
		     struct nsnet_err *err);

/* "10mbit", "1gbit", "500kbit", "64000bit", "none": bits a second. 0, or -EINVAL (BAD_RATE). */
int nsn_rate_parse(uint64_t *ret, const char *text, struct nsnet_err *err);
#define NSN_RATE_STRLEN 32
/* The shortest exact form: "1500kbit"; "none" for 0. Parses back to the same. */
const char *nsn_rate_str(uint64_t rate, char buf[NSN_RATE_STRLEN]);

/*
 * A limit of flows: 1 to @max, or "none", which is 0. @what: "new-flows", "open-flows".
 * 0, or -EINVAL (BAD_SETTING).
 */
int nsn_flows_parse(uint32_t *ret, const char *what, const char *text, uint32_t max,
		    struct nsnet_err *err);
#define NSN_FLOWS_STRLEN 12
/* "4000"; "none" for 0. */
const char *nsn_flows_str(uint32_t flows, char buf[NSN_FLOWS_STRLEN]);

/*
 * Up to three addresses with commas between them, TENANT/ENDPOINT, or "none". 0, or -EINVAL
 * (BAD_DNS): also for what answers nobody but the host itself, or nobody at all.
 */
int nsn_dns_parse(struct nsn_dns *ret, const char *text, struct nsnet_err *err);
#define NSN_DNS_STRLEN 160
/* As it is written; "none" also for what is not said. */
const char *nsn_dns_str(const struct nsn_dns *d, char buf[NSN_DNS_STRLEN]);
/* What is not said is like none. */
bool nsn_dns_same(const struct nsn_dns *a, const struct nsn_dns *b);
/* Whether the tenant can reach its servers: -EINVAL (BAD_DNS), in an IPv6 that it lacks, its own */
int nsn_dns_check(const struct nsn_tenant *t, struct nsnet_err *err);
/* Whether it is an endpoint of the tenant itself. */
bool nsn_dns_is_own(const struct nsn_tenant *t);
void nsn_dns_resolve(struct nsn_dns *d, const struct nsn_endpoint *e);
/* Whom the tenant asks, for resolv.conf: none of a family that it has not. Returns how many. */
size_t nsn_dns_servers(const struct nsn_tenant *t, struct nsn_ip ret[NSN_DNS_MAX]);

/* Copies into an empty @ret. */
int nsn_tenant_copy(struct nsn_tenant *ret, const struct nsn_tenant *t, struct nsnet_err *err);

/*
 * Whether a tenant is as @want, a definition, says; ids and times do not count,
 * nor does what the definition does not say. If not, @buf gets the first
 * difference in words ("subnet 10.1.0.0/24, not 10.2.0.0/24").
 */
bool nsn_tenant_same(const struct nsn_tenant *have, const struct nsn_tenant *want, char *buf,
		     size_t size);

/*
 * The same for one endpoint: `auto` is like any automatic address, but not like
 * a fixed one, which would not move with its subnet. An `auto` prefix of a
 * definition is like any, too.
 */
bool nsn_endpoint_same(const struct nsn_endpoint *have, const struct nsn_endpoint *want, char *buf,
		       size_t size);

/* Fills @index with pointers to @n tenants, sorted by name; those of one name in their order. */
void nsn_tenants_by_name(const struct nsn_tenant **index, const struct nsn_tenant *tenants,
			 size_t n);
/* The tenant of that name in such an index, or NULL. */
const struct nsn_tenant *nsn_tenants_find(const struct nsn_tenant *const *index, size_t n,
					  const char *name);

/* Usable addresses of the IPv4 subnet: all but network and broadcast address. */
uint64_t nsn_tenant_capacity(const struct nsn_tenant *t);

/* How the workload namespace is called in /run/netns: TENANT, or TENANT.ENDPOINT. */
#define NSN_NETNS_NAME_SIZE (2 * NSN_NAME_MAX + 2)
const char *nsn_endpoint_netns_name(const struct nsn_tenant *t, const struct nsn_endpoint *e,
				    char buf[NSN_NETNS_NAME_SIZE]);

#endif
