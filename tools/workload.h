/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_WORKLOAD_H
#define NSNET_TOOLS_WORKLOAD_H

/*
 * workload - what a command that runs one does until it ends
 */
#include "../lib/base/err.h"
#include "out.h"

/*
 * A descriptor that was typed, and that we were given. -EBADF (BAD_DESCRIPTOR): it is closed, or
 * one that we have opened ourselves, which is closed by an exec.
 */
int workload_fd(const char *option, const char *text, int *ret, struct nsnet_err *err);
/* The same, open for writing: known before anything runs, as afterwards it could not be told. */
int workload_status_fd(const char *text, int *ret, struct nsnet_err *err);

/* Signals that are for the workload wait from here on, until there is one. */
void workload_signals_wait(void);
/*
 * Passes signals on, connects its terminal with ours, waits, and tells how it ended: as JSON to
 * @status_fd, or (-1) on standard error when the answer is a document. Return: the exit status,
 * or -errno.
 */
int workload_follow(struct nsnet_run *run, const struct out *o, int status_fd,
		    struct nsnet_err *err);

#endif
