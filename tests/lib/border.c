// SPDX-License-Identifier: GPL-2.0-or-later
#include "border.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab.h"
#include "world.h"

#define SCRIPT "bash \"$NSNET_SRC/tests/lib/border.sh\" "

/* Who is there besides the tenants, and where. */
static const char *const others[] = {
	"serve internet 9.9.9.9 1.1.1.1 5.5.5.5 6.6.6.6 169.254.169.254 10.99.0.1 192.0.2.1 "
	"2620:fe::fe 2606:4700:4700::1111 2a00:5:5::5 fd00:ec2::254 2001:db8:2::1",
	"serve far 8.8.8.8 2001:4860:4860::8888",
	"serve lan 192.168.50.20 fd00:50::20",
	"serve storage 203.0.114.20 2a02:114::20",
	"serve container 172.17.0.2 fd00:17::2",
	"serve-any host 192.0.2.10 203.0.113.10 192.168.50.10 203.0.114.10 172.17.0.1 "
	"2001:db8:2::10 2001:db8:113::10 fd00:50::10 2a02:114::10 fd00:17::1",
};

/* The addresses from which they ask themselves whether they listen. */
#define OWN_HOST                                                                                   \
	"192.0.2.10 203.0.113.10 192.168.50.10 203.0.114.10 172.17.0.1 2001:db8:2::10 "            \
	"2001:db8:113::10 fd00:50::10 2a02:114::10 fd00:17::1"
#define OWN_LAN	      "192.168.50.20 fd00:50::20"
#define OWN_STORAGE   "203.0.114.20 2a02:114::20"
#define OWN_CONTAINER "172.17.0.2 fd00:17::2"

void border_sh(const char *what)
{
	char *text = lab_sh(SCRIPT "%s", what);

	free(text);
}

char *border_dump(void)
{
	return lab_sh(SCRIPT "dump");
}

void border_is(const char *want, const char *when)
{
	char *now = border_dump(), *diff;
	FILE *a, *b;

	if (strcmp(now, want) == 0) {
		free(now);
		return;
	}
	a = fopen("/run/border.want", "we");
	b = fopen("/run/border.now", "we");
	assert_non_null(a);
	assert_non_null(b);
	(void)fputs(want, a);
	(void)fputs(now, b);
	(void)fclose(a);
	(void)fclose(b);
	diff = lab_sh("diff /run/border.want /run/border.now | grep '^[<>]' | head -40");
	print_error("the host, %s:\n%s\n", when, diff);
	free(diff);
	free(now);
	fail();
}

void border_build(struct border *b, const char *forwarding, const struct nsnet_tenant_def *defs,
		  size_t n_defs)
{
	char what[64];
	size_t i;

	world_need();
	/* Of a test that failed. */
	peers_stop(&b->peers);
	free(b->before);
	(void)snprintf(what, sizeof(what), "make %s", forwarding);
	border_sh(what);
	b->before = border_dump();
	if (n_defs <= PEERS_TENANTS) {
		b->n = peers_build(&b->peers, defs, n_defs);
	} else {
		b->n = lab_open();
		LAB_OK(nsnet_tenants_add(b->n, defs, n_defs, 0, NULL, NULL));
		peers_start(&b->peers);
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		TELL(&b->peers, others[i]);
}

void border_end(struct border *b)
{
	char *text;

	peers_stop(&b->peers);
	NSNET_STATUS(0, "-q", "tenant", "del", "-y", "--all", "--with-rules");
	assert_int_equal(lab_count(b->n), 0);
	text = rule_rows();
	assert_string_equal(text, "0 0 0");
	free(text);
	text = lab_sh("ls /run/nsnet/gw; ip -o link | grep ' nsn' || :");
	assert_string_equal(text, "");
	free(text);
	nsnet_close(b->n);
	border_is(b->before, "after all tenants");
	free(b->before);
	b->before = NULL;
}

void border_refused(int status, const char *part, const char *const argv[])
{
	struct run r;

	run_cmd(&r, 120000, argv);
	if (r.status != status || !strstr(r.err, part))
		fail_msg("%s %s: status %d, not %d, and \"%s\" in: %s%s", argv[1], argv[2],
			 r.status, status, part, r.out, r.err);
	run_free(&r);
}

/* ---- what must stay closed ---------------------------------------------------------------- */

/* Link-local addresses of the host's, asked for on the link of who asks. */
static void link_local(struct border *b, const char *who)
{
	char *list = lab_sh("ip -6 -o addr show scope link | "
			    "sed -n 's/.* inet6 \\(fe80[^/]*\\).*/\\1/p'");
	char *save = NULL, *one;

	for (one = strtok_r(list, "\n", &save); one; one = strtok_r(NULL, "\n", &save))
		ASK(b, "~ %s %s%%eth0 tcp/80,udp/53", who, one);
	ASK(b, "~ %s fe80::1%%eth0 tcp/80,udp/53", who);
	free(list);
}

/* Nobody but the place itself has reached it. */
static void not_heard(struct border *b, const char *place, const char *own)
{
	peers_is(&b->peers, "nothing", __FILE__, __LINE__, "heard %s %s", place, own);
}

void border_closed(struct border *b, const char *who, const char *but)
{
	static const char ports[] = "tcp/80,tcp/443,udp/53,icmp";
	static const struct {
		const char *name, *own;
	} places[] = {{"host", OWN_HOST},
		      {"lan", OWN_LAN},
		      {"storage", OWN_STORAGE},
		      {"container", OWN_CONTAINER}};
	static const char *const behind[] = {"169.254.169.254", "10.99.0.1", "192.0.2.1",
					     "fd00:ec2::254", "2001:db8:2::1"};
	static const char *const tenants[] = {APP, WORK, DB, WEB, DNS};
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		free(peers_ask(&b->peers, "heard %s", places[i].name));
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!but || strcmp(but, places[i].name) != 0)
			ASK(b, "- %s %s %s", who, places[i].name, ports);
	for (i = 0; i < sizeof(behind) / sizeof(behind[0]); i++)
		ASK(b, "- %s %s %s", who, behind[i], ports);
	for (i = 0; i < sizeof(tenants) / sizeof(tenants[0]); i++)
		if (strncmp(who, tenants[i], strcspn(who, ".") + 1) != 0)
			ASK(b, "- %s %s %s", who, tenants[i], ports);
	link_local(b, who);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!but || strcmp(but, places[i].name) != 0)
			not_heard(b, places[i].name, places[i].own);
}
