/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "anyhost.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/text.h"
#include "spawn/look.h"
#include "spawn/mount.h"
#include "verify/party.h"

/*
 * anyhost_who - who lives in which namespace: containers by the control groups of their
 * processes, else the name of a pin, else a unit
 */

#define PATH 64

static int read_party(int proc, int32_t pid, struct nsn_party *ret)
{
	char path[PATH], text[8192];

	(void)snprintf(path, sizeof(path), "%" PRId32 "/cgroup", pid);
	if (nsn_file_read(proc, path, text, sizeof(text)) < 0)
		return -ENOENT;
	nsn_party_of(text, ret);
	return 0;
}

/* In the container's own files, which are its to change: no link out of them is followed. */
static void read_hostname(int proc, int32_t pid, char *buf, size_t size)
{
	NSN_AUTO(nsn_closep) int root = -1;
	NSN_AUTO(nsn_closep) int fd = -1;
	char path[PATH];
	struct stat st;
	ssize_t n;

	buf[0] = '\0';
	(void)snprintf(path, sizeof(path), "%" PRId32 "/root", pid);
	root = openat(proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0)
		fd = nsn_openat2(root, "etc/hostname", O_RDONLY | O_NONBLOCK | O_NOCTTY,
				 NSN_HOSTILE);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	n = nsn_pread_all(fd, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

/* The name that a container is known by; "" for a process of none. */
static const char *container_of(struct nsn_arena *mem, int proc, int32_t pid,
				const struct nsn_party *p)
{
	char buf[NSN_PARTY_STRLEN], hostname[65];

	if (!nsn_party_is_container(p))
		return "";
	read_hostname(proc, pid, hostname, sizeof(hostname));
	return nsn_arena_strdup(mem, nsn_party_str(p, hostname, buf));
}

/* ---- names of network namespaces ------------------------------------------------------------ */

static bool has_prefix(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* What its pin is called; NULL: it has none. */
static const char *pin_of(struct nsn_arena *mem, const struct nsn_vns *ns)
{
	const char *last = strrchr(ns->path, '/');

	if (!last || has_prefix(ns->path, "/proc/"))
		return NULL;
	if (has_prefix(ns->path, "/run/docker/netns/") ||
	    has_prefix(ns->path, "/var/run/docker/netns/"))
		return nsn_arena_printf(mem, "docker sandbox %s", last + 1);
	if (has_prefix(ns->path, "/run/netns/") || has_prefix(ns->path, "/var/run/netns/"))
		return nsn_arena_strdup(mem, last + 1);
	return nsn_arena_strdup(mem, ns->path);
}

/* Who is in it: the first container, or else unit; how many different processes' are others'. */
static const char *lives_in(struct nsn_arena *mem, int proc, const struct nsn_vns *ns, bool *unit)
{
	const char *name = NULL;
	struct nsn_party p, first = {.engine = ""};
	size_t more = 0;

	*unit = true;
	for (size_t i = 0; i < ns->n_procs && i < 64; i++) {
		if (read_party(proc, ns->procs[i].pid, &p) < 0)
			continue;
		if (nsn_party_is_container(&p) && *unit) {
			*unit = false;
			first = p;
			name = *p.pod ? nsn_arena_printf(mem, "pod %s", p.pod)
				      : container_of(mem, proc, ns->procs[i].pid, &p);
			if (!name)
				return NULL;
		} else if (*unit && !name && strlen(p.unit) > 8 &&
			   strcmp(p.unit + strlen(p.unit) - 8, ".service") == 0) {
			name = nsn_arena_strdup(mem, p.unit);
		} else if (!*unit && nsn_party_is_container(&p) && strcmp(p.id, first.id) != 0) {
			more++;
		}
	}
	if (more && name && !*first.pod)
		name = nsn_arena_printf(mem, "%s and others", name);
	return name ? name : "";
}

int nsn_anyhost_name(struct nsn_hostside *h, struct nsn_snap *snap, int proc)
{
	for (size_t i = 0; i < snap->n_ns; i++) {
		struct nsn_vns *ns = &snap->ns[i];
		const char *who, *pin;
		bool unit;

		if (ns->full)
			continue;
		who = lives_in(&h->mem, proc, ns, &unit);
		pin = pin_of(&h->mem, ns);
		if (!who)
			return -ENOMEM;
		if (*who && (!unit || !pin))
			ns->name = who;
		else if (pin)
			ns->name = pin;
	}
	return 0;
}

/* ---- what is shared ------------------------------------------------------------------------- */

/* One who is in a namespace. */
struct in {
	unsigned int kind;
	uint64_t inode;
	size_t who; /* 0: the host */
};

struct sharing {
	struct nsn_hostside *h;
	const struct nsn_snap *snap;
	int proc;
	const char **who; /* names, each once */
	char (*ids)[NSN_PARTY_ID + 1];
	size_t n_who, max_who;
	struct in *list;
	size_t n, max;
	uint64_t home; /* the host's network */
};

static uint64_t inode_of(int proc, const char *pid, unsigned int kind)
{
	char path[PATH], text[PATH];
	const char *at;
	uint64_t inode;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%.16s/ns/%s", pid, nsn_ns_word((enum nsnet_ns)kind));
	n = readlinkat(proc, path, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n - 1] = '\0'; /* the bracket */
	at = strchr(text, '[');
	return at && nsn_u64_parse(&inode, at + 1, UINT64_MAX) == 0 ? inode : 0;
}

static int add_in(struct sharing *s, const char *pid, size_t who)
{
	for (unsigned int k = 0; k < NSNET_NS_COUNT; k++) {
		const uint64_t inode = inode_of(s->proc, pid, k);

		if (!inode)
			continue;
		if (s->n == s->max) {
			struct in *more = reallocarray(s->list, 2 * s->max + 256, sizeof(*more));

			if (!more)
				return -ENOMEM;
			s->list = more;
			s->max = 2 * s->max + 256;
		}
		s->list[s->n++] = (struct in){k, inode, who};
	}
	return 0;
}

static int add_who(struct sharing *s, const char *name, const char *id, size_t *ret)
{
	for (size_t i = 1; i < s->n_who; i++)
		if (*id ? strcmp(s->ids[i], id) == 0
			: !*s->ids[i] && strcmp(s->who[i], name) == 0) {
			*ret = i;
			return 0;
		}
	if (s->n_who == s->max_who) {
		const size_t max = 2 * s->max_who + 32;
		const char **who = reallocarray(s->who, max, sizeof(*who));
		char(*ids)[NSN_PARTY_ID + 1] = NULL;

		if (who) {
			s->who = who;
			ids = reallocarray(s->ids, max, sizeof(*ids));
		}
		if (!ids)
			return -ENOMEM;
		s->ids = ids;
		s->max_who = max;
	}
	*ret = s->n_who;
	s->who[s->n_who] = name;
	(void)snprintf(s->ids[s->n_who++], sizeof(*s->ids), "%s", id);
	return 0;
}

static bool is_known(const struct sharing *s, const char *id)
{
	for (size_t i = 1; i < s->n_who; i++)
		if (*id && strcmp(s->ids[i], id) == 0)
			return true;
	return false;
}

/* A container, or whoever lives in a network namespace that is not the host's. */
static int add_process(struct sharing *s, const char *pid, int32_t number)
{
	const uint64_t net = inode_of(s->proc, pid, NSNET_NS_NET);
	struct nsn_party p;
	const char *name = "";
	size_t at, who;

	if (!net || read_party(s->proc, number, &p) < 0)
		return 0;
	if (nsn_party_is_container(&p)) {
		if (!is_known(s, p.id))
			name = container_of(&s->h->mem, s->proc, number, &p);
	} else {
		p.id[0] = '\0';
		at = net == s->home ? NSN_NOWHERE : nsn_snap_find(s->snap, net);
		if (at == NSN_NOWHERE || s->snap->ns[at].kind != NSN_VNS_WORKLOAD)
			return 0;
		name = s->snap->ns[at].name;
	}
	if (!name || add_who(s, name, p.id, &who) < 0)
		return -ENOMEM;
	return add_in(s, pid, who);
}

static int by_place(const void *a, const void *b)
{
	const struct in *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return x->who < y->who ? -1 : x->who > y->who;
}

/* One namespace, from the first of those in it to before @end. */
static int add_shared(struct sharing *s, size_t first, size_t end)
{
	struct nsnet_host_shared *x = &s->h->shared[s->h->n_shared];
	const char **members;
	size_t n = 0;

	for (size_t i = first; i < end; i++)
		n += i == first || s->list[i].who != s->list[i - 1].who;
	if (n < 2)
		return 0;
	members = nsn_arena_alloc(&s->h->mem, n * sizeof(*members));
	if (!members)
		return -ENOMEM;
	*x = (struct nsnet_host_shared){.kind = nsn_ns_word((enum nsnet_ns)s->list[first].kind),
					.inode = s->list[first].inode,
					.members = members};
	for (size_t i = first; i < end; i++)
		if (i == first || s->list[i].who != s->list[i - 1].who)
			members[x->n_members++] = s->who[s->list[i].who];
	s->h->n_shared++;
	return 0;
}

static int sort_out(struct sharing *s)
{
	size_t first = 0;
	int r = 0;

	if (s->n > 1)
		qsort(s->list, s->n, sizeof(*s->list), by_place);
	s->h->shared = nsn_arena_alloc(&s->h->mem, (s->n / 2 + 1) * sizeof(*s->h->shared));
	if (!s->h->shared)
		return -ENOMEM;
	for (size_t i = 1; r == 0 && i <= s->n; i++) {
		if (i < s->n && s->list[i].kind == s->list[first].kind &&
		    s->list[i].inode == s->list[first].inode)
			continue;
		r = add_shared(s, first, i);
		first = i;
	}
	return r;
}

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

int nsn_anyhost_share(struct nsn_hostside *h, const struct nsn_snap *snap, int proc)
{
	struct sharing s = {.h = h, .snap = snap, .proc = proc};
	int fd = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	NSN_AUTO(closedirp) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	size_t self;

	if (!d)
		nsn_closep(&fd);
	s.home = inode_of(proc, "self", NSNET_NS_NET);
	/* The host is the first: number 0. */
	r = add_who(&s, "host", "", &self);
	if (r == 0)
		r = add_in(&s, "self", 0);
	while (d && r == 0 && (e = readdir(d))) {
		uint64_t pid;

		if (nsn_u64_parse(&pid, e->d_name, INT32_MAX) == 0)
			r = add_process(&s, e->d_name, (int32_t)pid);
	}
	if (r == 0)
		r = sort_out(&s);
	free(s.who);
	free(s.ids);
	free(s.list);
	return r;
}
