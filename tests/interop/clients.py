# SPDX-License-Identifier: Apache-2.0
"""The programs with the official clients: c/main.c and js/interop.mjs."""

import pathlib
import shutil
import subprocess

import pytest

from support import env
from support.env import PATIENCE_S

C = "libnats"
JS2, JS3 = "nats", "@nats-io/transport-node"  # packages of js/package.json
ALL = [C, JS2, JS3]
SCRIPT = pathlib.Path(__file__).with_name("js") / "interop.mjs"


class OfficialClient:
    def __init__(self, name, program):
        self.name, self.program = name, program

    def argv(self, scenario, url, **words):
        """words are fields of struct visit in c/client.h; those that are None are left out."""
        given = [f"{name}={value}" for name, value in words.items() if value is not None]
        return [*self.program, scenario, url, *given]

    def start(self, scenario, url, **words):
        return Running(self.argv(scenario, url, **words))

    def succeed(self, scenario, url, **words):
        """Runs a scenario to its end, which must be a good one."""
        with self.start(scenario, url, **words) as program:
            program.finish()

    def errors(self, scenario, url, **words):
        """Runs a scenario to its end; returns what it wrote to stderr, "" after a good one."""
        with self.start(scenario, url, **words) as program:
            _, errors = program.end()
            return errors if program.process.returncode else ""


def need(name):
    """That OfficialClient, or a skip that says what is missing."""
    if name == C:
        return OfficialClient(name, [env.need(env.BUILD / "tests/interop/interop_c")])
    node = shutil.which("node")
    if not node:
        pytest.skip("node is not installed")
    for package in (name, "@nats-io/nkeys"):
        if not (SCRIPT.parent / "node_modules" / package).is_dir():
            pytest.skip(f"{package} is not installed (npm ci in tests/interop/js)")
    return OfficialClient(name, [node, str(SCRIPT), name])


class Running:
    """A client program that runs, and that has deadlines of its own: a line or the end of its
    output comes in any case."""

    def __init__(self, argv):
        self.argv = argv
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True,
                                        env=env.with_libnats())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def read_line(self):
        line = self.process.stdout.readline().rstrip("\n")
        if not line:
            self._fail(*self.end())
        return line

    def expect(self, line):
        assert self.read_line() == line

    def ask(self, line=""):
        """Sends it a line; returns its answer."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.read_line()

    def end(self, last=""):
        """Sends it this and the end of its input; returns its last output and all errors."""
        return self.process.communicate(last, timeout=3 * PATIENCE_S)

    def finish(self, last=""):
        """As end(), which must be a good one; returns the output."""
        out, errors = self.end(last)
        if self.process.returncode != 0:
            self._fail(out, errors)
        return out

    def _fail(self, out, errors):
        pytest.fail(f"{' '.join(self.argv)}\nexit status {self.process.returncode}\n{out}{errors}")
