# SPDX-License-Identifier: Apache-2.0
"""The route protocol byte for byte: gossip, later INFO, permissions, keep-alive, dialling; see
test_cluster_wire.py."""

import json
import re
import signal

import pytest

from support.env import lasting_port
from support.route_peer import Listener, dial


# -- gossip and later INFO


def test_new_peer_is_told_to_the_others(node):
    """Its INFO, with the address where it can be reached, to those that were there; nothing of
    them to it: it is they who dial."""
    started = node()
    with dial(started.route_port) as first, dial(started.route_port, port=7777) as second:
        first.join()
        second.join(info={"nonce": "secret-nonce", "connect_urls": ["10.0.0.1:4222"]})
        told = first.read_op()
        assert told.startswith(b"INFO ")
        info = json.loads(told[5:])
        assert (info["server_id"], info["ip"], info["port"]) == (
            second.id, "nats-route://127.0.0.1:7777/", 7777)
        assert info["connect_urls"] == ["10.0.0.1:4222"]
        assert "nonce" not in info
        first.expect_only()
        second.expect_only()


def test_gossip_keeps_an_address_that_is_there(node):
    started = node()
    with dial(started.route_port) as first, dial(started.route_port) as second:
        first.join()
        second.join(info={"ip": "nats-route://10.1.2.3:7777/"})
        assert b'"ip":"nats-route://10.1.2.3:7777/"' in first.read_op()


def test_gossiped_peer_is_dialled(node):
    started = node()
    with Listener() as there, dial(started.route_port) as peer:
        peer.join()
        peer.send(peer.gossip_line("NNEW", there))
        with there.accept(id="NNEW") as new:
            new.join()
            new.expect_alive()
            peer.send(peer.gossip_line("NNEW", there))
            # The one who told of it learns that it has come, or knows it; at some time soon.
            for op in peer.skip_to_pong():
                assert op.startswith(b"INFO ")


def test_gossip_about_the_known(node):
    """Who is routed already: ignored."""
    started = node()
    with Listener() as there, dial(started.route_port) as peer, \
            dial(started.route_port) as other:
        peer.join()
        other.join()
        peer.send(peer.gossip_line(other.id, there))
        peer.skip_to_pong()
        fresh = Listener()
        with fresh:  # what comes behind is dialled, and by then the other would have been
            peer.send(peer.gossip_line("NFRESH", fresh))
            fresh.accept().close()
        there.sock.settimeout(0)
        with pytest.raises(BlockingIOError):
            there.sock.accept()


def test_connect_urls_of_a_peer(node):
    """Clients are told; they are told again when it goes."""
    started = node()
    own = f"127.0.0.1:{started.port}"
    with started.user(protocol=1) as user, dial(started.route_port) as peer:
        peer.join(info={"connect_urls": ["10.0.0.1:4222", "10.0.0.2:4222"]})
        told = user.next_info(lambda info: len(info.get("connect_urls", [])) == 3, "three")
        assert told["connect_urls"][0] == own
        assert sorted(told["connect_urls"][1:]) == ["10.0.0.1:4222", "10.0.0.2:4222"]
        peer.close()
        user.next_info(lambda info: info.get("connect_urls", [own]) == [own], "the own one")


def test_connect_urls_are_counted(node):
    """Two peers with the same address: it goes with the second one."""
    started = node()
    with started.user(protocol=1) as user, dial(started.route_port) as first, \
            dial(started.route_port) as second:
        first.join(info={"connect_urls": ["10.0.0.1:4222"]})
        second.join(info={"connect_urls": ["10.0.0.1:4222", "10.0.0.2:4222"]})
        user.next_info(lambda info: len(info.get("connect_urls", [])) == 3, "all")
        second.close()
        told = user.next_info(lambda info: "10.0.0.2:4222" not in info["connect_urls"], "one less")
        assert "10.0.0.1:4222" in told["connect_urls"]
        first.close()
        user.next_info(lambda info: "10.0.0.1:4222" not in info.get("connect_urls", []), "none")


def test_connect_urls_that_never_rest(node):
    """A peer that has others each moment: who comes meanwhile is served, clients are told now and
    then, and in the end of the last ones."""
    started = node()
    lists = [[f"10.{change}.{i // 200}.{i % 200}:4222" for i in range(1000)]
             for change in range(200)]
    seen = set()

    def is_last(info):
        urls = info.get("connect_urls", [""])
        seen.add(urls[-1])
        return lists[-1][0] in urls

    with started.user(protocol=1) as user, dial(started.route_port) as peer:
        peer.join()
        for urls in lists:
            peer.send(peer.info_line(connect_urls=urls))
        with dial(started.route_port) as other:
            other.join()
            other.expect_alive()
        user.next_info(is_last, "the last list")
        assert len(seen) < len(lists)


def test_lame_duck_of_a_peer(node):
    """Clients are no longer sent there; the route stays."""
    started = node()
    with started.user(protocol=1) as user, dial(started.route_port) as peer:
        urls = {"connect_urls": ["10.0.0.1:4222"]}
        peer.join(info=urls)
        user.next_info(lambda info: "10.0.0.1:4222" in info.get("connect_urls", []), "its address")
        peer.send(peer.info_line(ldm=True, **urls))
        user.next_info(lambda info: "10.0.0.1:4222" not in info.get("connect_urls", []),
                       "no address of it")
        user.sub("still.here")
        user.flush()
        peer.expect_only("RS+ $G still.here\r\n")


def test_own_lame_duck(node):
    """INFO to the routes, which stay open until the end."""
    started = node(config='lame_duck_duration: "30s"\nlame_duck_grace_period: "300ms"\n')
    with started.user() as user, dial(started.route_port) as peer:
        peer.join()
        started.server.process.send_signal(signal.SIGUSR2)
        op = peer.read_op()
        assert op.startswith(b"INFO ")
        info = json.loads(op[5:])
        assert info["ldm"] is True
        assert info["server_id"] == peer.node_info["server_id"]
        user.wait_closed()
        while peer.read_op():
            pass
        started.server.expect_end()


def test_unknown_fields_and_infos_are_ignored(peer):
    peer.send(peer.info_line(future={"a": [1, 2]}, gossip_mode=2, another=None)
              + peer.info_line())
    peer.expect_only()


def test_permissions_of_a_peer_change(node):
    """What the peer's export kept out is told again when it does not any more."""
    started = node()
    with started.user() as user, dial(started.route_port) as peer:
        peer.join(info={"export": {"allow": ["free.>"]}})
        for subject in ("free.a", "shut.a"):
            user.sub(subject)
        user.flush()
        peer.skip_to_pong()
        peer.send(peer.info_line(export={"allow": ["free.>", "shut.>"]}))
        peer.expect_only("RS+ $G shut.a\r\n")


@pytest.mark.parametrize("rule, told", [
    ('import: "free.>"', ["free.a"]), ('import: { deny: "free.>" }', ["shut.a"]),
    ('export: "free.>"', ["free.a", "shut.a"])])
def test_import_filters_interest_out(node, rule, told):
    started = node(cluster=f"permissions {{ {rule} }}")
    with started.user() as user, dial(started.route_port) as peer:
        peer.join()
        for subject in ("free.a", "shut.a"):
            user.sub(subject)
        user.flush()
        peer.expect_only(*(f"RS+ $G {subject}\r\n" for subject in told))


def test_export_filters_interest_in(node):
    started = node(cluster='permissions { export: { allow: "free.>", deny: "free.not" } }')
    with started.user() as user, dial(started.route_port) as peer:
        assert peer.node_info["export"] == {"allow": ["free.>"], "deny": ["free.not"]}
        peer.join()
        peer.send("RS+ $G free.a\r\nRS+ $G shut.a\r\nRS+ $G free.not\r\n")
        peer.skip_to_pong()
        for subject in ("free.a", "shut.a", "free.not"):
            user.pub(subject, "x")
        user.flush()
        peer.expect_only("RMSG $G free.a 1\r\nx\r\n")


# -- keep-alive


def test_ping_is_answered(peer):
    for spelled in ("PING\r\n", "ping\r\n", "PING trailing\r\n"):
        peer.send(spelled)
        assert peer.read_op() == b"PONG\r\n"


def test_stale_route(node):
    """PINGs that stay without an answer end it."""
    started = node(config='ping_interval: "100ms"\nping_max: 2\n')
    with dial(started.route_port) as peer:
        peer.join()
        peer.answer_pings = False
        ops = []
        while op := peer.read_op():
            ops.append(op)
        assert ops[-1] == b"-ERR 'Stale Connection'\r\n"
        assert set(ops[:-1]) == {b"PING\r\n"} and 2 <= len(ops[:-1]) <= 3


def test_answered_pings_keep_it(node):
    started = node(config='ping_interval: "50ms"\nping_max: 1\n')
    with dial(started.route_port) as peer:
        peer.join()
        peer.answer_pings = False
        for _ in range(10):
            assert peer.read_op() == b"PING\r\n"
            peer.send("PONG\r\n")


# -- dialling


def test_nobody_listens(node):
    """Said once, in the reference's words, and tried again until somebody does."""
    port = lasting_port()
    started = node(routes=[f"nats-route://127.0.0.1:{port}"])
    refused = rf"Error trying to connect to route \(attempt 1\): dial tcp 127\.0\.0\.1:{port}: " \
              "connect: connection refused"
    started.wait_log(refused)
    with Listener(port) as there, there.accept() as peer:
        peer.join()
        peer.expect_alive()
    assert len(re.findall(refused, started.log())) == 1


def test_name_of_a_host(node):
    with Listener() as there:
        node(routes=[f"nats-route://localhost:{there.port}"])
        with there.accept() as peer:
            peer.join()
            peer.expect_alive()


def test_log_of_a_route(node):
    started = node()
    with dial(started.route_port) as peer:
        peer.join()
        where = rf"127\.0\.0\.1:{peer.sock.getsockname()[1]} - rid:\d+ - "
        started.wait_log(where + "Route connection created")
        peer.close()
        started.wait_log(where + "Router connection closed: Client Closed")


def test_lost_route_is_dialled_again(node):
    """Whether the other end closed it or never answered."""
    with Listener() as there:
        started = node(routes=[there])
        for _ in range(3):
            with there.accept() as peer:
                peer.join()
                peer.abort()
        with there.accept() as peer, started.user() as user:
            peer.join()
            peer.send("RS+ $G back\r\n")
            peer.expect_alive()
            assert user.has_responders("back")


def test_peer_that_dials_back_meanwhile(node):
    """The node dials, and before that is answered the same peer dials it: what was dialled by the
    smaller id survives."""
    smaller = "N" + "2" * 55
    with Listener() as there:
        started = node(routes=[there])
        with there.accept(id=smaller) as called, dial(started.route_port, id=smaller,
                                                      name=called.name,
                                                      port=there.port) as calling:
            called.read_opening()
            calling.send(calling.connect_line() + calling.info_line())
            calling.skip_to_pong()
            called.send(called.info_line())
            called.expect_end()
            calling.expect_alive()
            with started.user() as user:
                user.sub("one.route")
                user.flush()
                calling.expect_only("RS+ $G one.route\r\n")


def test_end_of_the_node(node):
    """The connection ends, and so does the process; that its clients go first may be told."""
    started = node()
    with dial(started.route_port) as peer, started.user() as user:
        peer.join()
        user.sub("some.thing")
        user.flush()
        peer.expect_only("RS+ $G some.thing\r\n")
        started.stop()
        while op := peer.read_op():
            assert op == b"RS- $G some.thing\r\n"


def test_peer_that_does_not_say_who_it_is(node):
    """Without its INFO it gets no interest, although others come and go."""
    started = node()
    with dial(started.route_port) as mute, started.user() as user:
        mute.send(mute.connect_line())
        user.sub("some.thing")
        user.flush()
        with dial(started.route_port) as peer:
            peer.join()
            peer.expect_alive()
        mute.expect_only()


def test_ports_file_has_the_cluster(node):
    started = node()
    assert started.server.ports["cluster"] == [f"nats://127.0.0.1:{started.route_port}"]
    started.wait_log(f"Listening for route connections on 127.0.0.1:{started.route_port}")
    started.wait_log("Cluster name is C")
