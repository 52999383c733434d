/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "predict.h"

/* ---- a store that is thrown away ------------------------------------------------------ */

static int make_store(struct nsn_apart *a, struct nsnet_err *err)
{
	const char *tmp = getenv("TMPDIR");
	const struct nsn_store_id *id;
	int n, r;

	if (!tmp || tmp[0] != '/' || strlen(tmp) > 40)
		tmp = "/tmp";
	n = snprintf(a->dir, sizeof(a->dir), "%s/nsnet-XXXXXX", tmp);
	if (n < 0 || !mkdtemp(a->dir)) {
		r = -errno;
		a->dir[0] = '\0';
		return nsn_err_sys(err, r, "make a folder in %s", tmp);
	}
	r = nsn_dir_open(&a->n.state_fd, a->dir, err);
	if (r == 0)
		r = nsn_home_open(&a->n.home, err);
	if (r == 0)
		r = nsn_store_open(&a->n.store, a->n.state_fd, a->dir, "", err);
	if (r < 0)
		return r;
	id = nsn_store_id(a->n.store);
	a->n.owner = (struct nsn_owner){.store = id->hex, .group = id->group, .pin_dir = a->dir};
	return 0;
}

static void drop_folder(struct nsn_apart *a)
{
	const struct dirent *e;
	DIR *d = a->dir[0] ? opendir(a->dir) : NULL;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		(void)closedir(d);
	if (a->dir[0])
		(void)rmdir(a->dir);
	a->dir[0] = '\0';
}

/* ---- what was wanted -------------------------------------------------------------------- */

/* The files own it, so that they may take it away. */
static void own(struct nsn_origin *o, const struct nsn_policy_set *files, bool prune)
{
	const char *set = prune && files->n_files ? files->files[0].set : "";

	*o = (struct nsn_origin){0};
	(void)snprintf(o->set, sizeof(o->set), "%s", set);
}

static int put_tenant(struct nsn_apart *a, const struct nsn_tenant *from,
		      const struct nsn_policy_set *files, bool prune, struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
	int r = nsn_tenant_copy(&t, from, err);

	if (r < 0)
		return r;
	t.id = 0;
	own(&t.origin, files, prune);
	for (size_t i = 0; i < t.n_endpoints; i++) {
		t.endpoints[i].id = t.endpoints[i].link = 0;
		t.endpoints[i].declared = prune;
	}
	return nsn_store_tenant_insert(a->n.store, &t, err);
}

static int put_policy(struct nsn_apart *a, const struct nsn_policy *from,
		      const struct nsn_policy_set *files, bool prune, struct nsnet_err *err)
{
	NSN_AUTO(nsn_policy_clear) struct nsn_policy p = {0};
	int r = from->implied ? 0 : nsn_policy_copy(&p, from, err);

	/* It came with its tenant. */
	if (r < 0 || from->implied)
		return r;
	p.id = 0;
	own(&p.origin, files, prune);
	return nsn_store_policy_insert(a->n.store, &p, err);
}

static int put_all(struct nsn_apart *a, const struct nsn_intent *in,
		   const struct nsn_policy_set *files, bool prune, struct nsnet_err *err)
{
	int r = nsn_store_begin(a->n.store, err);

	for (size_t i = 0; r == 0 && i < in->n_tenants; i++)
		r = put_tenant(a, &in->tenants[i], files, prune, err);
	for (size_t i = 0; r == 0 && i < in->n_policies; i++)
		r = put_policy(a, &in->policies[i], files, prune, err);
	for (size_t i = 0; r == 0 && i < in->n_quarantines; i++) {
		struct nsn_quarantine q = in->quarantines[i];

		own(&q.origin, files, prune);
		r = nsn_store_quarantine_put(a->n.store, &q, err);
	}
	return r;
}

static int settle(struct nsn_apart *a, struct nsnet_err *err)
{
	NSN_AUTO(nsn_borders_clear) struct nsn_borders b = {.last = true};
	int r = nsn_borders_open(&b, &a->n, err);

	if (r == 0)
		r = nsn_store_commit(a->n.store, err);
	nsn_store_rollback(a->n.store);
	return r == 0 ? nsn_wanted_load(&a->n, true, &a->before, err) : r;
}

/* ---- upon what -------------------------------------------------------------------------- */

/* The snapshot without what is of tenants: nobody there has their numbers. */
static int strip(struct nsn_apart *a, const struct nsn_snap *snap, struct nsnet_err *err)
{
	static const struct nsn_state nothing;

	return nsn_predict(&a->bare, snap, NULL, 0, &nothing, NULL, err);
}

int nsn_apart_open(struct nsn_apart *a, const struct nsn_snap *snap,
		   const struct nsn_intent *intent, const struct nsn_policy_set *files, bool prune,
		   struct nsnet_err *err)
{
	int r;

	a->n.state_fd = a->n.bare = a->n.home.fd = -1;
	r = nsn_hostview_of(snap, &a->host, err);
	a->n.host = &a->host;
	if (r == 0)
		r = make_store(a, err);
	if (r == 0)
		r = put_all(a, intent, files, prune, err);
	if (r == 0)
		r = settle(a, err);
	if (r == 0)
		r = strip(a, snap, err);
	if (r == 0)
		r = nsn_prediction_make(&a->prediction, &a->bare, &a->before, &a->n.owner, err);
	if (r == 0)
		r = nsn_predict(&a->was, &a->bare, a->prediction.list, a->prediction.n,
				a->prediction.host_known ? &a->prediction.host : NULL, snap->policy,
				err);
	if (r == 0)
		r = nsn_foresee(&a->will, &a->n, files, prune, &a->was, err);
	if (r < 0)
		nsn_apart_close(a);
	return r;
}

void nsn_apart_close(struct nsn_apart *a)
{
	nsn_hostview_clear(&a->host);
	/* Nothing was opened, and what is 0 is no descriptor. */
	if (!a->dir[0])
		return;
	nsn_foreseen_clear(&a->will);
	nsn_snap_clear(&a->was);
	nsn_snap_clear(&a->bare);
	nsn_prediction_clear(&a->prediction);
	nsn_wanted_clear(&a->before);
	nsn_store_close(a->n.store);
	nsn_home_close(&a->n.home);
	nsn_closep(&a->n.state_fd);
	drop_folder(a);
	*a = (struct nsn_apart){0};
	a->n.state_fd = a->n.bare = a->n.home.fd = -1;
}
