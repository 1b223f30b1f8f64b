# SPDX-License-Identifier: Apache-2.0
"""One token, plain or bcrypted: who gets in, what the wire says, and what nobody may read.
(Errors of the configuration: test_config_errors.py. Reload: test_auth_reload.py.)"""

import json
import re
import select

import pytest

from support.client import Client
from support.env import wait_for
from support import server as servers
from support.server import Server
from support.tokens import (NASTY, bcrypt, cmdline, cpu_seconds, expect_no_leak, token_config)

TOKEN = "s3cr3t-Token"
VIOLATION = "Authorization Violation"


def refuse(server, connect):
    """That CONNECT does not get in; what follows it in the packet is dropped."""
    with server.connect() as client:
        client.send(f"CONNECT {connect}\r\nPING\r\nSUB a 1\r\n")
        client.expect_error(VIOLATION, closes=True)


def refuse_token(server, token):
    refuse(server, json.dumps({"verbose": True, "auth_token": token}))


# One server for all kinds of configured token; the token itself is the same.
KINDS = {"plain": TOKEN, **{f"bcrypt-2{letter}": bcrypt(TOKEN, letter=letter) for letter in "abxy"}}


@pytest.fixture(scope="module", params=KINDS)
def guarded(request, tmp_path_factory):
    started = Server(tmp_path_factory.mktemp("guarded"), token_config(KINDS[request.param]), ["-D"])
    yield started
    started.stop()


def test_info_says_so(guarded):
    info = guarded.connect().info
    assert info["auth_required"] is True
    assert "nonce" not in info


def test_right_token(guarded):
    with guarded.connect() as client:
        client.send(json.dumps({"auth_token": TOKEN, "verbose": True}).join(("CONNECT ", "\r\n")))
        client.expect("+OK\r\n")
        client.send("SUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n")
        client.expect("+OK\r\n+OK\r\nMSG a 1 2\r\nhi\r\nPONG\r\n")


def test_whole_packet_waits_for_the_verdict(guarded):
    with guarded.connect() as client:
        client.send(f'CONNECT {{"auth_token":"{TOKEN}","verbose":true,"protocol":1}}\r\n'
                    "PING\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n")
        client.expect("+OK\r\nPONG\r\n")
        assert client.read_info()["connect_info"]
        client.expect("+OK\r\n+OK\r\nMSG a 1 2\r\nhi\r\nPONG\r\n")


def test_cut_at_every_byte(guarded):
    with guarded.connect() as client:
        client.send_cut(f'CONNECT {{"auth_token":"{TOKEN}","verbose":false}}\r\nPING\r\n',
                        iter(lambda: 1, 0))
        client.expect("PONG\r\n")


@pytest.mark.parametrize("token", [
    "", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), " " + TOKEN, TOKEN + "\n", TOKEN + "\0",
    TOKEN + "\0" + TOKEN, "x" * 3000], ids=lambda token: repr(token[:14]))
def test_wrong_token(guarded, token):
    refuse_token(guarded, token)


@pytest.mark.parametrize("connect", [
    "{}", '{"auth_token":""}',
    f'{{"user":"{TOKEN}"}}', f'{{"pass":"{TOKEN}"}}', f'{{"user":"{TOKEN}","pass":"{TOKEN}"}}',
    f'{{"jwt":"{TOKEN}"}}', f'{{"token":"{TOKEN}"}}',
    f'{{"auth_token":"{TOKEN}","account":"x"}}',
    f'{{"auth_token":"{TOKEN}","account":"x","new_account":true}}',
    f'{{"auth_token":"{TOKEN}","auth_token":"x"}}',  # the last one counts
], ids=range(10))
def test_token_in_the_wrong_place(guarded, connect):
    refuse(guarded, connect)


@pytest.mark.parametrize("connect", [
    f'{{"auth_token":"{TOKEN}","user":"u","pass":"p"}}',
    f'{{"auth_token":"{TOKEN}","nkey":"x","jwt":"y","sig":"z"}}',
    f'{{"auth_token":"x","auth_token":"{TOKEN}"}}',
    f'{{"AUTH_TOKEN":"{TOKEN}"}}',
    '{"auth_token":"' + "".join(f"\\u{ord(c):04x}" for c in TOKEN) + '"}',
], ids=range(5))
def test_what_stands_beside_is_ignored(guarded, connect):
    with guarded.connect() as client:
        client.send(f"CONNECT {connect}\r\nPING\r\n")
        client.expect("+OK\r\nPONG\r\n")


@pytest.mark.parametrize("line", [
    "PING", "PONG", "SUB a 1", "PUB a 0\r\n", "UNSUB 1", "INFO {}", "+OK", "-ERR 'x'", "HPUB a 0 0",
    "FOO", "", "\0", "GET / HTTP/1.1", " CONNECT {}"])
def test_other_verb_before_connect(guarded, line):
    with guarded.connect() as client:
        client.send(line + "\r\n")
        client.expect_error(VIOLATION, closes=True)


def test_second_connect_authenticates_again(guarded):
    with guarded.login(TOKEN) as client:
        client.send(f'CONNECT {{"auth_token":"{TOKEN}"}}\r\nPING\r\n')
        client.expect("PONG\r\n")
        client.send('CONNECT {"auth_token":"x"}\r\nPING\r\n')
        client.expect_error(VIOLATION, closes=True)


def test_malformed_connect(guarded):
    for json_text in ("{", f'{{"auth_token":{TOKEN}}}', '{"auth_token":1}',
                      f'{{"auth_token":"{TOKEN}"}} x'):
        with guarded.connect() as client:
            client.send(f"CONNECT {json_text}\r\nPING\r\n")
            client.expect_close()


# -- bcrypt


def test_hash_sent_as_token(server):
    for letter in "ab":
        hashed = bcrypt(TOKEN, letter=letter)
        refuse_token(server(token_config(hashed)), hashed)


def test_unquoted_hash(server):
    for letter in "abxy":
        started = server(f"authorization {{\n  token: {bcrypt(TOKEN, letter=letter)}\n}}\n")
        started.login(TOKEN).leave()
        refuse_token(started, "x")


def test_bcrypt_reads_no_more_than_72_bytes_so_longer_ones_are_refused(server):
    most = "x" * 72
    started = server(token_config(bcrypt(most)), ["-D"])
    started.login(most)
    refuse_token(started, most + "y")
    started.wait_log(r"72")


def test_nul_does_not_extend_a_token(server):
    """For C, and for bcrypt's repetition of the key, T\\0T would equal T."""
    started = server(token_config(bcrypt("T")))
    started.login("T")
    refuse_token(started, "T\0T")
    refuse_token(started, "T\0")


def test_bcrypt_does_not_stall_others(server):
    """While a check of about a second runs, another client's PINGs are answered."""
    started = server(token_config(bcrypt(TOKEN, cost=14)))
    other = started.login(TOKEN)
    waiting = started.connect().login("wrong", ping=False)
    waiting.send("PING\r\n")
    for _ in range(20):
        other.fence()
    ready, _, _ = select.select([waiting.sock], [], [], 0)
    assert not ready, "20 PINGs took longer than the bcrypt check"
    waiting.expect_error(VIOLATION, closes=True)


def test_a_verified_token_is_remembered(server):
    started = server(token_config(bcrypt(TOKEN, cost=12)))
    idle = cpu_seconds(started.pid)
    started.login(TOKEN)
    one = cpu_seconds(started.pid) - idle
    clients = [started.connect().login(TOKEN, ping=False) for _ in range(50)]
    for client in clients:
        client.fence()
    assert cpu_seconds(started.pid) - idle < 3 * one


def test_flood_of_wrong_tokens_does_not_keep_right_ones_out(server):
    started = server(token_config(bcrypt(TOKEN, cost=10)))
    flood = []
    for i in range(200):
        client = Client(started.port, source="127.0.0.2")
        client.login(f"wrong{i}", ping=False)
        flood.append(client)
    started.login(TOKEN).expect_silence()  # never seen before, from another address
    started.login(TOKEN).expect_silence()
    for client in flood:  # refused for one reason or the other
        client.expect_re(r"-ERR '(Authorization Violation|Authentication Timeout)'\r\n")
        client.expect_close()


# -- the timeout


@pytest.mark.parametrize("begun", ["", "CONN", 'CONNECT {"auth_token":"' + TOKEN],
                         ids=("silent", "verb", "half"))
def test_timeout(server, begun):
    started = server(token_config(TOKEN, 'timeout: "200ms"'), ["-D"])
    with started.connect() as client:
        client.send(begun)
        client.expect_error("Authentication Timeout", closes=True)
    started.wait_log("Authentication Timeout")


def test_timeout_ends_with_connect(server):
    """The timer stops when CONNECT is parsed: a bcrypt check may take longer."""
    started = server(token_config(bcrypt(TOKEN, cost=13), "timeout: 0.1"))
    started.login(TOKEN).expect_silence()


def test_no_timeout_without_auth(server):
    """Only where authentication is required."""
    started = server('ping_interval: "100ms", ping_max: 3')
    client = started.connect(answer_pings=False)
    client.expect("PING\r\nPING\r\nPING\r\n-ERR 'Stale Connection'\r\n")


# -- tokens are text


@pytest.mark.parametrize("text", [
    "12345", "007", "0", "true", "off", "1e5", "1.5", "758e126b", "-abc", "-1", "1234-abcd", "2m",
    "64kb", "2026-11-23T20:19:34Z", "2026-11-23", "0x1f", "123e4567-e89b-12d3-a456-426614174000",
    "abc", "a.b", "127.0.0.1:4222", "99999999999999999999", "a$b", "a:b", "a=b", "~a/b+c"])
def test_bare_token_is_what_was_written(server, text):
    started = server(f"authorization {{\n  token: {text}\n}}\n")
    started.login(text).expect_silence()
    refuse_token(started, text + "0")


@pytest.mark.parametrize("value,token", [
    ("a,b", "a,b"), ("8k", "8k"), ("007", "007"), ("true", "true"), ("a b", "a b"), ("a#b", "a#b"),
    ("[1,2]", "[1,2]"), ("{a:1}", "{a:1}"), ("$OTHER", "$OTHER"), ('"a b"', "a b"),
    ("'a b'", "a b"), ("\\t", "\\t"), (bcrypt("a b"), "a b")])
def test_token_from_the_environment_is_verbatim(server, value, token):
    started = server("authorization { token: $TESSERA_TEST_TOKEN }",
                     environ={"TESSERA_TEST_TOKEN": value, "OTHER": "x"})
    started.login(token).expect_silence()
    refuse_token(started, "x")


def test_token_from_a_key_of_the_file(server):
    started = server('TOKEN: "a,b"\nauthorization { token: $TOKEN }')
    started.login("a,b").expect_silence()


def test_nasty_token(server):
    started = server(token_config(NASTY))
    started.login(NASTY).expect_silence()
    refuse_token(started, NASTY[:-1])


def test_nasty_token_by_flag(server):
    started = server(args=["--auth", NASTY])
    started.login(NASTY).expect_silence()


@pytest.mark.parametrize("args", (["--auth", TOKEN], ["-auth", TOKEN], [f"--auth={TOKEN}"],
                                  ["--auth", bcrypt(TOKEN)]), ids=range(4))
def test_flag(server, args):
    started = server(args=args)
    started.login(TOKEN).expect_silence()
    refuse_token(started, "x")
    expect_no_leak(cmdline(started.pid), TOKEN, args[-1].removeprefix("--auth="))


def test_flag_wins_over_the_file(server):
    started = server(token_config("from-the-file"), ["--auth", "from-the-flag"])
    started.login("from-the-flag").expect_silence()
    refuse_token(started, "from-the-file")
    lines = [line for line in started.log().splitlines() if "[INF]" in line and "--auth" in line]
    assert len(lines) == 1, started.log()
    expect_no_leak(started.log(), "from-the-file", "from-the-flag")


# -- what nobody may read


@pytest.mark.parametrize("hashed", (False, True), ids=("plain", "bcrypt"))
def test_no_secret_in_the_log(server, hashed):
    """Right, wrong and malformed, at the highest verbosity."""
    configured = bcrypt(NASTY) if hashed else NASTY
    started = server(token_config(configured), ["-DVV"])
    wrong = "almost-" + NASTY + "-but-wrong"
    started.login(NASTY, user="the-user-name", **{"pass": "the-password"}, jwt="the-jwt-text",
                  sig="the-signature", nkey="the-nkey-text", name="visible-name").leave()
    started.login(NASTY, verbose=False).leave()
    refuse_token(started, wrong)
    refuse(started, json.dumps({"user": NASTY, "pass": wrong}))
    plain = json.dumps(wrong, ensure_ascii=False).encode()
    for broken in (b"CONNECT {\"auth_token\":" + plain + b"\r\n",  # no closing brace
                   b"CONNECT {\"auth_token\":" + plain + b"} trailing\r\n",
                   b"CONNECT {\"auth_token\":[" + plain + b"]}\r\n",
                   b"CONNECT {\"verbose\":" + plain + b"}\r\n"):
        with started.connect() as client:
            client.send(broken)
            client.expect_close()
    with started.connect() as client:  # in place of a verb
        client.send(plain + b"\r\n")
        client.expect_error(VIOLATION, closes=True)
    started.wait_log("visible-name")
    secrets = (NASTY, wrong, configured, "the-password", "the-jwt-text", "the-signature")
    escaped = [json.dumps(secret)[1:-1] for secret in secrets]
    expect_no_leak(started.log(), *secrets, *escaped)


@pytest.mark.parametrize("configured,connect,cause", [
    (bcrypt(TOKEN), {}, "no token"), (bcrypt(TOKEN), {"auth_token": "x"}, "wrong token"),
    (bcrypt(TOKEN), {"auth_token": bcrypt(TOKEN)}, "hash"),
    # a hash would have to be computed to see it
    (TOKEN, {"user": TOKEN}, "token .*as user")], ids=("none", "wrong", "hash", "as-user"))
def test_log_names_the_cause(server, configured, connect, cause):
    started = server(token_config(configured), ["-D"])
    refuse(started, json.dumps(connect))
    started.wait_log(rf"127\.0\.0\.1:\d+ - cid:\d+ - .*{cause}")
    started.wait_log("Authentication Failure")


def test_failures_are_not_logged_without_bound(server):
    started = server(token_config(TOKEN))
    for _ in range(300):
        refuse_token(started, "x")
    lines = [line for line in started.log().splitlines() if re.search("wrong token", line)]
    assert 1 <= len(lines) < 300


# -- warnings


def warnings_of(started):
    wait_for(lambda: "Server is ready" in started.log(), "the ready line")
    return [line for line in started.log().splitlines() if "[WRN]" in line]


def test_plain_token_in_the_file_warns(server):
    for token, count in ((TOKEN, 1), (bcrypt(TOKEN), 0)):
        started = server(token_config(token))
        assert sum("passwd" in line for line in warnings_of(started)) == count


def test_readable_file_with_a_secret_warns(server):
    started = server(token_config(bcrypt(TOKEN)))
    mode = started.config.stat().st_mode & 0o777
    assert mode & 0o004, "this test needs a umask that leaves files readable"
    assert sum("chmod" in line for line in warnings_of(started)) == 1


def test_private_file_does_not_warn(server, tmp_path):
    config = tmp_path / "private.conf"
    config.write_text(token_config(bcrypt(TOKEN)))
    config.chmod(0o600)
    assert not [line for line in warnings_of(server(args=["-c", config])) if "chmod" in line]


def test_token_on_an_open_listener_without_tls_warns(server):
    config = token_config(bcrypt(TOKEN))
    opened = server(config, ["-a", "0.0.0.0"])
    assert sum("TLS" in line for line in warnings_of(opened)) == 1
    assert not [line for line in warnings_of(server(config)) if "TLS" in line]


def at_cost(cost):
    return f"$2a${cost}$" + bcrypt(TOKEN)[7:]


def test_slow_check_warns(server, tmp_path):
    """Cost 15 takes some seconds a check: the start, a reload and -t estimate and say it."""
    def said(text):
        return len([line for line in text.splitlines() if "one check of a bcrypt hash" in line])

    started = server(token_config(at_cost(15)))
    assert said(started.log()) == 1
    started.reload()
    assert said(started.log()) == 2
    config = tmp_path / "slow.conf"
    config.write_text(token_config(at_cost(15)))
    done = servers.run(["-t", "-c", config], cwd=tmp_path)
    assert (done.returncode, said(done.stderr)) == (0, 1)
    expect_no_leak(started.log() + done.stderr, at_cost(15))


@pytest.mark.parametrize("flags", ([], ["-t"]), ids=("start", "check"))
def test_absurd_cost_is_an_error(tmp_path, flags):
    """Cost 31 would take hours: nobody would ever get in."""
    config = tmp_path / "absurd.conf"
    config.write_text(token_config(at_cost(31)))
    done = servers.run(["-a", "127.0.0.1", "-p", "-1", *flags, "-c", config], cwd=tmp_path)
    assert done.returncode == 1
    assert re.search(r"bcrypt hash of cost 31 takes about \d+ s here, nobody would get in", done.stderr)
    expect_no_leak(done.stderr, at_cost(31))
