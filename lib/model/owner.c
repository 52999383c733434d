/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "parts.h"

#define FIRST "abcdefghijklmnopqrstuvwxyz_"

/* ^[a-z_][a-z0-9_-]{0,30}\$?$: the '$' is for machines in a Windows domain. */
bool nsn_owner_ok(const char *name)
{
	size_t len = strnlen(name, NSN_OWNER_MAX + 1), body;

	if (len < 1 || len > NSN_OWNER_MAX || !strchr(FIRST, name[0]))
		return false;
	body = strspn(name, FIRST "0123456789-");
	return body <= NSN_OWNER_MAX - 1 && (name[body] == '\0' || strcmp(name + body, "$") == 0);
}

static int by_name(const void *a, const void *b)
{
	const struct nsn_user *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int fill(struct nsn_user *users, const char *const *texts, size_t n, struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];

	for (size_t i = 0; i < n; i++) {
		if (!nsn_owner_ok(texts[i]))
			return nsn_err(err, -EINVAL, NSNET_E_BAD_SETTING,
				       "'%s' is not a user name: use a-z, 0-9, '_' and '-', start "
				       "with a letter or '_', 32 characters at most",
				       nsn_text_show(texts[i], shown, sizeof(shown)));
		memcpy(users[i].name, texts[i], strlen(texts[i]) + 1);
	}
	qsort(users, n, sizeof(*users), by_name);
	for (size_t i = 1; i < n; i++)
		if (by_name(&users[i - 1], &users[i]) == 0)
			return nsn_err(err, -EINVAL, NSNET_E_BAD_SETTING, "owner %s is there twice",
				       users[i].name);
	return 0;
}

int nsn_owners_parse(struct nsn_user **ret, size_t *n_ret, const char *const *texts, size_t n,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct nsn_user *users = NULL;
	int r;

	if (n == 1 && strcmp(texts[0], "none") == 0)
		n = 0;
	if (n > NSN_OWNERS_MAX)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_SETTING,
			       "there are %zu owners, a tenant has %d at most", n, NSN_OWNERS_MAX);
	users = calloc(n ? n : 1, sizeof(*users));
	if (!users)
		return nsn_err_nomem(err);
	r = fill(users, texts, n, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(users);
	*n_ret = n;
	return 0;
}
