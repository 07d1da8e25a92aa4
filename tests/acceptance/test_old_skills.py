"""Skills of version 0.1 answer their errors in homes that this version has opened, however it reads them now."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.fixtures.old_version import FIXTURE, PLACES, copy_fixture

from meshcore.bridge.memory import MemoryBridge
from meshcore.clock import SystemClock
from meshcore.config import BridgeAddress, Settings
from meshcore.knowledge.interchange import resolution
from meshcore.knowledge.matching import matches
from meshcore.knowledge.migration import other_reading
from meshcore.knowledge.signature import VERSION, read
from meshcore.model import Skill
from meshcore.node import Node
from meshcore.safety.model_json import skill_from_json
from meshcore.safety.strict_json import loads
from meshcore.trust.standing import reweigh


def opened(tmp_path: Path, home: str) -> tuple[Node, list[tuple[Skill, str]]]:
    """Return a home of 0.1 as this version opens it, and what it held of skills that may answer."""
    place = PLACES[home]
    root = copy_fixture(FIXTURE, tmp_path / "copy", home)
    path = root / place.home / "store.db"
    with closing(sqlite3.connect(path)) as db:
        sql = "SELECT body, state FROM skills WHERE state IN ('active', 'unconfirmed')"
        held = [(skill_from_json(loads(body)), str(state)) for body, state in db.execute(sql)]
    settings = Settings(
        home=path.parent,
        operator=root / place.operator,
        bridge=BridgeAddress.of(root / "bridge.db"),
        agent=place.agent,
        host=place.host,
        packs=False,
    )
    return Node(settings, SystemClock(), MemoryBridge(SystemClock())), held


def unanswered(node: Node, held: list[tuple[Skill, str]]) -> list[str]:
    """Return the errors of skills which nothing answers with the fix that was known then."""
    lost = []
    for skill, _ in held:
        error = read(skill.example_line, error_type=skill.error_type, command=skill.example_command)
        found = [node.store.skills.find(one.skill_id) for one in matches(error, node.store.skills)]
        if resolution(skill) not in {resolution(known.skill) for known in found if known}:
            lost.append(skill.example_line)
    return lost


@pytest.mark.parametrize("home", PLACES)
def test_each_skill_of_an_old_home_is_found_for_its_own_error(home: str, tmp_path: Path) -> None:
    node, held = opened(tmp_path, home)
    with node:
        assert held and set(unanswered(node, held)) <= {"?"}  # which never said what went wrong


def test_without_reading_them_anew_some_would_be_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshcore.node.reread_skills", lambda store: 0)
    node, held = opened(tmp_path, "a")
    with node:
        assert {"NpmError: the lock file is out of date", "./release.sh: Permission denied"} <= set(
            unanswered(node, held)
        )


def test_an_old_id_is_still_found_and_names_the_one_that_answers(tmp_path: Path) -> None:
    node, held = opened(tmp_path, "a")
    with node:
        moved = [(skill, other) for skill, _ in held if (other := other_reading(node.store, skill.skill_id))]
        assert len(moved) == 5
        for skill, other in moved:
            before, now = node.store.skills.find(skill.skill_id), node.store.skills.find(other)
            assert before is not None and now is not None
            assert (before.state, now.skill.signature_version) == ("forgotten", VERSION)
            assert now.skill.derived_from == f"1:{skill.skill_id}" and resolution(now.skill) == resolution(skill)
            assert (now.evidence.verified, now.evidence.failed) == (before.evidence.verified, before.evidence.failed)
            assert reweigh(node, other) == now
