/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "anyhost.h"
#include "policytext.h"
#include "ctx.h"
#include "proof.h"
#include "spawn/record.h"
#include "verify/read.h"
#include "verify/snapfile.h"
#include "workloads.h"

/*
 * given - a snapshot, and the intent that is written in it
 *
 * Also of this machine the intent is read back from the text that the snapshot carries, so
 * that a proof made now and one made from the file are about the same words.
 */

struct known {
	struct nsn_known *list;
	size_t n;
	struct nsn_arena mem;
	int32_t *pids;
	size_t n_pids;
};

static void known_clear(struct known *k)
{
	free(k->list);
	free(k->pids);
	nsn_arena_free(&k->mem);
}

static int add_known(struct known *k, const struct nsn_known *like, const char *path,
		     struct nsnet_err *err)
{
	struct nsn_known *x = &k->list[k->n];

	*x = *like;
	x->path = nsn_arena_strdup(&k->mem, path);
	if (!x->path || !x->name)
		return nsn_err_nomem(err);
	k->n++;
	return 0;
}

static int add_tenant(struct known *k, const struct nsn_owner *owner, const struct nsn_tenant *t,
		      struct nsnet_err *err)
{
	struct nsn_known like = {.tenant = t->id, .gateway = true, .must = true};
	char pin[NSN_PIN_SIZE], name[NSN_NETNS_NAME_SIZE];
	int r = nsn_compile_gateway_pin(owner, t->id, pin, err);

	like.name = nsn_arena_printf(&k->mem, "gateway of %s", t->name);
	if (r == 0)
		r = add_known(k, &like, pin, err);
	for (size_t i = 0; r == 0 && i < t->n_endpoints; i++) {
		const struct nsn_endpoint *e = &t->endpoints[i];

		like = (struct nsn_known){.tenant = t->id, .endpoint = e->id, .must = true};
		like.name = nsn_arena_printf(&k->mem, "%s/%s", t->name, e->name);
		(void)snprintf(pin, sizeof(pin), "%s/%s", NSN_NETNS_DIR,
			       nsn_endpoint_netns_name(t, e, name));
		r = add_known(k, &like, pin, err);
	}
	return r;
}

static int find_known(struct known *k, struct nsnet *n, const struct nsn_tenant_list *tenants,
		      struct nsnet_err *err)
{
	size_t max = 1;
	int r = 0;

	for (size_t i = 0; i < tenants->n; i++)
		max += 1 + tenants->tenants[i].n_endpoints;
	k->list = calloc(max, sizeof(*k->list));
	if (!k->list)
		return nsn_err_nomem(err);
	for (size_t i = 0; r == 0 && i < tenants->n; i++)
		r = add_tenant(k, &n->owner, &tenants->tenants[i], err);
	return r;
}

static int find_workloads(struct known *k, struct nsnet *n, struct nsnet_err *err)
{
	NSN_AUTO(nsn_record_list_clear) struct nsn_record_list records = {0};
	NSN_AUTO(nsn_closep) int folder = -1;
	int r = nsn_workloads_look(n->run_dir, &folder, err);

	if (r > 0)
		r = nsn_record_list(folder, &records, err);
	if (r < 0)
		return r;
	k->pids = calloc(records.n + 1, sizeof(*k->pids));
	if (!k->pids)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < records.n; i++)
		k->pids[k->n_pids++] = records.list[i].pid;
	return 0;
}

/* Under the lock: nsnet itself changes nothing meanwhile. */
static int read_locked(struct nsn_given *g, struct nsnet *n, struct nsnet_err *err)
{
	NSN_AUTO(nsn_wanted_clear) struct nsn_wanted all = {0};
	NSN_AUTO(known_clear) struct known known = {0};
	NSN_AUTO(nsn_freep) char *policy = NULL;
	struct nsn_read how = {.home = &n->home};
	int r = nsn_wanted_load(n, true, &all, err);

	if (r == 0)
		r = nsn_policytext_make(&all.intent, &policy, err);
	if (r == 0)
		r = find_known(&known, n, &all.tenants, err);
	if (r == 0)
		r = find_workloads(&known, n, err);
	if (r < 0)
		return r;
	how.known = known.list;
	how.n_known = known.n;
	how.workloads = known.pids;
	how.n_workloads = known.n_pids;
	how.policy = policy;
	return nsn_snap_read(&g->snap, &how, err);
}

static int read_machine(struct nsn_given *g, struct nsnet *n, struct nsnet_err *err)
{
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	int r = nsn_lock(n, &locked, err);

	return r == 0 ? read_locked(g, n, err) : r;
}

/* ---- what the text says, with the numbers that the namespaces have --------------------- */

static void number_endpoint(struct nsn_tenant *t, const struct nsn_vns *ns, const char *name)
{
	struct nsn_endpoint *e = nsn_tenant_endpoint(t, name);

	t->id = ns->tenant;
	if (e)
		e->id = ns->endpoint;
}

/* Their names are in the snapshot in the order of their numbers, the text's in that of names. */
static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct nsn_tenant *)a)->name, ((const struct nsn_tenant *)b)->name);
}

static struct nsn_tenant *find_sorted(struct nsn_given *g, const char *name, size_t len)
{
	struct nsn_tenant like = {.id = 0};

	if (len >= sizeof(like.name))
		return NULL;
	memcpy(like.name, name, len);
	return g->files.n_tenants
		       ? bsearch(&like, g->files.tenants, g->files.n_tenants, sizeof(like), by_name)
		       : NULL;
}

static int number(struct nsn_given *g, struct nsnet_err *err)
{
	static const char gateway[] = "gateway of ";

	for (size_t i = 0; i < g->snap.n_ns; i++) {
		const struct nsn_vns *ns = &g->snap.ns[i];
		const char *name = ns->name;
		struct nsn_tenant *t = NULL;

		if (ns->kind == NSN_VNS_GATEWAY && strncmp(name, gateway, strlen(gateway)) == 0) {
			name += strlen(gateway);
			t = find_sorted(g, name, strlen(name));
			if (t)
				t->id = ns->tenant;
		} else if (ns->kind == NSN_VNS_WORKLOAD) {
			t = find_sorted(g, name, strcspn(name, "/"));
			if (t)
				number_endpoint(t, ns, name + strcspn(name, "/") + 1);
		} else {
			continue;
		}
		if (!t)
			return nsn_err(err, -EINVAL, NSNET_E_BAD_SNAPSHOT,
				       "namespace '%s' is of a tenant that its policy has not",
				       ns->name);
	}
	return 0;
}

/* A file has no words for a tenant without endpoints: who reads it makes one, without address. */
static int complete(struct nsn_tenant *t, struct nsnet_err *err)
{
	for (size_t i = t->n_endpoints; i-- > 0;)
		if (!t->endpoints[i].ip.family)
			nsn_tenant_endpoint_del(t, i);
	return nsn_tenant_allocate(t, err);
}

static int intend(struct nsn_given *g, struct nsnet_err *err)
{
	struct nsn_policy_set *s = &g->files;
	int r = nsn_policytext_read(g->snap.policy ? g->snap.policy : "", g->snap.at, s, err);

	if (r < 0)
		return r;
	if (s->n_tenants > 0)
		qsort(s->tenants, s->n_tenants, sizeof(*s->tenants), by_name);
	for (size_t i = 0; i < s->n_tenants; i++) {
		r = complete(&s->tenants[i], err);
		if (r < 0)
			return nsn_err_wrap(err, r, "its policy");
	}
	g->intent = (struct nsn_intent){.tenants = s->tenants,
					.n_tenants = s->n_tenants,
					.policies = s->policies,
					.n_policies = s->n_policies,
					.quarantines = s->quarantines,
					.n_quarantines = s->n_quarantines,
					.now = g->snap.at};
	return number(g, err);
}

int nsn_given_open(struct nsn_given *g, struct nsnet *n, const struct nsnet_verify_how *how,
		   struct nsnet_err *err)
{
	int r;

	if (how && how->host)
		return nsn_anyhost_open(g, err);
	g->from_file = how && how->snapshot;
	if (g->from_file)
		r = nsn_snap_parse(&g->snap, how->snapshot, how->len, err);
	else
		r = n ? read_machine(g, n, err)
		      : nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "no state folder and no snapshot");
	return r < 0 ? r : intend(g, err);
}

int nsn_given_read(struct nsn_given *g, struct nsnet *n, struct nsnet_err *err)
{
	int r = read_locked(g, n, err);

	return r < 0 ? r : intend(g, err);
}

void nsn_given_close(struct nsn_given *g)
{
	nsn_policy_set_clear(&g->files);
	nsn_snap_clear(&g->snap);
	nsn_anyhost_close(g->host);
	*g = (struct nsn_given){0};
}

int nsn_given_find(const struct nsn_given *g, const char *text, size_t *tenant, size_t *endpoint,
		   struct nsnet_err *err)
{
	const size_t len = strcspn(text, "/");
	const struct nsn_tenant *t;

	*endpoint = SIZE_MAX;
	for (*tenant = 0; *tenant < g->intent.n_tenants; (*tenant)++) {
		t = &g->intent.tenants[*tenant];
		if (strlen(t->name) == len && strncmp(t->name, text, len) == 0)
			break;
	}
	if (*tenant == g->intent.n_tenants)
		return nsn_err(err, -ENOENT, NSNET_E_NO_TENANT, "there is no tenant '%.*s'",
			       (int)(len < 64 ? len : 64), text);
	t = &g->intent.tenants[*tenant];
	for (size_t i = 0; text[len] && i < t->n_endpoints; i++)
		if (strcmp(t->endpoints[i].name, text + len + 1) == 0)
			*endpoint = i;
	if (text[len] && *endpoint == SIZE_MAX)
		return nsn_err(err, -ENOENT, NSNET_E_NO_ENDPOINT,
			       "tenant '%s' has no endpoint '%.64s'", t->name, text + len + 1);
	return 0;
}

int nsnet_snapshot(struct nsnet *n, char **ret, size_t *len, struct nsnet_err *err)
{
	NSN_AUTO(nsn_given_close) struct nsn_given g = {0};
	int r = nsn_given_open(&g, n, NULL, err);

	return r < 0 ? r : nsn_snap_text(&g.snap, ret, len, err);
}
