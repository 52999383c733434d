# SPDX-License-Identifier: GPL-2.0-or-later
"""A tenant's objects as an administrator's script makes them: `ip -batch`, one `nft -f`, sysctl -p.

It is written from what nsnet made, so it makes the same. It lacks: IFA_PROTO (`ip addr` of Debian 12
cannot give it), a mount that propagates for the gateway's pin, a folder only root enters, and whatever
would happen if something were there already or failed half-way.
"""
import os
import subprocess

import kernel

ADD = """set -e
cd "$(dirname "$0")"
ip netns add {name}-gw
ip netns add {name}
nsenter --net=/run/netns/{name}-gw sysctl -qp gateway.sysctl
nsenter --net=/run/netns/{name} sysctl -qp workload.sysctl
nsenter --net=/run/netns/{name}-gw nft -f gateway.nft
ip -n {name}-gw -batch gateway.ip
bridge -n {name}-gw fdb replace {mac} dev {port} master static
ip -n {name} -batch workload.ip
mkdir -p /etc/netns/{name}
cp hosts resolv.conf /etc/netns/{name}
"""
ENDPOINT = """set -e
cd "$(dirname "$0")"
ip netns add {name}.db
nsenter --net=/run/netns/{name}.db sysctl -qp workload.sysctl
nsenter --net=/run/netns/{name}-gw nft -f - <<END
add element bridge nsnet nsnet_pin4 {{ "{port2}" . {mac2} . {ip2} }}
END
ip -n {name}-gw -batch gateway2.ip
bridge -n {name}-gw fdb replace {mac2} dev {port2} master static
ip -n {name}.db -batch workload2.ip
mkdir -p /etc/netns/{name}.db
cp hosts2 /etc/netns/{name}/hosts
cp hosts3 /etc/netns/{name}.db/hosts
cp resolv.conf /etc/netns/{name}.db
"""
# As scripts do it: the links one by one, then the names.
DEL = """set -e
ip -n {name}-gw link del {port}
ip -n {name}-gw link del {port2}
ip -n {name}-gw link del br0
ip netns del {name}
ip netns del {name}.db
ip netns del {name}-gw
rm -r /etc/netns/{name} /etc/netns/{name}.db
"""


def _flag(name, value):
    return f"{name} {'on' if value else 'off'}"


# What `ip -d link` prints, in the words that `ip link set` takes.
SAYS = ("hairpin", "guard", "root_block", "fastleave", "learning", "flood", "proxy_arp", "proxy_arp_wifi",
        "mcast_flood", "bcast_flood", "mcast_to_unicast", "neigh_suppress", "isolated", "locked")


def _gateway(t):
    links = t.links("g")
    br0, own = links["br0"], t.links("w")["eth0"]
    port = next(n for n, link in links.items() if link.get("master") == "br0")
    flags = links[port]["linkinfo"]["info_slave_data"]
    lines = [f"link add br0 address {br0['address']} group {br0['group']} type bridge mcast_snooping 0",
             f"link add {port} address {links[port]['address']} group {links[port]['group']} type veth"
             f" peer name eth0 address {own['address']} group {own['group']} netns {t.name}",
             f"link set {port} master br0",
             f"link set {port} type bridge_slave " + " ".join(_flag(k, flags[k]) for k in SAYS if k in flags)]
    lines += _rest(t, "g") + ["link set br0 up", f"link set {port} up"]
    return port, lines


def _rest(t, key):
    ret = [f"addr add {a['local']}/{a['prefixlen']} dev {name}" for name, link in t.links(key).items()
           for a in link["addr_info"] if name != "lo" and a["family"] == "inet"]
    ret += [f"neigh replace {n['dst']} lladdr {n['lladdr']} dev {n['dev']} nud permanent protocol {n['protocol']}"
            for n in t.told[key]["neighbours"] if "PERMANENT" in n["state"]]
    return ret


def _workload(t):
    ret = ["link set lo up"] + _rest(t, "w") + ["link set eth0 up"]
    return ret + [f"route add {r['dst']} via {r['gateway']} dev {r['dev']} proto {r['protocol']}"
                  for r in t.told["w"]["routes"] if r["protocol"] != "kernel"]


def _values(pin, names):
    ret = []
    with kernel.inside(pin):
        for name in names:
            with open("/proc/sys/" + name, encoding="ascii") as f:
                ret.append(f"{name} = {f.read().strip()}")
    return ret


def _second(t, end):
    """Of an endpoint `db` that comes later: its port, and its workload."""
    links, own = t.links("g"), t.links("w")["eth0"]
    port = next(n for n, link in links.items() if link.get("master") == "br0")
    flags = links[port]["linkinfo"]["info_slave_data"]
    mac = "0a" + end["mac"][2:]
    gateway = [f"link add {end['port']} address {mac} group {own['group']} type veth"
               f" peer name eth0 address {end['mac']} group {own['group']} netns {t.name}.db",
               f"link set {end['port']} master br0",
               f"link set {end['port']} type bridge_slave " + " ".join(_flag(k, flags[k]) for k in SAYS if k in flags),
               f"neigh replace {end['address']} lladdr {end['mac']} dev br0 nud permanent protocol 78",
               f"link set {end['port']} up"]
    first = t.links("w")["eth0"]["addr_info"][0]["local"]
    return gateway, [line.replace(f"addr add {first}/", f"addr add {end['address']}/") for line in _workload(t)]


def write(folder, t, end, hosts):
    """Files in @folder; returns the commands that add a tenant, an endpoint, and delete both.

    @end is what `nsnet endpoint show` says of the endpoint `db`, @hosts the hosts files of both then.
    """
    def save(name, text):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text if isinstance(text, str) else "\n".join(text) + "\n")

    port, lines = _gateway(t)
    gateway2, workload2 = _second(t, end)
    for name, text in (("gateway.ip", lines), ("workload.ip", _workload(t)),
                       ("gateway2.ip", gateway2), ("workload2.ip", workload2),
                       ("hosts2", hosts[0]), ("hosts3", hosts[1]),
                       ("gateway.sysctl", t.values["g"]), ("workload.sysctl", t.values["w"]),
                       ("gateway.nft", t.ruleset), ("hosts", t.files[f"/etc/netns/{t.name}/hosts"].decode()),
                       ("resolv.conf", t.files[f"/etc/netns/{t.name}/resolv.conf"].decode())):
        save(name, text)
    words = {"name": t.name, "port": port, "mac": t.links("w")["eth0"]["address"], "port2": end["port"],
             "mac2": end["mac"], "ip2": end["address"]}
    ret = []
    for name, text in (("add.sh", ADD), ("endpoint.sh", ENDPOINT), ("del.sh", DEL)):
        save(name, text.format(**words))
        ret.append(("sh", os.path.join(folder, name)))
    return ret


def prepare(t, names):
    """What is needed of the tenant before it has a second endpoint."""
    t.values = {"g": _values(t.gateway, names["gateway"]), "w": _values(t.workload, names["endpoint"])}
    with kernel.inside(t.gateway):
        t.ruleset = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout
