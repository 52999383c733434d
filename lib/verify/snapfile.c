// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One state, one order, one hash.
 */
#include "snapfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <sha256.h>

#include "../base/cleanup.h"
#include "snapform.h"

/* ---- comparing -------------------------------------------------------------------------- */

static int cmp_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int cmp_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return memcmp(a, b, len);
}

static int cmp_form(const struct nsn_form *f, const struct nsn_form_in *in, const void *a,
		    const void *b);

static int cmp_list(const struct nsn_member *m, const struct nsn_form_in *in, const void *a,
		    const void *b)
{
	const size_t na = nsn_form_count(m, a), nb = nsn_form_count(m, b);
	const size_t size = m->kind == NSN_FK_LIST ? m->sub->size : sizeof(char *);
	const char *la = nsn_form_items(m, a), *lb = nsn_form_items(m, b);
	int r = 0;

	for (size_t i = 0; i < na && i < nb && r == 0; i++, la += size, lb += size)
		r = m->kind == NSN_FK_LIST
			    ? cmp_form(m->sub, in, la, lb)
			    : cmp_text(*(const char *const *)la, *(const char *const *)lb);
	return r ? r : (na > nb) - (na < nb);
}

static int cmp_member(const struct nsn_member *m, const struct nsn_form_in *in, const void *sa,
		      const void *sb)
{
	const char *a = (const char *)sa + m->at, *b = (const char *)sb + m->at;
	uint64_t ua, ub;
	int64_t ia, ib;

	switch (m->kind) {
	case NSN_FK_BOOL:
	case NSN_FK_UINT:
	case NSN_FK_ENUM:
	case NSN_FK_NS:
		ua = nsn_form_uint(a, m->size);
		ub = nsn_form_uint(b, m->size);
		return (ua > ub) - (ua < ub);
	case NSN_FK_INT:
		ia = nsn_form_int(a, m->size);
		ib = nsn_form_int(b, m->size);
		return (ia > ib) - (ia < ib);
	case NSN_FK_TEXT:
	case NSN_FK_OPT:
		return cmp_text(*(const char *const *)a, *(const char *const *)b);
	case NSN_FK_CHARS:
		return strncmp(a, b, m->size);
	case NSN_FK_IP:
		return nsn_ip_cmp((const struct nsn_ip *)a, (const struct nsn_ip *)b);
	case NSN_FK_PREFIX:
		return nsn_prefix_cmp((const struct nsn_prefix *)a, (const struct nsn_prefix *)b);
	case NSN_FK_MAC:
	case NSN_FK_BYTES:
		return memcmp(a, b, m->size);
	case NSN_FK_KEY:
	case NSN_FK_MAPPED:
		return cmp_bytes(*(const uint8_t *const *)a, *(const uint8_t *const *)b,
				 m->kind == NSN_FK_KEY ? in->key_len : in->data_len);
	case NSN_FK_STRUCT:
		return cmp_form(m->sub, in, a, b);
	case NSN_FK_LIST:
	case NSN_FK_STRINGS:
		return cmp_list(m, in, sa, sb);
	case NSN_FK_END:
		break;
	}
	return 0;
}

static int cmp_form(const struct nsn_form *f, const struct nsn_form_in *in, const void *a,
		    const void *b)
{
	struct nsn_form_in inside = *in;
	int r = f->cmp ? f->cmp(a, b) : 0;

	for (const struct nsn_member *m = f->members; r == 0 && m->kind != NSN_FK_END; m++) {
		nsn_form_enter(&inside, f, a);
		r = cmp_member(m, &inside, a, b);
	}
	return r;
}

/* ---- sorting ---------------------------------------------------------------------------- */

struct order {
	const struct nsn_form *form;
	const struct nsn_form_in *in;
};

static int by_form(const void *a, const void *b, void *arg)
{
	const struct order *o = arg;

	return cmp_form(o->form, o->in, a, b);
}

static int by_text(const void *a, const void *b, void *arg)
{
	(void)arg;
	return cmp_text(*(const char *const *)a, *(const char *const *)b);
}

/* Most come sorted already: looking costs less than qsort(), which copies. */
static void sort(void *list, size_t n, size_t size, int (*cmp)(const void *, const void *, void *),
		 void *arg)
{
	const char *at = list;

	for (size_t i = 1; i < n; i++, at += size)
		if (cmp(at, at + size, arg) > 0) {
			qsort_r(list, n, size, cmp, arg);
			return;
		}
}

/* Inside out: an item is compared by what is in it, too. */
static void sort_form(const struct nsn_form *f, struct nsn_form_in in, void *p)
{
	nsn_form_enter(&in, f, p);
	for (const struct nsn_member *m = f->members; m->kind != NSN_FK_END; m++) {
		struct order o = {m->sub, &in};
		char *items;
		size_t n;

		if (m->kind == NSN_FK_STRUCT)
			sort_form(m->sub, in, (char *)p + m->at);
		if (m->kind != NSN_FK_LIST && m->kind != NSN_FK_STRINGS)
			continue;
		items = *(char **)((char *)p + m->at);
		n = nsn_form_count(m, p);
		for (size_t i = 0; m->kind == NSN_FK_LIST && i < n; i++)
			sort_form(m->sub, in, items + i * m->sub->size);
		if (m->sort && m->kind == NSN_FK_LIST)
			sort(items, n, m->sub->size, by_form, &o);
		else if (m->sort)
			sort(items, n, sizeof(char *), by_text, NULL);
	}
}

/* ---- namespaces refer to each other by place --------------------------------------------- */

static int by_ns(const void *pa, const void *pb)
{
	const struct nsn_vns *a = *(const struct nsn_vns *const *)pa;
	const struct nsn_vns *b = *(const struct nsn_vns *const *)pb;
	int r;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->tenant != b->tenant)
		return a->tenant < b->tenant ? -1 : 1;
	if (a->endpoint != b->endpoint)
		return a->endpoint < b->endpoint ? -1 : 1;
	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	r = cmp_text(a->name, b->name);
	if (r == 0)
		r = cmp_text(a->path, b->path);
	return r ? r : (a > b) - (a < b);
}

static void move_refs(struct nsn_snap *s, const size_t *to)
{
	for (size_t i = 0; i < s->n_ns; i++) {
		struct nsn_vns *ns = &s->ns[i];

		for (size_t j = 0; j < ns->n_links; j++)
			if (ns->links[j].peer_ns < s->n_ns)
				ns->links[j].peer_ns = to[ns->links[j].peer_ns];
		for (size_t j = 0; j < ns->n_held; j++)
			if (ns->held[j].home < s->n_ns)
				ns->held[j].home = to[ns->held[j].home];
	}
}

static int sort_ns(struct nsn_snap *s)
{
	NSN_AUTO(nsn_freep) const struct nsn_vns **order = calloc(s->n_ns + 1, sizeof(*order));
	NSN_AUTO(nsn_freep) size_t *to = calloc(s->n_ns + 1, sizeof(*to));
	NSN_AUTO(nsn_freep) struct nsn_vns *copy = calloc(s->n_ns + 1, sizeof(*copy));
	bool moved = false;

	if (!order || !to || !copy)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_ns; i++)
		order[i] = &s->ns[i];
	qsort(order, s->n_ns, sizeof(*order), by_ns);
	for (size_t i = 0; i < s->n_ns; i++) {
		to[order[i] - s->ns] = i;
		copy[i] = *order[i];
		moved |= order[i] != &s->ns[i];
	}
	if (!moved)
		return 0;
	memcpy(s->ns, copy, s->n_ns * sizeof(*copy));
	move_refs(s, to);
	return 0;
}

/* ---- hashing ---------------------------------------------------------------------------- */

/* The digest is fed in big pieces. */
struct sink {
	SHA256_CTX sha;
	size_t n;
	uint8_t buf[4096];
};

static void put(struct sink *out, const void *p, size_t len)
{
	if (len > sizeof(out->buf) - out->n) {
		SHA256_Update(&out->sha, out->buf, out->n);
		out->n = 0;
	}
	if (len > sizeof(out->buf)) {
		SHA256_Update(&out->sha, p, len);
		return;
	}
	if (len)
		memcpy(out->buf + out->n, p, len);
	out->n += len;
}

/* Seven bits a byte, so that no number is the beginning of another. */
static void put_num(struct sink *out, uint64_t n)
{
	uint8_t b[10];
	size_t len = 0;

	/* Nearly all are small. */
	if (n <= 0x7f && out->n < sizeof(out->buf)) {
		out->buf[out->n++] = (uint8_t)n;
		return;
	}
	for (; n > 0x7f; n >>= 7)
		b[len++] = (uint8_t)(n | 0x80);
	b[len++] = (uint8_t)n;
	put(out, b, len);
}

static void put_sized(struct sink *out, uint64_t tag, const void *p, size_t len)
{
	if (len == 0)
		return;
	put_num(out, tag);
	put_num(out, len);
	put(out, p, len);
}

static void put_tagged(struct sink *out, uint64_t tag, uint64_t n)
{
	if (n == 0)
		return;
	put_num(out, tag);
	put_num(out, n);
}

static void put_form(struct sink *out, const struct nsn_form *f, struct nsn_form_in in,
		     const void *p);

static void put_list(struct sink *out, uint64_t tag, const struct nsn_member *m,
		     const struct nsn_form_in *in, const void *p)
{
	const char *items = nsn_form_items(m, p);
	size_t n = nsn_form_count(m, p);

	put_tagged(out, tag, n);
	for (size_t i = 0; i < n; i++) {
		if (m->kind == NSN_FK_LIST) {
			put_form(out, m->sub, *in, items + i * m->sub->size);
		} else {
			const char *s = ((const char *const *)(const void *)items)[i];

			put_num(out, s ? strlen(s) : 0);
			put(out, s, s ? strlen(s) : 0);
		}
	}
}

static void put_member(struct sink *out, uint64_t tag, const struct nsn_member *m,
		       const struct nsn_form_in *in, const void *p)
{
	const char *a = (const char *)p + m->at;
	const uint8_t *bytes;
	const char *text;

	switch (m->kind) {
	case NSN_FK_BOOL:
	case NSN_FK_UINT:
	case NSN_FK_ENUM:
		put_tagged(out, tag, nsn_form_uint(a, m->size));
		return;
	case NSN_FK_INT:
		put_tagged(out, tag, (uint64_t)nsn_form_int(a, m->size));
		return;
	case NSN_FK_NS:
		put_tagged(out, tag, *(const size_t *)(const void *)a + 1); /* nowhere: 0 */
		return;
	case NSN_FK_TEXT:
	case NSN_FK_OPT:
		text = *(const char *const *)(const void *)a;
		put_sized(out, tag, text, text ? strlen(text) : 0);
		return;
	case NSN_FK_CHARS:
		put_sized(out, tag, a, strnlen(a, m->size));
		return;
	case NSN_FK_IP:
	case NSN_FK_PREFIX:
		if (((const struct nsn_ip *)(const void *)a)->family)
			put_sized(out, tag, a, m->size);
		return;
	case NSN_FK_MAC:
		put_sized(out, tag, a, m->size);
		return;
	case NSN_FK_BYTES:
		put_sized(out, tag, a, nsn_form_used((const uint8_t *)a, m->size));
		return;
	case NSN_FK_KEY:
	case NSN_FK_MAPPED:
		bytes = *(const uint8_t *const *)(const void *)a;
		if (bytes)
			put_sized(out, tag, bytes,
				  m->kind == NSN_FK_KEY ? in->key_len : in->data_len);
		return;
	case NSN_FK_STRUCT:
		put_num(out, tag);
		put_form(out, m->sub, *in, a);
		return;
	case NSN_FK_LIST:
	case NSN_FK_STRINGS:
		put_list(out, tag, m, in, p);
		return;
	case NSN_FK_END:
		return;
	}
}

static void put_form(struct sink *out, const struct nsn_form *f, struct nsn_form_in in,
		     const void *p)
{
	uint64_t tag = 1;

	nsn_form_enter(&in, f, p);
	for (const struct nsn_member *m = f->members; m->kind != NSN_FK_END; m++)
		put_member(out, tag++, m, &in, p);
	put_num(out, 0);
}

int nsn_snap_seal(struct nsn_snap *s, struct nsnet_err *err)
{
	static const char hex[] = "0123456789abcdef";
	const struct nsn_form_in in = {0};
	uint8_t sum[SHA256_DIGEST_LENGTH];
	struct sink out = {.n = 0};

	if (sort_ns(s) < 0)
		return nsn_err_nomem(err);
	sort_form(&nsn_form_snap, in, s);
	SHA256_Init(&out.sha);
	put_form(&out, &nsn_form_snap, in, s);
	SHA256_Update(&out.sha, out.buf, out.n);
	SHA256_Final(sum, &out.sha);
	for (size_t i = 0; i < sizeof(sum); i++) {
		s->hash[2 * i] = hex[sum[i] >> 4];
		s->hash[2 * i + 1] = hex[sum[i] & 0xf];
	}
	s->hash[64] = '\0';
	return 0;
}
