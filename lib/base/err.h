/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_BASE_ERR_H
#define NSN_BASE_ERR_H

/*
 * err - the one error object, and how a failing branch fills it
 *
 *	return nsn_err(err, -EINVAL, NSNET_E_BAD_NAME, "'%s' is not ...", name);
 *
 * All functions take a NULL @err and return the negative errno, so that a
 * failing branch is one statement. What does not fit is cut with "...", and a
 * control character becomes a '?'; who wants to see it uses nsn_text_show().
 */
#include "../nsnet.h"

#define NSN_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Starts a message (clears where and hint). Returns @code. */
int nsn_err(struct nsnet_err *err, int code, enum nsnet_code id, const char *fmt, ...)
	NSN_PRINTF(4, 5);

/* Puts outer context before the message: "CONTEXT: message". Returns err's code, or @code. */
int nsn_err_wrap(struct nsnet_err *err, int code, const char *fmt, ...) NSN_PRINTF(3, 4);

/* Adds what the user can do. Returns @code. */
int nsn_err_hint(struct nsnet_err *err, int code, const char *fmt, ...) NSN_PRINTF(3, 4);

/* Adds the object it is about. Returns @code. */
int nsn_err_where(struct nsnet_err *err, int code, const char *fmt, ...) NSN_PRINTF(3, 4);

/*
 * For a system call that failed: "WHAT: strerror". @code is the negative errno;
 * the reason is NO_MEMORY, NOT_PERMITTED (EPERM, EACCES, and we are not root)
 * or else IO.
 */
int nsn_err_sys(struct nsnet_err *err, int code, const char *fmt, ...) NSN_PRINTF(3, 4);

int nsn_err_nomem(struct nsnet_err *err);

#endif
