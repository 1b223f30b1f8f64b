# SPDX-License-Identifier: Apache-2.0
"""A real server process, watched: how it starts, what it says, how it ends."""

import json
import os
import re
import signal
import subprocess
import tempfile

import pytest

from support import env
from support.client import Client
from support.env import PATIENCE_S, wait_for


def fail_on_report(stderr):
    if any(mark in stderr for mark in env.SANITIZER_MARKS):
        pytest.fail(f"sanitizer report:\n{stderr[-6000:]}")


def run(args, *, cwd, environ=None, prepare=None):
    """Runs the server program where it should end by itself: a completed process with text.
    One that starts instead is killed and fails the test."""
    argv = [env.need(env.SERVER), *map(str, args)]
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        process = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout,
                                   stderr=stderr, preexec_fn=prepare,
                                   env={**os.environ, **(environ or {})})

        def text(file):
            return os.pread(file.fileno(), 1 << 22, 0).decode(errors="replace")

        try:
            wait_for(lambda: process.poll() is not None or "Server is ready" in text(stderr),
                     "the end of " + " ".join(argv))
            if process.poll() is None:
                pytest.fail(f"the server started:\n{text(stderr)}")
        finally:
            process.kill()
            process.wait()
        done = subprocess.CompletedProcess(argv, process.returncode, text(stdout), text(stderr))
    fail_on_report(done.stderr)
    return done


class Server:
    """A started server. Log and files are in folder.

    config     text of the config file, or None
    args       further flags
    random     listen on 127.0.0.1 and a port that the kernel picks (by flags)
    ports_dir  where the configuration puts the ports file; None: a flag names folder
    prepare    called in the child before it becomes the server
    program    another server than the one under test
    """

    def __init__(self, folder, config=None, args=(), environ=None, random=True, ports_dir=None,
                 prepare=None, program=None):
        self.folder = folder
        self.stderr = folder / "stderr"
        self.config = folder / "nats.conf"
        argv = [env.need(program or env.SERVER)]
        if config is not None:
            self.config.write_text(config)
            argv += ["-c", str(self.config)]
        if random:
            argv += ["-a", "127.0.0.1", "-p", "-1"]
        if ports_dir is None:
            argv += ["--ports_file_dir", str(folder)]
        argv += map(str, args)
        self.argv = argv
        self.stopped = False
        with open(self.stderr, "wb") as stderr:
            self.process = subprocess.Popen(
                argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                env={**os.environ, **(environ or {})}, preexec_fn=prepare)
        self.pid = self.process.pid
        self.ports_file = (ports_dir or folder) / f"nats-server_{self.pid}.ports"
        try:
            self.ports = wait_for(self._read_ports, "the ports file")
        except BaseException:
            self.process.kill()
            self.process.wait()
            self.stopped = True
            raise
        self.port = int(self.ports["nats"][0].rsplit(":", 1)[1])

    def _read_ports(self):
        if self.process.poll() is not None:
            pytest.fail(f"the server ended with {self.process.returncode}:\n{self.log()}")
        try:
            return json.loads(self.ports_file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):  # not there, or not written yet
            return None

    # -- its log

    def log(self):
        return self.stderr.read_text(errors="replace")

    def wait_log(self, pattern, after=0):
        """Waits for a match in the log, beyond that offset."""
        return wait_for(lambda: re.search(pattern, self.log()[after:], re.MULTILINE),
                        f"the log line {pattern!r}")

    # -- its clients

    def connect(self, **kwargs):
        return Client(self.port, **kwargs)

    def login(self, token=None, **fields):
        return self.connect().login(token, **fields)

    # -- signals

    def reload(self, config=None):
        """SIGHUP, after a change of the file; returns the log lines that it caused."""
        if config is not None:
            self.config.write_text(config)
        before = len(self.log())
        self.process.send_signal(signal.SIGHUP)
        self.wait_log(r"Reloaded server configuration|Failed to reload server configuration",
                      after=before)
        return self.log()[before:]

    def kill(self):
        """As a crash would. What a sanitizer said before fails the test."""
        if not self.stopped:
            self.stopped = True
            self.process.kill()
            self.process.wait()
            fail_on_report(self.log())

    def expect_end(self):
        """It ends by itself, and well."""
        wait_for(lambda: self.process.poll() is not None, "the end of the server")
        self.stopped = True
        fail_on_report(self.log())
        if self.process.returncode != 0:
            pytest.fail(f"exit status {self.process.returncode}:\n{self.log()[-3000:]}")

    def stop(self, with_signal=signal.SIGINT):
        """Stops it and fails the test if it did not end well. May be called twice."""
        if self.stopped:
            return
        self.stopped = True
        died = self.process.poll()
        if died is None:
            self.process.send_signal(with_signal)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                pytest.fail(f"the server did not stop; its log:\n{self.log()[-3000:]}")
        log = self.log()
        fail_on_report(log)
        if died is not None:
            pytest.fail(f"the server died during the test, status {died}:\n{log[-3000:]}")
        if self.process.returncode != 0:
            pytest.fail(f"exit status {self.process.returncode} after {with_signal.name}:\n"
                        f"{log[-3000:]}")
