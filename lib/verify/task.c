/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <jansson.h>
#include <netinet/ether.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "child.h"
#include "parts.h"

/*
 * task - the proof in a process of its own
 *
 * Its report comes back as JSON through a pipe. libbdd keeps one table for a whole process
 * and ends it when memory is short; here nobody else is hurt by that. A report that does not
 * come, or not to its end, is none: the pairs are INCONCLUSIVE.
 */

static void json_unref(json_t **j)
{
	json_decref(*j);
}

/* ---- the report as text ------------------------------------------------------------------ */

/*
 * What a line was cut in, or was named by somebody, need not be UTF-8; but no finding may be
 * lost for that. NULL: no memory.
 */
static json_t *text_json(const char *text)
{
	json_t *j = json_string(text ? text : "");
	size_t size;
	char *buf;

	if (j || !text)
		return j;
	size = 4 * strlen(text) + 4;
	buf = malloc(size);
	j = buf ? json_string(nsn_text_show(text, buf, size)) : NULL;
	free(buf);
	return j;
}

static json_t *ip_json(const struct nsn_ip *ip)
{
	char buf[NSN_IP_STRLEN];

	return json_string(ip->family ? nsn_ip_str(ip, buf) : "");
}

static json_t *shot_json(const struct nsn_shot *x)
{
	char mac[NSN_MAC_STRLEN];

	if (!x->has)
		return json_null();
	return json_pack("[I, I, I, b, i, s, o, o, i, i, i, i, i]", (json_int_t)x->ns,
			 (json_int_t)x->in, (json_int_t)x->to, (int)x->local, (int)x->etype,
			 nsn_mac_str(&x->to_mac, mac), ip_json(&x->src), ip_json(&x->dst),
			 (int)x->proto, (int)x->tcp_flags, (int)x->sport, (int)x->dport,
			 (int)x->state);
}

static json_t *finding_json(const struct nsn_finding *x)
{
	json_t *evidence = json_array();
	bool bad = !evidence;

	for (size_t i = 0; i < x->n_evidence; i++)
		bad |= json_array_append_new(evidence, text_json(x->evidence[i])) < 0;
	if (bad) {
		json_decref(evidence);
		return NULL;
	}
	return json_pack("[i, I, I, o, o, o, o, i, o]", (int)x->kind, (json_int_t)x->from,
			 (json_int_t)x->to, text_json(x->where), text_json(x->what),
			 text_json(x->hint), evidence, (int)x->pid, shot_json(&x->shot));
}

static json_t *pair_json(const struct nsn_proved_pair *x)
{
	return json_pack("[I, I, i, i, b, b, s]", (json_int_t)x->from, (json_int_t)x->to,
			 (int)x->outcome, (int)x->kind, x->joined, x->asked, x->allows);
}

/* All of it, or NULL: a report that lacks something is worse than none. */
static json_t *report_json(const struct nsn_report *r)
{
	json_t *findings = json_array(), *pairs = json_array(), *theorems = json_array();
	bool bad = false;

	for (size_t i = 0; i < r->findings.n; i++)
		bad |= json_array_append_new(findings, finding_json(&r->findings.list[i])) < 0;
	for (size_t i = 0; i < r->n_pairs; i++)
		bad |= json_array_append_new(pairs, pair_json(&r->pairs[i])) < 0;
	for (size_t i = 0; i < NSN_THEOREMS; i++)
		bad |= json_array_append_new(theorems,
					     json_pack("[i, I]", (int)r->theorems[i].outcome,
						       (json_int_t)r->theorems[i].checked)) < 0;
	if (bad) {
		json_decref(findings);
		json_decref(pairs);
		json_decref(theorems);
		return NULL;
	}
	return json_pack("{s:o, s:o, s:o, s:[I, I, I, I, I, I, I, I, I]}", "findings", findings,
			 "pairs", pairs, "theorems", theorems, "sum", (json_int_t)r->n_ordered,
			 (json_int_t)r->n_apart, (json_int_t)r->n_violations,
			 (json_int_t)r->n_inconclusive, (json_int_t)r->nodes, (json_int_t)r->steps,
			 (json_int_t)r->memory, (json_int_t)r->took_us, (json_int_t)r->unlisted);
}

static bool good_outcome(json_int_t o)
{
	return o >= 0 && o <= NSN_VIOLATION;
}

static int read_ip(struct nsn_ip *ret, const char *text)
{
	*ret = (struct nsn_ip){0};
	return *text ? nsn_ip_parse(ret, text) : 0;
}

static int read_mac(struct nsn_mac *ret, const char *text)
{
	unsigned char *b = ret->bytes;

	return ether_aton_r(text, (struct ether_addr *)(void *)b) ? 0 : -EPROTO;
}

static int read_shot(struct nsn_shot *x, json_t *j)
{
	int local, etype, proto, flags, sport, dport, state;
	const char *mac, *src, *dst;
	json_int_t ns, in, to;

	*x = (struct nsn_shot){0};
	if (json_is_null(j))
		return 0;
	if (json_unpack(j, "[I, I, I, b, i, s, s, s, i, i, i, i, i]", &ns, &in, &to, &local, &etype,
			&mac, &src, &dst, &proto, &flags, &sport, &dport, &state) < 0)
		return -EPROTO;
	*x = (struct nsn_shot){.has = true,
			       .ns = (size_t)ns,
			       .in = (uint32_t)in,
			       .to = (size_t)to,
			       .local = local,
			       .etype = (uint16_t)etype,
			       .proto = (uint8_t)proto,
			       .tcp_flags = (uint8_t)flags,
			       .sport = (uint16_t)sport,
			       .dport = (uint16_t)dport,
			       .state = (uint8_t)state};
	return read_ip(&x->src, src) < 0 || read_ip(&x->dst, dst) < 0 ||
			       read_mac(&x->to_mac, mac) < 0
		       ? -EPROTO
		       : 0;
}

static int read_finding(struct nsn_report *r, json_t *j)
{
	const char *where, *what, *hint;
	json_int_t from, to;
	json_t *evidence, *line, *shot;
	struct nsn_finding *x;
	int kind, pid;
	size_t i;

	if (json_unpack(j, "[i, I, I, s, s, s, o, i, o]", &kind, &from, &to, &where, &what, &hint,
			&evidence, &pid, &shot) < 0 ||
	    kind < 0 || kind >= NSN_FINDING_KINDS)
		return -EPROTO;
	x = nsn_findings_add(&r->findings, (enum nsn_finding_kind)kind, (uint64_t)from,
			     (uint64_t)to);
	if (!x)
		return -ENOMEM;
	x->pid = pid;
	if (read_shot(&x->shot, shot) < 0)
		return -EPROTO;
	x->where = nsn_arena_strdup(&r->findings.mem, where);
	if (!x->where || nsn_finding_say(&r->findings, x, "%s", what) < 0 ||
	    nsn_finding_hint(&r->findings, x, "%s", hint) < 0)
		return -ENOMEM;
	json_array_foreach(evidence, i,
			   line) if (!json_is_string(line) ||
				     nsn_finding_show(&r->findings, x, "%s",
						      json_string_value(line)) < 0) return -ENOMEM;
	return 0;
}

static int read_pairs(struct nsn_report *r, json_t *list)
{
	json_t *j;
	size_t i;

	r->pairs = calloc(json_array_size(list) + 1, sizeof(*r->pairs));
	if (!r->pairs)
		return -ENOMEM;
	json_array_foreach(list, i, j)
	{
		struct nsn_proved_pair *x = &r->pairs[i];
		json_int_t from, to;
		const char *allows;
		int outcome, kind, joined, asked;

		if (json_unpack(j, "[I, I, i, i, b, b, s]", &from, &to, &outcome, &kind, &joined,
				&asked, &allows) < 0 ||
		    !good_outcome(outcome) || kind < 0 || kind >= NSN_FINDING_KINDS)
			return -EPROTO;
		*x = (struct nsn_proved_pair){.from = (size_t)from,
					      .to = (size_t)to,
					      .outcome = (enum nsn_outcome)outcome,
					      .kind = (enum nsn_finding_kind)kind,
					      .joined = joined,
					      .asked = asked};
		(void)strncpy(x->allows, allows, sizeof(x->allows) - 1);
		r->n_pairs = i + 1;
	}
	return 0;
}

static int read_sum(struct nsn_report *r, json_t *doc, json_t *theorems)
{
	json_int_t v[9], checked;
	int outcome;

	if (json_unpack(doc, "{s:[I, I, I, I, I, I, I, I, I]}", "sum", &v[0], &v[1], &v[2], &v[3],
			&v[4], &v[5], &v[6], &v[7], &v[8]) < 0 ||
	    !good_outcome(v[8]) || json_array_size(theorems) != NSN_THEOREMS)
		return -EPROTO;
	for (size_t i = 0; i < NSN_THEOREMS; i++) {
		if (json_unpack(json_array_get(theorems, i), "[i, I]", &outcome, &checked) < 0 ||
		    !good_outcome(outcome))
			return -EPROTO;
		r->theorems[i] =
			(struct nsn_theorem_said){(enum nsn_outcome)outcome, (size_t)checked};
	}
	r->n_ordered = (size_t)v[0];
	r->n_apart = (size_t)v[1];
	r->n_violations = (size_t)v[2];
	r->n_inconclusive = (size_t)v[3];
	r->nodes = (size_t)v[4];
	r->steps = (size_t)v[5];
	r->memory = (uint64_t)v[6];
	r->took_us = (unsigned int)v[7];
	r->unlisted = (enum nsn_outcome)v[8];
	return 0;
}

static int read_report(struct nsn_report *r, json_t *doc)
{
	json_t *findings, *pairs, *theorems, *j;
	int bad = 0;
	size_t i;

	if (!doc || json_unpack(doc, "{s:o, s:o, s:o}", "findings", &findings, "pairs", &pairs,
				"theorems", &theorems) < 0)
		return -EPROTO;
	json_array_foreach(findings, i, j) if (!bad) bad = read_finding(r, j);
	if (!bad)
		bad = read_pairs(r, pairs);
	return bad ? bad : read_sum(r, doc, theorems);
}

/* ---- the process -------------------------------------------------------------------------- */

struct work {
	const struct nsn_snap *snap;
	const struct nsn_intent *intent;
	const struct nsn_prove_how *how;
};

static json_t *prove(void *arg)
{
	const struct work *w = arg;
	struct nsn_prove_how own = *w->how;
	struct nsn_report r = {0};
	struct nsnet_err err = {0};

	own.parts = nsn_parts_usual();
	return nsn_prove(w->snap, w->intent, &own, &r, &err) < 0 ? NULL : report_json(&r);
}

int nsn_report_send(int fd, const struct nsn_report *r)
{
	return nsn_child_send(fd, report_json(r));
}

int nsn_report_hear(int fd, unsigned int seconds, struct nsn_report *ret)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;
	const int r = nsn_child_hear(fd, seconds, &doc);

	return r < 0 ? r : read_report(ret, doc);
}

static void give_up(const struct nsn_intent *intent, const struct nsn_prove_how *how,
		    struct nsn_report *ret, const char *why)
{
	const size_t n = intent->n_tenants;
	struct nsn_finding *x;

	nsn_report_clear(ret);
	x = nsn_findings_add(&ret->findings, NSN_FIND_BUDGET, 0, 0);
	if (x)
		(void)nsn_finding_say(&ret->findings, x, "the proof ended without an answer: %s",
				      why);
	ret->n_ordered = how->pairs ? how->n_pairs : n * (n ? n - 1 : 0);
	ret->n_inconclusive = ret->n_ordered;
	for (size_t i = 0; i < NSN_THEOREMS; i++)
		ret->theorems[i].outcome = NSN_INCONCLUSIVE;
	/* Even nobody's proof is none when it did not come to its end. */
	ret->gave_up = true;
}

int nsn_prove_apart(const struct nsn_snap *snap, const struct nsn_intent *intent,
		    const struct nsn_prove_how *how, struct nsn_report *ret, struct nsnet_err *err)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;
	struct work w = {snap, intent, how};
	int r;

	*ret = (struct nsn_report){0};
	r = nsn_child_ask(prove, &w, how->seconds, &doc, err);
	if (r == 0)
		r = read_report(ret, doc);
	if (r == -ENOMEM)
		return nsn_err_nomem(err);
	if (r < 0 && r != -ETIMEDOUT && r != -EPROTO)
		return r;
	if (r < 0)
		give_up(intent, how, ret,
			r == -ETIMEDOUT ? "it took too long" : "its process died (memory?)");
	return 0;
}
