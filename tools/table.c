/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands. Their order is the order of `nsnet help`. */
#include "cmd.h"

const struct cmd cmd_table[] = {
	{
		.noun = "tenant",
		.verb = "add",
		.aliases = "create",
		.args = "NAME SUBNET|auto",
		.min_args = 0,
		.max_args = 2,
		.flags = CMD_OPENS | CMD_CHANGES | CMD_NAMES,
		.options = tenant_add_options,
		.help = "make a tenant's network",
		.more = "The network is isolated: nothing leads out of it or into it. The first\n"
			"address of SUBNET is the gateway's, the second the one of the tenant's\n"
			"network namespace, /run/netns/NAME. `auto` takes a free /24 out of\n"
			"10.128.0.0/9 ($NSNET_POOL), `auto/26` a free /26.\n"
			"\n"
			"Adding the same tenant again changes nothing and succeeds; what is "
			"missing\n"
			"in the kernel is made. With another SUBNET it is a conflict (status 5).\n"
			"\n"
			"With --file instead of NAME SUBNET it takes the tenants of a file: YAML "
			"or\n"
			"JSON of at most 1 MiB as `nsnet export` prints it. All are checked "
			"before\n"
			"the first is made.",
		.examples = "nsnet tenant add customer1 10.10.1.0/24\n"
			    "nsnet tenant add customer2 auto --subnet6 auto --inside deny\n"
			    "nsnet tenant add customer3 auto/26 --label env=prod --rate 100mbit\n"
			    "nsnet tenant add -n -v customer1 10.10.1.0/24\n"
			    "nsnet tenant add -f tenants.yaml",
		.operands = "none subnet",
		.check = check_tenant_add,
		.run = cmd_tenant_add,
	},
	{
		.noun = "tenant",
		.verb = "list",
		.aliases = "ls",
		.args = "",
		.flags = CMD_OPENS | CMD_TABLE | CMD_NAMES | CMD_ALONE,
		.options = tenant_list_options,
		.columns = tenant_columns,
		.help = "list the tenants",
		.more = "STATE is up (its network namespaces are there; nobody looked into them),\n"
			"PARTIAL (some are not) or absent (none is). With --check everything in "
			"the\n"
			"kernel is compared with what is wanted, as `nsnet plan` does: STATE is "
			"ok,\n"
			"DRIFT (it has something else: `nsnet plan` says what) or absent (it has\n"
			"nothing of it), and RX, TX and DROPPED are counted: the bytes that the\n"
			"gateway received from and sent to the tenant's endpoints, and the "
			"packets\n"
			"that it dropped. QUARANTINE stands before it, or instead of ok, when all\n"
			"borders are closed.",
		.examples = "nsnet tenant list\n"
			    "nsnet tenant list --check -o wide\n"
			    "nsnet tenant list --columns NAME,STATE --no-header\n"
			    "nsnet tenant list -j",
		.run = cmd_tenant_list,
	},
	{
		.noun = "tenant",
		.verb = "show",
		.aliases = "inspect get",
		.args = "NAME",
		.min_args = 1,
		.max_args = 1,
		.flags = CMD_OPENS | CMD_NAMES,
		.help = "show all about one tenant",
		.more = "With -o wide or -v the dropped packets are told by reason.",
		.examples = "nsnet tenant show customer1\n"
			    "nsnet tenant show customer1 -j",
		.operands = "tenant",
		.run = cmd_tenant_show,
	},
	{
		.noun = "tenant",
		.verb = "set",
		.args = "NAME KEY=VALUE...",
		.min_args = 2,
		.max_args = -1,
		.flags = CMD_OPENS | CMD_CHANGES | CMD_NAMES,
		.help = "change a tenant's settings",
		.more = "KEY and VALUE, as in `tenant add` where nothing is said:\n"
			"  subnet      renumbers: the gateway and all automatic addresses move\n"
			"  subnet6     a prefix, auto, or none\n"
			"  inside      allow or deny\n"
			"  mtu         576 (1280 with IPv6) to 65535\n"
			"  rate        of all endpoints together, each way; none takes it away\n"
			"  new-flows   connections that an endpoint may open in a second, or none\n"
			"  open-flows  connections that an endpoint may have open, or none\n"
			"  label       K=V, as in label=env=prod; K= takes the label away\n"
			"  owners      users, with commas between them; none for nobody\n"
			"  dns         up to three addresses with commas between them, or\n"
			"              TENANT/ENDPOINT, or none: it is what resolv.conf says, and\n"
			"              the rule NAME-dns lets the tenant ask exactly these\n"
			"All are set together or none is. Processes inside go on running.",
		.examples = "nsnet tenant set customer1 mtu=1400 rate=100mbit\n"
			    "nsnet tenant set customer1 subnet=10.20.1.0/24\n"
			    "nsnet tenant set customer1 label=env=prod owners=alice,bob\n"
			    "nsnet tenant set customer1 dns=shared/dns",
		.operands = "tenant setting",
		.run = cmd_tenant_set,
	},
	{
		.noun = "tenant",
		.verb = "del",
		.aliases = "rm remove delete",
		.args = "NAME...|--all",
		.min_args = 0,
		.max_args = -1,
		.flags = CMD_OPENS | CMD_CHANGES | CMD_NAMES,
		.options = tenant_del_options,
		.help = "cut tenants off and remove their networks",
		.more = "When it returns, no process that is still inside reaches anything. If "
			"one\n"
			"of the names does not exist, nothing is deleted. More than one asks "
			"first\n"
			"on a terminal and needs --yes elsewhere; so does --all, also for one.\n"
			"A tenant that rules name is kept, unless --with-rules is given.",
		.examples = "nsnet tenant del customer1\n"
			    "nsnet tenant del -y customer1 customer2\n"
			    "nsnet tenant del --if-exists customer1\n"
			    "nsnet tenant del --with-rules customer1\n"
			    "nsnet tenant del --all -y",
		.operands = "tenant",
		.check = check_tenant_del,
		.run = cmd_del,
	},
	{
		.noun = "tenant",
		.verb = "quarantine",
		.args = "[WHO]",
		.max_args = 1,
		.flags = CMD_OPENS | CMD_CHANGES | CMD_NAMES | CMD_TABLE,
		.options = quarantine_options,
		.columns = quarantine_columns,
		.help = "close all borders of a tenant, an endpoint or a label",
		.more = "WHO is TENANT, TENANT/ENDPOINT or label:KEY=VALUE. It stands above all\n"
			"rules: connections are cut and no rule opens them again until `tenant\n"
			"release`, but for what --keep says, as in\n"
			"--keep 'shared/forensics -> customer3 tcp/22'. Given again it replaces "
			"what\n"
			"was said before. Without WHO it lists who is in quarantine, since when, "
			"by\n"
			"whom and why.",
		.examples = "nsnet tenant quarantine customer3 --because INC-7\n"
			    "nsnet tenant quarantine\n"
			    "nsnet tenant quarantine label:env=prod --because INC-7",
		.operands = "who",
		.check = check_tenant_quarantine,
		.run = cmd_tenant_quarantine,
	},
	{
		.noun = "tenant",
		.verb = "release",
		.args = "WHO",
		.min_args = 1,
		.max_args = 1,
		.flags = CMD_OPENS | CMD_CHANGES | CMD_NAMES,
		.help = "end a quarantine",
		.more = "WHO as it was given to `tenant quarantine`. The rules hold again.",
		.examples = "nsnet tenant release customer3",
		.operands = "quarantined",
		.run = cmd_tenant_release,
	},
	{
		.noun = "tenant",
		.verb = "export",
		.args = "[NAME...]",
		.max_args = -1,
		.flags = CMD_OPENS,
		.help = "print tenants as a file for `nsnet tenant add -f`",
		.more = "As `nsnet export`, without rules and quarantines.",
		.examples = "nsnet tenant export customer1",
		.operands = "tenant",
		.run = cmd_export,
	},
	{
		.noun = "endpoint",
		.verb = "add",
		.aliases = "create",
		.args = "TENANT/NAME",
		.min_args = 1,
		.max_args = 1,
		.flags = CMD_OPENS | CMD_CHANGES | CMD_NAMES,
		.options = endpoint_add_options,
		.help = "attach one more network namespace to a tenant's network",
		.more = "It is pinned as /run/netns/TENANT.NAME and gets the lowest free address,\n"
			"or the one that --ip says. Adding the same endpoint again changes "
			"nothing\n"
			"and succeeds; with other settings it is a conflict (status 5).",
		.examples = "nsnet endpoint add customer1/db\n"
			    "nsnet endpoint add customer1/db --ip 10.10.1.10 --rate 10mbit",
		.operands = "tenant/",
		.run = cmd_endpoint_add,
	},
	{
		.noun = "endpoint",
		.verb = "list",
		.aliases = "ls",
		.args = "[TENANT]",
		.max_args = 1,
		.flags = CMD_OPENS | CMD_TABLE | CMD_NAMES | CMD_ALONE,
		.columns = endpoint_columns,
		.help = "list the endpoints of all tenants, or of one",
		.more = "STATE is ok, DRIFT or absent, as for tenants. RX and TX are the bytes "
			"that\n"
			"the gateway received from and sent to the endpoint.",
		.examples = "nsnet endpoint list\n"
			    "nsnet endpoint list customer1 -o wide\n"
			    "nsnet endpoint list -o csv --columns ENDPOINT,ADDRESS",
		.operands = "tenant",
		.run = cmd_endpoint_list,
	},
	{
		.noun = "endpoint",
		.verb = "show",
		.aliases = "inspect get",
		.args = "TENANT/NAME",
		.min_args = 1,
		.max_args = 1,
		.flags = CMD_OPENS | CMD_NAMES,
		.help = "show all about one endpoint",
		.examples = "nsnet endpoint show customer1/db\n"
			    "nsnet endpoint show customer1/db -j",
		.operands = "endpoint",
		.run = cmd_endpoint_show,
	},
	{
		.noun = "endpoint",
		.verb = "del",
		.aliases = "rm remove delete",
		.args = "TENANT/NAME...",
		.min_args = 1,
		.max_args = -1,
		.flags = CMD_OPENS | CMD_CHANGES | CMD_NAMES,
		.options = endpoint_del_options,
		.help = "cut endpoints off and let go of their namespaces",
		.more = "When it returns, no process that is still inside reaches anything. The\n"
			"tenant stays, also without endpoints. If one of the endpoints does not\n"
			"exist, nothing is deleted. More than one asks first on a terminal and\n"
			"needs --yes elsewhere.",
		.examples = "nsnet endpoint del customer1/db\n"
			    "nsnet endpoint del -y customer1/app customer1/db\n"
			    "nsnet endpoint del --if-exists customer1/db",
		.operands = "endpoint",
		.run = cmd_del,
	},
	{
		.verb = "allow",
		.args = "FROM TO PORTS",
		.min_args = 3,
		.max_args = 3,
		.flags = CMD_OPENS | CMD_CHANGES | CMD_NAMES,
		.options = allow_options,
		.help = "let FROM open connections to TO",
		.more = "FROM and TO are TENANT, TENANT/ENDPOINT, label:KEY=VALUE or tenants; TO "
			"is\n"
			"also internet, host (its own services), or a network: 192.168.0.0/16. "
			"PORTS\n"
			"are tcp/443, udp/53, tcp/8000-8100, tcp, icmp/echo, any. All three can "
			"be\n"
			"lists with commas. It holds at once, in this direction only; answers "
			"come\n"
			"back.\n"
			"\n"
			"The internet is what is globally reachable and on no link of this host: "
			"a LAN\n"
			"or the bridge of containers needs a rule with its network. Who is "
			"outside\n"
			"reaches an endpoint by `nsnet publish`.\n"
			"\n"
			"Saying the same again changes nothing and succeeds. The name, which is "
			"made\n"
			"of the words unless --name says it, is for `nsnet revoke`.",
		.examples = "nsnet allow customer1 customer2 tcp/5432 --because CHG-1042\n"
			    "nsnet allow customer1/app shared/dns udp/53,tcp/53 --because CHG-7\n"
			    "nsnet allow customer1 internet tcp/80,tcp/443 --because CHG-7\n"
			    "nsnet allow label:env=prod shared any --because CHG-8 --name prod",
		.operands = "peer peer ports",
		.run = cmd_allow,
	},
	{
		.verb = "deny",
		.args = "FROM TO PORTS",
		.min_args = 3,
		.max_args = 3,
		.flags = CMD_OPENS | CMD_CHANGES | CMD_NAMES,
		.options = deny_options,
		.help = "forbid what another rule allows",
		.more = "The words are those of `nsnet allow`. What no rule allows is denied "
			"anyway;\n"
			"a deny wins over every allow, and live connections are cut.",
		.examples =
			"nsnet deny customer1 customer2/db tcp/5432\n"
			"nsnet deny tenants shared/dns tcp --because CHG-9 --expires 2099-06-30",
		.operands = "peer peer ports",
		.run = cmd_allow,
	},
	{
		.verb = "publish",
		.args = "TENANT/ENDPOINT PLACE",
		.min_args = 2,
		.max_args = 2,
		.flags = CMD_OPENS | CMD_CHANGES | CMD_NAMES,
		.options = publish_options,
		.help = "lead a port of the host to an endpoint",
		.more = "PLACE is [ADDRESS:]PORT[:PORT][/udp]. ADDRESS is one of the host, IPv6 "
			"in\n"
			"brackets; 0.0.0.0 and [::] are all of one family, and without one it is "
			"all of\n"
			"both. The host's PORT comes first, then the endpoint's, if that is "
			"another\n"
			"one. It is one port: make a rule for each.\n"
			"\n"
			"The service sees the address of who calls: the internet, or who --from "
			"says.\n"
			"On 127.0.0.1 it is for the host alone, and is not among all addresses; "
			"::1 cannot\n"
			"be published. Other tenants need a rule of their own (`nsnet allow`), and "
			"the\n"
			"endpoint's own address.\n"
			"\n"
			"It is a rule: `nsnet policy list -o wide` shows it, `nsnet revoke` takes "
			"it\n"
			"back. An address and port is published once.",
		.examples = "nsnet publish shop/app 443 --because CHG-12\n"
			    "nsnet publish shop/app 203.0.113.10:443:8443 --because CHG-12\n"
			    "nsnet publish shop/app 192.168.1.5:8080:80 --from 192.168.1.0/24 "
			    "--because CHG-13\n"
			    "nsnet publish shop/app 127.0.0.1:8080 --because debugging",
		.operands = "endpoint none",
		.run = cmd_publish,
	},
	{
		.verb = "revoke",
		.args = "RULE...",
		.min_args = 1,
		.max_args = -1,
		.flags = CMD_OPENS | CMD_CHANGES | CMD_NAMES,
		.options = revoke_options,
		.help = "take rules back",
		.more = "It holds at once: what only the rule allowed is cut. If one of the rules\n"
			"does not exist, none is revoked. `nsnet policy list` names them.",
		.examples = "nsnet revoke customer1-to-customer2-tcp-5432\n"
			    "nsnet revoke --if-exists prod",
		.operands = "rule",
		.run = cmd_revoke,
	},
	{
		.noun = "policy",
		.verb = "check",
		.aliases = "lint validate",
		.args = "[FILE|DIR|-...]",
		.max_args = -1,
		.help = "say all that is wrong with files of policies",
		.more = "Of a folder it reads *.yaml, *.yml and *.json. All files are read "
			"together:\n"
			"rules may name the tenants of each, and those of this host when root "
			"asks.\n"
			"Nothing is changed. Without FILE it reads standard input.\n"
			"\n"
			"The status is 1 when there are errors, 0 with warnings alone, 2 when a "
			"file\n"
			"cannot be read. `nsnet policy manual | man -l -` explains the language.",
		.examples = "nsnet policy check policies/\n"
			    "nsnet policy check tenants.yaml rules.yaml\n"
			    "nsnet policy check -j -",
		.operands = "file",
		.check = check_policy_check,
		.run = cmd_policy_check,
	},
	{
		.noun = "policy",
		.verb = "test",
		.args = "FILE|DIR...",
		.min_args = 1,
		.max_args = -1,
		.help = "say whether what files of policies expect comes out",
		.more = "Each `can` and `cannot` below `expect:` is asked of the rules of the "
			"files.\n"
			"What fails is printed with its reason; with -v, what holds, too. The "
			"status\n"
			"is 1 when one fails. Nothing is changed.",
		.examples = "nsnet policy test policies/\n"
			    "nsnet policy test -v policies/30-peering.yaml",
		.operands = "file",
		.run = cmd_policy_test,
	},
	{
		.noun = "policy",
		.verb = "list",
		.aliases = "ls",
		.args = "[FILE|DIR...]",
		.max_args = -1,
		.flags = CMD_TABLE | CMD_NAMES | CMD_ALONE,
		.options = policy_list_options,
		.columns = rule_columns,
		.help = "list the rules that are stored, or those of files",
		.more = "PACKETS and BYTES were let through, or denied, at the side that is "
			"called;\n"
			"rules of files have none, and were not ADDED. ORIGIN is the file and line "
			"of\n"
			"a rule that came with one.",
		.examples = "nsnet policy list\n"
			    "nsnet policy list --expiring 14d\n"
			    "nsnet policy list policies/\n"
			    "nsnet policy list -o wide policies/30-peering.yaml",
		.operands = "file",
		.run = cmd_policy_list,
	},
	{
		.noun = "policy",
		.verb = "show",
		.aliases = "inspect get",
		.args = "RULE [FILE|DIR...]",
		.min_args = 1,
		.max_args = -1,
		.flags = CMD_NAMES,
		.help = "show all about one rule, stored or of files",
		.examples = "nsnet policy show customer1-to-customer2-tcp-5432\n"
			    "nsnet policy show app-to-ledger policies/",
		.operands = "rule file",
		.run = cmd_policy_show,
	},
	{
		.noun = "policy",
		.verb = "schema",
		.args = "",
		.help = "print the language of policies as a JSON Schema",
		.examples = "nsnet policy schema",
		.run = cmd_policy_schema,
	},
	{
		.noun = "policy",
		.verb = "manual",
		.args = "",
		.help = "print the language of policies as a manual page",
		.examples = "nsnet policy manual",
		.more = "`nsnet policy manual | man -l -` shows it; `make install` puts it where "
			"man looks.",
		.run = cmd_policy_manual,
	},
	{
		.verb = "export",
		.args = "[TENANT...]",
		.max_args = -1,
		.flags = CMD_OPENS,
		.help = "print what is wanted as a file of policies",
		.more = "Tenants, rules and quarantines, as `nsnet policy check` reads them; with\n"
			"TENANT those tenants alone, for `nsnet tenant add -f`.\n"
			"\n"
			"YAML, or JSON with -j. Only what is not the default is written. "
			"Addresses\n"
			"that were chosen are written; those that were given out are `auto`: in\n"
			"another place, or with another subnet, the file gives out new ones. A\n"
			"tenant that is added again under the same name and subnet may so have\n"
			"other automatic addresses than before.",
		.examples = "nsnet export\n"
			    "nsnet export customer1\n"
			    "nsnet export -j",
		.operands = "tenant",
		.run = cmd_export,
	},
	{
		.verb = "plan",
		.args = "[TENANT]",
		.max_args = 1,
		.flags = CMD_OPENS | CMD_NAMES | CMD_REPORTS,
		.options = plan_options,
		.help = "show what `nsnet repair`, or `nsnet apply -f`, would do",
		.more = "Without -f it compares what is wanted with what the kernel has. + is "
			"made,\n"
			"~ is altered, - is removed.\n"
			"With -f it tells what the files change, which pairs can talk then and "
			"cannot\n"
			"now (or no more), and whether what they expect holds; all of it is "
			"tried,\n"
			"and the kernel is asked whether it would take the rules. What opens and "
			"closes\n"
			"is proved: packets are followed through the kernel's rules as they are "
			"now and\n"
			"as they would be. Where that cannot be done it is by policy, or not "
			"known of\n"
			"some, and the plan says so. Status 1: something that is expected does "
			"not hold.\n"
			"\n"
			"With --snapshot the same is told of another machine, without privilege: "
			"what\n"
			"the files change of the policies in the snapshot. -o markdown makes a "
			"report of\n"
			"a plan, for a pull request.",
		.examples = "nsnet plan\n"
			    "nsnet plan --exit-code customer1\n"
			    "nsnet plan -f policies/\n"
			    "nsnet plan -f policies/ --prune -v\n"
			    "nsnet plan --snapshot prod.json -f policies/ -o markdown",
		.operands = "tenant",
		.check = check_plan,
		.run = cmd_plan,
	},
	{
		.verb = "diff",
		.flags = CMD_OPENS,
		.args = "",
		.options = diff_options,
		.help = "show how files differ from what is stored",
		.more = "Like the first part of `nsnet plan -f`, without a look into the kernel. "
			"Status 1:\n"
			"they differ.",
		.examples = "nsnet diff -f policies/\n"
			    "nsnet diff -f policies/ -j",
		.check = check_apply,
		.run = cmd_diff,
	},
	{
		.verb = "apply",
		.flags = CMD_OPENS | CMD_CHANGES,
		.args = "",
		.options = apply_options,
		.help = "make all be as files say",
		.more = "Tenants, rules and quarantines of the files are made or changed; what "
			"else\n"
			"there is stays. A file, or a folder with its files, is a set, and owns "
			"what came\n"
			"with it: with --prune what its files do not have any more is removed. "
			"What\n"
			"another set owns is refused, what a command has made is taken over. What "
			"a\n"
			"file does not say of a tenant has its default.\n"
			"Before anything is done all of it is tried, and `expect:` has to hold. "
			"What is\n"
			"revoked is cut first, then what is new is made.\n"
			"With --confirm it is rolled back unless somebody runs `nsnet confirm` in "
			"this\n"
			"time (10s to 24h): also when the terminal, this command or the machine "
			"goes\n"
			"down meanwhile. It waits for that: status 8 when it was rolled back. "
			"Until then\n"
			"other changes are refused, but for `deny`, `revoke` of what allows and\n"
			"`tenant quarantine`, and these stay when it is rolled back.",
		.examples = "nsnet apply -f policies/\n"
			    "nsnet apply -f policies/ --confirm 60s\n"
			    "nsnet apply -f policies/ --prune\n"
			    "nsnet apply -f policies/ --prune --prune-tenants 2\n"
			    "nsnet apply -n -f policies/",
		.check = check_apply,
		.run = cmd_apply,
	},
	{
		.verb = "confirm",
		.args = "",
		.flags = CMD_OPENS,
		.help = "keep what `nsnet apply --confirm` has changed",
		.more = "Anybody with the rights may do so, from any terminal, until the time is "
			"over.",
		.examples = "nsnet confirm",
		.run = cmd_confirm,
	},
	{
		.verb = "rollback",
		.args = "[GENERATION]",
		.max_args = 1,
		.flags = CMD_OPENS | CMD_CHANGES | CMD_TABLE,
		.options = rollback_options,
		.columns = generation_columns,
		.help = "make all be as it was before a change",
		.more = "Without GENERATION it takes back what waits for a confirmation, else the "
			"last\n"
			"apply; when something else was changed since, that would go, too, and a "
			"GENERATION\n"
			"has to be named. --list shows the last 20 changes and where each can be "
			"taken back\n"
			"to. A rollback is a change like any other and can be taken back.\n"
			"\n"
			"Tenants, endpoints with their addresses, rules and quarantines become "
			"what they\n"
			"were; what is as it was is not touched, and its processes and "
			"connections go on.\n"
			"Tenants that were not there are removed (--prune-tenants, as for apply); "
			"those that\n"
			"were deleted come back under their names and addresses, empty.",
		.examples = "nsnet rollback\n"
			    "nsnet rollback --list\n"
			    "nsnet rollback -n 118",
		.check = check_rollback,
		.run = cmd_rollback,
	},
	{
		.verb = "__settle",
		.args = "",
		.flags = CMD_HIDDEN,
		.help = "wait for a confirmation, and roll back without one",
		.examples = "nsnet __settle",
		.run = cmd_settle,
	},
	{
		.verb = "repair",
		.args = "[TENANT]",
		.max_args = 1,
		.flags = CMD_OPENS | CMD_CHANGES | CMD_NAMES,
		.help = "make the kernel match what is wanted",
		.more = "Also the command for after a reboot. It goes on after a tenant that "
			"failed\n"
			"and reports the first failure in the end.",
		.examples = "nsnet repair\n"
			    "nsnet repair -v customer1",
		.operands = "tenant",
		.run = cmd_repair,
	},
	{
		.verb = "gc",
		.args = "",
		.flags = CMD_OPENS | CMD_CHANGES,
		.help = "remove what nsnet made and no longer wants",
		.more = "Shows it; with --yes it is removed. What other programs or another state\n"
			"folder made is never touched.",
		.examples = "nsnet gc\n"
			    "nsnet gc -y",
		.run = cmd_gc,
	},
	{
		.verb = "doctor",
		.args = "",
		.flags = CMD_OPENS | CMD_CHANGES,
		.options = doctor_options,
		.help = "say what of this host is in the way, and open firewalls of others",
		.more = "The kernel, mounts, settings, connections, and the nftables of all "
			"others: a "
			"chain\n"
			"that drops what the host forwards loses what a tenant is allowed to "
			"reach\n"
			"outside, whatever nsnet's own rules say. Each check has a number that "
			"stays\n"
			"the same; the status is 1 when one of them fails.\n"
			"\n"
			"--fix ID is the only thing in nsnet that writes into a table of somebody\n"
			"else: it accepts what comes from an uplink (nsn*), and replies and what "
			"is\n"
			"published to one, at the head of the chain that drops, or of DOCKER-USER. "
			"It\n"
			"says which rules and asks; elsewhere than on a terminal it needs --yes. "
			"The\n"
			"rules have a comment with ID and the store, by which --unfix ID finds "
			"them.\n"
			"What may be forwarded is still nsnet's own table to say. firewalld and "
			"ufw\n"
			"forget the rules when they load theirs again: so do it again then, or let "
			"their\n"
			"own configuration accept it.",
		.examples = "nsnet doctor\n"
			    "nsnet doctor --fix D104 -n\n"
			    "nsnet doctor --unfix D104 -y",
		.check = check_doctor,
		.run = cmd_doctor,
	},
	{
		.verb = "status",
		.args = "",
		.flags = CMD_OPENS,
		.help = "show the state folder in numbers",
		.examples = "nsnet status\n"
			    "nsnet status -j",
		.run = cmd_status,
	},
	{
		.verb = "monitor",
		.args = "[TENANT...]",
		.max_args = -1,
		.flags = CMD_OPENS | CMD_UNTIL_SIGNAL,
		.options = monitor_options,
		.help = "print what rules log, as it happens",
		.more = "Rules with --log new tell of each connection that is opened, or denied, "
			"by\n"
			"them, those with --log all of each packet, too. One line each, or one "
			"JSON\n"
			"object a line with -j: time, sending tenant, rule, allow or deny, open "
			"or\n"
			"packet, who calls whom, on which port. With TENANT what it sends or is "
			"sent.\n"
			"\n"
			"It ends with --for, --count, or a signal (Ctrl-C), with status 0, also "
			"when\n"
			"that comes before it listens: `listening to N gateways` on standard "
			"error\n"
			"says that it does (not with -j, not with -q). One monitor at a time can "
			"listen\n"
			"to a gateway. What a gateway logs in the first second after it, or its "
			"first\n"
			"logging rule, was made may be missed. `lost` says how many packets came\n"
			"faster than they could be read.",
		.examples = "nsnet monitor\n"
			    "nsnet monitor customer1 --for 10s\n"
			    "nsnet monitor -j --count 100",
		.operands = "tenant",
		.check = check_monitor,
		.run = cmd_monitor,
	},
	{
		.verb = "id",
		.args = "TENANT N",
		.min_args = 2,
		.max_args = 2,
		.flags = CMD_OPENS,
		.help = "print which user of the host a user inside is",
		.more = "Users and groups inside a tenant's workloads are 0 to 65535; on the host "
			"they\n"
			"are 65,536 others, which the tenant gets when they are first needed, and "
			"no\n"
			"other tenant ever has. So `chown $(nsnet id customer1 1000) FILE` gives "
			"a file\n"
			"to user 1000 of customer1. A user that `--map-user` replaced is another "
			"one.",
		.examples = "nsnet id customer1 1000\n"
			    "nsnet id customer1 1000 -j",
		.operands = "tenant none",
		.check = check_id,
		.run = cmd_id,
	},
	{
		.verb = "whose-uid",
		.args = "N",
		.min_args = 1,
		.max_args = 1,
		.flags = CMD_OPENS,
		.help = "print which tenant a user of the host belongs to",
		.more = "N as `ls -n` and `ps -o uid` have it, or a group's. It also knows "
			"tenants that\n"
			"were deleted: their files may be there still.",
		.examples = "nsnet whose-uid 1879049192\n"
			    "nsnet whose-uid 1879049192 -j",
		.operands = "none",
		.check = check_whose_uid,
		.run = cmd_whose_uid,
	},
	{
		.verb = "exceptions",
		.args = "[TENANT]",
		.max_args = 1,
		.flags = CMD_OPENS | CMD_TABLE,
		.options = exceptions_options,
		.columns = exception_columns,
		.help = "list what workloads were given that others do not get",
		.more = "Each is given for a reason, by somebody, with what it exposes told first. "
			"STATE\n"
			"is active, EXPIRED when its time is past and the workload goes on, or "
			"ended.\n"
			"The record is only added to, and outlives the tenant.",
		.examples = "nsnet exceptions\n"
			    "nsnet exceptions customer1 --active -o wide\n"
			    "nsnet exceptions -o csv --columns WORKLOAD,EXCEPTION,EXPIRES",
		.operands = "tenant",
		.run = cmd_exceptions,
	},
	{
		.verb = "self-check",
		.args = "[TENANT]",
		.max_args = 1,
		.flags = CMD_OPENS | CMD_TABLE,
		.options = self_check_options,
		.columns = self_check_columns,
		.help = "show that each namespace isolates what it should",
		.more = "For each kind of namespace something is made outside and looked for "
			"inside, "
			"and\n"
			"the other way round, in a workload that is started for this in TENANT, "
			"and in\n"
			"those that run; the kernel's numbers of the namespaces and their owners "
			"are\n"
			"compared, too. VERDICT is ISOLATED when both say so, SHARED(justified, "
			"...)\n"
			"when an opt-out that is not expired says why, SHARED(unexplained), or "
			"NOT\n"
			"TESTED: it could not be shown. A stranger is a process in the tenant's "
			"network\n"
			"that `nsnet run` did not start; it is unexplained when it could change "
			"the\n"
			"network or the host. -v tells all that was done and seen.\n"
			"\n"
			"The status is 1 when anything is unexplained or was not tested.",
		.examples = "nsnet self-check\n"
			    "nsnet self-check customer1 -v\n"
			    "nsnet self-check --workload 1a2b3c4d5e6f -j",
		.operands = "tenant",
		.check = check_self_check,
		.run = cmd_self_check,
	},
	{
		.verb = "verify",
		.args = "[FROM TO]...",
		.max_args = -1,
		.options = verify_options,
		.help = "prove that nothing gets past the policies",
		.more = "Reads the state of all network namespaces of this machine from the "
			"kernel,\n"
			"and follows every packet that a tenant can send through it, as sets. "
			"PROVED\n"
			"means: by that state no packet outside policy can be delivered; two "
			"tenants\n"
			"that no link joins are apart because there is no path. A VIOLATION comes "
			"with\n"
			"the packet and its way, or names whom the proof may not trust. What "
			"cannot be\n"
			"modelled, read or finished is INCONCLUSIVE, never PROVED. FROM and TO "
			"are\n"
			"tenants; without any all pairs are looked at. -v prints what was proved, "
			"all\n"
			"joined pairs, and what a proof does not cover.\n"
			"\n"
			"With --probe packets are sent, too, from each tenant's own end to the "
			"others,\n"
			"their gateways and the host, and whether they arrive is seen at the "
			"receiver.\n"
			"PROVED+CONFIRMED: both agree. NOT-REPRODUCED: a violation by the proof, "
			"and its\n"
			"packet did not arrive. PROVER-UNSOUND: a packet has arrived that was "
			"proved\n"
			"impossible; a file for whoever mends nsnet is written. What was not "
			"tested makes\n"
			"the whole INCONCLUSIVE. What live endpoints get cannot change anything "
			"of theirs,\n"
			"and nothing leaves this machine.\n"
			"\n"
			"With --host it is any machine's networks of containers that are looked "
			"at, with\n"
			"or without nsnet: those of docker, podman, Kubernetes, or made by hand. "
			"Asked is\n"
			"whether one reaches another, another's gateway address or a program of "
			"the host,\n"
			"and whether forged sources leave. Nothing is written.\n"
			"\n"
			"With --snapshot no privilege is needed, and no nsnet on that machine. "
			"The\n"
			"status is 0 when all is proved, 1 for a violation, 3 when inconclusive.\n"
			"\n"
			"--self-test shows that it would have found something: in a host that is "
			"thrown\n"
			"away, with tenants of its own, a fixed list of faults is planted one by "
			"one,\n"
			"and each must be found. The status is 3 when one is missed.",
		.examples = "nsnet verify\n"
			    "nsnet verify --probe\n"
			    "nsnet verify -v customer1 customer2\n"
			    "nsnet verify --host\n"
			    "nsnet verify --snapshot state.json -j\n"
			    "nsnet verify --self-test",
		.operands = "tenant tenant",
		.check = check_verify,
		.run = cmd_verify,
	},
	{
		.verb = "explain",
		.args = "FROM TO [PORT]",
		.min_args = 2,
		.max_args = 3,
		.options = explain_options,
		.help = "the way of one packet, and what stops it",
		.more = "FROM and TO are TENANT or TENANT/ENDPOINT, PORT is tcp/443, udp/53, "
			"icmp/echo\n"
			"(which is meant without one). The packet opens a connection; it is taken\n"
			"through the rules and routes that the kernel has now, not through what "
			"is\n"
			"wanted, and the answer is compared with the policies.\n"
			"\n"
			"With --probe that packet is sent, too: see `nsnet trace`.\n"
			"\n"
			"The status is 0 when there is an answer, 3 when the packet may get "
			"through or\n"
			"not; with -q nothing is printed and it is 1 for a packet that is stopped. "
			"With\n"
			"--probe it is that of `trace`, if that is not 0.",
		.examples = "nsnet explain customer1/app customer2/db tcp/5432\n"
			    "nsnet explain customer1/app customer2/db tcp/5432 --probe\n"
			    "nsnet explain -6 customer1 customer2\n"
			    "nsnet explain -q customer1 shared/dns udp/53",
		.operands = "either either ports",
		.check = check_explain,
		.run = cmd_explain,
	},
	{
		.verb = "trace",
		.args = "FROM TO [PORT]",
		.min_args = 2,
		.max_args = 3,
		.flags = CMD_OPENS,
		.options = trace_options,
		.help = "send one packet, and see what rules do to it",
		.more = "FROM, TO and PORT are as for `explain`. One packet that opens a "
			"connection (tcp: a\n"
			"SYN, udp: a datagram of 16 bytes, icmp/echo: a ping) is sent from FROM's "
			"own\n"
			"namespace to TO; a program that listens there at PORT gets it. Between "
			"endpoints of\n"
			"one tenant it is two: by the bridge, and by the gateway. The kernel tells "
			"each rule\n"
			"that it meets in the gateways, others' rules, too. Then it is compared "
			"with what\n"
			"`explain` says. It counts as blocked only when others, sent behind it to "
			"the same\n"
			"receiver, were seen there; else it is untested.\n"
			"\n"
			"Meanwhile the gateways have two tables called nsnet-trace-PID, which only "
			"look, and\n"
			"go with the command, however it ends.\n"
			"\n"
			"The status is 0 when the packet's end is known and `explain` says the "
			"same, 1 when\n"
			"the two contradict each other or no policy allows what arrived, 3 when it "
			"could not\n"
			"be tested or compared; with -q nothing is printed and it is 1 for a "
			"packet that did\n"
			"not arrive.",
		.examples = "nsnet trace customer1/app customer2/db tcp/5432\n"
			    "nsnet trace -6 customer1 customer2 -j",
		.operands = "either either ports",
		.run = cmd_trace,
	},
	{
		.verb = "who-can",
		.args = "TENANT[/ENDPOINT] [PORT]",
		.min_args = 1,
		.max_args = 2,
		.flags = CMD_TABLE | CMD_NAMES,
		.options = who_can_options,
		.columns = opener_columns,
		.help = "who of other tenants can open what to it",
		.more = "By the kernel's state. INTENDED is NO for what gets through although no\n"
			"policy allows it. The status is 3 when there may be more.",
		.examples = "nsnet who-can customer2/db\n"
			    "nsnet who-can customer2/db tcp/5432 -o name",
		.operands = "either ports",
		.run = cmd_who_can,
	},
	{
		.verb = "matrix",
		.args = "",
		.flags = CMD_CELLS,
		.options = matrix_options,
		.help = "what `verify` says of each pair, as a table",
		.more = "Rows are FROM, columns are TO. Of more than 16 tenants those are shown "
			"of\n"
			"whom there is something to say. -o wide has the reasons, -o csv and -o "
			"json\n"
			"are lists, -o markdown is for reports. The status is that of `verify`.",
		.examples = "nsnet matrix\n"
			    "nsnet matrix -o markdown",
		.check = check_verify,
		.run = cmd_matrix,
	},
	{
		.verb = "graph",
		.args = "",
		.flags = CMD_DRAWS,
		.options = graph_options,
		.help = "namespaces and the links between them",
		.more = "Of the kernel, not of what is wanted: whatever joins two namespaces is in "
			"it.\n"
			"STRAY is a link that nobody wants, LOOSE one whose other half was not "
			"found.\n"
			"-o dot is for Graphviz, -o mermaid for Markdown.",
		.examples = "nsnet graph\n"
			    "nsnet graph -o dot",
		.run = cmd_graph,
	},
	{
		.verb = "snapshot",
		.args = "[FILE]",
		.max_args = 1,
		.flags = CMD_OPENS,
		.options = snapshot_options,
		.help = "save the state that proofs are about",
		.more = "One JSON text with its hash, to FILE (for you alone to read) or standard\n"
			"output, whatever -o says. It has all of the policies and of the kernel's "
			"state\n"
			"that decides about packets: names of processes, addresses, connections. "
			"Who\n"
			"has it can prove the same elsewhere: `nsnet verify --snapshot FILE`.",
		.examples = "nsnet snapshot state.json\n"
			    "nsnet snapshot",
		.operands = "file",
		.run = cmd_snapshot,
	},
	{
		.verb = "enter",
		.args = "TENANT[/ENDPOINT] [--] [CMD...]",
		.min_args = 1,
		.max_args = -1,
		.flags = CMD_OPENS | CMD_TAIL,
		.options = enter_options,
		.help = "run a command in a tenant's network",
		.more = "The operator's tool: the command joins the network namespace with all "
			"your\n"
			"rights, it is not confined. Without ENDPOINT it is `default`, or the "
			"only\n"
			"one there is. Without CMD it is $SHELL or /bin/sh. The status is the\n"
			"command's own; 126 and 127 when it could not be started or found.",
		.examples = "nsnet enter customer1 -- ip addr\n"
			    "nsnet enter customer1/db -- ss -tln\n"
			    "nsnet enter --gateway customer1 -- nft list ruleset",
		.operands = "either file",
		.check = check_enter,
		.run = cmd_enter,
	},
	{
		.verb = "run",
		.args = "TENANT[/ENDPOINT] [--] CMD...",
		.min_args = 1,
		.max_args = -1,
		.flags = CMD_OPENS | CMD_TAIL | CMD_RUNS,
		.options = run_options,
		.help = "run a command as a workload, isolated",
		.more = "The command runs in the tenant's network and in pid, mnt, ipc, uts, user "
			"and\n"
			"cgroup namespaces of its own: numbers of users are the tenant's, the "
			"file\n"
			"system is the host's /usr and nothing else, it has no capabilities and a\n"
			"filter of system calls. It cannot change its network, as root neither. "
			"What\n"
			"could not be had is an error, never left out.\n\n"
			"It ends with this command. Signals are passed on. With a terminal, it "
			"has\n"
			"one of its own.\n\n"
			"The status is the command's own, 128+N when signal N killed it; 125 when\n"
			"nsnet failed, 126 when the command could not be executed, 127 when it is\n"
			"not there. -j and --status-fd tell them apart.",
		.examples =
			"nsnet run customer1 -- id\n"
			"nsnet run customer1/db -u www-data --volume /srv/db:/data -- ls -l "
			"/data\n"
			"nsnet run customer1 --share ipc=host --because \"CHG-7: old app\" -- ipcs",
		.operands = "either file",
		.check = check_run,
		.run = cmd_run,
	},
	{
		.verb = "help",
		.args = "[COMMAND|TOPIC|CODE]",
		.max_args = 2,
		.help = "explain a command, an error code, or a topic",
		.more = "Topics: exit (exit statuses), codes (all error codes), output, "
			"environment.",
		.examples = "nsnet help tenant add\n"
			    "nsnet help TENANT_DIFFERS\n"
			    "nsnet help exit",
		.operands = "topic",
		.run = cmd_help,
	},
	{
		.verb = "completion",
		.args = "SHELL",
		.min_args = 1,
		.max_args = 1,
		.help = "print the completion script for a shell (bash)",
		.more = "`make install` puts it where bash looks for it. Names of tenants and\n"
			"endpoints are completed for root only.",
		.examples = "nsnet completion bash",
		.operands = "shell",
		.check = check_completion,
		.run = cmd_completion,
	},
	{
		.verb = "__complete",
		.args = "[--] [WORD...]",
		.max_args = -1,
		.flags = CMD_TAIL | CMD_HIDDEN,
		.help = "print what can stand for the last word",
		.examples = "nsnet __complete -- tenant s",
		.run = cmd_complete,
	},
	{
		.verb = "version",
		.args = "",
		.help = "print the version",
		.examples = "nsnet version",
		.run = cmd_version,
	},
	{0},
};
