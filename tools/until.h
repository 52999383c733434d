/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_UNTIL_H
#define NSNET_TOOLS_UNTIL_H

/*
 * until - a change that waits for its confirmation: who takes it back, and who waits for it
 *
 * A process of its own session, which holds nothing of the state folder, is there before the
 * change begins. It looks once a second, and when nobody has confirmed it in time takes it back.
 * It survives the command, the terminal and the login; who kills it as well leaves a change that
 * the next command takes back.
 */
#include "cmd.h"

/* Start as { -1 }. */
struct until {
	int fd; /* while it is open the change is not begun to be waited for */
};

int until_start(struct until *u, struct nsnet_err *err);
void until_go(struct until *u); /* also done by who dies */

/*
 * Waits in the foreground. 0: confirmed; -ETIMEDOUT (NOT_CONFIRMED): taken back; 128 + the
 * signal that ended it
 */
int until_wait(struct ctx *ctx, uint64_t nr, struct nsnet_err *err);

#endif
