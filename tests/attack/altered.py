# SPDX-License-Identifier: GPL-2.0-or-later
"""S5: an attacker that is root in its namespace alters its link, and attacks again."""

from dataclasses import replace

from common import KNOWN, Row, add_inside, add_tenants
from engine import Result, Run
from kinds import TABLE
from net import Netns, between_endpoints, between_tenants, move_link

ENOUGH = 300  # forms of which something must have been sent


def alterations(arena):
    """(name, commands, the links to send from, other parties, commands that take it back)"""
    p = arena.parties
    up = ["link set eth0 up"]
    yield ("the victim's mac", ["link set eth0 down", "link set eth0 address " + p.v.mac] + up,
           ["eth0"], replace(p, a=replace(p.a, mac=p.v.mac)),
           ["link set eth0 down", "link set eth0 address " + p.a.mac] + up)
    yield ("the gateway's mac", ["link set eth0 down", "link set eth0 address " + p.w.mac] + up,
           ["eth0"], replace(p, a=replace(p.a, mac=p.w.mac)),
           ["link set eth0 down", "link set eth0 address " + p.a.mac] + up)
    yield ("the victim's address", ["addr add %s/24 dev eth0" % p.v.ip4], ["eth0"],
           replace(p, a=replace(p.a, ip4=p.v.ip4, ip6=p.v.ip6)),
           ["addr del %s/24 dev eth0" % p.v.ip4])
    yield ("mtu 9000", ["link set eth0 mtu 9000"], ["eth0"], p, ["link set eth0 mtu 1500"])
    yield ("mtu 68", ["link set eth0 mtu 68"], ["eth0"], p, ["link set eth0 mtu 1500"])
    yield ("macvlan", ["link add link eth0 name mv0 type macvlan mode bridge", "link set mv0 up"],
           ["eth0", "mv0"], p, ["link del mv0"])
    yield ("bridge", ["link add br9 type bridge", "link set br9 up", "link set eth0 master br9"],
           ["br9", "eth0"], p, ["link del br9"])
    yield ("vxlan", ["link add vx9 type vxlan id 42 remote %s dstport 4789 dev eth0" % p.v.ip4,
                     "link set vx9 up"], ["vx9", "eth0"], p, ["link del vx9"])
    yield ("another name", ["link set eth0 down", "link set eth0 name evil0", "link set evil0 up"],
           ["evil0"], p, ["link set evil0 down", "link set evil0 name eth0"] + up)


class Attacker:
    """Runs the list after each alteration, and adds up."""

    def __init__(self, arena, some, may, magic, tag):
        self.arena, self.some, self.may = arena, some, may
        self.magic, self.tag = magic, tag
        self.row = Row(Result(), forbidden=lambda form: False, count_other=may is None)
        # Hardly any of these gets an answer any more.
        arena.patience = 0.15

    def once(self, name, at_least=ENOUGH, spoofed=False):
        """@spoofed: nothing of this is the attacker's own."""
        result = Run(self.arena, self.some, self.magic, self.tag)()
        self.row.result.merge(result)
        for f in self.some:
            allowed = self.may and self.may(f) and (f.victim_sends or not spoofed)
            if result.leaked(f) and not allowed:
                self.row.wrong.append("%s: leaked %s" % (name, f.label))
        if result.blind:
            self.row.wrong.append("%s: the victim's sniffer saw nothing" % name)
        sent = sum(1 for i, n in result.sent.items() if n and not TABLE[i].victim_sends)
        if sent < at_least:
            self.row.wrong.append("%s: hardly anything could be sent" % name)
        return sent

    def __call__(self):
        arena = self.arena
        mine, parties = arena.attacker, arena.parties
        for name, commands, links, others, back in list(alterations(arena)):
            # Whoever may send UDP may send anything in it: what arrives then is UDP.
            if name == "vxlan" and self.may:
                continue
            mine.ip(*commands)
            arena.links, arena.parties = links, others
            # What does not fit into the MTU is refused by the attacker's own kernel.
            self.once(name, 20 if name == "mtu 68" else ENOUGH, others is not parties)
            mine.ip(*back)
        arena.links, arena.parties = ["eth0"], parties
        mine.sysctl({"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1,
                     "ipv4/conf/all/rp_filter": 0, "ipv4/conf/eth0/proxy_arp": 1})
        self.once("forwarding")
        nested = Netns.make()
        move_link(mine, "eth0", nested)
        nested.ip("link set eth0 up", "addr add %s/24 dev eth0" % parties.a.ip4)
        arena.attacker = nested
        self.once("nested namespace")
        nested.ip("link del eth0")
        if self.once("link deleted", 0) != 0:
            self.row.wrong.append("link deleted: something could still be sent")
        nested.close()
        arena.close()
        return self.row


def tenants(nsnet, magic, tag):
    """Between two tenants: nothing at all."""
    add_tenants(nsnet)
    return {"S5": Attacker(between_tenants(nsnet), TABLE, None, magic, tag)()}


def inside(nsnet, magic, tag):
    """Between endpoints that may talk: what is really the attacker's, and nothing else."""
    add_inside(nsnet, "allow")
    known = {name for _, name in KNOWN}
    # The errors that change a path MTU are on the list of known leaks, too.
    some = [f for f in TABLE if f.label not in known and "packet too big" not in f.name]
    return {"S5i": Attacker(between_endpoints(nsnet, "a1", "ep-x", "ep-y"), some,
                            lambda f: f.inside != "no", magic, tag)()}
