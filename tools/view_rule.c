/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view_rule.h"

#include <inttypes.h>
#include <pwd.h>
#include <string.h>

#include "change.h"
#include "cmd.h"
#include "words.h"

/* ---- rows ---------------------------------------------------------------- */

static const struct nsnet_rule *rule(const void *item)
{
	return item;
}

static char *or_dash(const char *text)
{
	return strdup(*text ? text : "-");
}

static char *time_or(int64_t seconds, const char *never)
{
	char buf[OUT_TIME_SIZE];

	return strdup(seconds ? out_time(seconds, buf) : never);
}

static char *number(uint64_t n)
{
	char *text;

	return asprintf(&text, "%" PRIu64, n) < 0 ? NULL : text;
}

static const char *action(const struct nsnet_rule *r)
{
	return r->deny ? "deny" : "allow";
}

static char *cell_name(const void *r)
{
	return strdup(rule(r)->name);
}

static char *cell_action(const void *r)
{
	return strdup(action(r));
}

static char *cell_from(const void *r)
{
	return words_join(rule(r)->from, rule(r)->n_from);
}

static char *cell_to(const void *r)
{
	return words_join(rule(r)->to, rule(r)->n_to);
}

static char *cell_ports(const void *r)
{
	return words_join(rule(r)->ports, rule(r)->n_ports);
}

static char *cell_expires(const void *r)
{
	return time_or(rule(r)->expires, "-");
}

static char *plain_expires(const void *r)
{
	return time_or(rule(r)->expires, "");
}

/* What is over is seen to be. */
static const char *expires_color(const void *r)
{
	return rule(r)->expired ? "red" : NULL;
}

static char *cell_packets(const void *r)
{
	return number(rule(r)->packets);
}

static char *cell_bytes(const void *r)
{
	char buf[OUT_BYTES_SIZE];

	return strdup(out_bytes(rule(r)->bytes, buf));
}

static char *plain_bytes(const void *r)
{
	return number(rule(r)->bytes);
}

static char *cell_log(const void *r)
{
	return strdup(*rule(r)->log ? rule(r)->log : "none");
}

/* Only files can say another one, and no command stores them in this version. */
static char *cell_mode(const void *r)
{
	(void)r;
	return strdup("enforce");
}

static char *cell_owner(const void *r)
{
	return or_dash(rule(r)->owner);
}

static char *plain_owner(const void *r)
{
	return strdup(rule(r)->owner);
}

static char *cell_publish(const void *r)
{
	return or_dash(rule(r)->publish);
}

static char *plain_publish(const void *r)
{
	return strdup(rule(r)->publish);
}

static char *cell_because(const void *r)
{
	return or_dash(rule(r)->because);
}

static char *plain_because(const void *r)
{
	return strdup(rule(r)->because);
}

static char *cell_set(const void *r)
{
	return or_dash(rule(r)->set);
}

static char *plain_set(const void *r)
{
	return strdup(rule(r)->set);
}

static char *plain_origin(const void *r)
{
	char *text;

	if (!*rule(r)->file)
		return strdup("");
	return asprintf(&text, "%s:%" PRIu32, rule(r)->file, rule(r)->line) < 0 ? NULL : text;
}

static char *cell_origin(const void *r)
{
	return *rule(r)->file ? plain_origin(r) : strdup("-");
}

static char *cell_added(const void *r)
{
	return time_or(rule(r)->added, "-");
}

const struct out_column rule_columns[] = {
	{"RULE", 0, cell_name},
	{"ACTION", 0, cell_action},
	{"FROM", 0, cell_from},
	{"TO", 0, cell_to},
	{"PORTS", 0, cell_ports},
	{"PUBLISH", OUT_ONLY_WIDE, cell_publish, .plain = plain_publish},
	{"EXPIRES", 0, cell_expires, expires_color, plain_expires},
	{"PACKETS", OUT_RIGHT, cell_packets},
	{"BYTES", OUT_RIGHT | OUT_ONLY_WIDE, cell_bytes, .plain = plain_bytes},
	{"LOG", OUT_ONLY_WIDE, cell_log},
	{"MODE", OUT_ONLY_WIDE, cell_mode},
	{"BECAUSE", OUT_ONLY_WIDE, cell_because, .plain = plain_because},
	{"OWNER", OUT_ONLY_WIDE, cell_owner, .plain = plain_owner},
	{"SET", OUT_ONLY_WIDE, cell_set, .plain = plain_set},
	{"ORIGIN", OUT_ONLY_WIDE, cell_origin, .plain = plain_origin},
	{"ADDED", OUT_ONLY_WIDE, cell_added},
	{0},
};

/* ---- as a document, and in full ------------------------------------------ */

static json_t *time_json(int64_t seconds)
{
	char buf[OUT_TIME_SIZE];

	return seconds ? out_json_text(out_time(seconds, buf)) : json_null();
}

json_t *view_rule_json(const void *item)
{
	const struct nsnet_rule *r = item;

	return json_pack(
		"{s:o, s:s, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:b, s:s, s:o, s:o, s:o, s:o, "
		"s:I, s:I, s:I}",
		"name", out_json_text(r->name), "action", action(r), "from",
		out_json_texts(r->from, r->n_from), "to", out_json_texts(r->to, r->n_to), "ports",
		out_json_texts(r->ports, r->n_ports), "publish", out_json_text_or_null(r->publish),
		"implied", r->implied, "because", out_json_text_or_null(r->because), "owner",
		out_json_text_or_null(r->owner), "expires", time_json(r->expires), "expired",
		r->expired, "log", *r->log ? r->log : "none", "set", out_json_text_or_null(r->set),
		"file", out_json_text_or_null(r->file), "line",
		r->line ? json_integer(r->line) : json_null(), "added", time_json(r->added), "uid",
		(json_int_t)r->uid, "packets", (json_int_t)r->packets, "bytes",
		(json_int_t)r->bytes);
}

static void line(FILE *to, const char *key, const char *value)
{
	if (!*value)
		return;
	fprintf(to, "%-12s", key);
	out_safe(to, value);
	fputc('\n', to);
}

static void line_of(FILE *to, const char *key, char *value)
{
	NSN_AUTO(nsn_freep) char *own = value;

	line(to, key, own ? own : "?");
}

/* "TIME by root" */
static char *added(const struct nsnet_rule *r)
{
	const struct passwd *user = getpwuid(r->uid);
	char buf[OUT_TIME_SIZE];
	char *text;

	if (user)
		return asprintf(&text, "%s by %s", out_time(r->added, buf), user->pw_name) < 0
			       ? NULL
			       : text;
	return asprintf(&text, "%s by user %" PRIu32, out_time(r->added, buf), r->uid) < 0 ? NULL
											   : text;
}

void view_rule_text(const struct out *o, const struct nsnet_rule *r)
{
	char bytes[OUT_BYTES_SIZE], count[CHANGE_COUNT_SIZE];

	line(o->to, "name", r->name);
	line(o->to, "action", action(r));
	line_of(o->to, "ports", cell_ports(r));
	line_of(o->to, "from", cell_from(r));
	line_of(o->to, "to", cell_to(r));
	line(o->to, "publish", r->publish);
	line(o->to, "because", r->because);
	line(o->to, "owner", r->owner);
	line_of(o->to, "expires", time_or(r->expires, "never"));
	if (r->expired)
		line(o->to, "", "it has expired and allows or denies nothing any more");
	line_of(o->to, "log", cell_log(r));
	line(o->to, "set", r->set);
	line_of(o->to, "origin", plain_origin(r));
	if (r->implied)
		line(o->to, "implied", "it follows from the tenant's dns, and goes with it");
	line_of(o->to, "added", added(r));
	fprintf(o->to, "%-12s%s", "traffic", change_count(r->packets, "packet", "packets", count));
	fprintf(o->to, r->bytes ? ", %s\n" : "\n", out_bytes(r->bytes, bytes));
}
