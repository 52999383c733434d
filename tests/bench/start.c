/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * start DATABASE: what any program with nsnet's libraries and a store pays before it does anything.
 * It is linked with the same libraries, opens the database and reads one value.
 */
#include <sqlite3.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	sqlite3_stmt *stmt;
	sqlite3 *db;
	int ok;

	if (argc != 2 || sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		return 1;
	ok = sqlite3_prepare_v2(db, "SELECT count(*) FROM sqlite_schema", -1, &stmt, NULL) ==
		     SQLITE_OK &&
	     sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) > 0;
	if (!ok)
		fprintf(stderr, "start: %s\n", sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return ok ? 0 : 1;
}
