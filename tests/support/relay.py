# SPDX-License-Identifier: Apache-2.0
"""A way between clients and a server that a test can cut."""

import socket
import threading


class Relay:
    """Forwards what comes to its port to another; cut() ends all connections, new ones may come."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.sockets = []
        self.threads = []
        self._run(self._accept)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.threads[0].join()  # no more come
        self.cut()
        for thread in self.threads:
            thread.join()
        for each in (self.listener, *self.sockets):
            each.close()

    def cut(self):
        with self.lock:
            for each in self.sockets:
                self._end(each)

    # private

    def _run(self, *work):
        self.threads.append(threading.Thread(target=work[0], args=work[1:]))
        self.threads[-1].start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:  # shut down
                return
            far = socket.create_connection(("127.0.0.1", self.target))
            with self.lock:
                self.sockets += [near, far]
            self._run(self._forward, near, far)
            self._run(self._forward, far, near)

    def _forward(self, source, target):
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
        except OSError:
            pass  # cut
        self._end(target)

    @staticmethod
    def _end(connection):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is over already
