/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_SPAWN_H
#define NSN_SPAWN_SPAWN_H

/*
 * spawn - a process in namespaces of its own
 *
 * Four processes take part:
 *
 *   caller    prepares and checks, waits, passes signals on. Its death is the workload's.
 *   helper    of the host's root, in a mount namespace of its own: joins the network, builds
 *             the root, clones the first process, maps its users, and is gone.
 *   first     pid 1 inside: finishes the mounts, starts the workload, reaps, passes on.
 *   workload  gives up everything and executes the command.
 *
 * Why a helper: the tenant's network namespace belongs to the initial user namespace, so it has to
 * be joined before there is another one (the other order is EPERM); what is mounted by the
 * host's root is locked for whoever gets a copy of the mounts in a user namespace of his own; and
 * a procfs of the new pid namespace cannot be mounted from a mount namespace that has none yet
 * (mount_too_revealing() in the kernel), but by root on its behalf.
 *
 * Nothing that is missing is passed over: each namespace is made, or the start fails with the
 * name of the stage; and before the command runs the caller looks at each from outside.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../model/ids.h"
#include "confine.h"
#include "look.h"
#include "stage.h"

struct nsn_view;

/* A descriptor of the caller that the workload gets under the same number. */
#define NSN_SPAWN_FDS 16

struct nsn_spawn {
	const char *const *argv; /* NULL-terminated */
	const char *const *env;	 /* NULL-terminated, all of it */
	/* Instead of a command: what it returns is the exit status. After it is confined. */
	int (*entry)(void *arg);
	void *arg;
	const char *cwd;      /* inside */
	const char *hostname; /* NULL: the host's, with uts shared */
	int netns;	      /* the tenant's, pinned and known to be it */
	unsigned int share;   /* 1 << enum nsnet_ns: stays the host's. Never net or mnt. */
	bool time;	      /* a time namespace, too, in which it is just after boot */
	const struct nsn_ids *ids;
	struct nsn_view *view;
	int bare; /* the mount namespace its root is built in a copy of; -1: the host's */
	struct nsn_confine confine;
	int cgroup; /* of version 2: it is born there; -1 */
	int tasks;  /* of version 1: it joins by writing there; -1 */
	int stdio[3];
	unsigned int tty; /* 1 << N: descriptor N is the workload's own terminal, not stdio[N] */
	int fds[NSN_SPAWN_FDS];
	size_t n_fds;
	/* Tests only: 1 << enum nsnet_ns that are left out though nobody said so, and found. */
	unsigned int sabotage;
	bool blind; /* with sabotage: the look from outside is left out, too */
};

struct nsn_born {
	pid_t pid; /* of the first process, for the host */
	int pidfd;
	int ctl;	      /* readable when there is something for nsn_born_wait() */
	int tty;	      /* the other end of its terminal, or -1 */
	struct nsn_look look; /* its namespaces */
	bool done;
	struct nsnet_exit exit;
};

/*
 * Starts it; 0: the command runs. -errno with SPAWN (stage and errno are in the message),
 * NOT_ISOLATED, NO_COMMAND or CANNOT_RUN: nothing of it is left. The calling process may have
 * threads; its signals, descriptors, environment and umask do not arrive.
 */
int nsn_spawn(const struct nsn_spawn *s, struct nsn_born *ret, struct nsnet_err *err);

/* A signal for the workload; the first process passes it on. KILL and STOP are its own. */
int nsn_born_signal(struct nsn_born *b, int sig, struct nsnet_err *err);
/* 1: it has ended, see `exit`; 0: not within @ms (-1: no limit). Reaps all of it. */
int nsn_born_wait(struct nsn_born *b, int ms, struct nsnet_err *err);
/* Ends what still runs, waits for it, and closes. */
void nsn_born_clear(struct nsn_born *b);

#endif
