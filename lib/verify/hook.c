/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The base chains of a hook, one after the other. */
#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "hook_int.h"

int nsn_hooks_new(struct nsn_hooks **ret, const struct nsn_vns *ns, struct nsn_space *s)
{
	struct nsn_hooks *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->ns = ns;
	h->s = s;
	err = nsn_hooks_prepare(h);
	if (err) {
		nsn_hooks_free(h);
		return err;
	}
	*ret = h;
	return 0;
}

void nsn_hooks_free(struct nsn_hooks *h)
{
	if (!h)
		return;
	nsn_arena_free(&h->mem);
	free(h->left.v);
	free(h->back.v);
	free(h->done.v);
	free(h->rejected.v);
	free(h->same.v);
	free(h->out);
	free(h->poison);
	free(h->nat);
	free(h);
}

void nsn_hooks_hop(struct nsn_hooks *h, const struct nsn_vhop *hop)
{
	h->hop = hop;
}

void nsn_trace_clear(struct nsn_trace *t)
{
	free(t->hits);
	memset(t, 0, sizeof(*t));
}

bool nsn_hooks_track(const struct nsn_hooks *h, uint8_t family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return h->track4;
	case NFPROTO_IPV6:
		return h->track6;
	case NFPROTO_INET:
		return h->track4 || h->track6;
	case NFPROTO_BRIDGE:
		return h->track_bridge;
	default:
		return false;
	}
}

bool nsn_hooks_use(const struct nsn_hooks *h, enum nsn_field f)
{
	return h->uses >> f & 1;
}

static bool is_inet_ingress(const struct nsn_hchain *c)
{
	return c->table->family == NFPROTO_INET && c->chain->hook == NF_INET_INGRESS;
}

/* Whether a base chain is one of this hook, whatever its priority and device. */
static bool hooked(const struct nsn_hchain *c, uint8_t family, uint32_t hook)
{
	uint8_t of = c->table->family;

	if (family == NFPROTO_NETDEV && hook == NF_NETDEV_INGRESS && is_inet_ingress(c))
		return true;
	if (c->chain->hook != hook)
		return false;
	if (of == family)
		return !is_inet_ingress(c) || family == NFPROTO_INET;
	return of == NFPROTO_INET && (family == NFPROTO_IPV4 || family == NFPROTO_IPV6) &&
	       !is_inet_ingress(c);
}

/* "eth*" is any that begins so. */
static bool has_device(const struct nsn_vchain *c, const char *dev)
{
	for (size_t i = 0; i < c->n_devs; i++) {
		size_t len = strlen(c->devs[i]);

		if (strcmp(c->devs[i], dev) == 0)
			return true;
		if (len && c->devs[i][len - 1] == '*' && strncmp(c->devs[i], dev, len - 1) == 0)
			return true;
	}
	return false;
}

bool nsn_hooks_any(const struct nsn_hooks *h, uint8_t family, uint32_t hook)
{
	for (size_t i = 0; i < h->n_base; i++)
		if (hooked(h->base[i], family, hook))
			return true;
	return false;
}

static bool is_nat(const struct nsn_hchain *c)
{
	return c->chain->type && strcmp(c->chain->type, "nat") == 0;
}

/* Runs a base chain on packets of one kind; what was accepted, and what its policy lets go. */
static nsn_set_t run_base_as(struct nsn_run *r, struct nsn_hchain *c, nsn_set_t in, uint16_t l3)
{
	struct nsn_hooks *h = r->h;
	size_t done = h->done.n;
	nsn_set_t end;

	if (nsn_empty(in))
		return in;
	r->l3 = l3;
	r->priority = c->chain->priority;
	end = nsn_chain_run(r, c, in, 0);
	if (!nsn_empty(end)) {
		nsn_trace_hit(r, NULL, c, c->chain->policy_drop ? NSN_V_DROP : NSN_V_ACCEPT, NULL);
		if (!c->chain->policy_drop)
			nsn_pile_add(r, &h->done, end);
	}
	return nsn_pile_take(r, &h->done, done);
}

/* An ingress chain of inet sees IPv4 and IPv6 only, as if a hook of that family were run. */
static nsn_set_t run_ingress(struct nsn_run *r, struct nsn_hchain *c, nsn_set_t in)
{
	nsn_set_t four, six, rest, go;

	nsn_part_one(r, in, NSN_F_ETYPE, NSN_L3_IP, NSN_L3_IP, &four, &rest);
	nsn_part_one(r, rest, NSN_F_ETYPE, NSN_L3_IP6, NSN_L3_IP6, &six, &rest);
	r->nfproto = NFPROTO_IPV4;
	go = run_base_as(r, c, four, NSN_L3_MIXED);
	r->nfproto = NFPROTO_IPV6;
	go = nsn_or(r->s, go, run_base_as(r, c, six, NSN_L3_MIXED));
	r->nfproto = NFPROTO_NETDEV;
	return nsn_or(r->s, go, rest);
}

/* IPv4 packets whose addresses are wider than 32 bits do not exist. */
static nsn_set_t narrow(struct nsn_run *r, nsn_set_t in)
{
	nsn_set_t rest;

	if (r->family == NFPROTO_IPV4) {
		nsn_part_one(r, in, NSN_F_SRC, 0, UINT32_MAX, &in, &rest);
		nsn_part_one(r, in, NSN_F_DST, 0, UINT32_MAX, &in, &rest);
	}
	return in;
}

/* What has a device that the snapshot does not know, and rules that ask for it. */
static nsn_set_t known_devices(struct nsn_run *r, nsn_set_t in)
{
	static const enum nsn_field fields[2] = {NSN_F_IIF, NSN_F_OIF};

	for (size_t i = 0; i < 2; i++) {
		nsn_set_t known, rest;

		if (!nsn_hooks_use(r->h, fields[i]) || !nsn_has_device(r, fields[i]))
			continue;
		nsn_part(r, in, fields[i], r->h->known, r->h->n_known, &known, &rest);
		nsn_rule_poison(r, NULL, rest, "a device that the snapshot does not have");
		in = known;
	}
	return in;
}

static nsn_set_t start(struct nsn_run *r, nsn_set_t in)
{
	struct nsn_hooks *h = r->h;

	h->left.n = h->back.n = h->done.n = h->rejected.n = h->same.n = 0;
	h->n_out = h->n_poison = h->n_nat = 0;
	/* Sets live and die between two runs: an address may be another set's now. */
	for (size_t i = 0; i < NSN_BOUNDS; i++)
		h->bounds[i].set = NULL;
	r->nfproto = r->family;
	return known_devices(r, narrow(r, in));
}

static void finish(struct nsn_run *r, nsn_set_t go, struct nsn_hooked *ret)
{
	struct nsn_hooks *h = r->h;

	ret->go = go;
	ret->reject = nsn_pile_take(r, &h->rejected, 0);
	ret->n_poison = h->n_poison;
	ret->n_nat = h->n_nat;
	if (h->n_poison) {
		ret->poison = nsn_space_alloc(r->s, h->n_poison * sizeof(*ret->poison));
		memcpy(ret->poison, h->poison, h->n_poison * sizeof(*ret->poison));
	}
	if (h->n_nat) {
		ret->nat = nsn_space_alloc(r->s, h->n_nat * sizeof(*ret->nat));
		memcpy(ret->nat, h->nat, h->n_nat * sizeof(*ret->nat));
	}
}

static uint16_t l3_of(uint8_t family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return NSN_L3_IP;
	case NFPROTO_IPV6:
		return NSN_L3_IP6;
	case NFPROTO_ARP:
		return NSN_L3_ARP;
	default:
		return NSN_L3_MIXED;
	}
}

void nsn_hook_run(struct nsn_hooks *h, uint8_t family, uint32_t hook, const char *dev,
		  int32_t first, int32_t last, nsn_set_t in, struct nsn_hooked *ret,
		  struct nsn_trace *trace)
{
	struct nsn_run r = {.h = h, .s = h->s, .family = family, .hook = hook, .trace = trace};

	memset(ret, 0, sizeof(*ret));
	if (!nsn_hooks_any(h, family, hook)) {
		ret->go = in;
		ret->reject = nsn_none(h->s);
		return;
	}
	in = start(&r, in);
	for (size_t i = 0; i < h->n_base && !nsn_empty(in); i++) {
		struct nsn_hchain *c = h->base[i];

		if (!hooked(c, family, hook) || is_nat(c) || c->chain->priority < first ||
		    c->chain->priority > last)
			continue;
		if ((family == NFPROTO_NETDEV || is_inet_ingress(c)) &&
		    (!dev || !has_device(c->chain, dev)))
			continue;
		if (family == NFPROTO_NETDEV && is_inet_ingress(c))
			in = run_ingress(&r, c, in);
		else
			in = run_base_as(&r, c, in, l3_of(family));
	}
	finish(&r, in, ret);
}

void nsn_hook_nat(struct nsn_hooks *h, uint8_t family, uint32_t hook, nsn_set_t in,
		  struct nsn_hooked *ret, struct nsn_trace *trace)
{
	struct nsn_run r = {
		.h = h, .s = h->s, .family = family, .hook = hook, .nat = true, .trace = trace};

	memset(ret, 0, sizeof(*ret));
	in = start(&r, in);
	for (size_t i = 0; i < h->n_base && !nsn_empty(in); i++)
		if (is_nat(h->base[i]) && hooked(h->base[i], family, hook))
			in = run_base_as(&r, h->base[i], in, l3_of(family));
	finish(&r, nsn_or(r.s, in, nsn_pile_take(&r, &h->same, 0)), ret);
}
