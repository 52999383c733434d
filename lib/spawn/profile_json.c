// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../base/text.h"
#include "profile.h"

#define ERRNO_MAX 4095 /* beyond, the kernel says this */

/* ---- words ------------------------------------------------------------------------------- */

/* The last has no name. */
struct word {
	const char *name;
	uint32_t value;
};

static const struct word actions[] = {
	{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
	{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
	{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG},
	{NULL, 0},
};

static const struct word operators[] = {
	{"SCMP_CMP_NE", SCMP_CMP_NE},
	{"SCMP_CMP_LT", SCMP_CMP_LT},
	{"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_EQ", SCMP_CMP_EQ},
	{"SCMP_CMP_GE", SCMP_CMP_GE},
	{"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
	{NULL, 0},
};

static const struct word arches[] = {
	{"SCMP_ARCH_X86", SCMP_ARCH_X86},
	{"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
	{"SCMP_ARCH_X32", SCMP_ARCH_X32},
	{"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
	{"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
	{"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
	{"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
	{"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
	{"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
	{"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
	{"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
	{"SCMP_ARCH_PPC", SCMP_ARCH_PPC},
	{"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
	{"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
	{"SCMP_ARCH_S390", SCMP_ARCH_S390},
	{"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
	{"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC},
	{"SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64},
	{"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
	{NULL, 0},
};

/* RISC-V and POWER have nothing beside. */
static const struct nsn_profile_arch own =
#if defined(__x86_64__)
	{"amd64", SCMP_ARCH_X86_64, SCMP_ARCH_X86};
#elif defined(__aarch64__)
	{"arm64", SCMP_ARCH_AARCH64, SCMP_ARCH_ARM};
#elif defined(__riscv)
	{"riscv64", SCMP_ARCH_RISCV64, 0};
#elif defined(__s390x__)
	{"s390x", SCMP_ARCH_S390X, SCMP_ARCH_S390};
#else
	{"ppc64le", SCMP_ARCH_PPC64LE, 0};
#endif

const struct nsn_profile_arch *nsn_profile_own(void)
{
	return &own;
}

int nsn_profile_refuse(struct nsn_profile *p, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	nsn_err(p->err, -EINVAL, NSNET_E_BAD_SECCOMP, "%s: %s", p->at, text);
	return nsn_err_where(p->err, -EINVAL, "%s", p->name);
}

static int one_of(struct nsn_profile *p, const struct word *words, const json_t *json,
		  const char *key, uint32_t *ret)
{
	const char *text = json_string_value(json);
	char show[NSN_SHOW_SIZE];

	if (!text)
		return nsn_profile_refuse(p, "%s has to be a word", key);
	for (const struct word *w = words; w->name; w++) {
		if (strcmp(w->name, text) == 0) {
			*ret = w->value;
			return 0;
		}
	}
	return nsn_profile_refuse(p, "%s: %s is none of those that can be used", key,
				  nsn_text_show(text, show, sizeof(show)));
}

/* ---- the shape --------------------------------------------------------------------------- */

/* No member but @keys. One that is misspelt would be a condition that is not looked at. */
int nsn_profile_only(struct nsn_profile *p, json_t *object, const char *const *keys)
{
	char show[NSN_SHOW_SIZE];
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return nsn_profile_refuse(p, "this has to be an object");
	json_object_foreach(object, key, value)
	{
		const char *const *k = keys;

		while (*k && strcmp(*k, key) != 0)
			k++;
		if (!*k)
			return nsn_profile_refuse(p, "there is no key %s",
						  nsn_text_show(key, show, sizeof(show)));
	}
	return 0;
}

/* What is not there, and docker's null, is an empty list. */
int nsn_profile_list(struct nsn_profile *p, const json_t *object, const char *key, json_t **ret)
{
	json_t *value = json_object_get(object, key);

	*ret = json_is_null(value) ? NULL : value;
	return !*ret || json_is_array(*ret) ? 0 : nsn_profile_refuse(p, "%s has to be a list", key);
}

int nsn_profile_number(struct nsn_profile *p, const json_t *object, const char *key, uint64_t max,
		       uint64_t *ret)
{
	const json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    (uint64_t)json_integer_value(value) > max)
		return nsn_profile_refuse(p, "%s has to be a number from 0 to %llu", key,
					  (unsigned long long)max);
	*ret = (uint64_t)json_integer_value(value);
	return 0;
}

int nsn_profile_arch(struct nsn_profile *p, const json_t *json, uint32_t *ret)
{
	return one_of(p, arches, json, "architecture", ret);
}

int nsn_profile_operator(struct nsn_profile *p, const json_t *json, uint32_t *ret)
{
	return one_of(p, operators, json, "op", ret);
}

int nsn_profile_action(struct nsn_profile *p, const json_t *object, const char *key,
		       const char *number, const char *name, uint32_t *ret)
{
	uint64_t code = EPERM;
	int e = one_of(p, actions, json_object_get(object, key), key, ret);

	if (e == 0)
		e = nsn_profile_number(p, object, number, ERRNO_MAX, &code);
	if (e < 0)
		return e;
	/* Podman writes both. */
	if (json_object_get(object, name) && !json_object_get(object, number))
		return nsn_profile_refuse(p, "%s has to be there as %s, a number", name, number);
	if (*ret == SCMP_ACT_ERRNO(0))
		*ret = SCMP_ACT_ERRNO((uint32_t)code);
	return 0;
}
