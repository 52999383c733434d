/* SPDX-License-Identifier: GPL-2.0-or-later */
/* monitor: what rules log, one line each, as it happens */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "../lib/base/cleanup.h"
#include "cmd.h"
#include "progress.h"
#include "stdfd.h"

NSN_CLEANUP(struct nsnet_monitor, nsnet_monitor_close)

const struct opt monitor_options[] = {
	{"for", 0, "DURATION", "end after this time: 10s, 5m", 0, offsetof(struct opts, for_ms),
	 opt_set_duration},
	{"count", 0, "N", "end after so many lines", 0, offsetof(struct opts, count),
	 opt_set_number},
	{0},
};

/* "2026-11-22T11:00:00.123Z" */
#define TIME_SIZE 40

static const char *time_text(int64_t at_ms, char buf[TIME_SIZE])
{
	char seconds[OUT_TIME_SIZE];

	(void)out_time(at_ms / 1000, seconds);
	(void)snprintf(buf, TIME_SIZE, "%.*s.%03dZ", (int)strcspn(seconds, "Z"), seconds,
		       (int)(at_ms % 1000));
	return buf;
}

/* ---- one line ------------------------------------------------------------ */

static json_t *end_json(const struct nsnet_logged_end *e)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "tenant", out_json_text_or_null(e->tenant),
			 "endpoint", out_json_text_or_null(e->endpoint), "address",
			 out_json_text(e->address), "port",
			 e->port ? json_integer(e->port) : json_null());
}

static int print_json(FILE *to, const struct nsnet_logged *l)
{
	char at[TIME_SIZE];
	json_t *doc = json_pack(
		"{s:i, s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:i, s:o, s:I}", "nsnet", 1, "kind",
		"Logged", "time", time_text(l->at_ms, at), "tenant", out_json_text(l->tenant),
		"rule", out_json_text_or_null(l->rule), "action", l->deny ? "deny" : "allow",
		"what", l->open ? "open" : "packet", "from", end_json(&l->from), "to",
		end_json(&l->to), "protocol", (int)l->protocol, "ports", out_json_text(l->ports),
		"lost", (json_int_t)l->lost);
	int r = doc ? json_dumpf(doc, to, JSON_COMPACT) : -1;

	json_decref(doc);
	if (r == 0)
		fputc('\n', to);
	return r == 0 ? 0 : -ENOMEM;
}

static void print_end(FILE *to, const struct nsnet_logged_end *e, bool port)
{
	const char *before = port && strchr(e->address, ':') && !*e->endpoint ? "[" : "";

	if (*e->endpoint)
		fprintf(to, "%s/%s", e->tenant, e->endpoint);
	else
		fprintf(to, "%s%s%s%s%s", *e->tenant ? e->tenant : "", *e->tenant ? "/" : "",
			before, e->address, *before ? "]" : "");
	if (port && e->port)
		fprintf(to, ":%u", e->port);
}

/* The port of who is called is in the words of rules, the other one with its address. */
static void print_text(FILE *to, const struct nsnet_logged *l)
{
	char at[TIME_SIZE];

	if (l->lost > 0)
		fprintf(to, "%s %s lost %" PRIu64 "\n", time_text(l->at_ms, at), l->tenant,
			l->lost);
	fprintf(to, "%s %s %s %s %s ", time_text(l->at_ms, at), l->tenant, *l->rule ? l->rule : "-",
		l->deny ? "deny" : "allow", l->open ? "open" : "packet");
	print_end(to, &l->from, true);
	fputs(" -> ", to);
	print_end(to, &l->to, false);
	fprintf(to, " %s\n", l->ports);
}

struct printing {
	const struct out *o;
	uint64_t left; /* lines */
};

static int print(const struct nsnet_logged *l, void *arg)
{
	struct printing *p = arg;

	if (p->left == 0)
		return 0;
	p->left--;
	if (p->o->format == OUT_JSON)
		return print_json(p->o->to, l);
	print_text(p->o->to, l);
	return 0;
}

/* ---- the command --------------------------------------------------------- */

int check_monitor(const struct ctx *ctx, struct nsnet_err *err)
{
	const struct opts *o = &ctx->opts;

	if (o->out.format != OUT_YAML || !o->format_by)
		return 0;
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "'monitor' prints lines: text, or JSON");
	return nsn_err_hint(err, -EINVAL, "nsnet monitor -j");
}

static uint64_t clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A signal is how it ends without --for and --count: CMD_UNTIL_SIGNAL. */
static int listen_on(struct ctx *ctx, struct nsnet_monitor *m, struct nsnet_err *err)
{
	const struct opts *o = &ctx->opts;
	struct printing p = {&o->out, o->count ? o->count : UINT64_MAX};
	const uint64_t end = o->for_ms ? clock_ms() + o->for_ms : UINT64_MAX;
	uint64_t now;
	int r;

	while (p.left > 0 && !interrupt_seen() && (now = clock_ms()) < end) {
		/* Who reads a pipe gets each line when it is there. */
		if (fflush(o->out.to) != 0)
			break;
		r = nsnet_monitor_read(m, end - now < 1000 ? (int)(end - now) : 1000, print, &p,
				       err);
		if (r == -ENOMEM)
			return nsn_err_nomem(err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cmd_monitor(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_monitor_closep) struct nsnet_monitor *m = NULL;
	char note[64];
	int r;

	r = CMD_WAIT(ctx, nsnet_monitor_open(ctx->n, (const char *const *)ctx->argv,
					     (size_t)ctx->argc, &m, err));
	if (r < 0)
		return r;
	(void)snprintf(note, sizeof(note), "listening to %zu gateway%s", nsnet_monitor_gateways(m),
		       nsnet_monitor_gateways(m) == 1 ? "" : "s");
	if (ctx->opts.out.format != OUT_JSON)
		out_note(&ctx->opts.out, note);
	return listen_on(ctx, m, err);
}
