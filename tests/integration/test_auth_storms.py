# SPDX-License-Identifier: Apache-2.0
"""A fleet reconnects, a flood attacks: who should get in does, and nobody at work notices.

No test here measures how long something takes: docs/benchmarks.md has the figures. That bcrypt
is not computed too often is seen from the CPU time that the server used, in units of one
computation, measured in the same run with the same library. The bounds are wide: what they
exclude is a computation per client."""

import contextlib
import re
import time

import pytest

from support import env
from support.client import Client
from support.env import wait_for
from support.fleet import PONG, Fleet, need_descriptors, storm
from support.logins import token, tokens_config, user, users_config
from support.tokens import bcrypt, cpu_seconds, token_config

TOKEN = "the-token-of-the-fleet"
VIOLATION = b"-ERR 'Authorization Violation'\r\n"
TIMEOUT = b"-ERR 'Authentication Timeout'\r\n"

# Under a sanitizer bcrypt itself runs at full speed, all else does not.
COST = 8 if env.is_sanitized() else 11


@pytest.fixture(autouse=True)
def descriptors():
    need_descriptors(4096 + 512)


def same(count, secret=TOKEN):
    return [{"auth_token": secret}] * count


def seconds_of_one_check(cost=COST):
    begin = time.process_time()
    bcrypt(TOKEN, cost=cost)
    return time.process_time() - begin


# -- everybody at once

@pytest.mark.parametrize("hashed,count", [(False, 2000), (True, 1000)], ids=("plain", "bcrypt"))
def test_all_get_in(server, hashed, count):
    started = server(token_config(bcrypt(TOKEN, cost=COST) if hashed else TOKEN))
    assert storm(started.port, same(count)) == {PONG: count}
    assert storm(started.port, same(count)) == {PONG: count}  # and again


SITES = [f"127.0.2.{i + 1}" for i in range(8)]  # a single address has few checks at a time


def expect_sites_get_in(started, who):
    """A fleet from each site, with the login of that site, all at once."""
    with contextlib.ExitStack() as stack:
        fleets = [stack.enter_context(Fleet(started.port, [fields] * 100, site))
                  for site, fields in zip(SITES, who)]
        while any([fleet.step(0.001) for fleet in fleets]):
            pass
        for fleet in fleets:
            assert fleet.finish() == {PONG: 100}


def test_all_get_in_with_several_tokens(server):
    """Each token is tried against up to eight hashes, once for its fleet."""
    secrets = [f"token-{i}" for i in range(len(SITES))]
    started = server(tokens_config(*(token(f"t{i}", bcrypt(secret, cost=8))
                                     for i, secret in enumerate(secrets))))
    expect_sites_get_in(started, [{"auth_token": secret} for secret in secrets])


def test_all_users_get_in(server):
    names = [f"u{i}" for i in range(len(SITES))]
    started = server(users_config(*(user(name, bcrypt("of-" + name, cost=8)) for name in names)))
    expect_sites_get_in(started, [{"user": name, "pass": "of-" + name} for name in names])


def test_one_check_is_enough_for_a_fleet(server):
    started = server(token_config(bcrypt(TOKEN, cost=COST)))
    one = seconds_of_one_check()
    before = cpu_seconds(started.pid)
    assert storm(started.port, same(300)) == {PONG: 300}
    assert cpu_seconds(started.pid) - before < 60 * one + 0.5 * env.TIME_FACTOR


def test_wrong_tokens_are_refused_in_a_storm(server):
    started = server(token_config("another-token"))
    assert storm(started.port, same(1000)) == {VIOLATION: 1000}
    started.login("another-token").expect_silence()


# -- wrong tokens from one address, right ones from another

ATTACKER = "127.0.0.2"


@pytest.mark.parametrize("form", ("token", "tokens", "users"))
def test_flood(server, form):
    """The attackers' checks are few however many they are; a client at work gets each PONG;
    a fleet from elsewhere gets in, all of it."""
    hashes = [bcrypt(f"token-{i}", cost=COST) for i in range(3)]
    config, right, secret, tried = {
        "token": (token_config(hashes[0]), {"auth_token": "token-0"}, "auth_token", 1),
        "tokens": (tokens_config(*(token(f"t{i}", text) for i, text in enumerate(hashes))),
                   {"auth_token": "token-2"}, "auth_token", 3),
        "users": (users_config(user("ann", hashes[0]), user("bob", hashes[1])),
                  {"user": "bob", "pass": "token-1"}, "pass", 1),
    }[form]
    started = server(config)
    # One who is at work; with several tokens he has another one, so that the fleet's is new.
    other = {"auth_token": "token-0"} if form == "tokens" else right
    at_work = Client(started.port, source="127.0.0.4").login(**other)
    attackers = [{**right, secret: f"wrong-{i}"} for i in range(500)]
    count = 200
    one, before = seconds_of_one_check(), cpu_seconds(started.pid)
    with Fleet(started.port, attackers, ATTACKER) as flood:
        while flood.step(0.001) and not any(member.answer for member in flood.members):
            at_work.fence()
        with Fleet(started.port, [right] * count, "127.0.0.3") as fleet:
            while fleet.step(0.001):
                flood.step(0)
                at_work.fence()
            assert fleet.finish() == {PONG: count}
            while flood.step(0.001):
                at_work.fence()
            fleet.expect_alive()
        answers = flood.finish()
    assert set(answers) <= {VIOLATION, TIMEOUT} and sum(answers.values()) == len(attackers)
    checks = 60  # of 500 attempts and the first of the fleet, each with up to tried hashes
    assert cpu_seconds(started.pid) - before < checks * tried * one + env.TIME_FACTOR
    at_work.expect_silence()


def test_flood_of_a_known_users_name_does_not_lock_him_out(server):
    started = server(users_config(user("ann", bcrypt("right", cost=COST))))
    attackers = [{"user": "ann", "pass": f"wrong-{i}"} for i in range(300)]
    with Fleet(started.port, attackers, ATTACKER) as flood:
        while flood.step(0.001) and not any(member.answer for member in flood.members):
            pass
        ann = Client(started.port, source="127.0.0.3").login(user="ann", **{"pass": "right"})
        flood.finish()
    ann.expect_silence()


def test_a_full_queue(server):
    """More checks than may wait, from so many addresses that no limit of a single one applies:
    the rest is told to come again, one warning says so, and known tokens enter all the same."""
    started = server(token_config(bcrypt("right", cost=12)))
    at_work = started.login("right")
    fleets = [Fleet(started.port, [{"auth_token": f"wrong-{i}-{j}"} for j in range(3)],
                    f"127.0.1.{i + 1}") for i in range(150)]
    with contextlib.ExitStack() as stack:
        for fleet in fleets:
            stack.enter_context(fleet)

        def is_full():
            for fleet in fleets:
                fleet.step(0)
            return any(member.answer == TIMEOUT for fleet in fleets for member in fleet.members)
        wait_for(is_full, "an answer for want of a place in the queue")
        at_work.fence()
        Client(started.port, source="127.0.0.3").login("right").expect_silence()
    started.wait_log(r"\[WRN\] .*queue.*full")
    assert len(re.findall(r"\[WRN\] .*queue.*full", started.log())) <= 2, started.log()


def test_failures_are_logged_with_a_bound(server):
    started = server(token_config("another-token"))
    assert storm(started.port, same(800), ATTACKER) == {VIOLATION: 800}
    lines = [line for line in started.log().splitlines() if ATTACKER in line]
    assert 1 <= len(lines) < 400, len(lines)
    started.login("another-token").expect_silence()


# -- a reload under thousands of bcrypted clients

def test_reload_drops_nobody(server):
    """2,000 clients on one bcrypted token; the reload checks none of them again."""
    cost = 4 if env.is_sanitized() else COST
    hashed = bcrypt(TOKEN, cost=cost)
    started = server(tokens_config(token("fleet", hashed)))
    count = 2000
    with Fleet(started.port, same(count)) as fleet:
        assert fleet.finish() == {PONG: count}
        before = cpu_seconds(started.pid)
        for config in (tokens_config(token("fleet", hashed), token("more", "plain")),
                       tokens_config(token("renamed", hashed)), token_config(hashed),
                       token_config(TOKEN), token_config(bcrypt(TOKEN, cost=cost, letter="y"))):
            assert "Reloaded server configuration" in started.reload(config)
            fleet.expect_alive()
        if not env.is_sanitized():
            one = seconds_of_one_check()
            assert cpu_seconds(started.pid) - before < count / 20 * one
        started.reload(token_config("something else"))

        def are_cut():
            return all(_has_ended(member.sock) for member in fleet.members)
        wait_for(are_cut, "the end of all")


def _has_ended(sock):
    """Has the server closed it? What came before is read and left out."""
    sock.setblocking(False)
    try:
        while sock.recv(4096):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


def test_reload_during_a_storm(server):
    """Logins under way are judged by one of the two configurations, both of which admit them."""
    fleets = token("fleet", bcrypt(TOKEN, cost=8))
    configs = [tokens_config(fleets, token(f"other{i}", f"plain-{i}")) for i in range(2)]
    started = server(configs[0])
    count = 1000
    with Fleet(started.port, same(count)) as fleet:
        for turn in range(1, 7):
            fleet.step(0)
            started.reload(configs[turn % 2])
        assert fleet.finish() == {PONG: count}
        fleet.expect_alive()
