/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_NFTRACE_H
#define NSN_KERNEL_NFTRACE_H

/*
 * nftrace - what the rules of a namespace do to the packets of one flow
 *
 * Tables of our own ask for it, before all other chains; they accept everything, and belong to
 * our socket (NFT_TABLE_F_OWNER, kernel 5.12), so the kernel takes them away when it is closed,
 * also when we are killed.
 */
#include <stdbool.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/ip.h"

struct nsn_nftrace;

/* Packets as they come in, before anything translates them. */
struct nsn_nftrace_flow {
	struct nsn_ip src, dst;
	uint8_t proto;
	/* Of TCP, UDP, SCTP; of ICMP the id of an echo, and the type. 0 for sport: any. */
	uint16_t sport, dport;
};

enum nsn_nftrace_kind {
	NSN_NFTRACE_BEGIN, /* our own rule has seen it: first on `bridge`, then (again) on `inet` */
	NSN_NFTRACE_RULE,  /* a rule matched */
	NSN_NFTRACE_RETURN, /* a chain came to its end, or back */
	NSN_NFTRACE_POLICY, /* a base chain's policy decided */
};

/* Valid only while it is handed on. */
struct nsn_nftrace_event {
	enum nsn_nftrace_kind kind;
	uint8_t family;		   /* NFPROTO_* of the table */
	const char *table, *chain; /* "" when the kernel does not say */
	uint64_t handle;	   /* of a rule */
	int32_t verdict;	   /* NF_ACCEPT, NF_DROP, NFT_JUMP, ... */
	const char *to;		   /* of jump and goto; "" */
	uint32_t mark;
	uint32_t in, out; /* links; told at the beginning of a base chain only, else 0 */
};

/*
 * nsn_nftrace_open() - Trace a flow in the namespace that the thread is in
 * @table: What our tables are called meanwhile (families inet and bridge); nobody has it
 *
 * Return: 0; -EOPNOTSUPP: a kernel that would leave the tables; -EEXIST, -EPERM, ...
 */
int nsn_nftrace_open(struct nsn_nftrace **ret, const char *table,
		     const struct nsn_nftrace_flow *flow, struct nsnet_err *err);
void nsn_nftrace_close(struct nsn_nftrace *t); /* the tables go; NULL is fine */
int nsn_nftrace_fd(const struct nsn_nftrace *t);

/*
 * Hands on all that has come, without waiting; of our own tables NSN_NFTRACE_BEGIN only. @each
 * returns 0 or a negative errno, which ends it. Return: how many; -ENOBUFS: some are lost, and it
 * can go on
 */
int nsn_nftrace_read(struct nsn_nftrace *t,
		     int (*each)(const struct nsn_nftrace_event *e, void *arg), void *arg,
		     struct nsnet_err *err);

#endif
