/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "parts.h"

int nsn_mtu_parse(uint32_t *ret, const char *text, struct nsnet_err *err)
{
	const char *why = NULL;
	char shown[NSN_SHOW_SIZE];
	uint64_t n = 0;
	int r;

	r = nsn_u64_parse(&n, text, NSN_MTU_MAX);
	if (r == -ERANGE)
		why = "65535 bytes at most, more than that no IP packet has";
	else if (r < 0)
		why = "write a number of bytes, such as 1500";
	else if (n < NSN_MTU_MIN)
		why = "576 bytes at least, which every IPv4 host has to take";
	if (why)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_SETTING, "'%s' is not an MTU: %s",
			       nsn_text_show(text, shown, sizeof(shown)), why);
	*ret = (uint32_t)n;
	return 0;
}

int nsn_mtu_check(uint32_t mtu, const struct nsn_prefix *subnet6, struct nsnet_err *err)
{
	if (nsn_prefix_off(subnet6) || mtu >= NSN_MTU_MIN6)
		return 0;
	(void)nsn_err(err, -EINVAL, NSNET_E_BAD_SETTING,
		      "an MTU of %" PRIu32 " is too small for IPv6, which needs 1280 bytes", mtu);
	return nsn_err_hint(err, -EINVAL, "mtu 1280 or more, or subnet6 none");
}

int nsn_inside_parse(bool *deny, const char *text, struct nsnet_err *err)
{
	const bool yes = strcmp(text, "deny") == 0;
	char shown[NSN_SHOW_SIZE];

	if (!yes && strcmp(text, "allow") != 0) {
		(void)nsn_err(err, -EINVAL, NSNET_E_BAD_SETTING,
			      "inside is allow or deny, not '%s'",
			      nsn_text_show(text, shown, sizeof(shown)));
		if (nsn_text_distance(text, "allow") <= 2)
			return nsn_err_hint(err, -EINVAL, "did you mean allow?");
		if (nsn_text_distance(text, "deny") <= 2)
			return nsn_err_hint(err, -EINVAL, "did you mean deny?");
		return -EINVAL;
	}
	*deny = yes;
	return 0;
}

/* ---- subnets ---------------------------------------------------------------- */

static bool is_fixed(const struct nsn_endpoint *e, bool six)
{
	return six ? e->fixed6 : e->fixed;
}

/* All that cannot follow are named: who moves them one by one would try as often. */
static int check_fixed(const struct nsn_tenant *t, bool six, const struct nsn_prefix *subnet,
		       struct nsnet_err *err)
{
	char buf[NSN_PREFIX_STRLEN], names[400] = "";
	size_t stuck = 0, len = 0;

	for (size_t i = 0; i < t->n_endpoints; i++) {
		const struct nsn_endpoint *e = &t->endpoints[i];
		const struct nsn_ip *ip = six ? &e->ip6 : &e->ip;
		int n;

		if (!is_fixed(e, six) || (subnet->ip.family && !nsn_address_fault(subnet, ip)))
			continue;
		n = snprintf(names + len, sizeof(names) - len, "%s%s %s", stuck ? ", " : "",
			     e->name, nsn_ip_str(ip, buf));
		stuck++;
		len = n > 0 && (size_t)n < sizeof(names) - len ? len + (size_t)n
							       : sizeof(names) - 1;
	}
	if (stuck == 0)
		return 0;
	(void)nsn_err(err, -EBUSY, NSNET_E_ADDRESS_FIXED,
		      "tenant '%s': %zu fixed %s cannot be used in %s: %s", t->name, stuck,
		      stuck == 1 ? "address" : "addresses",
		      subnet->ip.family ? nsn_prefix_str(subnet, buf) : "an automatic subnet",
		      names);
	return nsn_err_hint(err, -EBUSY,
			    "choose a subnet with room for them, or remove the endpoints");
}

static void open_addresses(struct nsn_tenant *t, bool six, bool off)
{
	*(six ? &t->gateway6 : &t->gateway) = (struct nsn_ip){0};
	for (size_t i = 0; i < t->n_endpoints; i++) {
		struct nsn_endpoint *e = &t->endpoints[i];

		if (off)
			e->fixed6 = false;
		if (!is_fixed(e, six))
			*(six ? &e->ip6 : &e->ip) = (struct nsn_ip){0};
	}
}

static int set_prefix(struct nsn_tenant *t, bool six, const char *value, struct nsnet_err *err)
{
	struct nsn_prefix *subnet = six ? &t->subnet6 : &t->subnet, p = {0};
	int r;

	r = nsn_subnet_setting(&p, six ? AF_INET6 : AF_INET, value, err);
	/* The hint is for `tenant add`. */
	if (r < 0 && err && strncmp(err->hint, "--subnet6 ", 10) == 0)
		(void)nsn_err_hint(err, r, "subnet6=%s", err->hint + 10);
	if (r == 0 && six)
		r = nsn_mtu_check(t->mtu, &p, err);
	if (r < 0 || (p.ip.family && nsn_prefix_cmp(&p, subnet) == 0))
		return r;
	if (!nsn_prefix_off(&p))
		r = check_fixed(t, six, &p, err);
	if (r < 0)
		return r;
	*subnet = p;
	open_addresses(t, six, nsn_prefix_off(&p));
	return 0;
}

static int set_subnet(struct nsn_tenant *t, const char *value, struct nsnet_err *err)
{
	return set_prefix(t, false, value, err);
}

static int set_subnet6(struct nsn_tenant *t, const char *value, struct nsnet_err *err)
{
	return set_prefix(t, true, value, err);
}

/* ---- the others ------------------------------------------------------------- */

static int set_mtu(struct nsn_tenant *t, const char *value, struct nsnet_err *err)
{
	uint32_t mtu = 0;
	int r;

	r = nsn_mtu_parse(&mtu, value, err);
	if (r == 0)
		r = nsn_mtu_check(mtu, &t->subnet6, err);
	if (r == 0)
		t->mtu = mtu;
	return r;
}

static int set_rate(struct nsn_tenant *t, const char *value, struct nsnet_err *err)
{
	return nsn_rate_parse(&t->rate, value, err);
}

static int set_new_flows(struct nsn_tenant *t, const char *value, struct nsnet_err *err)
{
	return nsn_flows_parse(&t->new_flows, "new-flows", value, NSN_NEW_FLOWS_MAX, err);
}

static int set_open_flows(struct nsn_tenant *t, const char *value, struct nsnet_err *err)
{
	return nsn_flows_parse(&t->open_flows, "open-flows", value, NSN_OPEN_FLOWS_MAX, err);
}

static int set_dns(struct nsn_tenant *t, const char *value, struct nsnet_err *err)
{
	return nsn_dns_parse(&t->dns, value, err);
}

static int set_inside(struct nsn_tenant *t, const char *value, struct nsnet_err *err)
{
	return nsn_inside_parse(&t->inside_deny, value, err);
}

static int put_label(struct nsn_tenant *t, size_t at, const struct nsn_label *l,
		     struct nsnet_err *err)
{
	struct nsn_label *more;

	if (t->n_labels >= NSN_LABELS_MAX)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_LABEL,
			       "tenant '%s' has %zu labels, which is all it can have", t->name,
			       t->n_labels);
	more = reallocarray(t->labels, t->n_labels + 1, sizeof(*more));
	if (!more)
		return nsn_err_nomem(err);
	memmove(&more[at + 1], &more[at], (t->n_labels - at) * sizeof(*more));
	more[at] = *l;
	t->labels = more;
	t->n_labels++;
	return 0;
}

static int set_label(struct nsn_tenant *t, const char *value, struct nsnet_err *err)
{
	struct nsn_label l = {0};
	bool remove = false;
	size_t at = 0;
	int r;

	r = nsn_label_parse(&l, value, &remove, err);
	if (r < 0)
		return r;
	while (at < t->n_labels && strcmp(t->labels[at].key, l.key) < 0)
		at++;
	if (at == t->n_labels || strcmp(t->labels[at].key, l.key) != 0)
		return remove ? 0 : put_label(t, at, &l, err);
	if (remove) {
		t->n_labels--;
		memmove(&t->labels[at], &t->labels[at + 1],
			(t->n_labels - at) * sizeof(*t->labels));
	} else {
		t->labels[at] = l;
	}
	return 0;
}

/* "alice,bob": all of them anew. */
static int set_owners(struct nsn_tenant *t, const char *value, struct nsnet_err *err)
{
	const char *texts[NSN_OWNERS_MAX + 1];
	NSN_AUTO(nsn_freep) char *list = strdup(value);
	struct nsn_user *owners = NULL;
	char *rest = list;
	size_t n = 0;
	int r;

	if (!list)
		return nsn_err_nomem(err);
	/* One more than there may be is enough to be refused. */
	while (rest && n < NSN_COUNT(texts))
		texts[n++] = strsep(&rest, ",");
	r = nsn_owners_parse(&owners, &n, texts, n, err);
	if (r < 0)
		return r;
	free(t->owners);
	t->owners = owners;
	t->n_owners = n;
	return 0;
}

static const struct {
	const char *key;
	int (*set)(struct nsn_tenant *t, const char *value, struct nsnet_err *err);
} settings[] = {
	{"subnet", set_subnet}, {"subnet6", set_subnet6},     {"mtu", set_mtu},
	{"rate", set_rate},	{"new-flows", set_new_flows}, {"open-flows", set_open_flows},
	{"inside", set_inside}, {"label", set_label},	      {"owners", set_owners},
	{"dns", set_dns},
};

static int refuse_key(const char *key, struct nsnet_err *err)
{
	const char *near = NULL;
	size_t best = 3;
	char shown[NSN_SHOW_SIZE];

	for (size_t i = 0; i < NSN_COUNT(settings); i++) {
		size_t far = nsn_text_distance(key, settings[i].key);

		if (far < best && 2 * far < strlen(key)) {
			best = far;
			near = settings[i].key;
		}
	}
	(void)nsn_err(err, -EINVAL, NSNET_E_BAD_SETTING, "a tenant has no setting '%s'",
		      nsn_text_show(key, shown, sizeof(shown)));
	if (near)
		return nsn_err_hint(err, -EINVAL, "did you mean %s?", near);
	return nsn_err_hint(err, -EINVAL,
			    "there are subnet, subnet6, mtu, rate, new-flows, open-flows, inside, "
			    "label, owners and dns");
}

int nsn_tenant_apply(struct nsn_tenant *t, const char *key, const char *value,
		     struct nsnet_err *err)
{
	for (size_t i = 0; i < NSN_COUNT(settings); i++)
		if (strcmp(key, settings[i].key) == 0)
			return settings[i].set(t, value, err);
	return refuse_key(key, err);
}
