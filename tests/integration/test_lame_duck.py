# SPDX-License-Identifier: Apache-2.0
"""Lame duck mode: SIGUSR2 or --signal ldm (PROTOCOL.md 1.11). Conditions and their order only: how
long things last is for tests/unit/test_own_urls.c (the plan)."""

import re
import signal
import socket

import pytest

from support import server as servers
from support.env import PATIENCE_S, wait_for
from support.nkeys import Nkey
from support.tokens import token_config

# 30 s is the least that may be said; few clients take a second each at most.
SOON = 'lame_duck_duration: "30s"\nlame_duck_grace_period: "10ms"\n'
LATER = 'lame_duck_duration: "24h"\nlame_duck_grace_period: "23h"\n'
KEY = Nkey("lame")


def enter(started):
    started.process.send_signal(signal.SIGUSR2)
    started.wait_log(r"\[INF\] Entering lame duck mode, stop accepting new clients$")


def expect_end(started):
    assert started.process.wait(PATIENCE_S) == 0
    started.stopped = True
    servers.fail_on_report(started.log())


def texts(started):
    """The log's lines from the first signal on, without their stamps."""
    lines = started.log().splitlines()
    first = next(i for i, line in enumerate(lines) if "Trapped" in line)
    return [re.sub(r"^.*?\[(...)\] ", r"\1 ", line) for line in lines[first:]]


def is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


def modern(started, token=None):
    """A client that is told of changes."""
    client = started.connect().login(token, protocol=1)
    assert client.read_info()["connect_info"] is True
    return client


def test_without_clients_it_ends_at_once(server):
    """At once: the grace would be 23 hours."""
    started = server(LATER)
    enter(started)
    expect_end(started)
    assert texts(started) == ['INF Trapped "user defined signal 2" signal',
                              "INF Entering lame duck mode, stop accepting new clients",
                              "INF Initiating Shutdown...", "INF Server Exiting.."]
    assert not started.ports_file.exists()


def test_closes_clients_and_ends(server):
    started = server(SOON, ["-D", "--threads", "2"])
    clients = [modern(started), modern(started), started.login(protocol=0), started.login(),
               started.connect()]
    enter(started)
    for client in clients[:2]:
        assert client.read_info()["ldm"] is True
    for client in clients:
        client.expect_close()  # without an -ERR or anything else
    expect_end(started)
    log = texts(started)
    assert log.index("INF Closing existing clients") < log.index("INF Initiating Shutdown...")
    closed = [i for i, line in enumerate(log) if "Client connection closed: Server Shutdown" in line]
    assert len(closed) == len(clients)
    assert log.index("INF Closing existing clients") < min(closed)
    assert max(closed) < log.index("INF Initiating Shutdown...")


def test_who_is_told(server):
    started = server(LATER, ["--threads", "1"])
    old, silent, starting = started.login(protocol=0), started.login(), started.connect()
    starting.login(protocol=1, ping=False)
    new = modern(started)
    enter(started)
    told = new.read_info()
    assert told.pop("ldm") is True
    assert told == new.info  # and neither connect_info nor remote_account
    for client in (new, old, silent):  # one worker: the last of them is told last
        client.expect_silence()
    starting.fence()  # it was not ready to be told, and must not miss it
    late = starting.read_info()
    assert (late["ldm"], late["connect_info"]) == (True, True)
    starting.expect_silence()


def test_no_nonce(server):
    started = server(LATER + f'authorization {{ users: [{{ nkey: {KEY.public} }}] }}\n')
    client = started.connect()
    assert client.info["nonce"]
    client.login(nkey=KEY.public, sig=KEY.sign(client.info["nonce"]), protocol=1)
    assert "nonce" not in client.read_info()
    enter(started)
    told = client.read_info()
    assert told["ldm"] is True
    assert "nonce" not in told


def test_clients_go_on_until_they_are_closed(server):
    started = server(LATER)
    subscriber, publisher = started.login(), started.login()
    enter(started)
    wait_for(lambda: is_refused(started.port), "the listener to close")
    subscriber.send("SUB a 1\r\n")
    subscriber.fence()
    publisher.send("PUB a 2\r\nhi\r\n")
    publisher.fence()
    subscriber.expect("MSG a 1 2\r\nhi\r\n")


def test_what_was_published_arrives_before_the_end(server):
    started = server(SOON)
    with started.login() as subscriber, started.login() as publisher:
        subscriber.send("SUB a 1\r\n")
        subscriber.fence()
        publisher.send("PUB a 2\r\nhi\r\n" * 1000)
        publisher.fence()
        enter(started)
        subscriber.expect("MSG a 1 2\r\nhi\r\n" * 1000)
        subscriber.expect_close()
    expect_end(started)


def test_sigterm_and_a_second_sigusr2_are_ignored(server):
    """Service managers send SIGTERM as soon as the command that sent SIGUSR2 is done."""
    started = server(LATER)
    client = modern(started)
    enter(started)
    assert client.read_info()["ldm"] is True
    started.process.send_signal(signal.SIGTERM)
    started.wait_log('Trapped "terminated" signal')
    started.process.send_signal(signal.SIGUSR2)
    wait_for(lambda: started.log().count('Trapped "user defined signal 2"') == 2, "the signal")
    client.expect_silence()
    assert started.log().count("Entering lame duck mode") == 1


@pytest.mark.parametrize("config", (SOON, LATER), ids=("closing", "grace"))
def test_sigint_ends_it(server, config):
    started = server(config)
    clients = [started.login() for _ in range(5)]
    enter(started)
    if config == SOON:
        started.wait_log("Closing existing clients")
    started.stop(signal.SIGINT)
    for client in clients:
        client.expect_close()


def test_clients_that_leave_do_not_hold_it_up(server):
    started = server(SOON)
    clients = [started.login() for _ in range(40)]
    enter(started)
    for client in clients:
        client.close()
    expect_end(started)


def test_reload(server):
    """It stays a lame duck, with what the new configuration says otherwise."""
    started = server(LATER + token_config("first"))
    client, other = modern(started, "first"), started.connect()
    enter(started)
    assert client.read_info()["ldm"] is True
    assert "Reloaded server configuration" in started.reload(
        LATER + "max_payload: 4kb\n" + token_config("first"))
    client.expect_silence()
    assert is_refused(started.port)
    other.login("first", protocol=1)
    late = other.read_info()
    assert (late["ldm"], late["max_payload"]) == (True, 4096)


def test_reload_of_the_ports_file(server, tmp_path):
    """The listener is closed; its port is still the server's."""
    folders = [tmp_path / name for name in ("before", "after")]
    for folder in folders:
        folder.mkdir()
    started = server(f'{LATER}ports_file_dir: "{folders[0]}"\n', ports_dir=folders[0])
    client = started.login()
    enter(started)
    assert "Reloaded: ports_file_dir" in started.reload(f'{LATER}ports_file_dir: "{folders[1]}"\n')
    wait_for((folders[1] / started.ports_file.name).exists, "the new ports file")
    assert str(started.port) in (folders[1] / started.ports_file.name).read_text()
    client.expect_silence()


def test_signal_flag(server, tmp_path):
    started = server(SOON)
    client = started.login()
    done = servers.run([f"--signal=ldm={started.pid}"], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    client.expect_close()
    expect_end(started)


def test_a_port_is_free_for_the_successor(server):
    first = server(LATER)
    client = first.login()
    enter(first)
    wait_for(lambda: is_refused(first.port), "the listener to close")
    second = server(args=["-p", str(first.port)])
    second.login().expect_silence()
    client.expect_silence()
