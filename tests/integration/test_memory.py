# SPDX-License-Identifier: Apache-2.0
"""What things cost in memory, that overload has a bound, and that memory goes back."""

import contextlib
import ssl
import time

import pytest

from support import env
from support.certs import client_context
from support.client import Client
from support.env import PATIENCE_S, Deadline, wait_for
from support.fleet import Fleet, need_descriptors
from support.memory import KB, MB, peak_resident_bytes, private_bytes, resident_bytes
from support.tls_client import TlsClient
from support.tls_config import tls

pytestmark = pytest.mark.skipif(
    env.is_sanitized(), reason="a sanitizer's allocator keeps freed memory, and pads all of it")

THREADS = 2
# What a server keeps for the next load: per loop a pool of chunks (src/net/chunk.c: 3 MB) and
# caches; the rest is the allocator's.
KEPT = THREADS * 4 * MB + 4 * MB
# After a load the C library holds on to the end of each thread's heap below its threshold of 4 MB
# (src/base/mem.c), and to pages with something left in them: how many, chance decides.
STAYS = KEPT + THREADS * 4 * MB


@pytest.fixture
def start(server):
    return lambda config=None: server(config, ["-D", "--threads", str(THREADS)])


def expect_back(started, before):
    """Private memory comes back to what it was, but for what the server keeps."""
    deadline = Deadline(3 * PATIENCE_S)
    while (more := private_bytes(started.pid) - before) > STAYS and not deadline.over():
        time.sleep(0.05)
    assert more <= STAYS, f"{more / MB:.1f} MB more than before, {STAYS / MB:.0f} may stay"


# -- at rest


def test_idle_connection(start):
    """In small waves: how many come at once is not what is measured, and whoever logs in holds a
    chunk of 4 KB meanwhile."""
    wave, waves = 20, 100
    need_descriptors(3 * wave * waves)
    started = start()
    fields = {"pedantic": False, "name": "", "lang": "c", "version": "3.6.1", "protocol": 1,
              "echo": True, "headers": True, "no_responders": True}

    with contextlib.ExitStack() as fleets:
        def connect():
            fleet = fleets.enter_context(Fleet(started.port, [fields] * wave))
            answers = fleet.finish()
            assert all(answer.startswith(b"PONG\r\n") for answer in answers), answers

        for _ in range(5):
            connect()
        before = private_bytes(started.pid)
        for _ in range(waves):
            connect()
        each = (private_bytes(started.pid) - before) / (wave * waves)
    assert each <= KB, f"{each:.0f} bytes"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3],
                         ids=["1.2", "1.3"])
def test_idle_tls_connection(start, version):
    """What it consists of is in docs/decisions/0008-tls.md. OpenSSL's record buffers would be 9 KB
    more, only of what was ever in them."""
    count = 1000
    need_descriptors(2 * count)
    started = start(tls())
    context = client_context(maximum_version=version)

    with contextlib.ExitStack() as clients:
        def connect(number):
            for _ in range(number):
                clients.enter_context(TlsClient(started.port, context).login())

        connect(200)
        before = private_bytes(started.pid)
        connect(count)
        each = (private_bytes(started.pid) - before) / count
    assert each <= 17 * KB, f"{each / KB:.1f} KB"


def subscribe(client, first, count):
    """To subjects of 16 bytes, their number as the sid."""
    for at in range(first, first + count, 5000):
        client.send("".join(f"SUB orders.eu.{number:06} {number}\r\n"
                            for number in range(at, min(at + 5000, first + count))))
        client.fence()


@pytest.mark.parametrize("clients", (1, 200))
def test_subscription(start, clients):
    """All on one connection, or spread."""
    count = 200_000
    started = start()
    who = [started.login() for _ in range(clients)]
    before = private_bytes(started.pid)
    for number, client in enumerate(who):
        subscribe(client, number * (count // clients), count // clients)
    each = (private_bytes(started.pid) - before) / count
    assert each <= 150, f"{each:.1f} bytes"


def test_subscriptions_go_back(start):
    started = start()
    before = private_bytes(started.pid)
    for first in (0, 100_000):
        client = started.login()
        subscribe(client, first, 100_000)
        assert private_bytes(started.pid) - before > KEPT  # or nothing could be seen
        client.leave()
    expect_back(started, before)


# -- after a load, on connections that stay


def test_input_goes_back(start):
    """Each connection has half of a large message lying with the server, then the rest."""
    started = start()
    count, body = 60, b"x" * 1_000_000
    half = len(body) // 2
    clients = [started.login() for _ in range(count)]
    before = private_bytes(started.pid)
    for number, client in enumerate(clients):
        client.send(b"SUB own.%d 1\r\n" % number)
        client.fence()
        client.send(b"PUB own.%d %d\r\n" % (number, len(body)) + body[:half])
    wait_for(lambda: private_bytes(started.pid) - before > count * half * 3 // 4,
             "the halves in the server's memory")
    for number, client in enumerate(clients):
        client.send(body[half:] + b"\r\n")
        client.fence(b"MSG own.%d 1 %d\r\n%b\r\n" % (number, len(body), body))
    expect_back(started, before)
    for client in clients:
        client.expect_silence()


class Subscriber:
    """To "data"; it reads when it is told to."""

    def __init__(self, started, rcvbuf=None):
        # a small window, so that what it does not read waits with the server
        self.client = Client(started.port, rcvbuf=rcvbuf).login()
        self.client.send("SUB data 1\r\n")
        self.client.fence()

    def read(self, numbers, size):
        for number in numbers:
            self.client.expect(delivery(number, size))


def body_of(number, size):
    return b"%08d" % number + b"x" * (size - 8)


def delivery(number, size):
    return b"MSG data 1 %d\r\n%b\r\n" % (size, body_of(number, size))


def publish(client, numbers, size):
    client.send(b"".join(b"PUB data %d\r\n%b\r\n" % (size, body_of(number, size))
                         for number in numbers))
    client.fence()


def test_output_goes_back(start):
    """Subscribers that read late, but do."""
    started = start('ping_interval: "10m"')
    size, count, batch = 1000, 4000, 200
    before = private_bytes(started.pid)
    subscribers = [Subscriber(started, rcvbuf=4096) for _ in range(20)]
    with started.login() as publisher:
        for at in range(0, count, batch):
            publish(publisher, range(at, at + batch), size)
    assert private_bytes(started.pid) - before > len(subscribers) * count * size // 4
    for subscriber in subscribers:
        subscriber.read(range(count), size)
    expect_back(started, before)
    for subscriber in subscribers:
        subscriber.client.expect_silence()


# -- overload

MAX_PENDING = 4 * MB
OVERLOAD = f'max_pending: {MAX_PENDING}, write_deadline: "100s", ping_interval: "10m"'
SLOW = "Client connection closed: Slow Consumer (Pending Bytes)"


def flood(started, publisher, size, slow_ones, after_batch=lambda numbers: None):
    """Publishes until all of the slow ones were cut off; returns how many messages."""
    batch = max(1, 100_000 // size)
    most = 100 * MB // size  # far more than their sockets and queues hold
    sent = 0
    while started.log().count(SLOW) < slow_ones:
        assert sent < most, f"{started.log().count(SLOW)} of {slow_ones} were cut off"
        publish(publisher, range(sent, sent + batch), size)
        after_batch(range(sent, sent + batch))
        sent += batch
    return sent


@pytest.mark.parametrize("size, queues", [
    pytest.param(1000, 25, id="copied"),  # each queue has bytes of its own
    pytest.param(50_000, 1, id="shared"),  # all have the same ones
])
def test_overload(start, size, queues):
    """Nobody reads. The peak is the sum of the queues, and all of it goes back."""
    started = start(OVERLOAD)
    before, resident = private_bytes(started.pid), resident_bytes(started.pid)
    slow_ones = [Subscriber(started, rcvbuf=4096) for _ in range(25)]
    with started.login() as publisher:
        flood(started, publisher, size, len(slow_ones))
    peak = peak_resident_bytes(started.pid) - resident
    assert peak <= queues * MAX_PENDING + KEPT, f"{peak / MB:.1f} MB"
    assert peak >= queues * MAX_PENDING // 2, f"{peak / MB:.1f} MB: that was no overload"
    expect_back(started, before)
    for subscriber in slow_ones:
        subscriber.client.abort()


def test_overload_by_one(start):
    """One never reads; the two beside it get every message."""
    started = start(OVERLOAD)
    size = 1000
    before, resident = private_bytes(started.pid), resident_bytes(started.pid)
    slow = Subscriber(started, rcvbuf=4096)
    good = [Subscriber(started) for _ in range(2)]

    def read(numbers):
        for subscriber in good:
            subscriber.read(numbers, size)

    with started.login() as publisher:
        flood(started, publisher, size, 1, read)
        last = range(99_999_900, 99_999_999)  # after it is gone
        publish(publisher, last, size)
        read(last)
    for subscriber in good:
        subscriber.client.expect_silence()
    peak = peak_resident_bytes(started.pid) - resident
    assert peak <= MAX_PENDING + KEPT, f"{peak / MB:.1f} MB"
    assert started.log().count(SLOW) == 1
    expect_back(started, before)
    slow.client.abort()
