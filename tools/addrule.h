/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_ADDRULE_H
#define NSNET_TOOLS_ADDRULE_H

/*
 * addrule - adds one rule, as a command has it in words, and tells of it
 */
#include "cmd.h"

#define RULE_NAME_SIZE 33 /* the longest name, see BAD_NAME */

/* Appends what of @text a name can have, and one '-' for what it cannot. */
void rule_name_add(char name[RULE_NAME_SIZE], const char *text);
/* A name does not end in '-'. */
void rule_name_end(char name[RULE_NAME_SIZE]);

/*
 * @def has to have a name. @words: what it says, for the sentence: "allow tcp/22 a -> b".
 * @note: worth knowing of it, or NULL.
 */
int add_rule(struct ctx *ctx, const struct nsnet_rule_def *def, const char *words, const char *note,
	     struct nsnet_err *err);

#endif
