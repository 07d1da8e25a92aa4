"""The slice: what leaves, what comes back, what is refused, and what several views of the same thing become."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.clock import to_text
from meshcore.errors import MeshError
from meshcore.evidence.metrics import facts_of, figures
from meshcore.evidence.slice.codec import from_json, to_json
from meshcore.evidence.slice.gather import cut, gather_slice, merge, origin, read_slice, slice_of_log, write_slice
from meshcore.evidence.slice.rows import IncidentRow, MonitorRow, OutcomeRow, Slice, StepRow
from meshcore.knowledge.interchange import put
from meshcore.model import AgentInfo, Signature, StepResult
from meshcore.safety.visible_text import visible
from meshcore.store.store import Store
from meshcore.testing import START, incident, known_skill, outcome

A, B = "a" * 64, "b" * 64
ABOUT = origin(A, "agent_a_test", "host1", "0" * 64, START, {"team": "payments"})
SECRET = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e\u0000" + SECRET


def healed(store: Store, number: int = 1, *, node: str = A, remote: bool = False) -> None:
    """Let an incident be healed by the known skill."""
    put(store, known_skill(author=A, created=to_text(START)))
    store.incidents.open(incident(number, opened=to_text(START + timedelta(minutes=number))), node, remote=remote)
    steps = (StepResult(("pip", "install", "django"), 0, 1.0, "secret output"),)
    tried = outcome(number, node=node, steps=steps, rerun=StepResult(("python", "app.py"), 0, 0.1, "output"))
    store.outcomes.add(tried, own_operator=True)
    store.incidents.set_state(
        f"{number:016x}", "verified", skill_id=known_skill().skill_id, again=None if remote else True, seconds=2.5
    )


def test_a_slice_comes_back_from_its_folder_as_it_was(store: Store, tmp_path: Path) -> None:
    healed(store)
    store.events.add("skill.learned", skill_id=known_skill().skill_id)
    store.events.add("monitor.snapshot", data={"timestamp": to_text(START), "tests": [{"stdout": "x"}]})
    log = tmp_path / "validation_log.jsonl"
    log.write_text(
        '{"run":"r1","path":"/x","status":"failed","warnings":["w"],"timestamp":"2026-11-22T08:00:00Z"}\nno\n'
    )
    found = gather_slice(store, ABOUT, validation_logs=[log])
    write_slice(tmp_path / "out" / "slice", found)
    assert read_slice(tmp_path / "out" / "slice") == found
    assert [row.status for row in found.validation] == ["failed"]
    assert found.skipped == ("validation_log.jsonl:2: not JSON at column 1 (Expecting value)",)
    assert found.incidents[0].labels == {"team": "payments"}
    assert [(row.entries, row.unique) for row in found.growth] == [(1, 1)]
    assert found.monitor == (MonitorRow(A, {"timestamp": to_text(START)}),)


def test_nothing_secret_hostile_or_printed_by_a_command_leaves(store: Store, tmp_path: Path) -> None:
    name = HOSTILE.replace("\x00", "")
    healed(store)
    met = incident(
        2,
        agent=AgentInfo(name, name, name),
        argv=("python", name),
        cwd=f"/srv/{name}",
        signature=Signature(1, "E", "x", (), name),
        excerpt=name,
    )
    store.incidents.open(met, A)
    store.authors.see(B, name, name, "", False, 1)
    store.agents.see(name, "shell", name)
    store.events.add("monitor.snapshot", data={"timestamp": to_text(START), "mesh": {name: name}})
    write_slice(tmp_path / "slice", gather_slice(store, replace(ABOUT, name="n"), since=None))
    for path in (tmp_path / "slice").iterdir():
        text = path.read_text("ascii")
        assert SECRET not in text, path
        assert "secret output" not in text
        assert "\\u001b" not in text
        assert "\\u202e" not in text
        assert path.stat().st_mode & 0o077 == 0


def test_figures_from_the_folder_equal_those_from_the_store(store: Store, tmp_path: Path) -> None:
    for number in range(1, 6):
        healed(store, number, node=B if number % 2 else A, remote=bool(number % 2))
    found = gather_slice(store, ABOUT)
    write_slice(tmp_path, found)
    assert figures(facts_of(read_slice(tmp_path))) == figures(facts_of(found))
    assert figures(facts_of(found)).repeats_avoided == 5


@pytest.fixture
def folder(store: Store, tmp_path: Path) -> Path:
    healed(store)
    write_slice(tmp_path / "slice", gather_slice(store, ABOUT))
    return tmp_path / "slice"


@pytest.mark.parametrize(
    ("file", "line", "reason"),
    [
        ("incidents.jsonl", "not json", r"incidents.jsonl:1: not JSON"),
        ("incidents.jsonl", "{}", r"incidents.jsonl:1: incident_id is missing"),
        ("incidents.jsonl", "", r"holds 0 rows, its header says 1"),
        ("outcomes.jsonl", '{"outcome_id": 7}', r"outcomes.jsonl:1: outcome_id must be a text"),
        ("skills.jsonl", "[" * 100_000, r"skills.jsonl:1: not usable JSON"),
        ("header.json", '{"format": "meshtui-slice", "version": 99}', r"version 99 .* reads version 1"),
        (
            "monitor.jsonl",
            '{"node": "a", "record": {"timestamp": "soon"}}',
            r"monitor.jsonl:1: timestamp 'soon' is no time",
        ),
        ("header.json", '{"format": "else"}', "not the header of a slice"),
        ("header.json", "\x00\xff", "not JSON"),
    ],
)
def test_an_altered_slice_is_refused_with_file_and_line(folder: Path, file: str, line: str, reason: str) -> None:
    (folder / file).write_text(line)
    with pytest.raises(MeshError, match=reason) as caught:
        read_slice(folder)
    assert "\n" not in str(caught.value)


def test_a_slice_without_a_table_or_with_a_link_for_one_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "hooks.jsonl").unlink()
    with pytest.raises(MeshError, match=r"hooks\.jsonl: no such file"):
        read_slice(folder)
    (folder / "hooks.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MeshError, match="a link"):
        read_slice(folder)


def test_fields_that_are_not_known_are_ignored(folder: Path) -> None:
    path = folder / "incidents.jsonl"
    path.write_text(json.dumps({**json.loads(path.read_text()), "later": [1]}) + "\n")
    assert len(read_slice(folder).incidents) == 1


def test_what_a_slice_brings_in_is_made_visible(folder: Path) -> None:
    path = folder / "incidents.jsonl"
    path.write_text(json.dumps({**json.loads(path.read_text()), "line": "\x1b[2J\u202e"}) + "\n")
    assert read_slice(folder).incidents[0].line == "␛[2J<U+202E>"


@given(
    st.builds(
        OutcomeRow,
        *[st.text(max_size=20).map(lambda text: visible(text, keep_newlines=False))] * 8,
        steps=st.lists(st.builds(StepRow, st.just("x"), st.integers(-5, 255), st.floats(0, 1e9))).map(tuple),
        rerun=st.none() | st.builds(StepRow, st.just("y"), st.integers(-5, 255), st.floats(0, 1e9)),
        seconds=st.none() | st.floats(0, 1e9),
    )
)
def test_a_row_read_back_is_the_row_that_was_written(row: OutcomeRow) -> None:
    assert from_json(OutcomeRow, json.loads(json.dumps(to_json(row)))) == row


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_any_json_is_a_row_or_a_reason(value: object) -> None:
    names = IncidentRow.__dataclass_fields__
    for broken in (value, dict.fromkeys(names, value)):
        with pytest.raises(ValueError):
            from_json(IncidentRow, broken)


# --- several views ----------------------------------------------------------------------------------------------------


def views(store: Store, tmp_path: Path) -> tuple[Slice, Slice]:
    """Return the same healed incident as its own node tells it, and as another has heard of it."""
    healed(store)
    own = gather_slice(store, ABOUT)
    with_other = Store(tmp_path / "other.db", store.clock)
    healed(with_other, remote=True)
    other = gather_slice(with_other, origin(B, "agent_b_test", "host2", "", START + timedelta(hours=1)))
    with_other.close()
    return own, other


def test_what_two_nodes_know_of_one_incident_counts_once_and_its_own_node_is_believed(
    store: Store, tmp_path: Path
) -> None:
    own, other = views(store, tmp_path)
    assert not other.incidents[0].own
    for parts in ([own, other], [other, own], [own, other, own]):
        merged = merge(parts)
        assert merged.incidents == own.incidents
        assert merged.outcomes == own.outcomes
        assert len(merged.skills) == 1
        assert {about.node for about in merged.origins} == {A, B}
        assert merged.contradictions == ()


def test_a_contradiction_is_named_and_nothing_is_dropped(store: Store, tmp_path: Path) -> None:
    own, other = views(store, tmp_path)
    forged = replace(other, outcomes=(replace(other.outcomes[0], result="fix_failed"),))
    merged = merge([own, forged])
    assert [row.result for row in merged.outcomes] == ["verified"]
    [text] = merged.contradictions
    assert text == "outcome 0000000000000001: result is 'verified' in one export and 'fix_failed' in another"


def test_exports_that_overlap_add_up_to_the_whole(store: Store) -> None:
    for number in range(1, 10):
        healed(store, number)
        store.events.add("skill.received", skill_id=known_skill().skill_id)
    whole = gather_slice(store, ABOUT)
    at = [START + timedelta(minutes=minutes) for minutes in (3, 7)]
    merged = merge([cut(whole, None, at[1]), cut(whole, at[0], None)])
    assert sorted(merged.incidents, key=lambda row: row.opened) == list(whole.incidents)
    assert figures(facts_of(merged)) == figures(facts_of(whole))


def test_the_growth_of_a_range_begins_with_what_was_known_before(store: Store) -> None:
    for name in ("a" * 64, "b" * 64, "c" * 64):
        store.events.add("skill.learned", skill_id=name)
        store.clock.advance(60)  # type: ignore[attr-defined]
    kept = cut(gather_slice(store, ABOUT), START + timedelta(seconds=90), None)
    assert [row.entries for row in kept.growth] == [2, 3]


def test_the_old_systems_log_is_a_slice_of_its_own(shared: Path) -> None:
    found = slice_of_log(shared / "seed-data" / "collective_learning_monitor_log.jsonl", START)
    assert (len(found.monitor), found.incidents, found.skipped) == (579, (), ())


def test_bad_lines_of_a_monitors_log_are_named_and_the_rest_is_used_by_time(tmp_path: Path) -> None:
    log, later = tmp_path / "log.jsonl", START + timedelta(minutes=5)
    good = [json.dumps({"timestamp": to_text(at)}) for at in (later, START)]
    log.write_text("\n".join([good[0], "", "{half", "[]", '{"timestamp": 5}', '{"timestamp": "soon"}', good[1]]))
    found = slice_of_log(log, START)
    assert [row.record["timestamp"] for row in found.monitor] == [to_text(START), to_text(later)]
    assert [text.split(": ")[0] for text in found.skipped] == [
        *(f"log.jsonl:{n}" for n in (2, 3, 4)),
        *["log.jsonl"] * 2,
    ]
    assert found.skipped[-1] == "log.jsonl: a record was skipped: timestamp 'soon' is no time"


def test_of_many_bad_lines_the_first_are_named(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("x\n" * 1000)
    found = slice_of_log(tmp_path / "log.jsonl", START)
    assert (len(found.skipped), found.skipped[-1]) == (101, "more lines were skipped")
