/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_NL_SOCKET_H
#define NSN_NL_SOCKET_H

/*
 * socket - what the files of this folder share and nobody else sees
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/cleanup.h"
#include "answer.h"
#include "nl.h"

struct nsn_nl {
	int fd;
	uint32_t seq;
	char *buf; /* the last datagram */
	bool lent; /* it is the caller's */
};

NSN_CLEANUP(struct nsn_nl, nsn_nl_close)

uint32_t nsn_nl_next_seq(struct nsn_nl *nl);
int nsn_nl_send(struct nsn_nl *nl, const void *buf, size_t len, struct nsnet_err *err);
/* The next datagram of the kernel, into nl->buf; @ret is its length. */
int nsn_nl_recv(struct nsn_nl *nl, size_t *ret, struct nsnet_err *err);
/* Turns an error answer into the error object; returns its errno. */
int nsn_nl_refused(const struct nsn_answer *a, struct nsnet_err *err);

#endif
