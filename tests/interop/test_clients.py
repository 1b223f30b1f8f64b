# SPDX-License-Identifier: Apache-2.0
"""The official clients against the server; c/core.c and js/core.mjs have the scenarios."""

import signal

import pytest

import clients
import scenarios
from scenarios import PLAIN_CONFIG, TOKEN, url_of
from support.env import PATIENCE_S, lasting_port


@pytest.mark.parametrize("scenario", scenarios.CORE)
def test_core(shared, client, scenario):
    client.succeed(scenario, url_of(shared))


def test_reconnect(server, client):
    """The server restarts; the client comes back by itself, its subscription and token included."""
    listen = ["-a", "127.0.0.1", "-p", lasting_port()]
    first = server(PLAIN_CONFIG, args=listen, random=False)
    with client.start("reconnect", url_of(first), token=TOKEN) as program:
        program.expect("ready")
        first.stop()
        program.expect("lost")
        server(PLAIN_CONFIG, args=listen, random=False)
        program.finish()


def test_lame_duck(server, client):
    """The client goes to the other server of its list, and back to the first one's successor."""
    config = PLAIN_CONFIG + 'lame_duck_duration: "30s"\nlame_duck_grace_period: "10ms"\n'
    ports = [lasting_port(), lasting_port()]
    leaving, next_one = (server(config, args=["-a", "127.0.0.1", "-p", port], random=False)
                         for port in ports)
    with client.start("reconnect", url_of(leaving), url2=url_of(next_one),
                      token=TOKEN) as program:
        for port in (ports[0], None):
            program.expect("ready")
            leaving.process.send_signal(signal.SIGUSR2)
            program.expect("lost")
            assert leaving.process.wait(PATIENCE_S) == 0
            leaving.stopped = True
            leaving = next_one
            if port:
                server(config, args=["-a", "127.0.0.1", "-p", port], random=False)
        program.finish()


@scenarios.auth()
def test_token(server, client, config, token, outcome):
    client.succeed(outcome, url_of(server(config)), token=token)


# The JavaScript clients ignore a token in the URL. libnats does not decode URLs, and a hash has
# characters that need it.
@scenarios.auth(except_for=["hash-as-token"])
def test_token_in_url(server, config, token, outcome):
    clients.need(clients.C).succeed(outcome, url_of(server(config), token))
