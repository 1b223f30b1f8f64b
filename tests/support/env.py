# SPDX-License-Identifier: Apache-2.0
"""What is tested, and how long a test may wait for it."""

import collections
import os
import pathlib
import random
import socket
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Relative to the project, or absolute; pathlib's "/" does both.
BUILD = ROOT / os.environ.get("TESSERA_BUILD", "build/release")
SERVER = ROOT / os.environ.get("TESSERA_SERVER", BUILD / "src/main/nats-server")
NATS = BUILD / "src/main/nats"

TIME_FACTOR = float(os.environ.get("TESSERA_TIME_FACTOR", "1"))
# How long a condition may take that normally holds within milliseconds.
PATIENCE_S = 10 * TIME_FACTOR

SANITIZER_MARKS = ("ERROR: AddressSanitizer", "runtime error:", "WARNING: ThreadSanitizer",
                   "LeakSanitizer")


def with_libnats(environ=os.environ):
    """The environment of a program that uses libnats; see libnats.supp."""
    return {**environ, "TSAN_OPTIONS": f"suppressions={ROOT / 'tests/support/libnats.supp'}"}


def need(program):
    """The program's path, or a skip that says what is missing."""
    if not os.access(program, os.X_OK):
        pytest.skip(f"{program} is not built (set TESSERA_BUILD)")
    return str(program)


def is_sanitized():
    """True where the server runs under a sanitizer, that is, with scaled deadlines."""
    return TIME_FACTOR > 1


_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_given = collections.deque(maxlen=20)  # by lasting_port(): more than a test has


def lasting_port():
    """A free port for a server that is to come back on it: below those that the kernel gives to
    outgoing connections. A client that keeps dialling a port among those, while nobody listens,
    can end up connected to itself and take it. None is given twice in a test, nor to two workers."""
    ephemeral = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, ephemeral)
        if port % _WORKERS != _WORKER or port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                _given.append(port)
                return port
            except OSError:
                continue


class Deadline:
    """A point in time; left() is what remains in seconds, never negative."""

    def __init__(self, seconds=PATIENCE_S):
        self.end = time.monotonic() + seconds

    def left(self):
        return max(0.0, self.end - time.monotonic())

    def over(self):
        return self.left() == 0


def wait_for(condition, what, seconds=PATIENCE_S):
    """Polls until condition() is true, returns its value; fails the test at the deadline.
    what: for that failure; a function, if it is to tell how things are by then."""
    deadline = Deadline(seconds)
    while True:
        value = condition()
        if value:
            return value
        if deadline.over():
            pytest.fail(f"waited {seconds:g} s in vain for {what() if callable(what) else what}")
        time.sleep(0.003)
