# SPDX-License-Identifier: Apache-2.0
"""Every message crosses a route once and in order, and every subscription becomes known: the load
generators of bench/cluster/run check it, with little load, between our nodes and the reference's."""

import os

import pytest

from support import load
from support.cluster import OURS, PAIRS, Cluster, names

THREADS = (1, 2, 4)  # of both nodes
OTHERS = [pair for pair in PAIRS if pair != (OURS, OURS)]

FLOWS = {
    "one to one, 16 B": dict(messages=20_000, size=16),
    "one to one, 128 B": dict(messages=20_000),
    "16 KB": dict(messages=600, size=16 << 10),
    "1 MB": dict(messages=20, size=1 << 20),
    "fan-out to 10": dict(messages=4_000, subscribers=10),
    "fan-out to 100": dict(messages=500, subscribers=100),
    "pairs": dict(messages=40_000, publishers=4, subjects=4),
    "several publishers": dict(messages=15_000, publishers=5, subscribers=3),
    "many subjects": dict(messages=20_000, subjects=1_000, sub_connections=3),
    "more subjects than are in a cache": dict(messages=40_000, subjects=20_000, sub_connections=3),
    "queue groups": dict(messages=10_000, publishers=3, subscribers=7, queue=3),
}


@pytest.fixture(scope="module",
                params=[*[(OURS, OURS, number) for number in THREADS],
                        *[(*kinds, None) for kinds in OTHERS]],
                ids=[*[f"threads={number}" for number in THREADS], *names(OTHERS)])
def nodes(request, tmp_path_factory):
    """The near node and the far one."""
    *kinds, threads = request.param
    cluster = Cluster(tmp_path_factory.mktemp("load-cluster"))
    try:
        yield cluster.pair(kinds, config=f"threads: {threads}" if threads else "")
    finally:
        cluster.close()


def measure(what, nodes, program=load.LOAD, **given):
    near, far = nodes
    return load.measure(what, near.port, near.pid, program, far_port=far.port, far_pid=far.pid,
                        **given)


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS.keys())
def test_flow(nodes, flow):
    result = measure("flow", nodes, check=True, **flow)
    assert result["messages"] == flow["messages"]
    copies = flow.get("queue", flow.get("subscribers", 1))
    assert result["deliveries"] == copies * flow["messages"]


@pytest.mark.parametrize("given", (dict(in_flight=1), dict(in_flight=64),
                                   dict(in_flight=16, requesters=3, responders=4)), ids=str)
def test_request_reply(nodes, given):
    result = measure("request", nodes, requests=2_000, sleep=True, **given)
    assert result["requests"] == result["latency_us"]["count"] == 2_000


@pytest.mark.parametrize("wildcards", (0, 1), ids=("literal", "wildcards"))
def test_many_subscriptions(nodes, wildcards):
    """Known to the far node, which publishes across them; then removed there as well."""
    count = 10_000
    result = measure("subs", nodes, load.MASS, count=count, publish=count, connections=3,
                     wildcards=wildcards, after_s=0)
    firsts = count // 1_000  # of each thousand, the one that has its messages too
    assert result["deliveries"] == count + wildcards * (count - firsts)
    assert result["insert"]["far_cpu_us"] > 0


def apart(cluster, kinds):
    """Two nodes; a reload makes the second one dial the first."""
    near, far = cluster.node(kinds[0]), cluster.node(kinds[1], lasting=True)
    far.routes = [near]
    far.server.config.write_text(far.text())
    return near, far


@pytest.mark.parametrize("kinds", PAIRS, ids=names())
def test_many_subscriptions_before_the_route(cluster, kinds):
    count = 10_000
    result = measure("subs", apart(cluster, kinds), load.MASS, count=count, publish=count, join=1,
                     connections=2, after_s=0)
    assert result["deliveries"] == count
    assert result["join"]["seconds"] > 0


# -- the checker


def test_nodes_that_are_not_joined(cluster):
    """What never comes across is said, and no figures."""
    near, far = cluster.node(OURS), cluster.node(OURS)
    done = load.run("flow", near.port, near.pid, far_port=far.port, far_pid=far.pid, messages=10,
                    deadline_s=2)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the nodes did not know each other at the deadline" in done.stderr
    done = load.run("subs", near.port, near.pid, load.MASS, far_port=far.port, far_pid=far.pid,
                    count=10, deadline_s=2)
    assert (done.returncode, done.stdout) == (1, "")
    assert "not all had come when time was up" in done.stderr


@pytest.mark.parametrize("given", (dict(far_port=1), dict(far_pid=1),
                                   dict(far_port=1, far_pid=1, raw=True)), ids=str)
def test_half_a_far_node(given):
    done = load.run("flow", 1, os.getpid(), **given)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--far-port and --far-pid go together" in done.stderr
