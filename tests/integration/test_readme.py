# SPDX-License-Identifier: Apache-2.0
"""What README.md recommends works as it stands there."""

import shlex

import pytest

from integration.cli_support import Running, nats
from support import certs, env, tokens

README = (env.ROOT / "README.md").read_text()
TOKEN, HOST = "s3cr3t", "nats.example.com"


def block(language, start):
    """The one code block of README that begins so."""
    begin = f"{language}\n"
    found = [text for text in README.split("```")[1::2] if text.startswith(begin + start)]
    assert len(found) == 1
    return found[0].removeprefix(begin)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return certs.Authority(tmp_path_factory.mktemp("nats"))


def test_the_recommended_set_up(server, authority):
    """Only names of places change: the folder, the host and its port, the hash."""
    pair = authority.server(HOST, "localhost")
    assert (pair.cert.name, pair.key.name) == ("server.pem", "server-key.pem")
    config = block("", "tls {").replace("/etc/nats", str(authority.folder))
    config = config.replace("$2a$11$...", tokens.bcrypt(TOKEN))
    command = shlex.split(block("sh", "nats sub -s tls://"), comments=True)
    assert command[:2] == ["nats", "sub"] and f"tls://{TOKEN}@{HOST}:4222" in command

    started = server(config)
    url = f"tls://{TOKEN}@localhost:{started.port}"
    flags = [url if word.startswith("tls://") else word for word in command[1:]]
    with Running(*flags, "--count=1", "--tlsca", authority.cert) as sub:
        sub.wait_err("Subscribing on >")
        nats("pub", "greeting", "hello", "-s", url, "--tlsca", authority.cert, check=0)
        assert sub.end() == 0 and b"\nhello\n" in sub.out
