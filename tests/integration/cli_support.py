# SPDX-License-Identifier: Apache-2.0
"""The `nats` program: run to its end, watched while it runs, or typed at on a terminal."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import termios
import threading

import pytest

from support import env
from support.env import PATIENCE_S, Deadline, wait_for

CLEAN = env.with_libnats({name: value for name, value in os.environ.items()
                          if not name.startswith(("NATS_", "SSL_CERT_")) and name != "PASSWORD"})


def environment(extra=None):
    return {**CLEAN, **(extra or {})}


def nats(*args, port=None, environ=None, stdin=b"", check=None):
    """Runs `nats` to its end. check is the exit status that it must have."""
    argv = [env.need(env.NATS), *map(str, args)]
    if port is not None:
        argv += ["-s", f"nats://127.0.0.1:{port}"]
    done = subprocess.run(argv, input=stdin, capture_output=True, env=environment(environ),
                          timeout=PATIENCE_S)
    done.err = done.stderr.decode(errors="replace")
    for mark in env.SANITIZER_MARKS:
        assert mark not in done.err, done.err
    if check is not None:
        assert done.returncode == check, (done.args, done.stdout, done.err)
    return done


class Running:
    """A `nats` that goes on; its two outputs are read as they come."""

    def __init__(self, *args, port=None, environ=None):
        argv = [env.need(env.NATS), *map(str, args)]
        if port is not None:
            argv += ["-s", f"nats://127.0.0.1:{port}"]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment(environ))
        self.out, self.err = b"", b""
        self.readers = [threading.Thread(target=self._read, args=(name,)) for name in ("out", "err")]
        for reader in self.readers:
            reader.start()

    def _read(self, name):
        stream = getattr(self.process, "std" + name)
        while data := stream.read1(65536):
            setattr(self, name, getattr(self, name) + data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self.readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def wait_out(self, data):
        wait_for(lambda: data in self.out, lambda: f"{data!r} in {self.out!r}")

    def wait_err(self, pattern):
        return wait_for(lambda: re.search(pattern, self.err.decode(errors="replace")),
                        lambda: f"{pattern!r} in {self.err!r}")

    def end(self, with_signal=None):
        """Waits for the exit status, and for all output."""
        if with_signal is not None:
            self.process.send_signal(with_signal)
        status = self.process.wait(PATIENCE_S)
        for reader in self.readers:
            reader.join()
        for mark in env.SANITIZER_MARKS:
            assert mark.encode() not in self.err, self.err
        return status


class Scripted:
    """A server for one connection after the other: answers PING, and lines that start as the
    keys of answers do; keeps all lines. For what a real server cannot be made to say.

    tls          an ssl.SSLContext: the handshake comes after INFO, or before it if tls_first
    connections  how many are served; the next ones wait in vain
    """

    def __init__(self, answers=None, tls=None, tls_first=False, connections=1, **info):
        self.info = {"server_id": "x", "version": "2.9.0", "max_payload": 1000, "headers": True,
                     **info}
        self.answers = {b"PING": b"PONG\r\n", **(answers or {})}
        self.tls, self.tls_first, self.connections = tls, tls_first, connections
        self.certificates = []  # of clients, one a handshake; None: it had none
        self.lines = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)  # ends an accept() that nobody came for
        self.thread.join()
        self.listener.close()

    def _serve(self):
        for _ in range(self.connections):
            try:
                connection = self.listener.accept()[0]
            except OSError:  # shut down
                return
            with connection:
                try:
                    self._talk(connection)
                except OSError:  # they refuse our certificate, or we theirs
                    pass

    def _handshake(self, connection):
        connection = self.tls.wrap_socket(connection, server_side=True)
        self.certificates.append(connection.getpeercert())
        return connection

    def _talk(self, peer):
        if self.tls and self.tls_first:
            peer = self._handshake(peer)
        peer.sendall(b"INFO " + json.dumps(self.info).encode() + b"\r\n")
        if self.tls and not self.tls_first:
            peer = self._handshake(peer)
        with peer, peer.makefile("rb") as stream:
            for line in stream:
                self.lines.append(line)
                for start, answer in self.answers.items():
                    if line.startswith(start):
                        peer.sendall(answer)

    def connect_fields(self):
        return json.loads(self.lines[0].removeprefix(b"CONNECT "))


class Terminal:
    """`nats` on a pseudo terminal of its own."""

    def __init__(self, *args, environ=None, stdout=None):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.process = subprocess.Popen([env.need(env.NATS), *map(str, args)], stdin=self.slave,
                                        stdout=self.slave if stdout is None else stdout,
                                        stderr=self.slave, env=environment(environ),
                                        start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def _read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            self.seen += os.read(self.master, 4096)

    def expect(self, text):
        """Reads until text has been printed; returns all before it, and forgets both."""
        text, deadline = text.encode(), Deadline()
        while text not in self.seen:
            if deadline.over():
                pytest.fail(f"waited in vain for {text!r}, have {self.seen!r}")
            self._read(deadline.left())
        before, self.seen = self.seen.split(text, 1)
        return before.decode()

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        """The exit status and what else was printed; the terminal must be as it was."""
        status = self.process.wait(PATIENCE_S)
        while select.select([self.master], [], [], 0)[0]:
            self._read(0)
        assert termios.tcgetattr(self.slave) == self.before
        return status, self.seen.decode()
