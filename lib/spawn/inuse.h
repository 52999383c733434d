/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_INUSE_H
#define NSN_SPAWN_INUSE_H

/*
 * inuse - which numbers of users somebody has on this host, now
 *
 * It reads files of the system and of every process, which takes milliseconds: done when a
 * range is given out, and when somebody asks for a number of the host.
 */
#include "../model/ids.h"

/*
 * nsn_inuse_read() - What accounts, /etc/subuid and processes have
 * @own: The base of a tenant's range: what the processes that are mapped to it have is not
 *       taken, as they are the tenant's own; 0: none is
 * @ret: What is found is added to it
 * @err: Filled on failure
 *
 * Files of the system that are not there, and processes that end meanwhile, have none.
 * Anything else that cannot be read is an error: it could have the number in question.
 */
int nsn_inuse_read(uint32_t own, struct nsn_taken_list *ret, struct nsnet_err *err);

/*
 * Whether the host has a user or a group of this number, wherever its accounts are kept
 * (LDAP begins with 10000 where nobody said otherwise). @by says which.
 */
bool nsn_inuse_account(uint32_t id, char by[64]);

#endif
