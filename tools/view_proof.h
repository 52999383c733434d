/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_VIEW_PROOF_H
#define NSNET_TOOLS_VIEW_PROOF_H

/*
 * view_proof - what verify, matrix, explain, who-can and graph have found: as text, drawn,
 * and as documents
 *
 * Signs are of Unicode where the locale has it, else of ASCII.
 */
#include "../lib/base/cleanup.h"
#include "../lib/nsnet.h"
#include "out.h"

#define VIEW_HASH_SIZE 16
/* The first twelve digits, "-" for none: enough to tell states apart. */
const char *view_hash(const char *hash, char buf[VIEW_HASH_SIZE]);
/* "proved", "violation", "inconclusive", "note": as documents have it. */
const char *view_proved_word(enum nsnet_proved v);

enum view_sign { VIEW_ALLOWED, VIEW_APART, VIEW_VIOLATION, VIEW_UNKNOWN, VIEW_NOTE, VIEW_SELF };
const char *view_sign(enum view_sign s);

/* ---- verify --------------------------------------------------------------------- */

/* @asked: pairs were named, so each is told. */
void view_proof_text(const struct out *o, const struct nsnet_proof *p, bool asked);
int view_proof_document(const struct out *o, const struct nsnet_proof *p, struct nsnet_err *err);

/* ---- verify --host (view_host.c) ------------------------------------------------- */

/* Networks with who is in them, and what is shared. */
void view_host_text(const struct out *o, const struct nsnet_proof *p);
/* "networks" and "shared"; 0, or not. */
int view_host_json(json_t *to, const struct nsnet_proof *p);

/* ---- explain, who-can ----------------------------------------------------------- */

void view_explained_text(const struct out *o, const struct nsnet_explained *e);
int view_explained_document(const struct out *o, const struct nsnet_explained *e,
			    struct nsnet_err *err);

/* Parts of it: "customer1/app 10.1.1.2"; a line with its label; the item of the document. */
void view_explained_side(const struct out *o, const char *who, const char *ip);
void view_explained_label(const struct out *o, const char *label, const char *text,
			  const char *more);
json_t *view_explained_json(const struct nsnet_explained *e);

/* explain --probe: what else is said below it, and all of it as a document. */
void view_probe_text(const struct out *o, const struct nsnet_traced *t);
int view_probe_document(const struct out *o, const struct nsnet_traced *t, struct nsnet_err *err);
/* trace */
void view_traced_text(const struct out *o, const struct nsnet_traced *t);
int view_traced_document(const struct out *o, const struct nsnet_traced *t, struct nsnet_err *err);

void view_openers_sum(const struct out *o, const struct nsnet_openers *all);
json_t *view_opener_json(const void *opener);
int view_openers_document(const struct out *o, const struct nsnet_openers *all,
			  struct nsnet_err *err);

/* ---- matrix --------------------------------------------------------------------- */

/* How names are sorted: tenants, and behind them the internet and the host. */
int view_name_cmp(const char *a, const char *b);

/* Names in their order, each once, and whom the proof said something of. */
struct view_matrix {
	const struct nsnet_proof *proof;
	const char *const *names;
	size_t n;
};
/* In the format asked for, documents, too. */
int view_matrix(const struct out *o, const struct view_matrix *m, struct nsnet_err *err);

/* ---- graph ---------------------------------------------------------------------- */

/* The same: lines for people, dot, mermaid, documents. */
int view_graph(const struct out *o, const struct nsnet_graph *g, struct nsnet_err *err);

#endif
