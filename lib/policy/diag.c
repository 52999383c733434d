/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void nsn_diags_init(struct nsn_diags *d, const char *file)
{
	size_t len;

	if (!file)
		file = "input";
	/* Not the list, which is large: one is made for each rule. */
	d->n = d->total = d->warnings = 0;
	len = strlen(file);
	if (len < sizeof(d->file)) {
		memcpy(d->file, file, len + 1);
	} else {
		/* Of a path the end tells more; and LINE:COL has to fit behind it. */
		const char *tail = file + len - (sizeof(d->file) - 4);

		while (((unsigned char)*tail & 0xc0) == 0x80)
			tail++; /* do not begin with half a UTF-8 character */
		(void)snprintf(d->file, sizeof(d->file), "...%s", tail);
	}
	/* It goes into definitions, too, and from there past nsn_err() to a terminal. */
	for (char *c = d->file; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
}

static int before(const struct nsn_span *a, const struct nsn_span *b)
{
	return a->line != b->line ? a->line < b->line : a->col < b->col;
}

/* A new one at its place, without text; NULL: there are NSN_DIAGS_MAX before it. */
static struct nsn_diag *insert(struct nsn_diags *d, const struct nsn_span *at)
{
	struct nsn_diag *diag;
	size_t place = d->n;

	while (place > 0 && before(at, &d->list[place - 1].at))
		place--;
	if (place == NSN_DIAGS_MAX)
		return NULL;
	if (d->n < NSN_DIAGS_MAX)
		d->n++;
	diag = &d->list[place];
	memmove(diag + 1, diag, (d->n - place - 1) * sizeof(*diag));
	*diag = (struct nsn_diag){.at = *at, .severity = NSNET_ERROR, .id = NSNET_E_BAD_FILE};
	return diag;
}

struct nsn_diag *nsn_diag_add(struct nsn_diags *d, const struct nsn_span *at, const char *fmt, ...)
{
	struct nsn_diag *diag = insert(d, at);
	va_list ap;

	d->total++;
	if (!diag)
		return NULL;
	va_start(ap, fmt);
	(void)vsnprintf(diag->text, sizeof(diag->text), fmt, ap);
	va_end(ap);
	return diag;
}

struct nsn_diag *nsn_diag_err(struct nsn_diags *d, const struct nsn_span *at,
			      const struct nsnet_err *err)
{
	struct nsn_diag *diag = nsn_diag_add(d, at, "%s", err->msg);

	if (!diag)
		return NULL;
	diag->id = err->id;
	nsn_diag_hint(diag, "%s", err->hint);
	return diag;
}

struct nsn_diag *nsn_diag_warn(struct nsn_diags *d, const struct nsn_span *at, enum nsnet_code id,
			       const char *fmt, ...)
{
	struct nsn_diag *diag = d->n < NSN_DIAGS_MAX ? insert(d, at) : NULL;
	va_list ap;

	d->warnings++;
	if (!diag)
		return NULL;
	diag->severity = NSNET_WARNING;
	diag->id = id;
	va_start(ap, fmt);
	(void)vsnprintf(diag->text, sizeof(diag->text), fmt, ap);
	va_end(ap);
	return diag;
}

struct nsn_diag *nsn_diag_code(struct nsn_diag *diag, enum nsnet_code id)
{
	if (diag)
		diag->id = id;
	return diag;
}

void nsn_diag_hint(struct nsn_diag *diag, const char *fmt, ...)
{
	va_list ap;

	if (!diag)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(diag->hint, sizeof(diag->hint), fmt, ap);
	va_end(ap);
}

int nsn_diags_err(const struct nsn_diags *d, struct nsnet_err *err)
{
	const struct nsn_diag *first = d->list;
	char more[48] = "";

	if (d->total == 0)
		return 0;
	while (first->severity != NSNET_ERROR)
		first++;
	if (d->total > 1)
		(void)snprintf(more, sizeof(more), " (and %zu more)", d->total - 1);
	nsn_err(err, -EINVAL, first->id, "%s:%u:%u: %s%s", d->file, first->at.line, first->at.col,
		first->text, more);
	nsn_err_where(err, -EINVAL, "%s:%u:%u", d->file, first->at.line, first->at.col);
	return nsn_err_hint(err, -EINVAL, "%s", first->hint);
}
