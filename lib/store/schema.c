/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "page.h"

/*
 * steps[v] makes version v + 1 out of version v. A step that was released is
 * never edited: databases in the field have been through it.
 *
 * AUTOINCREMENT: a plain rowid is given again after the highest was deleted.
 * The rows in sqlite_sequence are made by hand so that nsn_store_rollback()
 * can count on them.
 *
 * A subnet is kept as its first and last address, so that what encloses it is
 * found by equality and what it encloses by a range, both in one index.
 */
static const char *const steps[] = {
	"CREATE TABLE meta ("
	"  one INTEGER PRIMARY KEY CHECK (one = 1),"
	"  store_id TEXT NOT NULL,"
	"  link_group INTEGER NOT NULL,"
	"  last_link INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE tenant ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  name TEXT NOT NULL UNIQUE,"
	"  first INTEGER NOT NULL,"
	"  last INTEGER NOT NULL,"
	"  gateway INTEGER NOT NULL,"
	"  created INTEGER NOT NULL,"
	"  CHECK (first <= gateway AND gateway <= last)"
	") STRICT;"
	"CREATE INDEX tenant_subnet ON tenant (first, last);"
	"CREATE TABLE endpoint ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE,"
	"  name TEXT NOT NULL,"
	"  ip INTEGER NOT NULL,"
	"  link INTEGER NOT NULL UNIQUE,"
	"  UNIQUE (tenant, name),"
	"  UNIQUE (tenant, ip)"
	") STRICT;"
	"INSERT INTO sqlite_sequence (name, seq) VALUES ('tenant', 0), ('endpoint', 0);",

	/* Endpoint 0 is the gateway, so it cannot refer to the table. */
	"CREATE TABLE host ("
	"  one INTEGER PRIMARY KEY CHECK (one = 1),"
	"  boot TEXT NOT NULL,"
	"  cookie INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE netns ("
	"  tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE,"
	"  endpoint INTEGER NOT NULL,"
	"  boot TEXT NOT NULL,"
	"  cookie INTEGER NOT NULL,"
	"  PRIMARY KEY (tenant, endpoint)"
	") STRICT, WITHOUT ROWID;",

	/*
	 * IPv6 in blobs, because a number has 64 bits. The index has a row only for
	 * those that have IPv6.
	 */
	"ALTER TABLE tenant ADD COLUMN first6 BLOB CHECK (length(first6) = 16);"
	"ALTER TABLE tenant ADD COLUMN last6 BLOB CHECK ("
	"  (last6 IS NULL) = (first6 IS NULL) AND length(last6) = 16 AND first6 <= last6);"
	"ALTER TABLE tenant ADD COLUMN gateway6 BLOB CHECK ("
	"  (gateway6 IS NULL) = (first6 IS NULL) AND length(gateway6) = 16"
	"  AND gateway6 BETWEEN first6 AND last6);"
	"ALTER TABLE tenant ADD COLUMN mtu INTEGER NOT NULL DEFAULT 1500 CHECK ("
	"  mtu BETWEEN 576 AND 65535 AND (first6 IS NULL OR mtu >= 1280));"
	"ALTER TABLE tenant ADD COLUMN inside_deny INTEGER NOT NULL DEFAULT 0"
	"  CHECK (inside_deny IN (0, 1));"
	"ALTER TABLE tenant ADD COLUMN rate INTEGER NOT NULL DEFAULT 0"
	"  CHECK (rate = 0 OR rate BETWEEN 8000 AND 100000000000);"
	"CREATE INDEX tenant_subnet6 ON tenant (first6, last6) WHERE first6 IS NOT NULL;"
	"ALTER TABLE endpoint ADD COLUMN ip6 BLOB CHECK (length(ip6) = 16);"
	"ALTER TABLE endpoint ADD COLUMN fixed INTEGER NOT NULL DEFAULT 0"
	"  CHECK (fixed IN (0, 1));"
	"ALTER TABLE endpoint ADD COLUMN fixed6 INTEGER NOT NULL DEFAULT 0"
	"  CHECK (fixed6 IN (0, 1) AND (fixed6 = 0 OR ip6 IS NOT NULL));"
	"ALTER TABLE endpoint ADD COLUMN rate INTEGER NOT NULL DEFAULT 0"
	"  CHECK (rate = 0 OR rate BETWEEN 8000 AND 100000000000);"
	"CREATE UNIQUE INDEX endpoint_ip6 ON endpoint (tenant, ip6) WHERE ip6 IS NOT NULL;"
	"CREATE TABLE label ("
	"  tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE,"
	"  key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 63),"
	"  value TEXT NOT NULL CHECK (length(value) BETWEEN 1 AND 63),"
	"  PRIMARY KEY (tenant, key)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE owner ("
	"  tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE,"
	"  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 32),"
	"  PRIMARY KEY (tenant, name)"
	") STRICT, WITHOUT ROWID;",

	/*
	 * Peers, ports and flows are the text of a file: sqlite3 shows what is meant, and a
	 * new kind of peer needs no step. They name tenants that may not be there, so
	 * nothing in them refers to a table; a cable does. A policy's number is in marks,
	 * which have 16 bits for it: unlike the id it is given again.
	 */
	"ALTER TABLE tenant ADD COLUMN set_name TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE tenant ADD COLUMN file TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE tenant ADD COLUMN line INTEGER NOT NULL DEFAULT 0"
	"  CHECK (line BETWEEN 0 AND 4294967295);"
	"ALTER TABLE tenant ADD COLUMN sha256 TEXT NOT NULL DEFAULT ''"
	"  CHECK (length(sha256) IN (0, 64));"
	"ALTER TABLE tenant ADD COLUMN uid INTEGER NOT NULL DEFAULT 0"
	"  CHECK (uid BETWEEN 0 AND 4294967295);"
	"ALTER TABLE tenant ADD COLUMN at INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE endpoint ADD COLUMN declared INTEGER NOT NULL DEFAULT 0"
	"  CHECK (declared IN (0, 1));"
	"ALTER TABLE meta ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE tenant ADD COLUMN new_flows INTEGER NOT NULL DEFAULT 4000"
	"  CHECK (new_flows BETWEEN 0 AND 1000000);"
	"ALTER TABLE tenant ADD COLUMN open_flows INTEGER NOT NULL DEFAULT 32768"
	"  CHECK (open_flows BETWEEN 0 AND 262144);"
	"CREATE TABLE setting ("
	"  key TEXT PRIMARY KEY,"
	"  value TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE policy ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  number INTEGER NOT NULL UNIQUE CHECK (number BETWEEN 1 AND 65000),"
	"  name TEXT NOT NULL UNIQUE,"
	"  deny INTEGER NOT NULL CHECK (deny IN (0, 1)),"
	"  audit INTEGER NOT NULL CHECK (audit IN (0, 1)),"
	"  log TEXT NOT NULL CHECK (log IN ('none', 'new', 'all')),"
	"  because TEXT NOT NULL,"
	"  owner TEXT NOT NULL,"
	"  expires INTEGER NOT NULL,"
	"  set_name TEXT NOT NULL,"
	"  file TEXT NOT NULL,"
	"  line INTEGER NOT NULL CHECK (line BETWEEN 0 AND 4294967295),"
	"  sha256 TEXT NOT NULL CHECK (length(sha256) IN (0, 64)),"
	"  uid INTEGER NOT NULL CHECK (uid BETWEEN 0 AND 4294967295),"
	"  at INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX policy_set ON policy (set_name, name);"
	"CREATE TABLE policy_part ("
	"  policy INTEGER NOT NULL REFERENCES policy ON DELETE CASCADE,"
	"  part TEXT NOT NULL CHECK (part IN ('from', 'to', 'ports')),"
	"  nr INTEGER NOT NULL CHECK (nr BETWEEN 1 AND 64),"
	"  text TEXT NOT NULL,"
	"  PRIMARY KEY (policy, part, nr)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX policy_part_text ON policy_part (text);"
	"CREATE TABLE quarantine ("
	"  who TEXT PRIMARY KEY,"
	"  since INTEGER NOT NULL,"
	"  because TEXT NOT NULL,"
	"  set_name TEXT NOT NULL,"
	"  file TEXT NOT NULL,"
	"  line INTEGER NOT NULL CHECK (line BETWEEN 0 AND 4294967295),"
	"  sha256 TEXT NOT NULL CHECK (length(sha256) IN (0, 64)),"
	"  uid INTEGER NOT NULL CHECK (uid BETWEEN 0 AND 4294967295),"
	"  at INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE quarantine_keep ("
	"  who TEXT NOT NULL REFERENCES quarantine ON DELETE CASCADE,"
	"  nr INTEGER NOT NULL CHECK (nr >= 1),"
	"  flow TEXT NOT NULL,"
	"  PRIMARY KEY (who, nr)"
	") STRICT, WITHOUT ROWID;"
	/* `freed` has the slots that had an owner in a boot; the lowest nr was freed first. */
	"CREATE TABLE cable ("
	"  link INTEGER PRIMARY KEY CHECK (link BETWEEN 1 AND 999999999999),"
	"  a INTEGER NOT NULL REFERENCES tenant ON DELETE RESTRICT,"
	"  b INTEGER NOT NULL REFERENCES tenant ON DELETE RESTRICT,"
	"  slot INTEGER NOT NULL UNIQUE CHECK (slot BETWEEN 0 AND 4294967294),"
	"  translated_a INTEGER NOT NULL CHECK (translated_a IN (0, 1)),"
	"  translated_b INTEGER NOT NULL CHECK (translated_b IN (0, 1)),"
	"  UNIQUE (a, b),"
	"  CHECK (a < b)"
	") STRICT;"
	"CREATE INDEX cable_b ON cable (b);"
	"CREATE TABLE freed ("
	"  nr INTEGER PRIMARY KEY,"
	"  slot INTEGER NOT NULL UNIQUE CHECK (slot BETWEEN 0 AND 4294967294),"
	"  boot TEXT NOT NULL"
	") STRICT;"
	"INSERT INTO sqlite_sequence (name, seq) VALUES ('policy', 0);",

	/*
	 * A range outlives its tenant, as files do; who deletes a tenant without retiring its
	 * range is stopped by the check. What was opted out of is history, so the database itself
	 * refuses that it is taken away or told otherwise; a row is over once, or never known
	 * to be: then the boot says so. Nothing refers to a tenant or a workload: they go.
	 */
	"CREATE TABLE id_range ("
	"  base INTEGER PRIMARY KEY"
	"    CHECK (base BETWEEN 1879048192 AND 2147287040 AND base % 65536 = 0),"
	"  tenant INTEGER UNIQUE REFERENCES tenant ON DELETE SET NULL,"
	"  name TEXT NOT NULL,"
	"  given INTEGER NOT NULL,"
	"  retired INTEGER NOT NULL DEFAULT 0,"
	"  CHECK ((tenant IS NULL) = (retired <> 0))"
	") STRICT;"
	"CREATE TRIGGER id_range_kept BEFORE DELETE ON id_range BEGIN"
	"  SELECT RAISE(ABORT, 'ranges of numbers are never forgotten'); END;"
	"CREATE TABLE exception ("
	"  id INTEGER PRIMARY KEY,"
	"  tenant TEXT NOT NULL,"
	"  endpoint TEXT NOT NULL,"
	"  workload TEXT NOT NULL CHECK (workload <> ''),"
	"  kind TEXT NOT NULL CHECK (kind <> ''),"
	"  because TEXT NOT NULL CHECK (because <> ''),"
	"  until INTEGER NOT NULL,"
	"  exposed TEXT NOT NULL,"
	"  uid INTEGER NOT NULL CHECK (uid BETWEEN 0 AND 4294967295),"
	"  at INTEGER NOT NULL,"
	"  command TEXT NOT NULL,"
	"  boot TEXT NOT NULL,"
	"  ended INTEGER NOT NULL DEFAULT 0"
	") STRICT;"
	"CREATE INDEX exception_open ON exception (workload) WHERE ended = 0;"
	"CREATE INDEX exception_tenant ON exception (tenant);"
	"CREATE TRIGGER exception_kept BEFORE DELETE ON exception BEGIN"
	"  SELECT RAISE(ABORT, 'exceptions are never forgotten'); END;"
	"CREATE TRIGGER exception_said BEFORE UPDATE ON exception WHEN"
	"  OLD.ended <> 0 OR NEW.id <> OLD.id OR NEW.tenant <> OLD.tenant"
	"  OR NEW.endpoint <> OLD.endpoint OR NEW.workload <> OLD.workload OR NEW.kind <> OLD.kind"
	"  OR NEW.because <> OLD.because OR NEW.until <> OLD.until OR NEW.exposed <> OLD.exposed"
	"  OR NEW.uid <> OLD.uid OR NEW.at <> OLD.at OR NEW.command <> OLD.command"
	"  OR NEW.boot <> OLD.boot BEGIN"
	"  SELECT RAISE(ABORT, 'an exception stays as it was written'); END;",

	/*
	 * `publish` and `dns` are the text of a file, "" for none. Settings of the host are those
	 * of a boot, like cookies. A kept change has the rows (kept.h) behind `since` up to `upto`:
	 * an index of them would be a page more in every commit. What waits for a confirmation is
	 * one row, and stays when it waits no more, for who waits with it.
	 */
	"ALTER TABLE policy ADD COLUMN publish TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE policy ADD COLUMN implied INTEGER NOT NULL DEFAULT 0 CHECK (implied IN (0, "
	"1));"
	"ALTER TABLE tenant ADD COLUMN dns TEXT NOT NULL DEFAULT '';"
	"CREATE TABLE uplink ("
	"  tenant INTEGER PRIMARY KEY REFERENCES tenant ON DELETE RESTRICT,"
	"  link INTEGER NOT NULL UNIQUE CHECK (link BETWEEN 1 AND 999999999999),"
	"  slot INTEGER NOT NULL UNIQUE CHECK (slot BETWEEN 0 AND 4294967294)"
	") STRICT;"
	"CREATE TABLE host_setting ("
	"  path TEXT PRIMARY KEY,"
	"  old TEXT NOT NULL,"
	"  boot TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE kept_state ("
	"  generation INTEGER PRIMARY KEY,"
	"  last INTEGER NOT NULL CHECK (last > generation),"
	"  since INTEGER NOT NULL,"
	"  upto INTEGER NOT NULL,"
	"  at INTEGER NOT NULL,"
	"  uid INTEGER NOT NULL CHECK (uid BETWEEN 0 AND 4294967295),"
	"  kind TEXT NOT NULL,"
	"  command TEXT NOT NULL"
	") STRICT;"
	"CREATE TABLE kept_row ("
	"  nr INTEGER PRIMARY KEY,"
	"  undo TEXT NOT NULL"
	") STRICT;"
	"CREATE TABLE unconfirmed ("
	"  one INTEGER PRIMARY KEY CHECK (one = 1),"
	"  nr INTEGER NOT NULL,"
	"  state INTEGER NOT NULL CHECK (state IN (0, 1, 2))," /* enum nsn_confirm */
	"  back_to INTEGER NOT NULL,"
	"  boot TEXT NOT NULL,"
	"  deadline INTEGER NOT NULL," /* CLOCK_BOOTTIME, in ms */
	"  at INTEGER NOT NULL,"
	"  uid INTEGER NOT NULL CHECK (uid BETWEEN 0 AND 4294967295)"
	") STRICT;",
};

int nsn_schema_version(void)
{
	return (int)NSN_COUNT(steps);
}

static int newer(const struct nsn_store *s, uint64_t version, struct nsnet_err *err)
{
	return nsn_err(err, -EPROTO, NSNET_E_STORE_NEWER,
		       "store '%s': it has schema %llu, this nsnet knows up to %d", s->shown,
		       (unsigned long long)version, nsn_schema_version());
}

static uint32_t be32_at(const char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return be32toh(n);
}

/* Through SQLite's own descriptor: closing another would drop the locks of this process. */
static int read_header(struct nsn_store *s, char header[100], struct nsnet_err *err)
{
	sqlite3_file *file = NULL;
	sqlite3_int64 size = 0;
	int r;

	if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
	    !file || !file->pMethods || file->pMethods->xFileSize(file, &size) != SQLITE_OK)
		return nsn_err(err, -EIO, NSNET_E_STORE_IO, "store '%s': cannot be read", s->shown);
	if (size < 100)
		return nsn_sql_broken(s, err, "it is not a database");
	r = file->pMethods->xRead(file, header, 100, 0);
	if (r == SQLITE_CORRUPT)
		return nsn_sql_broken(s, err, nsn_vfs_why(s->vfs));
	if (r != SQLITE_OK)
		return nsn_err(err, -EIO, NSNET_E_STORE_IO, "store '%s': cannot be read", s->shown);
	return 0;
}

int nsn_schema_check_header(struct nsn_store *s, bool *wal, bool *sealed, struct nsnet_err *err)
{
	static const char magic[16] = "SQLite format 3";
	char header[100] = {0};
	int r;

	r = read_header(s, header, err);
	if (r < 0)
		return r;
	if (memcmp(header, magic, sizeof(magic)) != 0)
		return nsn_sql_broken(s, err, "it is not a database");
	if (be32_at(header + 68) != NSN_APPLICATION_ID)
		return nsn_sql_broken(s, err, "it is the database of another program");
	if (be32_at(header + 60) > NSN_COUNT(steps))
		return newer(s, be32_at(header + 60), err);
	*wal = header[18] == 2;
	*sealed = header[NSN_PAGE_RESERVE_AT] == NSN_PAGE_RESERVE;
	return 0;
}

static int read_version(struct nsn_store *s, uint64_t *ret, struct nsnet_err *err)
{
	uint64_t version = 0;
	int r;

	r = nsn_sql_number(s, &version, "PRAGMA user_version", NULL, 0, err);
	if (r < 0)
		return r;
	/* The header of the file may be older than the log, so this is the one that counts. */
	if (version > NSN_COUNT(steps) && version <= INT32_MAX)
		return newer(s, version, err);
	if (version < 1 || version > NSN_COUNT(steps))
		return nsn_sql_broken(s, err, "it has no schema version");
	*ret = version;
	return 0;
}

int nsn_schema_check_version(struct nsn_store *s, struct nsnet_err *err)
{
	uint64_t version = 0;

	return read_version(s, &version, err);
}

static int run_steps(struct nsn_store *s, uint64_t from, struct nsnet_err *err)
{
	char sql[64];
	int r = nsn_kept_unwatch(s, err);

	for (uint64_t v = from; r == 0 && v < NSN_COUNT(steps); v++)
		r = nsn_sql_exec(s, steps[v], err);
	if (r == 0)
		r = nsn_kept_watch(s, err);
	if (r < 0)
		return r;
	(void)snprintf(sql, sizeof(sql), "PRAGMA user_version = %zu", NSN_COUNT(steps));
	return nsn_sql_exec(s, sql, err);
}

int nsn_schema_migrate(struct nsn_store *s, struct nsnet_err *err)
{
	uint64_t version = 0;
	int r;

	r = read_version(s, &version, err);
	if (r < 0)
		return r;
	if (version < NSN_COUNT(steps)) {
		r = nsn_store_begin(s, err);
		if (r == 0)
			r = read_version(s, &version, err); /* another one may have been quicker */
		if (r == 0 && version < NSN_COUNT(steps))
			r = run_steps(s, version, err);
		if (r == 0)
			r = nsn_store_commit(s, err);
		if (r < 0) {
			nsn_store_rollback(s);
			return nsn_err_wrap(err, r, "migrate from schema %llu to %d",
					    (unsigned long long)version, nsn_schema_version());
		}
	}
	s->schema = nsn_schema_version();
	return 0;
}

/*
 * The group has 31 bits, because the kernel keeps it as an int, and is out of
 * the reach of those that people give by hand.
 */
static int draw_id(struct nsn_store_id *ret, struct nsnet_err *err)
{
	struct nsn_store_id id = {0};
	uint8_t noise[20];

	if (getrandom(noise, sizeof(noise), 0) != (ssize_t)sizeof(noise))
		return nsn_err_sys(err, -errno, "draw a random store id");
	for (size_t i = 0; i < 16; i++)
		(void)snprintf(id.hex + 2 * i, 3, "%02x", noise[i]);
	memcpy(&id.group, noise + 16, sizeof(id.group));
	id.group = (id.group & INT32_MAX) | UINT32_C(1) << 24;
	*ret = id;
	return 0;
}

int nsn_schema_seal(struct nsn_store *s, struct nsnet_err *err)
{
	int reserve = NSN_PAGE_RESERVE;
	int r;

	r = nsn_sql_exec(s, "PRAGMA page_size = 4096", err); /* first: it forgets the other */
	if (r == 0 &&
	    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve) != SQLITE_OK)
		r = nsn_sql_err(s, err);
	return r;
}

int nsn_schema_create(struct nsn_store *s, struct nsnet_err *err)
{
	struct nsn_store_id id = {0};
	char sql[64];
	int r;

	r = draw_id(&id, err);
	if (r == 0)
		r = nsn_schema_seal(s, err);
	if (r < 0)
		return r;
	(void)snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", NSN_APPLICATION_ID);
	r = nsn_sql_exec(s, sql, err);
	if (r == 0)
		r = nsn_sql_exec(s, "BEGIN", err);
	if (r == 0)
		r = run_steps(s, 0, err);
	if (r == 0)
		r = nsn_sql_run(s,
				"INSERT INTO meta (one, store_id, link_group, last_link) "
				"VALUES (1, ?, ?, 0)",
				(struct nsn_arg[]){NSN_T(id.hex), NSN_N(id.group)}, 2, err);
	if (r == 0)
		r = nsn_sql_exec(s, "COMMIT; PRAGMA journal_mode = WAL", err);
	return r;
}

int nsn_schema_read_id(struct nsn_store *s, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	uint64_t group;
	int r;

	r = nsn_sql_prepare(s, &st, "SELECT store_id, link_group FROM meta", NULL, 0, err);
	if (r == 0)
		r = nsn_sql_step(s, st, err);
	if (r < 0)
		return r;
	if (r == 0)
		return nsn_sql_broken(s, err, "it has no store id");

	group = (uint64_t)sqlite3_column_int64(st, 1);
	if (strlen(nsn_sql_text(st, 0)) != 32 ||
	    strspn(nsn_sql_text(st, 0), "0123456789abcdef") != 32 || group < 1 || group > INT32_MAX)
		return nsn_sql_broken(s, err, "its store id is damaged");
	memcpy(s->id.hex, nsn_sql_text(st, 0), 33);
	s->id.group = (uint32_t)group;
	return 0;
}
