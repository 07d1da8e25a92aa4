"""What the tables of a store promise: labels, keys, states, references, records, commands, figures."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.model import Circumstances, Evidence, Record
from meshcore.store import skills
from meshcore.store.agents import COMMANDS_KEPT_PER_FOLDER
from meshcore.store.rows import (
    Approval,
    CommandRow,
    evidence_from_json,
    evidence_to_json,
    folder_of_text,
    folder_to_text,
    outcome_from_json,
    outcome_to_json,
)
from meshcore.store.store import Store
from meshcore.testing import FakeClock, incident, known_skill, outcome, skill

ME, PEER = "a" * 64, "b" * 64


def kinds(store: Store) -> list[str]:
    return [event.kind for event in store.events.after(0)]


def approval(number: int = 1, **changes: str) -> Approval:
    return replace(
        Approval(
            f"{number:012x}", f"{1:016x}", skill().skill_id, "hash", "pip install django", ("why",), "now", "waiting"
        ),
        **changes,  # type: ignore[arg-type]
    )


# --- skills -----------------------------------------------------------------------------------------------------------


def test_a_skill_stored_twice_is_one_skill_with_its_first_label_and_time(store: Store, clock: FakeClock) -> None:
    first = store.skills.put(known_skill(), "b", "0", ["k"])
    clock.advance(60)
    again = store.skills.put(known_skill(state="quarantined", label=9), "b", "0", ["k"])
    assert (again.label, again.created, again.state) == (first.label, first.created, "quarantined")
    assert store.skills.all() == [again]
    assert store.skills.shapes("b") == ["0"]


def test_a_label_that_another_skill_has_is_not_given_twice(store: Store) -> None:
    one = store.skills.put(known_skill("one", label=7), "b", "0", [])
    two = store.skills.put(known_skill("two", label=7), "b", "0", [])
    three = store.skills.put(known_skill("three"), "b", "0", [])
    assert [one.label, two.label, three.label] == [7, 8, 9]


def test_a_skill_moves_to_its_new_keys_and_leaves_the_old_ones(store: Store) -> None:
    store.skills.put(known_skill(), "old", "0", ["k1"])
    store.skills.put(known_skill(), "new", "0,1", ["k2"])
    assert (store.skills.shapes("old"), store.skills.shapes("new")) == ([], ["0,1"])
    assert store.skills.lookup(["k1"], 5) == []
    assert len(store.skills.lookup(["k2"], 5)) == 1


def test_lookup_gives_the_skills_of_the_first_keys_first_and_each_once(store: Store) -> None:
    *crowd, last = sorted((known_skill(f"module{n}") for n in range(10)), key=lambda known: known.skill.skill_id)
    for known in crowd:
        store.skills.put(known, "b", "0", ["loose"])
    store.skills.put(last, "b", "0", ["exact", "loose"])
    found = store.skills.lookup(["exact", "loose"], 4)
    assert found[0].skill == last.skill
    assert len({known.skill.skill_id for known in found}) == len(found) == 4
    assert store.skills.lookup([], 4) == []


def test_a_skill_is_found_by_label_id_and_beginning_of_its_id(store: Store) -> None:
    known = store.skills.put(known_skill(label=3), "b", "0", [])
    skill_id = known.skill.skill_id
    for reference in ("3", skill_id, skill_id[:6]):
        assert store.skills.find(reference) == known
    for reference in ("", "4", skill_id[:5] + "zzz", "'; DROP TABLE skills", "\udcff\udcff\udcff", "9" * 30, "٣"):
        assert store.skills.find(reference) is None


def test_a_label_of_many_digits_is_found_too(store: Store) -> None:
    known = store.skills.put(known_skill(label=2_000_000_000), "b", "0", [])
    assert store.skills.find("2000000000") == known


def test_confirming_makes_an_unconfirmed_skill_active_but_lifts_no_quarantine(store: Store) -> None:
    one = store.skills.put(known_skill("one", state="unconfirmed", confirmed=False), "b", "0", []).skill.skill_id
    two = store.skills.put(known_skill("two", state="quarantined", confirmed=False), "b", "0", []).skill.skill_id
    store.skills.confirm(one, "anna")
    store.skills.confirm(two, "anna")
    found = {known.skill.skill_id: known for known in store.skills.all()}
    assert (found[one].state, found[one].confirmed) == ("active", True)
    assert (found[two].state, found[two].confirmed) == ("quarantined", True)
    assert kinds(store) == ["skill.confirmed", "skill.confirmed"]


def test_two_processes_that_learn_the_same_skill_at_once_make_one_row(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    Store(path).close()
    code = (
        "import sys, pathlib; from meshcore.store.store import Store; from meshcore.testing import known_skill;"
        "s = Store(pathlib.Path(sys.argv[1])); sys.stdin.read(1);\n"
        "for n in range(30): s.skills.put(known_skill(f'module{n}'), 'b', '0', ['k'])\n"
        "s.close()"
    )
    learners = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for learner in learners:
        assert learner.stdin is not None
        learner.stdin.write(b"g")
        learner.stdin.flush()
    for learner in learners:
        assert learner.communicate()[1].decode() == ""
    store = Store(path)
    assert [known.label for known in store.skills.all()] == list(range(1, 31))
    assert len(store.skills.lookup(["k"], 100)) == 30
    store.close()


def test_evidence_comes_back_as_it_was(store: Store) -> None:
    here = Circumstances("debian", "python")
    evidence = Evidence(3, 1, frozenset({"h1"}), frozenset({2}), {0: frozenset({"a", "b"})}, {here: 3}, {here: 1})
    stored = store.skills.put(known_skill(), "b", "0", [])
    store.skills.put(replace(stored, evidence=evidence), "b", "0", [])
    assert store.skills.all()[0].evidence == evidence
    assert evidence_from_json({}) == Evidence()
    assert evidence_from_json(evidence_to_json(Evidence())) == Evidence()


# --- incidents, tries, outcomes ---------------------------------------------------------------------------------------


def test_an_incident_comes_back_as_it_was_and_the_same_one_twice_is_one(store: Store) -> None:
    met = incident(environment={"LANG": "C"}, stdin="tty", again=True, argv_redacted=True, exit_code=None)
    assert store.incidents.open(met, ME) is True
    assert store.incidents.open(met, ME) is False
    assert store.incidents.find(met.incident_id) == met
    assert kinds(store) == ["incident.opened"]


def test_a_folder_whose_name_is_not_utf8_is_kept_byte_for_byte(store: Store) -> None:
    folder = b"/srv/caf\xe9".decode("utf-8", "surrogateescape")
    store.incidents.open(incident(cwd=folder), ME)
    store.commands.add(CommandRow(("ls",), folder, 0, "", "", "", "a"))
    assert [found.cwd for found in store.incidents.waiting(("python", "app.py"), folder)] == [folder]
    assert [row.cwd for row in store.commands.in_folder(folder)] == [folder]


@given(st.text(st.characters(), max_size=30).map(lambda rest: "/" + rest))
def test_every_folder_survives_its_column(folder: str) -> None:
    text = folder_to_text(folder)
    text.encode()
    assert folder_of_text(text) == folder


def test_an_id_that_a_peer_made_longer_does_not_hide_ours(store: Store) -> None:
    ours = incident()
    store.incidents.open(ours, ME)
    store.incidents.open(replace(ours, incident_id=ours.incident_id + "0"), PEER, remote=True)
    assert store.incidents.find(ours.incident_id) == ours
    assert store.incidents.find(ours.incident_id[:8]) is None


@pytest.mark.parametrize("reference", ["", "zz", "%", "last ", "\udcff", "\x00"])
def test_a_reference_to_nothing_finds_nothing(store: Store, reference: str) -> None:
    store.incidents.open(incident(), ME)
    store.approvals.ask(approval())
    assert store.incidents.find(reference) is None
    assert store.approvals.find(reference) is None


def test_last_is_the_newest_incident_of_this_node_not_of_another(store: Store) -> None:
    assert store.incidents.find("last") is None
    store.incidents.open(incident(1), ME)
    store.incidents.open(incident(2), PEER, remote=True)
    last = store.incidents.find("last")
    assert last is not None
    assert last.incident_id == incident(1).incident_id
    assert store.incidents.count_own() == 1
    assert (store.incidents.node_of(incident(2).incident_id), store.incidents.node_of("nobody")) == (PEER, "")


def test_seconds_to_green_are_this_nodes_own(store: Store) -> None:
    for number, (again, remote) in enumerate([(False, False), (True, False), (True, True)]):
        store.incidents.open(incident(number, again=again), PEER if remote else ME, remote=remote)
        store.incidents.set_state(incident(number).incident_id, "verified", seconds=float(number + 1))
    assert store.incidents.seconds_to_green() == {"first": [1.0], "again": [2.0]}


def test_opening_is_kept_as_monotonic_time_of_a_boot(store: Store, clock: FakeClock) -> None:
    store.incidents.open(incident(1), ME, boot="boot1", monotonic=5.0)
    store.incidents.open(incident(2), ME)
    assert store.incidents.times(incident(1).incident_id) == (5.0, "boot1", None, None)
    assert store.incidents.times(incident(2).incident_id)[0] == clock.monotonic()
    assert store.incidents.times("nobody") == (None, "", None, None)


def test_an_intent_stays_unfinished_until_its_outcome(store: Store) -> None:
    store.incidents.open(incident(), ME)
    store.tries.intend("t1", incident().incident_id, skill().skill_id, "policy", {"steps": []}, "/venv", "42:boot:1")
    assert store.tries.unfinished() == [("t1", incident().incident_id, skill().skill_id, "42:boot:1")]
    assert store.outcomes.add(outcome(), own_operator=True, try_id="t1") is True
    assert store.outcomes.add(outcome(), own_operator=True, try_id="t1") is False
    assert store.tries.unfinished() == []
    assert store.outcomes.of(incident_id=incident().incident_id) == [outcome()]
    assert kinds(store) == ["incident.opened", "incident.state", "try.intent", "try.outcome"]


@pytest.mark.parametrize(
    "bad",
    [
        {"result": "great"},
        {"host": None},
        {"actor": 5},
        {"seconds": "fast"},
        {"seconds": float("nan")},
        {"seconds": True},
        {"seconds": 10**400},
        {"own_seconds": []},
        {"steps": [{"argv": "rm", "exit_code": 0, "seconds": 1}]},
        {"steps": [{"argv": ["rm"], "exit_code": 2**31, "seconds": 1}]},
        {"rerun": {"argv": ["rm"], "exit_code": 0, "seconds": 1, "output": 7}},
        {"steps": 7},
        {"slots": [["shape", "x"]]},
        {"circumstances": []},
    ],
)
def test_an_outcome_of_another_form_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        outcome_from_json({**outcome_to_json(outcome()), **bad})


# --- approvals --------------------------------------------------------------------------------------------------------


def test_the_same_try_waits_once_and_is_settled_once(store: Store) -> None:
    store.incidents.open(incident(), ME)
    assert store.approvals.ask(approval(1)) is True
    assert store.approvals.ask(approval(2)) is False
    assert [waiting.approval_id for waiting in store.approvals.all()] == [approval(1).approval_id]
    assert store.approvals.resolve(approval(1).approval_id, "approved", "anna") is True
    assert store.approvals.resolve(approval(1).approval_id, "rejected", "bob") is False
    settled = store.approvals.find(approval(1).approval_id)
    assert settled is not None
    assert (settled.state, settled.actor) == ("approved", "anna")
    assert store.approvals.all() == []
    assert store.approvals.ask(approval(2)) is True


# --- the outbox and records -------------------------------------------------------------------------------------------


def test_the_outbox_keeps_order_signature_and_what_is_published(store: Store) -> None:
    first, second = (store.outbox.add("skill", {"n": n}) for n in (1, 2))
    store.outbox.keep_signed(first, Record("text", ME, "f" * 128))
    assert [row.record.text if row.record else "" for row in store.outbox.waiting()] == ["text", ""]
    store.outbox.mark_published([first])
    assert [row.seq for row in store.outbox.waiting()] == [second]


def test_an_author_number_is_never_given_twice_unless_it_was_never_used(store: Store) -> None:
    with pytest.raises(RuntimeError), store.transaction():
        store.outbox.next_author_seq()
        raise RuntimeError
    assert [store.outbox.next_author_seq() for _ in range(3)] == [1, 2, 3]


def test_a_bad_copy_that_came_first_does_not_block_the_true_record(store: Store) -> None:
    true = Record("text", ME, "f" * 128, "skill", ME, 1, "2026-11-22T08:00:00Z")
    assert store.records.add(
        replace(true, sig="0" * 128, kind="", author=""), "rejected", "the signature does not hold"
    )
    assert store.records.has(true.record_id) is False
    assert store.records.add(true, "stored") is True
    assert store.records.has(true.record_id) is True
    assert store.records.add(replace(true, sig="0" * 128), "rejected", "again") is False
    assert store.records.count() == {"stored": 1}
    assert kinds(store) == ["record.rejected"]


def test_rejected_records_are_counted_and_shown_with_their_reason(store: Store) -> None:
    for number in range(3):
        store.records.add(Record(f"text {number}", ME, ""), "rejected", f"reason {number}")
    assert store.records.add(Record("text 0", ME, ""), "rejected", "again") is False
    assert [reason for _, _, reason in store.records.rejected(2)] == ["reason 2", "reason 1"]
    assert store.snapshots.figures()["records.rejected"] == 3


def test_the_highest_time_seen_comes_from_accepted_records_only(store: Store) -> None:
    assert store.records.highest_time() == ""
    for number, (created, status) in enumerate(
        [("2026-01-01T00:00:00+01:00", "stored"), ("2999-01-01T00:00:00Z", "rejected"), ("zzz", "stored")]
    ):
        store.records.add(Record(f"text {number}", ME, "", created=created), status)
    assert store.records.highest_time() == "2025-12-31T23:00:00.000000Z"


def test_an_author_keeps_the_highest_number_and_joins_once(store: Store) -> None:
    store.authors.see(PEER, "b", "host2", "", False, 2**63 - 1)
    store.authors.see(PEER, "", "", "operator", True, 5)
    row = store.database._connection.execute(
        "SELECT name, host, operator, own_operator, highest_seq FROM authors"
    ).fetchone()
    assert tuple(row) == ("b", "host2", "operator", 1, 2**63 - 1)
    assert kinds(store) == ["node.joined"]


# --- agents, commands, figures ----------------------------------------------------------------------------------------


def test_an_agent_joins_once_and_is_seen_again(store: Store, clock: FakeClock) -> None:
    store.agents.see("ci@build2", "shell", "build2")
    clock.advance(5)
    store.agents.see("ci@build2", "claude-code", "build2")
    (agent,) = store.agents.all()
    assert agent["via"] == "claude-code"
    assert agent["first_seen"] < agent["last_seen"]
    assert kinds(store) == ["agent.joined"]


def test_a_folder_keeps_its_newest_commands_only_and_others_are_not_touched(store: Store) -> None:
    store.commands.add(CommandRow(("true",), "/other", 0, "", "", "", "a"))
    for number in range(COMMANDS_KEPT_PER_FOLDER + 30):
        store.commands.add(CommandRow((str(number),), "/srv", 0, "", "", "", "a"))
    kept = store.commands.in_folder("/srv", 1000)
    assert len(kept) == COMMANDS_KEPT_PER_FOLDER
    assert kept[-1].argv == (str(COMMANDS_KEPT_PER_FOLDER + 29),)
    assert [row.argv for row in store.commands.in_folder("/srv", 2)] == [("228",), ("229",)]
    assert len(store.commands.in_folder("/other")) == 1


def test_figures_count_what_is_in_the_tables(store: Store) -> None:
    store.incidents.open(incident(1), ME)
    store.incidents.open(incident(2), ME)
    store.incidents.set_state(incident(2).incident_id, "verified")
    store.skills.put(known_skill(), "b", "0", [])
    store.tries.intend("t1", incident(1).incident_id, skill().skill_id, "policy", {}, "", "1")
    store.outcomes.add(outcome(), own_operator=True, try_id="t1")
    store.outbox.add("skill", {})
    store.approvals.ask(approval())
    assert store.snapshots.figures() == {
        "incidents.needs_approval": 1,
        "incidents.verified": 1,
        "skills.active": 1,
        "approvals.waiting": 1,
        "tries.policy.verified": 1,
        "outbox.waiting": 1,
    }


def test_what_an_operator_sets_is_a_row_with_its_event(store: Store) -> None:
    assert store.controls.get("mode") == ""
    store.controls.request("mode", "hint", "anna", "mesh.mode")
    assert store.controls.get("mode") == "hint"
    (event,) = store.events.after(0)
    assert event.to_json()["value"] == "hint"
    assert event.to_json()["actor"] == "anna"


def test_an_event_holds_a_path_that_is_not_utf8(store: Store) -> None:
    store.events.add("fault", data={"what": "/caf\udce9"})
    assert store.events.after(0)[0].data["what"] == "/caf\udce9"


def test_uses_are_counted_for_skills_that_were_used(store: Store) -> None:
    used = store.skills.put(known_skill("one"), "b", "0", []).skill.skill_id
    store.skills.put(known_skill("two"), "b", "0", [])
    store.skills.note_use(used)
    store.skills.note_use(used)
    assert store.skills.uses() == {used: 2}


def test_a_failure_from_before_a_fix_was_verified_says_nothing_against_that_fix(store: Store, clock: FakeClock) -> None:
    mended, failed_at = incident(1), clock.monotonic()
    store.incidents.open(mended, "a" * 64, boot="b")
    store.tries.intend("t1", mended.incident_id, skill().skill_id, "policy", {}, "", "1", boot="b")
    clock.advance(2)
    store.outcomes.add(outcome(1), own_operator=True, try_id="t1")
    store.incidents.set_state(mended.incident_id, "verified", seconds=2.0)

    def tries_before(moment: float) -> list[float]:
        return store.tries.same_command_ago(mended.argv, mended.cwd, skill().skill_id, "b", moment, "")

    assert tries_before(failed_at + 1) == []
    assert tries_before(failed_at + 3) == [2.0]


def test_skills_come_in_pages_and_each_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skills, "PAGE", 3)
    for number in range(10):
        store.skills.put(known_skill(f"module{number}"), "b", "s", [])
    store.skills.set_state(store.skills.all()[4].skill_id, "forgotten", "anna")
    assert list(store.skills.each()) == store.skills.all()
    assert list(store.skills.each(states=("active",))) == store.skills.all(states=("active",))


def test_a_damaged_skill_is_passed_over_by_who_wants_what_is_readable(store: Store) -> None:
    first, damaged = (store.skills.put(known_skill(name), "b", "s", []).skill_id for name in ("one", "two"))
    with store.transaction():
        store.skills._db.execute("UPDATE skills SET body='{' WHERE skill_id=?", (damaged,))
    assert [known.skill_id for known in store.skills.readable([first, damaged])] == [first]
