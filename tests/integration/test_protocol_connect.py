# SPDX-License-Identifier: Apache-2.0
"""CONNECT: its JSON, its fields, and what a second one changes."""

import pytest

from support.script import CLOSE, WAYS, Script

VERBOSE = '{"verbose":true,"pedantic":false}'

ALL_FIELDS = ('CONNECT {"verbose":false,"pedantic":false,"tls_required":false,"echo":true,'
              '"name":"na\\u006de \\"x\\"","lang":"c","version":"3.4.1","protocol":0,'
              '"headers":true,"no_responders":true,"user":"u","pass":"p","auth_token":"t",'
              '"nkey":"","sig":"","jwt":""}\r\n')

SCRIPTS = [
    Script("empty-object", ("CONNECT {}\r\n", "+OK\r\n"),
           # what is not named keeps its default: verbose, pedantic
           ("PUB a..b 0\r\n\r\n", "-ERR 'Invalid Publish Subject'\r\n+OK\r\n"), connect=None),
    Script("all-fields", (ALL_FIELDS, ""), ("PING\r\n", "PONG\r\n"), connect=None),
    Script("unknown-fields", ('CONNECT {"verbose":false,"pedantic":false,"zzz":[1,{"a":null}],'
                              '"":1.5e3}\r\n', ""),
           ("PING\r\n", "PONG\r\n"), connect=None),
    Script("blanks-in-json", ('CONNECT \t { "verbose" : false ,\t"pedantic":false } \r\n', ""),
           ("PING\r\n", "PONG\r\n"), connect=None),
    Script("keys-in-any-case", ('CONNECT {"VERBOSE":false,"Pedantic":false}\r\n', ""),
           ("PUB a..b 0\r\n\r\n", ""), connect=None),
    Script("last-duplicate-wins", ('CONNECT {"verbose":true,"verbose":false}\r\n', ""),
           ("PING\r\n", "PONG\r\n"), connect=None),
    Script("last-duplicate-wins-in-any-case",
           ('CONNECT {"verbose":false,"VERBOSE":true}\r\n', "+OK\r\n"), connect=None),
    Script("verbose-off", ('CONNECT {"verbose":false}\r\n', ""), ("SUB a 1\r\n", ""), connect=None),
    Script("pedantic-off", ('CONNECT {"pedantic":false}\r\n', "+OK\r\n"),
           ("PUB a..b 0\r\n\r\n", "+OK\r\n"), connect=None),
    Script("protocol-0", ('CONNECT {"protocol":0}\r\n', "+OK\r\n"), connect=None),
    *(Script(f"malformed-{i}", (f"CONNECT {json}\r\n", "", CLOSE), connect=None)
      for i, json in enumerate((
          "{", "}", "[]", "x", '"x"', "1", "{]", '{"verbose"}', '{"verbose":}', '{"verbose":true',
          '{"verbose":true,}', "{verbose:true}", "{'verbose':true}", '{"name":"x}',
          '{"name":"\\x"}', '{"name":"\\ud800"', "{} x", "{}{}", '{"a":1} {"b":2}'))),
    *(Script(f"wrong-type-{i}", ("CONNECT {" + field + "}\r\n", "", CLOSE), connect=None)
      for i, field in enumerate((
          '"verbose":"true"', '"verbose":1', '"pedantic":"x"', '"echo":0', '"headers":"yes"',
          '"no_responders":[]', '"tls_required":"x"', '"name":1', '"lang":true', '"version":{}',
          '"protocol":"1"', '"protocol":1.5', '"auth_token":1', '"auth_token":["x"]', '"user":1',
          '"pass":false', '"jwt":1', '"nkey":1', '"sig":1'))),
    Script("long-before-the-error", ('PING\r\nCONNECT {"verbose":"no"}\r\nPING\r\n', "PONG\r\n",
                                     CLOSE), connect=None),
    # -- echo
    Script("echo-off", ("SUB a 1\r\nSUB a q 2\r\n", ""), ("PUB a 1\r\nx\r\n", ""),
           connect='{"verbose":false,"pedantic":false,"echo":false}'),
    Script("echo-off-is-for-oneself",
           ("A", "SUB a 1\r\nPING\r\n", "PONG\r\n"), ("B", "SUB a 5\r\nPING\r\n", "PONG\r\n"),
           ("A", "PUB a 1\r\nx\r\nPING\r\n", "PONG\r\n"), ("B", "", "MSG a 5 1\r\nx\r\n"),
           ("B", "PUB a 1\r\ny\r\n", "MSG a 5 1\r\ny\r\n"), ("A", "", "MSG a 1 1\r\ny\r\n"),
           connect={"A": '{"verbose":false,"pedantic":false,"echo":false}'}),
    # -- a second CONNECT overwrites what it names
    Script("second-names-verbose", ('CONNECT {"verbose":false}\r\n', ""),
           ("PUB x 0\r\n\r\n", ""), ('CONNECT {"verbose":true}\r\n', "+OK\r\n"), connect=VERBOSE),
    Script("second-keeps-the-rest", ('CONNECT {"verbose":false}\r\n', ""),
           ("SUB a 1\r\nPUB a 0\r\n\r\n", ""),  # echo is still off
           ('CONNECT {"echo":true}\r\n', ""), ("SUB a 1\r\n", ""),
           ("PUB a 0\r\n\r\n", "MSG a 1 0\r\n\r\n"),
           connect='{"verbose":true,"pedantic":false,"echo":false}'),
    Script("second-drops-subscriptions", ("SUB a 1\r\nSUB > 2\r\nSUB a q 3\r\n", ""),
           ("CONNECT {}\r\n", ""), ("PUB a 0\r\n\r\n", ""),
           ("SUB b 1\r\n", ""),  # the sid is free
           ("PUB b 0\r\n\r\n", "MSG b 1 0\r\n\r\n")),
    Script("second-malformed", ("CONNECT {]\r\n", "", CLOSE)),
    Script("second-invalid", ('CONNECT {"protocol":7}\r\n',
                              "-ERR 'invalid client protocol'\r\n", CLOSE)),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_script(shared, script, way):
    script.run(shared, way)


def test_protocol_1(shared):
    client = shared.connect()
    client.send('CONNECT {"protocol":1}\r\n')
    client.expect("+OK\r\n")
    client.fence()
    client.read_info()
    client.expect_silence()
