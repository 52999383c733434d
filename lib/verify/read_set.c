// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets, maps and their elements. Intervals come from the kernel as it stores them: where one
 * begins and where it ends; here they become closed ranges.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "../nl/nl.h"
#include "read_parts.h"

/* Newer than the headers: the backend's name and its number of elements. The number does not
 * count the element for all else, so a set with 0 has to be asked as well. */
#define SET_TYPE  19
#define SET_COUNT 20

#define BIT(n) (1U << (n))

static const uint32_t set_known =
	BIT(NFTA_SET_TABLE) | BIT(NFTA_SET_NAME) | BIT(NFTA_SET_FLAGS) | BIT(NFTA_SET_KEY_TYPE) |
	BIT(NFTA_SET_KEY_LEN) | BIT(NFTA_SET_DATA_TYPE) | BIT(NFTA_SET_DATA_LEN) |
	BIT(NFTA_SET_POLICY) | BIT(NFTA_SET_DESC) | BIT(NFTA_SET_ID) | BIT(NFTA_SET_TIMEOUT) |
	BIT(NFTA_SET_GC_INTERVAL) | BIT(NFTA_SET_USERDATA) | BIT(NFTA_SET_PAD) |
	BIT(NFTA_SET_OBJ_TYPE) | BIT(NFTA_SET_HANDLE) | BIT(NFTA_SET_EXPR) |
	BIT(NFTA_SET_EXPRESSIONS) | BIT(SET_TYPE) | BIT(SET_COUNT);

static const uint32_t elem_known =
	BIT(NFTA_SET_ELEM_KEY) | BIT(NFTA_SET_ELEM_DATA) | BIT(NFTA_SET_ELEM_FLAGS) |
	BIT(NFTA_SET_ELEM_TIMEOUT) | BIT(NFTA_SET_ELEM_EXPIRATION) | BIT(NFTA_SET_ELEM_USERDATA) |
	BIT(NFTA_SET_ELEM_EXPR) | BIT(NFTA_SET_ELEM_PAD) | BIT(NFTA_SET_ELEM_OBJREF) |
	BIT(NFTA_SET_ELEM_KEY_END) | BIT(NFTA_SET_ELEM_EXPRESSIONS);

static const uint32_t flags_known = NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_INTERVAL |
				    NFT_SET_MAP | NFT_SET_TIMEOUT | NFT_SET_EVAL | NFT_SET_OBJECT |
				    NFT_SET_CONCAT | NFT_SET_EXPR;

static int strange_set(struct nsn_nft_read *r, const struct nsn_vtable *t, const char *set,
		       struct nsnet_err *err)
{
	return nsn_strange(
		r->mem, r->ns,
		nsn_arena_printf(r->mem, "nft set %s %s, of an unknown kind", t->name, set), err);
}

/* ---- sets ------------------------------------------------------------------------------- */

/* The fields of a concatenation; false: more than there is room for. */
static bool read_fields(struct nsn_vset *s, const struct nlattr *desc)
{
	const struct nlattr *field;
	struct nsn_at at, one;
	uint64_t len;

	nsn_at_nest(&at, desc, BIT(NFTA_SET_DESC_SIZE) | BIT(NFTA_SET_DESC_CONCAT));
	if (!at.a[NFTA_SET_DESC_CONCAT])
		return !at.more;
	NSN_AT_EACH(field, at.a[NFTA_SET_DESC_CONCAT])
	{
		nsn_at_nest(&one, field, BIT(NFTA_SET_FIELD_LEN));
		len = nsn_at_num(one.a[NFTA_SET_FIELD_LEN]);
		if (s->n_fields >= sizeof(s->fields) || len == 0 || len > 64 || one.more)
			return false;
		s->fields[s->n_fields++] = (uint8_t)len;
	}
	return !at.more;
}

int nsn_nft_each_set(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(msg);
	struct nsn_nft_read *r = arg;
	struct nsn_vtable *t;
	struct nsn_vset *s;
	struct nsn_at at;
	bool odd;

	nsn_at_msg(&at, msg, set_known);
	t = nsn_nft_table(r, head->nfgen_family, at.a[NFTA_SET_TABLE]);
	if (!t)
		return 0;
	s = NSN_GROW(r->mem, t->sets, t->n_sets);
	if (!s)
		return nsn_err_nomem(err);
	s->name = nsn_at_str(r->mem, at.a[NFTA_SET_NAME]);
	if (!s->name)
		return nsn_err_nomem(err);
	s->flags = (uint32_t)nsn_at_num(at.a[NFTA_SET_FLAGS]);
	s->key_len = (uint32_t)nsn_at_num(at.a[NFTA_SET_KEY_LEN]);
	s->data_len = (uint32_t)nsn_at_num(at.a[NFTA_SET_DATA_LEN]);
	s->data_type = (uint32_t)nsn_at_num(at.a[NFTA_SET_DATA_TYPE]);
	s->obj_type = (uint32_t)nsn_at_num(at.a[NFTA_SET_OBJ_TYPE]);
	s->id = (uint32_t)nsn_at_num(at.a[NFTA_SET_ID]);
	s->dynamic = s->flags & NFT_SET_EVAL;
	s->expires = s->flags & NFT_SET_TIMEOUT;
	/* What kinds of data there are is nft's affair, but for this one. */
	if (s->data_type != NFT_DATA_VERDICT)
		s->data_type = 0;
	odd = !read_fields(s, at.a[NFTA_SET_DESC]);
	if (odd || at.more || (s->flags & ~flags_known) || s->key_len == 0 || s->key_len > 64)
		return strange_set(r, t, s->name, err);
	return 0;
}

void nsn_nft_again_sets(void *arg)
{
	struct nsn_nft_read *r = arg;

	for (size_t i = 0; i < r->ns->n_tables; i++) {
		r->ns->tables[i].sets = NULL;
		r->ns->tables[i].n_sets = 0;
	}
}

/* ---- elements --------------------------------------------------------------------------- */

/* A value of exactly @len bytes, copied; NULL with *@odd when it is not one. */
static const uint8_t *read_value(struct nsn_arena *mem, const struct nlattr *a, size_t len,
				 bool *odd)
{
	struct nsn_at at;

	nsn_at_nest(&at, a, BIT(NFTA_DATA_VALUE));
	if (at.more || !at.a[NFTA_DATA_VALUE] || len == 0 ||
	    mnl_attr_get_payload_len(at.a[NFTA_DATA_VALUE]) != len) {
		*odd = true;
		return NULL;
	}
	return nsn_arena_memdup(mem, mnl_attr_get_payload(at.a[NFTA_DATA_VALUE]), len);
}

/* What the element is mapped to. */
static int read_mapped(struct nsn_nft_read *r, struct nsn_velem *e, const struct nlattr *data,
		       bool *odd)
{
	struct nsn_at at;

	if (!data)
		return 0;
	nsn_at_nest(&at, data, BIT(NFTA_DATA_VALUE) | BIT(NFTA_DATA_VERDICT));
	if (at.a[NFTA_DATA_VERDICT])
		return nsn_read_verdict(r->mem, &e->verdict, at.a[NFTA_DATA_VERDICT]);
	e->data = read_value(r->mem, data, r->set->data_len, odd);
	return e->data || *odd ? 0 : -ENOMEM;
}

static int read_more(struct nsn_nft_read *r, struct nsn_velem *e, const struct nsn_at *at,
		     bool *odd)
{
	int ret;

	e->comment =
		nsn_at_comment(r->mem, at->a[NFTA_SET_ELEM_USERDATA], NFTNL_UDATA_SET_ELEM_COMMENT);
	if (!e->comment)
		return -ENOMEM;
	if (at->a[NFTA_SET_ELEM_OBJREF]) {
		e->object = nsn_at_str(r->mem, at->a[NFTA_SET_ELEM_OBJREF]);
		if (!e->object)
			return -ENOMEM;
	}
	ret = read_mapped(r, e, at->a[NFTA_SET_ELEM_DATA], odd);
	if (ret < 0)
		return ret;
	if (!at->a[NFTA_SET_ELEM_EXPR])
		return nsn_read_exprs(r->mem, &e->exprs, &e->n_exprs,
				      at->a[NFTA_SET_ELEM_EXPRESSIONS]);
	e->exprs = nsn_arena_alloc(r->mem, sizeof(*e->exprs));
	if (!e->exprs)
		return -ENOMEM;
	e->n_exprs = 1;
	return nsn_read_expr(r->mem, e->exprs, at->a[NFTA_SET_ELEM_EXPR]);
}

/* Until they are joined, the end of an interval is an element without a comment. */
static bool is_end(const struct nsn_velem *e)
{
	return !e->comment;
}

static int read_elem(struct nsn_nft_read *r, const struct nlattr *nest, bool *odd)
{
	struct nsn_vset *s = r->set;
	struct nsn_velem *e = NSN_GROW(r->mem, s->elems, s->n_elems);
	struct nsn_at at;
	uint32_t flags;

	if (!e)
		return -ENOMEM;
	nsn_at_nest(&at, nest, elem_known);
	flags = (uint32_t)nsn_at_num(at.a[NFTA_SET_ELEM_FLAGS]);
	*odd |= at.more || (flags & ~(uint32_t)(NFT_SET_ELEM_INTERVAL_END | NFT_SET_ELEM_CATCHALL));
	e->catch_all = flags & NFT_SET_ELEM_CATCHALL;
	e->expires = at.a[NFTA_SET_ELEM_EXPIRATION] || nsn_at_num(at.a[NFTA_SET_ELEM_TIMEOUT]);
	if (!e->catch_all) {
		e->key = read_value(r->mem, at.a[NFTA_SET_ELEM_KEY], s->key_len, odd);
		if (!e->key) {
			s->n_elems--;
			return *odd ? 0 : -ENOMEM;
		}
	}
	if (at.a[NFTA_SET_ELEM_KEY_END]) {
		e->key_end = read_value(r->mem, at.a[NFTA_SET_ELEM_KEY_END], s->key_len, odd);
		if (!e->key_end && !*odd)
			return -ENOMEM;
	}
	if (flags & NFT_SET_ELEM_INTERVAL_END) {
		*odd |= e->catch_all || e->key_end;
		return 0;
	}
	return read_more(r, e, &at, odd);
}

static int each_elems(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	struct nsn_nft_read *r = arg;
	const struct nlattr *nest;
	struct nsn_at at;
	bool odd = false;
	int ret;

	nsn_at_msg(&at, msg,
		   BIT(NFTA_SET_ELEM_LIST_TABLE) | BIT(NFTA_SET_ELEM_LIST_SET) |
			   BIT(NFTA_SET_ELEM_LIST_ELEMENTS));
	if (!at.a[NFTA_SET_ELEM_LIST_ELEMENTS])
		return 0;
	NSN_AT_EACH(nest, at.a[NFTA_SET_ELEM_LIST_ELEMENTS])
	{
		ret = read_elem(r, nest, &odd);
		if (ret < 0)
			return nsn_err_nomem(err);
	}
	return odd || at.more ? strange_set(r, r->table, r->set->name, err) : 0;
}

static void again_elems(void *arg)
{
	struct nsn_nft_read *r = arg;

	r->set->elems = NULL;
	r->set->n_elems = 0;
}

/* ---- intervals -------------------------------------------------------------------------- */

/* As the kernel looks them up: by bytes; where one ends and the next begins, the end first. */
static int by_place(const void *pa, const void *pb, void *arg)
{
	const struct nsn_velem *a = pa, *b = pb;
	const size_t *len = arg;
	int r;

	if (a->catch_all || b->catch_all)
		return b->catch_all - a->catch_all;
	r = memcmp(a->key, b->key, *len);
	return r ? r : is_end(b) - is_end(a);
}

/* The key just below @key, which is not all zeros; NULL: no memory. */
static const uint8_t *below(struct nsn_arena *mem, const uint8_t *key, size_t len)
{
	uint8_t *ret = nsn_arena_memdup(mem, key, len);

	for (size_t i = len; ret && i > 0; i--)
		if (ret[i - 1]-- != 0)
			break;
	return ret;
}

/* The last of the elements that are all of the same key as @i, or what follows. */
static const uint8_t *range_end(struct nsn_nft_read *r, size_t i)
{
	const struct nsn_vset *s = r->set;
	uint8_t *max;

	for (size_t j = i + 1; j < s->n_elems; j++)
		if (memcmp(s->elems[j].key, s->elems[i].key, s->key_len) != 0)
			return below(r->mem, s->elems[j].key, s->key_len);
	max = nsn_arena_alloc(r->mem, s->key_len);
	if (max)
		memset(max, 0xff, s->key_len);
	return max;
}

/*
 * nft_rbtree_lookup() takes the greatest entry that is not above the key; what begins there
 * matches and what ends there does not. So a beginning reaches to the next entry of any kind.
 */
static int join_intervals(struct nsn_nft_read *r)
{
	struct nsn_vset *s = r->set;
	size_t len = s->key_len, n = 0;

	if (s->n_elems)
		qsort_r(s->elems, s->n_elems, sizeof(*s->elems), by_place, &len);
	for (size_t i = 0; i < s->n_elems; i++) {
		struct nsn_velem *e = &s->elems[i];

		if (is_end(e) || e->catch_all)
			continue;
		e->key_end = range_end(r, i);
		if (!e->key_end)
			return -ENOMEM;
	}
	for (size_t i = 0; i < s->n_elems; i++)
		if (!is_end(&s->elems[i]))
			s->elems[n++] = s->elems[i];
	s->n_elems = n;
	return 0;
}

/* ---- all of them ------------------------------------------------------------------------ */

static int elems_of(struct nsn_nft_read *r, struct nsnet_err *err)
{
	const struct nsn_nl_sink sink = {.each = each_elems, .restart = again_elems, .arg = r};
	const uint32_t kinds = r->set->flags & (NFT_SET_INTERVAL | NFT_SET_CONCAT);
	char buf[1024] __attribute__((aligned(8)));
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *head;
	int ret;

	/* Its name as the kernel has it is lost; nobody means well with such a name. */
	if (strchr(r->table->name, '\\') || strchr(r->set->name, '\\'))
		return strange_set(r, r->table, r->set->name, err);
	msg->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	*head = (struct nfgenmsg){.nfgen_family = r->table->family, .version = NFNETLINK_V0};
	if (!mnl_attr_put_strz_check(msg, sizeof(buf), NFTA_SET_ELEM_LIST_TABLE, r->table->name) ||
	    !mnl_attr_put_strz_check(msg, sizeof(buf), NFTA_SET_ELEM_LIST_SET, r->set->name))
		return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "nft set: its name is too long");
	ret = nsn_nl_dump(r->nl, msg, &sink, err);
	if (ret == -ENOENT)
		return 0; /* gone since, so the generation is another, and all is read again */
	if (ret < 0)
		return nsn_err_wrap(err, ret, "list nft set '%s'", r->set->name);
	if (kinds == NFT_SET_INTERVAL)
		return join_intervals(r) < 0 ? nsn_err_nomem(err) : 0;
	for (size_t i = 0; i < r->set->n_elems; i++)
		if (is_end(&r->set->elems[i]))
			return strange_set(r, r->table, r->set->name, err);
	return 0;
}

int nsn_nft_elems(struct nsn_nft_read *r, struct nsnet_err *err)
{
	int ret;

	for (size_t i = 0; i < r->ns->n_tables; i++) {
		r->table = &r->ns->tables[i];
		for (size_t j = 0; j < r->table->n_sets; j++) {
			r->set = &r->table->sets[j];
			ret = elems_of(r, err);
			if (ret < 0)
				return ret;
		}
	}
	return 0;
}
