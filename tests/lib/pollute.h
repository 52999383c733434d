/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_POLLUTE_H
#define TESTS_POLLUTE_H

/*
 * pollute - makes the calling process one that has everything a workload must not get
 *
 * For a child: none of it can be taken back, and what cannot be had ends the process with 98.
 */
#include <stdbool.h>

/* In the names and values of all that has any. */
#define POLLUTE_SECRET "planted-5f1c"

/* Descriptors 3 to 255 with all that leads somewhere, signals, priorities, credentials, a key, a
 * controlling terminal, variables, folder, umask. 0 to 2 stay. */
void pollute(void);
/* What else a caller wants to have. */
void pollute_must(bool ok, const char *what);

#endif
