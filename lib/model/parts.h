/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_MODEL_PARTS_H
#define NSN_MODEL_PARTS_H

/*
 * parts - single settings as they are typed, for definitions and for `set`. Of
 * this folder only. All return 0 or -EINVAL and leave @ret alone then.
 */
#include "tenant.h"

/* What a tenant's name may be, and `default`. */
int nsn_endpoint_name_check(const char *name, struct nsnet_err *err);

/*
 * AF_INET: a subnet or `auto[/LEN]`; AF_INET6: a prefix, `auto` or `none`. In
 * the way of struct nsn_tenant: open is family 0 with a length, none without.
 */
int nsn_subnet_setting(struct nsn_prefix *ret, uint8_t family, const char *text,
		       struct nsnet_err *err);
bool nsn_prefix_off(const struct nsn_prefix *p);

int nsn_mtu_parse(uint32_t *ret, const char *text, struct nsnet_err *err);
/* Whether IPv6 can use it. */
int nsn_mtu_check(uint32_t mtu, const struct nsn_prefix *subnet6, struct nsnet_err *err);
int nsn_inside_parse(bool *deny, const char *text, struct nsnet_err *err);

/* KEY=VALUE, or, where @remove is allowed (not NULL), "KEY=". */
int nsn_label_parse(struct nsn_label *ret, const char *text, bool *remove, struct nsnet_err *err);
/* By key, each key once. The array is the caller's, to be freed. */
int nsn_labels_parse(struct nsn_label **ret, size_t *n_ret, const char *const *texts, size_t n,
		     struct nsnet_err *err);
/* By name, each once; `none` alone is nobody. */
int nsn_owners_parse(struct nsn_user **ret, size_t *n_ret, const char *const *texts, size_t n,
		     struct nsnet_err *err);

/* Why an endpoint cannot have @ip in @subnet; NULL when it can. */
const char *nsn_address_fault(const struct nsn_prefix *subnet, const struct nsn_ip *ip);

#endif
