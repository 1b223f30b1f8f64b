# SPDX-License-Identifier: Apache-2.0
"""TLS for clients: real handshakes, good ones, bad ones, none. What a configuration file may say
is in test_tls_config.py."""

import contextlib
import random
import re
import select
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from integration.cli_support import nats
from support import certs
from support.certs import client_context, shared_authority, shared_pair
from support.env import PATIENCE_S, TIME_FACTOR, Deadline, wait_for
from support.tls_client import SlowHandshake, TlsClient
from support.tls_config import ca_file, copy_pair, rotated, tls
from support.traffic import Traffic, expect_numbers

TOKEN = "s3cr3t-token"
AUTH = f'authorization {{ token: "{TOKEN}" }}\n'
PING, PONG = b"PING\r\n", b"PONG\r\n"
# Twice as long as any test waits: who is refused is refused for another reason.
PATIENT = f"timeout: {2 * PATIENCE_S}"
SHORT_S = 0.2 * TIME_FACTOR
SHORT = f'timeout: "{int(SHORT_S * 1000)}ms"'


def connect(server, context=None, **kwargs):
    return TlsClient(server.port, context, **kwargs)


def expect_refused(server, context=None, log="TLS handshake error: ", **kwargs):
    """Neither a handshake nor a PONG comes about; in TLS 1.3 a client may learn so by its first
    read. log: a pattern of the line that says why."""
    before = len(server.log())
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(server, context, **kwargs).login(TOKEN)
    server.wait_log(log, after=before)


# -- INFO, login


@pytest.mark.parametrize("config, required, available, verify", [
    (tls(), True, False, False),
    (tls("verify: true", ca_file()), True, False, True),
    (tls() + "allow_non_tls: true\n", False, True, False),
    (tls("verify: true", ca_file()) + "allow_non_tls: true\n", False, True, True),
], ids=["required", "verify", "available", "available-verify"])
def test_info(server, config, required, available, verify):
    info = server(config).connect().info
    assert info.get("tls_required", False) is required
    assert info.get("tls_available", False) is available
    assert info.get("tls_verify", False) is verify


def test_token(server):
    started = server(tls() + AUTH, ["-D"])
    client = connect(started).login(TOKEN, protocol=1)
    assert client.info["tls_required"] and client.info["auth_required"]
    assert client.read_info()["tls_required"]  # the one behind the first PONG
    client.fence()
    started.wait_log(r"Starting TLS client connection handshake")
    started.wait_log(r"TLS handshake complete$")
    version, cipher = client.sock.version(), client.sock.cipher()[0]
    assert version == "TLSv1.3"
    started.wait_log(rf"TLS version 1\.3, cipher suite {cipher}$")


def test_flags(server):
    """Without a tls block; beside one they are in test_tls_config.py."""
    pair = shared_pair()
    started = server(None, ["--tls", "--tlscert", pair.cert, "--tlskey", pair.key, "--tlsverify",
                            "--tlscacert", shared_authority().cert])
    client = connect(started, client_context(pair=shared_pair("client"))).login()
    assert client.info["tls_required"] and client.info["tls_verify"]
    client.fence()
    expect_refused(started, log="TLS handshake error: .*peer did not return a certificate")


def test_wrong_token(server):
    client = connect(server(tls() + AUTH))
    client.login("other", ping=False)
    client.expect_error("Authorization Violation", closes=True)


@pytest.mark.parametrize("hashed", [False, True])
def test_many_commands_in_one_write(server, hashed):
    """They come in records of 16 KB, of which a server reads less from a stranger: what it has
    decrypted but not taken must not wait for more bytes to come."""
    token = TOKEN
    if hashed:
        token = nats("server", "passwd", "--cost", "4", stdin=TOKEN.encode(), check=0).stdout.decode().strip()
    client = connect(server(tls() + f'authorization {{ token: "{token}" }}\n'))
    client.send(f'CONNECT {{"verbose":false,"auth_token":"{TOKEN}"}}\r\n' + "PING\r\n" * 20_000)
    client.answer_pings = False
    client.expect(PONG * 20_000)
    client.expect_silence()


def test_authentication_timeout(server):
    """The clock starts when the handshake is done, and is a second longer than that may take
    unless the configuration says how long."""
    started = server(tls(SHORT) + AUTH)
    client = connect(started)
    client.expect_error("Authentication Timeout", closes=True)


def test_handshake_takes_nothing_from_the_time_for_connect(server):
    started = server(tls(PATIENT)
                     + f'authorization {{ token: "{TOKEN}", timeout: "{int(SHORT_S * 1000)}ms" }}\n')
    late = started.connect()
    idle = connect(started)
    idle.expect_error("Authentication Timeout", closes=True)  # late has waited longer than that
    done = SlowHandshake(late)
    done.run(late.send)
    done.say(f'CONNECT {{"verbose":false,"auth_token":"{TOKEN}"}}\r\nPING\r\n'.encode(), late.send)
    assert done.hear(PONG) == PONG


def test_max_connections_is_said_in_clear(server):
    started = server(tls() + "max_connections: 1\n")
    with connect(started).login():
        client = started.connect()
        client.expect_error("maximum connections exceeded", closes=True)


# -- no handshake, or half of one


# Silently: expect_close() takes no byte.
@pytest.mark.parametrize("data", [b"CONNECT {}\r\nPING\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                                  b"\x00" * 100, b"\xff" * 40_000], ids=["nats", "http", "zero", "long"])
def test_plain_bytes(server, data):
    started = server(tls(PATIENT))
    client = started.connect()
    with contextlib.suppress(ConnectionError):
        client.send(data)
    client.expect_close()
    started.wait_log(r"\[ERR\] 127\.0\.0\.1:\d+ - cid:\d+ - TLS handshake error: "
                     "first record does not look like a TLS handshake")
    connect(started).login().fence()


@pytest.mark.parametrize("share", [0, 0.01, 0.5])
def test_half_a_handshake(server, share):
    started = server(tls(SHORT))
    client = started.connect()
    hello = SlowHandshake(client).hello()
    client.send(hello[:int(len(hello) * share)])
    client.expect_close()
    started.wait_log("TLS handshake error: .*timeout")


def test_handshake_without_its_end(server):
    started = server(tls(SHORT))
    client = started.connect()
    slow = SlowHandshake(client)
    client.send(slow.hello())
    slow.receive()  # the server's part is there, ours never comes
    client.expect_close()
    started.wait_log("TLS handshake error: .*timeout")


def test_shutdown_while_a_refused_client_stays(server):
    """It was told and does not close its side: nobody waits for it for long."""
    started = server(tls(SHORT))
    client = started.connect()
    client.expect_close()
    started.stop()


def test_a_flood_of_failures_is_not_a_flood_of_lines(server):
    started = server(tls(PATIENT))
    for _ in range(50):
        client = started.connect()
        client.send("CONNECT {}\r\nPING\r\n")
        client.expect_close()
    assert 0 < started.log().count("TLS handshake error") < 25


def test_client_leaves_in_the_handshake(server):
    started = server(tls(PATIENT))
    for cut in (0, 1, 50):
        before = len(started.log())
        client = started.connect()
        client.send(SlowHandshake(client).hello()[:cut])
        client.close()
        started.wait_log("TLS handshake error: ", after=before)
    connect(started).login().fence()


def test_handshake_byte_by_byte(server):
    client = server(tls(PATIENT)).connect()
    slow = SlowHandshake(client)

    def send(data):
        for at in range(len(data)):
            client.send(data[at:at + 1])

    slow.run(send)
    slow.say(b'CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n', send)
    assert slow.hear(PONG) == b"MSG a 1 2\r\nhi\r\n" + PONG


def test_first_commands_with_the_end_of_the_handshake(server):
    client = server(tls(PATIENT)).connect()
    slow = SlowHandshake(client)
    client.send(slow.hello())
    while not slow.advance():
        slow.receive()
    last = [slow.outgoing.read()]
    slow.say(b'CONNECT {"verbose":false}\r\nPING\r\n', last.append)
    client.send(b"".join(last))
    assert slow.hear(PONG) == PONG


def test_a_flood_of_handshakes(server):
    """Half of a handshake each, hundreds of them, again and again: who speaks in clear and who is
    connected already gets answers all the while, and so does a new handshake."""
    started = server(tls("timeout: 0.5") + "allow_non_tls: true\n", ["--threads", "1"])
    plain, secure = started.connect().login(), connect(started).login()
    for _ in range(3):
        crowd = []
        for _ in range(150):
            client = started.connect()
            client.send(SlowHandshake(client).hello())
            crowd.append(client)
        plain.fence()
        secure.fence()
        for client in crowd:
            client.close()
    connect(started).login().fence()


def test_connection_rate_limit(server):
    """In a second so many handshakes begin; who comes later is told so, in clear, and is cut."""
    started = server(tls("connection_rate_limit: 2", PATIENT))
    clients = [started.connect() for _ in range(10)]
    logged = started.wait_log(r"\[WRN\] Rejected (\d+) connections due to TLS rate limiting")
    refused = [client for client in clients if is_answered(client)]
    assert len(refused) >= int(logged[1]) > 0
    for client in refused:
        client.expect("-ERR 'Connection throttling is active. Please try again later.'\r\n")
        client.expect_close()
    assert wait_for(lambda: logs_in(started), "a handshake in a later second")


def is_answered(client):
    """Has something come by now?"""
    return client.buf or select.select([client.sock], [], [], 0)[0]


def logs_in(server):
    try:
        return connect(server).login()
    except (OSError, pytest.fail.Exception):
        return None


# -- the end


def test_end_is_said_both_ways(server):
    connect(server(tls())).login().end_tls()  # fails if the server does not answer it


def test_last_words_and_end(server):
    """The -ERR arrives, and behind it the end of TLS, not only of TCP."""
    client = connect(server(tls()))
    client.send("FOO\r\n")
    client.expect("-ERR 'Unknown Protocol Operation'\r\n")
    client.expect_close()  # a missing close_notify would be an SSLEOFError


def test_server_says_the_end_at_shutdown(server):
    started = server(tls())
    client = connect(started).login()
    started.stop()
    client.expect_close()


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
def test_truncated(server, reset):
    """TCP ends within a message, without the end of TLS: nothing of it is delivered."""
    started = server(tls(), ["-D"])
    subscriber = connect(started).login()
    subscriber.send("SUB a 1\r\n")
    subscriber.fence()
    client = connect(started).login()
    client.send("PUB a 2\r\nhi\r\nPUB a 10\r\nhalf")
    before = len(started.log())
    if reset:
        client.abort()
    else:
        client.sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ssl.SSLError, OSError):
            client.sock.recv(1)
    started.wait_log("Client connection closed", after=before)
    if not reset:
        subscriber.expect("MSG a 1 2\r\nhi\r\n")
        subscriber.expect_silence()


def test_garbage_within_the_stream(server):
    started = server(tls(), ["-D"])
    client = started.connect()
    slow = SlowHandshake(client)
    slow.run(client.send)
    slow.say(b"PING\r\n", client.send)
    assert slow.hear(PONG) == PONG
    before = len(started.log())
    client.send(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    started.wait_log("Client connection closed: Read Error", after=before)


def test_renegotiation_is_refused(server):
    started = server(tls("handshake_first: true"))
    argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{started.port}", "-tls1_2",
            "-CAfile", str(shared_authority().cert), "-msg"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as client:
        said = []
        reader = threading.Thread(target=lambda: said.extend(client.stdout))
        reader.start()
        wait_for(lambda: any(line.startswith("INFO ") for line in said), "INFO")
        client.stdin.write("R\n")
        client.stdin.flush()
        wait_for(lambda: any("RENEGOTIATING" in line for line in said), "the attempt")
        wait_for(lambda: any("no_renegotiation" in line or "no renegotiation" in line
                             for line in said), "the refusal")
        client.kill()
        reader.join()
    connect(started, first=True).login().fence()


# -- who begins


def test_handshake_first(server):
    started = server(tls("handshake_first: true", SHORT) + AUTH)
    client = connect(started, first=True).login(TOKEN)
    assert client.info["tls_required"] is True
    waiting = started.connect(read_info=False)
    waiting.expect_close()
    talking = started.connect(read_info=False)
    talking.send("CONNECT {}\r\nPING\r\n")
    talking.expect_close()


@pytest.mark.parametrize("wait", ["auto", '"30ms"'])
def test_handshake_first_falls_back(server, wait):
    started = server(tls(f"handshake_first: {wait}", PATIENT))
    client = connect(started).login()
    assert client.info["tls_required"] is True


def test_handshake_first_within_its_time(server):
    started = server(tls(f'handshake_first: "{int(2 * PATIENCE_S)}s"', PATIENT))
    assert connect(started, first=True).login().info["tls_required"] is True
    talking = started.connect(read_info=False)
    talking.send("CONNECT {}\r\nPING\r\n")  # whatever comes first is taken for a handshake
    talking.expect_close()
    leaving = started.connect(read_info=False)
    leaving.leave()


def test_allow_non_tls(server):
    started = server(tls(PATIENT) + "allow_non_tls: true\n" + AUTH)
    plain, secure = started.login(TOKEN), connect(started).login(TOKEN)
    plain.send("SUB a 1\r\n")
    plain.fence()
    secure.send("PUB a 2\r\nhi\r\n")
    secure.fence()
    plain.expect("MSG a 1 2\r\nhi\r\n")


def test_allow_non_tls_without_a_byte(server):
    """Who says nothing is taken to speak in clear after a time, and then has to log in."""
    client = server(tls(SHORT) + "allow_non_tls: true\n" + AUTH).connect()
    client.expect_error("Authentication Timeout", closes=True)


def test_allow_non_tls_with_handshake_first(server):
    both = "allow_non_tls: true\n"
    waits = server(tls('handshake_first: "30ms"', PATIENT) + both)
    client = waits.connect().login(protocol=1)
    for info in (client.info, client.read_info()):
        assert "tls_required" not in info and info["tls_available"]
    assert connect(waits).login().info["tls_available"]
    starts = server(tls(f'handshake_first: "{int(2 * PATIENCE_S)}s"', PATIENT) + both)
    client = connect(starts, first=True).login(protocol=1)
    assert client.info["tls_required"] and client.info["tls_available"]
    again = client.read_info()  # as the reference has it
    assert "tls_required" not in again and again["tls_available"]


# -- certificates of clients


def test_verify(server):
    started = server(tls("verify: true", ca_file(), PATIENT))
    connect(started, client_context(pair=shared_pair("client"))).login().fence()
    expect_refused(started, log="TLS handshake error: .*peer did not return a certificate")
    other = shared_pair("client", authority="other")
    expect_refused(started, client_context(pair=other), log="TLS handshake error: .*issuer")
    old = shared_pair("client", validity=certs.EXPIRED)
    expect_refused(started, client_context(pair=old), log="TLS handshake error: .*expired")
    early = shared_pair("client", validity=certs.FUTURE)
    expect_refused(started, client_context(pair=early), log="TLS handshake error: .*not yet valid")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        # the log has had its lines about this address for a while
        expect_refused(started, client_context(maximum_version=version), log="")
        pair = shared_pair("client", key="rsa")
        connect(started, client_context(pair=pair, maximum_version=version)).login().fence()


def users(*names):
    """Each may publish to "N", its number, alone."""
    return "authorization { users: [\n" + "\n".join(
        f'{{ user: "{name}", permissions: {{ publish: "{i}" }} }}'
        for i, name in enumerate(names)) + "\n] }\n"


def expect_user(client, number):
    client.send(f"PUB {number} 0\r\n\r\nPUB no 0\r\n\r\n")
    client.expect("-ERR 'Permissions Violation for Publish to \"no\"'\r\n")
    client.expect_silence()


MAPPED = {
    "email": (("email:derek@nats.io", "DNS:host.nats.io"), "/CN=x", "derek@nats.io"),
    "second-email": (("email:a@nats.io", "email:derek@nats.io"), "/CN=x", "derek@nats.io"),
    "dns": (("DNS:host.nats.io", "URI:spiffe://nats.io/x"), "/CN=x", "host.nats.io"),
    "uri": (("URI:spiffe://nats.io/derek",), "/CN=x", "spiffe://nats.io/derek"),
    "dn": ((), "/DC=io/DC=nats/O=Tessera/CN=derek", "CN=derek,O=Tessera,DC=nats,DC=io"),
    "dn-reordered": ((), "/C=DE/O=Tessera/CN=derek", "C=DE,CN=derek,O=Tessera"),
    "dn-text": ((), "/C=DE/O=Tessera/CN=derek", "CN=derek,O=Tessera,C=DE"),
}


@pytest.mark.parametrize("row", MAPPED)
def test_verify_and_map(server, row):
    names, subject, user = MAPPED[row]
    started = server(tls("verify_and_map: true", ca_file(), PATIENT) + users("nobody", user))
    pair = shared_pair("client", *names, subject=subject)
    client = connect(started, client_context(pair=pair))
    assert client.info["tls_verify"] and client.info["auth_required"]
    client.login(user="nobody")  # what CONNECT says does not count
    expect_user(client, 1)


def test_verify_and_map_takes_the_first_name(server):
    names = ["email:derek@nats.io", "DNS:host.nats.io", "URI:spiffe://x"]
    pair = shared_pair("client", *names, subject="/CN=cn")
    started = server(tls("verify_and_map: true", ca_file())
                     + users("CN=cn", "spiffe://x", "host.nats.io", "derek@nats.io"))
    expect_user(connect(started, client_context(pair=pair)).login(), 3)


def test_verify_and_map_to_nobody(server):
    config = tls("verify_and_map: true", ca_file(), PATIENT) + users("derek@nats.io")
    started = server(config + "allow_non_tls: true\n")
    client = connect(started, client_context(pair=shared_pair("client", "email:eve@nats.io")))
    client.login(ping=False)
    client.expect_error("Authorization Violation", closes=True)
    started.wait_log("authentication error - no user has a name of the client certificate")
    client = started.connect()
    client.login(user="derek@nats.io", ping=False)
    client.expect_error("Authorization Violation", closes=True)
    started.wait_log("authentication error - no client certificate was shown")
    expect_refused(started)


def test_verify_and_map_with_a_password(server):
    """The certificate names the user; who has a password has to send it as well."""
    started = server(tls("verify_and_map: true", ca_file())
                     + 'authorization { users: [ { user: "derek@nats.io", password: "pass" } ] }\n')
    context = client_context(pair=shared_pair("client", "email:derek@nats.io"))
    connect(started, context).login(**{"pass": "pass"})
    for wrong in ({"pass": "word"}, {}):
        client = connect(started, context)
        client.login(ping=False, **wrong)
        client.expect_error("Authorization Violation", closes=True)


def test_reload_of_mapped_users(server):
    block = tls("verify_and_map: true", ca_file())
    started = server(block + users("derek@nats.io", "eve@nats.io"))
    derek, eve = (connect(started, client_context(pair=shared_pair("client", f"email:{name}@nats.io")))
                  .login() for name in ("derek", "eve"))
    started.reload(block + users("derek@nats.io"))
    derek.fence()
    eve.expect_error("Authorization Violation", closes=True)
    # by its password alone nobody is who a certificate named
    started.reload(tls("verify: true", ca_file())
                   + 'authorization { users: [ { user: "derek@nats.io", password: "pass" } ] }\n')
    derek.expect_error("Authorization Violation", closes=True)


def test_pinned_certificates(server):
    one, other = (shared_pair("client", subject=f"/CN={name}") for name in ("one", "other"))
    block = tls("verify: true", ca_file(), f'pinned_certs: ["{one.pin()}"]')
    started = server(block)
    client = connect(started, client_context(pair=one)).login()
    expect_refused(started, client_context(pair=other), log="certificate not pinned")
    before = len(started.log())
    started.reload(tls("verify: true", ca_file(), f'pinned_certs: ["{other.pin().upper()}"]'))
    client.expect_close()
    started.wait_log("certificate not pinned", after=before)
    connect(started, client_context(pair=other)).login().fence()


# -- versions, suites, curves, several certificates


@pytest.mark.parametrize("options, client, refused", [
    (["min_version: 1.3"], {"maximum_version": ssl.TLSVersion.TLSv1_2}, True),
    (['min_version: "1.3"'], {}, False),
    ([], {"maximum_version": ssl.TLSVersion.TLSv1_2}, False),
    (["cipher_suites: [ TLS_CHACHA20_POLY1305_SHA256 ]"],
     {"maximum_version": ssl.TLSVersion.TLSv1_2}, True),
], ids=["1.3-refuses-1.2", "1.3", "1.2", "suites-of-1.3"])
def test_versions(server, options, client, refused):
    started = server(tls(*options, PATIENT))
    if refused:
        expect_refused(started, client_context(**client))
    else:
        connected = connect(started, client_context(**client)).login()
        assert connected.sock.version() == ("TLSv1.2" if client else "TLSv1.3")


def test_cipher_suites(server):
    started = server(tls("cipher_suites: [ TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,"
                         " TLS_CHACHA20_POLY1305_SHA256 ]", PATIENT))
    old = client_context(maximum_version=ssl.TLSVersion.TLSv1_2)
    assert connect(started, old).login().sock.cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    assert connect(started).login().sock.cipher()[0] == "TLS_CHACHA20_POLY1305_SHA256"
    old.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    expect_refused(started, old, log="TLS handshake error: .*no shared cipher")


def test_curve_preferences(server):
    started = server(tls("curve_preferences: [ CurveP384 ]", PATIENT))
    connect(started).login().fence()
    context = client_context()
    context.set_ecdh_curve("prime256v1")
    expect_refused(started, context)


def test_several_certificates(server, tmp_path):
    authority = certs.Authority(tmp_path)
    pairs = [authority.server("one.nats.io", "127.0.0.1", name="one"),
             authority.server("two.nats.io", name="two"),
             authority.server("one.nats.io", "127.0.0.1", name="rsa", key="rsa")]
    listed = ", ".join(f'{{ cert_file: "{p.cert}", key_file: "{p.key}" }}' for p in pairs)
    started = server(f"tls {{ certs: [ {listed} ] }}\n")

    def shown(name, **settings):
        context = client_context(authority, maximum_version=ssl.TLSVersion.TLSv1_2)
        for key, value in settings.items():
            getattr(context, key)(value)
        client = connect(started, context, name=name).login()
        return client.sock.getpeercert(binary_form=True)

    def file(pair):
        return ssl.PEM_cert_to_DER_cert(pair.cert.read_text())

    assert shown("one.nats.io") == file(pairs[0])
    assert shown("two.nats.io") == file(pairs[1])
    assert shown("one.nats.io", set_ciphers="ECDHE-RSA-AES128-GCM-SHA256") == file(pairs[2])


# -- rotation


def test_rotation_under_traffic(server, tmp_path):
    """The files change, SIGHUP: new connections get the new certificate, the old ones stay, no
    message is lost."""
    pairs = [shared_pair("server", subject=f"/CN={name}", key=key)
             for name, key in (("one", "ec"), ("two", "rsa"), ("three", "ec"))]
    copy_pair(pairs[0], tmp_path)
    started = server(rotated(tmp_path))
    context = client_context()
    subscriber = connect(started, context).login()
    subscriber.send("SUB numbers 1\r\n")
    subscriber.fence()
    traffic = Traffic(connect(started, context).login())
    try:
        for pair in (pairs[1], pairs[2], pairs[0]):
            traffic.flow(200)
            copy_pair(pair, tmp_path)
            started.reload()
            fresh = connect(started, context).login()
            assert (fresh.sock.getpeercert(binary_form=True)
                    == ssl.PEM_cert_to_DER_cert(pair.cert.read_text()))
            traffic.flow(200)
            fresh.end_tls()
        count = traffic.stop()
    finally:
        traffic.abandon()
    expect_numbers(subscriber, "numbers", 1, count)


def test_failed_rotation_changes_nothing(server, tmp_path):
    pair, other = shared_pair(), shared_pair("server", subject="/CN=other")
    copy_pair(pair, tmp_path)
    config = rotated(tmp_path)
    started = server(config)
    old = connect(started).login()
    shutil.copy(other.key, tmp_path / "key.pem")
    log = started.reload(config + "max_payload: 100\n")
    assert re.search(r"Failed to reload server configuration: \S*nats\.conf:1:\d+: "
                     r"error parsing X509 certificate/key pair: .*does not match", log)
    old.fence()
    new = connect(started).login()
    assert new.info["max_payload"] == 1048576
    (tmp_path / "cert.pem").unlink()
    assert "cert.pem" in started.reload()
    connect(started).login().fence()


def test_reload_turns_it_on_and_off(server):
    started = server("max_payload: 1000\n")
    plain = started.login()
    started.reload(tls() + "max_payload: 1000\n")
    plain.fence()
    secure = connect(started).login()
    assert secure.info["tls_required"]
    started.reload("max_payload: 1000\n")
    plain.fence()
    secure.fence()
    assert "tls_required" not in started.login().info


def test_reload_within_a_handshake(server):
    started = server(tls(PATIENT) + AUTH)
    client = started.connect()
    slow = SlowHandshake(client)
    client.send(slow.hello())
    slow.receive()
    started.reload(tls(PATIENT, pair=shared_pair("server", subject="/CN=other")))
    slow.run(client.send)
    slow.say(b'CONNECT {"verbose":false}\r\nPING\r\n', client.send)
    assert slow.hear(PONG) == PONG


def test_expired_certificate_is_warned_of(server):
    pair = shared_pair("server", validity=certs.EXPIRED)
    started = server(tls(pair=pair))
    started.wait_log(r"\[WRN\] \S+:2:1: a certificate has expired on 2001-01-01 00:00:00 UTC")
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(started)
    started.wait_log("TLS handshake error: .*expired")


# -- traffic


def body(size, seed):
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3],
                         ids=["1.2", "1.3"])
def test_payloads_of_every_size(server, version):
    started = server(tls() + "max_payload: 4mb\n", ["--threads", "2"])
    context = client_context(maximum_version=version)
    subscribers = [connect(started, context).login() for _ in range(4)]
    for client in subscribers:
        client.send("SUB a 1\r\n")
        client.fence()
    publisher = connect(started, context).login()
    expected = b""
    for size in (0, 1, 100, 4096, 8191, 8192, 16_384, 65_536, 300_001, 1_048_576, 3_000_000):
        payload = body(size, size)
        publisher.send(b"PUB a %d\r\n%b\r\n" % (size, payload))
        expected += b"MSG a 1 %d\r\n%b\r\n" % (size, payload)
    publisher.fence()
    for client in subscribers:
        client.expect(expected, seconds=3 * PATIENCE_S)
        client.expect_silence()


def test_fan_out_of_many_small_messages(server):
    started = server(tls(), ["--threads", "2"])
    subscribers = [connect(started).login() for _ in range(20)]
    for client in subscribers:
        client.send("SUB a.* 7\r\n")
        client.fence()
    publisher = connect(started).login()
    lines = [f"PUB a.{i % 10} {len(str(i))}\r\n{i}\r\n" for i in range(5000)]
    publisher.send("".join(lines))
    publisher.fence()
    expected = sum(len(f"MSG a.{i % 10} 7 {len(str(i))}\r\n{i}\r\n") for i in range(5000))
    for client in subscribers:  # subjects may overtake each other, within one the order is kept
        client.send(PING)
        got = client.read_until(PONG)[:-len(PONG)].replace(PING, b"")
        assert len(got) == expected
        for subject in range(10):
            numbers = re.findall(rb"MSG a\.%d 7 \d+\r\n(\d+)\r\n" % subject, got)
            assert [int(n) for n in numbers] == list(range(subject, 5000, 10))


def test_a_receiver_that_pauses(server):
    """It reads nothing until the server waits for its socket, then all: not a byte is missing."""
    started = server(tls() + 'write_deadline: "60s"\n', ["--threads", "2"])
    slow = connect(started, rcvbuf=4096).login()
    slow.send("SUB a 1\r\n")
    slow.fence()
    publisher = connect(started).login()
    expected = b""
    for number in range(40):
        payload = body(100_000, number)
        publisher.send(b"PUB a 100000\r\n%b\r\n" % payload)
        expected += b"MSG a 1 100000\r\n%b\r\n" % payload
    publisher.fence()
    slow.expect(expected, seconds=6 * PATIENCE_S)
    slow.send("PUB a 2\r\nok\r\n")
    slow.expect("MSG a 1 2\r\nok\r\n")


def test_slow_consumer(server):
    started = server(tls() + "max_pending: 1mb\n")
    slow, good = connect(started, rcvbuf=4096).login(), connect(started).login()
    for client in (slow, good):
        client.send("SUB a 1\r\n")
        client.fence()
    publisher = connect(started).login()
    payload = body(100_000, 1)
    deadline = Deadline(3 * PATIENCE_S)
    while "Slow Consumer Detected: MaxPending Exceeded" not in started.log():
        assert not deadline.over(), "it is still connected"
        publisher.send(b"PUB a 100000\r\n%b\r\n" % payload)
        publisher.fence()
        good.expect(b"MSG a 1 100000\r\n%b\r\n" % payload)
    good.fence()
    with contextlib.suppress(ssl.SSLError, ConnectionError):
        while slow.sock.recv(1 << 16):
            assert not deadline.over()


def test_both_ways_at_once(server):
    """Two loops: the one receives from a connection while the other sends to it."""
    started = server(tls(), ["--threads", "2"])
    clients = [connect(started).login() for _ in range(4)]
    for number, client in enumerate(clients):
        client.send(f"SUB to.{number} 1\r\n")
        client.fence()
    count, failures = 300, []

    def work(number):
        client, to = clients[number], (number + 1) % len(clients)
        try:
            for i in range(count):
                payload = body(3000, i)
                client.send(b"PUB to.%d 3000\r\n%b\r\n" % (to, payload))
            client.expect(b"".join(b"MSG to.%d 1 3000\r\n%b\r\n" % (number, body(3000, i))
                                   for i in range(count)), seconds=3 * PATIENCE_S)
        except (OSError, pytest.fail.Exception) as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def test_many_connections_leave_nothing(server):
    """All come, handshake and go; then the server ends, under the leak sanitizer if there is one."""
    started = server(tls())
    clients = [connect(started).login() for _ in range(100)]
    for number, client in enumerate(clients):
        client.end_tls() if number % 2 else client.abort()
    connect(started).login().fence()
