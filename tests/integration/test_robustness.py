# SPDX-License-Identifier: Apache-2.0
"""Peers that send rubbish, vanish, or take their time: others do not notice."""

import os
import pathlib
import random
import threading

import pytest

from support.client import Client
from support.env import is_sanitized, wait_for
from support.tokens import token_config

SEED = 20261123

VALID = (b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"name":"x"}\r\n'
         b"SUB foo.* 1\r\nSUB > q 2\r\nPUB foo.a re.ply 5\r\nhello\r\n"
         b"HPUB foo.b 12 14\r\nNATS/1.0\r\n\r\nhi\r\nUNSUB 1 5\r\nPING\r\nPONG\r\n")


def push(port, data, ending="close"):
    """Sends data, whatever becomes of it, and ends the connection in one of three ways."""
    client = Client(port, read_info=False)
    try:
        client.send(data)
    except (ConnectionError, TimeoutError):
        pass  # the server had enough
    if ending == "abort":
        client.abort()
    elif ending == "leave":
        client.leave()
    client.close()


def expect_no_interest(server, subject):
    """Soon a request to subject is answered with "no responders"."""
    with server.login(headers=True, no_responders=True) as asker:
        asker.send("SUB inbox 1\r\n")

        def nobody_listens():
            asker.send(f"PUB {subject} inbox 0\r\n\r\nPING\r\n")
            return b"NATS/1.0 503\r\n" in asker.read_until(b"PONG\r\n")
        wait_for(nobody_listens, f"the end of the interest in {subject}")


def garbage(draw):
    kind = draw.randrange(5)
    if kind == 0:  # bytes
        return draw.randbytes(draw.randint(1, 5000))
    if kind == 1:  # a valid stream with some bytes changed
        data = bytearray(VALID)
        for _ in range(draw.randint(1, 8)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        return bytes(data)
    if kind == 2:  # its lines in another order, some twice
        lines = VALID.split(b"\r\n")
        return b"\r\n".join(draw.choices(lines, k=2 * len(lines)))
    if kind == 3:  # sizes that lie
        size = draw.choice((0, 1, 2, 1 << 16, 1 << 20, (1 << 20) + 1, 999999999))
        return VALID + b"PUB foo %d\r\n" % size + draw.randbytes(draw.randint(0, 70000))
    return draw.choice((b"", b"CONNECT ", b"SUB ", b"PUB ")) + draw.choice(
        (b"\0", b" ", b"\n", b"\r", b"a", b"{", b"[", b'"', b"\xff")) * draw.randint(1, 20000)


def test_garbage(shared):
    draw = random.Random(SEED)
    other = shared.login()
    for round_ in range(300):
        push(shared.port, garbage(draw), draw.choice(("close", "abort", "leave")))
        if round_ % 10 == 0:
            other.expect_silence()
    other.expect_silence()
    shared.login().expect_silence()


@pytest.mark.parametrize("ending", ("leave", "abort"))
def test_vanish_at_every_byte(shared, ending):
    """Mid-line, mid-payload, between CR and LF."""
    with shared.login() as other:
        for end in range(len(VALID)):
            push(shared.port, VALID[:end], ending)
        other.expect_silence()


def test_half_a_large_message(shared):
    with shared.login() as subscriber:
        subscriber.send("SUB big 1\r\n")
        subscriber.fence()
        for size in (1, 1000, 65536, 1 << 19):
            push(shared.port, b"PUB big 1048576\r\n" + b"x" * size, "leave")
        subscriber.expect_silence()  # nothing of them is delivered


def test_huge_sids(shared):
    sid = "s" * 4000
    with shared.login() as client:
        for number in range(50):
            client.send(f"SUB foo.{number} {sid}{number:02}\r\n")
        client.fence()
        for number in range(50):
            client.send(f"PUB foo.{number} 2\r\nhi\r\n")
            client.expect(f"MSG foo.{number} {sid}{number:02} 2\r\nhi\r\n")
        client.send("".join(f"UNSUB {sid}{number:02}\r\n" for number in range(50)))
        client.send("PUB foo.0 0\r\n\r\n")
        client.expect_silence()


def test_long_subjects(shared):
    subject = ".".join("t" for _ in range(2000))
    with shared.login() as client:
        client.send(f"SUB {subject} 1\r\nSUB {subject[:-1]}> 2\r\nSUB {'*.' * 1999}* 3\r\n")
        client.send(f"PUB {subject} 0\r\n\r\nPING\r\n")
        assert client.read_until(b"PONG\r\n").count(b"MSG ") == 3


def test_a_million_subscriptions(server):
    count = 100_000 if is_sanitized() else 1_000_000
    started = server()
    with started.login() as other:
        hoarder = started.login()
        for start in range(0, count, 50_000):
            hoarder.send("".join(f"SUB device.{n}.state {n}\r\n"
                                 for n in range(start, start + 50_000)))
            hoarder.fence()
            other.expect_silence()
        for n in (0, 1, count // 2, count - 1):
            other.send(f"PUB device.{n}.state 2\r\nhi\r\n")
            other.fence()
            hoarder.expect(f"MSG device.{n}.state {n} 2\r\nhi\r\n")
        other.send(f"PUB device.{count}.state 2\r\nhi\r\n")
        other.fence()
        hoarder.expect_silence()
        hoarder.send("".join(f"UNSUB {n}\r\n" for n in range(0, 1000)))
        hoarder.fence()
        other.send("PUB device.0.state 0\r\n\r\n")
        other.fence()
        hoarder.expect_silence()
        hoarder.abort()
        other.expect_silence()
    expect_no_interest(started, "device.5000.state")


def test_slow_loris(server):
    """Logins that never end hold a place only until the timeout."""
    started = server(token_config("s3cr3t", 'timeout: "500ms"'))
    lorises = [started.connect() for _ in range(200)]
    for byte in 'CONNECT {"auth':
        for loris in lorises:
            try:
                loris.send(byte)
            except ConnectionError:
                pass
        started.login("s3cr3t").leave()
    for loris in lorises:
        loris.expect_error("Authentication Timeout", closes=True)


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_churn_leaves_nothing_behind(server):
    started = server()
    started.login().leave()
    before = descriptors(started.pid)
    draw = random.Random(SEED)
    for number in range(200):
        client = started.login()
        client.send(f"SUB churn.{number % 7} 1\r\nSUB churn.> q 2\r\nPUB churn.1 2\r\nhi\r\n")
        if draw.random() < 0.5:
            client.abort()
        else:
            client.close()
    wait_for(lambda: descriptors(started.pid) <= before, "the server to close its descriptors")
    expect_no_interest(started, "churn.1")


def test_subscribers_vanish_during_a_fan_out(shared):
    count = 3000
    draw = random.Random(SEED)
    with shared.login() as steady, shared.login() as publisher:
        steady.send("SUB fan 1\r\n")
        steady.fence()
        crowd = []

        def come_and_go():
            for _ in range(150):
                client = shared.login()
                client.send("SUB fan 1\r\nSUB fan q 2\r\n")
                crowd.append(client)
                if len(crowd) > 20:
                    crowd.pop(draw.randrange(len(crowd))).abort()

        thread = threading.Thread(target=come_and_go)
        thread.start()
        for start in range(0, count, 100):
            publisher.send("".join(f"PUB fan 6\r\n{n:06}\r\n" for n in range(start, start + 100)))
            publisher.fence()
            steady.expect("".join(f"MSG fan 1 6\r\n{n:06}\r\n" for n in range(start, start + 100)))
        thread.join()
        steady.expect_silence()
        for client in crowd:
            client.close()


def resident_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise AssertionError("no VmRSS")


def test_answers_nobody_reads_are_bounded(server):
    """A client that sends PING without end and never reads: its PONGs must not pile up."""
    started = server("max_pending: 1MB, max_payload: 1MB")
    with started.login() as other:
        before = resident_bytes(started.pid)
        flooder = started.connect(rcvbuf=4096)
        flooder.sock.settimeout(1)
        try:
            for _ in range(200):  # 120 MB of answers
                flooder.sock.sendall(b"PING\r\n" * 100_000)
        except (TimeoutError, ConnectionError):
            pass  # held back, or cut off: both are fine
        other.expect_silence()
        if not is_sanitized():  # their allocators keep what was freed
            assert resident_bytes(started.pid) - before < 32 << 20
        flooder.close()
