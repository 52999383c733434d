#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The public header, the symbol map and the built library name the same functions:
#   sym.sh HEADER MAP LIBRARY
set -euo pipefail
export LC_ALL=C
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Without comments, macros and attributes; a prototype is a name before a bracket.
gcc -fpreprocessed -dD -E -P "$1" | grep -v '^#' | grep -oE '\bnsnet_[a-z0-9_]+[[:space:]]*\(' |
	tr -d ' (' | sort -u >"$tmp/header"
sed -nE 's/^[[:space:]]*(nsnet_[a-z0-9_]+);.*/\1/p' "$2" | sort >"$tmp/map"
nm -D --defined-only "$3" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u >"$tmp/library"

bad=0
same() {
	diff "$tmp/$1" "$tmp/$2" >"$tmp/diff" && return
	echo "sym: $1 (<) and $2 (>) do not name the same functions:"
	grep '^[<>]' "$tmp/diff" | sed 's/^/  /'
	bad=1
}
same header map
same map library
# A C++ program may include it, and it stands alone.
echo "#include \"$(realpath "$1")\"" >"$tmp/alone.c"
gcc -std=gnu11 -Wall -Wextra -Werror -pedantic -fsyntax-only "$tmp/alone.c" || bad=1
exit $bad
