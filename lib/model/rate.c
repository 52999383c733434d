/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "tenant.h"

static const struct {
	const char *name;
	uint64_t bits;
} units[] = {
	{"gbit", 1000 * 1000 * 1000},
	{"mbit", 1000 * 1000},
	{"kbit", 1000},
	{"bit", 1},
};

/* @hint may be NULL. */
static int refuse(struct nsnet_err *err, const char *text, const char *why, const char *hint)
{
	char shown[NSN_SHOW_SIZE];

	nsn_err(err, -EINVAL, NSNET_E_BAD_RATE, "'%s' is not a rate: %s",
		nsn_text_show(text, shown, sizeof(shown)), why);
	if (hint)
		nsn_err_hint(err, -EINVAL, "%s", hint);
	return -EINVAL;
}

int nsn_rate_parse(uint64_t *ret, const char *text, struct nsnet_err *err)
{
	static const char like[] = "write it like 10mbit";
	size_t digits = strspn(text, "0123456789");
	uint64_t n = 0, unit = 0;
	char number[24] = "";

	if (strcmp(text, "none") == 0) {
		*ret = 0;
		return 0;
	}
	if (digits == 0)
		return refuse(err, text, *text ? "it does not start with a number" : "it is empty",
			      like);
	if (text[digits] == '\0')
		return refuse(err, text, "the unit is missing: bit, kbit, mbit or gbit", like);
	if (text[digits] == '.')
		return refuse(err, text, "the number is not whole",
			      "a smaller unit has whole numbers: 1500kbit");
	for (size_t i = 0; i < NSN_COUNT(units); i++)
		if (strcmp(text + digits, units[i].name) == 0)
			unit = units[i].bits;
	if (!unit)
		return refuse(err, text, "the unit is none of bit, kbit, mbit, gbit", like);
	if (digits > 1 && text[0] == '0')
		return refuse(err, text, "the number starts with 0", like);
	if (digits < sizeof(number))
		memcpy(number, text, digits);
	if (nsn_u64_parse(&n, number, NSN_RATE_MAX / unit) < 0)
		return refuse(err, text, "it is more than 100gbit", NULL);
	if (n * unit < NSN_RATE_MIN)
		return refuse(err, text, "it is less than 8kbit", "none: no limit");
	*ret = n * unit;
	return 0;
}

const char *nsn_rate_str(uint64_t rate, char buf[NSN_RATE_STRLEN])
{
	size_t i = 0;

	if (rate == 0) {
		memcpy(buf, "none", sizeof("none"));
		return buf;
	}
	while (rate % units[i].bits != 0)
		i++; /* the last is 1 */
	(void)snprintf(buf, NSN_RATE_STRLEN, "%" PRIu64 "%s", rate / units[i].bits, units[i].name);
	return buf;
}
