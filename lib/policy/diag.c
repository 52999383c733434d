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
	memset(d, 0, sizeof(*d));
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

struct nsn_diag *nsn_diag_add(struct nsn_diags *d, const struct nsn_span *at, const char *fmt, ...)
{
	struct nsn_diag *diag;
	size_t place = d->n;
	va_list ap;

	d->total++;
	while (place > 0 && before(at, &d->list[place - 1].at))
		place--;
	if (place == NSN_DIAGS_MAX)
		return NULL;
	if (d->n < NSN_DIAGS_MAX)
		d->n++;
	diag = &d->list[place];
	memmove(diag + 1, diag, (d->n - place - 1) * sizeof(*diag));

	diag->at = *at;
	diag->id = NSNET_E_BAD_FILE;
	diag->hint[0] = '\0';
	va_start(ap, fmt);
	(void)vsnprintf(diag->text, sizeof(diag->text), fmt, ap);
	va_end(ap);
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
	const struct nsn_diag *first = &d->list[0];
	char more[48] = "";

	if (d->n == 0)
		return 0;
	if (d->total > 1)
		(void)snprintf(more, sizeof(more), " (and %zu more)", d->total - 1);
	nsn_err(err, -EINVAL, first->id, "%s:%u:%u: %s%s", d->file, first->at.line, first->at.col,
		first->text, more);
	nsn_err_where(err, -EINVAL, "%s:%u:%u", d->file, first->at.line, first->at.col);
	return nsn_err_hint(err, -EINVAL, "%s", first->hint);
}
