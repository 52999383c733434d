/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/rtnetlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/plan/plan.h"

static const struct nsn_owner owner = {
	.store = "0123456789abcdef0123456789abcdef", .group = 77, .pin_dir = "/run/nsnet/gw"};
static const struct nsn_place gateway = {.role = NSN_GATEWAY};
static const struct nsn_place workload = {.role = NSN_ENDPOINT, .id = 5};

static void compile(struct nsn_state *s, enum nsn_want want)
{
	struct nsn_tenant t = {0};
	struct nsnet_err err = {0};

	assert_int_equal(nsn_tenant_init(&t, "customer1", "10.10.1.0/24", &err), 0);
	t.id = 3;
	t.endpoints[0].id = 5;
	t.endpoints[0].link = 9;
	assert_int_equal(nsn_compile(&t, &owner, want, s, &err), 0);
	nsn_tenant_clear(&t);
}

static void plan(const struct nsn_state *wanted, const struct nsn_state *observed,
		 struct nsn_plan *p)
{
	struct nsnet_err err = {0};

	assert_int_equal(nsn_plan(wanted, observed, &owner, p, &err), 0);
}

static struct nsn_object *find(struct nsn_state *s, enum nsn_kind kind, struct nsn_place at,
			       const char *link)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->objects[i].kind == kind && nsn_place_same(s->objects[i].at, at) &&
		    strcmp(s->objects[i].link, link) == 0)
			return &s->objects[i];
	fail_msg("no such object");
	return NULL;
}

static void drop(struct nsn_state *s, const struct nsn_object *o)
{
	size_t i = (size_t)(o - s->objects);

	memmove(&s->objects[i], &s->objects[i + 1], (s->n - i - 1) * sizeof(*o));
	s->n--;
}

/* "-link +link ~port ..." */
static const char *summary(const struct nsn_plan *p, char *buf, size_t size)
{
	static const char ops[] = {[NSN_REMOVE] = '-', [NSN_CREATE] = '+', [NSN_CHANGE] = '~'};
	size_t i, len = 0;

	buf[0] = '\0';
	for (i = 0; i < p->n && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%c%s", i ? " " : "",
					ops[p->steps[i].op],
					nsn_kind_name(nsn_step_object(&p->steps[i])->kind));
	return buf;
}

static void what_agrees_needs_no_step(void **state)
{
	struct nsn_state a = {0}, b = {0};
	struct nsn_plan p = {0};

	(void)state;
	compile(&a, NSN_WANT_BUILT);
	compile(&b, NSN_WANT_BUILT);
	plan(&a, &b, &p);
	assert_int_equal(p.n, 0);
	assert_int_equal(p.n_foreign, 0);
	nsn_plan_clear(&p);
	nsn_state_clear(&a);
	nsn_state_clear(&b);
}

/* Rules stand before a link exists, links come up after all else, names come last. */
static void a_new_tenant_is_built_closed(void **state)
{
	struct nsn_state wanted = {0}, nothing = {0};
	size_t i, last_chain = 0, first_link = 0, first_up = 0, first_pin = 0, last = 0;
	struct nsn_plan p = {0};

	(void)state;
	compile(&wanted, NSN_WANT_BUILT);
	plan(&wanted, &nothing, &p);
	for (i = 0; i < p.n; i++) {
		enum nsn_kind kind = p.steps[i].want->kind;

		assert_int_equal(p.steps[i].op, NSN_CREATE);
		if (kind == NSN_OBJ_CHAIN)
			last_chain = i;
		if (kind == NSN_OBJ_LINK && !first_link)
			first_link = i;
		if (kind == NSN_OBJ_UP && !first_up)
			first_up = i;
		if (kind == NSN_OBJ_PIN && !first_pin)
			first_pin = i;
		if (kind != NSN_OBJ_PIN && kind != NSN_OBJ_UP && kind != NSN_OBJ_ROUTE)
			last = i;
		/* The far end of a veth comes with the near one; settings of a link are inherited.
		 */
		assert_false(kind == NSN_OBJ_LINK && p.steps[i].want->u.dev.far);
		assert_false(kind == NSN_OBJ_SYSCTL && p.steps[i].want->link[0]);
	}
	assert_true(last_chain > 0 && last_chain < first_link);
	assert_true(first_up > last);
	assert_true(first_pin == p.n - 2);
	nsn_plan_clear(&p);
	nsn_state_clear(&wanted);
}

enum damage { DROP, ALTER };

/* One object missing or wrong in a tenant that is otherwise right. */
static const struct {
	enum nsn_kind kind;
	bool in_workload;
	const char *link;
	const char *missing; /* the plan */
	const char *wrong;   /* the plan; NULL: has no values */
} drifts[] = {
	{NSN_OBJ_PORT, false, "nsn9", "+port", "~port"},
	{NSN_OBJ_FDB, false, "nsn9", "+fdb", NULL},
	{NSN_OBJ_ADDR, false, "br0", "+address", NULL},
	{NSN_OBJ_NEIGH, false, "br0", "+neighbour", "~neighbour"},
	{NSN_OBJ_UP, false, "nsn9", "+up", NULL},
	{NSN_OBJ_ADDR, true, "eth0", "+address", NULL},
	{NSN_OBJ_NEIGH, true, "eth0", "+neighbour", "~neighbour"},
	{NSN_OBJ_ROUTE, true, "eth0", "+route", "~route"},
	{NSN_OBJ_PIN, true, "", "+pin", NULL},
	{NSN_OBJ_COUNTER, false, "", "+counter", NULL},
	{NSN_OBJ_CHAIN, false, "", "+chain", "~chain"},
	{NSN_OBJ_TABLE, false, "",
	 "+table +counter +counter +counter +counter "
	 "+chain +chain +chain +chain",
	 "~table +counter +counter +counter +counter +chain +chain +chain +chain"},
	/* A link takes along what hangs on it. */
	{NSN_OBJ_LINK, true, "eth0", "-link +link +port +fdb +address +neighbour +up +up +route",
	 "~link"},
};

static void alter(struct nsn_object *o)
{
	switch (o->kind) {
	case NSN_OBJ_PORT:
		o->u.port_flags |= NSN_PORT_LEARNING;
		break;
	case NSN_OBJ_NEIGH:
		o->u.neigh.mac.bytes[5] ^= 1;
		break;
	case NSN_OBJ_ROUTE:
		o->u.route.via.bytes[3] ^= 1;
		break;
	case NSN_OBJ_CHAIN:
		o->u.chain.policy ^= 1;
		break;
	case NSN_OBJ_TABLE:
		o->u.table.comment = "somebody else's";
		break;
	case NSN_OBJ_LINK:
		o->u.dev.mac.bytes[5] ^= 1;
		break;
	case NSN_OBJ_NETNS:
	case NSN_OBJ_SYSCTL:
	case NSN_OBJ_COUNTER:
	case NSN_OBJ_FDB:
	case NSN_OBJ_ADDR:
	case NSN_OBJ_UP:
	case NSN_OBJ_PIN:
	case NSN_OBJ_KINDS:
		fail_msg("nothing to alter");
	}
}

static void expect_drift(size_t i, enum damage damage)
{
	struct nsn_state wanted = {0}, observed = {0};
	struct nsn_object *o;
	struct nsn_plan p = {0};
	char text[512];

	compile(&wanted, NSN_WANT_BUILT);
	compile(&observed, NSN_WANT_BUILT);
	o = find(&observed, drifts[i].kind, drifts[i].in_workload ? workload : gateway,
		 drifts[i].link);
	if (damage == ALTER) {
		alter(o);
	} else {
		/* A veth with one end has its other end nowhere we look; a table takes all along.
		 */
		if (o->kind == NSN_OBJ_LINK) {
			find(&observed, NSN_OBJ_LINK, gateway, "nsn9")->u.dev.peer = "";
			drop(&observed, find(&observed, NSN_OBJ_ADDR, workload, "eth0"));
			drop(&observed, find(&observed, NSN_OBJ_NEIGH, workload, "eth0"));
			drop(&observed, find(&observed, NSN_OBJ_UP, workload, "eth0"));
			drop(&observed, find(&observed, NSN_OBJ_ROUTE, workload, "eth0"));
			o = find(&observed, NSN_OBJ_LINK, workload, "eth0");
		}
		drop(&observed, o);
	}
	plan(&wanted, &observed, &p);
	assert_string_equal(summary(&p, text, sizeof(text)),
			    damage == ALTER ? drifts[i].wrong : drifts[i].missing);
	nsn_plan_clear(&p);
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
}

static void each_drift_has_its_plan(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < NSN_COUNT(drifts); i++) {
		if (drifts[i].missing)
			expect_drift(i, DROP);
		if (drifts[i].wrong)
			expect_drift(i, ALTER);
	}
}

static void a_rule_that_differs_in_one_byte_shows(void **state)
{
	struct nsn_state wanted = {0}, observed = {0};
	struct nsn_plan p = {0};
	size_t c, i, j, k;

	(void)state;
	compile(&wanted, NSN_WANT_BUILT);
	compile(&observed, NSN_WANT_BUILT);
	for (c = 0; c < observed.n; c++) {
		struct nsn_object *o = &observed.objects[c];

		if (o->kind != NSN_OBJ_CHAIN)
			continue;
		for (i = 0; i < o->u.chain.n_rules; i++)
			for (j = 0; j < o->u.chain.rules[i].n; j++) {
				struct nsn_expr *e =
					(struct nsn_expr *)(uintptr_t)&o->u.chain.rules[i].exprs[j];
				/* Every member in turn, and the kind that is never equal. */
				for (k = 0; k < 8; k++) {
					const struct nsn_expr saved = *e;

					e->key ^= k == 0;
					e->reg ^= k == 1;
					e->offset ^= k == 2;
					e->len ^= k == 3;
					e->data[0] ^= k == 4;
					e->mask[15] ^= k == 5;
					e->name[0] ^= k == 6;
					e->kind = k == 7 ? NSN_EXPR_OTHER : e->kind;
					plan(&wanted, &observed, &p);
					assert_int_equal(p.n, 1);
					nsn_plan_clear(&p);
					*e = saved;
				}
			}
	}
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
}

/* Nobody knows what it does, so nobody knows that it still does the same. */
static void what_nsnet_did_not_write_equals_nothing(void **state)
{
	const struct nsn_expr a = {.kind = NSN_EXPR_OTHER, .name = "limit"}, b = a;

	(void)state;
	assert_false(nsn_expr_same(&a, &b));
}

static struct nsn_object *add(struct nsn_state *s, enum nsn_kind kind, const char *link)
{
	struct nsn_object *o = nsn_state_add(s, kind, gateway, link);

	assert_non_null(o);
	return o;
}

static void what_is_not_ours_is_told_and_left_alone(void **state)
{
	struct nsn_state wanted = {0}, observed = {0};
	struct nsn_object *o;
	struct nsn_plan p = {0};

	(void)state;
	compile(&wanted, NSN_WANT_BUILT);
	compile(&observed, NSN_WANT_BUILT);
	o = add(&observed, NSN_OBJ_LINK, "dummy0");
	o->u.dev = (struct nsn_link){
		.type = NSN_LINK_OTHER, .type_name = "dummy", .master = "", .peer = ""};
	(void)add(&observed, NSN_OBJ_UP, "dummy0");
	add(&observed, NSN_OBJ_ADDR, "dummy0")->u.addr.prefix.len = 8;
	add(&observed, NSN_OBJ_TABLE, "")->u.table =
		(struct nsn_table){.family = 2, .name = "theirs", .comment = ""};
	add(&observed, NSN_OBJ_ROUTE, "dummy0")->u.route.protocol = RTPROT_STATIC;
	nsn_state_sort(&observed);
	plan(&wanted, &observed, &p);
	assert_int_equal(p.n, 0);
	assert_int_equal(p.n_foreign, 3);
	nsn_plan_clear(&p);
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
}

static void what_is_ours_and_not_wanted_goes_links_down_first(void **state)
{
	struct nsn_state wanted = {0}, observed = {0};
	struct nsn_object *o;
	struct nsn_plan p = {0};
	char text[512];

	(void)state;
	compile(&wanted, NSN_WANT_BUILT);
	compile(&observed, NSN_WANT_BUILT);
	o = add(&observed, NSN_OBJ_LINK, "nsn8");
	o->u.dev = (struct nsn_link){.type = NSN_LINK_VETH,
				     .type_name = "veth",
				     .master = "br0",
				     .peer = "",
				     .group = owner.group};
	(void)add(&observed, NSN_OBJ_UP, "nsn8");
	(void)add(&observed, NSN_OBJ_UP, "lo");
	(void)add(&observed, NSN_OBJ_ADDR, "br0");
	add(&observed, NSN_OBJ_ROUTE, "br0")->u.route.protocol = NSN_RTPROT;
	nsn_state_sort(&observed);
	plan(&wanted, &observed, &p);
	assert_string_equal(summary(&p, text, sizeof(text)), "-route -up -up -address -link");
	nsn_plan_clear(&p);
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
}

/* What is in it may refer to each other in any way: none of it can be removed alone. */
static void a_table_with_something_more_in_it_is_replaced_as_a_whole(void **state)
{
	struct nsn_state wanted = {0}, observed = {0};
	struct nsn_object *o;
	struct nsn_plan p = {0};
	char text[512];
	int counter;

	(void)state;
	for (counter = 0; counter < 2; counter++) {
		compile(&wanted, NSN_WANT_BUILT);
		compile(&observed, NSN_WANT_BUILT);
		o = add(&observed, counter ? NSN_OBJ_COUNTER : NSN_OBJ_CHAIN, "");
		if (counter)
			o->u.counter = (struct nsn_counter){
				.family = NFPROTO_INET, .table = "nsnet", .name = "x"};
		else
			o->u.chain = (struct nsn_chain){
				.family = NFPROTO_INET, .table = "nsnet", .name = "x", .type = ""};
		nsn_state_sort(&observed);
		plan(&wanted, &observed, &p);
		assert_string_equal(summary(&p, text, sizeof(text)),
				    "~table +counter +counter +counter +counter "
				    "+chain +chain +chain +chain");
		nsn_plan_clear(&p);
		nsn_state_clear(&wanted);
		nsn_state_clear(&observed);
	}
}

static void what_a_workload_adds_is_its_own_business(void **state)
{
	struct nsn_state wanted = {0}, observed = {0};
	struct nsn_object *o;
	struct nsn_plan p = {0};

	(void)state;
	compile(&wanted, NSN_WANT_BUILT);
	compile(&observed, NSN_WANT_BUILT);
	o = nsn_state_add(&observed, NSN_OBJ_LINK, workload, "tun0");
	assert_non_null(o);
	o->u.dev = (struct nsn_link){
		.type = NSN_LINK_OTHER, .type_name = "tun", .master = "", .peer = ""};
	assert_non_null(nsn_state_add(&observed, NSN_OBJ_ROUTE, workload, "tun0"));
	nsn_state_sort(&observed);
	plan(&wanted, &observed, &p);
	assert_int_equal(p.n, 0);
	assert_int_equal(p.n_foreign, 0);
	nsn_plan_clear(&p);
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
}

static void everything_goes_by_its_pins(void **state)
{
	struct nsn_state observed = {0};
	struct nsn_plan p = {0};
	char text[512];

	(void)state;
	compile(&observed, NSN_WANT_BUILT);
	plan(NULL, &observed, &p);
	assert_string_equal(summary(&p, text, sizeof(text)), "-pin -pin -netns -netns");
	assert_int_equal(p.steps[0].have->at.role, NSN_ENDPOINT);
	nsn_plan_clear(&p);
	nsn_state_clear(&observed);
}

static void a_cut_only_takes_away(void **state)
{
	struct nsn_state wanted = {0}, observed = {0};
	struct nsnet_err err = {0};
	struct nsn_plan p = {0};
	char text[512];

	(void)state;
	compile(&wanted, NSN_WANT_CUT);
	compile(&observed, NSN_WANT_BUILT);
	/* Half of it is missing: a cut makes none of that. */
	drop(&observed, find(&observed, NSN_OBJ_ADDR, gateway, "br0"));
	drop(&observed, find(&observed, NSN_OBJ_NEIGH, workload, "eth0"));
	drop(&observed, find(&observed, NSN_OBJ_PIN, workload, ""));
	drop(&observed, find(&observed, NSN_OBJ_UP, gateway, "br0"));
	assert_int_equal(nsn_plan_cut(&wanted, &observed, &owner, &p, &err), 0);
	assert_string_equal(summary(&p, text, sizeof(text)), "-up +chain +chain");
	nsn_plan_clear(&p);

	/* And nothing at all of a gateway that is not there. */
	observed.n = 0;
	assert_int_equal(nsn_plan_cut(&wanted, &observed, &owner, &p, &err), 0);
	assert_int_equal(p.n, 0);
	nsn_plan_clear(&p);
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
}

static void the_inverse_of_the_inverse_is_the_step(void **state)
{
	struct nsn_object a = {.kind = NSN_OBJ_UP}, b = {.kind = NSN_OBJ_UP};
	const struct nsn_step steps[] = {
		{NSN_CREATE, &a, NULL}, {NSN_REMOVE, NULL, &b}, {NSN_CHANGE, &a, &b}};
	size_t i;

	(void)state;
	for (i = 0; i < NSN_COUNT(steps); i++) {
		struct nsn_step once = nsn_step_inverse(&steps[i]);
		struct nsn_step twice = nsn_step_inverse(&once);

		assert_ptr_equal(once.want, steps[i].have);
		assert_ptr_equal(once.have, steps[i].want);
		assert_int_equal(twice.op, steps[i].op);
		assert_ptr_equal(twice.want, steps[i].want);
		assert_ptr_equal(twice.have, steps[i].have);
	}
	assert_int_equal(nsn_step_inverse(&steps[0]).op, NSN_REMOVE);
	assert_int_equal(nsn_step_inverse(&steps[1]).op, NSN_CREATE);
	assert_int_equal(nsn_step_inverse(&steps[2]).op, NSN_CHANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_agrees_needs_no_step),
		cmocka_unit_test(a_new_tenant_is_built_closed),
		cmocka_unit_test(each_drift_has_its_plan),
		cmocka_unit_test(a_rule_that_differs_in_one_byte_shows),
		cmocka_unit_test(what_nsnet_did_not_write_equals_nothing),
		cmocka_unit_test(what_is_not_ours_is_told_and_left_alone),
		cmocka_unit_test(what_is_ours_and_not_wanted_goes_links_down_first),
		cmocka_unit_test(a_table_with_something_more_in_it_is_replaced_as_a_whole),
		cmocka_unit_test(what_a_workload_adds_is_its_own_business),
		cmocka_unit_test(everything_goes_by_its_pins),
		cmocka_unit_test(a_cut_only_takes_away),
		cmocka_unit_test(the_inverse_of_the_inverse_is_the_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
