/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "optout.h"

#include <errno.h>
#include <string.h>

#include <linux/capability.h>

#include "base/cleanup.h"
#include "model/policy.h"
#include "spawn/confine.h"
#include "spawn/look.h"
#include "store/exceptions.h"

/* What a namespace of the host's shows and lets do. NULL: never shared. */
static const char *const exposes[NSNET_NS_COUNT] = {
	[NSNET_NS_PID] =
		"The workload sees all processes of the host with their command lines, and "
		"may signal those that have its own user numbers.",
	[NSNET_NS_IPC] =
		"The workload sees the host's System V shared memory, semaphores and message "
		"queues and its POSIX message queues, and may use those that are open to all.",
	[NSNET_NS_UTS] = "The workload sees the host's name and its changes. It cannot change it.",
	[NSNET_NS_USER] =
		"No user namespace stands between the workload and the host: its processes "
		"are plain users of the host with the tenant's numbers, and each kernel "
		"bug that needs no privilege is in reach.",
	[NSNET_NS_CGROUP] =
		"The workload sees where it is in the host's control groups, and so names "
		"of others.",
};

void nsn_optouts_clear(struct nsn_optouts *o)
{
	nsn_arena_free(&o->mem);
	*o = (struct nsn_optouts){0};
}

static int add(struct nsn_optouts *o, const char *kind, const char *what, struct nsnet_err *err)
{
	if (!kind)
		return nsn_err_nomem(err);
	o->list[o->n++] = (struct nsn_optout){.kind = kind, .exposes = what};
	return 0;
}

static int not_shareable(struct nsnet_err *err, const char *text, const char *why)
{
	return nsn_err(err, -EINVAL, NSNET_E_NOT_SHAREABLE, "'%s' is refused: %s", text, why);
}

static int read_share(struct nsn_optouts *o, const char *text, struct nsnet_err *err)
{
	const size_t len = strcspn(text, "=");
	char shown[NSN_SHOW_SIZE];
	int ns;

	for (ns = 0; ns < NSNET_NS_COUNT; ns++)
		if (strlen(nsn_ns_word(ns)) == len && memcmp(nsn_ns_word(ns), text, len) == 0)
			break;
	if (ns == NSNET_NS_COUNT || strcmp(text + len, "=host") != 0) {
		nsn_err(err, -EINVAL, NSNET_E_BAD_RUN, "--share '%s' is no namespace of the host's",
			nsn_text_show(text, shown, sizeof(shown)));
		return nsn_err_hint(err, -EINVAL,
				    "one of pid=host, ipc=host, uts=host, user=host, cgroup=host");
	}
	if (ns == NSNET_NS_NET)
		return not_shareable(err, text,
				     "a tenant's workload lives in its tenant's network");
	if (ns == NSNET_NS_MNT)
		return not_shareable(err, text,
				     "with the host's mounts it could reach all of its files; "
				     "`--volume` gives it single ones");
	if (ns == NSNET_NS_TIME)
		return not_shareable(err, text,
				     "the host's clock is the default; `--time` gives it "
				     "a time namespace");
	if (o->share & 1u << ns)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_RUN, "--share '%s' is given twice", text);
	o->share |= 1u << ns;
	return add(o, nsn_arena_strdup(&o->mem, text), exposes[ns], err);
}

/* With these in the initial user namespace a process leaves its network, or the machine is its. */
static const int never_of_host[] = {CAP_NET_ADMIN,  CAP_SYS_ADMIN, CAP_SYS_PTRACE,
				    CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_DAC_READ_SEARCH};

static int read_cap(struct nsn_optouts *o, const char *text, struct nsnet_err *err)
{
	const bool host = o->share & 1u << NSNET_NS_USER;
	const char *what;
	int cap;
	int r = nsn_cap_parse(text, &cap, err);

	if (r < 0)
		return r;
	for (size_t i = 0; host && i < NSN_COUNT(never_of_host); i++)
		if (cap == never_of_host[i])
			return not_shareable(
				err, "user=host",
				"with this capability in the host's user namespace the "
				"tenant could change its gateway, or the host");
	if (o->caps & UINT64_C(1) << cap)
		return 0;
	o->caps |= UINT64_C(1) << cap;
	what = nsn_cap_exposes(cap);
	if (host)
		what = "With the host's user namespace this capability is one over the host.";
	else if (what)
		what = nsn_arena_printf(&o->mem, "%s %s.", nsn_cap_name(cap), what);
	else
		return 0;
	if (!what)
		return nsn_err_nomem(err);
	return add(o, nsn_arena_printf(&o->mem, "cap=%s", nsn_cap_name(cap)), what, err);
}

static bool blank(const char *s)
{
	return !s || !s[strspn(s, " \t")];
}

static int check_reason(const struct nsn_optouts *o, const struct nsnet_run_def *def,
			struct nsnet_err *err)
{
	if (o->n == 0) {
		if (!def->because && !def->until)
			return 0;
		return nsn_err(err, -EINVAL, NSNET_E_BAD_RUN,
			       "%s is for opt-outs of isolation, and there is none",
			       def->because ? "--because" : "--until");
	}
	if (blank(def->because)) {
		nsn_err(err, -EINVAL, NSNET_E_NEEDS_REASON, "%s needs a reason. %s",
			o->list[0].kind, o->list[0].exposes);
		return nsn_err_hint(err, -EINVAL, "--because \"CHG-1042: what it is needed for\"");
	}
	if (!nsn_exception_because_ok(def->because))
		return nsn_err(err, -EINVAL, NSNET_E_NEEDS_REASON,
			       "the reason is too long, or has control characters in it");
	return 0;
}

/* Two that together are more than each. */
static const char *dangerous_pair(const struct nsn_optouts *o)
{
	const bool pid = o->share & 1u << NSNET_NS_PID, ipc = o->share & 1u << NSNET_NS_IPC;
	const bool user = o->share & 1u << NSNET_NS_USER;

	if (pid && o->caps & UINT64_C(1) << CAP_SYS_PTRACE)
		return "pid=host with SYS_PTRACE: it may read the memory of the host's processes "
		       "that have its numbers";
	if (pid && user)
		return "pid=host with user=host: nothing but numbers tells it from the host's "
		       "users";
	if (ipc && user)
		return "ipc=host with user=host: it may use what is open to all users of the host";
	if (user && o->caps)
		return "user=host with a capability: it holds over the host";
	return NULL;
}

int nsn_optouts_read(const struct nsnet_run_def *def, int64_t now, struct nsn_optouts *ret,
		     struct nsnet_err *err)
{
	const char *pair;
	int r = 0;

	for (size_t i = 0; r == 0 && i < def->n_shares; i++)
		r = read_share(ret, def->shares[i], err);
	for (size_t i = 0; r == 0 && i < def->n_caps; i++)
		r = read_cap(ret, def->caps[i], err);
	if (r == 0 && def->seccomp)
		r = add(ret, "seccomp", "The filter of system calls is another one than nsnet's.",
			err);
	if (r == 0)
		r = check_reason(ret, def, err);
	if (r < 0)
		return r;
	pair = dangerous_pair(ret);
	if (pair && !def->dangerous) {
		nsn_err(err, -EINVAL, NSNET_E_DANGEROUS, "%s", pair);
		return nsn_err_hint(err, -EINVAL, "--dangerous, when that is what you want");
	}
	if (def->until)
		r = nsn_time_parse(&ret->until, def->until, err);
	if (r == 0 && def->until && ret->until <= now)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_TIME, "--until %s is past", def->until);
	return r;
}
