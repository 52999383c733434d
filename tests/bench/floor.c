/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * floor make LIST BLOBS [JOBS]	makes the kernel objects of a list, and nothing else
 * floor del LIST		lets go of them: what `nsnet tenant del` leaves is left
 *
 * What the kernel needs for the same objects as nsnet's, with no store, no look at what is there,
 * no plan and no second look: a lower bound for any program that makes them. objects.py writes the
 * list from what nsnet made; rules are its own, as the kernel told them, one batch for each
 * gateway. Who writes a list knows all: index numbers of links, order, that nothing is there yet.
 * JOBS processes divide the blocks (`tenant`, `gateway`) of a section among them; `barrier` ends a
 * section.
 */
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "request.h"

enum {
	MAX_WORDS = 12,
	PROC_USES = 1024, /* sysctls that are written through one procfs */
};

/* Index into ns[] is what a list calls g (gateway) and w (workload). */
struct place {
	int fd;
	char pin[256];
	struct request rt;
};

struct state {
	struct place ns[2];
	int inside; /* of ns[] the thread is in; -1: another */
	int made;   /* a block of `tenant`: to be pinned at its end */
	int proc;   /* a procfs of our own; -1: none yet */
	int proc_uses;
	char *blobs;
	const char *path[2]; /* of list and blobs */
};

static uint32_t number(const char *word)
{
	return (uint32_t)strtoul(word, NULL, 0);
}

static int open_ns(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(path, errno);
	return fd;
}

static void go(struct state *s, int which)
{
	if (s->inside == which)
		return;
	if (setns(s->ns[which].fd, CLONE_NEWNET) < 0)
		die("setns", errno);
	s->inside = which;
}

static char *map_file(const char *path, size_t *len)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *p;

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path, errno);
	*len = (size_t)st.st_size;
	/* Private and writable: words of the list are ended where they stand. */
	p = mmap(NULL, *len + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		die(path, errno);
	close(fd);
	return p;
}

/* ---- blocks -------------------------------------------------------------------------- */

static void make_ns(struct state *s, int which, const char *pin)
{
	if (unshare(CLONE_NEWNET) < 0)
		die("unshare", errno);
	s->inside = which;
	s->ns[which].fd = open_ns("/proc/thread-self/ns/net");
	snprintf(s->ns[which].pin, sizeof(s->ns[which].pin), "%s", pin);
	request_open(&s->ns[which].rt);
}

static void pin(const struct place *p)
{
	char self[64];
	const int fd = open(p->pin, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);

	if (fd < 0)
		die(p->pin, errno);
	close(fd);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", p->fd);
	if (mount(self, p->pin, NULL, MS_BIND, NULL) < 0)
		die("mount", errno);
}

static void end_block(struct state *s)
{
	for (int i = 0; i < 2; i++) {
		if (s->ns[i].fd < 0)
			continue;
		request_close(&s->ns[i].rt);
		if (s->made)
			pin(&s->ns[i]);
		close(s->ns[i].fd);
		s->ns[i].fd = -1;
	}
	s->inside = -1;
	s->made = 0;
}

static void do_tenant(struct state *s, char **w)
{
	make_ns(s, 0, w[1]);
	make_ns(s, 1, w[2]);
	s->made = 1;
}

static void do_gateway(struct state *s, char **w)
{
	s->ns[0].fd = open_ns(w[1]);
	go(s, 0);
	request_open(&s->ns[0].rt);
}

/* ---- lines --------------------------------------------------------------------------- */

static struct place *place_of(struct state *s, const char *word)
{
	return &s->ns[*word == 'w'];
}

/*
 * In /proc the kernel would look for a name of one namespace among those of all (proc_sys_compare).
 * One is not closed but left to exit: closing waits for all processors.
 */
static int proc_of(struct state *s)
{
	int fs;

	if (s->proc >= 0 && s->proc_uses++ < PROC_USES)
		return s->proc;
	fs = fsopen("proc", FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		die("fsopen", errno);
	s->proc = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (s->proc < 0)
		die("fsmount", errno);
	close(fs);
	s->proc_uses = 0;
	return s->proc;
}

static void do_sysctl(struct state *s, char **w)
{
	const size_t len = strlen(w[3]);
	char path[256];
	int fd;

	request_send(&place_of(s, w[1])->rt);
	go(s, *w[1] == 'w');
	snprintf(path, sizeof(path), "sys/%s", w[2]);
	fd = openat(proc_of(s), path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, w[3], len) != (ssize_t)len)
		die(path, errno);
	close(fd);
}

static void do_nft(struct state *s, char **w)
{
	const int size = (int)number(w[2]);
	const int room = 2 * size + 4096;
	char answer[4096];
	int fd;

	go(s, 0);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (fd < 0)
		die("socket", errno);
	if (size > 100000)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	if (send(fd, s->blobs + number(w[1]), (size_t)size, 0) < 0)
		die("send of rules", errno);
	if (recv(fd, answer, sizeof(answer), 0) >= 0) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)answer;
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

		fprintf(stderr, "floor: message %u of the batch\n", h->nlmsg_seq);
		die("nftables", -e->error);
	}
	close(fd);
}

static void do_bridge(struct state *s, char **w)
{
	const struct link_end e = {w[1], number(w[2]), w[3], number(w[4]), number(w[5])};

	request_bridge(&s->ns[0].rt, &e);
}

static void do_veth(struct state *s, char **w)
{
	const struct link_end e = {w[1], number(w[2]), w[3], number(w[4]), number(w[5])};
	const struct link_end peer = {w[7], number(w[8]), w[9], number(w[4]), number(w[5])};

	request_veth(&s->ns[0].rt, &e, number(w[6]), &peer, s->ns[1].fd);
}

static void do_cable(struct state *s, char **w)
{
	const struct link_end e = {w[2], number(w[3]), w[4], number(w[7]), number(w[8])};
	const struct link_end peer = {w[2], number(w[5]), w[6], number(w[7]), number(w[8])};
	const int other = open_ns(w[1]);

	request_veth(&s->ns[0].rt, &e, 0, &peer, other);
	request_send(&s->ns[0].rt);
	close(other);
}

static void do_port(struct state *s, char **w)
{
	request_port(&s->ns[0].rt, number(w[1]), w[2]);
}

static void do_up(struct state *s, char **w)
{
	request_up(&place_of(s, w[1])->rt, number(w[2]));
}

static void do_fdb(struct state *s, char **w)
{
	request_fdb(&s->ns[0].rt, number(w[1]), w[2]);
}

static void do_addr(struct state *s, char **w)
{
	request_addr(&place_of(s, w[1])->rt, number(w[2]), w[3], (uint8_t)number(w[4]),
		     (uint8_t)number(w[5]));
}

static void do_neigh(struct state *s, char **w)
{
	request_neigh(&place_of(s, w[1])->rt, number(w[2]), w[3], w[4], (uint8_t)number(w[5]));
}

static void do_route(struct state *s, char **w)
{
	const struct route_words r = {.to = w[2],
				      .len = number(w[3]),
				      .via = w[4],
				      .index = number(w[5]),
				      .table = number(w[6]),
				      .proto = number(w[7]),
				      .scope = number(w[8]),
				      .flags = number(w[9])};

	request_route(&place_of(s, w[1])->rt, &r);
}

static void do_rule(struct state *s, char **w)
{
	const struct rule_words r = {.prio = number(w[1]),
				     .mark = number(w[2]),
				     .mask = number(w[3]),
				     .iif = w[4],
				     .action = number(w[5]),
				     .table = number(w[6]),
				     .proto = number(w[7])};

	request_rule(&s->ns[0].rt, &r);
}

static void do_file(struct state *s, char **w)
{
	const ssize_t len = (ssize_t)number(w[3]);
	char *slash = strrchr(w[1], '/');
	int fd;

	*slash = '\0';
	if (mkdir(w[1], 0755) < 0 && errno != EEXIST)
		die(w[1], errno);
	*slash = '/';
	fd = open(w[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, s->blobs + number(w[2]), (size_t)len) != len)
		die(w[1], errno);
	close(fd);
}

static const struct {
	const char *word;
	int args;
	void (*run)(struct state *s, char **w);
} lines[] = {
	{"sysctl", 3, do_sysctl}, {"nft", 2, do_nft},	    {"bridge", 5, do_bridge},
	{"veth", 9, do_veth},	  {"cable", 8, do_cable},   {"port", 2, do_port},
	{"up", 2, do_up},	  {"fdb", 2, do_fdb},	    {"addr", 5, do_addr},
	{"neigh", 5, do_neigh},	  {"route", 9, do_route},   {"rule", 7, do_rule},
	{"file", 3, do_file},	  {"tenant", 2, do_tenant}, {"gateway", 1, do_gateway},
};

static int is_block(const char *word)
{
	return strcmp(word, "tenant") == 0 || strcmp(word, "gateway") == 0;
}

static int split(char *line, char **w)
{
	int n = 0;

	for (char *save = NULL, *p = strtok_r(line, " ", &save); p && n < MAX_WORDS;
	     p = strtok_r(NULL, " ", &save))
		w[n++] = p;
	return n;
}

static void run_line(struct state *s, char *text)
{
	char *w[MAX_WORDS];
	const int n = split(text, w);

	for (size_t i = 0; n && i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (strcmp(lines[i].word, w[0]) != 0)
			continue;
		if (n != lines[i].args + 1)
			die(w[0], E2BIG);
		if (is_block(w[0]))
			end_block(s);
		lines[i].run(s, w);
		return;
	}
	die(text, EINVAL);
}

/* ---- sections ------------------------------------------------------------------------ */

/* The blocks of @text up to `barrier` whose number is @job among @jobs. */
static void run_section(struct state *s, char *text, long job, long jobs)
{
	long block = -1;

	for (char *next; *text && strncmp(text, "barrier\n", 8) != 0; text = next) {
		char *nl = strchr(text, '\n');

		next = nl + 1;
		block += strncmp(text, "tenant ", 7) == 0 || strncmp(text, "gateway ", 8) == 0;
		if (block % jobs != job)
			continue;
		*nl = '\0';
		run_line(s, text);
	}
	end_block(s);
}

static char *next_section(char *text)
{
	char *p = strstr(text, "barrier\n");

	return p ? p + strlen("barrier\n") : NULL;
}

/* Namespaces cannot be shared by halves: a process for each job, from one section to the next. */
static void fork_section(struct state *s, char *text, long jobs)
{
	int status, bad = 0;

	for (long job = 0; job < jobs; job++) {
		const pid_t pid = fork();

		if (pid < 0)
			die("fork", errno);
		if (pid == 0) {
			run_section(s, text, job, jobs);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		bad |= status;
	if (bad)
		exit(1);
}

static void make(struct state *s, char *list, long jobs)
{
	for (char *next; list; list = next) {
		next = next_section(list);
		if (jobs > 1)
			fork_section(s, list, jobs);
		else
			run_section(s, list, 0, 1);
	}
}

/* ---- del ----------------------------------------------------------------------------- */

static void unpin(const char *path)
{
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 || unlink(path) < 0)
		die(path, errno);
}

static void del_line(char *text)
{
	char *w[MAX_WORDS];
	char *slash;
	const int n = split(text, w);

	if (n == 3 && strcmp(w[0], "tenant") == 0) {
		unpin(w[1]);
		unpin(w[2]);
	} else if (n == 4 && strcmp(w[0], "file") == 0) {
		if (unlink(w[1]) < 0)
			die(w[1], errno);
		slash = strrchr(w[1], '/');
		*slash = '\0';
		/* Not before the last of its files. */
		rmdir(w[1]);
	}
}

static void del(char *list)
{
	for (char *next; *list; list = next) {
		char *nl = strchr(list, '\n');

		next = nl + 1;
		if (*list != 't' && *list != 'f')
			continue;
		*nl = '\0';
		del_line(list);
	}
}

int main(int argc, char **argv)
{
	static struct state s = {.ns = {{.fd = -1}, {.fd = -1}}, .inside = -1, .proc = -1};
	size_t len;
	char *list;

	if (argc < 3 || (strcmp(argv[1], "make") == 0 && argc < 4)) {
		fprintf(stderr, "usage: floor make LIST BLOBS [JOBS] | floor del LIST\n");
		return 2;
	}
	list = map_file(argv[2], &len);
	if (strcmp(argv[1], "del") == 0) {
		del(list);
		return 0;
	}
	s.blobs = map_file(argv[3], &len);
	make(&s, list, argc > 4 ? strtol(argv[4], NULL, 10) : 1);
	return 0;
}
