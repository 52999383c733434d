/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STORE_PAGE_H
#define NSN_STORE_PAGE_H

/*
 * page - sums that tell a page of the database from a damaged one. Of this
 * folder only.
 *
 * SQLite leaves the last bytes of each page to us (SQLITE_FCNTL_RESERVE_BYTES)
 * and says so in byte 20 of the first page. The number of the page is in its sum:
 * one that was written to the place of another is noticed, too, and so are zeros.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NSN_PAGE_SIZE	    4096
#define NSN_PAGE_RESERVE    8
#define NSN_PAGE_RESERVE_AT 20

/* @size is a multiple of 8. A change in one group of 8 bytes is always noticed. */
uint64_t nsn_sum(uint64_t seed, const void *bytes, size_t size);

void nsn_page_seal(uint8_t page[NSN_PAGE_SIZE], uint64_t nr);
bool nsn_page_whole(const uint8_t page[NSN_PAGE_SIZE], uint64_t nr);

#endif
