#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What an audit of a machine that others made takes (host.py), in a world of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1
export NSNET_BIN=${NSNET_BIN:-$PWD/build/nsnet}
export BENCH_BIN=${BENCH_BIN:-$(dirname "$NSNET_BIN")/tests/bench}
# With a /proc of its own: what else runs on this machine is not what is measured.
exec tests/lib/world.sh unshare --pid --fork --kill-child --mount-proc python3 tests/bench/host.py "$@"
