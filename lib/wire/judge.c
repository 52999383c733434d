// SPDX-License-Identifier: GPL-2.0-or-later
/* From what was seen to a verdict: BLOCKED needs everything, DELIVERED the packet. Pure. */
#include "parts.h"

#include <stddef.h>

static const char *missing(const struct nsn_wire_facts *f)
{
	if (f->refused)
		return f->refused;
	if (f->error)
		return "the sender's link did not take it";
	if (f->answered)
		return "somebody answered it who is not listened to";
	if (f->no_controls)
		return "nothing was done to tell blocked from lost";
	if (f->deaf)
		return f->deaf;
	if (f->sent == 0 || f->left != f->sent)
		return "it was not seen where the sender's link ends";
	if (f->overrun)
		return "packets were dropped by full queues meanwhile";
	if (!f->able)
		return "the sender's own network does not work";
	if (!f->sentinel)
		return "nothing sent after it came to the receiver";
	if (!f->alive)
		return "the receiver's own network does not work";
	if (!f->control)
		return "the receiver does not hear this kind of packet";
	if (!f->settled)
		return "some processor did not get to it in time";
	return NULL;
}

enum nsn_wire_end nsn_wire_judge(const struct nsn_wire_facts *f, const char **why)
{
	*why = NULL;
	if (f->heard)
		return NSN_WIRE_DELIVERED;
	*why = missing(f);
	return *why ? NSN_WIRE_UNTESTED : NSN_WIRE_BLOCKED;
}
