/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view_quarantine.h"

#include <inttypes.h>
#include <pwd.h>
#include <string.h>

#include "cmd.h"

/* ---- rows ---------------------------------------------------------------- */

static const struct nsnet_quarantined *row(const void *item)
{
	return item;
}

static char *user(uint32_t uid)
{
	const struct passwd *user = getpwuid(uid);
	char *text;

	if (user)
		return strdup(user->pw_name);
	return asprintf(&text, "user %" PRIu32, uid) < 0 ? NULL : text;
}

static char *cell_who(const void *q)
{
	return strdup(row(q)->who);
}

static char *cell_since(const void *q)
{
	char buf[OUT_TIME_SIZE];

	return strdup(row(q)->since ? out_time(row(q)->since, buf) : "-");
}

static char *plain_since(const void *q)
{
	return row(q)->since ? cell_since(q) : strdup("");
}

static char *cell_by(const void *q)
{
	return user(row(q)->uid);
}

static char *cell_because(const void *q)
{
	return strdup(row(q)->because);
}

/* Flows have spaces in them, so "; " is between two. */
static char *plain_keep(const void *q)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (size_t i = 0; i < row(q)->n_keep; i++)
		fprintf(f, "%s%s", i ? "; " : "", row(q)->keep[i]);
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

static char *cell_keep(const void *q)
{
	return row(q)->n_keep > 0 ? plain_keep(q) : strdup("-");
}

static char *plain_origin(const void *q)
{
	char *text;

	if (!*row(q)->file)
		return strdup("");
	return asprintf(&text, "%s:%" PRIu32, row(q)->file, row(q)->line) < 0 ? NULL : text;
}

static char *cell_origin(const void *q)
{
	return *row(q)->file ? plain_origin(q) : strdup("-");
}

static char *cell_set(const void *q)
{
	return strdup(*row(q)->set ? row(q)->set : "-");
}

static char *plain_set(const void *q)
{
	return strdup(row(q)->set);
}

const struct out_column quarantine_columns[] = {
	{"WHO", 0, cell_who},
	{"SINCE", 0, cell_since, .plain = plain_since},
	{"BY", 0, cell_by},
	{"BECAUSE", 0, cell_because},
	{"KEEP", 0, cell_keep, .plain = plain_keep},
	{"SET", OUT_ONLY_WIDE, cell_set, .plain = plain_set},
	{"ORIGIN", OUT_ONLY_WIDE, cell_origin, .plain = plain_origin},
	{0},
};

json_t *view_quarantine_json(const void *item)
{
	const struct nsnet_quarantined *q = item;
	char since[OUT_TIME_SIZE];

	return json_pack("{s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o}", "who", out_json_text(q->who),
			 "because", out_json_text(q->because), "since",
			 q->since ? out_json_text(out_time(q->since, since)) : json_null(), "uid",
			 (json_int_t)q->uid, "keep", out_json_texts(q->keep, q->n_keep), "set",
			 out_json_text_or_null(q->set), "file", out_json_text_or_null(q->file),
			 "line", q->line ? json_integer(q->line) : json_null());
}

/* ---- of a tenant --------------------------------------------------------- */

bool quarantine_has_tenant(const struct nsnet_quarantines *list, const struct nsnet_tenant *t)
{
	for (size_t k = 0; list && k < nsnet_quarantines_count(list); k++) {
		struct nsnet_quarantined q;

		nsnet_quarantines_get(list, k, &q);
		if (nsnet_quarantined_tenant(&q, t))
			return true;
	}
	return false;
}

bool quarantine_has_endpoint(const struct nsnet_quarantines *list, const struct nsnet_tenant *t,
			     size_t i)
{
	for (size_t k = 0; list && k < nsnet_quarantines_count(list); k++) {
		struct nsnet_quarantined q;

		nsnet_quarantines_get(list, k, &q);
		if (nsnet_quarantined_endpoint(&q, t, i))
			return true;
	}
	return false;
}

/* An endpoint that is gone may still be named: its tenant's page is where that is seen. */
static bool is_about(const struct nsnet_quarantined *q, const struct nsnet_tenant *t)
{
	const char *name = nsnet_tenant_name(t);
	size_t len = strlen(name);

	return nsnet_quarantined_tenant(q, t) ||
	       (strncmp(q->who, name, len) == 0 && q->who[len] == '/');
}

json_t *quarantine_json(const struct nsnet_quarantines *list, const struct nsnet_tenant *t)
{
	NSN_AUTO(out_json_unref) json_t *array = json_array();

	for (size_t k = 0; list && k < nsnet_quarantines_count(list); k++) {
		struct nsnet_quarantined q;

		nsnet_quarantines_get(list, k, &q);
		if (is_about(&q, t) && json_array_append_new(array, view_quarantine_json(&q)) < 0)
			return NULL;
	}
	return json_incref(array);
}

static char *in_words(const struct nsnet_quarantined *q)
{
	NSN_AUTO(nsn_freep) char *by = user(q->uid);
	char since[OUT_TIME_SIZE];
	char *text;

	if (asprintf(&text, "%s%s%s by %s: %s", q->who, q->since ? " since " : "",
		     q->since ? out_time(q->since, since) : "", by ? by : "?", q->because) < 0)
		return NULL;
	return text;
}

char *quarantine_next(const struct nsnet_quarantines *list, const struct nsnet_tenant *t, size_t i,
		      size_t *at, struct nsnet_quarantined *ret)
{
	while (list && *at < nsnet_quarantines_count(list)) {
		nsnet_quarantines_get(list, (*at)++, ret);
		if (i == SIZE_MAX ? is_about(ret, t) : nsnet_quarantined_endpoint(ret, t, i))
			return in_words(ret);
	}
	return NULL;
}
