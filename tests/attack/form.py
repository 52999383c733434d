# SPDX-License-Identifier: GPL-2.0-or-later
"""One row of the table of attacks, and the parties that its frames are built for.

A *form* is one row: one kind of packet in one IP version. A *kind* is a name: the IPv4 and the
IPv6 form of an attack that is otherwise the same (`udp`) are one kind, counted once. How often a
frame is repeated, to which MAC it goes, and what its token is, does not make a kind.

A builder gets the four parties and a token of 8 bytes, and gives frames that all carry the token
in their payload; or the row says in `seen` by which other bytes they are known.
"""

from dataclasses import dataclass
from typing import Callable, Optional


@dataclass
class Host:
    mac: str
    ip4: str
    ip6: str = ""
    ll: str = ""


@dataclass
class Parties:
    """Who is who: attacker, victim, the attacker's gateway, the victim's gateway."""

    a: Host
    v: Host
    g: Host
    w: Host
    spare4: str = ""  # nobody's, in the attacker's subnet
    spare6: str = ""
    near4: str = ""  # nobody's, in the victim's subnet
    near6: str = ""
    all4: str = ""  # directed broadcast of the victim's subnet


# Control networks.
FLAT, ROUTED, DIRECT = "flat", "routed", "direct"
# Somebody outside, with whom the victim talks.
THIRD4, THIRD6 = "198.51.100.7", "2001:db8::7"


@dataclass
class Form:
    name: str
    group: str
    fam: str  # "4", "6", or "L": neither
    build: Callable
    # Between endpoints of one tenant with inside: allow: "must" arrive, "may", or "no".
    inside: str = "no"
    needs: tuple = (FLAT,)  # control networks in which it must be received
    why: str = ""  # why a plain Linux network drops it, when one of the usual is missing
    late: bool = False  # it changes forwarding tables: sent after all others
    victim_sends: bool = False  # eavesdropping: received is what the attacker's side got
    seen: Optional[Callable] = None  # other bytes that tell it
    before: Optional[Callable] = None  # what the attacker sends before the victim does
    # "tcp" or "udp": the attacker's kernel sends, by a socket; there is nothing to build.
    by_socket: str = ""
    index: int = 0

    @property
    def label(self):
        return self.name + {"4": " (IPv4)", "6": " (IPv6)", "L": ""}[self.fam]
