# SPDX-License-Identifier: Apache-2.0
"""How much memory a process has to itself, as the kernel counts it."""

import pathlib
import re

import pytest

KB, MB = 1 << 10, 1 << 20


def _sum_kb(pid, file, pattern):
    try:
        text = pathlib.Path(f"/proc/{pid}/{file}").read_text()
    except FileNotFoundError:
        pytest.skip(f"this kernel has no /proc/PID/{file}")
    return sum(int(number) for number in re.findall(pattern, text, re.MULTILINE)) * KB


def private_bytes(pid):
    """Pages that nobody else has mapped; those of the program's file are not among them unless
    it wrote to them."""
    return _sum_kb(pid, "smaps_rollup", r"^Private_\w+: +(\d+) kB")


def resident_bytes(pid):
    return _sum_kb(pid, "status", r"^VmRSS:\s+(\d+) kB")


def peak_resident_bytes(pid):
    """The most there ever was of resident_bytes(): no moment is missed."""
    return _sum_kb(pid, "status", r"^VmHWM:\s+(\d+) kB")
