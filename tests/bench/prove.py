# SPDX-License-Identifier: GPL-2.0-or-later
"""What a proof takes: `nsnet verify`, from the live kernel to the verdict. Started by prove.sh.

BENCH_PROVE_N (200; and twice as many) tenants, each rule between two of them by chance, 5 for each
(BENCH_PROVE_RULES) and as many cables; BENCH_PROVE_RUNS (5) runs, medians. The bound is 5 s for
1,000 tenants and 5,000 rules, here in proportion to the tenants. STRICT=1: the status is 1 when one is missed.
"""
import glob
import json
import os
import random
import statistics
import subprocess
import sys
import time

NSNET, BIN = os.environ["NSNET_BIN"], os.environ["BENCH_BIN"]
N = int(os.environ.get("BENCH_PROVE_N", "200"))
PER = int(os.environ.get("BENCH_PROVE_RULES", "5"))
RUNS = int(os.environ.get("BENCH_PROVE_RUNS", "5"))
missed = []


def say(text):
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def timed(*cmd):
    """Milliseconds, and what it printed."""
    begin = time.monotonic()
    done = subprocess.run(cmd, capture_output=True, text=True, check=False)
    took = (time.monotonic() - begin) * 1000
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(cmd)[:200]}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return took, done.stdout


def site(path, tenants, rules, six, extra=""):
    """A file of policy; the same chance each time."""
    chance = random.Random(1)
    with open(path, "w", encoding="ascii") as f:
        f.write("nsnet: 1\ntenants:\n")
        for i in range(tenants):
            more = f", subnet6: 'fd00:{i:x}::/64'" if six else ""
            f.write(f"  t{i}: {{ subnet: 10.{i >> 8}.{i & 255}.0/24{more} }}\n")
        f.write("rules:\n" if rules or extra else "")
        seen = set()
        while len(seen) < rules:
            pair = chance.randrange(tenants), chance.randrange(tenants)
            if pair[0] == pair[1] or pair in seen:
                continue
            f.write(f"  - {{ name: r{len(seen)}, allow: tcp/{1000 + len(seen)}, from: t{pair[0]}, to: t{pair[1]}, "
                    "because: bench }\n")
            seen.add(pair)
        f.write(extra)


def apply(path):
    timed(NSNET, "-q", "apply", "-y", "-f", path)


def verify(*args):
    """Medians of a proof: ms in all, ms of reading, of the proof, and MiB of its processes at most."""
    runs = []
    for _ in range(RUNS):
        took, text = timed(NSNET, "-j", "verify", "--seconds", "600", *args)
        doc = json.loads(text)
        if doc["verdict"] != "proved":
            raise SystemExit("bench: " + doc["verdict"])
        cost = doc["cost"]
        runs.append((took, doc["state"]["read_us"] / 1000, cost["prove_us"] / 1000, cost["memory_bytes"] / 2**20))
    return [statistics.median(column) for column in zip(*runs)]


def row(what, value, unit, other="", ratio=None, bound=None, of=None):
    """@of: what has to be at most @bound, if not the value."""
    held = ""
    if bound is not None:
        held = "yes" if (value if of is None else of) <= bound else "MISSED"
        if held == "MISSED":
            missed.append(what)
    cells = (what, f"{value:,.0f} {unit}", other, f"{ratio:.2f}" if ratio else "",
             f"{bound:,.3g}" if bound is not None else "", held)
    print("| " + " | ".join(cells) + " |", flush=True)


def floor():
    """What asking the kernel for the same takes."""
    paths = sorted(glob.glob("/run/nsnet/gw/*") + glob.glob("/run/netns/*"))
    return statistics.median(timed(os.path.join(BIN, "dump"), *paths)[0] for _ in range(RUNS))


def peer():
    """The same by what is usually looked with, of gateways only: once, it takes long."""
    took = 0
    for path in sorted(glob.glob("/run/nsnet/gw/*")):
        for cmd in (("ip", "-j", "-d", "link"), ("nft", "-j", "list", "ruleset")):
            took += timed("nsenter", "--net=" + path, *cmd)[0]
    return took


def series(name, tenants, rules, six, bound):
    """One size; the medians."""
    path = f"/run/prove-{tenants}-{rules}-{six}.yaml"
    say(f"{name}: {tenants} tenants, {rules} rules")
    os.environ["NSNET_STATE_DIR"] = path + "-state"
    site(path, tenants, rules, six)
    apply(path)
    got = verify()
    dump = floor()
    what = f"{tenants} tenants, {rules} rules{', IPv4 and IPv6' if six else ''}"
    row(f"{what}: kernel to verdict", got[0], "ms", f"its dumps alone: {dump:,.0f} ms", got[0] / dump, bound)
    row("- reading", got[1], "ms")
    row("- the proof", got[2], "ms")
    row("- memory of its processes, at most", got[3], "MiB")
    if not rules:
        other = peer()
        row("- by `ip` and `nft`, JSON, gateways only, no proof", other, "ms", "", other / got[0])
    elif not six:
        changed(path, tenants, rules)
    timed(NSNET, "-q", "tenant", "del", "--all", "-y", "--with-rules")
    return got


def changed(path, tenants, rules):
    """One more rule, and the two tenants that it is about, from a state that is there."""
    site(path, tenants, rules, False, "  - { name: one-more, allow: udp/53, from: t0, to: t1, because: bench }\n")
    apply(path)
    timed(NSNET, "snapshot", "--force", "/run/prove.json")
    got = verify("--snapshot", "/run/prove.json", "t0", "t1")
    row("- one changed rule: the proof of its pair", got[2], "ms", bound=100)


def main():
    print(f"\n{os.uname().sysname} {os.uname().release}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; "
          f"{time.strftime('%Y-%m-%d')}; medians of {RUNS}\n")
    print("| `nsnet verify` | takes | against | ratio | at most | held |\n|---|---|---|---|---|---|")
    for six in (False, True):
        sizes = [(N, 0), (2 * N, 0)] if not six else []
        sizes += [(N, PER * N), (2 * N, 2 * PER * N)]
        got = [series("IPv6" if six else "IPv4", n, r, six, 5 * n if r else None) for n, r in sizes]
        for i in range(0, len(got), 2):
            what = f"twice as many ({sizes[i + 1][0]} tenants, {sizes[i + 1][1]} rules{', both' if six else ''})"
            for part, column in (("the proof", 2), ("in all", 0)):
                ratio = got[i + 1][column] / got[i][column]
                # What takes no time grows by chance.
                limit = 2.2 if got[i][column] > 20 else None
                row(f"{what}: {part}", got[i + 1][column], "ms", f"{got[i][column]:,.0f} ms", ratio, limit, ratio)
    if missed:
        print("missed: " + "; ".join(missed))
    return bool(missed and os.environ.get("STRICT") == "1")


if __name__ == "__main__":
    sys.exit(main())
