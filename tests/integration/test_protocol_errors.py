# SPDX-License-Identifier: Apache-2.0
"""Every -ERR text that one server without TLS, accounts and routes can send, and whether the
connection survives it. (Texts of a grammar mistake: test_protocol_verbs.py; of authorization:
test_auth_token.py; of timers: test_limits.py.)"""

import pytest

from support.env import wait_for
from support.script import CLOSE, WAYS, Script

HEADERS = '{"verbose":false,"pedantic":false,"headers":true}'


def refused(what):
    return f"-ERR 'Permissions Violation for {what}'\r\n"


SCRIPTS = [
    Script("invalid-subject",
           *((f"SUB {subject} 1\r\n", "-ERR 'Invalid Subject'\r\n")
             for subject in ("a..b", ".a", "a.", ".", "..", "a.>.b", ">.a", ">.>", "*..a")),
           ("SUB a..b q 2\r\n", "-ERR 'Invalid Subject'\r\n"),
           # the sid is still free, the connection lives
           ("SUB a 1\r\n", ""), ("PUB a 1\r\nx\r\n", "MSG a 1 1\r\nx\r\n")),
    Script("publish-to-reserved",
           ("SUB > 1\r\n", ""),
           ("PUB _GR_.x 2\r\nhi\r\n", refused('Publish to "_GR_.x"')),
           ("HPUB _GR_.x.y 0 2\r\nhi\r\n", refused('Publish to "_GR_.x.y"')),
           ("PUB $NRG.x 2\r\nhi\r\n", refused('Publish to "$NRG.x"')),
           ("PUB a 1\r\nx\r\n", "MSG a 1 1\r\nx\r\n"), connect=HEADERS),
    Script("reserved-needs-something-behind",
           ("SUB > 1\r\n", ""),
           ("PUB _GR_ 0\r\n\r\n", "MSG _GR_ 1 0\r\n\r\n"),
           ("PUB _GR_x.y 0\r\n\r\n", "MSG _GR_x.y 1 0\r\n\r\n"),
           ("PUB $NRG 0\r\n\r\n", "MSG $NRG 1 0\r\n\r\n")),
    Script("publish-with-reserved-reply",
           ("SUB > 1\r\n", ""),
           *((f"PUB a {reply} 2\r\nhi\r\n", refused(f'Publish with Reply of "{reply}"'))
             for reply in ("_R_.x", "_R_.x.y", "$JS.ACK.x", "_GR_.x")),
           ("HPUB a _R_.x 0 2\r\nhi\r\n", refused('Publish with Reply of "_R_.x"')),
           ("PUB a _R_ 1\r\nx\r\n", "MSG a 1 _R_ 1\r\nx\r\n"),
           ("PUB a $JS.ACKx 1\r\nx\r\n", "MSG a 1 $JS.ACKx 1\r\nx\r\n"), connect=HEADERS),
    Script("subscribe-to-reserved-is-fine", ("SUB _R_.x 1\r\nSUB _GR_.x 2\r\nSUB $NRG.x 3\r\n", ""),
           ("PUB _R_.x 0\r\n\r\n", "MSG _R_.x 1 0\r\n\r\n")),
    Script("reserved-queue",
           ("SUB a _sys_ 1\r\n", refused('Subscription to "a" using queue "_sys_"')),
           ("PUB a 0\r\n\r\n", ""),
           ("SUB a _sys 1\r\n", ""), ("PUB a 0\r\n\r\n", "MSG a 1 0\r\n\r\n")),
    Script("subjects-are-quoted",
           ("PUB _GR_.a\"b\\c 0\r\n\r\n", refused(r'Publish to "_GR_.a\"b\\c"')),
           ("PUB _GR_.\x01\x7f 0\r\n\r\n", refused(r'Publish to "_GR_.\x01\x7f"'))),
    *(Script(f"invalid-protocol-{number}",
             (f'CONNECT {{"protocol":{number}}}\r\n', "-ERR 'invalid client protocol'\r\n", CLOSE),
             connect=None)
      for number in (2, -1)),
    Script("no-responders-needs-headers",
           ('CONNECT {"no_responders":true}\r\n',
            "-ERR 'no responders requires headers support'\r\n", CLOSE), connect=None),
    *(Script(f"account-is-refused-{i}", ("CONNECT {" + fields + "}\r\nPING\r\n",
                                         "-ERR 'Authorization Violation'\r\n", CLOSE), connect=None)
      for i, fields in enumerate(('"account":"x"', '"account":"x","new_account":true',
                                  '"new_account":true'))),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_script(shared, script, way):
    script.run(shared, way)


NO_HEADERS = [
    Script("hpub", ("HPUB a 12 12\r\n", "", CLOSE), connect=HEADERS),
    Script("no-responders", ('CONNECT {"no_responders":true,"headers":true}\r\n',
                             "-ERR 'no responders requires headers support'\r\n", CLOSE),
           connect=None),
    Script("pub", ("SUB a 1\r\nPUB a 2\r\nhi\r\n", "MSG a 1 2\r\nhi\r\n"), connect=HEADERS),
]


def test_no_header_support(server):
    without = server("no_header_support: true")
    assert not without.connect().info["headers"]
    for script in NO_HEADERS:
        for way in WAYS:
            script.run(without, way)


def test_too_many_tokens(server):
    limited = server("max_sub_tokens: 3")
    Script("tokens", ("SUB a.b.c 1\r\nSUB a.* 2\r\n", ""),
           ("SUB a.b.c.d 3\r\n", refused('Subscription to "a.b.c.d", too many tokens')),
           ("SUB a.*.c.> q 4\r\n", refused('Subscription to "a.*.c.>", too many tokens')),
           ("PUB a.b.c.d 0\r\n\r\n", ""),  # publishing is not limited
           ("PUB a.b.c 0\r\n\r\n", "MSG a.b.c 1 0\r\n\r\n")).run(limited, "whole")


def test_max_subscriptions(server):
    limited = server("max_subscriptions: 2")
    too_many = "-ERR 'maximum subscriptions exceeded'\r\n"
    script = Script("subscriptions", ("SUB a 1\r\nSUB b 2\r\n", ""), ("SUB c 3\r\n", too_many),
                    ("PUB c 0\r\n\r\n", ""),  # it was dropped
                    ("UNSUB 1\r\nSUB c 3\r\n", ""), ("SUB d 4\r\n", too_many),
                    ("PUB c 0\r\n\r\n", "MSG c 3 0\r\n\r\n"))
    for way in WAYS:
        script.run(limited, way)


def test_max_subscriptions_count_each_connection(server):
    limited = server("max_subscriptions: 1")
    with limited.login() as one, limited.login() as two:
        for client in (one, two):
            client.send("SUB a 1\r\n")
            client.expect_silence()


def test_max_connections(server):
    limited = server("max_connections: 2")
    one, two = limited.login(), limited.login()
    for _ in range(3):
        with limited.connect() as refused_one:  # INFO comes first
            refused_one.expect_error("maximum connections exceeded", closes=True)
    one.leave()

    def has_a_place():
        with limited.connect() as client:
            client.send("PING\r\n")
            return client.read_any() == b"PONG\r\n"
    wait_for(has_a_place, "the place of the one that left")
    two.expect_silence()


def test_max_payload_is_exact(server):
    limited = server("max_payload: 100")
    assert limited.connect().info["max_payload"] == 100
    body = "x" * 100
    scripts = [
        Script("at", ("SUB a 1\r\n", ""),
               (f"PUB a 100\r\n{body}\r\n", f"MSG a 1 100\r\n{body}\r\n"),
               (f"HPUB a 60 100\r\n{body}\r\n", f"HMSG a 1 60 100\r\n{body}\r\n"), connect=HEADERS),
        # the payload is not waited for, and what was sent of it is no protocol
        Script("over", ("PUB a 101\r\n", "-ERR 'Maximum Payload Violation'\r\n", CLOSE)),
        Script("over-with-payload", (f"PUB a 101\r\n{body}y\r\nPING\r\n",
                                     "-ERR 'Maximum Payload Violation'\r\n", CLOSE)),
        Script("headers-count", ("HPUB a 60 101\r\n",
                                 "-ERR 'Maximum Payload Violation'\r\n", CLOSE), connect=HEADERS),
    ]
    for script in scripts:
        for way in WAYS:
            script.run(limited, way)


def test_default_max_payload(shared):
    size = 1 << 20
    body = b"".join(b"%07d\n" % i for i in range(size // 8))
    for way in WAYS:
        Script("at", ("SUB big 1\r\n", ""),
               (b"PUB big %d\r\n%b\r\n" % (size, body), b"MSG big 1 %d\r\n%b\r\n" % (size, body))
               ).run(shared, way)
        Script("over", (f"PUB big {size + 1}\r\n",
                        "-ERR 'Maximum Payload Violation'\r\n", CLOSE)).run(shared, way)


def test_small_control_line(server):
    limited = server("max_control_line: 32")
    too_long = "-ERR 'maximum control line exceeded'\r\n"
    subject = "s" * 30
    for way in WAYS:
        Script("at", (f"SUB {subject} 1\r\n", "+OK\r\n"), (f"UNSUB {subject}12\r\n", "+OK\r\n"),
               connect=None).run(limited, way)
        Script("over", (f"SUB {subject} 12\r\n", too_long, CLOSE), connect=None).run(limited, way)
        Script("endless", ("SUB " + "s" * 33, too_long, CLOSE), connect=None).run(limited, way)
