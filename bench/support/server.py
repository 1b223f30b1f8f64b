# SPDX-License-Identifier: Apache-2.0
"""Servers and relays as processes; each measurement has one of its own."""

import json
import os
import subprocess
import time

from support.stage import die

START_S = 30  # in which a server has to be ready


class Process:
    def __init__(self, command, environment, **streams):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        env={**os.environ, **environment}, **streams)
        try:
            self.port = self._wait_port()
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def target(self):
        """The options by which a load generator finds it."""
        return [f"--port={self.port}", f"--pid={self.process.pid}"]

    def stop(self):
        self.process.terminate()  # not SIGINT: where nobody listens to Ctrl-C, it is ignored
        try:
            self.process.wait(START_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Server(Process):
    """A server on a free port; its files are in folder, config is what stands in its file besides
    the address."""

    def __init__(self, binary, folder, config="", arguments=(), environment=()):
        self.folder, self.conf, self.log = folder, folder / "nats.conf", folder / "server.log"
        for old in folder.glob("*.ports"):
            old.unlink()
        self.conf.unlink(missing_ok=True)
        self.conf.touch(mode=0o600)
        self.configure(config)
        with open(self.log, "wb") as log:
            super().__init__([binary, "-c", self.conf, "--ports_file_dir", folder, *arguments],
                             dict(environment), stdout=log, stderr=subprocess.STDOUT)

    def configure(self, config):
        """A running server learns of it by a reload."""
        self.conf.write_text(f'listen: "127.0.0.1:-1"\n{config}', encoding="ascii")

    def port_of(self, service):
        """Of those in its ports file."""
        return int(self.ports[service][0].rpartition(":")[2])

    def _wait_port(self):
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            for file in self.folder.glob(f"*_{self.process.pid}.ports"):
                try:
                    self.ports = json.loads(file.read_text(encoding="ascii"))
                    return self.port_of("nats")
                except ValueError:
                    pass  # not written to its end
            time.sleep(0.005)
        return die(f"{self.process.args[0]} did not start; see {self.log}")


class Relay(Process):
    """Copies bytes and knows nothing of NATS: what the machine allows at most."""

    def __init__(self, binary):
        super().__init__([binary], {}, stdout=subprocess.PIPE, text=True)

    def target(self):
        return [*super().target(), "--raw"]

    def stop(self):
        super().stop()
        self.process.stdout.close()

    def _wait_port(self):
        line = self.process.stdout.readline()
        return int(line) if line else die(f"{self.process.args[0]} did not start")
