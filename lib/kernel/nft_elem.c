/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include <libnftnl/set.h>
#include <libnftnl/udata.h>
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
/* The most one takes: two keys of 64 bytes, 64 of data or a chain's name of 255, and headers. */
#define ELEM_ROOM 512

static struct nftnl_set *new_set(const char *table, const char *name)
{
	NSN_AUTO(nftnl_set_freep) struct nftnl_set *set = nftnl_set_alloc();

	if (!set || nftnl_set_set_str(set, NFTNL_SET_TABLE, table) < 0 ||
	    nftnl_set_set_str(set, NFTNL_SET_NAME, name) < 0)
		return NULL;
	return NSN_TAKE_PTR(set);
}

/* ---- writing ----------------------------------------------------------------- */

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

/* User data as nft writes it: one attribute, a string with its NUL. */
static int put_comment(struct nftnl_set_elem *elem, const char *comment)
{
	uint8_t data[2 + NSN_NFT_COMMENT] = {NFTNL_UDATA_SET_ELEM_COMMENT};
	size_t len = strnlen(comment, NSN_NFT_COMMENT - 1);

	data[1] = (uint8_t)(len + 1);
	memcpy(data + 2, comment, len);
	return nftnl_set_elem_set(elem, NFTNL_SET_ELEM_USERDATA, data, (uint32_t)len + 3);
}

/* To remove it, the key is enough. */
static int describe(struct nftnl_set_elem *elem, const struct nsn_elem *e, bool make)
{
	if (nftnl_set_elem_set(elem, NFTNL_SET_ELEM_KEY, e->key, e->key_len) < 0)
		return -ENOMEM;
	if (e->key_end &&
	    nftnl_set_elem_set(elem, NFTNL_SET_ELEM_KEY_END, e->key_end, e->key_len) < 0)
		return -ENOMEM;
	if (!make)
		return 0;
	if (e->has_verdict)
		nftnl_set_elem_set_u32(elem, NFTNL_SET_ELEM_VERDICT, (uint32_t)e->verdict);
	if (e->has_verdict && e->chain && e->chain[0] &&
	    nftnl_set_elem_set_str(elem, NFTNL_SET_ELEM_CHAIN, e->chain) < 0)
		return -ENOMEM;
	if (e->data_len && nftnl_set_elem_set(elem, NFTNL_SET_ELEM_DATA, e->data, e->data_len) < 0)
		return -ENOMEM;
	if (e->object[0] && nftnl_set_elem_set_str(elem, NFTNL_SET_ELEM_OBJREF, e->object) < 0)
		return -ENOMEM;
	return e->comment ? put_comment(elem, e->comment) : 0;
}

int nsn_nft_elem_write(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
		       const struct nsn_object *o, struct nsnet_err *err)
{
	const struct nsn_elem *e = &o->u.elem;
	NSN_AUTO(nftnl_set_elem_freep) struct nftnl_set_elem *elem = nftnl_set_elem_alloc();

	(void)flags; /* go with the type */
	/* libnftnl copies whatever length it is told. */
	if (e->key_len == 0 || e->key_len > NFT_DATA_VALUE_MAXLEN ||
	    e->data_len > NFT_DATA_VALUE_MAXLEN)
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL,
			       "set '%s' has an element that nsnet did not write", e->set);
	if (!elem || describe(elem, e, type == NFT_MSG_NEWSETELEM) < 0)
		return nsn_err_nomem(err);
	if (type == NFT_MSG_NEWSETELEM && e->has_verdict && e->chain && e->chain[0] &&
	    nsn_nft_chain_expect(t, o, e->chain, err) < 0)
		return -ENOMEM;
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
 * All that struct nsn_elem has no member for is not ours: a timeout, a counter; a flag, as what has
 * no key and stands for all others has, and the end of an interval of a single field.
 */
static bool is_odd(const struct nftnl_set_elem *elem)
{
	static const uint16_t more[] = {NFTNL_SET_ELEM_FLAGS, NFTNL_SET_ELEM_TIMEOUT,
					NFTNL_SET_ELEM_EXPIRATION, NFTNL_SET_ELEM_EXPR,
					NFTNL_SET_ELEM_EXPRESSIONS};
	size_t i;

	for (i = 0; i < NSN_COUNT(more); i++)
		if (nftnl_set_elem_is_set(elem, more[i]))
			return true;
	return false;
}

/* The bytes of an attribute, in the arena, and how many. false: no memory. */
static bool take_bytes(const uint8_t **ret, uint32_t *len, struct nftnl_set_elem *elem,
		       uint16_t attr, struct nsn_arena *arena)
{
	uint32_t n = 0;
	const void *bytes =
		nftnl_set_elem_is_set(elem, attr) ? nftnl_set_elem_get(elem, attr, &n) : NULL;

	*len = bytes ? n : 0;
	*ret = bytes ? nsn_arena_memdup(arena, bytes, n) : NULL;
	return *ret || !bytes;
}

/* NULL: none; with anything else in the user data the element is odd. */
static const char *take_comment(struct nftnl_set_elem *elem, struct nsn_arena *arena, bool *odd)
{
	uint32_t n = 0;
	const uint8_t *data = nftnl_set_elem_is_set(elem, NFTNL_SET_ELEM_USERDATA)
				      ? nftnl_set_elem_get(elem, NFTNL_SET_ELEM_USERDATA, &n)
				      : NULL;

	if (!data)
		return NULL;
	if (n < 3 || data[0] != NFTNL_UDATA_SET_ELEM_COMMENT || data[1] != n - 2 || data[n - 1]) {
		*odd = true;
		return NULL;
	}
	return nsn_arena_memdup(arena, data + 2, n - 2);
}

static bool read_elem(struct nsn_elem *ret, struct nftnl_set_elem *elem, const struct nsn_set *of,
		      struct nsn_arena *arena)
{
	const char *object = nftnl_set_elem_get_str(elem, NFTNL_SET_ELEM_OBJREF);
	const char *chain = nftnl_set_elem_get_str(elem, NFTNL_SET_ELEM_CHAIN);
	uint32_t end_len;

	*ret = (struct nsn_elem){.family = of->family,
				 .table = of->table,
				 .set = of->name,
				 .key_type = of->key_type,
				 .object = object ? nsn_arena_strdup(arena, object) : "",
				 .chain = chain ? nsn_arena_strdup(arena, chain) : NULL,
				 .odd = is_odd(elem)};
	if (!ret->object || (chain && !ret->chain) ||
	    !take_bytes(&ret->key, &ret->key_len, elem, NFTNL_SET_ELEM_KEY, arena) ||
	    !take_bytes(&ret->key_end, &end_len, elem, NFTNL_SET_ELEM_KEY_END, arena) ||
	    !take_bytes(&ret->data, &ret->data_len, elem, NFTNL_SET_ELEM_DATA, arena))
		return false;
	/* What stands for all others has no key. */
	if (!ret->key)
		ret->key = nsn_arena_alloc(arena, 1);
	if (ret->key_end && end_len != ret->key_len) {
		ret->key_end = NULL;
		ret->odd = true;
	}
	ret->comment = take_comment(elem, arena, &ret->odd);
	ret->has_verdict = nftnl_set_elem_is_set(elem, NFTNL_SET_ELEM_VERDICT);
	if (ret->has_verdict)
		ret->verdict = (int32_t)nftnl_set_elem_get_u32(elem, NFTNL_SET_ELEM_VERDICT);
	return ret->key;
}

static int each_elem(struct nftnl_set_elem *elem, void *arg)
{
	struct elems *es = arg;
	struct nsn_state *s = es->dump->state;
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_ELEM, es->dump->at, "");

	es->nomem = !o || !read_elem(&o->u.elem, elem, &es->of, &s->arena);
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

/* Sets of which we make some: without intervals, or with those that are one element. */
static bool is_ours(uint32_t flags)
{
	flags &= ~(uint32_t)(NFT_SET_MAP | NFT_SET_OBJECT);
	return flags == 0 || flags == (NFT_SET_INTERVAL | NFT_SET_CONCAT);
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

	if (es->messages < 2 || !is_ours(es->of.flags))
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
		/* An anonymous set belongs to a rule: it is nobody's but the rule's, which shows;
		 * what packets make is the kernel's. */
		if (of.flags & (NFT_SET_ANONYMOUS | NFT_SET_EVAL))
			continue;
		r = dump_elems_of(nl, &(struct elems){.dump = d, .of = of}, err);
		if (r < 0)
			r = nsn_err_wrap(err, r, "list nft elements of '%s'", of.name);
	}
	return r;
}
