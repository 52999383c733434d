/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STORE_STORE_H
#define NSN_STORE_STORE_H

/*
 * store - the wanted state on disk, and the one lock of a state folder
 *
 * SQLite, WAL, synchronous=FULL: what was committed survives power loss. All of it
 * is on disk twice, and with sums (vfs.h): what is damaged once is mended by whoever
 * comes across it, what is damaged twice is refused with STORE_BROKEN; never is an
 * older state taken for the current one. Only nsnet may write to the files; to put a
 * backup in place, remove all of nsnet.db* first.
 *
 * Closing does no checkpoint, which would cost 1-2 ms of every command; the log
 * is folded in after a commit that made it long.
 *
 * Besides the wanted state there are facts about the running kernel: which
 * namespaces were made for whom. They are bound to the boot in which they were
 * written and read as absent in any other.
 *
 * Two tiers of exclusion: the lock (nsn_store_lock) is held over a whole change,
 * kernel and database; readers need neither.
 */
#include "../model/tenant.h"

struct nsn_store;

/* What marks everything this store makes. Drawn at random when the store is made. */
struct nsn_store_id {
	char hex[33];	/* 128 bits */
	uint32_t group; /* for IFLA_GROUP: never 0, which is every link's default */
};

#define NSN_BOOT_ID_SIZE 37

/*
 * nsn_store_open() - Open the database in a folder, making or migrating it
 * @ret:   The store
 * @dirfd: The state folder (nsn_dir_open()); borrowed until nsn_store_close()
 * @dir:   Its path, for messages and for SQLite
 * @boot:  The id of this boot; facts of another one do not count
 *
 * An older schema is migrated in one transaction, a newer one refused with
 * nothing changed (STORE_NEWER). What is no database of ours is STORE_BROKEN.
 */
int nsn_store_open(struct nsn_store **ret, int dirfd, const char *dir, const char *boot,
		   struct nsnet_err *err);
void nsn_store_close(struct nsn_store *s); /* rolls an open transaction back; NULL is fine */

/* Damaged pages that this handle has taken from the second copy. */
unsigned int nsn_store_mended(const struct nsn_store *s);
int nsn_store_schema(const struct nsn_store *s); /* version of the open database */
const struct nsn_store_id *nsn_store_id(const struct nsn_store *s);

/*
 * The lock of the state folder. Waits; a signal handler without SA_RESTART ends
 * the wait with -ETIMEDOUT (TIMED_OUT), which is how a caller sets a limit. It
 * goes away with the process.
 */
int nsn_store_lock(struct nsn_store *s, struct nsnet_err *err);
void nsn_store_unlock(struct nsn_store *s);

int nsn_store_begin(struct nsn_store *s, struct nsnet_err *err);
int nsn_store_commit(struct nsn_store *s, struct nsnet_err *err);
/* Nothing open: nothing happens. Numbers that were given out are not given again. */
void nsn_store_rollback(struct nsn_store *s);
/* The same for a transaction whose numbers nobody has used: nothing at all is written. */
void nsn_store_rollback_unused(struct nsn_store *s);

/*
 * How many transactions have changed what is wanted: tenants, endpoints, policies,
 * quarantines, settings. One more for each that did and was committed, however
 * much it changed; what is seen inside of one counts it. Numbers of links, cables
 * and facts do not count.
 */
int nsn_store_generation(struct nsn_store *s, uint64_t *ret, struct nsnet_err *err);

/*
 * Binds the store to the host network namespace with this cookie, for this
 * boot. Return: 0, or -EXDEV (WRONG_NETNS) when it is bound to another.
 */
int nsn_store_bind_host(struct nsn_store *s, uint64_t cookie, struct nsnet_err *err);

/*
 * Stores a tenant with its endpoints; fills in all ids and link numbers. Return:
 * 0, or -EEXIST (TENANT_EXISTS) when the name is taken, -EOVERFLOW (STORE_IO)
 * when no numbers are left
 */
int nsn_store_tenant_insert(struct nsn_store *s, struct nsn_tenant *t, struct nsnet_err *err);
/*
 * Writes settings, labels, owners and gateway of a stored tenant, and the
 * addresses, fixed marks and rates of those of its endpoints that are stored.
 * Endpoints that @t does not have stay, and so have to fit its subnets. All or
 * nothing. Return: 0, or -ENOENT (NO_TENANT, NO_ENDPOINT), -EEXIST
 * (ADDRESS_TAKEN)
 */
int nsn_store_tenant_update(struct nsn_store *s, const struct nsn_tenant *t, struct nsnet_err *err);
/*
 * Fills in id and link number of @e and marks it fresh, as tenant_insert does for
 * all of them. Return: 0, or -ENOENT (NO_TENANT), -EEXIST (ENDPOINT_EXISTS,
 * ADDRESS_TAKEN)
 */
int nsn_store_endpoint_insert(struct nsn_store *s, uint64_t tenant, struct nsn_endpoint *e,
			      struct nsnet_err *err);
/* The fact about its namespace goes, too. 0, or -ENOENT (NO_ENDPOINT). */
int nsn_store_endpoint_delete(struct nsn_store *s, uint64_t tenant, uint64_t endpoint,
			      struct nsnet_err *err);
/* 0, or -ENOENT with NO_TENANT and, where one is near, a did-you-mean hint. @ret is empty before.
 */
int nsn_store_tenant_get(struct nsn_store *s, const char *name, struct nsn_tenant *ret,
			 struct nsnet_err *err);
/* The runtime facts of the tenant go, too, its cables have to be gone: 0, or -ENOENT
 * (NO_TENANT), -EBUSY (INTERNAL). */
int nsn_store_tenant_delete(struct nsn_store *s, uint64_t id, struct nsnet_err *err);
/* 1 when a tenant with this id is wanted, else 0. */
int nsn_store_tenant_exists(struct nsn_store *s, uint64_t id, struct nsnet_err *err);

struct nsn_tenant_list {
	struct nsn_tenant *tenants; /* by name */
	size_t n;
};
void nsn_tenant_list_clear(struct nsn_tenant_list *list);
int nsn_store_tenant_list(struct nsn_store *s, struct nsn_tenant_list *ret, struct nsnet_err *err);
/* One tenant, and all that it has a cable to. None: it is not there. */
int nsn_store_tenant_list_joined(struct nsn_store *s, const char *name, struct nsn_tenant_list *ret,
				 struct nsnet_err *err);

/*
 * The name and subnet of one tenant other than @not_id whose subnet (or IPv6
 * prefix, by the family of @p) overlaps @p: 1 found, 0 none. An index makes it
 * as quick with 10,000 tenants as with 10.
 */
int nsn_store_overlap(struct nsn_store *s, const struct nsn_prefix *p, uint64_t not_id,
		      char name[NSN_NAME_MAX + 1], struct nsn_prefix *subnet,
		      struct nsnet_err *err);

/*
 * The lowest network of length @len in @pool that overlaps no tenant's and none
 * of @avoid (in any order, either family): 1 found, 0 none is left. One pass over
 * the tenants in the pool.
 */
int nsn_store_free_subnet(struct nsn_store *s, const struct nsn_prefix *pool, uint8_t len,
			  const struct nsn_prefix *avoid, size_t n_avoid, struct nsn_prefix *ret,
			  struct nsnet_err *err);

/* A new link number for an endpoint, stored with it. */
int nsn_store_new_link(struct nsn_store *s, struct nsn_endpoint *e, struct nsnet_err *err);

/*
 * Facts of this boot: the cookie (SO_NETNS_COOKIE: never given twice in one
 * boot) of the namespace that was made for a place of a tenant. @endpoint 0 is
 * the gateway. get: 1 known, 0 not known in this boot.
 */
int nsn_store_ns_put(struct nsn_store *s, uint64_t tenant, uint64_t endpoint, uint64_t cookie,
		     struct nsnet_err *err);
int nsn_store_ns_get(struct nsn_store *s, uint64_t tenant, uint64_t endpoint, uint64_t *cookie,
		     struct nsnet_err *err);
/* All that are known in this boot, by tenant and endpoint. free() @ret. */
struct nsn_ns {
	uint64_t tenant, endpoint, cookie;
};
int nsn_store_ns_list(struct nsn_store *s, struct nsn_ns **ret, size_t *n, struct nsnet_err *err);

#endif
