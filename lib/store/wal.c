/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wal.h"

#include <endian.h>
#include <string.h>

#include "page.h"

#define MAGIC	0x377f0682 /* one more: sums of big-endian words */
#define VERSION 3007000

static uint32_t be32_at(const uint8_t *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return be32toh(n);
}

static uint32_t word_at(const uint8_t *p, bool big)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return big ? be32toh(n) : le32toh(n);
}

/* As the description of the format has it: two words at a time. */
static void add(struct nsn_wal_chain *c, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		c->sum[0] += word_at(p + i, c->big) + c->sum[1];
		c->sum[1] += word_at(p + i + 4, c->big) + c->sum[0];
	}
}

static bool sum_is(const struct nsn_wal_chain *c, const uint8_t *p)
{
	return be32_at(p) == c->sum[0] && be32_at(p + 4) == c->sum[1];
}

size_t nsn_wal_at(uint64_t frame)
{
	return NSN_WAL_HEAD + (size_t)frame * NSN_WAL_FRAME;
}

uint64_t nsn_wal_frames(size_t size)
{
	return size < NSN_WAL_HEAD ? 0 : (size - NSN_WAL_HEAD) / NSN_WAL_FRAME;
}

size_t nsn_wal_sum_before(uint64_t frame)
{
	return frame == 0 ? 24 : nsn_wal_at(frame - 1) + 16;
}

bool nsn_wal_head_whole(const uint8_t head[NSN_WAL_HEAD], struct nsn_wal_chain *ret)
{
	struct nsn_wal_chain c = {.big = be32_at(head) & 1};

	if ((be32_at(head) & ~UINT32_C(1)) != MAGIC || be32_at(head + 4) != VERSION ||
	    be32_at(head + 8) != NSN_WAL_PAGE)
		return false;
	add(&c, head, 24);
	if (!sum_is(&c, head + 24))
		return false;
	memcpy(c.salt, head + NSN_WAL_HEAD_SALT, sizeof(c.salt));
	*ret = c;
	return true;
}

static bool of_log(const uint8_t *frame, const struct nsn_wal_chain *chain)
{
	return memcmp(frame + NSN_WAL_FRAME_SALT, chain->salt, sizeof(chain->salt)) == 0;
}

bool nsn_wal_frame_whole(const uint8_t frame[NSN_WAL_FRAME], struct nsn_wal_chain *chain)
{
	struct nsn_wal_chain c = *chain;

	if (!of_log(frame, chain) || be32_at(frame) == 0)
		return false;
	add(&c, frame, 8);
	add(&c, frame + NSN_WAL_FRAME_HEAD, NSN_WAL_PAGE);
	if (!sum_is(&c, frame + 16))
		return false;
	*chain = c;
	return true;
}

void nsn_wal_chain_at(struct nsn_wal_chain *chain, const uint8_t sum[8])
{
	chain->sum[0] = be32_at(sum);
	chain->sum[1] = be32_at(sum + 4);
}

bool nsn_wal_is_commit(const uint8_t frame[NSN_WAL_FRAME_HEAD])
{
	return be32_at(frame + 4) != 0;
}

void nsn_wal_walk(const uint8_t *log, size_t size, struct nsn_wal_chain *chain, uint64_t *whole,
		  uint64_t *safe)
{
	const uint64_t n = nsn_wal_frames(size);
	uint64_t nr;

	*safe = 0;
	for (nr = 0; nr < n && nsn_wal_frame_whole(log + nsn_wal_at(nr), chain); nr++)
		if (nsn_wal_is_commit(log + nsn_wal_at(nr)))
			*safe = nr + 1;
	*whole = nr;
}

uint64_t nsn_wal_last_commit(const uint8_t *log, size_t size, const struct nsn_wal_chain *chain)
{
	uint64_t nr = nsn_wal_frames(size);

	while (nr > 0 && (!of_log(log + nsn_wal_at(nr - 1), chain) ||
			  !nsn_wal_is_commit(log + nsn_wal_at(nr - 1))))
		nr--;
	return nr;
}

bool nsn_wal_goes_on(const uint8_t *log, size_t size, const struct nsn_wal_chain *chain,
		     uint64_t from)
{
	const uint64_t n = nsn_wal_frames(size);
	bool committed = false;

	for (uint64_t nr = from; nr < n; nr++) {
		const uint8_t *frame = log + nsn_wal_at(nr);

		if (!of_log(frame, chain))
			continue;
		if (committed)
			return true;
		committed = nsn_wal_is_commit(frame);
	}
	return false;
}

/* ---- the note ----------------------------------------------------------------- */

static const uint8_t magic[8] = {'n', 's', 'n', 'e', 't', 'l', 'o', 'g'};

void nsn_wal_note_make(struct nsn_wal_note *ret, const uint8_t salt[8], uint64_t frames)
{
	struct nsn_wal_note note = {.frames = htole64(frames)};

	memcpy(note.magic, magic, sizeof(note.magic));
	memcpy(note.salt, salt, sizeof(note.salt));
	note.sum = htole64(nsn_sum(0, &note, offsetof(struct nsn_wal_note, sum)));
	*ret = note;
}

bool nsn_wal_note_whole(const struct nsn_wal_note *note)
{
	return memcmp(note->magic, magic, sizeof(magic)) == 0 &&
	       le64toh(note->sum) == nsn_sum(0, note, offsetof(struct nsn_wal_note, sum));
}

bool nsn_wal_note_is(const struct nsn_wal_note *note, const struct nsn_wal_chain *chain)
{
	return memcmp(note->salt, chain->salt, sizeof(chain->salt)) == 0;
}
