// SPDX-License-Identifier: GPL-2.0-or-later
#include "inject.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cmocka.h>

#define MAX_RULES 32

/* Of the thread under test. */
struct worker {
	const struct inject_rule *rules;
	int n_rules;
	void (*fn)(void *arg);
	void *arg;
	int listener; /* -1: not yet, -2: refused */
};

#define LOAD(what) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, what))

/* All rules' calls, whatever their arguments: those are looked at outside. */
static int install(const struct inject_rule *rules, int n)
{
	struct sock_filter code[2 * MAX_RULES + 2];
	struct sock_fprog prog = {.filter = code};
	unsigned short len = 0;
	int i;

	code[len++] = (struct sock_filter)LOAD(nr);
	for (i = 0; i < n; i++) {
		code[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							   (uint32_t)rules[i].nr, 0, 1);
		code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = len;
	return (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &prog);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	int listener = install(w->rules, w->n_rules);

	__atomic_store_n(&w->listener, listener < 0 ? -2 : listener, __ATOMIC_RELEASE);
	if (listener >= 0)
		w->fn(w->arg);
	return NULL;
}

static const struct inject_rule *matching(const struct worker *w, const struct seccomp_data *call)
{
	int i;

	for (i = 0; i < w->n_rules; i++)
		if (w->rules[i].nr == call->nr &&
		    (!w->rules[i].mask || (call->args[w->rules[i].arg] & w->rules[i].mask)))
			return &w->rules[i];
	return NULL;
}

/* One question. False: nobody is left who could ask. */
static bool answer(const struct worker *w, int k, struct inject *ret)
{
	struct seccomp_notif ask = {0};
	struct seccomp_notif_resp say = {0};
	const struct inject_rule *rule;

	if (ioctl(w->listener, SECCOMP_IOCTL_NOTIF_RECV, &ask) < 0)
		return errno == EINTR || errno == ENOENT;
	say.id = ask.id;
	say.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	rule = matching(w, &ask.data);
	if (rule && rule->look)
		rule->look((const uint64_t *)ask.data.args);
	if (rule && ret->seen++ == k) {
		say.flags = 0;
		say.error = -rule->error;
		ret->failed_nr = rule->nr;
	}
	(void)ioctl(w->listener, SECCOMP_IOCTL_NOTIF_SEND, &say);
	return true;
}

void inject(const struct inject_rule *rules, int n_rules, int k, void (*fn)(void *arg), void *arg,
	    struct inject *ret)
{
	struct worker w = {
		.rules = rules, .n_rules = n_rules, .fn = fn, .arg = arg, .listener = -1};
	struct pollfd p = {.events = POLLIN};
	pthread_t thread;
	int listener;

	assert_true(n_rules <= MAX_RULES);
	*ret = (struct inject){.failed_nr = -1};
	assert_int_equal(pthread_create(&thread, NULL, work, &w), 0);
	do {
		(void)sched_yield();
		listener = __atomic_load_n(&w.listener, __ATOMIC_ACQUIRE);
	} while (listener == -1);
	assert_true(listener >= 0);
	p.fd = listener;
	while (poll(&p, 1, -1) >= 0 && !(p.revents & POLLHUP))
		if ((p.revents & POLLIN) && !answer(&w, k, ret))
			break;
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(listener);
}
