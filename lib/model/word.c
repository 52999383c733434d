/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdint.h>
#include <string.h>

#include "parts.h"

/*
 * White space before control characters, as most of it is both. What the hand
 * left there by mistake is told from what nobody types.
 */
const char *nsn_word_fault(const char *text)
{
	bool control = false, foreign = false;

	if (!*text)
		return "it is empty";
	if (strpbrk(text, " \t\n\v\f\r"))
		return "it has white space in it";
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		control |= c < 0x20 || c == 0x7f;
		foreign |= c >= 0x80;
	}
	if (control)
		return "it has a control character in it";
	return foreign ? "it has a character in it that is not ASCII" : NULL;
}

bool nsn_word_capitals(const char *text)
{
	return strpbrk(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL;
}

/* Not tolower(): what it says depends on the locale. */
void nsn_word_lower(char *text, char stop)
{
	for (; *text && *text != stop; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

/* ---- text for people -------------------------------------------------------------- */

/* The character at @s, which becomes the next; UINT32_MAX: it is not UTF-8. */
static uint32_t next_char(const unsigned char **s)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char c = **s;
	size_t len = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	uint32_t n = len == 1 ? c : c & (0x7fU >> len);

	if (len == 0 || c >= 0xf8)
		return UINT32_MAX;
	for (size_t i = 1; i < len; i++) {
		if (((*s)[i] & 0xc0) != 0x80)
			return UINT32_MAX; /* so it does at the end, which is 0 */
		n = n << 6 | ((*s)[i] & 0x3fU);
	}
	*s += len;
	return n < least[len] || n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff) ? UINT32_MAX : n;
}

const char *nsn_text_fault(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		uint32_t c = next_char(&s);

		if (c == UINT32_MAX)
			return "it is not UTF-8";
		if (c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029)
			return "it has a control character or a line break in it";
		if (c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
		    (c >= 0x2066 && c <= 0x2069) || c == 0xfeff)
			return "it has a character in it that turns the direction of text";
	}
	return NULL;
}
