/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * Random sequences of all verbs, and of damage in between, against a model that
 * only knows what each verb promises. After each of them the list, the states,
 * the names in /run and the namespaces behind them are what the model says.
 *
 *   NSNET_TEST_SEED=N  another sequence than the ones of CI
 *   NSNET_TEST_OPS=N   its length
 */
#define NAMES 6

static const char *const names[NAMES] = {"blue", "red", "green", "drop", "a-b", "z9"};
static const char *const subnets[] = {"10.10.1.0/24", "10.10.1.0/24", "10.10.0.0/16",
				      "172.16.0.0/30"};
static const char *const gateways[] = {"10.10.1.1", "10.10.1.1", "10.10.0.1", "172.16.0.1"};
#define SUBNETS 4
/* Room for the gateway and one endpoint only. */
#define SMALL 3

/* What a tenant can have besides `default`, which is always there. */
#define EXTRAS 3
static const char *const extras[EXTRAS] = {"app", "db", "web"};

/* Settings but the subnet, and the values each may get; the first is the default. */
enum { SUBNET6, INSIDE, RATE, MTU, SETTINGS };
static const struct setting {
	const char *key, *values[3];
} settings[SETTINGS] = {
	[SUBNET6] = {"subnet6", {"none", "fd00:1::/64", "fd00:2::/64"}},
	[INSIDE] = {"inside", {"allow", "deny", "deny"}},
	[RATE] = {"rate", {"none", "10mbit", "1gbit"}},
	[MTU] = {"mtu", {"1500", "1400", "9000"}},
};

/* What is known of one name. */
struct model {
	bool wanted;
	int subnet;
	const char *set[SETTINGS]; /* NULL: the default */
	bool extra[EXTRAS];	   /* always whole: damage is done to others */
	ino_t extra_ns[EXTRAS];
	uint64_t id;		/* 0: not read yet */
	bool workload, gateway; /* ours, pinned */
	bool file;		/* an empty file is where the workload's pin was */
	bool foreign;		/* somebody else's namespace has the name */
	bool drift;		/* something else is not as it should be */
	ino_t workload_ns, gateway_ns;
};

struct run_state {
	struct nsnet *n;
	struct model m[NAMES];
	unsigned int seed;
	uint64_t last_id;
	char prefix[9]; /* of the store's id */
	char last[160]; /* what was done, for the one who reads the failure */
};

static int pick(struct run_state *s, int below)
{
	return rand_r(&s->seed) % below;
}

static void said(struct run_state *s, const char *op, const char *name, int r)
{
	(void)snprintf(s->last, sizeof(s->last), "%s %s: %d", op, name, r);
}

#define SAME(s, have, want)                                                                        \
	do {                                                                                       \
		if ((have) != (want))                                                              \
			fail_msg("after '%s': " #have " is %lld, not %lld", (s)->last,             \
				 (long long)(have), (long long)(want));                            \
	} while (0)

/* ---- the model ------------------------------------------------------------------------ */

static int model_extras(const struct model *m)
{
	int i, n = 0;

	for (i = 0; i < EXTRAS; i++)
		n += m->extra[i];
	return n;
}

static enum nsnet_state model_state(const struct model *m)
{
	if (!m->workload && !m->gateway && !model_extras(m))
		return NSNET_STATE_ABSENT;
	return m->workload && m->gateway && !m->drift ? NSNET_STATE_OK : NSNET_STATE_DRIFT;
}

static enum nsnet_outcome model_outcome(const struct model *m)
{
	return model_state(m) == NSNET_STATE_OK ? NSNET_UNCHANGED : NSNET_REPAIRED;
}

/* Anything at the name that would not be taken: a leftover is, but only by who knows the name. */
static bool model_taken(const struct model *m)
{
	return m->foreign || (m->file && !m->wanted);
}

static void model_built(struct model *m)
{
	if (!m->workload)
		m->workload_ns = 0;
	if (!m->gateway)
		m->gateway_ns = 0;
	m->workload = m->gateway = true;
	m->drift = m->file = false;
}

/* ---- verbs ------------------------------------------------------------------------------ */

static void expect_change(struct run_state *s, struct nsnet_change *c, enum nsnet_outcome outcome)
{
	SAME(s, nsnet_change_items(c), 1U);
	SAME(s, nsnet_change_outcome(c, 0), outcome);
	nsnet_change_free(c);
}

static void op_add(struct run_state *s, int i)
{
	struct model *m = &s->m[i];
	unsigned int flags =
		(pick(s, 5) == 0 ? NSNET_DRY_RUN : 0U) | (pick(s, 5) == 0 ? NSNET_MUST_CREATE : 0U);
	/* Mostly what is there already, or will be. */
	int subnet = m->wanted && pick(s, 3) ? m->subnet : pick(s, SUBNETS);
	enum nsnet_outcome outcome = m->wanted ? model_outcome(m) : NSNET_CREATED;
	enum nsnet_code id = NSNET_E_NONE;
	struct nsnet_change *c = NULL;
	struct nsnet_err err = {0};
	int r;

	if (m->wanted && strcmp(subnets[m->subnet], subnets[subnet]) != 0)
		id = NSNET_E_TENANT_DIFFERS;
	else if (m->wanted && (flags & NSNET_MUST_CREATE))
		id = NSNET_E_TENANT_EXISTS;
	else if (model_taken(m))
		id = NSNET_E_PIN_FOREIGN;
	r = nsnet_tenant_add(s->n, names[i], subnets[subnet], flags, &c, &err);
	said(s, flags & NSNET_DRY_RUN ? "dry add" : "add", names[i], r);
	SAME(s, err.id, id);
	SAME(s, r, id == NSNET_E_NONE ? 0 : -EEXIST);
	if (r < 0)
		return;
	expect_change(s, c, outcome);
	if (flags & NSNET_DRY_RUN)
		return;
	if (!m->wanted)
		m->subnet = subnet;
	m->wanted = true;
	model_built(m);
}

static void op_bad_add(struct run_state *s)
{
	static const char *const bad[][2] = {
		{"Blue", "10.10.1.0/24"}, {"", "10.10.1.0/24"},	   {"../x", "10.10.1.0/24"},
		{"blue", "10.10.1.1/24"}, {"new", "127.0.0.0/24"}, {"new", "10.0.0.0/31"},
		{"all", "10.10.1.0/24"},  {"new", "fd00::/64"},
	};
	const char *const *b = bad[pick(s, 8)];
	int r = nsnet_tenant_add(s->n, b[0], b[1], 0, NULL, NULL);

	said(s, "bad add", b[0], r);
	SAME(s, r, -EINVAL);
}

static void op_del(struct run_state *s, int i)
{
	struct model *m = &s->m[i];
	bool dry = pick(s, 5) == 0;
	struct nsnet_change *c = NULL;
	int r = nsnet_tenant_del(s->n, names[i], dry ? NSNET_DRY_RUN : 0, &c, NULL);

	said(s, dry ? "dry del" : "del", names[i], r);
	SAME(s, r, m->wanted ? 0 : -ENOENT);
	if (r < 0)
		return;
	SAME(s, nsnet_change_notes(c, 0), m->foreign ? 1U : 0U);
	expect_change(s, c, NSNET_REMOVED);
	if (!dry)
		*m = (struct model){.foreign = m->foreign};
}

static void op_repair(struct run_state *s, int i)
{
	struct model *m = &s->m[i];
	bool dry = pick(s, 3) == 0;
	struct nsnet_change *c = NULL;
	int r = nsnet_repair(s->n, names[i], dry ? NSNET_DRY_RUN : 0, &c, NULL);

	said(s, dry ? "plan" : "repair", names[i], r);
	SAME(s, r, !m->wanted ? -ENOENT : m->foreign ? -EEXIST : 0);
	if (r == 0)
		expect_change(s, c, model_outcome(m));
	else if (c)
		nsnet_change_free(c);
	if (r == 0 && !dry)
		model_built(m);
}

/* Goes on after a tenant that cannot be repaired. */
static void op_repair_all(struct run_state *s)
{
	bool dry = pick(s, 3) == 0, conflict = false;
	struct nsnet_change *c = NULL;
	size_t items = 0;
	int i, r = nsnet_repair(s->n, NULL, dry ? NSNET_DRY_RUN : 0, &c, NULL);

	said(s, dry ? "plan" : "repair", "all", r);
	for (i = 0; i < NAMES; i++) {
		conflict |= s->m[i].wanted && s->m[i].foreign;
		if (!s->m[i].wanted || s->m[i].foreign)
			continue;
		items++;
		if (!dry)
			model_built(&s->m[i]);
	}
	SAME(s, r, conflict ? -EEXIST : 0);
	SAME(s, nsnet_change_items(c), items);
	nsnet_change_free(c);
}

static void op_gc(struct run_state *s)
{
	struct nsnet_change *c = NULL;
	int r = nsnet_gc(s->n, pick(s, 2) ? NSNET_DRY_RUN : 0, &c, NULL);

	said(s, "gc", "", r);
	SAME(s, r, 0);
	expect_change(s, c, NSNET_UNCHANGED);
}

static void op_reopen(struct run_state *s)
{
	nsnet_close(s->n);
	s->n = lab_open();
	said(s, "reopen", "", 0);
}

/* ---- endpoints and settings --------------------------------------------------------------- */

static enum nsnet_code endpoint_add_code(const struct model *m, int extra, unsigned int flags)
{
	if (!m->wanted)
		return NSNET_E_NO_TENANT;
	if (m->extra[extra])
		return flags & NSNET_MUST_CREATE ? NSNET_E_ENDPOINT_EXISTS : NSNET_E_NONE;
	return m->subnet == SMALL ? NSNET_E_POOL_FULL : NSNET_E_NONE;
}

/*
 * On a tenant that is whole, or that there is not: of a drift elsewhere one
 * endpoint's command mends only what it happens to look at.
 */
static bool in_doubt(const struct model *m)
{
	return m->wanted && model_state(m) != NSNET_STATE_OK;
}

/* Mostly one that is whole, if there is any. */
static int pick_whole(struct run_state *s, int i)
{
	int k;

	for (k = 0; k < NAMES && pick(s, 10); k++, i = (i + 1) % NAMES)
		if (s->m[i].wanted && model_state(&s->m[i]) == NSNET_STATE_OK)
			break;
	return i;
}

static void op_endpoint_add(struct run_state *s, int i)
{
	struct model *m = &s->m[i];
	int extra = pick(s, EXTRAS);
	unsigned int flags =
		(pick(s, 5) == 0 ? NSNET_DRY_RUN : 0U) | (pick(s, 5) == 0 ? NSNET_MUST_CREATE : 0U);
	const struct nsnet_endpoint_def def = {.name = extras[extra]};
	enum nsnet_code id = endpoint_add_code(m, extra, flags);
	struct nsnet_change *c = NULL;
	struct nsnet_err err = {0};
	int r;

	if (in_doubt(m))
		return;
	r = nsnet_endpoint_add(s->n, names[i], &def, flags, &c, &err);
	said(s, flags & NSNET_DRY_RUN ? "dry endpoint add" : "endpoint add", names[i], r);
	SAME(s, err.id, id);
	SAME(s, r == 0, id == NSNET_E_NONE);
	if (r < 0)
		return;
	expect_change(s, c, m->extra[extra] ? NSNET_UNCHANGED : NSNET_CREATED);
	if (!(flags & NSNET_DRY_RUN))
		m->extra[extra] = true;
}

static void op_endpoint_del(struct run_state *s, int i)
{
	struct model *m = &s->m[i];
	int extra = pick(s, EXTRAS);
	bool dry = pick(s, 5) == 0;
	struct nsnet_change *c = NULL;
	int r;

	if (in_doubt(m))
		return;
	r = nsnet_endpoint_del(s->n, names[i], extras[extra], dry ? NSNET_DRY_RUN : 0, &c, NULL);
	said(s, dry ? "dry endpoint del" : "endpoint del", names[i], r);
	SAME(s, r, m->extra[extra] ? 0 : -ENOENT);
	if (r < 0)
		return;
	expect_change(s, c, NSNET_REMOVED);
	if (dry)
		return;
	m->extra[extra] = false;
	m->extra_ns[extra] = 0;
}

static const char *model_setting(const struct model *m, int which)
{
	return m->set[which] ? m->set[which] : settings[which].values[0];
}

/* Mends whatever else is not as it should be, unless it is in the way. */
static void set_to(struct run_state *s, int i, const char *key, const char *value, bool changes,
		   bool *done)
{
	const struct nsnet_setting setting = {.key = key, .value = value};
	struct model *m = &s->m[i];
	bool dry = pick(s, 5) == 0, full = false;
	struct nsnet_change *c = NULL;
	int r;

	if (strcmp(key, "subnet") == 0)
		full = strcmp(value, subnets[SMALL]) == 0 && model_extras(m) > 0;
	r = nsnet_tenant_set(s->n, names[i], &setting, 1, dry ? NSNET_DRY_RUN : 0, &c, NULL);
	(void)snprintf(s->last, sizeof(s->last), "%sset %s %s=%s: %d", dry ? "dry " : "", names[i],
		       key, value, r);
	SAME(s, r, !m->wanted ? -ENOENT : full ? -ENOSPC : m->foreign ? -EEXIST : 0);
	if (r < 0)
		return;
	expect_change(s, c, changes ? NSNET_CHANGED : model_outcome(m));
	*done = !dry;
	if (*done)
		model_built(m);
}

static void op_set(struct run_state *s, int i)
{
	struct model *m = &s->m[i];
	int which = pick(s, SETTINGS + 1), value = pick(s, 3), subnet = pick(s, SUBNETS);
	bool done = false;

	if (which == SETTINGS) {
		set_to(s, i, "subnet", subnets[subnet],
		       strcmp(subnets[subnet], subnets[m->subnet]) != 0, &done);
		if (done)
			m->subnet = subnet;
		return;
	}
	set_to(s, i, settings[which].key, settings[which].values[value],
	       strcmp(settings[which].values[value], model_setting(m, which)) != 0, &done);
	if (done)
		m->set[which] = settings[which].values[value];
}

/* ---- damage ------------------------------------------------------------------------------- */

static void pin_paths(const struct run_state *s, int i, char workload[64], char gateway[64])
{
	(void)snprintf(workload, 64, LAB_PIN_DIR "/%s", names[i]);
	(void)snprintf(gateway, 64, LAB_GW "/%s-%llu", s->prefix, (unsigned long long)s->m[i].id);
}

static void damage_pin(struct run_state *s, int i, bool of_gateway)
{
	struct model *m = &s->m[i];
	char workload[64], gateway[64], *pin = of_gateway ? gateway : workload;
	bool keep_file = pick(s, 2);

	if (!(of_gateway ? m->gateway : m->workload))
		return;
	pin_paths(s, i, workload, gateway);
	assert_int_equal(umount2(pin, MNT_DETACH), 0);
	if (!keep_file)
		assert_int_equal(unlink(pin), 0);
	if (of_gateway)
		m->gateway = false;
	else
		m->workload = false;
	if (!of_gateway)
		m->file = keep_file;
	said(s, of_gateway ? "unpinned gateway" : "unpinned workload", names[i], keep_file);
}

/* Commands for inside a gateway, where $PORT is its port, and inside a workload. */
static const char *const gateway_damage[] = {
	"ip link del $PORT",
	"ip link set $PORT down",
	"ip link set br0 down",
	"nft flush ruleset",
	"nft flush chain inet nsnet input",
	"sysctl -qw net.ipv4.conf.all.rp_filter=0",
	"sysctl -qw net.ipv4.conf.br0.forwarding=1",
	"ip addr flush br0",
	"bridge link set dev $PORT learning on flood on",
};
static const char *const workload_damage[] = {
	"ip link del eth0",
	"ip link set eth0 address 02:11:11:11:11:11",
	"ip link set eth0 down",
	"ip addr flush eth0",
};

static void damage_inside(struct run_state *s, int i)
{
	struct model *m = &s->m[i];
	bool of_gateway = pick(s, 2);
	const char *cmd = of_gateway ? gateway_damage[pick(s, 9)] : workload_damage[pick(s, 4)];
	char workload[64], gateway[64];

	/* On a tenant that is whole, so that it is known to have an effect. */
	if (!m->wanted || model_state(m) != NSNET_STATE_OK)
		return;
	pin_paths(s, i, workload, gateway);
	/* Of several ports the first. */
	free(lab_sh("PORT=$(nsenter --net=%s ip -o link show type veth | sed '2,$d;s/.*: "
		    "\\(nsn[0-9]*\\)@.*/\\1/');"
		    "export PORT; nsenter --net=%s sh -c '%s'",
		    gateway, of_gateway ? gateway : workload, cmd));
	m->drift = true;
	said(s, cmd, names[i], 0);
}

/* Somebody makes, or removes, a namespace under one of the names. */
static void op_foreign(struct run_state *s, int i)
{
	struct model *m = &s->m[i];

	if (m->foreign) {
		free(lab_sh("ip netns del %s", names[i]));
		m->foreign = false;
		said(s, "foreign gone", names[i], 0);
	} else if (!m->file) {
		/* In place of ours, where that is there. */
		free(lab_sh("ip netns del %s 2>/dev/null; ip netns add %s", names[i], names[i]));
		m->foreign = true;
		m->workload = false;
		m->workload_ns = 0;
		said(s, "foreign", names[i], 0);
	}
}

static void one_op(struct run_state *s)
{
	int what = pick(s, 155), i = pick(s, NAMES);

	if (what < 30)
		op_add(s, i);
	else if (what < 35)
		op_bad_add(s);
	else if (what < 50)
		op_del(s, i);
	else if (what < 58)
		op_repair(s, i);
	else if (what < 63)
		op_repair_all(s);
	else if (what < 68)
		op_gc(s);
	else if (what < 72)
		op_reopen(s);
	else if (what < 80)
		damage_pin(s, i, pick(s, 2));
	else if (what < 92)
		damage_inside(s, i);
	else if (what < 100)
		op_foreign(s, i);
	else if (what < 120)
		op_endpoint_add(s, pick_whole(s, i));
	else if (what < 130)
		op_endpoint_del(s, pick_whole(s, i));
	else
		op_set(s, pick(s, 3) ? pick_whole(s, i) : i);
}

/* ---- does the world agree? ---------------------------------------------------------------- */

/* The ids are the store's to choose: once given they stay, and none comes twice. */
static void check_id(struct run_state *s, struct model *m, uint64_t id)
{
	if (m->id == 0) {
		assert_true(id > s->last_id);
		s->last_id = id;
		m->id = id;
	}
	SAME(s, id, m->id);
}

static struct model *model_of(struct run_state *s, const char *name)
{
	int i;

	for (i = 0; i < NAMES; i++)
		if (strcmp(names[i], name) == 0)
			return &s->m[i];
	fail_msg("after '%s': there is a tenant '%s'", s->last, name);
	return &s->m[0];
}

static void check_settings(struct run_state *s, const struct model *m, const struct nsnet_tenant *t)
{
	const char *subnet6 = model_setting(m, SUBNET6);
	char mtu[16];
	size_t at;
	int i;

	assert_string_equal(nsnet_tenant_subnet6(t), strcmp(subnet6, "none") ? subnet6 : "");
	assert_string_equal(nsnet_tenant_inside(t), model_setting(m, INSIDE));
	assert_string_equal(nsnet_tenant_rate(t), model_setting(m, RATE));
	(void)snprintf(mtu, sizeof(mtu), "%u", nsnet_tenant_mtu(t));
	assert_string_equal(mtu, model_setting(m, MTU));
	SAME(s, nsnet_tenant_endpoints(t), (size_t)model_extras(m) + 1);
	for (i = 0; i < EXTRAS; i++)
		SAME(s, nsnet_endpoint_find(t, extras[i], &at, NULL), m->extra[i] ? 0 : -ENOENT);
}

static void check_list(struct run_state *s)
{
	struct nsnet_tenants *list = NULL;
	size_t at, wanted = 0;
	int i;

	LAB_OK(nsnet_tenant_list(s->n, NSNET_OBSERVE, &list, NULL));
	for (i = 0; i < NAMES; i++)
		wanted += s->m[i].wanted;
	SAME(s, nsnet_tenants_count(list), wanted);
	for (at = 0; at < wanted; at++) {
		const struct nsnet_tenant *t = nsnet_tenants_at(list, at);

		struct model *m = model_of(s, nsnet_tenant_name(t));

		assert_true(m->wanted);
		assert_string_equal(nsnet_tenant_subnet(t), subnets[m->subnet]);
		assert_string_equal(nsnet_tenant_gateway(t), gateways[m->subnet]);
		check_settings(s, m, t);
		check_id(s, m, nsnet_tenant_id(t));
		SAME(s, nsnet_tenant_state(t), model_state(m));
	}
	nsnet_tenants_free(list);
}

static int count_netns(const char *folder)
{
	DIR *d = opendir(folder);
	const struct dirent *entry;
	char path[300];
	int n = 0;

	while (d && (entry = readdir(d))) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		n += entry->d_name[0] != '.' && lab_is_netns(path);
	}
	if (d)
		(void)closedir(d);
	return n;
}

/* The same namespace as before, unless it had to be made again. */
static void check_pin(struct run_state *s, const char *path, bool expected, ino_t *known)
{
	ino_t now = lab_netns_inode(path);

	SAME(s, now != 0, expected);
	if (expected && *known && *known != now)
		fail_msg("after '%s': %s is another namespace", s->last, path);
	*known = expected ? now : 0;
}

/* Also a renumbered endpoint, and one whose port is new, keeps its namespace. */
static int check_extra_pins(struct run_state *s, int i)
{
	struct model *m = &s->m[i];
	char path[64];
	int k;

	for (k = 0; k < EXTRAS; k++) {
		(void)snprintf(path, sizeof(path), LAB_PIN_DIR "/%s.%s", names[i], extras[k]);
		check_pin(s, path, m->extra[k], &m->extra_ns[k]);
	}
	return model_extras(m);
}

static void check_pins(struct run_state *s)
{
	char workload[64], gateway[64];
	int i, workloads = 0, gws = 0;
	ino_t any;

	for (i = 0; i < NAMES; i++) {
		struct model *m = &s->m[i];

		pin_paths(s, i, workload, gateway);
		any = 0;
		check_pin(s, workload, m->workload || m->foreign,
			  m->workload ? &m->workload_ns : &any);
		check_pin(s, gateway, m->gateway, &m->gateway_ns);
		workloads += (m->workload || m->foreign) + check_extra_pins(s, i);
		gws += m->gateway;
	}
	SAME(s, count_netns(LAB_PIN_DIR), workloads);
	SAME(s, count_netns(LAB_GW), gws);
}

/* The thread is inside. */
static bool link_is_up(const char *name)
{
	int sk = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = {0};
	bool up;

	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	up = ioctl(sk, SIOCGIFFLAGS, &req) == 0 && (req.ifr_flags & IFF_UP);
	(void)close(sk);
	return up;
}

static unsigned int links_inside(const char *path, const char *must_be_up)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(path, O_RDONLY | O_CLOEXEC);
	struct if_nameindex *list;
	unsigned int n = 0;

	assert_int_equal(setns(there, CLONE_NEWNET), 0);
	assert_true(link_is_up(must_be_up));
	list = if_nameindex();
	while (list && list[n].if_index)
		n++;
	if_freenameindex(list);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	(void)close(home);
	(void)close(there);
	return n;
}

/* lo, br0 and the ports; lo and eth0; and in the host nothing but lo, always. */
static void check_links(struct run_state *s)
{
	char workload[64], gateway[64];
	int i;

	SAME(s, links_inside("/proc/thread-self/ns/net", "lo"), 1U);
	for (i = 0; i < NAMES; i++) {
		if (!s->m[i].wanted || model_state(&s->m[i]) != NSNET_STATE_OK)
			continue;
		pin_paths(s, i, workload, gateway);
		SAME(s, links_inside(gateway, "br0"), 3U + (unsigned int)model_extras(&s->m[i]));
		SAME(s, links_inside(workload, "eth0"), 2U);
	}
}

/* ---- runs ----------------------------------------------------------------------------------- */

static void start(struct run_state *s, unsigned int seed)
{
	struct nsnet_status status;

	*s = (struct run_state){.seed = seed, .n = lab_open()};
	LAB_OK(nsnet_status(s->n, &status, NULL));
	(void)snprintf(s->prefix, sizeof(s->prefix), "%.8s", status.store_id);
}

static void clean_up(struct run_state *s)
{
	int i;

	for (i = 0; i < NAMES; i++) {
		if (s->m[i].wanted)
			lab_del(s->n, names[i]);
		if (s->m[i].foreign)
			free(lab_sh("ip netns del %s", names[i]));
	}
	lab_nothing_left(s->n);
	nsnet_close(s->n);
}

static void run_sequence(unsigned int seed, int ops)
{
	struct run_state s;
	int i, fds = 0;

	print_message("           seed %u, %d operations\n", seed, ops);
	start(&s, seed);
	for (i = 0; i < ops; i++) {
		one_op(&s);
		check_list(&s);
		check_pins(&s);
		check_links(&s);
		/* SQLite has opened all its files by then. */
		if (i == 20)
			fds = lab_fds();
		if (i > 20)
			SAME(&s, lab_fds(), fds);
	}
	clean_up(&s);
}

static int number(const char *variable, int otherwise)
{
	const char *s = getenv(variable);

	return s ? (int)strtol(s, NULL, 10) : otherwise;
}

static void every_sequence_does_what_the_model_says(void **state)
{
	static const unsigned int seeds[] = {1, 20250, 777777};
	int seed = number("NSNET_TEST_SEED", 0), ops = number("NSNET_TEST_OPS", 0);
	size_t i;

	(void)state;
	world_need();
	if (seed) {
		run_sequence((unsigned int)seed, ops ? ops : 500);
		return;
	}
	for (i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		run_sequence(seeds[i], ops ? ops : 200);
		(void)world_enter();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_sequence_does_what_the_model_says, world_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
