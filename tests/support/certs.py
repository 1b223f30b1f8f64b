# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made by the openssl command when a test asks for them.

They hold from 2000 to 2099 whatever the clock of the machine says, except those asked for as
EXPIRED or FUTURE. Keys are on P-256, which is quick to make, unless a key type is named.
"""

import base64
import functools
import hashlib
import ipaddress
import pathlib
import ssl
import subprocess
import tempfile
from dataclasses import dataclass

VALID = ("20000101000000Z", "20991231235959Z")
EXPIRED = ("20000101000000Z", "20010101000000Z")
FUTURE = ("20980101000000Z", "20991231235959Z")

KEY_TYPES = {"ec": ("EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
             "rsa": ("RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
             "ed25519": ("ED25519",)}

# "openssl ca" keeps books; "x509 -req" cannot set a start before now.
CA_CONFIG = """
[ca]
default_ca = books
[books]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
email_in_dn = yes
[any]
domainComponent = optional
countryName = optional
organizationName = optional
organizationalUnitName = optional
commonName = optional
emailAddress = optional
"""


def openssl(*args):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True)
    assert done.returncode == 0, (done.args, done.stderr)
    return done.stdout


def alternative_name(name):
    """As openssl writes it; a name that has its type already is left alone."""
    if name.startswith(("DNS:", "IP:", "email:", "URI:", "otherName:")):
        return name
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


@dataclass(frozen=True)
class Pair:
    """The files of a certificate and its key."""

    cert: pathlib.Path
    key: pathlib.Path

    def pin(self):
        """What pinned_certs holds of it: SHA-256 of the public key's DER, in hex."""
        pem = openssl("x509", "-in", self.cert, "-noout", "-pubkey")
        der = base64.b64decode("".join(pem.splitlines()[1:-1]))
        return hashlib.sha256(der).hexdigest()

    def encrypted_key(self, password="password"):
        """A copy of the key that needs a password."""
        path = self.key.with_suffix(".encrypted.pem")
        openssl("pkey", "-in", self.key, "-aes256", "-passout", f"pass:{password}", "-out", path)
        return path


def server_context(pair, client_ca=None, **settings):
    """Python's side of a server; client_ca: clients must have a certificate of that Authority's.
    settings are attributes of the ssl.SSLContext."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    if client_ca is not None:
        context.load_verify_locations(client_ca.cert)
        context.verify_mode = ssl.CERT_REQUIRED
    for name, value in settings.items():
        setattr(context, name, value)
    return context


class Authority:
    """A CA with its files in folder; a root unless another signs it.

    subject  as openssl takes it, "/O=Tessera/CN=Test CA"
    """

    def __init__(self, folder, subject="/CN=Test CA", validity=VALID, signed_by=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.books = self.folder / "ca.conf"
        self.books.write_text(CA_CONFIG.format(folder=self.folder))
        (self.folder / "index.txt").touch()
        extensions = {"basicConstraints": "critical,CA:TRUE",
                      "keyUsage": "critical,keyCertSign,cRLSign",
                      "subjectKeyIdentifier": "hash"}
        self.pair = self._names("ca")
        if signed_by is None:
            self._make(self.pair, subject, extensions, validity, "ec", signer=None)
        else:
            signed_by._make(self.pair, subject, extensions, validity, "ec", signed_by)

    @property
    def cert(self):
        return self.pair.cert

    def server(self, *names, name="server", subject="/CN=server", validity=VALID, key="ec"):
        """A server's certificate for host names and addresses, 127.0.0.1, ::1 and localhost
        unless others are given."""
        return self._leaf(name, subject, names or ("127.0.0.1", "::1", "localhost"), "serverAuth",
                          validity, key)

    def client(self, *names, name="client", subject="/CN=client", validity=VALID, key="ec"):
        """A client's certificate; names like "email:derek@nats.io" are for verify_and_map."""
        return self._leaf(name, subject, names, "clientAuth", validity, key)

    def node(self, *names, name="node", subject="/CN=node", validity=VALID, key="ec"):
        """One for a server that also dials others, as the nodes of a cluster do."""
        return self._leaf(name, subject, names or ("127.0.0.1", "::1", "localhost"),
                          "serverAuth,clientAuth", validity, key)

    def chain(self, pair, *intermediates):
        """A file with pair's certificate and those of the authorities between it and the root."""
        path = pair.cert.with_suffix(".chain.pem")
        path.write_text("".join(p.read_text() for p in (pair.cert, *(a.cert for a in intermediates))))
        return Pair(path, pair.key)

    # private

    def _names(self, name):
        return Pair(self.folder / f"{name}.pem", self.folder / f"{name}-key.pem")

    def _leaf(self, name, subject, names, usage, validity, key):
        extensions = {"basicConstraints": "critical,CA:FALSE",
                      "keyUsage": "critical,digitalSignature", "extendedKeyUsage": usage}
        if names:
            extensions["subjectAltName"] = ",".join(map(alternative_name, names))
        pair = self._names(name)
        self._make(pair, subject, extensions, validity, key, self)
        return pair

    def _make(self, pair, subject, extensions, validity, key, signer):
        signer = signer or self
        request = pair.cert.with_suffix(".csr")
        extension_file = pair.cert.with_suffix(".ext")
        extension_file.write_text("".join(f"{k} = {v}\n" for k, v in extensions.items()))
        openssl("genpkey", "-algorithm", *KEY_TYPES[key], "-out", pair.key)
        openssl("req", "-new", "-utf8", "-config", signer.books, "-key", pair.key, "-subj", subject,
                "-out", request)
        by = (("-selfsign", "-keyfile", pair.key) if pair == signer.pair
              else ("-cert", signer.cert, "-keyfile", signer.pair.key))
        openssl("ca", "-batch", "-notext", "-utf8", "-config", signer.books, *by, "-in", request,
                "-extfile", extension_file, "-startdate", validity[0], "-enddate", validity[1],
                "-out", pair.cert)


def shared_authority(name="ca"):
    """An Authority that all tests of a run may use."""
    return _shared_authority(name)


@functools.cache
def _shared_authority(name):
    folder = tempfile.TemporaryDirectory(prefix="certs-")
    authority = Authority(folder.name, subject=f"/CN=Test CA {name}")
    authority.keep = folder  # removed when the run ends
    return authority


@functools.cache
def shared_pair(kind="server", *names, authority="ca", **kwargs):
    """A Pair of shared_authority(authority), made once for the same arguments; kind is "server",
    "client" or "node", the rest as there."""
    make = getattr(shared_authority(authority), kind)
    number = shared_pair.cache_info().misses
    return make(*names, name=f"{kind}{number}", **kwargs)


def client_context(authority=None, pair=None, **settings):
    """Python's side of a client that trusts authority (None: the shared one) and shows pair, and to
    which an end of TCP without the end of TLS is an error. settings are attributes of the
    ssl.SSLContext."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    context.load_verify_locations((authority or shared_authority()).cert)
    if pair is not None:
        context.load_cert_chain(pair.cert, pair.key)
    for name, value in settings.items():
        setattr(context, name, value)
    return context
