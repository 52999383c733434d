/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_FDS_H
#define NSN_SPAWN_FDS_H

/*
 * fds - which descriptors may reach a workload
 */
#include <stddef.h>

#include "../base/err.h"

/*
 * Whether descriptor @fd can be given away: data, and nothing that leads further. Refused with
 * BAD_DESCRIPTOR: what is closed; folders and O_PATH (a root to walk from, CVE-2024-21626);
 * namespaces, procfs, sysfs, cgroups and the like; devices but null, zero, full, random and
 * urandom; sockets but streams of AF_UNIX that are connected or listen, since any other can be
 * connected anew from the network in which it was made; what the kernel hands out without a name
 * (epoll, bpf, perf, pidfds, mounts). Return: 1 it is a terminal, which never goes in
 * itself; 0 fine.
 */
int nsn_fd_check(int fd, struct nsnet_err *err);

/*
 * Closes all descriptors but @keep, of which those that are negative count for nothing. For a
 * process that was just born: allocates nothing. @n is at most 32.
 */
void nsn_fds_only(const int *keep, size_t n);

#endif
