/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LAB_H
#define TESTS_LAB_H

/*
 * lab - nsnet under test in a world: calls that must succeed, and other
 * programs as witnesses of what they did
 *
 * Each call also looks whether it left a descriptor open.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../lib/nsnet.h"

#define LAB_STATE   "/var/lib/nsnet"
#define LAB_RUN	    "/run/nsnet"
#define LAB_GW	    LAB_RUN "/gw"
#define LAB_PIN_DIR "/run/netns"

/* Fails the test with the words of the error. */
#define LAB_OK(call) lab_ok((call), &(struct nsnet_err){0}, #call, __FILE__, __LINE__)
void lab_ok(int r, const struct nsnet_err *err, const char *what, const char *file, int line);

struct nsnet *lab_open(void); /* the default folders */
struct nsnet *lab_open_at(const char *state_dir, const char *run_dir);

/* They fail the test unless the outcome is this one. */
void lab_add(struct nsnet *n, const char *name, const char *subnet, enum nsnet_outcome outcome);
void lab_del(struct nsnet *n, const char *name);
void lab_repair(struct nsnet *n, const char *name, enum nsnet_outcome outcome);
void lab_state(struct nsnet *n, const char *name, enum nsnet_state state);
size_t lab_count(struct nsnet *n); /* tenants in the store */

/* The call must fail, with this errno and this reason; @err says why it did. */
void lab_add_fails(struct nsnet *n, const char *name, const char *subnet, unsigned int flags, int r,
		   enum nsnet_code id, struct nsnet_err *err);

/* Output of `sh -c` without its last newline; status must be 0. The caller frees it. */
char *lab_sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Its status, 0 to 255. */
int lab_sh_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Whether @text has @part in it. */
#define LAB_HAS(text, part) lab_has((text), (part), __FILE__, __LINE__)
void lab_has(const char *text, const char *part, const char *file, int line);

/* The path of a tenant's gateway, in one of a few static buffers. */
const char *lab_gateway(struct nsnet *n, const char *name);
/* Is an echo request from inside @netns, a path, answered within some seconds? */
bool lab_ping(const char *netns, const char *to);
/* Everything of this world that nsnet could have touched, as text: files, mounts, links, rules. */
char *lab_snapshot(void);
/* The rows of a store; without the counters that only say which numbers were used. */
char *lab_rows(const char *state_dir);
/* Fails unless there is nothing of any tenant in kernel, files and store. */
void lab_nothing_left(struct nsnet *n);

bool lab_is_netns(const char *path);
/* Inode number of the network namespace; 0 when it is none. */
ino_t lab_netns_inode(const char *path);
int lab_fds(void); /* open descriptors of this process */
/* What each of them is, on stderr: for who found one too many. */
void lab_fds_tell(void);

/* A child that sits inside a network namespace until lab_leave(). */
pid_t lab_sit(const char *netns);
/* One in a mount namespace of its own, where mounts are as `unshare` leaves them, or private. */
pid_t lab_sit_unshared(bool private_mounts);
void lab_leave(pid_t pid);

/* Whether the network namespace with this inode is gone from everywhere in /proc. */
bool lab_netns_gone(ino_t inode);

#endif
