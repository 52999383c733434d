/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_FILE_H
#define NSNET_TOOLS_FILE_H

/*
 * file - what the user gives us to read
 */
#include <stddef.h>
#include <stdio.h>

#include "../lib/base/err.h"

/*
 * Reads a file, or @in when it is called "-", to its end. @ret has a zero
 * behind the last byte, which @len does not count.
 *
 * Return: 0, or -errno (IO; BAD_FILE when it has more than @max bytes)
 */
int file_read(char **ret, size_t *len, const char *path, FILE *in, size_t max,
	      struct nsnet_err *err);

#endif
