// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <linux/capability.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "confine.h"

/*
 * A table and not libcap's: names have to be there for as long as the process is, and the
 * library's constructor makes seven system calls whenever nsnet is started. A test compares
 * the two. A capability that is newer than this table has no name; it is dropped like all.
 */
static const char *const names[] = {
	[CAP_CHOWN] = "CHOWN",
	[CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH",
	[CAP_FOWNER] = "FOWNER",
	[CAP_FSETID] = "FSETID",
	[CAP_KILL] = "KILL",
	[CAP_SETGID] = "SETGID",
	[CAP_SETUID] = "SETUID",
	[CAP_SETPCAP] = "SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "NET_BROADCAST",
	[CAP_NET_ADMIN] = "NET_ADMIN",
	[CAP_NET_RAW] = "NET_RAW",
	[CAP_IPC_LOCK] = "IPC_LOCK",
	[CAP_IPC_OWNER] = "IPC_OWNER",
	[CAP_SYS_MODULE] = "SYS_MODULE",
	[CAP_SYS_RAWIO] = "SYS_RAWIO",
	[CAP_SYS_CHROOT] = "SYS_CHROOT",
	[CAP_SYS_PTRACE] = "SYS_PTRACE",
	[CAP_SYS_PACCT] = "SYS_PACCT",
	[CAP_SYS_ADMIN] = "SYS_ADMIN",
	[CAP_SYS_BOOT] = "SYS_BOOT",
	[CAP_SYS_NICE] = "SYS_NICE",
	[CAP_SYS_RESOURCE] = "SYS_RESOURCE",
	[CAP_SYS_TIME] = "SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "SYS_TTY_CONFIG",
	[CAP_MKNOD] = "MKNOD",
	[CAP_LEASE] = "LEASE",
	[CAP_AUDIT_WRITE] = "AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "AUDIT_CONTROL",
	[CAP_SETFCAP] = "SETFCAP",
	[CAP_MAC_OVERRIDE] = "MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "MAC_ADMIN",
	[CAP_SYSLOG] = "SYSLOG",
	[CAP_WAKE_ALARM] = "WAKE_ALARM",
	[CAP_BLOCK_SUSPEND] = "BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "AUDIT_READ",
	[CAP_PERFMON] = "PERFMON",
	[CAP_BPF] = "BPF",
	[CAP_CHECKPOINT_RESTORE] = "CHECKPOINT_RESTORE",
};

/*
 * The name that @name is most like. Not nearer than half of it: that would be a guess.
 */
static const char *near(const char *name)
{
	size_t best = strlen(name) / 2;
	const char *ret = NULL;

	for (size_t i = 0; i < NSN_COUNT(names); i++) {
		size_t distance = nsn_text_distance(name, names[i]);

		if (distance < best) {
			best = distance;
			ret = names[i];
		}
	}
	return ret;
}

/* strcasecmp() goes by the locale; what the table has is ASCII, and so is what is equal to it. */
int nsn_cap_parse(const char *name, int *ret, struct nsnet_err *err)
{
	const char *bare = strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;
	char show[NSN_SHOW_SIZE], upper[32];
	const char *like;
	size_t n;

	for (size_t i = 0; i < NSN_COUNT(names); i++) {
		if (strcasecmp(bare, names[i]) == 0) {
			*ret = (int)i;
			return 0;
		}
	}
	nsn_err(err, -EINVAL, NSNET_E_BAD_CAPABILITY, "there is no capability '%s'",
		nsn_text_show(name, show, sizeof(show)));
	for (n = 0; n + 1 < sizeof(upper) && bare[n]; n++)
		upper[n] = bare[n] >= 'a' && bare[n] <= 'z' ? (char)(bare[n] - 'a' + 'A') : bare[n];
	upper[n] = '\0';
	like = near(upper);
	return like ? nsn_err_hint(err, -EINVAL, "did you mean %s?", like) : -EINVAL;
}

const char *nsn_cap_name(int cap)
{
	return cap >= 0 && (size_t)cap < NSN_COUNT(names) ? names[cap] : NULL;
}

/*
 * Which of them reach anything is the kernel's code, looked at up to 6.18. In a user namespace of
 * its own, a process has those of
 *  - files, only over inodes whose owner is mapped, so those of the tenant and its volumes;
 *  - users (SETUID, SETGID, SETPCAP, SETFCAP, KILL), within its map and its processes;
 *  - NET_*, over network namespaces that its user namespace owns: the tenant's is the host's;
 *  - IPC_OWNER, SYS_BOOT, SYS_CHROOT, CHECKPOINT_RESTORE, over namespaces of the workload;
 *  - SYS_NICE, over the workload's own processes, and nothing that lifts a limit;
 *  - all the rest nothing at all: the kernel asks for them in the initial namespace (capable()).
 */
const char *nsn_cap_exposes(int cap)
{
	switch (cap) {
	case CAP_SYS_ADMIN:
		return "opens the kernel's code for mounting, and for namespaces in which the "
		       "workload has every capability, nftables and raw sockets among them: most "
		       "holes through which workloads took over their host began there";
	case CAP_SYS_PTRACE:
		return "opens ptrace and its kin, which read and change all other processes of "
		       "the workload, and have had holes through which workloads took over their "
		       "host";
	default: /* not an enum of ours */
		return NULL;
	}
}
