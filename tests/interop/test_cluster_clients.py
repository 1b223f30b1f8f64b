# SPDX-License-Identifier: Apache-2.0
"""The official clients in a cluster: they survive the loss of each node in turn under traffic. The
scenario is "follow" in c/cluster.c and js/cluster.mjs."""

import pytest

from support.client import Client
from support.cluster import FIRST, KINDS, linked, wait_connect_urls
from support.traffic import Traffic

STEP = 200  # numbers that are to come before and after each loss
GRACE = 'lame_duck_duration: "30s"\nlame_duck_grace_period: "200ms"\n'


class Follower:
    """The running program, numbers that flow to it from a node that stays, and what it says of
    them."""

    def __init__(self, program, source):
        self.program = program
        self.listener = source.user()
        self.listener.sub("seen")
        self.listener.flush()
        self.traffic = Traffic(Client(source.port).login(), "numbers")

    def expect_flow(self):
        """Numbers that are published from now on reach it, and it is heard."""
        wanted = str(self.traffic.count + STEP)
        self.program.process.stdin.write(wanted + "\n")
        self.program.process.stdin.flush()
        assert self.listener.next().text == wanted

    def end(self):
        self.traffic.stop()
        self.program.finish()


def nodes_of(cluster, kinds, config=""):
    nodes = [cluster.node(kinds[0], lasting=True, config=config)]
    for kind in kinds[1:]:
        nodes.append(cluster.node(kind, lasting=True, routes=nodes[:1], config=config))
    nodes[0].routes = nodes[1:]  # so that it finds them when it comes back
    linked(*nodes)
    return nodes


@pytest.mark.parametrize("kind", KINDS)
def test_each_node_is_lost_in_turn(cluster, client, kind):
    """The client has a list of two, one of which is always there."""
    a, b, source = nodes_of(cluster, (FIRST, kind, FIRST))
    with client.start("follow", a.client_url(), url2=b.client_url()) as program:
        program.expect("ready")
        follower = Follower(program, source)
        try:
            for going, staying, end in ((a, b, "kill"), (b, a, "kill"), (a, b, "stop")):
                follower.expect_flow()
                getattr(going, end)()
                follower.expect_flow()
                going.start()
                linked(going, staying, source)
            follower.end()
        finally:
            follower.traffic.abandon()


def test_node_is_found_by_connect_urls(cluster, client):
    """The client knows one node's address; the others' it has from the server."""
    a, b, source = nodes_of(cluster, (FIRST, FIRST, FIRST))
    wait_connect_urls(a, a, b, source)
    with client.start("follow", a.client_url()) as program:
        program.expect("ready")
        follower = Follower(program, source)
        try:
            follower.expect_flow()
            a.kill()
            follower.expect_flow()
            follower.end()
        finally:
            follower.traffic.abandon()


@pytest.mark.parametrize("kind", KINDS)
def test_lame_duck_moves_the_client(cluster, client, kind):
    """Each of two nodes leaves gently; the client goes to the other one."""
    a, b, source = nodes_of(cluster, (kind, FIRST, FIRST), GRACE)
    with client.start("follow", a.client_url(), url2=b.client_url()) as program:
        program.expect("ready")
        follower = Follower(program, source)
        try:
            for going, staying in ((a, b), (b, a)):
                follower.expect_flow()
                going.lame_duck()
                going.server.expect_end()
                follower.expect_flow()
                going.start()
                linked(going, staying, source)
            follower.end()
        finally:
            follower.traffic.abandon()
