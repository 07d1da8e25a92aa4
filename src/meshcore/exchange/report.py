"""What this node reports of itself with each sign of life, as far as it is more than the node's own facts."""

from __future__ import annotations

import json
from dataclasses import replace

from meshcore.bridge.own_place import OwnPlace
from meshcore.bridge.state_bodies import MOST_NAMED, Report
from meshcore.errors import BadRecordError
from meshcore.model import canonical
from meshcore.node import Node
from meshcore.safety.visible_text import visible
from meshcore.trust.ceilings import mode_here
from meshcore.trust.halting import halted
from meshcore.trust.synced import missing

LONGEST = 200  # characters of one text


def note_report(node: Node) -> None:
    """Note how this node fares, for its next sign of life. Raises MeshError."""
    before = _noted(node)
    now = replace(
        before,
        mode=mode_here(node),
        halted=_short(halted(node)),
        asks=node.store.approvals.count_waiting(),
        wrong=tuple(map(_short, _wrong(node)[:MOST_NAMED])),
    )
    _note(node, before, now)


def note_drill(node: Node, mark: str) -> None:
    """Note that a halt drill has reached this node; its next sign of life confirms it."""
    before = _noted(node)
    _note(node, before, replace(before, drill=mark))


def tell_report(node: Node) -> None:
    """Show a sign of life at once where what it says is news; a bridge that cannot be used is told of elsewhere."""
    note_report(node)
    if node.has_news_of_itself and node.connected:
        node.beat(node.require_bridge())


def _wrong(node: Node) -> list[str]:
    found = [f"not synced: {one.text}" for one in missing(node)]
    if OwnPlace(node.store).copy_in_use():
        found.append("its home is used twice: a copy speaks under its key")
    if fault := node.store.state.get()["journal_fault"]:
        found.append(f"its journal is not written: {fault}")
    return found


def _noted(node: Node) -> Report:
    try:
        return Report.from_json(json.loads(node.store.state.get()["report"] or "{}"))
    except (ValueError, BadRecordError):
        return Report()  # of another version


def _note(node: Node, before: Report, now: Report) -> None:
    if now != before:
        node.store.state.set(report=canonical(now.to_json()))


def _short(text: str) -> str:
    return visible(text, limit=LONGEST, keep_newlines=False)
