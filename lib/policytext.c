/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policytext.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/diag.h"

/* A line must stay below what a file of policies may have. */
#define LINE_SIZE 500000

struct text {
	FILE *to;
	size_t begun; /* where this line begins */
};

/* Names and texts are checked: UTF-8 without control characters. */
static void put(FILE *to, const char *s)
{
	(void)fputc('"', to);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			(void)fputc('\\', to);
		(void)fputc(*s, to);
	}
	(void)fputc('"', to);
}

static void put_key(FILE *to, const char *key, const char *value)
{
	(void)fprintf(to, ", \"%s\": ", key);
	put(to, value);
}

static void put_endpoint(FILE *to, const struct nsn_endpoint *e)
{
	char ip[NSN_IP_STRLEN];

	put(to, e->name);
	(void)fprintf(to, ": {\"ip\": \"%s\"", nsn_ip_str(&e->ip, ip));
	if (e->ip6.family)
		(void)fprintf(to, ", \"ip6\": \"%s\"", nsn_ip_str(&e->ip6, ip));
	(void)fputc('}', to);
}

static void put_tenant(FILE *to, const struct nsn_tenant *t)
{
	char net[NSN_PREFIX_STRLEN], dns[NSN_DNS_STRLEN];

	put(to, t->name);
	(void)fprintf(to, ": {\"subnet\": \"%s\"", nsn_prefix_str(&t->subnet, net));
	if (t->subnet6.ip.family)
		(void)fprintf(to, ", \"subnet6\": \"%s\"", nsn_prefix_str(&t->subnet6, net));
	if (t->inside_deny)
		(void)fputs(", \"inside\": \"deny\"", to);
	if (t->dns.kind != NSN_DNS_UNSET)
		put_key(to, "dns", nsn_dns_str(&t->dns, dns));
	for (size_t i = 0; i < t->n_labels; i++) {
		(void)fputs(i ? ", " : ", \"labels\": {", to);
		put(to, t->labels[i].key);
		(void)fputs(": ", to);
		put(to, t->labels[i].value);
	}
	(void)fputs(t->n_labels ? "}" : "", to);
	for (size_t i = 0; i < t->n_endpoints; i++) {
		(void)fputs(i ? ", " : ", \"endpoints\": {", to);
		put_endpoint(to, &t->endpoints[i]);
	}
	(void)fputs(t->n_endpoints ? "}}" : "}", to);
}

static void put_peers(FILE *to, const char *key, const struct nsn_peer *list, size_t n)
{
	char buf[NSN_PEER_STRLEN];

	(void)fprintf(to, ", \"%s\": [", key);
	for (size_t i = 0; i < n; i++) {
		(void)fputs(i ? ", " : "", to);
		put(to, nsn_peer_str(&list[i], buf));
	}
	(void)fputc(']', to);
}

static void put_policy(FILE *to, const struct nsn_policy *p)
{
	static const char *const logs[] = {"none", "new", "all"};
	char buf[NSN_PORTS_STRLEN + NSN_TIME_STRLEN + NSN_PUBLISH_STRLEN];

	(void)fputs("{\"name\": ", to);
	put(to, p->name);
	(void)fprintf(to, ", \"%s\": [", p->deny ? "deny" : "allow");
	for (size_t i = 0; i < p->n_ports; i++)
		(void)fprintf(to, "%s\"%s\"", i ? ", " : "", nsn_ports_str(&p->ports[i], buf));
	(void)fputc(']', to);
	put_peers(to, "from", p->from, p->n_from);
	put_peers(to, "to", p->to, p->n_to);
	if (p->publish.port)
		put_key(to, "publish", nsn_publish_str(&p->publish, buf));
	if (*p->because)
		put_key(to, "because", p->because);
	if (*p->owner)
		put_key(to, "owner", p->owner);
	if (p->expires)
		put_key(to, "expires", nsn_time_str(p->expires, buf));
	if (p->log != NSN_LOG_NONE)
		put_key(to, "log", logs[p->log]);
	if (p->audit)
		put_key(to, "mode", "audit");
	(void)fputc('}', to);
}

static void put_quarantine(FILE *to, const struct nsn_quarantine *q)
{
	char buf[NSN_FLOW_STRLEN];

	(void)fputs("{\"who\": ", to);
	put(to, nsn_peer_str(&q->who, buf));
	put_key(to, "because", q->because);
	for (size_t i = 0; i < q->n_keep; i++) {
		(void)fputs(i ? ", " : ", \"keep\": [", to);
		put(to, nsn_flow_str(&q->keep[i], buf));
	}
	(void)fputs(q->n_keep ? "]}" : "}", to);
}

/*
 * The set of the rules that follow from a tenant's `dns`: files have no word for that, and none
 * of these is a user's.
 */
#define IMPLIED "implied-by-dns"
#define HEAD	"{\"nsnet\": 1, "
static const char implied_head[] = HEAD "\"name\": \"" IMPLIED "\", ";

/* Before a member of @key: a comma, or the head of a new line. */
static void next_of(struct text *t, size_t i, const char *head, const char *key, const char *end)
{
	const size_t at = (size_t)ftell(t->to);

	if (i > 0 && at - t->begun < LINE_SIZE) {
		(void)fputs(", ", t->to);
		return;
	}
	if (i > 0)
		(void)fprintf(t->to, "%s}\n", end);
	t->begun = (size_t)ftell(t->to);
	(void)fprintf(t->to, "%s\"%s\": %c", head, key, *end == '}' ? '{' : '[');
}

static void next(struct text *t, size_t i, const char *key, const char *end)
{
	next_of(t, i, HEAD, key, end);
}

static void put_rules(struct text *t, const struct nsn_intent *in, bool implied)
{
	size_t n = 0;

	for (size_t i = 0; i < in->n_policies; i++) {
		if (in->policies[i].implied != implied)
			continue;
		next_of(t, n++, implied ? implied_head : HEAD, "rules", "]");
		put_policy(t->to, &in->policies[i]);
	}
	(void)fputs(n ? "]}\n" : "", t->to);
}

static void put_all(struct text *t, const struct nsn_intent *in)
{
	for (size_t i = 0; i < in->n_tenants; i++) {
		next(t, i, "tenants", "}");
		put_tenant(t->to, &in->tenants[i]);
	}
	(void)fputs(in->n_tenants ? "}}\n" : "", t->to);
	put_rules(t, in, false);
	put_rules(t, in, true);
	for (size_t i = 0; i < in->n_quarantines; i++) {
		next(t, i, "quarantine", "]");
		put_quarantine(t->to, &in->quarantines[i]);
	}
	(void)fputs(in->n_quarantines ? "]}\n" : "", t->to);
}

int nsn_policytext_make(const struct nsn_intent *intent, char **ret, struct nsnet_err *err)
{
	size_t size = 0;
	struct text t = {.to = open_memstream(ret, &size)};
	int bad;

	if (!t.to)
		return nsn_err_nomem(err);
	put_all(&t, intent);
	bad = ferror(t.to);
	if (fclose(t.to) == 0 && !bad)
		return 0;
	free(*ret);
	*ret = NULL;
	return nsn_err_nomem(err);
}

static int first_error(const struct nsn_policy_set *s, struct nsnet_err *err)
{
	struct nsnet_err why = {0};

	for (size_t i = 0; i < s->n_files; i++)
		if (s->files[i].diags && nsn_diags_err(s->files[i].diags, &why) < 0)
			return nsn_err(err, -EINVAL, NSNET_E_BAD_SNAPSHOT,
				       "its policy, part %zu: %s", i + 1, why.msg);
	return nsn_err(err, -EINVAL, NSNET_E_BAD_SNAPSHOT, "its policy is none");
}

int nsn_policytext_read(const char *text, int64_t now, struct nsn_policy_set *ret,
			struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct nsnet_policy_text *files = NULL;
	size_t n = 0;
	int r;

	for (const char *p = text; *p; n++)
		p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n');
	files = calloc(n + 1, sizeof(*files));
	if (!files)
		return nsn_err_nomem(err);
	n = 0;
	for (const char *p = text; *p; n++) {
		const size_t len = strcspn(p, "\n");

		files[n] = (struct nsnet_policy_text){
			.file = "policy", .text = p, .len = len, .set = "policy"};
		if (strncmp(p, implied_head, strlen(implied_head)) == 0)
			files[n].set = IMPLIED;
		p += len + (p[len] == '\n');
	}
	r = nsn_policy_set_read(ret, files, n, NULL, 0, now);
	if (r < 0)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < ret->n_policies; i++)
		ret->policies[i].implied = strcmp(ret->policies[i].origin.set, IMPLIED) == 0;
	return ret->errors ? first_error(ret, err) : 0;
}
