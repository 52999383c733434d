/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "export.h"

#include <string.h>

/* One word stands alone, as people write it. */
static json_t *words(const char *const *list, size_t n)
{
	return n == 1 ? out_json_text(list[0]) : out_json_texts(list, n);
}

/* Sets a text unless there is none. Return: 0 or -1, like jansson. */
static int set_text(json_t *to, const char *key, const char *value)
{
	return *value ? json_object_set_new(to, key, out_json_text(value)) : 0;
}

static int set_time(json_t *to, const char *key, int64_t at)
{
	char buf[OUT_TIME_SIZE];

	return at ? json_object_set_new(to, key, out_json_text(out_time(at, buf))) : 0;
}

static json_t *rule_json(const struct nsnet_rule *r)
{
	json_t *to = json_pack("{s:o, s:o, s:o, s:o}", "name", out_json_text(r->name),
			       r->deny ? "deny" : "allow", words(r->ports, r->n_ports), "from",
			       words(r->from, r->n_from), "to", words(r->to, r->n_to));

	if (!to || set_text(to, "publish", r->publish) < 0 ||
	    set_text(to, "because", r->because) < 0 || set_text(to, "owner", r->owner) < 0 ||
	    set_time(to, "expires", r->expires) < 0 ||
	    set_text(to, "log", strcmp(r->log, "none") == 0 ? "" : r->log) < 0) {
		json_decref(to);
		return NULL;
	}
	return to;
}

json_t *export_rules(const struct nsnet_rules *rules)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < nsnet_rules_count(rules); i++) {
		struct nsnet_rule r;

		nsnet_rules_get(rules, i, &r);
		/* It comes with the tenant. */
		if (r.implied)
			continue;
		if (json_array_append_new(list, rule_json(&r)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *quarantine_entry(const struct nsnet_quarantined *q)
{
	json_t *to = json_pack("{s:o}", "who", out_json_text(q->who));

	if (!to || set_time(to, "since", q->since) < 0 || set_text(to, "because", q->because) < 0 ||
	    (q->n_keep > 0 &&
	     json_object_set_new(to, "keep", out_json_texts(q->keep, q->n_keep)) < 0)) {
		json_decref(to);
		return NULL;
	}
	return to;
}

json_t *export_quarantines(const struct nsnet_quarantines *quarantines)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < nsnet_quarantines_count(quarantines); i++) {
		struct nsnet_quarantined q;

		nsnet_quarantines_get(quarantines, i, &q);
		if (json_array_append_new(list, quarantine_entry(&q)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}
