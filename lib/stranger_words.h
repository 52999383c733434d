/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STRANGER_WORDS_H
#define NSN_STRANGER_WORDS_H

/*
 * stranger_words - what is told of a stranger
 *
 * The texts are @mem's; NULL: no memory.
 */
#include "base/text.h"
#include "nsnet.h"

/* "NET_ADMIN NET_RAW". @all: those that we have, as somebody above us may have kept some: "all". */
const char *nsn_stranger_caps(struct nsn_arena *mem, uint64_t caps, uint64_t all);
/*
 * The last part of its group that names a unit ("getty@tty1.service") or a container
 * ("docker-1a2b.scope", "/docker/1a2b"); "": none does. Anything may be in it: show it escaped.
 * @groups: /proc/PID/cgroup, which is taken to pieces
 */
const char *nsn_stranger_unit(struct nsn_arena *mem, char *groups);
/* Of one that is known but for this. */
const char *nsn_stranger_remedy(struct nsn_arena *mem, const struct nsnet_stranger *s);

#endif
