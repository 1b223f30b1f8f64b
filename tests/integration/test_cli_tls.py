# SPDX-License-Identifier: Apache-2.0
"""TLS of the `nats` command, with a server of Python's: who is trusted, what a failure is told
as, and that nothing secret leaves without TLS."""

import os
import re
import socket
import ssl
import threading

import pytest

from integration.cli_support import Running, Scripted, nats
from support.certs import (EXPIRED, FUTURE, Authority, openssl, server_context, shared_authority,
                           shared_pair)

SECRET = "s3cr3t"
UNVERIFIED = r"tls: failed to verify certificate: x509: "


def tls_server(pair=None, connections=2, client_ca=None, **kwargs):
    """connections: the second is the diagnosis of a failure."""
    context = server_context(pair or shared_pair(), client_ca)
    return Scripted(tls=context, tls_required=True, connections=connections, **kwargs)


def pub(server, *flags, host="127.0.0.1", scheme="tls", **kwargs):
    return nats("pub", "a", "b", "--token", SECRET, "-s", f"{scheme}://{host}:{server.port}", *flags,
                **kwargs)


def ca_flag(name="ca"):
    return ["--tlsca", shared_authority(name).cert]


def pair_flags(pair):
    return ["--tlscert", pair.cert, "--tlskey", pair.key]


def assert_failed(done, pattern, server=None):
    assert done.returncode == 1
    assert re.fullmatch(rf"nats: error: {pattern}\n", done.err), done.err
    assert SECRET not in done.err
    if server is not None:
        assert server.lines == []


class Listener:
    """Hands each connection to talk(self, socket) on a thread of its own, and closes it
    afterwards."""

    def __init__(self, talk, port=0):
        self.talk = talk
        self.ended = threading.Event()  # for those that have nothing to say
        self.threads = [threading.Thread(target=self._accept)]
        self.socket = socket.create_server(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        self.threads[0].start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        self.socket.close()

    def _accept(self):
        while True:
            try:
                connection = self.socket.accept()[0]
            except OSError:  # shut down
                return
            self.threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self.threads[-1].start()

    def _serve(self, connection):
        with connection:
            self.talk(self, connection)


INFO = b'INFO {"tls_required":true,"max_payload":1000}\r\n'


# -- success

@pytest.mark.parametrize("scheme", ["tls", "nats", "TLS"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_authority_of_a_flag(scheme, host):
    with tls_server() as server:
        pub(server, *ca_flag(), scheme=scheme, host=host, check=0)
    assert b"PUB a 1\r\n" in server.lines and server.connect_fields()["auth_token"] == SECRET


def test_the_environment():
    client = shared_pair("client")
    with tls_server(client_ca=shared_authority()) as server:
        pub(server, check=0, environ={"NATS_CA": shared_authority().cert, "NATS_CERT": client.cert,
                                      "NATS_KEY": client.key})
    assert b"PUB a 1\r\n" in server.lines


def test_the_systems_authorities():
    with tls_server() as server:
        pub(server, check=0, environ={"SSL_CERT_FILE": shared_authority().cert})
    assert b"PUB a 1\r\n" in server.lines


@pytest.mark.parametrize("key", ["rsa", "ed25519"])
def test_other_keys(key):
    with tls_server(shared_pair(key=key)) as server:
        pub(server, *ca_flag(), check=0)


def test_an_intermediate_authority(tmp_path):
    middle = Authority(tmp_path, subject="/CN=Middle", signed_by=shared_authority())
    with tls_server(middle.chain(middle.server(), middle)) as server:
        pub(server, *ca_flag(), check=0)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate(version):
    context = server_context(shared_pair(), shared_authority(), minimum_version=version,
                             maximum_version=version)
    client = shared_pair("client", subject="/CN=derek")
    with Scripted(tls=context, tls_required=True) as server:
        pub(server, *ca_flag(), *pair_flags(client), check=0)
    assert server.certificates[0]["subject"] == ((("commonName", "derek"),),)


def test_tls_that_is_only_offered():
    """By a server with allow_non_tls. libnats 3.4 refuses to use it; others do."""
    with Scripted(tls=server_context(shared_pair()), tls_available=True, connections=2) as server:
        done = pub(server, *ca_flag())
        if done.returncode == 1:
            assert_failed(done, r"nats: secure connection not available: 127\.0\.0\.1:\d+ offers TLS "
                                r"without requiring it, which libnats 3\.\d\.\d does not use", server)
        else:
            assert server.certificates == [None] and b"PUB a 1\r\n" in server.lines


@pytest.mark.parametrize("flag", ["--tlsfirst", "--tls-first"])
def test_the_handshake_first(flag):
    client = shared_pair("client", subject="/CN=derek")
    with tls_server(client_ca=shared_authority(), tls_first=True, connections=1) as server:
        pub(server, *ca_flag(), *pair_flags(client), flag, check=0)
    assert b"PUB a 1\r\n" in server.lines
    assert server.connect_fields()["auth_token"] == SECRET
    assert server.certificates[0]["subject"] == ((("commonName", "derek"),),)


def test_a_command_run_by_sub_sees_the_environment_of_the_user():
    """The place of the system's authorities is changed for a moment; see session_options.c."""
    for environ in ({"SSL_CERT_FILE": "/users/own", "SSL_CERT_DIR": "/users/folder"}, {}):
        with tls_server(answers={b"SUB": b"MSG a 1 1\r\nb\r\n"}) as server:
            done = nats("sub", "a", "--count=1", "--raw", "-s", f"tls://127.0.0.1:{server.port}",
                        *ca_flag(), "--translate", "env", environ=environ, check=0)
        seen = {line for line in done.stdout.decode().splitlines() if line.startswith("SSL_CERT_")}
        assert seen == {f"{name}={value}" for name, value in environ.items()}


# -- who is not trusted

def wrong_authority(pair):
    return UNVERIFIED + ("certificate signed by unknown authority: --tlsca \".*\" does not hold "
                         f"\"{pair}\"")


@pytest.mark.parametrize("make, flags, text", [
    (lambda: shared_pair(), ca_flag("other"), wrong_authority("CN=Test CA ca")),
    (lambda: shared_pair(), [], UNVERIFIED + "certificate signed by unknown authority: the system "
     "does not know \"CN=Test CA ca\"; name the file of the authority by --tlsca"),
    (lambda: shared_authority("other").pair, ca_flag(), wrong_authority("CN=Test CA other")),
    (lambda: shared_pair(validity=EXPIRED), ca_flag(), UNVERIFIED + "certificate has expired or is "
     "not yet valid: that of \"CN=server\" expired on 2001-01-01 00:00:00Z"),
    (lambda: shared_pair(validity=FUTURE), ca_flag(), UNVERIFIED + "certificate has expired or is "
     "not yet valid: that of \"CN=server\" becomes valid on 2098-01-01 00:00:00Z"),
    (lambda: shared_pair("server", "example.com"), ca_flag(),
     UNVERIFIED + r"certificate is valid for DNS:example\.com, not 127\.0\.0\.1"),
    (lambda: shared_pair("server", "10.1.2.3"), ca_flag(),
     UNVERIFIED + r"certificate is valid for IP Address:10\.1\.2\.3, not 127\.0\.0\.1"),
    (lambda: shared_pair("client"), ca_flag(),
     UNVERIFIED + "unsuitable certificate purpose: that of \"CN=client\""),
    (lambda: shared_pair(subject="/CN=\x1b[31mred", validity=EXPIRED), ca_flag(),
     UNVERIFIED + r".*that of \"CN=\\1B\[31mred\" expired .*"),
], ids=["wrong CA", "unknown CA", "self-signed", "expired", "future", "wrong name", "wrong address",
        "client's", "control bytes"])
@pytest.mark.parametrize("scheme", ["tls", "nats"])
def test_a_server_that_is_not_trusted(make, flags, text, scheme):
    with tls_server(make()) as server:
        assert_failed(pub(server, *flags, scheme=scheme), text, server)


def test_the_name_must_match_whatever_else_does():
    with tls_server(shared_pair("server", "127.0.0.1")) as server:
        assert_failed(pub(server, *ca_flag(), host="localhost"),
                      UNVERIFIED + r"certificate is valid for IP Address:127\.0\.0\.1, not localhost",
                      server)


def test_the_systems_authorities_do_not_count_beside_a_flag(tmp_path):
    """Neither those of a file nor those of a folder, where a name is the hash of the subject."""
    folder = tmp_path / "certs"
    folder.mkdir()
    (folder / "ca.pem").write_text(shared_authority().cert.read_text())
    openssl("rehash", folder)
    environ = {"SSL_CERT_FILE": shared_authority().cert, "SSL_CERT_DIR": folder}
    with tls_server() as server:
        pub(server, environ={**environ, "SSL_CERT_FILE": "/dev/null"}, check=0)
    for known in environ:
        with tls_server() as server:
            done = pub(server, *ca_flag("other"), environ={known: environ[known]})
            assert_failed(done, wrong_authority("CN=Test CA ca"), server)


# -- who does not speak TLS

@pytest.mark.parametrize("scheme, flags", [
    ("tls", []), ("tls", ca_flag()), ("nats", ca_flag()), ("nats", pair_flags(shared_pair("client"))),
], ids=["URL", "both", "--tlsca", "--tlscert"])
def test_a_plain_server_gets_no_secret(scheme, flags):
    with Scripted(connections=2) as server:
        assert_failed(pub(server, *flags, scheme=scheme),
                      r"nats: secure connection not available: 127\.0\.0\.1:\d+ does not offer TLS",
                      server)


def test_a_plain_server_in_a_list_with_tls_gets_no_secret():
    """libnats tries the servers in any order."""
    with Scripted(connections=4) as plain, tls_server() as server:
        done = nats("pub", "a", "b", "--token", SECRET, *ca_flag(), "-s",
                    f"nats://127.0.0.1:{plain.port},tls://127.0.0.1:{server.port}", check=0)
        assert SECRET not in done.err
    assert plain.lines == [] and b"PUB a 1\r\n" in server.lines


def discard_rest(connection):
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:  # they did not read all of ours
        pass


def close_in_handshake(_, connection):
    connection.sendall(INFO)
    connection.recv(1)
    connection.shutdown(socket.SHUT_WR)
    discard_rest(connection)


def plain_bytes(_, connection):
    connection.sendall(INFO + b"PING\r\nPING\r\nPING\r\n")
    discard_rest(connection)


def silent_handshake(listener, connection):
    connection.sendall(INFO)
    listener.ended.wait()


def silent(listener, _):
    listener.ended.wait()


def hang_up(_, connection):
    connection.shutdown(socket.SHUT_WR)
    discard_rest(connection)


@pytest.mark.parametrize("talk, text", [
    (close_in_handshake, r"tls: handshake with 127\.0\.0\.1:\d+ failed: it closed the connection"),
    (plain_bytes, r"tls: handshake with 127\.0\.0\.1:\d+ failed: .*"),
    (silent_handshake, r"nats: timeout: 127\.0\.0\.1:\d+ does not finish the TLS handshake"),
    (silent, r"nats: timeout: 127\.0\.0\.1:\d+ sends no INFO; if it wants the TLS handshake first, "
             r"use --tlsfirst"),
    (hang_up, r"nats: connection closed: 127\.0\.0\.1:\d+ sends no INFO; if it wants .*"),
], ids=lambda value: getattr(value, "__name__", ""))
def test_a_server_that_does_not_go_on(talk, text):
    with Listener(talk) as listener:
        assert_failed(pub(listener, *ca_flag(), "--timeout", "300ms"), text)


# -- what a server does not accept

@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("flags, text", [
    (lambda: [], r"remote error: tls: [a-z ]+: 127\.0\.0\.1:\d+ wants a client certificate; name "
     r"one by --tlscert and --tlskey"),
    (lambda: pair_flags(shared_pair("client", authority="other")), r"remote error: tls: unknown "
     r"certificate authority: 127\.0\.0\.1:\d+ refuses the client certificate \".*\.pem\""),
    (lambda: pair_flags(shared_pair("client", validity=EXPIRED)), r"remote error: tls: expired "
     r"certificate: 127\.0\.0\.1:\d+ refuses the client certificate \".*\.pem\""),
], ids=["none", "wrong CA", "expired"])
def test_a_client_certificate_that_is_refused(version, flags, text):
    context = server_context(shared_pair(), shared_authority(), minimum_version=version,
                             maximum_version=version)
    with Scripted(tls=context, tls_required=True, connections=2) as server:
        done = pub(server, *ca_flag(), *flags())
        if version == ssl.TLSVersion.TLSv1_2 and not flags():
            text = r"(remote error: tls|tls: handshake with) .*"  # the alert has no name of its own
        assert_failed(done, text, server)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_no_common_version():
    old = server_context(shared_pair(), maximum_version=ssl.TLSVersion.TLSv1_1,
                         minimum_version=ssl.TLSVersion.TLSv1)
    with Scripted(tls=old, tls_required=True, connections=2) as server:
        assert_failed(pub(server, *ca_flag()), r"tls: handshake with 127\.0\.0\.1:\d+ failed: .+",
                      server)


# -- files

def make_pipe(folder):
    path = folder / "pipe"
    if not path.exists():
        os.mkfifo(path)
    return path


@pytest.mark.parametrize("flags, text", [
    (lambda c, _: ["--tlsca", c.cert.parent / "none"],
     r"--tlsca: could not open \".*/none\": No such file or directory"),
    (lambda c, _: ["--tlsca", c.key],
     r"--tlsca: \".*\" holds no certificate authority: .+"),
    (lambda c, _: ["--tlscert", c.cert], "--tlscert and --tlskey are only valid together"),
    (lambda c, _: ["--tlskey", c.key], "--tlscert and --tlskey are only valid together"),
    (lambda c, _: ["--tlscert", c.cert.parent / "none", "--tlskey", c.key],
     r"--tlscert: could not open \".*/none\": No such file or directory"),
    (lambda c, _: ["--tlscert", c.cert, "--tlskey", c.cert.parent / "none"],
     r"--tlskey: could not open \".*/none\": No such file or directory"),
    (lambda c, _: ["--tlscert", c.key, "--tlskey", c.key],
     r"--tlscert: \".*\" holds no usable certificate: .+"),
    (lambda c, _: ["--tlscert", c.cert, "--tlskey", c.cert],
     r"--tlskey: \".*\" holds no usable key: .+"),
    (lambda c, other: ["--tlscert", c.cert, "--tlskey", other.key],
     r"--tlskey: \".*\" does not belong to the certificate \".*\""),
    (lambda c, _: ["--tlscert", c.cert, "--tlskey", c.encrypted_key()],
     r"--tlskey: \".*\" is encrypted, which is not supported"),
    (lambda c, _: ["--tlsca", make_pipe(c.cert.parent)], r"--tlsca: \".*\" is not a regular file"),
    (lambda c, _: ["--tlscert", c.cert, "--tlskey", c.cert.parent],
     r"--tlskey: \".*\" is not a regular file"),
], ids=["no CA", "CA without certificate", "no key", "no certificate", "missing certificate",
        "missing key", "certificate without one", "key without one", "other key", "encrypted key",
        "pipe", "folder"])
def test_files(flags, text):
    client, other = shared_pair("client"), shared_pair("server")
    with tls_server() as server:
        assert_failed(pub(server, *flags(client, other)), text, server)
    assert server.certificates == []


# -- later

def test_sub_reports_the_loss_of_a_tls_connection():
    with tls_server(connections=1) as server:
        flags = ("-s", f"tls://127.0.0.1:{server.port}", *ca_flag())
        server.answers[b"SUB stop"] = b"-ERR 'Server Shutdown'\r\n"
        with Running("sub", "stop", *flags) as sub:
            sub.wait_err(r"Server Shutdown|Disconnected due to: ")
            assert "(null)" not in sub.err.decode()
