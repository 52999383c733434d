/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../base/text.h"
#include "parts.h"
#include "policy.h"

/*
 * Not strptime(): it takes white space, short numbers and a locale's words, and
 * leaves what it does not say to the caller. Not timegm(): it corrects 31 April.
 */
#define DIGITS "0123456789"
#define DAY    86400

struct moment {
	uint16_t year; /* narrow, so that gcc knows how long they print */
	uint8_t month, day, hour, minute, second;
};

/* 2027-06-30 12:00, and what else lacks little: as it should be written, if that is a time. */
static bool turn(const char *text, char better[NSN_TIME_STRLEN])
{
	size_t n = strlen(text);
	int64_t at;

	if (n != 16 && n != 19 && n != 20)
		return false;
	memcpy(better, text, n + 1);
	if (better[10] == ' ' || better[10] == 't')
		better[10] = 'T';
	if (n == 20 && better[19] == 'z')
		better[19] = 'Z';
	if (n == 16)
		memcpy(better + 16, ":00Z", 5);
	if (n == 19)
		memcpy(better + 19, "Z", 2);
	return nsn_time_parse(&at, better, NULL) == 0;
}

static int refuse(struct nsnet_err *err, const char *text, const char *why)
{
	char shown[NSN_SHOW_SIZE], better[NSN_TIME_STRLEN];

	nsn_err(err, -EINVAL, NSNET_E_BAD_TIME, "'%s' is not a time: %s",
		nsn_text_show(text, shown, sizeof(shown)), why);
	if (err && turn(text, better))
		return nsn_err_hint(err, -EINVAL, "write %s", better);
	return nsn_err_hint(err, -EINVAL, "write it like 2027-06-30 or 2027-06-30T12:00:00Z");
}

/* Whether @text has the shape: 0 is a digit, anything else itself. Ends with the shape. */
static bool shaped(const char *text, const char *shape)
{
	for (; *shape; shape++, text++)
		if (*shape == '0' ? !*text || !strchr(DIGITS, *text) : *text != *shape)
			return false;
	return true;
}

static int number(const char *text, size_t digits)
{
	int n = 0;

	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (text[i] - '0');
	return n;
}

static bool leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_of(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && leap(year));
}

/* Days from the first of 1970 to the first of the year: 365 each, and what is leap between. */
static int64_t days_before(int year)
{
	int y = year - 1;

	return (int64_t)(year - 1970) * 365 + (y / 4 - y / 100 + y / 400) -
	       (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static const char *moment_fault(const struct moment *m)
{
	if (m->year < 1970)
		return "years begin with 1970";
	if (m->month < 1 || m->month > 12)
		return "a month is 01 to 12";
	if (m->day < 1 || m->day > days_of(m->year, m->month))
		return m->month == 2 && m->day == 29 ? "February has 28 days in that year"
						     : "that month has no such day";
	if (m->hour > 23)
		return "an hour is 00 to 23";
	if (m->minute > 59)
		return "a minute is 00 to 59";
	if (m->second == 60)
		return "leap seconds cannot be used";
	return m->second > 60 ? "a second is 00 to 59" : NULL;
}

static int64_t seconds_of(const struct moment *m)
{
	int64_t days = days_before(m->year) + m->day - 1;

	for (int month = 1; month < m->month; month++)
		days += days_of(m->year, month);
	return ((days * 24 + m->hour) * 60 + m->minute) * 60 + m->second;
}

/* For what has the numbers of a time and not the end of one. */
static const char *end_fault(const char *text)
{
	if (!*text)
		return "the 'Z' at the end is missing, which says that it is UTC";
	if (*text == '.' || *text == ',')
		return "parts of seconds cannot be used";
	if (*text == '+' || *text == '-')
		return "only UTC can be used, with a 'Z' at the end";
	if (*text == 'z')
		return "the 'Z' is a capital";
	return "there is something after it";
}

static const char *shape_fault(const char *text)
{
	const char *why = nsn_word_fault(text);

	/* 2027-06-30 12:00:00 is said to have white space in it, which is it. */
	if (why)
		return why;
	if (!shaped(text, "0000-00-00"))
		return "a date is a year of four digits, a month and a day of two, with '-' "
		       "between";
	if (text[10] == '\0')
		return NULL;
	if (text[10] == 't')
		return "the 'T' is a capital";
	if (text[10] != 'T')
		return "there is something after the date";
	if (!shaped(text + 11, "00:00:00"))
		return "a time is hours, minutes and seconds of two digits each, with ':' between";
	if (strcmp(text + 19, "Z") != 0)
		return end_fault(text[19] == 'Z' ? text + 20 : text + 19);
	return NULL;
}

int nsn_time_parse(int64_t *ret, const char *text, struct nsnet_err *err)
{
	const char *why = shape_fault(text);
	struct moment m = {0};
	int64_t at;

	if (why)
		return refuse(err, text, why);
	m.year = (uint16_t)number(text, 4);
	m.month = (uint8_t)number(text + 5, 2);
	m.day = (uint8_t)number(text + 8, 2);
	if (text[10]) {
		m.hour = (uint8_t)number(text + 11, 2);
		m.minute = (uint8_t)number(text + 14, 2);
		m.second = (uint8_t)number(text + 17, 2);
	}
	why = moment_fault(&m);
	if (why)
		return refuse(err, text, why);
	at = seconds_of(&m);
	/* 0 is what "never" is kept as: a rule that ended then would never end. */
	if (at == 0)
		return refuse(err, text, "the first second of 1970 cannot be used");
	*ret = at;
	return 0;
}

const char *nsn_time_str(int64_t at, char buf[NSN_TIME_STRLEN])
{
	struct moment m = {.year = 1970, .month = 1};
	int64_t days = at / DAY, left = at % DAY;

	if (at <= 0 || days >= days_before(10000)) {
		(void)snprintf(buf, NSN_TIME_STRLEN, "never");
		return buf;
	}
	m.year += (uint16_t)(days / 366); /* not later than it is; at most 24 years early by 9999 */
	while (days >= days_before(m.year + 1))
		m.year++;
	days -= days_before(m.year);
	for (; days >= days_of(m.year, m.month); m.month++)
		days -= days_of(m.year, m.month);
	m.day = (uint8_t)(days + 1);
	if (left == 0)
		(void)snprintf(buf, NSN_TIME_STRLEN, "%04d-%02d-%02d", m.year, m.month, m.day);
	else
		(void)snprintf(buf, NSN_TIME_STRLEN, "%04d-%02d-%02dT%02d:%02d:%02dZ", m.year,
			       m.month, m.day, (int)(left / 3600), (int)(left / 60 % 60),
			       (int)(left % 60));
	return buf;
}
