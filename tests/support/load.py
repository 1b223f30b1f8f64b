# SPDX-License-Identifier: Apache-2.0
"""The load generator as a checker: what it is told to do, and what it says."""

import contextlib
import json
import subprocess

import pytest

from support import env

LOAD = env.BUILD / "bench/nats_load"
MASS = env.BUILD / "bench/mass_load"
RELAY = env.BUILD / "bench/tcp_relay"


def options(given):
    return [f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}")
            for name, value in given.items()]


def run(what, port, pid, program=LOAD, **given):
    """The generator's end, whatever it was."""
    given = {"deadline_s": int(6 * env.PATIENCE_S), **given}
    command = [env.need(program), what, f"--port={port}", f"--pid={pid}", *options(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          timeout=given["deadline_s"] + 2 * env.PATIENCE_S)
    if any(mark in done.stderr for mark in env.SANITIZER_MARKS):
        pytest.fail(f"sanitizer report:\n{done.stderr[-6000:]}")
    return done


def measure(what, port, pid, program=LOAD, **given):
    """What it found; a test fails if it is not content."""
    done = run(what, port, pid, program, **given)
    if done.returncode != 0:
        pytest.fail(f"{program.name} {what} {given}: {done.stderr}")
    return json.loads(done.stdout)


@contextlib.contextmanager
def relay():
    """(port, pid) of a TCP relay."""
    with subprocess.Popen([env.need(RELAY)], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline()), process.pid
            assert process.poll() is None, "the relay died"
        finally:
            process.kill()
