# SPDX-License-Identifier: Apache-2.0
"""How a mesh forms and changes: gossip, nodes that stop and come back, lame duck, names,
permissions, and what clients are told of it."""

import pytest

from support.cluster import FIRST, KINDS, connect_urls, linked, pairs, parted, wait_connect_urls
from support.env import wait_for
from support.user import unique

# (dialled, dialler, who joins by gossip)
TRIPLES = sorted({(FIRST, FIRST, FIRST), *((FIRST, each, FIRST) for each in KINDS[1:]),
                  *((each, FIRST, FIRST) for each in KINDS[1:]),
                  *((FIRST, FIRST, each) for each in KINDS[1:])}, key=str)
GRACE = 'lame_duck_duration: "30s"\nlame_duck_grace_period: "500ms"\n'

each_pair = pairs("kinds")


def expect_heard(sub, pub, subject, text="now"):
    """A message reaches a subscription once."""
    pub.pub(subject, text)
    assert [each.text for each in sub.after(pub)] == [text]


def exchange(*nodes):
    """Every node's client hears a publisher on every node, once."""
    users = [node.user() for node in nodes]
    subject = unique("exchange.")
    for user in users:
        user.sub(subject)
        user.announced(*users)
    for publisher in users:
        publisher.pub(subject, publisher.mark)
        for user in users:
            assert [each.text for each in user.after(publisher)] == [publisher.mark]
    for user in users:
        user.close()


# -- joining


@each_pair
def test_interest_from_before_the_route(cluster, kinds):
    subject, queue = unique("early."), unique("early.")
    a = cluster.node(kinds[0])
    left = a.user()
    left.sub(subject)
    for _ in range(2):
        left.sub(queue, "group")
    left.flush()
    b = cluster.node(kinds[1], routes=[a])
    right = b.user()
    right.wait_responders(subject)
    right.wait_responders(queue)
    left.announced(right)
    left.inbox.clear()  # what the two questions caused
    for at in (subject, queue):
        expect_heard(left, right, at)


@pytest.mark.parametrize("kinds", TRIPLES, ids="-".join)
def test_third_node_by_gossip(cluster, kinds):
    """It knows one node, the one that the second dialled; the second learns of it."""
    a, b = cluster.pair(kinds[:2])
    c = cluster.node(kinds[2], routes=[a])
    linked(a, b, c)
    exchange(a, b, c)
    for node in (a, b, c):
        wait_connect_urls(node, a, b, c)


@pytest.mark.parametrize("kinds", TRIPLES, ids="-".join)
def test_node_by_gossip_joins_the_dialler(cluster, kinds):
    """As before, but it knows the second one."""
    a, b = cluster.pair(kinds[:2])
    c = cluster.node(kinds[2], routes=[b])
    linked(a, b, c)
    exchange(a, b, c)


@each_pair
def test_each_dials_the_other(cluster, kinds):
    """One connection survives, and stays."""
    a = cluster.node(kinds[0], lasting=True)
    b = cluster.node(kinds[1], lasting=True, routes=[a])
    a.routes = [b]
    a.restart()
    linked(a, b)
    exchange(a, b)
    b.restart()
    linked(a, b)
    exchange(a, b)


@each_pair
def test_route_to_itself(cluster, kinds):
    """A list of all nodes, the own one included, as one file for all of them has."""
    a = cluster.node(kinds[0], lasting=True)
    b = cluster.node(kinds[1], lasting=True)
    for node in (a, b):
        node.routes = [a, b]
        node.restart()
    linked(a, b)
    exchange(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_message_hops_once(cluster, kind):
    """Three nodes know each other: nothing comes twice, whoever publishes."""
    a = cluster.node(FIRST)
    b = cluster.node(kind, routes=[a])
    c = cluster.node(FIRST, routes=[a, b])
    linked(a, b, c)
    subject = unique("hop.")
    users = [node.user() for node in (a, b, c)]
    for user in users:
        user.sub(subject)
        user.sub(subject, "group")
        user.announced(*users)
    for publisher in users:
        for number in range(100):
            publisher.pub(subject, str(number))
        got = [[each.text for each in user.after(publisher)] for user in users]
        # Each one's own subscription, and the group's one copy, wherever that was.
        assert sorted(sum(got, []), key=int) == [str(n) for n in range(100) for _ in range(4)]
        for texts in got:
            assert set(texts) == {str(n) for n in range(100)}


# -- leaving and coming back


@each_pair
@pytest.mark.parametrize("who, end", [("dialled", "kill"), ("dialler", "stop")])
def test_node_ends_and_comes_back(cluster, kinds, who, end):
    a = cluster.node(kinds[0], lasting=True)
    b = cluster.node(kinds[1], lasting=True, routes=[a])
    linked(a, b)
    going, staying = (a, b) if who == "dialled" else (b, a)
    here, there = staying.user(), going.user()
    subject = unique("back.")
    here.sub(subject)
    there.sub(f"{subject}.there")
    there.announced(here)
    here.wait_responders(f"{subject}.there")
    getattr(going, end)()
    there.close()
    here.wait_responders(f"{subject}.there", False)
    wait_for(lambda: connect_urls(staying) in ([], [f"127.0.0.1:{staying.port}"]),
             "the other one's address to be forgotten")
    going.start()
    linked(a, b)
    there = going.user()
    here.announced(there)
    expect_heard(here, there, subject)
    assert not here.has_responders(f"{subject}.there")
    there.sub(f"{subject}.there")
    there.announced(here)
    expect_heard(there, here, f"{subject}.there")
    wait_connect_urls(staying, a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_nodes_find_each_other_again(cluster, kind):
    """Of three nodes the one in the middle goes: the other two stay connected; it comes back and
    is found by both, although only one of them was told of it."""
    a = cluster.node(FIRST, lasting=True)
    b = cluster.node(kind, lasting=True, routes=[a])
    c = cluster.node(FIRST, lasting=True, routes=[a])
    linked(a, b, c)
    a.kill()
    exchange(b, c)
    a.start()
    linked(a, b, c)
    exchange(a, b, c)
    wait_connect_urls(c, a, b, c)


# -- lame duck


@each_pair
@pytest.mark.parametrize("who", ["dialled", "dialler"])
def test_lame_duck(cluster, kinds, who):
    """Its clients are told and then closed; the other node's clients are told that it is no place
    to go to; messages flow to the end."""
    a, b = cluster.pair(kinds, config=GRACE)
    going, staying = (a, b) if who == "dialled" else (b, a)
    leaving, watching = going.user(protocol=1), staying.user(protocol=1)
    subject = unique("duck.")
    leaving.sub(subject)
    leaving.announced(watching)
    wait_connect_urls(staying, a, b)
    going.lame_duck()
    told = leaving.next_info(lambda info: info.get("ldm"), "ldm")
    assert f"127.0.0.1:{going.port}" not in told.get("connect_urls", [])
    assert f"127.0.0.1:{staying.port}" in told["connect_urls"]
    watching.next_info(lambda info: f"127.0.0.1:{going.port}" not in info.get("connect_urls", []),
                       "connect_urls without the lame duck")
    wait_connect_urls(staying, staying)
    expect_heard(leaving, watching, subject)  # its routes stay
    leaving.wait_closed()
    going.server.expect_end()
    watching.flush()
    watching.wait_responders(subject, False)


@pytest.mark.parametrize("kind", KINDS)
def test_lame_duck_without_clients_ends_at_once(cluster, kind):
    """There is nobody whom its grace would be for."""
    a = cluster.node(FIRST, config='lame_duck_duration: "5m"\nlame_duck_grace_period: "4m"\n')
    b = cluster.node(kind, routes=[a])
    wait_connect_urls(b, a, b)
    a.lame_duck()
    a.server.expect_end()
    wait_for(lambda: connect_urls(b) in ([], [f"127.0.0.1:{b.port}"]), "a to be forgotten by b")


# -- what clients are told


@each_pair
def test_connect_urls(cluster, kinds):
    """In INFO, and asynchronously to those of protocol 1 when a node comes or goes."""
    a = cluster.node(kinds[0])
    new, old = a.user(protocol=1), a.user(protocol=0)
    assert new.info.get("cluster") == "C"
    b = cluster.node(kinds[1], routes=[a])
    both = sorted(f"127.0.0.1:{node.port}" for node in (a, b))
    told = new.next_info(lambda info: sorted(info.get("connect_urls", [])) == both, both)
    assert told["connect_urls"][0] == f"127.0.0.1:{a.port}", "the own one comes first"
    assert told["server_id"] == new.info["server_id"]
    assert "nonce" not in told
    for node in (a, b):
        wait_connect_urls(node, a, b)
    b.stop()
    new.next_info(lambda info: f"127.0.0.1:{b.port}" not in info.get("connect_urls", []),
                  "connect_urls without it")
    old.flush()
    assert old.infos == []


@each_pair
def test_no_advertise(cluster, kinds):
    """The second node tells nobody where clients could go."""
    a, b = cluster.pair(kinds, second={"cluster": "no_advertise: true"})
    assert f"127.0.0.1:{b.port}" not in connect_urls(a)
    with b.user() as user:
        assert "connect_urls" not in user.info


@each_pair
def test_client_advertise(cluster, kinds):
    a, b = cluster.pair(kinds, second={"config": "client_advertise: nats.example.org:4222\n"})
    wait_for(lambda: connect_urls(a) == sorted(
        [f"127.0.0.1:{a.port}", "nats.example.org:4222"]), "the advertised address")
    assert b.user().info["port"] == 4222


# -- names


@each_pair
def test_cluster_names_differ(cluster, kinds):
    a = cluster.node(kinds[0], cluster_name="left", lasting=True)
    b = cluster.node(kinds[1], cluster_name="right", routes=[a], lasting=True)
    # Whichever end says it.
    wait_for(lambda: "does not match" in a.log() + b.log(), "the refusal")
    parted(a, b)
    b.cluster_name = "left"
    b.restart()
    linked(a, b)


@each_pair
@pytest.mark.parametrize("dynamic", ["dialled", "dialler", "both"])
def test_dynamic_name_is_adopted(cluster, kinds, dynamic):
    a = cluster.node(kinds[0], cluster_name=None if dynamic in ("dialled", "both") else "fixed")
    b = cluster.node(kinds[1], routes=[a],
                     cluster_name=None if dynamic in ("dialler", "both") else "fixed")
    linked(a, b)

    def agreed():
        names = {node.user().info.get("cluster") for node in (a, b)}
        return len(names) == 1 and (dynamic == "both" or names == {"fixed"})
    wait_for(agreed, "one name of the cluster")
    exchange(a, b)


# -- permissions of routes


@each_pair
@pytest.mark.parametrize("word, side", [("import", "dialled"), ("export", "dialled"),
                                        ("import", "dialler"), ("export", "dialler")])
def test_permissions(cluster, kinds, word, side):
    """import says what comes from the others, that is, which of the own subscriptions they hear
    of; export what goes to them, that is, which of theirs are believed."""
    rule = f'permissions {{ {word}: {{ allow: ["open.>", "MARK.>", "_INBOX.>", "parted.>"] }} }}'
    a, b = cluster.pair(kinds, **{"first" if side == "dialled" else "second": {"cluster": rule}})
    ruled, other = (a.user(), b.user()) if side == "dialled" else (b.user(), a.user())
    sub, pub = (ruled, other) if word == "import" else (other, ruled)
    free, closed = unique("open."), unique("shut.")
    for subject in (free, closed):
        sub.sub(subject)
    sub.announced(pub)
    assert pub.has_responders(free)
    assert not pub.has_responders(closed)
    for subject in (free, closed):
        pub.pub(subject, subject)
    assert free in [each.text for each in sub.after(pub)]
    sub, pub = pub, sub  # the other way is not concerned
    subject = unique("shut.")
    sub.sub(subject)
    sub.announced(pub)
    expect_heard(sub, pub, subject)
