/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "selftest.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

/*
 * selftest_bench - the site, and each mutant's turn
 */

#define STATE "/run/state"
#define RUN   "/run/nsnet"

NSN_CLEANUP(const struct nsnet_proof, nsnet_proof_free)

static const struct nsnet_endpoint_def two[] = {{.name = "app"}, {.name = "db"}};

static const struct nsnet_tenant_def tenants[] = {
	{.name = "customer1",
	 .subnet = "10.10.1.0/24",
	 .inside = "deny",
	 .endpoints = two,
	 .n_endpoints = 2},
	{.name = "customer2", .subnet = "10.10.2.0/24", .endpoints = two, .n_endpoints = 2},
	{.name = "customer3", .subnet = "10.10.3.0/24", .endpoints = two, .n_endpoints = 1},
};

static int allow(struct nsnet *n, const char *name, const char *from, const char *to,
		 struct nsnet_err *err)
{
	static const char *const ports[] = {"tcp/80"};
	const struct nsnet_rule_def def = {.name = name,
					   .from = &from,
					   .to = &to,
					   .ports = ports,
					   .n_from = 1,
					   .n_to = 1,
					   .n_ports = 1,
					   .because = "self-test"};

	return nsnet_rule_add(n, &def, 0, NULL, err);
}

static int open_pin(struct nsn_shadow *s, struct nsn_netns **ret, const char *path,
		    struct nsnet_err *err)
{
	enum nsn_pin_kind kind;
	int fd, r;

	r = nsn_pin_look(path, &kind, &fd, err);
	if (r < 0)
		return r;
	if (kind != NSN_PIN_NETNS) {
		nsn_closep(&fd);
		return nsn_err(err, -EIO, NSNET_E_INTERNAL, "no namespace at '%s'", path);
	}
	return nsn_netns_open(ret, &s->n->home, fd, true, err);
}

/* New handles: a repair may have made a namespace anew. */
static int open_all(struct nsn_shadow *s, struct nsnet_err *err)
{
	char path[NSN_PIN_SIZE];
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < NSN_COUNT(s->gateways); i++) {
		r = nsn_compile_gateway_pin(&s->n->owner, i + 1, path, err);
		if (r == 0)
			r = open_pin(s, &s->gateways[i], path, err);
	}
	for (size_t i = 0; r == 0 && i < NSN_COUNT(s->apps); i++) {
		(void)snprintf(path, sizeof(path), NSN_NETNS_DIR "/%s.app", tenants[i].name);
		r = open_pin(s, &s->apps[i], path, err);
	}
	return r;
}

static void close_all(struct nsn_shadow *s)
{
	for (size_t i = 0; i < NSN_COUNT(s->gateways); i++)
		nsn_netns_close(s->gateways[i]);
	for (size_t i = 0; i < NSN_COUNT(s->apps); i++)
		nsn_netns_close(s->apps[i]);
	memset(s->gateways, 0, sizeof(s->gateways));
	memset(s->apps, 0, sizeof(s->apps));
}

static void shadow_clear(struct nsn_shadow *s)
{
	close_all(s);
	nsnet_close(s->n);
}

static int build(struct nsn_shadow *s, struct nsnet_err *err)
{
	int r = nsnet_open(&s->n, STATE, RUN, err);

	if (r == 0)
		r = nsnet_tenants_add(s->n, tenants, NSN_COUNT(tenants), 0, NULL, err);
	if (r == 0)
		r = allow(s->n, "between", "customer1/app", "customer2/app", err);
	if (r == 0)
		r = allow(s->n, "inside", "customer1/app", "customer1/db", err);
	if (r == 0)
		r = nsnet_quarantine(s->n, "customer2/db", "self-test", NULL, 0, 0, NULL, err);
	return r;
}

/* That nothing is wrong: 1, something is: 0. */
static int proved(struct nsn_shadow *s, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_proof_freep) const struct nsnet_proof *p = NULL;
	int r = nsnet_verify(s->n, NULL, &p, err);

	if (r < 0)
		return r;
	if (p->verdict == NSNET_PROVED)
		return 1;
	(void)nsn_err(err, 0, NSNET_E_INTERNAL, "the bench is not PROVED: %s",
		      p->n_findings ? p->findings[0].what : "no finding");
	return 0;
}

static int look(struct nsn_shadow *s, const struct nsn_mutant *m, struct nsn_tested *ret,
		struct nsnet_err *err)
{
	NSN_AUTO(nsnet_proof_freep) const struct nsnet_proof *p = NULL;
	const struct nsnet_proof_finding *x;
	int r = nsnet_verify(s->n, NULL, &p, err);

	if (r < 0)
		return r;
	x = nsn_mutant_found(m, p);
	ret->caught = x;
	(void)snprintf(ret->kind, sizeof(ret->kind), "%s",
		       x	       ? x->kind
		       : p->n_findings ? p->findings[0].kind
				       : "");
	(void)snprintf(ret->what, sizeof(ret->what), "%s",
		       x	       ? x->what
		       : p->n_findings ? p->findings[0].what
				       : nsnet_proved_name(p->verdict));
	return 0;
}

static int turn(struct nsn_shadow *s, const struct nsn_mutant *m, struct nsn_tested *ret,
		struct nsnet_err *err)
{
	int r = open_all(s, err);

	if (r == 0)
		r = m->plant(s, err);
	ret->planted = r == 0;
	if (r == 0)
		r = look(s, m, ret, err);
	if (r == 0 && m->undo)
		r = m->undo(s, err);
	close_all(s);
	if (r == 0)
		r = nsnet_repair(s->n, NULL, 0, NULL, err);
	if (r == 0)
		r = proved(s, err);
	ret->gone = r == 1;
	return r < 0 ? nsn_err_wrap(err, r, "%s", m->name) : 0;
}

static int run(struct nsn_shadow *s, struct nsn_tested *list, struct nsnet_err *err)
{
	int r = build(s, err);

	if (r == 0)
		r = proved(s, err);
	/* What is not right to begin with shows nothing. */
	if (r == 0)
		return -EIO;
	r = r < 0 ? r : 0;
	for (size_t i = 0; r == 0 && i < nsn_mutants_count(); i++) {
		r = turn(s, &nsn_mutants[i], &list[i], err);
		if (r == 0 && !list[i].gone)
			r = -EIO;
	}
	return r;
}

int nsn_bench(struct nsn_tested *list, struct nsnet_err *err)
{
	NSN_AUTO(shadow_clear) struct nsn_shadow s = {0};

	return run(&s, list, err);
}
