/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ids.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/text.h"

/* ---- what is taken -------------------------------------------------------------- */

void nsn_taken_clear(struct nsn_taken_list *l)
{
	free(l->list);
	*l = (struct nsn_taken_list){0};
}

/* A hundred processes of one container have one map: what is known already is not kept again. */
static bool known(const struct nsn_taken_list *l, uint32_t first, uint32_t last)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].first <= first && last <= l->list[i].last)
			return true;
	return false;
}

/* @count numbers from @first on; those above what the kernel has are none. */
static int add(struct nsn_taken_list *l, uint64_t first, uint64_t count, const char *by,
	       const char *who, int who_len, struct nsnet_err *err)
{
	uint32_t last;

	if (count == 0 || first > UINT32_MAX)
		return 0;
	last = count > UINT32_MAX - first ? UINT32_MAX : (uint32_t)(first + count - 1);
	if (known(l, (uint32_t)first, last))
		return 0;
	if ((l->n & (l->n - 1)) == 0) {
		struct nsn_taken *more = reallocarray(l->list, l->n ? 2 * l->n : 1, sizeof(*more));

		if (!more)
			return nsn_err_nomem(err);
		l->list = more;
	}
	l->list[l->n] = (struct nsn_taken){.first = (uint32_t)first, .last = last};
	(void)snprintf(l->list[l->n].by, sizeof(l->list[l->n].by), "%s%s%.*s", by,
		       who_len ? ": " : "", who_len, who);
	l->n++;
	return 0;
}

/*
 * A number at *@at, which is then behind it. Not nsn_u64_parse(): what counts is what the
 * programs understand whose files these are, and shadow takes 0x70000000 in /etc/subuid.
 */
static bool number(const char **at, int base, uint64_t *ret)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	*ret = strtoull(*at, &end, base); /* too large is ULLONG_MAX, which is above all there is */
	*at = end;
	return true;
}

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return *line ? line + 1 : line;
}

int nsn_taken_subid(struct nsn_taken_list *l, const char *file, const char *text,
		    struct nsnet_err *err)
{
	int r = 0;

	for (const char *line = text; r == 0 && *line; line = next_line(line)) {
		size_t name = strcspn(line, ":\n");
		const char *at = line + name;
		uint64_t first, count;

		if (*line == '#' || *at++ != ':' || !number(&at, 0, &first) || *at++ != ':' ||
		    !number(&at, 0, &count) || (*at && *at != '\n'))
			continue;
		r = add(l, first, count, file, line, (int)name, err);
	}
	return r;
}

int nsn_taken_passwd(struct nsn_taken_list *l, const char *file, const char *text,
		     struct nsnet_err *err)
{
	int r = 0;

	for (const char *line = text; r == 0 && *line; line = next_line(line)) {
		size_t name = strcspn(line, ":\n");
		const char *at = line + name;
		uint64_t id;

		if (*line == '#' || *at++ != ':')
			continue;
		at += strcspn(at, ":\n");
		if (*at++ != ':' || !number(&at, 10, &id) || (*at && *at != ':' && *at != '\n'))
			continue;
		r = add(l, id, 1, file, line, (int)name, err);
	}
	return r;
}

static bool blanks(const char **at)
{
	size_t n = strspn(*at, " \t");

	*at += n;
	return n > 0;
}

int nsn_taken_map(struct nsn_taken_list *l, const char *by, const char *text, struct nsnet_err *err)
{
	int r = 0;

	for (const char *line = text; r == 0 && *line; line = next_line(line)) {
		const char *at = line;
		uint64_t inside, outside, count;

		(void)blanks(&at);
		if (!number(&at, 10, &inside) || !blanks(&at) || !number(&at, 10, &outside) ||
		    !blanks(&at) || !number(&at, 10, &count) || (*at && *at != '\n'))
			continue;
		/* Nobody's range: its processes are who they are on the host. */
		if (inside == outside && count > INT32_MAX)
			continue;
		r = add(l, outside, count, by, "", 0, err);
	}
	return r;
}

int nsn_taken_status(struct nsn_taken_list *l, const char *by, const char *text,
		     struct nsnet_err *err)
{
	static const char *const keys[] = {"Uid:", "Gid:", "Groups:"};
	int r = 0;

	for (const char *line = text; r == 0 && *line; line = next_line(line)) {
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			const char *at = line + strlen(keys[i]);
			uint64_t id;

			if (strncmp(line, keys[i], strlen(keys[i])) != 0)
				continue;
			while (r == 0 && blanks(&at) && number(&at, 10, &id))
				r = add(l, id, 1, by, "", 0, err);
		}
	}
	return r;
}

const struct nsn_taken *nsn_taken_find(const struct nsn_taken_list *l, uint32_t first,
				       uint32_t count)
{
	uint64_t end = (uint64_t)first + count; /* one behind the last */

	for (size_t i = 0; count > 0 && i < l->n; i++)
		if (l->list[i].first < end && first <= l->list[i].last)
			return &l->list[i];
	return NULL;
}

/* ---- ranges --------------------------------------------------------------------- */

int nsn_ids_next(uint32_t last, const struct nsn_taken_list *taken, uint32_t *ret,
		 struct nsnet_err *err)
{
	uint64_t base = NSN_IDS_FIRST;
	const struct nsn_taken *t = NULL;

	if (last >= NSN_IDS_FIRST)
		base = (uint64_t)(last / NSN_IDS_RANGE + 1) * NSN_IDS_RANGE;
	for (; base <= NSN_IDS_LAST;
	     base = ((uint64_t)t->last / NSN_IDS_RANGE + 1) * NSN_IDS_RANGE) {
		t = nsn_taken_find(taken, (uint32_t)base, NSN_IDS_RANGE);
		if (!t) {
			*ret = (uint32_t)base;
			return 0;
		}
	}
	if (t)
		return nsn_err(err, -ENOSPC, NSNET_E_ID_SPACE,
			       "no range of user numbers is left below %u; the last are taken (%s)",
			       NSN_IDS_LAST, t->by);
	return nsn_err(err, -ENOSPC, NSNET_E_ID_SPACE,
		       "no range of user numbers is left: all from %u to %u were given out",
		       NSN_IDS_FIRST, NSN_IDS_LAST);
}

void nsn_ids_range(uint32_t base, struct nsn_ids *ret)
{
	*ret = (struct nsn_ids){
		.base = base,
		.map = {{.inside = 0, .outside = base, .count = NSN_IDS_RANGE}},
		.n = 1,
	};
}

/* "1000:10000"; false when it is not that. */
static bool read_pair(const char *text, uint64_t *inside, uint64_t *outside)
{
	const char *colon = strchr(text, ':');
	char first[16];

	if (!colon || (size_t)(colon - text) >= sizeof(first))
		return false;
	(void)snprintf(first, sizeof(first), "%.*s", (int)(colon - text), text);
	return nsn_u64_parse(inside, first, UINT32_MAX) == 0 &&
	       nsn_u64_parse(outside, colon + 1, UINT32_MAX) == 0;
}

/* Why a number of the host is given to nobody; NULL: it may be given. */
static const char *host_fault(uint32_t id)
{
	if (id == 0)
		return "is root's";
	if (id == 65534)
		return "is the one of nobody";
	if (id < 1000)
		return "is one of the system's own, which are 0 to 999";
	if (id > 60000 && id < NSN_IDS_RANGE)
		return "is one of those that systemd gives to services, which are 60001 to 65535";
	if (id >= NSN_IDS_FIRST && id <= NSN_IDS_LAST)
		return "is in the zone of tenants' ranges";
	if (id > NSN_IDS_LAST)
		return "is one of those that stand for no user of a host";
	return NULL;
}

static int check_pair(const struct nsn_ids *ids, const char *shown, uint64_t inside,
		      uint64_t outside, const struct nsn_taken_list *taken, struct nsnet_err *err)
{
	const struct nsn_taken *t;
	const char *why;

	if (ids->n != 1)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_ID_MAP,
			       "'%s': one number can be mapped, and one is already", shown);
	if (inside >= NSN_IDS_RANGE)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_ID_MAP,
			       "'%s': numbers inside go from 0 to 65535", shown);
	why = host_fault((uint32_t)outside);
	if (why)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_ID_MAP, "'%s': %" PRIu64 " on the host %s",
			       shown, outside, why);
	t = nsn_taken_find(taken, (uint32_t)outside, 1);
	if (t)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_ID_MAP,
			       "'%s': %" PRIu64 " is in use on the host (%s)", shown, outside,
			       t->by);
	return 0;
}

int nsn_ids_replace(struct nsn_ids *ids, const char *text, const struct nsn_taken_list *taken,
		    struct nsnet_err *err)
{
	uint64_t inside = 0, outside = 0;
	char shown[NSN_SHOW_SIZE];
	struct nsn_extent pieces[3];
	int r;

	(void)nsn_text_show(text, shown, sizeof(shown));
	if (!read_pair(text, &inside, &outside)) {
		(void)nsn_err(err, -EINVAL, NSNET_E_BAD_ID_MAP, "'%s' is not INSIDE:HOST", shown);
		return nsn_err_hint(err, -EINVAL, "--map-user 1000:10000");
	}
	r = check_pair(ids, shown, inside, outside, taken, err);
	if (r < 0)
		return r;
	pieces[0] = (struct nsn_extent){0, ids->base, (uint32_t)inside};
	pieces[1] = (struct nsn_extent){(uint32_t)inside, (uint32_t)outside, 1};
	pieces[2] = (struct nsn_extent){(uint32_t)inside + 1, ids->base + (uint32_t)inside + 1,
					NSN_IDS_RANGE - 1 - (uint32_t)inside};
	ids->n = 0;
	for (size_t i = 0; i < 3; i++)
		if (pieces[i].count > 0)
			ids->map[ids->n++] = pieces[i];
	return 0;
}

int nsn_ids_outside(const struct nsn_ids *ids, uint32_t inside, uint32_t *ret)
{
	for (size_t i = 0; i < ids->n; i++) {
		const struct nsn_extent *e = &ids->map[i];

		if (inside < e->inside || inside - e->inside >= e->count)
			continue;
		*ret = e->outside + (inside - e->inside);
		return 0;
	}
	return -ENOENT;
}
