/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "kernel/netns.h"
#include "trace_parts.h"

/*
 * trace_send - who has a part in it, the tables that look, and the packet itself
 */

NSN_CLEANUP(struct nsn_tracing, nsn_tracing_free)
NSN_CLEANUP(struct nsn_netns, nsn_netns_close)
NSN_CLEANUP(struct nsn_wire, nsn_wire_close)

/* Those that Linux takes for who does not choose. */
#define FIRST_PORT 32768
#define PORTS	   28000
#define SECONDS	   5

void nsn_tracing_free(struct nsn_tracing *t)
{
	if (!t)
		return;
	nsn_probes_clear(&t->probes);
	nsn_explaining_clear(&t->x);
	if (t->out)
		nsnet_traced_free(&t->out->pub);
	free(t->events);
	free(t);
}

void nsnet_traced_free(const struct nsnet_traced *t)
{
	struct nsn_traced *own = (struct nsn_traced *)(uintptr_t)t;

	if (!own)
		return;
	nsnet_explained_free(own->pub.explained);
	nsn_arena_free(&own->mem);
	free(own);
}

/* ---- who has a part in it -------------------------------------------------------- */

static bool kind_of(const struct nsn_service *s, enum nsn_wire_kind *kind)
{
	switch (s->proto) {
	case IPPROTO_TCP:
		*kind = NSN_WIRE_TCP_SYN;
		return true;
	case IPPROTO_UDP:
		*kind = NSN_WIRE_UDP;
		return true;
	case IPPROTO_SCTP:
		*kind = NSN_WIRE_PROTO_SCTP;
		return true;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		*kind = NSN_WIRE_ICMP;
		return s->icmp;
	default:
		return false;
	}
}

/* One that no connection has had lately: nobody has a reason to know it. */
static uint16_t fresh_port(void)
{
	uint16_t n = 0;

	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != (ssize_t)sizeof(n))
		n = (uint16_t)getpid();
	return (uint16_t)(FIRST_PORT + n % PORTS);
}

static const char *why_not(const struct nsn_tracing *t)
{
	const struct nsn_explaining *x = &t->x;

	if (!x->from || !x->to)
		return "something is sent only between endpoints of tenants";
	if (!x->from_ip.family || !x->to_ip.family)
		return x->e->pub.says;
	if (x->from_ns == NSN_NOWHERE || x->to_ns == NSN_NOWHERE || x->gateway == NSN_NOWHERE)
		return "a namespace of it is not there: nsnet plan";
	return NULL;
}

static int find_places(struct nsn_tracing *t, struct nsnet_err *err)
{
	const size_t other = nsn_walker_gateway(&t->x.w, t->x.to_tenant);
	const size_t n = other == t->x.gateway ? NSN_TRACE_OTHER : NSN_TRACE_PLACES;
	int r;

	t->ns[NSN_TRACE_FROM] = t->x.from_ns;
	t->ns[NSN_TRACE_TO] = t->x.to_ns;
	t->ns[NSN_TRACE_GATEWAY] = t->x.gateway;
	t->ns[NSN_TRACE_OTHER] = other;
	t->probes.given = &t->x.w.given;
	r = nsn_probes_places(&t->probes, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		const size_t at = t->ns[i] == NSN_NOWHERE ? SIZE_MAX : t->probes.place_of[t->ns[i]];

		if (at == SIZE_MAX) {
			t->refused = "a namespace of it is not there: nsnet plan";
			return 0;
		}
		t->places[i] = t->probes.places[at];
	}
	t->places[NSN_TRACE_FROM].gateway_place = NSN_TRACE_GATEWAY;
	t->places[NSN_TRACE_TO].gateway_place = n - 1;
	t->n_places = n;
	return 0;
}

static int prepare(struct nsn_tracing *t, struct nsnet_err *err)
{
	const struct nsn_explaining *x = &t->x;

	t->probe = (struct nsn_wire_probe){.from = NSN_TRACE_FROM,
					   .to = NSN_TRACE_TO,
					   .family = x->family,
					   .src = x->from_ip,
					   .dst = x->to_ip,
					   .end = NSN_WIRE_UNTESTED,
					   .seen_at = SIZE_MAX};
	t->refused = why_not(t);
	if (!t->refused && !kind_of(&x->service, &t->probe.kind))
		t->refused = "there is no such packet";
	if (t->refused)
		return 0;
	if (x->service.icmp) {
		t->probe.id = x->source_port;
	} else {
		t->probe.sport = x->source_port;
		t->probe.dport = x->service.port;
	}
	return find_places(t, err);
}

int nsn_tracing_new(struct nsn_tracing **ret, struct nsnet *n, const struct nsnet_verify_how *how,
		    const char *from, const char *to, const char *ports, bool ipv6,
		    struct nsnet_err *err)
{
	NSN_AUTO(nsn_tracing_freep) struct nsn_tracing *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return nsn_err_nomem(err);
	t->out = calloc(1, sizeof(*t->out));
	if (!t->out)
		return nsn_err_nomem(err);
	if (how && how->snapshot)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_SNAPSHOT,
			       "in a snapshot nothing can be sent");
	t->x.family = ipv6 ? AF_INET6 : AF_INET;
	t->x.source_port = fresh_port();
	t->untraced = "";
	r = nsn_explain_make(&t->x, n, how, from, to, ports, err);
	if (r == 0)
		r = prepare(t, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(t);
	return 0;
}

/* ---- the tables that look -------------------------------------------------------------- */

struct watch {
	struct nsn_home home;
	struct nsn_nftrace *at[NSN_TRACE_PLACES]; /* of gateways */
};

static void watch_end(struct watch *w)
{
	for (size_t i = 0; i < NSN_COUNT(w->at); i++)
		nsn_nftrace_close(w->at[i]);
	nsn_home_close(&w->home);
}

static int open_in(struct watch *w, const struct nsn_netns *ns, size_t i,
		   const struct nsn_nftrace_flow *flow, struct nsnet_err *err)
{
	char table[32];
	int r = nsn_netns_go(ns, &w->home, err), back;

	if (r < 0)
		return r;
	(void)snprintf(table, sizeof(table), "nsnet-trace-%d", (int)getpid());
	r = nsn_nftrace_open(&w->at[i], table, flow, err);
	back = nsn_home_return(&w->home, r < 0 ? NULL : err);
	return back < 0 ? back : r;
}

static int watch_at(struct watch *w, const struct nsn_tracing *t, size_t i,
		    const struct nsn_nftrace_flow *flow, struct nsnet_err *err)
{
	NSN_AUTO(nsn_netns_closep) struct nsn_netns *ns = NULL;
	NSN_AUTO(nsn_closep) int fd = open(t->places[i].path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return nsn_err_sys(err, -errno, "%s", t->places[i].path);
	if (st.st_ino != t->places[i].inode)
		return nsn_err(err, -ESTALE, NSNET_E_KERNEL, "%s: it is another one by now",
			       t->places[i].name);
	r = nsn_netns_open(&ns, &w->home, NSN_TAKE_FD(fd), false, err);
	return r < 0 ? r : open_in(w, ns, i, flow, err);
}

/* Without it the packet is sent all the same; 0, or -ENOMEM, -EIO. */
static int watch_all(struct watch *w, struct nsn_tracing *t, struct nsnet_err *err)
{
	const struct nsn_nftrace_flow flow = {
		.src = t->probe.src,
		.dst = t->probe.dst,
		.proto = t->x.service.proto,
		.sport = t->x.source_port,
		.dport = t->x.service.icmp ? t->x.service.port >> 8 : t->probe.dport,
	};
	struct nsnet_err why = {0};
	int r = 0;

	for (size_t i = NSN_TRACE_GATEWAY; r == 0 && i < t->n_places; i++)
		r = watch_at(w, t, i, &flow, &why);
	if (r == -ENOMEM || w->home.away) {
		if (err)
			*err = why;
		return r;
	}
	if (r < 0)
		t->untraced = nsn_arena_printf(&t->out->mem, "rules could not be watched: %s",
					       r == -EOPNOTSUPP ? "the kernel is older than 5.12"
								: why.msg);
	return t->untraced ? 0 : nsn_err_nomem(err);
}

/* ---- what is seen ---------------------------------------------------------------------- */

struct collecting {
	struct nsn_tracing *t;
	size_t ns;
};

static int collect(const struct nsn_nftrace_event *e, void *arg)
{
	struct nsn_tracing *t = ((struct collecting *)arg)->t;
	struct nsn_traced_event *to = &t->events[t->n_events];

	if (t->n_events == NSN_TRACE_LINES) {
		t->lost = true;
		return 0;
	}
	*to = (struct nsn_traced_event){.ns = ((struct collecting *)arg)->ns, .e = *e};
	to->e.table = nsn_arena_strdup(&t->out->mem, e->table);
	to->e.chain = nsn_arena_strdup(&t->out->mem, e->chain);
	to->e.to = nsn_arena_strdup(&t->out->mem, e->to);
	if (!to->e.table || !to->e.chain || !to->e.to)
		return -ENOMEM;
	t->n_events++;
	return 0;
}

/* All of it is there by now: the kernel tells it in the packet's way, before it goes on. */
static int collect_all(struct nsn_tracing *t, const struct watch *w, struct nsnet_err *err)
{
	struct collecting c = {.t = t};
	int r;

	for (size_t i = NSN_TRACE_GATEWAY; i < t->n_places; i++) {
		c.ns = t->ns[i];
		r = w->at[i] ? nsn_nftrace_read(w->at[i], collect, &c, err) : 0;
		if (r == -ENOBUFS) {
			t->lost = true;
			r = nsn_nftrace_read(w->at[i], collect, &c, err);
		}
		if (r < 0 && r != -ENOBUFS)
			return r == -ENOMEM ? nsn_err_nomem(err) : r;
	}
	return 0;
}

static int64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int send_it(struct nsn_tracing *t, struct nsnet_err *err)
{
	const struct nsn_wire_how how = {.seconds = SECONDS};
	NSN_AUTO(nsn_wire_closep) struct nsn_wire *wire = NULL;
	struct nsn_wire_said said = {0};
	int r = nsn_wire_open(&wire, t->places, t->n_places, err);

	t->out->pub.sent_us = now_us();
	if (r == 0)
		r = nsn_wire_run(wire, &t->probe, 1, &how, &said, err);
	if (r < 0)
		return r;
	/* It may be in the wire's memory. */
	t->probe.why = nsn_arena_strdup(&t->out->mem, t->probe.why ? t->probe.why : "");
	return t->probe.why ? 0 : nsn_err_nomem(err);
}

int nsn_tracing_send(struct nsn_tracing *t, struct nsnet_err *err)
{
	NSN_AUTO(watch_end) struct watch w = {.home = {.fd = -1, .proc = -1}};
	int r;

	if (t->refused)
		return 0;
	t->events = calloc(NSN_TRACE_LINES, sizeof(*t->events));
	if (!t->events)
		return nsn_err_nomem(err);
	r = nsn_home_open(&w.home, err);
	if (r == 0)
		r = watch_all(&w, t, err);
	if (r == 0)
		r = send_it(t, err);
	return r == 0 ? collect_all(t, &w, err) : r;
}
