# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all black-box tests."""

import pytest

from support.cluster import Cluster
from support.server import Server


def _starter(folder_of):
    servers = []

    def start(config=None, args=(), **kwargs):
        servers.append(Server(folder_of(len(servers)), config, args, **kwargs))
        return servers[-1]

    return start, servers


def _stop_all(servers):
    failures = []
    for server in servers:
        try:
            server.stop()
        except pytest.fail.Exception as failure:  # the others must be stopped all the same
            failures.append(str(failure))
    if failures:
        pytest.fail("\n".join(failures))


@pytest.fixture
def server(tmp_path):
    """server(config=None, args=(), environ=None, ...) starts one; see support/server.py."""

    def folder(count):
        path = tmp_path / f"server{count}"
        path.mkdir()
        return path

    start, servers = _starter(folder)
    yield start
    _stop_all(servers)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One server with the default configuration for all tests of a file."""
    start, servers = _starter(lambda _: tmp_path_factory.mktemp("shared"))
    yield start()
    _stop_all(servers)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """What failed beside a cluster shows the nodes' logs."""
    report = (yield).get_result()
    cluster = getattr(item, "funcargs", {}).get("cluster")
    if report.failed and cluster is not None:
        report.sections.append(("logs of the nodes", cluster.log()))


@pytest.fixture
def cluster(tmp_path):
    """A support.cluster.Cluster without nodes yet."""
    made = Cluster(tmp_path)
    yield made
    made.close()
