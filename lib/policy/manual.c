/* SPDX-License-Identifier: GPL-2.0-or-later */
/* manual - the tables as a manual page, nsnet-policy(5) */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "language.h"

/* Text with what roff takes for its own made harmless. */
static void text(FILE *to, const char *s)
{
	bool line = true;

	for (; *s; s++) {
		if (line && (*s == '.' || *s == '\''))
			fputs("\\&", to);
		if (*s == '\\')
			fputs("\\e", to);
		else if (*s == '-')
			fputs("\\-", to);
		else
			fputc(*s, to);
		line = *s == '\n';
	}
}

static void capitals(FILE *to, const char *s)
{
	for (; *s; s++)
		fputc(*s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s, to);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static const char *shape_words(const struct nsn_key *key)
{
	switch (key->shape) {
	case NSN_SHAPE_WORD:
		return "";
	case NSN_SHAPE_WORDS:
		return "list of ";
	case NSN_SHAPE_SOME:
		return "one or a list of ";
	case NSN_SHAPE_NAMES:
		return "map of names, each with ";
	case NSN_SHAPE_MAPS:
		return "list of maps, each ";
	case NSN_SHAPE_LATER:
	case NSN_SHAPE_POLICY:
		break;
	}
	return "";
}

static const char *value_words(const struct nsn_key *key)
{
	if (key->of)
		return key->of->what;
	return key->type ? key->type->name : "text";
}

static void key_entry(FILE *to, const struct nsn_schema *schema, const struct nsn_key *key)
{
	bool one = schema->one_of[0] && (strcmp(key->name, schema->one_of[0]) == 0 ||
					 strcmp(key->name, schema->one_of[1]) == 0);

	fputs(".TP\n.BR ", to);
	text(to, key->name);
	fputs(" \" (", to);
	if (key->shape == NSN_SHAPE_LATER)
		fputs("not in this version", to);
	else
		fprintf(to, "%s%s%s", shape_words(key), value_words(key),
			key->required ? ", needed"
			: one	      ? ", exactly one of the two"
				      : "");
	fputs(")\"\n", to);
	text(to, key->help);
	fputs(".\n", to);
	if (key->example) {
		fputs(".br\n.I ", to);
		text(to, key->name);
		fputs(": ", to);
		text(to, key->example);
		fputc('\n', to);
	}
}

static void chapter(FILE *to, const struct nsn_schema *schema)
{
	fputs(".SH ", to);
	capitals(to, schema->name);
	fputc('\n', to);
	if (schema->help) {
		text(to, schema->help);
		fputc('\n', to);
	}
	for (size_t i = 0; i < schema->n_keys; i++)
		key_entry(to, schema, &schema->keys[i]);
	for (size_t i = 0; i < schema->n_keys; i++)
		if (schema->keys[i].of)
			chapter(to, schema->keys[i].of);
}

/* ---- types ----------------------------------------------------------------------------------- */

struct seen {
	const struct nsn_type *types[64];
	size_t n;
};

static void type_entry(FILE *to, struct seen *seen, const struct nsn_type *type)
{
	if (!type || !(type->help || type->choices))
		return;
	for (size_t i = 0; i < seen->n; i++)
		if (seen->types[i] == type)
			return;
	if (seen->n < NSN_COUNT(seen->types))
		seen->types[seen->n++] = type;
	fputs(".TP\n.B ", to);
	text(to, type->name);
	fputc('\n', to);
	if (type->help)
		text(to, type->help);
	for (const char *c = type->choices; c && *c;) {
		size_t n = strcspn(c, " ");

		fprintf(to, "%.*s%s", (int)n, c, c[n] ? ", " : ".");
		c += n + (c[n] == ' ');
	}
	fputc('\n', to);
}

static void type_entries(FILE *to, struct seen *seen, const struct nsn_schema *schema)
{
	for (size_t i = 0; i < schema->n_keys; i++) {
		type_entry(to, seen, schema->keys[i].names);
		type_entry(to, seen, schema->keys[i].type);
		if (schema->keys[i].of)
			type_entries(to, seen, schema->keys[i].of);
	}
}

/* ---- the page -------------------------------------------------------------------------------- */

static const char head[] =
	".\\\" Made by `nsnet policy manual`: the tables of the library are its source.\n"
	".TH NSNET-POLICY 5 \"\" \"nsnet " NSNET_VERSION "\" \"File Formats\"\n"
	".SH NAME\n"
	"nsnet\\-policy \\- who may open connections to whom\n"
	".SH DESCRIPTION\n"
	"Files of policies say which tenants there are and what they may do to each other, to the\n"
	"host and to the internet. They are YAML (a strict subset: no anchors, aliases, tags, "
	"merge\n"
	"keys, tabs, keys given twice or second documents) or JSON, of at most 1 MiB, and in a\n"
	"folder they are those called *.yaml, *.yml and *.json, 1,000 at most. All values are "
	"text\n"
	"as it is written: yes, no, on, off and ~ mean nothing special.\n"
	".PP\n"
	".B nsnet policy check\n"
	"reads files and says all that is wrong with them;\n"
	".B nsnet policy test\n"
	"says whether what they expect comes out.\n"
	".SH SEMANTICS\n"
	".IP \\(bu 2\n"
	"What no rule allows is denied: between tenants, to and from the host and the internet. A\n"
	"file without rules isolates. Nothing turns that round.\n"
	".IP \\(bu 2\n"
	"A rule says who may open a connection. One rule is enough for both sides.\n"
	".IP \\(bu 2\n"
	"The order of rules and files never matters: quarantine stands above deny, deny above\n"
	"allow, and allow above what nobody says anything about.\n"
	".IP \\(bu 2\n"
	"Lists are OR, and a slash narrows. There is no other combination.\n"
	".IP \\(bu 2\n"
	"Endpoints of one tenant talk freely unless it has inside: deny.\n"
	".IP \\(bu 2\n"
	"A rule covers IPv4 and IPv6.\n"
	".IP \\(bu 2\n"
	"The internet is what is globally reachable and on no link of the host. A LAN, bridges of\n"
	"containers, storage and metadata services are reached by a rule that names their "
	"network,\n"
	"and the host's own addresses, whatever network they are of, by one to: host.\n"
	"What leaves the host has its address, whichever tenant it is from.\n"
	".IP \\(bu 2\n"
	"From the internet, networks and the host an endpoint is reached by what is published, "
	"and\n"
	"sees who calls. Other tenants need a rule of their own, and its own address.\n"
	".IP \\(bu 2\n"
	"A rule that has expired is as if it were not there.\n";

static const char example[] = ".SH EXAMPLE\n"
			      ".nf\n"
			      "nsnet: 1\n"
			      "tenants:\n"
			      "  billing: { subnet: auto, endpoints: { app: auto } }\n"
			      "  ledger: { subnet: auto, endpoints: { db: auto } }\n"
			      "rules:\n"
			      "  \\- name: app\\-to\\-ledger\n"
			      "    allow: tcp/5432\n"
			      "    from: billing/app\n"
			      "    to: ledger/db\n"
			      "    because: shared ledger, CHG\\-1042\n"
			      "expect:\n"
			      "  \\- can: billing/app \\-> ledger/db tcp/5432\n"
			      "  \\- cannot: ledger \\-> billing\n"
			      ".fi\n"
			      ".SH FILES\n"
			      ".I PREFIX/share/nsnet/schema/nsnet\\-1.json\n"
			      "is the same as a JSON Schema, for editors; so is what\n"
			      ".B nsnet policy schema\n"
			      "prints.\n"
			      ".SH SEE ALSO\n"
			      ".BR nsnet (8),\n"
			      "`nsnet help policy check`\n";

int nsn_language_manual(char **ret)
{
	NSN_AUTO(nsn_freep) char *out = NULL;
	struct seen seen = {0};
	size_t size;
	FILE *to = open_memstream(&out, &size);

	if (!to)
		return -ENOMEM;
	fputs(head, to);
	chapter(to, &nsn_schema_file);
	fputs(".SH VALUES\n", to);
	type_entries(to, &seen, &nsn_schema_file);
	fputs(example, to);
	if (fclose(to) != 0)
		return -ENOMEM;
	*ret = NSN_TAKE_PTR(out);
	return 0;
}
