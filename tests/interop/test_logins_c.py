# SPDX-License-Identifier: Apache-2.0
"""Users, nkeys and lists of tokens with the official C client; c/logins.c has the scenarios."""

import logins
import scenarios
from support import env


def argv(scenario, url, credentials):
    program = env.need(env.BUILD / "tests/interop/logins_c")
    if "seed" in credentials:
        words = ["nkey", credentials["nkey"], credentials["seed"]]
    elif "user" in credentials:
        words = ["user", credentials["user"], credentials["pass"]]
    else:
        words = ["token", credentials["token"]] if credentials else []
    return [program, scenario, url, *words]


@logins.table()
def test_login(server, config, credentials, outcome):
    scenarios.succeed(argv(outcome, scenarios.url_of(server(config)), credentials))


def test_expiry(server):
    config, credentials = logins.expiring()
    scenarios.succeed(argv("expired", scenarios.url_of(server(config)), credentials))
