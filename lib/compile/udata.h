/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_COMPILE_UDATA_H
#define NSN_COMPILE_UDATA_H

/*
 * udata - what `nft` keeps with a set to be able to print it. Of pins.c, policies.c and
 * host_sets.c.
 *
 * The kernel stores these bytes and looks at none. They are attributes of one
 * byte type, one byte length, and value; numbers are 32 bits in the byte order of
 * the host (libnftnl's udata.h, nftables' include/expression.h). Without them nft
 * prints the keys in the wrong byte order, or not at all.
 */
#include <stdint.h>

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define UDATA_U32(type, n) (type), 4, 0, 0, 0, (n)
#define UDATA_256(type)	   (type), 4, 0, 0, 1, 0
#else
#define UDATA_U32(type, n) (type), 4, (n), 0, 0, 0
#define UDATA_256(type)	   (type), 4, 0, 1, 0, 0
#endif

enum {
	UDATA_KEYBYTEORDER = 0, /* NFTNL_UDATA_SET_KEYBYTEORDER; 0: as the parts have it, 1: host's,
				   2: network's */
	UDATA_DATABYTEORDER = 1, /* NFTNL_UDATA_SET_DATABYTEORDER; 1: host's, 2: network's */
	UDATA_KEY_TYPEOF = 3,	 /* NFTNL_UDATA_SET_KEY_TYPEOF */
	UDATA_DATA_TYPEOF = 4,	 /* NFTNL_UDATA_SET_DATA_TYPEOF */
	UDATA_DATA_INTERVAL = 6, /* NFTNL_UDATA_SET_DATA_INTERVAL */
	UDATA_EXPR = 0,		 /* NFTNL_UDATA_SET_TYPEOF_EXPR: the kind of expression */
	UDATA_DATA = 1,		 /* NFTNL_UDATA_SET_TYPEOF_DATA: what it has */
	EXPR_CONCAT = 13,
	EXPR_META = 9,
	EXPR_PAYLOAD = 7,
	META_IIFNAME = 6,
	PAYLOAD_ETHER = 17, /* its description, and the field in it */
	PAYLOAD_ETHER_SADDR = 2,
	PAYLOAD_IP = 12,
	PAYLOAD_IP_SADDR = 11,
	PAYLOAD_IP6 = 13,
	PAYLOAD_IP6_SADDR = 8,
	PAYLOAD_RAW = 0,
	BASE_TRANSPORT = 3,
};

/*
 * All of it as nft 1.0.6 itself writes it: what it saved and loads again is then
 * no drift. (`typeof` of a concatenation of types has nothing in it.)
 */

/* A number in network order. */
static const uint8_t udata_number[] = {UDATA_U32(UDATA_KEYBYTEORDER, 0)};
/* type ether_addr */
static const uint8_t udata_network[] = {UDATA_U32(UDATA_KEYBYTEORDER, 2)};
/* type A . B ...: also ifname . ether_addr . ADDRESS */
static const uint8_t udata_concat[] = {UDATA_U32(UDATA_KEYBYTEORDER, 0),   UDATA_KEY_TYPEOF, 8,
				       UDATA_U32(UDATA_EXPR, EXPR_CONCAT), UDATA_DATA,	     0};
/* type ifname */
static const uint8_t udata_name[] = {UDATA_U32(UDATA_KEYBYTEORDER, 1)};
/* type ifname : limit. A name of a link is a number in the byte order of the host, to nft. */
static const uint8_t udata_name_map[] = {UDATA_U32(UDATA_KEYBYTEORDER, 1),
					 UDATA_U32(UDATA_DATA_INTERVAL, 0)};

/* type A . B ... : mark, with ranges */
static const uint8_t udata_ranges_mark[] = {UDATA_U32(UDATA_KEYBYTEORDER, 0),
					    UDATA_U32(UDATA_DATABYTEORDER, 1),
					    UDATA_KEY_TYPEOF,
					    8,
					    UDATA_U32(UDATA_EXPR, EXPR_CONCAT),
					    UDATA_DATA,
					    0,
					    UDATA_U32(UDATA_DATA_INTERVAL, 0)};
/* type ifname : ADDRESS */
static const uint8_t udata_name_address[] = {UDATA_U32(UDATA_KEYBYTEORDER, 1),
					     UDATA_U32(UDATA_DATABYTEORDER, 2),
					     UDATA_U32(UDATA_DATA_INTERVAL, 0)};

/* type A . B ... : C . D ... */
static const uint8_t udata_concat_concat[] = {UDATA_U32(UDATA_KEYBYTEORDER, 0),
					      UDATA_U32(UDATA_DATABYTEORDER, 0),
					      UDATA_KEY_TYPEOF,
					      8,
					      UDATA_U32(UDATA_EXPR, EXPR_CONCAT),
					      UDATA_DATA,
					      0,
					      UDATA_DATA_TYPEOF,
					      8,
					      UDATA_U32(UDATA_EXPR, EXPR_CONCAT),
					      UDATA_DATA,
					      0,
					      UDATA_U32(UDATA_DATA_INTERVAL, 0)};

/* clang-format off: the indentation is the nesting. */
/* typeof iifname . ether saddr . @th,64,128 */
static const uint8_t udata_nd[] = {
	UDATA_U32(UDATA_KEYBYTEORDER, 0),
	UDATA_KEY_TYPEOF,
	86,
	UDATA_U32(UDATA_EXPR, EXPR_CONCAT),
	UDATA_DATA,
	78,
	0,
	14, /* the first part */
	UDATA_U32(UDATA_EXPR, EXPR_META),
	UDATA_DATA,
	6,
	UDATA_U32(0, META_IIFNAME),
	1,
	20,
	UDATA_U32(UDATA_EXPR, EXPR_PAYLOAD),
	UDATA_DATA,
	12,
	UDATA_U32(0, PAYLOAD_ETHER),
	UDATA_U32(1, PAYLOAD_ETHER_SADDR),
	2,
	38,
	UDATA_U32(UDATA_EXPR, EXPR_PAYLOAD),
	UDATA_DATA,
	30,
	UDATA_U32(0, PAYLOAD_RAW),
	UDATA_U32(1, PAYLOAD_RAW),
	UDATA_U32(2, BASE_TRANSPORT),
	UDATA_U32(3, 64),
	UDATA_U32(4, 128),
};
/* typeof ip saddr . @th,192,32 */
static const uint8_t udata_self4[] = {
	UDATA_U32(UDATA_KEYBYTEORDER, 0),
	UDATA_KEY_TYPEOF,
	70,
	UDATA_U32(UDATA_EXPR, EXPR_CONCAT),
	UDATA_DATA,
	62,
	0,
	20, /* the first part */
	UDATA_U32(UDATA_EXPR, EXPR_PAYLOAD),
	UDATA_DATA,
	12,
	UDATA_U32(0, PAYLOAD_IP),
	UDATA_U32(1, PAYLOAD_IP_SADDR),
	1,
	38,
	UDATA_U32(UDATA_EXPR, EXPR_PAYLOAD),
	UDATA_DATA,
	30,
	UDATA_U32(0, PAYLOAD_RAW),
	UDATA_U32(1, PAYLOAD_RAW),
	UDATA_U32(2, BASE_TRANSPORT),
	UDATA_U32(3, 192),
	UDATA_U32(4, 32),
};
/* typeof ip6 saddr . @th,256,128 */
static const uint8_t udata_self6[] = {
	UDATA_U32(UDATA_KEYBYTEORDER, 0),
	UDATA_KEY_TYPEOF,
	70,
	UDATA_U32(UDATA_EXPR, EXPR_CONCAT),
	UDATA_DATA,
	62,
	0,
	20, /* the first part */
	UDATA_U32(UDATA_EXPR, EXPR_PAYLOAD),
	UDATA_DATA,
	12,
	UDATA_U32(0, PAYLOAD_IP6),
	UDATA_U32(1, PAYLOAD_IP6_SADDR),
	1,
	38,
	UDATA_U32(UDATA_EXPR, EXPR_PAYLOAD),
	UDATA_DATA,
	30,
	UDATA_U32(0, PAYLOAD_RAW),
	UDATA_U32(1, PAYLOAD_RAW),
	UDATA_U32(2, BASE_TRANSPORT),
	UDATA_256(3),
	UDATA_U32(4, 128),
};
/* typeof iifname . @th,192,32 */
static const uint8_t udata_quoted4[] = {
	UDATA_U32(UDATA_KEYBYTEORDER, 0),
	UDATA_KEY_TYPEOF,
	64,
	UDATA_U32(UDATA_EXPR, EXPR_CONCAT),
	UDATA_DATA,
	56,
	0,
	14, /* the first part */
	UDATA_U32(UDATA_EXPR, EXPR_META),
	UDATA_DATA,
	6,
	UDATA_U32(0, META_IIFNAME),
	1,
	38,
	UDATA_U32(UDATA_EXPR, EXPR_PAYLOAD),
	UDATA_DATA,
	30,
	UDATA_U32(0, PAYLOAD_RAW),
	UDATA_U32(1, PAYLOAD_RAW),
	UDATA_U32(2, BASE_TRANSPORT),
	UDATA_U32(3, 192),
	UDATA_U32(4, 32),
};
/* typeof iifname . @th,256,128 */
static const uint8_t udata_quoted6[] = {
	UDATA_U32(UDATA_KEYBYTEORDER, 0),
	UDATA_KEY_TYPEOF,
	64,
	UDATA_U32(UDATA_EXPR, EXPR_CONCAT),
	UDATA_DATA,
	56,
	0,
	14, /* the first part */
	UDATA_U32(UDATA_EXPR, EXPR_META),
	UDATA_DATA,
	6,
	UDATA_U32(0, META_IIFNAME),
	1,
	38,
	UDATA_U32(UDATA_EXPR, EXPR_PAYLOAD),
	UDATA_DATA,
	30,
	UDATA_U32(0, PAYLOAD_RAW),
	UDATA_U32(1, PAYLOAD_RAW),
	UDATA_U32(2, BASE_TRANSPORT),
	UDATA_256(3),
	UDATA_U32(4, 128),
};
/* clang-format on */

#endif
