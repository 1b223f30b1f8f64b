# SPDX-License-Identifier: Apache-2.0
"""What a configuration says about TLS, and certificates that are renewed under it."""

import shutil

from support.certs import shared_authority, shared_pair


def ca_file(authority=None):
    return f'ca_file: "{(authority or shared_authority()).cert}"'


def tls(*options, pair=None):
    pair = pair or shared_pair()
    lines = [f'cert_file: "{pair.cert}"', f'key_file: "{pair.key}"', *options]
    return "tls {\n" + "\n".join(lines) + "\n}\n"


def copy_pair(pair, folder):
    """Renews the certificate in that folder, for rotated()."""
    shutil.copy(pair.cert, folder / "cert.pem")
    shutil.copy(pair.key, folder / "key.pem")


def rotated(folder):
    return f'tls {{ cert_file: "{folder}/cert.pem", key_file: "{folder}/key.pem" }}\n'
