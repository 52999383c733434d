/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_WORDS_H
#define NSN_VERIFY_WORDS_H

/*
 * words - names and commands for findings. Of lint, adversary and prove only.
 */
#include "finding.h"
#include "snap.h"

/* What a tenant's namespace is called begins with, or ends in, the tenant's name. */
const char *nsn_words_tenant(const struct nsn_vns *ns, char buf[NSN_SHOW_SIZE]);
/* Whether a shell takes @text as it stands. */
bool nsn_words_plain(const char *text);
/* A finding about a namespace; NULL: no memory. */
struct nsn_finding *nsn_words_add(struct nsn_findings *f, enum nsn_finding_kind kind,
				  const struct nsn_vns *ns, uint64_t to);
/* Hints at the command that takes a link away. */
int nsn_words_unlink(struct nsn_findings *f, struct nsn_finding *x, const struct nsn_vns *ns,
		     const struct nsn_vlink *l);

#endif
