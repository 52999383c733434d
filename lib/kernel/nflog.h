/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_NFLOG_H
#define NSN_KERNEL_NFLOG_H

/*
 * nflog - what `log group N` of nft tells of packets
 *
 * A group of a namespace has one listener at a time; who listens first has it.
 */
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"

struct nsn_nflog;

/* Valid only while it is handed on. */
struct nsn_nflog_packet {
	const char *prefix; /* "" for none */
	uint8_t family;	    /* NFPROTO_* of the table: in NFPROTO_INET's, that of the packet */
	uint8_t hook;	    /* NF_INET_*, NF_BR_* */
	uint16_t protocol;  /* ETH_P_*: of which the payload is */
	uint32_t in, out;   /* indexes of links; 0: none */
	uint32_t mark;	    /* of the packet */
	int64_t at_ms;	    /* milliseconds since 1970; 0: not known */
	uint32_t seq;	    /* of the group, from 0: a gap is how many were lost */
	bool numbered;	    /* it has a number: not what came before the numbering was asked for */
	const uint8_t *payload; /* from the network header on, as far as it was asked for */
	size_t len;
};

/*
 * Listens to a group in the namespace that the thread is in, and for its packets'
 * first @bytes (0: none of the payload; a rule's snaplen may be less). -EPERM:
 * somebody else does.
 */
int nsn_nflog_open(struct nsn_nflog **ret, uint16_t group, uint32_t bytes, struct nsnet_err *err);
void nsn_nflog_close(struct nsn_nflog *log);   /* NULL is fine */
int nsn_nflog_fd(const struct nsn_nflog *log); /* to wait for several with poll() */

/*
 * Waits for packets, at most @timeout_ms, and hands on those that have come together.
 * @each returns 0 or a negative errno, which ends it. Return: how many; 0: none came, or a signal;
 * -ENOBUFS: more came than were read, so some are lost, and it can go on
 */
int nsn_nflog_read(struct nsn_nflog *log, int timeout_ms,
		   int (*each)(const struct nsn_nflog_packet *p, void *arg), void *arg,
		   struct nsnet_err *err);

#endif
