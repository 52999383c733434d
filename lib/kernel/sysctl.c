/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../base/fd.h"
#include "netns.h"

#define PATH_SIZE 32 /* of a folder */

void nsn_sysctl_leave(struct nsn_sysctl_place *at)
{
	nsn_closep(&at->net);
	nsn_closep(&at->ipv4);
	nsn_closep(&at->ipv6);
	*at = (struct nsn_sysctl_place)NSN_SYSCTL_PLACE(at->home);
}

/* The folder that @path is in. */
static int *folder_of(struct nsn_sysctl_place *at, const char *path, const char **name)
{
	static const char net[] = "net/", ipv4[] = "net/ipv4/", ipv6[] = "net/ipv6/";

	if (strncmp(path, ipv4, strlen(ipv4)) == 0) {
		*name = ipv4;
		return &at->ipv4;
	}
	if (strncmp(path, ipv6, strlen(ipv6)) == 0) {
		*name = ipv6;
		return &at->ipv6;
	}
	*name = net;
	return &at->net;
}

/* Where to look: a descriptor in @fd, and the rest of the path in @rest. */
static int find(struct nsn_sysctl_place *at, const char *path, int *fd, const char **rest,
		struct nsnet_err *err)
{
	char full[PATH_SIZE];
	const char *name;
	int *folder = folder_of(at, path, &name), proc, r;

	/* Paths are ours, but a name such as "..": never. */
	if (strncmp(path, name, strlen(name)) != 0 || strstr(path, ".."))
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "bad sysctl path '%s'", path);
	*rest = path + strlen(name);
	if (*folder < 0) {
		proc = nsn_home_proc(at->home);
		(void)snprintf(full, sizeof(full), "sys/%s", name);
		*folder = proc < 0 ? -1 : openat(proc, full, O_PATH | O_DIRECTORY | O_CLOEXEC);
		/* A kernel without IPv6 has none of its settings. */
		r = *folder < 0 ? -errno : 0;
		if (r < 0)
			return r == -ENOENT ? r : nsn_err_sys(err, r, "open /proc/%s", full);
	}
	*fd = *folder;
	return 0;
}

/* In one read(2), as a sysctl is written in one: there is nothing behind its end. */
static int read_value(int dirfd, const char *path, char *buf, size_t size)
{
	NSN_AUTO(nsn_closep) int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -EFBIG;
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return 0;
}

/*
 * "Every group", where there are fewer: in a user namespace that has not all numbers (a
 * container's) the kernel takes only those that it has (net/ipv4/sysctl_net_ipv4.c,
 * ipv4_ping_group_range()). What it has there means the same.
 */
static const char ping_groups[] = "net/ipv4/ping_group_range";
static const char every_group[] = "0\t2147483647";

static void every_group_here(const struct nsn_sysctl_place *at, char *buf, size_t size)
{
	char map[4096];
	const int proc = nsn_home_proc(at->home);
	unsigned long long top = 0;

	buf[0] = '\0';
	if (proc < 0 || nsn_file_read(proc, "self/gid_map", map, sizeof(map)) < 0)
		return;
	for (char *line = map, *end; *line; line = end) {
		const unsigned long long inside = strtoull(line, &end, 10);

		(void)strtoull(end, &end, 10);
		top = inside + strtoull(end, &end, 10);
		end += *end == '\n';
		if (end == line)
			return;
	}
	if (top > 0 && top - 1 < INT32_MAX)
		(void)snprintf(buf, size, "0\t%llu", top - 1);
}

int nsn_sysctl_read(struct nsn_sysctl_place *at, const char *path, char *buf, size_t size,
		    struct nsnet_err *err)
{
	const char *rest;
	int fd, r;

	r = find(at, path, &fd, &rest, err);
	if (r < 0)
		return r;
	r = read_value(fd, rest, buf, size);
	if (r < 0 && r != -ENOENT)
		return nsn_err_sys(err, r, "read sysctl '%s'", path);
	if (r == 0 && strcmp(path, ping_groups) == 0 && strcmp(buf, every_group) != 0) {
		char here[32];

		every_group_here(at, here, sizeof(here));
		if (here[0] && strcmp(buf, here) == 0)
			(void)snprintf(buf, size, "%s", every_group);
	}
	return r;
}

int nsn_sysctl_write(struct nsn_sysctl_place *at, const char *path, const char *value,
		     struct nsnet_err *err)
{
	const char *rest;
	int fd, r;

	r = find(at, path, &fd, &rest, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0)
		r = nsn_file_write(fd, rest, value);
	if (r == -EINVAL && strcmp(path, ping_groups) == 0 && strcmp(value, every_group) == 0) {
		char here[32];

		every_group_here(at, here, sizeof(here));
		r = here[0] ? nsn_file_write(fd, rest, here) : r;
	}
	return r < 0 ? nsn_err_sys(err, r, "write sysctl '%s' = %s", path, value) : 0;
}
