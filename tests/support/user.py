# SPDX-License-Identifier: Apache-2.0
"""A client of a cluster's node: it parses what comes, and finds out what a node knows of others'
subscriptions, by behaviour alone, so that it works with every kind of node."""

import collections
import itertools
import json
from dataclasses import dataclass

import pytest

from support.client import Client, raw, short
from support.env import PATIENCE_S, Deadline, wait_for

_numbers = itertools.count(1)


def unique(word):
    """A subject, or a name, that nobody else uses in this run."""
    return f"{word}{next(_numbers)}"


@dataclass(frozen=True)
class Message:
    subject: str
    sid: str
    reply: str  # "": none
    headers: bytes  # with their status line and the empty line at their end; b"": none
    payload: bytes

    @property
    def text(self):
        return self.payload.decode("latin-1")


class User(Client):
    """fields are CONNECT's. With protocol=1 the node sends it INFO when something changes; those
    are in infos."""

    def __init__(self, port, **fields):
        super().__init__(port, answer_pings=False)
        self.infos = []
        self.inbox = collections.deque()  # messages that came and were not taken yet
        self.mark = self.mark_sid = None  # a subject by which announced() and after() know
        self.replies = self.replies_sid = None  # where refusals come
        self.pongs = 0
        connect = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True,
                   "protocol": 0, **fields}
        self.send("CONNECT " + json.dumps(connect) + "\r\n")
        self.flush()

    # -- out

    def sub(self, subject, queue=None):
        """Returns the sid."""
        sid = str(next(_numbers))
        self.send(f"SUB {subject} {queue + ' ' if queue else ''}{sid}\r\n")
        return sid

    def unsub(self, sid, most=None):
        self.send(f"UNSUB {sid}{f' {most}' if most else ''}\r\n")

    def pub(self, subject, payload=b"", reply="", headers=b""):
        payload, where = raw(payload), f"{subject} {reply + ' ' if reply else ''}"
        if headers:
            sizes = f"{len(headers)} {len(headers) + len(payload)}"
            self.send(f"HPUB {where}{sizes}\r\n".encode("latin-1") + headers + payload + b"\r\n")
        else:
            self.send(f"PUB {where}{len(payload)}\r\n".encode("latin-1") + payload + b"\r\n")

    # -- in

    def flush(self):
        """The node has processed all that was sent so far; what it sent before is in inbox."""
        wanted = self.pongs + 1
        self.send(b"PING\r\n")
        self._read_until(lambda: self.pongs >= wanted, "a PONG")
        return self

    def next(self):
        """The next message."""
        self._read_until(lambda: self.inbox, "a message")
        return self.inbox.popleft()

    def take(self, count):
        return [self.next() for _ in range(count)]

    def next_info(self, accept, what):
        """Waits for an asynchronous INFO that accept() likes; earlier ones are forgotten."""
        found = []

        def look():
            while self.infos and not found:
                info = self.infos.pop(0)
                found.extend([info] if accept(info) else [])
            return found

        self._read_until(look, lambda: f"an INFO with {what}")
        return found[0]

    def wait_closed(self):
        deadline = Deadline()
        try:
            while self._fill(deadline):
                pass
        except TimeoutError:
            pytest.fail("the connection is still open")

    # -- what nodes know

    def announced(self, *others):
        """Waits until the nodes of the others have heard of all that was subscribed and
        unsubscribed here: the mark's subscription follows on the same ways. Messages that came in
        the meantime stay in inbox."""
        if self.mark:
            self.unsub(self.mark_sid)
        self.mark = unique("MARK.")
        self.mark_sid = self.sub(self.mark)
        self.flush()
        for other in others:
            wait_for(lambda: other.has_responders(self.mark), "interest to reach another node")
            self._until_mark(self.inbox)
        return self

    def after(self, *publishers):
        """All messages that came before the publishers' ends: each publishes its mark behind
        what it published, and they are known to it by announced()."""
        messages = []
        for publisher in publishers:
            publisher.pub(self.mark)
            self._until_mark(messages)
        return messages

    def has_responders(self, subject):
        """Does the node know of anybody who would get this? If so, that one gets an empty
        message."""
        if not self.replies:
            self.replies = unique("_INBOX.user.")
            self.replies_sid = self.sub(self.replies)
        self.pub(subject, reply=self.replies)
        self.flush()
        refusals = [each for each in self.inbox if each.sid == self.replies_sid]
        for each in refusals:
            assert each.headers.startswith(b"NATS/1.0 503"), each
            self.inbox.remove(each)
        return not refusals

    def wait_responders(self, subject, wanted=True):
        wait_for(lambda: self.has_responders(subject) == wanted,
                 f"{'interest' if wanted else 'no more interest'} in {subject}")

    # private

    def _until_mark(self, before):
        """Takes the next mark away; the messages that came before it are added to before."""
        messages = []
        while (message := self.next()).subject != self.mark:
            messages.append(message)
        before.extend(messages)

    def _read_until(self, done, what):
        deadline = Deadline()
        while True:
            self._parse()
            if done():
                return
            try:
                filled = self._fill(deadline)
            except TimeoutError:
                self._fail(what, f"did not come within {PATIENCE_S:g} s")
            if not filled:
                self._fail(what, "was expected when the connection ended")

    def _fail(self, what, why):
        pytest.fail(f"{what() if callable(what) else what} {why}; unread {short(self.buf)}, "
                    f"inbox {list(self.inbox)[:5]}")

    def _parse(self):
        at = 0
        while True:
            end = self.buf.find(b"\r\n", at)
            if end < 0:
                break
            next_at = self._take(self.buf[at:end], end + 2)
            if next_at is None:
                break
            at = next_at
        self.buf = self.buf[at:]

    def _take(self, line, behind):
        """One operation; the offset behind it, or None if it is not all there."""
        verb = line.split(b" ", 1)[0]
        if verb in (b"MSG", b"HMSG"):
            return self._take_message(line.decode("latin-1").split(), behind)
        if verb == b"PING":
            self.send(b"PONG\r\n")
        elif verb == b"PONG":
            self.pongs += 1
        elif verb == b"INFO":
            self.infos.append(json.loads(line[5:]))
        else:
            pytest.fail(f"unexpected line {line!r}")
        return behind

    def _take_message(self, words, behind):
        head = int(words[-2]) if words[0] == "HMSG" else 0
        size = int(words[-1])
        if len(self.buf) < behind + size + 2:
            return None
        body = self.buf[behind:behind + size]
        assert self.buf[behind + size:behind + size + 2] == b"\r\n"
        sizes = 2 if words[0] == "HMSG" else 1
        reply = words[3] if len(words) == 4 + sizes else ""
        self.inbox.append(Message(words[1], words[2], reply, body[:head], body[head:]))
        return behind + size + 2

