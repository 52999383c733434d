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
static int second = -1; /* the namespace of the endpoint `db` */

/* ---- tenants ---- */

static const struct nsnet_endpoint_def two[] = {{.name = "default", .rate = "2mbit"},
						{.name = "db", .rate = "3mbit"}};

/* One as simple as can be, one with all there is, one whose endpoints may not talk. */
static const struct kind {
	const char *name;
	struct nsnet_tenant_def def;
} plain = {"plain", {.name = SITE_TENANT, .subnet = SITE_SUBNET}},
  full = {"full",
	  {.name = SITE_TENANT,
	   .subnet = SITE_SUBNET,
	   .subnet6 = "fd00:1::/64",
	   .mtu = "1400",
	   .rate = "10mbit",
	   .endpoints = two,
	   .n_endpoints = 2}},
  apart = {"apart",
	   {.name = SITE_TENANT,
	    .subnet = SITE_SUBNET,
	    .subnet6 = "fd00:1::/64",
	    .inside = "deny",
	    .endpoints = two,
	    .n_endpoints = 2}};

static bool has_second(const struct kind *k)
{
	return k->def.n_endpoints == 2;
}

static void learn_second(void)
{
	struct nsnet_tenant *t = NULL;

	assert_int_equal(nsnet_tenant_get(site.n, SITE_TENANT, 0, &t, NULL), 0);
	assert_int_equal(setenv("PORT2", nsnet_endpoint_port(t, 1), 1), 0);
	second = site_open_ns(nsnet_endpoint_netns(t, 1));
	nsnet_tenant_free(t);
}

/* The first line of each test: a world in which it is; without root the test is skipped. */
static void need(const struct kind *k)
{
	struct nsnet_status status;
	bool built = site_build_def(&site, &k->def);

	world_need();
	assert_true(built);
	if (has_second(k))
		learn_second();
	assert_int_equal(nsnet_status(site.n, &status, NULL), 0);
	assert_int_equal(setenv("STORE", status.store_id, 1), 0);
	site_wait_for_port(&site);
}

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
	{"net/ipv4/fwmark_reflect", "0", "1"},
	{"net/ipv6/fwmark_reflect", "0", "1"},
	{"net/ipv4/conf/all/src_valid_mark", "0", "1"},
};

/* With IPv6, br0 has it. */
static const struct setting of_br0 = {"disable_ipv6", "0", "1"};

static const struct setting of_workload[] = {
	{"net/ipv6/conf/default/accept_ra", "0", "1"},
	{"net/ipv6/conf/default/autoconf", "0", "1"},
	{"net/ipv6/conf/default/addr_gen_mode", "1", "0"},
	{"net/ipv6/conf/default/accept_dad", "0", "1"},
	{"net/ipv4/ip_unprivileged_port_start", "0", "1024"},
	{"net/ipv4/ping_group_range", "0\t2147483647", "1\t0"},
};

static const struct setting without_ipv6[] = {
	{"net/ipv6/conf/all/disable_ipv6", "1", "0"},
	{"net/ipv6/conf/default/disable_ipv6", "1", "0"},
};

static const struct setting with_ipv6[] = {
	{"net/ipv6/conf/all/disable_ipv6", "0", "1"},
	{"net/ipv6/conf/default/disable_ipv6", "0", "1"},
	{"net/ipv6/conf/eth0/disable_ipv6", "0", "1"},
};

static int open_setting(const char *path, int flags)
{
	char whole_path[160];
	int fd;

	(void)snprintf(whole_path, sizeof(whole_path), "/proc/sys/%s", path);
	fd = open(whole_path, flags | O_CLOEXEC);
	if (fd < 0)
		fail_msg("%s is not there", whole_path);
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

static void try_family(const char *family, const struct setting *list, size_t n, const char *who,
		       bool br0_has_ipv6)
{
	char path[128];

	for (size_t i = 0; i < n; i++) {
		const struct setting *s = &list[i];

		if (br0_has_ipv6 && strcmp(s->name, of_br0.name) == 0)
			s = &of_br0;
		(void)snprintf(path, sizeof(path), "net/%s/conf/%s/%s", family, who, s->name);
		try_setting(site.gateway, path, s);
	}
}

static void try_list(int ns, const struct setting *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		try_setting(ns, list[i].name, &list[i]);
}

static void try_gateway(bool has_ipv6)
{
	const char *const who[] = {"all", "default", "br0", site.port};

	for (size_t i = 0; i < COUNT(who); i++) {
		try_family("ipv4", ipv4, COUNT(ipv4), who[i], false);
		try_family("ipv6", ipv6, COUNT(ipv6), who[i],
			   has_ipv6 && strcmp(who[i], "br0") == 0);
	}
	try_list(site.gateway, whole, COUNT(whole));
}

static void every_setting_is_put_back(void **state)
{
	need(*state);
	if (*state == &plain) {
		try_gateway(false);
		try_list(site.workload, of_workload, COUNT(of_workload));
		try_list(site.workload, without_ipv6, COUNT(without_ipv6));
		return;
	}
	try_gateway(true);
	try_list(site.workload, of_workload, COUNT(of_workload));
	try_list(site.workload, with_ipv6, COUNT(with_ipv6));
	try_list(second, of_workload, COUNT(of_workload));
	try_list(second, with_ipv6, COUNT(with_ipv6));
}

static bool is_listed(const struct setting *list, size_t n, const char *name, const char *value)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return strcmp(list[i].right, value) == 0;
	return false;
}

/* @text: "PATH = VALUE", as a plan has it. */
static bool is_known(const char *text, bool has_ipv6, bool in_workload)
{
	char path[128], value[16], who[16], name[64], family[2];

	if (sscanf(text, "%127s = %15[^\n]", path, value) != 2)
		return false;
	if (in_workload)
		return is_listed(of_workload, COUNT(of_workload), path, value) ||
		       (has_ipv6 ? is_listed(with_ipv6, COUNT(with_ipv6), path, value)
				 : is_listed(without_ipv6, COUNT(without_ipv6), path, value));
	if (is_listed(whole, COUNT(whole), path, value))
		return true;
	if (sscanf(path, "net/ipv%1[46]/conf/%15[^/]/%63s", family, who, name) != 3)
		return false;
	if (has_ipv6 && strcmp(who, "br0") == 0)
		return is_listed(&of_br0, 1, name, value);
	return family[0] == '4' ? is_listed(ipv4, COUNT(ipv4), name, value)
				: is_listed(ipv6, COUNT(ipv6), name, value);
}

/* The plan of a tenant that is not there writes all there is to write. */
static void every_setting_that_is_written_is_known_here(void **state)
{
	size_t settings = 0, gateway = 2 * (COUNT(ipv4) + COUNT(ipv6)) + COUNT(whole);
	const struct kind *k = *state;
	bool has_ipv6 = k->def.subnet6;
	struct nsnet_tenant_def def = k->def;
	struct nsnet_change *c = NULL;

	need(k);
	def.name = "green";
	assert_int_equal(nsnet_tenants_add(site.n, &def, 1, NSNET_DRY_RUN, &c, NULL), 0);
	for (size_t i = 0; i < nsnet_change_steps(c, 0); i++) {
		struct nsnet_step step;

		nsnet_change_step(c, 0, i, &step);
		if (strcmp(step.kind, "sysctl") != 0)
			continue;
		settings++;
		if (!is_known(step.text, has_ipv6, strcmp(step.where, "gateway") != 0))
			fail_msg("no row for %s", step.text);
	}
	assert_int_equal(settings,
			 has_ipv6 ? gateway + 1 + 2 * (COUNT(of_workload) + COUNT(with_ipv6))
				  : gateway + COUNT(of_workload) + COUNT(without_ipv6));
	nsnet_change_free(c);
}

/* ---- everything else ---- */

/*
 * All there is in a namespace, as the tools show it, in an order that does not
 * depend on when it was made (rules have their number in front); without what
 * changes by itself, and without the name, number and address of a port,
 * which is never made again as it was. A link that was up once keeps the queue
 * that it got then.
 */
#define LINKS                                                                                      \
	"{ ip -o -d link; ip -o -d addr; } | sed -E 's/^[0-9]+: //; s/@[a-z0-9]+//; "              \
	"s/ [a-z_]+_timer +[0-9.]+//g; s/ link-netns(id)? [a-z0-9]+//; s/ qdisc [a-z]+//'\n"
#define ROUTES "ip -d route show table all; ip -6 -d route show table all; ip -d neigh\n"
/* Without the groups that a device listens to: it keeps those of IPv6 once that was on. */
#define FDB "bridge -d fdb | grep -v '^33:33:'\n"
/* One line an element; what stands in a block with the block's name and its number there. */
#define RULES                                                                                      \
	"nft -s list ruleset | awk '/^table/ { t = $2; c = \"\"; n = 10 } /^\t[a-z]/ { c = $2; n " \
	"= 10 }"                                                                                   \
	" /elements = / { e = 1; sub(/.*elements = [{]/, \"\") }"                                  \
	" e { m = split($0, part, /[,}]/); for (i = 1; i <= m; i++) { gsub(/^[ \t]+|[ \t]+$/, "    \
	"\"\","                                                                                    \
	" part[i]); if (part[i] != \"\") print t, c, part[i] } if (/}/) e = 0; next }"             \
	" NF && !/^\t?}/ { print t, c, n++, $0 }'\n"

static const char dump_gateway[] = LINKS ROUTES FDB RULES;
static const char dump_workload[] = LINKS ROUTES;
static const char dump_files[] = "cd /etc/netns; stat -c '%n %F %a %U %G' */*; grep -Hn '' */*\n";

static char *take_dump(int ns, const char *commands)
{
	struct nsnet_status status;
	char script[2048];
	struct run r;
	int n;

	assert_int_equal(nsnet_status(site.n, &status, NULL), 0);
	n = snprintf(script, sizeof(script),
		     "{\n%s} | sed -E 's/nsn[0-9]+/PORT/g; s/0a:00:00:00:00:[0-9a-f]+/PORTMAC/g;"
		     " s/group %u /group OURS /; s/store %s/store OURS/' | sort",
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
	enum where { GATEWAY, WORKLOAD, SECOND, HOST } where;
	const char *script;
};

#define PORT(flag, value) "ip link set dev $PORT type bridge_slave " flag " " value
#define RULE(chain, n)                                                                             \
	"H=$(nft -a list chain inet nsnet " chain " | sed -n 's/.*# handle //p' | sed -n '" n      \
	"p')\n"

/* clang-format off */
/* In any tenant. */
static const struct drift drifts[] = {
	{"bridge: mac", GATEWAY, "ip link set br0 address 02:11:22:33:44:55"},
	{"bridge: group", GATEWAY, "ip link set br0 group 4711"},
	{"bridge: mtu", GATEWAY, "ip link set br0 mtu 1300"},
	{"bridge: down", GATEWAY, "ip link set br0 down"},
	{"bridge: spanning tree", GATEWAY, "ip link set br0 type bridge stp_state 1"},
	{"bridge: snooping", GATEWAY, "ip link set br0 type bridge mcast_snooping 1"},
	{"bridge: gone", GATEWAY, "ip link del br0"},
	{"port: mac", GATEWAY, "ip link set $PORT address 02:11:22:33:44:55"},
	{"port: group", GATEWAY, "ip link set $PORT group 4711"},
	{"port: mtu", GATEWAY, "ip link set $PORT mtu 1300"},
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
	{"port flag: mcast_to_unicast", GATEWAY, PORT("mcast_to_unicast", "on")},
	{"port flag: bcast_flood", GATEWAY, PORT("bcast_flood", "on")},
	{"port flag: neigh_suppress", GATEWAY, PORT("neigh_suppress", "on")},
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
	{"workload: mtu", WORKLOAD, "ip link set eth0 mtu 1300"},
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

#define MODE(arp, groups, alone)                                                                   \
	{"port flag: proxy_arp_wifi", GATEWAY, PORT("proxy_arp_wifi", arp)},                       \
	{"port flag: mcast_flood", GATEWAY, PORT("mcast_flood", groups)},                          \
	{"port flag: isolated", GATEWAY, PORT("isolated", alone)}

static const struct drift drifts_of_plain[] = {
	MODE("off", "on", "on"),
	{"ipv6: on", GATEWAY, "echo 0 >/proc/sys/net/ipv6/conf/br0/disable_ipv6; ip addr add fd00:1::1/64 dev br0"},
};

/* Takes what is in it from a set, or puts more in. */
#define ELEM(verb, set, elem) "nft \"" verb " element bridge nsnet nsnet_" set " { " elem " }\""
#define NAME(port) "\\\"" port "\\\""
#define APP4 NAME("$PORT") " . 02:00:00:00:00:01 . 10.10.1.2"
#define APP6 NAME("$PORT") " . 02:00:00:00:00:01 . fd00:1::2"
#define APPND NAME("$PORT") " . 02:00:00:00:00:01 . 0xfd000001000000000000000000000002"
#define DB4 NAME("$PORT2") " . 02:00:00:00:00:02 . 10.10.1.3"
#define BRIDGE_CHAIN_ANEW(hook, priority)                                                          \
	"nft 'flush chain bridge nsnet forward; delete chain bridge nsnet forward;"                \
	" add chain bridge nsnet forward { type filter hook " hook " priority " priority "; policy drop; };" \
	" add rule bridge nsnet forward accept comment \"endpoints of one tenant\";"               \
	" add rule bridge nsnet forward counter name nsnet_drop_inside drop'"
#define SENT "nsnet_sent_10000000"
#define LIMIT_ANEW(what)                                                                           \
	"H=$(nft -a list chain bridge nsnet prerouting | sed -n 's/.*name \"" SENT "\".*# handle //p')\n" \
	"nft \"delete rule bridge nsnet prerouting handle $H; delete limit bridge nsnet " SENT "\"\n" \
	"nft add limit bridge nsnet " SENT " { rate " what " ';' }\n"                              \
	"nft insert rule bridge nsnet prerouting limit name " SENT " counter name nsnet_drop_rate drop"

static const struct drift drifts_of_full[] = {
	MODE("off", "off", "on"),
	{"ruleset: flushed", GATEWAY, "nft flush ruleset"},
	{"bridge table: gone", GATEWAY, "nft delete table bridge nsnet"},
	{"bridge table: empty", GATEWAY, "nft 'delete table bridge nsnet; add table bridge nsnet'"},
	{"bridge table: without its comment", GATEWAY,
	 "nft list table bridge nsnet | grep -v comment.*store >/run/t; nft delete table bridge nsnet; nft -f /run/t"},
	{"bridge table: without rules", GATEWAY, "nft flush table bridge nsnet"},
	{"bridge table: dormant", GATEWAY, "nft 'add table bridge nsnet { flags dormant; }'"},
	{"bridge table: of another tenant", GATEWAY,
	 "nft list table bridge nsnet | sed 's/tenant 1 /tenant 2 /' >/run/t; nft delete table bridge nsnet; nft -f /run/t"},
	{"table of another family that says it is ours", GATEWAY,
	 "nft \"add table ip nsnet { comment \\\"nsnet store $STORE tenant 1 blue\\\"; }\"\n"
	 "nft 'add set ip nsnet s { type ipv4_addr; }; add element ip nsnet s { 10.1.2.3 };"
	 " add limit ip nsnet l { rate 1 mbytes/second ; }'"},
	{"bridge chain: gone", GATEWAY,
	 "nft 'flush chain bridge nsnet prerouting; delete chain bridge nsnet prerouting'"},
	{"bridge chain: accepts, prerouting", GATEWAY, "nft 'chain bridge nsnet prerouting { policy accept; }'"},
	{"bridge chain: accepts, forward", GATEWAY, "nft 'chain bridge nsnet forward { policy accept; }'"},
	{"bridge chain: drops, postrouting", GATEWAY, "nft 'chain bridge nsnet postrouting { policy drop; }'"},
	{"bridge chain: another hook", GATEWAY, BRIDGE_CHAIN_ANEW("output", "-300")},
	{"bridge chain: another priority", GATEWAY, BRIDGE_CHAIN_ANEW("forward", "-299")},
	{"bridge chain: one more", GATEWAY,
	 "nft 'add chain bridge nsnet more { type filter hook prerouting priority -400; policy accept; }'"},
	{"bridge rule: one more in front", GATEWAY, "nft insert rule bridge nsnet prerouting accept"},
	{"bridge rule: one more behind", GATEWAY, "nft add rule bridge nsnet postrouting drop"},
	{"bridge rule: with an expression nsnet does not know", GATEWAY,
	 "nft insert rule bridge nsnet forward limit rate 5/second accept"},
	{"bridge counter: gone", GATEWAY,
	 "nft 'flush chain bridge nsnet forward; delete counter bridge nsnet nsnet_drop_inside'"},
	{"bridge counter: one more", GATEWAY, "nft add counter bridge nsnet more"},
	{"bridge table: a quota", GATEWAY, "nft add quota bridge nsnet more 25 mbytes"},
	{"set: gone", GATEWAY, "nft 'flush chain bridge nsnet prerouting; flush chain bridge nsnet forward;"
	 " delete set bridge nsnet nsnet_pin4'"},
	{"set: map gone", GATEWAY, "nft 'flush chain bridge nsnet prerouting; delete map bridge nsnet nsnet_sent'"},
	{"set: without elements", GATEWAY, "nft flush set bridge nsnet nsnet_pin4"},
	{"set: one more", GATEWAY, "nft 'add set bridge nsnet more { type ether_addr; }'"},
	{"set: one more that is used", GATEWAY,
	 "nft 'add set bridge nsnet more { type ether_addr; elements = { 02:00:00:00:00:01 }; };"
	 " insert rule bridge nsnet prerouting ether saddr @more accept'"},
	{"set: of another type", GATEWAY,
	 "nft 'flush chain bridge nsnet prerouting; delete set bridge nsnet nsnet_ext;"
	 " add set bridge nsnet nsnet_ext { type inet_service; }'"},
	{"set: with other flags", GATEWAY,
	 "nft 'flush chain bridge nsnet prerouting; delete set bridge nsnet nsnet_ext;"
	 " add set bridge nsnet nsnet_ext { type inet_proto; flags timeout; }'"},
	{"element: gone, pin4", GATEWAY, ELEM("delete", "pin4", APP4)},
	{"element: gone, pin6", GATEWAY, ELEM("delete", "pin6", APP6)},
	{"element: gone, nd", GATEWAY, ELEM("delete", "nd", APPND)},
	{"element: gone, ext", GATEWAY, ELEM("delete", "ext", "43")},
	{"element: one more, cut", GATEWAY, ELEM("add", "cut", NAME("$PORT"))},
	{"element: gone, sent", GATEWAY, ELEM("delete", "sent", NAME("$PORT"))},
	{"element: gone, rcvd", GATEWAY, ELEM("delete", "rcvd", NAME("$PORT2"))},
	{"element: one more, pin4", GATEWAY,
	 ELEM("add", "pin4", NAME("$PORT") " . 02:00:00:00:00:01 . 10.10.1.3")},
	{"element: one more, pin6", GATEWAY,
	 ELEM("add", "pin6", NAME("$PORT") " . 02:00:00:00:00:01 . fd00:1::3")},
	{"element: one more, nd", GATEWAY,
	 ELEM("add", "nd", NAME("$PORT") " . 02:00:00:00:00:01 . 0xfd000001000000000000000000000003")},
	{"element: one more, ext", GATEWAY, ELEM("add", "ext", "6")},
	{"element: one more, sent", GATEWAY,
	 ELEM("add", "sent", NAME("lo") " : " NAME(SENT))},
	{"element: another mac", GATEWAY,
	 ELEM("delete", "pin4", DB4) "\n" ELEM("add", "pin4", NAME("$PORT2") " . 02:00:00:00:00:01 . 10.10.1.3")},
	{"element: another port", GATEWAY,
	 ELEM("delete", "pin4", DB4) "\n" ELEM("add", "pin4", NAME("$PORT") " . 02:00:00:00:00:02 . 10.10.1.3")},
	{"element: another limit", GATEWAY,
	 ELEM("delete", "sent", NAME("$PORT")) "\n" ELEM("add", "sent", NAME("$PORT") " : " NAME(SENT))},
	{"element: with a comment", GATEWAY,
	 ELEM("delete", "pin4", DB4) "\n" ELEM("add", "pin4", DB4 " comment " NAME("x"))},
	{"limit: gone, the tenant's", GATEWAY,
	 "nft 'flush chain bridge nsnet prerouting; delete limit bridge nsnet " SENT "'"},
	{"limit: gone, an endpoint's", GATEWAY,
	 ELEM("delete", "rcvd", NAME("$PORT")) "\nnft delete limit bridge nsnet nsnet_rcvd_${PORT}_2000000"},
	{"limit: one more", GATEWAY, "nft add limit bridge nsnet more { rate over 1 mbytes/second ';' }"},
	{"limit: one more that is used", GATEWAY,
	 "nft add limit bridge nsnet more { rate over 1 mbytes/second ';' }\n"
	 "nft insert rule bridge nsnet prerouting limit name more accept"},
	{"limit: another rate", GATEWAY, LIMIT_ANEW("over 9 mbytes/second burst 128 kbytes")},
	{"limit: another burst", GATEWAY, LIMIT_ANEW("over 1250000 bytes/second burst 1 kbytes")},
	{"limit: another unit", GATEWAY, LIMIT_ANEW("over 1250000 bytes/minute burst 128 kbytes")},
	{"limit: inverted", GATEWAY, LIMIT_ANEW("1250000 bytes/second burst 128 kbytes")},
	{"limit: of packets", GATEWAY, LIMIT_ANEW("over 1250000/second burst 131072 packets")},
	{"ipv6 address: gone", GATEWAY, "ip addr del fd00:1::1/64 dev br0"},
	{"ipv6 address: another prefix", GATEWAY,
	 "ip addr del fd00:1::1/64 dev br0; ip addr add fd00:1::1/48 dev br0 nodad"},
	{"ipv6 address: one more", GATEWAY, "ip addr add fd00:9::1/64 dev br0 nodad"},
	{"ipv6 address: link-local", GATEWAY, "ip addr add fe80::1/64 dev br0 nodad"},
	{"ipv6 address: one on the port", GATEWAY,
	 "echo 0 >/proc/sys/net/ipv6/conf/$PORT/disable_ipv6; ip addr add fd00:9::1/64 dev $PORT nodad"},
	{"ipv6 neighbour: gone", GATEWAY, "ip neigh del fd00:1::3 dev br0"},
	{"ipv6 neighbour: another mac", GATEWAY,
	 "ip neigh replace fd00:1::3 lladdr 02:11:22:33:44:55 dev br0 nud permanent"},
	{"ipv6 neighbour: not permanent", GATEWAY,
	 "ip neigh replace fd00:1::3 lladdr 02:00:00:00:00:02 dev br0 nud stale"},
	{"ipv6 neighbour: one more", GATEWAY,
	 "ip neigh add fd00:1::9 lladdr 02:11:22:33:44:55 dev br0 nud permanent"},
	{"ipv6 route: one that says it is ours", GATEWAY, "ip route add 2001:db8::/64 dev br0 proto 78"},
	{"fdb: on the other port", GATEWAY,
	 "bridge fdb replace 02:00:00:00:00:02 dev $PORT master static"},
	{"second port: gone", GATEWAY, "ip link del $PORT2"},
	{"second port: down", GATEWAY, "ip link set $PORT2 down"},
	{"second port: not locked", GATEWAY, "ip link set dev $PORT2 type bridge_slave locked off"},
	{"both ports: gone", GATEWAY, "ip link del $PORT; ip link del $PORT2"},
	{"workload: ipv6 off", WORKLOAD, "echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6"},
	{"workload: ipv6 address gone", WORKLOAD, "ip addr del fd00:1::2/64 dev eth0"},
	{"workload: ipv6 address with another prefix", WORKLOAD,
	 "ip addr del fd00:1::2/64 dev eth0; ip addr add fd00:1::2/48 dev eth0 nodad"},
	{"workload: a route that says it is ours", WORKLOAD, "ip route add 2001:db8::/64 dev eth0 proto 78"},
	{"workload: a neighbour that says it is ours", WORKLOAD,
	 "ip neigh add fd00:1::9 lladdr 02:11:22:33:44:55 dev eth0 nud permanent protocol 78"},
	{"workload: all addresses gone", WORKLOAD, "ip addr flush dev eth0"},
	{"workload: link down and up", WORKLOAD, "ip link set eth0 down; ip link set eth0 up"},
	{"workload: ipv6 neighbour gone", WORKLOAD, "ip neigh del fd00:1::1 dev eth0"},
	{"workload: ipv6 neighbour with another mac", WORKLOAD,
	 "ip neigh replace fd00:1::1 lladdr 02:11:22:33:44:55 dev eth0 nud permanent"},
	{"workload: ipv6 route gone", WORKLOAD, "ip -6 route del default"},
	{"workload: another ipv6 route", WORKLOAD, "ip -6 route replace default via fd00:1::9 proto 78"},
	{"second: link gone", SECOND, "ip link del eth0"},
	{"second: mac", SECOND, "ip link set eth0 address 02:11:22:33:44:55"},
	{"second: address gone", SECOND, "ip addr del 10.10.1.3/24 dev eth0"},
	{"second: ipv6 address gone", SECOND, "ip addr del fd00:1::3/64 dev eth0"},
	{"second: ipv6 route gone", SECOND, "ip -6 route del default"},
	{"file: hosts gone", HOST, "rm /etc/netns/blue/hosts"},
	{"file: hosts empty", HOST, ": >/etc/netns/blue/hosts"},
	{"file: hosts cut off", HOST, "truncate -s 60 /etc/netns/blue/hosts"},
	{"file: hosts edited", HOST, "echo '192.0.2.1 bank' >>/etc/netns/blue/hosts"},
	{"file: hosts for all to write", HOST, "chmod 666 /etc/netns/blue/hosts"},
	{"file: resolv.conf gone", HOST, "rm /etc/netns/blue.db/resolv.conf"},
	{"file: resolv.conf edited", HOST, "echo 'nameserver 192.0.2.1' >>/etc/netns/blue.db/resolv.conf"},
	{"file: resolv.conf empty", HOST, ": >/etc/netns/blue.db/resolv.conf"},
	{"file: folder gone", HOST, "rm -r /etc/netns/blue.db"},
	{"file: all folders gone", HOST, "rm -r /etc/netns"},
};

static const struct drift drifts_of_apart[] = {
	MODE("on", "on", "off"),
	{"bridge rule: endpoints may talk", GATEWAY, "nft insert rule bridge nsnet forward accept"},
	{"workload: ipv6 on the link", WORKLOAD,
	 "ip addr del fd00:1::2/128 dev eth0; ip addr add fd00:1::2/64 dev eth0 nodad"},
	{"workload: route to the gateway gone", WORKLOAD, "ip route del 10.10.1.1/32"},
	{"workload: ipv6 route to the gateway gone", WORKLOAD, "ip route del fd00:1::1/128"},
	{"workload: all routes gone", WORKLOAD, "ip route flush dev eth0 proto 78; ip -6 route flush dev eth0 proto 78"},
	{"workload: a route to others that says it is ours", WORKLOAD, "ip route add 10.10.1.3/32 dev eth0 proto 78"},
};
/* clang-format on */

enum { DUMPS = 4 };
struct all {
	char *dump[DUMPS];
};

static struct all take_all(const struct kind *k)
{
	return (struct all){.dump = {take_dump(site.gateway, dump_gateway),
				     take_dump(site.workload, dump_workload),
				     has_second(k) ? take_dump(second, dump_workload) : NULL,
				     take_dump(site.home, dump_files)}};
}

static void free_all(struct all *a)
{
	for (size_t i = 0; i < DUMPS; i++) {
		free(a->dump[i]);
		a->dump[i] = NULL;
	}
}

/* As the first tenant of its kind was when it was made. */
static struct {
	const struct kind *kind;
	struct all all;
} right;

static const char *text_of(const char *dump)
{
	return dump ? dump : "";
}

/* Whether a link has a carrier shows a moment later. */
static bool is_right(void *ctx)
{
	struct all now = take_all(right.kind);
	bool same = true;

	(void)ctx;
	for (size_t i = 0; i < DUMPS; i++)
		same &= strcmp(text_of(now.dump[i]), text_of(right.all.dump[i])) == 0;
	free_all(&now);
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
	struct all now;

	if (poll_until(is_right, NULL, 5000))
		return;
	now = take_all(right.kind);
	for (size_t i = 0; i < DUMPS; i++)
		show_difference(text_of(right.all.dump[i]), text_of(now.dump[i]));
	free_all(&now);
	fail_msg("it is not as it was");
}

static void remember_right(const struct kind *k)
{
	if (right.kind == k)
		return;
	free_all(&right.all);
	right.kind = k;
	right.all = take_all(k);
}

static void try_script(enum where where, const char *script)
{
	const int ns[] = {[GATEWAY] = site.gateway,
			  [WORKLOAD] = site.workload,
			  [SECOND] = second,
			  [HOST] = site.home};

	site_go(ns[where]);
	RUN_STATUS(0, "bash", "-ec", script);
	site_go(site.home);
	if (site_state(&site) != NSNET_STATE_DRIFT)
		fail_msg("it is not noticed");
	assert_true(site_repair(&site));
	if (site_state(&site) != NSNET_STATE_OK)
		fail_msg("it is not repaired");
	expect_right();
}

struct trial {
	const struct kind *kind;
	const struct drift *drift;
	char name[80];
};

static void a_change_is_noticed_and_put_back(void **state)
{
	const struct trial *t = *state;

	need(t->kind);
	remember_right(t->kind);
	try_script(t->drift->where, t->drift->script);
}

/* All of both tables, one after the other. */
static void every_rule_is_put_back(void **state)
{
	static const char list[] = "nft -a list ruleset | awk '/^table/ { t = $2 \" \" $3 }"
				   " /chain/ { c = $2 } / # handle/ && !/ [{] # handle/"
				   " { print t, c, \"handle\", $NF }'";
	char script[256], *line, *rest = NULL;
	size_t n = 0;
	struct run r;

	(void)state;
	need(&full);
	remember_right(&full);
	/* Handles change when a chain is put back: always the n-th. */
	do {
		site_go(site.gateway);
		RUN(&r, "bash", "-ec", list);
		site_go(site.home);
		line = strtok_r(r.out, "\n", &rest);
		for (size_t i = 0; line && i < n; i++)
			line = strtok_r(NULL, "\n", &rest);
		if (line) {
			(void)snprintf(script, sizeof(script), "nft delete rule %s", line);
			try_script(GATEWAY, script);
			n++;
		}
		run_free(&r);
	} while (line);
	/* Those of the inet table, and those of the bridge's. */
	assert_int_equal(n, (1 + 4 + 4 + 3) + (9 + 2 + 23));
}

/* What a tenant does in its own namespace is its own business, as long as ours is there. */
static void what_a_workload_adds_is_no_drift(void **state)
{
	const struct kind *k = *state;

	need(k);
	site_go(site.workload);
	RUN_STATUS(0, "bash", "-ec",
		   "ip addr add 10.10.1.77/24 dev eth0; ip addr add 10.10.1.78/32 dev lo\n"
		   "ip route add 192.0.2.0/24 via 10.10.1.1; ip link add x type bridge\n"
		   "ip neigh add 10.10.1.9 lladdr 02:11:22:33:44:55 dev eth0 nud permanent\n"
		   "nft 'add table inet nsnet; add chain inet nsnet c'\n"
		   "nft 'add table bridge nsnet; add set bridge nsnet s { type ether_addr; }'");
	if (k->def.subnet6)
		RUN_STATUS(
			0, "bash", "-ec",
			"ip addr add fd00:1::77/64 dev eth0 nodad\n"
			"ip addr add fe80::1/64 dev eth0 nodad\n"
			"ip route add 2001:db8::/64 via fd00:1::1\n"
			"ip neigh add fd00:1::9 lladdr 02:11:22:33:44:55 dev eth0 nud permanent");
	site_go(site.home);
	assert_int_equal(site_state(&site), NSNET_STATE_OK);
	assert_false(site_repair(&site));
}

/* Administrators put files there, too: also in our place. */
static void files_of_somebody_else_are_no_drift_and_stay(void **state)
{
	static const char look[] = "test \"$(cat /etc/netns/blue/hosts)\" = '192.0.2.1 mine'\n"
				   "test \"$(cat /etc/netns/blue/nsswitch.conf)\" = 'hosts: files'";

	(void)state;
	need(&full);
	RUN_STATUS(0, "bash", "-ec",
		   "echo '192.0.2.1 mine' >/etc/netns/blue/hosts\n"
		   "echo 'hosts: files' >/etc/netns/blue/nsswitch.conf");
	assert_int_equal(site_state(&site), NSNET_STATE_OK);
	assert_false(site_repair(&site));
	RUN_STATUS(0, "bash", "-ec", look);
	/* Also when something else is to be done, and when all goes. */
	RUN_STATUS(0, "rm", "/etc/netns/blue.db/hosts");
	assert_true(site_repair(&site));
	RUN_STATUS(0, "bash", "-ec", look);
	assert_int_equal(nsnet_tenant_del(site.n, SITE_TENANT, 0, NULL, NULL), 0);
	RUN_STATUS(0, "bash", "-ec", look);
	RUN_STATUS(0, "bash", "-ec",
		   "test \"$(ls /etc/netns /etc/netns/blue | xargs)\" ="
		   " '/etc/netns: blue /etc/netns/blue: hosts nsswitch.conf'");
}

/* In another table than ours, and one of our name in a family that is not ours. */
static void rules_of_somebody_else_are_told_and_stay(void **state)
{
	static const char list[] = "nft list table ip nsnet; nft list table bridge theirs";
	struct run before, after;

	(void)state;
	need(&full);
	site_go(site.gateway);
	RUN_STATUS(0, "nft",
		   "add table ip nsnet; add set ip nsnet s { type ipv4_addr; };"
		   " add element ip nsnet s { 10.1.2.3 };"
		   " add limit ip nsnet l { rate 1 mbytes/second ; };"
		   " add table bridge theirs; add set bridge theirs s { type ether_addr; };"
		   " add element bridge theirs s { 02:00:00:00:00:09 }");
	RUN(&before, "bash", "-ec", list);
	site_go(site.home);
	(void)site_repair(&site);
	site_go(site.gateway);
	RUN(&after, "bash", "-ec", list);
	site_go(site.home);
	assert_int_equal(before.status, 0);
	assert_string_equal(before.out, after.out);
	run_free(&before);
	run_free(&after);
}

/* ---- running ---- */

static int tear_down(void **state)
{
	(void)state;
	if (site.n)
		site_drop(&site);
	site_close(&second);
	return 0;
}

static int forget_right(void **state)
{
	(void)state;
	free_all(&right.all);
	return 0;
}

#define TEST(func, kind)                                                                           \
	{                                                                                          \
#func ", " #kind, func, NULL, tear_down, (void *)(uintptr_t) & (kind)              \
	}

static const struct CMUnitTest first[] = {
	TEST(every_setting_is_put_back, plain),
	TEST(every_setting_is_put_back, full),
	TEST(every_setting_that_is_written_is_known_here, plain),
	TEST(every_setting_that_is_written_is_known_here, full),
	TEST(what_a_workload_adds_is_no_drift, plain),
	TEST(what_a_workload_adds_is_no_drift, full),
	TEST(every_rule_is_put_back, full),
	TEST(files_of_somebody_else_are_no_drift_and_stay, full),
	TEST(rules_of_somebody_else_are_told_and_stay, full),
};

/* Those of one kind follow each other: what is right is looked up once. */
static const struct {
	const struct kind *kind;
	const struct drift *list;
	size_t n;
} trials[] = {
	{&plain, drifts, COUNT(drifts)},
	{&plain, drifts_of_plain, COUNT(drifts_of_plain)},
	{&full, drifts, COUNT(drifts)},
	{&full, drifts_of_full, COUNT(drifts_of_full)},
	{&apart, drifts_of_apart, COUNT(drifts_of_apart)},
};

int main(void)
{
	static struct trial all[2 * COUNT(drifts) + COUNT(drifts_of_plain) + COUNT(drifts_of_full) +
				COUNT(drifts_of_apart)];
	static struct CMUnitTest tests[COUNT(first) + COUNT(all)];
	size_t n = 0;

	memcpy(tests, first, sizeof(first));
	for (size_t i = 0; i < COUNT(trials); i++)
		for (size_t j = 0; j < trials[i].n; j += test_quick() ? 4 : 1, n++) {
			all[n] =
				(struct trial){.kind = trials[i].kind, .drift = &trials[i].list[j]};
			(void)snprintf(all[n].name, sizeof(all[n].name), "%s, %s",
				       all[n].kind->name, all[n].drift->name);
			tests[COUNT(first) + n] =
				(struct CMUnitTest){.name = all[n].name,
						    .test_func = a_change_is_noticed_and_put_back,
						    .teardown_func = tear_down,
						    .initial_state = &all[n]};
		}
	return _cmocka_run_group_tests("drift", tests, COUNT(first) + n, NULL, forget_right);
}
