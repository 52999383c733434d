/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_STAGE_H
#define NSN_SPAWN_STAGE_H

/*
 * stage - where a start failed
 *
 * The processes between clone and exec can fill in no struct nsnet_err for the caller: they
 * send this through a pipe. Small and without pointers.
 */
#define NSN_STAGES(X)                                                                              \
	X(CGROUP, "cgroup", "making the workload's control group")                                 \
	X(HELPER, "helper", "starting the helper")                                                 \
	X(NET, "net", "joining the tenant's network namespace")                                    \
	X(MOUNTS, "mounts", "keeping mounts from the host")                                        \
	X(ROOT, "root", "making the root file system")                                             \
	X(ETC, "etc", "filling /etc")                                                              \
	X(DEV, "dev", "filling /dev")                                                              \
	X(VOLUME, "volume", "mounting a volume")                                                   \
	X(PIVOT, "pivot", "changing to the new root")                                              \
	X(CLONE, "clone", "making the namespaces")                                                 \
	X(MAP, "map", "mapping users")                                                             \
	X(BECOME, "become", "becoming root inside")                                                \
	X(PROC, "proc", "mounting /proc")                                                          \
	X(MASK, "mask", "covering what is not for workloads")                                      \
	X(HOSTNAME, "hostname", "setting the name")                                                \
	X(CHECK, "check", "checking the namespaces from outside")                                  \
	X(FORK, "fork", "starting the workload's own process")                                     \
	X(TERMINAL, "terminal", "opening its terminal")                                            \
	X(KEYRING, "keyring", "joining a session keyring of its own")                              \
	X(LIMITS, "limits", "setting resource limits")                                             \
	X(CWD, "cwd", "entering the working folder")                                               \
	X(CAPS, "caps", "dropping capabilities")                                                   \
	X(USER, "user", "becoming the user")                                                       \
	X(NNP, "no_new_privs", "giving up new privileges")                                         \
	X(LANDLOCK, "landlock", "scoping signals and sockets")                                     \
	X(SECCOMP, "seccomp", "loading the filter of system calls")                                \
	X(FDS, "fds", "closing descriptors")                                                       \
	X(EXEC, "exec", "executing the command")

enum nsn_stage {
#define NSN_STAGE_ENUM(name, word, text) NSN_STAGE_##name,
	NSN_STAGES(NSN_STAGE_ENUM)
#undef NSN_STAGE_ENUM
		NSN_STAGE_COUNT
};

struct nsn_trouble {
	enum nsn_stage stage;
	int code;	/* negative errno */
	char what[104]; /* the object: a path, a system call */
};

/* Fills it in and returns @code. Allocates nothing: for use between fork and exec. */
int nsn_trouble(struct nsn_trouble *why, enum nsn_stage stage, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
const char *nsn_stage_word(enum nsn_stage stage); /* "pivot" */
const char *nsn_stage_text(enum nsn_stage stage); /* "changing to the new root" */

#endif
