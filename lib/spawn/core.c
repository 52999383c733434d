/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "../base/fd.h"
#include "birth.h"

/*
 * core - where the kernel puts what was in a workload's memory
 *
 * A plain pattern is a path inside. One that begins with '|' starts a program of the host, as root
 * and in the host's namespaces, '@' is a socket of the host's (6.16); both whatever the limit is,
 * but for the limit 1, which the kernel keeps for those programs themselves. And with
 * fs.suid_dumpable=2 a process whose program it cannot read dumps to the host's root.
 */

bool nsn_core_leaves(const char *pattern, const char *suid_dumpable)
{
	return pattern[0] == '|' || pattern[0] == '@' || strtol(suid_dumpable, NULL, 10) == 2;
}

/* ENOENT: a kernel that writes none. */
static int read_text(int proc, const char *name, char *text, size_t size, struct nsnet_err *err)
{
	const int r = nsn_file_read(proc, name, text, size);

	if (r == -ENOENT)
		text[0] = '\0';
	return r < 0 && r != -ENOENT ? nsn_err_sys(err, r, "cannot read /proc/%s", name) : 0;
}

int nsn_core_look(int proc, bool *leaves, struct nsnet_err *err)
{
	char pattern[256], dumpable[16];
	int r;

	r = read_text(proc, "sys/kernel/core_pattern", pattern, sizeof(pattern), err);
	if (r == 0)
		r = read_text(proc, "sys/fs/suid_dumpable", dumpable, sizeof(dumpable), err);
	if (r == 0)
		*leaves = nsn_core_leaves(pattern, dumpable);
	return r;
}
