/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../base/text.h"
#include "parts.h"
#include "policy.h"

#define ARROW "->"
#define BLANK " \t\n\v\f\r"
/* from, arrow, to, ports, and one more to see that there is more. */
#define WORDS 5

struct words {
	char text[2 * NSN_FLOW_STRLEN]; /* an arrow that stands close takes two bytes more */
	char *word[WORDS];
	size_t n, arrows;
	size_t arrow; /* which one is the first */
};

static int refuse(struct nsnet_err *err, const char *text, const char *why, const char *better)
{
	char shown[NSN_SHOW_SIZE];

	nsn_err(err, -EINVAL, NSNET_E_BAD_FLOW, "'%s' is not a flow: %s",
		nsn_text_show(text, shown, sizeof(shown)), why);
	if (better && strlen(better) < 200) /* a hint that is cut would be another flow */
		return nsn_err_hint(err, -EINVAL, "write %s", better);
	return nsn_err_hint(err, -EINVAL, "write it like customer1/app -> shared/dns udp/53");
}

/* The words of it; an arrow is a word, even where nothing is around it. */
static void split(struct words *w, const char *text)
{
	char *out = w->text, *rest, *word;
	size_t n = 0;

	for (; *text; text++) {
		bool arrow = strncmp(text, ARROW, 2) == 0;

		if (arrow)
			out[n++] = ' ';
		out[n++] = *text;
		if (arrow) {
			out[n++] = *++text;
			out[n++] = ' ';
		}
	}
	out[n] = '\0';
	for (rest = w->text; w->n < WORDS && (word = strtok_r(rest, BLANK, &rest));) {
		if (strcmp(word, ARROW) == 0 && w->arrows++ == 0)
			w->arrow = w->n;
		w->word[w->n++] = word;
	}
}

static const char *words_fault(const struct words *w)
{
	struct nsn_ports ports;

	if (w->n == 0)
		return "it is empty";
	if (w->arrows == 0)
		return "the '->' is missing";
	if (w->arrows > 1)
		return "there is more than one '->'";
	if (w->arrow == 0)
		return "the side before '->' is missing";
	if (w->arrow > 1)
		return "there is more than one word before '->'";
	if (w->n == 2)
		return "the side after '->' is missing";
	/* A tenant may be called tcp; a '/' and a number are no endpoint. */
	if (w->n == 3 && strpbrk(w->word[2], "/") &&
	    nsn_ports_parse(&ports, w->word[2], NULL) == 0 && strcmp(w->word[2], "icmp/echo") != 0)
		return "the side after '->' is missing, there are only ports";
	if (w->n > 4)
		return "there is more after the ports: write one flow for each";
	return NULL;
}

static void join(char better[NSN_FLOW_STRLEN], const char *from, const char *to, const char *ports)
{
	(void)snprintf(better, NSN_FLOW_STRLEN, "%s " ARROW " %s%s%s", from, to, ports ? " " : "",
		       ports ? ports : "");
}

/* What was meant by words without an arrow: with one, if that makes a flow. */
static const char *with_arrow(const struct words *w, char better[NSN_FLOW_STRLEN])
{
	struct nsn_flow f;

	if (w->arrows > 0 || w->n < 2 || w->n > 4)
		return NULL;
	if (w->n == 3 && strcmp(w->word[1], "<-") == 0)
		join(better, w->word[2], w->word[0], NULL);
	else if (w->n == 4 && strcmp(w->word[1], "<-") == 0)
		join(better, w->word[2], w->word[0], w->word[3]);
	else if (w->n >= 3 && strpbrk(w->word[1], "=>"))
		join(better, w->word[0], w->word[2], w->n == 4 ? w->word[3] : NULL);
	else
		join(better, w->word[0], w->word[1], w->n == 3 ? w->word[2] : NULL);
	return nsn_flow_parse(&f, better, NULL) == 0 ? better : NULL;
}

int nsn_flow_parse(struct nsn_flow *ret, const char *text, struct nsnet_err *err)
{
	struct nsn_flow f = {.ports = {NSN_PROTO_ANY, 0, 0}};
	char better[NSN_FLOW_STRLEN];
	struct words w = {0};
	const char *why;
	int r;

	if (strlen(text) >= NSN_FLOW_STRLEN)
		return refuse(err, text, "it is too long", NULL);
	split(&w, text);
	why = words_fault(&w);
	if (why)
		return refuse(err, text, why, err ? with_arrow(&w, better) : NULL);
	r = nsn_peer_parse(&f.from, w.word[0], err);
	if (r == 0)
		r = nsn_peer_parse(&f.to, w.word[2], err);
	if (r == 0 && w.n == 4)
		r = nsn_ports_parse(&f.ports, w.word[3], err);
	if (r < 0)
		return r;
	join(better, w.word[0], w.word[2], w.n == 4 ? w.word[3] : NULL);
	if (strcmp(better, text) != 0)
		return refuse(err, text, "there is one space between its words, and nowhere else",
			      better);
	*ret = f;
	return 0;
}

const char *nsn_flow_str(const struct nsn_flow *f, char buf[NSN_FLOW_STRLEN])
{
	char from[NSN_PEER_STRLEN], to[NSN_PEER_STRLEN], ports[NSN_PORTS_STRLEN];

	nsn_peer_str(&f->from, from);
	nsn_peer_str(&f->to, to);
	if (f->ports.proto == NSN_PROTO_ANY)
		join(buf, from, to, NULL);
	else
		join(buf, from, to, nsn_ports_str(&f->ports, ports));
	return buf;
}
