/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <linux/if_tun.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>

#include "../base/cleanup.h"

/* The most sockets of one process that are looked at, each by a copy of its descriptor. */
#define SOCKETS_MAX 4096

struct holder {
	struct nsn_reader *r;
	int32_t pid;
	uint64_t home; /* inode of the namespace it lives in */
	bool tenants;  /* that is a workload's: its sockets are looked at */
	int pidfd;
	unsigned int sockets;
	bool known; /* `proc` is filled */
	struct nsn_vproc proc;
};

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

/* Notes that @h holds @what of namespace @inode. */
static int add_held(struct holder *h, uint64_t inode, bool sock, bool unix_socket, const char *what)
{
	struct nsn_reader *r = h->r;
	size_t home = nsn_place_add(r, h->home), at = nsn_place_add(r, inode);
	struct nsn_vheld *held;
	int ret;

	if (home == NSN_NOWHERE || at == NSN_NOWHERE)
		return -ENOMEM;
	if (!h->known) {
		ret = nsn_read_proc(r, h->pid, &h->proc);
		if (ret != 0)
			return ret < 0 ? ret : 0;
		h->known = true;
	}
	held = NSN_MORE(r->places[at].held, r->places[at].n_held, r->places[at].max_held);
	if (!held)
		return -ENOMEM;
	*held = (struct nsn_vheld){
		.proc = h->proc,
		.home = home,
		.socket = sock,
		.unix_socket = unix_socket,
		.what = nsn_arena_strdup(&r->mem, what),
	};
	return held->what ? 0 : -ENOMEM;
}

/* A descriptor of a namespace: that may be the only thing that keeps it. */
static int take_netns(struct holder *h, int32_t fd, uint64_t inode)
{
	size_t at = nsn_place_add(h->r, inode);
	char text[48];

	if (at == NSN_NOWHERE)
		return -ENOMEM;
	if (!h->r->places[at].path) {
		h->r->places[at].path = nsn_arena_printf(&h->r->mem, "/proc/%d/fd/%d", h->pid, fd);
		if (!h->r->places[at].path)
			return -ENOMEM;
	}
	(void)snprintf(text, sizeof(text), "net:[%llu]", (unsigned long long)inode);
	return inode == h->home ? 0 : add_held(h, inode, false, false, text);
}

/*
 * One that was opened by its pin has the pin's path for a name. What is on the file system
 * of namespaces is one of them, of whatever kind. (Without a word with a server far away.)
 */
static int take_file(struct holder *h, int dir, const char *name, int32_t fd)
{
	NSN_AUTO(nsn_closep) int own = -1;
	struct statx st;

	if (statx(dir, name, AT_STATX_DONT_SYNC, STATX_INO, &st) < 0 ||
	    makedev(st.stx_dev_major, st.stx_dev_minor) != h->r->nsfs)
		return 0;
	if (nsn_place_find(h->r, st.stx_ino) == NSN_NOWHERE) {
		own = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (own < 0 || ioctl(own, NS_GET_NSTYPE) != CLONE_NEWNET)
			return 0;
	}
	return take_netns(h, fd, st.stx_ino);
}

static int borrow(struct holder *h, int32_t fd)
{
	if (h->pidfd < 0)
		h->pidfd = (int)syscall(SYS_pidfd_open, h->pid, 0);
	return h->pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, h->pidfd, fd, 0);
}

/* The namespace of a socket (SIOCGSKNS) or tap (TUNGETDEVNETNS): 0, it cannot be said. */
static uint64_t netns_of(int sk, unsigned long request)
{
	NSN_AUTO(nsn_closep) int fd = ioctl(sk, request);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static const char *kind_of(int sk, int *domain)
{
	int type = 0;
	socklen_t len = sizeof(int);

	*domain = -1;
	(void)getsockopt(sk, SOL_SOCKET, SO_DOMAIN, domain, &len);
	len = sizeof(int);
	(void)getsockopt(sk, SOL_SOCKET, SO_TYPE, &type, &len);
	switch (*domain) {
	case AF_UNIX:
		return "unix";
	case AF_NETLINK:
		return "netlink";
	case AF_PACKET:
		return "packet";
	case AF_INET:
	case AF_INET6:
		return type == SOCK_STREAM ? "tcp" : type == SOCK_DGRAM ? "udp" : "raw";
	default:
		return "other";
	}
}

static int take_socket(struct holder *h, int32_t fd, const char *text)
{
	NSN_AUTO(nsn_closep) int sk = -1;
	char what[96];
	uint64_t inode;
	int domain;

	if (h->sockets++ >= SOCKETS_MAX)
		return h->sockets > SOCKETS_MAX + 1
			       ? 0
			       : nsn_reader_unsure(h->r, "pid %d: only %d of its sockets seen",
						   h->pid, SOCKETS_MAX);
	sk = borrow(h, fd);
	/* EBADF: closed meanwhile. */
	if (sk < 0)
		return errno == EBADF || errno == ESRCH
			       ? 0
			       : nsn_reader_unsure(h->r, "pid %d: socket: %s", h->pid,
						   strerror(errno));
	inode = netns_of(sk, SIOCGSKNS);
	if (!inode)
		return nsn_reader_unsure(h->r, "pid %d: %s: whose it is cannot be said", h->pid,
					 text);
	if (inode == h->home)
		return 0;
	(void)snprintf(what, sizeof(what), "%s %s", text, kind_of(sk, &domain));
	return add_held(h, inode, true, domain == AF_UNIX, what);
}

/* The name is in fdinfo, the namespace is asked of a copy. */
static int take_tap(struct holder *h, int32_t fd)
{
	NSN_AUTO(nsn_closep) int info = -1, sk = -1;
	char path[64], text[512];
	struct nsn_tap *tap;
	const char *at;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%d/fdinfo/%d", h->pid, fd);
	info = openat(h->r->proc, path, O_RDONLY | O_CLOEXEC);
	n = info < 0 ? -1 : read(info, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, "iff:\t");
	if (!at || at[5] == '\n')
		return 0;
	tap = NSN_MORE(h->r->taps, h->r->n_taps, h->r->max_taps);
	if (!tap)
		return -ENOMEM;
	(void)snprintf(tap->name, sizeof(tap->name), "%.*s", (int)strcspn(at + 5, "\n"), at + 5);
	tap->pid = h->pid;
	tap->home = h->home;
	sk = borrow(h, fd);
	tap->inode = sk >= 0 ? netns_of(sk, TUNGETDEVNETNS) : 0;
	return 0;
}

static int take_fd(struct holder *h, int dir, const char *name)
{
	char text[64];
	ssize_t n = readlinkat(dir, name, text, sizeof(text) - 1);
	int32_t fd = (int32_t)strtol(name, NULL, 10);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (strncmp(text, "net:[", 5) == 0)
		return take_netns(h, fd, strtoull(text + 5, NULL, 10));
	if (h->tenants && strncmp(text, "socket:[", 8) == 0)
		return take_socket(h, fd, text);
	if (strcmp(text, "/dev/net/tun") == 0)
		return take_tap(h, fd);
	return text[0] == '/' ? take_file(h, dir, name, fd) : 0;
}

int nsn_read_held(struct nsn_reader *r, int32_t pid, uint64_t home)
{
	size_t at = nsn_place_find(r, home);
	struct holder h = {.r = r, .pid = pid, .home = home, .pidfd = -1};
	NSN_AUTO(closedirp) DIR *d = NULL;
	struct dirent *e;
	char path[64];
	int dir, ret = 0;

	/* What the reader itself has open is its own business. */
	if (pid == getpid())
		return 0;
	h.tenants = at != NSN_NOWHERE && r->places[at].known && !r->places[at].known->gateway;
	(void)snprintf(path, sizeof(path), "%d/fd", pid);
	dir = openat(r->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT || errno == ESRCH
			       ? 0
			       : nsn_reader_unsure(r, "pid %d: descriptors: %s", pid,
						   strerror(errno));
	d = fdopendir(dir);
	if (!d) {
		/* The kernel no longer knows the folder of one that ended just now (since 6.2). */
		const bool gone = errno != ENOMEM;

		nsn_closep(&dir);
		return gone ? 0 : -ENOMEM;
	}
	while (ret == 0 && (e = readdir(d)))
		if (e->d_name[0] != '.')
			ret = take_fd(&h, dir, e->d_name);
	nsn_closep(&h.pidfd);
	return ret;
}
