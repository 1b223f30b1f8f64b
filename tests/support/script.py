# SPDX-License-Identifier: Apache-2.0
"""Protocol scripts: tables of what clients send and what exactly they get.

A script is a list of steps (who, send, expect). Each one is run in three ways, because a
server must not care how TCP cuts the stream:
  whole      one write per step
  cut        one write per byte (long inputs: bytes at both ends, seeded pieces between)
  coalesced  as few writes as possible: neighbouring steps of the same client become one

Scripts share a server, and it may still hold the subscriptions of clients that have just left.
Where those would matter (queue groups, no responders) a name carries "@@@@": each run puts a
number of four digits there.
"""

import itertools
import random

from support.client import raw

# The connection ends here, after the expected bytes.
CLOSE = object()
WAYS = ("whole", "cut", "coalesced")

RUN_MARK = b"@@@@"
_runs = itertools.count()

DEFAULT_CONNECT = '{"verbose":false,"pedantic":false}'


class Script:
    """steps: (send, expect[, CLOSE]) for one client, (name, send, expect[, CLOSE]) for several.
    connect: the JSON of each client's CONNECT, a dict of it by name, None: none is sent."""

    def __init__(self, name, *steps, connect=DEFAULT_CONNECT):
        self.name = name
        self.connect = connect
        self.steps = [_normal(step) for step in steps]

    def connect_of(self, who):
        if isinstance(self.connect, dict):
            return self.connect.get(who, DEFAULT_CONNECT)
        return self.connect

    def run(self, server, way):
        run = b"%04d" % (next(_runs) % 10000)
        steps = [(who, send.replace(RUN_MARK, run), expect.replace(RUN_MARK, run), closes)
                 for who, send, expect, closes in self.steps]
        if way == "coalesced":
            steps = _coalesced(steps)
        clients = {}
        try:
            self._play(server, way, steps, clients)
            for client in clients.values():
                client.leave()
        finally:  # a failed script must not disturb the next one
            for client in clients.values():
                client.close()

    def _play(self, server, way, steps, clients):
        for who, *_ in steps:  # all are there before the first step
            if who not in clients:
                clients[who] = self._enter(server, who)
        closed = set()
        for who, send, expect, closes in steps:
            client = clients[who]
            client.send_cut(send, cuts(len(send)) if way == "cut" else iter(()))
            client.expect(expect)
            if closes:
                client.expect_close()
                closed.add(who)
        for who, client in clients.items():
            if who not in closed:
                client.expect_silence()

    def _enter(self, server, who):
        client = server.connect()
        connect = self.connect_of(who)
        if connect is not None:
            client.send(f"CONNECT {connect}\r\n")
            client.fence(b"+OK\r\n" if '"verbose":true' in connect else b"")
        return client


def _normal(step):
    closes = step[-1] is CLOSE
    parts = step[:-1] if closes else step
    who, send, expect = parts if len(parts) == 3 else ("A", *parts)
    return who, raw(send), raw(expect), closes


def _coalesced(steps):
    joined = []
    for who, send, expect, closes in steps:
        if joined and joined[-1][0] == who:
            _, send0, expect0, _ = joined.pop()
            send, expect = send0 + send, expect0 + expect
        joined.append((who, send, expect, closes))
    return joined


def cuts(length, ends=300):
    """Sizes of the pieces: single bytes, for long inputs only near both ends."""
    if length <= 2 * ends:
        yield from (1 for _ in range(length))
        return
    draw = random.Random(length)
    yield from (1 for _ in range(ends))
    left = length - 2 * ends
    while left > 0:
        size = min(left, draw.randint(1, max(2, length // 50)))
        left -= size
        yield size
    yield from (1 for _ in range(ends))
