/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include <linux/netlink.h>

#include "base/cleanup.h"
#include "ctx.h"
#include "kernel/listen.h"
#include "nl/nl.h"

/*
 * listeners - what a rule publishes must not be a program's of the host
 *
 * The host's table would take the packets away from the program, without a word.
 */

NSN_CLEANUP(struct nsn_nl, nsn_nl_close)

static uint8_t protocol_of(enum nsn_proto proto)
{
	switch (proto) {
	case NSN_PROTO_TCP:
		return IPPROTO_TCP;
	case NSN_PROTO_UDP:
		return IPPROTO_UDP;
	case NSN_PROTO_SCTP:
		return IPPROTO_SCTP;
	case NSN_PROTO_ANY:
	case NSN_PROTO_ECHO:
	case NSN_PROTO_ICMP:
		break;
	}
	return 0;
}

static int taken(const struct nsn_policy *p, uint8_t proto, const struct nsn_listener *l,
		 struct nsnet_err *err)
{
	static const char *const words[] = {
		[IPPROTO_TCP] = "tcp", [IPPROTO_UDP] = "udp", [IPPROTO_SCTP] = "sctp"};
	char at[NSN_PUBLISH_STRLEN], who[NSN_LISTENER_STRLEN];
	const bool six = l->ip.family == AF_INET6;
	char ip[NSN_IP_STRLEN];

	(void)nsn_err(err, -EADDRINUSE, NSNET_E_PUBLISH_CONFLICT, "%s %s is taken: %s",
		      nsn_publish_str(&p->publish, at), words[proto], nsn_listener_str(l, who));
	/* The program need not be in the way: it may be on one address of many. */
	if (p->publish.ip.family == 0)
		return nsn_err_hint(err, -EADDRINUSE,
				    "publish another port, or on one address of the host that is "
				    "not %s%s%s, as in 203.0.113.10:%u",
				    six ? "[" : "", nsn_ip_str(&l->ip, ip), six ? "]" : "",
				    p->publish.port);
	return nsn_err_hint(err, -EADDRINUSE,
			    "publish another port, or end that program: ss -H%snlp sport = %u",
			    proto == IPPROTO_UDP   ? "u"
			    : proto == IPPROTO_TCP ? "t"
						   : "S",
			    p->publish.port);
}

int nsn_publish_check_listeners(struct nsnet *n, const struct nsn_policy *p, struct nsnet_err *err)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_listener l = {0};
	uint8_t proto;
	int r;

	(void)n; /* the thread is in the host's namespace */
	if (p->publish.port == 0 || p->n_ports == 0)
		return 0;
	proto = protocol_of(p->ports[0].proto);
	if (proto == 0)
		return 0;
	r = nsn_nl_open(&nl, NETLINK_SOCK_DIAG, err);
	if (r == 0)
		r = nsn_listen_find(nl, &p->publish.ip, proto, p->publish.port, &l, err);
	if (r < 0)
		return nsn_err_wrap(err, r, "rule '%s'", p->name);
	return r == 0 ? 0 : taken(p, proto, &l, err);
}
