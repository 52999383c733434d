/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostview.h"

#include <stdlib.h>
#include <string.h>

#include "../base/err.h"

void nsn_hostview_clear(struct nsn_hostview *v)
{
	free(v->links);
	free(v->addrs);
	free(v->nets);
	free(v->routes);
	*v = (struct nsn_hostview){0};
}

static void *copy_of(const void *list, size_t n, size_t size)
{
	void *ret = calloc(n + 1, size);

	if (!ret)
		return NULL;
	if (n > 0)
		memcpy(ret, list, n * size);
	return ret;
}

int nsn_hostview_copy(struct nsn_hostview *ret, const struct nsn_hostview *v, struct nsnet_err *err)
{
	*ret = *v;
	ret->links = copy_of(v->links, v->n_links, sizeof(*v->links));
	ret->addrs = copy_of(v->addrs, v->n_addrs, sizeof(*v->addrs));
	ret->nets = copy_of(v->nets, v->n_nets, sizeof(*v->nets));
	ret->routes = copy_of(v->routes, v->n_routes, sizeof(*v->routes));
	if (ret->links && ret->addrs && ret->nets && ret->routes)
		return 0;
	nsn_hostview_clear(ret);
	return nsn_err_nomem(err);
}
