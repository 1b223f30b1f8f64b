# SPDX-License-Identifier: Apache-2.0
"""Tokens are changed under clients that are at work: only those of the removed token are cut."""

import json

import pytest

from support.env import wait_for
from support.logins import (EXPIRED, VIOLATION, no_subscribe, refuse, soon, token, tokens_config)
from support.tokens import bcrypt, expect_no_leak, token_config
from support.traffic import Traffic, expect_numbers

OLD, NEW = "the-old-secret", "the-new-secret"
EXPIRY = "2120-01-01T00:00:00Z"

# How the two tokens are written in the file; a rotation must not care.
FORMS = {"plain": lambda secret: secret, "bcrypt": bcrypt}


@pytest.fixture(params=FORMS)
def form(request):
    return FORMS[request.param]


@pytest.fixture
def traffic():
    """traffic(client) starts one that the test's end stops in any case."""
    started = []

    def start(client):
        started.append(Traffic(client))
        return started[-1]
    yield start
    for one in started:
        one.abandon()


def subscriber(server, secret):
    client = server.login(secret)
    client.send("SUB numbers 1\r\n")
    client.fence()
    return client


def test_rotation(server, form, traffic):
    """One token, then both, then the new one alone, and numbers flow all the time."""
    old, new = token("old", form(OLD)), token("new", form(NEW))
    only_old, both, only_new = tokens_config(old), tokens_config(old, new), tokens_config(new)
    started = server(only_old, ["-D"])
    olds = [subscriber(started, OLD) for _ in range(3)]
    started.reload(both)
    news = [subscriber(started, NEW) for _ in range(3)]
    numbers = traffic(started.login(NEW))
    numbers.flow(100)
    started.reload(only_new)
    for client in olds:  # what they got before the end is complete as far as it goes
        got = client.read_until(f"-ERR '{VIOLATION}'\r\n".encode()).decode()
        client.expect_close()
        arrived = [int(line) for line in got.replace("PING\r\n", "").split("\r\n")[1:-1:2]]
        assert arrived == list(range(len(arrived))) and len(arrived) >= 100
    numbers.flow(100)
    refuse(started, auth_token=OLD)
    count = numbers.stop()
    for client in news:
        expect_numbers(client, "numbers", 1, count)
    assert len([line for line in started.log().splitlines()
                if "Authentication Failure" in line]) == len(olds) + 1
    expect_no_leak(started.log(), OLD, NEW, bcrypt(OLD), bcrypt(NEW))


def test_from_a_single_token_to_a_list_and_back(server, form, traffic):
    """A token keeps its clients whatever form the configuration gets, and whatever its name."""
    started = server(token_config(form(OLD)))
    client = subscriber(started, OLD)
    numbers = traffic(started.login(OLD))
    for config in (tokens_config(token("a", form(OLD)), token("b", form(NEW))),
                   tokens_config(token("b", form(NEW)), token("renamed", form(OLD))),
                   tokens_config(token("renamed", OLD)), tokens_config(token("c", bcrypt(OLD))),
                   token_config(bcrypt(OLD)), token_config(OLD)):
        numbers.flow(20)
        started.reload(config)
    numbers.flow(20)
    expect_numbers(client, "numbers", 1, numbers.stop())


def test_order_of_entries_does_not_matter(server, form):
    entries = [token(f"t{i}", form(f"secret-{i}")) for i in range(5)]
    started = server(tokens_config(*entries))
    clients = [started.login(f"secret-{i}") for i in range(5)]
    started.reload(tokens_config(*reversed(entries)))
    for client in clients:
        client.expect_silence()
    started.reload(tokens_config(*entries[:2], *entries[3:]))
    for i, client in enumerate(clients):
        if i == 2:
            client.expect_error(VIOLATION, closes=True)
        else:
            client.expect_silence()


def test_removed_while_its_check_is_under_way(server):
    """A bcrypt check of the old configuration ends after the reload: the new one counts."""
    started = server(tokens_config(token("old", bcrypt(OLD, cost=13)), token("new", NEW)))
    waiting = started.connect().login(OLD, ping=False)
    waiting.send("PING\r\n")
    started.reload(tokens_config(token("new", NEW)))
    waiting.expect_re(r"(PONG\r\n)?-ERR 'Authorization Violation'\r\n")
    waiting.expect_close()
    started.login(NEW).expect_silence()


def test_removed_permissions_drop_subscriptions(server, form):
    started = server(tokens_config(token("a", form(OLD)), token("b", form(NEW))))
    client, other = started.login(OLD), started.login(NEW)
    for one in (client, other):
        one.send("SUB keep 1\r\nSUB gone 2\r\nSUB gone q 3\r\n")
        one.fence()
    started.reload(tokens_config(token("a", form(OLD), "permissions: { subscribe: keep }"),
                                 token("b", form(NEW))))
    expected = [no_subscribe("gone", removed_sid="2"),
                no_subscribe("gone", queue="q", removed_sid="3")]
    match = client.expect_re(rb"(-ERR [^\r]*\r\n)(-ERR [^\r]*\r\n)")
    assert sorted(match.groups()) == sorted(expected)  # the order is not promised
    client.expect_silence()
    other.send("PUB keep 0\r\n\r\nPUB gone 0\r\n\r\n")
    other.expect("MSG keep 1 0\r\n\r\n")
    other.expect_re(r"MSG gone [23] 0\r\n\r\nMSG gone [23] 0\r\n\r\n")
    client.fence(b"MSG keep 1 0\r\n\r\n")


# -- expiry

def test_expiry_cuts_its_clients_alone(server, form, traffic):
    started = server(tokens_config(token("brief", form(OLD), f"expires: {soon()}"),
                                   token("long", form(NEW), f"expires: {EXPIRY}"),
                                   token("ever", "no-end")), ["-D"])
    brief, long, ever = (subscriber(started, secret) for secret in (OLD, NEW, "no-end"))
    numbers = traffic(started.login("no-end"))
    brief.read_until(f"-ERR '{EXPIRED}'\r\n".encode())
    brief.expect_close()
    refuse(started, auth_token=OLD)
    started.wait_log("Authentication Expired")
    numbers.flow(20)
    count = numbers.stop()
    for client in (long, ever):
        expect_numbers(client, "numbers", 1, count)


def test_expiry_can_be_put_off_by_reload(server):
    """That the first date is over is told by a client that kept it."""
    config = 'expires: {}'.format(soon())
    started = server(tokens_config(token("a", OLD, config), token("b", NEW, config)))
    put_off, kept = started.login(OLD), started.login(NEW)
    started.reload(tokens_config(token("a", OLD, f"expires: {EXPIRY}"), token("b", NEW, config)))
    kept.expect_error(EXPIRED, closes=True)
    put_off.expect_silence()


def test_expiry_can_be_moved_up_by_reload(server):
    started = server(tokens_config(token("a", OLD, f"expires: {EXPIRY}"), token("b", NEW)))
    client, other = started.login(OLD), started.login(NEW)
    started.reload(tokens_config(token("a", OLD, f"expires: {soon()}"), token("b", NEW)))
    client.expect_error(EXPIRED, closes=True)
    other.expect_silence()


def test_expired_by_reload(server):
    started = server(tokens_config(token("a", OLD), token("b", NEW)))
    client, other = started.login(OLD), started.login(NEW)
    started.reload(tokens_config(token("a", OLD, "expires: 2020-01-01T00:00:00Z"),
                                 token("b", NEW)))
    client.expect_re(rf"-ERR '({EXPIRED}|{VIOLATION})'\r\n")
    client.expect_close()
    other.expect_silence()


def test_a_waiting_check_does_not_outlive_the_expiry(server):
    """The bcrypt check is under way when the token expires, or the cut follows it."""
    started = server(tokens_config(token("a", bcrypt(OLD, cost=13), f"expires: {soon()}")))
    client = started.connect().login(OLD, ping=False)
    client.expect_re(rf"-ERR '({EXPIRED}|{VIOLATION})'\r\n")
    client.expect_close()


def test_the_log_names_the_token_that_was_removed(server):
    started = server(tokens_config(token("sensors", OLD), token("dashboard", NEW)), ["-D"])
    client = started.login(OLD)
    before = len(started.log())
    started.reload(tokens_config(token("dashboard", NEW)))
    client.expect_error(VIOLATION, closes=True)
    wait_for(lambda: [line for line in started.log()[before:].splitlines()
                      if "cid:" in line and "sensors" in line], "a line with the token's name")
    expect_no_leak(started.log(), OLD, NEW, json.dumps(OLD))
