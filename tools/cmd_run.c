/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run: a command as a workload of a tenant */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../lib/base/cleanup.h"
#include "../lib/base/text.h"
#include "cmd.h"
#include "ref.h"
#include "stdfd.h"
#include "workload.h"

NSN_CLEANUP(struct nsnet_run, nsnet_run_free)

#define MANY(name) offsetof(struct opts, name), opt_set_many
#define TEXT(name) offsetof(struct opts, name), opt_set_text
#define FLAG(name) offsetof(struct opts, name), opt_set_true

const struct opt run_options[] = {
	{"user", 'u', "USER[:GROUP]", "number or name inside; default 0, without any rights", 0,
	 TEXT(user)},
	{"map-user", 0, "INSIDE:HOST", "let one number inside be one of the host", 0,
	 TEXT(map_user)},
	{"rootfs", 0, "DIR", "its root file system, read-only; default: the host's /usr", 0,
	 TEXT(rootfs), "@file"},
	{"volume", 0, "SRC:DST[:ro]", "a folder or file of the host's (repeatable)", 0,
	 MANY(volumes), "@file"},
	{"etc", 0, "PATH", "something more of the host's /etc (repeatable)", 0, MANY(etc), "@file"},
	{"scratch", 0, "SIZE", "what it may write outside volumes: 64M, 2G; default 256M", 0,
	 TEXT(scratch)},
	{"env", 'e', "NAME[=VALUE]", "an environment variable; without VALUE: as it is here", 0,
	 MANY(env)},
	{"cwd", 'w', "DIR", "the folder it starts in; default /", 0, TEXT(cwd)},
	{"hostname", 0, "NAME", "its host's name; default: the endpoint's or tenant's", 0,
	 TEXT(hostname)},
	{"time", 0, NULL, "a time namespace, too: clocks since boot begin anew", 0, FLAG(time_ns)},
	{"fd", 0, "N", "give it descriptor N, too (repeatable)", 0, MANY(fds)},
	{"cap-add", 0, "CAP", "let it keep a capability (repeatable)", 0, MANY(caps)},
	{"seccomp", 0, "FILE", "another filter of system calls: a profile in the OCI form", 0,
	 TEXT(seccomp), "@file"},
	{"share", 0, "NS=host", "opt out of a namespace: pid, ipc, uts, user, cgroup", 0,
	 MANY(shares), "pid=host ipc=host uts=host user=host cgroup=host"},
	{"because", 0, "TEXT", "why it may have what others do not; is recorded", 0, TEXT(because)},
	{"until", 0, "DATE", "until when that is all right", 0, TEXT(until)},
	{"dangerous", 0, NULL, "for two opt-outs that together give the host away", 0,
	 FLAG(dangerous)},
	{"status-fd", 0, "N", "write how it ended to descriptor N, as JSON", 0, TEXT(status_fd)},
	{0},
};

int check_run(const struct ctx *ctx, struct nsnet_err *err)
{
	if (ctx->argc > 1)
		return 0;
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "there is no command to run");
	return nsn_err_hint(err, -EINVAL, "nsnet run %.60s -- sh", ctx->argv[0]);
}

/* All that is needed until it runs. */
struct run {
	struct ref ref;
	struct nsn_arena mem;
	int *fds;
	int status_fd;
};

static void run_clear(struct run *r)
{
	ref_clear(&r->ref);
	nsn_arena_free(&r->mem);
	free(r->fds);
}

/* A NAME alone is what we have; what we have not, it has not. */
static int fill_env(struct run *run, const struct opts *o, struct nsnet_run_def *def,
		    struct nsnet_err *err)
{
	const char **env = nsn_arena_alloc(&run->mem, (o->env.n + 1) * sizeof(*env));
	size_t n = 0;

	if (!env)
		return nsn_err_nomem(err);
	/* What is shown on our terminal is shown on its. */
	if (isatty(STDIN_FILENO) && getenv("TERM"))
		env[n++] = nsn_arena_printf(&run->mem, "TERM=%s", getenv("TERM"));
	for (size_t i = 0; i < o->env.n; i++) {
		const char *text = o->env.values[i];

		if (!strchr(text, '=')) {
			if (!getenv(text))
				continue;
			text = nsn_arena_printf(&run->mem, "%s=%s", text, getenv(text));
		}
		env[n++] = text;
	}
	for (size_t i = 0; i < n; i++)
		if (!env[i])
			return nsn_err_nomem(err);
	def->env = env;
	def->n_env = n;
	return 0;
}

static int fill_fds(struct run *run, const struct opts *o, struct nsnet_run_def *def,
		    struct nsnet_err *err)
{
	int r = 0;

	run->fds = calloc(o->fds.n + 1, sizeof(*run->fds));
	if (!run->fds)
		return nsn_err_nomem(err);
	for (size_t i = 0; r == 0 && i < o->fds.n; i++)
		r = workload_fd("--fd", o->fds.values[i], &run->fds[i], err);
	def->fds = run->fds;
	def->n_fds = o->fds.n;
	run->status_fd = -1;
	if (r == 0 && o->status_fd)
		r = workload_status_fd(o->status_fd, &run->status_fd, err);
	return r;
}

static char *command_line(struct run *run, char *const *argv)
{
	char *text = nsn_arena_strdup(&run->mem, "nsnet run");

	for (size_t i = 0; text && argv[i]; i++)
		text = nsn_arena_printf(&run->mem, "%s %s", text, argv[i]);
	return text;
}

static void say(void *arg, const char *text)
{
	const struct out *o = arg;

	if (!out_is_document(o))
		fprintf(o->msgs, "exposes: %s\n", text);
}

static int define(struct run *run, struct ctx *ctx, struct nsnet_run_def *def,
		  struct nsnet_err *err)
{
	const struct opts *o = &ctx->opts;
	int r = ref_parse(&run->ref, ctx->argv[0], REF_EITHER, err);

	*def = (struct nsnet_run_def){
		.tenant = run->ref.tenant,
		.endpoint = run->ref.endpoint,
		.argv = (const char *const *)ctx->argv + 1,
		.user = o->user,
		.map_user = o->map_user,
		.rootfs = o->rootfs,
		.volumes = o->volumes.values,
		.n_volumes = o->volumes.n,
		.etc = o->etc.values,
		.n_etc = o->etc.n,
		.cwd = o->cwd,
		.hostname = o->hostname,
		.scratch = o->scratch,
		.caps = o->caps.values,
		.n_caps = o->caps.n,
		.seccomp = o->seccomp,
		.time = o->time_ns,
		.shares = o->shares.values,
		.n_shares = o->shares.n,
		.because = o->because,
		.until = o->until,
		.dangerous = o->dangerous,
		.stdio = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO},
		.uid = getuid(),
		.exposes = say,
		.arg = &ctx->opts.out,
	};
	if (r == 0)
		r = fill_env(run, o, def, err);
	if (r == 0)
		r = fill_fds(run, o, def, err);
	def->command = command_line(run, ctx->argv);
	return r == 0 && !def->command ? nsn_err_nomem(err) : r;
}

int cmd_run(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(run_clear) struct run run = {.status_fd = -1};
	NSN_AUTO(nsnet_run_freep) struct nsnet_run *live = NULL;
	struct nsnet_run_def def;
	int r;

	r = define(&run, ctx, &def, err);
	if (r < 0)
		return r;
	workload_signals_wait();
	stdfd_unguard();
	stdfd_flush(ctx->opts.out.to);
	r = CMD_WAIT(ctx, nsnet_run_start(ctx->n, &def, &live, err));
	if (r < 0)
		return r;
	nsnet_close(NSN_TAKE_PTR(ctx->n));
	return workload_follow(live, &ctx->opts.out, run.status_fd, err);
}
