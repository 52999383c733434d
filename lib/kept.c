/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/kept.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "rows.h"
#include "target.h"

/*
 * kept - going back to what was wanted, and changes that wait for a confirmation
 *
 * A rollback is an apply of what was stored once: it goes through the same engine, is tried
 * first, revokes before it grants, and is kept like any change.
 */

NSN_CLEANUP(struct nsnet_applied, nsnet_applied_free)

/* Rules from before that nobody would confirm any more, in words of a command. */
#define NOT_CONFIRMED "(nobody confirmed it)"

uint64_t nsn_boot_ms(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void nsn_kept_as(struct nsnet *n, const char *kind)
{
	nsn_store_say(n->store, kind, n->command ? n->command : "");
}

int nsnet_say(struct nsnet *n, const char *command, struct nsnet_err *err)
{
	char *copy = strdup(command);

	if (!copy)
		return nsn_err_nomem(err);
	free(n->command);
	n->command = copy;
	return 0;
}

/* ---- what is kept ------------------------------------------------------------------ */

struct nsnet_generations {
	struct nsn_kept_change *list;
	size_t n;
	uint64_t waits; /* of which generation the change waits; UINT64_MAX: none */
};

void nsnet_generations_free(struct nsnet_generations *list)
{
	if (list)
		free(list->list);
	free(list);
}
NSN_CLEANUP(struct nsnet_generations, nsnet_generations_free)

size_t nsnet_generations_count(const struct nsnet_generations *list)
{
	return list->n;
}

void nsnet_generations_get(const struct nsnet_generations *list, size_t i,
			   struct nsnet_generation *ret)
{
	const struct nsn_kept_change *k = &list->list[i];

	*ret = (struct nsnet_generation){.generation = k->generation,
					 .last = k->last,
					 .at = k->at,
					 .uid = k->uid,
					 .kind = k->kind,
					 .command = k->command,
					 .waits = k->generation == list->waits};
}

int nsnet_generation_list(struct nsnet *n, struct nsnet_generations **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_generations_freep) struct nsnet_generations *list = calloc(1, sizeof(*list));
	struct nsn_unconfirmed u = {0};
	int r = list ? nsn_store_kept_list(n->store, &list->list, &list->n, err)
		     : nsn_err_nomem(err);

	if (r == 0)
		r = nsn_store_unconfirmed_get(n->store, &u, err);
	if (r < 0)
		return r;
	list->waits = r > 0 && u.state == NSN_CONFIRM_WAITS ? u.back_to : UINT64_MAX;
	*ret = NSN_TAKE_PTR(list);
	return 0;
}

/* The change that begins with it: 1, or 0. */
static int find_kept(struct nsnet *n, uint64_t generation, struct nsn_kept_change *ret,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct nsn_kept_change *list = NULL;
	size_t count = 0;
	int r = nsn_store_kept_list(n->store, &list, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (list[i].generation != generation)
			continue;
		*ret = list[i];
		return 1;
	}
	return r;
}

/* ---- going back -------------------------------------------------------------------- */

static bool is_overdue(const struct nsn_unconfirmed *u)
{
	return u->state == NSN_CONFIRM_WAITS && (!u->this_boot || nsn_boot_ms() >= u->deadline);
}

/* What was closed since @u is closed afterwards, too. */
static int keep_closed(struct nsnet *n, const struct nsn_unconfirmed *u, struct nsn_target *t,
		       struct nsnet_err *err)
{
	NSN_AUTO(nsn_past_clear) struct nsn_past after = {0};
	struct nsn_kept_change k = {0};
	uint64_t now = 0;
	int r = nsn_store_generation(n->store, &now, err);

	if (r == 0)
		r = find_kept(n, u->back_to, &k, err);
	if (r <= 0 || k.last == now)
		return r;
	r = nsn_store_past(n->store, k.last, &after, err);
	if (r == 0)
		r = nsn_store_past(n->store, now, &t->now, err);
	return r == 0 ? nsn_target_close(t, &after, err) : r;
}

/* Under the lock. @u: what is taken back with it; NULL: it is where somebody wants to go. */
static int go_back(struct nsnet *n, uint64_t generation, const struct nsn_unconfirmed *u,
		   unsigned int flags, size_t prune_tenants, struct nsnet_applied *out,
		   struct nsnet_err *err)
{
	NSN_AUTO(nsn_target_clear) struct nsn_target t = {0};
	int r = nsn_store_past(n->store, generation, &t.past, err);

	if (r == 0)
		r = nsn_target_init(&t, err);
	if (r == 0 && u)
		r = keep_closed(n, u, &t, err);
	if (r < 0)
		return r;
	nsn_store_permit(n->store);
	return nsn_apply_set(n, &t.set, flags | NSNET_PRUNE, prune_tenants, 0, out, err);
}

static int settle(struct nsnet *n, const struct nsn_unconfirmed *u, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_applied_freep) struct nsnet_applied *out = calloc(1, sizeof(*out));
	int r = out ? nsn_change_new(&out->change, err) : nsn_err_nomem(err);

	if (r < 0)
		return r;
	nsn_store_say(n->store, "rollback", NOT_CONFIRMED);
	r = go_back(n, u->back_to, u, 0, NSN_ANY_NUMBER, out, err);
	if (r == 0)
		r = nsn_store_unconfirmed_end(n->store, NSN_CONFIRM_UNDONE, err);
	nsn_kept_as(n, "");
	return r;
}

int nsn_settle_overdue(struct nsnet *n, struct nsnet_err *err)
{
	struct nsn_unconfirmed u = {0};
	int r = nsn_store_unconfirmed_get(n->store, &u, err);

	if (r <= 0 || !is_overdue(&u))
		return r < 0 ? r : 0;
	r = settle(n, &u, err);
	if (r < 0)
		return nsn_err_wrap(err, r, "take back what nobody confirmed in time");
	return 1;
}

static int refuse(const struct nsn_unconfirmed *u, struct nsnet_err *err)
{
	const uint64_t now = nsn_boot_ms();

	(void)nsn_err(err, -EBUSY, NSNET_E_UNCONFIRMED,
		      "a change waits for its confirmation, and is taken back in %" PRIu64
		      " s; until then only what closes is done",
		      u->deadline > now ? (u->deadline - now + 999) / 1000 : 0);
	return nsn_err_hint(err, -EBUSY, "nsnet confirm, or nsnet rollback");
}

int nsn_may_change(struct nsnet *n, unsigned int flags, bool closes, struct nsnet_err *err)
{
	struct nsn_unconfirmed u = {0};
	int r;

	if (flags & (NSNET_DRY_RUN | NSNET_CHECK_ONLY)) {
		nsn_store_permit(n->store);
		return 0;
	}
	r = nsn_settle_overdue(n, closes ? NULL : err);
	if (closes) {
		nsn_store_permit(n->store);
		return 0;
	}
	if (r >= 0)
		r = nsn_store_unconfirmed_get(n->store, &u, err);
	return r > 0 && u.state == NSN_CONFIRM_WAITS ? refuse(&u, err) : r < 0 ? r : 0;
}

/* ---- which ------------------------------------------------------------------------- */

static bool is_kind(const struct nsn_kept_change *k, const char *kind)
{
	return strcmp(k->kind, kind) == 0;
}

static int later_changes(const struct nsn_kept_change *list, size_t n, struct nsnet_err *err)
{
	size_t last = 0;

	/* Who comes too late to take something back must not bring it back. */
	if (n > 0 && is_kind(&list[0], "rollback")) {
		(void)nsn_err(err, -EBUSY, NSNET_E_LATER_CHANGES,
			      "the last change was a rollback already");
		return nsn_err_hint(err, -EBUSY, "to take it back: nsnet rollback %" PRIu64,
				    list[0].generation);
	}
	while (last < n && !is_kind(&list[last], "apply"))
		last++;
	if (last == n) {
		(void)nsn_err(err, -ENOENT, NSNET_E_NO_GENERATION, "no apply is kept");
		return nsn_err_hint(err, -ENOENT, "nsnet rollback --list");
	}
	(void)nsn_err(err, -EBUSY, NSNET_E_LATER_CHANGES,
		      "there %s %zu other change%s since the last apply, which going back would "
		      "undo, too; the last: %.200s",
		      last == 1 ? "was" : "were", last, last == 1 ? "" : "s", list[0].command);
	return nsn_err_hint(err, -EBUSY,
			    "all of them: nsnet rollback %" PRIu64
			    "; only the last: nsnet rollback %" PRIu64,
			    list[last].generation, list[0].generation);
}

/* The last apply, when nothing else came after it. */
static int last_apply(struct nsnet *n, uint64_t *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct nsn_kept_change *list = NULL;
	size_t count = 0;
	int r = nsn_store_kept_list(n->store, &list, &count, err);

	if (r < 0)
		return r;
	if (count == 0 || !is_kind(&list[0], "apply"))
		return later_changes(list, count, err);
	*ret = list[0].generation;
	return 0;
}

static int roll_back(struct nsnet *n, uint64_t generation, unsigned int flags, size_t prune_tenants,
		     struct nsnet_applied *out, struct nsnet_err *err)
{
	struct nsn_unconfirmed u = {0};
	int r = nsn_store_unconfirmed_get(n->store, &u, err);
	const bool waits = r > 0 && u.state == NSN_CONFIRM_WAITS;

	if (r < 0)
		return r;
	r = 0;
	if (waits && generation == NSNET_LAST_APPLY)
		generation = u.back_to;
	if (waits && generation > u.back_to)
		return refuse(&u, err);
	if (generation == NSNET_LAST_APPLY)
		r = last_apply(n, &generation, err);
	if (r < 0)
		return r;
	nsn_kept_as(n, "rollback");
	/* Who applied it with a limit has said that all of it may go. */
	if (waits && generation == u.back_to)
		r = go_back(n, generation, &u, flags, NSN_ANY_NUMBER, out, err);
	else
		r = go_back(n, generation, NULL, flags, prune_tenants, out, err);
	if (r == 0 && waits && !(flags & NSNET_DRY_RUN))
		r = nsn_store_unconfirmed_end(n->store, NSN_CONFIRM_UNDONE, err);
	return r;
}

int nsnet_rollback(struct nsnet *n, uint64_t generation, unsigned int flags, size_t prune_tenants,
		   struct nsnet_applied **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_applied_freep) struct nsnet_applied *out = calloc(1, sizeof(*out));
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	int r = out ? nsn_change_new(&out->change, err) : nsn_err_nomem(err);

	if (ret)
		*ret = NULL;
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r < 0)
		return r;
	r = roll_back(n, generation, flags, prune_tenants, out, err);
	if (ret && (r == 0 || r == -EBUSY))
		*ret = NSN_TAKE_PTR(out);
	return r;
}

/* ---- what waits -------------------------------------------------------------------- */

int nsnet_unconfirmed(struct nsnet *n, struct nsnet_unconfirmed *ret, struct nsnet_err *err)
{
	struct nsn_unconfirmed u = {0};
	const uint64_t now = nsn_boot_ms();
	int r = nsn_store_unconfirmed_get(n->store, &u, err);

	if (r < 0)
		return r;
	*ret = (struct nsnet_unconfirmed){0};
	if (r == 0)
		return 0;
	*ret = (struct nsnet_unconfirmed){.nr = u.nr,
					  .state = u.state == NSN_CONFIRM_WAITS	 ? NSNET_WAITS
						   : u.state == NSN_CONFIRM_KEPT ? NSNET_CONFIRMED
										 : NSNET_TAKEN_BACK,
					  .back_to = u.back_to,
					  .at = u.at,
					  .uid = u.uid};
	if (u.state == NSN_CONFIRM_WAITS && u.this_boot && u.deadline > now)
		ret->left_ms = u.deadline - now;
	return 0;
}

int nsnet_confirm(struct nsnet *n, uint64_t *generation, struct nsnet_err *err)
{
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	struct nsn_unconfirmed u = {0};
	int r = nsn_lock(n, &locked, err);

	if (r == 0)
		r = nsn_settle_overdue(n, err);
	if (r > 0)
		return nsn_err(
			err, -ETIMEDOUT, NSNET_E_NOT_CONFIRMED,
			"it is too late: nobody confirmed it in time, and it was taken back");
	if (r == 0)
		r = nsn_store_unconfirmed_get(n->store, &u, err);
	if (r < 0)
		return r;
	if (r == 0 || u.state != NSN_CONFIRM_WAITS)
		return nsn_err(err, -ENOENT, NSNET_E_NOTHING_TO_CONFIRM,
			       "no change waits for a confirmation");
	r = nsn_store_unconfirmed_end(n->store, NSN_CONFIRM_KEPT, err);
	if (r == 0 && generation)
		r = nsn_store_generation(n->store, generation, err);
	return r;
}

int nsnet_settle(struct nsnet *n, struct nsnet_err *err)
{
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	int r = nsn_lock(n, &locked, err);

	return r == 0 ? nsn_settle_overdue(n, err) : r;
}
