/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "mount.h"
#include "view_parts.h"

#define MAX_NUMBER 65535u
#define MAX_FILE   (1024 * 1024)

/* ---- text --------------------------------------------------------------------------------- */

int nsn_user_parse(struct nsn_arena *a, const char *text, struct nsn_user_text *ret,
		   struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];
	char *copy = nsn_arena_strdup(a, text), *colon;

	if (!copy)
		return nsn_err_nomem(err);
	colon = strchr(copy, ':');
	if (colon)
		*colon = '\0';
	if (!*copy || (colon && (!colon[1] || strchr(colon + 1, ':'))) || strchr(copy, '/'))
		return nsn_err(err, -EINVAL, NSNET_E_BAD_USER, "'%s' is not USER or USER:GROUP",
			       nsn_text_show(text, shown, sizeof(shown)));
	*ret = (struct nsn_user_text){.name = copy, .group = colon ? colon + 1 : NULL};
	return 0;
}

/* Up to the next ':' or the end of the line; moves on behind it. */
static void field(const char **at, const char *end, const char **ret, size_t *len)
{
	const char *colon = memchr(*at, ':', (size_t)(end - *at));
	const char *stop = colon ? colon : end;

	*ret = *at;
	*len = (size_t)(stop - *at);
	*at = colon ? colon + 1 : end;
}

static bool number(const char *text, size_t len, uint32_t *ret)
{
	char copy[12];
	uint64_t n;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (nsn_u64_parse(&n, copy, UINT32_MAX - 1) < 0)
		return false;
	*ret = (uint32_t)n;
	return true;
}

/* The line that begins at *@text, without its newline. */
static bool line_next(const char **text, const char **line, size_t *len)
{
	const char *end;

	if (!**text)
		return false;
	end = strchr(*text, '\n');
	*line = *text;
	*len = end ? (size_t)(end - *text) : strlen(*text);
	*text += *len + (end ? 1 : 0);
	return true;
}

bool nsn_account_next(const char **text, struct nsn_account *ret)
{
	while (line_next(text, &ret->line, &ret->len)) {
		const char *at = ret->line, *end = at + ret->len, *skip, *uid, *gid;
		size_t skip_len, uid_len, gid_len;

		field(&at, end, &ret->name, &ret->name_len);
		field(&at, end, &skip, &skip_len);
		field(&at, end, &uid, &uid_len);
		field(&at, end, &gid, &gid_len);
		field(&at, end, &skip, &skip_len);
		field(&at, end, &ret->home, &ret->home_len);
		if (ret->name_len > 0 && number(uid, uid_len, &ret->uid) &&
		    number(gid, gid_len, &ret->gid))
			return true;
	}
	return false;
}

bool nsn_group_next(const char **text, struct nsn_account *ret)
{
	while (line_next(text, &ret->line, &ret->len)) {
		const char *at = ret->line, *end = at + ret->len, *skip, *gid;
		size_t skip_len, gid_len;

		field(&at, end, &ret->name, &ret->name_len);
		field(&at, end, &skip, &skip_len);
		field(&at, end, &gid, &gid_len);
		field(&at, end, &ret->home, &ret->home_len);
		ret->uid = 0;
		if (ret->name_len > 0 && number(gid, gid_len, &ret->gid))
			return true;
	}
	return false;
}

/* ---- looking up ---------------------------------------------------------------------------- */

static int trouble_of(int r, const char *file, struct nsnet_err *err)
{
	r = nsn_err(err, -EINVAL, NSNET_E_BAD_USER, "'%s' of the workload: %s", file, strerror(-r));
	return nsn_err_hint(err, r, "give numbers: --user 1000:1000");
}

/*
 * First as a place, which never waits and sets nothing off, whatever it is; then the same file
 * through its descriptor.
 */
static int read_account_file(struct nsn_view *v, int root, const char *path, const char **ret,
			     struct nsnet_err *err)
{
	const uint64_t how = v->def->rootfs ? NSN_HOSTILE : NSN_TYPED;
	NSN_AUTO(nsn_closep) int look = nsn_openat2(root, path, O_PATH, how);
	NSN_AUTO(nsn_closep) int fd = -1;
	char self[40];
	struct stat st;
	size_t len;
	int r;

	if (look < 0)
		return look == -ENOENT ? -ENOENT : trouble_of(look, path, err);
	if (fstat(look, &st) < 0 || !S_ISREG(st.st_mode))
		return nsn_err(err, -EINVAL, NSNET_E_BAD_USER, "'%s' of the workload is no file",
			       path);
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", look);
	fd = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return trouble_of(-errno, path, err);
	r = nsn_view_read(v, fd, MAX_FILE, ret, &len);
	return r < 0 ? trouble_of(r, path, err) : 0;
}

static bool is_named(const struct nsn_account *a, const char *name)
{
	return strlen(name) == a->name_len && memcmp(name, a->name, a->name_len) == 0;
}

/* In the default view the workload's accounts are the host's, but for its people. */
static bool is_known(const struct nsn_view *v, uint32_t id)
{
	return v->def->rootfs || nsn_is_system(id);
}

static int unknown(const char *what, const char *name, struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];
	int r = nsn_err(err, -EINVAL, NSNET_E_BAD_USER, "the workload has no %s '%s'", what,
			nsn_text_show(name, shown, sizeof(shown)));

	return nsn_err_hint(
		err, r, "it knows the accounts of its /etc/passwd below 1000; or give a number");
}

static int too_high(const char *what, uint32_t id, struct nsnet_err *err)
{
	return nsn_err(err, -EINVAL, NSNET_E_BAD_USER,
		       "%s %" PRIu32 ": inside, numbers go from 0 to %u", what, id, MAX_NUMBER);
}

/* How somebody is looked for: by name, or by number when that is what was typed. */
struct wanted {
	const char *name;
	bool by_number;
	uint32_t id;
};

static struct wanted wanted_of(const char *text)
{
	struct wanted w = {.name = text};

	w.by_number = number(text, strlen(text), &w.id);
	return w;
}

static int find_user(struct nsn_view *v, const char *text, const char *passwd, bool *found,
		     struct nsnet_err *err)
{
	const struct wanted w = wanted_of(text);
	struct nsn_account a;

	*found = false;
	while (!*found && nsn_account_next(&passwd, &a))
		*found = (w.by_number ? a.uid == w.id : is_named(&a, text)) && is_known(v, a.uid);
	if (!*found && !w.by_number)
		return unknown("user", text, err);
	v->uid = *found ? a.uid : w.id;
	v->gid = *found ? a.gid : w.id;
	if (!*found)
		return 0;
	v->user = nsn_arena_printf(&v->arena, "%.*s", (int)a.name_len, a.name);
	v->home = nsn_arena_printf(&v->arena, "%.*s", (int)a.home_len, a.home);
	return v->user && v->home ? 0 : nsn_err_nomem(err);
}

static int find_group(struct nsn_view *v, const char *text, const char *group,
		      struct nsnet_err *err)
{
	const struct wanted w = wanted_of(text);
	struct nsn_account a;

	v->gid = w.id;
	if (w.by_number)
		return 0;
	while (nsn_group_next(&group, &a))
		if (is_named(&a, text) && is_known(v, a.gid)) {
			v->gid = a.gid;
			return 0;
		}
	return unknown("group", text, err);
}

/*
 * In the default view a home is a folder of the workload's own, so it is where we say; in a
 * rootfs it is what its /etc/passwd says, when that can be a path at all.
 */
static int name_home(struct nsn_view *v, bool found, struct nsnet_err *err)
{
	if (v->def->rootfs) {
		if (!found)
			v->user = nsn_arena_printf(&v->arena, "%" PRIu32, v->uid);
		if (!found || v->home[0] != '/')
			v->home = "/";
	} else if (v->uid == 0) {
		v->user = "root";
		v->home = "/root";
	} else {
		if (!found)
			v->user = "user";
		/* The host's administrator wrote it; all the same it becomes a path. */
		if (v->user && (strchr(v->user, '/') || v->user[0] == '.'))
			return unknown("user", v->user, err);
		v->home = v->user ? nsn_arena_printf(&v->arena, "/home/%s", v->user) : NULL;
	}
	return v->user && v->home ? 0 : nsn_err_nomem(err);
}

static int map_ids(struct nsn_view *v, struct nsnet_err *err)
{
	const struct nsn_ids *ids = v->def->ids;

	if (v->uid > MAX_NUMBER || nsn_ids_outside(ids, v->uid, &v->user_uid) < 0)
		return too_high("user", v->uid, err);
	if (v->gid > MAX_NUMBER || nsn_ids_outside(ids, v->gid, &v->user_gid) < 0)
		return too_high("group", v->gid, err);
	if (nsn_ids_outside(ids, 0, &v->root_uid) < 0)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_ID_MAP, "the number 0 is not mapped");
	v->root_gid = v->root_uid;
	return 0;
}

int nsn_user_open(struct nsn_view *v, int rootfs, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int host = -1;
	struct nsn_user_text text;
	const char *accounts = "";
	bool found = false;
	int root = rootfs, r;

	if (root < 0)
		root = host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return nsn_err_sys(err, -errno, "open '/'");
	r = nsn_user_parse(&v->arena, v->def->user ? v->def->user : "0", &text, err);
	if (r < 0)
		return r;
	r = read_account_file(v, root, "etc/passwd", &accounts, err);
	v->accounts = accounts;
	if (r == 0 || r == -ENOENT)
		r = find_user(v, text.name, accounts, &found, err);
	if (r == 0 && text.group) {
		accounts = "";
		r = wanted_of(text.group).by_number
			    ? 0
			    : read_account_file(v, root, "etc/group", &accounts, err);
		if (r == 0 || r == -ENOENT)
			r = find_group(v, text.group, accounts, err);
	}
	if (r == 0)
		r = name_home(v, found, err);
	return r < 0 ? r : map_ids(v, err);
}
