/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_BDD_H
#define NSN_VERIFY_BDD_H

/*
 * bdd - binary decision diagrams: what space needs of libbdd (BuDDy). Pure.
 *
 * A diagram is a number. What a function returns is not held: hold it (nsn_bdd_ref())
 * before the next call that may make nodes, and hold what is given to a function. The
 * library has one table in a process, and so has this.
 *
 * Who runs out of nodes or memory is told by ->fail, which must not return: it jumps.
 * The table is whole then and can be used further (test_bdd does it): libbdd tells of that
 * before it writes the node, and its stack of references begins anew with the next call.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int nsn_bdd_t;
#define NSN_BDD_FALSE 0
#define NSN_BDD_TRUE  1

struct nsn_bdd_pairs; /* variables and what they become */

struct nsn_bdd_hooks {
	void (*fail)(void *arg, const char *why); /* "nodes", "memory", "libbdd" */
	void (*look)(void *arg); /* now and then in long operations; may jump, too */
	void *arg;
};

/* @nodes: at most that many; 0: as many as memory holds. 0, -ENOMEM, or -EBUSY: it is open. */
int nsn_bdd_open(unsigned int vars, size_t nodes, const struct nsn_bdd_hooks *hooks);
void nsn_bdd_close(void);

nsn_bdd_t nsn_bdd_ref(nsn_bdd_t b); /* returns it */
void nsn_bdd_unref(nsn_bdd_t b);

nsn_bdd_t nsn_bdd_var(unsigned int var); /* both are held for ever */
nsn_bdd_t nsn_bdd_not_var(unsigned int var);
nsn_bdd_t nsn_bdd_and(nsn_bdd_t a, nsn_bdd_t b);
nsn_bdd_t nsn_bdd_or(nsn_bdd_t a, nsn_bdd_t b);
nsn_bdd_t nsn_bdd_sub(nsn_bdd_t a, nsn_bdd_t b);
nsn_bdd_t nsn_bdd_not(nsn_bdd_t a);
nsn_bdd_t nsn_bdd_ite(nsn_bdd_t cond, nsn_bdd_t yes, nsn_bdd_t no);
/* Ascending. */
nsn_bdd_t nsn_bdd_cube(const unsigned int *vars, size_t n);
/* Without the variables of @cube: any value of them. */
nsn_bdd_t nsn_bdd_exist(nsn_bdd_t a, nsn_bdd_t cube);
/* from[i] becomes to[i]; no variable that stays may be in @to. */
struct nsn_bdd_pairs *nsn_bdd_pairs(const unsigned int *from, const unsigned int *to, size_t n);
void nsn_bdd_pairs_free(struct nsn_bdd_pairs *p);
nsn_bdd_t nsn_bdd_replace(nsn_bdd_t a, const struct nsn_bdd_pairs *p);

/* Of a diagram that is neither true nor false. */
unsigned int nsn_bdd_top(nsn_bdd_t a);
nsn_bdd_t nsn_bdd_low(nsn_bdd_t a); /* where the variable is 0 */
nsn_bdd_t nsn_bdd_high(nsn_bdd_t a);
size_t nsn_bdd_nodes(void); /* in use, of all diagrams; some of them may be garbage */

#endif
