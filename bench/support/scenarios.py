# SPDX-License-Identifier: Apache-2.0
"""What bench/run measures, and which figure of it stands in which table."""

from dataclasses import dataclass, field

from auth.report import BCRYPT, PLAIN, cpu_per_login_us, kept_out, logins_per_s
from support import certificates
from support.logins import BCRYPTED, TOKEN, config
from support.tables import (Figure, at, bytes_each, control, count, cpu, duration, heading,
                            number, percent, rate, size, tall, us, wide)

QUICK_DIVISOR = 8  # of messages and requests


@dataclass
class Measurement:
    name: str
    load: str  # program and scenario; "": it is not a program that measures it
    options: dict
    runs: int = 5
    quick: dict = field(default_factory=dict)  # options that differ with --quick
    before: dict = None  # options that differ in a run before it, at the same server
    deadline_s: int = 120
    reference: bool = True
    relay: bool = False
    control: bool = False  # the reference once more, as if it were another server
    config: str = ""  # of the server
    arguments: tuple = ()  # of Tessera
    starts_server: bool = False  # the program does it itself

    def options_for(self, quick):
        if not quick:
            return self.options
        less = {name: max(1, value // QUICK_DIVISOR) for name, value in self.options.items()
                if name in ("messages", "requests")}
        return {**self.options, **less, **self.quick}


def flow(name, messages, given=(), **options):
    return Measurement(name, "nats_load flow", {"messages": messages, **options}, **dict(given))


def beside(name, messages, event, **options):
    """The same flow undisturbed and then with the event beside it."""
    return Measurement(name, "nats_load flow", {"messages": messages, **options, **event},
                       before=dict.fromkeys(event, 0), runs=3)


def request(name, requests, **options):
    return Measurement(name, "nats_load request", {"requests": requests, "size": 128, **options},
                       relay=True, control=options["in_flight"] == 64)


def requests_grown(name, requests, threads, **options):
    return Measurement(name, "nats_load request",
                       {"requests": requests, "size": 128, "in_flight": 1, **options}, runs=3,
                       reference=False, arguments=("--threads", str(threads)))


def grown(name, messages, arguments=(), given=(), **options):
    """given: what it is measured beside; without that Tessera alone."""
    return Measurement(name, "nats_load flow", {"messages": messages, **options}, runs=3,
                       arguments=arguments, **{"reference": False, **dict(given)})


def tls(kind):
    """Lines of the configuration of a server that wants TLS and a token."""
    return certificates.config(kind) + config(TOKEN)


def tls_flow(name, messages, **options):
    return Measurement(f"tls_{name}", "nats_load flow",
                       {"messages": messages, "tls": True, "token": TOKEN, **options},
                       control=True, config=tls("ec"))


def tls_logins(kind):
    """So many on the way at a time that no server's patience for a handshake is tried."""
    return Measurement(f"tls_logins_{kind}", "auth_load storm",
                       dict(clients=2000, window=32, tls=True, token=TOKEN), control=True,
                       quick=dict(clients=500), config=tls(kind))


RELAY = {"relay": True}
REFERENCE = {"reference": True}
CONTROL = {"relay": True, "control": True}
SIZES = [16, 128, 1024, 4096, 16384, 65536, 262144, 1048576]
MESSAGES_OF_SIZE = [6000000, 4000000, 1500000, 500000, 120000, 30000, 8000, 1500]
THREADS = [1, 2, 4]
CONNECTIONS = [10, 100, 1000, 10000]
SUBSCRIPTIONS = [1, 1000, 100000, 1000000]
SUBJECTS = [1, 1000, 100000, 1000000]


def size_name(number_of_bytes):
    if number_of_bytes >= 1 << 20:
        return f"{number_of_bytes >> 20} MB"
    return f"{number_of_bytes >> 10} KB" if number_of_bytes >= 1024 else f"{number_of_bytes} B"


MEASUREMENTS = [
    flow("publish_16", 12000000, RELAY, size=16, subscribers=0),
    flow("publish_128", 6000000, CONTROL, size=128, subscribers=0),
    flow("pair_16", 6000000, RELAY, size=16),
    flow("pair_128", 4000000, CONTROL, size=128),
    flow("pair_1k", 1000000, RELAY, size=1024),
    flow("pair_16k", 100000, RELAY, size=16384),
    flow("pair_64k", 10000, RELAY, size=65536),
    flow("fanout_10", 400000, CONTROL, size=128, subscribers=10),
    flow("fanout_100", 40000, RELAY, size=128, subscribers=100),
    flow("fanout_1000", 3000, RELAY, size=128, subscribers=1000),
    flow("pairs_4", 5000000, RELAY, size=128, publishers=4, subjects=4),
    flow("queue_1", 2000000, size=128, subscribers=10, queue=1),
    flow("queue_2", 2000000, size=128, subscribers=10, queue=2),
    request("request_1", 20000, in_flight=1),
    request("request_1_busy", 20000, in_flight=1, busy_cores=True),
    request("request_16", 100000, in_flight=16),
    request("request_64", 250000, in_flight=64),
    request("request_clients", 150000, requesters=64, responders=64, in_flight=1),
    flow("latency", 20000, CONTROL, size=128, rate=10000, latency=True),
    beside("churn", 3000000, {"churn": 100}, size=128),
    beside("never_read", 24000000, {"never_read": 1}, size=128, subscribers=2),
    Measurement("subs_literal", "mass_load subs", dict(count=1000000, publish=1000000), runs=3,
                quick=dict(count=100000, publish=100000)),
    Measurement("subs_wildcards", "mass_load subs",
                dict(count=1000000, wildcards=1, publish=1000000), runs=3,
                quick=dict(count=100000, publish=100000)),
    Measurement("storm_plain", "auth_load storm", dict(clients=1000, rounds=5, token=TOKEN),
                runs=3, config=config(TOKEN)),
    Measurement("storm_bcrypt", "auth_load storm", dict(clients=200, token=TOKEN), runs=1,
                quick=dict(clients=50), config=config(BCRYPTED)),
    Measurement("idle", "mass_load idle", dict(count=10000, seconds=3), runs=3,
                quick=dict(count=2000, seconds=1)),
    tls_flow("pair_16", 4000000, size=16),
    tls_flow("pair_128", 2000000, size=128),
    tls_flow("pair_1k", 500000, size=1024),
    tls_flow("pair_16k", 40000, size=16384),
    tls_flow("fanout_10", 200000, size=128, subscribers=10),
    tls_logins("ec"),
    tls_logins("rsa"),
    Measurement("tls_idle", "mass_load idle",
                dict(count=5000, seconds=3, tls=True, token=TOKEN), runs=3,
                quick=dict(count=1000, seconds=1), config=tls("ec")),
    Measurement("start", "mass_load start", dict(runs=20, seconds=3), runs=3,
                quick=dict(runs=5, seconds=1), starts_server=True),
    Measurement("binary", "", {}, runs=1),
    *[grown(f"idle_beside_{number}", 4000000, size=128, idle=number) for number in CONNECTIONS],
    *[grown(f"active_{number}", 1000000, given=REFERENCE | RELAY, size=128,
            publishers=number // 2, subjects=number // 2) for number in CONNECTIONS],
    *[grown(f"subscriptions_{number}", 4000000, size=128, sub_filler=number)
      for number in SUBSCRIPTIONS],
    *[grown(f"subjects_{number}", 2000000, given=REFERENCE, size=128, subjects=number,
            sub_connections=1) for number in SUBJECTS],
    *[grown(f"size_{size}", messages, size=size)
      for size, messages in zip(SIZES, MESSAGES_OF_SIZE)],
    *[grown(f"{name}_threads_{threads}", messages, ("--threads", str(threads)), size=128, **more)
      for name, messages, more in (("pair", 4000000, {}),
                                   ("pairs", 5000000, dict(publishers=4, subjects=4)),
                                   ("fanout", 60000, dict(subscribers=100)))
      for threads in THREADS],
    *[requests_grown(f"request_threads_{threads}", 20000, threads) for threads in THREADS],
    *[requests_grown(f"clients_threads_{threads}", 100000, threads, requesters=64, responders=64)
      for threads in THREADS],
]
NAMES = [what.name for what in MEASUREMENTS]


def each(unit):
    """Throughput, counted in messages or deliveries."""
    return [Figure("rate", at(f"{'messages' if unit == 'message' else 'deliveries'}_per_s"), rate,
                   "more"),
            Figure("server CPU each", at(f"server_cpu_us_per_{unit}"), us, "less"),
            Figure("peak memory", at("server_peak_rss_kb"), size)]


def latency(name, title, aim=""):
    return Figure(title, at(f"latency_us.{name}"), us, "less", aim)


def share(path):
    return lambda result: at(path)(result) / at(path)(result["before"])


PER_MESSAGE, PER_DELIVERY = each("message"), each("delivery")
MESSAGES = [
    ("publish_16", "publish only, 16 B", "≤ 0.03 µs", PER_MESSAGE),
    ("publish_128", "publish only, 128 B", "≤ 0.04 µs", PER_MESSAGE),
    ("pair_16", "1 → 1, 16 B", "≤ 0.07 µs", PER_MESSAGE),
    ("pair_128", "1 → 1, 128 B", "≤ 0.09 µs", PER_MESSAGE),
    ("pair_1k", "1 → 1, 1 KB", "≤ 0.3 µs", PER_MESSAGE),
    ("pair_16k", "1 → 1, 16 KB", "≤ 3.5 µs", PER_MESSAGE),
    ("pair_64k", "1 → 1, 64 KB", "", PER_MESSAGE),
    ("fanout_10", "1 → 10, 128 B, per delivery", "≤ 0.05 µs", PER_DELIVERY),
    ("fanout_100", "1 → 100, 128 B, per delivery", "≤ 0.05 µs", PER_DELIVERY),
    ("fanout_1000", "1 → 1,000, 128 B, per delivery", "", PER_DELIVERY),
    ("pairs_4", "4 pairs, 128 B", "", PER_MESSAGE),
    ("queue_1", "1 → queue group of 10, 128 B", "", PER_MESSAGE),
    ("queue_2", "1 → 2 queue groups of 5, 128 B, per delivery", "", PER_DELIVERY),
]


def request_figures(aims):
    return [Figure("rate", at("requests_per_s"), rate, "more", aims.get("rate", "")),
            latency("p50", "median", aims.get("p50", "")),
            latency("p99", "99 %", aims.get("p99", "")),
            Figure("server CPU each", at("server_cpu_us_per_request"), us, "less"),
            Figure("peak memory", at("server_peak_rss_kb"), size)]


def subs_figures(aims):
    return [Figure("insert", at("insert.per_s"), rate, "more", aims.get("insert", "")),
            Figure("insert: server CPU each", at("insert.server_cpu_us"), us, "less"),
            Figure("publish scattered over all", at("publish.per_s"), rate, "more", "≥ 1 M/s"),
            Figure("publish: server CPU each", at("publish.server_cpu_us"), us, "less"),
            Figure("remove", at("remove.per_s"), rate, "more"),
            Figure("remove: server CPU each", at("remove.server_cpu_us"), us, "less"),
            Figure("memory each", at("bytes_each"), bytes_each, "less", aims.get("memory", "")),
            Figure("memory 5 s after the removal", at("private_kb.after"), size, "less"),
            Figure("peak memory", at("server_peak_rss_kb"), size, "less")]


LATENCY = [
    ("request_1", "request/reply, 1 in flight", request_figures({})),
    ("request_1_busy", "request/reply, 1 in flight, busy cores",
     request_figures({"p50": "≤ 18 µs"})),
    ("request_16", "request/reply, 16 in flight", request_figures({})),
    ("request_64", "request/reply, 64 in flight",
     request_figures({"rate": "≥ 115 k/s", "p99": "≤ 1,000 µs"})),
    ("request_clients", "64 requesters, 64 responders, 1 in flight each", request_figures({})),
    ("latency", "1 → 1 at 10,000 per second, 128 B",
     [latency("p50", "median"), latency("p90", "90 %"), latency("p99", "99 %"),
      latency("p999", "99.9 %"), latency("max", "worst"),
      Figure("server CPU each", at("server_cpu_us_per_message"), us, "less")]),
]
MASS = [
    ("subs_literal", "1 M literal",
     subs_figures({"insert": "≥ 1 M/s", "memory": "≤ 150 B"})),
    ("subs_wildcards", "1 M with wildcards", subs_figures({})),
]
DISTURBED = [
    ("never_read", "1 → 2 and one that never reads",
     [Figure("rate without it", at("before.messages_per_s"), rate, "more"),
      Figure("rate with it", at("messages_per_s"), rate, "more"),
      Figure("share", share("messages_per_s"), percent, "", "≥ 90 %"),
      Figure("cut after", lambda result: result["never_read"][0]["cut_ms"], duration),
      Figure("peak memory", at("server_peak_rss_kb"), size, "less")]),
    ("churn", "1 → 1 and inboxes that come and go",
     [Figure("rate without them", at("before.messages_per_s"), rate, "more"),
      Figure("rate with them", at("messages_per_s"), rate, "more"),
      Figure("inboxes", at("churn_per_s"), rate, "more")]),
]
STANDING = [
    ("idle", "10,000 idle connections",
     [Figure("memory each", at("bytes_each"), bytes_each, "less", "≤ 1 KB"),
      Figure("server CPU per second", at("cpu_ms_per_s.with"), duration, "", "0"),
      Figure("memory 5 s after they left", at("private_kb.after"), size, "less")]),
    ("start", "a server alone",
     [Figure("start to first PONG", at("first_pong.median_ms"), duration, "less", "≤ 3 ms"),
      Figure("memory of its own, written to", at("dirty_kb"), size, "less", "≤ 1 MB"),
      Figure("resident memory", at("rss_kb"), size, "less", "≤ 6 MB"),
      Figure("CPU per second", at("cpu_ms_per_s"), duration, "", "0")]),
    ("binary", "binary", [Figure("stripped", at("stripped_kb"), size, "less", "≤ 600 KB"),
                          Figure("libraries it needs", at("libraries"), count)]),
]
GENERATOR = Figure("generator's share of a core", lambda result: at("messages_per_s")(result) *
                   at("generator_cpu_us_per_message")(result) / 1e6, percent)
TLS = [
    ("tls_pair_16", "1 → 1, 16 B", "", [*PER_MESSAGE, GENERATOR]),
    ("tls_pair_128", "1 → 1, 128 B", "", [*PER_MESSAGE, GENERATOR]),
    ("tls_pair_1k", "1 → 1, 1 KB", "", [*PER_MESSAGE, GENERATOR]),
    ("tls_pair_16k", "1 → 1, 16 KB", "", [*PER_MESSAGE, GENERATOR]),
    ("tls_fanout_10", "1 → 10, 128 B, per delivery", "", [*PER_DELIVERY, GENERATOR]),
]
TLS_LOGIN = [
    Figure("kept out", kept_out("right"), count),
    Figure("rate", logins_per_s, rate, "more"),
    Figure("login, median", at("right.login.median_ms"), duration, "less"),
    Figure("server CPU each", cpu_per_login_us, us, "less"),
]
TLS_STANDING = [
    ("tls_logins_ec", "login, EC P-256", TLS_LOGIN),
    ("tls_logins_rsa", "login, RSA 2048", TLS_LOGIN),
    ("tls_idle", "5,000 idle connections",
     [Figure("memory each", at("bytes_each"), bytes_each, "less"),
      Figure("server CPU per second", at("cpu_ms_per_s.with"), duration),
      Figure("memory 5 s after they left", at("private_kb.after"), size, "less")]),
]
STORMS = [
    ("storm_plain", "1,000 at once, plain token", PLAIN),
    ("storm_bcrypt", "200 at once, bcrypt 11", BCRYPT),
]


def growth(prefix, steps, name=lambda step: f"{step:,}", figures=PER_MESSAGE):
    return [(f"{prefix}_{step}", name(step), "", figures) for step in steps]


def threads_text(threads):
    return f"{threads} thread{'s' if threads > 1 else ''}"


BYTES = Figure("bytes", lambda result: result["messages_per_s"] * result["size"] / 1024,
               lambda kb: f"{size(kb)}/s")
GROWTH = [
    ("Idle connections beside 1 → 1, 128 B", "connections", growth("idle_beside", CONNECTIONS)),
    ("Active connections, all of them pairs, 128 B", "connections",
     growth("active", CONNECTIONS)),
    ("Subscriptions beside 1 → 1, 128 B", "subscriptions",
     growth("subscriptions", SUBSCRIPTIONS)),
    ("Subjects of 1 → 1, 128 B, scattered", "subjects", growth("subjects", SUBJECTS)),
    ("Size of a message, 1 → 1", "size",
     growth("size", SIZES, size_name, [*PER_MESSAGE, BYTES])),
    ("Threads, 128 B", "flow",
     growth("pair_threads", THREADS, lambda step: f"1 → 1, {threads_text(step)}") +
     growth("pairs_threads", THREADS, lambda step: f"4 pairs, {threads_text(step)}") +
     growth("fanout_threads", THREADS, lambda step: f"1 → 100, per delivery, {threads_text(step)}",
            PER_DELIVERY)),
    ("Threads, request and reply", "flow",
     growth("request_threads", THREADS, lambda step: f"1 in flight, {threads_text(step)}",
            request_figures({})) +
     growth("clients_threads", THREADS, lambda step: f"64 clients, {threads_text(step)}",
            request_figures({}))),
]


def with_aim(entries):
    """Entries of a tall table as those of a wide one, which have an aim each."""
    return [(name, title, "", figures) for name, title, figures in entries]


def tables(results):
    parts = [heading(results),
             wide("Messages, as fast as they are taken", "medians", MESSAGES, results),
             tall("Request and reply, latency", LATENCY, results),
             tall("A million subscriptions", MASS, results),
             tall("Beside steady traffic", DISTURBED, results),
             tall("Standing still", STANDING, results),
             tall("Logins", STORMS, results),
             wide("TLS 1.3: messages, as fast as they are taken", "medians", TLS, results),
             tall("TLS 1.3: logins and standing still", TLS_STANDING, results),
             control("The reference against itself", [*MESSAGES, *with_aim(LATENCY)], results),
             control("The reference against itself, TLS 1.3", [*TLS, *with_aim(TLS_STANDING)],
                     results),
             *(wide(f"Growth: {title}", corner, rows, results) for title, corner, rows in GROWTH)]
    return "\n".join(filter(None, parts))
