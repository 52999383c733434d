/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include <libnftnl/object.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"
#include "nft_parts.h"

NSN_NFT_CLEANUP(struct nftnl_obj, nftnl_obj_free)

/* ---- writing ----------------------------------------------------------------- */

static struct nftnl_obj *new_obj(const char *table, const char *name, uint32_t type)
{
	struct nftnl_obj *obj = nftnl_obj_alloc();

	if (!obj)
		return NULL;
	nftnl_obj_set_str(obj, NFTNL_OBJ_TABLE, table);
	nftnl_obj_set_str(obj, NFTNL_OBJ_NAME, name);
	nftnl_obj_set_u32(obj, NFTNL_OBJ_TYPE, type);
	return obj;
}

int nsn_nft_counter_write(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
			  const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(nftnl_obj_freep)
	struct nftnl_obj *obj = new_obj(o->u.counter.table, o->u.counter.name, NFT_OBJECT_COUNTER);
	struct nlmsghdr *h;

	if (!obj)
		return nsn_err_nomem(err);
	h = nsn_nft_message(t, type, flags, o, o->u.counter.family, err);
	if (!h)
		return -ENOMEM;
	nftnl_obj_nlmsg_build_payload(h, obj);
	return 0;
}

int nsn_nft_limit_write(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
			const struct nsn_object *o, struct nsnet_err *err)
{
	const struct nsn_limit *l = &o->u.limit;
	NSN_AUTO(nftnl_obj_freep)
	struct nftnl_obj *obj = new_obj(l->table, l->name, NFT_OBJECT_LIMIT);
	struct nlmsghdr *h;

	if (!obj)
		return nsn_err_nomem(err);
	if (type == NFT_MSG_NEWOBJ) {
		nftnl_obj_set_u64(obj, NFTNL_OBJ_LIMIT_RATE, l->rate);
		nftnl_obj_set_u64(obj, NFTNL_OBJ_LIMIT_UNIT, l->unit);
		nftnl_obj_set_u32(obj, NFTNL_OBJ_LIMIT_BURST, l->burst);
		nftnl_obj_set_u32(obj, NFTNL_OBJ_LIMIT_TYPE, l->type);
		nftnl_obj_set_u32(obj, NFTNL_OBJ_LIMIT_FLAGS, l->flags);
	}
	h = nsn_nft_message(t, type, flags, o, l->family, err);
	if (!h)
		return -ENOMEM;
	nftnl_obj_nlmsg_build_payload(h, obj);
	return 0;
}

/* ---- reading ----------------------------------------------------------------- */

static int read_counter(const struct nsn_nft_dump *d, struct nftnl_obj *obj, uint8_t family,
			const char *name)
{
	struct nsn_object *o = nsn_state_add(d->state, NSN_OBJ_COUNTER, d->at, "");

	if (!o)
		return -ENOMEM;
	o->u.counter = (struct nsn_counter){
		.family = family,
		.table = nsn_arena_strdup(&d->state->arena, d->table),
		.name = nsn_arena_strdup(&d->state->arena, name),
	};
	if (obj) {
		o->u.counter.packets = nftnl_obj_get_u64(obj, NFTNL_OBJ_CTR_PKTS);
		o->u.counter.bytes = nftnl_obj_get_u64(obj, NFTNL_OBJ_CTR_BYTES);
	}
	return o->u.counter.table && o->u.counter.name ? 0 : -ENOMEM;
}

static int read_limit(const struct nsn_nft_dump *d, struct nftnl_obj *obj, uint8_t family,
		      const char *name)
{
	struct nsn_object *o = nsn_state_add(d->state, NSN_OBJ_LIMIT, d->at, "");

	if (!o)
		return -ENOMEM;
	o->u.limit = (struct nsn_limit){
		.family = family,
		.table = nsn_arena_strdup(&d->state->arena, d->table),
		.name = nsn_arena_strdup(&d->state->arena, name),
		.rate = nftnl_obj_get_u64(obj, NFTNL_OBJ_LIMIT_RATE),
		.unit = nftnl_obj_get_u64(obj, NFTNL_OBJ_LIMIT_UNIT),
		.burst = nftnl_obj_get_u32(obj, NFTNL_OBJ_LIMIT_BURST),
		.type = nftnl_obj_get_u32(obj, NFTNL_OBJ_LIMIT_TYPE),
		.flags = nftnl_obj_get_u32(obj, NFTNL_OBJ_LIMIT_FLAGS),
	};
	return o->u.limit.table && o->u.limit.name ? 0 : -ENOMEM;
}

/*
 * A quota, a helper... nsnet makes none, but a table with one in it is not what
 * we made. A quota may have the name of a counter of ours: the type before the
 * name, with a space, which no name has that nft takes, keeps them apart.
 */
static int read_other(const struct nsn_nft_dump *d, uint32_t type, uint8_t family, const char *name)
{
	static const char *const types[] = {
		[NFT_OBJECT_QUOTA] = "quota",
		[NFT_OBJECT_CT_HELPER] = "ct helper",
		[NFT_OBJECT_CONNLIMIT] = "ct count",
		[NFT_OBJECT_TUNNEL] = "tunnel",
		[NFT_OBJECT_CT_TIMEOUT] = "ct timeout",
		[NFT_OBJECT_SECMARK] = "secmark",
		[NFT_OBJECT_CT_EXPECT] = "ct expectation",
		[NFT_OBJECT_SYNPROXY] = "synproxy",
	};
	const char *word = type < NSN_COUNT(types) && types[type] ? types[type] : "object";
	const char *both = nsn_arena_printf(&d->state->arena, "%s %s", word, name);

	return both ? read_counter(d, NULL, family, both) : -ENOMEM;
}

int nsn_nft_obj_read(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	NSN_AUTO(nftnl_obj_freep) struct nftnl_obj *obj = nftnl_obj_alloc();
	const struct nsn_nft_dump *d = arg;
	const char *name;
	uint8_t family;
	uint32_t type;
	int r;

	if (!obj)
		return nsn_err_nomem(err);
	if (nftnl_obj_nlmsg_parse(msg, obj) < 0)
		return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable nft object");
	if (strcmp(nftnl_obj_get_str(obj, NFTNL_OBJ_TABLE), d->table) != 0)
		return 0;
	name = nftnl_obj_get_str(obj, NFTNL_OBJ_NAME);
	family = (uint8_t)nftnl_obj_get_u32(obj, NFTNL_OBJ_FAMILY);
	/* libnftnl has no number for a type that it does not know. */
	type = nftnl_obj_is_set(obj, NFTNL_OBJ_TYPE) ? nftnl_obj_get_u32(obj, NFTNL_OBJ_TYPE)
						     : NFT_OBJECT_UNSPEC;
	if (type == NFT_OBJECT_COUNTER)
		r = read_counter(d, obj, family, name);
	else if (type == NFT_OBJECT_LIMIT)
		r = read_limit(d, obj, family, name);
	else
		r = read_other(d, type, family, name);
	return r < 0 ? nsn_err_nomem(err) : 0;
}
