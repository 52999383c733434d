/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view_exception.h"

#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <time.h>

#include "cmd.h"

static const struct nsnet_exception *row(const void *item)
{
	return item;
}

/* "active", "EXPIRED": what wants to be looked at is seen without colour. */
static const char *state(enum nsnet_exception_state state, bool loud)
{
	switch (state) {
	case NSNET_EXCEPTION_ACTIVE:
		return "active";
	case NSNET_EXCEPTION_EXPIRED:
		return loud ? "EXPIRED" : "expired";
	case NSNET_EXCEPTION_ENDED:
		return "ended";
	}
	return "";
}

static const char *state_color(const void *e)
{
	return row(e)->state == NSNET_EXCEPTION_EXPIRED ? "red" : NULL;
}

/* A clock that was set back makes nobody younger than new. */
static uint64_t age(const void *e)
{
	int64_t now = time(NULL);

	return now > row(e)->at ? (uint64_t)(now - row(e)->at) : 0;
}

/* ---- rows ---------------------------------------------------------------- */

static char *cell_id(const void *e)
{
	char *text;

	return asprintf(&text, "%" PRIu64, row(e)->id) < 0 ? NULL : text;
}

static char *cell_workload(const void *e)
{
	return strdup(row(e)->workload);
}

static char *cell_tenant(const void *e)
{
	return strdup(row(e)->tenant);
}

static char *cell_endpoint(const void *e)
{
	return strdup(row(e)->endpoint);
}

static char *cell_kind(const void *e)
{
	return strdup(row(e)->kind);
}

static char *cell_state(const void *e)
{
	return strdup(state(row(e)->state, true));
}

static char *plain_state(const void *e)
{
	return strdup(state(row(e)->state, false));
}

static char *cell_age(const void *e)
{
	static const struct {
		uint64_t seconds;
		char unit;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	uint64_t seconds = age(e);
	size_t u = 0;
	char *text;

	/* Not 1d of what is 30 hours old. */
	while (u + 1 < NSN_COUNT(units) && seconds < 2 * units[u].seconds)
		u++;
	return asprintf(&text, "%" PRIu64 "%c", seconds / units[u].seconds, units[u].unit) < 0
		       ? NULL
		       : text;
}

static char *plain_age(const void *e)
{
	char *text;

	return asprintf(&text, "%" PRIu64, age(e)) < 0 ? NULL : text;
}

static char *time_or(int64_t at, const char *none)
{
	char buf[OUT_TIME_SIZE];

	return strdup(at ? out_time(at, buf) : none);
}

static char *cell_until(const void *e)
{
	return time_or(row(e)->until, "never");
}

static char *plain_until(const void *e)
{
	return time_or(row(e)->until, "");
}

static char *cell_since(const void *e)
{
	return time_or(row(e)->at, "-");
}

static char *cell_ended(const void *e)
{
	return time_or(row(e)->ended, "-");
}

static char *plain_ended(const void *e)
{
	return time_or(row(e)->ended, "");
}

static char *cell_by(const void *e)
{
	const struct passwd *user = getpwuid(row(e)->uid);
	char *text;

	if (user)
		return strdup(user->pw_name);
	return asprintf(&text, "user %" PRIu32, row(e)->uid) < 0 ? NULL : text;
}

static char *cell_because(const void *e)
{
	return strdup(row(e)->because);
}

static char *cell_exposed(const void *e)
{
	return strdup(*row(e)->exposed ? row(e)->exposed : "-");
}

static char *plain_exposed(const void *e)
{
	return strdup(row(e)->exposed);
}

static char *cell_command(const void *e)
{
	return strdup(*row(e)->command ? row(e)->command : "-");
}

static char *plain_command(const void *e)
{
	return strdup(row(e)->command);
}

const struct out_column exception_columns[] = {
	{"ID", OUT_RIGHT, cell_id},
	{"WORKLOAD", 0, cell_workload},
	{"TENANT", OUT_ONLY_WIDE, cell_tenant},
	{"ENDPOINT", OUT_ONLY_WIDE, cell_endpoint},
	{"EXCEPTION", 0, cell_kind},
	{"STATE", 0, cell_state, state_color, plain_state},
	{"AGE", OUT_RIGHT, cell_age, .plain = plain_age},
	{"EXPIRES", 0, cell_until, state_color, plain_until},
	{"BY", 0, cell_by},
	{"BECAUSE", 0, cell_because},
	{"SINCE", OUT_ONLY_WIDE, cell_since},
	{"ENDED", OUT_ONLY_WIDE, cell_ended, .plain = plain_ended},
	{"EXPOSES", OUT_ONLY_WIDE, cell_exposed, .plain = plain_exposed},
	{"COMMAND", OUT_ONLY_WIDE, cell_command, .plain = plain_command},
	{0},
};

/* ---- documents ----------------------------------------------------------- */

static json_t *time_json(int64_t at)
{
	char buf[OUT_TIME_SIZE];

	return at ? out_json_text(out_time(at, buf)) : json_null();
}

json_t *view_exception_json(const void *item)
{
	const struct nsnet_exception *e = item;

	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:s, s:o, s:I, s:o, s:o, s:I, s:o, s:o, s:o}",
			 "id", (json_int_t)e->id, "workload", out_json_text(e->workload), "tenant",
			 out_json_text(e->tenant), "endpoint", out_json_text(e->endpoint),
			 "exception", out_json_text(e->kind), "state", state(e->state, false),
			 "since", time_json(e->at), "age_seconds", (json_int_t)age(e), "expires",
			 time_json(e->until), "ended", time_json(e->ended), "uid",
			 (json_int_t)e->uid, "because", out_json_text(e->because), "exposes",
			 out_json_text(e->exposed), "command", out_json_text(e->command));
}
