/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_OBJECT_OBJECT_H
#define NSN_OBJECT_OBJECT_H

/*
 * object - everything nsnet puts into the kernel, as plain data. Pure.
 *
 * Wanted state (from the compiler) and observed state (from dumps) are both a
 * list of these objects, so that the planner compares like with like. Each
 * object has a place (which namespace), a key (what makes it the same object)
 * and values (what may differ).
 *
 * A new kind of object is: a value here, a row in the table of object.c, and a
 * row in the table of lib/sync/apply.c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/ip.h"
#include "../base/text.h"
#include "nft.h"

enum nsn_role {
	NSN_GATEWAY,  /* the tenant's router namespace; no workload runs in it */
	NSN_ENDPOINT, /* a workload namespace */
	NSN_FAR,      /* the gateway of another tenant, as far as a cable's end is in it */
	NSN_HOST,     /* the host's own namespace: ends of uplinks, and one table */
};

/* A namespace of one tenant. @id is the endpoint's, the other tenant's, 0 for the gateway. */
struct nsn_place {
	enum nsn_role role;
	uint64_t id;
};

bool nsn_place_same(struct nsn_place a, struct nsn_place b);
int nsn_place_cmp(struct nsn_place a, struct nsn_place b);

/*
 * In the order in which they are made: settings that links are born with and
 * the rules stand before there is a link, links come up last, and a namespace
 * gets its name when everything in it is right. Removing goes the other way
 * round: links go down first.
 */
enum nsn_kind {
	NSN_OBJ_NETNS,
	NSN_OBJ_SYSCTL,
	NSN_OBJ_TABLE,
	NSN_OBJ_COUNTER,
	NSN_OBJ_LIMIT,
	NSN_OBJ_SET,
	NSN_OBJ_ELEM,
	NSN_OBJ_CHAIN,
	NSN_OBJ_LINK,
	NSN_OBJ_PORT,
	NSN_OBJ_CONF, /* a sysctl of a link that is not to be as `default` says */
	NSN_OBJ_FDB,
	NSN_OBJ_ADDR,
	NSN_OBJ_NEIGH,
	NSN_OBJ_UP,
	NSN_OBJ_ROUTE,
	NSN_OBJ_RULE, /* `ip rule`: which table of routes, and so the way that it opens */
	NSN_OBJ_FILE,
	NSN_OBJ_PIN,
	NSN_OBJ_KINDS /* how many */
};

struct nsn_sysctl {
	const char *path; /* below /proc/sys, with slashes: names may contain dots */
	const char *value;
	bool optional; /* a kernel without this setting is fine */
	bool first;    /* to be written before the others: changing it changes those */
	/*
	 * One of the link's own, which the kernel tells along with the link: 4 or 6, and its
	 * place in nsn_link.conf. 0: it has to be read.
	 */
	uint8_t version, conf;
};

struct nsn_table {
	uint8_t family; /* NFPROTO_* */
	const char *name;
	const char *comment; /* carries the owner's mark */
	uint32_t flags;	     /* NFT_TABLE_F_*; ours have none: a dormant one filters nothing */
};

struct nsn_counter {
	uint8_t family;
	const char *table, *name;
	uint64_t packets, bytes; /* observed; not compared */
};

/*
 * A rate that a rule compares with. What it is (unit, type, flags) cannot be
 * changed in the kernel, so a limit with other values has another name.
 */
struct nsn_limit {
	uint8_t family;
	const char *table, *name;
	uint64_t rate;	/* per `unit` seconds */
	uint64_t unit;	/* 1: a second */
	uint32_t burst; /* bytes */
	uint32_t type;	/* NFT_LIMIT_PKT_BYTES */
	uint32_t flags; /* NFT_LIMIT_F_INV: it matches what is over the limit */
};

#define NSN_NFT_FIELDS 16 /* in a concatenation */
/* The size that the kernel itself gives to a set with NFT_SET_EVAL when a rule first uses it. */
#define NSN_NFT_SIZE_USUAL 65535

struct nsn_set {
	uint8_t family;
	const char *table, *name;
	uint32_t flags;	   /* NFT_SET_* */
	uint32_t key_type; /* nft's numbers of the types, six bits each; the kernel only keeps it */
	uint32_t key_len;
	uint32_t data_type, data_len; /* with NFT_SET_MAP; verdicts: NFT_DATA_VERDICT and 0 */
	uint32_t obj_type;	      /* with NFT_SET_OBJECT: NFT_OBJECT_* */
	const uint8_t *udata;	      /* for nft: how to print it. May be NULL */
	size_t udata_len;
	/* With NFT_SET_CONCAT, which goes with NFT_SET_INTERVAL: bytes of each field of the key,
	 * without padding. */
	uint8_t fields[NSN_NFT_FIELDS], n_fields;
	uint32_t size;	  /* the most elements; 0: any number. With NFT_SET_EVAL */
	uint64_t timeout; /* of elements, in ms; 0: none. With NFT_SET_TIMEOUT */
};

/*
 * One element. Its key is what the rule loads into registers, each part padded to
 * 4 bytes. Those of a set with NFT_SET_EVAL are made by packets: none is an object.
 */
struct nsn_elem {
	uint8_t family;
	const char *table, *set;
	const uint8_t *key;
	const uint8_t *key_end; /* the last of an interval, of the same length; NULL: only `key` */
	uint32_t key_len;
	uint32_t key_type;  /* as the set's, for words only; 0: not said */
	const char *object; /* what a map of objects maps to, else "" */
	/* What a map of verdicts maps to: NF_ACCEPT, NF_DROP, NFT_JUMP..., and to which chain. */
	bool has_verdict;
	int32_t verdict;
	const char *chain;   /* NULL: none */
	const uint8_t *data; /* what any other map maps to; NULL: nothing */
	uint32_t data_len;
	const char *comment; /* shown by `nft list ruleset`; NULL: none */
	bool odd;	     /* observed: has more to it than we ever write; never equal */
};

struct nsn_chain {
	uint8_t family;
	const char *table, *name, *type; /* type "": not a base chain */
	uint32_t hook;
	int32_t priority;
	uint32_t policy; /* NF_ACCEPT, NF_DROP */
	const struct nsn_rule *rules;
	size_t n_rules;
};

enum nsn_link_type { NSN_LINK_BRIDGE, NSN_LINK_VETH, NSN_LINK_LOOPBACK, NSN_LINK_OTHER };

struct nsn_link {
	enum nsn_link_type type;
	const char *type_name; /* the kernel's word for it */
	struct nsn_mac mac;
	uint32_t mtu;
	uint32_t group;	    /* the owner's mark */
	const char *master; /* "" for none */
	/* bridge */
	bool stp, mcast_snooping;
	/* veth: where the other end is, and its name there. "" when it is nowhere we look. */
	struct nsn_place peer_at;
	const char *peer;
	bool far; /* wanted: made by the request that makes the peer */
	/* observed; not compared */
	int32_t index, peer_index, peer_nsid;
	bool up;
	uint64_t rx_bytes, tx_bytes;
	/* Its settings below net/ipv4/conf and net/ipv6/conf, in the kernel's order. */
	const int32_t *conf4, *conf6;
	size_t n_conf4, n_conf6;
};

/* Flags of a bridge port, IFLA_BRPORT_*. */
enum {
	NSN_PORT_HAIRPIN = 1 << 0,
	NSN_PORT_GUARD = 1 << 1, /* a BPDU takes the port down for good */
	NSN_PORT_ROOT_BLOCK = 1 << 2,
	NSN_PORT_FAST_LEAVE = 1 << 3,
	NSN_PORT_LEARNING = 1 << 4,
	NSN_PORT_FLOOD = 1 << 5,
	NSN_PORT_PROXY_ARP = 1 << 6,
	NSN_PORT_PROXY_ARP_WIFI = 1 << 7,
	NSN_PORT_MCAST_FLOOD = 1 << 8,
	NSN_PORT_MCAST_TO_UNICAST = 1 << 9,
	NSN_PORT_BCAST_FLOOD = 1 << 10,
	NSN_PORT_NEIGH_SUPPRESS = 1 << 11,
	NSN_PORT_ISOLATED = 1 << 12,
	NSN_PORT_LOCKED = 1 << 13, /* only sources with a static entry on this port */
	NSN_PORT_FLAGS = 14	   /* how many */
};

/*
 * Marks our routes, as in `ip route show proto 78`: a number that neither
 * rtnetlink.h nor iproute2's rt_protos gives to anybody.
 */
#define NSN_RTPROT 78

/*
 * A rule of `ip rule`: all of it is its key, as in the kernel, where two that differ
 * in the table or only in the protocol stand beside each other.
 */
struct nsn_fibrule {
	uint8_t family; /* AF_INET, AF_INET6 */
	uint32_t priority;
	uint32_t mark, mask; /* of the packet; mask 0: any */
	const char *iif;     /* "": any. Need not be there: it is not `link` */
	uint8_t action;	     /* FR_ACT_TO_TBL, FR_ACT_BLACKHOLE... */
	uint32_t table;	     /* with FR_ACT_TO_TBL */
	uint8_t protocol;    /* NSN_RTPROT: ours */
	bool odd;	     /* observed: has more to it than we ever write; never ours */
};

/* The first line of our files begins so, the id of the store follows. */
#define NSN_FILE_MARK "# made by nsnet, store "

/* A file below /etc/netns: what a workload sees as its own. */
struct nsn_file {
	const char *path;
	const char *text;
	bool ours; /* observed: it begins with the mark of ours (in wanted ones: true) */
};

struct nsn_object {
	enum nsn_kind kind;
	struct nsn_place at;
	/* The link it belongs to (a link's is its own name), or "". */
	const char *link;
	union {
		struct nsn_sysctl sysctl;
		struct nsn_table table;
		struct nsn_counter counter;
		struct nsn_limit limit;
		struct nsn_set set;
		struct nsn_elem elem;
		struct nsn_chain chain;
		struct nsn_link dev;
		uint32_t port_flags; /* NSN_OBJ_PORT */
		struct nsn_mac fdb;  /* NSN_OBJ_FDB: static, on port `link` */
		struct {
			struct nsn_prefix prefix;
			struct nsn_ip peer; /* family 0: none, as with all of ours */
			uint8_t protocol;   /* NSN_RTPROT: ours; not compared */
		} addr;			    /* NSN_OBJ_ADDR */
		struct {
			struct nsn_ip ip;
			struct nsn_mac mac;
			uint8_t protocol; /* NSN_RTPROT: ours; not compared */
		} neigh;		  /* NSN_OBJ_NEIGH: permanent */
		struct {
			struct nsn_prefix dst;
			struct nsn_ip via;
			uint8_t protocol;
			uint32_t table; /* 0: main */
			uint8_t type;	/* 0: unicast; RTN_BLACKHOLE...: `link` is "" */
			bool onlink;	/* `via` is there, whatever the other routes say */
		} route; /* NSN_OBJ_ROUTE, out of `link`; `via` family 0: on the link */
		struct nsn_fibrule rule;
		struct nsn_file file;
		const char *pin; /* NSN_OBJ_PIN: the file that holds the namespace */
	} u;
};

/* The word for a kind: "netns", "link", ... */
const char *nsn_kind_name(enum nsn_kind kind);

/* Orders by kind, place and key. 0: the same object, perhaps with other values. */
int nsn_object_cmp(const struct nsn_object *a, const struct nsn_object *b);

/* Whether two objects with the same key also have the same values. @a is the wanted one. */
bool nsn_object_same(const struct nsn_object *a, const struct nsn_object *b);

/* The name of the nft table it is in, and its family; NULL for what is in none. */
const char *nsn_object_table(const struct nsn_object *o, uint8_t *family);

/* The object in words, from @arena; NULL without memory. */
char *nsn_object_str(const struct nsn_object *o, struct nsn_arena *arena);

/* ---- a list of objects ------------------------------------------------------ */

/* Objects and all they point to live in the arena. Start as { 0 }. */
struct nsn_state {
	struct nsn_object *objects;
	size_t n, cap;
	struct nsn_arena arena;
};

void nsn_state_clear(struct nsn_state *s);
/*
 * Adds an object: zeroed but for kind, place and link, valid until the next add.
 * NULL: no memory.
 */
struct nsn_object *nsn_state_add(struct nsn_state *s, enum nsn_kind kind, struct nsn_place at,
				 const char *link);
/* Keeps those for which @keep says so, in their order. */
void nsn_state_filter(struct nsn_state *s,
		      bool (*keep)(const struct nsn_object *o, const void *arg), const void *arg);
/* Sorts by nsn_object_cmp(); lookups need it. */
void nsn_state_sort(struct nsn_state *s);
/* The object with the same key as @like, or NULL. */
const struct nsn_object *nsn_state_find(const struct nsn_state *s, const struct nsn_object *like);
/* The objects of one kind at one place: the first; @n is how many follow each other. */
const struct nsn_object *nsn_state_at(const struct nsn_state *s, enum nsn_kind kind,
				      struct nsn_place at, size_t *n);
const struct nsn_object *nsn_state_link(const struct nsn_state *s, struct nsn_place at,
					const char *name);

#endif
