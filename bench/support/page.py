# SPDX-License-Identifier: Apache-2.0
"""The regions of docs/benchmarks.md that scripts write:

<!-- bench/run -->
...
<!-- end -->
"""

from support.stage import NAME, ROOT, die

PAGE = ROOT / "docs/benchmarks.md"


def replace_region(page, name, text):
    before, begin, rest = page.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not end:
        die(f"{PAGE.relative_to(ROOT)} has no region {name}")
    return f"{before}{begin}\n{text}\n{end}{after}"


def publish(text, write):
    """Into the region that is named after the script, or to the screen."""
    if write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(replace_region(page, NAME, text), encoding="utf-8")
    else:
        print(text)
