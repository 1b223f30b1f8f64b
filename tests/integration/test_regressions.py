# SPDX-License-Identifier: Apache-2.0
"""Bugs that were found once, each with what showed it."""

import pytest

from support.env import wait_for


def test_a_closing_client_does_not_spoil_what_it_published(server):
    """Large payloads are sent by reference; wiping the input of a client that ends must not
    reach them, though the bad verb came in the same block."""
    started = server()
    with started.login() as subscriber:
        subscriber.send("SUB big 1\r\n")
        subscriber.fence()
        bodies = [b"a" * 60_000, b"b" * 33_000, b"c" * 33_000]
        with started.login() as publisher:
            publisher.send(b"".join(b"PUB big %d\r\n%b\r\n" % (len(b), b) for b in bodies) + b"BAD\r\n")
            publisher.expect_error("Unknown Protocol Operation", closes=True)
        for body in bodies:
            subscriber.expect(b"MSG big 1 %d\r\n%b\r\n" % (len(body), body))


def test_the_last_words_come_behind_all_that_waits(server):
    """A client with megabytes waiting makes a mistake: it gets everything, then the -ERR."""
    started = server()
    client = started.connect(rcvbuf=4096)
    client.login()
    client.send("SUB much 1\r\n")
    client.fence()
    body = "x" * 1000
    count = 5000
    with started.login() as publisher:
        publisher.send(f"PUB much {len(body)}\r\n{body}\r\n" * count)
        publisher.fence()
    client.send("BAD\r\n")
    got = client.read_until(b"-ERR 'Unknown Protocol Operation'\r\n")
    assert got.count(b"MSG much 1 1000\r\n") == count


def test_nul_in_a_subject_does_not_break_the_status_message(server):
    with server().login(headers=True, no_responders=True) as client:
        client.send("SUB rep.* 1\r\n")
        client.send(b"PUB a\0b rep.\0x 0\r\n\r\n")
        client.expect(b"HMSG rep.\0x 1 35 35\r\nNATS/1.0 503\r\nNats-Subject: a\0b\r\n\r\n\r\n")


def test_a_message_of_the_size_of_max_pending_passes(server):
    started = server("max_payload: 64KB, max_pending: 64KB")
    with started.login() as subscriber, started.login() as publisher:
        subscriber.send("SUB full 1\r\n")
        subscriber.fence()
        body = "x" * 65536
        publisher.send(f"PUB full {len(body)}\r\n{body}\r\n")
        subscriber.expect(f"MSG full 1 {len(body)}\r\n{body}\r\n")


def test_a_wide_fan_out_lets_others_of_the_loop_have_their_turn(server):
    """One read of tiny publishes to thousands of subscriptions is done in turns, and completely."""
    started = server(args=["--threads", "1"])
    subscriptions, publishes = 2000, 300
    with started.login() as subscriber, started.login() as publisher, started.login() as other:
        subscriber.send("".join(f"SUB w {n}\r\n" for n in range(subscriptions)))
        subscriber.fence()
        publisher.send("PUB w 0\r\n\r\n" * publishes + "PING\r\n")
        other.fence()
        got = 0
        while got < subscriptions * publishes:
            got += subscriber.read_until(b"\r\n\r\n").count(b"MSG w ")
        publisher.expect(b"PONG\r\n")


def test_unsub_of_what_another_loop_delivers_leaves_nothing_behind(server):
    """The maximum is set while messages come from elsewhere: exactly that many, then the sid is
    free again, also where max_subscriptions leaves no room."""
    started = server("max_subscriptions: 1")
    with started.login() as subscriber, started.login() as publisher:
        for turn in range(200):
            publisher.send("PUB race 0\r\n\r\n" * 5)
            subscriber.send("SUB race 1\r\nUNSUB 1 3\r\n")
            publisher.send("PUB race 0\r\n\r\n" * 5)
            publisher.fence()
            subscriber.send("PING\r\n")
            got = subscriber.read_until(b"PONG\r\n")
            assert b"-ERR" not in got, turn
            if got.count(b"MSG race 1 0") < 3:
                subscriber.send("UNSUB 1\r\nPING\r\n")
                subscriber.read_until(b"PONG\r\n")


@pytest.mark.parametrize("noise, line", [
    ("PING\r\n", "authentication error"),
    ('CONNECT {"auth_token":"wrong"}\r\n', "authentication error"),
])
def test_failures_from_one_address_fill_no_log(server, noise, line):
    started = server('authorization { token: "s3cr3t" }')
    for _ in range(100):
        with started.connect() as client:
            client.send(noise)
            client.expect_error("Authorization Violation", closes=True)
    assert 1 <= started.log().count(line) <= 20


def test_violations_of_one_client_fill_no_log(server):
    started = server()
    with started.login() as client:
        client.send("PUB _GR_.x 0\r\n\r\n" * 1000 + "PING\r\n")
        got = client.read_until(b"PONG\r\n")
        assert got.count(b'-ERR \'Permissions Violation for Publish to "_GR_.x"\'\r\n') == 1000
    wait_for(lambda: "Permissions Violation" in started.log(), "the line")
    assert started.log().count("Permissions Violation") <= 20


@pytest.mark.parametrize("wish", ('"protocol":5', '"no_responders":true,"headers":false'))
def test_credentials_are_judged_first(server, wish):
    started = server('authorization { token: "s3cr3t" }')
    with started.connect() as client:
        client.send(f'CONNECT {{"auth_token":"wrong",{wish}}}\r\n')
        client.expect_error("Authorization Violation", closes=True)


def test_the_limit_of_subscriptions_comes_before_the_sid(server):
    """As in the reference: at the limit even a live sid earns the error."""
    with server("max_subscriptions: 1").login() as client:
        client.send("SUB a 1\r\nSUB a 1\r\n")
        client.expect("-ERR 'maximum subscriptions exceeded'\r\n")
        client.fence()


def test_shutdown_while_a_refused_client_stays(server):
    """It was told, and does not close its side: the shutdown waits for it for a moment only."""
    started = server('authorization { token: "right" }')
    client = started.connect()
    client.login("wrong", ping=False)
    client.expect_error("Authorization Violation", closes=True)
    started.stop()
