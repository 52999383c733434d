// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "../base/text.h"
#include "profile.h"

#define RULES_MAX 4096
#define N_ARGS	  6 /* of a call */

/* ---- docker's conditions ------------------------------------------------------------------ */

/* "4.8": is this kernel that old or newer? */
static int kernel_is(struct nsn_profile *p, const char *text, bool *ret)
{
	unsigned int want[2], have[2] = {0, 0};
	struct utsname u;
	char end;

	if (sscanf(text, "%3u.%3u%c", &want[0], &want[1], &end) != 2) /* NOLINT(cert-err34-c) */
		return nsn_profile_refuse(p, "minKernel has to be as 4.8");
	if (uname(&u) < 0 ||
	    sscanf(u.release, "%9u.%9u", &have[0], &have[1]) != 2) /* NOLINT(cert-err34-c) */
		return nsn_profile_refuse(p, "this kernel's release has no number");
	*ret = have[0] > want[0] || (have[0] == want[0] && have[1] >= want[1]);
	return 0;
}

/* A name that we do not know is one that the workload does not have. */
static bool has_cap(const struct nsn_profile *p, const char *name)
{
	int cap;

	return name && nsn_cap_parse(name, &cap, NULL) == 0 && (p->caps >> cap & 1);
}

/* How many of the capabilities, and whether the rest, of "includes" or "excludes" are so here. */
struct meets {
	size_t n_caps, caps; /* asked for, had */
	bool arch, arch_here;
	bool kernel, kernel_here;
};

static int meet(struct nsn_profile *p, json_t *object, struct meets *m)
{
	static const char *const keys[] = {"caps", "arches", "minKernel", NULL};
	json_t *caps = NULL, *archs = NULL, *kernel, *value;
	size_t i;
	int e;

	if (!object || json_is_null(object))
		return 0;
	e = nsn_profile_only(p, object, keys);
	if (e == 0)
		e = nsn_profile_list(p, object, "caps", &caps);
	if (e == 0)
		e = nsn_profile_list(p, object, "arches", &archs);
	if (e < 0)
		return e;
	m->n_caps = json_array_size(caps);
	json_array_foreach(caps, i, value)
	{
		m->caps += has_cap(p, json_string_value(value)) ? 1 : 0;
	}
	m->arch = json_array_size(archs) > 0;
	json_array_foreach(archs, i, value)
	{
		const char *text = json_string_value(value);

		m->arch_here |= text && strcmp(text, nsn_profile_own()->name) == 0;
	}
	kernel = json_object_get(object, "minKernel");
	if (!kernel || json_is_null(kernel))
		return 0;
	m->kernel = true;
	if (!json_is_string(kernel))
		return nsn_profile_refuse(p, "minKernel has to be as \"4.8\"");
	return kernel_is(p, json_string_value(kernel), &m->kernel_here);
}

/* "excludes": any of them; "includes": all of them. */
static int applies(struct nsn_profile *p, const json_t *entry, bool *ret)
{
	struct meets in = {0}, ex = {0};
	int e = meet(p, json_object_get(entry, "includes"), &in);

	if (e == 0)
		e = meet(p, json_object_get(entry, "excludes"), &ex);
	if (e < 0)
		return e;
	*ret = in.caps == in.n_caps && (!in.arch || in.arch_here) &&
	       (!in.kernel || in.kernel_here) && ex.caps == 0 && !ex.arch_here && !ex.kernel_here;
	return 0;
}

static bool lets_through(uint32_t act)
{
	return act == SCMP_ACT_ALLOW || act == SCMP_ACT_LOG;
}

/* ---- rules ------------------------------------------------------------------------------- */

static int read_arg(struct nsn_profile *p, json_t *json, struct scmp_arg_cmp *ret)
{
	static const char *const keys[] = {"index", "value", "valueTwo", "op", "comment", NULL};
	uint64_t index = UINT64_MAX, a = 0, b = 0;
	uint32_t op = 0;
	int e = nsn_profile_only(p, json, keys);

	if (e == 0)
		e = nsn_profile_number(p, json, "index", N_ARGS - 1, &index);
	if (e == 0)
		e = nsn_profile_number(p, json, "value", INT64_MAX, &a);
	if (e == 0)
		e = nsn_profile_number(p, json, "valueTwo", INT64_MAX, &b);
	if (e == 0)
		e = nsn_profile_operator(p, json_object_get(json, "op"), &op);
	if (e < 0)
		return e;
	if (index == UINT64_MAX)
		return nsn_profile_refuse(p, "there is no index");
	*ret = (struct scmp_arg_cmp){(unsigned int)index, (enum scmp_compare)op, a, b};
	return 0;
}

static int read_args(struct nsn_profile *p, const json_t *entry, struct scmp_arg_cmp *ret,
		     unsigned int *n)
{
	const size_t len = strlen(p->at);
	unsigned int seen = 0;
	json_t *args = NULL, *arg;
	size_t i;
	int e = nsn_profile_list(p, entry, "args", &args);

	if (e < 0)
		return e;
	if (json_array_size(args) > N_ARGS)
		return nsn_profile_refuse(p, "a call has six arguments");
	json_array_foreach(args, i, arg)
	{
		snprintf(p->at + len, sizeof(p->at) - len, ".args[%zu]", i);
		e = read_arg(p, arg, &ret[i]);
		if (e < 0)
			return e;
		/* All hold, or any? Runtimes do not agree. */
		if (seen >> ret[i].arg & 1)
			return nsn_profile_refuse(
				p,
				"argument %u was looked at before; another entry of "
				"'syscalls' says what else it may be",
				ret[i].arg);
		seen |= 1U << ret[i].arg;
	}
	p->at[len] = '\0';
	*n = (unsigned int)json_array_size(args);
	return 0;
}

static int add_rule(struct nsn_profile *p, const char *call, uint32_t act,
		    const struct scmp_arg_cmp *args, unsigned int n)
{
	const int nr = seccomp_syscall_resolve_name(call);
	char show[NSN_SHOW_SIZE];
	int e;

	if (++p->n_rules > RULES_MAX)
		return nsn_profile_refuse(p, "there are more than %d rules", RULES_MAX);
	/* The rule would let it through, so without the rule there is less, or as much. */
	if (nr == __NR_SCMP_ERROR && (lets_through(act) || !lets_through(p->otherwise)))
		return 0;
	if (nr == __NR_SCMP_ERROR)
		return nsn_profile_refuse(
			p, "the system call %s is not known here, so it would be let through",
			nsn_text_show(call, show, sizeof(show)));
	p->highest = nr > p->highest ? nr : p->highest;
	/* libseccomp takes none that say what happens anyway. */
	if (act == p->otherwise)
		return 0;
	/* Negative: not of this architecture, but it may be of another one of the profile. */
	e = seccomp_rule_add_array(p->ctx, act, nr, n, args);
	if (e == -ENOMEM)
		return nsn_err_nomem(p->err);
	if (e < 0)
		return nsn_profile_refuse(p, "%s: the rule cannot be added to those before: %s",
					  nsn_text_show(call, show, sizeof(show)), strerror(-e));
	return 0;
}

int nsn_profile_entry(struct nsn_profile *p, json_t *entry)
{
	static const char *const keys[] = {"names", "name",    "action",   "errnoRet", "errno",
					   "args",  "comment", "includes", "excludes", NULL};
	struct scmp_arg_cmp args[N_ARGS] = {{0}};
	json_t *names = NULL, *name;
	unsigned int n = 0;
	bool here = false;
	uint32_t act = 0;
	size_t i;
	int e = nsn_profile_only(p, entry, keys);

	if (e == 0)
		e = nsn_profile_action(p, entry, "action", "errnoRet", "errno", &act);
	if (e == 0)
		e = read_args(p, entry, args, &n);
	if (e == 0)
		e = nsn_profile_list(p, entry, "names", &names);
	if (e == 0)
		e = applies(p, entry, &here);
	if (e < 0)
		return e;
	name = json_object_get(entry, "name");
	if (name ? !json_is_string(name) || names : json_array_size(names) == 0)
		return nsn_profile_refuse(p, "there have to be 'names', a list of system calls");
	if (here && name)
		return add_rule(p, json_string_value(name), act, args, n);
	json_array_foreach(names, i, name)
	{
		if (!json_is_string(name))
			return nsn_profile_refuse(p, "names[%zu] is not a word", i);
		e = here ? add_rule(p, json_string_value(name), act, args, n) : 0;
		if (e < 0)
			return e;
	}
	return 0;
}

/* ---- architectures ------------------------------------------------------------------------ */

/* Adds those of @list that this machine has beside its own; @own_there: ours is in it. */
static int add_arches(struct nsn_profile *p, const json_t *list, bool *own_there)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		uint32_t arch = 0;
		int e = nsn_profile_arch(p, item, &arch);

		if (e < 0)
			return e;
		*own_there |= arch == nsn_profile_own()->arch;
		if (arch != nsn_profile_own()->beside)
			continue;
		e = seccomp_arch_add(p->ctx, arch);
		if (e < 0 && e != -EEXIST)
			return nsn_profile_refuse(p, "architectures: %s", strerror(-e));
	}
	return 0;
}

/* Docker's: which others go with which. */
static int read_map(struct nsn_profile *p, json_t *map, bool *own_there)
{
	static const char *const keys[] = {"architecture", "subArchitectures", NULL};
	json_t *item, *sub = NULL;
	size_t i;

	json_array_foreach(map, i, item)
	{
		bool ignored = false;
		uint32_t arch = 0;
		int e = nsn_profile_only(p, item, keys);

		if (e == 0)
			e = nsn_profile_arch(p, json_object_get(item, "architecture"), &arch);
		if (e == 0)
			e = nsn_profile_list(p, item, "subArchitectures", &sub);
		if (e == 0 && arch == nsn_profile_own()->arch) {
			*own_there = true;
			e = add_arches(p, sub, &ignored);
		}
		if (e < 0)
			return e;
	}
	return 0;
}

int nsn_profile_arches(struct nsn_profile *p, const json_t *root)
{
	bool own_there = false;
	json_t *flat = NULL, *map = NULL;
	int e = nsn_profile_list(p, root, "architectures", &flat);

	if (e == 0)
		e = nsn_profile_list(p, root, "archMap", &map);
	if (e == 0)
		e = add_arches(p, flat, &own_there);
	if (e == 0)
		e = read_map(p, map, &own_there);
	if (e == 0 && !own_there && (json_array_size(flat) > 0 || json_array_size(map) > 0))
		return nsn_profile_refuse(p, "it is for other machines than this one (%s)",
					  nsn_profile_own()->name);
	return e;
}
