# SPDX-License-Identifier: Apache-2.0
"""The tables of bench/auth/run: which figure of which measurement stands in which row."""

from support.tables import Figure, at, count, cpu, duration, heading, rate, tall, us


def logins_per_s(result):
    """Logins per second, from the first connect() to the last PONG of a storm."""
    rounds = result["last_in"]["count"]
    return result["right"]["in"] / rounds / result["last_in"]["median_ms"] * 1000


def cpu_per_login_us(result):
    return result["cpu_s"] / result["right"]["in"] * 1e6


def kept_out(who):
    return lambda result: sum(result[who][cause]
                              for cause in ("timed_out", "refused", "lost", "waiting"))


STORM = [
    Figure("kept out", kept_out("right"), count),
    Figure("last PONG", at("last_in.median_ms"), duration),
]
PLAIN = [*STORM, Figure("rate", logins_per_s, rate),
         Figure("server CPU per login", cpu_per_login_us, us)]
BCRYPT = [*STORM, Figure("server CPU", at("cpu_s"), cpu)]


def bystander(phase):
    when = {"quiet": "before", "busy": "during"}[phase]
    return [Figure(f"PING {when}: {title}", at(f"{phase}.{figure}_ms"), duration)
            for title, figure in (("median", "median"), ("99 %", "p99"), ("worst", "max"))]


FLOOD = [
    Figure("right ones kept out", kept_out("right"), count),
    Figure("login of a right one: first", at("right.login.first_ms"), duration),
    Figure("login of a right one: median", at("right.login.median_ms"), duration),
    Figure("login of a right one: worst", at("right.login.max_ms"), duration),
    Figure("wrong ones let in", at("wrong.in"), count),
    Figure("server CPU", at("cpu_s"), cpu),
]
RELOAD = [
    Figure("`Reloaded server configuration` after", at("done_ms"), duration),
    Figure("all clients have answered after", at("answered_ms"), duration),
    Figure("clients that answered", at("answered"), count),
    Figure("server CPU", at("cpu_s"), cpu),
    *bystander("quiet")[:2], *bystander("busy"),
]

# Title of the table; its measurements: name, title, rows.
TABLES = [
    ("One login, TCP connect to PONG", [
        ("login_plain", "plain token", [Figure("median", at("right.login.median_ms"), duration)]),
        ("login_bcrypt", "bcrypt cost 11", [
            Figure("first", at("right.login.first_ms"), duration),
            Figure("median of 20", at("right.login.median_ms"), duration)]),
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


def tables(results):
    parts = [tall(title, measurements, results) for title, measurements in TABLES]
    return "\n".join([heading(results), *filter(None, parts)])
