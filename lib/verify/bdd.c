/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include <bdd.h>

/* Not the same: above is libbdd's. */
#include "bdd.h" /* NOLINT(readability-duplicate-include) */

enum {
	FIRST_NODES = 1 << 16,
	GROW = 1 << 20,	    /* nodes at most at once */
	CACHE_RATIO = 8,    /* nodes per entry of a cache */
	LEAST_FREE = 20,    /* in a hundred, after a collection: else the table grows */
	FULL = 16,	    /* less than a 16th free, and it may not grow: full */
	LEAST_NODES = 8192, /* of a table that is told to be smaller */
};

/* libbdd calls back without an argument and is one in a process: so is this. */
static struct nsn_bdd_hooks hooks;
static size_t max_nodes;

static void failed(int code)
{
	const char *why = "libbdd";

	if (code == BDD_NODENUM)
		why = "nodes";
	else if (code == BDD_MEMORY)
		why = "memory";
	if (hooks.fail != NULL)
		hooks.fail(hooks.arg, why);
	abort(); /* a failure that goes unnoticed would be a wrong proof */
}

/* After a collection the table is whole, and the node that wanted room not yet made. */
static void collected(int before, bddGbcStat *stat)
{
	if (before)
		return;
	if (hooks.look != NULL)
		hooks.look(hooks.arg);
	/* It would collect for every few nodes from now on. (Tables are as large as a prime.) */
	if (max_nodes > 0 && (size_t)stat->nodes >= max_nodes - max_nodes / FULL &&
	    (size_t)stat->freenodes < max_nodes / FULL)
		failed(BDD_NODENUM);
}

int nsn_bdd_open(unsigned int vars, size_t nodes, const struct nsn_bdd_hooks *with)
{
	if (bdd_isrunning())
		return -EBUSY;
	if (nodes > 0 && nodes < LEAST_NODES)
		nodes = LEAST_NODES;
	if (nodes > INT_MAX / 2)
		nodes = 0;
	const int first = nodes > 0 && nodes / 2 < FIRST_NODES ? (int)nodes / 2 : FIRST_NODES;

	if (bdd_init(first, first / CACHE_RATIO) < 0)
		return -ENOMEM;
	max_nodes = nodes;
	hooks = (struct nsn_bdd_hooks){0};
	bdd_gbc_hook(collected);
	bdd_resize_hook(NULL);
	bdd_error_hook(NULL);
	if (bdd_setvarnum((int)vars) < 0 || bdd_setcacheratio(CACHE_RATIO) < 0 ||
	    bdd_setmaxincrease(GROW) < 0 || bdd_setminfreenodes(LEAST_FREE) < 0 ||
	    bdd_setmaxnodenum((int)nodes) < 0) {
		bdd_done();
		return -ENOMEM;
	}
	hooks = *with;
	bdd_error_hook(failed);
	return 0;
}

void nsn_bdd_close(void)
{
	if (bdd_isrunning())
		bdd_done();
	hooks = (struct nsn_bdd_hooks){0};
}

nsn_bdd_t nsn_bdd_ref(nsn_bdd_t b)
{
	return bdd_addref(b);
}

void nsn_bdd_unref(nsn_bdd_t b)
{
	bdd_delref(b);
}

nsn_bdd_t nsn_bdd_var(unsigned int var)
{
	return bdd_ithvar((int)var);
}

nsn_bdd_t nsn_bdd_not_var(unsigned int var)
{
	return bdd_nithvar((int)var);
}

nsn_bdd_t nsn_bdd_and(nsn_bdd_t a, nsn_bdd_t b)
{
	return bdd_apply(a, b, bddop_and);
}

nsn_bdd_t nsn_bdd_or(nsn_bdd_t a, nsn_bdd_t b)
{
	return bdd_apply(a, b, bddop_or);
}

nsn_bdd_t nsn_bdd_sub(nsn_bdd_t a, nsn_bdd_t b)
{
	return bdd_apply(a, b, bddop_diff);
}

nsn_bdd_t nsn_bdd_not(nsn_bdd_t a)
{
	return bdd_not(a);
}

nsn_bdd_t nsn_bdd_ite(nsn_bdd_t cond, nsn_bdd_t yes, nsn_bdd_t no)
{
	return bdd_ite(cond, yes, no);
}

/* Not bdd_makeset(): one that jumps out of it would leave a reference behind. */
nsn_bdd_t nsn_bdd_cube(const unsigned int *vars, size_t n)
{
	nsn_bdd_t cube = NSN_BDD_TRUE;

	for (size_t i = n; i-- > 0;) {
		const nsn_bdd_t next = bdd_apply(bdd_ithvar((int)vars[i]), cube, bddop_and);

		cube = next;
	}
	return cube;
}

nsn_bdd_t nsn_bdd_exist(nsn_bdd_t a, nsn_bdd_t cube)
{
	return cube == NSN_BDD_TRUE ? a : bdd_exist(a, cube);
}

struct nsn_bdd_pairs *nsn_bdd_pairs(const unsigned int *from, const unsigned int *to, size_t n)
{
	bddPair *p = bdd_newpair();

	if (p == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		bdd_setpair(p, (int)from[i], (int)to[i]);
	return (struct nsn_bdd_pairs *)p;
}

void nsn_bdd_pairs_free(struct nsn_bdd_pairs *p)
{
	if (p != NULL)
		bdd_freepair((bddPair *)p);
}

/* Not bdd_replace(): where the order of variables changes that forgets what it has done. */
nsn_bdd_t nsn_bdd_replace(nsn_bdd_t a, const struct nsn_bdd_pairs *p)
{
	return bdd_veccompose(a, (bddPair *)(uintptr_t)p);
}

unsigned int nsn_bdd_top(nsn_bdd_t a)
{
	return (unsigned int)bdd_var(a);
}

nsn_bdd_t nsn_bdd_low(nsn_bdd_t a)
{
	return bdd_low(a);
}

nsn_bdd_t nsn_bdd_high(nsn_bdd_t a)
{
	return bdd_high(a);
}

size_t nsn_bdd_nodes(void)
{
	return bdd_isrunning() ? (size_t)bdd_getnodenum() : 0;
}
