/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "values.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/text.h"

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

bool nsn_column_flag(sqlite3_stmt *st, int column, bool *ret)
{
	uint64_t n = nsn_column_number(st, column);

	*ret = n != 0;
	return n <= 1;
}

bool nsn_column_text(sqlite3_stmt *st, int column, char *out, size_t size)
{
	const char *text = nsn_sql_text(st, column);
	size_t len = strlen(text);

	if (len >= size || sqlite3_column_bytes(st, column) != (int)len)
		return false;
	memcpy(out, text, len + 1);
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
		  rate_ok(t->rate) && t->new_flows <= NSN_NEW_FLOWS_MAX &&
		  t->open_flows <= NSN_OPEN_FLOWS_MAX;

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

void *nsn_row_room(void *array, size_t n, size_t size)
{
	char *more = array;

	if ((n & (n - 1)) == 0)
		more = reallocarray(array, n ? 2 * n : 1, size);
	if (more)
		memset(more + n * size, 0, size);
	return more;
}

/* It is worth a look at all names, but not a second failure. */
void nsn_hint_near(struct nsn_store *s, const char *sql, const char *name, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	size_t best = strlen(name) / 3 + 1;
	char near[NSN_NAME_MAX + 1] = "";

	if (nsn_sql_prepare(s, &st, sql, NULL, 0, NULL) < 0)
		return;
	if (best > 3)
		best = 3;
	while (nsn_sql_step(s, st, NULL) > 0) {
		size_t far = nsn_text_distance(name, nsn_sql_text(st, 0));

		if (far < best + (near[0] == '\0') && nsn_column_name(st, 0, near))
			best = far;
	}
	if (near[0])
		nsn_err_hint(err, -ENOENT, "did you mean %s?", near);
}

/* ---- origins ---------------------------------------------------------------- */

bool nsn_row_origin_ok(const struct nsn_origin *o)
{
	size_t sum = strlen(o->sha256);

	return (o->set[0] == '\0' || nsn_name_ok(o->set)) &&
	       (sum == 0 || (sum == 64 && strspn(o->sha256, "0123456789abcdef") == 64));
}

bool nsn_column_origin(sqlite3_stmt *st, int column, struct nsn_origin *ret)
{
	uint64_t line = nsn_column_number(st, column + 2), uid = nsn_column_number(st, column + 4);

	ret->line = (uint32_t)line;
	ret->uid = (uint32_t)uid;
	ret->at = sqlite3_column_int64(st, column + 5);
	return line <= UINT32_MAX && uid <= UINT32_MAX &&
	       nsn_column_text(st, column, ret->set, sizeof(ret->set)) &&
	       nsn_column_text(st, column + 1, ret->file, sizeof(ret->file)) &&
	       nsn_column_text(st, column + 3, ret->sha256, sizeof(ret->sha256)) &&
	       nsn_row_origin_ok(ret);
}

/* One character of UTF-8, in its shortest form, that is no control character: its bytes, else 0. */
static size_t plain_char(const unsigned char *s)
{
	static const uint32_t least[] = {0, 0x20, 0xa0, 0x800, 0x10000};
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c = len == 1 ? s[0] : s[0] & (0x7fu >> len);

	if (s[0] == 0x7f || (s[0] >= 0x80 && s[0] < 0xc0) || s[0] >= 0xf8)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80) /* also where the text ends */
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c >= least[len] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? len : 0;
}

bool nsn_row_text_ok(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len;

	while (*s && (len = plain_char(s)) > 0)
		s += len;
	return !*s;
}
