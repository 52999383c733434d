// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text to the parsers of addresses, subnets, names and settings, and of peers, ports, flows and
 * times: nothing crashes, and what parses prints to a text that parses to the same.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/base/ip.h"
#include "../../lib/model/policy.h"
#include "../../lib/model/tenant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must not go away with -DNDEBUG. */
static void must(int ok)
{
	if (!ok)
		abort();
}

/* A refusal says what is wrong, in strings that end. */
static void must_explain(int r, const struct nsnet_err *err, enum nsnet_code id)
{
	must(r == -EINVAL && err->code == r && err->id == id && err->msg[0] != '\0');
	must(memchr(err->msg, '\0', sizeof(err->msg)) != NULL);
	must(memchr(err->hint, '\0', sizeof(err->hint)) != NULL);
	must(memchr(err->where, '\0', sizeof(err->where)) != NULL);
}

static void fuzz_ip(const char *text)
{
	struct nsn_ip ip = {0}, again = {0};
	char buf[NSN_IP_STRLEN];

	if (nsn_ip_parse(&ip, text) < 0)
		return;
	must(nsn_ip_parse(&again, nsn_ip_str(&ip, buf)) == 0);
	must(nsn_ip_cmp(&ip, &again) == 0);
}

static void fuzz_prefix(const char *text)
{
	struct nsn_prefix p = {0}, again = {0};
	char buf[NSN_PREFIX_STRLEN];
	struct nsn_ip network, last;

	if (nsn_prefix_parse(&p, text) < 0)
		return;
	must(nsn_prefix_parse(&again, nsn_prefix_str(&p, buf)) == 0);
	must(nsn_prefix_cmp(&p, &again) == 0);
	network = nsn_prefix_network(&p);
	last = nsn_prefix_last(&p);
	must(nsn_prefix_has(&p, &p.ip));
	must(nsn_prefix_has(&p, &network) && nsn_prefix_has(&p, &last));
	must(nsn_ip_cmp(&network, &last) <= 0);
	must(nsn_prefix_overlap(&p, &again));
}

static void fuzz_subnet(const char *text, int six)
{
	int (*parse)(struct nsn_prefix *, const char *, struct nsnet_err *) =
		six ? nsn_subnet6_parse : nsn_subnet_parse;
	struct nsn_prefix p = {0}, again = {0};
	struct nsnet_err err = {0};
	char buf[NSN_PREFIX_STRLEN];
	struct nsn_ip network;
	int r = parse(&p, text, &err);

	if (r < 0) {
		must_explain(r, &err, NSNET_E_BAD_SUBNET);
		return;
	}
	network = nsn_prefix_network(&p);
	must(nsn_ip_cmp(&network, &p.ip) == 0);
	must(nsn_ip_bits(&p.ip) == (six ? 128 : 32));
	must(p.len >= (six ? 48 : 8) && p.len <= (six ? 126 : 30));
	must(parse(&again, nsn_prefix_str(&p, buf), NULL) == 0);
	must(nsn_prefix_cmp(&p, &again) == 0);
}

static void fuzz_rate(const char *text)
{
	struct nsnet_err err = {0};
	uint64_t rate = 0, again = 1;
	char buf[NSN_RATE_STRLEN];
	int r = nsn_rate_parse(&rate, text, &err);

	if (r < 0) {
		must_explain(r, &err, NSNET_E_BAD_RATE);
		return;
	}
	must(rate == 0 || (rate >= NSN_RATE_MIN && rate <= NSN_RATE_MAX));
	must(nsn_rate_parse(&again, nsn_rate_str(rate, buf), NULL) == 0 && again == rate);
}

/* Addresses that were said and those that were not; what is allocated can be a definition again. */
static void check_endpoints(struct nsn_tenant *t)
{
	struct nsnet_err err = {0};

	for (size_t i = 0; i < t->n_endpoints; i++) {
		struct nsn_endpoint *e = &t->endpoints[i];

		must(e->fixed == (e->ip.family != 0) && e->fixed6 == (e->ip6.family != 0));
	}
	if (!t->subnet.ip.family || (!t->subnet6.ip.family && t->subnet6.len))
		return;
	if (nsn_tenant_allocate(t, &err) < 0) {
		must(err.id == NSNET_E_BAD_ADDRESS || err.id == NSNET_E_ADDRESS_TAKEN ||
		     err.id == NSNET_E_POOL_FULL);
		return;
	}
	for (size_t i = 0; i < t->n_endpoints; i++) {
		const struct nsn_endpoint *e = &t->endpoints[i];

		must(nsn_prefix_has(&t->subnet, &e->ip));
		must(nsn_ip_cmp(&e->ip, &t->gateway) != 0);
		must(!t->subnet6.ip.family || nsn_prefix_has(&t->subnet6, &e->ip6));
	}
}

/* One definition with the text, or its lines, everywhere. */
static void fuzz_definition(const char *text, const char *const *lines, size_t n)
{
	const struct nsnet_endpoint_def endpoints[] = {
		{.name = "web", .ip = lines[0], .ip6 = lines[n > 1], .rate = lines[n > 2 ? 2 : 0]},
		{.name = "default"},
	};
	const struct nsnet_tenant_def defs[] = {
		{.name = text},
		{.name = "blue", .subnet = text},
		{.name = "blue", .subnet6 = text},
		{.name = "blue", .mtu = text, .subnet6 = "auto"},
		{.name = "blue", .inside = text},
		{.name = "blue", .rate = text},
		{.name = "blue", .labels = lines, .n_labels = n},
		{.name = "blue", .owners = lines, .n_owners = n},
		{.name = "blue",
		 .subnet = "10.1.0.0/29",
		 .subnet6 = "fd00:1::/126",
		 .endpoints = endpoints,
		 .n_endpoints = 2},
	};

	for (size_t i = 0; i < sizeof(defs) / sizeof(defs[0]); i++) {
		struct nsnet_err err = {0};
		struct nsn_tenant t = {0}, copy = {0};
		char why[160];
		int r;

		r = nsn_tenant_parse(&t, &defs[i], &err);
		if (r < 0) {
			must_explain(r, &err, err.id);
			must(err.id != NSNET_E_INTERNAL && t.endpoints == NULL);
			continue;
		}
		must(err.code == 0 && nsn_tenant_same(&t, &t, why, sizeof(why)));
		must(nsn_tenant_copy(&copy, &t, NULL) == 0);
		must(nsn_tenant_same(&copy, &t, why, sizeof(why)));
		for (size_t k = 0; k < t.n_labels; k++)
			must(nsn_label_ok(t.labels[k].key, t.labels[k].value));
		for (size_t k = 0; k < t.n_owners; k++)
			must(nsn_owner_ok(t.owners[k].name));
		check_endpoints(&t);
		nsn_tenant_clear(&copy);
		nsn_tenant_clear(&t);
	}
}

/* Each key with the text, on a tenant that has things to lose. */
static void fuzz_apply(const char *text, const char *value)
{
	static const char *const keys[] = {"subnet",	 "subnet6", "mtu",   "rate",   "new-flows",
					   "open-flows", "inside",  "label", "owners", "dns"};
	struct nsn_tenant t = {0};

	must(nsn_tenant_init(&t, "blue", "10.1.0.0/24", NULL) == 0);
	for (size_t i = 0; i <= sizeof(keys) / sizeof(keys[0]); i++) {
		const char *key = i ? keys[i - 1] : text;
		struct nsnet_err err = {0};

		must(nsn_tenant_apply(&t, key, i ? text : value, &err) == err.code);
		must(err.id != NSNET_E_INTERNAL);
		must(t.mtu >= (t.subnet6.len ? NSN_MTU_MIN6 : NSN_MTU_MIN));
		must(t.new_flows <= NSN_NEW_FLOWS_MAX && t.open_flows <= NSN_OPEN_FLOWS_MAX);
		must(t.n_labels <= NSN_LABELS_MAX && t.n_owners <= NSN_OWNERS_MAX);
	}
	nsn_tenant_clear(&t);
}

#define LINES 40

/* The lines of it, for what takes more than one value; cuts @text. */
static size_t split(char *text, const char *lines[LINES])
{
	size_t n = 0;

	while (text && n < LINES)
		lines[n++] = strsep(&text, "\n");
	return n;
}

static void fuzz_name(const char *text)
{
	struct nsnet_err err = {0};
	int r = nsn_tenant_name_check(text, &err);

	if (r < 0) {
		must_explain(r, &err, NSNET_E_BAD_NAME);
		return;
	}
	/* It becomes a file name in /run/netns. */
	must(strlen(text) >= 2 && strlen(text) <= NSN_NAME_MAX);
	must(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text));
}

/* ---- the language of policies ------------------------------------------------------- */

static void fuzz_peer(const char *text)
{
	struct nsn_peer p = {0}, again = {0};
	struct nsnet_err err = {0};
	char buf[NSN_PEER_STRLEN];
	int r = nsn_peer_parse(&p, text, &err);

	if (r < 0) {
		must(err.id == NSNET_E_BAD_PEER || err.id == NSNET_E_DNS_PEER);
		must_explain(r, &err, err.id);
		return;
	}
	must(nsn_peer_parse(&again, nsn_peer_str(&p, buf), NULL) == 0);
	must(nsn_peer_same(&p, &again));
	must(p.kind != NSN_PEER_CIDR || p.cidr.len > 0);
	must(p.kind != NSN_PEER_LABEL || nsn_label_ok(p.label.key, p.label.value));
	must(p.kind != NSN_PEER_TENANT || nsn_tenant_name_check(p.tenant, NULL) == 0);
	must(p.kind != NSN_PEER_ENDPOINT || (nsn_name_ok(p.tenant) && nsn_name_ok(p.endpoint)));
}

static void fuzz_ports(const char *text)
{
	struct nsn_ports p = {0}, again = {0};
	struct nsnet_err err = {0};
	char buf[NSN_PORTS_STRLEN];
	int r = nsn_ports_parse(&p, text, &err);

	if (r < 0) {
		must_explain(r, &err, NSNET_E_BAD_PORT);
		return;
	}
	must(p.first <= p.last && (p.first > 0 || p.last == 0 || p.last == 65535));
	must(nsn_ports_parse(&again, nsn_ports_str(&p, buf), NULL) == 0);
	must(nsn_ports_same(&p, &again));
}

static void fuzz_publish(const char *text)
{
	struct nsn_publish p = {0}, again = {0};
	struct nsnet_err err = {0};
	char buf[NSN_PUBLISH_STRLEN];
	int r = nsn_publish_parse(&p, text, &err);

	if (r < 0) {
		must_explain(r, &err, NSNET_E_BAD_PUBLISH);
		return;
	}
	must(p.port > 0);
	must(nsn_publish_parse(&again, nsn_publish_str(&p, buf), NULL) == 0);
	must(nsn_publish_same(&p, &again) && nsn_publish_clash(&p, &again));
	must(!nsn_publish_is_local(&p) || !nsn_publish_is_global(&p));
}

static void fuzz_flow(const char *text)
{
	struct nsn_flow f = {0}, again = {0};
	struct nsnet_err err = {0};
	char buf[NSN_FLOW_STRLEN];
	int r = nsn_flow_parse(&f, text, &err);

	if (r < 0) {
		must(err.id == NSNET_E_BAD_FLOW || err.id == NSNET_E_BAD_PEER ||
		     err.id == NSNET_E_DNS_PEER || err.id == NSNET_E_BAD_PORT);
		must_explain(r, &err, err.id);
		return;
	}
	must(nsn_flow_parse(&again, nsn_flow_str(&f, buf), NULL) == 0);
	must(nsn_peer_same(&f.from, &again.from) && nsn_peer_same(&f.to, &again.to));
	must(nsn_ports_same(&f.ports, &again.ports));
}

static void fuzz_time(const char *text)
{
	struct nsnet_err err = {0};
	char buf[NSN_TIME_STRLEN];
	int64_t at = 0, again = 0;
	int r = nsn_time_parse(&at, text, &err);

	if (r < 0) {
		must_explain(r, &err, NSNET_E_BAD_TIME);
		return;
	}
	must(at > 0 && at < INT64_C(253402300800));
	must(nsn_time_parse(&again, nsn_time_str(at, buf), NULL) == 0 && again == at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *lined = malloc(size + 1);
	const char *lines[LINES];
	size_t n;

	if (!text || !lined) {
		free(text);
		free(lined);
		return 0;
	}
	memcpy(text, data, size);
	text[size] = '\0';
	memcpy(lined, text, size + 1);
	fuzz_ip(text);
	fuzz_prefix(text);
	fuzz_subnet(text, 0);
	fuzz_subnet(text, 1);
	fuzz_name(text);
	fuzz_rate(text);
	fuzz_peer(text);
	fuzz_ports(text);
	fuzz_publish(text);
	fuzz_flow(text);
	fuzz_time(text);
	n = split(lined, lines);
	fuzz_definition(text, lines, n);
	fuzz_apply(text, lines[n - 1]);
	free(text);
	free(lined);
	return 0;
}
