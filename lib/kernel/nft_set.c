/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"
#include "nft_parts.h"

NSN_NFT_CLEANUP(struct nftnl_set, nftnl_set_free)

/* ---- writing ----------------------------------------------------------------- */

static struct nftnl_set *new_set(const char *table, const char *name)
{
	NSN_AUTO(nftnl_set_freep) struct nftnl_set *set = nftnl_set_alloc();

	if (!set || nftnl_set_set_str(set, NFTNL_SET_TABLE, table) < 0 ||
	    nftnl_set_set_str(set, NFTNL_SET_NAME, name) < 0)
		return NULL;
	return NSN_TAKE_PTR(set);
}

static int describe(struct nftnl_set *set, const struct nsn_set *s)
{
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, s->flags);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, s->key_type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, s->key_len);
	if (s->flags & NFT_SET_MAP)
		nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, s->data_type);
	if (s->flags & NFT_SET_MAP && s->data_type != NFT_DATA_VERDICT)
		nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, s->data_len);
	/* For a size that is asked for the kernel makes room at once: 1 MiB for the usual one. */
	if (s->size && s->size != NSN_NFT_SIZE_USUAL)
		nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, s->size);
	if (s->timeout)
		nftnl_set_set_u64(set, NFTNL_SET_TIMEOUT, s->timeout);
	if (s->n_fields &&
	    nftnl_set_set_data(set, NFTNL_SET_DESC_CONCAT, s->fields, s->n_fields) < 0)
		return -ENOMEM;
	if (s->flags & NFT_SET_OBJECT)
		nftnl_set_set_u32(set, NFTNL_SET_OBJ_TYPE, s->obj_type);
	if (s->udata_len == 0)
		return 0;
	return nftnl_set_set_data(set, NFTNL_SET_USERDATA, s->udata, (uint32_t)s->udata_len);
}

int nsn_nft_set_write(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
		      const struct nsn_object *o, struct nsnet_err *err)
{
	const struct nsn_set *s = &o->u.set;
	NSN_AUTO(nftnl_set_freep) struct nftnl_set *set = new_set(s->table, s->name);
	struct nlmsghdr *h;

	if (s->udata_len > NSN_NFT_UDATA)
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "set '%s' has too much user data",
			       s->name);
	/* libnftnl looks for the zero after the last one. */
	if (s->n_fields >= NSN_NFT_FIELDS)
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "set '%s' has too many fields",
			       s->name);
	if (!set || (type == NFT_MSG_NEWSET && describe(set, s) < 0))
		return nsn_err_nomem(err);
	/* The kernel asks for a number, though we refer to sets by their names. */
	if (type == NFT_MSG_NEWSET)
		nftnl_set_set_u32(set, NFTNL_SET_ID, ++t->sets);
	h = nsn_nft_message(t, type, flags, o, s->family, err);
	if (!h)
		return -ENOMEM;
	nftnl_set_nlmsg_build_payload(h, set);
	return 0;
}

/* ---- reading ----------------------------------------------------------------- */

/* What a set can have that none of ours has, and that struct nsn_set does not show. */
static bool has_more(const struct nftnl_set *set)
{
	static const uint16_t more[] = {NFTNL_SET_POLICY, NFTNL_SET_GC_INTERVAL, NFTNL_SET_EXPR,
					NFTNL_SET_EXPRESSIONS};
	size_t i;

	for (i = 0; i < NSN_COUNT(more); i++)
		if (nftnl_set_is_set(set, more[i]))
			return true;
	return false;
}

static void read_fields(struct nsn_set *s, const struct nftnl_set *set)
{
	uint32_t len = 0;
	const uint8_t *fields = nftnl_set_is_set(set, NFTNL_SET_DESC_CONCAT)
					? nftnl_set_get_data(set, NFTNL_SET_DESC_CONCAT, &len)
					: NULL;

	if (!fields)
		return;
	s->n_fields = (uint8_t)(len < NSN_NFT_FIELDS ? len : NSN_NFT_FIELDS);
	memcpy(s->fields, fields, s->n_fields);
}

static int read_set(struct nsn_set *ret, const struct nftnl_set *set, const char *table,
		    struct nsn_arena *arena)
{
	const void *udata;
	uint32_t len = 0;

	udata = nftnl_set_get_data(set, NFTNL_SET_USERDATA, &len);
	*ret = (struct nsn_set){
		.family = (uint8_t)nftnl_set_get_u32(set, NFTNL_SET_FAMILY),
		.table = nsn_arena_strdup(arena, table),
		.name = nsn_arena_strdup(arena, nftnl_set_get_str(set, NFTNL_SET_NAME)),
		.flags = nftnl_set_get_u32(set, NFTNL_SET_FLAGS) |
			 (has_more(set) ? NSN_NFT_SET_ODD : 0),
		.key_type = nftnl_set_get_u32(set, NFTNL_SET_KEY_TYPE),
		.key_len = nftnl_set_get_u32(set, NFTNL_SET_KEY_LEN),
		.data_type = nftnl_set_get_u32(set, NFTNL_SET_DATA_TYPE),
		.data_len = nftnl_set_get_u32(set, NFTNL_SET_DATA_LEN),
		.obj_type = nftnl_set_get_u32(set, NFTNL_SET_OBJ_TYPE),
		.size = nftnl_set_get_u32(set, NFTNL_SET_DESC_SIZE),
		.timeout = nftnl_set_get_u64(set, NFTNL_SET_TIMEOUT),
		.udata = udata ? nsn_arena_memdup(arena, udata, len) : NULL,
		.udata_len = udata ? len : 0,
	};
	/* The length of a verdict is the kernel's own business. */
	if (ret->data_type == NFT_DATA_VERDICT)
		ret->data_len = 0;
	read_fields(ret, set);
	return ret->table && ret->name && (ret->udata || !udata) ? 0 : -ENOMEM;
}

int nsn_nft_set_read(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	NSN_AUTO(nftnl_set_freep) struct nftnl_set *set = nftnl_set_alloc();
	const struct nsn_nft_dump *d = arg;
	struct nsn_object *o;

	if (!set)
		return nsn_err_nomem(err);
	if (nftnl_set_nlmsg_parse(msg, set) < 0)
		return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable nft set");
	if (strcmp(nftnl_set_get_str(set, NFTNL_SET_TABLE), d->table) != 0)
		return 0;
	o = nsn_state_add(d->state, NSN_OBJ_SET, d->at, "");
	if (!o || read_set(&o->u.set, set, d->table, &d->state->arena) < 0)
		return nsn_err_nomem(err);
	return 0;
}
