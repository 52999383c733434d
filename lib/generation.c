/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "compile/admit.h"
#include "ctx.h"
#include "kernel/conntrack.h"

/*
 * generation - which connections were let through by what is in force now
 *
 * The gateway's own number, which is in its rules, plus one each time something is
 * revoked: then every connection is looked up once more. It is never taken from
 * the store, which may be one put back from a backup; a gateway that has none begins
 * with a random one.
 */

/* That of the rules in the kernel; 0: there are none. */
static uint32_t in_kernel(const struct nsn_state *s)
{
	const struct nsn_place gateway = {.role = NSN_GATEWAY};
	size_t n, i;
	const struct nsn_object *list = nsn_state_at(s, NSN_OBJ_CHAIN, gateway, &n);

	for (i = 0; i < n; i++) {
		uint32_t generation = nsn_admit_generation(&list[i]);

		if (generation)
			return generation;
	}
	return 0;
}

static uint32_t any(void)
{
	uint32_t n = 0;

	/* Without entropy: one in 16,383 that a connection of an older one is alive. */
	(void)!getrandom(&n, sizeof(n), GRND_NONBLOCK);
	return n % NSN_GENERATIONS + 1;
}

/* An element that let something through, and will not any more; or the whole table. */
static bool revokes(const struct nsn_step *step)
{
	const struct nsn_object *have = step->have;
	uint32_t mark = 0;

	if (step->op == NSN_CREATE)
		return step->want->kind == NSN_OBJ_TABLE && step->want->at.role == NSN_GATEWAY;
	if (have->kind == NSN_OBJ_TABLE)
		return true;
	if (have->kind != NSN_OBJ_ELEM || have->u.elem.data_len != sizeof(mark))
		return false;
	memcpy(&mark, have->u.elem.data, sizeof(mark));
	return mark & NSN_MARK_ROUTE;
}

/*
 * What an older generation of that number has let through: 16,383 changes ago, or in
 * another life of the table. Nothing has a number that nobody has given yet.
 */
int nsn_job_clear_generation(struct nsn_job *job, struct nsnet_err *err)
{
	const struct nsn_space *gateway =
		nsn_site_space(&job->site, (struct nsn_place){.role = NSN_GATEWAY});
	uint32_t generation = job->border.generation;

	if (!nsn_border_is_open(&job->border) || !gateway || !gateway->ns ||
	    generation == NSN_GENERATION_NONE || generation == in_kernel(&job->observed))
		return 0;
	return nsn_conntrack_flush(nsn_netns_nft(gateway->ns), generation << NSN_MARK_GEN,
				   ~NSN_MARK_LOW, err);
}

static int replan(struct nsn_job *job, uint32_t generation, struct nsnet_err *err)
{
	int r = nsn_job_compile(job, job->want, generation, err);

	nsn_plan_clear(&job->plan);
	if (r == 0 && job->grants_later)
		r = nsn_job_withhold(job, err);
	if (r == 0 && generation == NSN_GENERATION_NONE &&
	    nsn_policies_keep_uses(&job->wanted, &job->observed) < 0)
		r = nsn_err_nomem(err);
	if (r == 0)
		r = nsn_plan(&job->wanted, &job->observed, &job->n->owner, &job->plan, err);
	return r;
}

/*
 * What is revoked takes two transactions. The kernel does not exchange rules and
 * the elements of a map of ranges at one instant: a packet may meet the new rules
 * and find an old element, and would give its connection the new generation. So
 * first the elements go, and with them whatever lets a connection pass without a
 * lookup; the new generation comes when they are gone. A gateway in between, as a
 * crash leaves it, looks up every packet; the next run gives it its generation.
 */
int nsn_job_plan(struct nsn_job *job, struct nsnet_err *err)
{
	uint32_t now = in_kernel(&job->observed);
	size_t i;
	int r;

	if (!nsn_border_is_open(&job->border)) {
		/* All that can be granted here is that neighbours meet again. */
		if (job->grants_later && nsn_compile_stay_cut(&job->wanted, &job->observed) < 0)
			return nsn_err_nomem(err);
		return nsn_plan(&job->wanted, &job->observed, &job->n->owner, &job->plan, err);
	}
	if (now == NSN_GENERATION_NONE || now == 0)
		now = job->generation ? job->generation % NSN_GENERATIONS + 1 : any();
	else
		job->generation = now;
	r = replan(job, now, err);
	for (i = 0; r == 0 && i < job->plan.n; i++)
		if (in_kernel(&job->observed) && revokes(&job->plan.steps[i]))
			return replan(job, NSN_GENERATION_NONE, err);
	return r;
}
