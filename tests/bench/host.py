# SPDX-License-Identifier: GPL-2.0-or-later
"""What `nsnet verify --host` takes. Started by host.sh.

BENCH_HOST_N (50) bridges with a container each, behind them a default route; without rules, with
rules that keep them apart, and with what netavark makes for as many. BENCH_HOST_RUNS (5) runs,
medians. The bound is 2 s for 50. STRICT=1: the status is 1 when one is missed.
"""
import glob
import json
import os
import statistics
import subprocess
import sys
import time

NSNET, BIN = os.environ["NSNET_BIN"], os.environ["BENCH_BIN"]
N = int(os.environ.get("BENCH_HOST_N", "50"))
RUNS = int(os.environ.get("BENCH_HOST_RUNS", "5"))
missed = []


def sh(line, text=None):
    subprocess.run(["sh", "-ec", line], input=text, text=True, check=True)


def timed(*cmd):
    begin = time.monotonic()
    done = subprocess.run(cmd, capture_output=True, text=True, check=False)
    return (time.monotonic() - begin) * 1000, done.stdout


def site():
    lines = ["ip netns add internet", "ip link add eth0 type veth peer name eth0 netns internet",
             "ip addr add 192.0.2.10/24 dev eth0", "ip link set eth0 up", "ip -n internet link set eth0 up",
             "ip route add default via 192.0.2.1", "sysctl -qw net.ipv4.ip_forward=1"]
    for i in range(1, N + 1):
        lines += [f"ip link add br{i} type bridge", f"ip addr add 10.89.{i}.1/24 dev br{i}", f"ip link set br{i} up",
                  f"ip netns add c{i}", f"ip link add v{i} type veth peer name eth0 netns c{i}",
                  f"ip link set v{i} master br{i} up", f"ip -n c{i} link set eth0 up"]
    sh("\n".join(lines))


def rules_apart():
    own = ", ".join(f'"br{i}"' for i in range(1, N + 1))
    ports = ", ".join(f'"v{i}"' for i in range(1, N + 1))
    return (f"table inet apart {{ chain forward {{ type filter hook forward priority 0; "
            f"iifname {{ {own} }} oifname {{ {own} }} drop; }}; "
            f"chain input {{ type filter hook input priority 0; iifname {{ {own}, {ports} }} drop; }}; }}")


def rules_netavark():
    text = "*filter\n:NETAVARK_FORWARD - [0:0]\n-A FORWARD -m comment --comment x -j NETAVARK_FORWARD\n"
    for i in range(1, N + 1):
        text += (f"-A NETAVARK_FORWARD -d 10.89.{i}.0/24 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
                 f"-A NETAVARK_FORWARD -s 10.89.{i}.0/24 -j ACCEPT\n")
    text += "COMMIT\n*nat\n" + "".join(f":NV{i} - [0:0]\n" for i in range(1, N + 1))
    for i in range(1, N + 1):
        text += (f"-A POSTROUTING -s 10.89.{i}.0/24 -j NV{i}\n-A NV{i} -d 10.89.{i}.0/24 -j ACCEPT\n"
                 f"-A NV{i} ! -d 224.0.0.0/4 -j MASQUERADE\n")
    return text + "COMMIT\n"


def measure(what, bound):
    dump = statistics.median(timed(os.path.join(BIN, "dump"), *sorted(glob.glob("/run/netns/*")))[0]
                             for _ in range(RUNS))
    runs = []
    for _ in range(RUNS):
        took, text = timed(NSNET, "-j", "verify", "--host", "--seconds", "600")
        doc = json.loads(text)
        if len(doc["networks"]) != N or any(f["kind"] == "BUDGET" for f in doc["findings"]):
            raise SystemExit(f"bench: {what}: {text[:500]}")
        runs.append((took, doc["state"]["read_us"] / 1000, doc["cost"]["prove_us"] / 1000,
                     doc["cost"]["memory_bytes"] / 2**20))
    got = [statistics.median(column) for column in zip(*runs)]
    held = "yes" if got[0] <= bound else "MISSED"
    if held == "MISSED":
        missed.append(what)
    print(f"| {N} networks, {what}: kernel to verdict | {got[0]:,.0f} ms | its dumps alone: {dump:,.0f} ms "
          f"| {got[0] / dump:.2f} | {bound:,.0f} | {held} |")
    print(f"| - reading, looking, memory | {got[1]:,.0f} ms, {got[2]:,.0f} ms, {got[3]:,.0f} MiB | | | | |", flush=True)


print("| what | time | compared with | ratio | bound | held |\n|---|---|---|---|---|---|")
site()
measure("no rules", 2000 * N / 50)
sh("nft -f -", rules_apart())
measure("apart by rules", 2000 * N / 50)
sh("nft flush ruleset; iptables-restore", rules_netavark())
measure("netavark's rules", 2000 * N / 50)
sys.exit(1 if missed and os.environ.get("STRICT") == "1" else 0)
