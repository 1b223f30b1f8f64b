# SPDX-License-Identifier: Apache-2.0
"""What every client must be able to do with the server, and who may log in with which token."""

import subprocess

import pytest

from support.env import PATIENCE_S

CORE = ["pubsub", "wildcards", "unsubscribe", "queue", "request", "headers", "no-responders"]

# The pair on the documentation's page about tokens.
TOKEN = "dag0HTXl4RGg7dXdaJwbC8"
HASH = "$2a$11$PWIFAL8RsWyGI3jVZtO9Nu8.6jOxzxfZo7c/W0eLk017hjgUKWrhy"
PLAIN_CONFIG = f'authorization {{\n    token: "{TOKEN}"\n}}\n'
HASHED_CONFIG = f'authorization {{\n    token: "{HASH}"\n}}\n'

_AUTH = {
    "no-auth": (None, None, "accepted"),
    "no-auth-but-token": (None, TOKEN, "accepted"),
    "right-token": (PLAIN_CONFIG, TOKEN, "accepted"),
    "wrong-token": (PLAIN_CONFIG, "wr0ng", "refused"),
    "longer-token": (PLAIN_CONFIG, TOKEN + "x", "refused"),
    "no-token": (PLAIN_CONFIG, None, "refused"),
    "bcrypted-right": (HASHED_CONFIG, TOKEN, "accepted"),
    "bcrypted-wrong": (HASHED_CONFIG, "wr0ng", "refused"),
    "bcrypted-none": (HASHED_CONFIG, None, "refused"),
    "hash-as-token": (HASHED_CONFIG, HASH, "refused"),
}


def auth(except_for=()):
    """Parametrises a test with what the server demands, what the client shows, and the outcome."""
    rows = {name: row for name, row in _AUTH.items() if name not in except_for}
    return pytest.mark.parametrize("config, token, outcome", rows.values(), ids=rows.keys())


def url_of(server, token=None):
    return f"nats://{token + '@' if token else ''}127.0.0.1:{server.port}"


def run(argv, **kwargs):
    """Runs our own command to its end."""
    return subprocess.run(argv, capture_output=True, text=True, timeout=3 * PATIENCE_S,
                          stdin=kwargs.pop("stdin", subprocess.DEVNULL), **kwargs)
