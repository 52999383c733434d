/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "child.h"
#include "differ.h"

/*
 * differ_task - the difference of two snapshots, in a process of its own
 */

static void json_unref(json_t **j)
{
	json_decref(*j);
}

static json_t *line_json(const struct nsn_difference *x)
{
	json_t *ports = json_array();

	for (size_t i = 0; i < x->n_ports; i++)
		json_array_append_new(ports, json_string(x->ports[i]));
	return json_pack("[b, b, s, s, o]", x->opens, x->unsure, x->from, x->to, ports);
}

static json_t *differences_json(const struct nsn_differences *d)
{
	json_t *list = json_array(), *unsure = json_array();

	for (size_t i = 0; i < d->n; i++)
		if (json_array_append_new(list, line_json(&d->list[i])) < 0)
			return NULL;
	for (size_t i = 0; i < d->n_unsure; i++)
		if (json_array_append_new(
			    unsure, json_pack("[s, s]", d->unsure[i].from, d->unsure[i].why)) < 0)
			return NULL;
	return json_pack("{s:o, s:o, s:I, s:b, s:I}", "list", list, "unsure", unsure, "followed",
			 (json_int_t)d->followed, "gave_up", d->gave_up, "took",
			 (json_int_t)d->took_us);
}

static int read_line(struct nsn_differences *d, json_t *j)
{
	struct nsn_difference *x = &d->list[d->n];
	const char *from, *to;
	int opens, unsure;
	json_t *ports;

	if (json_unpack(j, "[b, b, s, s, o]", &opens, &unsure, &from, &to, &ports) < 0)
		return -EPROTO;
	*x = (struct nsn_difference){.opens = opens,
				     .unsure = unsure,
				     .from = nsn_arena_strdup(&d->mem, from),
				     .to = nsn_arena_strdup(&d->mem, to)};
	x->ports = nsn_arena_alloc(&d->mem, (json_array_size(ports) + 1) * sizeof(*x->ports));
	if (!x->from || !x->to || !x->ports)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(ports); i++) {
		const char *one = json_string_value(json_array_get(ports, i));

		x->ports[x->n_ports] = one ? nsn_arena_strdup(&d->mem, one) : NULL;
		if (!x->ports[x->n_ports++])
			return one ? -ENOMEM : -EPROTO;
	}
	d->n++;
	d->n_open += x->opens;
	return 0;
}

static int read_unsure(struct nsn_differences *d, json_t *j)
{
	const char *from, *why;

	if (json_unpack(j, "[s, s]", &from, &why) < 0)
		return -EPROTO;
	d->unsure[d->n_unsure].from = nsn_arena_strdup(&d->mem, from);
	d->unsure[d->n_unsure].why = nsn_arena_strdup(&d->mem, why);
	if (!d->unsure[d->n_unsure].from || !d->unsure[d->n_unsure].why)
		return -ENOMEM;
	d->n_unsure++;
	return 0;
}

static int read_differences(struct nsn_differences *d, json_t *doc)
{
	json_t *list, *unsure;
	json_int_t followed, took;
	int gave_up, r = 0;

	if (json_unpack(doc, "{s:o, s:o, s:I, s:b, s:I}", "list", &list, "unsure", &unsure,
			"followed", &followed, "gave_up", &gave_up, "took", &took) < 0)
		return -EPROTO;
	d->followed = (size_t)followed;
	d->gave_up = gave_up;
	d->took_us = (unsigned int)took;
	d->list = calloc(json_array_size(list) + 1, sizeof(*d->list));
	d->unsure = calloc(json_array_size(unsure) + 1, sizeof(*d->unsure));
	if (!d->list || !d->unsure)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		r = read_line(d, json_array_get(list, i));
	for (size_t i = 0; r == 0 && i < json_array_size(unsure); i++)
		r = read_unsure(d, json_array_get(unsure, i));
	return r;
}

struct work {
	const struct nsn_snap *was, *will;
	const struct nsn_intent *was_intent, *will_intent;
	const struct nsn_differ_how *how;
};

static json_t *work(void *arg)
{
	const struct work *w = arg;
	struct nsn_differences d = {0};
	struct nsnet_err err = {0};

	if (nsn_compare_snaps(w->was, w->was_intent, w->will, w->will_intent, w->how, &d, &err) < 0)
		return NULL;
	return differences_json(&d);
}

static int give_up(struct nsn_differences *d, const char *why)
{
	nsn_differences_clear(d);
	d->gave_up = true;
	d->unsure = calloc(1, sizeof(*d->unsure));
	if (!d->unsure)
		return -ENOMEM;
	d->unsure[d->n_unsure++] = (struct nsn_unfollowed){"", why};
	return 0;
}

int nsn_compare_apart(const struct nsn_snap *was, const struct nsn_intent *was_intent,
		      const struct nsn_snap *will, const struct nsn_intent *will_intent,
		      const struct nsn_differ_how *how, struct nsn_differences *ret,
		      struct nsnet_err *err)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;
	struct work w = {was, will, was_intent, will_intent, how};
	int r;

	*ret = (struct nsn_differences){0};
	r = nsn_child_ask(work, &w, how->seconds, &doc, err);
	if (r == 0)
		r = read_differences(ret, doc);
	if (r == -ETIMEDOUT || r == -EPROTO)
		r = give_up(ret,
			    r == -ETIMEDOUT ? "it took too long" : "its process died (memory?)");
	if (r == -ENOMEM) {
		nsn_differences_clear(ret);
		return nsn_err_nomem(err);
	}
	return r;
}
