/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * canary_outside - what is made and seen on the host's side; see canary.h
 */
#include "canary.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include <linux/openat2.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "canary_acts.h"
#include "spawn/birth.h"
#include "spawn/fds.h"

/* The other side does a hundred system calls; a machine under load is slow, and not broken. */
#define ANSWER_MS     5000
#define LAST_WORDS    64
#define LAST_WORDS_MS 5000

static int result(long r)
{
	return r < 0 ? errno : 0;
}

/* ---- planting ---------------------------------------------------------------------------- */

static void tmp_file(const struct nsn_canary_plan *plan, const char *side, char path[64])
{
	(void)snprintf(path, 64, "/tmp/%s-%s", plan->token, side);
}

/*
 * All of it, of both sides: where something is shared, and the other side was killed, its own
 * things are here. Their names are nobody else's.
 */
static void uproot(const struct nsn_canary_plan *plan)
{
	static const char *const sides[] = {"host", "in"};
	char path[64];

	for (size_t i = 0; i < NSN_COUNT(sides); i++) {
		tmp_file(plan, sides[i], path);
		(void)unlink(path);
		nsn_mq_remove(plan->token, sides[i]);
	}
	(void)unlink(plan->file);
	nsn_shm_remove(plan->host_key);
	nsn_shm_remove(plan->inside_key);
}

/*
 * Until the other side has let go of the channel, too: when we are killed it ends a little later,
 * and may make something meanwhile. What it has sent is thrown away, but not for ever.
 */
static void outlive(int channel)
{
	struct pollfd p = {.fd = channel, .events = POLLIN};
	char text[4096];

	for (int i = 0; i < LAST_WORDS && poll(&p, 1, LAST_WORDS_MS) > 0; i++)
		if (recv(channel, text, sizeof(text), MSG_DONTWAIT) == 0)
			return;
}

static void keep(const struct nsn_plants *plants, int ready, int hold) __attribute__((noreturn));
static void keep(const struct nsn_plants *plants, int ready, int hold)
{
	const struct nsn_canary_plan *plan = &plants->plan;
	const int kept[] = {hold, plants->ours};
	sigset_t all;
	char byte;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	/* Out of reach of a Ctrl-C or a kill that is for the command and its group. */
	(void)setsid();
	(void)prctl(PR_SET_NAME, plan->token, 0, 0, 0);
	if (write(ready, "", 1) != 1)
		_exit(1);
	nsn_fds_only(kept, 2);
	while (read(hold, &byte, 1) < 0 && errno == EINTR)
		;
	outlive(plants->ours);
	uproot(plan);
	_exit(0);
}

/* A process of the host that has a name of its own. */
static int plant_keeper(struct nsn_plants *p, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int ready = -1;
	NSN_AUTO(nsn_closep) int told = -1;
	NSN_AUTO(nsn_closep) int hold = -1;
	int pipes[2];
	ssize_t got;
	char byte;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return nsn_err_sys(err, -errno, "cannot make a pipe");
	ready = pipes[0];
	told = pipes[1];
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return nsn_err_sys(err, -errno, "cannot make a pipe");
	hold = pipes[0];
	p->hold = pipes[1];
	pid = nsn_clone(0, -1, 0, &p->keeper, NULL);
	if (pid == 0)
		keep(p, told, hold);
	if (pid < 0)
		return nsn_err_sys(err, -errno, "cannot start a process");
	nsn_shut(&told);
	while ((got = read(ready, &byte, 1)) < 0 && errno == EINTR)
		;
	if (got == 1)
		p->plan.pid = pid;
	return 0;
}

/* Whether it is there is seen by the controls. */
static void plant_file(const char *path)
{
	NSN_AUTO(nsn_closep)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)fchmod(fd, 0644);
}

static int draw(struct nsn_canary_plan *plan, struct nsnet_err *err)
{
	struct {
		uint32_t token;
		int host, inside;
	} bits;

	if (getrandom(&bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
		return nsn_err_sys(err, -errno, "no random numbers");
	(void)snprintf(plan->token, sizeof(plan->token), "nsc-%08x", (unsigned int)bits.token);
	/* 0 is IPC_PRIVATE. */
	plan->host_key = bits.host | 1;
	plan->inside_key = (int)((unsigned int)bits.inside & ~1U) | 2;
	return 0;
}

static int open_channel(struct nsn_plants *p, struct nsnet_err *err)
{
	const int on = 1;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return nsn_err_sys(err, -errno, "cannot make sockets");
	p->ours = pair[0];
	p->plan.channel = pair[1];
	/* Who it is that talks, in our numbers. */
	if (setsockopt(p->ours, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return nsn_err_sys(err, -errno, "cannot set SO_PASSCRED");
	return 0;
}

int nsn_plant(struct nsn_plants *p, const char *run_dir, unsigned int without,
	      struct nsnet_err *err)
{
	struct nsn_canary_plan *plan = &p->plan;
	char path[64];
	int r;

	*p = (struct nsn_plants)NSN_PLANTS_NONE;
	r = draw(plan, err);
	if (r == 0)
		r = open_channel(p, err);
	if (r < 0)
		return r;
	(void)snprintf(plan->file, sizeof(plan->file), "%.100s/%s", run_dir, plan->token);
	tmp_file(plan, "host", path);
	r = plant_keeper(p, err);
	if (r < 0)
		return r;
	if (without & 1U << NSNET_NS_PID)
		plan->pid = 0;
	if (!(without & 1U << NSNET_NS_NET)) {
		p->tcp = nsn_tcp_listen(&plan->port);
		p->abstract = nsn_abstract_listen(plan->token, "host");
	}
	if (!(without & 1U << NSNET_NS_MNT)) {
		plant_file(plan->file);
		plant_file(path);
	}
	if (!(without & 1U << NSNET_NS_IPC)) {
		(void)nsn_shm_make(plan->host_key);
		(void)nsn_mq_make(plan->token, "host");
	}
	return 0;
}

void nsn_plants_clear(struct nsn_plants *p)
{
	siginfo_t info;

	nsn_shut(&p->ours);
	nsn_shut(&p->plan.channel);
	nsn_shut(&p->hold);
	while (p->keeper >= 0 && waitid(P_PIDFD, (id_t)p->keeper, &info, WEXITED | __WALL) < 0 &&
	       errno == EINTR)
		;
	/* Should somebody have killed it. */
	if (p->keeper >= 0)
		uproot(&p->plan);
	nsn_shut(&p->keeper);
	nsn_shut(&p->tcp);
	nsn_shut(&p->abstract);
	nsn_shut(&p->plan.group);
}

/* ---- seeing ------------------------------------------------------------------------------ */

static int can_open(const char *path)
{
	NSN_AUTO(nsn_closep)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? errno : 0;
}

/* A connection that is not accepted by us was to somebody else. */
static int reached(int connected, int listener)
{
	if (connected != 0)
		return connected;
	return nsn_accepted(listener) ? 0 : ECONNABORTED;
}

static void controls(struct nsn_plants *p, int proc, struct nsn_canary_outside *out)
{
	char path[64], comm[24] = "";

	(void)snprintf(path, sizeof(path), "%d/comm", (int)p->plan.pid);
	out->kill = p->plan.pid <= 0 ? ESRCH : result(kill(p->plan.pid, 0));
	if (out->kill == 0 &&
	    (nsn_file_read(proc, path, comm, sizeof(comm)) < 0 || strcmp(comm, p->plan.token) != 0))
		out->kill = ESRCH;
	out->tcp = reached(nsn_tcp_connect(p->plan.port), p->tcp);
	out->abstract = reached(nsn_abstract_connect(p->plan.token, "host"), p->abstract);
	tmp_file(&p->plan, "host", path);
	out->file = can_open(p->plan.file);
	out->tmp = can_open(path);
	out->shm = nsn_shm_find(p->plan.host_key);
	out->mq = nsn_mq_find(p->plan.token, "host");
}

/* What the other side has made, looked for on this one. */
static void look_around(struct nsn_plants *p, const struct nsn_canary_acts *in,
			struct nsn_canary_outside *out)
{
	struct timespec now = {0};
	struct utsname u;
	char path[64];

	out->tcp_inside = nsn_tcp_connect(in->port);
	out->abstract_inside = nsn_abstract_connect(p->plan.token, "in");
	tmp_file(&p->plan, "in", path);
	out->file_inside = can_open(path);
	out->shm_inside = nsn_shm_find(p->plan.inside_key);
	out->mq_inside = nsn_mq_find(p->plan.token, "in");
	if (uname(&u) == 0)
		(void)snprintf(out->name, sizeof(out->name), "%s", u.nodename);
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	out->boottime = now.tv_sec;
	out->tcp_reached = nsn_accepted(p->tcp);
	out->abstract_reached = nsn_accepted(p->abstract);
}

/* Its file, beneath its root and without links: it may be anybody's tree. */
static void look_at_file(const struct nsn_plants *p, int pid, struct nsn_canary_outside *out)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	NSN_AUTO(nsn_closep) int root = openat(pid, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	NSN_AUTO(nsn_closep) int fd = -1;
	struct stat st = {0};
	char path[64];

	tmp_file(&p->plan, "in", path);
	fd = root < 0 ? -1 : (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	out->file_seen = fd < 0 || fstat(fd, &st) < 0 ? errno : 0;
	out->file_uid = out->file_seen == 0 ? st.st_uid : UINT32_MAX;
}

/* Its group in the first hierarchy in which it has one; "/" if it has none. */
static void look_at_group(int pid, struct nsn_canary_outside *out)
{
	char text[4096];
	int r = nsn_file_read(pid, "cgroup", text, sizeof(text));

	out->group = -r;
	if (r < 0)
		return;
	(void)snprintf(out->group_path, sizeof(out->group_path), "/");
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *at = strstr(line, "/nsnet/");

		if (at)
			(void)snprintf(out->group_path, sizeof(out->group_path), "%s", at);
	}
}

int nsn_canary_look(int proc, pid_t whose, struct nsn_evidence *e, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int pid = nsn_proc_pid(proc, whose, err);
	NSN_AUTO(nsn_closep) int self = pid < 0 ? -1 : nsn_proc_pid(proc, getpid(), err);
	int r;

	if (pid < 0 || self < 0)
		return pid < 0 ? pid : self;
	r = nsn_look(pid, &e->look, err);
	if (r == 0)
		r = nsn_look(self, &e->host, err);
	look_at_group(pid, &e->out);
	return r;
}

/* A guest has only joined: what its host is in was looked at before. */
static int look_at_it(const struct nsn_plants *p, int proc, struct nsn_evidence *e,
		      struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int pid = nsn_proc_pid(proc, e->out.pid, err);
	int r;

	if (pid < 0)
		return pid;
	look_at_file(p, pid, &e->out);
	r = nsn_canary_read(pid, &e->out.proc);
	if (r < 0)
		return nsn_err_sys(err, r, "cannot look at the process inside");
	return e->joined ? 0 : nsn_canary_look(proc, e->out.pid, e, err);
}

/* ---- talking ----------------------------------------------------------------------------- */

/* 1, or 0: it has ended or says nothing. */
static int hear(int sock, void *data, size_t size, struct ucred *who)
{
	union {
		char buf[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = data, .iov_len = size};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	const struct cmsghdr *c;

	if (!nsn_readable_within(sock, ANSWER_MS) ||
	    recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != (ssize_t)size)
		return 0;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
		return 0;
	memcpy(who, CMSG_DATA(c), sizeof(*who));
	return 1;
}

static int mute(struct nsn_evidence *e, const char *why)
{
	(void)snprintf(e->why, sizeof(e->why), "%s", why);
	return -EPIPE;
}

void nsn_canary_talk(struct nsn_plants *p, int proc, struct nsn_evidence *e)
{
	struct nsnet_err err = {0};
	struct ucred who;

	memcpy(e->token, p->plan.token, sizeof(e->token));
	e->joined = p->plan.joined;
	e->talked = false;
	controls(p, proc, &e->out);
	if (!hear(p->ours, &e->in, sizeof(e->in), &who)) {
		(void)mute(e, "the process inside did not answer");
		return;
	}
	e->out.pid = who.pid;
	e->out.uid = who.uid;
	look_around(p, &e->in, &e->out);
	if (look_at_it(p, proc, e, &err) < 0) {
		(void)mute(e, err.msg);
		return;
	}
	if (send(p->ours, "", 1, MSG_NOSIGNAL) != 1 ||
	    !hear(p->ours, &e->later, sizeof(e->later), &who)) {
		(void)mute(e, "the process inside ended too early");
		return;
	}
	/* What was reached is seen by who listens. */
	if (e->out.tcp_inside == 0 && !e->later.tcp)
		e->out.tcp_inside = ECONNABORTED;
	e->talked = true;
}
