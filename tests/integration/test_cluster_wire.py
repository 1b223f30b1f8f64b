# SPDX-License-Identifier: Apache-2.0
"""The route protocol byte for byte: how a route begins, who is refused, credentials.

A node under test and peers that the test plays. TESSERA_SERVER=/usr/sbin/nats-server runs them
against another one; of the reference's only what is on purpose different fails.
"""

import pytest

from support.route_peer import Listener, dial
from support.tokens import bcrypt
from support.user import unique


# -- the opening


def test_info_at_once_on_accept(node):
    """Before the other end has said anything."""
    started = node(name="alpha")
    with dial(started.route_port) as peer:
        info = peer.node_info
        with started.user() as user:
            assert info["server_id"] == user.info["server_id"]
            assert "cluster" in user.info
        assert {name: info.get(name) for name in (
            "server_name", "proto", "host", "port", "headers", "max_payload", "cluster",
            "connect_urls", "lnoc")} == {
            "server_name": "alpha", "proto": 2, "host": "127.0.0.1", "port": started.route_port,
            "headers": True, "max_payload": 1 << 20, "cluster": "C",
            "connect_urls": [f"127.0.0.1:{started.port}"], "lnoc": True}
        assert info["version"] and info["go"]
        for absent in ("auth_required", "tls_required", "ldm", "import", "export", "ip",
                       "route_pool_size", "route_pool_idx", "route_account", "cluster_dynamic"):
            assert absent not in info, absent
        assert info.get("compression", "off") in ("off", "not supported")
        assert not peer.buf, "only INFO comes before the other end has spoken"


def test_leaf_origins_are_understood(node):
    """lnocu is why LS- carries the origin; see below."""
    with dial(node().route_port) as peer:
        assert peer.node_info["lnocu"] is True
        assert "ln" not in peer.node_info


def test_connect_and_info_at_once_on_dial(node):
    """It does not wait for the INFO of the one it dialled."""
    with Listener() as there:
        started = node(name="alpha", routes=[there])
        with there.accept() as peer:
            peer.read_opening()
            connect, info = peer.node_connect, peer.node_info
            assert {name: value for name, value in connect.items() if name != "lnocu"} == {
                "echo": True, "verbose": False, "pedantic": False, "tls_required": False,
                "headers": True, "name": info["server_id"], "cluster": "C", "lnoc": True}
            assert (info["server_name"], info["port"], info["proto"]) == (
                "alpha", started.route_port, 2)
            assert info["connect_urls"] == [f"127.0.0.1:{started.port}"]
            peer.send(peer.info_line())
            peer.skip_to_pong()


def test_interest_is_sent_after_the_first_info(node):
    """One line per subject and group, whatever the number of subscriptions; nothing before."""
    started = node()
    user = started.user()
    for subject, queue in (("a", None), ("a", None), ("b.*", None), ("a", "q"), ("a", "q"),
                           ("c.>", "r")):
        user.sub(subject, queue)
    user.flush()
    with dial(started.route_port) as peer:
        peer.send(peer.connect_line())
        peer.expect_only()
        peer.send(peer.info_line())
        lines = peer.skip_to_pong()
        ours = [line for line in lines if line.startswith(b"RS+ $G ")]
        assert sorted(ours) == sorted([b"RS+ $G a q 2\r\n", b"RS+ $G a\r\n", b"RS+ $G b.*\r\n",
                                       b"RS+ $G c.> r 1\r\n"])
        assert [line for line in lines if line not in ours] == []


@pytest.mark.parametrize("way", ["bytes", "one write"])
def test_opening_in_pieces(node, way):
    """How TCP cuts the stream does not matter."""
    started = node()
    with dial(started.route_port) as peer, started.user() as user:
        subject = unique("cut.")
        stream = peer.connect_line() + peer.info_line() + f"RS+ $G {subject}\r\nPING\r\n"
        peer.send_cut(stream, iter([1] * len(stream) if way == "bytes" else ()))
        while peer.read_op() != b"PONG\r\n":
            pass
        user.pub(subject, "x")
        peer.expect_ops(f"RMSG $G {subject} 1\r\nx\r\n")


# -- checks and refusals


REFUSED_BY_CONNECT = {
    "client": ({"lang": "go"}, "attempted to connect to route port"),
    "gateway": ({"gateway": "GX"}, 'Rejecting connection from gateway "GX" on the Route port'),
    "cluster": ({"cluster": "other"},
                'Rejecting connection, cluster name "other" does not match "C"'),
}


@pytest.mark.parametrize("why", REFUSED_BY_CONNECT)
def test_refused_connect(joined, why):
    fields, text = REFUSED_BY_CONNECT[why]
    with dial(joined.route_port) as peer:
        peer.send(peer.connect_line(**fields))
        peer.expect_refusal(text)


def test_client_on_the_cluster_port(joined):
    """A whole client's opening, in one write."""
    with dial(joined.route_port) as peer:
        peer.send('CONNECT {"verbose":false,"pedantic":false,"lang":"python3","version":"2.9.0",'
                  '"protocol":1}\r\nPING\r\n')
        peer.expect_refusal("attempted to connect to route port")


def test_itself(joined):
    """Who has the node's own id is the node: closed without a word."""
    with dial(joined.route_port) as peer:
        peer.id = peer.node_info["server_id"]
        peer.send(peer.connect_line() + peer.info_line())
        peer.expect_end()


def test_itself_is_not_dialled_again(node):
    """A dialled address that turns out to be the own one is given up; others are still tried."""
    with Listener() as there, Listener() as elsewhere:
        started = node(routes=[there, elsewhere])
        with there.accept() as peer:
            peer.read_opening()
            peer.send(peer.info_line(server_id=peer.node_info["server_id"]))
            peer.expect_end()
        for _ in range(2):  # a second between: the other one would have been dialled, too
            with elsewhere.accept() as other:
                other.read_opening()
        there.sock.settimeout(0)
        with pytest.raises(BlockingIOError):
            there.sock.accept()
        started.user().flush()


def test_duplicate_waits(joined, user):
    """The second connection of a peer is the route when the first one ends, and not before."""
    subject = unique("duplicate.")
    with dial(joined.route_port) as first, \
            dial(joined.route_port, id=first.id, name=first.name) as second:
        first.join()
        first.send(f"RS+ $G {subject}\r\n")
        first.expect_only()
        second.send(second.connect_line() + second.info_line() + f"RS+ $G {subject}\r\n")
        user.pub(subject, "x")
        first.expect_only(f"RMSG $G {subject} 1\r\nx\r\n")
        first.leave()
        second.skip_to_pong()
        user.pub(subject, "y")
        second.expect_only(f"RMSG $G {subject} 1\r\ny\r\n")
        second.leave()


def test_duplicate_replaces_what_its_peer_forgot(joined, user):
    """Who dials again and keeps the second one does not know the first one any more."""
    subject = unique("duplicate.")
    with dial(joined.route_port) as first, \
            dial(joined.route_port, id=first.id, name=first.name) as second:
        first.join()
        second.send(second.connect_line() + second.info_line() + f"RS+ $G {subject}\r\n")
        first.expect_end()
        second.skip_to_pong()
        user.pub(subject, "x")
        second.expect_only(f"RMSG $G {subject} 1\r\nx\r\n")
        second.leave()


def test_same_server_name_is_closed(joined):
    with dial(joined.route_port) as peer:
        peer.send(peer.connect_line() + peer.info_line(server_name=joined.name))
        peer.expect_end()
    joined.wait_log("Duplicate Server Name")


def test_other_cluster_name_in_info(joined):
    """CONNECT has a right one, INFO does not."""
    with dial(joined.route_port) as peer:
        peer.send(peer.connect_line() + peer.info_line(cluster="other"))
        peer.expect_end()


def test_dialled_peer_of_another_cluster(node):
    """Closed, and dialled again."""
    with Listener() as there:
        node(routes=[there])
        for _ in range(2):
            with there.accept(cluster="other") as peer:
                peer.read_opening()
                peer.send(peer.info_line())
                peer.expect_end()


def test_dynamic_name_is_given_up(node):
    """For a configured one. From then on that is the name."""
    started = node(cluster_name=None)
    with dial(started.route_port, cluster="fixed") as peer:
        assert peer.node_info["cluster_dynamic"] is True
        assert peer.node_info["cluster"] not in ("", "fixed")
        peer.join()
        peer.expect_alive()
        with dial(started.route_port) as other:
            assert other.node_info["cluster"] == "fixed"
            assert "cluster_dynamic" not in other.node_info  # docs/differences.md
            with started.user() as user:
                assert user.info["cluster"] == "fixed"


def test_greater_dynamic_name_wins(node):
    started = node(cluster_name=None)
    with dial(started.route_port, cluster="~~~~") as peer:
        peer.join(info={"cluster_dynamic": True}, cluster_dynamic=True)
        with dial(started.route_port, cluster="    ") as other:
            assert other.node_info["cluster"] == "~~~~"
            other.send(other.connect_line(cluster="!!!!", cluster_dynamic=True))
            other.expect_refusal(
                'Rejecting connection, cluster name "!!!!" does not match "~~~~"')


@pytest.mark.parametrize("line", ["FOO bar\r\n", "RMSGX $G a 1\r\n", "\r\n", "{}\r\n"])
def test_unknown_verb(joined, line):
    with dial(joined.route_port) as peer:
        peer.join()
        peer.send(line)
        peer.expect_refusal("Unknown Protocol Operation")


MALFORMED = ["UNSUB 1\r\n", "RS+ $G\r\n", "RS+\r\n", "RS+ $G a q\r\n", "RS+ $G a q 1 2\r\n",
             "RS-\r\n",
             "RMSG $G 1\r\n", "RMSG $G a x\r\n", "RMSG $G a b c d 1\r\nx\r\n",
             "HMSG $G a 5 1\r\nx\r\n", "RMSG $G a 99999999999\r\n", "CONNECT {\r\n",
             "INFO {\"server_id\":5}\r\n", "INFO nonsense\r\n"]


@pytest.mark.parametrize("line", MALFORMED)
def test_malformed(joined, line):
    """Closed; what else there is goes on."""
    with dial(joined.route_port) as peer, dial(joined.route_port) as other:
        other.join()
        peer.join()
        peer.send(line)
        while peer.read_op():
            pass
        other.expect_alive()
        other.leave()


def test_client_verbs_are_swallowed(joined, user):
    """PUB and SUB with a client's arguments have no effect."""
    subject = unique("client.")
    user.sub(subject)
    user.flush()
    with dial(joined.route_port) as peer:
        peer.join()
        peer.send(f"PUB {subject} 2\r\nhi\r\nSUB {subject} 1\r\nSUB {subject} q 2\r\n")
        peer.expect_only()
        user.flush()
        assert not user.inbox
        peer.leave()


def test_dedicated_route_is_refused(joined):
    """Of a peer that pools; the text is the one that it expects."""
    with dial(joined.route_port) as peer:
        peer.join()
        with dial(joined.route_port, id=peer.id, name=peer.name) as system:
            system.send(system.connect_line()
                        + system.info_line(route_account="$SYS", route_pool_size=3))
            system.expect_refusal("Not possible to have a dedicated route for account \"$SYS\" "
                                  "between those servers")
        peer.expect_alive()
        peer.leave()


def test_second_dial_that_says_nothing(joined, user):
    """What a pooling peer does for its system account: CONNECT alone, and then an error. Its loss
    is not that of the peer."""
    subject = unique("pooling.")
    with dial(joined.route_port) as peer:
        peer.join(info={"route_pool_size": 3, "compression": "accept"})
        peer.send(f"RS+ $G {subject}\r\n")
        with dial(joined.route_port, id=peer.id, name=peer.name) as system:
            system.send(system.connect_line() + "-ERR 'Not possible to have a dedicated route for "
                        "account \"$SYS\" between those servers'\r\n")
            system.expect_end()
        peer.expect_only()
        user.pub(subject, "x")
        peer.expect_only(f"RMSG $G {subject} 1\r\nx\r\n")
        peer.leave()


def test_error_of_the_peer(node):
    """Logged, closed, and dialled again."""
    with Listener() as there:
        started = node(routes=[there])
        with there.accept() as peer:
            peer.join()
            peer.send("-ERR 'Some Reason'\r\n")
            peer.expect_end()
        started.wait_log("Some Reason")
        with there.accept() as again:
            again.join()
            again.expect_alive()


def test_info_only_of_accepting_peer_is_enough(node):
    """An accepting peer never sends CONNECT."""
    with Listener() as there:
        started = node(routes=[there])
        with there.accept() as peer, started.user() as user:
            peer.join()
            user.sub("x.y")
            user.flush()
            peer.expect_ops("RS+ $G x.y\r\n")


def test_connect_comes_once(joined, user):
    """A second one, or one behind INFO, is no operation that is known there; what the connection
    was told of is forgotten with it."""
    for opening in ("connect", "info"):
        with dial(joined.route_port) as peer:
            peer.send((peer.connect_line() if opening == "connect" else "") + peer.info_line())
            peer.skip_to_pong()
            peer.send(peer.connect_line() + peer.info_line())
            peer.expect_refusal("Unknown Protocol Operation")
        for _ in range(3):
            user.sub(unique("after."))
        user.flush()
    with dial(joined.route_port) as peer:
        peer.send(peer.connect_line() + peer.connect_line())
        peer.expect_refusal("Unknown Protocol Operation")


# -- authorization

AUTHORIZATION = 'authorization { user: route-user, password: "pa55word-of-routes", timeout: %s }'
LOGIN = {"user": "route-user", "pass": "pa55word-of-routes"}


def authorized(node, timeout=60):
    return node(cluster=AUTHORIZATION % timeout, secrets=[LOGIN["pass"]])


def test_auth_required_is_said(node):
    with dial(authorized(node).route_port) as peer:
        assert peer.node_info["auth_required"] is True
        peer.join(**LOGIN)


@pytest.mark.parametrize("fields", [{}, {"user": "route-user"}, {"auth_token": LOGIN["pass"]},
                                    {**LOGIN, "pass": "wrong"}, {**LOGIN, "user": "wrong"},
                                    {"user": "", "pass": ""}], ids=str)
def test_wrong_credentials(node, fields):
    started = authorized(node)
    with dial(started.route_port) as peer:
        peer.send(peer.connect_line(**fields) + peer.info_line())
        peer.expect_refusal("Authorization Violation")


@pytest.mark.parametrize("line", ["PING\r\n", "RS+ $G a\r\n", "INFO {}\r\n",
                                  "RMSG $G secret 1\r\nx\r\n"])
def test_connect_comes_first_where_auth_is_required(node, line):
    """And nothing is known to whoever has not shown who it is."""
    started = authorized(node)
    with started.user() as user:
        user.sub("secret")
        user.flush()
        with dial(started.route_port) as peer:
            peer.send(line)
            assert peer.read_op() == b"-ERR 'Authorization Violation'\r\n"
            peer.expect_end()
        user.flush()
        assert not user.inbox


def test_authentication_timeout(node):
    started = authorized(node, timeout=0.3)
    with started.user() as user:
        user.sub("secret")
        user.flush()
        with dial(started.route_port) as peer:
            assert peer.read_op() == b"-ERR 'Authentication Timeout'\r\n"
            peer.expect_end()
    assert "Authentication Timeout - no CONNECT came in time" in started.log()


def test_strangers_do_not_fill_the_log(node):
    started = authorized(node)
    for _ in range(100):
        with dial(started.route_port) as peer:
            peer.send("PING\r\n")
            assert peer.read_op() == b"-ERR 'Authorization Violation'\r\n"
            peer.expect_end()
    assert 1 <= started.log().count("no CONNECT was sent") < 100


def test_port_is_closed_to_the_open_ones_by_reload(node):
    """Who came while anybody might is cut, also a second connection that waits for the end of the
    first one, and never said CONNECT."""
    started = node(config="debug: true", secrets=[LOGIN["pass"]], lasting=True)
    with dial(started.route_port) as first, \
            dial(started.route_port, id=first.id, name=first.name) as second:
        first.join()
        second.send(second.info_line())
        started.wait_log("Detected duplicate remote route")
        started.cluster = AUTHORIZATION % 60
        started.reload()
        assert second.read_op() == b"-ERR 'Authorization Violation'\r\n"
        second.expect_end()


def test_credentials_of_the_url(node):
    with Listener() as there:
        node(routes=[there.url("bob:pa55%20word")], secrets=["pa55%20word", "pa55 word"])
        with there.accept() as peer:
            peer.read_opening()
            assert (peer.node_connect["user"], peer.node_connect["pass"]) == ("bob", "pa55 word")


def test_token_of_the_url(node):
    """Both forms: a node that knows tokens looks at the one, the reference's at the other."""
    token = "t0ken-of-the-url"
    with Listener() as there:
        node(routes=[there.url(token)], secrets=[token])
        with there.accept() as peer:
            peer.read_opening()
            assert peer.node_connect["auth_token"] == peer.node_connect["user"] == token
            assert not peer.node_connect.get("pass")


@pytest.mark.parametrize("fields, outcome", [
    ({"auth_token": "t0ken-of-routes"}, True), ({"user": "t0ken-of-routes"}, True),
    ({"user": "t0ken-of-routes", "pass": ""}, True),
    ({"auth_token": "t0ken-of-routes", "user": "t0ken-of-routes"}, True),
    ({"user": "t0ken-of-routes", "pass": "x"}, False), ({"pass": "t0ken-of-routes"}, False),
    ({"auth_token": "t0ken"}, False), ({"auth_token": ""}, False), ({}, False),
    ({"auth_token": "wrong-of-routes", "user": "t0ken-of-routes"}, False)], ids=str)
@pytest.mark.parametrize("form", ["plain", "bcrypt"])
def test_cluster_token(node, fields, outcome, form):
    stored = "t0ken-of-routes" if form == "plain" else bcrypt("t0ken-of-routes")
    started = node(cluster=f'authorization {{ token: "{stored}" }}', secrets=[
        "t0ken-of-routes", stored])
    with dial(started.route_port) as peer:
        if outcome:
            peer.join(**fields)
            peer.expect_alive()
        else:
            peer.send(peer.connect_line(**fields) + peer.info_line())
            peer.expect_refusal("Authorization Violation")


@pytest.mark.parametrize("config, url, sent", [
    ("token: t0ken-of-config", "", "t0ken-of-config"),
    ("token: t0ken-of-config", "t0ken-of-url", "t0ken-of-url")])
def test_which_token_is_sent(node, config, url, sent):
    """The URL's own, else the configured one."""
    with Listener() as there:
        node(routes=[there.url(url)], cluster=f"authorization {{ {config} }}",
             secrets=["t0ken-of-config", "t0ken-of-url"])
        with there.accept() as peer:
            peer.read_opening()
            assert peer.node_connect["auth_token"] == sent


def test_gossip_gets_credentials_where_they_are_asked_for(node):
    """The cluster's own."""
    started = authorized(node)
    with Listener() as there, dial(started.route_port) as peer:
        peer.join(**LOGIN)
        peer.send(peer.gossip_line("NNEW", there, auth_required=True))
        with there.accept(id="NNEW") as new:
            new.read_opening()
            assert {name: new.node_connect.get(name) for name in LOGIN} == LOGIN
