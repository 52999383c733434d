/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/compile/compile.h"

static const struct nsn_owner owner = {
	.store = "0123456789abcdef0123456789abcdef", .group = 77, .pin_dir = "/run/nsnet/gw"};

static void make_tenant(struct nsn_tenant *t)
{
	struct nsnet_err err = {0};

	assert_int_equal(nsn_tenant_init(t, "customer1", "10.10.1.0/24", &err), 0);
	t->id = 3;
	t->endpoints[0].id = 5;
	t->endpoints[0].link = 9;
}

static void compile(struct nsn_state *s, enum nsn_want want)
{
	struct nsn_tenant t = {0};
	struct nsnet_err err = {0};

	make_tenant(&t);
	assert_int_equal(nsn_compile(&t, &owner, want, s, &err), 0);
	nsn_tenant_clear(&t);
}

/*
 * All that a tenant is, but for its sysctls: in the order in which it is made,
 * which is what keeps it closed at every moment.
 */
static const char *const objects[] = {
	"netns network namespace",
	"netns network namespace",
	"table inet nsnet (nsnet store 0123456789abcdef0123456789abcdef tenant 3 customer1)",
	"counter inet nsnet nsnet_drop_forward",
	"counter inet nsnet nsnet_drop_input",
	"counter inet nsnet nsnet_drop_output",
	"counter inet nsnet nsnet_drop_source",
	"chain inet nsnet forward policy drop, 1 rule",
	"chain inet nsnet input policy drop, 2 rules",
	"chain inet nsnet output policy drop, 2 rules",
	"chain inet nsnet prerouting policy drop, 2 rules",
	"link br0 bridge 06:00:00:00:00:03 group 77",
	"link nsn9 veth 0a:00:00:00:00:09 group 77 in br0 to eth0 of an endpoint",
	"link eth0 veth 02:00:00:00:00:05 group 77 to nsn9 of the gateway",
	"port nsn9 guard root_block isolated locked",
	"fdb 02:00:00:00:00:05 on nsn9 static",
	"address 10.10.1.1/24 on br0",
	"address 10.10.1.2/24 on eth0",
	"neighbour 10.10.1.2 is 02:00:00:00:00:05 on br0 permanent",
	"neighbour 10.10.1.1 is 06:00:00:00:00:03 on eth0 permanent",
	"up br0",
	"up nsn9",
	"up eth0",
	"up lo",
	"route 0.0.0.0/0 via 10.10.1.1 dev eth0",
	"pin /run/nsnet/gw/01234567-3",
	"pin /run/netns/customer1",
};

static void a_tenant_is_these_objects_in_this_order(void **state)
{
	struct nsn_state s = {0};
	struct nsn_arena arena = {0};
	size_t i, n = 0;

	(void)state;
	compile(&s, NSN_WANT_BUILT);
	for (i = 0; i < s.n; i++) {
		const char *text;

		if (s.objects[i].kind == NSN_OBJ_SYSCTL)
			continue;
		text = nsn_arena_printf(&arena, "%s %s", nsn_kind_name(s.objects[i].kind),
					nsn_object_str(&s.objects[i], &arena));
		assert_true(n < NSN_COUNT(objects));
		assert_string_equal(text, objects[n++]);
	}
	assert_int_equal(n, NSN_COUNT(objects));
	nsn_arena_free(&arena);
	nsn_state_clear(&s);
}

static void a_cut_tenant_has_two_chains_more_and_its_port_down(void **state)
{
	struct nsn_state built = {0}, cut = {0};
	size_t i, more = 0, less = 0;

	(void)state;
	compile(&built, NSN_WANT_BUILT);
	compile(&cut, NSN_WANT_CUT);
	for (i = 0; i < cut.n; i++) {
		const struct nsn_object *o = &cut.objects[i];

		if (nsn_state_find(&built, o))
			continue;
		more++;
		assert_int_equal(o->kind, NSN_OBJ_CHAIN);
		assert_int_equal(o->u.chain.n_rules, 0);
		assert_int_equal(o->u.chain.policy, 0); /* NF_DROP */
		assert_true(o->u.chain.priority < -300);
	}
	for (i = 0; i < built.n; i++)
		if (!nsn_state_find(&cut, &built.objects[i])) {
			less++;
			assert_int_equal(built.objects[i].kind, NSN_OBJ_UP);
			assert_string_equal(built.objects[i].link, "nsn9");
		}
	assert_int_equal(more, 2);
	assert_int_equal(less, 1);
	nsn_state_clear(&built);
	nsn_state_clear(&cut);
}

static void forwarding_is_written_before_what_it_resets(void **state)
{
	struct nsn_state s = {0};
	size_t i, forwarding = 0, redirects = 0;

	(void)state;
	compile(&s, NSN_WANT_BUILT);
	for (i = 0; i < s.n; i++) {
		if (s.objects[i].kind != NSN_OBJ_SYSCTL)
			continue;
		if (strcmp(s.objects[i].u.sysctl.path, "net/ipv4/conf/all/forwarding") == 0)
			forwarding = i;
		if (strcmp(s.objects[i].u.sysctl.path, "net/ipv4/conf/all/accept_redirects") == 0)
			redirects = i;
	}
	assert_true(forwarding > 0 && redirects > forwarding);
	nsn_state_clear(&s);
}

static void ids_that_fit_no_mac_address_are_refused(void **state)
{
	static const uint64_t bad[] = {0, NSN_ID_MAX + 1, UINT64_MAX};
	size_t i, which;

	(void)state;
	for (i = 0; i < NSN_COUNT(bad); i++)
		for (which = 0; which < 2; which++) {
			struct nsn_state s = {0};
			struct nsn_tenant t = {0};
			struct nsnet_err err = {0};

			make_tenant(&t);
			*(which ? &t.id : &t.endpoints[0].id) = bad[i];
			assert_int_equal(nsn_compile(&t, &owner, NSN_WANT_BUILT, &s, &err),
					 -ERANGE);
			nsn_state_clear(&s);
			nsn_tenant_clear(&t);
		}
}

static void the_longest_port_name_fits_a_link(void **state)
{
	struct nsn_endpoint e = {.link = 999999999999};
	char port[NSN_PORT_NAME_SIZE];

	(void)state;
	assert_string_equal(nsn_compile_port(&e, port), "nsn999999999999");
}

static void a_mark_is_read_by_its_own_store_only(void **state)
{
	struct nsn_owner other = owner;
	char mark[NSN_MARK_SIZE];
	uint64_t id = 0;

	(void)state;
	(void)nsn_compile_mark(&owner, 42, "customer1", mark);
	assert_true(nsn_compile_mark_read(&owner, mark, &id));
	assert_int_equal(id, 42);
	other.store = "0123456789abcdef0123456789abcdee";
	assert_false(nsn_compile_mark_read(&other, mark, &id));
	assert_false(nsn_compile_mark_read(&owner, "", &id));
	assert_false(nsn_compile_mark_read(&owner, "nsnet store 0123456789abcdef", &id));
	assert_false(nsn_compile_mark_read(
		&owner, "nsnet store 0123456789abcdef0123456789abcdef tenant 4x name", &id));
	assert_false(nsn_compile_mark_read(
		&owner, "nsnet store 0123456789abcdef0123456789abcdef tenant 4", &id));
}

static void a_mark_fits_an_nft_comment(void **state)
{
	char mark[NSN_MARK_SIZE];

	(void)state;
	(void)nsn_compile_mark(&owner, NSN_ID_MAX, "a23456789-123456789-123456789-12", mark);
	/* libnftnl takes 128 bytes with NUL. */
	assert_non_null(strstr(mark, "a23456789-123456789-123456789-12"));
	assert_true(strlen(mark) < 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tenant_is_these_objects_in_this_order),
		cmocka_unit_test(a_cut_tenant_has_two_chains_more_and_its_port_down),
		cmocka_unit_test(forwarding_is_written_before_what_it_resets),
		cmocka_unit_test(ids_that_fit_no_mac_address_are_refused),
		cmocka_unit_test(the_longest_port_name_fits_a_link),
		cmocka_unit_test(a_mark_is_read_by_its_own_store_only),
		cmocka_unit_test(a_mark_fits_an_nft_comment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
