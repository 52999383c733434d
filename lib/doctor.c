/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "store/uplinks.h"

#define SOON_DAYS 14
#define DAY	  (INT64_C(24) * 60 * 60)

void nsnet_doctor_free(struct nsnet_doctor *d)
{
	if (!d)
		return;
	free(d->list);
	nsn_arena_free(&d->mem);
	free(d);
}
NSN_CLEANUP(struct nsnet_doctor, nsnet_doctor_free)

/* ---- what is said ------------------------------------------------------------------ */

int nsn_doctor_say(struct nsn_exam *x, const char *id, enum nsnet_health health, const char *remedy,
		   struct nsnet_err *err, const char *fmt, ...)
{
	struct nsnet_check *more = reallocarray(x->d->list, x->d->n + 1, sizeof(*more));
	NSN_AUTO(nsn_freep) char *text = NULL;
	va_list ap;
	int r;

	if (!more)
		return nsn_err_nomem(err);
	x->d->list = more;
	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (r < 0) {
		text = NULL;
		return nsn_err_nomem(err);
	}
	more[x->d->n] = (struct nsnet_check){
		.id = nsn_arena_strdup(&x->d->mem, id),
		.health = health,
		.what = nsn_arena_strdup(&x->d->mem, text),
		.remedy = nsn_arena_strdup(&x->d->mem, remedy),
	};
	if (!more[x->d->n].id || !more[x->d->n].what || !more[x->d->n].remedy)
		return nsn_err_nomem(err);
	x->d->n++;
	return 0;
}

int nsn_doctor_unknown(struct nsn_exam *x, const char *id, const char *what,
		       const struct nsnet_err *why, struct nsnet_err *err)
{
	return nsn_doctor_say(x, id, NSNET_DOUBTFUL, why->hint, err,
			      "%s could not be looked at: %s", what, why->msg);
}

/* ---- what the store says -------------------------------------------------------------- */

static int has_uplinks(struct nsn_exam *x, struct nsnet_err *err)
{
	NSN_AUTO(nsn_uplink_list_clear) struct nsn_uplink_list list = {0};
	int r = nsn_store_uplink_list(x->n->store, &list, err);

	x->uplinks = list.n > 0;
	return r;
}

static int check_expiring(struct nsn_exam *x, struct nsnet_err *err)
{
	NSN_AUTO(nsn_policy_list_clear) struct nsn_policy_list list = {0};
	const int64_t now = time(NULL);
	size_t soon = 0;
	int r = nsn_store_policy_list(x->n->store, &list, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < list.n; i++)
		soon += list.policies[i].expires > now &&
			list.policies[i].expires <= now + SOON_DAYS * DAY;
	if (soon == 0)
		return nsn_doctor_say(x, "D150", NSNET_HEALTHY, "", err,
				      "no rule expires within %d days", SOON_DAYS);
	return nsn_doctor_say(x, "D150", NSNET_DOUBTFUL, "nsnet policy list --expiring 14d", err,
			      "%zu rule%s within %d days", soon,
			      soon == 1 ? " expires" : "s expire", SOON_DAYS);
}

/* ---- all of it ------------------------------------------------------------------------ */

int nsnet_doctor(struct nsnet *n, struct nsnet_doctor **ret, struct nsnet_err *err)
{
	static int (*const checks[])(struct nsn_exam *, struct nsnet_err *) = {
		nsn_doctor_kernel,    nsn_doctor_pins,	  nsn_doctor_forwarding,  nsn_doctor_ipv6,
		nsn_doctor_firewalls, nsn_doctor_bridges, nsn_doctor_connections, check_expiring,
	};
	NSN_AUTO(nsnet_doctor_freep) struct nsnet_doctor *d = calloc(1, sizeof(*d));
	struct nsn_exam x = {.n = n, .d = d};
	int r;

	if (!d)
		return nsn_err_nomem(err);
	r = has_uplinks(&x, err);
	for (size_t i = 0; r == 0 && i < NSN_COUNT(checks); i++)
		r = checks[i](&x, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(d);
	return 0;
}

enum nsnet_health nsnet_doctor_health(const struct nsnet_doctor *d)
{
	enum nsnet_health worst = NSNET_HEALTHY;

	for (size_t i = 0; i < d->n; i++)
		if (d->list[i].health > worst)
			worst = d->list[i].health;
	return worst;
}

size_t nsnet_doctor_count(const struct nsnet_doctor *d)
{
	return d->n;
}

const struct nsnet_check *nsnet_doctor_get(const struct nsnet_doctor *d, size_t i)
{
	return &d->list[i];
}
