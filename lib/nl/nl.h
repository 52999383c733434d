/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_NL_NL_H
#define NSN_NL_NL_H

/*
 * nl - the one netlink transport: requests, dumps, nft batches
 *
 * A socket belongs to the network namespace in which it was opened, for ever:
 * whoever holds it needs no setns() to talk to that namespace.
 *
 * Answers are matched by sequence number and come from the kernel (port 0) or
 * are not looked at. Errors carry the kernel's errno and, where it gave one,
 * its extended ack text; the message has no object's name yet, the caller
 * wraps it: "link 'br0': File exists".
 *
 * A lost answer is not a failed request: the kernel acts inside sendmsg(), so
 * when *receiving* fails (ENOBUFS, a timeout) the request may well have been
 * carried out. Such a failure is NSNET_E_UNSURE, whatever its errno; nothing
 * is ever sent again blindly. The caller reads the state and compares.
 *
 * libnl's NLE_* codes and libmnl's -1/0/1 never get past this folder.
 */
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"

struct nlmsghdr; /* <linux/netlink.h> */
struct nsn_nl;

/* @protocol: NETLINK_ROUTE or NETLINK_NETFILTER. -EPERM, -EMFILE, -ENOMEM, ... */
int nsn_nl_open(struct nsn_nl **ret, int protocol, struct nsnet_err *err);
/*
 * The same with a buffer of NSN_NL_BUFFER bytes that stays the caller's: one will do for all
 * sockets of a thread, as long as none of them is used while another's answer is looked at.
 */
#define NSN_NL_BUFFER 65536 /* for one datagram: dumps fill 32 KiB at most, acks are capped */
int nsn_nl_open_with(struct nsn_nl **ret, int protocol, char *buf, struct nsnet_err *err);
void nsn_nl_close(struct nsn_nl *nl); /* NULL is fine */

/*
 * nsn_nl_request() - Send one request and wait for its ack
 * @req: Complete but for flags NLM_F_REQUEST|NLM_F_ACK, sequence and port
 *
 * Return: 0, or the kernel's negative errno
 */
int nsn_nl_request(struct nsn_nl *nl, struct nlmsghdr *req, struct nsnet_err *err);

/*
 * What takes the messages of an answer. @each returns 0, or a negative errno
 * (with @err filled) that ends the whole thing. @restart is called before a
 * dump begins anew: forget what was collected.
 */
struct nsn_nl_sink {
	int (*each)(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err);
	void (*restart)(void *arg);
	void *arg;
};

/* One request whose answer is messages and then an ack (a GET without DUMP). */
int nsn_nl_get(struct nsn_nl *nl, struct nlmsghdr *req, const struct nsn_nl_sink *sink,
	       struct nsnet_err *err);

/*
 * nsn_nl_dump() - Read a whole table
 *
 * A dump that the kernel marks as interrupted (NLM_F_DUMP_INTR: the table
 * changed while it was read) is begun anew, at most NSN_NL_DUMP_TRIES times,
 * then -EBUSY (KERNEL).
 */
#define NSN_NL_DUMP_TRIES 16
int nsn_nl_dump(struct nsn_nl *nl, struct nlmsghdr *req, const struct nsn_nl_sink *sink,
		struct nsnet_err *err);

/* ---- nft batches: all or nothing ------------------------------------------ */

struct nsn_nl_batch;

int nsn_nl_batch_new(struct nsn_nl_batch **ret, struct nsnet_err *err);
void nsn_nl_batch_free(struct nsn_nl_batch *b); /* NULL is fine */

/*
 * nsn_nl_batch_add() - Room for one more message at the end of a batch
 * @type:  NFT_MSG_*
 * @nfproto: NFPROTO_*
 * @flags: NLM_F_CREATE, ...; NLM_F_REQUEST is added
 * @room:  The most that the payload can take; the batch grows as needed
 * @label: What the message is about, for the error ("chain 'input'"); copied
 *
 * The header is ready; the caller appends the payload with libnftnl. The
 * pointer holds until the next add.
 */
struct nlmsghdr *nsn_nl_batch_add(struct nsn_nl_batch *b, uint16_t type, uint16_t nfproto,
				  uint16_t flags, size_t room, const char *label,
				  struct nsnet_err *err);

/*
 * Sends the batch as one transaction. On failure nothing of it took effect and
 * the message begins with the label of the first message refused - save for
 * NSNET_E_UNSURE. An empty batch is success without a system call.
 */
int nsn_nl_batch_commit(struct nsn_nl *nl, struct nsn_nl_batch *b, struct nsnet_err *err);
/*
 * The same, but the kernel only says whether it would do it: nothing takes effect. The
 * batch is used up by either of them.
 */
int nsn_nl_batch_check(struct nsn_nl *nl, struct nsn_nl_batch *b, struct nsnet_err *err);

#endif
