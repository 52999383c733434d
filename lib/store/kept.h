/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STORE_KEPT_H
#define NSN_STORE_KEPT_H

/*
 * kept - what was wanted before each of the last changes; and the one that waits for a
 * confirmation
 *
 * Kept is not each state, which is as large as the store, but what leads back: triggers write
 * down, for every row of what is wanted that a change touches, the statement that makes it what
 * it was. Going back is carrying these out, the last first, in a transaction that is rolled
 * back when it was read. So a change costs by what it changes and not by what there is, no
 * writer can forget it, and every column is in it, also one that comes with a later schema:
 * the triggers are made out of the tables themselves (nsn_kept_watch(), sql.h).
 *
 * A change is all that was committed under one lock (nsn_store_lock()), in however many
 * transactions; without the lock each of them.
 */
#include "../base/cleanup.h"
#include "policies.h"
#include "store.h"

/* So many changes are kept, but all that are newer than what waits. */
#define NSN_KEPT_MAX 20

#define NSN_KEPT_WORDS 256
struct nsn_kept_change {
	uint64_t generation; /* before it: where one goes back to */
	uint64_t last;	     /* after it */
	int64_t at;	     /* seconds since 1970 */
	uint32_t uid;
	char kind[16];		      /* "apply", "rollback"; "": any other */
	char command[NSN_KEPT_WORDS]; /* as it was typed, or "" */
};

/*
 * What comes now is another change, and kept as this. Both are copied; the words are cut where
 * they are too long. A new lock is another change, too, of no kind.
 */
void nsn_store_say(struct nsn_store *s, const char *kind, const char *words);

/* The newest first; free() *@ret. */
int nsn_store_kept_list(struct nsn_store *s, struct nsn_kept_change **ret, size_t *n,
			struct nsnet_err *err);

/* Start as { 0 }. Ids, numbers and links are those of then. */
struct nsn_past {
	struct nsn_tenant_list tenants;
	struct nsn_policy_list policies;
	struct nsn_quarantine_list quarantines;
};
void nsn_past_clear(struct nsn_past *past);
NSN_CLEANUP(struct nsn_past, nsn_past_clear)
/*
 * What was wanted in a generation that a change began or ended with: one of nsn_store_kept_list(),
 * or the present one. Not inside of a transaction. -ENOENT (NO_GENERATION)
 */
int nsn_store_past(struct nsn_store *s, uint64_t generation, struct nsn_past *ret,
		   struct nsnet_err *err);

/* ---- what waits for a confirmation --------------------------------------------------- */

enum nsn_confirm {
	NSN_CONFIRM_WAITS,
	NSN_CONFIRM_KEPT,   /* it was confirmed */
	NSN_CONFIRM_UNDONE, /* it was taken back */
};

struct nsn_unconfirmed {
	uint64_t nr; /* one more with each */
	enum nsn_confirm state;
	uint64_t back_to;  /* the generation before it */
	uint64_t deadline; /* CLOCK_BOOTTIME, in ms, of the boot that it was written in */
	bool this_boot;	   /* else it is overdue, whatever the deadline says */
	int64_t at;
	uint32_t uid;
};

/* The last that there was, whatever became of it: 1, or 0 when there was none. */
int nsn_store_unconfirmed_get(struct nsn_store *s, struct nsn_unconfirmed *ret,
			      struct nsnet_err *err);
/* From now on one waits: the present generation is the one to go back to. */
int nsn_store_unconfirmed_begin(struct nsn_store *s, uint64_t deadline, int64_t at, uint32_t uid,
				struct nsnet_err *err);
int nsn_store_unconfirmed_extend(struct nsn_store *s, uint64_t deadline, struct nsnet_err *err);
int nsn_store_unconfirmed_end(struct nsn_store *s, enum nsn_confirm state, struct nsnet_err *err);

/*
 * While one waits no change is stored (-EBUSY, UNCONFIRMED) unless it is permitted: what only
 * closes, what takes back, what is rolled back anyway. Forgotten with the lock.
 */
void nsn_store_permit(struct nsn_store *s);

#endif
