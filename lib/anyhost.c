/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "anyhost.h"
#include "base/cleanup.h"
#include "kernel/netns.h"
#include "nl/nl.h"
#include "spawn/look.h"
#include "verify/read.h"

NSN_CLEANUP(struct nsn_nl, nsn_nl_close)

/* ---- reading -------------------------------------------------------------------------------- */

static int read_snapshot(struct nsn_given *g, struct nsnet_err *err)
{
	struct nsn_home home = {.fd = -1, .proc = -1};
	struct nsn_read how = {.home = &home, .policy = ""};
	int r = nsn_home_open(&home, err);

	if (r == 0)
		r = nsn_snap_read(&g->snap, &how, err);
	nsn_home_close(&home);
	return r;
}

static int read_listeners(struct nsn_hostside *h, struct nsnet_err *err)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	size_t n = 0;
	int r = nsn_nl_open(&nl, NETLINK_SOCK_DIAG, err);

	if (r == 0)
		r = nsn_listen_all(nl, &h->listeners, &n, err);
	h->any.listeners = h->listeners;
	h->any.n_listeners = r == 0 ? n : 0;
	return r;
}

static int read_who(struct nsn_given *g, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int proc = nsn_proc_open(err);

	if (proc < 0)
		return proc;
	if (nsn_anyhost_name(g->host, &g->snap, proc) < 0 ||
	    nsn_anyhost_share(g->host, &g->snap, proc) < 0)
		return nsn_err_nomem(err);
	return 0;
}

/* ---- the intent: nobody wrote one, so each network is a tenant, and none may reach another ----
 */

/* An address that one of its members could have, for packets that are shown. */
static void example_of(const struct nsn_anynet *net, struct nsn_endpoint *e)
{
	for (size_t i = 0; i < net->n_gateways; i++) {
		struct nsn_ip ip = net->gateways[i];
		uint8_t *last = &ip.bytes[ip.family == AF_INET ? 3 : 15];

		*last = *last < 250 ? (uint8_t)(*last + 1) : 2;
		if (ip.family == AF_INET)
			e->ip = ip;
		else
			e->ip6 = ip;
	}
}

static int intend(struct nsn_given *g, struct nsnet_err *err)
{
	const struct nsn_anyhost *any = &g->host->any;

	g->files.tenants = nsn_arena_alloc(&g->files.mem, (any->n + 1) * sizeof(*g->files.tenants));
	if (!g->files.tenants)
		return nsn_err_nomem(err);
	memset(g->files.tenants, 0, (any->n + 1) * sizeof(*g->files.tenants));
	for (size_t i = 0; i < any->n; i++) {
		struct nsn_tenant *t = &g->files.tenants[g->files.n_tenants++];

		t->id = i + 1;
		(void)strncpy(t->name, any->nets[i].name, sizeof(t->name) - 1);
		t->endpoints = calloc(1, sizeof(*t->endpoints));
		if (!t->endpoints)
			return nsn_err_nomem(err);
		t->n_endpoints = 1;
		t->endpoints[0].id = UINT64_MAX;
		example_of(&any->nets[i], &t->endpoints[0]);
	}
	g->intent = (struct nsn_intent){
		.tenants = g->files.tenants, .n_tenants = g->files.n_tenants, .now = g->snap.at};
	return 0;
}

int nsn_anyhost_open(struct nsn_given *g, struct nsnet_err *err)
{
	int r;

	if (geteuid() != 0) {
		(void)nsn_err(err, -EPERM, NSNET_E_NOT_PERMITTED,
			      "network namespaces are root's: you are user %u", geteuid());
		return nsn_err_hint(err, -EPERM, "run it with sudo");
	}
	g->host = calloc(1, sizeof(*g->host));
	if (!g->host)
		return nsn_err_nomem(err);
	r = read_snapshot(g, err);
	if (r == 0)
		r = read_listeners(g->host, err);
	if (r == 0)
		r = nsn_anyhost_find(&g->host->any, &g->snap, err);
	if (r == 0)
		r = read_who(g, err);
	return r == 0 ? intend(g, err) : r;
}

void nsn_anyhost_close(struct nsn_hostside *h)
{
	if (!h)
		return;
	nsn_anyhost_clear(&h->any);
	nsn_arena_free(&h->mem);
	free(h->listeners);
	free(h);
}

/* ---- telling -------------------------------------------------------------------------------- */

static const char *const *copy_all(struct nsn_arena *mem, const char *const *list, size_t n)
{
	const char **ret = nsn_arena_alloc(mem, (n + 1) * sizeof(*ret));

	for (size_t i = 0; ret && i < n; i++) {
		ret[i] = nsn_arena_strdup(mem, list[i]);
		if (!ret[i])
			return NULL;
	}
	return ret;
}

static int tell_net(const struct nsn_given *g, struct nsn_arena *mem, const struct nsn_anynet *x,
		    struct nsnet_host_net *to)
{
	const char **ips = nsn_arena_alloc(mem, (x->n_gateways + 1) * sizeof(*ips));
	const char **members =
		nsn_arena_alloc(mem, (x->n_members + x->n_links + 1) * sizeof(*members));
	const struct nsn_vns *host = &g->snap.ns[0];
	char text[NSN_IP_STRLEN];
	size_t n = 0;

	if (!ips || !members)
		return -ENOMEM;
	for (size_t i = 0; i < x->n_gateways; i++) {
		ips[i] = nsn_arena_strdup(mem, nsn_ip_str(&x->gateways[i], text));
		if (!ips[i])
			return -ENOMEM;
	}
	for (size_t i = 0; i < x->n_members; i++)
		members[n++] = nsn_arena_strdup(mem, g->snap.ns[x->members[i]].name);
	for (size_t i = 0; i < x->n_links; i++) {
		const struct nsn_vlink *l = nsn_vns_link(host, x->links[i]);

		if (l && strcmp(l->kind, "tun") == 0)
			members[n++] = nsn_arena_printf(mem, "%s (%s)", l->name, l->detail);
		else if (l && l->peer_lost)
			members[n++] =
				nsn_arena_printf(mem, "%s (its other half was not found)", l->name);
	}
	for (size_t i = 0; i < n; i++)
		if (!members[i])
			return -ENOMEM;
	*to = (struct nsnet_host_net){.name = nsn_arena_strdup(mem, x->name),
				      .gateways = ips,
				      .n_gateways = x->n_gateways,
				      .members = members,
				      .n_members = n};
	return to->name ? 0 : -ENOMEM;
}

static int tell_shared(const struct nsn_hostside *h, struct nsn_arena *mem, struct nsnet_proof *pub)
{
	struct nsnet_host_shared *list = nsn_arena_alloc(mem, (h->n_shared + 1) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_shared; i++) {
		list[i] = h->shared[i];
		list[i].members = copy_all(mem, h->shared[i].members, h->shared[i].n_members);
		if (!list[i].members)
			return -ENOMEM;
	}
	pub->shared = list;
	pub->n_shared = h->n_shared;
	return 0;
}

/* What is asked of any machine, by number. */
static const char *const says[] = {
	[1] = "no new, untracked or invalid packet gets from network to network",
	[2] = "no connection lives between networks that could not open it",
	[3] = "no source that is not a network's own leaves the machine",
	[4] = "no packet reaches another network's gateway address, or a program of the host",
	[5] = "no link joins networks past the host",
	[6] = "no packet is forwarded in a circle",
	[8] = "nobody in a network can do more than a container should",
};
static const char *const units[] = {
	[1] = "pairs", [2] = "connections", [3] = "networks",  [4] = "networks",
	[5] = "links", [6] = "networks",    [8] = "processes",
};

static const char *const not_covered[] = {
	"bugs of the kernel, and what hardware does by itself (offload)",
	"the time between the reading of one namespace and of the next: no snapshot is atomic",
	"what comes in from outside of the machine, and what is published on purpose",
	"what namespaces route inside themselves: each is taken to send anything",
	"one network's members among themselves",
	"forged sources with rp_filter=1 and routes by destination: the kernel drops them",
	"a connection that somebody outside would open with the address of a network",
	"unix sockets, shared files, shared memory; only which namespaces are shared is told",
	"timing, and limits that the whole kernel shares",
};

int nsn_anyhost_tell(const struct nsn_given *g, struct nsn_arena *mem, struct nsnet_proof *pub)
{
	const struct nsn_anyhost *any = &g->host->any;
	struct nsnet_host_net *nets = nsn_arena_alloc(mem, (any->n + 1) * sizeof(*nets));
	struct nsnet_theorem *t =
		nsn_arena_memdup(mem, pub->theorems, pub->n_theorems * sizeof(*t));

	if (!nets || !t)
		return -ENOMEM;
	for (size_t i = 0; i < any->n; i++)
		if (tell_net(g, mem, &any->nets[i], &nets[i]) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < pub->n_theorems; i++)
		if (t[i].number < NSN_COUNT(says) && says[t[i].number]) {
			t[i].says = says[t[i].number];
			t[i].unit = units[t[i].number];
		}
	pub->host = true;
	pub->theorems = t;
	pub->networks = nets;
	pub->n_networks = any->n;
	pub->n_endpoints = 0;
	for (size_t i = 0; i < g->snap.n_ns; i++)
		pub->n_endpoints += g->snap.ns[i].kind == NSN_VNS_WORKLOAD;
	pub->not_covered = not_covered;
	pub->n_not_covered = NSN_COUNT(not_covered);
	return tell_shared(g->host, mem, pub);
}
