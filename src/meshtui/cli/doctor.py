"""`meshtui doctor`: is everything in order, and what to do where it is not."""

from __future__ import annotations

import os

import click

from meshcore.errors import EXIT_FAILURE
from meshcore.service.doctor import Check, examine
from meshtui.cli.context import Session, json_option, print_json, say

MARKS = {"ok": "✓", "note": "·", "bad": "✗"}


@click.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended safely.")
@json_option
@click.pass_obj
def doctor(session: Session, fix: bool, as_json: bool) -> int:
    """Look at everything that must be in order; exit 1 where something is not."""
    checks = examine(session.settings)
    mended: list[Check] = []
    if fix:
        for check in checks:
            if check.mend is not None:
                check.mend()
                mended.append(check)
        checks = examine(session.settings)
    if as_json:
        rows = [{"name": c.name, "level": c.level, "text": c.text, "remedy": c.remedy} for c in checks]
        print_json("doctor", {"checks": rows, "mended": [c.text for c in mended]})
    else:
        for check in mended:
            say(f"mended  {check.text}")
        for check in checks:
            say(f"{MARKS[check.level]} {check.name:<13} {check.text}")
            if check.remedy and check.level != "ok":
                say(f"  {'':<13} → {check.remedy}")
    return EXIT_FAILURE if any(check.level == "bad" for check in checks) else os.EX_OK
