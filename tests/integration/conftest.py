# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of the route protocol: a node under test, a peer that the test plays."""

import pytest

from support.cluster import OURS, Cluster
from support.route_peer import dial


@pytest.fixture
def node(cluster):
    """node(...) starts the server under test; see support/cluster.py."""

    def start(**kwargs):
        return cluster.node(OURS, **kwargs)
    return start


@pytest.fixture(scope="module")
def joined(tmp_path_factory):
    """A node for scripts that leave nothing behind."""
    cluster = Cluster(tmp_path_factory.mktemp("wire"))
    yield cluster.node(OURS)
    cluster.close()


@pytest.fixture
def peer(joined):
    """One that has joined it."""
    with dial(joined.route_port) as made:
        made.join()
        yield made
        made.leave()


@pytest.fixture
def user(joined):
    with joined.user() as made:
        yield made
