/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_PROBENAME_H
#define NSN_PROBENAME_H

/* The endpoint that is made for a run of the prober in each tenant, and goes with it. */
#define NSN_PROBES_CANARY "nsnet-probe"

#endif
