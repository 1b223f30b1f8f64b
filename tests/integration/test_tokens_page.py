# SPDX-License-Identifier: Apache-2.0
"""The examples of the documentation's page "Tokens", as a user types them, in its order.

The page says port 4222. It is used if it is free; if not, the server gets another one and the
texts name that, which is printed."""

import re
import shlex
import socket
import subprocess

import pytest

from support import env
from support.env import PATIENCE_S, wait_for
from support.terminal import Terminal

CONFIG = """authorization {
    token: "s3cr3t"
}
"""
FLAG = "nats-server --auth s3cr3t"
CLIENT = 'nats sub -s nats://s3cr3t@localhost:4222 ">"'
PASSWD = "nats server passwd"
HASH = "$2a$11$PWIFAL8RsWyGI3jVZtO9Nu8.6jOxzxfZo7c/W0eLk017hjgUKWrhy"
HASH_CONFIG = """authorization {
    token: "$2a$11$PWIFAL8RsWyGI3jVZtO9Nu8.6jOxzxfZo7c/W0eLk017hjgUKWrhy"
}
"""
HASH_TOKEN = "dag0HTXl4RGg7dXdaJwbC8"
HASH_CLIENT = 'nats sub -s nats://dag0HTXl4RGg7dXdaJwbC8@localhost:4222 ">"'


def is_free(port):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


@pytest.fixture
def page(server):
    """page(config) or page(command=...): a server as the page starts it."""

    def start(config=None, command="nats-server"):
        args = shlex.split(command)[1:]
        if is_free(4222):
            return server(config, args, random=False)
        started = server(config, args)
        print(f"port 4222 is in use here: the examples run with {started.port}")
        return started

    return start


def argv(command, server):
    """What a shell makes of the page's text, with the nats that was built."""
    words = shlex.split(command.replace(":4222", f":{server.port}"))
    return [env.need(env.NATS), *words[1:]]


def expect_subscribed(command, server, token, tmp_path):
    """The page's subscriber gets what another client publishes."""
    output = tmp_path / "sub.out"
    with open(output, "wb") as file:
        process = subprocess.Popen(argv(command, server), stdout=file, stderr=file)
    try:
        with server.login(token) as publisher:
            def received():
                assert process.poll() is None, output.read_text()
                publisher.send("PUB greetings 11\r\nhello world\r\nPING\r\n")
                publisher.expect("PONG\r\n")
                text = output.read_text()
                return 'Received on "greetings"' in text and "hello world" in text
            wait_for(received, "a message at the subscriber")
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def expect_refused(command, server):
    done = subprocess.run(argv(command, server), capture_output=True, text=True,
                          timeout=PATIENCE_S)
    assert done.returncode == 1
    assert re.search(r"nats: error: .*authorization violation", done.stderr, re.IGNORECASE)


@pytest.fixture(params=("config", "flag"))
def plain(request, page):
    return page(CONFIG) if request.param == "config" else page(command=FLAG)


def test_plain_token(plain, tmp_path):
    expect_subscribed(CLIENT, plain, "s3cr3t", tmp_path)


def test_plain_token_refuses_others(plain):
    expect_refused(CLIENT.replace("s3cr3t", "wrong"), plain)
    expect_refused(CLIENT.replace("s3cr3t@", ""), plain)


def test_page_hash(page, tmp_path):
    started = page(HASH_CONFIG)
    expect_subscribed(HASH_CLIENT, started, HASH_TOKEN, tmp_path)
    expect_refused(HASH_CLIENT.replace(HASH_TOKEN, "wrong"), started)
    expect_refused(HASH_CLIENT.replace(HASH_TOKEN, HASH.replace("/", "%2F")), started)
    expect_refused(HASH_CLIENT.replace(HASH_TOKEN + "@", ""), started)


@pytest.mark.parametrize("way", ("config", "flag"))
def test_without_the_command_line_client(server, way):
    """The same with bare CONNECT lines, so that it is tested where the CLI is not built."""
    for configured, token in (("s3cr3t", "s3cr3t"), (HASH, HASH_TOKEN)):
        started = (server(CONFIG.replace("s3cr3t", configured)) if way == "config"
                   else server(args=["--auth", configured]))
        started.login(token).expect_silence()
        for wrong in ("wrong", HASH, None):
            with started.connect() as client:
                client.login(wrong, ping=False)
                client.expect_error("Authorization Violation", closes=True)


def make_hash(typed, again=None):
    """nats server passwd at a terminal: exit status, and the screen."""
    with Terminal([env.need(env.NATS), *shlex.split(PASSWD)[1:]]) as terminal:
        terminal.expect(r"Enter password.*")
        terminal.type(typed + "\r")
        terminal.expect(r"Reenter password.*")
        terminal.type((again or typed) + "\r")
        status = terminal.finish()
        return status, terminal.text


def test_passwd_and_its_hash(page, tmp_path):
    status, screen = make_hash(HASH_TOKEN)
    assert status == 0
    assert HASH_TOKEN not in screen and HASH_TOKEN[:5] not in screen
    stars = "*" * len(HASH_TOKEN)
    assert re.search(rf"Enter password.*{re.escape(stars)}", screen)
    assert re.search(rf"Reenter password.*{re.escape(stars)}", screen)
    made = re.search(r"\r\n\r\n(\$2a\$11\$[./A-Za-z0-9]{53})\r\n$", screen)
    assert made, screen
    assert made[1] != HASH  # the salt is drawn
    started = page(HASH_CONFIG.replace(HASH, made[1]))
    expect_subscribed(HASH_CLIENT, started, HASH_TOKEN, tmp_path)
    expect_refused(HASH_CLIENT.replace(HASH_TOKEN, "wrong"), started)


def test_passwd_mismatch():
    status, screen = make_hash(HASH_TOKEN, "something else")
    assert status == 1
    assert "entered and re-entered passwords do not match" in screen
    assert "$2a$" not in screen


def test_passwd_help():
    with Terminal([env.need(env.NATS), *shlex.split(PASSWD)[1:]]) as terminal:
        terminal.expect(r"Enter password.*\? for help")
        before = len(terminal.text)
        terminal.type("?\r")
        terminal.expect(r"(?s)Enter password.*Enter password")  # asked again
        assert len(terminal.text) > before + len("? Enter password ")
        terminal.type(HASH_TOKEN + "\r")
        terminal.expect("Reenter password")
        terminal.type(HASH_TOKEN + "\r")
        assert terminal.finish() == 0

