/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LANES_H
#define TESTS_LANES_H

/*
 * lanes - datagrams from endpoint to endpoint, tried over and over
 *
 * What arrives is looked for at the receiver's link, by sockets that outlive any change:
 * nothing is asked of who is inside. Everything that fails here fails the test.
 */
#include <stdbool.h>
#include <stdint.h>

#include "../../lib/nsnet.h"
#include "packet.h"

struct lane {
	/* The name of the sender's pin, his tenant, addresses, and the receiver's pin. */
	const char *ns, *tenant, *from, *to, *at;
	uint16_t port; /* UDP */
};

enum { LANES_MAX = 16 };
struct lanes {
	const struct lane *of;
	int n;
	int from[LANES_MAX], to[LANES_MAX]; /* sockets at both ends */
	struct frame frame[LANES_MAX];
	uint64_t sent[LANES_MAX], arrived[LANES_MAX];
};

void lanes_open(struct lanes *l, struct nsnet *n, const struct lane *of, int count);
void lanes_close(struct lanes *l);
/* One frame each. Any answer is fine: the link may be down, or gone. */
void lanes_send(struct lanes *l);
void lanes_receive(struct lanes *l);
void lanes_forget(struct lanes *l);
/* Since they were forgotten: of none but those whose bit is in @allowed did one arrive. */
void lanes_only(struct lanes *l, unsigned int allowed, const char *what);
/* All of them arrive now, and no other does. */
void lanes_exactly(struct lanes *l, unsigned int allowed, const char *what);

#endif
