/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int words_split(struct words *ret, const char *list, struct nsnet_err *err)
{
	size_t n = 1;
	char *rest;

	for (const char *c = list; *c; c++)
		n += *c == ',';
	ret->text = strdup(list);
	ret->at = calloc(n, sizeof(*ret->at));
	if (!ret->text || !ret->at) {
		words_clear(ret);
		return nsn_err_nomem(err);
	}
	rest = ret->text;
	while (ret->n < n)
		ret->at[ret->n++] = strsep(&rest, ",");
	return 0;
}

void words_clear(struct words *w)
{
	free(w->text);
	free(w->at);
	*w = (struct words){0};
}

char *words_join(const char *const *words, size_t n)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s%s", i ? "," : "", words[i]);
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}
