/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exceptions.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "workloads.h"

/* ---- writing -------------------------------------------------------------------- */

static int check_because(const struct nsn_exception *e, struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];

	if (nsn_exception_because_ok(e->because))
		return 0;
	if (e->because && e->because[strspn(e->because, " ")])
		return nsn_err(err, -EINVAL, NSNET_E_BAD_RUN,
			       "the reason '%s' cannot be recorded: it is too long, or has control "
			       "characters in it",
			       nsn_text_show(e->because, shown, sizeof(shown)));
	return nsn_err(err, -EINVAL, NSNET_E_NEEDS_REASON, "%s is given for no reason", e->kind);
}

static int add_all(struct nsnet *n, const struct nsn_exception *list, size_t count,
		   struct nsnet_err *err)
{
	int64_t now = time(NULL);
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct nsn_exception e = list[i];

		if (e.at == 0)
			e.at = now;
		r = nsn_store_exceptions_add(n->store, &e, 1, err);
	}
	return r == 0 ? nsn_store_commit(n->store, err) : r;
}

int nsn_exceptions_add(struct nsnet *n, const struct nsn_exception *list, size_t count,
		       struct nsnet_err *err)
{
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = check_because(&list[i], err);
	if (r < 0 || count == 0)
		return r;
	r = nsn_lock(n, &locked, err);
	if (r == 0)
		r = nsn_store_begin(n->store, err);
	if (r == 0)
		r = add_all(n, list, count, err);
	nsn_store_rollback(n->store);
	return r < 0 ? nsn_err_wrap(err, r, "record what '%s' is given", list[0].workload) : 0;
}

int nsn_exceptions_end(struct nsnet *n, const char *workload, struct nsnet_err *err)
{
	NSN_AUTO(nsn_exception_list_clear) struct nsn_exception_list list = {0};
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	int r;

	r = nsn_exceptions_of(n, workload, &list, err);
	if (r < 0 || list.n == 0)
		return r;
	r = nsn_lock(n, &locked, err);
	return r < 0 ? r : nsn_store_exceptions_end(n->store, workload, time(NULL), err);
}

/* ---- reading -------------------------------------------------------------------- */

int nsn_exceptions_of(struct nsnet *n, const char *workload, struct nsn_exception_list *ret,
		      struct nsnet_err *err)
{
	return nsn_store_exceptions_of(n->store, workload, ret, err);
}

struct nsnet_exceptions {
	struct nsn_exception_list stored;
	int64_t now;
};

void nsnet_exceptions_free(struct nsnet_exceptions *list)
{
	if (!list)
		return;
	nsn_exception_list_clear(&list->stored);
	free(list);
}
NSN_CLEANUP(struct nsnet_exceptions, nsnet_exceptions_free)

/* A name that nothing is known of was mistyped; one that is gone may have had some. */
static int check_known(struct nsnet *n, const char *tenant, struct nsnet_err *err)
{
	NSN_AUTO(nsn_exception_list_clear) struct nsn_exception_list all = {0};
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
	int r = nsn_store_exceptions_list(n->store, tenant, true, &all, err);

	return r < 0 || all.n > 0 ? r : nsn_store_tenant_get(n->store, tenant, &t, err);
}

/*
 * When a supervisor was killed nobody has said that its workload ended: it is over when the record
 * is nobody's, or gone. @ended: it stays in the list.
 */
static int find_over(struct nsnet *n, struct nsn_exception_list *l, bool ended,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int folder = -1;
	size_t kept = 0;
	int r = nsn_workloads_look(n->run_dir, &folder, err);

	for (size_t i = 0; r >= 0 && i < l->n; i++) {
		struct nsn_exception *e = &l->list[i];

		if (!e->over) {
			r = nsn_record_lives(folder, e->workload, err);
			e->over = r == 0;
		}
		if (ended || !e->over)
			l->list[kept++] = *e;
	}
	if (r < 0)
		return r;
	l->n = kept;
	return 0;
}

int nsnet_exception_list(struct nsnet *n, const char *tenant, bool ended,
			 struct nsnet_exceptions **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_exceptions_freep) struct nsnet_exceptions *list = calloc(1, sizeof(*list));
	int r;

	if (!list)
		return nsn_err_nomem(err);
	list->now = time(NULL);
	r = nsn_store_exceptions_list(n->store, tenant, ended, &list->stored, err);
	if (r == 0 && tenant && list->stored.n == 0)
		r = check_known(n, tenant, err);
	if (r == 0)
		r = find_over(n, &list->stored, ended, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(list);
	return 0;
}

size_t nsnet_exceptions_count(const struct nsnet_exceptions *list)
{
	return list->stored.n;
}

static enum nsnet_exception_state state_of(const struct nsn_exception *e, int64_t now)
{
	if (e->over)
		return NSNET_EXCEPTION_ENDED;
	return e->until && e->until <= now ? NSNET_EXCEPTION_EXPIRED : NSNET_EXCEPTION_ACTIVE;
}

void nsnet_exceptions_get(const struct nsnet_exceptions *list, size_t i,
			  struct nsnet_exception *ret)
{
	const struct nsn_exception *e = &list->stored.list[i];

	*ret = (struct nsnet_exception){
		.id = e->id,
		.tenant = e->tenant,
		.endpoint = e->endpoint,
		.workload = e->workload,
		.kind = e->kind,
		.because = e->because,
		.exposed = e->exposed,
		.command = e->command,
		.uid = e->uid,
		.at = e->at,
		.until = e->until,
		.ended = e->ended,
		.state = state_of(e, list->now),
	};
}
