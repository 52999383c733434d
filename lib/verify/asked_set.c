/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>

#include "asked.h"

static nsn_set_t box_set(struct nsn_space *s, const struct nsn_box *b)
{
	const bool icmp = b->proto_first == b->proto_last &&
			  (b->proto_first == IPPROTO_ICMP || b->proto_first == IPPROTO_ICMPV6);
	nsn_set_t set = nsn_and(s, nsn_between(s, NSN_F_SRC, b->src.first, b->src.last),
				nsn_between(s, NSN_F_DST, b->dst.first, b->dst.last));

	if (b->proto_first != 0 || b->proto_last != 255)
		set = nsn_and(s, set, nsn_between(s, NSN_F_PROTO, b->proto_first, b->proto_last));
	if (b->port_first != 0 || b->port_last != 65535)
		set = nsn_and(s, set,
			      nsn_between(s, icmp ? NSN_F_SPORT : NSN_F_DPORT, b->port_first,
					  b->port_last));
	return set;
}

static nsn_set_t boxes_set(struct nsn_space *s, const struct nsn_box *b, size_t n, uint8_t family)
{
	nsn_set_t *sets = nsn_space_alloc(s, (n ? n : 1) * sizeof(*sets));
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		if (b[i].family == family)
			sets[m++] = box_set(s, &b[i]);
	return nsn_or_many(s, sets, m);
}

nsn_set_t nsn_asked_set(struct nsn_space *s, const struct nsn_boxes *b, uint8_t family)
{
	const nsn_set_t allow = boxes_set(s, b->allow, b->n_allow, family);
	const nsn_set_t deny = boxes_set(s, b->deny, b->n_deny, family);

	return nsn_or(s, nsn_sub(s, allow, deny), boxes_set(s, b->kept, b->n_kept, family));
}
