/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_MODEL_PARTS_H
#define NSN_MODEL_PARTS_H

/*
 * parts - single settings as they are typed, for definitions and for `set`. Of
 * this folder only. All return 0 or -EINVAL and leave @ret alone then.
 */
#include "tenant.h"

/* What a rule may be called: as a tenant, reserved words too. */
int nsn_rule_name_check(const char *name, struct nsnet_err *err);

/* For the first difference in words. Always false, so that one is one statement. */
bool nsn_differ(char *buf, size_t size, const char *fmt, ...) NSN_PRINTF(3, 4);

/* A copy of @n elements of @size bytes; none is NULL. @ret is a pointer's. false: no memory. */
bool nsn_copy_array(void *ret, const void *array, size_t n, size_t size);

/* Whether its `publish` goes with the rest of it, or the want of one. -EINVAL (BAD_PUBLISH) */
struct nsn_policy;
int nsn_policy_check_publish(const struct nsn_policy *p, struct nsnet_err *err);

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

/* What no word of a policy has: white space, control characters, no ASCII; NULL when it has none.
 */
const char *nsn_word_fault(const char *text);
/* What a text cannot have: no UTF-8, control characters, what turns its direction; or NULL. */
const char *nsn_text_fault(const char *text);
bool nsn_word_capitals(const char *text);
/* Makes what is before @stop small; '\0': all of it. */
void nsn_word_lower(char *text, char stop);

/* Why text up to '/' is no IPv4 address, when nsn_ip_parse() says that it is none. */
const char *nsn_ip4_fault(const char *text);
/* "255.255.255.0" as a length; false when it is no mask. */
bool nsn_mask_len(const char *text, uint8_t *ret);

/* Why an endpoint cannot have @ip in @subnet; NULL when it can. */
const char *nsn_address_fault(const struct nsn_prefix *subnet, const struct nsn_ip *ip);

#endif
