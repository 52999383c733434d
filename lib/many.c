/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "ctx.h"

/*
 * many - tenants side by side, that are new or are only looked at
 *
 * A namespace is a thread's, so each thread builds tenants of its own. What they share is
 * read only: what is wanted, and who owns it. The store is the calling thread's alone.
 * The kernel makes namespaces, links and addresses under one lock (RTNL), the rest of a
 * tenant beside each other: sysctls, nft transactions, pins, and all that is ours.
 */

/* More have nothing to do but wait for RTNL. */
#define THREADS_MAX 4
/* Fewer tenants than this for a thread are not worth starting it. */
#define WORTH 2
/* How often one is made anew after a lost answer. */
#define TRIES 3

void nsn_crew_close(struct nsn_crew *crew)
{
	size_t i;

	for (i = 0; i < crew->n; i++)
		nsn_home_close(&crew->homes[i]);
	free(crew->homes);
	*crew = (struct nsn_crew){0};
}

static size_t processors(void)
{
	cpu_set_t set;

	/* -EINVAL on a machine with more than 1024: then there are enough. */
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return THREADS_MAX;
	return (size_t)CPU_COUNT(&set);
}

int nsn_crew_open(struct nsn_crew *crew, size_t work, struct nsnet_err *err)
{
	size_t n = processors();
	int r;

	*crew = (struct nsn_crew){0};
	if (n > THREADS_MAX)
		n = THREADS_MAX;
	if (n > work / WORTH)
		n = work / WORTH;
	if (n < 2)
		return 0;
	crew->homes = calloc(n, sizeof(*crew->homes));
	if (!crew->homes)
		return nsn_err_nomem(err);
	for (; crew->n < n; crew->n++) {
		r = nsn_home_open(&crew->homes[crew->n], err);
		if (r < 0) {
			nsn_crew_close(crew);
			return r;
		}
	}
	return 0;
}

/* ---- one after the other, or side by side ------------------------------------------ */

struct result {
	int r;
	struct nsnet_err err;
};

struct part {
	pthread_t thread;
	int (*one)(struct nsn_job *job, struct nsnet_err *err);
	struct nsn_job *jobs;
	struct result *results;
	size_t first, step, count;
	atomic_size_t *failed; /* the lowest that did: who comes behind is not done */
};

static void note_failure(atomic_size_t *lowest, size_t i)
{
	size_t now = atomic_load(lowest);

	while (i < now && !atomic_compare_exchange_weak(lowest, &now, i))
		;
}

static void *work(void *arg)
{
	const struct part *p = arg;
	size_t i;

	for (i = p->first; i < p->count; i += p->step) {
		struct result *result = &p->results[i];

		result->r = -ECANCELED;
		if (i > atomic_load(p->failed))
			continue;
		result->r = p->one(&p->jobs[i], &result->err);
		if (result->r < 0)
			note_failure(p->failed, i);
		/* It stays where it is, and nothing must be done there. */
		if (result->err.id == NSNET_E_STRANDED)
			break;
	}
	for (i += p->step; i < p->count; i += p->step)
		p->results[i].r = -ECANCELED;
	return NULL;
}

/* Signals are for the thread that was there before. Parts without a thread are done here. */
static void run(struct part *parts, size_t n)
{
	sigset_t all, before;
	size_t i, started;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	for (started = 0; n > 1 && started < n; started++)
		if (pthread_create(&parts[started].thread, NULL, work, &parts[started]) != 0)
			break;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	for (i = started; i < n; i++)
		(void)work(&parts[i]);
	for (i = 0; i < started; i++)
		(void)pthread_join(parts[i].thread, NULL);
}

/* The first that really failed: others were only left out because of it. */
static int first_failure(const struct result *results, size_t count, size_t *done,
			 struct nsnet_err *err)
{
	size_t i;

	for (*done = 0; *done < count && results[*done].r == 0; ++*done)
		;
	for (i = *done; i < count; i++) {
		if (results[i].r == 0 || results[i].r == -ECANCELED)
			continue;
		if (err)
			*err = results[i].err;
		return results[i].r;
	}
	return *done == count ? 0 : -ECANCELED;
}

static int each(const struct nsn_crew *crew, struct nsn_job *jobs, size_t count,
		int (*one)(struct nsn_job *job, struct nsnet_err *err), size_t *done,
		struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct result *results = calloc(count + 1, sizeof(*results));
	struct part parts[THREADS_MAX];
	size_t i, n = crew->n > 0 ? crew->n : 1;
	atomic_size_t failed = SIZE_MAX;

	*done = 0;
	if (!results)
		return nsn_err_nomem(err);
	for (i = 0; i < n; i++)
		parts[i] = (struct part){.one = one,
					 .jobs = jobs,
					 .results = results,
					 .first = i,
					 .step = n,
					 .count = count,
					 .failed = &failed};
	for (i = 0; crew->n > 0 && i < count; i++)
		jobs[i].home = &crew->homes[i % n];
	run(parts, n);
	return first_failure(results, count, done, err);
}

/* ---- a tenant ----------------------------------------------------------------------- */

static int build_once(struct nsn_job *job, struct nsnet_err *err)
{
	size_t done;
	int r = nsn_job_open(job, job->n, job->t, NSN_WANT_BUILT, err);

	if (r == 0)
		r = nsn_job_check_pins(job, err);
	if (r == 0)
		r = nsn_site_apply(&job->site, &job->wanted, &job->plan, 0,
				   nsn_plan_first_name(&job->plan), &done, err);
	return r;
}

/* Nothing of it has a name, so after a lost answer all of it is made anew. */
static int build_one(struct nsn_job *job, struct nsnet_err *err)
{
	struct nsnet_err inner = {0};
	int tries, r = -EIO;

	for (tries = 0; tries < TRIES; tries++) {
		const struct nsn_job start = {.n = job->n,
					      .t = job->t,
					      .all = job->all,
					      .fresh = job->fresh,
					      .alone = job->alone,
					      .home = job->home};

		inner = (struct nsnet_err){0};
		r = build_once(job, &inner);
		if (r == 0 || inner.id != NSNET_E_UNSURE)
			break;
		nsn_job_close(job);
		*job = start;
	}
	if (r < 0 && err)
		*err = inner;
	return r;
}

static int name_one(struct nsn_job *job, struct nsnet_err *err)
{
	struct nsnet_err inner = {0};
	size_t done;
	int r = nsn_site_apply(&job->site, &job->wanted, &job->plan,
			       nsn_plan_first_name(&job->plan), job->plan.n, &done, &inner);

	/* After a lost answer the state decides. */
	if (r < 0 && inner.id != NSNET_E_UNSURE) {
		if (err)
			*err = inner;
		return r;
	}
	return nsn_job_look(job, err);
}

int nsn_many_build(const struct nsn_crew *crew, struct nsn_job *jobs, size_t count, size_t *done,
		   struct nsnet_err *err)
{
	return each(crew, jobs, count, build_one, done, err);
}

int nsn_many_name(const struct nsn_crew *crew, struct nsn_job *jobs, size_t count, size_t *done,
		  struct nsnet_err *err)
{
	return each(crew, jobs, count, name_one, done, err);
}

static bool all_known(const struct nsn_job *job)
{
	size_t i;

	for (i = 0; i < job->site.n; i++)
		if (!job->site.spaces[i].ns || !job->site.spaces[i].cookie)
			return false;
	return true;
}

static int look_one(struct nsn_job *job, struct nsnet_err *err)
{
	int r = nsn_job_open(job, job->n, job->t, NSN_WANT_BUILT, err);

	job->agreed = r == 0 && nsn_job_agrees(job) && all_known(job);
	nsn_job_close(job);
	/* Whatever is wrong, who looks at it alone hears of it. */
	return err->id == NSNET_E_STRANDED ? r : 0;
}

void nsn_many_look(const struct nsn_crew *crew, struct nsn_job *jobs, size_t count)
{
	size_t done;

	(void)each(crew, jobs, count, look_one, &done, NULL);
}
