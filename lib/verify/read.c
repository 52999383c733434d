/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#include "../base/cleanup.h"
#include "../base/fd.h"
#include "../nl/nl.h"
#include "snapfile.h"

/* ---- threads -------------------------------------------------------------------------------- */

#define THREADS 4

/*
 * The threads go into namespaces and never come back: they end there. The caller's own
 * thread stays where it is.
 */
struct crew {
	struct nsn_reader *reader;
	int (*each)(struct nsn_visitor *v, struct nsn_place *p, struct nsnet_err *err);
	size_t first;
	atomic_size_t next;
	atomic_bool stop;
	atomic_size_t said; /* how often @each has said 1 */
};

struct hand {
	pthread_t thread;
	struct crew *crew;
	struct nsn_visitor visitor;
	int r;
	struct nsnet_err err;
};

static void *work(void *arg)
{
	struct hand *h = arg;
	struct nsn_reader *reader = h->crew->reader;
	size_t i;

	h->visitor.reader = reader;
	h->visitor.buf = malloc(NSN_NL_BUFFER);
	h->r = h->visitor.buf ? nsn_home_open(&h->visitor.home, &h->err) : nsn_err_nomem(&h->err);
	while (h->r >= 0 && !atomic_load(&h->crew->stop)) {
		i = atomic_fetch_add(&h->crew->next, 1);
		if (i >= reader->n)
			break;
		h->r = h->crew->each(&h->visitor, &reader->places[i], &h->err);
		if (h->r == 1)
			(void)atomic_fetch_add(&h->crew->said, 1);
	}
	if (h->r < 0)
		atomic_store(&h->crew->stop, true);
	nsn_home_close(&h->visitor.home);
	free(h->visitor.buf);
	return NULL;
}

static size_t how_many(size_t places)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	size_t most = n < 1 ? 1 : n > THREADS ? THREADS : (size_t)n;

	return places / 16 + 1 < most ? places / 16 + 1 : most;
}

/* Every place from the @first: how often @each said 1, or an errno. */
static int run(struct nsn_reader *r, size_t first, size_t threads,
	       int (*each)(struct nsn_visitor *, struct nsn_place *, struct nsnet_err *),
	       size_t *said, struct nsnet_err *err)
{
	struct crew crew = {.reader = r, .each = each, .next = first};
	struct hand hands[THREADS] = {0};
	sigset_t all, before;
	size_t i, started;
	int ret = 0;

	/* Signals are for the threads that were there before. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	for (started = 0; started < threads; started++) {
		hands[started].crew = &crew;
		hands[started].visitor.home.fd = -1;
		if (pthread_create(&hands[started].thread, NULL, work, &hands[started]) != 0)
			break;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	for (i = 0; i < started; i++) {
		(void)pthread_join(hands[i].thread, NULL);
		nsn_arena_join(&r->mem, &hands[i].visitor.mem);
		if (hands[i].r < 0 && ret == 0) {
			ret = hands[i].r;
			if (err)
				*err = hands[i].err;
		}
	}
	if (!started)
		return nsn_err(err, -EAGAIN, NSNET_E_IO, "cannot start a thread");
	if (said)
		*said = atomic_load(&crew.said);
	return ret;
}

/* ---- the parts, in their order ------------------------------------------------------------------
 */

static int reader_open(struct nsn_reader *r, const struct nsn_read *how, struct nsnet_err *err)
{
	struct stat st;
	int error;

	*r = (struct nsn_reader){.how = how, .proc = -1};
	r->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->proc < 0)
		return nsn_err_sys(err, -errno, "open /proc");
	if (fstat(how->home->fd, &st) < 0)
		return nsn_err_sys(err, -errno, "the network namespace");
	r->home = st.st_ino;
	r->nsfs = st.st_dev;
	r->host_users = nsn_ns_link(r->proc, "self/ns/user", "user:[", &error);
	nsn_read_what_is_there(r);
	return 0;
}

static void reader_close(struct nsn_reader *r)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		nsn_closep(&r->places[i].monitor);
		free(r->places[i].procs);
		free(r->places[i].held);
	}
	free(r->places);
	free(r->slots);
	free(r->taps);
	free(r->unsure.list);
	nsn_closep(&r->proc);
	nsn_arena_free(&r->mem);
}

static enum nsn_vns_kind kind_of(const struct nsn_place *p)
{
	if (p->home)
		return NSN_VNS_HOST;
	if (!p->known)
		return NSN_VNS_FOREIGN;
	return p->known->gateway ? NSN_VNS_GATEWAY : NSN_VNS_WORKLOAD;
}

struct gateway {
	uint64_t tenant;
	size_t place;
};

static int by_tenant(const void *a, const void *b)
{
	const struct gateway *x = a, *y = b;

	return x->tenant < y->tenant ? -1 : x->tenant > y->tenant;
}

/* What is known of each place from the @first: its kind, and whose gateway is whose. */
static int sort_out(struct nsn_reader *r, size_t first, struct nsnet_err *err)
{
	const struct nsn_read *how = r->how;
	struct gateway *list = calloc(r->n + 1, sizeof(*list)), *found;
	size_t i, n = 0;

	if (!list)
		return nsn_err_nomem(err);
	for (i = 0; i < r->n; i++)
		if (r->places[i].known && r->places[i].known->gateway)
			list[n++] = (struct gateway){r->places[i].known->tenant, i};
	qsort(list, n, sizeof(*list), by_tenant);
	for (i = first; i < r->n; i++) {
		struct nsn_place *p = &r->places[i];
		const struct nsn_known *k = p->known;

		p->home = p->inode == r->home;
		/* Whatever else leads there: a descriptor of some process goes with it. */
		if (p->home)
			p->path = "/proc/self/ns/net";
		p->ns.kind = kind_of(p);
		p->ns.full =
			p->home || (k && k->gateway && (!how->only || how->only[k - how->known]));
		if (!k || k->gateway)
			continue;
		found = bsearch(&(struct gateway){.tenant = k->tenant}, list, n, sizeof(*list),
				by_tenant);
		p->gateway = found ? found->place : NSN_NOWHERE;
	}
	free(list);
	return 0;
}

/* A socket is held in each namespace that is read in full. */
static void allow_files(const struct rlimit *now, size_t places)
{
	struct rlimit want = *now;
	rlim_t n = places + 128;

	if (now->rlim_cur == RLIM_INFINITY || now->rlim_cur >= now->rlim_max)
		return;
	want.rlim_cur = now->rlim_max - now->rlim_cur > n ? now->rlim_cur + n : now->rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &want);
}

/* All is read; what has changed since is read once more, until nothing has. */
static int until_quiet(struct nsn_reader *r, unsigned int *tries, struct nsnet_err *err)
{
	size_t changed = 0;
	int ret;

	for (*tries = 1;; ++*tries) {
		ret = run(r, 0, how_many(r->n), nsn_visit_stale, &changed, err);
		if (ret < 0 || changed == 0)
			return ret;
		if (*tries >= NSN_READ_TRIES)
			return nsn_err(err, -EBUSY, NSNET_E_KERNEL,
				       "the kernel's state kept changing while it was read, %d "
				       "times",
				       NSN_READ_TRIES);
	}
}

static int find_peers(struct nsn_visitor *v, struct nsn_place *p, struct nsnet_err *err)
{
	(void)p;
	return nsn_read_peers(v->reader, err);
}

static int read_all(struct nsn_reader *r, struct nsn_snap *ret, struct nsnet_err *err)
{
	size_t before;
	int x;

	x = nsn_find(r, err);
	if (x == 0)
		x = sort_out(r, 0, err);
	if (x == 0)
		x = run(r, 0, how_many(r->n), nsn_visit, NULL, err);
	before = r->n;
	/* What was made meanwhile, or could only not be found where it was looked for. */
	if (x == 0)
		x = nsn_find(r, err);
	if (x == 0 && r->n > before)
		x = sort_out(r, before, err);
	if (x == 0)
		x = run(r, 0, 1, nsn_visit, NULL, err);
	if (x == 0)
		x = until_quiet(r, &ret->tries, err);
	if (x == 0)
		nsn_settle(r);
	/* The last place alone: it is the thread that matters. */
	return x == 0 ? run(r, r->n - 1, 1, find_peers, NULL, err) : x;
}

/* ---- the snapshot
 * ------------------------------------------------------------------------------------ */

static int by_order(const void *a, const void *b)
{
	const struct nsn_place *x = *(struct nsn_place *const *)a,
			       *y = *(struct nsn_place *const *)b;
	enum nsn_vns_kind k = kind_of(x), m = kind_of(y);

	if (k != m)
		return k < m ? -1 : 1;
	if (x->known && y->known && x->known->tenant != y->known->tenant)
		return x->known->tenant < y->known->tenant ? -1 : 1;
	if (x->known && y->known && x->known->endpoint != y->known->endpoint)
		return x->known->endpoint < y->known->endpoint ? -1 : 1;
	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static int name_it(struct nsn_reader *r, const struct nsn_place *p, struct nsn_vns *ns)
{
	ns->kind = kind_of(p);
	ns->inode = p->inode;
	ns->tenant = p->known ? p->known->tenant : 0;
	ns->endpoint = p->known ? p->known->endpoint : 0;
	ns->path = nsn_arena_strdup(&r->mem, p->path ? p->path : "");
	if (ns->kind == NSN_VNS_HOST)
		ns->name = "host";
	else if (p->known)
		ns->name = nsn_arena_strdup(&r->mem, p->known->name);
	else if (p->named)
		ns->name = ns->path;
	else
		ns->name = nsn_arena_printf(&r->mem, "net:[%llu]", (unsigned long long)p->inode);
	if (!ns->why)
		ns->why = "";
	return ns->name && ns->path ? 0 : -ENOMEM;
}

/* Numbers of places become those of namespaces of the snapshot. */
static int move_in(struct nsn_reader *r, const struct nsn_place *p, const size_t *at,
		   struct nsn_vns *ns)
{
	size_t i;

	*ns = p->ns;
	ns->procs = nsn_arena_memdup(&r->mem, p->procs ? (const void *)p->procs : "",
				     p->n_procs * sizeof(*p->procs));
	ns->n_procs = p->n_procs;
	ns->held = nsn_arena_alloc(&r->mem, p->n_held * sizeof(*p->held));
	if (!ns->procs || !ns->held)
		return -ENOMEM;
	for (i = 0; i < p->n_held; i++) {
		/* Whoever lived in one that is gone is gone, too. */
		if (at[p->held[i].home] == NSN_NOWHERE)
			continue;
		ns->held[ns->n_held] = p->held[i];
		ns->held[ns->n_held++].home = at[p->held[i].home];
	}
	for (i = 0; i < ns->n_links; i++) {
		struct nsn_vlink *l = &ns->links[i];

		if (l->peer_ns == NSN_NOWHERE)
			continue;
		l->peer_ns = at[l->peer_ns];
		l->peer_lost = l->peer_ns == NSN_NOWHERE;
	}
	return name_it(r, p, ns);
}

static int put_in_order(struct nsn_reader *r, struct nsn_snap *ret)
{
	NSN_AUTO(nsn_freep) struct nsn_place **order = calloc(r->n + 1, sizeof(struct nsn_place *));
	NSN_AUTO(nsn_freep) size_t *at = calloc(r->n + 1, sizeof(size_t));
	size_t i, n = 0;

	if (!order || !at)
		return -ENOMEM;
	for (i = 0; i < r->n; i++) {
		at[i] = NSN_NOWHERE;
		if (!r->places[i].gone)
			order[n++] = &r->places[i];
	}
	qsort(order, n, sizeof(struct nsn_place *), by_order);
	for (i = 0; i < n; i++)
		at[order[i] - r->places] = i;
	ret->n_ns = n;
	ret->ns = nsn_arena_alloc(&r->mem, n * sizeof(*ret->ns));
	if (!ret->ns)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		if (move_in(r, order[i], at, &ret->ns[i]) < 0)
			return -ENOMEM;
	ret->unsure = nsn_arena_memdup(&r->mem, r->unsure.list ? (const void *)r->unsure.list : "",
				       r->unsure.n * sizeof(*r->unsure.list));
	ret->n_unsure = r->unsure.n;
	ret->policy = nsn_arena_strdup(&r->mem, r->how->policy ? r->how->policy : "");
	return ret->unsure && ret->policy ? 0 : -ENOMEM;
}

static uint64_t now_us(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void say_where(struct nsn_snap *ret)
{
	struct utsname u = {0};

	(void)nsn_file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", ret->boot,
			    sizeof(ret->boot));
	(void)uname(&u);
	(void)snprintf(ret->release, sizeof(ret->release), "%s", u.release);
	ret->at = (int64_t)time(NULL);
}

int nsn_snap_read(struct nsn_snap *ret, const struct nsn_read *how, struct nsnet_err *err)
{
	uint64_t start = now_us();
	struct nsn_snap snap = {0};
	struct nsn_reader reader;
	struct rlimit before;
	bool limited;
	int r = reader_open(&reader, how, err);

	limited = getrlimit(RLIMIT_NOFILE, &before) == 0;
	if (limited)
		allow_files(&before, how->n_known);
	if (r == 0)
		r = read_all(&reader, &snap, err);
	if (r == 0 && put_in_order(&reader, &snap) < 0)
		r = nsn_err_nomem(err);
	nsn_arena_join(&snap.mem, &reader.mem);
	reader_close(&reader);
	if (limited)
		(void)setrlimit(RLIMIT_NOFILE, &before);
	if (r == 0) {
		say_where(&snap);
		snap.took_us = (unsigned int)(now_us() - start);
		r = nsn_snap_seal(&snap, err);
	}
	if (r < 0) {
		nsn_snap_clear(&snap);
		return r;
	}
	*ret = snap;
	return 0;
}
