/* SPDX-License-Identifier: GPL-2.0-or-later */
/* published - two policies cannot have one address and port of the host */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "policy.h"

static bool in_force(const struct nsn_policy *p, int64_t now)
{
	return p->publish.port && p->n_ports == 1 && (p->expires == 0 || p->expires > now);
}

static bool is_wildcard(const struct nsn_ip *ip)
{
	return nsn_ip_cmp(ip, &(struct nsn_ip){.family = ip->family}) == 0;
}

bool nsn_publish_conflict(const struct nsn_policy *a, const struct nsn_policy *b, int64_t now)
{
	return in_force(a, now) && in_force(b, now) && a->ports[0].proto == b->ports[0].proto &&
	       nsn_publish_clash(&a->publish, &b->publish);
}

/* "policies/40.yaml:14", or whose command it was. */
static const char *origin_words(const struct nsn_origin *o, char buf[320])
{
	if (o->file[0])
		(void)snprintf(buf, 320, "%s:%u", o->file, o->line);
	else
		(void)snprintf(buf, 320, "by user %u", o->uid);
	return buf;
}

int nsn_publish_refuse(const struct nsn_policy *p, const struct nsn_policy *other,
		       struct nsnet_err *err)
{
	char mine[NSN_PUBLISH_STRLEN], theirs[NSN_PUBLISH_STRLEN], port[NSN_PORTS_STRLEN];
	char where[320];

	(void)nsn_ports_str(&p->ports[0], port);
	port[strcspn(port, "/")] = '\0';
	(void)nsn_err(err, -EEXIST, NSNET_E_PUBLISH_CONFLICT,
		      "rule '%s' publishes %s (%s), where rule '%s' publishes %s (%s)", p->name,
		      nsn_publish_str(&p->publish, mine), port, other->name,
		      nsn_publish_str(&other->publish, theirs),
		      origin_words(&other->origin, where));
	return nsn_err_hint(err, -EEXIST,
			    "choose another address or port; nsnet policy show %s tells of the "
			    "other",
			    other->name);
}

/* ---- all of them ------------------------------------------------------------------------ */

/* Those of one port are neighbours, of these those of one family, the widest first. */
static int by_place(const void *a, const void *b)
{
	const struct nsn_policy *const *p = a, *const *q = b;
	const struct nsn_publish *x = &(*p)->publish, *y = &(*q)->publish;
	const enum nsn_proto px = (*p)->ports[0].proto, py = (*q)->ports[0].proto;
	int r;

	if (px != py)
		return px < py ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	if (x->ip.family != y->ip.family)
		return x->ip.family < y->ip.family ? -1 : 1;
	r = nsn_ip_cmp(&x->ip, &y->ip);
	/* They are of one array. */
	return r ? r : *p < *q ? -1 : *p > *q;
}

static bool same_port(const struct nsn_policy *a, const struct nsn_policy *b)
{
	return a->publish.port == b->publish.port && a->ports[0].proto == b->ports[0].proto;
}

/* Who before it has its place, or NULL: the first of its port, of its family, or its neighbour. */
static const struct nsn_policy *taker(const struct nsn_policy *p, const struct nsn_policy *port,
				      const struct nsn_policy *family,
				      const struct nsn_policy *before)
{
	if (port && !port->publish.ip.family)
		return port;
	if (family && is_wildcard(&family->publish.ip))
		return family;
	return before && nsn_publish_same(&before->publish, &p->publish) ? before : NULL;
}

static void find(const struct nsn_policy **sorted, size_t n, struct nsn_publish_pair *ret,
		 size_t *n_ret)
{
	const struct nsn_policy *port = NULL, *family = NULL, *before = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct nsn_policy *p = sorted[i], *other;

		if (port && !same_port(port, p))
			port = family = before = NULL;
		if (family && family->publish.ip.family != p->publish.ip.family)
			family = before = NULL;
		other = taker(p, port, family, before);
		if (other)
			ret[(*n_ret)++] = (struct nsn_publish_pair){p < other ? p : other,
								    p < other ? other : p};
		port = port ? port : p;
		family = family ? family : p;
		before = p;
	}
}

int nsn_publish_pairs(struct nsn_publish_pair **ret, size_t *n_ret, const struct nsn_policy *list,
		      size_t n, int64_t now)
{
	NSN_AUTO(nsn_freep) const struct nsn_policy **sorted = NULL;
	size_t count = 0;

	*n_ret = 0;
	for (size_t i = 0; i < n; i++)
		count += in_force(&list[i], now);
	*ret = calloc(count + 1, sizeof(**ret));
	sorted = calloc(count + 1, sizeof(*sorted));
	if (!*ret || !sorted)
		return -ENOMEM;
	count = 0;
	for (size_t i = 0; i < n; i++)
		if (in_force(&list[i], now))
			sorted[count++] = &list[i];
	if (count > 0)
		qsort(sorted, count, sizeof(*sorted), by_place);
	find(sorted, count, *ret, n_ret);
	return 0;
}
