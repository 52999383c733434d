/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies of sets, out of the way of what is released. */
#include <stdlib.h>
#include <string.h>

#include "space_in.h"

/* Where the copy goes to; NULL: only counted. */
struct to {
	char *mem;
	size_t used;
};

static void *room(struct to *t, size_t size)
{
	void *p = t->mem != NULL ? t->mem + t->used : NULL;

	t->used += (size + 15) & ~(size_t)15;
	return p;
}

/* Lists that two products after each other share are shared by the copies. */
struct shared {
	const struct nsn_ranges *from[NSN_FIELDS], *to[NSN_FIELDS];
};

static const struct nsn_product *copy_product(struct to *t, const struct nsn_product *p,
					      struct shared *old)
{
	const size_t n = (size_t)__builtin_popcount(p->fields);
	struct nsn_product *x = room(t, sizeof(*x) + n * sizeof(x->by[0]));
	size_t i = 0;

	if (x != NULL)
		x->fields = p->fields;
	for (unsigned int f = 0; f < NSN_FIELDS; f++) {
		if ((p->fields >> f & 1) == 0)
			continue;
		const struct nsn_ranges *by = p->by[i];

		if (old->from[f] != by) {
			const size_t size = sizeof(*by) + by->n * sizeof(by->r[0]);
			void *to = room(t, size);

			if (to != NULL)
				memcpy(to, by, size);
			old->from[f] = by;
			old->to[f] = to;
		}
		if (x != NULL)
			x->by[i] = old->to[f];
		i++;
	}
	return x;
}

static void copy(struct to *t, nsn_set_t a, struct nsn_pset *ret)
{
	const struct nsn_product **p = room(t, a->n * sizeof(*p));
	struct shared old = {0};

	*ret = (struct nsn_pset){.diagram = a->diagram, .bdd = a->bdd, .n = a->n, .p = p};
	for (size_t i = 0; i < a->n; i++) {
		const struct nsn_product *x = copy_product(t, a->p[i], &old);

		if (p != NULL)
			p[i] = x;
	}
}

struct nsn_kept *nsn_space_keep(struct nsn_space *s, nsn_set_t a)
{
	struct nsn_kept *k = calloc(1, sizeof(*k));
	struct to t = {0};

	if (k == NULL)
		nsn_space_stop(s, "memory");
	copy(&t, a, &k->set);
	if (t.used > 0) {
		t = (struct to){.mem = malloc(t.used)};
		if (t.mem == NULL) {
			free(k);
			nsn_space_stop(s, "memory");
		}
		copy(&t, a, &k->set);
	}
	k->mem = t.mem;
	if (a->bdd > NSN_BDD_TRUE)
		nsn_bdd_ref(a->bdd);
	k->next = s->data->kept;
	if (k->next != NULL)
		k->next->prev = k;
	s->data->kept = k;
	return k;
}

nsn_set_t nsn_kept_set(struct nsn_space *s, const struct nsn_kept *k)
{
	struct nsn_pset *x = nsn_space_raw(s, sizeof(*x));
	struct to t = {0};

	copy(&t, &k->set, x);
	if (t.used > 0) {
		t = (struct to){.mem = nsn_space_raw(s, t.used)};
		copy(&t, &k->set, x);
	}
	if (x->bdd > NSN_BDD_TRUE)
		(void)nsn_hold(s, x->bdd);
	return x;
}

void nsn_kept_drop(struct nsn_space *s, struct nsn_kept *k)
{
	if (k == NULL)
		return;
	if (k->set.bdd > NSN_BDD_TRUE)
		nsn_bdd_unref(k->set.bdd);
	if (k->prev != NULL)
		k->prev->next = k->next;
	else
		s->data->kept = k->next;
	if (k->next != NULL)
		k->next->prev = k->prev;
	free(k->mem);
	free(k);
}
