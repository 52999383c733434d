/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SELFTEST_H
#define NSN_SELFTEST_H

/*
 * selftest - what the files of nsnet_self_test() share
 *
 * selftest.c          the public function: runs the bench, and judges
 * selftest_host.c     a throw-away host in a process of its own
 * selftest_bench.c    the site there, and each mutant's turn
 * selftest_mutants.c  the table, and how each is planted
 */
#include "ctx.h"

/* The site: customer1 (app, db; nothing inside without a rule), customer2, customer3. */
struct nsn_shadow {
	struct nsnet *n;
	struct nsn_netns *gateways[2]; /* of customer1, customer2 */
	struct nsn_netns *apps[3];     /* customer1/app, customer2/app, customer3/app */
};

struct nsn_mutant {
	const char *name, *planted; /* in words */
	const char *kind;	    /* what verify has to call it */
	const char *word;	    /* and to have in what it says of it */
	int (*plant)(struct nsn_shadow *s, struct nsnet_err *err);
	/* What a repair does not take away; NULL: it takes away all. */
	int (*undo)(struct nsn_shadow *s, struct nsnet_err *err);
};

/* In the order in which they are planted. */
extern const struct nsn_mutant nsn_mutants[];
size_t nsn_mutants_count(void);

/* The finding that says it of this mutant, or NULL: it was missed. Pure. */
const struct nsnet_proof_finding *nsn_mutant_found(const struct nsn_mutant *m,
						   const struct nsnet_proof *p);

/* One line of the bench's answer. */
struct nsn_tested {
	bool planted, caught, gone; /* gone: afterwards all was PROVED again */
	char kind[32], what[224];
};

/*
 * In a throw-away host: makes the site, plants each mutant in its turn. @list has room for all.
 * What fails there besides a mutant that is missed is an error: then the bench says nothing.
 */
int nsn_bench(struct nsn_tested *list, struct nsnet_err *err);

/*
 * Calls @work in a process that is the first of a host of its own: an empty network, processes of
 * its own, /run, /etc and /sys that are thrown away. What it writes to @ret (@size bytes, shared
 * memory) stays. All of it ends with the process; it is ended after @seconds. Returns what @work
 * does; -ETIMEDOUT, -EIO (it ended otherwise)
 */
int nsn_host_apart(int (*work)(void *ret, struct nsnet_err *err), void *ret, size_t size,
		   unsigned int seconds, struct nsnet_err *err);

#endif
