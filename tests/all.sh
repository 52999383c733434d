#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Passes the tests on a fresh Debian 12, as root: installs what is missing, builds, runs them all.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
sh tests/deps.sh build test
make -s -j"$(nproc)" all tests
exec make -s test
