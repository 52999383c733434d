/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify, matrix, snapshot: isolation proved from the kernel's own state */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../lib/base/cleanup.h"
#include "../lib/base/text.h"
#include "change.h"
#include "given.h"
#include "view_proof.h"
#include "view_self_test.h"

#define SECONDS_MAX 86400

NSN_CLEANUP(const struct nsnet_proof, nsnet_proof_free)
NSN_CLEANUP(const struct nsnet_graph, nsnet_graph_free)
NSN_CLEANUP(const struct nsnet_self_tested, nsnet_self_tested_free)

const struct opt verify_options[] = {
	{"model", 0, NULL, "follow packets through a model of the kernel, and send none (usual)", 0,
	 offsetof(struct opts, model), opt_set_true},
	{"probe", 0, NULL, "send packets as well: from the tenants' own ends, harmless ones", 0,
	 offsetof(struct opts, probe), opt_set_true},
	{"canaries", 0, NULL,
	 "with --probe: send all kinds to endpoints made for the run, one in each tenant", 0,
	 offsetof(struct opts, canaries), opt_set_true},
	{"aggressive", 0, NULL,
	 "with --canaries: also what is meant to do harm (STP, DHCP, router announcements)", 0,
	 offsetof(struct opts, aggressive), opt_set_true},
	GIVEN_OPTION,
	{"host", 0, NULL, "look at this machine as it is, whoever made its networks", 0,
	 offsetof(struct opts, any_host), opt_set_true},
	{"seconds", 0, "N", "give up after so long (60)", 0, offsetof(struct opts, seconds),
	 opt_set_number},
	{"self-test", 0, NULL, "plant faults in a throw-away host, and see whether they are found",
	 0, offsetof(struct opts, self_test), opt_set_true},
	{0},
};

const struct opt matrix_options[] = {
	GIVEN_OPTION,
	{"seconds", 0, "N", "give up after so long (60)", 0, offsetof(struct opts, seconds),
	 opt_set_number},
	{0},
};

const struct opt snapshot_options[] = {
	{"force", 0, NULL, "replace a file that is there", 0, offsetof(struct opts, force),
	 opt_set_true},
	{0},
};

/* ---- verify ---------------------------------------------------------------------- */

static int check_probe(const struct opts *o, struct nsnet_err *err)
{
	const char *what = NULL,
		   *hint = o->any_host ? "nsnet verify --host" : "nsnet verify --probe";

	if (o->model && o->probe)
		what = "--model sends nothing, --probe does";
	else if (o->snapshot && o->probe)
		what = "nothing can be sent into a file: --probe and --snapshot exclude each other";
	else if (o->any_host && o->probe)
		what = "--host sends nothing: what runs there is not ours to disturb";
	else if (o->canaries && !o->probe)
		what = "--canaries is about packets that are sent";
	else if (o->aggressive && !o->canaries)
		what = "--aggressive needs endpoints that nobody lives in";
	if (!what)
		return 0;
	if (!o->probe || o->aggressive)
		hint = o->aggressive ? "nsnet verify --probe --canaries --aggressive"
				     : "nsnet verify --probe --canaries";
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "%s", what);
	return nsn_err_hint(err, -EINVAL, "%s", hint);
}

/* Of matrix, too. */
int check_verify(const struct ctx *ctx, struct nsnet_err *err)
{
	if (ctx->opts.seconds > SECONDS_MAX) {
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "a proof takes at most %d seconds",
			      SECONDS_MAX);
		return nsn_err_hint(err, -EINVAL, "--seconds 600");
	}
	if (check_probe(&ctx->opts, err) < 0)
		return -EINVAL;
	if (ctx->opts.self_test &&
	    (ctx->argc > 0 || ctx->opts.snapshot || ctx->opts.probe || ctx->opts.any_host))
		return nsn_err(err, -EINVAL, NSNET_E_USAGE,
			       "--self-test is about no tenant of this machine: it stands alone");
	if (ctx->opts.any_host && (ctx->argc > 0 || ctx->opts.snapshot)) {
		(void)nsn_err(
			err, -EINVAL, NSNET_E_USAGE,
			"--host is about all networks of this machine: %s does not go with it",
			ctx->argc > 0 ? "a pair" : "--snapshot");
		return nsn_err_hint(err, -EINVAL, "nsnet verify --host");
	}
	if (ctx->argc % 2 == 0)
		return 0;
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "'verify' takes pairs: '%s' has no TO",
		      ctx->argv[ctx->argc - 1]);
	return nsn_err_hint(err, -EINVAL, "nsnet verify customer1 customer2");
}

static int self_test(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_self_tested_freep) const struct nsnet_self_tested *s = NULL;
	const struct out *o = &ctx->opts.out;
	int r = nsnet_self_test(ctx->n, &s, err);

	if (r < 0)
		return r;
	if (out_is_document(o))
		r = view_self_test_document(o, s, err);
	else
		view_self_test_text(o, s);
	return r < 0 ? r : s->caught == s->n ? 0 : 3;
}

int cmd_verify(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_proof_freep) const struct nsnet_proof *p = NULL;
	NSN_AUTO(given_clear) struct given g = {0};
	const struct out *o = &ctx->opts.out;
	/* A machine where nsnet never was has no store, and gets none. */
	int r = ctx->opts.self_test || ctx->opts.any_host ? 0 : given_open(ctx, &g, err);

	if (r < 0)
		return r;
	if (ctx->opts.self_test)
		return self_test(ctx, err);
	g.how.host = ctx->opts.any_host;
	g.how.seconds = (unsigned int)ctx->opts.seconds;
	g.how.pairs = ctx->argc > 0 ? (const char *const *)ctx->argv : NULL;
	g.how.n_pairs = (size_t)ctx->argc / 2;
	g.how.probe = ctx->opts.probe;
	g.how.canaries = ctx->opts.canaries;
	g.how.aggressive = ctx->opts.aggressive;
	r = CMD_WAIT(ctx, nsnet_verify(ctx->n, &g.how, &p, err));
	if (r < 0)
		return r;
	if (out_is_document(o))
		r = view_proof_document(o, p, err);
	else
		view_proof_text(o, p, ctx->argc > 0);
	return r < 0 ? r : given_status(p->verdict);
}

/* ---- matrix ---------------------------------------------------------------------- */

struct names {
	const char **list;
	size_t n, max;
};

static void names_clear(struct names *names)
{
	free(names->list);
}

static int names_add(struct names *names, const char *name, struct nsnet_err *err)
{
	const char **more;

	if (!*name)
		return 0;
	if (names->n == names->max) {
		more = reallocarray(names->list, names->max * 2 + 16, sizeof(*more));
		if (!more)
			return nsn_err_nomem(err);
		names->list = more;
		names->max = names->max * 2 + 16;
	}
	names->list[names->n++] = name;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return view_name_cmp(*(const char *const *)a, *(const char *const *)b);
}

/* Everybody who has a namespace, and everybody of whom the proof speaks. */
static int collect(struct names *names, const struct nsnet_graph *g, const struct nsnet_proof *p,
		   struct nsnet_err *err)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->n_nodes; i++)
		r = names_add(names, g->nodes[i].tenant, err);
	for (size_t i = 0; r == 0 && i < p->n_listed; i++) {
		r = names_add(names, p->pairs[i].from, err);
		if (r == 0)
			r = names_add(names, p->pairs[i].to, err);
	}
	if (r < 0)
		return r;
	if (names->n > 0)
		qsort(names->list, names->n, sizeof(*names->list), by_name);
	for (size_t i = 0; i < names->n; i++)
		if (i == 0 || strcmp(names->list[i], names->list[kept - 1]) != 0)
			names->list[kept++] = names->list[i];
	names->n = kept;
	return 0;
}

int cmd_matrix(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_proof_freep) const struct nsnet_proof *p = NULL;
	NSN_AUTO(nsnet_graph_freep) const struct nsnet_graph *graph = NULL;
	NSN_AUTO(names_clear) struct names names = {0};
	NSN_AUTO(given_clear) struct given g = {0};
	struct view_matrix m;
	int r = given_freeze(ctx, &g, err);

	if (r == 0)
		r = CMD_WAIT(ctx, nsnet_verify(ctx->n, &g.how, &p, err));
	if (r == 0)
		r = nsnet_graph(ctx->n, &g.how, &graph, err);
	if (r == 0)
		r = collect(&names, graph, p, err);
	if (r < 0 || !p)
		return r;
	m = (struct view_matrix){.proof = p, .names = names.list, .n = names.n};
	r = view_matrix(&ctx->opts.out, &m, err);
	return r < 0 ? r : given_status(p->verdict);
}

/* ---- snapshot -------------------------------------------------------------------- */

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int cannot_write(const char *path, int code, struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];

	(void)nsn_text_show(path, shown, sizeof(shown));
	if (code != -EEXIST)
		return nsn_err_sys(err, code, "file '%s' cannot be written", shown);
	(void)nsn_err(err, code, NSNET_E_BAD_FILE, "file '%s' is there already", shown);
	return nsn_err_hint(err, code, "--force replaces it");
}

/* Under another name until it is whole: nobody ever finds half of it. */
static int save(const char *path, bool force, const char *text, size_t len, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *name = NULL;
	NSN_AUTO(nsn_closep) int fd = -1;
	int r;

	if (asprintf(&name, "%s.XXXXXX", path) < 0) {
		name = NULL;
		return nsn_err_nomem(err);
	}
	fd = mkostemp(name, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return cannot_write(path, -errno, err);
	r = write_all(fd, text, len);
	/* link() takes no name that is there. */
	if (r == 0 && (force ? rename(name, path) : link(name, path)) < 0)
		r = -errno;
	if (r < 0 || !force)
		(void)unlink(name);
	return r < 0 ? cannot_write(path, r, err) : 0;
}

int cmd_snapshot(struct ctx *ctx, struct nsnet_err *err)
{
	const char *path = ctx->argc > 0 ? ctx->argv[0] : "-";
	const struct out *o = &ctx->opts.out;
	NSN_AUTO(nsn_freep) char *text = NULL;
	char bytes[OUT_BYTES_SIZE];
	size_t len;
	int r = CMD_WAIT(ctx, nsnet_snapshot(ctx->n, &text, &len, err));

	if (r < 0)
		return r;
	if (strcmp(path, "-") == 0) {
		(void)fwrite(text, 1, len, o->to);
		return 0;
	}
	r = save(path, ctx->opts.force, text, len, err);
	if (r < 0 || o->quiet || out_is_document(o))
		return r;
	fputs("saved to ", o->to);
	out_safe(o->to, path);
	fprintf(o->to, " (%s)\n", out_bytes(len, bytes));
	return 0;
}
