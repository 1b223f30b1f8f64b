# SPDX-License-Identifier: Apache-2.0
"""What bench/cluster/run measures, and which figure of it stands in which table."""

from dataclasses import dataclass

from support.tables import (Figure, at, bytes_each, duration, heading, percent, rate, size, tall,
                            us, wide)

QUICK_DIVISOR = 8  # of messages, requests and subscriptions
COUNTS = ("messages", "requests", "count", "publish")

# Near node, far node, lines of both nodes' cluster block.
KINDS = {
    "reference": ("reference", "reference", ""),
    "Tessera": ("Tessera", "Tessera", ""),
    "Tessera → reference": ("Tessera", "reference", ""),
    "reference → Tessera": ("reference", "Tessera", ""),
    "later, its pool": ("later", "later", ""),
    "later, one route": ("later", "later", "pool_size: -1"),
    "control": ("reference", "reference", ""),
}
MIXED = tuple(name for name in KINDS if name != "control")


@dataclass
class Measurement:
    name: str
    load: str  # program and scenario
    options: dict
    runs: int = 3
    kinds: tuple = MIXED
    deadline_s: int = 120

    def options_for(self, quick):
        if not quick:
            return self.options
        return {name: max(1, value // QUICK_DIVISOR) if name in COUNTS else value
                for name, value in self.options.items()}


def flow(name, messages, kinds=MIXED, **options):
    return Measurement(name, "nats_load flow", {"messages": messages, **options}, kinds=kinds)


def request(name, requests, in_flight):
    return Measurement(name, "nats_load request",
                       dict(requests=requests, size=128, in_flight=in_flight))


def subs(name, count, join, runs=3):
    return Measurement(name, "mass_load subs",
                       dict(count=count, publish=count, join=int(join), after_s=0), runs)


MEASUREMENTS = [
    flow("pair_16", 3000000, size=16),
    flow("pair_128", 2000000, kinds=tuple(KINDS), size=128),
    flow("pair_1k", 500000, size=1024),
    flow("pair_16k", 40000, size=16384),
    flow("pairs_4", 2000000, size=128, publishers=4, subjects=4),
    flow("fanout_10", 300000, size=128, subscribers=10),
    flow("fanout_100", 30000, size=128, subscribers=100),
    request("request_1", 10000, 1),
    request("request_64", 150000, 64),
    subs("subs_100k", 100000, False),
    subs("subs_1m", 1000000, False, runs=1),  # half a minute each
    subs("join_100k", 100000, True),
    subs("join_1m", 1000000, True, runs=1),
]
NAMES = [what.name for what in MEASUREMENTS]

# Name, heading, what it is counted in.
FLOWS = [
    ("pair_16", "1 → 1, 16 B", "message"),
    ("pair_128", "1 → 1, 128 B", "message"),
    ("pair_1k", "1 → 1, 1 KB", "message"),
    ("pair_16k", "1 → 1, 16 KB", "message"),
    ("pairs_4", "4 pairs, 128 B", "message"),
    ("fanout_10", "1 → 10, 128 B, per delivery", "delivery"),
    ("fanout_100", "1 → 100, 128 B, per delivery", "delivery"),
]
PER_S = {"message": "messages_per_s", "delivery": "deliveries_per_s"}


def share(unit):
    """Of a core, that the generator needs."""
    return lambda result: (result["generator_cpu_us_per_message"] *
                           result["messages_per_s"] / 1e6)


def flow_tables(results):
    """A table for each figure: there are too many kinds for one."""
    columns = {
        "rate": lambda unit: Figure("rate", at(PER_S[unit]), rate, "more"),
        "CPU of both nodes, each":
            lambda unit: Figure("CPU each", at(f"server_cpu_us_per_{unit}"), us, "less"),
        "peak memory of both nodes":
            lambda _: Figure("peak memory", at("server_peak_rss_kb"), size, "less"),
        "the generator's share of a core": lambda unit: Figure("share", share(unit), percent),
    }
    return [wide(f"Across a route: {title}", "medians",
                 [(name, text, "", [figure(unit)]) for name, text, unit in FLOWS], results)
            for title, figure in columns.items()]


def latency(name, title):
    return Figure(title, at(f"latency_us.{name}"), us, "less")


REQUEST = [Figure("rate", at("requests_per_s"), rate, "more"), latency("p50", "median"),
           latency("p90", "90 %"), latency("p99", "99 %"),
           Figure("CPU of both nodes each", at("server_cpu_us_per_request"), us, "less")]
REQUESTS = [("request_1", "1 in flight", REQUEST), ("request_64", "64 in flight", REQUEST)]


def milliseconds(path):
    return lambda result: at(path)(result) * 1000


def known(phase, title):
    return [Figure(f"{title}, known after", milliseconds(f"{phase}.seconds"), duration, "less"),
            Figure(f"{title}, far node's CPU each", at(f"{phase}.far_cpu_us"), us, "less"),
            Figure(f"{title}, both nodes' CPU each", at(f"{phase}.server_cpu_us"), us, "less")]


FAR_MEMORY = Figure("far node's memory each", at("bytes_each"), bytes_each, "less")
SUBS = [*known("insert", "SUB"), FAR_MEMORY,
        Figure("publish scattered over all", at("publish.per_s"), rate, "more"),
        *known("remove", "UNSUB")[:1]]
JOIN = [*known("join", "route"), FAR_MEMORY]
INTEREST = [
    ("subs_100k", "100,000", SUBS), ("subs_1m", "1 M", SUBS),
    ("join_100k", "100,000 before the route", JOIN), ("join_1m", "1 M before the route", JOIN),
]


def without_control(results):
    return {name: {kind: runs for kind, runs in of.items() if kind != "control"}
            if name in NAMES else of for name, of in results.items()}


def tables(results):
    plain = without_control(results)
    return "\n".join(filter(None, [
        heading(results), *flow_tables(results),
        tall("Across a route: request and reply", REQUESTS, plain),
        tall("Interest: literal subscriptions at the near node", INTEREST, plain)]))
