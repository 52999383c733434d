/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_VIEW_SELF_TEST_H
#define NSNET_TOOLS_VIEW_SELF_TEST_H

/*
 * view_self_test - what `nsnet verify --self-test` has caught: lines, and a document
 */
#include "../lib/nsnet.h"
#include "out.h"

void view_self_test_text(const struct out *o, const struct nsnet_self_tested *s);
int view_self_test_document(const struct out *o, const struct nsnet_self_tested *s,
			    struct nsnet_err *err);

#endif
