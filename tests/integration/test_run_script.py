# SPDX-License-Identifier: Apache-2.0
"""./run, as README says to use it. It builds build/release, so only the tests of that build run it."""

import os
import re
import signal
import subprocess

import pytest

from support import env
from support.env import PATIENCE_S, wait_for

FOLDER = env.ROOT / "build/run"

pytestmark = pytest.mark.skipif(env.BUILD != env.ROOT / "build/release", reason="another build")


@pytest.fixture
def run(tmp_path):
    """Starts ./run as a terminal would, in a process group of its own."""
    started = []

    def start(*args):
        process = subprocess.Popen([env.ROOT / "run", *args], stdin=subprocess.DEVNULL, text=True,
                                   stdout=(tmp_path / "out").open("w"), stderr=subprocess.STDOUT,
                                   start_new_session=True)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(PATIENCE_S)


@pytest.mark.parametrize("args", [[], ["--tls"]], ids=["plain", "tls"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_ctrl_c(run, tmp_path, args, number):
    """Ctrl-C reaches the whole group of the terminal, not only the script."""
    def shown():
        return (tmp_path / "out").read_text()

    process = run(*args)
    wait_for(lambda: "Ctrl-C stops it." in shown() or process.poll() is not None, "the server")
    commands = re.search(r"In another terminal:\n(.*)Ctrl-C", shown(), re.DOTALL)
    assert commands, shown()
    told = re.sub(r".*nats sub.*", "", commands[1])  # would wait
    subprocess.run(["bash", "-ec", told], check=True, capture_output=True, timeout=PATIENCE_S)
    os.killpg(process.pid, number)
    assert process.wait(PATIENCE_S) == 0, shown()
    assert not list(FOLDER.glob("*.ports")) and not list(FOLDER.glob("ca.pem.key"))
    assert "Server Exiting.." in (FOLDER / "server.log").read_text()


@pytest.mark.parametrize("args", [["--demo"], ["--tls", "--demo"], ["--demo", "--tls"]])
def test_the_demo_ends(run, tmp_path, args):
    assert run(*args).wait(6 * PATIENCE_S) == 0
    out = (tmp_path / "out").read_text()
    assert "hello from" in out and "Authorization Violation" in out
    assert (FOLDER / "ca.pem").exists() == ("--tls" in args)


@pytest.mark.parametrize("args", [["--nonsense"], ["--tls", "x"]])
def test_what_it_does_not_know(run, args):
    assert run(*args).wait(PATIENCE_S) == 1
