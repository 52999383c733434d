/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "policies.h"
#include "values.h"

/*
 * implied - the rule that a tenant's `dns` stands for
 *
 * It is a rule like any other, and written wherever the tenant's row is, in the same group
 * of statements: nobody can store one without the other.
 */

/* How many names are tried: of tenants that begin with the same 28 characters, and of users. */
#define NAMES_MAX 1000

static int is_taken(struct nsn_store *s, const char *name, struct nsnet_err *err)
{
	uint64_t one;

	return nsn_sql_number(s, &one, "SELECT 1 FROM policy WHERE name = ?",
			      (struct nsn_arg[]){NSN_T(name)}, 1, err);
}

static int free_name(struct nsn_store *s, const char *tenant, char ret[NSN_NAME_MAX + 1],
		     struct nsnet_err *err)
{
	int r = 1;

	for (unsigned int nr = 0; r > 0 && nr < NAMES_MAX; nr++) {
		nsn_dns_rule_name(tenant, nr, ret);
		r = is_taken(s, ret, err);
	}
	return r <= 0 ? r
		      : nsn_err(err, -ENOSPC, NSNET_E_TOO_MANY,
				"no name is left for the rule of dns of tenant '%s'", tenant);
}

static bool is_as(const struct nsn_policy *have, const struct nsn_policy *want)
{
	const struct nsn_origin *a = &have->origin, *b = &want->origin;
	char difference[160];

	return nsn_policy_same(have, want, difference, sizeof(difference)) &&
	       strcmp(a->set, b->set) == 0 && strcmp(a->file, b->file) == 0 && a->line == b->line &&
	       strcmp(a->sha256, b->sha256) == 0;
}

static int put(struct nsn_store *s, const struct nsn_tenant *t, const struct nsn_policy *have,
	       struct nsn_policy *want, struct nsnet_err *err)
{
	int r;

	if (!have) {
		r = free_name(s, t->name, want->name, err);
		return r == 0 ? nsn_store_policy_insert(s, want, err) : r;
	}
	memcpy(want->name, have->name, sizeof(have->name));
	return is_as(have, want) ? 0 : nsn_store_policy_update(s, want, err);
}

int nsn_store_implied_settle(struct nsn_store *s, const struct nsn_tenant *t, struct nsnet_err *err)
{
	NSN_AUTO(nsn_policy_list_clear) struct nsn_policy_list list = {0};
	struct nsn_policy want = {0};
	int wanted = nsn_dns_rule(&want, t, err);
	int r = wanted < 0 ? wanted : nsn_store_policy_list_implied(s, t->name, &list, err);

	if (r == 0 && wanted)
		r = put(s, t, list.n > 0 ? &list.policies[0] : NULL, &want, err);
	for (size_t i = wanted ? 1 : 0; r == 0 && i < list.n; i++)
		r = nsn_store_policy_delete(s, list.policies[i].name, err);
	nsn_policy_clear(&want);
	return r;
}

int nsn_store_implied_yield(struct nsn_store *s, const char *name, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	char other[NSN_NAME_MAX + 1], tenant[NSN_NAME_MAX + 1] = "";
	int r;

	r = nsn_sql_prepare(s, &st,
			    "SELECT q.text FROM policy p JOIN policy_part q ON q.policy = p.id "
			    "AND q.part = 'from' WHERE p.implied AND p.name = ?",
			    (struct nsn_arg[]){NSN_T(name)}, 1, err);
	if (r == 0)
		r = nsn_sql_step(s, st, err);
	if (r <= 0)
		return r;
	if (!nsn_column_name(st, 0, tenant))
		return nsn_sql_broken(s, err, "a rule in it is damaged");
	(void)sqlite3_reset(st);
	r = free_name(s, tenant, other, err);
	if (r == 0)
		r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = nsn_sql_run(s, "UPDATE policy SET name = ? WHERE name = ?",
			(struct nsn_arg[]){NSN_T(other), NSN_T(name)}, 2, err);
	r = nsn_sql_change_end(s, r, err);
	return r < 0 ? r : 1;
}

/* ---- who asks whom ---------------------------------------------------------------- */

int nsn_store_dns_asker(struct nsn_store *s, const char *tenant, const char *endpoint,
			char ret[NSN_NAME_MAX + 1], struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	int r;

	r = nsn_sql_prepare(s, &st,
			    "SELECT name FROM tenant WHERE dns = ? || '/' || ? ORDER BY name "
			    "LIMIT 1",
			    (struct nsn_arg[]){NSN_T(tenant), NSN_T(endpoint)}, 2, err);
	if (r == 0)
		r = nsn_sql_step(s, st, err);
	if (r > 0 && !nsn_column_name(st, 0, ret))
		return nsn_sql_broken(s, err, "a tenant in it is damaged");
	return r;
}

int nsn_store_dns_forget(struct nsn_store *s, const char *tenant, struct nsnet_err *err)
{
	int r = nsn_sql_group_begin(s, err);

	if (r < 0)
		return r;
	r = nsn_sql_run(s,
			"DELETE FROM policy WHERE implied AND id IN (SELECT policy FROM "
			"policy_part WHERE part = 'to' AND text > ?1 || '/' AND text < ?1 || '0')",
			(struct nsn_arg[]){NSN_T(tenant)}, 1, err);
	if (r == 0)
		r = nsn_sql_run(s,
				"UPDATE tenant SET dns = 'none' WHERE name <> ?1 AND "
				"substr(dns, 1, instr(dns, '/')) = ?1 || '/'",
				(struct nsn_arg[]){NSN_T(tenant)}, 1, err);
	return nsn_sql_change_end(s, r, err);
}
