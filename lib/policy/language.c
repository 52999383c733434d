/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "language.h"

#include "../base/cleanup.h"
#include "tenants.h"

#define WORD(name_, type_, example_, help_)                                                        \
	{                                                                                          \
		.name = (name_), .shape = NSN_SHAPE_WORD, .member = NSN_NO_MEMBER,                 \
		.example = (example_), .help = (help_), .type = &nsn_type_##type_                  \
	}
#define MUST(name_, type_, example_, help_)                                                        \
	{                                                                                          \
		.name = (name_), .shape = NSN_SHAPE_WORD, .required = true,                        \
		.member = NSN_NO_MEMBER, .example = (example_), .help = (help_),                   \
		.type = &nsn_type_##type_                                                          \
	}
#define SOME(name_, type_, must, example_, help_)                                                  \
	{                                                                                          \
		.name = (name_), .shape = NSN_SHAPE_SOME, .required = (must),                      \
		.example = (example_), .help = (help_), .type = &nsn_type_##type_                  \
	}
#define MAPS(name_, of_, example_, help_)                                                          \
	{                                                                                          \
		.name = (name_), .shape = NSN_SHAPE_MAPS, .example = (example_), .help = (help_),  \
		.of = (of_)                                                                        \
	}

/* ---- rules -------------------------------------------------------------------------- */

static const struct nsn_key rule_keys[] = {
	MUST("name", name, "app-to-db", "what it is called; no two rules have the same name"),
	SOME("allow", ports, false, "tcp/443", "what may be opened; a rule has this or deny"),
	SOME("deny", ports, false, "any", "what may not be opened, whatever other rules allow"),
	SOME("from", peer, true, "customer1/app", "who opens the connection"),
	SOME("to", peer, true, "customer2/db", "to whom"),
	WORD("publish", publish, "203.0.113.10:443",
	     "the address and port of the host that lead to one port of an endpoint"),
	WORD("because", text, "shared ledger, CHG-1042",
	     "why; needed where allow leads out of a tenant"),
	WORD("owner", text, "payments-sre@example.com", "who knows more about it"),
	WORD("expires", time, "2030-06-30", "when it ends; left out: never"),
	WORD("log", log, "new", "which packets are logged: none (the default), new, or all"),
	WORD("mode", mode, "audit",
	     "enforce (the default), or audit: of a deny, count and log it alone"),
};

const struct nsn_schema nsn_schema_rule = {
	.name = "rule",
	.what = "a rule",
	.help = "A rule says who may open connections to whom. Answers follow, and so do the ICMP "
		"errors that belong to them. Of several peers or ports in a list, any one matches.",
	.example = "{ name: app-to-db, allow: tcp/5432, from: customer1/app, to: customer2/db, "
		   "because: CHG-1042 }",
	.one_of = {"allow", "deny"},
	.lacks = NSNET_E_BAD_RULE,
	.keys = rule_keys,
	.n_keys = NSN_COUNT(rule_keys),
};

/* ---- quarantine ------------------------------------------------------------------- */

static const struct nsn_key quarantine_keys[] = {
	MUST("who", who, "customer3", "whose borders are closed"),
	WORD("since", time, "2026-11-21T22:40:00Z", "when it was found"),
	MUST("because", text, "INC-2291", "why"),
	{
		.name = "keep",
		.shape = NSN_SHAPE_WORDS,
		.example = "[shared/forensics -> customer3 tcp/22]",
		.help = "the flows that stay possible",
		.type = &nsn_type_flow,
	},
};

const struct nsn_schema nsn_schema_quarantine = {
	.name = "quarantine",
	.what = "a quarantine",
	.help = "Who is in quarantine reaches nobody outside and is reached by nobody, whatever "
		"the rules allow, but for the flows that are kept.",
	.example = "{ who: customer3, because: INC-2291 }",
	.lacks = NSNET_E_BAD_RULE,
	.keys = quarantine_keys,
	.n_keys = NSN_COUNT(quarantine_keys),
};

/* ---- expectations ----------------------------------------------------------------- */

static const struct nsn_key expect_keys[] = {
	WORD("can", flow, "customer1/app -> customer2/db tcp/5432",
	     "all of the flow has to be possible"),
	WORD("cannot", flow, "customer1 -> customer2", "no part of the flow may be possible"),
};

const struct nsn_schema nsn_schema_expect = {
	.name = "expect",
	.what = "an expectation",
	.help = "What has to come out, whatever the rules: `nsnet policy test` looks at it.",
	.example = "cannot: customer1 -> customer2",
	.one_of = {"can", "cannot"},
	.keys = expect_keys,
	.n_keys = NSN_COUNT(expect_keys),
};

/* ---- the file ----------------------------------------------------------------------- */

static const struct nsn_key file_keys[] = {
	MUST("nsnet", version, NSN_FORMAT_VERSION, "the version of the format"),
	WORD("name", name, "shop",
	     "what the set of files is called; left out: like the file or folder"),
	{
		.name = "tenants",
		.shape = NSN_SHAPE_NAMES,
		.example = "{}",
		.help = "the tenants, by name",
		.of = &nsn_schema_tenant,
		.names = &nsn_type_tenant,
	},
	MAPS("rules", &nsn_schema_rule, "[]", "who may talk to whom; their order never matters"),
	MAPS("quarantine", &nsn_schema_quarantine, "[]", "tenants that are cut off"),
	MAPS("expect", &nsn_schema_expect, "[]", "what has to be so, whatever the rules"),
};

const struct nsn_schema nsn_schema_file = {
	.name = "file",
	.what = "the file",
	.example = "nsnet: " NSN_FORMAT_VERSION,
	.keys = file_keys,
	.n_keys = NSN_COUNT(file_keys),
};
