/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_MODEL_POLICY_H
#define NSN_MODEL_POLICY_H

/*
 * policy - who may open connections to whom, checked and normalised. Pure.
 *
 * A policy is one sentence: allow or deny, these ports, from these peers, to
 * those. Their order never matters; quarantine stands above deny, deny above
 * allow, and what nobody allows is denied. A rule is about who may *open* a
 * connection: replies and the ICMP errors that belong to it follow by its state.
 * (The kernel's firewall rules are struct nsn_rule, object/nft.h.)
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/ip.h"
#include "tenant.h"

/* ---- peers ---------------------------------------------------------------------- */

enum nsn_peer_kind {
	NSN_PEER_TENANT,   /* customer1: all endpoints of it */
	NSN_PEER_ENDPOINT, /* customer1/db */
	NSN_PEER_LABEL,	   /* label:tier=gold: all tenants that carry it */
	NSN_PEER_TENANTS,  /* every tenant */
	NSN_PEER_INTERNET, /* globally reachable unicast addresses on no link of the host */
	NSN_PEER_HOST,	   /* services of the host itself */
	NSN_PEER_ANY,	   /* all of these */
	NSN_PEER_CIDR,	   /* 192.168.0.0/16, 10.9.8.7: addresses beyond the host, of no tenant */
};

struct nsn_peer {
	enum nsn_peer_kind kind;
	char tenant[NSN_NAME_MAX + 1];	 /* tenant, endpoint */
	char endpoint[NSN_NAME_MAX + 1]; /* endpoint */
	struct nsn_label label;
	struct nsn_prefix cidr; /* a single address is a prefix of full length */
};

#define NSN_PEER_STRLEN (2 * NSN_LABEL_MAX + 16)

/*
 * Return: 0, or -EINVAL with BAD_PEER and what is wrong; a host name is
 * DNS_PEER with the hint to use a CIDR or a proxy tenant
 */
int nsn_peer_parse(struct nsn_peer *ret, const char *text, struct nsnet_err *err);
/* As it is written in a file. */
const char *nsn_peer_str(const struct nsn_peer *p, char buf[NSN_PEER_STRLEN]);
bool nsn_peer_same(const struct nsn_peer *a, const struct nsn_peer *b);
/* Tenants, endpoints and labels are within the machine: a cable can join them. */
bool nsn_peer_is_tenants(const struct nsn_peer *p);

/*
 * What of all addresses is the internet: of the entries that an address is in, the
 * longest decides (IANA's special-purpose registries, and what is no unicast). What is
 * on a link of the host is not, whatever this says.
 */
struct nsn_reach {
	struct nsn_prefix net;
	bool global;
};
const struct nsn_reach *nsn_reach_table(size_t *n);

/* ---- ports ---------------------------------------------------------------------- */

enum nsn_proto {
	NSN_PROTO_ANY, /* all of IP */
	NSN_PROTO_TCP, /* with a range of ports */
	NSN_PROTO_UDP,
	NSN_PROTO_SCTP,
	NSN_PROTO_ECHO, /* ICMP and ICMPv6 echo requests: icmp/echo */
	NSN_PROTO_ICMP, /* all of ICMP and ICMPv6: icmp, icmp/any */
};

/* `first` to `last` of tcp, udp, sctp: 0 to 65535 are all. 0 with the others. */
struct nsn_ports {
	enum nsn_proto proto;
	uint16_t first, last;
};

#define NSN_PORTS_STRLEN 24

/* tcp/443, udp/53, tcp/8000-8100, tcp, icmp/echo, icmp, any. 0, or -EINVAL (BAD_PORT). */
int nsn_ports_parse(struct nsn_ports *ret, const char *text, struct nsnet_err *err);
const char *nsn_ports_str(const struct nsn_ports *p, char buf[NSN_PORTS_STRLEN]);
bool nsn_ports_same(const struct nsn_ports *a, const struct nsn_ports *b);

/* ---- flows ---------------------------------------------------------------------- */

/* FROM -> TO [PORTS]; without ports: any. As in `expect:` and `keep:`. */
struct nsn_flow {
	struct nsn_peer from, to;
	struct nsn_ports ports;
};

#define NSN_FLOW_STRLEN (2 * NSN_PEER_STRLEN + NSN_PORTS_STRLEN + 8)

/* 0, or -EINVAL (BAD_FLOW, or as for peers and ports). */
int nsn_flow_parse(struct nsn_flow *ret, const char *text, struct nsnet_err *err);
const char *nsn_flow_str(const struct nsn_flow *f, char buf[NSN_FLOW_STRLEN]);

/* ---- publish ---------------------------------------------------------------------- */

/*
 * `publish:`, the address and port of the host that lead to a policy's endpoint. The port
 * of the endpoint, and the protocol, are the policy's only `ports`.
 */
struct nsn_publish {
	uint16_t port;	  /* of the host; 0: the policy publishes nothing */
	struct nsn_ip ip; /* family 0: every address of the host, both families; 0.0.0.0 or ::
			     every one of that family; loopback: for the host alone */
};

#define NSN_PUBLISH_STRLEN (NSN_IP_STRLEN + 10)

/* 443, 203.0.113.10:443, 0.0.0.0:443, [::]:443, 127.0.0.1:8080. 0, or -EINVAL (BAD_PUBLISH) */
int nsn_publish_parse(struct nsn_publish *ret, const char *text, struct nsnet_err *err);
/* As it is written in a file; "" for nothing. */
const char *nsn_publish_str(const struct nsn_publish *p, char buf[NSN_PUBLISH_STRLEN]);
bool nsn_publish_same(const struct nsn_publish *a, const struct nsn_publish *b);
/* Whether both would have one address and port of the host. The protocol is not looked at. */
bool nsn_publish_clash(const struct nsn_publish *a, const struct nsn_publish *b);
/* Whether it is on loopback: reached from the host alone. */
bool nsn_publish_is_local(const struct nsn_publish *p);
/* Whether the internet could reach it: the port of every address, or a global one. */
bool nsn_publish_is_global(const struct nsn_publish *p);

/* ---- policies ------------------------------------------------------------------- */

#define NSN_TEXT_MAX	 255 /* of `because` and `owner`: bytes of UTF-8 without control characters */
#define NSN_LIST_MAX	 64 /* peers on one side, or ports, of one policy */
#define NSN_POLICIES_MAX 65536

enum nsn_log { NSN_LOG_NONE, NSN_LOG_NEW, NSN_LOG_ALL };

#define NSN_NUMBER_MAX 65000

struct nsn_policy {
	uint64_t id;	 /* 0: not stored yet */
	uint32_t number; /* 1 to NSN_NUMBER_MAX, no two have the same: in marks of connections */
	char name[NSN_NAME_MAX + 1];
	bool deny;  /* else it allows */
	bool audit; /* `mode: audit`: counts and logs what it would deny, and denies nothing */
	enum nsn_log log;
	struct nsn_peer *from, *to; /* one of each matches */
	size_t n_from, n_to;
	struct nsn_ports *ports;
	size_t n_ports;
	struct nsn_publish publish;
	bool implied; /* it follows from a tenant's `dns`, and goes with it (store/implied.c) */
	char because[NSN_TEXT_MAX + 1], owner[NSN_TEXT_MAX + 1];
	int64_t expires; /* seconds since 1970, the instant at which it ends; 0: never */
	struct nsn_origin origin;
};

/* Leaves @p empty; NULL is fine. */
void nsn_policy_clear(struct nsn_policy *p);
int nsn_policy_copy(struct nsn_policy *ret, const struct nsn_policy *p, struct nsnet_err *err);

/*
 * A time (2027-06-30T12:00:00Z) or a date: 2027-06-30 is the midnight, UTC, with which
 * that day begins, the earlier of the two that it could mean. Not the first second of
 * 1970, which is "never". 0, or -EINVAL (BAD_TIME).
 */
int nsn_time_parse(int64_t *ret, const char *text, struct nsnet_err *err);
#define NSN_TIME_STRLEN 32
/* As it is written in a file, a midnight as a date; "never" for 0. */
const char *nsn_time_str(int64_t at, char buf[NSN_TIME_STRLEN]);

/*
 * What a policy must be as a whole, once its parts are parsed: a name, both
 * sides, ports; nothing twice; what allows across a border says because. Who is
 * outside reaches an endpoint by `publish` alone: what allows it has that, and what
 * has it allows one port of one endpoint, to nobody but the host, the internet and
 * networks (BAD_PUBLISH).
 * Return: 0, or -EINVAL with BAD_RULE, BAD_PUBLISH
 */
int nsn_policy_check(const struct nsn_policy *p, struct nsnet_err *err);

/* Whether both say the same; if not, @buf gets the first difference in words. Origins do not count.
 */
bool nsn_policy_same(const struct nsn_policy *have, const struct nsn_policy *want, char *buf,
		     size_t size);

/* Whether both are in force and would have one address and port of the host. */
bool nsn_publish_conflict(const struct nsn_policy *a, const struct nsn_policy *b, int64_t now);
/* -EEXIST (PUBLISH_CONFLICT): @p cannot have what @other publishes, with where that was written. */
int nsn_publish_refuse(const struct nsn_policy *p, const struct nsn_policy *other,
		       struct nsnet_err *err);

struct nsn_publish_pair {
	const struct nsn_policy *one, *other; /* in the order of the list */
};
/*
 * All that clash with one of the list, once each: free(*@ret), also on failure. 0 or -ENOMEM
 */
int nsn_publish_pairs(struct nsn_publish_pair **ret, size_t *n_ret, const struct nsn_policy *list,
		      size_t n, int64_t now);

/*
 * nsn_dns_rule() - What follows from a tenant's `dns`: it may ask exactly these
 *
 * Made for policy files and the store alike, with the name that is tried first.
 * Return: 1, or 0 when no rule is needed (@ret stays as it is), -ENOMEM
 */
int nsn_dns_rule(struct nsn_policy *ret, const struct nsn_tenant *t, struct nsnet_err *err);
/* TENANT-dns; with @nr, when that is somebody else's, TENANT-dns-2 and so on. */
void nsn_dns_rule_name(const char *tenant, unsigned int nr, char buf[NSN_NAME_MAX + 1]);

/* ---- quarantine ----------------------------------------------------------------- */

/*
 * All of a tenant's or endpoint's borders are closed but for the flows that are kept; an
 * endpoint's also towards its neighbours, and with `inside: allow` nothing is kept of that.
 */
struct nsn_quarantine {
	struct nsn_peer who; /* a tenant, an endpoint or a label */
	int64_t since;	     /* seconds since 1970; 0: not said */
	char because[NSN_TEXT_MAX + 1];
	struct nsn_flow *keep;
	size_t n_keep;
	struct nsn_origin origin;
};

void nsn_quarantine_clear(struct nsn_quarantine *q);

/* ---- what is wanted, and the answer ------------------------------------------------- */

struct nsn_expect {
	bool can;
	struct nsn_flow flow;
	uint32_t line; /* in its file */
	char file[256];
};

struct nsn_about;

/* All that is said about who may talk to whom. Borrowed, not owned. */
struct nsn_intent {
	const struct nsn_tenant *tenants;
	size_t n_tenants;
	const struct nsn_policy *policies;
	size_t n_policies;
	const struct nsn_quarantine *quarantines;
	size_t n_quarantines;
	int64_t now; /* seconds since 1970: policies that have expired do not count */
	/*
	 * What is on links of the host and thereby not the internet; none is not NULL and 0.
	 * NULL: not known, so that `internet` is neither sure to have an address (can) nor sure
	 * not to (cannot).
	 */
	const struct nsn_prefix *links;
	size_t n_links;
	/* The host's own addresses, of which none is the internet or a network's; as `links`. */
	const struct nsn_ip *host;
	size_t n_host;
	const struct nsn_about *about; /* of this very intent (about.h), or NULL */
};

enum nsn_verdict { NSN_DENIED, NSN_ALLOWED };

enum nsn_reason {
	NSN_WHY_SAME_TENANT, /* endpoints of one tenant, inside: allow */
	NSN_WHY_INSIDE_DENY, /* endpoints of one tenant, and no policy allows it */
	NSN_WHY_ALLOW,	     /* `policy` allows it */
	NSN_WHY_DENY,	     /* `policy` denies it */
	NSN_WHY_QUARANTINE,  /* one side is in `quarantine` */
	NSN_WHY_KEPT,	     /* in quarantine, and kept */
	NSN_WHY_NO_RULE,     /* nobody allows it */
};

struct nsn_answer {
	enum nsn_verdict verdict;
	enum nsn_reason reason;
	const struct nsn_policy *policy;	 /* or NULL */
	const struct nsn_quarantine *quarantine; /* or NULL */
	/* One pair of the flow's for which this is the answer: indexes, or SIZE_MAX for what is no
	 * tenant, and for the endpoint of a tenant that has none yet. */
	size_t from_tenant, from_endpoint, to_tenant, to_endpoint;
};

/*
 * nsn_intent_ask() - May this flow be opened?
 *
 * A flow names many pairs of endpoints (and many ports). @can: whether *all* of
 * them may; then the answer is the first that may not, or any. Else whether *none*
 * may; then it is the first that may, or any. So `expect: can` wants
 * ask(can).verdict == NSN_ALLOWED, and `cannot` ask(!can).verdict == NSN_DENIED.
 *
 * Pairs of an endpoint and itself are left out, and those of two peers that are no
 * tenants: nsnet does not stand between them. A flow without any pair (a label that
 * nobody carries) is denied. The quarantines of both sides stand for themselves: what
 * one keeps the other does not. Rules in audit mode and of the time before do nothing.
 *
 * Return: 0; -EINVAL (UNKNOWN_PEER) for a tenant or endpoint that is not there, (BAD_FLOW)
 * for a flow between two peers that are no tenants; -ENOMEM
 */
int nsn_intent_ask(struct nsn_answer *ret, const struct nsn_intent *intent,
		   const struct nsn_flow *flow, bool can, struct nsnet_err *err);

#endif
