/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_POLICY_CHARS_H
#define NSN_POLICY_CHARS_H

/*
 * chars - which characters may be in a file
 *
 * UTF-8 without what a reader cannot see and an attacker can use: control
 * characters (of the terminal on which the file is shown), characters that turn
 * the direction of text, byte order marks inside of the text, and what YAML 1.1
 * takes for a line break and no editor does. So the line numbers that libyaml
 * counts are those of everybody else.
 */
#include <stdbool.h>
#include <stddef.h>

#include "diag.h"

#define NSN_CHARS_WHY_SIZE 64

/*
 * Whether all of @text may be there. If not, @at is the first that may not and
 * @why says it in words. A carriage return is fine before a line feed.
 */
bool nsn_chars_ok(const char *text, size_t len, struct nsn_span *at, char why[NSN_CHARS_WHY_SIZE]);

/* The byte at a line and column of a text that is fine; '\0' when there is none. */
char nsn_chars_at(const char *text, size_t len, size_t line, size_t col);

#endif
