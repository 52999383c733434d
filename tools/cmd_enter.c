/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/close_range.h>
#include <string.h>

#include "../lib/base/cleanup.h"
#include "cmd.h"
#include "ref.h"
#include "stdfd.h"

const struct opt enter_options[] = {
	{"gateway", 0, NULL, "the gateway's network instead of the workload's", 0,
	 offsetof(struct opts, gateway), opt_set_true},
	{0},
};

/* Ignored signals and open descriptors outlive exec; the command shall have none of ours. */
static void leave_no_trace(void)
{
	stdfd_unguard();
	(void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
}

int check_enter(const struct ctx *ctx, struct nsnet_err *err)
{
	size_t len = strcspn(ctx->argv[0], "/");

	if (!ctx->opts.gateway || !ctx->argv[0][len])
		return 0;
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "--gateway is the tenant's: '%s' is an endpoint",
		      ctx->argv[0]);
	return nsn_err_hint(err, -EINVAL, "nsnet enter --gateway %.*s", (int)len, ctx->argv[0]);
}

int cmd_enter(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(ref_clear) struct ref ref = {0};
	const char *shell = getenv("SHELL");
	char *command[] = {NULL, NULL};
	char **argv = ctx->argv + 1;
	int r = ref_parse(&ref, ctx->argv[0], REF_EITHER, err), saved;

	if (r < 0)
		return r;
	if (ctx->argc == 1) {
		command[0] = strdup(shell && shell[0] == '/' ? shell : "/bin/sh");
		if (!command[0])
			return nsn_err_nomem(err);
		argv = command;
	}

	r = CMD_WAIT(ctx, nsnet_enter(ctx->n, ref.tenant, ref.endpoint, ctx->opts.gateway, err));
	if (r == 0) {
		nsnet_close(NSN_TAKE_PTR(ctx->n));
		leave_no_trace();
		(void)execvp(argv[0], argv);
		saved = errno;
		if (saved == ENOENT)
			r = nsn_err(err, -saved, NSNET_E_NO_COMMAND, "command '%s' is not found",
				    argv[0]);
		else
			r = nsn_err(err, -saved, NSNET_E_CANNOT_RUN,
				    "command '%s' cannot be started: %s", argv[0], strerror(saved));
	}
	free(command[0]);
	return r;
}
