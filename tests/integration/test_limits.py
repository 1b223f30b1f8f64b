# SPDX-License-Identifier: Apache-2.0
"""Timers, slow consumers, fast producers: nobody's slowness is another's problem.
(Limits with an -ERR text of their own: test_protocol_errors.py.)"""

import threading
import time

import pytest

from support.env import PATIENCE_S, TIME_FACTOR, Deadline, wait_for

PING, PONG = b"PING\r\n", b"PONG\r\n"
STALE = "-ERR 'Stale Connection'\r\n"


def seconds(count):
    """A duration for a config file."""
    return f'"{int(count * TIME_FACTOR * 1000)}ms"'


# -- PING of the server


def test_first_ping_comes_early(shared):
    """Long before ping_interval (2 minutes), so that the server knows the round trip."""
    client = shared.connect(answer_pings=False).login()
    client.expect(PING)
    client.send(PONG)
    client.expect_silence()


def test_stale_connection(server):
    strict = server('ping_interval: "100ms", ping_max: 2')
    client = strict.connect(answer_pings=False).login()
    client.expect(PING + PING + STALE.encode())
    client.expect_close()


def test_stale_without_connect(server):
    strict = server('ping_interval: "100ms", ping_max: 1')
    client = strict.connect(answer_pings=False)
    client.expect(PING + STALE.encode())
    client.expect_close()


def test_pong_keeps_the_connection(server):
    patient = server(f"ping_interval: {seconds(0.1)}, ping_max: 2")
    client = patient.connect(answer_pings=False).login()
    for _ in range(6):  # more than ping_max: each PONG resets the count
        client.expect(PING)
        client.send(PONG)
    client.answer_pings = True
    client.expect_silence()


def test_activity_postpones_ping(server):
    """Only a run in which we were never silent for long proves something."""
    interval_s = 0.5 * TIME_FACTOR
    client = server(f"ping_interval: {seconds(0.5)}").connect(answer_pings=False).login()
    client.expect(PING)  # the first one measures the round trip
    client.send(PONG)
    for _ in range(5):
        longest_pause = 0
        pings = 0
        last = time.monotonic()
        deadline = Deadline(3 * interval_s)
        while not deadline.over():
            client.send(PING)
            pings += client.read_until(PONG).count(PING)
            now = time.monotonic()
            longest_pause, last = max(longest_pause, now - last), now
        if longest_pause < interval_s / 4:
            assert pings == 0
            return
    pytest.skip("the machine is too busy: this client could not keep sending")


@pytest.mark.parametrize("limit", ("0", "-1"))
def test_max_connections_not_positive_refuses_everybody(server, limit):
    """[>=2.14]"""
    closed = server(f"max_connections: {limit}")
    closed.connect().expect_error("maximum connections exceeded", closes=True)


# -- slow consumers


class Reader(threading.Thread):
    """A subscriber to messages of one size, until the one numbered LAST came. bite: bytes per
    read. A PING of the server goes unanswered: ping_interval is long here."""

    LAST = 99999999

    def __init__(self, client, size, bite=1 << 16, pause_s=0):
        super().__init__(daemon=True)
        client.login()
        client.send("SUB data 1\r\n")
        client.fence()
        self.client, self.size, self.bite, self.pause_s = client, size, bite, pause_s
        self.received = bytearray()
        self.start()

    def run(self):
        last = b"%08d" % self.LAST
        while not self.received[-self.size - 2:].startswith(last):
            try:
                data = self.client.sock.recv(self.bite)
            except OSError:  # timed out or reset: check() will find what is missing
                return
            if not data:
                return
            self.received += data
            time.sleep(self.pause_s)  # this is its slowness, nothing is waited for

    def check(self, expected):
        self.join(6 * PATIENCE_S)
        received = bytes(self.received).replace(PING, b"")
        assert len(received) == len(expected)
        assert received == expected


def message(number, size):
    """What is published, what a subscriber gets."""
    body = b"%08d" % number + b"x" * (size - 8)
    return b"PUB data %d\r\n%b\r\n" % (size, body), b"MSG data 1 %d\r\n%b\r\n" % (size, body)


def publish(client, reader, count, size, stop=lambda: True):
    """Publishes until count messages are out and stop() holds; checks what the reader got."""
    expected = []
    while len(expected) < count or not stop():
        assert len(expected) < 100 * count, "the slow consumer is still connected"
        line, delivery = message(len(expected), size)
        client.send(line)
        client.fence()
        expected.append(delivery)
        # the good reader's own queue must not grow: it would be cut off rightly
        wait_for(lambda: len(reader.received) >= len(expected) * len(delivery), "the reader")
    line, delivery = message(Reader.LAST, size)
    client.send(line)
    client.fence()
    reader.check(b"".join([*expected, delivery]))


def slow_one(server):
    """A subscriber that never reads."""
    client = server.connect(rcvbuf=4096)
    client.login()
    client.send("SUB data 1\r\n")
    client.fence()
    return client


def expect_cut_off(client):
    """What was under way, then the end: no -ERR."""
    tail = b""
    client.sock.settimeout(PATIENCE_S)
    try:
        while data := client.sock.recv(1 << 18):
            tail = (tail + data)[-1000:]
    except ConnectionResetError:
        pass
    assert b"-ERR" not in tail


def test_slow_consumer_pending_bytes(server):
    """Its queue is bounded; the others miss nothing."""
    size = 900_000
    limited = server('max_pending: 1MB, max_payload: 1MB, write_deadline: "100s"', ["-D"])
    slow = slow_one(limited)
    reader = Reader(limited.connect(), size)
    reason = "Slow Consumer (Pending Bytes)"
    publish(limited.login(), reader, 10, size, stop=lambda: reason in limited.log())
    expect_cut_off(slow)


def test_slow_consumer_write_deadline(server):
    limited = server(f"write_deadline: {seconds(0.3)}", ["-D"])
    slow = slow_one(limited)
    size = 16384
    reader = Reader(limited.connect(), size)
    reason = "Slow Consumer (Write Deadline)"
    publish(limited.login(), reader, 1000, size)  # too little for max_pending
    limited.wait_log(reason.replace("(", r"\(").replace(")", r"\)"))
    expect_cut_off(slow)


def test_slow_consumer_leaves_no_subscription(server):
    limited = server('max_pending: 1MB, max_payload: 1MB', ["-D"])
    slow = slow_one(limited)
    publisher = limited.connect()
    publisher.login(headers=True, no_responders=True)
    publisher.send("SUB inbox 1\r\n")
    body = "x" * 900_000
    gone = b"HMSG inbox 1 36 36\r\nNATS/1.0 503\r\nNats-Subject: data\r\n\r\n\r\n"
    deadline = Deadline(3 * PATIENCE_S)
    got = b""
    while gone not in got and not deadline.over():
        publisher.send(f"PUB data inbox {len(body)}\r\n{body}\r\nPING\r\n")
        got = publisher.read_until(PONG)
    assert got == gone + PONG
    expect_cut_off(slow)


def test_fast_producer_waits_for_a_reading_consumer(server):
    """The consumer is slow but reads: the producer is held back, nothing is lost."""
    size, count = 1000, 30_000
    limited = server("max_pending: 4MB")
    consumer = Reader(limited.connect(rcvbuf=65536), size, bite=8192, pause_s=0.0002)
    with limited.login() as producer:
        messages = [message(number, size) for number in (*range(count), Reader.LAST)]
        producer.send(b"".join(line for line, _ in messages))  # as fast as it is taken
        consumer.check(b"".join(delivery for _, delivery in messages))
