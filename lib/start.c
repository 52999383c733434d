/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "ids.h"
#include "spawn/fds.h"
#include "spawn/keep.h"

void nsn_start_clear(struct nsn_start *s)
{
	nsn_view_close(s->view);
	nsn_cgroup_close(&s->cgroup);
	nsn_optouts_clear(&s->optouts);
	nsn_tenant_clear(&s->tenant);
	free(s->filter.filter);
	nsn_closep(&s->netns);
	nsn_closep(&s->resolv);
	nsn_closep(&s->hosts);
	nsn_closep(&s->bare);
	free(s->env);
	nsn_arena_free(&s->mem);
}

/* ---- the network --------------------------------------------------------------------- */

static int absent(const struct nsn_start *s, struct nsnet_err *err)
{
	nsn_err(err, -ENOENT, NSNET_E_KERNEL,
		"endpoint '%s' of tenant '%s' has no network right now", s->endpoint->name,
		s->tenant.name);
	return nsn_err_hint(err, -ENOENT, "nsnet repair %s", s->tenant.name);
}

static int open_netns(struct nsn_start *s, struct nsnet_err *err)
{
	char file[NSN_NETNS_NAME_SIZE], path[sizeof(NSN_NETNS_DIR) + sizeof(file)];
	enum nsn_pin_kind kind;
	uint64_t known = 0, cookie = 0;
	int r;

	r = nsn_store_ns_get(s->n->store, s->tenant.id, s->endpoint->id, &known, err);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/%s", NSN_NETNS_DIR,
		       nsn_endpoint_netns_name(&s->tenant, s->endpoint, file));
	r = nsn_pin_look(path, &kind, &s->netns, err);
	if (r < 0)
		return r;
	if (!known || kind != NSN_PIN_NETNS)
		return absent(s, err);
	r = nsn_netns_peek(&s->n->home, s->netns, &cookie, err);
	if (r < 0)
		return r;
	return cookie == known ? 0 : absent(s, err);
}

/* /etc/netns/NAME/FILE; none: what everybody has. */
static int open_etc(const struct nsn_start *s, const char *name, int *ret, struct nsnet_err *err)
{
	char file[NSN_NETNS_NAME_SIZE];
	char path[sizeof(NSN_NETNS_ETC) + sizeof(file) + 16];

	(void)snprintf(path, sizeof(path), "%s/%s/%s", NSN_NETNS_ETC,
		       nsn_endpoint_netns_name(&s->tenant, s->endpoint, file), name);
	*ret = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*ret < 0 && errno != ENOENT)
		return nsn_err_sys(err, -errno, "cannot open '%s'", path);
	return 0;
}

static int find_network(struct nsn_start *s, struct nsnet_err *err)
{
	const char *name = s->def->endpoint ? s->def->endpoint : NSN_DEFAULT_ENDPOINT;
	size_t i = 0;
	int r;

	r = nsn_store_tenant_get(s->n->store, s->def->tenant, &s->tenant, err);
	if (r == 0)
		r = nsn_find_endpoint(&s->tenant, name, &i, err);
	if (r < 0)
		return r;
	s->endpoint = &s->tenant.endpoints[i];
	r = open_netns(s, err);
	if (r == 0)
		r = open_etc(s, "resolv.conf", &s->resolv, err);
	return r < 0 ? r : open_etc(s, "hosts", &s->hosts, err);
}

/* ---- what it sees ----------------------------------------------------------------------- */

static int bad(struct nsnet_err *err, const char *option, const char *value, const char *why)
{
	char shown[NSN_SHOW_SIZE];

	return nsn_err(err, -EINVAL, NSNET_E_BAD_RUN, "%s '%s' %s", option,
		       nsn_text_show(value, shown, sizeof(shown)), why);
}

static int read_size(const char *text, uint64_t *ret, struct nsnet_err *err)
{
	static const char units[] = "KMG";
	const size_t len = strlen(text);
	const char *unit = len ? strchr(units, text[len - 1]) : NULL;
	char digits[16];
	uint64_t n;

	if (!unit || !*unit || len > sizeof(digits))
		return bad(err, "--scratch", text, "is no size such as 64M or 2G");
	memcpy(digits, text, len - 1);
	digits[len - 1] = '\0';
	if (nsn_u64_parse(&n, digits, 1 << 20) < 0 || n == 0)
		return bad(err, "--scratch", text, "is no size such as 64M or 2G");
	*ret = n << 10 * (unit - units + 1);
	return 0;
}

static bool hostname_ok(const char *name)
{
	const size_t len = strlen(name);

	return len > 0 && len <= 63 && name[0] != '-' && name[len - 1] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
		       len;
}

static int check_hostname(const char *name, struct nsnet_err *err)
{
	if (!hostname_ok(name))
		return bad(err, "--hostname", name, "has to be of letters, digits, '-' and '.'");
	return 0;
}

static int open_view(struct nsn_start *s, struct nsnet_err *err)
{
	const struct nsnet_run_def *def = s->def;
	struct nsn_view_def view = {
		.rootfs = def->rootfs,
		.volumes = def->volumes,
		.n_volumes = def->n_volumes,
		.etc = def->etc,
		.n_etc = def->n_etc,
		.user = def->user,
		.ids = &s->ids,
		.no_userns = s->optouts.share & 1u << NSNET_NS_USER,
		.hostname = def->hostname,
		.resolv = s->resolv,
		.hosts = s->hosts,
		.state = s->n ? s->n->state_dir : NULL,
	};
	int r = 0;

	if (!view.hostname)
		view.hostname = s->name;
	r = check_hostname(view.hostname, err);
	if (r == 0 && def->scratch)
		r = read_size(def->scratch, &view.scratch, err);
	if (r == 0)
		r = s->n ? nsn_keep_open(&s->n->keep, &view, &s->view, err)
			 : nsn_view_open(&view, &s->view, err);
	s->spawn.hostname = view.hostname;
	return r;
}

static int own_ids(struct nsn_start *s, struct nsnet_err *err)
{
	if (!s->def->map_user)
		return nsn_tenant_ids(s->n, s->tenant.id, s->tenant.name, &s->ids, err);
	if (s->optouts.share & 1u << NSNET_NS_USER)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_RUN,
			       "--map-user is for a user namespace, and there is none");
	return nsn_ids_with_user(s->n, s->tenant.id, s->tenant.name, s->def->map_user, &s->ids,
				 err);
}

/* ---- what it gets -------------------------------------------------------------------------- */

static int add_env(struct nsn_start *s, size_t *n, const char *text, struct nsnet_err *err)
{
	const size_t len = strcspn(text, "=");

	if (len == 0 || text[len] != '=')
		return bad(err, "--env", text, "is not NAME=VALUE");
	/* What was said last counts. */
	for (size_t i = 0; i < *n; i++)
		if (strncmp(s->env[i], text, len + 1) == 0) {
			s->env[i] = text;
			return 0;
		}
	s->env[(*n)++] = text;
	return 0;
}

static int fill_env(struct nsn_start *s, struct nsnet_err *err)
{
	const char *user = nsn_view_user(s->view);
	const char *const own[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG=C.UTF-8",
		"container=nsnet",
		nsn_arena_printf(&s->mem, "HOME=%s", nsn_view_home(s->view)),
		nsn_arena_printf(&s->mem, "USER=%s", user),
		nsn_arena_printf(&s->mem, "LOGNAME=%s", user),
		nsn_arena_printf(&s->mem, "NSNET_TENANT=%s", s->n ? s->tenant.name : ""),
		nsn_arena_printf(&s->mem, "NSNET_ENDPOINT=%s", s->n ? s->endpoint->name : ""),
	};
	size_t n = 0;
	int r = 0;

	s->env = calloc(NSN_COUNT(own) + s->def->n_env + 1, sizeof(*s->env));
	if (!s->env)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < NSN_COUNT(own); i++) {
		if (!own[i])
			return nsn_err_nomem(err);
		s->env[n++] = own[i];
	}
	for (size_t i = 0; r == 0 && i < s->def->n_env; i++)
		r = add_env(s, &n, s->def->env[i], err);
	s->spawn.env = s->env;
	return r;
}

static int check_fds(struct nsn_start *s, struct nsnet_err *err)
{
	const struct nsnet_run_def *def = s->def;
	int r;

	for (int i = 0; i < 3; i++) {
		r = nsn_fd_check(def->stdio[i], err);
		if (r < 0)
			return nsn_err_wrap(err, r, "standard %s",
					    i == 0   ? "input"
					    : i == 1 ? "output"
						     : "error");
		s->spawn.stdio[i] = def->stdio[i];
		if (r == 1)
			s->spawn.tty |= 1u << i;
	}
	if (def->n_fds > NSN_SPAWN_FDS)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_DESCRIPTOR, "more than %d descriptors",
			       NSN_SPAWN_FDS);
	for (size_t i = 0; i < def->n_fds; i++) {
		if (def->fds[i] < 3)
			return nsn_err(err, -EINVAL, NSNET_E_BAD_DESCRIPTOR,
				       "0, 1 and 2 are given anyway");
		r = nsn_fd_check(def->fds[i], err);
		if (r == 1)
			r = nsn_err(err, -EINVAL, NSNET_E_BAD_DESCRIPTOR,
				    "descriptor %d is a terminal", def->fds[i]);
		if (r < 0)
			return r;
		s->spawn.fds[s->spawn.n_fds++] = def->fds[i];
	}
	return 0;
}

static int outside_user(const struct nsn_start *s, uint32_t inside, uint32_t *ret,
			struct nsnet_err *err)
{
	if (!(s->optouts.share & 1u << NSNET_NS_USER)) {
		*ret = inside;
		return 0;
	}
	if (nsn_ids_outside(&s->ids, inside, ret) < 0)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_USER, "number %u is not in the range",
			       inside);
	return 0;
}

static int fill_confine(struct nsn_start *s, struct nsnet_err *err)
{
	struct nsn_confine *c = &s->spawn.confine;
	NSN_AUTO(nsn_closep) int fd = -1;
	int r;

	*c = (struct nsn_confine){.caps = s->optouts.caps, .landlock = true, .keyring = true};
	r = outside_user(s, nsn_view_uid(s->view), &c->uid, err);
	if (r == 0)
		r = outside_user(s, nsn_view_gid(s->view), &c->gid, err);
	if (r < 0)
		return r;
	c->filter = nsn_filter_for(c->caps);
	if (!s->def->seccomp)
		return 0;
	fd = open(s->def->seccomp, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return nsn_err(err, -errno, NSNET_E_BAD_SECCOMP, "cannot open '%s': %s",
			       s->def->seccomp, strerror(errno));
	r = nsn_filter_read(fd, s->def->seccomp, c->caps, &s->filter, err);
	c->filter = &s->filter;
	return r;
}

/* Somebody else's network: it has no files of ours, and its name is that of its pin. */
static int use_netns(struct nsn_start *s, struct nsnet_err *err)
{
	const struct nsnet_run_def *def = s->def;
	const char *name = strrchr(def->netns, '/');
	enum nsn_pin_kind kind;
	int r;

	if (s->optouts.n > 0) {
		nsn_err(err, -EINVAL, NSNET_E_NOT_SHAREABLE,
			"%s is an opt-out of isolation, and nobody would record it",
			s->optouts.list[0].kind);
		return nsn_err_hint(err, -EINVAL, "nsnet run TENANT --because ...");
	}
	if (def->base < NSN_IDS_RANGE || def->base > UINT32_MAX - NSN_IDS_RANGE)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_ID_MAP,
			       "numbers from %u on: those below %u are the host's own", def->base,
			       NSN_IDS_RANGE);
	r = nsn_pin_look(def->netns, &kind, &s->netns, err);
	if (r < 0)
		return r;
	if (kind != NSN_PIN_NETNS)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_RUN, "'%s' is no network namespace",
			       def->netns);
	nsn_ids_range(def->base, &s->ids);
	s->name = name && hostname_ok(name + 1) ? name + 1 : "workload";
	return 0;
}

static int use_tenant(struct nsn_start *s, struct nsnet_err *err)
{
	const int r = find_network(s, err);

	if (r < 0)
		return r;
	s->name = strcmp(s->endpoint->name, NSN_DEFAULT_ENDPOINT) == 0 ? s->tenant.name
								       : s->endpoint->name;
	return own_ids(s, err);
}

int nsn_start_prepare(struct nsn_start *s, struct nsnet_err *err)
{
	const struct nsnet_run_def *def = s->def;
	int r;

	if (!def->argv || !def->argv[0] || !def->argv[0][0])
		return nsn_err(err, -EINVAL, NSNET_E_BAD_RUN, "there is no command");
	if (def->cwd && def->cwd[0] != '/')
		return bad(err, "--cwd", def->cwd, "is not an absolute path");
	r = nsn_optouts_read(def, (int64_t)time(NULL), &s->optouts, err);
	if (r == 0)
		r = check_fds(s, err);
	if (r == 0)
		r = s->n ? use_tenant(s, err) : use_netns(s, err);
	if (r == 0)
		r = open_view(s, err);
	if (r == 0)
		r = fill_env(s, err);
	if (r == 0)
		r = fill_confine(s, err);
	s->spawn.argv = def->argv;
	s->spawn.cwd = def->cwd;
	s->spawn.netns = s->netns;
	s->spawn.share = s->optouts.share;
	s->spawn.time = def->time;
	s->spawn.ids = &s->ids;
	s->spawn.view = s->view;
	return r;
}
