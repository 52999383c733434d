// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What somebody changes by hand is noticed, and put back exactly
 *
 * Each row is one change that root makes in a tenant's namespaces with ip,
 * bridge, nft or through /proc/sys. The tables say what is right as constants,
 * not as the library has it: a setting that gets lost there is missed here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/site.h"
#include "../lib/world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct site site;

/* ---- settings ---- */

struct setting {
	const char *name, *right, *wrong;
};

static const struct setting ipv4[] = {
	{"forwarding", "0", "1"},	   {"rp_filter", "1", "0"},
	{"accept_redirects", "0", "1"},	   {"secure_redirects", "0", "1"},
	{"send_redirects", "0", "1"},	   {"accept_source_route", "0", "1"},
	{"route_localnet", "0", "1"},	   {"proxy_arp", "0", "1"},
	{"proxy_arp_pvlan", "0", "1"},	   {"arp_ignore", "2", "0"},
	{"arp_announce", "2", "0"},	   {"arp_accept", "0", "1"},
	{"drop_gratuitous_arp", "1", "0"}, {"bc_forwarding", "0", "1"},
	{"accept_local", "0", "1"},
};

static const struct setting ipv6[] = {
	{"forwarding", "0", "1"},	{"disable_ipv6", "1", "0"},
	{"accept_ra", "0", "2"},	{"autoconf", "0", "1"},
	{"accept_redirects", "0", "1"}, {"accept_source_route", "0", "1"},
	{"seg6_enabled", "0", "1"},	{"addr_gen_mode", "1", "0"},
	{"accept_dad", "0", "1"},
};

static const struct setting whole[] = {
	{"net/ipv4/icmp_echo_ignore_broadcasts", "1", "0"},
	{"net/bridge/bridge-nf-call-iptables", "0", "1"},
	{"net/bridge/bridge-nf-call-ip6tables", "0", "1"},
	{"net/bridge/bridge-nf-call-arptables", "0", "1"},
};

static const struct setting of_workload[] = {
	{"net/ipv6/conf/all/disable_ipv6", "1", "0"},
	{"net/ipv6/conf/default/disable_ipv6", "1", "0"},
};

static int open_setting(const char *path, int flags)
{
	char full[160];
	int fd;

	(void)snprintf(full, sizeof(full), "/proc/sys/%s", path);
	fd = open(full, flags | O_CLOEXEC);
	if (fd < 0)
		fail_msg("%s is not there", full);
	return fd;
}

static void expect_setting(int ns, const char *path, const char *value)
{
	char text[32] = "";
	int fd;

	site_go(ns);
	fd = open_setting(path, O_RDONLY);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	site_close(&fd);
	site_go(site.home);
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, value) != 0)
		fail_msg("%s is %s, not %s", path, text, value);
}

static void put_setting(int ns, const char *path, const char *value)
{
	int fd;

	site_go(ns);
	fd = open_setting(path, O_WRONLY);
	assert_int_equal(write(fd, value, strlen(value)), strlen(value));
	site_close(&fd);
	site_go(site.home);
}

static void try_setting(int ns, const char *path, const struct setting *s)
{
	expect_setting(ns, path, s->right);
	put_setting(ns, path, s->wrong);
	if (site_state(&site) != NSNET_STATE_DRIFT)
		fail_msg("%s = %s is no drift", path, s->wrong);
	assert_true(site_repair(&site));
	expect_setting(ns, path, s->right);
	if (site_state(&site) != NSNET_STATE_OK)
		fail_msg("%s: not repaired", path);
}

static void try_family(const char *family, const struct setting *list, size_t n, const char *who)
{
	char path[128];

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "net/%s/conf/%s/%s", family, who, list[i].name);
		try_setting(site.gateway, path, &list[i]);
	}
}

static void every_setting_is_put_back(void **state)
{
	const char *const who[] = {"all", "default", "br0", site.port};

	(void)state;
	world_need();
	for (size_t i = 0; i < COUNT(who); i++) {
		try_family("ipv4", ipv4, COUNT(ipv4), who[i]);
		try_family("ipv6", ipv6, COUNT(ipv6), who[i]);
	}
	for (size_t i = 0; i < COUNT(whole); i++)
		try_setting(site.gateway, whole[i].name, &whole[i]);
	for (size_t i = 0; i < COUNT(of_workload); i++)
		try_setting(site.workload, of_workload[i].name, &of_workload[i]);
}

static bool is_listed(const struct setting *list, size_t n, const char *name, const char *value)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return strcmp(list[i].right, value) == 0;
	return false;
}

/* @text: "PATH = VALUE", as a plan has it. */
static bool is_known(const char *text)
{
	char path[128], value[16], who[16], name[64], family[2];

	if (sscanf(text, "%127s = %15s", path, value) != 2)
		return false;
	if (is_listed(whole, COUNT(whole), path, value) ||
	    is_listed(of_workload, COUNT(of_workload), path, value))
		return true;
	if (sscanf(path, "net/ipv%1[46]/conf/%15[^/]/%63s", family, who, name) != 3)
		return false;
	return family[0] == '4' ? is_listed(ipv4, COUNT(ipv4), name, value)
				: is_listed(ipv6, COUNT(ipv6), name, value);
}

/* The plan of a tenant that is not there writes all there is to write. */
static void every_setting_that_is_written_is_known_here(void **state)
{
	struct nsnet_change *c = NULL;
	size_t settings = 0;

	(void)state;
	world_need();
	assert_int_equal(nsnet_tenant_add(site.n, "green", SITE_SUBNET, NSNET_DRY_RUN, &c, NULL),
			 0);
	for (size_t i = 0; i < nsnet_change_steps(c, 0); i++) {
		struct nsnet_step step;

		nsnet_change_step(c, 0, i, &step);
		if (strcmp(step.kind, "sysctl") != 0)
			continue;
		settings++;
		if (!is_known(step.text))
			fail_msg("no row for %s", step.text);
	}
	assert_int_equal(settings,
			 2 * (COUNT(ipv4) + COUNT(ipv6)) + COUNT(whole) + COUNT(of_workload));
	nsnet_change_free(c);
}

/* ---- everything else ---- */

/*
 * All there is in a namespace, as the tools show it, in an order that does not
 * depend on when it was made (but for the rules of a chain); without what
 * changes by itself, and without the name, number and address of the port,
 * which is never made again as it was. A link that was up once keeps the queue
 * that it got then.
 */
#define LINKS                                                                                      \
	"{ ip -o -d link; ip -o -d addr; } | sed -E 's/^[0-9]+: //; s/@[a-z0-9]+//; "              \
	"s/ [a-z_]+_timer +[0-9.]+//g; s/ link-netns(id)? [a-z0-9]+//; s/ qdisc [a-z]+//' | "      \
	"sort\n"
#define ROUTES "ip -d route show table all; ip -6 -d route show table all\n"

static const char dump_gateway[] =
	LINKS ROUTES "{ ip -d neigh; bridge -d fdb; } | sort\n"
		     "nft -s list ruleset | awk '/^\tchain/ { c = $2; n = 10 } { print c, n++, $0 }"
		     " /^\t}/ { c = \"\"; n = \"\" }' | sed 's/^ [0-9]*//' | sort\n";
static const char dump_workload[] = LINKS ROUTES "ip -d neigh | sort\n";

static char *take_dump(int ns, const char *commands)
{
	struct nsnet_status status;
	char script[2048];
	struct run r;
	int n;

	assert_int_equal(nsnet_status(site.n, &status, NULL), 0);
	n = snprintf(script, sizeof(script),
		     "{\n%s} | sed -E 's/nsn[0-9]+/PORT/g; s/0a:00:00:00:00:[0-9a-f]+/PORTMAC/g;"
		     " s/group %u /group OURS /; s/store %s/store OURS/'",
		     commands, status.group, status.store_id);
	assert_true(n < (int)sizeof(script));
	site_go(ns);
	RUN(&r, "bash", "-o", "pipefail", "-ec", script);
	site_go(site.home);
	if (r.status != 0)
		fail_msg("cannot look into a namespace: %s", r.err);
	free(r.err);
	return r.out;
}

struct drift {
	const char *name;
	bool in_workload;
	const char *script;
};

#define GATEWAY	 false
#define WORKLOAD true

#define PORT(flag, value) "ip link set dev $PORT type bridge_slave " flag " " value
#define RULE(chain, n)                                                                             \
	"H=$(nft -a list chain inet nsnet " chain " | sed -n 's/.*# handle //p' | sed -n '" n      \
	"p')\n"

/* clang-format off */
static const struct drift drifts[] = {
	{"bridge: mac", GATEWAY, "ip link set br0 address 02:11:22:33:44:55"},
	{"bridge: group", GATEWAY, "ip link set br0 group 4711"},
	{"bridge: mtu", GATEWAY, "ip link set br0 mtu 1400"},
	{"bridge: down", GATEWAY, "ip link set br0 down"},
	{"bridge: spanning tree", GATEWAY, "ip link set br0 type bridge stp_state 1"},
	{"bridge: snooping", GATEWAY, "ip link set br0 type bridge mcast_snooping 1"},
	{"bridge: gone", GATEWAY, "ip link del br0"},
	{"port: mac", GATEWAY, "ip link set $PORT address 02:11:22:33:44:55"},
	{"port: group", GATEWAY, "ip link set $PORT group 4711"},
	{"port: mtu", GATEWAY, "ip link set $PORT mtu 1400"},
	{"port: down", GATEWAY, "ip link set $PORT down"},
	{"port: shut by its bridge", GATEWAY, "bridge link set dev $PORT state 0"},
	{"port: out of the bridge", GATEWAY, "ip link set $PORT nomaster"},
	{"port: in another bridge", GATEWAY,
	 "ip link add x type bridge; ip link set $PORT master x; ip link set $PORT nomaster; ip link del x"},
	{"port: gone", GATEWAY, "ip link del $PORT"},
	{"port: another name", GATEWAY, "ip link set $PORT down; ip link set $PORT name x; ip link set x up"},
	{"port flag: hairpin", GATEWAY, PORT("hairpin", "on")},
	{"port flag: guard", GATEWAY, PORT("guard", "off")},
	{"port flag: root_block", GATEWAY, PORT("root_block", "off")},
	{"port flag: fastleave", GATEWAY, PORT("fastleave", "on")},
	{"port flag: learning", GATEWAY, PORT("learning", "on")},
	{"port flag: flood", GATEWAY, PORT("flood", "on")},
	{"port flag: proxy_arp", GATEWAY, PORT("proxy_arp", "on")},
	{"port flag: proxy_arp_wifi", GATEWAY, PORT("proxy_arp_wifi", "on")},
	{"port flag: mcast_flood", GATEWAY, PORT("mcast_flood", "on")},
	{"port flag: mcast_to_unicast", GATEWAY, PORT("mcast_to_unicast", "on")},
	{"port flag: bcast_flood", GATEWAY, PORT("bcast_flood", "on")},
	{"port flag: neigh_suppress", GATEWAY, PORT("neigh_suppress", "on")},
	{"port flag: isolated", GATEWAY, PORT("isolated", "off")},
	{"port flag: locked", GATEWAY, PORT("locked", "off")},
	{"loopback: up", GATEWAY, "ip link set lo up"},
	{"address: gone", GATEWAY, "ip addr del 10.10.1.1/24 dev br0"},
	{"address: another prefix", GATEWAY,
	 "ip addr del 10.10.1.1/24 dev br0; ip addr add 10.10.1.1/16 dev br0"},
	{"address: with a peer", GATEWAY,
	 "ip addr del 10.10.1.1/24 dev br0; ip addr add 10.10.1.1 peer 10.99.0.1/24 dev br0"},
	{"address: one more", GATEWAY, "ip addr add 10.99.0.1/24 dev br0"},
	{"address: one on the port", GATEWAY, "ip addr add 10.99.0.1/24 dev $PORT"},
	{"neighbour: gone", GATEWAY, "ip neigh del 10.10.1.2 dev br0"},
	{"neighbour: another mac", GATEWAY,
	 "ip neigh replace 10.10.1.2 lladdr 02:11:22:33:44:55 dev br0 nud permanent"},
	{"neighbour: not permanent", GATEWAY,
	 "ip neigh replace 10.10.1.2 lladdr 02:00:00:00:00:01 dev br0 nud stale"},
	{"neighbour: one more", GATEWAY,
	 "ip neigh add 10.10.1.9 lladdr 02:11:22:33:44:55 dev br0 nud permanent"},
	{"fdb: gone", GATEWAY, "bridge fdb del 02:00:00:00:00:01 dev $PORT master"},
	{"fdb: not static", GATEWAY,
	 "bridge fdb replace 02:00:00:00:00:01 dev $PORT master dynamic"},
	{"fdb: one more", GATEWAY, "bridge fdb add 02:11:22:33:44:55 dev $PORT master static"},
	{"route: one that says it is ours", GATEWAY, "ip route add 192.0.2.0/24 dev br0 proto 78"},
	{"table: gone", GATEWAY, "nft delete table inet nsnet"},
	{"table: empty", GATEWAY, "nft 'delete table inet nsnet; add table inet nsnet'"},
	{"table: without rules", GATEWAY, "nft flush table inet nsnet"},
	{"table: dormant", GATEWAY, "nft 'add table inet nsnet { flags dormant; }'"},
	{"chain: gone", GATEWAY,
	 "nft 'flush chain inet nsnet input; delete chain inet nsnet input'"},
	{"chain: accepts, prerouting", GATEWAY, "nft 'chain inet nsnet prerouting { policy accept; }'"},
	{"chain: accepts, input", GATEWAY, "nft 'chain inet nsnet input { policy accept; }'"},
	{"chain: accepts, forward", GATEWAY, "nft 'chain inet nsnet forward { policy accept; }'"},
	{"chain: accepts, output", GATEWAY, "nft 'chain inet nsnet output { policy accept; }'"},
	{"chain: another priority", GATEWAY,
	 "nft 'flush chain inet nsnet forward; delete chain inet nsnet forward;"
	 " add chain inet nsnet forward { type filter hook forward priority 10; policy drop; };"
	 " add rule inet nsnet forward counter name nsnet_drop_forward drop'"},
	{"chain: another hook", GATEWAY,
	 "nft 'flush chain inet nsnet forward; delete chain inet nsnet forward;"
	 " add chain inet nsnet forward { type filter hook postrouting priority 0; policy drop; };"
	 " add rule inet nsnet forward counter name nsnet_drop_forward drop'"},
	{"chain: without a hook", GATEWAY,
	 "nft 'flush chain inet nsnet forward; delete chain inet nsnet forward;"
	 " add chain inet nsnet forward; add rule inet nsnet forward counter name nsnet_drop_forward drop'"},
	{"chain: one more", GATEWAY,
	 "nft 'add chain inet nsnet more { type filter hook forward priority -1; policy accept; }'"},
	{"chain: one more that is used", GATEWAY,
	 "nft 'add chain inet nsnet more; add rule inet nsnet more accept;"
	 " insert rule inet nsnet input jump more'"},
	{"rule: first one gone", GATEWAY, RULE("input", "2") "nft delete rule inet nsnet input handle $H"},
	{"rule: last one gone", GATEWAY, RULE("input", "3") "nft delete rule inet nsnet input handle $H"},
	{"rule: one more in front", GATEWAY, "nft insert rule inet nsnet input accept"},
	{"rule: one more behind", GATEWAY, "nft add rule inet nsnet forward accept"},
	{"rule: another address", GATEWAY,
	 RULE("input", "2") "nft replace rule inet nsnet input handle $H iifname br0 ip daddr 10.10.1.9"
	 " icmp type echo-request accept comment '\"ping the gateway\"'"},
	{"rule: another subnet", GATEWAY,
	 RULE("prerouting", "2") "nft replace rule inet nsnet prerouting handle $H iifname br0"
	 " ip saddr 10.10.0.0/16 accept comment '\"tenant'\"'\"'s own addresses only\"'"},
	{"rule: another comment", GATEWAY,
	 RULE("output", "2") "nft replace rule inet nsnet output handle $H oifname br0 ip saddr 10.10.1.1"
	 " icmp type echo-reply accept comment '\"other\"'"},
	{"rule: in another order", GATEWAY,
	 RULE("input", "3") "nft delete rule inet nsnet input handle $H;"
	 " nft insert rule inet nsnet input counter name nsnet_drop_input drop"},
	{"rule: with an expression nsnet does not know", GATEWAY,
	 "nft insert rule inet nsnet input limit rate 5/second accept"},
	{"rule: counts elsewhere", GATEWAY,
	 RULE("forward", "2") "nft replace rule inet nsnet forward handle $H counter drop"},
	{"counter: gone", GATEWAY,
	 "nft 'flush chain inet nsnet forward; delete counter inet nsnet nsnet_drop_forward'"},
	{"counter: one more", GATEWAY, "nft add counter inet nsnet more"},
	{"counter: one more that is used", GATEWAY,
	 "nft 'add counter inet nsnet more; insert rule inet nsnet input counter name more'"},
	{"workload: link down", WORKLOAD, "ip link set eth0 down"},
	{"workload: loopback down", WORKLOAD, "ip link set lo down"},
	{"workload: mac", WORKLOAD, "ip link set eth0 address 02:11:22:33:44:55"},
	{"workload: group", WORKLOAD, "ip link set eth0 group 4711"},
	{"workload: mtu", WORKLOAD, "ip link set eth0 mtu 1400"},
	{"workload: link gone", WORKLOAD, "ip link del eth0"},
	{"workload: address gone", WORKLOAD, "ip addr del 10.10.1.2/24 dev eth0"},
	{"workload: neighbour gone", WORKLOAD, "ip neigh del 10.10.1.1 dev eth0"},
	{"workload: neighbour with another mac", WORKLOAD,
	 "ip neigh replace 10.10.1.1 lladdr 02:11:22:33:44:55 dev eth0 nud permanent"},
	{"workload: neighbour not permanent", WORKLOAD,
	 "ip neigh replace 10.10.1.1 lladdr 06:00:00:00:00:01 dev eth0 nud stale"},
	{"workload: route gone", WORKLOAD, "ip route del default"},
	{"workload: another route", WORKLOAD, "ip route replace default via 10.10.1.9"},
};
/* clang-format on */

struct both {
	char *gateway, *workload;
};

static struct both take_both(void)
{
	return (struct both){.gateway = take_dump(site.gateway, dump_gateway),
			     .workload = take_dump(site.workload, dump_workload)};
}

static void free_both(struct both *b)
{
	free(b->gateway);
	free(b->workload);
}

/* As the first tenant was when it was made. */
static struct both right;

/* Whether a link has a carrier shows a moment later. */
static bool is_right(void *ctx)
{
	struct both now = take_both();
	bool same = strcmp(now.gateway, right.gateway) == 0 &&
		    strcmp(now.workload, right.workload) == 0;

	(void)ctx;
	free_both(&now);
	return same;
}

static void show_difference(const char *want, const char *have)
{
	size_t i = 0, line = 0;

	for (; want[i] && want[i] == have[i]; i++)
		if (want[i] == '\n')
			line = i + 1;
	if (want[i] != have[i])
		print_error("right: %.*s\nfound: %.*s\n", (int)strcspn(want + line, "\n"),
			    want + line, (int)strcspn(have + line, "\n"), have + line);
}

static void expect_right(void)
{
	struct both now;

	if (poll_until(is_right, NULL, 15000))
		return;
	now = take_both();
	show_difference(right.gateway, now.gateway);
	show_difference(right.workload, now.workload);
	free_both(&now);
	fail_msg("it is not as it was");
}

static void try_drift(const struct drift *d)
{
	site_go(d->in_workload ? site.workload : site.gateway);
	RUN_STATUS(0, "bash", "-ec", d->script);
	site_go(site.home);
	if (site_state(&site) != NSNET_STATE_DRIFT)
		fail_msg("it is not noticed");
	assert_true(site_repair(&site));
	if (site_state(&site) != NSNET_STATE_OK)
		fail_msg("it is not repaired");
	expect_right();
}

static void a_change_is_noticed_and_put_back(void **state)
{
	world_need();
	if (!right.gateway)
		right = take_both();
	try_drift(*state);
}

/* What a tenant does in its own namespace is its own business, as long as ours is there. */
static void what_a_workload_adds_is_no_drift(void **state)
{
	(void)state;
	world_need();
	site_go(site.workload);
	RUN_STATUS(0, "bash", "-ec",
		   "ip addr add 10.10.1.77/24 dev eth0; ip addr add 10.10.1.78/32 dev lo\n"
		   "ip route add 192.0.2.0/24 via 10.10.1.1; ip link add x type bridge\n"
		   "ip neigh add 10.10.1.9 lladdr 02:11:22:33:44:55 dev eth0 nud permanent\n"
		   "nft 'add table inet nsnet; add chain inet nsnet c'");
	site_go(site.home);
	assert_int_equal(site_state(&site), NSNET_STATE_OK);
	assert_false(site_repair(&site));
}

/* ---- running ---- */

static int set_up(void **state)
{
	(void)state;
	if (site_build(&site))
		site_wait_for_port(&site);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (site.n)
		site_drop(&site);
	return 0;
}

static int forget_right(void **state)
{
	(void)state;
	free_both(&right);
	return 0;
}

#define TESTS 3

int main(void)
{
	struct CMUnitTest tests[TESTS + COUNT(drifts)] = {
		cmocka_unit_test_setup_teardown(every_setting_is_put_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_setting_that_is_written_is_known_here, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_a_workload_adds_is_no_drift, set_up,
						tear_down),
	};

	for (size_t i = 0; i < COUNT(drifts); i++)
		tests[TESTS + i] =
			(struct CMUnitTest){.name = drifts[i].name,
					    .test_func = a_change_is_noticed_and_put_back,
					    .setup_func = set_up,
					    .teardown_func = tear_down,
					    .initial_state = (void *)(uintptr_t)&drifts[i]};
	return _cmocka_run_group_tests("drift", tests, COUNT(tests), NULL, forget_right);
}
