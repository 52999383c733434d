/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctx.h"

/*
 * focus - one endpoint of many, or none
 *
 * To add the thousandth endpoint nobody needs to look into 999 namespaces. What
 * is left out of wanted and observed state alike is neither looked at nor
 * changed: a drift there is a matter of `nsnet repair`.
 */
struct focus {
	uint64_t only;
	char (*ports)[NSN_PORT_NAME_SIZE]; /* of the others, sorted */
	size_t n;
	bool resolv; /* resolv.conf of all: of whom the tenant asks, others may have changed it */
};

/* Servers that are given by their addresses stay what they are. */
static bool follows(const struct nsn_tenant *t)
{
	return t->dns.kind == NSN_DNS_NONE ||
	       (t->dns.kind == NSN_DNS_ENDPOINT && !nsn_dns_is_own(t));
}

static int cmp_ports(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void add_ports(struct focus *f, const struct nsn_tenant *t)
{
	size_t i;

	for (i = 0; t && i < t->n_endpoints; i++)
		if (t->endpoints[i].id != f->only)
			(void)nsn_compile_port(&t->endpoints[i], f->ports[f->n++]);
}

static bool is_resolv(const char *path)
{
	const char *name = strrchr(path, '/');

	return name && strcmp(name, "/resolv.conf") == 0;
}

static bool keeps(const struct nsn_object *o, const void *arg)
{
	const struct focus *f = arg;

	if (o->kind == NSN_OBJ_FILE && f->resolv && f->only == NSN_NOBODY)
		return is_resolv(o->u.file.path);
	if (o->at.role == NSN_ENDPOINT)
		return o->at.id == f->only || (o->kind == NSN_OBJ_FILE && f->only != NSN_NOBODY);
	return !o->link[0] || !bsearch(o->link, f->ports, f->n, sizeof(*f->ports), cmp_ports);
}

int nsn_focus(struct nsn_state *s, const struct nsn_job *job, struct nsnet_err *err)
{
	size_t room = job->t->n_endpoints + (job->before ? job->before->n_endpoints : 0);
	NSN_AUTO(nsn_freep) void *ports = NULL;
	struct focus f = {.only = job->only, .resolv = follows(job->t)};

	if (!job->only)
		return 0;
	ports = calloc(room + 1, sizeof(*f.ports));
	if (!ports)
		return nsn_err_nomem(err);
	f.ports = ports;
	add_ports(&f, job->t);
	add_ports(&f, job->before);
	qsort(f.ports, f.n, sizeof(*f.ports), cmp_ports);
	nsn_state_filter(s, keeps, &f);
	return 0;
}
