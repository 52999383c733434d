/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/fd.h"
#include "view_parts.h"

#define SEEN 64

/* Of one thing of the host's: what changes with it. All zero: it is not there. */
struct seen {
	uint64_t dev, ino, size, mode;
	int64_t mtime, mtime_ns, ctime, ctime_ns;
};

/* Memory without holes is compared whole. */
struct sign {
	struct seen seen[SEEN];
	char sys[NSN_SYS_FILES][128];
};

struct nsn_keep {
	struct sign sign;
	/* What was asked for. */
	char *user, *hostname;
	struct nsn_ids ids;
	uint64_t scratch;
	bool hosts, resolv;
	int mounts; /* tells when the host's are others */
	bool once;  /* it was asked for before */
	bool never; /* not on this kernel */
	struct nsn_view_def def;
	struct nsn_view *view;
};

/* ---- what it was made of ------------------------------------------------------------------ */

static void note(struct seen *to, const struct stat *st)
{
	*to = (struct seen){.dev = st->st_dev,
			    .ino = st->st_ino,
			    .size = (uint64_t)st->st_size,
			    .mtime = st->st_mtim.tv_sec,
			    .mtime_ns = st->st_mtim.tv_nsec,
			    .ctime = st->st_ctim.tv_sec,
			    .ctime_ns = st->st_ctim.tv_nsec,
			    .mode = st->st_mode};
}

static int look_at(struct sign *s, size_t *n, int at, const char *name)
{
	struct stat st;

	if (*n == SEEN)
		return -ENOSPC;
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH)) == 0)
		note(&s->seen[*n], &st);
	else if (!nsn_is_absent(-errno))
		return -errno;
	(*n)++;
	return 0;
}

/* What is read through a link changes without it. */
static int is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static int look_at_all(struct sign *s, size_t *n, const char *folder, const char *const *names)
{
	NSN_AUTO(nsn_closep) int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = at < 0 ? -errno : 0;

	for (; r == 0 && *names; names++)
		r = look_at(s, n, at, *names);
	return r;
}

static int read_sys(struct sign *s)
{
	NSN_AUTO(nsn_closep) int sys = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < NSN_SYS_FILES; i++) {
		r = nsn_file_read(sys, nsn_sys_files[i], s->sys[i], sizeof(s->sys[i]));
		if (r < 0 && nsn_is_absent(r))
			r = 0;
	}
	return r < 0 ? r : 0;
}

static int sign(struct sign *s, const struct nsn_view_def *def)
{
	size_t n = 0;
	int r;

	if (is_link("/etc") || is_link("/etc/passwd") || is_link("/etc/group"))
		return -ELOOP;
	memset(s, 0, sizeof(*s));
	r = look_at_all(s, &n, "/", nsn_root_names);
	if (r == 0)
		r = look_at_all(s, &n, "/etc", nsn_etc_taken);
	if (r == 0 && def->hosts >= 0)
		r = look_at(s, &n, def->hosts, "");
	if (r == 0 && def->resolv >= 0)
		r = look_at(s, &n, def->resolv, "");
	return r < 0 ? r : read_sys(s);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_as_before(const struct nsn_keep *k, const struct nsn_view_def *def,
			 const struct sign *now)
{
	struct pollfd p = {.fd = k->mounts, .events = POLLPRI};

	return k->mounts >= 0 && poll(&p, 1, 0) == 0 && same_text(k->user, def->user) &&
	       same_text(k->hostname, def->hostname) && k->scratch == def->scratch &&
	       k->hosts == (def->hosts >= 0) && k->resolv == (def->resolv >= 0) &&
	       memcmp(&k->ids, def->ids, sizeof(k->ids)) == 0 &&
	       memcmp(&k->sign, now, sizeof(*now)) == 0;
}

/* ---- keeping it --------------------------------------------------------------------------- */

static bool is_plain(const struct nsn_view_def *def)
{
	return !def->rootfs && !def->n_volumes && !def->n_etc && !def->no_userns;
}

static void forget(struct nsn_keep *k)
{
	nsn_view_unkeep(NSN_TAKE_PTR(k->view));
	nsn_closep(&k->mounts);
	free(NSN_TAKE_PTR(k->user));
	free(NSN_TAKE_PTR(k->hostname));
	*k = (struct nsn_keep){.mounts = -1, .never = k->never};
}

/* Whatever is changed from now on is noticed. Without memory nothing is kept, that is all. */
static void remember(struct nsn_keep *k, const struct nsn_view_def *def, const struct sign *now)
{
	struct pollfd p = {.events = POLLPRI};

	k->sign = *now;
	k->ids = *def->ids;
	k->scratch = def->scratch;
	k->hosts = def->hosts >= 0;
	k->resolv = def->resolv >= 0;
	k->user = def->user ? strdup(def->user) : NULL;
	k->hostname = def->hostname ? strdup(def->hostname) : NULL;
	k->def = *def;
	k->def.user = k->user;
	k->def.hostname = k->hostname;
	k->def.ids = &k->ids;
	k->def.state = NULL; /* for volumes only */
	k->once = !def->user == !k->user && !def->hostname == !k->hostname;
	k->mounts = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
	p.fd = k->mounts;
	(void)poll(&p, 1, 0);
}

/* The second one of the same: whoever starts a single workload has nothing of it. */
static int make(struct nsn_keep *k, const struct nsn_view_def *def, struct nsn_view **ret,
		struct nsnet_err *err)
{
	int r;

	k->def.hosts = def->hosts;
	k->def.resolv = def->resolv;
	r = nsn_view_open(&k->def, &k->view, err);
	if (r < 0)
		return r;
	k->never = nsn_view_keep(k->view) < 0;
	*ret = k->never ? NSN_TAKE_PTR(k->view) : k->view;
	return 0;
}

int nsn_keep_open(struct nsn_keep **keep, const struct nsn_view_def *def, struct nsn_view **ret,
		  struct nsnet_err *err)
{
	struct nsn_keep *k = *keep;
	struct sign now;

	if (!k) {
		*keep = k = calloc(1, sizeof(*k));
		if (!k)
			return nsn_err_nomem(err);
		k->mounts = -1;
		k->never = false;
		return nsn_view_open(def, ret, err);
	}
	/* What cannot be looked at now, nsn_view_open() will have an error for. */
	if (k->never || !is_plain(def) || sign(&now, def) < 0)
		return nsn_view_open(def, ret, err);
	if (!k->once || !is_as_before(k, def, &now)) {
		forget(k);
		remember(k, def, &now);
	}
	if (!k->once)
		return nsn_view_open(def, ret, err);
	if (!k->view)
		return make(k, def, ret, err);
	if (nsn_view_again(k->view) < 0)
		return nsn_view_open(def, ret, err);
	*ret = k->view;
	return 0;
}

void nsn_keep_free(struct nsn_keep *k)
{
	if (k)
		forget(k);
	free(k);
}
