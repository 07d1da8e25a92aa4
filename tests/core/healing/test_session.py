"""One loop for every incident that is worked on here, whoever starts it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.core.healing.desk import Desk
from tests.core.healing.small_mesh import taught

import meshcore
import meshtui
from meshcore.errors import MeshError
from meshcore.healing.approvals import approve, reject
from meshcore.healing.replay import recorded_session
from meshcore.healing.session import make_healer
from meshcore.process.sandbox import Containment


@pytest.fixture
def desk(desk: Desk) -> Desk:
    taught(desk.node)
    return desk


@pytest.mark.parametrize("answer", ["none", "no"])
def test_what_is_asked_and_not_approved_is_not_carried_out(desk: Desk, answer: str) -> None:
    incident, approval = desk.asked()
    session = recorded_session(desk.node, incident)
    session.take(approval)
    if answer == "no":
        assert reject(desk.node, approval.approval_id)
    with pytest.raises(MeshError, match="nobody has approved it"):
        session.heal()
    assert desk.fix.executor.executed == []


def test_a_yes_is_noted_with_how_carrying_it_out_went(desk: Desk) -> None:
    incident, approval = desk.asked()
    session = recorded_session(desk.node, incident)
    session.take(approval)
    assert approve(desk.node, approval.approval_id, claim=True)
    session.heal()
    found = desk.node.store.approvals.find(approval.approval_id)
    assert found is not None
    assert (found.state, found.result, session.exit_code) == ("approved", "verified", 0)


def test_a_try_is_made_in_one_place_and_a_hook_has_no_way_there() -> None:
    roots = [Path(folder) for package in (meshcore, meshtui) for folder in package.__path__]
    starts, hooks = set(), set()
    for root in roots:
        for path in root.rglob("*.py"):
            where, tree = f"{root.name}/{path.relative_to(root)}", ast.parse(path.read_text())
            called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
            calls = {call.attr for call in called if isinstance(call, ast.Attribute)}
            if "apply" in calls and where.startswith("meshcore/healing/"):
                starts.add(where)
            if where.startswith("meshcore/hook/"):
                hooks |= calls
    assert starts == {"meshcore/healing/session.py", "meshcore/healing/healer.py"}
    assert not hooks & {"apply", "heal", "run_again", "Popen"}


def test_whether_fixes_can_be_shut_in_is_remembered_for_all_homes_of_a_person(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def detect(environment: object, cache: Path, **_: object) -> Containment:
        asked.append(cache)
        return Containment()

    monkeypatch.setattr("meshcore.healing.session.detect", detect)
    make_healer(desk.node, {})
    assert asked == [desk.node.settings.operator / "state"]
