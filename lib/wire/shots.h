/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_WIRE_SHOTS_H
#define NSN_WIRE_SHOTS_H

/*
 * shots - one batch of a run: frames to be sent, and what has been seen of each
 *
 * A shot is a packet, or a train of them, with a number. Those of the batch's probes come first,
 * then those that show that a probe would have been seen:
 *   SENTINEL  from the gateway's end of a port into the receiver, on several flows
 *   PING      from a tenant's own end to its gateway, which answers: both ways work
 *   LIKE      as SENTINEL, of a kind that was sent as a probe
 *   LOCAL     by the loopback of the host, for its sockets
 *   UPLINK    from a gateway's end of an uplink to the host's, to nobody's MAC address
 */
#include "parts.h"

enum nsn_shot_what {
	NSN_SHOT_PROBE,
	NSN_SHOT_SENTINEL,
	NSN_SHOT_PING,
	NSN_SHOT_LIKE,
	NSN_SHOT_LOCAL,
	NSN_SHOT_UPLINK,
};

struct nsn_shot {
	enum nsn_shot_what what;
	uint8_t n, gone; /* frames; taken by the mouth */
	uint8_t seen;	 /* bits: seen where the sender's link ends */
	bool end, port;	 /* of what is no probe: heard at this end, handed over at that one */
	bool socket;	 /* of a ping: the gateway's sockets heard it */
	bool answered;
	bool owed; /* it is waited for */
	int error;
	size_t place; /* whose link or sockets: of a probe the sender */
	size_t probe; /* index among the caller's */
	size_t mouth;
	uint32_t first; /* its frames */
	const char *refused;
};

struct nsn_shot_frame {
	size_t at, len;
	uint32_t shot;
};

struct nsn_shots {
	struct nsn_shot *v;
	size_t n, room;
	size_t probes; /* the first of them */
	struct nsn_shot_frame *frames;
	size_t n_frames, frames_room;
	uint8_t *bytes;
	size_t len, len_room;
	size_t owed; /* shots that were sent and not seen yet */
	struct nsn_wire_train train;
};

/* A batch's numbers, so that what comes late is told. */
struct nsn_shot_range {
	uint32_t first;
	size_t n, at; /* probes; of order[at] */
};

struct nsn_target {
	size_t place;	       /* SIZE_MAX: beyond the machine */
	size_t sentinel, ping; /* shots; NSN_WIRE_NONE: there is none */
	size_t n_sentinels;
	size_t like[NSN_WIRE_KINDS_N][2];
};

struct nsn_run {
	struct nsn_wire *w;
	struct nsn_wire_probe *probes;
	size_t n;
	struct nsn_wire_how how;
	struct nsn_wire_said *said;
	size_t *order;	    /* by receiver, then sender */
	size_t *counts;	    /* by place, to sort */
	size_t from, until; /* the batch, in order[] */
	size_t *pings;	    /* of the batch, by place: shots */
	uint32_t *turn;	    /* of the batch, by sender */
	struct nsn_shot_range *ranges;
	size_t n_ranges, ranges_room;
	struct nsn_shots s;
	struct nsn_target *targets;
	size_t n_targets, targets_room;
	bool *dead; /* places at which something was waited for in vain */
	bool uplinks_dead;
	uint32_t *pending;		       /* by sender: in this batch */
	int8_t raw_hears[NSN_WIRE_KINDS_N][2]; /* 0: not asked yet */
	size_t host;			       /* the trusted place that is nobody's gateway */
	bool overrun, settled;
	struct nsnet_err *err;
};

/* ---- aim.c: what is to be sent -------------------------------------------------------- */

/* The batch's probes and all that goes with them. 0 or -ENOMEM. */
int nsn_run_aim(struct nsn_run *r, unsigned int attempt);
/* Another number than any shot so far. */
struct nsn_shot *nsn_run_shot(struct nsn_run *r, enum nsn_shot_what what, size_t place,
			      size_t mouth);
int nsn_run_frames(struct nsn_run *r, size_t shot);
uint32_t nsn_run_number(const struct nsn_run *r, size_t shot);

/* ---- proofs.c: sentinels and controls --------------------------------------------------- */

/* That the network of this place works; for who sends and who receives. */
int nsn_run_ping(struct nsn_run *r, size_t from);
int nsn_run_target(struct nsn_run *r, size_t from, size_t until);
/* Whether what was sent for this target has come, as far as it is about this probe. */
void nsn_run_facts(struct nsn_run *r, const struct nsn_target *t, const struct nsn_shot *shot,
		   struct nsn_wire_facts *f);

/* ---- hear.c ---------------------------------------------------------------------------- */

nsn_wire_hear nsn_run_hear;

#endif
