# SPDX-License-Identifier: Apache-2.0
"""Who gets a message: subjects, wildcards, queue groups, UNSUB, headers, no responders."""

import collections
import random

import pytest

from support.script import WAYS, Script

HEADERS = '{"verbose":false,"pedantic":false,"headers":true}'
NO_RESPONDERS = '{"verbose":false,"pedantic":false,"headers":true,"no_responders":true}'

# pattern, subject, does it match?
MATCHES = [
    ("orders", "orders", True),
    ("orders", "Orders", False),
    ("orders", "orders.eu", False),
    ("orders.eu", "orders", False),
    ("orders.*", "orders.eu", True),
    ("orders.*", "orders.eu.west", False),
    ("orders.*", "orders", False),
    ("*", "orders", True),
    ("*", "orders.eu", False),
    ("*.*", "orders.eu", True),
    ("*.eu", "orders.eu", True),
    ("*.eu", "orders.us", False),
    ("*.*.west", "orders.eu.west", True),
    ("orders.>", "orders", False),  # '>' wants at least one token
    ("orders.>", "orders.eu", True),
    ("orders.>", "orders.eu.west", True),
    (">", "orders", True),
    (">", "orders.eu.west", True),
    ("*.>", "orders", False),
    ("*.>", "orders.eu", True),
    ("a.*.c.>", "a.b.c.d.e", True),
    ("a.*.c.>", "a.b.c", False),
    # a star or an arrow inside a token is text
    ("a*", "a*", True),
    ("a*", "ab", False),
    ("*a.b", "*a.b", True),
    ("*a.b", "xa.b", False),
    ("a.b>", "a.b>", True),
    ("a.b>", "a.bc", False),
    ("a.>>", "a.b", False),
    ("**", "a", False),
    # a published wildcard is text: it reaches what would take any token
    ("a.*", "a.*", True),
    ("a.>", "a.*", True),
    ("a.b", "a.*", False),
    ("a.*", "a.>", True),
    ("a.b", "a.>", False),
    ("a.*.c", "a.>.c", True),
    (">", "*", True),
    # an empty token matches nothing
    ("a.*.b", "a..b", False),
    (">", "a..b", False),
    (">", ".a", False),
    ("a.>", "a.", False),
    ("*", ".", False),
    (">", "..", False),
    # any byte but blanks, CR, LF and the dot
    ("\u00e9.\x01\x7f\xff", "\u00e9.\x01\x7f\xff", True),
    ('"{}\\', '"{}\\', True),
    ("$x._y-z/!", "$x._y-z/!", True),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("queue", ("", "group@@@@ "), ids=("plain", "queue"))
@pytest.mark.parametrize("pattern,subject,matches", MATCHES)
def test_match(shared, pattern, subject, matches, queue, way):
    Script("match", (f"SUB {pattern} {queue}1\r\n", ""),
           (f"PUB {subject} 2\r\nhi\r\n", f"MSG {subject} 1 2\r\nhi\r\n" if matches else "")
           ).run(shared, way)


def test_random_subjects_against_a_model(shared):
    """All patterns in one client, so that tree and caches of the server hold them together."""
    draw = random.Random(17)
    words = ("a", "b", "cc", "*", ">")
    patterns = set()
    while len(patterns) < 200:
        tokens = [draw.choice(words[:4]) for _ in range(draw.randint(1, 5))]
        if draw.random() < 0.3:
            tokens[-1] = ">"
        patterns.add(".".join(tokens))
    patterns = sorted(patterns)
    with shared.login() as client:
        live = dict(enumerate(patterns))
        client.send("".join(f"SUB {pattern} {sid}\r\n" for sid, pattern in live.items()))
        for turn in range(300):
            if turn % 10 == 9 and live:  # the set changes under the caches
                sid = draw.choice(sorted(live))
                del live[sid]
                client.send(f"UNSUB {sid}\r\n")
            subject = ".".join(draw.choice(words[:3]) for _ in range(draw.randint(1, 6)))
            client.send(f"PUB {subject} 0\r\n\r\nPING\r\n")
            got = client.read_until(b"PONG\r\n").decode().split("\r\n")
            sids = sorted(int(line.split()[2]) for line in got if line.startswith("MSG "))
            assert sids == [sid for sid, p in sorted(live.items()) if _model(p, subject)], subject


def _model(pattern, subject):
    wanted, tokens = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        if len(tokens) < len(wanted):
            return False
        wanted, tokens = wanted[:-1], tokens[:len(wanted) - 1]
    return len(wanted) == len(tokens) and all(w in ("*", t) for w, t in zip(wanted, tokens))


SCRIPTS = [
    # -- plain subscriptions
    Script("one-copy-each", ("SUB a 1\r\nSUB a 2\r\n", ""), ("UNSUB 1\r\n", ""),
           ("PUB a 1\r\nx\r\n", "MSG a 2 1\r\nx\r\n")),
    Script("sid-in-use-is-ignored", ("SUB a 1\r\n", ""), ("SUB b 1\r\nSUB a q 1\r\n", ""),
           ("PUB b 0\r\n\r\n", ""), ("PUB a 0\r\n\r\n", "MSG a 1 0\r\n\r\n"),
           ("UNSUB 1\r\n", ""), ("SUB b 1\r\n", ""), ("PUB b 0\r\n\r\n", "MSG b 1 0\r\n\r\n")),
    Script("sids-are-text", ("SUB a 1\r\nSUB b 01\r\n", ""), ("UNSUB 1\r\n", ""),
           ("PUB b 0\r\n\r\n", "MSG b 01 0\r\n\r\n"), ("PUB a 0\r\n\r\n", "")),
    Script("between-clients",
           ("A", "SUB a 1\r\nPING\r\n", "PONG\r\n"), ("B", "SUB a 2\r\nPING\r\n", "PONG\r\n"),
           ("C", "PUB a 1\r\nx\r\nPUB a r 1\r\ny\r\nPING\r\n", "PONG\r\n"),
           ("A", "", "MSG a 1 1\r\nx\r\nMSG a 1 r 1\r\ny\r\n"),
           ("B", "", "MSG a 2 1\r\nx\r\nMSG a 2 r 1\r\ny\r\n")),
    # -- UNSUB
    Script("unsub-now", ("SUB a 1\r\nUNSUB 1\r\n", ""), ("PUB a 0\r\n\r\n", "")),
    Script("unsub-unknown", ("UNSUB 1\r\nUNSUB 1 5\r\n", "")),
    Script("unsub-max", ("SUB a 1\r\nUNSUB 1 2\r\n", ""),
           ("PUB a 1\r\nx\r\n" * 4, "MSG a 1 1\r\nx\r\n" * 2)),
    Script("unsub-max-counts-since-sub", ("SUB a 1\r\n", ""),
           ("PUB a 0\r\n\r\n" * 2, "MSG a 1 0\r\n\r\n" * 2), ("UNSUB 1 3\r\n", ""),
           ("PUB a 0\r\n\r\n" * 2, "MSG a 1 0\r\n\r\n")),
    Script("unsub-max-reached", ("SUB a 1\r\n", ""),
           ("PUB a 0\r\n\r\n" * 2, "MSG a 1 0\r\n\r\n" * 2), ("UNSUB 1 2\r\n", ""),
           ("PUB a 0\r\n\r\n", "")),
    Script("unsub-max-frees-the-sid", ("SUB a 1\r\nUNSUB 1 1\r\n", ""),
           ("PUB a 0\r\n\r\n", "MSG a 1 0\r\n\r\n"), ("SUB b 1\r\n", ""),
           ("PUB b 0\r\n\r\n" * 2, "MSG b 1 0\r\n\r\n" * 2)),
    Script("unsub-max-raised", ("SUB a 1\r\nUNSUB 1 1\r\nUNSUB 1 2\r\n", ""),
           ("PUB a 0\r\n\r\n" * 3, "MSG a 1 0\r\n\r\n" * 2)),
    Script("unsub-max-of-a-queue-member", ("SUB a q@@@@ 1\r\nUNSUB 1 1\r\n", ""),
           ("PUB a 0\r\n\r\n" * 2, "MSG a 1 0\r\n\r\n")),
    Script("unsub-after-close-of-others",
           ("A", "SUB a 1\r\nUNSUB 1 1\r\nPING\r\n", "PONG\r\n"),
           ("B", "SUB a 1\r\nPING\r\n", "PONG\r\n"),
           ("B", "PUB a 0\r\n\r\nPUB a 0\r\n\r\n", "MSG a 1 0\r\n\r\n" * 2),
           ("A", "", "MSG a 1 0\r\n\r\n")),
    # -- queue groups
    Script("queue-gets-one", ("SUB a q@@@@ 1\r\n", ""), ("PUB a 0\r\n\r\n", "MSG a 1 0\r\n\r\n")),
    Script("queue-skips-who-unsubscribed", ("SUB a q@@@@ 1\r\nSUB a q@@@@ 2\r\nUNSUB 1\r\n", ""),
           ("PUB a 0\r\n\r\n" * 8, "MSG a 2 0\r\n\r\n" * 8)),
    Script("queue-skips-who-has-no-echo",
           ("A", "SUB a q@@@@ 1\r\nPING\r\n", "PONG\r\n"),
           ("B", "SUB a q@@@@ 2\r\nPING\r\n", "PONG\r\n"),
           ("A", "PUB a 0\r\n\r\n" * 20 + "PING\r\n", "PONG\r\n"),
           ("B", "", "MSG a 2 0\r\n\r\n" * 20),
           connect={"A": '{"verbose":false,"pedantic":false,"echo":false}'}),
    Script("queue-names-are-case-sensitive", ("SUB a q@@@@ 1\r\nSUB a Q@@@@ 2\r\nUNSUB 2\r\n", ""),
           ("PUB a 0\r\n\r\n" * 4, "MSG a 1 0\r\n\r\n" * 4)),
    # -- headers
    Script("headers-cut-for-the-old",
           ("A", "SUB a 1\r\nPING\r\n", "PONG\r\n"), ("B", "SUB a 2\r\nPING\r\n", "PONG\r\n"),
           ("B", "HPUB a r 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n",
            "HMSG a 2 r 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n"),
           ("A", "", "MSG a 1 r 2\r\nhi\r\n"),
           ("B", "HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n",
            "HMSG a 2 12 12\r\nNATS/1.0\r\n\r\n\r\n"),
           ("A", "", "MSG a 1 0\r\n\r\n"), connect={"B": HEADERS}),
    Script("headers-status-line", ("SUB a 1\r\n", ""),
           ("HPUB a 35 35\r\nNATS/1.0 503 No Responders\r\nA:b\r\n\r\n\r\n",
            "HMSG a 1 35 35\r\nNATS/1.0 503 No Responders\r\nA:b\r\n\r\n\r\n"), connect=HEADERS),
    # -- no responders: [>=2.12] names the subject
    Script("503", ("SUB inbox 1\r\n", ""),
           ("PUB nobody@@@@.home inbox 2\r\nhi\r\n",
            "HMSG inbox 1 47 47\r\nNATS/1.0 503\r\nNats-Subject: nobody@@@@.home\r\n\r\n\r\n"),
           ("HPUB nobody@@@@ inbox 12 12\r\nNATS/1.0\r\n\r\n\r\n",
            "HMSG inbox 1 42 42\r\nNATS/1.0 503\r\nNats-Subject: nobody@@@@\r\n\r\n\r\n"),
           connect=NO_RESPONDERS),
    Script("503-to-a-wildcard", ("SUB inbox.* 1\r\n", ""),
           ("PUB nobody@@@@ inbox.7 0\r\n\r\n",
            "HMSG inbox.7 1 42 42\r\nNATS/1.0 503\r\nNats-Subject: nobody@@@@\r\n\r\n\r\n"),
           connect=NO_RESPONDERS),
    Script("503-does-not-count", ("SUB inbox 1\r\nUNSUB 1 1\r\n", ""),
           ("PUB nobody@@@@ inbox 0\r\n\r\n" * 2,
            "HMSG inbox 1 42 42\r\nNATS/1.0 503\r\nNats-Subject: nobody@@@@\r\n\r\n\r\n" * 2),
           ("PUB inbox 0\r\n\r\n" * 2, "MSG inbox 1 0\r\n\r\n"), connect=NO_RESPONDERS),
    Script("503-not-without-reply", ("SUB inbox 1\r\n", ""), ("PUB nobody@@@@ 0\r\n\r\n", ""),
           connect=NO_RESPONDERS),
    Script("503-not-when-not-asked-for", ("SUB inbox 1\r\n", ""),
           ("PUB nobody@@@@ inbox 0\r\n\r\n", ""), connect=HEADERS),
    Script("503-not-when-somebody-listens", ("SUB inbox 1\r\nSUB some.> 2\r\n", ""),
           ("PUB some.body inbox 0\r\n\r\n", "MSG some.body 2 inbox 0\r\n\r\n"),
           connect=NO_RESPONDERS),
    Script("503-not-to-a-queue-member", ("SUB inbox q 1\r\n", ""),
           ("PUB nobody@@@@ inbox 0\r\n\r\n", ""), connect=NO_RESPONDERS),
    Script("503-not-to-others", ("A", "SUB inbox 1\r\nPING\r\n", "PONG\r\n"),
           ("B", "PUB nobody@@@@ inbox 0\r\n\r\nPING\r\n", "PONG\r\n"), connect=NO_RESPONDERS),
    Script("503-when-only-echo-forbids", ("SUB inbox 1\r\nSUB self@@@@ 2\r\n", ""),
           ("PUB self@@@@ inbox 0\r\n\r\n",
            "HMSG inbox 1 40 40\r\nNATS/1.0 503\r\nNats-Subject: self@@@@\r\n\r\n\r\n"),
           connect=NO_RESPONDERS[:-1] + ',"echo":false}'),
    # -- a request and its reply
    Script("request", ("B", "SUB svc 9\r\nPING\r\n", "PONG\r\n"),
           ("A", "SUB inbox.1 1\r\nUNSUB 1 1\r\nPUB svc inbox.1 2\r\nhi\r\nPING\r\n", "PONG\r\n"),
           ("B", "", "MSG svc 9 inbox.1 2\r\nhi\r\n"), ("B", "PUB inbox.1 2\r\nyo\r\n", ""),
           ("A", "", "MSG inbox.1 1 2\r\nyo\r\n")),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_script(shared, script, way):
    script.run(shared, way)


def test_two_subscriptions_get_two_copies(shared):
    with shared.login() as client:
        client.send("SUB a 1\r\nSUB * 2\r\nSUB a 3\r\nPUB a 0\r\n\r\nPING\r\n")
        lines = client.read_until(b"PONG\r\n").split(b"\r\n")
        assert sorted(line for line in lines if line.startswith(b"MSG")) == [
            b"MSG a 1 0", b"MSG a 2 0", b"MSG a 3 0"]


def test_plain_and_each_queue_get_one(shared):
    with shared.login() as client:
        client.send("SUB two 1\r\nSUB two q 2\r\nSUB * q 3\r\nSUB two p 4\r\nSUB > p 5\r\n")
        for _ in range(50):
            client.send("PUB two 0\r\n\r\nPING\r\n")
            lines = client.read_until(b"PONG\r\n").split(b"\r\n")
            sids = sorted(line.split()[2] for line in lines if line.startswith(b"MSG"))
            assert len(sids) == 3
            assert sids[0] == b"1" and sids[1] in b"23" and sids[2] in b"45"


def _draws(client, subjects, count):
    """Publishes count messages to q.a: how often each sid got one."""
    group = "-".join(subjects)  # each test has its own
    client.send("".join(f"SUB {subject} {group} {i}\r\n" for i, subject in enumerate(subjects)))
    client.send("PUB q.a 0\r\n\r\n" * count + "PING\r\n")
    lines = client.read_until(b"PONG\r\n").split(b"\r\n")
    return collections.Counter(line.split()[2] for line in lines if line.startswith(b"MSG"))


@pytest.mark.parametrize("members", [
    ("q.a", "q.*", "q.>"),  # one group on different subjects
    ("q.a", "q.a", "q.a"),
    ("q.a", "q.a", "q.*"),  # members count, not subjects
], ids=" ".join)
def test_queue_draw_is_uniform(shared, members):
    """Chi-square with two degrees of freedom exceeds 45 once in 6e9 runs of a fair draw."""
    count = 3000
    with shared.login() as client:
        got = _draws(client, members, count)
    assert sum(got.values()) == count
    share = count / 3
    assert sum((got[b"%d" % i] - share) ** 2 / share for i in range(3)) < 45, got


def test_queue_draw_over_connections(shared):
    count = 3000
    members = [shared.login() for _ in range(3)]
    for member in members:
        member.send("SUB spread group 1\r\n")
        member.fence()
    with shared.login() as publisher:
        publisher.send("PUB spread 0\r\n\r\n" * count)
        publisher.fence()
    got = []
    for member in members:
        member.send("PING\r\n")
        got.append(member.read_until(b"PONG\r\n").count(b"MSG spread 1 0\r\n"))
    assert sum(got) == count
    assert sum((n - count / 3) ** 2 / (count / 3) for n in got) < 45, got


def test_order_is_kept(shared):
    """From each publisher to each subscription, first in, first out."""
    publishers, count = 4, 2000
    with shared.login() as subscriber:
        subscriber.send("SUB order.* 1\r\n")
        subscriber.fence()
        clients = [shared.login() for _ in range(publishers)]
        for start in range(0, count, 100):  # interleaved
            for i, client in enumerate(clients):
                client.send("".join(f"PUB order.{i} 6\r\n{n:06}\r\n"
                                    for n in range(start, start + 100)))
        for client in clients:
            client.fence()
        subscriber.send("PING\r\n")
        lines = iter(subscriber.read_until(b"PONG\r\n").split(b"\r\n"))
        seen = collections.defaultdict(list)
        for line in lines:
            if line.startswith(b"MSG"):
                seen[line.split()[1]].append(int(next(lines)))
    assert len(seen) == publishers
    assert all(numbers == list(range(count)) for numbers in seen.values())
