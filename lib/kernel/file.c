/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/fd.h"

#define ETC "/etc"

/*
 * A new file has this mode until it has its text, and a new folder until it has its
 * own. No one else makes such, so what a crash leaves of one is known.
 */
#define HALF_MADE    0200
#define READY	     0644
#define READY_FOLDER 0755

/* ---- where it is ---------------------------------------------------------------- */

struct where {
	const char *path; /* for messages */
	char folder[NAME_MAX + 1], file[NAME_MAX + 1];
};

static bool is_name(const char *s, size_t len)
{
	return len > 0 && len <= NAME_MAX && s[0] != '.';
}

static int split(struct where *ret, const char *path, struct nsnet_err *err)
{
	const size_t dir = strlen(NSN_FILE_DIR "/");
	const bool below = strncmp(path, NSN_FILE_DIR "/", dir) == 0;
	const char *folder = below ? path + dir : "", *slash = strchr(folder, '/');
	const char *file = slash ? slash + 1 : "";
	size_t len = slash ? (size_t)(slash - folder) : 0;

	if (!is_name(folder, len) || !is_name(file, strlen(file)) || strchr(file, '/'))
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "'%s' is not %s/NAME/FILE", path,
			       NSN_FILE_DIR);
	*ret = (struct where){.path = path};
	memcpy(ret->folder, folder, len);
	memcpy(ret->file, file, strlen(file));
	return 0;
}

/* ---- folders -------------------------------------------------------------------- */

static int unsafe(struct nsnet_err *err, const char *path, const char *why)
{
	return nsn_err(err, -EPERM, NSNET_E_UNSAFE_PATH, "folder '%s': %s", path, why);
}

static int check_folder(int fd, const char *path, struct nsnet_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return nsn_err_sys(err, -errno, "read folder '%s'", path);
	if (S_ISLNK(st.st_mode))
		return unsafe(err, path, "it is a symbolic link");
	if (!S_ISDIR(st.st_mode))
		return unsafe(err, path, "it is not a folder");
	if (st.st_uid != 0)
		return unsafe(err, path, "it belongs to another user");
	if (!(st.st_mode & 022))
		return 0;
	return nsn_err_hint(err, unsafe(err, path, "others can write to it"), "chmod go-w '%s'",
			    path);
}

/* What the functions that look for something say when there is nothing. */
#define ABSENT 1

static int make_folder(int at, const char *name, const char *path, struct nsnet_err *err)
{
	if (mkdirat(at, name, HALF_MADE) < 0)
		return errno == EEXIST ? 0 : nsn_err_sys(err, -errno, "make folder '%s'", path);
	return 0;
}

/* The mode is not left to the umask; nor is that of one whose maker died. */
static int finish_folder(int at, const char *name, int fd, const char *path, struct nsnet_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return nsn_err_sys(err, -errno, "read folder '%s'", path);
	if ((st.st_mode & 07777) == HALF_MADE && fchmodat(at, name, READY_FOLDER, 0) < 0)
		return nsn_err_sys(err, -errno, "make folder '%s'", path);
	return 0;
}

/*
 * One step down and no further: with a name that has no slash, O_NOFOLLOW is all
 * that openat2(2) could see to, and each folder has to be looked at anyway. It is
 * opened as a place only: that never waits, whatever it is. 0 or ABSENT.
 */
static int step_down(int *ret, int at, const char *name, const char *path, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return errno == ENOENT ? ABSENT
				       : nsn_err_sys(err, -errno, "open folder '%s'", path);
	r = check_folder(fd, path, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_FD(fd);
	return 0;
}

static int step_into(int *ret, int at, const char *name, const char *path, bool make,
		     struct nsnet_err *err)
{
	int r = step_down(ret, at, name, path, err);

	if (!make)
		return r;
	if (r == ABSENT) {
		r = make_folder(at, name, path, err);
		if (r == 0)
			r = step_down(ret, at, name, path, err);
	}
	if (r == 0)
		return finish_folder(at, name, *ret, path, err);
	return r == ABSENT ? nsn_err_sys(err, -ENOENT, "open folder '%s'", path) : r;
}

/* /etc/netns, and in it the folder of the file. 0 or, without @make, ABSENT. */
static int open_folders(int *top, int *folder, const struct where *p, bool make,
			struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int etc = open(ETC, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[sizeof(NSN_FILE_DIR) + sizeof(p->folder)] = NSN_FILE_DIR "/";
	int r;

	if (etc < 0)
		return nsn_err_sys(err, -errno, "open folder '%s'", ETC);
	r = step_into(top, etc, &NSN_FILE_DIR[strlen(ETC "/")], NSN_FILE_DIR, make, err);
	if (r != 0)
		return r;
	memcpy(path + strlen(path), p->folder, strlen(p->folder));
	return step_into(folder, *top, p->folder, path, make, err);
}

/* ---- the file ------------------------------------------------------------------- */

bool nsn_file_is_ours(const char *text)
{
	const size_t mark = strlen(NSN_FILE_MARK);
	size_t digits;

	if (strncmp(text, NSN_FILE_MARK, mark) != 0)
		return false;
	digits = strspn(text + mark, "0123456789abcdef");
	return digits > 0 && text[mark + digits] == '\n';
}

/* What is there under the name. */
struct found {
	bool ours;
	mode_t mode;
	size_t len; /* of the text; only what is a plain file of root's has one */
	char text[NSN_FILE_MAX + 1];
};

static void found_free(struct found *f)
{
	free(f);
}
NSN_CLEANUP(struct found, found_free)

static bool is_plain(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == 0 && st->st_nlink == 1 &&
	       st->st_size <= NSN_FILE_MAX;
}

static int read_all(int fd, struct found *f)
{
	/* One more than there may be: it may have grown since it was looked at. */
	ssize_t n = nsn_pread_all(fd, f->text, sizeof(f->text));

	if (n < 0)
		return (int)n;
	if (n > NSN_FILE_MAX)
		return -EFBIG;
	f->len = (size_t)n;
	f->text[f->len] = '\0';
	return 0;
}

/*
 * Opens what is there under the name when it is a plain file of root's; else, and
 * when it cannot be opened, *@fd stays -1. 0 or ABSENT.
 */
static int open_plain(int *fd, int folder, const struct where *p, int flags, struct stat *st,
		      struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep)
	int look = openat(folder, p->file, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	NSN_AUTO(nsn_closep) int own = -1;

	if (look < 0 && errno == ENOENT)
		return ABSENT;
	/* Before it is opened: for some devices that is an order, and a pipe waits. */
	if (look < 0 || fstat(look, st) < 0)
		return nsn_err_sys(err, -errno, "look at '%s'", p->path);
	if (!is_plain(st))
		return 0;
	own = openat(folder, p->file, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own < 0 && (errno == ENOMEM || errno == EMFILE || errno == ENFILE))
		return nsn_err_sys(err, -errno, "open '%s'", p->path);
	/* Only root could have swapped it since; all the same it is this one that counts. */
	if (own >= 0 && fstat(own, st) == 0 && is_plain(st))
		*fd = NSN_TAKE_FD(own);
	return 0;
}

/* *@found and, when @fd is asked for, a descriptor to write to if it is ours. 0 or ABSENT. */
static int look_at(struct found **found, int *fd, int folder, const struct where *p,
		   struct nsnet_err *err)
{
	NSN_AUTO(found_freep) struct found *f = calloc(1, sizeof(*f));
	NSN_AUTO(nsn_closep) int own = -1;
	struct stat st = {0};
	int r;

	if (!f)
		return nsn_err_nomem(err);
	r = open_plain(&own, folder, p, fd ? O_RDWR : O_RDONLY, &st, err);
	if (r != 0)
		return r;
	if (own >= 0 && read_all(own, f) == 0) {
		f->mode = st.st_mode & 07777;
		/* An empty one says nothing to anybody, and is what a power cut leaves of one
		 * whose text was not on the disk yet: to wait for that would cost each new
		 * endpoint a few milliseconds. */
		f->ours = f->mode == HALF_MADE || f->len == 0 || nsn_file_is_ours(f->text);
	} else {
		f->text[0] = '\0';
	}
	if (fd && f->ours)
		*fd = NSN_TAKE_FD(own);
	*found = NSN_TAKE_PTR(f);
	return 0;
}

/* ---- reading --------------------------------------------------------------------- */

int nsn_file_observe(const char *path, struct nsn_state *ret, struct nsn_place at,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int top = -1, folder = -1;
	NSN_AUTO(found_freep) struct found *f = NULL;
	struct nsn_object *o;
	struct where p;
	int r;

	r = split(&p, path, err);
	if (r == 0)
		r = open_folders(&top, &folder, &p, false, err);
	if (r == 0)
		r = look_at(&f, NULL, folder, &p, err);
	if (r != 0)
		return r == ABSENT ? 0 : r;
	if (f->ours && (f->mode != READY || strlen(f->text) != f->len))
		f->text[0] = '\0';
	o = nsn_state_add(ret, NSN_OBJ_FILE, at, "");
	if (!o)
		return nsn_err_nomem(err);
	o->u.file.ours = f->ours;
	o->u.file.path = nsn_arena_strdup(&ret->arena, path);
	o->u.file.text = nsn_arena_strdup(&ret->arena, f->text);
	return o->u.file.path && o->u.file.text ? 0 : nsn_err_nomem(err);
}

/* ---- writing --------------------------------------------------------------------- */

/*
 * From the start, and what is left of a longer text is cut off at the end: at no
 * moment is the first line anything but the mark. (O_TRUNC would show an empty
 * resolv.conf to who reads it now.)
 */
static int put_text(int fd, const char *text, bool ready)
{
	size_t len = strlen(text);
	int r = nsn_pwrite_all(fd, text, len);

	if (r < 0)
		return r;
	if (ftruncate(fd, (off_t)len) < 0)
		return -errno;
	return ready || fchmod(fd, READY) == 0 ? 0 : -errno;
}

static int make_new(int folder, const struct where *p, const char *text, struct nsnet_err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	NSN_AUTO(nsn_closep) int fd = openat(folder, p->file, flags, HALF_MADE);
	int r;

	if (fd < 0)
		return nsn_err_sys(err, -errno, "make '%s'", p->path);
	r = put_text(fd, text, false);
	if (r == 0)
		return 0;
	(void)unlinkat(folder, p->file, 0);
	return nsn_err_sys(err, r, "write '%s'", p->path);
}

static int not_ours(const struct where *p, struct nsnet_err *err)
{
	return nsn_err(err, -EEXIST, NSNET_E_UNSAFE_PATH,
		       "'%s' is there already and was not made by nsnet", p->path);
}

int nsn_file_make(const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int top = -1, folder = -1, fd = -1;
	NSN_AUTO(found_freep) struct found *f = NULL;
	const char *text = o->u.file.text;
	struct where p;
	int r;

	r = split(&p, o->u.file.path, err);
	if (r < 0)
		return r;
	/* It could never be changed or removed again. */
	if (!nsn_file_is_ours(text) || strlen(text) > NSN_FILE_MAX)
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL,
			       "the text for '%s' has no mark or is too long", p.path);
	r = open_folders(&top, &folder, &p, true, err);
	if (r == 0)
		r = look_at(&f, &fd, folder, &p, err);
	if (r == ABSENT)
		return make_new(folder, &p, text, err);
	if (r < 0)
		return r;
	if (!f->ours)
		return not_ours(&p, err);
	r = put_text(fd, text, f->mode == READY);
	return r < 0 ? nsn_err_sys(err, r, "write '%s'", p.path) : 0;
}

int nsn_file_drop(const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int top = -1, folder = -1;
	NSN_AUTO(found_freep) struct found *f = NULL;
	struct where p;
	int r;

	r = split(&p, o->u.file.path, err);
	if (r == 0)
		r = open_folders(&top, &folder, &p, false, err);
	if (r != 0)
		return r == ABSENT ? 0 : r;
	r = look_at(&f, NULL, folder, &p, err);
	if (r < 0)
		return r;
	if (r == 0 && f->ours && unlinkat(folder, p.file, 0) < 0 && errno != ENOENT)
		return nsn_err_sys(err, -errno, "remove '%s'", p.path);
	/* Not empty, or somebody stands in it: it is of use to others. */
	if (unlinkat(top, p.folder, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY && errno != EEXIST &&
	    errno != EBUSY && errno != ENOENT)
		return nsn_err_sys(err, -errno, "remove folder '%s/%s'", NSN_FILE_DIR, p.folder);
	return 0;
}
