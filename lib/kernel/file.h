/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_FILE_H
#define NSN_KERNEL_FILE_H

/*
 * file - files that a workload sees as its own (NSN_OBJ_FILE): those in
 * /etc/netns/NAME, which `ip netns exec NAME` and nsn_enter() lay over /etc
 *
 * Administrators put files there, too. Ours begin with a line that says so, or are
 * empty; all others, and whatever is no plain file of root's, are never written and never
 * removed. The folders must be root's alone (UNSAFE_PATH otherwise): whoever can
 * swap a file there chooses a tenant's name servers. A path is always
 * /etc/netns/NAME/FILE.
 */
#include "../object/object.h"

#define NSN_FILE_DIR "/etc/netns"

/* Longer ones are somebody else's. */
#define NSN_FILE_MAX (256 * 1024)

/* NSN_FILE_MARK, the store's id in lower-case hex, a newline. */
bool nsn_file_is_ours(const char *text);

/*
 * Adds the file to @ret when there is one. It has a text when it is a plain file
 * of root's, also without our mark; else "". One of ours that others could write
 * or not all could read, or with a NUL in it, has "" as well, so that it is not
 * what anybody wants and gets written anew.
 */
int nsn_file_observe(const char *path, struct nsn_state *ret, struct nsn_place at,
		     struct nsnet_err *err);

/*
 * Makes the file, mode 0644, with the folders above it up to /etc; or gives the
 * one of ours its new text. That happens in place: it may be mounted over an
 * /etc, and a mount holds the file, not the name. Who dies in the middle leaves
 * a file that is still known as ours. -EEXIST (UNSAFE_PATH) when there is
 * something that is not ours, or the text has no mark (-EINVAL, INTERNAL).
 */
int nsn_file_make(const struct nsn_object *o, struct nsnet_err *err);

/*
 * Removes the file when it is ours, and its folder when that is empty then.
 * What is gone is gone, and what is not ours stays: both are success.
 */
int nsn_file_drop(const struct nsn_object *o, struct nsnet_err *err);

#endif
