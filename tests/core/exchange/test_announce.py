"""What others are told of a failure and of what came of it."""

from __future__ import annotations

from tests.core.healing.small_mesh import Fix, SmallMesh, again, taught


def test_an_outcome_of_a_very_long_command_is_told_all_the_same(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(a)
    fix = Fix(a, mesh.clock)
    considered = fix.fail(argv=("python", "app.py", *("x" * 1000 for _ in range(500))))
    fix.heal(considered)
    mesh.meet()
    assert again(b, known).evidence.verified == 1


def test_a_failure_and_its_outcome_travel_without_any_output(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    taught(a)
    fix = Fix(a, mesh.clock)
    considered = fix.fail()
    fix.heal(considered)
    mesh.meet()
    there = b.store.incidents.find(considered.incident.incident_id)
    assert there is not None
    assert (there.state, there.excerpt, there.cwd, there.argv_redacted) == ("verified", "", "", True)
    [told] = b.store.outcomes.of(incident_id=considered.incident.incident_id)
    assert [step.output for step in told.steps] == [""]
    assert b.store.incidents.node_of(considered.incident.incident_id) == a.identity.node.public
