/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <string.h>

#include "../base/cleanup.h"

/*
 * A list has no order that the kernel promises, so what is compared is a sum of what each
 * piece gives by itself. Pieces are zeroed before they are filled, so holes are equal.
 */
#define START UINT64_C(0xcbf29ce484222325)

static uint64_t add(uint64_t h, const void *data, size_t len)
{
	const unsigned char *c = data;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ c[i]) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t add_text(uint64_t h, const char *text)
{
	return add(h, text, strlen(text) + 1);
}

/* So that sums of different pieces do not meet by chance. */
static uint64_t stir(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

static uint64_t of_link(const struct nsn_vlink *from)
{
	struct nsn_vlink l;
	uint64_t h;

	/* Byte by byte, with its holes. Where the other half is comes later, and is no reading. */
	memcpy(&l, from, sizeof(l));
	l.name = l.kind = l.port_kind = l.alias = l.qdisc = l.detail = NULL;
	l.peer_ns = 0;
	l.peer_lost = false;
	h = add(START, &l, sizeof(l));
	h = add_text(add_text(h, from->name), from->kind);
	h = add_text(add_text(h, from->port_kind), from->alias);
	return add_text(add_text(h, from->qdisc), from->detail);
}

static uint64_t of_route(const struct nsn_vroute *from)
{
	struct nsn_vroute o;

	memcpy(&o, from, sizeof(o));
	o.hops = NULL;
	return add(add(START, &o, sizeof(o)), from->hops ? (const void *)from->hops : "",
		   from->n_hops * sizeof(*from->hops));
}

static uint64_t of_fib(const struct nsn_vfib *from)
{
	struct nsn_vfib o;

	memcpy(&o, from, sizeof(o));
	o.iif = o.oif = NULL;
	return add_text(add_text(add(START, &o, sizeof(o)), from->iif), from->oif);
}

static uint64_t of_sysctl(const struct nsn_vsysctl *s)
{
	return add_text(add_text(START, s->path), s->value);
}

#define SUM(h, list, n, one)                                                                       \
	do {                                                                                       \
		uint64_t sum_ = 0;                                                                 \
		size_t i_;                                                                         \
		for (i_ = 0; i_ < (n); i_++)                                                       \
			sum_ += stir(one(&(list)[i_]));                                            \
		(h) = add(add((h), &sum_, sizeof(sum_)), &(n), sizeof(n));                         \
	} while (0)

#define PLAIN(type)                                                                                \
	static uint64_t of_##type(const struct nsn_v##type *o)                                     \
	{                                                                                          \
		return add(START, o, sizeof(*o));                                                  \
	}
PLAIN(addr)
PLAIN(neigh)
PLAIN(fdb)

static uint64_t all_of(const struct nsn_vns *ns)
{
	uint64_t h = add(START, &ns->conf_all, sizeof(ns->conf_all));
	size_t i;

	h = add(h, &ns->nft_generation, sizeof(ns->nft_generation));
	SUM(h, ns->links, ns->n_links, of_link);
	SUM(h, ns->addrs, ns->n_addrs, of_addr);
	SUM(h, ns->routes, ns->n_routes, of_route);
	SUM(h, ns->fibs, ns->n_fibs, of_fib);
	SUM(h, ns->neighs, ns->n_neighs, of_neigh);
	SUM(h, ns->fdb, ns->n_fdb, of_fdb);
	SUM(h, ns->sysctls, ns->n_sysctls, of_sysctl);
	for (i = 0; i < ns->n_strange; i++)
		h = add_text(h, ns->strange[i]);
	return h;
}

bool nsn_vns_same(const struct nsn_vns *a, const struct nsn_vns *b)
{
	return a->unreadable == b->unreadable && all_of(a) == all_of(b);
}
