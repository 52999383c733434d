/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables of others in which packets of tenants are lost. An accept in our table does not help
 * there: each base chain decides for itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netlink.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "doctor.h"
#include "kernel/nft.h"
#include "nl/nl.h"

NSN_CLEANUP(struct nsn_nl, nsn_nl_close)

#define OWN_TABLE "nsnet"

/* Whose a chain is: each has a number of its own, which does not change. */
enum who { NFT, FIREWALLD, UFW, DOCKER, IPTABLES, FILTER, BRIDGE };

static const struct {
	const char *id, *name;
	bool fixable;
} kinds[] = {
	[NFT] = {"D101", "nftables", true},
	[FIREWALLD] = {"D102", "firewalld", true},
	[UFW] = {"D103", "ufw", true},
	[DOCKER] = {"D104", "docker", true},
	[IPTABLES] = {"D105", "iptables", true},
	[FILTER] = {"D106", "nftables.conf", true},
	[BRIDGE] = {"D108", "a bridge table", false},
};

#define LEGACY	  "D107"
#define NOTHING	  "D100"
#define DOCKERS	  "DOCKER-USER" /* the chain that docker leaves to others */
#define MARK_SIZE 80

/* The comment of our rules. */
static const char *mark(const struct nsnet *n, enum who who, char buf[MARK_SIZE])
{
	(void)snprintf(buf, MARK_SIZE, "nsnet doctor %s store %s", kinds[who].id, n->owner.store);
	return buf;
}

/* ---- whose -------------------------------------------------------------------------- */

static const char *family_name(uint8_t family)
{
	return family == NFPROTO_IPV4	? "ip"
	       : family == NFPROTO_IPV6 ? "ip6"
	       : family == NFPROTO_INET ? "inet"
					: "bridge";
}

/* Whether its table has a chain whose name begins so. */
static bool has_chain(const struct nsn_foreign *f, const struct nsn_foreign_chain *beside,
		      const char *start)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct nsn_foreign_chain *c = &f->chains[i];

		if (c->family == beside->family && strcmp(c->table, beside->table) == 0 &&
		    strncmp(c->name, start, strlen(start)) == 0)
			return true;
	}
	return false;
}

static enum who whose(const struct nsn_foreign *f, const struct nsn_foreign_chain *c)
{
	const bool filter = strcmp(c->table, "filter") == 0;

	if (c->family == NFPROTO_BRIDGE)
		return BRIDGE;
	if (strcmp(c->table, "firewalld") == 0)
		return FIREWALLD;
	if (strncmp(c->table, "docker", strlen("docker")) == 0 || has_chain(f, c, "DOCKER"))
		return DOCKER;
	if (has_chain(f, c, "ufw-") || has_chain(f, c, "ufw6-"))
		return UFW;
	if (filter && c->family != NFPROTO_INET)
		return IPTABLES;
	return filter ? FILTER : NFT;
}

/* A base chain that what is forwarded passes, and that is not ours. */
static bool is_asked(const struct nsn_foreign_chain *c)
{
	return *c->type && c->hook == NF_INET_FORWARD &&
	       (c->family == NFPROTO_IPV4 || c->family == NFPROTO_IPV6 ||
		c->family == NFPROTO_INET || c->family == NFPROTO_BRIDGE) &&
	       !(c->family == NFPROTO_INET && strcmp(c->table, OWN_TABLE) == 0);
}

static bool lets_uplinks_through(const struct nsn_foreign *f, const struct nsn_foreign_chain *c)
{
	return !nsn_foreign_loses(f, c, NSN_FOREIGN_IN) &&
	       !nsn_foreign_loses(f, c, NSN_FOREIGN_OUT);
}

/* Where rules are added: docker removes what is in its other chains. */
static const struct nsn_foreign_chain *target_of(const struct nsn_foreign *f,
						 const struct nsn_foreign_chain *base)
{
	const struct nsn_foreign_chain *users = nsn_foreign_find(f, base, DOCKERS);

	return users && nsn_foreign_leads_to(f, base, DOCKERS) ? users : base;
}

static bool has_mark(const struct nsn_foreign_chain *c, const char *comment)
{
	for (size_t i = 0; i < c->n_rules; i++)
		if (strcmp(c->rules[i].comment, comment) == 0)
			return true;
	return false;
}

/* ---- checks --------------------------------------------------------------------------- */

/* Of one that lets the packets of uplinks through, though it drops what it does not know. */
static int say_through(struct nsn_exam *x, const struct nsn_foreign *f,
		       const struct nsn_foreign_chain *c, struct nsnet_err *err)
{
	const struct nsn_foreign_chain *target = target_of(f, c);
	const enum who who = whose(f, c);
	char comment[MARK_SIZE];
	bool fixed = has_mark(target, mark(x->n, who, comment));
	int r;

	r = nsn_doctor_say(
		x, kinds[who].id, NSNET_HEALTHY, "", err,
		"%s drops in chain '%s' of '%s %s' what it does not know; '%s' has rules %sfor "
		"uplinks",
		kinds[who].name, c->name, family_name(c->family), c->table, target->name,
		fixed ? "of `nsnet doctor --fix` " : "");
	if (r == 0) {
		x->d->list[x->d->n - 1].fixable = true;
		x->d->list[x->d->n - 1].fixed = fixed;
	}
	return r;
}

static int say_lost(struct nsn_exam *x, const struct nsn_foreign *f,
		    const struct nsn_foreign_chain *c, struct nsnet_err *err)
{
	const enum who who = whose(f, c);
	char remedy[64];
	int r;

	(void)snprintf(remedy, sizeof(remedy), "nsnet doctor --fix %s", kinds[who].id);
	r = nsn_doctor_say(x, kinds[who].id, x->uplinks ? NSNET_FAILING : NSNET_DOUBTFUL, remedy,
			   err, "%s drops in chain '%s' of '%s %s', %s: %s", kinds[who].name,
			   c->name, family_name(c->family), c->table,
			   c->drops ? "by its policy" : "by a rule for all that comes to it",
			   x->uplinks ? "what tenants are allowed to reach outside is lost"
				      : "what a tenant is allowed to reach outside would be lost "
					"(none has an uplink now)");
	if (r == 0)
		x->d->list[x->d->n - 1].fixable = true;
	return r;
}

static int check_chain(struct nsn_exam *x, const struct nsn_foreign *f,
		       const struct nsn_foreign_chain *c, struct nsnet_err *err)
{
	if (!nsn_foreign_loses(f, c, NSN_FOREIGN_ANY))
		return 0;
	if (c->family == NFPROTO_BRIDGE)
		return nsn_doctor_say(x, kinds[BRIDGE].id, NSNET_HEALTHY, "", err,
				      "chain '%s' of 'bridge %s' drops frames between ports of the "
				      "host's bridges: packets of tenants are not among them",
				      c->name, c->table);
	return lets_uplinks_through(f, c) ? say_through(x, f, c, err) : say_lost(x, f, c, err);
}

/* iptables' own tables of before nftables: only that they are there can be seen. */
static int check_legacy(struct nsn_exam *x, struct nsnet_err *err)
{
	static const struct {
		const char *path, *tool;
	} files[] = {{"/proc/thread-self/net/ip_tables_names", "iptables-legacy"},
		     {"/proc/thread-self/net/ip6_tables_names", "ip6tables-legacy"}};
	char text[256], remedy[64];
	int r = 0;

	for (size_t i = 0; r == 0 && i < NSN_COUNT(files); i++) {
		if (nsn_file_read(AT_FDCWD, files[i].path, text, sizeof(text)) < 0 ||
		    !strstr(text, "filter"))
			continue;
		(void)snprintf(remedy, sizeof(remedy), "%s -S FORWARD", files[i].tool);
		r = nsn_doctor_say(x, LEGACY, NSNET_DOUBTFUL, remedy, err,
				   "rules of %s are there, which nsnet cannot read: what their "
				   "chain FORWARD drops is lost",
				   files[i].tool);
	}
	return r;
}

static int read_host(struct nsn_nl **nl, struct nsn_foreign *ret, struct nsnet_err *err)
{
	int r = nsn_nl_open(nl, NETLINK_NETFILTER, err);

	return r < 0 ? r : nsn_foreign_read(*nl, ret, err);
}

static int by_id(const void *a, const void *b)
{
	const struct nsnet_check *x = a, *y = b;

	return strcmp(x->id, y->id);
}

int nsn_doctor_firewalls(struct nsn_exam *x, struct nsnet_err *err)
{
	NSN_AUTO(nsn_foreign_clear) struct nsn_foreign f = {0};
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	const size_t first = x->d->n;
	struct nsnet_err why = {0};
	int r = read_host(&nl, &f, &why);

	if (r < 0)
		return nsn_doctor_unknown(x, NOTHING, "tables of others", &why, err);
	for (size_t i = 0; r == 0 && i < f.n; i++)
		if (is_asked(&f.chains[i]))
			r = check_chain(x, &f, &f.chains[i], err);
	if (r == 0)
		r = check_legacy(x, err);
	if (r == 0 && x->d->n == first)
		r = nsn_doctor_say(x, NOTHING, NSNET_HEALTHY, "", err,
				   "no table of others drops what the host forwards");
	if (r == 0)
		qsort(x->d->list + first, x->d->n - first, sizeof(*x->d->list), by_id);
	return r;
}

/* ---- fixing --------------------------------------------------------------------------- */

struct nsnet_doctor_fix {
	struct nsnet_doctor_rule *list;
	size_t n;
	struct nsn_arena mem;
};

void nsnet_doctor_fix_free(struct nsnet_doctor_fix *f)
{
	if (!f)
		return;
	free(f->list);
	nsn_arena_free(&f->mem);
	free(f);
}
NSN_CLEANUP(struct nsnet_doctor_fix, nsnet_doctor_fix_free)

size_t nsnet_doctor_fix_count(const struct nsnet_doctor_fix *f)
{
	return f->n;
}

const struct nsnet_doctor_rule *nsnet_doctor_fix_get(const struct nsnet_doctor_fix *f, size_t i)
{
	return &f->list[i];
}

struct fixing {
	struct nsnet_doctor_fix *ret;
	struct nsn_foreign f;
	struct nsn_nft_txn *t;
	enum who who;
	char comment[MARK_SIZE];
};

static void fixing_clear(struct fixing *x)
{
	nsn_foreign_clear(&x->f);
	nsn_nft_free(x->t);
}

static int tell(struct fixing *x, const struct nsn_foreign_chain *c, const char *rule,
		struct nsnet_err *err)
{
	struct nsnet_doctor_fix *f = x->ret;
	struct nsnet_doctor_rule *more = reallocarray(f->list, f->n + 1, sizeof(*more)), *one;

	if (!more)
		return nsn_err_nomem(err);
	f->list = more;
	one = &more[f->n];
	*one = (struct nsnet_doctor_rule){
		.table = nsn_arena_printf(&f->mem, "%s %s", family_name(c->family), c->table),
		.chain = nsn_arena_strdup(&f->mem, c->name),
		.rule = nsn_arena_strdup(&f->mem, rule),
	};
	if (!one->table || !one->chain || !one->rule)
		return nsn_err_nomem(err);
	f->n++;
	return 0;
}

/* Whoever copies the comment does not make a rule ours. */
static bool is_mine(const struct fixing *x, const struct nsn_foreign_rule *rule)
{
	return strcmp(rule->comment, x->comment) == 0 && rule->way != NSN_FOREIGN_ANY &&
	       rule->verdict == NSN_FOREIGN_ACCEPT;
}

static const char *words_of(const struct nsn_foreign_rule *rule)
{
	if (rule->way == NSN_FOREIGN_IN)
		return "iifname \"nsn*\" accept";
	return rule->more ? "oifname \"nsn*\" ct ... accept" : "oifname \"nsn*\" accept";
}

/* @say: it is what was asked for, and not only makes room. */
static int remove_from(struct fixing *x, const struct nsn_foreign_chain *c, bool say,
		       struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->n_rules; i++) {
		if (!is_mine(x, &c->rules[i]))
			continue;
		r = nsn_foreign_delete(x->t, c, c->rules[i].handle, err);
		if (r == 0 && say)
			r = tell(x, c, words_of(&c->rules[i]), err);
	}
	return r;
}

/* The rules are listed as they will stand, and inserted from the last to the first. */
static int add_to(struct fixing *x, const struct nsn_foreign_chain *c, struct nsnet_err *err)
{
	char text[NSN_FOREIGN_TEXT];
	size_t n = 0;
	int r = remove_from(x, c, false, err);

	for (; r == 0 && nsn_foreign_text(c, n, text); n++)
		r = tell(x, c, text, err);
	while (r == 0 && n > 0)
		r = nsn_foreign_insert(x->t, c, --n, x->comment, err);
	return r;
}

static int plan(struct fixing *x, bool undo, struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->f.n; i++) {
		const struct nsn_foreign_chain *c = &x->f.chains[i];

		if (undo)
			r = remove_from(x, c, true, err);
		else if (is_asked(c) && whose(&x->f, c) == x->who &&
			 nsn_foreign_loses(&x->f, c, NSN_FOREIGN_ANY) &&
			 !lets_uplinks_through(&x->f, c))
			r = add_to(x, target_of(&x->f, c), err);
	}
	return r;
}

static int find_kind(const char *id, enum who *ret, struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];

	for (size_t i = 0; i < NSN_COUNT(kinds); i++)
		if (kinds[i].fixable && strcmp(kinds[i].id, id) == 0) {
			*ret = (enum who)i;
			return 0;
		}
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE,
		      "'%s' is no check that can be fixed: those are D101 to D106",
		      nsn_text_show(id, shown, sizeof(shown)));
	return nsn_err_hint(err, -EINVAL, "nsnet doctor");
}

static int refused(int r, struct nsnet_err *err)
{
	(void)nsn_err_wrap(err, r, "write into a table of somebody else");
	return nsn_err_hint(err, r,
			    "a table can belong to a program that runs, which alone may change it: "
			    "let it accept what comes from and goes to nsn*");
}

int nsnet_doctor_fix(struct nsnet *n, const char *id, bool undo, unsigned int flags,
		     struct nsnet_doctor_fix **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_doctor_fix_freep) struct nsnet_doctor_fix *fix = calloc(1, sizeof(*fix));
	NSN_AUTO(fixing_clear) struct fixing x = {.ret = fix};
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	int r;

	if (!fix)
		return nsn_err_nomem(err);
	r = find_kind(id, &x.who, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r == 0)
		r = read_host(&nl, &x.f, err);
	if (r == 0)
		r = nsn_nft_begin(&x.t, err);
	if (r < 0)
		return r;
	(void)mark(n, x.who, x.comment);
	r = plan(&x, undo, err);
	if (r < 0)
		return r;
	if (fix->n > 0 && !(flags & NSNET_DRY_RUN)) {
		r = nsn_nft_commit(x.t, nl, err);
		if (r < 0)
			return r == -EPERM ? refused(r, err) : r;
	}
	*ret = NSN_TAKE_PTR(fix);
	return 0;
}
