/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "predict.h"

/* As the trial of apply.c, but that the kernel is not asked. */
static int write_rows(struct nsn_foreseen *f, struct nsnet *n, struct nsnet_err *err)
{
	int r = nsn_store_begin(n->store, err);

	if (r == 0)
		r = nsn_rows_write(&f->rows, err);
	if (r == 0)
		r = nsn_borders_open(&f->borders, n, err);
	return r;
}

int nsn_foresee(struct nsn_foreseen *ret, struct nsnet *n, const struct nsn_policy_set *files,
		bool prune, const struct nsn_snap *now, struct nsnet_err *err)
{
	int r = nsn_wanted_load(n, true, &ret->before, err);

	ret->borders.last = true;
	ret->rows = (struct nsn_rows){.n = n,
				      .set = files,
				      .before = &ret->before,
				      .prune = prune,
				      .trial = true,
				      .out = ret->rows.out};
	if (r == 0)
		r = write_rows(ret, n, err);
	if (r == 0)
		r = nsn_prediction_make(&ret->prediction, now, &ret->borders.all, &n->owner, err);
	/* Nobody has used the numbers, so the real run gives the same ones. */
	nsn_store_rollback_unused(n->store);
	nsn_store_rollback(n->store);
	if (r == 0)
		r = nsn_predict(&ret->snap, now, ret->prediction.list, ret->prediction.n,
				ret->prediction.host_known ? &ret->prediction.host : NULL, NULL,
				err);
	if (r < 0)
		nsn_foreseen_clear(ret);
	return r;
}

void nsn_foreseen_clear(struct nsn_foreseen *f)
{
	nsn_snap_clear(&f->snap);
	nsn_prediction_clear(&f->prediction);
	nsn_rows_clear(&f->rows);
	nsn_borders_clear(&f->borders);
	nsn_wanted_clear(&f->before);
}
