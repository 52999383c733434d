/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_BASE_IP_H
#define NSN_BASE_IP_H

/*
 * ip - addresses, prefixes and MAC addresses: strict parsing, printing, order
 *
 * IPv4 and IPv6 are one type with a family, so that no function has a twin.
 * Text is accepted in one form only: no leading zeros (010.0.0.1 is octal to
 * some readers), no white space, no zone, four parts, nothing after the end.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nsn_ip {
	uint8_t family;	   /* AF_INET, AF_INET6; 0: none */
	uint8_t bytes[16]; /* network order, the first 4 for AF_INET; the rest zero */
};

struct nsn_prefix {
	struct nsn_ip ip;
	uint8_t len;
};

struct nsn_mac {
	uint8_t bytes[6];
};

#define NSN_IP_STRLEN	  46 /* INET6_ADDRSTRLEN */
#define NSN_PREFIX_STRLEN 50
#define NSN_MAC_STRLEN	  18

unsigned int nsn_ip_bits(const struct nsn_ip *ip); /* 32 or 128 */

/* Return: 0, or -EINVAL; @ret untouched then. Host bits are kept by the second. */
int nsn_ip_parse(struct nsn_ip *ret, const char *text);
int nsn_prefix_parse(struct nsn_prefix *ret, const char *text);

/* Into a buffer of the size above; returns @buf. */
const char *nsn_ip_str(const struct nsn_ip *ip, char buf[NSN_IP_STRLEN]);
const char *nsn_prefix_str(const struct nsn_prefix *p, char buf[NSN_PREFIX_STRLEN]);
const char *nsn_mac_str(const struct nsn_mac *mac, char buf[NSN_MAC_STRLEN]);

int nsn_ip_cmp(const struct nsn_ip *a, const struct nsn_ip *b);
int nsn_prefix_cmp(const struct nsn_prefix *a, const struct nsn_prefix *b);
int nsn_mac_cmp(const struct nsn_mac *a, const struct nsn_mac *b);

/* The network of an address: host bits cleared. */
struct nsn_ip nsn_prefix_network(const struct nsn_prefix *p);
/* The last address of the network. */
struct nsn_ip nsn_prefix_last(const struct nsn_prefix *p);
/* The mask as bytes, in the family of @p. */
struct nsn_ip nsn_prefix_mask(const struct nsn_prefix *p);
bool nsn_prefix_has(const struct nsn_prefix *p, const struct nsn_ip *ip);
bool nsn_prefix_overlap(const struct nsn_prefix *a, const struct nsn_prefix *b);
/* @ip plus @n; wraps at the end of the family. */
struct nsn_ip nsn_ip_add(const struct nsn_ip *ip, uint64_t n);

#endif
