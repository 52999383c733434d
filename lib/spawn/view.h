/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_VIEW_H
#define NSN_SPAWN_VIEW_H

/*
 * view - what a workload sees of files
 *
 * In three steps, by who may do what:
 *
 *   open    in the caller, before there is any process: every path that somebody typed is
 *           resolved once, to a descriptor, and everything that can be refused is.
 *   build   in the helper, a process of the host's root in a mount namespace of its own: puts
 *           the new root together and makes it the only thing there is (pivot_root, and the
 *           host's tree is gone). The workload's mount namespace is then made as a copy
 *           of this one by a clone into a new *user* namespace, which makes the kernel lock what
 *           it copies: nobody inside, with whatever capability, can take a mount away, move it
 *           or make it writable (mount_namespaces(7), "locked").
 *   finish  in the workload's first process: attaches what belongs to its own namespaces
 *           (proc, devpts, mqueue), and covers what nobody needs.
 *
 * The default view is the host's /usr, read-only, with the host's owners (nobody inside: a workload
 * reads what all users of the host may), and an /etc, /dev, /sys of its own. With a rootfs the
 * folder is the root, read-only, with its owners mapped (rootfs.c says why that is safe). Both
 * have /tmp, /run, /dev/shm, and the default view /var and a home, that can be written to, are
 * empty at the start and gone at the end.
 *
 * Volumes (volume.c): one user and one group of the disk are mapped, never 0. What is mounted below
 * SRC is not part of it.
 *
 * What finish() covers of /proc is the workload's own, so who has CAP_SYS_ADMIN inside can
 * uncover it; the kernel's own checks remain (mask.c).
 *
 * Nothing is looked up by a path through a tree that somebody else wrote, but beneath its root
 * and without symbolic links (openat2): see CVE-2025-31133, CVE-2025-52565, CVE-2025-52881.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../model/ids.h"
#include "stage.h"

/* As typed by the user. What it points to lives until nsn_view_close(). */
struct nsn_view_def {
	const char *rootfs;	    /* NULL: the host's /usr */
	const char *const *volumes; /* "SRC:DST", "SRC:DST:ro" */
	size_t n_volumes;
	const char *const *etc; /* further paths of the host below /etc */
	size_t n_etc;
	const char *user;	   /* "1000", "www-data", "1000:1000"; NULL: 0 */
	const struct nsn_ids *ids; /* which numbers of the host stand for those inside */
	bool no_userns;		   /* user=host: there is no map; numbers are the host's own */
	const char *hostname;	   /* for /etc/hostname and /etc/hosts */
	int resolv, hosts;	   /* descriptors of the endpoint's files; -1: there is none */
	const char *state;	   /* nsnet's own folder, never to be shown; NULL: /var/lib/nsnet */
	uint64_t scratch; /* bytes that all of /tmp, /run, /var, /home can hold; 0: 256 MiB */
};

struct nsn_view;

/*
 * Return: 0, or -EINVAL (BAD_VOLUME, BAD_ROOTFS, BAD_USER), -ENOENT (the path is not there),
 * -EOPNOTSUPP (BAD_VOLUME: the file system cannot be idmapped), -ENOMEM
 */
int nsn_view_open(const struct nsn_view_def *def, struct nsn_view **ret, struct nsnet_err *err);
void nsn_view_close(struct nsn_view *v); /* NULL is fine */

/* The user that `user` stands for, in numbers inside, and where its home is. */
uint32_t nsn_view_uid(const struct nsn_view *v);
uint32_t nsn_view_gid(const struct nsn_view *v);
const char *nsn_view_user(const struct nsn_view *v); /* its name, or its number */
const char *nsn_view_home(const struct nsn_view *v);

/*
 * The mount namespace has to be the calling process' own, and it single-threaded. The
 * root is then the workload's, without /proc, /dev/pts and /dev/mqueue, whose folders are there.
 */
int nsn_view_build(struct nsn_view *v, struct nsn_trouble *why);

/*
 * In the workload's mount namespace, as its root. @proc: a detached mount of a procfs of
 * its pid namespace (fsmount()), taken over; @own_ipc: an mqueue file system is mounted.
 */
int nsn_view_finish(struct nsn_view *v, int proc, bool own_ipc, struct nsn_trouble *why);

#endif
