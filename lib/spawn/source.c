/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "../base/cleanup.h"
#include "mount.h"
#include "view_parts.h"

/* What of the host an operator may show to a workload. */

#define STATE "/var/lib/nsnet"

/* ---- file systems that are none ---------------------------------------------------------------
 */

#ifndef MQUEUE_MAGIC
#define MQUEUE_MAGIC 0x19800202
#endif
#define CONFIGFS 0x62656570
#define FUSECTL	 0x65735543
#define RPCPIPE	 0x67596969

/* The kernel speaks through these, about all of the host. */
static const struct {
	unsigned long magic;
	const char *name;
} kernels[] = {
	{PROC_SUPER_MAGIC, "proc"},
	{SYSFS_MAGIC, "sysfs"},
	{CGROUP_SUPER_MAGIC, "cgroup"},
	{CGROUP2_SUPER_MAGIC, "cgroup2"},
	{NSFS_MAGIC, "nsfs"},
	{DEBUGFS_MAGIC, "debugfs"},
	{TRACEFS_MAGIC, "tracefs"},
	{BPF_FS_MAGIC, "bpf"},
	{SECURITYFS_MAGIC, "securityfs"},
	{DEVPTS_SUPER_MAGIC, "devpts"},
	{PSTOREFS_MAGIC, "pstore"},
	{EFIVARFS_MAGIC, "efivarfs"},
	{SELINUX_MAGIC, "selinuxfs"},
	{SMACK_MAGIC, "smackfs"},
	{BINFMTFS_MAGIC, "binfmt_misc"},
	{CONFIGFS, "configfs"},
	{FUSECTL, "fusectl"},
	{MQUEUE_MAGIC, "mqueue"},
	{PIPEFS_MAGIC, "pipefs"},
	{SOCKFS_MAGIC, "sockfs"},
	{ANON_INODE_FS_MAGIC, "anonymous"},
	{RPCPIPE, "rpc_pipefs"},
};

static const char *kernel_fs(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return NULL;
	for (size_t i = 0; i < NSN_COUNT(kernels); i++)
		if ((unsigned long)fs.f_type == kernels[i].magic)
			return kernels[i].name;
	return NULL;
}

/* The type is what mountinfo has behind " - ". */
void nsn_source_fs(int fd, char *buf, size_t size)
{
	NSN_AUTO(nsn_freep) char *line = NULL;
	struct statx stx;
	size_t room = 0;
	FILE *from;

	(void)snprintf(buf, size, "unknown");
	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0 || !(stx.stx_mask & STATX_MNT_ID))
		return;
	from = fopen("/proc/self/mountinfo", "re");
	while (from && getline(&line, &room, from) > 0) {
		const char *type = strstr(line, " - ");

		if (strtoull(line, NULL, 10) != stx.stx_mnt_id || !type)
			continue;
		(void)snprintf(buf, size, "%.*s", (int)strcspn(type + 3, " "), type + 3);
		break;
	}
	if (from)
		(void)fclose(from);
}

/* ---- what was typed -------------------------------------------------------------------------- */

#define MAX_LINKS 40 /* as the kernel has it */

/* The first symbolic link on @path, as a place: the name from *@begin to *@end. */
static int first_link(const char *path, size_t *begin, size_t *end)
{
	const uint64_t how = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	char part[PATH_MAX];

	for (size_t at = strspn(path, "/"); path[at]; at = *end + strspn(path + *end, "/")) {
		struct stat st;
		int fd;

		*begin = at;
		*end = at + strcspn(path + at, "/");
		memcpy(part, path, *end);
		part[*end] = '\0';
		fd = nsn_openat2(AT_FDCWD, part, O_PATH | O_NOFOLLOW, how);
		if (fd < 0)
			return fd;
		if (fstat(fd, &st) == 0 && S_ISLNK(st.st_mode))
			return fd;
		(void)close(fd);
	}
	return -EAGAIN; /* there was one */
}

/* Puts what the link says in its place. */
static int follow(char path[PATH_MAX])
{
	NSN_AUTO(nsn_closep) int link = -1;
	char to[PATH_MAX], next[PATH_MAX];
	size_t begin, end;
	struct statfs fs;
	struct stat st;
	ssize_t n;
	int len;

	link = first_link(path, &begin, &end);
	if (link < 0)
		return link;
	if (fstat(link, &st) < 0 || fstatfs(link, &fs) < 0)
		return -errno;
	/* Those lead anywhere, whatever they say. */
	if (fs.f_type == PROC_SUPER_MAGIC)
		return -ELOOP;
	if (st.st_uid != 0)
		return -EPERM;
	n = readlinkat(link, "", to, sizeof(to) - 1);
	if (n < 0)
		return -errno;
	to[n] = '\0';
	len = snprintf(next, sizeof(next), "%.*s%s%s", to[0] == '/' ? 0 : (int)begin, path, to,
		       path + end);
	if (len < 0 || (size_t)len >= sizeof(next))
		return -ENAMETOOLONG;
	memcpy(path, next, (size_t)len + 1);
	return 0;
}

int nsn_source_open(const char *typed, uint64_t flags)
{
	const uint64_t how = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	char path[PATH_MAX];
	size_t len = strlen(typed);
	int fd = nsn_openat2(AT_FDCWD, typed, O_PATH | flags, how);

	if (fd != -ELOOP || len >= sizeof(path))
		return fd;
	memcpy(path, typed, len + 1);
	for (int i = 0; i < MAX_LINKS && fd == -ELOOP; i++) {
		const int r = follow(path);

		if (r < 0 && r != -EAGAIN)
			return r;
		fd = nsn_openat2(AT_FDCWD, path, O_PATH | flags, how);
	}
	return fd;
}

const char *nsn_source_why(int code)
{
	return code == -EPERM ? "there is a symbolic link on the way that is not root's"
			      : strerror(-code);
}

/* ---- places
 * -------------------------------------------------------------------------------------- */

/* Nobody nests folders deeper than paths are long, but a chain has an end. */
#define MAX_CHAIN 128

struct chain {
	struct {
		dev_t dev;
		ino_t ino;
	} at[MAX_CHAIN];
	size_t n;
};

/*
 * A folder and all above it, known by what they are and not by their names: the same
 * folder may have another path through a bind mount.
 */
static int chain_of(int fd, struct chain *ret)
{
	NSN_AUTO(nsn_closep) int at = -1;
	struct stat st;

	ret->n = 0;
	for (;;) {
		int up;

		if (fstat(at < 0 ? fd : at, &st) < 0)
			return -errno;
		if (ret->n > 0 && ret->at[ret->n - 1].dev == st.st_dev &&
		    ret->at[ret->n - 1].ino == st.st_ino)
			return 0; /* the root is its own parent */
		if (ret->n == MAX_CHAIN)
			return -ELOOP;
		ret->at[ret->n].dev = st.st_dev;
		ret->at[ret->n++].ino = st.st_ino;
		if (!S_ISDIR(st.st_mode))
			return 0;
		up = openat(at < 0 ? fd : at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (up < 0)
			return -errno;
		nsn_closep(&at);
		at = up;
	}
}

static bool chain_has(const struct chain *c, const struct chain *first)
{
	for (size_t i = 0; first->n > 0 && i < c->n; i++)
		if (c->at[i].dev == first->at[0].dev && c->at[i].ino == first->at[0].ino)
			return true;
	return false;
}

/* A file has no "..": the folder is asked of the kernel, which knows it by descriptor. */
static int open_above(int fd)
{
	char self[40], path[4096];
	char *slash;
	ssize_t n;

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	n = readlink(self, path, sizeof(path) - 1);
	if (n <= 0)
		return n < 0 ? -errno : -ENOENT;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return -ENOENT;
	slash[slash == path] = '\0';
	return nsn_openat2(AT_FDCWD, path, O_PATH | O_DIRECTORY, NSN_TYPED);
}

struct shut {
	const char *path;
	bool below; /* what is in it is shut as well */
};

static int refuse(const char *path, enum nsnet_code code, const char *why, const char *of,
		  struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];

	return nsn_err(err, -EINVAL, code, "'%s' %s %s: that is not shown to a workload",
		       nsn_text_show(path, shown, sizeof(shown)), why, of);
}

static int check_place(const struct shut *shut, const struct chain *source, const char *path,
		       enum nsnet_code code, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = open(shut->path, O_PATH | O_CLOEXEC);
	struct chain place = {.n = 0};

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 || chain_of(fd, &place) < 0)
		return nsn_err_sys(err, -errno, "look at '%s'", shut->path);
	if (chain_has(&place, source))
		return refuse(path, code, "is, or has in it,", shut->path, err);
	if (shut->below && chain_has(source, &place))
		return refuse(path, code, "is in", shut->path, err);
	return 0;
}

int nsn_source_check(const struct nsn_view *v, int fd, const char *path, enum nsnet_code code,
		     struct nsnet_err *err)
{
	const struct shut shut[] = {
		{"/", false},
		{"/proc", true},
		{"/sys", true},
		{"/dev", true},
		{"/etc", false},
		{"/etc/netns", true},
		{"/run/netns", true},
		{"/run/nsnet", true},
		{v->def->state ? v->def->state : STATE, true},
	};
	NSN_AUTO(nsn_closep) int above = -1;
	const char *fs = kernel_fs(fd);
	struct chain source = {.n = 0};
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : 0;

	if (fs)
		return refuse(path, code, "is on the kernel's own file system", fs, err);
	if (r == 0 && !S_ISDIR(st.st_mode))
		above = r = open_above(fd);
	if (r >= 0)
		r = chain_of(above >= 0 ? above : fd, &source);
	if (r < 0)
		return nsn_err_sys(err, r, "look at what is above '%s'", path);
	if (above >= 0) {
		/* Itself first, then what is above it; the folder it is in may be any. */
		if (source.n == MAX_CHAIN)
			return nsn_err_sys(err, -ELOOP, "look at what is above '%s'", path);
		memmove(&source.at[1], &source.at[0], source.n * sizeof(source.at[0]));
		source.at[0].dev = st.st_dev;
		source.at[0].ino = st.st_ino;
		source.n++;
	}
	for (size_t i = 0; i < NSN_COUNT(shut); i++) {
		r = check_place(&shut[i], &source, path, code, err);
		if (r < 0)
			return r;
	}
	return 0;
}
