/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_ENTER_H
#define NSN_KERNEL_ENTER_H

/*
 * enter - move the calling process into a network namespace for good, as
 * ip-netns(8) does for `exec`
 */
#include "netns.h"

/*
 * The process gets a mount namespace of its own in which /sys shows @ns, and
 * each file of @etc (a folder such as /etc/netns/NAME, which need not exist, or
 * "" for none) lies over the one of the same name in /etc. Where the host has
 * none, or a link to nowhere, nothing does. Any other file that cannot be laid
 * over is an error: a program would silently use the host's name servers.
 * Folders, pipes and hidden names in @etc are passed over.
 */
int nsn_enter(const struct nsn_netns *ns, const char *etc, struct nsnet_err *err);

#endif
