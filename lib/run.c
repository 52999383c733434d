/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run - a workload in a tenant's network
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "exceptions.h"
#include "spawn/bare.h"
#include "start.h"
#include "workloads.h"

/* Looked at before each start, so that what killed supervisors left does not pile up. */
#define SWEEP 8

struct nsnet_run {
	struct nsn_born born;
	struct nsn_record record;
	int folder, lock;
	bool recorded, excepted;
	char *state_dir, *run_dir;
};

NSN_CLEANUP(struct nsnet_run, nsnet_run_free)

int nsn_workloads_folder(const char *run_dir, int *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *path = NULL;

	if (asprintf(&path, "%s/workloads", run_dir) < 0) {
		path = NULL;
		return nsn_err_nomem(err);
	}
	return nsn_dir_open(ret, path, err);
}

int nsn_workloads_look(const char *run_dir, int *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *path = NULL;
	int r;

	if (asprintf(&path, "%s/workloads", run_dir) < 0) {
		path = NULL;
		return nsn_err_nomem(err);
	}
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	r = nsn_dir_open(ret, path, err);
	return r < 0 ? r : 1;
}

/* ---- its record ----------------------------------------------------------------------------- */

/* For people and JSON: what is not printable ASCII is a '?'. */
static char *one_line(const char *const *argv)
{
	size_t size = 1, n = 0;
	char *text;

	for (size_t i = 0; argv[i]; i++)
		size += strlen(argv[i]) + 1;
	text = malloc(size);
	for (size_t i = 0; text && argv[i]; i++) {
		if (i)
			text[n++] = ' ';
		for (const char *c = argv[i]; *c; c++)
			text[n++] = *c >= ' ' && *c < 0x7f ? *c : '?';
	}
	if (text)
		text[n] = '\0';
	return text;
}

/* With a handle it has been made already. */
static int own_run_dir(const char *path, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = -1;

	return nsn_dir_open(&fd, path, err);
}

static int record(struct nsn_start *s, struct nsnet_err *err)
{
	struct nsnet_run *run = s->run;
	struct nsn_record *rec = &run->record;
	int r;

	run->state_dir = strdup(s->n ? s->n->state_dir : "");
	run->run_dir = strdup(s->n ? s->n->run_dir : NSNET_DEFAULT_RUN_DIR);
	/* Without a tenant it is known by its pin. */
	rec->tenant = strdup(s->n ? s->tenant.name : "");
	rec->endpoint = strdup(s->n ? s->endpoint->name : s->name);
	rec->command = one_line(s->def->argv);
	if (!run->state_dir || !run->run_dir || !rec->tenant || !rec->endpoint || !rec->command)
		return nsn_err_nomem(err);
	rec->at = (int64_t)time(NULL);
	rec->uid = s->def->uid;
	rec->base = s->ids.base;
	rec->share = s->optouts.share;
	rec->caps = s->optouts.caps;
	r = s->n ? 0 : own_run_dir(run->run_dir, err);
	if (r == 0)
		r = nsn_workloads_folder(run->run_dir, &run->folder, err);
	if (r == 0)
		r = nsn_record_sweep(run->folder, SWEEP, false, NULL, NULL, err);
	if (r == 0)
		r = nsn_record_make(run->folder, rec, &run->lock, err);
	if (r < 0)
		return r;
	run->recorded = true;
	r = nsn_cgroup_make(rec->id, &s->cgroup, err);
	s->spawn.cgroup = s->cgroup.fd;
	s->spawn.tasks = s->cgroup.tasks;
	return r;
}

/* On the disk before anything of it is given. */
static int except(struct nsn_start *s, struct nsnet_err *err)
{
	struct nsn_exception list[NSN_COUNT(s->optouts.list)] = {0};
	const struct nsn_optouts *o = &s->optouts;
	int r;

	for (size_t i = 0; i < o->n; i++) {
		list[i] = (struct nsn_exception){
			.tenant = s->tenant.name,
			.endpoint = s->endpoint->name,
			.workload = s->run->record.id,
			.kind = o->list[i].kind,
			.because = s->def->because,
			.until = o->until,
			.exposed = o->list[i].exposes,
			.uid = s->def->uid,
			.command = s->def->command ? s->def->command : s->run->record.command,
		};
		if (s->def->exposes)
			s->def->exposes(s->def->arg, o->list[i].exposes);
	}
	if (o->n == 0)
		return 0;
	r = nsn_exceptions_add(s->n, list, o->n, err);
	s->run->excepted = r == 0;
	return r;
}

/* The folder is there: the record is in it. */
static int find_bare(struct nsn_start *s)
{
	int *keep = s->n ? &s->n->bare : &s->bare;

	if (*keep < 0)
		*keep = nsn_bare_open(s->run->run_dir);
	return *keep;
}

static void forget(struct nsnet_run *run)
{
	struct nsnet *n = NULL;

	/* What cannot be said now is seen by whoever comes next: the record is free then, and the
	 * list of opt-outs has none of a workload without a record that lives as active. */
	if (run->excepted && nsnet_open(&n, run->state_dir, run->run_dir, NULL) == 0)
		(void)nsn_exceptions_end(n, run->record.id, NULL);
	nsnet_close(n);
	run->excepted = false;
	if (run->recorded)
		(void)nsn_record_end(run->folder, run->record.id, NULL);
	run->recorded = false;
}

/* ---- the interface -----------------------------------------------------------------------------
 */

int nsn_run_start(struct nsnet *n, const struct nsnet_run_def *def,
		  const struct nsn_run_extra *extra, struct nsnet_run **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_run_freep) struct nsnet_run *run = calloc(1, sizeof(*run));
	NSN_AUTO(nsn_start_clear)
	struct nsn_start s = {
		.n = n,
		.def = def,
		.run = run,
		.cgroup = {.top = -1, .fd = -1, .tasks = -1},
		.netns = -1,
		.resolv = -1,
		.hosts = -1,
		.bare = -1,
	};
	int r;

	if (!run)
		return nsn_err_nomem(err);
	run->born = (struct nsn_born){.pidfd = -1, .ctl = -1, .tty = -1, .done = true};
	run->folder = run->lock = -1;
	s.spawn.entry = extra->entry;
	s.spawn.arg = extra->arg;
	s.spawn.sabotage = extra->sabotage;
	s.spawn.blind = extra->blind;
	r = nsn_start_prepare(&s, err);
	if (r == 0)
		r = record(&s, err);
	if (r == 0)
		r = except(&s, err);
	s.spawn.bare = r == 0 ? find_bare(&s) : -1;
	if (r == 0)
		r = nsn_spawn(&s.spawn, &run->born, err);
	if (r < 0)
		return r;
	run->record.pid = run->born.pid;
	run->record.look = run->born.look;
	r = nsn_record_write(run->lock, &run->record, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(run);
	return 0;
}

int nsnet_run_start(struct nsnet *n, const struct nsnet_run_def *def, struct nsnet_run **ret,
		    struct nsnet_err *err)
{
	return nsn_run_start(n, def, &(struct nsn_run_extra){0}, ret, err);
}

const struct nsn_record *nsn_run_record(const struct nsnet_run *run)
{
	return &run->record;
}

void nsnet_run_free(struct nsnet_run *run)
{
	if (!run)
		return;
	nsn_born_clear(&run->born);
	forget(run);
	nsn_closep(&run->lock);
	nsn_closep(&run->folder);
	nsn_record_clear(&run->record);
	free(run->state_dir);
	free(run->run_dir);
	free(run);
}

const char *nsnet_run_id(const struct nsnet_run *run)
{
	return run->record.id;
}

int32_t nsnet_run_pid(const struct nsnet_run *run)
{
	return run->born.pid;
}

int nsnet_run_fd(const struct nsnet_run *run)
{
	return run->born.ctl;
}

int nsnet_run_terminal(const struct nsnet_run *run)
{
	return run->born.tty;
}

int nsnet_run_signal(struct nsnet_run *run, int sig, struct nsnet_err *err)
{
	return nsn_born_signal(&run->born, sig, err);
}

int nsnet_run_wait(struct nsnet_run *run, int ms, struct nsnet_exit *ret, struct nsnet_err *err)
{
	const int r = nsn_born_wait(&run->born, ms, err);

	if (r == 1) {
		*ret = run->born.exit;
		forget(run);
	}
	return r;
}
