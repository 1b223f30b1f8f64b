# SPDX-License-Identifier: Apache-2.0
"""The INFO line: at accept, and again after the first PONG."""

import re

VERSION = "2.15.0"


def test_fields_of_a_plain_server(shared):
    info = shared.connect().info
    assert re.fullmatch(r"N[A-Z2-7]{55}", info["server_id"])
    assert info["server_name"] == info["server_id"]
    assert info["version"] == VERSION
    assert info["proto"] == 1
    assert isinstance(info["go"], str) and info["go"]
    assert (info["host"], info["port"]) == ("127.0.0.1", shared.port)
    assert info["headers"] is True
    assert info["max_payload"] == 1048576
    assert isinstance(info["client_id"], int) and info["client_id"] > 0
    assert info["client_ip"] == "127.0.0.1"
    # omitted when empty or false; a nonce would promise nkey users
    for absent in ("auth_required", "tls_required", "tls_verify", "tls_available", "nonce", "ldm",
                   "cluster", "domain", "connect_urls", "ws_connect_urls", "connect_info"):
        assert absent not in info


def test_line_ends_with_crlf(shared):
    client = shared.connect(read_info=False)
    assert re.fullmatch(rb"INFO \{[^\r\n]*\} ?\r\n", client.read_until(b"\n"))
    client.send("PING\r\n")
    client.expect("PONG\r\n")


def test_server_id_is_drawn_at_each_start(server):
    assert server().connect().info["server_id"] != server().connect().info["server_id"]


def test_client_ids_differ(shared):
    ids = [shared.connect().info["client_id"] for _ in range(20)]
    assert len(set(ids)) == 20
    assert ids == sorted(ids)


def test_fields_of_the_configuration(server):
    info = server("""
        server_name: "edge-7"
        client_advertise: "nats.example.com:14222"
        max_payload: 4kb
        no_header_support: yes
        authorization { token: "s3cr3t" }
    """).connect().info
    assert info["server_name"] == "edge-7"
    assert (info["host"], info["port"]) == ("nats.example.com", 14222)
    assert info["max_payload"] == 4096
    assert info["headers"] is False
    assert info["auth_required"] is True
    assert "nonce" not in info
    assert "s3cr3t" not in str(info)


def test_client_advertise_without_port(server):
    started = server('client_advertise: "nats.example.com"')
    info = started.connect().info
    assert (info["host"], info["port"]) == ("nats.example.com", started.port)


def test_follows_the_first_pong_of_a_protocol_1_client(shared):
    client = shared.connect()
    client.login(protocol=1)
    again = client.read_info()
    assert again.pop("connect_info") is True
    assert again.pop("remote_account") == "$G"
    again.pop("acc_is_sys", None)
    assert again == client.info  # all fields are repeated
    client.fence()  # later PONGs bring no INFO
    client.expect_silence()


def test_does_not_follow_for_older_clients(shared):
    shared.login(protocol=0).expect_silence()
    shared.login().expect_silence()
    silent = shared.connect()
    silent.fence()
    silent.expect_silence()


def test_follows_the_pong_in_a_packet_with_more(shared):
    client = shared.connect()
    client.send('CONNECT {"verbose":true,"protocol":1}\r\nPING\r\n'
                "SUB a 1\r\nPUB a 0\r\n\r\nPING\r\n")
    client.expect("+OK\r\nPONG\r\n")
    assert client.read_info()["connect_info"]
    client.expect("+OK\r\n+OK\r\nMSG a 1 0\r\n\r\nPONG\r\n")
    client.expect_silence()


def test_follows_the_first_pong_behind_connect(shared):
    client = shared.connect()
    client.fence()  # a PONG before CONNECT does not count
    client.login(protocol=1)
    assert client.read_info()["connect_info"] is True
    client.expect_silence()
