# SPDX-License-Identifier: Apache-2.0
"""Who may join a cluster: tokens, users, certificates. Our node and the reference's in both
directions."""

import re

import pytest

from support import certs
from support.certs import shared_authority, shared_pair
from support.cluster import (FIRST, KINDS, OURS, PAIRS, connect_urls, linked, pairs, parted,
                             token_authorization)
from support.env import PATIENCE_S, lasting_port, wait_for
from support.tokens import bcrypt, quoted

TOKEN = "s3cr3t-of-the-cluster"
WRONG = "wr0ng-of-the-cluster"
USER, PASSWORD = "route-user", "pa55word-of-routes"
REFUSED = r"(?i)authorization violation|authentication failure|authorization error"

each_pair = pairs("kinds")
acceptor_is_ours = pairs("kinds", [each for each in PAIRS if each[0] == FIRST])


def user_authorization(user=USER, password=PASSWORD):
    return f"authorization {{ user: {user}, password: {quoted(password)} }}"


def expect_joined(*nodes):
    linked(*nodes)
    for node in nodes:
        node.expect_no_secret()


def expect_refused(acceptor, dialler):
    """Both logs say it, neither with a secret, and nothing passes."""
    wait_for(lambda: re.search(REFUSED, acceptor.log()), "the refusal in the log")
    wait_for(lambda: re.search(REFUSED, dialler.log()), "the refusal in the log")
    parted(acceptor, dialler)
    for node in (acceptor, dialler):
        node.expect_no_secret()


# -- tokens


@each_pair
def test_token_in_url(cluster, kinds):
    a = cluster.node(kinds[0], cluster=token_authorization(kinds[0], TOKEN), secrets=[TOKEN])
    b = cluster.node(kinds[1], routes=[a.url(TOKEN)], secrets=[TOKEN])
    expect_joined(a, b)


@each_pair
def test_token_in_url_and_config(cluster, kinds):
    """As an operator writes it: the same file for all, with the token in each URL."""
    a = cluster.node(kinds[0], cluster=token_authorization(kinds[0], TOKEN), secrets=[TOKEN])
    b = cluster.node(kinds[1], cluster=token_authorization(kinds[1], TOKEN),
                     routes=[a.url(TOKEN)], secrets=[TOKEN])
    expect_joined(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_token_in_config_alone(cluster, kind):
    """The URL has none: our node shows the one that it asks of others."""
    if FIRST != OURS:
        pytest.skip("the reference shows to configured routes only what their URLs have")
    a = cluster.node(kind, cluster=token_authorization(kind, TOKEN), secrets=[TOKEN])
    b = cluster.node(OURS, cluster=token_authorization(OURS, TOKEN), routes=[a], secrets=[TOKEN])
    expect_joined(a, b)


@each_pair
@pytest.mark.parametrize("shown", [WRONG, "", TOKEN + "x", TOKEN[:-1]],
                         ids=["wrong", "none", "longer", "shorter"])
def test_wrong_token(cluster, kinds, shown):
    """Refused again and again; then the right one is let in."""
    a = cluster.node(kinds[0], cluster=token_authorization(kinds[0], TOKEN), secrets=[TOKEN, WRONG],
                     lasting=True)
    b = cluster.node(kinds[1], routes=[a.url(shown)], secrets=[TOKEN, WRONG], lasting=True)
    expect_refused(a, b)
    b.routes = [a.url(TOKEN)]
    b.restart()
    expect_joined(a, b)


@each_pair
def test_token_for_gossiped_routes(cluster, kinds):
    """The third node learns of the second one, whose token it has from its own configuration."""
    a = cluster.node(kinds[0], cluster=token_authorization(kinds[0], TOKEN), secrets=[TOKEN])
    b, c = [cluster.node(kind, cluster=token_authorization(kind, TOKEN), secrets=[TOKEN],
                         routes=[a.url(TOKEN)]) for kind in (kinds[1], FIRST)]
    expect_joined(a, b, c)
    wait_for(lambda: len(connect_urls(c)) == 3, "three nodes")


@each_pair
def test_awkward_token_in_url(cluster, kinds):
    """Percent-encoded as a URL wants it: what counts is what that means."""
    token = "a b/c@d:e%f"
    a = cluster.node(kinds[0], cluster=token_authorization(kinds[0], token), secrets=[token])
    b = cluster.node(kinds[1], routes=[a.url("a%20b%2Fc%40d%3Ae%25f")],
                     secrets=[token, "a%20b%2Fc%40d"])
    expect_joined(a, b)


@acceptor_is_ours
@pytest.mark.parametrize("letter", ["a", "y"])
def test_bcrypted_token(cluster, kinds, letter):
    """The acceptor has the hash alone; to dial it needs nothing."""
    hashed = bcrypt(TOKEN, letter=letter)
    if kinds[0] != OURS:
        pytest.skip("the reference has no bcrypted cluster tokens")
    a = cluster.node(kinds[0], secrets=[TOKEN, hashed],
                     cluster=f"authorization {{ token: {quoted(hashed)} }}")
    b = cluster.node(kinds[1], routes=[a.url(TOKEN)], secrets=[TOKEN])
    expect_joined(a, b)
    c = cluster.node(kinds[1], name="wrong", routes=[a.url(WRONG)], secrets=[WRONG])
    expect_refused(a, c)
    if kinds[1] == OURS:
        return  # a hash in a URL is an error of the configuration: test_conf_cluster.c
    hash_shown = cluster.node(kinds[1], name="hash",
                              routes=[a.url(hashed.replace("$", "%24").replace("/", "%2F"))])
    expect_refused(a, hash_shown)


@pytest.mark.parametrize("kind", KINDS)
def test_bcrypted_token_with_a_plain_one_to_dial(cluster, kind):
    """A file for all nodes: the hash to check, the URLs to dial with, gossip included."""
    if FIRST != OURS:
        pytest.skip("the reference has no bcrypted cluster tokens")
    hashed = f"authorization {{ token: {quoted(bcrypt(TOKEN))} }}"
    other = f"nats-route://{TOKEN}@127.0.0.1:{lasting_port()}"  # nobody listens there
    a = cluster.node(FIRST, cluster=hashed, routes=[other], secrets=[TOKEN])
    b = cluster.node(FIRST, cluster=hashed, routes=[a.url(TOKEN)], secrets=[TOKEN])
    block = token_authorization(kind, TOKEN) if kind != OURS else hashed
    c = cluster.node(kind, cluster=block, routes=[b.url(TOKEN)], secrets=[TOKEN])
    expect_joined(a, b, c)


@pytest.mark.parametrize("kind", KINDS)
def test_token_changes_by_reload(cluster, kind):
    """Who has the old one stays out from then on, who has the new one gets in."""
    a = cluster.node(FIRST, cluster=token_authorization(FIRST, WRONG), secrets=[TOKEN, WRONG],
                     lasting=True)
    b = cluster.node(kind, routes=[a.url(TOKEN)], secrets=[TOKEN, WRONG])
    expect_refused(a, b)
    a.cluster = token_authorization(FIRST, TOKEN)
    assert "Failed to reload" not in a.reload()
    expect_joined(a, b)


# -- users


@each_pair
def test_user(cluster, kinds):
    a = cluster.node(kinds[0], cluster=user_authorization(), secrets=[PASSWORD])
    b = cluster.node(kinds[1], routes=[a.url(f"{USER}:{PASSWORD}")], secrets=[PASSWORD])
    expect_joined(a, b)


@each_pair
@pytest.mark.parametrize("login", [f"{USER}:{WRONG}", f"other:{PASSWORD}", USER, ""],
                         ids=["password", "user", "no-password", "nothing"])
def test_wrong_user(cluster, kinds, login):
    a = cluster.node(kinds[0], cluster=user_authorization(), secrets=[PASSWORD, WRONG])
    b = cluster.node(kinds[1], routes=[a.url(login)], secrets=[PASSWORD, WRONG])
    expect_refused(a, b)


@acceptor_is_ours
def test_bcrypted_password(cluster, kinds):
    a = cluster.node(kinds[0], cluster=user_authorization(password=bcrypt(PASSWORD)),
                     secrets=[PASSWORD])
    b = cluster.node(kinds[1], routes=[a.url(f"{USER}:{PASSWORD}")], secrets=[PASSWORD])
    expect_joined(a, b)


# -- TLS


def tls(pair=None, ca=None, *more):
    """The block of a node; without a pair of its own, the shared one."""
    pair = pair or shared_pair("node")
    lines = [f'cert_file: "{pair.cert}"', f'key_file: "{pair.key}"',
             f'ca_file: "{(ca or shared_authority()).cert}"', "verify: true",
             f"timeout: {2 * PATIENCE_S}", *more]
    return "tls {\n    " + "\n    ".join(lines) + "\n  }"


@each_pair
def test_tls(cluster, kinds):
    """Both ways verified, with a token inside."""
    a = cluster.node(kinds[0], cluster=tls() + "\n" + token_authorization(kinds[0], TOKEN),
                     secrets=[TOKEN])
    b = cluster.node(kinds[1], cluster=tls(), routes=[a.url(TOKEN)], secrets=[TOKEN])
    expect_joined(a, b)


@each_pair
def test_tls_by_gossip_with_large_messages(cluster, kinds):
    a, b = cluster.pair(kinds, cluster=tls())
    c = cluster.node(FIRST, cluster=tls(), routes=[a])
    linked(a, b, c)
    with b.user() as sub, c.user() as pub:
        sub.sub("large")
        sub.announced(pub)
        bodies = [bytes([number]) * (300_000 + number) for number in range(20)]
        for body in bodies:
            pub.pub("large", body)
        assert [each.payload for each in sub.after(pub)] == bodies


# The dialler's certificate, the dialler's CA, the dialled one's certificate; None: the shared one
STRANGERS = {
    "dialler-of-other-ca": ({"authority": "other"}, None, None),
    "dialler-expired": ({"validity": certs.EXPIRED}, None, None),
    "dialled-of-other-ca": (None, "other", None),
    "dialled-of-other-name": (None, None, {"names": ["elsewhere.example.org"]}),
    "dialled-expired": (None, None, {"validity": certs.EXPIRED}),
}


def node_pair(words):
    words = dict(words or {})
    return shared_pair("node", *words.pop("names", ()), **words)


@pytest.mark.parametrize("dialler", ["the one that reloads", "the other one"])
def test_pins_change_by_reload(cluster, dialler):
    """A route whose certificate is pinned no more ends."""
    def pinned(pin):
        return tls(None, None, f'pinned_certs: ["{pin}"]')

    if FIRST != OURS:
        pytest.skip("the reference looks at pins of new connections alone")
    own = shared_pair("node").pin()
    a = cluster.node(OURS, cluster=pinned(own), lasting=True)
    b = cluster.node(OURS, cluster=tls(), lasting=True)
    first, second = (a, b) if dialler == "the one that reloads" else (b, a)
    first.routes = [second]
    first.restart()
    expect_joined(a, b)
    a.cluster = pinned("0" * 64)
    assert "Failed to reload" not in a.reload()
    a.wait_log("certificate not pinned")
    parted(a, b)


@each_pair
@pytest.mark.parametrize("why", STRANGERS)
def test_tls_stranger(cluster, kinds, why):
    """Refused, and both go on: the next one, with the right certificate, is let in."""
    dialler, dialler_ca, dialled = STRANGERS[why]
    a = cluster.node(kinds[0], cluster=tls(node_pair(dialled)), lasting=True)
    b = cluster.node(kinds[1], routes=[a], lasting=True,
                     cluster=tls(node_pair(dialler), dialler_ca and shared_authority(dialler_ca)))
    wait_for(lambda: "TLS route handshake error" in a.log() + b.log(), "the failed handshake")
    parted(a, b)
    for node in (a, b):
        node.cluster = tls()
    a.restart()
    b.restart()
    linked(a, b)


@each_pair
def test_clear_meets_tls(cluster, kinds):
    """Neither direction works, and nobody stalls."""
    a = cluster.node(kinds[0], cluster=tls().replace(str(2 * PATIENCE_S), "1"))
    b = cluster.node(kinds[1], routes=[a])
    wait_for(lambda: "handshake error" in a.log(), "the failed handshake")
    parted(a, b)
