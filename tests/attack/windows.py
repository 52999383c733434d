# SPDX-License-Identifier: GPL-2.0-or-later
"""Attacks while nsnet changes the network: the moments in which half of it is there."""

import threading
import time
from dataclasses import replace

from common import SUBNETS, Row, add_inside, add_tenants
from engine import Result, one_processor
from kinds import TABLE
from net import between_endpoints, between_tenants, host_of
from sniff import Sender, Sniffer, Tokens

RATE, BURST = 5000, 25  # frames a second; more would stall a small machine
LONGEST = 5.0  # seconds, for each round
ROUNDS = 5

# Enough kinds for every way in, few enough that each comes by every 20 ms.
NAMES = ("udp", "tcp syn", "icmp echo request", "arp request for the victim",
         "arp reply to all: the gateway is me", "broadcast udp", "router advertisement",
         "neighbour solicitation for the victim", "unknown ethertype 1234", "vlan id 0",
         "multicast 239/8", "source: the victim's address", "mac: the victim's as source",
         "dhcp offer to all", "neighbour advertisement, override: the gateway is me",
         "source: somebody outside", "ipv4 to the victim in a broadcast frame")


class Flood:
    """Sends some attacks in turn, on a processor of its own, until it is stopped."""

    def __init__(self, ns, magic, tag):
        self.forms = [f for f in TABLE if f.name in NAMES]
        self.tokens = Tokens(magic)
        self.token = {f.index: self.tokens.make(f.index, tag) for f in self.forms}
        self.ns, self.frames, self.sent, self.until = ns, [], 0, 0.0
        self.halt = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def aim(self, *parties):
        self.frames = [frame for p in parties for f in self.forms
                       for frame in f.build(p, self.token[f.index])]

    def work(self):
        # In order, and next to the commands that it is to race with.
        with one_processor(1):
            sender = Sender(self.ns, "eth0")
            begin, k = time.monotonic(), 0
            while not self.halt.is_set():
                now = time.monotonic()
                if now > self.until:
                    self.halt.wait(0.01)
                    begin, k = now, 0
                    continue
                frames = self.frames
                for _ in range(BURST):
                    self.sent += sender.send(frames[k % len(frames)])
                    k += 1
                self.halt.wait(max(0.0, begin + k / RATE - time.monotonic()))
            sender.close()

    def renew(self):
        """One more round."""
        self.until = time.monotonic() + LONGEST

    def __enter__(self):
        self.renew()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.halt.set()
        self.thread.join()


def next_macs(parties):
    """The victim that is made next has one of these: numbers are given in order."""
    base = int(parties.v.mac.replace(":", ""), 16)
    for n in range(3):
        text = "%012x" % (base + n)
        mac = ":".join(text[k:k + 2] for k in range(0, 12, 2))
        yield replace(parties, v=replace(parties.v, mac=mac))


def row_of(flood, result):
    for f in flood.forms:
        result.sent[f.index] = flood.sent // len(flood.forms)
    result.runs += len(flood.forms)
    row = Row(result, count_other=False)
    if flood.sent < 500:
        row.wrong.append("the flood was no flood: %d frames" % flood.sent)
    return row


def packets_in(ns):
    return ns.show("ip", "-j", "-s", "link", "show", "eth0")[0]["stats64"]["rx"]["packets"]


def take(result, tokens, sniffer, since=0.0, allowed=(), late=float("inf")):
    """Counts what came after @since and is forbidden: all but @allowed, and all from @late on.

    Returns how many frames there were.
    """
    seen = 0
    for _, data, stamp in sniffer.frames():
        seen += 1
        index = tokens.find(data)
        if index is not None and stamp > since and (index not in allowed or stamp > late):
            result.count(result.received, index)
    result.dropped += sniffer.dropped()
    return seen


def made_again(nsnet, arena, flood, remove, make, reopen):
    """Removes the victim and makes it again. Also what came before there was a sniffer counts."""
    result, wrong, kept = Result(), [], []
    remove()
    make()
    quiet = reopen()
    # What a new one gets from its own gateway, without any attack.
    time.sleep(0.05)
    normal = packets_in(quiet)
    quiet.close()
    flood.aim(*next_macs(arena.parties))
    with flood:
        for _ in range(ROUNDS):
            flood.renew()
            remove()
            make()
            victim = reopen()
            sniffer = Sniffer(victim)
            time.sleep(0.05)
            got = packets_in(victim)
            if got > normal:
                wrong.append("%d frames came in, %d without an attack" % (got, normal))
            flood.aim(*next_macs(replace(arena.parties, v=replace(
                arena.parties.v, mac=host_of(victim, "eth0").mac))))
            kept.append((victim, sniffer))
        time.sleep(0.05)
    for victim, sniffer in kept:
        take(result, flood.tokens, sniffer)
        sniffer.close()
        victim.close()
    row = row_of(flood, result)
    row.wrong += wrong
    return row


def tenants(nsnet, magic, tag):
    """The victim's network is deleted and made again."""
    add_tenants(nsnet)
    arena = between_tenants(nsnet)
    row = made_again(nsnet, arena, Flood(arena.attacker, magic, tag),
                     lambda: nsnet.run("tenant", "del", "-y", "b1"),
                     lambda: nsnet.run("tenant", "add", "b1", SUBNETS["b1"][0],
                                       "--subnet6", SUBNETS["b1"][1]),
                     lambda: nsnet.endpoint("b1"))
    arena.close()
    return {"S7a": row}


def endpoints(nsnet, magic, tag, name="S7c", inside="deny"):
    """The victim is an endpoint beside the attacker's, deleted and made again."""
    add_inside(nsnet, inside)
    arena = between_endpoints(nsnet, "a1", "ep-x", "ep-y")
    row = made_again(nsnet, arena, Flood(arena.attacker, magic, tag),
                     lambda: nsnet.run("endpoint", "del", "-y", "a1/ep-y"),
                     lambda: nsnet.run("endpoint", "add", "a1/ep-y"),
                     lambda: nsnet.endpoint("a1", "ep-y"))
    arena.close()
    return {name: row}


def red_endpoints(nsnet, magic, tag):
    """They may talk, and it is looked at as if they must not."""
    return endpoints(nsnet, magic, tag, "RED-endpoints", "allow")


def settings(nsnet, magic, tag, name="S7b", deny="inside=deny"):
    """inside: deny, allow, deny ...: when `tenant set` has returned, it holds."""
    add_inside(nsnet, "deny")
    arena = between_endpoints(nsnet, "a1", "ep-x", "ep-y")
    flood, result, wrong = Flood(arena.attacker, magic, tag), Result(), []
    flood.aim(arena.parties)
    sniffer = Sniffer(arena.victim)
    allowed = {f.index for f in flood.forms if f.inside != "no"}
    denied = 0.0  # since when
    with flood:
        for _ in range(ROUNDS):
            flood.renew()
            time.sleep(0.1)
            take(result, flood.tokens, sniffer, since=denied)
            nsnet.run("tenant", "set", "a1", "inside=allow")
            # From here to the next word of `tenant set` both are right; spoofed frames never are.
            flood.renew()
            deadline, got = time.monotonic() + LONGEST, 0
            while got == 0 and time.monotonic() < deadline:
                time.sleep(0.1)
                got = take(result, flood.tokens, sniffer, allowed=allowed)
            if got == 0:
                wrong.append("allowed, and nothing arrived")
            nsnet.run("tenant", "set", "a1", deny)
            denied = time.time()
            take(result, flood.tokens, sniffer, allowed=allowed, late=denied)
        time.sleep(0.1)
        take(result, flood.tokens, sniffer, since=denied)
    sniffer.close()
    arena.close()
    row = row_of(flood, result)
    row.wrong += wrong
    return {name: row}


def red_settings(nsnet, magic, tag):
    """The network stays open, and it is looked at as if it had been closed."""
    return settings(nsnet, magic, tag, "RED-settings", "inside=allow")
