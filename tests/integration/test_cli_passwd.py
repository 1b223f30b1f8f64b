# SPDX-License-Identifier: Apache-2.0
"""nats server passwd: at a terminal, in a pipe, by flags."""

import re
import signal
import subprocess

import pytest

from integration.cli_support import Terminal, nats

HASH = r"\$2a\$(\d\d)\$[./A-Za-z0-9]{53}"
# The pair of the documentation's "Tokens" page.
TOKEN = "dag0HTXl4RGg7dXdaJwbC8"
TOKEN_HASH = "$2a$11$PWIFAL8RsWyGI3jVZtO9Nu8.6jOxzxfZo7c/W0eLk017hjgUKWrhy"
PROMPT, AGAIN = "? Enter password [? for help] ", "? Reenter password [? for help] "


def passwd(*args, **kwargs):
    return nats("server", "passwd", *args, **kwargs)


def matches(password, hash_):
    done = passwd("--verify", hash_, stdin=password.encode() + b"\n")
    return done.returncode == 0


# -- at a terminal

@pytest.mark.parametrize("name", ["passwd", "mkpasswd", "pass", "password"])
def test_prompts_stars_and_hash(name):
    with Terminal("server", name, "-c", "4") as tty:
        tty.expect(PROMPT)
        tty.type("correct horse\r")
        assert tty.expect("\r\n") == "*" * 13
        tty.expect(AGAIN)
        tty.type("correct horse\r")
        assert tty.expect("\r\n") == "*" * 13
        status, rest = tty.end()
        assert status == 0
        found = re.fullmatch(rf"\r\n({HASH})\r\n", rest)
        assert found, rest
        assert matches("correct horse", found[1]) and not matches("correct horsf", found[1])


def test_help_at_the_prompt():
    with Terminal("server", "passwd", "-c4") as tty:
        tty.expect(PROMPT)
        tty.type("?\r")
        tty.expect("? Enter a password string that's minimum 10 characters long\r\n"
                   "? Enter password ")
        tty.type("0123456789\r")
        tty.expect(AGAIN)
        tty.type("?\r")
        tty.expect("? Enter the same password again\r\n? Reenter password ")
        tty.type("0123456789\r")
        assert tty.end()[0] == 0


def test_editing():
    with Terminal("server", "passwd", "-c4") as tty:
        tty.expect(PROMPT)
        tty.type("wrong\x15\u00e9123456789Xx\x7f\x08\x1b[D\x1b[3~\r")
        typed = tty.expect("\r\n")
        assert typed.count("*") == 5 + 12 and typed.count("\b \b") == 5 + 2
        tty.expect(AGAIN)
        tty.type("\u00e9123456789\r")
        status, rest = tty.end()
        assert status == 0, rest
        assert matches("\u00e9123456789", re.search(HASH, rest)[0])


def test_mismatch():
    with Terminal("server", "passwd") as tty:
        tty.expect(PROMPT)
        tty.type("0123456789\r9876543210\r")  # pasted: the second is not echoed either
        tty.expect("\r\n" + AGAIN + "*" * 10 + "\r\n")
        status, rest = tty.end()
        assert status == 1
        assert rest.endswith("nats: error: entered and re-entered passwords do not match\r\n")


@pytest.mark.parametrize("key, reason", [("\x03", "interrupt"), ("\x04", "EOF")])
def test_interrupted_by_key(key, reason):
    with Terminal("server", "passwd") as tty:
        tty.expect(PROMPT)
        tty.type("abc" + key if key == "\x03" else key)
        tty.expect(f"nats: error: could not read password: {reason}\r\n")
        assert tty.end()[0] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_by_signal(number):
    with Terminal("server", "passwd") as tty:
        tty.expect(PROMPT)
        tty.type("abc")
        tty.expect("***")
        tty.process.send_signal(number)
        assert tty.end()[0] == -number  # and the terminal is as it was


def test_prompt_leaves_a_piped_stdout_alone():
    with Terminal("server", "passwd", "-c4", stdout=subprocess.PIPE) as tty:
        tty.expect(PROMPT)
        tty.type("0123456789\r")
        tty.expect(AGAIN)
        tty.type("0123456789\r")
        out = tty.process.stdout.read().decode()
        tty.process.stdout.close()
        assert re.fullmatch(HASH + "\n", out)
        assert tty.end()[0] == 0


def test_verify_at_a_terminal():
    with Terminal("server", "passwd", "--verify", TOKEN_HASH) as tty:
        tty.expect(PROMPT)
        tty.type(TOKEN + "\r")
        tty.expect("password matches the hash\r\n")
        assert tty.end()[0] == 0


# -- without one

def test_line_of_stdin():
    done = passwd("-c", "5", stdin=b"0123456789\nnot read\n", check=0)
    found = re.fullmatch(HASH + "\n", done.stdout.decode())
    assert found and found[1] == "05" and done.stderr == b""
    assert matches("0123456789", done.stdout.decode().strip())


@pytest.mark.parametrize("line", [b"0123456789", b"0123456789\r\n"])
def test_line_ends(line):
    assert matches("0123456789", passwd("-c4", stdin=line, check=0).stdout.decode().strip())


@pytest.mark.parametrize("args, environ", [(["-p", "0123456789"], {}), (["--pass=0123456789"], {}),
                                           ([], {"PASSWORD": "0123456789"}),
                                           (["-p0123456789"], {"PASSWORD": "something else"})])
def test_flag_and_environment(args, environ):
    done = passwd("-c4", *args, environ=environ, check=0)
    assert matches("0123456789", done.stdout.decode().strip())


def test_default_cost():
    assert passwd("-p", "0123456789", check=0).stdout.startswith(b"$2a$11$")


def test_generate():
    done = passwd("-g", "-c4", check=0)
    found = re.fullmatch(rf"Generated password: ([A-Za-z0-9_-]{{22}})\n       bcrypt hash: ({HASH})\n",
                         done.stdout.decode())
    assert found and matches(found[1], found[2])
    assert passwd("-g", "-c4").stdout != done.stdout


def test_config_block():
    done = passwd("--config", "-c4", "-p", "0123456789", check=0)
    assert re.fullmatch(rf'authorization {{\n    token: "{HASH}"\n}}\n', done.stdout.decode())


def test_config_with_generated_password():
    done = passwd("--config", "-gc4", check=0)
    password = re.fullmatch(r"Generated password: (\S{22})\n", done.err)[1]
    assert matches(password, re.search(HASH, done.stdout.decode())[0])


def test_verify():
    assert passwd("--verify", TOKEN_HASH, stdin=TOKEN.encode(), check=0).stdout == \
        b"password matches the hash\n"
    done = passwd("--verify", TOKEN_HASH, stdin=b"wrong", check=1)
    assert done.err == "nats: error: password does not match the hash\n" and not done.stdout


@pytest.mark.parametrize("args, message", [
    (["-p", "012345678"], "password should be at least 10 characters long"),
    (["-p", "x" * 73],
     "password should be at most 72 bytes long: bcrypt does not look at more"),
    (["-p", "0123456789\t"], "password should not hold control characters"),
    (["-p", "0123456789", "-c", "3"], "bcrypt cost should be between 4 and 31"),
    (["-p", "0123456789", "-c", "32"], "bcrypt cost should be between 4 and 31"),
    (["-g", "-p", "0123456789"], "--generate makes a password: leave out --pass and PASSWORD"),
    (["--verify", "nonsense"], "--verify expects a bcrypt hash such as $2a$11$..."),
    (["--verify", TOKEN_HASH, "-g"], "--verify only checks: leave out --generate and --config"),
])
def test_refused(args, message):
    done = passwd(*args, check=1)
    assert done.err == f"nats: error: {message}\n" and done.stdout == b""


def test_longest():
    done = passwd("-c4", stdin=b"x" * 72, check=0)
    assert matches("x" * 72, done.stdout.decode().strip())


def test_nothing_and_nul_on_stdin():
    assert "at least 10" in passwd(stdin=b"", check=1).err
    assert "control characters" in passwd(stdin=b"0123456789\0abc\n", check=1).err


def test_stdout_that_cannot_be_written():
    with open("/dev/full", "wb") as full:
        argv = nats("--version", check=0).args[:1]
        done = subprocess.run([*argv, "server", "passwd", "-c4", "-p", "0123456789"], stdout=full,
                              stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and b"could not write the hash" in done.stderr
