/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ids.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "spawn/inuse.h"
#include "store/ranges.h"

/* In the open transaction: another one may have been quicker. */
static int give(struct nsnet *n, uint64_t tenant, const char *name,
		const struct nsn_taken_list *taken, uint32_t *base, struct nsnet_err *err)
{
	uint32_t last = 0;
	int r;

	r = nsn_store_range_get(n->store, tenant, base, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = nsn_store_range_last(n->store, &last, err);
	if (r == 0)
		r = nsn_ids_next(last, taken, base, err);
	if (r == 0)
		r = nsn_store_range_give(n->store, *base, tenant, name, err);
	return r == 0 ? nsn_store_commit(n->store, err) : r;
}

/* The host is looked at before the lock is taken: nobody else has to wait for that. */
static int find_and_give(struct nsnet *n, uint64_t tenant, const char *name, uint32_t *base,
			 struct nsnet_err *err)
{
	NSN_AUTO(nsn_taken_clear) struct nsn_taken_list taken = {0};
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	int r;

	r = nsn_inuse_read(0, &taken, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r == 0)
		r = nsn_store_begin(n->store, err);
	if (r < 0)
		return r;
	r = give(n, tenant, name, &taken, base, err);
	nsn_store_rollback(n->store);
	return r;
}

int nsn_tenant_ids(struct nsnet *n, uint64_t tenant, const char *name, struct nsn_ids *ret,
		   struct nsnet_err *err)
{
	uint32_t base = 0;
	int r;

	r = nsn_store_range_get(n->store, tenant, &base, err);
	if (r == 0)
		r = find_and_give(n, tenant, name, &base, err);
	if (r < 0)
		return nsn_err_wrap(err, r, "numbers of users for tenant '%s'", name);
	nsn_ids_range(base, ret);
	return 0;
}

static int check_accounts(const struct nsn_ids *ids, struct nsnet_err *err)
{
	char by[64];

	for (size_t i = 0; i < ids->n; i++) {
		uint32_t id = ids->map[i].outside;

		if (id - ids->base >= NSN_IDS_RANGE && nsn_inuse_account(id, by))
			return nsn_err(err, -EINVAL, NSNET_E_BAD_ID_MAP,
				       "'%" PRIu32 ":%" PRIu32 "': %" PRIu32
				       " is in use on the host (%s)",
				       ids->map[i].inside, id, id, by);
	}
	return 0;
}

int nsn_ids_with_user(struct nsnet *n, uint64_t tenant, const char *name, const char *text,
		      struct nsn_ids *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_taken_clear) struct nsn_taken_list taken = {0};
	struct nsn_ids ids;
	int r;

	r = nsn_tenant_ids(n, tenant, name, &ids, err);
	if (r == 0)
		r = nsn_inuse_read(ids.base, &taken, err);
	if (r == 0)
		r = nsn_ids_replace(&ids, text, &taken, err);
	if (r == 0)
		r = check_accounts(&ids, err);
	if (r == 0)
		*ret = ids;
	return r;
}

/* ---- asked by name and by number ------------------------------------------------ */

int nsnet_id(struct nsnet *n, const char *tenant, uint32_t inside, uint32_t *outside,
	     struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
	struct nsn_ids ids;
	int r;

	if (inside >= NSN_IDS_RANGE) {
		(void)nsn_err(err, -EINVAL, NSNET_E_BAD_USER,
			      "there is no user %" PRIu32 " inside: they go from 0 to 65535",
			      inside);
		return nsn_err_hint(err, -EINVAL, "nsnet whose-uid %" PRIu32, inside);
	}
	r = nsn_store_tenant_get(n->store, tenant, &t, err);
	if (r == 0)
		r = nsn_tenant_ids(n, t.id, t.name, &ids, err);
	return r < 0 ? r : nsn_ids_outside(&ids, inside, outside);
}

static int nobody(uint32_t outside, struct nsnet_err *err)
{
	const char *why = outside >= NSN_IDS_FIRST && outside <= NSN_IDS_LAST
				  ? "its range was given to none"
				  : "theirs are from 1879048192 to 2147352575";

	(void)nsn_err(err, -ENOENT, NSNET_E_NO_TENANT,
		      "user %" PRIu32 " of the host is no tenant's: %s", outside, why);
	if (outside < NSN_IDS_RANGE)
		return nsn_err_hint(err, -ENOENT, "for a number inside: nsnet id TENANT %" PRIu32,
				    outside);
	return -ENOENT;
}

int nsnet_whose_id(struct nsnet *n, uint32_t outside, struct nsnet_whose *ret,
		   struct nsnet_err *err)
{
	struct nsn_id_range range = {0};
	int r;

	r = nsn_store_range_at(n->store, outside / NSN_IDS_RANGE * NSN_IDS_RANGE, &range, err);
	if (r <= 0)
		return r < 0 ? r : nobody(outside, err);
	*ret = (struct nsnet_whose){
		.inside = outside - range.base,
		.base = range.base,
		.live = range.tenant != 0,
		.given = range.given,
		.gone = range.retired,
	};
	memcpy(ret->tenant, range.name, sizeof(range.name));
	return 0;
}
