/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_STDFD_H
#define NSNET_TOOLS_STDFD_H

/*
 * stdfd - descriptors that can be relied upon: standard input, output and error,
 * and enough of the others
 */
#include <stdio.h>

/*
 * Opens those that are closed, so that no database gets descriptor 1, in a
 * mode in which writing fails: that is noticed in the end. Ignores SIGPIPE for
 * the same reason. Raises the limit of open files to the hard one: three for each
 * endpoint of a tenant are open at a time, and the usual 1,024 are used up by a
 * third of what a tenant can have. Return: 0 or -errno.
 */
int stdfd_guard(void);

/* What stdfd_guard() changed must not be handed to another program. */
void stdfd_unguard(void);

/* Flushes; when that fails stdfd_close() knows why. */
void stdfd_flush(FILE *f);

/* Flushes standard output; says so when that fails. Return: @status, or 3. */
int stdfd_close(int status);

#endif
