/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "numbers.h"

#include <errno.h>

int nsn_no_numbers(const struct nsn_store *s, struct nsnet_err *err)
{
	return nsn_err(err, -EOVERFLOW, NSNET_E_STORE_IO,
		       "store '%s': all numbers have been given out", s->shown);
}

int nsn_next_link(struct nsn_store *s, uint64_t *ret, struct nsnet_err *err)
{
	uint64_t link = 0;
	int r;

	r = nsn_sql_number(s, &link,
			   "UPDATE meta SET last_link = last_link + 1 RETURNING last_link", NULL, 0,
			   err);
	if (r < 0)
		return r;
	if (r == 0 || link < 1)
		return nsn_sql_broken(s, err, "its sequence of links is damaged");
	if (link > NSN_LINK_MAX)
		return nsn_no_numbers(s, err);
	s->given.link = link;
	*ret = link;
	return 0;
}

/* ---- slots ------------------------------------------------------------------ */

/*
 * Mostly there is no gap, which two counts tell; only else it is looked for, which
 * reads all slots below it. The three tables share no slot. As what is freed rests,
 * the lowest free slot of a boot never goes down, but for a rollback: the next
 * search of this handle starts where the last one ended.
 */
static int lowest_slot(struct nsn_store *s, uint64_t *ret, struct nsnet_err *err)
{
	const struct nsn_arg boot = NSN_T(s->boot);
	int r;

	r = nsn_sql_number(s, ret,
			   "SELECT used FROM (SELECT"
			   " (SELECT count(*) FROM cable) + (SELECT count(*) FROM uplink)"
			   "  + (SELECT count(*) FROM freed WHERE boot = ?1) AS used,"
			   " max((SELECT coalesce(max(slot), -1) FROM cable),"
			   "  (SELECT coalesce(max(slot), -1) FROM uplink),"
			   "  (SELECT coalesce(max(slot), -1) FROM freed WHERE boot = ?1)) AS top)"
			   " WHERE used = top + 1",
			   &boot, 1, err);
	if (r != 0)
		return r;
	r = nsn_sql_number(s, ret,
			   "WITH RECURSIVE next (n) AS (SELECT ?2 UNION ALL SELECT n + 1 FROM next"
			   "  WHERE EXISTS (SELECT 1 FROM cable WHERE slot = n)"
			   "  OR EXISTS (SELECT 1 FROM uplink WHERE slot = n)"
			   "  OR EXISTS (SELECT 1 FROM freed WHERE slot = n AND boot = ?1)) "
			   "SELECT max(n) FROM next",
			   (struct nsn_arg[]){boot, NSN_N(s->no_slot_below)}, 2, err);
	if (r > 0)
		s->no_slot_below = *ret;
	return r;
}

/* One that was freed in an older boot is free and may be on the list still. */
static int take_slot(struct nsn_store *s, uint64_t slot, uint32_t *ret, struct nsnet_err *err)
{
	struct nsn_given *g = &s->given;
	int r;

	r = nsn_sql_run(s, "DELETE FROM freed WHERE slot = ?", (struct nsn_arg[]){NSN_N(slot)}, 1,
			err);
	if (r < 0)
		return r;
	if (g->slot_end == 0 || slot < g->slot)
		g->slot = slot;
	if (slot >= g->slot_end)
		g->slot_end = slot + 1;
	*ret = (uint32_t)slot;
	return 1;
}

int nsn_next_slot(struct nsn_store *s, uint32_t limit, bool reuse, uint32_t *ret,
		  struct nsnet_err *err)
{
	uint64_t slot = 0;
	int r;

	r = lowest_slot(s, &slot, err);
	if (r > 0 && slot >= limit)
		r = !reuse ? 0
			   : nsn_sql_number(s, &slot,
					    "SELECT slot FROM freed WHERE slot < ? ORDER BY nr",
					    (struct nsn_arg[]){NSN_N(limit)}, 1, err);
	return r > 0 ? take_slot(s, slot, ret, err) : r;
}

int nsn_free_slot(struct nsn_store *s, uint32_t slot, struct nsnet_err *err)
{
	return nsn_sql_run(s, "REPLACE INTO freed (slot, boot) VALUES (?, ?)",
			   (struct nsn_arg[]){NSN_N(slot), NSN_T(s->boot)}, 2, err);
}

/* ---- rolled back ------------------------------------------------------------ */

/*
 * The lowest and the highest slot are all that is known of those that were given.
 * It will do: a slot between them that was not given had an owner already, or had
 * one in this boot, or it would have been given. The latter may count as freed later
 * than it was.
 */
static int burn_slots(struct nsn_store *s, const struct nsn_given *g)
{
	return nsn_sql_run(
		s,
		"WITH RECURSIVE given (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM given"
		"  WHERE n + 1 < ?2) "
		"REPLACE INTO freed (slot, boot) SELECT n, ?3 FROM given"
		"  WHERE NOT EXISTS (SELECT 1 FROM cable WHERE slot = n)"
		"  AND NOT EXISTS (SELECT 1 FROM uplink WHERE slot = n)",
		(struct nsn_arg[]){NSN_N(g->slot), NSN_N(g->slot_end), NSN_T(s->boot)}, 3, NULL);
}

void nsn_numbers_burn(struct nsn_store *s, const struct nsn_given *g)
{
	static const char sql[] = "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?";
	int r;

	if (nsn_sql_group_begin(s, NULL) < 0)
		return;
	r = nsn_sql_run(s, sql, (struct nsn_arg[]){NSN_N(g->tenant), NSN_T("tenant")}, 2, NULL);
	if (r == 0)
		r = nsn_sql_run(s, sql, (struct nsn_arg[]){NSN_N(g->endpoint), NSN_T("endpoint")},
				2, NULL);
	if (r == 0)
		r = nsn_sql_run(s, "UPDATE meta SET last_link = max(last_link, ?)",
				(struct nsn_arg[]){NSN_N(g->link)}, 1, NULL);
	if (r == 0 && g->slot_end > 0)
		r = burn_slots(s, g);
	(void)nsn_sql_group_end(s, r, NULL);
}
