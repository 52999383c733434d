/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../kernel/addr.h"
#include "../kernel/fibrule.h"
#include "../kernel/file.h"
#include "../kernel/link.h"
#include "../kernel/neigh.h"
#include "../kernel/nft.h"
#include "../kernel/route.h"
#include "../kernel/sysctl.h"
#include "site.h"

/* A run over steps: where the thread is, and the nft changes not yet sent. */
struct run {
	struct nsn_site *site;
	const struct nsn_state *wanted;
	const struct nsn_space *inside;
	struct nsn_sysctl_place place; /* of `inside` */
	struct nsn_nft_txn *txn;
	struct nsn_space *txn_space;
};

typedef const struct nsn_object obj;

NSN_CLEANUP(struct nsn_nft_txn, nsn_nft_free)

static void go_out(struct run *run)
{
	nsn_sysctl_leave(&run->place);
	run->inside = NULL;
}

/* ---- one kind after the other -------------------------------------------------- */

static int make_netns(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)o;
	go_out(run);
	return space->ns ? 0
			 : nsn_netns_create(&space->ns, run->site->home,
					    space->at.role == NSN_GATEWAY, err);
}

/* Lets go of it: the kernel frees what nothing else holds. */
static int drop_netns(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)o;
	(void)err;
	if (run->inside == space)
		go_out(run);
	nsn_netns_close(space->ns);
	space->ns = NULL;
	return 0;
}

static int folder_of(const char *pin, char buf[NSN_PIN_SIZE], struct nsnet_err *err)
{
	const char *slash = strrchr(pin, '/');

	if (!slash || (size_t)(slash - pin) >= NSN_PIN_SIZE)
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "bad pin '%s'", pin);
	memcpy(buf, pin, (size_t)(slash - pin));
	buf[slash - pin] = '\0';
	return 0;
}

static int make_pin(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	char folder[NSN_PIN_SIZE];
	int r;

	(void)run;
	r = folder_of(o->u.pin, folder, err);
	if (r < 0)
		return r;
	/* As ip-netns(8) makes it, so that both can share it; gateways are nobody's to see. */
	r = nsn_pin_folder(folder, space->at.role == NSN_GATEWAY ? 0700 : 0755, err);
	if (r == 0)
		r = nsn_pin_make(space->ns, o->u.pin, err);
	/* Taken between our look and now. */
	if (r == -EEXIST)
		r = nsn_space_is_taken(space, err);
	if (r == 0)
		space->pinned = true;
	return r;
}

static int drop_pin(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	int r;

	(void)run;
	r = nsn_pin_drop(o->u.pin, err);
	if (r == 0)
		space->pinned = false;
	return r;
}

/*
 * Those that go first take RTNL, and not by waiting: while another has it the kernel
 * begins the write again and again (restart_syscall() in devinet_sysctl_forward() and
 * addrconf_fixup_forwarding()), thousands of times when the machine is busy. In a new
 * namespace most have their value already.
 */
static bool has_value(struct run *run, obj *o)
{
	char value[64];

	return nsn_sysctl_read(&run->place, o->u.sysctl.path, value, sizeof(value), NULL) == 0 &&
	       strcmp(value, o->u.sysctl.value) == 0;
}

static int set_sysctl(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	struct nsnet_err inner = {0};
	int r;

	if (run->inside != space) {
		go_out(run);
		r = nsn_netns_go(space->ns, run->site->home, err);
		if (r < 0)
			return r;
		run->inside = space;
	}
	if (o->u.sysctl.first && has_value(run, o))
		return 0;
	r = nsn_sysctl_write(&run->place, o->u.sysctl.path, o->u.sysctl.value, &inner);
	if (r == -ENOENT && o->u.sysctl.optional)
		return 0;
	if (r < 0 && err)
		*err = inner;
	return r;
}

/* Taking back the first write of a new namespace: what it was before nobody wants to know. */
static int leave_sysctl(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)run;
	(void)space;
	(void)o;
	(void)err;
	return 0;
}

static int make_link(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	const struct nsn_object *far = NULL;
	const struct nsn_space *far_space;
	int fd = -1;

	if (o->u.dev.type == NSN_LINK_VETH) {
		far = run->wanted ? nsn_state_link(run->wanted, o->u.dev.peer_at, o->u.dev.peer)
				  : NULL;
		far_space = nsn_site_space(run->site, o->u.dev.peer_at);
		if (!far || !far_space || !far_space->ns)
			return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "link '%s' has no other end",
				       o->link);
		fd = nsn_netns_fd(far_space->ns);
	}
	return nsn_link_add(nsn_netns_route(space->ns), o, far, fd, err);
}

static int drop_link(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)run;
	return nsn_link_del(nsn_netns_route(space->ns), o->link, err);
}

static int change_link(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)run;
	return nsn_link_change(nsn_netns_route(space->ns), o, err);
}

static int set_port(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)run;
	return nsn_port_set(nsn_netns_route(space->ns), o->link, o->u.port_flags, err);
}

/* Flags go with the port. */
static int leave_port(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	return leave_sysctl(run, space, o, err);
}

static int make_neigh(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)run;
	return nsn_neigh_add(nsn_netns_route(space->ns), o, err);
}

static int drop_neigh(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)run;
	return nsn_neigh_del(nsn_netns_route(space->ns), o, err);
}

static int make_addr(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)run;
	return nsn_addr_add(nsn_netns_route(space->ns), o, err);
}

static int drop_addr(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)run;
	return nsn_addr_del(nsn_netns_route(space->ns), o, err);
}

static int make_up(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	const struct nsn_object port = {.kind = NSN_OBJ_PORT, .at = o->at, .link = o->link};
	int r = 0;

	/* A port that its bridge has shut is up already; only going down and up opens it. */
	if (run->wanted && nsn_state_find(run->wanted, &port))
		r = nsn_link_set_up(nsn_netns_route(space->ns), o->link, false, err);
	return r < 0 ? r : nsn_link_set_up(nsn_netns_route(space->ns), o->link, true, err);
}

static int drop_up(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)run;
	return nsn_link_set_up(nsn_netns_route(space->ns), o->link, false, err);
}

static int make_route(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)run;
	return nsn_route_add(nsn_netns_route(space->ns), o, err);
}

static int drop_route(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)run;
	return nsn_route_del(nsn_netns_route(space->ns), o, err);
}

static int make_rule(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)run;
	return nsn_fibrule_add(nsn_netns_route(space->ns), o, err);
}

static int drop_rule(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)run;
	return nsn_fibrule_del(nsn_netns_route(space->ns), o, err);
}

static int make_file(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)run;
	(void)space;
	return nsn_file_make(o, err);
}

static int drop_file(struct run *run, struct nsn_space *space, obj *o, struct nsnet_err *err)
{
	(void)run;
	(void)space;
	return nsn_file_drop(o, err);
}

/*
 * How each kind gets into the kernel and out of it. Without `change` making it
 * again replaces it. The nft kinds are not here: they go by transactions.
 */
static const struct verbs {
	int (*make)(struct run *, struct nsn_space *, obj *, struct nsnet_err *);
	int (*drop)(struct run *, struct nsn_space *, obj *, struct nsnet_err *);
	int (*change)(struct run *, struct nsn_space *, obj *, struct nsnet_err *);
} verbs[NSN_OBJ_KINDS] = {
	[NSN_OBJ_NETNS] = {make_netns, drop_netns, NULL},
	[NSN_OBJ_SYSCTL] = {set_sysctl, leave_sysctl, NULL},
	[NSN_OBJ_LINK] = {make_link, drop_link, change_link},
	[NSN_OBJ_PORT] = {set_port, leave_port, NULL},
	[NSN_OBJ_CONF] = {set_sysctl, leave_sysctl, NULL},
	[NSN_OBJ_FDB] = {make_neigh, drop_neigh, NULL},
	[NSN_OBJ_ADDR] = {make_addr, drop_addr, NULL},
	[NSN_OBJ_NEIGH] = {make_neigh, drop_neigh, NULL},
	[NSN_OBJ_UP] = {make_up, drop_up, NULL},
	[NSN_OBJ_ROUTE] = {make_route, drop_route, NULL},
	[NSN_OBJ_RULE] = {make_rule, drop_rule, NULL},
	[NSN_OBJ_FILE] = {make_file, drop_file, NULL},
	[NSN_OBJ_PIN] = {make_pin, drop_pin, NULL},
};

/* ---- a step -------------------------------------------------------------------------- */

static bool is_nft(enum nsn_kind kind)
{
	return kind >= NSN_OBJ_TABLE && kind <= NSN_OBJ_CHAIN;
}

static int commit(struct run *run, struct nsnet_err *err)
{
	NSN_AUTO(nsn_nft_freep) struct nsn_nft_txn *txn = NSN_TAKE_PTR(run->txn);

	return txn ? nsn_nft_commit(txn, nsn_netns_nft(run->txn_space->ns), err) : 0;
}

static int collect_nft(struct run *run, struct nsn_space *space, const struct nsn_step *step,
		       struct nsnet_err *err)
{
	int r;

	if (!run->txn) {
		r = nsn_nft_begin(&run->txn, err);
		if (r < 0)
			return r;
		run->txn_space = space;
	}
	if (step->op == NSN_CREATE)
		return nsn_nft_add(run->txn, step->want, err);
	if (step->op == NSN_REMOVE)
		return nsn_nft_del(run->txn, step->have, err);
	return nsn_nft_change(run->txn, step->want, step->have, err);
}

static int do_step(struct run *run, const struct nsn_step *step, struct nsnet_err *err)
{
	const struct nsn_object *o = nsn_step_object(step);
	struct nsn_space *space = nsn_site_space(run->site, o->at);
	const struct verbs *v = &verbs[o->kind];

	/* Files are there without it. */
	if (o->kind != NSN_OBJ_FILE &&
	    (!space || (!space->ns && o->kind != NSN_OBJ_NETNS && o->kind != NSN_OBJ_PIN)))
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "%s without a namespace",
			       nsn_kind_name(o->kind));
	if (is_nft(o->kind))
		return collect_nft(run, space, step, err);
	if (step->op == NSN_REMOVE)
		return v->drop(run, space, o, err);
	if (step->op == NSN_CHANGE && v->change)
		return v->change(run, space, o, err);
	return v->make(run, space, o, err);
}

/* Whether nft changes collected so far must be sent before this step. */
static bool ends_txn(const struct run *run, const struct nsn_step *step)
{
	const struct nsn_object *o = nsn_step_object(step);

	return run->txn && (!is_nft(o->kind) || !nsn_place_same(o->at, run->txn_space->at));
}

static int where_it_failed(const struct nsn_step *step, int r, struct nsnet_err *err)
{
	const struct nsn_object *o = nsn_step_object(step);

	if (err && err->where[0] == '\0')
		(void)nsn_err_where(err, r, "%s, %s",
				    o->at.role == NSN_GATEWAY ? "gateway"
				    : o->at.role == NSN_HOST  ? "the host's namespace"
							      : "workload namespace",
				    nsn_kind_name(o->kind));
	return r;
}

int nsn_site_apply(struct nsn_site *site, const struct nsn_state *wanted,
		   const struct nsn_plan *plan, size_t from, size_t to, size_t *done,
		   struct nsnet_err *err)
{
	struct run run = {.site = site, .wanted = wanted, .place = NSN_SYSCTL_PLACE(site->home)};
	int back, r = 0;
	size_t i;

	*done = from;
	for (i = from; r == 0 && i < to; i++) {
		const struct nsn_step *step = &plan->steps[i];

		if (ends_txn(&run, step)) {
			r = commit(&run, err);
			if (r < 0)
				break;
			*done = i;
		}
		r = do_step(&run, step, err);
		if (r < 0)
			r = where_it_failed(step, r, err);
		else if (!run.txn)
			*done = i + 1;
	}
	if (r == 0) {
		r = commit(&run, err);
		if (r == 0)
			*done = to;
	}
	nsn_nft_free(run.txn);
	go_out(&run);
	back = nsn_home_return(site->home, err);
	return back < 0 ? back : r;
}

/* All of one namespace's as one transaction, also where links are made in between: the later
 * ones may need what the earlier ones make. */
static int collect_space(struct run *run, struct nsn_space *space, const struct nsn_plan *plan,
			 size_t *checked, struct nsnet_err *err)
{
	size_t i;
	int r;

	for (i = 0; i < plan->n; i++) {
		const struct nsn_object *o = nsn_step_object(&plan->steps[i]);

		if (!is_nft(o->kind) || !nsn_place_same(o->at, space->at))
			continue;
		r = collect_nft(run, space, &plan->steps[i], err);
		if (r < 0)
			return where_it_failed(&plan->steps[i], r, err);
		*checked += 1;
	}
	return 0;
}

/* What was made in the namespace that is there for trying goes with its tables. */
static int clear_scratch(struct nsn_netns *scratch, const struct nsn_space *space,
			 const struct nsn_plan *plan, struct nsnet_err *err)
{
	NSN_AUTO(nsn_nft_freep) struct nsn_nft_txn *txn = NULL;
	size_t i;
	int r = nsn_nft_begin(&txn, err);

	for (i = 0; r == 0 && i < plan->n; i++) {
		const struct nsn_step *step = &plan->steps[i];

		if (step->op == NSN_CREATE && step->want->kind == NSN_OBJ_TABLE &&
		    nsn_place_same(step->want->at, space->at))
			r = nsn_nft_del(txn, step->want, err);
	}
	return r == 0 ? nsn_nft_commit(txn, nsn_netns_nft(scratch), err) : r;
}

/*
 * The rules of a namespace that is not there yet are tried in one that is made for it,
 * and there for real: to take back a transaction the kernel waits for RCU, 6 to 20 ms.
 */
static int check_space(struct run *run, struct nsn_space *space, const struct nsn_plan *plan,
		       struct nsn_netns **scratch, size_t *checked, struct nsnet_err *err)
{
	int r = collect_space(run, space, plan, checked, err);

	if (r < 0 || !run->txn)
		return r;
	if (space->ns)
		return nsn_nft_check(run->txn, nsn_netns_nft(space->ns), err);
	if (!*scratch)
		r = nsn_netns_create(scratch, run->site->home, true, err);
	if (r == 0)
		r = nsn_nft_commit(run->txn, nsn_netns_nft(*scratch), err);
	return r == 0 ? clear_scratch(*scratch, space, plan, err) : r;
}

int nsn_site_check(struct nsn_site *site, const struct nsn_plan *plan, struct nsn_netns **scratch,
		   size_t *checked, struct nsnet_err *err)
{
	int back, r = 0;
	size_t i;

	for (i = 0; r == 0 && i < site->n; i++) {
		struct run run = {.site = site, .place = NSN_SYSCTL_PLACE(site->home)};

		r = check_space(&run, &site->spaces[i], plan, scratch, checked, err);
		nsn_nft_free(run.txn);
	}
	back = nsn_home_return(site->home, err);
	return back < 0 ? back : r;
}

/*
 * Steps that need no taking back: those in a namespace that the plan itself
 * made, which goes as a whole; and a link that was removed, because it was
 * wrong, took with it what hung on it and cannot be had back.
 */
static bool stays_done(const struct nsn_plan *plan, size_t i)
{
	const struct nsn_object *o = nsn_step_object(&plan->steps[i]);
	size_t j;

	if (o->kind == NSN_OBJ_LINK && plan->steps[i].op == NSN_REMOVE)
		return true;
	if (o->kind == NSN_OBJ_NETNS || o->kind >= NSN_OBJ_FILE)
		return false;
	for (j = 0; j < i; j++)
		if (plan->steps[j].op == NSN_CREATE && plan->steps[j].want->kind == NSN_OBJ_NETNS &&
		    nsn_place_same(plan->steps[j].want->at, o->at))
			return true;
	return false;
}

int nsn_site_undo(struct nsn_site *site, const struct nsn_state *wanted,
		  const struct nsn_plan *plan, size_t done, struct nsnet_err *err)
{
	struct run run = {.site = site, .wanted = wanted, .place = NSN_SYSCTL_PLACE(site->home)};
	struct nsnet_err ignored = {0}, *into = err;
	int first = 0, r, back;
	size_t i;

	for (i = done; i > 0; i--) {
		const struct nsn_step step = nsn_step_inverse(&plan->steps[i - 1]);

		if (stays_done(plan, i - 1))
			continue;
		r = ends_txn(&run, &step) ? commit(&run, into) : 0;
		if (r == 0)
			r = do_step(&run, &step, into);
		if (r < 0 && first == 0) {
			first = r;
			into = &ignored;
		}
	}
	r = commit(&run, into);
	if (r < 0 && first == 0)
		first = r;
	go_out(&run);
	back = nsn_home_return(site->home, err);
	return back < 0 ? back : first;
}

size_t nsn_plan_first_name(const struct nsn_plan *plan)
{
	size_t i;

	for (i = 0; i < plan->n; i++)
		if (plan->steps[i].op != NSN_REMOVE && plan->steps[i].want->kind >= NSN_OBJ_FILE)
			return i;
	return plan->n;
}
