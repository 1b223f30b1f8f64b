# SPDX-License-Identifier: Apache-2.0
"""Users without a password: they sign the nonce of INFO with an Ed25519 key."""

import base64
import re

import pytest

from support import nkeys
from support import server as servers
from support.logins import (PASSWORD, VIOLATION, enter, no_publish, refuse, refuse_user, user,
                            users_config)
from support.nkeys import ACCOUNT, SERVER, Nkey

ANN, BOB, EVE = Nkey("ann"), Nkey("bob"), Nkey("eve")
CONFIG = users_config(f"{{ nkey: {ANN.public}, permissions: {{ publish: a }} }}",
                      f"{{ nkey: {BOB.public} }}", user("carl"))


def test_the_signatures_of_these_tests():
    """RFC 8032, section 7.1, tests 1 to 3."""
    for secret, public, message, signature in (
        ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
         "f9b46bd25bf5f0595bbe24655141438e7a100b"),
        ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
         "f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
        ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
         "4dc6594a7c15e9716ed28dc027beceea1ec40a")):
        secret, message = bytes.fromhex(secret), bytes.fromhex(message)
        assert nkeys.public_of(secret).hex() == public
        assert nkeys.sign(secret, message).hex() == signature


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    started = servers.Server(tmp_path_factory.mktemp("nkeys"), CONFIG, ["-D"])
    yield started
    started.stop()


def sign_in(client, key, **fields):
    return client.login(nkey=key.public, sig=key.sign(client.info["nonce"]), **fields)


def refuse_signature(server, key, signature, **fields):
    with server.connect() as client:
        if callable(signature):
            signature = signature(client.info["nonce"])
        client.login(nkey=key, sig=signature, ping=False, **fields)
        client.expect_error(VIOLATION, closes=True)


def test_info(guarded):
    infos = [guarded.connect().info for _ in range(50)]
    assert all(info["auth_required"] is True for info in infos)
    assert all(re.fullmatch("[A-Za-z0-9_-]{15}", info["nonce"]) for info in infos)
    assert len({info["nonce"] for info in infos}) == len(infos)


def test_no_nonce_in_later_infos(guarded):
    with guarded.connect() as client:
        sign_in(client, ANN, protocol=1)
        assert "nonce" not in client.read_info()


def test_right_signature(guarded):
    with sign_in(guarded.connect(), ANN) as client:
        client.send("PUB a 0\r\n\r\nPUB b 0\r\n\r\n")
        client.fence(no_publish("b"))
    with sign_in(guarded.connect(), BOB) as client:
        client.send("SUB b 1\r\nPUB b 0\r\n\r\n")
        client.fence(b"MSG b 1 0\r\n\r\n")


def test_standard_base64(guarded):
    """Old clients write signatures so, with padding."""
    with guarded.connect() as client:
        signature = ANN.sign(client.info["nonce"], base64.b64encode) + "=="
        client.login(nkey=ANN.public, sig=signature).expect_silence()


def test_second_connect(guarded):
    with sign_in(guarded.connect(), BOB) as client:
        sign_in(client, ANN)
        client.send("PUB b 0\r\n\r\n")
        client.fence(no_publish("b"))
        client.login(nkey=ANN.public, sig=BOB.sign(client.info["nonce"]), ping=False)
        client.expect_error(VIOLATION, closes=True)


def flipped(signature, at):
    letter = "B" if signature[at] == "A" else "A"
    return signature[:at] + letter + signature[at + 1:]


WRONG = {
    "another-key": (ANN.public, BOB.sign),
    "not-configured": (EVE.public, EVE.sign),
    "empty": (ANN.public, ""),
    "another-nonce": (ANN.public, lambda nonce: ANN.sign(nonce[::-1] + "x")),
    "part-of-the-nonce": (ANN.public, lambda nonce: ANN.sign(nonce[:-1])),
    "empty-nonce": (ANN.public, lambda nonce: ANN.sign("")),
    "first-bit": (ANN.public, lambda nonce: flipped(ANN.sign(nonce), 0)),
    "second-half": (ANN.public, lambda nonce: flipped(ANN.sign(nonce), 60)),
    "cut": (ANN.public, lambda nonce: ANN.sign(nonce)[:-4]),
    "longer": (ANN.public, lambda nonce: ANN.sign(nonce) + "AAAA"),
    "twice": (ANN.public, lambda nonce: 2 * ANN.sign(nonce)),
    "not-base64": (ANN.public, "*" * 86),
    "zeros": (ANN.public, "A" * 86),
    "huge": (ANN.public, "A" * 3000),
    "seed-as-key": (ANN.seed, ANN.sign),
    "lower-case": (ANN.public.lower(), ANN.sign),
    "key-cut": (ANN.public[:-1], ANN.sign),
    "key-longer": (ANN.public + "A", ANN.sign),
    "account-key": (Nkey("ann", ACCOUNT).public, ANN.sign),
    "no-key": ("", ANN.sign),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_signature(guarded, name):
    refuse_signature(guarded, *WRONG[name])


def test_signature_of_another_connection(guarded):
    with guarded.connect() as first:
        stolen = ANN.sign(first.info["nonce"])
        refuse_signature(guarded, ANN.public, stolen)
        first.login(nkey=ANN.public, sig=stolen).expect_silence()


def test_s_is_not_malleable(guarded):
    """S + the order of the group satisfies the equation as well; RFC 8032 wants it refused."""
    def second_form(nonce):
        raw = base64.urlsafe_b64decode(ANN.sign(nonce) + "==")
        s = int.from_bytes(raw[32:], "little") + nkeys.ORDER
        return base64.urlsafe_b64encode(raw[:32] + s.to_bytes(32, "little")).decode().rstrip("=")
    refuse_signature(guarded, ANN.public, second_form)


def test_users_with_passwords_beside(guarded):
    enter(guarded, "carl").expect_silence()
    refuse_user(guarded, "carl", "wrong")
    refuse_user(guarded, ANN.public, "")
    refuse_user(guarded, ANN.public, ANN.seed)
    refuse(guarded)
    refuse(guarded, nkey=ANN.public)


def test_an_nkey_is_asked_before_user_and_password(guarded):
    with guarded.connect() as client:
        sign_in(client, ANN, user="carl", **{"pass": "wrong"}).expect_silence()
    refuse_signature(guarded, ANN.public, BOB.sign, user="carl", **{"pass": PASSWORD})


def test_the_log_names_the_cause_and_no_signature(server):
    started = server(CONFIG, ["-DVV"])
    with started.connect() as client:
        signature = BOB.sign(client.info["nonce"])
        client.login(nkey=ANN.public, sig=signature, ping=False)
        client.expect_error(VIOLATION, closes=True)
    started.wait_log(r"cid:1 - authentication error - .*(?i:nkey)")
    started.wait_log("Authentication Failure")
    assert signature not in started.log()


def test_connection_types(server):
    started = server(users_config(
        f'{{ nkey: {ANN.public}, allowed_connection_types: ["WEBSOCKET"] }}',
        f'{{ nkey: {BOB.public}, allowed_connection_types: ["STANDARD"] }}'))
    refuse_signature(started, ANN.public, ANN.sign)
    sign_in(started.connect(), BOB).expect_silence()


# -- reload

def test_reload_cuts_the_removed_key_alone(server):
    started = server(CONFIG)
    ann, bob, carl = (sign_in(started.connect(), ANN), sign_in(started.connect(), BOB),
                      enter(started, "carl"))
    waiting = started.connect()
    started.reload(users_config(f"{{ nkey: {BOB.public} }}", user("carl")))
    ann.expect_error(VIOLATION, closes=True)
    bob.expect_silence()
    carl.expect_silence()
    refuse_signature(started, ANN.public, ANN.sign)
    # A connection that got its nonce before the reload may still use it.
    sign_in(waiting, BOB).expect_silence()


def test_reload_brings_the_first_key(server):
    started = server(users_config(user("carl")))
    carl, without_nonce = enter(started, "carl"), started.connect()
    assert "nonce" not in without_nonce.info
    started.reload(CONFIG)
    carl.expect_silence()
    sign_in(started.connect(), ANN).expect_silence()
    without_nonce.login(nkey=ANN.public, sig=ANN.sign(""), ping=False)  # nothing to sign
    without_nonce.expect_error(VIOLATION, closes=True)


# -- errors of the configuration

ENTRY = f"{{ nkey: {ANN.public} }}"
NOT_A_KEY = "Not a valid public nkey for a user"
ERRORS = {
    "duplicate": (users_config(ENTRY, ENTRY), f'Duplicate nkey "{ANN.public}" detected'),
    "word": (users_config("{ nkey: XYZ }"), NOT_A_KEY),
    "account": (users_config(f"{{ nkey: {Nkey('ann', ACCOUNT).public} }}"), NOT_A_KEY),
    "server": (users_config(f"{{ nkey: {Nkey('ann', SERVER).public} }}"), NOT_A_KEY),
    "checksum": (users_config(f"{{ nkey: {flipped(ANN.public, 20)} }}"), NOT_A_KEY),
    "cut": (users_config(f"{{ nkey: {ANN.public[:-2]} }}"), NOT_A_KEY),
    "lower-case": (users_config(f"{{ nkey: {ANN.public.lower()} }}"), NOT_A_KEY),
    "seed": (users_config(f"{{ nkey: {ANN.seed} }}"), NOT_A_KEY),
    "and-user": (users_config(f"{{ nkey: {ANN.public}, user: ann, password: {PASSWORD} }}"),
                 "Nkey users do not take usernames or passwords"),
    "and-token": (users_config(ENTRY, more="token: t"), "Can not have a token and a users array"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error(tmp_path, name):
    config, text = ERRORS[name]
    (tmp_path / "nats.conf").write_text(config)
    done = servers.run(["-t", "-c", "nats.conf"], cwd=tmp_path)
    assert done.returncode == 1, done
    assert re.search(rf"nats\.conf:\d+:\d+: .*{re.escape(text)}", done.stderr), done.stderr
    assert ANN.seed not in done.stderr
