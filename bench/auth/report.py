# SPDX-License-Identifier: Apache-2.0
"""The tables of bench/auth/run: which figure of which measurement stands in which row."""

from statistics import median


def at(path):
    """"last_in.median_ms" as a function of a result."""
    def get(result):
        for name in path.split("."):
            result = result[name]
        return result
    return get


def number(value):
    """Three digits that count."""
    if value == 0 or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def duration(ms):
    return f"{number(ms / 1000)} s" if ms >= 1000 else f"{number(ms)} ms"


def rate(result):
    """Logins per second, from the first connect() to the last PONG of a storm."""
    rounds = result["last_in"]["count"]
    return result["right"]["in"] / rounds / result["last_in"]["median_ms"] * 1000


def cpu_per_login_us(result):
    return result["cpu_s"] / result["right"]["in"] * 1e6


def kept_out(who):
    return lambda result: sum(result[who][cause]
                              for cause in ("timed_out", "refused", "lost", "waiting"))


def rate_text(value):
    return f"{value / 1000:.1f} k/s"


def us(value):
    return f"{number(value)} µs"


def cpu(seconds):
    return duration(seconds * 1000)


def count(value):
    return f"{value:,.0f}"


STORM = [
    ("kept out", kept_out("right"), count),
    ("last PONG", at("last_in.median_ms"), duration),
]
PLAIN = [*STORM, ("rate", rate, rate_text), ("server CPU per login", cpu_per_login_us, us)]
BCRYPT = [*STORM, ("server CPU", at("cpu_s"), cpu)]


def bystander(phase):
    when = {"quiet": "before", "busy": "during"}[phase]
    return [(f"PING {when}: {title}", at(f"{phase}.{figure}_ms"), duration)
            for title, figure in (("median", "median"), ("99 %", "p99"), ("worst", "max"))]


FLOOD = [
    ("right ones kept out", kept_out("right"), count),
    ("login of a right one: first", at("right.login.first_ms"), duration),
    ("login of a right one: median", at("right.login.median_ms"), duration),
    ("login of a right one: worst", at("right.login.max_ms"), duration),
    ("wrong ones let in", at("wrong.in"), count),
    ("server CPU", at("cpu_s"), cpu),
]
RELOAD = [
    ("`Reloaded server configuration` after", at("done_ms"), duration),
    ("all clients have answered after", at("answered_ms"), duration),
    ("clients that answered", at("answered"), count),
    ("server CPU", at("cpu_s"), cpu),
    *bystander("quiet")[:2], *bystander("busy"),
]

# Title of the table; its measurements: name, title, rows.
TABLES = [
    ("One login, TCP connect to PONG", [
        ("login_plain", "plain token", [("median", at("right.login.median_ms"), duration)]),
        ("login_bcrypt", "bcrypt cost 11", [
            ("first", at("right.login.first_ms"), duration),
            ("median of 20", at("right.login.median_ms"), duration)]),
    ]),
    ("Everybody at once", [
        ("plain_1000", "1,000, plain", PLAIN),
        ("plain_2000", "2,000, plain", PLAIN),
        ("bcrypt_200", "200, bcrypt 11", BCRYPT),
        ("bcrypt_1000", "1,000, bcrypt 11", BCRYPT),
    ]),
    ("200 wrong tokens at once from one address, 20 right ones from another, bcrypt 11", [
        ("wrong_200_cold", "token new to the server", FLOOD),
        ("wrong_200", "token in use", [*FLOOD, *bystander("quiet")[:2], *bystander("busy")]),
    ]),
    ("A bystander's PING during a storm", [
        ("bystander_plain", "1,000, plain", [*bystander("quiet")[:2], *bystander("busy")]),
        ("bystander_bcrypt", "200, bcrypt 11", [*bystander("quiet")[:2], *bystander("busy")]),
    ]),
    ("Reload (SIGHUP)", [
        ("reload_40", "40 clients, bcrypt 11", RELOAD),
        ("reload_2000", "2,000 clients, bcrypt 11", RELOAD),
    ]),
]


def cell(runs, get, text):
    """Median and range; the range is left out where all runs agree."""
    values = [value for value in map(get, runs) if value is not None]
    if not values:
        return "-"
    middle, low, high = text(median(values)), text(min(values)), text(max(values))
    return middle if low == high else f"{middle} ({low} - {high})"


def rows(title, by_server, figures, servers):
    for name, get, text in figures:
        cells = [cell(by_server.get(server, []), get, text) for server in servers]
        yield f"| {title}: {name} | {' | '.join(cells)} |"


def table(title, measurements, results):
    there = [entry for entry in measurements if entry[0] in results]
    servers = ["reference", "Tessera"]
    if any("control" in results[name] for name, _, _ in there):
        servers.append("control")
    lines = [f"### {title}", "", f"| median (lowest - highest) | {' | '.join(servers)} |",
             "|---" * (len(servers) + 1) + "|"]
    for name, heading, figures in there:
        lines += rows(heading, results[name], figures, servers)
    return "\n".join(lines) + "\n" if there else ""


def tables(results):
    about = ", ".join(f"{name}: {value}" for name, value in results["about"].items())
    parts = [table(title, measurements, results) for title, measurements in TABLES]
    return "\n".join([about + "\n", *filter(None, parts)])
