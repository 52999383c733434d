# SPDX-License-Identifier: GPL-2.0-or-later
"""What test_anyhost.c looks at: networks of containers on a host, asked by packets and by the audit.

    anyhost.py plain|netavark|cni|cni-firewall|unknown|shared

In a world, with a /proc of its own. Two networks, a and b, each with a namespace; behind the
default route, eth0, there is an internet. Packets show that b's gateway address and a program of
the host answer to a, and that a forged source leaves; so the audit must say it. With what the audit
hints at it is not so any more, and neither is it said.
"""
import json
import os
import socket
import subprocess
import sys
import threading
import time

import jsonschema

NSNET = os.environ["NSNET_BIN"]
PORT = 8080
with open(os.path.join(os.environ["NSNET_SRC"], "tools/schema/Proof.json"), encoding="utf-8") as file:
    SCHEMA = json.load(file)
FORGED = "198.51.100.77"


def sh(line, **kw):
    done = subprocess.run(["sh", "-ec", line], capture_output=True, text=True, check=False, timeout=60, **kw)
    if done.returncode != 0:
        raise SystemExit(f"{line}: {done.stdout}{done.stderr}")
    return done.stdout


def inside(netns, work):
    """Calls @work in a thread that is in the namespace; what it returns."""
    got = []

    def run():
        fd = os.open("/run/netns/" + netns, os.O_RDONLY)
        try:
            setns(fd)
        finally:
            os.close(fd)
        got.append(work())

    t = threading.Thread(target=run)
    t.start()
    t.join()
    if not got:
        raise SystemExit(f"nothing came of it in {netns}")
    return got[0]


def setns(fd):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")


# ---- what packets say ---------------------------------------------------------------------------

OPEN, CLOSED = 5, 0.3  # how long is waited for what should be, and for what should not


def pings(netns, to, wait=OPEN):
    return subprocess.run(["ip", "netns", "exec", netns, "ping", "-c1", f"-W{wait}", "-q", to],
                          capture_output=True, check=False, timeout=20).returncode == 0


def connects(netns, to, port, wait=OPEN):
    def work():
        try:
            socket.create_connection((to, port), timeout=wait).close()
            return True
        except OSError:
            return False
    return inside(netns, work)


def pings_in_group(netns, own, to, wait=OPEN):
    def work():
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.bind(("eth0", 0))
        s.settimeout(0.2)
        body = bytearray(bytes([8, 0, 0, 0]) + b"\x12\x34\0\1" + b"x" * 8)
        body[2:4] = checksum(body).to_bytes(2, "big")
        head = bytearray(bytes([0x45, 0, 0, 36, 0, 1, 0, 0, 64, 1, 0, 0])
                         + socket.inet_aton(own) + socket.inet_aton(to))
        head[10:12] = checksum(head).to_bytes(2, "big")
        s.send(bytes.fromhex("0180c2000002") + s.getsockname()[4] + b"\x08\0" + bytes(head) + bytes(body))
        end = time.monotonic() + wait
        while time.monotonic() < end:
            try:
                frame = s.recv(2048)
            except socket.timeout:
                continue
            if frame[26:30] == socket.inet_aton(to) and frame[34] == 0:
                return True
        return False
    return inside(netns, work)


def checksum(data):
    n = sum(data[i] << 8 | data[i + 1] for i in range(0, len(data), 2))
    n = (n >> 16) + (n & 0xffff)
    return ~(n + (n >> 16)) & 0xffff


def forges(netns, wait=OPEN):
    """Whether a packet with somebody else's source comes out of the machine."""
    tap = inside("internet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)))
    tap.settimeout(0.2)
    head = bytearray(bytes([0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0])
                     + socket.inet_aton(FORGED) + socket.inet_aton("9.9.9.9"))
    head[10:12] = checksum(head).to_bytes(2, "big")
    packet = bytes(head) + (4444).to_bytes(2, "big") + (53).to_bytes(2, "big") + b"\0\x08\0\0"

    def send():
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        s.sendto(packet, ("9.9.9.9", 0))
        s.close()
        return True
    inside(netns, send)
    end = time.monotonic() + wait
    while time.monotonic() < end:
        try:
            frame = tap.recv(2048)
        except socket.timeout:
            continue
        if socket.inet_aton(FORGED) in frame[26:30]:
            tap.close()
            return True
    tap.close()
    return False


# ---- what the audit says ------------------------------------------------------------------------

def audit(want=None):
    """The document; its status must be that of its verdict."""
    done = subprocess.run([NSNET, "-j", "verify", "--host"], capture_output=True, text=True, check=False,
                          timeout=100)
    doc = json.loads(done.stdout)
    if doc["kind"] == "Error":
        raise SystemExit(done.stdout)
    status = {"proved": 0, "violation": 1, "inconclusive": 3}[doc["verdict"]]
    must(done.returncode == status, doc, f"status {done.returncode}")
    jsonschema.validate(doc, SCHEMA)
    if want:
        must(doc["verdict"] == want, doc, f"verdict {want}")
    return doc


def must(true, doc, what):
    if not true:
        raise SystemExit(f"not so: {what}\n" + json.dumps(
            {k: doc[k] for k in ("verdict", "networks", "findings", "shared", "items") if k in doc}, indent=1))


def find(doc, kind, one, other, what=""):
    for f in doc["findings"]:
        if f["kind"] == kind and f["from"] == one and f["to"] == other and what in f["what"]:
            return f
    return None


def evidence(doc, f, *parts):
    text = "\n".join(f["evidence"])
    for part in parts:
        must(part in text, doc, f"evidence '{part}' of {f['kind']}")


class Net:
    def __init__(self, name, netns, address, gateway):
        self.name, self.netns, self.address, self.gateway = name, netns, address, gateway


def check_open(a, b):
    """It is open, by packets, and the audit has found it, each way."""
    doc = audit("violation")
    for x, y in ((a, b), (b, a)):
        assert pings(x.netns, y.gateway), "the other gateway's address answers"
        assert pings(x.netns, y.address), "the other network answers"
        assert connects(x.netns, y.gateway, PORT), "the host's program answers"
        assert forges(x.netns), "a forged source leaves"
        f = find(doc, "REACHES_HOST", x.name, y.name)
        must(f, doc, f"{x.name} reaches {y.name}'s gateway address")
        evidence(doc, f, f"{x.address} -> {y.gateway}", "in by ", "no rule on its way stops it")
        f = find(doc, "REACHES_HOST", x.name, None, "a program of the host")
        must(f, doc, f"{x.name} reaches the host's program")
        evidence(doc, f, f"tcp/{PORT}", "python3", "listens on 0.0.0.0")
        must(f["pid"] == os.getpid(), doc, "whose it is")
        f = find(doc, "SPOOFED_EGRESS", x.name, None)
        must(f, doc, f"{x.name} forges")
        evidence(doc, f, f"packet: {FORGED} -> ", "out by eth0")
        f = find(doc, "UNEXPECTED_ALLOW", x.name, y.name)
        must(f, doc, f"{x.name} reaches {y.name}")
        evidence(doc, f, f"{x.address} -> {y.address}")
    must(find(doc, "LEAVES", None, None), doc, "that they get out is a fact")
    must(not any(f["verdict"] == "inconclusive" for f in doc["findings"]), doc, "all of it was understood")
    return doc


def close_up(doc):
    """Follows the hints until there are none; how often."""
    for times in range(1, 12):
        for f in doc["findings"]:
            if f["verdict"] == "violation":
                must(f["hint"] and f["hint"].startswith("nft '"), doc, "a hint")
                sh(f["hint"])
        doc = audit()
        if not any(f["verdict"] == "violation" for f in doc["findings"]):
            return doc, times
    raise SystemExit("hints do not end: " + json.dumps(doc["findings"], indent=1))


def check_closed(a, b):
    for x, y in ((a, b), (b, a)):
        assert not pings(x.netns, y.gateway, CLOSED), "the other gateway's address is closed"
        assert not pings(x.netns, y.address, CLOSED), "the other network is closed"
        assert not connects(x.netns, x.gateway, PORT, CLOSED), "the host's program is closed"
        assert not forges(x.netns, CLOSED), "no forged source leaves"
        assert pings(x.netns, x.gateway), "its own gateway answers"
        assert pings(x.netns, "192.0.2.1"), "the internet answers"


def open_and_closed(a, b):
    doc, _ = close_up(check_open(a, b))
    # What was pinged is a connection that lives on for a second.
    for _ in range(50):
        if not any("a connection lives" in f["what"] for f in doc["findings"]):
            break
        time.sleep(0.1)
        doc = audit()
    must(doc["verdict"] == "proved", doc, "proved")
    check_closed(a, b)
    for x in (a, b):
        must(find(doc, "LEAVES", None, None), doc, "they still get out")
        must(x.name in find(doc, "LEAVES", None, None)["evidence"], doc, f"{x.name} gets out")


# ---- networks -----------------------------------------------------------------------------------

def host():
    sh("""ip netns add internet
    ip link add eth0 type veth peer name eth0 netns internet
    ip addr add 192.0.2.10/24 dev eth0; ip link set eth0 up
    ip -n internet addr add 192.0.2.1/24 dev eth0; ip -n internet link set eth0 up
    ip -n internet route add 10.0.0.0/8 via 192.0.2.10
    ip route add default via 192.0.2.1
    sysctl -qw net.ipv4.ip_forward=1
    for f in all default eth0; do sysctl -qw net.ipv4.conf.$f.rp_filter=0; done
    sysctl -qw net.netfilter.nf_conntrack_icmp_timeout=1 2>/dev/null || :""")
    s = socket.create_server(("0.0.0.0", PORT))
    s.listen(64)
    return s


def bridge(i):
    sh(f"""ip link add br{i} type bridge; ip addr add 10.1.{i}.1/24 dev br{i}; ip link set br{i} up
    for k in 2 3; do
      ip netns add n{i}$k; ip link add v{i}$k type veth peer name eth0 netns n{i}$k
      ip link set v{i}$k master br{i} up
      ip -n n{i}$k addr add 10.1.{i}.$k/24 dev eth0; ip -n n{i}$k link set eth0 up
      ip -n n{i}$k route add default via 10.1.{i}.1
    done""")
    return Net(f"br{i}", f"n{i}2", f"10.1.{i}.2", f"10.1.{i}.1")


def netavark(i, what):
    doc = {"container_id": f"{i:064d}", "container_name": f"web{i}",
           "networks": {f"net{i}": {"static_ips": [f"10.89.{i}.2"], "interface_name": "eth0"}},
           "network_info": {f"net{i}": {
               "name": f"net{i}", "id": f"{i:064d}", "driver": "bridge", "network_interface": f"podman{i}",
               "subnets": [{"subnet": f"10.89.{i}.0/24", "gateway": f"10.89.{i}.1"}], "ipv6_enabled": False,
               "internal": False, "dns_enabled": False, "ipam_options": {"driver": "host-local"}}}}
    if what == "setup":
        sh(f"ip netns add c{i}")
    sh(f"/usr/lib/podman/netavark {what} /run/netns/c{i}", input=json.dumps(doc))
    return Net(f"podman{i}", f"c{i}", f"10.89.{i}.2", f"10.89.{i}.1")


def cni(i, command, firewall):
    conf = {"cniVersion": "0.4.0", "name": f"cni{i}"}
    env = dict(os.environ, CNI_PATH="/usr/lib/cni", CNI_COMMAND=command, CNI_CONTAINERID=f"x{i}",
               CNI_NETNS=f"/run/netns/x{i}", CNI_IFNAME="eth0")
    main = dict(conf, type="bridge", bridge=f"cni{i}", isGateway=True, ipMasq=True,
                ipam={"type": "host-local", "subnet": f"10.88.{i}.0/24", "dataDir": "/run/cni-ipam",
                      "routes": [{"dst": "0.0.0.0/0"}]})
    if command == "ADD":
        sh(f"ip netns add x{i}")
    got = sh("/usr/lib/cni/bridge", input=json.dumps(main), env=env)
    if firewall:
        prev = json.loads(got) if got else {"cniVersion": "0.4.0"}
        sh("/usr/lib/cni/firewall", env=env,
           input=json.dumps(dict(conf, type="firewall", backend="iptables", prevResult=prev)))
    return Net(f"cni{i}", f"x{i}", f"10.88.{i}.2", f"10.88.{i}.1")


# ---- the cases ----------------------------------------------------------------------------------

def plain():
    a, b = bridge(1), bridge(2)
    before = set(os.listdir("/run")) | set(os.listdir("/var/lib"))
    open_and_closed(a, b)
    assert before == set(os.listdir("/run")) | set(os.listdir("/var/lib")), "nothing is written"
    doc = audit("proved")
    must([n["members"] for n in doc["networks"]] == [["n12", "n13"], ["n22", "n23"]], doc, "who is in them")
    must([n["gateways"] for n in doc["networks"]] == [["10.1.1.1"], ["10.1.2.1"]], doc, "gateways")
    # One rule less, and it is said again.
    sh("nft flush chain inet apart forward")
    doc = audit("violation")
    must(find(doc, "UNEXPECTED_ALLOW", "br1", "br2"), doc, "it is said again")
    must(not find(doc, "REACHES_HOST", "br1", "br2"), doc, "and nothing else")
    # A packet in a frame to the bridge's own group comes in by the port: the bridge's name is no help.
    sh("nft flush chain inet apart input; nft add rule inet apart input iifname br1 ip daddr 10.1.2.1 drop")
    assert not pings(a.netns, b.gateway, CLOSED), "by the bridge it is closed"
    assert pings_in_group(a.netns, a.address, b.gateway), "by the port it is open"
    f = find(audit("violation"), "REACHES_HOST", "br1", "br2")
    must(f, doc, "what gets in by the port")
    evidence(doc, f, "01:80:c2:00:00:02", "in by v1", "delivered to")
    # A cable past the host; somebody in both networks.
    sh("ip link add past type veth peer name past netns n22; ip link set past netns n12")
    doc = audit("violation")
    must(find(doc, "STRAY_LINK", "br1", "br2") or find(doc, "STRAY_LINK", "br2", "br1"), doc, "a cable")
    sh("ip -n n12 link del past; ip link add v29 type veth peer name eth1 netns n12; ip link set v29 master br2 up")
    must(find(audit("violation"), "TWO_NETWORKS", "br1", "br2"), doc, "in both")
    # What listens on loopback alone is the host's own, until somebody routes it.
    with socket.create_server(("127.0.0.1", 9999)):
        doc = audit("violation")
        must(not any("tcp/9999" in " ".join(f["evidence"]) for f in doc["findings"]), doc, "127.0.0.1 is not reached")
        sh("sysctl -qw net.ipv4.conf.br1.route_localnet=1")
        doc = audit("violation")
        must(any("tcp/9999" in " ".join(f["evidence"]) for f in doc["findings"]), doc, "127.0.0.1 is reached")


def with_netavark():
    a, b = netavark(1, "setup"), netavark(2, "setup")
    open_and_closed(a, b)
    netavark(1, "teardown")
    netavark(2, "teardown")


def with_cni(firewall):
    a, b = cni(1, "ADD", firewall), cni(2, "ADD", firewall)
    open_and_closed(a, b)
    cni(1, "DEL", firewall)
    cni(2, "DEL", firewall)


def unknown():
    """What is not understood is said by name, and nothing is proved by it."""
    bridge(1)
    bridge(2)
    close_up(audit("violation"))
    audit("proved")
    sh("iptables -I FORWARD -m recent --set --name x")
    doc = audit("inconclusive")
    must(any("match recent" in f["what"] for f in doc["findings"]), doc, "its name")
    sh("iptables -F FORWARD; ip link add m0 link br1 type macvlan; ip link set m0 netns n22")
    doc = audit("inconclusive")
    must(any("macvlan" in f["what"] for f in doc["findings"]), doc, "what sits on a device of the host")
    # Those that are: each closes a door, and is seen to.
    sh("ip -n n22 link del m0; nft delete table inet apart")
    sh("""iptables -A FORWARD -i br1 -o br2 -m conntrack --ctstate NEW,RELATED,ESTABLISHED -j ACCEPT
    iptables -A FORWARD -i br1 -o br2 -j DROP
    iptables -A FORWARD -i br2 -o br1 -m addrtype ! --dst-type LOCAL -j REJECT
    iptables -A INPUT -i br1 -p tcp -m tcp --dport 8000:8090 -j DROP
    iptables -A INPUT -i br2 -p tcp -m mark ! --mark 7 -j DROP""")
    doc = audit("violation")
    must(find(doc, "UNEXPECTED_ALLOW", "br1", "br2"), doc, "NEW is accepted")
    must(not find(doc, "UNEXPECTED_ALLOW", "br2", "br1"), doc, "REJECT of what is not LOCAL")
    for x in ("br1", "br2"):
        must(not find(doc, "REACHES_HOST", x, None, "a program"), doc, f"{x}: the port is closed")
    sh("iptables -R FORWARD 1 -i br1 -o br2 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
    must(not find(audit("violation"), "UNEXPECTED_ALLOW", "br1", "br2"), doc, "NEW is dropped")


def shared():
    """Who shares a namespace with whom."""
    bridge(1)
    one = subprocess.Popen(["ip", "netns", "exec", "n12", "unshare", "--ipc", "--uts", "sleep", "60"])
    time.sleep(0.5)
    two = subprocess.Popen(["nsenter", f"--target={one.pid}", "--ipc", "--net=/run/netns/n13", "sleep", "60"])
    try:
        time.sleep(0.5)
        doc = audit()
        kinds = {(s["kind"], tuple(sorted(s["members"]))) for s in doc["shared"]}
        must(("ipc", ("n12", "n13")) in kinds, doc, "ipc is shared")
        must(("pid", ("host", "n12", "n13")) in kinds, doc, "pid is the host's")
        must(not any(k == "net" for k, _ in kinds), doc, "net is not")
        must(("uts", ("host", "n13")) in kinds, doc, "uts of one")
        # root of the host is in there
        must(any(f["kind"] == "STRONG_ADVERSARY" and f["from"] == "br1" for f in doc["findings"]), doc, "root")
    finally:
        for p in (one, two):
            p.kill()
            p.wait()


listener = host()
{"plain": plain, "netavark": with_netavark, "cni": lambda: with_cni(False), "cni-firewall": lambda: with_cni(True),
 "unknown": unknown, "shared": shared}[sys.argv[1]]()
listener.close()
