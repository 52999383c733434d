// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text as a snapshot: nothing crashes, what is refused says why, and what is read can be
 * written and read again, the same. First whatever hash it says, as no change made at random
 * has a right one.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/nsnet.h"
#include "../../lib/verify/snapfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must not go away with -DNDEBUG. */
static void must(int ok)
{
	if (!ok)
		abort();
}

static void check_refused(const struct nsnet_err *err, int r)
{
	must(r == -EINVAL || r == -ENOMEM);
	must(r != -EINVAL || (err->id == NSNET_E_BAD_SNAPSHOT && err->msg[0]));
}

static void check_same(const struct nsn_snap *a)
{
	struct nsn_snap b = {0};
	struct nsnet_err err = {0};
	char *one = NULL, *two = NULL;
	size_t n = 0, m = 0;

	must(nsn_snap_text(a, &one, &n, &err) == 0);
	must(nsn_snap_parse(&b, one, n, &err) == 0);
	must(nsn_snap_text(&b, &two, &m, &err) == 0);
	must(n == m && memcmp(one, two, n) == 0 && strcmp(a->hash, b.hash) == 0);
	nsn_arena_free(&b.mem);
	free(one);
	free(two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nsn_snap s = {0};
	struct nsnet_err err = {0};
	int r = nsn_snap_parse_unsealed(&s, (const char *)data, size, &err);

	if (r < 0) {
		check_refused(&err, r);
	} else {
		check_same(&s);
		nsn_arena_free(&s.mem);
	}
	r = nsn_snap_parse(&s, (const char *)data, size, &err);
	if (r < 0)
		check_refused(&err, r);
	else
		nsn_arena_free(&s.mem);
	return 0;
}
