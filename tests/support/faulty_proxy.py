# SPDX-License-Identifier: Apache-2.0
"""A way between two nodes that breaks as networks do.

A node that advertises the proxy's address (cluster_advertise) is reached through it by all others;
between two nodes that both do there is no other way.
"""

import contextlib
import socket
import threading
import time

BUFFER = 1 << 16


class FaultyProxy:
    """Forwards what comes to its port to target, which may be told later.

    cut()      ends all connections; new ones may come
    refuse()   new connections end at once, and those that there are
    delay(s)   each piece is s seconds on its way
    hold()     nothing is read any more; both ends see an open connection that is stuck
    lose()     what comes is thrown away; both ends see an open connection
    heal()     as in the beginning. A connection that lost bytes can only be cut.
    """

    def __init__(self, target=None):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.flow = threading.Event()  # not set: hold
        self.flow.set()
        self.losing = self.refusing = False
        self.seconds = 0
        self.lock = threading.Lock()
        self.sockets, self.threads = [], []
        self.ended = False
        self.accepted = 0
        self._run(self._accept)

    def close(self):
        self.ended = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.threads[0].join()  # no more come
        self.heal()
        self.cut()
        for thread in self.threads:
            thread.join()
        for each in (self.listener, *self.sockets):
            each.close()

    def url(self, login=""):
        return f"nats-route://{login + '@' if login else ''}127.0.0.1:{self.port}"

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    # -- faults

    def cut(self):
        with self.lock:
            for each in self.sockets:
                _end(each)

    def refuse(self):
        self.refusing = True
        self.cut()

    def delay(self, seconds):
        self.seconds = seconds

    def hold(self):
        self.flow.clear()

    def lose(self):
        self.losing = True

    def heal(self):
        self.losing = self.refusing = False
        self.seconds = 0
        self.flow.set()

    # private

    def _run(self, *work):
        self.threads.append(threading.Thread(target=work[0], args=work[1:]))
        self.threads[-1].start()

    def _accept(self):
        while not self.ended:
            try:
                near, _ = self.listener.accept()
            except OSError:  # shut down
                return
            self.accepted += 1
            self._join(near)

    def _join(self, near):
        try:
            if self.refusing:
                raise OSError
            far = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            near.close()
            return
        for each in (near, far):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.sockets += [near, far]
        self._run(self._forward, near, far)
        self._run(self._forward, far, near)

    def _forward(self, source, target):
        with contextlib.suppress(OSError):  # cut
            while True:
                self.flow.wait()
                data = source.recv(BUFFER)
                self.flow.wait()
                if not data:
                    break
                if self.losing:
                    continue
                if self.seconds:
                    time.sleep(self.seconds)
                target.sendall(data)
        _end(target)


def _end(connection):
    with contextlib.suppress(OSError):  # it is over already
        connection.shutdown(socket.SHUT_RDWR)
