/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "text.h"

unsigned int nsn_ip_bits(const struct nsn_ip *ip)
{
	return ip->family == AF_INET6 ? 128 : 32;
}

static size_t width(const struct nsn_ip *ip)
{
	return nsn_ip_bits(ip) / 8;
}

/*
 * inet_pton() is as strict as we are in all C libraries we know. Should one
 * take other forms, then what it took does not print as it was written.
 */
static int parse4(struct nsn_ip *ret, const char *text)
{
	struct nsn_ip ip = {.family = AF_INET};
	char again[NSN_IP_STRLEN];

	if (inet_pton(AF_INET, text, ip.bytes) != 1 || strcmp(nsn_ip_str(&ip, again), text) != 0)
		return -EINVAL;
	*ret = ip;
	return 0;
}

int nsn_ip_parse(struct nsn_ip *ret, const char *text)
{
	struct nsn_ip ip = {.family = AF_INET6};

	if (!strchr(text, ':'))
		return parse4(ret, text);
	if (inet_pton(AF_INET6, text, ip.bytes) != 1)
		return -EINVAL;
	*ret = ip;
	return 0;
}

int nsn_prefix_parse(struct nsn_prefix *ret, const char *text)
{
	const char *slash = strchr(text, '/');
	char address[NSN_IP_STRLEN];
	struct nsn_prefix p;
	uint64_t len;

	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';

	if (nsn_ip_parse(&p.ip, address) < 0)
		return -EINVAL;
	if (nsn_u64_parse(&len, slash + 1, nsn_ip_bits(&p.ip)) < 0)
		return -EINVAL;
	p.len = (uint8_t)len;
	*ret = p;
	return 0;
}

const char *nsn_ip_str(const struct nsn_ip *ip, char buf[NSN_IP_STRLEN])
{
	if (!ip->family || !inet_ntop(ip->family, ip->bytes, buf, NSN_IP_STRLEN))
		buf[0] = '\0';
	return buf;
}

const char *nsn_prefix_str(const struct nsn_prefix *p, char buf[NSN_PREFIX_STRLEN])
{
	size_t n;

	nsn_ip_str(&p->ip, buf);
	n = strlen(buf);
	(void)snprintf(buf + n, NSN_PREFIX_STRLEN - n, "/%u", p->len);
	return buf;
}

const char *nsn_mac_str(const struct nsn_mac *mac, char buf[NSN_MAC_STRLEN])
{
	const uint8_t *b = mac->bytes;

	(void)snprintf(buf, NSN_MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3],
		       b[4], b[5]);
	return buf;
}

int nsn_ip_cmp(const struct nsn_ip *a, const struct nsn_ip *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

int nsn_prefix_cmp(const struct nsn_prefix *a, const struct nsn_prefix *b)
{
	int r = nsn_ip_cmp(&a->ip, &b->ip);

	return r ? r : (int)a->len - (int)b->len;
}

int nsn_mac_cmp(const struct nsn_mac *a, const struct nsn_mac *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

struct nsn_ip nsn_prefix_mask(const struct nsn_prefix *p)
{
	const unsigned int bits = p->len < nsn_ip_bits(&p->ip) ? p->len : nsn_ip_bits(&p->ip);
	struct nsn_ip mask = {.family = p->ip.family};

	memset(mask.bytes, 0xff, bits / 8);
	if (bits % 8)
		mask.bytes[bits / 8] = (uint8_t)(0xff00 >> bits % 8);
	return mask;
}

struct nsn_ip nsn_prefix_network(const struct nsn_prefix *p)
{
	struct nsn_ip mask = nsn_prefix_mask(p);
	struct nsn_ip ip = p->ip;

	for (size_t i = 0; i < width(&ip); i++)
		ip.bytes[i] &= mask.bytes[i];
	return ip;
}

struct nsn_ip nsn_prefix_last(const struct nsn_prefix *p)
{
	struct nsn_ip mask = nsn_prefix_mask(p);
	struct nsn_ip ip = p->ip;

	for (size_t i = 0; i < width(&ip); i++)
		ip.bytes[i] |= (uint8_t)~mask.bytes[i];
	return ip;
}

bool nsn_prefix_has(const struct nsn_prefix *p, const struct nsn_ip *ip)
{
	const struct nsn_prefix other = {.ip = *ip, .len = p->len};
	struct nsn_ip a = nsn_prefix_network(p);
	struct nsn_ip b = nsn_prefix_network(&other);

	return nsn_ip_cmp(&a, &b) == 0;
}

bool nsn_prefix_overlap(const struct nsn_prefix *a, const struct nsn_prefix *b)
{
	return a->len <= b->len ? nsn_prefix_has(a, &b->ip) : nsn_prefix_has(b, &a->ip);
}

struct nsn_ip nsn_ip_add(const struct nsn_ip *ip, uint64_t n)
{
	struct nsn_ip sum = *ip;
	unsigned int carry = 0;

	for (size_t i = width(ip); i-- > 0; n >>= 8) {
		carry += sum.bytes[i] + (unsigned int)(n & 0xff);
		sum.bytes[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return sum;
}
