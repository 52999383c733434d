/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_FILTER_MADE_H
#define NSN_SPAWN_FILTER_MADE_H

/*
 * made - the programs that gen.c writes while nsnet is built
 *
 * One for each set of the capabilities that denied.def names: sixteen of about 200 instructions.
 * Building one with libseccomp takes 0.7 ms and loading it with libseccomp 1.4; loading it as it
 * is, 0.15. There is none that is put together at run time: it would have to be put somewhere.
 */
#include <stddef.h>
#include <stdint.h>

#include <linux/capability.h>
#include <linux/filter.h>

/* The third column of denied.def. */
enum nsn_filter_cap {
	NEVER = -1,
	SYS_CHROOT = CAP_SYS_CHROOT,
	SYS_PTRACE = CAP_SYS_PTRACE,
	SYS_ADMIN = CAP_SYS_ADMIN,
	SYS_TIME = CAP_SYS_TIME,
};

struct nsn_filter_made {
	uint64_t caps; /* of nsn_filter_caps */
	struct sock_fprog prog;
};
extern const uint64_t nsn_filter_caps; /* those that make a difference */
extern const struct nsn_filter_made nsn_filter_made[];
extern const size_t nsn_filter_n_made;

#endif
