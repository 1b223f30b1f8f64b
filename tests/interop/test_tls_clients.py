# SPDX-License-Identifier: Apache-2.0
"""The official clients over TLS; c/tls.c and js/tls.mjs have the scenarios that are only for it."""

import ssl
import subprocess

import pytest

import clients
import logins
import scenarios
from clients import C, JS2, JS3
from scenarios import HASHED_CONFIG, PLAIN_CONFIG, TOKEN
from support import certs
from support.certs import shared_authority, shared_pair
from support.env import PATIENCE_S, lasting_port
from support.logins import users_config
from support.relay import Relay
from support.tls_client import TlsClient
from support.tls_config import ca_file, copy_pair, rotated, tls

# Twice as long as any test waits: who is refused is refused for another reason.
PATIENT = f"timeout: {2 * PATIENCE_S}"
CA = str(shared_authority().cert)
MAPPED_USER = "derek@nats.io"


def url_of(server):
    return f"tls://127.0.0.1:{server.port}"


def shown(pair):
    """The words of a client that shows this certificate, or none."""
    return {} if pair is None else {"cert": pair.cert, "key": pair.key}


def client_pair(kind):
    """A client's certificate by a word about it."""
    makers = {"none": lambda: None,
              "good": lambda: shared_pair("client"),
              "mapped": lambda: shared_pair("client", f"email:{MAPPED_USER}"),
              "expired": lambda: shared_pair("client", validity=certs.EXPIRED),
              "other-ca": lambda: shared_pair("client", authority="other")}
    return makers[kind]()


# -- what they do every day


@pytest.mark.parametrize("scenario", scenarios.CORE)
def test_core(server, client, scenario):
    started = server(tls() + PLAIN_CONFIG)
    client.succeed(scenario, url_of(started), ca=CA, token=TOKEN)


@scenarios.auth(except_for=["no-auth", "no-auth-but-token"])
def test_token(server, client, config, token, outcome):
    client.succeed(outcome, url_of(server(tls() + config)), ca=CA, token=token)


@pytest.mark.parametrize("versions", ['min_version: "1.3"', "cipher_suites: ["
                                      "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]"],
                         ids=["1.3", "one-suite"])
def test_versions(server, client, versions):
    client.succeed("pubsub", url_of(server(tls(versions))), ca=CA)


# -- certificates of clients


@pytest.mark.parametrize("kind, outcome, log", [
    ("good", "accepted", None),
    ("none", "rejected", "peer did not return a certificate"),
    ("other-ca", "rejected", "issuer"),
    ("expired", "rejected", "expired"),
])
def test_verify(server, client, kind, outcome, log):
    started = server(tls("verify: true", ca_file(), PATIENT) + PLAIN_CONFIG)
    client.succeed(outcome, url_of(started), ca=CA, token=TOKEN, **shown(client_pair(kind)))
    if log:
        started.wait_log(f"TLS handshake error: .*{log}")
        client.succeed("accepted", url_of(started), ca=CA, token=TOKEN,
                       **shown(client_pair("good")))


def test_verify_does_not_replace_the_token(server, client):
    started = server(tls("verify: true", ca_file()) + HASHED_CONFIG)
    client.succeed("refused", url_of(started), ca=CA, token="wr0ng", **shown(client_pair("good")))


@pytest.mark.parametrize("kind, outcome", [("mapped", "permissions"), ("good", "refused"),
                                           ("other-ca", "rejected")])
def test_verify_and_map(server, client, kind, outcome):
    user = f'{{ user: "{MAPPED_USER}", {logins.RULES} }}'
    started = server(tls("verify_and_map: true", ca_file(), PATIENT) + users_config(user))
    client.succeed(outcome, url_of(started), ca=CA, **shown(client_pair(kind)))


# -- who begins


def can_begin(client):
    """Skips the test where the client cannot start with a handshake."""
    if client.name == C and subprocess.run(client.argv("has", "first")).returncode != 0:
        pytest.skip("this libnats has no natsOptions_TLSHandshakeFirst()")


@pytest.mark.parametrize("wait", ["true", f'"{int(2 * PATIENCE_S)}s"'], ids=["always", "long"])
def test_handshake_first(server, client, wait):
    can_begin(client)
    started = server(tls(f"handshake_first: {wait}", PATIENT) + PLAIN_CONFIG)
    client.succeed("request", url_of(started), ca=CA, token=TOKEN, first="yes")


def test_handshake_first_auto(server, client):
    """The server waits 50 ms for its begin: on a busy machine not every try is in time."""
    can_begin(client)
    started = server(tls("handshake_first: auto", PATIENT) + PLAIN_CONFIG)
    words = {"ca": CA, "token": TOKEN, "first": "yes"}
    for _ in range(9):
        if not client.errors("accepted", url_of(started), **words):
            return
    client.succeed("accepted", url_of(started), **words)


@pytest.mark.parametrize("wait", ["auto", '"30ms"'])
def test_handshake_after_info_although_first_is_possible(server, client, wait):
    started = server(tls(f"handshake_first: {wait}", PATIENT) + PLAIN_CONFIG)
    client.succeed("request", url_of(started), ca=CA, token=TOKEN)


# -- in clear beside TLS


@pytest.fixture
def beside(server):
    """A server that takes both."""
    started = server(tls(PATIENT) + "allow_non_tls: true\n" + PLAIN_CONFIG)
    assert started.connect().info["tls_available"]
    return started


def test_clear_beside_tls(beside, client):
    client.succeed("pubsub", scenarios.url_of(beside), token=TOKEN)


def test_tls_beside_clear(beside, client):
    errors = client.errors("pubsub", url_of(beside), ca=CA, token=TOKEN)
    if client.name == C and "Secure Connection not available" in errors:
        pytest.skip("this libnats uses TLS only where the server requires it")
    assert not errors


# -- certificates of servers that a client does not take


OTHER_NAME = ("127.0.0.1", "other.nats.io")
# The server's certificate; what the client expects; what it may expect, None: nothing will do.
UNTRUSTED = {
    "other-ca": (lambda: shared_pair(authority="other"), {}, None),
    "expired": (lambda: shared_pair(validity=certs.EXPIRED), {}, None),
    "other-name": (lambda: shared_pair("server", *OTHER_NAME), {"name": "localhost"},
                   {"name": "other.nats.io"}),
    "other-name-unsaid": (lambda: shared_pair("server", "elsewhere.nats.io"), {},
                          {"name": "elsewhere.nats.io"}),
}


@pytest.mark.parametrize("why", UNTRUSTED)
def test_untrusted(server, client, why):
    """The client refuses; the server and those who are connected go on."""
    if client.name == C and why == "other-name-unsaid":
        pytest.skip("libnats checks no host name unless it is told one")
    pair, expected, right = UNTRUSTED[why]
    started = server(tls(PATIENT, pair=pair()))
    working = TlsClient(started.port, no_checks()).login()
    client.succeed("untrusted", url_of(started), ca=CA, **expected)
    working.fence()
    if right:
        client.succeed("accepted", url_of(started), ca=CA, **right)
    TlsClient(started.port, no_checks()).login().fence()
    working.fence()


def no_checks():
    return certs.client_context(check_hostname=False, verify_mode=ssl.CERT_NONE)


# -- renewed certificates


def named_pair(name):
    """A certificate for a host of this name, too."""
    return shared_pair("server", "127.0.0.1", "localhost", name)


def renew(server, folder, name):
    copy_pair(named_pair(name), folder)
    server.reload()


@pytest.mark.parametrize("publisher, receiver", [(C, JS2), (JS3, C)])
def test_rotation_under_traffic(server, tmp_path, publisher, receiver):
    """No message is lost, no connection either: neither client would come back. New connections
    see the new certificate."""
    copy_pair(named_pair("renewed0"), tmp_path)
    started = server(rotated(tmp_path))
    url, sender, taker = url_of(started), clients.need(publisher), clients.need(receiver)
    with taker.start("receive", url, ca=CA) as receiving:
        receiving.expect("ready")
        with sender.start("publish", url, ca=CA) as publishing:
            for number in range(1, 4):
                old, new = f"renewed{number - 1}", f"renewed{number}"
                flow(publishing, 200)
                for each in (sender, taker):
                    each.succeed("untrusted", url, ca=CA, name=new)
                renew(started, tmp_path, new)
                for each in (sender, taker):
                    each.succeed("accepted", url, ca=CA, name=new)
                    each.succeed("untrusted", url, ca=CA, name=old)
                flow(publishing, 200)
            count = int(publishing.finish())
        receiving.finish(f"{count}\n")


def flow(publishing, more):
    """Waits until that many more have been sent."""
    wanted = int(publishing.ask()) + more
    while int(publishing.ask()) < wanted:
        pass


def test_reconnect_to_a_renewed_certificate(server, client, tmp_path):
    """The connection breaks after a renewal, the server goes on."""
    copy_pair(named_pair("old"), tmp_path)
    started = server(rotated(tmp_path) + PLAIN_CONFIG)
    with Relay(started.port) as relay, \
            client.start("reconnect", url_of(relay), ca=CA, token=TOKEN) as program:
        program.expect("ready")
        renew(started, tmp_path, "new")
        client.succeed("accepted", url_of(started), ca=CA, token=TOKEN, name="new")
        relay.cut()
        program.expect("lost")
        program.finish()


# -- servers that come and go


def test_server_list(server, client):
    """One of two servers runs; each time it ends, the other one starts."""
    config = tls() + HASHED_CONFIG
    ports = [lasting_port(), lasting_port()]

    def start(port):
        return server(config, args=["-a", "127.0.0.1", "-p", port], random=False)

    running = start(ports[0])
    first, second = (f"tls://127.0.0.1:{port}" for port in ports)
    with client.start("reconnect", first, url2=second, ca=CA, token=TOKEN) as program:
        for port in (ports[1], ports[0]):
            program.expect("ready")
            running.stop()
            program.expect("lost")
            running = start(port)
        program.finish()
