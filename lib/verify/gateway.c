/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/netfilter.h>
#include <net/if.h>
#include <sys/socket.h>

#include "proving.h"

/*
 * gateway - what a tenant's own gateway takes in
 */

#define ICMP_TYPE(t) ((nsn_u128)(t) << 8)

/*
 * A ping, and who has its address. Of a later fragment nothing is seen but that it is one
 * (hook_load.c); it gets to no socket without the first, which is asked about by itself.
 */
nsn_set_t nsn_gateway_answers(struct nsn_space *s, uint8_t family)
{
	const bool six = family == AF_INET6;
	nsn_set_t types = nsn_between(s, NSN_F_SPORT, ICMP_TYPE(six ? 128 : 8),
				      ICMP_TYPE(six ? 128 : 8) | 0xff);

	if (!family)
		return nsn_none(s);
	if (six)
		types = nsn_or(s, types,
			       nsn_between(s, NSN_F_SPORT, ICMP_TYPE(135), ICMP_TYPE(135) | 0xff));
	types = nsn_and(s, types, nsn_is(s, NSN_F_PROTO, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP));
	return nsn_or(s, types, nsn_is(s, NSN_F_FRAG, 1));
}

/* Packets that come in by any of its links. */
static nsn_set_t any_in(struct nsn_space *s, const struct nsn_vns *ns)
{
	nsn_set_t in = nsn_none(s);

	for (size_t i = 0; i < ns->n_links; i++)
		if (!(ns->links[i].flags & IFF_LOOPBACK))
			in = nsn_or(s, in, nsn_is(s, NSN_F_IIF, ns->links[i].index));
	return nsn_and(s, in, nsn_is(s, NSN_F_OIF, 0));
}

bool nsn_gateway_takes(struct nsn_proving *p, size_t a)
{
	static const struct {
		uint8_t family, nfproto;
	} families[] = {{AF_INET, NFPROTO_IPV4}, {AF_INET6, NFPROTO_IPV6}};
	struct nsn_space *s = &p->space;
	struct nsn_hooks *h = NULL;
	bool more = false;

	if (p->gateway[a] == NSN_NOWHERE)
		return false;
	if (nsn_hooks_new(&h, &p->snap->ns[p->gateway[a]], s) < 0) {
		p->no_memory = true;
		nsn_space_stop(s, "memory");
	}
	for (size_t i = 0; !more && i < sizeof(families) / sizeof(families[0]); i++) {
		struct nsn_hooked ret;

		nsn_hook_run(h, families[i].nfproto, NF_INET_LOCAL_IN, NULL, INT32_MIN, INT32_MAX,
			     any_in(s, &p->snap->ns[p->gateway[a]]), &ret, NULL);
		more = ret.n_poison > 0 ||
		       !nsn_within(s, ret.go, nsn_gateway_answers(s, families[i].family));
	}
	nsn_hooks_free(h);
	return more;
}
