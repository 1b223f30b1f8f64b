# SPDX-License-Identifier: Apache-2.0
"""A program at a terminal, for what only happens there: prompts, no echo, stars."""

import fcntl
import os
import pty
import re
import select
import subprocess
import termios

import pytest

from support.env import PATIENCE_S, Deadline

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[78=>]")


class Terminal:
    """text is all that came on the screen so far, escape sequences left out."""

    def __init__(self, argv, environ=None):
        self.master, slave = pty.openpty()

        def take_terminal():  # in the child: the slave becomes its controlling terminal
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, preexec_fn=take_terminal,
            env={**os.environ, "TERM": "xterm", **(environ or {})})
        os.close(slave)
        self.raw = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)

    @property
    def text(self):
        return ESCAPE.sub("", self.raw.decode(errors="replace"))

    def _read(self, deadline):
        """False at the end, that is, when the program has gone."""
        ready, _, _ = select.select([self.master], [], [], deadline.left())
        if not ready:
            pytest.fail(f"nothing more on the screen: {self.text!r}")
        try:
            data = os.read(self.master, 4096)
        except OSError:  # EIO: the other side is closed
            return False
        self.raw += data
        return bool(data)

    def expect(self, pattern):
        """Waits until the screen's text matches."""
        deadline = Deadline()
        while not re.search(pattern, self.text):
            if not self._read(deadline):
                pytest.fail(f"the program ended; {pattern!r} is not in {self.text!r}")

    def type(self, text):
        os.write(self.master, text.encode())

    def finish(self):
        """Reads to the end; the exit status."""
        deadline = Deadline()
        while self._read(deadline):
            pass
        return self.process.wait(PATIENCE_S)
