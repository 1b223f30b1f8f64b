# SPDX-License-Identifier: Apache-2.0
"""nats subscribe: what it prints, and every way in which it ends."""

import base64
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import termios

import pytest

from integration.cli_support import Running, environment, nats
from support import env
from support.env import lasting_port, wait_for

TIME = r"\d\d:\d\d:\d\d "


@pytest.fixture
def peer(shared):
    """A raw publisher."""
    with shared.connect().login(headers=True) as client:
        client.port = shared.port
        yield client


def pub(client, subject, body=b"", reply=""):
    body = body.encode() if isinstance(body, str) else body
    client.send(b"PUB %s %d\r\n%s\r\n" % (f"{subject} {reply}".strip().encode(), len(body), body))
    client.fence()


def hpub(client, subject, headers, body=b""):
    block = b"NATS/1.0\r\n" + b"".join(line.encode() + b"\r\n" for line in headers) + b"\r\n"
    client.send(b"HPUB %s %d %d\r\n%s%s\r\n" % (subject.encode(), len(block),
                                               len(block) + len(body), block, body))
    client.fence()


def wait_subscribed(client, subject, sub):
    """Publishes to subject until sub has shown something; only for subjects of that purpose."""
    def probe():
        pub(client, subject, "probe")
        return b"probe" in sub.out
    wait_for(probe, f"the subscription to {subject}")


# -- what is printed

def test_one_message(peer):
    with Running("sub", "a.*", "--count=1", port=peer.port) as sub:
        wait_subscribed(peer, "a.ready", sub)
        assert sub.end() == 0
        assert sub.out == b'[#1] Received on "a.ready"\nprobe\n\n'
        assert re.fullmatch(TIME + "Subscribing on a\\.\\*\n", sub.err.decode())


@pytest.fixture
def listening(peer):
    """Starts `nats sub` with a first subject that only tells when it is ready."""
    running = []

    def start(*args, ready="ready.here", **kwargs):
        sub = Running("sub", ready, *args, port=peer.port, **kwargs)
        running.append(sub)
        sub.wait_err("Subscribing on")
        wait_subscribed(peer, ready, sub)
        peer.fence()
        return sub

    yield start
    for sub in running:
        sub.__exit__()


def after_probes(sub, last):
    """The output behind the probes, once it ends with last."""
    wait_for(lambda: sub.out.endswith(last), f"{last!r} at the end of {sub.out!r}")
    return re.sub(rb'\[#\d+\] Received on "ready\.here"\nprobe\n\n', b"", sub.out)


def numbered(text):
    """Message numbers depend on the probes."""
    return re.sub(rb"\[#\d+\]", b"[#]", text)


def test_form_of_messages(peer, listening):
    sub = listening("b.>", "c")
    pub(peer, "b.1", "hello")
    pub(peer, "c", "line\n", reply="r.1")
    pub(peer, "b.2")
    hpub(peer, "b.3", ["B: 2", "A: 1", "B: 3"], b"body")
    pub(peer, "b.end", "end")
    assert numbered(after_probes(sub, b"end\n\n")) == (
        b'[#] Received on "b.1"\nhello\n\n'
        b'[#] Received on "c" with reply "r.1"\nline\n\n'
        b'[#] Received on "b.2"\nnil body\n\n'
        b'[#] Received on "b.3"\nA: 1\nB: 2\nB: 3\n\nbody\n\n'
        b'[#] Received on "b.end"\nend\n\n')


def test_messages_are_numbered(peer, listening):
    sub = listening("b.>")
    for i in range(3):
        pub(peer, "b.x", "x")
    out = after_probes(sub, b"x\n\n")
    wait_for(lambda: sub.out.count(b"b.x") == 3, "three messages")
    numbers = [int(n) for n in re.findall(rb"\[#(\d+)\]", sub.out)]
    assert numbers == list(range(1, len(numbers) + 1)) and out


def test_binary_body_is_unchanged(peer, listening):
    body = bytes(range(256)) * 40
    sub = listening("b.bin")
    pub(peer, "b.bin", body)
    sub.wait_out(body + b"\n\n")


def test_raw(peer):
    """The bodies alone; how many of the probes it gets depends on how soon it is there."""
    with Running("sub", "raw.>", "-r", port=peer.port) as sub:
        wait_subscribed(peer, "raw.a", sub)
        pub(peer, "raw.b", b"\x00\xff\n")
        sub.wait_out(b"probe\n\x00\xff\n")
        pub(peer, "raw.b", "x")
        sub.wait_out(b"\nx\n")
        assert sub.end(signal.SIGINT) == 0 and sub.err == b""
        assert sub.out.replace(b"probe\n", b"") == b"\x00\xff\nx\n"


@pytest.mark.parametrize("flags, want", [
    (["--subjects-only"], b'[#] Received on "b.1" with reply "r"\n[#] Received on "b.2"\n'),
    (["--headers-only"], b'[#] Received on "b.1" with reply "r"\n[#] Received on "b.2"\nA: 1\n\n'),
])
def test_less(peer, flags, want):
    with Running("sub", "b.>", *flags, port=peer.port) as sub:
        sub.wait_err("Subscribing on")

        def seen():
            pub(peer, "b.probe", "")
            return b"b.probe" in sub.out
        wait_for(seen, "the subscription")
        pub(peer, "b.1", "body", reply="r")
        hpub(peer, "b.2", ["A: 1"], b"body")
        pub(peer, "b.last", "body")
        sub.wait_out(b'Received on "b.last"\n')
        shown = re.sub(rb'\[#\d+\] Received on "b\.(probe|last)"\n', b"", sub.out)
        assert numbered(shown) == want


def test_timestamps(peer):
    with Running("sub", "b.>", "-t", port=peer.port) as sub:
        wait_subscribed(peer, "b.a", sub)
        assert re.match(rb'\[#1\] @ [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\.\d{6} Received on "b\.a"\n',
                        sub.out)
    with Running("sub", "b.>", "-d", port=peer.port) as sub:
        wait_subscribed(peer, "b.a", sub)
        assert re.match(rb'\[#1\] @ [\d.]+(ms|s|\xc2\xb5s) Received on "b\.a"\n', sub.out)


def test_ignored_subjects(peer, listening):
    sub = listening("b.>", "-I", "b.no.*", "--ignore-subject=b.never")
    assert "Ignored subjects: b.no.*, b.never" in sub.err.decode()
    pub(peer, "b.no.1", "unwanted")
    pub(peer, "b.never", "unwanted")
    pub(peer, "b.no.1.2", "wanted")
    pub(peer, "b.end", "end")
    assert numbered(after_probes(sub, b"end\n\n")) == (
        b'[#] Received on "b.no.1.2"\nwanted\n\n[#] Received on "b.end"\nend\n\n')


def test_queue_group_shares(peer):
    with Running("sub", "q.>", "--queue=g", "-r", port=peer.port) as one, \
            Running("sub", "q.>", "--queue=g", "-r", port=peer.port) as two:
        def both():
            pub(peer, "q.a", "probe")
            return b"probe" in one.out and b"probe" in two.out
        wait_for(both, "both members to get their share")
        before = one.out.count(b"\n") + two.out.count(b"\n")
        for _ in range(50):
            pub(peer, "q.a", "x")
        wait_for(lambda: one.out.count(b"x\n") + two.out.count(b"x\n") == 50, "50 messages")
        assert one.out.count(b"\n") + two.out.count(b"\n") <= before + 50 + 1


def test_inbox(peer):
    with Running("sub", "--inbox", "--inbox-prefix=_MINE", "--count=1", port=peer.port) as sub:
        inbox = sub.wait_err(r"Subscribing on (_MINE\.\S+)")[1]
        wait_subscribed(peer, inbox, sub)
        assert sub.end() == 0


def test_match_replies(peer):
    with Running("sub", "m.>", "--match-replies", port=peer.port) as sub:
        wait_subscribed(peer, "m.ready", sub)
        pub(peer, "m.ask", "question", reply="_INBOX.1")
        pub(peer, "_INBOX.other", "noise")
        pub(peer, "_INBOX.1", "answer")
        sub.wait_out(b"answer\n\n")
        assert re.search(rb'\[#(\d+)\] Received on "m\.ask" with reply "_INBOX\.1"\nquestion\n\n'
                         rb'\[#\1\] Matched reply on "_INBOX\.1"\nanswer\n\n$', sub.out)
        assert b"noise" not in sub.out


def test_translate(peer, listening):
    sub = listening("b.>", "--translate", "sed 's/^/{{Subject}}: /'")
    pub(peer, "b.$(id)", "x")
    sub.wait_out(b"b.$(id): x\n\n")


def test_translate_that_fails(peer, listening):
    sub = listening("b.>", "--translate=grep probe")
    pub(peer, "b.1", b"x\xff")
    sub.wait_out(b'"x\\xff"\nError while translating msg body: exit status 1\n')


def test_dump_to_stdout(peer):
    with Running("sub", "d.>", "--dump=-", port=peer.port) as sub:
        def seen():
            pub(peer, "d.probe")
            return b"d.probe" in sub.out
        wait_for(seen, "the subscription")
        hpub(peer, "d.h", ["K: \"v\"", "K: w"], b"\x00\xff")
        pub(peer, "d.r", "x", reply="r")
        sub.wait_out(b'"d.r"')
        wait_for(lambda: sub.out.endswith(b"\0"), "the last NUL")
        messages = [json.loads(text) for text in sub.out.split(b"\0")[:-1]]
        assert messages[-2:] == [
            {"Subject": "d.h", "Reply": "", "Header": {"K": ["\"v\"", "w"]},
             "Data": base64.b64encode(b"\x00\xff").decode(), "Sub": None},
            {"Subject": "d.r", "Reply": "r", "Header": None, "Data": "eA==", "Sub": None}]


def test_dump_to_files(peer, tmp_path):
    folder = tmp_path / "dump"
    with Running("sub", "d.>", "--dump", folder, "--count=1", port=peer.port) as sub:
        def ended():
            pub(peer, "d.a", "x")
            return sub.process.poll() is not None
        wait_for(ended, "the end")
        assert sub.end() == 0
    assert json.loads((folder / "1.json").read_text())["Subject"] == "d.a"
    assert os.stat(folder).st_mode & 0o777 == 0o700
    assert os.stat(folder / "1.json").st_mode & 0o777 == 0o600


def test_report(peer):
    with Running("sub", "rep.>", "--report-subjects", "--report-top=1", port=peer.port) as sub:
        def reported():
            pub(peer, "rep.busy", "xx")
            return re.search(rb"Top Subject Report\n\nSubject +Message Count  Bytes\n"
                             rb"rep\.busy +\d+  \d+ B\nTotals ", sub.out)
        wait_for(reported, "a report")
    with Running("sub", "rep.>", "--report-subscriptions", port=peer.port) as sub:
        def by_subscription():
            pub(peer, "rep.busy", "xx")
            return re.search(rb"\nrep\.> +\d+ ", sub.out)
        wait_for(by_subscription, "a report")


# -- how it ends

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_quietly(peer, listening, number):
    sub = listening("b.>")
    assert sub.end(number) == 0
    assert re.fullmatch(rb'(\[#\d+\] Received on "ready\.here"\nprobe\n\n)+', sub.out)
    assert re.fullmatch(TIME + "Subscribing on .*\n", sub.err.decode())


def readable_bytes(fd):
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0]


def test_signal_while_nobody_reads(peer):
    """stdout is a full pipe: the end must not wait for it."""
    read_end, write_end = os.pipe()
    sub = subprocess.Popen([env.need(env.NATS), "sub", "big", "-s", f"127.0.0.1:{peer.port}"],
                           stdout=write_end, stderr=subprocess.PIPE, env=environment())
    os.close(write_end)
    try:
        assert b"Subscribing" in sub.stderr.readline()

        def stuck():
            pub(peer, "big", b"x" * 100000)
            return readable_bytes(read_end) == fcntl.fcntl(read_end, fcntl.F_GETPIPE_SZ)
        wait_for(stuck, "the full pipe")
        sub.send_signal(signal.SIGINT)
        assert sub.wait(env.PATIENCE_S) == 0
    finally:
        sub.kill()
        sub.wait()
        sub.stderr.close()
        os.close(read_end)


@pytest.mark.parametrize("messages", [0, 1])
def test_closed_stdout_ends_it(peer, messages):
    """`nats sub | head -n 1`: at once, whether or not another message comes."""
    sub = subprocess.Popen([env.need(env.NATS), "sub", "c.>", "-s", f"127.0.0.1:{peer.port}"],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    assert b"Subscribing" in sub.stderr.readline()
    if messages:
        def seen():
            pub(peer, "c.a", "x")
            return readable_bytes(sub.stdout.fileno()) > 0
        wait_for(seen, "a message")
    sub.stdout.close()
    assert sub.wait(env.PATIENCE_S) == 0
    assert sub.stderr.read() == b""
    sub.stderr.close()


def test_signal_while_the_server_does_not_answer():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with Running("sub", "a", "--timeout=1h", port=silent.getsockname()[1]) as sub:
            connection = silent.accept()[0]
            assert sub.end(signal.SIGINT) == 0 and sub.out == b"" and sub.err == b""
            connection.close()


def test_count_is_exact(peer):
    with Running("sub", "n.>", "--count=3", "-r", port=peer.port) as sub:
        def ended():
            peer.send(b"PUB n.a 1\r\nx\r\n" * 10)
            peer.fence()
            return sub.process.poll() is not None
        wait_for(ended, "the end")
        assert sub.end() == 0 and sub.out == b"x\n" * 3


def test_wait_ends_without_traffic(shared):
    done = nats("sub", "silence", "--wait=50ms", port=shared.port, check=0)
    assert done.stdout == b""


def test_reconnects(server):
    port = lasting_port()
    first = server(args=["-p", str(port)], random=False)
    with Running("sub", "a", port=port) as sub:
        sub.wait_err("Subscribing on a")
        with first.connect().login() as client:
            wait_subscribed(client, "a", sub)
        first.stop()
        sub.wait_err(TIME + "Disconnected due to: .+, will attempt reconnect\n")
        again = server(args=["-p", str(port)], random=False)
        sub.wait_err(TIME + rf"Reconnected \[nats://127\.0\.0\.1:{port}\]\n")
        before = len(sub.out)
        with again.connect().login() as client:
            def seen():
                pub(client, "a", "after")
                return b"after" in sub.out[before:]
            wait_for(seen, "a message after the reconnect")
        assert sub.end(signal.SIGINT) == 0


def test_token_that_changed_ends_it(server):
    first = server('authorization { token: "old-token" }')
    with Running("sub", "a", "-s", f"nats://old-token@127.0.0.1:{first.port}") as sub:
        with first.connect().login("old-token") as client:
            wait_subscribed(client, "a", sub)
        first.reload('authorization { token: "new-token" }')
        assert sub.end() == 1
        assert sub.err.endswith(b"nats: error: nats: Authorization Violation\n")
        assert b"-token" not in sub.err


@pytest.mark.parametrize("args, message", [
    ([], "subject is required"),
    (["a b"], "nats: invalid subject"),
    (["a", "-t", "-d"], "timestamp and delta-time flags are mutually exclusive"),
    (["-i", "--dump=-"], "generating inboxes is not compatible with dumping to stdout using null "
                         "terminated strings"),
    (["a", "--report-subjects", "--report-top=0"], "subject count must be at least one"),
    (["a", "--stream=x"], "flag '--stream' is not supported by this version, try --help"),
    (["a", "--graph"], "flag '--graph' is not supported by this version, try --help"),
    (["a", "--dump=/dev/null/x"], "could not create /dev/null/x: Not a directory"),
])
def test_refused(shared, args, message):
    done = nats("sub", *args, port=shared.port, check=1)
    assert done.err.endswith(f"nats: error: {message}\n") and not done.stdout
