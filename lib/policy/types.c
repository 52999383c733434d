/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "types.h"

#include <errno.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../base/text.h"

#define NAME  "[a-z][a-z0-9-]{0,30}[a-z0-9]"
#define IP4   "[0-9]{1,3}(\\.[0-9]{1,3}){3}"
#define PORTS "(any|icmp(/(echo|any))?|(tcp|udp|sctp)(/[0-9]{1,5}(-[0-9]{1,5})?)?)"
#define PEER                                                                                       \
	"(label:[a-z0-9][a-z0-9.-]{0,62}=[A-Za-z0-9._-]{0,63}|" NAME "(/" NAME ")?|" IP4           \
	"(/[0-9]{1,2})?|[0-9a-fA-F]*:[0-9a-fA-F:.]*(/[0-9]{1,3})?)"

/* ---- checks ----------------------------------------------------------------------- */

static int check_name(const char *text, struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];

	if (nsn_name_ok(text))
		return 0;
	nsn_err(err, -EINVAL, NSNET_E_BAD_NAME, "'%s' is not a name",
		nsn_text_show(text, shown, sizeof(shown)));
	return nsn_err_hint(err, -EINVAL,
			    "use a-z, 0-9 and '-', start with a letter, 2 to 32 characters");
}

static int check_peer(const char *text, struct nsnet_err *err)
{
	struct nsn_peer peer;

	return nsn_peer_parse(&peer, text, err);
}

static size_t peers_of_peer(const char *text, struct nsn_peer ret[2])
{
	return nsn_peer_parse(ret, text, NULL) == 0 ? 1 : 0;
}

static int check_who(const char *text, struct nsnet_err *err)
{
	struct nsn_peer peer;
	char shown[NSN_SHOW_SIZE];
	int r = nsn_peer_parse(&peer, text, err);

	if (r < 0 || peer.kind == NSN_PEER_TENANT || peer.kind == NSN_PEER_ENDPOINT ||
	    peer.kind == NSN_PEER_LABEL)
		return r;
	nsn_err(err, -EINVAL, NSNET_E_BAD_PEER, "'%s' cannot be put in quarantine",
		nsn_text_show(text, shown, sizeof(shown)));
	return nsn_err_hint(err, -EINVAL, "name a tenant, TENANT/ENDPOINT or label:KEY=VALUE");
}

static int check_ports(const char *text, struct nsnet_err *err)
{
	struct nsn_ports ports;

	return nsn_ports_parse(&ports, text, err);
}

static int check_flow(const char *text, struct nsnet_err *err)
{
	struct nsn_flow flow;

	return nsn_flow_parse(&flow, text, err);
}

static int check_publish(const char *text, struct nsnet_err *err)
{
	struct nsn_publish publish;

	return nsn_publish_parse(&publish, text, err);
}

static size_t peers_of_flow(const char *text, struct nsn_peer ret[2])
{
	struct nsn_flow flow;

	if (nsn_flow_parse(&flow, text, NULL) < 0)
		return 0;
	ret[0] = flow.from;
	ret[1] = flow.to;
	return 2;
}

static int check_time(const char *text, struct nsnet_err *err)
{
	int64_t time;

	return nsn_time_parse(&time, text, err);
}

static int check_text(const char *text, struct nsnet_err *err)
{
	if (text[strspn(text, " ")] == '\0')
		return nsn_err(err, -EINVAL, NSNET_E_BAD_RULE, "the text is empty");
	if (strlen(text) > NSN_TEXT_MAX) {
		nsn_err(err, -EINVAL, NSNET_E_BAD_RULE, "the text has %zu bytes, %d are the most",
			strlen(text), NSN_TEXT_MAX);
		return nsn_err_hint(err, -EINVAL, "name a ticket that says the rest");
	}
	/* A tree has no others; a block of text (| and >) has line feeds, and may end in one. */
	if (strpbrk(text, "\t\r\n")) {
		nsn_err(err, -EINVAL, NSNET_E_BAD_RULE, "the text has more than one line");
		return nsn_err_hint(err, -EINVAL, "write it in one line, without a tab");
	}
	return 0;
}

/* ---- the types -------------------------------------------------------------------- */

const struct nsn_type nsn_type_version = {
	.name = "version",
	.min = 1,
	.max = 1,
};

const struct nsn_type nsn_type_name = {
	.name = "name",
	.pattern = "^" NAME "$",
	.help = "2 to 32 characters out of a-z, 0-9 and '-'; it starts with a letter and does not "
		"end with '-'.",
	.check = check_name,
};

const struct nsn_type nsn_type_tenant = {
	.name = "tenant-name",
	.pattern = "^" NAME "$",
	.help = "A name. The words any, all, default, gateway, host, internet, label, none and "
		"tenants are reserved.",
	.check = nsn_tenant_name_check,
};

/* The model looks at it with the endpoint. */
const struct nsn_type nsn_type_endpoint = {
	.name = "endpoint-name",
	.pattern = "^" NAME "$",
	.help = "A name. `default` is pinned under the tenant's own name.",
};

const struct nsn_type nsn_type_subnet = {
	.name = "subnet",
	.pattern = "^(auto(/[0-9]{1,2})?|" IP4 "/[0-9]{1,2})$",
	.help = "An IPv4 network such as 10.10.1.0/24 (/8 to /30) without host bits; auto or "
		"auto/LENGTH takes one that overlaps nothing.",
};

const struct nsn_type nsn_type_subnet6 = {
	.name = "subnet6",
	.pattern = "^(none|auto(/[0-9]{1,3})?|[0-9a-fA-F:.]+/[0-9]{1,3})$",
	.help = "An IPv6 network such as fd00:10:1::/64 (/48 to /126); auto, or none.",
};

const struct nsn_type nsn_type_inside = {
	.name = "inside",
	.pattern = "^(allow|deny)$",
	.help = "allow or deny.",
};

const struct nsn_type nsn_type_mtu = {
	.name = "mtu",
	.min = NSN_MTU_MIN,
	.max = NSN_MTU_MAX,
};

const struct nsn_type nsn_type_rate = {
	.name = "rate",
	.pattern = "^(none|[0-9]+(bit|kbit|mbit|gbit))$",
	.help = "A number and one of bit, kbit, mbit, gbit (powers of 1000, per second), or none.",
};

const struct nsn_type nsn_type_new_flows = {
	.name = "new-flows",
	.pattern = "^(none|[1-9][0-9]*)$",
	.min = 1,
	.max = NSN_NEW_FLOWS_MAX,
};

const struct nsn_type nsn_type_open_flows = {
	.name = "open-flows",
	.pattern = "^(none|[1-9][0-9]*)$",
	.min = 1,
	.max = NSN_OPEN_FLOWS_MAX,
};

const struct nsn_type nsn_type_label_key = {
	.name = "label-key",
	.pattern = "^[a-z0-9][a-z0-9.-]{0,62}$",
};

const struct nsn_type nsn_type_label_value = {
	.name = "label-value",
	.pattern = "^[A-Za-z0-9._-]{0,63}$",
};

static size_t dns_peers(const char *text, struct nsn_peer ret[2])
{
	struct nsn_dns dns;

	if (nsn_dns_parse(&dns, text, NULL) < 0 || dns.kind != NSN_DNS_ENDPOINT)
		return 0;
	return nsn_peer_parse(&ret[0], text, NULL) == 0;
}

const struct nsn_type nsn_type_dns = {
	.name = "dns",
	.pattern = "^(none|[0-9a-fA-F.:,]+|[a-z][a-z0-9-]*/[a-z][a-z0-9-]*)$",
	.help = "The address of a name server, or an endpoint that is one (shared/dns), or none. "
		"It is what /etc/resolv.conf has in it, and the tenant may ask exactly these: a "
		"rule for udp/53 and tcp/53 follows from it, and goes with it. The host's own "
		"127.0.0.53 is reached by no tenant.",
	.peers = dns_peers,
};

const struct nsn_type nsn_type_user = {
	.name = "user",
	.pattern = "^[^:/\\s]{1,32}$",
};

const struct nsn_type nsn_type_ip = {
	.name = "address",
	.pattern = "^(auto|" IP4 ")$",
	.help = "An address of the tenant's subnet, or auto.",
};

const struct nsn_type nsn_type_ip6 = {
	.name = "address6",
	.pattern = "^(auto|[0-9a-fA-F:.]+)$",
};

const struct nsn_type nsn_type_peer = {
	.name = "peer",
	.pattern = "^" PEER "$",
	.help = "TENANT (all endpoints of it), TENANT/ENDPOINT, label:KEY=VALUE (all tenants that "
		"carry the label), tenants (all of them), internet (globally reachable addresses), "
		"host (services of the host itself), any (all of these), or an address or network "
		"such as 192.168.0.0/16. Names of hosts are no peers. The internet has nothing of "
		"what is on a link of the host, and a network not the host's own addresses. Who "
		"is not a tenant reaches an endpoint by `publish` alone, so an allow from `any` "
		"is one from tenants.",
	.check = check_peer,
	.peers = peers_of_peer,
};

const struct nsn_type nsn_type_who = {
	.name = "who",
	.pattern = "^(label:[a-z0-9][a-z0-9.-]{0,62}=[A-Za-z0-9._-]{0,63}|"
		   "(?!(internet|host|tenants|any)$)" NAME "(/" NAME ")?)$",
	.help = "TENANT, TENANT/ENDPOINT or label:KEY=VALUE.",
	.check = check_who,
	.peers = peers_of_peer,
};

const struct nsn_type nsn_type_ports = {
	.name = "ports",
	.pattern = "^" PORTS "$",
	.help = "tcp/443, udp/53, tcp/8000-8100, sctp/3868; tcp, udp, sctp (all ports of it); "
		"icmp/echo (pings, of both families), icmp (all of ICMP), any (all of IP).",
	.check = check_ports,
};

const struct nsn_type nsn_type_flow = {
	.name = "flow",
	.pattern = "^" PEER " -> " PEER "( " PORTS ")?$",
	.help = "FROM -> TO PORTS: two peers and what is opened between them, as in "
		"customer1/app -> shared/dns udp/53. Without PORTS it is any.",
	.check = check_flow,
	.peers = peers_of_flow,
};

const struct nsn_type nsn_type_publish = {
	.name = "publish",
	.pattern = "^([0-9]{1,5}|" IP4 ":[0-9]{1,5}|\\[[0-9a-fA-F:.]+\\]:[0-9]{1,5})$",
	.min = 1,
	.max = 65535,
	.help = "An address and port of the host: 203.0.113.10:443, [2001:db8::1]:443; a port "
		"alone "
		"is for every address but loopback, 0.0.0.0:443 and [::]:443 for those of one "
		"family. On 127.0.0.1 it is for the host alone; ::1 cannot be published.",
	.check = check_publish,
};

const struct nsn_type nsn_type_time = {
	.name = "time",
	.pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$",
	.help = "2027-06-30T12:00:00Z, or a date such as 2027-06-30: the midnight, UTC, with which "
		"that day begins.",
	.check = check_time,
};

const struct nsn_type nsn_type_text = {
	.name = "text",
	.pattern = "^[^\\t\\r\\n]*[^\\s][^\\t\\r\\n]*$",
	.help = "One line of at most 255 bytes.",
	.check = check_text,
};

const struct nsn_type nsn_type_log = {
	.name = "log",
	.choices = "none new all",
};

const struct nsn_type nsn_type_mode = {
	.name = "mode",
	.choices = "enforce audit",
};

/* ---- asking ----------------------------------------------------------------------- */

static bool is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);

	for (const char *c = choices; *c;) {
		size_t n = strcspn(c, " ");

		if (n == len && memcmp(c, text, n) == 0)
			return true;
		c += n + (c[n] == ' ');
	}
	return false;
}

/* "none, new or all" */
static const char *choice_list(const char *choices, char buf[128])
{
	size_t n = 0;

	for (; *choices && n < 100; choices++) {
		const char *next = strchr(choices, ' ');

		if (*choices != ' ')
			buf[n++] = *choices;
		else if (next && strchr(next + 1, ' '))
			n = (size_t)(stpcpy(buf + n, ", ") - buf);
		else
			n = (size_t)(stpcpy(buf + n, " or ") - buf);
	}
	buf[n] = '\0';
	return buf;
}

int nsn_type_check(const struct nsn_type *type, const char *text, struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE], list[128];

	if (type->choices && !is_choice(type->choices, text)) {
		nsn_err(err, -EINVAL, NSNET_E_BAD_RULE, "'%s' is not a value of %s",
			nsn_text_show(text, shown, sizeof(shown)), type->name);
		return nsn_err_hint(err, -EINVAL, "write %s", choice_list(type->choices, list));
	}
	return type->check ? type->check(text, err) : 0;
}
