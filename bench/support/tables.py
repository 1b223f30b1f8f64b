# SPDX-License-Identifier: Apache-2.0
"""Tables in markdown of what was measured.

A figure is one number of a result. results[measurement][server] is a list of results, one per run,
None where a run failed.
"""

from dataclasses import dataclass
from statistics import median
from typing import Callable


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


def count(value):
    return f"{value:,.0f}"


def duration(ms):
    return f"{number(ms / 1000)} s" if ms >= 1000 else f"{number(ms)} ms"


def cpu(seconds):
    return duration(seconds * 1000)


def us(value):
    """Of a cost that may be far below one."""
    return f"{value:.3f} µs" if 0 < value < 1 else f"{number(value)} µs"


def rate(per_second):
    if per_second >= 1e6:
        return f"{number(per_second / 1e6)} M/s"
    return f"{per_second / 1000:.1f} k/s" if per_second >= 1000 else f"{number(per_second)} /s"


def size(kb):
    return f"{number(kb / 1024)} MB" if kb >= 1024 else f"{number(kb)} KB"


def bytes_each(value):
    return size(value / 1024) if value >= 10240 else f"{value:,.0f} B"


def percent(share):
    return f"{share * 100:.0f} %"


@dataclass
class Figure:
    title: str
    get: Callable
    text: Callable
    better: str = ""  # "more" or "less": then there is a column for how many times better
    aim: str = ""


def values(runs, get):
    return [None if result is None else get(result) for result in runs]


def cell(all_values, text, with_range=True):
    """Median and range; the range is left out where all runs agree."""
    there = [value for value in all_values if value is not None]
    if not there:
        return "-"
    middle, low, high = text(median(there)), text(min(there)), text(max(there))
    return middle if low == high or not with_range else f"{middle} ({low} - {high})"


def times(value):
    return f"{number(value)}×"


def times_better(figure, ours, theirs):
    """Run by run."""
    out = []
    for left, right in zip(values(ours, figure.get), values(theirs, figure.get)):
        over, under = (left, right) if figure.better == "more" else (right, left)
        out.append(over / under if over is not None and under else None)
    return cell(out, times)


def servers_of(names, results):
    """In the order in which they were measured."""
    return list(dict.fromkeys(server for name in names for server in results.get(name, {})))


def columns(figure, servers):
    """The servers that have a column for it: to hold little is no merit of a relay."""
    return [server for server in servers if figure.better or server != "relay"]


def cells(figure, runs, servers, with_range):
    return [cell(values(runs.get(server, []), figure.get), figure.text, with_range)
            for server in servers]


def ratio(figure, runs):
    return times_better(figure, runs.get("Tessera", []), runs.get("reference", [])) if figure.better else ""


def markdown(title, head, lines):
    return "\n".join([f"### {title}", "", *(f"| {' | '.join(line)} |" for line in
                                            [head, ["---"] * len(head), *lines])]) + "\n"


def tall(title, measurements, results):
    """A line per figure. measurements: name, heading, figures."""
    there = [entry for entry in measurements if entry[0] in results]
    if not there:
        return ""
    servers = servers_of([name for name, _, _ in there], results)
    all_figures = [figure for _, _, figures in there for figure in figures]
    has_ratio = any(figure.better for figure in all_figures)
    has_aim = any(figure.aim for figure in all_figures)
    if has_ratio and "control" in servers:
        servers.remove("control")  # control() shows it
    lines = [[f"{heading}: {figure.title}", *cells(figure, results[name], servers, True),
              *([ratio(figure, results[name])] if has_ratio else []),
              *([figure.aim] if has_aim else [])]
             for name, heading, figures in there for figure in figures]
    return markdown(title, ["median (lowest - highest)", *servers,
                            *(["better"] if has_ratio else []), *(["aim"] if has_aim else [])],
                    lines)


def wide(title, corner, measurements, results):
    """A line per measurement, medians. measurements: name, heading, aim, figures, of which all
    lines have the same number; the first line's titles stand above the columns."""
    there = [entry for entry in measurements if entry[0] in results]
    if not there:
        return ""
    servers = [server for server in servers_of([entry[0] for entry in there], results)
               if server != "control"]
    has_aim, has_ratio = any(aim for _, _, aim, _ in there), len(servers) > 1

    def line_of(begin, end, figures, cells_of, ratio_of):
        line = [begin]
        for figure in figures:
            line += cells_of(figure, columns(figure, servers))
            line += [ratio_of(figure)] if has_ratio and figure.better else []
        return line + ([end] if has_aim else [])

    def titles(figure, named):
        return [f"{figure.title}: {named[0]}", *named[1:]] if has_ratio else [figure.title]

    head = line_of(corner, "aim", there[0][3], titles, lambda _: "better")
    lines = [line_of(heading, aim, figures,
                     lambda figure, of, runs=results[name]: cells(figure, runs, of, False),
                     lambda figure, runs=results[name]: ratio(figure, runs))
             for name, heading, aim, figures in there]
    return markdown(title, head, lines)


def control(title, measurements, results):
    """How many times "better" the reference is than itself: what a column means at the least."""
    there = [entry for entry in measurements if "control" in results.get(entry[0], {})]
    lines = [[f"{heading}: {figure.title}",
              times_better(figure, results[name]["control"], results[name]["reference"])]
             for name, heading, _, figures in there for figure in figures if figure.better]
    return markdown(title, ["median (lowest - highest)", "control"], lines) if there else ""


def heading(results):
    """When and what, as a list."""
    return "".join(f"* {name}: {value}\n"
                   for name, value in {**results["when"], **results["about"]}.items())
