// SPDX-License-Identifier: GPL-2.0-or-later
#include "snapform.h"

#include "../base/cleanup.h"

#define AT(member) .at = offsetof(struct T, member), .size = sizeof(((struct T *)0)->member)
#define KEYED(m)   .key = #m, AT(m)
#define U(m)                                                                                       \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_UINT, .max = UINT64_MAX                                   \
	}
#define UP_TO(m, n)                                                                                \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_UINT, .max = (n)                                          \
	}
#define I(m)                                                                                       \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_INT                                                       \
	}
#define B(m)                                                                                       \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_BOOL                                                      \
	}
#define ENUM(m, n)                                                                                 \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_ENUM, .max = (n)                                          \
	}
#define NS(m)                                                                                      \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_NS                                                        \
	}
#define TEXT(m)                                                                                    \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_TEXT                                                      \
	}
#define OPT(m)                                                                                     \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_OPT                                                       \
	}
#define CHARS(m)                                                                                   \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_CHARS                                                     \
	}
#define IP(m)                                                                                      \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_IP                                                        \
	}
#define PREFIX(m)                                                                                  \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_PREFIX                                                    \
	}
#define MAC(m)                                                                                     \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_MAC                                                       \
	}
#define BYTES(m)                                                                                   \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_BYTES                                                     \
	}
#define KEY(m)                                                                                     \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_KEY                                                       \
	}
#define MAPPED(m)                                                                                  \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_MAPPED                                                    \
	}
#define STRUCT(m, f)                                                                               \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_STRUCT, .sub = &(f)                                       \
	}
#define LIST_(m, f, s)                                                                             \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_LIST, .sub = &(f), .count = offsetof(struct T, n_##m),    \
			  .sort = (s)                                                              \
	}
#define LIST(m, f) LIST_(m, f, false)
#define BAG(m, f)  LIST_(m, f, true)
#define STRINGS(m)                                                                                 \
	{                                                                                          \
		KEYED(m), .kind = NSN_FK_STRINGS, .count = offsetof(struct T, n_##m), .sort = true \
	}
#define END                                                                                        \
	{                                                                                          \
		.kind = NSN_FK_END                                                                 \
	}
#define FORM(members_)                                                                             \
	{                                                                                          \
		.size = sizeof(struct T), .members = (members_)                                    \
	}

/* ---- rules ------------------------------------------------------------------------------ */

#define T nsn_vverdict
static const struct nsn_member verdict_members[] = {ENUM(code, NSN_V_STRANGE), OPT(chain), END};
const struct nsn_form nsn_form_verdict = FORM(verdict_members);
#undef T

#define T nsn_vexpr
static const struct nsn_member expr_members[] = {
	ENUM(kind, NSN_X_KINDS - 1),
	TEXT(name),
	UP_TO(dreg, NSN_REGS - 1),
	UP_TO(sreg, NSN_REGS - 1),
	UP_TO(len, 64),
	BYTES(data),
	BYTES(data2),
	ENUM(op, NSN_OP_GTE),
	STRUCT(verdict, nsn_form_verdict),
	U(base),
	U(offset),
	U(key),
	U(dir),
	U(flags),
	U(result),
	U(shift),
	B(left),
	B(dreg_set),
	B(sreg_set),
	OPT(set),
	U(set_id),
	U(number),
	U(family),
	UP_TO(sreg2, NSN_REGS - 1),
	UP_TO(sreg3, NSN_REGS - 1),
	UP_TO(sreg4, NSN_REGS - 1),
	U(code),
	OPT(object),
	LIST(inner, nsn_form_expr),
	END,
};
const struct nsn_form nsn_form_expr = FORM(expr_members);
#undef T

#define T nsn_vrule
static const struct nsn_member rule_members[] = {U(handle), TEXT(comment),
						 LIST(exprs, nsn_form_expr), END};
static const struct nsn_form form_rule = FORM(rule_members);
#undef T

#define T nsn_vchain
static const struct nsn_member chain_members[] = {
	TEXT(name), U(handle),	    U(hook),	   I(priority),
	TEXT(type), B(policy_drop), STRINGS(devs), LIST(rules, form_rule),
	END};
static const struct nsn_form form_chain = FORM(chain_members);
#undef T

#define T nsn_velem
static const struct nsn_member elem_members[] = {
	KEY(key),    KEY(key_end),  B(catch_all),
	B(expires),  MAPPED(data),  STRUCT(verdict, nsn_form_verdict),
	OPT(object), TEXT(comment), LIST(exprs, nsn_form_expr),
	END};
const struct nsn_form nsn_form_elem = FORM(elem_members);
#undef T

#define T nsn_vset
static const struct nsn_member set_members[] = {
	TEXT(name),
	U(id),
	U(flags),
	UP_TO(key_len, 64),
	UP_TO(data_len, 64),
	U(data_type),
	U(obj_type),
	BYTES(fields),
	UP_TO(n_fields, 16),
	B(dynamic),
	B(expires),
	BAG(elems, nsn_form_elem),
	END,
};
const struct nsn_form nsn_form_set = FORM(set_members);
#undef T

#define T nsn_vobject
static const struct nsn_member object_members[] = {U(type), TEXT(name), U(flags), END};
static const struct nsn_form form_object = FORM(object_members);
#undef T

#define T nsn_vtable
static const struct nsn_member table_members[] = {
	U(family),
	TEXT(name),
	U(flags),
	TEXT(comment),
	BAG(chains, form_chain),
	BAG(sets, nsn_form_set),
	BAG(objects, form_object),
	STRINGS(flowtables),
	END,
};
static const struct nsn_form form_table = FORM(table_members);
#undef T

/* ---- links, addresses, routes ----------------------------------------------------------- */

#define T nsn_vconf
static const struct nsn_member conf_members[] = {I(forwarding4),
						 I(forwarding6),
						 I(force_forwarding6),
						 I(rp_filter),
						 I(arp_ignore),
						 I(arp_filter),
						 I(proxy_arp),
						 I(proxy_ndp),
						 I(accept_local),
						 I(route_localnet),
						 I(accept_source_route4),
						 I(accept_source_route6),
						 I(send_redirects),
						 I(accept_redirects4),
						 I(accept_redirects6),
						 I(accept_ra),
						 I(disable_ipv6),
						 END};
static const struct nsn_form form_conf = FORM(conf_members);
#undef T

#define T nsn_vport
static const struct nsn_member port_members[] = {I(isolated),	 I(learning),
						 I(flood),	 I(mcast_flood),
						 I(bcast_flood), I(hairpin),
						 I(locked),	 I(neigh_suppress),
						 I(proxy_arp),	 I(proxy_arp_wifi),
						 I(guard),	 I(root_block),
						 U(state),	 END};
static const struct nsn_form form_port = FORM(port_members);
#undef T

#define T nsn_vlink
static const struct nsn_member link_members[] = {U(index),
						 TEXT(name),
						 TEXT(kind),
						 TEXT(port_kind),
						 TEXT(alias),
						 MAC(mac),
						 U(flags),
						 U(type),
						 U(mtu),
						 U(group),
						 U(master),
						 U(peer_index),
						 I(peer_nsid),
						 NS(peer_ns),
						 B(peer_lost),
						 B(vlan_filtering),
						 B(stp),
						 B(nf_call),
						 B(xdp),
						 B(tc),
						 TEXT(qdisc),
						 TEXT(detail),
						 STRUCT(conf, form_conf),
						 STRUCT(port, form_port),
						 END};
static const struct nsn_form form_link = FORM(link_members);
#undef T

#define T nsn_vaddr
static const struct nsn_member addr_members[] = {U(link), PREFIX(net), IP(peer), U(proto), END};
static const struct nsn_form form_addr = FORM(addr_members);
#undef T

#define T nsn_vhop
static const struct nsn_member hop_members[] = {U(link), IP(via), END};
static const struct nsn_form form_hop = FORM(hop_members);
#undef T

static int by_route(const void *pa, const void *pb)
{
	const struct nsn_vroute *a = pa, *b = pb;

	if (a->table != b->table)
		return a->table < b->table ? -1 : 1;
	if (a->dst.ip.family != b->dst.ip.family)
		return a->dst.ip.family - b->dst.ip.family;
	if (a->dst.len != b->dst.len)
		return b->dst.len - a->dst.len;
	return nsn_ip_cmp(&a->dst.ip, &b->dst.ip);
}

#define T nsn_vroute
static const struct nsn_member route_members[] = {
	PREFIX(dst), U(metric), PREFIX(src),	     U(table), U(type), U(tos), U(scope),
	U(proto),    B(odd),	BAG(hops, form_hop), END};
static const struct nsn_form form_route = {
	.size = sizeof(struct T), .members = route_members, .cmp = by_route};
#undef T

#define T nsn_vfib
static const struct nsn_member fib_members[] = {
	U(family), U(priority), PREFIX(src), PREFIX(dst), TEXT(iif), TEXT(oif), U(mark), U(mask),
	U(action), U(table),	U(target),   I(suppress), B(invert), B(odd),	END};
static const struct nsn_form form_fib = FORM(fib_members);
#undef T

#define T nsn_vneigh
static const struct nsn_member neigh_members[] = {U(link),  IP(ip),   MAC(mac),
						  U(state), B(proxy), END};
static const struct nsn_form form_neigh = FORM(neigh_members);
#undef T

#define T nsn_vfdb
static const struct nsn_member fdb_members[] = {U(link),  U(master), MAC(mac), U(vlan),
						U(state), B(self),   END};
static const struct nsn_form form_fdb = FORM(fdb_members);
#undef T

#define T nsn_vtuple
static const struct nsn_member tuple_members[] = {IP(src),  IP(dst),  U(proto),
						  U(sport), U(dport), END};
static const struct nsn_form form_tuple = FORM(tuple_members);
#undef T

#define T nsn_vct
static const struct nsn_member ct_members[] = {STRUCT(orig, form_tuple),
					       STRUCT(reply, form_tuple),
					       U(mark),
					       U(status),
					       U(zone),
					       B(helper),
					       END};
static const struct nsn_form form_ct = FORM(ct_members);
#undef T

/* ---- processes, namespaces -------------------------------------------------------------- */

#define T nsn_vproc
static const struct nsn_member proc_members[] = {
	I(pid), U(uid), B(host_user), U(caps), TEXT(name), TEXT(unit), U(start), B(workload), END};
static const struct nsn_form form_proc = FORM(proc_members);
#undef T

#define T nsn_vheld
static const struct nsn_member held_members[] = {STRUCT(proc, form_proc), NS(home),   B(socket),
						 B(unix_socket),	  TEXT(what), END};
static const struct nsn_form form_held = FORM(held_members);
#undef T

#define T nsn_vsysctl
static const struct nsn_member sysctl_members[] = {TEXT(path), TEXT(value), END};
static const struct nsn_form form_sysctl = FORM(sysctl_members);
#undef T

#define T nsn_vns
static const struct nsn_member ns_members[] = {
	ENUM(kind, NSN_VNS_FOREIGN),
	U(tenant),
	U(endpoint),
	U(inode),
	TEXT(name),
	TEXT(path),
	B(full),
	B(unreadable),
	OPT(why),
	BAG(links, form_link),
	BAG(procs, form_proc),
	BAG(held, form_held),
	STRUCT(conf_all, form_conf),
	STRUCT(conf_default, form_conf),
	BAG(sysctls, form_sysctl),
	BAG(addrs, form_addr),
	BAG(routes, form_route),
	BAG(fibs, form_fib),
	BAG(neighs, form_neigh),
	BAG(fdb, form_fdb),
	BAG(tables, form_table),
	BAG(cts, form_ct),
	U(nft_generation),
	STRINGS(strange),
	END,
};
const struct nsn_form nsn_form_ns = FORM(ns_members);
#undef T

#define T nsn_snap
static const struct nsn_member snap_members[] = {
	CHARS(boot),
	CHARS(release),
	OPT(policy),
	STRINGS(unsure),
	{.key = "namespaces",
	 AT(ns),
	 .kind = NSN_FK_LIST,
	 .sub = &nsn_form_ns,
	 .count = offsetof(struct T, n_ns)},
	END,
};
const struct nsn_form nsn_form_snap = FORM(snap_members);
#undef T

void nsn_form_enter(struct nsn_form_in *in, const struct nsn_form *f, const void *p)
{
	const struct nsn_vset *s = p;

	if (f == &nsn_form_set)
		*in = (struct nsn_form_in){.key_len = s->key_len, .data_len = s->data_len};
}
