/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LINT_ANALYZER_H
#define TESTS_LINT_ANALYZER_H

/*
 * Put before every source by the analyzers (-include), never by the build.
 *
 * They look at one file at a time and cannot know that nsn_err() and its kin
 * give back a negative number: `return nsn_err(...)` would be a way to succeed
 * without a result, and all that comes after it a use of NULL.
 */
#include "../../lib/base/err.h"

static inline int analyzer_negative(int code)
{
#ifdef __clang__
	if (code >= 0)
		__builtin_unreachable();
#else
	/* gcc takes the above for an end of the function, at which all that it held is leaked. */
	while (code >= 0)
		;
#endif
	return code;
}

#ifndef ANALYZER_IS_ERR_C
#define nsn_err(...)	   analyzer_negative(nsn_err(__VA_ARGS__))
#define nsn_err_wrap(...)  analyzer_negative(nsn_err_wrap(__VA_ARGS__))
#define nsn_err_hint(...)  analyzer_negative(nsn_err_hint(__VA_ARGS__))
#define nsn_err_where(...) analyzer_negative(nsn_err_where(__VA_ARGS__))
#define nsn_err_sys(...)   analyzer_negative(nsn_err_sys(__VA_ARGS__))
#define nsn_err_nomem(err) analyzer_negative(nsn_err_nomem(err))
#endif

#endif
