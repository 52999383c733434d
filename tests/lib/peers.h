/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_PEERS_H
#define TESTS_PEERS_H

/*
 * peers - tenants with somebody in each endpoint who calls and answers (peers.py),
 * and rules between them
 *
 * Everything that fails here fails the test.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "../../lib/nsnet.h"

/* One process of peers.py. Start as { 0 }. */
struct peers {
	pid_t pid;
	FILE *to, *from;
};

void peers_start(struct peers *p);
void peers_stop(struct peers *p); /* also one that was not started */
/* The caller frees the answer. */
char *peers_ask(struct peers *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, and frees it: it must be @want. */
void peers_is(struct peers *p, const char *want, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Of a stream or a flood: how many were sent; each must have been answered, if so wanted. */
unsigned long peers_stopped(struct peers *p, const char *id, bool all_answered);

#define PROBE(p, text)	    peers_is((p), "ok", __FILE__, __LINE__, "probe %s", (text))
#define TALK(p, text)	    peers_is((p), "ok", __FILE__, __LINE__, "talk %s", (text))
#define OPEN(p, text)	    peers_is((p), "ok", __FILE__, __LINE__, "open %s", (text))
#define TELL(p, text)	    peers_is((p), "ok", __FILE__, __LINE__, "%s", (text))
#define SEEN(p, text, want) peers_is((p), (want), __FILE__, __LINE__, "seen %s", (text))

/* ---- the tenants --------------------------------------------------------------------- */

#define APP  "customer1.app"
#define WORK "customer1.worker"
#define DB   "customer2.db"
#define WEB  "customer2.web"
#define DNS  "shared.dns"

enum { CUSTOMER1, CUSTOMER2, SHARED, PEERS_TENANTS };
/* Their definitions, to be copied by who wants others. */
extern const struct nsnet_tenant_def peers_tenants[PEERS_TENANTS];

/* Them, or @defs, with somebody who answers in each endpoint; @p is started. */
struct nsnet *peers_build(struct peers *p, const struct nsnet_tenant_def *defs, size_t n_defs);
/* Begins to answer in the endpoints of one tenant, and to look at what comes in there. */
void peers_serve(struct peers *p, const struct nsnet_tenant_def *def);
/* Removes all tenants; nothing of any, nor of a rule, is left. @p ends before. */
void peers_end_clean(struct peers *p, struct nsnet *n);

/* ---- rules --------------------------------------------------------------------------- */

/* Lists with commas. */
struct words {
	const char *name, *from, *to, *ports, *log, *expires;
	bool deny;
};

int rule_try(struct nsnet *n, const struct words *w, struct nsnet_err *err);
/* They also look whether there is nothing to do for `nsnet repair` afterwards. */
void rule_add(struct nsnet *n, const struct words *w, const char *file, int line);
void rule_del(struct nsnet *n, const char *name, const char *file, int line);

#define ALLOW(n, rule, peers_from, peers_to, what)                                                 \
	rule_add((n),                                                                              \
		 &(struct words){                                                                  \
			 .name = (rule), .from = (peers_from), .to = (peers_to), .ports = (what)}, \
		 __FILE__, __LINE__)
#define DENY(n, rule, peers_from, peers_to, what)                                                  \
	rule_add((n),                                                                              \
		 &(struct words){.name = (rule),                                                   \
				 .from = (peers_from),                                             \
				 .to = (peers_to),                                                 \
				 .ports = (what),                                                  \
				 .deny = true},                                                    \
		 __FILE__, __LINE__)
#define REVOKE(n, rule) rule_del((n), (rule), __FILE__, __LINE__)

/* What `nsnet plan` would say: the first steps of what is not as wanted fail the test. */
#define NOTHING_TO_DO(n, after) rule_nothing_to_do((n), (after), __FILE__, __LINE__)
void rule_nothing_to_do(struct nsnet *n, const char *after, const char *file, int line);

/* How many cables end in a tenant's gateway. */
unsigned int cables_of(struct nsnet *n, const char *tenant);
/* Rows of the store, "POLICIES QUARANTINES CABLES". The caller frees it. */
char *rule_rows(void);

#endif
