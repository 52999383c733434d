/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "syntax.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <yaml.h>

#include "../base/cleanup.h"
#include "chars.h"

static struct nsn_span place(const yaml_mark_t *m)
{
	const uint32_t line = (uint32_t)m->line + 1, col = (uint32_t)m->column + 1;

	return (struct nsn_span){line, col, line, col + 1};
}

static bool says(const char *text, const char *part)
{
	return text && strstr(text, part);
}

/* What the character is that no value begins with. */
static void refuse_start(char c, const struct nsn_span *at, struct nsn_diags *diags)
{
	if (c == '\t')
		nsn_diag_hint(nsn_diag_add(diags, at, "a tab cannot be used to indent"),
			      "use spaces");
	else
		nsn_diag_hint(nsn_diag_add(diags, at, "a value cannot begin with '%c'", c),
			      "put it in quotes");
}

/* Where libyaml's words would not help. @hint may be NULL. */
static const struct {
	const char *theirs, *ours, *hint;
	bool where_it_begins;
} plainer[] = {
	{"found a tab character that violates indentation", "a tab cannot be used to indent",
	 "use spaces", false},
	{"could not find expected ':'", "after a key there has to be ':' and a space", NULL, true},
	{"mapping values are not allowed in this context", "there cannot be a ':' here",
	 "put the value in quotes if it is a part of it", false},
	{"found unexpected ':'", "there cannot be a ':' here",
	 "put the value in quotes if it is a part of it", false},
	{"did not find expected node content", "there has to be a key or a value here", NULL,
	 false},
	{"expected <document start>", "there is more text after what should be the end", NULL,
	 false},
	{"found undefined tag handle", "tags cannot be used",
	 "leave it out, a value is the text that is written", false},
	{"found unknown escape character", "after a backslash this character has no meaning",
	 "write \\\\ for a backslash", false},
};

static bool refuse_plainly(const yaml_parser_t *p, struct nsn_diags *diags)
{
	for (size_t i = 0; i < NSN_COUNT(plainer); i++) {
		const yaml_mark_t *mark =
			plainer[i].where_it_begins ? &p->context_mark : &p->problem_mark;
		const struct nsn_span at = place(mark);
		struct nsn_diag *diag;

		if (!says(p->problem, plainer[i].theirs))
			continue;
		diag = nsn_diag_add(diags, &at, "%s", plainer[i].ours);
		if (plainer[i].hint)
			nsn_diag_hint(diag, "%s", plainer[i].hint);
		return true;
	}
	return false;
}

/* publish: [::]:443, which YAML takes for a list: whether the line at @at has such a value. */
static bool in_brackets(const char *text, size_t len, const struct nsn_span *at)
{
	const char *end = text + len, *eol = NULL;

	for (uint32_t line = 1; line < at->line; line++) {
		eol = memchr(text, '\n', (size_t)(end - text));
		if (!eol)
			return false;
		text = eol + 1;
	}
	eol = memchr(text, '\n', (size_t)(end - text));
	for (end = eol ? eol : end; text + 1 < end; text++)
		if (text[0] == ']' && text[1] == ':')
			return true;
	return false;
}

int nsn_syntax_refuse(const struct yaml_parser_s *p, const char *text, size_t len,
		      struct nsn_diags *diags)
{
	const struct nsn_span at = place(&p->problem_mark);

	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (in_brackets(text, len, &at))
		nsn_diag_hint(nsn_diag_add(diags, &at, "an address in brackets looks like a list"),
			      "put it in quotes: \"[::]:443\"");
	else if (says(p->problem, "found character that cannot start any token"))
		refuse_start(nsn_chars_at(text, len, at.line, at.col), &at, diags);
	else if (refuse_plainly(p, diags))
		return -EINVAL;
	else if (p->context)
		nsn_diag_add(diags, &at, "%s %s that begins in line %zu", p->problem, p->context,
			     p->context_mark.line + 1);
	else
		nsn_diag_add(diags, &at, "%s", p->problem ? p->problem : "it cannot be read");
	return -EINVAL;
}

/*
 * Before libyaml sees them: it compares each %TAG with all before it, and takes 14 seconds for a
 * text full of them. In the first column it has a '%' for nothing else (but inside of quotes that
 * go over several lines).
 */
int nsn_syntax_directives(const char *text, size_t len, struct nsn_diags *diags)
{
	struct nsn_span at = {1, 1, 1, 2};

	for (const char *line = text, *end = text + len; line && line < end; at.line++) {
		if (*line == '%') {
			at.end_line = at.line;
			nsn_diag_hint(nsn_diag_add(diags, &at,
						   "directives (%%YAML, %%TAG) cannot be used"),
				      "leave the line out");
			return -EINVAL;
		}
		line = memchr(line, '\n', (size_t)(end - line));
		line = line ? line + 1 : NULL;
	}
	return 0;
}
