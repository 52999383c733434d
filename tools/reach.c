/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reach.h"

#include <string.h>

#include "words.h"

#define LABEL "label:"

static bool carries(const struct nsnet_tenant *t, const char *label)
{
	for (size_t i = 0; i < nsnet_tenant_labels(t); i++) {
		const char *key = nsnet_tenant_label_key(t, i);
		size_t len = strlen(key);

		if (strncmp(label, key, len) == 0 && label[len] == '=' &&
		    strcmp(label + len + 1, nsnet_tenant_label_value(t, i)) == 0)
			return true;
	}
	return false;
}

/* The tenant itself, or an endpoint of it. */
static bool is_own(const char *peer, const struct nsnet_tenant *t)
{
	const char *name = nsnet_tenant_name(t);
	size_t len = strlen(name);

	return strncmp(peer, name, len) == 0 && (!peer[len] || peer[len] == '/');
}

bool reach_is(const char *peer, const struct nsnet_tenant *t)
{
	if (strcmp(peer, "tenants") == 0 || strcmp(peer, "any") == 0)
		return true;
	if (strncmp(peer, LABEL, strlen(LABEL)) == 0)
		return carries(t, peer + strlen(LABEL));
	return is_own(peer, t);
}

static size_t count_is(const char *const *peers, size_t n, const struct nsnet_tenant *t,
		       bool (*is)(const char *peer, const struct nsnet_tenant *t))
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += is(peers[i], t) ? 1 : 0;
	return found;
}

/* A rule seen from one tenant. */
struct side {
	const char *const *own, *const *peers;
	size_t n_own, n_peers;
};

static struct side side_of(const struct nsnet_rule *r, enum reach_way way)
{
	switch (way) {
	case REACH_OUT:
		return (struct side){r->from, r->to, r->n_from, r->n_to};
	case REACH_IN:
		return (struct side){r->to, r->from, r->n_to, r->n_from};
	}
	return (struct side){0};
}

/* From `tenants` to customer2 is no way from customer2 to itself. */
bool reach_applies(const struct nsnet_rule *rule, const struct nsnet_tenant *t, enum reach_way way)
{
	const struct side s = side_of(rule, way);

	return !rule->expired && count_is(s.own, s.n_own, t, reach_is) > 0 &&
	       count_is(s.peers, s.n_peers, t, is_own) < s.n_peers;
}

size_t reach_count(const struct nsnet_rules *rules, const struct nsnet_tenant *t)
{
	size_t n = 0;

	for (size_t i = 0; rules && i < nsnet_rules_count(rules); i++) {
		struct nsnet_rule r;

		nsnet_rules_get(rules, i, &r);
		if (!r.expired && (count_is(r.from, r.n_from, t, reach_is) > 0 ||
				   count_is(r.to, r.n_to, t, reach_is) > 0))
			n++;
	}
	return n;
}

/* ---- as a document ------------------------------------------------------- */

json_t *reach_json(const struct nsnet_rules *rules, const struct nsnet_tenant *t,
		   enum reach_way way)
{
	NSN_AUTO(out_json_unref) json_t *array = json_array();

	for (size_t i = 0; rules && i < nsnet_rules_count(rules); i++) {
		struct nsnet_rule r;
		struct side s;

		nsnet_rules_get(rules, i, &r);
		if (!reach_applies(&r, t, way))
			continue;
		s = side_of(&r, way);
		if (json_array_append_new(array,
					  json_pack("{s:o, s:s, s:o, s:o, s:o}", "rule",
						    out_json_text(r.name), "action",
						    r.deny ? "deny" : "allow", "own",
						    out_json_texts(s.own, s.n_own), "peers",
						    out_json_texts(s.peers, s.n_peers), "ports",
						    out_json_texts(r.ports, r.n_ports))) < 0)
			return NULL;
	}
	return json_incref(array);
}

/* ---- for people ---------------------------------------------------------- */

/* Which part of the tenant, when it is not all of it: " from customer1/app". */
static void print_part(FILE *f, const struct side *s, const struct nsnet_tenant *t,
		       enum reach_way way)
{
	const char *between = way == REACH_OUT ? " from " : " to ";

	for (size_t i = 0; i < s->n_own; i++)
		if (reach_is(s->own[i], t) && !strchr(s->own[i], '/'))
			return;
	for (size_t i = 0; i < s->n_own; i++) {
		if (reach_is(s->own[i], t)) {
			fprintf(f, "%s%s", between, s->own[i]);
			between = ",";
		}
	}
}

static char *in_words(const struct nsnet_rule *r, const struct nsnet_tenant *t, enum reach_way way)
{
	NSN_AUTO(nsn_freep) char *peers = NULL;
	NSN_AUTO(nsn_freep) char *ports = words_join(r->ports, r->n_ports);
	const struct side s = side_of(r, way);
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	peers = words_join(s.peers, s.n_peers);
	if (!f)
		return NULL;
	fprintf(f, "%s%s %s", r->deny ? "not " : "", peers ? peers : "?", ports ? ports : "?");
	print_part(f, &s, t, way);
	fprintf(f, " (rule %s)", r->name);
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

char *reach_next(const struct nsnet_rules *rules, const struct nsnet_tenant *t, enum reach_way way,
		 size_t *i)
{
	while (rules && *i < nsnet_rules_count(rules)) {
		struct nsnet_rule r;

		nsnet_rules_get(rules, (*i)++, &r);
		if (reach_applies(&r, t, way))
			return in_words(&r, t, way);
	}
	return NULL;
}
