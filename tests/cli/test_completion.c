/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The completion script in a real bash: the words it offers, with names out of a world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"

/*
 * Sources the script and calls its function as bash does: $1 is the line up to the cursor, broken
 * into words at spaces, '=' and ':'. Prints the words with spaces between, and what else was
 * printed.
 */
static const char bash[] =
	"source <(\"$NSNET\" completion bash) || exit 9\n"
	"[[ $(complete -p nsnet) == 'complete -F _nsnet nsnet' ]] || exit 8\n"
	"line=$1 COMP_WORDS=()\n"
	"split=${line//=/ = }\n"
	"for word in ${split//:/ : }; do COMP_WORDS+=(\"$word\"); done\n"
	"[[ $line == *' ' ]] && COMP_WORDS+=('')\n"
	"COMP_WORDS[0]=$NSNET COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$line "
	"COMP_POINT=${#line}\n"
	"_nsnet nsnet \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\" || exit 7\n"
	"echo \"${COMPREPLY[*]}\"\n";

static void assert_offers(const char *line, const char *words)
{
	NSN_AUTO(run_done) struct run r = {0};
	NSN_AUTO(nsn_freep) char *want = NULL;

	assert_int_equal(setenv("NSNET", nsnet_bin(), 1), 0);
	RUN(&r, "bash", "--norc", "-c", bash, "bash", line);
	assert_status(&r, 0);
	assert_true(asprintf(&want, "%s\n", words) > 0);
	if (strcmp(r.out, want) != 0 || *r.err)
		fail_msg("'%s' offers\n%s%snot\n%s", line, r.out, r.err, want);
}

static void commands_options_and_values_are_offered(void **state)
{
	(void)state;
	world_need();
	assert_offers("nsnet te", "tenant");
	assert_offers("nsnet tenant ", "add list show set del quarantine release export");
	assert_offers("nsnet tenant add c1 auto --ins", "--inside");
	assert_offers("nsnet tenant add --inside ", "allow deny");
	assert_offers("nsnet -o y", "yaml");
	/* bash replaces what is behind the '=' only. */
	assert_offers("nsnet --output=y", "yaml");
	assert_offers("nsnet --output=", "table wide json yaml csv name markdown dot mermaid");
	assert_offers("nsnet graph --sn", "--snapshot");
	assert_offers("nsnet snap", "snapshot");
	assert_offers("nsnet tenant set c1 inside=d", "deny");
	assert_offers("nsnet tenant set c1 mt", "mtu=");
	assert_offers("nsnet help ADDRESS_", "ADDRESS_TAKEN ADDRESS_FIXED");
	assert_offers("nsnet frobnicate ", "");
	/* Nothing of it has made a state folder. */
	assert_int_not_equal(access("/var/lib/nsnet", F_OK), 0);
}

static void names_are_those_of_the_store(void **state)
{
	(void)state;
	world_need();
	assert_offers("nsnet tenant show ", "");
	NSNET_STATUS(0, "tenant", "add", "customer1", "10.10.1.0/24");
	NSNET_STATUS(0, "tenant", "add", "customer2", "10.10.2.0/24");
	NSNET_STATUS(0, "endpoint", "add", "customer1/db");
	assert_offers("nsnet tenant show ", "customer1 customer2");
	assert_offers("nsnet tenant show customer1 ", "");
	assert_offers("nsnet tenant del customer1 ", "customer1 customer2");
	assert_offers("nsnet endpoint add customer2", "customer2/");
	assert_offers("nsnet endpoint show ", "customer1/default customer1/db customer2/default");
	assert_offers("nsnet endpoint del customer1/d", "customer1/default customer1/db");
	assert_offers("nsnet enter customer2", "customer2 customer2/default");
	assert_offers("nsnet -j plan cu", "customer1 customer2");
	assert_offers("nsnet revoke ", "");
	NSNET_STATUS(0, "allow", "customer1", "customer2", "tcp/22", "--because", "x");
	NSNET_STATUS(0, "allow", "customer2", "customer1", "tcp/22", "--because", "x", "--name",
		     "back");
	assert_offers("nsnet revoke ", "back customer1-to-customer2-tcp-22");
	assert_offers("nsnet revoke back cu", "customer1-to-customer2-tcp-22");
	assert_offers("nsnet policy show b", "back");
	assert_int_equal(setenv("NSNET_STATE_DIR", "/var/lib/other", 1), 0);
	assert_offers("nsnet tenant show ", "");
	assert_int_not_equal(access("/var/lib/other", F_OK), 0);
}

static void peers_and_ports_are_offered_in_lists(void **state)
{
	(void)state;
	world_need();
	NSNET_STATUS(0, "tenant", "add", "customer1", "10.10.1.0/24", "--label", "env=prod");
	NSNET_STATUS(0, "tenant", "add", "customer2", "10.10.2.0/24", "--label", "env=prod");
	assert_offers("nsnet allow ", "customer1 customer2 customer1/default customer2/default "
				      "label:env=prod tenants");
	assert_offers("nsnet deny customer1 customer2/", "customer2/default");
	assert_offers("nsnet allow customer1,te", "customer1,tenants");
	/* bash replaces what is behind the ':' and the '=' only. */
	assert_offers("nsnet allow lab", "label:env=prod");
	assert_offers("nsnet allow label:", "env=prod");
	assert_offers("nsnet allow label:env=", "prod");
	assert_offers("nsnet allow customer1,label:env=p", "prod");
	assert_offers("nsnet allow a b ", "any tcp tcp/ udp udp/ sctp icmp icmp/echo");
	assert_offers("nsnet allow a b tcp/1,ud", "tcp/1,udp tcp/1,udp/");
	assert_offers("nsnet allow a b any ", "");
	assert_offers("nsnet allow a b any --log n", "none new");
	assert_offers("nsnet tenant quarantine customer2/", "customer2/default");
	/* Only who is in quarantine can be released. */
	assert_offers("nsnet tenant release ", "");
	NSNET_STATUS(0, "tenant", "quarantine", "label:env=prod", "--because", "x");
	assert_offers("nsnet tenant release label:env=", "prod");
	assert_offers("nsnet tenant release ", "label:env=prod");
}

static void files_are_completed_by_bash(void **state)
{
	(void)state;
	world_need();
	RUN_STATUS(0, "sh", "-c", "echo >'/run/one.yaml'");
	assert_offers("nsnet tenant add -f /run/on", "/run/one.yaml");
	assert_offers("nsnet tenant add --file=/run/on", "/run/one.yaml");
}

static void without_root_it_is_silent(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	NSNET_STATUS(0, "tenant", "add", "customer1", "10.10.1.0/24");
	RUN_STATUS(0, "install", "-m", "755", nsnet_bin(), "/var/lib/nsnet-copy");
	RUN(&r, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "env",
	    "NSNET=/var/lib/nsnet-copy", "bash", "--norc", "-c", bash, "bash",
	    "nsnet tenant show ");
	assert_status(&r, 0);
	assert_string_equal(r.out, "\n");
	assert_string_equal(r.err, "");
}

/* While another nsnet holds the state folder, somebody who types does not wait for it. */
static void a_busy_store_does_not_stop_typing(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	NSNET_STATUS(0, "tenant", "add", "customer1", "10.10.1.0/24");
	RUN(&r, "flock", "/var/lib/nsnet/lock", nsnet_bin(), "__complete", "--", "tenant", "show",
	    "");
	assert_status(&r, 0);
	assert_string_equal(r.out, "customer1\n");
	assert_string_equal(r.err, "");
	assert_true(r.ms < 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(commands_options_and_values_are_offered, begin),
		cmocka_unit_test_setup(names_are_those_of_the_store, begin),
		cmocka_unit_test_setup(peers_and_ports_are_offered_in_lists, begin),
		cmocka_unit_test_setup(files_are_completed_by_bash, begin),
		cmocka_unit_test_setup(without_root_it_is_silent, begin),
		cmocka_unit_test_setup(a_busy_store_does_not_stop_typing, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
