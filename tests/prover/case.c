// SPDX-License-Identifier: GPL-2.0-or-later
#include "case.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void case_read(struct kase *ret, const char *path)
{
	FILE *from = fopen(path, "re"), *to = NULL;
	size_t size, max = 0;
	char *line = NULL;
	bool place = false;

	must(from != NULL, path);
	*ret = (struct kase){0};
	while (getline(&line, &max, from) > 0) {
		if (strncmp(line, "#place ", 7) == 0) {
			place = place_parse(&ret->place, line + 7);
		} else if (strncmp(line, "#packet ", 8) == 0) {
			must(ret->n < CASE_PACKETS &&
				     packet_parse(&ret->packets[ret->n++], line + 8),
			     line);
		} else if (strncmp(line, "#gateway ", 9) == 0) {
			if (to)
				(void)fclose(to);
			to = open_memstream(&ret->rules[line[9] == '1'], &size);
			must(to != NULL, "memory");
			fputs("flush ruleset\n", to);
		} else if (to) {
			fputs(line, to);
		}
	}
	must(place && to, path);
	(void)fclose(to);
	(void)fclose(from);
	free(line);
}

void case_write(const char *dir, const struct place *s, const struct sent *p, char *const rules[2])
{
	char path[512];
	FILE *to = NULL;

	for (int i = 0; !to; i++) {
		(void)snprintf(path, sizeof(path), "%s/%03d.nft", dir, i);
		if (i < 1000 && access(path, F_OK) == 0)
			continue;
		to = fopen(path, "we");
		must(to != NULL, path);
	}
	fputs("#place ", to);
	place_print(s, to);
	fputs("#packet ", to);
	packet_print(p, to);
	for (int g = 0; g < s->gateways; g++)
		fprintf(to, "#gateway %d\n%s", g, rules[g]);
	(void)fclose(to);
}
