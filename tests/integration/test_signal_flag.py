# SPDX-License-Identifier: Apache-2.0
"""nats-server --signal COMMAND=PID: a server is told, or an error says why not.
(Without a PID all servers of the machine are looked at: no test does that.)"""

import os
import shutil
import signal
import subprocess

import pytest

from support import server as servers
from support.env import PATIENCE_S, SERVER, need, wait_for
from support.logins import VIOLATION
from support.tokens import token_config


def tell(tmp_path, *args):
    return servers.run(args, cwd=tmp_path)


def expect_ended(started, status):
    assert started.process.wait(PATIENCE_S) == status
    started.stopped = True


@pytest.fixture(params=("pid", "pid-file"))
def target(request):
    """target(server): how --signal names it."""
    def name(started):
        if request.param == "pid":
            return started.pid
        path = started.folder / "the.pid"
        wait_for(path.exists, "the pid file")
        return path
    return name


@pytest.fixture
def started(server, tmp_path):
    return server(token_config("first"), ["-D", "-P", tmp_path / "server0" / "the.pid"])


@pytest.mark.parametrize("form", ("-sl={}", "--sl={}", "-signal={}", "--signal={}"))
def test_spellings(server, tmp_path, form):
    running = server("# nothing\n")
    assert tell(tmp_path, form.format(f"reload={running.pid}")).returncode == 0
    running.wait_log("Reloaded server configuration")


def test_as_two_words(server, tmp_path):
    running = server("# nothing\n")
    assert tell(tmp_path, "--signal", f"reload={running.pid}").returncode == 0
    running.wait_log("Reloaded server configuration")


def test_reload(started, target, tmp_path):
    client = started.login("first")
    started.config.write_text(token_config("second"))
    done = tell(tmp_path, "--signal", f"reload={target(started)}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    client.expect_error(VIOLATION, closes=True)
    started.login("second").expect_silence()


def test_reopen(server, target, tmp_path):
    path = tmp_path / "server.log"
    running = server("# nothing\n", ["-l", path, "-P", tmp_path / "server0" / "the.pid"])
    wait_for(lambda: path.exists() and "Server is ready" in path.read_text(), "the ready line")
    path.rename(tmp_path / "moved.log")
    assert tell(tmp_path, "--signal", f"reopen={target(running)}").returncode == 0
    wait_for(path.exists, "a new log")
    running.login().expect_silence()


@pytest.mark.parametrize("command", ("quit", "term"))
def test_ends_well(started, target, tmp_path, command):
    assert tell(tmp_path, "--signal", f"{command}={target(started)}").returncode == 0
    expect_ended(started, 0)


def test_lame_duck(started, target, tmp_path):
    """Without clients it ends at once."""
    assert tell(tmp_path, "--signal", f"ldm={target(started)}").returncode == 0
    started.wait_log('Trapped "user defined signal 2" signal')
    expect_ended(started, 0)


def test_stop(started, target, tmp_path):
    assert tell(tmp_path, "--signal", f"stop={target(started)}").returncode == 0
    expect_ended(started, -signal.SIGKILL)


def gone():
    """The number of a process that has just ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


ERRORS = {
    "unknown-command": f"dance={os.getpid()}",
    "unknown-command-alone": "dance",
    "empty": "",
    "no-command": f"={os.getpid()}",
    "no-such-process": None,
    "no-such-file": "reload=/no/such/file.pid",
    "not-a-number": "reload=12x",
    "empty-file": "reload=FOLDER/empty.pid",
    "file-without-a-number": "reload=FOLDER/word.pid",
    "folder": "reload=FOLDER",
}


@pytest.mark.parametrize("name", ERRORS)
def test_error(tmp_path, name):
    (tmp_path / "empty.pid").write_text("")
    (tmp_path / "word.pid").write_text("word\n")
    value = (ERRORS[name] or f"reload={gone()}").replace("FOLDER", str(tmp_path))
    done = tell(tmp_path, f"--signal={value}")
    assert done.returncode == 1, done
    assert done.stderr.startswith("nats-server: "), done.stderr


@pytest.mark.parametrize("pid", ("0", "-1", "-2", "99999999999999999999", "0x1", " 1", "+1"))
@pytest.mark.parametrize("by", ("argument", "file"))
def test_a_number_that_kill_would_take_for_many_processes(tmp_path, pid, by):
    """0 is a whole process group, -1 every process there is. Run where there is none but this
    one, so that a server that gets it wrong hurts nobody."""
    unshare = shutil.which("unshare")
    alone = [unshare or "unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    if not unshare or subprocess.run([*alone, "true"], capture_output=True).returncode != 0:
        pytest.skip("unshare cannot make a process namespace here")
    (tmp_path / "the.pid").write_text(pid)
    value = pid if by == "argument" else tmp_path / "the.pid"
    # The shell is the first process of the namespace; it lives on only if nothing was sent.
    script = 'trap "exit 99" HUP; "$0" "--signal=reload=$1"; status=$?; exit $status'
    done = subprocess.run([*alone, "setsid", "--wait", "sh", "-c", script, need(SERVER),
                           str(value)], capture_output=True, text=True, cwd=tmp_path,
                          timeout=PATIENCE_S, stdin=subprocess.DEVNULL)
    assert done.returncode == 1, done
    assert "nats-server: " in done.stderr, done
