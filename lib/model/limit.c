/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "tenant.h"

int nsn_flows_parse(uint32_t *ret, const char *what, const char *text, uint32_t max,
		    struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];
	uint64_t n = 0;
	int r = 0;

	if (strcmp(text, "none") != 0)
		r = nsn_u64_parse(&n, text, max);
	if (r == 0 && (n > 0 || strcmp(text, "none") == 0)) {
		*ret = (uint32_t)n;
		return 0;
	}
	(void)nsn_text_show(text, shown, sizeof(shown));
	if (r == -ERANGE)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_SETTING,
			       "%s is %" PRIu32 " at most, not %s", what, max, shown);
	(void)nsn_err(err, -EINVAL, NSNET_E_BAD_SETTING, "%s is a number from 1, or none, not '%s'",
		      what, shown);
	return r == 0 ? nsn_err_hint(err, -EINVAL, "none: no limit") : -EINVAL;
}

const char *nsn_flows_str(uint32_t flows, char buf[NSN_FLOWS_STRLEN])
{
	if (flows == 0)
		memcpy(buf, "none", sizeof("none"));
	else
		(void)snprintf(buf, NSN_FLOWS_STRLEN, "%" PRIu32, flows);
	return buf;
}
