/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_DOCTOR_H
#define NSN_DOCTOR_H

/*
 * doctor - checks of the host. Of doctor*.c only.
 *
 * doctor.c           all of them; what the store says
 * doctor_kernel.c    D001: what the kernel can
 * doctor_host.c      D010 to D021, D120, D131: mounts, settings, connections
 * doctor_firewall.c  D101 to D109: tables of others
 *
 * A check fails with -ENOMEM alone, or when the store cannot be read: what else goes wrong is
 * what it says.
 */
#include "ctx.h"
#include "kernel/nft_foreign.h"

struct nsnet_doctor {
	struct nsnet_check *list;
	size_t n;
	struct nsn_arena mem;
};

struct nsn_exam {
	struct nsnet *n;
	struct nsnet_doctor *d;
	bool uplinks; /* a tenant has one */
};

/* One more. @remedy: "" for none. 0 or -ENOMEM */
int nsn_doctor_say(struct nsn_exam *x, const char *id, enum nsnet_health health, const char *remedy,
		   struct nsnet_err *err, const char *fmt, ...) NSN_PRINTF(6, 7);
/* That it could not be found out, and why. */
int nsn_doctor_unknown(struct nsn_exam *x, const char *id, const char *what,
		       const struct nsnet_err *why, struct nsnet_err *err);

int nsn_doctor_kernel(struct nsn_exam *x, struct nsnet_err *err);
int nsn_doctor_pins(struct nsn_exam *x, struct nsnet_err *err);
int nsn_doctor_forwarding(struct nsn_exam *x, struct nsnet_err *err);
int nsn_doctor_ipv6(struct nsn_exam *x, struct nsnet_err *err);
int nsn_doctor_firewalls(struct nsn_exam *x, struct nsnet_err *err);
int nsn_doctor_bridges(struct nsn_exam *x, struct nsnet_err *err);
int nsn_doctor_connections(struct nsn_exam *x, struct nsnet_err *err);

#endif
