/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tenants.h"

#include <errno.h>
#include <string.h>

#include "../base/cleanup.h"

/* ---- the format ------------------------------------------------------------------ */

#define WORD(name_, type_, struct_, field, example_, help_)                                        \
	{                                                                                          \
		.name = (name_), .shape = NSN_SHAPE_WORD,                                          \
		.member = offsetof(struct struct_, field), .example = (example_), .help = (help_), \
		.type = &nsn_type_##type_                                                          \
	}
#define LATER(name_, help_)                                                                        \
	{                                                                                          \
		.name = (name_), .shape = NSN_SHAPE_LATER, .help = (help_)                         \
	}
#define POLICY(name_, help_)                                                                       \
	{                                                                                          \
		.name = (name_), .shape = NSN_SHAPE_POLICY, .help = (help_)                        \
	}

static const struct nsn_key endpoint_keys[] = {
	WORD("ip", ip, nsnet_endpoint_def, ip, "auto", "an address of the subnet, or auto"),
	WORD("ip6", ip6, nsnet_endpoint_def, ip6, "auto", "an address of subnet6, or auto"),
	WORD("rate", rate, nsnet_endpoint_def, rate, "10mbit",
	     "what it may send and receive, or none"),
};

static const struct nsn_schema endpoint = {
	.name = "endpoint",
	.what = "an endpoint",
	.help = "An endpoint is one network namespace on the tenant's network. An address in place "
		"of the map is its ip.",
	.example = "auto",
	.word = "ip",
	.keys = endpoint_keys,
	.n_keys = NSN_COUNT(endpoint_keys),
};

static const struct nsn_key tenant_keys[] = {
	{
		.name = "subnet",
		.shape = NSN_SHAPE_WORD,
		.required = true,
		.member = offsetof(struct nsnet_tenant_def, subnet),
		.example = "auto",
		.help = "an IPv4 network such as 10.10.1.0/24, or auto, or auto/LENGTH",
		.type = &nsn_type_subnet,
	},
	WORD("subnet6", subnet6, nsnet_tenant_def, subnet6, "auto",
	     "an IPv6 network such as fd00:10:1::/64, or auto, or none"),
	WORD("inside", inside, nsnet_tenant_def, inside, "deny",
	     "may endpoints talk to each other: allow or deny"),
	WORD("mtu", mtu, nsnet_tenant_def, mtu, "1400", "bytes of the longest packet"),
	WORD("rate", rate, nsnet_tenant_def, rate, "100mbit",
	     "what all endpoints together may send and receive, or none"),
	WORD("new-flows", new_flows, nsnet_tenant_def, new_flows, "4000",
	     "new connections of each endpoint over the border, a second; or none"),
	WORD("open-flows", open_flows, nsnet_tenant_def, open_flows, "32768",
	     "open connections of each endpoint over the border; or none"),
	{
		.name = "labels",
		.shape = NSN_SHAPE_NAMES,
		.example = "{ pci: cde, tier: gold }",
		.help = "words for the tenant, by which it can be found",
		.type = &nsn_type_label_value,
		.names = &nsn_type_label_key,
	},
	{
		.name = "owners",
		.shape = NSN_SHAPE_WORDS,
		.example = "[alice, bob]",
		.help = "users of this machine to whom it belongs",
		.type = &nsn_type_user,
	},
	{
		.name = "endpoints",
		.shape = NSN_SHAPE_NAMES,
		.example = "{ app: auto }",
		.help = "an address each, or a map; left out: one, called default",
		.if_none = "leave it out and there is one endpoint, called default",
		.of = &endpoint,
		.names = &nsn_type_endpoint,
	},
	{
		.name = "dns",
		.shape = NSN_SHAPE_SOME,
		.example = "shared/dns",
		.help = "who answers for names: addresses, or TENANT/ENDPOINT, or none",
		.type = &nsn_type_dns,
	},
	LATER("snat", "the address under which it is seen outside"),
	LATER("reject", "answer what is forbidden instead of dropping it"),
};

const struct nsn_schema nsn_schema_tenant = {
	.name = "tenant",
	.what = "a tenant",
	.help = "A tenant is a network of its own, with no path to any other unless a rule says "
		"so.",
	.example = "{ subnet: auto }",
	.keys = tenant_keys,
	.n_keys = NSN_COUNT(tenant_keys),
};

static const struct nsn_key file_keys[] = {
	{
		.name = "nsnet",
		.shape = NSN_SHAPE_WORD,
		.required = true,
		.member = NSN_NO_MEMBER,
		.example = NSN_FORMAT_VERSION,
		.help = "the version of the format",
		.type = &nsn_type_version,
	},
	{
		.name = "tenants",
		.shape = NSN_SHAPE_NAMES,
		.required = true,
		.example = "{}",
		.help = "the tenants, by name",
		.of = &nsn_schema_tenant,
		.names = &nsn_type_tenant,
	},
	POLICY("name", "what the set of files is called"),
	POLICY("rules", "who may talk to whom"),
	POLICY("quarantine", "tenants that are cut off"),
	POLICY("expect", "what has to be so, whatever the rules"),
};

/* What policies have is in language.c. */
static const struct nsn_schema file = {
	.what = "the file",
	.example = "nsnet: " NSN_FORMAT_VERSION,
	.keys = file_keys,
	.n_keys = NSN_COUNT(file_keys),
};

/* ---- definitions ------------------------------------------------------------------- */

static int read_labels(struct nsnet_tenant_def *def, struct nsn_arena *mem,
		       const struct nsn_node *map)
{
	const char **labels;

	if (!map)
		return 0;
	labels = nsn_arena_alloc(mem, map->n * sizeof(*labels));
	if (!labels)
		return -ENOMEM;
	def->labels = labels;
	for (const struct nsn_node *m = map->first; m; m = m->next) {
		const char *text = nsn_arena_printf(mem, "%s=%s", m->key->text, m->text);

		if (!text)
			return -ENOMEM;
		labels[def->n_labels++] = text;
	}
	return 0;
}

static int read_owners(struct nsnet_tenant_def *def, struct nsn_arena *mem,
		       const struct nsn_node *list)
{
	const char **owners;

	if (!list)
		return 0;
	owners = nsn_arena_alloc(mem, list->n * sizeof(*owners));
	if (!owners)
		return -ENOMEM;
	def->owners = owners;
	for (const struct nsn_node *m = list->first; m; m = m->next)
		owners[def->n_owners++] = m->text;
	return 0;
}

/* A word or a list, as one text: "9.9.9.9,2620:fe::fe". */
static int read_dns(struct nsnet_tenant_def *def, struct nsn_arena *mem,
		    const struct nsn_node *some)
{
	const bool list = some && some->kind == NSN_NODE_LIST;

	if (!some)
		return 0;
	def->dns = list ? "" : some->text;
	for (const struct nsn_node *m = list ? some->first : NULL; m; m = m->next) {
		def->dns = nsn_arena_printf(mem, "%s%s%s", def->dns, m == some->first ? "" : ",",
					    m->text);
		if (!def->dns)
			return -ENOMEM;
	}
	return 0;
}

static int read_endpoints(struct nsnet_tenant_def *def, struct nsn_arena *mem,
			  const struct nsn_node *map)
{
	struct nsnet_endpoint_def *endpoints;

	if (!map)
		return 0;
	endpoints = nsn_arena_alloc(mem, map->n * sizeof(*endpoints));
	if (!endpoints)
		return -ENOMEM;
	def->endpoints = endpoints;
	for (const struct nsn_node *m = map->first; m; m = m->next) {
		struct nsnet_endpoint_def *e = &endpoints[def->n_endpoints++];

		e->name = m->key->text;
		nsn_schema_words(&endpoint, m, e);
	}
	return 0;
}

int nsn_tenant_read(struct nsnet_tenant_def *def, struct nsn_arena *mem, const struct nsn_node *map,
		    const char *name)
{
	int r;

	*def = (struct nsnet_tenant_def){.name = map->key->text};
	def->where = nsn_arena_printf(mem, "%s:%u:%u", name, map->key->at.line, map->key->at.col);
	if (!def->where)
		return -ENOMEM;
	nsn_schema_words(&nsn_schema_tenant, map, def);
	r = read_labels(def, mem, nsn_node_get(map, "labels"));
	if (r == 0)
		r = read_owners(def, mem, nsn_node_get(map, "owners"));
	if (r == 0)
		r = read_dns(def, mem, nsn_node_get(map, "dns"));
	if (r == 0)
		r = read_endpoints(def, mem, nsn_node_get(map, "endpoints"));
	return r;
}

/* In a file of another version everything else may have another meaning, too. */
bool nsn_version_ok(const struct nsn_node *root, struct nsn_diags *diags)
{
	const struct nsn_node *version;
	char shown[NSN_SHOW_SIZE];

	version = root->kind == NSN_NODE_MAP ? nsn_node_get(root, "nsnet") : NULL;
	if (!version || version->kind != NSN_NODE_WORD || nsn_node_empty(version) ||
	    strcmp(version->text, NSN_FORMAT_VERSION) == 0)
		return true;
	nsn_diag_hint(nsn_diag_add(diags, &version->at,
				   "'%s' is not a version of the format that this nsnet knows",
				   nsn_text_show(version->text, shown, sizeof(shown))),
		      "write nsnet: " NSN_FORMAT_VERSION);
	return false;
}

int nsn_tenants_read(const struct nsnet_tenant_def **ret, size_t *count, struct nsn_arena *mem,
		     const struct nsn_node *root, struct nsn_diags *diags)
{
	const struct nsn_node *tenants;
	struct nsnet_tenant_def *defs;
	size_t n = 0;

	if (nsn_version_ok(root, diags))
		nsn_schema_check(&file, root, diags);
	if (diags->total)
		return -EINVAL;

	tenants = nsn_node_get(root, "tenants");
	defs = nsn_arena_alloc(mem, tenants->n * sizeof(*defs));
	if (!defs)
		return -ENOMEM;
	for (const struct nsn_node *m = tenants->first; m; m = m->next) {
		int r = nsn_tenant_read(&defs[n++], mem, m, diags->file);

		if (r < 0)
			return r;
	}
	*ret = defs;
	*count = n;
	return 0;
}
