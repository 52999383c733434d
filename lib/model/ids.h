/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_MODEL_IDS_H
#define NSN_MODEL_IDS_H

/*
 * ids - user and group numbers of tenants
 *
 * Each tenant whose workloads were ever run has a range of its own: 65,536 numbers of the
 * host that stand for the numbers 0 to 65535 inside. The same ranges are used for users and
 * for groups.
 *
 * Where they come from: systemd's UIDS-GIDS document leaves 65536-524287 and
 * 1879048192-2147352575 (0x70000000-0x7ffdffff) to nobody. In between live its own containers
 * (524288-1879048191, chosen by hash, by others too) and what login.defs gives to /etc/subuid
 * (100000-600100000), above are the foreign range, and numbers that are negative for programs
 * that think them signed. The first of the two is inside of what useradd hands out, so ours
 * is the second: 4,094 ranges. They are given out from the lowest on and never twice: a file
 * may have its number for longer than anybody remembers.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"

#define NSN_IDS_RANGE 65536u
#define NSN_IDS_FIRST 0x70000000u /* of the zone */
#define NSN_IDS_LAST  0x7ffdffffu

/* A piece of a map, as the kernel writes them: @count numbers from @inside on are those from
 * @outside on. At most 340 make a map (kernel 4.15). */
struct nsn_extent {
	uint32_t inside, outside, count;
};

/* Numbers of the host that are taken, and by whom, for messages. */
struct nsn_taken {
	uint32_t first, last;
	char by[64]; /* "/etc/subuid: alice", "the map of process 812" */
};
/* Start as { 0 }. */
struct nsn_taken_list {
	struct nsn_taken *list;
	size_t n;
};
void nsn_taken_clear(struct nsn_taken_list *l);

/* What it says, line by line; what is not understood is skipped. "alice:100000:65536" */
int nsn_taken_subid(struct nsn_taken_list *l, const char *file, const char *text,
		    struct nsnet_err *err);
/* /etc/passwd, /etc/group: the third field. */
int nsn_taken_passwd(struct nsn_taken_list *l, const char *file, const char *text,
		     struct nsnet_err *err);
/*
 * /proc/PID/uid_map as it looks to the initial user namespace. The map of all numbers is none,
 * in one piece or, as systemd's PrivateUsers=full has it, in two.
 */
int nsn_taken_map(struct nsn_taken_list *l, const char *by, const char *text,
		  struct nsnet_err *err);
/* /proc/PID/status: its users and groups, those of the file system and the supplementary ones too.
 */
int nsn_taken_status(struct nsn_taken_list *l, const char *by, const char *text,
		     struct nsnet_err *err);
/* The first that has any of @count numbers from @first on, or NULL. */
const struct nsn_taken *nsn_taken_find(const struct nsn_taken_list *l, uint32_t first,
				       uint32_t count);

/*
 * The next range for a tenant: the lowest above @last (the highest that was ever given out;
 * 0: none) that touches nothing that is taken. -ENOSPC (ID_SPACE)
 */
int nsn_ids_next(uint32_t last, const struct nsn_taken_list *taken, uint32_t *ret,
		 struct nsnet_err *err);

/* Up to three pieces: the range with one number of it replaced. */
struct nsn_ids {
	uint32_t base;
	struct nsn_extent map[3];
	size_t n;
};
/* All of the range. */
void nsn_ids_range(uint32_t base, struct nsn_ids *ret);
/*
 * "1000:10000": the number 1000 inside is 10000 on the host. -EINVAL (BAD_ID_MAP): not two
 * numbers; inside above 65535; the host's is 0, 65534, one of those a host hands out itself
 * (0-999, systemd's 60001-65535), in the zone of tenants' ranges or above it, or in @taken;
 * another number was replaced already.
 */
int nsn_ids_replace(struct nsn_ids *ids, const char *text, const struct nsn_taken_list *taken,
		    struct nsnet_err *err);
/* The host's number for one inside, or -ENOENT. */
int nsn_ids_outside(const struct nsn_ids *ids, uint32_t inside, uint32_t *ret);

#endif
