# SPDX-License-Identifier: GPL-2.0-or-later
"""Who attacks whom, in which state of the network."""

import subprocess

import altered
import beyond
import windows
import workload
from common import Row, add_inside, add_tenants
from engine import Run
from kinds import TABLE
from net import between_endpoints, between_tenants, veth


def forms(families):
    return [f for f in TABLE if f.fam in families]


def attack(name, arena, some, magic, tag):
    try:
        return {name: Row(Run(arena, some, magic, tag)()).all_sent(some)}
    finally:
        arena.close()


def s1(nsnet, magic, tag):
    """Between two tenants that have no IPv6."""
    add_tenants(nsnet, False)
    return attack("S1", between_tenants(nsnet), forms("L4"), magic, tag)


def s2(nsnet, magic, tag):
    """Between two tenants with IPv6."""
    add_tenants(nsnet)
    return attack("S2", between_tenants(nsnet), forms("L6"), magic, tag)


def s3(nsnet, magic, tag):
    """Between two endpoints of one tenant that may not talk to each other."""
    add_inside(nsnet, "deny")
    return attack("S3", between_endpoints(nsnet, "a1", "ep-x", "ep-y"), TABLE, magic, tag)


def s4(nsnet, magic, tag):
    """Between two endpoints that may: only what is really the attacker's may arrive."""
    add_inside(nsnet, "allow")
    rows = attack("S4", between_endpoints(nsnet, "a1", "ep-x", "ep-y"), TABLE, magic, tag)
    row = rows["S4"]
    row.forbidden = lambda f: f.inside == "no"
    # Two hosts that may talk ask for each other's address.
    row.count_other = False
    row.missing = [f.label for f in TABLE if f.inside == "must" and not row.result.leaked(f)]
    return rows


# ---- S6: somebody flushes the rules ----


def s6(nsnet, magic, tag):
    """After `nft flush ruleset` on the host."""
    add_tenants(nsnet)
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    return attack("S6", between_tenants(nsnet), TABLE, magic, tag)


def s6g(nsnet, magic, tag):
    """After the same inside both gateways: there is no path, so no rule is needed."""
    add_tenants(nsnet)
    arena = between_tenants(nsnet)
    for gateway in arena.gateways:
        gateway.run("nft", "flush", "ruleset")
    # Its own gateway then believes the attacker: that is no way to anybody else.
    arena.tables = [arena.victim, arena.gateways[1]]
    return attack("S6g", arena, TABLE, magic, tag)


# ---- S8: one port is open between them ----


def one_port(name, ports):
    def scenario(nsnet, magic, tag):
        """Between two tenants, one of which may call one port of the other's, and no more."""
        add_tenants(nsnet)
        nsnet.run("allow", "a1/default", "b1/default", ports, "--name", "narrow", "--because", name)
        rows = attack(name, between_tenants(nsnet), TABLE, magic, tag)
        nsnet.run("revoke", "narrow")
        row = rows[name]
        open_ = [f for f in TABLE if f.name == "tcp syn to the open port"]
        row.forbidden = lambda f: f not in open_
        row.missing = [f.label for f in open_ if not row.result.leaked(f)]
        return rows

    return scenario


# ---- red: isolation that was broken on purpose, and must be found broken ----

OPEN_PORT = "isolated off locked off learning on flood on mcast_flood on bcast_flood on"


def open_gateway(ns):
    """Nothing filters any more."""
    ns.run("nft", "flush", "ruleset")


def open_ports(ns):
    """An ordinary bridge that learns and floods."""
    for port in ns.show("bridge", "-j", "link"):
        ns.run("bridge", "link", "set", "dev", port["ifname"], *OPEN_PORT.split())
    ns.ip("link set br0 type bridge mcast_snooping 0")


def route(ns, number, far):
    """A gateway that forwards to another one."""
    ns.ip("addr add 198.18.0.%d/24 dev sab0" % number, "link set sab0 up",
          "route add %s/32 via 198.18.0.%d" % (far.ip4, 3 - number))
    ns.sysctl({"ipv4/ip_forward": 1})
    for link in ("all", "br0", "sab0"):
        ns.sysctl({"ipv4/conf/%s/rp_filter" % link: 0, "ipv4/conf/%s/arp_ignore" % link: 0})


def red_tenants(name, bridged):
    def scenario(nsnet, magic, tag):
        add_tenants(nsnet, False)
        arena = between_tenants(nsnet)
        g, w = arena.gateways
        veth(g, "sab0", w, "sab0")
        open_gateway(g)
        open_gateway(w)
        if bridged:
            for ns in (g, w):
                ns.ip("link set sab0 up", "link set sab0 master br0")
                open_ports(ns)
        else:
            route(g, 1, arena.parties.v)
            route(w, 2, arena.parties.a)
        return attack(name, arena, forms("L4"), magic, tag)

    return scenario


def red_inside(nsnet, magic, tag):
    add_inside(nsnet, "deny")
    arena = between_endpoints(nsnet, "a1", "ep-x", "ep-y")
    open_gateway(arena.gateways[0])
    open_ports(arena.gateways[0])
    return attack("RED-inside", arena, TABLE, magic, tag)


def broken(arena):
    """Two gateways that forward to each other."""
    g, w = arena.gateways
    veth(g, "sab0", w, "sab0")
    open_gateway(g)
    open_gateway(w)
    route(g, 1, arena.parties.v)
    route(w, 2, arena.parties.a)


ALL = {"S1": s1, "S2": s2, "S3": s3, "S4": s4,
       "S5": altered.tenants, "S5i": altered.inside, "S6": s6, "S6g": s6g,
       "S7a": windows.tenants, "S7b": windows.settings, "S7c": windows.endpoints, "S8": one_port("S8", "tcp/5432"),
       "S9": beyond.scenario,
       "W": workload.PLAIN, "Wc": workload.PRIVILEGED, "Wi": workload.inside,
       "RED-workload": workload.red("RED-workload", workload.as_workload, broken),
       "RED-raw": workload.red("RED-raw", workload.as_host, broken),
       "RED-bridged": red_tenants("RED-bridged", True),
       "RED-routed": red_tenants("RED-routed", False), "RED-inside": red_inside,
       "RED-ports": one_port("RED-ports", "any"), "RED-beyond": beyond.red,
       "RED-settings": windows.red_settings, "RED-endpoints": windows.red_endpoints}
NORMAL = [name for name in ALL if not name.startswith("RED")]
