/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ref.h"

#include <string.h>

#include "../lib/base/cleanup.h"

static int no_endpoint(const char *word, enum ref_kind kind, struct nsnet_err *err)
{
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE,
		      "'%s' is a tenant, not an endpoint: write TENANT/ENDPOINT", word);
	if (kind == REF_NEW)
		return nsn_err_hint(err, -EINVAL, "nsnet endpoint add %s/db", word);
	return nsn_err_hint(err, -EINVAL, "nsnet endpoint list %s", word);
}

int ref_parse(struct ref *ret, const char *word, enum ref_kind kind, struct nsnet_err *err)
{
	const char *slash = kind == REF_TENANT ? NULL : strchr(word, '/');
	NSN_AUTO(nsn_freep) char *tenant = NULL;
	NSN_AUTO(nsn_freep) char *endpoint = NULL;

	if (!slash && (kind == REF_ENDPOINT || kind == REF_NEW))
		return no_endpoint(word, kind, err);
	if (slash && (slash == word || !slash[1] || strchr(slash + 1, '/'))) {
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "'%s' is not TENANT/ENDPOINT", word);
		return nsn_err_hint(err, -EINVAL, "write it like customer1/db");
	}
	tenant = slash ? strndup(word, (size_t)(slash - word)) : strdup(word);
	endpoint = slash ? strdup(slash + 1) : NULL;
	if (!tenant || (slash && !endpoint))
		return nsn_err_nomem(err);
	ret->word = word;
	ret->tenant = NSN_TAKE_PTR(tenant);
	ret->endpoint = NSN_TAKE_PTR(endpoint);
	return 0;
}

void ref_clear(struct ref *ref)
{
	free(ref->tenant);
	free(ref->endpoint);
	*ref = (struct ref){0};
}
