// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wire N < PLACES: probes of the three representatives between all places, and the same frames
 * sent by nothing but sendmmsg() before that. Started by wire.py, which says what the lines are.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/wire/parts.h"

enum { MOST = 4096, KINDS = 3, MANY = 256, FRAME = 128 };

static struct nsn_wire_place places[MOST];
static size_t n_places;

static void die(const char *what)
{
	(void)fprintf(stderr, "wire: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of this process, what the kernel did for its packets included: machines are shared. */
static double cpu(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void mac_of(struct nsn_mac *mac, const char *text)
{
	unsigned int i;

	for (i = 0; i < 6; i++)
		mac->bytes[i] = (uint8_t)strtoul(text + (size_t)i * 3, NULL, 16);
}

/* PATH GATEWAY-PATH PORT MAC IP GATEWAY-MAC GATEWAY-IP */
static void add(char *line)
{
	struct nsn_wire_place *p = &places[n_places], *g = p + 1;
	char *word[7], *save = NULL;
	struct stat st;
	int i;

	for (i = 0; i < 7; i++) {
		word[i] = strtok_r(i ? NULL : line, " \n", &save);
		if (!word[i])
			die("a line is too short");
	}
	*p = (struct nsn_wire_place){.path = strdup(word[0]),
				     .name = strdup(word[0]),
				     .link = "eth0",
				     .port = strdup(word[2]),
				     .gateway_place = n_places + 1};
	*g = (struct nsn_wire_place){
		.path = strdup(word[1]), .name = strdup(word[1]), .trusted = true};
	mac_of(&p->mac, word[3]);
	mac_of(&p->gateway_mac, word[5]);
	if (stat(p->path, &st) < 0)
		die(p->path);
	p->inode = st.st_ino;
	if (stat(g->path, &st) < 0)
		die(g->path);
	g->inode = st.st_ino;
	if (nsn_ip_parse(&p->ip, word[4]) < 0 || nsn_ip_parse(&p->gateway, word[6]) < 0)
		die("an address");
	n_places += 2;
}

/* ---- the same frames, and nothing else ------------------------------------------------------- */

static int mouth(const struct nsn_wire_place *p)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = 0};
	const int on = 1;
	int ns = open(p->path, O_RDONLY | O_CLOEXEC), fd;

	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		die(p->path);
	(void)close(ns);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	at.sll_ifindex = (int)if_nametoindex("eth0");
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0 ||
	    bind(fd, (void *)&at, sizeof(at)) < 0)
		die("packet socket");
	return fd;
}

static size_t frame_of(uint8_t *b, const struct nsn_wire_place *from,
		       const struct nsn_wire_place *to, int kind)
{
	static const struct nsn_wire_key key = {{1, 2, 3, 4, 5, 6, 7, 8}, 9};
	static struct nsn_wire_train t;
	static uint32_t number;
	struct nsn_wire_ask ask = {.kind = (enum nsn_wire_kind)kind,
				   .family = AF_INET,
				   .ttl = 64,
				   .mac = from->mac,
				   .gateway_mac = from->gateway_mac,
				   .src = from->ip,
				   .dst = to->ip,
				   .sport = (uint16_t)(20000 + number % 20000),
				   .dport = (uint16_t)(47000 + number % 13000),
				   .id = (uint16_t)number};

	if (nsn_wire_form(&t, &ask, &key, number++) || t.n != 1 || t.f[0].len > FRAME)
		die("a frame");
	memcpy(b, t.f[0].bytes, t.f[0].len);
	return t.f[0].len;
}

/* So long for all of them. */
static double bare(double *busy)
{
	static uint8_t bytes[MANY][FRAME];
	struct mmsghdr msgs[MANY];
	struct iovec iov[MANY];
	double took = 0, begin, began;
	size_t i, j;
	int kind, n, home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	for (i = 0; i < n_places; i += 2) {
		const int fd = mouth(&places[i]);

		for (n = 0, j = 0; j <= n_places; j += 2) {
			for (kind = 0; kind < KINDS && j < n_places && j != i; kind++, n++) {
				iov[n].iov_base = bytes[n];
				iov[n].iov_len = frame_of(bytes[n], &places[i], &places[j], kind);
				msgs[n] = (struct mmsghdr){
					.msg_hdr = {.msg_iov = &iov[n], .msg_iovlen = 1}};
			}
			if (n + KINDS <= MANY && j < n_places)
				continue;
			begin = now();
			began = cpu();
			if (n && sendmmsg(fd, msgs, (unsigned int)n, 0) != n)
				die("sendmmsg");
			took += now() - begin;
			*busy += cpu() - began;
			n = 0;
		}
		(void)close(fd);
	}
	if (setns(home, CLONE_NEWNET) < 0)
		die("return");
	(void)close(home);
	return took;
}

int main(int argc, char **argv)
{
	struct nsn_wire_probe *p;
	struct nsn_wire *w = NULL;
	struct nsn_wire_said said;
	struct nsnet_err err = {0};
	char line[1024];
	size_t n = 0, i, j;
	int kind, runs = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 3;
	double begin, began, floor, floor_cpu = 0;

	while (n_places + 2 <= MOST && fgets(line, sizeof(line), stdin))
		add(line);
	p = calloc(n_places * n_places * KINDS + 1, sizeof(*p));
	if (!p)
		die("memory");
	for (i = 0; i < n_places; i += 2)
		for (j = 0; j < n_places; j += 2)
			for (kind = 0; kind < KINDS && i != j; kind++)
				p[n++] = (struct nsn_wire_probe){.from = i,
								 .to = j,
								 .kind = (enum nsn_wire_kind)kind,
								 .family = AF_INET};
	floor = bare(&floor_cpu);
	while (runs--) {
		begin = now();
		if (nsn_wire_open(&w, places, n_places, &err) < 0) {
			(void)fprintf(stderr, "wire: %s\n", err.msg);
			return 1;
		}
		(void)printf("open %.4f ", now() - begin);
		began = cpu();
		if (nsn_wire_run(w, p, n, NULL, &said, &err) < 0)
			return 1;
		(void)printf("run %.4f cpu %.4f barecpu %.4f ", said.took_us / 1e6, cpu() - began,
			     floor_cpu);
		begin = now();
		nsn_wire_close(w);
		(void)printf(
			"close %.4f bare %.4f probes %zu delivered %zu blocked %zu untested %zu "
			"sent %zu heard %zu dropped %zu why %s\n",
			now() - begin, floor, said.n, said.delivered, said.blocked, said.untested,
			said.sent, said.heard, said.dropped, p[0].why ? p[0].why : "-");
	}
	free(p);
	return 0;
}
