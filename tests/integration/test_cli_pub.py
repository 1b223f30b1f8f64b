# SPDX-License-Identifier: Apache-2.0
"""nats publish, seen from the wire; and what all commands share: flags, credentials, errors."""

import re
import socket

import pytest

from integration.cli_support import Running, Scripted, nats
from support import env
from support.client import Client
from support.server import Server

TIME = r"\d\d:\d\d:\d\d "
# What breaks JSON, URLs or lists when somebody forgets to escape.
AWKWARD = "s3\"c\\r,e%t:@/\u00e9'#?& x"
AWKWARD_URL = "s3%22c%5Cr%2Ce%25t%3A%40%2F%C3%A9%27%23%3F%26%20x"
CONFIG_TOKEN = '"' + AWKWARD.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.fixture
def wire(shared):
    """A raw subscriber to everything below `t.`."""
    with shared.connect().login() as client:
        client.send("SUB t.> 1\r\nPING\r\n")
        client.expect("PONG\r\n")
        client.port = shared.port
        yield client


# -- publish

def test_body_and_log_line(wire):
    done = nats("pub", "t.a", "hello", port=wire.port, check=0)
    wire.expect("MSG t.a 1 5\r\nhello\r\n")
    assert re.fullmatch(TIME + 'Published 5 bytes to "t.a"\n', done.err) and not done.stdout


def test_reply_and_headers(wire):
    with Client(wire.port) as subscriber:
        subscriber.login(headers=True)
        subscriber.send("SUB t.h 1\r\nPING\r\n")
        subscriber.expect("PONG\r\n")
        nats("publish", "t.h", "x", "--reply", "r.1", "-H", "B: one ", "-HB:two", "--header=A:{{Count}}",
             port=wire.port, check=0)
        line = subscriber.expect_re(rb"HMSG t\.h 1 r\.1 \d+ \d+\r\nNATS/1\.0\r\n(.*?)\r\n\r\nx\r\n")
        assert sorted(line[1].split(b"\r\n")) == [b"A: 1", b"B: one", b"B: two"]


def test_count_and_templates(wire):
    nats("pub", "t.{{Count}}", "n{{Cnt}}", "--count=3", port=wire.port, check=0)
    wire.expect("MSG t.1 1 2\r\nn1\r\nMSG t.2 1 2\r\nn2\r\nMSG t.3 1 2\r\nn3\r\n")


def test_no_templates(wire):
    nats("pub", "t.a", "{{Count}}", "--no-templates", port=wire.port, check=0)
    wire.expect("MSG t.a 1 9\r\n{{Count}}\r\n")


def test_unknown_template_is_sent_as_it_is(wire):
    done = nats("pub", "t.a", "{{Foo}}", port=wire.port, check=0)
    wire.expect("MSG t.a 1 7\r\n{{Foo}}\r\n")
    assert 'Could not parse body template: function "Foo" not defined' in done.err


def test_many(wire):
    done = nats("pub", "t.a", "x", "--count", "1000", port=wire.port, check=0)
    wire.expect("MSG t.a 1 1\r\nx\r\n" * 1000)
    assert re.fullmatch(TIME + 'Published 1000 messages, 1000 bytes to "t.a"\n', done.err)


def test_quiet_and_sleep(wire):
    done = nats("pub", "-q", "t.a", "x", "--count=2", "--sleep=1ms", port=wire.port, check=0)
    wire.expect("MSG t.a 1 1\r\nx\r\n" * 2)
    assert done.err == ""


@pytest.mark.parametrize("body", [b"", b"hello\n", bytes(range(256)) * 100])
def test_stdin_is_sent_unchanged(wire, body):
    nats("pub", "t.a", "--no-templates", "--force-stdin", port=wire.port, stdin=body, check=0)
    wire.expect(b"MSG t.a 1 %d\r\n%s\r\n" % (len(body), body))


def test_lines_of_stdin(wire):
    nats("pub", "t.a", "--send-on=newline", port=wire.port, stdin=b"one\n\ntwo\r\nthree", check=0)
    wire.expect("MSG t.a 1 3\r\none\r\nMSG t.a 1 0\r\n\r\nMSG t.a 1 3\r\ntwo\r\nMSG t.a 1 5\r\nthree\r\n")


def test_empty_body(wire):
    nats("pub", "t.a", "", port=wire.port, check=0)
    wire.expect("MSG t.a 1 0\r\n\r\n")


def test_header_cannot_smuggle_lines(wire):
    nats("pub", "t.a", "x", "-H", "A:b\r\nPUB t.evil 0", port=wire.port)
    nats("pub", "t.end", "", port=wire.port, check=0)
    assert b"MSG t.evil" not in wire.read_until(b"MSG t.end 1 0\r\n")


# -- what goes wrong

@pytest.mark.parametrize("args, message", [
    (["pub", "t a", "x"], "nats: invalid subject"),
    (["pub", "t..a", "x"], "nats: invalid subject"),
    (["pub", "", "x"], "nats: invalid subject"),
    (["pub", "t.a\r\nPUB t.b 0", "x"], "nats: invalid subject"),
    (["pub", "t.a", "x", "--reply", "a b"], "nats: invalid reply subject"),
    (["pub", "t.a", "x", "-H", "novalue"], 'invalid header "novalue"'),
    (["pub", "t.a", "x", "--count=many"],
     'invalid value "many" for --count: not a whole number, try --help'),
    (["pub", "t.a", "x", "-J"], "flag '--jetstream' is not supported by this version, try --help"),
    (["pub"], "required argument 'subject' not provided, try --help"),
    (["pub", "t.a", "x", "--foo"], "unknown long flag '--foo', try --help"),
    (["foo"], 'expected command but got "foo", try --help'),
    (["server"], "must select a subcommand of 'server', try --help"),
])
def test_refused(shared, args, message):
    done = nats(*args, port=shared.port, check=1)
    assert done.err.endswith(f"nats: error: {message}\n") and not done.stdout


@pytest.mark.parametrize("args, kind", [(["pub", "no.a", "x"], "Publish"),
                                        (["sub", "no.a"], "Subscription")])
def test_permissions(args, kind):
    refusal = f"-ERR 'Permissions Violation for {kind} to \"no.a\"'\r\n".encode()
    with Scripted({b"PUB": refusal, b"SUB": refusal}) as server:
        done = nats(*args, port=server.port, check=1)
    assert done.err.endswith("nats: error: nats: permissions violation: "
                             f'Permissions Violation for {kind} to "no.a"\n')


def test_max_payload(server):
    port = server("max_payload: 100").port
    nats("pub", "a", "x" * 100, port=port, check=0)
    for kwargs in ({"stdin": b"x" * 101}, {"stdin": b"x" * 1000000}):
        assert nats("pub", "a", port=port, check=1, **kwargs).err.endswith(
            "nats: error: nats: maximum payload exceeded\n")
    assert nats("pub", "a", "x" * 101, port=port, check=1).err == \
        "nats: error: nats: maximum payload exceeded\n"


def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        done = nats("pub", "a", "b", port=taken.getsockname()[1], check=1)
    assert done.err == "nats: error: nats: no servers available for connection\n"


def test_timeout():
    """A server that greets nobody."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = nats("pub", "a", "b", "--timeout=50ms", port=silent.getsockname()[1], check=1)
    assert re.fullmatch("nats: error: nats: .+\n", done.err)


def test_second_server_of_the_list(shared):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nats("pub", "a", "b", "-s",
             f"127.0.0.1:{taken.getsockname()[1]}, nats://127.0.0.1:{shared.port}", check=0)


# -- who is it?

def credentials(port):
    """Every way to bring a token: arguments and environment."""
    url = f"nats://{AWKWARD_URL}@127.0.0.1:{port}"
    plain = ["-s", f"127.0.0.1:{port}"]
    return {
        "url": (["-s", url], {}),
        "url in a list": (["--server", f"{url},{url}"], {}),
        "url from the environment": ([], {"NATS_URL": url}),
        "token": ([*plain, "--token", AWKWARD], {}),
        "user without password": ([*plain, "--user", AWKWARD], {}),
        "token from the environment": (plain, {"NATS_TOKEN": AWKWARD}),
        "user from the environment": (plain, {"NATS_USER": AWKWARD}),
        "flag before environment": ([*plain, "--token", AWKWARD], {"NATS_TOKEN": "wrong"}),
        "url before flag": (["-s", url, "--token", "wrong"], {}),
        "no-context": (["-s", url, "--no-context"], {}),
    }


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("guarded"), f"authorization {{ token: {CONFIG_TOKEN} }}")
    yield server
    server.stop()


@pytest.mark.parametrize("way", credentials(0))
def test_token(guarded, way):
    args, environ = credentials(guarded.port)[way]
    done = nats("pub", "a", "b", *args, environ=environ, check=0)
    assert AWKWARD not in done.err and AWKWARD_URL not in done.err


@pytest.mark.parametrize("args", [[], ["--token", "wrong"], ["--user", "wrong"],
                                  ["--user", "wrong", "--password", "s3cr3t"]])
def test_wrong_or_no_token(guarded, args):
    done = nats("pub", "a", "b", *args, port=guarded.port, check=1)
    assert done.err == "nats: error: nats: Authorization Violation\n"


@pytest.mark.parametrize("args, environ", [
    (["-s", "nats://u%221:p%3A%5C%2F@127.0.0.1:{port}"], {}),
    (["-s", "127.0.0.1:{port}", "--user", 'u"1', "--password", "p:\\/"], {}),
    (["-s", "127.0.0.1:{port}"], {"NATS_USER": 'u"1', "NATS_PASSWORD": "p:\\/"}),
])
def test_user_and_password(args, environ):
    with Scripted() as server:
        nats("pub", "a", "b", *[arg.format(port=server.port) for arg in args], environ=environ,
             check=0)
        fields = server.connect_fields()
    assert (fields["user"], fields["pass"]) == ('u"1', "p:\\/") and not fields.get("auth_token")


@pytest.mark.parametrize("url", ["nats://s3cr3t%zz@h", "http://s3cr3t@h", "nats://s3cr3t@h/x",
                                 "nats://s3cr3t@h,nats://other@i"])
def test_bad_urls_do_not_leak(url):
    done = nats("pub", "a", "b", "-s", url, check=1)
    assert done.err.startswith("nats: error: ") and "s3cr3t" not in done.err


def test_unsupported_credentials_in_the_environment(shared):
    done = nats("pub", "a", "b", port=shared.port, environ={"NATS_CREDS": "/x"}, check=1)
    assert done.err == "nats: error: NATS_CREDS (--creds) is not supported by this version\n"


@pytest.mark.parametrize("args", [["-s", "nats://S3CR3T@127.0.0.1:{port}"],
                                  ["--server=S3CR3T@127.0.0.1:{port}"],
                                  ["-s", "127.0.0.1:{port}", "--token", "S3CR3T"],
                                  ["-s", "127.0.0.1:{port}", "--token=S3CR3T"],
                                  ["-s", "127.0.0.1:{port}", "--user", "S3CR3T"],
                                  ["-s", "127.0.0.1:{port}", "--user=u", "--password=S3CR3T"]])
def test_process_list_shows_no_secret(shared, args):
    args = [arg.format(port=shared.port) for arg in args]
    with Running("sub", "a", *args) as sub:
        sub.wait_err("Subscribing on a")
        with open(f"/proc/{sub.process.pid}/cmdline", "rb") as cmdline:
            shown = cmdline.read()
        assert b"S3CR3T" not in shown and b"*" in shown


def test_connection_name_is_escaped():
    with Scripted() as server:
        nats("pub", "a", "b", "--connection-name", 'a"b\\c', port=server.port, check=0)
        assert server.connect_fields()["name"] == 'a"b\\c'


def test_trace(shared):
    done = nats("pub", "a", "b", "--trace", port=shared.port, check=0)
    assert f">>> Connected to nats://127.0.0.1:{shared.port}\n" in done.err


# -- about itself

def test_version():
    done = nats("--version", check=0)
    assert re.fullmatch(rb"\d+\.\d+\.\d+ \(Tessera, compatible with NATS \d+\.\d+\.\d+\)\n",
                        done.stdout)


@pytest.mark.parametrize("args, usage", [
    (["--help"], "usage: nats [<flags>] <command> [<args> ...]"),
    ([], "usage: nats [<flags>] <command> [<args> ...]"),
    (["help"], "usage: nats [<flags>] <command> [<args> ...]"),
    (["pub", "--help"], "usage: nats publish [<flags>] <subject> [<body>]"),
    (["help", "pub"], "usage: nats publish [<flags>] <subject> [<body>]"),
    (["sub", "-h"], "usage: nats subscribe [<flags>] [<subjects>...]"),
    (["server", "--help"], "usage: nats server <command> [<args> ...]"),
    (["help", "server", "mkpasswd"], "usage: nats server passwd [<flags>]"),
])
def test_help(args, usage):
    done = nats(*args, check=0)
    assert done.stdout.decode().splitlines()[0] == usage and done.err == ""


def test_man_page_names_every_flag():
    page = (env.ROOT / "docs/man/nats.1").read_text()
    for command in ([], ["pub"], ["sub"], ["server", "passwd"]):
        text = nats(*command, "--help", check=0).stdout.decode()
        for flag in re.findall(r"^ +(?:-\w, )?--(?:\[no-\])?([a-z-]+)", text, re.MULTILINE):
            assert re.search(rf"^\.It Fl.* -(\[no-\])?{flag}\b", page, re.MULTILINE), flag
