/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "reader.h"

/*
 * closed - whose network a process is in that may not be looked at
 *
 * Who has a capability that the caller has not (whatever started the container that this
 * runs in) keeps the links below /proc/PID/ns to himself, but not /proc/PID/net: of each
 * network namespace its folder `stat` has a number of its own (proc_net_mkdir(), one entry
 * for each). Whoever may be looked at and shows the same number is in the same namespace.
 */

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static uint64_t number_of_net(const struct nsn_reader *r, int32_t pid)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%d/net/stat", pid);
	return fstatat(r->proc, path, &st, 0) == 0 ? st.st_ino : 0;
}

uint64_t nsn_read_closed(const struct nsn_reader *r, int32_t pid)
{
	NSN_AUTO(closedirp) DIR *d = opendir("/proc");
	const uint64_t like = number_of_net(r, pid);
	struct dirent *e;

	while (d && like && (e = readdir(d))) {
		char path[64];
		uint64_t other, inode;
		int error;

		if (nsn_u64_parse(&other, e->d_name, INT32_MAX) < 0 || other == (uint64_t)pid ||
		    number_of_net(r, (int32_t)other) != like)
			continue;
		(void)snprintf(path, sizeof(path), "%d/ns/net", (int32_t)other);
		inode = nsn_ns_link(r->proc, path, "net:[", &error);
		if (inode)
			return inode;
	}
	return 0;
}
