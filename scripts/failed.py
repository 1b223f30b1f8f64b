#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""failed.py REPORT.xml: the black-box tests that failed in a report of pytest, as its arguments, one a
line."""

import sys
import xml.etree.ElementTree as ElementTree


def main(report):
    for case in ElementTree.parse(report).iter("testcase"):
        if any(child.tag in ("failure", "error") for child in case):
            print(f"tests/{case.get('classname').replace('.', '/')}.py::{case.get('name')}")


if __name__ == "__main__":
    main(sys.argv[1])
