/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "kernel/listen.h"
#include "kernel/netns.h"
#include "nl/nl.h"
#include "probes.h"

NSN_CLEANUP(struct nsn_nl, nsn_nl_close)

/*
 * probes_listen - whether a program would get what is sent
 */

/* A socket of the place's namespace, from where the thread comes back. 0 or -errno */
static int ask_there(const struct nsn_wire_place *place, struct nsn_home *home, struct nsn_nl **ret)
{
	NSN_AUTO(nsn_closep) int fd = open(place->path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_ino != place->inode)
		return -ESTALE;
	if (setns(fd, CLONE_NEWNET) < 0)
		return -errno;
	home->away = true;
	r = nsn_nl_open(ret, NETLINK_SOCK_DIAG, NULL);
	return nsn_home_return(home, NULL) < 0 ? -EIO : r;
}

bool nsn_probes_hears(const struct nsn_wire_place *place, uint8_t proto, const struct nsn_ip *ip,
		      uint16_t port)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_home home = {.fd = -1, .proc = -1};
	struct nsn_listener found;
	int r;

	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP && proto != IPPROTO_SCTP)
		return false;
	r = nsn_home_open(&home, NULL);
	if (r == 0)
		r = ask_there(place, &home, &nl);
	if (r == 0)
		r = nsn_listen_find(nl, ip, proto, port, &found, NULL);
	nsn_home_close(&home);
	/* What could not be asked may be there. */
	return r != 0;
}
