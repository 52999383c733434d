// SPDX-License-Identifier: GPL-2.0-or-later
#include "place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/world.h"

void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz: %s: %s\n", what, strerror(errno));
	exit(3);
}

/* ---- namespaces ------------------------------------------------------------------- */

static void shell(const char *script, const char *what)
{
	struct run r;

	run_input(&r, 60000, script, (const char *const[]){"sh", "-e", NULL});
	if (r.status != 0)
		fprintf(stderr, "%s%s\n", r.out, r.err);
	must(r.status == 0, what);
	run_free(&r);
}

int place_gateway_of(const struct place *s, int workload)
{
	return s->shape == SHAPE_CABLE ? workload / 2 : 0;
}

const char *place_link_of(const struct place *s, int workload)
{
	static const char *const e[] = {"e0", "e1", "e2", "e3"}, *const p[] = {"p0", "p1", "p2",
									       "p3"};

	return s->shape == SHAPE_ROUTER ? e[workload]
					: p[s->shape == SHAPE_CABLE ? workload % 2 : workload];
}

int place_network_of(const struct place *s, int w)
{
	return s->shape == SHAPE_ROUTER ? w : s->shape == SHAPE_CABLE ? w / 2 : 0;
}

int place_number_of(const struct place *s, int w)
{
	return s->shape == SHAPE_ROUTER ? 2 : 2 + (s->shape == SHAPE_CABLE ? w % 2 : w);
}

/* As letters in a case, and as `bridge link` calls them. */
static const struct {
	char letter;
	const char *name;
} port_flags[] = {{'i', "isolated"},	{'h', "hairpin"},     {'l', "learning"}, {'f', "flood"},
		  {'m', "mcast_flood"}, {'b', "bcast_flood"}, {'k', "locked"}};
#define PORT_FLAGS ((int)(sizeof(port_flags) / sizeof(*port_flags)))

static void write_links(const struct place *s, FILE *to)
{
	for (int w = 0; w < PLACE_WORKLOADS; w++) {
		const int g = place_gateway_of(s, w);
		const char *link = place_link_of(s, w);

		fprintf(to,
			"ip -n g%d link add %s type veth peer name eth0 address 02:00:00:00:00:0%d "
			"netns w%d\n",
			g, link, w, w);
		fprintf(to, "ip -n w%d link set eth0 up\n", w);
		if (s->shape == SHAPE_ROUTER) {
			fprintf(to, "ip -n g%d link set %s address 06:00:00:00:00:00\n", g, link);
			fprintf(to, "ip -n g%d addr add 10.7.%d.1/24 dev %s\n", g, w, link);
			fprintf(to, "ip -n g%d -6 addr add fd07:%d::1/64 dev %s nodad\n", g, w,
				link);
		} else {
			fprintf(to,
				"ip -n g%d link set %s master br0\n"
				"bridge -n g%d link set dev %s",
				g, link, g, link);
			for (int i = 0; i < PORT_FLAGS; i++)
				fprintf(to, " %s %s", port_flags[i].name,
					s->port[w] >> i & 1 ? "on" : "off");
			fprintf(to, "\n");
			fprintf(to,
				"bridge -n g%d fdb add 02:00:00:00:00:0%d dev %s master static\n",
				g, w, link);
		}
		fprintf(to, "ip -n g%d link set %s up\n", g, link);
	}
}

static void write_bridges(const struct place *s, FILE *to)
{
	for (int g = 0; g < s->gateways; g++) {
		if (s->shape == SHAPE_ROUTER)
			continue;
		fprintf(to, "ip -n g%d link add br0 type bridge mcast_snooping 0\n", g);
		fprintf(to, "ip -n g%d link set br0 address 06:00:00:00:00:0%d\n", g, g);
		fprintf(to, "ip -n g%d addr add 10.7.%d.1/24 dev br0\n", g, g);
		fprintf(to, "ip -n g%d -6 addr add fd07:%d::1/64 dev br0 nodad\n", g, g);
		fprintf(to, "ip -n g%d link set br0 up\n", g);
		if (s->nf_call)
			fprintf(to, "ip -n g%d link set br0 type bridge nf_call_iptables 1\n", g);
	}
	if (s->shape != SHAPE_CABLE)
		return;
	fprintf(to, "ip -n g0 link add c0 address 0a:00:00:00:00:00 type veth peer name c0 address "
		    "0a:00:00:00:00:01 netns g1\n");
	for (int g = 0; g < 2; g++) {
		fprintf(to, "ip -n g%d addr add 100.64.0.%d/31 dev c0\n", g, g);
		fprintf(to, "ip -n g%d -6 addr add fd64::%d/127 dev c0 nodad\n", g, g);
		fprintf(to, "ip -n g%d link set c0 up\n", g);
	}
}

static void write_neighbours(const struct place *s, FILE *to)
{
	for (int w = 0; w < PLACE_WORKLOADS; w++) {
		const char *dev = s->shape == SHAPE_ROUTER ? place_link_of(s, w) : "br0";
		const int g = place_gateway_of(s, w), net = place_network_of(s, w),
			  nr = place_number_of(s, w);

		fprintf(to, "ip -n g%d neigh add 10.7.%d.%d lladdr 02:00:00:00:00:0%d dev %s\n", g,
			net, nr, w, dev);
		fprintf(to, "ip -n g%d neigh add fd07:%d::%d lladdr 02:00:00:00:00:0%d dev %s\n", g,
			net, nr, w, dev);
	}
	for (int g = 0; g < 2 && s->shape == SHAPE_CABLE; g++) {
		fprintf(to, "ip -n g%d neigh add 100.64.0.%d lladdr 0a:00:00:00:00:0%d dev c0\n", g,
			1 - g, 1 - g);
		fprintf(to, "ip -n g%d neigh add fd64::%d lladdr 0a:00:00:00:00:0%d dev c0\n", g,
			1 - g, 1 - g);
		fprintf(to, "ip -n g%d route add 10.7.%d.0/24 via 100.64.0.%d\n", g, 1 - g, 1 - g);
		fprintf(to, "ip -n g%d -6 route add fd07:%d::/64 via fd64::%d\n", g, 1 - g, 1 - g);
	}
}

static void write_routing(const struct place *s, FILE *to)
{
	for (int g = 0; g < s->gateways; g++) {
		if (s->blackhole)
			fprintf(to,
				"ip -n g%d route add blackhole 10.7.3.0/25\n"
				"ip -n g%d -6 route add blackhole fd07:3::/65\n",
				g, g);
		if (!s->marked)
			continue;
		fprintf(to,
			"ip -n g%d rule add priority 100 fwmark 0x1/0x1 lookup main\n"
			"ip -n g%d rule add priority 200 iif lo lookup main\n"
			"ip -n g%d rule add priority 300 blackhole\n"
			"ip -n g%d -6 rule add priority 100 fwmark 0x1/0x1 lookup main\n"
			"ip -n g%d -6 rule add priority 200 iif lo lookup main\n"
			"ip -n g%d -6 rule add priority 300 blackhole\n",
			g, g, g, g, g, g);
	}
}

static void write_all(const struct place *s, FILE *to)
{
	for (int g = 0; g < s->gateways; g++)
		fprintf(to,
			"ip netns add g%d\nip -n g%d link set lo up\n"
			"ip netns exec g%d sysctl -qw net.ipv4.ip_forward=1 "
			"net.ipv6.conf.all.forwarding=1 "
			"net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 "
			"net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0 "
			"net.ipv6.conf.default.addr_gen_mode=1\n"
			"ip netns exec g%d sysctl -qe net.bridge.bridge-nf-call-arptables=0 "
			"net.bridge.bridge-nf-call-ip6tables=0 "
			"net.bridge.bridge-nf-call-iptables=0\n",
			g, g, g, g);
	for (int w = 0; w < PLACE_WORKLOADS; w++)
		fprintf(to,
			"ip netns add w%d\nip netns exec w%d sysctl -qw "
			"net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1\n",
			w, w);
	write_bridges(s, to);
	write_links(s, to);
	write_neighbours(s, to);
	write_routing(s, to);
}

static int open_tap(int workload)
{
	char path[32];
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	const int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int ns, fd, size = 1 << 20, on = 1;

	(void)snprintf(path, sizeof(path), "/run/netns/w%d", workload);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	must(home >= 0 && ns >= 0 && setns(ns, CLONE_NEWNET) == 0, path);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	at.sll_ifindex = (int)if_nametoindex("eth0");
	must(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == 0 &&
		     setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) == 0 &&
		     bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0,
	     "tap");
	must(setns(home, CLONE_NEWNET) == 0, "back");
	(void)close(ns);
	(void)close(home);
	return fd;
}

void place_random(struct place *s, struct rnd *r)
{
	bool odd;

	*s = (struct place){.shape = (enum shape)rnd(r, SHAPES)};
	s->marked = chance(r, 25);
	s->blackhole = chance(r, 20);
	s->nf_call = chance(r, 4);
	odd = chance(r, 25);
	for (int w = 0; w < PLACE_WORKLOADS; w++) {
		s->port[w] = chance(r, 25);
		for (int i = 1; odd && i < PORT_FLAGS; i++)
			s->port[w] |= (unsigned int)chance(r, 20) << i;
		/* One that learns makes all unsure. */
		if (!chance(r, 15))
			s->port[w] &= ~(1U << 2);
	}
}

void place_print(const struct place *s, FILE *to)
{
	fprintf(to, "shape %d marked %d blackhole %d nf_call %d ports", s->shape, s->marked,
		s->blackhole, s->nf_call);
	for (int w = 0; w < PLACE_WORKLOADS; w++) {
		fprintf(to, " -");
		for (int i = 0; i < PORT_FLAGS; i++)
			if (s->port[w] >> i & 1)
				fputc(port_flags[i].letter, to);
	}
	fputc('\n', to);
}

bool place_parse(struct place *s, const char *text)
{
	char ports[PLACE_WORKLOADS][16];
	int shape, marked, blackhole, nf_call;

	/* NOLINTNEXTLINE(cert-err34-c): place_print() wrote it */
	if (sscanf(text, "shape %d marked %d blackhole %d nf_call %d ports %15s %15s %15s %15s",
		   &shape, &marked, &blackhole, &nf_call, ports[0], ports[1], ports[2],
		   ports[3]) != 8 ||
	    shape < 0 || shape >= SHAPES)
		return false;
	*s = (struct place){.shape = (enum shape)shape,
			    .marked = marked != 0,
			    .blackhole = blackhole != 0,
			    .nf_call = nf_call != 0};
	for (int w = 0; w < PLACE_WORKLOADS; w++)
		for (int i = 0; i < PORT_FLAGS; i++)
			s->port[w] |= (unsigned int)!!strchr(ports[w], port_flags[i].letter) << i;
	return true;
}

void place_make(struct place *s)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	s->gateways = s->shape == SHAPE_CABLE ? 2 : 1;
	write_all(s, to);
	(void)fclose(to);
	shell(text, "making the site");
	free(text);
	for (int w = 0; w < PLACE_WORKLOADS; w++)
		s->tap[w] = open_tap(w);
}

void place_drop(struct place *s)
{
	for (int w = 0; w < PLACE_WORKLOADS; w++)
		(void)close(s->tap[w]);
	shell("for n in /run/netns/*; do ip netns del ${n##*/}; done", "dropping the site");
}

int place_load(const struct place *s, int gateway, const char *rules)
{
	char name[8];
	struct run r;
	int bad;

	(void)s;
	(void)snprintf(name, sizeof(name), "g%d", gateway);
	run_input(&r, 60000, rules,
		  (const char *const[]){"ip", "netns", "exec", name, "nft", "-f", "-", NULL});
	bad = r.status != 0;
	run_free(&r);
	return bad ? -1 : 0;
}
