# SPDX-License-Identifier: Apache-2.0
"""A server without work lets the processor sleep."""

import pathlib
import re
import time

import pytest

from support import env
from support.env import PATIENCE_S, Deadline

pytestmark = pytest.mark.skipif(env.is_sanitized(), reason="a sanitizer has a thread of its own")

QUIET_S = 2.5  # longer than anything that ticks each second can keep still


def wake_ups(pid):
    """How often its threads went to sleep."""
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status.read_text(), re.MULTILINE)[1])
               for status in pathlib.Path(f"/proc/{pid}/task").glob("*/status"))


def test_no_wake_ups_at_rest(server):
    """After logins, messages, a large one and some that left."""
    started = server('ping_interval: "10m"')
    clients = [started.login() for _ in range(20)]
    for number, client in enumerate(clients):
        client.send(f"SUB rest.{number} 1\r\n")
        client.fence()
        client.send(b"PUB rest.%d 100000\r\n%b\r\n" % (number, b"x" * 100_000))
        client.fence(b"MSG rest.%d 1 100000\r\n%b\r\n" % (number, b"x" * 100_000))
    for client in clients[10:]:
        client.leave()
    for client in clients[:10]:  # the one that comes early, to learn the round trip time
        client.expect(b"PING\r\n")
        client.send("PONG\r\n")
    before, since = wake_ups(started.pid), time.monotonic()
    deadline = Deadline(3 * PATIENCE_S)
    while time.monotonic() - since < QUIET_S:
        assert not deadline.over(), "something goes on waking it"
        time.sleep(0.1)
        if (now := wake_ups(started.pid)) != before:
            before, since = now, time.monotonic()
