# SPDX-License-Identifier: Apache-2.0
"""What is promised about authentication, as tables: what the operator wrote, and what becomes of
it. The tables and their rows stand in the order of the promises (docs/differences.md): it fails
closed; verification; beyond the reference; facts of wire and log.

A row has one or more cases. FOLDER in a text is the folder of the case's files.
"""

import re
import subprocess
import time

import pytest

from support import env
from support import server as servers
from support.env import wait_for
from support.logins import EXPIRED, TIMEOUT, VIOLATION, enter, refuse, refuse_user, soon, user
from support.logins import token as entry
from support.logins import tokens_config, users_config
from support.tokens import SALT, bcrypt, expect_no_leak, quoted, token_config

SECRET = "the-Secret-of-the-row"
OTHER = "another-Secret"
HASH = bcrypt(SECRET)


class Case:
    """error: patterns of what stderr says instead of a start; else who enters with which token,
    who does not, and what the log says: says (patterns), says_once (parts of a single line)."""

    def __init__(self, config=None, args=(), environ=None, files=None, error=None, lets_in=(),
                 keeps_out=("wrong", None), says=(), says_once=(), never=()):
        self.config, self.args, self.environ, self.error = config, args, environ, error
        self.files = files or {}
        self.lets_in, self.keeps_out = lets_in, keeps_out
        self.says, self.says_once, self.never = says, says_once, never

    def prepare(self, folder):
        """The files, and then configuration and flags."""
        for name, (content, mode) in self.files.items():
            path = folder / name
            path.write_bytes(content.encode())
            path.chmod(mode)

        def placed(text):
            return text.replace("FOLDER", str(folder))
        return (self.config if self.config is None else placed(self.config),
                [placed(arg) for arg in self.args])

    def run(self, server, tmp_path):
        config, args = self.prepare(tmp_path)
        if self.error is not None:
            self.expect_error(config, args, tmp_path)
        else:
            self.expect_start(server(config, args, environ=self.environ))

    def expect_error(self, config, args, folder):
        """At the start and when only checked, and without a word of what is secret."""
        (folder / "nats.conf").write_text(config if config is not None else "# nothing\n")
        starts = [["-c", "nats.conf"], ["-c", "nats.conf", "-t"]] + [[]] * (config is None)
        for start in starts:
            done = servers.run(["-a", "127.0.0.1", "-p", "-1", *start, *args], cwd=folder,
                               environ=self.environ)
            assert done.returncode == 1, done
            for pattern in self.error:
                assert re.search(pattern, done.stderr, re.DOTALL), (pattern, done.stderr)
            expect_no_leak(done.stdout + done.stderr, SECRET, OTHER, HASH, *self.never)

    def expect_start(self, started):
        for token in self.lets_in:
            started.login(token).expect_silence()
        for token in self.keeps_out:
            refuse(started, **({} if token is None else {"auth_token": token}))
        for pattern in self.says:
            started.wait_log(pattern)
        wait_for(lambda: "Server is ready" in started.log(), "the ready line")
        for parts in self.says_once:
            lines = [line for line in started.log().splitlines()
                     if all(part in line for part in parts)]
            assert len(lines) == 1, (parts, started.log())
        expect_no_leak(started.log(), SECRET, OTHER, HASH, *self.never)


class Check:
    """What a Case cannot say: a function of server and folder."""

    def __init__(self, function):
        self.function = function

    def run(self, server, tmp_path):
        self.function(server, tmp_path)


def table(rows):
    """Parametrises a test with each case of each row, in their order."""
    cases = [pytest.param(case, id=f"{row}-{number}" if len(of_row) > 1 else row)
             for row, of_row in rows.items() for number, case in enumerate(of_row, 1)]
    return pytest.mark.parametrize("case", cases)


def bare(text):
    return f"authorization {{\n  token: {text}\n}}\n"


def accepted(config, *tokens, **more):
    return Case(config, lets_in=tokens, **more)


# -- 1. it fails closed

SINGLE_USER = f"authorization {{\n  user: ann\n  password: {quoted(SECRET)}\n}}\n"
USERS = users_config(user("ann", SECRET))


def no_stale_users(server, _):
    """After a reload from users to a token no removed user is in, or comes in."""
    for config in (USERS, users_config(user("ann", HASH)), SINGLE_USER):
        started = server(config)
        ann = enter(started, "ann", SECRET)
        started.reload(token_config(OTHER))
        ann.expect_error(VIOLATION, closes=True)
        refuse_user(started, "ann", SECRET)
        refuse(started, auth_token=SECRET)
        started.login(OTHER).expect_silence()


def cluster_without_auth(server, tmp_path):
    """A cluster port that anyone may use beside clients that must authenticate: a warning, or an
    error for those who ask for one."""
    config = token_config(SECRET) + "cluster { port: -1%s }\n"
    loud = "anyone who reaches the cluster port joins as a route"
    assert loud in server(config % "").log()
    Case("strict: true\n" + config % "", error=[loud]).run(None, tmp_path)
    Case(config % ", authorization: required", error=["authorization is required"]).run(
        None, tmp_path)
    for closed in (", authorization { token: abcdefghij }", ", authorization { user: a, pass: b }"):
        assert loud not in server(config % closed).log()


def at_cost(cost):
    """A hash of nothing in particular: it would take too long to make a real one."""
    return f"$2a${cost:02}${SALT}" + "x" * 31


def slow_hash_is_warned_about(server, _):
    """A check of some seconds on this machine, whatever cost that is here."""
    begin = time.process_time()
    bcrypt(SECRET, cost=10)
    cost, seconds = 10, time.process_time() - begin
    while seconds < 2.5:
        cost, seconds = cost + 1, seconds * 2
    started = server(token_config(at_cost(cost)))
    started.wait_log(rf"\[WRN\] .*cost {cost} takes about \d+\.\d s")


def private_hash_is_not_warned_about(server, tmp_path):
    path = tmp_path / "private.conf"
    path.write_text(token_config(HASH) + "max_connections: 100\n")  # no word on ulimit
    path.chmod(0o600)
    started = server(args=["-c", path])
    started.wait_log("Server is ready")
    assert "[WRN]" not in started.log()


BARE = ("12345", "007", "0", "true", "1e5", "758e126b", "-abc", "-1", "1234-abcd", "2m", "64kb",
        "2026-11-23T20:19:34Z", "2026-11-23", "0x1f", "123e4567-e89b-12d3-a456-426614174000")
ENVIRONMENT = ("a,b", "8k", "007", "true", "a b", "a#b", "[1,2]", "{a:1}", "$OTHER", "x//y")

FAILS_CLOSED = {
    "empty-token": [
        Case(token_config(""), error=[r"nats\.conf:2:\d+: .*empty"]),
        Case("authorization { token: $T }\n", environ={"T": ""}, error=["empty"]),
        Case(args=["--auth", ""], error=["auth.*empty"]),
        Case(args=["--auth="], error=["auth.*empty"]),
        Case(tokens_config(entry("a", SECRET), entry("b", "")),
             error=[r"nats\.conf:\d+:\d+: .*empty"]),
    ],
    "twice": [
        Case(token_config(SECRET) + token_config(OTHER), error=[r"nats\.conf:\d+:\d+", r"\b1:1\b"]),
        Case(f"authorization {{\n  token: {SECRET}\n  token: {OTHER}\n}}\n",
             error=[r"nats\.conf:3:3", r"\b2:3\b"]),
    ],
    "pass-without-user": [
        Case(args=["--pass", SECRET], error=["user"]),
        Case(f"authorization {{\n  password: {SECRET}\n}}\n", error=["user"]),
    ],
    "flag-and-file": [
        Case(token_config(OTHER), ["--auth", SECRET], lets_in=[SECRET], keeps_out=[OTHER, None],
             says_once=[("[INF]", "--auth")]),
        Case(tokens_config(entry("a", OTHER)), ["--auth", SECRET], error=["tokens"]),
    ],
    "flag-and-users": [
        Case(SINGLE_USER, ["--auth", OTHER], error=["auth|token"]),
        Case(USERS, ["--auth", OTHER], error=["auth|token"]),
        Case(f"accounts {{ A {{ users: [ {user('ann', SECRET)} ] }} }}\n", ["--auth", OTHER],
             error=["accounts"]),
    ],
    "user-and-token": [
        Case(f"authorization {{\n  user: ann\n  password: {SECRET}\n  token: {OTHER}\n}}\n",
             error=[r"nats\.conf:\d+:\d+: .*Cannot have a user/pass and token"]),
        Case(f"authorization {{\n  token: {OTHER}\n  user: ann\n  password: {SECRET}\n}}\n",
             error=[r"nats\.conf:\d+:\d+: .*Cannot have a user/pass and token"]),
    ],
    "users-and-token": [
        Case(users_config(user("ann", SECRET), more=f"token: {OTHER}"),
             error=[r"nats\.conf:\d+:\d+: .*Can not have a token and a users array"]),
    ],
    "bare-token": [accepted(bare(text), text, keeps_out=[text + "0", text[:-1], None])
                   for text in BARE],
    "environment": [
        *(accepted(bare("$T"), value, environ={"T": value, "OTHER": "o"}, keeps_out=["a", "o"])
          for value in ENVIRONMENT),
        accepted(bare("$T"), "a b", environ={"T": '"a b"'}),
        accepted(bare("$T"), SECRET, environ={"T": HASH}),
    ],
    "unquoted-hash": [accepted(bare(bcrypt(SECRET, letter=letter)), SECRET) for letter in "abxy"],
    "malformed-hash": [Case(token_config(bad), error=[r"nats\.conf:2:\d+: "], never=[bad])
                       for bad in (HASH[:-1], HASH + "x", HASH.replace("$04$", "$03$"),
                                   HASH.replace("$04$", "$32$"), HASH[:-2] + "!x",
                                   "$2c" + HASH[3:], "$2" + HASH[3:])],
    "unaffordable-cost": [
        Case(token_config(at_cost(31)), error=[r"cost 31 takes about \d+ s"], never=["x" * 31]),
        Check(slow_hash_is_warned_about)],
    "control-byte": [
        Case(f'authorization {{\n  token: "{SECRET}\\x00b"\n}}\n', error=[r"nats\.conf:2:3: "]),
        Case(f'authorization {{\n  token: "{SECRET}\\tb"\n}}\n', error=[r"nats\.conf:2:3: "]),
        Case(args=["--auth", SECRET + "\t"], error=["control"]),
        accepted(token_config(bcrypt("T")), "T", keeps_out=["T\0T", "T\0", "T\t"]),
    ],
    "over-72-bytes": [
        accepted(token_config(bcrypt("x" * 72)), "x" * 72, args=["-D"], keeps_out=["x" * 73],
                 says=["72"]),
        accepted(token_config("x" * 200), "x" * 200, keeps_out=["x" * 72, "x" * 199]),
    ],
    "stale-users": [Check(no_stale_users)],
    "timeout": [Case(token_config(SECRET, f"timeout: {bad}"), error=[r"nats\.conf:3:3: "])
                for bad in ("-1", '"-1s"', '"100000h"', "1000000000", '"soon"')],
    "cluster-without-auth": [Check(cluster_without_auth)],
    "warnings": [
        Case(token_config(SECRET), says_once=[("[WRN]", "passwd"), ("[WRN]", "chmod")]),
        Case(token_config(HASH), ["-a", "0.0.0.0"], says_once=[("[WRN]", "TLS")]),
        Case(args=["--auth", SECRET, "-a", "0.0.0.0"], says_once=[("[WRN]", "TLS")]),
        Check(private_hash_is_not_warned_about),
    ],
    "check-only": [
        Case(token_config(SECRET), ["--auth", ""], error=["empty"]),
        Case(USERS, ["--auth", OTHER], error=["auth|token"]),
        Case(token_config(SECRET), ["--auth", HASH[:-1]], error=["auth"]),
    ],
}


@table(FAILS_CLOSED)
def test_fails_closed(case, server, tmp_path):
    case.run(server, tmp_path)


# -- 2. verification (the pool under load: test_auth_storms.py; advisories: test_advisories.py)

def no_ping_before_the_verdict(server, _):
    """The bcrypt check takes longer than a stale client is given."""
    started = server(token_config(bcrypt(SECRET, cost=13)) + 'ping_interval: "50ms"\nping_max: 1\n')
    client = started.connect(answer_pings=False).login(SECRET, ping=False)
    client.send("PING\r\n")
    client.expect("PONG\r\n")


def deadline_ends_with_connect(server, _):
    started = server(token_config(bcrypt(SECRET, cost=13), 'timeout: "100ms"'))
    started.login(SECRET).expect_silence()


def remembered_until_the_hash_goes(server, _):
    """Whoever has verified does so for the hash at hand, not for one that comes later."""
    started = server(token_config(HASH))
    started.login(SECRET)
    started.reload(token_config(bcrypt(OTHER)))
    refuse(started, auth_token=SECRET)
    started.login(OTHER)
    started.reload(token_config(HASH))
    refuse(started, auth_token=OTHER)
    started.login(SECRET).expect_silence()


VERIFICATION = {
    "plain": [accepted(token_config(length * "x"), length * "x",
                       keeps_out=[(length - 1) * "x", (length + 1) * "x", (length - 1) * "x" + "y"])
              for length in (1, 2, 31, 32, 33, 64, 72, 73, 1000)],
    "bcrypt-letters": [accepted(token_config(bcrypt(SECRET, letter=letter)), SECRET,
                                keeps_out=[bcrypt(SECRET, letter=letter), SECRET[:-1], ""])
                       for letter in "abxy"],
    "not-quite-bcrypt": [accepted(token_config(text), text, keeps_out=["x", None])
                         for text in ("$1$abc", "2a$04$x", " " + HASH, "$3a" + HASH[3:])],
    "no-ping-before-the-verdict": [Check(no_ping_before_the_verdict)],
    "deadline-ends-with-connect": [Check(deadline_ends_with_connect)],
    "remembered-until-the-hash-goes": [Check(remembered_until_the_hash_goes)],
}


@table(VERIFICATION)
def test_verification(case, server, tmp_path):
    case.run(server, tmp_path)


# -- 3. beyond the reference

TOKEN_FILE = 'authorization {\n  token_file: "FOLDER/token"\n}\n'
PRIVATE, OPEN = 0o600, 0o644


def in_file(content, config=TOKEN_FILE, mode=PRIVATE, **more):
    return Case(config, files={"token": (content, mode)}, **more)


def token_file_is_read_again(server, tmp_path):
    for config, args in ((TOKEN_FILE, ()), ("# none\n", ["--auth-file", "FOLDER/token"])):
        config, args = in_file(SECRET, config, args=args).prepare(tmp_path)
        started = server(config, args)
        client = started.login(SECRET)
        started.reload()
        client.expect_silence()
        (tmp_path / "token").write_text(OTHER + "\n")
        client.expect_silence()  # not before the reload
        refuse(started, auth_token=OTHER)
        started.reload()
        client.expect_error(VIOLATION, closes=True)
        refuse(started, auth_token=SECRET)
        started.login(OTHER).expect_silence()
        (tmp_path / "token").unlink()
        assert "Failed to reload server configuration" in started.reload()
        started.login(OTHER).expect_silence()
        expect_no_leak(started.log(), SECRET, OTHER)


def names_in_the_log(server, _):
    started = server(tokens_config(entry("sensors", SECRET), entry("dashboard", bcrypt(OTHER))),
                     ["-DV"])
    for token, name in ((SECRET, "sensors"), (OTHER, "dashboard")):
        started.login(token).leave()
        started.wait_log(rf"cid:\d+ - .*\b{name}\b")
    expect_no_leak(started.log(), SECRET, OTHER, bcrypt(OTHER))


def permissions_of_a_token(server, _):
    started = server(tokens_config(entry("in", SECRET, 'permissions: { publish: "s.>" }'),
                                   entry("out", bcrypt(OTHER), 'permissions: { subscribe: "s.>" }'),
                                   entry("all", "t-all")))
    source, sink, free = started.login(SECRET), started.login(OTHER), started.login("t-all")
    sink.send("SUB s.* 1\r\nSUB x 2\r\n")
    sink.fence("-ERR 'Permissions Violation for Subscription to \"x\"'\r\n")
    source.send("PUB s.1 0\r\n\r\nPUB x 0\r\n\r\n")
    source.fence("-ERR 'Permissions Violation for Publish to \"x\"'\r\n")
    free.send("SUB x 1\r\nPUB x 0\r\n\r\n")
    free.fence("MSG x 1 0\r\n\r\n")
    sink.fence("MSG s.1 1 0\r\n\r\n")


def default_permissions_of_tokens(server, _):
    started = server(tokens_config(entry("own", SECRET, "permissions: { publish: own }"),
                                   entry("other", OTHER),
                                   more="default_permissions: { publish: common }"))
    for token, refused in ((SECRET, "common"), (OTHER, "own")):
        client = started.login(token)
        client.send("PUB own 0\r\n\r\nPUB common 0\r\n\r\n")
        client.fence(f"-ERR 'Permissions Violation for Publish to \"{refused}\"'\r\n")


NINE_HASHES = [entry(f"t{i}", bcrypt(f"token-{i}")) for i in range(9)]

BEYOND = {
    "token-file": [
        in_file(SECRET, lets_in=[SECRET]),
        in_file(SECRET + "\n", lets_in=[SECRET], keeps_out=[SECRET + "\n", None]),
        in_file(HASH + "\n", lets_in=[SECRET], keeps_out=[HASH]),
        in_file(" a b \n", lets_in=[" a b "], keeps_out=["a b"]),
        in_file("$HOME\n", lets_in=["$HOME"]),
        in_file(SECRET, mode=OPEN, lets_in=[SECRET], says_once=[("[WRN]", "/token", "chmod")]),
        in_file("", error=["empty"]),
        in_file("\n", error=["empty"]),
        in_file(SECRET + "\n\n", error=["control"]),
        in_file(SECRET + "\r\n", lets_in=[SECRET], keeps_out=[SECRET + "\r"]),
        in_file(HASH[:-1], error=["hash|bcrypt"], never=[HASH[:-1]]),
        Case(TOKEN_FILE, error=[r"nats\.conf:2:3: .*[Nn]o such file"]),
        Case('authorization { token_file: "" }\n', error=["token_file"]),
        in_file(SECRET, f'authorization {{ token_file: "FOLDER/token", token: {OTHER} }}\n',
                error=["token"]),
    ],
    "auth-file": [
        in_file(SECRET + "\n", None, args=["--auth-file", "FOLDER/token"], lets_in=[SECRET]),
        in_file(SECRET, token_config(OTHER), args=["--auth-file", "FOLDER/token"],
                lets_in=[SECRET], keeps_out=[OTHER], says_once=[("[INF]", "--auth")]),
        in_file("", None, args=["--auth-file", "FOLDER/token"], error=["empty"]),
        Case(args=["--auth-file", "FOLDER/token"], error=["[Nn]o such file"]),
        in_file(SECRET, None, args=["--auth-file", "FOLDER/token", "--auth", OTHER],
                error=["auth"]),
        in_file(OTHER, USERS, args=["--auth-file", "FOLDER/token"], error=["auth|token"]),
    ],
    "token-file-is-read-again": [Check(token_file_is_read_again)],
    "tokens": [
        accepted(tokens_config(entry("a", SECRET)), SECRET),
        accepted(tokens_config(entry("a", SECRET), entry("b", bcrypt(OTHER))), SECRET, OTHER,
                 keeps_out=[HASH, bcrypt(OTHER), SECRET + OTHER, None]),
        in_file(OTHER, tokens_config(entry("a", HASH), '{ name: b, token_file: "FOLDER/token" }'),
                lets_in=[SECRET, OTHER]),
        accepted(tokens_config(*NINE_HASHES[:8]), *(f"token-{i}" for i in range(8))),
        accepted(tokens_config(*(entry(f"p{i}", f"plain-{i}") for i in range(200))), "plain-0",
                 "plain-199", keeps_out=["plain-200", None]),
        Case(tokens_config(*NINE_HASHES), error=["8"]),
        Case("authorization { tokens: [] }\n", error=["tokens"]),
        Case(tokens_config("{ name: a }"), error=["token"]),
        Case(tokens_config(f"{{ token: {SECRET} }}"), error=["name"]),
        Case(tokens_config(entry("a", SECRET), entry("a", OTHER)), error=["[Dd]uplicate.*a"]),
        Case(tokens_config(entry("a", SECRET), entry("b", SECRET)), error=[r"nats\.conf:\d+:\d+"]),
        Case(tokens_config(entry("a", SECRET, "colour: red")), error=['unknown field "colour"']),
        Case(tokens_config(entry("a", SECRET, "expires: tomorrow")), error=["expires"]),
        Case(tokens_config(entry("a", SECRET), more=f"token: {OTHER}"), error=["token"]),
        Case(tokens_config(entry("a", SECRET), more=f"users: [ {user('ann', OTHER)} ]"),
             error=["token"]),
    ],
    "names-in-the-log": [Check(names_in_the_log)],
    "permissions": [Check(permissions_of_a_token), Check(default_permissions_of_tokens)],
    "expires": [
        accepted(tokens_config(entry("past", SECRET, "expires: 2020-01-01T00:00:00Z"),
                               entry("future", OTHER, "expires: 2120-01-01T00:00:00Z")),
                 OTHER, keeps_out=[SECRET]),
    ],
    "connection-types": [
        accepted(tokens_config(entry("ws", SECRET, 'allowed_connection_types: ["WEBSOCKET"]'),
                               entry("any", OTHER, 'allowed_connection_types: ["STANDARD"]')),
                 OTHER, keeps_out=[SECRET]),
        Case(tokens_config(entry("a", SECRET, "allowed_connection_types: [PIGEON]")),
             error=[r'invalid connection types \["PIGEON"\]']),
    ],
}


@table(BEYOND)
def test_beyond_the_reference(case, server, tmp_path):
    case.run(server, tmp_path)


# -- 4. facts of wire and log

def info(server, _):
    for config, required in (("# open\n", None), (token_config(SECRET), True),
                             (tokens_config(entry("a", HASH)), True), (USERS, True)):
        text = server(config).connect().info
        assert text.get("auth_required") is required and "nonce" not in text


def success(server, _):
    started = server(token_config(SECRET))
    for verbose, ok in (("true", "+OK\r\n"), ("false", "")):
        with started.connect() as client:
            client.send(f'CONNECT {{"auth_token":"{SECRET}","verbose":{verbose}}}\r\nPING\r\n')
            client.expect(ok + "PONG\r\n")


def failure_drops_the_rest_of_the_packet(server, _):
    started = server(tokens_config(entry("a", SECRET)))
    witness = started.login(SECRET)
    witness.send("SUB > 1\r\n")
    witness.fence()
    for connect in ('{"auth_token":"x"}', "{}"):
        with started.connect() as client:
            client.send(f"CONNECT {connect}\r\nPUB a 0\r\n\r\n"
                        f'CONNECT {{"auth_token":"{SECRET}"}}\r\nPUB a 0\r\n\r\nPING\r\n')
            client.expect_error(VIOLATION, closes=True)
    witness.expect_silence()


def another_verb_before_connect(server, _):
    started = server(tokens_config(entry("a", HASH)))
    for line in ("PING", "SUB a 1", "PUB a 0\r\n", "UNSUB 1", "FOO"):
        with started.connect() as client:
            client.send(line + "\r\n")
            client.expect_error(VIOLATION, closes=True)


def no_connect_in_time(server, _):
    started = server(tokens_config(entry("a", HASH), more='timeout: "150ms"'), ["-D"])
    with started.connect() as client:
        client.expect_error(TIMEOUT, closes=True)
    started.wait_log("Client connection closed: Authentication Timeout")


def closed_reasons(server, tmp_path):
    started = server(tokens_config(entry("a", SECRET, f"expires: {soon()}")), ["-D"])
    client = started.login(SECRET)
    refuse(started, auth_token="x")
    started.wait_log("Client connection closed: Authentication Failure")
    client.expect_error(EXPIRED, closes=True)
    started.wait_log("Client connection closed: Authentication Expired")


def reload_lines(server, _):
    started = server(token_config(SECRET), ["-D"])
    client = started.login(SECRET)
    log = started.reload(token_config(HASH))
    client.expect_silence()
    assert "Reloaded: authorization token" in log and "Reloaded server configuration" in log
    log = started.reload(token_config(""))
    assert "Failed to reload server configuration" in log and "Reloaded" not in log
    client.expect_silence()
    started.reload(token_config(OTHER))
    client.expect_error(VIOLATION, closes=True)
    started.wait_log("Client connection closed: Authentication Failure")


def flag_overrides_across_reloads(server, _):
    started = server(token_config("in-the-file"), ["--auth", SECRET])
    client = started.login(SECRET)
    for config in (token_config(OTHER), "# none\n"):
        started.reload(config)
        client.expect_silence()
        refuse(started, auth_token=OTHER)
    started.login(SECRET).expect_silence()


def token_in_a_url(server, _):
    """The user part without a colon, percent-decoded, and never printed."""
    nasty = "a/b@c:d%e"
    started = server(token_config(nasty))

    def pub(text, port):
        return subprocess.run([env.need(env.NATS), "pub", "-s", f"nats://{text}@127.0.0.1:{port}",
                               "a", "b"], capture_output=True, text=True, timeout=env.PATIENCE_S)
    done = pub("a%2Fb%40c%3Ad%25e", started.port)
    assert done.returncode == 0, done.stderr
    expect_no_leak(done.stdout + done.stderr, nasty, "a%2Fb%40c%3Ad%25e")
    done = pub(SECRET, started.port)
    assert done.returncode == 1 and "authorization violation" in done.stderr.lower()
    started.stop()
    gone = pub(SECRET, started.port)  # an error that names the server
    assert gone.returncode == 1
    expect_no_leak(done.stdout + done.stderr + gone.stdout + gone.stderr, SECRET)


FACTS = {
    "info": [Check(info)],
    "success": [Check(success)],
    "failure": [Check(failure_drops_the_rest_of_the_packet)],
    "another-verb-before-connect": [Check(another_verb_before_connect)],
    "no-connect-in-time": [Check(no_connect_in_time)],
    "closed-reasons": [Check(closed_reasons)],
    "reload": [Check(reload_lines), Check(flag_overrides_across_reloads)],
    "urls": [Check(token_in_a_url)],
}


@table(FACTS)
def test_facts(case, server, tmp_path):
    case.run(server, tmp_path)
