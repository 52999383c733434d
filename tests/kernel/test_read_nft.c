// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/nl/nl.h"
#include "../../lib/verify/read.h"
#include "../../lib/verify/snapfile.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * read_nft, read_ct - what the prover reads of rules and connections, against what nft says and
 * against what was sent
 */

static struct nsnet_err err;

#define OK(call) lab_ok((call), &err, #call, __FILE__, __LINE__)

NSN_CLEANUP(struct nsn_nl, nsn_nl_close)

static void nft(const char *text)
{
	struct run r;

	run_input(&r, 60000, text, (const char *const[]){"nft", "-f", "-", NULL});
	if (r.status != 0)
		fail_msg("nft: %s\n%s", text, r.err);
	run_free(&r);
}

/* A snapshot of this namespace's rules and connections. */
static void read_all(struct nsn_snap *s)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;

	*s = (struct nsn_snap){.n_ns = 1};
	s->ns = nsn_arena_alloc(&s->mem, sizeof(*s->ns));
	assert_non_null(s->ns);
	OK(nsn_nl_open(&nl, NETLINK_NETFILTER, &err));
	OK(nsn_read_nft_generation(nl, &s->ns->nft_generation, &err));
	OK(nsn_read_nft(nl, &s->mem, s->ns, &err));
	OK(nsn_read_ct(nl, &s->mem, s->ns, &err));
	OK(nsn_snap_seal(s, &err));
}

static void clear(struct nsn_snap *s)
{
	nsn_arena_free(&s->mem);
}

/* ---- rules of all kinds ------------------------------------------------------------------- */

/* What this kernel or this nft does not have is left out; how many there were. */
static unsigned int load_rules(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned int n = 0;
	char line[1024];

	if (!f)
		fail_msg("%s", path);
	while (fgets(line, sizeof(line), f)) {
		struct run r;

		run_input(&r, 60000, line, (const char *const[]){"nft", "-f", "-", NULL});
		if (r.status == 0)
			n++;
		else
			print_message("not here: %s", line);
		run_free(&r);
	}
	(void)fclose(f);
	return n;
}

static void test_all_kinds(void **state)
{
	char rules[4096], script[4096], file[] = "/tmp/nsnet-read-nft-XXXXXX";
	struct nsn_snap s, back = {0};
	char *text = NULL;
	size_t len = 0;
	struct run r;
	int fd;

	(void)state;
	world_need();
	(void)snprintf(rules, sizeof(rules), "%s/tests/kernel/read_nft.rules", getenv("NSNET_SRC"));
	(void)snprintf(script, sizeof(script), "%s/tests/kernel/read_nft.py", getenv("NSNET_SRC"));
	RUN_STATUS(0, "ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1");
	assert_true(load_rules(rules) >= 120);
	read_all(&s);
	for (size_t i = 0; i < s.ns->n_strange; i++)
		assert_string_equal(s.ns->strange[i], "flowtable ft");
	OK(nsn_snap_text(&s, &text, &len, &err));
	OK(nsn_snap_parse(&back, text, len, &err));
	assert_string_equal(back.hash, s.hash);
	fd = mkstemp(file);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	RUN(&r, "python3", script, file);
	(void)unlink(file);
	(void)close(fd);
	if (r.status != 0)
		fail_msg("%s%s", r.out, r.err);
	print_message("%s", r.out);
	run_free(&r);
	free(text);
	clear(&s);
	clear(&back);
}

/* ---- what an element covers --------------------------------------------------------------- */

static const struct nsn_vset *set_named(const struct nsn_snap *s, const char *name)
{
	for (size_t i = 0; i < s->ns->n_tables; i++)
		for (size_t j = 0; j < s->ns->tables[i].n_sets; j++)
			if (strcmp(s->ns->tables[i].sets[j].name, name) == 0)
				return &s->ns->tables[i].sets[j];
	fail_msg("no set %s", name);
	return NULL;
}

static void must_range(const struct nsn_vset *s, size_t i, uint32_t begin, uint32_t end)
{
	uint32_t key, key_end;

	assert_true(i < s->n_elems && s->key_len == 4);
	assert_non_null(s->elems[i].key_end);
	memcpy(&key, s->elems[i].key, 4);
	memcpy(&key_end, s->elems[i].key_end, 4);
	assert_int_equal(ntohl(key), begin);
	assert_int_equal(ntohl(key_end), end);
}

/* Intervals: the first and the last address, two side by side, none. */
static void test_intervals(void **state)
{
	const struct nsn_vset *set;
	struct nsn_snap s;

	(void)state;
	world_need();
	nft("table ip t {\n"
	    " set s { type ipv4_addr; flags interval\n"
	    "  elements = { 0.0.0.0, 10.0.0.0/8, 11.0.0.0/8, 255.255.255.255 } }\n"
	    " set every { type ipv4_addr; flags interval; elements = { 0.0.0.0/0 } }\n"
	    " set none { type ipv4_addr; flags interval\n }\n"
	    " map m { type ipv4_addr : verdict; flags interval\n"
	    "  elements = { 10.0.0.0/8 : accept, 11.0.0.0/8 : drop, * : continue } }\n"
	    "}\n");
	read_all(&s);
	assert_int_equal(s.ns->n_strange, 0);
	set = set_named(&s, "s");
	assert_int_equal(set->n_elems, 4);
	must_range(set, 0, 0, 0);
	must_range(set, 1, 0x0a000000, 0x0affffff);
	must_range(set, 2, 0x0b000000, 0x0bffffff);
	must_range(set, 3, 0xffffffff, 0xffffffff);
	set = set_named(&s, "every");
	assert_int_equal(set->n_elems, 1);
	must_range(set, 0, 0, 0xffffffff);
	assert_int_equal(set_named(&s, "none")->n_elems, 0);
	set = set_named(&s, "m");
	assert_int_equal(set->n_elems, 3);
	assert_true(set->elems[0].catch_all && !set->elems[0].key);
	assert_int_equal(set->elems[0].verdict.code, NSN_V_CONTINUE);
	must_range(set, 1, 0x0a000000, 0x0affffff);
	assert_int_equal(set->elems[1].verdict.code, NSN_V_ACCEPT);
	must_range(set, 2, 0x0b000000, 0x0bffffff);
	assert_int_equal(set->elems[2].verdict.code, NSN_V_DROP);
	clear(&s);
}

/* A set that packets make elements of, with the flag for it or by a rule only. */
static void test_dynamic(void **state)
{
	struct nsn_snap s;

	(void)state;
	world_need();
	nft("table ip t {\n"
	    " set still { type ipv4_addr; flags timeout\n }\n"
	    " set flagged { type ipv4_addr; size 9; flags dynamic\n }\n"
	    " set written { type ipv4_addr; size 9; flags timeout\n }\n"
	    " set timed { type ipv4_addr; flags timeout\n"
	    "  elements = { 10.0.0.1 timeout 1h, 10.0.0.2 } }\n"
	    " chain c { update @written { ip saddr timeout 9s }\n }\n"
	    "}\n");
	read_all(&s);
	assert_false(set_named(&s, "still")->dynamic);
	assert_true(set_named(&s, "still")->expires);
	assert_true(set_named(&s, "flagged")->dynamic);
	assert_true(set_named(&s, "written")->dynamic);
	assert_true(set_named(&s, "timed")->elems[0].expires);
	assert_false(set_named(&s, "timed")->elems[1].expires);
	clear(&s);
}

/* More than one datagram of the kernel, and sets that are sorted by it in no order. */
static void test_many(void **state)
{
	NSN_AUTO(nsn_freep) char *text = calloc(1, 1 << 20);
	const struct nsn_vset *set;
	struct nsn_snap s;
	size_t n = 0;

	(void)state;
	world_need();
	assert_non_null(text);
	n += (size_t)sprintf(text, "add table ip t\nadd chain ip t c\n"
				   "add set ip t s { type ipv4_addr; flags interval; }\n");
	for (unsigned int i = 0; i < 2000; i++)
		n += (size_t)sprintf(text + n, "add rule ip t c ip saddr 10.0.%u.%u drop\n",
				     i / 256, i % 256);
	n += (size_t)sprintf(text + n, "add element ip t s { 10.0.0.0/32");
	for (unsigned int i = 1; i < 5000; i++)
		n += (size_t)sprintf(text + n, ", 10.%u.%u.0/31", i / 256, i % 256);
	(void)sprintf(text + n, " }\n");
	nft(text);
	read_all(&s);
	assert_int_equal(s.ns->tables[0].chains[0].n_rules, 2000);
	for (uint32_t i = 0; i < 2000; i++) {
		const struct nsn_vexpr *x = &s.ns->tables[0].chains[0].rules[i].exprs[1];
		uint32_t ip;

		memcpy(&ip, x->data, 4);
		assert_int_equal(ntohl(ip), 0x0a000000 + i);
	}
	set = set_named(&s, "s");
	assert_int_equal(set->n_elems, 5000);
	must_range(set, 0, 0x0a000000, 0x0a000000);
	for (uint32_t i = 1; i < 5000; i++)
		must_range(set, i, 0x0a000000 + (i << 8), 0x0a000001 + (i << 8));
	clear(&s);
}

static void test_nothing(void **state)
{
	struct nsn_snap s;

	(void)state;
	world_need();
	read_all(&s);
	assert_int_equal(s.ns->n_tables, 0);
	assert_int_equal(s.ns->n_strange, 0);
	assert_int_equal(s.ns->n_cts, 0);
	clear(&s);
}

/* What cannot be judged is said: a flowtable, a device's own chain, a name that means harm. */
static void test_strange(void **state)
{
	struct nsn_snap s;

	(void)state;
	world_need();
	nft("add table ip t { comment \"a\"; }\nadd set ip t s { type ipv4_addr; }\n");
	read_all(&s);
	assert_int_equal(s.ns->n_strange, 0);
	clear(&s);
	RUN_STATUS(0, "ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1");
	RUN_STATUS(
		0, "python3", "-c",
		"import socket, struct\n"
		"def at(t, b): return (struct.pack('HH', 4 + len(b), t) + b +"
		" b'\\0' * (-len(b) % 4))\n"
		"def msg(t, f, b): return struct.pack('IHHII', 20 + len(b), t, f, 0, 0)"
		" + struct.pack('BBH', 2, 0, 0 if t > 0x100 else socket.htons(10)) + b\n"
		"s = socket.socket(16, 3, 12)\n"
		"s.send(msg(16, 1, b'') + msg(0xa00, 0x405, at(1, b'a\\x1b[2J\\0'))"
		" + msg(0xa09, 0x405, at(1, b'a\\x1b[2J\\0') + at(2, b's\\0') + at(3, b'\\0' * 4)"
		" + at(4, struct.pack('>I', 7)) + at(5, struct.pack('>I', 4))"
		" + at(10, struct.pack('>I', 1))) + msg(17, 1, b''))\n"
		"e = struct.unpack('i', s.recv(9999)[16:20])[0]; assert e == 0, e\n");
	read_all(&s);
	assert_int_equal(s.ns->n_tables, 2);
	assert_string_equal(s.ns->tables[0].name, "a\\x1b[2J");
	assert_int_equal(s.ns->n_strange, 1);
	assert_non_null(strstr(s.ns->strange[0], "a\\x1b[2J s"));
	clear(&s);
}

/* ---- one state, one hash ------------------------------------------------------------------ */

static void test_hash(void **state)
{
	static const char *const changes[] = {
		"add element ip t s { 10.0.0.3 }\n",
		"delete element ip t s { 10.0.0.3 }\nadd element ip t s { 10.0.0.4 }\n",
		"add rule ip t c drop\n",
		"insert rule ip t c ip saddr 10.0.0.1 accept\n",
		"add chain ip t d { type filter hook input priority 0; }\n",
		"add chain ip t d { type filter hook input priority 0; policy drop; }\n",
	};
	struct nsn_snap a, b;

	(void)state;
	world_need();
	nft("table ip t {\n set s { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 } }\n"
	    " chain c { ip saddr @s counter accept\n }\n}\n");
	read_all(&a);
	read_all(&b);
	assert_string_equal(a.hash, b.hash);
	clear(&b);
	for (size_t i = 0; i < NSN_COUNT(changes); i++) {
		nft(changes[i]);
		read_all(&b);
		/* Not only because the generation is another. */
		b.ns->nft_generation = a.ns->nft_generation;
		OK(nsn_snap_seal(&b, &err));
		assert_string_not_equal(a.hash, b.hash);
		clear(&a);
		a = b;
	}
	clear(&a);
}

/* Two states, each in one transaction: nothing between them is ever taken for a state. */
#define RULES(a, b)                                                                                \
	"add table ip t\ndelete table ip t\ntable ip t {\n set s { type ipv4_addr; elements = "    \
	"{ " a " } }\n set " b                                                                     \
	" { type ipv4_addr\n }\n chain c { ip saddr @s accept\n ip saddr { 10.0.0.1, "             \
	"10.0.0.2 } drop\n }\n}\n"

static void hash_of_rules(struct nsn_snap *s, char hash[65])
{
	struct nsn_vtable *t = s->ns->tables;

	s->ns->nft_generation = 0;
	for (size_t i = 0; t && i < t->n_chains; i++)
		for (size_t j = 0; j < t->chains[i].n_rules; j++)
			t->chains[i].rules[j].handle = 0;
	for (size_t i = 0; t && i < t->n_chains; i++)
		t->chains[i].handle = 0;
	OK(nsn_snap_seal(s, &err));
	memcpy(hash, s->hash, 65);
	clear(s);
}

static void test_changing(void **state)
{
	static const char *const texts[] = {RULES("10.0.0.1", "one"), RULES("10.0.0.2", "two")};
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	char hashes[2][65], hash[65];
	unsigned int torn = 0;
	struct nsn_snap s;
	uint32_t after;
	pid_t pid;

	(void)state;
	world_need();
	for (size_t i = 0; i < 2; i++) {
		nft(texts[i]);
		read_all(&s);
		hash_of_rules(&s, hashes[i]);
	}
	OK(nsn_nl_open(&nl, NETLINK_NETFILTER, &err));
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < 60; i++) {
			struct run r;

			run_input(&r, 60000, texts[i % 2],
				  (const char *const[]){"nft", "-f", "-", NULL});
			run_free(&r);
		}
		_exit(0);
	}
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		read_all(&s);
		OK(nsn_read_nft_generation(nl, &after, &err));
		if (after != s.ns->nft_generation) {
			torn++;
			clear(&s);
			continue;
		}
		hash_of_rules(&s, hash);
		assert_true(strcmp(hash, hashes[0]) == 0 || strcmp(hash, hashes[1]) == 0);
	}
	print_message("%u were read while they changed\n", torn);
}

/* ---- connections -------------------------------------------------------------------------- */

/* A datagram to a port of 127.0.0.2 or ::1; nobody listens. */
static void send_to(int family, uint16_t port)
{
	const struct sockaddr_in v4 = {.sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(0x7f000002)};
	const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
					.sin6_port = htons(port),
					.sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is4 = family == AF_INET;

	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, "hello", 5, 0, is4 ? (const void *)&v4 : (const void *)&v6,
				is4 ? sizeof(v4) : sizeof(v6)),
			 5);
	(void)close(fd);
}

static void test_connections(void **state)
{
	struct nsn_snap s;
	size_t seen = 0;

	(void)state;
	world_need();
	nft("table inet t {\n"
	    " chain r { type filter hook output priority raw; udp dport 1002 ct zone set 7\n }\n"
	    " chain o { type filter hook output priority 0; udp dport 1001 ct mark set 0x101\n"
	    "  udp dport 1003 counter\n }\n"
	    "}\n");
	send_to(AF_INET, 1001);
	send_to(AF_INET, 1002);
	send_to(AF_INET6, 1003);
	read_all(&s);
	for (size_t i = 0; i < s.ns->n_cts; i++) {
		const struct nsn_vct *ct = &s.ns->cts[i];
		char src[NSN_IP_STRLEN], dst[NSN_IP_STRLEN];

		if (ct->orig.proto != IPPROTO_UDP)
			continue;
		seen |= (size_t)1 << (ct->orig.dport - 1000);
		assert_int_equal(ct->reply.sport, ct->orig.dport);
		assert_int_equal(ct->reply.dport, ct->orig.sport);
		assert_int_equal(nsn_ip_cmp(&ct->reply.src, &ct->orig.dst), 0);
		assert_int_equal(nsn_ip_cmp(&ct->reply.dst, &ct->orig.src), 0);
		assert_int_equal(ct->mark, ct->orig.dport == 1001 ? 0x101 : 0);
		assert_int_equal(ct->zone, ct->orig.dport == 1002 ? 7 : 0);
		assert_false(ct->helper);
		assert_string_equal(nsn_ip_str(&ct->orig.dst, dst),
				    ct->orig.dport == 1003 ? "::1" : "127.0.0.2");
		assert_string_equal(nsn_ip_str(&ct->orig.src, src),
				    ct->orig.dport == 1003 ? "::1" : "127.0.0.1");
	}
	assert_int_equal(seen, 1 << 1 | 1 << 2 | 1 << 3);
	clear(&s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_all_kinds, world_setup),
		cmocka_unit_test_setup(test_intervals, world_setup),
		cmocka_unit_test_setup(test_dynamic, world_setup),
		cmocka_unit_test_setup(test_many, world_setup),
		cmocka_unit_test_setup(test_nothing, world_setup),
		cmocka_unit_test_setup(test_strange, world_setup),
		cmocka_unit_test_setup(test_hash, world_setup),
		cmocka_unit_test_setup(test_changing, world_setup),
		cmocka_unit_test_setup(test_connections, world_setup),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
