"""Bodies of records: written as the version before wrote them, read strictly, and nothing else ever comes of them."""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.exchange.said import json_values

from meshcore.bridge.state_bodies import HelloBody
from meshcore.errors import BadRecordError
from meshcore.exchange import bodies, control_bodies, inbox_bodies, project_bodies
from meshcore.exchange.bodies import Body, IncidentBody, OutcomeBody, SkillBody
from meshcore.exchange.control_bodies import (
    CeilingBody,
    DrillBody,
    HaltBody,
    LiftBody,
    PurgeBody,
    RevocationBody,
    RotationBody,
)
from meshcore.exchange.handlers import KINDS
from meshcore.exchange.inbox_bodies import AnswerBody, AskingBody
from meshcore.exchange.project_bodies import CorrectionBody, HabitBody
from meshcore.model import MODES, Action, Circumstances, Json, SignedText, Slot, StepResult, canonical
from meshcore.testing import outcome, skill

RECORDS = [json.loads(line) for line in Path(__file__).with_name("records_v0_1.jsonl").read_text().splitlines()]
"""Records that version 0.1.0 signed: every kind, every set of fields, every result."""

texts = st.text(st.characters(codec="utf-8"), max_size=20)
ids = st.text("0123456789abcdef", min_size=8, max_size=64)
keys = st.text("0123456789abcdef", min_size=64, max_size=64)
integers = st.integers(-(2**31) + 1, 2**31 - 1)
signed = st.none() | st.builds(SignedText, texts, texts)
times = st.sampled_from(["", "2026-11-22T08:00:00.000000Z"])
seconds = st.floats(-1e6, 1e6) | st.integers(0, 1000)
steps = st.builds(StepResult, st.lists(texts, max_size=3).map(tuple), integers, seconds, texts)
actions = st.builds(lambda step: Action("argv", (tuple(step),)), st.lists(texts, min_size=1, max_size=3)) | st.builds(
    lambda text: Action("advice", (), text), texts
)
skills = st.builds(
    lambda **changes: skill(**changes),
    action=actions,
    template=texts,
    context=texts,
    example_slots=st.lists(st.builds(Slot, st.sampled_from(["path", "name"]), texts), max_size=3).map(tuple),
    circumstances=st.builds(Circumstances, texts, texts),
)
outcomes = st.builds(
    lambda **changes: outcome(**changes),
    outcome_id=ids,
    incident_id=ids | st.just(""),
    skill_id=ids,
    result=st.sampled_from(["verified", "fix_failed", "applied_not_rerun", "unknown", "refused"]),
    agent=texts,
    steps=st.lists(steps, max_size=2).map(tuple),
    rerun=st.none() | steps,
    seconds=st.none() | seconds,
)
moments = st.just("2026-11-22T08:00:00.000000Z")


def marks(size: int) -> st.SearchStrategy[str]:
    return st.text("0123456789abcdef", min_size=size, max_size=size)


BODIES: dict[str, st.SearchStrategy[Body]] = {
    "hello": st.builds(HelloBody, texts, texts, texts),
    "skill": st.builds(SkillBody, skills, st.booleans(), texts, texts, texts, integers, times, signed),
    "outcome": st.builds(OutcomeBody, outcomes),
    "incident": st.builds(IncidentBody, *[texts] * 9, exit_code=st.none() | integers),
    "halt": st.builds(HaltBody, texts, texts, texts, signed, st.lists(texts, max_size=3).map(tuple)),
    "ceiling": st.builds(
        CeilingBody, st.sampled_from(["", *MODES]), texts, texts, st.lists(texts, max_size=3).map(tuple), signed
    ),
    "drill": st.builds(DrillBody, marks(16), texts),
    "asking": st.builds(
        AskingBody,
        ids,
        texts,
        texts,
        ids,
        ids,
        ids,
        *[texts] * 8,
        digest=keys,
        reasons=st.lists(texts, max_size=16).map(tuple),
    ),
    "answer": st.builds(AnswerBody, keys, ids, st.booleans(), keys, texts, signed),
    "lift": st.builds(LiftBody, ids, st.lists(ids, max_size=3).map(tuple), texts, signed),
    "revocation": st.builds(RevocationBody, keys, texts),
    "rotation": st.builds(RotationBody, texts, texts, texts, texts, texts),
    "habit": st.builds(
        HabitBody,
        marks(32),
        marks(16),
        st.integers(0, 255),
        moments,
        marks(16),
        texts,
        integers,
        marks(16),
        st.lists(marks(10), max_size=24).map(tuple),
        texts,
    ),
    "correction": st.builds(CorrectionBody, marks(32), marks(16), texts, st.integers(0, 255), moments, texts, texts),
    "purge": st.builds(PurgeBody, keys, keys, texts, texts, keys, st.integers(0, 2**31 - 1)),
}
# Than version 0.1, which wrote the records in the fixture.
NEWER = {"purge", "habit", "correction", "ceiling", "drill", "asking", "answer"}


def test_every_body_is_of_a_kind_with_a_handler() -> None:
    rooms = vars(bodies) | vars(project_bodies) | vars(control_bodies) | vars(inbox_bodies)
    found = {name for name, value in rooms.items() if name.endswith("Body") and is_dataclass(value)}
    assert found | {HelloBody.__name__} == {row.body.__name__ for row in KINDS.values()}
    assert set(KINDS) == set(BODIES) == {record["kind"] for record in RECORDS} | NEWER
    assert all(kind == row.body.kind for kind, row in KINDS.items())


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_body_reads_as_it_was_written(kind: str, data: st.DataObject) -> None:
    body = data.draw(BODIES[kind])
    travelled = json.loads(canonical(body.to_json()))
    assert KINDS[kind].body.from_json(travelled) == body
    assert KINDS[kind].body.from_json({**travelled, "from the future": [1]}) == body


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: f"{record['kind']}:{','.join(record['body'])}")
def test_a_record_of_the_version_before_is_written_again_letter_by_letter(record: dict[str, Json]) -> None:
    body = KINDS[record["kind"]].body.from_json(record["body"])
    assert canonical(body.to_json()) == canonical(record["body"])


@given(data=st.data())
def test_a_body_that_was_tampered_with_is_read_or_bad_and_nothing_else(data: st.DataObject) -> None:
    record = json.loads(json.dumps(data.draw(st.sampled_from(RECORDS))))
    reader = KINDS[record["kind"]].body
    record = {"body": record["body"]}
    place: Any = record
    key: Any = "body"
    while isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    if data.draw(st.booleans()) and place is not record:
        del place[key]
    else:
        place[key] = data.draw(json_values)
    try:
        body = reader.from_json(record["body"])
    except BadRecordError as error:
        assert str(error)
    else:
        assert reader.from_json(json.loads(canonical(body.to_json()))) == body


@pytest.mark.parametrize(
    ("kind", "change", "named"),
    [
        ("hello", {"name": 5}, "name"),
        ("skill", {"skill": None}, "skill"),
        ("skill", {"confirmed": 1}, "confirmed"),
        ("skill", {"label": True}, "label"),
        ("skill", {"expires": "soon"}, "expires"),
        ("skill", {"word": "yes"}, "word"),
        ("outcome", {"result": "splendid"}, "result"),
        ("outcome", {"steps": {}}, "steps"),
        ("outcome", {"seconds": 1e9}, "seconds"),
        ("outcome", {"skill_id": "../../x"}, "skill_id"),
        ("incident", {"line": None}, "line"),
        ("incident", {"exit_code": 2**31}, "exit_code"),
        ("halt", {"why": False}, "why"),
        ("lift", {"failures": ["x"]}, "failures"),
        ("lift", {"skill_id": "x"}, "skill_id"),
        ("revocation", {"key": "A" * 64}, "key"),
        ("rotation", {"proof": None}, "proof"),
    ],
)
def test_a_field_that_is_wrong_is_named(kind: str, change: dict[str, Json], named: str) -> None:
    body = next(record["body"] for record in RECORDS if record["kind"] == kind)
    with pytest.raises(BadRecordError, match=named):
        KINDS[kind].body.from_json({**body, **change})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [None, [], "text", 5])
def test_a_body_that_is_no_object_is_bad(kind: str, data: Json) -> None:
    with pytest.raises(BadRecordError, match=kind):
        KINDS[kind].body.from_json(data)
