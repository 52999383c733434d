/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_CONFINE_H
#define NSN_SPAWN_CONFINE_H

/*
 * confine - what a process may not do any more, from before its exec on
 *
 * The order is that of what each step needs: keyring, limits, groups and user while there are
 * capabilities; bounding set and capabilities; no_new_privs, which Landlock and a filter want;
 * the filter last, as it denies some of the calls before.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/filter.h>

#include "../base/err.h"
#include "stage.h"

struct nsn_confine {
	uint32_t uid, gid; /* inside */
	uint64_t caps;	   /* bit N: capability N stays (permitted, effective, bounding,
			      inheritable and ambient, so that a user other than 0 has it, too) */
	bool landlock;	   /* scopes, where the kernel has them (6.12) */
	bool keyring;	   /* join a new session keyring */
	bool early;	   /* nsn_confine_early() was called with the same before the fork */
	/* Borrowed. NULL: nsn_filter_default(). */
	const struct sock_fprog *filter;
};

/*
 * In the process itself, which is single-threaded, has all capabilities in its user namespace and
 * executes next. Allocates nothing. The keyring counts against the user who joins it, 200 for
 * each but the host's root (/proc/sys/kernel/keys/maxkeys): where there may be more workloads than
 * that, join before the user namespace, and leave `keyring` out.
 */
int nsn_confine(const struct nsn_confine *c, struct nsn_trouble *why);

/*
 * In the first process, before it forks the workload's own: what both may have, and the workload
 * inherits. A filter of the same instructions is translated by the kernel for each load, 150 us;
 * one that is another than the default is loaded later, by nsn_confine().
 */
int nsn_confine_early(const struct nsn_confine *c, struct nsn_trouble *why);

/*
 * The first process of a workload reaps and passes signals on, and nothing else: it has no
 * capability but CAP_KILL, the same filter, and cannot be traced. After it has forked the
 * workload's own process, which needs capabilities to give them up. Its groups are the caller's to
 * drop.
 */
int nsn_confine_init(struct nsn_trouble *why);
/* The same after nsn_confine_early(@c). */
int nsn_confine_init_rest(const struct nsn_confine *c, struct nsn_trouble *why);

/* What the kernel has of Landlock: 0 none; scopes are in from 6 on; or -errno. */
int nsn_landlock_abi(void);

/* ---- the filter of system calls --------------------------------------------------------- */

/* Made at build time, for this machine's architecture (filter/denied.def has the reasons). */
const struct sock_fprog *nsn_filter_default(void);
/*
 * The calls that capabilities given with --cap-add make useful are not denied then (mount for
 * SYS_ADMIN, and so on): one of few programs that were made at build time.
 */
const struct sock_fprog *nsn_filter_for(uint64_t caps);

/* For `nsnet help seccomp`, tests and the manual: NULL behind the last. */
struct nsn_denied {
	const char *call;    /* "mount", or with what is in the arguments: "ioctl(TIOCSTI)" */
	const char *errname; /* "EPERM", "ENOSYS" */
	const char *why;
	int cap; /* with it the call is allowed; -1: never */
};
const struct nsn_denied *nsn_filter_denied(size_t i);

/*
 * A profile in the OCI runtime's JSON form ("defaultAction", "architectures", "syscalls" with
 * "names", "action", "errnoRet", "args", docker's "includes"/"excludes" with caps and arches),
 * read from @fd. free() ret->filter. -EINVAL (BAD_SECCOMP) with line and column or the entry.
 */
int nsn_filter_read(int fd, const char *name, uint64_t caps, struct sock_fprog *ret,
		    struct nsnet_err *err);

/* ---- capabilities --------------------------------------------------------------------- */

/* "CAP_NET_RAW", "net_raw", "NET_RAW"; -EINVAL (BAD_CAPABILITY) */
int nsn_cap_parse(const char *name, int *ret, struct nsnet_err *err);
const char *nsn_cap_name(int cap); /* "NET_RAW"; NULL: none that we know */
/* What a process of its own user namespace can do with it to others: NULL when that is nothing,
 * else in a sentence, which an operator has to justify. It is about workloads of the default
 * form: without a user namespace of its own (user=host) each of them is what it says. */
const char *nsn_cap_exposes(int cap);

#endif
