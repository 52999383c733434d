/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_CANARY_ACTS_H
#define NSN_CANARY_ACTS_H

/*
 * canary_acts - the acts that both sides do alike
 *
 * They return 0 or the errno, and allocate nothing.
 */
#include <stdbool.h>
#include <stdint.h>

/* On 127.0.0.1, at a port that the kernel chooses. The socket, or -errno. */
int nsn_tcp_listen(uint16_t *port);
int nsn_tcp_connect(uint16_t port);
/* The abstract socket TOKEN-SIDE. */
int nsn_abstract_listen(const char *token, const char *side);
int nsn_abstract_connect(const char *token, const char *side);
/* Whether somebody connected to it since. */
bool nsn_accepted(int listener);

/* Until there is something to read, or the other end is closed. Signals do not make it longer. */
bool nsn_readable_within(int fd, int ms);

int nsn_shm_make(int key);
int nsn_shm_find(int key);
void nsn_shm_remove(int key);
int nsn_mq_make(const char *token, const char *side);
int nsn_mq_find(const char *token, const char *side);
void nsn_mq_remove(const char *token, const char *side);

#endif
