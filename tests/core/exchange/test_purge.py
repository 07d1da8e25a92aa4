"""A body that is purged is nowhere any more; its number stays, and nobody purges what is another's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.healing.small_mesh import SmallMesh

from meshcore.bridge.base import Publication
from meshcore.config import BridgeAddress, Settings
from meshcore.errors import UsageError
from meshcore.exchange.announce import announce_incident, announce_outcome
from meshcore.exchange.control_bodies import PurgeBody
from meshcore.exchange.publish import publish
from meshcore.exchange.purge import purge
from meshcore.exchange.receive import exchange, pull
from meshcore.healing.teaching import teach
from meshcore.model import Signature, StepResult
from meshcore.node import Node
from meshcore.store.purges import Told
from meshcore.store.rows import CommandRow
from meshcore.testing import FakeClock, incident, outcome

SECRET = "Zwetschgenkuchen4711"  # looks like a word: no rule takes it out
Open = Callable[..., Node]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Return what opens nodes on one real bridge with an old database beside it."""
    clock = FakeClock()
    with ExitStack() as stack:

        def node(name: str, operator: str = "operator") -> Node:
            settings = Settings(
                home=tmp_path / name,
                operator=tmp_path / operator,
                bridge=BridgeAddress.of(tmp_path / "bridge.db"),
                agent=name,
                host=name,
            )
            one = stack.enter_context(Node(settings, clock))
            one.require_bridge()
            return one

        yield node


def holding(root: Path) -> list[str]:
    return sorted(
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes()
    )


def met(node: Node) -> str:
    """Let a node fail on a secret that nobody knows for one; return the incident's id."""
    me, line = node.identity.node.public, f"deploy: {SECRET} is wrong"
    one = replace(
        incident(5),
        argv=("deploy", SECRET),
        excerpt=line,
        signature=Signature(1, "deploy", f"deploy: {SECRET} is wrong", (), line),
    )
    node.store.incidents.open(one, me)
    node.store.commands.add(CommandRow(one.argv, "/w", 1, line, node.store.now(), one.incident_id, "a"))
    node.store.events.add("incident.matched", incident_id=one.incident_id, data={"why": line, "score": 1})
    done = replace(outcome(5, node=me), incident_id=one.incident_id, result="fix_failed")
    done = replace(done, steps=(StepResult(("fix", SECRET), 1, 0.1, line),))
    node.store.outcomes.add(done, own_operator=True)
    announce_incident(node, one)
    announce_outcome(node, done)
    return one.incident_id


def settle(*nodes: Node) -> None:
    for _ in range(2):
        for node in nodes:
            exchange(node)
            node.project()


def test_a_purged_incident_is_in_no_file_of_any_node_and_its_number_stays(opened: Open, tmp_path: Path) -> None:
    a, b, foreign = opened("a"), opened("b"), opened("c", "other")
    incident_id = met(a)
    settle(a, b, foreign)
    assert {name.partition("/")[0] for name in holding(tmp_path)} >= {"a", "b"}
    seqs = [event.seq for event in a.store.events.after(0)]
    records = b.store.records.count()
    found = a.store.purges.find(incident_id, a.identity.node.public)
    assert {told.kind for told in found} == {"incident", "outcome"}
    line = a.store.incidents.find(incident_id)
    assert purge(a, found, "got out") == 2
    settle(a, b, foreign)
    for node in (a, b):
        assert line is not None and node.store.purges.has_erased("", line.signature.line)
        assert not node.store.purges.has_erased("", "another line")
    for node in (a, b, foreign):
        node.store.checkpoint()
        node.close()
    assert holding(tmp_path) == []
    with Node(b.settings, b.clock) as again:
        assert again.store.incidents.find(incident_id) is not None
        assert again.store.records.count()["stored"] >= records["stored"]
    with Node(a.settings, a.clock) as again:
        assert [event.seq for event in again.store.events.after(0)][: len(seqs)] == seqs


def test_a_purged_skill_is_nowhere_also_not_with_old_programs(opened: Open, tmp_path: Path) -> None:
    a, b = opened("a"), opened("b")
    known, _ = teach(a, f"ModuleNotFoundError: No module named '{SECRET}'", f"pip install {SECRET}")
    settle(a, b)
    assert b.store.skills.find(known.skill_id) is not None
    assert any(name.startswith("bridge.db") and "mesh" not in name for name in holding(tmp_path))
    purge(a, a.store.purges.find(known.skill_id, a.identity.node.public), "")
    settle(a, b)
    assert [node.store.skills.find(known.skill_id) for node in (a, b)] == [None, None]
    assert not a.store.chains.not_whole() and not b.store.chains.not_whole()
    for node in (a, b):
        node.store.checkpoint()
        node.close()
    assert holding(tmp_path) == []


def test_who_joins_later_misses_no_number_of_a_purged_skill(opened: Open) -> None:
    a = opened("a")
    known, _ = teach(a, "ModuleNotFoundError: No module named 'django'", "pip install django")
    teach(a, "ModuleNotFoundError: No module named 'flask'", "pip install flask")
    settle(a)
    purge(a, a.store.purges.find(known.skill_id, a.identity.node.public), "")
    settle(a)
    late = opened("late")
    settle(a, late)
    assert late.store.chains.not_whole() == []
    assert late.store.skills.count() == 1
    assert late.store.records.count().get("rejected", 0) == 0


def told_of(mesh: SmallMesh, author: Node) -> Told:
    """Let a node teach something; return the record that tells of it."""
    known, _ = teach(author, "ModuleNotFoundError: No module named 'django'", "pip install django")
    publish(author)
    [told] = author.store.purges.find(known.skill_id, author.identity.node.public)
    return told


def test_a_foreign_purge_erases_nothing(mesh: SmallMesh) -> None:
    a, b, foreign = mesh.node("a"), mesh.node("b"), mesh.node("x", operator="other")
    told = told_of(mesh, a)
    mesh.meet()
    body = PurgeBody(told.record_id, told.author, "skill", "", told.epoch, told.number)
    mesh.send(foreign, "purge", body.to_json())
    # Nor does it by naming itself as the author of what another made.
    mesh.send(foreign, "purge", replace(body, author=foreign.identity.node.public).to_json())
    for node in (a, b):
        pull(node)
        assert node.store.skills.find(told.subject) is not None
    held = b.store.purges.find(told.record_id, b.identity.node.public)
    assert [one.subject for one in held] == [told.subject]


def test_a_purge_names_no_skill_of_somebody_else(mesh: SmallMesh) -> None:
    a, foreign = mesh.node("a"), mesh.node("x", operator="other")
    known, _ = teach(a, "ModuleNotFoundError: No module named 'django'", "pip install django")
    mesh.meet()
    theirs, _ = teach(foreign, "ModuleNotFoundError: No module named 'django'", "pip install django")
    assert theirs.skill_id == known.skill_id
    publish(foreign)
    pull(a)
    [told] = [t for t in foreign.store.purges.find(known.skill_id, foreign.identity.node.public) if t.own]
    purge(foreign, [told], "")
    publish(foreign)
    pull(a)
    assert a.store.skills.find(known.skill_id) is not None


@pytest.mark.parametrize("kind", ["revocation", "halt", "lift", "rotation", "purge", "hello", ""])
def test_what_others_rest_on_cannot_be_purged(mesh: SmallMesh, kind: str) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    told = told_of(mesh, a)
    mesh.meet()
    mesh.send(a, "purge", PurgeBody(told.record_id, told.author, kind).to_json())
    pull(b)
    assert b.store.skills.find(told.subject) is not None


def test_an_operator_purges_in_their_own_homes_what_others_said(mesh: SmallMesh) -> None:
    a, b, foreign = mesh.node("a"), mesh.node("b"), mesh.node("x", operator="other")
    told = told_of(mesh, foreign)
    mesh.meet()
    held = a.store.purges.find(told.record_id, a.identity.node.public)
    assert [one.own for one in held] == [False]
    purge(a, held, "")
    mesh.meet()
    assert [node.store.skills.find(told.subject) is None for node in (a, b)] == [True, True]
    assert foreign.store.skills.find(told.subject) is not None
    third = mesh.node("y", operator="third")
    pull(third)
    assert third.store.skills.find(told.subject) is not None, "on the bridge it is its author's"


def test_a_copy_that_comes_later_is_kept_out(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    told = told_of(mesh, a)
    [delivery] = mesh.bridge.peer().receive(b.identity.node.public, 0).deliveries
    purge(a, [told], "")
    publish(a)
    pull(b)
    mesh.bridge.publish([Publication(delivery.record, "skill")])
    pull(b)
    assert b.store.skills.find(told.subject) is None
    assert b.store.purges.find(told.subject, b.identity.node.public) == []


def test_what_waits_unsent_is_withdrawn_and_never_leaves(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known, _ = teach(a, f"ModuleNotFoundError: No module named '{SECRET}'", f"pip install {SECRET}")
    found = a.store.purges.find(known.skill_id, a.identity.node.public)
    assert [told.record_id for told in found] == [""]
    assert purge(a, found, "") == 0
    assert a.store.outbox.waiting() == []
    mesh.meet()
    assert b.store.records.count() == {}


def test_nothing_found_is_said(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    for reference in ("", "%", "zz", "0" * 8, "'; DROP TABLE skills"):
        assert a.store.purges.find(reference, a.identity.node.public) == []
    with pytest.raises(UsageError, match="no record"):
        purge(a, [], "")
