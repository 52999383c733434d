/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_READER_H
#define NSN_VERIFY_READER_H

/*
 * reader - what the files that read this machine share and nobody else sees
 */
#include <sys/types.h>

#include "../kernel/netns.h"
#include "read.h"

struct nlattr;	 /* <linux/netlink.h> */
struct nlmsghdr; /* the same */

/* ---- lists that grow ------------------------------------------------------------------- */

/* Makes room for one more piece at the end of @list, which is malloc()ed; NULL: no memory. */
void *nsn_more(void **list, size_t *n, size_t *max, size_t size);
#define NSN_MORE(list, n, max) nsn_more((void **)&(list), &(n), &(max), sizeof(*(list)))

/* A list on its way into an arena, where it is exactly as long as it must be. */
struct nsn_gather {
	void *list; /* malloc()ed */
	size_t n, max, size;
	struct nsn_arena *mem;
	struct nsn_vns *ns;
	bool skip; /* the kernel has sent what was not asked for */
};

void *nsn_gather_add(struct nsn_gather *g); /* zeroed; NULL: no memory */
/* Moves what was gathered into the arena: 0 or -ENOMEM. Frees the list in any case. */
int nsn_gather_end(struct nsn_gather *g, void **ret, size_t *n, struct nsnet_err *err);

struct nsn_nl;
/* Dumps @type with its fixed header into @g; @each gets @g. @what: "addresses". */
int nsn_read_dump(struct nsn_nl *nl, int type, const void *header, size_t size,
		  int (*each)(const struct nlmsghdr *, void *, struct nsnet_err *),
		  struct nsn_gather *g, const char *what, struct nsnet_err *err);

uint32_t nsn_attr_u32(const struct nlattr *a, uint32_t none);
uint8_t nsn_attr_u8(const struct nlattr *a, uint8_t none);
/* An address of a family; a wrong length gives family 0. */
struct nsn_ip nsn_attr_ip(uint8_t family, const struct nlattr *a);
/* A text of somebody else in the arena, "" without one; NULL: no memory. */
const char *nsn_attr_text(struct nsn_arena *mem, const struct nlattr *a);
int nsn_unreadable(const char *what, struct nsnet_err *err);

/* ---- namespaces found -------------------------------------------------------------------- */

/* Appended to a list of texts in @mem. */
struct nsn_texts {
	const char **list; /* malloc()ed */
	size_t n, max;
};

struct nsn_place {
	uint64_t inode;
	const char *path;  /* a way to it; NULL: none was found */
	const char *spare; /* another one, or NULL */
	const struct nsn_known *known;
	bool home;		 /* the caller's own */
	bool named;		 /* the path is a pin somebody made */
	struct nsn_vproc *procs; /* malloc()ed */
	size_t n_procs, max_procs;
	struct nsn_vheld *held; /* malloc()ed; `home` is a place */
	size_t n_held, max_held;
	/* What was read of it. */
	struct nsn_vns ns;
	bool is_read, gone;
	int monitor;	      /* a socket that hears of changes; -1: none */
	size_t gateway;	      /* a workload's: the place of its tenant's gateway, or NSN_NOWHERE */
	int32_t gateway_nsid; /* as which it knows that one; -1: not */
};

/* A tap or tun device that a process holds. */
struct nsn_tap {
	char name[16];
	int32_t pid;
	uint64_t home;	/* where that process lives */
	uint64_t inode; /* of the namespace that it is in; 0: not known */
};

struct nsn_reader {
	const struct nsn_read *how;
	struct nsn_arena mem; /* what was found */
	struct nsn_place *places;
	size_t n, max;
	uint32_t *slots; /* a hash of places by inode; 0: free, else place + 1 */
	size_t n_slots;
	struct nsn_tap *taps;
	size_t n_taps, max_taps;
	struct nsn_texts unsure;
	uint64_t home;	     /* inode of the caller's namespace */
	uint64_t host_users; /* of its user namespace */
	dev_t nsfs;
	bool bridge_calls;  /* br_netfilter is there */
	uint32_t old_kinds; /* which of the lists in /proc/net there are at all */
	int proc;
};

int nsn_reader_unsure(struct nsn_reader *r, const char *fmt, ...) NSN_PRINTF(2, 3);
/* The place with this inode, NSN_NOWHERE when there is none. */
size_t nsn_place_find(const struct nsn_reader *r, uint64_t inode);
/* The place with this inode, a new one if need be: NSN_NOWHERE: no memory. */
size_t nsn_place_add(struct nsn_reader *r, uint64_t inode);
/* Descriptor of the namespace; negative errno: it is gone, or cannot be opened. */
int nsn_place_open(const struct nsn_reader *r, const struct nsn_place *p);

/* read_find.c: all namespaces there are now, and who is in them. Again: what is new. */
int nsn_find(struct nsn_reader *r, struct nsnet_err *err);

/* read_proc.c */
struct nsn_pid {
	int32_t pid;
	uint64_t net;	/* inode of its network namespace */
	uint64_t users; /* of its user namespace */
};
/* Who it is: 0, or 1 when it is gone, or -ENOMEM. */
int nsn_read_proc(struct nsn_reader *r, int32_t pid, struct nsn_vproc *ret);
/* The inode in a link such as "net:[4026531840]": 0 when it has not this kind. */
uint64_t nsn_ns_link(int dir, const char *path, const char *kind, int *error);

/* read_closed.c: the namespace of a process whose links may not be read; 0: not known. */
uint64_t nsn_read_closed(const struct nsn_reader *r, int32_t pid);

/* read_held.c: descriptors of @pid, which lives in @home (an inode). 0 or -ENOMEM. */
int nsn_read_held(struct nsn_reader *r, int32_t pid, uint64_t home);

/* read_settle.c: drops processes that have left since they were found. */
void nsn_settle(struct nsn_reader *r);

/* read_conf.c: settings of `all` and `default`, sysctls, what hooks in besides nftables. The
 * thread is inside. */
struct nsn_visitor;
int nsn_read_conf(struct nsn_visitor *v, struct nsn_nl *route, struct nsn_vns *ns,
		  struct nsnet_err *err);
/* What may be there at all on this machine. */
void nsn_read_what_is_there(struct nsn_reader *r);
/* Of one link: what IFLA_AF_SPEC has. */
void nsn_read_link_conf(const struct nlattr *spec, struct nsn_vconf *ret);

/* read_peer.c: where the other halves of links are, when all is read. */
int nsn_read_peers(struct nsn_reader *r, struct nsnet_err *err);
/* The number that namespace @fd has in the one that @nl is in: -1 for none, or an errno. */
int nsn_nsid_of(struct nsn_nl *nl, int fd, int32_t *ret, struct nsnet_err *err);

/* read_same.c: whether two readings of one namespace say the same. */
bool nsn_vns_same(const struct nsn_vns *a, const struct nsn_vns *b);

/* read_one.c: all of one namespace, by a thread that may go where it likes. */
struct nsn_visitor {
	struct nsn_reader *reader;
	struct nsn_home home; /* for its procfs */
	struct nsn_arena mem;
	char *buf; /* of all its sockets */
};
int nsn_visit(struct nsn_visitor *v, struct nsn_place *p, struct nsnet_err *err);
/* Whether anything that counts was changed since it was read; 1, 0 or an errno. */
int nsn_visit_stale(struct nsn_visitor *v, struct nsn_place *p, struct nsnet_err *err);

#endif
