/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_TALLY_H
#define TESTS_TALLY_H

/*
 * tally - everything of a world that nsnet makes, counted by kind
 *
 * Two tallies of the same stored state are the same text, whatever happened
 * between them: names are there only where they are the tenants' own, and what
 * traffic leaves behind (neighbours that were learned, elements of dynamic sets)
 * is not counted. Asked is the kernel itself, by messages made here, so nothing of
 * the library is believed.
 *
 * Network namespaces without a name and without a process are found by their file
 * handles: whoever makes one is watched (crash.h), tally_born() keeps its handle,
 * and the kernel opens it for as long as there is anything that holds it. Kernels
 * before 6.18 give no handles; there tally_handles() is false and only those are
 * found that a process or a mount holds. /proc/slabinfo would tell their number on
 * every kernel, but that of the whole machine, and objects that wait on a
 * processor's list are counted like live ones.
 */
#include <stdbool.h>

/* Whether this kernel can be asked for namespaces that nobody shows. */
bool tally_handles(void);
/* One was made: a descriptor of it. */
void tally_born(int netns);
/* Forgets those that were made so far, of another world. */
void tally_forget(void);

/*
 * Lines "WHERE KIND NUMBER" and the names of files; the caller frees it. @state_dir is where the
 * store is, whose rows are counted, too.
 */
char *tally(const char *state_dir);

/*
 * Waits until the tally is @want, because the kernel frees namespaces in the background: at most
 * @timeout_ms. What is different is told otherwise, and false.
 */
bool tally_becomes(const char *state_dir, const char *want, int timeout_ms);

#endif
