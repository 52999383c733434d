/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounts, settings and connections of the host. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <linux/netlink.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "doctor.h"
#include "kernel/conntrack.h"
#include "kernel/sysctl.h"
#include "nl/nl.h"
#include "store/uplinks.h"

/* Of the table of connections: from here on it is worth a warning. */
#define FULL_PERCENT 80

NSN_CLEANUP(struct nsn_nl, nsn_nl_close)

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static void closefilep(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

/* -1: there is none, or it is no number. */
static int64_t setting(struct nsnet *n, const char *path)
{
	struct nsn_sysctl_place at = NSN_SYSCTL_PLACE(&n->home);
	char text[64];
	uint64_t value;
	int r = nsn_sysctl_read(&at, path, text, sizeof(text), NULL);

	nsn_sysctl_leave(&at);
	return r < 0 || nsn_u64_parse(&value, text, INT32_MAX) < 0 ? -1 : (int64_t)value;
}

/* ---- D010: pins are seen by all -------------------------------------------------------- */

/*
 * Whether @line of mountinfo is about @path: 1 it is shared, 0 it is not, -1 another one. "36 35
 * 98:0 /mnt1 /run/netns rw,noatime shared:1 - ..."
 */
static int is_shared(char *line, const char *path)
{
	char *save = NULL, *word = strtok_r(line, " ", &save);
	bool shared = false;

	for (int i = 0; word && strcmp(word, "-") != 0; i++, word = strtok_r(NULL, " ", &save)) {
		if (i == 4 && strcmp(word, path) != 0)
			return -1;
		shared |= i > 5 && strncmp(word, "shared:", strlen("shared:")) == 0;
	}
	return shared;
}

/* Of the mounts over each other the last counts. -1: it is not mounted */
static int look_for_mount(const char *path)
{
	NSN_AUTO(closefilep) FILE *f = fopen("/proc/thread-self/mountinfo", "re");
	NSN_AUTO(nsn_freep) char *line = NULL;
	size_t size = 0;
	int ret = -1, one;

	while (f && getline(&line, &size, f) > 0) {
		one = is_shared(line, path);
		ret = one < 0 ? ret : one;
	}
	return ret;
}

/* Whether what is mounted here is seen by who started first; true when nobody says. */
static bool is_first_mount_ns(void)
{
	struct stat own, first;

	return stat("/proc/thread-self/ns/mnt", &own) < 0 || stat("/proc/1/ns/mnt", &first) < 0 ||
	       own.st_ino == first.st_ino;
}

int nsn_doctor_pins(struct nsn_exam *x, struct nsnet_err *err)
{
	const int shared = look_for_mount(NSN_NETNS_DIR);

	if (shared == 0)
		return nsn_doctor_say(x, "D010", NSNET_FAILING,
				      "mount --make-shared " NSN_NETNS_DIR, err,
				      NSN_NETNS_DIR " is not a shared mount: what is made here is "
						    "not seen, and not unmounted, elsewhere");
	if (!is_first_mount_ns())
		return nsn_doctor_say(
			x, "D010", NSNET_DOUBTFUL,
			"start nsnet without PrivateTmp=, ProtectSystem= or BindPaths=", err,
			"nsnet is in a mount namespace of its own, not in that of process 1: "
			"namespaces made here are not seen outside of it");
	if (shared < 0)
		return nsn_doctor_say(x, "D010", NSNET_HEALTHY, "", err,
				      NSN_NETNS_DIR " will be made, shared, with the first tenant");
	return nsn_doctor_say(x, "D010", NSNET_HEALTHY, "", err,
			      NSN_NETNS_DIR " is shared; namespaces made here are visible to all");
}

/* ---- D020: what was changed -------------------------------------------------------------- */

/* Rows that are no settings begin with '#' (host.c); how many are left. */
static size_t only_settings(struct nsn_host_setting *list, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (list[i].path[0] != '#')
			list[kept++] = list[i];
	return kept;
}

/* "net/ipv4/conf/eth0/forwarding (was 0), ..." of all that are changed; NULL: no memory. */
static const char *changed(struct nsn_exam *x, const struct nsn_host_setting *list, size_t n)
{
	const char *text = "";

	for (size_t i = 0; text && i < n; i++)
		text = nsn_arena_printf(&x->d->mem, "%s%s%s (was %s)", text, i ? ", " : "",
					list[i].path, list[i].old);
	return text;
}

/* One that is again what it was before us, with an uplink that needs it; or NULL. */
static const char *lost(struct nsn_exam *x, const struct nsn_host_setting *list, size_t n)
{
	struct nsn_sysctl_place at = NSN_SYSCTL_PLACE(&x->n->home);
	const char *ret = NULL;
	char now[64];

	for (size_t i = 0; !ret && x->uplinks && i < n; i++)
		if (nsn_sysctl_read(&at, list[i].path, now, sizeof(now), NULL) == 0 &&
		    strcmp(now, list[i].old) == 0)
			ret = list[i].path;
	nsn_sysctl_leave(&at);
	return ret;
}

int nsn_doctor_forwarding(struct nsn_exam *x, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct nsn_host_setting *list = NULL;
	const char *what, *back;
	size_t n = 0;
	int r = nsn_store_host_setting_list(x->n->store, &list, &n, err);

	if (r < 0)
		return r;
	n = only_settings(list, n);
	if (n == 0)
		return nsn_doctor_say(
			x, "D020", NSNET_HEALTHY, "", err,
			"nsnet has changed no setting of the host; ip_forward is %" PRId64,
			setting(x->n, "net/ipv4/ip_forward"));
	back = lost(x, list, n);
	if (back)
		return nsn_doctor_say(x, "D020", NSNET_FAILING, "nsnet repair", err,
				      "somebody has set %s back to what it was: what tenants may "
				      "reach outside is not forwarded",
				      back);
	what = changed(x, list, n);
	if (!what)
		return nsn_err_nomem(err);
	return nsn_doctor_say(x, "D020", NSNET_HEALTHY, "", err,
			      "nsnet has changed %zu setting%s of the host, and gives %s back with "
			      "the last uplink: %s",
			      n, n == 1 ? "" : "s", n == 1 ? "it" : "them", what);
}

/* ---- D021: IPv6 ---------------------------------------------------------------------------- */

/* Those of the links that listen to routers only as long as they do not forward. */
static const char *listening_links(struct nsn_exam *x)
{
	NSN_AUTO(closedirp) DIR *d = opendir("/proc/sys/net/ipv6/conf");
	const char *text = "";
	const struct dirent *e;
	char path[64 + NAME_MAX];

	while (d && text && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || strcmp(e->d_name, "all") == 0 ||
		    strcmp(e->d_name, "default") == 0 || strcmp(e->d_name, "lo") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "net/ipv6/conf/%s/accept_ra", e->d_name);
		if (setting(x->n, path) == 1)
			text = nsn_arena_printf(&x->d->mem, "%s%s%s", text, *text ? ", " : "",
						e->d_name);
	}
	return text;
}

int nsn_doctor_ipv6(struct nsn_exam *x, struct nsnet_err *err)
{
	const int64_t all = setting(x->n, "net/ipv6/conf/all/forwarding");
	const char *links;

	if (all < 0)
		return nsn_doctor_say(x, "D021", NSNET_HEALTHY, "", err, "the host has no IPv6");
	links = listening_links(x);
	if (!links)
		return nsn_err_nomem(err);
	if (all > 0 && *links)
		return nsn_doctor_say(
			x, "D021", NSNET_DOUBTFUL, "sysctl -w net.ipv6.conf.LINK.accept_ra=2", err,
			"the host forwards IPv6, so it does not listen to routers any more on: %s; "
			"a default route that it has from one will end",
			links);
	if (setting(x->n, "net/ipv6/conf/default/force_forwarding") >= 0)
		return nsn_doctor_say(x, "D021", NSNET_HEALTHY, "", err,
				      "IPv6 is forwarded link by link (force_forwarding)");
	if (all == 0 && *links)
		return nsn_doctor_say(
			x, "D021", NSNET_DOUBTFUL, "", err,
			"this kernel (before 6.17) forwards IPv6 for all links or for none: with "
			"the first uplink that needs it all.forwarding becomes 1, and accept_ra 2 "
			"on those links where it is 1, which would stop listening to routers: %s",
			links);
	return nsn_doctor_say(x, "D021", NSNET_HEALTHY, "", err,
			      "IPv6 is forwarded for all links or for none; no link depends on "
			      "routers' advertisements");
}

/* ---- D120: frames that are taken for packets ------------------------------------------------ */

int nsn_doctor_bridges(struct nsn_exam *x, struct nsnet_err *err)
{
	const bool four = setting(x->n, "net/bridge/bridge-nf-call-iptables") > 0;
	const bool six = setting(x->n, "net/bridge/bridge-nf-call-ip6tables") > 0;

	if (!four && !six)
		return nsn_doctor_say(x, "D120", NSNET_HEALTHY, "", err,
				      "bridged frames do not pass the hooks of IP");
	return nsn_doctor_say(x, "D120", NSNET_DOUBTFUL,
			      "sysctl -w net.bridge.bridge-nf-call-iptables=0 "
			      "net.bridge.bridge-nf-call-ip6tables=0",
			      err,
			      "net.bridge.bridge-nf-call-%s=1: frames of the host's bridges also "
			      "pass the forward hook of %s",
			      four ? "iptables" : "ip6tables", four ? "IPv4" : "IPv6");
}

/* ---- D131: connections ------------------------------------------------------------------------
 */

int nsn_doctor_connections(struct nsn_exam *x, struct nsnet_err *err)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	const int64_t max = setting(x->n, "net/netfilter/nf_conntrack_max");
	struct nsnet_err why = {0};
	uint32_t n = 0;
	uint64_t percent;
	int r = nsn_nl_open(&nl, NETLINK_NETFILTER, &why);

	if (r == 0)
		r = nsn_conntrack_count(nl, &n, &why);
	if (r < 0)
		return nsn_doctor_unknown(x, "D131", "the table of connections", &why, err);
	if (max <= 0)
		return nsn_doctor_say(x, "D131", NSNET_HEALTHY, "", err,
				      "the host tracks no connections, or any number of them");
	percent = UINT64_C(100) * n / (uint64_t)max;
	return nsn_doctor_say(
		x, "D131", percent >= FULL_PERCENT ? NSNET_DOUBTFUL : NSNET_HEALTHY,
		percent >= FULL_PERCENT ? "sysctl -w net.netfilter.nf_conntrack_max=NUMBER" : "",
		err,
		"the host's table of connections is %" PRIu64 " %% full (%" PRIu32 " of %" PRId64
		")",
		percent, n, max);
}
