# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: what changes in a running server, what cannot, and who notices.
(Tokens: test_auth_reload.py, test_auth_rotation.py; nkeys: test_nkeys.py.)"""

import json
import re
import signal

import pytest

from support.env import wait_for
from support.logins import (PASSWORD, TIMEOUT, VIOLATION, enter, no_publish, no_subscribe, refuse,
                            refuse_user, user, users_config)
from support.tokens import bcrypt, expect_no_leak, token_config


def reload(started, config):
    """A reload that succeeds; its log lines."""
    log = started.reload(config)
    assert "Reloaded server configuration" in log, log
    return log


# -- who may stay: the user's entry before and after, and whether ann stays

ANN, BOB = user("ann"), user("bob", "other-word")
WHO_STAYS = {
    "nothing-changed": (ANN, ANN, True),
    "another-password": (ANN, user("ann", "new-word"), False),
    "removed": (ANN, "", False),
    "renamed": (ANN, user("anna"), False),
    "plain-to-bcrypt": (ANN, user("ann", bcrypt(PASSWORD)), True),
    "bcrypt-to-plain": (user("ann", bcrypt(PASSWORD)), ANN, True),
    "bcrypt-to-another": (user("ann", bcrypt(PASSWORD)), user("ann", bcrypt("new-word")), False),
    "plain-to-bcrypt-of-another": (ANN, user("ann", bcrypt("new-word")), False),
    "permissions": (ANN, user("ann", permissions="publish: a"), True),
    "connection-type": (ANN, user("ann", more='allowed_connection_types: ["WEBSOCKET"]'), False),
}


@pytest.mark.parametrize("name", WHO_STAYS)
def test_who_stays(server, name):
    before, after, stays = WHO_STAYS[name]
    started = server(users_config(before, BOB), ["-D"])
    ann, bob = enter(started, "ann"), enter(started, "bob", "other-word")
    log = reload(started, users_config(after, BOB))
    if stays:
        ann.expect_silence()
        enter(started, "ann").expect_silence()
    else:
        ann.expect_error(VIOLATION, closes=True)
        refuse_user(started, "ann", PASSWORD)
        started.wait_log("Client connection closed: Authentication Failure")
    bob.expect_silence()
    assert ("Reloaded: authorization users" in log) == (before != after)
    expect_no_leak(started.log(), PASSWORD, "other-word", "new-word", bcrypt(PASSWORD))


# Each form of authorization, and how to log in under it.
FORMS = {
    "token": (token_config(PASSWORD), {"auth_token": PASSWORD}),
    "token-bcrypt": (token_config(bcrypt(PASSWORD)), {"auth_token": PASSWORD}),
    "user": (f"authorization {{ user: ann, password: {PASSWORD} }}\n",
             {"user": "ann", "pass": PASSWORD}),
    "users": (users_config(BOB), {"user": "bob", "pass": "other-word"}),
}


@pytest.mark.parametrize("after", FORMS)
@pytest.mark.parametrize("before", FORMS)
def test_from_one_form_to_another(server, before, after):
    """Who has shown what no longer admits anybody is out, however it is written now."""
    (config, fields), (next_config, next_fields) = FORMS[before], FORMS[after]
    started = server(config)
    client = started.connect().login(**fields)
    reload(started, next_config)
    if fields == next_fields:
        client.expect_silence()
    else:
        client.expect_error(VIOLATION, closes=True)
        refuse(started, **fields)
    started.connect().login(**next_fields).expect_silence()


def test_a_single_user_becomes_one_of_a_list(server):
    started = server(FORMS["user"][0])
    client = enter(started, "ann")
    reload(started, users_config(BOB, user("ann", bcrypt(PASSWORD))))
    client.expect_silence()
    reload(started, FORMS["user"][0])
    client.expect_silence()


def test_users_on_an_open_server(server):
    started = server("# open\n")
    silent, client = started.connect(), started.login()
    silent.fence()
    reload(started, users_config(ANN))
    for one in (silent, client):
        one.expect_error(VIOLATION, closes=True)
    refuse(started)
    ann = enter(started, "ann")
    reload(started, "# open\n")
    ann.expect_silence()
    assert "auth_required" not in started.connect().info
    started.login().expect_silence()


def test_the_deadline_for_connect(server):
    """It holds for those who connect after the reload."""
    started = server(token_config(PASSWORD))
    reload(started, token_config(PASSWORD, 'timeout: "100ms"'))
    started.connect().expect_error(TIMEOUT, closes=True)
    started.login(PASSWORD).expect_silence()


def test_no_auth_user_goes(server):
    config = users_config(ANN, BOB)
    started = server(config + "no_auth_user: ann\n")
    anonymous, silent = started.login(), started.connect()
    silent.send("SUB a 1\r\n")
    silent.expect("+OK\r\n")
    ann, bob = enter(started, "ann"), enter(started, "bob", "other-word")
    reload(started, config)
    for client in (anonymous, silent):
        client.expect_error(VIOLATION, closes=True)
    ann.expect_silence()
    bob.expect_silence()
    refuse(started)


def test_no_auth_user_comes(server):
    config = users_config(ANN, user("guest", permissions="publish: a"))
    started = server(config)
    ann = enter(started, "ann")
    reload(started, config + "no_auth_user: guest\n")
    ann.expect_silence()
    guest = started.login()
    guest.send("PUB a 0\r\n\r\nPUB b 0\r\n\r\n")
    guest.fence(no_publish("b"))


# -- permissions change under a client

def with_permissions(permissions):
    return users_config(user("root"), user("ann", permissions=permissions), user("bob"))


def expect_errors(client, *errors):
    """These lines have come, in any order, and nothing else."""
    client.send("PING\r\n")
    lines = client.read_until(b"PONG\r\n").split(b"\r\n")[:-2]
    assert sorted(line + b"\r\n" for line in lines if line != b"PING") == sorted(errors)


def test_removed_permissions_drop_subscriptions(server):
    started = server(with_permissions('subscribe: ">"'))
    ann, bob, root = (enter(started, name) for name in ("ann", "bob", "root"))
    for client in (ann, bob):
        client.send("SUB keep 1\r\nSUB gone 2\r\nSUB gone workers 3\r\nSUB keep workers x4\r\n"
                    "SUB *.gone long-sid\r\n")
        client.fence()
    log = reload(started, with_permissions("subscribe: keep"))
    expect_errors(ann, no_subscribe("gone", removed_sid="2"),
                  no_subscribe("gone", "workers", removed_sid="3"),
                  no_subscribe("*.gone", removed_sid="long-sid"))
    bob.expect_silence()
    assert "Reloaded: authorization users" in log
    ann.send("SUB gone 2\r\n")
    ann.fence(no_subscribe("gone"))
    root.send("PUB keep 0\r\n\r\nPUB gone 0\r\n\r\nPUB a.gone 0\r\n\r\n")
    root.fence()
    ann.expect_re(r"MSG keep (1|x4) 0\r\n\r\n")  # of the group, ann or bob gets it
    ann.expect_re(r"(MSG keep (1|x4) 0\r\n\r\n)?")
    ann.expect_silence()
    reload(started, with_permissions('subscribe: ">"'))
    ann.expect_silence()
    ann.send("SUB gone 2\r\n")  # the sid is free again
    ann.fence()


def test_many_subscriptions_are_reviewed(server):
    """Each that must go gets its -ERR once, each other stays, whatever moves in the table."""
    started = server(with_permissions('subscribe: ">"'))
    ann, root = enter(started, "ann"), enter(started, "root")
    count = 600
    subjects = [("gone" if n % 8 else "keep") + f".{n}" for n in range(count)]
    ann.send("".join(f"SUB {subject} {n}\r\n" for n, subject in enumerate(subjects)))
    ann.fence()
    reload(started, with_permissions('subscribe: "keep.>"'))
    expect_errors(ann, *(no_subscribe(subject, removed_sid=str(n))
                         for n, subject in enumerate(subjects) if subject.startswith("gone")))
    root.send("".join(f"PUB {subject} 0\r\n\r\n" for subject in subjects))
    root.fence()
    ann.send("PING\r\n")
    got = ann.read_until(b"PONG\r\n")
    assert got.count(b"MSG keep.") == count // 8 and b"MSG gone." not in got


def test_a_queue_permission_is_removed(server):
    started = server(with_permissions('subscribe: ["a q", "a r"]'))
    ann = enter(started, "ann")
    ann.send("SUB a q 1\r\nSUB a r 2\r\n")
    ann.fence()
    reload(started, with_permissions('subscribe: "a r"'))
    expect_errors(ann, no_subscribe("a", "q", removed_sid="1"))


def test_wildcards_are_filtered_from_now_on(server):
    started = server(with_permissions('subscribe: ">"'))
    ann, root = enter(started, "ann"), enter(started, "root")
    ann.send("SUB a.* 1\r\nSUB a.secret 2\r\n")
    ann.fence()
    reload(started, with_permissions("subscribe: { deny: a.secret }"))
    expect_errors(ann, no_subscribe("a.secret", removed_sid="2"))
    root.send("PUB a.secret 0\r\n\r\nPUB a.b 0\r\n\r\n")
    root.fence()
    ann.fence(b"MSG a.b 1 0\r\n\r\n")
    reload(started, with_permissions('subscribe: ">"'))
    root.send("PUB a.secret 0\r\n\r\n")
    root.fence()
    ann.fence(b"MSG a.secret 1 0\r\n\r\n")


def test_publish_permissions_hold_at_once(server):
    """Verdicts that were remembered for the connection are forgotten."""
    started = server(with_permissions('publish: "a.*"'))
    ann = enter(started, "ann")
    for allowed, refused in (("a", "b"), ("b", "a"), ("a", "b")):
        reload(started, with_permissions(f'publish: "{allowed}.*"'))
        ann.send(f"PUB {allowed}.x 0\r\n\r\nPUB {refused}.x 0\r\n\r\n" * 3)
        ann.fence(no_publish(f"{refused}.x") * 3)


def test_default_permissions_change(server):
    started = server(users_config(user("ann"), user("own", permissions="publish: c"),
                                  more="default_permissions: { publish: a }"))
    ann, own = enter(started, "ann"), enter(started, "own")
    reload(started, users_config(user("ann"), user("own", permissions="publish: c"),
                                 more="default_permissions: { publish: b }"))
    ann.send("PUB a 0\r\n\r\nPUB b 0\r\n\r\n")
    ann.fence(no_publish("a"))
    own.send("PUB b 0\r\n\r\nPUB c 0\r\n\r\n")
    own.fence(no_publish("b"))


# -- a bad file, or one that needs a restart, changes nothing at all

BAD = {
    "syntax": "authorization {",
    "unknown-option": users_config(BOB) + "no_such_option: 1\n",
    "empty-password": users_config(user("ann", "")),
    "duplicate": users_config(ANN, ANN),
    "empty-token": token_config(""),
    "no-auth-user": users_config(ANN) + "no_auth_user: nobody\n",
    "bad-permission": users_config(user("ann", permissions="publish: a..b")),
    # good in themselves, but only a restart applies them
    "server-name": users_config(BOB) + "server_name: other\n",
    "threads": users_config(BOB) + "threads: 7\n",
}


@pytest.mark.parametrize("name", BAD)
def test_nothing_changes(server, name):
    config = users_config(user("ann", permissions="publish: a"))
    started = server(config + "server_name: first\nthreads: 2\n")
    ann = enter(started, "ann")
    log = started.reload(BAD[name])
    assert "Failed to reload server configuration: " in log and "Reloaded" not in log, log
    ann.send("PUB a 0\r\n\r\nPUB b 0\r\n\r\n")
    ann.fence(no_publish("b"))
    enter(started, "ann").expect_silence()
    refuse_user(started, "bob", "other-word")
    assert started.connect().info["server_name"] == "first"
    expect_no_leak(started.log(), PASSWORD, "other-word")


def test_the_option_that_needs_a_restart_is_named(server):
    started = server("max_closed_clients: 10\n")
    log = started.reload("max_closed_clients: 11\nmax_payload: 100\n")
    assert re.search(r"Failed to reload server configuration: .*max_closed_clients.*restart", log)
    assert started.connect().info["max_payload"] == 1 << 20


# -- limits and logging change live: before, after, and the proof

def payload(started, old):
    old.send("PUB a 11\r\nhello world\r\n")
    old.expect_error("Maximum Payload Violation", closes=True)
    assert started.connect().info["max_payload"] == 10


def subscriptions(started, old):
    old.send("SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n")
    old.fence("-ERR 'maximum subscriptions exceeded'\r\n")
    started.login().expect_silence()


def control_line(started, _):
    client = started.login()
    client.send("SUB " + "x" * 100 + " 1\r\n")
    client.expect_error("maximum control line exceeded", closes=True)


def connections(started, old):
    with started.connect() as refused:
        refused.expect_error("maximum connections exceeded", closes=True)
    old.expect_silence()


def ping_interval(started, _):
    client = started.connect(answer_pings=False).login(ping=False)
    client.expect("PING\r\nPING\r\n-ERR 'Stale Connection'\r\n")


def sub_tokens(started, _):
    client = started.login()
    client.send("SUB a.b.c 1\r\n")
    client.fence("-ERR 'Permissions Violation for Subscription to \"a.b.c\", too many tokens'\r\n")


def trace(started, _):
    started.login(name="seen-in-the-trace").leave()
    started.wait_log("seen-in-the-trace")


def advertise(started, _):
    info = started.connect().info
    assert (info["host"], info["port"]) == ("advertised.example", 99)


def without_headers(started, _):
    assert started.connect().info["headers"] is False


LIVE = {
    "max_payload": ("", "max_payload: 10", payload),
    "max_subscriptions": ("", "max_subscriptions: 2", subscriptions),
    "max_sub_tokens": ("", "max_sub_tokens: 2", sub_tokens),
    "max_control_line": ("", "max_control_line: 80", control_line),
    "max_connections": ("max_connections: 10", "max_connections: 1", connections),
    "ping_interval": ("ping_max: 2", 'ping_interval: "60ms", ping_max: 2', ping_interval),
    "trace": ("", "trace: true", trace),
    "client_advertise": ("", 'client_advertise: "advertised.example:99"', advertise),
    "no_header_support": ("", "no_header_support: true", without_headers),
}


@pytest.mark.parametrize("name", LIVE)
def test_live(server, name):
    before, after, prove = LIVE[name]
    started = server(before + "\n")
    old = started.login()
    log = started.reload(after + "\n")
    assert f"Reloaded: {name}" in log and "Reloaded server configuration" in log, log
    prove(started, old)


def test_log_file_moves(server, tmp_path):
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    started = server(f'log_file: "{first}"\n')
    wait_for(lambda: first.exists() and "Server is ready" in first.read_text(), "the first log")
    started.config.write_text(f'log_file: "{second}"\ndebug: true\n')
    started.process.send_signal(signal.SIGHUP)
    wait_for(lambda: second.exists() and "Reloaded server configuration" in second.read_text(),
             "the second log")
    length = len(first.read_text())
    started.login(name="x").leave()
    wait_for(lambda: "Client connection closed" in second.read_text(), "a line of the client")
    assert len(first.read_text()) == length


def test_flags_keep_overriding_the_file(server):
    started = server("max_payload: 100\n", ["--user", "ann", "--pass", PASSWORD, "-D"])
    ann = enter(started, "ann")
    reload(started, "max_payload: 200\ndebug: false\n")
    ann.expect_silence()
    enter(started, "ann").expect_silence()
    refuse(started)
    assert "[DBG]" in started.log().rpartition("Reloaded server configuration")[2]


def test_lines_of_a_reload(server):
    """One per option that changed, none for others, and the digest of the whole."""
    started = server("ping_max: 3\n")
    log = reload(started, "ping_max: 4\nmax_pending: 1000000\nmax_payload: 1000\n")
    lines = re.findall(r"\[INF\] Reloaded: (\S+)", log)
    assert sorted(line.rstrip(":") for line in lines) == ["max_payload", "max_pending", "ping_max"]
    digests = re.findall(r"Reloaded server configuration \((sha256:[0-9a-f]{64})\)", log)
    assert len(digests) == 1
    again = reload(started, "max_payload: 1000 # the same\nping_max: 4\nmax_pending: 1000000\n")
    assert "Reloaded: " not in again
    assert digests[0] in again
    assert 'Trapped "hangup" signal' in again


def test_new_limits_are_told(server):
    """A client of protocol 1 hears of a smaller payload by INFO, if at all, never by a close."""
    started = server("# defaults\n")
    client = started.connect().login(protocol=1)
    client.read_info()
    reload(started, "max_payload: 1000\n")
    client.send("PING\r\n")
    answer = client.expect_re(rb"(INFO (\{[^\r\n]*\}) ?\r\n)?PONG\r\n")
    assert answer[2] is None or json.loads(answer[2])["max_payload"] == 1000


def test_run_files_follow_their_options(server, tmp_path):
    """A reload writes the pid file anew and moves the ports file."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()

    def config(name):
        return f'pid_file: "{tmp_path}/{name}/pid"\nports_file_dir: "{tmp_path}/{name}"\n'

    started = server(config("a"), ports_dir=tmp_path / "a")
    started.reload(config("b"))
    assert (tmp_path / "b/pid").read_text() == str(started.pid)
    assert len(list((tmp_path / "b").glob("*.ports"))) == 1
    assert not list((tmp_path / "a").glob("*.ports"))
