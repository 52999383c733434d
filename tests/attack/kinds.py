# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of attacks."""

import l2
import l3
from form import Form

TABLE = []


def add(name, group, fam, build, **kw):
    TABLE.append(Form(name, group, fam, build, index=len(TABLE), **kw))


l3.register(add)
l2.register(add)
