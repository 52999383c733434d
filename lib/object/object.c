/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "object.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/fib_rules.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include "../base/cleanup.h"
#include "elem.h"

bool nsn_place_same(struct nsn_place a, struct nsn_place b)
{
	return a.role == b.role && a.id == b.id;
}

int nsn_place_cmp(struct nsn_place a, struct nsn_place b)
{
	if (a.role != b.role)
		return a.role < b.role ? -1 : 1;
	return a.id < b.id ? -1 : a.id > b.id;
}

/* ---- nft rules --------------------------------------------------------------- */

static bool same_rate(const struct nsn_rate *a, const struct nsn_rate *b)
{
	return a->rate == b->rate && a->unit == b->unit && a->burst == b->burst &&
	       a->flags == b->flags;
}

bool nsn_expr_same(const struct nsn_expr *a, const struct nsn_expr *b)
{
	return a->kind == b->kind && a->kind != NSN_EXPR_OTHER && a->key == b->key &&
	       a->reg == b->reg && a->to == b->to && a->offset == b->offset && a->len == b->len &&
	       a->flags == b->flags && same_rate(&a->limit, &b->limit) &&
	       memcmp(a->data, b->data, sizeof(a->data)) == 0 &&
	       memcmp(a->mask, b->mask, sizeof(a->mask)) == 0 && strcmp(a->name, b->name) == 0;
}

bool nsn_rule_same(const struct nsn_rule *a, const struct nsn_rule *b)
{
	size_t i;

	if (a->cut || b->cut || a->n != b->n || strcmp(a->comment, b->comment) != 0)
		return false;
	for (i = 0; i < a->n; i++)
		if (!nsn_expr_same(&a->exprs[i], &b->exprs[i]))
			return false;
	return true;
}

/* ---- one row a kind ------------------------------------------------------------ */

typedef const struct nsn_object obj;

static int cmp_none(obj *a, obj *b)
{
	(void)a;
	(void)b;
	return 0;
}

static bool same_always(obj *a, obj *b)
{
	(void)a;
	(void)b;
	return true;
}

static int cmp_link(obj *a, obj *b)
{
	return strcmp(a->link, b->link);
}

static char *str_netns(obj *o, struct nsn_arena *m)
{
	(void)o;
	return nsn_arena_strdup(m, "network namespace");
}

static int cmp_sysctl(obj *a, obj *b)
{
	if (a->u.sysctl.first != b->u.sysctl.first)
		return a->u.sysctl.first ? -1 : 1;
	return strcmp(a->u.sysctl.path, b->u.sysctl.path);
}

static bool same_sysctl(obj *a, obj *b)
{
	return strcmp(a->u.sysctl.value, b->u.sysctl.value) == 0;
}

static char *str_sysctl(obj *o, struct nsn_arena *m)
{
	return nsn_arena_printf(m, "%s = %s", o->u.sysctl.path, o->u.sysctl.value);
}

static int cmp_table(obj *a, obj *b)
{
	int c = (int)a->u.table.family - (int)b->u.table.family;

	return c ? c : strcmp(a->u.table.name, b->u.table.name);
}

static bool same_table(obj *a, obj *b)
{
	return strcmp(a->u.table.comment, b->u.table.comment) == 0 &&
	       a->u.table.flags == b->u.table.flags;
}

const char *nsn_family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_BRIDGE:
		return "bridge";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_NETDEV:
		return "netdev";
	case NFPROTO_ARP:
		return "arp";
	default:
		return "?";
	}
}

static char *str_table(obj *o, struct nsn_arena *m)
{
	return nsn_arena_printf(m, "%s %s (%s)%s", nsn_family_name(o->u.table.family),
				o->u.table.name, o->u.table.comment,
				o->u.table.flags & NFT_TABLE_F_DORMANT ? " dormant" : "");
}

static int cmp_counter(obj *a, obj *b)
{
	int c = (int)a->u.counter.family - (int)b->u.counter.family;

	if (c == 0)
		c = strcmp(a->u.counter.table, b->u.counter.table);
	return c ? c : strcmp(a->u.counter.name, b->u.counter.name);
}

static char *str_counter(obj *o, struct nsn_arena *m)
{
	return nsn_arena_printf(m, "%s %s %s", nsn_family_name(o->u.counter.family),
				o->u.counter.table, o->u.counter.name);
}

/* Things in a table: by family, table, name. */
static int cmp_in_table(uint8_t family, uint8_t other_family, const char *table,
			const char *other_table, const char *name, const char *other_name)
{
	int c = (int)family - (int)other_family;

	if (c == 0)
		c = strcmp(table, other_table);
	return c ? c : strcmp(name, other_name);
}

static int cmp_limit(obj *a, obj *b)
{
	return cmp_in_table(a->u.limit.family, b->u.limit.family, a->u.limit.table,
			    b->u.limit.table, a->u.limit.name, b->u.limit.name);
}

static bool same_limit(obj *a, obj *b)
{
	const struct nsn_limit *x = &a->u.limit, *y = &b->u.limit;

	return x->rate == y->rate && x->unit == y->unit && x->burst == y->burst &&
	       x->type == y->type && x->flags == y->flags;
}

static char *str_limit(obj *o, struct nsn_arena *m)
{
	return nsn_arena_printf(m, "%s %s %s over %" PRIu64 " bytes/%s burst %" PRIu32,
				nsn_family_name(o->u.limit.family), o->u.limit.table,
				o->u.limit.name, o->u.limit.rate,
				o->u.limit.unit == 1 ? "second" : "other unit", o->u.limit.burst);
}

static int cmp_set(obj *a, obj *b)
{
	return cmp_in_table(a->u.set.family, b->u.set.family, a->u.set.table, b->u.set.table,
			    a->u.set.name, b->u.set.name);
}

static bool same_set(obj *a, obj *b)
{
	const struct nsn_set *x = &a->u.set, *y = &b->u.set;
	/* The usual one comes with the first rule that uses the set, and stays. */
	const bool unused = x->size == NSN_NFT_SIZE_USUAL && y->size == 0;

	return x->flags == y->flags && x->key_type == y->key_type && x->key_len == y->key_len &&
	       x->data_type == y->data_type && x->data_len == y->data_len &&
	       x->obj_type == y->obj_type && x->n_fields == y->n_fields &&
	       memcmp(x->fields, y->fields, x->n_fields) == 0 && (unused || x->size == y->size) &&
	       x->timeout == y->timeout && x->udata_len == y->udata_len &&
	       (x->udata_len == 0 || memcmp(x->udata, y->udata, x->udata_len) == 0);
}

static char *str_set(obj *o, struct nsn_arena *m)
{
	return nsn_arena_printf(m, "%s %s %s", nsn_family_name(o->u.set.family), o->u.set.table,
				o->u.set.name);
}

static int cmp_chain(obj *a, obj *b)
{
	int c = (int)a->u.chain.family - (int)b->u.chain.family;

	if (c == 0)
		c = strcmp(a->u.chain.table, b->u.chain.table);
	return c ? c : strcmp(a->u.chain.name, b->u.chain.name);
}

static bool same_chain(obj *a, obj *b)
{
	const struct nsn_chain *x = &a->u.chain, *y = &b->u.chain;
	size_t i;

	if (strcmp(x->type, y->type) != 0 || x->hook != y->hook || x->priority != y->priority ||
	    x->policy != y->policy || x->n_rules != y->n_rules)
		return false;
	for (i = 0; i < x->n_rules; i++)
		if (!nsn_rule_same(&x->rules[i], &y->rules[i]))
			return false;
	return true;
}

static char *str_chain(obj *o, struct nsn_arena *m)
{
	const struct nsn_chain *c = &o->u.chain;
	const char *policy = c->policy == NF_DROP ? " policy drop" : " policy accept";

	return nsn_arena_printf(m, "%s %s %s%s, %zu rule%s", nsn_family_name(c->family), c->table,
				c->name, c->type[0] ? policy : "", c->n_rules,
				c->n_rules == 1 ? "" : "s");
}

static bool same_dev(obj *a, obj *b)
{
	const struct nsn_link *x = &a->u.dev, *y = &b->u.dev;

	if (x->type != y->type || nsn_mac_cmp(&x->mac, &y->mac) != 0 || x->group != y->group ||
	    strcmp(x->master, y->master) != 0 || x->mtu != y->mtu)
		return false;
	if (x->type == NSN_LINK_BRIDGE)
		return x->stp == y->stp && x->mcast_snooping == y->mcast_snooping;
	return strcmp(x->peer, y->peer) == 0 && nsn_place_same(x->peer_at, y->peer_at);
}

static char *str_dev(obj *o, struct nsn_arena *m)
{
	const struct nsn_link *l = &o->u.dev;
	char mac[NSN_MAC_STRLEN];
	const char *more = "";

	if (l->type == NSN_LINK_VETH)
		more = l->peer[0] ? nsn_arena_printf(m, " to %s of %s", l->peer,
						     l->peer_at.role == NSN_GATEWAY ? "the gateway"
						     : l->peer_at.role == NSN_HOST  ? "the host"
										    : "an endpoint")
				  : " to elsewhere";
	if (!more)
		return NULL;
	return nsn_arena_printf(m, "%s %s %s group %u%s%s%s", o->link, l->type_name,
				nsn_mac_str(&l->mac, mac), l->group, l->master[0] ? " in " : "",
				l->master, more);
}

static bool same_port(obj *a, obj *b)
{
	return a->u.port_flags == b->u.port_flags;
}

static char *str_port(obj *o, struct nsn_arena *m)
{
	static const char *const names[] = {"hairpin",		"guard",	  "root_block",
					    "fastleave",	"learning",	  "flood",
					    "proxy_arp",	"proxy_arp_wifi", "mcast_flood",
					    "mcast_to_unicast", "bcast_flood",	  "neigh_suppress",
					    "isolated",		"locked"};
	char text[256] = "";
	size_t i, len = 0;

	static_assert(NSN_COUNT(names) == NSN_PORT_FLAGS, "one name a flag");
	for (i = 0; i < NSN_PORT_FLAGS && len < sizeof(text); i++)
		if (o->u.port_flags & (1U << i))
			len += (size_t)snprintf(text + len, sizeof(text) - len, " %s", names[i]);
	return nsn_arena_printf(m, "%s%s", o->link, text);
}

static int cmp_fdb(obj *a, obj *b)
{
	int c = cmp_link(a, b);

	return c ? c : nsn_mac_cmp(&a->u.fdb, &b->u.fdb);
}

static char *str_fdb(obj *o, struct nsn_arena *m)
{
	char mac[NSN_MAC_STRLEN];

	return nsn_arena_printf(m, "%s on %s static", nsn_mac_str(&o->u.fdb, mac), o->link);
}

static int cmp_addr(obj *a, obj *b)
{
	int c = cmp_link(a, b);

	if (c == 0)
		c = nsn_prefix_cmp(&a->u.addr.prefix, &b->u.addr.prefix);
	return c ? c : nsn_ip_cmp(&a->u.addr.peer, &b->u.addr.peer);
}

static char *str_addr(obj *o, struct nsn_arena *m)
{
	char text[NSN_PREFIX_STRLEN], peer[NSN_IP_STRLEN];

	if (o->u.addr.peer.family)
		return nsn_arena_printf(m, "%s peer %s on %s",
					nsn_prefix_str(&o->u.addr.prefix, text),
					nsn_ip_str(&o->u.addr.peer, peer), o->link);
	return nsn_arena_printf(m, "%s on %s", nsn_prefix_str(&o->u.addr.prefix, text), o->link);
}

static int cmp_neigh(obj *a, obj *b)
{
	int c = cmp_link(a, b);

	return c ? c : nsn_ip_cmp(&a->u.neigh.ip, &b->u.neigh.ip);
}

static bool same_neigh(obj *a, obj *b)
{
	return nsn_mac_cmp(&a->u.neigh.mac, &b->u.neigh.mac) == 0;
}

static char *str_neigh(obj *o, struct nsn_arena *m)
{
	char ip[NSN_IP_STRLEN], mac[NSN_MAC_STRLEN];

	return nsn_arena_printf(m, "%s is %s on %s permanent", nsn_ip_str(&o->u.neigh.ip, ip),
				nsn_mac_str(&o->u.neigh.mac, mac), o->link);
}

static char *str_up(obj *o, struct nsn_arena *m)
{
	return nsn_arena_strdup(m, o->link);
}

static int cmp_u32(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

/* Longer ones first: the way to a gateway before the route that leads through it. */
static int cmp_route(obj *a, obj *b)
{
	const struct nsn_prefix *x = &a->u.route.dst, *y = &b->u.route.dst;

	int c = x->len != y->len ? (int)y->len - (int)x->len : nsn_prefix_cmp(x, y);

	return c ? c : cmp_u32(a->u.route.table, b->u.route.table);
}

static bool same_route(obj *a, obj *b)
{
	return strcmp(a->link, b->link) == 0 && nsn_ip_cmp(&a->u.route.via, &b->u.route.via) == 0 &&
	       a->u.route.type == b->u.route.type && a->u.route.onlink == b->u.route.onlink &&
	       a->u.route.protocol == b->u.route.protocol;
}

static const char *route_type(uint8_t type)
{
	switch (type) {
	case RTN_UNSPEC:
	case RTN_UNICAST:
		return "";
	case RTN_BLACKHOLE:
		return "blackhole ";
	case RTN_UNREACHABLE:
		return "unreachable ";
	case RTN_PROHIBIT:
		return "prohibit ";
	case RTN_THROW:
		return "throw ";
	default:
		return "? ";
	}
}

static char *str_route(obj *o, struct nsn_arena *m)
{
	char dst[NSN_PREFIX_STRLEN], via[NSN_IP_STRLEN] = "", table[24] = "";
	bool has_via = o->u.route.via.family;

	if (has_via)
		(void)nsn_ip_str(&o->u.route.via, via);
	if (o->u.route.table)
		(void)snprintf(table, sizeof(table), " table %u", o->u.route.table);
	return nsn_arena_printf(m, "%s%s%s%s%s%s%s%s", route_type(o->u.route.type),
				nsn_prefix_str(&o->u.route.dst, dst), has_via ? " via " : "", via,
				o->link[0] ? " dev " : "", o->link,
				o->u.route.onlink ? " onlink" : "", table);
}

static int cmp_rule(obj *a, obj *b)
{
	const struct nsn_fibrule *x = &a->u.rule, *y = &b->u.rule;
	int c = (int)x->family - (int)y->family;

	if (c == 0)
		c = cmp_u32(x->priority, y->priority);
	if (c == 0)
		c = cmp_u32(x->mark, y->mark);
	if (c == 0)
		c = cmp_u32(x->mask, y->mask);
	if (c == 0)
		c = strcmp(x->iif, y->iif);
	if (c == 0)
		c = (int)x->action - (int)y->action;
	if (c == 0)
		c = cmp_u32(x->table, y->table);
	if (c == 0)
		c = (int)x->protocol - (int)y->protocol;
	return c ? c : (int)x->odd - (int)y->odd;
}

static char *str_rule(obj *o, struct nsn_arena *m)
{
	const struct nsn_fibrule *r = &o->u.rule;
	char mark[48] = "", action[32], proto[16] = "";

	if (r->mask)
		(void)snprintf(mark, sizeof(mark), " fwmark 0x%x/0x%x", r->mark, r->mask);
	if (r->action == FR_ACT_TO_TBL)
		(void)snprintf(action, sizeof(action), "lookup %u", r->table);
	else if (r->action == FR_ACT_BLACKHOLE)
		(void)snprintf(action, sizeof(action), "blackhole");
	else
		(void)snprintf(action, sizeof(action), "action %u", r->action);
	if (r->protocol != NSN_RTPROT)
		(void)snprintf(proto, sizeof(proto), " proto %u", r->protocol);
	return nsn_arena_printf(m, "%s %u:%s%s%s%s %s%s", r->family == AF_INET ? "ip" : "ip6",
				r->priority, mark, r->iif[0] ? " iif " : "", r->iif,
				r->odd ? " and more" : "", action, proto);
}

static int cmp_file(obj *a, obj *b)
{
	return strcmp(a->u.file.path, b->u.file.path);
}

/* One that somebody else has put there is not to be touched; the planner tells of it. */
static bool same_file(obj *a, obj *b)
{
	return strcmp(a->u.file.text, b->u.file.text) == 0;
}

static char *str_file(obj *o, struct nsn_arena *m)
{
	return nsn_arena_strdup(m, o->u.file.path);
}

static bool same_pin(obj *a, obj *b)
{
	return strcmp(a->u.pin, b->u.pin) == 0;
}

static char *str_pin(obj *o, struct nsn_arena *m)
{
	return nsn_arena_strdup(m, o->u.pin);
}

static const struct kind {
	const char *name;
	int (*cmp)(obj *a, obj *b);
	bool (*same)(obj *a, obj *b);
	char *(*str)(obj *o, struct nsn_arena *m);
} kinds[] = {
	[NSN_OBJ_NETNS] = {"netns", cmp_none, same_always, str_netns},
	[NSN_OBJ_SYSCTL] = {"sysctl", cmp_sysctl, same_sysctl, str_sysctl},
	[NSN_OBJ_TABLE] = {"table", cmp_table, same_table, str_table},
	[NSN_OBJ_COUNTER] = {"counter", cmp_counter, same_always, str_counter},
	[NSN_OBJ_LIMIT] = {"limit", cmp_limit, same_limit, str_limit},
	[NSN_OBJ_SET] = {"set", cmp_set, same_set, str_set},
	[NSN_OBJ_ELEM] = {"element", nsn_elem_cmp, nsn_elem_same, nsn_elem_str},
	[NSN_OBJ_CHAIN] = {"chain", cmp_chain, same_chain, str_chain},
	[NSN_OBJ_LINK] = {"link", cmp_link, same_dev, str_dev},
	[NSN_OBJ_PORT] = {"port", cmp_link, same_port, str_port},
	[NSN_OBJ_CONF] = {"sysctl", cmp_sysctl, same_sysctl, str_sysctl},
	[NSN_OBJ_FDB] = {"fdb", cmp_fdb, same_always, str_fdb},
	[NSN_OBJ_ADDR] = {"address", cmp_addr, same_always, str_addr},
	[NSN_OBJ_NEIGH] = {"neighbour", cmp_neigh, same_neigh, str_neigh},
	[NSN_OBJ_UP] = {"up", cmp_link, same_always, str_up},
	[NSN_OBJ_ROUTE] = {"route", cmp_route, same_route, str_route},
	[NSN_OBJ_RULE] = {"rule", cmp_rule, same_always, str_rule},
	[NSN_OBJ_FILE] = {"file", cmp_file, same_file, str_file},
	[NSN_OBJ_PIN] = {"pin", cmp_none, same_pin, str_pin},
};
static_assert(NSN_COUNT(kinds) == NSN_OBJ_KINDS, "one row a kind");

const char *nsn_object_table(const struct nsn_object *o, uint8_t *family)
{
	/* They have nothing in common but that they begin alike. */
	switch (o->kind) {
	case NSN_OBJ_COUNTER:
		*family = o->u.counter.family;
		return o->u.counter.table;
	case NSN_OBJ_LIMIT:
		*family = o->u.limit.family;
		return o->u.limit.table;
	case NSN_OBJ_SET:
		*family = o->u.set.family;
		return o->u.set.table;
	case NSN_OBJ_ELEM:
		*family = o->u.elem.family;
		return o->u.elem.table;
	case NSN_OBJ_CHAIN:
		*family = o->u.chain.family;
		return o->u.chain.table;
	case NSN_OBJ_NETNS:
	case NSN_OBJ_SYSCTL:
	case NSN_OBJ_TABLE:
	case NSN_OBJ_LINK:
	case NSN_OBJ_PORT:
	case NSN_OBJ_CONF:
	case NSN_OBJ_FDB:
	case NSN_OBJ_ADDR:
	case NSN_OBJ_NEIGH:
	case NSN_OBJ_UP:
	case NSN_OBJ_ROUTE:
	case NSN_OBJ_RULE:
	case NSN_OBJ_FILE:
	case NSN_OBJ_PIN:
	case NSN_OBJ_KINDS:
		break;
	}
	return NULL;
}

const char *nsn_kind_name(enum nsn_kind kind)
{
	return kinds[kind].name;
}

int nsn_object_cmp(const struct nsn_object *a, const struct nsn_object *b)
{
	int c;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	c = nsn_place_cmp(a->at, b->at);
	return c ? c : kinds[a->kind].cmp(a, b);
}

bool nsn_object_same(const struct nsn_object *a, const struct nsn_object *b)
{
	return kinds[a->kind].same(a, b);
}

char *nsn_object_str(const struct nsn_object *o, struct nsn_arena *arena)
{
	return kinds[o->kind].str(o, arena);
}

/* ---- a list of objects ------------------------------------------------------ */

void nsn_state_clear(struct nsn_state *s)
{
	free(s->objects);
	nsn_arena_free(&s->arena);
	*s = (struct nsn_state){0};
}

struct nsn_object *nsn_state_add(struct nsn_state *s, enum nsn_kind kind, struct nsn_place at,
				 const char *link)
{
	const char *copy = link[0] ? nsn_arena_strdup(&s->arena, link) : "";
	struct nsn_object *o;

	if (!copy)
		return NULL;
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;

		o = realloc(s->objects, cap * sizeof(*o));
		if (!o)
			return NULL;
		s->objects = o;
		s->cap = cap;
	}
	o = &s->objects[s->n++];
	*o = (struct nsn_object){.kind = kind, .at = at, .link = copy};
	return o;
}

void nsn_state_filter(struct nsn_state *s,
		      bool (*keep)(const struct nsn_object *o, const void *arg), const void *arg)
{
	size_t i, kept = 0;

	for (i = 0; i < s->n; i++)
		if (keep(&s->objects[i], arg))
			s->objects[kept++] = s->objects[i];
	s->n = kept;
}

static int cmp_for_qsort(const void *a, const void *b)
{
	return nsn_object_cmp(a, b);
}

void nsn_state_sort(struct nsn_state *s)
{
	if (s->n > 1)
		qsort(s->objects, s->n, sizeof(*s->objects), cmp_for_qsort);
}

const struct nsn_object *nsn_state_find(const struct nsn_state *s, const struct nsn_object *like)
{
	if (s->n == 0)
		return NULL;
	return bsearch(like, s->objects, s->n, sizeof(*s->objects), cmp_for_qsort);
}

const struct nsn_object *nsn_state_link(const struct nsn_state *s, struct nsn_place at,
					const char *name)
{
	const struct nsn_object like = {.kind = NSN_OBJ_LINK, .at = at, .link = name};

	return nsn_state_find(s, &like);
}

static bool is_before(const struct nsn_object *o, enum nsn_kind kind, struct nsn_place at)
{
	return o->kind != kind ? o->kind < kind : nsn_place_cmp(o->at, at) < 0;
}

const struct nsn_object *nsn_state_at(const struct nsn_state *s, enum nsn_kind kind,
				      struct nsn_place at, size_t *n)
{
	size_t low = 0, high = s->n, end;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (is_before(&s->objects[mid], kind, at))
			low = mid + 1;
		else
			high = mid;
	}
	for (end = low;
	     end < s->n && s->objects[end].kind == kind && nsn_place_same(s->objects[end].at, at);)
		end++;
	*n = end - low;
	return s->objects ? &s->objects[low] : NULL;
}
