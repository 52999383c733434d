/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_UNIT_INTENT_WORLD_H
#define TESTS_UNIT_INTENT_WORLD_H

/*
 * intent_world - tenants, policies and quarantines from words, and random ones
 *
 * Included by one file of a program, behind cmocka.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/model/policy.h"

#define NOW 1000

/* ---- a world from words ------------------------------------------------------------- */

struct world {
	struct nsn_tenant tenants[8];
	struct nsn_policy policies[16];
	struct nsn_quarantine quarantines[8];
	struct nsn_intent intent;
};

static inline struct nsn_peer peer(const char *text)
{
	struct nsnet_err err = {0};
	struct nsn_peer p = {0};

	if (nsn_peer_parse(&p, text, &err) < 0)
		fail_msg("%s", err.msg);
	return p;
}

static inline struct nsn_flow flow(const char *text)
{
	struct nsnet_err err = {0};
	struct nsn_flow f = {0};

	if (nsn_flow_parse(&f, text, &err) < 0)
		fail_msg("%s", err.msg);
	return f;
}

/* @endpoints: by spaces. */
static inline struct nsn_tenant *tenant(struct world *w, const char *name, const char *endpoints)
{
	struct nsn_tenant *t = &w->tenants[w->intent.n_tenants++];
	char *text = strdup(endpoints), *rest = text, *word;

	(void)snprintf(t->name, sizeof(t->name), "%s", name);
	t->endpoints = calloc(8, sizeof(*t->endpoints));
	t->labels = calloc(2, sizeof(*t->labels));
	assert_true(text && t->endpoints && t->labels);
	while ((word = strtok_r(rest, " ", &rest)))
		(void)snprintf(t->endpoints[t->n_endpoints++].name, NSN_NAME_MAX + 1, "%s", word);
	free(text);
	return t;
}

static inline void label(struct nsn_tenant *t, const char *value)
{
	struct nsn_label *l = &t->labels[t->n_labels++];

	memcpy(l->key, "tier", 5);
	(void)snprintf(l->value, sizeof(l->value), "%s", value);
}

static inline void peers(struct nsn_peer **ret, size_t *n, char *text)
{
	char *word;

	*ret = calloc(4, sizeof(**ret));
	assert_non_null(*ret);
	while ((word = strtok_r(text, ",", &text)))
		(*ret)[(*n)++] = peer(word);
}

/* "allow tcp/80,udp/53 a,b -> c" */
static inline struct nsn_policy *rule(struct world *w, const char *text)
{
	struct nsn_policy *p = &w->policies[w->intent.n_policies++];
	char copy[512], *rest = copy, *word;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	(void)snprintf(p->name, sizeof(p->name), "rule-%zu", w->intent.n_policies);
	p->deny = strcmp(strtok_r(rest, " ", &rest), "deny") == 0;
	word = strtok_r(rest, " ", &rest);
	p->ports = calloc(4, sizeof(*p->ports));
	assert_non_null(p->ports);
	for (char *one; (one = strtok_r(word, ",", &word));)
		assert_int_equal(nsn_ports_parse(&p->ports[p->n_ports++], one, NULL), 0);
	peers(&p->from, &p->n_from, strtok_r(rest, " ", &rest));
	assert_string_equal(strtok_r(rest, " ", &rest), "->");
	peers(&p->to, &p->n_to, strtok_r(rest, " ", &rest));
	return p;
}

/* Whether who is outside is among the callers: they come by what is published. */
static inline bool from_outside(const struct nsn_policy *p)
{
	bool is = false;

	for (size_t i = 0; i < p->n_from; i++)
		is |= p->from[i].kind == NSN_PEER_INTERNET || p->from[i].kind == NSN_PEER_HOST ||
		      p->from[i].kind == NSN_PEER_CIDR;
	return is;
}

static inline struct nsn_quarantine *quarantine(struct world *w, const char *who)
{
	struct nsn_quarantine *q = &w->quarantines[w->intent.n_quarantines++];

	q->who = peer(who);
	q->keep = calloc(4, sizeof(*q->keep));
	assert_non_null(q->keep);
	return q;
}

static inline void keep(struct nsn_quarantine *q, const char *text)
{
	q->keep[q->n_keep++] = flow(text);
}

static inline void begin(struct world *w)
{
	static const struct nsn_prefix none[1];
	static const struct nsn_ip nobody[1];

	memset(w, 0, sizeof(*w));
	w->intent.tenants = w->tenants;
	w->intent.policies = w->policies;
	w->intent.quarantines = w->quarantines;
	w->intent.now = NOW;
	w->intent.links = none;
	w->intent.host = nobody;
}

static inline void end(struct world *w)
{
	for (size_t i = 0; i < w->intent.n_tenants; i++)
		nsn_tenant_clear(&w->tenants[i]);
	for (size_t i = 0; i < w->intent.n_policies; i++)
		nsn_policy_clear(&w->policies[i]);
	for (size_t i = 0; i < w->intent.n_quarantines; i++)
		nsn_quarantine_clear(&w->quarantines[i]);
}

static const char *const cidrs[] = {
	"0.0.0.0/1",  "10.0.0.0/8",	"10.1.0.0/16", "10.1.2.0/24", "10.1.2.3",    "8.8.0.0/16",
	"8.8.4.0/24", "169.254.0.0/16", "2000::/3",    "fd00::/8",    "fd00:1::/32", "192.0.0.0/24",
};

static const struct nsn_prefix a_link = {{AF_INET, {8, 8, 8}}, 24};
/* Of networks of cidrs[], one of them whole, and one of the internet. */
static const struct nsn_ip the_host[] = {{AF_INET, {10, 1, 2, 3}}, {AF_INET, {8, 8, 4, 7}}};

/* ---- random worlds -------------------------------------------------------------------------- */

static const char *pick(const char *const *words, size_t n)
{
	return words[(size_t)random() % n];
}
#define PICK(words) pick(words, NSN_COUNT(words))

static const char *random_peer(bool inside)
{
	static const char *const tenants[] = {
		"aa",	   "aa",	   "bb",      "bb",	      "cc",
		"aa/one",  "aa/two",	   "bb/one",  "bb/two",	      "cc/one",
		"tenants", "label:tier=x", "tenants", "label:tier=y", "aa/three",
	};
	static const char *const others[] = {"any", "internet", "host"};
	long r = random() % 10;

	return inside || r < 6 ? PICK(tenants) : r < 8 ? PICK(others) : PICK(cidrs);
}

static inline void random_ports(char buf[32])
{
	static const char *const words[] = {"any",	 "any",	 "tcp",	       "udp",
					    "icmp/echo", "icmp", "tcp/1-65535"};
	static const char *const protos[] = {"tcp", "tcp", "udp", "sctp"};
	long first = random() % 9 + 1;

	if (random() % 4 == 0)
		(void)snprintf(buf, 32, "%s", PICK(words));
	else
		(void)snprintf(buf, 32, "%s/%ld-%ld", PICK(protos), first,
			       first + random() % (10 - first));
}

static inline void random_flow(char *buf, size_t size)
{
	const char *from = random_peer(false), *to = random_peer(random() % 2);
	char ports[32];

	random_ports(ports);
	if (random() % 2)
		(void)snprintf(buf, size, "%s -> %s %s", to, from, ports);
	else
		(void)snprintf(buf, size, "%s -> %s %s", from, to, ports);
}

static inline void random_rule(struct world *w)
{
	char text[512], ports[2][32];
	struct nsn_policy *p;

	random_ports(ports[0]);
	random_ports(ports[1]);
	(void)snprintf(text, sizeof(text), "%s %s,%s %s,%s -> %s,%s",
		       random() % 3 ? "allow" : "deny", ports[0], ports[1], random_peer(false),
		       random_peer(false), random_peer(false), random_peer(false));
	p = rule(w, text);
	/* Mostly one of each, so that there are gaps. */
	p->n_from -= random() % 3 != 0;
	p->n_to -= random() % 3 != 0;
	p->n_ports -= random() % 3 != 0;
	p->audit = p->deny && random() % 8 == 0;
	p->publish.port = !p->deny && (from_outside(p) || random() % 8 == 0) ? 8080 : 0;
	p->expires = random() % 4 ? 0 : NOW - 1 + random() % 3;
}

static inline void random_world(struct world *w)
{
	static const char *const names[] = {"aa", "bb", "cc"};
	static const char *const endpoints[] = {"one", "one two", "one two three", "two three", ""};
	static const char *const whos[] = {"aa",	   "bb",	   "aa/one", "bb/two",
					   "label:tier=x", "label:tier=y", "cc/one"};

	begin(w);
	for (size_t i = 0; i < 3; i++) {
		struct nsn_tenant *t = tenant(w, names[i], PICK(endpoints));

		t->inside_deny = random() % 2;
		if (random() % 2)
			label(t, random() % 2 ? "x" : "y");
	}
	for (long i = random() % 7; i > 0; i--)
		random_rule(w);
	for (long i = random() % 3 ? 0 : random() % 3 + 1; i > 0; i--) {
		struct nsn_quarantine *q = quarantine(w, PICK(whos));
		char text[256];

		for (long k = random() % 3; k > 0; k--) {
			random_flow(text, sizeof(text));
			keep(q, text);
		}
	}
	if (random() % 2) {
		w->intent.links = &a_link;
		w->intent.n_links = 1;
	}
	if (random() % 2) {
		w->intent.host = the_host;
		w->intent.n_host = NSN_COUNT(the_host);
	}
}

#endif
