# SPDX-License-Identifier: Apache-2.0
"""The grammar of what a client sends; verbose and pedantic. No CONNECT of its own: defaults
verbose=true, pedantic=true, headers=false hold."""

import pytest

from support.script import CLOSE, WAYS, Script

UNKNOWN = "-ERR 'Unknown Protocol Operation'\r\n"
VERBOSE = '{"verbose":true,"pedantic":false}'
HEADERS = '{"verbose":false,"pedantic":false,"headers":true}'
VERBOSE_HEADERS = '{"verbose":true,"pedantic":false,"headers":true}'
PEDANTIC = '{"verbose":false,"pedantic":true}'


def upto(limit, text):
    """text with its one % replaced so that the first line, verb left out, has limit bytes."""
    arguments = text.split("\r\n")[0].split(" ", 1)[1]
    return text.replace("%", "a" * (limit - len(arguments) + 1))


TOO_LONG = "-ERR 'maximum control line exceeded'\r\n"
LIMIT = 4096

GRAMMAR = [
    # -- verbs in any case, arguments as they are
    Script("verbs-lower",
           ("sub Foo 1\r\n", ""), ("pub Foo 2\r\nhi\r\n", "MSG Foo 1 2\r\nhi\r\n"),
           ("pub foo 2\r\nhi\r\n", ""), ("unsub 1\r\n", ""), ("ping\r\n", "PONG\r\n")),
    Script("verbs-mixed",
           ("sUb foo 1\r\n", ""), ("PuB foo 2\r\nhi\r\n", "MSG foo 1 2\r\nhi\r\n"),
           ("hPuB foo 0 2\r\nhi\r\n", "MSG foo 1 2\r\nhi\r\n"),
           ("UnSub 1\r\n", ""), ("pInG\r\n", "PONG\r\n"), ("PoNg\r\n", ""), connect=HEADERS),
    Script("connect-lower", ("connect {}\r\n", "+OK\r\n"), connect=None),
    # -- SP: one or more blanks or tabs; blanks at the end
    Script("blanks",
           ("SUB  foo\t 1\r\n", ""), ("PUB\tfoo \t2\r\nhi\r\n", "MSG foo 1 2\r\nhi\r\n"),
           ("SUB foo 2 \r\nUNSUB  1\r\n", ""),
           ("PUB  foo\t re.ply  2 \r\nhi\r\n", "MSG foo 2 re.ply 2\r\nhi\r\n")),
    Script("blanks-hpub", ("SUB foo 1\r\n", ""),
           ("HPUB \tfoo  r\t\t12   14 \r\nNATS/1.0\r\n\r\nhi\r\n",
            "HMSG foo 1 r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n"), connect=HEADERS),
    # -- a bare LF ends a line, too
    Script("bare-lf", ("SUB foo 1\n", ""), ("PUB foo 2\nhi\r\n", "MSG foo 1 2\r\nhi\r\n"),
           ("PING\n", "PONG\r\n"), ("UNSUB 1\n", ""), ("PUB foo 0\n\r\n", "")),
    Script("bare-lf-connect", ('CONNECT {"verbose":false}\n', ""), ("PING\n", "PONG\r\n"),
           connect=None),
    # -- CONNECT
    Script("connect-no-blank", ("CONNECT{}\r\n", "+OK\r\n"), connect=None),
    Script("connect-empty", ("CONNECT \r\n", "", CLOSE), connect=None),
    Script("connect-bare", ("CONNECT\r\n", "", CLOSE), connect=None),
    # -- PUB
    Script("pub-reply", ("SUB foo 1\r\n", ""),
           ("PUB foo INBOX.1 5\r\nhello\r\n", "MSG foo 1 INBOX.1 5\r\nhello\r\n")),
    Script("pub-empty-payload", ("SUB foo 1\r\n", ""),
           ("PUB foo 0\r\n\r\n", "MSG foo 1 0\r\n\r\n"),
           ("PUB foo r 0\r\n\r\n", "MSG foo 1 r 0\r\n\r\n")),
    Script("pub-any-byte", ("SUB foo 1\r\n", ""),
           ("PUB foo 256\r\n" + "".join(map(chr, range(256))) + "\r\n",
            "MSG foo 1 256\r\n" + "".join(map(chr, range(256))) + "\r\n")),
    Script("pub-payload-looks-like-protocol", ("SUB foo 1\r\n", ""),
           ("PUB foo 19\r\nPING\r\nPUB foo 1\r\nx\r\r\n",
            "MSG foo 1 19\r\nPING\r\nPUB foo 1\r\nx\r\r\n")),
    Script("pub-no-arguments", ("PUB \r\n", "", CLOSE)),
    Script("pub-one-argument", ("PUB foo\r\n", "", CLOSE)),
    Script("pub-four-arguments", ("PUB foo a b 1\r\n", "", CLOSE)),
    Script("pub-negative", ("PUB foo -1\r\n", "", CLOSE)),
    Script("pub-plus", ("PUB foo +1\r\n", "", CLOSE)),
    Script("pub-number-and-letter", ("PUB foo 1x\r\n", "", CLOSE)),
    Script("pub-hex", ("PUB foo 0x1\r\n", "", CLOSE)),
    Script("pub-ten-digits", ("PUB foo 9999999999\r\n", "", CLOSE)),
    Script("pub-ten-digits-small", ("PUB foo 0000000002\r\n", "", CLOSE)),
    Script("pub-huge-digits", ("PUB foo 18446744073709551618\r\n", "", CLOSE)),
    Script("pub-nine-digits", ("PUB foo 999999999\r\n",
                               "-ERR 'Maximum Payload Violation'\r\n", CLOSE)),
    Script("pub-payload-too-long", ("SUB foo 1\r\n", ""),
           ("PUB foo 3\r\nabcd\r\n", UNKNOWN, CLOSE)),
    Script("pub-payload-too-short", ("PUB foo 3\r\nab\r\n", ""), ("PING\r\n", UNKNOWN, CLOSE)),
    Script("pub-payload-bare-lf", ("PUB foo 3\r\nabc\n", ""), ("PING\r\n", UNKNOWN, CLOSE)),
    # -- HPUB
    Script("hpub", ("SUB foo 1\r\n", ""),
           ("HPUB foo 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n",
            "HMSG foo 1 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n"),
           ("HPUB foo re 12 12\r\nNATS/1.0\r\n\r\n\r\n",
            "HMSG foo 1 re 12 12\r\nNATS/1.0\r\n\r\n\r\n"), connect=HEADERS),
    Script("hpub-no-header-bytes", ("SUB foo 1\r\n", ""),
           ("HPUB foo 0 2\r\nhi\r\n", "MSG foo 1 2\r\nhi\r\n"),
           ("HPUB foo r 0 0\r\n\r\n", "MSG foo 1 r 0\r\n\r\n"), connect=HEADERS),
    Script("hpub-opaque", ("SUB foo 1\r\n", ""),
           ("HPUB foo 4 6\r\njunkhi\r\n", "HMSG foo 1 4 6\r\njunkhi\r\n"), connect=HEADERS),
    Script("hpub-header-larger-than-total", ("HPUB foo 5 4\r\n", "", CLOSE), connect=HEADERS),
    Script("hpub-two-arguments", ("HPUB foo 5\r\n", "", CLOSE), connect=HEADERS),
    Script("hpub-five-arguments", ("HPUB foo a b 1 2\r\n", "", CLOSE), connect=HEADERS),
    Script("hpub-bad-header-size", ("HPUB foo x 4\r\n", "", CLOSE), connect=HEADERS),
    Script("hpub-bad-total-size", ("HPUB foo 4 x\r\n", "", CLOSE), connect=HEADERS),
    Script("hpub-ten-digits", ("HPUB foo 4 9999999999\r\n", "", CLOSE), connect=HEADERS),
    Script("hpub-ten-digits-header", ("HPUB foo 0000000004 9\r\n", "", CLOSE), connect=HEADERS),
    Script("hpub-total-too-large", ("HPUB foo 4 999999999\r\n",
                                    "-ERR 'Maximum Payload Violation'\r\n", CLOSE),
           connect=HEADERS),
    Script("hpub-without-headers", ("HPUB foo 12 14\r\n", "", CLOSE)),
    Script("hpub-without-connect", ("HPUB foo 12 14\r\n", "", CLOSE), connect=None),
    # -- SUB, UNSUB
    Script("sub-queue", ("SUB foo workers@@@@ 7\r\n", ""),
           ("PUB foo 1\r\nx\r\n", "MSG foo 7 1\r\nx\r\n")),
    Script("sub-opaque-sid", ("SUB foo a.b>*{}\"'\x80\xff\r\n", ""),
           ("PUB foo 1\r\nx\r\n", "MSG foo a.b>*{}\"'\x80\xff 1\r\nx\r\n")),
    Script("sub-no-arguments", ("SUB \r\n", "", CLOSE)),
    Script("sub-one-argument", ("SUB foo\r\n", "", CLOSE)),
    Script("sub-four-arguments", ("SUB foo q 1 2\r\n", "", CLOSE)),
    Script("unsub-no-arguments", ("UNSUB \r\n", "", CLOSE)),
    Script("unsub-three-arguments", ("UNSUB 1 2 3\r\n", "", CLOSE)),
    # an invalid max means "now"
    *(Script(f"unsub-max-{bad}", ("SUB foo 1\r\n", ""), (f"UNSUB 1 {bad}\r\n", ""),
             ("PUB foo 0\r\n\r\n", "")) for bad in ("x", "-1", "0", "1x", "99999999999")),
    # -- PING, PONG
    Script("ping", ("PING\r\n", "PONG\r\n"), ("PING\r\nPING\r\n", "PONG\r\nPONG\r\n")),
    Script("ping-with-junk", ("PING  junk 123\r\n", "PONG\r\n"), ("PINGjunk\r\n", "PONG\r\n")),
    Script("pong-with-junk", ("PONG  junk 123\r\nPONGjunk\r\n", "")),
    Script("ping-before-connect", ("PING\r\n", "PONG\r\n"), connect=None),
    # -- server verbs that a client may send
    Script("info-from-client", ('INFO {"a":1}\r\n', ""), ("PING\r\n", "PONG\r\n")),
    Script("info-no-json", ("INFO x\r\n", "", CLOSE)),
    Script("ok-from-client", ("+OK\r\n", ""), ("PING\r\n", "PONG\r\n")),
    Script("err-from-client", ("-ERR 'so long'\r\n", "", CLOSE)),
    # -- and those it may not
    *(Script("verb-" + line.split()[0], (line + "\r\n", UNKNOWN, CLOSE))
      for line in ("MSG foo 1 0", "HMSG foo 1 12 12", "RS+ $G foo", "RS- $G foo", "RMSG $G foo 0",
                   "LS+ foo", "LS- foo", "LMSG foo 0", "A+ $G", "A- $G")),
    # -- unknown
    Script("unknown-verb", ("FOO\r\n", UNKNOWN, CLOSE)),
    Script("unknown-empty-line", ("\r\n", UNKNOWN, CLOSE)),
    Script("unknown-blank-first", (" PING\r\n", UNKNOWN, CLOSE)),
    Script("unknown-longer-word", ("PUBx foo 1\r\n", UNKNOWN, CLOSE)),
    Script("unknown-split-word", ("PIN G\r\n", UNKNOWN, CLOSE)),
    Script("unknown-nul", ("\0\0\0\0\r\n", UNKNOWN, CLOSE)),
    Script("unknown-http", ("GET / HTTP/1.1\r\n", UNKNOWN, CLOSE)),
    Script("pub-without-blank", ("PUB\r\n", UNKNOWN, CLOSE)),
    Script("sub-without-blank", ("SUB\r\n", UNKNOWN, CLOSE)),
    # what follows an error in the same packet is dropped
    Script("rest-is-dropped", ("FOO\r\nPING\r\nPING\r\n", UNKNOWN, CLOSE)),
    # what came before it was served
    Script("before-is-served", ("SUB foo 1\r\n", ""),
           ("PUB foo 2\r\nhi\r\nFOO\r\n", "MSG foo 1 2\r\nhi\r\n" + UNKNOWN, CLOSE)),
]

CONTROL_LINE = [
    *(Script(f"{name}-at-the-limit", (upto(LIMIT, line), answer), connect=connect)
      for name, line, answer, connect in (
          ("sub", "SUB % 1\r\n", "", HEADERS),
          ("unsub", "UNSUB %\r\n", "", HEADERS),
          ("pub", "PUB % 0\r\n\r\n", "", HEADERS),
          ("hpub", "HPUB % 0 0\r\n\r\n", "", HEADERS),
          ("connect", 'CONNECT {"name":"%"}\r\n', "+OK\r\n", None))),
    *(Script(f"{name}-over-the-limit", (upto(LIMIT + 1, line), TOO_LONG, CLOSE), connect=connect)
      for name, line, connect in (
          ("sub", "SUB % 1\r\n", HEADERS),
          ("unsub", "UNSUB %\r\n", HEADERS),
          ("pub", "PUB % 0\r\n", HEADERS),
          ("hpub", "HPUB % 0 0\r\n", HEADERS),
          ("connect", 'CONNECT {"name":"%"}\r\n', None))),
    # an end of line is not waited for
    *(Script(f"{verb}-endless", (f"{verb} " + "a" * 3 * LIMIT, TOO_LONG, CLOSE), connect=HEADERS)
      for verb in ("SUB", "UNSUB", "PUB", "HPUB", "CONNECT")),
]

VERBOSE_SCRIPTS = [
    Script("ok-for-each", ("SUB foo 1\r\n", "+OK\r\n"), ("SUB foo q 2\r\n", "+OK\r\n"),
           ("UNSUB 2\r\n", "+OK\r\n"), ("UNSUB 99\r\n", "+OK\r\n"),
           ("PUB bar 2\r\nhi\r\n", "+OK\r\n"), ("PING\r\n", "PONG\r\n"), ("PONG\r\n", ""),
           connect=VERBOSE),
    Script("ok-before-delivery", ("SUB foo 1\r\n", "+OK\r\n"),
           ("PUB foo 2\r\nhi\r\n", "+OK\r\nMSG foo 1 2\r\nhi\r\n"),
           ("HPUB foo 12 12\r\nNATS/1.0\r\n\r\n\r\n",
            "+OK\r\nHMSG foo 1 12 12\r\nNATS/1.0\r\n\r\n\r\n"), connect=VERBOSE_HEADERS),
    Script("ok-for-sid-in-use", ("SUB foo 1\r\n", "+OK\r\n"), ("SUB bar 1\r\n", "+OK\r\n"),
           ("PUB bar 0\r\n\r\n", "+OK\r\n"), ("PUB foo 0\r\n\r\n", "+OK\r\nMSG foo 1 0\r\n\r\n"),
           connect=VERBOSE),
    Script("no-ok-beside-an-error", ("SUB foo..bar 1\r\n", "-ERR 'Invalid Subject'\r\n"),
           ("PUB _GR_.x 0\r\n\r\n",
            "-ERR 'Permissions Violation for Publish to \"_GR_.x\"'\r\n"),
           ("PUB foo _R_.x 0\r\n\r\n",
            "-ERR 'Permissions Violation for Publish with Reply of \"_R_.x\"'\r\n"),
           ("SUB foo _sys_ 2\r\n",
            "-ERR 'Permissions Violation for Subscription to \"foo\" using queue \"_sys_\"'\r\n"),
           connect=VERBOSE),
    Script("without-connect", ("SUB foo 1\r\n", "+OK\r\n"),
           ("PUB foo 2\r\nhi\r\n", "+OK\r\nMSG foo 1 2\r\nhi\r\n"), ("UNSUB 1\r\n", "+OK\r\n"),
           ("PUB a..b 0\r\n\r\n", "-ERR 'Invalid Publish Subject'\r\n+OK\r\n"), connect=None),
]

BAD_PUBLISH = "-ERR 'Invalid Publish Subject'\r\n"

PEDANTIC_SCRIPTS = [
    *(Script(f"pedantic-bad-{subject}", (f"PUB {subject} 2\r\nhi\r\n", BAD_PUBLISH),
             connect=PEDANTIC)
      for subject in ("a..b", ".a", "a.", ".", "a.*", "*", "a.>", ">", "*.a", "a.>.b")),
    *(Script(f"pedantic-good-{subject}", (f"SUB {subject} 1\r\n", ""),
             (f"PUB {subject} 2\r\nhi\r\n", f"MSG {subject} 1 2\r\nhi\r\n"), connect=PEDANTIC)
      for subject in ("a", "a.b", "a*", "*a.b", "a.b>", ">>", "**.a")),
    Script("pedantic-still-routed", ("SUB a.* 1\r\n", ""),
           ("PUB a.* 2\r\nhi\r\n", BAD_PUBLISH + "MSG a.* 1 2\r\nhi\r\n"), connect=PEDANTIC),
    Script("pedantic-hpub",
           ("HPUB a.* 0 2\r\nhi\r\n", BAD_PUBLISH),
           connect='{"verbose":false,"pedantic":true,"headers":true}'),
    Script("pedantic-and-verbose", ("PUB a..b 2\r\nhi\r\n", BAD_PUBLISH + "+OK\r\n"),
           connect='{"verbose":true,"pedantic":true}'),
    Script("not-pedantic", ("PUB a..b 2\r\nhi\r\nPUB .a 0\r\n\r\nPUB > 0\r\n\r\n", "")),
]

SCRIPTS = GRAMMAR + CONTROL_LINE + VERBOSE_SCRIPTS + PEDANTIC_SCRIPTS


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_script(shared, script, way):
    script.run(shared, way)


def test_leading_zeros_in_a_size(shared):
    with shared.login() as client:
        client.send("SUB foo 1\r\nPUB foo 000000002\r\nhi\r\n")
        client.expect_re(r"MSG foo 1 0*2\r\nhi\r\n")  # the size may be repeated as written
        client.expect_silence()
