/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_H
#define NSNET_H

/*
 * nsnet - tenant networks that are isolated because there is no path
 *
 * This is the whole public interface of libnsnet. It depends on nothing, so
 * any layer below may include it for its types.
 *
 * Conventions
 *   A function returns 0 or a negative errno. On failure it fills @err (which
 *   may be NULL) and leaves its outputs alone; on success @err is untouched.
 *   What a function hands out through a `**ret` belongs to the caller, who
 *   gives it back with the matching `_free()`; those take NULL. Strings got
 *   from an object live as long as that object.
 *   The library prints nothing, never exits and keeps no global state. A
 *   handle belongs to one thread at a time. Functions that look into a network
 *   namespace move the *calling thread* there and back: if the way back fails
 *   they say so with NSNET_E_STRANDED, and the thread must not go on.
 *   All functions that change something need root (CAP_SYS_ADMIN and
 *   CAP_NET_ADMIN in the initial user namespace).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that runs, as "0.1.0". */
const char *nsnet_version(void);

/* ---- errors -------------------------------------------------------------- */

/*
 * Stable reasons. X(symbol, name, exit status, explanation): the name is what
 * users see in brackets and in JSON, the exit status is what `nsnet` ends
 * with, the explanation is what `nsnet help NAME` prints.
 */
#define NSNET_CODES(X)                                                                             \
	X(USAGE, 2, "The command line was not understood. `nsnet help` lists the commands.")       \
	X(BAD_NAME, 2,                                                                             \
	  "A tenant name has 2 to 32 characters out of a-z, 0-9 and '-', starts with a letter "    \
	  "and does not end with '-'. A few words that the policy language needs are reserved.")   \
	X(BAD_SUBNET, 2,                                                                           \
	  "A subnet is an IPv4 network such as 10.10.1.0/24 (/8 to /30) or, for `--subnet6`, an "  \
	  "IPv6 one such as fd00:1::/64 (/48 to /126): no host bits, and not from a range that "   \
	  "cannot be used for hosts (loopback, link-local, multicast). `auto` takes one that "     \
	  "overlaps nothing.")                                                                     \
	X(BAD_ADDRESS, 2,                                                                          \
	  "An endpoint's address is one address of the tenant's subnet, or `auto`: not the "       \
	  "network's, the broadcast's or the gateway's, which is the first.")                      \
	X(BAD_RATE, 2,                                                                             \
	  "A rate is a number and one of bit, kbit, mbit, gbit (powers of 1000, per second), "     \
	  "8kbit to 100gbit, or `none`.")                                                          \
	X(BAD_LABEL, 2,                                                                            \
	  "A label is KEY=VALUE: the key out of a-z, 0-9, '.' and '-', the value out of "          \
	  "letters, digits, '.', '_' and '-', up to 63 characters each.")                          \
	X(BAD_SETTING, 2,                                                                          \
	  "The value of an option or setting of a tenant does not fit. `tenant set` takes "        \
	  "KEY=VALUE with the keys subnet, subnet6, mtu, rate, new-flows, open-flows, inside, "    \
	  "label, "                                                                                \
	  "owners and dns.")                                                                       \
	X(BAD_PEER, 2,                                                                             \
	  "A peer is TENANT, TENANT/ENDPOINT, label:KEY=VALUE, tenants, internet, host, any, or "  \
	  "an address or network such as 192.168.0.0/16.")                                         \
	X(DNS_PEER, 2,                                                                             \
	  "Names of hosts are no peers: what they lead to changes while nobody looks. Use a "      \
	  "network, or a tenant of your own with a proxy.")                                        \
	X(BAD_PORT, 2,                                                                             \
	  "Ports are tcp/443, udp/53, tcp/8000-8100, tcp, udp, sctp, icmp/echo, icmp or any.")     \
	X(BAD_PUBLISH, 2,                                                                          \
	  "What is published is an address and port of the host, as in 203.0.113.10:443, "         \
	  "[::]:443 or 8080, of a rule that allows one port of one endpoint.")                     \
	X(BAD_DNS, 2,                                                                              \
	  "`dns` is up to three addresses of name servers, a TENANT/ENDPOINT, or none. The "       \
	  "host's own 127.0.0.53 is reached by no tenant.")                                        \
	X(BAD_FLOW, 2, "A flow is FROM -> TO PORTS, as in customer1/app -> shared/dns udp/53.")    \
	X(BAD_TIME, 2,                                                                             \
	  "A time is 2027-06-30T12:00:00Z, or a date such as 2027-06-30, which is the midnight "   \
	  "(UTC) with which that day begins.")                                                     \
	X(BAD_RULE, 2, "A rule lacks something, or its parts contradict each other.")              \
	X(UNKNOWN_KEY, 2, "The file has a key that its map does not know.")                        \
	X(UNKNOWN_PEER, 2, "A rule names a tenant or endpoint that is not there.")                 \
	X(NO_FILE, 2, "A file or folder of policies cannot be read, or has none in it.")           \
	X(BROAD_RULE, 0,                                                                           \
	  "A warning: a rule allows all protocols from or to all tenants, and never ends.")        \
	X(SHADOWED, 0, "A warning: a rule has no effect, because another one covers all of it.")   \
	X(EXPIRED, 0, "A warning: the time at which a rule ends is past.")                         \
	X(BAD_SNAPSHOT, 2,                                                                         \
	  "The file is no snapshot that `nsnet snapshot` wrote, or it was changed since: its "     \
	  "hash is not that of what is in it.")                                                    \
	X(BAD_FILE, 2,                                                                             \
	  "A file of tenants or policies is YAML (a strict subset: no anchors, tags, duplicate "   \
	  "keys, one document) or JSON: `nsnet: 1` and `tenants:` with a name and its settings "   \
	  "each, or `rules:`. `nsnet export` prints one, nsnet-policy(5) explains it.")            \
	X(UNSAFE_PATH, 3,                                                                          \
	  "A folder or file that nsnet must be able to trust belongs to somebody else, can be "    \
	  "written by others, or is not what it should be.")                                       \
	X(WRONG_NETNS, 3,                                                                          \
	  "The state folder belongs to another host network namespace than the one the command "   \
	  "runs in. Its tenants cannot be managed from here.")                                     \
	X(STORE_NEWER, 3,                                                                          \
	  "The state folder was written by a newer nsnet. Nothing was changed; use that version.") \
	X(STORE_BROKEN, 3, "The database in the state folder is damaged or not nsnet's.")          \
	X(STORE_IO, 3, "The database in the state folder could not be read or written.")           \
	X(NOT_DURABLE, 3,                                                                          \
	  "The kernel was changed as asked, but the store could not be written: another change, "  \
	  "`nsnet repair` or a reboot would bring the old state back. Only what closes is done "   \
	  "so; what opens is not done at all.")                                                    \
	X(KERNEL, 3, "The kernel refused a step. What was done before it was undone.")             \
	X(UNSURE, 3,                                                                               \
	  "The answer of the kernel was lost and reading its state again did not settle it. "      \
	  "`nsnet repair` looks again.")                                                           \
	X(STRANDED, 3, "The thread could not return to its own network namespace.")                \
	X(NO_MEMORY, 3, "There was not enough memory.")                                            \
	X(IO, 3, "A file could not be read or written.")                                           \
	X(INTERNAL, 3, "nsnet contradicted itself. Please report it.")                             \
	X(NO_TENANT, 4, "There is no tenant of this name.")                                        \
	X(NO_ENDPOINT, 4, "The tenant has no endpoint of this name.")                              \
	X(NO_RULE, 4, "There is no rule of this name.")                                            \
	X(NO_GENERATION, 4, "No state of this generation is kept.")                                \
	X(NOTHING_TO_CONFIRM, 4, "No change waits for a confirmation.")                            \
	X(NO_QUARANTINE, 4, "The tenant, endpoint or label is not in quarantine.")                 \
	X(TENANT_EXISTS, 5, "The tenant exists and `--must-create` was given.")                    \
	X(TENANT_DIFFERS, 5, "A tenant of this name exists with other settings.")                  \
	X(ENDPOINT_EXISTS, 5, "The endpoint exists and `--must-create` was given.")                \
	X(ENDPOINT_DIFFERS, 5, "An endpoint of this name exists with other settings.")             \
	X(RULE_EXISTS, 5, "The rule exists and `--must-create` was given.")                        \
	X(PUBLISH_CONFLICT, 5,                                                                     \
	  "A program of the host listens on the address and port, or another rule has "            \
	  "published something there.")                                                            \
	X(HOST_FOREIGN, 5,                                                                         \
	  "The host's namespace has a table `inet nsnet` that another store, or somebody else, "   \
	  "has made.")                                                                             \
	X(NO_EGRESS, 5, "The host has no route that leads where the rule shall lead.")             \
	X(RULE_DIFFERS, 5, "A rule of this name exists and says something else.")                  \
	X(RULE_IMPLIED, 5, "The rule follows from a tenant's `dns`: it comes and goes with that.") \
	X(ADDRESS_TAKEN, 5, "Another endpoint of the tenant, or its gateway, has this address.")   \
	X(ADDRESS_FIXED, 5,                                                                        \
	  "Endpoints have addresses that were chosen for them and are not in the new subnet. "     \
	  "Automatic addresses move along, these do not.")                                         \
	X(SUBNET_OVERLAP, 5,                                                                       \
	  "A rule would connect two tenants whose subnets overlap, or would call one whose "       \
	  "addresses stand for another there. Give one of them another subnet.")                   \
	X(TENANT_NAMED, 5, "Rules name the tenant. `tenant del --with-rules` removes them, too.")  \
	X(OTHER_SET, 5,                                                                            \
	  "Another set of files owns it. A set changes only what is its own, so that two do not "  \
	  "take it from each other. Remove it there first, or give both the same `name:`.")        \
	X(EXPECTATION, 1,                                                                          \
	  "What the files expect would not hold, so nothing was done. `nsnet plan -f` says why.")  \
	X(PRUNE_TENANTS, 5,                                                                        \
	  "Tenants with endpoints would be removed because no file has them any more. Say how "    \
	  "many with `--prune-tenants`.")                                                          \
	X(POOL_FULL, 5, "All addresses of the subnet, or all subnets of the pool, are taken.")     \
	X(TOO_MANY, 5,                                                                             \
	  "A tenant has at most 1,023 endpoints: that is what a bridge has ports. A host has at "  \
	  "most 65,000 rules.")                                                                    \
	X(PIN_FOREIGN, 5,                                                                          \
	  "/run/netns/NAME exists and was not made for this tenant. nsnet never takes over what "  \
	  "it did not make.")                                                                      \
	X(LATER_CHANGES, 5,                                                                        \
	  "There were other changes since the last apply, which going back would undo, too. Name " \
	  "the generation: `nsnet rollback --list` shows them.")                                   \
	X(NEEDS_YES, 5, "The command would remove more than one object and was not confirmed.")    \
	X(NOT_PERMITTED, 6, "The command needs root.")                                             \
	X(NOT_CONFIRMED, 8, "The change was not confirmed in time and was rolled back.")           \
	X(UNCONFIRMED, 5,                                                                          \
	  "A change waits for its confirmation. `nsnet confirm` keeps it, `nsnet rollback` "       \
	  "takes it back.")                                                                        \
	X(TIMED_OUT, 8, "Another nsnet held the state folder for too long.")                       \
	X(BAD_RUN, 2, "An option of `run` has a value that cannot be, or lacks one it goes with.") \
	X(BAD_USER, 2,                                                                             \
	  "`--user` is a number or a name of the workload's /etc/passwd, and may have a group: "   \
	  "1000, www-data, 1000:1000. Numbers inside go from 0 to 65535.")                         \
	X(BAD_ID_MAP, 2,                                                                           \
	  "`--map-user INSIDE:HOST` lets one number inside stand for one of the host that nobody " \
	  "has: not in use by an account, /etc/subuid, another map or a process.")                 \
	X(BAD_VOLUME, 2,                                                                           \
	  "A volume is SRC:DST or SRC:DST:ro: a folder or file of the host, and an absolute path " \
	  "inside. Root's files are never mapped, and nothing of the kernel's or nsnet's own.")    \
	X(BAD_ROOTFS, 2, "`--rootfs` is a folder with the root of a file system.")                 \
	X(BAD_CAPABILITY, 2, "There is no capability of this name. capabilities(7) lists them.")   \
	X(BAD_SECCOMP, 2, "`--seccomp` takes a profile in the OCI runtime's JSON form.")           \
	X(BAD_DESCRIPTOR, 2,                                                                       \
	  "A descriptor cannot be given to a workload: folders, O_PATH, namespaces, the kernel's " \
	  "own files and sockets that see other networks lead out of it.")                         \
	X(NEEDS_REASON, 2, "An opt-out of isolation is given only with `--because`.")              \
	X(NOT_SHAREABLE, 2,                                                                        \
	  "The network and the mounts of the host are never shared: nothing of a tenant would be " \
	  "left.")                                                                                 \
	X(DANGEROUS, 2, "Two opt-outs that together give the host away need `--dangerous`, too.")  \
	X(ID_SPACE, 5,                                                                             \
	  "All ranges of user numbers for tenants have been given out. They are not used again, "  \
	  "because files may still have them.")                                                    \
	X(SPAWN, 3, "A workload could not be started. What was made for it is gone.")              \
	X(NOT_ISOLATED, 3, "A namespace of a workload is shared, and no opt-out says so.")         \
	X(NO_WORKLOAD, 4, "There is no workload of this name.")                                    \
	X(CANNOT_RUN, 126, "The command was found but could not be started.")                      \
	X(NO_COMMAND, 127, "The command was not found.")

enum nsnet_code {
	NSNET_E_NONE = 0,
#define NSNET_CODE_ENUM(name, exit, help) NSNET_E_##name,
	NSNET_CODES(NSNET_CODE_ENUM)
#undef NSNET_CODE_ENUM
		NSNET_E_COUNT
};

/**
 * struct nsnet_err - Why an operation failed, in words for the operator
 * @code:  Negative errno; 0 while nothing has failed
 * @id:    The stable reason
 * @msg:   One line, outermost context first: what was asked and failed, the
 *         values in conflict, the kernel's own words
 * @where: The object it is about, or ""
 * @hint:  A command or value that can be pasted, or ""
 *
 * It lives on the caller's stack: nothing to free, and it still works when the
 * failure is running out of memory. Start it as { 0 }.
 */
struct nsnet_err {
	int code;
	enum nsnet_code id;
	char msg[512];
	char where[128];
	char hint[256];
};

/* The name of a reason ("BAD_NAME"), "" for NSNET_E_NONE. */
const char *nsnet_code_name(enum nsnet_code id);
/* The exit status that goes with it. */
int nsnet_code_exit(enum nsnet_code id);
/* A sentence or two for `nsnet help NAME`. */
const char *nsnet_code_help(enum nsnet_code id);
/* The reason of that name, NSNET_E_NONE when there is none. */
enum nsnet_code nsnet_code_find(const char *name);

/* ---- an open state folder -------------------------------------------------- */

struct nsnet;

#define NSNET_DEFAULT_STATE_DIR "/var/lib/nsnet"
#define NSNET_DEFAULT_RUN_DIR	"/run/nsnet"

/**
 * nsnet_open() - Open a state folder, making it when it is not there
 * @ret:       The handle
 * @state_dir: Where the wanted state lives; NULL means NSNET_DEFAULT_STATE_DIR
 * @run_dir:   Where gateways are pinned; NULL means NSNET_DEFAULT_RUN_DIR
 * @err:       Filled on failure
 *
 * Both folders are made with mode 0700 (their parents must exist). One state
 * folder belongs to the host network namespace it was first used in, until
 * the next boot.
 *
 * Return: 0, or -EPERM (NOT_PERMITTED, UNSAFE_PATH), -EXDEV (WRONG_NETNS),
 * -EPROTO (STORE_NEWER), -EIO (STORE_BROKEN, STORE_IO), -ENOMEM
 */
int nsnet_open(struct nsnet **ret, const char *state_dir, const char *run_dir,
	       struct nsnet_err *err);
void nsnet_close(struct nsnet *n);

/*
 * How many damaged pages of the store were found since it was opened, and mended from its
 * second copy. Nothing is lost by then, but the disk is worth a look.
 */
unsigned int nsnet_mended(const struct nsnet *n);

/* ---- what a change did ----------------------------------------------------- */

enum nsnet_outcome {
	NSNET_UNCHANGED, /* wanted and found already agreed */
	NSNET_CREATED,	 /* it is new */
	NSNET_REPAIRED,	 /* it was there, the kernel had drifted */
	NSNET_CHANGED,	 /* its settings are others now */
	NSNET_REMOVED,	 /* it is gone */
};

/* Flags of the functions that change something. */
enum {
	NSNET_DRY_RUN = 1 << 0,	    /* say what would be done, do nothing */
	NSNET_MUST_CREATE = 1 << 1, /* an identical object is an error, too */
	NSNET_WITH_RULES = 1 << 2,  /* of tenant del: also the rules that name it */
	NSNET_PRUNE = 1 << 3,	    /* of apply: what the files do not have any more goes */
	NSNET_DIFF_ONLY = 1 << 4,   /* of apply, with DRY_RUN: do not look into the kernel */
	NSNET_CHECK_ONLY = 1 << 5,  /* of tenants add: only whether they would be refused */
	NSNET_ONE_OF_MANY = 1 << 6, /* of tenant del: see there */
	NSNET_PROVE = 1 << 7,	    /* of apply: what opens and closes is proved */
};

/*
 * A change has one item per tenant (or endpoint) touched (or that would be, under
 * NSNET_DRY_RUN). An item has the steps taken in the kernel, in order, and
 * notes: things worth knowing that are no errors.
 */
struct nsnet_change;

void nsnet_change_free(struct nsnet_change *c);
size_t nsnet_change_items(const struct nsnet_change *c);
const char *nsnet_change_tenant(const struct nsnet_change *c, size_t item);
/* The endpoint it is about, or NULL for the tenant as a whole. */
const char *nsnet_change_endpoint(const struct nsnet_change *c, size_t item);
enum nsnet_outcome nsnet_change_outcome(const struct nsnet_change *c, size_t item);
size_t nsnet_change_steps(const struct nsnet_change *c, size_t item);

/* One step. @op is "+" (make), "~" (alter) or "-" (remove). */
struct nsnet_step {
	const char *op;
	const char *kind;  /* "netns", "link", "sysctl", "chain", ... */
	const char *where; /* "gateway", "endpoint default", "run" */
	const char *text;  /* the object in words: "br0 bridge 06:00:... group 7" */
	const char *was;   /* for "~": what was found instead; else NULL */
};

/* Fills @step; the strings live as long as @c. */
void nsnet_change_step(const struct nsnet_change *c, size_t item, size_t i,
		       struct nsnet_step *step);
size_t nsnet_change_notes(const struct nsnet_change *c, size_t item);
const char *nsnet_change_note(const struct nsnet_change *c, size_t item, size_t i);

/* ---- tenants --------------------------------------------------------------- */

enum nsnet_state {
	NSNET_STATE_OK,	    /* the kernel has exactly what is wanted */
	NSNET_STATE_DRIFT,  /* it has something else: `nsnet plan` says what */
	NSNET_STATE_ABSENT, /* it has nothing of it (after a reboot, say) */
	/* With NSNET_PRESENCE: nobody looked into them. */
	NSNET_STATE_UP,	     /* all its namespaces are there */
	NSNET_STATE_PARTIAL, /* some are not, or something else is in their place */
};

struct nsnet_tenant;
struct nsnet_tenants;

/*
 * What somebody wants, in the words in which it was typed: the library parses
 * and checks. A member that is NULL was not said; it has its default in a new
 * tenant, and an existing one may have anything.
 */
struct nsnet_endpoint_def {
	const char *name; /* see BAD_NAME; `default` is allowed */
	const char *ip;	  /* an address of the subnet, or "auto" (the default) */
	const char *ip6;  /* the same for subnet6 */
	const char *rate; /* see BAD_RATE; default "none" */
};

struct nsnet_tenant_def {
	const char *name;    /* see BAD_NAME */
	const char *subnet;  /* see BAD_SUBNET; "auto" (a /24) or "auto/LEN", see NSNET_POOL */
	const char *subnet6; /* "fd00:1::/64"; "auto" (a /64 of the store's own /48); "none"
				(default) */
	const char *inside;  /* "allow" (default) or "deny": may endpoints talk to each other? */
	const char *mtu;     /* 576 (1280 with IPv6) to 65535; default 1500 */
	const char *rate;    /* of all endpoints together, each way; default "none" */
	/* Connections that each endpoint may open across the border: a second, and at once. A
	 * number, or "none"; default "4000" and "32768" */
	const char *new_flows, *open_flows;
	const char *const *labels; /* "KEY=VALUE" */
	size_t n_labels;
	const char *const *owners; /* users of this machine */
	size_t n_owners;
	const struct nsnet_endpoint_def *endpoints; /* none: the one called `default` */
	size_t n_endpoints;
	const char *where; /* for messages: "tenants.yaml:7:3", or NULL */
	const char *dns;   /* see BAD_DNS: "9.9.9.9,2620:fe::fe", "shared/dns"; default "none" */
};

/* Where `auto` subnets come from, unless the environment variable of that name says otherwise. */
#define NSNET_POOL "10.128.0.0/9"

/**
 * nsnet_tenants_add() - Make tenants' networks, or complete them
 * @n:     Handle
 * @defs:  What is wanted
 * @count: How many
 * @flags: NSNET_DRY_RUN, NSNET_MUST_CREATE, NSNET_CHECK_ONLY
 * @ret:   One item per tenant (with CHECK_ONLY none); may be NULL
 * @err:   Filled on failure
 *
 * The first address of a subnet is the gateway's; endpoints get the lowest
 * that are free. A tenant that is as the definition says is success with outcome
 * UNCHANGED (or REPAIRED when the kernel had drifted). Subnets may overlap:
 * tenants have no path to each other; a note says so.
 *
 * All definitions are checked, and against the store, before the first is
 * carried out: when one is refused nothing is made of any. Should the kernel
 * fail later, that tenant leaves nothing, those before it stay, and *@ret has
 * them (to be freed as on success). Some are made at the same time, by threads that
 * are there during the call.
 *
 * Return: 0, or -EINVAL (BAD_*), -EEXIST (TENANT_DIFFERS, TENANT_EXISTS,
 * ADDRESS_TAKEN, PIN_FOREIGN), -ENOSPC (POOL_FULL), -EOVERFLOW (TOO_MANY), or
 * what the kernel or the store answered
 */
int nsnet_tenants_add(struct nsnet *n, const struct nsnet_tenant_def *defs, size_t count,
		      unsigned int flags, struct nsnet_change **ret, struct nsnet_err *err);

/* The same for one with nothing but a subnet. */
int nsnet_tenant_add(struct nsnet *n, const char *name, const char *subnet, unsigned int flags,
		     struct nsnet_change **ret, struct nsnet_err *err);

/*
 * Tenants from a file (see BAD_FILE); @file is its name for messages. The
 * definitions live as long as @ret, and so may not outlive it.
 */
struct nsnet_defs;
int nsnet_defs_parse(struct nsnet_defs **ret, const char *file, const char *text, size_t len,
		     struct nsnet_err *err);
void nsnet_defs_free(struct nsnet_defs *defs);
const struct nsnet_tenant_def *nsnet_defs_list(const struct nsnet_defs *defs, size_t *count);

struct nsnet_setting {
	/* subnet, subnet6, mtu, rate, new-flows, open-flows, inside, label, owners, dns */
	const char *key;
	const char *value; /* as in a definition; label: KEY=VALUE, "KEY=" takes it away */
};

/**
 * nsnet_tenant_set() - Change a tenant's settings
 * @n:        Handle
 * @name:     The tenant
 * @settings: Applied in order, together or not at all
 * @count:    How many
 * @flags:    NSNET_DRY_RUN
 * @ret:      What was done; outcome CHANGED or UNCHANGED; may be NULL
 * @err:      Filled on failure
 *
 * A new subnet renumbers: the gateway and all automatic addresses move, pins,
 * routes and hosts files follow; processes go on running (their connections
 * over the old addresses do not). What is forbidden by the new settings is cut
 * before what they allow is granted.
 *
 * Return: 0, or -ENOENT (NO_TENANT), -EINVAL (BAD_*), -EBUSY (ADDRESS_FIXED),
 * -ENOSPC (POOL_FULL), or what the kernel or the store answered
 */
int nsnet_tenant_set(struct nsnet *n, const char *name, const struct nsnet_setting *settings,
		     size_t count, unsigned int flags, struct nsnet_change **ret,
		     struct nsnet_err *err);

/**
 * nsnet_tenant_del() - Cut a tenant off and remove its network
 * @n:     Handle
 * @name:  The tenant
 * @flags: NSNET_DRY_RUN, NSNET_WITH_RULES, NSNET_ONE_OF_MANY
 * @ret:   What was done; may be NULL
 * @err:   Filled on failure
 *
 * When it returns 0 no process that is still inside reaches anything: rules
 * that drop and links down come first, then the pins go. The kernel frees the
 * links in the background, tens of milliseconds later.
 *
 * For a bridge it takes some 20 ms, with a lock (RTNL) that everybody waits for who
 * changes a link anywhere on the machine. Who deletes many therefore says ONE_OF_MANY:
 * the links of this one are gone when it returns, after some 40 ms, and for the last
 * half of them others have their turn.
 *
 * Something else that is pinned in the tenant's place stays, and a note says so.
 *
 * A quarantine of it outlives it: whoever comes under its name is in it.
 *
 * Return: 0, or -ENOENT (NO_TENANT), -EBUSY (TENANT_NAMED: rules name it, or what
 * a quarantine keeps; not with NSNET_WITH_RULES), -EIO (NOT_DURABLE: the network is
 * gone, the store could not be told)
 */
int nsnet_tenant_del(struct nsnet *n, const char *name, unsigned int flags,
		     struct nsnet_change **ret, struct nsnet_err *err);

/* Flags of nsnet_tenant_get() and nsnet_tenant_list(). */
enum {
	NSNET_OBSERVE = 1 << 0, /* look into the kernel, so that there is a state */
	/*
	 * Of list(): only look which namespaces are there, which is some fifty times less
	 * work; the state is UP, PARTIAL or ABSENT, and nothing is counted. With OBSERVE: as that.
	 */
	NSNET_PRESENCE = 1 << 1,
};

/* Return: 0, or -ENOENT (NO_TENANT) */
int nsnet_tenant_get(struct nsnet *n, const char *name, unsigned int flags,
		     struct nsnet_tenant **ret, struct nsnet_err *err);
void nsnet_tenant_free(struct nsnet_tenant *t);

/* All tenants, by name. */
int nsnet_tenant_list(struct nsnet *n, unsigned int flags, struct nsnet_tenants **ret,
		      struct nsnet_err *err);
void nsnet_tenants_free(struct nsnet_tenants *list);
size_t nsnet_tenants_count(const struct nsnet_tenants *list);
const struct nsnet_tenant *nsnet_tenants_at(const struct nsnet_tenants *list, size_t i);

uint64_t nsnet_tenant_id(const struct nsnet_tenant *t);
const char *nsnet_tenant_name(const struct nsnet_tenant *t);
const char *nsnet_tenant_subnet(const struct nsnet_tenant *t);	/* "10.10.1.0/24" */
const char *nsnet_tenant_gateway(const struct nsnet_tenant *t); /* "10.10.1.1" */
/* Addresses that endpoints can have, and those that are taken; both include the gateway's. */
uint64_t nsnet_tenant_capacity(const struct nsnet_tenant *t);
uint64_t nsnet_tenant_used(const struct nsnet_tenant *t);
/* Seconds since 1970, UTC. */
int64_t nsnet_tenant_created(const struct nsnet_tenant *t);
/* Whom a cable joins it to, by name; of a list it is not known: 0. */
size_t nsnet_tenant_cables(const struct nsnet_tenant *t);
const char *nsnet_tenant_cable(const struct nsnet_tenant *t, size_t i);
/* The link that leads it to the host, as it is called on both sides: "nsn7"; "" without. */
const char *nsnet_tenant_uplink(const struct nsnet_tenant *t);

/* Who said so, when, and where it is written: "" when it came by a command. */
struct nsnet_origin {
	const char *set, *file;
	uint32_t line;
	uint32_t uid;
	int64_t at; /* seconds since 1970; 0: not known, made by an older release */
};
/* The strings live as long as @t. */
void nsnet_tenant_origin(const struct nsnet_tenant *t, struct nsnet_origin *ret);

/* Whether it was got with NSNET_OBSERVE, so that there is what is counted. */
bool nsnet_tenant_observed(const struct nsnet_tenant *t);
/* Meaningful only when got with NSNET_OBSERVE or NSNET_PRESENCE. */
enum nsnet_state nsnet_tenant_state(const struct nsnet_tenant *t);
/* Bytes received from and sent to the tenant's endpoints by its gateway; with NSNET_OBSERVE. */
uint64_t nsnet_tenant_rx_bytes(const struct nsnet_tenant *t);
uint64_t nsnet_tenant_tx_bytes(const struct nsnet_tenant *t);
/* Packets the gateway dropped, all reasons together; with NSNET_OBSERVE. */
uint64_t nsnet_tenant_dropped(const struct nsnet_tenant *t);

const char *nsnet_tenant_subnet6(const struct nsnet_tenant *t);	 /* "" without IPv6 */
const char *nsnet_tenant_gateway6(const struct nsnet_tenant *t); /* "" without IPv6 */
const char *nsnet_tenant_inside(const struct nsnet_tenant *t);	 /* "allow", "deny" */
uint32_t nsnet_tenant_mtu(const struct nsnet_tenant *t);
const char *nsnet_tenant_rate(const struct nsnet_tenant *t);   /* "10mbit", "none" */
uint64_t nsnet_tenant_rate_bits(const struct nsnet_tenant *t); /* a second; 0: none */
/* Connections that each endpoint may open across the border: a second, at once. 0: no limit */
uint32_t nsnet_tenant_new_flows(const struct nsnet_tenant *t);
uint32_t nsnet_tenant_open_flows(const struct nsnet_tenant *t);
/* "9.9.9.9,2620:fe::fe", "shared/dns", "none" */
const char *nsnet_tenant_dns(const struct nsnet_tenant *t);
size_t nsnet_tenant_labels(const struct nsnet_tenant *t);
const char *nsnet_tenant_label_key(const struct nsnet_tenant *t, size_t i); /* by key */
const char *nsnet_tenant_label_value(const struct nsnet_tenant *t, size_t i);
size_t nsnet_tenant_owners(const struct nsnet_tenant *t);
const char *nsnet_tenant_owner(const struct nsnet_tenant *t, size_t i);
/* The counters of dropped packets, by reason; with NSNET_OBSERVE. */
size_t nsnet_tenant_drops(const struct nsnet_tenant *t);
const char *nsnet_tenant_drop_reason(const struct nsnet_tenant *t, size_t i); /* "arp" */
uint64_t nsnet_tenant_drop_packets(const struct nsnet_tenant *t, size_t i);

size_t nsnet_tenant_endpoints(const struct nsnet_tenant *t);
const char *nsnet_endpoint_name(const struct nsnet_tenant *t, size_t i);     /* "default" */
const char *nsnet_endpoint_address(const struct nsnet_tenant *t, size_t i);  /* "10.10.1.2" */
const char *nsnet_endpoint_netns(const struct nsnet_tenant *t, size_t i);    /* "/run/netns/..." */
const char *nsnet_endpoint_port(const struct nsnet_tenant *t, size_t i);     /* "nsn7" */
const char *nsnet_endpoint_address6(const struct nsnet_tenant *t, size_t i); /* "" without IPv6 */
const char *nsnet_endpoint_mac(const struct nsnet_tenant *t, size_t i);
bool nsnet_endpoint_fixed(const struct nsnet_tenant *t, size_t i);	 /* address was chosen */
bool nsnet_endpoint_fixed6(const struct nsnet_tenant *t, size_t i);	 /* address6 was chosen */
const char *nsnet_endpoint_rate(const struct nsnet_tenant *t, size_t i); /* "none" */
uint64_t nsnet_endpoint_rate_bits(const struct nsnet_tenant *t, size_t i);
/* With NSNET_OBSERVE: like the tenant's. */
enum nsnet_state nsnet_endpoint_state(const struct nsnet_tenant *t, size_t i);
uint64_t nsnet_endpoint_rx_bytes(const struct nsnet_tenant *t, size_t i);
uint64_t nsnet_endpoint_tx_bytes(const struct nsnet_tenant *t, size_t i);

/* ---- endpoints --------------------------------------------------------------- */

/**
 * nsnet_endpoint_add() - Attach one more network namespace to a tenant's network
 * @n:      Handle
 * @tenant: The tenant
 * @def:    The endpoint
 * @flags:  NSNET_DRY_RUN, NSNET_MUST_CREATE
 * @ret:    One item, with its endpoint; may be NULL
 * @err:    Filled on failure
 *
 * Pinned as /run/netns/TENANT.NAME (`default`: /run/netns/TENANT). An identical
 * endpoint is success with outcome UNCHANGED.
 *
 * Return: 0, or -ENOENT (NO_TENANT), -EINVAL (BAD_NAME, BAD_ADDRESS, BAD_RATE),
 * -EEXIST (ENDPOINT_DIFFERS, ENDPOINT_EXISTS, ADDRESS_TAKEN, PIN_FOREIGN),
 * -ENOSPC (POOL_FULL), -EOVERFLOW (TOO_MANY), or what kernel or store answered
 */
int nsnet_endpoint_add(struct nsnet *n, const char *tenant, const struct nsnet_endpoint_def *def,
		       unsigned int flags, struct nsnet_change **ret, struct nsnet_err *err);

/**
 * nsnet_endpoint_del() - Cut an endpoint off and let go of its namespace
 *
 * When it returns 0 no process inside reaches anything. The tenant stays, also
 * without endpoints.
 *
 * Return: 0, or -ENOENT (NO_TENANT, NO_ENDPOINT with a did-you-mean), -EIO (NOT_DURABLE: it
 * is cut off and gone, but not from the store)
 */
int nsnet_endpoint_del(struct nsnet *n, const char *tenant, const char *name, unsigned int flags,
		       struct nsnet_change **ret, struct nsnet_err *err);

/* The place of the endpoint called @name, or -ENOENT (NO_ENDPOINT with a did-you-mean). */
int nsnet_endpoint_find(const struct nsnet_tenant *t, const char *name, size_t *ret,
			struct nsnet_err *err);

/* ---- policies --------------------------------------------------------------- */

enum nsnet_severity { NSNET_ERROR, NSNET_WARNING };

/* One file of policies (see nsnet-policy(5)). */
struct nsnet_policy_text {
	const char *file; /* for messages */
	const char *text;
	size_t len; /* 1 MiB at most */
	/*
	 * What the set of files is called unless a file says its `name:`: the path of
	 * the file or folder, out of which a name is made. Files with the same are of one set.
	 */
	const char *set;
};

/* Sets of files that were read and checked together. */
struct nsnet_policies;

/**
 * nsnet_policies_parse() - Read files of policies and say all that is wrong with them
 * @ret:     What is in them and what is wrong with it
 * @texts:   The files, in the order in which they are told
 * @count:   How many
 * @tenants: Those of this host, whom rules may name, too; NULL: none
 * @now:     Seconds since 1970, for what expires
 * @err:     Filled on failure
 *
 * That files are wrong is no failure: nsnet_policies_errors() says so. What is
 * wrong of them is left out of *@ret. No system call.
 *
 * Return: 0, or -ENOMEM
 */
int nsnet_policies_parse(struct nsnet_policies **ret, const struct nsnet_policy_text *texts,
			 size_t count, const struct nsnet_tenants *tenants, int64_t now,
			 struct nsnet_err *err);
void nsnet_policies_free(struct nsnet_policies *p);

size_t nsnet_policies_files(const struct nsnet_policies *p);
/* All that were found; of one file's at most 20 are told. */
size_t nsnet_policies_errors(const struct nsnet_policies *p);
size_t nsnet_policies_warnings(const struct nsnet_policies *p);

/* Lines and columns are 1-based, columns are characters; the end is behind the last one. */
struct nsnet_diag {
	enum nsnet_severity severity;
	enum nsnet_code id;
	const char *file;
	uint32_t line, col, end_line, end_col;
	const char *text;
	const char *hint;    /* or "" */
	const char *source;  /* the line; of a long one what is around the place */
	uint32_t source_col; /* the column with which @source begins */
};

/* By file, in the order of each. The strings live as long as @p. */
size_t nsnet_policies_diags(const struct nsnet_policies *p);
void nsnet_policies_diag(const struct nsnet_policies *p, size_t i, struct nsnet_diag *ret);

struct nsnet_policy {
	const char *name;
	const char *action; /* "allow", "deny" */
	const char *const *from, *const *to, *const *ports;
	size_t n_from, n_to, n_ports;
	const char *because, *owner; /* or "" */
	int64_t expires;	     /* seconds since 1970; 0: never */
	const char *log;	     /* "none", "new", "all" */
	const char *mode;	     /* "enforce", "audit" */
	const char *set, *file;
	uint32_t line;
	const char *publish; /* "203.0.113.10:443", or "" */
};

/* The rules in which nothing is wrong, in the order of the files. */
size_t nsnet_policies_count(const struct nsnet_policies *p);
void nsnet_policies_get(const struct nsnet_policies *p, size_t i, struct nsnet_policy *ret);

/* One of `expect:` and what the rules of the files say to it. */
struct nsnet_expect {
	bool can, holds;
	const char *flow;   /* "customer1/app -> internet tcp/443" */
	const char *reason; /* why it is so, in words */
	const char *file;
	uint32_t line;
};

/* -EINVAL (UNKNOWN_PEER) can only be when the files have errors. */
size_t nsnet_policies_expects(const struct nsnet_policies *p);
int nsnet_policies_ask(struct nsnet_policies *p, size_t i, struct nsnet_expect *ret,
		       struct nsnet_err *err);

/*
 * The language as a JSON Schema (draft 2020-12), and as the manual page
 * nsnet-policy(5). Free them with free().
 */
int nsnet_policy_schema(char **ret, struct nsnet_err *err);
int nsnet_policy_manual(char **ret, struct nsnet_err *err);

/* ---- rules: who may open connections to whom -------------------------------------- */

/* A rule as it is typed or written. Strings; NULL: not said. */
struct nsnet_rule_def {
	const char *name;
	bool deny; /* else it allows */
	const char *const *from, *const *to, *const *ports;
	size_t n_from, n_to, n_ports;
	const char *because, *owner, *expires, *log;
	const char *publish; /* "203.0.113.10:443", "8080" */
};

/**
 * nsnet_rule_add() - Allow, or deny, at once
 * @n:     Handle
 * @def:   The rule; its tenants and endpoints have to be there
 * @flags: NSNET_DRY_RUN, NSNET_MUST_CREATE
 * @ret:   One item for each gateway that changes; none: it was there. May be NULL
 * @err:   Filled on failure
 *
 * First every gateway stops to let through what it shall not, then the rule is
 * stored, then they let through what is new. A live connection that is denied
 * now is cut.
 *
 * Who is no tenant reaches an endpoint by what a rule publishes alone.
 *
 * Return: 0, or -EINVAL (BAD_PEER, BAD_PORT, BAD_TIME, BAD_RULE, BAD_PUBLISH...), -ENOENT
 * (NO_TENANT, NO_ENDPOINT), -EEXIST (RULE_EXISTS, RULE_DIFFERS, SUBNET_OVERLAP,
 * PUBLISH_CONFLICT), -EIO (NOT_DURABLE: what it denies is denied in the kernel, but not in
 * the store; what allows is not done then)
 */
int nsnet_rule_add(struct nsnet *n, const struct nsnet_rule_def *def, unsigned int flags,
		   struct nsnet_change **ret, struct nsnet_err *err);
/*
 * Takes a rule back, at once: what only it allowed is cut. -ENOENT (NO_RULE), -EBUSY
 * (RULE_IMPLIED: it follows from a tenant's `dns`), -EIO (NOT_DURABLE: cut, but the store
 * still has the rule)
 */
int nsnet_rule_del(struct nsnet *n, const char *name, unsigned int flags, struct nsnet_change **ret,
		   struct nsnet_err *err);

/* All rules that are stored, by name, and what the kernel has counted. */
struct nsnet_rules;
void nsnet_rules_free(struct nsnet_rules *rules);
/* @flags: NSNET_OBSERVE: with counters. */
int nsnet_rule_list(struct nsnet *n, unsigned int flags, struct nsnet_rules **ret,
		    struct nsnet_err *err);
size_t nsnet_rules_count(const struct nsnet_rules *rules);

/* Strings live as long as the list; those that were not said are "". */
struct nsnet_rule {
	const char *name;
	bool deny;
	const char *const *from, *const *to, *const *ports;
	size_t n_from, n_to, n_ports;
	const char *because, *owner, *log;
	int64_t expires, added; /* seconds since 1970; 0: never */
	uint32_t uid;		/* who added it */
	const char *set, *file; /* where it was written, or "" */
	uint32_t line;
	bool expired;
	uint64_t packets, bytes; /* at the called side; 0 without NSNET_OBSERVE */
	const char *publish;	 /* "203.0.113.10:443", or "" */
	bool implied;		 /* it follows from the `dns` of the tenant that is `from` */
};
void nsnet_rules_get(const struct nsnet_rules *rules, size_t i, struct nsnet_rule *ret);

/* From where what is published can be called at all. */
enum nsnet_reach {
	NSNET_REACH_HOST,     /* loopback */
	NSNET_REACH_NETWORK,  /* an address that is known to networks near by */
	NSNET_REACH_INTERNET, /* a global one, or every address of the host */
};
/* 0, or -EINVAL (BAD_PUBLISH) */
int nsnet_publish_reach(const char *publish, enum nsnet_reach *ret, struct nsnet_err *err);

/**
 * nsnet_quarantine() - Close all borders of a tenant, an endpoint or a label, at once
 * @who:     TENANT, TENANT/ENDPOINT, label:KEY=VALUE
 * @because: Why
 * @keep:    Flows that stay, "shared/forensics -> customer3 tcp/22"
 *
 * Live connections are cut, but those that are kept. Stands above all rules. Done
 * again, it replaces what was said before.
 *
 * Return: 0, or -ENOENT (NO_TENANT, NO_ENDPOINT), -EINVAL (BAD_PEER, BAD_RULE), -EIO
 * (NOT_DURABLE: closed in the kernel, but not in the store)
 */
int nsnet_quarantine(struct nsnet *n, const char *who, const char *because, const char *const *keep,
		     size_t n_keep, unsigned int flags, struct nsnet_change **ret,
		     struct nsnet_err *err);
/* -ENOENT (NO_QUARANTINE) */
int nsnet_release(struct nsnet *n, const char *who, unsigned int flags, struct nsnet_change **ret,
		  struct nsnet_err *err);

/* All quarantines, by who is in it. */
struct nsnet_quarantines;
void nsnet_quarantines_free(struct nsnet_quarantines *list);
int nsnet_quarantine_list(struct nsnet *n, struct nsnet_quarantines **ret, struct nsnet_err *err);
size_t nsnet_quarantines_count(const struct nsnet_quarantines *list);

/* Strings live as long as the list. */
struct nsnet_quarantined {
	const char *who; /* "customer3", "customer3/db", "label:env=prod" */
	const char *because;
	const char *const *keep; /* flows that stay */
	size_t n_keep;
	int64_t since;		/* seconds since 1970; 0: not said */
	uint32_t uid;		/* who did it */
	const char *set, *file; /* where it was written, or "" */
	uint32_t line;
};
void nsnet_quarantines_get(const struct nsnet_quarantines *list, size_t i,
			   struct nsnet_quarantined *ret);

/* Whether it is about the tenant as a whole, by its name or by a label that it carries. */
bool nsnet_quarantined_tenant(const struct nsnet_quarantined *q, const struct nsnet_tenant *t);
/* The same for its endpoint at place @i, also by its own name. */
bool nsnet_quarantined_endpoint(const struct nsnet_quarantined *q, const struct nsnet_tenant *t,
				size_t i);

/* ---- monitor: what rules log ----------------------------------------------------- */

/*
 * Rules with `log: new` tell of each connection that is opened by them (or denied),
 * those with `log: all` of each packet, too. The kernel hands it to one listener for each
 * gateway, and to nobody while none listens.
 */
struct nsnet_monitor;

/* One end: names where they are known, the address in any case. */
struct nsnet_logged_end {
	const char *tenant, *endpoint; /* "" where not known */
	const char *address;
	uint16_t port; /* 0: it has none */
};

/* Strings live until the callback returns. Whatever the packet had in it: no control characters. */
struct nsnet_logged {
	int64_t at_ms;	    /* milliseconds since 1970 */
	const char *tenant; /* the sender's, whose gateway told it */
	const char *rule;   /* "" when it is gone already */
	bool deny;	    /* the rule denied it */
	bool open;	    /* it opens a connection; else it is one more packet */
	struct nsnet_logged_end from, to;
	uint8_t protocol;  /* of IP */
	const char *ports; /* in the words of rules: "tcp/5432", "icmp/echo", "icmp", "47" */
	uint64_t lost; /* so many of this gateway's were lost before it: more came than were read */
};

/**
 * nsnet_monitor_open() - Listen to what rules log
 * @n:       Handle; has to outlive the monitor
 * @tenants: Only what they send or are sent
 * @count:   How many; 0: all
 * @ret:     The monitor
 * @err:     Filled on failure
 *
 * It listens in each gateway that a logging rule is about, and once a second looks which
 * those are: what a new gateway logs in its first second may be missed. A gateway that is
 * deleted while nobody reads lives on, empty and without a way out, until somebody does.
 *
 * Return: 0, or -ENOENT (NO_TENANT), -EBUSY (KERNEL: another program listens there)
 */
int nsnet_monitor_open(struct nsnet *n, const char *const *tenants, size_t count,
		       struct nsnet_monitor **ret, struct nsnet_err *err);
void nsnet_monitor_close(struct nsnet_monitor *m);
/* Is readable when nsnet_monitor_read() has something to do: at least once a second. */
int nsnet_monitor_fd(const struct nsnet_monitor *m);
/* The gateways that it listens to now. */
size_t nsnet_monitor_gateways(const struct nsnet_monitor *m);
/**
 * nsnet_monitor_read() - Wait for something, hand it on
 * @timeout_ms: 0: do not wait, -1: for ever
 * @each:       Returns 0 or a negative errno, which ends it
 *
 * Returns also when there was something to do and nothing to tell, and after a signal.
 *
 * Return: how many were handed on, or a negative errno
 */
int nsnet_monitor_read(struct nsnet_monitor *m, int timeout_ms,
		       int (*each)(const struct nsnet_logged *l, void *arg), void *arg,
		       struct nsnet_err *err);

/* ---- apply: what files say, made so -------------------------------------------------- */

/* One thing that the files say and the store does not, or the other way round. */
struct nsnet_difference {
	const char *op;	  /* "+", "~", "-" */
	const char *kind; /* "tenant", "endpoint", "rule", "quarantine" */
	const char *name;
	const char *text; /* what it is, or what changes: "mtu 1500 -> 9000" */
	const char *was;  /* of a rule or a quarantine: what was different; or NULL */
	const char *file; /* where it is written, or was */
	uint32_t line;
	bool kept; /* it would go, with NSNET_PRUNE */
};

/* What the prover says; see nsnet_verify(). */
enum nsnet_proved {
	NSNET_PROVED,	    /* nothing outside policy can be delivered */
	NSNET_VIOLATION,    /* a packet that can, or an adversary stronger than assumed */
	NSNET_INCONCLUSIVE, /* something could not be modelled, read or finished: named */
	NSNET_NOTED,	    /* of findings only: worth knowing, changes no verdict */
};
const char *nsnet_proved_name(enum nsnet_proved v); /* "PROVED" */

/* A pair that may talk afterwards and may not now, or may no more. */
struct nsnet_effect {
	bool opens; /* else it closes */
	/* "customer1", "customer1/db"; "customer1 (others)": endpoints nobody names alone */
	const char *from, *to;
	const char *const *ports; /* "tcp/443", "icmp", "other protocols", "any" */
	size_t n_ports;
	bool unsure;	     /* there may be more: its sender could not be followed to all ends */
	const char *rule;    /* those that change and are about the two, "a, b"; "quarantine"; "" */
	const char *because; /* of the first of them; "" */
};

/* A tenant of which it is not known what it opens and closes. */
struct nsnet_unfollowed {
	const char *from; /* "": nothing is known of anybody */
	const char *why;
};

/**
 * struct nsnet_effects_of - Where the pairs come from
 * @by_policy: From what policies say before and after, and not from the kernel's rules
 * @why:       Then: why; "" when no proof was asked for
 * @certainty: PROVED: what opens and closes are these pairs, by the kernel's state and by
 *             what it would be. INCONCLUSIVE: of @unfollowed, or of anybody, there may be more
 * @hash:      Of the present state, sha256; "" without
 * @from_file: That is a snapshot, and compared is what its policies want
 */
struct nsnet_effects_of {
	bool by_policy, from_file;
	enum nsnet_proved certainty;
	const char *why, *hash;
	const struct nsnet_unfollowed *unfollowed;
	size_t n_unfollowed;
	unsigned int read_us, prove_us;
};

struct nsnet_applied;

/**
 * nsnet_apply() - Make all be as files say
 * @n:             Handle
 * @p:             The files, without errors
 * @flags:         NSNET_DRY_RUN (with NSNET_DIFF_ONLY), NSNET_PRUNE, NSNET_PROVE: reads the
 *                 kernel's state before, for what opens and closes; without, and where that
 *                 cannot be had, it is told by the policies alone
 * @prune_tenants: How many tenants with endpoints may go
 * @ret:           What differs and what comes of it, also when it was refused after that was
 *                 known; NULL on any other failure. May be NULL
 * @err:           Filled on failure
 *
 * Files are of sets, and a set changes only what is its own or nobody's yet. What a
 * file does not say of a tenant has its default; `auto` is whatever there is. What
 * the files have no more stays, but with NSNET_PRUNE.
 *
 * All of it is tried first, in a transaction that is rolled back: whether addresses
 * and cables can be had, whether `expect:` holds, whether the kernel would take the
 * rules. Then every gateway stops to let through what it shall not, the store is told,
 * at once, and what is new is made. Who dies after that leaves a part of it, which
 * nsnet_repair() completes.
 *
 * Return: 0, or -EPERM (EXPECTATION: it does not hold), -EBUSY (PRUNE_TENANTS: another
 * number; TENANT_NAMED), -EEXIST (OTHER_SET, SUBNET_OVERLAP, ADDRESS_TAKEN, PIN_FOREIGN,
 * PUBLISH_CONFLICT), -EINVAL, or what the kernel or the store answered
 */
int nsnet_apply(struct nsnet *n, const struct nsnet_policies *p, unsigned int flags,
		size_t prune_tenants, struct nsnet_applied **ret, struct nsnet_err *err);
void nsnet_applied_free(struct nsnet_applied *a);

/**
 * nsnet_apply_until() - The same, on trial
 * @seconds: How long it waits for nsnet_confirm(); 0: it does not
 *
 * Unless it is confirmed it is to be taken back: by nsnet_settle(), which somebody has to call
 * then, or by the next that changes or repairs something. Until it is confirmed or taken back
 * nothing else is changed but what only closes: a rule that denies, nsnet_rule_del() of one
 * that allows, a quarantine; and these stay when it is taken back. Who dies on the way leaves
 * what waits, too. Nothing waits when nothing was changed.
 *
 * Return: as nsnet_apply(), or -EBUSY (UNCONFIRMED) when another one waits
 */
int nsnet_apply_until(struct nsnet *n, const struct nsnet_policies *p, unsigned int flags,
		      size_t prune_tenants, unsigned int seconds, struct nsnet_applied **ret,
		      struct nsnet_err *err);

/* Tenants, then rules, then quarantines; strings live as long as @a. */
size_t nsnet_applied_differences(const struct nsnet_applied *a);
void nsnet_applied_difference(const struct nsnet_applied *a, size_t i,
			      struct nsnet_difference *ret);
/* What opens before what closes. */
size_t nsnet_applied_effects(const struct nsnet_applied *a);
void nsnet_applied_effect(const struct nsnet_applied *a, size_t i, struct nsnet_effect *ret);
void nsnet_applied_effects_of(const struct nsnet_applied *a, struct nsnet_effects_of *ret);
/* What the files expect, of everything that is stored afterwards. */
size_t nsnet_applied_expects(const struct nsnet_applied *a);
void nsnet_applied_expect(const struct nsnet_applied *a, size_t i, struct nsnet_expect *ret);
/* How many nft objects the kernel was asked about, and would take. */
size_t nsnet_applied_checked(const struct nsnet_applied *a);
/* Tenants with endpoints that go, or would. */
size_t nsnet_applied_pruned(const struct nsnet_applied *a);
/* The steps; as long as @a. */
const struct nsnet_change *nsnet_applied_change(const struct nsnet_applied *a);

/* ---- going back -------------------------------------------------------------------------- */

/* What the changes of this handle are kept as: the command, as it was typed. */
int nsnet_say(struct nsnet *n, const char *command, struct nsnet_err *err);

/* The last 20 changes (more while one waits), the newest first. */
struct nsnet_generations;
int nsnet_generation_list(struct nsnet *n, struct nsnet_generations **ret, struct nsnet_err *err);
void nsnet_generations_free(struct nsnet_generations *list);
size_t nsnet_generations_count(const struct nsnet_generations *list);

/* Strings live as long as the list. */
struct nsnet_generation {
	uint64_t generation; /* before the change, which is where one goes back to */
	uint64_t last;	     /* after it */
	int64_t at;	     /* seconds since 1970 */
	uint32_t uid;	     /* who did it */
	const char *kind;    /* "apply", "rollback"; "" is any other change */
	const char *command; /* as nsnet_say() said, or "" */
	bool waits;	     /* to be confirmed */
};
void nsnet_generations_get(const struct nsnet_generations *list, size_t i,
			   struct nsnet_generation *ret);

#define NSNET_LAST_APPLY UINT64_MAX

/**
 * nsnet_rollback() - Make all be as it was
 * @n:             Handle
 * @generation:    One of nsnet_generation_list(); NSNET_LAST_APPLY: what waits, or the one
 *                 before the last apply, when nothing else was changed since
 * @flags:         NSNET_DRY_RUN, NSNET_PROVE
 * @prune_tenants: How many tenants with endpoints may go; of what waits any number
 * @ret:           As for nsnet_apply()
 * @err:           Filled on failure
 *
 * A change like any other, by nsnet_apply()'s engine: what is as it was then is not touched.
 * Tenants that were not there are removed; those that were deleted come back under their names
 * and addresses, with new namespaces.
 *
 * Return: 0, or -ENOENT (NO_GENERATION), -EBUSY (LATER_CHANGES, PRUNE_TENANTS, UNCONFIRMED), or as
 * nsnet_apply()
 */
int nsnet_rollback(struct nsnet *n, uint64_t generation, unsigned int flags, size_t prune_tenants,
		   struct nsnet_applied **ret, struct nsnet_err *err);

/* The last change that waited, whatever became of it. */
struct nsnet_unconfirmed {
	uint64_t nr; /* one more with each; 0: there was none */
	enum { NSNET_WAITS, NSNET_CONFIRMED, NSNET_TAKEN_BACK } state;
	uint64_t back_to; /* the generation before it */
	uint64_t left_ms; /* while it waits; 0: it is overdue */
	int64_t at;	  /* seconds since 1970 */
	uint32_t uid;
};
int nsnet_unconfirmed(struct nsnet *n, struct nsnet_unconfirmed *ret, struct nsnet_err *err);

/*
 * What waits stays; *@generation (or NULL) is the present one then. -ENOENT
 * (NOTHING_TO_CONFIRM), -ETIMEDOUT (NOT_CONFIRMED: it was too late, and is taken back by now)
 */
int nsnet_confirm(struct nsnet *n, uint64_t *generation, struct nsnet_err *err);
/* Takes back what is overdue: 1, or 0 when nothing is. */
int nsnet_settle(struct nsnet *n, struct nsnet_err *err);

/* ---- the engine by hand ----------------------------------------------------- */

/**
 * nsnet_repair() - Make the kernel match the wanted state
 * @n:      Handle
 * @name:   One tenant, or NULL for all
 * @flags:  NSNET_DRY_RUN: this is what `nsnet plan` shows
 * @ret:    One item per tenant; may be NULL
 * @err:    Filled on failure
 *
 * With NULL it goes on after a tenant that failed, and returns the first
 * failure in the end; *@ret then has the tenants that did not fail, and is to
 * be freed like on success.
 */
int nsnet_repair(struct nsnet *n, const char *name, unsigned int flags, struct nsnet_change **ret,
		 struct nsnet_err *err);

/*
 * The same tenant by tenant, for who tells of each when it is done, or may want to
 * stop: what is stored is read once, and the lock is held from begin to end. do(): one
 * item; each tenant at most once, in any order. The other functions of @n that change
 * something cannot be called in between.
 */
struct nsnet_repairs;
int nsnet_repairs_begin(struct nsnet_repairs **ret, struct nsnet *n, const char *name,
			unsigned int flags, struct nsnet_err *err);
size_t nsnet_repairs_count(const struct nsnet_repairs *p);
const char *nsnet_repairs_name(const struct nsnet_repairs *p, size_t i);
int nsnet_repairs_do(struct nsnet_repairs *p, size_t i, struct nsnet_change **ret,
		     struct nsnet_err *err);
void nsnet_repairs_end(struct nsnet_repairs *p);

/**
 * nsnet_gc() - Remove what this store made and no longer wants
 * @n:     Handle
 * @flags: NSNET_DRY_RUN
 * @ret:   One item, its tenant ""; its steps are the removals
 * @err:   Filled on failure
 *
 * Ownership is read from the kernel: objects of another store, and foreign
 * ones, are never touched.
 */
int nsnet_gc(struct nsnet *n, unsigned int flags, struct nsnet_change **ret, struct nsnet_err *err);

/* The store in numbers. */
struct nsnet_status {
	uint64_t tenants, endpoints;  /* wanted */
	uint64_t ok, drifted, absent; /* tenants, as found in the kernel */
	char store_id[33];	      /* the mark on everything this store makes */
	uint32_t group;		      /* the same mark as a link group number */
	char state_dir[256], run_dir[256];
	char boot_id[37];
	int schema; /* of the database */
};

int nsnet_status(struct nsnet *n, struct nsnet_status *ret, struct nsnet_err *err);

/**
 * nsnet_enter() - Move this process into a tenant's network
 * @n:        Handle; of no further use afterwards but for nsnet_close()
 * @name:     The tenant
 * @endpoint: Which; NULL: `default`, or the only one there is
 * @gateway:  Into the gateway's network namespace instead
 * @err:      Filled on failure
 *
 * Like `ip netns exec`: the calling process joins the network namespace with
 * all its rights and gets a mount namespace of its own, in which /sys shows
 * that network and /etc/netns/NAME/... lies over /etc/.... It is the
 * operator's tool; it confines nothing.
 */
int nsnet_enter(struct nsnet *n, const char *name, const char *endpoint, bool gateway,
		struct nsnet_err *err);

/* ---- workloads ------------------------------------------------------------ */

/* The namespaces of a process. All but NSNET_NS_TIME are a workload's own unless said otherwise. */
enum nsnet_ns {
	NSNET_NS_PID,
	NSNET_NS_NET,
	NSNET_NS_MNT,
	NSNET_NS_IPC,
	NSNET_NS_UTS,
	NSNET_NS_USER,
	NSNET_NS_CGROUP,
	NSNET_NS_TIME,
	NSNET_NS_COUNT
};

/* How a workload ended. */
struct nsnet_exit {
	bool signalled; /* by the signal @code; else it exited with the status @code */
	int code;
	bool core; /* the kernel wrote, or would have piped, a core dump */
};

/*
 * What is to run, in the words in which it was typed. Members that are NULL or 0 have
 * their default. Everything but the network of the tenant is the workload's own, see README.
 */
struct nsnet_run_def {
	const char *tenant, *endpoint; /* endpoint: NULL is "default" */
	/* Instead of these, without a handle: a pinned network namespace and the first of 65,536
	 * numbers of users. There are no opt-outs then, as nobody would record them. */
	const char *netns;
	uint32_t base;
	const char *const *argv; /* NULL-terminated, at least one */
	const char *const *env;	 /* "KEY=VALUE"; added to PATH, HOME, USER, ... */
	size_t n_env;
	const char *user;     /* "1000", "www-data", "1000:1000"; default 0, without capabilities */
	const char *map_user; /* "1000:10000": see BAD_ID_MAP */
	const char *rootfs;   /* default: a view of the host's /usr */
	const char *const *volumes; /* "SRC:DST[:ro]" */
	size_t n_volumes;
	const char *const *etc; /* more of the host's /etc, for the default view */
	size_t n_etc;
	const char *cwd;	 /* default "/" */
	const char *hostname;	 /* default: the endpoint's name, or the tenant's for `default` */
	const char *scratch;	 /* size of what it may write outside volumes: "256M" */
	const char *const *caps; /* capabilities that stay: "NET_RAW" */
	size_t n_caps;
	const char *seccomp; /* file with a profile in the OCI form; default: nsnet's own */
	bool time;	     /* a time namespace, too */
	/* Opt-outs: "ipc=host". Each needs @because; some pairs @dangerous. */
	const char *const *shares;
	size_t n_shares;
	const char *because;
	const char *until; /* see BAD_TIME; NULL: for as long as it runs */
	bool dangerous;
	int stdio[3];	/* descriptors of the caller. A terminal is never given away, see
			   nsnet_run_terminal() */
	const int *fds; /* more descriptors, which keep their numbers */
	size_t n_fds;
	uint32_t uid;	     /* who asks, for the record of opt-outs */
	const char *command; /* the command line that asks, for that record */
	/* Called with what an opt-out exposes, before anything is done; may be NULL. */
	void (*exposes)(void *arg, const char *text);
	void *arg;
};

struct nsnet_run;

/**
 * nsnet_run_start() - Start a workload
 * @n:   Handle; not needed any more afterwards. NULL: see @def->netns
 * @def: What is to run
 * @ret: The running workload. Whoever holds it is its supervisor: when this process ends, however
 *       it does, so does the workload
 * @err: Filled on failure
 *
 * When it returns 0 the command is executing, in namespaces that were looked at from outside.
 *
 * Return: 0, or -ENOENT (NO_TENANT, NO_ENDPOINT, NO_COMMAND), -EACCES (CANNOT_RUN), -EINVAL
 * (BAD_RUN, BAD_USER, BAD_ID_MAP, BAD_VOLUME, BAD_ROOTFS, BAD_CAPABILITY, BAD_SECCOMP,
 * BAD_DESCRIPTOR, NEEDS_REASON, NOT_SHAREABLE, DANGEROUS), -ENOSPC (ID_SPACE), -EXDEV
 * (NOT_ISOLATED), or -errno (SPAWN: the message has the stage)
 */
int nsnet_run_start(struct nsnet *n, const struct nsnet_run_def *def, struct nsnet_run **ret,
		    struct nsnet_err *err);
/* Ends it if it still runs. */
void nsnet_run_free(struct nsnet_run *run);
const char *nsnet_run_id(const struct nsnet_run *run);
int32_t nsnet_run_pid(const struct nsnet_run *run); /* of its first process */
/* Becomes readable when nsnet_run_wait() has something to say. */
int nsnet_run_fd(const struct nsnet_run *run);
/* Our end of its terminal, when one of @stdio was a terminal; else -1. */
int nsnet_run_terminal(const struct nsnet_run *run);
int nsnet_run_signal(struct nsnet_run *run, int sig, struct nsnet_err *err);
/* 1: ended, @ret says how; 0: not within @ms (-1: as long as it takes); or -errno. */
int nsnet_run_wait(struct nsnet_run *run, int ms, struct nsnet_exit *ret, struct nsnet_err *err);
/* ---- numbers of users, opt-outs ---- */

/*
 * Each tenant has 65,536 numbers of this host, for users and for groups, that stand for the
 * numbers 0 to 65535 inside its workloads. They are given to it when they are first needed and
 * never to another one, also when it is gone: files may have them for longer.
 */

/**
 * nsnet_id() - Which number of the host stands for one inside
 * @n:       Handle
 * @tenant:  Its name; it gets its range when it has none
 * @inside:  0 to 65535
 * @outside: The host's
 * @err:     Filled on failure
 *
 * Return: 0, or -ENOENT (NO_TENANT), -EINVAL (BAD_USER), -ENOSPC (ID_SPACE)
 */
int nsnet_id(struct nsnet *n, const char *tenant, uint32_t inside, uint32_t *outside,
	     struct nsnet_err *err);

/* Whose a number of the host is. */
struct nsnet_whose {
	char tenant[33];     /* to whom the range was given */
	uint32_t inside;     /* what it is there */
	uint32_t base;	     /* the number that stands for 0 inside */
	bool live;	     /* the tenant is there; else one of that name is another one */
	int64_t given, gone; /* seconds since 1970; gone is 0 while it is there */
};
/* -ENOENT (NO_TENANT) when it was never given to one. */
int nsnet_whose_id(struct nsnet *n, uint32_t outside, struct nsnet_whose *ret,
		   struct nsnet_err *err);

enum nsnet_exception_state {
	NSNET_EXCEPTION_ACTIVE,
	NSNET_EXCEPTION_EXPIRED, /* its time is past, and the workload goes on */
	NSNET_EXCEPTION_ENDED,	 /* the workload is over */
};

/* What workloads were given that others do not get, in the order in which they got it. */
struct nsnet_exceptions;
void nsnet_exceptions_free(struct nsnet_exceptions *list);
/*
 * @tenant: Only its own, also of one that is gone; NULL: all
 * @ended:  Also those of workloads that are over
 * Return: 0, or -ENOENT (NO_TENANT) when nothing is known of the name
 */
int nsnet_exception_list(struct nsnet *n, const char *tenant, bool ended,
			 struct nsnet_exceptions **ret, struct nsnet_err *err);
size_t nsnet_exceptions_count(const struct nsnet_exceptions *list);

/* Strings live as long as the list. */
struct nsnet_exception {
	uint64_t id;
	const char *tenant, *endpoint, *workload;
	const char *kind; /* "ipc=host", "cap=SYS_ADMIN", "fd=5" */
	const char *because;
	const char *exposed; /* what the user was told that it exposes */
	const char *command; /* of the workload */
	uint32_t uid;	     /* who wanted it */
	int64_t at, until;   /* seconds since 1970; until is 0: it does not expire */
	int64_t ended;	     /* 0: it is not over, or nobody saw its end, as in a reboot */
	enum nsnet_exception_state state;
};
void nsnet_exceptions_get(const struct nsnet_exceptions *list, size_t i,
			  struct nsnet_exception *ret);

/* ---- self-check ---- */

enum nsnet_verdict {
	NSNET_ISOLATED,
	NSNET_SHARED_JUSTIFIED,	  /* an opt-out says so, and is not expired */
	NSNET_SHARED_UNEXPLAINED, /* nothing says so */
	NSNET_NOT_TESTED,	  /* it could not be shown, which is no good sign */
};

/*
 * One namespace, looked at from both sides. The strings are sentences for people and
 * never NULL.
 */
struct nsnet_finding {
	enum nsnet_ns ns;
	enum nsnet_verdict verdict;
	uint64_t exception;  /* which opt-out justifies it; 0: none */
	const char *why;     /* shared or not tested: why it is called so; else "" */
	const char *inside;  /* what was done and found inside */
	const char *outside; /* and outside */
	const char *kernel;  /* the numbers that the kernel gives the namespaces, and who owns it */
	bool by_number;	     /* it is the host's, another's, or owned by whom it should not be */
	bool by_canary;	     /* what is on one side was seen on the other */
	bool tested;	     /* all acts and controls succeeded */
};

/* Whom the findings are about: a canary in a tenant, or a workload that lives. */
struct nsnet_checked {
	const char *tenant, *endpoint; /* endpoint "": it has none */
	const char *workload;	       /* its id; "": a canary that was started for this */
	const char *command;	       /* of the workload */
	int32_t pid;		       /* likewise; else 0 */
	const struct nsnet_finding *findings;
	size_t n_findings;
};

/* A process in a tenant's network that no spawner of ours has started. */
struct nsnet_stranger {
	const char *tenant, *endpoint; /* endpoint "": the gateway */
	int32_t pid;
	uint32_t uid;
	const char *comm;
	const char *caps;   /* its effective capabilities, "NET_ADMIN NET_RAW", "all", "" */
	bool host_users;    /* its user namespace is the host's */
	const char *unit;   /* systemd's unit or a container, "" when that is not known */
	const char *remedy; /* what to do about it */
	bool unexplained;   /* it could change the network, or the host */
};

struct nsnet_self_check;

/**
 * nsnet_self_check() - Show that each namespace isolates what it should
 * @n:        Handle
 * @tenant:   A canary in its `default` (or first) endpoint, its workloads, and strangers
 * @workload: Only this workload, which lives; @tenant is NULL then
 * @ret:      What was found, also when that is bad
 * @err:      Filled on failure
 *
 * With neither: all tenants, and all workloads. In a workload that lives, a process of ours
 * joins its namespaces for some milliseconds, without any rights; nothing of it is changed.
 * Of a tenant whose canary cannot be started, nothing is tested, and that is a finding.
 *
 * Return: 0, or -ENOENT (NO_TENANT, NO_WORKLOAD)
 */
int nsnet_self_check(struct nsnet *n, const char *tenant, const char *workload,
		     struct nsnet_self_check **ret, struct nsnet_err *err);
void nsnet_self_check_free(struct nsnet_self_check *c);
/* Whether nothing is unexplained, and nothing was left untested. */
bool nsnet_self_check_good(const struct nsnet_self_check *c);
size_t nsnet_self_check_count(const struct nsnet_self_check *c);
const struct nsnet_checked *nsnet_self_check_get(const struct nsnet_self_check *c, size_t i);
size_t nsnet_self_check_strangers(const struct nsnet_self_check *c);
const struct nsnet_stranger *nsnet_self_check_stranger(const struct nsnet_self_check *c, size_t i);

/* ---- doctor: what of this host is in nsnet's way ---------------------------------- */

enum nsnet_health {
	NSNET_HEALTHY,
	NSNET_DOUBTFUL, /* a warning */
	NSNET_FAILING,	/* something that is allowed does not work, or nsnet cannot work */
};

/**
 * struct nsnet_check - One thing that was looked at
 * @id:      "D104": stable
 * @health:  How it is
 * @what:    One sentence with the values
 * @remedy:  What can be done, to be pasted where it is a command; ""
 * @fixable: nsnet_doctor_fix() can do it
 * @fixed:   It has been done, and holds
 */
struct nsnet_check {
	const char *id;
	enum nsnet_health health;
	const char *what, *remedy;
	bool fixable, fixed;
};

struct nsnet_doctor;

/**
 * nsnet_doctor() - Look at the host
 * @n:   Handle
 * @ret: All checks, by id; for nsnet_doctor_free()
 * @err: Filled on failure
 *
 * Nothing of the host is changed. What cannot be found out is a check that is doubtful.
 *
 * Return: 0, -ENOMEM, or what keeps the store from being read
 */
int nsnet_doctor(struct nsnet *n, struct nsnet_doctor **ret, struct nsnet_err *err);
void nsnet_doctor_free(struct nsnet_doctor *d);
enum nsnet_health nsnet_doctor_health(const struct nsnet_doctor *d); /* the worst of all */
size_t nsnet_doctor_count(const struct nsnet_doctor *d);
const struct nsnet_check *nsnet_doctor_get(const struct nsnet_doctor *d, size_t i);

/* A rule in a table of somebody else, which nsnet has added there or removed. */
struct nsnet_doctor_rule {
	const char *table; /* "ip filter" */
	const char *chain; /* "DOCKER-USER" */
	const char *rule;  /* as nft (or, in a table of iptables, iptables) shows it */
};

struct nsnet_doctor_fix;

/**
 * nsnet_doctor_fix() - Let packets of uplinks through a firewall of somebody else, or no more
 * @n:     Handle
 * @id:    Of a check that is fixable
 * @undo:  Remove the rules that were added for this check, wherever they are
 * @flags: NSNET_DRY_RUN: only say which
 * @ret:   What was done, for nsnet_doctor_fix_free(); nothing when there was nothing to do
 * @err:   Filled on failure
 *
 * The only thing in nsnet that writes into a table that is not its own. All rules are added,
 * or removed, in one transaction; each has a comment with the check and the store in it.
 *
 * Return: 0, -EINVAL (USAGE: no such check, or none that can be fixed), or what the kernel says
 */
int nsnet_doctor_fix(struct nsnet *n, const char *id, bool undo, unsigned int flags,
		     struct nsnet_doctor_fix **ret, struct nsnet_err *err);
void nsnet_doctor_fix_free(struct nsnet_doctor_fix *f);
size_t nsnet_doctor_fix_count(const struct nsnet_doctor_fix *f);
const struct nsnet_doctor_rule *nsnet_doctor_fix_get(const struct nsnet_doctor_fix *f, size_t i);

/* ---- the prover: isolation proved from the kernel's own state -------------------- */

/*
 * A proof reads every network namespace of the machine afresh, or a snapshot that was
 * saved, and shares nothing with what makes or repairs tenants. What it says is about the
 * state whose hash it names, and about the tenants of the policy in it.
 */

/**
 * struct nsnet_proof_finding - What is to be said besides "proved"
 * @kind:     Stable: "UNEXPECTED_ALLOW", "STRAY_LINK", "STRONG_ADVERSARY", ...
 * @theorem:  1 to 8, the one that it breaks; 0: none alone
 * @from, @to: Tenants; "" for none, "host" or "outside"
 * @where:    The namespace, in words
 * @what:     One sentence with the values
 * @hint:     What would close it, to be pasted; ""
 * @evidence: Lines: the packet, its way hop by hop, the rule that let it through
 * @pid:      Of the process it is about; 0: none
 */
struct nsnet_proof_finding {
	const char *kind;
	enum nsnet_proved verdict;
	unsigned int theorem;
	const char *from, *to, *where, *what, *hint;
	const char *const *evidence;
	size_t n_evidence;
	int pid;
	/* Of a probe: "confirmed", "not-reproduced", "untested"; "" when none was sent for it. */
	const char *wire;
};

/**
 * struct nsnet_probed - A packet that was sent, and what came of it
 * @from, @to: "customer1/app", "gateway of customer2", "host", "internet"
 * @kind:      "icmp", "tcp-syn", "udp", "spoof-third", ...
 * @packet:    "10.10.1.2 -> 10.10.2.2 udp/47001"
 * @end:       "delivered", "blocked", "untested"
 * @seen_at:   Who has received it, "" nobody
 * @why:       Of "untested"
 * @expected:  By policy: "not", "may", "should" arrive
 */
struct nsnet_probed {
	const char *from, *to, *kind, *packet, *end, *seen_at, *why, *expected;
};

/**
 * struct nsnet_wire - What the prober says, and what both halves say together
 * @verdict: "PROVED+CONFIRMED", "VIOLATION" (the wire has shown it, too), "NOT-REPRODUCED" (a
 *           violation by the proof alone), "PROVER-UNSOUND" (the wire delivered what was proved
 *           impossible), "INCONCLUSIVE"
 * @n:       Probes; of these @delivered, @blocked, @untested
 * @pairs:   Ordered pairs of tenants that something was sent for; @sampled: there are more
 * @sent:    Packets, with sentinels and controls; @heard, and @dropped by those that listen
 * @list:    Those that are not as expected, and untested ones, at most 200
 * @bundle:  Of PROVER-UNSOUND: a file with the snapshot, beside which one that ends with .txt has
 *           the probes; "" when they could not be written
 */
struct nsnet_wire {
	const char *verdict;
	size_t n, delivered, blocked, untested, pairs;
	bool sampled;
	size_t sent, heard, dropped, sentinels, controls;
	unsigned int took_us;
	const struct nsnet_probed *list;
	size_t n_listed;
	const char *bundle;
};

/* One ordered pair of tenants. */
struct nsnet_proof_pair {
	const char *from, *to;
	enum nsnet_proved verdict;
	bool joined;	    /* else no path exists between the two, and that is the proof */
	const char *allows; /* what policies let @from open to @to: "tcp/5432 udp/53", "" nothing */
	const char *reason; /* the finding's kind where the verdict is not PROVED, else "" */
};

struct nsnet_theorem {
	unsigned int number; /* 1 to 8 */
	const char *says;
	enum nsnet_proved verdict;
	size_t checked;	  /* how many ports, pairs, connections, processes it was made for */
	const char *unit; /* "pairs", "ports", "connections", "processes" */
};

/* What is behind one device of a host's: its name is that of the device. */
struct nsnet_host_net {
	const char *name;
	const char *const *gateways; /* the host's addresses on it */
	size_t n_gateways;
	const char *const *members; /* containers, pods, units, pins: "web (docker 3f2a1b4c5d6e)" */
	size_t n_members;
};

/* A namespace that more than one container (or one and the host) is in. */
struct nsnet_host_shared {
	const char *kind; /* "pid", "net", "mnt", "ipc", "uts", "user", "cgroup", "time" */
	uint64_t inode;
	const char *const *members; /* "host" first, if it is among them */
	size_t n_members;
};

struct nsnet_proof {
	enum nsnet_proved verdict;  /* the worst of all */
	const char *hash;	    /* sha256 of the state */
	const char *release, *boot; /* of the kernel */
	int64_t at;		    /* when the state was read: seconds since 1970 */
	bool from_file;
	size_t n_tenants, n_endpoints, n_namespaces, n_foreign, n_links, n_rules;
	size_t n_pairs;	 /* ordered pairs of different tenants that were proved or not */
	size_t n_apart;	 /* of these: no path at all */
	size_t n_joined; /* of these: a path, so packets were followed */
	size_t n_violations, n_inconclusive;
	/* All pairs that are joined, not PROVED, or were asked for; in the order of names. */
	const struct nsnet_proof_pair *pairs;
	size_t n_listed;
	enum nsnet_proved unlisted; /* of all other pairs */
	const struct nsnet_theorem *theorems;
	size_t n_theorems;
	const struct nsnet_proof_finding *findings; /* violations first */
	size_t n_findings;
	const char *const *not_covered; /* stated, never counted as passed */
	size_t n_not_covered;
	unsigned int read_us, prove_us;
	size_t nodes, memory;	       /* of the proof's process: diagram nodes, bytes at most */
	const struct nsnet_wire *wire; /* NULL: nothing was sent */
	/* ---- of a machine that nsnet does not manage (nsnet_verify_how.host) ---- */
	bool host;
	const struct nsnet_host_net *networks; /* what `tenants` are then */
	size_t n_networks;
	const struct nsnet_host_shared *shared; /* by kind */
	size_t n_shared;
};

/**
 * struct nsnet_verify_how - What is to be proved
 * @snapshot: The text of a snapshot (`nsnet snapshot`), or NULL: the kernel as it is now
 * @len:      Its length
 * @pairs:    "FROM" and "TO" (tenants) by turns, 2 * @n_pairs of them; NULL: all pairs
 * @seconds:  The most that the proof may take; 0: 60
 * @nodes:    The most nodes that its diagrams may have; 0: 20,000,000
 * @probe:    Packets are sent, too: from the tenants' own ends, harmless to who gets them
 * @canaries: When all is proved and confirmed, an endpoint is made in each tenant for the run, and
 *            what would not be harmless to others is sent to these; all is proved once more
 * @aggressive: To these also what is meant to do harm: a bridge's hello, DHCP, router
 *            announcements
 * @most:     The most probes of pairs, else a sample is taken; 0: 120,000
 * @host:     This machine as it is, whoever made its networks: that they are apart, and reach
 *            neither the host nor each other's gateway addresses. Neither @snapshot nor @pairs
 */
struct nsnet_verify_how {
	const char *snapshot;
	size_t len;
	const char *const *pairs;
	size_t n_pairs;
	unsigned int seconds;
	size_t nodes;
	bool probe, canaries, aggressive;
	size_t most;
	bool host;
};

/**
 * nsnet_verify() - Prove isolation
 * @n:   May be NULL with a snapshot: then no privilege is needed. May be NULL with @how->host, too
 * @ret: The proof, for nsnet_proof_free(); all strings are its
 *
 * The proof runs in a process of its own with a budget. Whatever goes wrong there is
 * INCONCLUSIVE, never PROVED. With probes a proof is PROVED only when none of them is untested; a
 * packet that arrives and no policy allows is a VIOLATION, whatever was proved.
 *
 * Return: 0 whatever the verdict; -EINVAL (BAD_SNAPSHOT), -ENOENT (NO_TENANT), -EPERM
 * (NOT_PERMITTED), -EBUSY (KERNEL: the state never stood still), -ENOMEM
 */
int nsnet_verify(struct nsnet *n, const struct nsnet_verify_how *how,
		 const struct nsnet_proof **ret, struct nsnet_err *err);
void nsnet_proof_free(const struct nsnet_proof *p); /* NULL is fine */

/* A fault that was planted on purpose, and what was made of it. */
struct nsnet_mutant {
	const char *name;    /* "stray-veth" */
	const char *planted; /* in words */
	bool caught;
	const char *by;	  /* "proof"; "" when it was missed */
	const char *kind; /* of the finding that says it, or of the first one; "" */
	const char *what; /* that finding */
};
struct nsnet_self_tested {
	const struct nsnet_mutant *list;
	size_t n, caught;
	unsigned int took_ms;
};

/**
 * nsnet_self_test() - Whether nsnet_verify() finds what is wrong
 * @n:   Not used yet; may be NULL
 * @ret: For nsnet_self_tested_free(); all strings are its
 * @err: Filled on failure
 *
 * In a process of its own, with an empty network, processes, /run, /etc and /sys that are thrown
 * away, makes three tenants, proves that all is well, and plants a fixed list of single faults, one
 * by one: each must be found by its kind and cause, and gone after nsnet_repair(). The machine and
 * its tenants are not touched; nothing is left.
 *
 * Return: 0 however many were caught; -EPERM (NOT_PERMITTED), -EIO (INTERNAL: the bench itself is
 * not proved), -ETIMEDOUT (KERNEL), or what making the tenants answered
 */
int nsnet_self_test(struct nsnet *n, const struct nsnet_self_tested **ret, struct nsnet_err *err);
void nsnet_self_tested_free(const struct nsnet_self_tested *s); /* NULL is fine */

/**
 * nsnet_plan_snapshot() - What files would change, open and close where a snapshot was made
 * @how:   The snapshot; seconds and nodes
 * @p:     The files, without errors, read with nsnet_snapshot_tenants()
 * @flags: NSNET_PRUNE: what the snapshot's policies have and the files do not, goes
 * @ret:   As nsnet_apply() gives it, without steps; what differs is told without places
 *
 * Without privilege and without the kernel; makes a folder in $TMPDIR or /tmp meanwhile. What
 * is compared is what both policies want there, in rules: somebody else's change of a gateway that
 * the snapshot shows is told by nsnet_verify().
 *
 * Return: 0, or -EINVAL (BAD_SNAPSHOT), or as nsnet_apply()
 */
int nsnet_plan_snapshot(const struct nsnet_verify_how *how, const struct nsnet_policies *p,
			unsigned int flags, struct nsnet_applied **ret, struct nsnet_err *err);
/* The tenants that a snapshot's policy has, for nsnet_policies_parse(). */
int nsnet_snapshot_tenants(const struct nsnet_verify_how *how, struct nsnet_tenants **ret,
			   struct nsnet_err *err);

/* The state of the machine as text (JSON), for the caller to free(). */
int nsnet_snapshot(struct nsnet *n, char **ret, size_t *len, struct nsnet_err *err);

/**
 * struct nsnet_hop - One station of a packet's way
 * @kind:  "in", "rules", "ct", "nat", "route", "switch", "out", "local", "stop"
 * @where: The namespace, in words
 * @text:  What happens
 * @rules: For "rules": those that matched: "inet nsnet admit handle 41 'comment': accept"
 */
struct nsnet_hop {
	const char *kind, *where, *text;
	const char *const *rules;
	size_t n_rules;
};

struct nsnet_explained {
	const char *from, *to; /* as asked: "customer1/app" */
	const char *from_ip, *to_ip;
	const char *ports;		/* "tcp/5432" */
	bool allowed;			/* the packet arrives */
	enum nsnet_proved certainty;	/* PROVED, or INCONCLUSIVE: something may go either way */
	bool intended;			/* policy allows it */
	const char *policy, *policy_at; /* its name, and "30-peering.yaml:3"; "" */
	const char *reason; /* "NO_ALLOW_RULE", "DENY_RULE", "QUARANTINED", "NO_ROUTE", "NO_PATH",
			       "FOREIGN_DROP",   "INSIDE_DENY", "ALLOWED", "MODEL_MISMATCH",
			       "IPV6_OFF" */
	const char *says;   /* the reason in one line */
	const char *hint;   /* what would change it */
	const char *hash;
	const struct nsnet_hop *hops;
	size_t n_hops;
};

/* @from, @to: TENANT or TENANT/ENDPOINT; @ports: "tcp/5432", "icmp/echo"; NULL: icmp/echo. */
int nsnet_explain(struct nsnet *n, const struct nsnet_verify_how *how, const char *from,
		  const char *to, const char *ports, bool ipv6, const struct nsnet_explained **ret,
		  struct nsnet_err *err);
void nsnet_explained_free(const struct nsnet_explained *e); /* NULL is fine */

/* One source that can open something to an endpoint, by the kernel's state. */
struct nsnet_opener {
	const char *from;   /* "customer1", "customer1/app" */
	const char *ports;  /* "tcp/5432 icmp/echo" */
	const char *policy; /* that allows it, "" when none does */
	bool intended;
};
struct nsnet_openers {
	const char *to, *hash;
	enum nsnet_proved certainty;
	const struct nsnet_opener *list;
	size_t n;
};
/* @to: TENANT or TENANT/ENDPOINT; @ports as above or NULL: any */
int nsnet_who_can(struct nsnet *n, const struct nsnet_verify_how *how, const char *to,
		  const char *ports, const struct nsnet_openers **ret, struct nsnet_err *err);
void nsnet_openers_free(const struct nsnet_openers *o); /* NULL is fine */

/* Namespaces and the links between them, as they are. */
struct nsnet_node {
	const char *name; /* "customer1/app", "gateway of customer1", "host", "net:[4026531840]" */
	const char *kind; /* "host", "gateway", "workload", "foreign" */
	const char *tenant;
};
struct nsnet_link {
	size_t a, b;		     /* nodes; b SIZE_MAX: nobody knows where it leads */
	const char *a_name, *b_name; /* of the links; "" */
	const char *kind;	     /* "port", "cable", "uplink", "outside", "stray", "loose" */
	const char *text;	     /* of a loose end; of a cable what policies allow over it */
};
struct nsnet_graph {
	const char *hash;
	const struct nsnet_node *nodes;
	size_t n_nodes;
	const struct nsnet_link *links;
	size_t n_links;
};
int nsnet_graph(struct nsnet *n, const struct nsnet_verify_how *how, const struct nsnet_graph **ret,
		struct nsnet_err *err);
void nsnet_graph_free(const struct nsnet_graph *g); /* NULL is fine */

/* What one rule did to the packet, by what the kernel tells (nftrace). */
struct nsnet_trace_line {
	const char *where; /* "gateway of customer1" */
	size_t packet;	   /* from 1: some are sent by both ways that there are */
	const char *kind;  /* "rule", "return" (a chain came to its end), "policy" (of a chain) */
	const char *table; /* "inet nsnet" */
	const char *chain;
	uint64_t handle;		/* of a rule */
	const char *comment;		/* the rule's, "" */
	const char *verdict;		/* "accept", "drop", "goto nsnet_judge", "continue", ... */
	const char *policy, *policy_at; /* by whose words, and "30-peering.yaml:3"; "" */
	const char *in, *out;		/* links, at the beginning of a base chain; "" */
};

/**
 * struct nsnet_traced - One packet that was sent, and what became of it
 * @explained: What the kernel's state said before
 * @end:       "delivered", "blocked", "untested"
 * @why:       Of untested
 * @seen_at:   Who received it: "customer2/db", "gateway of customer2"; ""
 * @packet:    "SYN 10.10.1.2:50112 > 10.10.2.10:5432"; "" when none was sent
 * @sent_us:   When, in microseconds since 1970; 0: never
 * @agrees:    "agrees", "contradicts", or "unknown": untested, or the state allows both
 * @lines:     In the order of the way. None when it met no rule, or see @untraced
 * @last:      Index of the rule or policy that had the last word; SIZE_MAX: none
 * @untraced:  Why lines are missing, ""
 */
struct nsnet_traced {
	const struct nsnet_explained *explained;
	const char *end, *why, *seen_at, *packet, *agrees, *untraced;
	int64_t sent_us;
	const struct nsnet_trace_line *lines;
	size_t n_lines, last;
};

/**
 * nsnet_trace() - Send one packet, and look what rules do to it
 *
 * It leaves from @from's own namespace, as nsnet_explain() has it, and may be received by a
 * program that listens at @to: that port was asked for. A connection is not made, as nobody
 * answers the answer but with a reset. Meanwhile, for some milliseconds, each gateway on the way
 * has two tables of ours that only look; they go with the process. Nothing is sent to or from who
 * is no tenant (untested).
 *
 * Return: 0 whatever the end; errors as nsnet_explain()
 */
int nsnet_trace(struct nsnet *n, const struct nsnet_verify_how *how, const char *from,
		const char *to, const char *ports, bool ipv6, const struct nsnet_traced **ret,
		struct nsnet_err *err);
void nsnet_traced_free(const struct nsnet_traced *t); /* NULL is fine */

#ifdef __cplusplus
}
#endif

#endif
