#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Who answers in the namespace `internet` of border.sh: names and pages. Run there; says "ready".

Every name has the address 1.1.1.1 (and no IPv6), and every page tells the caller its address.
"""
import http.server
import socket
import struct
import threading

RESOLVER = ("9.9.9.9", 53)
WEB = ("1.1.1.1", 80)


def answer(question: bytes) -> bytes:
    """One question of type A gets WEB's address; any other gets none."""
    end = question.index(b"\0", 12) + 5
    kind = struct.unpack_from(">H", question, end - 4)[0]
    known = kind == 1
    header = question[:2] + struct.pack(">HHHHH", 0x8180, 1, known, 0, 0)
    record = struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(WEB[0])
    return header + question[12:end] + (record if known else b"")


def resolve(sock: socket.socket) -> None:
    """Answers until the process ends."""
    while True:
        question, who = sock.recvfrom(512)
        sock.sendto(answer(question), who)


class Page(http.server.BaseHTTPRequestHandler):
    """Tells who asks."""

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        """The name is the module's."""
        body = f"you are {self.client_address[0]}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # pylint: disable=redefined-builtin
        """Nothing is printed but what the test waits for."""


def main() -> None:
    """Says so when both can be asked."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(RESOLVER)
    threading.Thread(target=resolve, args=(sock,), daemon=True).start()
    server = http.server.ThreadingHTTPServer(WEB, Page)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
