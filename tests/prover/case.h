/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_PROVER_CASE_H
#define TESTS_PROVER_CASE_H

/*
 * case - a mismatch that was found once, kept as a file that is tried again for ever
 *
 *	# what was wrong, for people
 *	#place shape 0 ...	place_print()
 *	#packet from 0 ...	packet_print(), as many as wanted
 *	#gateway 0		a ruleset of nft follows, up to the next gateway's
 */
#include "place.h"

#define CASE_PACKETS 16

struct kase {
	struct place place;
	struct sent packets[CASE_PACKETS];
	int n;
	char *rules[2]; /* malloc()ed */
};

/* Ends the process when it is none. */
void case_read(struct kase *ret, const char *path);
/* As a new file of the folder. */
void case_write(const char *dir, const struct place *s, const struct sent *p, char *const rules[2]);

#endif
