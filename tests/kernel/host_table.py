#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""host_table.py serve TAG [ADDRESS:]PORT...   tcp and udp; answers "TAG of ADDRESS" to who asks
host_table.py ask YES PROTO ADDRESS PORT [SOURCE [PORT]]   prints the answer, or "-"

YES: 1 waits long for an answer that is to come, 0 shortly for one that is not.
"""
import ctypes
import os
import selectors
import signal
import socket
import sys

PDEATHSIG = 1


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def bind(kind, address, port):
    s = socket.socket(family_of(address), kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if s.family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address, port))
    s.setblocking(False)
    return s


def answer(sock, tag):
    if sock.type == socket.SOCK_DGRAM:
        _, peer = sock.recvfrom(2048)
        sock.sendto(f"{tag} of {peer[0]}".encode(), peer)
        return
    conn, peer = sock.accept()
    conn.sendall(f"{tag} of {peer[0]}".encode())
    conn.close()


def serve(tag, places):
    # With the test that started it.
    ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    sel = selectors.DefaultSelector()
    for place in places:
        address, _, port = place.rpartition(":")
        for a in [address.strip("[]")] if address else ["0.0.0.0", "::"]:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                s = bind(kind, a, int(port))
                if kind == socket.SOCK_STREAM:
                    s.listen(64)
                sel.register(s, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in sel.select():
            try:
                answer(key.fileobj, tag)
            except OSError:
                pass


def ask(yes, proto, address, port, source=None, source_port="0"):
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    s = socket.socket(family_of(address), kind)
    s.settimeout(10 if yes == "1" else 0.4)
    try:
        if source:
            s.bind((source, int(source_port)))
        s.connect((address, int(port)))
        if proto == "udp":
            s.send(b"?")
        print(s.recv(2048).decode() or "-")
    except OSError:
        print("-")


if sys.argv[1] == "serve":
    serve(sys.argv[2], sys.argv[3:])
else:
    ask(*sys.argv[2:])
sys.stdout.flush()
os._exit(0)
