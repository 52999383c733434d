/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_JAIL_H
#define TESTS_JAIL_H

/*
 * jail - a process in a view, as the spawner would start it but without the rest: no filter, and
 * root inside keeps all capabilities of its user namespace. What a view promises has to hold
 * against that one.
 */
#include <stdbool.h>

#include "../../lib/spawn/view.h"

#define JAIL_OUT (256 * 1024)

struct jail {
	int open; /* of nsn_view_open(); the rest only when that was 0 */
	struct nsnet_err err;
	int built, finished; /* of build and finish */
	struct nsn_trouble why;
	int status; /* exit status, 128 + signal */
	double build_ms, finish_ms;
	char out[JAIL_OUT]; /* output and errors of the script */
};

/* The tenant's range in these tests. */
#define JAIL_BASE 0x70000000u

/* How the script is run. */
enum jail_who {
	JAIL_ROOT, /* number 0 inside, with all capabilities there */
	JAIL_USER, /* the view's user, without any */
};

/*
 * Runs `sh -c SCRIPT` in the view; each of its commands has to succeed, and `no 'COMMAND'` is
 * for those that have to fail. @def->ids may be NULL: all of the range at JAIL_BASE. The
 * result is static. @script NULL: nothing is run, the process just ends.
 */
const struct jail *jail_run(const struct nsn_view_def *def, enum jail_who who, const char *script);

/* The same; fails the test unless all went well and the script ended with 0. Its output. */
const char *jail_sh(const struct nsn_view_def *def, enum jail_who who, const char *script);

/* open() must refuse it, with this reason and @part in its message. */
void jail_refuses(const struct nsn_view_def *def, int code, enum nsnet_code id, const char *part);
/* build() or finish() must fail at this stage. */
void jail_fails(const struct nsn_view_def *def, enum nsn_stage stage, int code, const char *part);

#endif
