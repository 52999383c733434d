/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listen.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include "../base/cleanup.h"
#include "../base/fd.h"
#include "../base/text.h"
#include "../nl/msg.h"

/* ---- which -------------------------------------------------------------------------------- */

struct search {
	const struct nsn_ip *ip;
	uint8_t proto;
	uint16_t port;
	bool found;
	struct nsn_listener *ret;
	/* All there are, whatever address and port. */
	bool all;
	struct nsn_listener *list;
	size_t n, kept; /* kept: of the dumps before this one */
};

static bool is_wild(const struct nsn_ip *ip)
{
	static const struct nsn_ip none;

	return memcmp(ip->bytes, none.bytes, sizeof(ip->bytes)) == 0;
}

/* An IPv4 address of an IPv6 socket is an IPv4 address. */
static struct nsn_ip address_of(const struct inet_diag_msg *m)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct nsn_ip ip = {.family = m->idiag_family};
	uint8_t bytes[16];

	memcpy(bytes, m->id.idiag_src, sizeof(bytes));
	if (ip.family == AF_INET6 && memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		ip.family = AF_INET;
		memcpy(ip.bytes, bytes + sizeof(mapped), 4);
	} else {
		memcpy(ip.bytes, bytes, ip.family == AF_INET ? 4 : 16);
	}
	return ip;
}

static bool in_the_way(const struct nsn_listener *l, const struct nsn_ip *ip)
{
	if (ip->family == 0)
		return true;
	if (l->ip.family != ip->family && !l->both)
		return false;
	return l->proto == IPPROTO_SCTP || is_wild(&l->ip) || is_wild(ip) ||
	       nsn_ip_cmp(&l->ip, ip) == 0;
}

static int more(struct search *s, const struct nsn_listener *l, struct nsnet_err *err)
{
	struct nsn_listener *list;

	if (s->n % 64 == 0) {
		list = reallocarray(s->list, s->n + 64, sizeof(*list));
		if (!list)
			return nsn_err_nomem(err);
		s->list = list;
	}
	s->list[s->n++] = *l;
	return 0;
}

static int each_socket(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	struct search *s = arg;
	const struct inet_diag_msg *m = nlmsg_data(msg);
	struct nlattr *v6only;
	struct nsn_listener l;

	if (!nlmsg_valid_hdr(msg, sizeof(*m)))
		return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable socket");
	if ((!s->all && ntohs(m->id.idiag_sport) != s->port) ||
	    (m->idiag_family != AF_INET && m->idiag_family != AF_INET6))
		return 0;
	l = (struct nsn_listener){.ip = address_of(m),
				  .port = ntohs(m->id.idiag_sport),
				  .proto = s->proto,
				  .uid = m->idiag_uid,
				  .inode = m->idiag_inode};
	v6only = nlmsg_find_attr(nsn_msg_mutable(msg), sizeof(*m), INET_DIAG_SKV6ONLY);
	l.both = l.ip.family == AF_INET6 && is_wild(&l.ip) &&
		 !(v6only && nla_len(v6only) > 0 && nla_get_u8(v6only));
	if (s->all)
		return more(s, &l, err);
	if (!in_the_way(&l, s->ip) || (s->found && nsn_ip_cmp(&l.ip, s->ip) != 0))
		return 0;
	*s->ret = l;
	s->found = true;
	return 0;
}

static void forget(void *arg)
{
	struct search *s = arg;

	s->found = false;
	s->n = s->kept;
}

/* A UDP socket that is bound and not connected is in the state of a closed TCP socket. */
static int dump(struct nsn_nl *nl, struct search *s, uint8_t family, struct nsnet_err *err)
{
	const struct inet_diag_req_v2 req = {
		.sdiag_family = family,
		.sdiag_protocol = s->proto,
		.idiag_states = UINT32_C(1) << (s->proto == IPPROTO_UDP ? TCP_CLOSE : TCP_LISTEN),
	};
	NSN_AUTO(nlmsg_freep)
	struct nl_msg *msg = nsn_msg_new(SOCK_DIAG_BY_FAMILY, 0, &req, sizeof(req));
	const struct nsn_nl_sink sink = {.each = each_socket, .restart = forget, .arg = s};
	struct nsnet_err why = {0};
	int r;

	if (!msg)
		return nsn_err_nomem(err);
	r = nsn_nl_dump(nl, nlmsg_hdr(msg), &sink, &why);
	/* A kernel that has no SCTP, or never had a socket of it. */
	if (r == -ENOENT && s->proto == IPPROTO_SCTP)
		return 0;
	if (r < 0 && err)
		*err = why;
	return r < 0 ? nsn_err_wrap(err, r, "list sockets that listen") : 0;
}

/* ---- who ---------------------------------------------------------------------------------- */

/* Descriptors that are looked at, of all processes together: some 0.1 s. */
#define MOST_FDS 200000

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static DIR *open_folder(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		(void)close(fd);
	return d;
}

/* Whether the process has a descriptor with that text; counts what it looks at. */
static bool has_open(int proc, const char *pid, const char *what, size_t *left)
{
	char path[32], text[64];
	NSN_AUTO(closedirp) DIR *d = NULL;
	const struct dirent *e;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%.16s/fd", pid);
	d = open_folder(proc, path);
	while (d && *left > 0 && (e = readdir(d)) != NULL) {
		(*left)--;
		n = readlinkat(dirfd(d), e->d_name, text, sizeof(text) - 1);
		if (n < 0)
			continue;
		text[n] = '\0';
		if (strcmp(text, what) == 0)
			return true;
	}
	return false;
}

/* Nothing of it is needed: who cannot be found has no name. */
static void find_owner(struct nsn_listener *l)
{
	NSN_AUTO(closedirp) DIR *proc = open_folder(AT_FDCWD, "/proc");
	size_t left = MOST_FDS;
	char what[40], path[32];
	const struct dirent *e;
	uint64_t pid;

	(void)snprintf(what, sizeof(what), "socket:[%" PRIu64 "]", l->inode);
	while (proc && l->inode && left > 0 && (e = readdir(proc)) != NULL) {
		if (nsn_u64_parse(&pid, e->d_name, INT32_MAX) < 0 ||
		    !has_open(dirfd(proc), e->d_name, what, &left))
			continue;
		(void)snprintf(path, sizeof(path), "%" PRIu64 "/comm", pid);
		if (nsn_file_read(dirfd(proc), path, l->comm, sizeof(l->comm)) < 0)
			l->comm[0] = '\0';
		l->pid = (pid_t)pid;
		return;
	}
}

int nsn_listen_find(struct nsn_nl *nl, const struct nsn_ip *ip, uint8_t proto, uint16_t port,
		    struct nsn_listener *ret, struct nsnet_err *err)
{
	struct search s = {.ip = ip, .proto = proto, .port = port, .ret = ret};
	int r = 0;

	/* A socket of IPv6 can have what is said of IPv4, and none of IPv4 what is of IPv6. */
	if (ip->family != AF_INET6)
		r = dump(nl, &s, AF_INET, err);
	if (r == 0 && !(s.found && ip->family && nsn_ip_cmp(&ret->ip, ip) == 0))
		r = dump(nl, &s, AF_INET6, err);
	if (r < 0 || !s.found)
		return r;
	find_owner(ret);
	return 1;
}

/* ---- all ---------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	const struct nsn_listener *x = a, *y = b;

	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return nsn_ip_cmp(&x->ip, &y->ip);
}

static void name_them(struct search *s, int proc, const char *pid, size_t *left)
{
	char path[32], text[64];
	NSN_AUTO(closedirp) DIR *d = NULL;
	const struct dirent *e;
	uint64_t inode, number;

	(void)snprintf(path, sizeof(path), "%.16s/fd", pid);
	d = open_folder(proc, path);
	while (d && *left > 0 && (e = readdir(d)) != NULL) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, text, sizeof(text) - 1);

		(*left)--;
		if (n < 10 || strncmp(text, "socket:[", 8) != 0)
			continue;
		text[n - 1] = '\0';
		if (nsn_u64_parse(&inode, text + 8, UINT64_MAX) < 0 ||
		    nsn_u64_parse(&number, pid, INT32_MAX) < 0)
			continue;
		for (size_t i = 0; i < s->n; i++) {
			if (s->list[i].inode != inode || s->list[i].pid)
				continue;
			s->list[i].pid = (pid_t)number;
			(void)snprintf(path, sizeof(path), "%.16s/comm", pid);
			if (nsn_file_read(proc, path, s->list[i].comm, sizeof(s->list[i].comm)) < 0)
				s->list[i].comm[0] = '\0';
		}
	}
}

static void find_owners(struct search *s)
{
	NSN_AUTO(closedirp) DIR *proc = open_folder(AT_FDCWD, "/proc");
	size_t left = MOST_FDS;
	const struct dirent *e;
	uint64_t pid;

	while (proc && s->n > 0 && left > 0 && (e = readdir(proc)) != NULL)
		if (nsn_u64_parse(&pid, e->d_name, INT32_MAX) == 0)
			name_them(s, dirfd(proc), e->d_name, &left);
}

int nsn_listen_all(struct nsn_nl *nl, struct nsn_listener **ret, size_t *n, struct nsnet_err *err)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct search s = {.all = true};
	int r = 0;

	for (size_t i = 0; r == 0 && i < 2 * NSN_COUNT(protos); i++) {
		s.proto = protos[i / 2];
		s.kept = s.n;
		r = dump(nl, &s, families[i % 2], err);
	}
	if (r < 0) {
		free(s.list);
		return r;
	}
	if (s.n > 1)
		qsort(s.list, s.n, sizeof(*s.list), by_place);
	find_owners(&s);
	*ret = s.list;
	*n = s.n;
	return 0;
}

const char *nsn_listener_str(const struct nsn_listener *l, char buf[NSN_LISTENER_STRLEN])
{
	const bool six = l->ip.family == AF_INET6;
	char comm[4 * NSN_COMM_SIZE], who[sizeof(comm) + 24], ip[NSN_IP_STRLEN];

	if (l->pid)
		(void)snprintf(who, sizeof(who), "%s (pid %d)",
			       nsn_text_show(l->comm, comm, sizeof(comm)), (int)l->pid);
	else
		(void)snprintf(who, sizeof(who), "a socket of user %" PRIu32, l->uid);
	(void)snprintf(buf, NSN_LISTENER_STRLEN, "%s listens on %s%s%s:%u", who, six ? "[" : "",
		       nsn_ip_str(&l->ip, ip), six ? "]" : "", l->port);
	return buf;
}
