# SPDX-License-Identifier: Apache-2.0
"""What a reload changes of a cluster while it runs: routes, who may stay, permissions, TLS."""

import shutil

import pytest

from support.certs import shared_authority, shared_pair
from support.cluster import OURS, connect_urls, linked, parted
from support.env import PATIENCE_S, wait_for
from support.tokens import bcrypt, quoted
from support.user import unique

TOKEN, OTHER = "t0ken-of-the-cluster", "0ther-t0ken-of-it"


def authorization(token):
    return f"authorization {{ token: {quoted(token)} }}"


def reload(node, **changes):
    """Changes what the node is made of; returns its log from there on."""
    for name, value in changes.items():
        setattr(node, name, value)
    said = node.reload()
    assert "Failed to reload" not in said
    return said


@pytest.fixture
def pair(cluster):
    def start(first="", second="", login="", **both):
        a = cluster.node(OURS, cluster=first, lasting=True, **both)
        b = cluster.node(OURS, cluster=second, lasting=True, routes=[a.url(login)], **both)
        linked(a, b)
        return a, b
    return start


def test_route_is_added(cluster):
    a = cluster.node(OURS, lasting=True)
    b = cluster.node(OURS, lasting=True)
    parted(a, b)
    assert "Reloaded: cluster routes" in reload(b, routes=[a])
    linked(a, b)


def test_route_is_removed(pair):
    """The connection ends, and is not made again."""
    a, b = pair()
    at = len(b.log())
    reload(b, routes=[])
    b.wait_log("Router connection closed: Route Removed", at)
    parted(a, b)
    assert "Trying to connect" not in b.log()[at:]


def test_who_shows_the_token_stays(pair):
    """From clear text to a hash of it nobody is cut."""
    a, b = pair(first=authorization(TOKEN), login=TOKEN, secrets=[TOKEN])
    at = len(a.log())
    # a hash can not be shown to others: their URLs say it in clear
    reload(a, cluster=authorization(bcrypt(TOKEN)), routes=[b.url(TOKEN)])
    linked(a, b)
    assert "Router connection closed" not in a.log()[at:]


def test_who_does_not_any_more_is_cut(pair):
    a, b = pair(first=authorization(TOKEN), login=TOKEN, secrets=[TOKEN, OTHER])
    at = len(b.log())
    reload(a, cluster=authorization(OTHER))
    b.wait_log("Route Error 'Authorization Violation'", at)
    parted(a, b)
    reload(b, routes=[a.url(OTHER)])
    linked(a, b)


def test_authorization_is_set_where_there_was_none(pair):
    """Who came without credentials is cut."""
    a, b = pair(secrets=[TOKEN])
    reload(a, cluster=authorization(TOKEN))
    parted(a, b)


def test_a_mistake_changes_nothing(pair):
    a, b = pair(first=authorization(TOKEN), login=TOKEN, secrets=[TOKEN])
    at = len(a.log())
    a.cluster = 'authorization { token: "" }'
    assert "Failed to reload" in a.reload()
    linked(a, b)
    assert "Router connection closed" not in a.log()[at:]


def test_permissions(pair):
    """Interest follows them in both directions."""
    a, b = pair()
    free, shut = unique("free."), unique("shut.")
    with a.user() as sub, b.user() as pub:
        sub.sub(free)
        sub.sub(shut)
        sub.announced(pub)
        reload(a, cluster='permissions { import: { deny: "shut.>" } }')
        pub.wait_responders(shut, False)
        pub.wait_responders(free)
        reload(a, cluster="")
        pub.wait_responders(shut)


def test_no_advertise(pair):
    a, b = pair()
    wait_for(lambda: len(connect_urls(a)) == 2, "the other's URL")
    reload(b, cluster="no_advertise: true")
    wait_for(lambda: connect_urls(a) == [f"127.0.0.1:{a.port}"], "that it is gone")


def test_certificates_are_renewed(cluster, tmp_path):
    """A reload reads the files again: the next route is made with what is in them by then; the one
    that is there stays."""
    pem, key = tmp_path / "node.pem", tmp_path / "node-key.pem"

    def put(pair):
        shutil.copy(pair.cert, pem)
        shutil.copy(pair.key, key)

    tls = (f'tls {{ cert_file: "{pem}", key_file: "{key}", ca_file: "{shared_authority().cert}", '
           f'timeout: {2 * PATIENCE_S} }}')
    put(shared_pair("node"))
    a = cluster.node(OURS, cluster=tls, lasting=True)
    b = cluster.node(OURS, cluster=tls, lasting=True, routes=[a])
    linked(a, b)
    at = len(a.log())
    put(shared_pair("client"))  # says nothing of who accepts: it will be refused
    reload(a)
    linked(a, b)
    assert "Router connection closed" not in a.log()[at:]
    b.restart()
    b.wait_log("TLS route handshake error")
    put(shared_pair("node"))
    reload(a)
    linked(a, b)


@pytest.mark.parametrize("known", [True, False])
def test_certificate_of_a_known_route(cluster, known):
    """verify_cert_and_check_known_urls: who dials has the name of one of the routes."""
    pair = shared_pair("node")
    files = f'cert_file: "{pair.cert}", key_file: "{pair.key}", ca_file: "{shared_authority().cert}"'
    name = "localhost" if known else "elsewhere.example"
    a = cluster.node(OURS, routes=[f"nats-route://{name}:1"],
                     cluster=f"tls {{ {files}, verify_cert_and_check_known_urls: true }}")
    b = cluster.node(OURS, routes=[a], cluster=f"tls {{ {files} }}")
    if known:
        linked(a, b)
    else:
        a.wait_log("the certificate has no name of a known route")
        parted(a, b)


def test_who_says_that_it_ends_is_not_dialled(cluster):
    """c is known to a by gossip alone. When it is stopped a forgets it; killed, it is dialled."""
    a = cluster.node(OURS, config="debug: true")
    b = cluster.node(OURS, routes=[a])
    c = cluster.node(OURS, routes=[b], lasting=True)
    linked(a, b, c)
    url = f"127.0.0.1:{c.route_port}"
    at = len(a.log())
    c.stop()
    a.wait_log("Router connection closed: Client Closed - Remote: n2", at)
    linked(a, b)
    assert f"Trying to connect to route on {url}" not in a.log()[at:]
    c.start()
    linked(a, b, c)
    at = len(a.log())
    c.kill()
    a.wait_log(f"Trying to connect to route on {url}", at)
    c.start()
    linked(a, b, c)
