# SPDX-License-Identifier: Apache-2.0
"""What every client must be able to do with the server, and how a client program is driven.

A client program runs one scenario, given its name, the server's URL and perhaps a token, and
exits with 0 if all went as its users expect.
"""

import subprocess

import pytest

from support.env import PATIENCE_S, lasting_port

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
    """Runs a client program to its end."""
    return subprocess.run(argv, capture_output=True, text=True, timeout=3 * PATIENCE_S,
                          stdin=kwargs.pop("stdin", subprocess.DEVNULL), **kwargs)


def succeed(argv, **kwargs):
    done = run(argv, **kwargs)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(argv)}\nexit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def reconnect(start, argv):
    """Restarts the server under a client: argv(url) is the scenario's command line.

    The program says "ready" once it is connected and "lost" once it has noticed the loss; then
    it must come back by itself, its subscription and token included.
    """
    listen = ["-a", "127.0.0.1", "-p", lasting_port()]
    first = start(PLAIN_CONFIG, args=listen, random=False)
    reactions = [("ready\n", first.stop),
                 ("lost\n", lambda: start(PLAIN_CONFIG, args=listen, random=False))]
    with subprocess.Popen(argv(url_of(first)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as program:
        try:
            for line, react in reactions:
                # The program has deadlines of its own: a line or the end of its output comes.
                said = program.stdout.readline()
                if said != line:
                    pytest.fail(f"{line!r} expected, got {said!r}\n{program.stderr.read()}")
                react()
            _, errors = program.communicate(timeout=3 * PATIENCE_S)
        finally:
            program.kill()
    assert program.returncode == 0, errors
