#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What grep can see: licence lines, white space, paths that exist on one machine only, sleeping tests.
set -euo pipefail
bad=0

mapfile -t files < <(git ls-files -co --exclude-standard 2>/dev/null ||
	find . -type f -not -path './build*' -printf '%P\n')
code=()
texts=()
for f in "${files[@]}"; do
	[[ -f $f ]] || continue
	case $f in
	LICENSE | tests/fuzz/corpus/*) continue ;;
	*.c | *.h | *.sh | *.sym | Makefile | .ci/run) code+=("$f") ;;
	esac
	grep -qI . "$f" && texts+=("$f")
done

complain() { # WHAT, and the lines on standard input
	local lines
	lines=$(cat)
	[[ -n $lines ]] || return 0
	echo "text: $1"
	echo "  ${lines//$'\n'/$'\n'  }"
	bad=1
}
# Not in a pipeline: `bad` has to stay.
found() {
	local what=$1
	shift
	complain "$what" < <(grep -nE "$@" || true)
}

unlicensed() {
	local f
	for f in "${code[@]}"; do
		head -2 "$f" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' || echo "$f"
	done
}
unended() {
	local f
	for f in "${texts[@]}"; do
		[[ -z $(tail -c1 "$f") ]] || echo "$f"
	done
}
complain "no SPDX line in the first two lines" < <(unlicensed)
complain "no newline at the end" < <(unended)

# In documents it may be what a command printed.
mapfile -t lines < <(printf '%s\n' "${texts[@]}" | grep -v '\.md$')
found "white space at the end of a line" '[[:space:]]+$' "${lines[@]}"
# The brackets keep these lines from finding themselves.
found "a path outside the repository" '\.\.?/share[d]/|/work/[a-z]' "${texts[@]}"
# A template of mkdtemp() is no fixed name.
complain "a fixed name in a folder that all can write (use mktemp)" < <(
	grep -nE '(^|[^[:alnum:]_./-])/(var/)?tm[p]/[[:alnum:]_]' "${code[@]}" | grep -v XXXXXX
)
mapfile -t tests < <(printf '%s\n' "${code[@]}" | grep '^tests/.*\.[ch]$')
if [[ ${#tests[@]} -gt 0 ]]; then
	found "a test that sleeps (poll_until() waits for what it is about)" '\b(u?sleep|pause)[[:space:]]*\(' "${tests[@]}"
fi
exit $bad
