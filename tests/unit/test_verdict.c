// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/base/text.h"
#include "../../lib/model/ids.h"
#include "../../lib/verdict.h"

/*
 * What evidence means. It begins with that of a workload that is isolated; each row of the table
 * changes one thing of it and says what becomes of which namespace. All the others have to stay as
 * they were.
 */

#define HOST  4026531000u
#define OWN   4026532000u
#define OTHER 4026533000u
#define BASE  1879048192u
#define TOKEN "nsc-00c0ffee"
#define GROUP "/nsnet/0123456789ab"

/* Both of the fields that are changed, and of whom is asked. */
struct scene {
	struct nsn_evidence e;
	struct nsn_expected want;
	struct nsn_look born;
	struct nsn_record other;
	struct nsn_record_list others;
	struct nsn_exception exception;
	struct nsn_exception_list exceptions;
};

static void isolated_look(struct scene *s)
{
	struct nsn_look *is = &s->e.look, *host = &s->e.host;

	for (unsigned int ns = 0; ns < NSNET_NS_COUNT; ns++) {
		host->ns[ns] = HOST + ns;
		is->ns[ns] = OWN + ns;
		is->owner[ns] = OWN + NSNET_NS_USER;
	}
	is->owner[NSNET_NS_NET] = is->owner[NSNET_NS_USER] = HOST + NSNET_NS_USER;
	is->owner[NSNET_NS_TIME] = HOST + NSNET_NS_USER;
	is->ns[NSNET_NS_TIME] = host->ns[NSNET_NS_TIME];
	s->born = *is;
}

static void isolated_inside(struct nsn_canary_acts *in)
{
	*in = (struct nsn_canary_acts){
		.pid = 3,
		.kill_host = ESRCH,
		.own_proc = true,
		.processes = 2,
		.port = 1024,
		.tcp_host = ECONNREFUSED,
		.abstract_host = ECONNREFUSED,
		.file_host = ENOENT,
		.tmp_host = ENOENT,
		.shm_host = ENOENT,
		.mq_host = ENOENT,
		.name = TOKEN,
		.rename = EPERM,
		.set_clock = EPERM,
		.make_device = EPERM,
		.open_sysctl = EACCES,
		.group_path = "/",
		.boottime = 1,
	};
}

static void isolated_outside(struct nsn_canary_outside *out)
{
	*out = (struct nsn_canary_outside){
		.tcp_inside = ECONNREFUSED,
		.abstract_inside = ECONNREFUSED,
		.file_inside = ENOENT,
		.shm_inside = ENOENT,
		.mq_inside = ENOENT,
		.pid = 4711,
		.uid = BASE,
		.file_uid = BASE,
		.proc = {.pids = 2, .links = "lo eth0", .n_rows = 1},
		.name = "host",
		.group_path = GROUP,
		.boottime = 1000,
	};
	out->proc.rows[0].outside = BASE;
	out->proc.rows[0].count = NSN_IDS_RANGE;
}

static void isolated(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->e.talked = true;
	memcpy(s->e.token, TOKEN, sizeof(TOKEN));
	isolated_look(s);
	isolated_inside(&s->e.in);
	isolated_outside(&s->e.out);
	memcpy(s->other.id, "ba9876543210", 13);
	for (unsigned int ns = 0; ns < NSNET_NS_COUNT; ns++)
		s->other.look.ns[ns] = OTHER + ns;
	s->others = (struct nsn_record_list){.list = &s->other, .n = 1};
	s->exception = (struct nsn_exception){.id = 7, .kind = "none=host"};
	s->exceptions = (struct nsn_exception_list){.list = &s->exception, .n = 1};
	s->want = (struct nsn_expected){
		.net = OWN + NSNET_NS_NET,
		.born = &s->born,
		.base = BASE,
		.group = GROUP,
		.exceptions = &s->exceptions,
		.others = &s->others,
		.id = "0123456789ab",
		.now = 1000,
	};
}

/* ---- one thing is otherwise ------------------------------------------------------------------ */

#define IN(what)  s->e.in.what
#define OUT(what) s->e.out.what
#define ROW(name, body)                                                                            \
	static void name(struct scene *s)                                                          \
	{                                                                                          \
		body;                                                                              \
	}

ROW(nothing, (void)s)
/* pid */
ROW(pid_found, IN(kill_host) = 0)
ROW(pid_not_ours, IN(kill_host) = EPERM)
ROW(pid_somebody_else, (IN(kill_host) = EPERM, strcpy(IN(host_comm), "bash")))
ROW(pid_elsewhere, (IN(kill_host) = EPERM, IN(own_proc) = false, strcpy(IN(host_comm), "bash")))
ROW(pid_named, strcpy(IN(host_comm), TOKEN))
ROW(pid_one_number, OUT(proc.pids) = 1)
ROW(pid_same_number, IN(pid) = 4711)
ROW(pid_denied, IN(kill_host) = ENOSYS)
ROW(pid_not_tried, IN(kill_host) = -1)
ROW(pid_no_self, IN(kill_self) = EPERM)
ROW(pid_no_control, OUT(kill) = ESRCH)
/* net */
ROW(net_reached, OUT(tcp_reached) = true)
ROW(net_other_listener, IN(tcp_host) = 0)
ROW(net_dropped, IN(tcp_host) = ETIMEDOUT)
ROW(net_abstract, IN(abstract_host) = 0)
ROW(net_landlock, IN(abstract_host) = EPERM)
ROW(net_denied, IN(abstract_host) = EAFNOSUPPORT)
ROW(net_abstract_reached, OUT(abstract_reached) = true)
ROW(net_from_host, OUT(tcp_inside) = 0)
ROW(net_abstract_from_host, OUT(abstract_inside) = 0)
ROW(net_link, strcpy(OUT(proc.links), "lo eth0 eth1"))
ROW(net_fallback, strcpy(OUT(proc.links), "lo tunl0 sit0 eth0"))
ROW(net_no_links, OUT(proc.links)[0] = '\0')
ROW(net_no_own, IN(tcp_own) = ENETUNREACH)
ROW(net_no_own_abstract, IN(abstract_own) = EPERM)
ROW(net_no_control, OUT(tcp) = ECONNREFUSED)
ROW(net_no_abstract_control, OUT(abstract) = ECONNREFUSED)
/* mnt */
ROW(mnt_file, IN(file_host) = 0)
ROW(mnt_no_folder, IN(file_host) = ENOTDIR)
ROW(mnt_closed, IN(file_host) = EACCES)
ROW(mnt_tmp, IN(tmp_host) = 0)
ROW(mnt_same_tmp, OUT(file_inside) = 0)
ROW(mnt_peers, OUT(proc.peers) = 1)
ROW(mnt_no_control, OUT(file) = ENOENT)
ROW(mnt_no_tmp_control, OUT(tmp) = ENOENT)
/* ipc */
ROW(ipc_shm, IN(shm_host) = 0)
ROW(ipc_shm_not_ours, IN(shm_host) = EACCES)
ROW(ipc_shm_denied, IN(shm_host) = ENOSYS)
ROW(ipc_mq, IN(mq_host) = 0)
ROW(ipc_mq_not_ours, IN(mq_host) = EACCES)
ROW(ipc_mq_denied, IN(mq_host) = EPERM)
ROW(ipc_shm_outside, OUT(shm_inside) = 0)
ROW(ipc_mq_outside, OUT(mq_inside) = 0)
ROW(ipc_no_own, IN(shm_own) = EPERM)
ROW(ipc_no_own_mq, IN(mq_own) = EPERM)
ROW(ipc_no_control, OUT(shm) = ENOENT)
ROW(ipc_no_mq_control, OUT(mq) = ENOENT)
/* uts */
ROW(uts_given, strcpy(OUT(name), TOKEN))
ROW(uts_same, (strcpy(OUT(name), "x"), strcpy(IN(name), "x")))
ROW(uts_no_act, strcpy(IN(name), "another"))
ROW(uts_rename, IN(rename) = 0)
ROW(uts_no_name, IN(name)[0] = '\0')
/* user */
ROW(user_same, IN(uid) = BASE)
ROW(user_of_host, OUT(uid) = 1000)
ROW(user_of_another, OUT(uid) = BASE + NSN_IDS_RANGE)
ROW(user_file_same, OUT(file_uid) = 0)
ROW(user_root, OUT(proc.rows[0].outside) = 0)
ROW(user_many, OUT(proc.rows[0].outside) = 1000)
ROW(user_one, (OUT(proc.rows[0].outside) = 1000, OUT(proc.rows[0].count) = 1))
ROW(user_no_map, OUT(proc.n_rows) = 0)
ROW(user_long_map, OUT(proc.n_rows) = 5)
ROW(user_caps, OUT(proc.caps) = 1)
ROW(user_clock, IN(set_clock) = 0)
ROW(user_device, IN(make_device) = 0)
ROW(user_sysctl, IN(open_sysctl) = 0)
ROW(user_no_own, IN(file_own) = EROFS)
ROW(user_no_file, OUT(file_seen) = ENOENT)
/* cgroup */
ROW(cgroup_path, strcpy(IN(group_path), GROUP))
ROW(cgroup_above, strcpy(IN(group_path), "/../.."))
ROW(cgroup_no_own, strcpy(OUT(group_path), "/system.slice"))
ROW(cgroup_unread, IN(group) = EACCES)
ROW(cgroup_unread_outside, OUT(group) = EACCES)
/* by number */
ROW(ipc_number, s->e.look.ns[NSNET_NS_IPC] = s->e.host.ns[NSNET_NS_IPC])
ROW(ipc_owner, s->e.look.owner[NSNET_NS_IPC] = HOST + NSNET_NS_USER)
ROW(ipc_no_owner, s->e.look.owner[NSNET_NS_IPC] = 0)
ROW(ipc_none, s->e.look.ns[NSNET_NS_IPC] = 0)
ROW(ipc_another, s->born.ns[NSNET_NS_IPC] = OTHER)
ROW(ipc_of_other, s->other.look.ns[NSNET_NS_IPC] = OWN + NSNET_NS_IPC)
ROW(net_of_other, s->other.look.ns[NSNET_NS_NET] = OWN + NSNET_NS_NET)
ROW(net_other_tenant, s->want.net = OTHER)
ROW(net_lost, (s->want.net = 0, s->want.net_lost = true))
ROW(net_no_tenant, s->want.net = 0)
ROW(net_owner, s->e.look.owner[NSNET_NS_NET] = OWN + NSNET_NS_USER)
ROW(user_parent, s->e.look.owner[NSNET_NS_USER] = OTHER)
/* opt-outs: the host's has to be, and the canary sees it */
ROW(shared, (ipc_number(s), ipc_shm(s)))
ROW(justified, (shared(s), s->exception.kind = "ipc=host"))
ROW(justified_until, (justified(s), s->exception.until = 1001))
ROW(expired, (justified(s), s->exception.until = 1000))
ROW(long_expired, (justified(s), s->exception.until = 1))
ROW(for_another, (shared(s), s->exception.kind = "uts=host"))
ROW(like_it, (shared(s), s->exception.kind = "ipc=host2"))
ROW(a_part_of_it, (shared(s), s->exception.kind = "ip=host"))
ROW(justified_untested, (justified(s), IN(shm_own) = EPERM))
/* an opt-out is for the host's, and not for what is wrong otherwise */
ROW(justified_other, (ipc_of_other(s), s->exception.kind = "ipc=host"))
ROW(justified_seen, (ipc_shm(s), s->exception.kind = "ipc=host"))
ROW(justified_owner, (ipc_owner(s), s->exception.kind = "ipc=host"))
/* contradictions */
ROW(number_alone, ipc_number(s))
ROW(canary_alone, ipc_shm(s))
ROW(seen_and_missed, (ipc_shm(s), IN(mq_own) = EPERM))
ROW(missed_and_seen, (IN(shm_own) = EPERM, ipc_mq(s)))

static const struct row {
	const char *name;
	void (*change)(struct scene *s);
	enum nsnet_ns ns;
	enum nsnet_verdict want;
	bool mnt; /* likewise: a file is about mounts and users */
} rows[] = {
#define R(name, ns, verdict)                                                                       \
	{                                                                                          \
#name, name, NSNET_NS_##ns, NSNET_##verdict                                        \
	}
	R(nothing, PID, ISOLATED),
	R(pid_found, PID, SHARED_UNEXPLAINED),
	R(pid_not_ours, PID, SHARED_UNEXPLAINED),
	R(pid_somebody_else, PID, ISOLATED),
	R(pid_elsewhere, PID, SHARED_UNEXPLAINED),
	R(pid_named, PID, SHARED_UNEXPLAINED),
	R(pid_one_number, PID, SHARED_UNEXPLAINED),
	R(pid_same_number, PID, ISOLATED), /* by chance */
	R(pid_denied, PID, NOT_TESTED),
	R(pid_not_tried, PID, NOT_TESTED),
	R(pid_no_self, PID, NOT_TESTED),
	R(pid_no_control, PID, NOT_TESTED),
	R(net_reached, NET, SHARED_UNEXPLAINED),
	R(net_other_listener, NET, ISOLATED),
	R(net_dropped, NET, NOT_TESTED),
	R(net_abstract, NET, SHARED_UNEXPLAINED),
	R(net_landlock, NET, SHARED_UNEXPLAINED),
	R(net_denied, NET, NOT_TESTED),
	R(net_abstract_reached, NET, SHARED_UNEXPLAINED),
	R(net_from_host, NET, SHARED_UNEXPLAINED),
	R(net_abstract_from_host, NET, SHARED_UNEXPLAINED),
	R(net_link, NET, SHARED_UNEXPLAINED),
	R(net_fallback, NET, ISOLATED),
	R(net_no_links, NET, NOT_TESTED),
	R(net_no_own, NET, NOT_TESTED),
	R(net_no_own_abstract, NET, NOT_TESTED),
	R(net_no_control, NET, NOT_TESTED),
	R(net_no_abstract_control, NET, NOT_TESTED),
	R(mnt_file, MNT, SHARED_UNEXPLAINED),
	R(mnt_no_folder, MNT, ISOLATED),
	R(mnt_closed, MNT, NOT_TESTED),
	R(mnt_tmp, MNT, SHARED_UNEXPLAINED),
	R(mnt_same_tmp, MNT, SHARED_UNEXPLAINED),
	R(mnt_peers, MNT, SHARED_UNEXPLAINED),
	R(mnt_no_control, MNT, NOT_TESTED),
	R(mnt_no_tmp_control, MNT, NOT_TESTED),
	R(ipc_shm, IPC, SHARED_UNEXPLAINED),
	R(ipc_shm_not_ours, IPC, SHARED_UNEXPLAINED),
	R(ipc_shm_denied, IPC, NOT_TESTED),
	R(ipc_mq, IPC, SHARED_UNEXPLAINED),
	R(ipc_mq_not_ours, IPC, SHARED_UNEXPLAINED),
	R(ipc_mq_denied, IPC, NOT_TESTED),
	R(ipc_shm_outside, IPC, SHARED_UNEXPLAINED),
	R(ipc_mq_outside, IPC, SHARED_UNEXPLAINED),
	R(ipc_no_own, IPC, NOT_TESTED),
	R(ipc_no_own_mq, IPC, NOT_TESTED),
	R(ipc_no_control, IPC, NOT_TESTED),
	R(ipc_no_mq_control, IPC, NOT_TESTED),
	R(uts_given, UTS, SHARED_UNEXPLAINED),
	R(uts_same, UTS, NOT_TESTED),
	R(uts_no_act, UTS, NOT_TESTED),
	R(uts_rename, UTS, SHARED_UNEXPLAINED),
	R(uts_no_name, UTS, NOT_TESTED),
	R(user_same, USER, SHARED_UNEXPLAINED),
	R(user_of_host, USER, SHARED_UNEXPLAINED),
	R(user_of_another, USER, SHARED_UNEXPLAINED),
	R(user_file_same, USER, SHARED_UNEXPLAINED),
	R(user_root, USER, SHARED_UNEXPLAINED),
	R(user_many, USER, SHARED_UNEXPLAINED),
	R(user_one, USER, ISOLATED), /* --map-user */
	R(user_no_map, USER, SHARED_UNEXPLAINED),
	R(user_long_map, USER, SHARED_UNEXPLAINED),
	R(user_caps, USER, SHARED_UNEXPLAINED),
	R(user_clock, USER, SHARED_UNEXPLAINED),
	R(user_device, USER, SHARED_UNEXPLAINED),
	R(user_sysctl, USER, SHARED_UNEXPLAINED),
	{"user_no_file", user_no_file, NSNET_NS_USER, NSNET_NOT_TESTED, true},
	{"user_no_own", user_no_own, NSNET_NS_USER, NSNET_NOT_TESTED, true},
	R(cgroup_path, CGROUP, SHARED_UNEXPLAINED),
	R(cgroup_above, CGROUP, SHARED_UNEXPLAINED),
	R(cgroup_no_own, CGROUP, NOT_TESTED),
	R(cgroup_unread, CGROUP, NOT_TESTED),
	R(cgroup_unread_outside, CGROUP, NOT_TESTED),
	R(ipc_number, IPC, SHARED_UNEXPLAINED),
	R(ipc_owner, IPC, SHARED_UNEXPLAINED),
	R(ipc_no_owner, IPC, SHARED_UNEXPLAINED),
	R(ipc_none, IPC, SHARED_UNEXPLAINED),
	R(ipc_another, IPC, SHARED_UNEXPLAINED),
	R(ipc_of_other, IPC, SHARED_UNEXPLAINED),
	R(net_of_other, NET, ISOLATED), /* the tenant's are in one network */
	R(net_other_tenant, NET, SHARED_UNEXPLAINED),
	R(net_lost, NET, NOT_TESTED),
	R(net_no_tenant, NET, ISOLATED),
	R(net_owner, NET, SHARED_UNEXPLAINED),
	R(user_parent, USER, SHARED_UNEXPLAINED),
	R(shared, IPC, SHARED_UNEXPLAINED),
	R(justified, IPC, SHARED_JUSTIFIED),
	R(justified_until, IPC, SHARED_JUSTIFIED),
	R(expired, IPC, SHARED_UNEXPLAINED),
	R(long_expired, IPC, SHARED_UNEXPLAINED),
	R(for_another, IPC, SHARED_UNEXPLAINED),
	R(like_it, IPC, SHARED_UNEXPLAINED),
	R(a_part_of_it, IPC, SHARED_UNEXPLAINED),
	R(justified_untested, IPC, SHARED_JUSTIFIED),
	R(justified_other, IPC, SHARED_UNEXPLAINED),
	R(justified_seen, IPC, SHARED_UNEXPLAINED),
	R(justified_owner, IPC, SHARED_UNEXPLAINED),
	R(number_alone, IPC, SHARED_UNEXPLAINED),
	R(canary_alone, IPC, SHARED_UNEXPLAINED),
	R(seen_and_missed, IPC, SHARED_UNEXPLAINED),
	R(missed_and_seen, IPC, SHARED_UNEXPLAINED),
};

static void judge(const struct scene *s, struct nsn_arena *mem, struct nsnet_finding *f, size_t *n)
{
	struct nsnet_err err = {0};

	if (nsn_judge(&s->e, &s->want, mem, f, n, &err) < 0)
		fail_msg("%s", err.msg);
}

static void check(const struct row *row, const struct nsnet_finding *f)
{
	const bool meant = f->ns == row->ns || (row->mnt && f->ns == NSNET_NS_MNT);
	const enum nsnet_verdict want = meant ? row->want : NSNET_ISOLATED;

	if (f->verdict != want)
		fail_msg("%s: %d is %d, not %d: %s", row->name, f->ns, f->verdict, want, f->why);
	if ((want == NSNET_ISOLATED) != !*f->why || !f->inside || !f->outside || !*f->kernel)
		fail_msg("%s: %d: words: %s", row->name, f->ns, f->why);
	/* What the verdict stands on is told, too. */
	if (want == NSNET_ISOLATED && (f->by_number || f->by_canary || !f->tested))
		fail_msg("%s: %d: isolated for no reason", row->name, f->ns);
	if ((f->exception != 0) != (want == NSNET_SHARED_JUSTIFIED))
		fail_msg("%s: %d: exception %d", row->name, f->ns, (int)f->exception);
}

static void each_thing_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSN_COUNT(rows); i++) {
		NSN_AUTO(nsn_arena_free) struct nsn_arena mem = {0};
		struct nsnet_finding f[NSNET_NS_COUNT];
		struct scene s;
		size_t n;

		isolated(&s);
		rows[i].change(&s);
		judge(&s, &mem, f, &n);
		assert_int_equal(n, NSNET_NS_TIME);
		for (size_t k = 0; k < n; k++)
			check(&rows[i], &f[k]);
	}
}

static void only_the_number_or_only_the_canary_is_told(void **state)
{
	NSN_AUTO(nsn_arena_free) struct nsn_arena mem = {0};
	struct nsnet_finding f[NSNET_NS_COUNT];
	struct scene s;
	size_t n;

	(void)state;
	isolated(&s);
	number_alone(&s);
	judge(&s, &mem, f, &n);
	assert_true(f[NSNET_NS_IPC].by_number && !f[NSNET_NS_IPC].by_canary);
	assert_string_equal(f[NSNET_NS_IPC].why, "it is the host's");
	isolated(&s);
	canary_alone(&s);
	judge(&s, &mem, f, &n);
	assert_true(!f[NSNET_NS_IPC].by_number && f[NSNET_NS_IPC].by_canary);
	isolated(&s);
	expired(&s);
	judge(&s, &mem, f, &n);
	assert_non_null(strstr(f[NSNET_NS_IPC].why, "expired"));
}

/* In one that lives: its name is its own, and a volume on /tmp is no matter of namespaces. */
static void a_guest_is_judged_otherwise(void **state)
{
	static const struct row list[] = {
		R(nothing, PID, ISOLATED),
		R(uts_no_act, UTS, ISOLATED),
		R(uts_same, UTS, NOT_TESTED),
		R(mnt_tmp, MNT, NOT_TESTED),
		R(mnt_same_tmp, MNT, NOT_TESTED),
		R(mnt_file, MNT, SHARED_UNEXPLAINED),
		R(user_caps, USER, ISOLATED), /* the guest's are not the workload's */
		R(cgroup_no_own, CGROUP, NOT_TESTED),
		R(ipc_shm, IPC, SHARED_UNEXPLAINED),
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(list); i++) {
		NSN_AUTO(nsn_arena_free) struct nsn_arena mem = {0};
		struct nsnet_finding f[NSNET_NS_COUNT];
		struct scene s;
		size_t n;

		isolated(&s);
		s.e.joined = true;
		list[i].change(&s);
		judge(&s, &mem, f, &n);
		for (size_t k = 0; k < n; k++)
			check(&list[i], &f[k]);
	}
}

/* Nobody answered: what the numbers say is said, and nothing is isolated. */
static void silence_is_no_isolation(void **state)
{
	NSN_AUTO(nsn_arena_free) struct nsn_arena mem = {0};
	struct nsnet_finding f[NSNET_NS_COUNT];
	struct scene s;
	size_t n;

	(void)state;
	isolated(&s);
	s.e.talked = false;
	strcpy(s.e.why, "it is mute");
	justified(&s);
	judge(&s, &mem, f, &n);
	for (size_t k = 0; k < n; k++) {
		assert_int_equal(f[k].verdict, f[k].ns == NSNET_NS_IPC ? NSNET_SHARED_JUSTIFIED
								       : NSNET_NOT_TESTED);
		if (f[k].ns != NSNET_NS_IPC)
			assert_string_equal(f[k].why, "it is mute");
	}
	assert_int_equal(nsn_judge_nothing("no", &mem, f, &n, NULL), 0);
	assert_int_equal(n, NSNET_NS_TIME);
	for (size_t k = 0; k < n; k++)
		assert_int_equal(f[k].verdict, NSNET_NOT_TESTED);
}

/* Evidence that nobody has filled in. */
static void nothing_at_all_is_no_isolation(void **state)
{
	NSN_AUTO(nsn_arena_free) struct nsn_arena mem = {0};
	static const int fills[] = {0x00, 0xff, 0x01};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(fills); i++) {
		struct nsnet_finding f[NSNET_NS_COUNT];
		struct scene s;
		size_t n;

		isolated(&s);
		memset(&s.e.in, fills[i], sizeof(s.e.in));
		memset(&s.e.out, fills[i], sizeof(s.e.out));
		/* Texts end, and there are but two kinds of bool. */
		s.e.in.own_proc = s.e.out.tcp_reached = s.e.out.abstract_reached = fills[i] & 1;
		s.e.in.name[64] = s.e.in.host_comm[23] = s.e.in.group_path[95] = '\0';
		s.e.out.name[64] = s.e.out.group_path[159] = s.e.out.proc.links[159] = '\0';
		judge(&s, &mem, f, &n);
		for (size_t k = 0; k < n; k++)
			if (f[k].verdict == NSNET_ISOLATED)
				fail_msg("%#x: %d", fills[i], f[k].ns);
	}
}

static void time_is_there_on_request(void **state)
{
	NSN_AUTO(nsn_arena_free) struct nsn_arena mem = {0};
	struct nsnet_finding f[NSNET_NS_COUNT];
	struct scene s;
	size_t n;

	(void)state;
	isolated(&s);
	s.e.look.ns[NSNET_NS_TIME] = s.born.ns[NSNET_NS_TIME] = OWN + NSNET_NS_TIME;
	judge(&s, &mem, f, &n);
	assert_int_equal(n, NSNET_NS_COUNT);
	assert_int_equal(f[NSNET_NS_TIME].verdict, NSNET_ISOLATED);
	s.e.in.boottime = s.e.out.boottime;
	judge(&s, &mem, f, &n);
	assert_int_equal(f[NSNET_NS_TIME].verdict, NSNET_NOT_TESTED);
	/* It was started with one, and has the host's. */
	s.e.look.ns[NSNET_NS_TIME] = s.e.host.ns[NSNET_NS_TIME];
	judge(&s, &mem, f, &n);
	assert_int_equal(n, NSNET_NS_COUNT);
	assert_int_equal(f[NSNET_NS_TIME].verdict, NSNET_SHARED_UNEXPLAINED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_thing_counts),
		cmocka_unit_test(only_the_number_or_only_the_canary_is_told),
		cmocka_unit_test(a_guest_is_judged_otherwise),
		cmocka_unit_test(silence_is_no_isolation),
		cmocka_unit_test(nothing_at_all_is_no_isolation),
		cmocka_unit_test(time_is_there_on_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
