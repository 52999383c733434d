# SPDX-License-Identifier: GPL-2.0-or-later
"""A tenant that may leave the host, and has ports published: whom else it reaches by that.

The host is that of tests/lib/border.sh. Attacked are another tenant, which has the same; the host,
by an address on which it publishes ports of that tenant; a LAN of the host's; and the internet,
beside the one port that is open. Then all again when the host's rules were flushed: what the
gateways let through is all that there is then.
"""

import os
import subprocess

from common import SUBNETS, Row, add_tenants
from engine import Run
from kinds import TABLE
from net import Arena, Netns, host_of, nsnet_parties, veth
from sniff import Listener

BORDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib", "border.sh")
PUBLISHED = "203.0.113.10", "2001:db8:113::10"
OPEN = "tcp syn to the open port"
# The victim's neighbour is in the internet as it is.
BESIDE = "to the open port of the victim's neighbour"


def border(*what):
    subprocess.run(["bash", BORDER, *what], check=True, capture_output=True, text=True, timeout=60)


def rules(nsnet):
    """As much as there is: all ports of the internet, and those that are attacked are published."""
    four, six = PUBLISHED
    for name in ("a1", "b1"):
        nsnet.run("allow", name, "internet", "any", "--name", "out-" + name, "--because", "x")
    ports = (Listener.TCP_PORT, ""), (5432, ""), (4243, ""), (Listener.UDP_PORT, "/udp")
    for port, proto in ports:
        for n, address in enumerate((four, "[%s]" % six)):
            nsnet.run("publish", "b1/default", "%s:%d%s" % (address, port, proto), "--name",
                      "in%d-%d" % (port, n), "--because", "x")
    nsnet.run("publish", "a1/default", "%s:8080:80" % four, "--name", "of-attacker", "--because", "x")


class Ends:
    """The namespaces, and who the attacker is."""

    def __init__(self, nsnet):
        self.host = Netns("/proc/thread-self/ns/net")
        self.a, self.b = nsnet.endpoint("a1"), nsnet.endpoint("b1")
        self.g, self.w = nsnet.gateway("a1"), nsnet.gateway("b1")
        self.internet, self.lan = Netns("/run/netns/internet"), Netns("/run/netns/lan")

    def all(self):
        return self.host, self.a, self.b, self.g, self.w, self.internet, self.lan

    def arena(self, victim, gateway, link, ip4, ip6, watch):
        """@link is what the victim's gateway has there; the victim's own addresses are as said."""
        parties = nsnet_parties(self.a, victim, self.g, self.w)
        parties.v.ip4, parties.v.ip6 = ip4, ip6
        parties.w = host_of(gateway, link)
        parties.near4, parties.near6 = ip4.rsplit(".", 1)[0] + ".78", ip6.rsplit(":", 1)[0] + ":78"
        parties.all4 = ip4.rsplit(".", 1)[0] + ".255"
        return Arena(self.a, victim, parties, watch, [victim, self.g])

    def tenant(self):
        parties = nsnet_parties(self.a, self.b, self.g, self.w)
        return Arena(self.a, self.b, parties, [self.b, self.w, self.host], [self.b, self.w, self.g])

    def to_host(self):
        return self.arena(self.host, self.internet, "eth0", *PUBLISHED, [self.host, self.b, self.w])

    def to_lan(self):
        return self.arena(self.lan, self.host, "eth1", "192.168.50.20", "fd00:50::20",
                          [self.lan, self.host])

    def to_internet(self):
        return self.arena(self.internet, self.host, "eth0", "9.9.9.9", "2620:fe::fe",
                          [self.internet])


def warm(ends):
    """Neighbours that have to be known anyhow are no change of a table."""
    for ns, to in ((ends.host, "192.0.2.1"), (ends.host, "2001:db8:2::1"),
                   (ends.host, "192.168.50.20"), (ends.host, "fd00:50::20"),
                   (ends.internet, "192.0.2.10"), (ends.internet, "2001:db8:2::10"),
                   (ends.lan, "192.168.50.10"), (ends.lan, "fd00:50::10")):
        ns.run("ping", "-c1", "-W5", to)


def attack(arena, magic, tag):
    row = Row(Run(arena, TABLE, magic, tag)(), count_other=False)
    return row.all_sent(TABLE)


def one_port(row, must):
    row.forbidden = lambda f: f.name not in (OPEN, BESIDE)
    if must:
        row.missing = [f.label for f in TABLE if f.name == OPEN and not row.result.leaked(f)]
    return row


def scenario(nsnet, magic, tag):
    """From a tenant with a way out and published ports, before and after a flush on the host."""
    del tag
    border("make", "none")
    rows, ends = {}, None
    try:
        add_tenants(nsnet)
        rules(nsnet)
        ends = Ends(nsnet)
        warm(ends)
        for n, suffix in enumerate(("", "f")):
            if suffix:
                subprocess.run(["nft", "flush", "ruleset"], check=True)
            for k, make in enumerate((ends.tenant, ends.to_host, ends.to_lan)):
                rows["S9" + "thl"[k] + suffix] = attack(make(), magic, 100 + 8 * n + k)
        nsnet.run("repair")
        nsnet.run("revoke", "out-a1")
        nsnet.run("allow", "a1/default", "internet", "tcp/5432", "--name", "narrow", "--because", "x")
        rows["S9i"] = one_port(attack(ends.to_internet(), magic, 120), True)
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        rows["S9if"] = one_port(attack(ends.to_internet(), magic, 121), False)
    finally:
        for ns in ends.all() if ends else ():
            ns.close()
        nsnet.clear(rules=True)
        border("drop")
    return rows


def lead_out(ends):
    """A gateway without rules, and a host that forwards: what a careless administrator builds."""
    veth(ends.g, "sab0", ends.host, "sab0")
    ends.g.run("nft", "flush", "ruleset")
    ends.g.ip("addr add 198.18.0.1/24 dev sab0", "link set sab0 up",
              "route add default via 198.18.0.2")
    ends.host.ip("addr add 198.18.0.2/24 dev sab0", "link set sab0 up",
                 "route add %s via 198.18.0.1" % SUBNETS["a1"][0])
    ends.g.sysctl({"ipv4/ip_forward": 1})
    for ns, links in ((ends.g, ("all", "br0", "sab0")), (ends.host, ("all", "sab0", "eth1"))):
        ns.sysctl({"ipv4/conf/%s/rp_filter" % link: 0 for link in links})


def red(nsnet, magic, tag):
    """Isolation that was broken must be found broken, by the same arenas."""
    del tag
    border("make", "all")
    rows, ends = {}, None
    try:
        add_tenants(nsnet)
        ends = Ends(nsnet)
        warm(ends)
        lead_out(ends)
        for n, (name, make) in enumerate((("host", ends.to_host), ("lan", ends.to_lan),
                                          ("internet", ends.to_internet))):
            rows["RED-" + name] = attack(make(), magic, 130 + n)
        return rows
    finally:
        for ns in ends.all() if ends else ():
            ns.close()
        nsnet.clear(rules=True)
        subprocess.run(["ip", "link", "del", "sab0"], capture_output=True)
        border("drop")
