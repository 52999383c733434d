/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_NEAR_H
#define NSNET_TOOLS_NEAR_H

/*
 * near - "did you mean": the candidate most like what was typed
 */
#include <stddef.h>

/* Start as { 0 }; after all tries @word is the nearest candidate, or NULL. */
struct near {
	const char *word;
	size_t distance;
};

/* Keeps @candidate when it is near enough to @typed and nearer than those before. */
void near_try(struct near *near, const char *typed, const char *candidate);

#endif
