/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_TRACE_PARTS_H
#define NSN_TRACE_PARTS_H

/*
 * trace_parts - what trace_send.c and trace_lines.c share
 */
#include "base/text.h"
#include "explain.h"
#include "kernel/nftrace.h"
#include "probes.h"
#include "trace.h"

struct nsn_traced {
	struct nsnet_traced pub; /* first */
	struct nsn_arena mem;
};

/* An event, and where it was; its texts are in the arena. */
struct nsn_traced_event {
	size_t ns;
	struct nsn_nftrace_event e;
};

enum { NSN_TRACE_FROM, NSN_TRACE_TO, NSN_TRACE_GATEWAY, NSN_TRACE_OTHER, NSN_TRACE_PLACES };

#define NSN_TRACE_LINES 400 /* of all packets together; a chain of ours has some ten */

struct nsn_tracing {
	struct nsn_explaining x;
	struct nsn_traced *out;
	struct nsn_probes probes; /* for their places */
	struct nsn_wire_place places[NSN_TRACE_PLACES];
	size_t ns[NSN_TRACE_PLACES]; /* of the snapshot */
	size_t n_places;	     /* 0: nothing is to be sent, `refused` says why */
	const char *refused;
	struct nsn_wire_probe probe;
	struct nsn_traced_event *events; /* by gateway, in their order */
	size_t n_events;
	bool lost;
	const char *untraced;
};

/* Where the state says that it arrives, and where it did: "agrees", "contradicts", "unknown". */
const char *nsn_tracing_compare(const struct nsn_tracing *t);

#endif
