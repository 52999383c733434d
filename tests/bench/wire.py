# SPDX-License-Identifier: GPL-2.0-or-later
"""What probing takes: ICMP, TCP and UDP from each of N (200) tenants to each other. Started by wire.sh.

A few of the pairs have rules. Each run goes through all of it: sockets in all namespaces, 39,800 pairs and three
kinds, away with the sockets. The floor is what sendmmsg() takes for the same frames, with nobody who looks.
STRICT=1: the status is 1 when all pairs take more than 0.5 s, in proportion to their number.
"""
import json
import os
import re
import statistics
import subprocess

NSNET, BIN = os.environ["NSNET_BIN"], os.environ["BENCH_BIN"]
N = int(os.environ.get("BENCH_WIRE_N", "200"))
RUNS = int(os.environ.get("BENCH_WIRE_RUNS", "5"))
BOUND = 0.5


def out(*cmd, text=None):
    done = subprocess.run(cmd, capture_output=True, text=True, input=text, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(cmd)[:200]}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.stdout


def build():
    lines = ["nsnet: 1", "tenants:"]
    lines += [f"  t{i:03}: {{ subnet: 10.{i >> 8}.{i & 255}.0/24 }}" for i in range(N)]
    lines.append("rules:")
    lines += [f"  - {{ name: r{i}, allow: 'udp/47000-60000', from: t{i:03}, to: t{(i + 1) % N:03}, because: bench }}"
              for i in range(0, N, 10)]
    out(NSNET, "-q", "apply", "-y", "-f", "-", text="\n".join(lines) + "\n")


def place(i):
    """One line for the driver: PATH GATEWAY-PATH PORT MAC IP GATEWAY-MAC GATEWAY-IP."""
    name, subnet = f"t{i:03}", f"10.{i >> 8}.{i & 255}"
    tenant = json.loads(out(NSNET, "-j", "tenant", "show", name))["items"][0]
    gateway = [f"/run/nsnet/gw/{pin}" for pin in os.listdir("/run/nsnet/gw") if pin.endswith(f"-{tenant['id']}")][0]
    links = out("nsenter", f"--net={gateway}", "ip", "-o", "link", "show", "master", "br0")
    mac = re.search(r"ether (\S+)", out("ip", "-n", name, "-o", "link", "show", "eth0")).group(1)
    router = out("ip", "-n", name, "neigh", "show", "to", subnet + ".1").split()[4]
    port = re.match(r"\d+: ([^@]+)@", links).group(1)
    return f"/run/netns/{name} {gateway} {port} {mac} {subnet}.2 {router} {subnet}.1\n"


build()
rows = out(f"{BIN}/wire", str(RUNS), text="".join(place(i) for i in range(N))).splitlines()
values = [dict(zip(row.split(" why ")[0].split()[::2], row.split(" why ")[0].split()[1::2])) for row in rows]
for row in rows:
    print("  " + row)
took = {key: statistics.median(float(v[key]) for v in values) for key in ("open", "run", "close", "bare", "cpu", "barecpu")}
pairs = N * (N - 1)
bound = BOUND * pairs / 39800
print(f"{pairs} pairs x 3 kinds: {took['run']:.3f} s ({took['run'] / pairs / 3 * 1e6:.2f} us a probe), "
      f"open {took['open']:.3f} s, close {took['close']:.3f} s")
ratio = took["cpu"] / took["barecpu"]
print(f"against sendmmsg() alone ({took['bare']:.3f} s): {took['run'] / took['bare']:.2f}x, "
      f"of processor time {took['cpu']:.3f} s to {took['barecpu']:.3f} s: {ratio:.2f}x")
wrong = [v for v in values if v["untested"] != "0" or int(v["delivered"]) != len(range(0, N, 10))]
missed = wrong or took["run"] > bound
print("bound", f"{bound:.3f} s:", "MISSED" if missed else "held")
if os.environ.get("STRICT") == "1" and missed:
    raise SystemExit(1)
