/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_GIVEN_H
#define NSNET_TOOLS_GIVEN_H

/*
 * given - the state that a proof is about: the kernel's, or a snapshot that was saved
 */
#include "../lib/nsnet.h"
#include "cmd.h"

#define GIVEN_MAX ((size_t)256 << 20) /* of a snapshot, in bytes */

/* The option of all commands that look at a state. */
#define GIVEN_OPTION                                                                               \
	{                                                                                          \
		"snapshot", 0, "FILE", "look at what `nsnet snapshot` saved; -: standard input",   \
			0, offsetof(struct opts, snapshot), opt_set_text, "@file"                  \
	}

struct given {
	struct nsnet_verify_how how; /* its snapshot is ours */
	char *text;
};

/* Reads the file that --snapshot names, or opens the state folder. 0, or -errno. */
int given_open(struct ctx *ctx, struct given *g, struct nsnet_err *err);
/* Takes a snapshot of the kernel now, unless there is one, so that two questions are about
 * one state. */
int given_freeze(struct ctx *ctx, struct given *g, struct nsnet_err *err);
void given_clear(struct given *g);

/* 0: proved, 1: a violation, 3: neither is sure. */
int given_status(enum nsnet_proved v);

#endif
