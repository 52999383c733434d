/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_PROFILE_H
#define NSN_SPAWN_PROFILE_H

/*
 * profile - parts of nsn_filter_read()
 *
 * They return 0 or a negative errno with the reader's err filled in.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <seccomp.h>

#include "confine.h"

struct nsn_profile {
	const char *name;
	uint64_t caps;
	struct nsnet_err *err;
	scmp_filter_ctx ctx;
	uint32_t otherwise; /* the default action */
	size_t n_rules;
	int highest; /* number of a call that is named */
	char at[64]; /* where: "syscalls[3].args[0]" */
};

/*
 * What we are built for, in docker's word, and the architecture of 32 bits beside it (0: none). x32
 * is none: no distribution has it any more, and its numbers would be a second name for all that
 * is denied.
 */
struct nsn_profile_arch {
	const char *name;
	uint32_t arch, beside;
};
const struct nsn_profile_arch *nsn_profile_own(void);

int nsn_profile_refuse(struct nsn_profile *p, const char *fmt, ...) NSN_PRINTF(2, 3);

/* ---- of JSON ------------------------------------------------------------------------------ */

/* SCMP_ARCH_..., SCMP_CMP_... */
int nsn_profile_arch(struct nsn_profile *p, const json_t *json, uint32_t *ret);
int nsn_profile_operator(struct nsn_profile *p, const json_t *json, uint32_t *ret);
/* An object with no member but @keys. One that is misspelt would be a condition not looked at. */
int nsn_profile_only(struct nsn_profile *p, json_t *object, const char *const *keys);
/* What is not there, and docker's null, is an empty list: NULL. */
int nsn_profile_list(struct nsn_profile *p, const json_t *object, const char *key, json_t **ret);
/* What is not there leaves @ret as it is. */
int nsn_profile_number(struct nsn_profile *p, const json_t *object, const char *key, uint64_t max,
		       uint64_t *ret);
/* An action with its errno, of which @number and @name are the keys; EPERM when there are none. */
int nsn_profile_action(struct nsn_profile *p, const json_t *object, const char *key,
		       const char *number, const char *name, uint32_t *ret);

/* ---- of what it says ---------------------------------------------------------------------- */

/* "architectures", and docker's "archMap": adds them to ctx. */
int nsn_profile_arches(struct nsn_profile *p, const json_t *root);
/* A member of "syscalls": adds its rules to ctx, if it is for this machine and workload. */
int nsn_profile_entry(struct nsn_profile *p, json_t *entry);

#endif
