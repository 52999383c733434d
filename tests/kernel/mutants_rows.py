# SPDX-License-Identifier: GPL-2.0-or-later
"""What mutants.py plants: the tables of faults.

The site (test_mutants.c builds it):
  customer1  10.10.1.0/24 fd00:1::/64  c1 .2, c1db .3         nothing inside without a rule
  customer2  10.10.2.0/24 fd00:2::/64  c2 .2, c2db .3, c2web .4 (quarantined)
  customer3  10.10.3.0/24              c3 .2, c3db .3         joined with nobody
  c1 -> c2 tcp/80, c1 -> c1db tcp/80
"""
import json
import os
import socket

import mutants as m
import packets as pk
from mutants import Ears, Row, sh

ENDPOINTS = {"c1": "customer1", "c1db": "customer1.db", "c2": "customer2", "c2db": "customer2.db",
             "c2web": "customer2.web", "c3": "customer3", "c3db": "customer3.db"}
HOSTS = {"c1": 2, "c1db": 3, "c2": 2, "c2db": 3, "c2web": 4, "c3": 2, "c3db": 3}


def ip4(name):
    return "10.10.%s.%d" % (name[1], HOSTS[name])


def ip6(name):
    return "fd00:%s::%d" % (name[1], HOSTS[name])


def build(border):
    ends = {name: "/run/netns/" + path for name, path in ENDPOINTS.items()
            if os.path.exists("/run/netns/" + path)}
    pins = os.listdir("/run/nsnet/gw")
    gateways = {"g%d" % i: "/run/nsnet/gw/" + next(p for p in pins if p.endswith("-%d" % i))
                for i in (1, 2, 3)}
    # A network that the host is on.
    sh("ip netns add wire; ip link add eth9 type veth peer name eth9 netns wire; "
       "ip addr add 198.18.0.1/24 dev eth9; ip link set eth9 up; ip -n wire link set eth9 up; "
       "ip neigh add 198.18.0.2 lladdr 02:00:00:00:00:42 dev eth9 nud permanent")
    site = m.Site(ends, gateways)
    for g in () if border else ("G1", "G2"):
        # The end of the cable is the one link that is in no bridge and is named as ours.
        links = json.loads(sh("nsenter --net=$%s ip -j link" % g))
        os.environ["C" + g[1]] = next(link["ifname"] for link in links if "master" not in link and
                                      link["ifname"].startswith("nsn"))
    return site


# ---- packets ----------------------------------------------------------------------------------


def l4(src, dst, proto, sport, dport, nonce, flags=pk.SYN):
    six = ":" in src
    if proto == "tcp":
        return 6, pk.tcp(src, dst, sport, dport, flags, nonce)
    if proto == "udp":
        return 17, pk.udp(src, dst, sport, dport, nonce)
    if proto == "sctp":
        return 132, pk.sctp_init(sport, dport, nonce + b"\0" * (-len(nonce) % 4))
    if proto == "echo":
        rest = socket.htonl(sport << 16)
        return (58, pk.icmp6(src, dst, 128, 0, rest, nonce)) if six else (1, pk.icmp(8, 0, rest,
            nonce))
    return proto, nonce


def l3(src, dst, proto, sport, dport, nonce, flags=pk.SYN):
    number, payload = l4(src, dst, proto, sport, dport, nonce, flags)
    if ":" in src:
        return pk.ETH_IP6, pk.ipv6(src, dst, number, payload)
    return pk.ETH_IP, pk.ipv4(src, dst, number, payload)


def routed(frm, to, proto, dport, six=False, flags=pk.SYN, dst=None, src=None):
    """By the gateway."""

    def send(site, nonce, port):
        at = site.places[frm]
        ip = ip6 if six else ip4
        kind, packet = l3(src or ip(frm), dst or ip(to), proto, port, dport, nonce, flags)
        at.tap.send(pk.eth(site.places[m.gateway_of(frm)].br, at.mac, kind, packet))

    return send


def switched(frm, to, src=None, mac=None, kind=None, payload=None, six=False):
    """To somebody of the same tenant, by the bridge."""

    def send(site, nonce, port):
        at, there = site.places[frm], site.places[to]
        ip = ip6 if six else ip4
        if payload:
            what = kind or (pk.ETH_IP6 if six else pk.ETH_IP), payload(nonce)
        else:
            what = l3(src or ip(frm), ip(to), "udp", port, 9, nonce)
        at.tap.send(pk.eth(there.mac, mac or at.mac, *what))

    return send


def from_link(path, link, to_mac, frm="c1", to="c2"):
    """By a link of the row's own."""

    def send(site, nonce, port):
        sk = m.tap(path, link)
        kind, packet = l3(ip4(frm), ip4(to), "udp", port, 9, nonce)
        sk.send(pk.eth(to_mac, sk.getsockname()[4].hex(":"), kind, packet))
        sk.close()

    return send


# ---- shell ------------------------------------------------------------------------------------


def at(gateway, text):
    return "nsenter --net=$%s %s\n" % (gateway, text)


def nft(gateway, text):
    return "nsenter --net=$%s nft -f - <<R\n%s\nR\n" % (gateway, text)


def element(gateway, name, key, family="inet"):
    return nft(gateway, "add element %s nsnet nsnet_%s { %s }" % (family, name, key))


def first(gateway, chain, rule, family="inet"):
    return nft(gateway, "insert rule %s nsnet %s %s" % (family, chain, rule))


def instead(gateway, family, chain, was, rule):
    """A rule in the place of the one that has this text; "": it goes."""
    handle = ("h=$(nsenter --net=$%s nft -a list chain %s nsnet %s | grep -F -- %s | head -1 | "
              "sed 's/.*# handle //')\n" % (gateway, family, chain, "'" + was + "'"))
    verb = "replace" if rule else "delete"
    return handle + nft(gateway, "%s rule %s nsnet %s handle $h %s" % (verb, family, chain, rule))


def foreign(gateway, hook, rule, family="inet", kind="filter"):
    return nft(gateway, "table %s leak { chain c { type %s hook %s; policy accept; %s; }; }" %
               (family, kind, hook, rule))


def unleak(gateway, family="inet"):
    return at(gateway, "nft delete table %s leak" % family)


def generation(gateway):
    """What connections that may go on are marked with."""
    return ("gen=$(nsenter --net=$%s nft list chain inet nsnet admit | grep -o 'ct mark 0x[0-9a-f]*/14' |"
            " head -1 | grep -o '0x[0-9a-f]*')\n" % gateway)


MARK = "0x5"  # "it may be routed", by the first rule; any odd number

# ---- lists: rules and sets ----------------------------------------------------------------------

ALLOW, INSIDE = "UNEXPECTED_ALLOW", "PORT_TO_PORT"
SPOOF = "SPOOFABLE"


def rules_inside():
    """c1 and c1db may not talk but for tcp/80: one gateway decides."""
    flow = "10.10.1.2 . 10.10.1.3 . "
    to_db = ("customer1/db",)
    return [
        Row("an element too many: tcp/22", element("G1", "flow4", flow + "tcp . 22 : " + MARK),
            routed("c1", "c1db", "tcp", 22), "c1db", INSIDE, to_db + ("tcp/22 (new)",)),
        Row("an element too many: udp/53", element("G1", "flow4", flow + "udp . 53 : " + MARK),
            routed("c1", "c1db", "udp", 53), "c1db", INSIDE, to_db + ("udp/53 (new)",)),
        Row("an element too wide: all ports", element("G1", "flow4", flow + "tcp . 81-65535 : " +
            MARK),
            routed("c1", "c1db", "tcp", 3306), "c1db", INSIDE, to_db),
        Row("an element too wide: the whole subnet",
            element("G1", "flow4", "10.10.1.0/24 . 10.10.1.0/24 . udp . 161 : " + MARK),
            routed("c1db", "c1", "udp", 161), "c1", INSIDE, ("udp/161 (new)",)),
        Row("an element turned round", element("G1", "flow4",
            "10.10.1.3 . 10.10.1.2 . tcp . 80 : " + MARK),
            routed("c1db", "c1", "tcp", 80), "c1", INSIDE, ("tcp/80 (new)",)),
        Row("an element of another protocol: sctp", element("G1", "flow4", flow + "132 . 80 : " +
            MARK),
            routed("c1", "c1db", "sctp", 80), "c1db", INSIDE, to_db),
        Row("an element too many: IPv6",
            element("G1", "flow6", "fd00:1::2 . fd00:1::3 . tcp . 22 : " + MARK),
            routed("c1", "c1db", "tcp", 22, six=True), "c1db", INSIDE, to_db + ("tcp/22 (new)",)),
        Row("an element too many: echo", element("G1", "echo4", "10.10.1.2 . 10.10.1.3 : " + MARK),
            routed("c1", "c1db", "echo", 0), "c1db", INSIDE, to_db),
        Row("an element too many: echo, IPv6", element("G1", "echo6", "fd00:1::2 . fd00:1::3 : " +
            MARK),
            routed("c1", "c1db", "echo", 0, six=True), "c1db", INSIDE, to_db),
        Row("ct state invalid accepted", first("G1", "admit",
            "ct state invalid meta mark set 5 accept"),
            routed("c1", "c1db", "tcp", 22, flags=0), "c1db", INSIDE, to_db + ("(invalid)",
            "chain admit")),
        Row("udp/53 accepted", first("G1", "admit", "udp dport 53 meta mark set 5 accept"),
            routed("c1", "c1db", "udp", 53), "c1db", INSIDE, to_db + ("udp/53", "chain admit")),
        Row("ct state new accepted", first("G1", "admit", "ct state new meta mark set 5 accept"),
            routed("c1", "c1db", "tcp", 22), "c1db", INSIDE, to_db),
        Row("the lookup became a constant",
            instead("G1", "inet", "nsnet_open", "ip saddr . ip daddr . meta l4proto",
                    "meta mark set " + MARK),
            routed("c1", "c1db", "tcp", 22), "c1db", INSIDE, to_db),
        Row("the lookup without the port",
            nft("G1", "add map inet nsnet leak { type ipv4_addr . ipv4_addr : mark; elements = { "
                "10.10.1.2 . 10.10.1.3 : 0x5 }; }") +
            instead("G1", "inet", "nsnet_open", "ip saddr . ip daddr . meta l4proto",
                    "meta mark set ip saddr . ip daddr map @leak"),
            routed("c1", "c1db", "tcp", 22), "c1db", INSIDE, to_db),
        Row("judged before it is looked up",
            first("G1", "nsnet_open", "meta mark set 5 goto nsnet_judge"),
            routed("c1", "c1db", "tcp", 22), "c1db", INSIDE, to_db),
        Row("the judge lets everything through",
            first("G1", "nsnet_judge", "meta mark set meta mark or 5"),
            routed("c1", "c1db", "udp", 9), "c1db", INSIDE, to_db),
        Row("the generation is not compared",
            instead("G1", "inet", "admit", "connections of this generation",
                    "ct mark & 0x0 == 0x0 meta mark set 0x5 accept"),
            routed("c1", "c1db", "udp", 9), "c1db", INSIDE, to_db),
        Row("what opens is not looked up",
            first("G1", "admit", "ct direction original meta mark set 5 goto nsnet_judge"),
            routed("c1db", "c1", "udp", 9), "c1", INSIDE),
        Row("a foreign table sets the connection's mark",
            generation("G1") + foreign("G1", "prerouting priority -150",
                                       "ct mark set $((gen | 5))"),
            routed("c1", "c1db", "udp", 9), "c1db", INSIDE, to_db + ("inet leak chain c handle",),
            unleak("G1")),
        Row("a foreign table: another port, once admitted",
            foreign("G1", "prerouting priority -80", "tcp dport 80 tcp dport set 22"),
            routed("c1", "c1db", "tcp", 80), "c1db", INSIDE, to_db + ("inet leak chain c handle",),
            unleak("G1"), dport=22),
        Row("a foreign table: another port, when forwarded",
            foreign("G1", "forward priority -10", "ip daddr 10.10.1.3 tcp dport set 22"),
            routed("c1", "c1db", "tcp", 80), "c1db", INSIDE, to_db + ("inet leak chain c handle",),
            unleak("G1"), dport=22),
        Row("a foreign table: another port, on the way out",
            foreign("G1", "postrouting priority 0", "ip daddr 10.10.1.3 tcp dport set 22"),
            routed("c1", "c1db", "tcp", 80), "c1db", INSIDE, to_db + ("inet leak chain c handle",),
            unleak("G1"), dport=22),
        Row("a foreign bridge table: another port",
            foreign("G1", "postrouting priority 0", "tcp dport 80 tcp dport set 22", "bridge"),
            routed("c1", "c1db", "tcp", 80), "c1db", INSIDE, to_db + ("bridge leak chain c handle",
            ), unleak("G1", "bridge"), dport=22),
    ]


def rules_between():
    """What the gateway of customer2 makes of what c1 may send to c2: tcp/80."""
    to = ("customer1>customer2",)
    return [
        Row("a foreign table: to another endpoint",
            foreign("G2", "prerouting priority -80",
            "ip daddr 10.10.2.2 tcp dport 80 ip daddr set 10.10.2.3"),
            routed("c1", "c2", "tcp", 80), "c2db", ALLOW, to + ("inet leak chain c handle",),
            unleak("G2")),
        Row("a neighbour's MAC address is another's",
            at("G2", "ip neigh replace 10.10.2.2 lladdr $MC2DB nud permanent dev br0"),
            routed("c1", "c2", "tcp", 80), "c2db", ALLOW, to),
        Row("an extra route: to another endpoint",
            at("G1", "ip route add 10.10.2.2/32 via 10.10.1.3 dev br0 onlink table 78"),
            routed("c1", "c2", "tcp", 80), "c1db", INSIDE, ("customer1/db",),
            at("G1", "ip route del 10.10.2.2/32 table 78")),
        Row("tc: the bridge's own packets are redirected",
            at("G1", "tc qdisc add dev br0 clsact") +
            at("G1", "tc filter add dev br0 ingress protocol all u32 match u32 0 0 action mirred "
               "egress redirect dev $PC1DB"),
            routed("c1", "c2", "udp", 9), "c1db", "UNMODELLED", (),
            at("G1", "tc qdisc del dev br0 clsact")),
        Row("a port's frames are written to on the way out",
            nft("G1", "table netdev leak { chain c { type filter hook egress device $PC1DB priority 0; "
                "tcp dport 80 tcp dport set 22; }; }"),
            routed("c1", "c1db", "tcp", 80), "c1db", INSIDE, (),
            at("G1", "nft delete table netdev leak"), dport=22),
        Row("a MAC address leads to another port",
            at("G2", "bridge fdb replace $MC2 dev $PC2DB master static"),
            routed("c1", "c2", "tcp", 80), "c2db", ALLOW, to),
        Row("a cable's frames are passed on to a port",
            nft("G2",
            "table netdev leak { chain c { type filter hook ingress device $C2 priority 0; "
                "fwd to $PC2DB; }; }"),
            routed("c1", "c2", "tcp", 80), "c2db", "UNMODELLED", (), at("G2",
            "nft delete table netdev leak")),
        Row("a port's frames are passed on to a port",
            nft("G1",
            "table netdev leak { chain c { type filter hook ingress device $PC1 priority 0; "
                "fwd to $PC1DB; }; }"),
            routed("c1", "c1db", "udp", 9), "c1db", "UNMODELLED", (), at("G1",
            "nft delete table netdev leak")),
        Row("a port's frames are copied to a port",
            nft("G1",
            "table netdev leak { chain c { type filter hook ingress device $PC1 priority 0; "
                "dup to $PC1DB; }; }"),
            routed("c1", "c1db", "udp", 9), "c1db", "UNMODELLED", (), at("G1",
            "nft delete table netdev leak")),
        Row("tc: a port's frames are redirected",
            at("G1", "tc qdisc add dev $PC1 clsact") +
            at("G1",
            "tc filter add dev $PC1 ingress protocol all u32 match u32 0 0 action mirred egress "
               "redirect dev $PC1DB"),
            routed("c1", "c1db", "udp", 9), "c1db", "UNMODELLED", (), at("G1",
            "tc qdisc del dev $PC1 clsact")),
    ]


def gateway_input():
    own = dict(dst="10.10.1.1")
    return [
        Row("input opened", first("G1", "input", "accept"), routed("c1", None, "tcp", 22, **own),
            "g1",
            "REACHES_HOST", ("chain input handle",)),
        Row("input opened for udp/53", first("G1", "input", "udp dport 53 accept"),
            routed("c1", None, "udp", 53, **own), "g1", "REACHES_HOST", ("udp/53", "chain input")),
        Row("input opened for tcp/22", first("G1", "input", "iifname br0 tcp dport 22 accept"),
            routed("c1", None, "tcp", 22, **own), "g1", "REACHES_HOST", ("tcp/22", "chain input")),
        Row("input opened for what is invalid", first("G1", "input", "ct state invalid accept"),
            routed("c1", None, "tcp", 22, flags=0, **own), "g1", "REACHES_HOST", ("(invalid)",)),
        Row("input opened for IPv6",
            first("G2", "input", "meta nfproto ipv6 udp dport 547 accept"),
            routed("c2", None, "udp", 547, six=True, dst="fd00:2::1"), "g2", "REACHES_HOST",
            ("udp/547",)),
        Row("input: a rule without its type",
            instead("G3", "inet", "input", "ping the gateway",
            "iifname br0 ip daddr 10.10.3.1 accept"),
            routed("c3", None, "udp", 123, dst="10.10.3.1"), "g3", "REACHES_HOST", ("customer3",)),
        Row("input opened for another protocol: sctp", first("G1", "input",
            "meta l4proto 132 accept"),
            routed("c1", None, "sctp", 80, **own), "g1", "REACHES_HOST", ()),
    ]


def spoofing():
    """From c2, with what is not its own, to c2db: its neighbour."""
    bridge = lambda rule: first("G2", "prerouting", rule, "bridge")  # noqa: E731
    pin4 = lambda mac, ip: element("G2", "pin4", "$PC2 . %s . %s" % (mac, ip),
        "bridge")  # noqa: E731
    other = "02:00:00:00:00:99"
    gone = lambda was: instead("G2", "bridge", "prerouting", was, "")  # noqa: E731
    return [
        Row("a pin too many: an address", pin4("$MC2", "10.10.2.99"),
            switched("c2", "c2db", src="10.10.2.99"), "c2db", SPOOF, ("10.10.2.99",)),
        Row("a pin too many: a neighbour's address", pin4("$MC2", "10.10.2.4"),
            switched("c2", "c2db", src="10.10.2.4"), "c2db", SPOOF, ("10.10.2.4",)),
        Row("a pin too many: another's address", pin4("$MC2", "10.10.1.2"),
            switched("c2", "c2db", src="10.10.1.2"), "c2db", SPOOF, ("10.10.1.2",)),
        Row("a pin too many: IPv6", element("G2", "pin6", "$PC2 . $MC2 . fd00:2::99", "bridge"),
            switched("c2", "c2db", src="fd00:2::99", six=True), "c2db", SPOOF, ("fd00:2::99",)),
        Row("a pin too many: who has a neighbour's address (ARP)", pin4("$MC2", "10.10.2.4"),
            switched("c2", "c2db", kind=pk.ETH_ARP, payload=lambda n: pk.arp(
                2, os.environ["MC2"], "10.10.2.4", os.environ["MC2DB"], "10.10.2.3", n)), "c2db",
            SPOOF, ("10.10.2.4",)),
        Row("pins removed: all frames accepted", bridge("accept"),
            switched("c2", "c2db", src="8.8.8.8"), "c2db", SPOOF, ("customer2",)),
        Row("pins removed: IPv4 accepted", bridge("ether type ip accept"),
            switched("c2", "c2db", src="10.10.2.99"), "c2db", SPOOF, ("customer2",)),
        Row("pins removed: the rule for IPv6 sources", gone("IPv6 from the port"),
            switched("c2", "c2db", src="fd00:2::99", six=True), "c2db", SPOOF, ("customer2",)),
        Row("pins removed: the rule for IPv4 drops no more",
            instead("G2", "bridge", "prerouting",
            "ether type ip counter name \"nsnet_drop_source\" drop",
                    "ether type ip accept"),
            switched("c2", "c2db", src="10.10.1.2"), "c2db", SPOOF, ("customer2",)),
        Row("pins removed: the bridge's table", at("G2", "nft delete table bridge nsnet"),
            switched("c2", "c2db", src="10.10.3.2"), "c2db", SPOOF, ("customer2",)),
        Row("pins removed: ARP accepted", bridge("ether type arp accept"),
            switched("c2", "c2db", kind=pk.ETH_ARP, payload=lambda n: pk.arp(
                2, os.environ["MC2"], "10.10.2.4", os.environ["MC2DB"], "10.10.2.3", n)), "c2db",
                SPOOF),
    ]


def neighbours():
    """What reaches a neighbour of the same tenant, who may be sent anything by policy."""
    gone = lambda was: instead("G2", "bridge", "prerouting", was, "")  # noqa: E731
    return [
        Row("a pin too many: who has a neighbour's address (ND)",
            element("G2", "nd", "$PC2 . $MC2 . 0xfd000002000000000000000000000004", "bridge"),
            switched("c2", "c2db", six=True, payload=lambda n: pk.ipv6(
                ip6("c2"), ip6("c2db"), 58, pk.neighbour(
                    ip6("c2"), ip6("c2db"), 136, ip6("c2web"), pk.token_option((n + b"\0" * 8)[:8] +
                    b"\0" * 0)
                    + n + b"\0" * 5, 0x60), hlim=255)), "c2db", ""),
        Row("routers may be announced", gone("no other ICMPv6 than errors") + gone("0x82-0xff"),
            switched("c2", "c2db", six=True, payload=lambda n: pk.ipv6(
                ip6("c2"), ip6("c2db"), 58, pk.ra(ip6("c2"), ip6("c2db"), n), hlim=255)), "c2db",
                ""),
        Row("DHCP may be answered", gone("udp sport 67"),
            switched("c2", "c2db", payload=lambda n: pk.ipv4(
                ip4("c2"), ip4("c2db"), 17, pk.udp(ip4("c2"), ip4("c2db"), 67, 68, n))), "c2db",
                ""),
    ]


def ports():
    return [
        Row("a cut port is cut no more", nft("G2", "flush set bridge nsnet nsnet_cut"),
            switched("c2", "c2web"), "c2web", "PORT_TO_PORT", ("customer2/web",)),
        Row("a cut port: accepted before", first("G2", "forward", "accept", "bridge"),
            switched("c2", "c2web"), "c2web", "PORT_TO_PORT", ("customer2/web",)),
        Row("a cut port: from it",
            nft("G2", "flush set bridge nsnet nsnet_cut"),
            switched("c2web", "c2db"), "c2db", "PORT_TO_PORT", ("customer2/web",)),
    ]


# ---- lists: links -------------------------------------------------------------------------------


def stray(a, b, name="x1"):
    """A veth between two places; frames of the first are seen at the second."""
    paths = ["/run/netns/" + ENDPOINTS[p] if p in ENDPOINTS else os.environ.get(p.upper(), "host")
             for p in (a, b)]
    up = "".join(("ip" if p == "host" else "nsenter --net=%s ip" % p) +
                 " link set %s up\n" % name for p in paths)
    make = "nsenter --net=%s ip link add %s type veth peer name %s netns %s\n" % (
        paths[0], name, name, "$$" if paths[1] == "host" else paths[1])
    mac = "ff:ff:ff:ff:ff:ff"
    return (make + up, from_link(paths[0], name, mac), lambda site: Ears(m.tap(paths[1], name)),
            "nsenter --net=%s ip link del %s\n" % (paths[0], name))


def veth(name, a, b, kind, words):
    plant, packet, to, undo = stray(a, b)
    return Row(name, plant, packet, to, kind, words, undo, before=False)


def tunnel(kind, options):
    """Made in the host's namespace, moved into c1's: what it carries leaves by the host."""
    plant = ("ip link add x1 type %s %s\nip link set x1 netns $NC1\nip -n customer1 link set x1 up\n" %
             (kind, options))
    return Row("a %s link of the host's moved in" % kind, plant,
               lambda site, nonce, port: from_link(os.environ["NC1"], "x1", "ff:ff:ff:ff:ff:ff")(
                   site, nonce, port), lambda site: Ears(m.tap("/run/netns/wire", "eth9")),
                   "LOOSE_LINK", ("customer1", "x1"),
               "ip -n customer1 link del x1", before=False)


def held(name, flags):
    fds = []

    def plant(site):
        fd = m.held_tap("host", "x1", flags)
        fds.append(fd)
        sh("ip link set x1 netns $NC1; ip -n customer1 link set x1 up")
        return lambda: os.close(fds.pop())

    def send(site, nonce, port):
        sk = m.tap(os.environ["NC1"], "x1")
        kind, packet = l3(ip4("c1"), ip4("c2"), "udp", port, 9, nonce)
        if flags == 1:
            sk.sendto(packet, ("x1", kind))
        else:
            sk.send(pk.eth("ff:ff:ff:ff:ff:ff", "02:00:00:00:00:77", kind, packet))
        sk.close()

    return Row(name, plant, send, lambda site: Ears(*fds), "LOOSE_LINK", ("x1",), before=False)


def links():
    customer3 = "/run/netns/customer3"
    return [
        veth("a veth between endpoints that are joined", "c1", "c2", "STRAY_LINK",
            ("customer1>customer2", "x1")),
        veth("a veth between endpoints that are apart", "c1", "c3", "STRAY_LINK",
            ("customer1>customer3", "x1")),
        veth("a veth between endpoints of one tenant", "c1", "c1db", "STRAY_LINK", ("x1",)),
        veth("a veth from an endpoint to the host", "c1", "host", "STRAY_LINK", ("customer1",
            "x1")),
        Row("a macvlan of an endpoint's link moved in",
            "ip -n customer1 link add link eth0 name x1 type macvlan mode bridge\n"
            "ip -n customer1 link set x1 netns $NC3\nip -n customer3 link set x1 up\n",
            lambda site, n, p: m.tap(customer3, "x1").send(pk.eth(
                site.places["g1"].br, site.places["c1"].mac,
                *l3(ip4("c1"), ip4("c2"), "tcp", p, 80, n))), "c2", "STRAY_LINK", ("customer1",
                "customer3"),
            "ip -n customer3 link del x1", before=False),
        Row("a macvlan of a cable moved in",
            at("G2", "ip link add link $C2 name x1 type macvlan mode passthru") +
            at("G2", "ip link set x1 netns $NC3") + "ip -n customer3 link set x1 up\n",
            routed("c1", "c2", "tcp", 80), lambda site: Ears(m.tap(customer3, "x1")), "STRAY_LINK",
            ("customer3", "x1"), "ip -n customer3 link del x1", before=False),
        Row("a macvtap of a cable moved in",
            at("G2", "ip link add link $C2 name x1 type macvtap mode passthru") +
            at("G2", "ip link set x1 netns $NC3") + "ip -n customer3 link set x1 up\n",
            routed("c1", "c2", "tcp", 80), lambda site: Ears(m.tap(customer3, "x1")),
            "STRAY_LINK", ("customer3", "x1"), "ip -n customer3 link del x1", before=False),
        tunnel("vxlan", "id 7 remote 198.18.0.2 dstport 4789"),
        held("a tap held from outside", 2),
        held("a tun held from outside", 1),
    ]


# ---- lists: processes, connections ----------------------------------------------------------------


def frame_for(site, frm, to, nonce):
    there = site.places[to]
    return pk.eth(there.mac, site.places[frm].mac, *l3(ip4(frm), ip4(to), "udp", 7, 9, nonce))


def process(name, kind, words, hold, send, confined=True, packet_to="c2db"):
    """Somebody in customer1's network who holds something of customer2's."""
    who = []

    def plant(site):
        who.append(m.Helper(os.environ["NC1"], lambda: hold(site), send, confined))
        return lambda: who.pop().end()

    return Row(name, plant, lambda site, nonce, port: who[0].send(frame_for(site, "c2", "c2db",
        nonce)),
               packet_to, kind, words, before=False)


def enter_and_send(held_things, data):
    m.setns(held_things[0])
    sk = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sk.bind(("eth0", 0))
    sk.send(data)
    m.setns(held_things[1])


def udp_of(path):
    with m.inside(path):
        sk = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    return sk


def processes():
    netns = lambda: os.open(os.environ["NC2"], os.O_RDONLY | os.O_CLOEXEC)  # noqa: E731
    return [
        process("root of the host in a tenant's network", "STRONG_ADVERSARY", ("customer1",),
                lambda site: [netns(), os.open(os.environ["NC1"], os.O_RDONLY | os.O_CLOEXEC)],
                enter_and_send, confined=False),
        process("a packet socket of another tenant", "HELD_BY_ANOTHER", ("customer1",),
                lambda site: [m.tap(os.environ["NC2"], "eth0")], lambda h, d: h[0].send(d)),
        process("a socket of another tenant", "HELD_BY_ANOTHER", ("customer1",),
                lambda site: [udp_of(os.environ["NC2"])],
                lambda h, d: h[0].sendto(d[42:53], ("10.10.2.3", 9))),
        process("a packet socket of another's gateway", "HELD_BY_ANOTHER", ("customer1",),
                lambda site: [m.tap(os.environ["G2"], os.environ["PC2DB"])], lambda h,
                d: h[0].send(d)),
        process("a socket of the host", "HELD_BY_ANOTHER", ("customer1",),
                lambda site: [udp_of("host")], lambda h, d: h[0].sendto(d, ("127.0.0.1", 9)),
                packet_to="host"),
    ]


def stale(name, proto):
    """Let in by an element that is gone; the connection lives on, by its mark."""
    key = "10.10.1.2 . 10.10.1.3 . %s . 7777" % proto
    kind = socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM
    open_ = []

    def plant(site):
        sh(element("G1", "flow4", key + " : " + MARK))
        with m.inside(site.places["c1db"].path):
            server = socket.socket(socket.AF_INET, kind)
        server.bind(("10.10.1.3", 7777))
        if proto == "tcp":
            server.listen()
        with m.inside(site.places["c1"].path):
            client = socket.socket(socket.AF_INET, kind)
        client.settimeout(5)
        client.connect(("10.10.1.3", 7777))
        client.send(b"x")
        open_[:] = client, server
        sh(nft("G1", "delete element inet nsnet nsnet_flow4 { %s }" % key))
        return lambda: [sk.close() for sk in open_]

    return Row(name, plant, lambda site, nonce, port: open_[0].send(nonce), "c1db", "STALE_FLOW",
               ("customer1", "/7777"), before=False)


def connections():
    return [stale("a connection that outlived its element: udp", "udp"),
            stale("a connection that outlived its element: tcp", "tcp")]


# ---- lists: the same fault in both gateways -----------------------------------------------------------


def both(name, what, packet, to="c2", kind=ALLOW, words=("customer1>customer2",), undo=None):
    return Row(name, what("G1") + what("G2"), packet, to, kind, words,
               undo and undo("G1") + undo("G2"))


def in_both_gateways():
    flow = "10.10.1.2 . 10.10.2.2 . "
    return [
        both("an element too many: tcp/22", lambda g: element(g, "flow4", flow + "tcp . 22 : " +
            MARK),
             routed("c1", "c2", "tcp", 22)),
        both("an element turned round",
             lambda g: element(g, "flow4", "10.10.2.2 . 10.10.1.2 . tcp . 80 : " + MARK),
             routed("c2", "c1", "tcp", 80), "c1", words=("customer2>customer1",)),
        both("an element for another endpoint",
             lambda g: element(g, "flow4", "10.10.1.2 . 10.10.2.3 . tcp . 80 : " + MARK),
             routed("c1", "c2db", "tcp", 80), "c2db"),
        both("an element too many: IPv6",
             lambda g: element(g, "flow6", "fd00:1::2 . fd00:2::2 . udp . 53 : " + MARK),
             routed("c1", "c2", "udp", 53, six=True)),
        both("an element too many: echo", lambda g: element(g, "echo4", "10.10.1.2 . 10.10.2.2 : " +
            MARK),
             routed("c1", "c2", "echo", 0)),
        both("ct state invalid accepted",
             lambda g: first(g, "admit", "ct state invalid meta mark set 5 accept"),
             routed("c1", "c2", "tcp", 22, flags=0), words=("customer1>customer2", "(invalid)")),
        both("udp/53 accepted", lambda g: first(g, "admit", "udp dport 53 meta mark set 5 accept"),
             routed("c1", "c2", "udp", 53)),
        both("a foreign table marks", lambda g: generation(g) + foreign(
            g, "prerouting priority -150", "ct mark set $((gen | 5))"),
             routed("c1", "c2", "udp", 9), undo=unleak, words=("customer1>customer2", "leak")),
        both("a quarantined endpoint's element is turned",
             lambda g: nft(g,
             "delete element inet nsnet nsnet_flow4 { 10.10.1.2 . 10.10.2.4 . 0-255 . 0-65535 }\n"
                           "add element inet nsnet nsnet_flow4 { 10.10.1.2 . 10.10.2.4 . 0-255 . 0-65535 : 5 }"),
             routed("c1", "c2web", "tcp", 80), "c2web"),
    ]


# ---- lists: lets nothing through alone ---------------------------------------------------------------


def alone():
    none = lambda name, plant, kind="", words=(), undo=None: Row(  # noqa: E731
        name, plant, None, None, kind, words, undo)
    setting = lambda g, name, value: at(g, "sysctl -qw %s=%s" % (name, value))  # noqa: E731
    return [
        none("rp_filter off", setting("G2", "net.ipv4.conf.br0.rp_filter", 0)),
        none("IPv6 left on", "nsenter --net=$NC3 sysctl -qw net.ipv6.conf.all.disable_ipv6=0 "
             "net.ipv6.conf.eth0.disable_ipv6=0\n"),
        none("isolated off", at("G1", "bridge link set dev $PC1 isolated off"), "PORT_FLAGS",
            ("isolated",)),
        none("learning on", at("G2", "bridge link set dev $PC2 learning on"), "PORT_FLAGS"),
        none("flooding on", at("G2", "bridge link set dev $PC2 flood on bcast_flood on"),
            "PORT_FLAGS"),
        none("accepted inside, ports still isolated", first("G1", "forward", "accept", "bridge")),
        none("forward accepts, nothing is admitted", first("G1", "forward", "accept")),
        none("admitted without a mark", first("G1", "admit", "accept")),
        none("a foreign table accepts", foreign("G1", "forward priority 0", "accept"),
            undo=unleak("G1")),
        none("an element in one of two gateways",
             element("G2", "flow4", "10.10.1.2 . 10.10.2.2 . tcp . 22 : " + MARK)),
        none("an extra route", at("G1",
            "ip route add 10.10.3.0/24 via 100.127.0.1 dev $C1 onlink")),
        none("the cable's sources are not checked", nft("G2", "flush chain inet nsnet prerouting\n"
                                                       "add rule inet nsnet prerouting accept")),
        none("a foreign table: dup to another endpoint",
             foreign("G2", "prerouting priority -80",
             "ip saddr 10.10.1.2 dup to 10.10.2.3 device br0", "ip"),
             "UNMODELLED", ("dup",), unleak("G2", "ip")),
        none("a pin too many: a MAC address",
             element("G2", "pin4", "$PC2 . 02:00:00:00:00:99 . 10.10.2.2", "bridge")),
        none("any EtherType may be sent", first("G2", "prerouting", "ether type 0x88b5 accept",
            "bridge")),
        none("a veth between gateways", stray("g1", "g3")[0], "STRAY_LINK", ("customer1>customer3",
            "x1"),
             stray("g1", "g3")[3]),
    ]


def lists(site, border):
    if border:
        import mutants_border
        return mutants_border.lists(site)
    return [
        ("one fault", rules_inside() + rules_between() + gateway_input() + spoofing() + ports() +
         links() + processes() + connections(), True),
        ("one fault, written into both gateways", in_both_gateways(), True),
        ("among neighbours of one tenant", neighbours(), True),
        ("lets nothing through alone", alone(), True),
    ]
