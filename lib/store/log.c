/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "file.h"
#include "wal.h"

/* Where the log begins in its copy; before it is the note of what is safe. */
#define NOTE_ROOM 512

/* Both of a log, as they are found. */
struct both {
	struct nsn_file *log;
	struct nsn_wal_note note; /* if that is whole, ... */
	bool noted;
	uint8_t *main, *copy;
	size_t main_size, copy_size; /* of the files, if they can be read */
	struct nsn_wal_chain chain;
	uint64_t whole, safe; /* frames, and those up to the last commit */
	uint64_t mended;
};

static void both_clear(struct both *b)
{
	free(b->main);
	free(b->copy);
}

/* ---- writing ------------------------------------------------------------------ */

static int write_note(struct nsn_file *f, const uint8_t salt[8], uint64_t frames)
{
	struct nsn_wal_note note;

	nsn_wal_note_make(&note, salt, frames);
	return nsn_copy_write(f, &note, sizeof(note), 0);
}

/*
 * The copy goes first. A commit that failed because one of them could not be written
 * must not be whole in the log itself, where the next one to open would find it.
 */
int nsn_log_write(struct nsn_file *f, const void *buf, int n, sqlite3_int64 at)
{
	const uint8_t *frame = buf;
	int r = nsn_copy_write(f, buf, (size_t)n, at + NOTE_ROOM);

	if (r == SQLITE_OK)
		r = nsn_below_write(f, buf, n, at);
	if (r == SQLITE_OK && n == NSN_WAL_FRAME_HEAD && nsn_wal_is_commit(frame)) {
		memcpy(f->salt, frame + NSN_WAL_FRAME_SALT, sizeof(f->salt));
		f->frames = nsn_wal_frames((size_t)at) + 1;
	}
	return r;
}

/* A note that could not be written is an older one: less is known to be safe. */
void nsn_log_synced(struct nsn_file *f)
{
	if (f->frames > 0)
		(void)write_note(f, f->salt, f->frames);
	f->frames = 0;
}

/* All of it is in the database and in its copy by now. */
int nsn_log_truncate(struct nsn_file *f, sqlite3_int64 size)
{
	static const uint8_t none[8];

	f->frames = 0;
	if (!nsn_copy_open(f, true))
		return SQLITE_IOERR_TRUNCATE;
	if (size == 0 && write_note(f, none, 0) != SQLITE_OK)
		return SQLITE_IOERR_TRUNCATE;
	return ftruncate(f->copy, size + NOTE_ROOM) < 0 ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
}

void nsn_log_forget(const char *db_path)
{
	struct nsn_file db = {.path = db_path, .copy = -1}, log = {.db = &db, .copy = -1};

	if (nsn_copy_open(&log, false))
		(void)nsn_log_truncate(&log, 0);
	nsn_closep(&log.copy);
}

/* ---- one page ----------------------------------------------------------------- */

static bool read_main(struct nsn_file *f, uint64_t nr, uint8_t frame[NSN_WAL_FRAME])
{
	struct nsn_wal_chain c = f->head;
	uint8_t sum[8];

	if (nsn_below_read(f, sum, sizeof(sum), (sqlite3_int64)nsn_wal_sum_before(nr)) !=
		    SQLITE_OK ||
	    nsn_below_read(f, frame, NSN_WAL_FRAME, (sqlite3_int64)nsn_wal_at(nr)) != SQLITE_OK)
		return false;
	nsn_wal_chain_at(&c, sum);
	return nsn_wal_frame_whole(frame, &c);
}

/* Others may have begun the log anew since its head was read. */
static bool read_head(struct nsn_file *f)
{
	uint8_t head[NSN_WAL_HEAD];

	return nsn_below_read(f, head, sizeof(head), 0) == SQLITE_OK &&
	       nsn_wal_head_whole(head, &f->head);
}

static bool read_copy(struct nsn_file *f, uint64_t nr, bool any, uint8_t frame[NSN_WAL_FRAME])
{
	uint8_t head[NSN_WAL_HEAD], sum[8];
	struct nsn_wal_chain c;

	if (!nsn_copy_open(f, false) || !nsn_copy_read(f, head, sizeof(head), NOTE_ROOM) ||
	    !nsn_wal_head_whole(head, &c) ||
	    (!any && memcmp(c.salt, f->head.salt, sizeof(c.salt)) != 0) ||
	    !nsn_copy_read(f, sum, sizeof(sum), (int64_t)nsn_wal_sum_before(nr) + NOTE_ROOM) ||
	    !nsn_copy_read(f, frame, NSN_WAL_FRAME, (int64_t)nsn_wal_at(nr) + NOTE_ROOM))
		return false;
	nsn_wal_chain_at(&c, sum);
	return nsn_wal_frame_whole(frame, &c);
}

/* While it is read it is not written: SQLite keeps the part of its log that somebody reads. */
int nsn_log_read(struct nsn_file *f, void *buf, int n, sqlite3_int64 at)
{
	const uint64_t nr = nsn_wal_frames((size_t)at);
	uint8_t frame[NSN_WAL_FRAME];
	bool head = true;

	if (n != NSN_WAL_PAGE || (size_t)at != nsn_wal_at(nr) + NSN_WAL_FRAME_HEAD)
		return nsn_below_read(f, buf, n, at);
	if (!read_main(f, nr, frame)) {
		head = read_head(f);
		if (!head || !read_main(f, nr, frame)) {
			if (!read_copy(f, nr, !head, frame)) {
				(void)snprintf(f->vfs->why, sizeof(f->vfs->why),
					       "page %llu of its log is damaged, and in the second "
					       "copy, too",
					       (unsigned long long)nr + 1);
				return SQLITE_CORRUPT;
			}
			f->vfs->mended++;
			(void)nsn_below_write(f, frame, sizeof(frame),
					      (sqlite3_int64)nsn_wal_at(nr));
		}
	}
	memcpy(buf, frame + NSN_WAL_FRAME_HEAD, NSN_WAL_PAGE);
	return SQLITE_OK;
}

/* ---- all of it ---------------------------------------------------------------- */

/* What cannot be read is zeros. */
static int load_main(struct both *b)
{
	struct nsn_file *f = b->log;

	b->main_size = (size_t)nsn_below_size(f);
	if (b->main_size > INT32_MAX)
		return SQLITE_FULL;
	b->main = calloc(1, b->main_size + 1);
	if (!b->main)
		return SQLITE_NOMEM;
	if (b->main_size > 0)
		(void)nsn_below_read(f, b->main, (int)b->main_size, 0);
	return SQLITE_OK;
}

static int load_copy(struct both *b)
{
	int64_t size = nsn_copy_size(b->log);

	if (size <= NOTE_ROOM || size > INT32_MAX)
		return SQLITE_OK;
	b->copy = calloc(1, (size_t)size);
	if (!b->copy)
		return SQLITE_NOMEM;
	if (nsn_copy_read(b->log, b->copy, (size_t)size - NOTE_ROOM, NOTE_ROOM))
		b->copy_size = (size_t)size - NOTE_ROOM;
	return SQLITE_OK;
}

/* Whether the log is as it was noted, without a look at the copy. */
static bool is_as_noted(struct both *b)
{
	if (b->main_size >= NSN_WAL_HEAD && nsn_wal_head_whole(b->main, &b->chain)) {
		nsn_wal_walk(b->main, b->main_size, &b->chain, &b->whole, &b->safe);
		return b->noted && nsn_wal_note_is(&b->note, &b->chain) &&
		       b->note.frames == b->safe &&
		       nsn_copy_size(b->log) >= (int64_t)(nsn_wal_at(b->safe) + NOTE_ROOM);
	}
	return b->main_size == 0 && (b->noted ? b->note.frames == 0 : nsn_copy_size(b->log) == 0);
}

static int refuse(struct both *b)
{
	(void)snprintf(b->log->vfs->why, sizeof(b->log->vfs->why),
		       "its log is damaged, and the second copy, too: changes were lost after "
		       "the first %llu pages",
		       (unsigned long long)b->safe);
	return SQLITE_CORRUPT;
}

/* Its own head, or else the one of the copy if what follows there was promised. */
static bool find_head(struct both *b)
{
	if (b->main_size >= NSN_WAL_HEAD && nsn_wal_head_whole(b->main, &b->chain))
		return true;
	if (b->copy_size < NSN_WAL_HEAD || !nsn_wal_head_whole(b->copy, &b->chain) ||
	    (b->noted && (!nsn_wal_note_is(&b->note, &b->chain) || b->note.frames == 0)))
		return false;
	if (b->main_size >= NSN_WAL_HEAD)
		memcpy(b->main, b->copy, NSN_WAL_HEAD);
	b->mended++;
	return nsn_below_write(b->log, b->copy, NSN_WAL_HEAD, 0) == SQLITE_OK;
}

/*
 * Up to where frames of the copy count. It was written first, so it may have the
 * end of a commit that failed; what the log itself has the end of was all written.
 */
static uint64_t promised(const struct both *b)
{
	uint64_t n = nsn_wal_last_commit(b->main, b->main_size, &b->chain);

	if (!b->noted)
		return UINT64_MAX;
	return nsn_wal_note_is(&b->note, &b->chain) && b->note.frames > n ? b->note.frames : n;
}

/* From each the frames that it has whole. The chain tells: there is one right one for each place.
 */
static int merge(struct both *b)
{
	const bool same = b->copy_size >= NSN_WAL_HEAD && b->main_size >= NSN_WAL_HEAD &&
			  memcmp(b->copy, b->main, NSN_WAL_HEAD) == 0;
	const uint64_t limit = promised(b);

	b->whole = b->safe = 0;
	for (uint64_t nr = 0;; nr++) {
		const size_t at = nsn_wal_at(nr);
		const uint8_t *frame = b->main + at;

		if (at + NSN_WAL_FRAME > b->main_size || !nsn_wal_frame_whole(frame, &b->chain)) {
			frame = b->copy + at;
			if (nr >= limit || !(same || b->main_size < NSN_WAL_HEAD) ||
			    at + NSN_WAL_FRAME > b->copy_size ||
			    !nsn_wal_frame_whole(frame, &b->chain))
				return SQLITE_OK;
			b->mended++;
			if (nsn_below_write(b->log, frame, NSN_WAL_FRAME, (sqlite3_int64)at) !=
			    SQLITE_OK)
				return SQLITE_IOERR_WRITE;
		}
		b->whole = nr + 1;
		if (nsn_wal_is_commit(frame))
			b->safe = nr + 1;
	}
}

/* Whether something is missing that was promised, or that what follows it proves. */
static bool went_back(const struct both *b)
{
	const bool same = b->noted && nsn_wal_note_is(&b->note, &b->chain);

	if (same && b->safe <= b->note.frames)
		return b->safe < b->note.frames;
	return nsn_wal_goes_on(b->main, b->main_size, &b->chain, b->whole) ||
	       nsn_wal_goes_on(b->copy, b->copy_size, &b->chain, b->whole);
}

/* What is committed in it is written to the copy. It is on disk by then, or it is no promise. */
static int write_copy(struct both *b)
{
	const size_t size = nsn_wal_at(b->safe);
	NSN_AUTO(nsn_freep) uint8_t *bytes = malloc(size);

	if (!bytes)
		return SQLITE_NOMEM;
	if (nsn_below(b->log)->pMethods->xSync(nsn_below(b->log), SQLITE_SYNC_NORMAL) != SQLITE_OK)
		return SQLITE_IOERR_FSYNC;
	if (nsn_below_read(b->log, bytes, (int)size, 0) != SQLITE_OK)
		return SQLITE_IOERR_READ;
	/* Nothing of this has to succeed: what is missing in the copy is missed when it is needed.
	 */
	if (nsn_copy_open(b->log, true) &&
	    (b->copy_size < size || memcmp(b->copy, bytes, size) != 0))
		(void)nsn_copy_write(b->log, bytes, size, NOTE_ROOM);
	(void)write_note(b->log, bytes + NSN_WAL_HEAD_SALT, b->safe);
	return SQLITE_OK;
}

static int no_log(struct both *b)
{
	if (b->noted ? b->note.frames > 0 : b->main_size > NSN_WAL_HEAD)
		return refuse(b);
	if (nsn_copy_open(b->log, true))
		(void)nsn_log_truncate(b->log, 0);
	return SQLITE_OK;
}

int nsn_log_settle(struct nsn_file *f)
{
	NSN_AUTO(both_clear) struct both b = {.log = f};
	int r;

	b.noted = nsn_copy_open(f, false) && nsn_copy_read(f, &b.note, sizeof(b.note), 0) &&
		  nsn_wal_note_whole(&b.note);
	b.note.frames = le64toh(b.note.frames);
	r = load_main(&b);
	if (r != SQLITE_OK || is_as_noted(&b))
		return r;
	r = load_copy(&b);
	if (r != SQLITE_OK)
		return r;
	if (!find_head(&b))
		return no_log(&b);
	r = merge(&b);
	f->vfs->mended += (unsigned int)b.mended;
	if (r != SQLITE_OK)
		return r;
	return went_back(&b) ? refuse(&b) : write_copy(&b);
}
