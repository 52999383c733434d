/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_POLICY_TYPES_H
#define NSN_POLICY_TYPES_H

/*
 * types - what a word of a file can be
 *
 * The pattern is for editors and the manual, and takes what the model's parser
 * takes and perhaps a little more: 999.1.1.1 looks like an address.
 */
#include "../model/policy.h"

struct nsn_type {
	const char *name;    /* "peer": in the JSON Schema and in the manual */
	const char *pattern; /* a regular expression of ECMA 262, or NULL */
	const char *choices; /* "none new all": one of these words, or NULL */
	uint32_t min, max; /* of a number, which JSON may have in place of a word; 0, 0: it is none.
			      With a pattern, that is what the word may be then. */
	const char *help;  /* for the manual: sentences */
	/* Whether the model takes it; NULL: the model is asked by somebody else. */
	int (*check)(const char *text, struct nsnet_err *err);
	/* The peers that a word which is fine names; NULL: none. */
	size_t (*peers)(const char *text, struct nsn_peer ret[2]);
};

extern const struct nsn_type nsn_type_version, nsn_type_name, nsn_type_tenant, nsn_type_endpoint,
	nsn_type_subnet, nsn_type_subnet6, nsn_type_inside, nsn_type_mtu, nsn_type_rate,
	nsn_type_new_flows, nsn_type_open_flows, nsn_type_label_key, nsn_type_label_value,
	nsn_type_user, nsn_type_dns, nsn_type_ip, nsn_type_ip6, nsn_type_peer, nsn_type_ports,
	nsn_type_flow, nsn_type_publish, nsn_type_time, nsn_type_text, nsn_type_log, nsn_type_mode,
	nsn_type_who;

/* Whether @text is of that type. Return: 0, or -EINVAL */
int nsn_type_check(const struct nsn_type *type, const char *text, struct nsnet_err *err);

#endif
