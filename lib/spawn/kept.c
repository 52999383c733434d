/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kept - the part of a view that nobody writes to, as one detached tree
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "birth.h"
#include "mount.h"
#include "view_parts.h"

struct maker {
	const struct nsn_view *v;
	int fs; /* or -errno */
};

/* Beside the caller, who keeps his user and umask, and with his descriptors. */
static int make_fixed(void *arg)
{
	struct maker *m = arg;
	const struct nsn_view *v = m->v;
	const struct nsn_tmpfs fs = {.size = nsn_items_size(&v->fixed),
				     .inodes = v->fixed.n + 2,
				     .uid = v->root_uid,
				     .gid = v->root_gid,
				     .attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	NSN_AUTO(nsn_closep) int fd = nsn_tmpfs(&fs);
	int r = fd < 0 ? fd : 0;

	(void)umask(0);
	if (r == 0)
		r = nsn_items_make(v, &v->fixed, fd, NSN_STAGE_ETC, NULL);
	m->fs = r < 0 ? r : NSN_TAKE_FD(fd);
	return 0;
}

static int fixed_fs(const struct nsn_view *v)
{
	struct maker m = {.v = v, .fs = -ECHILD};
	sigset_t all, old;
	int pidfd = -1;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	if (nsn_borrow(CLONE_FILES | CLONE_PIDFD, &pidfd, make_fixed, &m) > 0)
		nsn_end_process(&pidfd);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return m.fs;
}

static int attach(int root, const char *path, int tree)
{
	NSN_AUTO(nsn_closep) int place = nsn_openat2(root, path, O_PATH, NSN_HOSTILE);

	return place < 0 ? place : nsn_tree_attach(tree, place, "");
}

/* As build() puts them, but onto a detached tree, which kernels before 6.15 refuse. */
static int put_together(const struct nsn_view *v, int fs, int root)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->n_pieces; i++) {
		NSN_AUTO(nsn_closep) int tree = -1;

		if (v->pieces[i].scratch)
			continue;
		tree = nsn_piece_clone(&v->pieces[i], fs);
		r = tree < 0 ? tree : attach(root, v->pieces[i].to, tree);
	}
	for (size_t i = 0; r == 0 && i < v->binds.n; i++) {
		NSN_AUTO(nsn_closep) int tree = nsn_tree_clone(v->binds.list[i].tree, "", true);

		r = tree < 0 ? tree : attach(root, v->binds.list[i].path, tree);
	}
	return r;
}

int nsn_view_keep(struct nsn_view *v)
{
	NSN_AUTO(nsn_closep) int fs = fixed_fs(v);
	NSN_AUTO(nsn_closep) int root = fs < 0 ? fs : nsn_tree_clone(fs, "", false);
	int r = root < 0 ? root : put_together(v, fs, root);

	if (r < 0)
		return r;
	v->kept = NSN_TAKE_FD(root);
	r = nsn_view_again(v);
	if (r < 0) {
		nsn_closep(&v->kept);
		v->kept = -1;
	}
	return r;
}

int nsn_view_again(struct nsn_view *v)
{
	const int copy = nsn_tree_clone(v->kept, "", true);

	if (copy < 0)
		return copy;
	v->copy = copy;
	return 0;
}

void nsn_view_unkeep(struct nsn_view *v)
{
	if (!v)
		return;
	nsn_closep(&v->kept);
	v->kept = -1;
	nsn_view_close(v);
}
