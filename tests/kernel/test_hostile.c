// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/nsfs.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/spawn/birth.h"
#include "../../lib/workloads.h"
#include "../lib/lab.h"
#include "../lib/ward.h"
#include "../lib/world.h"

/*
 * hostile - what a workload does to the host or to its supervisor without leaving its namespaces
 */

static struct nsnet *n;

static int build(void **state)
{
	world_setup(state);
	if (geteuid() != 0)
		return 0;
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	nsnet_close(n);
	return 0;
}

/* ---- one that runs ------------------------------------------------------------------------- */

struct live {
	struct nsnet_run *run;
	int in, out;
	char line[256]; /* the first that it says */
};

/* Runs @entry, confined as any workload, until it has said a line. It ends when its input does. */
static void live_start(struct live *l, int (*entry)(void *arg), void *arg,
		       const struct nsnet_run_def *wanted)
{
	static const char *const argv[] = {"hostile", NULL};
	const struct nsn_run_extra extra = {.entry = entry, .arg = arg};
	struct nsnet_run_def def = wanted ? *wanted : (struct nsnet_run_def){0};
	struct nsnet_err err = {0};
	int in[2], out[2];

	*l = (struct live){0};
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	def.tenant = "blue";
	def.argv = argv;
	def.stdio[0] = in[0];
	def.stdio[1] = def.stdio[2] = out[1];
	lab_ok(nsn_run_start(n, &def, &extra, &l->run, &err), &err, "start", __FILE__, __LINE__);
	close(in[0]);
	close(out[1]);
	l->in = in[1];
	l->out = out[0];
	for (size_t len = 0; len + 1 < sizeof(l->line) && read(l->out, l->line + len, 1) == 1;)
		if (l->line[len++] == '\n')
			return;
	fail_msg("it said only: %s", l->line);
}

static void live_end(struct live *l)
{
	struct nsnet_exit ended;

	close(l->in);
	assert_int_equal(nsnet_run_wait(l->run, 20000, &ended, &(struct nsnet_err){0}), 1);
	nsnet_run_free(l->run);
	close(l->out);
	assert_false(ended.signalled);
	assert_int_equal(ended.code, 0);
}

static int until_told(void)
{
	char c;

	return read(0, &c, 1) == 0 ? 0 : 1;
}

/* ---- what is used up ---------------------------------------------------------------------- */

/* A user has 819200 bytes of messages (RLIMIT_MSGQUEUE), wherever his queues are. */
static int open_queue(int number)
{
	struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 8192};
	char name[32];

	(void)snprintf(name, sizeof(name), "/nsnet-test-%d", number);
	return mq_open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600, &attr);
}

static int fill_queues(void *arg)
{
	int made = 0;

	(void)arg;
	while (open_queue(made) >= 0 && made < 1000)
		made++;
	dprintf(1, "%d %s\n", made, strerror(errno));
	return until_told();
}

static void the_hosts_root_keeps_its_own_share(void **state)
{
	struct live l;
	int fd, why;

	(void)state;
	world_need();
	live_start(&l, fill_queues, NULL, NULL);
	assert_string_equal(strchr(l.line, ' '), " Too many open files\n");
	assert_true(strtol(l.line, NULL, 10) > 0);
	assert_int_equal(unshare(CLONE_NEWIPC), 0);
	fd = open_queue(0);
	why = errno;
	live_end(&l);
	if (fd < 0)
		fail_msg("root has no message queue left: %s", strerror(why));
	close(fd);
}

/* By whose limits the kernel counts all of that (ucounts), and inotify, and pending signals. */
static void its_user_namespace_is_the_tenants(void **state)
{
	uint32_t first = 0, owner = 0;
	char path[64];
	struct live l;
	int fd, r;

	(void)state;
	world_need();
	live_start(&l, fill_queues, NULL, NULL);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)nsnet_run_pid(l.run));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = ioctl(fd, NS_GET_OWNER_UID, &owner);
	close(fd);
	live_end(&l);
	assert_int_equal(r, 0);
	LAB_OK(nsnet_id(n, "blue", 0, &first, &(struct nsnet_err){0}));
	assert_int_equal(owner, first + 65535);
}

static int open_terminals(void *arg)
{
	int made = 0;

	(void)arg;
	while (made < 4096 && open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC) >= 0)
		made++;
	dprintf(1, "%d %s\n", made, strerror(errno));
	return until_told();
}

/* The kernel has 4096 for all, of which the last 1024 are for the host's own /dev/pts. */
static void others_have_terminals_left(void **state)
{
	struct live l;

	(void)state;
	world_need();
	live_start(&l, open_terminals, NULL, NULL);
	live_end(&l);
	assert_string_equal(l.line, "256 No space left on device\n");
}

static int take_all_events(void *arg)
{
	unsigned long ctx = 0;
	long r = 0;

	(void)arg;
	/* In halves, down to what is left. */
	for (unsigned int many = 1U << 20; many > 0; many /= 2)
		while ((r = syscall(SYS_io_setup, many, &ctx)) == 0)
			ctx = 0;
	dprintf(1, "%s\n", r < 0 ? strerror(errno) : "");
	return until_told();
}

static void the_host_has_events_left(void **state)
{
	unsigned long ctx = 0;
	struct live l;
	long r;

	(void)state;
	world_need();
	live_start(&l, take_all_events, NULL, NULL);
	r = syscall(SYS_io_setup, 1, &ctx);
	if (r == 0)
		(void)syscall(SYS_io_destroy, ctx);
	live_end(&l);
	assert_int_equal(r, 0);
	assert_string_equal(l.line, "Function not implemented\n");
}

/* RLIMIT_CPU ends who it is set for, whoever that is. */
static void pid_1_has_its_own_limits(void **state)
{
	struct ran ran;

	(void)state;
	world_need();
	WARD_RUN(&ran, n, NULL, "sh", "-c",
		 "prlimit --pid 1 --cpu=1:1 2>&1;"
		 "prlimit --pid $$ --nofile=77:77; ulimit -n");
	LAB_HAS(ran.out, "Operation not permitted");
	LAB_HAS(ran.out, "\n77\n");
	ran_done(&ran);
}

/* ---- what it is given ------------------------------------------------------------------- */

static int start_with(int fd, struct nsnet_err *err)
{
	static const char *const argv[] = {"true", NULL};
	struct nsnet_run *run = NULL;
	struct nsnet_run_def def = {.tenant = "blue", .argv = argv, .fds = &fd, .n_fds = 1};
	int r;

	def.stdio[0] = def.stdio[1] = def.stdio[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
	r = nsnet_run_start(n, &def, &run, err);
	nsnet_run_free(run);
	close(def.stdio[0]);
	return r;
}

/*
 * A unix socket is one of the network that it was made in: whoever has one that can be connected
 * or sends to a name speaks with the host's abstract sockets, and can take their names.
 */
static void no_socket_leads_back(void **state)
{
	static const struct {
		int type;
		bool pair, listens, fine;
	} cases[] = {
		{SOCK_STREAM, true, false, true},      {SOCK_SEQPACKET, true, false, true},
		{SOCK_DGRAM, true, false, false},      {SOCK_STREAM, false, false, false},
		{SOCK_SEQPACKET, false, false, false}, {SOCK_DGRAM, false, false, false},
		{SOCK_STREAM, false, true, true},
	};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		const struct sockaddr_un any = {.sun_family = AF_UNIX};
		struct nsnet_err err = {0};
		int fds[2] = {-1, -1}, r;

		if (cases[i].pair)
			assert_int_equal(socketpair(AF_UNIX, cases[i].type, 0, fds), 0);
		else
			fds[0] = socket(AF_UNIX, cases[i].type, 0);
		if (cases[i].listens) {
			r = bind(fds[0], (const struct sockaddr *)&any, sizeof(any.sun_family));
			assert_int_equal(r, 0);
			assert_int_equal(listen(fds[0], 1), 0);
		}
		r = start_with(fds[0], &err);
		if (r != (cases[i].fine ? 0 : -EINVAL) ||
		    (r < 0 && err.id != NSNET_E_BAD_DESCRIPTOR))
			fail_msg("case %zu: %d %s", i, r, err.msg);
		close(fds[0]);
		if (fds[1] >= 0)
			close(fds[1]);
	}
}

static bool has_line(const char *volume, const char *line)
{
	char start[256];
	struct ran ran;
	bool has;

	snprintf(start, sizeof(start), "%s:/data", volume);
	WARD_RUN(&ran, n,
		 (&(struct nsnet_run_def){
			 .user = "1000:1000", .volumes = (const char *[]){start}, .n_volumes = 1}),
		 "sh", "-c", "cat /data/file; ln -sfn /run/other /data/sub; true");
	has = strstr(ran.out, line);
	if (!has && ran.r == 0)
		fail_msg("%s: %s", volume, ran.out);
	if (!has)
		LAB_HAS(ran.err.msg, "that is not root's");
	ran_done(&ran);
	return has;
}

/* What a workload puts in its volume is no way for the next one's: one of somebody else. */
static void a_link_in_a_volume_leads_no_volume(void **state)
{
	(void)state;
	world_need();
	RUN_STATUS(0, "sh", "-ec",
		   "cd /run; mkdir -p mine other/sub places; echo mine >mine/file;"
		   "echo other >other/file; cp other/file other/sub; chown -R 1000:1000 mine;"
		   "chown -R 2000:2000 other; ln -s ../run/places/link root; ln -s /run/mine "
		   "places/link");
	assert_true(has_line("/run/mine", "mine\n"));
	assert_false(has_line("/run/mine/sub", "other\n"));
	assert_false(has_line("/run/mine/sub/sub/", "other\n"));
	assert_false(has_line("/run/root/sub", "other\n"));
	/* Root's lead on. */
	assert_true(has_line("/run/places/../root/", "mine\n"));
}

/* Else it would be one of its own by the time it is written to: a record, a socket. */
static void the_status_goes_where_it_was_meant_to(void **state)
{
	char cmd[512];
	struct run r;

	(void)state;
	world_need();
	for (int fd = 3; fd < 16; fd++) {
		snprintf(cmd, sizeof(cmd),
			 "exec %d>&-; $0-spawn --netns /run/netns/blue --ids 1879048192 "
			 "--status-fd %d true 2>&1 | grep -c BAD_DESCRIPTOR",
			 fd, fd);
		RUN(&r, "bash", "-c", cmd, nsnet_bin());
		if (strcmp(r.out, "1\n") != 0)
			fail_msg("descriptor %d", fd);
		run_free(&r);
	}
	RUN(&r, "bash", "-c",
	    "$0-spawn --netns /run/netns/blue --ids 1879048192 --status-fd 9 true 9>&1",
	    nsnet_bin());
	LAB_HAS(r.out, "\"exited\"");
	run_free(&r);
}

/* ---- what it leaves ---------------------------------------------------------------------- */

#define CORE_LIMIT "grep \"core file\" /proc/self/limits | tr -s \" \""

static void no_core_reaches_the_host(void **state)
{
	struct ran ran;

	(void)state;
	world_need();
	assert_true(nsn_core_leaves("|/usr/lib/systemd/systemd-coredump %P", "0"));
	assert_true(nsn_core_leaves("@/run/coredump.socket", "1"));
	assert_true(nsn_core_leaves("/var/crash/core.%p", "2"));
	assert_false(nsn_core_leaves("/var/crash/core.%p", "1"));
	assert_false(nsn_core_leaves("core", "0"));
	/* 0 would not keep the host's program from being started: the kernel looks for 1. */
	WARD_RUN(&ran, n, NULL, "sh", "-c", CORE_LIMIT);
	assert_memory_equal(ran.out, "Max core file size 1 ", 21);
	ran_done(&ran);
}

/* With the sysctl of another host; the real one is the whole machine's. */
static void no_core_for_a_program_of_the_host(void **state)
{
	static const char script[] =
		"echo '|/usr/share/apport/apport %p' >/run/pattern;"
		"mount -n --bind /run/pattern /proc/sys/kernel/core_pattern;"
		"exec $0 run blue -- sh -c 'ulimit -c unlimited; " CORE_LIMIT "'";
	struct run r;

	(void)state;
	world_need();
	RUN(&r, "unshare", "-m", "sh", "-c", script, nsnet_bin());
	assert_string_equal(r.out, "Max core file size 1 1 bytes \n");
	run_free(&r);
}

/* As many a host has it for all of its services; to raise it takes CAP_SYS_RESOURCE. */
static void a_core_limit_of_0_is_no_hindrance(void **state)
{
	static const char script[] = "ulimit -c 0; exec $0 run blue -- sh -c '" CORE_LIMIT "'";
	struct run r;

	(void)state;
	world_need();
	RUN(&r, "bash", "-c", script, nsnet_bin());
	assert_string_equal(r.out, "Max core file size 0 0 bytes \n");
	run_free(&r);
}

static void a_killed_supervisor_has_no_active_opt_out(void **state)
{
	static const char script[] =
		"$0 run blue --share ipc=host --because CHG-1 -- sh -c 'echo up; sleep 100' "
		">/run/up & until grep -q up /run/up; do sleep 0.05; done;"
		"s='--columns STATE --no-header'; $0 exceptions $s; $0 exceptions --active $s;"
		"kill -KILL $!; wait $!; $0 exceptions $s; $0 exceptions --active $s";
	struct run r;

	(void)state;
	world_need();
	RUN(&r, "bash", "-c", script, nsnet_bin());
	assert_string_equal(r.out, "active\nactive\nended\n");
	run_free(&r);
}

/* ---- its terminal ------------------------------------------------------------------------- */

/* nsnet run at a terminal of its own, until it says "ready". */
static pid_t sit_down(int *seat, const char *script)
{
	char text[4096] = "";
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	(void)nsnet_bin();
	pid = forkpty(seat, NULL, NULL, NULL);
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)execl(nsnet_bin(), "nsnet", "run", "blue", "--", "sh", "-c", script, NULL);
		_exit(99);
	}
	while (!strstr(text, "ready")) {
		got = read(*seat, text + len, sizeof(text) - 1 - len);
		if (got <= 0)
			fail_msg("it said only: %s", text);
		len += (size_t)got;
	}
	assert_int_equal(fcntl(*seat, F_SETFL, O_NONBLOCK), 0);
	return pid;
}

static void type_until_it_is_full(int seat)
{
	static const char text[4096] = {0};
	struct pollfd p = {.fd = seat, .events = POLLOUT};

	while (poll(&p, 1, 1000) > 0)
		if (write(seat, text, sizeof(text)) < 0 && errno != EAGAIN)
			fail_msg("%s", strerror(errno));
}

static void it_is_not_read_and_we_still_hear(void **state)
{
	pid_t pid;
	int seat;

	(void)state;
	world_need();
	pid = sit_down(&seat, "stty raw -echo; echo ready; exec sleep 100");
	type_until_it_is_full(seat);
	kill(pid, SIGTERM);
	assert_int_equal(end_status(pid, ""), 143);
	close(seat);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hosts_root_keeps_its_own_share),
		cmocka_unit_test(its_user_namespace_is_the_tenants),
		cmocka_unit_test(others_have_terminals_left),
		cmocka_unit_test(the_host_has_events_left),
		cmocka_unit_test(pid_1_has_its_own_limits),
		cmocka_unit_test(no_socket_leads_back),
		cmocka_unit_test(a_link_in_a_volume_leads_no_volume),
		cmocka_unit_test(the_status_goes_where_it_was_meant_to),
		cmocka_unit_test(it_is_not_read_and_we_still_hear),
		cmocka_unit_test(no_core_reaches_the_host),
		cmocka_unit_test(a_killed_supervisor_has_no_active_opt_out),
		cmocka_unit_test(no_core_for_a_program_of_the_host),
		cmocka_unit_test(a_core_limit_of_0_is_no_hindrance),
	};

	return cmocka_run_group_tests(tests, build, drop);
}
