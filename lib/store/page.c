/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "page.h"

#include <endian.h>
#include <string.h>

#define DATA (NSN_PAGE_SIZE - NSN_PAGE_RESERVE)

/*
 * Each step can be undone (an odd factor, a shift to the right), so two inputs
 * that differ in one word end in two sums. A CRC would do as well; this needs no
 * table and 1 us for a page.
 */
uint64_t nsn_sum(uint64_t seed, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	uint64_t sum = seed ^ UINT64_C(0x6e736e65742e6462), word;

	for (size_t i = 0; i + sizeof(word) <= size; i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		sum = (sum ^ le64toh(word)) * UINT64_C(0xd1342543de82ef95);
		sum ^= sum >> 29;
	}
	return sum;
}

void nsn_page_seal(uint8_t page[NSN_PAGE_SIZE], uint64_t nr)
{
	uint64_t sum = htole64(nsn_sum(nr, page, DATA));

	memcpy(page + DATA, &sum, sizeof(sum));
}

bool nsn_page_whole(const uint8_t page[NSN_PAGE_SIZE], uint64_t nr)
{
	uint64_t sum;

	memcpy(&sum, page + DATA, sizeof(sum));
	return le64toh(sum) == nsn_sum(nr, page, DATA);
}
