# SPDX-License-Identifier: Apache-2.0
"""What a server says, and how it ends, when it cannot run as it was told."""

import re
import resource
import socket

import pytest

from support import server as servers
from support.env import wait_for
from support.tokens import bcrypt, expect_no_leak, token_config

SECRET = "do-not-print-this-token"
HASH = bcrypt(SECRET)


def run(tmp_path, config, *args, **kwargs):
    """Starts with that file; the relative name is what the messages carry."""
    if config is not None:
        (tmp_path / "nats.conf").write_text(config)
        args = ("-c", "nats.conf", *args)
    return servers.run(["-a", "127.0.0.1", "-p", "-1", *args], cwd=tmp_path, **kwargs)


def expect_failure(done, *patterns):
    """Exit status 1, nothing secret said, stderr begins with the program and has each pattern."""
    assert done.returncode == 1, done
    assert done.stderr.startswith("nats-server: "), done.stderr
    for pattern in patterns:
        assert re.search(pattern, done.stderr), f"{pattern!r} is not in\n{done.stderr}"
    expect_no_leak(done.stdout + done.stderr, SECRET, HASH)
    return done.stderr


# config, what stderr must have; lines and columns count from 1
ERRORS = {
    # the language
    "unclosed-map": ("authorization {\n", [r"Parse error on line \d+: 'Unexpected EOF"]),
    "value-on-next-line": ("port:\n4222\n", [r"Parse error on line \d+: "
                                             r"'Expected value but found new line'"]),
    "unclosed-array": ("server_tags: [a, b\n", [r"Parse error on line \d+: '"]),
    "bad-escape": (
        'server_name: "a\\q"\n', [r"Parse error on line 1: 'Invalid escape character 'q'"]),
    "two-values": ("port: 1 2\n", [r"Parse error on line 1: 'Expected a top-level value to end"]),
    "unknown-variable": ("port: $NO_SUCH_VARIABLE_HERE\n",
                         [r"variable reference for 'NO_SUCH_VARIABLE_HERE' on line 1 "
                          r"can not be found"]),
    "missing-include": ("include ./nowhere.conf\n",
                        [r"error parsing include file '(\./)?nowhere\.conf', "]),
    "integer-out-of-range": ("max_payload: 99999999999999999999\n",
                             [r"integer '99999999999999999999' is out of the range"]),
    # names and types
    "unknown-field": ("\nmax_paylod: 3\n", [r'nats\.conf:2:1: unknown field "max_paylod"',
                                            r'did you mean "max_payload"']),
    "unknown-field-line-1": ("foo: 3\n", [r'nats\.conf:1:1: unknown field "foo"']),
    "unknown-field-indented": ("\n  foo: 3\n", [r'nats\.conf:2:3: unknown field "foo"']),
    "unknown-field-in-a-block": ("authorization {\n  tokn: x\n}\n",
                                 [r'nats\.conf:2:3: unknown field "tokn"']),
    "wrong-type-int": ("\nmax_payload: lots\n", [r"nats\.conf:2:1: "]),
    "wrong-type-bool": ("\ndebug: 7\n", [r"nats\.conf:2:1: "]),
    "wrong-type-map": ("\nauthorization: 7\n", [r"nats\.conf:2:1: "]),
    "wrong-type-duration": ("\nping_interval: \"soon\"\n", [r"nats\.conf:2:1: "]),
    "wrong-type-string": ("\nserver_name: { a: 1 }\n", [r"nats\.conf:2:1: "]),
    "all-of-them": ("foo: 1\nbar: 2\nmax_payload: x\ndebug: 3\n",
                    [r"nats\.conf:1:[01]: ", r"nats\.conf:2:1: ", r"nats\.conf:3:1: ",
                     r"nats\.conf:4:1: "]),
    # values that do not fit together
    "payload-over-pending": ("max_payload: 2MB\nmax_pending: 1MB\n",
                             [r"max_payload \(2097152\) cannot be higher than "
                              r"max_pending \(1048576\)"]),
    "payload-over-ceiling": ("\nmax_payload: 4gb\nmax_pending: 8gb\n", [r"max_payload"]),
    "server-name-with-blank": ('server_name: "a b"\n', [r"server name cannot contain spaces"]),
    "lame-duck-too-short": ('\nlame_duck_duration: "5s"\n', [r"nats\.conf:2:1: "]),
    "grace-over-duration": ('lame_duck_duration: "60s"\nlame_duck_grace_period: "60s"\n',
                            [r"lame duck grace period \(.*\) should be strictly lower than "
                             r"lame duck duration \(.*\)"]),
    "port-out-of-range": ("\nport: 65536\n", [r"nats\.conf:2:1: "]),
    # authorization: it must not be open by mistake
    "token-empty": ('\nauthorization {\n  token: ""\n}\n', [r"nats\.conf:3:3: .*empty"]),
    "token-empty-single-quotes": (
        "\nauthorization {\n  token: ''\n}\n", [r"nats\.conf:3:3: .*empty"]),
    "token-not-a-string": ("\nauthorization {\n  token: [a, b]\n}\n", [r"nats\.conf:3:3: "]),
    "token-nul": (
        '\nauthorization {\n  token: "a\\x00b"\n}\n', [r"nats\.conf:3:3: .*(NUL|control)"]),
    "token-control": ('\nauthorization {\n  token: "a\\tb"\n}\n', [r"nats\.conf:3:3: .*control"]),
    "token-twice": (f"authorization {{\n  token: {SECRET}\n  token: other\n}}\n",
                    [r"nats\.conf:3:3", r"\b2:3"]),
    "authorization-twice": (
        f"authorization {{ token: {SECRET} }}\n\nauthorization {{ token: b }}\n",
        [r"nats\.conf:3:1", r"\b1:[01]"]),
    "authorization-twice-in-any-case": (
        f"authorization {{ token: {SECRET} }}\n\nAUTHORIZATION {{ token: b }}\n",
        [r"nats\.conf:3:1", r"\b1:[01]"]),
    "user-and-token": (f"\nauthorization {{\n  user: a\n  password: {SECRET}\n  token: b\n}}\n",
                       [r"nats\.conf:\d+:\d+: Cannot have a user/pass and token"]),
    "users-and-token": (f"\nauthorization {{\n  token: {SECRET}\n"
                        "  users: [ {user: a, password: b} ]\n}\n",
                        [r"nats\.conf:\d+:\d+: Can not have a token and a users array"]),
    "timeout-negative": (f"\nauthorization {{\n  token: {SECRET}\n  timeout: -1\n}}\n",
                         [r"nats\.conf:4:3: "]),
    "timeout-negative-duration": (f'\nauthorization {{\n  token: {SECRET}\n  timeout: "-1s"\n}}\n',
                                  [r"nats\.conf:4:3: "]),
    "timeout-absurd": (f'\nauthorization {{\n  token: {SECRET}\n  timeout: "100000h"\n}}\n',
                       [r"nats\.conf:4:3: "]),
    # clusters
    "cluster-name-with-blank": ('\ncluster { port: -1, name: "a b" }\n',
                                [r"nats\.conf:2:21: cluster name cannot contain spaces"]),
    "routes-without-a-port": ("cluster {\n  routes: [ nats-route://127.0.0.1:1 ]\n}\n",
                              [r"nats\.conf:2:3: solicited routes require cluster capabilities"]),
    "route-without-a-port": (
        f'cluster {{\n  port: -1\n  routes: [\n    "nats-route://{SECRET}@127.0.0.1"\n  ]\n}}\n',
        [r"nats\.conf:4:5: .*nats-route://xxxxx@127\.0\.0\.1 has no port"]),
    "cluster-users": (
        f"\ncluster {{ port: -1, authorization {{\n  users: [ {{user: a, pass: {SECRET}}} ]\n}} }}\n",
        [r"nats\.conf:3:3: Cluster authorization does not allow multiple users"]),
    "cluster-token-empty": ('cluster { port: -1, authorization {\n  token: ""\n} }\n',
                            [r"nats\.conf:2:3: .*empty"]),
    "cluster-hash-alone": (
        f'cluster {{ port: -1, authorization {{\n  token: "{HASH}"\n}}\n'
        'routes: [ "nats-route://127.0.0.1:1" ] }\n',
        [r"nats\.conf:2:3: .*into the URLs of routes: nats-route://TOKEN@host:port"]),
    **{f"hash-{name}": (f'\nauthorization {{\n  token: "{bad}"\n}}\n', [r"nats\.conf:3:3: "])
       for name, bad in {
           "too-short": HASH[:-1], "too-long": HASH + "x", "cost-3": HASH.replace("$04$", "$03$"),
           "cost-32": HASH.replace("$04$", "$32$"), "cost-0": HASH.replace("$04$", "$00$"),
           "bad-character": HASH[:-2] + "!x", "only-prefix": "$2a$11$"}.items()},
}


@pytest.mark.parametrize("check_only", (False, True), ids=("start", "check"))
@pytest.mark.parametrize("name", ERRORS)
def test_error(tmp_path, name, check_only):
    config, patterns = ERRORS[name]
    expect_failure(run(tmp_path, config, *(["-t"] if check_only else [])), *patterns)


def test_include_names_the_included_file(tmp_path):
    (tmp_path / "more.conf").write_text("\n\nfoo: 1\n")
    expect_failure(run(tmp_path, "include ./more.conf\n"), r'more\.conf:3:1: unknown field "foo"')


@pytest.mark.parametrize("option", ("jetstream: enabled", "leafnodes { port: 7422 }",
                                    "gateway { name: A }", "mqtt { port: 1883 }",
                                    "websocket { port: 8080 }", "operator: x"))
def test_known_but_unsupported_option_says_so(tmp_path, option):
    name = option.split()[0].rstrip(":")
    stderr = expect_failure(run(tmp_path, "\n" + option + "\n"),
                            rf"nats\.conf:2:1: .*{name}.*(not supported|unsupported)")
    assert "unknown field" not in stderr


@pytest.mark.parametrize("args,patterns", [
    (["--auth", ""], [r"auth.*empty"]), (["--auth="], [r"auth.*empty"]),
    (["--pass", SECRET], [r"pass.*user|user.*pass"]),
    (["--auth", "a\tb"], [r"control"]),
    (["--routes", f"nats://{SECRET}@127.0.0.1:1"],
     [r"--routes: solicited routes require cluster capabilities, e\.g\. --cluster"]),
    (["--cluster", f"nats://{SECRET}@127.0.0.1"], [r"--cluster: expected nats://host:port"]),
    (["--auth", HASH[:-1]], [r"auth"]),
], ids=("auth-empty", "auth-empty-equals", "pass-alone", "auth-control", "routes-alone",
        "cluster-without-port", "auth-bad-hash"))
@pytest.mark.parametrize("config", (None, "# good\n"), ids=("alone", "file"))
def test_flag_error(tmp_path, args, patterns, config):
    expect_failure(run(tmp_path, config, *args), *patterns)
    if config:
        expect_failure(run(tmp_path, config, *args, "-t"), *patterns)


def test_flag_and_users_in_the_file(tmp_path):
    for block in ("user: a\n password: b", "users: [ {user: a, password: b} ]"):
        expect_failure(run(tmp_path, f"authorization {{\n {block}\n}}\n", "--auth", SECRET))


def test_empty_token_from_the_environment(tmp_path):
    done = run(tmp_path, "\nauthorization { token: $TESSERA_TEST_TOKEN }\n",
               environ={"TESSERA_TEST_TOKEN": ""})
    expect_failure(done, r"nats\.conf:2:\d+: .*empty")


def test_missing_file(tmp_path):
    done = servers.run(["-c", "nowhere.conf"], cwd=tmp_path)
    expect_failure(done, r"nowhere\.conf.*[Nn]o such file or directory")


def test_check_needs_a_file(tmp_path):
    expect_failure(servers.run(["-t"], cwd=tmp_path), r"config")


def test_unknown_word(tmp_path):
    expect_failure(servers.run(["foo"], cwd=tmp_path), r'unrecognized command: "foo"')


def test_unknown_flag(tmp_path):
    """The reference exits with 0 here, on purpose we do not."""
    done = servers.run(["--no-such-flag"], cwd=tmp_path)
    assert done.returncode == 1
    assert "flag provided but not defined: -no-such-flag" in done.stderr
    assert "Usage: nats-server" in done.stdout + done.stderr


GOOD = {
    "comment": "# nothing but this\nport: -1\n",
    "json": '{"port": -1, "authorization": {"token": "s3cr3t"}}',
    "page": 'authorization {\n    token: "s3cr3t"\n}\n',
    "hash": token_config(HASH),
    "all-forms": "port = -1; max_payload 64kb, debug: off // end\nserver_name: 'a'\n",
}


@pytest.mark.parametrize("name", GOOD)
def test_good_config(tmp_path, name):
    done = run(tmp_path, GOOD[name], "-t")
    assert done.returncode == 0, done.stderr
    valid = r"^nats-server: configuration file nats\.conf is valid \(sha256:[0-9a-f]{64}\)$"
    assert re.search(valid, done.stderr, re.MULTILINE), done.stderr
    expect_no_leak(done.stdout + done.stderr, SECRET, HASH, "s3cr3t")


def test_a_warning_is_shown_and_fails_nothing(server, tmp_path):
    """A bare number for a duration is taken as seconds, with a warning."""
    config = "\nping_interval: 120\n"
    done = run(tmp_path, config, "-t")
    assert done.returncode == 0
    assert 'nats.conf:2:1: invalid use of field "ping_interval": ' in done.stderr
    started = server(config)
    started.login().expect_silence()
    started.wait_log(r'\[WRN\] .*nats\.conf:2:1: invalid use of field "ping_interval": ')


def test_port_in_use(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = servers.run(["-a", "127.0.0.1", "-p", port], cwd=tmp_path)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "in use" in line]
    assert len(lines) == 1, done.stderr
    assert re.search(rf"port\b.*\b{port}\b", lines[0])
    assert "Server is ready" not in done.stderr


def limit_descriptors(count):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def test_too_few_descriptors_to_start(tmp_path):
    done = servers.run(["-a", "127.0.0.1", "-p", "-1"], cwd=tmp_path,
                       prepare=limit_descriptors(8))
    assert done.returncode == 1
    assert re.search(r"descriptor|open files", done.stderr), done.stderr


def test_too_few_descriptors_for_the_clients(server):
    """Those that are in stay; those at the door wait, or are turned away; the log says why."""
    started = server(prepare=limit_descriptors(48))
    first = started.login()
    started.wait_log("Server is ready")
    before = len(started.log())  # the start may warn, too
    crowd = [started.connect(read_info=False) for _ in range(80)]
    started.wait_log(r"descriptor|open files", after=before)
    first.expect_silence()
    for client in crowd:
        client.close()

    def is_served():
        with started.connect(read_info=False) as client:
            client.send("PING\r\n")
            return client.read_any().startswith(b"INFO ")
    wait_for(is_served, "a place for a new client")
    first.expect_silence()
    assert len(started.log().splitlines()) < 200  # not a line per attempt
