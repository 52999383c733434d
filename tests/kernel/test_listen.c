// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/ctx.h"
#include "../../lib/kernel/listen.h"
#include "../../lib/nl/nl.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * listen - which programs of a namespace listen, by real ones
 */

#define PORT 7443

static struct nsnet_err err;

NSN_CLEANUP(struct nsn_nl, nsn_nl_close)

/* ---- sockets --------------------------------------------------------------------------- */

static void address(struct sockaddr_storage *ret, socklen_t *len, const char *ip, uint16_t port)
{
	struct sockaddr_in *in = (void *)ret;
	struct sockaddr_in6 *in6 = (void *)ret;

	*ret = (struct sockaddr_storage){0};
	if (strchr(ip, ':')) {
		*len = sizeof(*in6);
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, ip, &in6->sin6_addr), 1);
	} else {
		*len = sizeof(*in);
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		assert_int_equal(inet_pton(AF_INET, ip, &in->sin_addr), 1);
	}
}

/* Bound, and with @listens listening. */
static int bound(int type, const char *ip, bool v6only, bool listens)
{
	struct sockaddr_storage at;
	const int one = 1, only = v6only;
	socklen_t len;
	int fd;

	address(&at, &len, ip, PORT);
	fd = socket(at.ss_family, type | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
	if (at.ss_family == AF_INET6)
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)), 0);
	assert_int_equal(bind(fd, (void *)&at, len), 0);
	if (listens)
		assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static int find_port(const char *ip, uint8_t proto, uint16_t port, struct nsn_listener *l)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_ip at = {0};
	int r;

	if (*ip)
		assert_int_equal(nsn_ip_parse(&at, ip), 0);
	assert_int_equal(nsn_nl_open(&nl, NETLINK_SOCK_DIAG, &err), 0);
	r = nsn_listen_find(nl, &at, proto, port, l, &err);
	if (r < 0)
		fail_msg("nsn_listen_find: %s", err.msg);
	return r;
}

static struct nsn_listener found;

/* "" is any address. */
#define TAKEN(ip, proto) assert_int_equal(find_port(ip, proto, PORT, &found), 1)
#define FREE(ip, proto)	 assert_int_equal(find_port(ip, proto, PORT, &found), 0)

static void found_is(const char *ip)
{
	char text[NSN_IP_STRLEN];

	assert_string_equal(nsn_ip_str(&found.ip, text), ip);
	assert_int_equal(found.port, PORT);
	assert_int_equal(found.pid, getpid());
	assert_string_equal(found.comm, "test_listen");
}

/* ---- which ----------------------------------------------------------------------------- */

static void a_wildcard_has_every_address_of_its_family(void **state)
{
	NSN_AUTO(nsn_closep) int fd = -1;

	(void)state;
	world_need();
	FREE("", IPPROTO_TCP);
	fd = bound(SOCK_STREAM, "0.0.0.0", false, true);
	TAKEN("", IPPROTO_TCP);
	TAKEN("0.0.0.0", IPPROTO_TCP);
	TAKEN("192.0.2.9", IPPROTO_TCP);
	found_is("0.0.0.0");
	assert_false(found.both);
	FREE("::", IPPROTO_TCP);
	FREE("2001:db8::9", IPPROTO_TCP);
	FREE("", IPPROTO_UDP);
	assert_int_equal(find_port("", IPPROTO_TCP, PORT + 1, &found), 0);
}

static void an_address_is_in_the_way_of_itself_and_of_wildcards(void **state)
{
	NSN_AUTO(nsn_closep) int fd = -1, fd6 = -1;

	(void)state;
	world_need();
	fd = bound(SOCK_STREAM, "127.0.0.2", false, true);
	TAKEN("127.0.0.2", IPPROTO_TCP);
	found_is("127.0.0.2");
	TAKEN("0.0.0.0", IPPROTO_TCP);
	TAKEN("", IPPROTO_TCP);
	FREE("127.0.0.3", IPPROTO_TCP);
	FREE("::", IPPROTO_TCP);
	fd6 = bound(SOCK_STREAM, "::1", true, true);
	TAKEN("::1", IPPROTO_TCP);
	found_is("::1");
	TAKEN("::", IPPROTO_TCP);
	FREE("2001:db8::9", IPPROTO_TCP);
	FREE("127.0.0.3", IPPROTO_TCP);
}

static void a_socket_of_both_families_is_in_the_way_of_both(void **state)
{
	NSN_AUTO(nsn_closep) int both = -1, only = -1, mapped = -1;

	(void)state;
	world_need();
	both = bound(SOCK_STREAM, "::", false, true);
	TAKEN("192.0.2.9", IPPROTO_TCP);
	found_is("::");
	assert_true(found.both);
	TAKEN("0.0.0.0", IPPROTO_TCP);
	TAKEN("2001:db8::9", IPPROTO_TCP);
	nsn_closep(&both);

	both = -1;
	only = bound(SOCK_STREAM, "::", true, true);
	TAKEN("2001:db8::9", IPPROTO_TCP);
	assert_false(found.both);
	FREE("192.0.2.9", IPPROTO_TCP);
	FREE("0.0.0.0", IPPROTO_TCP);
	nsn_closep(&only);

	only = -1;
	mapped = bound(SOCK_STREAM, "::ffff:127.0.0.2", false, true);
	TAKEN("127.0.0.2", IPPROTO_TCP);
	found_is("127.0.0.2");
	TAKEN("0.0.0.0", IPPROTO_TCP);
	FREE("127.0.0.3", IPPROTO_TCP);
	FREE("::1", IPPROTO_TCP);
}

static void the_address_itself_comes_before_a_wildcard(void **state)
{
	NSN_AUTO(nsn_closep) int one = -1, all = -1, other = -1;

	(void)state;
	world_need();
	one = bound(SOCK_STREAM, "127.0.0.2", false, true);
	all = bound(SOCK_STREAM, "0.0.0.0", false, true);
	other = bound(SOCK_STREAM, "127.0.0.3", false, true);
	TAKEN("127.0.0.3", IPPROTO_TCP);
	found_is("127.0.0.3");
	TAKEN("127.0.0.2", IPPROTO_TCP);
	found_is("127.0.0.2");
	TAKEN("127.0.0.4", IPPROTO_TCP);
	found_is("0.0.0.0");
}

static void only_what_listens_counts(void **state)
{
	NSN_AUTO(nsn_closep) int tcp = -1, udp = -1;
	struct sockaddr_storage to;
	socklen_t len;

	(void)state;
	world_need();
	tcp = bound(SOCK_STREAM, "0.0.0.0", false, false);
	FREE("", IPPROTO_TCP);
	udp = bound(SOCK_DGRAM, "127.0.0.1", false, false);
	TAKEN("127.0.0.1", IPPROTO_UDP);
	found_is("127.0.0.1");
	FREE("", IPPROTO_TCP);
	/* One that is connected takes packets of the other end alone. */
	address(&to, &len, "127.0.0.5", 9);
	assert_int_equal(connect(udp, (void *)&to, len), 0);
	FREE("", IPPROTO_UDP);
}

static void a_kernel_without_sctp_has_none_of_it(void **state)
{
	int fd;

	(void)state;
	world_need();
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP);
	FREE("", IPPROTO_SCTP);
	if (fd >= 0) {
		struct sockaddr_storage at;
		socklen_t len;

		address(&at, &len, "127.0.0.2", PORT);
		assert_int_equal(bind(fd, (void *)&at, len), 0);
		assert_int_equal(listen(fd, 5), 0);
		TAKEN("127.0.0.2", IPPROTO_SCTP);
		(void)close(fd);
	}
}

static void who_listens_in_another_namespace_does_not_count(void **state)
{
	int fds[2];
	char byte;
	pid_t pid;

	(void)state;
	world_need();
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct sockaddr_storage at;
		socklen_t len;
		int fd;

		address(&at, &len, "0.0.0.0", PORT);
		if (unshare(CLONE_NEWNET) < 0)
			_exit(1);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0 || bind(fd, (void *)&at, len) < 0 || listen(fd, 5) < 0 ||
		    write(fds[1], "x", 1) != 1)
			_exit(1);
		(void)accept(fd, NULL, NULL);
		_exit(0);
	}
	(void)close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	(void)close(fds[0]);
	FREE("", IPPROTO_TCP);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* ---- rules ------------------------------------------------------------------------------- */

static void what_is_published_must_be_free(void **state)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	struct nsn_ports ports = {.proto = NSN_PROTO_TCP, .first = 443, .last = 443};
	struct nsn_policy p = {.name = "shop", .ports = &ports, .n_ports = 1};
	struct nsnet *n;
	char want[200];

	(void)state;
	world_need();
	n = lab_open();
	fd = bound(SOCK_STREAM, "0.0.0.0", false, true);
	/* One that publishes nothing. */
	assert_int_equal(nsn_publish_check_listeners(n, &p, &err), 0);
	p.publish.port = PORT;
	assert_int_equal(nsn_ip_parse(&p.publish.ip, "203.0.113.10"), 0);
	assert_int_equal(nsn_publish_check_listeners(n, &p, &err), -EADDRINUSE);
	assert_int_equal(err.id, NSNET_E_PUBLISH_CONFLICT);
	(void)snprintf(want, sizeof(want),
		       "203.0.113.10:7443 tcp is taken: test_listen (pid %d) listens on "
		       "0.0.0.0:7443",
		       (int)getpid());
	assert_string_equal(err.msg, want);
	LAB_HAS(err.hint, "ss -Htnlp sport = 7443");
	p.publish.ip = (struct nsn_ip){0};
	assert_int_equal(nsn_publish_check_listeners(n, &p, &err), -EADDRINUSE);
	LAB_HAS(err.msg, "7443 tcp is taken: ");
	ports.proto = NSN_PROTO_UDP;
	assert_int_equal(nsn_publish_check_listeners(n, &p, &err), 0);
	ports.proto = NSN_PROTO_TCP;
	p.publish.port = PORT + 1;
	assert_int_equal(nsn_publish_check_listeners(n, &p, &err), 0);
	nsnet_close(n);
}

/* By the command and by a file; what was published before somebody listened there stays. */
static void a_rule_is_refused_while_a_program_listens(void **state)
{
	static const char file[] =
		"nsnet: 1\ntenants:\n  customer1: { subnet: 10.10.1.0/24 }\nrules:\n"
		"  - { name: shop, allow: tcp/80, from: internet, to: customer1/default,"
		" publish: 7443, because: x }\n";
	NSN_AUTO(nsn_closep) int fd = -1;
	struct run r;

	(void)state;
	world_need();
	free(lab_sh("cat >/run/shop.yaml <<'END'\n%sEND", file));
	NSNET_STATUS(0, "tenant", "add", "customer1", "10.10.1.0/24");
	fd = bound(SOCK_STREAM, "0.0.0.0", false, true);
	NSNET(&r, "publish", "customer1/default", "7443:80", "--because", "x");
	assert_int_equal(r.status, 5);
	LAB_HAS(r.err, "7443 tcp is taken: test_listen (pid ");
	LAB_HAS(r.err, "[PUBLISH_CONFLICT]");
	run_free(&r);
	NSNET(&r, "apply", "-f", "/run/shop.yaml");
	assert_int_equal(r.status, 5);
	LAB_HAS(r.err, "/run/shop.yaml:5: 7443 tcp is taken: test_listen (pid ");
	run_free(&r);
	NSNET_STATUS(0, "publish", "customer1/default", "7444:80", "--because", "x");
	nsn_closep(&fd);
	NSNET_STATUS(0, "apply", "-f", "/run/shop.yaml");
	fd = bound(SOCK_STREAM, "0.0.0.0", false, true);
	NSNET_STATUS(0, "apply", "-f", "/run/shop.yaml");
	NSNET_STATUS(0, "repair");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(a_wildcard_has_every_address_of_its_family),
		TEST(an_address_is_in_the_way_of_itself_and_of_wildcards),
		TEST(a_socket_of_both_families_is_in_the_way_of_both),
		TEST(the_address_itself_comes_before_a_wildcard),
		TEST(only_what_listens_counts),
		TEST(a_kernel_without_sctp_has_none_of_it),
		TEST(who_listens_in_another_namespace_does_not_count),
		TEST(what_is_published_must_be_free),
		TEST(a_rule_is_refused_while_a_program_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
