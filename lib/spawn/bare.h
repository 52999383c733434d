/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_BARE_H
#define NSN_SPAWN_BARE_H

/*
 * bare - a mount namespace with nothing in it but an empty folder
 *
 * The helper of a start builds the workload's root in a mount namespace that is a copy of another
 * one. A copy takes 1.2 us for each mount, and as much to go again; a host with 1,000 tenants has
 * 2,000 of them, two pins for each. So it is this one that is copied: the trees that a workload
 * gets of the host are taken from it before, by descriptor.
 *
 * It is pinned in RUN_DIR/mnt, on a mount of its own that is private: the kernel binds no mount
 * namespace where the mount would propagate.
 */

/* /proc in it: where a tree can be put that has to be somewhere. */
#define NSN_BARE_FOLDER "/proc"

/*
 * A descriptor of it; it is made and pinned if it is not there yet. -1: it cannot be had, and the
 * host's is to be copied, which makes a difference in time only.
 */
int nsn_bare_open(const char *run_dir);

#endif
