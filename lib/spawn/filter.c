// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdint.h>

#include "../base/cleanup.h"
#include "confine.h"
#include "filter/made.h"

static const struct nsn_denied denied[] = {
#define DENY(call, code, cap, why)		 {#call, #code, why, cap},
#define DENY_IF(call, what, code, cap, why, ...) {what, #code, why, cap},
#include "filter/denied.def"
#undef DENY
#undef DENY_IF
};

const struct sock_fprog *nsn_filter_for(uint64_t caps)
{
	for (size_t i = 1; i < nsn_filter_n_made; i++)
		if (nsn_filter_made[i].caps == (caps & nsn_filter_caps))
			return &nsn_filter_made[i].prog;
	/* All subsets are there: this is the empty one. */
	return &nsn_filter_made[0].prog;
}

const struct sock_fprog *nsn_filter_default(void)
{
	return nsn_filter_for(0);
}

const struct nsn_denied *nsn_filter_denied(size_t i)
{
	return i < NSN_COUNT(denied) ? &denied[i] : NULL;
}
