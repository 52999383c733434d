/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands. Their order is the order of `nsnet help`. */
#include "cmd.h"

const struct cmd cmd_table[] = {
	{
		.noun = "tenant",
		.verb = "add",
		.aliases = "create",
		.args = "NAME SUBNET",
		.min_args = 2,
		.max_args = 2,
		.flags = CMD_OPENS | CMD_CHANGES | CMD_NAMES,
		.options = tenant_add_options,
		.help = "make a tenant's network",
		.more = "The network is isolated: nothing leads out of it or into it. The first\n"
			"address of SUBNET is the gateway's, the second the one of the tenant's\n"
			"network namespace, /run/netns/NAME.\n"
			"\n"
			"Adding the same tenant again changes nothing and succeeds; what is "
			"missing\n"
			"in the kernel is made. With another SUBNET it is a conflict (status 5).",
		.examples = "nsnet tenant add customer1 10.10.1.0/24\n"
			    "nsnet tenant add -n -v customer1 10.10.1.0/24",
		.run = cmd_tenant_add,
	},
	{
		.noun = "tenant",
		.verb = "list",
		.aliases = "ls",
		.args = "",
		.flags = CMD_OPENS | CMD_TABLE | CMD_NAMES | CMD_ALONE,
		.columns = tenant_columns,
		.help = "list the tenants",
		.more = "STATE is ok, DRIFT (the kernel has something else than is wanted: `nsnet\n"
			"plan` says what) or absent (it has nothing of it). RX and TX are the "
			"bytes\n"
			"that the gateway received from and sent to the tenant's endpoints.",
		.examples = "nsnet tenant list\n"
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
		.examples = "nsnet tenant show customer1\n"
			    "nsnet tenant show customer1 -j",
		.run = cmd_tenant_show,
	},
	{
		.noun = "tenant",
		.verb = "del",
		.aliases = "rm remove delete",
		.args = "NAME...",
		.min_args = 1,
		.max_args = -1,
		.flags = CMD_OPENS | CMD_CHANGES | CMD_NAMES,
		.options = tenant_del_options,
		.help = "cut tenants off and remove their networks",
		.more = "When it returns, no process that is still inside reaches anything. If "
			"one\n"
			"of the names does not exist, nothing is deleted. More than one asks "
			"first\n"
			"on a terminal and needs --yes elsewhere.",
		.examples = "nsnet tenant del customer1\n"
			    "nsnet tenant del -y customer1 customer2\n"
			    "nsnet tenant del --if-exists customer1",
		.run = cmd_tenant_del,
	},
	{
		.verb = "plan",
		.args = "[TENANT]",
		.max_args = 1,
		.flags = CMD_OPENS | CMD_NAMES,
		.options = plan_options,
		.help = "show what `nsnet repair` would do",
		.more = "Compares what is wanted with what the kernel has. + is made, ~ is "
			"altered,\n"
			"- is removed.",
		.examples = "nsnet plan\n"
			    "nsnet plan --exit-code customer1",
		.run = cmd_plan,
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
		.verb = "status",
		.args = "",
		.flags = CMD_OPENS,
		.help = "show the state folder in numbers",
		.examples = "nsnet status\n"
			    "nsnet status -j",
		.run = cmd_status,
	},
	{
		.verb = "enter",
		.args = "TENANT [--] [CMD...]",
		.min_args = 1,
		.max_args = -1,
		.flags = CMD_OPENS | CMD_TAIL,
		.options = enter_options,
		.help = "run a command in a tenant's network",
		.more = "The operator's tool: the command joins the network namespace with all "
			"your\n"
			"rights, it is not confined. Without CMD it is $SHELL or /bin/sh. The "
			"status\n"
			"is the command's own; 126 and 127 when it could not be started or found.",
		.examples = "nsnet enter customer1 -- ip addr\n"
			    "nsnet enter --gateway customer1 -- nft list ruleset",
		.run = cmd_enter,
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
		.run = cmd_help,
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
