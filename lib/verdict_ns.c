/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict_ns.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/ids.h"

/* The first thing that was seen is what is told. */
static void saw(struct nsn_shown *s, bool it, const char *what)
{
	if (it && !s->seen) {
		s->seen = true;
		s->what = what;
	}
}

/* The first thing that kept it from being shown. */
static void miss(struct nsn_shown *s, const char *why)
{
	if (!s->untested)
		s->missed = why;
	s->untested = true;
}

/* Several of them in one text: not by strerror(), which may have room for one. */
static const char *reason(int code)
{
	const char *text = code < 0 ? "not tried" : strerrordesc_np(code);

	return text ? text : "an error that has no name";
}

/* A control, or an act of its own. */
static void need(struct nsn_shown *s, int code, const char *what)
{
	if (code != 0)
		miss(s, nsn_arena_printf(s->mem, "%s: %s", what, reason(code)));
}

/*
 * What should not be there: only @none says that it is not, 0 and @also that it is. Anything else
 * says that nobody could look, which is no isolation.
 */
static void absent(struct nsn_shown *s, int code, int none, int also, const char *what)
{
	if (code == 0 || (also && code == also))
		saw(s, true, nsn_arena_printf(s->mem, "it %s", what));
	else if (code != none)
		miss(s, nsn_arena_printf(s->mem, "whether it %s could not be seen: %s", what,
					 reason(code)));
}

/* For evidence: "succeeded", "refused (Operation not permitted)". */
static const char *did(const struct nsn_shown *s, int code)
{
	const char *text;

	if (code <= 0)
		return code == 0 ? "succeeded" : "not tried";
	text = nsn_arena_printf(s->mem, "refused (%s)", reason(code));
	return text ? text : "";
}

static const char *said(int code)
{
	return code == 0 ? "found" : reason(code);
}

/* ---- pid ----------------------------------------------------------------------------------- */

/*
 * A process that is there but not ours to signal is EPERM: it is seen. A number means another one
 * in each namespace, so it is asked by name, too. Only a procfs of the pid namespace says something
 * about it; another one is about mounts. What is mounted on /proc inside can lie about the name: to
 * make somebody else of the host's process, whose namespace the number of the kernel tells then.
 */
static void show_pid(struct nsn_shown *s)
{
	const struct nsn_canary_acts *in = &s->e->in;
	const struct nsn_canary_outside *out = &s->e->out;
	const bool named = strcmp(in->host_comm, s->e->token) == 0;
	const bool stranger = in->own_proc && in->host_comm[0] && !named;

	need(s, out->kill, "the host's process could not be found from outside");
	need(s, in->kill_self, "it could not signal itself");
	saw(s, in->own_proc && named, "a process of the host is in its /proc");
	if (!stranger)
		absent(s, in->kill_host, ESRCH, EPERM, "can name a process of the host");
	saw(s, out->proc.pids < 2, "it has no number but the host's");
	s->inside = nsn_arena_printf(
		s->mem,
		"getpid() is %d; signal 0 to itself %s; to the host's process: %s; "
		"/proc has %u processes%s",
		in->pid, did(s, in->kill_self), said(in->kill_host), in->processes,
		in->own_proc ? "" : " (and is not of its pid namespace)");
	s->outside = nsn_arena_printf(s->mem,
				      "the same process is %d; signal 0 to the host's process %s",
				      (int)out->pid, did(s, out->kill));
}

/* ---- net ----------------------------------------------------------------------------------- */

/* What a kernel puts into each new network when it has tunnels (net.core.fb_tunnels_only...). */
static bool is_fallback(const char *name)
{
	static const char *const names[] = {"sit0",    "tunl0",	  "gre0",    "gretap0", "erspan0",
					    "ip6tnl0", "ip6gre0", "ip_vti0", "ip6_vti0"};

	for (size_t i = 0; i < NSN_COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool other_links(const char *links)
{
	char text[sizeof(((struct nsn_canary_proc *)NULL)->links)];
	char *save = NULL;

	(void)snprintf(text, sizeof(text), "%s", links);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		if (strcmp(w, "lo") != 0 && strcmp(w, "eth0") != 0 && !is_fallback(w))
			return true;
	return false;
}

/*
 * ECONNREFUSED from an abstract socket says that there is none. EPERM does not: the kernel looks
 * for it first, and asks Landlock when it has found it.
 */
static void show_net(struct nsn_shown *s)
{
	const struct nsn_canary_acts *in = &s->e->in;
	const struct nsn_canary_outside *out = &s->e->out;
	const char *links = out->proc.links;

	need(s, out->tcp, "the host's own listener could not be reached from outside");
	need(s, out->abstract, "the host's abstract socket could not be reached from outside");
	need(s, in->tcp_own, "it could not reach its own listener");
	need(s, in->abstract_own, "it could not reach its own abstract socket");
	need(s, links[0] ? 0 : ENODATA, "its links could not be listed");
	saw(s, out->tcp_reached, "it reached a listener of the host on 127.0.0.1");
	/* Who was reached and is not the host's has the same port inside. */
	if (in->tcp_host != 0)
		absent(s, in->tcp_host, ECONNREFUSED, 0, "reaches a listener of the host");
	saw(s, out->abstract_reached, "it reached an abstract socket of the host");
	absent(s, in->abstract_host, ECONNREFUSED, EPERM, "found an abstract socket of the host");
	saw(s, out->tcp_inside == 0, "the host reached its listener on 127.0.0.1");
	absent(s, out->abstract_inside, ECONNREFUSED, EPERM,
	       "has an abstract socket that the host finds");
	saw(s, other_links(links), "it has links that nsnet did not make");
	s->inside = nsn_arena_printf(
		s->mem,
		"links: %s; its own listener and abstract socket: %s, %s; the host's: %s, %s",
		links, said(in->tcp_own), said(in->abstract_own), said(in->tcp_host),
		said(in->abstract_host));
	s->outside = nsn_arena_printf(
		s->mem, "the host's listener and abstract socket: %s, %s; those inside: %s, %s",
		said(out->tcp), said(out->abstract), said(out->tcp_inside),
		said(out->abstract_inside));
}

/* ---- mnt ----------------------------------------------------------------------------------- */

/* A file where a folder should be is as good as none. */
static int no_path(int code)
{
	return code == ENOTDIR ? ENOENT : code;
}

/* In a workload that lives /tmp may be a volume, which is no matter of namespaces. */
static void show_mnt(struct nsn_shown *s)
{
	const struct nsn_canary_acts *in = &s->e->in;
	const struct nsn_canary_outside *out = &s->e->out;
	const bool volume = s->e->joined && (out->file_inside == 0 || in->tmp_host == 0);

	need(s, out->file, "the host's own file could not be opened from outside");
	need(s, s->e->joined ? 0 : out->tmp, "the host's own /tmp could not be used");
	need(s, in->file_own, "it could not make a file of its own in /tmp");
	need(s, out->file_seen, "its file could not be seen through /proc from outside");
	need(s, volume ? EEXIST : 0, "its /tmp seems to be a folder of the host");
	absent(s, no_path(in->file_host), ENOENT, 0, "sees a file of the host");
	if (!s->e->joined) {
		absent(s, no_path(in->tmp_host), ENOENT, 0, "sees a file in the host's /tmp");
		absent(s, out->file_inside, ENOENT, 0, "has the host's /tmp");
	}
	saw(s, out->proc.peers > 0, "its mounts get events from others, or pass them on");
	s->inside = nsn_arena_printf(
		s->mem, "own file in /tmp %s; the host's files: %s, %s; mounts with peers: %u",
		did(s, in->file_own), said(in->file_host), said(in->tmp_host), out->proc.peers);
	s->outside = nsn_arena_printf(s->mem,
				      "the host's files: %s, %s; the file inside: %s in /tmp, %s "
				      "through /proc/%d/root",
				      said(out->file), said(out->tmp), said(out->file_inside),
				      said(out->file_seen), (int)out->pid);
}

/* ---- ipc, uts ------------------------------------------------------------------------------ */

static void show_ipc(struct nsn_shown *s)
{
	const struct nsn_canary_acts *in = &s->e->in;
	const struct nsn_canary_outside *out = &s->e->out;

	need(s, out->shm, "the host's shared memory could not be found from outside");
	need(s, out->mq, "the host's message queue could not be found from outside");
	need(s, in->shm_own, "it could not make shared memory");
	need(s, in->mq_own, "it could not make a message queue");
	absent(s, in->shm_host, ENOENT, EACCES, "finds shared memory of the host");
	absent(s, in->mq_host, ENOENT, EACCES, "finds a message queue of the host");
	absent(s, out->shm_inside, ENOENT, EACCES, "has shared memory that the host finds");
	absent(s, out->mq_inside, ENOENT, EACCES, "has a message queue that the host finds");
	s->inside = nsn_arena_printf(
		s->mem, "own shared memory and message queue: %s, %s; the host's: %s, %s",
		did(s, in->shm_own), did(s, in->mq_own), said(in->shm_host), said(in->mq_host));
	s->outside = nsn_arena_printf(
		s->mem, "the host's shared memory and message queue: %s, %s; those inside: %s, %s",
		said(out->shm), said(out->mq), said(out->shm_inside), said(out->mq_inside));
}

/*
 * It may not give itself a name, so that is no act. The act is that of its first process, which
 * had the right: a name that the host has not.
 */
static void show_uts(struct nsn_shown *s)
{
	const struct nsn_canary_acts *in = &s->e->in;
	const struct nsn_canary_outside *out = &s->e->out;
	const bool same = strcmp(in->name, out->name) == 0;

	need(s, in->name[0] && out->name[0] ? 0 : ENODATA, "a name could not be read");
	if (same)
		miss(s, nsn_arena_printf(s->mem,
					 "both have the same name '%s', which tells "
					 "nothing",
					 in->name));
	if (!s->e->joined)
		need(s, strcmp(in->name, s->e->token) == 0 ? 0 : ENOMSG,
		     "it has not got the name that it was given");
	saw(s, !s->e->joined && strcmp(out->name, s->e->token) == 0,
	    "the host has got the name that was given inside");
	saw(s, in->rename == 0, "it may change its name");
	s->inside = nsn_arena_printf(s->mem, "its name is %s%s; sethostname() %s", in->name,
				     s->e->joined ? "" : ", as its first process set it",
				     did(s, in->rename));
	s->outside = nsn_arena_printf(s->mem, "the host's name is still %s", out->name);
}

/* ---- user ---------------------------------------------------------------------------------- */

/* No number of the host's own but the one that --map-user gives, and never root. */
static bool bad_map(const struct nsn_canary_proc *is)
{
	if (is->n_rows == 0 || is->n_rows > NSN_COUNT(is->rows))
		return true;
	for (size_t i = 0; i < is->n_rows; i++) {
		const uint32_t from = is->rows[i].outside;

		if (from == 0 || (from < NSN_IDS_RANGE && is->rows[i].count != 1))
			return true;
	}
	return false;
}

static const char *map_text(const struct nsn_shown *s)
{
	const struct nsn_canary_proc *is = &s->e->out.proc;
	const char *text = "";

	for (size_t i = 0; i < is->n_rows && i < NSN_COUNT(is->rows) && text; i++)
		text = nsn_arena_printf(s->mem, "%s%s%" PRIu32 " is %" PRIu32 " (%" PRIu32 ")",
					text, i ? ", " : "", is->rows[i].inside,
					is->rows[i].outside, is->rows[i].count);
	return text ? text : "";
}

/*
 * What is refused says nothing: a process without capabilities is refused in any user namespace.
 * What tells is who it is, on both sides, and whose the file is that it made.
 */
static void show_user(struct nsn_shown *s)
{
	const struct nsn_canary_acts *in = &s->e->in;
	const struct nsn_canary_outside *out = &s->e->out;
	const uint32_t base = s->want->base;

	need(s, in->file_own, "it could not make a file");
	need(s, out->file_seen, "its file could not be seen from outside");
	saw(s, bad_map(&out->proc), "its map has numbers of the host");
	saw(s, in->uid == out->uid, "it is the same user inside and outside");
	saw(s, out->uid < NSN_IDS_RANGE, "it is a user of the host");
	saw(s, base && out->uid - base >= NSN_IDS_RANGE, "it is not a user of its tenant");
	saw(s, out->file_seen == 0 && in->file_own == 0 && in->file_uid == out->file_uid,
	    "its file has the same owner inside and outside");
	saw(s, out->proc.caps != 0 && !s->e->joined, "it has capabilities");
	saw(s, in->set_clock == 0, "it may set the clock");
	saw(s, in->make_device == 0, "it may make devices");
	saw(s, in->open_sysctl == 0, "it may write to /proc/sys");
	s->inside = nsn_arena_printf(
		s->mem,
		"it is user %" PRIu32 ", so is its file's owner (%" PRIu32 "); map: %s; "
		"capabilities: %#" PRIx64 "; clock_settime, mknod, core_pattern: %s, %s, %s",
		in->uid, in->file_uid, map_text(s), out->proc.caps, did(s, in->set_clock),
		did(s, in->make_device), did(s, in->open_sysctl));
	s->outside = nsn_arena_printf(s->mem,
				      "it is user %" PRIu32 "; the owner of its file is %" PRIu32
				      "; its tenant has %" PRIu32 " to %" PRIu32,
				      out->uid, out->file_uid, base, base + NSN_IDS_RANGE - 1);
}

/* ---- cgroup, time -------------------------------------------------------------------------- */

static void show_cgroup(struct nsn_shown *s)
{
	const struct nsn_canary_acts *in = &s->e->in;
	const struct nsn_canary_outside *out = &s->e->out;
	const bool own = s->want->group && strcmp(out->group_path, s->want->group) == 0;

	need(s, in->group, "its control groups could not be read inside");
	need(s, out->group, "its control groups could not be read outside");
	if (!own)
		miss(s, nsn_arena_printf(s->mem, "it is in no control group of its own, but in %s",
					 out->group_path));
	saw(s, in->group == 0 && strcmp(in->group_path, "/") != 0,
	    "it sees where it is in the host's control groups");
	s->inside = nsn_arena_printf(s->mem, "it is in %s of each hierarchy", in->group_path);
	s->outside = nsn_arena_printf(s->mem, "it is in %s", out->group_path);
}

static void show_time(struct nsn_shown *s)
{
	const int64_t in = s->e->in.boottime, out = s->e->out.boottime;

	if (in >= out - 1 && in <= out + 1)
		miss(s, nsn_arena_printf(s->mem,
					 "both clocks say %" PRId64 " s since boot, which tells "
					 "nothing",
					 out));
	s->inside = nsn_arena_printf(s->mem, "%" PRId64 " s since boot", in);
	s->outside = nsn_arena_printf(s->mem, "%" PRId64 " s since boot", out);
}

void (*const nsn_show_ns[NSNET_NS_COUNT])(struct nsn_shown *s) = {
	[NSNET_NS_PID] = show_pid,	 [NSNET_NS_NET] = show_net,   [NSNET_NS_MNT] = show_mnt,
	[NSNET_NS_IPC] = show_ipc,	 [NSNET_NS_UTS] = show_uts,   [NSNET_NS_USER] = show_user,
	[NSNET_NS_CGROUP] = show_cgroup, [NSNET_NS_TIME] = show_time,
};
