/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_POLICY_SYNTAX_H
#define NSN_POLICY_SYNTAX_H

/*
 * syntax - what is wrong with a text before there is a tree, in our words
 */
#include <stddef.h>

#include "diag.h"

struct yaml_parser_s;

/* Why libyaml went no further. Return: -EINVAL, or -ENOMEM without a word to @diags */
int nsn_syntax_refuse(const struct yaml_parser_s *p, const char *text, size_t len,
		      struct nsn_diags *diags);

/* Return: 0, or -EINVAL when the text has directives */
int nsn_syntax_directives(const char *text, size_t len, struct nsn_diags *diags);

#endif
