# SPDX-License-Identifier: Apache-2.0
"""A fleet reconnects: all at once, all of them get in."""

import collections
import resource
import selectors
import socket
import time

import pytest

from support.env import PATIENCE_S, Deadline
from support.tokens import bcrypt, cpu_seconds, token_config

TOKEN = "the-token-of-the-fleet"
LOGIN = b'CONNECT {"verbose":false,"auth_token":"%b"}\r\nPING\r\n' % TOKEN.encode()


@pytest.fixture(autouse=True)
def descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = 4096
    if soft < need:
        if hard != resource.RLIM_INFINITY and hard < need:
            pytest.skip(f"needs {need} descriptors, ulimit -Hn is {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))


class Member:
    """One client of the fleet: INFO, then CONNECT and PING, then one line of answer."""

    def __init__(self, port):
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.connect_ex(("127.0.0.1", port))
        self.info = self.answer = b""

    def on_readable(self):
        """True when it has its answer, or the connection has ended."""
        try:
            data = self.sock.recv(4096)
        except ConnectionError:
            data = b""
        if not self.info.endswith(b"\n"):
            self.info += data
            if self.info.endswith(b"\n"):
                self.sock.sendall(LOGIN)
        else:
            self.answer += data
        return not data or self.answer.endswith(b"\n")


def storm(port, count):
    """Connects count clients at once; each one's answer, b"" where none came."""
    selector = selectors.DefaultSelector()
    members = [Member(port) for _ in range(count)]
    for member in members:
        selector.register(member.sock, selectors.EVENT_READ, member)
    waiting = count
    deadline = Deadline(6 * PATIENCE_S)
    while waiting and not deadline.over():
        for key, _ in selector.select(deadline.left()):
            if key.data.on_readable():
                selector.unregister(key.fileobj)
                waiting -= 1
    answers = collections.Counter(member.answer for member in members)
    for member in members:
        member.sock.close()
    return answers


@pytest.mark.parametrize("hashed,count", [(False, 2000), (True, 1000)], ids=("plain", "bcrypt"))
def test_all_get_in(server, hashed, count):
    started = server(token_config(bcrypt(TOKEN, cost=11) if hashed else TOKEN))
    assert storm(started.port, count) == {b"PONG\r\n": count}
    assert storm(started.port, count) == {b"PONG\r\n": count}  # and again


def test_one_check_is_enough_for_a_fleet(server):
    """CPU time tells how often bcrypt was computed."""
    started = server(token_config(bcrypt(TOKEN, cost=11)))
    begin = time.process_time()
    bcrypt(TOKEN, cost=11)
    one = time.process_time() - begin
    before = cpu_seconds(started.pid)
    assert storm(started.port, 300) == {b"PONG\r\n": 300}
    assert cpu_seconds(started.pid) - before < 60 * one


def test_wrong_tokens_are_refused_in_a_storm(server):
    started = server(token_config("another-token"))
    assert storm(started.port, 1000) == {b"-ERR 'Authorization Violation'\r\n": 1000}
    started.login("another-token").expect_silence()
