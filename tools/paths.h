/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_PATHS_H
#define NSNET_TOOLS_PATHS_H

/*
 * paths - files and folders of policies, as the user names them
 */
#include <stddef.h>
#include <stdio.h>

#include "../lib/base/err.h"

#define PATHS_MAX 1000

struct paths {
	struct nsnet_policy_text *texts;
	size_t n;
};

/*
 * Reads files, "-" (@in), and of a folder those called *.yaml, *.yml and *.json,
 * in the order of their names as bytes; not what begins with a dot, nor what is
 * in folders below. paths_clear() gives back what it holds, whatever it returns.
 *
 * Return: 0, or a negative errno (NO_FILE; BAD_FILE: larger than 1 MiB, or more
 * than PATHS_MAX files)
 */
int paths_read(struct paths *ret, int argc, char *const *argv, FILE *in, struct nsnet_err *err);
void paths_clear(struct paths *paths);

#endif
