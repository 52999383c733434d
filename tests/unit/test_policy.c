/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/policy/chars.h"
#include "../../lib/policy/language.h"
#include "../../lib/policy/tenants.h"

NSN_CLEANUP(struct nsnet_defs, nsnet_defs_free)

/* A text that ends where it ends, so that the sanitizers see who reads on. */
static int parse(struct nsnet_defs **ret, const char *file, const char *text, size_t len,
		 struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	return nsnet_defs_parse(ret, file, copy, len, err);
}

static void put(FILE *f, const char *key, const char *value)
{
	if (value)
		(void)fprintf(f, " %s=%s", key, value);
}

static void put_all(FILE *f, const char *key, const char *const *list, size_t n)
{
	if (!list)
		return;
	(void)fprintf(f, " %s=[", key);
	for (size_t i = 0; i < n; i++)
		(void)fprintf(f, "%s%s", i ? "," : "", list[i]);
	(void)fprintf(f, "]");
}

/* All definitions as one text, without their places: a line for each tenant and endpoint. */
static char *dump(const struct nsnet_defs *defs)
{
	char *text = NULL;
	size_t size = 0, n = 0;
	FILE *f = open_memstream(&text, &size);
	const struct nsnet_tenant_def *list = nsnet_defs_list(defs, &n);

	assert_non_null(f);
	for (size_t i = 0; i < n; i++) {
		(void)fprintf(f, "%s", list[i].name);
		put(f, "subnet", list[i].subnet);
		put(f, "subnet6", list[i].subnet6);
		put(f, "inside", list[i].inside);
		put(f, "mtu", list[i].mtu);
		put(f, "rate", list[i].rate);
		put(f, "new-flows", list[i].new_flows);
		put(f, "open-flows", list[i].open_flows);
		put(f, "dns", list[i].dns);
		put_all(f, "labels", list[i].labels, list[i].n_labels);
		put_all(f, "owners", list[i].owners, list[i].n_owners);
		(void)fprintf(f, "\n");
		for (size_t j = 0; j < list[i].n_endpoints; j++) {
			const struct nsnet_endpoint_def *e = &list[i].endpoints[j];

			(void)fprintf(f, ".%s", e->name);
			put(f, "ip", e->ip);
			put(f, "ip6", e->ip6);
			put(f, "rate", e->rate);
			(void)fprintf(f, "\n");
		}
	}
	assert_int_equal(fclose(f), 0);
	return text;
}

static void assert_defs(const char *text, size_t len, const char *want)
{
	NSN_AUTO(nsnet_defs_freep) struct nsnet_defs *defs = NULL;
	NSN_AUTO(nsn_freep) char *got = NULL;
	struct nsnet_err err = {0};

	if (parse(&defs, "t.yaml", text, len, &err) < 0)
		fail_msg("refused: %s\n%s", err.msg, text);
	assert_int_equal(err.code, 0);
	assert_string_equal(err.msg, "");
	got = dump(defs);
	assert_string_equal(got, want);
}

/* ---- what is read --------------------------------------------------------------- */

static const char example[] = "# two tenants\n"
			      "nsnet: 1 # the version\n"
			      "tenants:\n"
			      "  customer1:\n"
			      "    subnet: 10.10.1.0/24\n"
			      "    subnet6: fd00:10:1::/64\n"
			      "    inside: deny\n"
			      "    mtu: 1400\n"
			      "    rate: 100mbit\n"
			      "    labels: { pci: cde, tier: gold }\n"
			      "    owners: [alice, bob]\n"
			      "    endpoints:\n"
			      "      app: 10.10.1.10\n"
			      "      worker: auto\n"
			      "      db: { ip: 10.10.1.20, ip6: \"fd00:10:1::20\", rate: 10mbit }\n"
			      "  customer2:\n"
			      "    subnet: auto/26\n";

static const char example_json[] =
	"{\n"
	"\t\"nsnet\": 1,\n"
	"\t\"tenants\": {\n"
	"\t\t\"customer1\": {\"subnet\":\"10.10.1.0/24\",\"subnet6\":\"fd00:10:1::/64\",\n"
	"\t\t\t\"inside\": \"deny\", \"mtu\": 1400, \"rate\": \"100mbit\",\n"
	"\t\t\t\"labels\": {\"pci\": \"cde\", \"tier\": \"g\\u006fld\"},\n"
	"\t\t\t\"owners\": [\"alice\", \"bob\"],\n"
	"\t\t\t\"endpoints\": {\"app\": \"10.10.1.10\", \"worker\": \"auto\",\n"
	"\t\t\t\t\"db\": {\"ip\": \"10.10.1.20\", \"ip6\": \"fd00:10:1::20\", \"rate\": "
	"\"10mbit\"}}\n"
	"\t\t},\n"
	"\t\t\"customer2\": {\"subnet\": \"auto\\/26\"}\n"
	"\t}\n"
	"}\n";

static const char example_defs[] =
	"customer1 subnet=10.10.1.0/24 subnet6=fd00:10:1::/64 inside=deny mtu=1400 rate=100mbit "
	"labels=[pci=cde,tier=gold] owners=[alice,bob]\n"
	".app ip=10.10.1.10\n"
	".worker ip=auto\n"
	".db ip=10.10.1.20 ip6=fd00:10:1::20 rate=10mbit\n"
	"customer2 subnet=auto/26\n";

static void a_file_has_what_was_written_into_it(void **state)
{
	NSN_AUTO(nsnet_defs_freep) struct nsnet_defs *defs = NULL;
	const struct nsnet_tenant_def *list;
	size_t n = 0;

	(void)state;
	assert_defs(example, strlen(example), example_defs);
	assert_int_equal(parse(&defs, "t.yaml", example, strlen(example), NULL), 0);
	list = nsnet_defs_list(defs, &n);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].where, "t.yaml:4:3");
	assert_string_equal(list[1].where, "t.yaml:16:3");
	assert_null(list[1].labels);
	assert_null(list[1].owners);
	assert_null(list[1].endpoints);
}

static void json_gives_the_same(void **state)
{
	(void)state;
	assert_defs(example_json, strlen(example_json), example_defs);
}

#define T "nsnet: 1\ntenants:\n  t1:\n    subnet: auto\n"

static const struct {
	const char *text, *defs;
} good[] = {
	{"nsnet: 1\ntenants: {}\n", ""},
	{"tenants: {}\nnsnet: 1", ""},
	{"nsnet: '1'\ntenants: {}", ""},
	{"\xef\xbb\xbfnsnet: 1\r\ntenants: {}\r\n", ""},
	{"---\nnsnet: 1\ntenants: {}\n...\n# the end\n", ""},
	{T, "t1 subnet=auto\n"},
	/* Words are what is written. */
	{T "    mtu: ~\n    rate: null\n    inside: no\n    subnet6: 0x1F\n",
	 "t1 subnet=auto subnet6=0x1F inside=no mtu=~ rate=null\n"},
	{T "    mtu: 010\n    rate: 1e3\n    inside: True\n    subnet6: 2001:db8::1\n",
	 "t1 subnet=auto subnet6=2001:db8::1 inside=True mtu=010 rate=1e3\n"},
	{T "    mtu: ''\n    rate: \"a b\"\n    inside: it's\n", "t1 subnet=auto inside=it's mtu= "
								 "rate=a b\n"},
	{T "    rate: a#b # c\n", "t1 subnet=auto rate=a#b\n"},
	{T "    open-flows: none\n    new-flows: 4000\n",
	 "t1 subnet=auto new-flows=4000 open-flows=none\n"},
	{T "    dns: shared/dns\n", "t1 subnet=auto dns=shared/dns\n"},
	{T "    dns: [9.9.9.9, '2620:fe::fe']\n", "t1 subnet=auto dns=9.9.9.9,2620:fe::fe\n"},
	{T "    dns:\n    - none\n", "t1 subnet=auto dns=none\n"},
	{T "    rate: >-\n      10mbit\n", "t1 subnet=auto rate=10mbit\n"},
	{T "    rate: m\xc3\xbcller\n", "t1 subnet=auto rate=m\xc3\xbcller\n"},
	{T "    ? mtu\n    : 1400\n", "t1 subnet=auto mtu=1400\n"},
	{T "    \"mtu\": 1400\n", "t1 subnet=auto mtu=1400\n"},
	/* What is said and empty is not what is left out. */
	{T "    labels: {}\n    owners: []\n", "t1 subnet=auto labels=[] owners=[]\n"},
	{T "    labels: {a: '', b: yes}\n", "t1 subnet=auto labels=[a=,b=yes]\n"},
	{T "    owners:\n    - alice\n    - 42\n", "t1 subnet=auto owners=[alice,42]\n"},
	{T "    owners: [alice, bob, ]\n", "t1 subnet=auto owners=[alice,bob]\n"},
	{T "    endpoints: {a: {}, default: auto, 'b c': ''}\n",
	 "t1 subnet=auto\n.a\n.default ip=auto\n.b c ip=\n"},
	/* Names are none of our business. */
	{"nsnet: 1\ntenants: {1: {subnet: a}, '<<': {subnet: b}, A_b: {subnet: c}}",
	 "1 subnet=a\n<< subnet=b\nA_b subnet=c\n"},
	{"{nsnet: 1, tenants: {t1: {subnet: 'x', endpoints: {a: {rate: 1, ip: 2}}}}}",
	 "t1 subnet=x\n.a ip=2 rate=1\n"},
};

static void good_files_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSN_COUNT(good); i++)
		assert_defs(good[i].text, strlen(good[i].text), good[i].defs);
}

/* ---- what is refused -------------------------------------------------------------- */

static void assert_refused(const char *text, size_t len, const char *at, const char *msg,
			   const char *hint)
{
	struct nsnet_defs *defs = NULL;
	struct nsnet_err err = {0};
	char want[512], where[64];

	if (parse(&defs, "t.yaml", text, len, &err) == 0)
		fail_msg("not refused (%s):\n%s", msg, text);
	assert_null(defs);
	(void)snprintf(where, sizeof(where), "t.yaml:%s", at);
	(void)snprintf(want, sizeof(want), "%s: %s", where, msg);
	assert_string_equal(err.msg, want);
	assert_string_equal(err.where, where);
	assert_string_equal(err.hint, hint);
	assert_int_equal(err.code, -EINVAL);
	assert_int_equal(err.id, strncmp(msg, "unknown key", 11) == 0 ? NSNET_E_UNKNOWN_KEY
								      : NSNET_E_BAD_FILE);
}

#define BEGIN  "begin with nsnet: 1"
#define COLON  "after a key there has to be ':' and a space"
#define MORE   "there is more text after what should be the end"
#define LEAVE  "leave it out, a value is the text that is written"
#define QUOTES "put the value in quotes if it is a part of it"
#define DIRECT "directives (%YAML, %TAG) cannot be used"
#define TAB    "a tab cannot be used to indent"

/* Texts that are no tree. */
static const struct {
	const char *text, *at, *msg, *hint;
} bad_texts[] = {
	{"", "1:1", "the file is empty", BEGIN},
	{"# a comment\n\n", "1:1", "the file is empty", BEGIN},
	{"---\n", "1:1", "the file is empty", BEGIN},
	/* What is left out of the subset. */
	{T "    mtu: &m 1400\n", "5:10", "anchors cannot be used: '&m'",
	 "leave it out, and write the value wherever it is meant"},
	{T "    endpoints: &m {a: auto}\n", "5:16", "anchors cannot be used: '&m'",
	 "leave it out, and write the value wherever it is meant"},
	{T "    owners: &m\n    - a\n", "5:13", "anchors cannot be used: '&m'",
	 "leave it out, and write the value wherever it is meant"},
	{T "    &m mtu: 1400\n", "5:5", "anchors cannot be used: '&m'",
	 "leave it out, and write the value wherever it is meant"},
	{T "    mtu: *m\n", "5:10", "aliases cannot be used: '*m'", "write the value out"},
	{T "    *m : 1400\n", "5:5", "aliases cannot be used: '*m'", "write the value out"},
	/* What was refused is told once. */
	{T "    owners: *m\n", "5:13", "aliases cannot be used: '*m'", "write the value out"},
	{T "    owners: [*m]\n", "5:14", "aliases cannot be used: '*m'", "write the value out"},
	{T "    labels: *m\n", "5:13", "aliases cannot be used: '*m'", "write the value out"},
	{T "    labels: {a: *m}\n", "5:17", "aliases cannot be used: '*m'", "write the value out"},
	{T "    endpoints: {a: *m}\n", "5:20", "aliases cannot be used: '*m'",
	 "write the value out"},
	{"*m", "1:1", "aliases cannot be used: '*m'", "write the value out"},
	{T "    mtu: !!int 1400\n", "5:10", "tags cannot be used: 'tag:yaml.org,2002:int'", LEAVE},
	{T "    mtu: ! 1400\n", "5:10", "tags cannot be used: '!'", LEAVE},
	{T "    labels: !set {a: b}\n", "5:13", "tags cannot be used: '!set'", LEAVE},
	{T "    owners: !x [a]\n", "5:13", "tags cannot be used: '!x'", LEAVE},
	{T "    mtu: !e!x 1400\n", "5:10", "tags cannot be used", LEAVE},
	{T "    <<: {mtu: 1400}\n", "5:5", "merge keys (<<) cannot be used",
	 "write the settings out"},
	{T "    subnet: auto\n", "5:5", "'subnet' is given twice, first in line 4, column 5", ""},
	{T "    'subnet': {a: b}\n", "5:5", "'subnet' is given twice, first in line 4, column 5",
	 ""},
	{T "  t1:\n    subnet: auto\n", "5:3", "'t1' is given twice, first in line 3, column 3",
	 ""},
	{"{nsnet: 1, tenants: {}, nsnet: 1}", "1:25",
	 "'nsnet' is given twice, first in line 1, column 2", ""},
	{T "    labels: {a: b, c: d, a: e}\n", "5:26",
	 "'a' is given twice, first in line 5, column 14", ""},
	{T "    labels: {a: b, a: *m}\n", "5:20",
	 "'a' is given twice, first in line 5, column 14 (and 1 more)", ""},
	{"%YAML 1.1\n---\n" T, "1:1", DIRECT, "leave the line out"},
	{"%TAG ! x\n---\n" T, "1:1", DIRECT, "leave the line out"},
	{"\n# c\n%FOO\n---\n" T, "3:1", DIRECT, "leave the line out"},
	{"\xef\xbb\xbf%YAML 1.1\n---\n" T, "1:1", DIRECT, "leave the line out"},
	{T "...\n%YAML 1.1\n---\n", "6:1", DIRECT, "leave the line out"},
	{T "---\na: b\n", "5:1", "a second document begins here, and a file is one", ""},
	{"---\n---\n" T, "2:1", "a second document begins here, and a file is one", ""},
	{T "...\na: b\n", "6:1", MORE, ""},
	{"{\"nsnet\": 1}}", "1:13", MORE, ""},
	{T "    ? [a]\n    : b\n", "5:7", "a key has to be one word, not a list", ""},
	{T "    ? {a: b}\n    : c\n", "5:7", "a key has to be one word, not a map", ""},
	{T "    {a: b}: c\n", "5:5", "a key has to be one word, not a map", ""},
	{T "    '': b\n", "5:5", "a key is empty", ""},
	{T "    labels: {? , a: b}\n", "5:16", "a key is empty", ""},
	/* Syntax. */
	{T "\tmtu: 1400\n", "5:1", TAB, "use spaces"},
	{"nsnet: 1\n\ttenants: {}\n", "2:1", TAB, "use spaces"},
	{"nsnet: 1\ntenants:\n\tt1:\n", "3:1", TAB, "use spaces"},
	{T "    mtu: @a\n", "5:10", "a value cannot begin with '@'", "put it in quotes"},
	{T "    mtu: `a\n", "5:10", "a value cannot begin with '`'", "put it in quotes"},
	{T "    mtu:1400\n    rate: 1\n", "5:5", COLON, ""},
	{T "x\n", "5:1", COLON, ""},
	{T "    rate: \"\\q\"\n", "5:12", "after a backslash this character has no meaning",
	 "write \\\\ for a backslash"},
	{T "    mtu: a: b\n", "5:11", "there cannot be a ':' here", QUOTES},
	{T "    subnet6: fd00::\n", "5:19", "there cannot be a ':' here", QUOTES},
	{T "    endpoints: {a: {ip6: fd00::}}\n", "5:31", "there cannot be a ':' here", QUOTES},
	{T "      mtu: 1\n", "5:10", "there cannot be a ':' here", QUOTES},
	{T "    owners: [a, , b]\n", "5:17", "there has to be a key or a value here", ""},
	{T "    mtu: ]\n", "5:10", "there has to be a key or a value here", ""},
	{T "   mtu: a\n", "5:4",
	 "did not find expected key while parsing a block mapping that begins in line 3", ""},
	{T "    rate: 'a\n", "6:1",
	 "found unexpected end of stream while scanning a quoted scalar that begins in line 5", ""},
	{T "    owners: [a\n", "6:1",
	 "did not find expected ',' or ']' while parsing a flow sequence that begins in line 5",
	 ""},
	/* Characters. */
	{"nsnet: 1\rtenants: {}\r", "1:9", "a carriage return without a line feed", ""},
	{"nsnet: 1\r", "1:9", "a carriage return without a line feed", ""},
	{"# \x1b[2J\n" T, "1:3", "the character U+001B cannot be used", ""},
	{T "# \x7f", "5:3", "the character U+007F cannot be used", ""},
	{T "# \xc2\x85", "5:3", "the character U+0085 cannot be used", ""},
	{T "# \xe2\x80\xa8", "5:3", "the character U+2028 cannot be used", ""},
	{T "# \xe2\x80\xae", "5:3", "the character U+202E cannot be used", ""},
	{T "\xef\xbb\xbf", "5:1", "the character U+FEFF cannot be used", ""},
	{T "# \xef\xbf\xbf", "5:3", "the character U+FFFF cannot be used", ""},
	{T "# \xc3\xbc\xf0\x9f\x98\x80\xff", "5:5", "the byte 0xff is not UTF-8", ""},
	{T "# \xc0\xaf", "5:3", "the byte 0xc0 is not UTF-8", ""},
	{T "# \xe0\x80\xaf", "5:3", "the byte 0xe0 is not UTF-8", ""},
	{T "# \xed\xa0\x80", "5:3", "the byte 0xed is not UTF-8", ""},
	{T "# \xf4\x90\x80\x80", "5:3", "the byte 0xf4 is not UTF-8", ""},
	{T "# \x80", "5:3", "the byte 0x80 is not UTF-8", ""},
	{T "# \xc3", "5:3", "the byte 0xc3 is not UTF-8", ""},
	{"\xff\xfen\0", "1:1", "the byte 0xff is not UTF-8", ""},
	{T "    rate: \"\\0\"\n", "5:11", "the character U+0000 cannot be used", ""},
	{T "    rate: \"a\\e[2J\"\n", "5:11", "the character U+001B cannot be used", ""},
	{T "    rate: \"\\u202e\"\n", "5:11", "the character U+202E cannot be used", ""},
	{T "    rate: \"\\ud83d\\ude00\"\n", "5:14",
	 "found invalid Unicode character escape code while parsing a quoted scalar that begins in "
	 "line 5",
	 ""},
};

static void each_text_that_is_no_tree_is_refused_in_its_own_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSN_COUNT(bad_texts); i++)
		assert_refused(bad_texts[i].text, strlen(bad_texts[i].text), bad_texts[i].at,
			       bad_texts[i].msg, bad_texts[i].hint);
	assert_refused("a\0b", 3, "1:2", "the character U+0000 cannot be used", "");
}

#define TENANT_HAS                                                                                 \
	"a tenant has: subnet, subnet6, inside, mtu, rate, new-flows, open-flows, labels, "        \
	"owners, endpoints, dns"
#define CHECK "nsnet policy check FILE"
#define VALUE "write a value after ':' and a space"

/* Trees that are no tenants. */
static const struct {
	const char *text, *at, *msg, *hint;
} bad_trees[] = {
	{"~", "1:1", "the file has to be a map, not one value", BEGIN},
	{"''", "1:1", "the file has to be a map, not one value", BEGIN},
	{"[a]", "1:1", "the file has to be a map, not a list", BEGIN},
	{"{nsnet: 1}", "1:1", "the file has no tenants", "write tenants: {}"},
	{"# c\ntenants: {}", "2:1", "the file has no nsnet", "write nsnet: 1"},
	{"nsnet:\ntenants: {}", "1:1", "'nsnet' has no value", "write nsnet: 1"},
	{"nsnet: [1]\ntenants: {}", "1:8", "'nsnet' has to be one value, not a list",
	 "write nsnet: 1"},
	/* A newer format may have anything in it. */
	{"nsnet: 2\ntenants: []\nfoo: bar", "1:8",
	 "'2' is not a version of the format that this nsnet knows", "write nsnet: 1"},
	{"nsnet: 1.0\ntenants: {}", "1:8",
	 "'1.0' is not a version of the format that this nsnet knows", "write nsnet: 1"},
	{"nsnet: ''\ntenants: {}", "1:8", "'' is not a version of the format that this nsnet knows",
	 "write nsnet: 1"},
	{"nsnet: 1\ntenants:", "2:1", "'tenants' has no value", "write tenants: {}"},
	{"nsnet: 1\ntenants: ~", "2:10", "'tenants' has to be a map, not one value",
	 "write tenants: {}"},
	{"nsnet: 1\ntenants: []", "2:10", "'tenants' has to be a map, not a list",
	 "write tenants: {}"},
	{"nsnet: 1\ntenants:\n  t1:\n", "3:3", "'t1' has no value", "write t1: { subnet: auto }"},
	{"nsnet: 1\ntenants:\n  t1: x\n", "3:7", "'t1' has to be a map, not one value",
	 "write t1: { subnet: auto }"},
	{"nsnet: 1\ntenants: {t1:1}\n", "2:11", "'t1:1' has no value", VALUE},
	{"nsnet: 1\ntenants:\n  t1:\n    mtu: 1400\n", "3:3", "'t1' has no subnet",
	 "write subnet: auto"},
	{"nsnet: 1\ntenants:\n  t1: {}\n", "3:3", "'t1' has no subnet", "write subnet: auto"},
	/* Keys. */
	{T "    subnt: a\n", "5:5", "unknown key 'subnt' in a tenant", "did you mean subnet?"},
	{T "    sunbet6: a\n", "5:5", "unknown key 'sunbet6' in a tenant", "did you mean subnet6?"},
	{T "    Rate: a\n", "5:5", "unknown key 'Rate' in a tenant", "did you mean rate?"},
	{T "    mtuu: a\n", "5:5", "unknown key 'mtuu' in a tenant", "did you mean mtu?"},
	{T "    andpainty: a\n", "5:5", "unknown key 'andpainty' in a tenant",
	 "did you mean endpoints?"},
	{T "    andpaixty: a\n", "5:5", "unknown key 'andpaixty' in a tenant", TENANT_HAS},
	{T "    x: a\n", "5:5", "unknown key 'x' in a tenant", TENANT_HAS},
	{T "    gateway: a\n", "5:5", "unknown key 'gateway' in a tenant", TENANT_HAS},
	{T "    \"a'\\n\": a\n", "5:5", "unknown key 'a\\x27\\x0a' in a tenant", TENANT_HAS},
	{T "    endpoints: {a: {pi: b}}\n", "5:21", "unknown key 'pi' in an endpoint",
	 "did you mean ip?"},
	{T "    endpoints: {a: {i: b}}\n", "5:21", "unknown key 'i' in an endpoint",
	 "an endpoint has: ip, ip6, rate"},
	{T "    endpoints: {a: {subnet: b}}\n", "5:21", "unknown key 'subnet' in an endpoint",
	 "an endpoint has: ip, ip6, rate"},
	{T "tenant: {}\n", "5:1", "unknown key 'tenant' in the file", "did you mean tenants?"},
	{T "t2: {}\n", "5:1", "unknown key 't2' in the file", "the file has: nsnet, tenants"},
	{T "rule: {}\n", "5:1", "unknown key 'rule' in the file", "the file has: nsnet, tenants"},
	{T "name: x\n", "5:1", "'name' belongs to policies, and tenants alone are read", CHECK},
	{T "rules: []\n", "5:1", "'rules' belongs to policies, and tenants alone are read", CHECK},
	{T "quarantine: []\n", "5:1",
	 "'quarantine' belongs to policies, and tenants alone are read", CHECK},
	{T "expect: []\n", "5:1", "'expect' belongs to policies, and tenants alone are read",
	 CHECK},
	{T "    snat: x\n", "5:5", "'snat' is not known to this version of nsnet", ""},
	{T "    dns: {a: b}\n", "5:10", "'dns' has to be one value or a list, not a map",
	 "write dns: shared/dns"},
	{T "    reject: yes\n", "5:5", "'reject' is not known to this version of nsnet", ""},
	/* Values. */
	{T "    mtu:\n", "5:5", "'mtu' has no value", "write mtu: 1400"},
	{T "    mtu: {a: b}\n", "5:10", "'mtu' has to be one value, not a map", "write mtu: 1400"},
	{T "    mtu: [1400]\n", "5:10", "'mtu' has to be one value, not a list", "write mtu: 1400"},
	{T "    labels: pci\n", "5:13", "'labels' has to be a map, not one value",
	 "write labels: { pci: cde, tier: gold }"},
	{T "    labels: [pci=cde]\n", "5:13", "'labels' has to be a map, not a list",
	 "write labels: { pci: cde, tier: gold }"},
	{T "    labels: {a: {b: c}}\n", "5:17", "'a' has to be one value, not a map", ""},
	{T "    labels: {a, b: c}\n", "5:14", "'a' has no value", VALUE},
	{T "    owners: alice\n", "5:13", "'owners' has to be a list, not one value",
	 "write owners: [alice, bob]"},
	{T "    owners: {alice: bob}\n", "5:13", "'owners' has to be a list, not a map",
	 "write owners: [alice, bob]"},
	{T "    owners:\n", "5:5", "'owners' has no value", "write owners: [alice, bob]"},
	{T "    owners: [a, {b: c}]\n", "5:17",
	 "an item of 'owners' has to be one value, not a map", ""},
	{T "    owners:\n    -\n", "6:6", "an item of 'owners' has no value", ""},
	{T "    endpoints: {}\n", "5:16", "'endpoints' has nothing in it",
	 "leave it out and there is one endpoint, called default"},
	{T "    endpoints:\n", "5:5", "'endpoints' has no value", "write endpoints: { app: auto }"},
	{T "    endpoints: [app]\n", "5:16", "'endpoints' has to be a map, not a list",
	 "write endpoints: { app: auto }"},
	{T "    endpoints: {app: }\n", "5:17", "'app' has no value", "write app: auto"},
	{T "    endpoints: {app: [a]}\n", "5:22", "'app' has to be one value or a map, not a list",
	 "write app: auto"},
	{T "    endpoints: {app: {ip: [a]}}\n", "5:27", "'ip' has to be one value, not a list",
	 "write ip: auto"},
};

static void each_tree_that_is_no_tenants_is_refused_in_its_own_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSN_COUNT(bad_trees); i++)
		assert_refused(bad_trees[i].text, strlen(bad_trees[i].text), bad_trees[i].at,
			       bad_trees[i].msg, bad_trees[i].hint);
}

/* ---- several at once --------------------------------------------------------------- */

static void read_all(struct nsn_diags *d, struct nsn_arena *mem, const char *text)
{
	const struct nsn_node *root = NULL;
	const struct nsnet_tenant_def *list = NULL;
	size_t n = 0;

	nsn_diags_init(d, "t.yaml");
	if (nsn_tree_parse(&root, mem, text, strlen(text), d) == 0)
		assert_int_equal(nsn_tenants_read(&list, &n, mem, root, d), -EINVAL);
	nsn_arena_free(mem);
}

static void all_errors_are_found_in_their_order(void **state)
{
	/* The tree finds the anchor, the key twice and the alias; the schema the rest. */
	static const char text[] = "nsnet: 1\n"
				   "tenants:\n"
				   "  t1:\n"
				   "    subnt: 10.1.0.0/16\n"
				   "    mtu: &m 1400\n"
				   "    mtu: 1500\n"
				   "  t2: {subnet: *m, rate: []}\n"
				   "rules: []\n";
	static const struct {
		struct nsn_span at;
		const char *text;
	} want[] = {
		{{3, 3, 3, 5}, "'t1' has no subnet"},
		{{4, 5, 4, 10}, "unknown key 'subnt' in a tenant"},
		{{5, 10, 5, 17}, "anchors cannot be used: '&m'"},
		{{6, 5, 6, 8}, "'mtu' is given twice, first in line 5, column 5"},
		{{7, 16, 7, 18}, "aliases cannot be used: '*m'"},
		{{7, 26, 7, 28}, "'rate' has to be one value, not a list"},
		{{8, 1, 8, 6}, "'rules' belongs to policies, and tenants alone are read"},
	};
	struct nsn_arena mem = {0};
	struct nsn_diags d;

	(void)state;
	read_all(&d, &mem, text);
	assert_int_equal(d.n, NSN_COUNT(want));
	assert_int_equal(d.total, NSN_COUNT(want));
	for (size_t i = 0; i < NSN_COUNT(want); i++) {
		assert_string_equal(d.list[i].text, want[i].text);
		assert_memory_equal(&d.list[i].at, &want[i].at, sizeof(want[i].at));
		assert_int_equal(d.list[i].id, i == 1 ? NSNET_E_UNKNOWN_KEY : NSNET_E_BAD_FILE);
	}
	assert_string_equal(d.list[1].hint, "did you mean subnet?");
	assert_refused(text, strlen(text), "3:3", "'t1' has no subnet (and 6 more)",
		       "write subnet: auto");
}

/* What comes first in the file is kept, whenever it is found. */
static void of_many_errors_the_first_are_kept(void **state)
{
	char text[4096] = "nsnet: 1\ntenants:\n  t1:\n    subnet: auto\n", want[64];
	struct nsn_arena mem = {0};
	struct nsn_diags d;
	size_t len;

	(void)state;
	for (int i = 0; i < 30; i++) {
		len = strlen(text);
		(void)snprintf(text + len, sizeof(text) - len, "    unknown%d: x\n", i);
	}
	/* The tree finds these before the schema looks at the others. */
	for (int i = 0; i < 30; i++) {
		len = strlen(text);
		(void)snprintf(text + len, sizeof(text) - len, "    other%d: *x\n", i);
	}
	read_all(&d, &mem, text);
	assert_int_equal(d.n, NSN_DIAGS_MAX);
	assert_int_equal(d.total, 90);
	for (size_t i = 0; i < d.n; i++) {
		(void)snprintf(want, sizeof(want), "unknown key 'unknown%zu' in a tenant", i);
		assert_string_equal(d.list[i].text, want);
		assert_int_equal(d.list[i].at.line, 5 + i);
		assert_string_equal(d.list[i].hint, TENANT_HAS);
	}
	assert_refused(text, strlen(text), "5:5",
		       "unknown key 'unknown0' in a tenant (and 89 more)", TENANT_HAS);
}

static void what_is_before_a_fault_of_syntax_is_told_too(void **state)
{
	(void)state;
	assert_refused(T "    mtu: *a\n    rate: @x\n", strlen(T "    mtu: *a\n    rate: @x\n"),
		       "5:10", "aliases cannot be used: '*a' (and 1 more)", "write the value out");
}

static void the_name_of_the_file_is_made_to_fit(void **state)
{
	NSN_AUTO(nsnet_defs_freep) struct nsnet_defs *defs = NULL;
	struct nsnet_err err = {0};
	char path[5000];
	size_t n = 0;

	(void)state;
	assert_int_equal(parse(&defs, NULL, "~", 1, &err), -EINVAL);
	assert_string_equal(err.where, "input:1:1");
	assert_int_equal(parse(&defs, "a\x1b\nb", "~", 1, &err), -EINVAL);
	assert_string_equal(err.where, "a??b:1:1");

	memset(path, 'a', sizeof(path));
	memcpy(path + sizeof(path) - 8, "/t.yaml", 8);
	assert_int_equal(parse(&defs, path, "~", 1, &err), -EINVAL);
	assert_memory_equal(err.where, "...aaaa", 7);
	assert_non_null(strstr(err.where, "aaa/t.yaml:1:1"));
	assert_memory_equal(err.msg, err.where, strlen(err.where));
	assert_int_equal(parse(&defs, path, T, strlen(T), &err), 0);
	assert_non_null(strstr(nsnet_defs_list(defs, &n)->where, "aaa/t.yaml:3:3"));
	/* Not cut within a character. */
	for (size_t i = 0; i < sizeof(path) - 8; i++)
		path[i] = "\xe2\x82\xac"[i % 3];
	assert_int_equal(parse(&defs, path, "~", 1, &err), -EINVAL);
	assert_memory_equal(err.where, "...\xe2\x82\xac", 6);
}

/* ---- the tree ------------------------------------------------------------------------ */

static void a_tree_knows_where_everything_stands(void **state)
{
	static const char text[] = "a: b\n\xc3\xbc: [c, 'd e']\nf: {g: \"h\"}\ni:\nj: |\n k\n";
	const struct nsn_node *root = NULL, *n;
	struct nsn_arena mem = {0};
	struct nsn_diags d;

#define AT(node, l, c, el, ec)                                                                     \
	do {                                                                                       \
		const struct nsn_span at_ = {l, c, el, ec};                                        \
		assert_memory_equal(&(node)->at, &at_, sizeof(at_));                               \
	} while (0)

	(void)state;
	nsn_diags_init(&d, NULL);
	assert_int_equal(nsn_tree_parse(&root, &mem, text, strlen(text), &d), 0);
	assert_int_equal(root->kind, NSN_NODE_MAP);
	assert_int_equal(root->n, 5);
	assert_null(root->key);
	n = root->first;
	AT(n->key, 1, 1, 1, 2);
	AT(n, 1, 4, 1, 5);
	assert_int_equal(n->kind, NSN_NODE_WORD);
	assert_false(n->quoted);
	n = n->next; /* columns are characters */
	assert_string_equal(n->key->text, "\xc3\xbc");
	AT(n->key, 2, 1, 2, 2);
	AT(n, 2, 4, 2, 14);
	assert_int_equal(n->kind, NSN_NODE_LIST);
	assert_int_equal(n->n, 2);
	assert_null(n->first->key);
	assert_string_equal(n->first->text, "c");
	assert_string_equal(n->first->next->text, "d e");
	assert_true(n->first->next->quoted);
	AT(n->first->next, 2, 8, 2, 13);
	assert_null(n->first->next->next);
	n = n->next;
	AT(n, 3, 4, 3, 12);
	assert_ptr_equal(nsn_node_get(n, "g"), n->first);
	assert_null(nsn_node_get(n, "x"));
	assert_true(n->first->quoted);
	n = n->next;
	assert_true(nsn_node_empty(n));
	n = n->next;
	assert_string_equal(n->text, "k\n");
	assert_true(n->quoted);
	assert_null(n->next);
	assert_int_equal(d.total, 0);
	nsn_arena_free(&mem);
}

/* What was refused is marked or left out, and the rest can be read. */
static void a_tree_goes_on_after_what_it_refused(void **state)
{
	static const char text[] = "a: *x\n? [b, {c: d}]\n: e\n<<: f\ng: 1\ng: 2\n*h : i\nj: k\n";
	static const char *const keys[] = {"a", "g", "g", "j"};
	static const bool bad[] = {true, false, true, false};
	const struct nsn_node *root = NULL, *n;
	struct nsn_arena mem = {0};
	struct nsn_diags d;

	(void)state;
	nsn_diags_init(&d, NULL);
	assert_int_equal(nsn_tree_parse(&root, &mem, text, strlen(text), &d), 0);
	assert_int_equal(d.total, 5);
	assert_int_equal(root->n, NSN_COUNT(keys));
	n = root->first;
	for (size_t i = 0; i < NSN_COUNT(keys); i++, n = n->next) {
		assert_string_equal(n->key->text, keys[i]);
		assert_int_equal(n->kind == NSN_NODE_BAD, bad[i]);
	}
	assert_null(n);
	assert_string_equal(nsn_node_get(root, "g")->text, "1");
	nsn_arena_free(&mem);
}

static int parse_tree(const char *text, size_t len, struct nsn_diags *d)
{
	const struct nsn_node *root = NULL;
	struct nsn_arena mem = {0};
	int r;

	nsn_diags_init(d, NULL);
	r = nsn_tree_parse(&root, &mem, text, len, d);
	assert_int_equal(r == 0, root != NULL);
	nsn_arena_free(&mem);
	return r;
}

static void repeat(char *text, size_t size, const char *unit, int times)
{
	for (size_t n = strlen(text); times > 0; times--, n += strlen(unit))
		(void)snprintf(text + n, size - n, "%s", unit);
}

static void sixteen_levels_are_read_and_not_one_more(void **state)
{
	static const struct {
		const char *open, *close;
	} levels[] = {{"[", "]"}, {"- ", ""}, {"{a: ", "}"}, {"? ", ""}};
	struct nsn_diags d;

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(levels); i++) {
		const char *open = levels[i].open;
		char text[256] = "", deep[256] = "";

		repeat(text, sizeof(text), open, 16);
		repeat(text, sizeof(text), "x", 1);
		repeat(text, sizeof(text), levels[i].close, 16);
		assert_int_equal(parse_tree(text, strlen(text), &d), 0);

		repeat(deep, sizeof(deep), open, 17);
		repeat(deep, sizeof(deep), "x", 1);
		repeat(deep, sizeof(deep), levels[i].close, 17);
		assert_int_equal(parse_tree(deep, strlen(deep), &d), -EINVAL);
		assert_string_equal(d.list[d.n - 1].text, "maps and lists have at most 16 levels");
		assert_int_equal(d.list[d.n - 1].at.col, 16 * strlen(open) + 1);
	}
}

#define MIB (1 << 20)

static void a_text_of_one_mib_is_read_and_not_a_byte_more(void **state)
{
	static char text[MIB + 1];

	(void)state;
	(void)snprintf(text, sizeof(text), "%s", T);
	memset(text + strlen(T), '#', sizeof(text) - strlen(T));
	assert_defs(text, MIB, "t1 subnet=auto\n");
	assert_refused(text, MIB + 1, "1:1",
		       "the file has 1048577 bytes, 1048576 (1 MiB) are the most", "");
}

static double seconds(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void ten_thousand_tenants_are_read(void **state)
{
	NSN_AUTO(nsnet_defs_freep) struct nsnet_defs *defs = NULL;
	NSN_AUTO(nsn_freep) char *text = NULL;
	const struct nsnet_tenant_def *list;
	struct nsnet_err err = {0};
	size_t size = 0, n = 0;
	char want[64];
	double start;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	(void)fprintf(f, "nsnet: 1\ntenants:\n");
	for (int i = 0; i < 10000; i++)
		(void)fprintf(f,
			      "  t%d:\n    subnet: auto\n    labels: {a: b%d, c: d}\n"
			      "    endpoints: {a: auto, b: {ip: auto}}\n",
			      i, i);
	assert_int_equal(fclose(f), 0);
	assert_in_range(size, MIB * 9 / 10, MIB);
	start = seconds();
	if (parse(&defs, "t.yaml", text, size, &err) < 0)
		fail_msg("%s", err.msg);
	print_message("%zu bytes, 10000 tenants: %.3f s\n", size, seconds() - start);
	list = nsnet_defs_list(defs, &n);
	assert_int_equal(n, 10000);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(want, sizeof(want), "t%zu", i);
		assert_string_equal(list[i].name, want);
		(void)snprintf(want, sizeof(want), "a=b%zu", i);
		assert_string_equal(list[i].labels[0], want);
		assert_int_equal(list[i].n_endpoints, 2);
		(void)snprintf(want, sizeof(want), "t.yaml:%zu:3", 3 + 4 * i);
		assert_string_equal(list[i].where, want);
	}
}

static void ten_thousand_keys_twice_are_found(void **state)
{
	NSN_AUTO(nsn_freep) char *text = NULL;
	struct nsn_diags d;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	for (int i = 0; i < 20000; i++)
		(void)fprintf(f, "k%d: x\n", i % 10000);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(parse_tree(text, size, &d), 0);
	assert_int_equal(d.total, 10000);
	assert_int_equal(d.n, NSN_DIAGS_MAX);
	for (size_t i = 0; i < d.n; i++) {
		char want[96];

		(void)snprintf(want, sizeof(want),
			       "'k%zu' is given twice, first in line %zu, column 1", i, i + 1);
		assert_string_equal(d.list[i].text, want);
		assert_int_equal(d.list[i].at.line, 10001 + i);
	}
}

/* Each a MiB of what some reader of YAML takes minutes or gigabytes for. */
static void hostile_texts_are_refused(void **state)
{
	static const char *const unit[] = {"[",	  "{",	  "- ", "? ",		"a: ",	 "&a ",
					   "*a ", "!a ",  "a,", "%TAG !a! b\n", "---\n", "{a, ",
					   "|\n", "a:\n", "[]", "- &a\n",	"\"",	 "a\n"};
	NSN_AUTO(nsn_freep) char *text = malloc(MIB);
	struct nsn_diags d;
	double start, took, longest = 0;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < NSN_COUNT(unit); i++) {
		size_t width = strlen(unit[i]);

		for (size_t j = 0; j < MIB; j++)
			text[j] = unit[i][j % width];
		start = seconds();
		(void)parse_tree(text, MIB, &d);
		took = seconds() - start;
		longest = took > longest ? took : longest;
		assert_true(d.total > 0 || !strcmp(unit[i], "a,") || !strcmp(unit[i], "a\n"));
	}
	print_message("the longest took %.3f s\n", longest);
}

static void a_file_that_is_cut_off_anywhere_is_read_or_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} files[] = {{example, sizeof(example) - 1}, {example_json, sizeof(example_json) - 1}};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(files); i++) {
		for (size_t len = 0; len < files[i].len; len++) {
			NSN_AUTO(nsnet_defs_freep) struct nsnet_defs *defs = NULL;
			struct nsnet_err err = {0};
			int r = parse(&defs, "t.yaml", files[i].text, len, &err);

			assert_int_equal(r == 0, defs != NULL);
			assert_int_equal(err.code, r);
			assert_int_equal(err.id, r ? NSNET_E_BAD_FILE : NSNET_E_NONE);
			/* JSON says where it ends. */
			if (i == 1 && len < files[i].len - 1)
				assert_int_equal(r, -EINVAL);
		}
	}
}

static void nothing_to_free_is_fine_and_so_is_no_error(void **state)
{
	struct nsnet_defs *defs = NULL;

	(void)state;
	nsnet_defs_free(NULL);
	assert_int_equal(nsnet_defs_parse(&defs, "t.yaml", NULL, 0, NULL), -EINVAL);
	assert_int_equal(parse(&defs, "t.yaml", "~", 1, NULL), -EINVAL);
	assert_null(defs);
}

/* ---- the tables ---------------------------------------------------------------------- */

/* Every word of the table arrives in a member of its own. */
static void check_words(const struct nsn_schema *schema, const char *text, size_t size)
{
	const struct nsn_node *root = NULL;
	struct nsn_arena mem = {0};
	char def[256] = {0};
	struct nsn_diags d;

	assert_true(size <= sizeof(def));
	nsn_diags_init(&d, NULL);
	assert_int_equal(nsn_tree_parse(&root, &mem, text, strlen(text), &d), 0);
	nsn_schema_words(schema, root, def);
	for (size_t i = 0; i < schema->n_keys; i++) {
		const struct nsn_key *key = &schema->keys[i];
		const char *value;

		if (key->shape != NSN_SHAPE_WORD || key->member == NSN_NO_MEMBER)
			continue;
		assert_true(key->member + sizeof(value) <= size);
		memcpy(&value, def + key->member, sizeof(value));
		assert_non_null(value);
		assert_string_equal(value, key->name);
	}
	nsn_arena_free(&mem);
}

static void check_table(const struct nsn_schema *schema)
{
	assert_non_null(schema->what);
	assert_non_null(schema->example);
	for (size_t i = 0; i < schema->n_keys; i++) {
		const struct nsn_key *key = &schema->keys[i];

		assert_non_null(key->help);
		assert_true(strlen(key->help) < 72);
		assert_null(strchr(key->help, '\n'));
		assert_true(key->example || key->shape == NSN_SHAPE_LATER);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(schema->keys[j].name, key->name);
		if (key->of)
			check_table(key->of);
	}
}

static const struct nsn_schema *below(const struct nsn_schema *schema, const char *key)
{
	for (size_t i = 0; i < schema->n_keys; i++)
		if (strcmp(schema->keys[i].name, key) == 0)
			return schema->keys[i].of;
	return NULL;
}

static void the_tables_are_complete(void **state)
{
	const struct nsn_schema *file = &nsn_schema_file, *tenant, *endpoint;

	(void)state;
	check_table(file);
	tenant = below(file, "tenants");
	assert_non_null(tenant);
	check_words(tenant,
		    "{subnet: subnet, subnet6: subnet6, inside: inside, mtu: mtu, rate: rate, "
		    "new-flows: new-flows, open-flows: open-flows}",
		    sizeof(struct nsnet_tenant_def));
	endpoint = below(tenant, "endpoints");
	assert_non_null(endpoint);
	check_words(endpoint, "{ip: ip, ip6: ip6, rate: rate}", sizeof(struct nsnet_endpoint_def));
}

static void a_place_in_a_text_has_its_character(void **state)
{
	static const char text[] = "ab\n\xc3\xbc"
				   "c\n\nd";

	(void)state;
	assert_int_equal(nsn_chars_at(text, strlen(text), 1, 2), 'b');
	assert_int_equal(nsn_chars_at(text, strlen(text), 1, 3), '\0');
	assert_int_equal(nsn_chars_at(text, strlen(text), 2, 2), 'c');
	assert_int_equal(nsn_chars_at(text, strlen(text), 3, 1), '\0');
	assert_int_equal(nsn_chars_at(text, strlen(text), 4, 1), 'd');
	assert_int_equal(nsn_chars_at(text, strlen(text), 4, 2), '\0');
	assert_int_equal(nsn_chars_at(text, strlen(text), 5, 1), '\0');
	assert_int_equal(nsn_chars_at(text, 0, 1, 1), '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_has_what_was_written_into_it),
		cmocka_unit_test(json_gives_the_same),
		cmocka_unit_test(good_files_are_read),
		cmocka_unit_test(each_text_that_is_no_tree_is_refused_in_its_own_words),
		cmocka_unit_test(each_tree_that_is_no_tenants_is_refused_in_its_own_words),
		cmocka_unit_test(all_errors_are_found_in_their_order),
		cmocka_unit_test(of_many_errors_the_first_are_kept),
		cmocka_unit_test(what_is_before_a_fault_of_syntax_is_told_too),
		cmocka_unit_test(the_name_of_the_file_is_made_to_fit),
		cmocka_unit_test(a_tree_knows_where_everything_stands),
		cmocka_unit_test(a_tree_goes_on_after_what_it_refused),
		cmocka_unit_test(sixteen_levels_are_read_and_not_one_more),
		cmocka_unit_test(a_text_of_one_mib_is_read_and_not_a_byte_more),
		cmocka_unit_test(ten_thousand_tenants_are_read),
		cmocka_unit_test(ten_thousand_keys_twice_are_found),
		cmocka_unit_test(hostile_texts_are_refused),
		cmocka_unit_test(a_file_that_is_cut_off_anywhere_is_read_or_refused),
		cmocka_unit_test(nothing_to_free_is_fine_and_so_is_no_error),
		cmocka_unit_test(the_tables_are_complete),
		cmocka_unit_test(a_place_in_a_text_has_its_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
