// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose a process is, by its control group. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/verify/party.h"

#define ID    "3f2a1b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708"
#define OTHER "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const struct {
	const char *cgroups, *hostname, *says, *pod;
} table[] = {
	/* docker, by systemd and by itself */
	{"0::/system.slice/docker-" ID ".scope\n", "web", "web (docker 3f2a1b4c5d6e)", ""},
	{"0::/system.slice/docker-" ID ".scope\n", "3f2a1b4c5d6e", "docker 3f2a1b4c5d6e", ""},
	{"12:pids:/docker/" ID "\n0::/\n", "", "docker 3f2a1b4c5d6e", ""},
	/* systemd in a container: what runs in it is the container's */
	{"0::/system.slice/docker-" ID ".scope/system.slice/nginx.service\n", "",
	 "docker 3f2a1b4c5d6e", ""},
	/* a container in a container: the outer one */
	{"0::/system.slice/docker-" ID ".scope/docker/" OTHER "\n", "", "docker 3f2a1b4c5d6e", ""},
	/* podman, of a user too; its monitor is the host's */
	{"0::/machine.slice/libpod-" ID ".scope/container\n", "db", "db (podman 3f2a1b4c5d6e)", ""},
	{"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope\n", "",
	 "podman 3f2a1b4c5d6e", ""},
	{"1:name=systemd:/libpod_parent/libpod-" ID "\n", "", "podman 3f2a1b4c5d6e", ""},
	{"0::/machine.slice/libpod-conmon-" ID ".scope\n", "", "libpod-conmon-" ID ".scope", ""},
	/* Kubernetes: containerd and CRI-O, by systemd and by itself */
	{"0::/kubepods.slice/kubepods-besteffort.slice/"
	 "kubepods-besteffort-pod0a1b_2c3d.slice/cri-containerd-" ID ".scope\n",
	 "", "containerd 3f2a1b4c5d6e", "0a1b-2c3d"},
	{"0::/kubepods/burstable/pod0a1b-2c3d/" ID "\n", "", "containerd 3f2a1b4c5d6e",
	 "0a1b-2c3d"},
	{"0::/kubepods.slice/kubepods-pod9.slice/crio-" ID ".scope\n", "", "cri-o 3f2a1b4c5d6e",
	 "9"},
	/* others */
	{"0::/lxc.payload.blue/system.slice\n", "", "lxc blue", ""},
	{"0::/machine.slice/machine-vm1.scope\n", "", "machine vm1", ""},
	{"0::/machine.slice/systemd-nspawn@box.service/payload\n", "", "nspawn box", ""},
	/* no container: the innermost unit */
	{"0::/system.slice/nginx.service\n", "host", "nginx.service", ""},
	{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope\n", "", "x.scope", ""},
	{"0::/\n", "", "", ""},
	{"", "", "", ""},
	{"garbage", "", "", ""},
	/* a unit of somebody who would like to be a container */
	{"0::/user.slice/docker-evil.scope\n", "", "docker-evil.scope", ""},
	{"0::/user.slice/docker-" ID "\x1b[2J.scope\n", "", "docker-" ID "\\x1b[2J.scope", ""},
	/* a name that says what it is not: shown, not sent to a terminal */
	{"0::/system.slice/docker-" ID ".scope\n", "a\x1b[1m", "a\\x1b[1m (docker 3f2a1b4c5d6e)",
	 ""},
};

static void test_table(void **state)
{
	char buf[NSN_PARTY_STRLEN];
	struct nsn_party p;

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		nsn_party_of(table[i].cgroups, &p);
		assert_string_equal(nsn_party_str(&p, table[i].hostname, buf), table[i].says);
		assert_string_equal(p.pod, table[i].pod);
	}
}

/* In the middle of a text, which goes on behind it. */
static void put(char *at, const char *part)
{
	while (*part)
		*at++ = *part++;
}

static void test_long(void **state)
{
	char text[1024], buf[NSN_PARTY_STRLEN];
	struct nsn_party p;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	put(text, "0::/");
	put(text + sizeof(text) - 9, ".service");
	nsn_party_of(text, &p);
	assert_int_equal(strlen(p.unit), NSN_PARTY_UNIT);
	assert_true(strlen(nsn_party_str(&p, NULL, buf)) < sizeof(buf));
	put(text, "0::/lxc/");
	nsn_party_of(text, &p);
	assert_int_equal(strlen(p.id), NSN_PARTY_ID);
	assert_true(nsn_party_is_container(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
