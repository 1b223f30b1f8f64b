# SPDX-License-Identifier: Apache-2.0
"""The other end of a route, played by a test: what it sends and expects is on the test's page.

Lines about $SYS and keep-alive are not what these tests are about: they are answered and left out,
so that the same scripts run against the reference's nodes (TESSERA_SERVER).
"""

import contextlib
import json
import socket

import pytest

from support.client import Client, raw, short
from support.env import PATIENCE_S, Deadline
from support.user import unique

MESSAGES = (b"RMSG", b"HMSG", b"LMSG")
SYSTEM = b"$SYS"


def dumps(**fields):
    return json.dumps(fields, separators=(",", ":"))


class Listener:
    """Where a node under test dials."""

    def __init__(self, port=0):
        self.sock = socket.create_server(("127.0.0.1", port), backlog=32)
        self.port = self.sock.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def url(self, login=""):
        return f"nats-route://{login + '@' if login else ''}127.0.0.1:{self.port}"

    def accept(self, **identity):
        """The next connection, to which nothing has been said."""
        self.sock.settimeout(PATIENCE_S)
        try:
            accepted, _ = self.sock.accept()
        except TimeoutError:
            pytest.fail("nobody dialled")
        identity.setdefault("port", self.port)
        return RoutePeer(accepted, dialled=True, **identity)


def dial(node_port, /, **identity):
    """A connection to a node's cluster port; its INFO has been read."""
    sock = socket.create_connection(("127.0.0.1", node_port), PATIENCE_S)
    peer = RoutePeer(sock, **identity)
    peer.node_info = peer.read_info()
    return peer


class RoutePeer(Client):
    """identity: id, name, cluster, port; by default all its own, of the cluster "C".

    answer_pings=False makes the node's PINGs visible to read_op().
    """

    def __init__(self, sock, dialled=False, **identity):
        self.sock = sock
        sock.settimeout(PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer_pings, self.buf, self.eof = True, b"", False
        self.dialled = dialled
        self.id = identity.get("id") or unique("NPEER")
        self.name = identity.get("name") or self.id.lower()
        self.cluster = identity.get("cluster", "C")
        self.port = identity.get("port", 1)  # nobody listens there
        self.node_info = self.node_connect = None

    # -- what it says of itself

    def connect_line(self, **fields):
        fields = {"echo": True, "verbose": False, "pedantic": False, "tls_required": False,
                  "headers": True, "name": self.id, "cluster": self.cluster, "lnoc": True,
                  "lnocu": True, **fields}
        return f"CONNECT {dumps(**fields)}\r\n"

    def info_fields(self, **fields):
        fields = {"server_id": self.id, "server_name": self.name, "version": "2.10.0", "proto": 2,
                  "go": "python", "host": "127.0.0.1", "port": self.port, "headers": True,
                  "max_payload": 1048576, "cluster": self.cluster, "lnoc": True, "lnocu": True,
                  **fields}
        return {name: value for name, value in fields.items() if value is not None}

    def info_line(self, **fields):
        return f"INFO {dumps(**self.info_fields(**fields))}\r\n"

    def gossip_line(self, id, there, **fields):
        """Tells of another node, which listens there."""
        return self.info_line(server_id=id, server_name=id.lower(), port=there.port,
                              ip=there.url() + "/", **fields)

    def join(self, info=None, **connect):
        """The whole handshake, up to a fence: the route is registered, and what interest there
        was has been sent; that is thrown away."""
        if not self.dialled:
            self.send(self.connect_line(**connect))
        self.send(self.info_line(**(info or {})))
        if self.dialled:
            self.read_opening()
        self.skip_to_pong()
        return self

    def read_opening(self):
        """CONNECT and INFO of a node that dialled."""
        self.node_connect = json.loads(self.expect_re(rb"CONNECT (\{[^\r\n]*\}) ?\r\n")[1])
        self.node_info = self.read_info()

    # -- operations

    def read_op(self, seconds=PATIENCE_S):
        """The next operation with its payload, b"" at the end of the stream."""
        deadline = Deadline(seconds)
        while True:
            op = self._cut_op()
            if op is None:
                try:
                    if not self._fill(deadline):
                        return b""
                except TimeoutError:
                    pytest.fail(f"nothing came within {seconds:g} s; unread {short(self.buf)}")
            elif op == b"PING\r\n" and self.answer_pings:
                with contextlib.suppress(OSError):
                    self.sock.sendall(b"PONG\r\n")
            elif not op.split(b" ", 2)[1:2] == [SYSTEM]:
                return op

    def _cut_op(self):
        line, end, _ = self.buf.partition(b"\r\n")
        if not end:
            return None
        size = len(line) + 2
        if line.split(b" ", 1)[0] in MESSAGES:
            size += int(line.rsplit(b" ", 1)[1]) + 2
        if len(self.buf) < size:
            return None
        op, self.buf = self.buf[:size], self.buf[size:]
        return op

    def expect_ops(self, *ops, ordered=True):
        """These come next."""
        wanted = [raw(op) for op in ops]
        got = [self.read_op() for _ in wanted]
        if not ordered:
            wanted, got = sorted(wanted), sorted(got)
        if got != wanted:
            pytest.fail(f"expected: {short(b''.join(wanted))}\n"
                        f"received: {short(b''.join(got))}")

    def expect_only(self, *ops, ordered=True):
        """These come next, and nothing else is on its way."""
        self.expect_ops(*ops, ordered=ordered)
        self.send("PING\r\n")
        self.expect_ops("PONG\r\n")

    def skip_to_pong(self):
        """Returns the operations before it."""
        self.send("PING\r\n")
        ops = []
        while (op := self.read_op()) != b"PONG\r\n":
            if not op:
                pytest.fail(f"the node closed the route after {ops}")
            ops.append(op)
        return ops

    def expect_refusal(self, text):
        """-ERR and the end; interest may have come before."""
        while (op := self.read_op()) and not op.startswith(b"-ERR"):
            if not op.startswith((b"RS+", b"INFO")):
                pytest.fail(f"expected -ERR '{text}', received {short(op)}")
        if op != f"-ERR '{text}'\r\n".encode():
            pytest.fail(f"expected -ERR '{text}', received {short(op) or 'the end'}")
        self.expect_end()

    def expect_end(self, *before):
        """The connection ends without another word but these."""
        ops = []
        while op := self.read_op():
            ops.append(op)
        if ops != [raw(each) for each in before]:
            pytest.fail(f"expected {before} and the end, received {ops}")

    def expect_alive(self):
        self.skip_to_pong()
