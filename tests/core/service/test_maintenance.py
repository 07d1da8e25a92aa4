"""Maintenance: what is old goes where that is asked for, what something rests on never does, and each step is said."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.bridge.helpers import skill as old_skill

from meshcore.bridge.open import old_queries
from meshcore.clock import to_text
from meshcore.config import BridgeAddress, Retention, Settings
from meshcore.control.decisions import revoke
from meshcore.exchange import handlers
from meshcore.exchange.announce import announce_incident, announce_outcome
from meshcore.exchange.receive import exchange
from meshcore.filelock import FileLock
from meshcore.healing.teaching import teach
from meshcore.journal import segments
from meshcore.model import StepResult
from meshcore.node import Node
from meshcore.service.doctor import examine
from meshcore.service.maintenance import BusyError, maintain
from meshcore.store.read import Read
from meshcore.store.rows import Approval, CommandRow
from meshcore.store.views import record_briefs
from meshcore.testing import FakeClock, incident, outcome

ERROR = "ModuleNotFoundError: No module named 'django'"
FIX = "pip install django"
DAY = 86_400.0
EVERYTHING = Retention(journal_days=30, incidents_days=30, bridge_days=30, old_table_days=30)


@pytest.fixture
def a(tmp_path: Path, clock: FakeClock) -> Iterator[Node]:
    with Node(settings(tmp_path, "a"), clock) as node:
        yield node


def settings(root: Path, name: str) -> Settings:
    return Settings(
        home=root / name, operator=root / "op", bridge=BridgeAddress.of(root / "bridge.db"), agent=name, host=name
    )


def keeping(node: Node, retention: Retention) -> Node:
    node.settings = replace(node.settings, retention=retention)
    return node


def said(node: Node, *, dry_run: bool = False) -> dict[str, str]:
    """Maintain; return the last line of each step."""
    steps = maintain(node, dry_run=dry_run)
    assert [step for step in steps if step.level == "bad"] == []
    return {step.name: step.text for step in steps}


def closed_incident(node: Node, number: int, skill_id: str, result: str = "verified") -> str:
    """Let a node meet an error and be done with it; tell the others."""
    me = node.identity.node.public
    met = incident(number, opened=to_text(node.clock.now()))
    node.store.incidents.open(met, me)
    node.store.tries.intend(f"{number:016x}", met.incident_id, skill_id, "policy", {}, "/venv", "1:b:1")
    done = outcome(number, skill_id=skill_id, node=me, host="a", at=to_text(node.clock.now()), result=result)
    steps = (StepResult(("pip", "install", "django"), 0, 1.0, "a long output"),)
    done = replace(done, steps=steps, rerun=StepResult(("python", "app.py"), 0, 0.1, "hello"))
    node.store.outcomes.add(done, own_operator=True, try_id=f"{number:016x}")
    node.store.incidents.set_state(met.incident_id, done.result, skill_id=skill_id, seconds=2.5)
    announce_incident(node, met)
    announce_outcome(node, done)
    return met.incident_id


def files(root: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in root.rglob("*") if p.is_file() and "lock" not in p.name}


def test_without_settings_nothing_is_pruned(a: Node, clock: FakeClock) -> None:
    known, _ = teach(a, ERROR, FIX)
    closed_incident(a, 1, known.skill_id)
    exchange(a)
    clock.advance(3650 * DAY)
    before = a.store.events.last()
    found = said(a)
    assert found["store"] == "2 texts that commands printed gone; everything else is kept"
    assert found["bridge"] == "every row is kept"
    assert a.store.incidents.find("last") is not None
    assert len(a.store.events.after(0)) == before + 1
    assert a.require_bridge().statistics().records == 4 - 1  # the node's own hello is no row of the log


def counted(node: Node) -> object:
    return [(one.result, one.seconds) for one in node.store.outcomes.of()], node.store.state.get()[
        "forgotten_incidents"
    ]


def printed(node: Node) -> str:
    texts = [found.excerpt for found in node.store.incidents.all()]
    for done in node.store.outcomes.of():
        texts += [step.output for step in (*done.steps, *([done.rerun] if done.rerun else []))]
    return "".join(texts)


@pytest.mark.parametrize("way", ["maintenance", "by itself"])
def test_what_commands_printed_goes_after_thirty_days_and_what_they_did_stays(
    a: Node, clock: FakeClock, way: str
) -> None:
    known, _ = teach(a, ERROR, FIX)
    me = a.identity.node.public
    closed = closed_incident(a, 1, known.skill_id)
    a.store.incidents.open(incident(2, opened=to_text(clock.now())), me)
    folder = "/project"
    a.store.commands.add(CommandRow(("python", "app.py"), folder, 1, "a long output", a.store.now(), "", "a"))
    a.project()
    figures, events = counted(a), a.store.events.last()
    clock.advance(29 * DAY)
    a.forget_printed()
    assert printed(a) and a.store.commands.in_folder(folder)
    clock.advance(2 * DAY)
    if way == "maintenance":
        said(a)
    else:
        a.forget_printed()
    assert printed(a) == "" and a.store.commands.in_folder(folder) == []
    assert a.store.incidents.find(closed) is not None
    assert a.store.incidents.find(f"{2:016x}") is not None
    assert counted(a) == figures
    assert [event.seq for event in a.store.events.after(0)][:events] == list(range(1, events + 1))
    assert [one.result for one in a.store.outcomes.of(skill_id=known.skill_id)] == ["verified"]


def test_what_is_asked_about_under_way_or_not_in_the_journal_keeps_what_was_printed(a: Node, clock: FakeClock) -> None:
    me, known = a.identity.node.public, teach(a, ERROR, FIX)[0]
    for number in (1, 2):
        a.store.incidents.open(incident(number), me)
    a.store.approvals.ask(Approval("f" * 16, f"{1:016x}", known.skill_id, "0" * 64, FIX, (), a.store.now(), "waiting"))
    a.store.tries.intend("3" * 16, f"{2:016x}", known.skill_id, "policy", {}, "/venv", "1:b:1")
    a.project()
    a.store.incidents.open(incident(3), me)  # not projected
    clock.advance(31 * DAY)
    a.forget_printed()
    assert [bool(found.excerpt) for found in a.store.incidents.all()] == [True, True, True]
    a.project()
    clock.advance(1 * DAY)
    a.forget_printed()
    kept = {found.incident_id for found in a.store.incidents.all() if found.excerpt}
    assert kept == {f"{1:016x}", f"{2:016x}"}


def test_emptied_records_are_still_listed(a: Node, tmp_path: Path, clock: FakeClock) -> None:
    with Node(settings(tmp_path, "b"), clock) as b:
        closed_incident(b, 1, "0" * 64)
        exchange(b)
    exchange(a)
    ids = [record_id for (record_id,) in a.store.database.all(Read("SELECT record_id FROM records", tuple))]
    clock.advance(31 * DAY)
    said(keeping(a, EVERYTHING))
    briefs = a.store.database.all(record_briefs(ids))
    assert {brief.record_id for brief in briefs} == set(ids)


def test_closed_incidents_go_and_what_standing_rests_on_stays_without_its_output(a: Node, clock: FakeClock) -> None:
    known, _ = teach(a, ERROR, FIX)
    first = closed_incident(a, 1, known.skill_id)
    unweighed = closed_incident(a, 2, known.skill_id, "refused")
    clock.advance(31 * DAY)
    recent = closed_incident(a, 3, known.skill_id)
    a.project()
    counted = [(o.outcome_id, o.result) for o in a.store.outcomes.of(skill_id=known.skill_id) if o.result != "refused"]
    found = said(keeping(a, Retention(incidents_days=30)))
    assert found["store"].startswith("2 incidents, 1 outcome, ")
    assert [a.store.incidents.find(i) for i in (first, unweighed)] == [None, None]
    assert a.store.incidents.find(recent) is not None
    left = a.store.outcomes.of(skill_id=known.skill_id)
    assert [(o.outcome_id, o.result) for o in left] == counted
    assert [o.steps[0].output for o in left] == ["", "a long output"]
    assert a.store.events.of_incident(first) == []
    assert a.store.skills.find(known.skill_id) is not None


def test_the_counters_that_old_readers_see_do_not_fall(a: Node, clock: FakeClock) -> None:
    known, _ = teach(a, ERROR, FIX)
    closed_incident(a, 1, known.skill_id)
    closed_incident(a, 2, known.skill_id, "refused")
    a.project()
    before = json.loads(a.home.skills_file.read_text())["stats"]
    clock.advance(31 * DAY)
    said(keeping(a, Retention(incidents_days=30)))
    closed_incident(a, 3, known.skill_id)
    a.project()
    assert before == {"total_errors_handled": 2, "auto_resolved": 1}
    assert json.loads(a.home.skills_file.read_text())["stats"] == {"total_errors_handled": 3, "auto_resolved": 2}


def test_an_incident_that_is_open_waits_or_has_an_unfinished_try_stays(a: Node, clock: FakeClock) -> None:
    me, known = a.identity.node.public, teach(a, ERROR, FIX)[0]
    for number in range(1, 6):
        a.store.incidents.open(incident(number), me)
    waiting = Approval("f" * 16, f"{2:016x}", known.skill_id, "0" * 64, FIX, (), a.store.now(), "waiting")
    a.store.approvals.ask(waiting)
    a.store.incidents.set_state(f"{2:016x}", "refused")
    a.store.tries.intend("3" * 16, f"{3:016x}", known.skill_id, "policy", {}, "/venv", "1:b:1")
    a.store.incidents.set_state(f"{3:016x}", "fix_failed")
    a.store.incidents.set_state(f"{4:016x}", "applied_not_rerun")
    approved = replace(waiting, approval_id="e" * 16, incident_id=f"{5:016x}")
    a.store.approvals.ask(approved)
    a.store.approvals.resolve(approved.approval_id, "approved", "ann")
    a.store.incidents.set_state(f"{5:016x}", "refused")
    clock.advance(31 * DAY)
    said(keeping(a, EVERYTHING))
    assert [a.store.incidents.find(f"{number:016x}") is not None for number in range(1, 6)] == [True] * 5
    assert len(a.store.approvals.all()) == 1


def test_nothing_is_pruned_that_the_journal_does_not_hold(a: Node, clock: FakeClock) -> None:
    known, _ = teach(a, ERROR, FIX)
    closed_incident(a, 1, known.skill_id)
    clock.advance(31 * DAY)
    a.home.journal.mkdir()  # it cannot be written
    events = a.store.events.last()
    found = {step.name: step.text for step in maintain(keeping(a, EVERYTHING))}
    assert found["store"].startswith("0 incidents, 0 outcomes, 0 events")
    assert a.store.events.after(0)[0].seq == 1
    assert a.store.events.last() > events


def test_events_go_once_they_are_in_the_journal_and_the_journal_goes_on(a: Node, clock: FakeClock) -> None:
    teach(a, ERROR, FIX)
    a.project()
    clock.advance(31 * DAY)
    said(keeping(a, Retention(journal_days=30)))
    left = [event.seq for event in a.store.events.after(0)]
    told = [json.loads(line)["seq"] for line in a.home.journal.read_text().splitlines()]
    assert len(left) == 2
    assert told == list(range(1, left[-1] + 1))
    a.store.events.add("fault", data={"what": "next"})
    a.project()
    assert json.loads(a.home.journal.read_text().splitlines()[-1])["seq"] == left[-1] + 1
    assert not list(a.home.root.glob("journal.jsonl.before-*"))


def test_the_journal_begins_a_segment_when_it_is_large_or_old_and_old_segments_go(a: Node, clock: FakeClock) -> None:
    teach(a, ERROR, FIX)
    a.project()
    assert "closed as" not in said(keeping(a, Retention(rotate_days=1, rotate_mib=1)))["journal"]
    clock.advance(2 * DAY)
    steps = [step.text for step in maintain(keeping(a, Retention(rotate_days=1)))]
    [closed] = segments.segments(a.home.journal)
    assert any(f"closed as {closed.name}" in text for text in steps)
    whole = closed.read_text() + a.home.journal.read_text()
    assert [json.loads(line)["seq"] for line in whole.splitlines()] == list(range(1, a.store.events.last() + 1))
    clock.advance(29 * DAY)
    assert "0 segments" in said(keeping(a, Retention(journal_days=32)))["journal"]
    assert "1 segment of" in said(keeping(a, Retention(journal_days=28)))["journal"]
    assert segments.segments(a.home.journal) == []


def test_at_the_bridge_only_summaries_go_and_only_once_everybody_has_them(
    a: Node, clock: FakeClock, tmp_path: Path
) -> None:
    with Node(settings(tmp_path, "b"), clock) as b:
        exchange(b)
        known, _ = teach(a, ERROR, FIX)
        closed_incident(a, 1, known.skill_id)
        closed_incident(a, 2, known.skill_id, "refused")
        revoke(a, "c" * 64, "lost")
        exchange(a)
        bridge = a.require_bridge()
        before = bridge.statistics().records
        clock.advance(31 * DAY)
        found = said(keeping(a, Retention(bridge_days=30)))
        assert found["bridge"] == "0 rows gone; 3 as old stay, not every member has them"
        exchange(b)
        exchange(a)
        assert said(a)["bridge"] == "3 rows gone"
        assert bridge.statistics().records == before - 3
        assert bridge.statistics().undelivered == 0
        assert kinds(tmp_path) >= {"skill", "revocation", "outcome"}
        assert "incident" not in kinds(tmp_path)
        again, _ = teach(a, "ModuleNotFoundError: No module named 'flask'", "pip install flask")
        exchange(a)
        exchange(b)
        assert b.store.skills.find(again.skill_id) is not None
        said(keeping(b, Retention(bridge_days=30)))
        assert b.store.incidents.find(f"{1:016x}") is not None


def kinds(root: Path) -> set[str]:
    with closing(sqlite3.connect(root / "bridge.db.mesh.db")) as log:
        return {row[0] for row in log.execute("SELECT DISTINCT kind FROM log")}


def test_a_record_that_was_pruned_is_still_known_when_it_comes_again(a: Node, clock: FakeClock, tmp_path: Path) -> None:
    with Node(settings(tmp_path, "b"), clock) as b:
        exchange(b)
        known, _ = teach(a, ERROR, FIX)
        met = closed_incident(a, 1, known.skill_id)
        exchange(a)
        exchange(b)
        clock.advance(31 * DAY)
        said(keeping(b, Retention(incidents_days=30, bridge_days=30)))
        assert b.store.incidents.find(met) is None
        with closing(sqlite3.connect(tmp_path / "bridge.db.mesh.db")) as log, log:
            log.execute("UPDATE members SET cursor=0")
        exchange(b)
        assert b.store.incidents.find(met) is None


def test_rows_of_the_old_table_stay_unless_asked_for(a: Node, clock: FakeClock) -> None:
    bridge = a.require_bridge()
    with closing(sqlite3.connect(a.settings.bridge.url)) as old, old:
        for number, status in enumerate(("delivered", "pending")):
            old.execute(
                "INSERT INTO enhanced_messages VALUES (?,'x','all','eventrelay','all','high',?,?,?,NULL)",
                (f"skill_{number}_1", json.dumps(old_skill(number)), status, "2026-11-01T08:00:00"),
            )
    a.tend()
    assert "old table" not in said(keeping(a, Retention(bridge_days=1)))
    assert said(keeping(a, Retention(old_table_days=1)))["old table"] == "1 delivered row gone"
    a.tend()
    assert old_queries(a.settings.bridge)[0][1] == 1
    assert bridge.statistics().records == 2


def test_records_that_a_fault_of_ours_kept_out_are_taken_in(
    a: Node, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange(a)
    with Node(settings(tmp_path, "b"), clock) as b:
        known, _ = teach(b, ERROR, FIX)
        exchange(b)

    def fail(*_: object) -> None:
        raise TypeError("not like this")

    with monkeypatch.context() as patched:
        patched.setattr(handlers, "put", fail)
        exchange(a)
        [step] = [step for step in maintain(a) if step.name == "records"]
        assert (step.level, step.text[:6]) == ("bad", "0 of 1")
        [check] = [check for check in examine(a.settings, {}) if check.name == "records"]
        assert (check.level, check.text[:14]) == ("bad", "1 not taken in")
    assert "1 would be taken in" in said(a, dry_run=True)["records"]
    assert "1 of 1" in said(a)["records"]
    assert a.store.skills.find(known.skill_id) is not None
    assert a.require_bridge().undelivered() == []
    assert "records" not in said(a)


def test_a_dry_run_changes_no_byte_and_says_the_same(a: Node, clock: FakeClock, tmp_path: Path) -> None:
    known, _ = teach(a, ERROR, FIX)
    closed_incident(a, 1, known.skill_id, "refused")
    exchange(a)
    a.project()
    clock.advance(31 * DAY)
    keeping(a, replace(EVERYTHING, rotate_days=1))
    before, events = files(a.home.root), a.store.events.last()
    would = said(a, dry_run=True)
    assert files(a.home.root) == before
    assert a.store.events.last() == events
    assert would["store"].replace("would go", "gone") == said(a)["store"]


def test_a_file_that_is_not_whole_is_named_and_nothing_is_pruned(a: Node, clock: FakeClock) -> None:
    known, _ = teach(a, ERROR, FIX)
    met = closed_incident(a, 1, known.skill_id)
    exchange(a)
    a.project()
    clock.advance(31 * DAY)
    bridge = Path(f"{a.settings.bridge}")
    with closing(sqlite3.connect(bridge)) as old, old:
        old.execute("PRAGMA writable_schema=ON")
        changed = "UPDATE sqlite_master SET sql=replace(sql, '(to_app)', '(from_app)') WHERE name LIKE '%to_app'"
        assert old.execute(changed).rowcount == 1
    a.disconnect()
    steps = maintain(keeping(a, EVERYTHING))
    bad = [step for step in steps if step.level == "bad"]
    assert [step.name for step in bad] == ["integrity", "retention"]
    assert str(bridge) in bad[0].text
    assert a.store.incidents.find(met) is not None


def test_without_a_bridge_the_home_is_looked_after_all_the_same(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "file").write_text("")
    there = replace(settings(tmp_path, "a"), bridge=BridgeAddress.of(tmp_path / "file" / "bridge.db"))
    with Node(there, clock) as node:
        steps = maintain(node)
    assert [step.name for step in steps if step.level == "bad"] == ["bridge"]
    assert "store" in {step.name for step in steps}


def test_unused_space_goes_back_to_the_disk_and_the_log_is_folded_in(a: Node) -> None:
    with a.store.transaction():
        for number in range(3000):
            a.store.verdicts.put(f"x{number}", "y" * 1000)
    a.store.checkpoint()
    size = a.home.store.stat().st_size
    with a.store.transaction():
        a.store.database.execute("DELETE FROM verdicts")
    steps = [step.text for step in maintain(a)]
    assert any("bytes went back to the disk" in text for text in steps)
    assert a.home.store.stat().st_size < size / 4
    assert a.home.store.with_name("store.db-wal").stat().st_size < 100_000


def test_a_file_made_before_there_was_incremental_vacuum_is_written_anew_once(tmp_path: Path) -> None:
    from meshcore.store.upkeep import give_back, integrity

    with closing(sqlite3.connect(tmp_path / "old.db", isolation_level=None)) as database:
        database.execute("CREATE TABLE t (x)")
        database.executemany("INSERT INTO t VALUES (?)", [("y" * 4000,)] * 1000)
        database.execute("DELETE FROM t")
        assert give_back(database) > 3_000_000
        assert give_back(database) == 0
        assert integrity(database) == ""
    assert (tmp_path / "old.db").stat().st_size < 100_000


def test_two_at_once_are_one(a: Node) -> None:
    with FileLock(a.home.root / "maintenance.lock").held() as free:
        assert free
        with pytest.raises(BusyError, match="runs already"):
            maintain(a)
