# SPDX-License-Identifier: Apache-2.0
"""tls {} in a configuration file and by flags: what -t and a start say of it. All fields one by
one are in tests/unit/test_conf_tls.c; here are the files that they name."""

import os
import re
import subprocess

import pytest

from support import certs, env
from support import server as servers

# cert and key are lines 2 and 3, an extra field is line 4
BLOCK = "tls {{\n  cert_file: {cert}\n  key_file: {key}\n  {extra}\n}}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files for all tests: server.pem, server-key.pem, ca.pem, other-key.pem, junk.pem..."""
    path = tmp_path_factory.mktemp("tls")
    authority = certs.Authority(path)
    authority.server()
    authority.server(name="second", key="rsa")
    authority.server(name="other")
    (path / "junk.pem").write_text("no certificate\n")
    (path / "empty.pem").write_text("")
    authority.server(name="old", validity=certs.EXPIRED)
    certs.Authority(path / "over", validity=certs.EXPIRED)
    certs.Pair(path / "server.pem", path / "server-key.pem").encrypted_key("s3cr3t")
    middle = certs.Authority(path / "middle", signed_by=authority)
    leaf = middle.server(name="leaf")
    (path / "misplaced.pem").write_text(middle.cert.read_text() + leaf.cert.read_text())
    (path / "huge.pem").write_bytes(b"x" * 5_000_000)
    (path / "open-key.pem").write_text((path / "server-key.pem").read_text())
    (path / "open-key.pem").chmod(0o644)
    os.mkfifo(path / "pipe")
    return path


def check(folder, config, *args):
    """-t with that file, in the folder of the certificates."""
    (folder / "nats.conf").write_text(config)
    return servers.run(["-t", "-c", "nats.conf", *args], cwd=folder)


def block(cert="server.pem", key="server-key.pem", extra=""):
    return BLOCK.format(cert=cert, key=key, extra=extra)


GOOD = {
    "pair": (block(), ()),
    "everything": (block(extra="""ca_file: ca.pem, verify: true
        cipher_suites: [ TLS_AES_128_GCM_SHA256, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" ]
        curve_preferences: [ X25519, CurveP256 ], min_version: "1.2", timeout: 3
        handshake_first: "200ms", connection_rate_limit: 100"""), ()),
    "several": ("tls { certs: [ { cert_file: server.pem, key_file: server-key.pem },"
                " { cert_file: second.pem, key_file: second-key.pem } ] }\n", ()),
    "json": ('{"tls": {"cert_file": "server.pem", "key_file": "server-key.pem"}}', ()),
    "non-tls": (block() + "allow_non_tls: true\n", ()),
    "flags": ("port: -1\n", ("--tlscert", "server.pem", "--tlskey", "server-key.pem",
                             "--tlsverify", "--tlscacert", "ca.pem")),
    "flags-replace": (block("nowhere.pem", "nowhere.pem"),
                      ("--tlscert=server.pem", "--tlskey=server-key.pem")),
    "turned-off": (block("nowhere.pem", "nowhere.pem"), ("--tls=false",)),
}


@pytest.mark.parametrize("name", GOOD)
def test_good(folder, name):
    config, args = GOOD[name]
    done = check(folder, config, *args)
    assert done.returncode == 0, done.stderr
    assert "configuration file nats.conf is valid" in done.stderr


# config, flags, what stderr must have
ERRORS = {
    "no-certificate": ("tls { }\n", (), r"nats\.conf:1:1: missing 'cert_file'"),
    "no-key": ("\ntls { cert_file: server.pem }\n", (), r"nats\.conf:2:1: missing 'key_file'"),
    "missing-cert": (block("nowhere.pem"), (), r"nats\.conf:2:3: .*nowhere\.pem"),
    "missing-key": (block(key="nowhere.pem"), (), r"nats\.conf:3:3: .*nowhere\.pem"),
    "other-key": (block(key="other-key.pem"), (), r"nats\.conf:3:3: .*does not match"),
    "junk-cert": (block("junk.pem"), (), r"nats\.conf:2:3: .*PEM data"),
    "empty-cert": (block("empty.pem"), (), r"nats\.conf:2:3: .*PEM data"),
    "junk-key": (block(key="junk.pem"), (), r"nats\.conf:3:3: .*PEM data"),
    "key-for-cert": (block("server-key.pem"), (), r"nats\.conf:2:3: .*PEM"),
    "cert-for-key": (block(key="server.pem"), (), r"nats\.conf:3:3: .*found a certificate rather"),
    "encrypted-key": (block(key="server-key.encrypted.pem"), (),
                      r"nats\.conf:3:3: .*server-key\.encrypted\.pem is protected by a password"),
    "misplaced-cert": (block("misplaced.pem", "middle/leaf-key.pem"), (),
                       r"nats\.conf:3:3: .*must be the first of its file"),
    "pipe-cert": (block("pipe"), (), r"nats\.conf:2:3: .*read pipe: not a regular file"),
    "pipe-key": (block(key="pipe"), (), r"nats\.conf:3:3: .*read pipe: not a regular file"),
    "pipe-ca": (block(extra="ca_file: pipe"), (), r"nats\.conf:4:3: read pipe: not a regular file"),
    "device": (block("/dev/zero"), (), r"nats\.conf:2:3: .*not a regular file"),
    "folder": (block("middle"), (), r"nats\.conf:2:3: .*read middle: is a directory"),
    "huge": (block("huge.pem"), (), r"nats\.conf:2:3: .*larger than 4 MB"),
    "missing-ca": (block(extra="ca_file: nowhere.pem"), (), r"nats\.conf:4:3: .*nowhere\.pem"),
    "junk-ca": (block(extra="ca_file: junk.pem"), (),
                r"nats\.conf:4:3: failed to parse root ca certificate: junk\.pem needs certificates"),
    "second-pair": ("tls { certs: [ { cert_file: server.pem, key_file: server-key.pem }\n"
                    "{ cert_file: second.pem, key_file: other-key.pem } ] }\n", (),
                    r"nats\.conf:2:26: .*does not match"),
    "unknown-cipher": (block(extra="cipher_suites: [ NOPE ]"), (),
                       r"nats\.conf:4:20: unrecognized cipher NOPE"),
    "unknown-field": (block(extra="vrify: true"), (), r'nats\.conf:4:3: .*unknown field "vrify"'),
    "unsupported": (block(extra="ocsp_peer: true"), (), r"nats\.conf:4:3: .*not supported"),
    "flag-alone": ("port: -1\n", ("--tls",), r"--tls: .*certificate must be present"),
    "flag-without-key": ("port: -1\n", ("--tlscert", "server.pem"), r"--tlscert: .*private key"),
    "flag-missing-cert": ("port: -1\n", ("--tlscert=nowhere.pem", "--tlskey=server-key.pem"),
                          r"--tlscert: .*nowhere\.pem"),
    "flag-other-key": ("port: -1\n", ("--tlscert=server.pem", "--tlskey=other-key.pem"),
                       r"--tlskey: "),
    "flag-missing-ca": (block(), ("--tlscacert=nowhere.pem",), r"--tlscacert: .*nowhere\.pem"),
}


@pytest.mark.parametrize("check_only", (False, True), ids=("start", "check"))
@pytest.mark.parametrize("name", ERRORS)
def test_error(folder, name, check_only):
    config, args, pattern = ERRORS[name]
    if check_only:
        done = check(folder, config, *args)
    else:
        (folder / "nats.conf").write_text(config)
        done = servers.run(["-a", "127.0.0.1", "-p", "-1", "-c", "nats.conf", *args], cwd=folder)
    assert done.returncode == 1, done
    assert re.search("^nats-server: " + pattern, done.stderr, re.MULTILINE), done.stderr


# config, what -t warns of
WARNINGS = {
    "expired": (block("old.pem", "old-key.pem"),
                r"nats\.conf:2:3: a certificate has expired on 2001-01-01 00:00:00 UTC"),
    "second-expired": ("tls { certs: [ { cert_file: server.pem, key_file: server-key.pem }\n"
                       "{ cert_file: old.pem, key_file: old-key.pem } ] }\n",
                       r"nats\.conf:2:3: a certificate has expired"),
    "expired-ca": (block(extra="ca_file: over/ca.pem, verify: true"),
                   r"nats\.conf:4:3: the last authority of the file has expired on 2001-01-01"),
    "open-key": (block(key="open-key.pem"),
                 r"nats\.conf:3:3: others may read open-key\.pem, .* chmod o-r open-key\.pem"),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_warning(folder, name):
    config, pattern = WARNINGS[name]
    done = check(folder, config)
    assert done.returncode == 0, done
    findings = done.stderr.splitlines()[:-1]
    assert len(findings) == 1 and re.match("nats-server: " + pattern, findings[0]), done.stderr


def test_good_files_earn_no_warning(folder):
    done = check(folder, block(extra="ca_file: ca.pem, verify: true"))
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_help_tls():
    """Every name that it lists may be configured."""
    done = subprocess.run([env.need(env.SERVER), "--help_tls"], capture_output=True, text=True,
                          timeout=env.PATIENCE_S, check=True)
    assert done.stderr == ""
    ciphers, curves = re.findall(r"^[\w ]+:\n((?: {4}\w.*\n)+)", done.stdout, re.MULTILINE)[-2:]
    assert "TLS_AES_128_GCM_SHA256" in ciphers and "X25519" in curves
    secure = [line.strip() for line in ciphers.splitlines() if "insecure" not in line]
    assert len(secure) >= 10 and "TLS_RSA_WITH_RC4_128_SHA" not in secure
