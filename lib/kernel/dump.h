/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_DUMP_H
#define NSN_KERNEL_DUMP_H

/*
 * dump - what the readers and writers of this folder have in common. Private
 * to lib/kernel.
 */
#include "../object/object.h"

struct nlattr;
struct nlmsghdr;
struct nsn_nl;

/* A dump on its way into a state: objects before @start belong to others. */
struct nsn_dump {
	struct nsn_state *state;
	struct nsn_place at;
	size_t start;
};

/* Dumps @type with its fixed header; @each gets a struct nsn_dump. @what: "addresses". */
int nsn_dump_all(struct nsn_nl *nl, int type, const void *header, size_t size,
		 int (*each)(const struct nlmsghdr *, void *, struct nsnet_err *),
		 struct nsn_state *ret, struct nsn_place at, const char *what,
		 struct nsnet_err *err);

/* The name of the link with this index at the same place, or NULL. */
const char *nsn_dump_link(const struct nsn_dump *d, int index);
/* @attr as an address; a wrong length gives family 0, which equals no address. */
void nsn_dump_ip(struct nsn_ip *ret, uint8_t family, struct nlattr *attr);
int nsn_dump_unreadable(const char *what, struct nsnet_err *err);

/*
 * The index of the object's link. Return: 0, a negative errno, or 1 when there
 * is no such link and so nothing left to delete.
 */
int nsn_link_to_delete_from(struct nsn_nl *nl, const struct nsn_object *o, int *index,
			    struct nsnet_err *err);

/*
 * Sends @msg; the error begins with the object. With @gone it deletes: then the kernel's -@gone is
 * success, and so is a link that has gone.
 */
int nsn_request_about(struct nsn_nl *nl, struct nlmsghdr *msg, const struct nsn_object *o, int gone,
		      struct nsnet_err *err);

#endif
