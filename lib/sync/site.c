/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"

static bool is_far(struct nsn_place at)
{
	return at.role == NSN_FAR || at.role == NSN_HOST;
}

/*
 * The far ends of cables and uplinks, one space for each gateway, and the host's. They come
 * behind all others.
 */
static int add_far_spaces(struct nsn_site *site, const struct nsn_owner *owner,
			  const struct nsn_state *known, struct nsnet_err *err)
{
	char pin[NSN_PIN_SIZE];
	size_t i;
	int r;

	for (i = 0; i < known->n; i++) {
		const struct nsn_object *o = &known->objects[i];
		struct nsn_space *space = &site->spaces[site->n];

		if (o->kind != NSN_OBJ_LINK || !is_far(o->at) || nsn_site_space(site, o->at))
			continue;
		if (o->at.role == NSN_HOST) {
			site->spaces[site->n++] = (struct nsn_space){.at = o->at};
			continue;
		}
		r = nsn_compile_gateway_pin(owner, o->at.id, pin, err);
		if (r < 0)
			return r;
		*space =
			(struct nsn_space){.at = o->at, .pin = nsn_arena_strdup(&site->arena, pin)};
		if (!space->pin)
			return nsn_err_nomem(err);
		site->n++;
	}
	return 0;
}

int nsn_site_init(struct nsn_site *site, struct nsn_home *home, const struct nsn_owner *owner,
		  uint64_t tenant, const struct nsn_state *known, struct nsnet_err *err)
{
	size_t i;

	*site = (struct nsn_site){.home = home, .tenant = tenant};
	site->spaces = calloc(known->n + 1, sizeof(*site->spaces));
	if (!site->spaces)
		return nsn_err_nomem(err);
	for (i = 0; i < known->n; i++)
		if (known->objects[i].kind == NSN_OBJ_NETNS)
			site->spaces[site->n++].at = known->objects[i].at;
	for (i = 0; i < known->n; i++) {
		const struct nsn_object *o = &known->objects[i];
		struct nsn_space *space =
			o->kind == NSN_OBJ_PIN ? nsn_site_space(site, o->at) : NULL;

		if (!space)
			continue;
		space->pin = nsn_arena_strdup(&site->arena, o->u.pin);
		if (!space->pin)
			return nsn_err_nomem(err);
	}
	return add_far_spaces(site, owner, known, err);
}

void nsn_site_clear(struct nsn_site *site)
{
	size_t i;

	for (i = 0; i < site->n; i++)
		nsn_netns_close(site->spaces[i].ns);
	free(site->spaces);
	nsn_arena_free(&site->arena);
	*site = (struct nsn_site){0};
}

static int cmp_space(const void *key, const void *space)
{
	return nsn_place_cmp(*(const struct nsn_place *)key, ((const struct nsn_space *)space)->at);
}

/* They are in the order of the sorted objects they were made from. */
struct nsn_space *nsn_site_space(const struct nsn_site *site, struct nsn_place at)
{
	if (site->n == 0)
		return NULL;
	return bsearch(&at, site->spaces, site->n, sizeof(*site->spaces), cmp_space);
}

int nsn_space_is_taken(const struct nsn_space *space, struct nsnet_err *err)
{
	const char *name = strrchr(space->pin, '/') + 1;

	(void)nsn_err(err, -EEXIST, NSNET_E_PIN_FOREIGN, "%s exists and was not made for it",
		      space->pin);
	(void)nsn_err_where(err, -EEXIST, "%s", space->pin);
	if (space->at.role == NSN_GATEWAY)
		return nsn_err_hint(err, -EEXIST, "see what it is: ls -l %s", space->pin);
	return nsn_err_hint(err, -EEXIST,
			    "see what it is: ip netns pids %s; if nobody needs it: ip netns del %s",
			    name, name);
}

/* The namespace to which the thread always comes back. */
static int open_host(struct nsn_site *site, struct nsn_space *space, struct nsnet_err *err)
{
	int fd = fcntl(site->home->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return nsn_err_sys(err, -errno, "the host's network namespace");
	return nsn_netns_open(&space->ns, site->home, fd, site->tenant == 0, err);
}

static int open_space(struct nsn_site *site, struct nsn_space *space, struct nsnet_err *err)
{
	enum nsn_pin_kind kind;
	int fd, r;

	if (space->at.role == NSN_HOST)
		return open_host(site, space, err);
	r = nsn_pin_look(space->pin, &kind, &fd, err);
	if (r < 0)
		return r;
	space->taken = kind == NSN_PIN_FOREIGN;
	space->leftover = kind == NSN_PIN_EMPTY;
	if (kind != NSN_PIN_NETNS)
		return 0;
	r = nsn_netns_open(&space->ns, site->home, fd, space->at.role == NSN_GATEWAY, err);
	if (r < 0)
		return nsn_err_wrap(err, r, "'%s'", space->pin);
	if (space->cookie && space->cookie != nsn_netns_cookie(space->ns)) {
		nsn_netns_close(space->ns);
		space->ns = NULL;
		space->taken = true;
	}
	/* Nothing is done in it that would tell whose it is. */
	if (space->at.role == NSN_FAR && !space->cookie) {
		nsn_netns_close(space->ns);
		space->ns = NULL;
	}
	space->pinned = space->ns;
	return 0;
}

int nsn_site_open(struct nsn_site *site, struct nsnet_err *err)
{
	size_t i;
	int r;

	for (i = 0; i < site->n; i++) {
		r = open_space(site, &site->spaces[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}
