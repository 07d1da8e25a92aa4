"""What comes in from elsewhere is nobody's until a person stands behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshcore.bridge.memory import MemoryBridge
from meshcore.config import load
from meshcore.errors import BadSkillError
from meshcore.healing.adopting import suggest
from meshcore.healing.node import Node
from meshcore.healing.teaching import stand_behind, teach
from meshcore.testing import FakeClock, skill

ERROR = "ModuleNotFoundError: No module named 'django'"


@pytest.fixture
def node(tmp_path: Path, clock: FakeClock) -> Node:
    settings = load(environment={"MESHTUI_HOME": str(tmp_path / "home"), "MESHTUI_OPERATOR_DIR": str(tmp_path / "op")})
    return Node(settings, clock, MemoryBridge(clock=clock))


def test_a_suggestion_is_unconfirmed_and_told_to_nobody(node: Node) -> None:
    known, new = suggest(node, skill(), "imported")
    assert new
    assert (known.state, known.confirmed, known.own_operator, known.author) == ("unconfirmed", False, False, "")
    assert node.store.outbox(10) == []


def test_what_is_known_stays_as_it_is(node: Node) -> None:
    taught, _ = teach(node, ERROR, "pip install django")
    known, new = suggest(node, taught.skill, "imported")
    assert (new, known.source, known.confirmed) == (False, "taught", True)


def test_whoever_confirms_it_becomes_its_author_and_the_others_are_told(node: Node) -> None:
    known, _ = suggest(node, skill(), "reported")
    stand_behind(node, known, "looked at")
    again = node.store.skill(known.skill_id)
    assert again is not None
    assert (again.state, again.confirmed, again.own_operator) == ("active", True, True)
    assert again.author == node.identity.node.public
    assert [row.kind for row in node.store.outbox(10)] == ["skill"]


def test_a_skill_that_may_not_travel_is_refused(node: Node) -> None:
    with pytest.raises(BadSkillError):
        suggest(node, skill(template=" "), "imported")
