/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What rules log, as it is told: each connection once, with names, and nothing that its sender
 * chose. Each test has a world of its own, with customer1, customer2 and shared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/lab.h"
#include "../lib/world.h"

#define OK(call)                                                                                   \
	do {                                                                                       \
		struct nsnet_err why_ = {0}, *why = &why_;                                         \
		lab_ok((call), why, #call, __FILE__, __LINE__);                                    \
	} while (0)

/* ---- what was told ---------------------------------------------------------------- */

struct heard {
	char *text;
	size_t size, lines;
	FILE *f;
};

static void print_end(FILE *f, const struct nsnet_logged_end *e)
{
	if (*e->endpoint)
		fprintf(f, "%s/%s", e->tenant, e->endpoint);
	else
		fprintf(f, "%s/%s", *e->tenant ? e->tenant : "?", e->address);
}

/* "customer1 one allow open customer1/default -> customer2/db tcp/443" */
static int each(const struct nsnet_logged *l, void *arg)
{
	struct heard *h = arg;
	const int64_t age = (int64_t)time(NULL) * 1000 - l->at_ms;

	assert_in_range(age + 60000, 0, 120000);
	assert_int_equal(l->lost, 0);
	fprintf(h->f, "%s %s %s %s ", l->tenant, l->rule, l->deny ? "deny" : "allow",
		l->open ? "open" : "packet");
	print_end(h->f, &l->from);
	fputs(" -> ", h->f);
	print_end(h->f, &l->to);
	fprintf(h->f, " %s\n", l->ports);
	h->lines++;
	return 0;
}

/* All that comes until nothing has come for a while; the kernel keeps packets for 10 ms. */
static char *hear(struct nsnet_monitor *m, size_t *lines)
{
	struct heard h = {0};
	struct pollfd p = {.fd = nsnet_monitor_fd(m), .events = POLLIN};
	int quiet = 0, r;

	h.f = open_memstream(&h.text, &h.size);
	assert_non_null(h.f);
	while (quiet < 2) {
		struct nsnet_err err = {0};

		/* Every second there is a look at the gateways, which tells nothing. */
		r = poll(&p, 1, 300) > 0 ? nsnet_monitor_read(m, 0, each, &h, &err) : 0;
		if (r < 0)
			fail_msg("%s", err.msg);
		quiet = r > 0 ? 0 : quiet + 1;
	}
	assert_int_equal(fclose(h.f), 0);
	if (lines)
		*lines = h.lines;
	return h.text;
}

static void hears(struct nsnet_monitor *m, const char *want, int line)
{
	char *text = hear(m, NULL);

	if (strcmp(text, want) != 0)
		fail_msg("line %d: heard\n%snot\n%s", line, text, want);
	free(text);
}
#define HEARS(m, want) hears((m), (want), __LINE__)

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

/* ---- who talks -------------------------------------------------------------------- */

static void add(struct nsnet *n, const char *name, const char *subnet, const char *subnet6)
{
	const struct nsnet_tenant_def def = {.name = name, .subnet = subnet, .subnet6 = subnet6};

	OK(nsnet_tenants_add(n, &def, 1, 0, NULL, why));
}

static struct nsnet *build(void)
{
	struct nsnet *n = lab_open();

	add(n, "customer1", "10.10.1.0/24", "fd00:10:1::/64");
	add(n, "customer2", "10.10.2.0/24", "fd00:10:2::/64");
	add(n, "shared", "10.10.3.0/24", NULL);
	return n;
}

static void rule(struct nsnet *n, bool deny, const char *name, const char *from, const char *to,
		 const char *ports, const char *log)
{
	const struct nsnet_rule_def def = {.name = name,
					   .deny = deny,
					   .from = &from,
					   .n_from = 1,
					   .to = &to,
					   .n_to = 1,
					   .ports = &ports,
					   .n_ports = 1,
					   .because = "x",
					   .log = log};

	OK(nsnet_rule_add(n, &def, 0, NULL, why));
}

/*
 * A TCP connection of customer1 to customer2, which says something, outlives @between (a
 * command, which may be empty), and says something again. peers.py answers line by line.
 */
static void talk(const char *address, const char *port, const char *between)
{
	static const char script[] =
		"coproc P { exec python3 \"$NSNET_SRC/tests/kernel/peers.py\"; }; "
		"ask() { echo \"$1\" >&${P[1]}; read -r a <&${P[0]}; "
		"[ \"$a\" = ok ] || { echo \"$1: $a\"; exit 1; }; }; "
		"ask \"serve customer2 $1\"; ask \"open 1 customer1 $1 tcp/$2\"; ask \"talk + 1\"; "
		"eval \"$3\" || exit 1; ask \"talk + 1\"; ask \"talk + 1\"; kill $P_PID";

	struct run r = {0};

	RUN(&r, "bash", "-c", script, "bash", address, port, between);
	if (r.status != 0)
		fail_msg("%s%s", r.out, r.err);
	run_free(&r);
}

static bool echo(const char *ns, const char *address)
{
	return lab_sh_status("ip netns exec %s ping -q -c 1 -W 1 %s >/dev/null", ns, address) == 0;
}

/* ---- one connection --------------------------------------------------------------- */

static void a_connection_is_told_once(void **state)
{
	struct nsnet *n = build();
	struct nsnet_monitor *m;

	(void)state;
	rule(n, false, "one", "customer1", "customer2", "any", "new");
	OK(nsnet_monitor_open(n, NULL, 0, &m, why));
	assert_int_equal(nsnet_monitor_gateways(m), 2);
	talk("10.10.2.2", "443", "");
	HEARS(m, "customer1 one allow open customer1/default -> customer2/default tcp/443\n");
	talk("fd00:10:2::2", "80", "");
	HEARS(m, "customer1 one allow open customer1/default -> customer2/default tcp/80\n");
	assert_true(echo("customer1", "10.10.2.2"));
	HEARS(m, "customer1 one allow open customer1/default -> customer2/default icmp/echo\n");
	assert_true(echo("customer1", "fd00:10:2::2"));
	HEARS(m, "customer1 one allow open customer1/default -> customer2/default icmp/echo\n");
	nsnet_monitor_close(m);
	nsnet_close(n);
}

/* All connections are looked up anew then, in both gateways and in both directions. */
static void a_connection_that_outlives_a_change_is_not_told_again(void **state)
{
	struct nsnet *n = build();
	struct nsnet_monitor *m;

	(void)state;
	rule(n, false, "one", "customer1", "customer2", "any", "new");
	rule(n, false, "two", "shared", "customer1", "any", NULL);
	rule(n, false, "three", "shared", "customer2", "any", NULL);
	OK(nsnet_monitor_open(n, NULL, 0, &m, why));
	talk("10.10.2.2", "443", "\"$NSNET_BIN\" -q revoke two && \"$NSNET_BIN\" -q revoke three");
	HEARS(m, "customer1 one allow open customer1/default -> customer2/default tcp/443\n");
	nsnet_monitor_close(m);
	nsnet_close(n);
}

static void with_log_all_each_packet_is_told_once(void **state)
{
	struct nsnet *n = build();
	struct nsnet_monitor *m;
	size_t lines;
	char *text;

	(void)state;
	rule(n, false, "one", "customer1", "customer2", "any", "all");
	OK(nsnet_monitor_open(n, NULL, 0, &m, why));
	assert_true(echo("customer1", "10.10.2.2"));
	text = hear(m, &lines);
	/* Request and answer; those of two gateways come in any order. */
	assert_int_equal(lines, 3);
	LAB_HAS(text,
		"customer1 one allow open customer1/default -> customer2/default icmp/echo\n");
	LAB_HAS(text,
		"customer1 one allow packet customer1/default -> customer2/default icmp/echo\n");
	LAB_HAS(text,
		"customer2 one allow packet customer2/default -> customer1/default icmp/echo\n");
	free(text);
	talk("10.10.2.2", "443", "");
	text = hear(m, &lines);
	assert_int_equal(count(text, " open "), 1);
	/* Three requests and answers, each acknowledged, the beginning and the end. */
	assert_true(count(text, " packet customer1/default -> customer2/default tcp/443\n") >= 4);
	assert_true(count(text, " packet customer2/default -> customer1/default tcp/") >= 4);
	assert_int_equal(count(text, " open ") + count(text, " packet "), lines);
	free(text);
	nsnet_monitor_close(m);
	nsnet_close(n);
}

static void what_is_denied_is_told_by_the_sender(void **state)
{
	struct nsnet *n = build();
	struct nsnet_monitor *m;

	(void)state;
	rule(n, false, "one", "customer1", "customer2", "any", NULL);
	rule(n, true, "no-ping", "customer1", "customer2", "icmp/echo", "new");
	OK(nsnet_monitor_open(n, NULL, 0, &m, why));
	assert_false(echo("customer1", "10.10.2.2"));
	HEARS(m, "customer1 no-ping deny open customer1/default -> customer2/default icmp/echo\n");
	/* A rule that logs nothing. */
	talk("10.10.2.2", "443", "");
	HEARS(m, "");
	nsnet_monitor_close(m);
	nsnet_close(n);
}

/* The service sees the address of a cable. */
static void who_is_translated_is_told_by_name(void **state)
{
	struct nsnet *n = build();
	struct nsnet_monitor *m;
	size_t lines;
	char *text;

	(void)state;
	add(n, "twin", "10.10.1.0/24", NULL);
	rule(n, false, "one", "customer1", "shared", "any", "all");
	rule(n, false, "two", "twin", "shared", "any", "all");
	OK(nsnet_monitor_open(n, NULL, 0, &m, why));
	assert_true(echo("twin", "10.10.3.2"));
	text = hear(m, &lines);
	assert_int_equal(lines, 3);
	LAB_HAS(text, "twin two allow open twin/default -> shared/default icmp/echo\n");
	LAB_HAS(text, "shared two allow packet shared/default -> twin/100.127.0.");
	free(text);
	nsnet_monitor_close(m);
	nsnet_close(n);
}

/* ---- who is listened to ------------------------------------------------------------- */

static void of_one_tenant_only_what_it_sends_or_is_sent(void **state)
{
	static const char *const only[] = {"shared"};
	static const char *const ghost[] = {"sharet"};
	struct nsnet *n = build();
	struct nsnet_err err = {0};
	struct nsnet_monitor *m;

	(void)state;
	rule(n, false, "one", "tenants", "customer2", "any", "new");
	rule(n, false, "two", "customer1", "shared", "any", "new");
	assert_int_equal(nsnet_monitor_open(n, ghost, 1, &m, &err), -ENOENT);
	assert_int_equal(err.id, NSNET_E_NO_TENANT);
	OK(nsnet_monitor_open(n, only, 1, &m, why));
	assert_int_equal(nsnet_monitor_gateways(m), 3);
	assert_true(echo("customer1", "10.10.2.2"));
	HEARS(m, "");
	assert_true(echo("customer1", "10.10.3.2"));
	HEARS(m, "customer1 two allow open customer1/default -> shared/default icmp/echo\n");
	assert_true(echo("shared", "10.10.2.2"));
	HEARS(m, "shared one allow open shared/default -> customer2/default icmp/echo\n");
	nsnet_monitor_close(m);
	nsnet_close(n);
}

struct expecting {
	struct nsnet_monitor *m;
	size_t gateways;
};

static int drop(const struct nsnet_logged *l, void *arg)
{
	(void)l;
	(void)arg;
	return 0;
}

static bool listens_to(void *arg)
{
	struct expecting *e = arg;

	OK(nsnet_monitor_read(e->m, 100, drop, NULL, why) < 0 ? -EIO : 0);
	return nsnet_monitor_gateways(e->m) == e->gateways;
}

static bool echo_is_heard(void *arg)
{
	char *text;
	bool heard;

	if (!echo("customer1", "10.10.3.2"))
		return false;
	text = hear(arg, NULL);
	heard = *text;
	free(text);
	return heard;
}

static void gateways_that_come_and_go_are_followed(void **state)
{
	struct nsnet *n = build();
	struct expecting e = {.gateways = 0};
	char pin[128];
	ino_t gone;

	(void)state;
	OK(nsnet_monitor_open(n, NULL, 0, &e.m, why));
	assert_int_equal(nsnet_monitor_gateways(e.m), 0);
	rule(n, false, "one", "tenants", "shared", "any", "new");
	e.gateways = 3;
	assert_true(poll_until(listens_to, &e, 5000));
	assert_true(echo("customer1", "10.10.3.2"));
	HEARS(e.m, "customer1 one allow open customer1/default -> shared/default icmp/echo\n");

	add(n, "late", "10.10.4.0/24", NULL);
	e.gateways = 4;
	assert_true(poll_until(listens_to, &e, 5000));
	assert_true(echo("late", "10.10.3.2"));
	HEARS(e.m, "late one allow open late/default -> shared/default icmp/echo\n");

	/* The socket in it must not keep a deleted gateway alive. */
	(void)snprintf(pin, sizeof(pin), "%s", lab_gateway(n, "late"));
	gone = lab_netns_inode(pin);
	assert_true(gone != 0);
	lab_del(n, "late");
	e.gateways = 3;
	assert_true(poll_until(listens_to, &e, 5000));
	assert_true(lab_netns_gone(gone));

	/* Another one in its place, of which the store says nothing new. */
	(void)snprintf(pin, sizeof(pin), "%s", lab_gateway(n, "customer1"));
	free(lab_sh("umount -l %s; rm %s; umount -l /run/netns/customer1; rm /run/netns/customer1",
		    pin, pin));
	lab_repair(n, "customer1", NSNET_REPAIRED);
	lab_repair(n, "shared", NSNET_UNCHANGED);
	assert_true(poll_until(echo_is_heard, e.m, 10000));
	HEARS(e.m, "");
	assert_true(echo("customer1", "10.10.3.2"));
	HEARS(e.m, "customer1 one allow open customer1/default -> shared/default icmp/echo\n");

	OK(nsnet_rule_del(n, "one", 0, NULL, why));
	e.gateways = 0;
	assert_true(poll_until(listens_to, &e, 5000));
	nsnet_monitor_close(e.m);
	nsnet_close(n);
}

static void a_second_listener_is_told_so(void **state)
{
	struct nsnet *n = build();
	struct nsnet_monitor *m, *second;
	struct nsnet_err err = {0};
	int fds;

	(void)state;
	rule(n, false, "one", "customer1", "customer2", "any", "new");
	OK(nsnet_monitor_open(n, NULL, 0, &m, why));
	fds = lab_fds();
	assert_int_equal(nsnet_monitor_open(n, NULL, 0, &second, &err), -EBUSY);
	LAB_HAS(err.msg, "another program listens to what the gateway of 'customer1' logs");
	assert_int_equal(lab_fds(), fds);
	assert_true(echo("customer1", "10.10.2.2"));
	HEARS(m, "customer1 one allow open customer1/default -> customer2/default icmp/echo\n");
	nsnet_monitor_close(m);
	nsnet_close(n);
}

/* What was lost is counted, and the rest goes on. */
static int count_lost(const struct nsnet_logged *l, void *arg)
{
	uint64_t *sum = arg;

	sum[0] += 1;
	sum[1] += l->lost;
	return 0;
}

static void send_udp(int n)
{
	free(lab_sh("ip netns exec customer1 python3 -c '"
		    "import socket\n"
		    "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
		    "for i in range(%d): s.sendto(b\"\\x1b]0;x\\x07\\n\", (\"10.10.2.2\", 7))'",
		    n));
}

static void what_comes_too_fast_is_counted(void **state)
{
	enum { SENT = 20000 };
	struct nsnet *n = build();
	struct nsnet_monitor *m;
	uint64_t sum[2] = {0};
	double end;

	(void)state;
	rule(n, true, "no", "customer1", "customer2", "udp", "new");
	rule(n, false, "one", "customer1", "customer2", "tcp", NULL);
	OK(nsnet_monitor_open(n, NULL, 0, &m, why));
	send_udp(SENT);
	for (end = now_ms() + 20000; sum[0] + sum[1] < SENT && now_ms() < end;) {
		int r = nsnet_monitor_read(m, 100, count_lost, sum, NULL);

		assert_true(r >= 0);
		/* The number of those that were lost comes with the next one. */
		if (r == 0)
			send_udp(1);
	}
	assert_true(sum[0] > 100);
	assert_true(sum[1] > 0);
	assert_in_range(sum[0] + sum[1], SENT, SENT + 100);
	nsnet_monitor_close(m);
	nsnet_close(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_connection_is_told_once, world_setup),
		cmocka_unit_test_setup(a_connection_that_outlives_a_change_is_not_told_again,
				       world_setup),
		cmocka_unit_test_setup(with_log_all_each_packet_is_told_once, world_setup),
		cmocka_unit_test_setup(what_is_denied_is_told_by_the_sender, world_setup),
		cmocka_unit_test_setup(who_is_translated_is_told_by_name, world_setup),
		cmocka_unit_test_setup(of_one_tenant_only_what_it_sends_or_is_sent, world_setup),
		cmocka_unit_test_setup(gateways_that_come_and_go_are_followed, world_setup),
		cmocka_unit_test_setup(a_second_listener_is_told_so, world_setup),
		cmocka_unit_test_setup(what_comes_too_fast_is_counted, world_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
