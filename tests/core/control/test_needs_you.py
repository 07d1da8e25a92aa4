"""What needs a person: each approval once, whichever way it is known, and never nought for what was not looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.core.store.test_tables import approval

from meshcore.control.needs_you import NeedsYou, needs_you
from meshcore.control.other_homes import OtherHome
from meshcore.healing.approvals import ApprovalView, AuthorView
from meshcore.store.inbox import Asked

VIEW = ApprovalView(
    "aaaaaaaaaaaa", "1" * 16, "2" * 16, "mkdir -p build", "", "", "/srv/app", "make", "ann@dev1", (),
    AuthorView("", "", "", 0, 0), "2026-11-28T09:00:00+00:00", "waiting", "", "",
)  # fmt: skip
TOLD = Asked("b" * 64, VIEW.approval_id, "waiting", {"command": "mkdir -p build"}, "")
HOME = OtherHome(Path("/srv/other"), (VIEW,))


def test_what_is_known_in_two_ways_counts_once() -> None:
    both = needs_you((approval(),), (TOLD,), (HOME,))
    assert both.count == 2 and both.nodes == () and both.in_homes == 1
    assert both.sentence == "2 (1 here, 1 in other homes)"
    held = needs_you((approval(),), (TOLD,), (replace(HOME, held="read only"),))
    assert held.count == 2 and held.nodes == (TOLD,) and held.in_homes == 0
    assert held.sentence == "2 (1 here, 1 on other nodes)"
    assert [command for _, command, _ in both.commands()] == [approval().command, "mkdir -p build"]


def test_what_was_not_looked_at_or_cannot_be_read_is_no_nought() -> None:
    gone = OtherHome(Path("/srv/gone"), fault="/srv/gone: no store here")
    assert NeedsYou().figure == NeedsYou().sentence == "0"
    assert needs_you((), (), (), ahead=1).figure == "…"
    assert needs_you((), (), (gone,)).figure == "–"
    assert needs_you((approval(),), (), (gone,)).sentence == "≥1 (1 here, 1 not read)"
    assert needs_you((), (), (replace(HOME, more=True),)).figure == "≥1"
