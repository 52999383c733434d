// SPDX-License-Identifier: GPL-2.0-or-later
#include "peers.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab.h"

void peers_stop(struct peers *p)
{
	if (!p->pid)
		return;
	(void)fclose(p->to);
	(void)fclose(p->from);
	(void)kill(p->pid, SIGKILL);
	(void)waitpid(p->pid, NULL, 0);
	*p = (struct peers){0};
}

void peers_start(struct peers *p)
{
	int to[2], from[2];
	char path[512];

	/* Of a test before this one that failed. */
	peers_stop(p);
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	(void)snprintf(path, sizeof(path), "%s/tests/kernel/peers.py", getenv("NSNET_SRC"));
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)dup2(to[0], STDIN_FILENO);
		(void)dup2(from[1], STDOUT_FILENO);
		(void)execlp("python3", "python3", path, NULL);
		_exit(127);
	}
	(void)close(to[0]);
	(void)close(from[1]);
	p->to = fdopen(to[1], "w");
	p->from = fdopen(from[0], "r");
	assert_non_null(p->to);
	assert_non_null(p->from);
}

__attribute__((format(printf, 2, 0))) static char *ask(struct peers *p, const char *fmt, va_list ap)
{
	char *answer = NULL;
	size_t size = 0;

	assert_true(vfprintf(p->to, fmt, ap) >= 0);
	assert_true(fputc('\n', p->to) != EOF && fflush(p->to) == 0);
	if (getline(&answer, &size, p->from) <= 0)
		fail_msg("peers.py has ended");
	answer[strcspn(answer, "\n")] = '\0';
	if (strncmp(answer, "broken", 6) == 0)
		fail_msg("peers.py: %s", answer);
	return answer;
}

char *peers_ask(struct peers *p, const char *fmt, ...)
{
	va_list ap;
	char *answer;

	va_start(ap, fmt);
	answer = ask(p, fmt, ap);
	va_end(ap);
	return answer;
}

void peers_is(struct peers *p, const char *want, const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	char *answer;

	va_start(ap, fmt);
	answer = ask(p, fmt, ap);
	va_end(ap);
	if (strcmp(answer, want) != 0) {
		print_error("%s:%d: %s\n", file, line, answer);
		_fail(file, line);
	}
	free(answer);
}

unsigned long peers_stopped(struct peers *p, const char *id, bool all_answered)
{
	char *answer = peers_ask(p, "stop %s", id);
	const char *at = strstr(answer, "sent ");
	unsigned long sent = at ? strtoul(at + strlen("sent "), NULL, 10) : 0;

	if (sent == 0 || (all_answered && !strstr(answer, "lost 0,")))
		fail_msg("%s: %s", id, answer);
	free(answer);
	return sent;
}

/* ---- the tenants --------------------------------------------------------------------- */

static const struct nsnet_endpoint_def of_customer1[] = {
	{.name = "app", .ip = "10.10.1.10", .ip6 = "fd00:10:1::10"},
	{.name = "worker", .ip = "10.10.1.11", .ip6 = "fd00:10:1::11"},
};
static const struct nsnet_endpoint_def of_customer2[] = {
	{.name = "db", .ip = "10.10.2.10", .ip6 = "fd00:10:2::10"},
	{.name = "web", .ip = "10.10.2.11", .ip6 = "fd00:10:2::11"},
};
static const struct nsnet_endpoint_def of_shared[] = {
	{.name = "dns", .ip = "10.10.250.53", .ip6 = "fd00:10:250::53"},
};
static const char *const labels[] = {"pci=cde", "scrape=yes"};

const struct nsnet_tenant_def peers_tenants[PEERS_TENANTS] = {
	{.name = "customer1",
	 .subnet = "10.10.1.0/24",
	 .subnet6 = "fd00:10:1::/64",
	 .endpoints = of_customer1,
	 .n_endpoints = 2},
	{.name = "customer2",
	 .subnet = "10.10.2.0/24",
	 .subnet6 = "fd00:10:2::/64",
	 .labels = labels,
	 .n_labels = 2,
	 .endpoints = of_customer2,
	 .n_endpoints = 2},
	{.name = "shared",
	 .subnet = "10.10.250.0/24",
	 .subnet6 = "fd00:10:250::/64",
	 .endpoints = of_shared,
	 .n_endpoints = 1},
};

void peers_serve(struct peers *p, const struct nsnet_tenant_def *def)
{
	size_t i;

	for (i = 0; i < def->n_endpoints; i++) {
		const struct nsnet_endpoint_def *e = &def->endpoints[i];

		peers_is(p, "ok", __FILE__, __LINE__, "serve %s.%s %s %s", def->name, e->name,
			 e->ip, def->subnet6 ? e->ip6 : "");
		peers_is(p, "ok", __FILE__, __LINE__, "watch %s.%s %s %s", def->name, e->name,
			 def->subnet, def->subnet6 ? def->subnet6 : "");
	}
}

struct nsnet *peers_build(struct peers *p, const struct nsnet_tenant_def *defs, size_t n_defs)
{
	struct nsnet *n = lab_open();
	size_t i;

	LAB_OK(nsnet_tenants_add(n, defs, n_defs, 0, NULL, NULL));
	peers_start(p);
	for (i = 0; i < n_defs; i++)
		peers_serve(p, &defs[i]);
	return n;
}

char *rule_rows(void)
{
	return lab_sh("python3 -c 'import sqlite3; d = sqlite3.connect(\"%s/nsnet.db\"); "
		      "print(*(d.execute(\"SELECT COUNT(*) FROM \" + t).fetchone()[0] "
		      "for t in (\"policy\", \"quarantine\", \"cable\")))'",
		      LAB_STATE);
}

void peers_end_clean(struct peers *p, struct nsnet *n)
{
	struct nsnet_tenants *list = NULL;
	char *text;
	size_t i;

	/* Sockets keep what they were made in. */
	peers_stop(p);
	LAB_OK(nsnet_tenant_list(n, 0, &list, NULL));
	for (i = 0; i < nsnet_tenants_count(list); i++) {
		const char *name = nsnet_tenant_name(nsnet_tenants_at(list, i));
		struct nsnet_err err = {0};

		lab_ok(nsnet_tenant_del(n, name, NSNET_WITH_RULES, NULL, &err), &err, name,
		       __FILE__, __LINE__);
	}
	nsnet_tenants_free(list);
	lab_nothing_left(n);
	text = rule_rows();
	assert_string_equal(text, "0 0 0");
	free(text);
	nsnet_close(n);
}

/* ---- rules --------------------------------------------------------------------------- */

enum { LIST_MAX = 8 };

/* "a,b" in its parts; *@copy is what they are in. */
static size_t parts_of(const char *text, const char *list[LIST_MAX], char **copy)
{
	char *save = NULL, *part;
	size_t n = 0;

	*copy = strdup(text);
	assert_non_null(*copy);
	for (part = strtok_r(*copy, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
		assert_true(n < LIST_MAX);
		list[n++] = part;
	}
	return n;
}

int rule_try(struct nsnet *n, const struct words *w, struct nsnet_err *err)
{
	const char *from[LIST_MAX], *to[LIST_MAX], *ports[LIST_MAX];
	char *copies[3];
	struct nsnet_rule_def def = {.name = w->name,
				     .deny = w->deny,
				     .from = from,
				     .to = to,
				     .ports = ports,
				     .log = w->log,
				     .expires = w->expires,
				     .because = "a test"};
	int r;

	def.n_from = parts_of(w->from, from, &copies[0]);
	def.n_to = parts_of(w->to, to, &copies[1]);
	def.n_ports = parts_of(w->ports, ports, &copies[2]);
	r = nsnet_rule_add(n, &def, 0, NULL, err);
	free(copies[0]);
	free(copies[1]);
	free(copies[2]);
	return r;
}

void rule_nothing_to_do(struct nsnet *n, const char *after, const char *file, int line)
{
	struct nsnet_change *c = NULL;
	struct nsnet_err err = {0};
	struct nsnet_step step;
	size_t i, k, found = 0;

	lab_ok(nsnet_repair(n, NULL, NSNET_DRY_RUN, &c, &err), &err, after, file, line);
	for (i = 0; i < nsnet_change_items(c); i++)
		for (k = 0; k < nsnet_change_steps(c, i); k++) {
			nsnet_change_step(c, i, k, &step);
			if (found++ < 20)
				print_error("%s: %s %s %s%s%s\n", nsnet_change_tenant(c, i),
					    step.op, step.where, step.text, step.was ? " was " : "",
					    step.was ? step.was : "");
		}
	nsnet_change_free(c);
	if (found > 0) {
		print_error("%s:%d: drift after %s\n", file, line, after);
		_fail(file, line);
	}
}

void rule_add(struct nsnet *n, const struct words *w, const char *file, int line)
{
	struct nsnet_err err = {0};
	int fds = lab_fds(), r = rule_try(n, w, &err);

	lab_ok(r, &err, w->name, file, line);
	assert_int_equal(lab_fds(), fds);
	rule_nothing_to_do(n, w->name, file, line);
}

void rule_del(struct nsnet *n, const char *name, const char *file, int line)
{
	struct nsnet_err err = {0};
	int fds = lab_fds(), r = nsnet_rule_del(n, name, 0, NULL, &err);

	lab_ok(r, &err, name, file, line);
	assert_int_equal(lab_fds(), fds);
	rule_nothing_to_do(n, name, file, line);
}

/* Ports of endpoints belong to the bridge, cables do not. */
unsigned int cables_of(struct nsnet *n, const char *tenant)
{
	char *text =
		lab_sh("nsenter --net=%s ip -o link show type veth | grep -vc 'master br0' || :",
		       lab_gateway(n, tenant));
	unsigned int count = (unsigned int)strtoul(text, NULL, 10);

	free(text);
	return count;
}
