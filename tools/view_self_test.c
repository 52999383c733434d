/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view_self_test.h"

#include "../lib/base/cleanup.h"
#include "../lib/base/err.h"
#include "view_proof.h"

static const char *said(const struct nsnet_mutant *m)
{
	return *m->kind ? m->kind : "PROVED";
}

void view_self_test_text(const struct out *o, const struct nsnet_self_tested *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct nsnet_mutant *m = &s->list[i];

		fprintf(o->to, " %s %-7s %-18s %-18s %s\n",
			view_sign(m->caught ? VIEW_ALLOWED : VIEW_VIOLATION),
			m->caught ? "caught" : "MISSED", said(m), m->name, m->planted);
		if (!m->caught || o->verbose) {
			fputs("     ", o->to);
			out_safe(o->to, m->what);
			fputc('\n', o->to);
		}
	}
	fprintf(o->to, "%s%zu of %zu caught, in %u ms\n", s->n ? "\n" : "", s->caught, s->n,
		s->took_ms);
}

static json_t *mutant_json(const struct nsnet_mutant *m)
{
	return json_pack("{s:s, s:s, s:b, s:s?, s:s?, s:s?}", "name", m->name, "planted",
			 m->planted, "caught", m->caught, "by", *m->by ? m->by : NULL, "finding",
			 *m->kind ? m->kind : NULL, "what", *m->what ? m->what : NULL);
}

int view_self_test_document(const struct out *o, const struct nsnet_self_tested *s,
			    struct nsnet_err *err)
{
	json_t *items = json_array();
	json_t *extra = json_pack("{s:I, s:I, s:I}", "planted", (json_int_t)s->n, "caught",
				  (json_int_t)s->caught, "took_ms", (json_int_t)s->took_ms);
	int bad = !items || !extra;

	for (size_t i = 0; !bad && i < s->n; i++)
		bad = json_array_append_new(items, mutant_json(&s->list[i]));
	if (bad) {
		json_decref(items);
		json_decref(extra);
		return nsn_err_nomem(err);
	}
	return out_document(o, "SelfTest", extra, items, err);
}
