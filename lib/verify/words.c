/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "topo_kind.h"

#define GATEWAY_OF "gateway of "
#define PINS	   "/run/netns/"

const char *nsn_words_tenant(const struct nsn_vns *ns, char buf[NSN_SHOW_SIZE])
{
	const char *name = ns->name;

	if (strncmp(name, GATEWAY_OF, strlen(GATEWAY_OF)) == 0)
		name += strlen(GATEWAY_OF);
	(void)snprintf(buf, NSN_SHOW_SIZE, "%.*s", (int)strcspn(name, "/"), name);
	return buf;
}

bool nsn_words_plain(const char *text)
{
	return text[0] && text[0] != '-' &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "_-.,:@+/")] == '\0';
}

struct nsn_finding *nsn_words_add(struct nsn_findings *f, enum nsn_finding_kind kind,
				  const struct nsn_vns *ns, uint64_t to)
{
	const char *where = nsn_arena_strdup(&f->mem, ns->name);
	struct nsn_finding *x = where ? nsn_findings_add(f, kind, ns->tenant, to) : NULL;

	if (x)
		x->where = where;
	return x;
}

int nsn_words_unlink(struct nsn_findings *f, struct nsn_finding *x, const struct nsn_vns *ns,
		     const struct nsn_vlink *l)
{
	/* Hardware cannot be deleted: it goes back to the host. */
	const bool real = nsn_link_lead(l) == NSN_LEAD_MACHINE;
	const char *what = real ? "set" : "del", *to = real ? " netns 1" : "";
	const char *pin = strncmp(ns->path, PINS, strlen(PINS)) == 0 ? ns->path + strlen(PINS) : "";

	if (!nsn_words_plain(l->name) || !nsn_words_plain(ns->path))
		return 0;
	if (nsn_words_plain(pin) && !strchr(pin, '/'))
		return nsn_finding_hint(f, x, "ip -n %s link %s %s%s", pin, what, l->name, to);
	return nsn_finding_hint(f, x, "nsenter --net=%s ip link %s %s%s", ns->path, what, l->name,
				to);
}
