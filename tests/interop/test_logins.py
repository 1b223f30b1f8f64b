# SPDX-License-Identifier: Apache-2.0
"""Users, nkeys and lists of tokens with the official clients; c/logins.c and js/logins.mjs have
the scenarios."""

import logins
from scenarios import url_of


@logins.table()
def test_login(server, client, config, credentials, outcome):
    client.succeed(outcome, url_of(server(config)), **credentials)


def test_expiry(server, client):
    config, credentials = logins.expiring()
    client.succeed("expired", url_of(server(config)), **credentials)
