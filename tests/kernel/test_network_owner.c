// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/nsfs.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/spawn/confine.h"
#include "../lib/lab.h"
#include "../lib/ward.h"
#include "../lib/world.h"

/*
 * A tenant's network belongs to the host's user namespace, so root with all capabilities inside a
 * workload is a guest in it. owner.py tries what only the owner may, and says what came of it; it
 * is tried by owners, too, the host's root and the root of a user namespace that made its network:
 * an act that nobody can do proves nothing.
 */

#define MAX_SCRIPT 32768
#define MAX_WORDS  160
#define ACTS	   50 /* at least */

static struct nsnet *n;
static char script[MAX_SCRIPT]; /* owner.py: a workload does not see the file */

/* What there is of the tenant's network, in both namespaces. */
#define LOOK                                                                                       \
	"for ns in /run/netns/blue %s; do nsenter --net=$ns sh -c '"                               \
	"ip -d link show; ip addr show; ip route show table all; ip -6 route show table all;"      \
	"ip rule; nft list ruleset; tc qdisc; sysctl -a 2>/dev/null | grep -e ip_forward"          \
	" -e unprivileged_port -e ping_group -e arp_ignore' ; done"                                \
	"| sed -e 's/packets [0-9]* bytes.*//' -e 's/expires.*//' -e 's/valid_lft.*//' -e "        \
	"'s/_timer "                                                                               \
	"*[0-9.]*//g'"

static void look(const char *file)
{
	free(lab_sh("{ " LOOK "; } >%s", lab_gateway(n, "blue"), file));
}

static int build(void **state)
{
	char *text;

	world_setup(state);
	if (geteuid() != 0)
		return 0;
	NSNET_STATUS(0, "tenant", "add", "blue", "10.10.1.0/24", "--subnet6", "fd00:1::/64");
	n = lab_open();
	text = lab_sh("cat \"$NSNET_SRC/tests/kernel/owner.py\"");
	snprintf(script, sizeof(script), "%s", text);
	free(text);
	free(lab_sh("echo '{\"defaultAction\": \"SCMP_ACT_ALLOW\"}' >/run/all.json"));
	/* A neighbour that is asked for later would be a difference. */
	assert_true(lab_ping("/run/netns/blue", "10.10.1.1"));
	look("/run/before");
	return 0;
}

static int drop(void **state)
{
	(void)state;
	nsnet_close(n);
	return 0;
}

/* ---- what was said ------------------------------------------------------------------------- */

/* Calls @fits for each line "ACT WORD" of @text. */
static void each_act(const char *text, bool (*fits)(const char *act, const char *word))
{
	char *copy = strdup(text), *rest = copy, *line;
	unsigned int acts = 0;

	while ((line = strsep(&rest, "\n")) && *line) {
		char *word = strchr(line, ' ');

		assert_non_null(word);
		*word++ = '\0';
		acts++;
		if (!fits(line, word))
			fail_msg("%s: %s, of\n%s", line, word, text);
	}
	free(copy);
	if (acts < ACTS)
		fail_msg("%u acts: %s", acts, text);
}

static bool done(const char *act, const char *word)
{
	(void)act;
	return strcmp(word, "ok") == 0;
}

/* Not for want of a link, a module or a program. A network of its own shows that. */
static bool forbidden(const char *act, const char *word)
{
	if (strcmp(act, "own-network") == 0)
		return strcmp(word, "ok") == 0;
	return strcmp(word, "EPERM") == 0 || strcmp(word, "EACCES") == 0;
}

/* With nsnet's own filter some do not even get a socket. */
static bool not_done(const char *act, const char *word)
{
	return strcmp(act, "own-network") == 0 || strcmp(word, "ok") != 0;
}

static bool nothing_done(const char *act, const char *word)
{
	(void)act;
	return strcmp(word, "ok") != 0;
}

/* ---- the acts ------------------------------------------------------------------------------ */

/* Runs owner.py in blue with @options and, @all, every capability there is. */
static void workload(struct run *r, bool all, const char *const options[])
{
	const char *words[MAX_WORDS] = {nsnet_bin(), "run", "blue", "-q"};
	size_t at = 4;

	for (int cap = 0; all && nsn_cap_name(cap); cap++) {
		words[at++] = "--cap-add";
		words[at++] = nsn_cap_name(cap);
	}
	while (*options)
		words[at++] = *options++;
	words[at++] = "--";
	words[at++] = "python3";
	words[at++] = "-c";
	words[at++] = script;
	words[at] = NULL;
	assert_true(at < MAX_WORDS);
	run_cmd(r, 120000, words);
	if (r->status != 0)
		fail_msg("status %d: %s %s", r->status, r->out, r->err);
}
#define WORKLOAD(r, all, ...) workload(r, all, (const char *const[]){__VA_ARGS__, NULL})

static void nothing_changed(void)
{
	struct run r;

	look("/run/now");
	RUN(&r, "diff", "/run/before", "/run/now");
	if (r.status != 0)
		fail_msg("%s", r.out);
	run_free(&r);
	lab_state(n, "blue", NSNET_STATE_OK);
}

static void control_the_owner_may(void **state)
{
	struct run r;

	(void)state;
	world_need();
	RUN(&r, "unshare", "-n", "python3", "-c", script, "stage");
	each_act(r.out, done);
	run_free(&r);
}

/* The other order of namespaces: user first, and what comes then is its own. */
static void control_who_makes_it_inside_may(void **state)
{
	struct run r;

	(void)state;
	world_need();
	RUN(&r, "unshare", "-Urn", "python3", "-c", script, "stage");
	each_act(r.out, done);
	run_free(&r);
}

static void root_with_all_capabilities_may_not(void **state)
{
	struct run r;

	(void)state;
	world_need();
	WORKLOAD(&r, true, "--user", "0", "--seccomp", "/run/all.json", "--because", "a test",
		 "--dangerous");
	each_act(r.out, forbidden);
	run_free(&r);
	nothing_changed();
}

static void nor_with_the_usual_filter(void **state)
{
	struct run r;

	(void)state;
	world_need();
	WORKLOAD(&r, true, "--because", "a test", "--dangerous");
	each_act(r.out, not_done);
	run_free(&r);
	nothing_changed();
}

static void nor_another_user_or_with_none(void **state)
{
	struct run r;

	(void)state;
	world_need();
	WORKLOAD(&r, true, "--user", "1000", "--seccomp", "/run/all.json", "--because", "a test",
		 "--dangerous");
	each_act(r.out, forbidden);
	run_free(&r);
	WORKLOAD(&r, false, "--user", "0");
	each_act(r.out, nothing_done);
	run_free(&r);
	nothing_changed();
}

/* ---- into another network ------------------------------------------------------------------ */

enum { GATEWAY, HOST, OWN, NETS };
#define FIRST 40 /* the numbers that they have inside */

/* Prints what came of each: 0 or an errno. */
static int go_elsewhere(void *arg)
{
	(void)arg;
	for (int i = 0; i < NETS; i++) {
		const int owner = ioctl(FIRST + i, NS_GET_USERNS);

		printf("owner%d %d\n", i, owner < 0 ? errno : 0);
		printf("setns%d %d\n", i, setns(FIRST + i, CLONE_NEWNET) < 0 ? errno : 0);
	}
	printf("pidfd %d\n", setns(FIRST + NETS, CLONE_NEWNET) < 0 ? errno : 0);
	printf("user %d\n", unshare(CLONE_NEWUSER) < 0 ? errno : 0);
	return fflush(stdout) == 0 ? 0 : 1;
}

static void open_nets(int fds[NETS + 1])
{
	const char *const paths[] = {
		[GATEWAY] = lab_gateway(n, "blue"),
		[HOST] = "/proc/self/ns/net",
		[OWN] = "/run/netns/blue",
	};

	for (int i = 0; i < NETS; i++) {
		const int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

		fds[i] = FIRST + i;
		assert_int_equal(dup3(fd, fds[i], O_CLOEXEC), fds[i]);
		close(fd);
	}
	fds[NETS] = FIRST + NETS;
	assert_int_equal(dup3((int)syscall(SYS_pidfd_open, getpid(), 0), fds[NETS], O_CLOEXEC),
			 fds[NETS]);
}

/* A descriptor of a network, from whomever, is no way into it. nsnet gives away none. */
static void nobody_goes_to_another(void **state)
{
	int fds[NETS + 1];
	const struct ward_entry what = {.netns = "/run/netns/blue",
					.entry = go_elsewhere,
					.caps = ward_all_caps(),
					.filter = &ward_no_filter,
					.fds = fds,
					.n_fds = NSN_COUNT(fds)};
	struct ran ran;

	(void)state;
	world_need();
	open_nets(fds);
	ward_entry(&ran, &what);
	lab_ok(ran.r, &ran.err, "ward_entry", __FILE__, __LINE__);
	/* 28, ENOSPC: none are left to be made, not even for who has all capabilities. */
	assert_string_equal(ran.out, "owner0 1\nsetns0 1\nowner1 1\nsetns1 1\nowner2 1\nsetns2 1\n"
				     "pidfd 1\nuser 28\n");
	ran_done(&ran);
	for (size_t i = 0; i < NSN_COUNT(fds); i++)
		close(fds[i]);
}

static void control_the_host_goes_there(void **state)
{
	int fds[NETS + 1], out[2];
	char text[512] = "";
	ssize_t got;
	pid_t pid;

	(void)state;
	world_need();
	open_nets(fds);
	assert_int_equal(pipe(out), 0);
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		(void)dup2(out[1], STDOUT_FILENO);
		_exit(go_elsewhere(NULL));
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	got = read(out[0], text, sizeof(text) - 1);
	assert_true(got > 0);
	assert_string_equal(text, "owner0 0\nsetns0 0\nowner1 0\nsetns1 0\nowner2 0\nsetns2 0\n"
				  "pidfd 0\nuser 0\n");
	for (size_t i = 0; i < NSN_COUNT(fds); i++)
		close(fds[i]);
	close(out[0]);
	close(out[1]);
}

/* ---- what everybody may -------------------------------------------------------------------- */

static const char serve[] =
	"import socket as s\n"
	"for fam, at in ((s.AF_INET, '10.10.1.2'), (s.AF_INET6, 'fd00:1::2')):\n"
	"    for kind, ports in ((s.SOCK_STREAM, (1, 80, 443)), (s.SOCK_DGRAM, (53, 123))):\n"
	"        for port in ports:\n"
	"            with s.socket(fam, kind) as x:\n"
	"                x.setsockopt(s.SOL_SOCKET, s.SO_REUSEADDR, 1)\n"
	"                try:\n"
	"                    x.bind((at, port)); print('bound', port)\n"
	"                except OSError as e: print('bind', port, e)\n"
	"for fam, proto, echo, to in ((s.AF_INET, s.IPPROTO_ICMP, 8, '10.10.1.1'),\n"
	"                             (s.AF_INET6, s.IPPROTO_ICMPV6, 128, 'fd00:1::1')):\n"
	"    try:\n"
	"        with s.socket(fam, s.SOCK_DGRAM, proto) as x:\n"
	"            x.settimeout(10)\n"
	"            x.sendto(bytes((echo, 0, 0, 0, 0, 0, 0, 1)) + b'hello', (to, 0))\n"
	"            print('pinged', x.recv(99)[-5:] == b'hello')\n"
	"    except OSError as e: print('ping', e)\n";

#define BOUND "bound 1\nbound 80\nbound 443\nbound 53\nbound 123\n"

static void low_ports_and_ping(void **state)
{
	struct run r;

	(void)state;
	world_need();
	NSNET(&r, "run", "blue", "--user", "1000", "--", "python3", "-c", serve);
	assert_string_equal(r.out, BOUND BOUND "pinged True\npinged True\n");
	run_free(&r);
	/* It is these two sysctls, of the tenant's network; the host may. */
	free(lab_sh("nsenter --net=/run/netns/blue sysctl -w net.ipv4.ip_unprivileged_port_start="
		    "1024 'net.ipv4.ping_group_range=1 0'"));
	NSNET(&r, "run", "blue", "--user", "1000", "--", "python3", "-c", serve);
	LAB_HAS(r.out, "bind 80 [Errno 13]");
	LAB_HAS(r.out, "ping [Errno 13]");
	assert_null(strstr(r.out, "bound"));
	assert_null(strstr(r.out, "pinged"));
	run_free(&r);
	lab_repair(n, "blue", NSNET_REPAIRED);
	nothing_changed();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_the_owner_may),
		cmocka_unit_test(control_who_makes_it_inside_may),
		cmocka_unit_test(root_with_all_capabilities_may_not),
		cmocka_unit_test(nor_with_the_usual_filter),
		cmocka_unit_test(nor_another_user_or_with_none),
		cmocka_unit_test(control_the_host_goes_there),
		cmocka_unit_test(nobody_goes_to_another),
		cmocka_unit_test(low_ports_and_ping),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, build, drop);
}
