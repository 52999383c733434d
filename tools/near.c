/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "near.h"

#include <string.h>

#include "../lib/base/text.h"

void near_try(struct near *near, const char *typed, const char *candidate)
{
	size_t len = strlen(typed), limit = len < 6 ? 1 : len / 3;
	size_t distance = nsn_text_distance(typed, candidate);

	/* An abbreviation is not accepted, but it is clear what was meant. */
	if (len >= 2 && strncmp(typed, candidate, len) == 0)
		distance = 1;
	/* Of "a" everything of one letter would be near. */
	if (distance > limit || distance >= len)
		return;
	if (!near->word || distance < near->distance) {
		near->word = candidate;
		near->distance = distance;
	}
}
