# SPDX-License-Identifier: GPL-2.0-or-later
"""What only the owner of a network may do, tried. A line "ACT ok" or "ACT ERRNO" for each.

  owner.py          here, on the link eth0
  owner.py stage    in a network namespace that is ours to spoil: eth0 and all else is made anew
                    before each act, so that those that succeed do not hinder the next

See test_network_owner.c.
"""
import ctypes
import errno
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
GETLINK, NEWLINK, DELLINK, GETADDR, NEWNSID = 18, 16, 17, 22, 88
REQUEST, ACK, DUMP = 1, 4, 0x300
TARGET_NETNSID, LINK_NETNSID, ADDRESS_NETNSID = 46, 37, 10
ACTS = []


def act(name):
    return lambda f: ACTS.append((name, f))


def by_command(name, *argv, stdin=None):
    ACTS.append((name, lambda: command(*argv, stdin=stdin)))


def command(*argv, stdin=None):
    """Runs it; what it says of the kernel's answer becomes an OSError again."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True)
    if done.returncode == 0:
        return
    for number in (errno.EPERM, errno.EACCES, errno.EROFS, errno.ENODEV, errno.EEXIST,
                   errno.EINVAL, errno.EOPNOTSUPP, errno.ENOENT):
        if os.strerror(number).lower() in done.stderr.lower():
            raise OSError(number, done.stderr)
    raise RuntimeError(done.stderr.strip().replace(" ", "-")[:100] or "status")


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")


def index():
    return socket.if_nametoindex("eth0")


# ---- rtnetlink, where `ip` has no words for it ----


def attr(kind, data):
    return struct.pack("=HH", len(data) + 4, kind) + data + b"\0" * (-len(data) % 4)


def netlink(kind, flags, body):
    """The answers' bodies; raises what the kernel says."""
    found = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
        s.settimeout(10)
        s.send(struct.pack("=IHHII", len(body) + 16, kind, REQUEST | flags, 1, 0) + body)
        while True:
            data = s.recv(1 << 17)
            while data:
                size, got = struct.unpack("=IH", data[:6])
                if got in (2, 3):  # ERROR, DONE
                    code = struct.unpack("=i", data[16:20])[0] if size >= 20 else 0
                    if code:
                        raise OSError(-code, "netlink")
                    return found
                found.append(data[16:size])
                if not flags:
                    return found
                data = data[(size + 3) & ~3:]


def ifinfo(number=0, flags=0, change=0):
    return struct.pack("=BxHiII", 0, 0, number, flags, change)


def other_side():
    """The number by which this network knows the one on the other end of eth0."""
    for body in netlink(GETLINK, DUMP, ifinfo()):
        at, mine = 16, struct.unpack("=i", body[4:8])[0] == index()
        while mine and at + 4 <= len(body):
            size, kind = struct.unpack("=HH", body[at:at + 4])
            if kind == LINK_NETNSID:
                return struct.unpack("=i", body[at + 4:at + 8])[0]
            at += (size + 3) & ~3
    raise RuntimeError("no-number")


def target():
    return struct.pack("=i", other_side())


# ---- the acts ----

by_command("link-down", "ip", "link", "set", "eth0", "down")
by_command("link-mac", "ip", "link", "set", "eth0", "address", "02:00:00:00:00:77")
by_command("link-mtu", "ip", "link", "set", "eth0", "mtu", "1400")
by_command("link-name", "ip", "link", "set", "eth0", "name", "eth9")
by_command("link-promisc", "ip", "link", "set", "eth0", "promisc", "on")
by_command("link-alias", "ip", "link", "set", "eth0", "alias", "mine")
by_command("link-del", "ip", "link", "del", "eth0")
by_command("lo-down", "ip", "link", "set", "lo", "down")
by_command("new-veth", "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
by_command("new-bridge", "ip", "link", "add", "b0", "type", "bridge")
by_command("address-add", "ip", "addr", "add", "10.10.1.99/24", "dev", "eth0")
by_command("address-add6", "ip", "addr", "add", "fd00:1::99/64", "dev", "eth0")
by_command("address-flush", "ip", "addr", "del", "10.10.1.2/24", "dev", "eth0")
by_command("route-add", "ip", "route", "add", "192.0.2.0/24", "dev", "eth0")
by_command("route-replace", "ip", "route", "replace", "default", "via", "10.10.1.77", "onlink",
           "dev", "eth0")
by_command("route-del", "ip", "route", "del", "default")
by_command("route-add6", "ip", "-6", "route", "add", "2001:db8::/64", "dev", "eth0")
by_command("rule-add", "ip", "rule", "add", "fwmark", "7", "table", "7")
by_command("neighbour", "ip", "neigh", "replace", "10.10.1.1", "lladdr", "02:00:00:00:00:66",
           "dev", "eth0")
by_command("qdisc", "tc", "qdisc", "replace", "dev", "eth0", "root", "pfifo")
by_command("nft-list", "nft", "list", "ruleset")
by_command("nft-flush", "nft", "flush", "ruleset")
by_command("nft-add", "nft", "add", "table", "inet", "mine")
by_command("xfrm", "ip", "xfrm", "policy", "flush")


@act("ioctl-flags")
def ioctl_flags():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH22x", b"eth0", 0))


@act("ioctl-address")
def ioctl_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8916, struct.pack("16sHH4s16x", b"eth0", socket.AF_INET, 0,
                                           socket.inet_aton("10.10.1.98")))


@act("ioctl-bridge")
def ioctl_bridge():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x89A0, b"b1\0".ljust(16, b"\0"))


@act("socket-namespace")
def socket_namespace():
    """SIOCGSKNS: a descriptor of the network itself."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        os.close(fcntl.ioctl(s, 0x894C))


def opens(name, *kind):
    ACTS.append((name, lambda: socket.socket(*kind).close()))


opens("packet-raw", socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
opens("packet-dgram", socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
opens("raw-icmp", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
opens("raw-any", socket.AF_INET, socket.SOCK_RAW, 255)
opens("raw6-icmp", socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
opens("raw6-any", socket.AF_INET6, socket.SOCK_RAW, 255)


def option(name, family, level, number, value):
    def set_it():
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.setsockopt(level, number, value)
    ACTS.append((name, set_it))


option("mark", socket.AF_INET, socket.SOL_SOCKET, 36, 7)
option("transparent", socket.AF_INET, socket.IPPROTO_IP, 19, 1)
option("transparent6", socket.AF_INET6, socket.IPPROTO_IPV6, 75, 1)
option("hop-options", socket.AF_INET6, socket.IPPROTO_IPV6, 54, b"\x3b\0\x01\x04\0\0\0\0")


def writes(name):
    """With the value that is there: what is asked is whether it may be written."""
    def write():
        path = "/proc/sys/net/" + name
        with open(path) as f:
            value = f.read()
        fd = os.open(path, os.O_WRONLY)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
    ACTS.append(("sysctl-" + name, write))


for sysctl in ("ipv4/ip_forward", "ipv4/conf/all/rp_filter", "ipv4/conf/eth0/arp_ignore",
               "ipv4/ip_unprivileged_port_start",
               "ipv6/conf/all/forwarding", "ipv6/conf/eth0/accept_ra", "ipv4/tcp_syncookies",
               "core/somaxconn"):
    writes(sysctl)

# ---- over the border to another network ----


@act("target-links")
def target_links():
    netlink(GETLINK, DUMP, ifinfo() + attr(TARGET_NETNSID, target()))


@act("target-link")
def target_link():
    netlink(GETLINK, 0, ifinfo(1) + attr(TARGET_NETNSID, target()))


@act("target-addresses")
def target_addresses():
    """Without strict checking the kernel looks at no attribute, and dumps our own."""
    body = struct.pack("=BBBBi", 0, 0, 0, 0, 0) + attr(ADDRESS_NETNSID, target())
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
        s.setsockopt(270, 12, 1)  # NETLINK_GET_STRICT_CHK
        s.settimeout(10)
        s.send(struct.pack("=IHHII", len(body) + 16, GETADDR, REQUEST | DUMP, 1, 0) + body)
        data = s.recv(1 << 17)
    size, kind = struct.unpack("=IH", data[:6])
    code = struct.unpack("=i", data[16:20])[0] if kind in (2, 3) and size >= 20 else 0
    if code:
        raise OSError(-code, "netlink")


@act("target-del")
def target_del():
    """The stage's other end; of a tenant's it would be another name, if it came to that."""
    netlink(DELLINK, ACK, ifinfo() + attr(TARGET_NETNSID, target()) + attr(3, b"pe\0"))


@act("target-new")
def target_new():
    info = attr(18, attr(1, b"bridge\0"))  # IFLA_LINKINFO, IFLA_INFO_KIND
    netlink(NEWLINK, ACK | 0x600, ifinfo() + attr(TARGET_NETNSID, target()) + attr(3, b"b3\0") + info)


@act("number-new")
def number_new():
    """RTM_NEWNSID: a number for a network that nobody here has one for."""
    netlink(NEWNSID, ACK, struct.pack("=B3x", 0) + attr(1, struct.pack("=i", 77)) +
            attr(2, struct.pack("=I", neighbour())))


@act("move-link")
def move_link():
    command("ip", "link", "set", "eth0", "netns", str(beside()))


@act("crossing-veth")
def crossing_veth():
    """One end here, one in another network."""
    command("ip", "link", "add", "v2", "type", "veth", "peer", "name", "v3", "netns", str(beside()))


def from_beside(*argv):
    """In a network of our own that we made, with the way back known."""
    me, child = os.getpid(), os.fork()
    if child == 0:
        code = 1
        try:
            check(LIBC.unshare(CLONE_NEWNET))
            command(*[str(me) if w == "BACK" else w for w in argv])
            code = 0
        except OSError as e:
            code = e.errno
        except RuntimeError as e:
            print(e, file=sys.stderr, flush=True)
            code = 255
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise OSError(code, "")


@act("crossing-veth-back")
def crossing_veth_back():
    from_beside("ip", "link", "add", "v4", "type", "veth", "peer", "name", "v5", "netns", "BACK")


@act("crossing-new-back")
def crossing_new_back():
    from_beside("ip", "link", "add", "b2", "netns", "BACK", "type", "bridge")


# Not over a border: what is in the way above is who owns a network, and nothing else.
by_command("own-network", "unshare", "-n", "ip", "link", "add", "b4", "type", "bridge")

# ---- the stage ----

NEIGHBOURS = []


def neighbour():
    """A process in a network of its own, ours to do with what we want, where that is allowed."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        LIBC.prctl(1, signal.SIGKILL)
        os.write(w, b"y" if LIBC.unshare(CLONE_NEWNET) == 0 else b"n")
        time.sleep(600)
        os._exit(0)
    NEIGHBOURS.append(pid)
    if os.read(r, 1) != b"y":
        raise RuntimeError("no-network-beside")
    return pid


def beside():
    """The first of them."""
    return NEIGHBOURS[0] if NEIGHBOURS else neighbour()


def stage():
    """As in a tenant: eth0 is one end of a cable whose other is in another network."""
    for link in ("eth0", "eth9", "v0", "v2", "v5", "b0", "b1", "b2"):
        subprocess.run(["ip", "link", "del", link], stderr=subprocess.DEVNULL)
    enter = ("nsenter", "--preserve-credentials", "-n", "-t", str(beside()))
    for link in ("pe", "v3", "v4", "eth0", "b3"):
        subprocess.run([*enter, "ip", "link", "del", link], stderr=subprocess.DEVNULL)
    for line in ("ip link set lo up",
                 "ip link add eth0 type veth peer name pe netns %d" % beside(),
                 "ip addr add 10.10.1.2/24 dev eth0", "ip link set eth0 up",
                 "ip route replace default via 10.10.1.1 dev eth0",
                 "nft add table inet theirs"):
        subprocess.run(line.split(), check=True)


def main():
    for name, do in ACTS:
        if "stage" in sys.argv:
            stage()
        try:
            do()
            said = "ok"
        except OSError as e:
            said = errno.errorcode.get(e.errno, str(e.errno))
        except RuntimeError as e:
            said = "?" + str(e)
        print(name, said, flush=True)
    for pid in NEIGHBOURS:
        os.kill(pid, signal.SIGKILL)


main()
