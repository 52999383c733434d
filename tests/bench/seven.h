/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_BENCH_SEVEN_H
#define NSNET_BENCH_SEVEN_H

#include <sys/types.h>

/*
 * Starts a command in seven new namespaces (pid, net, mnt, ipc, uts, user, cgroup), with nothing
 * done to any of them: no map, no mount, no address. Its number, or -1 and errno.
 */
pid_t seven_start(char *const *argv);
/* Its status as the shell has it. */
int seven_wait(pid_t pid);

#endif
