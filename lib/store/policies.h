/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STORE_POLICIES_H
#define NSN_STORE_POLICIES_H

/*
 * policies - who may talk to whom, and who is in quarantine, as it is wanted
 *
 * They name tenants and endpoints by name, which need not be there. What is
 * handed out is what was stored, in every field; a row that cannot be read as a
 * policy any more is STORE_BROKEN, and then none is handed out.
 */
#include "../model/policy.h"
#include "store.h"

/*
 * Both fill in p->id and p->number; all or nothing. insert gives the lowest number that
 * is free: 0, or -EEXIST (RULE_EXISTS) when the name is taken, -ENOSPC (TOO_MANY) when
 * all numbers are. update replaces the one of that name, which keeps its id and number:
 * 0, or -ENOENT (NO_RULE). Ids are not given again, numbers are.
 */
int nsn_store_policy_insert(struct nsn_store *s, struct nsn_policy *p, struct nsnet_err *err);
int nsn_store_policy_update(struct nsn_store *s, struct nsn_policy *p, struct nsnet_err *err);
/* Both: 0, or -ENOENT with NO_RULE and, where one is near, a did-you-mean hint. @ret is empty
 * before. */
int nsn_store_policy_delete(struct nsn_store *s, const char *name, struct nsnet_err *err);
int nsn_store_policy_get(struct nsn_store *s, const char *name, struct nsn_policy *ret,
			 struct nsnet_err *err);

struct nsn_policy_list {
	struct nsn_policy *policies; /* by name */
	size_t n;
};
void nsn_policy_list_clear(struct nsn_policy_list *list);

/* All of these: @ret is empty before. */
int nsn_store_policy_list(struct nsn_store *s, struct nsn_policy_list *ret, struct nsnet_err *err);
/* Those that came with the set of files @set; "": by a command. */
int nsn_store_policy_list_set(struct nsn_store *s, const char *set, struct nsn_policy_list *ret,
			      struct nsnet_err *err);
/* Those that name the tenant, or an endpoint of it, on either side: not by its labels. */
int nsn_store_policy_list_tenant(struct nsn_store *s, const char *tenant,
				 struct nsn_policy_list *ret, struct nsnet_err *err);
/*
 * Those that have one of these words (nsn_peer_str()) on either side, or an endpoint of a
 * tenant that is one of them. An index makes it as quick with 10,000 policies as with 10.
 */
int nsn_store_policy_list_naming(struct nsn_store *s, const char *const *words, size_t n,
				 struct nsn_policy_list *ret, struct nsnet_err *err);
/* Those that publish something under this port of the host, also when they have expired. */
int nsn_store_policy_list_published(struct nsn_store *s, uint16_t port, struct nsn_policy_list *ret,
				    struct nsnet_err *err);
/* Those that do not count any more. */
int nsn_store_policy_list_expired(struct nsn_store *s, int64_t now, struct nsn_policy_list *ret,
				  struct nsnet_err *err);

/* ---- implied.c: what `dns` of a tenant stands for ----------------------------------- */

/*
 * Makes, changes or deletes the rule that nsn_dns_rule() says, with an origin like the
 * tenant's, under a name that nobody has. Tenants that are inserted and updated do so
 * themselves, and with a tenant its rule is deleted.
 */
int nsn_store_implied_settle(struct nsn_store *s, const struct nsn_tenant *t,
			     struct nsnet_err *err);
/* If an implied rule has this name it gets another. 1: so it was, 0: none has it */
int nsn_store_implied_yield(struct nsn_store *s, const char *name, struct nsnet_err *err);
/* The implied rules of a tenant: one at most. */
int nsn_store_policy_list_implied(struct nsn_store *s, const char *tenant,
				  struct nsn_policy_list *ret, struct nsnet_err *err);
/* The first tenant whose `dns` is this endpoint. 1, or 0: none */
int nsn_store_dns_asker(struct nsn_store *s, const char *tenant, const char *endpoint,
			char ret[NSN_NAME_MAX + 1], struct nsnet_err *err);
/* Whoever has an endpoint of this tenant, and is another one, has nobody any more. */
int nsn_store_dns_forget(struct nsn_store *s, const char *tenant, struct nsnet_err *err);

/* ---- quarantine ----------------------------------------------------------------- */

/* Replaces what there is for q->who. All or nothing. */
int nsn_store_quarantine_put(struct nsn_store *s, const struct nsn_quarantine *q,
			     struct nsnet_err *err);
/* 0, or -ENOENT (NO_QUARANTINE) */
int nsn_store_quarantine_delete(struct nsn_store *s, const struct nsn_peer *who,
				struct nsnet_err *err);

struct nsn_quarantine_list {
	struct nsn_quarantine *quarantines; /* by the text of `who` */
	size_t n;
};
void nsn_quarantine_list_clear(struct nsn_quarantine_list *list);
int nsn_store_quarantine_list(struct nsn_store *s, struct nsn_quarantine_list *ret,
			      struct nsnet_err *err);

#endif
