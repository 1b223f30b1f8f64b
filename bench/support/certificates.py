# SPDX-License-Identifier: Apache-2.0
"""Certificates of the servers that are measured: self-signed, one per kind of key."""

import os
import subprocess

from support import stage

FOLDER = stage.BUILD / "certificates"
KEYS = {"ec": ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"), "rsa": ("rsa:2048",)}


def config(kind):
    """Lines of a configuration file."""
    return (f'tls {{\n  cert_file: "{FOLDER / kind}.pem"\n'
            f'  key_file: "{FOLDER / kind}-key.pem"\n}}\n')


def make():
    """Those that are missing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for kind, key in KEYS.items():
        cert = FOLDER / f"{kind}.pem"
        if cert.exists():
            continue
        subprocess.run(["openssl", "req", "-x509", "-newkey", *key, "-nodes", "-days", "3650",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", FOLDER / f"{kind}-key.pem", "-out", FOLDER / "new.pem"],
                       check=True, stderr=subprocess.DEVNULL)
        os.replace(FOLDER / "new.pem", cert)
