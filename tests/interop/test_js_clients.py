# SPDX-License-Identifier: Apache-2.0
"""The official JavaScript clients, 2.x and 3.x, against the server; js/interop.mjs has the
scenarios. Both ignore a token in the URL, so that it goes into the token option."""

import pathlib
import shutil

import pytest

import scenarios

SCRIPT = pathlib.Path(__file__).with_name("js") / "interop.mjs"


@pytest.fixture(params=["nats", "@nats-io/transport-node"])
def client(request):
    """argv(scenario, url, token) of one client."""
    node = shutil.which("node")
    if not node:
        pytest.skip("node is not installed")
    if not (SCRIPT.parent / "node_modules" / request.param).is_dir():
        pytest.skip(f"{request.param} is not installed (npm ci in tests/interop/js)")

    def argv(scenario, url, token=None):
        return [node, str(SCRIPT), request.param, scenario, url] + ([token] if token else [])

    return argv


@pytest.mark.parametrize("scenario", scenarios.CORE)
def test_core(shared, client, scenario):
    scenarios.succeed(client(scenario, scenarios.url_of(shared)))


def test_reconnect(server, client):
    scenarios.reconnect(server, lambda url: client("reconnect", url, scenarios.TOKEN))


@scenarios.auth()
def test_token(server, client, config, token, outcome):
    scenarios.succeed(client(outcome, scenarios.url_of(server(config)), token))
