# SPDX-License-Identifier: Apache-2.0
"""The server as a process: files, log, signals, flags."""

import datetime
import re
import signal
import socket

import pytest

from support import server as servers
from support.client import Client
from support.env import PATIENCE_S, wait_for

STAMP = r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6}"


# -- files


def test_pid_file(server, tmp_path):
    for name, how in (("flag", lambda path: {"args": ["-P", path]}),
                      ("file", lambda path: {"config": f'pid_file: "{path}"\n'})):
        path = tmp_path / f"{name}.pid"
        started = server(**how(path))
        assert path.read_text() == str(started.pid)  # no newline


def test_ports_file(server):
    started = server()
    assert started.ports_file.read_text().strip() == (
        f'{{"nats":["nats://127.0.0.1:{started.port}"]}}')
    started.stop()
    assert not started.ports_file.exists()


def test_ports_file_by_configuration(server, tmp_path):
    started = server(f'ports_file_dir: "{tmp_path}"\n', ports_dir=tmp_path)
    started.login().expect_silence()


@pytest.mark.parametrize("listen", ("host: 127.0.0.1, port: -1", 'net: "127.0.0.1"\nport = -1',
                                    "listen: 127.0.0.1:-1", "listen: localhost:-1"))
def test_listen(server, listen):
    started = server(listen + "\n", random=False)
    assert started.port > 0
    started.wait_log(rf"Listening for client connections on \S+:{started.port}$")
    started.login().expect_silence()


def test_ipv6(server):
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        socket.socket(socket.AF_INET6).bind(("::1", 0))
    except OSError as why:
        pytest.skip(f"no IPv6 loopback here: {why}")
    started = server(args=["-a", "::1"])
    with Client(started.port, host="::1") as client:
        assert client.info["client_ip"] == "::1"
        client.fence()
    started.wait_log(rf"Listening for client connections on \[::1\]:{started.port}$")


# -- log


def test_start_up_block(server):
    started = server("server_name: edge-7\n")
    wait_for(lambda: "Server is ready" in started.log(), "the ready line")
    texts = []
    for line in started.log().splitlines():
        match = re.fullmatch(rf"\[{started.pid}\] {STAMP} \[([A-Z]{{3}})\] (.*)", line)
        assert match, line
        texts.append(match[2].strip())
    order = ["Starting nats-server", "Version: ", "Name: ", "ID: ", "Using configuration file: ",
             f"Listening for client connections on 127.0.0.1:{started.port}", "Server is ready"]
    found = [next((i for i, text in enumerate(texts) if text.startswith(part)), None)
             for part in order]
    assert None not in found and found == sorted(found), texts
    assert re.fullmatch(r"Name: +edge-7", texts[found[2]])
    assert str(started.config) in texts[found[4]]
    assert re.search(r"sha256:[0-9a-f]{64}", texts[found[4]])


def test_log_file(server, tmp_path):
    for name, how in (("flag", lambda path: {"args": ["-l", path]}),
                      ("file", lambda path: {"config": f'log_file: "{path}"\n'})):
        path = tmp_path / f"{name}.log"
        started = server(**how(path))
        assert "Server is ready" in wait_for(path.read_text, "a log")
        assert "Server is ready" not in started.log()


@pytest.mark.parametrize("how", ({"config": "logtime: false\n"}, {"args": ["-T=false"]},
                                 {"args": ["--logtime=false"]}), ids=("file", "short", "long"))
def test_log_without_time(server, how):
    started = server(**how)
    started.wait_log(rf"^\[{started.pid}\] \[INF\] Server is ready$")


@pytest.mark.parametrize("utc", (False, True), ids=("local", "utc"))
def test_log_time(server, utc):
    started = server(args=["--logtime_utc"] if utc else [], environ={"TZ": "TST-9"})
    stamp = started.wait_log(rf"({STAMP}) \[INF\] Server is ready")[1]
    logged = datetime.datetime.strptime(stamp, "%Y/%m/%d %H:%M:%S.%f")
    now = datetime.datetime.utcnow() + datetime.timedelta(hours=0 if utc else 9)
    assert abs(now - logged) < datetime.timedelta(hours=1)


def exchange(started):
    with started.connect() as client:
        client.login(name="visible").send("SUB greetings 7\r\nPUB greetings 2\r\nhi\r\n")
        client.expect("MSG greetings 7 2\r\nhi\r\n")
        client.leave()


@pytest.mark.parametrize("args,debug,trace", [
    ([], False, False), (["-D"], True, False), (["-V"], False, True), (["-DV"], True, True),
    (["--debug"], True, False), (["--trace"], False, True), (["-DVV"], True, True),
    (["-D=false"], False, False)], ids=lambda value: str(value))
def test_verbosity(server, args, debug, trace):
    started = server(args=args)
    exchange(started)
    if debug:
        started.wait_log(r"\[DBG\] 127\.0\.0\.1:\d+ - cid:\d+ - Client connection created$")
        started.wait_log(r"\[DBG\] 127\.0\.0\.1:\d+ - cid:\d+ - .*Client connection closed: \S")
    if trace:
        for text in ("SUB greetings 7", "PUB greetings 2", "MSG greetings 7 2", "PONG"):
            started.wait_log(rf"\[TRC\] 127\.0\.0\.1:\d+ - cid:\d+ - .*{text}")
    started.stop()
    assert ("[DBG]" in started.log()) == debug
    assert ("[TRC]" in started.log()) == trace


def test_verbosity_by_configuration(server):
    started = server("debug: true\ntrace: true\n")
    exchange(started)
    started.wait_log(r"\[DBG\] .*Client connection created")
    started.wait_log(r"\[TRC\] .*PUB greetings 2")


def test_reopen_after_rename(server, tmp_path):
    path, moved = tmp_path / "server.log", tmp_path / "server.log.1"
    started = server(args=["-D", "-l", path])
    wait_for(lambda: "Server is ready" in path.read_text(), "the ready line")
    path.rename(moved)
    started.process.send_signal(signal.SIGUSR1)
    wait_for(path.exists, "a new log file")
    exchange(started)
    wait_for(lambda: "Client connection created" in path.read_text(), "a line in the new file")
    assert "Client connection created" not in moved.read_text()
    assert 'Trapped "user defined signal 1" signal' in moved.read_text() + path.read_text()


def test_log_rotation(server, tmp_path):
    path = tmp_path / "server.log"
    started = server(f'log_file: "{path}"\nlog_size_limit: 4096\nlog_max_num: 3\ntrace: true\n')

    def backups():
        exchange(started)
        return [file.name for file in tmp_path.glob("server.log.*")]

    names = wait_for(backups, "a backup of the log")
    pattern = r"server\.log\.\d{4}\.\d\d\.\d\d\.\d\d\.\d\d\.\d\d\.\d{9}"
    assert all(re.fullmatch(pattern, name) for name in names), names
    for _ in range(100):
        names = backups()
        assert len(names) <= 3
    assert path.stat().st_size < 16384


# -- signals


@pytest.mark.parametrize("number,name", ((signal.SIGINT, "interrupt"),
                                         (signal.SIGTERM, "terminated")))
def test_stop(server, number, name):
    """At once, with status 0; clients are closed without an -ERR."""
    started = server(args=["-D"])
    clients = [started.login() for _ in range(3)] + [started.connect()]
    started.stop(number)
    assert f'Trapped "{name}" signal' in started.log()
    for client in clients:
        client.expect_close()


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGHUP))
def test_signals_that_the_parent_ignores(server, number):
    """As under nohup, or in the background of a script."""
    started = server("", prepare=lambda: signal.signal(number, signal.SIG_IGN))
    if number == signal.SIGHUP:
        started.reload()
    started.stop(number if number == signal.SIGINT else signal.SIGTERM)


def test_stop_delivers_what_was_published(server):
    started = server()
    with started.login() as subscriber, started.login() as publisher:
        subscriber.send("SUB a 1\r\n")
        subscriber.fence()
        publisher.send("PUB a 2\r\nhi\r\n" * 1000)
        publisher.fence()
        started.stop()
        subscriber.expect("MSG a 1 2\r\nhi\r\n" * 1000)
        subscriber.expect_close()


def test_port_is_free_after_stop(server):
    first = server()
    first.login()
    first.stop()
    second = server(args=["-p", str(first.port)])
    assert second.port == first.port


@pytest.mark.parametrize("command,trapped", (("reload", "hangup"), ("quit", "interrupt"),
                                             ("term", "terminated")))
@pytest.mark.parametrize("by", ("pid", "file"))
def test_signal_flag(server, tmp_path, command, trapped, by):
    pid_file = tmp_path / "server.pid"
    started = server("# nothing\n", ["-D", "-P", pid_file])
    target = started.pid if by == "pid" else pid_file
    done = servers.run([f"-sl={command}={target}"], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    started.wait_log(f'Trapped "{trapped}" signal')
    if command != "reload":
        assert started.process.wait(PATIENCE_S) == 0
        started.stopped = True


# -- flags


@pytest.mark.parametrize("flag", ("-v", "--version", "-version", "version"))
def test_version(tmp_path, flag):
    done = servers.run([flag], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"nats-server: v2\.15\.0 \(tessera \d+\.\d+\.\d+\)\n", done.stdout)


@pytest.mark.parametrize("flag", ("-h", "--help", "-help", "help"))
def test_help(tmp_path, flag):
    done = servers.run([flag], cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    assert "Usage: nats-server [options]" in done.stdout
    for name in ("addr", "port", "name", "server_name", "pid", "config", "signal",
                 "client_advertise", "ports_file_dir", "log", "logtime", "logtime_utc",
                 "log_size_limit", "max_traced_msg_len", "syslog", "remote_syslog", "debug",
                 "trace", "auth", "help", "version"):
        assert re.search(rf"--{name}\b", done.stdout), name


@pytest.mark.parametrize("args", (["-n", "by-flag"], ["-n=by-flag"], ["--name", "by-flag"],
                                  ["-server_name", "by-flag"], ["--server_name=by-flag"]),
                         ids=lambda args: " ".join(args))
def test_flag_wins_over_the_file(server, args):
    started = server("server_name: by-file\n", args)
    assert started.connect().info["server_name"] == "by-flag"


def test_paths_are_relative_to_the_working_directory(server):
    started = server('log_file: "here.log"\npid_file: "here.pid"\n')
    wait_for((started.folder / "here.log").exists, "the log file")
    assert (started.folder / "here.pid").read_text() == str(started.pid)
