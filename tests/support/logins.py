# SPDX-License-Identifier: Apache-2.0
"""Users, lists of tokens, and what becomes of those who try to enter."""

import datetime
import json
import math
import time

from support.env import TIME_FACTOR
from support.tokens import quoted

VIOLATION = "Authorization Violation"
TIMEOUT = "Authentication Timeout"
EXPIRED = "User Authentication Expired"
PASSWORD = "the-password"


def user(name, password=PASSWORD, permissions=None, more=""):
    """An entry of users: [...]; permissions is the inside of its block."""
    block = "" if permissions is None else f"permissions: {{ {permissions} }}"
    return f"{{ user: {quoted(name)}, password: {quoted(password)}, {block} {more} }}"


def token(name, secret, more=""):
    """An entry of tokens: [...]"""
    return f"{{ name: {name}, token: {quoted(secret)}, {more} }}"


def _block(what, entries, more):
    lines = "\n    ".join(entries)
    return f"authorization {{\n  {what}: [\n    {lines}\n  ]\n  {more}\n}}\n"


def users_config(*entries, more=""):
    return _block("users", entries, more)


def tokens_config(*entries, more=""):
    return _block("tokens", entries, more)


def soon(at_least=0):
    """A time for expires, in whole seconds as a configuration wants it: late enough to log in,
    and so many seconds from now."""
    at = math.ceil(time.time() + max(at_least, 0.5 * TIME_FACTOR))
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def enter(server, name, password=PASSWORD, **fields):
    """Logs that user in."""
    return server.connect().login(user=name, **{"pass": password}, **fields)


def refuse(server, **fields):
    """A CONNECT with these fields does not get in; what follows it in the packet is dropped."""
    with server.connect() as client:
        client.send(f"CONNECT {json.dumps(fields)}\r\nPING\r\nSUB a 1\r\n")
        client.expect_error(VIOLATION, closes=True)


def refuse_user(server, name, password):
    refuse(server, user=name, **{"pass": password})


# -- what a client is told about what it may not do


def no_publish(subject):
    return f"-ERR 'Permissions Violation for Publish to \"{subject}\"'\r\n".encode()


def no_subscribe(subject, queue=None, removed_sid=None):
    using = f' using queue "{queue}"' if queue else ""
    sid = f' (sid "{removed_sid}")' if removed_sid else ""
    return (f"-ERR 'Permissions Violation for Subscription to \"{subject}\"{using}{sid}'"
            "\r\n").encode()
