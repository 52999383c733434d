/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <errno.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../nl/msg.h"

void *nsn_more(void **list, size_t *n, size_t *max, size_t size)
{
	if (*n == *max) {
		size_t more = *max ? *max * 2 : 16;
		void *grown = reallocarray(*list, more, size);

		if (!grown)
			return NULL;
		*list = grown;
		*max = more;
	}
	return memset((char *)*list + size * (*n)++, 0, size);
}

void *nsn_gather_add(struct nsn_gather *g)
{
	return nsn_more(&g->list, &g->n, &g->max, g->size);
}

int nsn_gather_end(struct nsn_gather *g, void **ret, size_t *n, struct nsnet_err *err)
{
	*ret = nsn_arena_memdup(g->mem, g->list ? g->list : "", g->list ? g->n * g->size : 0);
	*n = g->n;
	free(g->list);
	g->list = NULL;
	return *ret ? 0 : nsn_err_nomem(err);
}

static void restart(void *arg)
{
	struct nsn_gather *g = arg;

	g->n = 0;
}

int nsn_read_dump(struct nsn_nl *nl, int type, const void *header, size_t size,
		  int (*each)(const struct nlmsghdr *, void *, struct nsnet_err *),
		  struct nsn_gather *g, const char *what, struct nsnet_err *err)
{
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = nsn_msg_new(type, 0, header, size);
	const struct nsn_nl_sink sink = {.each = each, .restart = restart, .arg = g};
	int r;

	if (!msg)
		return nsn_err_nomem(err);
	r = nsn_nl_dump(nl, nlmsg_hdr(msg), &sink, err);
	return r < 0 ? nsn_err_wrap(err, r, "list %s", what) : 0;
}

uint32_t nsn_attr_u32(const struct nlattr *a, uint32_t none)
{
	return a && nla_len(a) >= 4 ? nla_get_u32(a) : none;
}

uint8_t nsn_attr_u8(const struct nlattr *a, uint8_t none)
{
	return a && nla_len(a) >= 1 ? nla_get_u8(a) : none;
}

struct nsn_ip nsn_attr_ip(uint8_t family, const struct nlattr *a)
{
	size_t len = family == AF_INET ? 4 : 16;
	struct nsn_ip ip = {0};

	if (!a || (size_t)nla_len(a) != len)
		return ip;
	ip.family = family;
	memcpy(ip.bytes, nla_data(a), len);
	return ip;
}

const char *nsn_attr_text(struct nsn_arena *mem, const struct nlattr *a)
{
	size_t len;
	char *copy;

	if (!a || nla_len(a) <= 0)
		return "";
	len = strnlen(nla_data(a), (size_t)nla_len(a));
	copy = nsn_arena_alloc(mem, len + 1);
	if (copy)
		memcpy(copy, nla_data(a), len);
	return copy;
}

int nsn_unreadable(const char *what, struct nsnet_err *err)
{
	return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable %s in the kernel's answer", what);
}
