/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * canary_proc - what /proc says of the process inside; see canary.h
 */
#include "canary.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static void closefp(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

/* Calls @each for every line of a file of the process. */
static int each_line(int pid, const char *name, void (*each)(char *, struct nsn_canary_proc *),
		     struct nsn_canary_proc *ret)
{
	NSN_AUTO(closefp) FILE *f = NULL;
	NSN_AUTO(nsn_freep) char *line = NULL;
	const int fd = openat(pid, name, O_RDONLY | O_CLOEXEC);
	size_t size = 0;

	if (fd < 0)
		return -errno;
	f = fdopen(fd, "re");
	if (!f) {
		(void)close(fd);
		return -ENOMEM;
	}
	errno = 0;
	while (getline(&line, &size, f) >= 0)
		each(line, ret);
	return ferror(f) ? -EIO : errno == ENOMEM ? -ENOMEM : 0;
}

/* "NSpid:\t4711\t12": in ours, and in each one below. "CapEff:\t0000...": all sets count. */
static void status_line(char *line, struct nsn_canary_proc *ret)
{
	char *save = NULL;

	if (strncmp(line, "NSpid:", 6) == 0)
		for (const char *w = strtok_r(line + 6, "\t \n", &save); w;
		     w = strtok_r(NULL, "\t \n", &save))
			ret->pids++;
	else if (strncmp(line, "Cap", 3) == 0 && strchr(line, ':'))
		ret->caps |= strtoull(strchr(line, ':') + 1, NULL, 16);
}

/* What does not fit is seen by its "...". */
static void link_line(char *line, struct nsn_canary_proc *ret)
{
	const char *name = line + strspn(line, " "), *colon = strchr(name, ':');
	const size_t n = strlen(ret->links);

	if (!colon || strchr(name, '|'))
		return;
	if (n + 24 > sizeof(ret->links))
		(void)snprintf(ret->links + n, sizeof(ret->links) - n, " ...");
	else
		(void)snprintf(ret->links + n, sizeof(ret->links) - n, "%s%.*s", n ? " " : "",
			       (int)(colon - name), name);
}

/* A mount of mountinfo with optional fields: proc_pid_mountinfo(5), field 7. */
static void mount_line(char *line, struct nsn_canary_proc *ret)
{
	const char *at = line;

	for (int field = 1; field < 7 && at; field++) {
		at = strchr(at, ' ');
		if (at)
			at++;
	}
	ret->peers += at && (strncmp(at, "shared:", 7) == 0 || strncmp(at, "master:", 7) == 0);
}

/* "         0 1879048192      65536", as many rows as there are lines. */
static void map_line(char *line, struct nsn_canary_proc *ret)
{
	char *at = line;

	if (ret->n_rows < NSN_COUNT(ret->rows)) {
		ret->rows[ret->n_rows].inside = (uint32_t)strtoul(at, &at, 10);
		ret->rows[ret->n_rows].outside = (uint32_t)strtoul(at, &at, 10);
		ret->rows[ret->n_rows].count = (uint32_t)strtoul(at, &at, 10);
	}
	ret->n_rows++;
}

int nsn_canary_read(int pid, struct nsn_canary_proc *ret)
{
	static const struct {
		const char *name;
		void (*each)(char *, struct nsn_canary_proc *);
	} files[] = {
		{"status", status_line},
		{"net/dev", link_line},
		{"mountinfo", mount_line},
		{"uid_map", map_line},
	};

	*ret = (struct nsn_canary_proc){0};
	for (size_t i = 0; i < NSN_COUNT(files); i++) {
		const int r = each_line(pid, files[i].name, files[i].each, ret);

		if (r < 0)
			return r;
	}
	return 0;
}
