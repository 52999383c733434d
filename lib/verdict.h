/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERDICT_H
#define NSN_VERDICT_H

/*
 * verdict - what the two sides' evidence means for each namespace
 */
#include "canary.h"
#include "store/exceptions.h"

/* What should be. */
struct nsn_expected {
	uint64_t net;		     /* the tenant's network namespace; 0: not known */
	bool net_lost;		     /* it should be known, and is not there */
	const struct nsn_look *born; /* as it was at birth; NULL: nobody remembers */
	uint32_t base;		     /* first number of its users */
	const char *group;	     /* "/nsnet/ID" */
	const struct nsn_exception_list *exceptions; /* its opt-outs; NULL: none */
	const struct nsn_record_list *others;	     /* who has namespaces, too; NULL: nobody */
	const char *id;				     /* which of these it is itself */
	int64_t now;
};

/*
 * All namespaces, time only when it has one of its own. @mem: for the words. @ret: room for
 * NSNET_NS_COUNT. 0 or -ENOMEM
 */
int nsn_judge(const struct nsn_evidence *e, const struct nsn_expected *want, struct nsn_arena *mem,
	      struct nsnet_finding *ret, size_t *n, struct nsnet_err *err);
/* The same, when there is no evidence. @why */
int nsn_judge_nothing(const char *why, struct nsn_arena *mem, struct nsnet_finding *ret, size_t *n,
		      struct nsnet_err *err);

#endif
