// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include "read_parts.h"

static void take(struct nsn_at *ret, const struct nlattr *a, uint32_t known)
{
	uint16_t type = mnl_attr_get_type(a);

	if (type >= NSN_AT_MAX || !(known & 1U << type))
		ret->more = true;
	else
		ret->a[type] = a;
}

static const struct nlattr *fits(const void *p, const char *end)
{
	const struct nlattr *a = p;

	return mnl_attr_ok(a, (int)(end - (const char *)p)) ? a : NULL;
}

const struct nlattr *nsn_at_next(const struct nlattr *nest, const struct nlattr *prev)
{
	const char *begin = mnl_attr_get_payload(nest);

	return fits(prev ? (const char *)prev + MNL_ALIGN(prev->nla_len) : begin,
		    begin + mnl_attr_get_payload_len(nest));
}

void nsn_at_nest(struct nsn_at *ret, const struct nlattr *nest, uint32_t known)
{
	const struct nlattr *a;

	*ret = (struct nsn_at){0};
	if (!nest)
		return;
	NSN_AT_EACH(a, nest) take(ret, a, known);
}

void nsn_at_msg(struct nsn_at *ret, const struct nlmsghdr *msg, uint32_t known)
{
	const char *p = mnl_nlmsg_get_payload_offset(msg, sizeof(struct nfgenmsg));
	const char *end = mnl_nlmsg_get_payload_tail(msg);

	*ret = (struct nsn_at){0};
	for (const struct nlattr *a = fits(p, end); a;
	     a = fits((const char *)a + MNL_ALIGN(a->nla_len), end))
		take(ret, a, known);
}

uint64_t nsn_at_num(const struct nlattr *a)
{
	const uint8_t *p = a ? mnl_attr_get_payload(a) : NULL;
	size_t len = a ? mnl_attr_get_payload_len(a) : 0;
	uint64_t n = 0;

	for (size_t i = 0; i < len && i < sizeof(n); i++)
		n = n << 8 | p[i];
	return n;
}

/* A comment: nothing depends on it. Bytes above 0x7f, too: what is saved is JSON. */
static const char *text(struct nsn_arena *mem, const char *p, size_t len)
{
	size_t n = len ? strnlen(p, len) : 0;
	char *s = nsn_arena_alloc(mem, n + 1);

	for (size_t i = 0; s && i < n; i++)
		s[i] = (char)(p[i] >= 0x20 && p[i] < 0x7f ? p[i] : '?');
	return s;
}

/* Two names must not become one, so what cannot be shown is written as \x1b, and \ as \x5c. */
const char *nsn_at_show(char buf[NSN_AT_NAME], const struct nlattr *a)
{
	static const char hex[] = "0123456789abcdef";
	const char *p = a ? mnl_attr_get_payload(a) : NULL;
	size_t n = p ? strnlen(p, mnl_attr_get_payload_len(a)) : 0, at = 0;

	if (n >= NSN_AT_NAME / 4)
		n = NSN_AT_NAME / 4 - 1;
	for (size_t i = 0; i < n; i++) {
		if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\\') {
			buf[at++] = p[i];
			continue;
		}
		buf[at++] = '\\';
		buf[at++] = 'x';
		buf[at++] = hex[(uint8_t)p[i] >> 4];
		buf[at++] = hex[p[i] & 0xf];
	}
	buf[at] = '\0';
	return buf;
}

const char *nsn_at_str(struct nsn_arena *mem, const struct nlattr *a)
{
	char buf[NSN_AT_NAME];

	return a ? nsn_arena_strdup(mem, nsn_at_show(buf, a)) : "";
}

bool nsn_at_is(const struct nlattr *a, const char *name)
{
	const char *p = a ? mnl_attr_get_payload(a) : NULL;
	size_t len = p ? strnlen(p, mnl_attr_get_payload_len(a)) : 0;

	return p && len == strlen(name) && memcmp(p, name, len) == 0;
}

/* Userdata is a row of type, length, value, as libnftnl writes it; the kernel does not look. */
const char *nsn_at_comment(struct nsn_arena *mem, const struct nlattr *a, uint8_t type)
{
	const uint8_t *p = a ? mnl_attr_get_payload(a) : NULL;
	size_t len = a ? mnl_attr_get_payload_len(a) : 0;

	while (len >= 2 && len - 2 >= p[1]) {
		if (p[0] == type)
			return text(mem, (const char *)p + 2, p[1]);
		len -= 2U + p[1];
		p += 2U + p[1];
	}
	return "";
}

/* Lists double when their number reaches a power of two: no capacity to carry along. */
void *nsn_grow(struct nsn_arena *mem, void *list, size_t *n, size_t size)
{
	char *to = list;

	if (*n == 0 || (*n >= 4 && (*n & (*n - 1)) == 0)) {
		to = nsn_arena_alloc(mem, (*n ? *n * 2 : 4) * size);
		if (!to)
			return NULL;
		if (*n)
			memcpy(to, list, *n * size);
	}
	memset(to + *n * size, 0, size);
	(*n)++;
	return to;
}

int nsn_strange(struct nsn_arena *mem, struct nsn_vns *ns, const char *word, struct nsnet_err *err)
{
	const char **list;

	if (!word)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < ns->n_strange; i++)
		if (strcmp(ns->strange[i], word) == 0)
			return 0;
	/* Others add to it as well, so it is copied; there are hardly ever any. */
	list = nsn_arena_alloc(mem, (ns->n_strange + 1) * sizeof(*list));
	if (!list)
		return nsn_err_nomem(err);
	if (ns->n_strange)
		memcpy(list, ns->strange, ns->n_strange * sizeof(*list));
	list[ns->n_strange] = word;
	ns->strange = list;
	ns->n_strange++;
	return 0;
}
