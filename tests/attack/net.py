# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces: entering them, control networks, what a host's tables hold.

A namespace of ours has no name: it ends with its descriptor, sockets and processes. `ip` runs as a
child of a thread that is inside, so it needs no name either.
"""

import contextlib
import ctypes
import glob
import json
import os
import subprocess
import threading

from form import THIRD4, THIRD6, Host, Parties

CLONE_NEWNET = 0x40000000
# os.setns() came with Python 3.12.
LIBC = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


class Netns:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    @classmethod
    def make(cls):
        """A new one. A thread of its own makes it, so that nobody has to come back."""
        made = []

        def inside():
            check(LIBC.unshare(CLONE_NEWNET), "unshare")
            made.append(cls("/proc/thread-self/ns/net"))

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        made[0].ip("link set lo up")
        return made[0]

    def close(self):
        os.close(self.fd)

    @contextlib.contextmanager
    def inside(self):
        """Moves this thread there and back."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            check(LIBC.setns(self.fd, CLONE_NEWNET), "setns")
            try:
                yield self
            finally:
                check(LIBC.setns(home, CLONE_NEWNET), "setns")
        finally:
            os.close(home)

    def run(self, *argv, stdin=None, must=True):
        with self.inside():
            done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60)
        if must and done.returncode != 0:
            raise RuntimeError("%s: %s%s" % (" ".join(argv), done.stderr, stdin or ""))
        return done

    def ip(self, *lines, must=True):
        return self.run("ip", "-batch", "-", stdin="\n".join(lines) + "\n", must=must)

    def show(self, *argv):
        done = self.run(*argv, must=False)
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else []

    def shows(self, family, *commands):
        """What each command of `ip` shows, by one process; only the last one may fail."""
        done = self.run("ip", family, "-j", "-force", "-batch", "-", must=False,
                        stdin="\n".join(commands) + "\n")
        shown, text = [], done.stdout.strip()
        while text:
            value, end = json.JSONDecoder().raw_decode(text)
            shown.append(value)
            text = text[end:].lstrip()
        shown += [[]] * (len(commands) - len(shown))
        return shown

    def sysctl(self, values):
        with self.inside():
            for name, value in values.items():
                with open("/proc/sys/net/" + name, "w") as f:
                    f.write(str(value))


def veth(one, name, other, peer):
    """A cable between two namespaces."""
    with one.inside():
        check(subprocess.call(["ip", "link", "add", name, "type", "veth", "peer", "name", peer,
                               "netns", "/proc/%d/fd/%d" % (os.getpid(), other.fd)]), "veth")


def move_link(ns, link, to):
    ns.ip("link set %s netns /proc/%d/fd/%d" % (link, os.getpid(), to.fd))


# ---- what a host's tables hold ----


def state_of(ns):
    """Everything a forged packet could change, as a set of lines."""
    lines = set()
    for fam, to in (("4", THIRD4), ("6", THIRD6)):
        # The way to somebody: `route show cache` does not show what has not been used yet.
        neighbours, routes, links, ways = ns.shows(
            "-" + fam, "neigh show", "route show table all", "addr show", "route get " + to)
        for n in neighbours:
            # Without an address it is only the question: whom a host answers, it asks for.
            if "lladdr" in n:
                lines.add("neigh%s %s %s %s" % (fam, n["dev"], n["dst"], n["lladdr"]))
        for r in routes:
            if r.get("type") not in ("multicast", "anycast", "local", "broadcast"):
                lines.add("route%s %s %s %s" % (fam, r["dst"], r.get("gateway"), r.get("dev")))
        for r in ways:
            mtu = [m.get("mtu") for m in r.get("metrics", [])]
            lines.add("route%s to %s %s %s" % (fam, to, r.get("gateway"), mtu))
        for link in links:
            for a in link.get("addr_info", []):
                failed = "dad failed" if a.get("dadfailed") else ""
                lines.add("address %s %s %s" % (link["ifname"], a.get("local"), failed))
    for f in ns.show("bridge", "-j", "fdb"):
        if not f["mac"].startswith(("33:33:", "01:00:5e:")):
            lines.add("fdb %s %s" % (f["mac"], f.get("ifname")))
    return lines


STATE_KINDS = ("neigh4", "neigh6", "route4", "route6", "address", "fdb")


# ---- arenas: an attacker, a victim, and what is between them ----


class Arena:
    """@watch: namespaces of the victim's side; @tables: whose tables must stay as they are."""

    def __init__(self, attacker, victim, parties, watch, tables, own=(), gateways=(),
                 patience=3.0):
        self.attacker, self.victim, self.parties = attacker, victim, parties
        self.watch, self.tables = watch, tables
        self.links = ["eth0"]  # the attacker's
        self.sender = None  # makes who sends, of a namespace and a link, instead of sniff.Sender
        self.patience = patience  # seconds to wait for an answer
        self.own = own  # namespaces to be closed
        self.gateways = gateways

    def close(self):
        for ns in self.own:
            ns.close()


A_MAC, V_MAC, G_MAC, W_MAC = ("02:a0:00:00:00:%02x" % n for n in (1, 2, 3, 4))


def ll(number):
    return "fe80::a0:%d" % number


def host_lines(mac, ip4, ip6, link_local):
    return ["link set eth0 address %s" % mac, "link set eth0 addrgenmode none",
            "link set eth0 up", "addr add %s dev eth0" % ip4,
            "addr add %s dev eth0 nodad" % ip6, "addr add %s/64 dev eth0 nodad" % link_local]


# Nothing isolates: what a careless administrator could switch off is off.
OPEN4 = {"rp_filter": 0, "accept_source_route": 1, "accept_redirects": 1, "bc_forwarding": 1,
         "secure_redirects": 0}


def open_sysctls(ns, links, forwarding):
    ns.sysctl({"ipv4/ip_forward": forwarding, "ipv6/conf/all/forwarding": forwarding})
    ns.sysctl({"ipv6/conf/%s/seg6_enabled" % link: 1 for link in ("all", *links)})
    # A bridge that hands frames to the filters of IP loses what is malformed there.
    ns.sysctl({"bridge/bridge-nf-call-" + name: 0
               for name in ("iptables", "ip6tables", "arptables")})
    # An ICMP error more than the rate allows would look like isolation.
    ns.sysctl({"ipv4/icmp_ratelimit": 0, "ipv6/icmp/ratelimit": 0})
    for link in ("all", *links):
        ns.sysctl({"ipv4/conf/%s/%s" % (link, name): v for name, v in OPEN4.items()})


def control_flat():
    """One bridge with three hosts: attacker, victim, gateway."""
    sw, a, v, g = (Netns.make() for _ in range(4))
    ports = {"pa": a, "pv": v, "pg": g}
    open_sysctls(sw, (), 0)
    sw.ip("link add br0 type bridge stp_state 0 mcast_snooping 0 group_fwd_mask 0xfff8",
          "link set br0 up")
    for port, ns in ports.items():
        veth(sw, port, ns, "eth0")
        sw.ip("link set %s master br0" % port, "link set %s up" % port)
    for ns, mac, n in ((a, A_MAC, 2), (v, V_MAC, 3), (g, G_MAC, 1)):
        open_sysctls(ns, (), 0)
        ns.ip(*host_lines(mac, "10.1.0.%d/24" % n, "fd00:a::%d/64" % n, ll(n)))
        open_sysctls(ns, ("eth0",), 0)
    a.ip("route add default via 10.1.0.1")
    v.ip("route add default via 10.1.0.1", "route add ::/0 via %s dev eth0" % ll(1),
         "neigh replace 10.1.0.1 lladdr %s nud stale dev eth0" % G_MAC,
         "neigh replace fd00:a::1 lladdr %s nud stale dev eth0" % G_MAC,
         "neigh replace %s lladdr %s nud stale dev eth0" % (ll(1), G_MAC))
    host = lambda mac, n: Host(mac, "10.1.0.%d" % n, "fd00:a::%d" % n, ll(n))
    parties = Parties(host(A_MAC, 2), host(V_MAC, 3), host(G_MAC, 1), host(G_MAC, 1),
                      "10.1.0.77", "fd00:a::77", "10.1.0.78", "fd00:a::78", "10.1.0.255")
    # All believe the attacker in the end, and the answer goes astray.
    return Arena(a, v, parties, [v], [v, sw], (sw, a, v, g), patience=0.3)


def control_routed():
    """A router between two bridges, with VXLAN ends that lead to the victim's bridge."""
    r, a, v = (Netns.make() for _ in range(3))
    r.ip("link add bra type bridge mcast_snooping 0", "link add brv type bridge mcast_snooping 0")
    for end, bridge, ns in (("pa", "bra", a), ("pv", "brv", v)):
        veth(r, end, ns, "eth0")
        r.ip("link set %s master %s" % (end, bridge), "link set %s up" % end)
    open_sysctls(r, ("bra", "brv"), 1)
    for bridge, mac, net in (("bra", G_MAC, 1), ("brv", W_MAC, 2)):
        r.ip("link set %s address %s" % (bridge, mac), "link set %s addrgenmode none" % bridge,
             "link set %s up" % bridge,
             "addr add 10.%d.0.1/24 brd + dev %s" % (net, bridge),
             "addr add fd00:%d::1/64 dev %s nodad" % (net, bridge),
             "addr add %s/64 dev %s nodad" % (ll(net), bridge))
    for ns, mac, net in ((a, A_MAC, 1), (v, V_MAC, 2)):
        ns.ip(*host_lines(mac, "10.%d.0.2/24" % net, "fd00:%d::2/64" % net, ll(10 + net)),
              "route add default via 10.%d.0.1" % net,
              "route add ::/0 via fd00:%d::1" % net)
    for fam, addr in (("4", "10.2.0.2"), ("6", "fd00:2::2")):
        r.ip("neigh replace %s lladdr %s nud permanent dev brv" % (addr, V_MAC))
    # Routed, so that what comes for nobody's address gets an answer.
    r.ip("route add unreachable 203.0.113.0/24", "route add unreachable 2001:db8:1::/64")
    for n, (port, vni) in enumerate(((4789, 42), (8472, 100))):
        r.ip("link add vx%d type vxlan id %d dstport %d local 10.1.0.1 nolearning"
             % (n, vni, port), "link set vx%d master brv" % n, "link set vx%d up" % n)
        r.ip("link add vy%d type vxlan id %d dstport %d local fd00:1::1 nolearning"
             % (n, vni, port), "link set vy%d master brv" % n, "link set vy%d up" % n)
    parties = Parties(Host(A_MAC, "10.1.0.2", "fd00:1::2", ll(11)),
                      Host(V_MAC, "10.2.0.2", "fd00:2::2", ll(12)),
                      Host(G_MAC, "10.1.0.1", "fd00:1::1", ll(1)),
                      Host(W_MAC, "10.2.0.1", "fd00:2::1", ll(2)),
                      "10.1.0.77", "fd00:1::77", "10.2.0.78", "fd00:2::78", "10.2.0.255")
    return Arena(a, v, parties, [v], [], (r, a, v))


def control_direct():
    """A cable: what comes out of a packet socket at all."""
    a, v = Netns.make(), Netns.make()
    veth(a, "eth0", v, "eth0")
    for ns, mac, n in ((a, A_MAC, 2), (v, V_MAC, 3)):
        ns.ip(*host_lines(mac, "10.1.0.%d/24" % n, "fd00:a::%d/64" % n, ll(n)))
    host = lambda mac, n: Host(mac, "10.1.0.%d" % n, "fd00:a::%d" % n, ll(n))
    # There is no gateway: the victim stands for it.
    parties = Parties(host(A_MAC, 2), host(V_MAC, 3), host(V_MAC, 3), host(V_MAC, 3),
                      "10.1.0.77", "fd00:a::77", "10.1.0.78", "fd00:a::78", "10.1.0.255")
    return Arena(a, v, parties, [v], [], (a, v), patience=0.3)


# ---- nsnet ----


class Missing(Exception):
    """This nsnet does not know what the scenario needs."""


class Nsnet:
    def __init__(self, binary):
        self.binary = binary

    def run(self, *argv, must=True):
        done = subprocess.run([self.binary, *argv], capture_output=True, text=True, timeout=120)
        if done.returncode == 2 and "[USAGE]" in done.stderr:
            raise Missing("nsnet %s: %s" % (" ".join(argv), done.stderr.splitlines()[0]))
        if must and done.returncode != 0:
            raise RuntimeError("nsnet %s: %s" % (" ".join(argv), done.stderr))
        return done

    def clear(self, rules=False):
        """@rules: with those that name them."""
        names = self.run("tenant", "list", "-o", "name").stdout.split()
        if names:
            self.run("tenant", "del", "-y", *(["--with-rules"] if rules else []), *names)

    def gateway(self, tenant):
        shown = json.loads(self.run("tenant", "show", tenant, "-j").stdout)["items"][0]
        return Netns(glob.glob("/run/nsnet/gw/*-%d" % shown["id"])[0])

    @staticmethod
    def endpoint(tenant, name="default"):
        return Netns("/run/netns/" + (tenant if name == "default" else "%s.%s" % (tenant, name)))


def host_of(ns, link):
    """A host as `ip` shows it."""
    shown = ns.show("ip", "-j", "addr", "show", "dev", link)[0]
    host = Host(shown["address"], "")
    for a in shown["addr_info"]:
        if a["family"] == "inet" and not host.ip4:
            host.ip4 = a["local"]
        elif a["family"] == "inet6" and a["scope"] == "link":
            host.ll = host.ll or a["local"]
        elif a["family"] == "inet6":
            host.ip6 = host.ip6 or a["local"]
    return host


def eui64(mac):
    """The link-local address that a host would have chosen."""
    b = bytearray.fromhex(mac.replace(":", ""))
    return "fe80::%x:%xff:fe%02x:%x" % ((b[0] ^ 2) << 8 | b[1], b[2] << 8, b[3], b[4] << 8 | b[5]) \
        if any(b) else "fe80::1"


def nsnet_parties(attacker, victim, gateway, victims_gateway):
    hosts = [host_of(attacker, "eth0"), host_of(victim, "eth0"),
             host_of(gateway, "br0"), host_of(victims_gateway, "br0")]
    for n, h in enumerate(hosts):
        # Without IPv6 the addresses that there would be: the frames are sent all the same.
        h.ip6 = h.ip6 or "fd00:%d::%d" % (1 + n % 2, 2 if n < 2 else 1)
        h.ll = h.ll or eui64(h.mac)
    a, v = hosts[0], hosts[1]
    near = lambda ip, n: ip.rsplit(".", 1)[0] + ".%d" % n
    near6 = lambda ip, n: ip.rsplit(":", 1)[0] + ":%x" % n
    return Parties(*hosts, near(a.ip4, 77), near6(a.ip6, 0x77), near(v.ip4, 78),
                   near6(v.ip6, 0x78), near(v.ip4, 255))


def between_tenants(nsnet, attacker="a1", victim="b1"):
    a, v = nsnet.endpoint(attacker), nsnet.endpoint(victim)
    g, w, host = nsnet.gateway(attacker), nsnet.gateway(victim), Netns("/proc/thread-self/ns/net")
    return Arena(a, v, nsnet_parties(a, v, g, w), [v, w, host], [v, w, g], (a, v, g, w, host),
                 (g, w))


def between_endpoints(nsnet, tenant, attacker, victim):
    a, v = nsnet.endpoint(tenant, attacker), nsnet.endpoint(tenant, victim)
    g, host = nsnet.gateway(tenant), Netns("/proc/thread-self/ns/net")
    return Arena(a, v, nsnet_parties(a, v, g, g), [v, host], [v, g], (a, v, g, host), (g,))
