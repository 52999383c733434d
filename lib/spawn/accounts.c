/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "view_parts.h"

/*
 * The default view's passwd and group: the host's accounts below 1000 and nobody, as the
 * files of the host's /usr may name them, and who the workload runs as. The people of the host
 * are left out, also as members.
 */

/* Without a map a process has the tenant's own number, and that is what it looks up. */
static uint32_t own_uid(const struct nsn_view *v)
{
	return v->def->no_userns ? v->user_uid : v->uid;
}

static uint32_t own_gid(const struct nsn_view *v)
{
	return v->def->no_userns ? v->user_gid : v->gid;
}

static bool is_user(const struct nsn_view *v, const struct nsn_account *a)
{
	return a->uid == v->uid && strlen(v->user) == a->name_len &&
	       memcmp(v->user, a->name, a->name_len) == 0;
}

static int print_passwd(const struct nsn_view *v, FILE *to)
{
	const char *text = v->accounts;
	struct nsn_account a;
	bool there = false;

	while (nsn_account_next(&text, &a)) {
		if (!nsn_is_system(a.uid))
			continue;
		if (!is_user(v, &a)) {
			(void)fprintf(to, "%.*s\n", (int)a.len, a.line);
			continue;
		}
		/* Its home is a folder of the workload's own. */
		there = true;
		(void)fprintf(to, "%s:x:%" PRIu32 ":%" PRIu32 ":%s:%s%.*s\n", v->user, own_uid(v),
			      own_gid(v), v->user, v->home,
			      (int)(a.line + a.len - (a.home + a.home_len)), a.home + a.home_len);
	}
	if (!there)
		(void)fprintf(to, "%s:x:%" PRIu32 ":%" PRIu32 ":%s:%s:/bin/sh\n", v->user,
			      own_uid(v), own_gid(v), v->user, v->home);
	return ferror(to);
}

static int print_group(const struct nsn_view *v, const char *text, FILE *to)
{
	struct nsn_account a;
	bool there = false;

	while (nsn_group_next(&text, &a)) {
		if (!nsn_is_system(a.gid))
			continue;
		there = there || a.gid == v->gid;
		(void)fprintf(to, "%.*s:x:%" PRIu32 ":\n", (int)a.name_len, a.name,
			      a.gid == v->gid ? own_gid(v) : a.gid);
	}
	if (!there)
		(void)fprintf(to, "user:x:%" PRIu32 ":\n", own_gid(v));
	return ferror(to);
}

static int read_host(struct nsn_view *v, const char *path, const char **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len;
	int r;

	*ret = "";
	if (fd < 0)
		return errno == ENOENT ? 0 : nsn_err_sys(err, -errno, "open '%s'", path);
	r = nsn_view_read(v, fd, (size_t)1024 * 1024, ret, &len);
	return r < 0 ? nsn_err_sys(err, r, "read '%s'", path) : 0;
}

static int add_printed(struct nsn_view *v, const char *path, const char *group,
		       struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *text = NULL;
	const char *copy;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	int r;

	if (!to)
		return nsn_err_nomem(err);
	r = group ? print_group(v, group, to) : print_passwd(v, to);
	if (fclose(to) != 0 || r != 0)
		return nsn_err_nomem(err);
	copy = nsn_arena_memdup(&v->arena, text, len);
	return copy ? nsn_item_file(v, &v->fixed, path, copy, len, err) : nsn_err_nomem(err);
}

int nsn_accounts_open(struct nsn_view *v, struct nsnet_err *err)
{
	const char *group;
	int r = read_host(v, "/etc/group", &group, err);

	if (r == 0)
		r = add_printed(v, "etc/passwd", NULL, err);
	return r < 0 ? r : add_printed(v, "etc/group", group, err);
}
