/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "../base/cleanup.h"
#include "../nl/nl.h"
#include "nft_parts.h"

NSN_NFT_CLEANUP(struct nftnl_set, nftnl_set_free)
NSN_NFT_CLEANUP(struct nftnl_set_elem, nftnl_set_elem_free)

/*
 * Elements of the same set that are written one after the other share a
 * message. 16 of them make 2,000 elements nearly three times as fast as one
 * each (5 ms, not 13), 64 or 150 gain nothing more; and a refusal names a
 * message, so it should not stand for too many.
 */
#define RUN_ELEMS 16
/* The most one takes: a key of 64 bytes, the name of an object, and five headers. */
#define ELEM_ROOM 352

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
	if (s->flags & NFT_SET_MAP) {
		nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, s->data_type);
		nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, s->data_len);
	}
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

/* Elements of one set, and what is done with them: one message. */
struct nsn_nft_run {
	struct nftnl_set *set;
	uint16_t type; /* NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM */
	uint8_t family;
	size_t n;
	struct nsn_arena arena;
	const char *first; /* in words */
};

NSN_CLEANUP(struct nsn_nft_run, nsn_nft_run_free)

void nsn_nft_run_free(struct nsn_nft_run *run)
{
	if (!run)
		return;
	nftnl_set_freep(&run->set);
	nsn_arena_free(&run->arena);
	free(run);
}

int nsn_nft_run_end(struct nsn_nft_txn *t, struct nsnet_err *err)
{
	NSN_AUTO(nsn_nft_run_freep) struct nsn_nft_run *run = NSN_TAKE_PTR(t->run);
	struct nlmsghdr *h;
	const char *label;

	if (!run)
		return 0;
	label = run->first;
	if (run->n > 1)
		label = nsn_arena_printf(&run->arena, "%s or one of the %zu after it", run->first,
					 run->n - 1);
	h = nsn_nl_batch_add(t->batch, run->type, run->family,
			     run->type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0,
			     NSN_NFT_ROOM + RUN_ELEMS * ELEM_ROOM, label ? label : "", err);
	if (!h)
		return -ENOMEM;
	nftnl_set_elems_nlmsg_build_payload(h, run->set);
	return 0;
}

static struct nsn_nft_run *new_run(uint16_t type, const struct nsn_object *o)
{
	NSN_AUTO(nsn_nft_run_freep) struct nsn_nft_run *run = calloc(1, sizeof(*run));
	const char *text = run ? nsn_object_str(o, &run->arena) : NULL;

	if (!text)
		return NULL;
	run->set = new_set(o->u.elem.table, o->u.elem.set);
	run->type = type;
	run->family = o->u.elem.family;
	run->first = nsn_arena_printf(&run->arena, "%s '%s'", nsn_kind_name(o->kind), text);
	return run->set && run->first ? NSN_TAKE_PTR(run) : NULL;
}

static bool continues(const struct nsn_nft_run *run, uint16_t type, const struct nsn_elem *e)
{
	return run && run->n < RUN_ELEMS && run->type == type && run->family == e->family &&
	       strcmp(nftnl_set_get_str(run->set, NFTNL_SET_TABLE), e->table) == 0 &&
	       strcmp(nftnl_set_get_str(run->set, NFTNL_SET_NAME), e->set) == 0;
}

int nsn_nft_elem_write(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
		       const struct nsn_object *o, struct nsnet_err *err)
{
	const struct nsn_elem *e = &o->u.elem;
	NSN_AUTO(nftnl_set_elem_freep) struct nftnl_set_elem *elem = nftnl_set_elem_alloc();

	(void)flags; /* go with the type */
	/* libnftnl copies whatever length it is told. */
	if (e->key_len == 0 || e->key_len > NFT_DATA_VALUE_MAXLEN)
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL,
			       "set '%s' has an element that nsnet did not write", e->set);
	if (!elem || nftnl_set_elem_set(elem, NFTNL_SET_ELEM_KEY, e->key, e->key_len) < 0)
		return nsn_err_nomem(err);
	if (e->object[0] && nftnl_set_elem_set_str(elem, NFTNL_SET_ELEM_OBJREF, e->object) < 0)
		return nsn_err_nomem(err);
	if (!continues(t->run, type, e)) {
		if (nsn_nft_run_end(t, err) < 0)
			return -ENOMEM;
		t->run = new_run(type, o);
		if (!t->run)
			return nsn_err_nomem(err);
	}
	nftnl_set_elem_add(t->run->set, NSN_TAKE_PTR(elem));
	t->run->n++;
	return 0;
}

/* ---- reading ----------------------------------------------------------------- */

/* What a set can have that none of ours has, and that struct nsn_set does not show. */
static bool has_more(const struct nftnl_set *set)
{
	static const uint16_t more[] = {NFTNL_SET_POLICY,      NFTNL_SET_DESC_SIZE,
					NFTNL_SET_TIMEOUT,     NFTNL_SET_GC_INTERVAL,
					NFTNL_SET_DESC_CONCAT, NFTNL_SET_EXPR,
					NFTNL_SET_EXPRESSIONS};
	size_t i;

	for (i = 0; i < NSN_COUNT(more); i++)
		if (nftnl_set_is_set(set, more[i]))
			return true;
	return false;
}

int nsn_nft_set_read(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	NSN_AUTO(nftnl_set_freep) struct nftnl_set *set = nftnl_set_alloc();
	const struct nsn_nft_dump *d = arg;
	struct nsn_arena *arena = &d->state->arena;
	struct nsn_object *o;
	const void *udata;
	uint32_t len = 0;

	if (!set)
		return nsn_err_nomem(err);
	if (nftnl_set_nlmsg_parse(msg, set) < 0)
		return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable nft set");
	if (strcmp(nftnl_set_get_str(set, NFTNL_SET_TABLE), d->table) != 0)
		return 0;
	o = nsn_state_add(d->state, NSN_OBJ_SET, d->at, "");
	if (!o)
		return nsn_err_nomem(err);
	udata = nftnl_set_get_data(set, NFTNL_SET_USERDATA, &len);
	o->u.set = (struct nsn_set){
		.family = (uint8_t)nftnl_set_get_u32(set, NFTNL_SET_FAMILY),
		.table = nsn_arena_strdup(arena, d->table),
		.name = nsn_arena_strdup(arena, nftnl_set_get_str(set, NFTNL_SET_NAME)),
		.flags = nftnl_set_get_u32(set, NFTNL_SET_FLAGS) |
			 (has_more(set) ? NSN_NFT_SET_ODD : 0),
		.key_type = nftnl_set_get_u32(set, NFTNL_SET_KEY_TYPE),
		.key_len = nftnl_set_get_u32(set, NFTNL_SET_KEY_LEN),
		.data_type = nftnl_set_get_u32(set, NFTNL_SET_DATA_TYPE),
		.data_len = nftnl_set_get_u32(set, NFTNL_SET_DATA_LEN),
		.obj_type = nftnl_set_get_u32(set, NFTNL_SET_OBJ_TYPE),
		.udata = udata ? nsn_arena_memdup(arena, udata, len) : NULL,
		.udata_len = udata ? len : 0,
	};
	return o->u.set.table && o->u.set.name && (o->u.set.udata || !udata) ? 0
									     : nsn_err_nomem(err);
}

/* The elements of one set, in so many messages. */
struct elems {
	struct nsn_nft_dump *dump;
	struct nsn_set of;
	size_t messages;
	uint16_t generation; /* of the ruleset, when the first was made */
	bool torn;	     /* another one later */
	bool nomem;
};

/*
 * All that is there besides a key and an object is not ours: a timeout, data, a
 * counter, a comment; a flag, as what has no key and stands for all others has.
 */
static bool is_odd(const struct nftnl_set_elem *elem)
{
	int i;

	for (i = 0; i <= NFTNL_SET_ELEM_MAX; i++)
		if (i != NFTNL_SET_ELEM_KEY && i != NFTNL_SET_ELEM_OBJREF &&
		    nftnl_set_elem_is_set(elem, (uint16_t)i))
			return true;
	return false;
}

static int each_elem(struct nftnl_set_elem *elem, void *arg)
{
	struct elems *es = arg;
	struct nsn_state *s = es->dump->state;
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_ELEM, es->dump->at, "");
	const char *object = nftnl_set_elem_get_str(elem, NFTNL_SET_ELEM_OBJREF);
	uint32_t len = 0;
	const void *key = nftnl_set_elem_get(elem, NFTNL_SET_ELEM_KEY, &len);

	if (o) {
		o->u.elem = (struct nsn_elem){
			.family = es->of.family,
			.table = es->of.table,
			.set = es->of.name,
			.key = nsn_arena_memdup(&s->arena, key, key ? len : 0),
			.key_len = key ? len : 0,
			.object = object ? nsn_arena_strdup(&s->arena, object) : "",
			.odd = is_odd(elem),
		};
	}
	es->nomem = !o || !o->u.elem.key || !o->u.elem.object;
	return es->nomem ? -1 : 0;
}

static int each_elems(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct nfgenmsg *head =
		(const struct nfgenmsg *)(const void *)((const char *)msg + NLMSG_HDRLEN);
	NSN_AUTO(nftnl_set_freep) struct nftnl_set *set = nftnl_set_alloc();
	struct elems *es = arg;

	if (!set)
		return nsn_err_nomem(err);
	if (nftnl_set_elems_nlmsg_parse(msg, set) < 0)
		return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable nft elements");
	if (es->messages++ == 0)
		es->generation = head->res_id;
	es->torn |= head->res_id != es->generation;
	(void)nftnl_set_elem_foreach(set, each_elem, es);
	return es->nomem ? nsn_err_nomem(err) : 0;
}

static void restart_elems(void *arg)
{
	struct elems *es = arg;

	nsn_nft_restart(es->dump);
	es->messages = 0;
	es->torn = false;
}

/*
 * Whether parts of a dump do not fit together. Unlike other dumps the kernel
 * does not mark this one when the set changes between two parts, and counts
 * how many elements it has told to know where to go on: one less in the table
 * and one is left out. That shows in the generation. But a table with many new
 * elements also grows in the background, after the transaction, which moves
 * all of them: of dumps begun at once one in a hundred had some elements twice
 * and as many not at all. Only that they come twice tells.
 * Sets of kinds that we never make may have elements twice (the two ends of
 * intervals) or be changed by packets all the time; what is in them matters not.
 */
static bool is_torn(const struct elems *es)
{
	const struct nsn_nft_dump *d = es->dump;
	struct nsn_state part = {.objects = d->state->objects + d->start,
				 .n = d->state->n - d->start};
	size_t i;

	if (es->messages < 2 || es->of.flags & ~(uint32_t)(NFT_SET_MAP | NFT_SET_OBJECT))
		return false;
	nsn_state_sort(&part);
	for (i = 1; i < part.n; i++)
		if (nsn_object_cmp(&part.objects[i - 1], &part.objects[i]) == 0)
			return true;
	return es->torn;
}

static int dump_elems_of(struct nsn_nl *nl, struct elems *es, struct nsnet_err *err)
{
	const struct nsn_nl_sink sink = {.each = each_elems, .restart = restart_elems, .arg = es};
	NSN_AUTO(nftnl_set_freep) struct nftnl_set *set = new_set(es->of.table, es->of.name);
	char buf[1024] __attribute__((aligned(8))) = {0};
	struct nsnet_err inner = {0};
	struct nlmsghdr *h;
	int r, tries;

	if (!set)
		return nsn_err_nomem(err);
	h = nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETSETELEM, es->of.family, 0, 0);
	nftnl_set_elems_nlmsg_build_payload(h, set);
	for (tries = 0; tries < NSN_NL_DUMP_TRIES; tries++) {
		restart_elems(es);
		r = nsn_nl_dump(nl, h, &sink, &inner);
		/* Gone since the sets were listed; who compares sees a set without elements. */
		if (r == -ENOENT)
			restart_elems(es);
		if (r == -ENOENT || (r == 0 && !is_torn(es)))
			return 0;
		if (r < 0) {
			if (err)
				*err = inner;
			return r;
		}
	}
	return nsn_err(err, -EBUSY, NSNET_E_KERNEL,
		       "the set kept changing while it was read, %d times", tries);
}

int nsn_nft_dump_elems(struct nsn_nl *nl, struct nsn_nft_dump *d, size_t first,
		       struct nsnet_err *err)
{
	size_t i, end = d->state->n;
	int r = 0;

	for (i = first; r == 0 && i < end; i++) {
		/* Copied: adding elements moves the array. */
		const struct nsn_set of = d->state->objects[i].u.set;

		d->start = d->state->n;
		/* An anonymous set belongs to a rule: it is nobody's but the rule's, which shows.
		 */
		if (of.flags & NFT_SET_ANONYMOUS)
			continue;
		r = dump_elems_of(nl, &(struct elems){.dump = d, .of = of}, err);
		if (r < 0)
			r = nsn_err_wrap(err, r, "list nft elements of '%s'", of.name);
	}
	return r;
}
