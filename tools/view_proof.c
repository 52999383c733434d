/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify, as text and as a document */
#include "view_proof.h"

#include <inttypes.h>
#include <langinfo.h>
#include <string.h>

#include "change.h"

/* ---- words and signs ------------------------------------------------------------- */

const char *view_hash(const char *hash, char buf[VIEW_HASH_SIZE])
{
	(void)snprintf(buf, VIEW_HASH_SIZE, "%.12s", hash && *hash ? hash : "-");
	return buf;
}

const char *view_proved_word(enum nsnet_proved v)
{
	switch (v) {
	case NSNET_PROVED:
		return "proved";
	case NSNET_VIOLATION:
		return "violation";
	case NSNET_NOTED:
		return "note";
	case NSNET_INCONCLUSIVE:
		break;
	}
	return "inconclusive";
}

/* The same for people: loud. Whatever is none of these is not proved. */
static const char *verdict_text(enum nsnet_proved v)
{
	switch (v) {
	case NSNET_PROVED:
		return "PROVED";
	case NSNET_VIOLATION:
		return "VIOLATION";
	case NSNET_NOTED:
		return "NOTE";
	case NSNET_INCONCLUSIVE:
		break;
	}
	return "INCONCLUSIVE";
}

const char *view_sign(enum view_sign s)
{
	static const char *const unicode[] = {"●", "○", "✕", "?", "·", "–"};
	static const char *const ascii[] = {"*", "o", "X", "?", ".", "-"};
	bool has = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;

	return has ? unicode[s] : ascii[s];
}

static enum view_sign finding_sign(const struct nsnet_proof_finding *f)
{
	switch (f->verdict) {
	case NSNET_VIOLATION:
		return VIEW_VIOLATION;
	case NSNET_PROVED:
	case NSNET_NOTED:
		return VIEW_NOTE;
	case NSNET_INCONCLUSIVE:
		break;
	}
	return VIEW_UNKNOWN;
}

static const char *color_on(const struct out *o, enum nsnet_proved v)
{
	if (!out_colored(o, o->to))
		return "";
	switch (v) {
	case NSNET_PROVED:
		return "\033[1;32m";
	case NSNET_VIOLATION:
		return "\033[1;31m";
	case NSNET_NOTED:
		return "";
	case NSNET_INCONCLUSIVE:
		break;
	}
	return "\033[1;33m";
}

static const char *color_off(const struct out *o, enum nsnet_proved v)
{
	return *color_on(o, v) ? "\033[0m" : "";
}

/* ---- text ------------------------------------------------------------------------ */

static const char *count(size_t n, const char *one, const char *many, char buf[CHANGE_COUNT_SIZE])
{
	return change_count(n, one, many, buf);
}

static void ms(FILE *to, unsigned int us)
{
	if (us < 10000)
		fprintf(to, "%.1f ms", us / 1000.0);
	else if (us < 10000000)
		fprintf(to, "%.0f ms", us / 1000.0);
	else
		fprintf(to, "%.1f s", us / 1000000.0);
}

static void head(const struct out *o, const struct nsnet_proof *p)
{
	char a[CHANGE_COUNT_SIZE], b[CHANGE_COUNT_SIZE], c[CHANGE_COUNT_SIZE];
	char hash[VIEW_HASH_SIZE], at[OUT_TIME_SIZE];

	fprintf(o->to, "verify  %s, %s, %s",
		p->host ? count(p->n_tenants, "network", "networks", a)
			: count(p->n_tenants, "tenant", "tenants", a),
		p->host ? count(p->n_endpoints, "member", "members", b)
			: count(p->n_endpoints, "endpoint", "endpoints", b),
		count(p->n_namespaces, "namespace", "namespaces", c));
	if (p->n_foreign)
		fprintf(o->to, " (%zu of others)", p->n_foreign);
	fprintf(o->to, ", %s, %s\n", count(p->n_links, "link", "links", a),
		count(p->n_rules, "rule", "rules", b));
	fprintf(o->to, "state   %s%s of %s, ", view_hash(p->hash, hash),
		p->from_file ? " (from a file)" : "", out_time(p->at, at));
	if (!p->from_file) {
		fputs("read in ", o->to);
		ms(o->to, p->read_us);
		fputs(", ", o->to);
	}
	fputs("looked through in ", o->to);
	ms(o->to, p->prove_us);
	if (p->host) {
		fputc('\n', o->to);
		view_host_text(o, p);
		return;
	}
	fprintf(o->to, "\npairs   %zu: %zu apart (no path exists), %zu joined\n", p->n_pairs,
		p->n_apart, p->n_joined);
}

static void labelled(const struct out *o, const char *label, const char *text)
{
	fprintf(o->to, "     %s", label);
	out_safe(o->to, text);
	fputc('\n', o->to);
}

static void sides(const struct out *o, const char *from, const char *to)
{
	if (*from) {
		fputs("  ", o->to);
		out_safe(o->to, from);
	}
	if (*to) {
		fputs(*from ? " -> " : "  -> ", o->to);
		out_safe(o->to, to);
	}
}

static void finding(const struct out *o, const struct nsnet_proof_finding *f)
{
	fprintf(o->to, "\n %s%s %s%s", color_on(o, f->verdict), view_sign(finding_sign(f)), f->kind,
		color_off(o, f->verdict));
	sides(o, f->from, f->to);
	if (*f->where) {
		fputs("  (", o->to);
		out_safe(o->to, f->where);
		fputc(')', o->to);
	}
	fputc('\n', o->to);
	labelled(o, "", f->what);
	for (size_t i = 0; i < f->n_evidence; i++)
		labelled(o, "  ", f->evidence[i]);
	if (f->wire && *f->wire)
		labelled(o, "on the wire: ", f->wire);
	if (*f->hint)
		labelled(o, "hint: ", f->hint);
}

/* Violations, what is not known, notes. */
static void findings(const struct out *o, const struct nsnet_proof *p)
{
	static const enum nsnet_proved order[] = {NSNET_VIOLATION, NSNET_INCONCLUSIVE, NSNET_PROVED,
						  NSNET_NOTED};

	for (size_t k = 0; k < NSN_COUNT(order); k++)
		for (size_t i = 0; i < p->n_findings; i++)
			if (p->findings[i].verdict == order[k])
				finding(o, &p->findings[i]);
}

static void pair(const struct out *o, const struct nsnet_proof_pair *p)
{
	fprintf(o->to, " %s%s%s ", color_on(o, p->verdict), verdict_text(p->verdict),
		color_off(o, p->verdict));
	sides(o, p->from, p->to);
	if (p->verdict != NSNET_PROVED) {
		fputs(": ", o->to);
		out_safe(o->to, *p->reason ? p->reason : "no reason is known");
	} else if (!p->joined) {
		fputs(": by absence, no path exists", o->to);
	} else if (!*p->allows) {
		fputs(": joined, and nothing can be opened", o->to);
	} else {
		fputs(": nothing but ", o->to);
		out_safe(o->to, p->allows);
	}
	fputc('\n', o->to);
}

static void theorem(const struct out *o, const struct nsnet_theorem *t)
{
	fprintf(o->to, " T%u %s%s%s  ", t->number, color_on(o, t->verdict),
		verdict_text(t->verdict), color_off(o, t->verdict));
	out_safe(o->to, t->says);
	if (*t->unit)
		fprintf(o->to, " (%zu %s)", t->checked, t->unit);
	fputc('\n', o->to);
}

static void theorems(const struct out *o, const struct nsnet_proof *p)
{
	bool any = false;

	for (size_t i = 0; i < p->n_theorems; i++) {
		if (p->theorems[i].verdict == NSNET_PROVED && !o->verbose)
			continue;
		if (!any)
			fputc('\n', o->to);
		any = true;
		theorem(o, &p->theorems[i]);
	}
}

/* What was sent; one by one where it is not as it should be, or with -v. */
static void wire(const struct out *o, const struct nsnet_wire *w)
{
	char a[CHANGE_COUNT_SIZE], b[CHANGE_COUNT_SIZE];

	fprintf(o->to, "\nwire    %s between %s%s: %zu delivered, %zu blocked, %zu untested; in ",
		count(w->n, "probe", "probes", a), count(w->pairs, "pair", "pairs", b),
		w->sampled ? " (a sample)" : "", w->delivered, w->blocked, w->untested);
	ms(o->to, w->took_us);
	fprintf(o->to, " (%zu sentinels, %zu controls)\n", w->sentinels, w->controls);
	for (size_t i = 0; o->verbose && i < w->n_listed; i++) {
		const struct nsnet_probed *p = &w->list[i];

		fprintf(o->to, " %s  ", p->end);
		out_safe(o->to, p->packet);
		sides(o, p->from, p->to);
		if (*p->why) {
			fputs(": ", o->to);
			out_safe(o->to, p->why);
		}
		fputc('\n', o->to);
	}
	if (*w->bundle) {
		fputs("bundle  ", o->to);
		out_safe(o->to, w->bundle);
		fputc('\n', o->to);
	}
}

static size_t findings_of(const struct nsnet_proof *p, enum nsnet_proved v)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_findings; i++)
		n += p->findings[i].verdict == v;
	return n;
}

static void verdict(const struct out *o, const struct nsnet_proof *p, bool asked)
{
	const enum nsnet_proved v = p->verdict;
	char hash[VIEW_HASH_SIZE], a[CHANGE_COUNT_SIZE], b[CHANGE_COUNT_SIZE];

	(void)view_hash(p->hash, hash);
	fprintf(o->to, "%s%s%s  ", color_on(o, v), p->wire ? p->wire->verdict : verdict_text(v),
		color_off(o, v));
	if (v == NSNET_PROVED && p->host)
		fprintf(o->to,
			"the networks are apart, and none reaches a program or another's gateway "
			"address of the host, by the state %s\n",
			hash);
	else if (v == NSNET_PROVED)
		fprintf(o->to,
			"no packet outside policy can be delivered%s, by the state %s "
			"(no path: %s; within policy: %s)%s\n",
			asked ? " between those named" : "", hash,
			count(p->n_apart, "pair", "pairs", a),
			count(p->n_joined, "pair", "pairs", b), p->wire ? ", and none was" : "");
	else if (v == NSNET_VIOLATION)
		fprintf(o->to, "%s, %zu inconclusive, by the state %s\n",
			count(findings_of(p, v), "violation", "violations", a),
			findings_of(p, NSNET_INCONCLUSIVE), hash);
	else
		fprintf(o->to,
			"nothing is proved, and no violation was found: %s could not be modelled, "
			"read or finished; state %s\n",
			count(findings_of(p, NSNET_INCONCLUSIVE), "thing", "things", a), hash);
}

void view_proof_text(const struct out *o, const struct nsnet_proof *p, bool asked)
{
	if (!o->quiet) {
		head(o, p);
		findings(o, p);
		theorems(o, p);
		if ((asked || o->verbose || o->format == OUT_WIDE) && p->n_listed)
			fputc('\n', o->to);
		for (size_t i = 0;
		     (asked || o->verbose || o->format == OUT_WIDE) && i < p->n_listed; i++)
			pair(o, &p->pairs[i]);
		if (o->verbose && p->n_not_covered)
			fputs("\nnot covered, never counted as passed:\n", o->to);
		for (size_t i = 0; o->verbose && i < p->n_not_covered; i++)
			labelled(o, "", p->not_covered[i]);
		if (p->wire)
			wire(o, p->wire);
		fputc('\n', o->to);
	}
	verdict(o, p, asked);
}

/* ---- document -------------------------------------------------------------------- */

static json_t *finding_json(const void *list, size_t i)
{
	const struct nsnet_proof_finding *f = &((const struct nsnet_proof_finding *)list)[i];

	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "kind", f->kind,
			 "verdict", view_proved_word(f->verdict), "theorem",
			 f->theorem ? json_integer(f->theorem) : json_null(), "from",
			 out_json_text_or_null(f->from), "to", out_json_text_or_null(f->to),
			 "where", out_json_text_or_null(f->where), "what", out_json_text(f->what),
			 "hint", out_json_text_or_null(f->hint), "evidence",
			 out_json_texts(f->evidence, f->n_evidence), "pid",
			 f->pid ? json_integer(f->pid) : json_null(), "wire",
			 out_json_text_or_null(f->wire));
}

static json_t *probed_json(const void *list, size_t i)
{
	const struct nsnet_probed *x = &((const struct nsnet_probed *)list)[i];

	return json_pack("{s:o, s:o, s:s, s:o, s:s, s:o, s:o, s:s}", "from", out_json_text(x->from),
			 "to", out_json_text(x->to), "kind", x->kind, "packet",
			 out_json_text(x->packet), "end", x->end, "seen_at",
			 out_json_text_or_null(x->seen_at), "why", out_json_text_or_null(x->why),
			 "expected", x->expected);
}

static json_t *array(const void *list, size_t n, json_t *(*one)(const void *list, size_t i));

static json_t *wire_json(const struct nsnet_wire *w)
{
	if (!w)
		return json_null();
	return json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
		"verdict", w->verdict, "probes", (json_int_t)w->n, "delivered",
		(json_int_t)w->delivered, "blocked", (json_int_t)w->blocked, "untested",
		(json_int_t)w->untested, "pairs", (json_int_t)w->pairs, "sampled", (int)w->sampled,
		"sent", (json_int_t)w->sent, "heard", (json_int_t)w->heard, "dropped",
		(json_int_t)w->dropped, "sentinels", (json_int_t)w->sentinels, "controls",
		(json_int_t)w->controls, "took_us", (json_int_t)w->took_us, "listed",
		array(w->list, w->n_listed, probed_json), "bundle",
		out_json_text_or_null(w->bundle));
}

static json_t *theorem_json(const void *list, size_t i)
{
	const struct nsnet_theorem *t = &((const struct nsnet_theorem *)list)[i];

	return json_pack("{s:i, s:o, s:s, s:I, s:o}", "number", (int)t->number, "says",
			 out_json_text(t->says), "verdict", view_proved_word(t->verdict), "checked",
			 (json_int_t)t->checked, "unit", out_json_text_or_null(t->unit));
}

static json_t *pair_json(const void *list, size_t i)
{
	const struct nsnet_proof_pair *p = &((const struct nsnet_proof_pair *)list)[i];

	return json_pack("{s:o, s:o, s:s, s:b, s:o, s:o}", "from", out_json_text(p->from), "to",
			 out_json_text(p->to), "verdict", view_proved_word(p->verdict), "joined",
			 (int)p->joined, "allows", out_json_text_or_null(p->allows), "reason",
			 out_json_text_or_null(p->reason));
}

static json_t *array(const void *list, size_t n, json_t *(*one)(const void *list, size_t i))
{
	NSN_AUTO(out_json_unref) json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(a, one(list, i)) < 0)
			return NULL;
	return json_incref(a);
}

static json_t *state_json(const struct nsnet_proof *p)
{
	char at[OUT_TIME_SIZE];

	return json_pack("{s:o, s:o, s:o, s:o, s:b, s:I}", "hash", out_json_text(p->hash),
			 "release", out_json_text(p->release), "boot", out_json_text(p->boot), "at",
			 out_json_text(out_time(p->at, at)), "from_file", (int)p->from_file,
			 "read_us", (json_int_t)p->read_us);
}

static json_t *counts_json(const struct nsnet_proof *p)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "tenants",
			 (json_int_t)p->n_tenants, "endpoints", (json_int_t)p->n_endpoints,
			 "namespaces", (json_int_t)p->n_namespaces, "foreign",
			 (json_int_t)p->n_foreign, "links", (json_int_t)p->n_links, "rules",
			 (json_int_t)p->n_rules, "pairs", (json_int_t)p->n_pairs, "apart",
			 (json_int_t)p->n_apart, "joined", (json_int_t)p->n_joined, "violations",
			 (json_int_t)p->n_violations, "inconclusive",
			 (json_int_t)p->n_inconclusive);
}

int view_proof_document(const struct out *o, const struct nsnet_proof *p, struct nsnet_err *err)
{
	json_t *extra = json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o, s:{s:I, s:I, s:I}, s:o}", "verdict",
		view_proved_word(p->verdict), "state", state_json(p), "counts", counts_json(p),
		"theorems", array(p->theorems, p->n_theorems, theorem_json), "findings",
		array(p->findings, p->n_findings, finding_json), "not_covered",
		out_json_texts(p->not_covered, p->n_not_covered), "cost", "prove_us",
		(json_int_t)p->prove_us, "nodes", (json_int_t)p->nodes, "memory_bytes",
		(json_int_t)p->memory, "wire", wire_json(p->wire));

	if (!extra || (p->host && view_host_json(extra, p) != 0)) {
		json_decref(extra);
		return nsn_err_nomem(err);
	}
	return out_document(o, "Proof", extra, array(p->pairs, p->n_listed, pair_json), err);
}
