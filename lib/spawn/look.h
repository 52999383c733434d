/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_LOOK_H
#define NSN_SPAWN_LOOK_H

/*
 * look - the namespaces of a process, from outside
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../base/err.h"

/* A namespace is known by the number of its inode in nsfs, and its owner by that of the user
 * namespace that NS_GET_USERNS (of a user namespace: NS_GET_PARENT) leads to. */
struct nsn_look {
	uint64_t ns[NSNET_NS_COUNT];
	uint64_t owner[NSNET_NS_COUNT]; /* 0: not asked, or nobody's that we may see */
};

/* A procfs of the caller's own pid namespace, for looking at processes. -errno */
int nsn_proc_open(struct nsnet_err *err);
/* The folder of a process in it, and nothing that was mounted over it. -ESRCH: it is not there. */
int nsn_proc_pid(int proc, pid_t pid, struct nsnet_err *err);

/* @pid: nsn_proc_pid(). A namespace this kernel does not have is 0. */
int nsn_look(int pid, struct nsn_look *ret, struct nsnet_err *err);
/* Without owners, which nsn_look_check() does not ask of the host. */
int nsn_look_numbers(int pid, struct nsn_look *ret, struct nsnet_err *err);

/* "pid", "net", "mnt", as in /proc/PID/ns. */
const char *nsn_ns_word(enum nsnet_ns ns);
int nsn_ns_flag(enum nsnet_ns ns); /* CLONE_NEW... */

/*
 * Whether what was born is what was wanted: each namespace of its own but those in @share, which
 * are
 * @host's, and its network the one with number @net; each owned by its own user namespace (@share
 * has user: by the host's), but net and time, which are the host's so that nothing in them can
 * be changed. -EXDEV (NOT_ISOLATED) names the first that is not.
 */
int nsn_look_check(const struct nsn_look *born, const struct nsn_look *host, uint64_t net,
		   unsigned int share, bool time, struct nsnet_err *err);

#endif
