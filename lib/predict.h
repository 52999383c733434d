/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_PREDICT_H
#define NSN_PREDICT_H

/*
 * predict - the snapshot that would be, were what is wanted there
 *
 * The prover can then say of a change, before it is made, which pairs it opens and which
 * it closes: what is reached in the predicted snapshot and not in the present one, and the
 * other way round. Nothing is asked of the kernel.
 *
 * Of the gateways all that nsnet makes is as it is compiled; what is somebody else's stays,
 * as it does when a plan is carried out. What the kernel adds by itself (routes of
 * addresses, a bridge's own entries) is added. Connections stay as they are.
 */
#include "ctx.h"
#include "rows.h"
#include "verify/snap.h"

/* One tenant that there will be. */
struct nsn_predicted {
	const struct nsn_tenant *tenant;
	const struct nsn_state *state; /* as nsn_compile() makes it; NULL: it stays as it is */
};

/*
 * @want has all tenants that there will be; whoever else @now has goes. @host is what there will be
 * of ours at the place NSN_HOST, NULL: there it stays as it is. @ret, empty before, is
 * not sealed (snapfile.h), and points into @now and @want.
 * Return: 0, -ENOMEM
 */
int nsn_predict(struct nsn_snap *ret, const struct nsn_snap *now, const struct nsn_predicted *want,
		size_t n, const struct nsn_state *host, const char *policy, struct nsnet_err *err);

/* All states of what is wanted, compiled as a run would, each with its gateway's generation. */
struct nsn_prediction {
	struct nsn_predicted *list;
	struct nsn_state *states;
	struct nsn_border *borders;
	size_t n;
	/* Of the host, as nsn_compile_host() makes it, when that is known. */
	struct nsn_state host;
	bool host_known;
};
int nsn_prediction_make(struct nsn_prediction *ret, const struct nsn_snap *now,
			const struct nsn_wanted *w, const struct nsn_owner *owner,
			struct nsnet_err *err);
void nsn_prediction_clear(struct nsn_prediction *p);

/* ---- what `apply` of files would make ------------------------------------------------ */

/* Start as { 0 }; not to be moved: the intent, borders.all.intent, points into it. */
struct nsn_foreseen {
	struct nsn_snap snap;
	struct nsn_prediction prediction;
	struct nsn_borders borders; /* what would be wanted */
	struct nsn_rows rows;
	struct nsn_wanted before; /* what is */
};

/*
 * Under the lock, without a transaction: what the files say is written and rolled back.
 * @now has to outlive @ret; ret->rows.out may be set, and gets the differences. As nsn_rows_write()
 * and nsn_borders_open(); -ENOMEM
 */
int nsn_foresee(struct nsn_foreseen *ret, struct nsnet *n, const struct nsn_policy_set *files,
		bool prune, const struct nsn_snap *now, struct nsnet_err *err);
void nsn_foreseen_clear(struct nsn_foreseen *f);

/* hostview.c: the host of the snapshot, as nsn_hostview_read(). @ret: empty before. 0 or -ENOMEM */
int nsn_hostview_of(const struct nsn_snap *snap, struct nsn_hostview *ret, struct nsnet_err *err);

/* ---- the same away from the machine --------------------------------------------------- */

/*
 * Both are compiled in a store that is thrown away, with numbers of its own, and put upon what
 * the snapshot has besides gateways and workloads. So @was is as the snapshot should be, and
 * what differs between @was and @will.snap is what the files would open and close. Without
 * privilege; makes a folder in $TMPDIR or /tmp for as long as it is open. Start as { 0 }; not
 * to be moved.
 */
struct nsn_apart {
	struct nsnet n;
	struct nsn_hostview host; /* the snapshot's, for n.host */
	char dir[64];
	struct nsn_snap bare, was;
	struct nsn_wanted before;
	struct nsn_prediction prediction;
	struct nsn_foreseen will;
};

/*
 * @intent: What is wanted where the snapshot was made (its policy text); of what @files do
 * not name all goes with @prune, for the text does not say which files it came with.
 */
int nsn_apart_open(struct nsn_apart *a, const struct nsn_snap *snap,
		   const struct nsn_intent *intent, const struct nsn_policy_set *files, bool prune,
		   struct nsnet_err *err);
void nsn_apart_close(struct nsn_apart *a);

#endif
