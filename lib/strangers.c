/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "strangers.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <linux/capability.h>

#include "base/fd.h"
#include "base/text.h"
#include "spawn/look.h"
#include "stranger_words.h"
#include "workloads.h"

/* Our own helpers are in a network for some milliseconds, more on a machine under load. */
#define LOOKS 5
#define PAUSE 40000000 /* ns */

/*
 * Of the host's user namespace: with these it changes neither its network nor the host. Nearly all
 * others end in being root (SETUID, DAC_OVERRIDE, BPF), and NET_RAW hears the tenant's others.
 */
#define HARMLESS                                                                                   \
	(UINT64_C(1) << CAP_NET_BIND_SERVICE | UINT64_C(1) << CAP_NET_BROADCAST |                  \
	 UINT64_C(1) << CAP_AUDIT_WRITE | UINT64_C(1) << CAP_LEASE | UINT64_C(1) << CAP_IPC_LOCK)

struct place {
	uint64_t ino;
	const char *tenant, *endpoint; /* endpoint "": the gateway */
};

struct search {
	struct place *places; /* by ino */
	size_t n_places;
	struct nsn_record_list records;
	uint64_t host_users, all_caps; /* our own */
	int proc, folder;	       /* of the records */
	struct nsn_arena *mem;
};

static void search_clear(struct search *s)
{
	free(s->places);
	nsn_record_list_clear(&s->records);
	nsn_closep(&s->proc);
	nsn_closep(&s->folder);
}

void nsn_strangers_clear(struct nsn_stranger_list *l)
{
	free(l->list);
	*l = (struct nsn_stranger_list){0};
}

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

/* ---- where they may be ------------------------------------------------------------------ */

static int by_ino(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* What is not there has nobody in it. */
static void add_place(struct search *s, const char *path, const char *tenant, const char *endpoint)
{
	struct stat st;

	if (stat(path, &st) == 0)
		s->places[s->n_places++] =
			(struct place){.ino = st.st_ino, .tenant = tenant, .endpoint = endpoint};
}

static int add_tenant(struct nsnet *n, struct search *s, const struct nsn_tenant *t,
		      struct nsnet_err *err)
{
	char name[NSN_NETNS_NAME_SIZE], path[sizeof(NSN_NETNS_DIR) + sizeof(name)];
	char gateway[NSN_PIN_SIZE];
	int r;

	for (size_t i = 0; i < t->n_endpoints; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", NSN_NETNS_DIR,
			       nsn_endpoint_netns_name(t, &t->endpoints[i], name));
		add_place(s, path, t->name, t->endpoints[i].name);
	}
	r = nsn_compile_gateway_pin(&n->owner, t->id, gateway, err);
	if (r == 0)
		add_place(s, gateway, t->name, "");
	return r;
}

static int find_places(struct nsnet *n, const struct nsn_tenant_list *tenants, struct search *s,
		       struct nsnet_err *err)
{
	size_t max = 0;
	int r = 0;

	for (size_t i = 0; i < tenants->n; i++)
		max += tenants->tenants[i].n_endpoints + 1;
	s->places = calloc(max + 1, sizeof(*s->places));
	if (!s->places)
		return nsn_err_nomem(err);
	for (size_t i = 0; r == 0 && i < tenants->n; i++)
		r = add_tenant(n, s, &tenants->tenants[i], err);
	if (s->n_places)
		qsort(s->places, s->n_places, sizeof(*s->places), by_ino);
	return r;
}

static const struct place *place_of(const struct search *s, uint64_t ino)
{
	const struct place like = {.ino = ino};

	return s->n_places ? bsearch(&like, s->places, s->n_places, sizeof(*s->places), by_ino)
			   : NULL;
}

/* ---- who it is ----------------------------------------------------------------------------- */

static uint64_t ns_of(int proc, const char *pid, enum nsnet_ns ns)
{
	char path[NAME_MAX + 16];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/ns/%s", pid, nsn_ns_word(ns));
	return fstatat(proc, path, &st, 0) == 0 ? st.st_ino : 0;
}

/*
 * The first process is in its group from its birth on, and the record, which is there before both,
 * tells no process of it yet. Not listed are those without one, and that is what is asked here.
 */
static bool is_being_born(const struct search *s, const char *groups)
{
	const char *at = strstr(groups, "/nsnet/");
	char id[NSN_WORKLOAD_ID + 1];

	if (!at || strcspn(at + 7, "/\n") != NSN_WORKLOAD_ID)
		return false;
	(void)snprintf(id, sizeof(id), "%s", at + 7);
	for (size_t i = 0; i < s->records.n; i++)
		if (strcmp(s->records.list[i].id, id) == 0)
			return false;
	return faccessat(s->folder, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool in_group(const char *groups, const char *id)
{
	char name[sizeof("/nsnet/") + NSN_WORKLOAD_ID];
	const char *at;

	(void)snprintf(name, sizeof(name), "/nsnet/%s", id);
	at = strstr(groups, name);
	return at && strchr("/\n", at[strlen(name)]);
}

/*
 * In the pid namespace is also whoever was put there from outside (nsenter --pid). He has not the
 * user namespace, or, where that is the host's, more than a workload may have.
 */
static bool is_ours(const struct search *s, const char *pid, const char *groups, uint64_t caps)
{
	const uint64_t ns = ns_of(s->proc, pid, NSNET_NS_PID);
	const uint64_t users = ns_of(s->proc, pid, NSNET_NS_USER);

	for (size_t i = 0; i < s->records.n; i++) {
		const struct nsn_record *r = &s->records.list[i];

		if (!(r->share & 1U << NSNET_NS_PID ? in_group(groups, r->id)
						    : r->look.ns[NSNET_NS_PID] == ns))
			continue;
		if (r->share & 1U << NSNET_NS_USER ? !(caps & ~r->caps & ~(UINT64_C(1) << CAP_KILL))
						   : r->look.ns[NSNET_NS_USER] == users)
			return true;
	}
	return false;
}

/* What can be raised at will counts as had. What cannot be read counts as all. */
static uint64_t caps_of(const char *status)
{
	const char *prm = strstr(status, "\nCapPrm:"), *eff = strstr(status, "\nCapEff:");

	return prm && eff ? strtoull(prm + 8, NULL, 16) | strtoull(eff + 8, NULL, 16) : UINT64_MAX;
}

/* "Uid:\t0\t0...", of which the second counts. */
static uint32_t uid_of(const char *status)
{
	const char *uid = strstr(status, "\nUid:");

	uid = uid ? strchr(uid + 6, '\t') : NULL;
	return uid ? (uint32_t)strtoul(uid, NULL, 10) : 0;
}

/*
 * A file of the process; false: it is gone. One that cannot be read otherwise (a list of groups can
 * be longer than our room for it) hides nobody: it is empty then.
 */
static bool read_of(const struct search *s, const char *pid, const char *name, char *buf,
		    size_t size)
{
	char path[NAME_MAX + 16];
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", pid, name);
	r = nsn_file_read(s->proc, path, buf, size);
	if (r < 0)
		buf[0] = '\0';
	return r != -ENOENT && r != -ESRCH;
}

/*
 * Root of the host may change it also without capabilities: procfs and files look at the number.
 * 1, or -ENOMEM
 */
static int describe(const struct search *s, const char *pid, const struct place *at, char *groups,
		    uint64_t caps, struct nsnet_stranger *ret)
{
	char shown[NSN_SHOW_SIZE];
	uint64_t users;

	ret->tenant = nsn_arena_strdup(s->mem, at->tenant);
	ret->endpoint = nsn_arena_strdup(s->mem, at->endpoint);
	ret->pid = (int32_t)strtol(pid, NULL, 10);
	ret->comm = nsn_arena_strdup(s->mem, nsn_text_show(ret->comm, shown, sizeof(shown)));
	users = ns_of(s->proc, pid, NSNET_NS_USER);
	ret->host_users = !users || users == s->host_users;
	ret->caps = nsn_stranger_caps(s->mem, caps, s->all_caps);
	ret->unit = nsn_stranger_unit(s->mem, groups);
	ret->unexplained = ret->uid == 0 || (ret->host_users && caps & ~HARMLESS);
	if (!ret->unit || !ret->caps || !ret->tenant || !ret->endpoint || !ret->comm)
		return -ENOMEM;
	ret->remedy = nsn_stranger_remedy(s->mem, ret);
	return ret->remedy ? 1 : -ENOMEM;
}

/* 1: a stranger; 0: one of ours, or gone. */
static int look_at(const struct search *s, const char *pid, struct nsnet_stranger *ret)
{
	char groups[4096], status[4096], comm[24];
	const struct place *at = place_of(s, ns_of(s->proc, pid, NSNET_NS_NET));
	uint64_t caps;

	if (!at || !read_of(s, pid, "cgroup", groups, sizeof(groups) - 1) ||
	    !read_of(s, pid, "status", status, sizeof(status)) ||
	    !read_of(s, pid, "comm", comm, sizeof(comm)))
		return 0;
	/* So that the last line ends like the others. */
	(void)strncat(groups, "\n", sizeof(groups) - strlen(groups) - 1);
	caps = caps_of(status);
	if (is_being_born(s, groups) || is_ours(s, pid, groups, caps))
		return 0;
	*ret = (struct nsnet_stranger){.comm = comm, .uid = uid_of(status)};
	return describe(s, pid, at, groups, caps, ret);
}

/* ---- all of them ---------------------------------------------------------------------------- */

static int keep(struct nsn_stranger_list *l, const struct nsnet_stranger *one,
		struct nsnet_err *err)
{
	struct nsnet_stranger *grown = realloc(l->list, (l->n + 1) * sizeof(*grown));

	if (!grown)
		return nsn_err_nomem(err);
	l->list = grown;
	l->list[l->n++] = *one;
	return 0;
}

static int scan(const struct search *s, struct nsn_stranger_list *ret, struct nsnet_err *err)
{
	int fd = openat(s->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	NSN_AUTO(closedirp) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct nsnet_stranger one;
	struct dirent *e;
	int r = 0;

	if (!d) {
		nsn_closep(&fd);
		return nsn_err_sys(err, -errno, "cannot list the processes");
	}
	while (r == 0 && (e = readdir(d))) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		r = look_at(s, e->d_name, &one);
		if (r < 0)
			return nsn_err_nomem(err);
		if (r == 1)
			r = one.unexplained || ret->n < NSN_STRANGERS_MAX ? keep(ret, &one, err)
									  : 0;
	}
	return r;
}

static int load_records(struct search *s, struct nsnet_err *err)
{
	nsn_record_list_clear(&s->records);
	return nsn_record_list(s->folder, &s->records, err);
}

static bool has(const struct nsn_stranger_list *l, pid_t pid)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].pid == pid)
			return true;
	return false;
}

/* Only who was there before stays. */
static void keep_old(struct nsn_stranger_list *now, const struct nsn_stranger_list *before)
{
	size_t n = 0;

	for (size_t i = 0; i < now->n; i++)
		if (has(before, now->list[i].pid))
			now->list[n++] = now->list[i];
	now->n = n;
}

static int by_place(const void *a, const void *b)
{
	const struct nsnet_stranger *x = a, *y = b;
	int r = strcmp(x->tenant, y->tenant);

	if (r == 0)
		r = strcmp(x->endpoint, y->endpoint);
	return r ? r : x->pid - y->pid;
}

/* Nobody is there: one look. Else it is who is there at each of several. */
static int look_again(struct search *s, struct nsn_stranger_list *ret, struct nsnet_err *err)
{
	const struct timespec pause = {.tv_nsec = PAUSE};
	int r = 0;

	for (int i = 0; r == 0 && i < LOOKS && (i == 0 || ret->n > 0); i++) {
		NSN_AUTO(nsn_strangers_clear) struct nsn_stranger_list before = *ret;

		*ret = (struct nsn_stranger_list){0};
		if (i > 0)
			(void)nanosleep(&pause, NULL);
		r = load_records(s, err);
		if (r == 0)
			r = scan(s, ret, err);
		if (i > 0)
			keep_old(ret, &before);
	}
	return r;
}

int nsn_strangers_find(struct nsnet *n, const struct nsn_tenant_list *tenants,
		       struct nsn_arena *mem, struct nsn_stranger_list *ret, struct nsnet_err *err)
{
	NSN_AUTO(search_clear)
	struct search s = {.proc = nsn_proc_open(err), .folder = -1, .mem = mem};
	NSN_AUTO(nsn_strangers_clear) struct nsn_stranger_list found = {0};
	char status[4096];
	int r;

	if (s.proc < 0)
		return s.proc;
	s.host_users = ns_of(s.proc, "self", NSNET_NS_USER);
	s.all_caps = read_of(&s, "self", "status", status, sizeof(status)) ? caps_of(status) : 0;
	r = nsn_workloads_folder(n->run_dir, &s.folder, err);
	if (r == 0)
		r = find_places(n, tenants, &s, err);
	if (r == 0)
		r = look_again(&s, &found, err);
	if (r < 0)
		return r;
	if (found.n)
		qsort(found.list, found.n, sizeof(*found.list), by_place);
	*ret = found;
	found = (struct nsn_stranger_list){0};
	return 0;
}
