# SPDX-License-Identifier: Apache-2.0
"""Many clients at once, in one thread: they connect, log in, and each has one answer."""

import collections
import json
import resource
import selectors
import socket

import pytest

from support.env import PATIENCE_S, Deadline

PING, PONG = b"PING\r\n", b"PONG\r\n"


def need_descriptors(count):
    """Skips where so many sockets are not allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        if hard != resource.RLIM_INFINITY and hard < count:
            pytest.skip(f"needs {count} descriptors, ulimit -Hn is {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


class Member:
    """INFO, then CONNECT and PING, then one line of answer; b"" if the connection ends."""

    def __init__(self, port, fields, source):
        self.login = b'CONNECT %b\r\nPING\r\n' % json.dumps({"verbose": False, **fields}).encode()
        self.sock = socket.socket()
        if source:  # all of 127/8 is ours
            self.sock.bind((source, 0))
        self.sock.setblocking(False)
        self.sock.connect_ex(("127.0.0.1", port))
        self.info = self.answer = b""

    def on_readable(self):
        """True when it has its answer, or the connection has ended."""
        try:
            data = self.sock.recv(4096)
        except ConnectionError:
            data = b""
        if not self.info.endswith(b"\n"):
            self.info += data
            if self.info.endswith(b"\n"):
                self.sock.sendall(self.login)
        else:
            self.answer += data
        return not data or self.answer.endswith(b"\n")


class Fleet:
    """who: a list of CONNECT's fields, one per member. They all connect at once."""

    def __init__(self, port, who, source=None):
        self.members = [Member(port, fields, source) for fields in who]
        self._selector = selectors.DefaultSelector()
        for member in self.members:
            self._selector.register(member.sock, selectors.EVENT_READ, member)
        self._waiting = len(self.members)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._selector.close()
        for member in self.members:
            member.sock.close()

    def step(self, seconds):
        """Serves what is ready within that time. False when everybody has an answer."""
        for key, _ in self._selector.select(seconds) if self._waiting else ():
            if key.data.on_readable():
                self._selector.unregister(key.fileobj)
                self._waiting -= 1
        return self._waiting > 0

    def finish(self):
        """How often which answer came; b"" where none did."""
        deadline = Deadline(6 * PATIENCE_S)
        while self.step(deadline.left()) and not deadline.over():
            pass
        return collections.Counter(member.answer for member in self.members)

    def expect_alive(self):
        """Each member's PING is answered, and nothing else has come: nobody was cut."""
        for member in self.members:
            member.sock.setblocking(True)
            member.sock.settimeout(PATIENCE_S)
            member.sock.sendall(PING)
        for member in self.members:
            lines = b""
            while PONG not in lines:
                data = member.sock.recv(4096)
                if not data:
                    pytest.fail(f"a member was cut after {lines!r}")
                lines += data
            # The server's own first PING may come before it, or right behind it.
            assert lines in (PONG, PING + PONG, PONG + PING), lines


def storm(port, who, source=None):
    """Connects them all and lets them go; their answers."""
    with Fleet(port, who, source) as fleet:
        return fleet.finish()
