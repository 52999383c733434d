/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_VIEW_PARTS_H
#define NSN_SPAWN_VIEW_PARTS_H

/*
 * view_parts - what the files that make a view share
 *
 * One file system of memory has what is not of the host, in two folders:
 *
 *   fixed    what nobody changes: /etc, /dev, /sys; in the default view it is the root itself.
 *            Each mount of it is read-only.
 *   scratch  /tmp, /run, /var, the home, /dev/shm.
 *
 * It is never mounted as a whole where a workload sees it, only pieces of it: no path leads from
 * one to another, and no hard link (they are different mounts). One limit holds for all of it.
 *
 * open() says what is in them (struct nsn_items, nsn_binds); build() does it, without allocating.
 */
#include <errno.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "../base/text.h"
#include "view.h"

#define NSN_SMALL_FILE (32 * 1024)

/* ---- what is in a file system of memory ------------------------------------------------- */

enum nsn_item_kind {
	NSN_ITEM_FOLDER,
	NSN_ITEM_FILE,
	NSN_ITEM_LINK,
	NSN_ITEM_DEVICE,
};

struct nsn_item {
	enum nsn_item_kind kind;
	bool users; /* it belongs to the workload's user, not to root inside */
	mode_t mode;
	const char *path; /* without a leading slash */
	const char *data; /* FILE: content; LINK: where it leads */
	size_t len;
	dev_t dev; /* DEVICE */
};

/* Parents come before what is in them. */
struct nsn_items {
	struct nsn_item *list;
	size_t n, room;
};

int nsn_item_folder(struct nsn_view *v, struct nsn_items *items, const char *path, mode_t mode,
		    struct nsnet_err *err);
/* With the folders above it, mode 0755, where they are not there yet. */
int nsn_item_parents(struct nsn_view *v, struct nsn_items *items, const char *path,
		     struct nsnet_err *err);
int nsn_item_file(struct nsn_view *v, struct nsn_items *items, const char *path, const char *data,
		  size_t len, struct nsnet_err *err);
int nsn_item_link(struct nsn_view *v, struct nsn_items *items, const char *path, const char *to,
		  struct nsnet_err *err);
int nsn_item_add(struct nsn_view *v, struct nsn_items *items, const struct nsn_item *item,
		 struct nsnet_err *err);
bool nsn_items_has(const struct nsn_items *items, const char *path);
/* What they take of a file system of memory. Folders and links take nothing. */
uint64_t nsn_items_size(const struct nsn_items *items);
/* Makes them beneath @root. */
int nsn_items_make(const struct nsn_view *v, const struct nsn_items *items, int root,
		   enum nsn_stage stage, struct nsn_trouble *why);

/* ---- what is mounted -------------------------------------------------------------------- */

/* A tree of the host with a place of ours. */
struct nsn_bind {
	const char *path; /* without a leading slash */
	int tree;
};

struct nsn_binds {
	struct nsn_bind *list;
	size_t n, room;
};

/* Takes @tree over, also when it fails. */
int nsn_bind_add(struct nsn_view *v, const char *path, int tree, struct nsnet_err *err);

/* A place of the view that is a piece of fixed or scratch. */
struct nsn_piece {
	const char *from, *to; /* without a leading slash */
	bool scratch;
	uint64_t set, clear; /* MOUNT_ATTR_* */
};
#define NSN_PIECES 12

void nsn_piece_add(struct nsn_view *v, const struct nsn_piece *p);

struct nsn_volume {
	const char *typed;
	const char *source; /* as typed */
	const char *path;   /* inside, without a leading slash */
	bool read_only, folder;
	size_t depth; /* how many names the path has */
	int tree;
};

/* ---- the view ---------------------------------------------------------------------------- */

struct nsn_view {
	struct nsn_view_def asked;	/* a copy: it need not live as long as the view */
	const struct nsn_view_def *def; /* of that */
	struct nsn_arena arena;
	struct nsn_items fixed, scratch;
	struct nsn_binds binds;
	struct nsn_piece pieces[NSN_PIECES]; /* in the order in which they are put there */
	size_t n_pieces;
	struct nsn_volume *volumes; /* outer ones first */
	size_t n_volumes;
	int rootfs; /* the tree; -1: the default view */
	/*
	 * Of a view that is kept (keep.h): all of it but scratch, detached, and a copy that is for
	 * the next workload. -1: there is none.
	 */
	int kept, copy;

	uint32_t uid, gid;	     /* inside */
	uint32_t root_uid, root_gid; /* what 0 inside is for the host */
	uint32_t user_uid, user_gid; /* and what uid and gid are */
	const char *user, *home;
	const char *accounts; /* the passwd(5) that says who they are */
	char pts[80];	      /* options of devpts */

	/* What build() made, for finish() to know it again. */
	dev_t fs_dev, dev_dev;
	ino_t dev_ino;
};

/*
 * kept.c, for keep.h. keep: 0, or -errno: this kernel cannot, or something was short; the view is
 * as before. From then on nsn_view_close() leaves it open, again() makes it ready for another
 * workload, and unkeep() closes it.
 */
int nsn_view_keep(struct nsn_view *v);
int nsn_view_again(struct nsn_view *v);
void nsn_view_unkeep(struct nsn_view *v);

/* A piece of fixed or scratch, as a detached tree. */
int nsn_piece_clone(const struct nsn_piece *p, int folder);

/* Whole content of a small file, ended by NUL, into the arena. -EFBIG beyond @max. */
int nsn_view_read(struct nsn_view *v, int fd, size_t max, const char **ret, size_t *len);

/* user.c: fills in uid, gid, user, home and their numbers outside. @rootfs: -1 or the folder. */
int nsn_user_open(struct nsn_view *v, int rootfs, struct nsnet_err *err);

struct nsn_user_text {
	const char *name;  /* in the arena */
	const char *group; /* NULL: none was given */
};
int nsn_user_parse(struct nsn_arena *a, const char *text, struct nsn_user_text *ret,
		   struct nsnet_err *err);

/* A line of passwd(5): pieces of @line that are not ended by NUL. */
struct nsn_account {
	const char *line;
	size_t len;
	const char *name, *home;
	size_t name_len, home_len;
	uint32_t uid, gid;
};
/* The next account in *@text, which it moves on. false: there is none. */
bool nsn_account_next(const char **text, struct nsn_account *ret);
/* The same of group(5): name, and gid; home is where the members begin. */
bool nsn_group_next(const char **text, struct nsn_account *ret);

/* The host has it not, or keeps it from us. Whatever else an open() says is a failure: a view
 * would lack something because descriptors or memory were short for a moment. */
static inline bool nsn_is_absent(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ENXIO || r == -EACCES;
}

/* Not one of the host's people, who are none of a workload's business. */
static inline bool nsn_is_system(uint32_t id)
{
	return id < 1000 || id == 65534;
}

/* root.c, etc.c, dev.c: fill in fixed, scratch and binds. */
int nsn_root_open(struct nsn_view *v, struct nsnet_err *err);
int nsn_scratch_open(struct nsn_view *v, struct nsnet_err *err);
int nsn_etc_open(struct nsn_view *v, struct nsnet_err *err);
/* accounts.c */
int nsn_accounts_open(struct nsn_view *v, struct nsnet_err *err);
/* Only what a rootfs gets: hostname, hosts, resolv.conf */
int nsn_etc_names(struct nsn_view *v, struct nsnet_err *err);
int nsn_dev_open(struct nsn_view *v, struct nsnet_err *err);
int nsn_sys_open(struct nsn_view *v, struct nsnet_err *err);

/* rootfs.c */
int nsn_rootfs_open(struct nsn_view *v, int *folder, struct nsnet_err *err);

/* What root.c, etc.c and dev.c look at, ended by NULL, and some files of /sys. */
extern const char *const nsn_root_names[], *const nsn_etc_taken[];
#define NSN_SYS_FILES 4
extern const char *const nsn_sys_files[NSN_SYS_FILES];

/* volume.c */
int nsn_volumes_open(struct nsn_view *v, struct nsnet_err *err);
int nsn_volumes_build(const struct nsn_view *v, int root, struct nsn_trouble *why);
/* Text only. */
int nsn_volume_parse(struct nsn_arena *a, const char *text, struct nsn_volume *ret,
		     struct nsnet_err *err);

/*
 * source.c: a folder or file that was typed, as a place (O_PATH). Links that belong to root are
 * followed, as /var/run is one. Any other was made by somebody who writes there, a workload with a
 * volume above it maybe, and would lead the next one to what is not its own: -EPERM.
 */
int nsn_source_open(const char *typed, uint64_t flags);
const char *nsn_source_why(int code); /* why it could not be opened */

/* source.c: whether a folder of the host can be shown to a workload at all. @what: for messages. */
int nsn_source_check(const struct nsn_view *v, int fd, const char *path, enum nsnet_code code,
		     struct nsnet_err *err);
/* "ext4": what the folder or file is on. */
void nsn_source_fs(int fd, char *buf, size_t size);

/* mask.c. @covers: /dev/.nsnet, with an empty file and an empty folder. */
int nsn_mask(int proc, int covers, struct nsn_trouble *why);

#endif
