/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/netfilter.h>
#include <string.h>

#include "base/cleanup.h"
#include "compile/compile.h"
#include "predict_parts.h"
#include "verify/topo_kind.h"

/*
 * The host's namespace: ends of uplinks, one table, a few settings. All else is somebody else's,
 * and stays.
 */

static bool is_wanted(const struct nsn_guess *g, const char *name)
{
	const struct nsn_object like = {.kind = NSN_OBJ_LINK, .at = g->at, .link = name};

	return nsn_state_find(g->state, &like) != NULL;
}

/* An end of an uplink: by its name, and by where it leads. */
static bool is_end(const struct nsn_guess *g, const struct nsn_vlink *l)
{
	return nsn_link_is_ours(l->name) && strcmp(l->kind, "veth") == 0 &&
	       l->peer_ns < g->snap->n_ns && g->snap->ns[l->peer_ns].kind == NSN_VNS_GATEWAY;
}

static int set_links(struct nsn_guess *g)
{
	struct nsn_vns *ns = g->ns;
	size_t n, kept = 0;

	(void)nsn_guess_objects(g, NSN_OBJ_LINK, &n);
	ns->links = nsn_guess_list(g, ns->links, ns->n_links, n + 1, sizeof(*ns->links));
	if (!ns->links)
		return nsn_err_nomem(g->err);
	for (size_t i = 0; i < ns->n_links; i++)
		if (!is_end(g, &ns->links[i]) || is_wanted(g, ns->links[i].name))
			ns->links[kept++] = ns->links[i];
	ns->n_links = kept;
	nsn_guess_add_links(g);
	return 0;
}

/* That of `all` is written to every link; then what is a link's own. */
static void set_conf(struct nsn_guess *g, int8_t before)
{
	const int8_t all = g->ns->conf_all.forwarding6;

	for (size_t i = 0; i < g->ns->n_links; i++) {
		struct nsn_vlink *l = &g->ns->links[i];

		if (all != before && l->conf.forwarding6 >= 0)
			l->conf.forwarding6 = all;
		nsn_guess_written(g, l);
	}
}

/* With the last uplink the table goes. */
static void drop_table(struct nsn_guess *g)
{
	size_t n, kept = 0;

	(void)nsn_guess_objects(g, NSN_OBJ_TABLE, &n);
	for (size_t i = 0; n == 0 && i < g->ns->n_tables; i++) {
		const struct nsn_vtable *t = &g->ns->tables[i];

		if (t->family != NFPROTO_INET || strcmp(t->name, NSN_TABLE_NAME) != 0)
			g->ns->tables[kept++] = *t;
	}
	if (n == 0)
		g->ns->n_tables = kept;
}

int nsn_guess_host(struct nsn_guess *g)
{
	const int8_t before = g->ns->conf_all.forwarding6;
	int r;

	g->ns->tables =
		nsn_guess_list(g, g->ns->tables, g->ns->n_tables, 0, sizeof(*g->ns->tables));
	if (!g->ns->tables)
		return nsn_err_nomem(g->err);
	drop_table(g);
	r = nsn_guess_settings(g);
	if (r == 0)
		r = set_links(g);
	if (r < 0)
		return r;
	set_conf(g, before);
	r = nsn_guess_routes(g);
	return r == 0 ? nsn_guess_rules(g) : r;
}
