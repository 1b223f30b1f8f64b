# SPDX-License-Identifier: Apache-2.0
"""The token of the servers that are measured."""

TOKEN = "bench-7f3a9c51d2e84b60"  # admits to the servers of these scripts only
BCRYPTED = "$2a$11$benchmarkbenchmarkbenOloKK7CviMFHC92MS2Z9hW9EEmm4VqPy"  # of TOKEN


def config(token, ping_interval=120):
    """Lines of a configuration file. ping_interval is what a reload changes: nothing that concerns
    logins."""
    return f'ping_interval: "{ping_interval}s"\nauthorization {{ token: "{token}" }}\n'
