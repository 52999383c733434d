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
	char address[NSN_IP_STRLEN], address6[NSN_IP_STRLEN];
	char mac[NSN_MAC_STRLEN], rate[NSN_RATE_STRLEN];
	char netns[NSN_NETNS_NAME_SIZE + sizeof(NSN_NETNS_DIR)];
	char port[NSN_PORT_NAME_SIZE];
	enum nsnet_state state;
	uint64_t rx, tx;
};

/* Counters are called so, and then what they count. */
#define DROP_PREFIX "nsnet_drop_"

struct drop {
	char reason[NSN_NFT_NAME];
	uint64_t packets;
};

struct nsnet_tenant {
	struct nsn_tenant t;
	char subnet[NSN_PREFIX_STRLEN], gateway[NSN_IP_STRLEN];
	char subnet6[NSN_PREFIX_STRLEN], gateway6[NSN_IP_STRLEN];
	char rate[NSN_RATE_STRLEN], dns[NSN_DNS_STRLEN];
	struct endpoint_text *endpoints;
	struct drop *drops;
	size_t n_drops;
	char (*cables)[NSN_NAME_MAX + 1]; /* by name */
	size_t n_cables;
	char uplink[NSN_LINK_NAME_SIZE];
	enum nsnet_state state;
	bool observed;
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
	free(t->drops);
	free(t->cables);
}

static int fill_text(struct nsnet_tenant *t, struct nsnet_err *err)
{
	char name[NSN_NETNS_NAME_SIZE];
	size_t i;

	(void)nsn_prefix_str(&t->t.subnet, t->subnet);
	(void)nsn_ip_str(&t->t.gateway, t->gateway);
	if (t->t.subnet6.ip.family) {
		(void)nsn_prefix_str(&t->t.subnet6, t->subnet6);
		(void)nsn_ip_str(&t->t.gateway6, t->gateway6);
	}
	(void)nsn_rate_str(t->t.rate, t->rate);
	(void)nsn_dns_str(&t->t.dns, t->dns);
	t->endpoints = calloc(t->t.n_endpoints + 1, sizeof(*t->endpoints));
	if (!t->endpoints)
		return nsn_err_nomem(err);
	for (i = 0; i < t->t.n_endpoints; i++) {
		const struct nsn_endpoint *e = &t->t.endpoints[i];
		struct endpoint_text *text = &t->endpoints[i];
		const struct nsn_mac mac = nsn_compile_endpoint_mac(e);

		(void)nsn_ip_str(&e->ip, text->address);
		(void)nsn_ip_str(&e->ip6, text->address6);
		(void)nsn_mac_str(&mac, text->mac);
		(void)nsn_rate_str(e->rate, text->rate);
		(void)nsn_compile_port(e, text->port);
		(void)snprintf(text->netns, sizeof(text->netns), "%s/%s", NSN_NETNS_DIR,
			       nsn_endpoint_netns_name(&t->t, e, name));
	}
	return 0;
}

/* The tables of both families may count the same. */
static int count_drop(struct nsnet_tenant *t, const struct nsn_counter *c, struct nsnet_err *err)
{
	struct drop *grown;
	size_t i;

	if (strncmp(c->name, DROP_PREFIX, strlen(DROP_PREFIX)) != 0)
		return 0;
	t->dropped += c->packets;
	for (i = 0; i < t->n_drops; i++) {
		if (strcmp(t->drops[i].reason, c->name + strlen(DROP_PREFIX)) != 0)
			continue;
		t->drops[i].packets += c->packets;
		return 0;
	}
	grown = reallocarray(t->drops, t->n_drops + 1, sizeof(*grown));
	if (!grown)
		return nsn_err_nomem(err);
	t->drops = grown;
	grown[t->n_drops] = (struct drop){.packets = c->packets};
	(void)snprintf(grown[t->n_drops].reason, sizeof(grown->reason), "%s",
		       c->name + strlen(DROP_PREFIX));
	t->n_drops++;
	return 0;
}

/* The tenant's ports as its gateway sees them. */
static void count_port(struct nsnet_tenant *t, const struct nsn_object *o)
{
	size_t i;

	if (o->u.dev.type != NSN_LINK_VETH)
		return;
	t->rx += o->u.dev.rx_bytes;
	t->tx += o->u.dev.tx_bytes;
	for (i = 0; i < t->t.n_endpoints; i++) {
		if (strcmp(o->link, t->endpoints[i].port) != 0)
			continue;
		t->endpoints[i].rx = o->u.dev.rx_bytes;
		t->endpoints[i].tx = o->u.dev.tx_bytes;
	}
}

static int count(struct nsnet_tenant *t, const struct nsn_state *s, struct nsnet_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < s->n; i++) {
		const struct nsn_object *o = &s->objects[i];

		if (o->at.role != NSN_GATEWAY)
			continue;
		if (o->kind == NSN_OBJ_COUNTER)
			r = count_drop(t, &o->u.counter, err);
		if (o->kind == NSN_OBJ_LINK)
			count_port(t, o);
	}
	return r;
}

static enum nsnet_state endpoint_state(const struct nsn_job *job, const struct nsn_endpoint *e,
				       const char *port)
{
	const struct nsn_place at = {.role = NSN_ENDPOINT, .id = e->id};
	const struct nsn_space *space = nsn_site_space(&job->site, at);
	size_t i;

	if (!space || !space->ns)
		return NSNET_STATE_ABSENT;
	for (i = 0; i < job->plan.n; i++) {
		const struct nsn_object *o = nsn_step_object(&job->plan.steps[i]);

		if (nsn_place_same(o->at, at) || strcmp(o->link, port) == 0)
			return NSNET_STATE_DRIFT;
	}
	return NSNET_STATE_OK;
}

static int observe(struct nsnet *n, const struct nsn_wanted *all, struct nsnet_tenant *t,
		   struct nsnet_err *err)
{
	NSN_AUTO(nsn_job_close) struct nsn_job job = {.all = all};
	size_t i;
	int r;

	r = nsn_job_open(&job, n, &t->t, NSN_WANT_BUILT, err);
	if (r < 0)
		return r;
	t->observed = true;
	t->state = nsn_job_agrees(&job)	  ? NSNET_STATE_OK
		   : nsn_job_absent(&job) ? NSNET_STATE_ABSENT
					  : NSNET_STATE_DRIFT;
	for (i = 0; i < t->t.n_endpoints; i++)
		t->endpoints[i].state =
			endpoint_state(&job, &t->t.endpoints[i], t->endpoints[i].port);
	return count(t, &job.observed, err);
}

/* Only which of its namespaces are there. */
static int count_spaces(const struct nsn_there *at, struct nsnet_tenant *t, struct nsnet_err *err)
{
	char pin[NSN_PIN_SIZE];
	size_t i, there;
	int r = nsn_compile_gateway_pin(&at->n->owner, t->t.id, pin, err);

	if (r == 0)
		r = nsn_there(at, t->t.id, 0, pin, err);
	if (r < 0)
		return r;
	there = (size_t)r;
	for (i = 0; i < t->t.n_endpoints; i++) {
		r = nsn_there(at, t->t.id, t->t.endpoints[i].id, t->endpoints[i].netns, err);
		if (r < 0)
			return r;
		there += (size_t)r;
		t->endpoints[i].state = r ? NSNET_STATE_UP : NSNET_STATE_ABSENT;
	}
	t->state = there == 1 + t->t.n_endpoints ? NSNET_STATE_UP
		   : there > 0			 ? NSNET_STATE_PARTIAL
						 : NSNET_STATE_ABSENT;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int fill_cables(struct nsnet_tenant *t, const struct nsn_wanted *all, struct nsnet_err *err)
{
	size_t i;

	t->cables = calloc(all->cables.n + 1, sizeof(*t->cables));
	if (!t->cables)
		return nsn_err_nomem(err);
	for (i = 0; i < all->cables.n; i++) {
		const struct nsn_cable *c = &all->cables.cables[i];
		const struct nsn_tenant *other = c->a == t->t.id   ? nsn_wanted_tenant(all, c->b)
						 : c->b == t->t.id ? nsn_wanted_tenant(all, c->a)
								   : NULL;

		if (other)
			memcpy(t->cables[t->n_cables++], other->name, sizeof(other->name));
	}
	qsort(t->cables, t->n_cables, sizeof(*t->cables), by_text);
	return 0;
}

static void fill_uplink(struct nsnet_tenant *t, const struct nsn_wanted *all)
{
	for (size_t i = 0; i < all->uplinks.n; i++)
		if (all->uplinks.uplinks[i].tenant == t->t.id)
			(void)nsn_up_name(&(struct nsn_up){.link = all->uplinks.uplinks[i].link},
					  t->uplink);
}

int nsnet_tenant_get(struct nsnet *n, const char *name, unsigned int flags,
		     struct nsnet_tenant **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_tenant_freep) struct nsnet_tenant *t = calloc(1, sizeof(*t));
	NSN_AUTO(nsn_wanted_clear) struct nsn_wanted all = {0};
	int r;

	if (!t)
		return nsn_err_nomem(err);
	r = nsn_store_tenant_get(n->store, name, &t->t, err);
	if (r == 0)
		r = fill_text(t, err);
	if (r == 0)
		r = nsn_wanted_load(n, false, &all, err);
	if (r == 0)
		r = fill_cables(t, &all, err);
	if (r == 0)
		fill_uplink(t, &all);
	if (r == 0 && (flags & NSNET_OBSERVE))
		r = observe(n, &all, t, err);
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
	NSN_AUTO(nsn_wanted_clear) struct nsn_wanted all = {0};
	NSN_AUTO(nsn_there_clear) struct nsn_there at = {0};
	struct nsn_tenant_list found = {0};
	int r;

	if (!list)
		return nsn_err_nomem(err);
	r = nsn_store_tenant_list(n->store, &found, err);
	if (r < 0)
		return r;
	if (flags & NSNET_OBSERVE)
		r = nsn_wanted_load(n, false, &all, err);
	else if (flags & NSNET_PRESENCE)
		r = nsn_there_load(&at, n, err);
	list->list = calloc(found.n + 1, sizeof(*list->list));
	if (r == 0 && !list->list)
		r = nsn_err_nomem(err);
	for (; r == 0 && list->n < found.n; list->n++) {
		struct nsnet_tenant *t = &list->list[list->n];

		t->t = found.tenants[list->n];
		found.tenants[list->n] = (struct nsn_tenant){0};
		r = fill_text(t, err);
		if (r == 0 && (flags & NSNET_OBSERVE))
			r = observe(n, &all, t, err);
		else if (r == 0 && (flags & NSNET_PRESENCE))
			r = count_spaces(&at, t, err);
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

int nsn_tenants_make(struct nsnet_tenants **ret, const struct nsn_tenant *from, size_t n,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsnet_tenants_freep) struct nsnet_tenants *all = calloc(1, sizeof(*all));
	int r = 0;

	if (all)
		all->list = calloc(n + 1, sizeof(*all->list));
	if (!all || !all->list)
		return nsn_err_nomem(err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = nsn_tenant_copy(&all->list[i].t, &from[i], err);
		if (r < 0)
			return r;
		all->n++;
		r = fill_text(&all->list[i], err);
	}
	if (r == 0)
		*ret = NSN_TAKE_PTR(all);
	return r;
}

const struct nsn_tenant *nsn_tenants_model(const struct nsnet_tenants *list, size_t i)
{
	return &list->list[i].t;
}

const struct nsn_tenant *nsn_tenant_model(const struct nsnet_tenant *t)
{
	return &t->t;
}

size_t nsnet_tenant_cables(const struct nsnet_tenant *t)
{
	return t->n_cables;
}

const char *nsnet_tenant_cable(const struct nsnet_tenant *t, size_t i)
{
	return t->cables[i];
}

const char *nsnet_tenant_uplink(const struct nsnet_tenant *t)
{
	return t->uplink;
}

void nsnet_tenant_origin(const struct nsnet_tenant *t, struct nsnet_origin *ret)
{
	const struct nsn_origin *o = &t->t.origin;

	*ret = (struct nsnet_origin){
		.set = o->set,
		.file = o->file,
		.line = o->line,
		.uid = o->uid,
		.at = o->at,
	};
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

bool nsnet_tenant_observed(const struct nsnet_tenant *t)
{
	return t->observed;
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

const char *nsnet_endpoint_address6(const struct nsnet_tenant *t, size_t i)
{
	return t->endpoints[i].address6;
}

const char *nsnet_endpoint_mac(const struct nsnet_tenant *t, size_t i)
{
	return t->endpoints[i].mac;
}

bool nsnet_endpoint_fixed(const struct nsnet_tenant *t, size_t i)
{
	return t->t.endpoints[i].fixed;
}

bool nsnet_endpoint_fixed6(const struct nsnet_tenant *t, size_t i)
{
	return t->t.endpoints[i].fixed6;
}

const char *nsnet_endpoint_rate(const struct nsnet_tenant *t, size_t i)
{
	return t->endpoints[i].rate;
}

uint64_t nsnet_endpoint_rate_bits(const struct nsnet_tenant *t, size_t i)
{
	return t->t.endpoints[i].rate;
}

enum nsnet_state nsnet_endpoint_state(const struct nsnet_tenant *t, size_t i)
{
	return t->endpoints[i].state;
}

uint64_t nsnet_endpoint_rx_bytes(const struct nsnet_tenant *t, size_t i)
{
	return t->endpoints[i].rx;
}

uint64_t nsnet_endpoint_tx_bytes(const struct nsnet_tenant *t, size_t i)
{
	return t->endpoints[i].tx;
}

int nsnet_endpoint_find(const struct nsnet_tenant *t, const char *name, size_t *ret,
			struct nsnet_err *err)
{
	return nsn_find_endpoint(&t->t, name, ret, err);
}

const char *nsnet_tenant_subnet6(const struct nsnet_tenant *t)
{
	return t->subnet6;
}

const char *nsnet_tenant_gateway6(const struct nsnet_tenant *t)
{
	return t->gateway6;
}

const char *nsnet_tenant_inside(const struct nsnet_tenant *t)
{
	return t->t.inside_deny ? "deny" : "allow";
}

uint32_t nsnet_tenant_mtu(const struct nsnet_tenant *t)
{
	return t->t.mtu;
}

const char *nsnet_tenant_rate(const struct nsnet_tenant *t)
{
	return t->rate;
}

uint64_t nsnet_tenant_rate_bits(const struct nsnet_tenant *t)
{
	return t->t.rate;
}

uint32_t nsnet_tenant_new_flows(const struct nsnet_tenant *t)
{
	return t->t.new_flows;
}

uint32_t nsnet_tenant_open_flows(const struct nsnet_tenant *t)
{
	return t->t.open_flows;
}

const char *nsnet_tenant_dns(const struct nsnet_tenant *t)
{
	return t->dns;
}

size_t nsnet_tenant_labels(const struct nsnet_tenant *t)
{
	return t->t.n_labels;
}

const char *nsnet_tenant_label_key(const struct nsnet_tenant *t, size_t i)
{
	return t->t.labels[i].key;
}

const char *nsnet_tenant_label_value(const struct nsnet_tenant *t, size_t i)
{
	return t->t.labels[i].value;
}

size_t nsnet_tenant_owners(const struct nsnet_tenant *t)
{
	return t->t.n_owners;
}

const char *nsnet_tenant_owner(const struct nsnet_tenant *t, size_t i)
{
	return t->t.owners[i].name;
}

size_t nsnet_tenant_drops(const struct nsnet_tenant *t)
{
	return t->n_drops;
}

const char *nsnet_tenant_drop_reason(const struct nsnet_tenant *t, size_t i)
{
	return t->drops[i].reason;
}

uint64_t nsnet_tenant_drop_packets(const struct nsnet_tenant *t, size_t i)
{
	return t->drops[i].packets;
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
