/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsnet-spawn - a command, isolated, in a network namespace that somebody else made
 *
 * The spawner of `nsnet run` without tenants: no state folder, no opt-outs.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/base/text.h"
#include "../out.h"
#include "../stdfd.h"
#include "../workload.h"

NSN_CLEANUP(struct nsnet_run, nsnet_run_free)

#define MOST 64

static const char usage[] =
	"Usage: nsnet-spawn --netns PATH --ids BASE [OPTIONS] [--] CMD...\n"
	"\n"
	"Runs a command in a network namespace that is there, and in pid, mnt, ipc, uts, user\n"
	"and cgroup namespaces of its own, confined as `nsnet run` does it.\n"
	"\n"
	"  --netns PATH            the network namespace, as /run/netns/NAME\n"
	"  --ids BASE              65,536 numbers of users from BASE on stand for 0-65535 inside\n"
	"  --user USER[:GROUP]     number or name inside; default 0\n"
	"  --rootfs DIR            its root file system; default: the host's /usr\n"
	"  --volume SRC:DST[:ro]   a folder or file of the host's (repeatable)\n"
	"  --env NAME=VALUE        an environment variable (repeatable)\n"
	"  --cwd DIR               the folder it starts in\n"
	"  --hostname NAME         its host's name\n"
	"  --scratch SIZE          what it may write outside volumes\n"
	"  --status-fd N           write how it ended to descriptor N, as JSON\n"
	"  --help, --version\n"
	"\n"
	"The status is the command's own, 128+N when signal N killed it; 125 when nsnet-spawn\n"
	"failed, 126 when the command could not be executed, 127 when it is not there.\n";

enum {
	OPT_NETNS = 256,
	OPT_IDS,
	OPT_USER,
	OPT_ROOTFS,
	OPT_VOLUME,
	OPT_ENV,
	OPT_CWD,
	OPT_HOSTNAME,
	OPT_SCRATCH,
	OPT_STATUS,
	OPT_HELP,
	OPT_VERSION
};

static const struct option options[] = {
	{"netns", required_argument, NULL, OPT_NETNS},
	{"ids", required_argument, NULL, OPT_IDS},
	{"user", required_argument, NULL, OPT_USER},
	{"rootfs", required_argument, NULL, OPT_ROOTFS},
	{"volume", required_argument, NULL, OPT_VOLUME},
	{"env", required_argument, NULL, OPT_ENV},
	{"cwd", required_argument, NULL, OPT_CWD},
	{"hostname", required_argument, NULL, OPT_HOSTNAME},
	{"scratch", required_argument, NULL, OPT_SCRATCH},
	{"status-fd", required_argument, NULL, OPT_STATUS},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{0},
};

struct typed {
	struct nsnet_run_def def;
	const char *volumes[MOST], *env[MOST];
	int status_fd;
};

static int number(const char *option, const char *text, uint64_t max, uint64_t *ret,
		  struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];

	if (nsn_u64_parse(ret, text, max) == 0)
		return 0;
	return nsn_err(err, -EINVAL, NSNET_E_USAGE, "%s '%s' is no number up to %llu", option,
		       nsn_text_show(text, shown, sizeof(shown)), (unsigned long long)max);
}

static int collect(const char **list, size_t *n, const char *value, struct nsnet_err *err)
{
	if (*n == MOST)
		return nsn_err(err, -E2BIG, NSNET_E_USAGE, "more than %d of one option", MOST);
	list[(*n)++] = value;
	return 0;
}

static int take(struct typed *t, int option, const char *value, struct nsnet_err *err)
{
	uint64_t n = 0;
	int r = 0;

	switch (option) {
	case OPT_NETNS:
		t->def.netns = value;
		return 0;
	case OPT_IDS:
		r = number("--ids", value, UINT32_MAX, &n, err);
		t->def.base = (uint32_t)n;
		return r;
	case OPT_USER:
		t->def.user = value;
		return 0;
	case OPT_ROOTFS:
		t->def.rootfs = value;
		return 0;
	case OPT_VOLUME:
		return collect(t->volumes, &t->def.n_volumes, value, err);
	case OPT_ENV:
		return collect(t->env, &t->def.n_env, value, err);
	case OPT_CWD:
		t->def.cwd = value;
		return 0;
	case OPT_HOSTNAME:
		t->def.hostname = value;
		return 0;
	case OPT_SCRATCH:
		t->def.scratch = value;
		return 0;
	case OPT_STATUS:
		return workload_status_fd(value, &t->status_fd, err);
	default:
		return nsn_err(err, -EINVAL, NSNET_E_USAGE, "an option was not understood");
	}
}

/* 1: it was asked for help or the version, which was printed. */
static int read_words(struct typed *t, int argc, char **argv, struct nsnet_err *err)
{
	int c, r = 0;

	/* '+': the command's own options are its own. */
	while (r == 0 && (c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == OPT_HELP)
			fputs(usage, stdout);
		if (c == OPT_VERSION)
			printf("nsnet-spawn %s\n", nsnet_version());
		if (c == OPT_HELP || c == OPT_VERSION)
			return 1;
		r = take(t, c, optarg, err);
	}
	if (r == 0 && (!t->def.netns || !t->def.base || optind == argc))
		r = nsn_err(err, -EINVAL, NSNET_E_USAGE, "%s is missing",
			    !t->def.netns  ? "--netns"
			    : !t->def.base ? "--ids"
					   : "the command");
	if (r < 0)
		return nsn_err_hint(err, r, "nsnet-spawn --help");
	t->def.argv = (const char *const *)argv + optind;
	t->def.volumes = t->volumes;
	t->def.env = t->env;
	return 0;
}

static int spawn(int argc, char **argv, const struct out *o, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_run_freep) struct nsnet_run *live = NULL;
	struct typed t = {
		.def = {.stdio = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}, .uid = getuid()},
		.status_fd = -1,
	};
	int r = read_words(&t, argc, argv, err);

	if (r != 0)
		return r < 0 ? r : 0;
	workload_signals_wait();
	stdfd_unguard();
	r = nsnet_run_start(NULL, &t.def, &live, err);
	return r < 0 ? r : workload_follow(live, o, t.status_fd, err);
}

int main(int argc, char **argv)
{
	struct out o = {.to = stdout, .msgs = stderr, .failed = 125};
	struct nsnet_err err = {0};
	int status;

	if (stdfd_guard() < 0)
		return 125;
	status = spawn(argc, argv, &o, &err);
	if (status < 0)
		status = out_error(&o, &err);
	return stdfd_close(status);
}
