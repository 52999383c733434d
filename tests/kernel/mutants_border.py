# SPDX-License-Identifier: GPL-2.0-or-later
"""What mutants.py plants across the border (border.sh): customer3/default may reach the internet on
tcp/443, and 192.0.2.10:8443 leads the internet to customer1/default tcp/443.
"""
import os
import re

import mutants as m
import packets as pk
from mutants import Ears, Row, sh
from mutants_rows import ALLOW, at, element, first, ip4, l3, nft, routed

OUT = ("customer3", "customer1")
INTERNET = "/run/netns/internet"


def inherit(site):
    """The names of what nsnet has chosen."""
    sets = sh("nft list map inet nsnet nsnet_published4; nft list set inet nsnet nsnet_from4; "
              "nft list map inet nsnet nsnet_flow4 2>/dev/null || true")
    words = re.search(r"8443.* : ([0-9.]+) \. ([0-9]+)", sets)
    os.environ.update(NEAR=words[1], SLOT=words[2])
    flows = sh("nsenter --net=$G3 nft list map inet nsnet nsnet_flow4")
    os.environ["OUT"] = next(w for line in flows.splitlines() if " 443 " in line
                             for w in line.replace(",", "").split()[::-1] if w.startswith("0x"))
    m.forget("host")


def seen_by(link="eth0", ns=INTERNET):
    return lambda site: Ears(m.tap(ns, link))


def calls(dst, dport, src="9.9.9.9", ns=INTERNET, link="eth0"):
    """Somebody outside, by the host."""

    def send(site, nonce, port):
        sk = m.tap(ns, link)
        mac = sh("cat /sys/class/net/%s/address" % ("eth0" if ns == INTERNET else "eth1")).strip()
        kind, packet = l3(src, dst, "tcp", port, dport, nonce)
        sk.send(pk.eth(mac, sk.getsockname()[4].hex(":"), kind, packet))
        sk.close()

    return send


def lists(site):
    inherit(site)
    host = lambda text: "nft -f - <<R\n%s\nR\n" % text  # noqa: E731
    return [("one fault, across the border", [
        Row("an element too many: tcp/22 to the internet",
            element("G3", "flow4", "10.10.3.2 . 8.0.0.0-8.255.255.255 . tcp . 22 : $OUT"),
            routed("c3", None, "tcp", 22, dst="8.8.8.8"), seen_by(), "REACHES_OUTSIDE",
            ("tcp/22 (new)",),
            pairs=OUT),
        Row("another endpoint may reach the internet",
            element("G3", "flow4", "10.10.3.3 . 8.0.0.0-8.255.255.255 . tcp . 443 : $OUT"),
            routed("c3db", None, "tcp", 443, dst="8.8.8.8"), seen_by(), "REACHES_OUTSIDE",
            ("10.10.3.3",),
            pairs=OUT),
        Row("udp/53 to the internet accepted",
            first("G3", "admit", "udp dport 53 meta mark set $OUT accept"),
            routed("c3", None, "udp", 53, dst="8.8.8.8"), seen_by(), "REACHES_OUTSIDE", ("udp/53",),
            pairs=OUT),
        Row("published at another address",
            host("add element inet nsnet nsnet_published4 { 203.0.113.10 . tcp . 8443 : $NEAR . $SLOT }"),
            calls("203.0.113.10", 8443), "c1", ALLOW, ("203.0.113.10 tcp/8443",)),
        Row("a foreign table publishes",
            host("table ip leak { chain c { type nat hook prerouting priority -110; policy accept; "
                 "iifname eth0 tcp dport 9999 dnat to $NEAR:$SLOT; }; }"),
            calls("192.0.2.10", 9999), "c1", ALLOW, ("tcp/9999",), "nft delete table ip leak"),
        Row("sources are not translated",
            host("flush chain inet nsnet postrouting"),
            routed("c3", None, "tcp", 443, dst="8.8.8.8"), seen_by(), "SPOOFED_EGRESS",
            ("out by eth0",), source="100.127.", pairs=OUT),
    ], False)]
