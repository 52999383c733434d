/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "finding.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kind {
	const char *name, *meaning;
	enum nsn_outcome outcome;
	unsigned int theorem;
};

static const struct kind kinds[] = {
#define KIND(kind, verdict, number, text)                                                          \
	[NSN_FIND_##kind] = {                                                                      \
		.name = #kind, .meaning = (text), .outcome = (verdict), .theorem = (number)},
	NSN_FINDINGS(KIND)
#undef KIND
};

const char *nsn_finding_name(enum nsn_finding_kind k)
{
	return kinds[k].name;
}

enum nsn_outcome nsn_finding_outcome(enum nsn_finding_kind k)
{
	return kinds[k].outcome;
}

unsigned int nsn_finding_theorem(enum nsn_finding_kind k)
{
	return kinds[k].theorem;
}

const char *nsn_finding_meaning(enum nsn_finding_kind k)
{
	return kinds[k].meaning;
}

/* The list is malloc()ed, what it points to is in the arena. */
static int grow(struct nsn_findings *f)
{
	const size_t max = f->max ? 2 * f->max : 16;
	struct nsn_finding *list;

	if (f->n < f->max)
		return 0;
	list = reallocarray(f->list, max, sizeof(*list));
	if (!list)
		return -ENOMEM;
	f->list = list;
	f->max = max;
	return 0;
}

struct nsn_finding *nsn_findings_add(struct nsn_findings *f, enum nsn_finding_kind kind,
				     uint64_t from, uint64_t to)
{
	struct nsn_finding *x;

	if (grow(f) < 0)
		return NULL;
	x = &f->list[f->n++];
	*x = (struct nsn_finding){
		.kind = kind, .from = from, .to = to, .where = "", .what = "", .hint = ""};
	return x;
}

/* NULL: no memory. */
NSN_PRINTF(2, 0) static char *print(struct nsn_arena *mem, const char *fmt, va_list ap)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	text = n < 0 ? NULL : nsn_arena_alloc(mem, (size_t)n + 1);
	if (text)
		(void)vsnprintf(text, (size_t)n + 1, fmt, ap);
	return text;
}

int nsn_finding_say(struct nsn_findings *f, struct nsn_finding *x, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = print(&f->mem, fmt, ap);
	va_end(ap);
	if (!text)
		return -ENOMEM;
	x->what = text;
	return 0;
}

int nsn_finding_hint(struct nsn_findings *f, struct nsn_finding *x, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = print(&f->mem, fmt, ap);
	va_end(ap);
	if (!text)
		return -ENOMEM;
	x->hint = text;
	return 0;
}

/* Full at every power of two from 4 on: the double is taken then. */
static int more_evidence(struct nsn_findings *f, struct nsn_finding *x)
{
	const size_t n = x->n_evidence;
	const char **list;

	if (n != 0 && (n < 4 || (n & (n - 1)) != 0))
		return 0;
	list = nsn_arena_alloc(&f->mem, (n ? 2 * n : 4) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	if (n > 0)
		memcpy(list, x->evidence, n * sizeof(*list));
	x->evidence = list;
	return 0;
}

int nsn_finding_show(struct nsn_findings *f, struct nsn_finding *x, const char *fmt, ...)
{
	va_list ap;
	char *text;

	if (more_evidence(f, x) < 0)
		return -ENOMEM;
	va_start(ap, fmt);
	text = print(&f->mem, fmt, ap);
	va_end(ap);
	if (!text)
		return -ENOMEM;
	x->evidence[x->n_evidence++] = text;
	return 0;
}

void nsn_findings_clear(struct nsn_findings *f)
{
	free(f->list);
	nsn_arena_free(&f->mem);
	*f = (struct nsn_findings){0};
}
