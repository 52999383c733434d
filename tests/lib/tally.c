// SPDX-License-Identifier: GPL-2.0-or-later
#include "tally.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sqlite3.h>

#include <cmocka.h>

#include "lab.h"
#include "world.h"

/* ---- what a namespace has ------------------------------------------------------------- */

enum {
	LINKS,
	ADDRS,
	ROUTES,
	RULES,
	NEIGHS,
	FDB,
	TABLES,
	CHAINS,
	NFRULES,
	SETS,
	ELEMS,
	OBJS,
	KINDS
};
static const char *const kinds[KINDS] = {
	"links",  "addresses",	"routes",    "ip rules", "neighbours",	 "fdb",
	"tables", "nft chains", "nft rules", "nft sets", "nft elements", "nft objects",
};

struct counts {
	size_t namespaces, of[KINDS];
};

struct request {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct ndmsg neigh;
		struct nfgenmsg nf;
	} body;
	char attrs[256];
};

struct dump {
	struct counts *ret;
	int kind;
	int nf; /* socket for the elements of sets */
};

static void ask(int sk, struct request *req, size_t body,
		void (*each)(struct dump *, struct nlmsghdr *), struct dump *d)
{
	/* One dump at a time, and the largest answer that the kernel gives. */
	static _Alignas(struct nlmsghdr) char bufs[2][1 << 16];
	char *buf = bufs[d->kind == ELEMS];
	bool done = false;

	req->head.nlmsg_len = NLMSG_LENGTH((unsigned int)body);
	req->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	assert_int_equal(send(sk, req, req->head.nlmsg_len, 0), req->head.nlmsg_len);
	while (!done) {
		ssize_t got = recv(sk, buf, sizeof(bufs[0]), 0);
		unsigned int len = (unsigned int)got;
		struct nlmsghdr *msg = (struct nlmsghdr *)(void *)buf;

		assert_true(got > 0);
		for (; NLMSG_OK(msg, len); msg = NLMSG_NEXT(msg, len)) {
			done = done || msg->nlmsg_type == NLMSG_DONE ||
			       msg->nlmsg_type == NLMSG_ERROR;
			if (!done)
				each(d, msg);
		}
	}
}

static void one_more(struct dump *d, struct nlmsghdr *msg)
{
	(void)msg;
	d->ret->of[d->kind]++;
}

/* What the kernel learned comes and goes, and so do the groups that a link listens to. */
static void one_more_permanent(struct dump *d, struct nlmsghdr *msg)
{
	const struct ndmsg *neigh = NLMSG_DATA(msg);

	if ((neigh->ndm_state & NUD_PERMANENT) && !(neigh->ndm_flags & NTF_SELF))
		d->ret->of[d->kind]++;
}

static const struct nlattr *attr_of(const struct nlmsghdr *msg, size_t head, uint16_t type)
{
	const char *at = (const char *)msg + NLMSG_HDRLEN + NLMSG_ALIGN(head);
	const char *end = (const char *)msg + msg->nlmsg_len;

	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *a = (const void *)at;

		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		at += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

static void more_elements(struct dump *d, struct nlmsghdr *msg)
{
	const struct nlattr *list =
		attr_of(msg, sizeof(struct nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS);
	size_t at = NLA_HDRLEN;

	while (list && at + NLA_HDRLEN <= list->nla_len) {
		d->ret->of[ELEMS]++;
		at += NLA_ALIGN(
			((const struct nlattr *)(const void *)((const char *)list + at))->nla_len);
	}
}

static void append(struct request *req, size_t *body, uint16_t type, const struct nlattr *from)
{
	char *at = (char *)&req->body + NLMSG_ALIGN(*body);

	assert_true(from && from->nla_len <= 64);
	memcpy(at, from, from->nla_len);
	((struct nlattr *)(void *)at)->nla_type = type;
	*body = NLMSG_ALIGN(*body) + NLA_ALIGN(from->nla_len);
}

/* A set, and what is in it unless packets fill it. */
static void a_set(struct dump *d, struct nlmsghdr *msg)
{
	const struct nfgenmsg *nf = NLMSG_DATA(msg);
	const struct nlattr *flags = attr_of(msg, sizeof(*nf), NFTA_SET_FLAGS);
	struct request req = {
		.head = {.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM},
		.body.nf = {.nfgen_family = nf->nfgen_family}};
	struct dump inner = {.ret = d->ret, .kind = ELEMS};
	size_t body = sizeof(*nf);
	uint32_t bits = 0;

	d->ret->of[SETS]++;
	if (flags)
		memcpy(&bits, (const char *)flags + NLA_HDRLEN, sizeof(bits));
	if (bits & __builtin_bswap32(NFT_SET_EVAL))
		return;
	append(&req, &body, NFTA_SET_ELEM_LIST_TABLE, attr_of(msg, sizeof(*nf), NFTA_SET_TABLE));
	append(&req, &body, NFTA_SET_ELEM_LIST_SET, attr_of(msg, sizeof(*nf), NFTA_SET_NAME));
	ask(d->nf, &req, body, more_elements, &inner);
}

static const struct {
	int kind, protocol;
	uint16_t type;
	uint8_t family;
	size_t body;
	void (*each)(struct dump *, struct nlmsghdr *);
} dumps[] = {
	{LINKS, NETLINK_ROUTE, RTM_GETLINK, 0, sizeof(struct ifinfomsg), one_more},
	{ADDRS, NETLINK_ROUTE, RTM_GETADDR, 0, sizeof(struct ifaddrmsg), one_more},
	{ROUTES, NETLINK_ROUTE, RTM_GETROUTE, AF_INET, sizeof(struct rtmsg), one_more},
	{ROUTES, NETLINK_ROUTE, RTM_GETROUTE, AF_INET6, sizeof(struct rtmsg), one_more},
	{RULES, NETLINK_ROUTE, RTM_GETRULE, 0, sizeof(struct fib_rule_hdr), one_more},
	{NEIGHS, NETLINK_ROUTE, RTM_GETNEIGH, 0, sizeof(struct ndmsg), one_more_permanent},
	{FDB, NETLINK_ROUTE, RTM_GETNEIGH, AF_BRIDGE, sizeof(struct ndmsg), one_more_permanent},
	{TABLES, NETLINK_NETFILTER, NFT_MSG_GETTABLE, 0, sizeof(struct nfgenmsg), one_more},
	{CHAINS, NETLINK_NETFILTER, NFT_MSG_GETCHAIN, 0, sizeof(struct nfgenmsg), one_more},
	{NFRULES, NETLINK_NETFILTER, NFT_MSG_GETRULE, 0, sizeof(struct nfgenmsg), one_more},
	{SETS, NETLINK_NETFILTER, NFT_MSG_GETSET, 0, sizeof(struct nfgenmsg), a_set},
	{OBJS, NETLINK_NETFILTER, NFT_MSG_GETOBJ, 0, sizeof(struct nfgenmsg), one_more},
	{OBJS, NETLINK_NETFILTER, NFT_MSG_GETFLOWTABLE, 0, sizeof(struct nfgenmsg), one_more},
};

/* Of the namespace that this thread is in. */
static void count_here(struct counts *ret)
{
	int route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int nf = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	/* Elements are asked for in the middle of the dump of sets. */
	int inner = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	size_t i;

	assert_true(route >= 0 && nf >= 0 && inner >= 0);
	ret->namespaces++;
	for (i = 0; i < sizeof(dumps) / sizeof(dumps[0]); i++) {
		bool is_nf = dumps[i].protocol == NETLINK_NETFILTER;
		struct request req = {.head.nlmsg_type = dumps[i].type};
		struct dump d = {.ret = ret, .kind = dumps[i].kind, .nf = inner};

		if (is_nf)
			req.head.nlmsg_type |= NFNL_SUBSYS_NFTABLES << 8;
		/* The first byte of each of these. */
		memcpy(&req.body, &dumps[i].family, 1);
		ask(is_nf ? nf : route, &req, dumps[i].body, dumps[i].each, &d);
	}
	(void)close(route);
	(void)close(nf);
	(void)close(inner);
}

/* ---- which namespaces there are -------------------------------------------------------- */

enum { BORN_MAX = 16384, PINNED_MAX = 256, HANDLE_MAX = 64 };

union handle {
	struct file_handle head;
	char bytes[sizeof(struct file_handle) + HANDLE_MAX];
};

static struct {
	union handle born[BORN_MAX];
	size_t n_born;
	ino_t pinned[PINNED_MAX];
	size_t n_pinned;
} seen;

static bool handle_of(int fd, union handle *ret)
{
	int mount_id;

	ret->head.handle_bytes = HANDLE_MAX;
	return name_to_handle_at(fd, "", &ret->head, &mount_id, AT_EMPTY_PATH) == 0;
}

bool tally_handles(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	union handle h;
	bool have = handle_of(fd, &h);

	(void)close(fd);
	return have;
}

void tally_born(int netns)
{
	assert_true(seen.n_born < BORN_MAX);
	if (handle_of(netns, &seen.born[seen.n_born]))
		seen.n_born++;
}

void tally_forget(void)
{
	seen.n_born = 0;
}

static bool is_pinned(ino_t inode)
{
	size_t i;

	for (i = 0; i < seen.n_pinned; i++)
		if (seen.pinned[i] == inode)
			return true;
	return false;
}

/* Those that live and have no name; the dead are forgotten. */
static size_t count_nameless(void)
{
	int any = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	size_t i, kept = 0, nameless = 0;

	assert_true(any >= 0);
	for (i = 0; i < seen.n_born; i++) {
		union handle h = seen.born[i];
		int fd = open_by_handle_at(any, &h.head, O_RDONLY | O_CLOEXEC);
		struct stat st;

		if (fd < 0) {
			assert_int_equal(errno, ESTALE);
			continue;
		}
		assert_int_equal(fstat(fd, &st), 0);
		(void)close(fd);
		nameless += !is_pinned(st.st_ino);
		seen.born[kept++] = h;
	}
	seen.n_born = kept;
	(void)close(any);
	return nameless;
}

/* All pins in a folder, by going there and back. */
static void count_pinned(const char *folder, struct counts *ret)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	DIR *d = opendir(folder);
	const struct dirent *entry;

	assert_true(home >= 0);
	while (d && (entry = readdir(d))) {
		int there = openat(dirfd(d), entry->d_name, O_RDONLY | O_CLOEXEC);
		struct stat st;

		/* A file that is not mounted on is seen in the list of files. */
		if (entry->d_name[0] != '.' && there >= 0 && setns(there, CLONE_NEWNET) == 0) {
			assert_int_equal(fstat(there, &st), 0);
			assert_true(seen.n_pinned < PINNED_MAX);
			seen.pinned[seen.n_pinned++] = st.st_ino;
			count_here(ret);
			assert_int_equal(setns(home, CLONE_NEWNET), 0);
		}
		if (there >= 0)
			(void)close(there);
	}
	if (d)
		(void)closedir(d);
	(void)close(home);
}

/* ---- files, mounts, rows --------------------------------------------------------------- */

enum { NAMES_MAX = 1024 };
static struct {
	char *of[NAMES_MAX];
	size_t n;
} names;

/* Gateways are called by numbers that are never given twice. */
static int one_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t len = strlen(path);

	(void)ftw;
	assert_true(names.n < NAMES_MAX);
	if (strncmp(path, LAB_GW "/", sizeof(LAB_GW)) == 0)
		while (len > 0 && path[len - 1] >= '0' && path[len - 1] <= '9')
			len--;
	assert_true(asprintf(&names.of[names.n++], "file %.*s %d %o", (int)len, path, type,
			     (unsigned int)st->st_mode) > 0);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_files(const char *state_dir, FILE *out)
{
	const char *const folders[] = {LAB_PIN_DIR, LAB_RUN, "/etc/netns", state_dir};
	size_t i;

	names.n = 0;
	for (i = 0; i < 4; i++)
		(void)nftw(folders[i], one_file, 8, FTW_PHYS);
	qsort(names.of, names.n, sizeof(names.of[0]), by_text);
	for (i = 0; i < names.n; i++) {
		(void)fprintf(out, "%s\n", names.of[i]);
		free(names.of[i]);
	}
}

static void count_mounts(FILE *out)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	size_t size = 0, mounts = 0, nsfs = 0;
	char *line = NULL;

	assert_non_null(f);
	while (getline(&line, &size, f) > 0) {
		mounts++;
		nsfs += strstr(line, " net:[") != NULL;
	}
	free(line);
	(void)fclose(f);
	(void)fprintf(out, "mounts %zu, of namespaces %zu\n", mounts, nsfs);
}

static sqlite3_int64 number(sqlite3 *db, const char *sql, const char *table)
{
	sqlite3_stmt *st = NULL;
	sqlite3_int64 n = -1;
	char *text = sqlite3_mprintf(sql, table);

	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
	if (sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	(void)sqlite3_finalize(st);
	sqlite3_free(text);
	return n;
}

/*
 * All tables but these: SQLite's own of the highest numbers, which only grow, the transit
 * addresses that rest until the next boot, which a cable that came and went leaves there, and
 * the states that can be gone back to, of which there are at most 20 (test_store_kept).
 */
static void count_rows(const char *state_dir, FILE *out)
{
	char path[128];
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;

	(void)snprintf(path, sizeof(path), "%s/nsnet.db", state_dir);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	assert_int_equal(
		sqlite3_prepare_v2(db,
				   "SELECT name FROM sqlite_schema WHERE type = 'table' AND"
				   " name NOT IN ('sqlite_sequence', 'freed', 'kept_state',"
				   " 'kept_row') ORDER BY 1",
				   -1, &st, NULL),
		SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(st, 0);

		(void)fprintf(out, "rows %s %lld\n", table,
			      number(db, "SELECT count(*) FROM \"%w\"", table));
	}
	(void)sqlite3_finalize(st);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* ---- all of it --------------------------------------------------------------------------- */

static void print_counts(FILE *out, const char *where, const struct counts *c)
{
	(void)fprintf(out, "%s: namespaces %zu\n", where, c->namespaces);
	for (int i = 0; i < KINDS; i++)
		(void)fprintf(out, "%s: %s %zu\n", where, kinds[i], c->of[i]);
}

char *tally(const char *state_dir)
{
	struct counts home = {0}, gateways = {0}, workloads = {0};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	seen.n_pinned = 0;
	count_here(&home);
	count_pinned(LAB_GW, &gateways);
	count_pinned(LAB_PIN_DIR, &workloads);
	print_counts(out, "world", &home);
	print_counts(out, "gateways", &gateways);
	print_counts(out, "workloads", &workloads);
	(void)fprintf(out, "nameless namespaces %zu\n", count_nameless());
	count_mounts(out);
	count_rows(state_dir, out);
	list_files(state_dir, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Lines of @a that @b has not. */
static void tell(const char *a, const char *b, const char *what)
{
	char *copy = strdup(a), *save = NULL, *line;

	assert_non_null(copy);
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t len = strlen(line);
		const char *at = strstr(b, line);

		while (at && ((at > b && at[-1] != '\n') || at[len] != '\n'))
			at = strstr(at + 1, line);
		if (!at)
			print_error("%s: %s\n", what, line);
	}
	free(copy);
}

struct wait {
	const char *state_dir, *want;
	char *now;
};

static bool is_so(void *arg)
{
	struct wait *w = arg;

	free(w->now);
	w->now = tally(w->state_dir);
	if (strcmp(w->now, w->want) == 0)
		return true;
	/* To look is work: the kernel's own would come later for it. */
	(void)poll(NULL, 0, 10);
	return false;
}

bool tally_becomes(const char *state_dir, const char *want, int timeout_ms)
{
	struct wait w = {.state_dir = state_dir, .want = want};
	bool same = poll_until(is_so, &w, timeout_ms);

	if (!same) {
		tell(w.now, want, "is");
		tell(want, w.now, "was");
	}
	free(w.now);
	return same;
}
