/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/fd.h"
#include "view_parts.h"

/* ---- /dev --------------------------------------------------------------------------------- */

/*
 * Made, and not bound one by one from the host's: six mounts less. The file system they are on is
 * not a user namespace's own, so devices work; nobody inside can make another (mknod wants
 * CAP_MKNOD of the host).
 */
static const struct {
	const char *path;
	unsigned int major, minor;
} devices[] = {
	{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
	{"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0},
};

static const struct {
	const char *path, *to;
} links[] = {
	{"dev/fd", "/proc/self/fd"},	   {"dev/stdin", "/proc/self/fd/0"},
	{"dev/stdout", "/proc/self/fd/1"}, {"dev/stderr", "/proc/self/fd/2"},
	{"dev/ptmx", "pts/ptmx"},	   {"dev/core", "/proc/kcore"},
};

/* The last is for what nsn_mask() lays over files and folders of /proc. */
static const char *const folders[] = {"dev",	    "dev/pts",	  "dev/shm",
				      "dev/mqueue", "dev/.nsnet", "dev/.nsnet/folder"};

int nsn_dev_open(struct nsn_view *v, struct nsnet_err *err)
{
	struct nsn_items *to = &v->fixed;
	int r = 0;

	for (size_t i = 0; i < NSN_COUNT(folders) && r == 0; i++)
		r = nsn_item_folder(v, to, folders[i], 0755, err);
	if (r == 0)
		r = nsn_item_add(v, to,
				 &(struct nsn_item){.kind = NSN_ITEM_FILE,
						    .path = "dev/.nsnet/file",
						    .mode = 0444},
				 err);
	for (size_t i = 0; i < NSN_COUNT(links) && r == 0; i++)
		r = nsn_item_link(v, to, links[i].path, links[i].to, err);
	for (size_t i = 0; i < NSN_COUNT(devices) && r == 0; i++)
		r = nsn_item_add(
			v, to,
			&(struct nsn_item){.kind = NSN_ITEM_DEVICE,
					   .path = devices[i].path,
					   .mode = 0666,
					   .dev = makedev(devices[i].major, devices[i].minor)},
			err);
	return r;
}

/* ---- /sys --------------------------------------------------------------------------------- */

/*
 * What programs count processors and choose page sizes with: glibc, the JVM, Go, jemalloc. A
 * sysfs would show the host's devices, and the kernel gives none to who does not own the network
 * namespace. What cannot be read on this host is left out.
 */
const char *const nsn_sys_files[NSN_SYS_FILES] = {
	"devices/system/cpu/online",
	"devices/system/cpu/possible",
	"kernel/mm/transparent_hugepage/enabled",
	"kernel/mm/transparent_hugepage/hpage_pmd_size",
};

int nsn_sys_open(struct nsn_view *v, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int sys = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = sys < 0 ? -errno : 0;
	char text[4096];

	if (r < 0 && !nsn_is_absent(r))
		return nsn_err_sys(err, r, "open '/sys'");
	r = nsn_item_folder(v, &v->fixed, "sys", 0755, err);
	for (size_t i = 0; i < NSN_SYS_FILES && r == 0 && sys >= 0; i++) {
		char *path, *copy;

		r = nsn_file_read(sys, nsn_sys_files[i], text, sizeof(text));
		if (r < 0 && !nsn_is_absent(r))
			return nsn_err_sys(err, r, "read '/sys/%s'", nsn_sys_files[i]);
		if (r < 0) {
			r = 0;
			continue;
		}
		path = nsn_arena_printf(&v->arena, "sys/%s", nsn_sys_files[i]);
		copy = nsn_arena_printf(&v->arena, "%s\n", text);
		if (!path || !copy)
			return nsn_err_nomem(err);
		r = nsn_item_parents(v, &v->fixed, path, err);
		if (r == 0)
			r = nsn_item_file(v, &v->fixed, path, copy, strlen(copy), err);
	}
	return r;
}
