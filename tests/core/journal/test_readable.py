"""Lines of logs as rows for people."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.events import Event
from meshcore.journal.readable import Readable, pairs, readable, sentence
from meshcore.model import Json

AT = "2026-11-22T08:00:00.000000Z"
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def event(kind: str, **data: object) -> str:
    return json.dumps({"seq": 1, "at": AT, "kind": kind, "incident_id": "a" * 16, "agent": "ci@b", **data})


@pytest.mark.parametrize(
    ("line", "row"),
    [
        (
            event("incident.opened", line="KeyError"),
            Readable(AT, "incident.opened", "bad", "aaaaaaaa", "ci@b: KeyError"),
        ),
        (
            event("try.outcome", result="verified", seconds=1.5),
            Readable(AT, "try.outcome", "good", "aaaaaaaa", "verified after 1.50 s"),
        ),
        (
            event("try.outcome", result="fix_failed", seconds=None),
            Readable(AT, "try.outcome", "bad", "aaaaaaaa", "fix_failed"),
        ),
        (event("try.decided", decision="run"), Readable(AT, "try.decided", "accent", "aaaaaaaa", "run: ")),
        (event("try.decided", reasons=["a"]), Readable(AT, "try.decided", "accent", "aaaaaaaa", 'reasons=["a"]')),
        (event("agent.joined"), Readable(AT, "agent.joined", "dim", "aaaaaaaa", "ci@b")),
        (
            '{"timestamp": "2025-11-04T09:24:57+00:00", "tests": [{"a": 1}], "s": {"count": 9, "stats": {"n": 1}}}',
            Readable("2025-11-04T09:24:57+00:00", "", "", "", 'count=9 n=1 tests=[{"a": 1}]'),
        ),
        (
            '{"time": 1795555365.2, "level": "ERROR", "m": "x"}',
            Readable("2026-11-24T21:22:45.200000Z", "ERROR", "bad", "", "m=x"),
        ),
        ('{"a": {"n": 1}, "b": {"n": 2}}', Readable("", "", "", "", "a.n=1 b.n=2")),
        ("plain text", Readable("", "", "", "", "plain text")),
        ("[1, 2]", Readable("", "", "", "", "[1, 2]")),
        ('{"torn": ', Readable("", "", "", "", '{"torn": ')),
        ("{}", Readable("", "", "", "", "")),
    ],
)
def test_a_line_is_a_row(line: str, row: Readable) -> None:
    assert readable(line) == row


@given(st.dictionaries(st.sampled_from(["seq", "at", "kind", "time", "level", "line", "a", "b"]), ANY, max_size=6))
def test_any_object_is_a_row(value: dict[str, object]) -> None:
    row = readable(json.dumps(value))
    assert all(isinstance(part, str) for part in (row.at, row.kind, row.reference, row.text))


def test_an_event_says_the_same_on_every_screen() -> None:
    one = Event(1, AT, "incident.opened", "a" * 16, "", "ci@b", {"line": "KeyError"})
    assert readable(json.dumps(one.to_json())).text == sentence(one.kind, one.agent, one.data)


def test_a_deep_object_is_taken_apart_only_so_far() -> None:
    deep: dict[str, Json] = {"end": 1}
    for _ in range(500):
        deep = {"x": deep}
    assert len(pairs(deep)) < 400
