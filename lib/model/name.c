/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tenant.h"

#include <errno.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "parts.h"

/* Not isalpha() and friends: what they say depends on the locale. */
#define LETTERS	 "abcdefghijklmnopqrstuvwxyz"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	 "0123456789"

bool nsn_name_ok(const char *name)
{
	size_t len = strnlen(name, NSN_NAME_MAX + 1);

	return len >= 2 && len <= NSN_NAME_MAX && !name[strspn(name, LETTERS DIGITS "-")] &&
	       strchr(LETTERS, name[0]) && name[len - 1] != '-';
}

/* Words that the policy language has another meaning for. */
static bool reserved(const char *name)
{
	static const char *const words[] = {
		"host", "internet", "any", "all", "tenants", "label", "default", "gateway", "none",
	};

	for (size_t i = 0; i < NSN_COUNT(words); i++)
		if (strcmp(name, words[i]) == 0)
			return true;
	return false;
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

static bool has_non_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return true;
	return false;
}

/* The first rule that is broken, in words; NULL when none is. */
static const char *broken_rule(const char *name)
{
	size_t len = strlen(name);

	if (len == 0)
		return "it is empty";
	if (strpbrk(name, " \t\n\v\f\r"))
		return "it has white space in it";
	if (has_control(name))
		return "it has a control character in it";
	if (has_non_ascii(name))
		return "it has a character in it that is not ASCII";
	if (name[strspn(name, LETTERS CAPITALS DIGITS "-")])
		return "use a-z, 0-9 and '-', start with a letter, 2 to 32 characters";
	if (strpbrk(name, CAPITALS))
		return "capital letters are not allowed";
	if (!strchr(LETTERS, name[0]))
		return "it does not start with a letter";
	if (len < 2)
		return "it is too short, 2 to 32 characters are needed";
	if (len > NSN_NAME_MAX)
		return "it is too long, 32 characters at most";
	if (name[len - 1] == '-')
		return "it ends with '-'";
	return NULL;
}

/*
 * The nearest good name. Not for long names: cut, two of them could get the
 * same suggestion, and the user one tenant where two were meant.
 */
static bool suggest(const char *name, char out[NSN_NAME_MAX + 1])
{
	size_t n = 0;

	if (strlen(name) > NSN_NAME_MAX)
		return false;
	for (; *name; name++) {
		const char *capital = strchr(CAPITALS, *name);
		char c = capital ? LETTERS[capital - CAPITALS] : *name;

		if (strchr(LETTERS, c) || (n > 0 && strchr(DIGITS "-", c)))
			out[n++] = c;
		else if (n > 0 && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n > 0 && out[n - 1] == '-')
		n--;
	out[n] = '\0';
	return nsn_name_ok(out) && !reserved(out);
}

static int check(const char *name, const char *what, bool is_reserved, struct nsnet_err *err)
{
	const char *why = broken_rule(name);
	char shown[NSN_SHOW_SIZE], better[NSN_NAME_MAX + 1];

	if (!why && is_reserved)
		why = "the word is reserved, choose another";
	if (!why)
		return 0;
	nsn_err(err, -EINVAL, NSNET_E_BAD_NAME, "'%s' is not %s name: %s",
		nsn_text_show(name, shown, sizeof(shown)), what, why);
	if (suggest(name, better) && strcmp(name, better) != 0)
		nsn_err_hint(err, -EINVAL, "did you mean %s?", better);
	return -EINVAL;
}

int nsn_tenant_name_check(const char *name, struct nsnet_err *err)
{
	return check(name, "a tenant", reserved(name), err);
}

int nsn_endpoint_name_check(const char *name, struct nsnet_err *err)
{
	return check(name, "an endpoint", reserved(name) && strcmp(name, NSN_DEFAULT_ENDPOINT) != 0,
		     err);
}

int nsn_rule_name_check(const char *name, struct nsnet_err *err)
{
	return check(name, "a rule", false, err);
}
