/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

static const struct {
	const char *name;
	int exit;
	const char *help;
} codes[] = {[NSNET_E_NONE] = {"", 0, ""},
#define CODE_ROW(name, exit, help) [NSNET_E_##name] = {#name, exit, help},
	     NSNET_CODES(CODE_ROW)
#undef CODE_ROW
};
static_assert(NSN_COUNT(codes) == NSNET_E_COUNT, "every code has its row");

/* A number that came over an interface and is no code of ours. */
static enum nsnet_code known(enum nsnet_code id)
{
	return (unsigned int)id < NSNET_E_COUNT ? id : NSNET_E_INTERNAL;
}

const char *nsnet_code_name(enum nsnet_code id)
{
	return codes[known(id)].name;
}

int nsnet_code_exit(enum nsnet_code id)
{
	return codes[known(id)].exit;
}

const char *nsnet_code_help(enum nsnet_code id)
{
	return codes[known(id)].help;
}

enum nsnet_code nsnet_code_find(const char *name)
{
	for (unsigned int i = NSNET_E_NONE + 1; name && i < NSNET_E_COUNT; i++)
		if (strcmp(codes[i].name, name) == 0)
			return (enum nsnet_code)i;
	return NSNET_E_NONE;
}

/*
 * What @n characters from vsnprintf() made of a buffer of @size. A cut text
 * says so. Control characters are taken out here, too, whatever the caller
 * escaped: some texts come from the kernel or from a library, and an escape
 * sequence in a message owns the terminal it is shown on.
 */
static void tidy(char *text, size_t size, int n)
{
	size_t end = size - 4;

	if (n < 0)
		text[0] = '\0';
	if (n >= 0 && (size_t)n >= size) {
		while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
			end--; /* do not leave half a UTF-8 character */
		memcpy(text + end, "...", 4);
	}
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

/* By way of a second buffer, because an argument may be the old text. */
static void NSN_PRINTF(3, 0) put(char *text, size_t size, const char *fmt, va_list ap)
{
	char fresh[sizeof(((struct nsnet_err *)0)->msg)];
	int n;

	n = vsnprintf(fresh, size, fmt, ap);
	tidy(fresh, size, n);
	memcpy(text, fresh, strlen(fresh) + 1);
}

static void put_msg(struct nsnet_err *err, const char *fmt, ...) NSN_PRINTF(2, 3);
static void put_msg(struct nsnet_err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
}

static void NSN_PRINTF(4, 0)
	start(struct nsnet_err *err, int code, enum nsnet_code id, const char *fmt, va_list ap)
{
	put(err->msg, sizeof(err->msg), fmt, ap);
	err->code = code;
	err->id = id;
	err->where[0] = '\0';
	err->hint[0] = '\0';
}

int nsn_err(struct nsnet_err *err, int code, enum nsnet_code id, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	start(err, code, id, fmt, ap);
	va_end(ap);
	return code;
}

int nsn_err_wrap(struct nsnet_err *err, int code, const char *fmt, ...)
{
	char context[sizeof(err->msg)];
	va_list ap;

	if (!err)
		return code;

	va_start(ap, fmt);
	put(context, sizeof(context), fmt, ap);
	va_end(ap);
	put_msg(err, err->msg[0] ? "%s: %s" : "%s%s", context, err->msg);

	if (err->code == 0) {
		err->code = code;
		err->id = NSNET_E_INTERNAL; /* somebody failed and did not say why */
	}
	return err->code;
}

int nsn_err_hint(struct nsnet_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	put(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
	return code;
}

int nsn_err_where(struct nsnet_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	put(err->where, sizeof(err->where), fmt, ap);
	va_end(ap);
	return code;
}

int nsn_err_sys(struct nsnet_err *err, int code, const char *fmt, ...)
{
	enum nsnet_code id = NSNET_E_IO;
	va_list ap;

	if (!err)
		return code;

	if (code == -ENOMEM)
		id = NSNET_E_NO_MEMORY;
	else if ((code == -EPERM || code == -EACCES) && geteuid() != 0)
		id = NSNET_E_NOT_PERMITTED;

	va_start(ap, fmt);
	start(err, code, id, fmt, ap);
	va_end(ap);
	put_msg(err, "%s: %s", err->msg, strerror(-code));
	return code;
}

int nsn_err_nomem(struct nsnet_err *err)
{
	return nsn_err(err, -ENOMEM, NSNET_E_NO_MEMORY, "there was not enough memory");
}
