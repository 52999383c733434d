/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_POLICY_POLICY_H
#define NSN_POLICY_POLICY_H

/*
 * policy - files of policies, read together and checked against each other. Pure.
 */
#include "../model/policy.h"
#include "tree.h"

struct nsn_policy_file {
	const char *name; /* for messages, in full */
	const char *text; /* borrowed */
	size_t len;
	const char *group;	     /* what it is called unless it has a `name:` */
	char set[NSN_NAME_MAX + 1];  /* the set of files to which it belongs */
	char sha256[65];	     /* of the text, in hex */
	const struct nsn_node *root; /* NULL: it is no tree, or of another version */
	struct nsn_diags *diags;     /* in `mem` */
};

/* Where a policy was written. */
struct nsn_policy_place {
	const struct nsn_node *map;
	struct nsn_policy_file *file;
};

/* Start as { 0 }. What is wrong in the files is left out of it. */
struct nsn_policy_set {
	struct nsn_arena mem;
	struct nsn_policy_file *files;
	size_t n_files;
	struct nsnet_tenant_def *defs; /* they point into `mem` */
	struct nsn_tenant *tenants;    /* the same as the model has them; `auto` stays open */
	size_t n_tenants;
	struct nsn_policy *policies;
	size_t n_policies;
	struct nsn_policy_place *places; /* of each policy */
	struct nsn_quarantine *quarantines;
	size_t n_quarantines;
	struct nsn_expect *expects;
	size_t n_expects;
	size_t errors, warnings;
	/*
	 * It is no files' but all that shall be, as it was stored once: what is not in it goes,
	 * whoever brought it; every address and origin is as it says.
	 */
	bool whole;
};

/* The name that a path gives to a set of files: "policies/10-web.yaml" is "web". */
void nsn_set_name(char ret[NSN_NAME_MAX + 1], const char *path);

/*
 * nsn_policy_set_read() - Read files and check all that is in them
 * @s:     Empty
 * @texts: The files; of no further use afterwards but for their `text`
 * @known: Tenants that are there anyway
 * @now:   Seconds since 1970
 *
 * Origins have set, file and line; the rest is for who stores them.
 *
 * Return: 0, also when there are errors: s->errors; or -ENOMEM
 */
int nsn_policy_set_read(struct nsn_policy_set *s, const struct nsnet_policy_text *texts, size_t n,
			const struct nsn_tenant *known, size_t n_known, int64_t now);
void nsn_policy_set_clear(struct nsn_policy_set *s);

/* Where the map was written: set, file, line, sha256. */
void nsn_origin_of(struct nsn_origin *ret, const struct nsn_span *at,
		   const struct nsn_policy_file *file);

/* ---- parts of it -------------------------------------------------------------------- */

/*
 * A map as a member of the model. It has to be as its schema and the types of
 * its words say. 0 or -ENOMEM; what was read until then is to be cleared.
 */
int nsn_policy_from_map(struct nsn_policy *ret, const struct nsn_node *map,
			const struct nsn_policy_file *file);
int nsn_quarantine_from_map(struct nsn_quarantine *ret, const struct nsn_node *map,
			    const struct nsn_policy_file *file);
int nsn_expect_from_map(struct nsn_expect *ret, const struct nsn_node *map,
			const struct nsn_policy_file *file);

/*
 * nsn_tenant_check() - What the model says to a tenant, each word by itself
 * @ret: The tenant, when all is fine
 * @def: The same as a definition
 *
 * Return: 0; -EINVAL: the file's @diags have got something; -ENOMEM
 */
int nsn_tenant_check(struct nsn_tenant *ret, struct nsnet_tenant_def *def, struct nsn_arena *mem,
		     const struct nsn_node *map, struct nsn_policy_file *file);

/* Warnings: rules that are too broad, without effect, or over. 0 or -ENOMEM. */
int nsn_policy_advise(const struct nsn_policy_set *s, int64_t now);

#endif
