/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_SITE_H
#define TESTS_SITE_H

/*
 * site - a world with one tenant, `blue`, and its two namespaces held open
 *
 * The tenant is made and repaired by the library in this process. Everything
 * that fails here fails the test.
 */
#include <stdbool.h>

#include "../../lib/nsnet.h"

#define SITE_TENANT   "blue"
#define SITE_SUBNET   "10.10.1.0/24"
#define SITE_GATEWAY  "10.10.1.1"
#define SITE_WORKLOAD "10.10.1.2"
/* For those that want IPv6, too. */
#define SITE_SUBNET6   "fd00:1::/64"
#define SITE_GATEWAY6  "fd00:1::1"
#define SITE_WORKLOAD6 "fd00:1::2"
#define SITE_MAC_SIZE  18

struct site {
	struct nsnet *n;
	int home, gateway, workload; /* namespaces */
	int third;		     /* the test's own; -1: none */
	char port[16];		     /* the gateway's end; also in the environment, as PORT */
	char mac[SITE_MAC_SIZE], gateway_mac[SITE_MAC_SIZE];
	char out_mac[SITE_MAC_SIZE]; /* the test's own */
};

/* A new world. Without root there is none: false, and world_need() skips the test. */
bool site_build(struct site *s);
/* The same with a tenant of this definition; it is to be called SITE_TENANT and to have the
 * endpoint `default` first. */
bool site_build_def(struct site *s, const struct nsnet_tenant_def *def);
/* As `nsnet tenant set`. Learns the port\'s name again. */
void site_set(struct site *s, const char *key, const char *value);
/* A link that came up carries frames a moment later. */
void site_wait_for_port(const struct site *s);
void site_drop(struct site *s);

/* Moves this thread; sockets and programs started then are inside. Go home afterwards. */
void site_go(int ns);
int site_open_ns(const char *path);
/* The gateway of the tenant with this id, by its pin. */
int site_open_gateway(unsigned int tenant);
void site_close(int *fd);
void site_link_mac(int home, int ns, const char *link, char mac[SITE_MAC_SIZE]);

enum nsnet_state site_state(const struct site *s);
/* Repairs the tenant; false when there was nothing to repair. Learns the port's name again. */
bool site_repair(struct site *s);

#endif
