/* SPDX-License-Identifier: GPL-2.0-or-later */
/* id, whose-uid: users inside a tenant's workloads, and what they are on the host */
#include <inttypes.h>
#include <string.h>

#include "../lib/base/cleanup.h"
#include "../lib/base/text.h"
#include "cmd.h"

static int not_a_number(const char *text, struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];

	return nsn_err(err, -EINVAL, NSNET_E_USAGE, "'%s' is not the number of a user",
		       nsn_text_show(text, shown, sizeof(shown)));
}

static bool is_number(const char *text)
{
	uint64_t n;

	/* 4294967295 is how programs say "nobody": the kernel has no such user. */
	return nsn_u64_parse(&n, text, UINT32_MAX - 1) == 0;
}

static uint32_t number(const char *text)
{
	uint64_t n = 0;

	(void)nsn_u64_parse(&n, text, UINT32_MAX - 1);
	return (uint32_t)n;
}

int check_id(const struct ctx *ctx, struct nsnet_err *err)
{
	if (is_number(ctx->argv[1]))
		return 0;
	(void)not_a_number(ctx->argv[1], err);
	return nsn_err_hint(err, -EINVAL, "a number from 0 to 65535: nsnet id customer1 1000");
}

int check_whose_uid(const struct ctx *ctx, struct nsnet_err *err)
{
	if (is_number(ctx->argv[0]))
		return 0;
	(void)not_a_number(ctx->argv[0], err);
	return nsn_err_hint(err, -EINVAL, "as `ls -n` and `ps -o uid` have it");
}

/* The same document for both questions. */
static int document(const struct ctx *ctx, uint32_t outside, const struct nsnet_whose *w,
		    struct nsnet_err *err)
{
	char given[OUT_TIME_SIZE], gone[OUT_TIME_SIZE];
	json_t *item = json_pack(
		"{s:o, s:b, s:I, s:I, s:I, s:o, s:o}", "tenant", out_json_text(w->tenant), "live",
		(int)w->live, "inside", (json_int_t)w->inside, "outside", (json_int_t)outside,
		"base", (json_int_t)w->base, "given", out_json_text(out_time(w->given, given)),
		"gone", w->gone ? out_json_text(out_time(w->gone, gone)) : json_null());

	return out_document(&ctx->opts.out, "Id", NULL, json_pack("[o]", item), err);
}

int cmd_id(struct ctx *ctx, struct nsnet_err *err)
{
	const struct out *o = &ctx->opts.out;
	struct nsnet_whose w = {0};
	uint32_t outside = 0;
	int r;

	r = CMD_WAIT(ctx, nsnet_id(ctx->n, ctx->argv[0], number(ctx->argv[1]), &outside, err));
	if (r == 0)
		r = CMD_WAIT(ctx, nsnet_whose_id(ctx->n, outside, &w, err));
	if (r < 0)
		return r;
	if (out_is_document(o))
		return document(ctx, outside, &w, err);
	/* Nothing else: chown $(nsnet id customer1 1000) FILE */
	fprintf(o->to, "%" PRIu32 "\n", outside);
	return 0;
}

int cmd_whose_uid(struct ctx *ctx, struct nsnet_err *err)
{
	const struct out *o = &ctx->opts.out;
	uint32_t outside = number(ctx->argv[0]);
	struct nsnet_whose w = {0};
	char gone[OUT_TIME_SIZE];
	int r = CMD_WAIT(ctx, nsnet_whose_id(ctx->n, outside, &w, err));

	if (r < 0)
		return r;
	if (out_is_document(o))
		return document(ctx, outside, &w, err);
	fprintf(o->to, "user %" PRIu32 " of tenant %s", w.inside, w.tenant);
	if (!w.live)
		fprintf(o->to, ", which was deleted %s", out_time(w.gone, gone));
	fputc('\n', o->to);
	return 0;
}
