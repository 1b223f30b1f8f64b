# SPDX-License-Identifier: Apache-2.0
"""Peers that break the rules of TLS, or come at a bad time: whatever they do ends with them."""

import ssl

import pytest

from integration.test_tls import AUTH, PATIENT, PONG, TOKEN, connect, tls
from support.client import Client
from support.tls_client import SlowHandshake

CLOSE_NOTIFY = b"\x15\x03\x01\x00\x02\x01\x00"
FATAL = b"\x15\x03\x01\x00\x02\x02\x28"
CONNECT = f'CONNECT {{"verbose":false,"auth_token":"{TOKEN}"}}\r\nPING\r\n'.encode()


@pytest.mark.parametrize("alert", [CLOSE_NOTIFY, FATAL, CLOSE_NOTIFY + b"more"],
                         ids=["end", "fatal", "more"])
@pytest.mark.parametrize("behind_hello", [False, True])
def test_alert_within_the_handshake(server, alert, behind_hello):
    started = server(tls(PATIENT))
    with connect(started).login() as bystander:
        client = started.connect()
        if behind_hello:
            slow = SlowHandshake(client)
            client.send(slow.hello())
            slow.receive()
        before = len(started.log())
        client.send(alert)
        started.wait_log("TLS handshake error: ", after=before)
        bystander.fence()


# -- something happens to the server in each phase of a handshake


def expect_nothing(client):
    """Neither the bytes of a clear answer nor of an alert matter here: only that it ends."""
    while not client.eof:
        client.read_any()


class Phase:
    """A client that has come so far; finish() goes on."""

    def __init__(self, started, first, hello):
        self.first = first
        self.client = Client(started.port, read_info=False)
        if not first:
            self.client.info = self.client.read_info()
        self.slow = SlowHandshake(self.client)
        self.rest = self.slow.hello()
        if hello:
            cut = int(len(self.rest) * hello)
            self.client.send(self.rest[:cut])
            self.rest = self.rest[cut:]
        if hello == 1:
            self.slow.receive()

    def finish(self):
        self.client.send(self.rest)
        self.slow.run(self.client.send)
        if self.first:
            assert self.slow.hear(b"\r\n").startswith(b"INFO ")
        self.slow.say(CONNECT, self.client.send)
        return self.slow.hear(b"\r\n")


PHASES = pytest.mark.parametrize("first, options, hello", [
    (False, "", 0), (False, "", 0.5), (False, "", 1),
    (True, "handshake_first: true", 0), (True, "handshake_first: true", 0.5),
    (True, "handshake_first: true", 1), (True, 'handshake_first: "1h"', 0),
    (False, "allow_non_tls: true", 0), (False, "allow_non_tls: true", 0.5),
], ids=lambda value: str(value))


def config_of(options, *more):
    outside = options + "\n" if options.startswith("allow") else ""
    inside = [] if outside else [options]
    return tls(PATIENT, *inside, *more) + outside


@PHASES
def test_reload_in_each_phase(server, first, options, hello):
    """Rules that come meanwhile hold for whoever comes out of it."""
    started = server(config_of(options))
    phase = Phase(started, first, hello)
    started.reload(config_of(options) + AUTH)
    # without rules it was in already, so the new ones end it, as they end others who sent no token
    expect_nothing(phase.client)

    phase = Phase(started, first, hello)
    started.reload(config_of(options) + AUTH + "max_payload: 1000\n")
    assert phase.finish() == PONG
    phase = Phase(started, first, hello)
    started.reload(config_of(options))
    assert phase.finish() == PONG
    phase = Phase(started, first, hello)
    started.reload("max_payload: 1000\n")
    assert phase.finish() == PONG


@PHASES
def test_pins_that_come_in_each_phase(server, first, options, hello):
    started = server(config_of(options) + AUTH)
    phase = Phase(started, first, hello)
    started.reload(config_of(options, f'pinned_certs: [ "{"0" * 64}" ]') + AUTH)
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        phase.finish()
    started.wait_log("certificate not pinned")


@PHASES
def test_shutdown_in_each_phase(server, first, options, hello):
    started = server(config_of(options))
    phase = Phase(started, first, hello)
    started.stop()
    expect_nothing(phase.client)
