/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "canary_acts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/mqueue.h>

#include "base/cleanup.h"

/* The loopback answers at once; a rule that drops there does not. */
#define CONNECT_MS 200

#define OPEN_TO_ALL 0666 /* so that it is the namespace that hides it, and nothing else */

/* ---- sockets ----------------------------------------------------------------------------- */

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

int nsn_tcp_listen(uint16_t *port)
{
	NSN_AUTO(nsn_closep)
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof(a);

	*port = 0;
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 4) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return -errno;
	*port = ntohs(a.sin_port);
	return NSN_TAKE_FD(fd);
}

int nsn_tcp_connect(uint16_t port)
{
	NSN_AUTO(nsn_closep)
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in a = loopback(port);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int code = 0;
	socklen_t len = sizeof(code);

	if (port == 0)
		return EADDRNOTAVAIL;
	if (fd < 0)
		return errno;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll(&p, 1, CONNECT_MS) <= 0)
		return ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0 ? errno : code;
}

static struct sockaddr_un abstract(const char *token, const char *side, socklen_t *len)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const int n = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "%s-%s", token, side);

	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	return a;
}

int nsn_abstract_listen(const char *token, const char *side)
{
	NSN_AUTO(nsn_closep)
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t len;
	const struct sockaddr_un a = abstract(token, side, &len);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, len) < 0 || listen(fd, 4) < 0)
		return -errno;
	return NSN_TAKE_FD(fd);
}

int nsn_abstract_connect(const char *token, const char *side)
{
	NSN_AUTO(nsn_closep)
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t len;
	const struct sockaddr_un a = abstract(token, side, &len);

	if (fd < 0)
		return errno;
	return connect(fd, (const struct sockaddr *)&a, len) < 0 ? errno : 0;
}

bool nsn_accepted(int listener)
{
	NSN_AUTO(nsn_closep) int fd = -1;

	if (listener >= 0)
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return fd >= 0;
}

static int64_t now_ms(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

bool nsn_readable_within(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	const int64_t end = now_ms() + ms;
	int64_t left = ms;
	int r;

	while ((r = poll(&p, 1, (int)left)) < 0 && errno == EINTR) {
		left = end - now_ms();
		if (left < 0)
			return false;
	}
	return r > 0;
}

/* ---- System V shared memory, POSIX message queues ----------------------------------------- */

int nsn_shm_make(int key)
{
	return shmget(key, 1, IPC_CREAT | IPC_EXCL | OPEN_TO_ALL) < 0 ? errno : 0;
}

int nsn_shm_find(int key)
{
	return shmget(key, 0, 0) < 0 ? errno : 0;
}

void nsn_shm_remove(int key)
{
	const int id = shmget(key, 0, 0);
	struct shmid_ds what;

	/* Any number may be the key of somebody else's; nobody but us has so little of it. */
	if (id >= 0 && shmctl(id, IPC_STAT, &what) == 0 && what.shm_segsz == 1)
		(void)shmctl(id, IPC_RMID, NULL);
}

/* By system call: what a queue is called begins with a '/' only for libraries. */
static const char *queue(const char *token, const char *side, char buf[40])
{
	(void)snprintf(buf, 40, "%s-%s", token, side);
	return buf;
}

static int mq_open(const char *name, int flags, struct mq_attr *attr)
{
	const int q =
		(int)syscall(SYS_mq_open, name, flags | O_RDONLY | O_CLOEXEC, OPEN_TO_ALL, attr);

	if (q < 0)
		return errno;
	(void)close(q);
	return 0;
}

int nsn_mq_make(const char *token, const char *side)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 1};
	char name[40];

	return mq_open(queue(token, side, name), O_CREAT | O_EXCL, &attr);
}

int nsn_mq_find(const char *token, const char *side)
{
	char name[40];

	return mq_open(queue(token, side, name), 0, NULL);
}

void nsn_mq_remove(const char *token, const char *side)
{
	char name[40];

	(void)syscall(SYS_mq_unlink, queue(token, side, name));
}
