/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../base/cleanup.h"

/* ---- places by inode ----------------------------------------------------------------------- */

static size_t slot_of(const struct nsn_reader *r, uint64_t inode)
{
	size_t at = (size_t)(inode * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (r->n_slots - 1);

	while (r->slots[at] && r->places[r->slots[at] - 1].inode != inode)
		at = (at + 1) & (r->n_slots - 1);
	return at;
}

size_t nsn_place_find(const struct nsn_reader *r, uint64_t inode)
{
	uint32_t found = r->n_slots ? r->slots[slot_of(r, inode)] : 0;

	return found ? found - 1 : NSN_NOWHERE;
}

static int more_slots(struct nsn_reader *r)
{
	size_t n = r->n_slots ? r->n_slots * 2 : 1024, i;
	uint32_t *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	free(r->slots);
	r->slots = slots;
	r->n_slots = n;
	for (i = 0; i < r->n; i++)
		r->slots[slot_of(r, r->places[i].inode)] = (uint32_t)i + 1;
	return 0;
}

size_t nsn_place_add(struct nsn_reader *r, uint64_t inode)
{
	size_t at = nsn_place_find(r, inode);
	struct nsn_place *p;

	if (at != NSN_NOWHERE)
		return at;
	if (r->n * 2 >= r->n_slots && more_slots(r) < 0)
		return NSN_NOWHERE;
	p = NSN_MORE(r->places, r->n, r->max);
	if (!p)
		return NSN_NOWHERE;
	p->inode = inode;
	p->monitor = -1;
	p->gateway = NSN_NOWHERE;
	p->gateway_nsid = -1;
	/* The hash compares with what is in the list: only now is it there. */
	r->slots[slot_of(r, inode)] = (uint32_t)r->n;
	return r->n - 1;
}

/* One more way to it. What was not there any more by the ways that were known is, after all. */
static void add_way(struct nsn_place *p, const char *path, bool better)
{
	if (!p->path || better || p->gone) {
		p->spare = p->path;
		p->path = path;
	} else {
		p->spare = path;
	}
	if (p->gone)
		p->is_read = p->gone = false;
}

static int open_as(const char *path, uint64_t inode)
{
	NSN_AUTO(nsn_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	/* Another one is there now. */
	return st.st_ino == inode ? NSN_TAKE_FD(fd) : -ENOENT;
}

int nsn_place_open(const struct nsn_reader *r, const struct nsn_place *p)
{
	int fd = p->path ? open_as(p->path, p->inode) : -ENOENT;
	char path[64];
	size_t i;

	(void)r;
	if (fd < 0 && p->spare)
		fd = open_as(p->spare, p->inode);
	for (i = 0; fd < 0 && i < p->n_procs && i < 16; i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", p->procs[i].pid);
		fd = open_as(path, p->inode);
	}
	return fd;
}

int nsn_reader_unsure(struct nsn_reader *r, const char *fmt, ...)
{
	const char **one = NSN_MORE(r->unsure.list, r->unsure.n, r->unsure.max);
	char text[256];
	va_list ap;

	if (!one)
		return -ENOMEM;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*one = nsn_arena_strdup(&r->mem, text);
	return *one ? 0 : -ENOMEM;
}

/* ---- pins and mounts ------------------------------------------------------------------------ */

static int find_known(struct nsn_reader *r)
{
	size_t i, at;

	for (i = 0; i < r->how->n_known; i++) {
		const struct nsn_known *k = &r->how->known[i];
		struct stat st;

		if (stat(k->path, &st) < 0) {
			if ((k->must || errno != ENOENT) &&
			    nsn_reader_unsure(r, "%s: '%s': %s", k->name, k->path,
					      strerror(errno)) < 0)
				return -ENOMEM;
			continue;
		}
		if (st.st_dev != r->nsfs) {
			if (k->must &&
			    nsn_reader_unsure(r, "%s: '%s' is no namespace", k->name, k->path) < 0)
				return -ENOMEM;
			continue;
		}
		at = nsn_place_add(r, st.st_ino);
		if (at == NSN_NOWHERE)
			return -ENOMEM;
		/* Two pins of one namespace: a tenant's is the one that counts more. */
		if (!r->places[at].known || (k->gateway && !r->places[at].known->gateway)) {
			r->places[at].known = k;
			r->places[at].path = k->path;
			r->places[at].named = true;
		}
	}
	return 0;
}

/* "\040" in a mount point is a blank. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
		    text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
			*to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
				       (text[3] - '0'));
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/*
 * "36 35 0:4 net:[4026532281] /run/netns/x rw ...": the number is there, so what is known
 * already need not be looked at. @root: the folder in /proc that leads to these mounts.
 */
static int take_mount(struct nsn_reader *r, char *line, const char *root)
{
	char *net = strstr(line, " net:["), *point, *end, *path;
	struct nsn_place *p;
	uint64_t inode;
	size_t at;

	if (!net)
		return 0;
	inode = strtoull(net + 6, &point, 10);
	if (!inode || strncmp(point, "] ", 2) != 0)
		return 0;
	point += 2;
	end = strchr(point, ' ');
	if (!end)
		return 0;
	*end = '\0';
	unescape(point);
	at = nsn_place_add(r, inode);
	if (at == NSN_NOWHERE)
		return -ENOMEM;
	p = &r->places[at];
	if (p->named)
		return 0;
	path = nsn_arena_printf(&r->mem, "%s%s", root, point);
	if (!path)
		return -ENOMEM;
	/* A name that everybody sees is a better one than that of some process. */
	p->named = !root[0];
	add_way(p, path, p->named);
	return 0;
}

/* -ENOMEM, or a positive errno when it cannot be read. */
static int take_mounts(struct nsn_reader *r, const char *path, const char *root)
{
	NSN_AUTO(nsn_closep) int fd = openat(r->proc, path, O_RDONLY | O_CLOEXEC);
	NSN_AUTO(nsn_freep) char *buf = malloc(65536);
	size_t used = 0;
	int ret = 0;

	if (!buf)
		return -ENOMEM;
	if (fd < 0)
		return errno;
	while (ret == 0) {
		ssize_t n = read(fd, buf + used, 65535 - used);
		char *line = buf, *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (n == 0)
			break;
		used += (size_t)n;
		while (ret == 0 && (end = memchr(line, '\n', used - (size_t)(line - buf)))) {
			*end = '\0';
			ret = take_mount(r, line, root);
			line = end + 1;
		}
		used -= (size_t)(line - buf);
		memmove(buf, line, used);
		/* No line is that long: paths end at 4 KiB. */
		if (used == 65535)
			used = 0;
	}
	return ret;
}

/* ---- processes ------------------------------------------------------------------------------- */

/* Each is looked for among all others. */
#define CLOSED_MAX 64

/* What one pass over /proc has met. */
struct pass {
	uint64_t *mounts; /* mount namespaces looked into, by inode */
	size_t n_mounts, max_mounts;
	size_t closed; /* processes that may not be looked at */
	size_t known;  /* places that were there before, whose processes are known */
};

static bool is_gone(int error)
{
	return error == ENOENT || error == ESRCH || error == ENOTDIR;
}

/* The second pass has nothing to add to what the first has said. */
static int unsure_of(struct nsn_reader *r, const struct pass *pass, int32_t pid, const char *what,
		     int error)
{
	if (is_gone(error) || pass->known)
		return 0;
	return nsn_reader_unsure(r, "pid %d: %s%s", pid, what, strerror(error));
}

static int look_at_mounts(struct nsn_reader *r, struct pass *pass, int32_t pid)
{
	char path[64], root[64];
	uint64_t inode, *one;
	int error = 0, ret;
	size_t i;

	(void)snprintf(path, sizeof(path), "%d/ns/mnt", pid);
	inode = nsn_ns_link(r->proc, path, "mnt:[", &error);
	if (!inode)
		return unsure_of(r, pass, pid, "mounts: ", error);
	/* The last one first: those of one service come one after the other. */
	for (i = pass->n_mounts; i > 0; i--)
		if (pass->mounts[i - 1] == inode)
			return 0;
	one = NSN_MORE(pass->mounts, pass->n_mounts, pass->max_mounts);
	if (!one)
		return -ENOMEM;
	*one = inode;
	(void)snprintf(path, sizeof(path), "%d/mountinfo", pid);
	(void)snprintf(root, sizeof(root), "/proc/%d/root", pid);
	ret = take_mounts(r, path, root);
	/* EINVAL: it has ended, and its folder is there still. */
	if (ret > 0 && ret != EINVAL)
		ret = unsure_of(r, pass, pid, "mounts: ", ret);
	return ret < 0 ? ret : 0;
}

/* A process or thread @pid is in the namespace @inode. */
static int is_in(struct nsn_reader *r, struct pass *pass, int32_t pid, uint64_t inode)
{
	struct nsn_vproc one, *p;
	struct nsn_place *place;
	size_t at = nsn_place_add(r, inode);
	char *path;
	int ret;

	if (at == NSN_NOWHERE)
		return -ENOMEM;
	if (inode == r->home || (at < pass->known && !r->places[at].gone))
		return 0;
	ret = nsn_read_proc(r, pid, &one);
	if (ret != 0)
		return ret < 0 ? ret : 0;
	place = &r->places[at];
	p = NSN_MORE(place->procs, place->n_procs, place->max_procs);
	if (!p)
		return -ENOMEM;
	*p = one;
	if (place->path && !place->gone)
		return 0;
	path = nsn_arena_printf(&r->mem, "/proc/%d/ns/net", pid);
	if (!path)
		return -ENOMEM;
	add_way(place, path, false);
	return 0;
}

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

/* A number that is the whole name; 0: it is none. */
static int32_t number_of(const char *name)
{
	uint64_t n;

	return nsn_u64_parse(&n, name, INT32_MAX) == 0 ? (int32_t)n : 0;
}

static DIR *open_dir(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		nsn_closep(&fd);
	return d;
}

/* Threads can be elsewhere than their process. */
static int look_at_threads(struct nsn_reader *r, struct pass *pass, int32_t pid, uint64_t inode)
{
	NSN_AUTO(closedirp) DIR *d = NULL;
	struct dirent *e;
	struct stat st;
	char path[64];
	int ret = 0, error = 0;

	(void)snprintf(path, sizeof(path), "%d/task", pid);
	/* Two links and one for each thread. */
	if (fstatat(r->proc, path, &st, 0) < 0 || st.st_nlink <= 3)
		return 0;
	d = open_dir(r->proc, path);
	while (d && ret == 0 && (e = readdir(d))) {
		int32_t tid = number_of(e->d_name);
		uint64_t own;

		if (!tid || tid == pid)
			continue;
		(void)snprintf(path, sizeof(path), "%d/task/%d/ns/net", pid, tid);
		own = nsn_ns_link(r->proc, path, "net:[", &error);
		if (own && own != inode)
			ret = is_in(r, pass, tid, own);
	}
	return ret;
}

static int look_at(struct nsn_reader *r, struct pass *pass, int32_t pid)
{
	char path[64];
	uint64_t inode;
	int error = 0, ret;

	(void)snprintf(path, sizeof(path), "%d/ns/net", pid);
	inode = nsn_ns_link(r->proc, path, "net:[", &error);
	/* Its mounts and descriptors stay unseen, as those of whoever is stronger than the caller.
	 */
	if (!inode && error == EACCES && pass->closed++ < CLOSED_MAX) {
		inode = nsn_read_closed(r, pid);
		if (inode)
			return is_in(r, pass, pid, inode);
	}
	/* What has ended and waits for its parent has no namespace any more. */
	if (!inode)
		return unsure_of(r, pass, pid, "", error);
	ret = is_in(r, pass, pid, inode);
	if (ret == 0)
		ret = look_at_threads(r, pass, pid, inode);
	if (ret == 0)
		ret = look_at_mounts(r, pass, pid);
	/* The second time it is new namespaces that are looked for. */
	if (ret == 0 && !pass->known)
		ret = nsn_read_held(r, pid, inode);
	return ret;
}

int nsn_find(struct nsn_reader *r, struct nsnet_err *err)
{
	NSN_AUTO(closedirp) DIR *d = open_dir(r->proc, ".");
	struct pass pass = {.known = r->n};
	struct dirent *e;
	int ret = 0;

	if (!d)
		return nsn_err_sys(err, -errno, "cannot list the processes");
	if (nsn_place_add(r, r->home) == NSN_NOWHERE || (!pass.known && find_known(r) < 0))
		return nsn_err_nomem(err);
	ret = take_mounts(r, "self/mountinfo", "");
	if (ret > 0)
		return nsn_err_sys(err, -ret, "/proc/self/mountinfo");
	while (ret == 0 && (e = readdir(d))) {
		int32_t pid = number_of(e->d_name);

		if (pid)
			ret = look_at(r, &pass, pid);
	}
	free(pass.mounts);
	return ret < 0 ? nsn_err_nomem(err) : 0;
}
