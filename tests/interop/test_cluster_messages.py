# SPDX-License-Identifier: Apache-2.0
"""Messages and interest between two nodes of any kinds, in both directions: who publishes is on one
node, who subscribes on the other."""

import collections

import pytest

from support.cluster import PAIRS, Cluster, linked, names
from support.env import wait_for
from support.user import unique

MANY = 2_000  # subscriptions
JOBS = 200  # messages to a queue group; a member that should get half of them gets some
HEADERS = b"NATS/1.0\r\nTrace: a b\r\nHop: 1\r\nHop: 2\r\n\r\n"
# Around the sizes of buffers, up to the default limit.
SIZES = [0, 1, 4095, 4096, 8191, 8192, 32767, 65536, 300_001, 1 << 20]


@pytest.fixture(scope="module", params=PAIRS, ids=names())
def pair(request, tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("pair"))
    try:
        yield cluster.pair(request.param)
    finally:
        cluster.close()


@pytest.fixture(params=["to-dialled", "to-dialler"])
def ends(request, pair):
    """The nodes of a subscriber and of a publisher."""
    return pair if request.param == "to-dialled" else pair[::-1]


@pytest.fixture
def sub(ends):
    with ends[0].user() as user:
        yield user


@pytest.fixture
def pub(ends):
    with ends[1].user() as user:
        yield user


def texts(messages):
    return [message.text for message in messages]


def numbers(count):
    return [str(number) for number in range(count)]


def publish_numbers(user, subject, count):
    for text in numbers(count):
        user.pub(subject, text)


def test_pubsub(sub, pub):
    subject = unique("plain.")
    sid = sub.sub(subject)
    sub.announced(pub)
    publish_numbers(pub, subject, 500)
    got = sub.after(pub)
    assert texts(got) == numbers(500)
    assert {(each.subject, each.sid, each.reply, each.headers) for each in got} == {
        (subject, sid, "", b"")}


@pytest.mark.parametrize("pattern, matched", [
    ("*", ["a"]), (">", ["a", "a.b", "a.b.c"]), ("a.*", ["a.b"]), ("a.>", ["a.b", "a.b.c"]),
    ("*.b.*", ["a.b.c"]), ("a.b", ["a.b"]), ("A.b", []), ("a*", [])])
def test_wildcards(sub, pub, pattern, matched):
    prefix = unique("wild")
    sub.sub(f"{prefix}.{pattern}")
    sub.announced(pub)
    for subject in ("a", "a.b", "a.b.c"):
        pub.pub(f"{prefix}.{subject}", subject)
    assert texts(sub.after(pub)) == matched


def test_several_subscriptions_get_a_copy_each(sub, pub, ends):
    """The line between the nodes is one; the copies are made where the subscribers are."""
    subject = unique("copies.")
    with ends[0].user() as other:
        sids = [sub.sub(subject), sub.sub("copies.*"), sub.sub(subject)]
        others = [other.sub(subject)]
        for user in (sub, other):
            user.announced(pub)
        publish_numbers(pub, subject, 3)
        got = collections.Counter((each.sid, each.text) for each in sub.after(pub))
        assert got == {(sid, text): 1 for sid in sids for text in numbers(3)}
        assert [(each.sid, each.text) for each in other.after(pub)] == [
            (others[0], text) for text in numbers(3)]


def test_headers(sub, pub):
    subject = unique("headers.")
    sub.sub(subject)
    sub.announced(pub)
    pub.pub(subject, "with", headers=HEADERS)
    pub.pub(subject, "", headers=HEADERS)
    pub.pub(subject, "and", headers=HEADERS, reply="to.me")
    pub.pub(subject, "without", reply="to.me")
    assert [(each.headers, each.text, each.reply) for each in sub.after(pub)] == [
        (HEADERS, "with", ""), (HEADERS, "", ""), (HEADERS, "and", "to.me"),
        (b"", "without", "to.me")]


def test_headers_to_a_client_without(ends, pub):
    subject = unique("bare.")
    with ends[0].user(headers=False, no_responders=False) as sub:
        sub.sub(subject)
        sub.announced(pub)
        pub.pub(subject, "body", headers=HEADERS)
        assert [(each.headers, each.text) for each in sub.after(pub)] == [(b"", "body")]


def test_sizes(sub, pub):
    subject = unique("sizes.")
    sub.sub(subject)
    sub.announced(pub)
    bodies = [bytes((i * 7 + i // 256) % 256 for i in range(size)) for size in SIZES]
    for body in bodies:
        pub.pub(subject, body)
        pub.pub(subject, body[len(HEADERS):], headers=HEADERS)
    got = sub.after(pub)
    assert [each.payload for each in got[::2]] == bodies
    assert [each.payload for each in got[1::2]] == [body[len(HEADERS):] for body in bodies]


def test_request_reply(sub, pub):
    """The answer comes back on a subscription made just before the request: it must not be
    overtaken by it."""
    subject = unique("service.")
    sub.sub(subject)
    sub.announced(pub)
    for number in range(50):
        inbox = unique("_INBOX.request.")
        sid = pub.sub(inbox)
        pub.unsub(sid, 1)
        pub.pub(subject, f"q{number}", reply=inbox)
        request = sub.next()
        assert (request.text, request.reply) == (f"q{number}", inbox)
        sub.pub(inbox, f"a{number}", headers=HEADERS)
        answer = pub.next()
        assert (answer.sid, answer.text, answer.headers) == (sid, f"a{number}", HEADERS)


def test_requests_in_flight(sub, pub):
    subject, inbox = unique("service."), unique("_INBOX.many.")
    sub.sub(subject)
    sub.announced(pub)
    pub.sub(f"{inbox}.*")
    for text in numbers(JOBS):
        pub.pub(subject, text, reply=f"{inbox}.{text}")
    for request in sub.take(JOBS):
        sub.pub(request.reply, request.payload)
    assert [(each.subject, each.text) for each in pub.take(JOBS)] == [
        (f"{inbox}.{text}", text) for text in numbers(JOBS)]


# -- queue groups


def queue_users(ends, counts, subject, group):
    """Members of the group on both nodes, each of which both nodes know."""
    users = [node.user() for node, count in zip(ends, counts) for _ in range(count)]
    watchers = [node.user() for node in ends]
    for user in users:
        user.sub(subject, group)
        user.announced(*watchers)
    return users, watchers


def collect(users, publisher):
    for user in users:
        user.announced(publisher)  # after this nothing of the publisher's is on its way to it
    return [texts(user.after(publisher)) for user in users]


@pytest.mark.parametrize("counts", [(1, 1), (2, 1), (1, 3)], ids=str)
def test_queue_group_on_both_sides(ends, counts):
    """Each message reaches one member; each member gets some, wherever the publisher is."""
    subject = unique("queue.")
    users, watchers = queue_users(ends, counts, subject, "workers")
    for publisher in watchers:
        publish_numbers(publisher, subject, JOBS)
        shares = collect(users, publisher)
        assert sorted(sum(shares, []), key=int) == numbers(JOBS)
        assert all(shares), "a member got nothing"
        for share in shares:
            assert share == sorted(share, key=int)


def test_queue_group_is_remote_only(ends, pub):
    subject = unique("queue.")
    users, _ = queue_users(ends, (3, 0), subject, "workers")
    publish_numbers(pub, subject, JOBS)
    shares = collect(users, pub)
    assert sorted(sum(shares, []), key=int) == numbers(JOBS)
    assert all(shares), "a member got nothing"


def test_queue_groups_beside_plain_subscriptions(ends, sub, pub):
    """Two groups and plain subscriptions on both nodes: a copy for each group, one for each plain
    subscription."""
    subject = unique("mixed.")
    first, watchers = queue_users(ends, (1, 1), subject, "first")
    second, _ = queue_users(ends, (2, 0), subject.replace("mixed", "*"), "second")
    with ends[1].user() as near:
        for user in (sub, near):
            user.sub(subject)
            user.announced(pub)
        for text in numbers(JOBS):
            pub.pub(subject, text, reply="to.me", headers=HEADERS)
        for group in (first, second):
            shares = collect(group, pub)
            assert sorted(sum(shares, []), key=int) == numbers(JOBS)
            assert all(shares), "a member got nothing"
        for user in (sub, near):
            got = user.after(pub)
            assert texts(got) == numbers(JOBS)
            assert {(each.reply, each.headers) for each in got} == {("to.me", HEADERS)}


def test_queue_group_of_two_subjects(ends, pub):
    """The same name on subjects that both match is one group."""
    subject = unique("two.")
    literal, _ = queue_users(ends, (1, 0), subject, "one")
    wild, _ = queue_users(ends, (1, 0), "two.*", "one")
    publish_numbers(pub, subject, JOBS)
    shares = collect(literal + wild, pub)
    assert sorted(sum(shares, []), key=int) == numbers(JOBS)
    for user in wild:
        user.close()


def test_queue_members_come_and_go(ends, pub):
    """The shares follow the members; the last remote one that goes leaves the local one alone."""
    subject = unique("queue.")
    (remote, local), watchers = queue_users(ends, (1, 1), subject, "workers")
    sids = [remote.sub(subject, "workers") for _ in range(3)]
    remote.announced(*watchers)
    publish_numbers(pub, subject, JOBS)
    shares = collect([remote, local], pub)
    assert len(shares[0]) > len(shares[1]) > 0
    for sid in sids:
        remote.unsub(sid)
    remote.announced(*watchers)
    publish_numbers(pub, subject, JOBS)
    shares = collect([remote, local], pub)
    assert sorted(sum(shares, []), key=int) == numbers(JOBS)
    remote.leave()
    with ends[0].user() as other:  # nobody is left there: all go to the local member
        local.announced(pub)

        def all_local():
            publish_numbers(pub, subject, 20)
            return len(local.after(pub)) == 20
        wait_for(all_local, "the member that left to be forgotten")
        other.flush()


# -- the end of interest


def test_no_responders_only_where_nobody_is(sub, pub):
    subject = unique("nobody.")
    assert not pub.has_responders(subject)
    assert not sub.has_responders(subject)
    sid = sub.sub(subject)
    sub.announced(pub)
    assert pub.has_responders(subject)
    assert sub.next().subject == subject
    sub.unsub(sid)
    sub.announced(pub)
    assert not pub.has_responders(subject)
    queue = sub.sub(subject, "group")
    sub.announced(pub)
    assert pub.has_responders(subject)
    sub.unsub(queue)
    sub.announced(pub)
    assert not pub.has_responders(subject)


def test_unsubscribe_stops_the_flow(sub, pub):
    subject = unique("unsub.")
    first, second = sub.sub(subject), sub.sub(subject)
    sub.announced(pub)
    sub.unsub(first)
    sub.announced(pub)
    publish_numbers(pub, subject, 3)
    assert [each.sid for each in sub.after(pub)] == 3 * [second]
    sub.unsub(second)
    sub.announced(pub)
    publish_numbers(pub, subject, 3)
    assert sub.after(pub) == []
    assert not pub.has_responders(subject)


def test_auto_unsubscribe(sub, pub):
    subject = unique("limit.")
    sid = sub.sub(subject)
    sub.unsub(sid, 5)
    sub.announced(pub)
    publish_numbers(pub, subject, 12)
    assert texts(sub.after(pub)) == numbers(5)
    sub.announced(pub)
    assert not pub.has_responders(subject)


def test_disconnect_stops_the_flow(ends, pub):
    subject = unique("gone.")
    with ends[0].user() as sub:
        sub.sub(f"{subject}.*")
        sub.sub(f"{subject}.queue", "group")
        sub.announced(pub)
        assert pub.has_responders(f"{subject}.plain")
        sub.abort()
    for word in ("plain", "queue"):
        pub.wait_responders(f"{subject}.{word}", False)


def test_many_subscriptions(sub, pub):
    """Announced in one go, each with a message, and withdrawn in one go."""
    prefix = unique("many")
    sids = [sub.sub(f"{prefix}.{number}.*") for number in range(MANY)]
    sub.announced(pub)
    for number in range(MANY):
        pub.pub(f"{prefix}.{number}.x", str(number))
    assert [(each.sid, each.text) for each in sub.after(pub)] == list(zip(sids, numbers(MANY)))
    for sid in sids:
        sub.unsub(sid)
    sub.announced(pub)
    for number in range(MANY):
        pub.pub(f"{prefix}.{number}.x", reply="nobody")
    assert sub.after(pub) == []
    inbox = unique("_INBOX.refused.")
    pub.sub(inbox)
    for number in range(MANY):
        pub.pub(f"{prefix}.{number}.x", reply=inbox)
    pub.flush()
    assert len(pub.inbox) == MANY
    assert {each.headers[:12] for each in pub.inbox} == {b"NATS/1.0 503"}


def test_churn_beside_a_flow(ends, sub, pub):
    """Inboxes come and go while messages of another subscription flow."""
    subject = unique("flow.")
    sub.sub(subject)
    sub.announced(pub)
    with ends[0].user() as churning:
        for number in range(500):
            sid = churning.sub(unique("_INBOX.churn."))
            pub.pub(subject, str(number))
            churning.unsub(sid)
        churning.announced(pub)
    assert texts(sub.after(pub)) == numbers(500)


def test_both_ends_at_once(pair):
    """Each node's client publishes to the other's, all at the same time."""
    subject = unique("both")
    with pair[0].user() as left, pair[1].user() as right:
        left.sub(f"{subject}.left")
        right.sub(f"{subject}.right")
        left.announced(right)
        right.announced(left)
        for start in range(0, 3_000, 100):
            for number in range(start, start + 100):
                left.pub(f"{subject}.right", str(number))
                right.pub(f"{subject}.left", str(number))
        assert texts(right.after(left)) == numbers(3_000)
        assert texts(left.after(right)) == numbers(3_000)


def test_no_echo_reaches_others(pair):
    """echo:false is about the publisher's own subscriptions alone."""
    subject = unique("echo.")
    with pair[0].user(echo=False) as left, pair[1].user() as right:
        left.sub(subject)
        right.sub(subject)
        right.announced(left)
        left.pub(subject, "x")
        assert texts(right.after(left)) == ["x"]
        assert left.flush().inbox == type(left.inbox)()
    linked(*pair)
