/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_BASE_CLEANUP_H
#define NSN_BASE_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Runs fn(&variable) when the variable leaves scope. Initialise it, always. */
#define NSN_AUTO(fn) __attribute__((cleanup(fn)))

/* Gives ownership away: yields the value and disarms the cleanup. */
#define NSN_TAKE_PTR(p)                                                                            \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})
#define NSN_TAKE_FD(fd)                                                                            \
	({                                                                                         \
		int taken_ = (fd);                                                                 \
		(fd) = -1;                                                                         \
		taken_;                                                                            \
	})

#define NSN_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Defines NAMEp(), the cleanup twin of a `void NAME(TYPE *)` that takes NULL. */
#define NSN_CLEANUP(type, name)                                                                    \
	static inline void name##p(type **p)                                                       \
	{                                                                                          \
		name(*p);                                                                          \
	}

static inline void nsn_freep(void *p)
{
	int saved = errno;

	free(*(void **)p);
	errno = saved;
}

/* Keeps errno: a failing branch reads it after its descriptors are closed. */
static inline void nsn_closep(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	errno = saved;
}

#endif
