// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A profile in the OCI runtime's JSON form, with docker's additions. It stands in the place of our
 * own filter, so nothing of it is passed over in silence where that would let more through: an
 * unknown key, operator or action is refused, and so is a call that nobody knows when it should
 * have been denied. What a listener or a tracer should decide is refused, as there is none.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/seccomp.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "profile.h"

#define FILE_MAX (256 * 1024) /* docker's own has 20 */

/* libseccomp's type is a void *, of which there can be no cleanup that knows what it is. */
static void profile_clear(struct nsn_profile *p)
{
	if (p->ctx)
		seccomp_release(p->ctx);
}

/* ---- the program -------------------------------------------------------------------------- */

#define OFFSET(field)	   ((uint32_t)offsetof(struct seccomp_data, field))
#define LOAD(offset)	   ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset)))
#define RETURN(value)	   ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (value)))
#define IF(op, k, yes, no) ((struct sock_filter)BPF_JUMP(BPF_JMP | (op) | BPF_K, (k), (yes), (no)))
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW 0
#else
#define LOW 4
#endif

/* Typing into a terminal is denied whatever a profile says: docker's lets it through. */
static size_t head_typing(struct sock_filter *f, uint32_t arch)
{
	const int nr = seccomp_syscall_resolve_name_arch(arch, "ioctl");
	size_t n = 0;

	f[n++] = LOAD(OFFSET(arch));
	f[n++] = IF(BPF_JEQ, arch, 0, 6);
	f[n++] = LOAD(OFFSET(nr));
	f[n++] = IF(BPF_JEQ, (uint32_t)nr, 0, 4);
	f[n++] = LOAD(OFFSET(args[1]) + LOW);
	f[n++] = IF(BPF_JEQ, TIOCSTI, 1, 0);
	f[n++] = IF(BPF_JEQ, TIOCLINUX, 0, 1);
	f[n++] = RETURN(SECCOMP_RET_ERRNO | EPERM);
	return n;
}

/*
 * What is newer than all that the profile names does not exist: programs try such calls first, and
 * take EPERM for an answer about their arguments.
 */
static size_t head_newer(struct sock_filter *f, const struct nsn_profile *p)
{
	size_t n = 0;

	if ((p->otherwise & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO)
		return 0;
	f[n++] = LOAD(OFFSET(arch));
	f[n++] = IF(BPF_JEQ, nsn_profile_own()->arch, 0, 4);
	f[n++] = LOAD(OFFSET(nr));
	f[n++] = IF(BPF_JEQ, UINT32_MAX, 2, 0); /* a tracer's */
	f[n++] = IF(BPF_JGT, (uint32_t)p->highest, 0, 1);
	f[n++] = RETURN(SECCOMP_RET_ERRNO | ENOSYS);
	return n;
}

static int export(struct nsn_profile *p, struct sock_filter *buf, size_t max, size_t *ret)
{
	NSN_AUTO(nsn_closep) int fd = memfd_create("nsnet-seccomp", MFD_CLOEXEC);
	ssize_t got;
	int e;

	if (fd < 0)
		return nsn_err_sys(p->err, -errno, "memfd_create");
	e = seccomp_export_bpf(p->ctx, fd);
	if (e < 0)
		return nsn_err_sys(p->err, e, "seccomp_export_bpf");
	got = pread(fd, buf, max * sizeof(*buf), 0);
	if (got < 0)
		return nsn_err_sys(p->err, -errno, "reading the program");
	if ((size_t)got == max * sizeof(*buf))
		return nsn_profile_refuse(
			p, "the program has more than the %d instructions that the kernel takes",
			BPF_MAXINSNS);
	*ret = (size_t)got / sizeof(*buf);
	return 0;
}

static int make_program(struct nsn_profile *p, struct sock_fprog *ret)
{
	NSN_AUTO(nsn_freep) struct sock_filter *prog = calloc(BPF_MAXINSNS + 1, sizeof(*prog));
	size_t n = 0, body = 0;
	int e;

	if (!prog)
		return nsn_err_nomem(p->err);
	n += head_typing(prog, nsn_profile_own()->arch);
	if (nsn_profile_own()->beside && seccomp_arch_exist(p->ctx, nsn_profile_own()->beside) == 0)
		n += head_typing(prog + n, nsn_profile_own()->beside);
	n += head_newer(prog + n, p);
	e = export(p, prog + n, BPF_MAXINSNS + 1 - n, &body);
	if (e < 0)
		return e;
	ret->len = (unsigned short)(n + body);
	ret->filter = NSN_TAKE_PTR(prog);
	return 0;
}

/* ---- the file ---------------------------------------------------------------------------- */

/* Flags of loading: those that change nothing for one thread without a listener. */
static int read_flags(struct nsn_profile *p, const json_t *root)
{
	char show[NSN_SHOW_SIZE];
	json_t *flags = NULL, *flag;
	size_t i;
	int e = nsn_profile_list(p, root, "flags", &flags);

	if (e < 0)
		return e;
	json_array_foreach(flags, i, flag)
	{
		const char *text = json_string_value(flag);

		if (!text || strcmp(text, "SECCOMP_FILTER_FLAG_TSYNC") != 0)
			return nsn_profile_refuse(p, "the flag %s cannot be used",
						  text ? nsn_text_show(text, show, sizeof(show))
						       : "here");
	}
	return 0;
}

/* libseccomp asks the kernel whether it has these actions. */
static int start(struct nsn_profile *p)
{
	int e;

	p->ctx = seccomp_init(p->otherwise);
	if (!p->ctx)
		return nsn_profile_refuse(p, "this kernel does not have the default action");
	e = seccomp_attr_set(p->ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (e == 0)
		e = seccomp_attr_set(p->ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return e < 0 ? nsn_err_sys(p->err, e, "seccomp_attr_set") : 0;
}

static int read_root(struct nsn_profile *p, json_t *root)
{
	static const char *const keys[] = {"defaultAction", "defaultErrnoRet", "defaultErrno",
					   "architectures", "archMap",	       "flags",
					   "syscalls",	    "comment",	       NULL};
	json_t *entries = NULL, *entry;
	size_t i;
	int e = nsn_profile_only(p, root, keys);

	if (e == 0)
		e = nsn_profile_action(p, root, "defaultAction", "defaultErrnoRet", "defaultErrno",
				       &p->otherwise);
	if (e == 0)
		e = read_flags(p, root);
	if (e == 0)
		e = nsn_profile_list(p, root, "syscalls", &entries);
	if (e < 0)
		return e;
	e = start(p);
	if (e == 0)
		e = nsn_profile_arches(p, root);
	if (e < 0)
		return e;
	json_array_foreach(entries, i, entry)
	{
		snprintf(p->at, sizeof(p->at), "syscalls[%zu]", i);
		e = nsn_profile_entry(p, entry);
		if (e < 0)
			return e;
	}
	snprintf(p->at, sizeof(p->at), "the profile");
	return 0;
}

/* A pipe is fine; what goes on for ever is not. */
static int read_all(int fd, const char *name, char *buf, size_t size, size_t *ret,
		    struct nsnet_err *err)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return nsn_err_sys(err, -errno, "reading %s", name);
		if (n == 0) {
			*ret = len;
			return 0;
		}
		len += (size_t)n;
	}
	nsn_err(err, -EINVAL, NSNET_E_BAD_SECCOMP, "the file has more than %zu bytes", size - 1);
	return nsn_err_where(err, -EINVAL, "%s", name);
}

int nsn_filter_read(int fd, const char *name, uint64_t caps, struct sock_fprog *ret,
		    struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *text = malloc(FILE_MAX + 1);
	NSN_AUTO(profile_clear)
	struct nsn_profile p = {.name = name, .caps = caps, .err = err, .at = "the profile"};
	NSN_AUTO(json_decrefp) json_t *root = NULL;
	char show[NSN_SHOW_SIZE];
	json_error_t bad;
	size_t len = 0;
	int e;

	if (!text)
		return nsn_err_nomem(err);
	e = read_all(fd, name, text, FILE_MAX + 1, &len, err);
	if (e < 0)
		return e;
	/* Of two members of one name a reader takes the last, and a person the first. */
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &bad);
	if (!root) {
		nsn_err(err, -EINVAL, NSNET_E_BAD_SECCOMP, "%s",
			nsn_text_show(bad.text, show, sizeof(show)));
		return nsn_err_where(err, -EINVAL, "%s:%d:%d", name, bad.line, bad.column);
	}
	e = read_root(&p, root);
	return e < 0 ? e : make_program(&p, ret);
}
