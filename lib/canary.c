/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * canary - the process inside: a workload of its own, or one that joins another; see canary.h
 */
#include "canary.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "canary_acts.h"
#include "spawn/birth.h"
#include "spawn/confine.h"
#include "spawn/fds.h"
#include "workloads.h"

NSN_CLEANUP(struct nsnet_run, nsnet_run_free)

#define FAREWELL_MS 1000

/* ---- a workload of its own ------------------------------------------------------------------ */

static int start(struct nsnet *n, const char *tenant, const char *endpoint,
		 const struct nsn_canary_test *test, struct nsn_plants *p, struct nsnet_run **ret,
		 struct nsnet_err *err)
{
	static const char *const argv[] = {"nsnet", "self-check", NULL};
	NSN_AUTO(nsn_closep) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct nsn_run_extra extra = {
		.entry = nsn_canary_inside,
		.arg = &p->plan,
		.sabotage = test->sabotage,
		.blind = true,
	};
	/* Its name is the act whose two sides are looked at for uts. */
	const struct nsnet_run_def def = {
		.tenant = tenant,
		.endpoint = endpoint,
		.argv = argv,
		.hostname = test->without & 1U << NSNET_NS_UTS ? NULL : p->plan.token,
		.stdio = {null, null, null},
		.fds = &p->plan.channel,
		.n_fds = 1,
		.uid = getuid(),
	};

	if (null < 0)
		return nsn_err_sys(err, -errno, "cannot open /dev/null");
	return nsn_run_start(n, &def, &extra, ret, err);
}

int nsn_canary_run(struct nsnet *n, const char *tenant, const char *endpoint,
		   const struct nsn_canary_test *test, struct nsn_evidence *ret,
		   char id[NSN_WORKLOAD_ID + 1], struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int proc = nsn_proc_open(err);
	/* Cleared when nobody is inside any more who could make things. */
	NSN_AUTO(nsn_plants_clear) struct nsn_plants p = NSN_PLANTS_NONE;
	NSN_AUTO(nsnet_run_freep) struct nsnet_run *run = NULL;
	struct nsnet_exit end;
	int r;

	if (proc < 0)
		return proc;
	*ret = (struct nsn_evidence){0};
	r = nsn_plant(&p, n->run_dir, test->without, err);
	if (r == 0)
		r = start(n, tenant, endpoint, test, &p, &run, err);
	if (r < 0)
		return r;
	(void)snprintf(id, NSN_WORKLOAD_ID + 1, "%s", nsnet_run_id(run));
	r = nsn_canary_look(proc, nsnet_run_pid(run), ret, err);
	if (r < 0)
		return r;
	nsn_shut(&p.plan.channel); /* so that its end is the end of the dialogue */
	nsn_canary_talk(&p, proc, ret);
	/* Who ends by himself leaves less to be killed, where he may have no pid namespace. */
	nsn_shut(&p.ours);
	(void)nsnet_run_wait(run, FAREWELL_MS, &end, NULL);
	return 0;
}

/* ---- in one that lives ---------------------------------------------------------------------- */

struct guest {
	const struct nsn_canary_plan *plan;
	int pidfd;	    /* of the workload's first process */
	unsigned int joins; /* 1 << enum nsnet_ns: are not ours already */
	bool users;	    /* it has a user namespace */
	uint32_t base;
};

static void leave(int code) __attribute__((noreturn));
static void leave(int code)
{
	_exit(code);
}

/*
 * The network first, while we are the host's root: it belongs to the host. The rest at once: the
 * kernel checks each with what we have before, and changes all or nothing.
 */
static int join(const struct guest *g)
{
	int flags = 0;

	for (int ns = 0; ns < NSNET_NS_COUNT; ns++)
		if (ns != NSNET_NS_NET && g->joins & 1U << ns)
			flags |= nsn_ns_flag((enum nsnet_ns)ns);
	if (g->joins & 1U << NSNET_NS_NET && setns(g->pidfd, CLONE_NEWNET) < 0)
		return -errno;
	return flags && setns(g->pidfd, flags) < 0 ? -errno : 0;
}

/*
 * We are a copy of a process of the host's root. Nobody in there may look into us, which is what
 * "not dumpable" says: a process that is not needs CAP_SYS_PTRACE over the host to be traced. It
 * is said again after the change of user, which can take it back (fs.suid_dumpable).
 */
static void be_guest(const struct guest *g) __attribute__((noreturn));
static void be_guest(const struct guest *g)
{
	const uint32_t who = g->users ? 0 : g->base;
	const struct nsn_confine c = {.uid = who, .gid = who, .filter = nsn_filter_default()};
	const int keep[] = {g->plan->channel, g->plan->group, g->pidfd};
	sigset_t all;
	int status = 0;
	pid_t pid;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	nsn_fds_only(keep, 3);
	if (join(g) < 0 || chdir("/") < 0)
		leave(2);
	if (nsn_confine(&c, NULL) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		leave(3);
	(void)close(g->pidfd);
	/* In the pid namespace are our children. The filter has no clone3(). */
	pid = (pid_t)syscall(SYS_clone, (unsigned long)SIGCHLD, NULL, NULL, NULL, 0UL);
	if (pid == 0) {
		/* With the one in between. Should the command be killed, the channel says so. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		leave(nsn_canary_inside((void *)(uintptr_t)g->plan));
	}
	(void)close(g->plan->channel);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	leave(pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 4);
}

static int invite(struct guest *g, int *pidfd, struct nsnet_err *err)
{
	const pid_t pid = nsn_clone(0, -1, 0, pidfd, NULL);

	if (pid == 0)
		be_guest(g);
	if (pid < 0)
		return nsn_err_sys(err, -errno, "cannot start a process");
	return 0;
}

/* Who hears that nobody listens any more cleans up and goes; who is stuck is killed. */
static void see_off(int *pidfd, struct nsn_plants *p, struct nsn_evidence *e)
{
	siginfo_t info = {0};

	nsn_shut(&p->ours);
	if (!nsn_readable_within(*pidfd, FAREWELL_MS))
		(void)pidfd_send_signal(*pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, (id_t)*pidfd, &info, WEXITED | __WALL) < 0 && errno == EINTR)
		;
	if (!e->talked && info.si_code == CLD_EXITED && info.si_status == 2)
		(void)snprintf(e->why, sizeof(e->why), "its namespaces cannot be joined");
	nsn_shut(pidfd);
}

static bool has_ended(int pidfd)
{
	return nsn_readable_within(pidfd, 0);
}

/* Which of its namespaces are not our own. */
static int look_first(const struct nsn_record *rec, int proc, struct guest *g,
		      struct nsn_evidence *e, struct nsnet_err *err)
{
	const int r = nsn_canary_look(proc, rec->pid, e, err);

	for (int ns = 0; r == 0 && ns < NSNET_NS_COUNT; ns++)
		if (e->look.ns[ns] != e->host.ns[ns])
			g->joins |= 1U << ns;
	g->users = g->joins & 1U << NSNET_NS_USER;
	g->base = rec->base;
	return r;
}

static int open_group(int proc, pid_t pid, int *ret, struct nsnet_err *err)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "%d/cgroup", (int)pid);
	*ret = openat(proc, path, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? nsn_err_sys(err, -errno, "cannot look at process %d", (int)pid) : 0;
}

static int ended(struct nsnet_err *err, const struct nsn_record *rec)
{
	return nsn_err(err, -ESRCH, NSNET_E_NO_WORKLOAD, "workload %s has ended", rec->id);
}

int nsn_canary_join(struct nsnet *n, const struct nsn_record *rec, unsigned int without,
		    struct nsn_evidence *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int proc = nsn_proc_open(err);
	NSN_AUTO(nsn_closep) int first = -1;
	NSN_AUTO(nsn_plants_clear) struct nsn_plants p = NSN_PLANTS_NONE;
	struct guest g = {.plan = &p.plan};
	int helper = -1, r;

	if (proc < 0)
		return proc;
	*ret = (struct nsn_evidence){0};
	first = pidfd_open(rec->pid, 0);
	if (first < 0)
		return errno == ESRCH
			       ? ended(err, rec)
			       : nsn_err_sys(err, -errno, "cannot hold process %d", (int)rec->pid);
	g.pidfd = first;
	r = look_first(rec, proc, &g, ret, err);
	if (r == 0)
		r = nsn_plant(&p, n->run_dir, without, err);
	p.plan.joined = true;
	if (r == 0)
		r = open_group(proc, rec->pid, &p.plan.group, err);
	if (r == 0)
		r = invite(&g, &helper, err);
	if (r < 0)
		return has_ended(first) ? ended(err, rec) : r;
	nsn_shut(&p.plan.channel);
	nsn_canary_talk(&p, proc, ret);
	see_off(&helper, &p, ret);
	/* Its end is the guest's, too. */
	return has_ended(first) ? ended(err, rec) : 0;
}
