/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "ctx.h"
#include "spawn/keep.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

NSN_CLEANUP(struct nsnet, nsnet_close)

const char *nsnet_version(void)
{
	return NSNET_VERSION;
}

static int set_folders(struct nsnet *n, const char *state_dir, const char *run_dir,
		       struct nsnet_err *err)
{
	n->state_dir = strdup(state_dir ? state_dir : NSNET_DEFAULT_STATE_DIR);
	n->run_dir = strdup(run_dir ? run_dir : NSNET_DEFAULT_RUN_DIR);
	if (!n->state_dir || !n->run_dir || asprintf(&n->pin_dir, "%s/gw", n->run_dir) < 0) {
		n->pin_dir = NULL;
		return nsn_err_nomem(err);
	}
	if (n->state_dir[0] != '/' || n->run_dir[0] != '/')
		return nsn_err(err, -EINVAL, NSNET_E_UNSAFE_PATH, "'%s' is not an absolute path",
			       n->state_dir[0] != '/' ? n->state_dir : n->run_dir);
	return 0;
}

static int open_folders(struct nsnet *n, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int run = -1;
	int r;

	r = nsn_dir_open(&n->state_fd, n->state_dir, err);
	return r < 0 ? r : nsn_dir_open(&run, n->run_dir, err);
}

static int open_store(struct nsnet *n, struct nsnet_err *err)
{
	char boot[NSN_BOOT_ID_SIZE + 1]; /* the file ends in a newline */
	const struct nsn_store_id *id;
	int r;

	r = nsn_file_read(AT_FDCWD, BOOT_ID, boot, sizeof(boot));
	if (r < 0)
		return nsn_err_sys(err, r, "read %s", BOOT_ID);
	(void)snprintf(n->boot, sizeof(n->boot), "%.*s", NSN_BOOT_ID_SIZE - 1, boot);
	r = nsn_store_open(&n->store, n->state_fd, n->state_dir, n->boot, err);
	if (r < 0)
		return r;
	id = nsn_store_id(n->store);
	n->owner = (struct nsn_owner){.store = id->hex, .group = id->group, .pin_dir = n->pin_dir};
	return nsn_store_bind_host(n->store, n->home.cookie, err);
}

int nsnet_open(struct nsnet **ret, const char *state_dir, const char *run_dir,
	       struct nsnet_err *err)
{
	NSN_AUTO(nsnet_closep) struct nsnet *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return nsn_err_nomem(err);
	n->state_fd = -1;
	n->bare = -1;
	n->home.fd = -1;
	if (geteuid() != 0) {
		(void)nsn_err(err, -EPERM, NSNET_E_NOT_PERMITTED,
			      "network namespaces are root's: you are user %u", geteuid());
		return nsn_err_hint(err, -EPERM, "run it with sudo");
	}
	r = set_folders(n, state_dir, run_dir, err);
	if (r == 0)
		r = open_folders(n, err);
	if (r == 0)
		r = nsn_home_open(&n->home, err);
	if (r == 0)
		r = open_store(n, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(n);
	return 0;
}

void nsnet_close(struct nsnet *n)
{
	if (!n)
		return;
	nsn_store_close(n->store);
	nsn_home_close(&n->home);
	nsn_closep(&n->state_fd);
	nsn_closep(&n->bare);
	nsn_keep_free(n->keep);
	free(n->state_dir);
	free(n->run_dir);
	free(n->pin_dir);
	free(n->command);
	free(n);
}

unsigned int nsnet_mended(const struct nsnet *n)
{
	return nsn_store_mended(n->store);
}

int nsn_lock(struct nsnet *n, struct nsnet **locked, struct nsnet_err *err)
{
	int r = nsn_store_lock(n->store, err);

	if (r < 0)
		return r;
	*locked = n;
	nsn_kept_as(n, "");
	return 0;
}

void nsn_unlockp(struct nsnet **locked)
{
	if (*locked)
		nsn_store_unlock((*locked)->store);
}
