# SPDX-License-Identifier: Apache-2.0
"""Our own `nats` command over TLS against real servers: the reference, and our own."""

import signal

import pytest

from integration.cli_support import Running, nats
from support import env
from support.certs import Authority, shared_authority, shared_pair
from support.env import lasting_port, wait_for

REFERENCE = env.ROOT / "build/peers/usr/sbin/nats-server"
TOKEN = "s3cr3t-token"


@pytest.fixture(params=["reference", "tessera"], autouse=True)
def peer(request, monkeypatch):
    """Which program the fixture `server` starts."""
    if request.param == "reference":
        if not REFERENCE.exists():
            pytest.skip("the reference server is not unpacked (./check does it)")
        monkeypatch.setattr(env, "SERVER", REFERENCE)
    return request.param


def config(pair, *options):
    lines = [f'cert_file: "{pair.cert}"', f'key_file: "{pair.key}"', *options]
    return "tls {\n" + "\n".join(lines) + f'\n}}\nauthorization {{ token: "{TOKEN}" }}\n'


def url(server, host="127.0.0.1", token=TOKEN):
    return ["-s", f"tls://{token}@{host}:{server.port}"]


def ca_flag(authority=None):
    return ["--tlsca", (authority or shared_authority()).cert]


def test_token_over_tls(server):
    started = server(config(shared_pair()))
    with Running("sub", "t.>", "--count=3", *url(started), *ca_flag()) as sub:
        sub.wait_err("Subscribing on t.>")
        nats("pub", "t.x", "{{Count}}", "--count=3", *url(started, "localhost"), *ca_flag(), check=0)
        assert sub.end() == 0
        assert [line for line in sub.out.splitlines() if line.isdigit()] == [b"1", b"2", b"3"]


def test_wrong_token_over_tls(server):
    started = server(config(shared_pair()))
    done = nats("pub", "a", "b", *url(started, token="other"), *ca_flag())
    assert (done.returncode, done.err) == (1, "nats: error: nats: Authorization Violation\n")


def test_a_large_message(server):
    started = server(config(shared_pair()))
    body = b"x" * 1_000_000
    with Running("sub", "t", "--count=1", *url(started), *ca_flag()) as sub:
        sub.wait_err("Subscribing on t")
        nats("pub", "t", *url(started), *ca_flag(), stdin=body, check=0)
        assert sub.end() == 0 and body in sub.out


def test_client_certificates(server):
    started = server(config(shared_pair(), "verify: true", f'ca_file: "{shared_authority().cert}"'))

    def pub(client):
        flags = [] if client is None else ["--tlscert", client.cert, "--tlskey", client.key]
        return nats("pub", "a", "b", *url(started), *ca_flag(), *flags)

    assert pub(shared_pair("client")).returncode == 0
    for client, text in ((None, "wants a client certificate"),
                         (shared_pair("client", authority="other"), "refuses the client certificate")):
        done = pub(client)
        assert done.returncode == 1
        assert "nats: error: remote error: tls: " in done.err and text in done.err
        assert TOKEN not in done.err


def test_reconnect_to_a_rotated_certificate(server, tmp_path):
    """The server comes back with another certificate: one of the same authority is taken."""
    authority = Authority(tmp_path)
    port = lasting_port()
    fixed = {"args": ["-a", "127.0.0.1", "-p", port], "random": False}
    first = server(config(authority.server()), **fixed)
    with Running("sub", "a", *url(first), *ca_flag(authority)) as sub:
        def receives(body, started):
            """It says that it subscribes before the server has heard of it."""
            nats("pub", "a", body, *url(started), *ca_flag(authority), check=0)
            return b"\n" + body.encode() + b"\n" in sub.out

        wait_for(lambda: receives("before", first), "a message before")
        first.stop()
        sub.wait_err("Disconnected due to: ")
        second = server(config(authority.server(name="renewed")), **fixed)
        sub.wait_err(r"Reconnected \[tls://")
        wait_for(lambda: receives("after", second), "a message after")
        assert sub.end(signal.SIGINT) == 0 and "(null)" not in sub.err.decode()
