/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#define LOOKS 6
#define PAUSE 15000000 /* ns */

/*
 * Who only passed by. Every command of nsnet, and every other reader, goes into tenants' namespaces
 * for moments, with all its capabilities and its descriptors: whoever has left is no
 * inhabitant. Nothing is lost by it: who may come and go like that is the host's root, who
 * may enter at any time.
 */

/* The namespace that it is in now; @inode when that cannot be said, 0 when it is gone. */
static uint64_t is_now(const struct nsn_reader *r, const struct nsn_vproc *p, uint64_t inode)
{
	char path[48];
	uint64_t now;
	int error = 0;

	(void)snprintf(path, sizeof(path), "%d/ns/net", p->pid);
	now = nsn_ns_link(r->proc, path, "net:[", &error);
	if (now)
		return now;
	return error == ENOENT || error == ESRCH ? 0 : inode;
}

static void settle_procs(const struct nsn_reader *r, struct nsn_place *p)
{
	size_t i, n = 0;

	for (i = 0; i < p->n_procs; i++) {
		const struct nsn_vproc *one = &p->procs[i];

		/* Who is below the host's user namespace has no way to the others. */
		if (!one->host_user || is_now(r, one, p->inode) == p->inode)
			p->procs[n++] = *one;
	}
	p->n_procs = n;
}

/* What it holds it holds from where it is now. */
static void settle_held(const struct nsn_reader *r, struct nsn_place *p)
{
	size_t i, n = 0;

	for (i = 0; i < p->n_held; i++) {
		struct nsn_vheld *h = &p->held[i];
		const uint64_t home = r->places[h->home].inode;
		const uint64_t now = h->proc.host_user ? is_now(r, &h->proc, home) : home;
		const size_t at = now ? nsn_place_find(r, now) : NSN_NOWHERE;

		/* At home where it belongs to, or gone. */
		if (now == 0 || now == p->inode)
			continue;
		if (at != NSN_NOWHERE)
			h->home = at;
		p->held[n++] = *h;
	}
	p->n_held = n;
}

/* Whether anybody is there of whom it would matter: what has all its rights on the host. */
static bool in_doubt(const struct nsn_reader *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct nsn_place *p = &r->places[i];

		for (size_t k = 0; p->known && k < p->n_procs; k++)
			if (p->procs[k].host_user)
				return true;
		for (size_t k = 0; k < p->n_held; k++)
			if (p->held[k].proc.host_user && r->places[p->held[k].home].known)
				return true;
	}
	return false;
}

static void look(struct nsn_reader *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->places[i].known)
			settle_procs(r, &r->places[i]);
		settle_held(r, &r->places[i]);
	}
}

/* Who goes from one to the next is met in the same one by chance, but not time after time. */
void nsn_settle(struct nsn_reader *r)
{
	const struct timespec pause = {.tv_nsec = PAUSE};

	look(r);
	for (int i = 1; i < LOOKS && in_doubt(r); i++) {
		(void)nanosleep(&pause, NULL);
		look(r);
	}
}
