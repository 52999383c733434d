/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dump.h"

#include <errno.h>
#include <string.h>

#include "../nl/msg.h"
#include "link.h"

static void restart(void *arg)
{
	const struct nsn_dump *d = arg;

	d->state->n = d->start;
}

int nsn_dump_all(struct nsn_nl *nl, int type, const void *header, size_t size,
		 int (*each)(const struct nlmsghdr *, void *, struct nsnet_err *),
		 struct nsn_state *ret, struct nsn_place at, const char *what,
		 struct nsnet_err *err)
{
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = nsn_msg_new(type, 0, header, size);
	struct nsn_dump d = {.state = ret, .at = at, .start = ret->n};
	const struct nsn_nl_sink sink = {.each = each, .restart = restart, .arg = &d};
	int r;

	if (!msg)
		return nsn_err_nomem(err);
	r = nsn_nl_dump(nl, nlmsg_hdr(msg), &sink, err);
	return r < 0 ? nsn_err_wrap(err, r, "list %s", what) : 0;
}

const char *nsn_dump_link(const struct nsn_dump *d, int index)
{
	size_t i;

	/* Not among the links read; its index is LOOPBACK_IFINDEX in every namespace. */
	if (index == 1)
		return "lo";
	/* Backwards: the links of this namespace were read last, those of others long before. */
	for (i = d->state->n; i > 0; i--) {
		const struct nsn_object *o = &d->state->objects[i - 1];

		if (o->kind == NSN_OBJ_LINK && nsn_place_same(o->at, d->at) &&
		    o->u.dev.index == index)
			return o->link;
	}
	return NULL;
}

void nsn_dump_ip(struct nsn_ip *ret, uint8_t family, struct nlattr *attr)
{
	size_t len = family == AF_INET ? 4 : 16;

	*ret = (struct nsn_ip){0};
	if (!attr || (size_t)nla_len(attr) != len)
		return;
	ret->family = family;
	memcpy(ret->bytes, nla_data(attr), len);
}

int nsn_dump_unreadable(const char *what, struct nsnet_err *err)
{
	return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable %s in the kernel's answer", what);
}

int nsn_link_to_delete_from(struct nsn_nl *nl, const struct nsn_object *o, int *index,
			    struct nsnet_err *err)
{
	struct nsnet_err inner = {0};
	int r = nsn_link_index(nl, o->link, index, &inner);

	if (r == -ENODEV)
		return 1;
	if (r < 0 && err)
		*err = inner;
	return r;
}

int nsn_request_about(struct nsn_nl *nl, struct nlmsghdr *msg, const struct nsn_object *o, int gone,
		      struct nsnet_err *err)
{
	struct nsn_arena arena = {0};
	struct nsnet_err inner = {0};
	const char *text;
	int r;

	r = nsn_nl_request(nl, msg, &inner);
	if (r == 0 || (gone && (r == -gone || r == -ENODEV)))
		return 0;
	text = nsn_object_str(o, &arena);
	(void)nsn_err_wrap(&inner, r, "%s %s", nsn_kind_name(o->kind), text ? text : "");
	nsn_arena_free(&arena);
	if (err)
		*err = inner;
	return r;
}
