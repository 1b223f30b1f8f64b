# SPDX-License-Identifier: Apache-2.0
"""The hunt for leaked secrets: at full trace, with tokens of nasty shapes, in every place of a
login and in every way it can go wrong; then all that the server wrote, or shows, is searched."""

import json
import re
import shutil
import subprocess
import urllib.parse

import pytest

from support import certs, env
from support import server as servers
from support.cluster import OURS, linked
from support.env import PATIENCE_S, wait_for
from support.logins import VIOLATION, token, tokens_config, user, users_config
from support.tls_client import TlsClient
from support.tokens import NASTY, bcrypt, cmdline, leaks, quoted, token_config

MARK = "visible-name"  # shows that the search would find something

# Each has a part that is in no other word of a log; ten bytes in a row are a leak.
SHAPES = {
    "comma": "comma,secret,in,a,row",
    "brace": "brace}secret}in}a{row",
    "quote": 'quote"secret"in"a"row',
    "percent": "%s%n%x%41%percent%secret",
    "unicode": "s\u00e9cret-\u2603-\U0001f600-\u043a\u043b\u044e\u0447-unicode",
    "backslash": "back\\slash\\n\\u0041\\secret",
    "blank": "blank secret in a row",
    "dollar": "$dollar$secret$PATH",
    "bracket": "[bracket]secret](in)<row>",
    "tag": "TAG=secret;of&a|row`x`",
    "nasty": NASTY,
    "long": "0123456789abcdef" * 40,
}


def hash_of(secret):
    return bcrypt(secret.encode()[:72].decode())  # bcrypt takes no more: "long" is too long


def forms_of(secret):
    """How it might stand somewhere: as it is, as JSON writes it, in a URL, in Go's quotes."""
    return {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1],
            urllib.parse.quote(secret, safe=""), quoted(secret)[1:-1],
            "".join(f"\\x{byte:02x}" for byte in secret.encode()),
            secret.encode().decode("latin-1")}


def expect_clean(where, text, *secrets):
    for secret in secrets:
        found = leaks(text, *forms_of(secret))
        assert not found, f"{found[0]!r} is in {where}:\n{text[-3000:]}"


def as_json(secret, ascii_only):
    return json.dumps(secret, ensure_ascii=ascii_only)


def attempts(secret):
    """CONNECT lines that carry it: right or wrong, well-formed or not. Each is one packet."""
    for ascii_only in (True, False):
        text = as_json(secret, ascii_only)
        for line in (f'{{"auth_token":{text},"name":"{MARK}"}}', f'{{"AUTH_TOKEN":{text}}}',
                     f'{{"Auth_Token":{text},"auth_token":"x"}}',
                     f'{{"auth_token":"x","auth_token":{text}}}', f'{{"user":{text}}}',
                     f'{{"user":{text},"pass":{text}}}', f'{{"pass":{text}}}', f'{{"jwt":{text}}}',
                     f'{{"sig":{text},"nkey":"U"}}', f'{{"token":{text}}}',
                     f'{{"unknown":{{"deeper":[{text}]}}}}',
                     f'{{"account":"A","auth_token":{text}}}',
                     # not JSON, or not as it should be
                     f'{{"auth_token":{text}', f'{{"auth_token":{text}}} trailing',
                     f'{{"auth_token":[{text}]}}', f'{{"verbose":{text}}}',
                     f'{{auth_token:{text}}}',
                     f'{{"auth_token":{text[:-1]}', f'{{"auth_token" {text}}}', text, f'[{text}]',
                     f'{{{text}:1}}', f'{{"protocol":{text}}}', secret):
            yield f"CONNECT {line}\r\n".encode()
    raw = secret.encode()
    yield b"connect " + raw + b"\r\n"
    yield raw + b"\r\n"  # in place of a verb
    yield b"PUB " + raw + b"\r\n"
    yield b"CONNECT{" + raw + b"}\r\n"


def read_to_verdict(client):
    """An error, the end, or a PONG: some of the attempts are right."""
    text = b""
    while b"PONG\r\n" not in text and b"-ERR" not in text and not client.eof:
        text += client.read_any()


def make_attempts(started, secret):
    for packet in attempts(secret):
        for cut in (None, len(packet) // 2):  # in one packet, or in two
            with started.connect() as client:
                pieces = iter(()) if cut is None else iter((cut,))
                client.send_cut(packet, pieces)
                client.send_cut(b"PING\r\n", iter(()))
                read_to_verdict(client)


def config_of(kind, secret):
    return {"plain": lambda: token_config(secret),
            "bcrypt": lambda: token_config(hash_of(secret)),
            "tokens": lambda: tokens_config(token("first", secret), token("second", bcrypt("x"))),
            "users": lambda: users_config(user("ann", secret))}[kind]()


@pytest.mark.parametrize("kind", ("plain", "bcrypt", "tokens", "users"))
@pytest.mark.parametrize("shape", SHAPES)
def test_log(server, shape, kind):
    """The secret is the configured one; then a reload breaks the file around it."""
    secret = SHAPES[shape]
    started = server(config_of(kind, secret), ["-DVV"])
    make_attempts(started, secret)
    with started.connect() as client:  # who is in does not leak it later, either
        fields = {"user": "ann", "pass": secret} if kind == "users" else {"auth_token": secret}
        if len(secret.encode()) <= 72 or kind != "bcrypt":
            client.login(name=MARK, **fields)
            client.login(name=MARK, **fields)
        client.leave()
    for broken in (config_of(kind, secret) + "}", config_of(kind, secret) + "no_such: 1\n",
                   f"authorization {{ token: [{quoted(secret)}] }}\n",
                   f"authorization {{ token: {quoted(secret)}\n", f"token: {quoted(secret)}\n"):
        started.reload(broken)
    started.wait_log(MARK)
    started.stop()
    expect_clean("the log", started.log(), secret, hash_of(secret))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_user_field_is_not_shown_where_tokens_are_configured(server, shape):
    """There it is a token in the wrong field, as an operator's hint says."""
    secret = SHAPES[shape]
    started = server(token_config(secret), ["-DVV"])
    with started.connect() as client:
        client.send(f'CONNECT {json.dumps({"user": secret})}\r\nPING\r\n')
        client.expect_error(VIOLATION, closes=True)
    started.wait_log("Authentication Failure")
    expect_clean("the log", started.log(), secret)


@pytest.mark.parametrize("shape", SHAPES)
def test_check_and_start_errors(tmp_path, shape):
    """-t and a start that fails, for each way the file can be wrong around a secret."""
    secret = SHAPES[shape]
    text = quoted(secret)
    for config in (f"authorization {{ token: {text}", f"authorization {{ token: [{text}] }}\n",
                   f"authorization {{ token: {text}, token: {text} }}\n",
                   f"authorization {{ tokn: {text} }}\n", f"authorization: {text}\n",
                   f"authorization {{ token {text} {text} }}\n",
                   f"authorization {{ user: a, password: {text}, token: {text} }}\n",
                   f"authorization {{ users: [ {{user: a, password: {text}, x: {text}}} ] }}\n",
                   f"authorization {{ users: [ {{password: {text}}} ] }}\n",
                   f"authorization {{ users: {text} }}\n",
                   f"authorization {{ tokens: [ {text} ] }}\n",
                   f"authorization {{ tokens: [ {{name: a, token: {text}, expires: never}} ] }}\n",
                   f"authorization {{ token: {text}, timeout: -1 }}\n",
                   f"authorization {{ token: {quoted(hash_of(secret)[:-1])} }}\n"):
        (tmp_path / "nats.conf").write_text(config)
        for more in ([], ["-t"], ["-DVV"]):
            done = servers.run(["-a", "127.0.0.1", "-p", "-1", "-c", "nats.conf", *more],
                               cwd=tmp_path)
            assert done.returncode == 1, config
            expect_clean(f"what {config!r} brings", done.stdout + done.stderr, secret,
                         hash_of(secret))


@pytest.mark.parametrize("shape", SHAPES)
def test_good_file_checked(tmp_path, shape):
    secret = SHAPES[shape]
    (tmp_path / "nats.conf").write_text(token_config(secret))
    done = servers.run(["-t", "-c", "nats.conf"], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    expect_clean("-t", done.stdout + done.stderr, secret)


@pytest.mark.parametrize("args", (["--auth", "{}"], ["-auth", "{}"], ["--auth={}"],
                                  ["--user", "ann", "--pass", "{}"], ["--user=ann", "--pass={}"]),
                         ids=lambda args: args[0] + args[-1])
@pytest.mark.parametrize("shape", SHAPES)
def test_argv(server, shape, args):
    secret = SHAPES[shape]
    started = server(args=[arg.replace("{}", secret) for arg in args] + ["-DVV"])
    started.wait_log("Server is ready")
    expect_clean("/proc/PID/cmdline", cmdline(started.pid), secret)
    expect_clean("the log", started.log(), secret)


def test_flag_errors(tmp_path):
    for shape, secret in SHAPES.items():
        for args in (["--auth", secret, "--no-such-flag"], ["--auth", secret, "-p", "x"],
                     ["--auth", secret, secret], ["--pass", secret], ["--auth", secret + "\t"],
                     ["--auth", secret, "--user", "ann", "--pass", secret]):
            done = servers.run(["-a", "127.0.0.1", "-p", "-1", *args], cwd=tmp_path)
            assert done.returncode == 1, args
            if args[-2:] != [secret, secret]:  # an unknown word is shown, as it was typed
                expect_clean(f"the error ({shape})", done.stdout + done.stderr, secret)


# -- core files

def core_of(started, folder):
    """A core file of the running server: gcore leaves out what the kernel would leave out."""
    gcore = shutil.which("gcore")
    if not gcore:
        pytest.skip("gcore (of gdb) is not installed")
    done = subprocess.run([gcore, "-o", str(folder / "core"), str(started.pid)],
                          capture_output=True, text=True, timeout=6 * PATIENCE_S)
    core = folder / f"core.{started.pid}"
    if not core.exists():
        pytest.skip(f"gcore: {(done.stdout + done.stderr)[-200:]}")
    return core.read_bytes()


@pytest.mark.parametrize("kind", ("plain", "bcrypt", "tokens", "users"))
def test_core_file(server, tmp_path, kind):
    """While clients are in, and after some were refused."""
    if env.is_sanitized():
        pytest.skip("a sanitizer keeps freed memory, and its cores are huge")
    secret, wrong = f"the-secret-of-{kind}-Zq8", f"never-right-{kind}-Xw7"
    started = server(config_of(kind, secret), ["-D"])
    who = (lambda text: {"user": "ann", "pass": text}) if kind == "users" else \
        (lambda text: {"auth_token": text})
    inside = [started.connect().login(name=MARK, **who(secret)) for _ in range(20)]
    for i in range(5):
        with started.connect() as client:
            client.login(ping=False, **who(f"{wrong}{i}"))
            client.expect_error(VIOLATION, closes=True)
    started.wait_log("Authentication Failure")
    core = core_of(started, tmp_path)
    assert MARK.encode() in core  # the search finds what is there
    found = [text for text in (secret, wrong) if text.encode() in core]
    assert not found, "in the core file"
    for client in inside:
        client.expect_silence()


@pytest.mark.parametrize("form", ("plain", "bcrypt"))
def test_core_file_of_a_cluster(cluster, tmp_path, form):
    """Of who accepts and of who dials; the token was in a URL, in a configuration, on the wire."""
    if env.is_sanitized():
        pytest.skip("a sanitizer keeps freed memory, and its cores are huge")
    secret, wrong = f"the-secret-of-a-cluster-{form}-Zq8", f"never-right-for-a-cluster-{form}-Xw7"
    token = secret if form == "plain" else bcrypt(secret)
    block = f"authorization {{ token: {quoted(token)} }}"
    a = cluster.node(OURS, cluster=block, secrets=[secret, wrong])
    b = cluster.node(OURS, name=MARK, routes=[a.url(secret)], secrets=[secret, wrong])
    stranger = cluster.node(OURS, routes=[a.url(wrong)], secrets=[secret, wrong])
    linked(a, b)
    a.wait_log("authentication error")
    for node in (a, b, stranger):
        folder = tmp_path / f"core-of-{node.name}"
        folder.mkdir()
        core = core_of(node, folder)
        assert node.name.encode() in core  # the search finds what is there
        found = [text for text in (secret, wrong) if text.encode() in core]
        assert not found, f"in the core file of {node.name}"


def key_parts(key_file):
    """The numbers of a private key that are secret, as they stand in a file and in memory."""
    text = subprocess.run(["openssl", "pkey", "-in", str(key_file), "-noout", "-text"],
                          capture_output=True, text=True, check=True).stdout
    names = "priv|privateExponent|prime1|prime2|exponent1|exponent2|coefficient"
    for found in re.finditer(rf"^({names}):\n((?: +[0-9a-f:]+\n)+)", text, re.MULTILINE):
        number = bytes.fromhex(re.sub(r"[\s:]", "", found[2])).lstrip(b"\0")
        yield f"{found[1]}, big end first", number
        yield f"{found[1]}, little end first", number[::-1]


@pytest.mark.parametrize("one_file", [False, True])
@pytest.mark.parametrize("key", ["ec", "rsa", "ed25519"])
def test_private_key_in_a_core_file(server, tmp_path, key, one_file):
    """With clients inside, and after a reload."""
    if env.is_sanitized():
        pytest.skip("a sanitizer keeps freed memory, and its cores are huge")
    authority = certs.Authority(tmp_path)
    pair = authority.server("127.0.0.1", key=key)
    files = [pair.cert, pair.key]
    if one_file:
        both = tmp_path / "both.pem"
        both.write_text(pair.cert.read_text() + pair.key.read_text())
        files = [both, both]
    config = f'tls {{ cert_file: "{files[0]}", key_file: "{files[1]}" }}\n'
    started = server(config)
    inside = []
    for _ in range(2):
        inside += [TlsClient(started.port, certs.client_context(authority)).login(name=MARK)
                   for _ in range(3)]
        started.reload(config)
    core = core_of(started, tmp_path)
    parts = dict(key_parts(pair.key))
    assert len(parts) in (2, 12)
    parts["PEM"] = pair.key.read_bytes().splitlines()[1]
    assert not [name for name, number in parts.items() if number in core]
    for client in inside:
        client.fence()


def test_files_that_the_server_writes(server, tmp_path):
    """Log, pid file, ports file: a secret in none, and none that others could change."""
    secret = NASTY
    started = server(token_config(secret) + f'pid_file: "{tmp_path}/p"\n',
                     ["-l", tmp_path / "l", "-DVV"])
    started.login(secret, name=MARK).leave()
    wait_for(lambda: MARK in (tmp_path / "l").read_text(), "the log")
    for path in (tmp_path / "p", tmp_path / "l", started.ports_file):
        expect_clean(path.name, path.read_text(errors="replace"), secret)
        assert path.stat().st_mode & 0o022 == 0, path
