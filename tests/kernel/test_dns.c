/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/lab.h"
#include "../lib/peers.h"
#include "../lib/world.h"

/*
 * Names: a server in an endpoint, and programs that ask it as programs do, through the
 * resolv.conf that they find. It says that each name has one IPv4 address and one of IPv6.
 */

#define ANSWER4 "192.0.2.77"
#define NAME	"www.example.org"
#define RESOLV	"/etc/netns/%s/resolv.conf"

/* ---- the server ------------------------------------------------------------------------ */

#define HEAD 12
#define MAX  512

/* The end of the question, or 0 when it is none. */
static size_t question_end(const unsigned char *q, size_t len)
{
	size_t at = HEAD;

	while (at < len && q[at])
		at += 1U + q[at];
	return at + 5 <= len ? at + 5 : 0;
}

/* Into @a, which has room for the question and 32 bytes. */
static size_t answer(const unsigned char *q, size_t len, unsigned char *a)
{
	static const unsigned char found[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4};
	const size_t end = question_end(q, len);
	bool four;

	if (end == 0)
		return 0;
	four = q[end - 3] == 1;
	memcpy(a, q, end);
	a[2] = 0x81;
	a[3] = 0x80;
	memset(a + 6, 0, 6);
	a[7] = four;
	if (!four)
		return end;
	memcpy(a + end, found, sizeof(found));
	assert_int_equal(inet_pton(AF_INET, ANSWER4, a + end + sizeof(found)), 1);
	return end + sizeof(found) + 4;
}

static void serve_udp(int fd)
{
	unsigned char q[MAX], a[MAX + 32];
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	ssize_t len = recvfrom(fd, q, sizeof(q), 0, (struct sockaddr *)&from, &size);
	size_t n = len > 0 ? answer(q, (size_t)len, a) : 0;

	if (n > 0)
		(void)sendto(fd, a, n, 0, (struct sockaddr *)&from, size);
}

/* One question for each connection, in one piece: it is short. */
static void serve_tcp(int fd)
{
	const struct timeval patience = {.tv_sec = 2};
	unsigned char q[MAX + 2], a[MAX + 34];
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	ssize_t len;
	size_t n;

	if (peer < 0)
		return;
	(void)setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while ((len = recv(peer, q, sizeof(q), 0)) > 2) {
		n = answer(q + 2, (size_t)len - 2, a + 2);
		a[0] = (unsigned char)(n >> 8);
		a[1] = (unsigned char)n;
		if (n == 0 || send(peer, a, n + 2, MSG_NOSIGNAL) < 0)
			break;
	}
	close(peer);
}

static int listen_at(int type, uint16_t port)
{
	const struct sockaddr_in6 all = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0), zero = 0;

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) < 0 ||
	    bind(fd, (const struct sockaddr *)&all, sizeof(all)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 16) < 0))
		_exit(1);
	return fd;
}

static void enter(const char *netns)
{
	int ns = open(netns, O_RDONLY | O_CLOEXEC);

	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		_exit(1);
	close(ns);
}

/* Until it is killed, or this test is over. */
static pid_t serve(const char *netns)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct pollfd fds[3];

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		enter(netns);
		fds[0] = (struct pollfd){.fd = listen_at(SOCK_DGRAM, 53), .events = POLLIN};
		fds[1] = (struct pollfd){.fd = listen_at(SOCK_STREAM, 53), .events = POLLIN};
		fds[2] = (struct pollfd){.fd = listen_at(SOCK_DGRAM, 54), .events = POLLIN};
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		while (poll(fds, 3, -1) > 0) {
			if (fds[0].revents)
				serve_udp(fds[0].fd);
			if (fds[1].revents)
				serve_tcp(fds[1].fd);
			if (fds[2].revents)
				serve_udp(fds[2].fd);
		}
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void stop(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- who asks --------------------------------------------------------------------------- */

/* Whether a question gets an answer, from within @netns. It waits so long for one that comes. */
static bool asks(const char *netns, const char *server, uint16_t port)
{
	static const unsigned char q[] =
		"\x12\x34\x01\0\0\1\0\0\0\0\0\0\3www\7example\3org\0\0\1\0\1";
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int status;
	pid_t pid;

	assert_int_equal(inet_pton(AF_INET, server, &to.sin_addr), 1);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct timeval patience = {.tv_sec = 1};
		unsigned char a[MAX];
		int fd;

		enter(netns);
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
			_exit(2);
		if (send(fd, q, sizeof(q) - 1, 0) < 0)
			_exit(1);
		_exit(recv(fd, a, sizeof(a), 0) > HEAD ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 0;
}

/* As any program does: glibc, and /etc/resolv.conf as it finds it. */
static bool resolves(const char *netns, const char *options)
{
	return lab_sh_status("RES_OPTIONS='attempts:2 timeout:1 %s' timeout 10 ip netns exec %s "
			     "getent ahostsv4 " NAME " | grep -q '^" ANSWER4 " '",
			     options, netns) == 0;
}

static void resolv_is(const char *netns, const char *want)
{
	char *text = lab_sh("tail -n +3 " RESOLV " | tr '\\n' ';'", netns);

	assert_string_equal(text, want);
	free(text);
}

#define NOBODY "# no name server: nothing leads out of this network;"

/* ---- tenants ---------------------------------------------------------------------------- */

static void set(struct nsnet *n, const char *tenant, const char *key, const char *value)
{
	const struct nsnet_setting s = {.key = key, .value = value};

	LAB_OK(nsnet_tenant_set(n, tenant, &s, 1, 0, NULL, &(struct nsnet_err){0}));
	NOTHING_TO_DO(n, key);
}

static const struct nsnet_endpoint_def two[] = {{.name = "default"}, {.name = "dns"}};

static struct nsnet *build(const char *dns)
{
	const struct nsnet_tenant_def defs[] = {
		{.name = "shared",
		 .subnet = "10.10.250.0/24",
		 .subnet6 = "fd00:250::/64",
		 .endpoints = two,
		 .n_endpoints = 2},
		{.name = "customer1", .subnet = "10.10.1.0/24", .dns = dns},
		{.name = "customer2", .subnet = "10.10.2.0/24", .dns = dns},
	};
	struct nsnet *n = lab_open();

	LAB_OK(nsnet_tenants_add(n, defs, 3, 0, NULL, &(struct nsnet_err){0}));
	NOTHING_TO_DO(n, "add");
	return n;
}

static void end(struct nsnet *n)
{
	lab_del(n, "customer1");
	lab_del(n, "customer2");
	lab_del(n, "shared");
	lab_nothing_left(n);
	nsnet_close(n);
}

static void a_tenant_resolves_names_at_an_endpoint(void **state)
{
	struct nsnet *n;
	pid_t server;

	(void)state;
	world_need();
	n = build(NULL);
	server = serve("/run/netns/shared.dns");
	resolv_is("customer1", NOBODY);
	assert_false(asks("/run/netns/customer1", "10.10.250.3", 53));
	set(n, "customer1", "dns", "shared/dns");
	resolv_is("customer1", "nameserver 10.10.250.3;");
	resolv_is("customer2", NOBODY);
	assert_true(resolves("customer1", ""));
	assert_true(resolves("customer1", "use-vc"));
	/* Exactly these: no other port, no other endpoint, nobody else. */
	assert_true(asks("/run/netns/customer1", "10.10.250.3", 53));
	assert_true(asks("/run/netns/shared", "10.10.250.3", 54));
	assert_false(asks("/run/netns/customer1", "10.10.250.3", 54));
	assert_false(asks("/run/netns/customer2", "10.10.250.3", 53));
	assert_int_equal(cables_of(n, "shared"), 1);
	/* With IPv6 there are two of them. */
	set(n, "customer1", "subnet6", "fd00:1::/64");
	resolv_is("customer1", "nameserver 10.10.250.3;nameserver fd00:250::3;");
	assert_true(resolves("customer1", ""));
	/* It ends with what said so. */
	set(n, "customer1", "dns", "none");
	resolv_is("customer1", NOBODY);
	assert_false(asks("/run/netns/customer1", "10.10.250.3", 53));
	assert_false(resolves("customer1", ""));
	assert_int_equal(cables_of(n, "shared"), 0);
	stop(server);
	end(n);
}

static void who_moves_is_found(void **state)
{
	struct nsnet *n;
	pid_t server;

	(void)state;
	world_need();
	n = build("shared/dns");
	server = serve("/run/netns/shared.dns");
	assert_true(resolves("customer1", ""));
	assert_true(resolves("customer2", ""));
	set(n, "shared", "subnet", "10.10.251.0/24");
	resolv_is("customer1", "nameserver 10.10.251.3;");
	resolv_is("customer2", "nameserver 10.10.251.3;");
	assert_true(resolves("customer1", ""));
	assert_true(resolves("customer2", "use-vc"));
	stop(server);
	/* What repair makes is the same. */
	free(lab_sh("echo 'nameserver 127.0.0.53' >>" RESOLV, "customer1"));
	lab_repair(n, "customer1", NSNET_REPAIRED);
	resolv_is("customer1", "nameserver 10.10.251.3;");
	end(n);
}

/* A program that nsnet starts has the same file, whatever the host has. */
static void a_workload_sees_the_same(void **state)
{
	struct nsnet *n;
	pid_t server;

	(void)state;
	world_need();
	free(lab_sh("rm -f /etc/resolv.conf; echo 'nameserver 127.0.0.53' >/etc/resolv.conf"));
	n = build("shared/dns");
	server = serve("/run/netns/shared.dns");
	free(lab_sh("timeout 60 %s run customer1 -- /bin/cat /etc/resolv.conf >/run/seen",
		    nsnet_bin()));
	free(lab_sh("cmp /run/seen " RESOLV, "customer1"));
	assert_int_not_equal(lab_sh_status("grep -q 127.0.0 /run/seen"), 0);
	free(lab_sh("timeout 60 %s run customer1 -- /usr/bin/getent ahostsv4 " NAME
		    " | grep -q '^" ANSWER4 " '",
		    nsnet_bin()));
	set(n, "customer1", "dns", "none");
	free(lab_sh("timeout 60 %s run customer1 -- /bin/cat /etc/resolv.conf >/run/seen",
		    nsnet_bin()));
	assert_int_not_equal(lab_sh_status("grep -q nameserver /run/seen"), 0);
	stop(server);
	end(n);
}

/* With `inside: deny` neighbours need the rule, and it is about port 53. */
static void an_endpoint_of_its_own_answers_too(void **state)
{
	struct nsnet *n;
	pid_t server;

	(void)state;
	world_need();
	n = build(NULL);
	server = serve("/run/netns/shared.dns");
	set(n, "shared", "inside", "deny");
	assert_false(asks("/run/netns/shared", "10.10.250.3", 53));
	set(n, "shared", "dns", "shared/dns");
	resolv_is("shared", "nameserver 10.10.250.3;nameserver fd00:250::3;");
	assert_true(resolves("shared", ""));
	assert_false(asks("/run/netns/shared", "10.10.250.3", 54));
	set(n, "shared", "inside", "allow");
	assert_true(resolves("shared", ""));
	assert_true(asks("/run/netns/shared", "10.10.250.3", 54));
	free(lab_sh("test -z \"$(%s policy list -o name)\"", nsnet_bin()));
	stop(server);
	end(n);
}

/* Who is asked stays, unless the rules are to go as well; then nobody has its address any more. */
static void who_is_asked_does_not_go(void **state)
{
	struct nsnet_err err = {0};
	struct nsnet *n;

	(void)state;
	world_need();
	n = build("shared/dns");
	assert_int_equal(nsnet_endpoint_del(n, "shared", "dns", 0, NULL, &err), -EBUSY);
	assert_int_equal(err.id, NSNET_E_TENANT_NAMED);
	err = (struct nsnet_err){0};
	assert_int_equal(nsnet_tenant_del(n, "shared", 0, NULL, &err), -EBUSY);
	assert_int_equal(err.id, NSNET_E_TENANT_NAMED);
	LAB_OK(nsnet_tenant_del(n, "shared", NSNET_WITH_RULES, NULL, &(struct nsnet_err){0}));
	resolv_is("customer1", NOBODY);
	resolv_is("customer2", NOBODY);
	NOTHING_TO_DO(n, "del");
	lab_del(n, "customer1");
	lab_del(n, "customer2");
	lab_nothing_left(n);
	nsnet_close(n);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup(name, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(a_tenant_resolves_names_at_an_endpoint),
		TEST(who_moves_is_found),
		TEST(a_workload_sees_the_same),
		TEST(an_endpoint_of_its_own_answers_too),
		TEST(who_is_asked_does_not_go),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
