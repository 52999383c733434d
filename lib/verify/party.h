/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_PARTY_H
#define NSN_VERIFY_PARTY_H

/*
 * party - to which container, pod or unit a process belongs, by its control group. Pure.
 */
#include <stdbool.h>
#include <stddef.h>

#define NSN_PARTY_ID   64
#define NSN_PARTY_UNIT 128

struct nsn_party {
	const char *engine;	    /* "docker", "podman", "containerd", ...; "": no container's */
	char id[NSN_PARTY_ID + 1];  /* of the container, as its engine has it */
	char pod[NSN_PARTY_ID + 1]; /* a Kubernetes pod's uid, or "" */
	char unit[NSN_PARTY_UNIT + 1]; /* the innermost service or scope that is no container's */
};

/*
 * nsn_party_of() - Reads /proc/PID/cgroup
 *
 * The outermost container counts: what is below is what runs in it. A monitor (conmon) beside a
 * container is the host's, not the container's.
 */
void nsn_party_of(const char *cgroups, struct nsn_party *ret);
bool nsn_party_is_container(const struct nsn_party *p);

#define NSN_PARTY_STRLEN 192
/*
 * "web (docker 3f2a1b4c5d6e)", "docker 3f2a1b4c5d6e" without a host's name, "nginx.service"; "" for
 * what is neither.
 */
const char *nsn_party_str(const struct nsn_party *p, const char *hostname,
			  char buf[NSN_PARTY_STRLEN]);

#endif
