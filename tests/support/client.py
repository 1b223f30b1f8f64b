# SPDX-License-Identifier: Apache-2.0
"""A client that knows bytes, not NATS: what a test sends and expects is on its own page."""

import json
import re
import socket

import pytest

from support.env import PATIENCE_S, Deadline

PING, PONG = b"PING\r\n", b"PONG\r\n"


def raw(text):
    """Test tables are written as str; the wire is bytes, one per character."""
    return text if isinstance(text, bytes) else text.encode("latin-1")


def short(data, most=300):
    return repr(data) if len(data) <= most else f"{data[:most]!r}... ({len(data)} bytes)"


class Client:
    """One connection.

    expect*() consume what they match. A PING of the server that arrives between two expected
    lines is answered and left out, because timers may fire at any time; answer_pings=False
    makes it visible.
    """

    def __init__(self, port, host="127.0.0.1", answer_pings=True, rcvbuf=None, source=None,
                 read_info=True):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if rcvbuf:  # before connect: the window is agreed on then
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if source:  # all of 127/8 is ours
            self.sock.bind((source, 0))
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect((host, port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer_pings = answer_pings
        self.buf = b""
        self.eof = False
        self.info = self.read_info() if read_info else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- out

    def send(self, data):
        self.sock.sendall(raw(data))

    def send_cut(self, data, sizes):
        """One write per piece; sizes yields their lengths, what is left goes in one."""
        data = raw(data)
        at = 0
        try:
            while at < len(data):
                size = next(sizes, len(data) - at)
                self.sock.sendall(data[at:at + size])
                at += size
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server closed midway: expect_close() or expect() will judge

    def login(self, token=None, ping=True, **fields):
        """CONNECT and PING, up to the PONG. fields are CONNECT's own."""
        connect = {"verbose": False, "pedantic": False, **fields}
        if token is not None:
            connect["auth_token"] = token
        self.send("CONNECT " + json.dumps(connect) + "\r\n")
        if ping:
            self.fence()
        return self

    # -- in

    def _fill(self, deadline):
        """Reads once. False at the end of the stream."""
        if self.eof:
            return False
        self.sock.settimeout(max(deadline.left(), 0.001))
        try:
            data = self.sock.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        self.eof = not data
        self.buf += data
        return not self.eof

    def _drop_ping(self, at):
        """Answers and removes a server's PING at that place of the buffer, if there is one."""
        if not self.answer_pings or self.buf[at:at + len(PING)] != PING:
            return False
        self.buf = self.buf[:at] + self.buf[at + len(PING):]
        if not self.eof:
            self.send_cut(PONG, iter(()))
        return True

    def _unexpected(self, wanted, why):
        pytest.fail(f"{why}\n  expected: {wanted}\n  received: {short(self.buf)}"
                    f"{' and the end of the stream' if self.eof else ''}", pytrace=True)

    def expect(self, data, seconds=PATIENCE_S):
        """Exactly these bytes come next."""
        data = raw(data)
        deadline = Deadline(seconds)
        while True:
            if self.buf.startswith(data):
                self.buf = self.buf[len(data):]
                return
            same = _common(self.buf, data)
            if same < len(self.buf) and not self._at_ping(data, same):
                self._unexpected(short(data), f"other bytes, from offset {same}")
            elif self._drop_ping(data.rfind(b"\n", 0, same) + 1):
                continue
            try:
                if not self._fill(deadline):
                    self._unexpected(short(data), "the connection ended")
            except TimeoutError:
                self._unexpected(short(data), f"nothing more came within {seconds:g} s")

    def _at_ping(self, wanted, same):
        """Is the line that differs a PING of the server, or the beginning of one?"""
        line = self.buf[wanted.rfind(b"\n", 0, same) + 1:][:len(PING)]
        return self.answer_pings and PING.startswith(line)

    def expect_re(self, pattern, seconds=PATIENCE_S):
        """The stream goes on with a match of pattern (it must end in \\r\\n); returns it."""
        regex = re.compile(raw(pattern), re.DOTALL)
        deadline = Deadline(seconds)
        while True:
            match = regex.match(self.buf)
            if match:
                self.buf = self.buf[match.end():]
                return match
            if self._drop_ping(0):
                continue
            try:
                if not self._fill(deadline):
                    self._unexpected(pattern, "the connection ended")
            except TimeoutError:
                self._unexpected(pattern, f"no match within {seconds:g} s")

    def read_info(self):
        """The next line, which is an INFO, as a dict."""
        return json.loads(self.expect_re(rb"INFO (\{[^\r\n]*\}) ?\r\n")[1])

    def read_until(self, end):
        """All bytes up to and including end."""
        deadline = Deadline()
        while end not in self.buf:
            try:
                if not self._fill(deadline):
                    self._unexpected(short(end), "the connection ended")
            except TimeoutError:
                self._unexpected(short(end), "not received in time")
        head, _, self.buf = self.buf.partition(end)
        return head + end

    def read_any(self):
        """What there is, or comes first; b"" at the end of the stream."""
        if not self.buf:
            self._fill(Deadline())
        data, self.buf = self.buf, b""
        return data

    def expect_close(self, seconds=PATIENCE_S):
        """The server ends the connection without another byte."""
        deadline = Deadline(seconds)
        try:
            while self._fill(deadline):
                pass
        except TimeoutError:
            self._unexpected("the end of the stream", f"still open after {seconds:g} s")
        while self._drop_ping(0):
            pass
        if self.buf:
            self._unexpected("the end of the stream", "bytes before the close")

    def expect_error(self, text, closes):
        self.expect(f"-ERR '{text}'\r\n")
        if closes:
            self.expect_close()
        else:
            self.expect_silence()

    def fence(self, before=b""):
        """PING, and exactly its PONG after what is named in before: all that was sent earlier
        has been processed."""
        self.send(PING)
        self.expect(raw(before) + PONG)

    def expect_silence(self):
        """Nothing is on its way to us: whatever was queued earlier would precede the PONG."""
        self.fence()

    # -- the end

    def close(self):
        self.sock.close()

    def leave(self):
        """Closes our half and waits for the server's: it has noticed that we are gone, though
        it need not have dropped our subscriptions yet."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
            while self._fill(Deadline()):
                pass
        except (OSError, TimeoutError):
            pass
        self.close()

    def abort(self):
        """Ends with RST, as a crashed machine would."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()


def _common(a, b):
    """Length of the common prefix."""
    n = min(len(a), len(b))
    if a[:n] == b[:n]:
        return n
    low, high = 0, n  # a[:low] == b[:low] always holds
    while high - low > 1:
        middle = (low + high) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle
    return low
