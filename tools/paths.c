/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "paths.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "../lib/base/cleanup.h"
#include "file.h"

#define FILE_SIZE_MAX ((size_t)1 << 20)

void paths_clear(struct paths *paths)
{
	for (size_t i = 0; i < paths->n; i++) {
		free((char *)(uintptr_t)paths->texts[i].file);
		free((char *)(uintptr_t)paths->texts[i].text);
	}
	free(paths->texts);
	*paths = (struct paths){0};
}

/* Whatever it was: what was named cannot be read. */
static int no_file(int r, struct nsnet_err *err)
{
	if (err && (err->id == NSNET_E_IO || err->id == NSNET_E_NOT_PERMITTED))
		err->id = NSNET_E_NO_FILE;
	return r;
}

/* Takes @name, which is what messages call it. */
static int add(struct paths *paths, char *name, const char *set, FILE *in, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *own = name;
	struct nsnet_policy_text *grown, *t;
	char *text = NULL, *shrunk;
	size_t len;
	int r;

	if (!own)
		return nsn_err_nomem(err);
	if (paths->n == PATHS_MAX)
		return nsn_err(err, -E2BIG, NSNET_E_BAD_FILE, "there are more than %d files",
			       PATHS_MAX);
	grown = reallocarray(paths->texts, paths->n + 1, sizeof(*grown));
	if (!grown)
		return nsn_err_nomem(err);
	paths->texts = grown;
	r = file_read(&text, &len, own, in, FILE_SIZE_MAX, err);
	if (r < 0)
		return no_file(r, err);
	t = &paths->texts[paths->n++];
	*t = (struct nsnet_policy_text){.text = text, .len = len, .set = set};
	/* It was read into what the largest file needs. */
	shrunk = realloc(text, len + 1);
	if (shrunk)
		t->text = shrunk;
	if (strcmp(own, "-") == 0) {
		t->set = "policy";
		free(own);
		own = strdup("standard input");
		if (!own)
			return nsn_err_nomem(err);
	}
	t->file = NSN_TAKE_PTR(own);
	return 0;
}

/* ---- folders ----------------------------------------------------------------------- */

static int is_policy(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	/* An editor's lock on a.yaml is called .#a.yaml. */
	return e->d_name[0] != '.' && dot &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0);
}

/* Not alphasort(): that is by the locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

struct listing {
	struct dirent **names;
	int n;
};

static void listing_clear(struct listing *l)
{
	for (int i = 0; i < l->n; i++)
		free(l->names[i]);
	free(l->names);
}

static int add_folder(struct paths *paths, const char *folder, FILE *in, struct nsnet_err *err)
{
	NSN_AUTO(listing_clear) struct listing l = {0};
	const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
	const size_t before = paths->n;

	l.n = scandir(folder, &l.names, is_policy, by_bytes);
	if (l.n < 0) {
		l.n = 0;
		return no_file(nsn_err_sys(err, -errno, "folder '%s' cannot be read", folder), err);
	}
	for (int i = 0; i < l.n; i++) {
		char *path;
		struct stat st;
		int r;

		if (asprintf(&path, "%s%s%s", folder, slash, l.names[i]->d_name) < 0)
			return nsn_err_nomem(err);
		/* A pipe would be waited for; what is not there any more is told by who opens it.
		 */
		if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
			free(path);
			continue;
		}
		r = add(paths, path, folder, in, err);
		if (r < 0)
			return r;
	}
	if (paths->n > before)
		return 0;
	(void)nsn_err(err, -ENOENT, NSNET_E_NO_FILE, "folder '%s' has no policies in it", folder);
	return nsn_err_hint(err, -ENOENT, "they are called *.yaml, *.yml or *.json");
}

int paths_read(struct paths *ret, int argc, char *const *argv, FILE *in, struct nsnet_err *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < argc; i++) {
		struct stat st;

		if (!*argv[i])
			r = nsn_err(err, -EINVAL, NSNET_E_NO_FILE, "the name of a file is empty");
		else if (strcmp(argv[i], "-") != 0 && stat(argv[i], &st) == 0 &&
			 S_ISDIR(st.st_mode))
			r = add_folder(ret, argv[i], in, err);
		else
			r = add(ret, strdup(argv[i]), argv[i], in, err);
	}
	return r;
}
