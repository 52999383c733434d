/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "parts.h"

void nsn_policy_clear(struct nsn_policy *p)
{
	if (!p)
		return;
	free(p->from);
	free(p->to);
	free(p->ports);
	*p = (struct nsn_policy){0};
}

void nsn_quarantine_clear(struct nsn_quarantine *q)
{
	if (!q)
		return;
	free(q->keep);
	*q = (struct nsn_quarantine){0};
}

static void clearp(struct nsn_policy *p)
{
	nsn_policy_clear(p);
}

int nsn_policy_copy(struct nsn_policy *ret, const struct nsn_policy *p, struct nsnet_err *err)
{
	NSN_AUTO(clearp) struct nsn_policy copy = *p;

	copy.from = NULL;
	copy.to = NULL;
	copy.ports = NULL;
	if (!nsn_copy_array(&copy.from, p->from, p->n_from, sizeof(*p->from)) ||
	    !nsn_copy_array(&copy.to, p->to, p->n_to, sizeof(*p->to)) ||
	    !nsn_copy_array(&copy.ports, p->ports, p->n_ports, sizeof(*p->ports)))
		return nsn_err_nomem(err);
	*ret = copy;
	copy = (struct nsn_policy){0};
	return 0;
}

/* ---- as a whole ---------------------------------------------------------------------- */

static int refuse(const struct nsn_policy *p, struct nsnet_err *err, const char *fmt, ...)
	NSN_PRINTF(3, 4);
static int refuse(const struct nsn_policy *p, struct nsnet_err *err, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return nsn_err(err, -EINVAL, NSNET_E_BAD_RULE, "rule '%s': %s", p->name, why);
}

static int check_name(const struct nsn_policy *p, struct nsnet_err *err)
{
	struct nsnet_err why = {0};

	if (!*p->name)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_RULE, "a rule has no name");
	if (nsn_rule_name_check(p->name, &why) == 0)
		return 0;
	nsn_err(err, -EINVAL, NSNET_E_BAD_RULE, "%s", why.msg);
	return *why.hint ? nsn_err_hint(err, -EINVAL, "%s", why.hint) : -EINVAL;
}

static int check_peers(const struct nsn_policy *p, const char *side, const struct nsn_peer *peers,
		       size_t n, struct nsnet_err *err)
{
	char buf[NSN_PEER_STRLEN];

	if (n == 0) {
		refuse(p, err, "it has no `%s`", side);
		return nsn_err_hint(err, -EINVAL, "%s: any", side);
	}
	if (n > NSN_LIST_MAX) {
		refuse(p, err, "there are %zu peers in `%s`, %d at most", n, side, NSN_LIST_MAX);
		return nsn_err_hint(err, -EINVAL, "give the tenants a label: label:tier=gold");
	}
	for (size_t i = 1; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (nsn_peer_same(&peers[i], &peers[k]))
				return refuse(p, err, "%s is there twice in `%s`",
					      nsn_peer_str(&peers[i], buf), side);
	return 0;
}

static int check_ports(const struct nsn_policy *p, struct nsnet_err *err)
{
	const char *side = p->deny ? "deny" : "allow";
	char buf[NSN_PORTS_STRLEN];

	if (p->n_ports == 0) {
		refuse(p, err, "it has no ports in `%s`", side);
		return nsn_err_hint(err, -EINVAL, "%s: any", side);
	}
	if (p->n_ports > NSN_LIST_MAX)
		return refuse(p, err, "there are %zu ports in `%s`, %d at most", p->n_ports, side,
			      NSN_LIST_MAX);
	for (size_t i = 1; i < p->n_ports; i++)
		for (size_t k = 0; k < i; k++)
			if (nsn_ports_same(&p->ports[i], &p->ports[k]))
				return refuse(p, err, "%s is there twice in `%s`",
					      nsn_ports_str(&p->ports[i], buf), side);
	return 0;
}

/* The tenant that all of them are of, or NULL. */
static const char *one_tenant(const struct nsn_peer *peers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((peers[i].kind != NSN_PEER_TENANT && peers[i].kind != NSN_PEER_ENDPOINT) ||
		    strcmp(peers[i].tenant, peers[0].tenant) != 0)
			return NULL;
	return peers[0].tenant;
}

static bool crosses(const struct nsn_policy *p)
{
	const char *from = one_tenant(p->from, p->n_from), *to = one_tenant(p->to, p->n_to);

	return !from || !to || strcmp(from, to) != 0;
}

static bool all_outside(const struct nsn_peer *peers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (nsn_peer_is_tenants(&peers[i]) || peers[i].kind == NSN_PEER_ANY)
			return false;
	return true;
}

/* Both sides together. */
static int check_sides(const struct nsn_policy *p, struct nsnet_err *err)
{
	char buf[NSN_PEER_STRLEN];

	if (all_outside(p->from, p->n_from) && all_outside(p->to, p->n_to)) {
		refuse(p, err, "neither side is a tenant, so nothing of it passes nsnet");
		return nsn_err_hint(err, -EINVAL, "write a tenant, a label or tenants on one side");
	}
	if (p->n_from == 1 && p->n_to == 1 && p->from[0].kind == NSN_PEER_ENDPOINT &&
	    nsn_peer_same(&p->from[0], &p->to[0]))
		return refuse(p, err, "%s is both sides, and always reaches itself",
			      nsn_peer_str(&p->from[0], buf));
	return 0;
}

static int check_text(const struct nsn_policy *p, const char *key, const char *text,
		      struct nsnet_err *err)
{
	const char *why = nsn_text_fault(text);

	return why ? refuse(p, err, "`%s`: %s", key, why) : 0;
}

static int check_words(const struct nsn_policy *p, struct nsnet_err *err)
{
	int r;

	r = check_text(p, "because", p->because, err);
	if (r == 0)
		r = check_text(p, "owner", p->owner, err);
	if (r < 0)
		return r;
	if (!p->deny && crosses(p) && !p->because[strspn(p->because, " ")]) {
		refuse(p, err,
		       "it allows what crosses the border of a tenant and does not say why");
		return nsn_err_hint(err, -EINVAL, "because: what it is for, CHG-1042");
	}
	if (p->audit && !p->deny) {
		refuse(p, err, "`mode: audit` shows what a rule would deny, and this one allows");
		return nsn_err_hint(err, -EINVAL, "deny, or mode: enforce");
	}
	if (p->expires < 0)
		return refuse(p, err, "it expires before 1970");
	return 0;
}

int nsn_policy_check(const struct nsn_policy *p, struct nsnet_err *err)
{
	int r;

	r = check_name(p, err);
	if (r == 0)
		r = check_ports(p, err);
	if (r == 0)
		r = check_peers(p, "from", p->from, p->n_from, err);
	if (r == 0)
		r = check_peers(p, "to", p->to, p->n_to, err);
	if (r == 0)
		r = check_sides(p, err);
	if (r == 0)
		r = nsn_policy_check_publish(p, err);
	return r < 0 ? r : check_words(p, err);
}

/* ---- two of them ------------------------------------------------------------------------ */

static bool has_peer(const struct nsn_peer *peers, size_t n, const struct nsn_peer *p)
{
	for (size_t i = 0; i < n; i++)
		if (nsn_peer_same(&peers[i], p))
			return true;
	return false;
}

static bool has_ports(const struct nsn_policy *p, const struct nsn_ports *ports)
{
	for (size_t i = 0; i < p->n_ports; i++)
		if (nsn_ports_same(&p->ports[i], ports))
			return true;
	return false;
}

/* One of a list matches, so they are sets. */
static bool same_peers(const char *side, const struct nsn_peer *have, size_t n_have,
		       const struct nsn_peer *want, size_t n_want, char *buf, size_t size)
{
	char text[NSN_PEER_STRLEN];

	for (size_t i = 0; i < n_want; i++)
		if (!has_peer(have, n_have, &want[i]))
			return nsn_differ(buf, size, "not %s %s", side,
					  nsn_peer_str(&want[i], text));
	for (size_t i = 0; i < n_have; i++)
		if (!has_peer(want, n_want, &have[i]))
			return nsn_differ(buf, size, "also %s %s", side,
					  nsn_peer_str(&have[i], text));
	return true;
}

static bool same_ports(const struct nsn_policy *have, const struct nsn_policy *want, char *buf,
		       size_t size)
{
	const char *what = have->deny ? "denies" : "allows";
	char text[NSN_PORTS_STRLEN];

	if (have->deny != want->deny)
		return nsn_differ(buf, size, "%s, not %s", what, want->deny ? "denies" : "allows");
	for (size_t i = 0; i < want->n_ports; i++)
		if (!has_ports(have, &want->ports[i]))
			return nsn_differ(buf, size, "%s not %s", what,
					  nsn_ports_str(&want->ports[i], text));
	for (size_t i = 0; i < have->n_ports; i++)
		if (!has_ports(want, &have->ports[i]))
			return nsn_differ(buf, size, "%s also %s", what,
					  nsn_ports_str(&have->ports[i], text));
	return true;
}

static bool same_text(const char *key, const char *have, const char *want, char *buf, size_t size)
{
	char a[NSN_SHOW_SIZE], b[NSN_SHOW_SIZE];

	if (strcmp(have, want) == 0)
		return true;
	return nsn_differ(buf, size, "%s '%s', not '%s'", key, nsn_text_show(have, a, sizeof(a)),
			  nsn_text_show(want, b, sizeof(b)));
}

static bool same_publish(const struct nsn_policy *have, const struct nsn_policy *want, char *buf,
			 size_t size)
{
	char a[NSN_PUBLISH_STRLEN], b[NSN_PUBLISH_STRLEN];

	if (have->implied != want->implied)
		return nsn_differ(buf, size,
				  have->implied ? "it follows from a tenant's `dns`"
						: "it does not follow from `dns`");
	if (nsn_publish_same(&have->publish, &want->publish))
		return true;
	if (!want->publish.port)
		return nsn_differ(buf, size, "publishes %s", nsn_publish_str(&have->publish, a));
	if (!have->publish.port)
		return nsn_differ(buf, size, "does not publish %s",
				  nsn_publish_str(&want->publish, b));
	return nsn_differ(buf, size, "publishes %s, not %s", nsn_publish_str(&have->publish, a),
			  nsn_publish_str(&want->publish, b));
}

static bool same_rest(const struct nsn_policy *have, const struct nsn_policy *want, char *buf,
		      size_t size)
{
	static const char *const logs[] = {
		[NSN_LOG_NONE] = "none", [NSN_LOG_NEW] = "new", [NSN_LOG_ALL] = "all"};
	char a[NSN_TIME_STRLEN], b[NSN_TIME_STRLEN];

	if (have->audit != want->audit)
		return nsn_differ(buf, size, "mode %s, not %s", have->audit ? "audit" : "enforce",
				  want->audit ? "audit" : "enforce");
	if (have->log != want->log)
		return nsn_differ(buf, size, "log %s, not %s", logs[have->log], logs[want->log]);
	if (have->expires != want->expires)
		return nsn_differ(buf, size, "expires %s, not %s", nsn_time_str(have->expires, a),
				  nsn_time_str(want->expires, b));
	return same_text("because", have->because, want->because, buf, size) &&
	       same_text("owner", have->owner, want->owner, buf, size);
}

bool nsn_policy_same(const struct nsn_policy *have, const struct nsn_policy *want, char *buf,
		     size_t size)
{
	return same_text("name", have->name, want->name, buf, size) &&
	       same_ports(have, want, buf, size) &&
	       same_peers("from", have->from, have->n_from, want->from, want->n_from, buf, size) &&
	       same_peers("to", have->to, have->n_to, want->to, want->n_to, buf, size) &&
	       same_publish(have, want, buf, size) && same_rest(have, want, buf, size);
}
