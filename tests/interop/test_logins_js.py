# SPDX-License-Identifier: Apache-2.0
"""Users, nkeys (by @nats-io/nkeys) and lists of tokens with the official JavaScript clients, 2.x
and 3.x; js/logins.mjs has the scenarios."""

import json
import pathlib
import shutil

import pytest

import logins
import scenarios

SCRIPT = pathlib.Path(__file__).with_name("js") / "logins.mjs"


@pytest.fixture(params=["nats", "@nats-io/transport-node"])
def client(request):
    """argv(scenario, url, credentials) of one client."""
    node = shutil.which("node")
    if not node:
        pytest.skip("node is not installed")
    for package in (request.param, "@nats-io/nkeys"):
        if not (SCRIPT.parent / "node_modules" / package).is_dir():
            pytest.skip(f"{package} is not installed (npm ci in tests/interop/js)")

    def argv(scenario, url, credentials):
        shown = {key: value for key, value in credentials.items() if key != "nkey"}
        return [node, str(SCRIPT), request.param, scenario, url, json.dumps(shown)]

    return argv


@logins.table()
def test_login(server, client, config, credentials, outcome):
    scenarios.succeed(client(outcome, scenarios.url_of(server(config)), credentials))


def test_expiry(server, client):
    config, credentials = logins.expiring()
    scenarios.succeed(client("expired", scenarios.url_of(server(config)), credentials))
