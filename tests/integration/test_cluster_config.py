# SPDX-License-Identifier: Apache-2.0
"""The cluster's block and flags: what is refused and how, what is warned of, what flags can do."""

import re

import pytest

from support import server as servers
from support.cluster import OURS, linked
from support.tokens import bcrypt, expect_no_leak
from support.user import User

TOKEN = "t0ken-of-routes"
LISTEN = "listen: 127.0.0.1:-1"

# The block's body, the complaint; where the complaint is about a place its line and column.
REFUSED = {
    "several-users": ("authorization { users: [ { user: a, password: b } ] }",
                      "Cluster authorization does not allow multiple users"),
    "blank-in-name": ('name: "my cluster"', "cluster name cannot contain spaces"),
    "unknown-field": ("nosuchfield: 1", 'unknown field "nosuchfield"'),
    "route-without-host": ('routes: [ "nats-route://" ]', "route"),
    "unknown-permission": ('permissions { import: { allow: "a..b" } }', "a..b"),
    "permission-word": ('permissions { import: { nosuch: "a" } }', "nosuch"),
}


def refusal(tmp_path, text, *args):
    config = tmp_path / "nats.conf"
    config.write_text(text)
    done = servers.run(["-c", config, "-a", "127.0.0.1", "-p", "-1", *args], cwd=tmp_path)
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tmp_path, name):
    body, complaint = REFUSED[name]
    assert complaint in refusal(tmp_path, f"cluster {{\n  {LISTEN}\n  {body}\n}}\n")


def test_routes_without_a_listener(tmp_path):
    assert "solicited routes require cluster capabilities, e.g. --cluster" in refusal(
        tmp_path, "", "--routes", "nats-route://127.0.0.1:6222")


def test_place_of_a_mistake(tmp_path):
    said = refusal(tmp_path, f"cluster {{\n  {LISTEN}\n  nosuchfield: 1\n}}\n")
    assert re.search(r'nats\.conf:3:3: unknown field "nosuchfield"', said)


# -- what the reference does not have


@pytest.mark.parametrize("body", [
    'token: ""', f"token: {TOKEN}, user: a, password: b", 'token: "$2a$99$abc"',
    f'token: "{TOKEN}", token: "other"'])
def test_refused_token(tmp_path, body):
    said = refusal(tmp_path, f"cluster {{\n  {LISTEN}\n  authorization {{ {body} }}\n}}\n")
    assert re.search(r"nats\.conf:3:\d+: ", said)
    expect_no_leak(said, TOKEN, "$2a$99$abc")


def test_bcrypted_token_and_nothing_to_dial_with(tmp_path):
    """The hash can check what others show; it can not be shown."""
    hashed = bcrypt(TOKEN)
    said = refusal(tmp_path, f'cluster {{\n  {LISTEN}\n  authorization {{ token: "{hashed}" }}\n'
                             '  routes: [ "nats-route://127.0.0.1:6222" ]\n}\n')
    assert re.search(r"nats\.conf:\d+:\d+: ", said)
    expect_no_leak(said, hashed)


def test_required_authorization(tmp_path):
    said = refusal(tmp_path, CLIENT_TOKEN +
                   f"cluster {{\n  {LISTEN}\n  authorization: required\n}}\n")
    assert re.search(r"nats\.conf:4:3: ", said)


WARNING = r"\[WRN\] .*anyone who reaches the cluster port"
CLIENT_TOKEN = "authorization { token: t0ken-of-clients }\n"


@pytest.mark.parametrize("config, body, warned", [
    (CLIENT_TOKEN, "", True), ("", "", False),
    (CLIENT_TOKEN, f"authorization {{ token: {TOKEN} }}", False),
    (CLIENT_TOKEN, "authorization { user: a, password: pa55word-of-routes }", False)],
    ids=["open", "open-to-all", "token", "user"])
def test_warning_of_an_open_cluster(cluster, config, body, warned):
    """Clients need a token, but whoever joins as a node reads everything."""
    node = cluster.node(OURS, config=config, cluster=body, secrets=["t0ken-of-clients", TOKEN])
    node.wait_log("Server is ready")
    node.wait_log("Listening for route connections")
    assert bool(re.search(WARNING, node.log())) == warned
    if warned:
        assert re.search(WARNING, node.reload())


# -- flags


def test_cluster_of_flags(server):
    """--cluster, --cluster_name and --routes make one without a file."""
    first = server(args=["--cluster", "nats://127.0.0.1:-1", "--cluster_name", "flags"])
    route = first.ports["cluster"][0].replace("nats://", "nats-route://")
    second = server(args=["--cluster_listen", "nats://127.0.0.1:-1", "--cluster_name", "flags",
                          "--routes", route, "-n", "second"])
    with User(first.port) as a, User(second.port) as b:
        assert a.info["cluster"] == b.info["cluster"] == "flags"
        a.sub("over.flags")
        a.announced(b)
        b.announced(a)


def test_no_advertise_flag(server):
    first = server(args=["--cluster", "nats://127.0.0.1:-1", "--cluster_name", "flags"])
    route = first.ports["cluster"][0].replace("nats://", "nats-route://")
    second = server(args=["--cluster", "nats://127.0.0.1:-1", "--cluster_name", "flags",
                          "--routes", route, "-n", "second", "--no_advertise"])
    with User(first.port) as a, User(second.port) as b:
        a.announced(b)
    with User(first.port) as a:
        assert f"127.0.0.1:{second.port}" not in a.info.get("connect_urls", [])


def test_signal_ldm(cluster):
    """--signal ldm=PID, as an orchestrator sends it."""
    node = cluster.node(OURS, config='lame_duck_duration: "30s"\n'
                                     'lame_duck_grace_period: "200ms"\n')
    other = cluster.node(OURS, routes=[node])
    linked(node, other)
    with node.user(protocol=1) as user:
        user.flush()
        done = servers.run(["--signal", f"ldm={node.pid}"], cwd=node.folder)
        assert done.returncode == 0, done.stderr
        user.next_info(lambda info: info.get("ldm"), "ldm")
        user.wait_closed()
    node.server.expect_end()
