/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "proving.h"

/*
 * witness - one packet of a set: the likeliest, sent again alone, so that its way and the
 * rule that let it through can be told
 */

static void address(nsn_u128 v, uint8_t family, char buf[INET6_ADDRSTRLEN])
{
	uint8_t bytes[16];
	const size_t n = family == AF_INET ? 4 : 16;

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	(void)inet_ntop(family, bytes, buf, INET6_ADDRSTRLEN);
}

static const char *ports_str(const struct nsn_packet *p, char buf[32])
{
	const unsigned int proto = (unsigned int)p->v[NSN_F_PROTO];
	const unsigned int sport = (unsigned int)p->v[NSN_F_SPORT];
	const unsigned int dport = (unsigned int)p->v[NSN_F_DPORT];

	switch (proto) {
	case IPPROTO_TCP:
		(void)snprintf(buf, 32, "tcp/%u", dport);
		break;
	case IPPROTO_UDP:
		(void)snprintf(buf, 32, "udp/%u", dport);
		break;
	case IPPROTO_SCTP:
		(void)snprintf(buf, 32, "sctp/%u", dport);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		(void)snprintf(buf, 32, "icmp type %u code %u", sport >> 8, sport & 0xff);
		break;
	default:
		(void)snprintf(buf, 32, "protocol %u", proto);
	}
	return buf;
}

const char *nsn_packet_str(const struct nsn_packet *p, char buf[NSN_PACKET_STRLEN])
{
	static const char *const states[] = {"invalid", "established", "related", "new",
					     "untracked"};
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN], ports[32];
	const unsigned int type = (unsigned int)p->v[NSN_F_ETYPE];
	const unsigned int state = (unsigned int)p->v[NSN_F_CTSTATE];
	const uint8_t family = type == 0x86dd ? AF_INET6 : AF_INET;

	if (type != 0x0800 && type != 0x86dd) {
		(void)snprintf(buf, NSN_PACKET_STRLEN, "a frame of EtherType 0x%04x", type);
		return buf;
	}
	address(p->v[NSN_F_SRC], family, src);
	address(p->v[NSN_F_DST], family, dst);
	(void)snprintf(buf, NSN_PACKET_STRLEN, "%s -> %s %s (%s)", src, dst, ports_str(p, ports),
		       state < NSN_CT_STATES ? states[state] : "?");
	return buf;
}

static nsn_u128 number(const struct nsn_ip *ip)
{
	nsn_u128 v = 0;

	for (size_t i = 0; i < (ip->family == AF_INET ? 4 : 16); i++)
		v = v << 8 | ip->bytes[i];
	return v;
}

static nsn_u128 mac_number(const struct nsn_mac *m)
{
	nsn_u128 v = 0;

	for (size_t i = 0; i < 6; i++)
		v = v << 8 | m->bytes[i];
	return v;
}

/* What a client would send: a TCP connection to a usual port, from an address of its own. */
static void usual(struct nsn_packet *like, const struct nsn_proving *p, size_t a,
		  const struct nsn_arrival *at)
{
	const struct nsn_tenant *t = nsn_is_beyond(p, a) ? NULL : &p->intent->tenants[a];

	*like = (struct nsn_packet){0};
	like->v[NSN_F_ETYPE] = at->family == AF_INET6 ? 0x86dd : 0x0800;
	if (t && t->n_endpoints > 0)
		like->v[NSN_F_SRC] =
			number(at->family == AF_INET6 ? &t->endpoints[0].ip6 : &t->endpoints[0].ip);
	like->v[NSN_F_PROTO] = IPPROTO_TCP;
	like->v[NSN_F_NEXT] = IPPROTO_TCP;
	like->v[NSN_F_SPORT] = 40000;
	like->v[NSN_F_DPORT] = 22;
	like->v[NSN_F_FLAGS] = 0x02;
	like->v[NSN_F_TTL] = 64;
	like->v[NSN_F_CTSTATE] = NSN_CT_NEW;
}

/* The MAC address that a neighbour is known by there, or 0. */
static nsn_u128 known_mac(const struct nsn_vns *ns, nsn_u128 ip, uint8_t family)
{
	for (size_t i = 0; i < ns->n_neighs; i++)
		if (ns->neighs[i].ip.family == family && number(&ns->neighs[i].ip) == ip)
			return mac_number(&ns->neighs[i].mac);
	return 0;
}

/* As it was when it came in: addresses of frames, and what routers change, are set anew. */
static void as_sent(struct nsn_proving *p, const struct nsn_arrival *at, struct nsn_packet *pk)
{
	const struct nsn_vns *ns = &p->snap->ns[at->steps[0].ns];
	const struct nsn_vlink *in = nsn_vns_link(ns, at->steps[0].in);
	const struct nsn_vlink *to = in && in->master ? nsn_vns_link(ns, in->master) : in;
	nsn_u128 mac;

	pk->v[NSN_F_IIF] = at->steps[0].in;
	pk->v[NSN_F_OIF] = 0;
	pk->v[NSN_F_TAG] = 0;
	pk->v[NSN_F_MARK] = 0;
	pk->v[NSN_F_ETYPE] = at->family == AF_INET6 ? 0x86dd : 0x0800;
	pk->v[NSN_F_TTL] = 64;
	if (pk->v[NSN_F_FIRST] & 1)
		pk->v[NSN_F_SRC] = pk->v[NSN_F_OSRC];
	if (pk->v[NSN_F_FIRST] & 2) {
		pk->v[NSN_F_DST] = pk->v[NSN_F_ODST];
		pk->v[NSN_F_DPORT] = pk->v[NSN_F_ODPORT];
	}
	if (pk->v[NSN_F_CTSTATE] == NSN_CT_NEW)
		pk->v[NSN_F_CTMARK] = pk->v[NSN_F_CTNAT] = 0;
	mac = known_mac(ns, pk->v[NSN_F_SRC], at->family);
	for (size_t i = 0; !mac && i < ns->n_fdb; i++)
		if (in && ns->fdb[i].link == in->index && !ns->fdb[i].self &&
		    nsn_mac_cmp(&ns->fdb[i].mac, &in->mac) != 0)
			mac = mac_number(&ns->fdb[i].mac);
	if (mac)
		pk->v[NSN_F_L2SRC] = mac;
	mac = at->switched ? known_mac(ns, pk->v[NSN_F_DST], at->family) : 0;
	if (mac)
		pk->v[NSN_F_L2DST] = mac;
	else if (!at->switched && to)
		pk->v[NSN_F_L2DST] = mac_number(&to->mac);
}

static struct nsn_ip ip_of(nsn_u128 v, uint8_t family)
{
	struct nsn_ip ip = {.family = family};
	const size_t n = family == AF_INET ? 4 : 16;

	for (size_t i = 0; i < n; i++)
		ip.bytes[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	return ip;
}

/* @one: as it was when it came in. */
static void shoot(struct nsn_shot *shot, const struct nsn_arrival *at, const struct nsn_packet *one)
{
	if (at->n_steps == 0)
		return;
	*shot = (struct nsn_shot){
		.has = true,
		.ns = at->steps[0].ns,
		.in = at->steps[0].in,
		.to = at->kind == NSN_ARRIVES ? at->to : at->ns,
		.local = at->kind == NSN_ARRIVES_LOCAL,
		.etype = (uint16_t)one->v[NSN_F_ETYPE],
		.proto = (uint8_t)one->v[NSN_F_PROTO],
		.tcp_flags = (uint8_t)one->v[NSN_F_FLAGS],
		.sport = (uint16_t)one->v[NSN_F_SPORT],
		.dport = (uint16_t)one->v[NSN_F_DPORT],
		.state = (uint8_t)one->v[NSN_F_CTSTATE],
	};
	for (size_t i = 0; i < 6; i++)
		shot->to_mac.bytes[i] = (uint8_t)(one->v[NSN_F_L2DST] >> (8 * (5 - i)));
	if (!at->family)
		return;
	shot->src = ip_of(one->v[NSN_F_SRC], at->family);
	shot->dst = ip_of(one->v[NSN_F_DST], at->family);
}

static void show(struct nsn_proving *p, struct nsn_finding *x, const char *text)
{
	if (nsn_finding_show(&p->report->findings, x, "%s", text) < 0) {
		p->no_memory = true;
		nsn_space_stop(&p->space, "memory");
	}
}

static const char *family_word(uint8_t family)
{
	switch (family) {
	case 1:
		return "inet";
	case 2:
		return "ip";
	case 3:
		return "arp";
	case 5:
		return "netdev";
	case 7:
		return "bridge";
	case 10:
		return "ip6";
	default:
		return "?";
	}
}

const char *nsn_hit_str(const struct nsn_hit *h, char *buf, size_t size)
{
	static const char *const words[] = {"",	    "accept", "drop",	"continue", "break",
					    "jump", "goto",   "return", "queue",    "?"};
	const char *word = h->verdict <= NSN_V_STRANGE ? words[h->verdict] : "?";
	const char *comment = h->rule ? h->rule->comment : "";

	if (!h->rule)
		(void)snprintf(buf, size, "%s %s chain %s policy: %s",
			       family_word(h->table->family), h->table->name, h->chain->name, word);
	else
		(void)snprintf(buf, size, "%s %s chain %s handle %llu%s%s%s%s%s%s: %s",
			       family_word(h->table->family), h->table->name, h->chain->name,
			       (unsigned long long)h->rule->handle, *comment ? " '" : "", comment,
			       *comment ? "'" : "",
			       h->elem && h->elem->comment && *h->elem->comment ? " element '" : "",
			       h->elem && h->elem->comment ? h->elem->comment : "",
			       h->elem && h->elem->comment && *h->elem->comment ? "'" : "", word);
	return buf;
}

/*
 * Rules by their verdict only: what merely matched is no reason. But a rule that is not
 * nsnet's may be one, whatever it does.
 */
static bool decides(const struct nsn_hit *h)
{
	return h->verdict == NSN_V_ACCEPT || h->verdict == NSN_V_DROP ||
	       (h->rule && strcmp(h->table->name, "nsnet") != 0);
}

static void show_way(struct nsn_proving *p, struct nsn_finding *x, const struct nsn_passage *way)
{
	char text[320], hit[256];

	for (size_t i = 0; i < way->n && x->n_evidence < 40; i++) {
		const struct nsn_passed *at = &way->list[i];
		const struct nsn_vns *ns = &p->snap->ns[at->ns];
		const struct nsn_vlink *l = at->link ? nsn_vns_link(ns, at->link) : NULL;

		if (at->kind == NSN_PASSED_RULES) {
			for (size_t k = 0; k < at->n_hits; k++)
				if (decides(&at->hits[k])) {
					(void)snprintf(text, sizeof(text), "%s: %s: %s", ns->name,
						       at->hook ? at->hook : "",
						       nsn_hit_str(&at->hits[k], hit, sizeof(hit)));
					show(p, x, text);
				}
			continue;
		}
		(void)snprintf(text, sizeof(text), "%s: %s%s%s%s", ns->name,
			       at->kind == NSN_PASSED_IN    ? "in by "
			       : at->kind == NSN_PASSED_OUT ? "out by "
							    : "",
			       l ? l->name : "", l && *at->text ? ": " : "", at->text);
		show(p, x, text);
	}
}

static bool writes(const struct nsn_vrule *rule)
{
	for (size_t i = 0; i < rule->n_exprs; i++)
		if (rule->exprs[i].kind == NSN_X_PAYLOAD_SET)
			return true;
	return false;
}

/*
 * What arrives is not what was sent: a rule on its way writes into packets, which none of nsnet's
 * does.
 */
static bool find_writer(const struct nsn_vns *ns, struct nsn_hit *ret)
{
	for (size_t t = 0; t < ns->n_tables; t++)
		for (size_t c = 0; c < ns->tables[t].n_chains; c++)
			for (size_t i = 0; i < ns->tables[t].chains[c].n_rules; i++)
				if (writes(&ns->tables[t].chains[c].rules[i])) {
					*ret = (struct nsn_hit){
						.table = &ns->tables[t],
						.chain = &ns->tables[t].chains[c],
						.rule = &ns->tables[t].chains[c].rules[i],
						.verdict = NSN_V_CONTINUE};
					return true;
				}
	return false;
}

static const struct nsn_vns *show_writers(struct nsn_proving *p, struct nsn_finding *x,
					  const struct nsn_arrival *at, struct nsn_hit *ret)
{
	const struct nsn_vns *found = NULL;
	char text[320], hit[256];

	for (size_t i = 0; i < at->n_steps; i++) {
		const struct nsn_vns *ns = &p->snap->ns[at->steps[i].ns];

		if (!find_writer(ns, ret))
			continue;
		found = ns;
		(void)snprintf(text, sizeof(text), "%s: packets are written to: %s", ns->name,
			       nsn_hit_str(ret, hit, sizeof(hit)));
		show(p, x, text);
	}
	return found;
}

/* The last rule that let it through: if it is nobody's of nsnet, it can be deleted. */
static void advise(struct nsn_proving *p, struct nsn_finding *x, const struct nsn_passage *way,
		   const struct nsn_hit *writer, const struct nsn_vns *writer_ns)
{
	const struct nsn_hit *last = NULL, *foreign = writer_ns ? writer : NULL;
	const struct nsn_vns *where = writer_ns, *last_ns = NULL;
	int r;

	for (size_t i = 0; i < way->n; i++)
		for (size_t k = 0; k < way->list[i].n_hits; k++) {
			const struct nsn_hit *h = &way->list[i].hits[k];

			if (!h->rule || !decides(h))
				continue;
			last = h;
			last_ns = &p->snap->ns[way->list[i].ns];
			if (strcmp(h->table->name, "nsnet") != 0) {
				foreign = h;
				where = last_ns;
			}
		}
	if (foreign)
		r = nsn_finding_hint(&p->report->findings, x,
				     "nsenter --net=%s nft delete rule %s %s %s handle %llu",
				     where->path, family_word(foreign->table->family),
				     foreign->table->name, foreign->chain->name,
				     (unsigned long long)foreign->rule->handle);
	else
		r = nsn_finding_hint(&p->report->findings, x,
				     last ? "nsnet repair   # rules of nsnet's own are not as "
					    "they should be"
					  : "nsnet repair");
	if (r < 0) {
		p->no_memory = true;
		nsn_space_stop(&p->space, "memory");
	}
}

void nsn_witness(struct nsn_proving *p, struct nsn_finding *x, size_t a,
		 const struct nsn_arrival *at, nsn_set_t set)
{
	char text[NSN_PACKET_STRLEN], line[NSN_PACKET_STRLEN + 32];
	const struct nsn_vns *writer_ns = NULL;
	struct nsn_passage way = {0};
	struct nsn_packet like, one;
	struct nsn_hit writer = {0};

	usual(&like, p, a, at);
	nsn_pick(&p->space, set, &like, &one);
	if (!at->family) {
		shoot(&x->shot, at, &one);
		show(p, x, nsn_packet_str(&one, text));
		return;
	}
	if (one.v[NSN_F_FIRST]) {
		(void)snprintf(line, sizeof(line), "arrives as: %s", nsn_packet_str(&one, text));
		show(p, x, line);
	}
	as_sent(p, at, &one);
	shoot(&x->shot, at, &one);
	(void)snprintf(line, sizeof(line), "packet: %s", nsn_packet_str(&one, text));
	show(p, x, line);
	if (at->n_steps == 0)
		return;
	nsn_walk_one(p->walk, at->steps[0].ns, at->steps[0].in, &one, &way);
	if (way.arrived && way.to == (at->kind == NSN_ARRIVES ? at->to : at->ns)) {
		show_way(p, x, &way);
	} else {
		show(p, x, "its way alone could not be told: another of the same kind gets there");
		writer_ns = show_writers(p, x, at, &writer);
	}
	advise(p, x, &way, &writer, writer_ns);
	nsn_passage_clear(&way);
}
