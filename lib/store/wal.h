/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STORE_WAL_H
#define NSN_STORE_WAL_H

/*
 * wal - the format of SQLite's log, and the note that we keep about one. Of this
 * folder only.
 *
 * A head of 32 bytes, then frames: 24 bytes and a page. Each frame has the salt of
 * the head and the sum of all before it and itself, so whether it is whole can be
 * told from it and the sum before it. The last frame of a transaction has the size of the
 * database. Frames with another salt are left from before: the log is
 * written over from its start when all of it is in the database.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NSN_WAL_HEAD	   32
#define NSN_WAL_HEAD_SALT  16
#define NSN_WAL_FRAME_HEAD 24
#define NSN_WAL_FRAME_SALT 8
#define NSN_WAL_PAGE	   4096
#define NSN_WAL_FRAME	   (NSN_WAL_FRAME_HEAD + NSN_WAL_PAGE)

/* What the next frame is checked with. */
struct nsn_wal_chain {
	uint32_t sum[2];
	uint8_t salt[8];
	bool big; /* sums are made of big-endian words */
};

size_t nsn_wal_at(uint64_t frame);    /* where it begins */
uint64_t nsn_wal_frames(size_t size); /* whole ones before this place */
size_t nsn_wal_sum_before(uint64_t frame);

bool nsn_wal_head_whole(const uint8_t head[NSN_WAL_HEAD], struct nsn_wal_chain *ret);
/* If it is, the chain goes on behind it. */
bool nsn_wal_frame_whole(const uint8_t frame[NSN_WAL_FRAME], struct nsn_wal_chain *chain);
void nsn_wal_chain_at(struct nsn_wal_chain *chain, const uint8_t sum[8]);
bool nsn_wal_is_commit(const uint8_t frame[NSN_WAL_FRAME_HEAD]); /* the last of a transaction */

/* How many frames are whole, and how many up to the last commit. @log is all of it. */
void nsn_wal_walk(const uint8_t *log, size_t size, struct nsn_wal_chain *chain, uint64_t *whole,
		  uint64_t *safe);
/* How many frames there are up to the last one that claims to be a commit of this log. */
uint64_t nsn_wal_last_commit(const uint8_t *log, size_t size, const struct nsn_wal_chain *chain);
/*
 * Whether frames follow the first damaged one (@from) that were only written when
 * its transaction was safe: those after its commit.
 */
bool nsn_wal_goes_on(const uint8_t *log, size_t size, const struct nsn_wal_chain *chain,
		     uint64_t from);

/* That the log with this salt was synced up to here. */
struct nsn_wal_note {
	uint8_t magic[8], salt[8];
	uint64_t frames, sum;
};
void nsn_wal_note_make(struct nsn_wal_note *ret, const uint8_t salt[8], uint64_t frames);
bool nsn_wal_note_whole(const struct nsn_wal_note *note);
bool nsn_wal_note_is(const struct nsn_wal_note *note, const struct nsn_wal_chain *chain);

#endif
