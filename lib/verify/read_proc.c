/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "../base/cleanup.h"

uint64_t nsn_ns_link(int dir, const char *path, const char *kind, int *error)
{
	size_t len = strlen(kind);
	char text[64];
	ssize_t n = readlinkat(dir, path, text, sizeof(text) - 1);

	*error = n < 0 ? errno : ENOENT;
	if (n < 0)
		return 0;
	text[n] = '\0';
	return strncmp(text, kind, len) == 0 ? strtoull(text + len, NULL, 10) : 0;
}

/* A file of the process, cut where there is no more room. False: it is gone. */
static bool read_of(const struct nsn_reader *r, int32_t pid, const char *name, char *buf,
		    size_t size)
{
	char path[64];
	NSN_AUTO(nsn_closep) int fd = -1;
	ssize_t n = -1;

	(void)snprintf(path, sizeof(path), "%d/%s", pid, name);
	fd = openat(r->proc, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	return n >= 0 || (errno != ENOENT && errno != ESRCH);
}

/* What cannot be read counts as all there is. */
static uint64_t caps_of(const char *status)
{
	const char *prm = strstr(status, "\nCapPrm:"), *eff = strstr(status, "\nCapEff:");

	return prm && eff ? strtoull(prm + 8, NULL, 16) | strtoull(eff + 8, NULL, 16) : UINT64_MAX;
}

static uint32_t uid_of(const char *status)
{
	const char *uid = strstr(status, "\nUid:");

	uid = uid ? strchr(uid + 6, '\t') : NULL;
	return uid ? (uint32_t)strtoul(uid, NULL, 10) : 0;
}

/* "7 (a name) S 1 ...": the name may have anything in it, so the last bracket counts. */
static uint64_t start_of(const char *stat)
{
	const char *at = strrchr(stat, ')');
	unsigned int field;

	for (field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

static const char *name_of(struct nsn_arena *mem, char *stat)
{
	char *begin = strchr(stat, '('), *end = strrchr(stat, ')'), *c;

	if (!begin || !end || end < begin)
		return "";
	*end = '\0';
	for (c = begin + 1; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return nsn_arena_strdup(mem, begin + 1);
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && strcmp(text + n - m, end) == 0;
}

/*
 * The last part of the path that is a unit of systemd's or a container; the path itself
 * when there is none. Of version 2 there is one line, "0::/...".
 */
static const char *unit_of(struct nsn_arena *mem, char *groups)
{
	char *line, *lines = NULL, *part, *parts = NULL, *path = NULL;
	const char *unit = NULL, *whole = "";

	for (line = strtok_r(groups, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
		char *second = strchr(line, ':');

		second = second ? strchr(second + 1, ':') : NULL;
		if (second && (!path || strncmp(line, "0::", 3) == 0))
			path = second + 1;
	}
	if (!path)
		return "";
	if (strcmp(path, "/") != 0)
		whole = nsn_arena_strdup(mem, path);
	for (part = strtok_r(path, "/", &parts); part; part = strtok_r(NULL, "/", &parts))
		if (ends_in(part, ".service") || ends_in(part, ".scope") ||
		    strncmp(part, "docker-", 7) == 0)
			unit = part;
	return unit && whole ? nsn_arena_strdup(mem, unit) : whole;
}

static bool is_workload(const struct nsn_reader *r, int32_t pid)
{
	size_t i;

	for (i = 0; i < r->how->n_workloads; i++)
		if (r->how->workloads[i] == pid)
			return true;
	return false;
}

int nsn_read_proc(struct nsn_reader *r, int32_t pid, struct nsn_vproc *ret)
{
	char status[4096], stat[1024], groups[4096], path[64];
	uint64_t users, start;
	int error;

	if (!read_of(r, pid, "status", status, sizeof(status)) ||
	    !read_of(r, pid, "stat", stat, sizeof(stat)) ||
	    !read_of(r, pid, "cgroup", groups, sizeof(groups)))
		return 1;
	(void)snprintf(path, sizeof(path), "%d/ns/user", pid);
	users = nsn_ns_link(r->proc, path, "user:[", &error);
	/* Taking the name out of it changes the text. */
	start = start_of(stat);
	*ret = (struct nsn_vproc){
		.pid = pid,
		.uid = uid_of(status),
		.host_user = !users || users == r->host_users,
		.caps = caps_of(status),
		.start = start,
		.name = name_of(&r->mem, stat),
		.unit = unit_of(&r->mem, groups),
		.workload = is_workload(r, pid),
	};
	return ret->name && ret->unit ? 0 : -ENOMEM;
}
