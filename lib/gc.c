/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctx.h"
#include "kernel/file.h"
#include "kernel/link.h"
#include "kernel/nft.h"
#include "workloads.h"

/*
 * gc - what this store made and no longer wants. Crashes leave nothing that
 * the next run does not settle; this is for a store that was lost or put back
 * from a backup. Ownership is what the kernel says: the mark inside.
 */
struct gc {
	struct nsnet *n;
	struct nsnet_change *c;
	struct nsn_item *item;
	struct nsn_tenant_list wanted;
	bool dry;
};

NSN_CLEANUP(struct nsn_netns, nsn_netns_close)

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static void state_clearp(struct nsn_state *s)
{
	nsn_state_clear(s);
}

static int add_step_word(struct gc *gc, const char *kind, const char *where, const char *path,
			 struct nsnet_err *err)
{
	struct nsn_item *item = gc->item;
	struct nsnet_step *grown = realloc(item->steps, (item->n_steps + 1) * sizeof(*grown));
	const char *text = nsn_arena_strdup(&gc->c->arena, path);

	if (grown)
		item->steps = grown;
	if (!grown || !text)
		return nsn_err_nomem(err);
	item->steps[item->n_steps++] =
		(struct nsnet_step){.op = "-", .kind = kind, .where = where, .text = text};
	return 0;
}

static int add_step(struct gc *gc, enum nsn_kind kind, const char *where, const char *path,
		    struct nsnet_err *err)
{
	return add_step_word(gc, nsn_kind_name(kind), where, path, err);
}

/* Our links inside go down before the name goes: a process inside is cut off. */
static int drop(struct gc *gc, const struct nsn_netns *ns, const struct nsn_state *s,
		const char *where, const char *path, struct nsnet_err *err)
{
	size_t i;
	int r;

	r = add_step(gc, NSN_OBJ_PIN, where, path, err);
	if (r < 0 || gc->dry)
		return r;
	for (i = 0; i < s->n && ns; i++) {
		const struct nsn_object *o = &s->objects[i];

		if (o->kind != NSN_OBJ_LINK || o->u.dev.group != gc->n->owner.group ||
		    o->u.dev.type != NSN_LINK_VETH)
			continue;
		r = nsn_link_set_up(nsn_netns_route(ns), o->link, false, err);
		if (r < 0)
			return r;
	}
	return nsn_pin_drop(path, err);
}

static int open_pin(struct gc *gc, const char *path, enum nsn_pin_kind *kind,
		    struct nsn_netns **ret, struct nsnet_err *err)
{
	int fd, r;

	r = nsn_pin_look(path, kind, &fd, err);
	if (r < 0 || *kind != NSN_PIN_NETNS)
		return r;
	return nsn_netns_open(ret, &gc->n->home, fd, true, err);
}

static bool marks_gateway(const struct gc *gc, const struct nsn_state *s)
{
	uint64_t id;
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->objects[i].kind == NSN_OBJ_TABLE &&
		    nsn_compile_mark_read(&gc->n->owner, s->objects[i].u.table.comment, &id))
			return true;
	return false;
}

static bool marks_workload(const struct gc *gc, const struct nsn_state *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->objects[i].kind == NSN_OBJ_LINK &&
		    strcmp(s->objects[i].link, NSN_ENDPOINT_LINK) == 0 &&
		    s->objects[i].u.dev.group == gc->n->owner.group)
			return true;
	return false;
}

/* A file of the pin folder: STORE-ID. */
static int look_at_gateway(struct gc *gc, const char *name, struct nsnet_err *err)
{
	const struct nsn_place at = {.role = NSN_GATEWAY};
	NSN_AUTO(nsn_netns_closep) struct nsn_netns *ns = NULL;
	NSN_AUTO(state_clearp) struct nsn_state s = {0};
	enum nsn_pin_kind kind = NSN_PIN_NONE;
	char path[NSN_PIN_SIZE];
	uint64_t id;
	int r;

	if (strncmp(name, gc->n->owner.store, 8) != 0 || name[8] != '-' ||
	    nsn_u64_parse(&id, name + 9, NSN_ID_MAX) < 0)
		return 0;
	r = nsn_store_tenant_exists(gc->n->store, id, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = nsn_compile_gateway_pin(&gc->n->owner, id, path, err);
	if (r == 0)
		r = open_pin(gc, path, &kind, &ns, err);
	if (r == 0 && ns)
		r = nsn_link_dump(nsn_netns_route(ns), &s, at, err);
	if (r == 0 && ns)
		r = nsn_nft_dump(nsn_netns_nft(ns), NSN_TABLE_NAME, &s, at, err);
	if (r < 0)
		return r;
	if (kind != NSN_PIN_EMPTY && !(ns && marks_gateway(gc, &s)))
		return 0;
	return drop(gc, ns, &s, "gateway", path, err);
}

static bool is_wanted(const struct gc *gc, const char *name)
{
	char buf[NSN_NETNS_NAME_SIZE];
	size_t i, j;

	for (i = 0; i < gc->wanted.n; i++)
		for (j = 0; j < gc->wanted.tenants[i].n_endpoints; j++)
			if (strcmp(name, nsn_endpoint_netns_name(
						 &gc->wanted.tenants[i],
						 &gc->wanted.tenants[i].endpoints[j], buf)) == 0)
				return true;
	return false;
}

static int look_at_workload(struct gc *gc, const char *name, struct nsnet_err *err)
{
	const struct nsn_place at = {.role = NSN_ENDPOINT};
	NSN_AUTO(nsn_netns_closep) struct nsn_netns *ns = NULL;
	NSN_AUTO(state_clearp) struct nsn_state s = {0};
	enum nsn_pin_kind kind = NSN_PIN_NONE;
	char path[NSN_PIN_SIZE];
	int r;

	if (is_wanted(gc, name))
		return 0;
	if (snprintf(path, sizeof(path), "%s/%s", NSN_NETNS_DIR, name) >= NSN_PIN_SIZE)
		return 0;
	r = open_pin(gc, path, &kind, &ns, err);
	if (r < 0 || !ns)
		return r;
	r = nsn_link_dump(nsn_netns_route(ns), &s, at, err);
	if (r < 0 || !marks_workload(gc, &s))
		return r;
	return drop(gc, ns, &s, "workload", path, err);
}

/* Whether the file has the mark of this store, and not only nsnet's. */
static bool marks_file(const struct gc *gc, const struct nsn_object *o)
{
	const char *text = o->u.file.text;

	return o->u.file.ours && strncmp(text, NSN_FILE_MARK, strlen(NSN_FILE_MARK)) == 0 &&
	       strncmp(text + strlen(NSN_FILE_MARK), gc->n->owner.store,
		       strlen(gc->n->owner.store)) == 0;
}

/* A folder of NSN_NETNS_ETC: what an endpoint that is gone has left there. */
static int look_at_folder(struct gc *gc, const char *name, struct nsnet_err *err)
{
	static const char *const files[] = {"hosts", "resolv.conf"};
	const struct nsn_place at = {.role = NSN_ENDPOINT};
	NSN_AUTO(state_clearp) struct nsn_state s = {0};
	char path[NSN_PIN_SIZE];
	size_t i;
	int r = 0;

	if (is_wanted(gc, name))
		return 0;
	for (i = 0; r == 0 && i < NSN_COUNT(files); i++) {
		if (snprintf(path, sizeof(path), "%s/%s/%s", NSN_NETNS_ETC, name, files[i]) >=
		    NSN_PIN_SIZE)
			return 0;
		r = nsn_file_observe(path, &s, at, err);
	}
	for (i = 0; r == 0 && i < s.n; i++) {
		if (!marks_file(gc, &s.objects[i]))
			continue;
		r = add_step(gc, NSN_OBJ_FILE, "workload", s.objects[i].u.file.path, err);
		if (r == 0 && !gc->dry)
			r = nsn_file_drop(&s.objects[i], err);
	}
	return r;
}

static int each_file(struct gc *gc, const char *folder,
		     int (*look)(struct gc *, const char *, struct nsnet_err *),
		     struct nsnet_err *err)
{
	NSN_AUTO(closedirp) DIR *d = opendir(folder);
	const struct dirent *entry;
	int r = 0;

	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return nsn_err_sys(err, -errno, "read '%s'", folder);
	while (r == 0 && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			r = look(gc, entry->d_name, err);
	return r;
}

static int note_workload(void *arg, const char *id, struct nsnet_err *err)
{
	return add_step_word(arg, "workload", "run", id, err);
}

/* What a supervisor that was killed left: its record, and the control group. */
static int sweep_workloads(struct gc *gc, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int folder = -1;
	const int r = nsn_workloads_look(gc->n->run_dir, &folder, err);

	return r <= 0 ? r : nsn_record_sweep(folder, SIZE_MAX, gc->dry, note_workload, gc, err);
}

int nsnet_gc(struct nsnet *n, unsigned int flags, struct nsnet_change **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	struct gc gc = {.n = n, .dry = flags & NSNET_DRY_RUN};
	int r;

	r = nsn_change_new(&c, err);
	if (r < 0)
		return r;
	gc.c = c;
	r = nsn_change_add(c, "", NULL, &gc.item, err);
	if (r == 0)
		r = nsn_store_lock(n->store, err);
	if (r < 0)
		return r;
	r = nsn_store_tenant_list(n->store, &gc.wanted, err);
	/* Gateways first: their ports going down cut the workloads. */
	if (r == 0)
		r = each_file(&gc, n->pin_dir, look_at_gateway, err);
	if (r == 0)
		r = each_file(&gc, NSN_NETNS_DIR, look_at_workload, err);
	if (r == 0)
		r = each_file(&gc, NSN_NETNS_ETC, look_at_folder, err);
	if (r == 0)
		r = sweep_workloads(&gc, err);
	nsn_store_unlock(n->store);
	nsn_tenant_list_clear(&gc.wanted);
	if (r < 0)
		return r;
	gc.item->outcome = gc.item->n_steps > 0 ? NSNET_REMOVED : NSNET_UNCHANGED;
	if (ret)
		*ret = NSN_TAKE_PTR(c);
	return 0;
}
