# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests with official clients."""

import pytest

import clients


@pytest.fixture(params=clients.ALL)
def client(request):
    """Each official client in turn; see clients.py."""
    return clients.need(request.param)
