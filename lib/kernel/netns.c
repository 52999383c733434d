/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>

#include "../base/cleanup.h"
#include "../nl/msg.h"
#include "../nl/nl.h"

#define OWN_NETNS "/proc/thread-self/ns/net"
/* How many namespaces are looked into through one procfs. */
#define PROC_USES 12

struct nsn_netns {
	int fd;
	struct nsn_nl *route, *nft;
	uint64_t cookie;
};

NSN_CLEANUP(struct nsn_netns, nsn_netns_close)

static int own_cookie(uint64_t *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int sk = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*ret);

	if (sk < 0 || getsockopt(sk, SOL_SOCKET, SO_NETNS_COOKIE, ret, &len) < 0)
		return nsn_err_sys(err, -errno, "cookie of the network namespace");
	return 0;
}

static int own_proc(void)
{
	NSN_AUTO(nsn_closep) int fs = fsopen("proc", FSOPEN_CLOEXEC);

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return fsmount(fs, FSMOUNT_CLOEXEC,
		       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

/* The old one goes when there is another: a fresh one is only faster, and may not be had. */
static void open_proc(struct nsn_home *home)
{
	int fresh = own_proc();

	home->proc_uses = 0;
	if (fresh < 0)
		fresh = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fresh < 0)
		return;
	nsn_closep(&home->proc);
	home->proc = fresh;
}

int nsn_home_open(struct nsn_home *home, struct nsnet_err *err)
{
	int r;

	*home = (struct nsn_home){.proc = -1};
	home->fd = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	if (home->fd < 0)
		return nsn_err_sys(err, -errno, "open %s", OWN_NETNS);
	r = own_cookie(&home->cookie, err);
	if (r < 0)
		nsn_home_close(home);
	/* Now, and not with the first use: who counts descriptors finds as many after as before. */
	if (r == 0)
		open_proc(home);
	return r;
}

void nsn_home_close(struct nsn_home *home)
{
	/* Never opened: the rest says nothing. */
	if (home->fd < 0)
		return;
	nsn_closep(&home->fd);
	nsn_closep(&home->proc);
	home->fd = home->proc = -1;
}

int nsn_home_proc(struct nsn_home *home)
{
	if (home->proc < 0 || home->proc_uses++ >= PROC_USES)
		open_proc(home);
	return home->proc;
}

int nsn_home_return(struct nsn_home *home, struct nsnet_err *err)
{
	if (!home->away)
		return 0;
	if (setns(home->fd, CLONE_NEWNET) < 0)
		return nsn_err(err, -EIO, NSNET_E_STRANDED,
			       "cannot return to the host's network namespace: %s",
			       strerror(errno));
	home->away = false;
	return 0;
}

/* Sockets belong to the namespace they are opened in: this thread must be inside. */
static int open_inside(struct nsn_netns *ns, bool rules, struct nsnet_err *err)
{
	int r;

	r = own_cookie(&ns->cookie, err);
	if (r == 0)
		r = nsn_nl_open(&ns->route, NETLINK_ROUTE, err);
	if (r == 0 && rules)
		r = nsn_nl_open(&ns->nft, NETLINK_NETFILTER, err);
	return r;
}

static int alloc_netns(struct nsn_netns **ret, struct nsnet_err *err)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return nsn_err_nomem(err);
	(*ret)->fd = -1;
	return 0;
}

/* Being stranded is the worse error of the two. */
static int come_back(struct nsn_home *home, int r, struct nsnet_err *err)
{
	int back = nsn_home_return(home, err);

	return back < 0 ? back : r;
}

int nsn_netns_create(struct nsn_netns **ret, struct nsn_home *home, bool rules,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsn_netns_closep) struct nsn_netns *ns = NULL;
	int r;

	r = alloc_netns(&ns, err);
	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNET) < 0) {
		r = nsn_err_sys(err, -errno, "new network namespace");
		if (r == -ENOSPC)
			(void)nsn_err_hint(err, r, "sysctl user.max_net_namespaces is the limit");
		return r;
	}
	home->away = true;
	ns->fd = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	r = ns->fd < 0 ? nsn_err_sys(err, -errno, "open %s", OWN_NETNS)
		       : open_inside(ns, rules, err);
	r = come_back(home, r, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(ns);
	return 0;
}

int nsn_netns_open(struct nsn_netns **ret, struct nsn_home *home, int fd, bool rules,
		   struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int own = fd;
	NSN_AUTO(nsn_netns_closep) struct nsn_netns *ns = NULL;
	int r;

	r = alloc_netns(&ns, err);
	if (r < 0)
		return r;
	ns->fd = NSN_TAKE_FD(own);
	r = nsn_netns_go(ns, home, err);
	if (r < 0)
		return r;
	r = come_back(home, open_inside(ns, rules, err), err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(ns);
	return 0;
}

void nsn_netns_close(struct nsn_netns *ns)
{
	if (!ns)
		return;
	nsn_nl_close(ns->route);
	nsn_nl_close(ns->nft);
	nsn_closep(&ns->fd);
	free(ns);
}

int nsn_netns_fd(const struct nsn_netns *ns)
{
	return ns->fd;
}

struct nsn_nl *nsn_netns_route(const struct nsn_netns *ns)
{
	return ns->route;
}

struct nsn_nl *nsn_netns_nft(const struct nsn_netns *ns)
{
	return ns->nft;
}

/* In no header of ours yet: 6.18. Nothing promises that it is the cookie, so home is asked, too. */
#define GET_ID _IOR(NSIO, 13, uint64_t)

static bool id_is_cookie(const struct nsn_home *home)
{
	uint64_t id;

	return ioctl(home->fd, GET_ID, &id) == 0 && id == home->cookie;
}

int nsn_netns_peek(struct nsn_home *home, int fd, uint64_t *cookie, struct nsnet_err *err)
{
	const struct nsn_netns ns = {.fd = fd};
	int r;

	if (id_is_cookie(home) && ioctl(fd, GET_ID, cookie) == 0)
		return 0;
	r = nsn_netns_go(&ns, home, err);
	return r < 0 ? r : come_back(home, own_cookie(cookie, err), err);
}

uint64_t nsn_netns_cookie(const struct nsn_netns *ns)
{
	return ns->cookie;
}

int nsn_netns_go(const struct nsn_netns *ns, struct nsn_home *home, struct nsnet_err *err)
{
	if (setns(ns->fd, CLONE_NEWNET) < 0)
		return nsn_err_sys(err, -errno, "enter network namespace");
	home->away = true;
	return 0;
}

static int take_nsid(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	int32_t *ret = arg;
	struct nlattr *a;

	(void)err;
	if (msg->nlmsg_type != RTM_NEWNSID)
		return 0;
	a = nlmsg_find_attr(nsn_msg_mutable(msg), sizeof(struct rtgenmsg), NETNSA_NSID);
	if (a)
		*ret = nla_get_s32(a);
	return 0;
}

int nsn_netns_nsid(const struct nsn_netns *ns, const struct nsn_netns *other, int32_t *ret,
		   struct nsnet_err *err)
{
	const struct rtgenmsg gen = {.rtgen_family = AF_UNSPEC};
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = nsn_msg_new(RTM_GETNSID, 0, &gen, sizeof(gen));
	int32_t id = NETNSA_NSID_NOT_ASSIGNED;
	const struct nsn_nl_sink sink = {.each = take_nsid, .arg = &id};
	int r;

	if (!msg || nla_put_u32(msg, NETNSA_FD, (uint32_t)other->fd) < 0)
		return nsn_err_nomem(err);
	r = nsn_nl_get(ns->route, nlmsg_hdr(msg), &sink, err);
	if (r < 0)
		return nsn_err_wrap(err, r, "namespace number");
	*ret = id;
	return 0;
}

/* ---- pins -------------------------------------------------------------------- */

static enum nsn_pin_kind pin_kind(int fd, const struct stat *st)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) == 0 && fs.f_type == NSFS_MAGIC)
		return ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET ? NSN_PIN_NETNS : NSN_PIN_FOREIGN;
	if (S_ISREG(st->st_mode) && st->st_size == 0 && st->st_uid == 0 && st->st_nlink == 1)
		return NSN_PIN_EMPTY;
	return NSN_PIN_FOREIGN;
}

int nsn_pin_look(const char *path, enum nsn_pin_kind *kind, int *fd, struct nsnet_err *err)
{
	/* O_NONBLOCK: a fifo planted here must not hold us up. */
	NSN_AUTO(nsn_closep)
	int f = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	*fd = -1;
	if (f < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		*kind = NSN_PIN_NONE;
		return 0;
	}
	if (f < 0 && (errno == ELOOP || errno == ENXIO)) {
		*kind = NSN_PIN_FOREIGN;
		return 0;
	}
	if (f < 0 || fstat(f, &st) < 0)
		return nsn_err_sys(err, -errno, "look at '%s'", path);
	*kind = pin_kind(f, &st);
	if (*kind == NSN_PIN_NETNS)
		*fd = NSN_TAKE_FD(f);
	return 0;
}

int nsn_pin_folder(const char *path, unsigned int mode, struct nsnet_err *err)
{
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return nsn_err_sys(err, -errno, "make folder '%s'", path);
	if (mount("", path, "none", MS_SHARED | MS_REC, NULL) == 0)
		return 0;
	if (errno != EINVAL)
		return nsn_err_sys(err, -errno, "share mounts in '%s'", path);
	/* Not a mount yet: propagation is a property of mounts. */
	if (mount(path, path, "none", MS_BIND | MS_REC, NULL) < 0 ||
	    mount("", path, "none", MS_SHARED | MS_REC, NULL) < 0)
		return nsn_err_sys(err, -errno, "share mounts in '%s'", path);
	return 0;
}

int nsn_pin_make(const struct nsn_netns *ns, const char *path, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int other = -1;
	enum nsn_pin_kind kind;
	char source[64];
	int fd, r;

	fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0 && errno != EEXIST)
		return nsn_err_sys(err, -errno, "make '%s'", path);
	if (fd < 0) {
		r = nsn_pin_look(path, &kind, &other, err);
		if (r < 0)
			return r;
		if (kind != NSN_PIN_EMPTY)
			return nsn_err(err, -EEXIST, NSNET_E_PIN_FOREIGN, "'%s' exists", path);
	}
	nsn_closep(&fd);
	(void)snprintf(source, sizeof(source), "/proc/self/fd/%d", ns->fd);
	if (mount(source, path, "none", MS_BIND, NULL) == 0)
		return 0;
	r = nsn_err_sys(err, -errno, "pin network namespace at '%s'", path);
	(void)unlink(path);
	return r;
}

int nsn_pin_drop(const char *path, struct nsnet_err *err)
{
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
		return nsn_err_sys(err, -errno, "unmount '%s'", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return nsn_err_sys(err, -errno, "remove '%s'", path);
	return 0;
}
