/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/lab.h"
#include "../lib/peers.h"
#include "../lib/world.h"

/*
 * Rules between tenants, with real connections over both families and two real
 * gateways. peers.py has the sockets; what it is told not to reach it tries while
 * it reaches something else, and shows that somebody listens there.
 *
 * Each test has a world of its own. The tenants are those of build().
 */

/* The call must succeed; it gets `why` as its error object. */
#define OK(call)                                                                                   \
	do {                                                                                       \
		struct nsnet_err why_ = {0}, *why = &why_;                                         \
		lab_ok((call), why, #call, __FILE__, __LINE__);                                    \
	} while (0)

/* ---- tenants ------------------------------------------------------------------------ */

static struct peers peers, background, flooding;

#define IS(want, ...)	 peers_is(&peers, (want), __FILE__, __LINE__, __VA_ARGS__)
#define DELIVERED_TO(ns) (!said(peers_ask(&peers, "seen %s", (ns)), "nothing"))

static bool said(char *answer, const char *what)
{
	bool same = strcmp(answer, what) == 0;

	free(answer);
	return same;
}

/* Where the gateways are pinned: to ask for it takes a look at all that there is. */
static struct {
	char tenant[32], path[96];
} gateways[PEERS_TENANTS + 2];

static const char *gateway(struct nsnet *n, const char *tenant)
{
	size_t i;

	for (i = 0; gateways[i].tenant[0]; i++) {
		if (strcmp(gateways[i].tenant, tenant) == 0)
			return gateways[i].path;
		assert_true(i < PEERS_TENANTS);
	}
	(void)snprintf(gateways[i].tenant, sizeof(gateways[i].tenant), "%s", tenant);
	(void)snprintf(gateways[i].path, sizeof(gateways[i].path), "%s", lab_gateway(n, tenant));
	return gateways[i].path;
}

/* Ports come up a moment after the links; a probe does not wait for one that must not answer. */
static struct nsnet *build_defs(const struct nsnet_tenant_def *defs, size_t n_defs)
{
	peers_stop(&flooding);
	peers_stop(&background);
	memset(gateways, 0, sizeof(gateways));
	return peers_build(&peers, defs, n_defs);
}

static struct nsnet *build(void)
{
	return build_defs(peers_tenants, PEERS_TENANTS);
}

static void end(struct nsnet *n)
{
	nsnet_close(n);
	peers_stop(&flooding);
	peers_stop(&background);
	peers_stop(&peers);
}

/* Nothing of any tenant or rule is left. */
static void end_clean(struct nsnet *n)
{
	peers_stop(&flooding);
	peers_stop(&background);
	peers_end_clean(&peers, n);
}

static unsigned int count_in(struct nsnet *n, const char *tenant, const char *command)
{
	char *text = lab_sh("nsenter --net=%s sh -c \"%s\" | wc -l", gateway(n, tenant), command);
	unsigned int count = (unsigned int)strtoul(text, NULL, 10);

	free(text);
	return count;
}

static void cables_are(struct nsnet *n, unsigned int one, unsigned int two, unsigned int three)
{
	assert_int_equal(cables_of(n, "customer1"), one);
	assert_int_equal(cables_of(n, "customer2"), two);
	assert_int_equal(cables_of(n, "shared"), three);
}

/* The first cable of a tenant. The caller frees it. */
static char *cable_of(struct nsnet *n, const char *tenant)
{
	return lab_sh("nsenter --net=%s ip -o link show type veth | grep -v 'master br0' | "
		      "head -1 | sed 's/^[0-9]*: \\([a-z0-9]*\\)@.*/\\1/'",
		      gateway(n, tenant));
}

static void reloads(struct nsnet *n, const char *tenant)
{
	const char *gw = gateway(n, tenant);

	free(lab_sh("nsenter --net=%s nft list ruleset >/run/rules; grep -q nsnet /run/rules", gw));
	free(lab_sh("nsenter --net=%s nft -c -f /run/rules", gw));
}

/* ---- S1, S2: who may open ----------------------------------------------------------- */

static void without_a_rule_nothing_crosses_and_there_is_no_cable(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	PROBE(&peers,
	      "+ " APP " " WORK " tcp/5432,udp/53,icmp; + " DB " " WEB " tcp/5432,icmp;"
	      "- " APP " " DB " tcp/5432,udp/53,icmp; - " APP " " DNS " tcp/53,udp/53,icmp;"
	      "- " DB " " APP " tcp/5432,udp/53,icmp; - " DNS " " APP " tcp/80,icmp;"
	      "- " DB " " DNS " udp/53; - " APP " 10.10.2.1 icmp; - " APP " fd00:10:2::1 icmp");
	SEEN(&peers, APP, "nothing");
	SEEN(&peers, DB, "nothing");
	SEEN(&peers, DNS, "nothing");
	cables_are(n, 0, 0, 0);
	NOTHING_TO_DO(n, "nothing");
	end_clean(n);
}

static void a_rule_opens_one_direction_and_its_ports(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "ledger", "customer1", "customer2", "tcp/5432,udp/53,tcp/7000-7001");
	PROBE(&peers,
	      "+ " APP " " DB " tcp/5432,udp/53,tcp/7000,tcp/7001; + " WORK " " WEB " tcp/5432;"
	      "- " APP " " DB " tcp/80,tcp/53,udp/5432,udp/7000,tcp/7002,icmp;"
	      "- " DB " " APP " tcp/5432,udp/53,tcp/7000,icmp; - " WEB " " WORK " tcp/5432,icmp;"
	      "- " APP " " DNS " tcp/5432,udp/53; - " DB " " DNS " tcp/5432,udp/53;"
	      "- " DNS " " DB " tcp/5432; - " APP " 10.10.2.1 icmp; - " APP " fd00:10:2::1 icmp");
	SEEN(&peers, DB " tcp/5432 udp/53 tcp/7000 tcp/7001", "nothing");
	SEEN(&peers, WEB " tcp/5432", "nothing");
	SEEN(&peers, APP " from:tcp/5432 from:udp/53 from:tcp/7000 from:tcp/7001", "nothing");
	SEEN(&peers, DNS, "nothing");
	ALLOW(n, "ping", "customer2/db", "customer1/app", "icmp/echo");
	PROBE(&peers,
	      "+ " DB " " APP " icmp; - " APP " " DB " icmp; - " WEB " " APP " icmp;"
	      "- " DB " " WORK " icmp; - " DB " " APP " tcp/5432; + " APP " " DB " tcp/5432");
	end(n);
}

/* What a port scan uses: frames that answer nothing, and that nobody opened. */
static void what_looks_like_an_answer_is_none(void **state)
{
	struct nsnet *n;
	char text[512];
	int i;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "ledger", "customer1", "customer2", "udp/40000,tcp/40000,udp/53");
	PROBE(&peers, "+ " APP " " DB " udp/53");
	for (i = 0; i < 2; i++) {
		const char *from = i ? "fd00:10:2::10" : "10.10.2.10";
		const char *to = i ? "fd00:10:1::10" : "10.10.1.10";

		/* From port 40000, which may be called; nobody has. */
		(void)snprintf(text, sizeof(text), "frame " DB " eth0 %s br0 %s %s udp/7000",
			       gateway(n, "customer2"), from, to);
		TELL(&peers, text);
		(void)snprintf(text, sizeof(text), "frame " DB " eth0 %s br0 %s %s tcp/7000",
			       gateway(n, "customer2"), from, to);
		TELL(&peers, text);
	}
	SEEN(&peers, APP " from:udp/53", "nothing");
	end(n);
}

static void an_icmp_error_about_a_flow_reaches_its_sender(void **state)
{
	struct nsnet_tenant_def defs[PEERS_TENANTS];
	struct nsnet *n;

	(void)state;
	world_need();
	memcpy(defs, peers_tenants, sizeof(defs));
	defs[CUSTOMER2].mtu = "1300";
	n = build_defs(defs, PEERS_TENANTS);
	IS("1500 1500", "mtu " APP " 10.10.2.10 1400 0.5");
	ALLOW(n, "ledger", "customer1", "customer2", "udp/7000");
	IS("1500 1300", "mtu " APP " 10.10.2.10 1400 5");
	IS("1500 1300", "mtu " WORK " fd00:10:2::11 1400 5");
	/* The sender only: nothing else of the gateway's gets there. */
	SEEN(&peers, APP " error from:udp/7000", "nothing");
	PROBE(&peers,
	      "- " APP " 10.10.2.1 icmp; - " APP " fd00:10:2::1 icmp; + " APP " " DB " udp/7000");
	end(n);
}

/* ---- S3, S4, S5: which rule counts, and for whom -------------------------------------- */

static void deny_beats_allow_whatever_the_order(void **state)
{
	struct nsnet *n;
	int first;

	(void)state;
	world_need();
	n = build();
	for (first = 0; first < 2; first++) {
		if (first)
			DENY(n, "aa-no", "customer1/app", "customer2", "tcp/5432,icmp");
		ALLOW(n, "mm-yes", "customer1", "customer2", "any");
		if (!first)
			DENY(n, "zz-no", "customer1/app", "customer2", "tcp/5432,icmp");
		PROBE(&peers,
		      "- " APP " " DB " tcp/5432,icmp; - " APP " " WEB " tcp/5432,icmp;"
		      "+ " APP " " DB " tcp/53,udp/5432; + " WORK " " DB " tcp/5432,icmp,udp/53");
		REVOKE(n, first ? "aa-no" : "zz-no");
		PROBE(&peers, "+ " APP " " DB " tcp/5432,icmp; - " DB " " APP " tcp/5432");
		REVOKE(n, "mm-yes");
		PROBE(&peers, "- " APP " " DB " tcp/5432,tcp/53,icmp");
	}
	end(n);
}

static void one_of_several_rules_suffices(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "one", "customer1", "customer2", "tcp/5432");
	ALLOW(n, "two", "customer1/app", "customer2/db", "tcp/5432");
	ALLOW(n, "three", "tenants", "tenants", "tcp/80");
	PROBE(&peers,
	      "+ " APP " " DB " tcp/5432,tcp/80; + " DB " " APP " tcp/80; + " DNS " " APP " tcp/80;"
	      "- " DB " " APP " tcp/5432; - " APP " " DNS " tcp/5432");
	cables_are(n, 2, 2, 2);
	REVOKE(n, "one");
	PROBE(&peers, "+ " APP " " DB " tcp/5432; - " WORK " " DB " tcp/5432");
	REVOKE(n, "two");
	PROBE(&peers, "- " APP " " DB " tcp/5432; + " APP " " DB " tcp/80");
	REVOKE(n, "three");
	cables_are(n, 0, 0, 0);
	PROBE(&peers, "- " APP " " DB " tcp/80; - " DB " " APP " tcp/80");
	end(n);
}

static void lists_are_or(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "lists", "customer1/app,shared", "customer2/db,customer1/worker",
	      "tcp/80,tcp/443,udp/53,icmp/echo");
	PROBE(&peers,
	      "+ " APP " " DB " tcp/80,tcp/443,udp/53,icmp; + " DNS " " DB " tcp/80,tcp/443,icmp;"
	      "+ " DNS " " WORK " tcp/443,udp/53; - " WORK " " DB " tcp/80,icmp;"
	      "- " APP " " WEB " tcp/80; - " DNS " " WEB " tcp/443,icmp; - " DNS " " APP " tcp/80;"
	      "- " DB " " DNS " tcp/80; - " DB " " APP " tcp/80; - " APP " " DNS " tcp/80;"
	      "- " APP " " DB " tcp/53,udp/80");
	cables_are(n, 2, 2, 2);
	end(n);
}

static void labels_and_tenants_are_whoever_they_fit(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "scrape", "shared/dns", "label:scrape=yes", "tcp/7000");
	ALLOW(n, "resolve", "tenants", "shared/dns", "udp/53,tcp/53");
	PROBE(&peers,
	      "+ " DNS " " DB " tcp/7000; + " DNS " " WEB " tcp/7000; - " DNS " " APP " tcp/7000;"
	      "+ " APP " " DNS " udp/53,tcp/53; + " WORK " " DNS " udp/53; + " DB " " DNS " tcp/53;"
	      "- " APP " " DNS " tcp/80,udp/80,icmp; - " DNS " " APP " udp/53;"
	      /* What all share is no bridge between them. */
	      "- " APP " " DB " udp/53,tcp/7000; - " DB " " APP " udp/53,tcp/7000");
	cables_are(n, 1, 1, 2);
	REVOKE(n, "resolve");
	cables_are(n, 0, 1, 1);
	end(n);
}

/* ---- S7, S8, S12 ------------------------------------------------------------------------ */

static void a_tenant_without_ipv6_is_called_over_ipv4_only(void **state)
{
	struct nsnet_tenant_def defs[PEERS_TENANTS];
	struct nsnet_endpoint_def ends[2];
	struct nsnet *n;

	(void)state;
	world_need();
	memcpy(defs, peers_tenants, sizeof(defs));
	memcpy(ends, peers_tenants[CUSTOMER2].endpoints, sizeof(ends));
	ends[0].ip6 = ends[1].ip6 = NULL;
	defs[CUSTOMER2].subnet6 = NULL;
	defs[CUSTOMER2].endpoints = ends;
	n = build_defs(defs, PEERS_TENANTS);
	ALLOW(n, "both", "customer1", "customer2,shared", "any");
	PROBE(&peers,
	      "+ " APP " " DB " tcp/5432,icmp,udp/53; + " APP " " DNS ":4 tcp/80,icmp,udp/53;"
	      "+ " APP " " DNS ":6 tcp/80,icmp,udp/53; - " APP " fd00:10:2::10 icmp");
	SEEN(&peers, DB " tcp/5432 udp/53 icmp", "nothing");
	reloads(n, "customer2");
	end_clean(n);
}

static void inside_a_tenant_rules_count_where_it_is_closed(void **state)
{
	struct nsnet_tenant_def defs[PEERS_TENANTS];
	struct nsnet *n;

	(void)state;
	world_need();
	memcpy(defs, peers_tenants, sizeof(defs));
	defs[CUSTOMER2].inside = "deny";
	n = build_defs(defs, PEERS_TENANTS);
	PROBE(&peers, "+ " APP " " WORK " tcp/80,udp/53,icmp; - " WEB " " DB " tcp/80,udp/53,icmp");
	ALLOW(n, "inside", "customer2/web", "customer2/db", "tcp/5432,udp/53,icmp/echo");
	PROBE(&peers, "+ " WEB " " DB " tcp/5432,udp/53,icmp; - " WEB " " DB " tcp/80;"
		      "- " DB " " WEB " tcp/5432,udp/53,icmp; + " APP " " WORK " tcp/80;"
		      "- " APP " " DB " tcp/5432");
	cables_are(n, 0, 0, 0);
	ALLOW(n, "ledger", "customer1/app", "customer2/db", "tcp/443");
	PROBE(&peers,
	      "+ " APP " " DB " tcp/443; + " WEB " " DB " tcp/5432; - " WEB " " DB " tcp/443");
	REVOKE(n, "inside");
	PROBE(&peers, "- " WEB " " DB " tcp/5432,udp/53,icmp; + " APP " " DB " tcp/443");
	/* The last of all rules, with no cable: nothing else says that the gateway is concerned. */
	REVOKE(n, "ledger");
	ALLOW(n, "alone", "customer2/web", "customer2/db", "tcp/5432");
	PROBE(&peers, "+ " WEB " " DB " tcp/5432");
	REVOKE(n, "alone");
	PROBE(&peers, "- " WEB " " DB " tcp/5432");
	end_clean(n);
}

static void time_text(char buf[32], time_t at)
{
	struct tm tm;

	assert_non_null(gmtime_r(&at, &tm));
	assert_true(strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
}

static bool is_over(void *at)
{
	return time(NULL) >= *(const time_t *)at;
}

static void a_rule_whose_time_is_over_allows_nothing(void **state)
{
	struct words past = {
		.name = "past", .from = "customer1", .to = "customer2", .ports = "tcp/80"};
	struct words soon = {
		.name = "soon", .from = "customer1", .to = "customer2", .ports = "tcp/443"};
	struct nsnet_err err = {0};
	struct nsnet *n;
	char when[32];
	time_t at;

	(void)state;
	world_need();
	n = build();
	past.expires = "2020-01-01";
	(void)rule_try(n, &past, &err); /* refused or not */
	cables_are(n, 0, 0, 0);
	PROBE(&peers, "- " APP " " DB " tcp/80");
	at = time(NULL) + 2;
	time_text(when, at);
	soon.expires = when;
	rule_add(n, &soon, __FILE__, __LINE__);
	PROBE(&peers, "+ " APP " " DB " tcp/443; - " APP " " DB " tcp/80");
	OPEN(&peers, "live " APP " 10.10.2.10 tcp/443");
	assert_true(poll_until(is_over, &at, 10000));
	OK(nsnet_repair(n, NULL, 0, NULL, why));
	TALK(&peers, "- live");
	PROBE(&peers, "- " APP " " DB " tcp/443,tcp/80");
	NOTHING_TO_DO(n, "the time is over");
	end(n);
}

/* ---- S6: what is revoked is cut at once -------------------------------------------------- */

static void open_three(void)
{
	OPEN(&peers, "tcp4 " APP " 10.10.2.10 tcp/5432");
	OPEN(&peers, "tcp6 " APP " fd00:10:2::10 tcp/5432");
	OPEN(&peers, "udp4 " APP " 10.10.2.10 udp/53");
	OPEN(&peers, "udp6 " APP " fd00:10:2::10 udp/53");
	OPEN(&peers, "ping4 " APP " 10.10.2.10 icmp");
	OPEN(&peers, "ping6 " APP " fd00:10:2::10 icmp");
	OPEN(&peers, "other " APP " 10.10.2.10 tcp/7000");
	OPEN(&peers, "other6 " APP " fd00:10:2::10 tcp/7000");
}

#define ALL_YES "+ tcp4; + tcp6; + udp4; + udp6; + ping4; + ping6;"
#define ALL_NO	"- tcp4; - tcp6; - udp4; - udp6; - ping4; - ping6;"

static void revoking_cuts_what_lives_and_nothing_else(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "stays", "customer1", "customer2", "tcp/7000");
	ALLOW(n, "goes", "customer1", "customer2", "tcp/5432,udp/53,icmp/echo");
	open_three();
	TALK(&peers, ALL_YES "+ other; + other6");
	REVOKE(n, "goes");
	free(peers_ask(&peers, "seen " DB));
	free(peers_ask(&peers, "seen " APP));
	TALK(&peers, ALL_NO "+ other; + other6");
	/* Not a packet of them, in either direction. */
	SEEN(&peers, DB " tcp/7000", "nothing");
	SEEN(&peers, APP " from:tcp/7000", "nothing");
	end(n);
}

static void a_deny_cuts_what_lives_and_the_last_rule_takes_the_cable(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "goes", "customer1", "customer2", "tcp,udp,icmp/echo");
	open_three();
	DENY(n, "not", "customer1/app", "customer2/db", "tcp/5432,udp/53,icmp");
	free(peers_ask(&peers, "seen " DB));
	TALK(&peers, ALL_NO "+ other; + other6");
	SEEN(&peers, DB " tcp/7000", "nothing");
	REVOKE(n, "not");
	OPEN(&peers, "again " APP " 10.10.2.10 udp/53");
	REVOKE(n, "goes");
	cables_are(n, 0, 0, 0);
	free(peers_ask(&peers, "seen " DB));
	TALK(&peers, "- again; - other; - other6; - ping4");
	SEEN(&peers, DB, "nothing");
	end(n);
}

static void one_more_and_one_less(struct nsnet *n, int i)
{
	const char *const froms[] = {"customer1", "customer2/db", "shared", "customer1/worker"};
	const char *const tos[] = {"customer2/web", "customer1", "customer2,customer1/app",
				   "shared"};
	struct words w = {.name = "other",
			  .from = froms[i % 4],
			  .to = tos[i % 4],
			  .ports = "tcp/80,udp/443",
			  .deny = i % 3 == 2};

	OK(rule_try(n, &w, why));
	OK(nsnet_rule_del(n, "other", 0, NULL, why));
}

/* Of an answer to `stop`; 0: it is not in it. */
static unsigned long number_after(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at ? strtoul(at + strlen(word), NULL, 10) : 0;
}

static unsigned long stopped(struct peers *p, const char *id, bool all_answered)
{
	char *answer = peers_ask(p, "stop %s", id);
	unsigned long sent = number_after(answer, "sent ");

	if (sent == 0 || (all_answered && !strstr(answer, "lost 0,")))
		fail_msg("%s: %s", id, answer);
	free(answer);
	return sent;
}

static void flood(struct nsnet *n, const char *id)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "flood %s " APP " eth0 %s br0 10.10.1.10 10.10.2.10 udp/7001;" APP
		       " eth0 %s br0 fd00:10:1::10 fd00:10:2::10 udp/7001;" DB
		       " eth0 %s br0 10.10.2.10 10.10.1.10 udp/7001;" WORK
		       " eth0 %s br0 10.10.1.11 10.10.250.53 tcp/7001",
		       id, gateway(n, "customer1"), gateway(n, "customer1"),
		       gateway(n, "customer2"), gateway(n, "customer1"));
	TELL(&flooding, text);
}

static bool delivered_to_all(void *got)
{
	static const char *const ns[] = {DB, APP, DNS};
	bool *list = got;
	int i;

	for (i = 0; i < 3; i++)
		list[i] |= DELIVERED_TO(ns[i]);
	return list[0] && list[1] && list[2];
}

/*
 * One hundred rules come and go. What another one allows loses no packet; what none
 * does is tried all the time, and never gets through.
 */
static void other_rules_cut_nothing_and_open_nothing(void **state)
{
	bool got[3] = {false, false, false};
	struct nsnet *n;
	int i;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "stays", "customer1/app", "customer2/db", "tcp/7000,udp/7000,icmp/echo");
	peers_start(&background);
	peers_start(&flooding);
	TELL(&background, "stream udp4 " APP " 10.10.2.10 udp/7000");
	TELL(&background, "stream udp6 " APP " fd00:10:2::10 udp/7000");
	TELL(&background, "stream tcp4 " APP " 10.10.2.10 tcp/7000");
	OPEN(&peers, "ping " APP " 10.10.2.10 icmp");
	flood(n, "forbidden");
	for (i = 0; i < (test_quick() ? 15 : 100); i++)
		one_more_and_one_less(n, i);
	TALK(&peers, "+ ping");
	assert_true(stopped(&background, "udp4", true) > 500);
	assert_true(stopped(&background, "udp6", true) > 500);
	assert_true(stopped(&background, "tcp4", true) > 500);
	assert_true(stopped(&flooding, "forbidden", false) > 1000);
	SEEN(&peers,
	     DB " tcp/7000 udp/7000 icmp;" WEB ";" APP " from:udp/7000 from:tcp/7000 icmp;" DNS,
	     "nothing");
	NOTHING_TO_DO(n, "100 rules");
	/* The same frames are delivered once they may. */
	ALLOW(n, "now", "tenants", "tenants", "udp/7001,tcp/7001");
	flood(n, "allowed");
	assert_true(poll_until(delivered_to_all, got, 10000));
	end(n);
}

/*
 * A rule about some of them cuts what is looked up into other pieces, and one that
 * says the same may be the one that counts from then on: it stays allowed all the time.
 */
static void what_is_allowed_before_and_after_is_allowed_in_between(void **state)
{
	static const struct words others[] = {
		{.name = "part",
		 .from = "customer1/worker",
		 .to = "customer2/web",
		 .ports = "tcp/80",
		 .deny = true},
		{.name = "aa-same", .from = "tenants", .to = "customer2/db", .ports = "udp/7000"},
		{.name = "port", .from = "customer1", .to = "customer2", .ports = "udp/7001-7009"},
	};
	static const char *const ids[] = {"first", "second", "third"};
	struct nsnet *n;
	size_t k;
	int i;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "stays", "customer1", "customer2", "udp/7000");
	peers_start(&background);
	for (k = 0; k < 3; k++) {
		char text[128];

		(void)snprintf(text, sizeof(text), "stream %s " APP " 10.10.2.10 udp/7000", ids[k]);
		TELL(&background, text);
		for (i = 0; i < 3; i++) {
			OK(rule_try(n, &others[k], why));
			OK(nsnet_rule_del(n, others[k].name, 0, NULL, why));
		}
		(void)stopped(&background, ids[k], true);
	}
	end(n);
}

/* ---- S17: overlapping subnets ---------------------------------------------------------------- */

static const struct nsnet_endpoint_def overlapping_ends[] = {
	{.name = "app", .ip = "10.10.1.10", .ip6 = "fd00:10:1::10"},
	{.name = "more", .ip = "10.10.1.12", .ip6 = "fd00:10:1::12"},
};

static void add_overlapping(struct nsnet *n)
{
	const struct nsnet_tenant_def twin = {.name = "twin",
					      .subnet = "10.10.1.0/24",
					      .subnet6 = "fd00:10:1::/64",
					      .endpoints = overlapping_ends,
					      .n_endpoints = 2};

	OK(nsnet_tenants_add(n, &twin, 1, 0, NULL, why));
	TELL(&peers, "watch twin.app 10.10.1.0/24 fd00:10:1::/64");
	TELL(&peers, "watch twin.more 10.10.1.0/24 fd00:10:1::/64");
}

static void tenants_that_overlap_are_not_joined(void **state)
{
	const struct words w = {
		.name = "twins", .from = "customer1", .to = "twin", .ports = "tcp/80"};
	struct nsnet_err err = {0};
	struct nsnet *n;
	char *before, *after;

	(void)state;
	world_need();
	n = build();
	add_overlapping(n);
	before = lab_snapshot();
	assert_true(rule_try(n, &w, &err) < 0);
	assert_string_equal(nsnet_code_name(err.id), "SUBNET_OVERLAP");
	LAB_HAS(err.msg, "customer1");
	LAB_HAS(err.msg, "twin");
	after = lab_snapshot();
	assert_string_equal(before, after);
	free(before);
	free(after);
	/* Nor is it stored: the next one is not refused for its sake. */
	ALLOW(n, "ledger", "customer1", "customer2", "tcp/80");
	PROBE(&peers, "+ " APP " " DB " tcp/80");
	end(n);
}

static void seen_as(const char *ns, const char *to, const char *port, char ret[64])
{
	char *answer = peers_ask(&peers, "from %s %s %s", ns, to, port);

	(void)snprintf(ret, 64, "%s", answer);
	assert_null(strchr(ret, ' '));
	free(answer);
}

static void both_have_their_address(const char *to, char one[64], char two[64])
{
	char more[64];

	seen_as(APP, to, "udp/53", one);
	seen_as("twin.app", to, "udp/53", two);
	assert_string_not_equal(one, two);
	seen_as("twin.more", to, "tcp/53", more);
	assert_string_equal(more, two);
}

static const char *const services[] = {"10.10.250.53", "fd00:10:250::53"};

/* Stable, whatever else comes and goes. */
static void services_see_the_same_after_other_changes(struct nsnet *n, char one[2][64],
						      char two[2][64])
{
	char again[64], twin_again[64];
	int i;

	ALLOW(n, "other", "customer2", "shared,customer1", "tcp/80");
	REVOKE(n, "other");
	ALLOW(n, "only", "twin/app", "shared", "udp/53,tcp/53");
	REVOKE(n, "resolve");
	PROBE(&peers,
	      "- " APP " " DNS " udp/53; - twin.more " DNS " udp/53; + twin.app " DNS " udp/53");
	ALLOW(n, "resolve", "customer1,twin", "shared/dns", "udp/53,tcp/53,icmp/echo");
	for (i = 0; i < 2; i++) {
		both_have_their_address(services[i], again, twin_again);
		assert_string_equal(again, one[i]);
		assert_string_equal(twin_again, two[i]);
	}
}

static void clients_of_one_service_may_overlap(void **state)
{
	char one[2][64], two[2][64];
	struct nsnet *n;
	int i;

	(void)state;
	world_need();
	n = build();
	add_overlapping(n);
	ALLOW(n, "resolve", "customer1,twin", "shared/dns", "udp/53,tcp/53,icmp/echo");
	PROBE(&peers, "+ " APP " " DNS " udp/53,tcp/53,icmp; + twin.app " DNS " udp/53,tcp/53,icmp;"
		      "+ twin.more " DNS " tcp/53,icmp; + " WORK " " DNS " udp/53;"
		      "- twin.app " DNS " tcp/80,udp/80; - " DNS " " APP " udp/53,icmp;"
		      "- " DNS " 10.10.1.12 icmp; - " DNS " fd00:10:1::12 icmp;"
		      "- " APP " 10.10.1.12 icmp; - twin.app 10.10.1.11 icmp");
	for (i = 0; i < 2; i++)
		both_have_their_address(services[i], one[i], two[i]);
	services_see_the_same_after_other_changes(n, one, two);
	/* Nor does the service call the one that it sees under the other's address. */
	PROBE(&peers, "- " DNS " 10.10.1.10 icmp; - " DNS " fd00:10:1::10 icmp");
	IS("ok", "probe - " DNS " %s icmp; - " DNS " %s icmp; - " APP " %s icmp", two[0], two[1],
	   two[0]);
	SEEN(&peers, "twin.app from:udp/53 from:tcp/53 icmp", "nothing");
	SEEN(&peers, APP " from:udp/53 from:tcp/53 icmp", "nothing");
	reloads(n, "twin");
	reloads(n, "shared");
	end(n);
}

/* ---- what there is in the kernel ----------------------------------------------------------- */

/* A table that was made again stands elsewhere and has other handles. */
static void same_text(const char *one, const char *two)
{
	char path[2][32] = {"/run/one", "/run/two"}, *diff;
	int i;

	for (i = 0; i < 2; i++) {
		FILE *f = fopen(path[i], "we");

		assert_non_null(f);
		assert_true(fputs(i ? two : one, f) >= 0);
		assert_int_equal(fclose(f), 0);
	}
	diff = lab_sh(
		"for f in %s %s; do sed -i -E 's/ # handle [0-9]+//' $f; sort -o $f $f; done; "
		"diff %s %s || :",
		path[0], path[1], path[0], path[1]);
	assert_string_equal(diff, "");
	free(diff);
}

static void a_cable_is_there_while_a_rule_joins_them(void **state)
{
	struct nsnet *n;
	char *before, *after;

	(void)state;
	world_need();
	n = build();
	before = lab_snapshot();
	ALLOW(n, "one", "customer1", "customer2", "tcp/80");
	cables_are(n, 1, 1, 0);
	ALLOW(n, "two", "customer2", "customer1", "tcp/80");
	cables_are(n, 1, 1, 0);
	DENY(n, "not", "customer1", "shared", "any");
	cables_are(n, 1, 1, 0);
	REVOKE(n, "one");
	cables_are(n, 1, 1, 0);
	PROBE(&peers, "+ " DB " " APP " tcp/80; - " APP " " DB " tcp/80");
	reloads(n, "customer1");
	reloads(n, "customer2");
	REVOKE(n, "two");
	cables_are(n, 0, 0, 0);
	REVOKE(n, "not");
	after = lab_snapshot();
	same_text(before, after);
	free(before);
	free(after);
	end_clean(n);
}

/* How many rules, chains and sets. */
static char *size_of(struct nsnet *n, const char *tenant)
{
	return lab_sh("nsenter --net=%s nft -j list ruleset | python3 -c '"
		      "import json, sys\n"
		      "have = [next(iter(o)) for o in json.load(sys.stdin)[\"nftables\"]]\n"
		      "print(*(have.count(k) for k in (\"rule\", \"chain\", \"set\", \"map\")))'",
		      gateway(n, tenant));
}

/* One by one they would take half a minute. All but name, number and ports is as in the first. */
static const char copy_script[] =
	"import sqlite3, sys\n"
	"d = sqlite3.connect(sys.argv[1])\n"
	"def columns(table):\n"
	"  return [c[1] for c in d.execute('PRAGMA table_info(%s)' % table)]\n"
	"def copy(table, old, new):\n"
	"  names = columns(table)\n"
	"  for row in d.execute('SELECT * FROM ' + table + ' WHERE ' + old).fetchall():\n"
	"    row = dict(zip(names, row)); new(row)\n"
	"    d.execute('INSERT INTO %s (%s) VALUES (%s)' % (table, ', '.join(row),\n"
	"              ', '.join('?' * len(row))), list(row.values()))\n"
	"first, = d.execute('SELECT id FROM policy').fetchone()\n"
	"for i in range(200):\n"
	"  copy('policy', 'id = %d' % first, lambda r: r.update(id=1000 + i, number=10 + i,\n"
	"       name='rule-%d' % i))\n"
	"  copy('policy_part', 'policy = %d' % first, lambda r: r.update(policy=1000 + i,\n"
	"       text='tcp/%d' % (6900 + 2 * i) if r['text'] == 'tcp/5432' else r['text']))\n"
	"d.commit()\n";

static void two_hundred_rules_are_as_many_chains_as_one(void **state)
{
	static const char store[] = LAB_STATE "/nsnet.db";
	struct nsnet *n;
	char *one, *many;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "first", "customer1", "customer2", "tcp/5432");
	one = size_of(n, "customer1");
	RUN_STATUS(0, "python3", "-c", copy_script, store);
	OK(nsnet_repair(n, NULL, 0, NULL, why));
	many = size_of(n, "customer1");
	assert_string_equal(one, many);
	free(one);
	free(many);
	assert_int_equal(count_in(n, "customer1",
				  "nft list map inet nsnet nsnet_flow4 | grep -o "
				  "'tcp \\. [0-9]'"),
			 201);
	NOTHING_TO_DO(n, "200 rules");
	reloads(n, "customer1");
	PROBE(&peers,
	      "+ " APP " " DB " tcp/5432,tcp/7000,tcp/7002; - " APP " " DB " tcp/7001,udp/7000;"
	      "- " DB " " APP " tcp/5432,tcp/7000");
	REVOKE(n, "first");
	PROBE(&peers, "+ " APP " " DB " tcp/7002; - " APP " " DB " tcp/5432");
	end(n);
}

/* ---- flushed rules ------------------------------------------------------------------------- */

/* By hand, to the gateway's own address: what no routing of the endpoint's stands before. */
static void by_hand(struct nsnet *n, const char *ns, const char *tenant, const char *addresses,
		    const char *port)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "frame %s eth0 %s br0 %s %s", ns, gateway(n, tenant),
		       addresses, port);
	TELL(&peers, text);
}

static void all_by_hand(struct nsnet *n)
{
	static const char *const ports[] = {"udp/7000", "tcp/7000", "udp/7001", "tcp/7001", "icmp"};
	size_t i;

	for (i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		by_hand(n, APP, "customer1", "10.10.1.10 10.10.2.10", ports[i]);
		by_hand(n, APP, "customer1", "fd00:10:1::10 fd00:10:2::10", ports[i]);
		by_hand(n, APP, "customer1", "10.10.1.10 10.10.250.53", ports[i]);
		by_hand(n, WORK, "customer1", "10.10.1.11 10.10.2.11", ports[i]);
		by_hand(n, WORK, "customer1", "10.10.2.11 10.10.2.10", ports[i]);
		by_hand(n, DB, "customer2", "10.10.2.10 10.10.1.10", ports[i]);
		by_hand(n, DB, "customer2", "fd00:10:2::10 fd00:10:1::10", ports[i]);
		by_hand(n, DB, "customer2", "10.10.2.10 10.10.250.53", ports[i]);
	}
}

static void forget_what_was_seen(void)
{
	free(peers_ask(&peers, "seen " APP ";" WORK ";" DB ";" WEB ";" DNS));
}

#define ALL_BUT(of_db) APP " from:udp/7000 from:tcp/7000;" WORK ";" DB of_db ";" WEB ";" DNS

static void with_rules_flushed_nothing_is_routed(void **state)
{
	static const char *const flushes[] = {
		"nsenter --net=$A $N",
		"nsenter --net=$B $N",
		"for f in $A $B; do nsenter --net=$f $N; done",
		"$N; for f in /run/netns/* /run/nsnet/gw/*; do nsenter --net=$f $N; done",
	};
	struct nsnet *n;
	size_t i;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "ledger", "customer1/app", "customer2/db", "tcp/7000,udp/7000");
	ALLOW(n, "resolve", "customer2/web", "shared", "tcp/53");
	for (i = 0; i < sizeof(flushes) / sizeof(flushes[0]); i++) {
		OPEN(&peers, "live " APP " 10.10.2.10 udp/7000");
		forget_what_was_seen();
		all_by_hand(n);
		assert_true(DELIVERED_TO(DB));
		forget_what_was_seen();
		all_by_hand(n);
		SEEN(&peers, ALL_BUT(" udp/7000 tcp/7000 error"), "nothing");
		free(lab_sh("A=%s B=%s N='nft flush ruleset'; %s", gateway(n, "customer1"),
			    gateway(n, "customer2"), flushes[i]));
		all_by_hand(n);
		PROBE(&peers, "- " APP " " DB " tcp/7000,udp/7000,tcp/7001,icmp; - " DB " " APP
			      " tcp/7000,udp/7000,icmp; - " WORK " " WEB " tcp/80");
		TALK(&peers, "- live");
		SEEN(&peers, ALL_BUT(""), "nothing");
		OK(nsnet_repair(n, NULL, 0, NULL, why));
		NOTHING_TO_DO(n, "repair");
		PROBE(&peers, "+ " APP " " DB " tcp/7000,udp/7000; + " WEB " " DNS " tcp/53;"
			      "- " APP " " DB " tcp/7001");
	}
	end(n);
}

/* Not a single one of the chains, sets and maps that opens something when it is empty. */
static void without_a_chain_or_a_map_no_more_is_routed(void **state)
{
	char *list, *line, *save = NULL;
	struct nsnet *n;
	const char *gw;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "ledger", "customer1/app", "customer2/db", "tcp/7000,udp/7000");
	DENY(n, "not", "customer1/worker", "customer2", "tcp/7001");
	gw = gateway(n, "customer2");
	list = lab_sh("nsenter --net=%s nft -j list ruleset | python3 -c '"
		      "import json, sys\n"
		      "for o in json.load(sys.stdin)[\"nftables\"]:\n"
		      "  for kind in (\"chain\", \"set\", \"map\"):\n"
		      "    if kind in o and o[kind][\"family\"] == \"inet\":\n"
		      "      print(kind, \"inet\", o[kind][\"table\"], o[kind][\"name\"])'",
		      gw);
	LAB_HAS(list, "chain inet nsnet admit");
	LAB_HAS(list, "map inet nsnet nsnet_flow4");
	for (line = strtok_r(list, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		/* In both, so that neither stands in for the other. */
		free(lab_sh("nsenter --net=%s nft flush %s; nsenter --net=%s nft flush %s", gw,
			    line, gateway(n, "customer1"), line));
		forget_what_was_seen();
		all_by_hand(n);
		SEEN(&peers, ALL_BUT(" udp/7000 tcp/7000 error"), "nothing");
		OK(nsnet_repair(n, NULL, 0, NULL, why));
	}
	free(list);
	NOTHING_TO_DO(n, "repair");
	PROBE(&peers, "+ " APP " " DB " tcp/7000,udp/7000; - " WORK " " DB " tcp/7001");
	end(n);
}

/* ---- sources that are somebody else's ---------------------------------------------------------
 */

static void an_endpoint_cannot_call_under_anothers_address(void **state)
{
	struct nsnet *n;
	char text[512], worker_mac[32];
	char *mac;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "ledger", "customer1/worker", "customer2/db", "udp/7000");
	mac = lab_sh("ip netns exec " WORK " cat /sys/class/net/eth0/address");
	(void)snprintf(worker_mac, sizeof(worker_mac), "%s", mac);
	free(mac);
	/* First the one who may. */
	by_hand(n, WORK, "customer1", "10.10.1.11 10.10.2.10", "udp/7000");
	assert_true(DELIVERED_TO(DB));
	by_hand(n, WORK, "customer1", "fd00:10:1::11 fd00:10:2::10", "udp/7000");
	assert_true(DELIVERED_TO(DB));
	by_hand(n, APP, "customer1", "10.10.1.11 10.10.2.10", "udp/7000");
	by_hand(n, APP, "customer1", "fd00:10:1::11 fd00:10:2::10", "udp/7000");
	(void)snprintf(text, sizeof(text), "udp/7000 %s", worker_mac);
	by_hand(n, APP, "customer1", "10.10.1.11 10.10.2.10", text);
	by_hand(n, APP, "customer1", "fd00:10:1::11 fd00:10:2::10", text);
	/* Nor as somebody of the other side. */
	by_hand(n, APP, "customer1", "10.10.2.11 10.10.2.10", "udp/7000");
	by_hand(n, WORK, "customer1", "10.10.250.53 10.10.2.10", "udp/7000");
	by_hand(n, DNS, "shared", "10.10.1.11 10.10.2.10", "udp/7000");
	SEEN(&peers, DB, "nothing");
	/* It was the pins that did it. */
	free(lab_sh("nsenter --net=%s nft delete table bridge nsnet", gateway(n, "customer1")));
	by_hand(n, APP, "customer1", "10.10.1.11 10.10.2.10", "udp/7000");
	assert_true(DELIVERED_TO(DB));
	OK(nsnet_repair(n, NULL, 0, NULL, why));
	by_hand(n, APP, "customer1", "10.10.1.11 10.10.2.10", "udp/7000");
	SEEN(&peers, DB " error", "nothing");
	end(n);
}

/* As root in the far gateway: straight onto the cable. */
static void over_cable(struct nsnet *n, const char *cable, const char *addresses, const char *port)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "frame %s %s %s %s %s %s", gateway(n, "customer1"),
		       cable, gateway(n, "customer2"), cable, addresses, port);
	TELL(&peers, text);
}

static void nobody_comes_from_a_cable_but_who_is_behind_it(void **state)
{
	struct nsnet *n;
	char *cable;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "ledger", "customer1", "customer2/db", "udp/7000,icmp/echo");
	cable = cable_of(n, "customer1");
	ALLOW(n, "resolve", "shared", "customer2", "any");
	over_cable(n, cable, "10.10.1.10 10.10.2.10", "udp/7000");
	assert_true(DELIVERED_TO(DB));
	over_cable(n, cable, "fd00:10:1::10 fd00:10:2::10", "udp/7000");
	assert_true(DELIVERED_TO(DB));
	over_cable(n, cable, "10.10.1.99 10.10.2.10", "icmp");
	assert_true(DELIVERED_TO(DB));
	/* shared may call it, over another cable. */
	over_cable(n, cable, "10.10.250.53 10.10.2.10", "udp/7000");
	over_cable(n, cable, "fd00:10:250::53 fd00:10:2::10", "udp/7000");
	over_cable(n, cable, "10.10.250.53 10.10.2.10", "icmp");
	over_cable(n, cable, "fd00:10:250::53 fd00:10:2::10", "icmp");
	over_cable(n, cable, "10.10.250.53 10.10.2.11", "tcp/80");
	over_cable(n, cable, "10.10.2.11 10.10.2.10", "udp/7000");
	over_cable(n, cable, "10.10.2.1 10.10.2.10", "icmp");
	over_cable(n, cable, "100.127.0.0 10.10.2.10", "udp/7000");
	over_cable(n, cable, "127.0.0.1 10.10.2.10", "udp/7000");
	over_cable(n, cable, "0.0.0.0 10.10.2.10", "udp/7000");
	over_cable(n, cable, "192.0.2.1 10.10.2.10", "icmp");
	/* What is not allowed is not, from there either; nor does it lead on. */
	over_cable(n, cable, "10.10.1.10 10.10.2.10", "udp/7001");
	over_cable(n, cable, "10.10.1.10 10.10.2.11", "udp/7000");
	over_cable(n, cable, "10.10.1.10 10.10.250.53", "udp/7000");
	over_cable(n, cable, "fd00:10:1::10 fd00:10:250::53", "udp/7000");
	SEEN(&peers, DB, "nothing");
	SEEN(&peers, WEB, "nothing");
	SEEN(&peers, DNS, "nothing");
	free(cable);
	end(n);
}

#define T(f) cmocka_unit_test_setup(f, world_setup)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(without_a_rule_nothing_crosses_and_there_is_no_cable),
		T(a_rule_opens_one_direction_and_its_ports),
		T(what_looks_like_an_answer_is_none),
		T(an_icmp_error_about_a_flow_reaches_its_sender),
		T(deny_beats_allow_whatever_the_order),
		T(one_of_several_rules_suffices),
		T(lists_are_or),
		T(labels_and_tenants_are_whoever_they_fit),
		T(a_tenant_without_ipv6_is_called_over_ipv4_only),
		T(inside_a_tenant_rules_count_where_it_is_closed),
		T(a_rule_whose_time_is_over_allows_nothing),
		T(revoking_cuts_what_lives_and_nothing_else),
		T(a_deny_cuts_what_lives_and_the_last_rule_takes_the_cable),
		T(other_rules_cut_nothing_and_open_nothing),
		T(what_is_allowed_before_and_after_is_allowed_in_between),
		T(tenants_that_overlap_are_not_joined),
		T(clients_of_one_service_may_overlap),
		T(a_cable_is_there_while_a_rule_joins_them),
		T(two_hundred_rules_are_as_many_chains_as_one),
		T(with_rules_flushed_nothing_is_routed),
		T(without_a_chain_or_a_map_no_more_is_routed),
		T(an_endpoint_cannot_call_under_anothers_address),
		T(nobody_comes_from_a_cable_but_who_is_behind_it),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
