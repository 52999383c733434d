/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * selfcheck - canaries, workloads and strangers, of one tenant or of all
 */
#include "selfcheck.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "exceptions.h"
#include "ids.h"
#include "strangers.h"
#include "verdict.h"
#include "workloads.h"

struct nsnet_self_check {
	struct nsnet_checked *list;
	size_t n;
	struct nsn_stranger_list strangers;
	struct nsn_arena mem;
};

/* What is known before anybody is asked. */
struct check {
	struct nsnet *n;
	const struct nsn_canary_test *test;
	struct nsn_tenant_list tenants;
	struct nsn_record_list records;
	int64_t now;
	struct nsnet_self_check *ret;
};

NSN_CLEANUP(struct nsnet_self_check, nsnet_self_check_free)

static void check_clear(struct check *c)
{
	nsn_tenant_list_clear(&c->tenants);
	nsn_record_list_clear(&c->records);
}

/* ---- the list ----------------------------------------------------------------------------- */

/* Room for one more, with the words of @rec (NULL: a canary). */
static int add(struct check *c, const char *tenant, const char *endpoint,
	       const struct nsn_record *rec, struct nsnet_finding **findings,
	       struct nsnet_checked **ret, struct nsnet_err *err)
{
	struct nsnet_self_check *s = c->ret;
	struct nsnet_checked *grown = realloc(s->list, (s->n + 1) * sizeof(*grown));

	if (!grown)
		return nsn_err_nomem(err);
	s->list = grown;
	*findings = nsn_arena_alloc(&s->mem, NSNET_NS_COUNT * sizeof(**findings));
	grown[s->n] = (struct nsnet_checked){
		.tenant = nsn_arena_strdup(&s->mem, tenant),
		.endpoint = nsn_arena_strdup(&s->mem, endpoint),
		.workload = nsn_arena_strdup(&s->mem, rec ? rec->id : ""),
		.command = nsn_arena_strdup(&s->mem, rec ? rec->command : ""),
		.pid = rec ? rec->pid : 0,
		.findings = *findings,
	};
	*ret = &grown[s->n];
	if (!*findings || !(*ret)->tenant || !(*ret)->endpoint || !(*ret)->workload ||
	    !(*ret)->command)
		return nsn_err_nomem(err);
	s->n++;
	return 0;
}

/* ---- who ------------------------------------------------------------------------------------ */

static const struct nsn_tenant *tenant_named(const struct check *c, const char *name)
{
	for (size_t i = 0; i < c->tenants.n; i++)
		if (strcmp(c->tenants.tenants[i].name, name) == 0)
			return &c->tenants.tenants[i];
	return NULL;
}

static const struct nsn_endpoint *endpoint_named(const struct nsn_tenant *t, const char *name)
{
	for (size_t i = 0; t && i < t->n_endpoints; i++)
		if (strcmp(t->endpoints[i].name, name) == 0)
			return &t->endpoints[i];
	return NULL;
}

/* The number of the network that is pinned for it; 0: none. */
static uint64_t net_of(const struct nsn_tenant *t, const struct nsn_endpoint *e)
{
	char file[NSN_NETNS_NAME_SIZE], path[sizeof(NSN_NETNS_DIR) + sizeof(file)];
	struct stat st;

	if (!t || !e)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/%s", NSN_NETNS_DIR,
		       nsn_endpoint_netns_name(t, e, file));
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static int group_name(struct check *c, const char *id, const char **ret, struct nsnet_err *err)
{
	*ret = nsn_arena_printf(&c->ret->mem, "/nsnet/%s", id);
	return *ret ? 0 : nsn_err_nomem(err);
}

/* ---- a canary in a tenant ------------------------------------------------------------------- */

static int judge_canary(struct check *c, const struct nsn_tenant *t, const struct nsn_endpoint *e,
			const struct nsn_evidence *ev, const char *id,
			struct nsnet_finding *findings, size_t *n, struct nsnet_err *err)
{
	struct nsn_expected want = {
		.net = net_of(t, e), .others = &c->records, .id = id, .now = c->now};
	struct nsn_ids ids;
	int r = nsn_tenant_ids(c->n, t->id, t->name, &ids, err);

	want.net_lost = !want.net;
	if (r == 0)
		r = group_name(c, id, &want.group, err);
	want.base = ids.base;
	return r < 0 ? r : nsn_judge(ev, &want, &c->ret->mem, findings, n, err);
}

/*
 * What keeps it from starting is a finding of this tenant, and the others are looked at; but for
 * what would keep all of them.
 */
static int check_tenant(struct check *c, const struct nsn_tenant *t, struct nsnet_err *err)
{
	static const struct nsn_canary_test as_it_is = {0};
	const struct nsn_endpoint *e = endpoint_named(t, NSN_DEFAULT_ENDPOINT);
	char id[NSN_WORKLOAD_ID + 1] = "";
	struct nsnet_finding *findings;
	struct nsnet_err why = {0};
	struct nsnet_checked *one;
	struct nsn_evidence ev;
	int r;

	if (!e && t->n_endpoints)
		e = &t->endpoints[0];
	r = add(c, t->name, e ? e->name : "", NULL, &findings, &one, err);
	if (r < 0)
		return r;
	if (!e)
		return nsn_judge_nothing("the tenant has no endpoint", &c->ret->mem, findings,
					 &one->n_findings, err);
	r = nsn_canary_run(c->n, t->name, e->name, c->test ? c->test : &as_it_is, &ev, id, &why);
	if (r < 0 && (why.id == NSNET_E_NOT_PERMITTED || why.id == NSNET_E_STRANDED)) {
		if (err)
			*err = why;
		return r;
	}
	if (r < 0)
		return nsn_judge_nothing(why.msg, &c->ret->mem, findings, &one->n_findings, err);
	return judge_canary(c, t, e, &ev, id, findings, &one->n_findings, err);
}

/* ---- a workload that lives --------------------------------------------------------------------
 */

static int judge_workload(struct check *c, const struct nsn_record *rec,
			  const struct nsn_evidence *ev, struct nsnet_finding *findings, size_t *n,
			  struct nsnet_err *err)
{
	NSN_AUTO(nsn_exception_list_clear) struct nsn_exception_list exceptions = {0};
	const struct nsn_tenant *t = tenant_named(c, rec->tenant);
	struct nsn_expected want = {
		.net = net_of(t, endpoint_named(t, rec->endpoint)),
		.born = &rec->look,
		.base = rec->base,
		.exceptions = &exceptions,
		.others = &c->records,
		.id = rec->id,
		.now = c->now,
	};
	int r = nsn_exceptions_of(c->n, rec->id, &exceptions, err);

	/* Who has no tenant is known by what he was started with alone. */
	want.net_lost = !want.net && *rec->tenant;
	if (r == 0)
		r = group_name(c, rec->id, &want.group, err);
	return r < 0 ? r : nsn_judge(ev, &want, &c->ret->mem, findings, n, err);
}

/* 0 also for one that has ended meanwhile, of which nothing is said then. */
static int check_workload(struct check *c, const struct nsn_record *rec, struct nsnet_err *err)
{
	struct nsnet_finding *findings;
	struct nsnet_checked *one;
	struct nsn_evidence ev;
	struct nsnet_err why = {0};
	int r;

	r = nsn_canary_join(c->n, rec, c->test ? c->test->without : 0, &ev, &why);
	if (r == -ESRCH)
		return 0;
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	r = add(c, rec->tenant, rec->endpoint, rec, &findings, &one, err);
	return r < 0 ? r : judge_workload(c, rec, &ev, findings, &one->n_findings, err);
}

static int no_workload(const char *id, struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];

	nsn_err(err, -ENOENT, NSNET_E_NO_WORKLOAD, "no workload '%s' runs",
		nsn_text_show(id, shown, sizeof(shown)));
	return nsn_err_hint(err, -ENOENT, "nsnet self-check, for all that run");
}

static int check_named(struct check *c, const char *id, struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->records.n; i++)
		if (strcmp(c->records.list[i].id, id) == 0)
			r = check_workload(c, &c->records.list[i], err);
	return r < 0 || c->ret->n > 0 ? r : no_workload(id, err);
}

/* ---- all of it ----------------------------------------------------------------------------------
 */

static int load(struct check *c, const char *tenant, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int folder = -1;
	int r;

	c->now = c->test && c->test->now ? c->test->now : (int64_t)time(NULL);
	r = nsn_store_tenant_list(c->n->store, &c->tenants, err);
	if (r == 0 && tenant && !tenant_named(c, tenant)) {
		NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};

		/* It says what there is instead. */
		r = nsn_store_tenant_get(c->n->store, tenant, &t, err);
	}
	if (r == 0)
		r = nsn_workloads_folder(c->n->run_dir, &folder, err);
	return r < 0 ? r : nsn_record_list(folder, &c->records, err);
}

static bool is_asked(const char *tenant, const char *name)
{
	return !tenant || strcmp(tenant, name) == 0;
}

static int find_strangers(struct check *c, const char *tenant, struct nsnet_err *err)
{
	struct nsn_tenant_list some = c->tenants;

	for (size_t i = 0; tenant && i < c->tenants.n; i++)
		if (strcmp(c->tenants.tenants[i].name, tenant) == 0)
			some = (struct nsn_tenant_list){.tenants = &c->tenants.tenants[i], .n = 1};
	return nsn_strangers_find(c->n, &some, &c->ret->mem, &c->ret->strangers, err);
}

static int check_all(struct check *c, const char *tenant, struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->tenants.n; i++)
		if (is_asked(tenant, c->tenants.tenants[i].name))
			r = check_tenant(c, &c->tenants.tenants[i], err);
	for (size_t i = 0; r == 0 && i < c->records.n; i++)
		if (is_asked(tenant, c->records.list[i].tenant))
			r = check_workload(c, &c->records.list[i], err);
	return r < 0 ? r : find_strangers(c, tenant, err);
}

int nsn_self_check(struct nsnet *n, const char *tenant, const char *workload,
		   const struct nsn_canary_test *test, struct nsnet_self_check **ret,
		   struct nsnet_err *err)
{
	NSN_AUTO(nsnet_self_check_freep) struct nsnet_self_check *s = calloc(1, sizeof(*s));
	NSN_AUTO(check_clear) struct check c = {.n = n, .test = test, .ret = s};
	int r;

	if (!s)
		return nsn_err_nomem(err);
	r = load(&c, tenant, err);
	if (r == 0)
		r = workload ? check_named(&c, workload, err) : check_all(&c, tenant, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(s);
	return 0;
}

int nsnet_self_check(struct nsnet *n, const char *tenant, const char *workload,
		     struct nsnet_self_check **ret, struct nsnet_err *err)
{
	return nsn_self_check(n, tenant, workload, NULL, ret, err);
}

void nsnet_self_check_free(struct nsnet_self_check *s)
{
	if (!s)
		return;
	nsn_strangers_clear(&s->strangers);
	nsn_arena_free(&s->mem);
	free(s->list);
	free(s);
}

bool nsnet_self_check_good(const struct nsnet_self_check *s)
{
	for (size_t i = 0; i < s->n; i++) {
		/* Time is on request; who has less than the others was not looked at. */
		if (s->list[i].n_findings < NSNET_NS_TIME)
			return false;
		for (size_t k = 0; k < s->list[i].n_findings; k++) {
			const enum nsnet_verdict v = s->list[i].findings[k].verdict;

			if (v != NSNET_ISOLATED && v != NSNET_SHARED_JUSTIFIED)
				return false;
		}
	}
	for (size_t i = 0; i < s->strangers.n; i++)
		if (s->strangers.list[i].unexplained)
			return false;
	return true;
}

size_t nsnet_self_check_count(const struct nsnet_self_check *s)
{
	return s->n;
}

const struct nsnet_checked *nsnet_self_check_get(const struct nsnet_self_check *s, size_t i)
{
	return &s->list[i];
}

size_t nsnet_self_check_strangers(const struct nsnet_self_check *s)
{
	return s->strangers.n;
}

const struct nsnet_stranger *nsnet_self_check_stranger(const struct nsnet_self_check *s, size_t i)
{
	return &s->strangers.list[i];
}
