/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/fd.h"
#include "view_parts.h"

/* ---- saying what there shall be ---------------------------------------------------------- */

int nsn_item_add(struct nsn_view *v, struct nsn_items *items, const struct nsn_item *item,
		 struct nsnet_err *err)
{
	struct nsn_item *list, *at;

	if (items->n == items->room) {
		size_t room = items->room ? items->room * 2 : 64;

		list = reallocarray(items->list, room, sizeof(*list));
		if (!list)
			return nsn_err_nomem(err);
		items->list = list;
		items->room = room;
	}
	at = &items->list[items->n];
	*at = *item;
	at->path = nsn_arena_strdup(&v->arena, item->path);
	if (!at->path)
		return nsn_err_nomem(err);
	items->n++;
	return 0;
}

bool nsn_items_has(const struct nsn_items *items, const char *path)
{
	for (size_t i = 0; i < items->n; i++)
		if (strcmp(items->list[i].path, path) == 0)
			return true;
	return false;
}

int nsn_item_folder(struct nsn_view *v, struct nsn_items *items, const char *path, mode_t mode,
		    struct nsnet_err *err)
{
	return nsn_item_add(v, items,
			    &(struct nsn_item){.kind = NSN_ITEM_FOLDER, .path = path, .mode = mode},
			    err);
}

int nsn_item_parents(struct nsn_view *v, struct nsn_items *items, const char *path,
		     struct nsnet_err *err)
{
	char *copy = nsn_arena_strdup(&v->arena, path);
	int r = 0;

	if (!copy)
		return nsn_err_nomem(err);
	for (char *slash = strchr(copy, '/'); slash && r == 0; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (!nsn_items_has(items, copy))
			r = nsn_item_folder(v, items, copy, 0755, err);
		*slash = '/';
	}
	return r;
}

int nsn_item_file(struct nsn_view *v, struct nsn_items *items, const char *path, const char *data,
		  size_t len, struct nsnet_err *err)
{
	const struct nsn_item item = {
		.kind = NSN_ITEM_FILE, .path = path, .data = data, .len = len, .mode = 0644};

	return nsn_item_add(v, items, &item, err);
}

int nsn_item_link(struct nsn_view *v, struct nsn_items *items, const char *path, const char *to,
		  struct nsnet_err *err)
{
	return nsn_item_add(
		v, items, &(struct nsn_item){.kind = NSN_ITEM_LINK, .path = path, .data = to}, err);
}

#define PAGE 4096

uint64_t nsn_items_size(const struct nsn_items *items)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < items->n; i++)
		pages += (items->list[i].len + PAGE - 1) / PAGE;
	return pages * PAGE;
}

/* ---- making it --------------------------------------------------------------------------- */

static int write_file(int root, const struct nsn_item *item)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	NSN_AUTO(nsn_closep) int fd = openat(root, item->path, flags, item->mode);

	return fd < 0 ? -errno : nsn_pwrite_all(fd, item->data, item->len);
}

static int make(int root, const struct nsn_item *item)
{
	switch (item->kind) {
	case NSN_ITEM_FOLDER:
		return mkdirat(root, item->path, item->mode) < 0 ? -errno : 0;
	case NSN_ITEM_FILE:
		return write_file(root, item);
	case NSN_ITEM_LINK:
		return symlinkat(item->data, root, item->path) < 0 ? -errno : 0;
	case NSN_ITEM_DEVICE:
		return mknodat(root, item->path, S_IFCHR | item->mode, item->dev) < 0 ? -errno : 0;
	}
	return -EINVAL;
}

static int give(const struct nsn_view *v, int root, const struct nsn_item *item)
{
	uid_t uid = item->users ? v->user_uid : v->root_uid;
	gid_t gid = item->users ? v->user_gid : v->root_gid;

	return fchownat(root, item->path, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/*
 * What root inside shall have is made as that one (setfsuid(2)), which saves a chown for each of
 * some hundred files. That takes the right to make devices and to give files away, so those
 * are made as who we are.
 */
static void become(uid_t uid, gid_t gid)
{
	(void)setfsgid(gid);
	(void)setfsuid(uid);
}

int nsn_items_make(const struct nsn_view *v, const struct nsn_items *items, int root,
		   enum nsn_stage stage, struct nsn_trouble *why)
{
	bool as_root_inside = false;
	int r = 0;

	for (size_t i = 0; i < items->n && r == 0; i++) {
		const struct nsn_item *item = &items->list[i];
		const bool want = item->kind != NSN_ITEM_DEVICE && !item->users;

		if (want != as_root_inside)
			become(want ? v->root_uid : 0, want ? v->root_gid : 0);
		as_root_inside = want;
		r = make(root, item);
		if (r == 0 && !want)
			r = give(v, root, item);
		if (r < 0)
			r = nsn_trouble(why, stage, r, "/%s", item->path);
	}
	if (as_root_inside)
		become(0, 0);
	return r;
}
