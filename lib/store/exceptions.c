/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exceptions.h"

#include <errno.h>
#include <string.h>

#include "values.h"

/* ---- writing ------------------------------------------------------------------ */

bool nsn_exception_because_ok(const char *because)
{
	return because && because[strspn(because, " ")] && strlen(because) <= NSN_TEXT_MAX &&
	       nsn_row_text_ok(because);
}

static bool row_ok(const struct nsn_exception *e)
{
	return e->tenant && nsn_name_ok(e->tenant) && e->endpoint && nsn_name_ok(e->endpoint) &&
	       e->workload && *e->workload && nsn_row_text_ok(e->workload) && e->kind && *e->kind &&
	       nsn_row_text_ok(e->kind) && nsn_exception_because_ok(e->because) && e->exposed &&
	       e->command && e->until >= 0;
}

/* A command line can have megabytes, and is stored for good. */
static const char *shortened(const char *text, char buf[NSN_EXCEPTION_TEXT_MAX + 1])
{
	size_t len = strnlen(text, NSN_EXCEPTION_TEXT_MAX + 1);

	if (len <= NSN_EXCEPTION_TEXT_MAX)
		return text;
	len = NSN_EXCEPTION_TEXT_MAX - 3;
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--; /* not within a character */
	memcpy(buf, text, len);
	memcpy(buf + len, "...", 4);
	return buf;
}

static int add_one(struct nsn_store *s, const struct nsn_exception *e, struct nsnet_err *err)
{
	char exposed[NSN_EXCEPTION_TEXT_MAX + 1], command[NSN_EXCEPTION_TEXT_MAX + 1];

	if (!row_ok(e))
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL,
			       "an exception to be stored was not checked");
	return nsn_sql_run(
		s,
		"INSERT INTO exception (tenant, endpoint, workload, kind, because, "
		"until, exposed, uid, at, command, boot) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		(struct nsn_arg[]){NSN_T(e->tenant), NSN_T(e->endpoint), NSN_T(e->workload),
				   NSN_T(e->kind), NSN_T(e->because), NSN_N((uint64_t)e->until),
				   NSN_T(shortened(e->exposed, exposed)), NSN_N(e->uid),
				   NSN_N((uint64_t)e->at), NSN_T(shortened(e->command, command)),
				   NSN_T(s->boot)},
		11, err);
}

int nsn_store_exceptions_add(struct nsn_store *s, const struct nsn_exception *list, size_t count,
			     struct nsnet_err *err)
{
	int r;

	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_one(s, &list[i], err);
	return nsn_sql_group_end(s, r, err);
}

int nsn_store_exceptions_end(struct nsn_store *s, const char *workload, int64_t now,
			     struct nsnet_err *err)
{
	return nsn_sql_run(
		s,
		"UPDATE exception SET ended = ? "
		"WHERE workload = ? AND ended = 0 AND boot = ?",
		(struct nsn_arg[]){NSN_N((uint64_t)now), NSN_T(workload), NSN_T(s->boot)}, 3, err);
}

/* ---- reading ------------------------------------------------------------------ */

#define COLUMNS                                                                                    \
	"SELECT id, tenant, endpoint, workload, kind, because, until, exposed, uid, at, command, " \
	"ended, boot <> ?1 FROM exception "
enum {
	E_ID,
	E_TENANT,
	E_ENDPOINT,
	E_WORKLOAD,
	E_KIND,
	E_BECAUSE,
	E_UNTIL,
	E_EXPOSED,
	E_UID,
	E_AT,
	E_COMMAND,
	E_ENDED,
	E_OTHER_BOOT
};

void nsn_exception_list_clear(struct nsn_exception_list *list)
{
	free(list->list);
	nsn_arena_free(&list->mem);
	*list = (struct nsn_exception_list){0};
}

/* False: no memory. */
static bool read_texts(sqlite3_stmt *st, struct nsn_exception *e, struct nsn_arena *mem)
{
	const struct {
		const char **to;
		int column;
	} texts[] = {
		{&e->tenant, E_TENANT},	  {&e->endpoint, E_ENDPOINT}, {&e->workload, E_WORKLOAD},
		{&e->kind, E_KIND},	  {&e->because, E_BECAUSE},   {&e->exposed, E_EXPOSED},
		{&e->command, E_COMMAND},
	};

	for (size_t i = 0; i < NSN_COUNT(texts); i++) {
		*texts[i].to = nsn_arena_strdup(mem, nsn_sql_text(st, texts[i].column));
		if (!*texts[i].to)
			return false;
	}
	return true;
}

static int add_row(struct nsn_store *s, sqlite3_stmt *st, struct nsn_exception_list *list,
		   struct nsnet_err *err)
{
	uint64_t uid = nsn_column_number(st, E_UID);
	struct nsn_exception *more, *e;
	bool other_boot = false;

	more = nsn_row_room(list->list, list->n, sizeof(*more));
	if (!more)
		return nsn_err_nomem(err);
	list->list = more;
	e = &more[list->n++];
	if (!read_texts(st, e, &list->mem))
		return nsn_err_nomem(err);
	e->id = nsn_column_number(st, E_ID);
	e->until = sqlite3_column_int64(st, E_UNTIL);
	e->uid = (uint32_t)uid;
	e->at = sqlite3_column_int64(st, E_AT);
	e->ended = sqlite3_column_int64(st, E_ENDED);
	if (!nsn_column_flag(st, E_OTHER_BOOT, &other_boot) || uid > UINT32_MAX || !row_ok(e))
		return nsn_sql_broken(s, err, "an exception in it is damaged");
	e->over = e->ended != 0 || other_boot;
	return 0;
}

static int read_list(struct nsn_store *s, const char *sql, const struct nsn_arg *args,
		     size_t n_args, struct nsn_exception_list *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_exception_list_clear) struct nsn_exception_list list = {0};
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	int r;

	r = nsn_sql_prepare(s, &st, sql, args, n_args, err);
	while (r >= 0) {
		r = nsn_sql_step(s, st, err);
		if (r <= 0)
			break;
		r = add_row(s, st, &list, err);
	}
	if (r < 0)
		return r;
	*ret = list;
	list = (struct nsn_exception_list){0};
	return 0;
}

int nsn_store_exceptions_list(struct nsn_store *s, const char *tenant, bool with_over,
			      struct nsn_exception_list *ret, struct nsnet_err *err)
{
	const struct nsn_arg args[] = {NSN_T(s->boot), NSN_N(with_over), NSN_T(tenant)};

	if (!tenant)
		return read_list(s, COLUMNS "WHERE ?2 OR (ended = 0 AND boot = ?1) ORDER BY id",
				 args, 2, ret, err);
	return read_list(
		s, COLUMNS "WHERE tenant = ?3 AND (?2 OR (ended = 0 AND boot = ?1)) ORDER BY id",
		args, 3, ret, err);
}

int nsn_store_exceptions_of(struct nsn_store *s, const char *workload,
			    struct nsn_exception_list *ret, struct nsnet_err *err)
{
	return read_list(s, COLUMNS "WHERE workload = ?2 AND ended = 0 AND boot = ?1 ORDER BY id",
			 (struct nsn_arg[]){NSN_T(s->boot), NSN_T(workload)}, 2, ret, err);
}
