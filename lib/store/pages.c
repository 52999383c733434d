/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "page.h"

static int64_t offset(uint64_t nr)
{
	return (int64_t)(nr - 1) * NSN_PAGE_SIZE;
}

static bool copy_whole(struct nsn_file *f, uint64_t nr, uint8_t page[NSN_PAGE_SIZE])
{
	return f->twice && nsn_copy_open(f, false) &&
	       nsn_copy_read(f, page, NSN_PAGE_SIZE, offset(nr)) && nsn_page_whole(page, nr);
}

/*
 * Whether there are sums. Byte 20 alone will not do: it could be what is damaged. A
 * database of an older nsnet has neither sums nor a copy.
 */
static bool sealed(struct nsn_file *f)
{
	uint8_t page[NSN_PAGE_SIZE] = {0}, other[NSN_PAGE_SIZE];

	if (f->known)
		return f->sealed;
	f->known = true;
	if (nsn_below_size(f) > 0)
		(void)nsn_below_read(f, page, sizeof(page), 0); /* zeros where it is short */
	f->sealed = nsn_page_whole(page, 1) || page[NSN_PAGE_RESERVE_AT] == NSN_PAGE_RESERVE ||
		    copy_whole(f, 1, other) || (f->twice && nsn_copy_size(f) > 0);
	return f->sealed;
}

static int mend(struct nsn_file *f, uint64_t nr, uint8_t page[NSN_PAGE_SIZE], bool write)
{
	if (!copy_whole(f, nr, page)) {
		(void)snprintf(f->vfs->why, sizeof(f->vfs->why), "page %llu is damaged%s",
			       (unsigned long long)nr,
			       f->twice ? ", and in the second copy, too" : "");
		return SQLITE_CORRUPT;
	}
	if (write) {
		f->vfs->mended++;
		/* If it cannot be written now it will be mended again. */
		(void)nsn_below_write(f, page, NSN_PAGE_SIZE, offset(nr));
	}
	return SQLITE_OK;
}

/*
 * A part of a page is the header, which SQLite reads without a lock when it opens
 * the file: a checkpoint may be half through writing it, and it is not mended.
 */
static int read_part(struct nsn_file *f, void *buf, int n, sqlite3_int64 at)
{
	const uint64_t nr = (uint64_t)at / NSN_PAGE_SIZE + 1;
	uint8_t page[NSN_PAGE_SIZE];
	int r = SQLITE_CORRUPT;

	for (int i = 0; r != SQLITE_OK && i < 3; i++) {
		if (i > 0)
			(void)usleep(1000);
		r = nsn_below_read(f, page, sizeof(page), offset(nr));
		if (r == SQLITE_OK && !nsn_page_whole(page, nr))
			r = SQLITE_CORRUPT;
	}
	if (r != SQLITE_OK)
		r = mend(f, nr, page, false);
	if (r == SQLITE_OK)
		memcpy(buf, page + at % NSN_PAGE_SIZE, (size_t)n);
	return r;
}

int nsn_pages_read(struct nsn_file *f, void *buf, int n, sqlite3_int64 at)
{
	const uint64_t nr = (uint64_t)at / NSN_PAGE_SIZE + 1;
	sqlite3_int64 size = 0;
	int r;

	if (!sealed(f) || n > NSN_PAGE_SIZE || at % NSN_PAGE_SIZE + n > NSN_PAGE_SIZE)
		return nsn_below_read(f, buf, n, at);
	if (n == NSN_PAGE_SIZE && nsn_below_read(f, buf, n, at) == SQLITE_OK &&
	    nsn_page_whole(buf, nr))
		return SQLITE_OK;
	r = nsn_pages_size(f, &size);
	if (r != SQLITE_OK)
		return r;
	if (at >= size)
		return nsn_below_read(f, buf, n, at);
	if (n < NSN_PAGE_SIZE)
		return read_part(f, buf, n, at);
	return mend(f, nr, buf, true);
}

int nsn_pages_write(struct nsn_file *f, const void *buf, int n, sqlite3_int64 at)
{
	uint8_t page[NSN_PAGE_SIZE];
	int r = SQLITE_OK;

	if (n != NSN_PAGE_SIZE || at % NSN_PAGE_SIZE != 0)
		return nsn_below_write(f, buf, n, at);
	memcpy(page, buf, sizeof(page));
	if (at == 0) {
		f->known = true;
		f->sealed = page[NSN_PAGE_RESERVE_AT] == NSN_PAGE_RESERVE;
	}
	if (!sealed(f))
		return nsn_below_write(f, buf, n, at);
	nsn_page_seal(page, (uint64_t)at / NSN_PAGE_SIZE + 1);
	if (f->twice)
		r = nsn_copy_write(f, page, sizeof(page), at);
	return r == SQLITE_OK ? nsn_below_write(f, page, n, at) : r;
}

/*
 * No database of ours ever shrinks, so the longer one is right: SQLite must not
 * take one that was cut for empty, as it would remove its log then.
 */
int nsn_pages_size(struct nsn_file *f, sqlite3_int64 *ret)
{
	sqlite3_int64 size = 0, other;
	int r;

	r = nsn_below(f)->pMethods->xFileSize(nsn_below(f), &size);
	if (r != SQLITE_OK)
		return r;
	if (f->twice && sealed(f)) {
		other = nsn_copy_size(f);
		size -= size % NSN_PAGE_SIZE;
		other -= other % NSN_PAGE_SIZE;
		if (other > size)
			size = other;
	}
	*ret = size;
	return SQLITE_OK;
}

void nsn_pages_even(struct nsn_file *f)
{
	uint8_t page[NSN_PAGE_SIZE];
	uint64_t main, copy, nr;

	if (!f->twice || !sealed(f) || !nsn_copy_open(f, true))
		return;
	main = (uint64_t)nsn_below_size(f) / NSN_PAGE_SIZE;
	copy = (uint64_t)nsn_copy_size(f) / NSN_PAGE_SIZE;
	for (nr = main + 1; nr <= copy; nr++)
		if (!copy_whole(f, nr, page) ||
		    nsn_below_write(f, page, NSN_PAGE_SIZE, offset(nr)) != SQLITE_OK)
			return;
		else
			f->vfs->mended++;
	for (nr = copy + 1; nr <= main; nr++) {
		/* Else a power loss could leave one of the right length with nothing in it. */
		if (nr == main && fdatasync(f->copy) < 0)
			return;
		if (nsn_below_read(f, page, NSN_PAGE_SIZE, offset(nr)) != SQLITE_OK ||
		    nsn_copy_write(f, page, NSN_PAGE_SIZE, offset(nr)) != SQLITE_OK)
			return;
	}
	if (main != copy)
		(void)fdatasync(f->copy);
}
