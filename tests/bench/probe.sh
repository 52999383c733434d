#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What sending takes (probe.py), in a world of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1
export NSNET_BIN=${NSNET_BIN:-$PWD/build/nsnet}
exec tests/lib/world.sh python3 tests/bench/probe.py "$@"
