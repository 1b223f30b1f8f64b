# SPDX-License-Identifier: Apache-2.0
"""A server that makes the mistakes it is told to make, for testing who should notice."""

import socket
import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    subject: str
    payload: bytes
    sid: str = ""  # "": that of the subscription
    member: int = 0  # of a queue group: who gets it


class FaultyServer:
    """Speaks just enough NATS. The n-th published message (from 0) is handed to
    fault(n, message), which returns the list of messages that are delivered instead."""

    def __init__(self, fault, on_ping=lambda: b""):
        self.fault = fault
        self.on_ping = on_ping  # bytes that go out before a PONG to a subscriber
        self.count = 0
        self.subscriptions = []  # connection, subject, queue group or None, sid
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept)]
        self.connections = []
        self.threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.threads[0].join()
        self.listener.close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the generator was first
        for thread in self.threads[1:]:
            thread.join()
        for connection in self.connections:
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:  # shut down
                return
            self.connections.append(connection)
            self.threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self.threads[-1].start()

    def _serve(self, connection):
        try:
            connection.sendall(b"INFO {}\r\n")
            with connection.makefile("rb") as lines:
                for line in lines:
                    self._take(connection, line.decode().split(), lines)
        except OSError:
            pass  # the generator had seen enough

    def _take(self, connection, words, lines):
        with self.lock:
            if words[0] == "PING":
                if any(entry[0] is connection for entry in self.subscriptions):
                    connection.sendall(self.on_ping())
                connection.sendall(b"PONG\r\n")
            elif words[0] == "SUB":
                group = words[2] if len(words) == 4 else None
                self.subscriptions.append((connection, words[1], group, words[-1]))
            elif words[0] == "PUB":
                message = Message(words[1], lines.read(int(words[2]) + 2)[:-2])
                for out in self.fault(self.count, message):
                    self._deliver(out)
                self.count += 1

    def _deliver(self, message):
        members = {}
        for connection, subject, group, sid in self.subscriptions:
            if subject != message.subject:
                continue
            key = group or (connection, sid)
            members.setdefault(key, []).append((connection, sid))
        for those in members.values():
            connection, sid = those[message.member % len(those)]
            line = f"MSG {message.subject} {message.sid or sid} {len(message.payload)}\r\n"
            connection.sendall(line.encode() + message.payload + b"\r\n")
