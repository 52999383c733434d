/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stranger_words.h"

#include <inttypes.h>
#include <string.h>

#include "spawn/confine.h"

const char *nsn_stranger_caps(struct nsn_arena *mem, uint64_t caps, uint64_t all)
{
	const char *text = "";

	if (caps && (caps & all) == all)
		return "all";
	for (int cap = 0; cap < 64 && text; cap++) {
		const char *name = nsn_cap_name(cap);

		if (!(caps >> cap & 1))
			continue;
		text = name ? nsn_arena_printf(mem, "%s%s%s", text, *text ? " " : "", name)
			    : nsn_arena_printf(mem, "%s%s%d", text, *text ? " " : "", cap);
	}
	return text;
}

const char *nsn_stranger_unit(struct nsn_arena *mem, char *groups)
{
	const char *found = "";
	char *save = NULL;

	for (char *line = strtok_r(groups, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *save2 = NULL, *path = strchr(line, '/');
		bool docker = false;

		for (char *w = path ? strtok_r(path, "/", &save2) : NULL; w;
		     w = strtok_r(NULL, "/", &save2)) {
			const char *dot = strrchr(w, '.');

			if (docker ||
			    (dot && (strcmp(dot, ".service") == 0 || strcmp(dot, ".scope") == 0)))
				found = docker ? nsn_arena_printf(mem, "docker-%s", w)
					       : nsn_arena_strdup(mem, w);
			docker = strcmp(w, "docker") == 0;
			if (!found)
				return NULL;
		}
	}
	return found;
}

/* A remedy is copied to a shell, and whoever may make a control group gives it its name. */
static bool is_plain(const char *unit)
{
	return unit[strspn(unit, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "@:._-\\")] == '\0';
}

const char *nsn_stranger_remedy(struct nsn_arena *mem, const struct nsnet_stranger *s)
{
	const char *dot = is_plain(s->unit) ? strrchr(s->unit, '.') : NULL, *stop;

	if (is_plain(s->unit) && strncmp(s->unit, "docker-", 7) == 0)
		stop = nsn_arena_printf(mem, "docker stop %.12s", s->unit + 7);
	else if (dot && strcmp(dot, ".service") == 0)
		stop = nsn_arena_printf(mem, "systemctl stop '%s'", s->unit);
	else
		stop = nsn_arena_printf(mem, "kill %" PRId32, s->pid);
	/* Nobody but us has anything to do in a gateway. */
	if (!stop || !*s->endpoint)
		return stop;
	return nsn_arena_printf(mem, "%s, and start it with `nsnet run %s/%s` instead", stop,
				s->tenant, s->endpoint);
}
