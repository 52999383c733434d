// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text to the parsers of addresses, subnets and names: nothing crashes, and what parses prints
 * to a text that parses to the same.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/base/ip.h"
#include "../../lib/model/tenant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must not go away with -DNDEBUG. */
static void must(int ok)
{
	if (!ok)
		abort();
}

/* A refusal says what is wrong, in strings that end. */
static void must_explain(int r, const struct nsnet_err *err, enum nsnet_code id)
{
	must(r == -EINVAL && err->code == r && err->id == id && err->msg[0] != '\0');
	must(memchr(err->msg, '\0', sizeof(err->msg)) != NULL);
	must(memchr(err->hint, '\0', sizeof(err->hint)) != NULL);
	must(memchr(err->where, '\0', sizeof(err->where)) != NULL);
}

static void fuzz_ip(const char *text)
{
	struct nsn_ip ip = {0}, again = {0};
	char buf[NSN_IP_STRLEN];

	if (nsn_ip_parse(&ip, text) < 0)
		return;
	must(nsn_ip_parse(&again, nsn_ip_str(&ip, buf)) == 0);
	must(nsn_ip_cmp(&ip, &again) == 0);
}

static void fuzz_prefix(const char *text)
{
	struct nsn_prefix p = {0}, again = {0};
	char buf[NSN_PREFIX_STRLEN];
	struct nsn_ip network, last;

	if (nsn_prefix_parse(&p, text) < 0)
		return;
	must(nsn_prefix_parse(&again, nsn_prefix_str(&p, buf)) == 0);
	must(nsn_prefix_cmp(&p, &again) == 0);
	network = nsn_prefix_network(&p);
	last = nsn_prefix_last(&p);
	must(nsn_prefix_has(&p, &p.ip));
	must(nsn_prefix_has(&p, &network) && nsn_prefix_has(&p, &last));
	must(nsn_ip_cmp(&network, &last) <= 0);
	must(nsn_prefix_overlap(&p, &again));
}

static void fuzz_subnet(const char *text)
{
	struct nsn_prefix p = {0}, again = {0};
	struct nsnet_err err = {0};
	char buf[NSN_PREFIX_STRLEN];
	struct nsn_ip network;
	int r = nsn_subnet_parse(&p, text, &err);

	if (r < 0) {
		must_explain(r, &err, NSNET_E_BAD_SUBNET);
		return;
	}
	network = nsn_prefix_network(&p);
	must(nsn_ip_cmp(&network, &p.ip) == 0);
	must(p.len >= 8 && p.len <= 30);
	must(nsn_subnet_parse(&again, nsn_prefix_str(&p, buf), NULL) == 0);
	must(nsn_prefix_cmp(&p, &again) == 0);
}

static void fuzz_name(const char *text)
{
	struct nsnet_err err = {0};
	int r = nsn_tenant_name_check(text, &err);

	if (r < 0) {
		must_explain(r, &err, NSNET_E_BAD_NAME);
		return;
	}
	/* It becomes a file name in /run/netns. */
	must(strlen(text) >= 2 && strlen(text) <= NSN_NAME_MAX);
	must(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	fuzz_ip(text);
	fuzz_prefix(text);
	fuzz_subnet(text);
	fuzz_name(text);
	free(text);
	return 0;
}
