/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_STDFD_H
#define NSNET_TOOLS_STDFD_H

/*
 * stdfd - standard input, output and error that can be relied upon
 */

/*
 * Opens those that are closed, so that no database gets descriptor 1, in a
 * mode in which writing fails: that is noticed in the end. Ignores SIGPIPE for
 * the same reason. Return: 0 or -errno.
 */
int stdfd_guard(void);

/* What stdfd_guard() changed must not be handed to another program. */
void stdfd_unguard(void);

/* Flushes standard output; says so when that fails. Return: @status, or 3. */
int stdfd_close(int status);

#endif
