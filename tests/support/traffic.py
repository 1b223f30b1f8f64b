# SPDX-License-Identifier: Apache-2.0
"""Numbered messages that flow while something else happens, and proof that all arrived."""

import threading

import pytest

from support.client import Client
from support.env import Deadline


class Traffic:
    """A publisher in a thread of its own that sends 0, 1, 2... to a subject until stop().

    It keeps a bounded number in flight: after each batch it waits for its PONG. The
    connection is the caller's, logged in.
    """

    BATCH = 20
    PACE_S = 0.002  # between batches: a test wants a flow, not a flood that it has to read

    def __init__(self, client: Client, subject="numbers"):
        self.client, self.subject = client, subject
        self.count = 0
        self.failure = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            while not self._end.is_set():
                texts = [str(self.count + i) for i in range(self.BATCH)]
                self.client.send("".join(f"PUB {self.subject} {len(text)}\r\n{text}\r\n"
                                         for text in texts))
                self.client.fence()
                self.count += self.BATCH
                self._end.wait(self.PACE_S)
        except (OSError, pytest.fail.Exception) as failure:
            self.failure = failure

    def flow(self, more):
        """Waits until that many more have been sent."""
        wanted, deadline = self.count + more, Deadline()
        while self.count < wanted:
            if self.failure or deadline.over():
                pytest.fail(f"the publisher stands at {self.count}: {self.failure}")
            self._end.wait(0.001)

    def abandon(self):
        """Ends it, however it went. May be called twice."""
        self._end.set()
        self._thread.join()

    def stop(self):
        """Returns how many were sent."""
        self.abandon()
        if self.failure:
            pytest.fail(f"the publisher stopped at {self.count}: {self.failure}")
        return self.count


def expect_numbers(client, subject, sid, count):
    """0 to count - 1 have come, in this order, each once, and nothing else."""
    texts = [str(number) for number in range(count)]
    lines = [f"MSG {subject} {sid} {len(text)}\r\n{text}\r\n" for text in texts]
    client.fence("".join(lines).encode())
