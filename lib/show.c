/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctx.h"

/*
 * show - tenants as their users see them: the wanted state, and what the
 * kernel has of it
 */

struct endpoint_text {
	char address[NSN_IP_STRLEN];
	char netns[NSN_NETNS_NAME_SIZE + sizeof(NSN_NETNS_DIR)];
	char port[NSN_PORT_NAME_SIZE];
};

struct nsnet_tenant {
	struct nsn_tenant t;
	char subnet[NSN_PREFIX_STRLEN], gateway[NSN_IP_STRLEN];
	struct endpoint_text *endpoints;
	enum nsnet_state state;
	uint64_t rx, tx, dropped;
};

struct nsnet_tenants {
	struct nsnet_tenant *list;
	size_t n;
};

NSN_CLEANUP(struct nsnet_tenant, nsnet_tenant_free)
NSN_CLEANUP(struct nsnet_tenants, nsnet_tenants_free)

static void clear(struct nsnet_tenant *t)
{
	nsn_tenant_clear(&t->t);
	free(t->endpoints);
}

static int fill_text(struct nsnet_tenant *t, struct nsnet_err *err)
{
	char name[NSN_NETNS_NAME_SIZE];
	size_t i;

	(void)nsn_prefix_str(&t->t.subnet, t->subnet);
	(void)nsn_ip_str(&t->t.gateway, t->gateway);
	t->endpoints = calloc(t->t.n_endpoints + 1, sizeof(*t->endpoints));
	if (!t->endpoints)
		return nsn_err_nomem(err);
	for (i = 0; i < t->t.n_endpoints; i++) {
		const struct nsn_endpoint *e = &t->t.endpoints[i];
		struct endpoint_text *text = &t->endpoints[i];

		(void)nsn_ip_str(&e->ip, text->address);
		(void)nsn_compile_port(e, text->port);
		(void)snprintf(text->netns, sizeof(text->netns), "%s/%s", NSN_NETNS_DIR,
			       nsn_endpoint_netns_name(&t->t, e, name));
	}
	return 0;
}

static void count(struct nsnet_tenant *t, const struct nsn_state *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		const struct nsn_object *o = &s->objects[i];

		if (o->at.role != NSN_GATEWAY)
			continue;
		if (o->kind == NSN_OBJ_COUNTER)
			t->dropped += o->u.counter.packets;
		/* The tenant's ports as its gateway sees them. */
		if (o->kind == NSN_OBJ_LINK && o->u.dev.type == NSN_LINK_VETH) {
			t->rx += o->u.dev.rx_bytes;
			t->tx += o->u.dev.tx_bytes;
		}
	}
}

static int observe(struct nsnet *n, struct nsnet_tenant *t, struct nsnet_err *err)
{
	struct nsn_job job = {0};
	int r;

	r = nsn_job_open(&job, n, &t->t, NSN_WANT_BUILT, err);
	if (r == 0) {
		t->state = nsn_job_agrees(&job)	  ? NSNET_STATE_OK
			   : nsn_job_absent(&job) ? NSNET_STATE_ABSENT
						  : NSNET_STATE_DRIFT;
		count(t, &job.observed);
	}
	nsn_job_close(&job);
	return r;
}

int nsnet_tenant_get(struct nsnet *n, const char *name, unsigned int flags,
		     struct nsnet_tenant **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_tenant_freep) struct nsnet_tenant *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return nsn_err_nomem(err);
	r = nsn_store_tenant_get(n->store, name, &t->t, err);
	if (r == 0)
		r = fill_text(t, err);
	if (r == 0 && (flags & NSNET_OBSERVE))
		r = observe(n, t, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(t);
	return 0;
}

void nsnet_tenant_free(struct nsnet_tenant *t)
{
	if (!t)
		return;
	clear(t);
	free(t);
}

int nsnet_tenant_list(struct nsnet *n, unsigned int flags, struct nsnet_tenants **ret,
		      struct nsnet_err *err)
{
	NSN_AUTO(nsnet_tenants_freep) struct nsnet_tenants *list = calloc(1, sizeof(*list));
	struct nsn_tenant_list found = {0};
	int r;

	if (!list)
		return nsn_err_nomem(err);
	r = nsn_store_tenant_list(n->store, &found, err);
	if (r < 0)
		return r;
	list->list = calloc(found.n + 1, sizeof(*list->list));
	if (!list->list)
		r = nsn_err_nomem(err);
	for (; r == 0 && list->n < found.n; list->n++) {
		struct nsnet_tenant *t = &list->list[list->n];

		t->t = found.tenants[list->n];
		found.tenants[list->n] = (struct nsn_tenant){0};
		r = fill_text(t, err);
		if (r == 0 && (flags & NSNET_OBSERVE))
			r = observe(n, t, err);
	}
	nsn_tenant_list_clear(&found);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(list);
	return 0;
}

void nsnet_tenants_free(struct nsnet_tenants *list)
{
	size_t i;

	if (!list)
		return;
	for (i = 0; i < list->n; i++)
		clear(&list->list[i]);
	free(list->list);
	free(list);
}

size_t nsnet_tenants_count(const struct nsnet_tenants *list)
{
	return list->n;
}

const struct nsnet_tenant *nsnet_tenants_at(const struct nsnet_tenants *list, size_t i)
{
	return &list->list[i];
}

uint64_t nsnet_tenant_id(const struct nsnet_tenant *t)
{
	return t->t.id;
}

const char *nsnet_tenant_name(const struct nsnet_tenant *t)
{
	return t->t.name;
}

const char *nsnet_tenant_subnet(const struct nsnet_tenant *t)
{
	return t->subnet;
}

const char *nsnet_tenant_gateway(const struct nsnet_tenant *t)
{
	return t->gateway;
}

uint64_t nsnet_tenant_capacity(const struct nsnet_tenant *t)
{
	return nsn_tenant_capacity(&t->t);
}

uint64_t nsnet_tenant_used(const struct nsnet_tenant *t)
{
	return 1 + t->t.n_endpoints;
}

int64_t nsnet_tenant_created(const struct nsnet_tenant *t)
{
	return t->t.created;
}

enum nsnet_state nsnet_tenant_state(const struct nsnet_tenant *t)
{
	return t->state;
}

uint64_t nsnet_tenant_rx_bytes(const struct nsnet_tenant *t)
{
	return t->rx;
}

uint64_t nsnet_tenant_tx_bytes(const struct nsnet_tenant *t)
{
	return t->tx;
}

uint64_t nsnet_tenant_dropped(const struct nsnet_tenant *t)
{
	return t->dropped;
}

size_t nsnet_tenant_endpoints(const struct nsnet_tenant *t)
{
	return t->t.n_endpoints;
}

const char *nsnet_endpoint_name(const struct nsnet_tenant *t, size_t i)
{
	return t->t.endpoints[i].name;
}

const char *nsnet_endpoint_address(const struct nsnet_tenant *t, size_t i)
{
	return t->endpoints[i].address;
}

const char *nsnet_endpoint_netns(const struct nsnet_tenant *t, size_t i)
{
	return t->endpoints[i].netns;
}

const char *nsnet_endpoint_port(const struct nsnet_tenant *t, size_t i)
{
	return t->endpoints[i].port;
}

int nsnet_status(struct nsnet *n, struct nsnet_status *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_tenants_freep) struct nsnet_tenants *list = NULL;
	struct nsnet_status s = {.group = n->owner.group, .schema = nsn_store_schema(n->store)};
	size_t i;
	int r;

	r = nsnet_tenant_list(n, NSNET_OBSERVE, &list, err);
	if (r < 0)
		return r;
	for (i = 0; i < list->n; i++) {
		s.tenants++;
		s.endpoints += list->list[i].t.n_endpoints;
		s.ok += list->list[i].state == NSNET_STATE_OK;
		s.drifted += list->list[i].state == NSNET_STATE_DRIFT;
		s.absent += list->list[i].state == NSNET_STATE_ABSENT;
	}
	(void)snprintf(s.store_id, sizeof(s.store_id), "%s", n->owner.store);
	(void)snprintf(s.state_dir, sizeof(s.state_dir), "%s", n->state_dir);
	(void)snprintf(s.run_dir, sizeof(s.run_dir), "%s", n->run_dir);
	(void)snprintf(s.boot_id, sizeof(s.boot_id), "%s", n->boot);
	*ret = s;
	return 0;
}
