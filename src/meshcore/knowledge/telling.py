"""What came of something that an agent was told, by what its session did next: right, ignored, wrong, or not shown."""

from __future__ import annotations

from typing import Literal

Kind = Literal["fix", "habit after", "habit before", "correction", "hidden"]
Result = Literal["", "right", "ignored", "wrong"]

KINDS: tuple[Kind, ...] = ("fix", "habit after", "habit before", "correction", "hidden")
FOLLOWED = 6  # commands after it


def result_of(kind: str, *, same: bool, follows: bool, passed: bool, changed: bool) -> Result:
    """Return what the next command of a session shows of what was told, "" for nothing.

    `same`: it is the command that this was told of; `follows`: it holds what was offered instead; `changed`: the
    session edited, installed, activated, started or logged in since. What passes after a change shows nothing wrong.
    """
    if kind == "correction" and follows:
        return "right" if passed else "wrong"
    if not same:
        return ""
    if kind == "habit before":
        return "wrong" if passed else "right"
    if passed and kind == "correction":
        return "" if changed else "wrong"
    if passed:
        return "right" if changed else "wrong"
    return "" if changed else "ignored"
