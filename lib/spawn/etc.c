/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "mount.h"
#include "view_parts.h"

#define READ_ONLY (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
/* The endpoint's own files may be as long as NSN_FILE_MAX. */
#define MAX_COPY (256 * 1024)

/*
 * What is taken from the host when it is there. Nothing in which administrators keep passwords
 * (pip.conf, npmrc, gitconfig, wgetrc), nothing that says which machine this is (machine-id),
 * nothing about the host's own network. Folders and what is larger than NSN_SMALL_FILE are
 * mounted (about 15 us each, and 1 us for each workload), the rest is copied (4 us and 0).
 */
const char *const nsn_etc_taken[] = {
	"alternatives",
	"bash.bashrc",
	"ca-certificates/extracted",
	"crypto-policies",
	"inputrc",
	"ld.so.cache",
	"localtime",
	"mime.types",
	"mtab",
	"os-release",
	"pki/ca-trust",
	"pki/tls/certs",
	"pki/tls/cert.pem",
	"profile",
	"protocols",
	"services",
	"shells",
	"ssl/cert.pem",
	"ssl/certs",
	"ssl/openssl.cnf",
	"timezone",
	/* looked at by accounts.c and user.c */
	"passwd",
	"group",
	NULL,
};

#define NSSWITCH                                                                                   \
	"passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n"          \
	"protocols: files\nservices: files\nethers: files\nrpc: files\n"

/* ---- one path of the host's /etc ------------------------------------------------------------ */

static int refuse(const char *name, const char *why, struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];

	return nsn_err(err, -EINVAL, NSNET_E_BAD_RUN, "--etc '%s': %s",
		       nsn_text_show(name, shown, sizeof(shown)), why);
}

static int add_link(struct nsn_view *v, int etc, const char *name, const char *path,
		    struct nsnet_err *err)
{
	char to[1024];
	ssize_t n = readlinkat(etc, name, to, sizeof(to) - 1);
	char *copy;

	if (n < 0)
		return nsn_err_sys(err, -errno, "read '/etc/%s'", name);
	to[n] = '\0';
	copy = nsn_arena_strdup(&v->arena, to);
	return copy ? nsn_item_link(v, &v->fixed, path, copy, err) : nsn_err_nomem(err);
}

/* A place for it, and the thing itself over it. */
static int add_bind(struct nsn_view *v, int fd, const char *path, bool folder,
		    struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int tree = nsn_tree_clone(fd, "", false);
	int r = tree < 0 ? tree : nsn_tree_set(tree, &(struct nsn_tree_set){.set = READ_ONLY});

	if (r < 0)
		return nsn_err_sys(err, r, "mount '/%s'", path);
	r = folder ? nsn_item_folder(v, &v->fixed, path, 0755, err)
		   : nsn_item_file(v, &v->fixed, path, NULL, 0, err);
	return r < 0 ? r : nsn_bind_add(v, path, NSN_TAKE_FD(tree), err);
}

static int add_file(struct nsn_view *v, int fd, const char *path, const struct stat *st,
		    struct nsnet_err *err)
{
	const char *data;
	size_t len;
	int r;

	if (st->st_size > NSN_SMALL_FILE)
		return add_bind(v, fd, path, false, err);
	r = nsn_view_read(v, fd, MAX_COPY, &data, &len);
	if (r < 0)
		return nsn_err_sys(err, r, "read '/%s'", path);
	return nsn_item_file(v, &v->fixed, path, data, len, err);
}

/*
 * We are root and could read anything; a workload shall have no more of the host than any
 * of its users. That is also why a folder may be given that has secrets in it: the owner
 * and the group of what is in there are nobody inside.
 */
static bool all_may_read(const struct stat *st)
{
	const mode_t need = S_ISDIR(st->st_mode) ? 05 : 04;

	return (st->st_mode & need) == need;
}

/* @asked: somebody typed it, so that what cannot be had is an error. */
static int add_path(struct nsn_view *v, int etc, const char *name, bool asked,
		    struct nsnet_err *err)
{
	/* O_NONBLOCK: nothing that waits, should it be no file. */
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	const char *path = nsn_arena_printf(&v->arena, "etc/%s", name);
	NSN_AUTO(nsn_closep) int fd = openat(etc, name, flags);
	struct stat st;
	int r = fd < 0 ? -errno : 0;

	if (!path)
		return nsn_err_nomem(err);
	if (nsn_items_has(&v->fixed, path))
		return asked ? refuse(name, "it is there already", err) : 0;
	if (r < 0 && r != -ELOOP && asked)
		return refuse(name, strerror(-r), err);
	if (r < 0 && r != -ELOOP)
		return nsn_is_absent(r) ? 0 : nsn_err_sys(err, r, "open '/%s'", path);
	if (fd >= 0 && fstat(fd, &st) < 0)
		return nsn_err_sys(err, -errno, "look at '/%s'", path);
	if (fd >= 0 && !all_may_read(&st))
		return asked ? refuse(name, "not all users of this host may read it", err) : 0;
	if (fd >= 0 && !S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return asked ? refuse(name, "it is neither a file nor a folder", err) : 0;
	r = nsn_item_parents(v, &v->fixed, path, err);
	if (r < 0)
		return r;
	if (fd < 0)
		return add_link(v, etc, name, path, err);
	return S_ISDIR(st.st_mode) ? add_bind(v, fd, path, true, err)
				   : add_file(v, fd, path, &st, err);
}

/* ---- what somebody asked for ------------------------------------------------------------------
 */

/* Whatever their modes are. A name that ends in '*' stands for all that begin so. */
static const char *const secrets[] = {
	"shadow*",	    "gshadow*",		 "passwd*",  "group*",	     "ssl/private*",
	"pki/tls/private*", "ssh/ssh_host_*",	 "sudoers*", "krb5.keytab*", "machine-id",
	"netns*",	    "security/opasswd*", "ipsec.*",  "wireguard*",   "letsencrypt*",
};

static bool is_secret(const char *name)
{
	for (size_t i = 0; i < NSN_COUNT(secrets); i++) {
		size_t len = strlen(secrets[i]);
		bool star = secrets[i][len - 1] == '*';

		if (star ? strncmp(name, secrets[i], len - 1) == 0 : strcmp(name, secrets[i]) == 0)
			return true;
	}
	return false;
}

/* "/etc/fonts", "fonts" and "fonts/" are the same; names that lead elsewhere are none. */
static int tidy_name(struct nsn_view *v, const char *typed, const char **ret, struct nsnet_err *err)
{
	const char *name = strncmp(typed, "/etc/", 5) == 0 ? typed + 5 : typed;
	char *copy = nsn_arena_strdup(&v->arena, name);
	size_t len;

	if (!copy)
		return nsn_err_nomem(err);
	for (len = strlen(copy); len > 0 && copy[len - 1] == '/'; len--)
		copy[len - 1] = '\0';
	if (!*copy || *copy == '/')
		return refuse(typed, "it is not below /etc", err);
	for (const char *at = copy; at; at = strchr(at, '/')) {
		at += *at == '/';
		len = strcspn(at, "/");
		if (len == 0 || (len == 1 && at[0] == '.') ||
		    (len == 2 && at[0] == '.' && at[1] == '.'))
			return refuse(typed, "'.', '..' and '//' are not followed", err);
	}
	*ret = copy;
	return 0;
}

static int add_asked(struct nsn_view *v, int etc, const char *typed, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int look = -1;
	const char *name = NULL;
	int r = tidy_name(v, typed, &name, err);

	if (r < 0)
		return r;
	if (is_secret(name))
		return refuse(typed, "that is never given to a workload", err);
	/* A link on the way could lead to one of those under another name. */
	look = nsn_openat2(etc, name, O_PATH | O_NOFOLLOW,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (look < 0)
		return refuse(typed,
			      look == -ELOOP ? "a symbolic link is in the way" : strerror(-look),
			      err);
	return add_path(v, etc, name, true, err);
}

/* ---- the endpoint's files
 * ------------------------------------------------------------------------ */

#define HOSTS                                                                                      \
	"127.0.0.1\tlocalhost\n"                                                                   \
	"::1\tlocalhost ip6-localhost ip6-loopback\n"

/*
 * Mounted and not copied: nsnet rewrites the endpoint's files in place when another endpoint
 * comes, and the workload sees it.
 */
static int add_given(struct nsn_view *v, int fd, const char *path, const char *else_text,
		     struct nsnet_err *err)
{
	if (fd >= 0)
		return add_bind(v, fd, path, false, err);
	return nsn_item_file(v, &v->fixed, path, else_text, strlen(else_text), err);
}

int nsn_etc_names(struct nsn_view *v, struct nsnet_err *err)
{
	const char *host = v->def->hostname ? v->def->hostname : "localhost";
	char *name = nsn_arena_printf(&v->arena, "%s\n", host);
	char *hosts = nsn_arena_printf(&v->arena, HOSTS "127.0.1.1\t%s\n", host);
	int r;

	if (!name || !hosts)
		return nsn_err_nomem(err);
	r = nsn_item_file(v, &v->fixed, "etc/hostname", name, strlen(name), err);
	if (r == 0)
		r = add_given(v, v->def->hosts, "etc/hosts", hosts, err);
	if (r == 0)
		r = add_given(v, v->def->resolv, "etc/resolv.conf", "# no name server\n", err);
	return r;
}

int nsn_etc_open(struct nsn_view *v, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int etc = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (etc < 0)
		return nsn_err_sys(err, -errno, "open '/etc'");
	r = nsn_item_folder(v, &v->fixed, "etc", 0755, err);
	if (r == 0)
		r = nsn_accounts_open(v, err);
	if (r == 0)
		r = nsn_item_file(v, &v->fixed, "etc/nsswitch.conf", NSSWITCH, strlen(NSSWITCH),
				  err);
	if (r == 0)
		r = nsn_etc_names(v, err);
	for (size_t i = 0; nsn_etc_taken[i] && r == 0; i++)
		r = add_path(v, etc, nsn_etc_taken[i], false, err);
	for (size_t i = 0; i < v->def->n_etc && r == 0; i++)
		r = add_asked(v, etc, v->def->etc[i], err);
	return r;
}
