# SPDX-License-Identifier: GPL-2.0-or-later
"""The same attacks by a workload: in its own user namespace, in a network that is not its own.

It gets no raw socket, so most frames are out of its reach; instead each is sent as well as an
ordinary program can (agent.py), and some more to all addresses there are. What no control network
received proves nothing, and is not counted.
"""

import contextlib
import os
import subprocess
import tempfile

import net
from common import Row, add_inside, add_tenants
from engine import Run
from form import Form
from kinds import TABLE
from packets import ALL_NODES, ETH_IP, ETH_IP6, ICMP, ICMP6, SYN, TCP, UDP, eth, icmp, icmp6, \
    ipv4, ipv6, tcp, udp
from sniff import Listener

HERE = os.path.dirname(os.path.abspath(__file__))
IDS = "1879048192"
# All that could help, and no filter: what is in the way then is whose the network is.
CAPS = ("NET_RAW", "NET_ADMIN", "NET_BROADCAST", "NET_BIND_SERVICE", "DAC_OVERRIDE", "SETPCAP")


class Agent:
    """A sender as engine.Run wants it; all frames go through the workload."""

    def __init__(self, argv):
        with open(os.path.join(HERE, "agent.py")) as f:
            script = f.read()
        self.process = subprocess.Popen([*argv, "python3", "-c", script], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        said = self.process.stdout.readline().split()
        if said[:1] != ["raw"]:
            raise RuntimeError("%s: %s" % (" ".join(argv), said))
        self.raw, self.seen, self.token = said[1:], [], b""
        self.form, self.outcome = None, {}

    def about(self, form, token):
        """What is sent from now on."""
        self.form, self.token, self.seen = form, token, []

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().split()

    def send(self, frame):
        said = self.ask("%s %s" % (self.token.hex(), frame.hex()))
        if not said:
            raise RuntimeError("the workload is gone")
        if self.form is not None:
            self.outcome.setdefault(self.form.index, set()).add(said[0])
        if said[0] == "sent" and said[1] != "-":
            self.seen.append(bytes.fromhex(said[1]))
        return int(said[0] in ("sent", "raw"))

    def talk(self):
        self.ask("flush")

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def forms(self, word):
        return {index for index, words in self.outcome.items() if word in words}


# ---- by ordinary means, to wherever there is ----


def sweep_frame(kind, dst, port):
    def build(parties, token):
        six = ":" in dst(parties)
        src, to = parties.a.ip6 if six else parties.a.ip4, dst(parties)
        body = {"tcp": lambda: tcp(src, to, 0, port, SYN, token),
                "udp": lambda: udp(src, to, 0, port, token),
                "ping": lambda: icmp6(src, to, 128, 0, 1, token) if six else icmp(8, 0, 1, token)}
        number = {"tcp": TCP, "udp": UDP, "ping": ICMP6 if six else ICMP}[kind]
        packet = (ipv6 if six else ipv4)(src, to, number, body[kind]())
        return [eth(parties.g.mac if not six else ALL_NODES, parties.a.mac,
                    ETH_IP6 if six else ETH_IP, packet)]
    return build


def fixed(address):
    return lambda parties: address


PLACES = [("the victim", "4", lambda p: p.v.ip4), ("the victim", "6", lambda p: p.v.ip6),
          ("the victim's link-local address", "6", lambda p: p.v.ll),
          ("the victim, mapped", "6", lambda p: "::ffff:" + p.v.ip4),
          ("the victim's gateway", "4", lambda p: p.w.ip4),
          ("the victim's gateway", "6", lambda p: p.w.ip6),
          ("the gateway's link-local address", "6", lambda p: p.w.ll),
          ("the victim's neighbour", "4", lambda p: p.near4),
          ("the victim's neighbour", "6", lambda p: p.near6),
          ("the victim's broadcast", "4", lambda p: p.all4)]
PLACES += [(a, "4", fixed(a)) for a in (
    "127.0.0.1", "127.0.0.53", "0.0.0.0", "169.254.169.254", "169.254.0.1", "192.168.0.1",
    "172.17.0.1", "10.0.0.1", "224.0.0.1", "224.0.0.251", "239.1.2.3", "255.255.255.255")]
PLACES += [(a, "6", fixed(a)) for a in (
    "::1", "::", "fe80::1", "ff01::1", "ff02::1", "ff02::2", "ff02::fb", "ff05::1", "ff0e::1",
    "2002:a02:2::1", "64:ff9b::a02:2", "2001:db8::1")]
PORTS = (("tcp", 22), ("tcp", 80), ("tcp", Listener.TCP_PORT), ("udp", 53), ("udp", 67),
         ("udp", Listener.UDP_PORT), ("ping", 0))

SWEEP = [Form("%s %d to %s" % (kind, port, name), "sweep", fam, sweep_frame(kind, dst, port),
              index=len(TABLE) + n)
         for n, (name, fam, dst, kind, port) in enumerate(
             (*place, *port) for place in PLACES for port in PORTS)]
ALL_FORMS = [*TABLE, *SWEEP]
LABEL = {f.index: f.label for f in ALL_FORMS}


# ---- scenarios ----


def run(arena, argv, magic, tag):
    agent = Agent(argv)
    arena.sender = lambda ns, link: agent
    try:
        return Run(arena, ALL_FORMS, magic, tag)(), agent
    finally:
        arena.close()


@contextlib.contextmanager
def pinned(ns):
    """A name for a network that has none."""
    with tempfile.NamedTemporaryFile(dir="/run") as f:
        subprocess.run(["mount", "--bind", "/proc/%d/fd/%d" % (os.getpid(), ns.fd), f.name], check=True)
        try:
            yield f.name
        finally:
            subprocess.run(["umount", f.name], check=True)


def arrives(nsnet, magic, tag):
    """The forms that are received, sent in this way, where nothing isolates."""
    spawn, found = os.path.join(os.path.dirname(nsnet.binary), "nsnet-spawn"), set()
    for make in (net.control_flat, net.control_routed):
        arena = make()
        arena.attacker.sysctl({"ipv4/ip_unprivileged_port_start": 0,
                               "ipv4/ping_group_range": "0 2147483647"})
        with pinned(arena.attacker) as path:
            # The name of the pin is not always one that a host may have.
            argv = [spawn, "--netns", path, "--ids", IDS, "--hostname", "control", "--"]
            result, agent = run(arena, argv, magic, tag)
        found |= {i for i in agent.forms("sent") if result.received.get(i) or result.listened.get(i)}
    return found


def outcome(name, result, agent, proven):
    row = Row(result)
    sent = agent.forms("sent")
    row.by_workload = {
        "raw": agent.raw, "forms": len(ALL_FORMS), "sent": len(sent),
        "proven": len(sent & proven), "refused": len(set(agent.outcome) - sent),
        "raw sent": len(agent.forms("raw"))}
    # Nobody else's table has the sweep in it.
    row.wrong += ["leak: " + LABEL[f.index] for f in SWEEP if result.leaked(f)]
    if not result.marked or result.blind:
        row.wrong.append("the witnesses saw nothing, not even what was the gateway's own")
    row.wrong += ["a raw socket was there" for word in agent.raw if word == "ok"]
    return {name: row}


def unfiltered():
    path = "/run/attack-all.json"
    with open(path, "w") as f:
        f.write('{"defaultAction": "SCMP_ACT_ALLOW"}')
    return ["--seccomp", path, "--because", "an attack", *(
        w for cap in CAPS for w in ("--cap-add", cap))]


def tenants(name, privileged):
    def scenario(nsnet, magic, tag):
        """A workload of one tenant against another tenant and the host."""
        proven = arrives(nsnet, magic, tag)
        add_tenants(nsnet)
        options = unfiltered() if privileged else []
        argv = [nsnet.binary, "run", "-q", "a1", *options, "--"]
        return outcome(name, *run(net.between_tenants(nsnet), argv, magic, tag), proven)
    return scenario


def inside(nsnet, magic, tag):
    """A workload in one endpoint against another endpoint of its tenant."""
    proven = arrives(nsnet, magic, tag)
    add_inside(nsnet, "deny")
    argv = [nsnet.binary, "run", "-q", "a1/ep-x", "--"]
    return outcome("Wi", *run(net.between_endpoints(nsnet, "a1", "ep-x", "ep-y"), argv, magic, tag),
                   proven)


def red(name, start, break_it):
    def scenario(nsnet, magic, tag):
        add_tenants(nsnet)
        arena = net.between_tenants(nsnet)
        break_it(arena)
        return outcome(name, *run(arena, start(nsnet), magic, tag), set())
    return scenario


def as_workload(nsnet):
    return [nsnet.binary, "run", "-q", "a1", "--"]


def as_host(nsnet):
    """Its root in the tenant's network: what a workload must not be."""
    return ["nsenter", "--net=/run/netns/a1"]


PLAIN, PRIVILEGED = tenants("W", False), tenants("Wc", True)
