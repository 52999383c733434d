#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flow.py FROM TO ADDRESS BYTES: sends UDP at BYTES a second for four seconds from one
network namespace to ADDRESS in another, and prints how many bytes a second came through in the
last two: before that a limit's bucket, which holds a second's worth, runs empty."""
import ctypes
import os
import socket
import sys
import time

PORT, SIZE, FILL, SECONDS = 5000, 1400, 2.0, 4.0
CLONE_NEWNET = 0x40000000


def inside(path):
    """A UDP socket in the namespace; it stays there."""
    with open(path) as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns " + path)
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def main():
    source, target, address, rate = sys.argv[1:4] + [int(sys.argv[4])]
    rx = inside(target)
    rx.setsockopt(socket.SOL_SOCKET, 33, 1 << 23)  # SO_RCVBUFFORCE
    rx.bind((address, PORT))
    rx.setblocking(False)
    tx = inside(source)
    got = sent = 0
    begin = time.monotonic()
    while (now := time.monotonic() - begin) < SECONDS:
        while sent < now * rate:
            # What goes over the rate is dropped on the way, and nobody is told.
            tx.sendto(b"x" * SIZE, (address, PORT))
            sent += SIZE
        try:
            while True:
                size = len(rx.recv(65536)) + 28  # headers: IPv4, UDP
                got += size if now > FILL else 0
        except BlockingIOError:
            time.sleep(0.0005)
    print(got / (SECONDS - FILL))
    os._exit(0)


main()
