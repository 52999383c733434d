/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "values.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

uint32_t nsn_ip_number(const struct nsn_ip *ip)
{
	uint32_t n;

	memcpy(&n, ip->bytes, sizeof(n));
	return ntohl(n);
}

struct nsn_arg nsn_ip_arg(const struct nsn_ip *ip)
{
	if (ip->family == AF_INET)
		return (struct nsn_arg)NSN_N(nsn_ip_number(ip));
	return (struct nsn_arg)NSN_IP6(ip);
}

bool nsn_column_name(sqlite3_stmt *st, int column, char out[NSN_NAME_MAX + 1])
{
	const char *name = nsn_sql_text(st, column);

	if (!nsn_name_ok(name))
		return false;
	memcpy(out, name, strlen(name) + 1);
	return true;
}

static bool number_ip(uint64_t n, struct nsn_ip *ret)
{
	uint32_t bytes = htonl((uint32_t)n);

	if (n > UINT32_MAX)
		return false;
	*ret = (struct nsn_ip){.family = AF_INET};
	memcpy(ret->bytes, &bytes, sizeof(bytes));
	return true;
}

bool nsn_column_ip(sqlite3_stmt *st, int column, uint8_t family, struct nsn_ip *ret)
{
	if (family == AF_INET)
		return number_ip(nsn_column_number(st, column), ret);
	*ret = (struct nsn_ip){0};
	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		return true;
	if (sqlite3_column_type(st, column) != SQLITE_BLOB ||
	    sqlite3_column_bytes(st, column) != (int)sizeof(ret->bytes))
		return false;
	ret->family = AF_INET6;
	memcpy(ret->bytes, sqlite3_column_blob(st, column), sizeof(ret->bytes));
	return true;
}

/* How many leading bits two addresses share. */
static uint8_t common_bits(const struct nsn_ip *a, const struct nsn_ip *b)
{
	unsigned int bits = nsn_ip_bits(a), n = 0;

	while (n < bits && a->bytes[n / 8] == b->bytes[n / 8])
		n += 8;
	while (n < bits && !((a->bytes[n / 8] ^ b->bytes[n / 8]) >> (7 - n % 8)))
		n++;
	return (uint8_t)n;
}

bool nsn_column_prefix(sqlite3_stmt *st, int column, uint8_t family, struct nsn_prefix *ret)
{
	struct nsn_prefix p = {0};
	struct nsn_ip last = {0}, first_again, last_again;

	if (!nsn_column_ip(st, column, family, &p.ip) ||
	    !nsn_column_ip(st, column + 1, family, &last) || p.ip.family != last.family)
		return false;
	if (p.ip.family) {
		p.len = common_bits(&p.ip, &last);
		first_again = nsn_prefix_network(&p);
		last_again = nsn_prefix_last(&p);
		if (nsn_ip_cmp(&p.ip, &first_again) != 0 || nsn_ip_cmp(&last, &last_again) != 0)
			return false;
	}
	*ret = p;
	return true;
}

/* ---- rows ------------------------------------------------------------------- */

static bool subnet_ok(const struct nsn_prefix *p, const struct nsn_ip *gateway, uint8_t family)
{
	const struct nsn_ip net = nsn_prefix_network(p);

	return p->ip.family == family && p->len <= nsn_ip_bits(&p->ip) &&
	       nsn_ip_cmp(&net, &p->ip) == 0 && nsn_prefix_has(p, gateway);
}

static bool rate_ok(uint64_t rate)
{
	return rate == 0 || (rate >= NSN_RATE_MIN && rate <= NSN_RATE_MAX);
}

bool nsn_row_tenant_ok(const struct nsn_tenant *t)
{
	const bool ip6 = t->subnet6.ip.family != 0;
	bool ok = nsn_name_ok(t->name) && subnet_ok(&t->subnet, &t->gateway, AF_INET) &&
		  t->mtu >= (ip6 ? NSN_MTU_MIN6 : NSN_MTU_MIN) && t->mtu <= NSN_MTU_MAX &&
		  rate_ok(t->rate);

	if (ip6)
		return ok && subnet_ok(&t->subnet6, &t->gateway6, AF_INET6);
	return ok && t->subnet6.len == 0 && t->gateway6.family == 0;
}

bool nsn_row_endpoint_ok(const struct nsn_tenant *t, const struct nsn_endpoint *e)
{
	bool ok = nsn_name_ok(e->name) && nsn_prefix_has(&t->subnet, &e->ip) && rate_ok(e->rate);

	if (t->subnet6.ip.family)
		return ok && nsn_prefix_has(&t->subnet6, &e->ip6);
	return ok && e->ip6.family == 0 && !e->fixed6;
}
