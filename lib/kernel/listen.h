/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_LISTEN_H
#define NSN_KERNEL_LISTEN_H

/*
 * listen - which program of a namespace takes what comes to an address and port
 *
 * @nl is a NETLINK_SOCK_DIAG socket of the namespace. Of TCP and SCTP those sockets count
 * that listen, of UDP those that are bound and not connected.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../base/err.h"
#include "../base/ip.h"

struct nsn_nl;

#define NSN_COMM_SIZE 16 /* TASK_COMM_LEN */

struct nsn_listener {
	struct nsn_ip ip; /* of the socket; 0.0.0.0 or :: is every address */
	bool both;	  /* ::, and it takes IPv4, too */
	uint16_t port;
	uint8_t proto; /* IPPROTO_* */
	uint32_t uid;
	uint64_t inode; /* of the socket; 0: it has none, as the kernel's own */
	/* One that has it open. 0: none that can be looked at, as it is the kernel's, another
	 * PID namespace's, or there were too many to look at. */
	pid_t pid;
	char comm[NSN_COMM_SIZE];
};

/*
 * nsn_listen_find() - A socket that bind() would call in use
 * @ip: The address; family 0: any of both families, 0.0.0.0 and ::: any of that family
 *
 * A wildcard and an address under it are in each other's way, as they are for bind(); so are
 * an IPv4 address and a :: that is not for IPv6 alone. An SCTP socket has any number of
 * addresses: only its port is looked at. A kernel without SCTP has none of these.
 *
 * Return: 1 found (the first with that address itself, else the first), 0 none, or a
 * negative errno
 */
int nsn_listen_find(struct nsn_nl *nl, const struct nsn_ip *ip, uint8_t proto, uint16_t port,
		    struct nsn_listener *ret, struct nsnet_err *err);

/*
 * All of TCP, UDP and SCTP, by protocol, port, address, with who has them open; malloc()ed. What
 * many processes have open is the first's. Of connected UDP sockets none.
 */
int nsn_listen_all(struct nsn_nl *nl, struct nsn_listener **ret, size_t *n, struct nsnet_err *err);

#define NSN_LISTENER_STRLEN (NSN_IP_STRLEN + 80)

/* "nginx (pid 812) listens on 0.0.0.0:443"; what is no printable ASCII in its name is shown as
 * \x1b. */
const char *nsn_listener_str(const struct nsn_listener *l, char buf[NSN_LISTENER_STRLEN]);

#endif
