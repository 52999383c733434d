// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/stranger_words.h"

/* What is said of strangers, by what their control groups are called. */

static void units_and_remedies(void **state)
{
	static const struct {
		const char *groups, *unit, *remedy;
	} table[] = {
		{"0::/\n", "", "kill 7"},
		{"", "", "kill 7"},
		{"nonsense\n", "", "kill 7"},
		{"0::/user.slice/user-0.slice/session-3.scope\n", "session-3.scope", "kill 7"},
		{"0::/system.slice/dhcpd.service\n", "dhcpd.service",
		 "systemctl stop 'dhcpd.service'"},
		{"4:pids:/\n1:name=systemd:/system.slice/system-getty.slice/"
		 "getty@tty1.service\n0::/\n",
		 "getty@tty1.service", "systemctl stop 'getty@tty1.service'"},
		{"0::/user.slice/user@0.service/app.slice/x.service/deep\n", "x.service",
		 "systemctl stop 'x.service'"},
		{"0::/system.slice/docker-0123456789abcdef.scope\n",
		 "docker-0123456789abcdef.scope", "docker stop 0123456789ab"},
		{"3:cpu:/docker/0123456789abcdef\n0::/\n", "docker-0123456789abcdef",
		 "docker stop 0123456789ab"},
		/* Whoever may make a group gives it its name. */
		{"0::/a'; reboot; '.service\n", "a'; reboot; '.service", "kill 7"},
		{"0::/docker/$(reboot)\n", "docker-$(reboot)", "kill 7"},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		NSN_AUTO(nsn_arena_free) struct nsn_arena mem = {0};
		struct nsnet_stranger s = {.tenant = "blue", .endpoint = "", .pid = 7};
		char groups[256];

		snprintf(groups, sizeof(groups), "%s", table[i].groups);
		s.unit = nsn_stranger_unit(&mem, groups);
		assert_string_equal(s.unit, table[i].unit);
		assert_string_equal(nsn_stranger_remedy(&mem, &s), table[i].remedy);
		s.endpoint = "db";
		snprintf(groups, sizeof(groups),
			 "%s, and start it with `nsnet run blue/db` instead", table[i].remedy);
		assert_string_equal(nsn_stranger_remedy(&mem, &s), groups);
	}
}

static void capabilities_have_names(void **state)
{
	static const struct {
		uint64_t caps, all;
		const char *text;
	} table[] = {
		{0, 0, ""},
		{0, 0x1fff, ""},
		{1u << 12, 0x1fffffff, "NET_ADMIN"},
		{1u << 12 | 1u << 13, 0x1fffffff, "NET_ADMIN NET_RAW"},
		{0x1fffffff, 0x1fffffff, "all"},
		/* It has more than we. */
		{0x3, 0x1, "all"},
		{UINT64_C(1) << 63, 0x1, "63"},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		NSN_AUTO(nsn_arena_free) struct nsn_arena mem = {0};

		assert_string_equal(nsn_stranger_caps(&mem, table[i].caps, table[i].all),
				    table[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_and_remedies),
		cmocka_unit_test(capabilities_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
