/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_NETNS_H
#define NSN_KERNEL_NETNS_H

/*
 * netns - network namespaces: make, find, hold, pin
 *
 * A handle is a descriptor and sockets opened inside, so that almost nothing
 * needs setns() later; only /proc/sys/net shows the settings of the namespace
 * the *reading thread* is in.
 *
 * A namespace lives as long as something holds it: a process inside, a handle,
 * or a pin. It is made without a name and pinned when all in it stands, so
 * whoever dies before leaves nothing behind.
 */
#include <stdbool.h>
#include <stdint.h>

#include "../base/err.h"

struct nsn_nl;

/* The namespace to come back to: the one the thread was in when it was opened. */
struct nsn_home {
	int fd;	   /* -1: not open */
	bool away; /* the thread is elsewhere */
	uint64_t cookie;
	int proc; /* see nsn_home_proc() */
	unsigned int proc_uses;
};

int nsn_home_open(struct nsn_home *home, struct nsnet_err *err);
void nsn_home_close(struct nsn_home *home);
/* -EIO with STRANDED when it fails: the thread must not go on. */
int nsn_home_return(struct nsn_home *home, struct nsnet_err *err);
/*
 * A procfs that nobody else has (kernel 5.8; before, and where it is not allowed, the
 * descriptor of /proc), borrowed until the next call; -1: neither.
 *
 * The names below /proc/sys/net that anybody has ever looked up are in one chain of the
 * kernel's table of names, those of all namespaces, as their parent is the same, and
 * proc_sys_compare() tells them apart one by one: with 300 tenants each look takes 0.1
 * to 0.4 ms. In a procfs of our own there are our own names only, 8 us; making it takes
 * 15 us. It is made anew after some namespaces, as the chain grows here, too.
 */
int nsn_home_proc(struct nsn_home *home);

struct nsn_netns;

/*
 * A new, empty namespace that nothing but the handle holds. @rules: there will be rules
 * in it, so it gets a socket for them, which most have no need of.
 */
int nsn_netns_create(struct nsn_netns **ret, struct nsn_home *home, bool rules,
		     struct nsnet_err *err);

/*
 * Takes over @fd, a namespace's descriptor, in any case.
 */
int nsn_netns_open(struct nsn_netns **ret, struct nsn_home *home, int fd, bool rules,
		   struct nsnet_err *err);
void nsn_netns_close(struct nsn_netns *ns); /* NULL is fine */

int nsn_netns_fd(const struct nsn_netns *ns);
struct nsn_nl *nsn_netns_route(const struct nsn_netns *ns);
struct nsn_nl *nsn_netns_nft(const struct nsn_netns *ns); /* NULL without rules */
/* SO_NETNS_COOKIE (kernel 5.14): never given twice in one boot. */
/*
 * The cookie of the network namespace behind @fd alone, without opening it for more.
 * Linux 6.18 has an ioctl for it; else the thread goes there and back.
 */
int nsn_netns_peek(struct nsn_home *home, int fd, uint64_t *cookie, struct nsnet_err *err);
uint64_t nsn_netns_cookie(const struct nsn_netns *ns);
/* Moves the thread inside until nsn_home_return(). */
int nsn_netns_go(const struct nsn_netns *ns, struct nsn_home *home, struct nsnet_err *err);
/* The number under which @ns knows @other, as in IFLA_LINK_NETNSID; -1: none. */
int nsn_netns_nsid(const struct nsn_netns *ns, const struct nsn_netns *other, int32_t *ret,
		   struct nsnet_err *err);

/* ---- pins -------------------------------------------------------------------- */

enum nsn_pin_kind {
	NSN_PIN_NONE,	/* nothing there */
	NSN_PIN_NETNS,	/* a network namespace; @fd is open */
	NSN_PIN_EMPTY,	/* a plain file of root's, empty: what a crash between open and mount leaves
			 */
	NSN_PIN_FOREIGN /* anything else */
};

/* What is at @path. *@fd is the caller's to close (or -1). Never follows a link. */
int nsn_pin_look(const char *path, enum nsn_pin_kind *kind, int *fd, struct nsnet_err *err);

/*
 * Makes a folder for pins and a mount of it that propagates: what is mounted
 * there is seen in, and above all unmounted from, the mount namespaces made
 * later. (On a private mount a copy in any of those would keep a deleted
 * namespace alive.) Twice is once.
 */
int nsn_pin_folder(const char *path, unsigned int mode, struct nsnet_err *err);

/* Binds the namespace to @path; -EEXIST when something is there that is not NSN_PIN_EMPTY. */
int nsn_pin_make(const struct nsn_netns *ns, const char *path, struct nsnet_err *err);
/* Unmounts and unlinks; what is not there is gone already. */
int nsn_pin_drop(const char *path, struct nsnet_err *err);

#endif
