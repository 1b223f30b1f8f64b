# SPDX-License-Identifier: Apache-2.0
"""Who logs in with what, and the outcome; the same for every client."""

import pytest

from support.logins import soon, token, tokens_config, user, users_config
from support.nkeys import Nkey
from support.tokens import bcrypt, token_config

ANN, EVE = Nkey("ann"), Nkey("eve")
WORD = "the-password"
FREE = 'publish: "free.>", subscribe: "free.>"'
RULES = f"permissions: {{ {FREE} }}"

PLAIN, HASHED = users_config(user("ann", WORD)), users_config(user("ann", bcrypt(WORD)))
SINGLE = f"authorization {{ user: ann, password: {WORD} }}\n"
NKEYS = users_config(f"{{ nkey: {ANN.public} }}", user("ann", bcrypt(WORD)))
TOKENS = tokens_config(token("a", WORD), token("b", bcrypt("other-word")))


def _user(password, name="ann"):
    return {"user": name, "pass": password}


def _nkey(key):
    return {"nkey": key.public, "seed": key.seed}


# configuration, what the client shows, what the client does then
_LOGINS = {
    "user": (PLAIN, _user(WORD), "accepted"),
    "user-wrong": (PLAIN, _user("wr0ng"), "refused"),
    "user-unknown": (PLAIN, _user(WORD, "bob"), "refused"),
    "user-none": (PLAIN, {}, "refused"),
    "user-bcrypted": (HASHED, _user(WORD), "accepted"),
    "user-bcrypted-wrong": (HASHED, _user("wr0ng"), "refused"),
    "user-bcrypted-hash": (HASHED, _user(bcrypt(WORD)), "refused"),
    "user-single": (SINGLE, _user(WORD), "accepted"),
    "user-single-wrong": (SINGLE, _user("wr0ng"), "refused"),
    "user-restricted": (users_config(user("ann", WORD, FREE)), _user(WORD), "permissions"),
    "nkey": (NKEYS, _nkey(ANN), "accepted"),
    "nkey-unknown": (NKEYS, _nkey(EVE), "refused"),
    "nkey-beside-user": (NKEYS, _user(WORD), "accepted"),
    "nkey-none": (NKEYS, {}, "refused"),
    "nkey-restricted": (users_config(f"{{ nkey: {ANN.public}, {RULES} }}"), _nkey(ANN),
                        "permissions"),
    "no-auth-user": (users_config(user("ann", WORD, FREE)) + "no_auth_user: ann\n", {},
                     "permissions"),
    "no-auth-user-wrong": (PLAIN + "no_auth_user: ann\n", _user("wr0ng"), "refused"),
    "tokens-plain": (TOKENS, {"token": WORD}, "accepted"),
    "tokens-bcrypted": (TOKENS, {"token": "other-word"}, "accepted"),
    "tokens-wrong": (TOKENS, {"token": "wr0ng"}, "refused"),
    "tokens-restricted": (tokens_config(token("a", WORD, RULES)), {"token": WORD}, "permissions"),
    "tokens-past": (tokens_config(token("a", WORD, "expires: 2020-01-01T00:00:00Z")),
                    {"token": WORD}, "refused"),
    "token-restricted": (token_config(WORD, f"default_permissions: {{ {FREE} }}"),
                         {"token": WORD}, "permissions"),
}


def table():
    return pytest.mark.parametrize("config, credentials, outcome", _LOGINS.values(),
                                   ids=_LOGINS.keys())


def expiring():
    """A configuration with a token that is about to expire, and that token."""
    return tokens_config(token("a", WORD, f"expires: {soon(2)}")), {"token": WORD}
