/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "selftest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

/*
 * selftest - nsnet_self_test(): whether verify finds what is wrong
 */

#define SECONDS 120

struct tested {
	struct nsnet_self_tested pub; /* first */
	struct nsn_arena mem;
};

static void tested_free(struct tested *t)
{
	if (!t)
		return;
	nsn_arena_free(&t->mem);
	free(t);
}

NSN_CLEANUP(struct tested, tested_free)

static bool says(const struct nsnet_proof_finding *x, const char *word)
{
	if (strstr(x->what, word) || strstr(x->where, word))
		return true;
	for (size_t i = 0; i < x->n_evidence; i++)
		if (strstr(x->evidence[i], word))
			return true;
	return false;
}

const struct nsnet_proof_finding *nsn_mutant_found(const struct nsn_mutant *m,
						   const struct nsnet_proof *p)
{
	/* A finding that changes no verdict has not caught anything. */
	if (p->verdict == NSNET_PROVED)
		return NULL;
	for (size_t i = 0; i < p->n_findings; i++) {
		const struct nsnet_proof_finding *x = &p->findings[i];

		if (x->verdict != NSNET_NOTED && strcmp(x->kind, m->kind) == 0 && says(x, m->word))
			return x;
	}
	return NULL;
}

static int work(void *ret, struct nsnet_err *err)
{
	return nsn_bench(ret, err);
}

static int tell(struct tested *t, const struct nsn_tested *list, struct nsnet_err *err)
{
	const size_t n = nsn_mutants_count();
	struct nsnet_mutant *rows = nsn_arena_alloc(&t->mem, n * sizeof(*rows));

	for (size_t i = 0; rows && i < n; i++) {
		rows[i] = (struct nsnet_mutant){
			.name = nsn_mutants[i].name,
			.planted = nsn_mutants[i].planted,
			.caught = list[i].caught,
			.by = list[i].caught ? "proof" : "",
			.kind = nsn_arena_strdup(&t->mem, list[i].kind),
			.what = nsn_arena_strdup(&t->mem, list[i].what),
		};
		if (!rows[i].kind || !rows[i].what)
			return nsn_err_nomem(err);
		t->pub.caught += list[i].caught;
	}
	if (!rows)
		return nsn_err_nomem(err);
	t->pub.list = rows;
	t->pub.n = n;
	return 0;
}

static unsigned int ms_since(const struct timespec *t)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned int)((now.tv_sec - t->tv_sec) * 1000 +
			      (now.tv_nsec - t->tv_nsec) / 1000000);
}

int nsnet_self_test(struct nsnet *n, const struct nsnet_self_tested **ret, struct nsnet_err *err)
{
	NSN_AUTO(tested_freep) struct tested *t = calloc(1, sizeof(*t));
	const size_t size = nsn_mutants_count() * sizeof(struct nsn_tested);
	NSN_AUTO(nsn_freep) struct nsn_tested *list = calloc(1, size);
	struct timespec begun;
	int r;

	(void)n;
	if (!t || !list)
		return nsn_err_nomem(err);
	if (geteuid() != 0)
		return nsn_err(err, -EPERM, NSNET_E_NOT_PERMITTED,
			       "network namespaces are root's: you are user %u", geteuid());
	(void)clock_gettime(CLOCK_MONOTONIC, &begun);
	r = nsn_host_apart(work, list, size, SECONDS, err);
	if (r == 0)
		r = tell(t, list, err);
	if (r < 0)
		return nsn_err_wrap(err, r, "the self-test could not be made");
	t->pub.took_ms = ms_since(&begun);
	*ret = &NSN_TAKE_PTR(t)->pub;
	return 0;
}

void nsnet_self_tested_free(const struct nsnet_self_tested *s)
{
	tested_free((struct tested *)(uintptr_t)s);
}
