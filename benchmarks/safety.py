"""Every safety goal as a row: `python -m benchmarks.safety [--quick] [--table]`.

Prints one JSON object a row, {goal, figure, met, how}, or with --table a table for people. Ends with 1 where a goal is
not met. Rows that need the labelled data in ../shared/eval are skipped where it is absent, and say so.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
import time
from collections.abc import Callable, Iterator

from benchmarks.safety_brakes import brake_rows
from benchmarks.safety_commands import command_rows
from benchmarks.safety_records import record_rows
from benchmarks.safety_rows import Row
from benchmarks.safety_texts import hostile_rows, secret_rows
from benchmarks.safety_usefulness import usefulness_rows
from benchmarks.safety_worm import worm_rows
from benchmarks.torture import torture

SURVIVES = "acknowledged skills, outcomes and records that survive kill -9 with 4 writers: 100 %"
TORTURE_SECONDS, QUICK_TORTURE_SECONDS = 15.0, 5.0
WIDTH = 118


def torture_rows(quick: bool) -> list[Row]:
    """Run the short variant of `make torture`."""
    said = torture(10**6, QUICK_TORTURE_SECONDS if quick else TORTURE_SECONDS)
    how = f"{said['kills']} kills, {said['acknowledged']} acknowledged, {said['quick_checks']} quick checks"
    met = said["survived_percent"] == 100 and not said["damage"]
    return [Row(SURVIVES, said["survived_percent"], met, f"{how}; all 1,000 kills: make torture")]


GROUPS: tuple[Callable[[bool], list[Row]], ...] = (
    command_rows,
    usefulness_rows,
    secret_rows,
    hostile_rows,
    record_rows,
    worm_rows,
    brake_rows,
    torture_rows,
)


def rows(quick: bool) -> Iterator[Row]:
    """Measure one group after the other."""
    for group in GROUPS:
        yield from group(quick)


def lines_of(row: Row) -> Iterator[str]:
    """Return a row for people: whether it is met, the goal, the figure, how."""
    mark = {True: "✓ met", False: "✗ NOT met", None: "- skipped"}[row.met]
    yield f"{mark:<10} {row.goal}"
    figure = row.figure if isinstance(row.figure, dict) else {"figure": row.figure}
    for name, value in figure.items():
        inner = value.items() if isinstance(value, dict) else ()
        yield f"{'':<11}{name}: {'' if inner else value}".rstrip()
        for key, number in inner:
            yield f"{'':<13}{number:>5}  {key}"
    yield from textwrap.wrap(row.how, WIDTH, initial_indent=" " * 11, subsequent_indent=" " * 11)


def main() -> int:
    """Print the rows as they come; 1 where a goal is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer mutations, forgeries, texts and kills")
    parser.add_argument("--table", action="store_true", help="a table for people instead of JSON")
    options = parser.parse_args()
    started, verdicts = time.monotonic(), []
    for row in rows(options.quick):
        verdicts.append(row.met)
        print("\n".join(lines_of(row)) if options.table else json.dumps(row.to_json(), ensure_ascii=False), flush=True)
    if options.table:
        met, skipped = verdicts.count(True), verdicts.count(None)
        seconds = time.monotonic() - started
        print(f"\n{met} of {len(verdicts) - skipped} goals met, {skipped} skipped, {seconds:.0f} s")
    return 1 if False in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
