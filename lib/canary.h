/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_CANARY_H
#define NSN_CANARY_H

/*
 * canary - shown by doing it: what is done on one side is not there on the other
 *
 * For each kind of namespace something is made outside and looked for inside, and the other way
 * round. "Not there" says something only when it is known to be there: so all that is made is
 * first found by its own side (the controls), and an act that was refused is told as such. It
 * proves nothing: who may do nothing reaches nothing, in whatever namespace.
 *
 * What is made has a name of random digits, so nobody can wait for it.
 */
#include "ctx.h"
#include "spawn/look.h"
#include "spawn/record.h"

#define NSN_CANARY_TOKEN 13 /* "nsc-1a2b3c4d": fits the name of a process */

/* What both sides know before. */
struct nsn_canary_plan {
	char token[NSN_CANARY_TOKEN];
	pid_t pid;     /* of a process outside, whose name is the token */
	uint16_t port; /* of a listener on the host's 127.0.0.1 */
	int host_key;  /* System V shared memory */
	int inside_key;
	char file[128]; /* of the host, not in a folder that anybody is given */
	bool joined;	/* in a workload that lives: it is not changed, and may have volumes */
	int group;	/* joined: the host's /proc/PID/cgroup of the workload; its text depends on
			   the control group namespace of who reads it. Else -1 */
	int channel;
};

/* An act: 0 it succeeded, else the errno; -1: it was not tried. */
struct nsn_canary_acts {
	/* pid */
	int pid, kill_self, kill_host;
	char host_comm[24]; /* who has the number of the process outside */
	bool own_proc;	    /* /proc is of its pid namespace */
	unsigned int processes;
	/* net */
	int tcp_own, tcp_host, abstract_own, abstract_host;
	uint16_t port;
	/* mnt */
	int file_own, file_host, tmp_host;
	/* ipc */
	int shm_own, shm_host, mq_own, mq_host;
	/* uts */
	char name[65];
	int rename;
	/* user */
	uint32_t uid, file_uid;
	int set_clock, make_device, open_sysctl;
	/* cgroup */
	int group;
	char group_path[96]; /* the first that is not "/", else "/" */
	/* time */
	int64_t boottime;
};

/* Afterwards: whether what it listens to was reached. */
struct nsn_canary_later {
	bool tcp, abstract;
};

/* As nsn_run_extra.entry; @arg: struct nsn_canary_plan. Allocates nothing. */
int nsn_canary_inside(void *arg);

/* ---- outside ------------------------------------------------------------------------- */

/*
 * What is made on this side. It is removed by a process of its own as soon as nobody holds `hold`
 * any more, so that nothing is left of a self-check that is killed; that process is also the one
 * that is looked for inside.
 */
struct nsn_plants {
	struct nsn_canary_plan plan;
	int keeper; /* pidfd */
	int hold;
	int tcp, abstract;
	int ours; /* our end of the channel */
};
#define NSN_PLANTS_NONE                                                                            \
	{                                                                                          \
		.keeper = -1, .hold = -1, .tcp = -1, .abstract = -1, .ours = -1, .plan = {         \
			.channel = -1,                                                             \
			.group = -1                                                                \
		}                                                                                  \
	}
/*
 * What cannot be made is a control that fails, and no error. @run_dir: for a file. @without, for
 * tests: 1 << enum nsnet_ns for which nothing is made.
 */
int nsn_plant(struct nsn_plants *p, const char *run_dir, unsigned int without,
	      struct nsnet_err *err);
void nsn_plants_clear(struct nsn_plants *p);

/*
 * What /proc says of the process inside: ours, from outside, as somebody inside may have put
 * anything on his.
 */
struct nsn_canary_proc {
	unsigned int pids;  /* namespaces in which it has a number, from ours on */
	char links[160];    /* of its network: "lo eth0" */
	unsigned int peers; /* mounts that pass events on, or get them */
	struct {
		uint32_t inside, outside, count;
	} rows[4]; /* of its map of users, the first of them */
	unsigned int n_rows;
	uint64_t caps; /* of all sets */
};
/* @pid: nsn_proc_pid(). 0 or -errno: something of it could not be read. */
int nsn_canary_read(int pid, struct nsn_canary_proc *ret);

/* What was seen on this side, while the other one waits. As struct nsn_canary_acts. */
struct nsn_canary_outside {
	/* controls: what was planted is found here */
	int kill, tcp, abstract, file, tmp, shm, mq;
	/* and what the other side has made is not */
	int tcp_inside, abstract_inside, file_inside, shm_inside, mq_inside;
	pid_t pid;     /* of the other side, as the kernel tells us */
	uint32_t uid;  /* likewise */
	int file_seen; /* its file, through its root */
	uint32_t file_uid;
	struct nsn_canary_proc proc;
	char name[65];
	int group;
	char group_path[160];
	int64_t boottime;
	bool tcp_reached, abstract_reached; /* by the other side: it was accepted */
};

/* What both have found. */
struct nsn_evidence {
	bool talked; /* else there is nothing from inside, and `why` says why */
	char why[512];
	char token[NSN_CANARY_TOKEN];
	bool joined;
	struct nsn_canary_acts in;
	struct nsn_canary_later later;
	struct nsn_canary_outside out;
	struct nsn_look look, host;
};

/* The namespaces and the control group of a process, and our own. */
int nsn_canary_look(int proc, pid_t whose, struct nsn_evidence *e, struct nsnet_err *err);
/* The dialogue with the other side, which has started. What fails is told in ret->why. */
void nsn_canary_talk(struct nsn_plants *p, int proc, struct nsn_evidence *ret);

/* ---- who is asked --------------------------------------------------------------------- */

struct nsn_canary_test {
	unsigned int sabotage; /* see struct nsn_run_extra */
	unsigned int without;  /* see nsn_plant() */
	int64_t now;	       /* 0: it is */
};

/*
 * In a workload that is started for it, confined as any. The look that each start ends with is left
 * out: it would say of the first namespace that is wrong, and nothing of the others.
 * -errno: it could not be started.
 */
int nsn_canary_run(struct nsnet *n, const char *tenant, const char *endpoint,
		   const struct nsn_canary_test *test, struct nsn_evidence *ret,
		   char id[NSN_WORKLOAD_ID + 1], struct nsnet_err *err);

/*
 * In one that lives: a process of ours joins its namespaces, gives up what it has, and is seen
 * there for some milliseconds. What the workload's own confinement denies is not known by that.
 * -ESRCH: it has ended meanwhile.
 */
int nsn_canary_join(struct nsnet *n, const struct nsn_record *rec, unsigned int without,
		    struct nsn_evidence *ret, struct nsnet_err *err);

#endif
