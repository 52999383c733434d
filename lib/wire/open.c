// SPDX-License-Identifier: GPL-2.0-or-later
/* Going into each namespace once, and leaving sockets there. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/magic.h>
#include <linux/sockios.h>

#include "../base/cleanup.h"
#include "parts.h"

enum { INBOX = 64 };

NSN_CLEANUP(struct nsn_wire, nsn_wire_close)

/* What ends all: without descriptors or memory most places would say so one by one. */
static bool hopeless(int r)
{
	return r == -EMFILE || r == -ENFILE || r == -ENOMEM;
}

static int enter(struct nsn_wire *w, int fd)
{
	if (setns(fd, CLONE_NEWNET) < 0)
		return -errno;
	w->home.away = true;
	return 0;
}

/* ---- one link ------------------------------------------------------------------------ */

/* Its number, when it is up and has somebody at its other end. */
static int link_ready(const char *name)
{
	NSN_AUTO(nsn_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq q = {0};

	if (fd < 0)
		return -errno;
	if (!name || strlen(name) >= sizeof(q.ifr_name))
		return -ENODEV;
	memcpy(q.ifr_name, name, strlen(name));
	if (ioctl(fd, SIOCGIFFLAGS, &q) < 0)
		return -errno;
	if ((q.ifr_flags & (IFF_UP | IFF_RUNNING)) != (IFF_UP | IFF_RUNNING))
		return -ENETDOWN;
	if (ioctl(fd, SIOCGIFINDEX, &q) < 0)
		return -errno;
	return q.ifr_ifindex;
}

static bool is_veth(const char *name)
{
	NSN_AUTO(nsn_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq q = {.ifr_data = (void *)&info};

	memcpy(q.ifr_name, name, strlen(name));
	return fd >= 0 && ioctl(fd, SIOCETHTOOL, &q) == 0 && strcmp(info.driver, "veth") == 0;
}

/* An ear at a link of the namespace that the thread is in. 0, or what was wrong. */
static int hear_link(struct nsn_wire *w, const struct nsn_ear *like, size_t *index,
		     struct nsnet_err *err)
{
	struct nsn_ear ear = *like;
	int r = link_ready(ear.link);

	if (r < 0)
		return hopeless(r) ? nsn_err_sys(err, r, "look at link %s", ear.link) : r;
	ear.ifindex = r;
	ear.veth = is_veth(ear.link);
	ear.fd = nsn_ear_packet(&w->key, ear.ifindex, ear.role == NSN_EAR_END);
	if (ear.fd < 0)
		return hopeless(ear.fd) || ear.fd == -EPERM
			       ? nsn_err_sys(err, ear.fd, "open a packet socket on %s", ear.link)
			       : ear.fd;
	r = nsn_ear_keep(w, &ear, index, err);
	if (r < 0)
		(void)close(ear.fd);
	return r;
}

/* ---- places ----------------------------------------------------------------------------- */

/* The namespace, when it is the one that is meant. */
static int open_netns(const struct nsn_wire_place *p, struct nsn_wire_spot *s)
{
	NSN_AUTO(nsn_closep) int fd = open(p->path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct statfs fs;

	if (fd < 0) {
		s->fault = NSN_FAULT_CLOSED;
		return -errno;
	}
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC ||
	    st.st_ino != p->inode) {
		s->fault = NSN_FAULT_GONE;
		return -ESTALE;
	}
	return NSN_TAKE_FD(fd);
}

static bool is_port(const struct nsn_wire *w, size_t gateway, const char *link)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (!w->places[i].trusted && w->places[i].gateway_place == gateway &&
		    w->places[i].port && strcmp(w->places[i].port, link) == 0)
			return true;
	return false;
}

/* A socket of the host that says something to the host: what its own sockets get is heard. */
static int open_lo(struct nsn_wire *w, size_t at, struct nsnet_err *err)
{
	const struct sockaddr_in self = {.sin_family = AF_INET,
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct nsn_ear ear = {.role = NSN_EAR_RAW,
			      .place = at,
			      .ns = at,
			      .family = AF_INET,
			      .proto = IPPROTO_ICMP};
	int r;

	ear.fd = nsn_ear_raw(&w->key, AF_INET, IPPROTO_ICMP);
	if (ear.fd < 0)
		return ear.fd;
	r = connect(ear.fd, (const struct sockaddr *)&self, sizeof(self)) < 0 ? -errno : 0;
	if (r == 0)
		r = nsn_ear_keep(w, &ear, &w->spots[at].lo, err);
	if (r < 0)
		(void)close(ear.fd);
	return r;
}

static int open_trusted(struct nsn_wire *w, size_t at, struct nsnet_err *err)
{
	const struct nsn_wire_place *p = &w->places[at];
	struct nsn_wire_spot *s = &w->spots[at];
	struct nsn_ear ear = {.role = NSN_EAR_LINK, .place = at, .ns = at};
	size_t i;
	int r;

	if (s->netns < 0)
		return 0;
	r = enter(w, s->netns);
	if (r < 0)
		return nsn_err_sys(err, r, "enter the network namespace of %s", p->name);
	for (i = 0; i < p->n_links; i++) {
		if (strcmp(p->links[i], "lo") == 0 || is_port(w, at, p->links[i]))
			continue;
		ear.link = p->links[i];
		r = hear_link(w, &ear, NULL, err);
		if (hopeless(r) || r == -EPERM)
			return r;
	}
	r = s->gateway ? 0 : open_lo(w, at, err);
	return hopeless(r) ? nsn_err_sys(err, r, "open a raw socket") : 0;
}

/* The gateway's half first: who is not heard there has not sent. */
static int open_ends(struct nsn_wire *w, size_t at, struct nsnet_err *err)
{
	const struct nsn_wire_place *p = &w->places[at];
	struct nsn_wire_spot *s = &w->spots[at];
	struct nsn_ear ear = {
		.role = NSN_EAR_PORT, .place = at, .ns = p->gateway_place, .link = p->port};
	int r;

	r = enter(w, w->spots[p->gateway_place].netns);
	if (r == 0)
		r = hear_link(w, &ear, &s->port, err);
	if (r < 0) {
		s->fault = NSN_FAULT_PORT;
		return r;
	}
	ear = (struct nsn_ear){.role = NSN_EAR_END, .place = at, .ns = at, .link = p->link};
	r = enter(w, s->netns);
	if (r == 0)
		r = hear_link(w, &ear, &s->end, err);
	if (r < 0)
		s->fault = NSN_FAULT_LINK;
	return r;
}

static int open_tenant(struct nsn_wire *w, size_t at, struct nsnet_err *err)
{
	const struct nsn_wire_place *p = &w->places[at];
	struct nsn_wire_spot *s = &w->spots[at];
	int r;

	if (s->netns < 0)
		return 0;
	if (p->gateway_place >= w->n || !w->places[p->gateway_place].trusted ||
	    w->spots[p->gateway_place].netns < 0) {
		s->fault = NSN_FAULT_GATEWAY;
		return 0;
	}
	r = open_ends(w, at, err);
	return hopeless(r) || r == -EPERM ? r : 0;
}

/* All while at home: a way to a namespace may lead elsewhere from within another. */
static int open_all_netns(struct nsn_wire *w, struct nsnet_err *err)
{
	size_t i;
	int fd;

	for (i = 0; i < w->n; i++) {
		fd = w->spots[i].netns = open_netns(&w->places[i], &w->spots[i]);
		if (fd < 0 && hopeless(fd))
			return nsn_err_sys(err, fd, "open %s", w->places[i].path);
	}
	return 0;
}

/* Those of tenants are not needed any more, and would keep what is deleted alive. */
static void leave_tenants(struct nsn_wire *w)
{
	size_t i;

	for (i = 0; i < w->n; i++) {
		if (w->places[i].trusted)
			continue;
		nsn_closep(&w->spots[i].netns);
		w->spots[i].netns = -1;
	}
}

static int open_places(struct nsn_wire *w, struct nsnet_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; i < w->n; i++)
		if (!w->places[i].trusted && w->places[i].gateway_place < w->n)
			w->spots[w->places[i].gateway_place].gateway = true;
	r = open_all_netns(w, err);
	for (i = 0; i < w->n && r == 0; i++)
		if (w->places[i].trusted)
			r = open_trusted(w, i, err);
	for (i = 0; i < w->n && r == 0; i++)
		if (!w->places[i].trusted)
			r = open_tenant(w, i, err);
	leave_tenants(w);
	return r;
}

/* ---- all of it --------------------------------------------------------------------------- */

static void raise_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= l.rlim_max)
		return;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

static int make(struct nsn_wire *w, struct nsnet_err *err)
{
	size_t i;
	int r;

	w->spots = calloc(w->n + 1, sizeof(*w->spots));
	w->opened = calloc(w->n + 1, sizeof(*w->opened));
	w->inbox = malloc((size_t)INBOX * NSN_WIRE_LONGEST);
	if (!w->spots || !w->opened || !w->inbox)
		return nsn_err_nomem(err);
	for (i = 0; i < w->n; i++)
		w->spots[i] = (struct nsn_wire_spot){.netns = -1,
						     .end = NSN_WIRE_NONE,
						     .port = NSN_WIRE_NONE,
						     .lo = NSN_WIRE_NONE};
	raise_limit();
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll < 0)
		return nsn_err_sys(err, -errno, "epoll_create1");
	if (getrandom(&w->key, sizeof(w->key), 0) != sizeof(w->key) ||
	    getrandom(&w->salt, sizeof(w->salt), 0) != sizeof(w->salt))
		return nsn_err_sys(err, -EIO, "random numbers");
	w->next = w->salt >> 8;
	r = nsn_fence_open(&w->fence, &w->home, &w->key, err);
	return r < 0 ? r : open_places(w, err);
}

int nsn_wire_open(struct nsn_wire **ret, const struct nsn_wire_place *places, size_t n,
		  struct nsnet_err *err)
{
	NSN_AUTO(nsn_wire_closep) struct nsn_wire *w = calloc(1, sizeof(*w));
	int r, back;

	if (!w)
		return nsn_err_nomem(err);
	w->places = places;
	w->n = n;
	w->epoll = -1;
	r = nsn_home_open(&w->home, err);
	if (r < 0)
		return r;
	r = make(w, err);
	back = nsn_home_return(&w->home, err);
	if (back < 0 || r < 0)
		return back < 0 ? back : r;
	*ret = NSN_TAKE_PTR(w);
	return 0;
}

/* ---- raw sockets ---------------------------------------------------------------------------- */

static int hear_raw(struct nsn_wire *w, size_t at, uint8_t family, uint8_t proto,
		    struct nsnet_err *err)
{
	struct nsn_ear ear = {
		.role = NSN_EAR_RAW, .place = at, .ns = at, .family = family, .proto = proto};
	int r = enter(w, w->spots[at].netns);

	if (r < 0)
		return nsn_err_sys(err, r, "enter the network namespace of %s", w->places[at].name);
	ear.fd = nsn_ear_raw(&w->key, family, proto);
	/* A kernel without IPv6, say: nothing can be delivered to it there. */
	if (ear.fd < 0)
		return hopeless(ear.fd) ? nsn_err_sys(err, ear.fd, "open a raw socket") : 0;
	r = nsn_ear_keep(w, &ear, NULL, err);
	if (r < 0)
		(void)close(ear.fd);
	return r;
}

int nsn_wire_need(struct nsn_wire *w, uint8_t family, uint8_t proto, struct nsnet_err *err)
{
	uint8_t *have = &w->raw[family == AF_INET6][proto];
	size_t i;
	int r = 0, back;

	if (*have || !proto)
		return 0;
	for (i = 0; i < w->n && r == 0; i++)
		if (w->places[i].trusted && w->spots[i].netns >= 0)
			r = hear_raw(w, i, family, proto, err);
	back = nsn_home_return(&w->home, err);
	if (back < 0 || r < 0)
		return back < 0 ? back : r;
	*have = 1;
	return 0;
}

/* ---- the end ----------------------------------------------------------------------------------
 */

/*
 * The kernel waits for all processors when a packet socket is closed (synchronize_net()), some ten
 * milliseconds each. Those who wait at the same time wait for the same, so many close at once.
 */
enum { CLOSERS = 64 };

struct closer {
	struct nsn_wire *w;
	size_t from;
	pthread_t thread;
	bool started;
};

static void *close_some(void *arg)
{
	const struct closer *c = arg;
	size_t i;

	for (i = c->from; i < c->w->n_ears; i += CLOSERS)
		(void)close(c->w->ears[i].fd);
	return NULL;
}

static void close_ears(struct nsn_wire *w)
{
	struct closer c[CLOSERS];
	size_t i;

	for (i = 0; i < CLOSERS; i++) {
		c[i] = (struct closer){.w = w, .from = i};
		c[i].started = i + 1 < CLOSERS && i < w->n_ears &&
			       pthread_create(&c[i].thread, NULL, close_some, &c[i]) == 0;
		if (!c[i].started)
			(void)close_some(&c[i]);
	}
	for (i = 0; i < CLOSERS; i++)
		if (c[i].started)
			(void)pthread_join(c[i].thread, NULL);
}

void nsn_wire_close(struct nsn_wire *w)
{
	size_t i;

	if (!w)
		return;
	close_ears(w);
	for (i = 0; w->spots && i < w->n; i++)
		nsn_closep(&w->spots[i].netns);
	nsn_fence_close(w->fence);
	if (w->epoll >= 0)
		(void)close(w->epoll);
	if (w->home.cookie)
		nsn_home_close(&w->home);
	free(w->spots);
	free(w->ears);
	free(w->inbox);
	free(w->opened);
	free(w);
}
