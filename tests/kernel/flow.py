#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flow.py FROM TO ADDRESS BYTES: sends UDP at BYTES a second for four seconds from one
network namespace to ADDRESS in another, and prints how many bytes a second came through in the
last two, and how many were sent then: before that a limit's bucket, which holds a second's worth,
runs empty.

When it came is the kernel's time, as the limit's is: on a busy machine this process reads much
later. There, too, it must not send more in one go than it can before the time is over.
"""
import ctypes
import os
import socket
import struct
import sys
import time

PORT, SIZE, FILL, SECONDS = 5000, 1400, 2.0, 4.0
AT_ONCE = 64  # packets
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35
CLONE_NEWNET = 0x40000000


def inside(path):
    """A UDP socket in the namespace; it stays there."""
    with open(path) as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns " + path)
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def came(control):
    seconds, nanoseconds = struct.unpack("qq", control[0][2])
    return seconds + nanoseconds / 1e9


def main():
    source, target, address, rate = sys.argv[1:4] + [int(sys.argv[4])]
    rx = inside(target)
    rx.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
    rx.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    rx.bind((address, PORT))
    rx.setblocking(False)
    tx = inside(source)
    got = sent = offered = 0
    begin, first = time.monotonic(), time.time()
    while (now := time.monotonic() - begin) < SECONDS:
        for _ in range(AT_ONCE):
            if sent >= now * rate:
                break
            # What goes over the rate is dropped on the way, and nobody is told.
            tx.sendto(b"x" * SIZE, (address, PORT))
            sent += SIZE
            offered += SIZE if now > FILL else 0
        try:
            while True:
                data, control, _, _ = rx.recvmsg(65536, 64)
                at = came(control) - first
                # Headers: IPv4, UDP.
                got += len(data) + 28 if FILL < at <= SECONDS else 0
        except BlockingIOError:
            if sent >= now * rate:
                time.sleep(0.0005)
    print(got / (SECONDS - FILL), offered / (SECONDS - FILL), flush=True)
    os._exit(0)


main()
