// SPDX-License-Identifier: GPL-2.0-or-later
#include "ward.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/seccomp.h>

#include <cmocka.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/spawn/spawn.h"
#include "../../lib/spawn/view.h"
#include "lab.h"
#include "world.h"

#define MAX_OUT (4 * 1024 * 1024)

static struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
const struct sock_fprog ward_no_filter = {1, allow};

uint64_t ward_all_caps(void)
{
	int cap = 0;

	while (cap < 63 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0)
		cap++;
	return (UINT64_C(1) << cap) - 1;
}

void ran_done(struct ran *r)
{
	free(r->out);
	*r = (struct ran){0};
}

static int open_null(void)
{
	const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* To the end of it: the last of the workload's processes is gone, or has closed it. */
static char *read_all(int fd)
{
	char *text = calloc(1, MAX_OUT + 1);
	size_t len = 0;
	ssize_t n;

	assert_non_null(text);
	while ((n = read(fd, text + len, MAX_OUT - len)) > 0)
		len += (size_t)n;
	return text;
}

void ward_run(struct ran *ret, struct nsnet *n, const struct nsnet_run_def *wanted,
	      const char *const argv[])
{
	struct nsnet_run_def def = wanted ? *wanted : (struct nsnet_run_def){0};
	struct nsnet_run *run = NULL;
	const int null = open_null();
	int out[2];

	*ret = (struct ran){0};
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	if (!def.tenant && !def.netns)
		def.tenant = "blue";
	def.argv = argv;
	if (def.stdio[1] == 0) {
		def.stdio[0] = null;
		def.stdio[1] = def.stdio[2] = out[1];
	}
	ret->r = nsnet_run_start(n, &def, &run, &ret->err);
	close(out[1]);
	close(null);
	ret->out = read_all(out[0]);
	close(out[0]);
	if (ret->r == 0)
		ret->r = nsnet_run_wait(run, -1, &ret->exit, &ret->err);
	nsnet_run_free(run);
}

static int open_pin(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return fd;
}

void ward_entry(struct ran *ret, const struct ward_entry *what)
{
	struct nsn_born born = {0};
	struct nsn_view *view = NULL;
	struct nsn_ids ids;
	int out[2], null = open_null(), netns = open_pin(what->netns);
	const struct nsn_view_def look = {.ids = &ids,
					  .hostname = "ward",
					  .resolv = -1,
					  .hosts = -1,
					  .user = what->user,
					  .volumes = what->volumes,
					  .n_volumes = what->n_volumes};
	struct nsn_spawn s = {.entry = what->entry,
			      .arg = what->arg,
			      .cwd = "/",
			      .hostname = "ward",
			      .netns = netns,
			      .ids = &ids,
			      .cgroup = -1,
			      .tasks = -1,
			      .bare = -1,
			      .confine = {.caps = what->caps,
					  .filter = what->filter,
					  .landlock = what->landlock,
					  .keyring = true}};

	*ret = (struct ran){0};
	nsn_ids_range(what->base ? what->base : 1879048192, &ids);
	LAB_OK(nsn_view_open(&look, &view, &(struct nsnet_err){0}));
	s.view = view;
	s.confine.uid = nsn_view_uid(view);
	s.confine.gid = nsn_view_gid(view);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	s.stdio[0] = null;
	s.stdio[1] = s.stdio[2] = out[1];
	for (size_t i = 0; i < what->n_fds; i++)
		s.fds[s.n_fds++] = what->fds[i];
	(void)fflush(NULL); /* else the workload has it, too */
	ret->r = nsn_spawn(&s, &born, &ret->err);
	close(out[1]);
	ret->out = read_all(out[0]);
	if (ret->r == 0) {
		ret->r = nsn_born_wait(&born, -1, &ret->err);
		ret->exit = born.exit;
		nsn_born_clear(&born);
	}
	nsn_view_close(view);
	close(out[0]);
	close(null);
	close(netns);
}

const char *ward_value(const char *out, const char *key)
{
	static char values[8][256];
	static int next;
	const size_t len = strlen(key);
	char *value = values[next++ % 8];

	for (const char *line = out; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) != 0 || line[len] != ' ')
			continue;
		snprintf(value, sizeof(values[0]), "%.*s", (int)strcspn(line + len + 1, "\n"),
			 line + len + 1);
		return value;
	}
	return "(none)";
}

/* ---- what there is on the host --------------------------------------------------------- */

/* Our own children, of any kind. */
static int children(void)
{
	char *text = lab_sh("cat /proc/%d/task/*/children | wc -w", (int)getpid());
	const int n = (int)strtol(text, NULL, 10);

	free(text);
	return n - 1; /* the shell */
}

/* Who lives in a tenant's network. Of control groups, which are the whole machine's, those without
 * a process: others may be running workloads. */
char *ward_counters(void)
{
	const int fds = lab_fds();
	char *all = NULL;
	char *host =
		lab_sh("echo records $(ls /run/nsnet/workloads 2>/dev/null | wc -l);"
		       "echo groups $(grep -l 'populated 0' /sys/fs/cgroup/nsnet/*/cgroup.events "
		       "/sys/fs/cgroup/unified/nsnet/*/cgroup.events 2>/dev/null);"
		       "echo mounts $(wc -l </proc/self/mountinfo);"
		       "echo pins $(ls /run/netns /run/nsnet/gw 2>/dev/null | wc -l);"
		       "echo processes $(for p in /run/netns/*; do"
		       "  i=$(stat -Lc %%i $p); for q in /proc/[0-9]*; do"
		       "    [ \"$(readlink $q/ns/net 2>/dev/null)\" = \"net:[$i]\" ] && echo $q;"
		       "  done; done)");

	assert_true(asprintf(&all, "%s\nfds %d\nchildren %d\n", host, fds, children()) > 0);
	free(host);
	return all;
}

void ward_counters_become(const char *want, int timeout_ms)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	const double end = now_ms() + timeout_ms;

	for (;;) {
		char *now = ward_counters();
		const bool same = strcmp(now, want) == 0;

		if (!same && now_ms() > end)
			fail_msg("before:\n%s\nnow:\n%s", want, now);
		free(now);
		if (same)
			return;
		(void)nanosleep(&pause, NULL);
	}
}
