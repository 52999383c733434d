/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify --host: the networks of a machine, and what containers share */
#include <string.h>

#include "change.h"
#include "view_proof.h"

/* ---- text ------------------------------------------------------------------------ */

static void names(const struct out *o, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fputs(i ? ", " : "", o->to);
		out_safe(o->to, list[i]);
	}
}

static void network(const struct out *o, const struct nsnet_host_net *x)
{
	fputs("network ", o->to);
	out_safe(o->to, x->name);
	if (x->n_gateways > 0)
		fputs(", the host is ", o->to);
	names(o, x->gateways, x->n_gateways);
	fputs(": ", o->to);
	names(o, x->members, x->n_members);
	fputc('\n', o->to);
}

/* Of users, clocks and control groups most have the host's: that is told with -v. */
static bool is_usual(const struct nsnet_host_shared *x)
{
	static const char *const kinds[] = {"user", "time", "cgroup"};

	for (size_t i = 0; i < NSN_COUNT(kinds); i++)
		if (strcmp(x->kind, kinds[i]) == 0)
			return strcmp(x->members[0], "host") == 0;
	return false;
}

static void shared(const struct out *o, const struct nsnet_host_shared *x)
{
	fprintf(o->to, "shared  %s: ", x->kind);
	names(o, x->members, x->n_members);
	fputc('\n', o->to);
}

void view_host_text(const struct out *o, const struct nsnet_proof *p)
{
	for (size_t i = 0; i < p->n_networks; i++)
		network(o, &p->networks[i]);
	for (size_t i = 0; i < p->n_shared; i++)
		if (o->verbose || !is_usual(&p->shared[i]))
			shared(o, &p->shared[i]);
}

/* ---- document -------------------------------------------------------------------- */

static json_t *network_json(const struct nsnet_host_net *x)
{
	return json_pack("{s:o, s:o, s:o}", "name", out_json_text(x->name), "gateways",
			 out_json_texts(x->gateways, x->n_gateways), "members",
			 out_json_texts(x->members, x->n_members));
}

static json_t *shared_json(const struct nsnet_host_shared *x)
{
	return json_pack("{s:o, s:I, s:o}", "kind", out_json_text(x->kind), "inode",
			 (json_int_t)x->inode, "members", out_json_texts(x->members, x->n_members));
}

int view_host_json(json_t *to, const struct nsnet_proof *p)
{
	json_t *networks = json_array(), *all = json_array();
	int bad = 0;

	for (size_t i = 0; i < p->n_networks; i++)
		bad |= json_array_append_new(networks, network_json(&p->networks[i]));
	for (size_t i = 0; i < p->n_shared; i++)
		bad |= json_array_append_new(all, shared_json(&p->shared[i]));
	bad |= json_object_set_new(to, "networks", networks);
	bad |= json_object_set_new(to, "shared", all);
	return bad;
}
