# SPDX-License-Identifier: Apache-2.0
"""Users with passwords: who gets in, and as whom. (What each may do: test_permissions.py.)"""

import json
import re

import pytest

from support import server as servers
from support.env import TIME_FACTOR
from support.logins import (PASSWORD, TIMEOUT, VIOLATION, enter, no_publish, no_subscribe, refuse,
                            refuse_user, user, users_config)
from support.tokens import NASTY, bcrypt, cpu_seconds, expect_no_leak, quoted

HASH = bcrypt(PASSWORD)


def single(password):
    return f"authorization {{\n  user: ann\n  password: {quoted(password)}\n}}\n"


# -- one user, or a list; plain or bcrypted

FORMS = {
    "single": (single(PASSWORD), ()),
    "single-bcrypt": (single(HASH), ()),
    "single-other-names": (f"authorization {{ username: ann, pass: {PASSWORD} }}\n", ()),
    "flags": (None, ("--user", "ann", "--pass", PASSWORD)),
    "list": (users_config(user("bob", "other"), user("ann")), ()),
    "list-bcrypt": (users_config(user("bob", "other"), user("ann", HASH)), ()),
    "list-other-names": (f"authorization {{ users: [{{username: ann, pass: {PASSWORD}}}] }}\n", ()),
}


@pytest.mark.parametrize("form", FORMS)
def test_who_gets_in(server, form):
    config, args = FORMS[form]
    started = server(config, args)
    info = started.connect().info
    assert info["auth_required"] is True and "nonce" not in info
    with enter(started, "ann") as client:
        client.send("SUB a 1\r\nPUB a 2\r\nhi\r\n")
        client.expect("MSG a 1 2\r\nhi\r\n")
    refuse_user(started, "ann", "wrong")
    refuse_user(started, "ann", "")
    refuse_user(started, "ann", HASH)
    refuse_user(started, "Ann", PASSWORD)
    refuse_user(started, "", PASSWORD)
    refuse_user(started, "nobody", PASSWORD)
    refuse_user(started, "ann", PASSWORD + "x")
    refuse_user(started, "ann", PASSWORD + "\0")
    refuse(started)
    refuse(started, user="ann")
    refuse(started, auth_token=PASSWORD)
    refuse(started, auth_token="ann")
    refuse(started, **{"pass": PASSWORD})
    refuse(started, user="ann", **{"pass": PASSWORD}, account="x")
    with started.connect() as client:
        client.send("SUB a 1\r\n")
        client.expect_error(VIOLATION, closes=True)


def test_passwords_are_not_mixed_up(server):
    started = server(users_config(user("ann", "a-word"), user("bob", bcrypt("b-word"))))
    enter(started, "ann", "a-word")
    enter(started, "bob", "b-word")
    refuse_user(started, "ann", "b-word")
    refuse_user(started, "bob", "a-word")


def test_a_token_beside_is_ignored(server):
    started = server(users_config(user("ann")))
    enter(started, "ann", auth_token="whatever", jwt="x").expect_silence()


def test_second_connect_becomes_another_user(server):
    started = server(users_config(user("ann", permissions="publish: a"),
                                  user("bob", permissions="publish: b")))
    client = enter(started, "ann")
    client.send("PUB b 0\r\n\r\nPUB a 0\r\n\r\n")
    client.fence(no_publish("b"))
    client.login(user="bob", **{"pass": PASSWORD})
    client.send("PUB b 0\r\n\r\nPUB a 0\r\n\r\n")
    client.fence(no_publish("a"))
    client.send('CONNECT {"user":"bob","pass":"wrong"}\r\nPING\r\n')
    client.expect_error(VIOLATION, closes=True)


def test_timeout(server):
    started = server(users_config(user("ann"), more='timeout: "200ms"'))
    with started.connect() as client:
        client.expect_error(TIMEOUT, closes=True)


def test_nasty_name_and_password(server):
    started = server(users_config(user(NASTY, NASTY)), ["-DVV"])
    enter(started, NASTY, NASTY).expect_silence()
    refuse_user(started, NASTY, NASTY[:-1])
    # The name may be logged, and here it is the password, too: only another name tells.
    started.reload(users_config(user("plain-name", NASTY)))
    before = len(started.log())
    enter(started, "plain-name", NASTY).leave()
    refuse_user(started, "plain-name", "wrong" + NASTY)
    started.wait_log("plain-name", after=before)
    expect_no_leak(started.log()[before:], NASTY, json.dumps(NASTY)[1:-1])


def test_password_by_flag_is_overwritten_in_argv(server):
    started = server(args=["--user", "ann", "--pass", "never-to-be-seen"])
    enter(started, "ann", "never-to-be-seen").expect_silence()
    with open(f"/proc/{started.pid}/cmdline") as file:
        expect_no_leak(file.read(), "never-to-be-seen")


def test_unknown_users_cost_as_much_as_wrong_passwords(server):
    """Else the time it takes would tell which names exist. CPU time of a run of each; the
    factor is wide, because without the care it would be a thousand."""
    started = server(users_config(user("ann", bcrypt(PASSWORD, cost=10))))
    spent = []
    for name in ("ann", "nobody"):
        before = cpu_seconds(started.pid)
        for i in range(4):
            with started.connect() as client:
                client.login(user=name, **{"pass": f"wrong{i}"}, ping=False)
                client.expect_error(VIOLATION, closes=True)
        spent.append(cpu_seconds(started.pid) - before)
    assert spent[1] > spent[0] / 4, spent


# -- no_auth_user

ANONYMOUS = users_config(user("guest", permissions="publish: out, subscribe: in"), user("ann"),
                         more=f'timeout: "{int(300 * TIME_FACTOR)}ms"') + "no_auth_user: guest\n"


@pytest.fixture(scope="module")
def lobby(tmp_path_factory):
    started = servers.Server(tmp_path_factory.mktemp("lobby"), ANONYMOUS)
    yield started
    started.stop()


def test_no_auth_user_info(lobby):
    assert not lobby.connect().info.get("auth_required")


@pytest.mark.parametrize("first", ["", "CONNECT {}\r\n", 'CONNECT {"verbose":true}\r\n',
                                   'CONNECT {"user":"","pass":"","auth_token":""}\r\n'],
                         ids=("no-connect", "empty", "verbose", "empty-strings"))
def test_no_auth_user_applies(lobby, first):
    with lobby.connect() as client:
        client.send(first + "SUB in 1\r\nSUB elsewhere 2\r\nPUB elsewhere 0\r\n\r\n")
        expected = b"+OK\r\n" * (2 if first else 1)  # verbose is what a client is by default
        client.expect(expected + no_subscribe("elsewhere") + no_publish("elsewhere"))


def test_no_auth_user_has_no_deadline_for_connect(lobby):
    """Who works without CONNECT is logged in. That the timeout is over is told by a client
    that came later and ran into it, with half a verb."""
    with lobby.connect() as client:
        client.send("SUB in 1\r\n")
        client.expect("+OK\r\n")
        with lobby.connect() as late:
            late.send("CONN")
            late.expect_error(TIMEOUT, closes=True)
        client.expect_silence()


def test_connect_after_no_auth_user(lobby):
    with lobby.connect() as client:
        client.send("SUB in 1\r\nSUB x 2\r\n")
        client.expect(b"+OK\r\n" + no_subscribe("x"))
        client.login(user="ann", **{"pass": PASSWORD})
        client.send("SUB x 2\r\nPUB x 0\r\n\r\n")
        client.expect("MSG x 2 0\r\n\r\n")
        client.expect_silence()


@pytest.mark.parametrize("fields", [
    {"user": "ann", "pass": "wrong"}, {"user": "guest"}, {"user": "nobody"}, {"pass": PASSWORD},
    {"auth_token": "x"}, {"account": "x"}], ids=lambda fields: "-".join(fields))
def test_no_auth_user_is_no_way_around_wrong_credentials(lobby, fields):
    refuse(lobby, **fields)


# -- errors of the configuration, with their texts

ENTRY = user("ann")
ERRORS = {
    "user-and-token": (f"authorization {{\n user: a\n password: {PASSWORD}\n token: t\n}}\n",
                       "Cannot have a user/pass and token"),
    "user-and-users": (f"authorization {{\n user: a\n password: {PASSWORD}\n"
                       f" users: [ {ENTRY} ]\n}}\n",
                       "Can not have a single user/pass and a users array"),
    "token-and-users": (users_config(ENTRY, more="token: t"),
                        "Can not have a token and a users array"),
    "duplicate": (users_config(ENTRY, user("ann", "other")), 'Duplicate user "ann" detected'),
    "no-user": (users_config(f"{{ password: {PASSWORD} }}"), "User entry requires a user"),
    "not-an-array": (f"authorization {{ users: {ENTRY} }}\n",
                     "Expected users field to be an array, got"),
    "unknown-field": (users_config(user("ann", more="colour: red")), 'unknown field "colour"'),
    "bad-subject": (users_config(user("ann", permissions="publish: a..b")),
                    'subject "a..b" is not a valid subject'),
    "queue-in-publish": (users_config(user("ann", permissions='publish: "a b"')),
                         'subject "a b" is not a valid subject'),
    "three-words": (users_config(user("ann", permissions='subscribe: "a b c"')),
                    'subject "a b c" is not a valid subject'),
    "unknown-permission": (users_config(user("ann", permissions="shout: a")),
                           'Unknown field "shout" parsing permissions'),
    "unknown-list": (users_config(user("ann", permissions="publish: { permit: a }")),
                     'Unknown field name "permit" parsing subject permissions, '
                     "only \'allow\' or \'deny\' are permitted"),
    "unknown-response": (users_config(user("ann", permissions="allow_responses: { often: 1 }")),
                         'Unknown field "often" parsing permissions'),
    "connection-type": (users_config(user("ann", more="allowed_connection_types: [ PIGEON ]")),
                        r'invalid connection types \["PIGEON"\]'),
    "no-auth-user-unknown": (users_config(ENTRY) + "no_auth_user: bob\n", "no_auth_user"),
    "no-auth-user-alone": ("no_auth_user: bob\n", "no_auth_user"),
    "no-auth-user-and-token": ("authorization { token: t }\nno_auth_user: t\n", "no_auth_user"),
    # fails open in the reference: nobody would be asked for anything, or anybody for nothing
    "users-empty": ("authorization { users: [] }\n", "users"),
    "user-without-password": ("authorization { user: ann }\n", "password"),
    "password-without-user": (f"authorization {{ password: {PASSWORD} }}\n", "user"),
    "entry-without-password": (users_config("{ user: ann }"), "password"),
    "entry-with-empty-password": (users_config(user("ann", "")), "password.*empty|empty.*password"),
    "bad-hash": (users_config(user("ann", HASH[:-1])), "bcrypt|hash"),
    "control-byte": (users_config(r'{ user: ann, password: "a\tb" }'), "control"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error(tmp_path, name):
    config, pattern = ERRORS[name]
    (tmp_path / "nats.conf").write_text(config)
    for args in ([], ["-t"]):
        done = servers.run(["-a", "127.0.0.1", "-p", "-1", "-c", "nats.conf", *args], cwd=tmp_path)
        assert done.returncode == 1, done
        assert re.search(r"nats\.conf:\d+:\d+: .*(" + pattern + ")", done.stderr), done.stderr
        expect_no_leak(done.stdout + done.stderr, PASSWORD, HASH)


@pytest.mark.parametrize("args", (["--user", "ann"], ["--pass", PASSWORD], ["--user", ""],
                                  ["--user", "ann", "--pass", ""],
                                  ["--user", "ann", "--pass", PASSWORD, "--auth", "t"]),
                         ids=("user", "pass", "empty-user", "empty-pass", "and-token"))
def test_error_of_flags(tmp_path, args):
    done = servers.run(["-a", "127.0.0.1", "-p", "-1", *args], cwd=tmp_path)
    assert done.returncode == 1, done
    expect_no_leak(done.stdout + done.stderr, PASSWORD)
