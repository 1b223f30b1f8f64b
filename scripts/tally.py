#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tally.py FILE.xml...: adds up test reports (JUnit's format, as pytest and cmocka write it).

Prints what was skipped and why, what failed, and last one line with the sums. Exit status 1 if
anything failed, or if there was no test at all.
"""

import collections
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def outcome(case):
    """("passed" | "failed" | "skipped", reason)"""
    for child in case:
        if child.tag in ("failure", "error"):
            return "failed", child.get("message") or (child.text or "")
        if child.tag == "skipped":
            return "skipped", child.get("message") or "no reason given"
    return "passed", ""


def read(path):
    """(report, test, outcome, reason) of each test in a report."""
    report = pathlib.Path(path).stem
    try:
        cases = ElementTree.parse(path).iter("testcase")
    except ElementTree.ParseError as error:
        yield report, path, "failed", f"the report cannot be read: {error}"
        return
    for case in cases:
        name = ".".join(filter(None, [case.get("classname"), case.get("name")]))
        yield report, name, *outcome(case)


def show(title, rows):
    """Equal lines once, with their number: a module that was skipped is one fact."""
    lines = collections.Counter(
        "  " + ": ".join(dict.fromkeys([report, name, " ".join(reason.split())[:200]])).rstrip(": ")
        for report, name, reason in rows)
    if lines:
        print(title)
    for line, count in lines.items():
        print(line + (f" ({count} times)" if count > 1 else ""))


def main(paths):
    """A report NAME-again is of tests that failed in the report NAME and were run once more; what
    passed then is counted as passed, and named."""
    found = collections.defaultdict(list)
    again = {}
    for path in paths:
        for report, name, result, reason in read(path):
            if report.endswith("-again"):
                again[report.removesuffix("-again"), name] = result
            else:
                found[result].append((report, name, reason))
    alone = [row for row in found["failed"] if again.get(row[:2]) == "passed"]
    found["failed"] = [row for row in found["failed"] if row not in alone]
    found["passed"] += alone
    show("Passed only when run alone:", alone)
    show("Skipped:", found["skipped"])
    show("Failed:", found["failed"])
    passed, failed, skipped = (len(found[key]) for key in ("passed", "failed", "skipped"))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
