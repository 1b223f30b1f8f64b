# SPDX-License-Identifier: Apache-2.0
"""Tokens, their bcrypt hashes, and where secrets must not be seen."""

import pathlib
import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt  # leaves the standard library in 3.13: then take libxcrypt through ctypes

SALT = "abcdefghijklmnopqrstuu"  # 22 characters, any will do in a test

# Characters that mean something in JSON, in a config, in a URL, in a printf, in a terminal.
NASTY = "q\"uo'te,co;mma %41%zz%s{}[]()#$T\\ \u00e9\u2603\U0001f600 //x"


def bcrypt(token, cost=4, letter="a"):
    """The hash that a config carries. All letters name the same algorithm."""
    made = crypt.crypt(token, f"$2b${cost:02}${SALT}")
    assert made and len(made) == 60
    return f"$2{letter}{made[3:]}"


def quoted(text):
    """text as a string of the config language."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def token_config(token, more=""):
    return f"authorization {{\n  token: {quoted(token)}\n  {more}\n}}\n"


def leaks(text, *secrets):
    """Which secrets, or long parts of them, stand in text?"""
    return [part for secret in secrets for part in _parts(secret) if part in text]


def _parts(secret, size=10):
    if len(secret) <= size:
        return [secret]
    return [secret[i:i + size] for i in range(len(secret) - size + 1)]


def expect_no_leak(text, *secrets):
    found = leaks(text, *secrets)
    if found:
        pytest.fail(f"secret text {found[0]!r} in:\n{text[-3000:]}")


def cmdline(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")


def cpu_seconds(pid):
    """User and system time that the process has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100  # USER_HZ is 100 on Linux
