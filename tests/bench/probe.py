# SPDX-License-Identifier: GPL-2.0-or-later
"""What the prober takes beside the proof: `nsnet verify --probe`. Started by probe.sh.

200 tenants: all ordered pairs, three kinds; BENCH_PROBE_N (1000) tenants: representatives. Medians
of BENCH_PROBE_RUNS (5). STRICT=1: the status is 1 when a bound is missed.
"""
import json
import os
import statistics
import subprocess
import sys
import time

NSNET = os.environ["NSNET_BIN"]
N = int(os.environ.get("BENCH_PROBE_N", "1000"))
RUNS = int(os.environ.get("BENCH_PROBE_RUNS", "5"))
missed = []


def run(*args):
    """Seconds, and what it printed; 3 is an answer, too."""
    begin = time.monotonic()
    done = subprocess.run([NSNET, *args], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(f"bench: {' '.join(args)[:200]}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return time.monotonic() - begin, done.stdout


def site(tenants):
    path = "/run/bench.yaml"
    with open(path, "w", encoding="ascii") as f:
        f.write("nsnet: 1\ntenants:\n")
        for i in range(tenants):
            f.write(f"  t{i}: {{ subnet: 10.{i >> 8}.{i & 255}.0/24 }}\n")
        f.write("rules:\n")
        for i in range(0, tenants - 1, 20):
            f.write(f"  - {{ name: r{i}, allow: udp, from: t{i}, to: t{i + 1}, because: bench }}\n")
    run("-q", "apply", "-y", "--prune", "-f", path)


def measure(tenants, bound):
    site(tenants)
    alone, sent, wire = [], [], None
    for _ in range(RUNS):
        alone.append(run("-j", "verify", "--seconds", "600")[0])
        took, text = run("-j", "verify", "--probe", "--seconds", "600")
        wire = json.loads(text)["wire"]
        sent.append((took, wire["took_us"] / 1e6))
        if wire["untested"]:
            print(f"  {wire['untested']} untested of {wire['probes']}")
    took = statistics.median(s[1] for s in sent)
    whole = statistics.median(s[0] for s in sent)
    held = "" if took <= bound else "  MISSED"
    if held:
        missed.append(tenants)
    print(f"{tenants} tenants: {wire['probes']} probes between {wire['pairs']} pairs"
          f"{' (sample)' if wire['sampled'] else ''} in {took:.2f} s (at most {bound} s){held}; "
          f"{took / wire['probes'] * 1e6:.1f} us each; all of verify {whole:.2f} s, "
          f"without probes {statistics.median(alone):.2f} s", flush=True)


measure(200, 0.5)
measure(N, 3.0)
sys.exit(1 if missed and os.environ.get("STRICT") else 0)
