/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "../base/cleanup.h"
#include "cgroup.h"

#define MAX_RECORD 65536
#define DRAWS	   8

static void decrefp(json_t **p)
{
	json_decref(*p);
}

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

void nsn_record_clear(struct nsn_record *r)
{
	free(r->tenant);
	free(r->endpoint);
	free(r->command);
	*r = (struct nsn_record){0};
}

void nsn_record_list_clear(struct nsn_record_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		nsn_record_clear(&l->list[i]);
	free(l->list);
	*l = (struct nsn_record_list){0};
}

static int draw(char id[NSN_WORKLOAD_ID + 1], struct nsnet_err *err)
{
	unsigned char bytes[NSN_WORKLOAD_ID / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return nsn_err_sys(err, -errno, "no random numbers");
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(id + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

int nsn_record_make(int folder, struct nsn_record *r, int *lock, struct nsnet_err *err)
{
	for (int i = 0; i < DRAWS; i++) {
		NSN_AUTO(nsn_closep) int fd = -1;
		int code = draw(r->id, err);

		if (code < 0)
			return code;
		fd = openat(folder, r->id, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0)
			return nsn_err_sys(err, -errno, "cannot record a workload");
		/* A sweeper that sees it before it is locked removes it: then draw another. */
		while (flock(fd, LOCK_EX) < 0)
			if (errno != EINTR)
				return nsn_err_sys(err, -errno, "cannot lock a workload's record");
		code = faccessat(folder, r->id, F_OK, 0) < 0 ? -errno : 0;
		if (code == -ENOENT)
			continue;
		*lock = NSN_TAKE_FD(fd);
		return 0;
	}
	return nsn_err(err, -EEXIST, NSNET_E_SPAWN, "no free number for the workload's record");
}

static json_t *numbers(const uint64_t *list)
{
	json_t *a = json_array();

	for (size_t i = 0; a && i < NSNET_NS_COUNT; i++)
		(void)json_array_append_new(a, json_integer((json_int_t)list[i]));
	return a;
}

int nsn_record_write(int lock, const struct nsn_record *r, struct nsnet_err *err)
{
	NSN_AUTO(decrefp)
	json_t *doc = json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o}", "tenant",
				r->tenant, "endpoint", r->endpoint, "command", r->command, "at",
				(json_int_t)r->at, "uid", (json_int_t)r->uid, "base",
				(json_int_t)r->base, "share", (json_int_t)r->share, "caps",
				(json_int_t)r->caps, "pid", (json_int_t)r->pid, "ns",
				numbers(r->look.ns), "owner", numbers(r->look.owner));
	NSN_AUTO(nsn_freep) char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	size_t len;

	/* A command line in another encoding than UTF-8 has been made ASCII by the caller. */
	if (!text)
		return nsn_err_nomem(err);
	len = strlen(text);
	if (pwrite(lock, text, len, 0) != (ssize_t)len || ftruncate(lock, (off_t)len) < 0)
		return nsn_err_sys(err, -errno, "cannot record a workload");
	return 0;
}

int nsn_record_end(int folder, const char *id, struct nsnet_err *err)
{
	const int r = nsn_cgroup_end(id, err);

	if (r < 0)
		return r;
	if (unlinkat(folder, id, 0) < 0 && errno != ENOENT)
		return nsn_err_sys(err, -errno, "cannot remove a workload's record");
	return 0;
}

/* ---- reading ------------------------------------------------------------------------ */

static bool is_id(const char *name)
{
	return strlen(name) == NSN_WORKLOAD_ID &&
	       strspn(name, "0123456789abcdef") == NSN_WORKLOAD_ID;
}

static int take_numbers(json_t *a, uint64_t *list)
{
	if (json_array_size(a) != NSNET_NS_COUNT)
		return -EINVAL;
	for (size_t i = 0; i < NSNET_NS_COUNT; i++)
		list[i] = (uint64_t)json_integer_value(json_array_get(a, i));
	return 0;
}

/* 1: read; 0: there is nothing of use in it (yet). */
static int parse(const char *text, size_t len, struct nsn_record *r, struct nsnet_err *err)
{
	NSN_AUTO(decrefp) json_t *doc = json_loadb(text, len, 0, NULL);
	const char *tenant, *endpoint, *command;
	json_int_t at, uid, base, share, caps, pid;
	json_t *ns, *owner;

	if (!doc || json_unpack(doc, "{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o}", "tenant",
				&tenant, "endpoint", &endpoint, "command", &command, "at", &at,
				"uid", &uid, "base", &base, "share", &share, "caps", &caps, "pid",
				&pid, "ns", &ns, "owner", &owner) < 0)
		return 0;
	if (take_numbers(ns, r->look.ns) < 0 || take_numbers(owner, r->look.owner) < 0)
		return 0;
	r->at = at;
	r->uid = (uint32_t)uid;
	r->base = (uint32_t)base;
	r->share = (unsigned int)share;
	r->caps = (uint64_t)caps;
	r->pid = (pid_t)pid;
	r->tenant = strdup(tenant);
	r->endpoint = strdup(endpoint);
	r->command = strdup(command);
	if (!r->tenant || !r->endpoint || !r->command)
		return nsn_err_nomem(err);
	return r->pid > 0;
}

static int read_record(int fd, struct nsn_record *r, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *text = malloc(MAX_RECORD);
	ssize_t n;

	if (!text)
		return nsn_err_nomem(err);
	n = pread(fd, text, MAX_RECORD, 0);
	if (n < 0)
		return nsn_err_sys(err, -errno, "cannot read a workload's record");
	return parse(text, (size_t)n, r, err);
}

/* 1: its supervisor lives, and *@fd is open; 0: nobody's any more; -ENOENT. */
static int open_record(int folder, const char *id, int *fd)
{
	*fd = openat(folder, id, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*fd < 0)
		return -errno;
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? 1 : -errno;
}

int nsn_record_lives(int folder, const char *id, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	int r;

	if (!is_id(id))
		return 1;
	r = folder < 0 ? -ENOENT : open_record(folder, id, &fd);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? nsn_err_sys(err, r, "cannot read a workload's record") : r;
}

static int list_folder(int folder, DIR **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*ret = fd < 0 ? NULL : fdopendir(fd);
	if (!*ret)
		return nsn_err_sys(err, -errno, "cannot list the workloads");
	(void)NSN_TAKE_FD(fd);
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const struct nsn_record *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static int add(int folder, const char *id, struct nsn_record_list *l, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	struct nsn_record *grown;
	struct nsn_record one = {0};
	int r = open_record(folder, id, &fd);

	if (r == -ENOENT || r == 0)
		return 0;
	if (r < 0)
		return nsn_err_sys(err, r, "cannot read a workload's record");
	r = read_record(fd, &one, err);
	if (r <= 0) {
		nsn_record_clear(&one);
		return r;
	}
	memcpy(one.id, id, sizeof(one.id)); /* is_id(): as long as that */
	grown = realloc(l->list, (l->n + 1) * sizeof(*grown));
	if (!grown) {
		nsn_record_clear(&one);
		return nsn_err_nomem(err);
	}
	l->list = grown;
	l->list[l->n++] = one;
	return 0;
}

int nsn_record_list(int folder, struct nsn_record_list *ret, struct nsnet_err *err)
{
	NSN_AUTO(closedirp) DIR *d = NULL;
	struct nsn_record_list l = {0};
	struct dirent *e;
	int r = list_folder(folder, &d, err);

	while (r == 0 && (e = readdir(d)))
		if (is_id(e->d_name))
			r = add(folder, e->d_name, &l, err);
	if (r < 0) {
		nsn_record_list_clear(&l);
		return r;
	}
	if (l.n)
		qsort(l.list, l.n, sizeof(*l.list), by_id);
	*ret = l;
	return 0;
}

int nsn_record_sweep(int folder, size_t max, bool dry,
		     int (*each)(void *arg, const char *id, struct nsnet_err *err), void *arg,
		     struct nsnet_err *err)
{
	NSN_AUTO(closedirp) DIR *d = NULL;
	struct dirent *e;
	size_t looked = 0;
	int r = list_folder(folder, &d, err);

	if (r < 0)
		return r;
	while (looked < max && (e = readdir(d))) {
		NSN_AUTO(nsn_closep) int fd = -1;

		if (!is_id(e->d_name))
			continue;
		looked++;
		/* We have its lock until it is gone, so nobody else sweeps the same. */
		if (open_record(folder, e->d_name, &fd) != 0)
			continue;
		if (!dry)
			r = nsn_record_end(folder, e->d_name, err);
		if (r == 0 && each)
			r = each(arg, e->d_name, err);
		if (r < 0)
			return r;
	}
	return 0;
}
