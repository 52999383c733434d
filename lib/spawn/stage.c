// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "stage.h"

struct stage {
	const char *word, *text;
};

static const struct stage stages[] = {
#define STAGE_ROW(name, word, text) [NSN_STAGE_##name] = {word, text},
	NSN_STAGES(STAGE_ROW)
#undef STAGE_ROW
};

/* It may have come through a pipe, from a process that was dying. */
static const struct stage *stage_of(enum nsn_stage stage)
{
	static const struct stage none = {"?", "an unknown step"};

	return (size_t)stage < sizeof(stages) / sizeof(stages[0]) ? &stages[stage] : &none;
}

/* glibc's vsnprintf() allocates nothing for the plain conversions that callers use. */
int nsn_trouble(struct nsn_trouble *why, enum nsn_stage stage, int code, const char *fmt, ...)
{
	va_list ap;

	if (!why)
		return code;
	/* All of it is sent: no byte of it may be left from a stack. */
	memset(why, 0, sizeof(*why));
	why->stage = stage;
	why->code = code;
	va_start(ap, fmt);
	vsnprintf(why->what, sizeof(why->what), fmt, ap);
	va_end(ap);
	return code;
}

const char *nsn_stage_word(enum nsn_stage stage)
{
	return stage_of(stage)->word;
}

const char *nsn_stage_text(enum nsn_stage stage)
{
	return stage_of(stage)->text;
}
