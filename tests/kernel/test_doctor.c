// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/ctx.h"
#include "../../lib/store/uplinks.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * doctor - firewalls of others, made by iptables and nft themselves: found, opened for uplinks,
 * and left as they were
 */

static struct nsnet_err err;

NSN_CLEANUP(struct nsnet_doctor, nsnet_doctor_free)
NSN_CLEANUP(struct nsnet_doctor_fix, nsnet_doctor_fix_free)

/* ---- a host that forwards ------------------------------------------------------------------ */

/* t is behind something that is called like an uplink, o is the outside. */
static void make_host(void)
{
	world_need();
	free(lab_sh("mkdir -p /run/netns && ip netns add t && ip netns add o &&"
		    " ip link add nsn1 type veth peer name eth0 netns t &&"
		    " ip link add out0 type veth peer name eth0 netns o &&"
		    " ip addr add 10.9.1.1/24 dev nsn1 && ip link set nsn1 up &&"
		    " ip addr add 10.9.2.1/24 dev out0 && ip link set out0 up &&"
		    " ip -n t addr add 10.9.1.2/24 dev eth0 && ip -n t link set eth0 up &&"
		    " ip -n o addr add 10.9.2.2/24 dev eth0 && ip -n o link set eth0 up &&"
		    " ip -n t route add default via 10.9.1.1 &&"
		    " ip -n o route add default via 10.9.2.1 &&"
		    " echo 1 >/proc/sys/net/ipv4/ip_forward"));
}

static bool gets_out(void)
{
	return lab_ping("/run/netns/t", "10.9.2.2");
}

static bool gets_in(void)
{
	return lab_ping("/run/netns/o", "10.9.1.2");
}

static void nft_reads(const char *text)
{
	struct run r;

	run_input(&r, 60000, text, (const char *const[]){"nft", "-f", "-", NULL});
	if (r.status != 0)
		fail_msg("nft -f: %s", r.err);
	run_free(&r);
}

/* As docker 27 does it, and as it is with iptables-nft. */
static void make_docker(void)
{
	free(lab_sh("iptables -P FORWARD DROP && iptables -N DOCKER-USER && iptables -N DOCKER &&"
		    " iptables -A DOCKER-USER -j RETURN && iptables -A FORWARD -j DOCKER-USER &&"
		    " iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED"
		    " -j ACCEPT && iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT"));
}

static const char firewalld[] =
	"table inet firewalld {\n"
	" chain filter_INPUT { type filter hook input priority filter + 10; policy accept;\n"
	"  ct state { established, related } accept\n }\n"
	" chain filter_FORWARD { type filter hook forward priority filter + 10; policy accept;\n"
	"  ct state { established, related } accept\n  ct status dnat accept\n"
	"  iifname \"lo\" accept\n  ct state invalid drop\n  jump filter_FORWARD_POLICIES\n"
	"  reject with icmpx admin-prohibited\n }\n"
	" chain filter_FORWARD_POLICIES {\n  iifname \"eth9\" jump policies\n }\n"
	" chain policies {\n  accept\n }\n}\n";

static char *ruleset(void)
{
	return lab_sh("nft -j list ruleset");
}

/* Handles and all but how many packets have passed. */
static char *quiet_ruleset(void)
{
	return lab_sh(
		"nft -j -s list ruleset | sed 's/\"\\(packets\\|bytes\\)\": [0-9]*/\"N\": 0/g'");
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* All that is said of a number, joined; "" when nothing is. The caller frees it. */
static char *said(struct nsnet *n, const char *id, enum nsnet_health *health, bool *fixed)
{
	NSN_AUTO(nsnet_doctor_freep) struct nsnet_doctor *d = NULL;
	char *text = strdup("");

	lab_ok(nsnet_doctor(n, &d, &err), &err, "nsnet_doctor", __FILE__, __LINE__);
	for (size_t i = 0; i < nsnet_doctor_count(d); i++) {
		const struct nsnet_check *c = nsnet_doctor_get(d, i);
		char *more;

		if (strcmp(c->id, id) != 0)
			continue;
		assert_true(asprintf(&more, "%s%s\n", text, c->what) > 0);
		free(text);
		text = more;
		if (health)
			*health = c->health;
		if (fixed)
			*fixed = c->fixed;
	}
	return text;
}

#define SAYS(n, id, health_, part)                                                                 \
	do {                                                                                       \
		enum nsnet_health says_ = NSNET_HEALTHY;                                           \
		char *text_ = said(n, id, &says_, NULL);                                           \
                                                                                                   \
		LAB_HAS(text_, part);                                                              \
		assert_int_equal(says_, health_);                                                  \
		free(text_);                                                                       \
	} while (0)

static bool is_said(struct nsnet *n, const char *id)
{
	char *text = said(n, id, NULL, NULL);
	bool ret = *text != '\0';

	free(text);
	return ret;
}

static bool is_fixed(struct nsnet *n, const char *id)
{
	bool fixed = false;

	free(said(n, id, NULL, &fixed));
	return fixed;
}

/* How many rules. */
static size_t fix(struct nsnet *n, const char *id, bool undo, unsigned int flags)
{
	NSN_AUTO(nsnet_doctor_fix_freep) struct nsnet_doctor_fix *f = NULL;

	lab_ok(nsnet_doctor_fix(n, id, undo, flags, &f, &err), &err, id, __FILE__, __LINE__);
	return nsnet_doctor_fix_count(f);
}

/* ---- the host itself ------------------------------------------------------------------------- */

static void a_host_without_a_firewall_is_healthy(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	SAYS(n, "D001", NSNET_HEALTHY, ": nf_tables, conntrack, bridge, veth");
	SAYS(n, "D020", NSNET_HEALTHY, "has changed no setting of the host; ip_forward is 0");
	SAYS(n, "D100", NSNET_HEALTHY, "no table of others drops");
	SAYS(n, "D131", NSNET_HEALTHY, "the host's table of connections is 0 % full");
	SAYS(n, "D150", NSNET_HEALTHY, "no rule expires");
	assert_true(is_said(n, "D010"));
	assert_true(is_said(n, "D021"));
	assert_true(is_said(n, "D120"));
	nsnet_close(n);
}

static void a_mount_that_is_not_shared_fails(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	free(lab_sh("mkdir -p /run/netns && mount --bind /run/netns /run/netns &&"
		    " mount --make-private /run/netns"));
	SAYS(n, "D010", NSNET_FAILING, "/run/netns is not a shared mount");
	free(lab_sh("mount --make-shared /run/netns"));
	/* What process 1 is under, the runner of the tests says. */
	assert_int_equal(lab_sh_status("%s doctor | grep -q 'FAIL  D010'", nsnet_bin()), 1);
	nsnet_close(n);
}

static void rules_that_end_soon_are_counted(void **state)
{
	const time_t soon = time(NULL) + 13 * 86400, late = time(NULL) + 15 * 86400;
	char date[2][32];
	struct nsnet *n;

	(void)state;
	world_need();
	(void)strftime(date[0], sizeof(date[0]), "%Y-%m-%dT%H:%M:%SZ", gmtime(&soon));
	(void)strftime(date[1], sizeof(date[1]), "%Y-%m-%dT%H:%M:%SZ", gmtime(&late));
	n = lab_open();
	lab_add(n, "customer1", "10.10.1.0/24", NSNET_CREATED);
	lab_add(n, "customer2", "10.10.2.0/24", NSNET_CREATED);
	NSNET_STATUS(0, "allow", "customer1", "customer2", "tcp/1", "--because", "x", "--expires",
		     date[1]);
	SAYS(n, "D150", NSNET_HEALTHY, "no rule");
	NSNET_STATUS(0, "allow", "customer1", "customer2", "tcp/2", "--because", "x", "--expires",
		     date[0]);
	SAYS(n, "D150", NSNET_DOUBTFUL, "1 rule expires within 14 days");
	nsnet_close(n);
}

static void settings_that_were_changed_are_told(void **state)
{
	const struct nsn_host_setting set = {.path = "net/ipv4/conf/lo/forwarding", .old = "0"};
	/* What else the engine keeps with them. */
	const struct nsn_host_setting mark = {.path = "#table", .old = "-"};
	struct nsn_uplink u = {.tenant = 1};
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "customer1", "10.10.1.0/24", NSNET_CREATED);
	lab_ok(nsn_store_begin(n->store, &err), &err, "begin", __FILE__, __LINE__);
	assert_int_equal(nsn_store_uplink_put(n->store, &u, 100, false, &err), 1);
	lab_ok(nsn_store_host_setting_put(n->store, &set, &err), &err, "put", __FILE__, __LINE__);
	lab_ok(nsn_store_host_setting_put(n->store, &mark, &err), &err, "put", __FILE__, __LINE__);
	lab_ok(nsn_store_commit(n->store, &err), &err, "commit", __FILE__, __LINE__);
	SAYS(n, "D020", NSNET_FAILING, "somebody has set net/ipv4/conf/lo/forwarding back");
	free(lab_sh("echo 1 >/proc/sys/net/ipv4/conf/lo/forwarding"));
	SAYS(n, "D020", NSNET_HEALTHY,
	     "nsnet has changed 1 setting of the host, and gives it back with the last uplink: "
	     "net/ipv4/conf/lo/forwarding (was 0)");
	nsnet_close(n);
}

/* ---- which chains lose packets -----------------------------------------------------------------
 */

static const struct {
	const char *rules, *id; /* id NULL: nothing is in the way */
} tables[] = {
	{"table ip a { chain c { type filter hook forward priority 0; policy drop; } ; }", "D101"},
	{"table inet a { chain c { type filter hook forward priority 0; tcp dport 1 accept; drop; "
	 "} ; }",
	 "D101"},
	{"table inet a { chain c { type filter hook forward priority 0; jump d; } ; "
	 "chain d { counter; log; reject; } ; }",
	 "D101"},
	{"table inet a { chain d { drop; } ; chain c { type filter hook forward priority 0; "
	 "goto d; } ; }",
	 "D101"},
	{"table inet filter { chain c { type filter hook forward priority 0; policy drop; } ; }",
	 "D106"},
	{"table ip6 filter { chain FORWARD { type filter hook forward priority 0; policy drop; } "
	 "; chain ufw6-x { } ; }",
	 "D103"},
	{"table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; } ; "
	 "}",
	 "D105"},
	{"table bridge a { chain c { type filter hook forward priority 0; policy drop; } ; }",
	 "D108"},
	/* Half of the packets is not enough. */
	{"table ip a { chain c { type filter hook forward priority 0; policy drop; iifname "
	 "\"nsn*\" accept; } ; }",
	 "D101"},
	{"table ip a { chain c { type filter hook forward priority 0; policy drop; iifname "
	 "\"nsn1\" accept; oifname \"nsn1\" accept; } ; }",
	 "D101"},
	/* Rules that come too late. */
	{"table ip a { chain c { type filter hook forward priority 0; drop; iifname \"nsn*\" "
	 "accept; oifname \"nsn*\" accept; } ; }",
	 "D101"},
	{"table ip a { chain c { type filter hook input priority 0; policy drop; } ; }", NULL},
	{"table ip a { flags dormant; chain c { type filter hook forward priority 0; policy drop; "
	 "} ; }",
	 NULL},
	{"table ip a { chain c { type filter hook forward priority 0; policy drop; accept; } ; }",
	 NULL},
	{"table ip a { chain c { type filter hook forward priority 0; tcp dport 1 drop; } ; "
	 "chain d { drop; } ; }",
	 NULL},
	{"table ip a { chain c { type filter hook forward priority 0; return; drop; } ; }", NULL},
	{"table inet nsnet { chain c { type filter hook forward priority 0; policy drop; } ; }",
	 NULL},
};

static void chains_that_lose_packets_are_found_and_named(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	for (size_t i = 0; i < NSN_COUNT(tables); i++) {
		const char *id = tables[i].id ? tables[i].id : "D100";
		const bool lost = tables[i].id && strcmp(id, "D108") != 0;
		enum nsnet_health health = NSNET_HEALTHY;
		char *text;

		nft_reads(tables[i].rules);
		text = said(n, id, &health, NULL);
		if (!*text || health != (lost ? NSNET_DOUBTFUL : NSNET_HEALTHY))
			fail_msg("%s: %s is '%s'", tables[i].rules, id, text);
		free(text);
		free(lab_sh("nft flush ruleset"));
	}
	nsnet_close(n);
}

/* A target of x_tables at the end, and rules that somebody has made who is not nsnet. */
static void rules_of_iptables_are_understood(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	free(lab_sh("iptables -A FORWARD -p tcp --dport 1 -j ACCEPT &&"
		    " iptables -A FORWARD -j REJECT --reject-with icmp-host-prohibited"));
	SAYS(n, "D105", NSNET_DOUBTFUL,
	     "iptables drops in chain 'FORWARD' of 'ip filter', by a rule for all");
	free(lab_sh("iptables -I FORWARD -i nsn+ -j ACCEPT &&"
		    " iptables -I FORWARD -o nsn+ -m conntrack --ctstate RELATED,ESTABLISHED,DNAT"
		    " -m comment --comment mine -j ACCEPT"));
	SAYS(n, "D105", NSNET_HEALTHY, "'FORWARD' has rules for uplinks");
	assert_false(is_fixed(n, "D105"));
	nsnet_close(n);
}

static void with_an_uplink_it_is_a_failure(void **state)
{
	struct nsn_uplink u = {.tenant = 1};
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "customer1", "10.10.1.0/24", NSNET_CREATED);
	make_docker();
	SAYS(n, "D104", NSNET_DOUBTFUL, "(none has an uplink now)");
	NSNET_STATUS(0, "doctor");
	lab_ok(nsn_store_begin(n->store, &err), &err, "begin", __FILE__, __LINE__);
	assert_int_equal(nsn_store_uplink_put(n->store, &u, 100, false, &err), 1);
	lab_ok(nsn_store_commit(n->store, &err), &err, "commit", __FILE__, __LINE__);
	SAYS(n, "D104", NSNET_FAILING,
	     "docker drops in chain 'FORWARD' of 'ip filter', by its policy: what tenants are "
	     "allowed to reach outside is lost");
	NSNET_STATUS(1, "doctor");
	nsnet_close(n);
}

/* ---- fixing ---------------------------------------------------------------------------------- */

static void dockers_chain_lets_uplinks_through(void **state)
{
	struct nsnet *n;
	char *before, *after;

	(void)state;
	make_host();
	n = lab_open();
	assert_true(gets_out());
	make_docker();
	assert_false(gets_out());
	before = quiet_ruleset();
	assert_int_equal(fix(n, "D104", false, 0), 3);
	assert_true(gets_out());
	/* What is no reply and was not published still does not come in. */
	assert_false(gets_in());
	assert_true(is_fixed(n, "D104"));
	SAYS(n, "D104", NSNET_HEALTHY, "'DOCKER-USER' has rules of `nsnet doctor --fix`");
	free(lab_sh(
		"iptables -S DOCKER-USER | grep -e '-i nsn+ .*nsnet doctor D104 store .*ACCEPT' &&"
		" iptables -L -n >/dev/null && iptables-save >/dev/null"));
	assert_int_equal(fix(n, "D104", false, 0), 0);
	assert_int_equal(fix(n, "D104", true, 0), 3);
	assert_false(gets_out());
	after = quiet_ruleset();
	assert_string_equal(after, before);
	assert_int_equal(fix(n, "D104", true, 0), 0);
	free(before);
	free(after);
	nsnet_close(n);
}

static void what_is_published_comes_in(void **state)
{
	struct nsnet *n;

	(void)state;
	make_host();
	n = lab_open();
	nft_reads(firewalld);
	nft_reads("table ip nat { chain pre { type nat hook prerouting priority dstnat;\n"
		  " ip daddr 10.9.2.1 meta l4proto icmp dnat to 10.9.1.2\n } ; }");
	make_docker();
	assert_false(lab_ping("/run/netns/o", "10.9.2.1"));
	(void)fix(n, "D104", false, 0);
	/* firewalld's own rules let it pass, as it was translated. */
	assert_true(lab_ping("/run/netns/o", "10.9.2.1"));
	free(lab_sh("iptables -P FORWARD ACCEPT && nft delete rule inet firewalld filter_FORWARD"
		    " handle $(nft -a list chain inet firewalld filter_FORWARD |"
		    " sed -n 's/.*ct status dnat accept # handle //p')"));
	assert_false(lab_ping("/run/netns/o", "10.9.2.1"));
	(void)fix(n, "D102", false, 0);
	assert_true(lab_ping("/run/netns/o", "10.9.2.1"));
	assert_false(gets_in());
	nsnet_close(n);
}

static void firewallds_chain_lets_uplinks_through(void **state)
{
	struct nsnet *n;

	(void)state;
	make_host();
	n = lab_open();
	nft_reads(firewalld);
	assert_false(gets_out());
	SAYS(n, "D102", NSNET_DOUBTFUL,
	     "firewalld drops in chain 'filter_FORWARD' of 'inet firewalld', by a rule for all");
	assert_int_equal(fix(n, "D102", false, 0), 3);
	assert_true(gets_out());
	assert_false(gets_in());
	assert_int_equal(fix(n, "D102", true, 0), 3);
	assert_false(gets_out());
	nsnet_close(n);
}

/* Without packets in between, so that the counters are the same, too. */
static void nothing_else_is_touched_and_nothing_stays(void **state)
{
	static const char *const ids[] = {"D104", "D102"};
	char *before, *after;
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	make_docker();
	nft_reads(firewalld);
	nft_reads("table ip6 filter { chain FORWARD { type filter hook forward priority 0; policy "
		  "drop; } ; }\ntable inet x { set s { type ipv4_addr; elements = { 192.0.2.1 }; } "
		  "; }");
	before = ruleset();
	for (size_t i = 0; i < NSN_COUNT(ids); i++) {
		const char *others = i == 0 ? "nft -j list table inet firewalld; nft -j list table "
					      "ip6 filter; nft -j list table inet x;"
					      " nft -j list chain ip filter FORWARD;"
					      " nft -j list chain ip filter DOCKER"
					    : "nft -j list table ip filter; nft -j list table ip6 "
					      "filter; nft -j list table inet x;"
					      " nft -j list chain inet firewalld filter_INPUT";
		char *theirs = lab_sh("%s", others), *then;

		assert_int_equal(fix(n, ids[i], false, NSNET_DRY_RUN), 3);
		after = ruleset();
		assert_string_equal(after, before);
		free(after);
		assert_int_equal(fix(n, ids[i], false, 0), 3);
		then = lab_sh("%s", others);
		assert_string_equal(then, theirs);
		assert_int_equal(fix(n, ids[i], true, 0), 3);
		after = ruleset();
		assert_string_equal(after, before);
		free(after);
		free(theirs);
		free(then);
	}
	free(before);
	nsnet_close(n);
}

/* Each of its tables has a chain of its own. */
static void docker_with_ipv6_is_one_check(void **state)
{
	char *before, *after;
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	make_docker();
	free(lab_sh("ip6tables -P FORWARD DROP && ip6tables -N DOCKER-USER &&"
		    " ip6tables -A FORWARD -j DOCKER-USER &&"
		    " ip6tables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT"));
	before = ruleset();
	SAYS(n, "D104", NSNET_DOUBTFUL, "chain 'FORWARD' of 'ip filter'");
	SAYS(n, "D104", NSNET_DOUBTFUL, "chain 'FORWARD' of 'ip6 filter'");
	assert_int_equal(fix(n, "D104", false, 0), 6);
	free(lab_sh("ip6tables -S DOCKER-USER | grep -e '-o nsn+ -m conntrack --ctstate DNAT'"));
	assert_int_equal(fix(n, "D104", true, 0), 6);
	after = ruleset();
	assert_string_equal(after, before);
	free(before);
	free(after);
	nsnet_close(n);
}

/* Of what has the comment only what nsnet would have written is removed. */
static void rules_are_known_also_when_iptables_has_restored_them(void **state)
{
	char *before, *after;
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	make_docker();
	before = lab_sh("iptables -S");
	assert_int_equal(fix(n, "D104", false, 0), 3);
	free(lab_sh("iptables-save >/run/saved && iptables-restore </run/saved"));
	assert_true(is_fixed(n, "D104"));
	free(lab_sh("iptables -A DOCKER-USER -p tcp --dport 1 -m comment --comment"
		    " \"$(iptables -S | sed -n 's/.*-i nsn+.*\"\\(.*\\)\".*/\\1/p')\" -j ACCEPT &&"
		    " iptables -A DOCKER-USER -i nsn+ -m comment --comment"
		    " 'nsnet doctor D104 store 0123456789abcdef0123456789abcdef' -j ACCEPT"));
	assert_int_equal(fix(n, "D104", true, 0), 3);
	free(lab_sh("iptables -S | grep -c 'nsnet doctor D104' | grep -qx 2"));
	free(lab_sh("iptables -D DOCKER-USER 3 && iptables -D DOCKER-USER 2"));
	after = lab_sh("iptables -S");
	assert_string_equal(after, before);
	free(before);
	free(after);
	nsnet_close(n);
}

/* A table that both iptables and nft may take for their own: no condition, as none is both's. */
static void a_table_of_nobody_known_stays_readable_for_all(void **state)
{
	struct nsnet *n;

	(void)state;
	make_host();
	n = lab_open();
	free(lab_sh("iptables -P FORWARD DROP"));
	assert_int_equal(fix(n, "D105", false, 0), 2);
	assert_true(gets_out());
	free(lab_sh("iptables -S FORWARD | grep -e '-o nsn+ .*ACCEPT' &&"
		    " nft list ruleset >/run/all && nft flush ruleset && nft -f /run/all"));
	assert_true(gets_out());
	assert_int_equal(fix(n, "D105", true, 0), 2);
	assert_false(gets_out());
	nsnet_close(n);
}

static void the_command_asks_first(void **state)
{
	char *before, *after;
	struct run r;

	(void)state;
	world_need();
	make_docker();
	before = ruleset();
	NSNET(&r, "doctor", "--fix", "D104");
	assert_int_equal(r.status, 5);
	LAB_HAS(r.err, "[NEEDS_YES]");
	LAB_HAS(r.err, "3 rules of tables that are not nsnet's would be added");
	run_free(&r);
	NSNET(&r, "doctor", "--fix", "D104", "-n");
	assert_int_equal(r.status, 0);
	LAB_HAS(r.out, "  table ip filter, chain DOCKER-USER:\n    -i nsn+ -j ACCEPT\n");
	run_free(&r);
	after = ruleset();
	assert_string_equal(after, before);
	free(after);
	free(lab_sh("echo n | script -qec '%s doctor --fix D104' /dev/null |"
		    " grep 'add these rules to tables that are not nsnet.s? .y/N.'",
		    nsnet_bin()));
	after = ruleset();
	assert_string_equal(after, before);
	free(after);
	NSNET_STATUS(2, "doctor", "--fix", "D107", "-y");
	NSNET_STATUS(2, "doctor", "--fix", "D104", "--unfix", "D104", "-y");
	NSNET_STATUS(2, "doctor", "-n");
	NSNET_STATUS(0, "doctor", "--fix", "D104", "-y");
	free(lab_sh("iptables -S DOCKER-USER | grep -e '-i nsn+'"));
	NSNET_STATUS(0, "doctor", "--unfix", "D104", "-y");
	after = ruleset();
	assert_string_equal(after, before);
	free(before);
	free(after);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup(name, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(a_host_without_a_firewall_is_healthy),
		TEST(a_mount_that_is_not_shared_fails),
		TEST(rules_that_end_soon_are_counted),
		TEST(settings_that_were_changed_are_told),
		TEST(chains_that_lose_packets_are_found_and_named),
		TEST(rules_of_iptables_are_understood),
		TEST(with_an_uplink_it_is_a_failure),
		TEST(dockers_chain_lets_uplinks_through),
		TEST(what_is_published_comes_in),
		TEST(firewallds_chain_lets_uplinks_through),
		TEST(nothing_else_is_touched_and_nothing_stays),
		TEST(docker_with_ipv6_is_one_check),
		TEST(rules_are_known_also_when_iptables_has_restored_them),
		TEST(a_table_of_nobody_known_stays_readable_for_all),
		TEST(the_command_asks_first),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
