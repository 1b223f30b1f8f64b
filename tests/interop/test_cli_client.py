# SPDX-License-Identifier: Apache-2.0
"""Our own `nats` command against our server and against the reference server, which must be
alike to it."""

import os
import signal
import subprocess

import pytest

import scenarios
from support import env
from support.env import lasting_port, wait_for

REFERENCE = env.ROOT / "build/peers/usr/sbin/nats-server"
TOKEN = scenarios.TOKEN


@pytest.fixture(params=["tessera", "reference"], autouse=True)
def peer(request, monkeypatch):
    """Which program the fixture `server` starts."""
    if request.param == "reference":
        if not REFERENCE.exists():
            pytest.skip("the reference server is not unpacked (./check does it)")
        monkeypatch.setattr(env, "SERVER", REFERENCE)
    return request.param


def nats(*args, **kwargs):
    return scenarios.run([env.need(env.NATS), *map(str, args)], **kwargs)


def pub(server, *args, **kwargs):
    done = nats("pub", "-s", scenarios.url_of(server), *args, **kwargs)
    assert done.returncode == 0, done.stderr
    return done


class Subscriber:
    """A running `nats sub`.

    Probe messages on a subject of their own, subscribed last, tell when it is subscribed, and
    that all that came before them has been printed.
    """

    def __init__(self, server, *args, token=None):
        self.server, self.token, self.probes = server, token, 0
        self.subject = f"probe{id(self)}"
        self.output = server.folder / f"{self.subject}.out"
        argv = [env.need(env.NATS), "sub", "-s", scenarios.url_of(server, token), *args,
                self.subject]
        with open(self.output, "wb") as out:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.STDOUT, env=env.with_libnats())
        self.sync()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        try:
            assert self.process.wait(env.PATIENCE_S) == 0, self.text()
        finally:
            self.process.kill()

    def text(self):
        return self.output.read_text(errors="replace")

    def sync(self):
        """Waits until a probe has been printed; returns the output."""
        self.probes += 1
        mark = f"{self.subject}-{self.probes}"
        client = self.server.login(self.token)

        def printed():
            if self.process.poll() is not None:
                pytest.fail(f"nats sub ended with {self.process.returncode}:\n{self.text()}")
            client.send(f"PUB {self.subject} {len(mark)}\r\n{mark}\r\n")
            return mark in self.text()

        wait_for(printed, "nats sub to print a probe")
        client.close()
        return self.text()

    def bodies(self):
        """What `sub --raw` has printed since its start, probes left out."""
        return [line for line in self.sync().splitlines() if not line.startswith(self.subject)]


def test_pubsub(server):
    first = server()
    with Subscriber(first, "--raw", "pubsub") as sub:
        done = pub(first, "pubsub", "hello")
        assert 'Published 5 bytes to "pubsub"' in done.stderr
        pub(first, "elsewhere", "not for us")
        pub(first, "pubsub", "again", "--count", 3)
        assert sub.bodies() == ["hello"] + 3 * ["again"]


def test_body_from_stdin(server, tmp_path):
    first = server()
    body = tmp_path / "body"
    body.write_text("from a file")
    with Subscriber(first, "--raw", "stdin") as sub, open(body) as stdin:
        pub(first, "stdin", stdin=stdin)
        assert sub.bodies() == ["from a file"]


def test_wildcards(server):
    first = server()
    subjects = ["orders.eu", "orders.eu.west", "orders", "orders.us", "bills.eu.west"]
    for pattern, matched in (("orders.*", ["orders.eu", "orders.us"]),
                             ("orders.>", ["orders.eu", "orders.eu.west", "orders.us"]),
                             ("*.eu.*", ["orders.eu.west", "bills.eu.west"])):
        with Subscriber(first, "--raw", pattern) as sub:
            for subject in subjects:
                pub(first, subject, subject)
            assert sub.bodies() == matched, pattern


def test_queue(server):
    first = server()
    with Subscriber(first, "--raw", "queue") as plain, \
            Subscriber(first, "--raw", "--queue", "workers", "queue") as one, \
            Subscriber(first, "--raw", "--queue", "workers", "queue") as two:
        pub(first, "queue", "job {{Count}}", "--count", 60)
        jobs = [f"job {number}" for number in range(1, 61)]
        shares = [one.bodies(), two.bodies()]
        assert all(shares), "a member of the queue group got nothing of 60 messages"
        assert sorted(shares[0] + shares[1]) == sorted(jobs)
        assert plain.bodies() == jobs


def test_headers_and_reply(server):
    first = server()
    with Subscriber(first, "headers") as sub:
        pub(first, "headers", "body", "-H", "Trace: a b", "-H", "Hop:1", "--reply", "answers")
        lines = sub.sync().splitlines()
    assert any(line.endswith('Received on "headers" with reply "answers"') for line in lines)
    assert {"Trace: a b", "Hop: 1", "body"} <= set(lines)


def test_reconnect(server):
    listen = ["-a", "127.0.0.1", "-p", lasting_port()]
    first = server(scenarios.PLAIN_CONFIG, args=listen, random=False)
    with Subscriber(first, "--raw", "reconnect", token=TOKEN) as sub:
        first.stop()
        sub.server = server(scenarios.PLAIN_CONFIG, args=listen, random=False)
        sub.sync()
        done = nats("pub", "-s", scenarios.url_of(first, TOKEN), "reconnect", "after")
        assert done.returncode == 0, done.stderr
        assert "after" in sub.bodies()


WAYS = {
    "url": lambda port, token: (["-s", f"nats://{token}@127.0.0.1:{port}"], {}),
    "token-flag": lambda port, token: (["-s", f"127.0.0.1:{port}", "--token", token], {}),
    "user-flag": lambda port, token: (["-s", f"127.0.0.1:{port}", "--user", token], {}),
    "url-variable": lambda port, token: ([], {"NATS_URL": f"nats://{token}@127.0.0.1:{port}"}),
    "token-variable": lambda port, token: (["-s", f"127.0.0.1:{port}"], {"NATS_TOKEN": token}),
    "nothing": lambda port, _: (["-s", f"127.0.0.1:{port}"], {}),
}


def expect_login(port, way, token, outcome):
    flags, environ = WAYS[way](port, token)
    done = nats("pub", *flags, "login", "in", env=env.with_libnats({**os.environ, **environ}))
    if outcome == "accepted":
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode == 1 and "authorization violation" in done.stderr.lower(), done


@pytest.mark.parametrize("way", [way for way in WAYS if way != "nothing"])
@scenarios.auth(except_for=["no-auth", "no-token", "bcrypted-none", "hash-as-token"])
def test_token(server, way, config, token, outcome):
    expect_login(server(config).port, way, token, outcome)


@pytest.mark.parametrize("config", [scenarios.PLAIN_CONFIG, scenarios.HASHED_CONFIG],
                         ids=["plain", "bcrypted"])
def test_no_token(server, config):
    expect_login(server(config).port, "nothing", None, "refused")


def test_hash_as_token(server):
    port = server(scenarios.HASHED_CONFIG).port
    expect_login(port, "token-flag", scenarios.HASH, "refused")


def test_passwd(server, tmp_path):
    """`nats server passwd` makes a hash that a server takes for the token."""
    token = tmp_path / "token"
    token.write_text("correct.horse-battery\n")
    with open(token) as stdin:
        done = nats("server", "passwd", "--cost", 5, stdin=stdin)
    assert done.returncode == 0, done.stderr
    port = server(f'authorization {{ token: "{done.stdout.strip()}" }}').port
    expect_login(port, "url", "correct.horse-battery", "accepted")
    expect_login(port, "url", "correct.horse-batterx", "refused")


def test_generated_passwd(server):
    done = nats("server", "passwd", "--generate", "--cost", 5)
    lines = dict(line.strip().split(": ", 1) for line in done.stdout.splitlines() if line.strip())
    port = server(f'authorization {{ token: "{lines["bcrypt hash"]}" }}').port
    expect_login(port, "url", lines["Generated password"], "accepted")
    expect_login(port, "url", "wr0ng", "refused")
