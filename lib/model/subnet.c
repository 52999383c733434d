/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tenant.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "../base/text.h"

#define SHORTEST 8
#define LONGEST	 30
#define EXAMPLE	 "write it like 10.10.1.0/24"

/* Networks no host can have an address in, or that mean something else. */
static const struct {
	struct nsn_prefix net;
	const char *what;
} unusable[] = {
	{{{AF_INET, {255, 255, 255, 255}}, 32}, "255.255.255.255 is the broadcast address"},
	{{{AF_INET, {0}}, 8}, "0.0.0.0/8 means 'this network'"},
	{{{AF_INET, {127}}, 8}, "127.0.0.0/8 is loopback"},
	{{{AF_INET, {169, 254}}, 16}, "169.254.0.0/16 is link-local"},
	{{{AF_INET, {224}}, 4}, "224.0.0.0/4 is multicast"},
	{{{AF_INET, {240}}, 4}, "240.0.0.0/4 is reserved"},
};

/* @hint may be NULL. */
static int refuse(struct nsnet_err *err, const char *text, const char *why, const char *hint)
{
	char shown[NSN_SHOW_SIZE];

	nsn_err(err, -EINVAL, NSNET_E_BAD_SUBNET, "'%s' is not a subnet: %s",
		nsn_text_show(text, shown, sizeof(shown)), why);
	if (hint)
		nsn_err_hint(err, -EINVAL, "%s", hint);
	return -EINVAL;
}

static int refuse_but(struct nsnet_err *err, const char *text, const char *why,
		      const struct nsn_prefix *better)
{
	const struct nsn_prefix net = {.ip = nsn_prefix_network(better), .len = better->len};
	char buf[NSN_PREFIX_STRLEN];

	refuse(err, text, why, NULL);
	return nsn_err_hint(err, -EINVAL, "write %s", nsn_prefix_str(&net, buf));
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

static bool is_ipv6(const char *text)
{
	char buf[NSN_IP_STRLEN];
	struct nsn_ip ip;

	return head(text, "/%", buf) && nsn_ip_parse(&ip, buf) == 0 && ip.family == AF_INET6;
}

/* Why the four numbers are none; for text up to '/' that does not parse. */
static const char *address_fault(const char *text)
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

/* "255.255.255.0" as a length; false when the ones are not together. */
static bool mask_len(const char *text, uint8_t *ret)
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

static int parse_len(struct nsn_prefix *p, const char *text, const char *len, struct nsnet_err *err)
{
	size_t digits = strspn(len, "0123456789");
	uint64_t n;

	if (mask_len(len, &p->len))
		return refuse_but(err, text, "the length is written as a mask", p);
	if (digits == 0)
		return refuse(err, text,
			      *len ? "the prefix length is not a number"
				   : "the prefix length is missing",
			      EXAMPLE);
	if (len[digits])
		return refuse(err, text, "there is something after the prefix length", EXAMPLE);
	if (digits > 1 && len[0] == '0')
		return refuse(err, text, "the prefix length starts with 0", EXAMPLE);
	if (nsn_u64_parse(&n, len, 32) < 0)
		return refuse(err, text, "a prefix length is 32 at most; /8 to /30 can be used",
			      NULL);
	p->len = (uint8_t)n;
	return 0;
}

static int parse(struct nsn_prefix *ret, const char *text, struct nsnet_err *err)
{
	const char *slash = strchr(text, '/');
	struct nsn_prefix p = {.len = 24};
	char address[NSN_IP_STRLEN];
	int r;

	if (!head(text, "/", address) || nsn_ip_parse(&p.ip, address) < 0)
		return refuse(err, text, address_fault(text), EXAMPLE);
	if (!slash)
		return refuse_but(err, text, "the prefix length is missing", &p);
	r = parse_len(&p, text, slash + 1, err);
	if (r < 0)
		return r;
	*ret = p;
	return 0;
}

static int check_text(const char *text, struct nsnet_err *err)
{
	bool control = false, foreign = false, blank = false;

	if (!*text)
		return refuse(err, text, "it is empty", EXAMPLE);
	for (const char *s = text; *s; s++) {
		unsigned char c = (unsigned char)*s;

		blank |= strchr(" \t\n\v\f\r", c) != NULL;
		control |= c < 0x20 || c == 0x7f;
		foreign |= c >= 0x80;
	}
	if (blank)
		return refuse(err, text, "it has white space in it", EXAMPLE);
	if (control)
		return refuse(err, text, "it has a control character in it", EXAMPLE);
	if (foreign)
		return refuse(err, text, "it has a character in it that is not ASCII", EXAMPLE);
	if (is_ipv6(text))
		return refuse(err, text, "it is IPv6, only IPv4 can be used", EXAMPLE);
	return 0;
}

/* Ranges before host bits: to correct 127.0.0.1/8 would only be refused again. */
static int check_value(const struct nsn_prefix *p, const char *text, struct nsnet_err *err)
{
	const struct nsn_ip net = nsn_prefix_network(p);

	if (p->len < SHORTEST)
		return refuse(err, text, "it is too large, /8 to /30 can be used", NULL);
	for (size_t i = 0; i < NSN_COUNT(unusable); i++)
		if (i == 0 ? nsn_ip_cmp(&p->ip, &unusable[i].net.ip) == 0
			   : nsn_prefix_overlap(p, &unusable[i].net))
			return refuse(err, text, unusable[i].what, NULL);
	if (p->len > LONGEST)
		return refuse(err, text,
			      "it is too small for a gateway and a host, /8 to /30 can be used",
			      NULL);
	if (nsn_ip_cmp(&net, &p->ip) != 0)
		return refuse_but(err, text, "it has host bits set", p);
	return 0;
}

int nsn_subnet_parse(struct nsn_prefix *ret, const char *text, struct nsnet_err *err)
{
	struct nsn_prefix p = {0};
	int r;

	r = check_text(text, err);
	if (r < 0)
		return r;
	r = parse(&p, text, err);
	if (r < 0)
		return r;
	r = check_value(&p, text, err);
	if (r < 0)
		return r;
	*ret = p;
	return 0;
}
