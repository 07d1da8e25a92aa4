"""What comes in from elsewhere is nobody's until a person stands behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshcore.bridge.memory import MemoryBridge
from meshcore.config import load
from meshcore.errors import BadSkillError
from meshcore.exchange.purge import purge
from meshcore.healing.importing import Adopted, adopt_history, suggest
from meshcore.healing.teaching import stand_behind, teach
from meshcore.knowledge.history import PastFix, Preview
from meshcore.model import Action, Skill
from meshcore.node import Node
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
    assert node.store.outbox.waiting(10) == []


def test_what_is_known_stays_as_it_is(node: Node) -> None:
    taught, _ = teach(node, ERROR, "pip install django")
    known, new = suggest(node, taught.skill, "imported")
    assert (new, known.source, known.confirmed) == (False, "taught", True)


def test_whoever_confirms_it_becomes_its_author_and_the_others_are_told(node: Node) -> None:
    known, _ = suggest(node, skill(), "reported")
    stand_behind(node, known, "looked at")
    again = node.store.skills.find(known.skill_id)
    assert again is not None
    assert (again.state, again.confirmed, again.own_operator) == ("active", True, True)
    assert again.author == node.identity.node.public
    assert [row.kind for row in node.store.outbox.waiting(10)] == ["skill"]


def test_a_skill_that_may_not_travel_is_refused(node: Node) -> None:
    with pytest.raises(BadSkillError):
        suggest(node, skill(template=" "), "imported")


MAKES = skill(action=Action("argv", (("mkdir", "-p", "logs"),)))


def past(times: int, one: Skill = MAKES) -> Preview:
    seen_in = frozenset((f"s{number}", f"/work/{number}") for number in range(times))
    return Preview("codex", 3, fixes=(PastFix(one, times, seen_in),))


def test_what_was_erased_here_is_not_learnt_from_past_sessions_again(node: Node) -> None:
    known, _ = teach(node, ERROR, "pip install django")
    me = node.identity.node.public
    purge(node, node.store.purges.find(known.skill_id, me), "")
    taught = known.skill
    assert adopt_history(node, past(2, taught), {}) == Adopted(left_out=("a fix that was erased here",))
    assert node.store.skills.all() == []
    assert adopt_history(node, past(2), {}).added == 1


def test_what_past_sessions_brought_in_from_the_network_waits_for_a_person(node: Node) -> None:
    squatted = skill(action=Action("argv", (("pip", "install", "reqeusts"),)))
    assert adopt_history(node, past(9, squatted), {}).confirmed == 0
    [known] = node.store.skills.all()
    assert (known.state, known.confirmed) == ("unconfirmed", False)


@pytest.mark.parametrize(
    "seen_in", [[("1", "/a"), ("2", "/a")], [("1", "/a"), ("1", "/b")], [("1", "/a/x"), ("2", "/a/y")], []]
)
def test_the_past_of_one_project_or_one_session_confirms_nothing(
    node: Node, tmp_path: Path, seen_in: list[tuple[str, str]]
) -> None:
    (tmp_path / "a/.git").mkdir(parents=True)
    found = PastFix(MAKES, 9, frozenset((session, f"{tmp_path}{folder}") for session, folder in seen_in))
    assert adopt_history(node, Preview("codex", fixes=(found,)), {}).confirmed == 0


def test_a_fix_of_the_past_seen_in_two_places_counts_as_confirmed_and_in_one_not(node: Node) -> None:
    assert adopt_history(node, past(1), {}).added == 1
    [known] = node.store.skills.all()
    assert (known.state, known.confirmed, known.own_operator, known.source) == ("unconfirmed", False, True, "imported")
    done = adopt_history(node, past(2), {})
    assert (done.added, done.confirmed) == (0, 1)
    [known] = node.store.skills.all()
    assert (known.state, known.confirmed) == ("active", True)
    assert [row.body["confirmed"] for row in node.store.outbox.waiting(10)] == [False, True]


def test_a_second_import_of_the_same_past_changes_no_skill(node: Node) -> None:
    adopt_history(node, past(2), {})
    before, told = node.store.skills.all(), node.store.outbox.waiting(10)
    assert adopt_history(node, past(5), {}).added == 0
    assert (node.store.skills.all(), node.store.outbox.waiting(10)) == (before, told)


@pytest.mark.parametrize("state", ["forgotten", "quarantined"])
def test_the_past_does_not_bring_back_what_a_person_put_away(node: Node, state: str) -> None:
    adopt_history(node, past(1), {})
    [known] = node.store.skills.all()
    node.store.skills.set_state(known.skill_id, "forgotten" if state == "forgotten" else "quarantined", "me")
    adopt_history(node, past(9), {})
    assert [one.state for one in node.store.skills.all()] == [state]


def test_what_policy_refuses_is_not_taken_in(node: Node) -> None:
    dangerous = skill(action=Action("argv", (("rm", "-rf", "/"),)))
    done = adopt_history(node, Preview("codex", fixes=(PastFix(dangerous, 5),)), {})
    assert (done.added, node.store.skills.all()) == (0, [])
    assert len(done.left_out) == 1


def test_the_before_is_kept_as_an_event_and_labelled(node: Node) -> None:
    before = {"seconds_to_green": {"n": 1, "median": 40.0, "p90": 40.0, "min": 40.0, "max": 40.0}}
    adopt_history(node, past(1), before)
    [event] = [one for one in node.store.events.after(0) if one.kind == "history.imported"]
    assert (event.data["via"], event.data["retrospective"], event.data["sessions"]) == ("codex", True, 3)
    assert event.data["seconds_to_green"] == before["seconds_to_green"]


def test_the_same_fix_once_in_the_histories_of_two_agents_is_twice(node: Node) -> None:
    def once(agent: str, folder: str) -> Preview:
        return Preview(agent, 1, fixes=(PastFix(MAKES, 1, frozenset({(f"of {agent}", folder)})),))

    assert adopt_history(node, once("claude-code", "/srv/a"), {}).confirmed == 0
    assert adopt_history(node, once("claude-code", "/srv/a"), {}).confirmed == 0, "read again"
    assert adopt_history(node, once("codex", "/srv/a"), {}).confirmed == 0, "the same project"
    assert adopt_history(node, once("gemini", "/srv/b"), {}).confirmed == 1
    [known] = node.store.skills.all()
    assert len(node.store.sightings.of(known.skill_id)) == 3
