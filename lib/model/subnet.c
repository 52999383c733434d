/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "parts.h"

/* A network no host can have an address in, or that means something else. */
struct range {
	struct nsn_prefix net; /* of full length: the address alone, with whatever length */
	const char *what;
};

static const struct range unusable4[] = {
	{{{AF_INET, {255, 255, 255, 255}}, 32}, "255.255.255.255 is the broadcast address"},
	{{{AF_INET, {0}}, 8}, "0.0.0.0/8 means 'this network'"},
	{{{AF_INET, {127}}, 8}, "127.0.0.0/8 is loopback"},
	{{{AF_INET, {169, 254}}, 16}, "169.254.0.0/16 is link-local"},
	{{{AF_INET, {224}}, 4}, "224.0.0.0/4 is multicast"},
	{{{AF_INET, {240}}, 4}, "240.0.0.0/4 is reserved"},
};

/* The last eight are all there is but 2000::/3 and fc00::/7. */
#define NOT_UNICAST "it is neither global (2000::/3) nor unique local (fc00::/7)"
static const struct range unusable6[] = {
	{{{AF_INET6, {0}}, 128}, ":: is the unspecified address"},
	{{{AF_INET6, {[15] = 1}}, 128}, "::1 is loopback"},
	{{{AF_INET6, {[10] = 0xff, 0xff}}, 96}, "::ffff:0:0/96 is IPv4 in IPv6 clothes"},
	{{{AF_INET6, {0, 0x64, 0xff, 0x9b}}, 96}, "64:ff9b::/96 is for translation to IPv4"},
	{{{AF_INET6, {0, 0x64, 0xff, 0x9b, 0, 1}}, 48},
	 "64:ff9b:1::/48 is for translation to IPv4"},
	{{{AF_INET6, {0x20, 0x01}}, 32}, "2001::/32 is Teredo's, a tunnel over IPv4"},
	{{{AF_INET6, {0x20, 0x02}}, 16}, "2002::/16 is 6to4's, a tunnel over IPv4"},
	{{{AF_INET6, {0xfe, 0x80}}, 10}, "fe80::/10 is link-local"},
	{{{AF_INET6, {0xff}}, 8}, "ff00::/8 is multicast"},
	{{{AF_INET6, {0}}, 3}, NOT_UNICAST},
	{{{AF_INET6, {0x40}}, 2}, NOT_UNICAST},
	{{{AF_INET6, {0x80}}, 2}, NOT_UNICAST},
	{{{AF_INET6, {0xc0}}, 3}, NOT_UNICAST},
	{{{AF_INET6, {0xe0}}, 4}, NOT_UNICAST},
	{{{AF_INET6, {0xf0}}, 5}, NOT_UNICAST},
	{{{AF_INET6, {0xf8}}, 6}, NOT_UNICAST},
	{{{AF_INET6, {0xfe}}, 7}, NOT_UNICAST},
};

/* What differs between the two; the rest of this file is about both. */
static const struct family {
	uint8_t family, bits;
	uint8_t shortest, longest; /* that can be used */
	uint8_t usual;		   /* `auto`, and to complete what has no length */
	uint8_t auto_shortest, auto_longest;
	const char *what, *can, *most, *example, *foreign;
	const struct range *unusable;
	size_t n_unusable;
} families[] = {
	{AF_INET, 32, 8, 30, 24, 16, 30, "a subnet", "/8 to /30 can be used",
	 "a prefix length is 32 at most; /8 to /30 can be used", "10.10.1.0/24",
	 "it is IPv6, only IPv4 can be used", unusable4, NSN_COUNT(unusable4)},
	{AF_INET6, 128, 48, 126, 64, 64, 64, "an IPv6 subnet", "/48 to /126 can be used",
	 "a prefix length is 128 at most; /48 to /126 can be used", "fd00:1::/64",
	 "it is IPv4, only IPv6 can be used", unusable6, NSN_COUNT(unusable6)},
};

static const struct family *family_of(uint8_t family)
{
	return &families[family == AF_INET6];
}

static int refuse(struct nsnet_err *err, const struct family *f, const char *text, const char *why)
{
	char shown[NSN_SHOW_SIZE];

	return nsn_err(err, -EINVAL, NSNET_E_BAD_SUBNET, "'%s' is not %s: %s",
		       nsn_text_show(text, shown, sizeof(shown)), f->what, why);
}

static int refuse_like(struct nsnet_err *err, const struct family *f, const char *text,
		       const char *why)
{
	refuse(err, f, text, why);
	return nsn_err_hint(err, -EINVAL, "write it like %s", f->example);
}

static int refuse_but(struct nsnet_err *err, const struct family *f, const char *text,
		      const char *why, const struct nsn_prefix *better)
{
	const struct nsn_prefix net = {.ip = nsn_prefix_network(better), .len = better->len};
	char buf[NSN_PREFIX_STRLEN];

	refuse(err, f, text, why);
	return nsn_err_hint(err, -EINVAL, "write %s", nsn_prefix_str(&net, buf));
}

/* What is wrong, and how large or small it may be. */
static int refuse_size(struct nsnet_err *err, const struct family *f, const char *text,
		       const char *why)
{
	char buf[96];

	(void)snprintf(buf, sizeof(buf), "%s, %s", why, f->can);
	return refuse(err, f, text, buf);
}

/* What is there before @stop, or NULL when it is longer than any address. */
static const char *head(const char *text, const char *stop, char buf[NSN_IP_STRLEN])
{
	size_t len = strcspn(text, stop);

	if (len >= NSN_IP_STRLEN)
		return NULL;
	memcpy(buf, text, len);
	buf[len] = '\0';
	return buf;
}

/* The family of the address it begins with; 0: it begins with none. */
static uint8_t starts_with(const char *text)
{
	char buf[NSN_IP_STRLEN];
	struct nsn_ip ip;

	return head(text, "/%", buf) && nsn_ip_parse(&ip, buf) == 0 ? ip.family : 0;
}

const char *nsn_ip4_fault(const char *text)
{
	unsigned int parts = 0;

	for (;; text++) {
		size_t digits = strspn(text, "0123456789");

		if (digits == 0 || !strchr("./", text[digits]))
			return "an address is four numbers with dots between them";
		if (digits > 1 && text[0] == '0')
			return "a number starts with 0, which some programs take for octal";
		if (digits > 3 || (digits == 3 && strncmp(text, "255", 3) > 0))
			return "a number is greater than 255";
		parts++;
		text += digits;
		if (*text != '.')
			break;
	}
	return parts < 4 ? "an address has four numbers, here are fewer"
			 : "an address has four numbers, here are more";
}

/* false also when the ones are not together. */
bool nsn_mask_len(const char *text, uint8_t *ret)
{
	struct nsn_prefix p = {0};
	struct nsn_ip mask, same;

	if (nsn_ip_parse(&mask, text) < 0 || mask.family != AF_INET)
		return false;
	p.ip.family = AF_INET;
	for (p.len = 0; p.len <= 32; p.len++) {
		same = nsn_prefix_mask(&p);
		if (nsn_ip_cmp(&same, &mask) == 0) {
			*ret = p.len;
			return true;
		}
	}
	return false;
}

static int parse_len(struct nsn_prefix *p, const struct family *f, const char *text,
		     const char *len, struct nsnet_err *err)
{
	size_t digits = strspn(len, "0123456789");
	uint64_t n;

	if (f->family == AF_INET && nsn_mask_len(len, &p->len))
		return refuse_but(err, f, text, "the length is written as a mask", p);
	if (digits == 0)
		return refuse_like(err, f, text,
				   *len ? "the prefix length is not a number"
					: "the prefix length is missing");
	if (len[digits])
		return refuse_like(err, f, text, "there is something after the prefix length");
	if (digits > 1 && len[0] == '0')
		return refuse_like(err, f, text, "the prefix length starts with 0");
	if (nsn_u64_parse(&n, len, f->bits) < 0)
		return refuse(err, f, text, f->most);
	p->len = (uint8_t)n;
	return 0;
}

static int parse(struct nsn_prefix *ret, const struct family *f, const char *text,
		 struct nsnet_err *err)
{
	const char *slash = strchr(text, '/');
	struct nsn_prefix p = {.len = f->usual};
	char address[NSN_IP_STRLEN];
	int r;

	if (!head(text, "/", address) || nsn_ip_parse(&p.ip, address) < 0)
		return refuse_like(err, f, text,
				   f->family == AF_INET
					   ? nsn_ip4_fault(text)
					   : "an address is hexadecimal numbers with ':' "
					     "between them, once '::'");
	if (!slash)
		return refuse_but(err, f, text, "the prefix length is missing", &p);
	r = parse_len(&p, f, text, slash + 1, err);
	if (r < 0)
		return r;
	*ret = p;
	return 0;
}

/* One that would be taken by --subnet6 is the hint; any other would only be refused again. */
static int refuse_foreign(struct nsnet_err *err, const struct family *f, const char *text)
{
	struct nsn_prefix p;

	if (f->family == AF_INET6)
		return refuse_like(err, f, text, f->foreign);
	refuse(err, f, text, f->foreign);
	return nsn_err_hint(err, -EINVAL, "--subnet6 %s",
			    nsn_subnet6_parse(&p, text, NULL) == 0 ? text : families[1].example);
}

static int check_text(const struct family *f, const char *text, struct nsnet_err *err)
{
	bool control = false, foreign = false, blank = false;
	uint8_t family = starts_with(text);

	if (!*text)
		return refuse_like(err, f, text, "it is empty");
	for (const char *s = text; *s; s++) {
		unsigned char c = (unsigned char)*s;

		blank |= strchr(" \t\n\v\f\r", c) != NULL;
		control |= c < 0x20 || c == 0x7f;
		foreign |= c >= 0x80;
	}
	if (blank)
		return refuse_like(err, f, text, "it has white space in it");
	if (control)
		return refuse_like(err, f, text, "it has a control character in it");
	if (foreign)
		return refuse_like(err, f, text, "it has a character in it that is not ASCII");
	if (family && family != f->family)
		return refuse_foreign(err, f, text);
	if (family == AF_INET6 && strchr(text, '%'))
		return refuse_like(err, f, text, "it has a zone in it, which is part of no subnet");
	return 0;
}

static bool within(const struct nsn_prefix *p, const struct range *range)
{
	if (range->net.len == nsn_ip_bits(&p->ip))
		return nsn_ip_cmp(&p->ip, &range->net.ip) == 0;
	return p->len >= range->net.len && nsn_prefix_has(&range->net, &p->ip);
}

/*
 * Ranges before sizes: 224.0.0.0/4 is not better for being smaller. Ranges
 * before host bits: to correct 127.0.0.1/8 would only be refused again.
 */
static int check_value(const struct family *f, const struct nsn_prefix *p, const char *text,
		       struct nsnet_err *err)
{
	const struct nsn_ip net = nsn_prefix_network(p);

	if (p->len == 0)
		return refuse_size(err, f, text, "/0 is every address there is");
	for (size_t i = 0; i < f->n_unusable; i++)
		if (within(p, &f->unusable[i]))
			return refuse(err, f, text, f->unusable[i].what);
	if (p->len < f->shortest)
		return refuse_size(err, f, text, "it is too large");
	for (size_t i = 0; i < f->n_unusable; i++)
		if (f->unusable[i].net.len < f->bits && nsn_prefix_overlap(p, &f->unusable[i].net))
			return refuse(err, f, text, f->unusable[i].what);
	if (p->len > f->longest)
		return refuse_size(err, f, text, "it is too small for a gateway and a host");
	if (nsn_ip_cmp(&net, &p->ip) != 0)
		return refuse_but(err, f, text, "it has host bits set", p);
	return 0;
}

static int parse_subnet(struct nsn_prefix *ret, const struct family *f, const char *text,
			struct nsnet_err *err)
{
	struct nsn_prefix p = {0};
	int r;

	r = check_text(f, text, err);
	if (r == 0)
		r = parse(&p, f, text, err);
	if (r == 0)
		r = check_value(f, &p, text, err);
	if (r == 0)
		*ret = p;
	return r;
}

int nsn_subnet_parse(struct nsn_prefix *ret, const char *text, struct nsnet_err *err)
{
	return parse_subnet(ret, family_of(AF_INET), text, err);
}

int nsn_subnet6_parse(struct nsn_prefix *ret, const char *text, struct nsnet_err *err)
{
	return parse_subnet(ret, family_of(AF_INET6), text, err);
}

/* ---- as a setting ----------------------------------------------------------- */

static int parse_auto(struct nsn_prefix *ret, const struct family *f, const char *text,
		      const char *len, struct nsnet_err *err)
{
	uint64_t n;

	if (nsn_u64_parse(&n, len, f->auto_longest) < 0 || n < f->auto_shortest) {
		refuse(err, f, text,
		       f->family == AF_INET ? "an automatic one is auto/16 to auto/30"
					    : "an automatic one is always a /64");
		return nsn_err_hint(err, -EINVAL, "write auto%s",
				    f->family == AF_INET ? ", which is auto/24" : "");
	}
	*ret = (struct nsn_prefix){.len = (uint8_t)n};
	return 0;
}

bool nsn_prefix_off(const struct nsn_prefix *p)
{
	return p->ip.family == 0 && p->len == 0;
}

int nsn_subnet_setting(struct nsn_prefix *ret, uint8_t family, const char *text,
		       struct nsnet_err *err)
{
	const struct family *f = family_of(family);

	if (strcmp(text, "none") == 0) {
		if (f->family == AF_INET)
			return refuse_like(err, f, text, "every tenant has an IPv4 subnet");
		*ret = (struct nsn_prefix){0};
		return 0;
	}
	if (strcmp(text, "auto") == 0) {
		*ret = (struct nsn_prefix){.len = f->usual};
		return 0;
	}
	if (strncmp(text, "auto/", 5) == 0)
		return parse_auto(ret, f, text, text + 5, err);
	return parse_subnet(ret, f, text, err);
}
