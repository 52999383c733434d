/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "compile/admit.h"
#include "ctx.h"

/*
 * monitor - one socket in each gateway that a logging rule is about
 *
 * A socket keeps its namespace alive, so one whose gateway has gone, or is another, is closed as
 * soon as that is seen: at each read when what is wanted has changed, and once a second for what
 * was only remade. There is no namespace from which all others' packets can be heard
 * (NETLINK_LISTEN_ALL_NSID is for broadcasts, and these are told to one listener).
 */

/* Of a packet as much as its addresses and ports can take: IPv4 with all options. */
#define SNAP 128
#define MANY 64

struct watch {
	uint64_t tenant, cookie;
	struct nsn_nflog *log;
	uint32_t next; /* number of the packet to come */
	uint64_t lost; /* and not yet told */
	bool wanted;
};

struct nsnet_monitor {
	struct nsnet *n;
	uint64_t *only; /* ids of tenants */
	size_t n_only;
	int poll_fd, timer_fd;
	struct watch *watches;
	size_t n_watches;
	struct nsn_wanted all;
	uint64_t generation; /* of the store, when `all` was read */
};

NSN_CLEANUP(struct nsn_nflog, nsn_nflog_close)
NSN_CLEANUP(struct nsn_netns, nsn_netns_close)
NSN_CLEANUP(struct nsnet_monitor, nsnet_monitor_close)

void nsnet_monitor_close(struct nsnet_monitor *m)
{
	size_t i;

	if (!m)
		return;
	for (i = 0; i < m->n_watches; i++)
		nsn_nflog_close(m->watches[i].log);
	free(m->watches);
	free(m->only);
	nsn_wanted_clear(&m->all);
	nsn_closep(&m->poll_fd);
	nsn_closep(&m->timer_fd);
	free(m);
}

int nsnet_monitor_fd(const struct nsnet_monitor *m)
{
	return m->poll_fd;
}

size_t nsnet_monitor_gateways(const struct nsnet_monitor *m)
{
	return m->n_watches;
}

/* ---- which gateways -------------------------------------------------------------------- */

static bool is_asked_for(const struct nsnet_monitor *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->n_only; i++) {
		const struct nsn_tenant *t = nsn_wanted_tenant(&m->all, m->only[i]);

		if (t && strcmp(t->name, name) == 0)
			return true;
	}
	return m->n_only == 0;
}

static bool names(const struct nsn_policy *p, const struct nsn_tenant *t)
{
	return nsn_peers_name(p->from, p->n_from, t) || nsn_peers_name(p->to, p->n_to, t);
}

/* Of a rule about one who is asked for, all gateways: his peers tell of what they send him. */
static bool is_about(const struct nsnet_monitor *m, const struct nsn_policy *p)
{
	size_t i;

	if (p->log == NSN_LOG_NONE)
		return false;
	for (i = 0; i < m->n_only; i++) {
		const struct nsn_tenant *t = nsn_wanted_tenant(&m->all, m->only[i]);

		if (t && names(p, t))
			return true;
	}
	return m->n_only == 0;
}

static struct watch *watch_of(struct nsnet_monitor *m, uint64_t tenant)
{
	size_t i;

	for (i = 0; i < m->n_watches; i++)
		if (m->watches[i].tenant == tenant)
			return &m->watches[i];
	return NULL;
}

/* ---- sockets --------------------------------------------------------------------------- */

static int listen_inside(struct nsnet_monitor *m, struct nsn_netns *ns, struct nsn_nflog **ret,
			 struct nsnet_err *err)
{
	struct nsnet_err back = {0};
	int r, r2;

	r = nsn_netns_go(ns, &m->n->home, err);
	if (r == 0)
		r = nsn_nflog_open(ret, LOG_GROUP, SNAP, err);
	r2 = nsn_home_return(&m->n->home, &back);
	if (r2 < 0 && err)
		*err = back;
	return r2 < 0 ? r2 : r;
}

static int busy(const struct nsn_tenant *t, struct nsnet_err *err)
{
	(void)nsn_err(err, -EBUSY, NSNET_E_KERNEL,
		      "another program listens to what the gateway of '%s' logs", t->name);
	return nsn_err_hint(err, -EBUSY, "one nsnet monitor at a time");
}

/* 1: it is open; 0: it has no gateway now, or one that is not known to be ours. */
static int open_watch(struct nsnet_monitor *m, const struct nsn_tenant *t, struct watch *w,
		      struct nsnet_err *err)
{
	NSN_AUTO(nsn_nflog_closep) struct nsn_nflog *log = NULL;
	NSN_AUTO(nsn_netns_closep) struct nsn_netns *ns = NULL;
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = t->id};
	enum nsn_pin_kind kind = NSN_PIN_NONE;
	char pin[NSN_PIN_SIZE];
	int fd = -1, r;

	r = nsn_compile_gateway_pin(&m->n->owner, t->id, pin, err);
	if (r == 0)
		r = nsn_pin_look(pin, &kind, &fd, err);
	if (r < 0 || kind != NSN_PIN_NETNS)
		return r;
	r = nsn_netns_open(&ns, &m->n->home, fd, false, err);
	if (r < 0 || nsn_netns_cookie(ns) != w->cookie)
		return r;
	r = listen_inside(m, ns, &log, err);
	if (r < 0)
		return r == -EPERM || r == -EBUSY ? busy(t, err) : r;
	if (epoll_ctl(m->poll_fd, EPOLL_CTL_ADD, nsn_nflog_fd(log), &event) < 0)
		return nsn_err_sys(err, -errno, "listen to the gateway of '%s'", t->name);
	w->log = NSN_TAKE_PTR(log);
	return 1;
}

static int add_watch(struct nsnet_monitor *m, const struct nsn_tenant *t, uint64_t cookie,
		     struct nsnet_err *err)
{
	struct watch w = {.tenant = t->id, .cookie = cookie, .wanted = true};
	struct watch *grown = reallocarray(m->watches, m->n_watches + 1, sizeof(*grown));
	int r;

	if (!grown)
		return nsn_err_nomem(err);
	m->watches = grown;
	r = open_watch(m, t, &w, err);
	if (r > 0)
		grown[m->n_watches++] = w;
	return r < 0 ? r : 0;
}

/* Closing takes a socket out of the poll set, too. */
static void drop_unwanted(struct nsnet_monitor *m)
{
	size_t i, kept = 0;

	for (i = 0; i < m->n_watches; i++) {
		if (m->watches[i].wanted)
			m->watches[kept++] = m->watches[i];
		else
			nsn_nflog_close(m->watches[i].log);
	}
	m->n_watches = kept;
}

/* Which of m->all's tenants a logging rule is about; to be freed. */
static bool *concerned(const struct nsnet_monitor *m)
{
	bool *ret = calloc(m->all.tenants.n + 1, sizeof(*ret));
	size_t i, k;

	for (i = 0; ret && i < m->all.policies.n; i++) {
		const struct nsn_policy *p = &m->all.policies.policies[i];

		if (!is_about(m, p))
			continue;
		for (k = 0; k < m->all.tenants.n; k++)
			ret[k] |= names(p, &m->all.tenants.tenants[k]);
	}
	return ret;
}

/* Those that are wanted: with the gateway that they were opened in. */
static int mark_wanted(struct nsnet_monitor *m, const bool *is, struct nsnet_err *err)
{
	size_t i;

	for (i = 0; i < m->n_watches; i++)
		m->watches[i].wanted = false;
	for (i = 0; i < m->all.tenants.n; i++) {
		struct watch *w = is[i] ? watch_of(m, m->all.tenants.tenants[i].id) : NULL;
		uint64_t cookie;
		int r;

		if (!w)
			continue;
		r = nsn_store_ns_get(m->n->store, w->tenant, 0, &cookie, err);
		if (r < 0)
			return r;
		w->wanted = r > 0 && w->cookie == cookie;
	}
	return 0;
}

/* Makes the sockets match the gateways that there are. */
static int settle(struct nsnet_monitor *m, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) bool *is = concerned(m);
	size_t i;
	int r;

	if (!is)
		return nsn_err_nomem(err);
	r = mark_wanted(m, is, err);
	if (r < 0)
		return r;
	/* First: of a gateway that was remade there is an old one. */
	drop_unwanted(m);
	for (i = 0; r == 0 && i < m->all.tenants.n; i++) {
		const struct nsn_tenant *t = &m->all.tenants.tenants[i];
		uint64_t cookie;

		if (!is[i] || watch_of(m, t->id))
			continue;
		r = nsn_store_ns_get(m->n->store, t->id, 0, &cookie, err);
		if (r > 0)
			r = add_watch(m, t, cookie, err);
	}
	return r;
}

/* 1: what is wanted has changed, and was read again. */
static int reload(struct nsnet_monitor *m, struct nsnet_err *err)
{
	uint64_t generation;
	int r = nsn_store_generation(m->n->store, &generation, err);

	if (r < 0 || generation == m->generation)
		return r;
	r = nsn_wanted_load(m->n, false, &m->all, err);
	if (r < 0)
		return r;
	m->generation = generation;
	return 1;
}

/* ---- opening --------------------------------------------------------------------------- */

static int find_tenants(struct nsnet_monitor *m, const char *const *tenants, size_t count,
			struct nsnet_err *err)
{
	m->only = calloc(count + 1, sizeof(*m->only));
	if (!m->only)
		return nsn_err_nomem(err);
	for (; m->n_only < count; m->n_only++) {
		NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
		int r = nsn_store_tenant_get(m->n->store, tenants[m->n_only], &t, err);

		if (r < 0)
			return r;
		m->only[m->n_only] = t.id;
	}
	return 0;
}

static int open_poll(struct nsnet_monitor *m, struct nsnet_err *err)
{
	const struct itimerspec second = {{.tv_sec = 1}, {.tv_sec = 1}};
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0};

	m->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	m->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (m->poll_fd < 0 || m->timer_fd < 0 ||
	    timerfd_settime(m->timer_fd, 0, &second, NULL) < 0 ||
	    epoll_ctl(m->poll_fd, EPOLL_CTL_ADD, m->timer_fd, &event) < 0)
		return nsn_err_sys(err, -errno, "wait for logged packets");
	return 0;
}

int nsnet_monitor_open(struct nsnet *n, const char *const *tenants, size_t count,
		       struct nsnet_monitor **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_monitor_closep) struct nsnet_monitor *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return nsn_err_nomem(err);
	m->n = n;
	m->poll_fd = m->timer_fd = -1;
	m->generation = UINT64_MAX;
	r = open_poll(m, err);
	if (r == 0)
		r = find_tenants(m, tenants, count, err);
	if (r == 0)
		r = reload(m, err);
	if (r >= 0)
		r = settle(m, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(m);
	return 0;
}

/* ---- reading --------------------------------------------------------------------------- */

struct telling {
	struct nsnet_monitor *m;
	struct watch *watch;
	const struct nsn_tenant *at;
	int (*each)(const struct nsnet_logged *l, void *arg);
	void *arg;
	int told;
};

/* The time at which it was logged, unless the packet had another clock's, as it may in older
 * kernels. */
static int64_t time_of(const struct nsn_nflog_packet *p)
{
	const int64_t most = 60000;
	struct timespec t;
	int64_t now;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	now = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
	return p->at_ms > now - most && p->at_ms <= now ? p->at_ms : now;
}

static int on_packet(const struct nsn_nflog_packet *p, void *arg)
{
	struct telling *to = arg;
	struct nsn_logged_text text;
	struct nsnet_logged l;
	int r;

	if (p->numbered) {
		to->watch->lost += p->seq - to->watch->next;
		to->watch->next = p->seq + 1;
	}
	if (!nsn_logged_read(&l, &text, &to->m->all, to->at, p) ||
	    !(is_asked_for(to->m, l.from.tenant) || is_asked_for(to->m, l.to.tenant)))
		return 0;
	l.at_ms = time_of(p);
	l.lost = to->watch->lost;
	to->watch->lost = 0;
	r = to->each(&l, to->arg);
	if (r == 0)
		to->told++;
	return r;
}

static int read_watch(struct nsnet_monitor *m, uint64_t tenant, struct telling *to,
		      struct nsnet_err *err)
{
	struct nsnet_err why = {0};
	int r;

	/* It may have gone a moment ago. */
	to->watch = watch_of(m, tenant);
	to->at = nsn_wanted_tenant(&m->all, tenant);
	if (!to->watch || !to->at)
		return 0;
	r = nsn_nflog_read(to->watch->log, 0, on_packet, to, &why);
	/* How many were lost the numbers say, as soon as the next one comes. */
	if (r >= 0 || r == -ENOBUFS)
		return 0;
	if (err && why.code)
		*err = why;
	return r;
}

static bool is_timer(struct nsnet_monitor *m, const struct epoll_event *event)
{
	uint64_t ticks;

	return event->data.u64 == 0 && read(m->timer_fd, &ticks, sizeof(ticks)) > 0;
}

int nsnet_monitor_read(struct nsnet_monitor *m, int timeout_ms,
		       int (*each)(const struct nsnet_logged *l, void *arg), void *arg,
		       struct nsnet_err *err)
{
	struct telling to = {.m = m, .each = each, .arg = arg};
	struct epoll_event events[MANY];
	bool second = false;
	int i, n, r;

	n = epoll_wait(m->poll_fd, events, MANY, timeout_ms);
	if (n < 0 && errno != EINTR)
		return nsn_err_sys(err, -errno, "wait for logged packets");
	if (n <= 0)
		return 0;
	for (i = 0; i < n; i++)
		second |= is_timer(m, &events[i]);
	/* A rule is stored before the kernel has it: whoever logs is known by now. */
	r = reload(m, err);
	if (r > 0 || (r == 0 && second))
		r = settle(m, err);
	for (i = 0; r >= 0 && i < n; i++)
		if (events[i].data.u64 != 0)
			r = read_watch(m, events[i].data.u64, &to, err);
	return r < 0 ? r : to.told;
}
