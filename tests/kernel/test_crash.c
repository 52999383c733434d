/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "../lib/crash.h"
#include "../lib/lab.h"
#include "../lib/packet.h"
#include "../lib/tally.h"
#include "../lib/world.h"

/*
 * The installed command, killed at each system call that has an effect: all the
 * time frames are sent that must not arrive, also from and to what is being made;
 * then one command more leads to the state before or the one after, and there is
 * exactly as much of everything as without the kill.
 */

/* ---- who sends to whom ------------------------------------------------------------------ */

enum { APP, OTHER, DB, WEB, NEW, DELTA, SPOTS };

static struct spot {
	const char *const pin, *const ip, *const ip6, *const gateway;
	int fd;	     /* a socket on its link; -1: it is not there */
	ino_t netns; /* where that is */
	char own[18], gateway_mac[18];
} spots[SPOTS] = {
	[APP] = {"alpha", "10.10.1.2", "fd00:10:1::2", "10.10.1.1", -1},
	[OTHER] = {"other", "10.10.9.2", "fd00:10:9::2", "10.10.9.1", -1},
	[DB] = {"gamma", "10.10.2.2", "fd00:10:2::2", "10.10.2.1", -1},
	[WEB] = {"gamma.web", "10.10.2.3", "fd00:10:2::3", "10.10.2.1", -1},
	[NEW] = {"gamma.new", "10.10.2.4", "fd00:10:2::4", "10.10.2.1", -1},
	[DELTA] = {"delta", "10.10.3.2", "fd00:10:3::2", "10.10.3.1", -1},
};

/* What is so, beside what is always so. */
enum {
	GRANT = 1,     /* a rule to DB's 7002 */
	SIX = 2,       /* gamma has IPv6, and its endpoints may talk */
	HAS_NEW = 4,   /* the endpoint */
	HAS_DELTA = 8, /* the tenant */
	FILE_OLD = 16, /* rules to 7004, and to 7005 */
	FILE_NEW = 32, /* the second one is now to 7006, the first is gone, and another to 7007 */
	NEVER = 64,
};

static const struct lane {
	int from, to;
	uint16_t port;
	unsigned int when; /* one of these is so; 0: always */
	enum { FOUR, SIXTH, DIRECT } how;
} lanes[] = {
	{APP, DB, 7000, 0, FOUR},
	{APP, WEB, 7003, 0, FOUR},
	{APP, DB, 7000, SIX, SIXTH},
	{APP, DB, 7002, GRANT, FOUR},
	{DB, WEB, 7000, SIX, DIRECT},
	{APP, NEW, 7003, HAS_NEW, FOUR},
	{APP, DELTA, 7000, HAS_DELTA, FOUR},
	{APP, DELTA, 7000, HAS_DELTA, SIXTH},
	{APP, DB, 7004, FILE_OLD, FOUR},
	{APP, DB, 7005, FILE_OLD, FOUR},
	{APP, DB, 7006, FILE_NEW, FOUR},
	{APP, DB, 7007, FILE_NEW, FOUR},
	/* Nobody ever allows these. */
	{APP, DB, 7001, NEVER, FOUR},
	{APP, WEB, 7000, NEVER, FOUR},
	{APP, NEW, 7000, NEVER, FOUR},
	{APP, DELTA, 7001, NEVER, FOUR},
	{APP, DELTA, 7001, NEVER, SIXTH},
	{DB, APP, 7000, NEVER, FOUR},
	{DB, APP, 7002, NEVER, FOUR},
	{WEB, APP, 7003, NEVER, FOUR},
	{NEW, APP, 7003, NEVER, FOUR},
	{NEW, DELTA, 7000, NEVER, FOUR},
	{DELTA, APP, 7000, NEVER, FOUR},
	{DELTA, APP, 7000, NEVER, SIXTH},
	{DELTA, DB, 7000, NEVER, FOUR},
	{DB, DELTA, 7000, NEVER, FOUR},
	{OTHER, APP, 7000, NEVER, FOUR},
	{OTHER, DB, 7000, NEVER, FOUR},
	{OTHER, NEW, 7003, NEVER, FOUR},
	{OTHER, DELTA, 7000, NEVER, FOUR},
	{OTHER, DELTA, 7000, NEVER, SIXTH},
	{APP, OTHER, 7000, NEVER, FOUR},
	{DB, OTHER, 7000, NEVER, FOUR},
	{NEW, OTHER, 7000, NEVER, FOUR},
	{DELTA, OTHER, 7000, NEVER, FOUR},
	{DELTA, OTHER, 7000, NEVER, SIXTH},
};
#define LANES (int)(sizeof(lanes) / sizeof(lanes[0]))

static struct {
	struct frame frame[LANES];
	uint64_t sent[LANES], arrived[LANES];
	uint64_t all_sent, from_new; /* to the end of the program; by what was being made */
} tried;

static uint64_t lanes_of(unsigned int is)
{
	uint64_t mask = 0;

	for (int i = 0; i < LANES; i++)
		if (!lanes[i].when || (lanes[i].when & is))
			mask |= UINT64_C(1) << i;
	return mask;
}

static void make_frame(int i)
{
	const struct lane *l = &lanes[i];
	const struct spot *from = &spots[l->from], *to = &spots[l->to];
	struct frame *f = &tried.frame[i];
	const uint8_t number = (uint8_t)i;

	*f = (struct frame){0};
	frame_eth(f, l->how == DIRECT ? to->own : from->gateway_mac, from->own,
		  l->how == SIXTH ? ETH_P_IPV6 : ETH_P_IP);
	if (l->how == SIXTH)
		frame_ipv6(f, from->ip6, to->ip6, IPPROTO_UDP);
	else
		frame_ipv4(f, from->ip, to->ip, IPPROTO_UDP, NULL, 0);
	frame_udp(f, 40000, l->port);
	/* By this it is known at the other end, whatever was made of its addresses. */
	frame_bytes(f, &number, 1);
	frame_finish(f);
}

static void send_all(void)
{
	for (int i = 0; i < LANES; i++) {
		const struct lane *l = &lanes[i];

		if (spots[l->from].fd < 0 || (l->how == DIRECT && !spots[l->to].own[0]))
			continue;
		make_frame(i);
		/* Any answer is fine: the link may be down, or gone. */
		tried.sent[i] += send(spots[l->from].fd, tried.frame[i].bytes, tried.frame[i].len,
				      MSG_DONTWAIT) > 0;
	}
}

static void receive_at(int spot)
{
	static const size_t mark = sizeof(PACKET_MARK) - 1;
	uint8_t data[512];
	ssize_t n;

	while (spots[spot].fd >= 0) {
		const uint8_t *at;

		n = recv(spots[spot].fd, data, sizeof(data), MSG_DONTWAIT);
		/* ENETDOWN is told once. */
		if (n < 0 && (errno == EAGAIN || errno == ENXIO))
			break;
		if (n < 24)
			continue;
		at = memmem(data, (size_t)n, PACKET_MARK, mark);
		/* An error that comes back quotes it: then it did not get here. */
		if (at > data && at[-1] < LANES && lanes[at[-1]].to == spot)
			tried.arrived[at[-1]]++;
	}
}

static void receive_all(void)
{
	for (int i = 0; i < SPOTS; i++)
		receive_at(i);
}

static void forget_lanes(void)
{
	receive_all();
	memset(tried.sent, 0, sizeof(tried.sent));
	memset(tried.arrived, 0, sizeof(tried.arrived));
}

/* How many frames of others arrived. */
static unsigned long long crossed(uint64_t allowed, const char *what)
{
	unsigned long long n = 0;

	receive_all();
	for (int i = 0; i < LANES; i++) {
		if (tried.arrived[i] > 0 && !(allowed & (UINT64_C(1) << i))) {
			print_error("%s: %llu of %llu frames from %s to %s, port %d, arrived\n",
				    what, (unsigned long long)tried.arrived[i],
				    (unsigned long long)tried.sent[i], spots[lanes[i].from].pin,
				    spots[lanes[i].to].pin, lanes[i].port);
			n += tried.arrived[i];
		}
		tried.all_sent += tried.sent[i];
		if (lanes[i].from >= NEW)
			tried.from_new += tried.sent[i];
	}
	return n;
}

/* All of them arrive now. */
static bool these_arrive(void *arg)
{
	uint64_t allowed = *(const uint64_t *)arg;

	send_all();
	receive_all();
	for (int i = 0; i < LANES; i++)
		if ((allowed & (UINT64_C(1) << i)) && tried.arrived[i] == 0)
			return false;
	return true;
}

/* ---- where they are ----------------------------------------------------------------------- */

static void *close_later(void *arg)
{
	(void)close((int)(intptr_t)arg);
	return NULL;
}

/* The kernel waits for all processors as it closes such a socket: not here. */
static void spot_close(struct spot *s)
{
	pthread_t thread;

	if (s->fd < 0)
		return;
	assert_int_equal(pthread_create(&thread, NULL, close_later, (void *)(intptr_t)s->fd), 0);
	assert_int_equal(pthread_detach(thread), 0);
	s->fd = -1;
	s->own[0] = '\0';
}

static void put_mac(char to[18], const char *data)
{
	const unsigned char *b = (const unsigned char *)data;

	(void)snprintf(to, 18, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

/* In the namespace of this thread: its link with its address, and the gateway's. */
static bool spot_here(struct spot *s)
{
	int sk = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), big = 1 << 22;
	struct ifreq req = {.ifr_name = "eth0"};
	struct arpreq arp = {.arp_dev = "eth0"};
	struct sockaddr_in *to = (struct sockaddr_in *)(void *)&arp.arp_pa;
	const struct sockaddr_in *ip = (const struct sockaddr_in *)(const void *)&req.ifr_addr;
	bool found = ioctl(sk, SIOCGIFADDR, &req) == 0 && ip->sin_addr.s_addr == inet_addr(s->ip);

	to->sin_family = AF_INET;
	to->sin_addr.s_addr = inet_addr(s->gateway);
	found = found && ioctl(sk, SIOCGARP, &arp) == 0 && ioctl(sk, SIOCGIFHWADDR, &req) == 0;
	(void)close(sk);
	if (!found)
		return false;
	put_mac(s->own, req.ifr_hwaddr.sa_data);
	put_mac(s->gateway_mac, arp.arp_ha.sa_data);
	s->fd = tap_open("eth0");
	(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
	return true;
}

static bool spot_open(struct spot *s, int netns)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	struct stat st = {0};
	bool found;

	assert_true(home >= 0 && fstat(netns, &st) == 0);
	assert_int_equal(setns(netns, CLONE_NEWNET), 0);
	found = spot_here(s);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	(void)close(home);
	s->netns = st.st_ino;
	return found;
}

/* Whether its socket is on a link that is still there, in the namespace that has the name. */
static bool spot_is_current(const struct spot *s, ino_t netns)
{
	struct sockaddr_ll at = {0};
	socklen_t len = sizeof(at);

	return s->fd >= 0 && s->netns == netns &&
	       getsockname(s->fd, (struct sockaddr *)(void *)&at, &len) == 0 && at.sll_ifindex > 0;
}

/* Those that have a name are opened, those that are no more what they were are closed. */
static void spots_by_name(void)
{
	char path[64];
	int i, fd;

	for (i = 0; i < SPOTS; i++) {
		(void)snprintf(path, sizeof(path), LAB_PIN_DIR "/%s", spots[i].pin);
		if (spot_is_current(&spots[i], lab_netns_inode(path)))
			continue;
		spot_close(&spots[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && lab_is_netns(path))
			(void)spot_open(&spots[i], fd);
		if (fd >= 0)
			(void)close(fd);
	}
}

/* ---- what is being made -------------------------------------------------------------------- */

enum { NEWBORN_MAX = 16 };
static int newborn[NEWBORN_MAX], n_newborn;

/* From now on, and without a name. */
static void on_born(void *arg, int netns)
{
	(void)arg;
	tally_born(netns);
	assert_true(n_newborn < NEWBORN_MAX);
	newborn[n_newborn] = fcntl(netns, F_DUPFD_CLOEXEC, 0);
	assert_true(newborn[n_newborn++] >= 0);
}

/* How far a command is, and at which call it will die; -1: at none. */
static struct {
	int calls, at;
} running;

/*
 * Who is made takes part as soon as it has its addresses. Frames are sent before
 * each call that has not been looked at by a run that died earlier, and before some
 * of the others.
 */
static void on_effect(void *arg)
{
	int i, k, nr = running.calls++;

	(void)arg;
	if (nr % 4 != 0 && nr < running.at - 3)
		return;
	for (i = DB; i < SPOTS; i++)
		for (k = 0; k < n_newborn && spots[i].fd < 0; k++)
			(void)spot_open(&spots[i], newborn[k]);
	send_all();
}

static void forget_newborn(void)
{
	while (n_newborn > 0)
		(void)close(newborn[--n_newborn]);
}

static const struct crash_watch watch = {.effect = on_effect, .born = on_born};

/* ---- the command --------------------------------------------------------------------------- */

/* Where it is installed, and the files that are applied. */
static char folder[] = "/tmp/nsnet-crash-XXXXXX", bin[96], files[2][96];

enum { WORDS_MAX = 16 };

/* "tenant del delta" as arguments; they live until the next call. */
static const char *const *words_of(const char *text)
{
	static const char *argv[WORDS_MAX + 2];
	static char copy[512];
	char *save = NULL, *word;
	int n = 0;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	argv[n++] = bin;
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		assert_true(n < WORDS_MAX);
		argv[n++] = strcmp(word, "OLD") == 0   ? files[0]
			    : strcmp(word, "NEW") == 0 ? files[1]
						       : word;
	}
	argv[n] = NULL;
	return argv;
}

/* Dies at the call number @at; -1: at none. */
static int run_to(struct crash *c, int at, const char *text)
{
	running.calls = 0;
	running.at = at;
	crash_run(c, at, &watch, words_of(text));
	send_all();
	return c->status;
}

/* One that lives; also then frames are sent. Its status. */
static int command(struct crash *c, const char *text)
{
	/* To none, but not before each. */
	running.calls = 0;
	running.at = INT_MAX;
	crash_run(c, -1, &watch, words_of(text));
	forget_newborn();
	return c->status;
}

static void must(const char *text)
{
	struct crash c;

	if (text && command(&c, text) != 0)
		fail_msg("nsnet %s: status %d: %s", text, c.status, c.out);
}

/* What is stored, in words. The caller frees it. */
static char *stored(void)
{
	struct run r;

	RUN(&r, bin, "export");
	if (r.status != 0 || r.cut)
		fail_msg("nsnet export: status %d: %s", r.status, r.err);
	free(r.err);
	return r.out;
}

enum {
	TENANT_ADD,
	TENANT_SET,
	ENDPOINT_ADD,
	ENDPOINT_DEL,
	TENANT_DEL,
	ALLOW,
	REVOKE,
	APPLY,
	REPAIR,
	VERBS
};

#define ADD_DELTA  "tenant add delta 10.10.3.0/24 --subnet6 fd00:10:3::/64 --label role=new"
#define DEL_DELTA  "tenant del delta -y"
#define ADD_NEW	   "endpoint add gamma/new"
#define DEL_NEW	   "endpoint del gamma/new -y"
#define SET_GAMMA  "tenant set gamma inside=allow subnet6=fd00:10:2::/64"
#define RESET	   "tenant set gamma inside=deny subnet6=none"
#define ALLOW_7002 "allow alpha gamma/default udp/7002 --because test --name grant"
#define REVOKE_IT  "revoke grant -y"

static const struct verb {
	const char *name;
	unsigned int before, after;
	const char *prepare;	    /* from where all begins, to what was before */
	const char *command, *undo; /* undo leads back to what was before */
	const char *damage;	    /* a script, once what was before is there */
	bool incomplete; /* the same again does only what is not stored, repair the rest */
} verbs[VERBS] = {
	[TENANT_ADD] = {"tenant add", 0, HAS_DELTA, NULL, ADD_DELTA, DEL_DELTA},
	[TENANT_SET] = {"tenant set", 0, SIX, NULL, SET_GAMMA, RESET},
	[ENDPOINT_ADD] = {"endpoint add", 0, HAS_NEW, NULL, ADD_NEW, DEL_NEW},
	[ENDPOINT_DEL] = {"endpoint del", HAS_NEW, 0, ADD_NEW, DEL_NEW, ADD_NEW},
	[TENANT_DEL] = {"tenant del", HAS_DELTA, 0, ADD_DELTA, DEL_DELTA, ADD_DELTA},
	[ALLOW] = {"allow", 0, GRANT, NULL, ALLOW_7002, REVOKE_IT},
	[REVOKE] = {"revoke", GRANT, 0, ALLOW_7002, REVOKE_IT, ALLOW_7002},
	/* -q: without the proof of what opens, which only reads, in threads, never twice the same.
	 */
	[APPLY] = {"apply", FILE_OLD, FILE_NEW | HAS_DELTA, "apply -q -y -f OLD",
		   "apply -q -y --prune -f NEW", "apply -q -y --prune --prune-tenants 1 -f OLD",
		   .incomplete = true},
	[REPAIR] =
		{"repair", 0, 0, NULL, "repair",
		 .damage = "nsenter --net=/run/netns/gamma ip link del eth0; "
			   "umount /run/netns/gamma.web; rm /run/netns/gamma.web; "
			   "for gw in /run/nsnet/gw/*; do "
			   "  nsenter --net=$gw ip -o addr show dev br0 | grep -q 10.10.2.1/ || "
			   "    continue; "
			   "  nsenter --net=$gw nft flush ruleset; "
			   "  until [ -z \"$(nsenter --net=$gw ip -o link show master br0)\" ]; do "
			   "    sleep 0.01; "
			   "  done; "
			   "done"},
};

/* ---- states ---------------------------------------------------------------------------------- */

/* A stored state, and what there is of everything when it has come about undisturbed. */
struct state {
	char *stored, *tally;
};

/* Once what was deleted is freed, which happens in the background. */
static char *settled_tally(void)
{
	char *last = tally(LAB_STATE), *now = NULL;
	int i;

	for (i = 0; i < 200; i++) {
		(void)poll(NULL, 0, 50);
		spots_by_name();
		now = tally(LAB_STATE);
		if (strcmp(last, now) == 0 && strstr(now, "\nnameless namespaces 0\n"))
			break;
		free(last);
		last = now;
		now = NULL;
	}
	if (!now)
		fail_msg("it does not settle: %s", last);
	free(last);
	return now;
}

static struct state learn(void)
{
	struct state s = {.stored = stored(), .tally = settled_tally()};

	return s;
}

static void state_free(struct state *s)
{
	free(s->stored);
	free(s->tally);
}

/* The kernel frees what was deleted in the background; sockets that are inside hinder it. */
static bool settles(const struct state *s)
{
	spots_by_name();
	return tally_becomes(LAB_STATE, s->tally, 10000);
}

/*
 * The next tenant and the next endpoint get the addresses that they would have got.
 * What they are is not said by --dry-run, so they are made.
 */
static char *next_addresses(void)
{
	char *text;

	must("tenant add probe auto --subnet6 auto");
	must("endpoint add gamma/probe");
	text = lab_sh("%s endpoint list -o csv --columns endpoint,address,address6 --no-header | "
		      "grep probe",
		      bin);
	must("endpoint del gamma/probe -y");
	must("tenant del probe -y");
	return text;
}

/* ---- one kill ----------------------------------------------------------------------------------
 */

/* What is true of all kills of all verbs. */
static struct {
	int verbs, calls, kills, leaks;
	unsigned long long crossed;
} total;

struct series {
	const struct verb *v;
	struct state before, after;
	char *addresses; /* of the next ones, before */
	bool is_after;	 /* where we are */
	int kills;
};

static void bring_before(struct series *s)
{
	if (s->is_after)
		must(s->v->undo);
	s->is_after = false;
	if (s->v->damage) {
		/* Who is inside would keep what is to be missing. */
		spot_close(&spots[WEB]);
		free(lab_sh("%s", s->v->damage));
	}
	spots_by_name();
	forget_lanes();
}

static void nothing_to_do(const char *what)
{
	struct run r;

	RUN(&r, bin, "plan", "--exit-code");
	if (r.status != 0)
		fail_msg("%s: plan: status %d: %s%s", what, r.status, r.out, r.err);
	run_free(&r);
}

/* One command more: repair, or the same once more. What is gone cannot be removed again. */
static void converge(struct series *s, bool by_repair, const char *what)
{
	struct crash c;
	int status = by_repair ? 0 : command(&c, s->v->command);

	if (status != 0 && status != 4)
		fail_msg("%s: the same again: status %d: %s", what, status, c.out);
	if ((by_repair || status == 4 || s->v->incomplete) && command(&c, "repair") != 0)
		fail_msg("%s: repair: status %d: %s", what, c.status, c.out);
	total.crossed += crossed(lanes_of(s->v->before) | lanes_of(s->v->after), what);
	nothing_to_do(what);
}

/* Which of the two states is stored now. */
static bool which_state(const struct series *s, const char *what)
{
	char *now = stored();
	bool before = strcmp(now, s->before.stored) == 0, after = strcmp(now, s->after.stored) == 0;

	if (!before && !after)
		fail_msg("%s: neither the state before nor the one after is stored:\n%s", what,
			 now);
	free(now);
	return after && !before;
}

/* Everything is as it is without a kill, and as much crosses. */
static void as_undisturbed(struct series *s, const char *what)
{
	uint64_t allowed = lanes_of(s->is_after ? s->v->after : s->v->before);

	if (!settles(s->is_after ? &s->after : &s->before)) {
		print_error("%s: this is left\n", what);
		total.leaks++;
	}
	forget_lanes();
	if (!poll_until(these_arrive, &allowed, 5000))
		fail_msg("%s: not all that is allowed arrives", what);
	total.crossed += crossed(allowed, what);
	assert_int_equal(total.leaks, 0);
	assert_int_equal(total.crossed, 0);
}

static void same_addresses(const struct series *s)
{
	char *now = next_addresses();

	assert_string_equal(now, s->addresses);
	free(now);
}

/* False: it lived to the end. */
static bool kill_once(struct series *s, int at, bool by_repair)
{
	char what[96];
	struct crash c;

	bring_before(s);
	(void)run_to(&c, at, s->v->command);
	(void)snprintf(what, sizeof(what), "%s, killed at call %d, then %s", s->v->name, at,
		       by_repair ? "repair" : "the same again");
	if (!c.killed && c.status != 0)
		fail_msg("%s: not killed, status %d: %s", what, c.status, c.out);
	total.crossed += crossed(lanes_of(s->v->before) | lanes_of(s->v->after), what);
	forget_newborn();
	spots_by_name();
	forget_lanes();
	converge(s, by_repair, what);
	s->is_after = which_state(s, what);
	as_undisturbed(s, what);
	s->kills += c.killed;
	if (s->addresses && !s->is_after && s->kills % 8 == 7)
		same_addresses(s);
	return c.killed;
}

/* ---- all of them
 * --------------------------------------------------------------------------------- */

static void alpha_and_gamma(void)
{
	must("tenant add alpha 10.10.1.0/24 --subnet6 fd00:10:1::/64");
	must("tenant add gamma 10.10.2.0/24 --inside deny");
	must("tenant add other 10.10.9.0/24 --subnet6 fd00:10:9::/64");
	must("endpoint add gamma/web");
	must("allow alpha gamma/default udp/7000 --because test --name stays");
	must("allow alpha gamma udp/7003 --because test --name whole");
	must("allow alpha label:role=new udp/7000 --because test --name by-label");
}

/* How many calls there are, and how many of them are SQLite's. */
struct calls {
	int all, pages;
};

/* As strace counts, from what was before. */
static struct calls ask_strace(struct series *s)
{
	const char *const *argv;
	char line[1024] = "", *text, *end;
	struct calls n;
	size_t i, len = 0;

	bring_before(s);
	argv = words_of(s->v->command);
	for (i = 0; argv[i]; i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, " '%s'", argv[i]);
	text = lab_sh(
		"e=$NSNET_SRC/tests/kernel/effects.py; "
		"strace --seccomp-bpf -f -e \"$(python3 $e trace)\" -o %s/trace %s >/dev/null && "
		"python3 $e %s/trace",
		folder, line, folder);
	n.all = (int)strtol(text, &end, 10);
	n.pages = (int)strtol(end, NULL, 10);
	free(text);
	s->is_after = which_state(s, "under strace");
	return n;
}

/* As those are counted at which it is killed. */
static struct calls ask_helper(struct series *s)
{
	struct crash c;

	bring_before(s);
	if (run_to(&c, -1, s->v->command) != 0)
		fail_msg("nsnet %s: status %d: %s", s->v->command, c.status, c.out);
	total.crossed += crossed(lanes_of(s->v->before) | lanes_of(s->v->after), s->v->name);
	forget_newborn();
	s->is_after = which_state(s, s->v->name);
	return (struct calls){c.effects, c.pages};
}

/* Every call in the full run, else some spread over all of them. */
static int stride(int calls)
{
	int some = test_quick() ? 2 : 12;

	return getenv("NSNET_TEST_FULL") || calls <= some ? 1 : calls / some;
}

/*
 * Both count the same, if need be at another attempt: what the kernel does in the background
 * decides how often a change looks again. SQLite's pages are as many as it finds useful, but
 * never none.
 */
static int count_calls(struct series *s)
{
	struct calls others, mine;
	int i;

	for (i = 0; i < 3; i++) {
		mine = ask_helper(s);
		as_undisturbed(s, "undisturbed");
		if (test_quick())
			return mine.all;
		others = ask_strace(s);
		as_undisturbed(s, "under strace");
		if (mine.all - mine.pages == others.all - others.pages && mine.pages &&
		    others.pages)
			return mine.all;
		print_message("           %s: strace sees %d calls with an effect, %d of them "
			      "pages; we %d, %d\n",
			      s->v->name, others.all, others.pages, mine.all, mine.pages);
	}
	fail_msg("%s: the two do not agree", s->v->name);
	return 0;
}

/* Both states as they are undisturbed, and how many calls there are between them. */
static int learn_states(struct series *s)
{
	must(s->v->prepare);
	/* For the first time, which may leave folders behind. */
	s->before.stored = stored();
	s->after.stored = stored();
	must(s->v->damage ? NULL : s->v->command);
	free(s->after.stored);
	s->after = learn();
	s->is_after = strcmp(s->before.stored, s->after.stored) != 0;
	assert_int_equal(s->is_after, s->v->undo != NULL);
	must(s->v->undo);
	s->is_after = false;
	s->before.tally = settled_tally();
	s->addresses = test_quick() ? NULL : next_addresses();
	return count_calls(s);
}

static void kill_everywhere(const struct verb *v, int nr)
{
	struct series s = {.v = v};
	double began = now_ms();
	int calls, at, step;

	calls = learn_states(&s);
	step = stride(calls);
	for (at = nr % step; kill_once(&s, at, (at / step) % 2); at += step)
		;
	print_message("           %-12s %4d calls with an effect%s; killed at %d, %.1f s\n",
		      v->name, calls, test_quick() ? "" : ", as strace counts", s.kills,
		      (now_ms() - began) / 1000);
	assert_true(s.kills > 1 && at > calls / 2);
	total.verbs++;
	total.calls += calls;
	total.kills += s.kills;
	bring_before(&s);
	must(v->damage ? "repair" : NULL);
	if (s.addresses)
		same_addresses(&s);
	state_free(&s.before);
	state_free(&s.after);
	free(s.addresses);
}

static void install(void)
{
	char build[256];

	assert_non_null(mkdtemp(folder));
	(void)snprintf(build, sizeof(build), "%s", nsnet_bin());
	*strrchr(build, '/') = '\0';
	/* As it is built: another configuration of make would begin to build it again. */
	free(lab_sh("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C $NSNET_SRC -o all BUILD=%s "
		    "DESTDIR=%s PREFIX=/usr install",
		    build, folder));
	(void)snprintf(bin, sizeof(bin), "%s/usr/sbin/nsnet", folder);
}

static void write_file(int i, const char *text)
{
	FILE *f;

	(void)snprintf(files[i], sizeof(files[i]), "%s/%d.yaml", folder, i);
	f = fopen(files[i], "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

#define RULE(name, port)                                                                           \
	"  - { name: " name ", allow: udp/" port ", from: alpha, to: gamma/default, because: t "   \
	"}\n"

static void write_files(void)
{
	write_file(0, "nsnet: 1\nname: crash\nrules:\n" RULE("goes", "7004") RULE("moves", "7005"));
	write_file(1, "nsnet: 1\nname: crash\n"
		      "tenants:\n  delta:\n    subnet: 10.10.3.0/24\n"
		      "    subnet6: \"fd00:10:3::/64\"\n    labels: { role: new }\n"
		      "    endpoints: { default: auto }\n"
		      "rules:\n" RULE("moves", "7006") RULE("comes", "7007"));
}

static int set_up_all(void **state)
{
	(void)state;
	/* Without root nothing runs, and nothing is installed. */
	if (geteuid() != 0)
		return 0;
	/* The leak checker of the sanitizers cannot work under ptrace. */
	if (getenv("ASAN_OPTIONS"))
		assert_int_equal(setenv("ASAN_OPTIONS", "detect_leaks=0", 1), 0);
	stay_on_one_processor();
	install();
	write_files();
	return 0;
}

static int tear_down_all(void **state)
{
	(void)state;
	if (!bin[0])
		return 0;
	free(lab_sh("rm -rf %s", folder));
	print_message(
		"crash matrix: %d verbs, %d effectful calls, %d killed, %d leaks, %llu crossed; "
		"%llu frames tried, %llu of them by who was not there yet or no more\n",
		total.verbs, total.calls, total.kills, total.leaks, total.crossed,
		(unsigned long long)tried.all_sent, (unsigned long long)tried.from_new);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	(void)world_enter();
	tally_forget();
	memset(tried.sent, 0, sizeof(tried.sent));
	memset(tried.arrived, 0, sizeof(tried.arrived));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	forget_newborn();
	for (int i = 0; i < SPOTS; i++)
		spot_close(&spots[i]);
	return 0;
}

/* ---- whether this test sees what it looks for
 * ----------------------------------------------------- */

/* The call at which a program dies has not been made, and the one before it has. */
static void the_call_it_dies_at_is_not_made(void **state)
{
	const char *const argv[] = {"/bin/sh", "-c",	     "umask 0; echo one >$1; echo two >>$1",
				    "sh",      "/run/words", NULL};
	static const char *const after[] = {"absent", "", "one", "one", "one\ntwo"};
	struct crash c;
	char *text;
	int i;

	(void)state;
	world_need();
	/* Creating it, writing to it, opening it to append (O_CREAT again), writing to it. */
	for (i = 0; i < 5; i++) {
		(void)unlink("/run/words");
		crash_run(&c, i, NULL, argv);
		assert_int_equal(c.killed, i < 4);
		assert_int_equal(c.effects, i < 4 ? i + 1 : 4);
		assert_int_equal(c.status, i < 4 ? 128 + SIGKILL : 0);
		text = lab_sh("cat /run/words 2>/dev/null || echo absent");
		assert_string_equal(text, after[i]);
		free(text);
	}
}

static bool differs(const char *before)
{
	char *now = tally(LAB_STATE);
	bool differ = strcmp(now, before) != 0;

	free(now);
	return differ;
}

static int held = -1;

static void hold_newborn(void *arg, int netns)
{
	(void)arg;
	tally_born(netns);
	held = fcntl(netns, F_DUPFD_CLOEXEC, 0);
}

/* Nobody but us has a namespace of somebody who has ended; not even /proc shows it. */
static void see_the_nameless(const char *before)
{
	const char *const argv[] = {"unshare", "--net", "true", NULL};
	const struct crash_watch hold = {.born = hold_newborn};
	struct crash c;

	if (!tally_handles())
		return;
	crash_run(&c, -1, &hold, argv);
	assert_int_equal(c.status, 0);
	assert_true(held >= 0);
	assert_true(differs(before));
	(void)close(held);
	assert_true(tally_becomes(LAB_STATE, before, 10000));
}

/* One thing too many of each kind, wherever it is, is seen. */
static void a_leak_is_seen(void **state)
{
	static const char *const leaks[][2] = {
		{"ip link add x type veth peer name y", "ip link del x"},
		{"ip addr add 10.9.9.9/32 dev lo", "ip addr del 10.9.9.9/32 dev lo"},
		{"ip route add blackhole 10.9.9.9", "ip route del blackhole 10.9.9.9"},
		{"ip -6 route add blackhole fd09::9", "ip -6 route del blackhole fd09::9"},
		{"ip rule add pref 9 table 9", "ip rule del pref 9 table 9"},
		{"nft add table inet x", "nft delete table inet x"},
		{"for gw in /run/nsnet/gw/*; do nsenter --net=$gw ip neigh add 10.10.1.9 dev br0 "
		 "lladdr 02:00:00:00:00:99 nud permanent; done",
		 "for gw in /run/nsnet/gw/*; do nsenter --net=$gw ip neigh del 10.10.1.9 dev br0; "
		 "done"},
		{"touch /run/netns/x", "rm /run/netns/x"},
		{"touch /var/lib/nsnet/x", "rm /var/lib/nsnet/x"},
		{"mkdir /etc/netns/x", "rmdir /etc/netns/x"},
		{"mkdir /run/x && mount -t tmpfs x /run/x", "umount /run/x && rmdir /run/x"},
		{"ip netns add x", "ip netns del x"},
	};
	char *before;
	size_t i;

	(void)state;
	world_need();
	must("tenant add alpha 10.10.1.0/24");
	before = settled_tally();
	for (i = 0; i < sizeof(leaks) / sizeof(leaks[0]); i++) {
		free(lab_sh("%s", leaks[i][0]));
		if (!differs(before))
			fail_msg("'%s' is not seen", leaks[i][0]);
		free(lab_sh("%s", leaks[i][1]));
		if (!tally_becomes(LAB_STATE, before, 10000))
			fail_msg("'%s' and then '%s'", leaks[i][0], leaks[i][1]);
	}
	see_the_nameless(before);
	free(before);
	must("tenant del alpha -y");
}

/* How many of each kind nft(8) lists. */
static void nft_counts_the_same(void **state)
{
	static const char *const pairs[][2] = {{"gateways: tables", "table"},
					       {"gateways: nft chains", "chain"},
					       {"gateways: nft rules", "rule"},
					       {"gateways: nft sets", "set|map"}};
	char *text, *line;
	size_t i;

	(void)state;
	world_need();
	alpha_and_gamma();
	text = tally(LAB_STATE);
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char *n = lab_sh(
			"for gw in /run/nsnet/gw/*; do nsenter --net=$gw nft -j list ruleset; "
			"done | grep -oE '\\{\"(%s)\": \\{\"family' | wc -l",
			pairs[i][1]);

		assert_true(asprintf(&line, "\n%s %s\n", pairs[i][0], n) > 0);
		LAB_HAS(text, line);
		free(line);
		free(n);
	}
	free(text);
	must("tenant del --all -y --with-rules");
}

/* Once it is allowed, everything arrives that never did before. */
static void what_is_tried_would_arrive(void **state)
{
	uint64_t all = 0;

	(void)state;
	world_need();
	alpha_and_gamma();
	must("tenant set gamma inside=allow subnet6=fd00:10:2::/64");
	must("endpoint add gamma/new");
	must("tenant add delta 10.10.3.0/24 --subnet6 fd00:10:3::/64");
	must("allow tenants tenants udp/7000-7010 --because test");
	spots_by_name();
	forget_lanes();
	for (int i = 0; i < LANES; i++)
		all |= UINT64_C(1) << i;
	if (!poll_until(these_arrive, &all, 5000)) {
		for (int i = 0; i < LANES; i++)
			if (!tried.arrived[i])
				print_error("lane %d: %s to %s, port %d\n", i,
					    spots[lanes[i].from].pin, spots[lanes[i].to].pin,
					    lanes[i].port);
		fail_msg("not all that is allowed arrives");
	}
	must("tenant del --all -y --with-rules");
}

/* ---- the matrix
 * ------------------------------------------------------------------------------------- */

static void a_command_killed_anywhere_leaves_nothing(void **state)
{
	/* In each world it is the same. */
	static char *start;
	const struct verb *v = *state;

	world_need();
	if (!tally_handles())
		print_message("           no file handles of namespaces: those without a name are "
			      "not looked for\n");
	alpha_and_gamma();
	/* The store keeps what was chosen with the first cable. */
	if (!start && !test_quick()) {
		must("tenant del --all -y --with-rules");
		start = settled_tally();
		alpha_and_gamma();
	}
	kill_everywhere(v, (int)(v - verbs));
	must("tenant del --all -y --with-rules");
	spots_by_name();
	if (start)
		assert_true(tally_becomes(LAB_STATE, start, 10000));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define KILLED(verb)                                                                               \
	{                                                                                          \
		"killed_" #verb, a_command_killed_anywhere_leaves_nothing, set_up, tear_down,      \
			(void *)(uintptr_t)&verbs[verb]                                            \
	}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(the_call_it_dies_at_is_not_made),
		T(a_leak_is_seen),
		T(nft_counts_the_same),
		T(what_is_tried_would_arrive),
		KILLED(TENANT_ADD),
		KILLED(TENANT_SET),
		KILLED(ENDPOINT_ADD),
		KILLED(ENDPOINT_DEL),
		KILLED(TENANT_DEL),
		KILLED(ALLOW),
		KILLED(REVOKE),
		KILLED(APPLY),
		KILLED(REPAIR),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
