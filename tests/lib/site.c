// SPDX-License-Identifier: GPL-2.0-or-later
#include "site.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "packet.h"
#include "world.h"

#define WORKLOAD_PIN "/run/netns/" SITE_TENANT

void site_go(int ns)
{
	assert_int_equal(setns(ns, CLONE_NEWNET), 0);
}

int site_open_ns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return fd;
}

int site_open_gateway(unsigned int tenant)
{
	char pattern[64];
	glob_t found = {0};
	int fd;

	(void)snprintf(pattern, sizeof(pattern), "/run/nsnet/gw/*-%u", tenant);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_int_equal(found.gl_pathc, 1);
	fd = site_open_ns(found.gl_pathv[0]);
	globfree(&found);
	return fd;
}

void site_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void site_link_mac(int home, int ns, const char *link, char mac[SITE_MAC_SIZE])
{
	struct ifreq req = {.ifr_flags = 0};
	uint8_t b[6];
	int fd;

	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", link);
	site_go(ns);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &req), 0);
	site_close(&fd);
	site_go(home);
	memcpy(b, req.ifr_hwaddr.sa_data, sizeof(b));
	(void)snprintf(mac, SITE_MAC_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3],
		       b[4], b[5]);
}

static void must(int r, const struct nsnet_err *err)
{
	if (r < 0)
		fail_msg("%s (%s)", err->msg, err->where);
}

static struct nsnet_tenant *get(const struct site *s)
{
	struct nsnet_err err = {0};
	struct nsnet_tenant *t;

	must(nsnet_tenant_get(s->n, SITE_TENANT, NSNET_OBSERVE, &t, &err), &err);
	return t;
}

static void learn_port(struct site *s)
{
	struct nsnet_tenant *t = get(s);

	(void)snprintf(s->port, sizeof(s->port), "%s", nsnet_endpoint_port(t, 0));
	nsnet_tenant_free(t);
	assert_int_equal(setenv("PORT", s->port, 1), 0);
}

bool site_build(struct site *s)
{
	return site_build_def(
		s, &(struct nsnet_tenant_def){.name = SITE_TENANT, .subnet = SITE_SUBNET});
}

bool site_build_def(struct site *s, const struct nsnet_tenant_def *def)
{
	struct nsnet_err err = {0};

	*s = (struct site){.home = -1, .gateway = -1, .workload = -1, .third = -1};
	if (world_enter() < 0)
		return false;
	stay_on_one_processor();
	s->home = site_open_ns("/proc/self/ns/net");
	must(nsnet_open(&s->n, NULL, NULL, &err), &err);
	must(nsnet_tenants_add(s->n, def, 1, 0, NULL, &err), &err);
	s->gateway = site_open_gateway(1);
	s->workload = site_open_ns(WORKLOAD_PIN);
	learn_port(s);
	site_link_mac(s->home, s->gateway, "br0", s->gateway_mac);
	site_link_mac(s->home, s->workload, "eth0", s->mac);
	return true;
}

void site_wait_for_port(const struct site *s)
{
	static const char script[] =
		"until bridge link show dev $PORT | grep -q forwarding &&"
		" ip link show dev br0 | grep -q 'state UP'; do sleep 0.01; done";

	site_go(s->gateway);
	RUN_STATUS(0, "timeout", "5", "sh", "-ec", script);
	site_go(s->home);
}

void site_drop(struct site *s)
{
	nsnet_close(s->n);
	s->n = NULL;
	site_close(&s->third);
	site_close(&s->gateway);
	site_close(&s->workload);
	/* A test that failed may have left us elsewhere. */
	if (s->home >= 0)
		site_go(s->home);
	site_close(&s->home);
}

void site_set(struct site *s, const char *key, const char *value)
{
	const struct nsnet_setting setting = {.key = key, .value = value};
	struct nsnet_err err = {0};

	must(nsnet_tenant_set(s->n, SITE_TENANT, &setting, 1, 0, NULL, &err), &err);
	learn_port(s);
}

enum nsnet_state site_state(const struct site *s)
{
	struct nsnet_tenant *t = get(s);
	enum nsnet_state state = nsnet_tenant_state(t);

	nsnet_tenant_free(t);
	return state;
}

bool site_repair(struct site *s)
{
	struct nsnet_change *c = NULL;
	struct nsnet_err err = {0};
	bool repaired;
	int r;

	r = nsnet_repair(s->n, SITE_TENANT, 0, &c, &err);
	repaired = r == 0 && nsnet_change_outcome(c, 0) == NSNET_REPAIRED;
	nsnet_change_free(c);
	must(r, &err);
	learn_port(s);
	return repaired;
}
