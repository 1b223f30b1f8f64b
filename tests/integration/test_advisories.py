# SPDX-License-Identifier: Apache-2.0
"""Known advisories of NATS servers: each has a test that carries its number. Those about things
that do not exist here yet (SECURITY.md names them) check that the configuration which would
bring them is refused."""

import json

import pytest

from support import server as servers
from support.logins import (EXPIRED, VIOLATION, enter, no_subscribe, refuse, soon, token,
                            tokens_config, user, users_config)
from support.tokens import NASTY, cmdline, expect_no_leak, token_config

TOKEN = "the-only-token"


def refused_config(tmp_path, config):
    """That configuration does not start a server."""
    (tmp_path / "nats.conf").write_text(config)
    done = servers.run(["-a", "127.0.0.1", "-p", "-1", "-c", "nats.conf"], cwd=tmp_path)
    assert done.returncode == 1, done
    return done.stderr


@pytest.mark.parametrize("fields", [
    {"account": "$SYS"}, {"account": "other"}, {"account": "other", "new_account": True},
    {"account": "$G"}], ids=json.dumps)
@pytest.mark.parametrize("form", ("open", "token", "users", "no_auth_user"))
def test_CVE_2022_24450_account_named_in_connect(server, form, fields):
    config, login = {"open": ("# open\n", {}),
                     "token": (token_config(TOKEN), {"auth_token": TOKEN}),
                     "users": (users_config(user("ann", TOKEN)), {"user": "ann", "pass": TOKEN}),
                     "no_auth_user": (users_config(user("ann", TOKEN)) + "no_auth_user: ann\n", {}),
                     }[form]
    started = server(config)
    refuse(started, **login, **fields)
    with started.connect().login(**login) as client:  # nor in a second CONNECT
        client.send(f"CONNECT {json.dumps({**login, **fields})}\r\nPING\r\n")
        client.expect_error(VIOLATION, closes=True)


def test_CVE_2023_47090_accounts_with_only_sys_beside_authorization(server, tmp_path):
    """They must not switch the authorization off: refused as a whole, or still in force."""
    config = token_config(TOKEN) + "accounts { $SYS { users: [ {user: admin, password: pw} ] } }\n"
    (tmp_path / "probe.conf").write_text(config)
    done = servers.run(["-c", "probe.conf", "-t"], cwd=tmp_path)
    if done.returncode == 0:
        refuse(server(config))
    else:
        assert "accounts" in done.stderr
        refused_config(tmp_path, config)


def test_CVE_2020_26892_expired_credentials(server):
    """What is over neither enters, nor stays, nor comes back by a second CONNECT or a reload."""
    past = tokens_config(token("past", TOKEN, "expires: 2020-01-01T00:00:00Z"), token("b", "other"))
    started = server(past)
    refuse(started, auth_token=TOKEN)
    with started.login("other") as client:
        client.login(TOKEN, ping=False)
        client.expect_error(VIOLATION, closes=True)
    started.reload(past)
    refuse(started, auth_token=TOKEN)
    config = tokens_config(token("a", TOKEN, f"expires: {soon()}"))
    started.reload(config)
    client = started.login(TOKEN)
    started.reload(config + "# once more\n")
    client.expect_error(EXPIRED, closes=True)
    refuse(started, auth_token=TOKEN)


def reach_denied(server, permissions, *subscriptions):
    """What of "a.secret" and "a.open" reaches ann, who tries these subscriptions."""
    started = server(users_config(user("root"), user("ann", permissions=permissions)))
    ann, root = enter(started, "ann"), enter(started, "root")
    for number, subscription in enumerate(subscriptions):
        ann.send(f"SUB {subscription} {number}\r\nPING\r\n")
        ann.expect_re(rb"(-ERR [^\r]*\r\n)?PONG\r\n")
    for _ in range(50):  # a queue group may choose another member each time
        root.send("PUB a.secret 1\r\nx\r\nPUB a.open 0\r\n\r\n")
    root.fence()
    ann.send("PING\r\n")
    return ann.read_until(b"PONG\r\n")


DENY = 'subscribe: { allow: ">", deny: "a.secret" }'


@pytest.mark.parametrize("deny", ("a.secret", "a.secret q", "*.secret", "a.secret *", "a.secret >"))
@pytest.mark.parametrize("queue", ("q", "q.r", "other"))
def test_CVE_2022_29946_deny_and_queue_subscriptions(server, deny, queue):
    permissions = f'subscribe: {{ allow: ">", deny: "{deny}" }}'
    of_queue = deny.partition(" ")[2]
    covered = {"": True, "q": queue == "q", "*": queue != "q.r", ">": True}[of_queue]
    got = reach_denied(server, permissions, f"a.secret {queue}", f"a.* {queue}x")
    direct = b"MSG a.secret 0 " in got
    assert direct != covered, got[-300:]


@pytest.mark.parametrize("subscription", ("a.secret", "a.secret q", "a.*", "a.* q", "a.>", "a.> q",
                                          ">", "> q", "*.secret", "*.* q", "*.secret q"))
def test_GHSA_wh7g_5m82_pmhr_deny_and_wildcards(server, subscription):
    got = reach_denied(server, DENY, subscription)
    assert b"a.secret" not in got
    assert (b"a.open" in got) == (not subscription.split()[0].endswith("secret"))


def test_GHSA_wh7g_5m82_pmhr_allow_and_wildcards(server):
    """A wildcard wider than what is allowed is refused, or brings nothing beyond it."""
    got = reach_denied(server, 'subscribe: "a.open"', "a.*", "a.>", ">", "*.*", "a.* q", "> q")
    assert b"a.secret" not in got


def test_CVE_2026_33247_secrets_of_argv(server):
    started = server(args=["--auth", NASTY, "-DVV"])
    started.login(NASTY).leave()
    expect_no_leak(cmdline(started.pid) + started.log(), NASTY)
    with_password = server(args=["--user", "ann", "--pass", NASTY, "-DVV"])
    enter(with_password, "ann", NASTY).leave()
    expect_no_leak(cmdline(with_password.pid) + with_password.log(), NASTY)


@pytest.mark.parametrize("size", (2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 2**32, 2**32 + 5,
                                  2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**64 + 5, 10**30), ids=str)
@pytest.mark.parametrize("line", ("PUB a {}", "PUB a r {}", "HPUB a {} {}", "HPUB a 12 {}",
                                  "HPUB a {} 12"))
def test_CVE_2019_13126_sizes(shared, line, size):
    """The connection ends or is told; the server lives on, and nothing is delivered."""
    witness = shared.login()
    witness.send("SUB a 1\r\n")
    witness.fence()
    with shared.connect() as client:
        client.login(headers=True)
        client.send_cut(line.format(size, size) + "\r\nNATS/1.0\r\n\r\n\r\n", iter(()))
        while not client.eof:
            client.read_any()
    witness.expect_silence()


@pytest.mark.parametrize("header,total", ((13, 12), (2**31, 12), (2**32 + 12, 12), (-1, 12)))
def test_CVE_2019_13126_header_size_over_total(shared, header, total):
    with shared.connect() as client:
        client.login(headers=True)
        client.send_cut(f"HPUB a {header} {total}\r\nNATS/1.0\r\n\r\n\r\n", iter(()))
        while not client.eof:
            client.read_any()
    shared.login().expect_silence()


def test_CVE_2026_27571_27889_33219_websocket(server, tmp_path):
    """No websocket yet: the option is refused, and an HTTP upgrade is no protocol of ours."""
    assert "websocket" in refused_config(tmp_path, "websocket { port: -1, no_tls: true }\n")
    started = server(token_config(TOKEN))
    with started.connect() as client:
        client.send_cut("GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                        iter(()))
        client.expect_error(VIOLATION, closes=True)


def test_CVE_2026_33219_memory_before_the_login(server):
    """A CONNECT that never ends is cut at one control line, whatever comes in which pieces."""
    started = server(token_config(TOKEN, "timeout: 60"))
    with started.connect() as client:
        client.send_cut('CONNECT {"auth_token":"' + "x" * 100000, iter([10, 4000, 5000]))
        client.expect_re(r"-ERR '(maximum control line exceeded|Authorization Violation)'\r\n")
        client.expect_close()
    started.login(TOKEN).expect_silence()


def test_CVE_2026_29785_33218_leafnodes(tmp_path):
    assert "leafnodes" in refused_config(tmp_path, "leafnodes { port: -1 }\n")


@pytest.mark.parametrize("listener", ("websocket { port: -1, no_tls: true }", "mqtt { port: -1 }",
                                      "leafnodes { port: -1 }"))
def test_GHSA_38x3_76xf_cq45_no_auth_user_on_other_listeners(tmp_path, listener):
    """There are none; and on ours it holds only for those without any credentials."""
    name = listener.split()[0]
    config = users_config(user("guest")) + f"no_auth_user: guest\n{listener}\n"
    assert name in refused_config(tmp_path, config)


@pytest.mark.parametrize("first", ("PING", "SUB secret 1", "PUB secret 0\r\n", "SUB > 1"))
def test_GHSA_hmmp_q8cx_v964_no_auth_user_before_connect(server, first):
    """Without CONNECT one is no_auth_user, with its permissions, and nothing more."""
    guest = user("guest", permissions="subscribe: x, publish: x")
    started = server(users_config(user("root"), guest) + "no_auth_user: guest\n")
    root = enter(started, "root")
    root.send("SUB secret 1\r\n")
    root.fence()
    with started.connect() as client:
        client.send(first + "\r\nSUB secret 9\r\nPING\r\n")
        got = client.read_until(no_subscribe("secret")) if "SUB secret" in first else b""
        client.read_until(no_subscribe("secret"))
        assert b"MSG" not in got
        root.send("PUB secret 0\r\n\r\n")
        root.fence(b"MSG secret 1 0\r\n\r\n")
        client.read_until(b"PONG\r\n")
        client.send("CONNECT " + json.dumps({"user": "guest", "pass": "wrong"}) + "\r\n")
        client.read_until(f"-ERR '{VIOLATION}'\r\n".encode())


def test_GHSA_q59r_vq66_pxc2_connz_paging(tmp_path):
    assert "http_port" in refused_config(tmp_path, "http_port: -1\n")


# -- the stale users and leaks of the first table: test_auth_table.py, test_leaks.py
