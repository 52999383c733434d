/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * defs - definitions of tenants from a file, as they are handed out
 */
#include <errno.h>

#include "base/cleanup.h"
#include "policy/tenants.h"

struct nsnet_defs {
	struct nsn_arena mem; /* all that the definitions point to */
	const struct nsnet_tenant_def *list;
	size_t count;
};

void nsnet_defs_free(struct nsnet_defs *defs)
{
	if (!defs)
		return;
	nsn_arena_free(&defs->mem);
	free(defs);
}
NSN_CLEANUP(struct nsnet_defs, nsnet_defs_free)

int nsnet_defs_parse(struct nsnet_defs **ret, const char *file, const char *text, size_t len,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsnet_defs_freep) struct nsnet_defs *defs = calloc(1, sizeof(*defs));
	const struct nsn_node *root = NULL;
	struct nsn_diags diags;
	int r;

	if (!defs)
		return nsn_err_nomem(err);
	nsn_diags_init(&diags, file);
	r = nsn_tree_parse(&root, &defs->mem, text, len, &diags);
	if (r == 0)
		r = nsn_tenants_read(&defs->list, &defs->count, &defs->mem, root, &diags);
	if (r == -ENOMEM)
		return nsn_err_nomem(err);
	if (r < 0)
		return nsn_diags_err(&diags, err);
	*ret = NSN_TAKE_PTR(defs);
	return 0;
}

const struct nsnet_tenant_def *nsnet_defs_list(const struct nsnet_defs *defs, size_t *count)
{
	*count = defs->count;
	return defs->list;
}
