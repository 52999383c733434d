/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "intent.h"
#include "parts.h"
#include "policy.h"

#define DIGITS "0123456789"
#define LAST   65535

static const struct {
	const char *name;
	struct nsn_ports ports;
} words[] = {
	{"any", {NSN_PROTO_ANY, 0, 0}},	       {"tcp", {NSN_PROTO_TCP, 0, LAST}},
	{"udp", {NSN_PROTO_UDP, 0, LAST}},     {"sctp", {NSN_PROTO_SCTP, 0, LAST}},
	{"icmp/echo", {NSN_PROTO_ECHO, 0, 0}}, {"icmp", {NSN_PROTO_ICMP, 0, 0}},
	{"icmp/any", {NSN_PROTO_ICMP, 0, 0}},
};

/* What people write instead. A service is no port: which it is depends on /etc/services. */
static const struct {
	const char *name, *better;
} services[] = {
	{"http", "tcp/80"},
	{"https", "tcp/443"},
	{"ssh", "tcp/22"},
	{"smtp", "tcp/25"},
	{"ntp", "udp/123"},
	{"dns", "udp/53 and tcp/53"},
	{"ping", "icmp/echo"},
	{"icmp/ping", "icmp/echo"},
	{"icmp/8", "icmp/echo"},
	{"icmp/128", "icmp/echo"},
	{"icmp/echo-request", "icmp/echo"},
	{"icmpv6", "icmp"},
	{"icmp6", "icmp"},
	{"all", "any"},
	{"*", "any"},
	{"ip", "any"},
	{"ipv4", "any"},
	{"ipv6", "any"},
	{"tcp/any", "tcp"},
	{"udp/any", "udp"},
	{"sctp/any", "sctp"},
	{"tcp/all", "tcp"},
	{"udp/all", "udp"},
	{"sctp/all", "sctp"},
	{"tcp/*", "tcp"},
	{"udp/*", "udp"},
	{"sctp/*", "sctp"},
	{"tcp/http", "tcp/80"},
	{"tcp/https", "tcp/443"},
	{"tcp/ssh", "tcp/22"},
	{"icmp/*", "icmp"},
	{"icmp/all", "icmp"},
};

static const char *service(const char *text)
{
	for (size_t i = 0; i < NSN_COUNT(services); i++)
		if (strcmp(text, services[i].name) == 0)
			return services[i].better;
	return NULL;
}

static int refuse(struct nsnet_err *err, const char *text, const char *why, const char *better)
{
	char shown[NSN_SHOW_SIZE];

	nsn_err(err, -EINVAL, NSNET_E_BAD_PORT, "'%s' is not a port: %s",
		nsn_text_show(text, shown, sizeof(shown)), why);
	if (better)
		nsn_err_hint(err, -EINVAL, "write %s", better);
	return -EINVAL;
}

static int refuse_like(struct nsnet_err *err, const char *text, const char *why)
{
	refuse(err, text, why, NULL);
	return nsn_err_hint(err, -EINVAL, "write it like tcp/443");
}

static bool find_word(struct nsn_ports *ret, const char *text)
{
	for (size_t i = 0; i < NSN_COUNT(words); i++)
		if (strcmp(text, words[i].name) == 0) {
			*ret = words[i].ports;
			return true;
		}
	return false;
}

/* Of tcp, udp or sctp, which is followed by @stop. */
static bool find_proto(struct nsn_ports *ret, const char *text, size_t len)
{
	for (size_t i = 0; i < NSN_COUNT(words); i++)
		if (words[i].ports.last != 0 && strlen(words[i].name) == len &&
		    strncmp(text, words[i].name, len) == 0) {
			*ret = words[i].ports;
			return true;
		}
	return false;
}

/* ---- numbers ------------------------------------------------------------------ */

/* One number; why it is none, NULL when it is one. @text goes on behind it. */
static const char *take_number(uint16_t *ret, const char **text)
{
	size_t digits = strspn(*text, DIGITS);
	const char *start = *text;
	unsigned int n = 0;

	*text += digits;
	if (digits == 0)
		return "a port is a number from 1 to 65535";
	if (digits > 1 && start[0] == '0')
		return "a number starts with 0";
	if (digits > 5)
		return "a port is 65535 at most";
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (unsigned int)(start[i] - '0');
	if (n > LAST)
		return "a port is 65535 at most";
	*ret = (uint16_t)n;
	return NULL;
}

/* What is wrong with "80-90", with what was meant in @better where that is clear. */
static const char *range_fault(struct nsn_ports *p, const char *text, char better[NSN_SHOW_SIZE])
{
	const char *proto = p->proto == NSN_PROTO_TCP	? "tcp"
			    : p->proto == NSN_PROTO_UDP ? "udp"
							: "sctp";
	const char *why;

	why = take_number(&p->first, &text);
	p->last = p->first;
	if (!why && text[0] == '-' && text[1] == '\0') {
		(void)snprintf(better, NSN_SHOW_SIZE, "%s/%u, or %s/%u-65535", proto, p->first,
			       proto, p->first);
		return "the last port of the range is missing";
	}
	if (!why && *text == '-') {
		text++;
		why = take_number(&p->last, &text);
	}
	if (why)
		return why;
	if (*text == ',')
		return "one item has one port or one range: make a list";
	if (*text)
		return "there is something after the port";
	if (p->first == 0) {
		if (p->last != 0)
			(void)snprintf(better, NSN_SHOW_SIZE, p->last == LAST ? "%s" : "%s/1-%u",
				       proto, p->last);
		return "there is no port 0";
	}
	if (p->first > p->last) {
		(void)snprintf(better, NSN_SHOW_SIZE, "%s/%u-%u", proto, p->last, p->first);
		return "the range ends before it begins";
	}
	return NULL;
}

/* ---- what was meant ------------------------------------------------------------- */

/* tcp:80, 80/tcp, 80, tcp/80:90 and capitals: as they should be written, if they can be. */
static bool turn(const char *text, char out[NSN_SHOW_SIZE])
{
	char s[NSN_PORTS_STRLEN], buf[NSN_PORTS_STRLEN];
	size_t digits = strspn(text, DIGITS "-:");
	struct nsn_ports p;
	const char *known;

	if (strlen(text) >= sizeof(s))
		return false;
	memcpy(s, text, strlen(text) + 1);
	nsn_word_lower(s, '\0');
	known = service(s);
	if (known) {
		(void)snprintf(out, NSN_SHOW_SIZE, "%s", known);
		return true;
	}
	if (strncmp(s, "any/", 4) == 0)
		(void)snprintf(out, NSN_SHOW_SIZE, "tcp/%s", s + 4);
	else if (digits > 0 && s[digits] == '\0')
		(void)snprintf(out, NSN_SHOW_SIZE, "tcp/%s", s);
	else if (digits > 0 && s[digits] == '/')
		(void)snprintf(out, NSN_SHOW_SIZE, "%s/%.*s", s + digits + 1, (int)digits, s);
	else
		(void)snprintf(out, NSN_SHOW_SIZE, "%s", s);
	digits = strcspn(out, "/:");
	if (out[digits] == ':')
		out[digits] = '/';
	for (char *colon = strchr(out + digits, ':'); colon; colon = strchr(colon, ':'))
		*colon = '-';
	if (nsn_ports_parse(&p, out, NULL) < 0)
		return false;
	(void)snprintf(out, NSN_SHOW_SIZE, "%s", nsn_ports_str(&p, buf));
	return true;
}

static const char *head_fault(const char *text, size_t head)
{
	if (nsn_word_capitals(text))
		return "capital letters are not allowed";
	if (head == 0)
		return "the protocol before '/' is missing";
	if (!text[strspn(text, DIGITS "-:")])
		return "the protocol is missing";
	if (text[strspn(text, DIGITS "-:")] == '/')
		return "the protocol comes first";
	if (head == 3 && strncmp(text, "any", 3) == 0)
		return "`any` is all of IP, and has no ports";
	if (strncmp(text, "icmp/", 5) == 0)
		return "of ICMP there are icmp/echo and icmp, which is all of it";
	if (service(text))
		return "it is not among tcp, udp, sctp, icmp, any";
	if (text[head] == '\0' && strchr(text, ':'))
		return "there is a '/' between protocol and port";
	return "the protocol is none of tcp, udp, sctp, icmp, any";
}

int nsn_ports_parse(struct nsn_ports *ret, const char *text, struct nsnet_err *err)
{
	const size_t head = strcspn(text, "/");
	const char *why = nsn_word_fault(text);
	char better[NSN_SHOW_SIZE] = "";
	struct nsn_ports p = {0};

	if (why)
		return refuse_like(err, text, why);
	if (find_word(ret, text))
		return 0;
	if (text[head] == '/' && find_proto(&p, text, head)) {
		why = text[head + 1] ? range_fault(&p, text + head + 1, better)
				     : "the port is missing after '/'";
		if (!why) {
			*ret = p;
			return 0;
		}
	} else {
		why = head_fault(text, head);
	}
	if (err && (better[0] || turn(text, better)))
		return refuse(err, text, why, better);
	return refuse_like(err, text, why);
}

const char *nsn_ports_str(const struct nsn_ports *p, char buf[NSN_PORTS_STRLEN])
{
	const char *proto = "any";
	size_t n;

	for (size_t i = 0; i < NSN_COUNT(words) - 1; i++)
		if (words[i].ports.proto == p->proto)
			proto = words[i].name;
	(void)snprintf(buf, NSN_PORTS_STRLEN, "%s", proto);
	n = strlen(buf);
	if (p->first != 0)
		(void)snprintf(buf + n, NSN_PORTS_STRLEN - n,
			       p->first == p->last ? "/%u" : "/%u-%u", p->first, p->last);
	return buf;
}

bool nsn_ports_same(const struct nsn_ports *a, const struct nsn_ports *b)
{
	return a->proto == b->proto && a->first == b->first && a->last == b->last;
}

/* ---- as numbers ------------------------------------------------------------------- */

bool nsn_ports_range(const struct nsn_ports *p, enum nsn_space space, uint32_t *first,
		     uint32_t *last)
{
	static const unsigned int spaces[] = {
		[NSN_PROTO_ANY] = (1U << NSN_SPACES) - 1,
		[NSN_PROTO_TCP] = 1U << NSN_SPACE_TCP,
		[NSN_PROTO_UDP] = 1U << NSN_SPACE_UDP,
		[NSN_PROTO_SCTP] = 1U << NSN_SPACE_SCTP,
		[NSN_PROTO_ECHO] = 1U << NSN_SPACE_ECHO,
		[NSN_PROTO_ICMP] = 1U << NSN_SPACE_ECHO | 1U << NSN_SPACE_ICMP,
	};

	*first = p->first;
	*last = p->last ? p->last : LAST;
	return spaces[p->proto] >> space & 1;
}

bool nsn_ports_overlap(const struct nsn_ports *a, const struct nsn_ports *b)
{
	uint32_t a1, a2, b1, b2;

	for (enum nsn_space s = 0; s < NSN_SPACES; s++)
		if (nsn_ports_range(a, s, &a1, &a2) && nsn_ports_range(b, s, &b1, &b2) &&
		    a1 <= b2 && b1 <= a2)
			return true;
	return false;
}

bool nsn_ports_within(const struct nsn_ports *inner, const struct nsn_ports *outer)
{
	uint32_t i1, i2, o1, o2;

	for (enum nsn_space s = 0; s < NSN_SPACES; s++)
		if (nsn_ports_range(inner, s, &i1, &i2) &&
		    (!nsn_ports_range(outer, s, &o1, &o2) || o1 > i1 || o2 < i2))
			return false;
	return true;
}
