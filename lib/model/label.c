/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "parts.h"

#define SMALL  "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

bool nsn_label_ok(const char *key, const char *value)
{
	size_t k = strnlen(key, NSN_LABEL_MAX + 1), v = strnlen(value, NSN_LABEL_MAX + 1);

	return k >= 1 && k <= NSN_LABEL_MAX && v >= 1 && v <= NSN_LABEL_MAX &&
	       !key[strspn(key, SMALL DIGITS ".-")] && strchr(SMALL DIGITS, key[0]) &&
	       !value[strspn(value, SMALL "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "._-")];
}

static int refuse(struct nsnet_err *err, const char *text, const char *why)
{
	char shown[NSN_SHOW_SIZE];

	nsn_err(err, -EINVAL, NSNET_E_BAD_LABEL, "'%s' is not a label: %s",
		nsn_text_show(text, shown, sizeof(shown)), why);
	return nsn_err_hint(err, -EINVAL, "write it like env=prod");
}

static const char *length_fault(size_t key, size_t value, bool may_be_empty)
{
	if (key == 0)
		return "the key is empty";
	if (key > NSN_LABEL_MAX)
		return "the key is too long, 63 characters at most";
	if (value > NSN_LABEL_MAX)
		return "the value is too long, 63 characters at most";
	if (value == 0 && !may_be_empty)
		return "the value is empty";
	return NULL;
}

int nsn_label_parse(struct nsn_label *ret, const char *text, bool *remove, struct nsnet_err *err)
{
	const char *equals = strchr(text, '='), *why;
	struct nsn_label l = {0};
	size_t key, value;

	if (!equals)
		return refuse(err, text, *text ? "the '=' is missing" : "it is empty");
	key = (size_t)(equals - text);
	value = strlen(equals + 1);
	why = length_fault(key, value, remove != NULL);
	if (why)
		return refuse(err, text, why);
	memcpy(l.key, text, key);
	memcpy(l.value, equals + 1, value);
	if (!strchr(SMALL DIGITS, l.key[0]))
		return refuse(err, text, "the key does not start with one of a-z, 0-9");
	if (!nsn_label_ok(l.key, "x"))
		return refuse(err, text, "a key has only a-z, 0-9, '.' and '-'");
	if (value > 0 && !nsn_label_ok("x", l.value))
		return refuse(err, text, "a value has only letters, digits, '.', '_' and '-'");
	if (remove)
		*remove = value == 0;
	*ret = l;
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct nsn_label *x = a, *y = b;

	return strcmp(x->key, y->key);
}

int nsn_labels_parse(struct nsn_label **ret, size_t *n_ret, const char *const *texts, size_t n,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct nsn_label *labels = NULL;
	int r = 0;

	if (n > NSN_LABELS_MAX)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_LABEL,
			       "there are %zu labels, a tenant has %d at most", n, NSN_LABELS_MAX);
	labels = calloc(n ? n : 1, sizeof(*labels));
	if (!labels)
		return nsn_err_nomem(err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = nsn_label_parse(&labels[i], texts[i], NULL, err);
	if (r < 0)
		return r;
	qsort(labels, n, sizeof(*labels), by_key);
	for (size_t i = 1; i < n; i++)
		if (by_key(&labels[i - 1], &labels[i]) == 0)
			return nsn_err(err, -EINVAL, NSNET_E_BAD_LABEL, "label %s is there twice",
				       labels[i].key);
	*ret = NSN_TAKE_PTR(labels);
	*n_ret = n;
	return 0;
}
