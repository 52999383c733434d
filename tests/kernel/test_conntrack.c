// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/kernel/conntrack.h"
#include "../../lib/kernel/nflog.h"
#include "../../lib/nl/nl.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * conntrack - what the kernel remembers of connections, and what it tells of packets;
 * datagrams go from 127.0.0.1 to 127.0.0.2 in a world of their own
 */

static struct nsnet_err err;

#define OK(call) lab_ok((call), &err, #call, __FILE__, __LINE__)

NSN_CLEANUP(struct nsn_nl, nsn_nl_close)
NSN_CLEANUP(struct nsn_nflog, nsn_nflog_close)

static void nft_reads(const char *text)
{
	struct run r;

	world_need();
	run_input(&r, 60000, text, (const char *const[]){"nft", "-f", "-", NULL});
	if (r.status != 0)
		fail_msg("nft -f: %s", r.err);
	run_free(&r);
}

/* A datagram to a port of 127.0.0.2. */
static void send_to(uint16_t port)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(0x7f000002)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, "hello", 5, 0, (const void *)&to, sizeof(to)), 5);
	(void)close(fd);
}

/* ---- connections ------------------------------------------------------------------------------
 */

/* Port 1001 gets mark 0x101, 1002 0x102, 1003 0x203; nobody listens, so ICMP answers. */
static struct nsn_nl *three_connections(void)
{
	struct nsn_nl *nl = NULL;
	uint16_t port;

	nft_reads("table inet t {\n chain output { type filter hook output priority 0;\n"
		  "  udp dport 1001 ct mark set 0x101\n  udp dport 1002 ct mark set 0x102\n"
		  "  udp dport 1003 ct mark set 0x203\n }\n}\n");
	for (port = 1001; port <= 1003; port++)
		send_to(port);
	OK(nsn_nl_open(&nl, NETLINK_NETFILTER, &err));
	return nl;
}

/* Of the three, those that are known, as "1001 1003". */
static void known(const char *want)
{
	char *have = lab_sh("sed -n 's/.* dport=\\(100[123]\\) .*/\\1/p' /proc/net/nf_conntrack |"
			    " sort -u | tr '\\n' ' ' | sed 's/ $//'");

	assert_string_equal(have, want);
	free(have);
}

static uint32_t count(struct nsn_nl *nl)
{
	char *proc = lab_sh("cat /proc/sys/net/netfilter/nf_conntrack_count");
	uint32_t n = UINT32_MAX;

	OK(nsn_conntrack_count(nl, &n, &err));
	assert_int_equal(n, strtoul(proc, NULL, 10));
	free(proc);
	return n;
}

static void connections_are_forgotten_by_their_mark(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;

	(void)state;
	nl = three_connections();
	known("1001 1002 1003");
	assert_int_equal(count(nl), 3);
	OK(nsn_conntrack_flush(nl, 0x999, 0xfff, &err));
	known("1001 1002 1003");
	OK(nsn_conntrack_flush(nl, 0x102, UINT32_MAX, &err));
	known("1001 1003");
	/* Bits outside the mask do not count, whichever they are. */
	OK(nsn_conntrack_flush(nl, 0x2ff, 0xff00, &err));
	known("1001");
	assert_int_equal(count(nl), 1);
	OK(nsn_conntrack_flush(nl, 0, 0, &err));
	assert_int_equal(count(nl), 0);
}

static void a_namespace_that_tracks_nothing_has_none(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;

	(void)state;
	world_need();
	OK(nsn_nl_open(&nl, NETLINK_NETFILTER, &err));
	assert_int_equal(count(nl), 0);
	OK(nsn_conntrack_flush(nl, 1, 1, &err));
}

/* ---- logs ---------------------------------------------------------------------------------------
 */

struct seen {
	struct nsn_nflog_packet last;
	char prefix[64];
	uint8_t payload[256];
	int n;
};

static int each(const struct nsn_nflog_packet *p, void *arg)
{
	struct seen *s = arg;

	s->last = *p;
	assert_true(p->len <= sizeof(s->payload));
	if (p->len)
		memcpy(s->payload, p->payload, p->len);
	(void)snprintf(s->prefix, sizeof(s->prefix), "%s", p->prefix);
	s->n++;
	return 0;
}

/* Reads until @n have come, or none comes any more. */
static void read_all(struct nsn_nflog *log, struct seen *s, int n)
{
	int r = 1;

	*s = (struct seen){0};
	while (s->n < n && r > 0) {
		r = nsn_nflog_read(log, 3000, each, s, &err);
		assert_true(r >= 0);
	}
	assert_int_equal(s->n, n);
}

static const char logging[] =
	"table inet t {\n chain output { type filter hook output priority 0;\n"
	"  udp dport 2001 meta mark set 0x77 log prefix \"first: \" group 5\n"
	"  udp dport 2002 log group 5 snaplen 28\n"
	"  udp dport 2003 log prefix \"other\" group 6\n }\n"
	" chain input { type filter hook input priority 0;\n"
	"  udp dport 2004 log prefix \"in\" group 5\n }\n}\n";

static void a_logged_packet_is_told_with_what_it_had(void **state)
{
	NSN_AUTO(nsn_nflog_closep) struct nsn_nflog *log = NULL;
	struct seen s;

	(void)state;
	nft_reads(logging);
	OK(nsn_nflog_open(&log, 5, 128, &err));
	send_to(2001);
	read_all(log, &s, 1);
	assert_string_equal(s.prefix, "first: ");
	assert_int_equal(s.last.family, NFPROTO_IPV4);
	assert_int_equal(s.last.hook, NF_INET_LOCAL_OUT);
	assert_int_equal(s.last.protocol, ETH_P_IP);
	assert_int_equal(s.last.mark, 0x77);
	assert_int_equal(s.last.in, 0);
	assert_int_equal(s.last.out, if_nametoindex("lo"));
	assert_int_equal(s.last.len, 20 + 8 + 5);
	assert_memory_equal(s.payload + 16, "\x7f\0\0\x02", 4);
	assert_int_equal(s.payload[22] << 8 | s.payload[23], 2001);
	assert_memory_equal(s.payload + 28, "hello", 5);

	send_to(2002);
	read_all(log, &s, 1);
	assert_string_equal(s.prefix, "");
	assert_int_equal(s.last.len, 28);
	assert_int_equal(s.last.mark, 0);
	assert_int_equal(s.last.seq, 1);

	send_to(2004);
	read_all(log, &s, 1);
	assert_string_equal(s.prefix, "in");
	assert_int_equal(s.last.hook, NF_INET_LOCAL_IN);
	assert_int_equal(s.last.in, if_nametoindex("lo"));
	assert_int_equal(s.last.out, 0);
}

static void waiting_has_an_end(void **state)
{
	NSN_AUTO(nsn_nflog_closep) struct nsn_nflog *log = NULL;
	struct seen s = {0};
	double start;

	(void)state;
	nft_reads(logging);
	OK(nsn_nflog_open(&log, 5, 128, &err));
	send_to(2003); /* another group */
	send_to(2000);
	start = now_ms();
	assert_int_equal(nsn_nflog_read(log, 300, each, &s, &err), 0);
	assert_true(now_ms() - start >= 290);
	assert_int_equal(s.n, 0);
}

static void a_group_has_one_listener(void **state)
{
	NSN_AUTO(nsn_nflog_closep) struct nsn_nflog *log = NULL, *second = NULL;
	struct nsnet_err refused = {0};
	struct seen s;

	(void)state;
	nft_reads(logging);
	OK(nsn_nflog_open(&log, 5, 0, &err));
	assert_int_equal(nsn_nflog_open(&second, 5, 0, &refused), -EPERM);
	LAB_HAS(refused.msg, "listen to log group 5: ");
	OK(nsn_nflog_open(&second, 6, 0, &err));
	send_to(2003);
	read_all(second, &s, 1);
	assert_string_equal(s.prefix, "other");
	assert_int_equal(s.last.len, 0);
	nsn_nflog_close(second);
	second = NULL;
	nsn_nflog_close(log);
	log = NULL;
	OK(nsn_nflog_open(&log, 5, 0, &err));
}

static void a_burst_comes_whole_or_tells_that_it_does_not(void **state)
{
	enum { BURST = 500, FLOOD = 20000 };
	NSN_AUTO(nsn_nflog_closep) struct nsn_nflog *log = NULL;
	struct seen s;
	int i, r;

	(void)state;
	nft_reads(logging);
	OK(nsn_nflog_open(&log, 5, 128, &err));
	for (i = 0; i < BURST; i++)
		send_to(2001);
	read_all(log, &s, BURST);
	assert_int_equal(s.last.seq, BURST - 1);

	for (i = 0; i < FLOOD; i++)
		send_to(2001);
	s = (struct seen){0};
	r = 1;
	while (r > 0)
		r = nsn_nflog_read(log, 1000, each, &s, &err);
	/* It may go on; the number of the next shows the gap. */
	assert_int_equal(r, -ENOBUFS);
	while (nsn_nflog_read(log, 300, each, &s, &err) != 0)
		;
	send_to(2001);
	i = s.n;
	read_all(log, &s, 1);
	assert_true(s.last.seq > (uint32_t)(BURST + i));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(connections_are_forgotten_by_their_mark),
		TEST(a_namespace_that_tracks_nothing_has_none),
		TEST(a_logged_packet_is_told_with_what_it_had),
		TEST(waiting_has_an_end),
		TEST(a_group_has_one_listener),
		TEST(a_burst_comes_whole_or_tells_that_it_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
