# SPDX-License-Identifier: Apache-2.0
"""The official clients against the server; c/core.c and js/core.mjs have the scenarios."""

import pytest

import clients
import scenarios
from scenarios import PLAIN_CONFIG, TOKEN, url_of
from support.env import lasting_port


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


@scenarios.auth()
def test_token(server, client, config, token, outcome):
    client.succeed(outcome, url_of(server(config)), token=token)


# The JavaScript clients ignore a token in the URL. libnats does not decode URLs, and a hash has
# characters that need it.
@scenarios.auth(except_for=["hash-as-token"])
def test_token_in_url(server, config, token, outcome):
    clients.need(clients.C).succeed(outcome, url_of(server(config), token))
