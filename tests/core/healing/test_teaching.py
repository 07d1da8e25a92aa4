"""How a node comes to know a fix."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.healing.small_mesh import ARGV, ERROR, FIX, SmallMesh, again, taught

from meshcore.clock import to_text
from meshcore.errors import BadSkillError, MeshError
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import pull
from meshcore.healing.capture import make_incident
from meshcore.healing.outcomes import count, own_outcome
from meshcore.healing.teaching import offer_generalisations, recognise_fix, teach
from meshcore.knowledge.interchange import put
from meshcore.knowledge.matching import matches
from meshcore.knowledge.signature import read
from meshcore.model import AgentInfo, Evidence, Incident, KnownSkill
from meshcore.store.rows import CommandRow


def ran(
    mesh: SmallMesh, argv: tuple[str, ...], exit_code: int = 0, output: str = "", *, cwd: str = "/work", by: str = "a"
) -> None:
    mesh.clock.advance(1)
    node = mesh.nodes[0]
    at = to_text(mesh.clock.now())
    node.store.commands.add(CommandRow(argv, cwd, exit_code, output, at, "", by))


def episode(mesh: SmallMesh) -> KnownSkill | None:
    """Let a command fail, the fix run, and the command succeed."""
    ran(mesh, ARGV, 1, ERROR)
    ran(mesh, ("pip", "install", "django"))
    ran(mesh, ARGV)
    return recognise_fix(mesh.nodes[0], "/work")


def test_an_error_that_says_too_little_teaches_nothing_and_is_no_fault(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    def says_too_little(found: object) -> None:
        raise BadSkillError("the error says nothing")

    mesh.node("a")
    monkeypatch.setattr("meshcore.healing.teaching.taught_by", says_too_little)
    assert episode(mesh) is None


def test_what_a_person_teaches_is_active_and_confirmed(mesh: SmallMesh) -> None:
    known, new = teach(mesh.node("a"), ERROR, FIX, context="web")
    assert (known.state, known.confirmed, known.source, known.own_operator, new) == (
        "active",
        True,
        "taught",
        True,
        True,
    )
    assert known.skill.context == "web"


def test_the_same_lesson_twice_is_one_skill_and_told_once(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    first, _ = teach(node, ERROR, FIX)
    second, new = teach(node, ERROR, FIX)
    assert (first.skill.skill_id, new) == (second.skill.skill_id, False)
    assert len(node.store.outbox.waiting()) == 1


@pytest.mark.parametrize(("error", "fix"), [("", FIX), ("   ", FIX), (ERROR, ""), (ERROR, "  ")])
def test_half_a_lesson_is_none(mesh: SmallMesh, error: str, fix: str) -> None:
    node = mesh.node("a")
    with pytest.raises(BadSkillError):
        teach(node, error, fix)
    assert node.store.skills.count() == 0
    assert node.store.outbox.waiting() == []


def test_a_lesson_too_large_to_be_told_is_refused_and_blocks_nothing(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    with pytest.raises(MeshError):
        teach(a, ERROR, "pip install " + "x" * 300_000)
    known = taught(a)
    publish(a)
    pull(b)
    assert again(b, known).state == "active"


def test_a_secret_in_a_lesson_is_not_kept(mesh: SmallMesh) -> None:
    secret = "ghp_" + "a1B2c3D4e5" * 4
    node = mesh.node("a")
    known, _ = teach(node, f"{ERROR}\ntoken {secret}", FIX, context=f"with {secret}")
    assert secret not in repr(known)
    assert secret not in repr(node.store.outbox.waiting())


def test_control_characters_in_a_lesson_are_made_visible(mesh: SmallMesh) -> None:
    known, _ = teach(mesh.node("a"), f"{ERROR}\x1b]0;title\x07", FIX, context="\x1b[2J")
    assert "\x1b" not in repr(known.skill).encode().decode("unicode_escape", "replace")


def test_what_a_history_shows_once_is_unconfirmed(mesh: SmallMesh) -> None:
    mesh.node("a")
    known = episode(mesh)
    assert known is not None
    assert (known.state, known.confirmed, known.source) == ("unconfirmed", False, "recognised")
    assert known.skill.action.command() == FIX
    assert "failed and then succeeded" in known.skill.context


def test_the_same_success_seen_twice_is_no_second_occurrence(mesh: SmallMesh) -> None:
    mesh.node("a")
    known = episode(mesh)
    assert known is not None
    second = recognise_fix(mesh.nodes[0], "/work")
    assert second is not None
    assert second.confirmed is False


def folder_episode(mesh: SmallMesh, cwd: str, by: str = "a") -> KnownSkill:
    """Let a command fail for the want of a folder, the folder be made, and the command succeed."""
    error = "FileNotFoundError: [Errno 2] No such file or directory: 'build/out.txt'"
    ran(mesh, ARGV, 1, error, cwd=cwd, by=by)
    ran(mesh, ("mkdir", "build"), cwd=cwd, by=by)
    ran(mesh, ARGV, cwd=cwd, by=by)
    known = recognise_fix(mesh.nodes[0], cwd)
    assert known is not None
    return known


def test_a_second_occurrence_elsewhere_confirms_it_and_the_others_hear_of_it(mesh: SmallMesh) -> None:
    mesh.node("a")
    other = mesh.node("b")
    folder_episode(mesh, "/work")
    mesh.meet()
    known = folder_episode(mesh, "/other", by="b")
    assert (known.confirmed, again(mesh.nodes[0], known).state) == (True, "active")
    mesh.meet()
    assert (again(other, known).confirmed, again(other, known).state) == (True, "active")


def test_a_second_occurrence_in_the_same_project_or_session_confirms_nothing(mesh: SmallMesh) -> None:
    mesh.node("a")
    folder_episode(mesh, "/work")
    assert not folder_episode(mesh, "/work", by="b").confirmed, "the same project"
    assert not folder_episode(mesh, "/other", by="a").confirmed, "the same session"
    mesh.clock.advance(7200)
    assert folder_episode(mesh, "/third", by="a").confirmed


def test_what_comes_from_the_network_is_not_confirmed_by_being_seen_again(mesh: SmallMesh) -> None:
    mesh.node("a")
    mesh.node("b")
    for cwd, by in (("/work", "a"), ("/other", "b"), ("/third", "c")):
        ran(mesh, ARGV, 1, ERROR, cwd=cwd, by=by)
        ran(mesh, ("pip", "install", "django"), cwd=cwd, by=by)
        ran(mesh, ARGV, cwd=cwd, by=by)
        known = recognise_fix(mesh.nodes[0], cwd)
        mesh.meet()
        assert known is not None
        assert (known.confirmed, known.state, known.evidence.verified) == (False, "unconfirmed", 0)


def test_what_older_nodes_have_only_seen_vouches_for_no_name(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known, _ = teach(node, ERROR, FIX)
    signature = read(ERROR)
    seen = Incident("", "", AgentInfo("b"), (), "", None, signature, "")
    count(node, own_outcome(node, seen, known.skill_id, "verified", "seen"))
    assert again(node, known).evidence.verified == 0
    count(node, own_outcome(node, seen, known.skill_id, "verified", "policy"))
    assert again(node, known).evidence.verified == 1


def test_what_was_recognised_and_is_then_taught_is_confirmed(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known = episode(mesh)
    assert known is not None
    teach(node, ERROR, FIX)
    assert (again(node, known).state, again(node, known).confirmed) == ("active", True)


def test_a_success_that_no_command_explains_teaches_nothing(mesh: SmallMesh) -> None:
    mesh.node("a")
    ran(mesh, ARGV, 1, ERROR)
    ran(mesh, ("ls", "-l"))
    ran(mesh, ARGV)
    assert recognise_fix(mesh.nodes[0], "/work") is None


def test_recognising_a_strangers_skill_makes_it_ones_own_unconfirmed(mesh: SmallMesh) -> None:
    node, stranger = mesh.node("a"), mesh.node("s", operator="other")
    taught(stranger)
    mesh.meet()
    known = episode(mesh)
    assert known is not None
    here = again(node, known)
    assert (here.own_operator, here.state, here.author) == (True, "unconfirmed", node.identity.node.public)


def test_a_forgotten_skill_that_is_taught_again_is_back(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known = taught(node)
    node.store.skills.set_state(known.skill.skill_id, "forgotten", "me")
    taught(node)
    assert again(node, known).state == "active"


def test_recognition_does_not_lift_a_quarantine(mesh: SmallMesh) -> None:
    node, stranger = mesh.node("a"), mesh.node("s", operator="other")
    known = taught(stranger)
    mesh.meet()
    node.store.skills.set_state(known.skill.skill_id, "quarantined", "me")
    episode(mesh)
    assert again(node, known).state == "quarantined"


def test_what_a_known_skill_would_have_done_counts_for_it_and_makes_no_second_one(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    missing = "mv: cannot move 'a' to '{}': No such file or directory"
    first, _ = teach(node, missing.format("/srv/a/b"), "mkdir -p /srv/a/b", command="mv a /srv/a/b")
    failing = ("mv", "a", "/srv/c/d")
    ran(mesh, failing, 1, missing.format("/srv/c/d"))
    ran(mesh, ("mkdir", "-p", "/srv/c/d"))
    ran(mesh, failing)
    seen = recognise_fix(node, "/work")
    assert seen is not None
    assert node.store.skills.count() == 1
    assert (seen.skill_id, seen.evidence.verified) == (first.skill_id, 1)


def test_what_two_verified_skills_have_in_common_is_offered_and_waits_for_a_person(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    for name in ("django", "flask"):
        known, _ = teach(node, f"ModuleNotFoundError: No module named '{name}'", f"pip install {name}")
        put(node.store, replace(known, evidence=Evidence(verified=1, hosts=frozenset({"host1"}))))
    offered = offer_generalisations(node, known.skill_id)
    assert [skill.skill.action.steps for skill in offered] == [(("pip", "install", "{0}"),)]
    assert (offered[0].state, offered[0].confirmed) == ("unconfirmed", False)
    assert offer_generalisations(node, known.skill_id) == []


@pytest.mark.parametrize("folder", ["/", "/no/such/folder"])
def test_a_text_of_several_commands_is_taught_as_its_failure_is_met(mesh: SmallMesh, folder: str) -> None:
    a = mesh.node("a")
    text = f"cd {folder} && source .venv/bin/activate && python -c 'print(1)'"
    error = "bash: line 1: .venv/bin/activate: No such file or directory"
    known, _ = teach(a, error, "python3 -m venv .venv", command=text)
    argv, now = ("bash", "-c", text), to_text(mesh.clock.now())
    met = make_incident(error.encode(), argv, cwd="/", env={}, agent=AgentInfo("b"), exit_code=1, opened=now)
    assert [match.skill_id for match in matches(met.signature, a.store.skills, met.circumstances)] == [known.skill_id]
