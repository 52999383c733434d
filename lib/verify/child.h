/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_CHILD_H
#define NSN_VERIFY_CHILD_H

/*
 * child - work in a process of its own, and its answer as JSON through a pipe
 *
 * libbdd keeps one table for a whole process and ends it when memory is short; here
 * nobody else is hurt by that.
 */
#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "../base/err.h"

/*
 * @make: Called in the child; NULL is no answer
 * @seconds: What it gives itself; it is ended some seconds after that. 0: no limit
 * Return: 0; -ETIMEDOUT; -EPROTO: it ended without an answer, or not to its end; -ENOMEM. @err
 * is filled when no process could be had, and for these three not.
 */
int nsn_child_ask(json_t *(*make)(void *arg), void *arg, unsigned int seconds, json_t **ret,
		  struct nsnet_err *err);

/* Its parts, for who has several. Takes @doc, which may be NULL: 0 or -1. */
int nsn_child_send(int fd, json_t *doc);
/* As nsn_child_ask(), from a pipe. */
int nsn_child_hear(int fd, unsigned int seconds, json_t **ret);
/* Waits for its end, @kill_it: brings it about. */
void nsn_child_end(pid_t pid, bool kill_it);

#endif
