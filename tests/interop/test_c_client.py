# SPDX-License-Identifier: Apache-2.0
"""The official C client (libnats) against the server; c/interop.c has the scenarios."""

import pytest

import scenarios
from support import env


def argv(scenario, url, token=None):
    program = env.need(env.BUILD / "tests/interop/interop_c")
    return [program, scenario, url] + ([token] if token else [])


@pytest.mark.parametrize("scenario", scenarios.CORE)
def test_core(shared, scenario):
    scenarios.succeed(argv(scenario, scenarios.url_of(shared)))


def test_reconnect(server):
    scenarios.reconnect(server, lambda url: argv("reconnect", url, scenarios.TOKEN))


@scenarios.auth()
def test_token_option(server, config, token, outcome):
    scenarios.succeed(argv(outcome, scenarios.url_of(server(config)), token))


# libnats does not decode URLs, and a hash has characters that need it.
@scenarios.auth(except_for=["hash-as-token"])
def test_token_in_url(server, config, token, outcome):
    scenarios.succeed(argv(outcome, scenarios.url_of(server(config), token)))
