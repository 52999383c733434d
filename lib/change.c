/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctx.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

int nsn_change_new(struct nsnet_change **ret, struct nsnet_err *err)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : nsn_err_nomem(err);
}

void nsnet_change_free(struct nsnet_change *c)
{
	size_t i;

	if (!c)
		return;
	for (i = 0; i < c->n; i++) {
		free(c->items[i].steps);
		free(c->items[i].notes);
	}
	free(c->items);
	nsn_arena_free(&c->arena);
	free(c);
}

int nsn_change_add(struct nsnet_change *c, const char *tenant, const char *endpoint,
		   struct nsn_item **ret, struct nsnet_err *err)
{
	const char *copy = nsn_arena_strdup(&c->arena, tenant);
	const char *second = endpoint ? nsn_arena_strdup(&c->arena, endpoint) : NULL;
	struct nsn_item *grown = realloc(c->items, (c->n + 1) * sizeof(*grown));

	if (grown)
		c->items = grown;
	if (!grown || !copy || (endpoint && !second))
		return nsn_err_nomem(err);
	*ret = &c->items[c->n++];
	**ret = (struct nsn_item){.tenant = copy, .endpoint = second};
	return 0;
}

int nsn_change_take(struct nsnet_change *c, struct nsnet_change *from, struct nsnet_err *err)
{
	struct nsn_item *grown;

	if (from->n == 0)
		return 0;
	grown = reallocarray(c->items, c->n + from->n, sizeof(*grown));
	if (!grown)
		return nsn_err_nomem(err);
	c->items = grown;
	memcpy(c->items + c->n, from->items, from->n * sizeof(*grown));
	c->n += from->n;
	from->n = 0;
	nsn_arena_join(&c->arena, &from->arena);
	return 0;
}

void nsn_change_drop(struct nsnet_change *c)
{
	c->n--;
	free(c->items[c->n].steps);
	free(c->items[c->n].notes);
}

int nsn_change_note_add(struct nsnet_change *c, struct nsn_item *item, struct nsnet_err *err,
			const char *fmt, ...)
{
	const char **grown = realloc(item->notes, (item->n_notes + 1) * sizeof(*grown));
	char text[512];
	va_list ap;
	char *copy;

	if (!grown)
		return nsn_err_nomem(err);
	item->notes = grown;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	copy = nsn_arena_strdup(&c->arena, text);
	if (!copy)
		return nsn_err_nomem(err);
	item->notes[item->n_notes++] = copy;
	return 0;
}

static const char *place_name(struct nsnet_change *c, const struct nsn_tenant *t,
			      struct nsn_place at)
{
	size_t i;

	if (at.role == NSN_GATEWAY)
		return "gateway";
	if (at.role == NSN_HOST)
		return "host";
	for (i = 0; i < t->n_endpoints; i++)
		if (t->endpoints[i].id == at.id)
			return nsn_arena_printf(&c->arena, "endpoint %s", t->endpoints[i].name);
	return "endpoint"; /* one that is going */
}

static int fill_step(struct nsnet_change *c, const struct nsn_step *from,
		     const struct nsn_tenant *t, struct nsnet_step *to)
{
	static const char *const ops[] = {
		[NSN_REMOVE] = "-", [NSN_CREATE] = "+", [NSN_CHANGE] = "~"};
	const struct nsn_object *o = nsn_step_object(from);

	to->op = ops[from->op];
	to->kind = nsn_kind_name(o->kind);
	to->where = place_name(c, t, o->at);
	to->text = nsn_object_str(o, &c->arena);
	to->was = from->op == NSN_CHANGE ? nsn_object_str(from->have, &c->arena) : NULL;
	return to->where && to->text && (to->was || from->op != NSN_CHANGE) ? 0 : -ENOMEM;
}

int nsn_change_steps_add(struct nsnet_change *c, struct nsn_item *item, const struct nsn_plan *plan,
			 const struct nsn_tenant *t, struct nsnet_err *err)
{
	struct nsnet_step *grown;
	size_t i;

	if (plan->n == 0)
		return 0;
	grown = realloc(item->steps, (item->n_steps + plan->n) * sizeof(*grown));
	if (!grown)
		return nsn_err_nomem(err);
	item->steps = grown;
	for (i = 0; i < plan->n; i++) {
		if (fill_step(c, &plan->steps[i], t, &item->steps[item->n_steps]) < 0)
			return nsn_err_nomem(err);
		item->n_steps++;
	}
	return 0;
}

size_t nsnet_change_items(const struct nsnet_change *c)
{
	return c->n;
}

const char *nsnet_change_tenant(const struct nsnet_change *c, size_t item)
{
	return c->items[item].tenant;
}

const char *nsnet_change_endpoint(const struct nsnet_change *c, size_t item)
{
	return c->items[item].endpoint;
}

enum nsnet_outcome nsnet_change_outcome(const struct nsnet_change *c, size_t item)
{
	return c->items[item].outcome;
}

size_t nsnet_change_steps(const struct nsnet_change *c, size_t item)
{
	return c->items[item].n_steps;
}

void nsnet_change_step(const struct nsnet_change *c, size_t item, size_t i, struct nsnet_step *step)
{
	*step = c->items[item].steps[i];
}

size_t nsnet_change_notes(const struct nsnet_change *c, size_t item)
{
	return c->items[item].n_notes;
}

const char *nsnet_change_note(const struct nsnet_change *c, size_t item, size_t i)
{
	return c->items[item].notes[i];
}
