// SPDX-License-Identifier: GPL-2.0-or-later
/* Batches: sent, waited for, and judged. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "../base/cleanup.h"
#include "shots.h"

enum {
	BATCH = 32768,
	MANY = 256,   /* frames for one call */
	CAREFUL = 64, /* the same, when queues were full before */
	ATTEMPTS = 3,
	PASSES = 4, /* more than there are queues on the way behind the sender's own */
	SECOND = 1000000,
};

/* ---- sending ---------------------------------------------------------------------------- */

/* So many from one mouth; what it does not take is left out. */
static void send_some(struct nsn_run *r, size_t from, size_t until)
{
	struct nsn_shots *s = &r->s;
	struct mmsghdr msgs[MANY];
	struct iovec iov[MANY];
	const int fd = r->w->ears[s->v[s->frames[from].shot].mouth].fd;
	size_t i;
	int n;

	for (i = from; i < until; i++) {
		iov[i - from] = (struct iovec){s->bytes + s->frames[i].at, s->frames[i].len};
		msgs[i - from] =
			(struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i - from], .msg_iovlen = 1}};
	}
	for (i = from; i < until; i += (size_t)n) {
		n = sendmmsg(fd, msgs + (i - from), (unsigned int)(until - i), MSG_DONTWAIT);
		if (n <= 0) {
			if (errno == EINTR) {
				n = 0;
				continue;
			}
			s->v[s->frames[i].shot].error = errno;
			n = 1;
			continue;
		}
		r->said->sent += (size_t)n;
		for (size_t j = i; j < i + (size_t)n; j++)
			s->v[s->frames[j].shot].gone++;
	}
}

static void send_all(struct nsn_run *r, size_t many)
{
	const struct nsn_shots *s = &r->s;
	size_t i, j;

	for (i = 0; i < s->n_frames; i = j) {
		const size_t mouth = s->v[s->frames[i].shot].mouth;

		for (j = i + 1;
		     j < s->n_frames && j - i < many && s->v[s->frames[j].shot].mouth == mouth; j++)
			;
		send_some(r, i, j);
		if (many == CAREFUL)
			(void)nsn_fence_pass(r->w->fence, r->how.cap_ms);
	}
}

/* What has been sent is owed; a probe by the gateway, the rest by who it is for. */
static void owe(struct nsn_run *r)
{
	size_t i;

	for (i = 0; i < r->s.n; i++) {
		struct nsn_shot *s = &r->s.v[i];

		if (s->what == NSN_SHOT_UPLINK)
			s->owed = !r->uplinks_dead;
		else
			s->owed = s->n > 0 && !r->dead[s->place];
		r->s.owed += s->owed;
	}
}

/* ---- waiting ------------------------------------------------------------------------------- */

static void listen_all(struct nsn_run *r)
{
	(void)nsn_wire_listen(r->w, nsn_run_hear, r);
}

static void wait_owed(struct nsn_run *r)
{
	const uint64_t until = nsn_wire_now_us() + (uint64_t)r->how.cap_ms * 1000;
	struct pollfd p = {.fd = r->w->epoll, .events = POLLIN};

	for (;;) {
		listen_all(r);
		if (r->s.owed == 0 || nsn_wire_now_us() >= until)
			return;
		(void)nsn_fence_pass(r->w->fence, r->how.cap_ms);
		listen_all(r);
		if (r->s.owed)
			(void)poll(&p, 1, 1);
	}
}

static bool lost_some(struct nsn_run *r, uint64_t before)
{
	bool lost = nsn_fence_lost() != before || before == UINT64_MAX;
	size_t i;

	for (i = 0; i < r->w->n_ears; i++) {
		struct nsn_ear *ear = &r->w->ears[i];
		const uint32_t drops = nsn_ear_drops(ear->fd);

		if (drops == ear->drops && drops != UINT32_MAX)
			continue;
		r->said->dropped += drops - ear->drops;
		ear->drops = drops;
		lost = true;
	}
	return lost;
}

/* ---- judging ----------------------------------------------------------------------------------
 */

static size_t bits(unsigned int v)
{
	return (size_t)__builtin_popcount(v);
}

/* What does not work is not waited for with each batch again; it still may be heard. */
static void bury(struct nsn_run *r)
{
	size_t i;

	/* It may have been dropped on the way: that says nothing about the place. */
	if (r->overrun)
		return;
	for (i = 0; i < r->s.n; i++) {
		const struct nsn_shot *s = &r->s.v[i];

		if (s->owed && s->what == NSN_SHOT_UPLINK)
			r->uplinks_dead = true;
		else if (s->owed)
			r->dead[s->place] = true;
	}
}

static void judge_one(struct nsn_run *r, const struct nsn_target *t, const struct nsn_shot *s)
{
	struct nsn_wire_probe *p = &r->probes[s->probe];
	struct nsn_wire_facts f = {
		.refused = s->refused,
		.error = s->error,
		.sent = s->n,
		.left = bits(s->seen),
		.heard = p->end == NSN_WIRE_DELIVERED,
		.answered = s->answered,
		.no_controls = r->how.no_controls,
		.overrun = r->overrun,
		.settled = r->settled,
	};

	if (f.heard)
		return;
	if (t)
		nsn_run_facts(r, t, s, &f);
	p->end = nsn_wire_judge(&f, &p->why);
}

static void judge_all(struct nsn_run *r)
{
	const struct nsn_target *t = r->targets;
	size_t i;

	for (i = 0; i < r->until - r->from; i++) {
		if (!r->how.no_controls)
			while (t->place != r->probes[r->order[r->from + i]].to)
				t++;
		judge_one(r, r->how.no_controls ? NULL : t, &r->s.v[i]);
	}
}

/* ---- a batch ------------------------------------------------------------------------------------
 */

static void count_services(struct nsn_run *r)
{
	size_t i;

	for (i = r->s.probes; i < r->s.n; i++) {
		r->said->sentinels += r->s.v[i].what != NSN_SHOT_LIKE;
		r->said->controls += r->s.v[i].what == NSN_SHOT_LIKE;
	}
}

static int attempt(struct nsn_run *r, unsigned int which)
{
	const uint64_t lost = nsn_fence_lost();
	int e = nsn_run_aim(r, which), i;

	if (e < 0)
		return e;
	owe(r);
	send_all(r, which ? CAREFUL : MANY);
	count_services(r);
	wait_owed(r);
	r->settled = true;
	for (i = 0; i < PASSES && r->settled; i++)
		r->settled = nsn_fence_pass(r->w->fence, r->how.cap_ms) == 0;
	listen_all(r);
	r->overrun = lost_some(r, lost);
	bury(r);
	return 0;
}

static int batch(struct nsn_run *r)
{
	unsigned int i;
	int e = 0;

	for (i = 0; i < ATTEMPTS; i++) {
		e = attempt(r, i);
		if (e < 0 || !r->overrun || r->how.no_controls)
			break;
	}
	if (e == 0)
		judge_all(r);
	return e;
}

/* ---- a run
 * ---------------------------------------------------------------------------------------- */

static size_t receiver(const struct nsn_run *r, size_t probe)
{
	const size_t to = r->probes[probe].to;

	return to < r->w->n ? to : r->w->n;
}

/* Beyond the machine and no place at all come last, apart from each other. */
static void by_receiver(struct nsn_run *r)
{
	size_t i, sum = 0, c;

	for (i = 0; i < r->n; i++)
		r->counts[receiver(r, i)]++;
	for (i = 0; i <= r->w->n; i++) {
		c = r->counts[i];
		r->counts[i] = sum;
		sum += c;
	}
	for (i = 0; i < r->n; i++)
		r->order[r->counts[receiver(r, i)]++] = i;
}

/*
 * What an endpoint may open in a second is limited, and what is above looks blocked: of one sender
 * so many go into a batch that half of it is enough, were all delivered.
 */
static void cut(struct nsn_run *r)
{
	const uint32_t most = (r->how.new_flows ? r->how.new_flows : 4000) / 2;
	const size_t end = r->from + BATCH < r->n ? r->from + BATCH : r->n;
	uint64_t now = nsn_wire_now_us();
	struct timespec rest = {0};
	size_t i;
	bool full = false;

	for (i = 0; i < r->w->n; i++)
		full = full || r->w->opened[i] >= (most + 1) / 2;
	if (full && now < r->w->second + SECOND) {
		rest.tv_nsec = (long)(r->w->second + SECOND - now) * 1000;
		(void)nanosleep(&rest, NULL);
		now = nsn_wire_now_us();
	}
	if (full || now >= r->w->second + SECOND) {
		memset(r->w->opened, 0, r->w->n * sizeof(*r->w->opened));
		r->w->second = now;
	}
	memset(r->pending, 0, r->w->n * sizeof(*r->pending));
	for (i = r->from; i < end; i++) {
		const size_t from = r->probes[r->order[i]].from;

		if (from < r->w->n && ++r->pending[from] > (most + 1) / 2)
			break;
	}
	r->until = i > r->from ? i : r->from + 1;
}

static int run_all(struct nsn_run *r)
{
	const uint64_t until = nsn_wire_now_us() + (uint64_t)r->how.seconds * SECOND;
	int e = 0;

	for (r->from = 0; r->from < r->n && e == 0; r->from = r->until) {
		if (nsn_wire_now_us() >= until)
			return 0;
		cut(r);
		e = batch(r);
	}
	/* Once more, for what comes late. */
	if (e == 0 && r->n_ranges) {
		(void)nsn_fence_pass(r->w->fence, r->how.cap_ms);
		listen_all(r);
	}
	return e;
}

static void sum_up(struct nsn_run *r)
{
	size_t i;

	r->said->n = r->n;
	for (i = 0; i < r->n; i++) {
		r->said->delivered += r->probes[i].end == NSN_WIRE_DELIVERED;
		r->said->blocked += r->probes[i].end == NSN_WIRE_BLOCKED;
		r->said->untested += r->probes[i].end == NSN_WIRE_UNTESTED;
	}
}

static int sockets_for(struct nsn_run *r)
{
	bool need[2][256] = {{false}};
	size_t i, j;
	int e = 0;

	for (i = 0; i < r->n; i++) {
		const struct nsn_wire_probe *p = &r->probes[i];
		const bool six = p->family == AF_INET6;

		if (p->raw || (unsigned int)p->kind >= NSN_WIRE_KINDS_N)
			continue;
		need[six][nsn_wire_kind_proto(p->kind, p->family)] = true;
		if (p->kind == NSN_WIRE_PROTO_253)
			need[six][p->proto] = true;
	}
	for (i = 0; i < r->n; i++) {
		struct nsn_wire_shape s = {0};

		if (!r->probes[i].raw)
			continue;
		nsn_wire_look(&s, r->probes[i].raw, r->probes[i].raw_len);
		if (!r->probes[i].family)
			r->probes[i].family = s.family ? s.family : AF_INET;
		need[s.family == AF_INET6][s.proto] = true;
	}
	/* Pings show that sockets are heard. */
	need[0][IPPROTO_ICMP] = need[1][IPPROTO_ICMPV6] = true;
	for (i = 0; i < 2; i++)
		for (j = 1; j < 256 && e == 0; j++)
			if (need[i][j])
				e = nsn_wire_need(r->w, i ? AF_INET6 : AF_INET, (uint8_t)j, r->err);
	return e;
}

static int prepare(struct nsn_run *r)
{
	const size_t places = r->w->n + 2;
	size_t i;

	r->order = calloc(r->n + 1, sizeof(*r->order));
	r->counts = calloc(places, sizeof(*r->counts));
	r->turn = calloc(BATCH + 1, sizeof(*r->turn));
	r->pings = calloc(places, sizeof(*r->pings));
	r->dead = calloc(places, sizeof(*r->dead));
	r->pending = calloc(places, sizeof(*r->pending));
	if (!r->order || !r->counts || !r->turn || !r->pings || !r->dead || !r->pending)
		return nsn_err_nomem(r->err);
	r->host = SIZE_MAX;
	for (i = 0; i < r->w->n; i++)
		if (r->w->places[i].trusted && !r->w->spots[i].gateway && !r->w->spots[i].fault)
			r->host = i;
	for (i = 0; i < r->n; i++) {
		r->probes[i].end = NSN_WIRE_UNTESTED;
		r->probes[i].seen_at = SIZE_MAX;
		r->probes[i].why = "there was no time left";
	}
	by_receiver(r);
	return sockets_for(r);
}

static void run_free(struct nsn_run *r)
{
	free(r->order);
	free(r->counts);
	free(r->turn);
	free(r->pings);
	free(r->dead);
	free(r->pending);
	free(r->ranges);
	free(r->targets);
	free(r->s.v);
	free(r->s.frames);
	free(r->s.bytes);
	free(r);
}

static void run_freep(struct nsn_run **r)
{
	if (*r)
		run_free(*r);
}

int nsn_wire_run(struct nsn_wire *w, struct nsn_wire_probe *probes, size_t n,
		 const struct nsn_wire_how *how, struct nsn_wire_said *said, struct nsnet_err *err)
{
	NSN_AUTO(run_freep) struct nsn_run *r = calloc(1, sizeof(*r));
	const uint64_t begun = nsn_wire_now_us();
	int e;

	if (!r)
		return nsn_err_nomem(err);
	*said = (struct nsn_wire_said){0};
	r->w = w;
	r->probes = probes;
	r->n = n;
	r->said = said;
	r->err = err;
	if (how)
		r->how = *how;
	r->how.cap_ms = r->how.cap_ms ? r->how.cap_ms : 1000;
	r->how.seconds = r->how.seconds ? r->how.seconds : 60;
	e = prepare(r);
	if (e == 0 && n)
		e = run_all(r);
	if (e == -ENOMEM)
		(void)nsn_err_nomem(err);
	sum_up(r);
	said->took_us = (unsigned int)(nsn_wire_now_us() - begun);
	return e;
}
