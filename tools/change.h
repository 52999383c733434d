/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_CHANGE_H
#define NSNET_TOOLS_CHANGE_H

/*
 * change - tells what a changing command did: sentences, or one document
 *
 * Sentences are printed at once, so that what was done is known even if the
 * next tenant fails; JSON is one document in the end.
 */
#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "../lib/base/cleanup.h"
#include "out.h"
#include "progress.h"

struct report {
	const struct out *o;
	const char *kind; /* of the document */
	bool dry_run;
	bool changed;
	json_t *items;
	struct progress progress; /* hidden while something is printed */
};

/* Start; report_clear() gives back what it holds. */
int report_init(struct report *r, const struct out *o, const char *kind, bool dry_run,
		struct nsnet_err *err);
void report_clear(struct report *r);

/*
 * Adds one item of @c. @tail is put behind the sentence (": 10.1.0.0/24, ...")
 * when the object is new or changed; may be NULL.
 */
int report_add(struct report *r, const struct nsnet_change *c, size_t item, const char *tail,
	       struct nsnet_err *err);

/* An item without a change behind it: it is as it was. @endpoint may be NULL. */
int report_unchanged(struct report *r, const char *tenant, const char *endpoint, const char *why,
		     struct nsnet_err *err);

/* What a change of borders is about: it is no tenant, but changes some. */
struct report_subject {
	const char *key; /* of the items of a document: "rule", "quarantine" */
	const char *name;
	enum nsnet_outcome outcome;
	const char *sentence; /* without the end of the line */
	const char *note;     /* worth knowing; NULL: nothing */
};

/*
 * The sentence, and all items of @c; they are gateways. A document has one item for
 * the subject itself before them, which is there also when no gateway changed. @c may
 * be NULL.
 */
int report_borders(struct report *r, const struct report_subject *s, const struct nsnet_change *c,
		   struct nsnet_err *err);

/* Whether an item of that name is what was done in the host's own namespace: no tenant has it. */
bool change_is_host(const char *name);

/* The gateways among the items of @c that change. */
size_t change_gateways(const struct nsnet_change *c);

/* Adds the item to the document only. */
int report_item(struct report *r, const struct nsnet_change *c, size_t item, struct nsnet_err *err);

/* Prints the document, if the answer is one. Takes the reference of @extra (may be NULL). */
int report_end(struct report *r, json_t *extra, struct nsnet_err *err);

/* ---- parts --------------------------------------------------------------- */

/* "3 steps" */
#define CHANGE_COUNT_SIZE 48
const char *change_count(size_t n, const char *one, const char *many, char buf[CHANGE_COUNT_SIZE]);

/* Prints the steps of one item, "  + link  gateway  br0 ...", aligned over the whole change. */
void change_print_steps(const struct out *o, const struct nsnet_change *c, size_t item);

/* "customer1", or "customer1/db" */
void change_print_name(FILE *to, const struct nsnet_change *c, size_t item);

/* Prints the notes of one item. */
void change_print_notes(const struct out *o, const struct nsnet_change *c, size_t item);

NSN_CLEANUP(struct nsnet_change, nsnet_change_free)

#endif
