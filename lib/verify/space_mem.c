/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of sets, their fields, and what ends a computation. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "space_in.h"

enum {
	CHUNK = 1 << 20,
	LOOK_EVERY = 4096, /* steps: at the time */
};

static const struct {
	uint8_t bits;
	const char *name;
} fields[NSN_FIELDS] = {
	[NSN_F_IIF] = {32, "iif"},
	[NSN_F_OIF] = {32, "oif"},
	[NSN_F_TAG] = {2, "vlan tag"},
	[NSN_F_ETYPE] = {16, "ethertype"},
	[NSN_F_L2SRC] = {48, "ether src"},
	[NSN_F_L2DST] = {48, "ether dst"},
	[NSN_F_SRC] = {128, "src"},
	[NSN_F_DST] = {128, "dst"},
	[NSN_F_PROTO] = {8, "proto"},
	[NSN_F_SPORT] = {16, "sport"},
	[NSN_F_DPORT] = {16, "dport"},
	[NSN_F_FLAGS] = {8, "tcp flags"},
	[NSN_F_FRAG] = {1, "fragment"},
	[NSN_F_TTL] = {8, "ttl"},
	[NSN_F_NEXT] = {8, "nexthdr"},
	[NSN_F_CTSTATE] = {3, "ct state"},
	[NSN_F_CTDIR] = {1, "ct direction"},
	[NSN_F_CTNAT] = {2, "ct nat"},
	[NSN_F_CTMARK] = {32, "ct mark"},
	[NSN_F_MARK] = {32, "mark"},
	[NSN_F_OSRC] = {128, "ct original src"},
	[NSN_F_ODST] = {128, "ct original dst"},
	[NSN_F_ODPORT] = {16, "ct original dport"},
	[NSN_F_ARPS] = {48, "arp ether src"},
	[NSN_F_ND] = {128, "nd target"},
	[NSN_F_QDST] = {128, "quoted dst"},
	[NSN_F_FIRST] = {3, "translated"},
};

unsigned int nsn_field_bits(enum nsn_field f)
{
	return fields[f].bits;
}

const char *nsn_field_name(enum nsn_field f)
{
	return fields[f].name;
}

nsn_u128 nsn_field_max(enum nsn_field f)
{
	return ~(nsn_u128)0 >> (128 - fields[f].bits);
}

_Noreturn void nsn_space_stop(struct nsn_space *s, const char *why)
{
	s->why = why;
	siglongjmp(s->out, 1);
}

void nsn_space_look(struct nsn_space *s)
{
	struct timespec now;

	s->data->looked = s->steps;
	if (s->deadline_ns == 0)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec >= s->deadline_ns)
		nsn_space_stop(s, "time");
}

void nsn_space_step(struct nsn_space *s, uint64_t steps)
{
	s->steps += steps;
	if (s->max_steps > 0 && s->steps > s->max_steps)
		nsn_space_stop(s, "steps");
	if (s->steps - s->data->looked >= LOOK_EVERY)
		nsn_space_look(s);
}

/* ---- memory ------------------------------------------------------------------------------ */

static void use_chunk(struct nsn_space_data *d, size_t chunk, size_t used)
{
	d->chunk = chunk;
	d->mem = d->chunks[chunk].mem;
	d->room = d->chunks[chunk].size;
	d->used = used < d->room ? used : d->room;
}

/* The next chunk, with room for @size; those behind that are too small go. */
static void next_chunk(struct nsn_space *s, size_t size)
{
	struct nsn_space_data *d = s->data;
	const size_t next = d->n_chunks > 0 ? d->chunk + 1 : 0;
	struct nsn_chunk c = {.size = size > CHUNK ? size : CHUNK};

	if (next < d->n_chunks && d->chunks[next].size >= size) {
		use_chunk(d, next, 0);
		return;
	}
	while (d->n_chunks > next)
		free(d->chunks[--d->n_chunks].mem);

	struct nsn_chunk *grown = realloc(d->chunks, (next + 1) * sizeof(*grown));

	if (grown == NULL)
		nsn_space_stop(s, "memory");
	d->chunks = grown;
	c.mem = malloc(c.size);
	if (c.mem == NULL)
		nsn_space_stop(s, "memory");
	c.base = next > 0 ? grown[next - 1].base + grown[next - 1].size : 0;
	grown[next] = c;
	d->n_chunks = next + 1;
	use_chunk(d, next, 0);
}

void *nsn_space_more(struct nsn_space *s, size_t size)
{
	if (size > SIZE_MAX / 4)
		nsn_space_stop(s, "memory");
	next_chunk(s, size);
	s->data->used = size;
	return s->data->mem;
}

void *nsn_space_alloc(struct nsn_space *s, size_t size)
{
	return memset(nsn_space_raw(s, size), 0, size);
}

nsn_mark_t nsn_space_mark(struct nsn_space *s)
{
	const struct nsn_space_data *d = s->data;

	return d->n_chunks == 0 ? 0 : d->chunks[d->chunk].base + d->used;
}

void nsn_space_release(struct nsn_space *s, nsn_mark_t mark)
{
	struct nsn_space_data *d = s->data;

	while (d->held != NULL && d->held->at >= mark) {
		nsn_bdd_unref(d->held->bdd);
		d->held = d->held->prev;
	}
	if (d->n_chunks == 0)
		return;

	size_t chunk = d->chunk;

	while (chunk > 0 && d->chunks[chunk].base >= mark)
		chunk--;
	use_chunk(d, chunk, mark - d->chunks[chunk].base);
}

/* ---- diagrams that are held --------------------------------------------------------------- */

nsn_bdd_t nsn_hold(struct nsn_space *s, nsn_bdd_t b)
{
	struct nsn_space_data *d = s->data;

	if (b == NSN_BDD_FALSE || b == NSN_BDD_TRUE)
		return b;
	nsn_bdd_ref(b); /* first: what follows makes no nodes, but may jump */

	const nsn_mark_t at = nsn_space_mark(s);
	struct nsn_held *h = nsn_space_raw(s, sizeof(*h));

	*h = (struct nsn_held){d->held, at, b};
	d->held = h;
	return b;
}

void nsn_hold_only(struct nsn_space *s, struct nsn_held *before, nsn_bdd_t keep)
{
	bool kept = keep == NSN_BDD_FALSE || keep == NSN_BDD_TRUE;

	for (struct nsn_held *h = s->data->held; h != before; h = h->prev) {
		if (h->bdd == keep && !kept) {
			kept = true;
			continue;
		}
		nsn_bdd_unref(h->bdd);
		h->bdd = NSN_BDD_FALSE;
	}
}

/* ---- the space ----------------------------------------------------------------------------- */

int nsn_space_open(struct nsn_space *s, size_t nodes)
{
	s->data = calloc(1, sizeof(*s->data));
	if (s->data == NULL)
		return -ENOMEM;
	s->data->nodes = nodes;
	s->why = NULL;
	s->steps = 0;
	return 0;
}

void nsn_space_close(struct nsn_space *s)
{
	struct nsn_space_data *d = s->data;

	if (d == NULL)
		return;
	nsn_space_release(s, 0);
	while (d->kept != NULL)
		nsn_kept_drop(s, d->kept);
	nsn_dg_close(s);
	for (size_t i = 0; i < d->n_chunks; i++)
		free(d->chunks[i].mem);
	free(d->chunks);
	free(d);
	s->data = NULL;
}
