/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

#include "../base/cleanup.h"
#include "../nl/msg.h"
#include "../nl/nl.h"
#include "read_parts.h"

/*
 * Each setting: its name, its family, its place in what the kernel tells of a link (the
 * numbers of IPv4 begin with 1), and where that of `all` is read: in /proc, which takes most of
 * the time of a reading; by RTM_GETNETCONF; or nowhere, as it has no effect on links that are
 * there.
 */
#define IN_PROC 0
#define NOWHERE (-1)

/* Of Linux 6.17: DEVCONF_FORCE_FORWARDING, which older headers lack. */
#define FORCE_FORWARDING (DEVCONF_ACCEPT_RA_MIN_LFT + 1)

#define SETTINGS(X)                                                                                \
	X(forwarding4, 4, "forwarding", IPV4_DEVCONF_FORWARDING - 1, NETCONFA_FORWARDING)          \
	X(rp_filter, 4, "rp_filter", IPV4_DEVCONF_RP_FILTER - 1, NETCONFA_RP_FILTER)               \
	X(arp_ignore, 4, "arp_ignore", IPV4_DEVCONF_ARP_IGNORE - 1, IN_PROC)                       \
	X(arp_filter, 4, "arp_filter", IPV4_DEVCONF_ARPFILTER - 1, IN_PROC)                        \
	X(proxy_arp, 4, "proxy_arp", IPV4_DEVCONF_PROXY_ARP - 1, NETCONFA_PROXY_NEIGH)             \
	X(accept_local, 4, "accept_local", IPV4_DEVCONF_ACCEPT_LOCAL - 1, IN_PROC)                 \
	X(route_localnet, 4, "route_localnet", IPV4_DEVCONF_ROUTE_LOCALNET - 1, IN_PROC)           \
	X(accept_source_route4, 4, "accept_source_route", IPV4_DEVCONF_ACCEPT_SOURCE_ROUTE - 1,    \
	  IN_PROC)                                                                                 \
	X(send_redirects, 4, "send_redirects", IPV4_DEVCONF_SEND_REDIRECTS - 1, IN_PROC)           \
	X(accept_redirects4, 4, "accept_redirects", IPV4_DEVCONF_ACCEPT_REDIRECTS - 1, IN_PROC)    \
	X(forwarding6, 6, "forwarding", DEVCONF_FORWARDING, NETCONFA_FORWARDING)                   \
	X(force_forwarding6, 6, "force_forwarding", FORCE_FORWARDING, NOWHERE)                     \
	X(proxy_ndp, 6, "proxy_ndp", DEVCONF_PROXY_NDP, NETCONFA_PROXY_NEIGH)                      \
	X(accept_source_route6, 6, "accept_source_route", DEVCONF_ACCEPT_SOURCE_ROUTE, IN_PROC)    \
	X(accept_redirects6, 6, "accept_redirects", DEVCONF_ACCEPT_REDIRECTS, NOWHERE)             \
	X(accept_ra, 6, "accept_ra", DEVCONF_ACCEPT_RA, NOWHERE)                                   \
	X(disable_ipv6, 6, "disable_ipv6", DEVCONF_DISABLE_IPV6, NOWHERE)

struct setting {
	size_t offset; /* in struct nsn_vconf */
	unsigned int family;
	const char *name;
	size_t at;
	int all;
};

static const struct setting settings[] = {
#define SETTING(member, family, name, at, all)                                                     \
	{offsetof(struct nsn_vconf, member), family, name, at, all},
	SETTINGS(SETTING)
#undef SETTING
};

static void put(struct nsn_vconf *conf, const struct setting *s, long value)
{
	int8_t *to = (int8_t *)conf + s->offset;

	*to = (int8_t)(value > INT8_MAX ? INT8_MAX : value < INT8_MIN ? INT8_MIN : value);
}

void nsn_read_link_conf(const struct nlattr *spec, struct nsn_vconf *ret)
{
	const struct nlattr *af, *four = NULL, *six = NULL;
	size_t i;
	int left;

	for (i = 0; i < NSN_COUNT(settings); i++)
		put(ret, &settings[i], -1);
	if (!spec)
		return;
	nla_for_each_nested(af, (struct nlattr *)(uintptr_t)spec, left)
	{
		if (nla_type(af) == AF_INET)
			four = nla_find(nla_data(af), nla_len(af), IFLA_INET_CONF);
		if (nla_type(af) == AF_INET6)
			six = nla_find(nla_data(af), nla_len(af), IFLA_INET6_CONF);
	}
	for (i = 0; i < NSN_COUNT(settings); i++) {
		const struct setting *s = &settings[i];
		const struct nlattr *conf = s->family == 4 ? four : six;
		int32_t value;

		if (!conf || (size_t)nla_len(conf) < (s->at + 1) * sizeof(value))
			continue;
		memcpy(&value, (const char *)nla_data(conf) + s->at * sizeof(value), sizeof(value));
		put(ret, s, value);
	}
}

/* ---- of the namespace ---------------------------------------------------------------------- */

/* A number in a file; false: there is none, or it is none. */
static bool read_number(int dir, const char *path, long *ret)
{
	NSN_AUTO(nsn_closep) int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	char text[32], *end;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	errno = 0;
	*ret = strtol(text, &end, 10);
	return end != text && errno == 0;
}

/* What is asked, and where the answer goes. */
struct netconf {
	unsigned int family; /* 4, 6 */
	int32_t index;	     /* NETCONFA_IFINDEX_ALL, ... */
	struct nsn_vconf *to;
};

static int take_netconf(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct netconf *ask = arg;
	struct nlattr *tb[NETCONFA_MAX + 1];
	size_t i;

	if (msg->nlmsg_type != RTM_NEWNETCONF)
		return 0;
	if (nlmsg_parse(nsn_msg_mutable(msg), sizeof(struct netconfmsg), tb, NETCONFA_MAX, NULL) <
	    0)
		return nsn_unreadable("settings", err);
	for (i = 0; i < NSN_COUNT(settings); i++)
		if (settings[i].family == ask->family && settings[i].all > 0 && tb[settings[i].all])
			put(ask->to, &settings[i],
			    (int32_t)nsn_attr_u32(tb[settings[i].all], UINT32_MAX));
	return 0;
}

/* A kernel without IPv6 knows no such message: then there is nothing to be read. */
static int read_netconf(struct nsn_nl *route, const struct netconf *ask, struct nsnet_err *err)
{
	const struct netconfmsg ncm = {.ncm_family = ask->family == 4 ? AF_INET : AF_INET6};
	NSN_AUTO(nlmsg_freep)
	struct nl_msg *msg = nsn_msg_new(RTM_GETNETCONF, 0, &ncm, sizeof(ncm));
	const struct nsn_nl_sink sink = {.each = take_netconf, .arg = (void *)(uintptr_t)ask};
	struct nsnet_err inner = {0};
	int r;

	if (!msg || nla_put_u32(msg, NETCONFA_IFINDEX, (uint32_t)ask->index) < 0)
		return nsn_err_nomem(err);
	r = nsn_nl_get(route, nlmsg_hdr(msg), &sink, &inner);
	if (r < 0 && ask->family == 4) {
		if (err)
			*err = inner;
		return nsn_err_wrap(err, r, "settings");
	}
	return 0;
}

/*
 * Of IPv6 there is only accept_source_route to be read, and the lower one of `all` and the link
 * counts: so only when a link has it on.
 */
static bool needs_folder6(const struct nsn_vns *ns)
{
	size_t i;

	for (i = 0; i < ns->n_links; i++)
		if (ns->links[i].kind[0] && ns->links[i].conf.accept_source_route6 > 0)
			return true;
	return false;
}

/* The way to the folder is walked once: that is what takes the time. */
static void read_folder(int proc, unsigned int family, struct nsn_vconf *ret)
{
	const char *path = family == 4 ? "sys/net/ipv4/conf/all" : "sys/net/ipv6/conf/all";
	NSN_AUTO(nsn_closep) int dir = openat(proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t i;
	long value;

	for (i = 0; dir >= 0 && i < NSN_COUNT(settings); i++)
		if (settings[i].family == family && settings[i].all == IN_PROC &&
		    read_number(dir, settings[i].name, &value))
			put(ret, &settings[i], value);
}

static int read_all_of(int proc, struct nsn_nl *route, struct nsn_vns *ns, struct nsnet_err *err)
{
	const struct netconf asks[] = {
		{.family = 4, .index = NETCONFA_IFINDEX_ALL, .to = &ns->conf_all},
		{.family = 6, .index = NETCONFA_IFINDEX_ALL, .to = &ns->conf_all},
		{.family = 4, .index = NETCONFA_IFINDEX_DEFAULT, .to = &ns->conf_default},
		{.family = 6, .index = NETCONFA_IFINDEX_DEFAULT, .to = &ns->conf_default},
	};
	size_t i;
	int r = 0;

	nsn_read_link_conf(NULL, &ns->conf_all);
	nsn_read_link_conf(NULL, &ns->conf_default);
	for (i = 0; r == 0 && i < NSN_COUNT(asks); i++)
		r = read_netconf(route, &asks[i], err);
	if (r == 0) {
		read_folder(proc, 4, &ns->conf_all);
		if (needs_folder6(ns))
			read_folder(proc, 6, &ns->conf_all);
	}
	return r;
}

static int add_sysctl(struct nsn_arena *mem, struct nsn_vns *ns, const char *path, long value)
{
	struct nsn_vsysctl *s = &ns->sysctls[ns->n_sysctls];

	s->path = path;
	s->value = nsn_arena_printf(mem, "%ld", value);
	if (!s->value)
		return -ENOMEM;
	ns->n_sysctls++;
	return 0;
}

/* With br_netfilter there, these send frames through the chains of IP, for every bridge. */
static int read_sysctls(const struct nsn_reader *r, int proc, struct nsn_arena *mem,
			struct nsn_vns *ns)
{
	static const char *const bridge[] = {"net/bridge/bridge-nf-call-arptables",
					     "net/bridge/bridge-nf-call-ip6tables",
					     "net/bridge/bridge-nf-call-iptables"};
	NSN_AUTO(nsn_closep) int dir = -1;
	size_t i;
	long value;

	ns->n_sysctls = 0;
	ns->sysctls = nsn_arena_alloc(mem, sizeof(*ns->sysctls) * (NSN_COUNT(bridge) + 1));
	if (!ns->sysctls)
		return -ENOMEM;
	if (r->bridge_calls)
		dir = openat(proc, "sys/net/bridge", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (i = 0; dir >= 0 && i < NSN_COUNT(bridge); i++)
		if (read_number(dir, strrchr(bridge[i], '/') + 1, &value) &&
		    add_sysctl(mem, ns, bridge[i], value) < 0)
			return -ENOMEM;
	/* It is another name of conf/all/forwarding. */
	return ns->conf_all.forwarding4 < 0
		       ? 0
		       : add_sysctl(mem, ns, "net/ipv4/ip_forward", ns->conf_all.forwarding4);
}

/* ---- what hooks in besides nftables
 * -------------------------------------------------------------- */

/*
 * Tables of the old kind are there in a namespace from their first use on, also when they are
 * empty. Of IPVS the services count: without one it does nothing.
 */
#define OWN_NET "thread-self/net"
static const struct {
	const char *path, *name;
	unsigned int skip; /* lines */
} kinds[] = {
	{"ip_tables_names", "ip_tables", 0},
	{"ip6_tables_names", "ip6_tables", 0},
	{"arp_tables_names", "arp_tables", 0},
	{"ip_vs", "ipvs", 3},
};

void nsn_read_what_is_there(struct nsn_reader *r)
{
	NSN_AUTO(nsn_closep) int net = openat(r->proc, OWN_NET, O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t i;

	r->bridge_calls = faccessat(r->proc, "sys/net/bridge", F_OK, 0) == 0;
	for (i = 0; net >= 0 && i < NSN_COUNT(kinds); i++)
		if (faccessat(net, kinds[i].path, F_OK, 0) == 0)
			r->old_kinds |= 1U << i;
}

/* Whether a list has anything behind its first @skip lines. One that cannot be read may. */
static bool has_lines(int proc, const char *path, unsigned int skip)
{
	NSN_AUTO(nsn_closep) int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	char text[1024];
	unsigned int lines = 0;
	ssize_t n, i;

	if (fd < 0)
		return errno != ENOENT;
	n = read(fd, text, sizeof(text));
	for (i = 0; i < n; i++)
		if (lines >= skip && text[i] != '\n')
			return true;
		else if (text[i] == '\n')
			lines++;
	return n < 0;
}

static int read_strange(const struct nsn_reader *r, int proc, struct nsn_arena *mem,
			struct nsn_vns *ns, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int net = -1;
	size_t i;
	int x = 0;

	if (!r->old_kinds)
		return 0;
	net = openat(proc, OWN_NET, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (net < 0)
		return nsn_err_sys(err, -errno, "open %s", OWN_NET);
	for (i = 0; x == 0 && i < NSN_COUNT(kinds); i++)
		if (r->old_kinds & 1U << i && has_lines(net, kinds[i].path, kinds[i].skip))
			x = nsn_strange(mem, ns, kinds[i].name, err);
	return x;
}

int nsn_read_conf(struct nsn_visitor *v, struct nsn_nl *route, struct nsn_vns *ns,
		  struct nsnet_err *err)
{
	int proc = nsn_home_proc(&v->home);
	int r = read_all_of(proc, route, ns, err);

	if (r == 0 && read_sysctls(v->reader, proc, &v->mem, ns) < 0)
		r = nsn_err_nomem(err);
	return r == 0 ? read_strange(v->reader, proc, &v->mem, ns, err) : r;
}
