/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chars.h"

#include <stdio.h>
#include <string.h>

/* How many bytes the character at @s has, and which it is; 0: it is not UTF-8. */
static size_t decode(const unsigned char *s, size_t left, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c;

	if (len == 0 || len > left || s[0] >= 0xf8)
		return 0;
	c = len == 1 ? s[0] : s[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return len;
}

static bool forbidden(uint32_t c)
{
	static const uint32_t ranges[][2] = {
		{0x00, 0x08},	  {0x0b, 0x0c},	    {0x0e, 0x1f},
		{0x7f, 0x9f},	  {0x61c, 0x61c},   {0x200e, 0x200f},
		{0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	return (c & 0xfffe) == 0xfffe; /* the two of each plane that are no characters */
}

/* The bytes of the first character, or 0 and @why it may not be there. */
static size_t look(const unsigned char *s, size_t left, char why[NSN_CHARS_WHY_SIZE])
{
	uint32_t c = 0;
	size_t size = decode(s, left, &c);

	if (size == 0)
		(void)snprintf(why, NSN_CHARS_WHY_SIZE, "the byte 0x%02x is not UTF-8", s[0]);
	else if (c == '\r' && (left < 2 || s[1] != '\n'))
		(void)snprintf(why, NSN_CHARS_WHY_SIZE, "a carriage return without a line feed");
	else if (forbidden(c))
		(void)snprintf(why, NSN_CHARS_WHY_SIZE, "the character U+%04X cannot be used",
			       (unsigned int)c);
	else
		return size;
	return 0;
}

bool nsn_chars_ok(const char *text, size_t len, struct nsn_span *at, char why[NSN_CHARS_WHY_SIZE])
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t line = 1, col = 1;

	for (size_t i = 0; i < len;) {
		size_t size = look(s + i, len - i, why);

		if (size == 0) {
			*at = (struct nsn_span){line, col, line, col + 1};
			return false;
		}
		if (s[i] == '\n') {
			line++;
			col = 0;
		}
		col++;
		i += size;
	}
	return true;
}

char nsn_chars_at(const char *text, size_t len, size_t line, size_t col)
{
	const char *end = text + len;

	for (; line > 1; line--) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));

		if (!eol)
			return '\0';
		text = eol + 1;
	}
	for (; text < end && *text != '\n'; text++) {
		if (((unsigned char)*text & 0xc0) == 0x80)
			continue;
		if (--col == 0)
			return *text;
	}
	return '\0';
}
