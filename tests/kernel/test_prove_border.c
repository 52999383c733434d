// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/predict.h"
#include "../../lib/proof.h"
#include "../../lib/verify/differ.h"
#include "../../lib/verify/prove.h"
#include "../lib/border.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * The prover on what nsnet itself has built across the border: a host with an internet, a LAN and
 * containers (border.sh), tenants that reach some of it and publish something. It is proved as it
 * is; each fault that is planted, on the host or in a gateway, is told by its kind and its cause.
 */

static struct nsnet *n;

#define BECAUSE " -q --because test; "
#define TOOL	"\"$NSNET_BIN\" "
/* UP, NEAR, PORT: ann's uplink, its address there, the port of what db publishes; MARK: may pass */
static const char site_script[] = TOOL
	"tenant add -q ann 10.10.1.0/24; " TOOL "endpoint add -q ann/web; " TOOL
	"endpoint add -q ann/db; " TOOL "tenant add -q bob 10.10.2.0/24 ; " TOOL
	"tenant add -q cat 10.10.3.0/24; " TOOL "allow ann/web internet tcp/443" BECAUSE TOOL
	"allow ann/web host tcp/22" BECAUSE TOOL "allow ann/web bob tcp/80" BECAUSE TOOL
	"allow ann/db 192.168.50.0/24 tcp/25" BECAUSE TOOL
	"publish ann/db 192.0.2.10:8443:443" BECAUSE
	"ls /run/nsnet/gw/*-1 | sed 's/^/GA=/' >/run/names; . /run/names; "
	"nft list map inet nsnet nsnet_published4 | sed -n "
	"'s/.*192.0.2.10 . tcp . 8443.* : \\([0-9.]*\\) . \\([0-9]*\\) .*/NEAR=\\1\\nPORT=\\2/p' "
	">>/run/names; . /run/names; "
	"nft list set inet nsnet nsnet_from4 | tr ',' '\\n' | sed -n "
	"\"s/.*\\\"\\(nsn[0-9]*\\)\\\" . $NEAR\\b.*/UP=\\1/p\" >>/run/names; "
	"nsenter --net=$GA nft list map inet nsnet nsnet_flow4 | sed -n "
	"'s/.* 1.0.0.0-9.*comment \"ann-web.* : \\(0x[0-9a-f]*\\).*/MARK=\\1/p' >>/run/names; "
	"cat /run/names";

static int build(void **state)
{
	char *names;

	world_setup(state);
	if (geteuid() != 0)
		return 0;
	assert_int_equal(setenv("NSNET_BIN", nsnet_bin(), 1), 0);
	border_sh("make none");
	names = lab_sh("set -e\n%s", site_script);
	LAB_HAS(names, "GA=/run");
	LAB_HAS(names, "NEAR=100");
	LAB_HAS(names, "PORT=");
	LAB_HAS(names, "UP=nsn");
	LAB_HAS(names, "MARK=0x");
	free(names);
	n = lab_open();
	return 0;
}

static int drop(void **state)
{
	(void)state;
	nsnet_close(n);
	return 0;
}

/* ---- looking -------------------------------------------------------------------------------- */

/* Verdict, findings and their evidence, and pairs, as text. */
static char *told(const struct nsn_report *r, const struct nsn_intent *in)
{
	static const char *const words[] = {"PROVED", "NOTE", "INCONCLUSIVE", "VIOLATION"};
	enum nsn_outcome worst = r->unlisted;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	for (size_t i = 0; i < r->findings.n; i++)
		if (nsn_finding_outcome(r->findings.list[i].kind) > worst)
			worst = nsn_finding_outcome(r->findings.list[i].kind);
	(void)fprintf(f, "%s\n", words[worst]);
	for (size_t i = 0; i < r->findings.n; i++) {
		const struct nsn_finding *x = &r->findings.list[i];

		if (nsn_finding_outcome(x->kind) == NSN_NOTE && x->kind != NSN_FIND_DENIED_TOO_MUCH)
			continue;
		(void)fprintf(f, "%s: %s\n", nsn_finding_name(x->kind), x->what);
		for (size_t k = 0; k < x->n_evidence; k++)
			(void)fprintf(f, "    %s\n", x->evidence[k]);
		(void)fprintf(f, "  hint: %s\n", x->hint);
	}
	for (size_t i = 0; i < r->n_pairs; i++) {
		const struct nsn_proved_pair *x = &r->pairs[i];
		const char *const ends[] = {"internet", "host"};
		const size_t m = in->n_tenants;

		(void)fprintf(f, "pair %s>%s %s [%s]\n",
			      x->from < m ? in->tenants[x->from].name : ends[x->from - m],
			      x->to < m ? in->tenants[x->to].name : ends[x->to - m],
			      words[x->outcome], x->allows);
	}
	assert_int_equal(fclose(f), 0);
	return text;
}

static char *prove(void)
{
	NSN_AUTO(nsn_given_close) struct nsn_given g = {0};
	NSN_AUTO(nsn_report_clear) struct nsn_report report = {0};
	const struct nsn_prove_how how = {.seconds = 120};
	struct nsnet_err err = {0};

	LAB_OK(nsn_given_open(&g, n, NULL, &err));
	LAB_OK(nsn_prove(&g.snap, &g.intent, &how, &report, &err));
	return told(&report, &g.intent);
}

static void what_is_right_is_proved(void **state)
{
	char *text;

	(void)state;
	world_need();
	text = prove();
	if (getenv("NSNET_TEST_TELL"))
		print_message("%s", text);
	if (strncmp(text, "PROVED\n", 7) != 0)
		fail_msg("not proved:\n%s", text);
	LAB_HAS(text, "pair ann>internet PROVED [");
	LAB_HAS(text, "pair ann>host PROVED [tcp/22]");
	LAB_HAS(text, "pair internet>ann PROVED [");
	assert_null(strstr(text, "DENIED_TOO_MUCH"));
	free(text);
}

static void one_packet_is_explained(void **state)
{
	static const struct {
		const char *ask, *want;
	} asks[] = {
		{"ann/web 9.9.9.9 tcp/443", "ALLOWED"},
		{"ann/web 9.9.9.9 tcp/444", "BLOCKED"},
		{"ann/db 9.9.9.9 tcp/443", "BLOCKED"},
		{"ann/web host tcp/22", "ALLOWED"},
		{"ann/db host tcp/22", "BLOCKED"},
		{"ann/db 192.168.50.20 tcp/25", "ALLOWED"},
		{"ann/web 203.0.114.20 tcp/443", "BLOCKED"},
		{"internet ann/db tcp/443", "ALLOWED"},
		{"172.17.0.2 ann/db tcp/443", "BLOCKED"},
		{"bob 9.9.9.9 tcp/443", "BLOCKED"},
	};
	char *text;

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(asks); i++) {
		text = lab_sh("%s explain %s | head -1", nsnet_bin(), asks[i].ask);
		if (!strstr(text, asks[i].want))
			fail_msg("%s: not %s: %s", asks[i].ask, asks[i].want, text);
		free(text);
	}
	text = lab_sh("%s who-can ann/db", nsnet_bin());
	LAB_HAS(text, "internet  tcp/443  yes");
	assert_null(strstr(text, "INCONCLUSIVE"));
	free(text);
}

/* What opens and closes were this file applied, without a limit of time. */
static char *opened_by(const char *file)
{
	NSN_AUTO(nsn_given_close) struct nsn_given g = {0};
	NSN_AUTO(nsn_foreseen_clear) struct nsn_foreseen f = {0};
	NSN_AUTO(nsn_differences_clear) struct nsn_differences d = {0};
	const struct nsn_differ_how how = {0};
	struct nsnet_policies *p = NULL;
	struct nsnet_err err = {0};
	char *yaml = lab_sh("cat %s", file), *text = NULL;
	const struct nsnet_policy_text from = {
		.file = file, .text = yaml, .len = strlen(yaml), .set = file};
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	LAB_OK(nsnet_policies_parse(&p, &from, 1, NULL, time(NULL), &err));
	assert_int_equal(nsnet_policies_errors(p), 0);
	LAB_OK(nsn_store_lock(n->store, &err));
	LAB_OK(nsn_given_read(&g, n, &err));
	LAB_OK(nsn_foresee(&f, n, nsn_policies_set(p), false, &g.snap, &err));
	nsn_store_unlock(n->store);
	LAB_OK(nsn_compare_snaps(&g.snap, &g.intent, &f.snap, &f.borders.all.intent, &how, &d,
				 &err));
	for (size_t i = 0; i < d.n; i++)
		(void)fprintf(out, "%s %s -> %s %s\n", d.list[i].opens ? "opens" : "closes",
			      d.list[i].from, d.list[i].to, d.list[i].ports[0]);
	(void)fprintf(out, "%zu of %zu, unsure %zu\n", d.n_open, d.n, d.n_unsure);
	assert_int_equal(fclose(out), 0);
	nsnet_policies_free(p);
	free(yaml);
	return text;
}

static void a_plan_tells_what_opens(void **state)
{
	char *text;

	(void)state;
	world_need();
	free(lab_sh(
		"%s export >/run/all.yaml; "
		"sed -e 's/allow: tcp.25/allow: tcp\\/26/' -e 's/allow: tcp.22/allow: udp\\/53/' "
		"/run/all.yaml >/run/new.yaml; "
		"printf '%%s\\n' '- name: cat-out' '  allow: tcp/443' '  from: cat' '  to: "
		"internet' "
		"'  because: x' '- name: cat-in' '  allow: tcp/70' '  from: internet' "
		"'  to: cat/default' '  publish: \"70\"' '  because: x' >>/run/new.yaml",
		nsnet_bin()));
	text = opened_by("/run/new.yaml");
	assert_string_equal(text, "opens ann/db -> outside tcp/26\n"
				  "opens ann/web -> host udp/53\n"
				  "opens cat -> internet tcp/443\n"
				  "opens internet -> cat tcp/70\n"
				  "closes ann/db -> outside tcp/25\n"
				  "closes ann/web -> host tcp/22\n"
				  "4 of 6, unsure 0\n");
	free(text);
}

/* ---- faults --------------------------------------------------------------------------------- */

struct plant {
	const char *make, *undo;
	const char *want[4]; /* what is told begins with the first, and has the others */
};

#define GA	  "nsenter --net=$GA "
#define FLOW(key) GA "nft add element inet nsnet nsnet_flow4 \"{ " key " : $MARK }\""
#define DELETE(chain, comment)                                                                     \
	"nft delete rule inet nsnet " chain " handle $(nft -a list chain inet nsnet " chain        \
	" | sed -n 's/.*\"" comment "\".* # handle //p')"

static struct plant plants[] = {
	/* Nobody masquerades; what belongs to no connection is let out. */
	{"nft flush chain inet nsnet postrouting",
	 ":",
	 {"VIOLATION", "SPOOFED_EGRESS: ann -> ", "packet: 10.10.1."}},
	{DELETE("nsnet_out", "what cannot be translated"),
	 ":",
	 {"VIOLATION", "SPOOFED_EGRESS: ann -> ", "(invalid)"}},
	/* Whose is it? is not asked, and a gateway does not translate. */
	{"nft flush chain inet nsnet nsnet_uplink; " GA
	 "nft delete element inet nsnet nsnet_snat4 \"{ $UP }\"",
	 ":",
	 {"VIOLATION", "SPOOFED_EGRESS: ann -> ", "packet: 10.10.1."}},
	/* Published at another port; led to another endpoint. */
	{"nft add element inet nsnet nsnet_published4 "
	 "\"{ 192.0.2.10 . tcp . 9443 : $NEAR . $PORT }\"",
	 ":",
	 {"VIOLATION", "UNEXPECTED_ALLOW: internet -> ann/db", "-> 192.0.2.10 tcp/9443 (new)"}},
	{GA "nft delete element inet nsnet nsnet_publish4 \"{ $NEAR . tcp . $PORT }\"; " GA
	    "nft add element inet nsnet nsnet_publish4 "
	    "\"{ $NEAR . tcp . $PORT : 10.10.1.2 . 443 }\"; " FLOW(
		    "9.0.0.0-9.255.255.255 . 10.10.1.2 . tcp . 443"),
	 ":",
	 {"VIOLATION", "UNEXPECTED_ALLOW: internet -> ann/default", "10.10.1.2 tcp/443 (new)"}},
	/* A gateway lets more out than policy does, where the host cannot tell. */
	{FLOW("10.10.1.4 . 192.168.50.20 . tcp . 22"),
	 ":",
	 {"VIOLATION", "REACHES_OUTSIDE: ann -> ", "10.10.1.4 -> 192.168.50.20 tcp/22 (new)"}},
	/* The host's services are open. */
	{"nft insert rule inet nsnet nsnet_input accept; " FLOW(
		 "10.10.1.4 . 192.168.50.10 . tcp . 25"),
	 ":",
	 {"VIOLATION", "REACHES_HOST: ann -> host", "10.10.1.4 -> 192.168.50.10 tcp/25 (new)",
	  "host: ip input: inet nsnet chain nsnet_input handle"}},
	/* What is on a link by a route that appeared is no internet: the host does not lead there.
	 */
	{"ip route add 5.5.5.0/24 dev eth1; "
	 "nft insert rule inet nsnet nsnet_out ip daddr 5.5.5.0/24 accept",
	 "ip route del 5.5.5.0/24",
	 {"VIOLATION", "REACHES_OUTSIDE: ann -> ", "10.10.1.3 -> 5.5.5."}},
	/* What comes for an address of an uplink by itself. */
	{"nft flush chain inet nsnet prerouting; nft insert rule inet nsnet nsnet_in accept",
	 ":",
	 {"VIOLATION", "UNEXPECTED_ALLOW: internet -> ann/", "(new)"}},
	/* Containers with the host's name. */
	{"nft flush chain inet nsnet keep_source", ":", {"VIOLATION", "STALE_FLOW: "}},
	/* What cannot be modelled on the way out. */
	{"nft -f - <<R\ntable ip leak { chain c { type filter hook prerouting priority 0; iifname "
	 "$UP meta l4proto tcp tproxy to 127.0.0.1:80; }; }\nR\n",
	 "nft delete table ip leak",
	 {"INCONCLUSIVE", "UNMODELLED: host: tproxy"}},
};

static void planted(void **state)
{
	const struct plant *x = *state;
	char *text;

	world_need();
	free(lab_sh("set -e; . /run/names\n%s", x->make));
	text = prove();
	if (getenv("NSNET_TEST_TELL"))
		print_message("---- %s\n%s", x->make, text);
	free(lab_sh("set -e; %s; " TOOL "-q repair", x->undo));
	if (strncmp(text, x->want[0], strlen(x->want[0])) != 0)
		fail_msg("%s: not %s\n%s", x->make, x->want[0], text);
	for (size_t i = 1; i < NSN_COUNT(x->want) && x->want[i]; i++)
		if (!strstr(text, x->want[i]))
			fail_msg("%s: no '%s' in\n%s", x->make, x->want[i], text);
	free(text);
}

/* Waits for it, and for whoever ends before. */
static int ended(pid_t pid)
{
	int status = 0;

	for (pid_t other = 0; other != pid;) {
		other = waitpid(-1, &status, 0);
		assert_true(other > 0 || errno == EINTR);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[4 + NSN_COUNT(plants)] = {
		cmocka_unit_test(what_is_right_is_proved),
		cmocka_unit_test(one_packet_is_explained),
		cmocka_unit_test(a_plan_tells_what_opens)};
	int failed;
	pid_t pid;

	for (size_t i = 0; i < NSN_COUNT(plants); i++)
		tests[3 + i] = (struct CMUnitTest){
			.name = "faults", .test_func = planted, .initial_state = &plants[i]};
	/* All faults were mended. */
	tests[3 + NSN_COUNT(plants)] = (struct CMUnitTest)cmocka_unit_test(what_is_right_is_proved);
	world_filter(argc, argv);
	if (geteuid() == 0) {
		/* Among processes of its own: other worlds of this machine are not seen. */
		assert_int_equal(unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET), 0);
		pid = fork();
		assert_true(pid >= 0);
		/* Not return: the sanitizer's look for leaks starts a process, where none can. */
		if (pid > 0)
			_exit(ended(pid));
		assert_int_equal(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
		assert_int_equal(mount("proc", "/proc", "proc", 0, NULL), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid > 0)
			_exit(ended(pid));
	}
	failed = cmocka_run_group_tests(tests, build, drop);
	(void)fflush(NULL);
	_exit(failed);
}
