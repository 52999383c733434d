/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_VIEW_APPLY_H
#define NSNET_TOOLS_VIEW_APPLY_H

/*
 * view_apply - what files change, and what comes of it
 */
#include "out.h"

struct apply_tally {
	size_t add, change, remove, kept; /* differences */
	size_t opens, closes;		  /* pairs */
	size_t hold, expects;
};
struct apply_tally apply_count(const struct nsnet_applied *a);

/* One line for each, aligned. */
void view_differences(const struct out *o, const struct nsnet_applied *a);
/* The pairs; of many only the first, unless there is -v. Nothing when there are none. */
void view_effects(const struct out *o, const struct nsnet_applied *a);
/* What is expected and does not hold. */
void view_failures(const struct out *o, const struct nsnet_applied *a);
/* A report for people who review it. */
void view_applied_markdown(const struct out *o, const struct nsnet_applied *a);
/* All of it as one document. */
int view_applied_document(const struct out *o, const struct nsnet_applied *a, bool dry_run,
			  struct nsnet_err *err);

#endif
