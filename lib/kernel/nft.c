/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "../base/cleanup.h"
#include "../nl/nl.h"
#include "nft_parts.h"

NSN_NFT_CLEANUP(struct nftnl_table, nftnl_table_free)
NSN_CLEANUP(struct nftnl_udata_buf, nftnl_udata_buf_free)

NSN_CLEANUP(struct nsn_nft_txn, nsn_nft_free)

#define UDATA_ROOM 256

/* ---- writing ----------------------------------------------------------------- */

int nsn_nft_begin(struct nsn_nft_txn **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_nft_freep) struct nsn_nft_txn *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return nsn_err_nomem(err);
	r = nsn_nl_batch_new(&t->batch, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(t);
	return 0;
}

void nsn_nft_free(struct nsn_nft_txn *t)
{
	if (!t)
		return;
	nsn_nft_run_free(t->run);
	nsn_state_clear(&t->expected);
	nsn_state_clear(&t->doomed);
	nsn_nl_batch_free(t->batch);
	free(t);
}

static int finish(struct nsn_nft_txn *t, struct nsnet_err *err)
{
	int r = nsn_nft_run_end(t, err);

	return r < 0 ? r : nsn_nft_chains_end(t, err);
}

int nsn_nft_commit(struct nsn_nft_txn *t, struct nsn_nl *nl, struct nsnet_err *err)
{
	int r = finish(t, err);

	return r < 0 ? r : nsn_nl_batch_commit(nl, t->batch, err);
}

int nsn_nft_check(struct nsn_nft_txn *t, struct nsn_nl *nl, struct nsnet_err *err)
{
	int r = finish(t, err);

	return r < 0 ? r : nsn_nl_batch_check(nl, t->batch, err);
}

struct nlmsghdr *nsn_nft_message(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
				 const struct nsn_object *o, uint8_t family, struct nsnet_err *err)
{
	struct nsn_arena arena = {0};
	const char *text = nsn_object_str(o, &arena);
	const char *label =
		text ? nsn_arena_printf(&arena, "%s '%s'", nsn_kind_name(o->kind), text) : NULL;
	struct nlmsghdr *h = NULL;

	if (nsn_nft_run_end(t, err) == 0)
		h = nsn_nl_batch_add(t->batch, type, family, flags, NSN_NFT_ROOM,
				     label ? label : "", err);
	nsn_arena_free(&arena);
	return h;
}

static int put_comment(struct nftnl_udata_buf **ret, uint8_t type, const char *text)
{
	*ret = nftnl_udata_buf_alloc(UDATA_ROOM);
	return *ret && nftnl_udata_put_strz(*ret, type, text) ? 0 : -ENOMEM;
}

static int table_message(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
			 const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(nftnl_table_freep) struct nftnl_table *table = nftnl_table_alloc();
	NSN_AUTO(nftnl_udata_buf_freep) struct nftnl_udata_buf *comment = NULL;
	struct nlmsghdr *h;

	if (!table || nftnl_table_set_str(table, NFTNL_TABLE_NAME, o->u.table.name) < 0)
		return nsn_err_nomem(err);
	if (type == NFT_MSG_NEWTABLE) {
		if (put_comment(&comment, NFTNL_UDATA_TABLE_COMMENT, o->u.table.comment) < 0 ||
		    nftnl_table_set_data(table, NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(comment),
					 nftnl_udata_buf_len(comment)) < 0)
			return nsn_err_nomem(err);
	}
	h = nsn_nft_message(t, type, flags, o, o->u.table.family, err);
	if (!h)
		return -ENOMEM;
	nftnl_table_nlmsg_build_payload(h, table);
	return 0;
}

/* A message of the first type for what is there changes nothing, and is no error. */
static const struct writer {
	int (*write)(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
		     const struct nsn_object *o, struct nsnet_err *err);
	uint16_t make, drop;
} writers[NSN_OBJ_KINDS] = {
	[NSN_OBJ_TABLE] = {table_message, NFT_MSG_NEWTABLE, NFT_MSG_DELTABLE},
	[NSN_OBJ_COUNTER] = {nsn_nft_counter_write, NFT_MSG_NEWOBJ, NFT_MSG_DELOBJ},
	[NSN_OBJ_LIMIT] = {nsn_nft_limit_write, NFT_MSG_NEWOBJ, NFT_MSG_DELOBJ},
	[NSN_OBJ_SET] = {nsn_nft_set_write, NFT_MSG_NEWSET, NFT_MSG_DELSET},
	[NSN_OBJ_ELEM] = {nsn_nft_elem_write, NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM},
	[NSN_OBJ_CHAIN] = {nsn_nft_chain_write, NFT_MSG_NEWCHAIN, NFT_MSG_DELCHAIN},
};

int nsn_nft_add(struct nsn_nft_txn *t, const struct nsn_object *o, struct nsnet_err *err)
{
	const struct writer *w = &writers[o->kind];

	return w->write(t, w->make, NLM_F_CREATE, o, err);
}

int nsn_nft_del(struct nsn_nft_txn *t, const struct nsn_object *o, struct nsnet_err *err)
{
	const struct writer *w = &writers[o->kind];

	/* A table takes along what is left in it, and then there is nothing to remove there. */
	if (o->kind == NSN_OBJ_TABLE) {
		if (nsn_nft_chains_end(t, err) < 0)
			return -ENOMEM;
		nsn_state_clear(&t->expected);
	}
	return w->write(t, w->drop, 0, o, err);
}

int nsn_nft_change(struct nsn_nft_txn *t, const struct nsn_object *want,
		   const struct nsn_object *have, struct nsnet_err *err)
{
	int r;

	if (want->kind == NSN_OBJ_CHAIN)
		return nsn_nft_chain_change(t, want, have, err);
	r = nsn_nft_del(t, have, err);
	return r < 0 ? r : nsn_nft_add(t, want, err);
}

/* ---- reading ----------------------------------------------------------------- */

void nsn_nft_restart(void *arg)
{
	const struct nsn_nft_dump *d = arg;

	d->state->n = d->start;
}

struct comment {
	struct nsn_arena *arena;
	const char *text;
};

static int each_table_udata(const struct nftnl_udata *attr, void *arg)
{
	struct comment *c = arg;
	uint8_t len = nftnl_udata_len(attr);
	const char *text = nftnl_udata_get(attr);

	if (nftnl_udata_type(attr) == NFTNL_UDATA_TABLE_COMMENT && len > 0 && text[len - 1] == '\0')
		c->text = nsn_arena_strdup(c->arena, text);
	return 0;
}

static int each_table(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	NSN_AUTO(nftnl_table_freep) struct nftnl_table *table = nftnl_table_alloc();
	const struct nsn_nft_dump *d = arg;
	struct comment c = {.arena = &d->state->arena, .text = ""};
	struct nsn_object *o;
	const void *udata;
	uint32_t len;

	if (!table)
		return nsn_err_nomem(err);
	if (nftnl_table_nlmsg_parse(msg, table) < 0)
		return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable nft table");
	udata = nftnl_table_get_data(table, NFTNL_TABLE_USERDATA, &len);
	if (udata)
		(void)nftnl_udata_parse(udata, len, each_table_udata, &c);
	o = nsn_state_add(d->state, NSN_OBJ_TABLE, d->at, "");
	if (!o || !c.text)
		return nsn_err_nomem(err);
	o->u.table.family = (uint8_t)nftnl_table_get_u32(table, NFTNL_TABLE_FAMILY);
	o->u.table.name =
		nsn_arena_strdup(&d->state->arena, nftnl_table_get_str(table, NFTNL_TABLE_NAME));
	o->u.table.comment = c.text;
	o->u.table.flags = nftnl_table_get_u32(table, NFTNL_TABLE_FLAGS);
	return o->u.table.name ? 0 : nsn_err_nomem(err);
}

static int dump_kind(struct nsn_nl *nl, struct nsn_nft_dump *d, uint16_t type,
		     int (*each)(const struct nlmsghdr *, void *, struct nsnet_err *),
		     void (*again)(void *), const char *what, struct nsnet_err *err)
{
	const struct nsn_nl_sink sink = {.each = each, .restart = again, .arg = d};
	char buf[64] __attribute__((aligned(8))) = {0};
	int r;

	r = nsn_nl_dump(nl, nftnl_nlmsg_build_hdr(buf, type, NFPROTO_UNSPEC, 0, 0), &sink, err);
	return r < 0 ? nsn_err_wrap(err, r, "list nft %s", what) : 0;
}

int nsn_nft_dump(struct nsn_nl *nl, const char *table, struct nsn_state *ret, struct nsn_place at,
		 struct nsnet_err *err)
{
	struct nsn_nft_dump d = {.table = table, .state = ret, .at = at, .start = ret->n};
	size_t sets;
	int r;

	r = dump_kind(nl, &d, NFT_MSG_GETTABLE, each_table, nsn_nft_restart, "tables", err);
	d.start = ret->n;
	if (r == 0)
		r = dump_kind(nl, &d, NFT_MSG_GETOBJ, nsn_nft_obj_read, nsn_nft_restart, "objects",
			      err);
	sets = d.start = ret->n;
	if (r == 0)
		r = dump_kind(nl, &d, NFT_MSG_GETSET, nsn_nft_set_read, nsn_nft_restart, "sets",
			      err);
	if (r == 0)
		r = nsn_nft_dump_elems(nl, &d, sets, err);
	d.start = ret->n;
	if (r == 0)
		r = dump_kind(nl, &d, NFT_MSG_GETCHAIN, nsn_nft_chain_read, nsn_nft_restart,
			      "chains", err);
	if (r == 0)
		r = dump_kind(nl, &d, NFT_MSG_GETRULE, nsn_nft_chain_rule_read,
			      nsn_nft_chain_restart, "rules", err);
	return r;
}
