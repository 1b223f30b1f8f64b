# SPDX-License-Identifier: Apache-2.0
"""Runs that alternate between the servers, and the file that keeps their results."""

import datetime
import json
import subprocess
import sys
import time

from support.stage import NAME, die


def load(command, timeout_s):
    """What a load generator prints; None where it was not able to go through with it."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s)
    if done.returncode != 0:
        print(f"  {' '.join(map(str, command[1:]))}: {done.stderr.strip()}", file=sys.stderr)
        return None
    return json.loads(done.stdout)


def alternate(name, servers, runs, run_once):
    """Results by server, in the order A B, B A, A B..., so that a trend hits both alike. Run i of
    one server belongs to run i of the other."""
    results = {server: [] for server in servers}
    for number in range(runs):
        for server in list(servers) if number % 2 == 0 else list(servers)[::-1]:
            start = time.monotonic()
            results[server].append(run_once(server))
            print(f"{name} {server}: {time.monotonic() - start:.1f} s", file=sys.stderr)
    return results


class Results:
    """By measurement and server; written after each measurement. Short runs have their own."""

    def __init__(self, folder, quick):
        self.file = folder / ("quick.json" if quick else "results.json")
        self.by_name = {}

    def load(self):
        if not self.file.exists():
            die("nothing has been measured yet")
        self.by_name = json.loads(self.file.read_text(encoding="ascii"))
        return self.by_name

    def begin(self, about, flags, keep):
        """keep: those of the last run too, if they may stand in one table with new ones."""
        if not (keep and self.file.exists() and self.load()["about"] == about):
            self.by_name = {"about": about}
        self.by_name["when"] = {"Date": datetime.date.today().isoformat(),
                                "Command": f"`{' '.join([NAME, *flags])}`"}

    def add(self, name, by_server):
        self.by_name[name] = by_server
        self.file.write_text(json.dumps(self.by_name, indent=1), encoding="ascii")
