# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of the table that need no router: one segment, an attacker with raw sockets."""

import struct

from packets import *  # noqa: F403 - the vocabulary of this table

ZERO = "00:00:00:00:00:00"
STRANGER = "02:00:5e:00:77:77"
OTHERS = ("flat", "direct")
KEPT = "a bridge never forwards this group address"


def arps(add):
    def row(name, make, inside="no", dst=BROADCAST, **kw):
        def frames(c, t):
            to = dst if isinstance(dst, str) else dst(c)
            return [eth(to, c.a.mac, kw.get("type", ETH_ARP), make(c, t))]

        add("arp " + name, "arp", "L", frames, inside=inside)

    victim = lambda c: c.v.mac
    gateway = lambda c: c.g.mac
    # A bridge may answer for the victim; that it is found is proven by what the kernel sends.
    row("request for the victim", lambda c, t: arp(1, c.a.mac, c.a.ip4, ZERO, c.v.ip4, t), "may")
    row("request to the victim only", lambda c, t: arp(
        1, c.a.mac, c.a.ip4, c.v.mac, c.v.ip4, t), "must", victim)
    row("reply to the victim, true", lambda c, t: arp(
        2, c.a.mac, c.a.ip4, c.v.mac, c.v.ip4, t), "must", victim)
    row("probe for the victim", lambda c, t: arp(1, c.a.mac, "0.0.0.0", ZERO, c.v.ip4, t))
    row("reply: the gateway is me", lambda c, t: arp(
        2, c.a.mac, c.w.ip4, c.v.mac, c.v.ip4, t), dst=victim)
    row("reply to all: the gateway is me", lambda c, t: arp(
        2, c.a.mac, c.w.ip4, BROADCAST, c.w.ip4, t))
    row("reply: a neighbour is me", lambda c, t: arp(
        2, c.a.mac, c.near4, c.v.mac, c.v.ip4, t), dst=victim)
    row("request: the gateway is me", lambda c, t: arp(1, c.a.mac, c.w.ip4, ZERO, c.v.ip4, t))
    row("announcement of the gateway", lambda c, t: arp(1, c.a.mac, c.w.ip4, ZERO, c.w.ip4, t))
    row("announcement of the victim", lambda c, t: arp(1, c.a.mac, c.v.ip4, ZERO, c.v.ip4, t))
    row("announcement of nobody's address", lambda c, t: arp(
        1, c.a.mac, c.spare4, ZERO, c.spare4, t))
    row("request to the gateway: the victim is me", lambda c, t: arp(
        1, c.a.mac, c.v.ip4, ZERO, c.g.ip4, t))
    row("reply to the gateway: the victim is me", lambda c, t: arp(
        2, c.a.mac, c.v.ip4, c.g.mac, c.g.ip4, t) , dst=BROADCAST)
    row("with another sender inside than outside", lambda c, t: arp(
        1, STRANGER, c.a.ip4, ZERO, c.v.ip4, t))
    row("with the victim as sender inside", lambda c, t: arp(
        1, c.v.mac, c.v.ip4, ZERO, c.w.ip4, t))
    row("with the broadcast address as sender", lambda c, t: arp(
        2, BROADCAST, c.w.ip4, c.v.mac, c.v.ip4, t), dst=victim)
    row("inverse request", lambda c, t: arp(8, c.a.mac, c.a.ip4, c.v.mac, "0.0.0.0", t))
    row("unknown operation", lambda c, t: arp(77, c.a.mac, c.a.ip4, ZERO, c.v.ip4, t))
    row("of the wrong size", lambda c, t: struct.pack(
        "!HHBBH", 1, ETH_IP, 8, 16, 2) + b"\1" * 48 + t)
    row("for ieee 802 hardware", lambda c, t: b"\0\6" + arp(
        2, c.a.mac, c.w.ip4, c.v.mac, c.v.ip4, t)[2:])
    row("cut short", lambda c, t: arp(1, c.a.mac, c.w.ip4, ZERO, c.v.ip4)[:16] + t)
    for op, name in ((3, "request"), (4, "reply")):
        add("rarp " + name, "arp", "L", lambda c, t, o=op: [eth(
            BROADCAST, c.a.mac, ETH_RARP, arp(o, c.a.mac, c.v.ip4, c.v.mac, c.v.ip4, t))])


def discovery(add):
    def icmp_row(name, dst, packets, inside="no", group="nd", **kw):
        def frames(c, t):
            out = []
            for packet in packets(c, t):
                to = dst if isinstance(dst, str) else dst(c)
                # To the victim only as well: a filter of groups does not see that.
                out += [eth(m, c.a.mac, ETH_IP6, packet) for m in {to: 0, c.v.mac: 0}]
            return out

        add(name, group, "6", frames, inside=inside, **kw)

    def adv(c, t, src=None, dst="ff02::1", prefix="2001:db8:bad::"):
        src = src or c.a.ll
        return src, dst, ra(src, dst, option_ll(1, c.a.mac) + prefix_option(prefix) +
                            rdnss_option(c.a.ip6) + token_option(t))

    def plain(src, dst, body):
        return ipv6(src, dst, ICMP6, body, 255)

    def behind(first, header):
        """From both addresses of the attacker: the second one is its own for sure."""

        def packets(c, t):
            for src, dst in ((c.a.ll, "ff02::1"), (c.a.ip6, c.v.ip6)):
                yield ipv6(src, dst, first, header + adv(c, t, src, dst)[2], 255)

        return packets

    def pieces(src, dst, first, body, size):
        parts = [body[k:k + size] for k in range(0, len(body), size)]
        return [ipv6(src, dst, FRAGMENT, fragment6(
            first, k * size, k < len(parts) - 1, 7, p), 255) for k, p in enumerate(parts)]

    def in_fragments(c, t):
        src, dst, body = adv(c, t)
        return pieces(src, dst, DSTOPTS,
                      options6(ICMP6, b"\x1e\x0c\0\0\0\0" + t) + body, 56)

    icmp_row("router advertisement", ALL_NODES, lambda c, t: [plain(*adv(c, t))])
    icmp_row("router advertisement to the victim", lambda c: c.v.mac,
             lambda c, t: [plain(*adv(c, t, dst=c.v.ll))])
    icmp_row("router advertisement from an own address that is not link-local", ALL_NODES,
             lambda c, t: [plain(*adv(c, t, src=c.a.ip6, dst=c.v.ip6))])
    icmp_row("router advertisement from the gateway's address", ALL_NODES,
             lambda c, t: [plain(*adv(c, t, src=c.w.ll))])
    icmp_row("router advertisement behind hop-by-hop", ALL_NODES, behind(HBH, options6(ICMP6)))
    icmp_row("router advertisement behind destination options", ALL_NODES,
             behind(DSTOPTS, options6(ICMP6)))
    icmp_row("router advertisement behind a chain", ALL_NODES,
             behind(HBH, options6(DSTOPTS) + options6(DSTOPTS) * 3 + options6(ICMP6)))
    icmp_row("router advertisement behind an atomic fragment", ALL_NODES,
             behind(FRAGMENT, fragment6(ICMP6, 0, False, 5, b"")))
    icmp_row("router advertisement in fragments", ALL_NODES, in_fragments)
    for vid in (0, 1):
        add("router advertisement with vlan id %d" % vid, "nd", "6", lambda c, t, v=vid: [eth(
            ALL_NODES, c.a.mac, 0x8100, vlan(v, ETH_IP6, plain(*adv(c, t))))])
    add("router advertisement in a snap frame", "nd", "6", lambda c, t: [llc(
        ALL_NODES, c.a.mac, snap(b"\0\0\0", ETH_IP6, plain(*adv(c, t))))])
    icmp_row("router solicitation", "33:33:00:00:00:02", lambda c, t: [plain(
        c.a.ll, "ff02::2", icmp6(c.a.ll, "ff02::2", 133, 0, 0, token_option(t)))])

    def ask(c, t, src, dst, target, hlim=255, lladdr=True):
        opts = (option_ll(1, c.a.mac) if lladdr else b"") + token_option(t)
        return [ipv6(src, dst, ICMP6, neighbour(src, dst, 135, target, opts), hlim)]

    def tell(c, t, src, dst, target, flags, hlim=255, of=None):
        opts = option_ll(2, of or c.a.mac) + token_option(t)
        return [ipv6(src, dst, ICMP6, neighbour(src, dst, 136, target, opts, flags), hlim)]

    sol = lambda c: mc6_mac(solicited(c.v.ip6))
    icmp_row("neighbour solicitation for the victim", sol, lambda c, t: ask(
        c, t, c.a.ip6, solicited(c.v.ip6), c.v.ip6), "must")
    icmp_row("neighbour solicitation to the victim only", lambda c: c.v.mac, lambda c, t: ask(
        c, t, c.a.ip6, c.v.ip6, c.v.ip6), "must")
    icmp_row("neighbour advertisement, true", lambda c: c.v.mac, lambda c, t: tell(
        c, t, c.a.ip6, c.v.ip6, c.a.ip6, 0x60), "must")
    icmp_row("neighbour solicitation with another address inside", lambda c: c.v.mac,
             lambda c, t: [ipv6(c.a.ip6, c.v.ip6, ICMP6, neighbour(
                 c.a.ip6, c.v.ip6, 135, c.v.ip6, option_ll(1, STRANGER) + token_option(t)), 255)])
    icmp_row("neighbour solicitation: the gateway is me", sol, lambda c, t: ask(
        c, t, c.w.ip6, solicited(c.v.ip6), c.v.ip6))
    icmp_row("neighbour solicitation: a neighbour is me", sol, lambda c, t: ask(
        c, t, c.near6, solicited(c.v.ip6), c.v.ip6))
    icmp_row("neighbour solicitation with hop limit 64", sol, lambda c, t: ask(
        c, t, c.a.ip6, solicited(c.v.ip6), c.v.ip6, 64))
    icmp_row("duplicate address detection of the victim's address", sol, lambda c, t: ask(
        c, t, "::", solicited(c.v.ip6), c.v.ip6, lladdr=False))
    icmp_row("duplicate address detection denied", ALL_NODES, lambda c, t: tell(
        c, t, c.a.ll, "ff02::1", c.v.ip6, 0x20))
    icmp_row("neighbour advertisement to all: the gateway is me", ALL_NODES, lambda c, t: tell(
        c, t, c.w.ip6, "ff02::1", c.w.ip6, 0xA0))
    icmp_row("neighbour advertisement, override: the gateway is me", lambda c: c.v.mac,
             lambda c, t: tell(c, t, c.a.ll, c.v.ip6, c.w.ip6, 0xE0) +
             tell(c, t, c.a.ip6, c.v.ip6, c.w.ip6, 0xE0))
    icmp_row("neighbour advertisement in tiny fragments", lambda c: c.v.mac,
             lambda c, t: pieces(c.a.ip6, c.v.ip6, ICMP6, neighbour(
                 c.a.ip6, c.v.ip6, 136, c.w.ip6, option_ll(2, c.a.mac) + token_option(t), 0xE0), 8),
             seen=lambda c, t: [neighbour(c.a.ip6, c.v.ip6, 136, c.w.ip6, option_ll(
                 2, c.a.mac) + token_option(t), 0xE0)[:8]])
    icmp_row("neighbour advertisement: the gateway's link-local is me", lambda c: c.v.mac,
             lambda c, t: tell(c, t, c.w.ll, c.v.ll, c.w.ll, 0xE0))
    icmp_row("neighbour advertisement: a neighbour is me", lambda c: c.v.mac,
             lambda c, t: tell(c, t, c.a.ip6, c.v.ip6, c.near6, 0x60))
    icmp_row("neighbour advertisement with another address inside", lambda c: c.v.mac,
             lambda c, t: tell(c, t, c.a.ip6, c.v.ip6, c.a.ip6, 0x60, of=STRANGER))
    icmp_row("neighbour advertisement to the gateway: the victim is me", lambda c: c.g.mac,
             lambda c, t: tell(c, t, c.v.ip6, c.g.ip6, c.v.ip6, 0xE0), needs=("direct",),
             why="it is for the gateway; a bridge does not show it to others")
    icmp_row("neighbour advertisement in an atomic fragment", lambda c: c.v.mac, lambda c, t: [
        ipv6(src, c.v.ip6, FRAGMENT, fragment6(ICMP6, 0, False, 5, neighbour(
            src, c.v.ip6, 136, c.w.ip6, option_ll(2, c.a.mac) + token_option(t), 0xE0)), 255)
        for src in (c.a.ll, c.a.ip6)])
    icmp_row("icmpv6 redirect from the gateway", lambda c: c.v.mac, lambda c, t: [plain(
        c.w.ll, c.v.ll, redirect6(c.w.ll, c.v.ll, c.a.ll, "2001:db8:5::5",
                                  option_ll(2, c.a.mac) + token_option(t)))])
    icmp_row("icmpv6 redirect from the attacker", lambda c: c.v.mac, lambda c, t: [plain(
        src, c.v.ip6, redirect6(src, c.v.ip6, c.a.ll, "2001:db8:5::5", token_option(t)))
        for src in (c.a.ll, c.a.ip6)])
    icmp_row("mld query from an own address that is not link-local", lambda c: c.v.mac,
             lambda c, t: [ipv6(c.a.ip6, c.v.ip6, ICMP6, mld2_query(c.a.ip6, c.v.ip6, t), 1)],
             group="multicast")
    icmp_row("mld query", ALL_NODES, lambda c, t: [ipv6(c.a.ll, "ff02::1", HBH, options6(
        ICMP6, b"\5\2\0\0\1\0") + mld2_query(c.a.ll, "ff02::1", t), 1)], group="multicast")
    icmp_row("mld report", "33:33:00:00:00:16", lambda c, t: [ipv6(
        c.a.ll, "ff02::16", HBH, options6(ICMP6, b"\5\2\0\0\1\0") + icmp6(
            c.a.ll, "ff02::16", 143, 0, 1, b"\4\0\0\0" + a6("ff02::1:3") + t), 1)],
        group="multicast")


def macs(add):
    def udp4(c, t, dst=None, src=None):
        src, dst = src or c.a.ip4, dst or c.v.ip4
        return ipv4(src, dst, UDP, udp(src, dst, 40000, 4242, t))

    row = lambda name, build, **kw: add(name, "mac", "L", build, **kw)
    row("mac: the victim's as source", lambda c, t: [
        eth(BROADCAST, c.v.mac, ETH_IP, udp4(c, t))], late=True)
    row("mac: the gateway's as source", lambda c, t: [
        eth(BROADCAST, c.w.mac, ETH_IP, udp4(c, t)), eth(c.v.mac, c.w.mac, ETH_IP, udp4(c, t))],
        late=True)
    row("mac: the victim's as source, arp for the gateway", lambda c, t: [eth(
        BROADCAST, c.v.mac, ETH_ARP, arp(1, c.v.mac, c.v.ip4, ZERO, c.w.ip4, t))], late=True)
    row("mac: a stranger's as source", lambda c, t: [
        eth(to.mac, STRANGER, ETH_IP, udp4(c, t)) for to in (c.g, c.v)])
    row("mac: source is a group", lambda c, t: [
        eth(to.mac, "03:00:00:00:00:01", ETH_IP, udp4(c, t)) for to in (c.g, c.v)],
        needs=("direct",), why="a bridge drops a source that is a group")
    row("mac: source is zero", lambda c, t: [
        eth(to.mac, ZERO, ETH_IP, udp4(c, t)) for to in (c.g, c.v)],
        needs=("direct",), why="a bridge drops a source of zeros")
    row("mac: flood of sources", lambda c, t: [eth(
        BROADCAST, "02:5e:%02x:%02x:%02x:%02x" % tuple(struct.pack("!I", k * 7919)), 0x88B5, t)
        for k in range(1, 65)], late=True)
    row("ipv4 to the victim in a broadcast frame", lambda c, t: [
        eth(BROADCAST, c.a.mac, ETH_IP, udp4(c, t))])
    row("ipv4 to the victim in a multicast frame", lambda c, t: [
        eth("01:00:5e:00:00:01", c.a.mac, ETH_IP, udp4(c, t))])
    row("ipv4 to the victim in a frame to nobody", lambda c, t: [
        eth("02:00:5e:00:66:66", c.a.mac, ETH_IP, udp4(c, t))])
    row("ipv4 broadcast to the victim only", lambda c, t: [
        eth(c.v.mac, c.a.mac, ETH_IP, udp4(c, t, dst="255.255.255.255"))])


# Frames that are not IP: (name, EtherType, destination, payload).
PLAIN = (
    ("pppoe discovery", 0x8863, BROADCAST, b"\x11\x09\0\0\0\x10"),
    ("pppoe session", 0x8864, None, b"\x11\0\0\1\0\x14\0\x21"),
    ("mpls unicast", 0x8847, None, b"\0\1\x01\x40"),
    ("mpls multicast", 0x8848, "01:00:5e:80:00:01", b"\0\1\x01\x40"),
    ("profinet", 0x8892, None, b"\xfe\xfe\5\0"),
    ("ata over ethernet", 0x88A2, BROADCAST, b"\x10\0"),
    ("macsec", 0x88E5, None, b"\x0c\0\0\0\0\1"),
    ("ptp", 0x88F7, "01:1b:19:00:00:00", b"\0\2\0\x2c"),
    ("homeplug", 0x88E1, BROADCAST, b"\0\0\xa0"), ("fcoe", 0x8906, None, b"\0" * 14),
    ("wake on lan", 0x0842, BROADCAST, b"\xff" * 6),
    ("ethernet loopback", 0x9000, None, b"\0\0\1\0"),
    ("trill", 0x22F3, "01:80:c2:00:00:40", b"\0\x40\0\1\0\2"),
    ("batman", 0x4305, BROADCAST, b"\0\x0f"),
    ("appletalk arp", 0x80F3, BROADCAST, b"\0\1\x80\x9b"),
    ("ipx", 0x8137, BROADCAST, b"\xff\xff\0\x1e"),
    ("decnet", 0x6003, None, b"\1\0"), ("powerlink", 0x88AB, BROADCAST, b"\1"),
    ("ethercat", 0x88A4, BROADCAST, b"\x0c\x10"),
    ("y.1731 cfm", 0x8902, "01:80:c2:00:00:37", b"\xe0\1"),
    ("lldp to all", 0x88CC, BROADCAST, b"\2\7\4\2\0\0\0\0\1"),
    ("eapol to the victim", 0x888E, None, b"\2\1\0\0"),
    ("nsh", 0x894F, None, b"\x0f\xc6\1\3\0\0\1\xff"), ("edsa tag", 0xDADA, None, b"\0\0\xc0\0"),
    ("vmware beacon", 0x8922, BROADCAST, b"\0"), ("802.1ad i-tag", 0x88E7, None, b"\0\0\0\1"),
    ("unknown ethertype 1234", 0x1234, None, b""), ("unknown ethertype ffff, broadcast", 0xFFFF,
                                                    BROADCAST, b""),
    ("experimental ethertype 88b5, multicast", 0x88B5, "01:00:5e:01:02:03", b""),
)
# Group addresses of bridges themselves.
BRIDGES = (
    ("stp bpdu", "01:80:c2:00:00:00", b"\x42\x42\x03\0\0\0\0\0\x80\0", OTHERS),
    ("rstp bpdu", "01:80:c2:00:00:00", b"\x42\x42\x03\0\0\2\2\x3c\x80\0", OTHERS),
    ("pvst bpdu", "01:00:0c:cc:cc:cd", b"\xaa\xaa\x03\0\0\x0c\1\x0b\0\0\0\0\0", OTHERS),
    ("cdp", "01:00:0c:cc:cc:cc", b"\xaa\xaa\x03\0\0\x0c\x20\0\2\xb4", OTHERS),
    ("vtp", "01:00:0c:cc:cc:cc", b"\xaa\xaa\x03\0\0\x0c\x20\3\1\1", OTHERS),
    ("gvrp", "01:80:c2:00:00:21", b"\x42\x42\x03\0\1\1", OTHERS),
    ("isis hello", "01:80:c2:00:00:14", b"\xfe\xfe\x03\x83\x1b", OTHERS),
    ("netbios over llc", "03:00:00:00:00:01", b"\xf0\xf0\x03", OTHERS),
    ("ipx over llc", BROADCAST, b"\xe0\xe0\x03\xff\xff", OTHERS),
    ("raw ipx", BROADCAST, b"\xff\xff\0\x22", OTHERS),
)
SLOW = (
    ("lldp", 0x88CC, "01:80:c2:00:00:0e", b"\2\7\4\2\0\0\0\0\1", OTHERS),
    ("eapol start", 0x888E, "01:80:c2:00:00:03", b"\2\1\0\0", OTHERS),
    ("lacp", 0x8809, "01:80:c2:00:00:02", b"\1\1", ("direct",)),
    ("ethernet pause", 0x8808, "01:80:c2:00:00:01", b"\0\1\xff\xff", ("direct",)),
    ("provider bridge bpdu", 0x88B5, "01:80:c2:00:00:08", b"", OTHERS),
)


def frames(add):
    row = lambda name, build, **kw: add(name, "frame", "L", build, **kw)
    for name, kind, dst, head in PLAIN:
        row(name, lambda c, t, k=kind, d=dst, h=head: [
            eth(d or c.v.mac, c.a.mac, k, h + t)])
    for name, dst, head, needs in BRIDGES:
        row(name, lambda c, t, d=dst, h=head: [llc(d, c.a.mac, h + t + b"\0" * 20)], needs=needs)
    for name, kind, dst, head, needs in SLOW:
        row(name, lambda c, t, k=kind, d=dst, h=head: [eth(d, c.a.mac, k, h + t)], needs=needs,
            why="" if needs == OTHERS else KEPT)

    def ip(c, t):
        return ipv4(c.a.ip4, c.v.ip4, UDP, udp(c.a.ip4, c.v.ip4, 40000, 4242, t))

    def to_both(build):
        return lambda c, t: [eth(to.mac, c.a.mac, *build(c, t)) for to in (c.g, c.v)]

    row("vlan id 0", to_both(lambda c, t: (0x8100, vlan(0, ETH_IP, ip(c, t)))))
    row("vlan id 0 with priority 7", to_both(lambda c, t: (0x8100, vlan(0xE000, ETH_IP, ip(c, t)))))
    row("vlan id 1", to_both(lambda c, t: (0x8100, vlan(1, ETH_IP, ip(c, t)))))
    row("vlan id 100", to_both(lambda c, t: (0x8100, vlan(100, ETH_IP, ip(c, t)))))
    row("vlan id 4095", to_both(lambda c, t: (0x8100, vlan(4095, ETH_IP, ip(c, t)))))
    row("vlan id 0 twice", to_both(lambda c, t: (
        0x8100, vlan(0, 0x8100, vlan(0, ETH_IP, ip(c, t))))))
    row("vlan in vlan", to_both(lambda c, t: (0x8100, vlan(1, 0x8100, vlan(2, ETH_IP, ip(c, t))))))
    row("qinq (802.1ad)", to_both(lambda c, t: (
        0x88A8, vlan(1, 0x8100, vlan(1, ETH_IP, ip(c, t))))))
    row("802.1ad with id 0", to_both(lambda c, t: (0x88A8, vlan(0, ETH_IP, ip(c, t)))))
    row("vlan with ethertype 9100", to_both(lambda c, t: (0x9100, vlan(1, ETH_IP, ip(c, t)))))
    row("vlan id 0 with an arp reply", lambda c, t: [eth(c.v.mac, c.a.mac, 0x8100, vlan(
        0, ETH_ARP, arp(2, c.a.mac, c.w.ip4, c.v.mac, c.v.ip4, t)))])
    row("vlan id 0 with an unknown ethertype", to_both(lambda c, t: (0x8100, vlan(0, 0x1234, t))))
    row("snap with ipv4", lambda c, t: [
        llc(to.mac, c.a.mac, snap(b"\0\0\0", ETH_IP, ip(c, t))) for to in (c.g, c.v)])
    row("snap with an arp reply", lambda c, t: [llc(c.v.mac, c.a.mac, snap(
        b"\0\0\0", ETH_ARP, arp(2, c.a.mac, c.w.ip4, c.v.mac, c.v.ip4, t)))])
    row("snap behind vlan id 0", lambda c, t: [eth(c.v.mac, c.a.mac, 0x8100, vlan(
        0, 8 + len(ip(c, t)), snap(b"\0\0\0", ETH_IP, ip(c, t))))])
    row("llc with ip (06)", lambda c, t: [llc(c.v.mac, c.a.mac, b"\6\6\3" + ip(c, t))])
    row("frame with length 0", lambda c, t: [eth(c.v.mac, c.a.mac, 0, t)])
    row("frame to itself", lambda c, t: [eth(c.a.mac, c.a.mac, 0x88B5, t)], needs=("direct",),
        why="a bridge does not send back where it came from")


GROUPS4 = (
    ("multicast 239/8", "239.255.1.1", 4242, b""),
    ("mdns", "224.0.0.251", 5353, dns_query("_services._dns-sd._udp.local", b"")),
    ("ssdp", "239.255.255.250", 1900, b"M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\n\r\n"),
    ("llmnr", "224.0.0.252", 5355, dns_query("wpad", b"")),
    ("ws-discovery", "239.255.255.250", 3702, b"<?xml"),
    ("hsrp", "224.0.0.2", 1985, b"\0\0\x10\3\x0a\x78\1\0cisco\0\0\0"),
    ("rip", "224.0.0.9", 520, b"\2\2\0\0"),
    ("ntp multicast", "224.0.1.1", 123, b"\x1d" + b"\0" * 47),
)
GROUPS6 = (
    ("multicast 239/8", "ff05::2:3", 4242, b""), ("mdns", "ff02::fb", 5353, b""),
    ("ssdp", "ff02::c", 1900, b"M-SEARCH * HTTP/1.1\r\n\r\n"), ("llmnr", "ff02::1:3", 5355, b""),
    ("ws-discovery", "ff02::c", 3702, b"<?xml"), ("rip", "ff02::9", 521, b"\1\1\0\0"),
    ("all nodes udp", "ff02::1", 4242, b""), ("all routers udp", "ff02::2", 4242, b""),
)


def groups(add):
    def four(name, dst, sport, dport, data, src=None, to=None, group="multicast"):
        def build(c, t):
            s = src if src is not None else c.a.ip4
            d = dst if isinstance(dst, str) else dst(c)
            target = to(c) if to else BROADCAST if not d.startswith("2") or d[:3] == "255" else \
                mc4_mac(d)
            body = data(c, t) if callable(data) else data + t
            return [eth(target, c.a.mac, ETH_IP, ipv4(s, d, UDP, udp(s, d, sport, dport, body)))]

        add(name, group, "4", build)

    for name, dst, port, data in GROUPS4:
        four(name, dst, port, port, data)
    for name, dst, port, data in GROUPS6:
        add(name, "multicast", "6", lambda c, t, d=dst, p=port, b=data: [eth(
            mc6_mac(d), c.a.mac, ETH_IP6, ipv6(c.a.ll, d, UDP, udp(c.a.ll, d, p, p, b + t), 255))])
    for name, dst, proto, make in (
            ("igmp query v2", "224.0.0.1", IGMP, lambda t: icmp(0x11, 100, 0, t)),
            ("igmp query v3", "224.0.0.1", IGMP, lambda t: icmp(0x11, 100, 0, b"\2\x7d\0\0" + t)),
            ("igmp report v2", "224.0.0.251", IGMP, lambda t: icmp(0x16, 0, 0xE00000FB, t)),
            ("igmp report v3", "224.0.0.22", IGMP, lambda t: icmp(0x22, 0, 1, b"\4\0\0\0" + t)),
            ("ospf hello to the group", "224.0.0.5", 89, lambda t: b"\2\1\0\x2c" + t),
            ("pim hello to the group", "224.0.0.13", 103, lambda t: b"\x20\0\xdf\xff" + t),
            ("vrrp to the group", "224.0.0.18", 112, lambda t: b"\x21\1\x64\1" + t),
            ("eigrp to the group", "224.0.0.10", 88, lambda t: b"\2\5\0\0" + t),
            ("icmp echo to all hosts", "224.0.0.1", ICMP, lambda t: icmp(8, 0, 1, t))):
        add(name, "multicast", "4", lambda c, t, d=dst, p=proto, m=make: [eth(
            mc4_mac(d), c.a.mac, ETH_IP, ipv4(c.a.ip4, d, p, m(t), ttl=1, options=b"\x94\4\0\0"))])
    for name, dst, proto in (("ospf hello to the group", "ff02::5", 89),
                             ("pim hello to the group", "ff02::d", 103),
                             ("vrrp to the group", "ff02::12", 112)):
        add(name, "multicast", "6", lambda c, t, d=dst, p=proto: [eth(
            mc6_mac(d), c.a.mac, ETH_IP6, ipv6(c.a.ll, d, p, b"\3\1\0\x2c" + t, 255))])
    four("broadcast udp", "255.255.255.255", 40000, 4242, b"", group="broadcast")
    four("directed broadcast udp in a broadcast frame", lambda c: c.all4, 40000, 4242, b"",
         group="broadcast")
    four("netbios name query", "255.255.255.255", 137, 137, b"\0\1\1\x10" + b"\0" * 8,
         group="broadcast")
    for name, op, kind, ports in (("discover", 1, 1, (68, 67)), ("request", 1, 3, (68, 67)),
                                  ("offer", 2, 2, (67, 68)), ("ack", 2, 5, (67, 68)),
                                  ("nak", 2, 6, (67, 68))):
        four("dhcp %s to all" % name, "255.255.255.255", *ports,
             lambda c, t, o=op, k=kind: dhcp(o, k, c.v.mac, c.spare4, c.a.ip4, t),
             src="0.0.0.0" if op == 1 else None, group="dhcp")
    four("dhcp offer to the victim", lambda c: c.v.ip4, 67, 68,
         lambda c, t: dhcp(2, 2, c.v.mac, c.spare4, c.a.ip4, t), to=lambda c: c.v.mac, group="dhcp")
    for name, kind, ports, group in (("solicit", 1, (546, 547), "ff02::1:2"),
                                     ("advertise", 2, (547, 546), None),
                                     ("reply", 7, (547, 546), None),
                                     ("reconfigure", 10, (547, 546), None)):
        add("dhcpv6 " + name, "dhcp", "6", lambda c, t, k=kind, p=ports, g=group: [eth(
            mc6_mac(g) if g else c.v.mac, c.a.mac, ETH_IP6, ipv6(c.a.ll, g or c.v.ll, UDP, udp(
                c.a.ll, g or c.v.ll, *p, dhcp6(k, c.v.mac, t)), 255))])
    add("ipv6 to the victim in a broadcast frame", "broadcast", "6", lambda c, t: [eth(
        BROADCAST, c.a.mac, ETH_IP6, ipv6(c.a.ip6, c.v.ip6, UDP, udp(
            c.a.ip6, c.v.ip6, 40000, 4242, t)))])
    add("ipv6 from a stranger's mac", "mac", "6", lambda c, t: [eth(
        to.mac, STRANGER, ETH_IP6, ipv6(c.a.ip6, c.v.ip6, UDP, udp(
            c.a.ip6, c.v.ip6, 40000, 4242, t))) for to in (c.g, c.v)])
    add("vlan id 0", "frame", "6", lambda c, t: [eth(to.mac, c.a.mac, 0x8100, vlan(
        0, ETH_IP6, ipv6(c.a.ip6, c.v.ip6, UDP, udp(c.a.ip6, c.v.ip6, 40000, 4242, t))))
        for to in (c.g, c.v)])
    add("icmp echo to all hosts", "multicast", "6", lambda c, t: [eth(
        ALL_NODES, c.a.mac, ETH_IP6, ipv6(c.a.ll, "ff02::1", ICMP6, icmp6(
            c.a.ll, "ff02::1", 128, 0, 1, t), 1))])


def eavesdrop(add):
    """The victim sends; the attacker listens."""

    def row(name, fam, build, **kw):
        add("eavesdrop: " + name, "eavesdrop", fam, build, victim_sends=True, **kw)

    def udp4(c, t, dst, port):
        return ipv4(c.v.ip4, dst, UDP, udp(c.v.ip4, dst, port, port, t))

    row("broadcast", "L", lambda c, t: [
        eth(BROADCAST, c.v.mac, ETH_IP, udp4(c, t, "255.255.255.255", 4242))])
    row("dhcp discover", "L", lambda c, t: [eth(BROADCAST, c.v.mac, ETH_IP, ipv4(
        "0.0.0.0", "255.255.255.255", UDP, udp("0.0.0.0", "255.255.255.255", 68, 67, dhcp(
            1, 1, c.v.mac, "0.0.0.0", "0.0.0.0", t))))])
    row("mdns", "L", lambda c, t: [
        eth("01:00:5e:00:00:fb", c.v.mac, ETH_IP, udp4(c, t, "224.0.0.251", 5353))])
    row("ssdp", "L", lambda c, t: [
        eth("01:00:5e:7f:ff:fa", c.v.mac, ETH_IP, udp4(c, t, "239.255.255.250", 1900))])
    row("unicast to a mac that nobody has", "L", lambda c, t: [
        eth("02:00:5e:00:55:55", c.v.mac, ETH_IP, udp4(c, t, c.near4, 4242))])
    row("arp request", "L", lambda c, t: [eth(BROADCAST, c.v.mac, ETH_ARP, arp(
        1, c.v.mac, c.v.ip4, ZERO, c.near4, t))], inside="may")
    row("igmp report", "L", lambda c, t: [eth("01:00:5e:00:00:fb", c.v.mac, ETH_IP, ipv4(
        c.v.ip4, "224.0.0.251", IGMP, icmp(0x16, 0, 0xE00000FB, t), ttl=1))])
    row("unknown ethertype to all", "L", lambda c, t: [eth(BROADCAST, c.v.mac, 0x88B5, t)])
    row("neighbour solicitation", "6", lambda c, t: [eth(
        mc6_mac(solicited(c.near6)), c.v.mac, ETH_IP6, ipv6(
            c.v.ip6, solicited(c.near6), ICMP6, neighbour(
                c.v.ip6, solicited(c.near6), 135, c.near6,
                option_ll(1, c.v.mac) + token_option(t)), 255))], inside="may")
    row("all nodes", "6", lambda c, t: [eth(ALL_NODES, c.v.mac, ETH_IP6, ipv6(
        c.v.ll, "ff02::1", UDP, udp(c.v.ll, "ff02::1", 4242, 4242, t), 255))])
    row("mdns", "6", lambda c, t: [eth("33:33:00:00:00:fb", c.v.mac, ETH_IP6, ipv6(
        c.v.ll, "ff02::fb", UDP, udp(c.v.ll, "ff02::fb", 5353, 5353, t), 255))])
    row("what the victim sends to its gateway, after taking that mac", "L", lambda c, t: [
        eth(c.w.mac, c.v.mac, ETH_IP, udp4(c, t, "198.51.100.1", 4242))], late=True,
        before=lambda c, t: [eth(BROADCAST, c.w.mac, 0x88B5, t)])
    row("what others send to the gateway, after taking that mac with arp", "L", lambda c, t: [
        eth(c.w.mac, c.v.mac, ETH_ARP, arp(1, c.v.mac, c.v.ip4, c.w.mac, c.w.ip4, t))], late=True,
        before=lambda c, t: [eth(BROADCAST, c.w.mac, ETH_ARP, arp(
            1, c.w.mac, c.w.ip4, ZERO, c.w.ip4))])


def register(add):
    arps(add)
    discovery(add)
    macs(add)
    frames(add)
    groups(add)
    eavesdrop(add)
