// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets that hear what ends with the run's trailer, and nothing else. */
#include "parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/cleanup.h"

enum {
	ROOM = 64 << 20, /* of what waits to be read; a batch is far less */
	MANY = 64,	 /* messages at a time */
	EVENTS = 256,
};

static uint32_t word(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return ntohl(v);
}

/* Looks at the end, so that it does not matter what is in front, nor what was translated. */
static int listen_for(int fd, const struct nsn_wire_key *k)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, NSN_WIRE_TRAILER),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word(k->magic), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word(k->magic + 4), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = {.len = NSN_COUNT(code), .filter = code};
	const int room = ROOM, on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)) < 0)
		return -errno;
	/* Without the right to it the limit of the system stays: what is lost is counted. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	return 0;
}

int nsn_ear_packet(const struct nsn_wire_key *k, int ifindex, bool bypass)
{
	const struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = ifindex};
	/* Protocol 0: it hears nothing before it has its filter. */
	NSN_AUTO(nsn_closep) int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;
	int r;

	if (fd < 0)
		return -errno;
	r = listen_for(fd, k);
	if (r < 0)
		return r;
	/* A queue that the tenant has put before its link must not hold it back. */
	if (bypass && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	return NSN_TAKE_FD(fd);
}

int nsn_ear_raw(const struct nsn_wire_key *k, uint8_t family, uint8_t proto)
{
	NSN_AUTO(nsn_closep)
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, proto);
	int r;

	if (fd < 0)
		return -errno;
	r = listen_for(fd, k);
	return r < 0 ? r : NSN_TAKE_FD(fd);
}

uint32_t nsn_ear_drops(int fd)
{
	uint32_t mem[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(mem);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len) < 0 ||
	    len <= SK_MEMINFO_DROPS * sizeof(mem[0]))
		return UINT32_MAX; /* it cannot be known: never the same twice */
	return mem[SK_MEMINFO_DROPS];
}

int nsn_ear_keep(struct nsn_wire *w, const struct nsn_ear *ear, size_t *index,
		 struct nsnet_err *err)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = w->n_ears};

	if (w->n_ears == w->room) {
		const size_t room = w->room ? w->room * 2 : 64;
		void *p = reallocarray(w->ears, room, sizeof(*w->ears));

		if (!p)
			return nsn_err_nomem(err);
		w->ears = p;
		w->room = room;
	}
	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, ear->fd, &e) < 0)
		return nsn_err_sys(err, -errno, "listen to a socket");
	w->ears[w->n_ears] = *ear;
	if (index)
		*index = w->n_ears;
	w->n_ears++;
	return 0;
}

/* ---- reading --------------------------------------------------------------------------- */

struct box {
	struct mmsghdr msgs[MANY];
	struct iovec iov[MANY];
	struct sockaddr_ll from[MANY];
};

static void box_ready(struct box *b, uint8_t *inbox)
{
	int i;

	for (i = 0; i < MANY; i++) {
		b->iov[i] = (struct iovec){inbox + (size_t)i * NSN_WIRE_LONGEST, NSN_WIRE_LONGEST};
		b->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &b->from[i],
			.msg_namelen = sizeof(b->from[i]),
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1,
		};
	}
}

static int read_ear(struct nsn_wire *w, const struct nsn_ear *ear, struct box *b,
		    nsn_wire_hear *hear, void *arg)
{
	struct nsn_heard h = {.ear = ear};
	int n, i, all = 0;

	do {
		box_ready(b, w->inbox);
		n = recvmmsg(ear->fd, b->msgs, MANY, MSG_DONTWAIT, NULL);
		for (i = 0; i < n; i++) {
			h.data = b->iov[i].iov_base;
			h.len = b->msgs[i].msg_len;
			h.out = ear->role != NSN_EAR_RAW &&
				b->from[i].sll_pkttype == PACKET_OUTGOING;
			if (nsn_wire_stamped(&w->key, h.data, h.len, &h.number))
				hear(arg, &h);
		}
		all += n > 0 ? n : 0;
	} while (n == MANY);
	return all;
}

int nsn_wire_listen(struct nsn_wire *w, nsn_wire_hear *hear, void *arg)
{
	struct epoll_event events[EVENTS];
	struct box b;
	int n, i, got, all = 0;

	do {
		got = 0;
		n = epoll_wait(w->epoll, events, EVENTS, 0);
		for (i = 0; i < n; i++)
			got += read_ear(w, &w->ears[events[i].data.u64], &b, hear, arg);
		all += got;
	} while (got > 0);
	return all;
}
