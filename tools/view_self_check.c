/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view_self_check.h"

#include <inttypes.h>
#include <string.h>

#include "cmd.h"

static const char *ns_word(enum nsnet_ns ns)
{
	static const char *const words[NSNET_NS_COUNT] = {
		[NSNET_NS_PID] = "pid",	      [NSNET_NS_NET] = "net",	[NSNET_NS_MNT] = "mnt",
		[NSNET_NS_IPC] = "ipc",	      [NSNET_NS_UTS] = "uts",	[NSNET_NS_USER] = "user",
		[NSNET_NS_CGROUP] = "cgroup", [NSNET_NS_TIME] = "time",
	};

	return words[ns];
}

static bool is_good(enum nsnet_verdict verdict)
{
	return verdict == NSNET_ISOLATED || verdict == NSNET_SHARED_JUSTIFIED;
}

/* "SHARED(justified, exception #3)" */
static char *verdict_text(const struct nsnet_finding *f)
{
	char *text;

	switch (f->verdict) {
	case NSNET_ISOLATED:
		return strdup("ISOLATED");
	case NSNET_SHARED_JUSTIFIED:
		return asprintf(&text, "SHARED(justified, exception #%" PRIu64 ")", f->exception) <
				       0
			       ? NULL
			       : text;
	case NSNET_SHARED_UNEXPLAINED:
		return strdup("SHARED(unexplained)");
	case NSNET_NOT_TESTED:
		return strdup("NOT TESTED");
	}
	return NULL;
}

static const char *verdict_word(enum nsnet_verdict verdict)
{
	switch (verdict) {
	case NSNET_ISOLATED:
		return "isolated";
	case NSNET_SHARED_JUSTIFIED:
		return "shared-justified";
	case NSNET_SHARED_UNEXPLAINED:
		return "shared-unexplained";
	case NSNET_NOT_TESTED:
		return "not-tested";
	}
	return "";
}

/* "process 4711 (dhclient) of user 0, with all capabilities of the host's user namespace, in..." */
static char *stranger_text(const struct nsnet_stranger *s)
{
	char *text;

	return asprintf(&text, "process %" PRId32 " (%s) of user %" PRIu32 ", %s%s%s%s%s", s->pid,
			s->comm, s->uid, *s->caps ? s->caps : "no",
			strcmp(s->caps, "all") != 0 && *s->caps ? "" : " capabilities",
			s->host_users ? " in the host's user namespace"
				      : " in a user namespace of its own",
			*s->unit ? ", of " : "", s->unit) < 0
		       ? NULL
		       : text;
}

/* ---- rows ------------------------------------------------------------------------ */

static const struct self_check_row *row(const void *item)
{
	return item;
}

static char *cell_who(const void *item)
{
	const struct self_check_row *r = row(item);
	const char *tenant = r->who ? r->who->tenant : r->stranger->tenant;
	const char *endpoint = r->who ? r->who->endpoint : r->stranger->endpoint;
	char *text;

	if (!*endpoint)
		return asprintf(&text, "%s%s", tenant, r->who ? "" : " (gateway)") < 0 ? NULL
										       : text;
	return asprintf(&text, "%s%s%s", tenant, *tenant ? "/" : "", endpoint) < 0 ? NULL : text;
}

static char *cell_workload(const void *item)
{
	const struct self_check_row *r = row(item);

	return strdup(!r->who ? "-" : *r->who->workload ? r->who->workload : "canary");
}

static char *cell_check(const void *item)
{
	return strdup(row(item)->finding ? ns_word(row(item)->finding->ns) : "stranger");
}

static char *cell_verdict(const void *item)
{
	const struct self_check_row *r = row(item);

	if (r->finding)
		return verdict_text(r->finding);
	return strdup(r->stranger->unexplained ? "STRANGER(unexplained)" : "STRANGER(harmless)");
}

static const char *verdict_color(const void *item)
{
	const struct self_check_row *r = row(item);

	if (r->stranger)
		return r->stranger->unexplained ? "red" : "yellow";
	switch (r->finding->verdict) {
	case NSNET_ISOLATED:
		return NULL;
	case NSNET_SHARED_JUSTIFIED:
		return "yellow";
	case NSNET_SHARED_UNEXPLAINED:
	case NSNET_NOT_TESTED:
		return "red";
	}
	return NULL;
}

static char *or_dash(const char *text)
{
	return strdup(text && *text ? text : "-");
}

static char *cell_why(const void *item)
{
	const struct self_check_row *r = row(item);

	return r->stranger ? stranger_text(r->stranger) : or_dash(r->finding->why);
}

static char *plain_why(const void *item)
{
	const struct self_check_row *r = row(item);

	return r->stranger ? stranger_text(r->stranger) : strdup(r->finding->why);
}

static char *cell_inside(const void *item)
{
	return or_dash(row(item)->finding ? row(item)->finding->inside : NULL);
}

static char *cell_outside(const void *item)
{
	return or_dash(row(item)->finding ? row(item)->finding->outside : NULL);
}

static char *cell_kernel(const void *item)
{
	return or_dash(row(item)->finding ? row(item)->finding->kernel : NULL);
}

static char *cell_remedy(const void *item)
{
	return or_dash(row(item)->stranger ? row(item)->stranger->remedy : NULL);
}

const struct out_column self_check_columns[] = {
	{"WHO", 0, cell_who},
	{"WORKLOAD", 0, cell_workload},
	{"CHECK", 0, cell_check},
	{"VERDICT", 0, cell_verdict, verdict_color},
	{"WHY", 0, cell_why, .plain = plain_why},
	{"REMEDY", OUT_ONLY_WIDE, cell_remedy},
	{"INSIDE", OUT_ONLY_WIDE, cell_inside},
	{"OUTSIDE", OUT_ONLY_WIDE, cell_outside},
	{"KERNEL", OUT_ONLY_WIDE, cell_kernel},
	{0},
};

/* ---- text ------------------------------------------------------------------------ */

static void line(const struct out *o, const char *what, const char *text)
{
	if (!*text)
		return;
	fprintf(o->to, "          %-8s ", what);
	out_safe(o->to, text);
	fputc('\n', o->to);
}

static void finding_text(const struct out *o, const struct nsnet_finding *f)
{
	NSN_AUTO(nsn_freep) char *verdict = verdict_text(f);

	fprintf(o->to, "  %-7s %s%s", ns_word(f->ns), verdict ? verdict : "", *f->why ? ": " : "");
	out_safe(o->to, f->why);
	fputc('\n', o->to);
	line(o, "inside", f->inside);
	line(o, "outside", f->outside);
	line(o, "kernel", f->kernel);
}

static void checked_text(const struct out *o, const struct nsnet_checked *c)
{
	out_safe(o->to, c->tenant);
	fprintf(o->to, "%s", *c->tenant && *c->endpoint ? "/" : "");
	out_safe(o->to, c->endpoint);
	if (*c->workload) {
		fprintf(o->to, ", workload %s (process %" PRId32 "): ", c->workload, c->pid);
		out_safe(o->to, c->command);
		fputc('\n', o->to);
	} else {
		fputs(", a workload that was started for this\n", o->to);
	}
	for (size_t i = 0; i < c->n_findings; i++)
		finding_text(o, &c->findings[i]);
}

void view_self_check_text(const struct out *o, const struct nsnet_self_check *c)
{
	for (size_t i = 0; i < nsnet_self_check_count(c); i++)
		checked_text(o, nsnet_self_check_get(c, i));
	for (size_t i = 0; i < nsnet_self_check_strangers(c); i++) {
		const struct nsnet_stranger *s = nsnet_self_check_stranger(c, i);
		const struct self_check_row r = {.stranger = s};
		NSN_AUTO(nsn_freep) char *who = cell_who(&r);
		NSN_AUTO(nsn_freep) char *verdict = cell_verdict(&r);
		NSN_AUTO(nsn_freep) char *text = stranger_text(s);

		fprintf(o->to, "%s, %s: ", who ? who : "", verdict ? verdict : "");
		out_safe(o->to, text ? text : "");
		fputc('\n', o->to);
		line(o, "remedy", s->remedy);
	}
}

void view_self_check_sum(const struct out *o, const struct nsnet_self_check *c)
{
	size_t all = 0, count[NSNET_NOT_TESTED + 1] = {0}, bad = 0;

	for (size_t i = 0; i < nsnet_self_check_count(c); i++) {
		const struct nsnet_checked *one = nsnet_self_check_get(c, i);

		for (size_t k = 0; k < one->n_findings; k++, all++)
			count[one->findings[k].verdict]++;
	}
	for (size_t i = 0; i < nsnet_self_check_strangers(c); i++)
		bad += nsnet_self_check_stranger(c, i)->unexplained;
	if (all == 0) {
		fputs("nothing was tested: there is no tenant and no workload\n", o->to);
		return;
	}
	fprintf(o->to, "%s: %zu of %zu namespaces isolated",
		nsnet_self_check_good(c) ? "good" : "BAD", count[NSNET_ISOLATED], all);
	if (count[NSNET_SHARED_JUSTIFIED])
		fprintf(o->to, ", %zu shared for a reason", count[NSNET_SHARED_JUSTIFIED]);
	if (count[NSNET_SHARED_UNEXPLAINED])
		fprintf(o->to, ", %zu SHARED", count[NSNET_SHARED_UNEXPLAINED]);
	if (count[NSNET_NOT_TESTED])
		fprintf(o->to, ", %zu NOT TESTED", count[NSNET_NOT_TESTED]);
	if (nsnet_self_check_strangers(c))
		fprintf(o->to, "; strangers: %zu, of which %zu could change network or host",
			nsnet_self_check_strangers(c), bad);
	fputc('\n', o->to);
}

/* ---- documents ------------------------------------------------------------------- */

static json_t *finding_json(const struct nsnet_finding *f)
{
	return json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b}", "namespace",
			 ns_word(f->ns), "verdict", verdict_word(f->verdict), "good",
			 (int)is_good(f->verdict), "exception",
			 f->exception ? json_integer((json_int_t)f->exception) : json_null(), "why",
			 out_json_text_or_null(f->why), "inside", out_json_text_or_null(f->inside),
			 "outside", out_json_text_or_null(f->outside), "kernel",
			 out_json_text_or_null(f->kernel), "differs_by_number", (int)!f->by_number,
			 "seen_across", (int)f->by_canary, "tested", (int)f->tested);
}

static json_t *checked_json(const struct nsnet_checked *c)
{
	json_t *findings = json_array();

	for (size_t i = 0; findings && i < c->n_findings; i++)
		if (json_array_append_new(findings, finding_json(&c->findings[i])) < 0) {
			json_decref(findings);
			return NULL;
		}
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o}", "tenant", out_json_text_or_null(c->tenant),
		"endpoint", out_json_text_or_null(c->endpoint), "workload",
		out_json_text_or_null(c->workload), "command", out_json_text_or_null(c->command),
		"pid", c->pid ? json_integer(c->pid) : json_null(), "findings", findings);
}

static json_t *stranger_json(const struct nsnet_stranger *s)
{
	return json_pack("{s:o, s:o, s:I, s:I, s:o, s:o, s:b, s:o, s:o, s:b}", "tenant",
			 out_json_text(s->tenant), "endpoint", out_json_text_or_null(s->endpoint),
			 "pid", (json_int_t)s->pid, "uid", (json_int_t)s->uid, "name",
			 out_json_text(s->comm), "capabilities", out_json_text(s->caps),
			 "host_user_namespace", (int)s->host_users, "unit",
			 out_json_text_or_null(s->unit), "remedy", out_json_text(s->remedy),
			 "unexplained", (int)s->unexplained);
}

int view_self_check_document(const struct out *o, const struct nsnet_self_check *c,
			     struct nsnet_err *err)
{
	NSN_AUTO(out_json_unref) json_t *items = json_array();
	NSN_AUTO(out_json_unref) json_t *strangers = json_array();

	for (size_t i = 0; i < nsnet_self_check_count(c); i++)
		if (json_array_append_new(items, checked_json(nsnet_self_check_get(c, i))) < 0)
			return nsn_err_nomem(err);
	for (size_t i = 0; i < nsnet_self_check_strangers(c); i++)
		if (json_array_append_new(strangers,
					  stranger_json(nsnet_self_check_stranger(c, i))) < 0)
			return nsn_err_nomem(err);
	return out_document(o, "SelfCheck",
			    json_pack("{s:b, s:O}", "good", (int)nsnet_self_check_good(c),
				      "strangers", strangers),
			    json_incref(items), err);
}
