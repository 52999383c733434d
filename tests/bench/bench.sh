#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What nsnet takes, against a program that makes the same kernel objects and does nothing else (floor.c), and against a script
# (script.py): one table. In a world of its own. BENCH_* choose how much: see bench.py.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1
NSNET_BIN=${NSNET_BIN:-$PWD/build/nsnet}
BENCH_BIN=${BENCH_BIN:-$(dirname "$NSNET_BIN")/tests/bench}
# The state lies on a real disk: in the world's /var/lib, which is memory, fsync() costs nothing.
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
export NSNET_BIN BENCH_BIN BENCH_STATE=$state
tests/lib/world.sh python3 tests/bench/bench.py "$@"
