# SPDX-License-Identifier: Apache-2.0
"""--tlsfirst of the `nats` command: with our own server, and with servers of Python's that do what
ours would not."""

import pathlib
import signal
import socket

import pytest

from integration.cli_support import Running, Scripted, nats
from integration.test_cli_tls import (INFO, SECRET, UNVERIFIED, Listener, assert_failed, ca_flag,
                                      discard_rest, pair_flags, pub, silent, tls_server,
                                      wrong_authority)
from support.certs import EXPIRED, server_context, shared_authority, shared_pair
from support.env import PATIENCE_S, lasting_port, wait_for
from support.tls_config import ca_file, tls

TOKEN = "s3cr3t-token"
FIRST = "handshake_first: true"
AUTH = f'authorization {{ token: "{TOKEN}" }}\n'
FLAGS = [*ca_flag(), "--tlsfirst"]


def flags(server, token=TOKEN, host="127.0.0.1"):
    return ["-s", f"tls://{token}@{host}:{server.port}", *FLAGS]


def receives(sub, server, body):
    """It says that it subscribes before the server has heard of it: to be tried until true."""
    nats("pub", "t", body, *flags(server), check=0)
    return b"\n" + body.encode() + b"\n" in sub.out


# -- our own server


@pytest.mark.parametrize("wait", ["true", f'"{int(2 * PATIENCE_S)}s"'], ids=["always", "long"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_messages(server, wait, host):
    started = server(tls(f"handshake_first: {wait}") + AUTH)
    with Running("sub", "t", "--trace", *flags(started, host=host)) as sub:
        sub.wait_err(f">>> Connected to tls://{host}:{started.port}\n")
        wait_for(lambda: receives(sub, started, "hello"), "a message")
        assert sub.end(signal.SIGINT) == 0


def test_large_messages(server):
    """More than sockets hold, both ways; what a command wrote has gone out when it ends."""
    started = server(tls(FIRST) + AUTH)
    body = b"x" * 1_000_000
    with Running("sub", "t", *flags(started)) as sub:
        wait_for(lambda: receives(sub, started, "begin"), "a message")
        nats("pub", "t", "--count=10", *flags(started), stdin=body, check=0)
        wait_for(lambda: sub.out.count(body) == 10, "all of them")
        assert sub.end(signal.SIGINT) == 0


def test_wrong_token(server):
    """The server's last words arrive, although it ends the connection behind them."""
    started = server(tls(FIRST) + AUTH)
    for _ in range(10):
        done = nats("pub", "a", "b", *flags(started, token="other"))
        assert (done.returncode, done.err) == (1, "nats: error: nats: Authorization Violation\n")


def test_client_certificates(server):
    started = server(tls(FIRST, "verify: true", ca_file()) + AUTH)
    nats("pub", "a", "b", *flags(started), *pair_flags(shared_pair("client")), check=0)
    for client, text in ([], "wants a client certificate"), (
            pair_flags(shared_pair("client", authority="other")), "refuses the client certificate"):
        done = nats("pub", "a", "b", *flags(started), *client)
        assert done.returncode == 1 and TOKEN not in done.err
        assert done.err.startswith("nats: error: remote error: tls: ") and text in done.err


def test_certificate_by_name(server):
    """Of two certificates the one for the host of the URL is asked for."""
    pairs = [shared_pair("server", "elsewhere.nats.io"), shared_pair("server", "localhost")]
    listed = ", ".join(f'{{ cert_file: "{p.cert}", key_file: "{p.key}" }}' for p in pairs)
    started = server(f"tls {{ certs: [ {listed} ], {FIRST} }}\n" + AUTH)
    nats("pub", "a", "b", *flags(started, host="localhost"), check=0)


def test_reconnect(server):
    """One of two servers runs; when it ends the other one starts."""
    ports = [lasting_port(), lasting_port()]

    def start(port):
        return server(tls(FIRST) + AUTH, args=["-a", "127.0.0.1", "-p", port], random=False)

    running = start(ports[0])
    urls = ",".join(f"tls://{TOKEN}@127.0.0.1:{port}" for port in ports)
    with Running("sub", "t", "-s", urls, *FLAGS) as sub:
        for number, port in enumerate((ports[1], ports[0])):
            wait_for(lambda: receives(sub, running, f"before{number}"), "a message")
            running.stop()
            wait_for(lambda: sub.err.count(b"Disconnected due to: ") == number + 1, "the loss")
            running = start(port)
            sub.wait_err(rf"Reconnected \[tls://127\.0\.0\.1:{port}\]")
        wait_for(lambda: receives(sub, running, "after"), "a message")
        assert sub.end(signal.SIGINT) == 0


# -- others


@pytest.mark.parametrize("make, expected", [
    (lambda: shared_pair(authority="other"), wrong_authority("CN=Test CA other")),
    (lambda: shared_pair(validity=EXPIRED), UNVERIFIED + "certificate has expired or is not yet "
     "valid: that of \"CN=server\" expired on 2001-01-01 00:00:00Z"),
    (lambda: shared_pair("server", "example.com"),
     UNVERIFIED + r"certificate is valid for DNS:example\.com, not 127\.0\.0\.1"),
], ids=["wrong CA", "expired", "wrong name"])
def test_a_server_that_is_not_trusted(make, expected):
    with tls_server(make(), tls_first=True) as server:
        assert_failed(pub(server, *FLAGS), expected, server)


def test_a_server_that_speaks_first():
    for server in tls_server(), Scripted(connections=2):
        with server:
            done = pub(server, *FLAGS)
            assert_failed(done, r"tls: first record does not look like a TLS handshake: "
                                r"127\.0\.0\.1:\d+ sends INFO first; leave out --tlsfirst")
        assert SECRET.encode() not in b"".join(server.lines)


def test_a_server_that_says_nothing():
    with Listener(silent) as listener:
        assert_failed(pub(listener, *FLAGS, "--timeout", "300ms"),
                      r"nats: timeout: 127\.0\.0\.1:\d+ does not finish the TLS handshake")


def test_no_server():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = nats("pub", "a", "b", "-s", f"tls://127.0.0.1:{port}", *FLAGS)
    assert (done.returncode, done.err) == \
        (1, "nats: error: nats: no servers available for connection\n")


def secured(connection):
    return server_context(shared_pair()).wrap_socket(connection, server_side=True)


def test_servers_that_it_tells_of_get_nothing():
    """libnats would dial them itself, when it looks for another, and wait for INFO in clear."""
    with Listener(silent) as other:
        def until_subscribed(listener, connection):
            """The first time it asks behind SUB whether it was heard."""
            wanted = [b"CONNECT ", b"PING", b"SUB "] + [b"PING"] * (len(listener.threads) == 2)
            connection = secured(connection)
            urls = f'"connect_urls":["127.0.0.1:{other.port}"],'.encode()
            connection.sendall(INFO.replace(b"{", b"{" + urls))
            with connection.makefile("rb") as stream:
                for start in wanted:
                    assert next(stream).startswith(start)
                    if start == b"PING":
                        connection.sendall(b"PONG\r\n")
            connection.close()

        with Listener(until_subscribed) as listener, \
                Running("sub", "a", "-s", f"tls://127.0.0.1:{listener.port}", *FLAGS) as sub:
            wait_for(lambda: sub.err.count(b"Reconnected [tls://") >= 2, "the second return")
            assert sub.end(signal.SIGINT) == 0
        assert len(other.threads) == 1, "it was dialled"


def in_pieces(_, connection):
    """INFO byte by byte, with what follows it in one record with its last."""
    connection = secured(connection)
    line = INFO + b"PING\r\n"
    for at in range(len(INFO) - 1):
        connection.sendall(line[at:at + 1])
    connection.sendall(line[len(INFO) - 1:])
    with connection.makefile("rb") as stream:
        for line in stream:
            if line == b"PING\r\n":
                connection.sendall(b"PONG\r\n")


def no_info(_, connection):
    connection = secured(connection)
    connection.sendall(b"x" * 100_000)
    discard_rest(connection)


def test_info_in_pieces():
    with Listener(in_pieces) as listener:
        pub(listener, *FLAGS, check=0)


def test_no_info():
    with Listener(no_info) as listener:
        done = pub(listener, *FLAGS)
        assert done.returncode == 1 and done.err.startswith("nats: error: "), done


# -- whoever else is on this machine


def listening_port(pid):
    """Of the command: where libnats connects to."""
    inodes = {link.readlink().name for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()}
    for line in pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            address, port = fields[1].split(":")
            assert address == "0100007F", "others than this machine could connect"
            return int(port, 16)
    return None


def test_a_stranger_is_not_let_through(server):
    """It would speak to the server with our certificate. The command's own connection stays."""
    started = server(tls(FIRST) + AUTH, ["-D"])
    with Running("sub", "t", *flags(started)) as sub:
        wait_for(lambda: receives(sub, started, "before"), "a message")
        created = started.log().count("Client connection created")
        with socket.create_connection(("127.0.0.1", listening_port(sub.process.pid))) as stranger:
            stranger.settimeout(PATIENCE_S)
            assert stranger.recv(1) == b""
        assert started.log().count("Client connection created") == created
        wait_for(lambda: receives(sub, started, "after"), "a message")
        assert "Disconnected" not in sub.err.decode()
        assert sub.end(signal.SIGINT) == 0
