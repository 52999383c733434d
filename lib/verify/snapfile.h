/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_SNAPFILE_H
#define NSN_VERIFY_SNAPFILE_H

/*
 * snapfile - a snapshot as JSON text, and its hash. Pure.
 *
 * The file has everything a proof needs, so that the same proof can be made on another
 * machine, without privilege. It is somebody else's text when it is read: every length,
 * index and reference is checked, unknown keys are refused (BAD_SNAPSHOT with the place).
 */
#include "snap.h"

struct nsnet_err;

/* Sorts what has no order of its own, then fills snap->hash. 0 or -ENOMEM. */
int nsn_snap_seal(struct nsn_snap *s, struct nsnet_err *err);
/* malloc()ed text, compact with a newline at the end; 0 or -ENOMEM. */
int nsn_snap_text(const struct nsn_snap *s, char **ret, size_t *len, struct nsnet_err *err);
/*
 * 0; -EINVAL (BAD_SNAPSHOT): no JSON, not of this version, something missing, out of range or
 * not known, or the hash is not that of the contents; -ENOMEM. At most 256 MiB.
 */
int nsn_snap_parse(struct nsn_snap *ret, const char *text, size_t len, struct nsnet_err *err);
/* The same whatever hash the text says: for tests and fuzzing only. */
int nsn_snap_parse_unsealed(struct nsn_snap *ret, const char *text, size_t len,
			    struct nsnet_err *err);

#endif
