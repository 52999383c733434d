/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies - files of policies, as they are handed out
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctx.h"
#include "policy/chars.h"
#include "policy/language.h"
#include "policy/policy.h"

struct nsnet_policies {
	struct nsn_policy_set set;
	struct nsn_arena mem; /* what the views below point to */
	struct nsnet_diag *diags;
	size_t n_diags;
	struct nsnet_policy *rules;
	struct nsn_tenant *tenants; /* those of the host and those of the files, for questions */
	size_t n_tenants;
	struct nsn_policy *asked; /* rules of the files, and what follows from `dns` in them */
	size_t n_asked;
	int64_t now;
};

void nsnet_policies_free(struct nsnet_policies *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_tenants; i++)
		nsn_tenant_clear(&p->tenants[i]);
	free(p->tenants);
	/* Those of the files are the set's. */
	for (size_t i = p->set.n_policies; i < p->n_asked; i++)
		nsn_policy_clear(&p->asked[i]);
	free(p->asked);
	nsn_arena_free(&p->mem);
	nsn_policy_set_clear(&p->set);
	free(p);
}
NSN_CLEANUP(struct nsnet_policies, nsnet_policies_free)

const struct nsn_policy_set *nsn_policies_set(const struct nsnet_policies *p)
{
	return &p->set;
}

/* ---- what is wrong ---------------------------------------------------------------------- */

/* As much of a line as anybody reads, and what is before the place in it. */
#define SOURCE_CHARS 160
#define SOURCE_LEAD  40

/* @text after @n characters, at @end at the latest. */
static const char *skip(const char *text, const char *end, size_t n)
{
	for (; text < end && n > 0; n--)
		do
			text++;
		while (text < end && ((unsigned char)*text & 0xc0) == 0x80);
	return text;
}

/* What a file may not have in it is not shown either: each such character is a '?'. */
static char *clean(struct nsnet_policies *p, const char *text, const char *end)
{
	char *copy = nsn_arena_alloc(&p->mem, (size_t)(end - text) + 1), *to = copy;
	char why[NSN_CHARS_WHY_SIZE];
	struct nsn_span at;

	if (!copy)
		return NULL;
	while (text < end) {
		const char *next = skip(text, end, 1);
		size_t n = (size_t)(next - text);

		if (nsn_chars_ok(text, n, &at, why))
			to = mempcpy(to, text, n);
		else
			*to++ = '?';
		text = next;
	}
	*to = '\0';
	return copy;
}

static int fill_source(struct nsnet_policies *p, struct nsnet_diag *ret,
		       const struct nsn_policy_file *file)
{
	const char *line = file->text, *end = file->text + file->len, *eol;
	size_t chars = 0;

	/* A byte order mark has no column. */
	if (file->len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3;
	for (uint32_t n = 1; n < ret->line && line < end; n++) {
		eol = memchr(line, '\n', (size_t)(end - line));
		line = eol ? eol + 1 : end;
	}
	eol = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;
	end = eol ? eol : end;
	if (end > line && end[-1] == '\r')
		end--;
	for (const char *c = line; c < end && chars <= SOURCE_CHARS; chars++)
		c = skip(c, end, 1);
	ret->source_col = 1;
	if (chars > SOURCE_CHARS) {
		if (ret->col > SOURCE_LEAD)
			ret->source_col = ret->col - SOURCE_LEAD;
		line = skip(line, end, ret->source_col - 1);
		end = skip(line, end, SOURCE_CHARS);
	}
	ret->source = clean(p, line, end);
	return ret->source ? 0 : -ENOMEM;
}

static int fill_diags(struct nsnet_policies *p)
{
	const struct nsn_policy_set *s = &p->set;
	size_t n = 0;

	for (size_t i = 0; i < s->n_files; i++)
		n += s->files[i].diags->n;
	p->diags = nsn_arena_alloc(&p->mem, (n + 1) * sizeof(*p->diags));
	if (!p->diags)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_files; i++) {
		for (size_t k = 0; k < s->files[i].diags->n; k++) {
			const struct nsn_diag *d = &s->files[i].diags->list[k];
			struct nsnet_diag *ret = &p->diags[p->n_diags++];

			*ret = (struct nsnet_diag){
				.severity = d->severity,
				.id = d->id,
				.file = s->files[i].name,
				.line = d->at.line,
				.col = d->at.col,
				.end_line = d->at.end_line,
				.end_col = d->at.end_col,
				.text = d->text,
				.hint = d->hint,
			};
			if (fill_source(p, ret, &s->files[i]) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

/* ---- rules ------------------------------------------------------------------------------ */

static const char *const *peer_texts(struct nsnet_policies *p, const struct nsn_peer *peers,
				     size_t n)
{
	const char **list = nsn_arena_alloc(&p->mem, (n + 1) * sizeof(*list));
	char buf[NSN_PEER_STRLEN];

	for (size_t i = 0; list && i < n; i++) {
		list[i] = nsn_arena_strdup(&p->mem, nsn_peer_str(&peers[i], buf));
		if (!list[i])
			return NULL;
	}
	return list;
}

static const char *const *port_texts(struct nsnet_policies *p, const struct nsn_ports *ports,
				     size_t n)
{
	const char **list = nsn_arena_alloc(&p->mem, (n + 1) * sizeof(*list));
	char buf[NSN_PORTS_STRLEN];

	for (size_t i = 0; list && i < n; i++) {
		list[i] = nsn_arena_strdup(&p->mem, nsn_ports_str(&ports[i], buf));
		if (!list[i])
			return NULL;
	}
	return list;
}

static const char *log_word(enum nsn_log log)
{
	switch (log) {
	case NSN_LOG_NONE:
		return "none";
	case NSN_LOG_NEW:
		return "new";
	case NSN_LOG_ALL:
		return "all";
	}
	return "none";
}

static int fill_rules(struct nsnet_policies *p)
{
	const struct nsn_policy_set *s = &p->set;
	char publish[NSN_PUBLISH_STRLEN];

	p->rules = nsn_arena_alloc(&p->mem, (s->n_policies + 1) * sizeof(*p->rules));
	if (!p->rules)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_policies; i++) {
		const struct nsn_policy *from = &s->policies[i];

		p->rules[i] = (struct nsnet_policy){
			.name = from->name,
			.action = from->deny ? "deny" : "allow",
			.from = peer_texts(p, from->from, from->n_from),
			.to = peer_texts(p, from->to, from->n_to),
			.ports = port_texts(p, from->ports, from->n_ports),
			.n_from = from->n_from,
			.n_to = from->n_to,
			.n_ports = from->n_ports,
			.because = from->because,
			.owner = from->owner,
			.expires = from->expires,
			.log = log_word(from->log),
			.mode = from->audit ? "audit" : "enforce",
			.set = from->origin.set,
			.file = s->places[i].file->name,
			.line = from->origin.line,
			.publish =
				nsn_arena_strdup(&p->mem, nsn_publish_str(&from->publish, publish)),
		};
		if (!p->rules[i].publish || !p->rules[i].from || !p->rules[i].to ||
		    !p->rules[i].ports)
			return -ENOMEM;
	}
	return 0;
}

/* ---- tenants ------------------------------------------------------------------------------ */

static int copy_known(struct nsnet_policies *p, const struct nsnet_tenants *tenants,
		      struct nsnet_err *err)
{
	const size_t n = tenants ? nsnet_tenants_count(tenants) : 0;

	p->tenants = calloc(n + 1, sizeof(*p->tenants));
	if (!p->tenants)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < n; i++) {
		int r = nsn_tenant_copy(&p->tenants[i], nsn_tenants_model(tenants, i), err);

		if (r < 0)
			return r;
		p->n_tenants++;
	}
	return 0;
}

static struct nsn_tenant *find(struct nsnet_policies *p, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(p->tenants[i].name, name) == 0)
			return &p->tenants[i];
	return NULL;
}

/* A tenant of the host that is in a file, too, is going to be as the file says. */
static int add_own(struct nsnet_policies *p, struct nsnet_err *err)
{
	const size_t known = p->n_tenants, more = p->set.n_tenants;
	struct nsn_tenant *grown = reallocarray(p->tenants, known + more + 1, sizeof(*grown));

	if (!grown)
		return nsn_err_nomem(err);
	p->tenants = grown;
	for (size_t i = 0; i < more; i++) {
		struct nsn_tenant copy = {0}, *same = find(p, known, p->set.tenants[i].name);
		int r = nsn_tenant_copy(&copy, &p->set.tenants[i], err);

		if (r < 0)
			return r;
		if (same) {
			nsn_tenant_clear(same);
			*same = copy;
		} else {
			p->tenants[p->n_tenants++] = copy;
		}
	}
	return 0;
}

/* As it will be when the files are applied. */
static int add_implied(struct nsnet_policies *p, struct nsnet_err *err)
{
	const struct nsn_policy_set *s = &p->set;
	int r = 0;

	p->asked = calloc(s->n_policies + s->n_tenants + 1, sizeof(*p->asked));
	if (!p->asked)
		return nsn_err_nomem(err);
	for (; p->n_asked < s->n_policies; p->n_asked++)
		p->asked[p->n_asked] = s->policies[p->n_asked];
	for (size_t i = 0; r >= 0 && i < s->n_tenants; i++) {
		r = nsn_dns_rule(&p->asked[p->n_asked], &s->tenants[i], err);
		p->n_asked += r > 0;
	}
	return r < 0 ? r : 0;
}

int nsnet_policies_parse(struct nsnet_policies **ret, const struct nsnet_policy_text *texts,
			 size_t count, const struct nsnet_tenants *tenants, int64_t now,
			 struct nsnet_err *err)
{
	NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return nsn_err_nomem(err);
	p->now = now;
	r = copy_known(p, tenants, err);
	if (r < 0)
		return r;
	if (nsn_policy_set_read(&p->set, texts, count, p->tenants, p->n_tenants, now) < 0 ||
	    fill_diags(p) < 0 || fill_rules(p) < 0)
		return nsn_err_nomem(err);
	r = add_own(p, err);
	if (r == 0)
		r = add_implied(p, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(p);
	return 0;
}

/* ---- looking at it -------------------------------------------------------------------------- */

size_t nsnet_policies_files(const struct nsnet_policies *p)
{
	return p->set.n_files;
}

size_t nsnet_policies_errors(const struct nsnet_policies *p)
{
	return p->set.errors;
}

size_t nsnet_policies_warnings(const struct nsnet_policies *p)
{
	return p->set.warnings;
}

size_t nsnet_policies_diags(const struct nsnet_policies *p)
{
	return p->n_diags;
}

void nsnet_policies_diag(const struct nsnet_policies *p, size_t i, struct nsnet_diag *ret)
{
	*ret = p->diags[i];
}

size_t nsnet_policies_count(const struct nsnet_policies *p)
{
	return p->set.n_policies;
}

void nsnet_policies_get(const struct nsnet_policies *p, size_t i, struct nsnet_policy *ret)
{
	*ret = p->rules[i];
}

size_t nsnet_policies_expects(const struct nsnet_policies *p)
{
	return p->set.n_expects;
}

int nsnet_policy_schema(char **ret, struct nsnet_err *err)
{
	return nsn_language_json(ret) < 0 ? nsn_err_nomem(err) : 0;
}

int nsnet_policy_manual(char **ret, struct nsnet_err *err)
{
	return nsn_language_manual(ret) < 0 ? nsn_err_nomem(err) : 0;
}

/* ---- questions --------------------------------------------------------------------------------
 */

/* "customer1/worker", or the peer of the flow when it is no tenant. */
static const char *side(const struct nsn_intent *in, const struct nsn_peer *peer, size_t tenant,
			size_t endpoint, char buf[NSN_PEER_STRLEN])
{
	const struct nsn_tenant *t = tenant < in->n_tenants ? &in->tenants[tenant] : NULL;

	if (t && endpoint < t->n_endpoints)
		(void)snprintf(buf, NSN_PEER_STRLEN, "%s/%s", t->name, t->endpoints[endpoint].name);
	else if (t)
		(void)snprintf(buf, NSN_PEER_STRLEN, "%s", t->name);
	else
		(void)nsn_peer_str(peer, buf);
	return buf;
}

/* "policies/30-peering.yaml:3"; nothing of what came by a command. */
static const char *place(struct nsn_arena *mem, const char *before, const struct nsn_origin *o)
{
	return o->file[0] ? nsn_arena_printf(mem, "%s (%s:%u)", before, o->file, o->line) : before;
}

static const char *why(struct nsn_arena *mem, const struct nsn_answer *a)
{
	const struct nsn_origin *o = a->policy	     ? &a->policy->origin
				     : a->quarantine ? &a->quarantine->origin
						     : NULL;
	char who[NSN_PEER_STRLEN];
	const char *text;

	if (a->quarantine)
		(void)nsn_peer_str(&a->quarantine->who, who);
	switch (a->reason) {
	case NSN_WHY_SAME_TENANT:
		return "both are endpoints of one tenant";
	case NSN_WHY_INSIDE_DENY:
		return "both are endpoints of one tenant, which has inside: deny";
	case NSN_WHY_ALLOW:
	case NSN_WHY_DENY:
		if (!a->policy)
			break;
		text = nsn_arena_printf(mem, "rule '%s'", a->policy->name);
		text = text ? place(mem, text, o) : NULL;
		return text ? nsn_arena_printf(mem, "%s %s it", text,
					       a->reason == NSN_WHY_ALLOW ? "allows" : "denies")
			    : NULL;
	case NSN_WHY_QUARANTINE:
	case NSN_WHY_KEPT:
		if (!a->quarantine)
			break;
		text = nsn_arena_printf(mem, "%s is in quarantine", who);
		text = text ? place(mem, text, o) : NULL;
		return text && a->reason == NSN_WHY_KEPT
			       ? nsn_arena_printf(mem, "%s, which keeps it", text)
			       : text;
	case NSN_WHY_NO_RULE:
		break;
	}
	return "no rule allows it";
}

static int fill_reason(struct nsn_arena *mem, struct nsnet_expect *ret, const struct nsn_intent *in,
		       const struct nsn_flow *flow, const struct nsn_answer *a)
{
	char from[NSN_PEER_STRLEN], to[NSN_PEER_STRLEN];
	const char *reason = why(mem, a);

	if (!reason)
		return -ENOMEM;
	ret->reason = nsn_arena_printf(
		mem, "%s -> %s: %s", side(in, &flow->from, a->from_tenant, a->from_endpoint, from),
		side(in, &flow->to, a->to_tenant, a->to_endpoint, to), reason);
	return ret->reason ? 0 : -ENOMEM;
}

int nsn_expect_ask(struct nsnet_expect *ret, struct nsn_arena *mem, const struct nsn_intent *in,
		   const struct nsn_expect *e, struct nsnet_err *err)
{
	char flow[NSN_FLOW_STRLEN];
	struct nsnet_expect answer = {.can = e->can, .line = e->line};
	struct nsn_answer a = {0};
	int r = nsn_intent_ask(&a, in, &e->flow, e->can, err);

	if (r < 0)
		return r;
	answer.holds = a.verdict == (e->can ? NSN_ALLOWED : NSN_DENIED);
	answer.flow = nsn_arena_strdup(mem, nsn_flow_str(&e->flow, flow));
	answer.file = nsn_arena_strdup(mem, e->file);
	if (!answer.flow || !answer.file || fill_reason(mem, &answer, in, &e->flow, &a) < 0)
		return nsn_err_nomem(err);
	*ret = answer;
	return 0;
}

int nsnet_policies_ask(struct nsnet_policies *p, size_t i, struct nsnet_expect *ret,
		       struct nsnet_err *err)
{
	const struct nsn_intent intent = {
		.tenants = p->tenants,
		.n_tenants = p->n_tenants,
		.policies = p->asked,
		.n_policies = p->n_asked,
		.quarantines = p->set.quarantines,
		.n_quarantines = p->set.n_quarantines,
		.now = p->now,
	};

	return nsn_expect_ask(ret, &p->mem, &intent, &p->set.expects[i], err);
}
