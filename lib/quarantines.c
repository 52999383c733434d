/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctx.h"

/*
 * quarantines - whose borders are closed, in words
 */

struct nsnet_quarantines {
	struct nsnet_quarantined *list;
	size_t n;
	struct nsn_arena mem;
};

void nsnet_quarantines_free(struct nsnet_quarantines *list)
{
	if (!list)
		return;
	free(list->list);
	nsn_arena_free(&list->mem);
	free(list);
}
NSN_CLEANUP(struct nsnet_quarantines, nsnet_quarantines_free)

size_t nsnet_quarantines_count(const struct nsnet_quarantines *list)
{
	return list->n;
}

void nsnet_quarantines_get(const struct nsnet_quarantines *list, size_t i,
			   struct nsnet_quarantined *ret)
{
	*ret = list->list[i];
}

static const char *const *flows(struct nsn_arena *mem, const struct nsn_quarantine *q)
{
	const char **ret = nsn_arena_alloc(mem, (q->n_keep + 1) * sizeof(*ret));
	char buf[NSN_FLOW_STRLEN];
	size_t i;

	for (i = 0; ret && i < q->n_keep; i++) {
		ret[i] = nsn_arena_strdup(mem, nsn_flow_str(&q->keep[i], buf));
		if (!ret[i])
			return NULL;
	}
	return ret;
}

static int describe(struct nsnet_quarantined *to, const struct nsn_quarantine *q,
		    struct nsn_arena *mem)
{
	char buf[NSN_PEER_STRLEN];

	*to = (struct nsnet_quarantined){.who = nsn_arena_strdup(mem, nsn_peer_str(&q->who, buf)),
					 .because = nsn_arena_strdup(mem, q->because),
					 .keep = flows(mem, q),
					 .n_keep = q->n_keep,
					 .since = q->since,
					 .uid = q->origin.uid,
					 .set = nsn_arena_strdup(mem, q->origin.set),
					 .file = nsn_arena_strdup(mem, q->origin.file),
					 .line = q->origin.line};
	return to->who && to->because && to->keep && to->set && to->file ? 0 : -ENOMEM;
}

int nsnet_quarantine_list(struct nsnet *n, struct nsnet_quarantines **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_quarantines_freep) struct nsnet_quarantines *list = calloc(1, sizeof(*list));
	NSN_AUTO(nsn_quarantine_list_clear) struct nsn_quarantine_list found = {0};
	int r;

	if (!list)
		return nsn_err_nomem(err);
	r = nsn_store_quarantine_list(n->store, &found, err);
	if (r < 0)
		return r;
	list->list = calloc(found.n + 1, sizeof(*list->list));
	if (!list->list)
		return nsn_err_nomem(err);
	for (; list->n < found.n; list->n++)
		if (describe(&list->list[list->n], &found.quarantines[list->n], &list->mem) < 0)
			return nsn_err_nomem(err);
	*ret = NSN_TAKE_PTR(list);
	return 0;
}

/* Which of a tenant is meant. */
static bool is(const struct nsnet_quarantined *q, const struct nsnet_tenant *t,
	       struct nsn_peer *ret)
{
	return nsn_peer_parse(ret, q->who, NULL) == 0 &&
	       nsn_peers_name(ret, 1, nsn_tenant_model(t));
}

bool nsnet_quarantined_tenant(const struct nsnet_quarantined *q, const struct nsnet_tenant *t)
{
	struct nsn_peer who;

	return is(q, t, &who) && who.kind != NSN_PEER_ENDPOINT;
}

bool nsnet_quarantined_endpoint(const struct nsnet_quarantined *q, const struct nsnet_tenant *t,
				size_t i)
{
	struct nsn_peer who;

	return is(q, t, &who) && (who.kind != NSN_PEER_ENDPOINT ||
				  strcmp(who.endpoint, nsnet_endpoint_name(t, i)) == 0);
}
