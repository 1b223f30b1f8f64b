# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all black-box tests."""

import pytest

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
