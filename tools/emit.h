/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_EMIT_H
#define NSNET_TOOLS_EMIT_H

/*
 * emit - a JSON document as YAML, by libyaml's emitter
 *
 * Block style, ASCII only. A string is quoted unless every reader of YAML, of
 * 1.1 as well as of 1.2, takes it for a string: `no` would be false for some,
 * 1:30 a number.
 */
#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

/* Return: 0 or -ENOMEM. */
int yaml_print(FILE *to, const json_t *doc);

/* Whether @text needs no quotes. */
bool yaml_is_plain(const char *text);

#endif
