/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "differ_in.h"

/*
 * differ_words - ports out of sets, in the words that effects by policy have (model/effect.c)
 */

#define RANGES_MAX 64
/* So many protocols besides the four are all of them: some cannot be sent at all. */
#define MANY_PROTOCOLS 200
#define FEW_PROTOCOLS  8

static const struct {
	uint8_t number;
	const char *name;
} with_ports[] = {{IPPROTO_TCP, "tcp"}, {IPPROTO_UDP, "udp"}, {IPPROTO_SCTP, "sctp"}};

struct words {
	struct nsn_space *s;
	FILE *to;
	const char *before; /* of each word */
	bool some;
};

static void word(struct words *w, const char *text)
{
	fprintf(w->to, "%s%s%s", w->some ? "," : "", w->before, text);
	w->some = true;
}

/* Nobody can name or use port 0. */
static bool is_all(const struct nsn_range *r, size_t n)
{
	return n == 1 && r[0].first <= 1 && r[0].last == UINT16_MAX;
}

static nsn_set_t of_proto(struct words *w, nsn_set_t set, unsigned int proto)
{
	return nsn_and(w->s, set, nsn_is(w->s, NSN_F_PROTO, proto));
}

static bool put_ports(struct words *w, nsn_set_t set, size_t which, bool say)
{
	const struct nsn_range *r;
	const size_t n = nsn_values(w->s, of_proto(w, set, with_ports[which].number), NSN_F_DPORT,
				    RANGES_MAX, &r);
	const char *name = with_ports[which].name;
	char text[40];

	if (say && is_all(r, n))
		word(w, name);
	for (size_t i = 0; say && !is_all(r, n) && i < n; i++) {
		const unsigned int first = r[i].first ? (unsigned int)r[i].first : 1;
		const unsigned int last = (unsigned int)r[i].last;

		if (first > last)
			continue;
		if (first == last)
			(void)snprintf(text, sizeof(text), "%s/%u", name, first);
		else
			(void)snprintf(text, sizeof(text), "%s/%u-%u", name, first, last);
		word(w, text);
	}
	return n > 0 && is_all(r, n);
}

static bool put_icmp(struct words *w, nsn_set_t set, uint8_t family, bool say)
{
	const unsigned int type = family == AF_INET ? 8 : 128;
	const nsn_set_t all = of_proto(w, set, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	const nsn_set_t asks = nsn_between(w->s, NSN_F_SPORT, type << 8, type << 8 | 0xff);
	const bool echo = !nsn_empty(nsn_and(w->s, all, asks)),
		   other = !nsn_empty(nsn_sub(w->s, all, asks));

	if (say && (echo || other))
		word(w, !other ? "icmp/echo" : echo ? "icmp" : "icmp/other");
	return echo && other;
}

static nsn_set_t others(struct words *w, nsn_set_t set, uint8_t family)
{
	for (size_t i = 0; i < NSN_COUNT(with_ports); i++)
		set = nsn_sub(w->s, set, nsn_is(w->s, NSN_F_PROTO, with_ports[i].number));
	return nsn_sub(
		w->s, set,
		nsn_is(w->s, NSN_F_PROTO, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6));
}

static size_t put_others(struct words *w, nsn_set_t set, uint8_t family, bool say)
{
	const struct nsn_range *r;
	const size_t n = nsn_values(w->s, others(w, set, family), NSN_F_PROTO, 256, &r);
	size_t sum = 0;
	char text[40];

	for (size_t i = 0; i < n; i++)
		sum += (size_t)(r[i].last - r[i].first) + 1;
	if (say && sum > FEW_PROTOCOLS)
		word(w, "other protocols");
	for (size_t i = 0; say && sum <= FEW_PROTOCOLS && i < n; i++)
		for (nsn_u128 p = r[i].first; p <= r[i].last; p++) {
			(void)snprintf(text, sizeof(text), "protocol %u", (unsigned int)p);
			word(w, text);
		}
	return sum;
}

static void put_all(struct words *w, nsn_set_t set, uint8_t family)
{
	bool any = true;

	if (nsn_empty(set))
		return;
	for (size_t i = 0; i < NSN_COUNT(with_ports); i++)
		any &= put_ports(w, set, i, false);
	any = any && put_icmp(w, set, family, false) &&
	      put_others(w, set, family, false) >= MANY_PROTOCOLS;
	if (any) {
		word(w, "any");
		return;
	}
	for (size_t i = 0; i < NSN_COUNT(with_ports); i++)
		(void)put_ports(w, set, i, true);
	(void)put_icmp(w, set, family, true);
	(void)put_others(w, set, family, true);
}

static const char *family_words(struct nsn_space *s, nsn_set_t set, uint8_t family,
				const char *before)
{
	NSN_AUTO(nsn_freep) char *text = NULL;
	size_t size = 0;
	struct words w = {.s = s, .to = open_memstream(&text, &size), .before = before};
	char *ret;

	if (!w.to)
		nsn_space_stop(s, "memory");
	put_all(&w, set, family);
	if (fclose(w.to) != 0)
		nsn_space_stop(s, "memory");
	ret = nsn_space_alloc(s, size + 1);
	memcpy(ret, text, size);
	return ret;
}

const char *nsn_ports_words(struct nsn_space *s, nsn_set_t set4, nsn_set_t set6, bool frames)
{
	const char *four = family_words(s, set4, AF_INET, ""),
		   *six = family_words(s, set6, AF_INET6, "");
	static const char odd[] = "frames that are no IP";
	size_t room;
	char *ret;

	/* Both families have the same words for a service: each is said once. */
	if (strcmp(four, six) == 0)
		six = "";
	else if (*six)
		six = family_words(s, set6, AF_INET6, "ipv6:");
	room = strlen(four) + strlen(six) + sizeof(odd) + 2;
	ret = nsn_space_alloc(s, room);
	(void)snprintf(ret, room, "%s%s%s%s%s", four, *four && *six ? "," : "", six,
		       frames && (*four || *six) ? "," : "", frames ? odd : "");
	return *ret ? ret : NULL;
}
