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
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/ctx.h"
#include "../../lib/plan/plan.h"

static const struct nsn_owner owner = {
	.store = "0123456789abcdef0123456789abcdef", .group = 77, .pin_dir = "/run/nsnet/gw"};
static const struct nsn_place gateway = {.role = NSN_GATEWAY};
static const struct nsn_place workload = {.role = NSN_ENDPOINT, .id = 5};

static const struct nsnet_endpoint_def two[] = {{.name = "app", .rate = "2mbit"},
						{.name = "db", .rate = "2mbit"}};
static const struct nsnet_tenant_def plain = {.name = "customer1", .subnet = "10.10.1.0/24"},
				     full = {.name = "customer1",
					     .subnet = "10.10.1.0/24",
					     .subnet6 = "fd00:1::/64",
					     .rate = "10mbit",
					     .endpoints = two,
					     .n_endpoints = 2};

/* The first endpoint has id 5 and port nsn9, the second 6 and nsn10. */
static void make_tenant(struct nsn_tenant *t, const struct nsnet_tenant_def *def)
{
	struct nsnet_err err = {0};
	size_t i;

	assert_int_equal(nsn_tenant_parse(t, def, &err), 0);
	assert_int_equal(nsn_tenant_allocate(t, &err), 0);
	t->id = 3;
	for (i = 0; i < t->n_endpoints; i++) {
		t->endpoints[i].id = 5 + i;
		t->endpoints[i].link = 9 + i;
	}
}

static void compile_def(struct nsn_state *s, const struct nsnet_tenant_def *def)
{
	struct nsn_tenant t = {0};
	struct nsnet_err err = {0};

	make_tenant(&t, def);
	assert_int_equal(nsn_compile(&t, NULL, &owner, NSN_WANT_BUILT, s, &err), 0);
	nsn_tenant_clear(&t);
}

static void compile(struct nsn_state *s, enum nsn_want want)
{
	struct nsn_tenant t = {0};
	struct nsnet_err err = {0};

	make_tenant(&t, &plain);
	assert_int_equal(nsn_compile(&t, NULL, &owner, want, s, &err), 0);
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

	assert_non_null(o);
	memmove(&s->objects[i], &s->objects[i + 1], (s->n - i - 1) * sizeof(*o));
	s->n--;
}

/* "-link +link 2~port ...": equal ones that follow each other are counted. */
static const char *summary(const struct nsn_plan *p, char *buf, size_t size)
{
	static const char ops[] = {[NSN_REMOVE] = '-', [NSN_CREATE] = '+', [NSN_CHANGE] = '~'};
	size_t i, same, len = 0;

	buf[0] = '\0';
	for (i = 0; i < p->n && len < size; i += same) {
		const char *kind = nsn_kind_name(nsn_step_object(&p->steps[i])->kind);
		char count[24] = "";

		for (same = 1; i + same < p->n; same++)
			if (p->steps[i + same].op != p->steps[i].op ||
			    nsn_step_object(&p->steps[i + same])->kind !=
				    nsn_step_object(&p->steps[i])->kind)
				break;
		if (same > 1)
			(void)snprintf(count, sizeof(count), "%zu", same);
		len += (size_t)snprintf(buf + len, size - len, "%s%s%c%s", i ? " " : "", count,
					ops[p->steps[i].op], kind);
	}
	return buf;
}

static void expect_plan(const struct nsn_state *wanted, const struct nsn_state *observed,
			const char *what)
{
	struct nsn_plan p = {0};
	char text[512];

	plan(wanted, observed, &p);
	assert_string_equal(summary(&p, text, sizeof(text)), what);
	nsn_plan_clear(&p);
}

/* By its words: "address 10.10.1.1/24 on br0". */
static struct nsn_object *find_text(struct nsn_state *s, struct nsn_place at, const char *text)
{
	struct nsn_object *found = NULL;
	struct nsn_arena arena = {0};
	size_t i;

	for (i = 0; i < s->n && !found; i++) {
		const struct nsn_object *o = &s->objects[i];

		if (nsn_place_same(o->at, at) &&
		    strcmp(nsn_arena_printf(&arena, "%s %s", nsn_kind_name(o->kind),
					    nsn_object_str(o, &arena)),
			   text) == 0)
			found = &s->objects[i];
	}
	nsn_arena_free(&arena);
	if (!found)
		fail_msg("no %s", text);
	return found;
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
static void expect_built_closed(const struct nsnet_tenant_def *def, size_t pins, size_t files)
{
	struct nsn_state wanted = {0}, nothing = {0};
	size_t i, last_chain = 0, first_link = 0, first_up = 0, first_pin = 0, first_name = 0,
		  last = 0;
	struct nsn_plan p = {0};

	compile_def(&wanted, def);
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
		if (kind < NSN_OBJ_UP)
			last = i;
		if (kind >= NSN_OBJ_FILE && !first_name)
			first_name = i;
		assert_true(kind >= NSN_OBJ_FILE || !first_name);
		/* The far end of a veth comes with the near one; settings of a link are inherited.
		 */
		assert_false(kind == NSN_OBJ_LINK && p.steps[i].want->u.dev.far);
		assert_false(kind == NSN_OBJ_SYSCTL && p.steps[i].want->link[0]);
	}
	assert_true(last_chain > 0 && last_chain < first_link);
	assert_true(first_up > last);
	assert_true(first_pin == p.n - pins);
	assert_true(first_name == first_pin - files);
	nsn_plan_clear(&p);
	nsn_state_clear(&wanted);
}

static void a_new_tenant_is_built_closed(void **state)
{
	(void)state;
	expect_built_closed(&plain, 2, 2);
	expect_built_closed(&full, 3, 4);
}

/* ---- one thing is wrong ------------------------------------------------------------ */

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
	{NSN_OBJ_TABLE, false, "", "+table 4+counter 4+chain", "~table 4+counter 4+chain"},
	{NSN_OBJ_SYSCTL, false, "br0", NULL, "~sysctl"},
	{NSN_OBJ_SYSCTL, true, "", NULL, "~sysctl"},
	{NSN_OBJ_FILE, true, "", "+file", "~file"},
	/* A link takes along what hangs on it. */
	{NSN_OBJ_LINK, true, "eth0", "-link +link +port +fdb +address +neighbour 2+up +route",
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
	case NSN_OBJ_SYSCTL:
	case NSN_OBJ_CONF:
		o->u.sysctl.value = "9";
		break;
	case NSN_OBJ_LIMIT:
		o->u.limit.rate++;
		break;
	case NSN_OBJ_SET:
		o->u.set.key_type ^= 1;
		break;
	case NSN_OBJ_ELEM:
		o->u.elem.odd = true;
		break;
	case NSN_OBJ_FILE:
		o->u.file.text = NSN_FILE_MARK "0";
		break;
	case NSN_OBJ_NETNS:
	case NSN_OBJ_COUNTER:
	case NSN_OBJ_FDB:
	case NSN_OBJ_ADDR:
	case NSN_OBJ_UP:
	case NSN_OBJ_RULE:
	case NSN_OBJ_PIN:
	case NSN_OBJ_KINDS:
		fail_msg("nothing to alter");
	}
}

/* As a dump without it would be. */
static void drop_table(struct nsn_state *s, uint8_t family)
{
	size_t i, kept = 0;

	for (i = 0; i < s->n; i++) {
		const struct nsn_object *o = &s->objects[i];
		uint8_t of = 0;

		if (nsn_object_table(o, &of)
			    ? of == family
			    : o->kind == NSN_OBJ_TABLE && o->u.table.family == family)
			continue;
		s->objects[kept++] = *o;
	}
	s->n = kept;
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
	} else if (o->kind == NSN_OBJ_TABLE) {
		drop_table(&observed, o->u.table.family);
	} else {
		/* A veth with one end has its other end nowhere we look. */
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

/* The bridge's table, replaced as a whole. */
#define REPLACED "~table 11+counter 6+limit 7+set 18+element 3+chain"

/* The same with IPv6, two endpoints and rates; told by their words. */
static const struct {
	const char *object;
	const char *missing, *wrong;
} more_drifts[] = {
	{"element bridge nsnet nsnet_ext { 0x2b }", "+element", "~element"},
	{"element bridge nsnet nsnet_pin4 { nsn9 . 02:00:00:00:00:05 . 10.10.1.2 }", "+element",
	 "~element"},
	{"element bridge nsnet nsnet_pin6 { nsn10 . 02:00:00:00:00:06 . fd00:1::3 }", "+element",
	 "~element"},
	{"element bridge nsnet nsnet_nd { nsn10 . 02:00:00:00:00:06 . fd00:1::3 }", "+element",
	 "~element"},
	{"element bridge nsnet nsnet_sent { nsn9 : nsnet_sent_nsn9_2000000 }", "+element",
	 "~element"},
	{"limit bridge nsnet nsnet_sent_10000000 over 1250000 bytes/second burst 131072", "+limit",
	 REPLACED},
	{"limit bridge nsnet nsnet_rcvd_nsn9_2000000 over 250000 bytes/second burst 131072",
	 "+limit", REPLACED},
	{"set bridge nsnet nsnet_pin6", "+set", REPLACED},
	{"counter bridge nsnet nsnet_drop_arp", "+counter", NULL},
	{"chain bridge nsnet prerouting policy drop, 23 rules", "+chain", "~chain"},
	{"chain bridge nsnet postrouting policy accept, 2 rules", "+chain", "~chain"},
	{"table bridge nsnet (nsnet store 0123456789abcdef0123456789abcdef tenant 3 customer1)",
	 "+table 11+counter 6+limit 7+set 18+element 3+chain", REPLACED},
	{"sysctl net/ipv6/conf/br0/disable_ipv6 = 0", "+sysctl", "~sysctl"},
	{"address fd00:1::1/64 on br0", "+address", NULL},
	{"neighbour fd00:1::3 is 02:00:00:00:00:06 on br0 permanent", "+neighbour", "~neighbour"},
	{"port nsn10 guard root_block proxy_arp_wifi mcast_flood locked", "+port", "~port"},
};

static const struct {
	const char *object;
	const char *missing, *wrong;
} workload_drifts[] = {
	{"sysctl net/ipv6/conf/eth0/disable_ipv6 = 0", "+sysctl", "~sysctl"},
	{"address fd00:1::2/64 on eth0", "+address", NULL},
	{"neighbour fd00:1::1 is 06:00:00:00:00:03 on eth0 permanent", "+neighbour", "~neighbour"},
	{"route ::/0 via fd00:1::1 dev eth0", "+route", "~route"},
	{"file /etc/netns/customer1.app/hosts", "+file", "~file"},
	{"file /etc/netns/customer1.app/resolv.conf", "+file", "~file"},
};

static void expect_damage(struct nsn_place at, const char *object, enum damage damage,
			  const char *what)
{
	struct nsn_state wanted = {0}, observed = {0};
	struct nsn_object *o;

	compile_def(&wanted, &full);
	compile_def(&observed, &full);
	o = find_text(&observed, at, object);
	if (damage == ALTER)
		alter(o);
	else if (o->kind == NSN_OBJ_TABLE)
		drop_table(&observed, o->u.table.family);
	else
		drop(&observed, o);
	expect_plan(&wanted, &observed, what);
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
}

static void each_drift_of_a_larger_tenant_has_its_plan(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < NSN_COUNT(more_drifts); i++) {
		expect_damage(gateway, more_drifts[i].object, DROP, more_drifts[i].missing);
		if (more_drifts[i].wrong)
			expect_damage(gateway, more_drifts[i].object, ALTER, more_drifts[i].wrong);
	}
	for (i = 0; i < NSN_COUNT(workload_drifts); i++) {
		expect_damage(workload, workload_drifts[i].object, DROP,
			      workload_drifts[i].missing);
		if (workload_drifts[i].wrong)
			expect_damage(workload, workload_drifts[i].object, ALTER,
				      workload_drifts[i].wrong);
	}
}

static const char pin4_of_app[] =
	"element bridge nsnet nsnet_pin4 { nsn9 . 02:00:00:00:00:05 . 10.10.1.2 }";
static const char sent_of_app[] =
	"element bridge nsnet nsnet_sent { nsn9 : nsnet_sent_nsn9_2000000 }";

static void an_element_with_another_limit_is_changed(void **state)
{
	struct nsn_state wanted = {0}, observed = {0};

	(void)state;
	compile_def(&wanted, &full);
	compile_def(&observed, &full);
	find_text(&observed, gateway, sent_of_app)->u.elem.object = "nsnet_sent_10000000";
	expect_plan(&wanted, &observed, "~element");
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
}

/* Whoever adds one lets somebody in. */
static void an_element_more_is_removed_alone(void **state)
{
	struct nsn_state wanted = {0}, observed = {0};
	struct nsn_elem elem;
	uint8_t key[28];
	int odd;

	(void)state;
	for (odd = 0; odd < 2; odd++) {
		compile_def(&wanted, &full);
		compile_def(&observed, &full);
		elem = find_text(&observed, gateway, pin4_of_app)->u.elem;
		memcpy(key, elem.key, sizeof(key));
		key[sizeof(key) - 1] ^= 64;
		elem.key = key;
		elem.odd = odd;
		nsn_state_add(&observed, NSN_OBJ_ELEM, gateway, "")->u.elem = elem;
		nsn_state_sort(&observed);
		expect_plan(&wanted, &observed, "-element");
		nsn_state_clear(&wanted);
		nsn_state_clear(&observed);
	}
}

/* What the kernel cannot alter, in all that it is. */
static void a_set_or_limit_that_differs_at_all_takes_its_table_along(void **state)
{
	enum { SET = 7, LIMIT = 5 };
	size_t k;

	(void)state;
	for (k = 0; k < SET + LIMIT; k++) {
		struct nsn_state wanted = {0}, observed = {0};
		struct nsn_plan p = {0};
		struct nsn_limit *l;
		struct nsn_set *s;
		char text[256];
		size_t i;

		compile_def(&wanted, &full);
		compile_def(&observed, &full);
		s = &find_text(&observed, gateway, "set bridge nsnet nsnet_sent")->u.set;
		l = &find_text(&observed, gateway,
			       "limit bridge nsnet nsnet_sent_10000000"
			       " over 1250000 bytes/second burst 131072")
			     ->u.limit;
		s->flags ^= k == 0;
		s->key_type ^= k == 1;
		s->key_len += k == 2;
		s->data_type += k == 3;
		s->data_len += k == 4;
		s->obj_type += k == 5;
		s->udata_len -= k == 6;
		l->rate += k == SET;
		l->unit *= k == SET + 1 ? 60 : 1;
		l->burst += k == SET + 2;
		l->type ^= k == SET + 3;
		l->flags ^= k == SET + 4;
		plan(&wanted, &observed, &p);
		assert_string_equal(summary(&p, text, sizeof(text)), REPLACED);
		for (i = 1; i < p.n; i++) {
			uint8_t family = 0;

			assert_non_null(nsn_object_table(p.steps[i].want, &family));
			assert_int_equal(family, NFPROTO_BRIDGE);
		}
		nsn_plan_clear(&p);
		nsn_state_clear(&wanted);
		nsn_state_clear(&observed);
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

static void add_rule(struct nsn_state *s, uint8_t protocol, bool odd)
{
	add(s, NSN_OBJ_RULE, "")->u.rule = (struct nsn_fibrule){.family = AF_INET,
								.priority = 100,
								.iif = "",
								.action = FR_ACT_TO_TBL,
								.table = 1000,
								.protocol = protocol,
								.odd = odd};
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
	add_rule(&observed, RTPROT_STATIC, false);
	add_rule(&observed, NSN_RTPROT, true); /* we make none like it */
	nsn_state_sort(&observed);
	plan(&wanted, &observed, &p);
	assert_int_equal(p.n, 0);
	assert_int_equal(p.n_foreign, 5);
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
	add_rule(&observed, NSN_RTPROT, false);
	nsn_state_sort(&observed);
	plan(&wanted, &observed, &p);
	assert_string_equal(summary(&p, text, sizeof(text)), "2-up -rule -route -address -link");
	nsn_plan_clear(&p);
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
}

/* ---- what is too much -------------------------------------------------------------- */

/* A table of our name in another family, with things in it that in ours would go alone. */
static void add_ip_table(struct nsn_state *s, const char *comment)
{
	static const uint8_t key[4] = {10, 1, 2, 3};

	add(s, NSN_OBJ_TABLE, "")->u.table =
		(struct nsn_table){.family = NFPROTO_IPV4, .name = "nsnet", .comment = comment};
	add(s, NSN_OBJ_SET, "")->u.set =
		(struct nsn_set){.family = NFPROTO_IPV4, .table = "nsnet", .name = "x"};
	add(s, NSN_OBJ_LIMIT, "")->u.limit =
		(struct nsn_limit){.family = NFPROTO_IPV4, .table = "nsnet", .name = "y"};
	add(s, NSN_OBJ_COUNTER, "")->u.counter = (struct nsn_counter){
		.family = NFPROTO_IPV4, .table = "nsnet", .name = NSN_RULE_COUNTER "z"};
	add(s, NSN_OBJ_ELEM, "")->u.elem = (struct nsn_elem){.family = NFPROTO_IPV4,
							     .table = "nsnet",
							     .set = "x",
							     .key = key,
							     .key_len = sizeof(key),
							     .object = ""};
	nsn_state_sort(s);
}

static void a_table_of_our_name_in_another_family_goes_or_stays_as_a_whole(void **state)
{
	static const char *const comments[] = {
		"somebody else's", "nsnet store 0123456789abcdef0123456789abcdef tenant 3 x"};
	size_t ours;

	(void)state;
	for (ours = 0; ours < 2; ours++) {
		struct nsn_state wanted = {0}, observed = {0};
		struct nsn_plan p = {0};
		char text[256];

		compile_def(&wanted, &full);
		compile_def(&observed, &full);
		add_ip_table(&observed, comments[ours]);
		plan(&wanted, &observed, &p);
		assert_string_equal(summary(&p, text, sizeof(text)), ours ? "-table" : "");
		assert_int_equal(p.n_foreign, 1 - ours);
		nsn_plan_clear(&p);
		nsn_state_clear(&wanted);
		nsn_state_clear(&observed);
	}
}

static void a_bridge_table_with_something_more_in_it_is_replaced_alone(void **state)
{
	int what;

	(void)state;
	for (what = 0; what < 3; what++) {
		struct nsn_state wanted = {0}, observed = {0};

		compile_def(&wanted, &full);
		compile_def(&observed, &full);
		if (what == 0)
			add(&observed, NSN_OBJ_COUNTER, "")->u.counter = (struct nsn_counter){
				.family = NFPROTO_BRIDGE, .table = "nsnet", .name = "x"};
		else if (what == 1)
			add(&observed, NSN_OBJ_SET, "")->u.set = (struct nsn_set){
				.family = NFPROTO_BRIDGE, .table = "nsnet", .name = "x"};
		else
			add(&observed, NSN_OBJ_CHAIN, "")->u.chain =
				(struct nsn_chain){.family = NFPROTO_BRIDGE,
						   .table = "nsnet",
						   .name = "x",
						   .type = ""};
		nsn_state_sort(&observed);
		expect_plan(&wanted, &observed, REPLACED);
		nsn_state_clear(&wanted);
		nsn_state_clear(&observed);
	}
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
		assert_string_equal(summary(&p, text, sizeof(text)), "~table 4+counter 4+chain");
		nsn_plan_clear(&p);
		nsn_state_clear(&wanted);
		nsn_state_clear(&observed);
	}
}

/* ---- counters of policies ---------------------------------------------------------- */

static void add_counter(struct nsn_state *s, const char *name)
{
	add(s, NSN_OBJ_COUNTER, "")->u.counter =
		(struct nsn_counter){.family = NFPROTO_INET, .table = "nsnet", .name = name};
}

/* A mark in the map `nsnet_use`, and the counter it leads to. */
static void add_use(struct nsn_state *s, uint32_t mark, const char *counter)
{
	const uint8_t *key = nsn_arena_memdup(&s->arena, &mark, sizeof(mark));

	assert_non_null(key);
	add(s, NSN_OBJ_ELEM, "")->u.elem = (struct nsn_elem){.family = NFPROTO_INET,
							     .table = "nsnet",
							     .set = "nsnet_use",
							     .key = key,
							     .key_len = sizeof(mark),
							     .object = counter};
	add_counter(s, counter);
}

static void compile_uses(struct nsn_state *s)
{
	compile(s, NSN_WANT_BUILT);
	add(s, NSN_OBJ_SET, "")->u.set =
		(struct nsn_set){.family = NFPROTO_INET, .table = "nsnet", .name = "nsnet_use"};
	add_use(s, 4, NSN_RULE_COUNTER "a-first");
	add_use(s, 1000, NSN_RULE_COUNTER "zz-last");
	nsn_state_sort(s);
}

/* Others have counted and go on: neither the table nor one of them is made anew. */
static void the_counter_of_a_policy_goes_alone_after_what_leads_to_it(void **state)
{
	static const char *const names[] = {NSN_RULE_COUNTER "dns", NSN_KEPT_COUNTER,
					    NSN_QUARANTINE_COUNTER};
	size_t i;

	(void)state;
	for (i = 0; i < NSN_COUNT(names); i++) {
		struct nsn_state wanted = {0}, observed = {0};
		struct nsn_plan p = {0};
		char text[256];

		compile_uses(&wanted);
		compile_uses(&observed);
		add_use(&observed, 8, names[i]);
		nsn_state_sort(&observed);
		plan(&wanted, &observed, &p);
		assert_string_equal(summary(&p, text, sizeof(text)), "-element -counter");
		assert_string_equal(p.steps[0].have->u.elem.object, names[i]);
		assert_string_equal(p.steps[1].have->u.counter.name, names[i]);
		assert_int_equal(p.n_foreign, 0);
		nsn_plan_clear(&p);

		/* And one that comes is made before it is led to. */
		expect_plan(&observed, &wanted, "+counter +element");
		nsn_state_clear(&wanted);
		nsn_state_clear(&observed);
	}
}

/* The number goes to another policy at once, or the policy has another name. */
static void a_mark_that_leads_to_another_counter_is_changed_in_between(void **state)
{
	struct nsn_state wanted = {0}, observed = {0};
	struct nsn_plan p = {0};
	char text[256];

	(void)state;
	compile_uses(&wanted);
	compile_uses(&observed);
	add_use(&wanted, 8, NSN_RULE_COUNTER "new");
	add_use(&observed, 8, NSN_RULE_COUNTER "old");
	nsn_state_sort(&wanted);
	nsn_state_sort(&observed);
	plan(&wanted, &observed, &p);
	assert_string_equal(summary(&p, text, sizeof(text)), "+counter ~element -counter");
	assert_string_equal(p.steps[0].want->u.counter.name, NSN_RULE_COUNTER "new");
	assert_string_equal(p.steps[2].have->u.counter.name, NSN_RULE_COUNTER "old");
	nsn_plan_clear(&p);
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
}

/* The last: what other types are called when they are read (kernel/nft.h). */
static void a_counter_of_no_policy_still_takes_its_table_along(void **state)
{
	static const char *const names[] = {
		"x",	      "nsnet_rule",	  "Nsnet_rule_x",
		"nsnet_kep",  "nsnet_kept2",	  "nsnet_drop_quarantin",
		"nsnet_drop", "nsnet_drop_other", "nsnet_drop_quarantine_",
		"",	      "x_nsnet_rule_x",	  "quota nsnet_rule_x"};
	size_t i;

	(void)state;
	for (i = 0; i < NSN_COUNT(names); i++) {
		struct nsn_state wanted = {0}, observed = {0};

		compile_uses(&wanted);
		compile_uses(&observed);
		add_use(&observed, 8, NSN_RULE_COUNTER "dns");
		add_counter(&observed, names[i]);
		nsn_state_sort(&observed);
		expect_plan(&wanted, &observed, "~table 6+counter +set 2+element 4+chain");
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

static void add_to_workload(struct nsn_state *s, uint8_t protocol)
{
	const struct nsn_prefix net = {.ip = {AF_INET, {192, 0, 2, protocol}}, .len = 32};
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_ADDR, workload, "eth0");

	assert_non_null(o);
	o->u.addr.prefix = net;
	o->u.addr.protocol = protocol;
	o = nsn_state_add(s, NSN_OBJ_NEIGH, workload, "eth0");
	assert_non_null(o);
	o->u.neigh.ip = net.ip;
	o->u.neigh.protocol = protocol;
	o = nsn_state_add(s, NSN_OBJ_ROUTE, workload, "eth0");
	assert_non_null(o);
	o->u.route.dst = net;
	o->u.route.protocol = protocol;
}

/* Old addresses, told from the tenant's own by their marks; the new ones first, names last. */
static void what_a_workload_had_from_us_goes_when_the_new_is_there(void **state)
{
	struct nsn_state wanted = {0}, observed = {0};
	struct nsn_plan p = {0};
	char text[256];
	size_t i;

	(void)state;
	compile_def(&wanted, &full);
	compile_def(&observed, &full);
	drop(&observed, find_text(&observed, workload, "address 10.10.1.2/24 on eth0"));
	drop(&observed, find_text(&observed, workload, "route ::/0 via fd00:1::1 dev eth0"));
	drop(&observed, find_text(&observed, workload, "file /etc/netns/customer1.app/hosts"));
	drop(&observed, find_text(&observed, workload, "pin /run/netns/customer1.app"));
	add_to_workload(&observed, NSN_RTPROT);
	add_to_workload(&observed, 0);
	add_to_workload(&observed, RTPROT_STATIC);
	nsn_state_sort(&observed);
	plan(&wanted, &observed, &p);
	assert_string_equal(summary(&p, text, sizeof(text)),
			    "+address +route -route -neighbour -address +file +pin");
	for (i = 2; i < 5; i++)
		assert_int_equal(p.steps[i].have->at.id, workload.id);
	assert_int_equal(p.steps[2].have->u.route.protocol, NSN_RTPROT);
	assert_int_equal(p.steps[3].have->u.neigh.protocol, NSN_RTPROT);
	assert_int_equal(p.steps[4].have->u.addr.protocol, NSN_RTPROT);
	assert_int_equal(p.n_foreign, 0);
	nsn_plan_clear(&p);
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
}

/* ---- another tenant than before ---------------------------------------------------- */

/* Only what refers to a limit keeps it: the new one first, then who refers, then the old. */
static void a_rate_that_changes_leaves_no_limit_behind(void **state)
{
	struct nsnet_endpoint_def faster[] = {{.name = "app", .rate = "3mbit"},
					      {.name = "db", .rate = "2mbit"}};
	struct nsnet_tenant_def def = full;
	struct nsn_state wanted = {0}, observed = {0};

	(void)state;
	compile_def(&observed, &full);
	def.rate = "20mbit";
	compile_def(&wanted, &def);
	expect_plan(&wanted, &observed, "2+limit 2~chain 2-limit");
	nsn_state_clear(&wanted);

	def.rate = NULL;
	compile_def(&wanted, &def);
	expect_plan(&wanted, &observed, "2~chain 2-limit");
	nsn_state_clear(&wanted);

	def.rate = full.rate;
	def.endpoints = faster;
	compile_def(&wanted, &def);
	expect_plan(&wanted, &observed, "2+limit 2~element 2-limit");
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
}

static void an_endpoint_that_goes_takes_all_of_its_along(void **state)
{
	const struct nsn_place second = {.role = NSN_ENDPOINT, .id = 6};
	struct nsnet_tenant_def def = full;
	struct nsn_state wanted = {0}, observed = {0};
	struct nsn_plan p = {0};
	char text[256];
	size_t i;

	(void)state;
	compile_def(&observed, &full);
	def.n_endpoints = 1;
	compile_def(&wanted, &def);
	plan(&wanted, &observed, &p);
	/* The last: the one that stays does not know it any more. */
	assert_string_equal(summary(&p, text, sizeof(text)),
			    "-up 2-neighbour -fdb -link 5-element -pin 2-file 2-limit ~file");
	assert_string_equal(p.steps[0].have->link, "nsn10");
	assert_string_equal(p.steps[4].have->link, "nsn10");
	for (i = 10; i < 13; i++)
		assert_true(nsn_place_same(p.steps[i].have->at, second));
	assert_true(nsn_place_same(p.steps[p.n - 1].want->at, workload));
	assert_int_equal(p.n_foreign, 0);
	nsn_plan_clear(&p);

	/* What somebody else has put there stays. */
	find_text(&observed, second, "file /etc/netns/customer1.db/hosts")->u.file.ours = false;
	expect_plan(&wanted, &observed,
		    "-up 2-neighbour -fdb -link 5-element -pin -file 2-limit ~file");
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
}

static void files_of_somebody_else_are_left_alone(void **state)
{
	struct nsn_state wanted = {0}, observed = {0};
	struct nsn_object *o;

	(void)state;
	compile_def(&wanted, &full);
	compile_def(&observed, &full);
	o = find_text(&observed, workload, "file /etc/netns/customer1.app/hosts");
	o->u.file.text = "127.0.0.1 localhost\n";
	o->u.file.ours = false;
	expect_plan(&wanted, &observed, "");
	expect_plan(NULL, &observed, "3-pin 3-file 3-netns");
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
}

/* To take one endpoint away nobody looks at the others; but the hosts files of all tell of it. */
static void one_endpoint_alone_leaves_the_others_but_for_their_files(void **state)
{
	struct nsnet_tenant_def def = full;
	struct nsn_tenant now = {0}, before = {0};
	struct nsn_job job = {.t = &now, .before = &before, .only = 6};
	struct nsn_state wanted = {0}, observed = {0};
	struct nsnet_err err = {0};

	(void)state;
	make_tenant(&before, &full);
	def.n_endpoints = 1;
	make_tenant(&now, &def);
	assert_int_equal(nsn_compile(&now, NULL, &owner, NSN_WANT_BUILT, &wanted, &err), 0);
	assert_int_equal(nsn_compile(&before, NULL, &owner, NSN_WANT_BUILT, &observed, &err), 0);
	/* All of these are out of focus. */
	drop(&observed, find_text(&observed, workload, "address 10.10.1.2/24 on eth0"));
	drop(&observed, find_text(&observed, workload, "pin /run/netns/customer1.app"));
	drop(&observed, find_text(&observed, gateway, "fdb 02:00:00:00:00:05 on nsn9 static"));
	assert_int_equal(nsn_focus(&wanted, &job, &err), 0);
	assert_int_equal(nsn_focus(&observed, &job, &err), 0);
	expect_plan(&wanted, &observed,
		    "-up 2-neighbour -fdb -link 5-element -pin 2-file 2-limit ~file");

	/* And the other way round: it is added. */
	job.t = &before;
	job.before = &now;
	expect_plan(&observed, &wanted,
		    "+netns 8+sysctl 2+limit 5+element +link +port +sysctl +fdb 2+address "
		    "4+neighbour 3+up 2+route ~file 2+file +pin");
	nsn_tenant_clear(&now);
	nsn_tenant_clear(&before);
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
}

/* The kernel takes no route through a gateway that it does not know the way to. */
static void the_way_to_a_gateway_comes_before_the_routes_through_it(void **state)
{
	struct nsnet_tenant_def def = full;
	struct nsn_state wanted = {0}, nothing = {0};
	struct nsn_plan p = {0};
	size_t i, ways = 0, through = 0;
	uint64_t id = 0;

	(void)state;
	def.inside = "deny";
	compile_def(&wanted, &def);
	plan(&wanted, &nothing, &p);
	for (i = 0; i < p.n; i++) {
		const struct nsn_object *o = p.steps[i].want;

		if (o->kind != NSN_OBJ_ROUTE)
			continue;
		if (o->at.id != id)
			ways = 0;
		id = o->at.id;
		ways += o->u.route.via.family == 0;
		through += o->u.route.via.family != 0;
		assert_true(o->u.route.via.family == 0 || ways == 2);
	}
	assert_int_equal(through, 4);
	nsn_plan_clear(&p);
	nsn_state_clear(&wanted);
}

static void everything_goes_by_its_pins(void **state)
{
	struct nsn_state observed = {0};
	struct nsn_plan p = {0};
	char text[512];

	(void)state;
	compile(&observed, NSN_WANT_BUILT);
	plan(NULL, &observed, &p);
	assert_string_equal(summary(&p, text, sizeof(text)), "2-pin 2-file 2-netns");
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
	assert_string_equal(summary(&p, text, sizeof(text)), "-up 3+chain");
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
		cmocka_unit_test(each_drift_of_a_larger_tenant_has_its_plan),
		cmocka_unit_test(an_element_with_another_limit_is_changed),
		cmocka_unit_test(an_element_more_is_removed_alone),
		cmocka_unit_test(a_set_or_limit_that_differs_at_all_takes_its_table_along),
		cmocka_unit_test(a_rule_that_differs_in_one_byte_shows),
		cmocka_unit_test(what_nsnet_did_not_write_equals_nothing),
		cmocka_unit_test(what_is_not_ours_is_told_and_left_alone),
		cmocka_unit_test(what_is_ours_and_not_wanted_goes_links_down_first),
		cmocka_unit_test(a_table_of_our_name_in_another_family_goes_or_stays_as_a_whole),
		cmocka_unit_test(a_bridge_table_with_something_more_in_it_is_replaced_alone),
		cmocka_unit_test(a_table_with_something_more_in_it_is_replaced_as_a_whole),
		cmocka_unit_test(the_counter_of_a_policy_goes_alone_after_what_leads_to_it),
		cmocka_unit_test(a_mark_that_leads_to_another_counter_is_changed_in_between),
		cmocka_unit_test(a_counter_of_no_policy_still_takes_its_table_along),
		cmocka_unit_test(what_a_workload_adds_is_its_own_business),
		cmocka_unit_test(what_a_workload_had_from_us_goes_when_the_new_is_there),
		cmocka_unit_test(a_rate_that_changes_leaves_no_limit_behind),
		cmocka_unit_test(an_endpoint_that_goes_takes_all_of_its_along),
		cmocka_unit_test(files_of_somebody_else_are_left_alone),
		cmocka_unit_test(one_endpoint_alone_leaves_the_others_but_for_their_files),
		cmocka_unit_test(the_way_to_a_gateway_comes_before_the_routes_through_it),
		cmocka_unit_test(everything_goes_by_its_pins),
		cmocka_unit_test(a_cut_only_takes_away),
		cmocka_unit_test(the_inverse_of_the_inverse_is_the_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
