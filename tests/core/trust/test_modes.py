"""Ceilings: of all that apply, the lowest counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.healing.small_mesh import Fix, SmallMesh, taught

from meshcore.model import MODES, Mode
from meshcore.trust.modes import ceiling

OPERATOR = "0" * 64
modes = st.sampled_from(MODES)


def test_nothing_set_holds_nothing_back() -> None:
    assert ceiling("auto", None, {}).mode == "auto"


@pytest.mark.parametrize(
    ("key", "of"),
    [
        ("mode", "this home"),
        ("mode:via:claude-code", "agents of claude-code"),
        (f"mode:author:{OPERATOR}", "its author"),
        ("mode:action:make-folder", "actions of type make-folder"),
    ],
)
def test_each_row_is_a_ceiling_and_is_named_as_the_reason(key: str, of: str) -> None:
    found = ceiling("auto", None, {key: "hint"}, via="claude-code", author=OPERATOR, action_type="make-folder")
    assert (found.mode, found.of) == ("hint", of)


@pytest.mark.parametrize("key", ["mode:via:other", f"mode:author:{'1' * 64}", "mode:action:other", "mode:author:"])
def test_a_row_for_somebody_else_holds_nothing_back(key: str) -> None:
    assert ceiling("auto", None, {key: "off"}, via="shell", author=OPERATOR, action_type="make-folder").mode == "auto"


@given(modes, st.none() | modes, modes, modes, modes, modes)
def test_the_lowest_of_all_wins(
    asked: Mode, settings: Mode | None, home: Mode, via: Mode, author: Mode, action: Mode
) -> None:
    rows = {"mode": home, "mode:via:ci": via, f"mode:author:{OPERATOR}": author, "mode:action:x": action}
    found = ceiling(asked, settings, rows, via="ci", author=OPERATOR, action_type="x", start="hint")
    said = [mode for mode in (asked, settings, home, via, author, action) if mode is not None]
    assert found.mode == min(said, key=MODES.index)


@given(modes, modes)
def test_an_author_starts_where_trust_says_until_the_operator_sets_a_mode(start: Mode, chosen: Mode) -> None:
    assert ceiling("auto", None, {}, author=OPERATOR, start=start).mode == start
    assert ceiling("auto", None, {f"mode:author:{OPERATOR}": chosen}, author=OPERATOR, start=start).mode == chosen


@pytest.mark.parametrize("text", ["", "AUTO", "sometimes", "run"])
def test_a_row_that_holds_no_mode_is_none(text: str) -> None:
    assert ceiling("approve", None, {"mode": text}).mode == "approve"
    assert ceiling("auto", None, {f"mode:author:{OPERATOR}": text}, author=OPERATOR, start="hint").mode == "hint"


@pytest.mark.parametrize(
    ("key", "decision"),
    [("mode:via:shell", "approve"), ("mode:action:test", "approve"), ("mode:via:ci", "run"), ("mode:action:x", "run")],
)
def test_the_loop_lowers_what_policy_would_run_and_says_for_whom(mesh: SmallMesh, key: str, decision: str) -> None:
    node = mesh.node("a")
    taught(node)
    node.store.controls.request(key, "approve", "me", "mesh.mode")
    ruling = Fix(node, mesh.clock).fail().ruling
    assert ruling is not None
    assert ruling.decision == decision
    assert ("the mode for" in ruling.reasons[0]) is (decision == "approve")


def test_off_for_one_kind_of_agent_refuses(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught(node)
    node.store.controls.request("mode:via:shell", "off", "me", "mesh.mode")
    fix = Fix(node, mesh.clock)
    assert fix.state(fix.fail()) == "refused"
