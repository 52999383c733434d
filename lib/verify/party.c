/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "party.h"

#include <stdio.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../base/text.h"

/* Shown of an id, as `docker ps` does. */
#define ID_SHOWN 12

/* A scope of systemd's: "docker-ID.scope". Longer ones first. */
static const struct {
	const char *prefix, *engine; /* "": not the container, but somebody beside it */
} scopes[] = {
	{"libpod-conmon-", ""},	 {"crio-conmon-", ""},
	{"docker-", "docker"},	 {"libpod-", "podman"},
	{"crio-", "cri-o"},	 {"cri-containerd-", "containerd"},
	{"nerdctl-", "nerdctl"}, {"containerd-", "containerd"},
	{"buildah-", "buildah"},
};

/* Folders below which containers have their own, by their ids or names. */
static const struct {
	const char *folder, *engine;
	bool any; /* any name; else an id of 64 digits */
} folders[] = {
	{"docker", "docker", false},	 {"libpod_parent", "podman", true}, {"lxc", "lxc", true},
	{"k8s.io", "containerd", false}, {"default", "nerdctl", false},
};

static size_t digits(const char *text, size_t len)
{
	const size_t n = strspn(text, "0123456789abcdef");

	return n < len ? n : len;
}

static bool is_id(const char *text, size_t len)
{
	return len == 64 && digits(text, len) == len;
}

static void copy(char *to, size_t size, const char *text, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(to, text, len);
	to[len] = '\0';
}

static bool begins(const char *text, size_t len, const char *with)
{
	return len > strlen(with) && strncmp(text, with, strlen(with)) == 0;
}

static bool ends(const char *text, size_t len, const char *with)
{
	const size_t n = strlen(with);

	return len > n && strncmp(text + len - n, with, n) == 0;
}

static void container(struct nsn_party *p, const char *engine, const char *id, size_t len)
{
	p->engine = engine;
	copy(p->id, sizeof(p->id), id, len);
}

/* "kubepods-besteffort-podUID.slice", where systemd has - as _; "podUID". */
static void take_pod(struct nsn_party *p, const char *part, size_t len)
{
	const char *at = NULL;

	for (size_t i = 0; i + 3 < len; i++)
		if (strncmp(part + i, "pod", 3) == 0 && (i == 0 || part[i - 1] == '-') &&
		    digits(part + i + 3, len - i - 3) > 0)
			at = part + i + 3;
	if (!at)
		return;
	len -= (size_t)(at - part);
	if (ends(at, len, ".slice"))
		len -= strlen(".slice");
	copy(p->pod, sizeof(p->pod), at, len);
	for (char *c = p->pod; *c; c++)
		if (*c == '_')
			*c = '-';
}

static bool take_scope(struct nsn_party *p, const char *part, size_t len)
{
	const bool scope = ends(part, len, ".scope");
	const size_t whole = scope ? len - strlen(".scope") : len;

	for (size_t i = 0; i < NSN_COUNT(scopes); i++) {
		const size_t n = strlen(scopes[i].prefix);

		if (!begins(part, whole, scopes[i].prefix) ||
		    digits(part + n, whole - n) < whole - n || whole - n < ID_SHOWN)
			continue;
		if (*scopes[i].engine)
			container(p, scopes[i].engine, part + n, whole - n);
		return true;
	}
	if (begins(part, len, "lxc.payload.")) {
		container(p, "lxc", part + 12, len - 12);
		return true;
	}
	if (scope && begins(part, whole, "machine-")) {
		container(p, "machine", part + 8, whole - 8);
		return true;
	}
	if (begins(part, len, "systemd-nspawn@") && ends(part, len, ".service")) {
		container(p, "nspawn", part + 15, len - 15 - 8);
		return true;
	}
	return false;
}

static bool take_folder(struct nsn_party *p, const char *folder, size_t flen, const char *part,
			size_t len)
{
	/* The kubelet's own driver: the container is right below the pod. */
	if (*p->pod && is_id(part, len)) {
		container(p, "containerd", part, len);
		return true;
	}
	for (size_t i = 0; i < NSN_COUNT(folders); i++) {
		if (strlen(folders[i].folder) != flen ||
		    strncmp(folders[i].folder, folder, flen) != 0 ||
		    (!folders[i].any && !is_id(part, len)))
			continue;
		if (strcmp(folders[i].engine, "podman") == 0 && begins(part, len, "libpod-"))
			container(p, "podman", part + 7, len - 7);
		else
			container(p, folders[i].engine, part, len);
		return true;
	}
	return false;
}

static void take_path(struct nsn_party *p, const char *path, size_t left)
{
	const char *folder = "";
	size_t flen = 0;

	while (left > 0) {
		size_t len = 0;

		while (len < left && path[len] != '/')
			len++;
		if (len > 0) {
			if (!*p->engine) {
				take_pod(p, path, len);
				if (!take_scope(p, path, len))
					(void)take_folder(p, folder, flen, path, len);
			}
			if (!*p->engine &&
			    (ends(path, len, ".service") || ends(path, len, ".scope")))
				copy(p->unit, sizeof(p->unit), path, len);
			folder = path;
			flen = len;
		}
		if (len < left)
			len++;
		path += len;
		left -= len;
	}
}

void nsn_party_of(const char *cgroups, struct nsn_party *ret)
{
	struct nsn_party other;

	*ret = (struct nsn_party){.engine = ""};
	while (*cgroups) {
		const size_t len = strcspn(cgroups, "\n");
		const char *path = memchr(cgroups, ':', len);

		path = path ? memchr(path + 1, ':', len - (size_t)(path + 1 - cgroups)) : NULL;
		if (path) {
			path++;
			other = (struct nsn_party){.engine = ""};
			take_path(&other, path, len - (size_t)(path - cgroups));
			/* Of version 1 there are many lines: whichever says most. */
			if ((*other.engine && !*ret->engine) ||
			    (!*ret->engine && *other.unit && !*ret->unit))
				*ret = other;
		}
		cgroups += len;
		cgroups += *cgroups == '\n';
	}
}

bool nsn_party_is_container(const struct nsn_party *p)
{
	return p->engine[0] != '\0';
}

const char *nsn_party_str(const struct nsn_party *p, const char *hostname,
			  char buf[NSN_PARTY_STRLEN])
{
	const bool hex = digits(p->id, strlen(p->id)) == strlen(p->id);
	char name[128], id[NSN_PARTY_ID + 1];

	if (!nsn_party_is_container(p)) {
		(void)nsn_text_show(p->unit, buf, NSN_PARTY_STRLEN);
		return buf;
	}
	(void)snprintf(id, sizeof(id), "%.*s", hex ? ID_SHOWN : NSN_PARTY_ID, p->id);
	if (hostname && *hostname && strncmp(hostname, id, strlen(hostname)) != 0)
		(void)snprintf(buf, NSN_PARTY_STRLEN, "%.100s (%s %s)",
			       nsn_text_show(hostname, name, sizeof(name)), p->engine, id);
	else
		(void)snprintf(buf, NSN_PARTY_STRLEN, "%s %s", p->engine, id);
	return buf;
}
