/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A rule that follows from a tenant's `dns`: seen by all, and changed by nobody but that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../lib/lab.h"
#include "../lib/world.h"

#define NAMED "shop-dns"
#define TENANTS                                                                                    \
	"nsnet: 1\ntenants:\n  shop: { subnet: auto, dns: names/default }\n"                       \
	"  names: { subnet: auto }\n"

static int apply(struct nsnet *n, const char *text, struct nsnet_err *err)
{
	const struct nsnet_policy_text from = {
		.file = "shop.yaml", .text = text, .len = strlen(text), .set = "shop.yaml"};
	struct nsnet_applied *a = NULL;
	struct nsnet_policies *p = NULL;
	int r;

	LAB_OK(nsnet_policies_parse(&p, &from, 1, NULL, (int64_t)time(NULL), NULL));
	assert_int_equal(nsnet_policies_errors(p), 0);
	r = nsnet_apply(n, p, NSNET_PRUNE, 0, &a, err);
	nsnet_applied_free(a);
	nsnet_policies_free(p);
	return r;
}

/* These are all rules, and the one of that name follows from `dns`. */
static void there_are(struct nsnet *n, size_t count, const char *implied)
{
	struct nsnet_rules *rules = NULL;
	struct nsnet_rule rule;
	bool found = false;

	LAB_OK(nsnet_rule_list(n, 0, &rules, NULL));
	assert_int_equal(nsnet_rules_count(rules), count);
	for (size_t i = 0; i < count; i++) {
		nsnet_rules_get(rules, i, &rule);
		assert_int_equal(rule.implied, implied && strcmp(rule.name, implied) == 0);
		found |= rule.implied;
		if (rule.implied)
			assert_string_equal(rule.because, "dns of shop");
	}
	assert_int_equal(found, implied != NULL);
	nsnet_rules_free(rules);
}

static void what_follows_from_dns_goes_with_it(void **state)
{
	static const char *const shop = "shop", *const names = "names/default",
				 *const udp = "udp/53";
	const struct nsnet_rule_def def = {.name = NAMED,
					   .from = &shop,
					   .n_from = 1,
					   .to = &names,
					   .n_to = 1,
					   .ports = &udp,
					   .n_ports = 1,
					   .because = "names"};
	const struct nsnet_setting none = {"dns", "none"};
	struct nsnet_err err = {0};
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	LAB_OK(apply(n, TENANTS, NULL));
	there_are(n, 1, NAMED);
	assert_int_equal(nsnet_rule_del(n, NAMED, 0, NULL, &err), -EBUSY);
	assert_int_equal(err.id, NSNET_E_RULE_IMPLIED);
	assert_string_equal(err.hint, "nsnet tenant set shop dns=none");
	assert_int_equal(nsnet_rule_add(n, &def, 0, NULL, &err), -EBUSY);
	assert_int_equal(err.id, NSNET_E_RULE_IMPLIED);
	/* No file has it, and it is of their set. */
	LAB_OK(apply(n, TENANTS, NULL));
	there_are(n, 1, NAMED);
	/* A file that has a rule of that name gets the name. */
	LAB_OK(apply(n,
		     TENANTS "rules:\n  - { name: " NAMED ", allow: udp/53, from: shop, "
			     "to: names/default, because: names }\n",
		     NULL));
	there_are(n, 2, NAMED "-2");
	LAB_OK(nsnet_tenant_set(n, "shop", &none, 1, 0, NULL, NULL));
	there_are(n, 1, NULL);
	nsnet_close(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_follows_from_dns_goes_with_it, world_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
