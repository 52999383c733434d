/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>
#include <stdio.h>

#include "asked.h"

/* box - what a policy allows, as the policy says it */

static const char *word_of(unsigned int proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return "icmp";
	default:
		return NULL;
	}
}

void nsn_box_str(const struct nsn_box *b, char *buf, size_t size)
{
	const char *word = word_of(b->proto_first);

	if (b->proto_first != b->proto_last)
		(void)snprintf(buf, size, "any");
	else if (!word)
		(void)snprintf(buf, size, "protocol %u", b->proto_first);
	else if (b->port_first == 0 && b->port_last == UINT16_MAX)
		(void)snprintf(buf, size, "%s", word);
	else if (b->proto_first == IPPROTO_ICMP || b->proto_first == IPPROTO_ICMPV6)
		(void)snprintf(buf, size, "icmp/echo");
	else if (b->port_first == b->port_last)
		(void)snprintf(buf, size, "%s/%u", word, b->port_first);
	else
		(void)snprintf(buf, size, "%s/%u-%u", word, b->port_first, b->port_last);
}
