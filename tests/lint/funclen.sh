#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Functions of more than 80 lines fail, unless a comment in or right before them says why:
#   /* long: one switch over all message types */
# Otherwise it prints the longest, to keep an eye on them. funclen.sh FILE...
set -euo pipefail
[[ $# -gt 0 ]] || exit 0

awk -v max=80 '
	FNR == 1 { start = 0; why = 0 }
	/long: / { why = 1 }
	# The style has the brace of a function, and nothing else that is code, in the first column.
	/^{/ && prev !~ /=[ \t]*$/ { start = FNR; name = head; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
	/^[a-zA-Z].*\(/ { head = $0 }
	/^}/ {
		if (start) {
			n = FNR - start + 1
			total++
			if (n > max && !why) {
				printf "funclen: %s:%d: %s has %d lines, more than %d, and no reason (/* long: ... */)\n",
					FILENAME, start, name, n, max
				bad = 1
			}
			if (n > longest) { longest = n; which = name }
			if (n > 40) over++
		}
		start = 0
		why = 0
	}
	{ prev = $0 }
	END {
		printf "funclen: %d functions, %d over 40 lines, longest %s (%d)\n", total, over, which, longest
		exit bad
	}' "$@"
