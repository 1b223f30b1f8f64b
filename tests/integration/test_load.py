# SPDX-License-Identifier: Apache-2.0
"""Every message that was published arrives, once and in order: the load generator checks each one
while many go through at once. The second half is about the checker: it must not be content with
less."""

import dataclasses
import os

import pytest

from support import load
from support.certs import shared_pair
from support.env import PATIENCE_S
from support.faulty_server import FaultyServer
from support.server import Server

THREADS = (1, 2, 4)  # of the server
STUCK_MAX_PENDING = 4 << 20  # bytes after which a client that never reads is cut off


@pytest.fixture(scope="module", params=THREADS, ids="threads={}".format)
def loaded(request, tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("load"), args=("--threads", request.param))
    yield server
    server.stop()


@pytest.fixture(scope="module", params=THREADS, ids="threads={}".format)
def secured(request, tmp_path_factory):
    pair = shared_pair()
    config = (f'tls {{ cert_file: "{pair.cert}", key_file: "{pair.key}", '
              f'timeout: {PATIENCE_S} }}\n')
    server = Server(tmp_path_factory.mktemp("load-tls"), config, args=("--threads", request.param))
    yield server
    server.stop()


FLOWS = {
    "one to one": dict(messages=20_000, size=16),
    "fan-out": dict(messages=4_000, subscribers=10),
    "pairs": dict(messages=40_000, publishers=8, subjects=8),
    "several publishers": dict(messages=15_000, publishers=5, subscribers=3),
    "uneven": dict(messages=10_007, publishers=5, subjects=3, subscribers=2),
    "more subjects than messages": dict(messages=300, subjects=1_000, sub_connections=3),
    "many subjects": dict(messages=20_000, subjects=1_000, sub_connections=3),
    "several subscriptions of one client": dict(messages=5_000, subscribers=6, sub_connections=2),
    "one queue group": dict(messages=20_000, subscribers=5, queue=1),
    "queue groups": dict(messages=10_000, publishers=3, subscribers=7, queue=3),
    "16 KB": dict(messages=600, size=16 << 10, subscribers=2),
    "64 KB": dict(messages=200, size=64 << 10, subscribers=2),
    "1 MB": dict(messages=20, size=1 << 20, subscribers=2),
    "1 MB from several publishers": dict(messages=20, size=1 << 20, publishers=3),
    "beside idle clients": dict(messages=10_000, idle=50, sub_filler=5_000),
}


# Many connections; without TLS, whose handshakes would take most of the time.
WIDE_FLOWS = {
    "fan-out to 100": dict(messages=1_000, subscribers=100),
    "fan-out to 1,000": dict(messages=200, subscribers=1_000),
    "250 pairs": dict(messages=20_000, publishers=250, subjects=250),
    "more subjects than are in a cache": dict(messages=40_000, subjects=20_000, sub_connections=3),
}


def expect_all(flow, result):
    assert result["messages"] == flow["messages"]
    copies = flow.get("queue", flow.get("subscribers", 1))
    assert result["deliveries"] == copies * flow["messages"]


@pytest.mark.parametrize("flow", [*FLOWS.values(), *WIDE_FLOWS.values()],
                         ids=[*FLOWS.keys(), *WIDE_FLOWS.keys()])
def test_flow(loaded, flow):
    expect_all(flow, load.measure("flow", loaded.port, loaded.pid, check=True, **flow))


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS.keys())
def test_flow_over_tls(secured, flow):
    expect_all(flow, load.measure("flow", secured.port, secured.pid, check=True, tls=True, **flow))


def test_exact_bytes_over_tls(secured):
    result = load.measure("flow", secured.port, secured.pid, messages=30_000, size=100,
                          subscribers=2, tls=True)
    assert result["bytes_out"] == 60_000 * (len("MSG b.0 1 100\r\n") + 100 + len("\r\n"))


def test_exact_bytes(loaded):
    result = load.measure("flow", loaded.port, loaded.pid, messages=30_000, size=100,
                          subscribers=2)
    assert result["bytes_out"] == 60_000 * (len("MSG b.0 1 100\r\n") + 100 + len("\r\n"))


def test_publish_only(loaded):
    result = load.measure("flow", loaded.port, loaded.pid, messages=50_000, subscribers=0)
    assert (result["messages"], result["deliveries"], result["bytes_out"]) == (50_000, 0, 0)


def test_inbox_churn_beside_a_flow(loaded):
    """Subscriptions come and go while the matches of others are in use."""
    result = load.measure("flow", loaded.port, loaded.pid, messages=100_000, publishers=2,
                          subscribers=2, churn=20, check=True)
    assert result["deliveries"] == 200_000
    assert result["churns"] > 0


def test_fixed_rate(loaded):
    result = load.measure("flow", loaded.port, loaded.pid, messages=1_000, rate=5_000,
                          publishers=2, subscribers=2, latency=True, sleep=True, check=True)
    assert result["latency_us"]["count"] == 2_000


@pytest.mark.parametrize("given", (dict(in_flight=1), dict(in_flight=64),
                                   dict(in_flight=1, busy_cores=True),
                                   dict(in_flight=16, requesters=3, responders=4),
                                   dict(in_flight=1, requesters=64, responders=64),
                                   dict(in_flight=4, size=64 << 10)), ids=str)
def test_request_reply(loaded, given):
    result = load.measure("request", loaded.port, loaded.pid, requests=2_000, sleep=True, **given)
    assert result["requests"] == result["latency_us"]["count"] == 2_000


@pytest.mark.parametrize("wildcards", (0, 1), ids=("literal", "wildcards"))
def test_many_subscriptions(loaded, wildcards):
    """Inserted, published across and removed in an order of its own each; then nobody gets any."""
    count = 20_000
    result = load.measure("subs", loaded.port, loaded.pid, load.MASS, count=count, publish=count,
                          connections=3, wildcards=wildcards, after_s=0)
    firsts = count // 1_000  # of each thousand, the one that has its messages too
    assert result["deliveries"] == count + wildcards * (count - firsts)


def test_idle_connections(server):
    """They get in and stay."""
    started = server(args=("--threads", 2))
    result = load.measure("idle", started.port, started.pid, load.MASS, count=500, seconds=1,
                          after_s=0)
    assert result["count"] == 500


@pytest.mark.parametrize("threads", THREADS)
def test_subscriber_that_never_reads(server, threads):
    """It is cut off; two others beside it get everything."""
    strict = server(f"max_pending: {STUCK_MAX_PENDING}", args=("--threads", threads))
    result = load.measure("flow", strict.port, strict.pid, messages=100_000, subscribers=2,
                          never_read=1, check=True)
    assert result["deliveries"] == 200_000
    [stuck] = result["never_read"]
    assert stuck["cut_ms"] is not None
    assert stuck["received"] < 100_000
    assert strict.wait_log("Slow Consumer")


def test_subscriber_that_reads_late(loaded):
    """What the server kept for it is all there."""
    result = load.measure("flow", loaded.port, loaded.pid, messages=2_000, size=1_000,
                          never_read=2, check=True)
    assert result["never_read"] == [{"cut_ms": None, "received": 2_000, "error": None}] * 2


@pytest.mark.parametrize("flow", (dict(messages=20_000, size=16),
                                  dict(messages=5_000, subscribers=10),
                                  dict(messages=20_000, publishers=4, subjects=4, subscribers=2),
                                  dict(messages=300, size=64 << 10, subscribers=3)), ids=str)
def test_flow_through_the_relay(flow):
    """What the servers are compared with loses nothing either."""
    with load.relay() as (port, pid):
        result = load.measure("flow", port, pid, raw=True, check=True, **flow)
    assert result["deliveries"] == flow.get("subscribers", 1) * flow["messages"]


def test_requests_through_the_relay():
    with load.relay() as (port, pid):
        result = load.measure("request", port, pid, raw=True, requests=2_000, in_flight=16,
                              requesters=2, responders=2, sleep=True)
    assert result["requests"] == 2_000


# -- the checker

COUNT, VICTIM = 50, 20  # messages of a flow; the one that something happens to


def well(_, message):
    return [message]


def lost(number, message):
    return [] if number == VICTIM else [message]


def last_lost(number, message):
    return [] if number == COUNT - 1 else [message]


def twice(number, message):
    return [message] * 2 if number == VICTIM else [message]


def last_twice(number, message):
    return [message] * 2 if number == COUNT - 1 else [message]


def change(**fields):
    return lambda number, message: [dataclasses.replace(message, **fields) if number == VICTIM
                                    else message]


def swapped():
    kept = []

    def fault(number, message):
        if number == VICTIM:
            kept.append(message)
            return []
        return [message, kept.pop()] if kept else [message]
    return fault


def replayed_for_lost():
    """The sum is right: one message is lost, another one comes twice at the end."""
    return lambda number, message: ([] if number == VICTIM else
                                    [message] * (2 if number == COUNT - 1 else 1))


def stamp(publisher, sequence):
    return f"{publisher:05}.{sequence:010}".encode().ljust(128, b"x")


UNCHECKED, CHECKED, QUEUE = {}, dict(check=True), dict(check=True, subscribers=3, queue=1)
COMPLAINTS = [
    (UNCHECKED, lost, "49 of 50 messages had arrived at the deadline, all were published"),
    (UNCHECKED, twice, "too many messages: 51 instead of 50"),
    (UNCHECKED, last_twice, "too many messages: 51 instead of 50"),
    (UNCHECKED, change(payload=b"short"), "a payload has 5 bytes instead of 128"),
    (CHECKED, lost, "message 21 of publisher 0 came too early or others were lost; 20 was next"),
    (CHECKED, last_lost, "49 of 50 messages had arrived at the deadline, all were published"),
    (CHECKED, twice, "message 20 of publisher 0 came twice or too late; 21 was next"),
    (CHECKED, last_twice, "message 49 of publisher 0 came twice or too late"),
    (CHECKED, swapped(), "message 21 of publisher 0 came too early or others were lost"),
    (CHECKED, change(payload=stamp(0, COUNT)), "message 50 of publisher 0 was never published"),
    (CHECKED, change(payload=stamp(1, VICTIM)), "message 20 of publisher 1 was never published"),
    (CHECKED, change(payload=b"y" * 128), "a message is none of ours: MSG b.0 1 128"),
    (CHECKED, change(sid="2"), "a message to b.0 came for sid 2"),
    (CHECKED, change(sid="0"), "a message to b.0 came for sid 0"),
    (QUEUE, twice, "message 20 of publisher 0 came twice"),
    (QUEUE, replayed_for_lost(), "message 49 of publisher 0 came twice"),
    (QUEUE, swapped(), "message 20 of publisher 0 came twice or too late; 22 was next"),
]


@pytest.mark.parametrize("given,fault,complaint", COMPLAINTS,
                         ids=[f"{row}" for row in range(len(COMPLAINTS))])
def test_what_went_wrong_is_said(given, fault, complaint):
    with FaultyServer(fault) as faulty:
        done = load.run("flow", faulty.port, os.getpid(), messages=COUNT, **given, deadline_s=3)
    assert (done.returncode, done.stdout) == (1, "")
    assert complaint in done.stderr


def spread(number, message):
    """Members of a queue group in turn, which is as good as any other way."""
    return [dataclasses.replace(message, member=number)]


@pytest.mark.parametrize("given,fault", ((UNCHECKED, well), (CHECKED, well), (QUEUE, well),
                                         (QUEUE, spread)),
                         ids=("unchecked", "checked", "queue", "spread"))
def test_nothing_went_wrong(given, fault):
    with FaultyServer(fault) as faulty:
        result = load.measure("flow", faulty.port, os.getpid(), messages=COUNT, **given)
    assert result["deliveries"] == COUNT


def test_message_twice_by_two_members():
    """Each member sees an orderly sequence; together they have one message too many."""
    def fault(number, message):
        member = number % 2
        copies = [dataclasses.replace(message, member=member)]
        return copies + [dataclasses.replace(message, member=2)] if number == VICTIM else copies

    with FaultyServer(fault) as faulty:
        done = load.run("flow", faulty.port, os.getpid(), messages=COUNT, **QUEUE)
    assert done.returncode == 1
    assert f"message {VICTIM} of publisher 0 came twice" in done.stderr


def test_message_after_the_last_one():
    """All have come when one more does."""
    counted = []

    def count(_, message):
        counted.append(message)
        return [message]

    def late():
        line = b"MSG b.0 1 128\r\n" + counted[0].payload + b"\r\n" if counted else b""
        return line

    with FaultyServer(count, on_ping=late) as faulty:
        done = load.run("flow", faulty.port, os.getpid(), messages=COUNT)
    assert done.returncode == 1
    assert "too many messages: 51 instead of 50" in done.stderr


def test_error_of_the_server():
    with FaultyServer(well, on_ping=lambda: b"-ERR 'No More'\r\n") as faulty:
        done = load.run("flow", faulty.port, os.getpid(), messages=COUNT)
    assert done.returncode == 1
    assert "-ERR 'No More'" in done.stderr
