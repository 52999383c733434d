// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/trace_parts.h"

/* Whether the wire agrees with the model, by where a packet was to arrive, and where it did. */

enum { SENDER, RECEIVER, OTHER }; /* namespaces */

static void the_wire_is_compared_with_the_model(void **state)
{
	static const struct {
		bool allowed, arrives;
		size_t at; /* when it arrives, and is not allowed: where */
		bool sure;
		enum nsn_wire_end end;
		size_t seen; /* place */
		const char *says;
	} table[] = {
		{true, true, RECEIVER, true, NSN_WIRE_DELIVERED, NSN_TRACE_TO, "agrees"},
		{true, true, RECEIVER, true, NSN_WIRE_BLOCKED, SIZE_MAX, "contradicts"},
		{true, true, RECEIVER, true, NSN_WIRE_UNTESTED, SIZE_MAX, "unknown"},
		{true, true, RECEIVER, true, NSN_WIRE_DELIVERED, NSN_TRACE_GATEWAY, "contradicts"},
		{true, true, RECEIVER, false, NSN_WIRE_DELIVERED, NSN_TRACE_TO, "unknown"},
		{false, false, 0, true, NSN_WIRE_BLOCKED, SIZE_MAX, "agrees"},
		{false, false, 0, true, NSN_WIRE_DELIVERED, NSN_TRACE_TO, "contradicts"},
		{false, false, 0, true, NSN_WIRE_DELIVERED, SIZE_MAX, "contradicts"},
		{false, false, 0, true, NSN_WIRE_UNTESTED, SIZE_MAX, "unknown"},
		{false, false, 0, false, NSN_WIRE_BLOCKED, SIZE_MAX, "unknown"},
		{false, true, OTHER, true, NSN_WIRE_DELIVERED, NSN_TRACE_GATEWAY, "agrees"},
		{false, true, OTHER, true, NSN_WIRE_DELIVERED, NSN_TRACE_TO, "contradicts"},
		{false, true, OTHER, true, NSN_WIRE_BLOCKED, SIZE_MAX, "contradicts"},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		struct nsn_explained e = {
			.pub = {.allowed = table[i].allowed,
				.certainty = table[i].sure ? NSNET_PROVED : NSNET_INCONCLUSIVE}};
		struct nsn_tracing t = {.x = {.e = &e, .from_ns = SENDER, .to_ns = RECEIVER},
					.ns = {SENDER, RECEIVER, OTHER},
					.n_places = NSN_TRACE_OTHER,
					.probe = {.end = table[i].end, .seen_at = table[i].seen}};

		t.x.passage.arrived = table[i].arrives;
		t.x.passage.to = table[i].at;
		assert_string_equal(nsn_tracing_compare(&t), table[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_wire_is_compared_with_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
