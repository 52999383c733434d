/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STORE_EXCEPTIONS_H
#define NSN_STORE_EXCEPTIONS_H

/*
 * exceptions - which workload was isolated less than the others, and who wanted it so
 *
 * Only added to: what was said is never changed or taken away, whatever becomes of the
 * tenant. When a workload is over its rows say so; those of another boot are over, too, as no
 * process outlives one. It is no wanted state, and makes no generation.
 */
#include "../base/text.h"
#include "store.h"

/* What is longer is cut, with "...", when it is stored. */
#define NSN_EXCEPTION_TEXT_MAX 4096

struct nsn_exception {
	uint64_t id; /* given when it is stored */
	const char *tenant, *endpoint;
	const char *workload; /* "customer1/default#1a2b" */
	const char *kind;     /* "ipc=host", "cap=SYS_ADMIN", "fd=5" */
	const char *because;  /* without control characters, as it goes to terminals */
	int64_t until;	      /* seconds since 1970; 0: it does not expire */
	const char *exposed;  /* what the user was told, any bytes */
	uint32_t uid;	      /* who wanted it */
	int64_t at;
	const char *command; /* of the workload, any bytes */
	/* What is read; not looked at when it is added. */
	int64_t ended; /* 0: it lives, or nobody saw its end */
	bool over;     /* it ended, or was in another boot */
};

/* Whether it is one: not blank, at most NSN_TEXT_MAX bytes of UTF-8, no control characters. */
bool nsn_exception_because_ok(const char *because);
/* Adds all or none of them. -EINVAL (INTERNAL): a field is missing or is not as above. */
int nsn_store_exceptions_add(struct nsn_store *s, const struct nsn_exception *list, size_t count,
			     struct nsnet_err *err);
/* Those of a workload that are not over end now. None: nothing happens. */
int nsn_store_exceptions_end(struct nsn_store *s, const char *workload, int64_t now,
			     struct nsnet_err *err);

/* Start as { 0 }. */
struct nsn_exception_list {
	struct nsn_exception *list; /* in the order in which they were added */
	size_t n;
	struct nsn_arena mem;
};
void nsn_exception_list_clear(struct nsn_exception_list *list);

/* Both: @ret is empty before. Of a tenant by its name, also one that is gone; NULL: of all. */
int nsn_store_exceptions_list(struct nsn_store *s, const char *tenant, bool with_over,
			      struct nsn_exception_list *ret, struct nsnet_err *err);
/* Those of a workload that are not over. */
int nsn_store_exceptions_of(struct nsn_store *s, const char *workload,
			    struct nsn_exception_list *ret, struct nsnet_err *err);

#endif
