/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_POLICY_LANGUAGE_H
#define NSN_POLICY_LANGUAGE_H

/*
 * language - the tables of the whole language, and what is made of them
 *
 *	nsnet: 1
 *	name: shop                            # of the set of files
 *	tenants: {}                           # as in tenants.h
 *	rules:
 *	  - name: app-to-db
 *	    allow: tcp/5432                   # or deny; a word or a list of them
 *	    from: shop/app
 *	    to: [ledger/db, label:role=db]
 *	    because: CHG-1042
 *	quarantine:
 *	  - who: customer3
 *	    because: INC-2291
 *	    keep: [shared/forensics -> customer3 tcp/22]
 *	expect:
 *	  - cannot: shop -> ledger tcp/22
 */
#include "schema.h"

/* The file as a whole, and the maps in its lists. */
extern const struct nsn_schema nsn_schema_file, nsn_schema_rule, nsn_schema_quarantine,
	nsn_schema_expect;

/*
 * The file as a JSON Schema (draft 2020-12), and as a manual page (roff, man(7)).
 * Return: 0 and text to be freed, or -ENOMEM
 */
int nsn_language_json(char **ret);
int nsn_language_manual(char **ret);

#endif
