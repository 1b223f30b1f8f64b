# SPDX-License-Identifier: Apache-2.0
"""The route protocol byte for byte: interest and messages, out and in; see test_cluster_wire.py."""

import re

import pytest

from support.route_peer import dial
from support.user import unique

HEADERS = b"NATS/1.0\r\nA: b\r\n\r\n"
HEAD = len(HEADERS)


def expect_heard(user, subject, text):
    message = user.next()
    assert (message.subject, message.text) == (subject, text)


# -- interest out


def test_plain_interest_out(peer, user):
    """Only from none to one and from one to none."""
    subject = unique("out.")
    first = user.sub(subject)
    user.flush()
    peer.expect_only(f"RS+ $G {subject}\r\n")
    second = user.sub(subject)
    user.unsub(first)
    user.flush()
    peer.expect_only()
    user.unsub(second)
    user.flush()
    peer.expect_only(f"RS- $G {subject}\r\n")


def test_queue_interest_out(peer, user):
    """Each change of the number of members is told."""
    subject = unique("out.")
    sids = []
    for weight in (1, 2, 3):
        sids.append(user.sub(subject, "q"))
        user.flush()
        peer.expect_only(f"RS+ $G {subject} q {weight}\r\n")
    for weight in (2, 1):
        user.unsub(sids.pop())
        user.flush()
        peer.expect_only(f"RS+ $G {subject} q {weight}\r\n")
    user.unsub(sids.pop())
    user.flush()
    peer.expect_only(f"RS- $G {subject} q\r\n")


def test_auto_unsubscribe_out(peer, user):
    """UNSUB with a number is not told; the end is."""
    subject = unique("out.")
    user.unsub(user.sub(subject), 2)
    user.flush()
    peer.expect_only(f"RS+ $G {subject}\r\n")
    peer.send(f"RMSG $G {subject} 1\r\n1\r\n")
    expect_heard(user, subject, "1")
    peer.expect_only()
    peer.send(f"RMSG $G {subject} 1\r\n2\r\n")
    expect_heard(user, subject, "2")
    peer.expect_ops(f"RS- $G {subject}\r\n")


def test_disconnect_out(joined, peer):
    """A client with two plain subscriptions and members of two groups goes: a line each, and the
    weight that remains is told once."""
    subject = unique("out.")
    with joined.user() as stays, joined.user() as goes:
        stays.sub(subject, "kept")
        stays.flush()
        for name, queue in (("plain", None), ("plain", None), ("lone", "q"), ("lone", "q")):
            goes.sub(f"{subject}.{name}", queue)
        for _ in range(3):
            goes.sub(subject, "kept")
        goes.flush()
        peer.skip_to_pong()
        goes.close()
        peer.expect_ops(f"RS- $G {subject}.plain\r\n", f"RS- $G {subject}.lone q\r\n",
                        f"RS+ $G {subject} kept 1\r\n", ordered=False)
        peer.expect_only()


def test_interest_of_routes_is_not_passed_on(joined, peer, user):
    """One hop: what a peer wants is its own affair."""
    subject = unique("hop.")
    with dial(joined.route_port) as other:
        other.join()
        peer.send(f"RS+ $G {subject}\r\nRS+ $G {subject} q 1\r\n")
        peer.expect_alive()
        other.expect_only()
        user.pub(subject, "x")
        peer.expect_ops(f"RMSG $G {subject} | q 1\r\nx\r\n")
        other.expect_only()
        other.leave()


def test_odd_subjects_out(peer, user):
    """Bytes that mean nothing to a subject stay as they are."""
    subject = unique("a*.>b.\u00e9\"\\.")
    user.sub(subject)
    user.flush()
    peer.expect_only(f"RS+ $G {subject}\r\n")


# -- messages out


@pytest.fixture
def wanted(peer, user):
    """A subject in which the peer has the interest that it is given: None is plain."""
    def want(*queues):
        subject = unique("msg.")
        for queue in queues:
            peer.send(f"RS+ $G {subject} {queue} 1\r\n" if queue else f"RS+ $G {subject}\r\n")
        peer.expect_alive()
        return subject
    return want


@pytest.mark.parametrize("reply", ["", "re.ply"])
@pytest.mark.parametrize("payload", ["", "hi", "x" * 70_000], ids=len)
def test_message_out_plain(peer, user, wanted, reply, payload):
    subject = wanted(None)
    user.pub(subject, payload, reply=reply)
    reply = f" {reply}" if reply else ""
    peer.expect_only(f"RMSG $G {subject}{reply} {len(payload)}\r\n{payload}\r\n")
    user.pub(subject, payload, reply=reply.strip(), headers=HEADERS)
    peer.expect_only(f"HMSG $G {subject}{reply} {HEAD} {HEAD + len(payload)}\r\n".encode()
                     + HEADERS + payload.encode() + b"\r\n")


@pytest.mark.parametrize("queues", [("q",), (None, "q"), ("q1", "q2"), (None, "q1", "q2", "q3")],
                         ids=str)
@pytest.mark.parametrize("reply", ["", "re.ply"])
def test_message_out_with_queues(peer, user, wanted, reply, queues):
    """One line for all; the order of the groups is free."""
    subject = wanted(*queues)
    names = {queue for queue in queues if queue}
    mark = re.escape(f"+ {reply}" if reply else "|")
    for headers in (b"", HEADERS):
        user.pub(subject, "hi", reply=reply, headers=headers)
        verb, sizes = ("HMSG", f"{HEAD} {HEAD + 2}") if headers else ("RMSG", "2")
        op = peer.read_op().decode()
        match = re.fullmatch(rf"{verb} \$G {re.escape(subject)} {mark} ([^\r]*) {sizes}\r\n"
                             rf"{re.escape(headers.decode())}hi\r\n", op)
        assert match, op
        assert sorted(match[1].split(" ")) == sorted(names)
    peer.expect_only()


def test_headers_are_cut_off_for_a_peer_without(joined, user):
    subject = unique("bare.")
    with dial(joined.route_port) as peer:
        peer.join(info={"headers": False}, headers=False)
        peer.send(f"RS+ $G {subject}\r\n")
        peer.expect_alive()
        user.pub(subject, "hi", headers=HEADERS, reply="re.ply")
        peer.expect_only(f"RMSG $G {subject} re.ply 2\r\nhi\r\n")
        peer.leave()


def test_draw_names_the_group_only_where_it_fell(peer, user, wanted):
    """One member here, three there: of 400 messages each gets some, the peer about three quarters;
    those of the local member are not sent at all."""
    subject = wanted()
    peer.send(f"RS+ $G {subject} q 3\r\n")
    peer.expect_alive()
    user.sub(subject, "q")
    user.flush()
    peer.expect_only(f"RS+ $G {subject} q 1\r\n")
    for _ in range(400):
        user.pub(subject, "x")
    user.flush()
    lines = peer.skip_to_pong()
    assert set(lines) == {f"RMSG $G {subject} | q 1\r\nx\r\n".encode()}
    assert len(lines) + len(user.inbox) == 400
    assert 230 < len(lines) < 370  # 300 is to be expected; 8 standard deviations are 70


def test_draw_beside_plain_interest(peer, user, wanted):
    """The line goes in any case; the group's name stands in it if the draw fell there."""
    subject = wanted(None, "q")
    user.sub(subject, "q")
    user.flush()
    peer.skip_to_pong()
    for _ in range(200):
        user.pub(subject, "x")
    user.flush()
    lines = peer.skip_to_pong()
    named = lines.count(f"RMSG $G {subject} | q 1\r\nx\r\n".encode())
    assert lines.count(f"RMSG $G {subject} 1\r\nx\r\n".encode()) + named == 200
    assert named + len(user.inbox) == 200
    assert named and user.inbox


def test_weight_is_set_not_added(peer, user, wanted):
    subject = wanted()
    peer.send(f"RS+ $G {subject} q 1000000\r\nRS+ $G {subject} q 1\r\n")
    peer.expect_alive()
    user.sub(subject, "q")
    user.flush()
    peer.skip_to_pong()
    for _ in range(200):
        user.pub(subject, "x")
    user.flush()
    assert user.inbox, "the first weight still counts"


def test_weight_of_nothing_is_never_drawn(peer, user, wanted):
    subject = wanted()
    peer.send(f"RS+ $G {subject} q 0\r\n")
    peer.expect_alive()
    user.sub(subject, "q")
    user.flush()
    peer.skip_to_pong()
    for _ in range(50):
        user.pub(subject, "x")
    user.flush()
    assert len(user.inbox) == 50
    peer.expect_only()


def test_two_peers_in_one_draw(joined, peer, user):
    """Each message goes to one of them."""
    subject = unique("draw.")
    with dial(joined.route_port) as other:
        other.join()
        for each in (peer, other):
            each.send(f"RS+ $G {subject} q 1\r\n")
            each.expect_alive()
        for _ in range(200):
            user.pub(subject, "x")
        user.flush()
        line = f"RMSG $G {subject} | q 1\r\nx\r\n".encode()  # beside gossip
        counts = [each.skip_to_pong().count(line) for each in (peer, other)]
        assert sum(counts) == 200 and all(counts)
        other.leave()


# -- interest in


def test_interest_in(peer, user):
    """Idempotent: twice announced is withdrawn once."""
    subject = unique("in.")
    assert not user.has_responders(subject)
    peer.send(f"RS+ $G {subject}\r\nRS+ $G {subject}\r\n")
    peer.skip_to_pong()
    user.pub(subject, "x")
    peer.expect_only(f"RMSG $G {subject} 1\r\nx\r\n")
    peer.send(f"RS- $G {subject}\r\n")
    peer.expect_alive()
    assert not user.has_responders(subject)
    peer.send(f"RS- $G {subject}\r\n")  # there is none: nothing happens
    peer.expect_alive()


def test_interest_in_is_by_account_subject_and_queue(peer, user):
    """What is withdrawn must be what was announced."""
    subject = unique("in.")
    peer.send(f"RS+ $G {subject}\r\nRS+ $G {subject} q 1\r\nRS+ $G {subject} r 1\r\n"
              f"RS- $G {subject} q\r\nRS- $G {subject} x\r\nRS- $G {subject}.no\r\n"
              f"RS- other {subject}\r\n")
    peer.skip_to_pong()
    user.pub(subject, "x")
    peer.expect_only(f"RMSG $G {subject} | r 1\r\nx\r\n")
    peer.send(f"RS- $G {subject}\r\n")
    peer.expect_alive()
    user.pub(subject, "x")
    peer.expect_only(f"RMSG $G {subject} | r 1\r\nx\r\n")


def test_interest_of_an_unknown_account(peer, user):
    subject = unique("in.")
    peer.send(f"RS+ NOSUCH {subject}\r\nRMSG NOSUCH {subject} 1\r\nx\r\nRS- NOSUCH {subject}\r\n")
    peer.expect_alive()
    assert not user.has_responders(subject)


def test_loss_of_the_route_ends_its_interest(joined, user):
    subject = unique("lost.")
    with dial(joined.route_port) as peer:
        peer.join()
        peer.send(f"RS+ $G {subject}\r\nRS+ $G {subject}.q q 2\r\n")
        peer.skip_to_pong()
        assert user.has_responders(subject)
        assert user.has_responders(f"{subject}.q")
        peer.abort()
    for each in (subject, f"{subject}.q"):
        user.wait_responders(each, False)


def test_loss_of_a_route_with_much_interest(joined, user):
    """It is forgotten part by part; no message of a group is drawn for it meanwhile."""
    subject, many = unique("lost."), 50_000
    line = f"RMSG $G {subject} | q 1\r\nx\r\n".encode()
    with dial(joined.route_port) as stays, dial(joined.route_port) as goes:
        for each in (stays, goes):
            each.join()
            each.send(f"RS+ $G {subject} q 1\r\n")
        goes.send("".join(f"RS+ $G {subject}.{i}\r\n" for i in range(many)))
        for each in (goes, stays):
            each.skip_to_pong()
        assert user.has_responders(f"{subject}.{many - 1}")
        goes.abort()
        joined.wait_log(f"Router connection closed: .* - Remote: {goes.name}")
        for _ in range(200):
            user.pub(subject, "x")
        user.flush()
        assert stays.skip_to_pong().count(line) == 200
        for i in range(0, many, 997):
            user.wait_responders(f"{subject}.{i}", False)
        stays.leave()


@pytest.mark.parametrize("lnocu", [True, False])
def test_leaf_interest_in(joined, user, lnocu):
    """LS+ beside RS+ of the same subject is another entry; LS- has the origin only of a peer that
    says lnocu."""
    subject = unique("leaf.")
    said = {"lnocu": lnocu or None}
    with dial(joined.route_port) as peer:
        peer.join(info=said, **({} if lnocu else {"lnocu": False}))
        origin = "leafy " if lnocu else ""
        peer.send(f"LS+ leafy $G {subject}\r\n")
        peer.expect_alive()
        user.pub(subject, "x")
        assert peer.read_op() in (f"RMSG $G {subject} 1\r\nx\r\n".encode(),
                                  f"LMSG leafy $G {subject} 0 1\r\nx\r\n".encode())
        peer.send(f"LS- {origin}$G {subject}\r\n")
        peer.expect_alive()
        assert not user.has_responders(subject)
        peer.send(f"LS+ leafy $G {subject} q 2\r\n")
        peer.expect_alive()
        user.pub(subject, "x")
        assert b" | q " in peer.read_op()
        peer.send(f"LS- {origin}$G {subject} q\r\n")
        peer.expect_alive()
        assert not user.has_responders(subject)
        peer.leave()


# -- messages in


@pytest.mark.parametrize("line, body, reply, headers", [
    ("RMSG $G {} 2", b"hi", "", b""), ("RMSG $G {} re.ply 2", b"hi", "re.ply", b""),
    ("RMSG $G {} 0", b"", "", b""), ("rmsg $G {} 2", b"hi", "", b""),
    (f"HMSG $G {{}} {HEAD} {HEAD + 2}", HEADERS + b"hi", "", HEADERS),
    (f"HMSG $G {{}} re.ply {HEAD} {HEAD + 2}", HEADERS + b"hi", "re.ply", HEADERS),
    (f"HMSG $G {{}} {HEAD} {HEAD}", HEADERS, "", HEADERS),
    ("LMSG leafy $G {} 0 2", b"hi", "", b""),
    (f"LMSG leafy $G {{}} re.ply {HEAD} {HEAD + 2}", HEADERS + b"hi", "re.ply", HEADERS)])
def test_message_in(peer, user, line, body, reply, headers):
    """The line's subject and reply, unchanged; in one write and byte by byte."""
    subject = unique("in.")
    sid = user.sub(subject)
    user.flush()
    peer.skip_to_pong()
    stream = line.format(subject).encode() + b"\r\n" + body + b"\r\n"
    for cuts in ((), (1,) * len(stream)):
        peer.send_cut(stream, iter(cuts))
        message = user.next()
        assert (message.subject, message.sid, message.reply, message.headers, message.payload) == (
            subject, sid, reply, headers, body[len(headers):])


def test_message_in_reaches_named_groups_alone(peer, user):
    """Not the plain ones only, not all groups: the sender has drawn."""
    subject = unique("in.")
    plain = user.sub(subject)
    first, second = user.sub(subject, "q1"), user.sub(subject, "q2")
    user.flush()
    peer.skip_to_pong()
    for line, sids in ((f"RMSG $G {subject} 1", {plain}),
                       (f"RMSG $G {subject} | q1 1", {plain, first}),
                       (f"RMSG $G {subject} | q2 q1 1", {plain, first, second}),
                       (f"RMSG $G {subject} + re.ply q2 1", {plain, second}),
                       (f"RMSG $G {subject} | nobody 1", {plain}),
                       (f"RMSG $G {subject} re.ply 1", {plain})):
        peer.send(f"{line}\r\nx\r\n")
        got = user.take(len(sids))
        assert {message.sid for message in got} == sids, line
        assert {message.reply for message in got} == {"re.ply" if "re.ply" in line else ""}
    peer.expect_alive()
    user.flush()
    assert not user.inbox


def test_message_in_reaches_one_member(peer, user):
    """Of a named group with several members here, at random."""
    subject = unique("in.")
    sids = {user.sub(subject, "q") for _ in range(3)}
    user.flush()
    peer.skip_to_pong()
    for _ in range(200):
        peer.send(f"RMSG $G {subject} | q 1\r\nx\r\n")
    assert {message.sid for message in user.take(200)} == sids
    peer.send(f"RMSG $G {subject} | q q other q 1\r\nx\r\n")  # once, however often it is named
    user.take(1)
    peer.expect_alive()
    user.flush()
    assert not user.inbox


def test_message_in_stays_here(joined, peer, user):
    """It goes to no other route, whatever that wants, and not back."""
    subject = unique("in.")
    with dial(joined.route_port) as other:
        other.join()
        for each in (peer, other):
            each.send(f"RS+ $G {subject}\r\nRS+ $G {subject} q 1\r\n")
            each.expect_alive()
        user.sub(subject)
        user.flush()
        for each in (peer, other):
            each.expect_only(f"RS+ $G {subject}\r\n")
        peer.send(f"RMSG $G {subject} 1\r\nx\r\n")
        expect_heard(user, subject, "x")
        peer.expect_only()
        other.expect_only()
        other.leave()


def test_large_message_in(peer, user):
    subject = unique("in.")
    user.sub(subject)
    user.flush()
    peer.skip_to_pong()
    body = bytes(range(256)) * 4096
    peer.send(f"RMSG $G {subject} {len(body)}\r\n".encode() + body + b"\r\n")
    assert user.next().payload == body


# -- a whole session


def test_transcript(joined, peer):
    """A dialogue as it was seen between two nodes of the reference, our side checked."""
    word = unique("t")
    with joined.user() as a, joined.user() as b:
        one, two = a.sub(f"{word}.*"), a.sub(f"{word}.*")
        a.flush()
        peer.expect_only(f"RS+ $G {word}.*\r\n")
        three, four = a.sub(f"{word}.bar", "q1"), a.sub(f"{word}.bar", "q1")
        a.sub(f"{word}.bar", "q2")
        a.flush()
        peer.expect_only(f"RS+ $G {word}.bar q1 1\r\n", f"RS+ $G {word}.bar q1 2\r\n",
                         f"RS+ $G {word}.bar q2 1\r\n")
        peer.send(f"RMSG $G {word}.x 2\r\nhi\r\n")
        assert {message.sid for message in a.take(2)} == {one, two}
        peer.send(f"RMSG $G {word}.bar + re.ply q1 q2 2\r\nhi\r\n")
        assert len(a.take(4)) == 4
        for sid, line in ((four, f"RS+ $G {word}.bar q1 1\r\n"),
                          (three, f"RS- $G {word}.bar q1\r\n"), (one, ""),
                          (two, f"RS- $G {word}.*\r\n")):
            a.unsub(sid)
            a.flush()
            peer.expect_only(*([line] if line else []))
        # Request and reply: the inbox is announced before the request that names it.
        peer.send(f"RS+ $G {word}.svc\r\n")
        peer.expect_alive()
        inbox = f"_INBOX.{word}"
        b.unsub(b.sub(inbox), 1)
        b.pub(f"{word}.svc", "hi", reply=inbox)
        b.flush()
        peer.expect_only(f"RS+ $G {inbox}\r\n", f"RMSG $G {word}.svc {inbox} 2\r\nhi\r\n")
        peer.send(f"RMSG $G {inbox} 3\r\nyes\r\n")
        expect_heard(b, inbox, "yes")
        peer.expect_ops(f"RS- $G {inbox}\r\n")
        a.close()
        peer.expect_ops(f"RS- $G {word}.bar q2\r\n")
        peer.expect_only()
