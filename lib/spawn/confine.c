// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Raw system calls where glibc does more than the call: its setresuid() tells all threads of the
 * process, of which there is one, and it has no wrapper for most of the others.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>

#include "../base/cleanup.h"
#include "confine.h"

/* ---- Landlock ------------------------------------------------------------------------- */

/* Kernel headers before 6.12 have a shorter struct and no scopes. */
struct ruleset {
	uint64_t handled_access_fs, handled_access_net, scoped;
};
#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0)
#define SCOPE_SIGNAL		   (UINT64_C(1) << 1)
#define ABI_SCOPES		   6
#define CREATE_RULESET_VERSION	   1U

int nsn_landlock_abi(void)
{
	long r = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_RULESET_VERSION);

	if (r >= 0)
		return (int)r;
	/* Not built, or not started: the kernel has none. Whoever forbids to ask is not the kernel.
	 */
	return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
}

static int scope(struct nsn_trouble *why)
{
	const struct ruleset rules = {.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL};
	const int abi = nsn_landlock_abi();
	NSN_AUTO(nsn_closep) int fd = -1;

	if (abi < 0)
		return nsn_trouble(why, NSN_STAGE_LANDLOCK, abi, "landlock_create_ruleset");
	if (abi < ABI_SCOPES)
		return 0;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0U);
	if (fd < 0)
		return nsn_trouble(why, NSN_STAGE_LANDLOCK, -errno, "landlock_create_ruleset");
	if (syscall(SYS_landlock_restrict_self, fd, 0U) < 0)
		return nsn_trouble(why, NSN_STAGE_LANDLOCK, -errno, "landlock_restrict_self");
	return 0;
}

/* ---- user and capabilities ------------------------------------------------------------- */

/*
 * Without NOROOT, an exec as root inside is given all that the bounding set has. KEEP_CAPS is for
 * the change of user below, and goes with the exec. NO_SETUID_FIXUP is locked as it is, off: with
 * it, a server that starts as root and becomes somebody else would keep its capabilities.
 */
#define BITS                                                                                       \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP_LOCKED)

/*
 * One call for each capability: the kernel has no other way to take them out of the bounding set.
 * Those that are newer than our headers go as well: it says EINVAL behind the last.
 */
static int drop_bounding(uint64_t keep, struct nsn_trouble *why)
{
	for (int cap = 0; cap < 64; cap++) {
		if (keep >> cap & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno == EINVAL && cap > CAP_SETPCAP)
				return 0;
			return nsn_trouble(why, NSN_STAGE_CAPS, -errno, "PR_CAPBSET_DROP %d", cap);
		}
	}
	return 0;
}

static int become(const struct nsn_confine *c, struct nsn_trouble *why)
{
	if (syscall(SYS_setgroups, (size_t)0, NULL) < 0)
		return nsn_trouble(why, NSN_STAGE_USER, -errno, "setgroups");
	if (syscall(SYS_setresgid, c->gid, c->gid, c->gid) < 0)
		return nsn_trouble(why, NSN_STAGE_USER, -errno, "setresgid %u", c->gid);
	if (syscall(SYS_setresuid, c->uid, c->uid, c->uid) < 0)
		return nsn_trouble(why, NSN_STAGE_USER, -errno, "setresuid %u", c->uid);
	return 0;
}

/*
 * Exactly these. What is not inheritable any more leaves the ambient set, too, so that needs no
 * call of its own.
 */
static int set_caps(uint64_t caps, uint64_t inherit, struct nsn_trouble *why)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	for (unsigned int i = 0; i < NSN_COUNT(data); i++) {
		data[i].effective = data[i].permitted = (uint32_t)(caps >> 32 * i);
		data[i].inheritable = (uint32_t)(inherit >> 32 * i);
	}
	if (syscall(SYS_capset, &head, data) < 0)
		return nsn_trouble(why, NSN_STAGE_CAPS, -errno, "capset");
	return 0;
}

/* The ambient set is what an exec leaves to who is not root, or is root with NOROOT. */
static int raise_ambient(uint64_t caps, struct nsn_trouble *why)
{
	for (int cap = 0; cap < 64; cap++) {
		if (!(caps >> cap & 1))
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return nsn_trouble(why, NSN_STAGE_CAPS, -errno, "PR_CAP_AMBIENT_RAISE %d",
					   cap);
	}
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------ */

static int no_new_privs(struct nsn_trouble *why)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return nsn_trouble(why, NSN_STAGE_NNP, -errno, "PR_SET_NO_NEW_PRIVS");
	return 0;
}

/* No TSYNC: there is one thread. */
static int load(const struct sock_fprog *filter, struct nsn_trouble *why)
{
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, filter) < 0)
		return nsn_trouble(why, NSN_STAGE_SECCOMP, -errno, "seccomp");
	return 0;
}

/* This and the bounding set want CAP_SETPCAP, which goes with the user. */
static int prepare_exec(const struct nsn_confine *c, struct nsn_trouble *why)
{
	/* A keyring goes with fork and exec: the session of who started us would be the workload's.
	 */
	if (c->keyring && syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		return nsn_trouble(why, NSN_STAGE_KEYRING, -errno, "keyctl");
	if (prctl(PR_SET_SECUREBITS, BITS, 0, 0, 0) < 0)
		return nsn_trouble(why, NSN_STAGE_CAPS, -errno, "PR_SET_SECUREBITS");
	return drop_bounding(c->caps, why);
}

static bool has_default(const struct nsn_confine *c)
{
	return !c->filter || c->filter->filter == nsn_filter_default()->filter;
}

int nsn_confine_early(const struct nsn_confine *c, struct nsn_trouble *why)
{
	int r = prepare_exec(c, why);

	if (r == 0)
		r = no_new_privs(why);
	return r < 0 || !has_default(c) ? r : load(nsn_filter_default(), why);
}

int nsn_confine(const struct nsn_confine *c, struct nsn_trouble *why)
{
	int r = c->early ? 0 : prepare_exec(c, why);

	if (r == 0)
		r = become(c, why);
	if (r == 0)
		r = set_caps(c->caps, c->caps, why);
	if (r == 0)
		r = raise_ambient(c->caps, why);
	if (r == 0)
		r = no_new_privs(why);
	if (r == 0 && c->landlock)
		r = scope(why);
	if (r < 0 || (c->early && has_default(c)))
		return r;
	return load(c->filter ? c->filter : nsn_filter_default(), why);
}

static int shed_caps(struct nsn_trouble *why)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return nsn_trouble(why, NSN_STAGE_CAPS, -errno, "PR_SET_DUMPABLE");
	return set_caps(UINT64_C(1) << CAP_KILL, 0, why);
}

/*
 * It never executes anything, and no_new_privs would see to it that nothing came of it: bounding
 * set and securebits, which are about exec, are as they are.
 */
int nsn_confine_init(struct nsn_trouble *why)
{
	int r = shed_caps(why);

	if (r == 0)
		r = no_new_privs(why);
	return r < 0 ? r : load(nsn_filter_default(), why);
}

int nsn_confine_init_rest(const struct nsn_confine *c, struct nsn_trouble *why)
{
	const int r = shed_caps(why);

	return r < 0 || has_default(c) ? r : load(nsn_filter_default(), why);
}
