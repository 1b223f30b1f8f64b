# SPDX-License-Identifier: Apache-2.0
"""Clusters of nodes of several kinds: ours, and the reference's servers of three Debian suites.

TESSERA_CLUSTER_KINDS  the kinds to use, "tessera,2.9,2.10,2.15" unless it says otherwise. The
                       first one is under test: it is paired with itself and with each other one, in
                       both directions. "2.9,2.10,2.15" shows what the tests themselves are worth.
"""

import os
import pathlib
import signal

import pytest

from support import env
from support.env import lasting_port, wait_for
from support.server import Server
from support.tokens import expect_no_leak, quoted
from support.user import User, unique

OURS = "tessera"
PEERS = env.ROOT / "build/peers"
PROGRAMS = {OURS: env.SERVER,
            "2.9": PEERS / "usr/sbin/nats-server",
            "2.10": PEERS / "trixie/usr/sbin/nats-server",
            "2.15": PEERS / "sid/usr/sbin/nats-server"}
KINDS = os.environ.get("TESSERA_CLUSTER_KINDS", ",".join(PROGRAMS)).split(",")
FIRST = KINDS[0]
# (who is dialled, who dials)
PAIRS = [(FIRST, FIRST), *((FIRST, each) for each in KINDS[1:]),
         *((each, FIRST) for each in KINDS[1:])]
# Where what is tested happens in one of them alone.
WITH_EACH = [(FIRST, each) for each in KINDS]


def pairs(argument, which=None):
    """Parametrises a test, or a fixture, with pairs of kinds."""
    which = which or PAIRS
    return pytest.mark.parametrize(argument, which, ids=names(which))


def names(which=None):
    return ["<-".join(pair) for pair in which or PAIRS]


def need_kind(kind):
    """Skips with a reason where there is no such server."""
    program = PROGRAMS[kind]
    if kind == OURS:
        env.need(program)
    elif not program.exists():
        pytest.skip(f"the server {kind} is not unpacked (./check fetches it)")
    return program


def token_authorization(kind, token):
    """What lets in who shows the token. The reference knows no cluster tokens; a user without a
    password is what its nodes send for a token in a URL."""
    name = "token" if kind == OURS else "user"
    return f"authorization {{ {name}: {quoted(token)} }}"


class Node:
    """One server of a cluster. What it is made of can be changed before a restart.

    routes    nodes (or anything with a url()), or URLs, that it dials
    cluster   lines of the cluster's block
    config    lines beside it
    lasting   its ports are chosen once, so that it can come back on them
    secrets   must not be in its log
    """

    def __init__(self, kind, folder, name, routes=(), cluster="", config="", lasting=False,
                 cluster_name="C", advertise=None, secrets=(), environ=None):
        self.program = need_kind(kind)
        self.kind, self.folder, self.name = kind, folder, name
        self.routes, self.cluster, self.config = list(routes), cluster, config
        self.cluster_name, self.advertise, self.secrets = cluster_name, advertise, list(secrets)
        self.environ = environ
        self.port = lasting_port() if lasting else -1
        self.route_port = lasting_port() if lasting else -1
        self.starts = 0
        self.server = None
        self.start()

    # -- its life

    def start(self):
        folder = self.folder / f"start{self.starts}"
        folder.mkdir(parents=True)
        self.starts += 1
        self.server = Server(folder, self.text(), random=False, program=self.program,
                             environ=self.environ)
        if self.port == -1:
            self.port = self.server.port
            self.route_port = int(self.server.ports["cluster"][0].rsplit(":", 1)[1])
        return self

    def stop(self):
        self.server.stop()
        self.expect_no_secret()

    def kill(self):
        self.server.kill()
        self.expect_no_secret()

    def restart(self):
        self.stop()
        return self.start()

    def lame_duck(self):
        self.server.process.send_signal(signal.SIGUSR2)

    def reload(self):
        return self.server.reload(self.text())

    @property
    def pid(self):
        return self.server.pid

    # -- its log

    def log(self):
        """With the secrets taken out: it may be shown."""
        text = self.server.log()
        for secret in self.secrets:
            text = text.replace(secret, "[SECRET]")
        return text

    def expect_no_secret(self):
        """The reference's later nodes do log the user that was refused, which may be a token."""
        if self.kind == OURS:
            expect_no_leak(self.server.log(), *self.secrets)

    def wait_log(self, pattern, after=0):
        return self.server.wait_log(pattern, after)

    # -- who connects

    def url(self, login=""):
        return f"nats-route://{login + '@' if login else ''}127.0.0.1:{self.route_port}"

    def client_url(self):
        return f"nats://127.0.0.1:{self.port}"

    def user(self, **fields):
        return User(self.port, **fields)

    # private

    def text(self):
        routes = ", ".join(quoted(route if isinstance(route, str) else route.url())
                          for route in self.routes)
        lines = [f"name: {self.cluster_name}" if self.cluster_name else "",
                 f"listen: 127.0.0.1:{self.route_port}",
                 f"routes: [ {routes} ]" if routes else "",
                 f"cluster_advertise: {self.advertise}" if self.advertise else "",
                 self.cluster]
        return (f"server_name: {self.name}\nlisten: 127.0.0.1:{self.port}\n{self.config}\n"
                "cluster {\n  " + "\n  ".join(filter(None, lines)) + "\n}\n")


class Cluster:
    """Starts nodes and ends them; a test that fails shows the ends of their logs."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.nodes = []

    def node(self, kind, **kwargs):
        name = kwargs.pop("name", f"n{len(self.nodes)}")
        node = Node(kind, self.folder / name, name, **kwargs)
        self.nodes.append(node)
        return node

    def pair(self, kinds, first=None, second=None, **both):
        """Two nodes, of which the second dials the first, when they know each other."""
        a = self.node(kinds[0], **both, **(first or {}))
        b = self.node(kinds[1], **{"routes": [a], **both, **(second or {})})
        linked(a, b)
        return a, b

    def log(self):
        return "".join(f"-- {node.name} ({node.kind}):\n{node.log()[-2500:]}"
                       for node in self.nodes)

    def close(self):
        failures = []
        for node in self.nodes:
            try:
                node.stop()
            except pytest.fail.Exception as failure:  # the others must be stopped all the same
                failures.append(str(failure))
        if failures:
            pytest.fail("\n".join(failures))


def linked(*nodes):
    """Waits until messages come from each of the nodes to each other one."""
    users = [node.user() for node in nodes]
    for user in users:
        user.announced(*(other for other in users if other is not user))
    for user in users:
        user.close()


def parted(*nodes):
    """Waits until none of these nodes knows of another one's subscriptions."""
    users = [node.user() for node in nodes]
    subjects = [unique("parted.") for _ in nodes]
    for user, subject in zip(users, subjects):
        user.sub(subject)
        user.flush()
    for user in users:
        for other, subject in zip(users, subjects):
            if other is not user:
                user.wait_responders(subject, False)
    for user in users:
        user.close()


def connect_urls(node):
    """What a client is told when it connects."""
    with User(node.port) as user:
        return sorted(user.info.get("connect_urls", []))


def wait_connect_urls(node, *others):
    """Waits until the node tells its clients of exactly these nodes."""
    wanted = sorted(f"127.0.0.1:{each.port}" for each in others)
    wait_for(lambda: connect_urls(node) == wanted,
             lambda: f"connect_urls {wanted}, they are {connect_urls(node)}")

