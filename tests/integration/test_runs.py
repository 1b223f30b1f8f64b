# SPDX-License-Identifier: Apache-2.0
"""Publishes of one subject in a row are delivered together; nobody may be able to tell, but by the
order between two subscriptions of one connection."""

import collections

import pytest

from support.client import PONG

LENGTHS = [1, 2, 63, 64, 65, 130]  # a run has at most 64 messages


def pub(subject, number, reply="", headers=b""):
    body = b"%05d" % number
    if headers:
        return b"HPUB %b%b %d %d\r\n%b%b\r\n" % (
            subject.encode(), f" {reply}".encode() if reply else b"", len(headers),
            len(headers) + len(body), headers, body)
    return b"PUB %b%b %d\r\n%b\r\n" % (subject.encode(), f" {reply}".encode() if reply else b"",
                                       len(body), body)


def msg(subject, sid, number, reply=""):
    body = b"%05d" % number
    return b"MSG %b %d%b %d\r\n%b\r\n" % (subject.encode(), sid,
                                          f" {reply}".encode() if reply else b"", len(body), body)


@pytest.fixture
def plain(server):
    return server('ping_interval: "100s"')


@pytest.mark.parametrize("count", LENGTHS)
def test_what_stands_between_publishes_keeps_its_place(plain, count):
    """One write: publishes, PING, publishes, UNSUB, publishes, an empty line's worth of others."""
    client = plain.login()
    client.send("SUB a 1\r\n")
    client.fence()
    first, second = range(count), range(count, 2 * count)
    client.send(b"".join([*(pub("a", i) for i in first), b"PING\r\n",
                          *(pub("a", i) for i in second), b"UNSUB 1\r\n",
                          *(pub("a", i) for i in first), b"SUB a 2\r\n", pub("a", 99999),
                          b"PING\r\n"]))
    client.expect(b"".join([*(msg("a", 1, i) for i in first), PONG,
                            *(msg("a", 1, i) for i in second), msg("a", 2, 99999), PONG]))


@pytest.mark.parametrize("count", LENGTHS)
def test_subjects_in_turn_keep_the_publishers_order(plain, count):
    client = plain.login()
    client.send("SUB > 1\r\n")
    client.fence()
    subjects = [("a", "b", "b", "c", "c", "c")[i % 6] for i in range(count)]
    client.send(b"".join(pub(subject, i) for i, subject in enumerate(subjects)) + b"PING\r\n")
    client.expect(b"".join(msg(subject, 1, i) for i, subject in enumerate(subjects)) + PONG)


@pytest.mark.parametrize("most", [1, 5, 63, 64, 65])
def test_a_maximum_inside_a_run(plain, most):
    """UNSUB with a maximum: exactly so many arrive, the rest has no responder."""
    publisher = plain.connect().login(headers=True, no_responders=True)
    receiver = plain.login()
    receiver.send(f"SUB a 1\r\nUNSUB 1 {most}\r\n")
    receiver.fence()
    publisher.send("SUB reply 7\r\n")
    publisher.fence()
    count = 100
    publisher.send(b"".join(pub("a", i, "reply") for i in range(count)) + b"PING\r\n")
    gone = b"NATS/1.0 503\r\nNats-Subject: a\r\n\r\n"
    none = b"HMSG reply 7 %d %d\r\n%b\r\n" % (len(gone), len(gone), gone)
    publisher.expect(none * (count - most) + PONG)
    receiver.fence(b"".join(msg("a", 1, i, "reply") for i in range(most)))


def test_members_of_a_group_share_a_run(plain):
    """Each message reaches exactly one member, in the publisher's order, and all have some."""
    members = [plain.login() for _ in range(3)]
    for member in members:
        member.send("SUB a work 1\r\n")
        member.fence()
    publisher = plain.login()
    count = 640
    publisher.send(b"".join(pub("a", i) for i in range(count)))
    publisher.fence()
    seen = collections.Counter()
    for member in members:
        member.send("PING\r\n")
        numbers = [int(line) for line in member.read_until(PONG).split(b"\r\n")[1:-2:2]]
        assert numbers == sorted(numbers)
        assert len(numbers) > count // 10
        seen.update(numbers)
    assert seen == collections.Counter(range(count))


def test_a_member_at_its_maximum_leaves_the_rest_to_others(plain):
    few, many = plain.login(), plain.login()
    few.send("SUB a work 1\r\nUNSUB 1 3\r\n")
    few.fence()
    many.send("SUB a work 1\r\n")
    many.fence()
    publisher = plain.login()
    count = 64
    publisher.send(b"".join(pub("a", i) for i in range(count)))
    publisher.fence()
    got = []
    for member in (few, many):
        member.send("PING\r\n")
        got.append([int(line) for line in member.read_until(PONG).split(b"\r\n")[1:-2:2]])
    assert len(got[0]) == 3
    assert sorted(got[0] + got[1]) == list(range(count))


def test_a_refused_publish_between_others(server):
    limited = server("""authorization { users: [
        { user: u, password: p, permissions: { publish: { deny: "secret" } } } ] }""")
    client = limited.connect()
    client.login(user="u", **{"pass": "p"})
    client.send("SUB a 1\r\n")
    client.fence()
    client.send(pub("a", 1) + pub("a", 2) + pub("secret", 3) + pub("a", 4) + b"PING\r\n")
    client.expect(msg("a", 1, 1) + msg("a", 1, 2))
    client.expect('-ERR \'Permissions Violation for Publish to "secret"\'\r\n')
    client.expect(msg("a", 1, 4) + PONG)


def test_what_came_before_a_protocol_error_is_delivered(plain):
    receiver = plain.login()
    receiver.send("SUB a 1\r\n")
    receiver.fence()
    publisher = plain.login()
    publisher.send(pub("a", 1) + pub("a", 2) + b"NONSENSE\r\n")
    publisher.expect_error("Unknown Protocol Operation", closes=True)
    receiver.fence(msg("a", 1, 1) + msg("a", 1, 2))


def test_headers_and_none_in_one_run(plain):
    """One receiver takes headers, the other gets the messages without them."""
    block = b"NATS/1.0\r\nK: v\r\n\r\n"
    takes, leaves = plain.connect().login(headers=True), plain.login()
    for receiver in (takes, leaves):
        receiver.send("SUB a 1\r\n")
        receiver.fence()
    publisher = plain.connect().login(headers=True)
    publisher.send(pub("a", 1) + pub("a", 2, headers=block) + pub("a", 3, "r", block) + pub("a", 4))
    publisher.fence()
    size = len(block) + 5
    takes.fence(msg("a", 1, 1) +
                b"HMSG a 1 %d %d\r\n%b00002\r\n" % (len(block), size, block) +
                b"HMSG a 1 r %d %d\r\n%b00003\r\n" % (len(block), size, block) + msg("a", 1, 4))
    leaves.fence(msg("a", 1, 1) + msg("a", 1, 2) + msg("a", 1, 3, "r") + msg("a", 1, 4))


def test_large_and_small_in_one_subject(plain):
    """Payloads that are shared by reference between those that are copied."""
    receivers = [plain.login() for _ in range(3)]
    for receiver in receivers:
        receiver.send("SUB a 1\r\n")
        receiver.fence()
    bodies = [bytes([65 + i % 26]) * size for i, size in
              enumerate([1, 8191, 8192, 8193, 0, 70000, 3, 16384, 16384, 100000, 2])]
    publisher = plain.login()
    publisher.send(b"".join(b"PUB a %d\r\n%b\r\n" % (len(body), body) for body in bodies))
    publisher.fence()
    for receiver in receivers:
        receiver.fence(b"".join(b"MSG a 1 %d\r\n%b\r\n" % (len(body), body) for body in bodies))
