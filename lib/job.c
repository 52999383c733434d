/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctx.h"
#include "kernel/file.h"

/* How often the state is read again after a lost answer, or when it does not settle. */
#define ROUNDS 3

/* The namespaces to look into: those of endpoints that shall go are still there. */
static const struct nsn_state *known(const struct nsn_job *job)
{
	return job->with.n > 0 ? &job->with : &job->wanted;
}

int nsn_job_look(struct nsn_job *job, struct nsnet_err *err)
{
	int r;

	nsn_plan_clear(&job->plan);
	nsn_state_clear(&job->observed);
	r = nsn_site_observe(&job->site, &job->wanted, known(job), &job->n->owner, &job->observed,
			     err);
	if (r == 0)
		r = nsn_focus(&job->observed, job, err);
	if (r == 0)
		r = nsn_job_plan(job, err);
	if (r == 0 && job->only_remove)
		nsn_plan_only_remove(&job->plan);
	if (r == 0 && job->only_link)
		nsn_plan_only_link(&job->plan, job->only_link);
	return r < 0 ? nsn_err_wrap(err, r, "tenant '%s'", job->t->name) : 0;
}

static int know_spaces(struct nsn_job *job, struct nsnet_err *err)
{
	size_t i;
	int r;

	/* Nothing of it has ever been there; nor may a thread of many.c ask the store. */
	if (job->fresh && (job->alone || job->border.n_far == 0))
		return 0;
	for (i = 0; i < job->site.n; i++) {
		struct nsn_space *space = &job->site.spaces[i];
		const bool far = space->at.role == NSN_FAR;
		const uint64_t tenant = far ? space->at.id : job->t->id;
		const uint64_t endpoint = far ? 0 : space->at.id;

		/* The host's is nobody's. */
		if (space->at.role == NSN_HOST)
			continue;
		if (job->there) {
			space->cookie = nsn_there_cookie(job->there, tenant, endpoint);
			continue;
		}
		r = nsn_store_ns_get(job->n->store, tenant, endpoint, &space->cookie, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool loses_endpoints(const struct nsn_tenant *before, const struct nsn_tenant *t)
{
	size_t i;

	for (i = 0; before && i < before->n_endpoints; i++)
		if (!nsn_tenant_endpoint(t, before->endpoints[i].name))
			return true;
	return false;
}

static const struct nsn_wanted *all_wanted(const struct nsn_job *job)
{
	return job->all ? job->all : &job->own;
}

static int by_link(const void *key, const void *element)
{
	const uint64_t link = *(const uint64_t *)key;
	const struct nsn_far *far = element;

	return link < far->link ? -1 : link > far->link;
}

/* By the number in its name, and not name by name: a shared gateway has 500 cables. */
static const struct nsn_far *far_of(const struct nsn_border *b, const char *link)
{
	char name[NSN_LINK_NAME_SIZE];
	const struct nsn_far *far;
	uint64_t number;

	if (b->n_far == 0 || strncmp(link, "nsn", 3) != 0)
		return NULL;
	number = strtoull(link + 3, NULL, 10);
	far = bsearch(&number, b->far, b->n_far, sizeof(*b->far), by_link);
	return far && strcmp(nsn_far_name(far, name), link) == 0 ? far : NULL;
}

static bool is_uplink(const struct nsn_border *b, const char *link)
{
	const struct nsn_far like = {.link = b->up.link};
	char name[NSN_LINK_NAME_SIZE];

	return b->up.link && strcmp(nsn_far_name(&like, name), link) == 0;
}

/* Whether an object is, or hangs on, a cable into a gateway that is not there. */
static bool has_both_ends(const struct nsn_object *o, const void *arg)
{
	const struct nsn_job *job = arg;
	const struct nsn_space *space;
	const struct nsn_far *far;

	if (!o->link[0] || o->at.role == NSN_ENDPOINT)
		return true;
	far = far_of(&job->border, o->link);
	if (far)
		space = nsn_site_space(&job->site, (struct nsn_place){NSN_FAR, far->other->id});
	else if (is_uplink(&job->border, o->link))
		space = nsn_site_space(&job->site, (struct nsn_place){NSN_HOST, 0});
	else
		return true;
	return space && space->ns;
}

/* What cannot be made now: the other tenant's run will make it. */
static void leave_out_cables(struct nsn_job *job)
{
	if (job->site.n > 0 || job->alone)
		nsn_state_filter(&job->wanted, has_both_ends, job);
}

int nsn_job_compile(struct nsn_job *job, enum nsn_want want, uint32_t generation,
		    struct nsnet_err *err)
{
	const struct nsn_wanted *all = all_wanted(job);
	NSN_AUTO(nsn_freep) struct nsn_cable *cables = NULL;
	size_t n_cables = 0;
	int r;

	nsn_border_clear(&job->border);
	nsn_state_clear(&job->wanted);
	if (!nsn_wanted_knows(all, job->t))
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL,
			       "the border of tenant '%s' cannot be made from a part",
			       job->t->name);
	if (nsn_wanted_cables_of(all, job->t->id, &cables, &n_cables) < 0)
		return nsn_err_nomem(err);
	r = nsn_border_make(&job->border, &all->intent, cables, n_cables,
			    nsn_wanted_uplink(all, job->t->id), &all->transit, job->t, generation,
			    err);
	if (r == 0)
		r = nsn_compile(job->t, &job->border, &job->n->owner, want, &job->wanted, err);
	if (r == 0)
		r = nsn_focus(&job->wanted, job, err);
	if (r == 0)
		leave_out_cables(job);
	return r;
}

int nsn_job_open(struct nsn_job *job, struct nsnet *n, struct nsn_tenant *t, enum nsn_want want,
		 struct nsnet_err *err)
{
	int r = 0;

	job->n = n;
	job->t = t;
	job->want = want;
	if (!job->all)
		r = nsn_wanted_load_tenant(n, t, &job->own, err);
	if (r == 0)
		r = nsn_job_compile(job, want, 0, err);
	if (r == 0 && loses_endpoints(job->before, t))
		r = nsn_compile(job->before, &job->border, &n->owner, want, &job->with, err);
	if (r == 0)
		r = nsn_focus(&job->with, job, err);
	if (r == 0)
		r = nsn_site_init(&job->site, job->home ? job->home : &n->home, &n->owner, t->id,
				  known(job), err);
	if (r == 0)
		r = know_spaces(job, err);
	if (r == 0)
		r = nsn_site_open(&job->site, err);
	return r == 0 ? nsn_job_look(job, err) : r;
}

int nsn_job_look_again(struct nsn_job *job, struct nsnet_err *err)
{
	int r = nsn_job_compile(job, job->want, job->border.generation, err);

	return r == 0 ? nsn_job_look(job, err) : r;
}

void nsn_job_close(struct nsn_job *job)
{
	nsn_plan_clear(&job->plan);
	nsn_state_clear(&job->wanted);
	nsn_state_clear(&job->with);
	nsn_state_clear(&job->observed);
	nsn_site_clear(&job->site);
	nsn_border_clear(&job->border);
	nsn_wanted_clear(&job->own);
}

bool nsn_job_agrees(const struct nsn_job *job)
{
	return job->plan.n == 0 && job->plan.n_foreign == 0;
}

bool nsn_job_absent(const struct nsn_job *job)
{
	size_t i;

	for (i = 0; i < job->site.n; i++)
		if (job->site.spaces[i].ns && job->site.spaces[i].at.role != NSN_FAR &&
		    job->site.spaces[i].at.role != NSN_HOST)
			return false;
	return true;
}

/*
 * A port that is made again gets a new name: the kernel may still be taking
 * the old one apart. Known in this boot means that it has been made before.
 */
static int renew_links(struct nsn_job *job, bool *renewed, struct nsnet_err *err)
{
	char port[NSN_PORT_NAME_SIZE];
	size_t i;
	int r;

	*renewed = false;
	for (i = 0; i < job->t->n_endpoints; i++) {
		struct nsn_endpoint *e = &job->t->endpoints[i];
		const struct nsn_space *space = nsn_site_space(
			&job->site, (struct nsn_place){.role = NSN_ENDPOINT, .id = e->id});

		if (!space || !space->cookie ||
		    !nsn_plan_makes_port(&job->plan, nsn_compile_port(e, port)))
			continue;
		r = nsn_store_new_link(job->n->store, e, err);
		if (r < 0)
			return r;
		*renewed = true;
	}
	return 0;
}

static int with_new_links(struct nsn_job *job, struct nsnet_err *err)
{
	bool renewed;
	int r;

	r = renew_links(job, &renewed, err);
	if (r < 0 || !renewed)
		return r;
	nsn_plan_clear(&job->plan);
	r = nsn_job_compile(job, NSN_WANT_BUILT, job->border.generation, err);
	return r == 0 ? nsn_job_look(job, err) : r;
}

/* Whether the namespace is one that there never was before. */
static bool is_fresh(const struct nsn_job *job, struct nsn_place at)
{
	size_t i;

	if (at.role == NSN_GATEWAY)
		return job->fresh;
	if (at.role == NSN_FAR || at.role == NSN_HOST)
		return false;
	for (i = 0; i < job->t->n_endpoints; i++)
		if (job->t->endpoints[i].id == at.id)
			return job->t->endpoints[i].fresh;
	return false;
}

static bool is_wanted(const struct nsn_job *job, struct nsn_place at)
{
	const struct nsn_object like = {.kind = NSN_OBJ_NETNS, .at = at, .link = ""};

	return nsn_state_find(&job->wanted, &like);
}

/* Nothing is taken over: a name in use is a conflict, found before anything is made. */
int nsn_job_check_pins(const struct nsn_job *job, struct nsnet_err *err)
{
	size_t i;

	for (i = 0; i < job->site.n; i++) {
		const struct nsn_space *space = &job->site.spaces[i];
		bool fresh = is_fresh(job, space->at);

		/* What is in the place of one that goes stays. */
		if (!is_wanted(job, space->at))
			continue;
		if (space->taken || (fresh && space->leftover))
			return nsn_err_wrap(err, nsn_space_is_taken(space, err), "tenant '%s'",
					    job->t->name);
		/* Ours by its mark, but of a tenant that the store has lost: its processes may
		 * still be inside, and a new tenant must not get them. */
		if (fresh && space->ns) {
			(void)nsn_err(err, -EEXIST, NSNET_E_PIN_FOREIGN,
				      "tenant '%s': %s is left from a tenant that the store does "
				      "not know",
				      job->t->name, space->pin);
			(void)nsn_err_where(err, -EEXIST, "%s", space->pin);
			return nsn_err_hint(err, -EEXIST, "nsnet gc -y");
		}
	}
	return 0;
}

int nsn_job_remember(struct nsn_job *job, struct nsnet_err *err)
{
	size_t i;
	int r;

	for (i = 0; i < job->site.n; i++) {
		struct nsn_space *space = &job->site.spaces[i];
		uint64_t cookie = space->ns ? nsn_netns_cookie(space->ns) : 0;

		/* Those that go have no row to be remembered in. */
		if (space->cookie == cookie || !is_wanted(job, space->at))
			continue;
		r = nsn_store_ns_put(job->n->store, job->t->id, space->at.id, cookie, err);
		if (r < 0)
			return r;
		/* From here on it is known to be ours, marked or not. */
		space->cookie = cookie;
	}
	return 0;
}

/* Takes back what was done; the first error stays the one that is told. */
static int give_up(struct nsn_job *job, size_t done, int r, struct nsnet_err *err)
{
	struct nsnet_err undo = {0};
	int u = nsn_site_undo(&job->site, &job->wanted, &job->plan, done, &undo);

	if (u < 0 && undo.id == NSNET_E_STRANDED) {
		if (err)
			*err = undo;
		return u;
	}
	if (u < 0 && err)
		return nsn_err_hint(err, r, "taking it back failed, too (%.120s): nsnet repair %s",
				    undo.msg, job->t->name);
	return r;
}

static int tell(struct nsn_job *job, struct nsnet_err *err)
{
	int r = nsn_job_remember(job, err);

	return r == 0 ? nsn_store_commit(job->n->store, err) : r;
}

/*
 * Namespaces are still without a name when the store is told, so nothing
 * needs cleaning up after a crash before it; pins come last.
 */
static int carry_out(struct nsn_job *job, bool *told, struct nsnet_err *err)
{
	size_t names = nsn_plan_first_name(&job->plan), done = 0;
	int r;

	r = nsn_job_clear_generation(job, err);
	if (r == 0)
		r = nsn_site_apply(&job->site, &job->wanted, &job->plan, 0, names, &done, err);
	if (r == 0) {
		r = tell(job, err);
		*told |= r == 0;
	}
	if (r == 0)
		r = nsn_site_apply(&job->site, &job->wanted, &job->plan, names, job->plan.n, &done,
				   err);
	if (r == 0 || (err && (err->id == NSNET_E_UNSURE || err->id == NSNET_E_STRANDED)))
		return r;
	return give_up(job, done, r, err);
}

static int take_back_row(struct nsn_job *job)
{
	struct nsn_store *s = job->n->store;
	size_t i;
	int r = 0;

	if (job->fresh)
		return nsn_store_tenant_delete(s, job->t->id, NULL);
	for (i = 0; r == 0 && i < job->t->n_endpoints; i++)
		if (job->t->endpoints[i].fresh)
			r = nsn_store_endpoint_delete(s, job->t->id, job->t->endpoints[i].id, NULL);
	if (r == 0 && job->before && !loses_endpoints(job->before, job->t))
		r = nsn_store_tenant_update(s, job->before, NULL);
	return r;
}

/*
 * Whether a failed run leaves nothing there: it is new, or its row is gone already.
 * (The tenant is asked: of other endpoints a job that looks at one has only files.)
 */
static bool goes(const struct nsn_job *job, struct nsn_place at, bool told)
{
	size_t i;

	if (is_fresh(job, at))
		return true;
	for (i = 0; i < job->t->n_endpoints; i++)
		if (job->t->endpoints[i].id == at.id)
			return false;
	return told && at.role == NSN_ENDPOINT;
}

/*
 * What is new and could not be finished leaves nothing: not a pin, not a file,
 * and not a row, should the store have been told; what was to be altered is as
 * it was. (If that fails, too, the tenant is wanted and not built, which `nsnet
 * repair` or `tenant del` mends.) An endpoint that was to go is gone.
 */
void nsn_job_scrap(struct nsn_job *job, bool told)
{
	struct nsn_store *s = job->n->store;
	size_t i;

	for (i = 0; i < job->site.n; i++) {
		struct nsn_space *space = &job->site.spaces[i];

		if (space->pinned && goes(job, space->at, told))
			(void)nsn_pin_drop(space->pin, NULL);
		/* Descriptors may be what it ran out of. */
		nsn_netns_close(space->ns);
		space->ns = NULL;
	}
	for (i = 0; i < known(job)->n; i++) {
		const struct nsn_object *o = &known(job)->objects[i];

		if (o->kind == NSN_OBJ_FILE && goes(job, o->at, told))
			(void)nsn_file_drop(o, NULL);
	}
	if (!told || nsn_store_begin(s, NULL) < 0)
		return;
	if (take_back_row(job) == 0)
		(void)nsn_store_commit(s, NULL);
	nsn_store_rollback(s);
}

static int not_settled(const struct nsn_job *job, struct nsnet_err *err)
{
	struct nsn_arena arena = {0};
	const struct nsn_object *o = nsn_step_object(&job->plan.steps[0]);
	const char *text = nsn_object_str(o, &arena);

	(void)nsn_err(err, -EIO, NSNET_E_KERNEL,
		      "tenant '%s': the kernel does not keep what was set: %s %s", job->t->name,
		      nsn_kind_name(o->kind), text ? text : "");
	nsn_arena_free(&arena);
	return nsn_err_hint(err, -EIO, "does another program manage this namespace? nsnet plan %s",
			    job->t->name);
}

/*
 * Carries out, reads back, and goes on until wanted and observed agree: after
 * a lost answer the state decides, and an attribute that this kernel ignores
 * silently is found here.
 */
int nsn_job_settle(struct nsn_job *job, bool *ever_told, struct nsnet_err *err)
{
	bool told = *ever_told;
	int round, r = 0;

	for (round = 0; round < ROUNDS && job->plan.n > 0; round++) {
		struct nsnet_err inner = {0};

		/* Until the store is told, what the transaction holds is still to be told. */
		r = told ? nsn_store_begin(job->n->store, &inner) : 0;
		told &= r < 0;
		if (r == 0)
			r = carry_out(job, &told, &inner);
		*ever_told |= told;
		if (r < 0 && inner.id != NSNET_E_UNSURE) {
			if (err)
				*err = inner;
			return r;
		}
		r = nsn_job_look(job, err);
		if (r < 0)
			return r;
	}
	if (job->plan.n > 0)
		return not_settled(job, err);
	/* All of it was there after a lost answer. */
	return told ? 0 : tell(job, err);
}

int nsn_job_carry(struct nsn_job *job, struct nsnet_err *err)
{
	int round, r = 0;

	for (round = 0; round < ROUNDS && job->plan.n > 0; round++) {
		struct nsnet_err inner = {0};
		size_t done = 0;

		r = nsn_job_clear_generation(job, &inner);
		if (r == 0)
			r = nsn_site_apply(&job->site, &job->wanted, &job->plan, 0, job->plan.n,
					   &done, &inner);
		if (r < 0 && inner.id != NSNET_E_UNSURE) {
			if (err)
				*err = inner;
			return give_up(job, done, r, err);
		}
		r = nsn_job_look(job, err);
		if (r < 0)
			return r;
	}
	return job->plan.n > 0 ? not_settled(job, err) : 0;
}

static int tell_foreign(const struct nsn_job *job, struct nsnet_change *c, struct nsn_item *item,
			struct nsnet_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < job->plan.n_foreign; i++) {
		struct nsn_arena arena = {0};
		const char *text = nsn_object_str(job->plan.foreign[i], &arena);

		r = nsn_change_note_add(
			c, item, err,
			"gateway of %s has a %s that nsnet did not make, left alone: %s",
			job->t->name, nsn_kind_name(job->plan.foreign[i]->kind), text ? text : "");
		nsn_arena_free(&arena);
	}
	return r;
}

/*
 * What no plan has of one that goes: the empty file that is where its pin was, and the
 * folder of files that a run before this one has removed, and then died.
 */
static int drop_leftovers(const struct nsn_job *job, struct nsnet_err *err)
{
	const struct nsn_state *s = known(job);
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < job->site.n; i++)
		if (job->site.spaces[i].leftover && !is_wanted(job, job->site.spaces[i].at))
			r = nsn_pin_drop(job->site.spaces[i].pin, err);
	for (i = 0; r == 0 && i < s->n; i++)
		if (s->objects[i].kind == NSN_OBJ_FILE &&
		    !nsn_state_find(&job->wanted, &s->objects[i]) &&
		    !nsn_state_find(&job->observed, &s->objects[i]))
			r = nsn_file_drop(&s->objects[i], err);
	return r;
}

int nsn_job_check(struct nsn_job *job, struct nsn_netns **scratch, size_t *checked,
		  struct nsnet_err *err)
{
	int r = nsn_job_check_pins(job, err);

	if (r == 0)
		r = nsn_site_check(&job->site, &job->plan, scratch, checked, err);
	return r < 0 ? nsn_err_wrap(err, r, "tenant '%s'", job->t->name) : 0;
}

int nsn_job_converge(struct nsn_job *job, enum nsnet_outcome stored, bool dry,
		     struct nsnet_change *c, struct nsn_item *item, struct nsnet_err *err)
{
	bool begun = false, told = false;
	int r;

	r = nsn_job_check_pins(job, err);
	if (r == 0)
		r = with_new_links(job, err);
	if (r == 0)
		r = tell_foreign(job, c, item, err);
	if (r == 0)
		r = nsn_change_steps_add(c, item, &job->plan, job->t, err);
	if (r == 0) {
		item->outcome = stored != NSNET_UNCHANGED ? stored
				: job->plan.n == 0	  ? NSNET_UNCHANGED
							  : NSNET_REPAIRED;
		begun = !dry;
		if (begun)
			r = drop_leftovers(job, err);
		if (begun && r == 0)
			r = nsn_job_settle(job, &told, err);
	}
	if (dry)
		nsn_store_rollback_unused(job->n->store);
	nsn_store_rollback(job->n->store);
	if (r < 0 && begun)
		nsn_job_scrap(job, told);
	return r;
}

static int cut(struct nsn_job *job, struct nsnet_err *err)
{
	size_t done = 0;
	int round, r = 0;

	for (round = 0; round < ROUNDS; round++) {
		struct nsnet_err inner = {0};

		r = nsn_site_apply(&job->site, &job->wanted, &job->plan, 0, job->plan.n, &done,
				   &inner);
		if (r == 0)
			return 0;
		if (err)
			*err = inner;
		if (inner.id != NSNET_E_UNSURE)
			break;
		nsn_plan_clear(&job->plan);
		nsn_state_clear(&job->observed);
		r = nsn_site_observe(&job->site, &job->wanted, known(job), &job->n->owner,
				     &job->observed, err);
		if (r == 0)
			r = nsn_plan_cut(&job->wanted, &job->observed, &job->n->owner, &job->plan,
					 err);
		if (r < 0)
			break;
	}
	return r;
}

/* Also the folder of files that an earlier run has removed, and then failed. */
static int drop_folders(const struct nsn_job *job, struct nsnet_err *err)
{
	const struct nsn_state *s = known(job);
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < s->n; i++)
		if (s->objects[i].kind == NSN_OBJ_FILE)
			r = nsn_file_drop(&s->objects[i], err);
	return r;
}

static void keep_gateway(struct nsn_job *job)
{
	struct nsn_space *gateway =
		nsn_site_space(&job->site, (struct nsn_place){.role = NSN_GATEWAY});

	if (gateway)
		*job->keep = NSN_TAKE_PTR(gateway->ns);
}

/* Pins and descriptors; after this nothing of ours holds the namespaces. */
static int let_go(struct nsn_job *job, const struct nsn_plan *gone, struct nsnet_err *err)
{
	size_t i, done;
	int r;

	r = nsn_site_apply(&job->site, NULL, gone, 0, gone->n, &done, err);
	for (i = 0; r == 0 && i < job->site.n; i++)
		if (job->site.spaces[i].leftover)
			r = nsn_pin_drop(job->site.spaces[i].pin, err);
	return r == 0 ? drop_folders(job, err) : r;
}

int nsn_job_destroy(struct nsn_job *job, bool dry, struct nsnet_change *c, struct nsn_item *item,
		    struct nsnet_err *err)
{
	struct nsn_plan gone = {0};
	size_t i;
	int r;

	item->outcome = NSNET_REMOVED;
	for (i = 0; i < job->site.n; i++) {
		if (!job->site.spaces[i].taken)
			continue;
		r = nsn_change_note_add(c, item, err, "%s was not made by this store, left alone",
					job->site.spaces[i].pin);
		if (r < 0)
			return r;
	}
	nsn_plan_clear(&job->plan);
	r = nsn_plan_cut(&job->wanted, &job->observed, &job->n->owner, &job->plan, err);
	if (r == 0)
		r = nsn_change_steps_add(c, item, &job->plan, job->t, err);
	if (r == 0 && !dry)
		r = cut(job, err);
	/* Only now: cut() may have had to read the state again. */
	if (r == 0)
		r = nsn_plan(NULL, &job->observed, &job->n->owner, &gone, err);
	if (r == 0)
		r = nsn_change_steps_add(c, item, &gone, job->t, err);
	if (r == 0 && !dry && job->keep)
		keep_gateway(job);
	if (r == 0 && !dry)
		r = let_go(job, &gone, err);
	nsn_plan_clear(&gone);
	return r;
}
