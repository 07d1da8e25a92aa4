"""The models of the artifacts: places, and the same verdicts as the rules in another validator."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from math import inf
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from tests.core.runs import rules, samples

from meshcore.runs import formats
from meshcore.runs.artifacts import MAX_ERRORS, gold_review, place, step_graph, trace_events
from meshcore.runs.reading import FaultsError, parse_json

FORMATS = FormatChecker(formats=())
FORMATS.checks("date-time")(lambda value: not isinstance(value, str) or formats.is_date_time(value))
FORMATS.checks("uri")(lambda value: not isinstance(value, str) or formats.is_uri(value))
Check = Callable[[Any], object]


def rule(schema: rules.Schema) -> Any:
    return Draft202012Validator(schema, format_checker=FORMATS)


KINDS: dict[str, tuple[Any, Check, Any]] = {
    "graph": (samples.GRAPH, step_graph, rule(rules.STEP_GRAPH)),
    "events": (samples.EVENTS, trace_events, rule(rules.TRACE_EVENTS)),
}
EDGES: list[Any] = [
    *(None, True, False, 0, 1, -1, 1.0, 1.5, -0.0, -0.5, 1e308, 2**53 + 1, 10**30, inf, "", "x", "1", [], {}, [1]),
    *(samples.WHEN, "2025-02-29T00:00:00Z", "2016-12-31T23:59:60Z", "2026-01-01T00:00:00", "v1.0", "v1.0\n", "v1"),
    *("http://", "mailto:", "/x", "x:y", "http://[::1", "http://a b", "running", "RUNNING", "raised", "file", "stdout"),
    *({"x": 1}, {"status": "running"}, {"step_id": "x"}, {"name": "x", "value": None}, {"alert_id": "a"}),
]
KEYS = ["x", "status", "step_id", "name", "value", "metadata", "children", "payload", "notes", "condition", "__proto__"]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found += places(item, (*path, number))
    return found


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


@st.composite
def mutated(draw: st.DrawFn, original: Any) -> Any:
    """A valid artifact with keys dropped, added, retyped, nested, exchanged."""
    value = copy.deepcopy(original)
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(places(value)))
        how = draw(st.sampled_from(["set", "set", "drop", "add", "nest", "exchange"]))
        if how == "add":
            target = at(value, path)
            if isinstance(target, dict):
                target[draw(st.sampled_from(KEYS))] = copy.deepcopy(draw(st.sampled_from(EDGES)))
            elif isinstance(target, list):
                target.append(copy.deepcopy(draw(st.sampled_from(EDGES))))
        elif not path:
            value = copy.deepcopy(draw(st.sampled_from(EDGES)))
        else:
            parent, key = at(value, path[:-1]), path[-1]
            if how == "drop":
                del parent[key]
            elif how == "nest":
                parent[key] = [parent[key]]
            elif how == "set":
                parent[key] = copy.deepcopy(draw(st.sampled_from(EDGES)))
            else:
                parent[key] = copy.deepcopy(at(value, draw(st.sampled_from(places(value)))))
    return value


def passes(check: Check, value: Any) -> bool:
    try:
        check(value)
    except FaultsError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_the_sample_uses_every_key_and_passes(kind: str) -> None:
    value, check, oracle = KINDS[kind]
    assert passes(check, value)
    assert oracle.is_valid(value)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_a_mutated_artifact_gets_the_verdict_of_the_rules(kind: str, data: st.DataObject) -> None:
    original, check, oracle = KINDS[kind]
    value = data.draw(mutated(original))
    if has_infinity(value):
        return  # JavaScript takes an infinite number for a whole one, that validator does not
    assert passes(check, value) == oracle.is_valid(value)


def has_infinity(value: Any) -> bool:
    return any(at(value, path) == inf for path in places(value))


@pytest.mark.parametrize("kind", KINDS)
def test_every_edge_value_at_every_place_gets_the_verdict_of_the_rules(kind: str) -> None:
    original, check, oracle = KINDS[kind]
    paths = [path for path in places(original) if path]
    for path in paths if kind == "graph" else [p for p in paths if p[0] == 0 or p[1:2] == ("payload",)]:
        value = copy.deepcopy(original)
        if kind == "events":
            value, path = [value[path[0]]], (0, *path[1:])
        if len(path) == 1 and kind == "events":
            continue
        for edge in EDGES:
            if edge == inf:
                continue
            at(value, path[:-1])[path[-1]] = edge
            assert passes(check, value) == oracle.is_valid(value), (path, edge)


@pytest.mark.parametrize("payload", samples.PAYLOADS)
def test_a_payload_of_two_kinds_at_once_fits_neither(payload: dict[str, Any]) -> None:
    for other in samples.PAYLOADS:
        event = samples.events()[0] | {"payload": other | payload}
        assert passes(trace_events, [event]) == (other is payload)


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("steps", 0, "children", 0, "kind"), "cook", "steps[0].children[0].kind: must be one of 'ingest_metadata'"),
        (("steps", 0, "retries"), True, "steps[0].retries: must be a number"),
        (("steps", 0, "retries"), 1.5, "steps[0].retries: must be a whole number"),
        (("steps", 0, "retries"), -1, "steps[0].retries: must not be negative"),
        (("steps", 0, "notes"), None, "steps[0].notes: must not be null: leave the key out"),
        (("steps",), [], "steps: must not be empty"),
        (("edges", 0, "from"), 1, "edges[0].from: must be a text"),
        (("run_context", "video_url"), "x", "run_context.video_url: must be a URI such as https://host/path"),
        (("extra",), 1, "extra: no such key is known here"),
    ],
)
def test_an_error_names_its_place(path: tuple[Any, ...], value: Any, line: str) -> None:
    graph = samples.graph()
    at(graph, path[:-1])[path[-1]] = value
    with pytest.raises(FaultsError) as caught:
        step_graph(graph)
    assert len(caught.value.lines) == 1
    assert caught.value.lines[0].startswith(line)


def test_an_error_in_a_payload_is_told_of_the_kind_that_is_meant() -> None:
    event = samples.events()[3]
    event["payload"]["sequence"] = "4"
    with pytest.raises(FaultsError) as caught:
        trace_events([event])
    assert caught.value.lines == ("[0].payload.sequence: must be a number",)


def test_every_error_is_told_up_to_a_limit() -> None:
    with pytest.raises(FaultsError) as caught:
        trace_events([1] * (MAX_ERRORS + 5))
    assert (len(caught.value.lines), caught.value.lines[-1]) == (MAX_ERRORS + 1, "and 5 more")


def test_a_long_key_does_not_flood_the_place() -> None:
    assert len(place(("x" * 10_000,))) == 200


def test_a_number_beyond_a_double_is_infinite_and_a_count() -> None:
    graph = samples.graph()
    for number in (10**400, inf, 1e308):
        graph["steps"][0]["retries"] = number
        assert passes(step_graph, graph)
    graph["steps"][0]["retries"] = -(10**400)
    assert not passes(step_graph, graph)


def test_steps_may_nest_as_deep_as_a_text_may() -> None:
    graph = samples.graph()
    for _ in range(190):
        graph["steps"] = [samples.STEP | {"children": graph["steps"]}]
    assert passes(step_graph, parse_json(json.dumps(graph).encode()).value)


@pytest.mark.parametrize("key", ["metadata", "execution_context", "run_observation", "annotations", "verdict"])
def test_a_review_needs_each_of_its_keys_and_nothing_of_them(key: str) -> None:
    names = ["metadata", "execution_context", "run_observation", "metric_scores", "annotations", "verdict"]
    review: dict[str, Any] = dict.fromkeys(names)
    review |= {"expected_outcomes": {"deliverables": [], "commands": [1], "more": 1}, "more": 1}
    assert passes(gold_review, review)
    del review[key]
    assert not passes(gold_review, review)


@pytest.mark.parametrize("outcomes", [None, [], {}, {"deliverables": []}, {"deliverables": [], "commands": {}}, "x"])
def test_expected_outcomes_hold_two_lists(outcomes: Any) -> None:
    names = ["metadata", "execution_context", "run_observation", "metric_scores", "annotations", "verdict"]
    assert not passes(gold_review, dict.fromkeys(names, 1) | {"expected_outcomes": outcomes})
