# SPDX-License-Identifier: Apache-2.0
"""Clients over TLS: one like those of support/client.py, and one whose every byte is the test's."""

import ssl

from support.certs import client_context
from support.client import Client
from support.env import Deadline


class TlsClient(Client):
    """As Client, with a handshake after the INFO.

    context  an ssl.SSLContext; None: one that trusts the shared authority
    first    the handshake comes before the INFO
    name     of the host, to be verified
    """

    def __init__(self, port, context=None, first=False, name="127.0.0.1", **kwargs):
        super().__init__(port, read_info=False, **kwargs)
        if not first:
            self.info = self.read_info()
        assert self.buf == b"", "bytes between INFO and the handshake"
        self.sock = (context or client_context()).wrap_socket(
            self.sock, server_hostname=name, suppress_ragged_eofs=False)
        if first:
            self.info = self.read_info()

    def end_tls(self):
        """Says that nothing follows and waits until the server has said so, too."""
        self.sock.unwrap().close()


class SlowHandshake:
    """A handshake by hand over a Client's socket, in clear until it is done."""

    def __init__(self, client, context=None):
        self.client = client
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or client_context()).wrap_bio(self.incoming, self.outgoing,
                                                          server_hostname="127.0.0.1")

    def advance(self):
        """True when it is done; what is to be sent then waits in outgoing."""
        try:
            self.tls.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False

    def hello(self):
        """The first message."""
        assert not self.advance()
        return self.outgoing.read()

    def receive(self):
        deadline = Deadline()
        self.client.sock.settimeout(max(deadline.left(), 0.001))
        data = self.client.sock.recv(1 << 16)
        assert data, "the server closed the connection"
        self.incoming.write(data)

    def run(self, send):
        """All of it; send(data) sends."""
        while not self.advance():
            send(self.outgoing.read())
            self.receive()
        send(self.outgoing.read())

    def say(self, data, send):
        self.tls.write(data)
        send(self.outgoing.read())

    def hear(self, end):
        """All bytes up to and including end."""
        data = b""
        while not data.endswith(end):
            try:
                piece = self.tls.read(1 << 16)
                assert piece, "the server ended the stream"
                data += piece
            except ssl.SSLWantReadError:
                self.receive()
        return data
